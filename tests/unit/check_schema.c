/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "schema.h"
#include "suite_run.h"

#define FLAGS (JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL)

static void on_error(void *arg, const char *pointer, const char *detail)
{
	buf_printf(arg, "%s: %s;", pointer, detail);
}

static const struct {
	const char *schema, *value, *says; /* "": nothing is wrong */
} cases[] = {
	{ "true", "[null]", "" },
	{ "{}", "{\"a\":1}", "" },
	{ "false", "1", ": expected nothing here, got an integer;" },
	{ "{\"type\":\"integer\"}", "2.0", "" },
	{ "{\"type\":\"integer\"}", "-1e300", "" },
	{ "{\"type\":\"integer\"}", "2.5", ": expected an integer, got a number with decimals;" },
	{ "{\"type\":[\"boolean\",\"null\"]}", "null", "" },
	{ "{\"type\":[\"boolean\",\"null\"]}", "0", ": expected true or false or null, got an integer;" },
	{ "{\"type\":[\"boolean\",\"tensor\"]}", "0", "" },
	{ "{\"type\":7}", "0", "" },
	{ "{\"enum\":[1,\"a\",[2]]}", "1.0", "" },
	{ "{\"enum\":[1,\"a\",[2]]}", "[2]", "" },
	{ "{\"enum\":[1,\"a\",[2]],\"title\":\"k\"}", "\"b\"", ": expected 1, \"a\" or an array for k, got \"b\";" },
	{ "{\"const\":\"x\"}", "\"x\"", "" },
	{ "{\"const\":\"x\"}", "7", ": expected \"x\", got 7;" },
	{ "{\"minimum\":5,\"maxLength\":1,\"pattern\":\"z\"}", "1", "" },
	{ "{\"items\":{\"type\":\"string\"}}", "[\"a\",1,null]",
	  "/1: expected a string, got an integer;/2: expected a string, got null;" },
	{ "{\"prefixItems\":[{},{\"type\":\"string\"}]}", "[1,2,3]", "/1: expected a string, got an integer;" },
	{ "{\"items\":{\"minItems\":2,\"maxItems\":2}}", "[[1],[1,2,3]]", "" },
	{ "{\"required\":[\"a\",7]}", "{}", "/a: expected this argument, it is missing;" },
	{ "{\"required\":[\"a\"]}", "[]", "" },
	{ "{\"properties\":{\"~/\":{\"type\":\"null\"}},\"additionalProperties\":{\"type\":\"string\"}}",
	  "{\"~/\":1,\"b\":2}", "/~0~1: expected null, got an integer;/b: expected a string, got an integer;" },
	{ "{\"oneOf\":[{\"type\":\"number\"},{\"type\":\"integer\"}]}", "1", "" },
	{ "{\"anyOf\":[{\"type\":\"number\"},{\"enum\":[\"a\"]}]}", "\"b\"", ": expected \"a\", got \"b\";" },
	{ "{\"anyOf\":[{\"type\":\"number\"},{\"type\":\"string\"}],\"title\":\"x\"}", "[]",
	  ": expected a number or a string for x, got an array;" },
	{ "{\"anyOf\":[{\"items\":{\"type\":\"null\"}},{\"items\":{\"type\":\"string\"}}]}", "[1]",
	  ": expected one of the forms that the operation takes here, this is none of them;" },
	{ "{\"anyOf\":[]}", "1", "" },
};

static struct schema *compile(const char *text)
{
	json_t *json = json_loads(text, FLAGS, NULL);
	struct schema *s = schema_new(json);
	ck_assert_ptr_nonnull(json);
	ck_assert_ptr_nonnull(s);
	json_decref(json);
	return s;
}

START_TEST(test_check_of_each_keyword)
{
	struct schema *s = compile(cases[_i].schema);
	json_t *value = json_loads(cases[_i].value, FLAGS, NULL);
	struct buf said = BUF_INIT;
	bool good = !*cases[_i].says;
	ck_assert_ptr_nonnull(value);
	ck_assert_int_eq(schema_check(s, value, on_error, &said), good);
	ck_assert_str_eq(buf_cstr(&said), cases[_i].says);
	ck_assert_int_eq(schema_check(s, value, NULL, NULL), good);
	buf_fini(&said);
	json_decref(value);
	schema_free(s);
}
END_TEST

START_TEST(test_arity_of_arguments)
{
	static const struct {
		const char *schema;
		size_t least, most, named;
		const char *title;
	} arities[] = {
		{ "{}", 0, SIZE_MAX, 0, "" },
		{ "{\"minItems\":1,\"prefixItems\":[{\"title\":\"x\"},{}],\"items\":false}", 1, 2, 2, "x" },
		{ "{\"prefixItems\":[{\"title\":\"x\"}],\"items\":{}}", 0, SIZE_MAX, 1, "x" },
		{ "{\"items\":{\"title\":\"more\"},\"maxItems\":9}", 0, 9, 0, "more" },
		{ "{\"minItems\":-1,\"maxItems\":\"9\"}", 0, SIZE_MAX, 0, "" },
	};
	for (size_t i = 0; i < sizeof arities / sizeof *arities; i++) {
		struct schema *s = compile(arities[i].schema);
		struct schema_arity arity;
		schema_arity(s, &arity);
		ck_assert_uint_eq(arity.least, arities[i].least);
		ck_assert_uint_eq(arity.most, arities[i].most);
		ck_assert_uint_eq(arity.named, arities[i].named);
		ck_assert_str_eq(schema_title(s, 0), arities[i].title);
		schema_free(s);
	}
	schema_free(NULL);
}
END_TEST

/* A schema or a value nested beyond reason costs no stack; what lies deeper is not checked. */
START_TEST(test_check_of_deep_nesting)
{
	struct buf schema = BUF_INIT, value = BUF_INIT;
	for (int i = 0; i < 500; i++)
		buf_puts(&schema, "{\"items\":");
	buf_puts(&schema, "{\"type\":\"string\"}");
	for (int i = 0; i < 500; i++)
		buf_byte(&schema, '}');
	for (int i = 0; i < 500; i++)
		buf_byte(&value, '[');
	buf_byte(&value, '1');
	for (int i = 0; i < 500; i++)
		buf_byte(&value, ']');
	struct schema *s = compile(buf_cstr(&schema));
	json_t *json = json_loads(buf_cstr(&value), FLAGS, NULL);
	ck_assert(schema_check(s, json, NULL, NULL));
	json_decref(json);
	schema_free(s);
	buf_fini(&schema);
	buf_fini(&value);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("schema");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");
	tcase_add_loop_test(core, test_check_of_each_keyword, 0, (int)(sizeof cases / sizeof *cases));
	tcase_add_test(core, test_arity_of_arguments);
	tcase_add_test(limits, test_check_of_deep_nesting);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	return suite_run(s);
}
