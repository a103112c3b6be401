/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Idempotency keys on the real binaries: the same submission again is the first job again. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "raw_client.h"
#include "submit_lab.h"
#include "suite_run.h"
#include "wait_until.h"

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

/* ---- idempotency keys ---- */

START_TEST(test_key_answers_with_the_first_job)
{
	static const char body[] = "{\"op\":\"sleep\",\"args\":[600],\"max_attempts\":2}";
	char id[SUBMIT_LAB_ID_SIZE], location[60];
	ck_assert_int_eq(submit_lab_submit("Idempotency-Key: first", body), 202);
	submit_lab_id(id);
	ck_assert_ptr_null(submit_lab_header("Idempotency-Replayed"));
	for (int which = 0; which < 2; which++) { /* whichever instance is asked; the same value in other words */
		ck_assert_int_eq(submit_lab_ask(which, "POST", "/v1/jobs", "Idempotency-Key: first",
						" {\"max_attempts\": 2.0, \"args\":[6e2], \"op\":\"sl\\u0065ep\"} "),
				 202);
		ck_assert_str_eq(submit_lab_text("id"), id);
		ck_assert_str_eq(submit_lab_header("Idempotency-Replayed"), "true");
		snprintf(location, sizeof location, "/v1/jobs/%s", id);
		ck_assert_str_eq(submit_lab_header("Location"), location);
		ck_assert_ptr_nonnull(submit_lab_header("Retry-After"));
	}
	ck_assert_int_eq(submit_lab_submit("Idempotency-Key: first",
					   "{\"op\":\"sleep\",\"args\":[601],\"max_attempts\":2}"),
			 422);
	ck_assert_str_eq(submit_lab_text("type"), "/problems/idempotency-key-reused");
	ck_assert_ptr_null(submit_lab_header("Idempotency-Replayed"));
	/* a replay may wait for the first job's end */
	ck_assert_int_eq(submit_lab_ask(1, "POST", "/v1/jobs?wait=15", "Idempotency-Key: first", body), 200);
	ck_assert_str_eq(submit_lab_text("id"), id);
	ck_assert_str_eq(submit_lab_text("state"), "succeeded");
	ck_assert_str_eq(submit_lab_header("Idempotency-Replayed"), "true");
	ck_assert_str_eq(submit_lab_header("Preference-Applied"), "wait=15");
	ck_assert_int_eq(submit_lab_submit("Idempotency-Key: first", body), 200); /* done by now */
	ck_assert_str_eq(submit_lab_text("id"), id);
	ck_assert_str_eq(submit_lab_text("state"), "succeeded");
	ck_assert_str_eq(submit_lab_header("Idempotency-Replayed"), "true");
	/* and a wait that is too short ends like any */
	ck_assert_int_eq(submit_lab_submit("Idempotency-Key: slow",
					   "{\"op\":\"square\",\"args\":[1],\"queue\":\"nobody\"}"),
			 202);
	ck_assert_int_eq(submit_lab_ask(0, "POST", "/v1/jobs?wait=0.1", "Idempotency-Key: slow",
					"{\"op\":\"square\",\"args\":[1],\"queue\":\"nobody\"}"),
			 202);
	ck_assert_str_eq(submit_lab_header("Idempotency-Replayed"), "true");
	ck_assert_ptr_nonnull(submit_lab_header("Location"));
}
END_TEST

START_TEST(test_key_belongs_to_its_queue)
{
	char id[SUBMIT_LAB_ID_SIZE];
	ck_assert_int_eq(submit_lab_submit("Idempotency-Key: q", "{\"op\":\"square\",\"args\":[1],\"queue\":\"kq1\"}"),
			 202);
	submit_lab_id(id);
	ck_assert_int_eq(submit_lab_submit("Idempotency-Key: q", "{\"op\":\"square\",\"args\":[1],\"queue\":\"kq2\"}"),
			 202);
	ck_assert_str_ne(submit_lab_text("id"), id);
}
END_TEST

START_TEST(test_key_is_the_same_as_a_member)
{
	char id[SUBMIT_LAB_ID_SIZE];
	ck_assert_int_eq(submit_lab_submit("Idempotency-Key: m", "{\"op\":\"square\",\"args\":[5]}"), 202);
	submit_lab_id(id);
	ck_assert_int_eq(submit_lab_post("/v1/jobs?wait=15",
					 "{\"op\":\"square\",\"idempotency_key\":\"m\",\"args\":[5]}"),
			 200);
	ck_assert_str_eq(submit_lab_text("id"), id);
	ck_assert_int_eq(submit_lab_post("/v1/jobs?wait=15",
					 "[{\"op\":\"square\",\"args\":[5],\"idempotency_key\":\"m\"},"
					 "{\"op\":\"square\",\"args\":[6],\"idempotency_key\":\"m\"},"
					 "{\"op\":\"square\",\"args\":[7],\"idempotency_key\":\"n\303\251\"},"
					 "{\"op\":\"square\",\"args\":[7],\"idempotency_key\":\"n\\u00e9\"}]"),
			 200);
	ck_assert_int_eq(submit_lab_number("accepted"), 3);
	ck_assert_str_eq(submit_lab_item_text(0, "id"), id);
	ck_assert_str_eq(submit_lab_item_text(1, "type"), "/problems/idempotency-key-reused");
	ck_assert_uint_eq(strlen(submit_lab_item_text(2, "id")), 36);
	ck_assert_str_eq(submit_lab_item_text(2, "id"), submit_lab_item_text(3, "id"));
}
END_TEST

START_TEST(test_key_that_is_refused)
{
	static const struct {
		const char *header, *body, *says;
		size_t n; /* characters of the key, made of 'k'; 0: as in the header */
		long status;
	} cases[] = {
		{ "Idempotency-Key;", "{}", "expected an Idempotency-Key of 1 to 255 characters, got 0", 0, 400 },
		{ "Idempotency-Key: ", "{\"op\":\"square\",\"args\":[1]}", "\"id\"", 255, 202 },
		{ "Idempotency-Key: ", "{\"op\":\"square\",\"args\":[1]}", "1 to 255 characters, got 256", 256, 400 },
		{ "Idempotency-Key: a\303\251", "{}", "printable ASCII characters, got \\\"\\\\xc3\\\" at position 1",
		  0, 400 },
		{ "Idempotency-Key: a", "{\"op\":\"square\",\"args\":[1],\"idempotency_key\":\"a\"}", "got both", 0,
		  400 },
		{ "Idempotency-Key: a", "[{\"op\":\"square\",\"args\":[1]}]", "idempotency_key each", 0, 400 },
		{ NULL, "{\"op\":\"square\",\"args\":[1],\"idempotency_key\":\"\"}", "1 to 255 characters, got 0", 0,
		  422 },
		{ NULL, "{\"op\":\"square\",\"args\":[1],\"idempotency_key\":7}", "\"/idempotency_key\"", 0, 422 },
		{ NULL, "{\"op\":\"square\",\"args\":[1],\"idempotency_key\":null}", "got null", 0, 422 },
	};
	for (int i = 0; i < COUNT(cases); i++) {
		struct buf line = BUF_INIT;
		buf_puts(&line, cases[i].header ? cases[i].header : "");
		for (size_t k = 0; k < cases[i].n; k++)
			buf_byte(&line, 'k');
		long status = submit_lab_submit(cases[i].header ? buf_cstr(&line) : NULL, cases[i].body);
		ck_assert_msg(status == cases[i].status, "%d: %ld %s", i, status, submit_lab.answer.body);
		ck_assert_msg(strstr(submit_lab.answer.body, cases[i].says) != NULL, "%d: %s", i,
			      submit_lab.answer.body);
		buf_fini(&line);
	}
}
END_TEST

START_TEST(test_key_is_not_spent_by_a_refusal)
{
	ck_assert_int_eq(submit_lab_submit("Idempotency-Key: unspent", "{\"op\":\"square\"}"), 422);
	ck_assert_int_eq(submit_lab_submit("Idempotency-Key: unspent", "{\"op\":"), 400);
	ck_assert_int_eq(submit_lab_submit("Idempotency-Key: unspent", "{\"op\":\"square\",\"args\":[3]}"), 202);
	ck_assert_ptr_null(submit_lab_header("Idempotency-Replayed"));
}
END_TEST

static bool is_gone(void *arg)
{
	return submit_lab_ask(0, "GET", arg, NULL, NULL) == 404;
}

START_TEST(test_key_whose_job_is_over)
{
	static const char body[] = "{\"op\":\"square\",\"args\":[3],\"result_ttl_s\":1}";
	char path[60];
	ck_assert_int_eq(submit_lab_ask(0, "POST", "/v1/jobs?wait=15", "Idempotency-Key: over", body), 200);
	snprintf(path, sizeof path, "/v1/jobs/%s", submit_lab_text("id"));
	ck_assert(wait_until(is_gone, path, SUBMIT_LAB_DEADLINE_MS));
	for (int i = 0; i < 2; i++) { /* with and without a wait */
		ck_assert_int_eq(submit_lab_ask(0, "POST", i ? "/v1/jobs?wait=5" : "/v1/jobs", "Idempotency-Key: over",
						body),
				 404);
		ck_assert_str_eq(submit_lab_text("type"), "/problems/not-found");
		ck_assert_ptr_nonnull(strstr(submit_lab_text("detail"), "time to live is over"));
		ck_assert_str_eq(submit_lab_header("Idempotency-Replayed"), "true");
		ck_assert_int_eq(
		    submit_lab_post(i ? "/v1/jobs?wait=5" : "/v1/jobs",
				    "[{\"op\":\"square\",\"args\":[3],\"result_ttl_s\":1,\"idempotency_key\":\"over\"},"
				    "{\"op\":\"square\",\"args\":[4]}]"),
		    i ? 200 : 202);
		ck_assert_str_eq(submit_lab_item_text(0, "type"), "/problems/not-found");
		ck_assert_int_eq(submit_lab_number("rejected"), 1);
	}
}
END_TEST

/* 1,000 submissions of one key over 50 connections, to both instances and all reactors: one job. */
START_TEST(test_key_race)
{
	static const char body[] = "{\"op\":\"square\",\"args\":[12],\"queue\":\"race\"}";
	struct raw_client clients[50];
	struct buf request = BUF_INIT;
	char id[SUBMIT_LAB_ID_SIZE] = "";
	unsigned fresh = 0, answers = 0;
	buf_printf(
	    &request,
	    "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: race\r\nContent-Length: %zu\r\n\r\n%s",
	    sizeof body - 1, body);
	for (int i = 0; i < COUNT(clients); i++)
		ck_assert(
		    raw_connect(&clients[i], role_run_port(submit_lab.web[i % 2]), NULL, 0, SUBMIT_LAB_DEADLINE_MS));
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < COUNT(clients); i++)
			ck_assert(raw_send(&clients[i], request.data, request.len, SUBMIT_LAB_DEADLINE_MS));
		for (int i = 0; i < COUNT(clients); i++) {
			struct raw_answer a = { 0 };
			ck_assert_int_eq(raw_hear(&clients[i], &a, SUBMIT_LAB_DEADLINE_MS), RAW_ANSWER);
			if (a.status == 503) {
				raw_answer_fini(&a);
				continue; /* too busy for this one; others follow */
			}
			ck_assert_msg(a.status == 202, "%u %s", a.status, buf_cstr(&a.body));
			json_t *job = json_loads(buf_cstr(&a.body), 0, NULL);
			const char *got = json_string_value(json_object_get(job, "id"));
			ck_assert_ptr_nonnull(got);
			if (!answers++)
				snprintf(id, sizeof id, "%s", got);
			ck_assert_str_eq(got, id);
			fresh += raw_header(&a, "Idempotency-Replayed") == NULL;
			json_decref(job);
			raw_answer_fini(&a);
		}
	}
	ck_assert_uint_gt(answers, 500);
	ck_assert_uint_le(fresh, 1); /* none when its first answer was lost to a 503 */
	ck_assert_uint_eq(submit_lab_jobs_of("race"), 1);
	for (int i = 0; i < COUNT(clients); i++)
		raw_close(&clients[i]);
	buf_fini(&request);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("idempotency");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");
	TCase *all[] = { core, limits };
	tcase_add_test(core, test_key_answers_with_the_first_job);
	tcase_add_test(core, test_key_belongs_to_its_queue);
	tcase_add_test(core, test_key_is_the_same_as_a_member);
	tcase_add_test(core, test_key_is_not_spent_by_a_refusal);
	tcase_add_test(core, test_key_whose_job_is_over);
	tcase_add_test(limits, test_key_that_is_refused);
	tcase_add_test(limits, test_key_race);
	for (int i = 0; i < COUNT(all); i++) {
		tcase_set_timeout(all[i], 120);
		tcase_add_unchecked_fixture(all[i], submit_lab_start, submit_lab_stop);
		suite_add_tcase(s, all[i]);
	}
	return suite_run(s);
}
