/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Number theory, fourth part: numbers that count, and sequences. All exact. Fibonacci, Lucas and Catalan numbers are
 * computed on GMP where they arrive if they are short; the others by FLINT and Arb in compute children. */
#include <bernoulli.h>
#include <flint/arith.h>
#include <math.h>
#include <partitions.h>

#include "cost.h"
#include "math/answer.h"
#include "math/arg.h"
#include "ops/operand.h"

#define FIBONACCI_DIGITS 0.20898764024997873 /* log10 of the golden ratio */
#define STIRLING1_MAX 10000
#define STIRLING2_MAX 50000

/* ---- what the computed ones take ---- */

/* An index from 0 on; a negative one lies outside the domain. */
static int take_index(struct op_call *c, size_t i, double *out, struct op_failure *f)
{
	fmpz_t n;
	int rc;

	fmpz_init(n);
	rc = arg_fmpz(c, i, n, f);
	if (rc == 0 && fmpz_sgn(n) < 0)
		rc = arg_fail(c, i, f, OP_DOMAIN_ERROR, "%s: expected an integer from 0 on, got a negative one",
			      c->op->name);
	*out = fmpz_sizeinbase(n, 2) > 1000 ? 1e300 : fmpz_get_d(n);
	fmpz_clear(n);
	return rc;
}

static int put_fmpz(struct buf *json, fmpz_t v, struct op_failure *f)
{
	int rc = answer_fmpz(json, v, f);

	fmpz_clear(v);
	return rc;
}

/* Times are measured ones at n = at, on one ordinary core, and how they grow. */
static double scaled(double seconds, double n, double at, double power)
{
	return seconds * 1e9 * pow(n / at, power);
}

/* ---- partitions, bell ---- */

/* Hardy and Ramanujan: p(n) ~ exp(pi sqrt(2n/3)) / (4 n sqrt(3)). */
static int partitions_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	double n;
	fmpz_t out;

	if (take_index(c, 0, &n, f) != 0)
		return -1;
	double digits = n < 1 ? 1 : (M_PI * sqrt(2 * n / 3) - log(4 * n * sqrt(3))) / M_LN10;
	if (answer_check_cost(c, scaled(8, n, 8e11, 0.7), floor(digits * (1 - 1e-6)), f) != 0)
		return arg_locate(c, 0, f);
	fmpz_init(out);
	partitions_fmpz_ui(out, (ulong)n);
	return put_fmpz(json, out, f);
}

static int bell_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	double n;
	fmpz_t out;

	if (take_index(c, 0, &n, f) != 0)
		return -1;
	/* The bound of arith_bell_number_size() is within a percent of log2 B(n) for n of this size. */
	double digits = n > 1e9 ? 1e300 : 0.95 * arith_bell_number_size((ulong)n) * (M_LN2 / M_LN10);
	if (answer_check_cost(c, n > 1e9 ? 0 : scaled(0.35, n, 10000, 2.15), digits, f) != 0)
		return arg_locate(c, 0, f);
	fmpz_init(out);
	arith_bell_number(out, (ulong)n);
	return put_fmpz(json, out, f);
}

/* ---- stirling1, stirling2 ---- */

typedef void stirling(fmpz_t out, ulong n, ulong k);

static int stirling_compute(struct op_call *c, struct buf *json, stirling *number, double max, struct op_failure *f)
{
	double n, k;
	fmpz_t out;

	if (take_index(c, 0, &n, f) != 0 || take_index(c, 1, &k, f) != 0)
		return -1;
	fmpz_init(out);
	if (k <= n) {
		if (n > max) {
			op_fail_limit(f, max, n, "n", "n is too large for Stirling numbers");
			return arg_locate(c, 0, f);
		}
		double seconds = number == arith_stirling_number_1 ? 0.5 : 0.03;
		if (answer_check_cost(c, scaled(seconds, n, 5000, 2.3), 0, f) != 0)
			return arg_locate(c, 0, f);
		number(out, (ulong)n, (ulong)k);
	}
	return put_fmpz(json, out, f);
}

static int stirling1_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return stirling_compute(c, json, arith_stirling_number_1, STIRLING1_MAX, f);
}

static int stirling2_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return stirling_compute(c, json, arith_stirling_number_2, STIRLING2_MAX, f);
}

/* ---- bernoulli, harmonic ---- */

static int put_fmpq(struct op_call *c, struct buf *json, fmpq_t v, struct op_failure *f)
{
	int rc =
	    c->precision > 0 && !fmpz_is_one(fmpq_denref(v)) ? answer_rounded(c, json, v, f) : answer_fmpq(json, v, f);

	fmpq_clear(v);
	return rc;
}

/* |B(n)| ~ 2 n! / (2 pi)^n for even n. */
static int bernoulli_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	double n;
	fmpz_t index;
	fmpq_t out;

	if (take_index(c, 0, &n, f) != 0)
		return -1;
	fmpz_init(index);
	int rc = arg_fmpz(c, 0, index, f);
	bool zero = fmpz_is_odd(index) && !fmpz_is_one(index);
	fmpz_clear(index);
	if (rc != 0)
		return -1;
	if (zero) {
		buf_byte(json, '0');
		return 0;
	}
	double digits = n < 10 ? 1 : (lgamma(n + 1) - n * log(2 * M_PI)) / M_LN10;
	if (answer_check_cost(c, scaled(2, n, 200000, 1.7), floor(digits * (1 - 1e-6)), f) != 0)
		return arg_locate(c, 0, f);
	fmpq_init(out);
	bernoulli_fmpq_ui(out, (ulong)n);
	return put_fmpq(c, json, out, f);
}

/* Numerator and denominator grow like e^n. */
static int harmonic_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	double n;
	fmpq_t out;

	if (take_index(c, 0, &n, f) != 0)
		return -1;
	if (answer_check_cost(c, scaled(0.8, n, 1e6, 1.2), n < 1000 ? 0 : 0.85 * n, f) != 0)
		return arg_locate(c, 0, f);
	fmpq_init(out);
	arith_harmonic_number(out, (slong)n);
	return put_fmpq(c, json, out, f);
}

/* ---- fibonacci, lucas, catalan ---- */

static double magnitude(struct op_call *c, size_t i)
{
	const struct number *n = op_call_number(c, i);

	if (n->form == NUMBER_SMALL)
		return fabs((double)n->small);
	return fmin(pow(10, number_log10(n)), 1e300);
}

static int fibonacci_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	double digits = magnitude(c, 0) * FIBONACCI_DIGITS;

	(void)f;
	cost->digits = digits < 10 ? 1 : floor((digits - 0.35) * (1 - 1e-13)) + 1;
	cost->ns = 500 + 2 * cost_power(digits);
	return 0;
}

/* F(-n) = (-1)^(n+1) F(n); L(-n) = (-1)^n L(n). */
static int fibonacci_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	mpz_ptr n = operand_load_integer(c, 0);
	bool turn = mpz_sgn(n) < 0 && mpz_even_p(n);

	mpz_fib_ui(n, mpz_get_ui(n));
	if (turn)
		mpz_neg(n, n);
	return operand_put_integer(json, n, f);
}

static int lucas_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	double digits = magnitude(c, 0) * FIBONACCI_DIGITS;

	(void)f;
	cost->digits = digits < 10 ? 1 : floor(digits * (1 - 1e-13)) + 1;
	cost->ns = 500 + 2 * cost_power(digits);
	return 0;
}

static int lucas_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	mpz_ptr n = operand_load_integer(c, 0);
	bool turn = mpz_sgn(n) < 0 && mpz_odd_p(n);

	mpz_lucnum_ui(n, mpz_get_ui(n));
	if (turn)
		mpz_neg(n, n);
	return operand_put_integer(json, n, f);
}

/* C(n) ~ 4^n / (n^(3/2) sqrt(pi)). */
static int catalan_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	double n = magnitude(c, 0);

	if (number_sign(op_call_number(c, 0)) < 0)
		return operand_fail(c, 0, f, OP_DOMAIN_ERROR, "expected an integer from 0 on, got a negative one");
	double digits = n < 10 ? 1 : (n * log(4) - 1.5 * log(n) - 0.5 * log(M_PI)) / M_LN10;
	cost->digits = floor(digits * (1 - 1e-9) - 1.0 / (n + 1));
	cost->ns = 500 + 2 * cost_power(digits) + 40 * fmin(n, 1e300);
	return 0;
}

static int catalan_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	mpz_ptr v = operand_load_integer(c, 0);
	unsigned long n = mpz_get_ui(v);

	mpz_bin_uiui(v, 2 * n, n);
	mpz_divexact_ui(v, v, n + 1);
	return operand_put_integer(json, v, f);
}

/* ---- the table ---- */

#define LIST(a) (a), sizeof(a) / sizeof *(a)
#define FAMILY "number theory"
#define INTEGER_RESULT "an integer (a string of digits beyond 2^53-1)"
#define RATIONAL_RESULT "an integer or a fraction \"p/q\" in lowest terms; with `precision`, that many digits of it"
#define SIZE_LIMIT "result up to 1,000,000 digits"
#define INTEGER(n, s)                                                \
	{                                                            \
		.name = (n), .summary = (s), .kind = OP_KIND_INTEGER \
	}
#define PRECISION                                                                                                   \
	{                                                                                                           \
		.name = "precision", .summary = "significant digits, if not a fraction", .kind = OP_KIND_PRECISION, \
		.named = true                                                                                       \
	}

static const struct op_parameter index_parameters[] = { INTEGER("n", "an integer from 0 on") };
static const struct op_parameter any_parameters[] = { INTEGER("n", "an integer, negative ones too") };
static const struct op_parameter fraction_parameters[] = { INTEGER("n", "an integer from 0 on"), PRECISION };
static const struct op_parameter stirling_parameters[] = { INTEGER("n", "how many elements, from 0 on"),
							   INTEGER("k", "how many cycles or sets, from 0 on") };
static const struct op_example partitions_examples[] = {
	{ "[5]", "7", NULL },
	{ "[100]", "190569292", NULL },
	{ "[-1]", NULL, "domain-error" },
	{ "[1000000000000]", NULL, "limit-exceeded" },
};
static const struct op_example bell_examples[] = {
	{ "[5]", "52", NULL },
	{ "[25]", "\"4638590332229999353\"", NULL },
	{ "[-1]", NULL, "domain-error" },
};
static const struct op_example catalan_examples[] = {
	{ "[5]", "42", NULL },
	{ "[35]", "\"3116285494907301262\"", NULL },
	{ "[-1]", NULL, "domain-error" },
};
static const struct op_example stirling1_examples[] = {
	{ "[5,2]", "-50", NULL },
	{ "[10,3]", "-1172700", NULL },
	{ "[3,5]", "0", NULL },
	{ "[-1,2]", NULL, "domain-error" },
};
static const struct op_example stirling2_examples[] = {
	{ "[5,2]", "15", NULL },
	{ "[10,3]", "9330", NULL },
	{ "[3,5]", "0", NULL },
	{ "[1000000,5]", NULL, "limit-exceeded" },
};
static const struct op_example bernoulli_examples[] = {
	{ "[1]", "\"-1/2\"", NULL },
	{ "[12]", "\"-691/2730\"", NULL },
	{ "[15]", "0", NULL },
	{ "[-2]", NULL, "domain-error" },
};
static const struct op_example fibonacci_examples[] = {
	{ "[10]", "55", NULL },
	{ "[-8]", "-21", NULL },
	{ "[100]", "\"354224848179261915075\"", NULL },
	{ "[\"1e9\"]", NULL, "limit-exceeded" },
};
static const struct op_example lucas_examples[] = {
	{ "[10]", "123", NULL },
	{ "[0]", "2", NULL },
	{ "[-3]", "-4", NULL },
};
static const struct op_example harmonic_examples[] = {
	{ "[4]", "\"25/12\"", NULL },
	{ "{\"n\":10,\"precision\":20}", "\"2.9289682539682539683\"", NULL },
	{ "[0]", "0", NULL },
	{ "[-1]", NULL, "domain-error" },
};

static const struct op ops[] = {
	{ "partitions", FAMILY, "In how many ways n is a sum of positive integers, regardless of their order.",
	  INTEGER_RESULT, SIZE_LIMIT, LIST(index_parameters), LIST(partitions_examples),
	  .compute = partitions_compute },
	{ "bell", FAMILY, "The n-th Bell number: in how many ways a set of n elements is a union of disjoint ones.",
	  INTEGER_RESULT, SIZE_LIMIT ", and what the time allows: n = 30,000 in 5 s", LIST(index_parameters),
	  LIST(bell_examples), .compute = bell_compute },
	{ "catalan", FAMILY, "The n-th Catalan number, binomial(2n,n)/(n+1).", INTEGER_RESULT, SIZE_LIMIT,
	  LIST(index_parameters), LIST(catalan_examples), .estimate = catalan_estimate, .run = catalan_run },
	{ "stirling1", FAMILY,
	  "The signed Stirling number of the first kind: x(x-1)...(x-n+1) has the coefficients s(n,k).", INTEGER_RESULT,
	  "n up to 10,000", LIST(stirling_parameters), LIST(stirling1_examples), .compute = stirling1_compute },
	{ "stirling2", FAMILY,
	  "The Stirling number of the second kind: in how many ways n elements form k sets that are not empty.",
	  INTEGER_RESULT, "n up to 50,000", LIST(stirling_parameters), LIST(stirling2_examples),
	  .compute = stirling2_compute },
	{ "bernoulli", FAMILY, "The n-th Bernoulli number; B(1) is -1/2.", RATIONAL_RESULT, SIZE_LIMIT,
	  LIST(fraction_parameters), LIST(bernoulli_examples), .compute = bernoulli_compute },
	{ "fibonacci", FAMILY, "The n-th Fibonacci number: F(0) = 0, F(1) = 1; F(-n) = (-1)^(n+1) F(n).",
	  INTEGER_RESULT, SIZE_LIMIT, LIST(any_parameters), LIST(fibonacci_examples), .estimate = fibonacci_estimate,
	  .run = fibonacci_run },
	{ "lucas", FAMILY, "The n-th Lucas number: L(0) = 2, L(1) = 1; L(-n) = (-1)^n L(n).", INTEGER_RESULT,
	  SIZE_LIMIT, LIST(any_parameters), LIST(lucas_examples), .estimate = lucas_estimate, .run = lucas_run },
	{ "harmonic", FAMILY, "The n-th harmonic number, 1 + 1/2 + ... + 1/n.", RATIONAL_RESULT, SIZE_LIMIT,
	  LIST(fraction_parameters), LIST(harmonic_examples), .compute = harmonic_compute },
};

const struct op_family op_combinatorics = { LIST(ops) };
