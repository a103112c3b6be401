/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers that go on: pieces leave when they are written, one by one; clients that leave, do not read, or ask for the
 * head alone; the end of a stream and of the server. */
#include <check.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_internal.h"
#include "http_lab.h"
#include "suite_run.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define HELLO "hello\n"
#define STREAMS 64
#define LARGE (32u << 20) /* more than any socket takes */

/* ---- a service where every path but /now is a stream; /later begins after 20 ms ---- */

static struct http_request *streams[STREAMS]; /* the server's thread */
static atomic_uint begun;

static void begin(struct http_request *r)
{
	const struct http_reply reply = { .status = 200,
					  .body = HELLO,
					  .body_n = sizeof HELLO - 1,
					  .n_headers = 1,
					  .headers = { { "Content-Type", "text/event-stream" } } };
	ck_assert_int_eq(http_stream_begin(r, &reply), 0);
	streams[begun] = r;
	begun++;
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle);
}

static void on_later(uv_timer_t *timer)
{
	begin(timer->data);
	uv_close((uv_handle_t *)timer, on_timer_closed);
}

static void on_request(void *arg, struct http_request *r)
{
	struct http_text path = http_request_head(r)->path;
	(void)arg;
	if (path.n == 4) {
		http_lab_echo(r);
	} else if (path.n == 6) {
		uv_timer_t *timer = malloc(sizeof *timer);
		timer->data = r;
		uv_timer_init(&http_lab.loop, timer);
		uv_timer_start(timer, on_later, 20, 0);
	} else {
		begin(r);
	}
}

static void on_gone(void *arg, struct http_request *r)
{
	(void)arg;
	for (int i = 0; i < STREAMS; i++)
		if (streams[i] == r)
			streams[i] = NULL;
	http_lab.gone++;
}

static void start(unsigned body_s)
{
	memset(streams, 0, sizeof streams);
	begun = 0;
	http_lab_start(&(struct http_server_options){ .body_s = body_s, .on_request = on_request, .on_gone = on_gone });
}

struct piece {
	unsigned no;
	const char *data;
	size_t n;
	int rc;
	size_t waiting;
};

static void on_write(void *arg)
{
	struct piece *p = arg;
	p->rc = http_stream_write(streams[p->no], p->data, p->n);
	p->waiting = http_stream_waiting(streams[p->no]);
}

static int write_n(unsigned no, const char *data, size_t n)
{
	struct piece p = { no, data, n, 0, 0 };
	http_lab_call(on_write, &p);
	return p.rc;
}

static int write_text(unsigned no, const char *text)
{
	return write_n(no, text, strlen(text));
}

static void on_end(void *arg)
{
	unsigned no = *(unsigned *)arg;
	http_stream_end(streams[no]);
	streams[no] = NULL;
}

static void end(unsigned no)
{
	http_lab_call(on_end, &no);
}

/* ---- a client ---- */

static char head[2000], text[400000];

static void hear_exactly(int fd, const char *expected)
{
	size_t n = strlen(expected), got = 0;
	char in[200];
	while (got < n) {
		ssize_t more = recv(fd, in + got, n - got, 0);
		ck_assert_msg(more > 0, "expected %s, got %.*s and the end", expected, (int)got, in);
		got += (size_t)more;
	}
	ck_assert_int_eq(memcmp(in, expected, n), 0);
}

static bool is_silent(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };
	return poll(&p, 1, 0) == 0;
}

static int open_stream(const char *request)
{
	int fd = http_lab_dial();
	http_lab_say(fd, request);
	ck_assert_uint_eq(http_lab_hear_head(fd, head, sizeof head), 200);
	return fd;
}

/* Takes chunks until n bytes of content have come. */
static void hear_content(int fd, size_t n)
{
	while (n) {
		char line[20];
		size_t at = 0;
		do
			ck_assert_int_eq(recv(fd, line + at, 1, 0), 1);
		while (line[at++] != '\n' && at < sizeof line);
		size_t chunk = strtoul(line, NULL, 16);
		ck_assert_uint_gt(chunk, 0);
		ck_assert_uint_le(chunk, n);
		for (size_t got = 0; got < chunk + 2;) {
			ssize_t more = recv(fd, text, chunk + 2 - got, 0);
			ck_assert_int_gt(more, 0);
			got += (size_t)more;
		}
		n -= chunk;
	}
}

/* ---- tests ---- */

START_TEST(test_pieces_leave_one_by_one)
{
	static const char *const paths[] = { GET("/stream"), GET("/later") };
	start(5);
	int fd = open_stream(paths[_i]);
	ck_assert_ptr_nonnull(strstr(head, "Transfer-Encoding: chunked"));
	ck_assert_ptr_null(strstr(head, "Content-Length"));
	hear_exactly(fd, "6\r\n" HELLO "\r\n");
	ck_assert(is_silent(fd));
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(write_text(0, "ab\n"), 0);
		hear_exactly(fd, "3\r\nab\n\r\n");
	}
	end(0);
	hear_exactly(fd, "0\r\n\r\n");
	/* and the connection can be used again */
	http_lab_say(fd, GET("/now"));
	ck_assert_uint_eq(http_lab_hear(fd, text, sizeof text), 200);
	http_lab_say(fd, GET("/stream"));
	ck_assert_uint_eq(http_lab_hear_head(fd, head, sizeof head), 200);
	hear_exactly(fd, "6\r\n" HELLO "\r\n");
	close(fd);
	http_lab_until(&http_lab.gone, 1);
	http_lab_stop();
	ck_assert_uint_eq(http_lab.gone, 1);
}
END_TEST

static void on_unsent(void *arg)
{
	int *unsent = arg;
	if (ioctl(streams[0]->conn->conn.fd, SIOCOUTQNSD, unsent))
		*unsent = -1;
}

/* Whoever waits for a piece gets it now: nothing lies in the socket because more might come. */
START_TEST(test_pieces_are_not_held_back)
{
	start(5);
	int fd = open_stream(GET("/stream"));
	for (int i = 0; i < 20; i++) {
		int unsent = -1;
		ck_assert_int_eq(write_text(0, "ab\n"), 0);
		http_lab_call(on_unsent, &unsent); /* in a later turn than the piece */
		ck_assert_int_eq(unsent, 0);
	}
	close(fd);
	http_lab_stop();
}
END_TEST

START_TEST(test_http_1_0_reads_to_the_end)
{
	start(5);
	int fd = open_stream("GET /stream HTTP/1.0\r\n\r\n");
	ck_assert_ptr_null(strstr(head, "chunked"));
	hear_exactly(fd, HELLO);
	ck_assert_int_eq(write_text(0, "more"), 0);
	hear_exactly(fd, "more");
	end(0);
	ck_assert(http_lab_at_end(fd));
	close(fd);
	http_lab_stop();
	ck_assert_uint_eq(http_lab.gone, 0);
}
END_TEST

START_TEST(test_head_has_no_body)
{
	start(5);
	int fd = http_lab_dial();
	for (int i = 0; i < 3; i++) {
		http_lab_say(fd, "HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n");
		ck_assert_uint_eq(http_lab_hear_head(fd, head, sizeof head), 200);
		ck_assert_ptr_nonnull(strstr(head, "text/event-stream"));
	}
	http_lab_say(fd, GET("/now"));
	ck_assert_uint_eq(http_lab_hear(fd, text, sizeof text), 200);
	close(fd);
	http_lab_until(&http_lab.connections, 0);
	http_lab_stop();
}
END_TEST

/* A stream of the owner's goes on while others are served, and each gets its own. */
START_TEST(test_many_streams_at_once)
{
	int fds[STREAMS];
	char line[40], chunk[60];
	start(5);
	for (unsigned i = 0; i < STREAMS; i++) {
		fds[i] = open_stream(GET("/stream"));
		hear_exactly(fds[i], "6\r\n" HELLO "\r\n");
	}
	for (unsigned i = 0; i < STREAMS; i++) {
		snprintf(line, sizeof line, "no %02u\n", i);
		ck_assert_int_eq(write_text(i, line), 0);
	}
	for (unsigned i = 0; i < STREAMS; i++) {
		snprintf(chunk, sizeof chunk, "6\r\nno %02u\n\r\n", i);
		hear_exactly(fds[i], chunk);
		close(fds[i]);
	}
	http_lab_until(&http_lab.gone, STREAMS);
	http_lab_until(&http_lab.connections, 0);
	http_lab_stop();
}
END_TEST

START_TEST(test_notices_a_client_that_leaves)
{
	const struct linger at_once = { 1, 0 };
	start(30);
	int orderly = open_stream(GET("/stream")), reset = open_stream(GET("/later"));
	hear_exactly(orderly, "6\r\n" HELLO "\r\n");
	hear_exactly(reset, "6\r\n" HELLO "\r\n");
	close(orderly);
	http_lab_until(&http_lab.gone, 1);
	setsockopt(reset, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(reset);
	http_lab_until(&http_lab.gone, 2);
	http_lab_until(&http_lab.connections, 0);
	http_lab_stop();
	ck_assert_uint_eq(http_lab.gone, 2);
}
END_TEST

/* Connections at rest, opened before and after, do not keep an ended stream's alive. */
START_TEST(test_streams_end_beside_connections_at_rest)
{
	static const char *const requests[] = { GET("/stream"), GET("/later"), "GET /stream HTTP/1.0\r\n\r\n" };
	const struct linger at_once = { 1, 0 };
	int rests[2];
	start(30);
	for (unsigned way = 0; way < 3; way++) {
		rests[0] = open_stream(GET("/now"));
		int fd = open_stream(requests[_i]);
		hear_exactly(fd, _i < 2 ? "6\r\n" HELLO "\r\n" : HELLO);
		rests[1] = open_stream(GET("/now"));
		if (way == 0) {
			end(way);
			if (_i == 2)
				ck_assert(http_lab_at_end(fd));
		} else if (way == 1) {
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
		}
		close(fd);
		http_lab_until(&http_lab.gone, way);
		http_lab_until(&http_lab.connections, 2);
		close(rests[0]);
		close(rests[1]);
		http_lab_until(&http_lab.connections, 0);
	}
	http_lab_stop();
}
END_TEST

static int fill(unsigned no, char letter)
{
	static char piece[10000];
	int rc;
	memset(piece, letter, sizeof piece);
	for (unsigned i = 0; (rc = write_n(no, piece, sizeof piece)) == 0; i++)
		ck_assert_uint_lt(i, 100000);
	return rc;
}

/* What is not taken stays within the bound; a client that reads on has all of what was accepted. */
START_TEST(test_backlog_is_bounded)
{
	start(30);
	int fd = open_stream(GET("/stream"));
	ck_assert_int_eq(fill(0, 'x'), ERR_FULL);
	struct piece p = { 0, "", 0, 0, 0 };
	http_lab_call(on_write, &p);
	ck_assert_uint_le(p.waiting, HTTP_STREAM_BACKLOG);
	ck_assert_uint_gt(p.waiting, HTTP_STREAM_BACKLOG - 10000);
	/* a whole piece is taken by whom nothing waits for, however large it is */
	hear_exactly(fd, "6\r\n" HELLO "\r\n");
	size_t taken = 0;
	do {
		hear_content(fd, 10000 - taken % 10000);
		taken += 10000 - taken % 10000;
		http_lab_call(on_write, &p);
	} while (p.waiting);
	char *large = calloc(1, LARGE);
	ck_assert_int_eq(write_n(0, large, LARGE), 0);
	free(large);
	ck_assert_int_eq(write_text(0, "z"), ERR_FULL);
	ck_assert_uint_eq(http_lab.gone, 0);
	close(fd);
	http_lab_until(&http_lab.gone, 1);
	http_lab_stop();
}
END_TEST

START_TEST(test_cuts_who_does_not_read)
{
	start(1);
	int slow = open_stream(GET("/stream")), idle = open_stream(GET("/stream")), ended = open_stream(GET("/stream")),
	    large = open_stream(GET("/stream"));
	char *piece = calloc(1, LARGE);
	hear_exactly(idle, "6\r\n" HELLO "\r\n");
	ck_assert_int_eq(fill(0, 'x'), ERR_FULL);
	ck_assert_int_eq(fill(2, 'x'), ERR_FULL);
	ck_assert_int_eq(write_n(3, piece, LARGE), 0); /* one piece, of which a part is taken */
	free(piece);
	end(2); /* nobody is owed a word about this one any more, and it goes all the same */
	http_lab_until(&http_lab.gone, 2);
	http_lab_until(&http_lab.connections, 1);
	ck_assert_int_eq(write_text(1, "ab\n"), 0); /* who reads what there is may be silent for as long as it likes */
	hear_exactly(idle, "3\r\nab\n\r\n");
	close(idle);
	close(slow);
	close(ended);
	close(large);
	http_lab_until(&http_lab.gone, 3);
	http_lab_stop();
}
END_TEST

START_TEST(test_drain_waits_for_the_end_of_streams)
{
	start(5);
	int fd = open_stream(GET("/stream"));
	hear_exactly(fd, "6\r\n" HELLO "\r\n");
	http_lab_drain();
	ck_assert_int_eq(write_text(0, "ab\n"), 0);
	hear_exactly(fd, "3\r\nab\n\r\n");
	end(0);
	hear_exactly(fd, "0\r\n\r\n");
	ck_assert(http_lab_at_end(fd));
	http_lab_until(&http_lab.connections, 0);
	close(fd);
	http_lab_stop();
}
END_TEST

/* A server that is freed tells of the streams that are open, also of one that is in the middle of a piece. */
START_TEST(test_free_cuts_streams)
{
	start(5);
	int idle = open_stream(GET("/stream")), busy = open_stream(GET("/stream"));
	ck_assert_int_eq(fill(1, 'x'), ERR_FULL);
	http_lab_stop();
	ck_assert_uint_eq(http_lab.gone, 2);
	close(idle);
	close(busy);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http_stream");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	tcase_add_loop_test(core, test_pieces_leave_one_by_one, 0, 2);
	tcase_add_test(core, test_pieces_are_not_held_back);
	tcase_add_test(core, test_http_1_0_reads_to_the_end);
	tcase_add_test(core, test_head_has_no_body);
	tcase_add_test(core, test_drain_waits_for_the_end_of_streams);
	tcase_add_test(limits, test_many_streams_at_once);
	tcase_add_test(limits, test_backlog_is_bounded);
	tcase_add_test(faults, test_notices_a_client_that_leaves);
	tcase_add_loop_test(faults, test_streams_end_beside_connections_at_rest, 0, 3);
	tcase_add_test(faults, test_cuts_who_does_not_read);
	tcase_add_test(faults, test_free_cuts_streams);
	tcase_set_timeout(core, 60);
	tcase_set_timeout(limits, 60);
	tcase_set_timeout(faults, 60);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
