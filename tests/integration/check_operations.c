/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The catalogue on the real service: what is published, that it is true of what is computed, what is refused by it
 * before it is queued, and the expressions of /v4/. */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "exact_json.h"
#include "fabric_run.h"
#include "http_client.h"
#include "suite_run.h"
#include "wait_until.h"

#define SOON_MS 30000
#define DEPTH 64

static struct fabric_run *service;
static struct http_answer answer;

static bool knows_operations(void *arg)
{
	(void)arg;
	http_answer_fini(&answer);
	http_client_get(fabric_run_http(service), "/v1/operations/square", &answer);
	return answer.status == 200;
}

static void start_service(void)
{
	service = fabric_run_start(NULL);
	ck_assert(wait_until(knows_operations, NULL, SOON_MS));
}

static void stop_service(void)
{
	http_answer_fini(&answer);
	ck_assert_int_eq(fabric_run_stop(service), 0);
}

static long ask(const char *method, const char *path, const char *header, const char *body)
{
	const char *headers[] = { header, NULL };
	http_answer_fini(&answer);
	http_client_call(fabric_run_http(service), method, path, headers, body, SOON_MS, &answer);
	return answer.status;
}

static long get(const char *path)
{
	return ask("GET", path, NULL, NULL);
}

static long submit(const char *op, const char *args)
{
	struct buf body = BUF_INIT;
	buf_printf(&body, "{\"op\":\"%s\",\"args\":%s}", op, args);
	long status = ask("POST", "/v1/jobs?wait=30", NULL, buf_cstr(&body));
	buf_fini(&body);
	return status;
}

/* The body with all its digits; the caller's. */
static json_t *exact_body(void)
{
	struct errinfo info;
	json_t *json = exact_json_load(answer.body, strlen(answer.body), DEPTH, &info);
	ck_assert_msg(json != NULL, "%s: %.300s", info.text, answer.body);
	return json;
}

static const char *text_of(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));
	return text ? text : "";
}

/* ---- what is published ---- */

START_TEST(test_catalogue_is_complete)
{
	static const char *const always[] = { "sleep", "echo", "add", "sub", "mul", "div", "square" };
	static const char *const members[] = {
		"name", "family", "summary", "parameters", "result", "limits", "examples"
	};
	const json_t *op, *one;
	size_t i, succeed;
	char path[120], tag[64];
	ck_assert_int_eq(get("/v1/operations"), 200);
	ck_assert_str_eq(http_answer_header(&answer, "content-type"), "application/json");
	json_t *all = exact_body();
	json_array_foreach(json_object_get(all, "operations"), i, op)
	{
		const char *name = text_of(op, "name");
		for (size_t k = 0; k < sizeof members / sizeof *members; k++) {
			const json_t *v = json_object_get(op, members[k]);
			ck_assert_msg(v && !(json_is_string(v) && json_string_length(v) == 0), "%s lacks %s", name,
				      members[k]);
		}
		size_t k;
		succeed = 0;
		json_array_foreach(json_object_get(op, "examples"), k, one)
		{
			ck_assert_msg(!json_object_get(one, "result") != !json_object_get(one, "error"), "%s", name);
			succeed += json_object_get(one, "result") != NULL;
		}
		ck_assert_msg(k >= 2 && succeed > 0, "%s has %zu examples, %zu of success", name, k, succeed);
		snprintf(path, sizeof path, "/v1/operations/%s", name);
		ck_assert_int_eq(get(path), 200);
		json_t *alone = exact_body();
		ck_assert_msg(json_equal(alone, op), "%s", path);
		json_decref(alone);
	}
	ck_assert_uint_gt(i, 0);
	json_decref(all);
	for (i = 0; i < sizeof always / sizeof *always; i++) {
		snprintf(path, sizeof path, "/v1/operations/%s", always[i]);
		ck_assert_int_eq(get(path), 200);
	}
	ck_assert_int_eq(ask("HEAD", "/v1/operations", NULL, NULL), 200);
	ck_assert_str_eq(answer.body, "");
	snprintf(tag, sizeof tag, "%s", http_answer_header(&answer, "etag"));
	ck_assert_int_eq(tag[0], '"');
	snprintf(path, sizeof path, "If-None-Match: \"other\", W/%s", tag);
	ck_assert_int_eq(ask("GET", "/v1/operations", path, NULL), 304);
	ck_assert_str_eq(answer.body, "");
	ck_assert_str_eq(http_answer_header(&answer, "etag"), tag);
	ck_assert_int_eq(ask("GET", "/v1/operations/square", "If-None-Match: \"other\"", NULL), 200);
}
END_TEST

START_TEST(test_unknown_operation_has_a_near_one)
{
	ck_assert_int_eq(get("/v1/operations/sqare"), 404);
	ck_assert_str_eq(http_answer_text(&answer, "type"), "/problems/not-found");
	ck_assert_ptr_nonnull(strstr(http_answer_text(&answer, "detail"), "did you mean \"square\"?"));
	ck_assert_int_eq(get("/v1/operations/quite%20another%22"), 404);
	ck_assert_ptr_null(strstr(http_answer_text(&answer, "detail"), "did you mean"));
	ck_assert_int_eq(ask("POST", "/v1/operations", NULL, "{}"), 405);
	ck_assert_str_eq(http_answer_header(&answer, "allow"), "GET, HEAD, OPTIONS");
}
END_TEST

/* A count or kind of arguments that is wrong is refused before a job is made; what else fails, fails as a job. */
static bool is_true(const json_t *job, long status, const json_t *example)
{
	const json_t *result = json_object_get(example, "result");
	const char *error = text_of(example, "error");
	if (result)
		return status == 200 && json_equal(json_object_get(job, "result"), result);
	if (status == 422)
		return strcmp(text_of(job, "type"), "/problems/invalid-submission") == 0 &&
		       (strcmp(error, "arity") == 0 || strcmp(error, "invalid-argument") == 0);
	return status == 200 && strcmp(text_of(json_object_get(job, "error"), "type"), error) == 0;
}

static void try_example(const char *name, const json_t *example, struct buf *wrong)
{
	struct buf args = BUF_INIT;
	exact_json_dump(&args, json_object_get(example, "args"));
	long status = submit(name, buf_cstr(&args));
	struct errinfo info;
	json_t *job = exact_json_load(answer.body, strlen(answer.body), DEPTH, &info);
	if (!is_true(job, status, example)) {
		buf_printf(wrong, "%s %s: expected ", name, buf_cstr(&args));
		exact_json_dump(wrong,
				json_object_get(example, json_object_get(example, "result") ? "result" : "error"));
		buf_printf(wrong, ", got %ld ", status);
		const char *rest = strstr(answer.body, "\"result\":");
		buf_printf(wrong, "%.200s", rest ? rest : answer.body);
		buf_byte(wrong, '\n');
	}
	json_decref(job);
	buf_fini(&args);
}

START_TEST(test_published_examples_are_true)
{
	const json_t *op, *example;
	struct buf wrong = BUF_INIT;
	size_t i, k, tried = 0;
	ck_assert_int_eq(get("/v1/operations"), 200);
	json_t *all = exact_body();
	json_array_foreach(json_object_get(all, "operations"), i, op)
	{
		json_array_foreach(json_object_get(op, "examples"), k, example)
		{
			try_example(text_of(op, "name"), example, &wrong);
			tried++;
		}
	}
	ck_assert_uint_ge(tried, 2 * i);
	fputs(buf_cstr(&wrong), stderr); /* longer than a message of Check's may be */
	ck_assert_msg(wrong.len == 0, "of %zu examples those above are not true", tried);
	buf_fini(&wrong);
	json_decref(all);
}
END_TEST

static const struct {
	const char *op, *args, *result;
} results[] = {
	{ "square", "[12]", "144" },
	{ "square", "{\"x\":12}", "144" },
	{ "square", "[\"-1.5\"]", "\"9/4\"" },
	{ "add", "[1,\"1/3\"]", "\"4/3\"" },
	{ "add", "{\"a\":1,\"b\":2,\"more\":[3,\"4\"]}", "10" },
	{ "factorial", "[25]", "\"15511210043330985984000000\"" },
};

START_TEST(test_exact_results)
{
	struct errinfo info;
	const char *text = results[_i].result;
	ck_assert_int_eq(submit(results[_i].op, results[_i].args), 200);
	json_t *job = exact_body(), *expected = exact_json_load(text, strlen(text), DEPTH, &info);
	ck_assert_msg(json_equal(json_object_get(job, "result"), expected), "%s", answer.body);
	json_decref(job);
	json_decref(expected);
}
END_TEST

/* ---- refused by what is published ---- */

static const struct {
	const char *op, *args, *pointers; /* all of them, in order */
} refused[] = {
	{ "square", "[]", "/args" },
	{ "echo", "[1,2]", "/args" },
	{ "square", "[1,2,3,4]", "/args" },
	{ "square", "[[1]]", "/args/0" },
	{ "square", "{\"y\":1,\"timeout_ms\":[]}", "/args/y /args/timeout_ms /args/x" },
	{ "add", "[1]", "/args" },
	{ "add", "[true,[],null]", "/args/0 /args/1 /args/2" },
	{ "mean", "[[1,null,\"3\",[4],{\"re\":1}]]", "/args/0/1 /args/0/3 /args/0/4/im" },
	{ "det", "[[[1,true],2,[null,\"x\"]]]", "/args/0/0/1 /args/0/1 /args/0/2/0" },
	{ "add", "{\"a\":1,\"b\":[],\"more\":[1,null]}", "/args/b /args/more/1" },
	{ "factorial", "[2.5]", "/args/0" },
};

START_TEST(test_wrong_arguments_are_refused_with_all_pointers)
{
	struct buf pointers = BUF_INIT;
	const json_t *error;
	size_t i;
	ck_assert_int_eq(submit(refused[_i].op, refused[_i].args), 422);
	ck_assert_str_eq(http_answer_text(&answer, "type"), "/problems/invalid-submission");
	json_array_foreach(json_object_get(answer.json, "errors"), i, error)
	{
		buf_printf(&pointers, "%s%s", i ? " " : "", text_of(error, "pointer"));
		ck_assert_msg(strlen(text_of(error, "detail")) > 10, "%s", answer.body);
	}
	ck_assert_str_eq(buf_cstr(&pointers), refused[_i].pointers);
	buf_fini(&pointers);
}
END_TEST

/* A bound is the operation's own to judge, with an error of its own. */
START_TEST(test_bounds_are_judged_by_the_operation)
{
	static const struct {
		const char *args, *type;
	} cases[] = { { "[-1]", "invalid-argument" }, { "[60001]", "limit-exceeded" } };
	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(submit("sleep", cases[i].args), 200);
		ck_assert_str_eq(http_answer_text(&answer, "state"), "failed");
		ck_assert_str_eq(text_of(json_object_get(answer.json, "error"), "type"), cases[i].type);
	}
}
END_TEST

/* ---- /v4/ ---- */

static const struct {
	const char *query;
	long status;
	const char *text; /* of an error, its beginning */
} queries[] = {
	{ "expr=2*(7-3)", 200, "8" },
	{ "expr=2*(7-3)&precision=14", 200, "8" },
	{ "precision=3&expr=2%2F3", 200, "0.667" },
	{ "expr=2/3", 200, "0.66666666666667" },
	{ "expr=1%2F3&precision=20", 200, "0.33333333333333333333" },
	{ "expr=1+%2B+2", 200, "3" }, /* an unencoded plus is a blank */
	{ "expr=1.2*(2%2B4.5)", 200, "7.8" },
	{ "expr=(2%2B3i)*2", 200, "4 + 6i" },
	{ "expr=[[1,2],[3,4]]*2", 200, "[[2, 4], [6, 8]]" },
	{ "expr=sqrt(-4)", 200, "2i" },
	{ "expr=2*(7-", 400, "SyntaxError: expected " },
	{ "expr=nosuchname%2B1", 400, "Error: " },
	{ "expr=1/0", 400, "Error: " },
	{ "expr=", 400, "SyntaxError: " },
	{ "", 400, "Error: " },
	{ "precision=5", 400, "Error: " },
	{ "expr=1&precision=x", 400, "Error: expected `precision`" },
	{ "expr=1&precision=0", 400, "Error: expected `precision`" },
	{ "expr=1&precision=-3", 400, "Error: expected `precision`" },
	{ "expr=1&expr=2", 400, "Error: expected one `expr`" },
	{ "expr=%zz", 400, "Error: expected one `expr`" },
};

START_TEST(test_v4_get)
{
	char path[200];
	snprintf(path, sizeof path, _i % 2 ? "/v4/?%s" : "/v4?%s", queries[_i].query);
	long status = get(path);
	ck_assert_msg(status == queries[_i].status, "%s: %ld %s", path, status, answer.body);
	ck_assert_str_eq(http_answer_header(&answer, "content-type"), "text/plain; charset=utf-8");
	ck_assert_ptr_nonnull(http_answer_header(&answer, "x-request-id"));
	if (status == 200)
		ck_assert_str_eq(answer.body, queries[_i].text);
	else
		ck_assert_msg(strncmp(answer.body, queries[_i].text, strlen(queries[_i].text)) == 0, "%s: %s", path,
			      answer.body);
}
END_TEST

static const struct {
	const char *body;
	long status;
	const char *result; /* JSON of the member; NULL: failed */
} bodies[] = {
	{ "{\"expr\":\"2*(7-3)\"}", 200, "\"8\"" },
	{ "{\"expr\":\"2/3\",\"precision\":3}", 200, "\"0.667\"" },
	{ "{\"expr\":\"2/3\",\"precision\":null}", 200, "\"0.66666666666667\"" },
	{ "{\"expr\":[\"1+1\",\"2/4\",\"3^2\"],\"precision\":14}", 200, "[\"2\",\"0.5\",\"9\"]" },
	{ "{\"expr\":[]}", 200, "[]" },
	{ "{\"expr\":[\"1+1\",\"1/0\"]}", 400, NULL },
	{ "{\"expr\":\"1+\"}", 400, NULL },
	{ "{\"expr\":7}", 400, NULL },
	{ "{\"expr\":[\"1\",2]}", 400, NULL },
	{ "{}", 400, NULL },
	{ "{\"expr\":", 400, NULL },
	{ "[]", 400, NULL },
	{ "{\"expr\":\"1\",\"precision\":1.5}", 400, NULL },
	{ "{\"expr\":\"1\",\"precision\":\"x\"}", 400, NULL },
};

START_TEST(test_v4_post)
{
	long status = ask("POST", "/v4/", "Content-Type: application/json", bodies[_i].body);
	const json_t *result = json_object_get(answer.json, "result"), *error = json_object_get(answer.json, "error");
	ck_assert_uint_eq(json_object_size(answer.json), 2);
	ck_assert_msg(status == bodies[_i].status, "%s: %ld %s", bodies[_i].body, status, answer.body);
	if (bodies[_i].result) {
		json_t *expected = json_loads(bodies[_i].result, JSON_DECODE_ANY, NULL);
		ck_assert_msg(json_equal(result, expected), "%s: %s", bodies[_i].body, answer.body);
		ck_assert(json_is_null(error));
		json_decref(expected);
	} else {
		ck_assert(json_is_null(result));
		ck_assert_ptr_nonnull(strstr(json_string_value(error), "Error: "));
	}
}
END_TEST

/* An expression a job: all are evaluated, and the answers are in the order asked. */
START_TEST(test_v4_many_expressions)
{
	struct buf body = BUF_INIT;
	buf_puts(&body, "{\"expr\":[");
	for (int i = 0; i < 300; i++)
		buf_printf(&body, "%s\"%d^2\"", i ? "," : "", i);
	buf_puts(&body, "]}");
	ck_assert_int_eq(ask("POST", "/v4/", NULL, buf_cstr(&body)), 200);
	const json_t *results_of = json_object_get(answer.json, "result");
	ck_assert_uint_eq(json_array_size(results_of), 300);
	for (int i = 0; i < 300; i++)
		ck_assert_int_eq(atoi(json_string_value(json_array_get(results_of, (size_t)i))), i * i);
	buf_clear(&body);
	buf_puts(&body, "{\"expr\":[\"1\"");
	for (int i = 0; i < 1000; i++)
		buf_puts(&body, ",\"1\"");
	buf_puts(&body, "]}");
	ck_assert_int_eq(ask("POST", "/v4/", NULL, buf_cstr(&body)), 400);
	buf_fini(&body);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

int main(void)
{
	Suite *s = suite_create("operations");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *v4 = tcase_create("v4");
	TCase *const all[] = { core, limits, v4 };
	for (size_t i = 0; i < 3; i++) {
		tcase_set_timeout(all[i], 300);
		tcase_add_unchecked_fixture(all[i], start_service, stop_service);
		suite_add_tcase(s, all[i]);
	}
	tcase_add_test(core, test_catalogue_is_complete);
	tcase_add_test(core, test_unknown_operation_has_a_near_one);
	tcase_add_test(core, test_published_examples_are_true);
	tcase_add_loop_test(core, test_exact_results, 0, COUNT(results));
	tcase_add_loop_test(limits, test_wrong_arguments_are_refused_with_all_pointers, 0, COUNT(refused));
	tcase_add_test(limits, test_bounds_are_judged_by_the_operation);
	tcase_add_loop_test(v4, test_v4_get, 0, COUNT(queries));
	tcase_add_loop_test(v4, test_v4_post, 0, COUNT(bodies));
	tcase_add_test(v4, test_v4_many_expressions);
	return suite_run(s);
}
