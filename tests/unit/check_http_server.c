/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The HTTP server on a loop in a thread of its own, asked by plain sockets: answers at once and later, pipelining,
 * bodies, refusals, clients that leave, late clients, draining. */
#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "config.h"
#include "http_lab.h"
#include "suite_run.h"

#define HEAD_LIMIT HTTP_LAB_HEAD_LIMIT
#define BODY_LIMIT HTTP_LAB_BODY_LIMIT
#define SWALLOWED CONFIG_BODY_SWALLOW_BYTES /* beyond the body limit, the connection survives up to this */
#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static char body[BODY_LIMIT * 2];

/* ---- a service of three paths: /now echoes the body, /later does so 20 ms later, /never parks and watches ---- */

static atomic_uint parked;

struct later {
	uv_timer_t timer;
	struct http_request *request;
};

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_later(uv_timer_t *timer)
{
	struct later *l = timer->data;
	http_lab_echo(l->request);
	uv_close((uv_handle_t *)timer, on_timer_closed);
}

static void on_watch_later(uv_timer_t *timer)
{
	struct later *l = timer->data;
	http_request_watch(l->request);
	parked++;
	uv_close((uv_handle_t *)timer, on_timer_closed);
}

static void in_ms(struct http_request *r, uint64_t ms, uv_timer_cb cb)
{
	struct later *l = calloc(1, sizeof *l);
	l->request = r;
	l->timer.data = l;
	uv_timer_init(&http_lab.loop, &l->timer);
	uv_timer_start(&l->timer, cb, ms, 0);
}

static bool is_for(struct http_request *r, const char *path)
{
	struct http_text at = http_request_head(r)->path;
	return at.n == strlen(path) && memcmp(at.p, path, at.n) == 0;
}

static void on_request(void *arg, struct http_request *r)
{
	(void)arg;
	if (is_for(r, "/later"))
		in_ms(r, 20, on_later);
	else if (is_for(r, "/never"))
		in_ms(r, 0, on_watch_later);
	else
		http_lab_echo(r);
}

static void start(unsigned connections, unsigned head_s, unsigned body_s)
{
	parked = 0;
	http_lab_start(&(struct http_server_options){
	    .connections = connections, .head_s = head_s, .body_s = body_s, .on_request = on_request });
}

/* ---- tests ---- */

START_TEST(test_answers_at_once_and_later)
{
	start(100, 5, 5);
	int fd = http_lab_dial();
	for (int i = 0; i < 50; i++) {
		http_lab_say(fd, "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
		ck_assert_uint_eq(http_lab_hear(fd, body, sizeof body), 200);
		ck_assert_str_eq(body, "abc");
		http_lab_say(fd, "POST /later HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
				 "chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n");
		ck_assert_uint_eq(http_lab_hear(fd, body, sizeof body), 200);
		ck_assert_str_eq(body, "def");
	}
	close(fd);
	http_lab_until(&http_lab.connections, 0);
	http_lab_stop();
}
END_TEST

START_TEST(test_answers_pipelined_requests_in_order)
{
	char text[4000] = "";
	start(100, 5, 5);
	int fd = http_lab_dial();
	for (int i = 0; i < 12; i++) {
		size_t n = strlen(text);
		snprintf(text + n, sizeof text - n, "POST /%s HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n%02d",
			 i % 3 ? "now" : "later", i);
	}
	http_lab_say(fd, text);
	for (int i = 0; i < 12; i++) {
		ck_assert_uint_eq(http_lab_hear(fd, body, sizeof body), 200);
		ck_assert_int_eq(atoi(body), i);
	}
	close(fd);
	http_lab_stop();
}
END_TEST

START_TEST(test_takes_bodies_up_to_the_limit)
{
	static char big[BODY_LIMIT + SWALLOWED + 4096];
	const struct {
		size_t n;
		unsigned status;
		bool survives;
	} cases[] = { { BODY_LIMIT, 200, true },
		      { BODY_LIMIT + 1, 413, true },
		      { BODY_LIMIT + SWALLOWED, 413, true },
		      { BODY_LIMIT + SWALLOWED + 1, 413, false } };
	memset(big, 'x', sizeof big);
	start(100, 5, 5);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char head[100];
		int fd = http_lab_dial();
		snprintf(head, sizeof head, "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", cases[i].n);
		http_lab_say(fd, head);
		if (cases[i].survives)
			http_lab_say_n(fd, big, cases[i].n);
		ck_assert_uint_eq(http_lab_hear(fd, body, sizeof body), cases[i].status);
		if (cases[i].survives) {
			http_lab_say(fd, GET("/now"));
			ck_assert_uint_eq(http_lab_hear(fd, body, sizeof body), 200);
		} else {
			ck_assert(http_lab_at_end(fd));
		}
		close(fd);
	}
	http_lab_stop();
}
END_TEST

/* Who asks before sending is told before sending. */
START_TEST(test_refuses_a_body_before_it_is_sent)
{
	char head[120];
	start(100, 5, 5);
	int fd = http_lab_dial();
	snprintf(head, sizeof head,
		 "POST /now HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", BODY_LIMIT + 1);
	http_lab_say(fd, head);
	ck_assert_uint_eq(http_lab_hear(fd, body, sizeof body), 413);
	ck_assert(http_lab_at_end(fd));
	close(fd);
	http_lab_stop();
}
END_TEST

START_TEST(test_swallows_a_chunked_body_that_is_too_long)
{
	static char chunk[16384];
	memset(chunk, 'x', sizeof chunk);
	start(100, 5, 5);
	const unsigned most = (BODY_LIMIT + SWALLOWED) / sizeof chunk, cases[] = { 4, 5, most, most + 1 };
	ck_assert_uint_eq(4 * sizeof chunk, BODY_LIMIT);
	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
		unsigned chunks = cases[c];
		int fd = http_lab_dial();
		http_lab_say(fd, "POST /now HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
		for (unsigned i = 0; i < chunks; i++) {
			http_lab_say(fd, "4000\r\n");
			http_lab_say_n(fd, chunk, sizeof chunk);
			http_lab_say(fd, "\r\n");
		}
		if (chunks <= most) {
			http_lab_say(fd, "0\r\n\r\n");
			ck_assert_uint_eq(http_lab_hear(fd, body, sizeof body), chunks == 4 ? 200 : 413);
			ck_assert(chunks != 4 || strlen(body) == BODY_LIMIT);
		} else { /* past what is swallowed there is no answer any more, only an end */
			ck_assert(http_lab_at_end(fd));
		}
		close(fd);
	}
	http_lab_stop();
}
END_TEST

static const struct {
	const char *text;
	unsigned status;
} refused[] = {
	{ "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
	{ "POST /now HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400 },
	{ "POST /now HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	  400 },
	{ "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400 },
	{ "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 30\r\n\r\nabc", 400 },
	{ "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc", 400 },
	{ "POST /now HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 400 },
	/* These the library refuses before it asks, and twice. */
	{ "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400 },
	{ "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400 },
	{ "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 3 \r\n\r\nabc", 400 },
	{ "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\nabc", 400 },
	/* This one it takes for a body without an end. */
	{ "POST /now HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked \r\n\r\n3\r\nabc\r\n0\r\n\r\n", 400 },
	{ "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "POST /now HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 3\r\n\r\nabc", 417 },
};

/* The request behind a refused one must never be answered: that is what smuggling lives on. */
START_TEST(test_refuses_and_closes)
{
	start(100, 5, 5);
	int fd = http_lab_dial();
	http_lab_say(fd, refused[_i].text);
	http_lab_say(fd, GET("/now"));
	ck_assert_uint_eq(http_lab_hear(fd, body, sizeof body), refused[_i].status);
	ck_assert(http_lab_at_end(fd));
	close(fd);
	http_lab_stop();
}
END_TEST

/* Each takes some of the library's pool, which ends long before the limit of the head. */
START_TEST(test_refuses_more_cookies_than_fit)
{
	static char text[HEAD_LIMIT];
	size_t len = (size_t)snprintf(text, sizeof text, "GET /now HTTP/1.1\r\nHost: a\r\nCookie: ");
	start(100, 5, 5);
	for (int i = 0; i < 2000; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "a; ");
	snprintf(text + len, sizeof text - len, "\r\n\r\n");
	int fd = http_lab_dial();
	http_lab_say(fd, text);
	http_lab_say(fd, GET("/now"));
	ck_assert_uint_eq(http_lab_hear(fd, body, sizeof body), 431);
	ck_assert_msg(strstr(body, "cookies") != NULL, "%s", body);
	ck_assert(http_lab_at_end(fd));
	close(fd);
	http_lab_stop();
}
END_TEST

START_TEST(test_takes_heads_up_to_the_limit)
{
	static char text[HEAD_LIMIT + 3000];
	start(100, 5, 5);
	for (int lines = 1; lines <= 90; lines += 89)
		for (size_t n = HEAD_LIMIT; n <= HEAD_LIMIT + 1; n++) {
			int fd = http_lab_dial();
			size_t len = (size_t)snprintf(text, sizeof text, "GET /now HTTP/1.1\r\nHost: a\r\n");
			for (int i = 1; i < lines; i++)
				len += (size_t)snprintf(text + len, sizeof text - len, "X-%02d: 1\r\n", i);
			len += (size_t)snprintf(text + len, sizeof text - len, "X: ");
			memset(text + len, 'a', n - len - 4);
			memcpy(text + n - 4, "\r\n\r\n", 5);
			http_lab_say(fd, text);
			ck_assert_uint_eq(http_lab_hear(fd, body, sizeof body), n <= HEAD_LIMIT ? 200 : 431);
			close(fd);
		}
	http_lab_stop();
}
END_TEST

START_TEST(test_notices_a_client_that_leaves)
{
	const struct linger at_once = { 1, 0 };
	start(100, 5, 5);
	int orderly = http_lab_dial(), reset = http_lab_dial(), stays = http_lab_dial();
	http_lab_say(orderly, GET("/never"));
	http_lab_say(reset, GET("/never"));
	http_lab_say(stays, GET("/never"));
	http_lab_until(&parked, 3);
	close(orderly);
	http_lab_until(&http_lab.gone, 1);
	setsockopt(reset, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(reset);
	http_lab_until(&http_lab.gone, 2);
	http_lab_until(&http_lab.connections, 1);
	http_lab_stop(); /* which tells of the third */
	ck_assert_uint_eq(http_lab.gone, 3);
	ck_assert(http_lab_at_end(stays));
	close(stays);
}
END_TEST

/* One byte now and then keeps nobody's connection: neither in the head nor in the body. */
START_TEST(test_closes_late_clients)
{
	start(100, 1, 1);
	int head = http_lab_dial(), content = http_lab_dial(), silent = http_lab_dial();
	struct timeval tick = { 0, 50000 };
	bool head_open = true, content_open = true;
	http_lab_say(content, "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
	setsockopt(head, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick);
	setsockopt(content, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick);
	uint64_t end_us = clock_mono_us() + HTTP_LAB_DEADLINE_MS * 1000;
	while ((head_open || content_open) && clock_mono_us() < end_us) {
		http_lab_say(head, "x");
		http_lab_say(content, "x");
		head_open = head_open && !http_lab_at_end(head);
		content_open = content_open && !http_lab_at_end(content);
	}
	ck_assert(!head_open && !content_open);
	ck_assert(http_lab_at_end(silent));
	close(head);
	close(content);
	close(silent);
	http_lab_stop();
}
END_TEST

/* At the limit the others wait in the backlog, and get their turn when one leaves. */
START_TEST(test_serves_more_clients_than_connections)
{
	enum { LIMIT = 4, CLIENTS = 12 };
	int fds[CLIENTS];
	start(LIMIT, 5, 5);
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = http_lab_dial();
		http_lab_say(fds[i], GET("/later"));
	}
	for (int i = 0; i < CLIENTS; i++) {
		ck_assert_uint_eq(http_lab_hear(fds[i], body, sizeof body), 200);
		close(fds[i]);
	}
	http_lab_stop();
}
END_TEST

START_TEST(test_drain_ends_idle_connections_and_answers_the_rest)
{
	start(100, 5, 5);
	int idle = http_lab_dial(), busy = http_lab_dial();
	http_lab_say(idle, GET("/now"));
	ck_assert_uint_eq(http_lab_hear(idle, body, sizeof body), 200);
	http_lab_say(busy, "POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
	http_lab_until(&http_lab.connections, 2);
	http_lab_drain();
	ck_assert(http_lab_at_end(idle));
	http_lab_say(busy, "ok");
	ck_assert_uint_eq(http_lab_hear(busy, body, sizeof body), 200);
	ck_assert_str_eq(body, "ok");
	ck_assert(http_lab_at_end(busy));
	http_lab_until(&http_lab.connections, 0);
	close(idle);
	close(busy);
	http_lab_stop();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http_server");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	tcase_add_test(core, test_answers_at_once_and_later);
	tcase_add_test(core, test_answers_pipelined_requests_in_order);
	tcase_add_test(core, test_drain_ends_idle_connections_and_answers_the_rest);
	tcase_add_test(limits, test_takes_bodies_up_to_the_limit);
	tcase_add_test(limits, test_refuses_a_body_before_it_is_sent);
	tcase_add_test(limits, test_swallows_a_chunked_body_that_is_too_long);
	tcase_add_test(limits, test_takes_heads_up_to_the_limit);
	tcase_add_test(limits, test_refuses_more_cookies_than_fit);
	tcase_add_test(limits, test_serves_more_clients_than_connections);
	tcase_add_loop_test(faults, test_refuses_and_closes, 0, (int)(sizeof refused / sizeof *refused));
	tcase_add_test(faults, test_notices_a_client_that_leaves);
	tcase_add_test(faults, test_closes_late_clients);
	tcase_set_timeout(core, 60);
	tcase_set_timeout(limits, 60);
	tcase_set_timeout(faults, 60);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
