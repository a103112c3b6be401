/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Integrals, derivatives and roots: against published values, against each other, and what must be refused. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lengthy.h"
#include "op.h"
#include "op_ask.h"
#include "suite_run.h"

struct known {
	const char *op, *args, *result;
};

/* Closed forms to 30 digits. DLMF: dlmf.nist.gov; GR: Gradshteyn and Ryzhik, Table of Integrals. */
static const struct known integrals[] = {
	/* Gaussian, DLMF 7.2.2 */
	{ "integrate", "[\"exp(-x^2)\",\"x\",\"-inf\",\"inf\",30]", "\"1.77245385090551602729816748334\"" },
	/* DLMF 7.2.1 */
	{ "integrate", "[\"exp(-x^2)\",\"x\",0,1,30]", "\"0.746824132812427025399467436132\"" },
	/* Gradshteyn-Ryzhik 3.326.1 */
	{ "integrate", "[\"exp(-x^3)\",\"x\",0,\"inf\",30]", "\"0.892979511569249211218564313658\"" },
	/* arctan */
	{ "integrate", "[\"1/(1+x^2)\",\"x\",\"-inf\",\"inf\",30]", "\"3.14159265358979323846264338328\"" },
	{ "integrate", "[\"4/(1+x^2)\",\"x\",0,1,30]", "\"3.14159265358979323846264338328\"" },
	/* Catalan's constant, DLMF 25.11.40 */
	{ "integrate", "[\"atan(x)/x\",\"x\",0,1,30]", "\"0.915965594177219015054603514932\"" },
	/* Catalan's constant: logarithm at one end */
	{ "integrate", "[\"-log(x)/(1+x^2)\",\"x\",0,1,30]", "\"0.915965594177219015054603514932\"" },
	/* GR 3.411.1: zeta(2), zeta(4) */
	{ "integrate", "[\"x/(exp(x)-1)\",\"x\",0,\"inf\",30]", "\"1.64493406684822643647241516665\"" },
	{ "integrate", "[\"x^3/(exp(x)-1)\",\"x\",0,\"inf\",30]", "\"6.49393940226682914909602217925\"" },
	/* Raabe, DLMF 5.17 */
	{ "integrate", "[\"lgamma(x)\",\"x\",0,1,30]", "\"0.918938533204672741780329736406\"" },
	/* the sophomore's dream, 1697 */
	{ "integrate", "[\"x^-x\",\"x\",0,1,30]", "\"1.29128599706266354040728259060\"" },
	/* algebraic ends, DLMF 19.2 */
	{ "integrate", "[\"1/sqrt(1-x^4)\",\"x\",0,1,30]", "\"1.31102877714605990523241979495\"" },
	{ "integrate", "[\"1/sqrt(1-x^2)\",\"x\",-1,1,30]", "\"3.14159265358979323846264338328\"" },
	{ "integrate", "[\"sqrt(1-x^2)\",\"x\",-1,1,30]", "\"1.57079632679489661923132169164\"" },
	{ "integrate", "[\"1/sqrt(x)\",\"x\",0,1,30]", "\"2.00000000000000000000000000000\"" },
	/* Euler: log sin */
	{ "integrate", "[\"log(sin(x))\",\"x\",0,\"pi\",30]", "\"-2.17758609030360213050068889824\"" },
	/* DLMF 4.26: Dirichlet's integral, accelerated */
	{ "integrate", "[\"sin(x)/x\",\"x\",0,\"inf\",30]", "\"1.57079632679489661923132169164\"" },
	/* Laplace: GR 3.723.2 */
	{ "integrate", "[\"cos(x)/(1+x^2)\",\"x\",\"-inf\",\"inf\",30]", "\"1.15572734979092171791009318331\"" },
	/* Euler's constant, DLMF 5.9.18 */
	{ "integrate", "[\"-exp(-x)*log(x)\",\"x\",0,\"inf\",30]", "\"0.577215664901532860606512090082\"" },
	/* secant, DLMF 4.40 */
	{ "integrate", "[\"1/cosh(x)\",\"x\",\"-inf\",\"inf\",30]", "\"3.14159265358979323846264338328\"" },
	{ "integrate", "[\"exp(-x)*sin(x)\",\"x\",0,\"inf\",30]", "\"0.500000000000000000000000000000\"" },
	/* a bounded kink: it is at 1/3 */
	{ "integrate", "[\"abs(x-1/3)\",\"x\",0,1,30]", "\"0.277777777777777777777777777778\"" },
	/* a narrow peak, far out */
	{ "integrate", "[\"exp(-(x-1000)^2)\",\"x\",\"-inf\",\"inf\",30]", "\"1.77245385090551602729816748334\"" },
	/* a singular point inside */
	{ "integrate", "[\"1/sqrt(abs(x))\",\"x\",-1,1,30]", "\"4.00000000000000000000000000000\"" },
	/* wild, but finite */
	{ "integrate", "[\"sin(10000*x)\",\"x\",0,1,30]", "\"0.000195215536825901485124038676066\"" },
};

static const struct known roots[] = {
	/* the omega constant */
	{ "find_root", "[\"x*exp(x)-1\",\"x\",0,1,30]", "\"0.567143290409783872999968662210\"" },
	{ "find_root", "[\"cos(x)-x\",\"x\",0,1,30]", "\"0.739085133215160641655312087674\"" },
	/* tan x = x: the first zero of the spherical Bessel function j1 */
	{ "find_root", "[\"sin(x)-x*cos(x)\",\"x\",4,5,30]", "\"4.49340945790906417530788092728\"" },
	/* the clamped beam */
	{ "find_root", "[\"cosh(x)*cos(x)+1\",\"x\",1,3,30]", "\"1.87510406871196116644530824108\"" },
	/* the plastic number */
	{ "find_root", "[\"x^3-x-1\",\"x\",1,2,30]", "\"1.32471795724474602596090885448\"" },
	{ "find_root", "[\"sin(x)\",\"x\",3,4,30]", "\"3.14159265358979323846264338328\"" },
	/* exact ones, at an end, of higher order, tiny, far */
	{ "find_root", "[\"2*x-1\",\"x\",-1,1]", "0.5" },
	{ "find_root", "[\"3*x-1\",\"x\",0,1]", "0.3333333333333333" },
	{ "find_root", "[\"x^2-4\",\"x\",2,5]", "2" },
	{ "find_root", "[\"sin(x)\",\"x\",\"pi\",4]", "3.141592653589793" },
	{ "find_root", "[\"(x-sqrt(2))^5\",\"x\",0,3]", "1.4142135623730951" },
	{ "find_root", "[\"x-1e-30\",\"x\",0,1]", "1e-30" },
	{ "find_root", "[\"exp(x)-10^100\",\"x\",0,1000]", "230.25850929940458" },
	{ "find_root", "[\"cbrt(x-pi)\",\"x\",0,10]", "3.141592653589793" },
	{ "find_root", "[\"x\",\"x\",0,0]", "0" },
};

static const struct known exact[] = {
	{ "integrate", "[\"x^2\",\"x\",0,1]", "\"1/3\"" },
	{ "integrate", "[\"x^2\",\"x\",1,0]", "\"-1/3\"" },
	{ "integrate", "[\"(x-1)^3+x/2\",\"x\",\"1/2\",3]", "\"395/64\"" },
	{ "integrate", "[\"7\",\"x\",2,5]", "21" },
	{ "integrate", "[\"sin(x)\",\"x\",1,1]", "0" },
	{ "integrate", "[\"x^2\",\"x\",0,1,20]", "\"0.33333333333333333333\"" },
	{ "integrate", "[\"sin(x)\",\"x\",\"pi\",0]", "-2" },
	{ "integrate", "[\"sin(x)\",\"x\",0,\"pi\"]", "2" },
	{ "integrate", "[\"x^3*exp(-x^2)\",\"x\",\"-inf\",\"inf\"]", "0" },
	{ "integrate", "[\"sin(x)^3\",\"x\",-2,2]", "0" },
	{ "integrate", "[\"floor(x)\",\"x\",0,\"5/2\"]", "2" },
	{ "integrate", "{\"f\":\"1/x\",\"var\":\"x\",\"a\":-1,\"b\":2,\"principal_value\":true}",
	  "0.6931471805599453" },
	{ "integrate", "{\"f\":\"1/x\",\"var\":\"x\",\"a\":-1,\"b\":1,\"principal_value\":true}", "0" },
	{ "integrate", "{\"f\":\"exp(x)/x\",\"var\":\"x\",\"a\":-1,\"b\":1,\"principal_value\":true}",
	  "2.114501750751457" },
	{ "integrate", "{\"f\":\"x/(1+x^2)\",\"var\":\"x\",\"a\":\"-inf\",\"b\":\"inf\",\"principal_value\":true}",
	  "0" },
	{ "integrate", "{\"f\":\"1/(x^2-1)\",\"var\":\"x\",\"a\":0,\"b\":3,\"principal_value\":true}",
	  "-0.34657359027997264" },
	{ "derivative", "[\"x^3\",\"x\",2]", "12" },
	{ "derivative", "[\"1/x\",\"x\",\"1/3\"]", "-9" },
	{ "derivative", "[\"sin(x)\",\"x\",\"pi\"]", "-1" },
	{ "derivative", "[\"exp(2*x)\",\"x\",0]", "2" },
	{ "derivative", "[\"gamma(x)\",\"x\",1,20]", "\"-0.57721566490153286061\"" },
	{ "derivative", "[\"x^x\",\"x\",1]", "1" },
	{ "derivative", "[\"sin(x)\",\"x\"]", "\"cos(x)\"" },
	{ "derivative", "[\"a*x^2\",\"x\"]", "\"2*a*x\"" },
	{ "derivative", "[\"y\",\"x\"]", "\"0\"" },
};

static const struct {
	const char *op, *args, *type;
} faults[] = {
	{ "integrate", "[\"1/x\",\"x\",0,1]", "did-not-converge" },
	{ "integrate", "[\"1/x\",\"x\",-1,1]", "did-not-converge" },
	{ "integrate", "[\"1/x^2\",\"x\",-1,1]", "did-not-converge" },
	{ "integrate", "[\"1/x\",\"x\",1,\"inf\"]", "did-not-converge" },
	{ "integrate", "[\"1\",\"x\",0,\"inf\"]", "did-not-converge" },
	{ "integrate", "[\"x\",\"x\",\"-inf\",\"inf\"]", "did-not-converge" },
	{ "integrate", "[\"sin(x)\",\"x\",0,\"inf\"]", "did-not-converge" },
	{ "integrate", "[\"sin(pi*x)\",\"x\",0,\"inf\"]", "did-not-converge" },
	{ "integrate", "[\"(1+1/(1+x))*sin(x)\",\"x\",0,\"inf\"]", "did-not-converge" },
	{ "integrate", "[\"1/x^1.0001\",\"x\",0,1]", "did-not-converge" },
	{ "integrate", "[\"1/(x*log(x))\",\"x\",0,\"1/2\"]", "did-not-converge" },
	{ "integrate", "[\"tan(x)\",\"x\",0,2]", "did-not-converge" },
	{ "integrate", "[\"sin(1/x)\",\"x\",0,1]", "did-not-converge" },
	{ "integrate", "[\"exp(x)\",\"x\",0,\"inf\"]", "did-not-converge" },
	{ "integrate", "[\"sqrt(x)\",\"x\",-1,1]", "domain-error" },
	{ "integrate", "[\"i*x\",\"x\",0,1]", "domain-error" },
	{ "integrate", "{\"f\":\"1/x^2\",\"var\":\"x\",\"a\":-1,\"b\":1,\"principal_value\":true}",
	  "did-not-converge" },
	{ "integrate", "[\"y\",\"x\",0,1]", "unknown-name" },
	{ "integrate", "[\"(\",\"x\",0,1]", "parse-error" },
	{ "integrate", "[\"x\",\"pi\",0,1]", "invalid-argument" },
	{ "integrate", "[\"x\",\"2\",0,1]", "invalid-argument" },
	{ "integrate", "[\"x\",\"x\",\"i\",1]", "invalid-argument" },
	{ "integrate", "[\"x\",\"x\",0]", "arity" },
	{ "integrate", "[\"sin(x)\",\"x\",0,1,1000000]", "limit-exceeded" },
	{ "integrate", "[\"sin(x)\",\"x\",0,1,0]", "invalid-argument" },
	{ "find_root", "[\"x^2+1\",\"x\",-1,1]", "no-sign-change" },
	{ "find_root", "[\"x\",\"x\",1,-1]", "invalid-argument" },
	{ "find_root", "[\"1/x\",\"x\",-1,2]", "no-solution" },
	{ "find_root", "[\"tan(x)\",\"x\",1,2]", "no-solution" },
	{ "find_root", "[\"floor(x)-1/2\",\"x\",0,3]", "no-solution" },
	{ "find_root", "[\"log(x)\",\"x\",0,2]", "domain-error" },
	{ "find_root", "[\"x\",\"x\",0,\"inf\"]", "invalid-argument" },
	{ "find_root", "[\"sqrt(x)\",\"x\",-1,1]", "domain-error" },
	{ "derivative", "[\"abs(x)\",\"x\",0]", "division-by-zero" },
	{ "derivative", "[\"sqrt(x)\",\"x\",0]", "division-by-zero" },
	{ "derivative", "[\"1/x\",\"x\",0]", "division-by-zero" },
	{ "derivative", "[\"x\",\"1\"]", "invalid-argument" },
	{ "derivative", "[\"x+y\",\"x\",1]", "unknown-name" },
	{ "derivative", "[\"x^2\",3,1]", "invalid-argument" },
};

START_TEST(test_integrate_known)
{
	op_expect(integrals[_i].op, integrals[_i].args, integrals[_i].result);
}
END_TEST

START_TEST(test_find_root_known)
{
	op_expect(roots[_i].op, roots[_i].args, roots[_i].result);
}
END_TEST

START_TEST(test_calculus_exact)
{
	op_expect(exact[_i].op, exact[_i].args, exact[_i].result);
}
END_TEST

START_TEST(test_calculus_examples)
{
	op_expect_examples(&op_calculus);
}
END_TEST

START_TEST(test_calculus_refuses)
{
	op_expect_error(faults[_i].op, faults[_i].args, faults[_i].type);
}
END_TEST

/* Digits hold their place: a result of 1,000 digits begins with that of 40. */
START_TEST(test_integrate_digits_agree)
{
	struct buf few = BUF_INIT, many = BUF_INIT;

	ck_assert(op_ask("integrate", "[\"exp(x)*cos(x)\",\"x\",0,\"sqrt(2)\",40]", &few, NULL));
	ck_assert(op_ask("integrate", "[\"exp(x)*cos(x)\",\"x\",0,\"sqrt(2)\",1000]", &many, NULL));
	ck_assert_int_gt((int)many.len, 1000);
	ck_assert_int_eq(memcmp(few.data, many.data, 38), 0);
	buf_fini(&few);
	buf_fini(&many);
}
END_TEST

/* The value of derivative against the difference quotient of f, whose values are its limits. */
static const char *const smooth[] = {
	"sin(x)*exp(x)", "x^x",    "atan(x^2)/x", "log(1+x^2)", "sqrt(1+x)", "tanh(x)^3", "cos(sin(x))",
	"1/(1+exp(-x))", "erf(x)", "asinh(x)",    "x^(1/3)",    "2^x",       "abs(x)*x",  "gamma(x)",
};

static double value_of(const char *op, const char *f, double at)
{
	char args[256];
	struct buf json = BUF_INIT;
	double v;

	snprintf(args, sizeof args, "[\"%s\",\"x\",%.17g]", f, at);
	ck_assert_msg(op_ask(op, args, &json, NULL), "%s%s: %s", op, args, buf_cstr(&json));
	/* a rational value is "p/q" */
	const char *s = buf_cstr(&json);
	const char *slash = strchr(s, '/');
	v = strtod(s + (s[0] == '"'), NULL);
	if (slash)
		v /= strtod(slash + 1, NULL);
	buf_fini(&json);
	return v;
}

START_TEST(test_derivative_against_differences)
{
	const double at = 1.25, h = 1e-5;
	double slope = value_of("derivative", smooth[_i], at);
	double difference = (value_of("limit", smooth[_i], at + h) - value_of("limit", smooth[_i], at - h)) / (2 * h);

	ck_assert_msg(fabs(slope - difference) <= 1e-8 * fmax(1, fabs(slope)), "%s: %.17g, differences %.17g",
		      smooth[_i], slope, difference);
}
END_TEST

/* The integral of a derivative is the difference of the values. */
START_TEST(test_integrate_derivative)
{
	char args[1024];
	struct buf d = BUF_INIT, json = BUF_INIT;

	snprintf(args, sizeof args, "[\"%s\",\"x\"]", smooth[_i]);
	ck_assert(op_ask("derivative", args, &d, NULL));
	snprintf(args, sizeof args, "[%s,\"x\",1,\"5/2\"]", buf_cstr(&d));
	ck_assert_msg(op_ask("integrate", args, &json, NULL), "integrate%s: %s", args, buf_cstr(&json));
	double area = strtod(buf_cstr(&json), NULL);
	double rise = value_of("limit", smooth[_i], 2.5) - value_of("limit", smooth[_i], 1);
	ck_assert_msg(fabs(area - rise) <= 1e-14 * fmax(1, fabs(rise)), "%s: %.17g, values %.17g", smooth[_i], area,
		      rise);
	buf_fini(&d);
	buf_fini(&json);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

int main(void)
{
	Suite *suite = suite_create("calculus");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *wrong = tcase_create("faults");
	TCase *lengthy = lengthy_case(suite);

	tcase_add_checked_fixture(core, op_ask_setup, op_ask_teardown);
	tcase_add_checked_fixture(limits, op_ask_setup, op_ask_teardown);
	tcase_add_checked_fixture(wrong, op_ask_setup, op_ask_teardown);
	tcase_set_timeout(core, 60);
	tcase_set_timeout(limits, 60);
	tcase_set_timeout(wrong, 60);
	tcase_add_loop_test(lengthy, test_integrate_known, 0, COUNT(integrals));
	tcase_add_loop_test(core, test_find_root_known, 0, COUNT(roots));
	tcase_add_loop_test(core, test_calculus_exact, 0, COUNT(exact));
	tcase_add_test(core, test_calculus_examples);
	tcase_add_loop_test(core, test_derivative_against_differences, 0, COUNT(smooth));
	tcase_add_loop_test(core, test_integrate_derivative, 0, COUNT(smooth));
	tcase_add_test(limits, test_integrate_digits_agree);
	tcase_add_loop_test(lengthy, test_calculus_refuses, 0, COUNT(faults));
	suite_add_tcase(suite, core);
	suite_add_tcase(suite, limits);
	suite_add_tcase(suite, wrong);

	return suite_run(suite);
}
