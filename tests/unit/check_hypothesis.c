/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "lengthy.h"
#include "nist.h"
#include "op.h"
#include "op_ask.h"
#include "suite_run.h"

/* ---- core ---- */

START_TEST(test_examples)
{
	op_expect_examples(&op_hypothesis);
}
END_TEST

static const char *const sets[] = { "atmwtag", "sirstv" };

START_TEST(test_anova_nist)
{
	nist_check(sets[_i]);
}
END_TEST

/* NIST StRD, analysis of variance, SmLs01 to SmLs09 (Simon and Lesage 1989): 9 groups of 21, 201 or 2001 values around
 * 1, 10^6 or 10^12. A value is that plus 0.2 for the first, 0.1 for the even and 0.3 for the other numbers, once for
 * the group and once for the place in it. */
static const struct {
	unsigned values;
	const char *base;
	const char *statistic, *between, *within, *mean_between, *mean_within, *r_squared, *sd;
} simon_lesage[] = {
	{ 21, "1", "2.10000000000000E+01", "1.68000000000000E+00", "1.80000000000000E+00", "2.10000000000000E-01",
	  "1.00000000000000E-02", "4.82758620689655E-01", "1.00000000000000E-01" },
	{ 201, "1", "2.01000000000000E+02", "1.60800000000000E+01", "1.80000000000000E+01", "2.01000000000000E+00",
	  "1.00000000000000E-02", "4.71830985915493E-01", "1.00000000000000E-01" },
	{ 2001, "1", "2.00100000000000E+03", "1.60080000000000E+02", "1.80000000000000E+02", "2.00100000000000E+01",
	  "1.00000000000000E-02", "4.70712773465067E-01", "1.00000000000000E-01" },
	{ 21, "1000000", "2.10000000000000E+01", "1.68000000000000E+00", "1.80000000000000E+00", "2.10000000000000E-01",
	  "1.00000000000000E-02", "4.82758620689655E-01", "1.00000000000000E-01" },
	{ 201, "1000000", "2.01000000000000E+02", "1.60800000000000E+01", "1.80000000000000E+01",
	  "2.01000000000000E+00", "1.00000000000000E-02", "4.71830985915493E-01", "1.00000000000000E-01" },
	{ 2001, "1000000", "2.00100000000000E+03", "1.60080000000000E+02", "1.80000000000000E+02",
	  "2.00100000000000E+01", "1.00000000000000E-02", "4.70712773465067E-01", "1.00000000000000E-01" },
	{ 21, "1000000000000", "2.10000000000000E+01", "1.68000000000000E+00", "1.80000000000000E+00",
	  "2.10000000000000E-01", "1.00000000000000E-02", "4.82758620689655E-01", "1.00000000000000E-01" },
	{ 201, "1000000000000", "2.01000000000000E+02", "1.60800000000000E+01", "1.80000000000000E+01",
	  "2.01000000000000E+00", "1.00000000000000E-02", "4.71830985915493E-01", "1.00000000000000E-01" },
	{ 2001, "1000000000000", "2.00100000000000E+03", "1.60080000000000E+02", "1.80000000000000E+02",
	  "2.00100000000000E+01", "1.00000000000000E-02", "4.70712773465067E-01", "1.00000000000000E-01" },
};

static unsigned tenths(unsigned number)
{
	return number == 1 ? 2 : number % 2 ? 3 : 1;
}

START_TEST(test_anova_simon_lesage)
{
	struct buf args = BUF_INIT;

	buf_puts(&args, "[[");
	for (unsigned group = 1; group <= 9; group++) {
		buf_puts(&args, group == 1 ? "[" : ",[");
		for (unsigned k = 1; k <= simon_lesage[_i].values; k++)
			buf_printf(&args, "%s%s.%u", k == 1 ? "" : ",", simon_lesage[_i].base,
				   tenths(group) + tenths(k));
		buf_byte(&args, ']');
	}
	buf_puts(&args, "]]");
	json_t *got = op_answer("anova", buf_cstr(&args));
	nist_compare_text("statistic", json_object_get(got, "statistic"), simon_lesage[_i].statistic);
	nist_compare_text("between", json_object_get(got, "sum_of_squares_between"), simon_lesage[_i].between);
	nist_compare_text("within", json_object_get(got, "sum_of_squares_within"), simon_lesage[_i].within);
	nist_compare_text("mean between", json_object_get(got, "mean_square_between"), simon_lesage[_i].mean_between);
	nist_compare_text("mean within", json_object_get(got, "mean_square_within"), simon_lesage[_i].mean_within);
	nist_compare_text("r_squared", json_object_get(got, "r_squared"), simon_lesage[_i].r_squared);
	nist_compare_text("residual_sd", json_object_get(got, "residual_sd"), simon_lesage[_i].sd);
	json_decref(got);
	buf_fini(&args);
}
END_TEST

/* Student (1908), the sleep data: the values that R's documentation of t.test gives for them. */
#define SLEEP "[0.7,-1.6,-0.2,-1.2,-0.1,3.4,3.7,0.8,0,2],[1.9,0.8,1.1,0.1,-0.1,4.4,5.5,1.6,4.6,3.4]"

static const struct {
	const char *args, *statistic, *df, *p;
} student[] = {
	{ "[" SLEEP "]", "-1.8608", "17.776", "0.07939" },
	{ "[" SLEEP ",\"two-sided\",true]", "-4.0621", "9", "0.002833" },
	{ "[" SLEEP ",\"two-sided\",false,true]", "-1.8608", "18", "0.07919" },
};

START_TEST(test_ttest_sleep)
{
	json_t *got = op_answer("ttest", student[_i].args);

	nist_compare_text("statistic", json_object_get(got, "statistic"), student[_i].statistic);
	nist_compare_text("df", json_object_get(got, "df"), student[_i].df);
	nist_compare_text("p", json_object_get(got, "p"), student[_i].p);
	json_decref(got);
}
END_TEST

/* Fisher's F of two groups is the square of t with one variance, and both have the same p. */
START_TEST(test_anova_two_groups_is_ttest)
{
	json_t *t = op_answer("ttest", "{\"x\":[1,2,4,7],\"y\":[3,5,11],\"equal_variances\":true}");
	json_t *f = op_answer("anova", "[[1,2,4,7],[3,5,11]]");
	double a = json_number_value(json_object_get(t, "statistic"));

	ck_assert_double_eq_tol(a * a, json_number_value(json_object_get(f, "statistic")), 1e-14);
	ck_assert(json_equal(json_object_get(t, "p"), json_object_get(f, "p")));
	json_decref(t);
	json_decref(f);
}
END_TEST

/* With 2 degrees of freedom the upper tail is (1 - t/sqrt(2+t^2))/2; here t^2 = 16/7. */
START_TEST(test_ttest_sides)
{
	op_expect_near("ttest", "[[1,2,4],1,\"greater\"]",
		       "{\"statistic\":1.5118578920369088,\"df\":2,\"p\":0.13485162832988926,"
		       "\"difference\":1.3333333333333333,\"standard_error\":0.8819171036881969}",
		       1e-15);
	op_expect_near("ttest", "[[1,2,4],1,\"less\"]",
		       "{\"statistic\":1.5118578920369088,\"df\":2,\"p\":0.86514837167011074,"
		       "\"difference\":1.3333333333333333,\"standard_error\":0.8819171036881969}",
		       1e-15);
}
END_TEST

/* p: exp(-1); 2/pi atan(9/13), as t = 13/9 with 1 degree of freedom. */
START_TEST(test_exact_asked)
{
	op_expect("chi2test", "{\"observed\":[1,2,4],\"exact\":true,\"precision\":20}",
		  "{\"statistic\":2,\"df\":2,\"p\":\"0.36787944117144232160\",\"expected\":[\"7/3\",\"7/3\",\"7/3\"]}");
	op_expect("ttest", "{\"x\":[1,4],\"y\":\"1/3\",\"exact\":true}",
		  "{\"statistic\":\"13/9\",\"df\":1,\"p\":0.38550170590259963,\"difference\":\"13/6\","
		  "\"standard_error\":\"3/2\"}");
}
END_TEST

/* ---- faults ---- */

static const struct {
	const char *op, *args, *type, *pointer;
} faults[] = {
	{ "ttest", "[[1]]", "invalid-argument", "/0" },
	{ "ttest", "[[1,2],[1]]", "invalid-argument", "/1" },
	{ "ttest", "[[5,5,5],4]", "domain-error", NULL },
	{ "ttest", "{\"x\":[1,2,3],\"y\":[2,3,4],\"paired\":true}", "domain-error", NULL },
	{ "ttest", "{\"x\":[1,2,3],\"y\":[2,3],\"paired\":true}", "dimension-mismatch", "/y" },
	{ "ttest", "{\"x\":[1,2,3],\"paired\":true}", "invalid-argument", "/paired" },
	{ "ttest", "[[1,2],0,\"both\"]", "invalid-argument", "/2" },
	{ "ttest", "[[1,{\"re\":1,\"im\":2}]]", "invalid-argument", "/0/1" },
	{ "chi2test", "[[1]]", "invalid-argument", "/0" },
	{ "chi2test", "[[1,-2]]", "invalid-argument", "/0/1" },
	{ "chi2test", "[[0,0]]", "domain-error", "/0" },
	{ "chi2test", "[[1,2],[1]]", "dimension-mismatch", "/1" },
	{ "chi2test", "[[1,2],[0,3]]", "invalid-argument", "/1/0" },
	{ "chi2test", "[[[1,2]]]", "invalid-argument", "/0" },
	{ "chi2test", "[[[1,0],[2,0]]]", "domain-error", "/0/0/1" },
	{ "chi2test", "[[[1,2],[3,4]],[1,2]]", "invalid-argument", "/1" },
	{ "chi2test", "{\"observed\":[1,2],\"correction\":true}", "invalid-argument", "/correction" },
	{ "anova", "[[1,2,3]]", "invalid-argument", "/0" },
	{ "anova", "[[1],[2]]", "invalid-argument", "/0" },
	{ "anova", "[[1,1],[1,1]]", "domain-error", NULL },
	{ "anova", "[[[1,2],[3,\"x\"]]]", "unknown-name", "/0/1/1" },
	{ "anova", "[[1,2],[3,\"pi\"]]", "invalid-argument", "/1/1" },
	{ "anova", "[[1,2],[3,true]]", "invalid-argument", "/1/1" },
	{ "anova", "[[1,2],[]]", "invalid-argument", "/1" },
	{ "anova", "[[1,2],7]", "invalid-argument", "/1" },
	{ "anova", "[]", "arity", NULL },
};

START_TEST(test_faults)
{
	op_expect_pointer(faults[_i].op, faults[_i].args, faults[_i].type, faults[_i].pointer);
}
END_TEST

START_TEST(test_limits_groups)
{
	struct buf args = BUF_INIT;

	buf_puts(&args, "[[");
	for (int i = 0; i <= 1000; i++)
		buf_puts(&args, i ? ",[1,2]" : "[1,2]");
	buf_puts(&args, "]]");
	op_expect_pointer("anova", buf_cstr(&args), "limit-exceeded", "/0/1000");
	buf_fini(&args);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

int main(void)
{
	Suite *s = suite_create("hypothesis");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *bad = tcase_create("faults");
	TCase *lengthy = lengthy_case(s);

	tcase_set_timeout(core, 60);
	tcase_add_checked_fixture(core, op_ask_setup, op_ask_teardown);
	tcase_add_checked_fixture(limits, op_ask_setup, op_ask_teardown);
	tcase_add_checked_fixture(bad, op_ask_setup, op_ask_teardown);
	tcase_add_test(core, test_examples);
	tcase_add_loop_test(core, test_anova_nist, 0, COUNT(sets));
	tcase_add_loop_test(lengthy, test_anova_simon_lesage, 0, COUNT(simon_lesage));
	tcase_add_loop_test(core, test_ttest_sleep, 0, COUNT(student));
	tcase_add_test(core, test_anova_two_groups_is_ttest);
	tcase_add_test(core, test_ttest_sides);
	tcase_add_test(core, test_exact_asked);
	tcase_add_test(limits, test_limits_groups);
	tcase_add_loop_test(bad, test_faults, 0, COUNT(faults));
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, bad);
	return suite_run(s);
}
