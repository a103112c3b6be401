/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/scalar_arithmetic.h"

#include <arb.h>
#include <math.h>

/* Whether a value built from all arguments at once would be short enough to be written out. */
static bool fits(const fmpq *args, size_t n)
{
	double digits = 0;

	for (size_t i = 0; i < n; i++)
		digits += scalar_digits(args + i);
	return digits <= SCALAR_EXACT_DIGITS;
}

/* ---- square, add, sub, mul, neg, abs ---- */

static int square_exact(fmpq_t out, const fmpq *args, size_t n, struct op_failure *f)
{
	(void)n;
	(void)f;
	fmpq_mul(out, args, args);
	return 1;
}

static int square_ball(acb_t out, acb_srcptr args, size_t n, slong prec, struct op_failure *f)
{
	(void)n;
	(void)f;
	acb_sqr(out, args, prec);
	return 0;
}

static int add_exact(fmpq_t out, const fmpq *args, size_t n, struct op_failure *f)
{
	(void)f;
	if (!fits(args, n))
		return 0;
	for (size_t i = 0; i < n; i++)
		fmpq_add(out, out, args + i);
	return 1;
}

static int add_ball(acb_t out, acb_srcptr args, size_t n, slong prec, struct op_failure *f)
{
	(void)f;
	acb_zero(out);
	for (size_t i = 0; i < n; i++)
		acb_add(out, out, args + i, prec);
	return 0;
}

static int sub_exact(fmpq_t out, const fmpq *args, size_t n, struct op_failure *f)
{
	(void)n;
	(void)f;
	fmpq_sub(out, args, args + 1);
	return 1;
}

static int sub_ball(acb_t out, acb_srcptr args, size_t n, slong prec, struct op_failure *f)
{
	(void)n;
	(void)f;
	acb_sub(out, args, args + 1, prec);
	return 0;
}

static int mul_exact(fmpq_t out, const fmpq *args, size_t n, struct op_failure *f)
{
	(void)f;
	if (!fits(args, n))
		return 0;
	fmpq_one(out);
	for (size_t i = 0; i < n; i++)
		fmpq_mul(out, out, args + i);
	return 1;
}

static int mul_ball(acb_t out, acb_srcptr args, size_t n, slong prec, struct op_failure *f)
{
	(void)f;
	acb_one(out);
	for (size_t i = 0; i < n; i++)
		acb_mul(out, out, args + i, prec);
	return 0;
}

static int neg_exact(fmpq_t out, const fmpq *args, size_t n, struct op_failure *f)
{
	(void)n;
	(void)f;
	fmpq_neg(out, args);
	return 1;
}

static int neg_ball(acb_t out, acb_srcptr args, size_t n, slong prec, struct op_failure *f)
{
	(void)n;
	(void)f;
	acb_neg_round(out, args, prec);
	return 0;
}

static int abs_exact(fmpq_t out, const fmpq *args, size_t n, struct op_failure *f)
{
	(void)n;
	(void)f;
	fmpq_abs(out, args);
	return 1;
}

static int abs_ball(acb_t out, acb_srcptr args, size_t n, slong prec, struct op_failure *f)
{
	(void)n;
	(void)f;
	acb_abs(acb_realref(out), args, prec);
	arb_zero(acb_imagref(out));
	return 0;
}

/* ---- div ---- */

static int div_exact(fmpq_t out, const fmpq *args, size_t n, struct op_failure *f)
{
	(void)n;
	if (fmpq_is_zero(args + 1))
		return op_fail(f, OP_DIVISION_BY_ZERO, "div: expected a divisor other than 0");
	fmpq_div(out, args, args + 1);
	return 1;
}

static int div_ball(acb_t out, acb_srcptr args, size_t n, slong prec, struct op_failure *f)
{
	(void)n;
	if (acb_is_zero(args + 1))
		return op_fail(f, OP_DIVISION_BY_ZERO, "div: expected a divisor other than 0");
	acb_div(out, args, args + 1, prec);
	return 0;
}

/* ---- pow ---- */

static int fail_zero_power(struct op_failure *f)
{
	return op_fail(f, OP_DIVISION_BY_ZERO, "pow: 0 has no power with a negative exponent");
}

/* The k-th root of x if it is rational. x > 0 unless k is odd. */
static bool rational_root(fmpq_t out, const fmpq_t x, slong k)
{
	bool negative = fmpq_sgn(x) < 0;
	fmpq_t v;
	bool whole;

	fmpq_init(v);
	fmpq_abs(v, x);
	whole =
	    fmpz_root(fmpq_numref(out), fmpq_numref(v), k) != 0 && fmpz_root(fmpq_denref(out), fmpq_denref(v), k) != 0;
	if (negative)
		fmpq_neg(out, out);
	fmpq_clear(v);
	return whole;
}

/* x^(p/q): rational when the q-th root is; (a/b)^p is in lowest terms when a/b is. */
static int pow_exact(fmpq_t out, const fmpq *args, size_t n, struct op_failure *f)
{
	const fmpz *p = fmpq_numref(args + 1), *q = fmpq_denref(args + 1);

	(void)n;
	if (fmpz_is_zero(p) || fmpq_is_one(args)) {
		fmpq_one(out);
		return 1;
	}
	if (fmpq_is_zero(args)) {
		if (fmpz_sgn(p) < 0)
			return fail_zero_power(f);
		fmpq_zero(out);
		return 1;
	}
	fmpq_set(out, args);
	if (!fmpz_is_one(q) && (fmpq_sgn(args) < 0 || !fmpz_fits_si(q) || !rational_root(out, args, fmpz_get_si(q))))
		return 0;
	if (fmpz_is_one(fmpq_denref(out)) && fmpz_is_pm1(fmpq_numref(out))) {
		if (fmpz_is_even(p))
			fmpq_one(out);
		return 1;
	}
	if (!fmpz_fits_si(p) || (scalar_digits(out) - 2) * fabs((double)fmpz_get_si(p)) > SCALAR_EXACT_DIGITS)
		return 0;
	fmpq_pow_si(out, out, fmpz_get_si(p));
	return scalar_digits(out) <= SCALAR_EXACT_DIGITS;
}

static int pow_ball(acb_t out, acb_srcptr args, size_t n, slong prec, struct op_failure *f)
{
	acb_srcptr x = args, y = args + 1;

	(void)n;
	if (acb_is_zero(x) && !acb_is_zero(y)) {
		if (arb_is_negative(acb_realref(y)))
			return fail_zero_power(f);
		if (arb_is_positive(acb_realref(y)))
			acb_zero(out);
		else
			acb_indeterminate(out);
	} else if (acb_is_real(x) && acb_is_real(y) && arb_is_positive(acb_realref(x))) {
		arb_pow(acb_realref(out), acb_realref(x), acb_realref(y), prec);
		arb_zero(acb_imagref(out));
	} else {
		acb_pow(out, x, y, prec);
	}
	return 0;
}

/* ---- root ---- */

static int fail_even_root(struct op_failure *f)
{
	return op_fail(f, OP_DOMAIN_ERROR, "root: a negative number has no real root of an even degree");
}

static int root_exact(fmpq_t out, const fmpq *args, size_t n, struct op_failure *f)
{
	slong k = n > 1 ? fmpz_get_si(fmpq_numref(args + 1)) : 2;

	if (fmpq_sgn(args) < 0 && k % 2 == 0)
		return fail_even_root(f);
	return rational_root(out, args, k);
}

static int root_ball(acb_t out, acb_srcptr args, size_t n, slong prec, struct op_failure *f)
{
	arb_srcptr x = acb_realref(args);
	arb_ptr v = acb_realref(out);
	ulong k = n > 1 ? (ulong)arf_get_si(arb_midref(acb_realref(args + 1)), ARF_RND_NEAR) : 2;

	arb_zero(acb_imagref(out));
	if (arb_is_negative(x)) {
		if (k % 2 == 0)
			return fail_even_root(f);
		arb_neg(v, x);
		arb_root_ui(v, v, k, prec);
		arb_neg(v, v);
	} else if (arb_is_nonnegative(x)) {
		arb_root_ui(v, x, k, prec);
	} else {
		arb_indeterminate(v);
	}
	return 0;
}

const struct scalar scalar_square = { square_exact, square_ball, false };
const struct scalar scalar_add = { add_exact, add_ball, false };
const struct scalar scalar_sub = { sub_exact, sub_ball, false };
const struct scalar scalar_mul = { mul_exact, mul_ball, false };
const struct scalar scalar_div = { div_exact, div_ball, false };
const struct scalar scalar_pow = { pow_exact, pow_ball, false };
const struct scalar scalar_neg = { neg_exact, neg_ball, false };
const struct scalar scalar_abs = { abs_exact, abs_ball, false };
const struct scalar scalar_root = { root_exact, root_ball, true };
