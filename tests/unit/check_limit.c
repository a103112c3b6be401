/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rate limit against a given clock. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limit.h"
#include "suite_run.h"

#define S UINT64_C(1000000)
#define BEGIN (UINT64_C(1000) * S)

static uint64_t key_of(const struct limit *l, const char *name)
{
	return limit_key(l, name, strlen(name));
}

START_TEST(test_limit_burst_then_rate)
{
	struct limit *l = limit_new(10, 5, 1, BEGIN);
	uint64_t a = key_of(l, "a"), now = BEGIN;
	for (int i = 0; i < 5; i++)
		ck_assert_uint_eq(limit_take(l, a, now), 0);
	ck_assert_uint_eq(limit_take(l, a, now), 1);
	ck_assert_uint_eq(limit_take(l, a, now + S / 10 - 1), 1);
	for (int i = 1; i <= 50; i++) { /* a tenth of a second each */
		ck_assert_uint_eq(limit_take(l, a, now + i * S / 10), 0);
		ck_assert_uint_eq(limit_take(l, a, now + i * S / 10), 1);
	}
	now += 60 * S; /* rest gives the burst back, and no more */
	for (int i = 0; i < 5; i++)
		ck_assert_uint_eq(limit_take(l, a, now), 0);
	ck_assert_uint_eq(limit_take(l, a, now), 1);
	limit_free(l);
}
END_TEST

START_TEST(test_limit_burst_of_one)
{
	struct limit *l = limit_new(1, 1, 1, BEGIN);
	uint64_t a = key_of(l, "a");
	ck_assert_uint_eq(limit_take(l, a, BEGIN), 0);
	ck_assert_uint_eq(limit_take(l, a, BEGIN + 1), 1);
	ck_assert_uint_eq(limit_take(l, a, BEGIN + S - 1), 1);
	ck_assert_uint_eq(limit_take(l, a, BEGIN + S), 0);
	limit_free(l);
}
END_TEST

/* Refusals cost nothing: who knocks all the time is let in as often as who waits. */
START_TEST(test_limit_refusals_are_not_counted)
{
	struct limit *l = limit_new(2, 1, 1, BEGIN);
	uint64_t a = key_of(l, "a");
	unsigned taken = 0;
	for (uint64_t us = 0; us < 10 * S; us += 1000)
		taken += limit_take(l, a, BEGIN + us) == 0;
	ck_assert_uint_eq(taken, 20);
	limit_free(l);
}
END_TEST

START_TEST(test_limit_keys_are_apart)
{
	struct limit *l = limit_new(1, 3, 7, BEGIN);
	char name[32];
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 200; i++) {
			snprintf(name, sizeof name, "10.0.0.%d", i);
			ck_assert_uint_eq(limit_take(l, key_of(l, name), BEGIN), 0);
		}
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof name, "10.0.0.%d", i);
		ck_assert_uint_ge(limit_take(l, key_of(l, name), BEGIN), 1);
	}
	limit_free(l);
}
END_TEST

START_TEST(test_limit_key_depends_on_the_seed)
{
	struct limit *a = limit_new(1, 1, 1, BEGIN), *b = limit_new(1, 1, 2, BEGIN);
	ck_assert_uint_ne(key_of(a, "x"), key_of(b, "x"));
	ck_assert_uint_eq(key_of(a, "x"), key_of(a, "x"));
	ck_assert_uint_ne(key_of(a, "x"), key_of(a, "y"));
	ck_assert_uint_ne(limit_key(a, "xy", 1), limit_key(a, "xy", 2));
	limit_free(a);
	limit_free(b);
}
END_TEST

static const struct {
	unsigned per_second, burst;
	unsigned wait_s; /* told after the burst was used up twice over in one instant */
} corners[] = { { 1, 1, 1 }, { 1, 1000000, 1 }, { 1000000, 1, 1 }, { 1000000, 1000000, 1 }, { 3, 7, 1 } };

START_TEST(test_limit_corners)
{
	unsigned n = corners[_i].burst, taken = 0;
	struct limit *l = limit_new(corners[_i].per_second, n, 3, 1);
	uint64_t a = key_of(l, "a");
	for (unsigned i = 0; i < 2 * n; i++)
		taken += limit_take(l, a, 1) == 0;
	ck_assert_uint_eq(taken, n);
	ck_assert_uint_eq(limit_take(l, a, 1), corners[_i].wait_s);
	limit_free(l);
}
END_TEST

/* Years later the table still counts. */
START_TEST(test_limit_after_years)
{
	struct limit *l = limit_new(1, 2, 3, 5);
	uint64_t a = key_of(l, "a"), later = UINT64_C(8) * 365 * 86400 * S;
	ck_assert_uint_eq(limit_take(l, a, later), 0);
	ck_assert_uint_eq(limit_take(l, a, later), 0);
	ck_assert_uint_eq(limit_take(l, a, later), 1);
	limit_free(l);
}
END_TEST

/* More keys at once than the table has slots: nobody gets more than his burst, everybody gets something some time. */
START_TEST(test_limit_overfull_is_stricter)
{
	enum { KEYS = 200000 };
	struct limit *l = limit_new(1, 2, 9, BEGIN);
	unsigned char *taken = calloc(KEYS, 1);
	unsigned none = 0;
	char name[32];
	ck_assert_ptr_nonnull(taken);
	for (int round = 0; round < 4; round++)
		for (int i = 0; i < KEYS; i++) {
			snprintf(name, sizeof name, "%d", i);
			taken[i] = (unsigned char)(taken[i] + (limit_take(l, key_of(l, name), BEGIN) == 0));
		}
	for (int i = 0; i < KEYS; i++) {
		ck_assert_uint_le(taken[i], 2);
		none += taken[i] == 0;
	}
	ck_assert_uint_gt(none, 0); /* else this was no test of that */
	free(taken);
	limit_free(l);
}
END_TEST

enum { THREADS = 4, ASKS = 20000, BURST = 1000 };
static struct limit *shared;
static atomic_uint granted;

static void *ask_often(void *arg)
{
	uint64_t key = key_of(shared, arg);
	for (int i = 0; i < ASKS; i++)
		if (limit_take(shared, key, BEGIN) == 0)
			atomic_fetch_add(&granted, 1);
	return NULL;
}

START_TEST(test_limit_threads_share_one_burst)
{
	pthread_t threads[THREADS];
	shared = limit_new(1, BURST, 5, BEGIN);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_often, (void *)(uintptr_t) "same"), 0);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_uint_eq(atomic_load(&granted), BURST);
	limit_free(shared);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("limit");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");
	tcase_add_test(core, test_limit_burst_then_rate);
	tcase_add_test(core, test_limit_burst_of_one);
	tcase_add_test(core, test_limit_refusals_are_not_counted);
	tcase_add_test(core, test_limit_keys_are_apart);
	tcase_add_test(core, test_limit_key_depends_on_the_seed);
	tcase_add_loop_test(limits, test_limit_corners, 0, (int)(sizeof corners / sizeof *corners));
	tcase_add_test(limits, test_limit_after_years);
	tcase_add_test(limits, test_limit_overfull_is_stricter);
	tcase_add_test(limits, test_limit_threads_share_one_burst);
	tcase_set_timeout(limits, 60);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	return suite_run(s);
}
