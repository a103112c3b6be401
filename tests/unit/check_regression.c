/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "exact_json.h"
#include "lengthy.h"
#include "nist.h"
#include "op.h"
#include "op_ask.h"
#include "suite_run.h"

/* ---- core ---- */

START_TEST(test_examples)
{
	op_expect_examples(&op_regression);
}
END_TEST

/* NIST StRD, linear and nonlinear least squares: all certified digits, nonlinear ones from both starting points. */
static const char *const sets[] = {
	"norris",   "pontius",  "noint1",   "noint2",  "filip",   "longley", "wampler1", "wampler2",
	"wampler3", "wampler4", "wampler5", "misra1a", "misra1b", "misra1c", "misra1d",  "danwood",
	"thurber",  "mgh09",    "mgh10",    "mgh17",   "boxbod",  "rat42",   "rat43",    "eckerle4",
};

START_TEST(test_nist)
{
	nist_check(sets[_i]);
}
END_TEST

/* Coefficients as rationals, and as 40 digits of the same. */
START_TEST(test_exact_and_precision)
{
	op_expect("linreg", "{\"x\":[1,2,4],\"y\":[1,3,4],\"exact\":true,\"precision\":40}",
		  "{\"coefficients\":[\"1/2\",\"13/14\"],"
		  "\"standard_errors\":[\"0.9819805060619657156974386843702875333538\","
		  "\"0.3711537444790451343273099303226869357735\"],"
		  "\"t\":[\"0.5091750772173155562875607993031120543316\","
		  "\"2.501851166488378312872978048841815641140\"],"
		  "\"p\":[\"0.7001771059581697687244187084428238147665\","
		  "\"0.2420754366473534578996116724415537281116\"],"
		  "\"r_squared\":\"169/196\",\"residual_sum_of_squares\":\"9/14\","
		  "\"residual_sd\":\"0.8017837257372731540536604426392605646620\",\"df\":1}");
	op_expect("linreg", "{\"x\":[1,2,4],\"y\":[1,3,4],\"exact\":true,\"intercept\":false}",
		  "{\"coefficients\":[\"23/21\"],\"standard_errors\":[0.13883218797250715],"
		  "\"t\":[7.888934916555407],\"p\":[0.015690867224900294],"
		  "\"r_squared\":\"529/546\",\"residual_sum_of_squares\":\"17/21\","
		  "\"residual_sd\":0.6362090102803518,\"df\":2}");
}
END_TEST

/* What three ways of asking for one model have in common. */
START_TEST(test_three_names_of_one_fit)
{
	json_t *a = op_answer("linreg", "[[1,2,4,8],[1,3,4,9]]");
	json_t *b = op_answer("polyfit", "[[1,2,4,8],[1,3,4,9],1]");
	json_t *c = op_answer("multireg", "[[[1],[2],[4],[8]],[1,3,4,9]]");
	json_t *d = op_answer("nlfit", "[\"b1+b2*x\",[1,2,4,8],[1,3,4,9],[0,0]]");

	ck_assert(json_equal(a, b));
	ck_assert(json_equal(a, c));
	ck_assert(json_equal(json_object_get(a, "coefficients"), json_object_get(d, "parameters")));
	ck_assert(json_equal(json_object_get(a, "standard_errors"), json_object_get(d, "standard_errors")));
	json_decref(a);
	json_decref(b);
	json_decref(c);
	json_decref(d);
}
END_TEST

/* Multiplying all data by an irrational number takes the way through balls: coefficients, t and p stay what they are
 * without intercept; all but the constant with one. */
START_TEST(test_balls_agree_with_rationals)
{
	static const char *const with =
	    "[[[\"pi\",\"2*pi\"],[\"2*pi\",\"pi\"],[\"3*pi\",\"5*pi\"],[\"5*pi\",\"pi/3\"]],"
	    "[\"pi\",\"7*pi\",\"4*pi\",\"pi/7\"],false]";
	static const char *const without = "[[[1,2],[2,1],[3,5],[5,\"1/3\"]],[1,7,4,\"1/7\"],false]";
	static const char *const same[] = { "coefficients", "standard_errors", "t", "p", "r_squared", "df" };
	json_t *a = op_answer("multireg", with), *b = op_answer("multireg", without);

	for (size_t i = 0; i < sizeof same / sizeof *same; i++)
		ck_assert_msg(json_equal(json_object_get(a, same[i]), json_object_get(b, same[i])), "%s", same[i]);
	json_decref(a);
	json_decref(b);
}
END_TEST

/* The 120 points lie on a parabola: what is not in it comes out as 0, which doubles would never show. */
START_TEST(test_many_columns_are_exact)
{
	struct buf args = BUF_INIT, ys = BUF_INIT;

	buf_puts(&args, "{\"degree\":80,\"x\":[");
	for (int i = 0; i < 120; i++) {
		buf_printf(&args, "%s%d", i ? "," : "", i - 60);
		buf_printf(&ys, "%s%d", i ? "," : "", (i - 60) * (i - 60) + 3);
	}
	buf_printf(&args, "],\"y\":[%s]}", buf_cstr(&ys));
	json_t *got = op_answer("polyfit", buf_cstr(&args)), *c = json_object_get(got, "coefficients");
	ck_assert_int_eq(json_array_size(c), 81);
	for (size_t i = 0; i < 81; i++)
		ck_assert_int_eq(json_integer_value(json_array_get(c, i)), i == 0 ? 3 : i == 2);
	ck_assert_int_eq(json_integer_value(json_object_get(got, "residual_sum_of_squares")), 0);
	json_decref(got);
	buf_fini(&args);
	buf_fini(&ys);
}
END_TEST

START_TEST(test_constant_values)
{
	op_expect("linreg", "[[1,2,3],[5,5,5]]",
		  "{\"coefficients\":[5,0],\"standard_errors\":[0,0],\"t\":[\"Infinity\",\"NaN\"],\"p\":[0,\"NaN\"],"
		  "\"r_squared\":\"NaN\",\"residual_sum_of_squares\":0,\"residual_sd\":0,\"df\":1}");
	op_expect("linreg", "[[1,2],[3,1]]",
		  "{\"coefficients\":[5,-2],\"r_squared\":1,\"residual_sum_of_squares\":0,\"df\":0}");
}
END_TEST

/* Data on the model: nothing is left. ln 2; log2(5/3). */
START_TEST(test_nlfit_perfect)
{
	op_expect("nlfit", "[\"b1*exp(b2*x)\",[0,1,2,3],[1,2,4,8],[1,1]]",
		  "{\"parameters\":[1,0.6931471805599453],\"standard_errors\":[0,0],\"residual_sum_of_squares\":0}");
	op_expect("nlfit", "{\"model\":\"b1*2^(b2*x)\",\"x\":[0,1],\"y\":[3,5],\"start\":[1,1],\"precision\":30}",
		  "{\"parameters\":[\"3.00000000000000000000000000000\",\"0.736965594166206166416580485542\"],"
		  "\"residual_sum_of_squares\":0}");
}
END_TEST

/* ---- faults ---- */

static const struct {
	const char *op, *args, *type, *pointer;
} faults[] = {
	{ "linreg", "[[1,2],[1,2,3]]", "dimension-mismatch", "/1" },
	{ "linreg", "[[1],[2]]", "invalid-argument", NULL },
	{ "linreg", "[[],[]]", "invalid-argument", "/0" },
	{ "linreg", "[[2,2,2],[1,2,3]]", "singular", NULL },
	{ "linreg", "[[\"pi\",\"pi\"],[1,2]]", "singular", NULL },
	{ "linreg", "[[0,0],[1,2],false]", "singular", NULL },
	{ "linreg", "{\"x\":[\"pi\",2],\"y\":[1,2],\"exact\":true}", "invalid-argument", "/x" },
	{ "polyfit", "[[1,2,1],[1,2,3],2]", "singular", NULL },
	{ "polyfit", "[[1,2,3],[1,2,3],-1]", "invalid-argument", "/2" },
	{ "polyfit", "[[1,2,3],[1,2,3],101]", "limit-exceeded", "/2" },
	{ "polyfit", "[[1,2,3],[1,2,3],3]", "invalid-argument", NULL },
	{ "multireg", "[[[1,1],[2,2],[3,3]],[1,2,3]]", "singular", NULL },
	{ "multireg", "[[[1,1],[2,2]],[1,2,3]]", "dimension-mismatch", "/1" },
	{ "multireg", "[[[1,1],[2]],[1,2]]", "dimension-mismatch", "/0/1" },
	{ "nlfit", "[\"b1*x\",[1,2],[1,2],[]]", "invalid-argument", "/3" },
	{ "nlfit", "[\"b1*x\",[1,2],[1,2],[1,1]]", "invalid-argument", "/0" },
	{ "nlfit", "[\"b1*x+b2\",[1,2],[1,2],[1]]", "unknown-name", "/0" },
	{ "nlfit", "[\"b1*x+\",[1,2],[1,2],[1]]", "parse-error", "/0" },
	{ "nlfit", "[\"b1*x\",[1,2],[1],[1]]", "dimension-mismatch", "/2" },
	{ "nlfit", "[\"b1*x+b2\",[1],[1],[1,1]]", "invalid-argument", "/2" },
	{ "nlfit", "[\"b1*b2*x\",[1,2,3],[1,2,4],[1,1]]", "singular", NULL },
	{ "nlfit", "[\"b1*log(b2*x)\",[1,2,3],[1,2,4],[1,-1]]", "domain-error", NULL },
	{ "nlfit", "[\"b1*x\",[0,0,0],[1,2,4],[1]]", "singular", NULL },
	{ "nlfit", "[\"exp(-b1)*x\",[1,2,3],[0,0,0],[1]]", "did-not-converge", NULL },
};

START_TEST(test_faults)
{
	op_expect_pointer(faults[_i].op, faults[_i].args, faults[_i].type, faults[_i].pointer);
}
END_TEST

/* ---- limits ---- */

static void numbers(struct buf *args, int n, const char *before, const char *after)
{
	buf_puts(args, before);
	for (int i = 0; i < n; i++)
		buf_printf(args, "%s%d", i ? "," : "", i);
	buf_puts(args, after);
}

START_TEST(test_limits_cells)
{
	struct buf args = BUF_INIT;

	numbers(&args, 20000, "[[", "],");
	numbers(&args, 20000, "[", "],60]");
	op_expect_error("polyfit", buf_cstr(&args), "limit-exceeded");
	buf_clear(&args);
	numbers(&args, 10001, "[\"b1*x\",[", "],");
	numbers(&args, 10001, "[", "],[1]]");
	op_expect_error("nlfit", buf_cstr(&args), "limit-exceeded");
	buf_clear(&args);
	numbers(&args, 301, "[[[", "]],[1]]");
	op_expect_pointer("multireg", buf_cstr(&args), "limit-exceeded", "/0");
	buf_clear(&args);
	numbers(&args, 21, "[\"b1*x\",[1],[1],[", "]]");
	op_expect_pointer("nlfit", buf_cstr(&args), "limit-exceeded", "/3");
	buf_fini(&args);
}
END_TEST

/* The longest sample: y = 7 + 3x. */
START_TEST(test_limits_longest)
{
	struct buf args = BUF_INIT;

	numbers(&args, 100000, "[[", "],[");
	for (int i = 0; i < 100000; i++)
		buf_printf(&args, "%s%d", i ? "," : "", 7 + 3 * i);
	buf_puts(&args, "]]");
	json_t *got = op_answer("linreg", buf_cstr(&args)), *c = json_object_get(got, "coefficients");
	ck_assert_int_eq(json_integer_value(json_array_get(c, 0)), 7);
	ck_assert_int_eq(json_integer_value(json_array_get(c, 1)), 3);
	json_decref(got);
	buf_fini(&args);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

int main(void)
{
	Suite *s = suite_create("regression");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *bad = tcase_create("faults");
	TCase *lengthy = lengthy_case(s);

	tcase_set_timeout(core, 60);
	tcase_set_timeout(limits, 60);
	tcase_set_timeout(bad, 60);
	tcase_add_checked_fixture(core, op_ask_setup, op_ask_teardown);
	tcase_add_checked_fixture(limits, op_ask_setup, op_ask_teardown);
	tcase_add_checked_fixture(bad, op_ask_setup, op_ask_teardown);
	tcase_add_test(core, test_examples);
	tcase_add_loop_test(lengthy, test_nist, 0, COUNT(sets));
	tcase_add_test(core, test_exact_and_precision);
	tcase_add_test(core, test_three_names_of_one_fit);
	tcase_add_test(core, test_balls_agree_with_rationals);
	tcase_add_test(core, test_many_columns_are_exact);
	tcase_add_test(core, test_constant_values);
	tcase_add_test(core, test_nlfit_perfect);
	tcase_add_test(limits, test_limits_cells);
	tcase_add_test(limits, test_limits_longest);
	tcase_add_loop_test(bad, test_faults, 0, COUNT(faults));
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, bad);
	return suite_run(s);
}
