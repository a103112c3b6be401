/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "suite_run.h"
#include "v4_text.h"

static const struct {
	const char *json;
	unsigned digits;
	const char *text; /* NULL: refused */
} cases[] = {
	{ "8", 14, "8" },
	{ "\"8\"", 14, "8" },
	{ "-7", 3, "-7" },
	{ "123456789", 3, "123456789" },
	{ "0.6666666666666666", 14, "0.66666666666667" },
	{ "0.6666666666666666", 3, "0.667" },
	{ "7.800000000000001", 14, "7.8" },
	{ "3.0", 14, "3" },
	{ "-0.0", 14, "0" },
	{ "1e-7", 14, "1e-7" },
	{ "1.25e-300", 14, "1.25e-300" },
	{ "6.02214076e23", 14, "6.02214076e+23" },
	{ "5e-324", 20, "4.9406564584124654e-324" },
	{ "1e400", 14, "1e400" },
	{ "\"0.33333333333333333333\"", 20, "0.33333333333333333333" },
	{ "\"1/3\"", 14, "1/3" },
	{ "\"a\\u00e9\\n\\\"\"", 14, "a\303\251\n\"" },
	{ " true ", 14, "true" },
	{ "null", 14, "null" },
	{ "{\"re\":2,\"im\":3}", 14, "2 + 3i" },
	{ "{ \"re\" : 2.5 , \"im\" : -3.25 }", 2, "2.5 - 3.2i" },
	{ "{\"re\":0,\"im\":1}", 14, "i" },
	{ "{\"re\":0,\"im\":-1}", 14, "-i" },
	{ "{\"re\":2,\"im\":0}", 14, "2" },
	{ "{\"re\":\"1/2\",\"im\":\"-12345678901234567890\"}", 14, "1/2 - 12345678901234567890i" },
	{ "[]", 14, "[]" },
	{ "[[1,2],[3,4]]", 14, "[[1, 2], [3, 4]]" },
	{ "[ 1 , \"2/3\",{\"re\":1,\"im\":1}]", 14, "[1, 2/3, 1 + i]" },
	{ "{}", 14, "{}" },
	{ "{\"re\":2}", 14, "{\"re\": 2}" },
	{ "{\"re\":2,\"im\":1,\"x\":1}", 14, "{\"re\": 2, \"im\": 1, \"x\": 1}" },
	{ "{\"q\":[2,\"z\"],\"r\":0.50}", 14, "{\"q\": [2, z], \"r\": 0.5}" },
	{ "", 14, NULL },
	{ "[1", 14, NULL },
	{ "[1 2]", 14, NULL },
	{ "\"a", 14, NULL },
	{ "\"a\\", 14, NULL },
	{ "\"\\x\"", 14, NULL },
	{ "{\"a\"", 14, NULL },
	{ "{\"a\":1,}", 14, NULL },
	{ "{1:2}", 14, NULL },
	{ "1 2", 14, NULL },
	{ "]", 14, NULL },
};

START_TEST(test_text_of_a_result)
{
	struct buf out = BUF_INIT;
	int rc = v4_text(&out, cases[_i].json, strlen(cases[_i].json), cases[_i].digits);
	ck_assert_int_eq(rc, cases[_i].text ? 0 : ERR_INVALID);
	if (cases[_i].text)
		ck_assert_str_eq(buf_cstr(&out), cases[_i].text);
	buf_fini(&out);
}
END_TEST

/* Whatever is cut off, nothing is read behind the end. */
START_TEST(test_text_of_a_part_of_a_result)
{
	static const char whole[] = "{\"a\":[1.5,\"b\\n\",{\"re\":1,\"im\":-2e-3}],\"c\":null}";
	for (size_t n = 0; n < sizeof whole - 1; n++) {
		struct buf out = BUF_INIT;
		char *part = memcpy(malloc(n + 1), whole, n);
		ck_assert_int_eq(v4_text(&out, part, n, 14), ERR_INVALID);
		free(part);
		buf_fini(&out);
	}
}
END_TEST

START_TEST(test_text_of_deep_arrays_is_refused)
{
	char deep[2001];
	struct buf out = BUF_INIT;
	memset(deep, '[', 1000);
	memset(deep + 1000, ']', 1000);
	ck_assert_int_eq(v4_text(&out, deep, 2000, 14), ERR_INVALID);
	ck_assert_int_eq(v4_text(&out, deep + 960, 80, 14), 0);
	buf_fini(&out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("v4_text");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");
	tcase_add_loop_test(core, test_text_of_a_result, 0, (int)(sizeof cases / sizeof *cases));
	tcase_add_test(limits, test_text_of_a_part_of_a_result);
	tcase_add_test(limits, test_text_of_deep_arrays_is_refused);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	return suite_run(s);
}
