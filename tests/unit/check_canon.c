/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "canon.h"
#include "err.h"
#include "suite_run.h"

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

static struct span span(const char *text)
{
	return (struct span){ text, strlen(text) };
}

/* The canonical text; the caller ends the buffer. */
static struct buf canon_with(struct span text, const struct canon_options *o)
{
	struct buf b = BUF_INIT;
	int rc = canon_text(&b, text, o);
	ck_assert_msg(rc == 0, "%.*s: %s", (int)(text.n < 200 ? text.n : 200), text.p, err_text(rc));
	return b;
}

static bool same(const char *a, const char *b)
{
	struct buf x = canon_with(span(a), NULL), y = canon_with(span(b), NULL);
	bool is = x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
	buf_fini(&x);
	buf_fini(&y);
	return is;
}

/* ---- core ---- */

static const struct {
	const char *text, *canonical;
} texts[] = {
	{ "0", "0" },
	{ "-0", "0" },
	{ "-0.000e-5", "0" },
	{ "0e99999999999999999999999999", "0" },
	{ "7", "7" },
	{ "-12", "-12" },
	{ "120", "12e1" },
	{ "1.20", "12e-1" },
	{ "0.5", "5e-1" },
	{ "1e2", "1e2" },
	{ "100.0E-002", "1" },
	{ "12345678901234567890.123456789012345678901", "12345678901234567890123456789012345678901e-21" },
	{ "1e-99999999999999999", "1e-99999999999999999" },
	{ "10e-1000000000000000000000000000", "10e-1000000000000000000000000000" },
	{ " [ ] ", "[]" },
	{ "{\n}", "{}" },
	{ "[1,[2, 3 ],{}]", "[1,[2,3],{}]" },
	{ "{\"b\":1,\"a\":[{\"d\":null,\"c\":true}]}", "{\"a\":[{\"c\":true,\"d\":null}],\"b\":1}" },
	{ "{\"a\":1,\"b\":{\"x\":2,\"y\":3},\"c\":false}", "{\"a\":1,\"b\":{\"x\":2,\"y\":3},\"c\":false}" },
	{ "{\"\\u0062\":1,\"a\":2}", "{\"a\":2,\"b\":1}" },
	{ "\"\\u00e9\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\\\\\\"\"",
	  "\"\303\251\360\237\230\200/\\b\\f\\n\\r\\t\\\\\\\"\"" },
	{ "\"a\\u0000b\"", "\"a\\u0000b\"" },
	{ "\"\\u001F\177\"", "\"\\u001f\\u007f\"" },
	{ "\"\\u07ff\\uffff\"", "\"\337\277\357\277\277\"" },
};

START_TEST(test_text_of)
{
	struct buf b = canon_with(span(texts[_i].text), NULL);
	ck_assert_str_eq(buf_cstr(&b), texts[_i].canonical);
	buf_fini(&b);
}
END_TEST

static const char *const equal[][2] = {
	{ "2", "2.0" },
	{ "2", "2e0" },
	{ "2", "20e-1" },
	{ "2", "0.2E+1" },
	{ "1e2", "100" },
	{ "-0.0", "0" },
	{ "0.10", "0.1" },
	{ "123456789012345678901234567890", "1234567890123456789012345678.90e2" },
	{ "1e-0000000000000000000000000000000005", "0.00001" },
	{ "{\"a\":1,\"b\":2}", "{ \"b\" : 2.0 , \"a\" : 1e0 }" },
	{ "{\"ab\":1,\"a\":2}", "{\"a\":2,\"ab\":1}" },
	{ "{\"\":1,\"a\":2}", "{\"a\":2,\"\":1}" },
	{ "\"A\"", "\"\\u0041\"" },
	{ "\"/\"", "\"\\/\"" },
	{ "\"\\n\"", "\"\\u000a\"" },
	{ "\"\\u00E9\"", "\"\\u00e9\"" },
	{ "[[[{\"b\":[1.0],\"a\":{}}]]]", "[[[{\"a\":{},\"b\":[1]}]]]" },
};
static const char *const unequal[][2] = {
	{ "2", "\"2\"" },
	{ "2", "-2" },
	{ "2", "20" },
	{ "9007199254740993", "9007199254740992" },
	{ "0.1", "0.10000000000000000000000000000000000000001" },
	{ "1e-400", "1e-401" },
	{ "1e-400", "0" },
	{ "1e-1000000000000000000001", "1e-1000000000000000000002" },
	{ "[]", "{}" },
	{ "[]", "null" },
	{ "[1,2]", "[2,1]" },
	{ "[1,2]", "[12]" },
	{ "[[1],2]", "[1,[2]]" },
	{ "{\"a\":1}", "{\"a\":1,\"b\":2}" },
	{ "{\"a\":\"b\"}", "{\"b\":\"a\"}" },
	{ "{\"a\":1,\"b\":2}", "{\"a\":2,\"b\":1}" },
	{ "{\"A\":1}", "{\"a\":1}" },
	{ "\"\\u00e9\"", "\"e\\u0301\"" }, /* no normalisation: other characters are another string */
	{ "\"\\\\n\"", "\"\\n\"" },
	{ "true", "\"true\"" },
	{ "true", "false" },
};

START_TEST(test_text_of_equal_values)
{
	ck_assert_msg(same(equal[_i][0], equal[_i][1]), "%s and %s", equal[_i][0], equal[_i][1]);
}
END_TEST

START_TEST(test_text_of_unequal_values)
{
	ck_assert_msg(!same(unequal[_i][0], unequal[_i][1]), "%s and %s", unequal[_i][0], unequal[_i][1]);
}
END_TEST

START_TEST(test_text_with_options)
{
	static const struct canon_options without = { .without = "key" }, zero = { .signed_zero = true };
	static const struct {
		const char *text, *canonical;
		const struct canon_options *options;
	} cases[] = {
		{ "{\"op\":\"a\",\"key\":[1,{\"key\":2}]}", "{\"op\":\"a\"}", &without },
		{ "{\"key\":1}", "{}", &without },
		{ "{\"key\":1,\"b\":{\"key\":2},\"a\":3}", "{\"a\":3,\"b\":{\"key\":2}}", &without },
		{ "[{\"key\":1}]", "[{\"key\":1}]", &without },
		{ "{\"key2\":1,\"ke\":-0}", "{\"ke\":0,\"key2\":1}", &without },
		{ "[-0.0,0,-0e5]", "[-0,0,-0]", &zero },
	};
	for (int i = 0; i < COUNT(cases); i++) {
		struct buf b = canon_with(span(cases[i].text), cases[i].options);
		ck_assert_str_eq(buf_cstr(&b), cases[i].canonical);
		buf_fini(&b);
	}
}
END_TEST

START_TEST(test_digest)
{
	char hex[CANON_HEX_SIZE], other[CANON_HEX_SIZE];
	/* sha256 of the length 0 as 8 bytes, from coreutils */
	canon_digest(hex, span(""), span(""));
	ck_assert_str_eq(hex, "af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc");
	canon_digest(hex, span("ab"), span("c"));
	canon_digest(other, span("a"), span("bc"));
	ck_assert_str_ne(hex, other);
	canon_digest(other, span("ab"), span("c"));
	ck_assert_str_eq(hex, other);
}
END_TEST

/* ---- properties ---- */

static unsigned long seed = 20261122;
static unsigned roll(unsigned n)
{
	seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return (unsigned)(seed >> 33) % n;
}

static void put_blanks(struct buf *b)
{
	for (unsigned n = roll(3); n; n--)
		buf_byte(b, " \t\n\r"[roll(4)]);
}

static void put_name(struct buf *b, unsigned i, bool variant)
{
	if (variant && roll(2))
		buf_printf(b, "\"\\u00%02x\\u0062\"", 'a' + i);
	else
		buf_printf(b, "\"%cb\"", 'a' + i);
}

/* A random value, the same for the same seed; variant: the same value in other words. */
static void put_value(struct buf *b, unsigned depth, unsigned long *state, bool variant)
{
	unsigned kind, n;
	seed = *state;
	kind = roll(depth > 5 ? 4 : 6);
	n = roll(5);
	*state = seed;
	seed ^= variant ? 0x5555 : 0;
	switch (kind) {
	case 0:
		buf_puts(b, n & 1 ? "true" : "null");
		break;
	case 1:
		if (variant)
			buf_printf(b, "-%u%u00.0e-2", n + 1, n);
		else
			buf_printf(b, "-%u%u", n + 1, n);
		break;
	case 2:
		buf_puts(b, variant ? "\"\\u00e9\\/\"" : "\"\303\251/\"");
		break;
	case 3:
		buf_printf(b, variant ? "0.00%ue1" : "0.0%u", n + 1);
		break;
	case 4:
		buf_byte(b, '[');
		for (unsigned i = 0; i < n; i++) {
			if (i)
				buf_byte(b, ',');
			put_blanks(b);
			put_value(b, depth + 1, state, variant);
		}
		buf_byte(b, ']');
		break;
	default: { /* each member's value has a seed of its own, so that they may come in any order */
		unsigned long base = *state;
		buf_byte(b, '{');
		for (unsigned i = 0; i < n; i++) {
			unsigned which = variant ? n - 1 - i : i;
			unsigned long own = base + which;
			if (i)
				buf_byte(b, ',');
			put_name(b, which, variant);
			put_blanks(b);
			buf_byte(b, ':');
			put_value(b, depth + 1, &own, variant);
		}
		buf_byte(b, '}');
		*state = base + n;
		break;
	}
	}
	put_blanks(b);
}

/* For random values: the same in other words is the same; the canonical text is JSON, equal to what it came from by
 * jansson's judgement, and its own canonical text. */
START_TEST(test_text_of_random_values)
{
	for (unsigned long i = 0; i < 3000; i++) {
		struct buf plain = BUF_INIT, variant = BUF_INIT;
		unsigned long state = i * 7919, again = state;
		put_value(&plain, 0, &state, false);
		put_value(&variant, 0, &again, true);
		struct buf a = canon_with((struct span){ plain.data, plain.len }, NULL);
		struct buf b = canon_with((struct span){ variant.data, variant.len }, NULL);
		ck_assert_msg(a.len == b.len && memcmp(a.data, b.data, a.len) == 0, "%s\n%s", buf_cstr(&plain),
			      buf_cstr(&variant));
		struct buf c = canon_with((struct span){ a.data, a.len }, NULL);
		ck_assert_msg(a.len == c.len && memcmp(a.data, c.data, a.len) == 0, "%s", buf_cstr(&a));
		const size_t flags = JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_REJECT_DUPLICATES;
		json_t *x = json_loadb(plain.data, plain.len, flags, NULL), *y = json_loadb(a.data, a.len, flags, NULL);
		ck_assert_msg(x && y && json_equal(x, y), "%s\n%s", buf_cstr(&plain), buf_cstr(&a));
		json_decref(x);
		json_decref(y);
		buf_fini(&plain);
		buf_fini(&variant);
		buf_fini(&a);
		buf_fini(&b);
		buf_fini(&c);
	}
}
END_TEST

/* ---- limits ---- */

START_TEST(test_text_of_a_mebibyte)
{
	struct buf text = BUF_INIT, expected = BUF_INIT;
	buf_byte(&text, '{');
	for (int i = 59999; i >= 0; i--)
		buf_printf(&text, "\"k%05d\": %d.0%s", i, i * 10 + 1, i ? ", " : "}");
	buf_byte(&expected, '{');
	for (int i = 0; i < 60000; i++)
		buf_printf(&expected, "\"k%05d\":%d%s", i, i * 10 + 1, i < 59999 ? "," : "}");
	ck_assert_uint_gt(text.len, 1048576);
	struct buf b = canon_with((struct span){ text.data, text.len }, NULL);
	ck_assert(b.len == expected.len && memcmp(b.data, expected.data, b.len) == 0);
	buf_fini(&b);
	buf_fini(&text);
	buf_fini(&expected);
}
END_TEST

START_TEST(test_text_bounds_depth)
{
	for (size_t depth = CANON_DEPTH_MAX; depth <= CANON_DEPTH_MAX + 1; depth++) {
		struct buf text = BUF_INIT, b = BUF_INIT;
		for (size_t i = 0; i < depth; i++)
			buf_byte(&text, '[');
		for (size_t i = 0; i < depth; i++)
			buf_byte(&text, ']');
		ck_assert_int_eq(canon_text(&b, (struct span){ text.data, text.len }, NULL),
				 depth <= CANON_DEPTH_MAX ? 0 : ERR_TOO_BIG);
		buf_fini(&text);
		buf_fini(&b);
	}
}
END_TEST

/* ---- faults ---- */

static const char *const broken[] = {
	"",
	" ",
	"[",
	"]",
	"{",
	"[1",
	"[1,",
	"[1,]",
	"[,1]",
	"[1 2]",
	"[1}",
	"{]",
	"{\"a\"}",
	"{\"a\":}",
	"{\"a\":1,}",
	"{a:1}",
	"{1:1}",
	"{\"a\":1 \"b\":2}",
	"{\"a\":1,\"a\":2}",
	"{\"b\":1,\"a\":2,\"\\u0061\":3}",
	"1 2",
	"01",
	"-",
	"+1",
	"1.",
	".5",
	"1e",
	"1e+",
	"0x1",
	"--1",
	"NaN",
	"tru",
	"truex",
	"nul",
	"\"",
	"\"a",
	"\"\\",
	"\"\\x\"",
	"\"\\u12\"",
	"\"\\u12g4\"",
	"\"\\ud800\"",
	"\"\\ud800\\u0041\"",
	"\"\\udc00\"",
	"\"\\ud800",
	"\"a\nb\"",
	"\"\x80\"",
	"\"\xed\xa0\x80\"",
	"\"\xc3",
};

START_TEST(test_text_of_what_is_no_json)
{
	struct buf b = BUF_INIT;
	ck_assert_msg(canon_text(&b, span(broken[_i]), NULL) == ERR_INVALID, "%s gave %s", broken[_i], buf_cstr(&b));
	buf_fini(&b);
}
END_TEST

/* What jansson takes is what is taken here, for every prefix and every changed byte of a value. */
START_TEST(test_text_judges_as_jansson)
{
	static const char good[] = "{\"b\":[1,-2.5e3,\"\\u00e9\\n\303\251\"],\"a\":{\"x\":null,\"yy\":[true,false]}}";
	static const char bytes[] = "\"{}[]:,\\ \n\0a90-.eEu+\x80\xff";
	char text[sizeof good];
	const size_t flags = JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
	for (size_t i = 0; i + 1 < sizeof good; i++)
		for (size_t k = 0; k < sizeof bytes; k++) {
			struct buf b = BUF_INIT;
			json_error_t error;
			size_t n = k + 1 < sizeof bytes ? sizeof good - 1 : i;
			memcpy(text, good, sizeof good);
			text[i] = bytes[k];
			json_t *tree = json_loadb(text, n, flags, &error);
			int rc = canon_text(&b, (struct span){ text, n }, NULL);
			bool only_jansson = json_error_code(&error) == json_error_numeric_overflow ||
					    json_error_code(&error) == json_error_null_byte_in_key;
			ck_assert_msg((tree != NULL) == (rc == 0) || (!tree && only_jansson), "%.*s: %d, %s", (int)n,
				      text, rc, tree ? "is JSON" : error.text);
			json_decref(tree);
			buf_fini(&b);
		}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("canon");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	tcase_add_loop_test(core, test_text_of, 0, COUNT(texts));
	tcase_add_loop_test(core, test_text_of_equal_values, 0, COUNT(equal));
	tcase_add_loop_test(core, test_text_of_unequal_values, 0, COUNT(unequal));
	tcase_add_test(core, test_text_with_options);
	tcase_add_test(core, test_digest);
	tcase_add_test(core, test_text_of_random_values);
	tcase_add_test(limits, test_text_of_a_mebibyte);
	tcase_add_test(limits, test_text_bounds_depth);
	tcase_add_loop_test(faults, test_text_of_what_is_no_json, 0, COUNT(broken));
	tcase_add_test(faults, test_text_judges_as_jansson);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
