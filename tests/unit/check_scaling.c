/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "scaling.h"
#include "suite_run.h"

/* Expected values are worked out by hand from the formula in scaling.h. */
static const struct {
	struct queue_figures f;
	double slots;
	unsigned workers;
} cases[] = {
	/* nothing there, whatever it did before */
	{ { 0 }, 0, 0 },
	{ { .succeeded = 1000, .finished = 1000, .run_us = 1000000000, .enqueued_per_s = 50 }, 1, 0 },
	{ { .dead = 7 }, 4, 0 },
	/* anything at all: one */
	{ { .queued = 1 }, 0, 1 },
	{ { .running = 1 }, 64, 1 },
	{ { .delayed = 1 }, 64, 1 },
	{ { .queued = 1, .paused = true }, 64, 1 },
	/* the backlog alone, 100 ms a job while nothing is known: 1000 * 0.1 / 10 = 10 slots */
	{ { .queued = 1000 }, 0, 10 },
	{ { .queued = 1000 }, 1, 10 },
	{ { .queued = 1000 }, 4, 3 },
	{ { .queued = 1001 }, 1, 11 },
	/* all that ever ran: 2 s a job; 30 * 2 / 10 = 6 */
	{ { .queued = 30, .succeeded = 8, .failed = 1, .died = 1, .run_us = 20000000 }, 1, 6 },
	/* of late 0.5 s a job, which goes before what was ever: 40 * 0.5 / 10 = 2 */
	{ { .queued = 40, .succeeded = 10, .run_us = 20000000, .finished_per_s = 4, .busy = 2 }, 1, 2 },
	/* arrivals: 20 a second of 0.5 s are 10 at once; and of the 5 queued 5 * 0.5 / 10 = 0.25 */
	{ { .queued = 5, .enqueued_per_s = 20, .finished_per_s = 4, .busy = 2 }, 1, 11 },
	{ { .queued = 5, .enqueued_per_s = 20, .finished_per_s = 4, .busy = 2 }, 5, 3 },
	/* what runs is not taken its workers, though nothing arrives */
	{ { .running = 12 }, 4, 3 },
	{ { .running = 13 }, 4, 4 },
	{ { .running = 12, .enqueued_per_s = 1, .finished_per_s = 4, .busy = 2 }, 4, 3 },
	/* paused: the backlog cannot be started */
	{ { .running = 3, .queued = 100000, .enqueued_per_s = 100, .paused = true }, 1, 3 },
	{ { .queued = 100000, .enqueued_per_s = 100, .paused = true }, 1, 1 },
	/* what no figures should say */
	{ { .queued = UINT64_MAX, .enqueued_per_s = 1e300 }, 1, SCALING_WORKERS_MAX },
	{ { .queued = 10, .enqueued_per_s = -5, .finished_per_s = -1, .busy = -1 }, -3, 1 },
	{ { .queued = 10, .enqueued_per_s = NAN, .finished_per_s = NAN, .busy = NAN }, NAN, 1 },
};

START_TEST(test_workers_for_figures)
{
	ck_assert_uint_eq(scaling_workers(&cases[_i].f, cases[_i].slots), cases[_i].workers);
}
END_TEST

static const struct {
	struct queue_figures f;
	double run_s;
} means[] = {
	{ { 0 }, SCALING_RUN_S },
	{ { .cancelled = 5, .expired = 5 }, SCALING_RUN_S }, /* never ran */
	{ { .succeeded = 4, .run_us = 1000000 }, 0.25 },
	{ { .succeeded = 1, .failed = 2, .died = 1, .run_us = 1000000 }, 0.25 },
	{ { .succeeded = 4, .run_us = 1000000, .finished_per_s = 2, .busy = 6 }, 3 },
	{ { .succeeded = 4, .run_us = 1000000, .finished_per_s = 2 }, 0.25 }, /* of late only what did not run */
};

START_TEST(test_run_s_of_the_last_seconds_or_ever)
{
	ck_assert_double_eq_tol(scaling_run_s(&means[_i].f), means[_i].run_s, 1e-12);
}
END_TEST

/* More to do never asks for fewer workers. */
START_TEST(test_workers_grow_with_what_there_is_to_do)
{
	struct queue_figures f = { .succeeded = 100, .run_us = 50000000 };
	for (unsigned slots = 1; slots <= 64; slots *= 2) {
		unsigned before = 0;
		for (f.queued = 0; f.queued < 5000; f.queued += 7) {
			unsigned now = scaling_workers(&f, slots);
			ck_assert_uint_ge(now, before);
			before = now;
		}
		ck_assert_uint_gt(before, 2);
	}
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

int main(void)
{
	Suite *s = suite_create("scaling");
	TCase *core = tcase_create("core");
	tcase_add_loop_test(core, test_workers_for_figures, 0, COUNT(cases));
	tcase_add_loop_test(core, test_run_s_of_the_last_seconds_or_ever, 0, COUNT(means));
	tcase_add_test(core, test_workers_grow_with_what_there_is_to_do);
	suite_add_tcase(s, core);
	return suite_run(s);
}
