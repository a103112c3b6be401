/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <string.h>

#include "router.h"
#include "suite_run.h"

static void none(struct request *r)
{
	(void)r;
}

enum { JOBS, JOB, JOB_DELETE, RESULT, ROOT, BOTH };
static const struct route table[] = {
	[JOBS] = { HTTP_POST, 0, "/v1/jobs", none },
	[JOB] = { HTTP_GET, 0, "/v1/jobs/{id}", none },
	[JOB_DELETE] = { HTTP_DELETE, 0, "/v1/jobs/{id}", none },
	[RESULT] = { HTTP_GET, 0, "/v1/jobs/{id}/result", none },
	[ROOT] = { HTTP_GET, 0, "/", none },
	[BOTH] = { HTTP_PUT, 0, "/{a}/x/{b}", none },
};
#define COUNT(t) (int)(sizeof(t) / sizeof *(t))

static const struct {
	enum http_method method;
	const char *path;
	int route; /* -1: none */
	const char *allow;
	const char *param;
} cases[] = {
	{ HTTP_POST, "/v1/jobs", JOBS, "POST, OPTIONS", NULL },
	{ HTTP_GET, "/v1/jobs", -1, "POST, OPTIONS", NULL },
	{ HTTP_GET, "/v1/jobs/a", JOB, "GET, HEAD, DELETE, OPTIONS", "a" },
	{ HTTP_HEAD, "/v1/jobs/a", JOB, "GET, HEAD, DELETE, OPTIONS", "a" },
	{ HTTP_DELETE, "/v1/jobs/a", JOB_DELETE, "GET, HEAD, DELETE, OPTIONS", "a" },
	{ HTTP_PATCH, "/v1/jobs/a", -1, "GET, HEAD, DELETE, OPTIONS", NULL },
	{ HTTP_OPTIONS, "/v1/jobs/a", -1, "GET, HEAD, DELETE, OPTIONS", NULL },
	{ HTTP_GET, "/v1/jobs/a%2Fb/result", RESULT, "GET, HEAD, OPTIONS", "a/b" },
	{ HTTP_GET, "/%761/jobs/a", JOB, "GET, HEAD, DELETE, OPTIONS", "a" },
	{ HTTP_GET, "/", ROOT, "GET, HEAD, OPTIONS", NULL },
	{ HTTP_PUT, "/p/x/q", BOTH, "PUT, OPTIONS", "p" },
	{ HTTP_GET, "/v1/jobs/", -1, "", NULL },
	{ HTTP_GET, "/v1/jobs//result", -1, "", NULL },
	{ HTTP_GET, "/v1//jobs", -1, "", NULL },
	{ HTTP_GET, "/v1/jobs/a/", -1, "", NULL },
	{ HTTP_GET, "//", -1, "", NULL },
	{ HTTP_GET, "/v1", -1, "", NULL },
	{ HTTP_GET, "/V1/jobs", -1, "", NULL },
	{ HTTP_GET, "*", -1, "", NULL },
	{ HTTP_GET, "/v1/jobs/%", -1, "", NULL },
	{ HTTP_POST, "/v1%2Fjobs", -1, "", NULL },
};

START_TEST(test_match_finds_the_route)
{
	struct router_match m;
	char allow[ROUTER_ALLOW_SIZE];
	struct http_text path = { cases[_i].path, strlen(cases[_i].path) };
	router_match(table, COUNT(table), cases[_i].method, path, &m);
	router_allow(m.allow, allow);
	ck_assert_msg(m.route == (cases[_i].route < 0 ? NULL : &table[cases[_i].route]), "%s", cases[_i].path);
	ck_assert_str_eq(allow, cases[_i].allow);
	if (cases[_i].param) {
		ck_assert_uint_ge(m.n_params, 1);
		ck_assert_str_eq(m.param[0], cases[_i].param);
	}
}
END_TEST

START_TEST(test_match_takes_no_overlong_segment)
{
	char text[200] = "/v1/jobs/";
	for (size_t n = 1; n < 120; n++) {
		struct router_match m;
		memset(text + 9, 'a', n);
		router_match(table, COUNT(table), HTTP_GET, (struct http_text){ text, 9 + n }, &m);
		ck_assert_int_eq(m.route != NULL, n < ROUTER_PARAM_SIZE);
	}
}
END_TEST

START_TEST(test_allow_of_all_methods_fits)
{
	char allow[ROUTER_ALLOW_SIZE];
	router_allow((1u << HTTP_METHODS) - 1, allow);
	ck_assert_str_eq(allow, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE, CONNECT");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("router");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");
	tcase_add_loop_test(core, test_match_finds_the_route, 0, COUNT(cases));
	tcase_add_test(limits, test_match_takes_no_overlong_segment);
	tcase_add_test(limits, test_allow_of_all_methods_fits);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	return suite_run(s);
}
