/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The HTTP server on a loop in a thread of its own, asked by plain sockets: answers at once and later, pipelining,
 * bodies, refusals, clients that leave, late clients, draining. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "config.h"
#include "http_server.h"
#include "listener.h"

#define HEAD_LIMIT 8192
#define BODY_LIMIT 65536
#define SWALLOWED CONFIG_BODY_SWALLOW_BYTES /* beyond the body limit, the connection survives up to this */
#define DEADLINE_MS 10000

/* ---- a service of three paths: /now echoes the body, /later does so 20 ms later, /never parks and watches ---- */

static struct {
	uv_loop_t loop;
	uv_prepare_t prepare;
	uv_async_t stop, drain;
	struct http_server *http;
	pthread_t thread;
	unsigned port;
	atomic_uint gone, parked, connections;
} service;

struct later {
	uv_timer_t timer;
	struct http_request *request;
};

static void echo(struct http_request *r)
{
	struct http_reply reply = { .status = 200, .n_headers = 1, .headers = { { "X-Test", "yes" } } };
	reply.body = http_request_body(r, &reply.body_n);
	http_respond(r, &reply);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_later(uv_timer_t *timer)
{
	struct later *l = timer->data;
	if (l->request)
		echo(l->request);
	uv_close((uv_handle_t *)timer, on_closed);
}

static void on_watch_later(uv_timer_t *timer)
{
	struct later *l = timer->data;
	http_request_watch(l->request);
	service.parked++;
	uv_close((uv_handle_t *)timer, on_closed);
}

static void in_ms(struct http_request *r, uint64_t ms, uv_timer_cb cb)
{
	struct later *l = calloc(1, sizeof *l);
	l->request = r;
	l->timer.data = l;
	uv_timer_init(&service.loop, &l->timer);
	uv_timer_start(&l->timer, cb, ms, 0);
}

static void on_request(void *arg, struct http_request *r)
{
	struct http_text path = http_request_head(r)->path;
	(void)arg;
	if (path.n == 6 && memcmp(path.p, "/later", 6) == 0)
		in_ms(r, 20, on_later);
	else if (path.n == 6 && memcmp(path.p, "/never", 6) == 0)
		in_ms(r, 0, on_watch_later);
	else
		echo(r);
}

static void on_refused(void *arg, struct http_request *r, unsigned status, const char *detail)
{
	(void)arg;
	http_respond(r, &(struct http_reply){ .status = status, .body = detail, .body_n = strlen(detail) });
}

static void on_gone(void *arg, struct http_request *r)
{
	(void)arg, (void)r;
	service.gone++;
}

static void on_prepare(uv_prepare_t *prepare)
{
	(void)prepare;
	http_server_turn(service.http);
	http_server_arm(service.http);
	service.connections = http_server_connections(service.http);
}

static void on_stop(uv_async_t *stop)
{
	http_server_free(service.http);
	uv_close((uv_handle_t *)stop, NULL);
	uv_close((uv_handle_t *)&service.drain, NULL);
	uv_close((uv_handle_t *)&service.prepare, NULL);
}

static void on_drain(uv_async_t *drain)
{
	(void)drain;
	http_server_drain(service.http);
}

static void *run(void *arg)
{
	(void)arg;
	uv_run(&service.loop, UV_RUN_DEFAULT);
	return NULL;
}

static void start(unsigned connections, unsigned head_s, unsigned body_s)
{
	struct errinfo info;
	int fd;
	memset(&service, 0, sizeof service);
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&service.loop);
	ck_assert_int_eq(listener_open("127.0.0.1", &service.port, &fd, 1, &info), 0);
	const struct http_server_options options = { .listen_fd = fd,
						     .connections = connections,
						     .head_limit = HEAD_LIMIT,
						     .body_limit = BODY_LIMIT,
						     .head_s = head_s,
						     .body_s = body_s,
						     .idle_s = 30,
						     .on_request = on_request,
						     .on_refused = on_refused,
						     .on_gone = on_gone };
	service.http = http_server_new(&service.loop, &options, &info);
	ck_assert_msg(service.http != NULL, "%s", info.text);
	uv_async_init(&service.loop, &service.stop, on_stop);
	uv_async_init(&service.loop, &service.drain, on_drain);
	uv_prepare_init(&service.loop, &service.prepare);
	uv_prepare_start(&service.prepare, on_prepare);
	pthread_create(&service.thread, NULL, run, NULL);
}

static void stop(void)
{
	uv_async_send(&service.stop);
	pthread_join(service.thread, NULL);
	ck_assert_int_eq(uv_loop_close(&service.loop), 0);
}

/* ---- a client ---- */

static int dial(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)service.port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct timeval patience = { DEADLINE_MS / 1000, 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	return fd;
}

static void say_n(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
		if (sent <= 0)
			return; /* closed by the server: what it answered is read next */
		p += sent;
		n -= (size_t)sent;
	}
}

static void say(int fd, const char *text)
{
	say_n(fd, text, strlen(text));
}

/* Reads one answer. Its status; the body in out, zero-terminated. 0 when the connection ends first. */
static unsigned hear(int fd, char *out, size_t size)
{
	char text[4096];
	size_t n = 0, length = 0;
	unsigned status = 0;
	while (n < 4 || memcmp(text + n - 4, "\r\n\r\n", 4) != 0)
		if (n + 1 >= sizeof text || recv(fd, text + n++, 1, 0) != 1)
			return 0;
	text[n] = '\0';
	ck_assert_int_eq(sscanf(text, "HTTP/1.1 %u", &status), 1);
	if (status == 100)
		return hear(fd, out, size);
	char *header = strstr(text, "Content-Length: ");
	ck_assert_ptr_nonnull(header);
	length = strtoul(header + 16, NULL, 10);
	ck_assert_uint_lt(length, size);
	for (n = 0; n < length;) {
		ssize_t got = recv(fd, out + n, length - n, 0);
		if (got <= 0)
			return 0;
		n += (size_t)got;
	}
	out[n] = '\0';
	return status;
}

static bool at_end(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, 0);
	return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* Until the server's thread has done something; no sleep of ours is a part of what is tested. */
static void until(atomic_uint *value, unsigned expected)
{
	uint64_t end_us = clock_mono_us() + DEADLINE_MS * 1000;
	while (*value != expected && clock_mono_us() < end_us)
		sched_yield();
	ck_assert_uint_eq(*value, expected);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
static char body[BODY_LIMIT * 2];

/* ---- tests ---- */

START_TEST(test_answers_at_once_and_later)
{
	start(100, 5, 5);
	int fd = dial();
	for (int i = 0; i < 50; i++) {
		say(fd, "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
		ck_assert_uint_eq(hear(fd, body, sizeof body), 200);
		ck_assert_str_eq(body, "abc");
		say(fd, "POST /later HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
			"chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n");
		ck_assert_uint_eq(hear(fd, body, sizeof body), 200);
		ck_assert_str_eq(body, "def");
	}
	close(fd);
	until(&service.connections, 0);
	stop();
}
END_TEST

START_TEST(test_answers_pipelined_requests_in_order)
{
	char text[4000] = "";
	start(100, 5, 5);
	int fd = dial();
	for (int i = 0; i < 12; i++) {
		size_t n = strlen(text);
		snprintf(text + n, sizeof text - n, "POST /%s HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n%02d",
			 i % 3 ? "now" : "later", i);
	}
	say(fd, text);
	for (int i = 0; i < 12; i++) {
		ck_assert_uint_eq(hear(fd, body, sizeof body), 200);
		ck_assert_int_eq(atoi(body), i);
	}
	close(fd);
	stop();
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
		int fd = dial();
		snprintf(head, sizeof head, "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", cases[i].n);
		say(fd, head);
		if (cases[i].survives)
			say_n(fd, big, cases[i].n);
		ck_assert_uint_eq(hear(fd, body, sizeof body), cases[i].status);
		if (cases[i].survives) {
			say(fd, GET("/now"));
			ck_assert_uint_eq(hear(fd, body, sizeof body), 200);
		} else {
			ck_assert(at_end(fd));
		}
		close(fd);
	}
	stop();
}
END_TEST

/* Who asks before sending is told before sending. */
START_TEST(test_refuses_a_body_before_it_is_sent)
{
	char head[120];
	start(100, 5, 5);
	int fd = dial();
	snprintf(head, sizeof head,
		 "POST /now HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", BODY_LIMIT + 1);
	say(fd, head);
	ck_assert_uint_eq(hear(fd, body, sizeof body), 413);
	ck_assert(at_end(fd));
	close(fd);
	stop();
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
		int fd = dial();
		say(fd, "POST /now HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
		for (unsigned i = 0; i < chunks; i++) {
			say(fd, "4000\r\n");
			say_n(fd, chunk, sizeof chunk);
			say(fd, "\r\n");
		}
		if (chunks <= most) {
			say(fd, "0\r\n\r\n");
			ck_assert_uint_eq(hear(fd, body, sizeof body), chunks == 4 ? 200 : 413);
			ck_assert(chunks != 4 || strlen(body) == BODY_LIMIT);
		} else { /* past what is swallowed there is no answer any more, only an end */
			ck_assert(at_end(fd));
		}
		close(fd);
	}
	stop();
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
	{ "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "POST /now HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 3\r\n\r\nabc", 417 },
};

/* The request behind a refused one must never be answered: that is what smuggling lives on. */
START_TEST(test_refuses_and_closes)
{
	start(100, 5, 5);
	int fd = dial();
	say(fd, refused[_i].text);
	say(fd, GET("/now"));
	ck_assert_uint_eq(hear(fd, body, sizeof body), refused[_i].status);
	ck_assert(at_end(fd));
	close(fd);
	stop();
}
END_TEST

START_TEST(test_takes_heads_up_to_the_limit)
{
	static char text[HEAD_LIMIT + 3000];
	start(100, 5, 5);
	for (int lines = 1; lines <= 90; lines += 89)
		for (size_t n = HEAD_LIMIT; n <= HEAD_LIMIT + 1; n++) {
			int fd = dial();
			size_t len = (size_t)snprintf(text, sizeof text, "GET /now HTTP/1.1\r\nHost: a\r\n");
			for (int i = 1; i < lines; i++)
				len += (size_t)snprintf(text + len, sizeof text - len, "X-%02d: 1\r\n", i);
			len += (size_t)snprintf(text + len, sizeof text - len, "X: ");
			memset(text + len, 'a', n - len - 4);
			memcpy(text + n - 4, "\r\n\r\n", 5);
			say(fd, text);
			ck_assert_uint_eq(hear(fd, body, sizeof body), n <= HEAD_LIMIT ? 200 : 431);
			close(fd);
		}
	stop();
}
END_TEST

START_TEST(test_notices_a_client_that_leaves)
{
	const struct linger at_once = { 1, 0 };
	start(100, 5, 5);
	int orderly = dial(), reset = dial(), stays = dial();
	say(orderly, GET("/never"));
	say(reset, GET("/never"));
	say(stays, GET("/never"));
	until(&service.parked, 3);
	close(orderly);
	until(&service.gone, 1);
	setsockopt(reset, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(reset);
	until(&service.gone, 2);
	until(&service.connections, 1);
	stop(); /* which tells of the third */
	ck_assert_uint_eq(service.gone, 3);
	ck_assert(at_end(stays));
	close(stays);
}
END_TEST

/* One byte now and then keeps nobody's connection: neither in the head nor in the body. */
START_TEST(test_closes_late_clients)
{
	start(100, 1, 1);
	int head = dial(), content = dial(), silent = dial();
	struct timeval tick = { 0, 50000 };
	bool head_open = true, content_open = true;
	say(content, "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
	setsockopt(head, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick);
	setsockopt(content, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick);
	uint64_t end_us = clock_mono_us() + DEADLINE_MS * 1000;
	while ((head_open || content_open) && clock_mono_us() < end_us) {
		say(head, "x");
		say(content, "x");
		head_open = head_open && !at_end(head);
		content_open = content_open && !at_end(content);
	}
	ck_assert(!head_open && !content_open);
	ck_assert(at_end(silent));
	close(head);
	close(content);
	close(silent);
	stop();
}
END_TEST

/* At the limit the others wait in the backlog, and get their turn when one leaves. */
START_TEST(test_serves_more_clients_than_connections)
{
	enum { LIMIT = 4, CLIENTS = 12 };
	int fds[CLIENTS];
	start(LIMIT, 5, 5);
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = dial();
		say(fds[i], GET("/later"));
	}
	for (int i = 0; i < CLIENTS; i++) {
		ck_assert_uint_eq(hear(fds[i], body, sizeof body), 200);
		close(fds[i]);
	}
	stop();
}
END_TEST

START_TEST(test_drain_ends_idle_connections_and_answers_the_rest)
{
	start(100, 5, 5);
	int idle = dial(), busy = dial();
	say(idle, GET("/now"));
	ck_assert_uint_eq(hear(idle, body, sizeof body), 200);
	say(busy, "POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
	until(&service.connections, 2);
	uv_async_send(&service.drain);
	ck_assert(at_end(idle));
	say(busy, "ok");
	ck_assert_uint_eq(hear(busy, body, sizeof body), 200);
	ck_assert_str_eq(body, "ok");
	ck_assert(at_end(busy));
	until(&service.connections, 0);
	close(idle);
	close(busy);
	stop();
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
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
