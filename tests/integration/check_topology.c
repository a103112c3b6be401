/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Five instances see each other come, go, crash and move: each of them, each time, within 3 s. The binaries themselves,
 * as their logs tell it; the times are printed. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "proc.h"
#include "redis_private.h"
#include "role_run.h"
#include "suite_run.h"
#include "wait_until.h"

#define N 5
/* What is promised, and as much again for a machine that has other things to do. */
#define PROMISE_MS 3000
#define SOON_MS (2 * PROMISE_MS)

static struct redis_private *redis;
static struct role_run *all[N]; /* two web roles, three workers; NULL: not there */
static const char *const names[N] = { "WebRole_IN_0", "WebRole_IN_1", "WorkerRole_IN_0", "WorkerRole_IN_1",
				      "WorkerRole_IN_2" };

static void start(size_t i)
{
	all[i] = role_run_start(i < 2 ? "web-role" : "worker-role", names[i], redis_private_url(redis), NULL);
}

/* How often an instance has said a line. */
static unsigned said(size_t i, const char *words)
{
	unsigned n = 0;

	for (const char *at = role_run_said(all[i]); (at = strstr(at, words)); at++)
		n++;
	return n;
}

struct news {
	const char *words;
	size_t about;       /* the instance that need not say it */
	unsigned before[N]; /* how often it was said until now */
	bool heard[N];
	uint64_t began_us, last_us;
};

static struct news expect(size_t about, const char *what)
{
	static char words[80];
	struct news n = { .words = words, .about = about };

	(void)snprintf(words, sizeof words, "%s %s", names[about], what);
	for (size_t i = 0; i < N; i++)
		n.before[i] = all[i] && i != about ? said(i, words) : 0;
	n.began_us = clock_mono_us();
	return n;
}

static bool is_heard_by_all(void *arg)
{
	struct news *n = arg;
	bool by_all = true;

	for (size_t i = 0; i < N; i++) {
		if (!all[i] || i == n->about || n->heard[i])
			continue;
		n->heard[i] = said(i, n->words) > n->before[i];
		by_all = by_all && n->heard[i];
	}
	n->last_us = clock_mono_us();
	return by_all;
}

static void assert_heard(struct news *n)
{
	bool yes = wait_until(is_heard_by_all, n, SOON_MS);

	for (size_t i = 0; i < N; i++)
		ck_assert_msg(yes || !all[i] || i == n->about || n->heard[i], "%s did not say \"%s\" within %d ms:\n%s",
			      names[i], n->words, SOON_MS, role_run_said(all[i]));
	printf("  %-45s seen by all after %4.2f s\n", n->words, (double)(n->last_us - n->began_us) / 1e6);
}

static void leave(size_t i)
{
	ck_assert_int_eq(role_run_stop(all[i]), 0);
	all[i] = NULL;
}

static void crash(size_t i)
{
	role_run_kill(all[i]);
	all[i] = NULL;
}

static void setup(void)
{
	redis = redis_private_start(NULL);
	for (size_t i = 0; i < N - 1; i++)
		start(i);
}

static void teardown(void)
{
	for (size_t i = 0; i < N; i++)
		if (all[i])
			role_run_stop(all[i]);
	redis_private_stop(redis);
}

START_TEST(test_each_sees_each_change)
{
	struct news joined = expect(4, "has joined");
	start(4);
	assert_heard(&joined);
	struct news left = expect(3, "has left");
	leave(3);
	assert_heard(&left);
	struct news back = expect(3, "has joined");
	start(3);
	assert_heard(&back);
	/* It is back before anybody has missed it: at another port, as it takes any. */
	struct news moved = expect(4, "has other endpoints now");
	crash(4);
	start(4);
	assert_heard(&moved);
}
END_TEST

/* Without a word: the connection closes, but nobody is told. */
START_TEST(test_crash_is_seen)
{
	struct news joined = expect(4, "has joined");
	start(4);
	assert_heard(&joined);
	for (size_t i = 4; i >= 3; i--) {
		struct news gone = expect(i, "has left");
		crash(i);
		assert_heard(&gone);
	}
}
END_TEST

struct still {
	uint64_t until_us;
};

static bool is_time(void *arg)
{
	return clock_mono_us() >= ((const struct still *)arg)->until_us;
}

/* All stand still for 3.5 s, longer than it takes to miss somebody: nobody is taken for gone. Then one really goes. */
START_TEST(test_common_stall_is_no_crash)
{
	struct news joined = expect(4, "has joined");
	start(4);
	assert_heard(&joined);
	for (size_t i = 0; i < N; i++)
		(void)kill(role_run_pid(all[i]), SIGSTOP);
	struct still pause = { clock_mono_us() + 3500000 };
	ck_assert(wait_until(is_time, &pause, 10000)); /* the stall is what is tested */
	for (size_t i = 0; i < N; i++)
		(void)kill(role_run_pid(all[i]), SIGCONT);
	struct news gone = expect(4, "has left");
	crash(4);
	assert_heard(&gone);
	for (size_t i = 0; i < N - 1; i++)
		ck_assert_msg(said(i, "has left") == 1, "%s takes somebody for gone who is not:\n%s", names[i],
			      role_run_said(all[i]));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("topology");
	TCase *core = tcase_create("core"), *faults = tcase_create("faults");

	tcase_add_checked_fixture(core, setup, teardown);
	tcase_add_checked_fixture(faults, setup, teardown);
	tcase_set_timeout(core, 180);
	tcase_set_timeout(faults, 180);
	tcase_add_test(core, test_each_sees_each_change);
	tcase_add_test(faults, test_crash_is_seen);
	tcase_add_test(faults, test_common_stall_is_no_crash);
	suite_add_tcase(s, core);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
