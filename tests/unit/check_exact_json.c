/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON that keeps its digits, and what it refuses. */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "exact_json.h"
#include "op.h"
#include "suite_run.h"

START_TEST(test_exact_json_round_trip)
{
	static const char *const texts[] = { "[1.0,1e5,-0,-0.0,123456789012345678901234567890,1E+2,0.1]",
					     "{\"a\":[],\"b\":{},\"c\":[{}],\"d\":\"\"}",
					     "[true,false,null,\"\\u0001\",\"\\u0001\\u0001\",\"\\u00011\"]",
					     "{\"\\u0001\":1,\"\\u00011\":1.5}",
					     "12345678901234567890",
					     "\"x\"",
					     "[999999999999999999,-999999999999999999,1000000000000000000]",
					     "[\"a\\\\\",1.5,\"\\\"\",2.5]" };

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct buf out = BUF_INIT;
		struct errinfo info;
		json_t *v = exact_json_load(texts[i], strlen(texts[i]), 8, &info);
		ck_assert_msg(v != NULL, "%s: %s", texts[i], v ? "" : info.text);
		exact_json_dump(&out, v);
		ck_assert_str_eq(buf_cstr(&out), texts[i]);
		json_decref(v);
		buf_fini(&out);
	}
}
END_TEST

static const struct {
	const char *text;
	int code, line, column;
	long position;
} bad_json[] = {
	{ "", ERR_INVALID, 1, 1, 0 },
	{ "[1,", ERR_INVALID, 1, 4, 3 },
	{ "[1.5,\n 2.5 x]", ERR_INVALID, 2, 7, 12 },
	{ "[1.5 2]", ERR_INVALID, 1, 7, 6 },
	{ "{\"a\":1.5,\"a\":2}", ERR_INVALID, 1, 10, 9 },
	{ "{1.5:2}", ERR_INVALID, 1, 5, 4 },
	{ "[1.]", ERR_INVALID, 0, 0, -1 },
	{ "[.5]", ERR_INVALID, 0, 0, -1 },
	{ "[+1]", ERR_INVALID, 0, 0, -1 },
	{ "[1e]", ERR_INVALID, 0, 0, -1 },
	{ "[NaN]", ERR_INVALID, 0, 0, -1 },
	{ "[\"\x01\"]", ERR_INVALID, 0, 0, -1 },
	{ "[\"\xff\"]", ERR_INVALID, 0, 0, -1 },
	{ "{\"\\u0000\":1}", ERR_INVALID, 0, 0, -1 },
	{ "[\"abc", ERR_INVALID, 0, 0, -1 },
	{ "[\"abc\\", ERR_INVALID, 0, 0, -1 },
	{ "[[[[1]]]]", ERR_TOO_BIG, 1, 4, 3 },
	{ "1 2", ERR_INVALID, 0, 0, -1 },
};

START_TEST(test_exact_json_load_refuses)
{
	struct errinfo info;

	ck_assert_ptr_null(exact_json_load(bad_json[_i].text, strlen(bad_json[_i].text), 3, &info));
	ck_assert_int_eq(info.code, bad_json[_i].code);
	ck_assert(info.text[0] && info.line > 0 && info.column > 0 && info.position >= 0);
	ck_assert(info.position <= (long)strlen(bad_json[_i].text));
	if (bad_json[_i].position >= 0)
		ck_assert_msg(info.position == bad_json[_i].position && info.line == bad_json[_i].line &&
				  info.column == bad_json[_i].column,
			      "%s: position %ld line %d column %d: %s", bad_json[_i].text, info.position, info.line,
			      info.column, info.text);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

int main(void)
{
	Suite *suite = suite_create("exact_json");
	TCase *core = tcase_create("core"), *faults = tcase_create("faults");

	tcase_add_test(core, test_exact_json_round_trip);
	tcase_add_loop_test(faults, test_exact_json_load_refuses, 0, COUNT(bad_json));
	suite_add_tcase(suite, core);
	suite_add_tcase(suite, faults);

	return suite_run(suite);
}
