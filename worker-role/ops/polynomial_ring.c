/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arithmetic, values, resultants. */
#include <math.h>

#include "math/answer.h"
#include "math/arg.h"
#include "ops/polynomial.h"

#define DIGITS_PER_BIT 0.30103

/* ---- arithmetic ---- */

typedef int binary(struct op_call *c, struct buf *json, fmpq_poly_t a, fmpq_poly_t b, struct op_failure *f);

static int with_two(struct op_call *c, struct buf *json, binary *fn, struct op_failure *f)
{
	fmpq_poly_t a, b;
	int rc;

	fmpq_poly_init(a);
	fmpq_poly_init(b);
	rc = polynomial_read(c, 0, POLYNOMIAL_DEGREE_MAX, a, f);
	if (rc == 0)
		rc = polynomial_read(c, 1, POLYNOMIAL_DEGREE_MAX, b, f);
	if (rc == 0)
		rc = fn(c, json, a, b, f);
	fmpq_poly_clear(a);
	fmpq_poly_clear(b);
	return rc;
}

static int add(struct op_call *c, struct buf *json, fmpq_poly_t a, fmpq_poly_t b, struct op_failure *f)
{
	(void)c;
	fmpq_poly_add(a, a, b);
	return answer_fmpq_poly(json, a, f);
}

int polynomial_add(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return with_two(c, json, add, f);
}

static int mul(struct op_call *c, struct buf *json, fmpq_poly_t a, fmpq_poly_t b, struct op_failure *f)
{
	(void)c;
	fmpq_poly_mul(a, a, b);
	return answer_fmpq_poly(json, a, f);
}

int polynomial_mul(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return with_two(c, json, mul, f);
}

static int divmod(struct op_call *c, struct buf *json, fmpq_poly_t a, fmpq_poly_t b, struct op_failure *f)
{
	fmpq_poly_t quotient;
	int rc;

	if (fmpq_poly_is_zero(b))
		return arg_fail(c, 1, f, OP_DIVISION_BY_ZERO, "the divisor is the zero polynomial");
	fmpq_poly_init(quotient);
	fmpq_poly_divrem(quotient, a, a, b);
	buf_puts(json, "{\"quotient\":");
	rc = answer_fmpq_poly(json, quotient, f);
	buf_puts(json, ",\"remainder\":");
	if (rc == 0)
		rc = answer_fmpq_poly(json, a, f);
	buf_byte(json, '}');
	fmpq_poly_clear(quotient);
	return rc;
}

int polynomial_divmod(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return with_two(c, json, divmod, f);
}

static int gcd(struct op_call *c, struct buf *json, fmpq_poly_t a, fmpq_poly_t b, struct op_failure *f)
{
	(void)c;
	fmpq_poly_gcd(a, a, b);
	return answer_fmpq_poly(json, a, f);
}

int polynomial_gcd(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return with_two(c, json, gcd, f);
}

/* Hadamard's bound on the determinant of Sylvester's matrix; one modular resultant for each 62 bits of it. */
static int check_resultant(struct op_call *c, const fmpq_poly_t a, const fmpq_poly_t b, struct op_failure *f)
{
	double n = polynomial_terms(a) - 1, m = polynomial_terms(b) - 1;
	double bits = m * (polynomial_top_bits(a) + log2(n + 1) / 2) + n * (polynomial_top_bits(b) + log2(m + 1) / 2);
	double below = m * (double)fmpz_bits(a->den) + n * (double)fmpz_bits(b->den);

	return answer_check_cost(c, (bits / 62 + 1) * (n * m * 8 + (n + m) * 100), (bits + below) * DIGITS_PER_BIT, f);
}

static int resultant(struct op_call *c, struct buf *json, fmpq_poly_t a, fmpq_poly_t b, struct op_failure *f)
{
	fmpq_t r;
	int rc;

	if (check_resultant(c, a, b, f) != 0)
		return -1;
	fmpq_init(r);
	fmpq_poly_resultant(r, a, b);
	rc = answer_fmpq(json, r, f);
	fmpq_clear(r);
	return rc;
}

int polynomial_resultant(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return with_two(c, json, resultant, f);
}

/* disc(p/d) = disc(p) / d^(2n-2). */
int polynomial_discriminant(struct op_call *c, struct buf *json, struct op_failure *f)
{
	fmpq_poly_t p, derivative;
	fmpz_poly_t numerator;
	fmpq_t d;
	int rc;

	fmpq_poly_init(p);
	fmpq_poly_init(derivative);
	fmpz_poly_init(numerator);
	fmpq_init(d);
	rc = polynomial_read(c, 0, POLYNOMIAL_DEGREE_MAX, p, f);
	if (rc == 0 && fmpq_poly_degree(p) < 1)
		rc = arg_fail(c, 0, f, OP_DOMAIN_ERROR,
			      "a constant has no discriminant: expected a degree of 1 or more");
	fmpq_poly_derivative(derivative, p);
	if (rc == 0)
		rc = check_resultant(c, p, derivative, f);
	if (rc == 0) {
		fmpq_poly_get_numerator(numerator, p);
		fmpz_poly_discriminant(fmpq_numref(d), numerator);
		fmpz_pow_ui(fmpq_denref(d), p->den, (ulong)(2 * fmpq_poly_degree(p) - 2));
		fmpq_canonicalise(d);
		rc = answer_fmpq(json, d, f);
	}
	fmpq_poly_clear(p);
	fmpq_poly_clear(derivative);
	fmpz_poly_clear(numerator);
	fmpq_clear(d);
	return rc;
}

/* ---- poly_eval ---- */

static int eval_exactly(struct op_call *c, struct buf *json, struct op_failure *f)
{
	fmpq_poly_t p;
	fmpq_t x;
	int rc;

	fmpq_poly_init(p);
	fmpq_init(x);
	rc = polynomial_read(c, 0, POLYNOMIAL_DEGREE_MAX, p, f);
	if (rc == 0)
		rc = arg_fmpq(c, 1, x, f);
	if (rc == 0) {
		bool unit = fmpq_is_zero(x) || (fmpz_is_pm1(fmpq_numref(x)) && fmpz_is_one(fmpq_denref(x)));
		double growth =
		    unit ? 0
			 : (polynomial_terms(p) - 1) * (double)(fmpz_bits(fmpq_numref(x)) + fmpz_bits(fmpq_denref(x)));
		double digits = (growth + polynomial_bits(p)) * DIGITS_PER_BIT;
		rc = answer_check_cost(c, 0, digits, f);
	}
	if (rc == 0) {
		fmpq_poly_evaluate_fmpq(x, p, x);
		rc = c->precision ? answer_rounded(c, json, x, f) : answer_fmpq(json, x, f);
	}
	fmpq_poly_clear(p);
	fmpq_clear(x);
	return rc;
}

static int eval_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	acb_poly_t p;
	acb_t x;
	int rc;

	(void)n, (void)arg;
	acb_poly_init(p);
	acb_init(x);
	if (polynomial_has_balls(c)) {
		rc = polynomial_read_balls(c, p, prec, f);
	} else {
		fmpq_poly_t q;
		fmpq_poly_init(q);
		rc = polynomial_read(c, 0, POLYNOMIAL_DEGREE_MAX, q, f);
		acb_poly_set_fmpq_poly(p, q, prec);
		fmpq_poly_clear(q);
	}
	if (rc == 0)
		rc = arg_acb(c, 1, x, prec, f);
	if (rc == 0)
		acb_poly_evaluate(out, p, x, prec);
	acb_poly_clear(p);
	acb_clear(x);
	return rc;
}

int polynomial_eval(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return !polynomial_has_balls(c) && arg_is_rational(c, 1) ? eval_exactly(c, json, f)
								 : answer_certified(c, json, eval_balls, NULL, f);
}
