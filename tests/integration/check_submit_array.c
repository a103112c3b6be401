/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arrays of submissions on the real binaries. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "raw_client.h"
#include "rlink.h"
#include "submit_lab.h"
#include "suite_run.h"
#include "wait_until.h"

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

/* ---- arrays ---- */

static const struct {
	const char *item, *type, *says;
} mixed[] = {
	{ "{\"op\":\"square\",\"args\":[3]}", NULL, "\"args\": [3]" },
	{ "{\"op\":\"sqare\",\"args\":[3]}", "unknown-operation", "did you mean \\\"square\\\"" },
	{ "{\"op\":\"square\",\"args\":[[]]}", "invalid-submission", "\"pointer\": \"/args/0\"" },
	{ "7", "invalid-submission", "\"pointer\": \"\"" },
	{ "[{\"op\":\"square\",\"args\":[3]}]", "invalid-submission", "got an array" },
	{ "{\"op\":\"square\",\"args\":[1,2],\"extra/\":1,\"delay_ms\":-1}", "invalid-submission", "\"/extra~1\"" },
	{ "{\"op\":\"echo\",\"args\":[{\"a\":[\"],[\\\"\"]}] , \"priority\" : \"low\"}", NULL,
	  "\"priority\": \"low\"" },
	{ "{\"args\":[1],\"op\":\"square\",\"delay_ms\":86400000}", NULL, "\"state\": \"delayed\"" },
	{ "{\"op\":\"square\",\"args\":[1],\"queue\":\"arr-ay\"}", NULL, "\"queue\": \"arr-ay\"" },
	{ "{\"op\":\"square\",\"args\":[1],\"queue\":\"Arr\"}", "invalid-submission", "\"/queue\"" },
	{ "null", "invalid-submission", "got null" },
	{ "{}", "invalid-submission", "\"/op\"" },
};

/* In order, each on its own, and with its own whole problem. */
START_TEST(test_array_of_good_and_bad)
{
	struct buf body = BUF_INIT;
	int accepted = 0;
	for (int i = 0; i < COUNT(mixed); i++)
		buf_printf(&body, "%s\n %s ", i ? "," : " [", mixed[i].item);
	buf_puts(&body, "]\n");
	ck_assert_int_eq(submit_lab_ask(0, "POST", "/v1/jobs",
					"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
					buf_cstr(&body)),
			 202);
	ck_assert_uint_eq(json_array_size(json_object_get(submit_lab.answer.json, "items")), COUNT(mixed));
	for (int i = 0; i < COUNT(mixed); i++) {
		char type[60];
		char *all = json_dumps(submit_lab_item((size_t)i), JSON_COMPACT);
		char *spaced = json_dumps(submit_lab_item((size_t)i), 0);
		ck_assert_msg(strstr(spaced, mixed[i].says) != NULL, "%d: %s", i, spaced);
		if (mixed[i].type) {
			snprintf(type, sizeof type, "/problems/%s", mixed[i].type);
			ck_assert_str_eq(submit_lab_item_text((size_t)i, "type"), type);
			ck_assert_int_eq(json_integer_value(json_object_get(submit_lab_item((size_t)i), "status")),
					 422);
			ck_assert_str_eq(submit_lab_item_text((size_t)i, "instance"),
					 submit_lab_header("X-Request-Id"));
			ck_assert_str_ne(submit_lab_item_text((size_t)i, "title"), "");
			ck_assert_str_ne(submit_lab_item_text((size_t)i, "detail"), "");
		} else {
			accepted++;
			ck_assert_uint_eq(strlen(submit_lab_item_text((size_t)i, "id")), 36);
			ck_assert_str_eq(submit_lab_item_text((size_t)i, "trace_id"),
					 "4bf92f3577b34da6a3ce929d0e0e4736");
		}
		free(all);
		free(spaced);
	}
	ck_assert_uint_eq(json_array_size(json_object_get(submit_lab_item(5), "errors")), 3);
	ck_assert_int_eq(submit_lab_number("accepted"), accepted);
	ck_assert_int_eq(submit_lab_number("rejected"), COUNT(mixed) - accepted);
	buf_fini(&body);
}
END_TEST

static const struct {
	const char *path, *body, *type, *says;
	long status;
} arrays[] = {
	{ "/v1/jobs", "[]", "invalid-submission", "1 to 1000 submissions, got an empty array", 422 },
	{ "/v1/jobs", " [ ] ", "invalid-submission", "\"pointer\":\"\"", 422 },
	{ "/v1/jobs", "[{\"op\":\"square\",\"args\":[1]},]", "malformed-json", "\"position\":28", 400 },
	{ "/v1/jobs", "[{\"op\":\"square\",\"args\":[1]}\n {\"op\":\"square\",\"args\":[1]}]", "malformed-json",
	  "\"line\":2,\"column\":2,\"position\":29", 400 },
	{ "/v1/jobs", "[{\"op\":\"square\",\"op\":\"square\"}]", "malformed-json", "duplicate", 400 },
	{ "/v1/jobs", "[{\"op\":\"square\",\"args\":[1]}", "malformed-json", "end of file", 400 },
	{ "/v1/jobs", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", "malformed-json",
	  "at most 32 levels", 400 },
	{ "/v1/jobs?wait=x", "[{\"op\":\"square\",\"args\":[1]}]", "bad-request", "`wait`", 400 },
};

START_TEST(test_array_that_is_refused)
{
	char type[60];
	ck_assert_int_eq(submit_lab_post(arrays[_i].path, arrays[_i].body), arrays[_i].status);
	snprintf(type, sizeof type, "/problems/%s", arrays[_i].type);
	ck_assert_str_eq(submit_lab_text("type"), type);
	ck_assert_msg(strstr(submit_lab.answer.body, arrays[_i].says) != NULL, "%s", submit_lab.answer.body);
}
END_TEST

/* What is deep enough for a single submission is deep enough for an item. */
START_TEST(test_array_depth)
{
	for (int depth = 31; depth <= 32; depth++) { /* of the arguments; the submission is one more */
		struct buf body = BUF_INIT;
		buf_puts(&body, "[{\"op\":\"echo\",\"args\":");
		for (int i = 0; i < depth; i++)
			buf_byte(&body, '[');
		for (int i = 0; i < depth; i++)
			buf_byte(&body, ']');
		buf_puts(&body, "}]");
		ck_assert_int_eq(submit_lab_post("/v1/jobs", buf_cstr(&body)), depth == 31 ? 202 : 400);
		buf_consume(&body, 1);
		body.len--;
		ck_assert_int_eq(submit_lab_post("/v1/jobs", buf_cstr(&body)), depth == 31 ? 202 : 400);
		buf_fini(&body);
	}
}
END_TEST

static void put_squares(struct buf *body, int n, const char *more)
{
	for (int i = 0; i < n; i++)
		buf_printf(body, "%c{\"op\":\"square\",\"args\":[%d]%s}", i ? ',' : '[', i, more);
	buf_byte(body, ']');
}

START_TEST(test_array_of_the_largest_size)
{
	struct buf body = BUF_INIT;
	put_squares(&body, 1000, "");
	ck_assert_int_eq(submit_lab_post("/v1/jobs?wait=20", buf_cstr(&body)), 200);
	ck_assert_int_eq(submit_lab_number("accepted"), 1000);
	ck_assert_int_eq(submit_lab_number("rejected"), 0);
	ck_assert_str_eq(submit_lab_header("Preference-Applied"), "wait=20");
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(json_integer_value(json_object_get(submit_lab_item((size_t)i), "result")), i * i);
	buf_clear(&body);
	put_squares(&body, 1000, ",\"idempotency_key\":\"one of many\",\"queue\":\"many\"");
	ck_assert_int_eq(submit_lab_post("/v1/jobs", buf_cstr(&body)), 202); /* the first one takes the key */
	ck_assert_int_eq(submit_lab_number("accepted"), 1);
	ck_assert_str_eq(submit_lab_item_text(999, "type"), "/problems/idempotency-key-reused");
	ck_assert_uint_eq(submit_lab_jobs_of("many"), 1);
	buf_clear(&body);
	put_squares(&body, 1001, "");
	ck_assert_int_eq(submit_lab_post("/v1/jobs", buf_cstr(&body)), 413);
	ck_assert_str_eq(submit_lab_text("type"), "/problems/too-large");
	ck_assert_ptr_nonnull(strstr(submit_lab_text("detail"), "at most 1000 submissions in an array, got 1001"));
	buf_fini(&body);
}
END_TEST

/* 40 times the same job, by its key, with a result of 900,001 digits: what does not fit is left to be fetched. */
START_TEST(test_array_answer_is_bounded)
{
	static const char one[] = "{\"op\":\"pow\",\"args\":[10,900000],\"idempotency_key\":\"long\"}";
	struct buf body = BUF_INIT;
	char id[SUBMIT_LAB_ID_SIZE], path[60];
	size_t whole = 0;
	ck_assert_int_eq(submit_lab_post("/v1/jobs?wait=15", one), 200);
	submit_lab_id(id);
	snprintf(path, sizeof path, "/v1/jobs/%s", id);
	for (int i = 0; i < 40; i++)
		buf_printf(&body, "%c%s", i ? ',' : '[', one);
	buf_byte(&body, ']');
	ck_assert_int_eq(submit_lab_post("/v1/jobs", buf_cstr(&body)), 202);
	ck_assert_int_eq(submit_lab_number("accepted"), 40);
	for (size_t i = 0; i < 40; i++) {
		if (strcmp(submit_lab_item_text(i, "id"), id) == 0) {
			ck_assert_uint_eq(strlen(submit_lab_item_text(i, "result")), 900001);
			whole++;
			continue;
		}
		ck_assert_str_eq(submit_lab_item_text(i, "type"), "/problems/too-large");
		ck_assert_str_eq(submit_lab_item_text(i, "job"), path);
	}
	ck_assert_uint_eq(whole, 37); /* of 32 MiB */
	buf_fini(&body);
}
END_TEST

START_TEST(test_array_with_new_queues)
{
	struct buf body = BUF_INIT;
	for (int i = 0; i < 40; i++)
		buf_printf(&body, "%c{\"op\":\"square\",\"args\":[%d],\"queue\":\"new-%d\"}", i ? ',' : '[', i, i % 20);
	buf_byte(&body, ']');
	ck_assert_int_eq(submit_lab_post("/v1/jobs", buf_cstr(&body)), 202);
	ck_assert_int_eq(submit_lab_number("accepted"), 40);
	for (int i = 0; i < 40; i++) {
		char queue[20];
		snprintf(queue, sizeof queue, "new-%d", i % 20);
		ck_assert_str_eq(submit_lab_item_text((size_t)i, "queue"), queue);
	}
	ck_assert_uint_eq(submit_lab_jobs_of("new-7"), 2);
	buf_fini(&body);
}
END_TEST

START_TEST(test_array_wait_that_is_too_short)
{
	ck_assert_int_eq(submit_lab_post("/v1/jobs?wait=0.5", "[{\"op\":\"square\",\"args\":[3]},{\"op\":\"nope\"},"
							      "{\"op\":\"square\",\"args\":[1],\"queue\":\"nobody\"}]"),
			 202);
	ck_assert_int_eq(submit_lab_number("accepted"), 2);
	ck_assert_str_eq(submit_lab_item_text(1, "type"), "/problems/unknown-operation");
	ck_assert_str_eq(submit_lab_item_text(2, "state"), "queued");
	ck_assert_str_eq(submit_lab_header("Preference-Applied"), "wait=0.5");
	/* all that was accepted has ended: the bad one does not keep it waiting */
	ck_assert_int_eq(submit_lab_post("/v1/jobs?wait=15", "[{\"op\":\"div\",\"args\":[1,0]},{\"op\":\"nope\"},"
							     "{\"op\":\"sleep\",\"args\":[100]}]"),
			 200);
	ck_assert_str_eq(submit_lab_item_text(0, "state"), "failed");
	ck_assert_str_eq(submit_lab_item_text(2, "state"), "succeeded");
}
END_TEST

/* ---- faults ---- */

static bool takes_an_array(void *arg)
{
	(void)arg;
	return submit_lab_post("/v1/jobs?wait=15", "[{\"op\":\"square\",\"args\":[1]}]") == 200;
}

START_TEST(test_array_while_redis_hangs)
{
	int first = 0;
	struct role_run *w = submit_lab_role("web-role", "WebRole_IN_6", NULL); /* with the usual deadline */
	struct role_run *usual = submit_lab.web[first];
	submit_lab.web[first] = w;
	ck_assert(wait_until(takes_an_array, NULL, SUBMIT_LAB_DEADLINE_MS));
	kill(redis_private_pid(submit_lab.redis), SIGSTOP);
	long status = submit_lab_ask_once(
	    first, "POST", "/v1/jobs?wait=5", NULL,
	    "[{\"op\":\"square\",\"args\":[1]},{\"op\":\"square\"},{\"op\":\"square\",\"args\":[2]}]");
	char *body = strdup(submit_lab.answer.body);
	long other = submit_lab_ask_once(first, "POST", "/v1/jobs", NULL,
					 "[{\"op\":\"square\",\"args\":[1],\"queue\":\"unheard-of\"}]");
	kill(redis_private_pid(submit_lab.redis), SIGCONT);
	ck_assert_msg(status == 503, "%ld %s", status, body);
	ck_assert_int_eq(other, 503);
	json_t *tree = json_loads(body, 0, NULL);
	const json_t *items = json_object_get(tree, "items");
	ck_assert_str_eq(json_string_value(json_object_get(tree, "type")), "/problems/queue-unavailable");
	ck_assert_uint_eq(json_array_size(items), 3);
	ck_assert_ptr_nonnull(json_object_get(json_array_get(items, 0), "job")); /* perhaps accepted: where to look */
	ck_assert_ptr_null(json_object_get(json_array_get(items, 1), "job"));
	json_decref(tree);
	free(body);
	ck_assert(wait_until(submit_lab_ready, &first, SUBMIT_LAB_DEADLINE_MS));
	ck_assert(wait_until(takes_an_array, NULL, SUBMIT_LAB_DEADLINE_MS));
	submit_lab.web[first] = usual;
	ck_assert_int_eq(role_run_stop(w), 0);
}
END_TEST

/* The reply list is a hint: with the links cut while the jobs run, a wait for many ends by its own looks. */
START_TEST(test_array_wait_without_the_reply_list)
{
	struct raw_client c;
	struct raw_answer a = { 0 };
	struct errinfo info;
	struct buf body = BUF_INIT, request = BUF_INIT;
	for (int i = 0; i < 100; i++)
		buf_printf(&body, "%c{\"op\":\"sleep\",\"args\":[%d]}", i ? ',' : '[', i % 10 ? 1 : 600);
	buf_byte(&body, ']');
	buf_printf(&request, "POST /v1/jobs?wait=20 HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n%s",
		   body.len, buf_cstr(&body));
	ck_assert(raw_connect(&c, role_run_port(submit_lab.web[0]), NULL, 0, SUBMIT_LAB_DEADLINE_MS));
	ck_assert(raw_send(&c, request.data, request.len, SUBMIT_LAB_DEADLINE_MS));
	raw_listen(&c, 300);
	struct rsync *s = rsync_open(redis_private_url(submit_lab.redis), 5000, &info);
	for (int i = 0; i < 3; i++) {
		rsync_words(s, &info, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes", NULL);
		raw_listen(&c, 200);
	}
	rsync_close(s);
	ck_assert_int_eq(raw_hear(&c, &a, SUBMIT_LAB_DEADLINE_MS + 5000), RAW_ANSWER);
	ck_assert_msg(a.status == 200, "%u %s", a.status, buf_cstr(&a.body));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&a.body), "{\"accepted\":100,\"rejected\":0,"));
	ck_assert_ptr_null(strstr(buf_cstr(&a.body), "\"done\":false"));
	raw_answer_fini(&a);
	raw_close(&c);
	buf_fini(&body);
	buf_fini(&request);
}
END_TEST

/* Calls of a command that Redis has counted. */
static unsigned long calls_of(const char *command)
{
	struct errinfo info;
	char name[40];
	struct rsync *s = rsync_open(redis_private_url(submit_lab.redis), 5000, &info);
	ck_assert_msg(s != NULL, "%s", info.text);
	snprintf(name, sizeof name, "cmdstat_%s:calls=", command);
	const char *at = strstr(rreply_str(rsync_words(s, &info, "INFO", "commandstats", NULL), NULL), name);
	unsigned long n = at ? strtoul(at + strlen(name), NULL, 10) : 0;
	rsync_close(s);
	return n;
}

/* While it waits it reads each job once a second, hardly more than a wait for a single one; the rest is the worker's.
 */
START_TEST(test_array_wait_reads_little)
{
	static const char one[] = "{\"op\":\"square\",\"args\":[1],\"queue\":\"nobody\"}";
	char two[200];
	unsigned long before = calls_of("get");
	ck_assert_int_eq(submit_lab_post("/v1/jobs?wait=1.5", one), 202);
	unsigned long single = calls_of("get");
	snprintf(two, sizeof two, "[%s,%s]", one, one);
	ck_assert_int_eq(submit_lab_post("/v1/jobs?wait=1.5", two), 202);
	unsigned long both = calls_of("get");
	ck_assert_msg(both - single <= single - before + 50, "%lu reads, %lu of a single wait", both - single,
		      single - before);
}
END_TEST

/* A client that leaves, and an instance that drains, while an array is waited for. */
START_TEST(test_array_wait_that_is_cut)
{
	static const char body[] =
	    "[{\"op\":\"square\",\"args\":[1],\"queue\":\"nobody\"},{\"op\":\"square\",\"args\":[2]}]";
	static const char *const env[] = { "SQUARE_DRAIN_SECONDS=2", NULL };
	struct role_run *w = submit_lab_role("web-role", "WebRole_IN_5", env);
	struct raw_client c[2];
	struct raw_answer a = { 0 };
	struct buf request = BUF_INIT;
	buf_printf(&request, "POST /v1/jobs?wait=60 HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n%s",
		   sizeof body - 1, body);
	for (int i = 0; i < 2; i++) {
		ck_assert(raw_connect(&c[i], role_run_port(w), NULL, 0, SUBMIT_LAB_DEADLINE_MS));
		ck_assert(raw_send(&c[i], request.data, request.len, SUBMIT_LAB_DEADLINE_MS));
		raw_listen(&c[i], 300);
	}
	raw_reset(&c[0]);
	kill(role_run_pid(w), SIGTERM);
	ck_assert_int_eq(raw_hear(&c[1], &a, SUBMIT_LAB_DEADLINE_MS), RAW_ANSWER);
	ck_assert_uint_eq(a.status, 202);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&a.body), "\"state\":\"queued\""));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&a.body), "\"result\":4"));
	ck_assert_int_eq(role_run_stop(w), 0);
	raw_answer_fini(&a);
	raw_close(&c[1]);
	buf_fini(&request);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("submit_array");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	TCase *all[] = { core, limits, faults };
	tcase_add_test(core, test_array_of_good_and_bad);
	tcase_add_test(core, test_array_with_new_queues);
	tcase_add_test(core, test_array_wait_that_is_too_short);
	tcase_add_loop_test(limits, test_array_that_is_refused, 0, COUNT(arrays));
	tcase_add_test(limits, test_array_depth);
	tcase_add_test(limits, test_array_of_the_largest_size);
	tcase_add_test(limits, test_array_answer_is_bounded);
	tcase_add_test(limits, test_array_wait_reads_little);
	tcase_add_test(faults, test_array_while_redis_hangs);
	tcase_add_test(faults, test_array_wait_without_the_reply_list);
	tcase_add_test(faults, test_array_wait_that_is_cut);
	for (int i = 0; i < COUNT(all); i++) {
		tcase_set_timeout(all[i], 120);
		tcase_add_unchecked_fixture(all[i], submit_lab_start, submit_lab_stop);
		suite_add_tcase(s, all[i]);
	}
	return suite_run(s);
}
