/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arithmetic, second half: operations on integers. */
#include <math.h>

#include "cost.h"
#include "ops/operand.h"

/* ---- gcd, lcm ---- */

static int gcd_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	double running = operand_top_digits(c, 0);

	(void)f;
	if (operand_all_small(c)) {
		cost->ns = 500 * (double)c->count;
		return 0;
	}
	for (size_t i = 1; i < c->count; i++) {
		double next = operand_top_digits(c, i);
		cost->ns += cost_gcd(running, next);
		/* A zero leaves the other as it is. */
		running = operand_is_zero(c, i)             ? running
			  : i == 1 && operand_is_zero(c, 0) ? next
							    : fmin(running, next);
	}
	cost->ns += cost_print(running);
	return 0;
}

static int64_t small_gcd(int64_t a, int64_t b)
{
	a = a < 0 ? -a : a;
	b = b < 0 ? -b : b;
	while (b) {
		int64_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

static int gcd_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	if (operand_all_small(c)) {
		int64_t g = 0;
		for (size_t i = 0; i < c->count; i++)
			g = small_gcd(g, operand_small(c, i));
		number_put_int(json, g);
		return 0;
	}
	mpz_ptr g = operand_load_integer(c, 0);
	mpz_abs(g, g);
	for (size_t i = 1; i < c->count; i++)
		mpz_gcd(g, g, operand_load_integer(c, i));
	return operand_put(json, operand_load(c, 0), f);
}

static int lcm_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	struct operand_volume v = operand_measure(c);

	(void)f;
	cost->ns = c->count == 1 ? cost_print(v.top) : operand_fold_cost(c, v.top, true) / 2 + cost_print(v.top);
	if (c->count == 2 && operand_all_small(c))
		cost->ns = 500;
	return 0;
}

static void lcm_combine(mpq_t out, const mpq_t a, const mpq_t b)
{
	mpz_lcm(mpq_numref(out), mpq_numref(a), mpq_numref(b));
}

static int lcm_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	for (size_t i = 0; i < c->count; i++)
		if (operand_is_zero(c, i)) {
			buf_byte(json, '0');
			return 0;
		}
	mpq_ptr all = operand_fold(c, lcm_combine);
	mpq_abs(all, all);
	return operand_put(json, all, f);
}

/* ---- factorial, binomial, isqrt ---- */

static int factorial_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	struct number *n = op_call_number(c, 0);

	if (number_sign(n) < 0)
		return operand_fail(c, 0, f, OP_DOMAIN_ERROR, "expected an integer from 0 on, got a negative one");
	double value = n->form == NUMBER_SMALL ? (double)n->small : pow(10, number_log10(n));
	cost->digits = floor(lgamma(value + 1) / M_LN10 * (1 - 1e-13)) + 1;
	cost->ns = cost_power(cost->digits) + 2000;
	return 0;
}

static int factorial_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	mpz_ptr n = operand_load_integer(c, 0);

	mpz_fac_ui(n, mpz_get_ui(n));
	return operand_put_integer(json, n, f);
}

/* C(n,k) for negative n is (-1)^k C(k-n-1, k); and C(n,k) = C(n,n-k), so that the smaller of k and n-k counts.
 * Makes n >= 0 and k <= n/2; k = -1 when the result is 0. True when the sign of the result turns. */
static bool binomial_normalise(mpz_t n, mpz_t k)
{
	bool negative = false;
	mpz_t other;

	if (mpz_sgn(k) < 0)
		return false;
	if (mpz_sgn(n) < 0) {
		negative = mpz_odd_p(k) != 0;
		mpz_sub(n, k, n);
		mpz_sub_ui(n, n, 1);
	}
	mpz_init(other);
	mpz_sub(other, n, k);
	if (mpz_sgn(other) < 0)
		mpz_set_si(k, -1);
	else if (mpz_cmp(other, k) < 0)
		mpz_set(k, other);
	mpz_clear(other);
	return negative;
}

/* log10 of C(n,k), 1 <= k <= n/2. Beyond 10^15, where a double no longer tells n from n-k, either k is small enough for
 * n^k/k! to be right, or the result has so many digits that 2^k says enough. */
static double binomial_log10(double n, double n_log10, double k)
{
	if (n < 1e15)
		return (lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)) / M_LN10;
	if (k > 1e12)
		return k * (M_LN2 / M_LN10);
	return k * n_log10 - lgamma(k + 1) / M_LN10;
}

static int binomial_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	double n_digits = operand_top_digits(c, 0), k_digits = operand_top_digits(c, 1), largest;
	mpz_t n, k;

	largest = fmax(n_digits, k_digits);
	if (largest > OPERAND_REDUCE_DIGITS)
		return op_fail_limit(f, OPERAND_REDUCE_DIGITS, largest, "digits",
				     "an argument of binomial is too large");
	mpz_init_set(n, operand_load_integer(c, 0));
	mpz_init_set(k, operand_load_integer(c, 1));
	binomial_normalise(n, k);
	if (mpz_sgn(k) > 0) {
		double times = mpz_sizeinbase(k, 10) > 200 ? 1e200 : mpz_get_d(k);
		double value = mpz_sizeinbase(n, 10) > 200 ? 1e200 : mpz_get_d(n);
		double digits = binomial_log10(value, number_log10_mpz(n), times);
		cost->digits = floor(digits * (1 - 1e-9)) + 1;
		cost->ns = 2 * cost_power(digits) + 40 * times;
	}
	mpz_clears(n, k, NULL);
	return 0;
}

static int binomial_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	mpz_ptr n = operand_load_integer(c, 0), k = operand_load_integer(c, 1);
	bool negative = binomial_normalise(n, k);

	if (mpz_sgn(k) < 0)
		mpz_set_ui(n, 0);
	else if (mpz_fits_ulong_p(n))
		mpz_bin_uiui(n, mpz_get_ui(n), mpz_get_ui(k));
	else
		mpz_bin_ui(n, n, mpz_get_ui(k));
	if (negative)
		mpz_neg(n, n);
	return operand_put_integer(json, n, f);
}

static int isqrt_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	double digits = operand_top_digits(c, 0);

	if (number_sign(op_call_number(c, 0)) < 0)
		return operand_fail(c, 0, f, OP_DOMAIN_ERROR, "expected an integer from 0 on, got a negative one");
	cost->digits = floor(digits / 2);
	cost->ns = cost_sqrt(digits);
	return 0;
}

static int isqrt_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	mpz_ptr n = operand_load_integer(c, 0);

	mpz_sqrt(n, n);
	return operand_put_integer(json, n, f);
}

/* ---- the table ---- */

#define LIST(a) (a), sizeof(a) / sizeof *(a)
#define SIZE_LIMIT "result up to 1,000,000 digits"
#define INTEGER_RESULT "an integer (a string of digits beyond 2^53-1)"
#define INTEGER(n, s)                                                \
	{                                                            \
		.name = (n), .summary = (s), .kind = OP_KIND_INTEGER \
	}
#define MORE(s)                                                                           \
	{                                                                                 \
		.name = "more", .summary = (s), .kind = OP_KIND_INTEGER, .variadic = true \
	}

static const struct op_parameter gcd_parameters[] = { INTEGER("a", "an integer"), MORE("further integers") };
static const struct op_example gcd_examples[] = {
	{ "[12,18]", "6", NULL },
	{ "[\"1000000000000000000000\",-15]", "5", NULL },
	{ "[0,0]", "0", NULL },
	{ "{\"a\":8,\"more\":[12,20]}", "4", NULL },
	{ "[1.5,3]", NULL, "invalid-argument" },
};
static const struct op_example lcm_examples[] = {
	{ "[4,6]", "12", NULL },
	{ "[2,3,-5,7]", "210", NULL },
	{ "[0,5]", "0", NULL },
};

static const struct op_parameter factorial_parameters[] = { INTEGER("n", "an integer from 0 on") };
static const struct op_example factorial_examples[] = {
	{ "[5]", "120", NULL },
	{ "{\"n\":25}", "\"15511210043330985984000000\"", NULL },
	{ "[0]", "1", NULL },
	{ "[-1]", NULL, "domain-error" },
	{ "[1000000]", NULL, "limit-exceeded" },
};

static const struct op_parameter binomial_parameters[] = { INTEGER("n", "an integer, negative ones too"),
							   INTEGER("k", "an integer") };
static const struct op_example binomial_examples[] = {
	{ "[5,2]", "10", NULL },   { "[100,50]", "\"100891344545564193334812497256\"", NULL },
	{ "[5,7]", "0", NULL },    { "[-3,2]", "6", NULL },
	{ "[-3,3]", "-10", NULL },
};

static const struct op_parameter isqrt_parameters[] = { INTEGER("n", "an integer from 0 on") };
static const struct op_example isqrt_examples[] = {
	{ "[144]", "12", NULL },
	{ "[\"200000000000000000000000000000000000000\"]", "\"14142135623730950488\"", NULL },
	{ "[-1]", NULL, "domain-error" },
};

static const struct op ops[] = {
	{ "gcd", "arithmetic", "The greatest common divisor of one or more integers, never negative; gcd(0,0) is 0.",
	  INTEGER_RESULT, "none but the size of the arguments", LIST(gcd_parameters), LIST(gcd_examples),
	  .estimate = gcd_estimate, .run = gcd_run },
	{ "lcm", "arithmetic",
	  "The least common multiple of one or more integers, never negative; 0 if one of them is 0.", INTEGER_RESULT,
	  SIZE_LIMIT, LIST(gcd_parameters), LIST(lcm_examples), .estimate = lcm_estimate, .run = lcm_run },
	{ "factorial", "arithmetic", "n!, the product of the integers from 1 to n.", INTEGER_RESULT,
	  SIZE_LIMIT ": n up to 205,022", LIST(factorial_parameters), LIST(factorial_examples),
	  .estimate = factorial_estimate, .run = factorial_run },
	{ "binomial", "arithmetic",
	  "The binomial coefficient n(n-1)...(n-k+1)/k!; 0 for negative k, and for k > n >= 0.", INTEGER_RESULT,
	  SIZE_LIMIT ", arguments up to 8,192 digits", LIST(binomial_parameters), LIST(binomial_examples),
	  .estimate = binomial_estimate, .run = binomial_run },
	{ "isqrt", "arithmetic", "The integer part of the square root of n.", INTEGER_RESULT,
	  "none but the size of the argument", LIST(isqrt_parameters), LIST(isqrt_examples), .estimate = isqrt_estimate,
	  .run = isqrt_run },
};

const struct op_family op_integer = { LIST(ops) };
