/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "err.h"
#include "suite_run.h"

START_TEST(test_append_grows_and_keeps_bytes)
{
	struct buf b = BUF_INIT;

	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%03d", i);
	ck_assert_uint_eq(b.len, 3000);
	ck_assert(!b.failed);
	for (int i = 0; i < 1000; i++) {
		char expected[16];
		snprintf(expected, sizeof(expected), "%03d", i);
		ck_assert_int_eq(memcmp(b.data + (size_t)3 * (size_t)i, expected, 3), 0);
	}
	buf_fini(&b);
	ck_assert_ptr_null(b.data);
}
END_TEST

START_TEST(test_numbers_at_their_limits)
{
	struct buf b = BUF_INIT;

	buf_uint(&b, 0);
	buf_byte(&b, ' ');
	buf_uint(&b, UINT64_MAX);
	buf_byte(&b, ' ');
	buf_int(&b, INT64_MIN);
	buf_byte(&b, ' ');
	buf_int(&b, -7);
	buf_byte(&b, ' ');
	buf_int(&b, INT64_MAX);
	ck_assert_str_eq(buf_cstr(&b), "0 18446744073709551615 -9223372036854775808 -7 9223372036854775807");
	buf_fini(&b);
}
END_TEST

START_TEST(test_printf_of_every_length_around_the_capacity)
{
	for (int n = 0; n < 200; n++) {
		struct buf b = BUF_INIT;
		buf_puts(&b, "x");
		buf_printf(&b, "%*s|", n, "");
		ck_assert_uint_eq(b.len, (size_t)n + 2);
		ck_assert_int_eq(b.data[b.len - 1], '|');
		buf_fini(&b);
	}
}
END_TEST

START_TEST(test_consume_drops_the_front)
{
	struct buf b = BUF_INIT;

	buf_puts(&b, "abcdef");
	buf_consume(&b, 0);
	buf_consume(&b, 2);
	ck_assert_str_eq(buf_cstr(&b), "cdef");
	buf_consume(&b, 4);
	ck_assert_str_eq(buf_cstr(&b), "");
	buf_fini(&b);
}
END_TEST

START_TEST(test_cstr_of_an_empty_buffer)
{
	struct buf b = BUF_INIT;

	ck_assert_str_eq(buf_cstr(&b), "");
	buf_fini(&b);
	ck_assert_str_eq(buf_cstr(&b), "");
	buf_fini(&b);
}
END_TEST

START_TEST(test_take_gives_the_bytes_away)
{
	struct buf b = BUF_INIT;
	size_t len = 99;

	buf_append(&b, "a\0b", 3);
	char *bytes = buf_take(&b, &len);
	ck_assert_uint_eq(len, 3);
	ck_assert_int_eq(memcmp(bytes, "a\0b", 4), 0);
	ck_assert_uint_eq(b.len, 0);
	free(bytes);
	char *empty = buf_take(&b, NULL);
	ck_assert_str_eq(empty, "");
	free(empty);
}
END_TEST

static const struct {
	const char *in;
	size_t n;
	const char *out;
} strings[] = {
	{ "", 0, "\"\"" },
	{ "plain", 5, "\"plain\"" },
	{ "a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\"" },
	{ "\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"" },
	{ "\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\\u007f\"" },
	{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"" },
	{ "\xff", 1, "\"\xef\xbf\xbd\"" },
	{ "a\xc3", 2, "\"a\xef\xbf\xbd\"" },                               /* cut short */
	{ "\xc0\xaf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"" },                 /* overlong */
	{ "\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* a surrogate */
	{ "\x80z", 2, "\"\xef\xbf\xbdz\"" },                               /* a lone continuation */
	{ "\xe2\x82\"", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\\\"\"" },           /* the quote must not be swallowed */
};

START_TEST(test_json_string_escapes)
{
	struct buf b = BUF_INIT;

	buf_json_string(&b, strings[_i].in, strings[_i].n);
	ck_assert_str_eq(buf_cstr(&b), strings[_i].out);
	buf_fini(&b);
}
END_TEST

/* All sequences of up to four bytes drawn from the edges of the ranges, against the definition by code points. */
static size_t utf8_by_definition(const unsigned char *p, size_t n)
{
	static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = n == 0                  ? 0
		     : p[0] < 0x80           ? 1
		     : (p[0] & 0xe0) == 0xc0 ? 2
		     : (p[0] & 0xf0) == 0xe0 ? 3
		     : (p[0] & 0xf8) == 0xf0 ? 4
					     : 0;
	if (len < 2 || len > n)
		return len > n ? 0 : len;
	unsigned code = p[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	return code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? 0 : len;
}

START_TEST(test_utf8_len_against_the_definition)
{
	static const unsigned char edges[] = { 0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
					       0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef,
					       0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf7, 0xf8, 0xff };
	size_t k = sizeof(edges), valid = 0;

	for (size_t i = 0; i < k * k * k * k; i++) {
		unsigned char p[4] = { edges[i % k], edges[i / k % k], edges[i / k / k % k], edges[i / k / k / k] };
		for (size_t n = 0; n <= 4; n++) {
			size_t len = buf_utf8_len((const char *)p, n);
			if (len != utf8_by_definition(p, n))
				ck_abort_msg("%02x %02x %02x %02x, %zu bytes: %zu", p[0], p[1], p[2], p[3], n, len);
			valid += len > 1;
		}
	}
	ck_assert_uint_gt(valid, 0);
}
END_TEST

START_TEST(test_reserve_of_too_much_is_sticky)
{
	struct buf b = BUF_INIT;

	buf_puts(&b, "kept");
	ck_assert_int_eq(buf_reserve(&b, SIZE_MAX - 8), ERR_NOMEM);
	ck_assert(b.failed);
	buf_puts(&b, "lost");
	buf_byte(&b, 'x');
	buf_printf(&b, "%d", 1);
	ck_assert_uint_eq(b.len, 4);
	ck_assert_str_eq(buf_cstr(&b), "");
	ck_assert_ptr_null(buf_take(&b, NULL));
	buf_clear(&b);
	buf_puts(&b, "again");
	ck_assert_str_eq(buf_cstr(&b), "again");
	buf_fini(&b);
}
END_TEST

START_TEST(test_errinfo_set_fills_everything)
{
	struct errinfo info = { 1, 2, 3, 4, "old" };

	ck_assert_int_eq(errinfo_set(&info, ERR_FULL, "expected %d, got %s", 5, "six"), ERR_FULL);
	ck_assert_int_eq(info.code, ERR_FULL);
	ck_assert_int_eq(info.line, 0);
	ck_assert_int_eq(info.column, 0);
	ck_assert_int_eq(info.position, -1);
	ck_assert_str_eq(info.text, "expected 5, got six");
	ck_assert_int_eq(errinfo_set(&info, ERR_SYS, "file: %s", info.text), ERR_SYS); /* its own text as argument */
	ck_assert_str_eq(info.text, "file: expected 5, got six");
	ck_assert_int_eq(errinfo_set(NULL, ERR_SYS, "nobody reads it"), ERR_SYS);
}
END_TEST

START_TEST(test_errinfo_set_cuts_between_characters)
{
	struct errinfo info;
	char longer[700] = "";

	for (int shift = 0; shift < 3; shift++) {
		memset(longer, 'x', (size_t)shift);
		for (size_t i = (size_t)shift; i + 3 < sizeof(longer); i += 3)
			memcpy(longer + i, "\xe2\x82\xac", 4);
		errinfo_set(&info, ERR_INVALID, "%s", longer);
		size_t n = strlen(info.text);
		ck_assert_uint_lt(n, sizeof(info.text));
		ck_assert_uint_gt(n, sizeof(info.text) - 8);
		ck_assert_str_eq(info.text + n - 3, "\xe2\x80\xa6");
		for (size_t at = 0, len; at < n; at += len) {
			len = buf_utf8_len(info.text + at, n - at);
			ck_assert_uint_gt(len, 0);
		}
	}
}
END_TEST

START_TEST(test_err_quote)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "\"\"" },
		{ "abc", "\"abc\"" },
		{ "a\"b\\\n\r\t\x01\x7f\xff", "\"a\\\"b\\\\\\n\\r\\t\\x01\\x7f\\xff\"" },
		{ "\xe2\x82\xac", "\"\xe2\x82\xac\"" },
		{ "0123456789012345678901234567890123456789012345678901234567890123",
		  "\"0123456789012345678901234567890123456789012345678901234567890123\"" },
		{ "01234567890123456789012345678901234567890123456789012345678901234",
		  "\"0123456789012345678901234567890123456789012345678901234567890123\xe2\x80\xa6\"" },
		{ "012345678901234567890123456789012345678901234567890123456789012\xe2\x82\xac",
		  "\"012345678901234567890123456789012345678901234567890123456789012\xe2\x80\xa6\"" },
	};
	char out[ERR_QUOTE_SIZE], worst[200];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		err_quote(out, cases[i].in, strlen(cases[i].in));
		ck_assert_str_eq(out, cases[i].out);
	}
	memset(worst, 1, sizeof(worst));
	err_quote(out, worst, sizeof(worst));
	ck_assert_uint_eq(strlen(out), 64 * 4 + 5);
}
END_TEST

START_TEST(test_err_text_of_every_code)
{
	for (int a = ERR_REPLICAS; a <= 0; a++) {
		ck_assert_str_ne(err_text(a), "unknown error");
		for (int b = ERR_REPLICAS; b < a; b++)
			ck_assert_str_ne(err_text(a), err_text(b));
	}
	ck_assert_str_eq(err_text(1), "unknown error");
	ck_assert_str_eq(err_text(ERR_REPLICAS - 1), "unknown error");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("buf");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");

	tcase_add_test(core, test_append_grows_and_keeps_bytes);
	tcase_add_test(core, test_consume_drops_the_front);
	tcase_add_test(core, test_cstr_of_an_empty_buffer);
	tcase_add_test(core, test_take_gives_the_bytes_away);
	tcase_add_loop_test(core, test_json_string_escapes, 0, (int)(sizeof(strings) / sizeof(*strings)));
	tcase_add_test(core, test_errinfo_set_fills_everything);
	tcase_add_test(core, test_err_quote);
	tcase_add_test(core, test_err_text_of_every_code);
	tcase_add_test(limits, test_numbers_at_their_limits);
	tcase_add_test(limits, test_printf_of_every_length_around_the_capacity);
	tcase_add_test(limits, test_utf8_len_against_the_definition);
	tcase_add_test(limits, test_errinfo_set_cuts_between_characters);
	tcase_add_test(faults, test_reserve_of_too_much_is_sticky);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
