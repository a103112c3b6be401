/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ledger of the fault table, and its verdict: it must be able to fail a row. */
#include <check.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "chaos_run.h"
#include "ledger.h"
#include "report.h"
#include "suite_run.h"

static const struct chaos_row row = { 99, "a fault", "a promise", 3, 300, NULL };
static struct chaos_run *run;
static struct ledger *ledger;

static void set_up(void)
{
	run = chaos_run_new(&row, false, 0, 42);
	ledger = chaos_ledger(run);
}

static void tear_down(void)
{
	chaos_run_free(run);
}

/* ---- times ---- */

START_TEST(test_percentile_is_nearest_rank)
{
	for (int i = 100; i >= 1; i--)
		ledger_time(ledger, LEDGER_RESUME, i);
	ck_assert(ledger_percentile(ledger, LEDGER_RESUME, 50) == 50);
	ck_assert(ledger_percentile(ledger, LEDGER_RESUME, 99) == 99);
	ck_assert(ledger_percentile(ledger, LEDGER_RESUME, 99.5) == 100);
	ck_assert(ledger_percentile(ledger, LEDGER_RESUME, 100) == 100);
	ck_assert(ledger_percentile(ledger, LEDGER_RESUME, 0) == 1);
	ck_assert(ledger_percentile(ledger, LEDGER_BY_LEASE, 99) == 0);
	ck_assert_uint_eq(ledger_times(ledger, LEDGER_RESUME), 100);
}
END_TEST

START_TEST(test_percentile_of_few_samples_is_not_kind)
{
	for (int i = 0; i < 59; i++)
		ledger_time(ledger, LEDGER_BY_LEASE, 1);
	ledger_time(ledger, LEDGER_BY_LEASE, 13000);
	ck_assert(ledger_percentile(ledger, LEDGER_BY_LEASE, 99) == 13000);
}
END_TEST

START_TEST(test_time_beyond_the_samples_counts)
{
	for (unsigned i = 0; i < LEDGER_SAMPLES; i++)
		ledger_time(ledger, LEDGER_LATENCY, 1);
	ledger_time(ledger, LEDGER_LATENCY, 7);
	ck_assert_uint_eq(ledger_times(ledger, LEDGER_LATENCY), LEDGER_SAMPLES + 1);
	ck_assert(ledger_percentile(ledger, LEDGER_LATENCY, 100) == 7);
}
END_TEST

static void *add_many(void *arg)
{
	(void)arg;
	for (int i = 0; i < 10000; i++) {
		ledger_add(ledger, LEDGER_SUBMITTED, 2);
		ledger_time(ledger, LEDGER_NOTICE, i);
	}
	return NULL;
}

START_TEST(test_add_from_many_threads_counts_all)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, add_many, NULL), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_uint_eq(ledger_get(ledger, LEDGER_SUBMITTED), 80000);
	ck_assert_uint_eq(ledger_times(ledger, LEDGER_NOTICE), 40000);
	ck_assert(ledger_percentile(ledger, LEDGER_NOTICE, 100) == 9999);
}
END_TEST

START_TEST(test_bound_is_three_by_n)
{
	ck_assert(ledger_bound(ledger) == 1);
	ledger_set_trials(ledger, 20);
	ck_assert(fabs(ledger_bound(ledger) - 0.15) < 1e-12);
	ledger_set_trials(ledger, 1000);
	ck_assert(fabs(ledger_bound(ledger) - 0.003) < 1e-12);
}
END_TEST

/* ---- the verdict ---- */

static const enum ledger_count forbidden[] = { LEDGER_DUPLICATE, LEDGER_LOST,    LEDGER_WRONG,
					       LEDGER_CHARGED,   LEDGER_CORRUPT, LEDGER_UNASKED };

static bool is_forbidden(enum ledger_count what)
{
	for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
		if (forbidden[i] == what)
			return true;
	return false;
}

START_TEST(test_violated_by_each_count_that_must_be_zero)
{
	char text[200] = "";

	ledger_add(ledger, _i, 1);
	ck_assert(ledger_violated(ledger, text, sizeof text) == is_forbidden(_i));
	if (is_forbidden(_i))
		ck_assert_msg(strncmp(text, "expected 0 ", 11) == 0 && strstr(text, "came 1"), "%s", text);
	chaos_progress(run, 3, 3);
	chaos_run_judge(run, 0);
	ck_assert(chaos_failed(run) == is_forbidden(_i));
}
END_TEST

START_TEST(test_judge_wants_an_orderly_end)
{
	chaos_progress(run, 3, 3);
	chaos_run_judge(run, _i == 0 ? 6 /* a signal */ : 1 << 8 /* status 1 */);
	ck_assert(chaos_failed(run));
	ck_assert_ptr_nonnull(strstr(run->why, _i == 0 ? "signal 6" : "it was 1"));
}
END_TEST

START_TEST(test_judge_wants_all_trials)
{
	chaos_progress(run, 2, 3);
	chaos_run_judge(run, 0);
	ck_assert(chaos_failed(run));
	ck_assert_str_eq(run->why, "expected 3 trials, it made 2");
}
END_TEST

START_TEST(test_judge_keeps_what_the_row_said_first)
{
	chaos_fail(run, "expected %d, came %d", 1, 2);
	chaos_fail(run, "something else");
	ledger_add(ledger, LEDGER_LOST, 1);
	chaos_run_judge(run, 6);
	ck_assert_str_eq(run->why, "expected 1, came 2");
}
END_TEST

START_TEST(test_report_says_what_was_missed)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	ledger_add(ledger, LEDGER_LOST, 2);
	ledger_time(ledger, LEDGER_BY_LEASE, 10500);
	chaos_note(run, "a note of %d", 7);
	chaos_progress(run, 3, 3);
	chaos_run_judge(run, 0);
	report_print(out, &run, 1);
	ck_assert_int_eq(fclose(out), 0);
	ck_assert_ptr_nonnull(strstr(text, "MISSED: a fault"));
	ck_assert_ptr_nonnull(strstr(text, "expected 0 lost jobs, came 2"));
	ck_assert_ptr_nonnull(strstr(text, "10.50 s"));
	ck_assert_ptr_nonnull(strstr(text, "a note of 7"));
	ck_assert_ptr_nonnull(strstr(text, "1 of 1 promises missed"));
	free(text);
}
END_TEST

START_TEST(test_notes_are_bounded)
{
	for (int i = 0; i < 2 * CHAOS_NOTES; i++)
		chaos_note(run, "%0300d", i);
	ck_assert_uint_eq(chaos_run_notes(run), CHAOS_NOTES);
	ck_assert_uint_eq(strlen(run->notes[CHAOS_NOTES - 1]), CHAOS_NOTE_SIZE - 1);
}
END_TEST

START_TEST(test_random_follows_the_seed)
{
	struct chaos_run *same = chaos_run_new(&row, false, 0, 42), *other = chaos_run_new(&row, false, 0, 43);
	unsigned equal = 0, low = 0;

	for (int i = 0; i < 1000; i++) {
		uint64_t a = chaos_random(run), b = chaos_random(same), c = chaos_random(other);
		ck_assert(a == b);
		equal += a == c;
		low += chaos_below(run, 10) < 5;
		(void)chaos_below(same, 10);
	}
	ck_assert_uint_eq(equal, 0);
	ck_assert(low > 400 && low < 600);
	chaos_run_free(same);
	chaos_run_free(other);
}
END_TEST

START_TEST(test_table_has_every_row_once)
{
	for (unsigned i = 0; i < chaos_row_count; i++) {
		ck_assert_ptr_nonnull(chaos_rows[i].run);
		ck_assert_uint_gt(chaos_rows[i].trials, 0);
		ck_assert_uint_ge(chaos_rows[i].trials_long, chaos_rows[i].trials);
		ck_assert(i == 0 || chaos_rows[i].number > chaos_rows[i - 1].number);
	}
	ck_assert_uint_eq(chaos_row_count, 17); /* 1 to 18; 17 has no service */
}
END_TEST

int main(void)
{
	Suite *core = suite_create("core");
	TCase *tc = tcase_create("ledger");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, test_percentile_is_nearest_rank);
	tcase_add_test(tc, test_percentile_of_few_samples_is_not_kind);
	tcase_add_test(tc, test_time_beyond_the_samples_counts);
	tcase_add_test(tc, test_add_from_many_threads_counts_all);
	tcase_add_test(tc, test_bound_is_three_by_n);
	tcase_add_loop_test(tc, test_violated_by_each_count_that_must_be_zero, 0, LEDGER_COUNTS);
	tcase_add_loop_test(tc, test_judge_wants_an_orderly_end, 0, 2);
	tcase_add_test(tc, test_judge_wants_all_trials);
	tcase_add_test(tc, test_judge_keeps_what_the_row_said_first);
	tcase_add_test(tc, test_report_says_what_was_missed);
	tcase_add_test(tc, test_notes_are_bounded);
	tcase_add_test(tc, test_random_follows_the_seed);
	tcase_add_test(tc, test_table_has_every_row_once);
	suite_add_tcase(core, tc);
	return suite_run(core);
}
