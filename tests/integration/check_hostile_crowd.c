/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Many clients at once: ten thousand that do nothing, more of one address than it may have, more than there are file
 * descriptors. Whoever was there, and whoever asks meanwhile, is answered. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "clock.h"
#include "hostile_lab.h"
#include "suite_run.h"
#include "wait_until.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

static struct raw_client crowd[10000];

/* As many as this process, and another one like it, may have files for. */
static unsigned crowd_size(void)
{
	struct rlimit limit;
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	const unsigned most = sizeof crowd / sizeof *crowd;
	return limit.rlim_cur > most + 200 ? most : (unsigned)limit.rlim_cur - 200;
}

/* With room for the crowd, and for those who are to be served beside it. */
static void start_patient(void)
{
	char connections[40];
	(void)snprintf(connections, sizeof connections, "SQUARE_CONNECTIONS=%u", crowd_size() + 100);
	const char *const env[] = { "SQUARE_HEAD_SECONDS=120",
				    "SQUARE_BODY_SECONDS=120",
				    "SQUARE_IDLE_SECONDS=600",
				    "SQUARE_ADDRESS_CONNECTIONS=0",
				    "SQUARE_ACCESS_LOG=none",
				    connections,
				    NULL };
	hostile_start_web_with(env);
}

static void start_default(void)
{
	static const char *const env[] = { "SQUARE_ACCESS_LOG=none", NULL };
	hostile_start_web_with(env);
}

/* ---- many ---- */

static int compare_us(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

#define REQUESTS 2000

/* 2,000 requests over one connection; each must be answered. The 99th percentile in microseconds. */
static uint64_t measure(void)
{
	static uint64_t took_us[REQUESTS];
	hostile_dial();
	for (int i = 0; i < REQUESTS; i++) {
		uint64_t from_us = clock_mono_us();
		ck_assert(raw_say(&hostile.client, GET("/v1/jobs/01a204a5-3f42-741e-8ffe-cf51adeb0f2e")));
		unsigned status = hostile_hear();
		ck_assert_msg(status == 404 || status == 503, "request %d: %u", i, status); /* 503: a loaded machine */
		took_us[i] = clock_mono_us() - from_us;
	}
	raw_close(&hostile.client);
	qsort(took_us, REQUESTS, sizeof *took_us, compare_us);
	return took_us[REQUESTS * 99 / 100];
}

/* Idle connections, each from one of some local addresses, half of them without a word, half after a request. */
static void gather(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char from[20];
		(void)snprintf(from, sizeof from, "127.0.0.%u", 2 + i % 16);
		ck_assert_msg(raw_connect(&crowd[i], hostile.port, from, 0, HOSTILE_MS), "connection %u", i);
		if (i % 2)
			ck_assert(raw_say(&crowd[i], GET("/livez")));
	}
	for (unsigned i = 1; i < n; i += 2) {
		ck_assert_msg(raw_hear(&crowd[i], &hostile.answer, HOSTILE_MS) == RAW_ANSWER, "connection %u", i);
		ck_assert_uint_eq(hostile.answer.status, 200);
	}
}

START_TEST(test_ten_thousand_idle_connections)
{
	unsigned n = crowd_size();
	hostile_remember();
	uint64_t alone_us = measure();
	long alone_kib = role_run_kib(hostile.web);
	gather(n);
	long crowd_kib = role_run_kib(hostile.web) - alone_kib;
	uint64_t crowd_us = measure();
	ck_assert_uint_ge(role_run_files(hostile.web), n); /* all of them were there all the time */
	printf("idle connections: %u, %.1f KiB each; p99 of %d requests %llu us, before %llu us, ratio %.2f\n", n,
	       (double)crowd_kib / n, REQUESTS, (unsigned long long)crowd_us, (unsigned long long)alone_us,
	       (double)crowd_us / (double)alone_us);
	for (unsigned i = 0; i < n; i++)
		raw_close(&crowd[i]);
	hostile_expect_sane(0, "the crowd");
}
END_TEST

/* ---- one address ---- */

#define ADDRESS_MOST 64

static bool is_served(void *arg)
{
	struct raw_client c;
	bool served = false;
	if (raw_connect(&c, hostile.port, arg, 0, HOSTILE_MS)) {
		served = raw_say(&c, GET("/livez")) && raw_hear(&c, &hostile.answer, HOSTILE_MS) == RAW_ANSWER &&
			 hostile.answer.status == 200;
		raw_close(&c);
	}
	return served;
}

START_TEST(test_one_address_has_64_connections)
{
	char other[] = "127.0.0.9";
	hostile_remember();
	for (unsigned i = 0; i < ADDRESS_MOST; i++) {
		ck_assert(raw_connect(&crowd[i], hostile.port, "127.0.0.8", 0, HOSTILE_MS));
		ck_assert(raw_say(&crowd[i], GET("/livez")));
		ck_assert(raw_hear(&crowd[i], &hostile.answer, HOSTILE_MS) == RAW_ANSWER);
		ck_assert_uint_eq(hostile.answer.status, 200);
	}
	for (int i = 0; i < 10; i++) {
		struct raw_client c;
		if (!raw_connect(&c, hostile.port, "127.0.0.8", 0, HOSTILE_MS))
			continue;
		raw_say(&c, GET("/livez"));
		enum raw_heard heard = raw_hear(&c, &hostile.answer, HOSTILE_MS);
		ck_assert_msg(heard == RAW_END || (heard == RAW_ANSWER && hostile.answer.status > 399),
			      "the 65th connection was served: %u", hostile.answer.status);
		raw_close(&c);
	}
	ck_assert(is_served(other));
	raw_close(&crowd[0]);
	char same[] = "127.0.0.8";
	ck_assert_msg(wait_until(is_served, same, HOSTILE_MS), "no room after one has left");
	for (unsigned i = 1; i < ADDRESS_MOST; i++)
		raw_close(&crowd[i]);
	hostile_expect_sane(0, "many connections of one address");
}
END_TEST

/* ---- no descriptors left ---- */

#define ROOM 5
#define PUSHERS 30

static void limit_files(rlim_t n)
{
	struct rlimit limit;
	ck_assert_int_eq(prlimit(role_run_pid(hostile.web), RLIMIT_NOFILE, NULL, &limit), 0);
	limit.rlim_cur = n;
	ck_assert_int_eq(prlimit(role_run_pid(hostile.web), RLIMIT_NOFILE, &limit, NULL), 0);
}

static unsigned count_answered(void)
{
	unsigned n = 0;
	for (unsigned i = 0; i < PUSHERS; i++) {
		raw_listen(&crowd[i], 0);
		n += crowd[i].in.len > 0;
	}
	return n;
}

static bool some_are_answered(void *arg)
{
	return count_answered() >= *(unsigned *)arg;
}

/* The process has no descriptor for another connection: those it has are served, the others are served later. */
START_TEST(test_no_descriptors_are_left)
{
	unsigned some = 1, all = PUSHERS;
	hostile_remember();
	hostile_dial();
	ck_assert(raw_say(&hostile.client, GET("/livez")));
	ck_assert_uint_eq(hostile_hear(), 200);
	limit_files(role_run_files(hostile.web) + ROOM);
	for (unsigned i = 0; i < PUSHERS; i++) {
		ck_assert(raw_connect(&crowd[i], hostile.port, NULL, 0, HOSTILE_MS));
		ck_assert(raw_say(&crowd[i], GET("/livez")));
	}
	ck_assert(wait_until(some_are_answered, &some, HOSTILE_MS));
	for (int i = 0; i < 50; i++) { /* the one that was there goes on as before */
		ck_assert(raw_say(&hostile.client, GET("/livez")));
		ck_assert_uint_eq(hostile_hear(), 200);
	}
	ck_assert_uint_lt(count_answered(), PUSHERS);
	limit_files(1000);
	raw_close(&hostile.client); /* at a close the listening socket is looked at again */
	ck_assert_msg(wait_until(some_are_answered, &all, HOSTILE_MS), "%u of %d were answered", count_answered(),
		      PUSHERS);
	for (unsigned i = 0; i < PUSHERS; i++)
		raw_close(&crowd[i]);
	hostile_expect_sane(0, "a lack of descriptors");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hostile_crowd");
	TCase *many = tcase_create("limits"), *lack = tcase_create("faults"), *plain = tcase_create("core");
	tcase_add_unchecked_fixture(many, start_patient, hostile_stop_web);
	tcase_add_unchecked_fixture(lack, start_patient, hostile_stop_web);
	tcase_add_unchecked_fixture(plain, start_default, hostile_stop_web);
	tcase_add_test(many, test_ten_thousand_idle_connections);
	tcase_add_test(lack, test_no_descriptors_are_left);
	tcase_add_test(plain, test_one_address_has_64_connections);
	tcase_set_timeout(many, 120);
	suite_add_tcase(s, many);
	tcase_set_timeout(lack, 120);
	suite_add_tcase(s, lack);
	tcase_set_timeout(plain, 120);
	suite_add_tcase(s, plain);
	return suite_run(s);
}
