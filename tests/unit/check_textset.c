/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "suite_run.h"
#include "textset.h"

/* ---- core ---- */

START_TEST(test_add_tells_what_is_new)
{
	struct textset s;

	textset_init(&s);
	ck_assert(!textset_has(&s, "a", 1));
	ck_assert_int_eq(textset_add(&s, "a", 1), 1);
	ck_assert_int_eq(textset_add(&s, "a", 1), 0);
	ck_assert_int_eq(textset_add(&s, "b", 1), 1);
	ck_assert(textset_has(&s, "a", 1));
	ck_assert(!textset_has(&s, "c", 1));
	textset_clear(&s);
	ck_assert(!textset_has(&s, "a", 1));
	ck_assert_int_eq(textset_add(&s, "a", 1), 1);
	textset_fini(&s);
}
END_TEST

/* ---- limits ---- */

/* Texts that differ in their length alone, in a zero byte, or behind a word of eight bytes. */
START_TEST(test_add_keeps_near_ones_apart)
{
	static const struct {
		const char *p;
		size_t n;
	} texts[] = { { "", 0 },          { "\0", 1 },         { "\0\0", 2 },
		      { "12345678", 8 },  { "12345678\0", 9 }, { "123456789", 9 },
		      { "12345678a", 9 }, { "a12345678", 9 },  { "87654321", 8 } };
	struct textset s;

	textset_init(&s);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		ck_assert_msg(textset_add(&s, texts[i].p, texts[i].n) == 1, "text %zu was taken for another", i);
	ck_assert_uint_eq(s.used, sizeof texts / sizeof *texts);
	textset_fini(&s);
}
END_TEST

START_TEST(test_add_many)
{
	char text[40];
	struct textset s;

	textset_init(&s);
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(text, sizeof text, "0190a8d1-7c00-7000-8000-%012x", i);
		ck_assert_int_eq(textset_add(&s, text, strlen(text)), 1);
	}
	for (unsigned i = 0; i < 200000; i++) {
		snprintf(text, sizeof text, "0190a8d1-7c00-7000-8000-%012x", i);
		ck_assert_msg(textset_has(&s, text, strlen(text)) == (i < 100000), "%s", text);
	}
	ck_assert_uint_eq(s.used, 100000);
	textset_fini(&s);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("textset");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");

	tcase_add_test(core, test_add_tells_what_is_new);
	suite_add_tcase(suite, core);
	tcase_add_test(limits, test_add_keeps_near_ones_apart);
	tcase_add_test(limits, test_add_many);
	suite_add_tcase(suite, limits);
	return suite_run(suite);
}
