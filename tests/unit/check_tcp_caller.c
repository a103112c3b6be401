/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls to a worker that this program plays itself, on the same loop. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "buf.h"
#include "err.h"
#include "loop_until.h"
#include "suite_run.h"
#include "tcp_caller.h"

#define DEADLINE_MS 20000
#define PEERS 100
#define CALL "{\"jsonrpc\":\"2.0\",\"method\":\"square\",\"params\":[12],\"id\":1}\n"
#define REPLY "{\"jsonrpc\":\"2.0\",\"result\":144,\"id\":1}\n"

static uv_loop_t loop;
static struct tcp_caller *caller;

/* ---- the worker ---- */

static struct peer {
	uv_tcp_t tcp;
	struct buf in;
	bool open;
	int end; /* why it ended: UV_EOF, UV_ECONNRESET */
} peers[PEERS];
static unsigned peer_count;
static uv_tcp_t listener;
static char at[40];

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	static char input[65536];
	(void)handle, (void)suggested;
	*out = uv_buf_init(input, sizeof input);
}

static void peer_close(struct peer *p)
{
	if (p->open)
		uv_close((uv_handle_t *)&p->tcp, NULL);
	p->open = false;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
	struct peer *p = stream->data;
	if (n >= 0) {
		buf_append(&p->in, bytes->base, (size_t)n);
		return;
	}
	p->end = (int)n;
	peer_close(p);
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct peer *p = &peers[peer_count++];
	ck_assert(status == 0 && peer_count <= PEERS);
	uv_tcp_init(&loop, &p->tcp);
	p->tcp.data = p;
	p->open = true;
	ck_assert_int_eq(uv_accept(stream, (uv_stream_t *)&p->tcp), 0);
	uv_read_start((uv_stream_t *)&p->tcp, on_alloc, on_read);
}

static void say(struct peer *p, const char *text)
{
	uv_buf_t bytes = uv_buf_init((char *)text, (unsigned)strlen(text));
	ck_assert_int_eq(uv_try_write((uv_stream_t *)&p->tcp, &bytes, 1), (int)bytes.len);
}

static void setup(void)
{
	struct sockaddr_storage where;
	int len = sizeof where;
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	uv_tcp_init(&loop, &listener);
	uv_ip4_addr("127.0.0.1", 0, (struct sockaddr_in *)&where);
	ck_assert_int_eq(uv_tcp_bind(&listener, (struct sockaddr *)&where, 0), 0);
	ck_assert_int_eq(uv_listen((uv_stream_t *)&listener, PEERS, on_connection), 0);
	ck_assert_int_eq(uv_tcp_getsockname(&listener, (struct sockaddr *)&where, &len), 0);
	snprintf(at, sizeof at, "127.0.0.1:%u", ntohs(((struct sockaddr_in *)&where)->sin_port));
	memset(peers, 0, sizeof peers);
	peer_count = 0;
	caller = tcp_caller_new(&loop);
	ck_assert_ptr_nonnull(caller);
}

static void teardown(void)
{
	tcp_caller_free(caller);
	uv_close((uv_handle_t *)&listener, NULL);
	for (unsigned i = 0; i < peer_count; i++) {
		peer_close(&peers[i]);
		buf_fini(&peers[i].in);
	}
	ck_assert_msg(loop_finish(&loop), "a handle was left open");
}

/* ---- calls ---- */

struct asked {
	struct tcp_call call;
	unsigned ends;
	enum tcp_call_end end;
	char text[200];
};

static void on_end(void *arg, enum tcp_call_end end, const char *text, size_t n)
{
	struct asked *a = arg;
	a->ends++;
	a->end = end;
	snprintf(a->text, sizeof a->text, "%.*s", (int)n, text ? text : "");
}

static void ask(struct asked *a, const char *where, const char *token)
{
	*a = (struct asked){ .call = { .at = where,
				       .token = token,
				       .token_n = token ? strlen(token) : 0,
				       .line = CALL,
				       .line_n = sizeof CALL - 1,
				       .cb = on_end,
				       .arg = a } };
	ck_assert_int_eq(tcp_caller_send(caller, &a->call), 0);
}

static bool has_ended(void *arg)
{
	return ((struct asked *)arg)->ends > 0;
}

static void expect_end(struct asked *a, enum tcp_call_end end)
{
	ck_assert_msg(loop_until(&loop, has_ended, a, DEADLINE_MS), "the call did not end");
	ck_assert_int_eq(a->end, end);
	ck_assert_uint_eq(a->ends, 1);
}

struct heard {
	unsigned peer;
	const char *text; /* all it has been told */
};

static bool has_heard(void *arg)
{
	const struct heard *h = arg;
	return peer_count > h->peer && strcmp(buf_cstr(&peers[h->peer].in), h->text) == 0;
}

static struct peer *expect_heard(unsigned peer, const char *text)
{
	struct heard h = { peer, text };
	ck_assert_msg(loop_until(&loop, has_heard, &h, DEADLINE_MS), "expected %s", text);
	buf_clear(&peers[peer].in);
	return &peers[peer];
}

static bool peer_has_ended(void *arg)
{
	return !((struct peer *)arg)->open;
}

static void serve(struct asked *a, unsigned peer)
{
	say(expect_heard(peer, CALL), REPLY);
	expect_end(a, TCP_CALL_REPLIED);
	ck_assert_str_eq(a->text, "{\"jsonrpc\":\"2.0\",\"result\":144,\"id\":1}");
}

/* ---- core ---- */

START_TEST(test_send_keeps_the_connection)
{
	struct asked a;
	for (int i = 0; i < 3; i++) {
		ask(&a, at, NULL);
		ck_assert_uint_eq(tcp_caller_load(caller, at), 1);
		serve(&a, 0);
		ck_assert(a.call.reused == (i > 0));
		ck_assert_uint_eq(tcp_caller_load(caller, at), 0);
	}
	ck_assert_uint_eq(peer_count, 1);
}
END_TEST

START_TEST(test_send_one_call_a_connection)
{
	struct asked first, second;
	ask(&first, at, NULL);
	expect_heard(0, CALL);
	ask(&second, at, NULL);
	serve(&second, 1);
	ck_assert_uint_eq(first.ends, 0);
	say(&peers[0], REPLY);
	expect_end(&first, TCP_CALL_REPLIED);
}
END_TEST

START_TEST(test_send_fresh)
{
	struct asked a;
	ask(&a, at, NULL);
	serve(&a, 0);
	a.ends = 0;
	a.call.fresh = true;
	ck_assert_int_eq(tcp_caller_send(caller, &a.call), 0);
	serve(&a, 1);
	ck_assert(!a.call.reused);
}
END_TEST

START_TEST(test_send_a_reply_in_pieces)
{
	struct asked a;
	ask(&a, at, NULL);
	struct peer *p = expect_heard(0, CALL);
	say(p, "{\"jsonrpc\":");
	for (int i = 0; i < 5; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(a.ends, 0);
	say(p, "1}\n");
	expect_end(&a, TCP_CALL_REPLIED);
	ck_assert_str_eq(a.text, "{\"jsonrpc\":1}");
}
END_TEST

#define AUTH(token) "{\"jsonrpc\":\"2.0\",\"method\":\"auth\",\"params\":[\"" token "\"],\"id\":0}\n"

/* Once for each connection; and what one token has opened no other one uses. */
START_TEST(test_send_with_a_token)
{
	struct asked a;
	ask(&a, at, "alice \"1\"");
	struct peer *p = expect_heard(0, AUTH("alice \\\"1\\\"") CALL);
	say(p, "{\"jsonrpc\":\"2.0\",\"result\":true,\"id\":0}\n" REPLY);
	expect_end(&a, TCP_CALL_REPLIED);
	ck_assert_str_eq(a.text, "{\"jsonrpc\":\"2.0\",\"result\":144,\"id\":1}");
	ask(&a, at, "alice \"1\"");
	serve(&a, 0);
	ask(&a, at, "bob");
	p = expect_heard(1, AUTH("bob") CALL);
	say(p, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32003},\"id\":0}\n");
	expect_end(&a, TCP_CALL_REFUSED);
	ask(&a, at, NULL);
	serve(&a, 2);
}
END_TEST

/* ---- limits ---- */

START_TEST(test_send_more_than_connections)
{
	static struct asked many[TCP_CALLER_CONNECTIONS], waiting[2];
	for (unsigned i = 0; i < TCP_CALLER_CONNECTIONS; i++)
		ask(&many[i], at, NULL);
	for (unsigned i = 0; i < TCP_CALLER_CONNECTIONS; i++)
		expect_heard(i, CALL);
	ask(&waiting[0], at, NULL);
	ask(&waiting[1], at, NULL);
	ck_assert_uint_eq(tcp_caller_load(caller, at), TCP_CALLER_CONNECTIONS + 2);
	say(&peers[7], REPLY);
	expect_heard(7, CALL); /* who waited first has its connection */
	say(&peers[7], REPLY);
	expect_end(&waiting[0], TCP_CALL_REPLIED);
	expect_heard(7, CALL);
	tcp_caller_cancel(&waiting[1].call);
	ck_assert(loop_until(&loop, peer_has_ended, &peers[7], DEADLINE_MS));
	ck_assert_uint_eq(peer_count, TCP_CALLER_CONNECTIONS);
	ck_assert_uint_eq(waiting[1].ends, 0);
}
END_TEST

START_TEST(test_cancel_gives_the_place_to_who_waits)
{
	static struct asked many[TCP_CALLER_CONNECTIONS], waiting[2];
	for (unsigned i = 0; i < TCP_CALLER_CONNECTIONS; i++)
		ask(&many[i], at, NULL);
	for (unsigned i = 0; i < TCP_CALLER_CONNECTIONS; i++)
		expect_heard(i, CALL);
	ask(&waiting[0], at, NULL);
	ask(&waiting[1], at, NULL);
	tcp_caller_cancel(&waiting[0].call); /* it waits no more */
	tcp_caller_cancel(&many[3].call);
	serve(&waiting[1], TCP_CALLER_CONNECTIONS);
	/* not an orderly end, to which the worker would go on computing */
	ck_assert(loop_until(&loop, peer_has_ended, &peers[3], DEADLINE_MS));
	ck_assert_int_eq(peers[3].end, UV_ECONNRESET);
	ck_assert_uint_eq(waiting[0].ends + many[3].ends, 0);
	tcp_caller_cancel(&many[3].call); /* once more does nothing */
}
END_TEST

START_TEST(test_a_reply_without_end)
{
	static char piece[65537];
	struct asked a;
	memset(piece, 'x', sizeof piece - 1);
	ask(&a, at, NULL);
	struct peer *p = expect_heard(0, CALL);
	uv_buf_t bytes = uv_buf_init(piece, sizeof piece - 1);
	size_t sent = 0;
	while (a.ends == 0 && sent < 2 * TCP_CALLER_REPLY_MAX) {
		int n = uv_try_write((uv_stream_t *)&p->tcp, &bytes, 1);
		sent += n > 0 ? (size_t)n : 0;
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	expect_end(&a, TCP_CALL_LOST);
}
END_TEST

/* ---- faults ---- */

START_TEST(test_send_where_nobody_listens)
{
	struct asked a;
	ask(&a, "127.0.0.1:1", NULL);
	expect_end(&a, TCP_CALL_UNREACHED);
	ask(&a, "[::1]:1", NULL);
	expect_end(&a, TCP_CALL_UNREACHED);
	a.call.at = "nowhere";
	ck_assert_int_eq(tcp_caller_send(caller, &a.call), ERR_INVALID);
}
END_TEST

START_TEST(test_the_worker_goes)
{
	struct asked a;
	ask(&a, at, NULL);
	peer_close(expect_heard(0, CALL));
	expect_end(&a, TCP_CALL_LOST);
	ask(&a, at, NULL);
	serve(&a, 1);
	peer_close(&peers[1]); /* while it rests: the next call has one of its own */
	for (int i = 0; i < 5; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	ask(&a, at, NULL);
	serve(&a, 2);
}
END_TEST

START_TEST(test_what_was_not_asked_for)
{
	struct asked a;
	ask(&a, at, NULL);
	struct peer *p = expect_heard(0, CALL);
	say(p, REPLY "more\n");
	expect_end(&a, TCP_CALL_REPLIED);
	ck_assert(loop_until(&loop, peer_has_ended, p, DEADLINE_MS));
	ask(&a, at, NULL);
	serve(&a, 1);
	say(&peers[1], "unasked\n");
	ck_assert(loop_until(&loop, peer_has_ended, &peers[1], DEADLINE_MS));
}
END_TEST

START_TEST(test_cancel_before_it_is_connected)
{
	struct asked a;
	ask(&a, at, NULL);
	tcp_caller_cancel(&a.call);
	ask(&a, at, NULL);
	while (!has_ended(&a)) {
		uv_run(&loop, UV_RUN_ONCE);
		for (unsigned i = 0; i < peer_count; i++)
			if (peers[i].open && peers[i].in.len) {
				buf_clear(&peers[i].in);
				say(&peers[i], REPLY);
			}
	}
	ck_assert_int_eq(a.end, TCP_CALL_REPLIED);
	ck_assert_uint_eq(a.ends, 1);
}
END_TEST

START_TEST(test_free_with_calls_on_their_way)
{
	static struct asked many[TCP_CALLER_CONNECTIONS + 5];
	for (size_t i = 0; i < sizeof many / sizeof *many; i++)
		ask(&many[i], at, i % 2 ? "token" : NULL);
	expect_heard(0, CALL);
	tcp_caller_free(caller);
	for (int i = 0; i < 20; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	for (size_t i = 0; i < sizeof many / sizeof *many; i++) {
		tcp_caller_cancel(&many[i].call);
		ck_assert_uint_eq(many[i].ends, 0);
	}
	caller = NULL;
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tcp_caller");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	TCase *all[] = { core, limits, faults };
	tcase_add_test(core, test_send_keeps_the_connection);
	tcase_add_test(core, test_send_one_call_a_connection);
	tcase_add_test(core, test_send_fresh);
	tcase_add_test(core, test_send_a_reply_in_pieces);
	tcase_add_test(core, test_send_with_a_token);
	tcase_add_test(limits, test_send_more_than_connections);
	tcase_add_test(limits, test_cancel_gives_the_place_to_who_waits);
	tcase_add_test(limits, test_a_reply_without_end);
	tcase_add_test(faults, test_send_where_nobody_listens);
	tcase_add_test(faults, test_the_worker_goes);
	tcase_add_test(faults, test_what_was_not_asked_for);
	tcase_add_test(faults, test_cancel_before_it_is_connected);
	tcase_add_test(faults, test_free_with_calls_on_their_way);
	for (int i = 0; i < 3; i++) {
		tcase_add_checked_fixture(all[i], setup, teardown);
		suite_add_tcase(s, all[i]);
	}
	return suite_run(s);
}
