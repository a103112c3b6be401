/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The opening line of a TCP connection while there are tokens, by itself and in a session. */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compute_run.h"
#include "executor.h"
#include "loop_until.h"
#include "suite_run.h"
#include "tcp_auth.h"
#include "tcp_session.h"

#define AUTH(token, id) "{\"jsonrpc\":\"2.0\",\"method\":\"auth\",\"params\":[\"" token "\"],\"id\":" id "}"
#define GOOD(id) "{\"jsonrpc\":\"2.0\",\"result\":true,\"id\":" id "}\n"

static struct tokens *tokens;

/* Tokens "can-submit", "only-read", "all". */
static void make_tokens(void)
{
	static const struct {
		const char *token, *scopes;
	} entries[] = { { "can-submit", "submit" }, { "only-read", "read,metrics" }, { "all", "admin" } };
	char path[] = "/tmp/square-tokens.XXXXXX";
	int fd = mkstemp(path);
	struct errinfo info = { 0 };
	ck_assert_int_ge(fd, 0);
	for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
		uint8_t digest[TOKENS_DIGEST_BYTES];
		tokens_digest(entries[i].token, strlen(entries[i].token), digest);
		dprintf(fd, "%s:%s:", entries[i].token, entries[i].scopes);
		for (int k = 0; k < TOKENS_DIGEST_BYTES; k++)
			dprintf(fd, "%02x", digest[k]);
		dprintf(fd, "\n");
	}
	close(fd);
	ck_assert_msg(tokens_load(path, &tokens, &info) == 0, "%s", info.text);
	unlink(path);
}

static void free_tokens(void)
{
	tokens_free(tokens);
	tokens = NULL;
}

/* ---- the line ---- */

static const struct {
	const char *line, *reply;
} good[] = {
	{ AUTH("can-submit", "0"), GOOD("0") },
	{ AUTH("all", "\"x\\\"y\""), GOOD("\"x\\\"y\"") },
	{ "{\"id\":-7,\"params\":[\"all\"],\"method\":\"auth\",\"jsonrpc\":\"2.0\"}", GOOD("-7") },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"auth\",\"params\":[\"all\"]}",
	  GOOD("null") }, /* said aloud all the same */
};

START_TEST(test_tcp_auth_line_good)
{
	struct buf out = BUF_INIT;
	ck_assert(tcp_auth_line(tokens, good[_i].line, strlen(good[_i].line), &out));
	ck_assert_str_eq(buf_cstr(&out), good[_i].reply);
	buf_fini(&out);
}
END_TEST

static const struct {
	const char *line, *detail, *id;
} bad[] = {
	{ "12", "first, got another line", "null" },
	{ "{", "first, got another line", "null" },
	{ "[" AUTH("all", "1") "]", "first, got another line", "null" },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"square\",\"params\":[12],\"id\":3}", "first, got another line", "3" },
	{ "{\"method\":\"auth\",\"params\":[\"all\"],\"id\":3}", "first, got another line", "3" },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"auth\",\"method\":\"auth\",\"params\":[\"all\"],\"id\":3}",
	  "first, got another line", "null" },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"auth\",\"id\":\"q\"}", "expected params to be an array of one string",
	  "\"q\"" },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"auth\",\"params\":{\"token\":\"all\"},\"id\":1}", "array of one string",
	  "1" },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"auth\",\"params\":[\"all\",1],\"id\":1}", "array of one string", "1" },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"auth\",\"params\":[12],\"id\":1}", "array of one string", "1" },
	{ AUTH("All", "1"), "expected a token that this service knows, got another", "1" },
	{ AUTH("", "1"), "expected a token that this service knows, got another", "1" },
	{ AUTH("all\\u0000", "1"), "expected", "null" }, /* a NUL is refused by the reader */
	{ AUTH("only-read", "1"), "expected a token with the scope submit, \"only-read\" has read, metrics", "1" },
	{ AUTH("all", "[1]") "x", "first, got another line", "null" },
};

START_TEST(test_tcp_auth_line_bad)
{
	struct buf out = BUF_INIT;
	ck_assert(!tcp_auth_line(tokens, bad[_i].line, strlen(bad[_i].line), &out));
	json_t *reply = json_loads(buf_cstr(&out), 0, NULL), *error = json_object_get(reply, "error");
	ck_assert_ptr_nonnull(reply);
	ck_assert_int_eq(json_integer_value(json_object_get(error, "code")), -32003);
	const char *detail = json_string_value(json_object_get(json_object_get(error, "data"), "detail"));
	ck_assert_ptr_nonnull(detail);
	ck_assert_msg(strstr(detail, bad[_i].detail) != NULL, "%s", detail);
	char *id = json_dumps(json_object_get(reply, "id"), JSON_ENCODE_ANY);
	ck_assert_str_eq(id, bad[_i].id);
	free(id);
	json_decref(reply);
	buf_fini(&out);
}
END_TEST

/* An id too long to be given back is answered with null, not cut. */
START_TEST(test_tcp_auth_line_long_id)
{
	struct buf line = BUF_INIT, out = BUF_INIT;
	buf_puts(&line, "{\"jsonrpc\":\"2.0\",\"method\":\"auth\",\"params\":[\"all\"],\"id\":\"");
	for (int i = 0; i < 5000; i++)
		buf_byte(&line, 'x');
	buf_puts(&line, "\"}");
	ck_assert(tcp_auth_line(tokens, line.data, line.len, &out));
	ck_assert_str_eq(buf_cstr(&out), GOOD("null"));
	buf_fini(&line);
	buf_fini(&out);
}
END_TEST

/* ---- in a session ---- */

static uv_loop_t loop;
static struct compute_run compute;
static struct executor *ex;
static struct tcp_session *session;

static void on_output(void *arg)
{
	(void)arg;
}

static void set_up_session(void)
{
	make_tokens();
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	compute_run_start(&compute, &loop, 1);
	ex = executor_new(&loop, 2, compute.pool);
	session = tcp_session_new(ex, on_output, NULL);
	tcp_session_require(session, tokens);
}

static void tear_down_session(void)
{
	tcp_session_free(session);
	executor_free(ex);
	compute_run_stop(&compute);
	ck_assert_msg(loop_finish(&loop), "a handle was left open");
	compute_run_end(&compute);
	free_tokens();
}

static const char *said(void)
{
	return buf_cstr(tcp_session_output(session));
}

static enum tcp_session_state feed(const char *text)
{
	return tcp_session_feed(session, text, strlen(text));
}

START_TEST(test_tcp_session_require_then_serves)
{
	ck_assert(tcp_session_stranger(session));
	ck_assert_int_eq(feed("\r\n \n" AUTH("can-submit", "1") "\r\n12\n" AUTH("can-submit", "2") "\n"),
			 TCP_SESSION_READY);
	ck_assert(!tcp_session_stranger(session));
	ck_assert_int_eq(strncmp(said(), GOOD("1") "144\n", strlen(GOOD("1") "144\n")), 0);
	ck_assert_ptr_nonnull(strstr(said(), "-32601")); /* auth is no operation */
}
END_TEST

START_TEST(test_tcp_session_require_byte_by_byte)
{
	static const char line[] = AUTH("can-submit", "1") "\n7\n";
	for (size_t i = 0; i < sizeof line - 1; i++)
		ck_assert_int_eq(tcp_session_feed(session, line + i, 1), TCP_SESSION_READY);
	ck_assert_str_eq(said(), GOOD("1") "49\n");
}
END_TEST

/* What follows a refused line is not looked at. */
START_TEST(test_tcp_session_require_refuses)
{
	ck_assert_int_eq(feed("12\n" AUTH("can-submit", "1") "\n13\n"), TCP_SESSION_OVER);
	ck_assert(tcp_session_refused(session));
	ck_assert(!tcp_session_stranger(session));
	ck_assert_ptr_nonnull(strstr(said(), "\"code\":-32003"));
	ck_assert_ptr_eq(strchr(said(), '\n'), said() + strlen(said()) - 1);
}
END_TEST

START_TEST(test_tcp_session_require_at_the_end_of_input)
{
	ck_assert_int_eq(feed(AUTH("only-read", "1")), TCP_SESSION_READY);
	ck_assert_int_eq(tcp_session_eof(session), TCP_SESSION_OVER);
	ck_assert_ptr_nonnull(strstr(said(), "-32003"));
}
END_TEST

START_TEST(test_tcp_session_late)
{
	ck_assert_int_eq(feed("{\"jsonrpc\""), TCP_SESSION_READY);
	ck_assert_int_eq(tcp_session_late(session), TCP_SESSION_OVER);
	ck_assert(tcp_session_refused(session));
	ck_assert_ptr_nonnull(strstr(said(), "within 2000 ms, got no whole line"));
	ck_assert_int_eq(feed(AUTH("can-submit", "1") "\n12\n"), TCP_SESSION_OVER);
	ck_assert_ptr_null(strstr(said(), "144"));
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

int main(void)
{
	Suite *s = suite_create("tcp_auth");
	TCase *core = tcase_create("core"), *faults = tcase_create("faults");
	tcase_add_checked_fixture(core, make_tokens, free_tokens);
	tcase_add_loop_test(core, test_tcp_auth_line_good, 0, COUNT(good));
	tcase_add_loop_test(core, test_tcp_auth_line_bad, 0, COUNT(bad));
	tcase_add_test(core, test_tcp_auth_line_long_id);
	tcase_add_checked_fixture(faults, set_up_session, tear_down_session);
	tcase_add_test(faults, test_tcp_session_require_then_serves);
	tcase_add_test(faults, test_tcp_session_require_byte_by_byte);
	tcase_add_test(faults, test_tcp_session_require_refuses);
	tcase_add_test(faults, test_tcp_session_require_at_the_end_of_input);
	tcase_add_test(faults, test_tcp_session_late);
	tcase_set_timeout(faults, 60);
	suite_add_tcase(s, core);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
