/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "catalog.h"
#include "catalog_json.h"

static const char published[] =
    "{\"operations\":["
    "{\"name\":\"square\",\"parameters\":{\"properties\":{\"x\":{\"type\":[\"number\",\"string\"]},"
    "\"timeout_ms\":{\"type\":\"integer\"}},\"required\":[\"x\"]}},"
    "{\"name\":\"add\",\"parameters\":{\"properties\":{\"a\":{\"type\":[\"number\",\"string\"]},"
    "\"b\":{\"type\":[\"number\",\"string\"]},\"more\":{\"type\":\"array\",\"x-variadic\":true,"
    "\"items\":{\"type\":[\"number\",\"string\"]}}},\"required\":[\"a\",\"b\"]}},"
    "{\"name\":\"round\",\"parameters\":{\"properties\":{\"x\":{\"type\":\"number\"},"
    "\"digits\":{\"type\":[\"integer\",\"string\"]}},\"required\":[\"x\"]}},"
    "{\"name\":\"echo\",\"parameters\":{\"properties\":{\"value\":{}},\"required\":[\"value\"]}},"
    "{\"name\":\"odd\",\"parameters\":7}"
    "]}";

static struct catalog *load(const char *json)
{
	struct catalog *c = catalog_new();
	struct errinfo info = { .text = "" };
	ck_assert_msg(catalog_add(c, json, strlen(json), &info) == 0, "%s", info.text);
	return c;
}

struct told {
	unsigned n;
	char text[500];
};

static void on_error(void *arg, const char *pointer, const char *detail)
{
	struct told *t = arg;
	size_t n = strlen(t->text);
	t->n++;
	snprintf(t->text + n, sizeof t->text - n, "%s %s;", pointer, detail);
}

static const struct {
	const char *op, *args; /* NULL: none */
	unsigned n;
	const char *says;
} cases[] = {
	{ "square", "[1]", 0, "" },
	{ "square", "[\"1/3\"]", 0, "" },
	{ "square", "{\"x\":1}", 0, "" },
	{ "square", "{\"x\":1,\"timeout_ms\":5}", 0, "" },
	{ "add", "[1,2]", 0, "" },
	{ "add", "[1,2,3,\"4\"]", 0, "" },
	{ "add", "{\"a\":1,\"b\":2,\"more\":[3]}", 0, "" },
	{ "round", "[1.5]", 0, "" },
	{ "round", "[1.5,2.0]", 0, "" },
	{ "echo", "[null]", 0, "" },
	{ "echo", "[{\"a\":[1]}]", 0, "" },
	{ "odd", "[1,2,3]", 0, "" },
	{ "odd", NULL, 0, "" },
	{ "square", NULL, 1, " expected 1 argument (x), got 0;" },
	{ "square", "[]", 1, " expected 1 argument (x), got 0;" },
	{ "square", "[1,2]", 1, " expected 1 argument (x), got 2;" },
	{ "square", "[[1]]", 1, "/0 expected a number or a string for x, got an array;" },
	{ "square", "[null]", 1, "/0 expected a number or a string for x, got null;" },
	{ "square", "{}", 1, "/x expected this argument, it is missing;" },
	{ "square", "{\"a/b~\":1,\"x\":1}", 1, "/a~1b~0 the operation has no parameter" },
	{ "square", "{\"y\":1}", 2, "/y the operation has no parameter of this name;/x expected" },
	{ "add", "[1]", 1, " expected at least 2 arguments (a, b, more, ...), got 1;" },
	{ "add", "[1,true,3,{}]", 2,
	  "/1 expected a number or a string for b, got true;/3 expected a number or a string for more, got an "
	  "object;" },
	{ "add", "{\"a\":1,\"b\":2,\"more\":3}", 1, "/more expected an array" },
	{ "round", "[1,2,3]", 1, " expected 1 to 2 arguments (x, digits), got 3;" },
	{ "round", "[1,2.5]", 1, "/1 expected an integer or a string for digits, got a number with decimals;" },
	{ "round", "[\"1\"]", 1, "/0 expected a number for x, got a string;" },
};

START_TEST(test_check_tells_what_is_wrong)
{
	struct catalog *c = load(published);
	json_t *args = cases[_i].args ? json_loads(cases[_i].args, JSON_DECODE_INT_AS_REAL, NULL) : NULL;
	const struct catalog_op *op = catalog_find(c, cases[_i].op, strlen(cases[_i].op));
	struct told told = { 0, "" };
	ck_assert_ptr_nonnull(op);
	ck_assert_int_eq(catalog_check(op, args, on_error, &told), cases[_i].n == 0);
	ck_assert_msg(told.n == cases[_i].n, "%s %s: %s", cases[_i].op, cases[_i].args, told.text);
	ck_assert_msg(strncmp(told.text, cases[_i].says, strlen(cases[_i].says)) == 0, "%s", told.text);
	json_decref(args);
	catalog_free(c);
}
END_TEST

START_TEST(test_near_proposes_a_name)
{
	static const struct {
		const char *name, *near;
	} names[] = { { "squar", "square" }, { "sqaure", "square" }, { "ad", "add" },   { "addd", "add" },
		      { "x", NULL },         { "frobnicate", NULL }, { "Echo", "echo" } };
	struct catalog *c = load(published);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *near = catalog_near(c, names[i].name);
		ck_assert_msg(near == names[i].near || (near && names[i].near && strcmp(near, names[i].near) == 0),
			      "%s: %s", names[i].name, near ? near : "none");
	}
	char longest[66];
	memset(longest, 'a', 65);
	longest[65] = '\0';
	ck_assert_ptr_null(catalog_near(c, longest));
	catalog_free(c);
}
END_TEST

START_TEST(test_add_joins_catalogues)
{
	struct catalog *c = load(published);
	const char *more = "{\"operations\":[{\"name\":\"square\"},{\"name\":\"cube\"}]}";
	ck_assert_uint_eq(catalog_count(c), 5);
	ck_assert_int_eq(catalog_add(c, more, strlen(more), NULL), 0);
	ck_assert_uint_eq(catalog_count(c), 6);
	ck_assert_ptr_nonnull(catalog_find(c, "cube", 4));
	ck_assert_ptr_null(catalog_find(c, "cub", 3));
	ck_assert_ptr_null(catalog_find(c, "", 0));
	catalog_free(c);
	catalog_free(NULL);
}
END_TEST

START_TEST(test_add_refuses_what_is_no_catalogue)
{
	static const char *const bad[] = { "",
					   "{",
					   "[]",
					   "{}",
					   "{\"operations\":{}}",
					   "{\"operations\":[{}]}",
					   "{\"operations\":[7,{\"name\":\"ok\"}]}",
					   "{\"operations\":[{\"name\":\"\"}]}" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct catalog *c = catalog_new();
		struct errinfo info = { .text = "" };
		ck_assert_int_eq(catalog_add(c, bad[i], strlen(bad[i]), &info), ERR_INVALID);
		ck_assert_uint_gt(strlen(info.text), 0);
		catalog_free(c);
	}
}
END_TEST

/* What the workers of this same tree publish, with its examples: none that succeeds may be refused. */
START_TEST(test_check_takes_the_published_examples)
{
	struct buf b = BUF_INIT;
	unsigned tried = 0;
	catalog_json(&b);
	struct catalog *c = load(buf_cstr(&b));
	json_t *tree = json_loads(buf_cstr(&b), JSON_DECODE_INT_AS_REAL, NULL), *op, *example;
	size_t i, j;
	json_array_foreach(json_object_get(tree, "operations"), i, op)
	{
		const char *name = json_string_value(json_object_get(op, "name"));
		json_array_foreach(json_object_get(op, "examples"), j, example)
		{
			struct told told = { 0, "" };
			if (!json_object_get(example, "result"))
				continue;
			catalog_check(catalog_find(c, name, strlen(name)), json_object_get(example, "args"), on_error,
				      &told);
			ck_assert_msg(told.n == 0, "%s: %s", name, told.text);
			tried++;
		}
	}
	ck_assert_uint_gt(tried, 10);
	json_decref(tree);
	catalog_free(c);
	buf_fini(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("catalog");
	TCase *core = tcase_create("core"), *faults = tcase_create("faults");
	tcase_add_loop_test(core, test_check_tells_what_is_wrong, 0, (int)(sizeof cases / sizeof *cases));
	tcase_add_test(core, test_near_proposes_a_name);
	tcase_add_test(core, test_add_joins_catalogues);
	tcase_add_test(core, test_check_takes_the_published_examples);
	tcase_add_test(faults, test_add_refuses_what_is_no_catalogue);
	suite_add_tcase(s, core);
	suite_add_tcase(s, faults);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
