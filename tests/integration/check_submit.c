/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POST /v1/jobs on the real binaries: what a job may wish, and what of it comes true. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "submit_lab.h"
#include "suite_run.h"

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

/* ---- what a job may wish ---- */

static const struct {
	const char *members;
	const char *pointer; /* NULL: it is taken */
} wishes[] = {
	{ "\"priority\":\"high\",\"max_attempts\":100,\"timeout_ms\":60000", NULL },
	{ "\"max_attempts\":1,\"timeout_ms\":1,\"result_ttl_s\":1,\"delay_ms\":0,\"expires_in_ms\":0", NULL },
	{ "\"delay_ms\":2592000000,\"result_ttl_s\":604800,\"expires_in_ms\":2592000000", NULL },
	{ "\"run_at\":\"2020-01-01T00:00:00Z\",\"cache\":\"bypass\"", NULL },
	{ "\"max_attempts\":3.0,\"timeout_ms\":1e3", NULL },
	{ "\"delay_ms\":2592000001", "/delay_ms" },
	{ "\"delay_ms\":-1", "/delay_ms" },
	{ "\"delay_ms\":0.5", "/delay_ms" },
	{ "\"delay_ms\":null", "/delay_ms" },
	{ "\"delay_ms\":0,\"run_at\":\"2020-01-01T00:00:00Z\"", "/run_at" },
	{ "\"run_at\":\"2999-01-01T00:00:00Z\"", "/run_at" },
	{ "\"run_at\":\"yesterday\"", "/run_at" },
	{ "\"run_at\":null", "/run_at" },
	{ "\"timeout_ms\":0", "/timeout_ms" },
	{ "\"timeout_ms\":60001", "/timeout_ms" },
	{ "\"timeout_ms\":\"5\"", "/timeout_ms" },
	{ "\"max_attempts\":0", "/max_attempts" },
	{ "\"max_attempts\":101", "/max_attempts" },
	{ "\"result_ttl_s\":0", "/result_ttl_s" },
	{ "\"result_ttl_s\":604801", "/result_ttl_s" },
	{ "\"expires_in_ms\":2592000001", "/expires_in_ms" },
	{ "\"expires_in_ms\":null", "/expires_in_ms" },
	{ "\"priority\":\"urgent\"", "/priority" },
	{ "\"priority\":null", "/priority" },
	{ "\"queue\":\"-x\"", "/queue" },
	{ "\"queue\":\"Math\"", "/queue" },
	{ "\"queue\":\"\"", "/queue" },
	{ "\"cache\":\"maybe\"", "/cache" },
	{ "\"cache\":true", "/cache" },
	{ "\"Priority\":\"high\"", "/Priority" },
	{ "\"a~b/c\":1", "/a~0b~1c" },
};

START_TEST(test_wishes_are_bounded)
{
	char body[300];
	snprintf(body, sizeof body, "{\"op\":\"square\",\"args\":[1],%s%s}", wishes[_i].members,
		 strstr(wishes[_i].members, "queue") ? "" : ",\"queue\":\"wishes\"");
	long status = submit_lab_post("/v1/jobs", body);
	ck_assert_msg(status == (wishes[_i].pointer ? 422 : 202), "%s: %ld %s", body, status, submit_lab.answer.body);
	if (!wishes[_i].pointer)
		return;
	json_t *errors = json_object_get(submit_lab.answer.json, "errors");
	ck_assert_uint_eq(json_array_size(errors), 1);
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(errors, 0), "pointer")), wishes[_i].pointer);
}
END_TEST

START_TEST(test_wishes_all_errors_at_once)
{
	ck_assert_int_eq(submit_lab_post("/v1/jobs", "{\"op\":\"square\",\"args\":[1],\"delay_ms\":-1,\"timeout_ms\":0,"
						     "\"priority\":1,\"x\":1,\"y\":2}"),
			 422);
	ck_assert_uint_eq(json_array_size(json_object_get(submit_lab.answer.json, "errors")), 5);
}
END_TEST

START_TEST(test_delayed_jobs_run_at_their_time)
{
	char body[120], at[CLOCK_TEXT_SIZE], id[40];
	ck_assert_int_eq(submit_lab_post("/v1/jobs", "{\"op\":\"square\",\"args\":[2],\"delay_ms\":400}"), 202);
	ck_assert_str_eq(submit_lab_text("state"), "delayed");
	ck_assert_uint_eq(submit_lab_time("run_at") - submit_lab_time("created_at"), 400000);
	submit_lab_id(id);
	submit_lab_end_of(id);
	ck_assert_str_eq(submit_lab_text("state"), "succeeded");
	ck_assert_uint_ge(submit_lab_time("started_at"), submit_lab_time("run_at"));
	clock_format(clock_wall_us() + 700000, at);
	snprintf(body, sizeof body, "{\"op\":\"square\",\"args\":[2],\"run_at\":\"%s\"}", at);
	ck_assert_int_eq(submit_lab_post("/v1/jobs?wait=15", body), 200);
	ck_assert_str_eq(submit_lab_text("run_at"), at);
	ck_assert_uint_ge(submit_lab_time("started_at"), submit_lab_time("run_at"));
	ck_assert_int_eq(submit_lab_post("/v1/jobs",
					 "{\"op\":\"square\",\"args\":[2],\"run_at\":\"2020-01-01T00:00:00Z\","
					 "\"queue\":\"nobody\"}"),
			 202);
	ck_assert_str_eq(submit_lab_text("state"), "queued");
	ck_assert_uint_eq(submit_lab_time("run_at"), submit_lab_time("created_at"));
}
END_TEST

START_TEST(test_jobs_expire)
{
	char id[SUBMIT_LAB_ID_SIZE];
	ck_assert_int_eq(submit_lab_ask(0, "PATCH", "/v1/queues/served", NULL, "{\"paused\":true}"), 200);
	ck_assert_int_eq(submit_lab_post("/v1/jobs",
					 "{\"op\":\"square\",\"args\":[2],\"expires_in_ms\":200,\"queue\":\"served\"}"),
			 202);
	ck_assert_uint_eq(submit_lab_time("expires_at") - submit_lab_time("run_at"), 200000);
	submit_lab_id(id);
	submit_lab_end_of(id);
	ck_assert_str_eq(submit_lab_text("state"), "expired");
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(submit_lab.answer.json, "error"), "type")),
			 "expired");
	ck_assert_int_eq(submit_lab_ask(0, "PATCH", "/v1/queues/served", NULL, "{\"paused\":false}"), 200);
}
END_TEST

/* What takes its process with it is tried again, later, and ends dead. */
START_TEST(test_attempts_back_off)
{
	ck_assert_int_eq(submit_lab_post("/v1/jobs?wait=18",
					 "{\"op\":\"crash\",\"args\":[\"segfault\"],\"max_attempts\":2}"),
			 200);
	ck_assert_str_eq(submit_lab_text("state"), "dead");
	ck_assert_int_eq(submit_lab_number("attempt"), 2);
	ck_assert_int_eq(submit_lab_number("max_attempts"), 2);
	ck_assert_uint_gt(submit_lab_time("run_at"), submit_lab_time("created_at")); /* of its last attempt */
	ck_assert_int_eq(submit_lab_post("/v1/jobs?wait=18",
					 "{\"op\":\"crash\",\"args\":[\"segfault\"],\"max_attempts\":1}"),
			 200);
	ck_assert_str_eq(submit_lab_text("state"), "dead");
	ck_assert_int_eq(submit_lab_number("attempt"), 1);
	/* an operation's own verdict is not tried again */
	ck_assert_int_eq(submit_lab_post("/v1/jobs?wait=18", "{\"op\":\"div\",\"args\":[1,0],\"max_attempts\":9}"),
			 200);
	ck_assert_str_eq(submit_lab_text("state"), "failed");
	ck_assert_int_eq(submit_lab_number("attempt"), 1);
}
END_TEST

static const struct {
	const char *header;
	long status;
} types[] = {
	{ "Content-Type: application/json", 202 },
	{ "Content-Type: application/json; charset=UTF-8", 202 },
	{ "Content-Type: application/vnd.square+json", 202 },
	{ "Content-Type: application/x-www-form-urlencoded", 202 },
	{ "Content-Type:", 202 },
	{ "Content-Type: text/plain", 415 },
	{ "Content-Type: application/xml", 415 },
	{ "Content-Type: multipart/form-data; boundary=x", 415 },
	{ "Content-Type: application/json; charset=latin1", 415 },
};

START_TEST(test_content_types)
{
	static const char *const bodies[] = { "{\"op\":\"square\",\"args\":[1]}",
					      "{\"op\":\"square\",\"args\":{\"x\":1}}",
					      "[{\"op\":\"square\",\"args\":[1]}]" };
	for (int i = 0; i < COUNT(bodies); i++) {
		ck_assert_int_eq(submit_lab_submit(types[_i].header, bodies[i]), types[_i].status);
		if (types[_i].status == 415)
			ck_assert_str_eq(submit_lab_text("type"), "/problems/unsupported-media-type");
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("submit");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");
	TCase *all[] = { core, limits };
	tcase_add_test(core, test_delayed_jobs_run_at_their_time);
	tcase_add_test(core, test_jobs_expire);
	tcase_add_test(core, test_attempts_back_off);
	tcase_add_loop_test(core, test_content_types, 0, COUNT(types));
	tcase_add_loop_test(limits, test_wishes_are_bounded, 0, COUNT(wishes));
	tcase_add_test(limits, test_wishes_all_errors_at_once);
	for (int i = 0; i < COUNT(all); i++) {
		tcase_set_timeout(all[i], 120);
		tcase_add_unchecked_fixture(all[i], submit_lab_start, submit_lab_stop);
		suite_add_tcase(s, all[i]);
	}
	return suite_run(s);
}
