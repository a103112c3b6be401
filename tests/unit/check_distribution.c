/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <math.h>
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
	op_expect_examples(&op_distribution);
}
END_TEST

/* Published tables, to their last digit. A&S: Abramowitz and Stegun, Handbook of Mathematical Functions, tables 26.1
 * (normal), 26.8 (chi-square points), 26.9 (F points), 26.10 (t points). */
static const struct {
	const char *op, *args, *published;
} tables[] = {
	/* A&S 26.1 */
	{ "dist_cdf", "[\"normal\",[0,1],0.5]", "0.691462461274013" },
	{ "dist_cdf", "[\"normal\",[0,1],1]", "0.841344746068543" },
	{ "dist_cdf", "[\"normal\",[0,1],1.5]", "0.933192798731142" },
	{ "dist_cdf", "[\"normal\",[0,1],2]", "0.977249868051821" },
	{ "dist_cdf", "[\"normal\",[0,1],3]", "0.998650101968370" },
	{ "dist_pdf", "[\"normal\",[0,1],1]", "0.241970724519143" },
	{ "dist_pdf", "[\"normal\",[0,1],2]", "0.053990966513188" },
	/* Percentage points of the normal distribution */
	{ "dist_quantile", "[\"f\",[21,19.9],0.5]", "1.00179023210094" }, /* once lost digits in the search */
	{ "dist_quantile", "[\"normal\",[0,1],0.9]", "1.28155157" },
	{ "dist_quantile", "[\"normal\",[0,1],0.95]", "1.64485363" },
	{ "dist_quantile", "[\"normal\",[0,1],0.975]", "1.95996398" },
	{ "dist_quantile", "[\"normal\",[0,1],0.99]", "2.32634787" },
	{ "dist_quantile", "[\"normal\",[0,1],0.995]", "2.57582930" },
	{ "dist_quantile", "[\"normal\",[0,1],0.999]", "3.09023231" },
	/* A&S 26.8 */
	{ "dist_quantile", "[\"chi_square\",[1],0.95]", "3.84146" },
	{ "dist_quantile", "[\"chi_square\",[2],0.95]", "5.99146" },
	{ "dist_quantile", "[\"chi_square\",[10],0.95]", "18.3070" },
	{ "dist_quantile", "[\"chi_square\",[30],0.99]", "50.8922" },
	{ "dist_quantile", "[\"chi_square\",[10],0.005]", "2.15586" },
	/* A&S 26.9 */
	{ "dist_quantile", "[\"f\",[1,1],0.95]", "161.4" },
	{ "dist_quantile", "[\"f\",[5,10],0.95]", "3.33" },
	{ "dist_quantile", "[\"f\",[10,20],0.99]", "3.37" },
	/* A&S 26.10 */
	{ "dist_quantile", "[\"student_t\",[1],0.975]", "12.706" },
	{ "dist_quantile", "[\"student_t\",[2],0.975]", "4.303" },
	{ "dist_quantile", "[\"student_t\",[5],0.975]", "2.571" },
	{ "dist_quantile", "[\"student_t\",[10],0.975]", "2.228" },
	{ "dist_quantile", "[\"student_t\",[30],0.995]", "2.750" },
	{ "dist_quantile", "[\"student_t\",[120],0.95]", "1.658" },
};

START_TEST(test_tables)
{
	json_t *got = op_answer(tables[_i].op, tables[_i].args);

	nist_compare_text(tables[_i].args, got, tables[_i].published);
	json_decref(got);
}
END_TEST

/* Values in closed form, 40 digits. */
static const struct {
	const char *op, *args, *closed;
} closed[] = {
	/* 1 - e^-1 */
	{ "dist_cdf", "\"exponential\",\"params\":[2],\"x\":0.5", "0.6321205588285576784044762298385391325542" },
	{ "dist_cdf", "\"weibull\",\"params\":[3,2],\"x\":2", "0.6321205588285576784044762298385391325542" },
	{ "dist_cdf", "\"gamma\",\"params\":[1,1],\"x\":1", "0.6321205588285576784044762298385391325542" },
	{ "dist_cdf", "\"chi_square\",\"params\":[2],\"x\":2", "0.6321205588285576784044762298385391325542" },
	/* 2/e */
	{ "dist_cdf", "\"poisson\",\"params\":[1],\"x\":1", "0.7357588823428846431910475403229217348916" },
	{ "dist_sf", "\"gamma\",\"params\":[2,1],\"x\":1", "0.7357588823428846431910475403229217348916" },
	/* 1/2 + atan(2)/pi */
	{ "dist_cdf", "\"cauchy\",\"params\":[0,1],\"x\":2", "0.8524163823495667258245989237752594740489" },
	{ "dist_cdf", "\"student_t\",\"params\":[1],\"x\":2", "0.8524163823495667258245989237752594740489" },
	/* (1 + sqrt(1/2))/2 */
	{ "dist_cdf", "\"student_t\",\"params\":[2],\"x\":\"sqrt(2)\"", "0.8535533905932737622004221810524245196424" },
	/* 1/3, by F(x; 2, 2) = x/(1+x) */
	{ "dist_cdf", "\"f\",\"params\":[2,2],\"x\":0.5", "0.3333333333333333333333333333333333333333" },
	/* 2/pi asin(sqrt(1/4)) = 1/3 */
	{ "dist_cdf", "\"beta\",\"params\":[0.5,0.5],\"x\":0.25", "0.3333333333333333333333333333333333333333" },
	/* Phi(1), A&S 26.2 */
	{ "dist_cdf", "\"lognormal\",\"params\":[0,1],\"x\":\"e\"", "0.8413447460685429485852325456320379224779" },
	/* ln 2 and its relatives */
	{ "dist_quantile", "\"exponential\",\"params\":[1],\"x\":0.5", "0.6931471805599453094172321214581765680755" },
	{ "dist_quantile", "\"chi_square\",\"params\":[2],\"x\":0.75", "2.772588722239781237668928485832706272302" },
	{ "dist_quantile", "\"gamma\",\"params\":[1,4],\"x\":0.9375", "0.6931471805599453094172321214581765680755" },
	/* tan(pi/3) */
	{ "dist_quantile", "\"student_t\",\"params\":[1],\"x\":\"5/6\"", "1.732050807568877293527446341505872366943" },
	{ "dist_quantile", "\"cauchy\",\"params\":[0,1],\"x\":\"5/6\"", "1.732050807568877293527446341505872366943" },
	/* sin^2(pi/8), (2 - sqrt(2))/4 */
	{ "dist_quantile", "\"beta\",\"params\":[0.5,0.5],\"x\":0.25", "0.1464466094067262377995778189475754803576" },
	/* 3, by F(x; 2, 2) = x/(1+x) */
	{ "dist_quantile", "\"f\",\"params\":[2,2],\"x\":0.75", "3.000000000000000000000000000000000000000" },
};

START_TEST(test_closed_forms)
{
	struct buf args = BUF_INIT;

	buf_printf(&args, "{\"name\":%s,\"precision\":40}", closed[_i].args);
	json_t *got = op_answer(closed[_i].op, buf_cstr(&args));
	nist_compare_text(closed[_i].args, got, closed[_i].closed);
	json_decref(got);
	buf_fini(&args);
}
END_TEST

/* Tails that a subtraction from 1 would lose: erfc(20 sqrt(2))/2; exp(-1000); 2^-1000; I_x by its first term. */
START_TEST(test_far_tails)
{
	op_expect("dist_sf", "[\"normal\",[0,1],40]", "\"3.65589354091503e-350\"");
	op_expect("dist_cdf", "[\"normal\",[0,1],-40]", "\"3.65589354091503e-350\"");
	op_expect("dist_sf", "[\"normal\",[0,1],10]", "7.619853024160525e-24");
	op_expect("dist_sf", "[\"exponential\",[1],1000]", "\"5.07595889754946e-435\"");
	op_expect("dist_sf", "[\"chi_square\",[2],2000]", "\"5.07595889754946e-435\"");
	op_expect("dist_sf", "{\"name\":\"geometric\",\"params\":[0.5],\"x\":999,\"exact\":false}",
		  "9.332636185032189e-302");
	op_expect("dist_quantile", "[\"normal\",[0,1],1e-300]", "-37.0470962993612");
}
END_TEST

/* ---- identities, for every distribution ---- */

static const struct {
	const char *name, *params, *x;
	bool discrete;
} all[] = {
	{ "normal", "[1,2]", "0.3", false },
	{ "student_t", "[3.5]", "-1.25", false },
	{ "chi_square", "[7]", "4.5", false },
	{ "f", "[3,8]", "1.75", false },
	{ "binomial", "[20,0.3]", "7", true },
	{ "poisson", "[4.5]", "6", true },
	{ "exponential", "[0.25]", "3", false },
	{ "gamma", "[2.5,3]", "0.75", false },
	{ "beta", "[2.5,0.5]", "0.875", false },
	{ "uniform", "[-1,3]", "0.5", false },
	{ "weibull", "[1.5,2]", "2.25", false },
	{ "lognormal", "[0.5,1.5]", "1.75", false },
	{ "cauchy", "[1,2]", "-3", false },
	{ "geometric", "[0.2]", "5", true },
	{ "hypergeometric", "[50,20,15]", "7", true },
	{ "negative_binomial", "[4,0.35]", "6", true },
	{ "negative_binomial", "[2.5,0.35]", "6", true },
};

static double ask(const char *op, int i, const char *x)
{
	struct buf args = BUF_INIT;

	buf_printf(&args, "{\"name\":\"%s\",\"params\":%s,\"x\":%s,\"exact\":false}", all[i].name, all[i].params, x);
	json_t *got = op_answer(op, buf_cstr(&args));
	const char *text = exact_json_literal(got, &(size_t){ 0 });
	double v = text ? strtod(text, NULL) : json_number_value(got);
	json_decref(got);
	buf_fini(&args);
	return v;
}

START_TEST(test_tails_add_up)
{
	ck_assert_double_eq_tol(ask("dist_cdf", _i, all[_i].x) + ask("dist_sf", _i, all[_i].x), 1, 3e-16);
}
END_TEST

/* cdf, then its quantile: x again. Of a discrete one, also from a little less; a little more gives the next integer. */
START_TEST(test_quantile_inverts)
{
	char text[64];
	double p = ask("dist_cdf", _i, all[_i].x), x = strtod(all[_i].x, NULL);

	snprintf(text, sizeof text, "%.17g", all[_i].discrete ? p * (1 - 1e-14) : p);
	ck_assert_double_le(fabs(ask("dist_quantile", _i, text) - x), all[_i].discrete ? 0 : 4e-15 * fmax(1, fabs(x)));
	if (!all[_i].discrete)
		return;
	snprintf(text, sizeof text, "%.17g", p * (1 + 1e-14));
	ck_assert_double_eq(ask("dist_quantile", _i, text), x + 1);
}
END_TEST

/* The density is the slope of the distribution function, or its step. */
START_TEST(test_density_is_slope)
{
	char text[64];
	double x = strtod(all[_i].x, NULL), h = all[_i].discrete ? 1 : 1e-5, slope;

	snprintf(text, sizeof text, "%.17g", all[_i].discrete ? x - 1 : x - h);
	double below = ask("dist_cdf", _i, text);
	snprintf(text, sizeof text, "%.17g", all[_i].discrete ? x : x + h);
	slope = (ask("dist_cdf", _i, text) - below) / (all[_i].discrete ? 1 : 2 * h);
	ck_assert_double_eq_tol(ask("dist_pdf", _i, all[_i].x), slope, all[_i].discrete ? 1e-15 : 1e-8);
}
END_TEST

/* ---- rationals ---- */

static const struct {
	const char *op, *args, *result;
} rationals[] = {
	{ "dist_pdf", "[\"binomial\",[4,\"1/3\"],[-1,0,1,2,3,4,5]]",
	  "[0,\"16/81\",\"32/81\",\"8/27\",\"8/81\",\"1/81\",0]" },
	{ "dist_cdf", "[\"binomial\",[4,\"1/3\"],[-1,0,1,2,3,4,5]]", "[0,\"16/81\",\"16/27\",\"8/9\",\"80/81\",1,1]" },
	{ "dist_sf", "[\"binomial\",[4,\"1/3\"],[-1,0,1,2,3,4,5]]", "[1,\"65/81\",\"11/27\",\"1/9\",\"1/81\",0,0]" },
	{ "dist_pdf", "[\"binomial\",[3,0],[0,1]]", "[1,0]" },
	{ "dist_cdf", "[\"binomial\",[3,1],[2,3]]", "[0,1]" },
	{ "dist_cdf", "[\"binomial\",[0,0.5],[0]]", "[1]" },
	{ "dist_pdf", "[\"geometric\",[0.5],[0,1,2,2.5]]", "[\"1/2\",\"1/4\",\"1/8\",0]" },
	{ "dist_cdf", "[\"geometric\",[1],[0,3]]", "[1,1]" },
	{ "dist_pdf", "[\"negative_binomial\",[2,0.5],[0,1,2]]", "[\"1/4\",\"1/4\",\"3/16\"]" },
	{ "dist_cdf", "[\"negative_binomial\",[2,0.5],[0,1,2]]", "[\"1/4\",\"1/2\",\"11/16\"]" },
	{ "dist_pdf", "[\"hypergeometric\",[10,4,3],[0,1,2,3,4]]", "[\"1/6\",\"1/2\",\"3/10\",\"1/30\",0]" },
	{ "dist_cdf", "[\"hypergeometric\",[10,4,3],[0,1,2,3]]", "[\"1/6\",\"2/3\",\"29/30\",1]" },
	{ "dist_sf", "[\"hypergeometric\",[5,4,3],[1,2,3]]", "[1,\"2/5\",0]" },
	{ "dist_pdf", "[\"uniform\",[\"1/3\",\"5/6\"],[0,\"1/3\",\"5/6\",1]]", "[0,2,2,0]" },
	{ "dist_cdf", "[\"uniform\",[1,4],[0,1,2,4,5]]", "[0,0,\"1/3\",1,1]" },
	{ "dist_quantile", "[\"uniform\",[1,4],[0,\"1/3\",0.75,1]]", "[1,2,\"13/4\",4]" },
	{ "dist_cdf", "[\"binomial\",[4,\"1/3\"],1.5]", "\"16/27\"" },
	{ "dist_cdf", "{\"name\":\"binomial\",\"params\":[4,\"1/3\"],\"x\":1,\"precision\":20}",
	  "\"0.59259259259259259259\"" },
	/* ties: the smallest integer whose distribution function reaches the value */
	{ "dist_quantile", "[\"binomial\",[4,\"1/3\"],[\"16/81\",\"16/27\",\"8/9\",0.89]]", "[0,1,2,3]" },
	{ "dist_quantile", "[\"hypergeometric\",[10,4,3],[\"1/6\",\"2/3\",0.67]]", "[0,1,2]" },
	{ "dist_quantile", "[\"geometric\",[0.5],[0.5,0.75,0.76]]", "[0,1,2]" },
	{ "dist_quantile", "[\"poisson\",[0],0.5]", "0" },
};

START_TEST(test_rationals)
{
	op_expect(rationals[_i].op, rationals[_i].args, rationals[_i].result);
}
END_TEST

/* The same value as a rational and by the incomplete beta function, or a sum of balls (too long for a rational). */
START_TEST(test_balls_agree_with_rationals)
{
	static const char *const exact[] = {
		"{\"name\":\"binomial\",\"params\":[1500,0.3],\"x\":430,\"exact\":true}",
		"{\"name\":\"negative_binomial\",\"params\":[700,0.25],\"x\":2000,\"exact\":true}",
		"{\"name\":\"hypergeometric\",\"params\":[8000,3000,3500],\"x\":1300,\"exact\":true}"
	};
	static const char *const digits[] = {
		"{\"name\":\"binomial\",\"params\":[1500,0.3],\"x\":430,\"precision\":30}",
		"{\"name\":\"negative_binomial\",\"params\":[700,0.25],\"x\":2000,\"precision\":30}",
		"{\"name\":\"hypergeometric\",\"params\":[8000,3000,3500],\"x\":1300,\"precision\":30}"
	};
	static const char *const ops[] = { "dist_pdf", "dist_cdf", "dist_sf" };
	json_t *a = op_answer(ops[_i % 3], exact[_i / 3]), *b = op_answer(ops[_i % 3], digits[_i / 3]);
	size_t n;

	ck_assert_ptr_nonnull(strchr(exact_json_string(a, &n), '/'));
	nist_compare_text(digits[_i / 3], a, exact_json_string(b, &n));
	json_decref(a);
	json_decref(b);
}
END_TEST

/* ---- ends of supports ---- */

START_TEST(test_ends)
{
	op_expect("dist_pdf", "[\"exponential\",[2],[-1,0]]", "[0,2]");
	op_expect("dist_pdf", "[\"chi_square\",[2],0]", "0.5");
	op_expect("dist_pdf", "[\"chi_square\",[3],0]", "0");
	op_expect("dist_pdf", "[\"beta\",[1,2],[0,1]]", "[2,0]");
	op_expect("dist_pdf", "[\"lognormal\",[0,1],0]", "0");
	op_expect("dist_cdf", "[\"beta\",[2,3],[-1,0,1,2]]", "[0,0,1,1]");
	op_expect("dist_sf", "[\"gamma\",[0.5,1],[-1,0]]", "[1,1]");
	op_expect("dist_quantile", "[\"beta\",[2,3],[0,1]]", "[0,1]");
	op_expect("dist_quantile", "[\"poisson\",[3],[0,1]]", "[0,\"Infinity\"]");
	op_expect("dist_quantile", "[\"hypergeometric\",[5,4,3],[0,1]]", "[2,3]");
	op_expect("dist_quantile", "[\"student_t\",[3],0.5]", "0");
	op_expect("dist_quantile", "[\"normal\",[7,2],0.5]", "7");
	op_expect("dist_pdf", "[\"poisson\",[0],[0,1]]", "[1,0]");
}
END_TEST

/* ---- limits ---- */

static const struct {
	const char *op, *args, *type, *pointer;
} limits[] = {
	{ "dist_cdf", "[\"poisson\",[1e10],1]", "limit-exceeded", "/1" },
	{ "dist_cdf", "[\"gamma\",[\"10^30\",1],1]", "limit-exceeded", "/1" },
	{ "dist_cdf", "[\"hypergeometric\",[1e12,5,5],1]", "limit-exceeded", "/1" },
	{ "dist_cdf", "[\"binomial\",[1e15,0.5],1]", "limit-exceeded", "/1" },
	{ "dist_cdf", "[\"normal\",[0,1],1,1000000]", "limit-exceeded", NULL },
};

START_TEST(test_limits)
{
	op_expect_pointer(limits[_i].op, limits[_i].args, limits[_i].type, limits[_i].pointer);
}
END_TEST

/* Far out, but within the limits: answered, and near what the central limit theorem says. */
START_TEST(test_large_parameters)
{
	op_expect("dist_quantile", "[\"binomial\",[1000000000000,0.3],0.5]", "300000000000");
	op_expect("dist_cdf", "[\"beta\",[1e12,1e12],0.5]", "0.5");
	op_expect_near("dist_cdf", "[\"student_t\",[1e12],2]", "0.977249868051821", 1e-12);
	op_expect_near("dist_cdf", "[\"poisson\",[1000000],1000000]", "0.500265961", 1e-7);
}
END_TEST

/* ---- faults ---- */

static const struct {
	const char *op, *args, *type, *pointer;
} faults[] = {
	{ "dist_pdf", "[\"gauss\",[0,1],0]", "invalid-argument", "/0" },
	{ "dist_pdf", "[\"normal\",[0],0]", "invalid-argument", "/1" },
	{ "dist_pdf", "[\"normal\",[0,0],0]", "invalid-argument", "/1/1" },
	{ "dist_pdf", "[\"normal\",[0,{\"re\":1,\"im\":1}],0]", "invalid-argument", "/1/1" },
	{ "dist_cdf", "[\"student_t\",-1,0]", "invalid-argument", "/1" },
	{ "dist_cdf", "[\"chi_square\",[0],1]", "invalid-argument", "/1/0" },
	{ "dist_cdf", "[\"f\",[1,-1],1]", "invalid-argument", "/1/1" },
	{ "dist_cdf", "[\"binomial\",[2.5,0.5],1]", "invalid-argument", "/1/0" },
	{ "dist_cdf", "[\"binomial\",[-1,0.5],1]", "invalid-argument", "/1/0" },
	{ "dist_cdf", "[\"binomial\",[2,1.5],1]", "invalid-argument", "/1/1" },
	{ "dist_cdf", "[\"binomial\",[\"pi\",0.5],1]", "invalid-argument", "/1/0" },
	{ "dist_cdf", "[\"poisson\",[-1],1]", "invalid-argument", "/1/0" },
	{ "dist_cdf", "[\"uniform\",[2,2],1]", "invalid-argument", "/1/1" },
	{ "dist_cdf", "[\"uniform\",[2,\"sqrt(3)\"],1]", "invalid-argument", "/1/1" },
	{ "dist_cdf", "[\"geometric\",[0],1]", "invalid-argument", "/1/0" },
	{ "dist_cdf", "[\"hypergeometric\",[10,11,5],1]", "invalid-argument", "/1/1" },
	{ "dist_cdf", "[\"hypergeometric\",[10,5,11],1]", "invalid-argument", "/1/2" },
	{ "dist_cdf", "[\"negative_binomial\",[0,0.5],1]", "invalid-argument", "/1/0" },
	{ "dist_cdf", "[\"normal\",[0,1],{\"re\":0,\"im\":1}]", "invalid-argument", "/2" },
	{ "dist_pdf", "[\"chi_square\",[1],0]", "domain-error", "/2" },
	{ "dist_pdf", "[\"beta\",[0.5,0.5],[0.5,1]]", "domain-error", "/2/1" },
	{ "dist_quantile", "[\"normal\",[0,1],[0.5,-0.1]]", "domain-error", "/2/1" },
	{ "dist_quantile", "[\"binomial\",[3,0.5],\"sqrt(2)\"]", "domain-error", "/2" },
	{ "dist_cdf", "{\"name\":\"normal\",\"params\":[0,1],\"x\":1,\"exact\":true}", "domain-error", NULL },
};

START_TEST(test_faults)
{
	op_expect_pointer(faults[_i].op, faults[_i].args, faults[_i].type, faults[_i].pointer);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

int main(void)
{
	Suite *s = suite_create("distribution");
	TCase *core = tcase_create("core"), *bounds = tcase_create("limits"), *bad = tcase_create("faults");
	TCase *lengthy = lengthy_case(s);

	tcase_set_timeout(core, 60);
	tcase_set_timeout(bounds, 60);
	tcase_add_checked_fixture(core, op_ask_setup, op_ask_teardown);
	tcase_add_checked_fixture(bounds, op_ask_setup, op_ask_teardown);
	tcase_add_checked_fixture(bad, op_ask_setup, op_ask_teardown);
	tcase_add_test(core, test_examples);
	tcase_add_loop_test(core, test_tables, 0, COUNT(tables));
	tcase_add_loop_test(core, test_closed_forms, 0, COUNT(closed));
	tcase_add_test(core, test_far_tails);
	tcase_add_loop_test(core, test_tails_add_up, 0, COUNT(all));
	tcase_add_loop_test(core, test_quantile_inverts, 0, COUNT(all));
	tcase_add_loop_test(core, test_density_is_slope, 0, COUNT(all));
	tcase_add_loop_test(core, test_rationals, 0, COUNT(rationals));
	tcase_add_loop_test(core, test_balls_agree_with_rationals, 0, 9);
	tcase_add_test(core, test_ends);
	tcase_add_loop_test(bounds, test_limits, 0, COUNT(limits));
	tcase_add_test(lengthy, test_large_parameters);
	tcase_add_loop_test(bad, test_faults, 0, COUNT(faults));
	suite_add_tcase(s, core);
	suite_add_tcase(s, bounds);
	suite_add_tcase(s, bad);
	return suite_run(s);
}
