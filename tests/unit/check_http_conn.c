/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connections of the HTTP server and what its owner is asked before the body: who comes in, who left, and answers that
 * do not wait for what the client is still sending. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_lab.h"
#include "suite_run.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define REFUSED_EACH 3 /* of so many connections one is refused */

static char body[4096];
static atomic_uint came, let_in, closed, heads, requests, refusals;
static atomic_uint peer_port;

static bool on_connect(void *arg, const struct sockaddr *peer)
{
	(void)arg;
	ck_assert_int_eq(peer->sa_family, AF_INET);
	bool good = ++came % REFUSED_EACH;
	let_in += good;
	return good;
}

static void on_closed(void *arg, const struct sockaddr *peer)
{
	const struct sockaddr_in *at = (const struct sockaddr_in *)(const void *)peer;
	(void)arg;
	if (ntohl(at->sin_addr.s_addr) == INADDR_LOOPBACK && at->sin_port)
		closed++;
}

static bool is_for(struct http_request *r, const char *path)
{
	struct http_text at = http_request_head(r)->path;
	return at.n == strlen(path) && memcmp(at.p, path, at.n) == 0;
}

static void on_head(void *arg, struct http_request *r)
{
	(void)arg;
	heads++;
	if (is_for(r, "/no"))
		http_respond(r, &(struct http_reply){ .status = 401, .body = "no", .body_n = 2 });
	else
		http_request_set_owner(r, &heads);
}

static void on_request(void *arg, struct http_request *r)
{
	(void)arg;
	if (http_request_owner(r) == &heads)
		requests++;
	peer_port = ntohs(((const struct sockaddr_in *)(const void *)http_request_peer(r))->sin_port);
	http_lab_echo(r);
}

static void on_refused(void *arg, struct http_request *r, unsigned status, const char *detail)
{
	(void)arg, (void)detail;
	if (http_request_owner(r) == &heads)
		refusals++;
	http_respond(r, &(struct http_reply){ .status = status });
}

static void reset_counters(void)
{
	came = let_in = closed = heads = requests = refusals = peer_port = 0;
}

static void start_counting(unsigned connections)
{
	reset_counters();
	http_lab_start(&(struct http_server_options){
	    .connections = connections, .on_connect = on_connect, .on_closed = on_closed });
}

static void start_asking(void)
{
	reset_counters();
	http_lab_start(
	    &(struct http_server_options){ .on_head = on_head, .on_request = on_request, .on_refused = on_refused });
}

/* ---- who comes and goes ---- */

START_TEST(test_asks_who_may_connect)
{
	enum { CLIENTS = 40 };
	unsigned served = 0, left = 0;
	start_counting(100);
	for (unsigned i = 1; i <= CLIENTS; i++) {
		int fd = http_lab_dial();
		http_lab_say(fd, GET("/"));
		unsigned status = http_lab_hear(fd, body, sizeof body);
		ck_assert_uint_eq(status, i % REFUSED_EACH ? 200 : 0);
		served += status == 200;
		left += status == 0;
		close(fd);
	}
	ck_assert_uint_eq(left, CLIENTS / REFUSED_EACH);
	http_lab_until(&closed, served);
	http_lab_until(&http_lab.connections, 0);
	http_lab_stop();
	ck_assert_uint_eq(closed, served);
	ck_assert_uint_eq(let_in, served);
}
END_TEST

/* More clients than connections, and those that are left when the server is freed. */
START_TEST(test_each_connection_is_told_closed_once)
{
	enum { LIMIT = 4, CLIENTS = 15 };
	int fds[CLIENTS];
	unsigned status[CLIENTS], served = 0;
	start_counting(LIMIT);
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = http_lab_dial();
		http_lab_say(fds[i], GET("/"));
	}
	for (int i = 0; i < CLIENTS - 1; i++) {
		status[i] = http_lab_hear(fds[i], body, sizeof body);
		served += status[i] == 200;
		close(fds[i]);
	}
	ck_assert_uint_ge(served, (CLIENTS - 1) - (CLIENTS / REFUSED_EACH));
	http_lab_stop();
	ck_assert_uint_eq(closed, let_in);
	close(fds[CLIENTS - 1]);
}
END_TEST

START_TEST(test_tells_the_peer)
{
	struct sockaddr_in own;
	socklen_t n = sizeof own;
	start_asking();
	int fd = http_lab_dial();
	getsockname(fd, (struct sockaddr *)&own, &n);
	http_lab_say(fd, GET("/"));
	ck_assert_uint_eq(http_lab_hear(fd, body, sizeof body), 200);
	ck_assert_uint_eq(peer_port, ntohs(own.sin_port));
	close(fd);
	http_lab_stop();
}
END_TEST

/* ---- before the body ---- */

START_TEST(test_on_head_runs_once_before_each_request)
{
	start_asking();
	int fd = http_lab_dial();
	for (int i = 0; i < 3; i++) {
		http_lab_say(fd, GET("/a"));
		ck_assert_uint_eq(http_lab_hear(fd, body, sizeof body), 200);
		http_lab_say(fd, "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
		ck_assert_uint_eq(http_lab_hear(fd, body, sizeof body), 200);
		ck_assert_str_eq(body, "abc");
	}
	ck_assert_uint_eq(heads, 6);
	ck_assert_uint_eq(requests, 6);
	close(fd);
	http_lab_stop();
}
END_TEST

START_TEST(test_on_head_answers_without_closing_when_there_is_no_body)
{
	start_asking();
	int fd = http_lab_dial();
	for (int i = 0; i < 3; i++) {
		http_lab_say(fd, GET("/no"));
		ck_assert_uint_eq(http_lab_hear(fd, body, sizeof body), 401);
		http_lab_say(fd, "POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
		ck_assert_uint_eq(http_lab_hear(fd, body, sizeof body), 401);
	}
	ck_assert_uint_eq(requests, 0);
	close(fd);
	http_lab_stop();
}
END_TEST

static const struct {
	const char *head; /* of a POST to /no */
	size_t sent;      /* of its body, before the answer is read */
} early[] = {
	{ "Content-Length: 1000\r\n", 0 },          { "Content-Length: 1000\r\n", 999 },
	{ "Content-Length: 1000000\r\n", 1000000 }, { "Content-Length: 4000000\r\n", 4000000 },
	{ "Content-Length: 2000000000\r\n", 0 },    { "Content-Length: 10\r\nExpect: 100-continue\r\n", 0 },
	{ "Transfer-Encoding: chunked\r\n", 0 },
};

/* The client has its answer, whole, and then an orderly end: also one that sends on before it reads. */
START_TEST(test_on_head_answers_before_the_body)
{
	char head[200], c;
	static char waste[65536];
	start_asking();
	int fd = http_lab_dial();
	snprintf(head, sizeof head, "POST /no HTTP/1.1\r\nHost: a\r\n%s\r\n", early[_i].head);
	http_lab_say(fd, head);
	for (size_t sent = 0; sent < early[_i].sent;) {
		size_t n = early[_i].sent - sent < sizeof waste ? early[_i].sent - sent : sizeof waste;
		ssize_t done = send(fd, waste, n, MSG_NOSIGNAL);
		ck_assert_msg(done > 0, "the connection was lost after %zu bytes: %s", sent, strerror(errno));
		sent += (size_t)done;
	}
	ck_assert_uint_eq(http_lab_hear(fd, body, sizeof body), 401);
	ck_assert_str_eq(body, "no");
	ck_assert_int_eq(recv(fd, &c, 1, 0), 0);
	ck_assert_uint_eq(heads, 1);
	ck_assert_uint_eq(requests, 0);
	close(fd);
	http_lab_stop();
}
END_TEST

/* Too many at once, or for too long, are closed the hard way: nobody holds sockets for longer than that. */
START_TEST(test_lingering_is_bounded)
{
	enum { CLIENTS = 60 };
	int fds[CLIENTS];
	start_asking();
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = http_lab_dial();
		http_lab_say(fds[i], "POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
		ck_assert_uint_eq(http_lab_hear(fds[i], body, sizeof body), 401);
	}
	http_lab_until(&http_lab.connections, 0);
	for (int i = 0; i < CLIENTS; i++)
		ck_assert(http_lab_at_end(fds[i]));
	http_lab_stop();
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
}
END_TEST

START_TEST(test_tells_of_a_client_that_leaves_in_its_body)
{
	start_asking();
	int fd = http_lab_dial(), never = http_lab_dial();
	http_lab_say(fd, "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na");
	http_lab_say(never, "POST /b HTTP/1.1\r\nHost: a\r\n");
	http_lab_until(&heads, 1);
	close(fd);
	close(never);
	http_lab_until(&http_lab.gone, 1);
	http_lab_until(&http_lab.connections, 0);
	http_lab_stop();
	ck_assert_uint_eq(http_lab.gone, 1);
}
END_TEST

/* What on_head has seen may be refused later; then it has its owner. */
START_TEST(test_refuses_a_body_after_on_head)
{
	char head[120];
	start_asking();
	int fd = http_lab_dial();
	snprintf(head, sizeof head, "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n",
		 HTTP_LAB_BODY_LIMIT + 1);
	http_lab_say(fd, head);
	for (int i = 0; i <= HTTP_LAB_BODY_LIMIT; i++)
		body[i % 4096] = 'x';
	for (int i = 0; i < HTTP_LAB_BODY_LIMIT / 4096; i++)
		http_lab_say_n(fd, body, 4096);
	http_lab_say(fd, "x");
	ck_assert_uint_eq(http_lab_hear(fd, body, sizeof body), 413);
	ck_assert_uint_eq(refusals, 1);
	ck_assert_uint_eq(requests, 0);
	close(fd);
	http_lab_stop();
	ck_assert_uint_eq(http_lab.gone, 0);
}
END_TEST

/* ---- the end of a client ---- */

static const struct {
	const char *says;
	unsigned answers;
} last_words[] = {
	{ "", 0 },
	{ "GET / HTTP/1.1\r\nHo", 0 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345", 0 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12", 0 },
	{ GET("/"), 1 },
	{ GET("/") GET("/"), 2 },
};

struct last_word {
	int fd;
	const char *says;
};

/* On the server's thread, so that it finds both at once. */
static void say_and_end(void *arg)
{
	const struct last_word *w = arg;
	http_lab_say(w->fd, w->says);
	ck_assert_int_eq(shutdown(w->fd, SHUT_WR), 0);
}

/* The end that comes together with the last bytes is noticed like any other, at the first request and at a later one.
 */
START_TEST(test_notices_an_end_that_comes_with_the_last_bytes)
{
	for (int later = 0; later < 2; later++) {
		http_lab_start(&(struct http_server_options){
		    .head_s = 60, .body_s = 60, .idle_s = 60, .on_request = on_request });
		struct last_word w = { http_lab_dial(), last_words[_i].says };
		if (later) {
			http_lab_say(w.fd, GET("/"));
			ck_assert_uint_eq(http_lab_hear(w.fd, body, sizeof body), 200);
		}
		http_lab_until(&http_lab.connections, 1);
		http_lab_call(say_and_end, &w);
		for (unsigned i = 0; i < last_words[_i].answers; i++)
			ck_assert_uint_eq(http_lab_hear(w.fd, body, sizeof body), 200);
		ck_assert(http_lab_at_end(w.fd));
		http_lab_until(&http_lab.connections, 0);
		close(w.fd);
		http_lab_stop();
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http_conn");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	tcase_add_test(core, test_asks_who_may_connect);
	tcase_add_test(core, test_tells_the_peer);
	tcase_add_test(core, test_on_head_runs_once_before_each_request);
	tcase_add_test(core, test_on_head_answers_without_closing_when_there_is_no_body);
	tcase_add_loop_test(core, test_on_head_answers_before_the_body, 0, (int)(sizeof early / sizeof *early));
	tcase_add_test(limits, test_each_connection_is_told_closed_once);
	tcase_add_test(limits, test_lingering_is_bounded);
	tcase_add_test(faults, test_tells_of_a_client_that_leaves_in_its_body);
	tcase_add_test(faults, test_refuses_a_body_after_on_head);
	tcase_add_loop_test(faults, test_notices_an_end_that_comes_with_the_last_bytes, 0,
			    (int)(sizeof last_words / sizeof *last_words));
	tcase_set_timeout(core, 60);
	tcase_set_timeout(limits, 60);
	tcase_set_timeout(faults, 60);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
