/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON-RPC 2.0 without a socket: a line in, a line out. */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute_run.h"
#include "executor.h"
#include "loop_until.h"
#include "rpc.h"
#include "suite_run.h"

#define DEADLINE_MS 60000

static uv_loop_t loop;
static struct executor *ex;
static struct compute_run compute;

static void setup(void)
{
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	compute_run_start(&compute, &loop, 2);
	ex = executor_new(&loop, 2, compute.pool);
	ck_assert_ptr_nonnull(ex);
}

static void teardown(void)
{
	executor_free(ex);
	compute_run_stop(&compute);
	ck_assert_msg(loop_finish(&loop), "a handle was left open");
	compute_run_end(&compute);
}

static void on_done(void *arg)
{
	*(bool *)arg = true;
}

static bool is_done(void *arg)
{
	return *(bool *)arg;
}

/* The whole reply to a line, waiting for it if need be; free it. */
static char *answer(const char *line)
{
	struct buf out = BUF_INIT;
	bool done = false;
	struct rpc *rpc = rpc_answer(line, strlen(line), ex, &out, on_done, &done);

	if (rpc) {
		ck_assert_uint_eq(out.len, 0);
		ck_assert_msg(loop_until(&loop, is_done, &done, DEADLINE_MS), "no reply to %s", line);
		rpc_take(rpc, &out);
	}
	char *text = strdup(buf_cstr(&out));
	buf_fini(&out);
	return text;
}

/* ---- core ---- */

static const struct {
	const char *line, *reply; /* without its line feed; "" for none */
} exact[] = {
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":[1,2],\"id\":7}",
	  "{\"jsonrpc\":\"2.0\",\"result\":3,\"id\":7}" },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"sub\",\"params\":{\"b\":1,\"a\":3},\"id\":\"x\\\"y\"}",
	  "{\"jsonrpc\":\"2.0\",\"result\":2,\"id\":\"x\\\"y\"}" },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":[\"1/3\",\"1/6\"],\"id\":null}",
	  "{\"jsonrpc\":\"2.0\",\"result\":\"1/2\",\"id\":null}" },
	{ "{\"id\":1.50,\"params\":[12],\"method\":\"square\",\"jsonrpc\":\"2.0\"}",
	  "{\"jsonrpc\":\"2.0\",\"result\":144,\"id\":1.50}" },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"square\",\"params\":[12],\"id\":123456789012345678901234567890}",
	  "{\"jsonrpc\":\"2.0\",\"result\":144,\"id\":123456789012345678901234567890}" },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"square\",\"params\":[123456789012345678901234567890],\"id\":1}",
	  "{\"jsonrpc\":\"2.0\",\"result\":\"15241578753238836750495351562536198787501905199875019052100\",\"id\":1}" },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":[\"a\\u0000b\"],\"id\":\"\\u0000\"}",
	  "{\"jsonrpc\":\"2.0\",\"result\":\"a\\u0000b\",\"id\":\"\\u0000\"}" },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"square\",\"params\":[12]}", "" },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"nonsense\"}", "" },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"square\",\"params\":[\"x\"]}", "" },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"sleep\",\"params\":[1]}", "" },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"sleep\",\"params\":[5],\"id\":1}",
	  "{\"jsonrpc\":\"2.0\",\"result\":5,\"id\":1}" },
	{ "[{\"jsonrpc\":\"2.0\",\"method\":\"sleep\",\"params\":[9],\"id\":1},"
	  "{\"jsonrpc\":\"2.0\",\"method\":\"square\",\"params\":[3]},"
	  "{\"jsonrpc\":\"2.0\",\"method\":\"square\",\"params\":[3],\"id\":2},"
	  "{\"jsonrpc\":\"2.0\",\"method\":\"sleep\",\"params\":[3],\"id\":3}]",
	  "[{\"jsonrpc\":\"2.0\",\"result\":9,\"id\":1},{\"jsonrpc\":\"2.0\",\"result\":9,\"id\":2},"
	  "{\"jsonrpc\":\"2.0\",\"result\":3,\"id\":3}]" },
	{ "[{\"jsonrpc\":\"2.0\",\"method\":\"square\",\"params\":[3],\"id\":2}]",
	  "[{\"jsonrpc\":\"2.0\",\"result\":9,\"id\":2}]" },
	{ "[{\"jsonrpc\":\"2.0\",\"method\":\"square\",\"params\":[3]},"
	  "{\"jsonrpc\":\"2.0\",\"method\":\"sleep\",\"params\":[3]}]",
	  "" },
};

START_TEST(test_rpc_answer_exactly)
{
	char *reply = answer(exact[_i].line);
	size_t n = strlen(reply);

	if (exact[_i].reply[0])
		ck_assert_msg(n > 0 && reply[n - 1] == '\n', "%s", reply);
	reply[n ? n - 1 : 0] = '\0';
	ck_assert_str_eq(reply, exact[_i].reply);
	free(reply);
}
END_TEST

/* ---- faults ---- */

#define CALL(method, params) "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":" method ",\"params\":" params "}"

static const struct {
	const char *line;
	int code;
	const char *id;      /* JSON */
	const char *type;    /* data.type; NULL: not said */
	const char *pointer; /* data.errors[0].pointer; NULL: none */
} errors[] = {
	{ "{", -32700, "null", NULL, NULL },
	{ "[", -32700, "null", NULL, NULL },
	{ "[1,]", -32700, "null", NULL, NULL },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"square\",\"params\":[1],\"id\":1,\"id\":2}", -32700, "null", NULL, NULL },
	{ "{\"jsonrpc\": \"2.0\", \"method\": \"foobar, \"params\": \"bar\", \"baz]", -32700, "null", NULL, NULL },
	{ "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", -32700, "null", NULL, NULL },
	{ "[]", -32600, "null", NULL, NULL },
	{ "{}", -32600, "null", NULL, NULL },
	{ "{\"jsonrpc\":\"1.0\",\"method\":\"square\",\"params\":[1],\"id\":1}", -32600, "1", NULL, NULL },
	{ "{\"method\":\"square\",\"params\":[1],\"id\":1}", -32600, "1", NULL, NULL },
	{ "{\"jsonrpc\":\"2.0\",\"params\":[1],\"id\":\"a\"}", -32600, "\"a\"", NULL, NULL },
	{ "{\"jsonrpc\":\"2.0\",\"method\":1,\"params\":\"bar\"}", -32600, "null", NULL, NULL },
	{ "{\"jsonrpc\":\"2.0\",\"method\":1.5,\"id\":3}", -32600, "3", NULL, NULL },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"square\",\"params\":[1],\"id\":[1]}", -32600, "null", NULL, NULL },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"square\",\"params\":[1],\"id\":true}", -32600, "null", NULL, NULL },
	{ CALL("\"square\"", "12"), -32600, "5", NULL, NULL },
	{ CALL("\"square\"", "null"), -32600, "5", NULL, NULL },
	{ CALL("\"squarr\"", "[1]"), -32601, "5", "unknown-name", NULL },
	{ CALL("\"\"", "[1]"), -32601, "5", "unknown-name", NULL },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"square\",\"id\":5}", -32602, "5", "arity", "" },
	{ CALL("\"square\"", "[]"), -32602, "5", "arity", "" },
	{ CALL("\"square\"", "[\"x\"]"), -32602, "5", "invalid-argument", "/0" },
	{ CALL("\"add\"", "{\"a\":1,\"b\":false}"), -32602, "5", "invalid-argument", "/b" },
	{ CALL("\"mod\"", "[1,0]"), -32602, "5", "invalid-argument", "/1" },
	{ CALL("\"div\"", "[1,0]"), -32000, "5", "division-by-zero", "/1" },
	{ CALL("\"factorial\"", "[-1]"), -32000, "5", "domain-error", "/0" },
	{ CALL("\"pow\"", "[9,387420489]"), -32001, "5", "limit-exceeded", NULL },
	{ CALL("\"sleep\"", "{\"ms\":60000,\"timeout_ms\":5}"), -32001, "5", "timeout", NULL },
	{ "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"sleep\",\"params\":[60000],\"timeout_ms\":5}", -32001, "5",
	  "timeout", NULL },
	{ "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"sleep\",\"params\":[1],\"timeout_ms\":0}", -32600, "5", NULL,
	  NULL },
	{ "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"sleep\",\"params\":[1],\"timeout_ms\":60001}", -32600, "5", NULL,
	  NULL },
	{ "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"sleep\",\"params\":[1],\"timeout_ms\":\"5\"}", -32600, "5", NULL,
	  NULL },
	{ CALL("\"add\"", "{\"a\":\"5e999999\",\"b\":\"5e999999\",\"timeout_ms\":60000}"), -32001, "5",
	  "limit-exceeded", NULL },
};

static void check_error(json_t *v, int code, const char *id, const char *type, const char *pointer, const char *text)
{
	json_t *error = json_object_get(v, "error"), *data = json_object_get(error, "data");
	json_t *expected = json_loads(id, JSON_DECODE_ANY, NULL);

	ck_assert_msg(json_integer_value(json_object_get(error, "code")) == code, "expected %d: %s", code, text);
	ck_assert_msg(json_equal(json_object_get(v, "id"), expected), "expected id %s: %s", id, text);
	ck_assert_str_eq(json_string_value(json_object_get(v, "jsonrpc")), "2.0");
	ck_assert_ptr_null(json_object_get(v, "result"));
	ck_assert(json_string_length(json_object_get(error, "message")) > 0);
	ck_assert_msg(json_string_length(json_object_get(data, "detail")) > 0, "%s", text);
	if (type)
		ck_assert_msg(strcmp(json_string_value(json_object_get(data, "type")), type) == 0, "%s", text);
	if (pointer) {
		json_t *first = json_array_get(json_object_get(data, "errors"), 0);
		ck_assert_ptr_nonnull(first);
		ck_assert_msg(strcmp(json_string_value(json_object_get(first, "pointer")), pointer) == 0, "%s", text);
	}
	json_decref(expected);
}

START_TEST(test_rpc_answer_errors)
{
	char *reply = answer(errors[_i].line);
	json_t *v = json_loads(reply, JSON_REJECT_DUPLICATES, NULL);

	ck_assert_msg(json_is_object(v), "%s gave %s", errors[_i].line, reply);
	check_error(v, errors[_i].code, errors[_i].id, errors[_i].type, errors[_i].pointer, reply);
	json_decref(v);
	free(reply);
}
END_TEST

START_TEST(test_rpc_answer_batch_of_nonsense)
{
	char *reply =
	    answer("[1,{\"foo\":\"boo\"},[],{\"jsonrpc\":\"2.0\",\"method\":\"square\",\"params\":[2],\"id\":9}]");
	json_t *v = json_loads(reply, 0, NULL);

	ck_assert_uint_eq(json_array_size(v), 4);
	for (size_t i = 0; i < 3; i++)
		check_error(json_array_get(v, i), -32600, "null", NULL, NULL, reply);
	ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(v, 3), "result")), 4);
	json_decref(v);
	free(reply);
}
END_TEST

START_TEST(test_rpc_suggests_names)
{
	char *reply = answer("{\"jsonrpc\":\"2.0\",\"method\":\"squre\",\"params\":[2],\"id\":9}");

	ck_assert_ptr_nonnull(strstr(reply, "did you mean square?"));
	free(reply);
}
END_TEST

START_TEST(test_rpc_put_error_is_json)
{
	struct buf out = BUF_INIT;

	rpc_put_error(&out, RPC_LINE_TOO_LONG, "a \"detail\"");
	ck_assert_str_eq(buf_cstr(&out),
			 "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32004,\"message\":\"Line too long\","
			 "\"data\":{\"detail\":\"a \\\"detail\\\"\"}},\"id\":null}\n");
	buf_fini(&out);
}
END_TEST

START_TEST(test_rpc_cancel_gives_slots_back)
{
	struct buf out = BUF_INIT;
	bool done = false;
	const char *line = "[{\"jsonrpc\":\"2.0\",\"method\":\"sleep\",\"params\":[60000],\"id\":1},"
			   "{\"jsonrpc\":\"2.0\",\"method\":\"sleep\",\"params\":[60000]},"
			   "{\"jsonrpc\":\"2.0\",\"method\":\"sleep\",\"params\":[60000],\"id\":2}]";
	struct rpc *rpc = rpc_answer(line, strlen(line), ex, &out, on_done, &done);

	ck_assert_ptr_nonnull(rpc);
	ck_assert_uint_eq(executor_running(ex), 2);
	ck_assert_uint_eq(executor_waiting(ex), 1);
	rpc_cancel(rpc);
	ck_assert(!done);
	ck_assert_uint_eq(executor_running(ex), 0);
	ck_assert_uint_eq(executor_waiting(ex), 0);
	buf_fini(&out);
}
END_TEST

/* ---- limits ---- */

START_TEST(test_rpc_busy_while_draining)
{
	executor_drain(ex, NULL, NULL);
	char *reply = answer("{\"jsonrpc\":\"2.0\",\"method\":\"sleep\",\"params\":[5],\"id\":1}");
	json_t *v = json_loads(reply, 0, NULL);

	check_error(v, -32002, "1", NULL, NULL, reply);
	json_decref(v);
	free(reply);
	reply = answer("{\"jsonrpc\":\"2.0\",\"method\":\"square\",\"params\":[5],\"id\":1}");
	ck_assert_ptr_nonnull(strstr(reply, "\"result\":25"));
	free(reply);
}
END_TEST

/* Many short calls in one batch: those beyond the loop's budget run elsewhere, and the order stays. */
START_TEST(test_rpc_large_batch)
{
	struct buf line = BUF_INIT;
	const int count = 600;

	for (int i = 0; i < count; i++)
		buf_printf(&line,
			   "%c{\"jsonrpc\":\"2.0\",\"method\":\"pow\",\"params\":{\"a\":3,\"b\":%d,\"timeout_ms\":"
			   "60000},\"id\":%d}",
			   i ? ',' : '[', 1000 + i % 7, i);
	buf_byte(&line, ']');
	char *reply = answer(buf_cstr(&line));
	json_t *v = json_loads(reply, 0, NULL);
	ck_assert_uint_eq(json_array_size(v), count);
	for (int i = 0; i < count; i++) {
		json_t *one = json_array_get(v, (size_t)i);
		ck_assert_int_eq(json_integer_value(json_object_get(one, "id")), i);
		ck_assert_uint_ge(json_string_length(json_object_get(one, "result")), 478);
	}
	json_decref(v);
	free(reply);
	buf_fini(&line);
}
END_TEST

/* What would need many megabytes at once is not begun. */
START_TEST(test_rpc_batch_of_large_results)
{
	struct buf line = BUF_INIT;
	int good = 0, refused = 0;

	for (int i = 0; i < 12; i++)
		buf_printf(&line,
			   "%c{\"jsonrpc\":\"2.0\",\"method\":\"mul\",\"params\":{\"a\":\"1e900000\",\"b\":1,\"timeout_"
			   "ms\":60000},\"id\":%d}",
			   i ? ',' : '[', i);
	buf_byte(&line, ']');
	char *reply = answer(buf_cstr(&line));
	json_t *v = json_loads(reply, 0, NULL), *one;
	size_t i;
	json_array_foreach(v, i, one)
	{
		if (json_object_get(one, "result"))
			good++;
		else if (json_integer_value(json_object_get(json_object_get(one, "error"), "code")) == -32001)
			refused++;
	}
	ck_assert_int_eq(good, 4);
	ck_assert_int_eq(good + refused, 12);
	json_decref(v);
	free(reply);
	buf_fini(&line);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

int main(void)
{
	Suite *suite = suite_create("rpc");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	TCase *all[] = { core, limits, faults };

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		tcase_set_timeout(all[i], 240);
		tcase_add_checked_fixture(all[i], setup, teardown);
		suite_add_tcase(suite, all[i]);
	}
	tcase_add_loop_test(core, test_rpc_answer_exactly, 0, COUNT(exact));
	tcase_add_test(core, test_rpc_suggests_names);
	tcase_add_test(core, test_rpc_put_error_is_json);
	tcase_add_test(limits, test_rpc_busy_while_draining);
	tcase_add_test(limits, test_rpc_large_batch);
	tcase_add_test(limits, test_rpc_batch_of_large_results);
	tcase_add_loop_test(faults, test_rpc_answer_errors, 0, COUNT(errors));
	tcase_add_test(faults, test_rpc_answer_batch_of_nonsense);
	tcase_add_test(faults, test_rpc_cancel_gives_slots_back);

	return suite_run(suite);
}
