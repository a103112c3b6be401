/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Result reuse (cache "use") by HTTP on the real binaries. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "submit_lab.h"
#include "suite_run.h"

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

/* ---- result reuse ---- */

static void check_cache(const char *body, const char *expected, bool done)
{
	ck_assert_int_eq(submit_lab_post("/v1/jobs", body), 202);
	ck_assert_str_eq(submit_lab_text("cache"), expected);
	ck_assert_int_eq(json_is_true(json_object_get(submit_lab.answer.json, "done")), done);
}

START_TEST(test_cache_hit)
{
	char id[SUBMIT_LAB_ID_SIZE];
	ck_assert_int_eq(submit_lab_post("/v1/jobs?wait=15", "{\"op\":\"add\",\"args\":[\"1/3\",2],\"cache\":\"use\"}"),
			 200);
	ck_assert_str_eq(submit_lab_text("cache"), "miss");
	ck_assert_str_eq(submit_lab_text("result"), "7/3");
	submit_lab_id(id);
	/* the same question in other words, to either instance: a job of its own, done at once */
	ck_assert_int_eq(
	    submit_lab_ask(1, "POST", "/v1/jobs?wait=15", NULL,
			   "{\"cache\":\"use\",\"args\":[\"1\\/3\", 2.0],\"priority\":\"low\",\"op\":\"add\"}"),
	    200);
	ck_assert_str_eq(submit_lab_text("cache"), "hit");
	ck_assert_str_eq(submit_lab_text("result"), "7/3");
	ck_assert_str_ne(submit_lab_text("id"), id);
	check_cache("{\"op\":\"add\",\"args\":[\"1/3\",2],\"cache\":\"use\"}", "hit", true);
	ck_assert_ptr_nonnull(submit_lab_header("Location"));
	ck_assert_str_eq(submit_lab_text("state"), "succeeded");
	submit_lab_id(id);
	submit_lab_end_of(id);
	ck_assert_str_eq(submit_lab_text("cache"), "hit");
	/* another question, or none */
	check_cache("{\"op\":\"add\",\"args\":[2,\"1/3\"],\"cache\":\"use\",\"queue\":\"nobody\"}", "miss", false);
	check_cache("{\"op\":\"add\",\"args\":[\"1/3\",2],\"cache\":\"bypass\",\"queue\":\"nobody\"}", "", false);
	check_cache("{\"op\":\"add\",\"args\":[\"1/3\",2],\"cache\":\"use\",\"delay_ms\":60000}", "miss", false);
	ck_assert_int_eq(submit_lab_post("/v1/jobs?wait=15", "[{\"op\":\"add\",\"args\":[\"1/3\",2],\"cache\":\"use\"},"
							     "{\"op\":\"add\",\"args\":[\"1/3\",2]}]"),
			 200);
	ck_assert_str_eq(submit_lab_item_text(0, "cache"), "hit");
	ck_assert_str_eq(submit_lab_item_text(1, "cache"), "");
	ck_assert_int_eq(submit_lab_post("/v1/jobs", "[{\"op\":\"add\",\"args\":[\"1/3\",2],\"cache\":\"use\"}]"), 202);
	ck_assert_str_eq(submit_lab_item_text(0, "cache"), "hit");
	ck_assert_str_eq(submit_lab_item_text(0, "state"), "succeeded");
}
END_TEST

START_TEST(test_cache_join)
{
	static const char body[] = "{\"op\":\"sleep\",\"args\":[700],\"cache\":\"use\"}";
	char id[SUBMIT_LAB_ID_SIZE];
	check_cache(body, "miss", false);
	submit_lab_id(id);
	ck_assert_int_eq(submit_lab_ask(1, "POST", "/v1/jobs?wait=15", NULL, body), 200);
	const char *how = submit_lab_text("cache"); /* a busy machine may have come too late to join */
	ck_assert_msg(strcmp(how, "join") == 0 || strcmp(how, "hit") == 0, "%s", submit_lab.answer.body);
	ck_assert_str_ne(submit_lab_text("id"), id);
	ck_assert_int_eq(json_integer_value(json_object_get(submit_lab.answer.json, "result")), 700);
	ck_assert_int_eq(json_integer_value(json_object_get(submit_lab.answer.json, "attempt")),
			 0); /* it did not run */
	/* where nobody comes in between, it joins */
	check_cache("{\"op\":\"square\",\"args\":[4],\"cache\":\"use\",\"queue\":\"nobody\"}", "miss", false);
	check_cache("{\"op\":\"square\",\"args\":[4.0],\"cache\":\"use\",\"queue\":\"nobody\"}", "join", false);
	ck_assert_int_eq(submit_lab_post("/v1/jobs",
					 "[{\"op\":\"square\",\"args\":[4],\"cache\":\"use\",\"queue\":\"nobody\"},"
					 "{\"op\":\"square\",\"args\":[5],\"cache\":\"use\",\"queue\":\"nobody\"},"
					 "{\"op\":\"square\",\"args\":[5],\"cache\":\"use\",\"queue\":\"nobody\"}]"),
			 202);
	ck_assert_str_eq(submit_lab_item_text(0, "cache"), "join");
	ck_assert_str_eq(submit_lab_item_text(1, "cache"), "miss");
	ck_assert_str_eq(submit_lab_item_text(2, "cache"), "join");
}
END_TEST

/* A leader that ends without a result takes none of its followers with it. In a queue that is served later, so that
 * all have joined before the leader ends. */
START_TEST(test_cache_followers_of_a_leader_that_ends)
{
	static const struct {
		const char *body, *path, *state;
		bool cancel;
	} cases[] = {
		{ "{\"op\":\"square\",\"args\":[9],\"cache\":\"use\",\"queue\":\"later\"}", NULL, "succeeded", true },
		{ "{\"op\":\"div\",\"args\":[9,0],\"cache\":\"use\",\"queue\":\"later\"}", NULL, "failed", false },
	};
	static const char *const env[] = { "SQUARE_QUEUES=later", NULL };
	char ids[COUNT(cases)][3][SUBMIT_LAB_ID_SIZE];
	for (int i = 0; i < COUNT(cases); i++) {
		for (int k = 0; k < 3; k++) {
			check_cache(cases[i].body, k ? "join" : "miss", false);
			submit_lab_id(ids[i][k]);
		}
		if (cases[i].cancel) {
			char path[80];
			snprintf(path, sizeof path, "/v1/jobs/%.36s", ids[i][0]);
			ck_assert_int_eq(submit_lab_ask(0, "DELETE", path, NULL, NULL), 200);
			ck_assert_str_eq(submit_lab_text("state"), "cancelled");
		}
	}
	struct role_run *late = submit_lab_role("worker-role", "WorkerRole_IN_7", env);
	for (int i = 0; i < COUNT(cases); i++)
		for (int k = 0; k < 3; k++) {
			submit_lab_end_of(ids[i][k]);
			ck_assert_str_eq(submit_lab_text("state"),
					 cases[i].cancel && k == 0 ? "cancelled" : cases[i].state);
		}
	ck_assert_int_eq(role_run_stop(late), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("submit_reuse");
	TCase *core = tcase_create("core");
	TCase *all[] = { core };
	tcase_add_test(core, test_cache_hit);
	tcase_add_test(core, test_cache_join);
	tcase_add_test(core, test_cache_followers_of_a_leader_that_ends);
	for (int i = 0; i < COUNT(all); i++) {
		tcase_set_timeout(all[i], 120);
		tcase_add_unchecked_fixture(all[i], submit_lab_start, submit_lab_stop);
		suite_add_tcase(s, all[i]);
	}
	return suite_run(s);
}
