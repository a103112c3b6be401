/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sums, products, limits and Taylor coefficients: against published values, and what must be refused. */
#include <check.h>
#include <stdlib.h>

#include "lengthy.h"
#include "op.h"
#include "op_ask.h"
#include "suite_run.h"

struct known {
	const char *op, *args, *result;
};

/* Closed forms to 30 digits. DLMF: dlmf.nist.gov */
static const struct known series[] = {
	/* Euler, DLMF 25.6.1 */
	{ "sum_series", "[\"1/k^2\",\"k\",1,\"inf\",30]", "\"1.64493406684822643647241516665\"" },
	/* Apery's constant, OEIS A002117 */
	{ "sum_series", "[\"1/k^3\",\"k\",1,\"inf\",30]", "\"1.20205690315959428539973816151\"" },
	{ "sum_series", "[\"1/(k^2+1)\",\"k\",1,\"inf\",30]", "\"1.07667404746858117413405079475\"" },
	/* a telescope, whose poles lie far out */
	{ "sum_series", "[\"1/((k+100)*(k+101))\",\"k\",0,\"inf\",30]", "\"0.0100000000000000000000000000000\"" },
	/* Leibniz, Mercator, Catalan, eta(1/2) */
	{ "sum_series", "[\"(-1)^k/(2*k+1)\",\"k\",0,\"inf\",30]", "\"0.785398163397448309615660845820\"" },
	{ "sum_series", "[\"(-1)^(k+1)/k\",\"k\",1,\"inf\",30]", "\"0.693147180559945309417232121458\"" },
	{ "sum_series", "[\"(-1)^k/(2*k+1)^2\",\"k\",0,\"inf\",30]", "\"0.915965594177219015054603514932\"" },
	{ "sum_series", "[\"(-1)^(k+1)/sqrt(k)\",\"k\",1,\"inf\",30]", "\"0.604898643421630370247265914236\"" },
	/* hypergeometric terms: e, 1/e, sin 1, I0(2), sum 1/binomial */
	{ "sum_series", "[\"1/k!\",\"k\",0,\"inf\",30]", "\"2.71828182845904523536028747135\"" },
	{ "sum_series", "[\"(-1)^k/k!\",\"k\",0,\"inf\",30]", "\"0.367879441171442321595523770161\"" },
	{ "sum_series", "[\"(-1)^k/(2*k+1)!\",\"k\",0,\"inf\",30]", "\"0.841470984807896506652502321630\"" },
	{ "sum_series", "[\"1/k!^2\",\"k\",0,\"inf\",30]", "\"2.27958530233606726743720444081\"" },
	{ "sum_series", "[\"1/binomial(2*k,k)\",\"k\",0,\"inf\",30]", "\"1.73639985871871507790979516836\"" },
	{ "sum_series", "[\"k/2^k\",\"k\",0,\"inf\",30]", "\"2.00000000000000000000000000000\"" },
	{ "sum_series", "[\"exp(-k)\",\"k\",0,\"inf\",30]", "\"1.58197670686932642438500200511\"" },
	/* severe cancellation */
	{ "sum_series", "[\"(-50)^k/k!\",\"k\",0,\"inf\",30]", "\"1.92874984796391778301734281653e-22\"" },
	/* Ramanujan: 1/pi */
	{ "sum_series", "[\"2*sqrt(2)/9801*(4*k)!*(1103+26390*k)/(k!^4*396^(4*k))\",\"k\",0,\"inf\",30]",
	  "\"0.318309886183790671537767526745\"" },
	/* by Euler-Maclaurin: zeta(3/2), -zeta'(2) */
	{ "sum_series", "[\"1/k^1.5\",\"k\",1,\"inf\",30]", "\"2.61237534868548834334856756792\"" },
	{ "sum_series", "[\"log(k)/k^2\",\"k\",1,\"inf\",30]", "\"0.937548254315843753702574094568\"" },
	/* a theta function */
	{ "sum_series", "[\"exp(-k^2)\",\"k\",1,\"inf\",30]", "\"0.386318602413326076515625275579\"" },
	/* Euler and Wallis */
	{ "product_series", "[\"1+1/k^2\",\"k\",1,\"inf\",30]", "\"3.67607791037497772069569749203\"" },
	{ "product_series", "[\"1-1/(4*k^2)\",\"k\",1,\"inf\",30]", "\"0.636619772367581343075535053490\"" },
	{ "product_series", "[\"1-1/k^2\",\"k\",2,\"inf\"]", "0.5" },
	{ "product_series", "[\"1-1/k^2\",\"k\",1,\"inf\"]", "0" },
	/* Vieta */
	{ "product_series", "[\"cos(pi/2^(k+1))\",\"k\",1,\"inf\",20]", "\"0.63661977236758134308\"" },
	/* finite ones */
	{ "sum_series", "[\"k^2\",\"k\",1,100]", "338350" },
	{ "sum_series", "[\"k\",\"k\",1,\"10^12\"]", "\"500000000000500000000000\"" },
	{ "sum_series", "[\"1/k\",\"k\",1,10]", "\"7381/2520\"" },
	{ "sum_series", "[\"1/k\",\"k\",1,100000]", "12.090146129863427" },
	{ "sum_series", "[\"k^2\",\"k\",5,4]", "0" },
	{ "sum_series", "[\"k^3-k\",\"k\",-7,7]", "0" },
	{ "sum_series", "[\"2^k\",\"k\",0,63]", "\"18446744073709551615\"" },
	{ "product_series", "[\"k\",\"k\",1,20]", "\"2432902008176640000\"" },
	{ "product_series", "[\"k\",\"k\",3,2]", "1" },
	{ "product_series", "[\"k/(k+1)\",\"k\",1,99]", "\"1/100\"" },
	{ "sum_series", "[\"sqrt(k)\",\"k\",1,4,20]", "\"6.1462643699419723423\"" },
};

static const struct known limits_known[] = {
	{ "limit", "[\"sin(x)/x\",\"x\",0]", "1" },
	{ "limit", "[\"(1-cos(x))/x^2\",\"x\",0]", "0.5" },
	{ "limit", "[\"(x-sin(x))/x^3\",\"x\",0]", "0.16666666666666666" },
	{ "limit", "[\"(1+1/x)^x\",\"x\",\"inf\"]", "2.718281828459045" },
	{ "limit", "{\"f\":\"(1+1/x)^x\",\"var\":\"x\",\"at\":\"inf\",\"precision\":40}",
	  "\"2.718281828459045235360287471352662497757\"" },
	{ "limit", "[\"x*log(x)\",\"x\",0]", "0" },
	{ "limit", "[\"x^x\",\"x\",0]", "1" },
	{ "limit", "[\"sqrt(x^2+x)-x\",\"x\",\"inf\"]", "0.5" },
	{ "limit", "[\"atan(x)\",\"x\",\"-inf\"]", "-1.5707963267948966" },
	{ "limit", "[\"exp(-x)*x^10\",\"x\",\"inf\"]", "0" },
	{ "limit", "[\"(x^2-1)/(2*x-2)\",\"x\",1]", "1" },
	{ "limit", "[\"(3*x^2+1)/(5*x^2-x)\",\"x\",\"inf\"]", "\"3/5\"" },
	{ "limit", "[\"x^3/(x^2+1)\",\"x\",\"-inf\"]", "\"-Infinity\"" },
	{ "limit", "[\"1/x^2\",\"x\",0]", "\"Infinity\"" },
	{ "limit", "[\"log(x)\",\"x\",0]", "\"-Infinity\"" },
	{ "limit", "[\"log(x)\",\"x\",\"inf\"]", "\"Infinity\"" },
	{ "limit", "[\"1/x\",\"x\",0,\"left\"]", "\"-Infinity\"" },
	{ "limit", "[\"1/x\",\"x\",0,\"right\"]", "\"Infinity\"" },
	{ "limit", "[\"abs(x)/x\",\"x\",0,\"left\"]", "-1" },
	{ "limit", "[\"sin(x)/(x-pi)\",\"x\",\"pi\"]", "-1" },
	{ "limit", "[\"x^2\",\"x\",\"1/3\"]", "\"1/9\"" },
	{ "limit", "[\"cos(x)\",\"x\",\"pi\"]", "-1" },
	{ "limit", "[\"floor(x)\",\"x\",1,\"left\"]", "0" },
	{ "limit", "[\"sin(x)/x\",\"x\",\"inf\"]", "0" },
	{ "limit", "[\"exp(-1/x^2)\",\"x\",0]", "0" },
};

/* tan: DLMF 4.19.3; x/(exp(x)-1): the Bernoulli numbers, DLMF 24.2.1 */
static const struct known coefficients[] = {
	{ "taylor", "[\"exp(x)\",\"x\",0,5]", "[1,1,\"1/2\",\"1/6\",\"1/24\",\"1/120\"]" },
	{ "taylor", "[\"sin(x)\",\"x\",0,5]", "[0,1,0,\"-1/6\",0,\"1/120\"]" },
	{ "taylor", "[\"sin(x)/x\",\"x\",0,4]", "[1,0,\"-1/6\",0,\"1/120\"]" },
	{ "taylor", "[\"tan(x)\",\"x\",0,7]", "[0,1,0,\"1/3\",0,\"2/15\",0,\"17/315\"]" },
	{ "taylor", "[\"x/(exp(x)-1)\",\"x\",0,6]", "[1,\"-1/2\",\"1/12\",0,\"-1/720\",0,\"1/30240\"]" },
	{ "taylor", "[\"1/(1-x-x^2)\",\"x\",0,10]", "[1,1,2,3,5,8,13,21,34,55,89]" },
	{ "taylor", "[\"sqrt(1+x)\",\"x\",0,4]", "[1,\"1/2\",\"-1/8\",\"1/16\",\"-5/128\"]" },
	{ "taylor", "[\"log(x)\",\"x\",1,4]", "[0,1,\"-1/2\",\"1/3\",\"-1/4\"]" },
	{ "taylor", "[\"x^5\",\"x\",2,5]", "[32,80,80,40,10,1]" },
	{ "taylor", "[\"exp(sin(x))\",\"x\",0,5]", "[1,1,\"1/2\",0,\"-1/8\",\"-1/15\"]" },
	{ "taylor", "[\"exp(x)\",\"x\",1,2]", "[2.718281828459045,2.718281828459045,1.3591409142295225]" },
	{ "taylor", "[\"sin(x)\",\"x\",\"pi\",3]", "[0,-1,0,0.16666666666666666]" },
	{ "taylor", "[\"gamma(x)\",\"x\",1,2]", "[1,-0.5772156649015329,0.9890559953279725]" },
	{ "taylor", "[\"7\",\"x\",0,2]", "[7,0,0]" },
	{ "taylor", "[\"(1+x)^(1/3)\",\"x\",0,3]", "[1,\"1/3\",\"-1/9\",\"5/81\"]" },
};

static const struct {
	const char *op, *args, *type;
} faults[] = {
	{ "sum_series", "[\"1/k\",\"k\",1,\"inf\"]", "did-not-converge" },
	{ "sum_series", "[\"1\",\"k\",1,\"inf\"]", "did-not-converge" },
	{ "sum_series", "[\"(-1)^k\",\"k\",1,\"inf\"]", "did-not-converge" },
	{ "sum_series", "[\"2^k/k^5\",\"k\",1,\"inf\"]", "did-not-converge" },
	{ "sum_series", "[\"k!/100^k\",\"k\",1,\"inf\"]", "did-not-converge" },
	{ "sum_series", "[\"1/(k*log(k))\",\"k\",2,\"inf\"]", "did-not-converge" },
	{ "sum_series", "[\"1/sqrt(k)\",\"k\",1,\"inf\"]", "did-not-converge" },
	{ "sum_series", "[\"sin(k)\",\"k\",1,\"inf\"]", "did-not-converge" },
	{ "sum_series", "[\"(-1)^k*(1+1/sqrt(k))\",\"k\",1,\"inf\"]", "did-not-converge" },
	{ "sum_series", "[\"(-1)^k*k^(1/3)\",\"k\",1,\"inf\"]", "did-not-converge" },
	{ "sum_series", "[\"1/(k-5)^2\",\"k\",1,\"inf\"]", "division-by-zero" },
	{ "sum_series", "[\"1/(k-5)\",\"k\",1,9]", "division-by-zero" },
	{ "sum_series", "[\"k\",\"k\",1.5,9]", "invalid-argument" },
	{ "sum_series", "[\"k\",\"k\",\"-inf\",9]", "invalid-argument" },
	{ "sum_series", "[\"j\",\"k\",1,9]", "unknown-name" },
	{ "sum_series", "[\"sqrt(k)\",\"k\",1,\"10^9\"]", "limit-exceeded" },
	{ "sum_series", "[\"k^k^k\",\"k\",1,50]", "overflow" },
	{ "sum_series", "{\"f\":\"sqrt(k)\",\"var\":\"k\",\"a\":1,\"b\":5,\"exact\":true}", "domain-error" },
	{ "sum_series", "[\"k\",\"k\",1,\"10^30\"]", "limit-exceeded" },
	{ "product_series", "[\"1+1/k\",\"k\",1,\"inf\"]", "did-not-converge" },
	{ "product_series", "[\"1-1/k\",\"k\",2,\"inf\"]", "did-not-converge" },
	{ "product_series", "[\"2\",\"k\",1,\"inf\"]", "did-not-converge" },
	{ "product_series", "[\"k\",\"k\",1,\"10^9\"]", "limit-exceeded" },
	{ "limit", "[\"1/x\",\"x\",0]", "no-solution" },
	{ "limit", "[\"abs(x)/x\",\"x\",0]", "no-solution" },
	{ "limit", "[\"exp(1/x)\",\"x\",0]", "no-solution" },
	{ "limit", "[\"sin(x)\",\"x\",\"inf\"]", "did-not-converge" },
	{ "limit", "[\"sin(pi*x)\",\"x\",\"inf\"]", "did-not-converge" },
	{ "limit", "[\"sin(1/x)\",\"x\",0]", "did-not-converge" },
	{ "limit", "[\"1/log(x)\",\"x\",\"inf\"]", "did-not-converge" },
	{ "limit", "[\"sqrt(x)\",\"x\",-1]", "domain-error" },
	{ "limit", "[\"x\",\"x\",0,\"above\"]", "invalid-argument" },
	{ "taylor", "[\"log(x)\",\"x\",0,3]", "domain-error" },
	{ "taylor", "[\"1/x\",\"x\",0,3]", "division-by-zero" },
	{ "taylor", "[\"exp(x)\",\"x\",0,1001]", "limit-exceeded" },
	{ "taylor", "[\"exp(x)\",\"x\",0,-1]", "invalid-argument" },
	{ "taylor", "[\"exp(x)\",\"x\",\"inf\",2]", "invalid-argument" },
};

START_TEST(test_series_known)
{
	op_expect(series[_i].op, series[_i].args, series[_i].result);
}
END_TEST

START_TEST(test_limit_known)
{
	op_expect(limits_known[_i].op, limits_known[_i].args, limits_known[_i].result);
}
END_TEST

START_TEST(test_taylor_known)
{
	op_expect(coefficients[_i].op, coefficients[_i].args, coefficients[_i].result);
}
END_TEST

START_TEST(test_series_examples)
{
	op_expect_examples(&op_series);
}
END_TEST

START_TEST(test_series_refuses)
{
	op_expect_error(faults[_i].op, faults[_i].args, faults[_i].type);
}
END_TEST

/* The largest order: the last of 1,001 coefficients of 1/(1-x) is still 1. */
START_TEST(test_taylor_largest)
{
	json_t *v = op_answer("taylor", "[\"1/(1-x)\",\"x\",0,1000]");

	ck_assert_int_eq((int)json_array_size(v), 1001);
	for (size_t i = 0; i <= 1000; i++)
		ck_assert_int_eq((int)json_integer_value(json_array_get(v, i)), 1);
	json_decref(v);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

int main(void)
{
	Suite *suite = suite_create("series");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *wrong = tcase_create("faults");
	TCase *lengthy = lengthy_case(suite);

	tcase_add_checked_fixture(core, op_ask_setup, op_ask_teardown);
	tcase_add_checked_fixture(limits, op_ask_setup, op_ask_teardown);
	tcase_add_checked_fixture(wrong, op_ask_setup, op_ask_teardown);
	tcase_set_timeout(core, 60);
	tcase_set_timeout(limits, 60);
	tcase_set_timeout(wrong, 60);
	tcase_add_loop_test(lengthy, test_series_known, 0, COUNT(series));
	tcase_add_loop_test(core, test_limit_known, 0, COUNT(limits_known));
	tcase_add_loop_test(core, test_taylor_known, 0, COUNT(coefficients));
	tcase_add_test(core, test_series_examples);
	tcase_add_test(limits, test_taylor_largest);
	tcase_add_loop_test(wrong, test_series_refuses, 0, COUNT(faults));
	suite_add_tcase(suite, core);
	suite_add_tcase(suite, limits);
	suite_add_tcase(suite, wrong);

	return suite_run(suite);
}
