/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "catalog.h"
#include "catalog_json.h"
#include "catalog_markdown.h"
#include "suite_run.h"

#define NUMBER(name) "{\"type\":[\"number\",\"string\"],\"title\":\"" name "\"}"
#define REAL "{\"type\":[\"number\",\"string\"]}"
#define COMPLEX                                                                                     \
	"{\"type\":[\"number\",\"string\",\"object\"],\"properties\":{\"re\":" REAL ",\"im\":" REAL \
	"},\"required\":[\"re\",\"im\"],\"additionalProperties\":false}"
#define MATRIX "{\"type\":\"array\",\"title\":\"a\",\"items\":{\"type\":\"array\",\"items\":" COMPLEX "}}"
#define KIND "{\"type\":\"string\",\"enum\":[\"1\",\"2\",\"inf\"],\"title\":\"kind\"}"
#define PRECISION "{\"type\":\"integer\",\"minimum\":1,\"title\":\"precision\"}"
#define TIMEOUT "\"timeout_ms\":{\"type\":\"integer\"}"

static const char
    published[] = "{\"family\":\"x, [\\\"\", \"operations\" : ["
		  "{\"name\":\"square\",\"parameters\":{\"prefixItems\":[" NUMBER(
		      "x") "],\"minItems\":1,\"items\":false,"
			   "\"properties\":{\"x\":" NUMBER(
			       "x") "," TIMEOUT "},\"required\":[\"x\"],\"additionalProperties\":false},"
				    "\"examples\":[{\"args\":[1e40,\"]}\"],\"result\":2.50}]} , "
				    "{\"name\":\"add\",\"parameters\":{\"prefixItems\":[" NUMBER("a") "," NUMBER("b") "],\"minItems\":2,\"items\":" NUMBER("more") ",\"properties\":{\"a\":" NUMBER(
					"a") ",\"b\":" NUMBER("b") ",\"more\":{\"type\":\"array\","
								   "\"title\":\"more\",\"items\":" NUMBER(
								       "more") "}},\"required\":[\"a\",\"b\"],"
									       "\"additionalProperties\":false}},"
									       "{\"name\":\"round\",\"parameters\":{"
									       "\"prefixItems\":[{\"type\":\"number\","
									       "\"title\":\"x\"},"
									       "{\"type\":[\"integer\",\"string\"],"
									       "\"title\":\"digits\",\"maximum\":3}],"
									       "\"minItems\":1,\"items\":false}},"
									       "{\"name\":\"norm\",\"parameters\":{"
									       "\"prefixItems\":[" MATRIX "," KIND
									       "," PRECISION
									       "],\"minItems\":1,\"items\":false,"
									       "\"properties\":{\"a\":" MATRIX
									       ",\"kind\":" KIND
									       ",\"precision\":" PRECISION ","
									       "\"at\":{\"anyOf\":[{\"type\":"
									       "\"string\"},{\"type\":\"array\","
									       "\"items\":{\"type\":\"integer\"}}]},"
									       "\"values\":{\"type\":\"object\","
									       "\"additionalProperties\":" REAL
									       "}},\"required\":[\"a\"],"
									       "\"additionalProperties\":false}},"
									       "{\"name\":\"echo\",\"parameters\":{"
									       "\"prefixItems\":[{}],\"minItems\":1,"
									       "\"maxItems\":1}},"
									       "{\"name\":\"newer\",\"parameters\":{"
									       "\"prefixItems\":[{\"type\":"
									       "\"quaternion\",\"pattern\":7,\"enum\":"
									       "7,"
									       "\"properties\":[1],\"items\":\"x\"}],"
									       "\"dependentSchemas\":{\"a\":false}}},"
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
	char text[1000];
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
	{ "round", "[1.5,4]", 0, "" }, /* a bound is the operation's to judge */
	{ "echo", "[null]", 0, "" },
	{ "echo", "[{\"a\":[1]}]", 0, "" },
	{ "newer", "[1]", 0, "" },
	{ "newer", "[[{\"a\":1}],2,3]", 0, "" },
	{ "odd", "[1,2,3]", 0, "" },
	{ "odd", NULL, 0, "" },
	{ "norm", "[[[1,\"2\"],[{\"re\":1,\"im\":\"1/2\"},3]],\"inf\",50]", 0, "" },
	{ "norm", "{\"a\":[],\"at\":\"x\",\"values\":{\"k\":1}}", 0, "" },
	{ "norm", "{\"a\":[[1],[1,2]],\"at\":[1,2]}", 0, "" },
	{ "square", NULL, 1, " expected 1 argument (x), got 0;" },
	{ "square", "[]", 1, " expected 1 argument (x), got 0;" },
	{ "square", "[1,2]", 1, " expected 1 argument (x), got 2;" },
	{ "square", "[[1],2]", 2,
	  " expected 1 argument (x), got 2;/0 expected a number or a string for x, got an array;" },
	{ "square", "[null]", 1, "/0 expected a number or a string for x, got null;" },
	{ "square", "{}", 1, "/x expected this argument, it is missing;" },
	{ "square", "{\"a/b~\":1,\"x\":1}", 1, "/a~1b~0 the operation has no parameter of this name;" },
	{ "square", "{\"y\":1}", 2, "/y the operation has no parameter of this name;/x expected" },
	{ "add", "[1]", 1, " expected at least 2 arguments (a, b, more...), got 1;" },
	{ "add", "[1,true,3,{}]", 2,
	  "/1 expected a number or a string for b, got true;/3 expected a number or a string for more, got an "
	  "object;" },
	{ "add", "{\"a\":1,\"b\":2,\"more\":3}", 1, "/more expected an array for more, got an integer;" },
	{ "add", "{\"a\":1,\"b\":2,\"more\":[3,[4],\"5\",null]}", 2,
	  "/more/1 expected a number or a string for more, "
	  "got an array;/more/3 expected" },
	{ "round", "[1,2,3]", 1, " expected 1 to 2 arguments (x, [digits]), got 3;" },
	{ "round", "[1,2.5]", 1, "/1 expected an integer or a string for digits, got a number with decimals;" },
	{ "round", "[\"1\"]", 1, "/0 expected a number for x, got a string;" },
	{ "echo", "[]", 1, " expected 1 argument (), got 0;" },
	{ "norm", "[]", 1, " expected 1 to 3 arguments (a, [kind], [precision]), got 0;" },
	{ "norm", "[[[1,[2]],3,[{\"re\":1},{\"re\":1,\"im\":null,\"x\":0}]],\"3\",\"9\"]", 7,
	  "/0/0/1 expected a number or a string or an object, got an array;"
	  "/0/1 expected an array, got an integer;"
	  "/0/2/0/im expected this member, it is missing;"
	  "/0/2/1/im expected a number or a string, got null;"
	  "/0/2/1/x there is no member of this name here;"
	  "/1 expected \"1\", \"2\" or \"inf\" for kind, got \"3\";"
	  "/2 expected an integer for precision, got a string;" },
	{ "norm", "{\"a\":[],\"at\":true}", 1, "/at expected a string or an array, got true;" },
	{ "norm", "{\"a\":[],\"at\":[1,2.5]}", 1, "/at/1 expected an integer, got a number with decimals;" },
	{ "norm", "{\"a\":[],\"values\":{\"b/1\":[]}}", 1,
	  "/values/b~11 expected a number or a string, got an array;" },
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
	ck_assert_uint_eq(catalog_count(c), 7);
	ck_assert_int_eq(catalog_add(c, more, strlen(more), NULL), 0);
	ck_assert_uint_eq(catalog_count(c), 8);
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

/* What was published goes out as it came in, to the digit. */
START_TEST(test_list_gives_the_text_as_published)
{
	static const char first[] = "{\"operations\":[ {\"name\":\"b\",\"x\":[1e400,\"]\\\"\"]},{\"name\":\"a\"}]}",
			  second[] = "{\"v\":\"operations\",\"operations\":[{\"name\":\"a\",\"n\":2},{\"name\":\"c\","
				     "\"examples\":[{\"result\":2.50}]}],\"w\":[]}";
	struct catalog *c = load(second);
	struct buf all = BUF_INIT;
	size_t n;
	struct errinfo info;
	const char *json = catalog_op_json(catalog_find(c, "c", 1), &n);
	ck_assert_msg(n == strlen("{\"name\":\"c\",\"examples\":[{\"result\":2.50}]}") && json[n - 1] == '}', "%.*s",
		      (int)n, json);
	ck_assert_int_eq(catalog_add(c, first, sizeof first - 1, &info), ERR_INVALID); /* a number beyond the doubles */
	catalog_list(c, &all);
	ck_assert_str_eq(buf_cstr(&all), "{\"operations\":[{\"name\":\"a\",\"n\":2},{\"name\":\"c\","
					 "\"examples\":[{\"result\":2.50}]}]}");
	buf_clear(&all);
	catalog_list(NULL, &all);
	ck_assert_str_eq(buf_cstr(&all), "{\"operations\":[]}");
	buf_fini(&all);
	catalog_free(c);
}
END_TEST

/* What the workers of this same tree publish, with its examples: none may be refused but those that
 * have a wrong count of arguments, which are, and some that have a wrong kind. */
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
			const char *error = json_string_value(json_object_get(example, "error"));
			catalog_check(catalog_find(c, name, strlen(name)), json_object_get(example, "args"), on_error,
				      &told);
			if (error && strcmp(error, "arity") == 0)
				ck_assert_msg(told.n > 0, "%s takes a wrong count of arguments", name);
			else if (!error || strcmp(error, "invalid-argument") != 0)
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

/* docs/operations.md ends with the catalogue as the program prints it. */
START_TEST(test_document_is_in_step)
{
	struct buf catalogue = BUF_INIT, document = BUF_INIT;
	const char *source = getenv("SOURCE_DIR");
	char path[512], part[4096];
	size_t n;
	snprintf(path, sizeof path, "%s/docs/operations.md", source ? source : ".");
	FILE *f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s is missing", path);
	while ((n = fread(part, 1, sizeof part, f)) > 0)
		buf_append(&document, part, n);
	fclose(f);
	catalog_markdown(&catalogue);
	ck_assert_uint_gt(document.len, catalogue.len);
	ck_assert_msg(
	    memcmp(document.data + document.len - catalogue.len, catalogue.data, catalogue.len) == 0,
	    "docs/operations.md is behind the registry: replace its end by what worker-role --help=operations prints");
	buf_fini(&catalogue);
	buf_fini(&document);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("catalog");
	TCase *core = tcase_create("core"), *faults = tcase_create("faults");
	tcase_add_loop_test(core, test_check_tells_what_is_wrong, 0, (int)(sizeof cases / sizeof *cases));
	tcase_add_test(core, test_near_proposes_a_name);
	tcase_add_test(core, test_add_joins_catalogues);
	tcase_add_test(core, test_list_gives_the_text_as_published);
	tcase_add_test(core, test_check_takes_the_published_examples);
	tcase_add_test(core, test_document_is_in_step);
	tcase_add_test(faults, test_add_refuses_what_is_no_catalogue);
	suite_add_tcase(s, core);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
