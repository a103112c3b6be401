/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "err.h"
#include "suite_run.h"

static const struct {
	uint64_t us;
	const char *text;
} times[] = {
	{ 0, "1970-01-01T00:00:00.000Z" },
	{ 999, "1970-01-01T00:00:00.000Z" },
	{ 1000, "1970-01-01T00:00:00.001Z" },
	{ 951782399999999, "2000-02-28T23:59:59.999Z" },
	{ 951782400000000, "2000-02-29T00:00:00.000Z" },
	{ 951868800000000, "2000-03-01T00:00:00.000Z" },
	{ 1795359845123000, "2026-11-22T15:04:05.123Z" },
	{ 4107542400000000, "2100-03-01T00:00:00.000Z" }, /* 2100 is no leap year */
	{ 253402300799999999, "9999-12-31T23:59:59.999Z" },
};

START_TEST(test_format_of_known_times)
{
	char out[CLOCK_TEXT_SIZE];
	uint64_t back;

	clock_format(times[_i].us, out);
	ck_assert_str_eq(out, times[_i].text);
	ck_assert_int_eq(clock_parse(out, strlen(out), &back), 0);
	ck_assert_uint_eq(back, times[_i].us / 1000 * 1000);
}
END_TEST

/* The C library's own calendar is the reference, every 9 hours or so over 250 years. */
START_TEST(test_format_and_parse_agree_with_gmtime)
{
	char out[CLOCK_TEXT_SIZE], expected[CLOCK_TEXT_SIZE];
	uint64_t back;

	for (time_t t = 0; t < (time_t)250 * 366 * 86400; t += 32771) {
		struct tm tm;
		gmtime_r(&t, &tm);
		strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
		clock_format((uint64_t)t * 1000000, out);
		ck_assert_str_eq(out, expected);
		ck_assert_int_eq(clock_parse(out, CLOCK_TEXT_SIZE - 1, &back), 0);
		ck_assert_uint_eq(back, (uint64_t)t * 1000000);
	}
}
END_TEST

static const struct {
	const char *text;
	const char *same; /* NULL: refused */
	unsigned us;      /* beyond the milliseconds */
} parses[] = {
	{ "2026-11-22T15:04:05Z", "2026-11-22T15:04:05.000Z", 0 },
	{ "2026-11-22t15:04:05z", "2026-11-22T15:04:05.000Z", 0 },
	{ "2026-11-22T15:04:05.1Z", "2026-11-22T15:04:05.100Z", 0 },
	{ "2026-11-22T15:04:05.123456789Z", "2026-11-22T15:04:05.123Z", 456 },
	{ "2026-11-22T15:04:05+00:00", "2026-11-22T15:04:05.000Z", 0 },
	{ "2026-11-22T15:04:05-00:00", "2026-11-22T15:04:05.000Z", 0 },
	{ "2026-11-22T15:04:05+05:30", "2026-11-22T09:34:05.000Z", 0 },
	{ "2026-11-22T23:30:00-01:00", "2026-11-23T00:30:00.000Z", 0 },
	{ "1970-01-01T01:00:00+01:00", "1970-01-01T00:00:00.000Z", 0 },
	{ "2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z", 0 },
	{ "2016-12-31T18:59:60.5-05:00", "2017-01-01T00:00:00.500Z", 0 },
	{ "2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z", 0 },
	{ "", NULL, 0 },
	{ "2026-11-22", NULL, 0 },
	{ "2026-11-22T15:04:05", NULL, 0 },
	{ "2026-11-22 15:04:05Z", NULL, 0 },
	{ "2026-11-22T15:04Z", NULL, 0 },
	{ "2026-11-22T15:04:05.Z", NULL, 0 },
	{ "2026-11-22T15:04:05.1234567890Z", NULL, 0 },
	{ "2026-11-22T15:04:05Z ", NULL, 0 },
	{ "2026-11-22T15:04:05+0100", NULL, 0 },
	{ "2026-11-22T15:04:05+24:00", NULL, 0 },
	{ "2026-11-22T15:04:05+01:60", NULL, 0 },
	{ "2026-11-22T24:00:00Z", NULL, 0 },
	{ "2026-11-22T15:60:00Z", NULL, 0 },
	{ "2026-11-22T15:04:60Z", NULL, 0 },
	{ "2026-11-22T15:04:61Z", NULL, 0 },
	{ "2026-00-22T15:04:05Z", NULL, 0 },
	{ "2026-13-22T15:04:05Z", NULL, 0 },
	{ "2026-11-00T15:04:05Z", NULL, 0 },
	{ "2026-11-31T15:04:05Z", NULL, 0 },
	{ "2026-02-29T15:04:05Z", NULL, 0 },
	{ "2100-02-29T15:04:05Z", NULL, 0 },
	{ "1969-12-31T23:59:59Z", NULL, 0 },
	{ "1970-01-01T00:59:59+01:00", NULL, 0 },
	{ "0000-01-01T00:00:00Z", NULL, 0 },
	{ "9999-12-31T23:59:59-00:01", NULL, 0 },
	{ "+026-11-22T15:04:05Z", NULL, 0 },
};

START_TEST(test_parse)
{
	char out[CLOCK_TEXT_SIZE];
	uint64_t us = 42;
	int rc = clock_parse(parses[_i].text, strlen(parses[_i].text), &us);

	if (!parses[_i].same) {
		ck_assert_int_eq(rc, ERR_INVALID);
		ck_assert_uint_eq(us, 42);
		return;
	}
	ck_assert_int_eq(rc, 0);
	clock_format(us, out);
	ck_assert_str_eq(out, parses[_i].same);
	ck_assert_uint_eq(us % 1000, parses[_i].us);
}
END_TEST

START_TEST(test_parse_reads_no_further_than_told)
{
	uint64_t us;
	const char *text = "2026-11-22T15:04:05Z";
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++) {
		char *part = malloc(i + 1); /* so that the sanitizer sees a step too far */
		memcpy(part, text, i);
		ck_assert_int_eq(clock_parse(part, i, &us), ERR_INVALID);
		free(part);
	}
}
END_TEST

START_TEST(test_mono_never_goes_back)
{
	uint64_t before = clock_mono_us();

	for (int i = 0; i < 10000; i++) {
		uint64_t now = clock_mono_us();
		ck_assert_uint_ge(now, before);
		before = now;
	}
	ck_assert_uint_gt(clock_wall_us(), UINT64_C(1500000000000000));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("clock");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");

	tcase_add_loop_test(core, test_format_of_known_times, 0, (int)(sizeof(times) / sizeof(*times)));
	tcase_add_test(core, test_format_and_parse_agree_with_gmtime);
	tcase_add_test(core, test_mono_never_goes_back);
	tcase_add_loop_test(limits, test_parse, 0, (int)(sizeof(parses) / sizeof(*parses)));
	tcase_add_test(limits, test_parse_reads_no_further_than_told);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	return suite_run(s);
}
