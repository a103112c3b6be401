/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The oracle of the fault table: what it takes for right, and what it does not. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "chaos_run.h"
#include "oracle.h"
#include "suite_run.h"

#define ID "019ac1f0-0000-7000-8000-00000000000"
#define FINAL(id, result, attempt)                                                                            \
	"{\"id\":\"" id "\",\"state\":\"succeeded\",\"done\":true,\"result\":" result ",\"attempt\":" attempt \
	",\"worker\":\"WorkerRole_IN_1\",\"finished_at\":\"2026-11-22T15:04:05.123Z\"}"

static const struct chaos_row row = { 99, "a fault", "a promise", 1, 1, NULL };
static struct chaos_run *run;
static struct oracle *oracle;
static size_t plain, keyed;

static size_t submission(const char *body, const char *result, bool with_key)
{
	struct oracle_spec spec = { .body = body, .result = result, .keyed = with_key };

	return oracle_submission(oracle, &spec);
}

static void set_up(void)
{
	run = chaos_run_new(&row, false, 0, 42);
	oracle = oracle_new(run);
	plain = submission("{\"op\":\"square\",\"args\":[12]}", "144", false);
	keyed = submission("{\"op\":\"square\",\"args\":[13]}", "169", true);
	oracle_sent(oracle, plain, 0);
	oracle_acknowledged(oracle, plain, 0, ID "1");
}

static void tear_down(void)
{
	oracle_free(oracle);
	chaos_run_free(run);
}

static uint64_t count(enum ledger_count what)
{
	return ledger_get(chaos_ledger(run), what);
}

START_TEST(test_read_of_the_known_answer_is_right)
{
	ck_assert(!oracle_read(oracle, plain, 0, "{\"id\":\"" ID "1\",\"state\":\"running\",\"done\":false}"));
	ck_assert(oracle_read(oracle, plain, 0, FINAL(ID "1", "144", "1")));
	ck_assert(oracle_read(oracle, plain, 1, FINAL(ID "1", "144", "1")));
	ck_assert(oracle_read(oracle, plain, 1, " " FINAL(ID "1", "144", "1"))); /* written otherwise, the same */
	ck_assert_msg(!chaos_failed(run), "%s", run->why);
	ck_assert_uint_eq(count(LEDGER_READS), 4);
}
END_TEST

START_TEST(test_read_of_another_answer_is_wrong)
{
	static const char *const others[] = {
		FINAL(ID "1", "145", "1"),
		FINAL(ID "1", "\"144\"", "1"),
		FINAL(ID "2", "144", "1"), /* another job */
		"{\"id\":\"" ID "1\",\"state\":\"failed\",\"done\":true,\"finished_at\":\"2026-11-22T15:04:05.123Z\"}",
		"{\"id\":\"" ID "1\",\"state\":\"dead\",\"done\":true,\"finished_at\":\"2026-11-22T15:04:05.123Z\"}",
	};

	(void)oracle_read(oracle, plain, 0, others[_i]);
	ck_assert(chaos_failed(run));
	ck_assert_uint_eq(count(LEDGER_WRONG), 1);
}
END_TEST

START_TEST(test_read_of_a_final_answer_that_changes_is_a_duplicate)
{
	static const char *const later[] = {
		FINAL(ID "1", "144", "2"), FINAL(ID "1", "1440", "1"),
		"{\"id\":\"" ID "1\",\"state\":\"queued\",\"done\":false}", /* final no more */
	};

	(void)oracle_read(oracle, plain, 0, FINAL(ID "1", "144", "1"));
	ck_assert(!chaos_failed(run));
	(void)oracle_read(oracle, plain, 1, later[_i]);
	ck_assert(chaos_failed(run));
	ck_assert_uint_eq(count(LEDGER_DUPLICATE), 1);
}
END_TEST

/* A Redis that dies takes back nothing that was told; it may cost an attempt. */
START_TEST(test_read_after_redis_died_is_a_duplicate_if_it_differs)
{
	(void)oracle_read(oracle, plain, 0, FINAL(ID "1", "144", "1"));
	oracle_redis_dies(oracle);
	ck_assert(oracle_read(oracle, plain, 1, FINAL(ID "1", "144", "1")));
	ck_assert_msg(!chaos_failed(run), "%s", run->why);
	(void)oracle_read(oracle, plain, 1, FINAL(ID "1", "144", "2"));
	ck_assert(chaos_failed(run));
	ck_assert_uint_eq(count(LEDGER_DUPLICATE), 1);
}
END_TEST

START_TEST(test_read_of_no_job_object_fails)
{
	(void)oracle_read(oracle, plain, 0, "{\"id\":");
	ck_assert(chaos_failed(run));
}
END_TEST

START_TEST(test_acknowledged_again_is_the_same_job)
{
	oracle_acknowledged(oracle, keyed, 0, ID "2");
	oracle_acknowledged(oracle, keyed, 1, ID "2");
	ck_assert_msg(!chaos_failed(run), "%s", run->why);
	ck_assert_uint_eq(count(LEDGER_ACKNOWLEDGED), 2);
	ck_assert_uint_eq(count(LEDGER_REPLAYED), 1);
	oracle_acknowledged(oracle, keyed, 1, ID "3");
	ck_assert(chaos_failed(run));
	ck_assert_uint_eq(count(LEDGER_DUPLICATE), 1);
}
END_TEST

START_TEST(test_acknowledged_with_the_id_of_another_job_fails)
{
	oracle_acknowledged(oracle, keyed, 0, ID "1");
	ck_assert(chaos_failed(run));
}
END_TEST

START_TEST(test_unexpected_answer_fails)
{
	oracle_unexpected(oracle, plain, 500, "{}");
	ck_assert(chaos_failed(run));
	ck_assert_ptr_nonnull(strstr(run->why, "came 500"));
}
END_TEST

/* Beyond one block and several sizes of the table of ids. */
START_TEST(test_many_jobs_are_told_apart)
{
	char id[ORACLE_ID_SIZE], answer[400];

	for (unsigned i = 0; i < 10000; i++) {
		size_t job = submission("{\"op\":\"square\",\"args\":[12]}", "144", i % 2);
		(void)snprintf(id, sizeof id, "019ac1f0-0000-7000-9000-%012u", i);
		oracle_acknowledged(oracle, job, 0, id);
		ck_assert_str_eq(oracle_id(oracle, job), id);
		ck_assert_uint_eq(strlen(oracle_key(oracle, job)) > 0, i % 2);
		(void)snprintf(answer, sizeof answer,
			       "{\"id\":\"%s\",\"state\":\"succeeded\",\"done\":true,\"result\":144,\"attempt\":1,"
			       "\"finished_at\":\"2026-11-22T15:04:05.123Z\"}",
			       id);
		ck_assert(oracle_read(oracle, job, 0, answer));
	}
	ck_assert_msg(!chaos_failed(run), "%s", run->why);
	ck_assert_uint_eq(oracle_count(oracle), 10002);
	ck_assert_str_eq(oracle_id(oracle, plain), ID "1");
}
END_TEST

int main(void)
{
	Suite *core = suite_create("core");
	TCase *tc = tcase_create("oracle");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, test_read_of_the_known_answer_is_right);
	tcase_add_loop_test(tc, test_read_of_another_answer_is_wrong, 0, 5);
	tcase_add_loop_test(tc, test_read_of_a_final_answer_that_changes_is_a_duplicate, 0, 3);
	tcase_add_test(tc, test_read_after_redis_died_is_a_duplicate_if_it_differs);
	tcase_add_test(tc, test_read_of_no_job_object_fails);
	tcase_add_test(tc, test_acknowledged_again_is_the_same_job);
	tcase_add_test(tc, test_acknowledged_with_the_id_of_another_job_fails);
	tcase_add_test(tc, test_unexpected_answer_fails);
	tcase_add_test(tc, test_many_jobs_are_told_apart);
	suite_add_tcase(core, tc);
	return suite_run(core);
}
