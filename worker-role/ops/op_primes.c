/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Number theory, first part: primes, one by one and counted. Short integers are answered on GMP where they arrive. */
#include <math.h>

#include "cost.h"
#include "math/answer.h"
#include "math/arg.h"
#include "math/factoring.h"
#include "math/primes.h"
#include "ops/operand.h"
#include "ops/prime_split.h"

#define PROVEN_BITS 64    /* Baillie-PSW is a proof up to here */
#define SMALL_PRIME 16384 /* below, the next prime is found without a wheel */
#define WHEEL_NS 80000.0  /* to set the wheel up */
#define PROOF_DIGITS 1000 /* a proof is tried up to here */

/* One modular power with an exponent as long as the modulus. */
static double power_cost(double digits)
{
	return 4 * digits * cost_mul(digits, digits);
}

/* ---- is_prime ---- */

static bool wants_proof(struct op_call *c)
{
	return arg_flag(c, 1, false);
}

static int is_prime_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	double digits = operand_top_digits(c, 0);

	if (number_sign(op_call_number(c, 0)) <= 0)
		return 0;
	cost->ns = 4 * power_cost(digits);
	if (!wants_proof(c) || digits <= NUMBER_SMALL_DIGITS)
		return 0;
	if (digits > PROOF_DIGITS + 1)
		return op_fail_limit(f, PROOF_DIGITS, digits, "digits", "the integer is too long for a proof");
	cost->ns += OP_IN_LOOP_NS;
	return 0;
}

static int is_prime_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	mpz_ptr n = operand_load_integer(c, 0);
	bool prime = primes_is(n);
	fmpz_t v;
	int rc = 0;

	if (prime && wants_proof(c) && mpz_sizeinbase(n, 2) > PROVEN_BITS) {
		fmpz_init(v);
		fmpz_set_mpz(v, n);
		rc = factoring_is_prime(v, &prime, f);
		fmpz_clear(v);
	}
	if (rc == 0)
		buf_puts(json, prime ? "true" : "false");
	return rc;
}

/* ---- next_prime, prev_prime ---- */

static int next_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	double digits = operand_top_digits(c, 0);

	(void)f;
	cost->digits = 0; /* one more than n has, at most */
	cost->ns = 5000;
	if (operand_is_small(c, 0) && operand_small(c, 0) <= SMALL_PRIME)
		return 0;
	if (number_sign(op_call_number(c, 0)) > 0)
		cost->ns = WHEEL_NS + 40000 * digits + (0.16 * digits + 4) * power_cost(digits);
	return 0;
}

static int next_prime_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	mpz_ptr n = operand_load_integer(c, 0);

	primes_next(n, true);
	return operand_put_integer(json, n, f);
}

static int prev_prime_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	const struct number *n = op_call_number(c, 0);

	if (number_sign(n) <= 0 || (n->form == NUMBER_SMALL && n->small <= 2))
		return operand_fail(c, 0, f, OP_DOMAIN_ERROR, "expected an integer from 3 on: no prime is less than 2");
	return next_estimate(c, cost, f);
}

static int prev_prime_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	mpz_ptr n = operand_load_integer(c, 0);

	primes_next(n, false);
	return operand_put_integer(json, n, f);
}

/* ---- prime_count, nth_prime ---- */

static int put_count(struct buf *json, int64_t v, struct op_failure *f)
{
	if (v < 0)
		return op_fail(f, OP_INTERNAL_ERROR, "out of memory for the sieve");
	number_put_int(json, v);
	return 0;
}

int prime_split_read_count(struct op_call *c, int64_t *out, struct op_failure *f)
{
	fmpq_t x;
	fmpz_t n;
	int rc;

	fmpq_init(x);
	fmpz_init(n);
	rc = arg_fmpq(c, 0, x, f);
	fmpz_fdiv_q(n, fmpq_numref(x), fmpq_denref(x));
	if (rc == 0 && fmpz_cmp_si(n, PRIMES_COUNT_MAX) > 0) {
		op_fail_limit(f, (double)PRIMES_COUNT_MAX, fmpz_get_d(n), "x", "prime_count goes up to 10^13");
		rc = arg_locate(c, 0, f);
	}
	if (rc == 0)
		*out = fmpz_sgn(n) < 0 ? 0 : fmpz_get_si(n);
	fmpz_clear(n);
	fmpq_clear(x);
	return rc;
}

static int prime_count_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	int64_t x;

	return prime_split_read_count(c, &x, f) == 0 ? put_count(json, primes_count(x), f) : -1;
}

static int nth_prime_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	slong n;

	if (arg_long(c, 0, 1, PRIMES_NTH_MAX, &n, f) != 0)
		return -1;
	return put_count(json, primes_nth(n), f);
}

/* ---- primes_between ---- */

struct listing {
	struct buf *json;
	size_t start;
};

static bool list_prime(const mpz_t prime, void *arg)
{
	struct listing *l = arg;

	if (l->json->data[l->json->len - 1] != '[')
		buf_byte(l->json, ',');
	number_put_mpz(l->json, prime);
	return !l->json->failed && l->json->len - l->start <= OP_RESULT_MAX;
}

/* The prime number theorem says how many to expect; refused is what is beyond the limit by a wide margin. */
static int check_list(struct op_call *c, const mpz_t from, const mpz_t to, struct op_failure *f)
{
	double digits = (double)mpz_sizeinbase(to, 10), log_to = fmax(1, number_log10_mpz(to) * M_LN10);
	mpz_t width;

	mpz_init(width);
	mpz_sub(width, to, from);
	double span = mpz_sizeinbase(width, 2) > 1000 ? 1e300 : mpz_get_d(width);
	mpz_clear(width);
	double bytes = span / log_to * (digits + (digits > 15 ? 3 : 1));
	if (0.8 * bytes > OP_RESULT_MAX)
		return op_fail_limit(f, OP_RESULT_MAX, bytes, "bytes", "the list of primes is too long");
	return answer_check_cost(c, prime_split_between_ns(from, to), 0, f);
}

double prime_split_between_ns(const mpz_t from, const mpz_t to)
{
	double digits = (double)mpz_sizeinbase(to, 10), span;
	mpz_t width;

	mpz_init(width);
	mpz_sub(width, to, from);
	span = mpz_sizeinbase(width, 2) > 1000 ? 1e300 : mpz_get_d(width);
	mpz_clear(width);
	return 10 * span + (digits > 13 ? span / 15 * power_cost(digits) : 0);
}

int prime_split_read_between(struct op_call *c, mpz_t from, mpz_t to, struct op_failure *f)
{
	fmpz_t v;
	int rc;

	fmpz_init(v);
	rc = arg_fmpz(c, 0, v, f);
	fmpz_get_mpz(from, v);
	if (rc == 0)
		rc = arg_fmpz(c, 1, v, f);
	fmpz_get_mpz(to, v);
	fmpz_clear(v);
	if (rc == 0 && mpz_cmp(from, to) > 0)
		rc = arg_fail(c, 1, f, OP_INVALID_ARGUMENT, "primes_between: expected b not less than a");
	if (mpz_sgn(from) < 0)
		mpz_set_ui(from, 0);
	return rc == 0 && mpz_cmp_ui(to, 2) >= 0 ? check_list(c, from, to, f) : rc;
}

int prime_split_list(const mpz_t from, const mpz_t to, struct buf *json, struct op_failure *f)
{
	struct listing l = { json, json->len };
	int rc = 0;

	buf_byte(json, '[');
	if (mpz_cmp_ui(to, 2) >= 0 && primes_between(from, to, list_prime, &l) != 0)
		rc = op_fail(f, OP_INTERNAL_ERROR, "out of memory for the sieve");
	buf_byte(json, ']');
	return rc;
}

static int primes_between_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	mpz_t from, to;

	mpz_inits(from, to, NULL);
	int rc = prime_split_read_between(c, from, to, f);
	if (rc == 0)
		rc = prime_split_list(from, to, json, f);
	mpz_clears(from, to, NULL);
	return rc;
}

/* ---- the table ---- */

#define LIST(a) (a), sizeof(a) / sizeof *(a)
#define FAMILY "number theory"
#define INTEGER_RESULT "an integer (a string of digits beyond 2^53-1)"
#define PRIME_MEANS " Prime means Baillie-PSW with a further Miller-Rabin round: a proof below 2^64."
#define INTEGER(n, s)                                                \
	{                                                            \
		.name = (n), .summary = (s), .kind = OP_KIND_INTEGER \
	}

static const struct op_parameter is_prime_parameters[] = {
	INTEGER("n", "an integer"),
	{ .name = "proof",
	  .summary = "prove it (ECPP or APRCL) beyond 2^64, too",
	  .kind = OP_KIND_BOOLEAN,
	  .optional = true },
};
static const struct op_example is_prime_examples[] = {
	{ "[97]", "true", NULL },
	{ "[561]", "false", NULL },
	{ "[\"170141183460469231731687303715884105727\"]", "true", NULL },
	{ "{\"n\":\"18446744073709551557\",\"proof\":true}", "true", NULL },
	{ "[-7]", "false", NULL },
	{ "[1.5]", NULL, "invalid-argument" },
};
static const struct op_parameter n_parameters[] = { INTEGER("n", "an integer") };
static const struct op_example next_prime_examples[] = {
	{ "[7]", "11", NULL },
	{ "[-5]", "2", NULL },
	{ "[\"1e20\"]", "\"100000000000000000039\"", NULL },
};
static const struct op_example prev_prime_examples[] = {
	{ "[7]", "5", NULL },
	{ "[\"1e20\"]", "\"99999999999999999989\"", NULL },
	{ "[2]", NULL, "domain-error" },
};
static const struct op_parameter nth_prime_parameters[] = {
	{ .name = "n",
	  .summary = "which one, from 1 on",
	  .kind = OP_KIND_INTEGER,
	  .bounded = true,
	  .min = 1,
	  .max = PRIMES_NTH_MAX },
};
static const struct op_example nth_prime_examples[] = {
	{ "[1]", "2", NULL },
	{ "[1000000]", "15485863", NULL },
	{ "[0]", NULL, "invalid-argument" },
	{ "[\"1e18\"]", NULL, "limit-exceeded" },
};
static const struct op_parameter prime_count_parameters[] = {
	{ .name = "x", .summary = "a real number", .kind = OP_KIND_NUMBER },
};
static const struct op_example prime_count_examples[] = {
	{ "[100]", "25", NULL },
	{ "[1000000000]", "50847534", NULL },
	{ "[\"21/2\"]", "4", NULL },
	{ "[\"1e18\"]", NULL, "limit-exceeded" },
};
static const struct op_parameter between_parameters[] = { INTEGER("a", "where to begin"),
							  INTEGER("b", "where to end, not less than a") };
static const struct op_example between_examples[] = {
	{ "[10,30]", "[11,13,17,19,23,29]", NULL },
	{ "[2,3]", "[2,3]", NULL },
	{ "[24,28]", "[]", NULL },
	{ "[\"1000000000000000000000\",\"1000000000000000000200\"]",
	  "[\"1000000000000000000117\",\"1000000000000000000193\"]", NULL },
	{ "[30,10]", NULL, "invalid-argument" },
	{ "[0,\"1e18\"]", NULL, "limit-exceeded" },
};

static const struct op_split prime_count_split = { .weigh = prime_split_weigh_count,
						   .plan = prime_split_plan_count,
						   .part = prime_split_part_count,
						   .gather = prime_split_gather_count };
static const struct op_split between_split = { .weigh = prime_split_weigh_between,
					       .plan = prime_split_plan_between,
					       .part = prime_split_part_between,
					       .gather = prime_split_gather_between };

static const struct op ops[] = {
	{ "is_prime", FAMILY, "Whether n is prime." PRIME_MEANS " With `proof`, larger ones are proven.",
	  "true or false", "with proof: up to 1,000 digits", LIST(is_prime_parameters), LIST(is_prime_examples),
	  .estimate = is_prime_estimate, .run = is_prime_run },
	{ "next_prime", FAMILY, "The least prime greater than n." PRIME_MEANS, INTEGER_RESULT, "what the time allows",
	  LIST(n_parameters), LIST(next_prime_examples), .estimate = next_estimate, .run = next_prime_run },
	{ "prev_prime", FAMILY, "The greatest prime less than n." PRIME_MEANS, INTEGER_RESULT, "what the time allows",
	  LIST(n_parameters), LIST(prev_prime_examples), .estimate = prev_prime_estimate, .run = prev_prime_run },
	{ "nth_prime", FAMILY, "The n-th prime; the first is 2.", INTEGER_RESULT,
	  "n up to 346,065,536,839 (the primes up to 10^13)", LIST(nth_prime_parameters), LIST(nth_prime_examples),
	  .compute = nth_prime_compute },
	{ "prime_count", FAMILY, "How many primes are not greater than x.", INTEGER_RESULT, "x up to 10^13",
	  LIST(prime_count_parameters), LIST(prime_count_examples), .compute = prime_count_compute,
	  .split = &prime_count_split },
	{ "primes_between", FAMILY, "The primes from a to b, both included, ascending." PRIME_MEANS,
	  "an array of integers", "a result of 1 MiB, and what the time allows", LIST(between_parameters),
	  LIST(between_examples), .compute = primes_between_compute, .split = &between_split },
};

const struct op_family op_primes = { LIST(ops) };
