/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Number theory, second part: factors, and what follows from them. Factoring is PARI's (trial division, Pollard-Brent
 * rho, SQUFOF, ECM, MPQS); how long it takes is seen when it is done, so the deadline of the call is the limit. */
#include <math.h>

#include <flint/fmpz_vec.h>

#include "math/answer.h"
#include "math/arg.h"
#include "math/factoring.h"
#include "math/primes.h"

#define SIGMA_POWER_MAX 100000
#define TRIAL_PRIMES_TO 1000000 /* smallest_factor looks this far before it factors */

static int take_factors(struct op_call *c, fmpz_t n, fmpz_factor_t factors, struct op_failure *f)
{
	if (arg_fmpz(c, 0, n, f) != 0)
		return -1;
	return factoring_factor(n, factors, f) == 0 ? 0 : arg_locate(c, 0, f);
}

/* The same for functions of positive integers. */
static int take_positive(struct op_call *c, fmpz_factor_t factors, struct op_failure *f)
{
	fmpz_t n;
	int rc;

	fmpz_init(n);
	rc = arg_fmpz(c, 0, n, f);
	if (rc == 0 && fmpz_sgn(n) <= 0)
		rc = arg_fail(c, 0, f, OP_DOMAIN_ERROR, "%s: expected an integer from 1 on, got %s", c->op->name,
			      fmpz_is_zero(n) ? "0" : "a negative one");
	if (rc == 0)
		rc = take_factors(c, n, factors, f);
	fmpz_clear(n);
	return rc;
}

static int factor_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	fmpz_factor_t factors;
	fmpz_t n;
	int rc;

	fmpz_init(n);
	fmpz_factor_init(factors);
	rc = take_factors(c, n, factors, f);
	buf_byte(json, '[');
	if (rc == 0 && factors->sign < 0)
		buf_puts(json, factors->num ? "[-1,1]," : "[-1,1]");
	for (slong i = 0; i < factors->num && rc == 0; i++) {
		buf_puts(json, i ? ",[" : "[");
		rc = answer_fmpz(json, factors->p + i, f);
		buf_byte(json, ',');
		buf_uint(json, factors->exp[i]);
		buf_byte(json, ']');
	}
	buf_byte(json, ']');
	fmpz_factor_clear(factors);
	fmpz_clear(n);
	return rc;
}

static int divisors_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	fmpz_factor_t factors;
	fmpz_t n;
	int rc;

	fmpz_init(n);
	fmpz_factor_init(factors);
	rc = take_factors(c, n, factors, f);
	double count = factoring_divisor_count(factors);
	if (rc == 0 && count > FACTORING_DIVISORS_MAX)
		rc = op_fail_limit(f, FACTORING_DIVISORS_MAX, count, "divisors", "there are too many divisors");
	if (rc == 0) {
		fmpz *all = factoring_divisors(factors);
		rc = answer_fmpz_vector(json, all, (slong)count, f);
		_fmpz_vec_clear(all, (slong)count);
	}
	fmpz_factor_clear(factors);
	fmpz_clear(n);
	return rc;
}

/* sigma_k(p^e) = (p^(k(e+1)) - 1) / (p^k - 1). */
static void sigma_of(fmpz_t out, const fmpz_factor_t n, ulong k)
{
	fmpz_t top, bottom;

	fmpz_init(top);
	fmpz_init(bottom);
	fmpz_one(out);
	for (slong i = 0; i < n->num; i++) {
		if (k == 0) {
			fmpz_mul_ui(out, out, n->exp[i] + 1);
			continue;
		}
		fmpz_pow_ui(bottom, n->p + i, k);
		fmpz_pow_ui(top, bottom, n->exp[i] + 1);
		fmpz_sub_ui(top, top, 1);
		fmpz_sub_ui(bottom, bottom, 1);
		fmpz_divexact(top, top, bottom);
		fmpz_mul(out, out, top);
	}
	fmpz_clear(bottom);
	fmpz_clear(top);
}

static int sigma_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	fmpz_factor_t factors;
	fmpz_t n, out;
	slong k = 1;
	int rc;

	if (op_call_given(c, 1) && arg_long(c, 1, 0, SIGMA_POWER_MAX, &k, f) != 0)
		return -1;
	fmpz_init(n);
	fmpz_init(out);
	fmpz_factor_init(factors);
	rc = arg_fmpz(c, 0, n, f);
	if (rc == 0)
		rc = answer_check_cost(c, 0, (double)k * fmax(0, fmpz_dlog(n) / M_LN10 - 1), f);
	if (rc == 0)
		rc = take_positive(c, factors, f);
	if (rc == 0) {
		sigma_of(out, factors, (ulong)k);
		rc = answer_fmpz(json, out, f);
	}
	fmpz_factor_clear(factors);
	fmpz_clear(out);
	fmpz_clear(n);
	return rc;
}

static int totient_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	fmpz_factor_t factors;
	fmpz_t out;
	int rc;

	fmpz_init(out);
	fmpz_factor_init(factors);
	rc = take_positive(c, factors, f);
	if (rc == 0) {
		factoring_totient(out, factors);
		rc = answer_fmpz(json, out, f);
	}
	fmpz_factor_clear(factors);
	fmpz_clear(out);
	return rc;
}

static int moebius_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	fmpz_factor_t factors;
	int rc;

	fmpz_factor_init(factors);
	rc = take_positive(c, factors, f);
	if (rc == 0) {
		int value = factors->num % 2 ? -1 : 1;
		for (slong i = 0; i < factors->num; i++)
			if (factors->exp[i] > 1)
				value = 0;
		buf_int(json, value);
	}
	fmpz_factor_clear(factors);
	return rc;
}

/* ---- smallest_factor ---- */

struct trial {
	mpz_srcptr n;
	unsigned long found; /* 0: none */
};

static bool try_prime(const mpz_t prime, void *arg)
{
	struct trial *t = arg;

	if (mpz_divisible_p(t->n, prime))
		t->found = mpz_get_ui(prime);
	return t->found == 0;
}

static int trial_divide(const fmpz_t n, unsigned long *found, struct op_failure *f)
{
	mpz_t v, from, to;
	struct trial t = { .n = v };

	mpz_init(v);
	fmpz_get_mpz(v, n);
	mpz_init_set_ui(from, 2);
	mpz_init_set_ui(to, TRIAL_PRIMES_TO);
	int rc = primes_between(from, to, try_prime, &t);
	mpz_clears(v, from, to, NULL);
	*found = t.found;
	return rc == 0 ? 0 : op_fail(f, OP_INTERNAL_ERROR, "out of memory for the sieve");
}

static int smallest_factor_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	fmpz_factor_t factors;
	unsigned long small = 0;
	fmpz_t n;
	int rc;

	fmpz_init(n);
	fmpz_factor_init(factors);
	rc = arg_fmpz(c, 0, n, f);
	if (rc == 0 && fmpz_cmpabs(n, (fmpz[1]){ 2 }) < 0)
		rc = arg_fail(
		    c, 0, f, OP_DOMAIN_ERROR,
		    "smallest_factor: expected an integer of absolute value 2 or more, which has a prime factor");
	if (rc == 0)
		rc = trial_divide(n, &small, f);
	if (rc == 0 && small) {
		buf_uint(json, small);
	} else if (rc == 0) {
		rc = factoring_factor(n, factors, f) == 0 ? 0 : arg_locate(c, 0, f);
		if (rc == 0)
			rc = answer_fmpz(json, factors->p, f);
	}
	fmpz_factor_clear(factors);
	fmpz_clear(n);
	return rc;
}

/* ---- the table ---- */

#define LIST(a) (a), sizeof(a) / sizeof *(a)
#define FAMILY "number theory"
#define INTEGER_RESULT "an integer (a string of digits beyond 2^53-1)"
#define FACTOR_LIMIT "up to 1,000 digits, and what the time allows: any integer of 60 digits in seconds"
#define INTEGER(n, s)                                                \
	{                                                            \
		.name = (n), .summary = (s), .kind = OP_KIND_INTEGER \
	}

static const struct op_parameter factor_parameters[] = { INTEGER("n", "an integer other than 0") };
static const struct op_parameter positive_parameters[] = { INTEGER("n", "an integer from 1 on") };
static const struct op_example factor_examples[] = {
	{ "[360]", "[[2,3],[3,2],[5,1]]", NULL },
	{ "[1]", "[]", NULL },
	{ "[-12]", "[[-1,1],[2,2],[3,1]]", NULL },
	{ "[\"340282366920938463463374607431768211457\"]", "[[\"59649589127497217\",1],[\"5704689200685129054721\",1]]",
	  NULL },
	{ "[0]", NULL, "domain-error" },
};
static const struct op_example divisors_examples[] = {
	{ "[28]", "[1,2,4,7,14,28]", NULL },
	{ "[-9]", "[1,3,9]", NULL },
	{ "[0]", NULL, "domain-error" },
};
static const struct op_parameter sigma_parameters[] = {
	INTEGER("n", "an integer from 1 on"),
	{ .name = "k",
	  .summary = "the power of the divisors; 1 if not given, 0 counts them",
	  .kind = OP_KIND_INTEGER,
	  .optional = true,
	  .bounded = true,
	  .min = 0,
	  .max = SIGMA_POWER_MAX },
};
static const struct op_example sigma_examples[] = {
	{ "[28]", "56", NULL },
	{ "[28,0]", "6", NULL },
	{ "{\"n\":12,\"k\":2}", "210", NULL },
	{ "[0]", NULL, "domain-error" },
	{ "[6,-1]", NULL, "invalid-argument" },
};
static const struct op_example totient_examples[] = {
	{ "[36]", "12", NULL },
	{ "[1]", "1", NULL },
	{ "[0]", NULL, "domain-error" },
};
static const struct op_example moebius_examples[] = {
	{ "[30]", "-1", NULL },
	{ "[12]", "0", NULL },
	{ "[1]", "1", NULL },
	{ "[-1]", NULL, "domain-error" },
};
static const struct op_parameter smallest_parameters[] = { INTEGER("n", "an integer other than -1, 0 and 1") };
static const struct op_example smallest_examples[] = {
	{ "[91]", "7", NULL },
	{ "[97]", "97", NULL },
	{ "[\"4611686014132420609\"]", "2147483647", NULL },
	{ "[1]", NULL, "domain-error" },
};

static const struct op ops[] = {
	{ "factor", FAMILY,
	  "The prime factors and their exponents, ascending by prime; a negative n has the factor -1. Factors of up to "
	  "150 "
	  "digits are proven prime, longer ones have passed Baillie-PSW.",
	  "an array of pairs [p, e]", FACTOR_LIMIT, LIST(factor_parameters), LIST(factor_examples),
	  .compute = factor_compute },
	{ "divisors", FAMILY, "All positive divisors of n, ascending.", "an array of integers",
	  "100,000 divisors; n " FACTOR_LIMIT, LIST(factor_parameters), LIST(divisors_examples),
	  .compute = divisors_compute },
	{ "sigma", FAMILY, "The sum of the k-th powers of the positive divisors of n.", INTEGER_RESULT,
	  "k up to 100,000, a result of 1,000,000 digits; n " FACTOR_LIMIT, LIST(sigma_parameters),
	  LIST(sigma_examples), .compute = sigma_compute },
	{ "totient", FAMILY, "Euler's phi: how many of 1, ..., n are coprime to n.", INTEGER_RESULT, FACTOR_LIMIT,
	  LIST(positive_parameters), LIST(totient_examples), .compute = totient_compute },
	{ "moebius", FAMILY,
	  "The Moebius function: 0 if a square divides n, else 1 or -1 as the number of primes is even or odd.",
	  "-1, 0 or 1", FACTOR_LIMIT, LIST(positive_parameters), LIST(moebius_examples), .compute = moebius_compute },
	{ "smallest_factor", FAMILY, "The least prime that divides n.", INTEGER_RESULT, FACTOR_LIMIT,
	  LIST(smallest_parameters), LIST(smallest_examples), .compute = smallest_factor_compute },
};

const struct op_family op_factor = { LIST(ops) };
