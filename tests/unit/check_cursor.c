/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "err.h"
#include "suite_run.h"

static const struct {
	char section;
	const char *key;
} good[] = {
	{ 'r', "" },
	{ 'r', "0199a8c0-1234-7abc-8def-0123456789ab" },
	{ 'q', "217957000001234560199a8c0-1234-7abc-8def-0123456789ab" },
	{ 'a', "~!" },
	{ 'x', "123456789012345678901234567890123456789012345678901234567890123" }, /* as long as a key can be */
};

START_TEST(test_decode_gives_back_what_was_encoded)
{
	char text[CURSOR_SIZE], key[CURSOR_KEY_SIZE], section = 0;
	cursor_encode(text, good[_i].section, good[_i].key);
	ck_assert_uint_eq(strspn(text, "0123456789abcdef"), strlen(text)); /* stands in a URL as it is */
	ck_assert_int_eq(cursor_decode(text, strlen(text), &section, key), 0);
	ck_assert_int_eq(section, good[_i].section);
	ck_assert_str_eq(key, good[_i].key);
}
END_TEST

/* Each digit changed to each other one, and each length: whatever is taken is never what was not written. */
START_TEST(test_decode_refuses_a_cursor_with_a_changed_digit)
{
	static const char digits[] = "0123456789abcdef";
	char text[CURSOR_SIZE], key[CURSOR_KEY_SIZE], section = '?';
	cursor_encode(text, good[_i].section, good[_i].key);
	for (size_t at = 0; text[at]; at++) {
		char right = text[at];
		for (const char *d = digits; *d; d++) {
			text[at] = *d;
			int rc = cursor_decode(text, strlen(text), &section, key);
			ck_assert_int_eq(rc, *d == right ? 0 : ERR_INVALID);
		}
		text[at] = right;
	}
}
END_TEST

START_TEST(test_decode_refuses_a_cut_cursor)
{
	char text[CURSOR_SIZE], key[CURSOR_KEY_SIZE] = "untouched", section = '?';
	unsigned taken = 0;
	cursor_encode(text, good[_i].section, good[_i].key);
	for (size_t n = 0; n < strlen(text); n++)
		taken += cursor_decode(text, n, &section, key) == 0;
	ck_assert_uint_eq(taken, 0);
	ck_assert_str_eq(key, "untouched");
	ck_assert_int_eq(section, '?');
}
END_TEST

static const char *const bad[] = { "",     "0",        "zz",      "nonsense", "7200",       "72 0", "726",
				   "ABCD", "00000000", "72\n061", "%20",      "\xff\xfe..", "200a" };

START_TEST(test_decode_refuses_what_is_no_cursor)
{
	char key[CURSOR_KEY_SIZE], section = '?';
	ck_assert_int_eq(cursor_decode(bad[_i], strlen(bad[_i]), &section, key), ERR_INVALID);
	ck_assert_int_eq(section, '?');
}
END_TEST

START_TEST(test_decode_refuses_what_is_too_long)
{
	char text[2 * CURSOR_SIZE], key[CURSOR_KEY_SIZE], section = '?';
	memset(text, '7', sizeof text);
	for (size_t n = CURSOR_SIZE; n < sizeof text; n++)
		ck_assert_int_eq(cursor_decode(text, n, &section, key), ERR_INVALID);
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

int main(void)
{
	Suite *s = suite_create("cursor");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");
	tcase_add_loop_test(core, test_decode_gives_back_what_was_encoded, 0, COUNT(good));
	tcase_add_loop_test(core, test_decode_refuses_a_cursor_with_a_changed_digit, 0, COUNT(good));
	tcase_add_loop_test(core, test_decode_refuses_a_cut_cursor, 0, COUNT(good));
	tcase_add_loop_test(core, test_decode_refuses_what_is_no_cursor, 0, COUNT(bad));
	tcase_add_test(limits, test_decode_refuses_what_is_too_long);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	return suite_run(s);
}
