/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <jansson.h>
#include <string.h>

#include "problem.h"
#include "suite_run.h"

START_TEST(test_kind_of_every_problem)
{
	const struct problem_kind *kind = problem_kind((enum problem)_i);
	ck_assert_int_eq(strncmp(kind->type, "/problems/", 10), 0);
	ck_assert_uint_gt(strlen(kind->type), 10);
	ck_assert_uint_gt(strlen(kind->title), 0);
	ck_assert(kind->status >= 400 && kind->status < 600);
	ck_assert(kind->status != 503 || kind->retry_after);
	for (int other = 0; other < _i; other++)
		ck_assert_str_ne(problem_kind((enum problem)other)->type, kind->type);
	ck_assert_uint_eq(problem_kind(problem_of_status(kind->status))->status, kind->status);
}
END_TEST

START_TEST(test_of_status_that_nobody_has)
{
	ck_assert_int_eq(problem_of_status(418), PROBLEM_INTERNAL);
	ck_assert_int_eq(problem_of_status(400), PROBLEM_BAD_REQUEST);
	ck_assert_int_eq(problem_of_status(413), PROBLEM_TOO_LARGE);
}
END_TEST

START_TEST(test_json_is_a_problem_document)
{
	struct buf b = BUF_INIT;
	problem_json(&b, PROBLEM_INVALID_SUBMISSION, "say \"no\"\n\x01", "req-1", "\"errors\":[{\"pointer\":\"/op\"}]");
	json_t *j = json_loads(buf_cstr(&b), JSON_REJECT_DUPLICATES, NULL);
	ck_assert_ptr_nonnull(j);
	ck_assert_str_eq(json_string_value(json_object_get(j, "type")), "/problems/invalid-submission");
	ck_assert_int_eq(json_integer_value(json_object_get(j, "status")), 422);
	ck_assert_str_eq(json_string_value(json_object_get(j, "detail")), "say \"no\"\n\x01");
	ck_assert_str_eq(json_string_value(json_object_get(j, "instance")), "req-1");
	ck_assert_uint_eq(json_array_size(json_object_get(j, "errors")), 1);
	ck_assert_uint_eq(json_object_size(j), 6);
	json_decref(j);
	buf_clear(&b);
	problem_json(&b, PROBLEM_NOT_FOUND, "", "i", "");
	j = json_loads(buf_cstr(&b), 0, NULL);
	ck_assert_uint_eq(json_object_size(j), 5);
	json_decref(j);
	buf_fini(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("problem");
	TCase *core = tcase_create("core");
	tcase_add_loop_test(core, test_kind_of_every_problem, 0, PROBLEM_COUNT);
	tcase_add_test(core, test_of_status_that_nobody_has);
	tcase_add_test(core, test_json_is_a_problem_document);
	suite_add_tcase(s, core);
	return suite_run(s);
}
