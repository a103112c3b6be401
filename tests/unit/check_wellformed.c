/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What counts as a JSON value, and what does not; jansson is of the same opinion. */
#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "compute/wellformed.h"
#include "suite_run.h"

static const char *const good[] = {
	"0",
	"-0",
	"144",
	"-1.5e+10",
	"1E5",
	"0.1",
	"null",
	"true",
	"false",
	"\"\"",
	"\"a\\\"b\\\\\\u00e9\\n\"",
	"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
	"[]",
	"{}",
	"[ 1 , [2,3] ]",
	"{ \"a\" : {\"b\":[]} , \"c\":1}",
	"\"/\\/\\b\\f\\r\\t\"",
};
enum { GOOD = sizeof good / sizeof *good };

static const char *const bad[] = {
	"",      " 1",         "1 ",         "01",       "-",
	"+1",    ".5",         "1.",         "1e",       "1e+",
	"nan",   "inf",        "-inf",       "NaN",      "nul",
	"nulll", "True",       "\"",         "\"\\x\"",  "\"\\u12g4\"",
	"\"\\",  "\"a\nb\"",   "\"\xc3\"",   "\"\xff\"", "\"\xed\xa0\x80\"",
	"[",     "]",          "[1",         "[1,",      "[1,]",
	"[,1]",  "[1 2]",      "{",          "{\"a\"}",  "{\"a\":}",
	"{a:1}", "{\"a\":1,}", "{\"a\":1",   "[}",       "1,2",
	"1}",    "\"a\"b",     "{\"a\":1}{", "'a'",      "0x10",
	"1_000",
};
enum { BAD = sizeof bad / sizeof *bad };

START_TEST(test_wellformed_takes)
{
	ck_assert_msg(wellformed_json(good[_i], strlen(good[_i])), "%s", good[_i]);
	json_t *v = json_loadb(good[_i], strlen(good[_i]), JSON_DECODE_ANY, NULL);
	ck_assert_msg(v != NULL, "%s", good[_i]);
	json_decref(v);
	for (size_t n = 0; good[_i][0] && strchr("\"[{", good[_i][0]) && n < strlen(good[_i]); n++)
		ck_assert_msg(!wellformed_json(good[_i], n), "%.*s", (int)n, good[_i]); /* cut short */
}
END_TEST

START_TEST(test_wellformed_refuses)
{
	ck_assert_msg(!wellformed_json(bad[_i], strlen(bad[_i])), "%s", bad[_i]);
}
END_TEST

START_TEST(test_wellformed_zero_bytes)
{
	ck_assert(!wellformed_json("\"\\\0\"", 4));
	ck_assert(!wellformed_json("1\0", 2));
	ck_assert(!wellformed_json("\0", 1));
	ck_assert(!wellformed_json("\"\0\"", 3));
}
END_TEST

START_TEST(test_wellformed_depth)
{
	char text[4 * WELLFORMED_DEPTH];

	for (int depth = WELLFORMED_DEPTH; depth <= WELLFORMED_DEPTH + 1; depth++) {
		memset(text, '[', (size_t)depth);
		memset(text + depth, ']', (size_t)depth);
		ck_assert_int_eq(wellformed_json(text, 2 * (size_t)depth), depth <= WELLFORMED_DEPTH);
	}
	memset(text, '[', sizeof text);
	ck_assert(!wellformed_json(text, sizeof text));
	char wide[1 + 3 * 500 + 1] = "[";
	for (int i = 0; i < 500; i++)
		memcpy(wide + 1 + 3 * i, i < 499 ? "[]," : "[] ", 3);
	wide[sizeof wide - 1] = ']';
	ck_assert(wellformed_json(wide, sizeof wide)); /* side by side, not one in another */
}
END_TEST

START_TEST(test_wellformed_long_number)
{
	size_t n = 1000000;
	char *text = malloc(n);

	ck_assert_ptr_nonnull(text);
	memset(text, '7', n);
	ck_assert(wellformed_json(text, n));
	text[n - 1] = 'x';
	ck_assert(!wellformed_json(text, n));
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wellformed");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");

	tcase_add_loop_test(core, test_wellformed_takes, 0, GOOD);
	tcase_add_test(limits, test_wellformed_depth);
	tcase_add_test(limits, test_wellformed_long_number);
	tcase_add_loop_test(faults, test_wellformed_refuses, 0, BAD);
	tcase_add_test(faults, test_wellformed_zero_bytes);
	suite_add_tcase(suite, core);
	suite_add_tcase(suite, limits);
	suite_add_tcase(suite, faults);
	return suite_run(suite);
}
