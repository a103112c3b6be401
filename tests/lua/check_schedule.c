/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The proof of the queue: a random schedule against the model. SCHEDULE_SEED repeats a run, SCHEDULE_STEPS sets its
 * length. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lua_schedule.h"
#include "suite_run.h"

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void run(uint64_t seed, unsigned steps)
{
	struct lua_lab *lab = lua_lab_new(true, NULL);
	struct lua_schedule_stats stats;
	char *failure = lua_schedule(lab, seed, steps, 1, &stats);

	printf("schedule: SCHEDULE_SEED=%llu, %u steps, %u calls (%u repeated), %llu jobs accepted, %llu ended, %llu "
	       "isolated\n",
	       (unsigned long long)seed, stats.steps, stats.calls, stats.replayed, (unsigned long long)stats.accepted,
	       (unsigned long long)stats.ended, (unsigned long long)stats.isolated);
	if (failure)
		printf("%s", failure);
	fflush(stdout);
	ck_assert_msg(!failure, "the schedule found a violation (see above)");
	ck_assert_uint_gt(stats.ended, steps / 20);
	lua_lab_free(lab);
}

START_TEST(test_schedule_holds_for_a_known_seed)
{
	run(20260101, 2000);
}
END_TEST

START_TEST(test_schedule_holds_for_any_seed)
{
	run(from_environment("SCHEDULE_SEED", (uint64_t)time(NULL)),
	    (unsigned)from_environment("SCHEDULE_STEPS", 20000));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("schedule");
	TCase *core = tcase_create("core");

	tcase_set_timeout(core, 600);
	tcase_add_test(core, test_schedule_holds_for_a_known_seed);
	tcase_add_test(core, test_schedule_holds_for_any_seed);
	suite_add_tcase(suite, core);
	return suite_run(suite);
}
