/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The protocol of a TCP connection, first without any socket, then through the server on a real one. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute_run.h"
#include "err.h"
#include "executor.h"
#include "loop_until.h"
#include "suite_run.h"
#include "tcp_server.h"
#include "tcp_session.h"

#define DEADLINE_MS 60000
#define RPC(id, method, params) "{\"jsonrpc\":\"2.0\",\"method\":\"" method "\",\"params\":" params ",\"id\":" #id "}\n"
#define RESULT(id, result) "{\"jsonrpc\":\"2.0\",\"result\":" result ",\"id\":" #id "}\n"

static uv_loop_t loop;
static struct executor *ex;
static struct compute_run compute;
static struct tcp_session *session;
static struct buf replies; /* what the session gave so far */

static void take_output(void)
{
	struct buf *out = tcp_session_output(session);

	ck_assert(!out->failed);
	buf_append(&replies, out->data, out->len);
	buf_clear(out);
}

static void on_output(void *arg)
{
	(void)arg;
	take_output();
}

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	compute_run_start(&compute, &loop, 2);
	ex = executor_new(&loop, 4, compute.pool);
	session = tcp_session_new(ex, on_output, NULL);
	buf_init(&replies);
}

static void teardown(void)
{
	tcp_session_free(session);
	executor_free(ex);
	compute_run_stop(&compute);
	buf_fini(&replies);
	ck_assert_msg(loop_finish(&loop), "a handle was left open");
	compute_run_end(&compute);
}

static enum tcp_session_state feed(const char *text)
{
	enum tcp_session_state state = tcp_session_feed(session, text, strlen(text));

	take_output();
	while (state == TCP_SESSION_YIELDS) {
		state = tcp_session_resume(session);
		take_output();
	}
	return state;
}

static bool is_answered(void *arg)
{
	(void)arg;
	return tcp_session_in_flight(session) == 0;
}

static void wait_answers(void)
{
	ck_assert(loop_until(&loop, is_answered, NULL, DEADLINE_MS));
	take_output();
}

/* ---- core ---- */

static const struct {
	const char *in, *out;
} lines[] = {
	{ "12\n", "144\n" },
	{ "12\n1.5\n7/3\n", "144\n2.25\n49/9\n" },
	{ "-3\r\n1e3\r\n", "9\n1000000\n" },
	{ "  +5 \t\n\t.5\n4/2\n", "25\n0.25\n4\n" },
	{ "\n\n \n\r\n7\n", "49\n" },
	{ "abc\n", "error: expected a number, got \"abc\"\n" },
	{ "a\"\\\tb\n", "error: expected a number, got \"a\\\"\\\\\\tb\"\n" },
	{ "\xff\n", "error: expected a number, got \"\xef\xbf\xbd\"\n" },
	{ "1/0\n2\n", "error: expected a number, got \"1/0\"\n4\n" },
	{ "1 2\n", "error: expected a number, got \"1 2\"\n" },
	{ "0123456789012345678901234567890123456789012345678901234567890123x6789\n",
	  "error: expected a number, got \"0123456789012345678901234567890123456789012345678901234567890123\"\n" },
	{ "012345678901234567890123456789012345678901234567890123456789012\xc3\xa9z\n",
	  "error: expected a number, got \"012345678901234567890123456789012345678901234567890123456789012\"\n" },
	{ "1e999999999\n", "error: limit-exceeded: expected a number whose square has at most 1000000 digits, got "
			   "1e999999999\n" },
	{ "1e600000\n", "error: limit-exceeded: expected a number whose square has at most 1000000 digits, got "
			"1e600000\n" },
	{ RPC(7, "add", "[1,2]"), RESULT(7, "3") },
	{ "  " RPC(7, "add", "[1,2]"), RESULT(7, "3") },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":[1,2]}\n5\n", "25\n" },
	{ "5\n" RPC(1, "square", "[2]") "6\n", "25\n" RESULT(1, "4") "36\n" },
	{ "["
	  "]\n",
	  "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid request\",\"data\":{\"detail\":"
	  "\"expected at least one request in the batch\"}},\"id\":null}\n" },
};

START_TEST(test_tcp_session_feed_lines)
{
	ck_assert_int_eq(feed(lines[_i].in), TCP_SESSION_READY);
	ck_assert_str_eq(buf_cstr(&replies), lines[_i].out);
}
END_TEST

/* However the bytes are cut, the replies are the same. */
START_TEST(test_tcp_session_feed_any_cut)
{
	const char *in = lines[_i].in;
	size_t n = strlen(in);

	for (size_t cut = 0; cut <= n; cut++) {
		char part[256];
		buf_clear(&replies);
		memcpy(part, in, cut);
		part[cut] = '\0';
		feed(part);
		feed(in + cut);
		ck_assert_str_eq(buf_cstr(&replies), lines[_i].out);
	}
	buf_clear(&replies);
	for (size_t i = 0; i < n; i++)
		feed((char[]){ in[i], '\0' });
	ck_assert_str_eq(buf_cstr(&replies), lines[_i].out);
}
END_TEST

START_TEST(test_tcp_session_replies_keep_order)
{
	feed(RPC(1, "sleep", "[30]") "5\n" RPC(2, "square", "[2]") RPC(3, "sleep", "[1]") "6\nx\n");
	ck_assert_uint_eq(tcp_session_in_flight(session), 6);
	ck_assert_uint_eq(replies.len, 0);
	wait_answers();
	ck_assert_str_eq(buf_cstr(&replies),
			 RESULT(1, "30") "25\n" RESULT(2, "4") RESULT(3, "1") "36\n"
									      "error: expected a number, got \"x\"\n");
}
END_TEST

START_TEST(test_tcp_session_heavy_call_in_order)
{
	feed(RPC(1, "factorial", "[30000]") "5\n");
	wait_answers();
	ck_assert_uint_gt(replies.len, 100000);
	ck_assert_int_eq(strncmp(replies.data, "{\"jsonrpc\":\"2.0\",\"result\":\"", 27), 0);
	static const char tail[] = "0\",\"id\":1}\n25\n";
	ck_assert_str_eq(buf_cstr(&replies) + replies.len - (sizeof tail - 1), tail);
}
END_TEST

START_TEST(test_tcp_session_eof_answers_last_line)
{
	ck_assert_int_eq(feed("3\n4"), TCP_SESSION_READY);
	ck_assert_str_eq(buf_cstr(&replies), "9\n");
	ck_assert_int_eq(tcp_session_eof(session), TCP_SESSION_OVER);
	take_output();
	ck_assert_str_eq(buf_cstr(&replies), "9\n16\n");
	ck_assert(!tcp_session_refused(session));
	ck_assert_int_eq(feed("5\n"), TCP_SESSION_OVER);
	ck_assert_str_eq(buf_cstr(&replies), "9\n16\n");
}
END_TEST

START_TEST(test_tcp_session_eof_waits_for_what_is_in_flight)
{
	feed(RPC(1, "sleep", "[5]") "7");
	ck_assert_int_eq(tcp_session_eof(session), TCP_SESSION_LAST);
	wait_answers();
	ck_assert_int_eq(tcp_session_resume(session), TCP_SESSION_OVER);
	ck_assert_str_eq(buf_cstr(&replies), RESULT(1, "5") "49\n");
}
END_TEST

START_TEST(test_tcp_session_stop_answers_what_is_in_flight_only)
{
	feed(RPC(1, "sleep", "[5]") "7\n8");
	ck_assert_int_eq(tcp_session_stop(session), TCP_SESSION_LAST);
	wait_answers();
	ck_assert_int_eq(tcp_session_resume(session), TCP_SESSION_OVER);
	ck_assert_str_eq(buf_cstr(&replies), RESULT(1, "5") "49\n");
}
END_TEST

/* ---- limits ---- */

/* n digits (or blanks and one digit), with or without a line feed. */
static char *long_line(size_t n, char fill, const char *end)
{
	char *text = malloc(n + strlen(end) + 1);

	memset(text, fill, n);
	strcpy(text + n, end);
	return text;
}

START_TEST(test_tcp_session_longest_line)
{
	static const char *const ends[] = { "\n", "\r\n" };

	for (size_t i = 0; i < 2; i++) {
		char *text = long_line(TCP_SESSION_LINE_MAX, ' ', ends[i]);
		text[17] = '9';
		ck_assert_int_eq(feed(text), TCP_SESSION_READY);
		free(text);
	}
	ck_assert_str_eq(buf_cstr(&replies), "81\n81\n");
}
END_TEST

static const struct {
	char first;
	const char *end; /* of the line; "" when it never ends */
	const char *reply;
} too_long[] = {
	{ '7', "\n", "error: expected a line of at most 65,536 bytes" },
	{ '7', "", "error: expected a line of at most 65,536 bytes" },
	{ '{', "\n", "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32004," },
	{ '[', "", "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32004," },
};

START_TEST(test_tcp_session_line_too_long)
{
	char *text = long_line(TCP_SESSION_LINE_MAX + 2, '7', too_long[_i].end);

	text[0] = too_long[_i].first;
	ck_assert_int_eq(feed("3\n"), TCP_SESSION_READY);
	ck_assert_int_eq(feed(text), TCP_SESSION_OVER);
	ck_assert(tcp_session_refused(session));
	ck_assert_msg(strncmp(buf_cstr(&replies) + 2, too_long[_i].reply, strlen(too_long[_i].reply)) == 0, "%s",
		      buf_cstr(&replies));
	ck_assert_int_eq(feed("3\n"), TCP_SESSION_OVER);
	ck_assert_ptr_eq(strchr(buf_cstr(&replies) + 2, '\n'), replies.data + replies.len - 1);
	free(text);
}
END_TEST

START_TEST(test_tcp_session_line_too_long_in_pieces)
{
	char *text = long_line(1000, '7', "");

	for (int i = 0; i < 65; i++)
		ck_assert_int_eq(feed(text), TCP_SESSION_READY);
	ck_assert_int_eq(feed(text), TCP_SESSION_OVER);
	ck_assert_int_eq(strncmp(buf_cstr(&replies), "error: ", 7), 0);
	free(text);
}
END_TEST

START_TEST(test_tcp_session_literal_too_long)
{
	char *text = long_line(5000, '7', "\n2\n");

	ck_assert_int_eq(feed(text), TCP_SESSION_READY);
	ck_assert_str_eq(buf_cstr(&replies),
			 "error: expected a number of at most 4096 characters, got one of 5000\n4\n");
	free(text);
}
END_TEST

START_TEST(test_tcp_session_full_by_requests)
{
	feed(RPC(0, "sleep", "[50]"));
	for (int i = 1; i < TCP_SESSION_IN_FLIGHT - 1; i++)
		ck_assert_int_eq(feed("2\n"), TCP_SESSION_READY);
	ck_assert_int_eq(feed("2\n3\n4\n"), TCP_SESSION_FULL);
	ck_assert_uint_eq(tcp_session_in_flight(session), TCP_SESSION_IN_FLIGHT);
	wait_answers();
	ck_assert_int_eq(tcp_session_resume(session), TCP_SESSION_READY);
	take_output();
	ck_assert_ptr_nonnull(strstr(buf_cstr(&replies), "\n4\n9\n16\n"));
	size_t count = 0;
	for (size_t i = 0; i < replies.len; i++)
		count += replies.data[i] == '\n';
	ck_assert_uint_eq(count, TCP_SESSION_IN_FLIGHT + 2);
}
END_TEST

START_TEST(test_tcp_session_full_by_bytes)
{
	enum tcp_session_state state = TCP_SESSION_READY;
	int fed = 0;

	for (; state != TCP_SESSION_FULL; fed++) { /* each reply has 200,001 bytes */
		ck_assert_int_lt(fed, 10);
		state = tcp_session_feed(session, "1e100000\n", 9);
	}
	ck_assert_int_eq(fed, 6);
	ck_assert_int_eq(tcp_session_feed(session, "3\n", 2), TCP_SESSION_FULL);
	/* The output has left the session, but not the process. */
	size_t unsent = tcp_session_output(session)->len;
	take_output();
	tcp_session_unsent(session, unsent);
	ck_assert_int_eq(tcp_session_resume(session), TCP_SESSION_FULL);
	tcp_session_unsent(session, 0);
	ck_assert_int_eq(tcp_session_resume(session), TCP_SESSION_READY);
	take_output();
	ck_assert_str_eq(buf_cstr(&replies) + replies.len - 3, "\n9\n");
}
END_TEST

/* Results that are still being computed count too: a line of 60 bytes can ask for a megabyte. */
START_TEST(test_tcp_session_full_by_expected_bytes)
{
	ck_assert_int_eq(feed(RPC(1, "mul", "{\"a\":\"1e500000\",\"b\":1,\"timeout_ms\":60000}")), TCP_SESSION_READY);
	ck_assert_int_eq(feed(RPC(2, "mul", "{\"a\":\"1e500000\",\"b\":1,\"timeout_ms\":60000}")), TCP_SESSION_FULL);
	feed(RPC(3, "mul", "{\"a\":\"1e500000\",\"b\":1,\"timeout_ms\":60000}"));
	ck_assert_uint_eq(tcp_session_in_flight(session), 2);
	wait_answers();
	ck_assert_int_eq(tcp_session_resume(session), TCP_SESSION_READY);
	wait_answers();
	ck_assert_uint_gt(replies.len, 1500000);
}
END_TEST

START_TEST(test_tcp_session_yields)
{
	struct buf in = BUF_INIT;
	enum tcp_session_state state;
	int turns = 0;

	for (int i = 0; i < 2000; i++)
		buf_puts(&in, RPC(1, "pow", "[7,2000]"));
	state = tcp_session_feed(session, in.data, in.len);
	ck_assert_int_eq(state, TCP_SESSION_YIELDS);
	for (; state != TCP_SESSION_READY; turns++) {
		take_output();
		state = tcp_session_resume(session);
	}
	take_output();
	ck_assert_int_gt(turns, 0);
	size_t count = 0;
	for (size_t i = 0; i < replies.len; i++)
		count += replies.data[i] == '\n';
	ck_assert_uint_eq(count, 2000);
	buf_fini(&in);
}
END_TEST

/* ---- faults ---- */

START_TEST(test_tcp_session_free_with_requests_in_flight)
{
	feed(RPC(1, "sleep",
		 "[60000]") "5\n["
			    "{\"jsonrpc\":\"2.0\",\"method\":\"factorial\",\"params\":[150000],\"id\":2}]\n");
	tcp_session_free(session);
	session = tcp_session_new(ex, on_output, NULL);
	ck_assert_uint_eq(executor_waiting(ex), 0);
}
END_TEST

/* Bytes that mean nothing: no crash, and a session that still answers, or has said why it ended. */
START_TEST(test_tcp_session_random_bytes)
{
	static const char alphabet[] = "0123456789.-+/eE \n\n\r{}[]\",:\\\x01\xff\xc3truefalsnum";
	unsigned seed = 20261122;

	for (int round = 0; round < 3000; round++) {
		char text[200];
		size_t n = (size_t)rand_r(&seed) % sizeof text;
		for (size_t i = 0; i < n; i++)
			text[i] = alphabet[(size_t)rand_r(&seed) % (sizeof alphabet - 1)];
		enum tcp_session_state state = tcp_session_feed(session, text, n);
		while (state == TCP_SESSION_YIELDS)
			state = tcp_session_resume(session);
		ck_assert_int_eq(state, TCP_SESSION_READY);
		buf_clear(tcp_session_output(session));
	}
	feed("\n");
	buf_clear(&replies);
	feed("12\n");
	ck_assert_str_eq(buf_cstr(&replies), "144\n");
}
END_TEST

/* ---- the server ---- */

static struct tcp_server *server;

struct client {
	uv_tcp_t tcp;
	uv_connect_t connect;
	struct buf got;
	size_t want; /* bytes until is_there() holds */
	bool connected, ended, closed, paused;
	char chunk[65536];
};

static void on_client_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	struct client *c = handle->data;

	(void)suggested;
	*out = uv_buf_init(c->chunk, sizeof c->chunk);
}

static void on_client_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
	struct client *c = stream->data;

	if (n < 0) {
		c->ended = true;
		uv_read_stop(stream);
	} else {
		buf_append(&c->got, bytes->base, (size_t)n);
	}
}

static void on_client_connected(uv_connect_t *req, int status)
{
	struct client *c = req->data;

	ck_assert_int_eq(status, 0);
	c->connected = true;
	if (!c->paused)
		uv_read_start((uv_stream_t *)&c->tcp, on_client_alloc, on_client_read);
}

static bool is_connected(void *arg)
{
	return ((struct client *)arg)->connected;
}

static struct client *client_new(bool paused)
{
	struct client *c = calloc(1, sizeof *c);
	struct sockaddr_in at;

	c->paused = paused;
	uv_ip4_addr("127.0.0.1", tcp_server_port(server), &at);
	uv_tcp_init(&loop, &c->tcp);
	c->tcp.data = c->connect.data = c;
	ck_assert_int_eq(uv_tcp_connect(&c->connect, &c->tcp, (struct sockaddr *)&at, on_client_connected), 0);
	ck_assert(loop_until(&loop, is_connected, c, DEADLINE_MS));
	return c;
}

static void on_sent(uv_write_t *req, int status)
{
	(void)status; /* the server may close first */
	free(req->data);
	free(req);
}

static void client_send(struct client *c, const char *p, size_t n)
{
	uv_write_t *req = malloc(sizeof *req);
	uv_buf_t bytes = uv_buf_init(malloc(n), (unsigned)n);

	memcpy(bytes.base, p, n);
	req->data = bytes.base;
	ck_assert_int_eq(uv_write(req, (uv_stream_t *)&c->tcp, &bytes, 1, on_sent), 0);
}

static void on_half_closed(uv_shutdown_t *req, int status)
{
	(void)status;
	free(req);
}

static void client_half_close(struct client *c)
{
	uv_shutdown(malloc(sizeof(uv_shutdown_t)), (uv_stream_t *)&c->tcp, on_half_closed);
}

static void on_client_closed(uv_handle_t *handle)
{
	((struct client *)handle->data)->closed = true;
}

static bool is_closed(void *arg)
{
	return ((struct client *)arg)->closed;
}

static void client_free(struct client *c)
{
	uv_close((uv_handle_t *)&c->tcp, on_client_closed);
	ck_assert(loop_until(&loop, is_closed, c, DEADLINE_MS));
	buf_fini(&c->got);
	free(c);
}

static bool is_ended(void *arg)
{
	return ((struct client *)arg)->ended;
}

static bool is_there(void *arg)
{
	struct client *c = arg;

	return c->got.len >= c->want;
}

static void client_expect(struct client *c, const char *text)
{
	c->want = strlen(text);
	ck_assert_msg(loop_until(&loop, is_there, c, DEADLINE_MS), "expected \"%s\", got \"%s\"", text,
		      buf_cstr(&c->got));
	ck_assert_str_eq(buf_cstr(&c->got), text);
	buf_clear(&c->got);
}

static void start_server(const struct tcp_server_options *options)
{
	struct errinfo info;

	server = tcp_server_new(&loop, "127.0.0.1", 0, options, ex, &info);
	ck_assert_msg(server != NULL, "%s", server ? "" : info.text);
	ck_assert_uint_ne(tcp_server_port(server), 0);
}

static void server_setup(void)
{
	setup();
	start_server(&(struct tcp_server_options){ .max_connections = 100, .idle_seconds = 240 });
}

static void server_teardown(void)
{
	tcp_server_free(server);
	teardown();
}

START_TEST(test_tcp_server_answers)
{
	struct client *c = client_new(false);

	client_send(c, "12\n", 3);
	client_expect(c, "144\n");
	const char *line = RPC(1, "sleep", "[2]") "3\n";
	client_send(c, line, strlen(line));
	client_expect(c, RESULT(1, "2") "9\n");
	client_free(c);
}
END_TEST

START_TEST(test_tcp_server_half_close_is_answered_fully)
{
	struct client *c = client_new(false);
	const char *line = "12\n1.5\n" RPC(1, "sleep", "[20]") "7/3";

	client_send(c, line, strlen(line));
	client_half_close(c);
	ck_assert(loop_until(&loop, is_ended, c, DEADLINE_MS));
	ck_assert_str_eq(buf_cstr(&c->got), "144\n2.25\n" RESULT(1, "20") "49/9\n");
	client_free(c);
}
END_TEST

START_TEST(test_tcp_server_pipelined_squares)
{
	struct client *c = client_new(false);
	struct buf in = BUF_INIT, out = BUF_INIT;

	for (uint64_t i = 0; i < 100000; i++) {
		buf_printf(&in, "%llu\n", (unsigned long long)i);
		buf_printf(&out, "%llu\n", (unsigned long long)(i * i));
	}
	client_send(c, in.data, in.len);
	client_expect(c, buf_cstr(&out));
	buf_fini(&in);
	buf_fini(&out);
	client_free(c);
}
END_TEST

/* A client that does not read its replies is not read from any more; once it reads, it gets them all. */
START_TEST(test_tcp_server_slow_reader)
{
	struct client *slow = client_new(true), *other = client_new(false);
	struct buf in = BUF_INIT;

	for (int i = 0; i < 200; i++)
		buf_puts(&in, "1e50000\n"); /* 100,002 bytes each: 20 MB */
	client_send(slow, in.data, in.len);
	client_send(other, "12\n", 3);
	client_expect(other, "144\n");
	uv_read_start((uv_stream_t *)&slow->tcp, on_client_alloc, on_client_read);
	slow->want = 200 * 100002;
	ck_assert(loop_until(&loop, is_there, slow, DEADLINE_MS));
	ck_assert_uint_eq(slow->got.len, 200 * 100002);
	client_send(slow, "5\n", 2);
	slow->want += 3;
	ck_assert(loop_until(&loop, is_there, slow, DEADLINE_MS));
	buf_fini(&in);
	client_free(slow);
	client_free(other);
}
END_TEST

START_TEST(test_tcp_server_heavy_call_does_not_hold_others_up)
{
	struct client *heavy = client_new(false), *other = client_new(false);
	const char *line = RPC(1, "sleep", "[60000]") RPC(2, "factorial", "[150000]");

	client_send(heavy, line, strlen(line));
	for (int i = 0; i < 20; i++) {
		client_send(other, "12\n", 3);
		client_expect(other, "144\n");
	}
	ck_assert_uint_eq(heavy->got.len, 0);
	client_free(heavy);
	client_free(other);
}
END_TEST

START_TEST(test_tcp_server_long_line_gets_its_error_then_the_end)
{
	struct client *c = client_new(false);
	char *text = long_line(300000, '7', ""); /* still being sent when it is refused */

	client_send(c, text, 300000);
	ck_assert(loop_until(&loop, is_ended, c, DEADLINE_MS));
	ck_assert_str_eq(buf_cstr(&c->got), "error: expected a line of at most 65,536 bytes, got a longer one\n");
	free(text);
	client_free(c);
}
END_TEST

START_TEST(test_tcp_server_too_many_connections)
{
	tcp_server_free(server);
	start_server(&(struct tcp_server_options){ .max_connections = 2, .idle_seconds = 240 });
	struct client *a = client_new(false), *b = client_new(false), *c = client_new(false);

	ck_assert(loop_until(&loop, is_ended, c, DEADLINE_MS));
	ck_assert_int_eq(strncmp(buf_cstr(&c->got), "error: too many connections", 27), 0);
	client_send(b, "12\n", 3);
	client_expect(b, "144\n");
	client_free(a);
	client_free(b);
	client_free(c);
}
END_TEST

START_TEST(test_tcp_server_closes_idle_connections)
{
	tcp_server_free(server);
	start_server(&(struct tcp_server_options){ .max_connections = 10, .idle_seconds = 1 });
	struct client *c = client_new(false), *busy = client_new(false);
	const char *line = RPC(1, "sleep", "[60000]");

	client_send(busy, line, strlen(line));
	client_send(c, "2\n", 2);
	ck_assert(loop_until(&loop, is_ended, c, DEADLINE_MS));
	ck_assert_str_eq(buf_cstr(&c->got), "4\n");
	ck_assert(!busy->ended); /* waits for its result */
	client_free(c);
	client_free(busy);
}
END_TEST

static void on_stopped(void *arg)
{
	*(bool *)arg = true;
}

static bool is_set(void *arg)
{
	return *(bool *)arg;
}

START_TEST(test_tcp_server_stop_answers_what_is_in_flight)
{
	struct client *busy = client_new(false), *quiet = client_new(false);
	const char *line = RPC(1, "sleep", "[100]") "3\n";
	bool stopped = false;

	client_send(busy, line, strlen(line));
	client_send(quiet, "2\n", 2);
	client_expect(quiet, "4\n");
	tcp_server_stop(server, on_stopped, &stopped);
	ck_assert(!stopped);
	ck_assert(loop_until(&loop, is_set, &stopped, DEADLINE_MS));
	ck_assert(loop_until(&loop, is_ended, busy, DEADLINE_MS));
	ck_assert(loop_until(&loop, is_ended, quiet, DEADLINE_MS));
	ck_assert_str_eq(buf_cstr(&busy->got), RESULT(1, "100") "9\n");
	client_free(busy);
	client_free(quiet);
}
END_TEST

START_TEST(test_tcp_server_stop_without_connections)
{
	bool stopped = false;

	tcp_server_stop(server, on_stopped, &stopped);
	ck_assert(loop_until(&loop, is_set, &stopped, DEADLINE_MS));
}
END_TEST

START_TEST(test_tcp_server_clients_that_vanish)
{
	for (int i = 0; i < 50; i++) {
		struct client *c = client_new(true);
		const char *line =
		    RPC(1, "sleep", "[60000]") "1e100000\n1e100000\n1e100000\n1e100000\n1e100000\n1e100000\n";
		client_send(c, line, strlen(line));
		uv_tcp_close_reset(&c->tcp, on_client_closed);
		ck_assert(loop_until(&loop, is_closed, c, DEADLINE_MS));
		buf_fini(&c->got);
		free(c);
	}
	struct client *c = client_new(false);
	client_send(c, "12\n", 3);
	client_expect(c, "144\n");
	client_free(c);
}
END_TEST

START_TEST(test_tcp_server_new_says_what_is_wrong)
{
	struct errinfo info;
	struct tcp_server_options options = { 0 };

	ck_assert_ptr_null(tcp_server_new(&loop, "127.0.0.1", tcp_server_port(server), &options, ex, &info));
	ck_assert_int_eq(info.code, ERR_SYS);
	ck_assert_ptr_nonnull(strstr(info.text, "address already in use"));
	ck_assert_ptr_null(tcp_server_new(&loop, "nowhere", 0, &options, ex, &info));
	ck_assert_int_eq(info.code, ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(info.text, "\"nowhere\""));
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

static void add_server_tests(Suite *suite)
{
	TCase *net = tcase_create("server");

	tcase_set_timeout(net, 240);
	tcase_add_checked_fixture(net, server_setup, server_teardown);
	tcase_add_test(net, test_tcp_server_answers);
	tcase_add_test(net, test_tcp_server_half_close_is_answered_fully);
	tcase_add_test(net, test_tcp_server_pipelined_squares);
	tcase_add_test(net, test_tcp_server_slow_reader);
	tcase_add_test(net, test_tcp_server_heavy_call_does_not_hold_others_up);
	tcase_add_test(net, test_tcp_server_long_line_gets_its_error_then_the_end);
	tcase_add_test(net, test_tcp_server_too_many_connections);
	tcase_add_test(net, test_tcp_server_closes_idle_connections);
	tcase_add_test(net, test_tcp_server_stop_answers_what_is_in_flight);
	tcase_add_test(net, test_tcp_server_stop_without_connections);
	tcase_add_test(net, test_tcp_server_clients_that_vanish);
	tcase_add_test(net, test_tcp_server_new_says_what_is_wrong);
	suite_add_tcase(suite, net);
}

int main(void)
{
	Suite *suite = suite_create("tcp_session");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	TCase *all[] = { core, limits, faults };

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		tcase_set_timeout(all[i], 240);
		tcase_add_checked_fixture(all[i], setup, teardown);
		suite_add_tcase(suite, all[i]);
	}
	tcase_add_loop_test(core, test_tcp_session_feed_lines, 0, COUNT(lines));
	tcase_add_loop_test(core, test_tcp_session_feed_any_cut, 0, COUNT(lines));
	tcase_add_test(core, test_tcp_session_replies_keep_order);
	tcase_add_test(core, test_tcp_session_heavy_call_in_order);
	tcase_add_test(core, test_tcp_session_eof_answers_last_line);
	tcase_add_test(core, test_tcp_session_eof_waits_for_what_is_in_flight);
	tcase_add_test(core, test_tcp_session_stop_answers_what_is_in_flight_only);
	tcase_add_test(limits, test_tcp_session_longest_line);
	tcase_add_loop_test(limits, test_tcp_session_line_too_long, 0, COUNT(too_long));
	tcase_add_test(limits, test_tcp_session_line_too_long_in_pieces);
	tcase_add_test(limits, test_tcp_session_literal_too_long);
	tcase_add_test(limits, test_tcp_session_full_by_requests);
	tcase_add_test(limits, test_tcp_session_full_by_bytes);
	tcase_add_test(limits, test_tcp_session_full_by_expected_bytes);
	tcase_add_test(limits, test_tcp_session_yields);
	tcase_add_test(faults, test_tcp_session_free_with_requests_in_flight);
	tcase_add_test(faults, test_tcp_session_random_bytes);
	add_server_tests(suite);

	return suite_run(suite);
}
