/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/expr_value.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "number.h"

#define LOG10_2 0.30102999566398119521
#define POW_BY_SQUARING_BITS 24 /* larger integer exponents of balls go by exp and log */

/* ---- a value ---- */

void expr_value_init(struct expr_value *v)
{
	v->form = EXPR_VALUE_RATIONAL;
	fmpq_init(v->q);
	surd_init(&v->surd);
	acb_init(v->z);
}

void expr_value_clear(struct expr_value *v)
{
	fmpq_clear(v->q);
	surd_clear(&v->surd);
	acb_clear(v->z);
}

void expr_value_swap(struct expr_value *a, struct expr_value *b)
{
	struct expr_value other = *a;

	*a = *b;
	*b = other;
}

void expr_value_set_si(struct expr_value *v, slong n)
{
	v->form = EXPR_VALUE_RATIONAL;
	fmpq_set_si(v->q, n, 1);
}

void expr_value_set_fmpq(struct expr_value *v, const fmpq_t q)
{
	v->form = EXPR_VALUE_RATIONAL;
	fmpq_set(v->q, q);
}

void expr_value_set_fmpz(struct expr_value *v, const fmpz_t n)
{
	v->form = EXPR_VALUE_RATIONAL;
	fmpz_set(fmpq_numref(v->q), n);
	fmpz_one(fmpq_denref(v->q));
}

void expr_value_settle_surd(struct expr_value *v)
{
	v->form = surd_get_fmpq(v->q, &v->surd) ? EXPR_VALUE_RATIONAL : EXPR_VALUE_SURD;
}

bool expr_value_is_rational(const struct expr_value *v)
{
	return v->form == EXPR_VALUE_RATIONAL;
}

bool expr_value_is_integer(const struct expr_value *v)
{
	return v->form == EXPR_VALUE_RATIONAL && fmpz_is_one(fmpq_denref(v->q));
}

bool expr_value_is_zero(const struct expr_value *v)
{
	return v->form == EXPR_VALUE_RATIONAL ? fmpq_is_zero(v->q) : v->form == EXPR_VALUE_BALL && acb_is_zero(v->z);
}

bool expr_value_is_real(const struct expr_value *v)
{
	switch (v->form) {
	case EXPR_VALUE_RATIONAL:
		return true;
	case EXPR_VALUE_SURD:
		return surd_is_real(&v->surd);
	default:
		return acb_is_real(v->z);
	}
}

void expr_value_get_acb(acb_t out, const struct expr_value *v, slong prec)
{
	switch (v->form) {
	case EXPR_VALUE_RATIONAL:
		acb_set_fmpq(out, v->q, prec);
		break;
	case EXPR_VALUE_SURD:
		surd_get_acb(out, &v->surd, prec);
		break;
	default:
		acb_set(out, v->z);
		break;
	}
}

void expr_value_to_ball(struct expr_eval *ev, struct expr_value *v)
{
	expr_value_get_acb(v->z, v, ev->prec);
	v->form = EXPR_VALUE_BALL;
}

static void get_surd(struct surd *out, const struct expr_value *v)
{
	if (v->form == EXPR_VALUE_SURD)
		surd_set(out, &v->surd);
	else
		surd_set_fmpq(out, v->q);
}

/* ---- refusals ---- */

int expr_value_fail(struct expr_eval *ev, enum op_error error, const char *fmt, ...)
{
	char detail[sizeof ev->f->detail];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof detail, fmt, ap);
	va_end(ap);
	op_fail(ev->f, error, "%s", detail);
	return op_fail_position(ev->f, ev->at);
}

int expr_value_check_digits(struct expr_eval *ev, double digits, bool integer)
{
	if (digits <= NUMBER_DIGITS_MAX)
		return 0;
	if (!ev->exact && !integer)
		return 1;
	op_fail_limit(ev->f, NUMBER_DIGITS_MAX, digits, "digits", "a number in the expression is too large");
	return op_fail_position(ev->f, ev->at);
}

static double bit_digits(const fmpz_t n)
{
	return (double)fmpz_bits(n) * LOG10_2;
}

/* Digits of the larger of numerator and denominator of a product or a sum, at most; short ones need no care. */
static double combined_digits(const fmpq_t a, const fmpq_t b, bool product)
{
	double at = bit_digits(fmpq_numref(a)), ab = bit_digits(fmpq_denref(a));
	double bt = bit_digits(fmpq_numref(b)), bb = bit_digits(fmpq_denref(b));

	return product ? fmax(at + bt, ab + bb) - 1 : fmax(fmax(at + bb, bt + ab), ab + bb) - 1;
}

static bool both_integers(const struct expr_value *a, const struct expr_value *b)
{
	return expr_value_is_integer(a) && expr_value_is_integer(b);
}

/* ---- sums and products ---- */

typedef void rational_op(fmpq_t, const fmpq_t, const fmpq_t);
typedef bool surd_op(struct surd *, const struct surd *, const struct surd *);
typedef void ball_op(acb_t, const acb_t, const acb_t, slong);

static int combine(struct expr_eval *ev, struct expr_value *out, const struct expr_value *a, const struct expr_value *b,
		   rational_op *rational, surd_op *surd, ball_op *ball)
{
	int rc = 0;

	if (a->form == EXPR_VALUE_RATIONAL && b->form == EXPR_VALUE_RATIONAL) {
		rc =
		    expr_value_check_digits(ev, combined_digits(a->q, b->q, rational == fmpq_mul), both_integers(a, b));
		if (rc == 0) {
			rational(out->q, a->q, b->q);
			out->form = EXPR_VALUE_RATIONAL;
		}
		if (rc <= 0)
			return rc;
	} else if (a->form != EXPR_VALUE_BALL && b->form != EXPR_VALUE_BALL) {
		struct surd x, y;
		surd_init(&x);
		surd_init(&y);
		get_surd(&x, a);
		get_surd(&y, b);
		bool fit = surd(&x, &x, &y);
		if (fit) {
			surd_swap(&out->surd, &x);
			expr_value_settle_surd(out);
		}
		surd_clear(&x);
		surd_clear(&y);
		if (fit)
			return 0;
	}
	acb_t x, y;
	acb_init(x);
	acb_init(y);
	expr_value_get_acb(x, a, ev->prec);
	expr_value_get_acb(y, b, ev->prec);
	ball(out->z, x, y, ev->prec);
	out->form = EXPR_VALUE_BALL;
	acb_clear(x);
	acb_clear(y);
	return 0;
}

int expr_value_neg(struct expr_eval *ev, struct expr_value *out, const struct expr_value *a)
{
	(void)ev;
	switch (a->form) {
	case EXPR_VALUE_RATIONAL:
		fmpq_neg(out->q, a->q);
		break;
	case EXPR_VALUE_SURD:
		surd_neg(&out->surd, &a->surd);
		break;
	default:
		acb_neg(out->z, a->z);
		break;
	}
	out->form = a->form;
	return 0;
}

int expr_value_add(struct expr_eval *ev, struct expr_value *out, const struct expr_value *a, const struct expr_value *b)
{
	return combine(ev, out, a, b, fmpq_add, surd_add, acb_add);
}

static bool surd_sub(struct surd *out, const struct surd *x, const struct surd *y)
{
	struct surd minus;

	surd_init(&minus);
	surd_neg(&minus, y);
	bool fit = surd_add(out, x, &minus);
	surd_clear(&minus);
	return fit;
}

int expr_value_sub(struct expr_eval *ev, struct expr_value *out, const struct expr_value *a, const struct expr_value *b)
{
	return combine(ev, out, a, b, fmpq_sub, surd_sub, acb_sub);
}

int expr_value_mul(struct expr_eval *ev, struct expr_value *out, const struct expr_value *a, const struct expr_value *b)
{
	if (expr_value_is_zero(a) || expr_value_is_zero(b)) {
		/* Also of a ball: but not of what has no value at all. */
		const struct expr_value *other = expr_value_is_zero(a) ? b : a;
		if (other->form != EXPR_VALUE_BALL || acb_is_finite(other->z)) {
			expr_value_set_si(out, 0);
			return 0;
		}
	}
	return combine(ev, out, a, b, fmpq_mul, surd_mul, acb_mul);
}

static bool surd_div(struct surd *out, const struct surd *x, const struct surd *y)
{
	struct surd inverse;

	surd_init(&inverse);
	bool fit = surd_inv(&inverse, y) && surd_mul(out, x, &inverse);
	surd_clear(&inverse);
	return fit;
}

int expr_value_div(struct expr_eval *ev, struct expr_value *out, const struct expr_value *a, const struct expr_value *b)
{
	fmpq_t inverse;

	if (expr_value_is_zero(b))
		return expr_value_fail(ev, OP_DIVISION_BY_ZERO, "a division by zero");
	if (a->form != EXPR_VALUE_RATIONAL || b->form != EXPR_VALUE_RATIONAL)
		return combine(ev, out, a, b, fmpq_div, surd_div, acb_div);
	fmpq_init(inverse);
	fmpq_inv(inverse, b->q);
	double digits = combined_digits(a->q, inverse, true);
	fmpq_clear(inverse);
	int rc = expr_value_check_digits(ev, digits, false);
	if (rc == 0) {
		fmpq_div(out->q, a->q, b->q);
		out->form = EXPR_VALUE_RATIONAL;
	} else if (rc > 0) {
		acb_t x;
		acb_init(x);
		expr_value_get_acb(x, a, ev->prec);
		expr_value_get_acb(out->z, b, ev->prec);
		acb_div(out->z, x, out->z, ev->prec);
		out->form = EXPR_VALUE_BALL;
		acb_clear(x);
	}
	return rc < 0 ? -1 : 0;
}

/* ---- floor and modulo ---- */

int expr_value_floor(struct expr_eval *ev, fmpz_t out, const struct expr_value *a)
{
	arb_srcptr real = acb_realref(a->z);
	arb_t floor;
	int found = 1;

	if (a->form == EXPR_VALUE_RATIONAL) {
		fmpz_fdiv_q(out, fmpq_numref(a->q), fmpq_denref(a->q));
	} else if (a->form == EXPR_VALUE_SURD) {
		surd_floor(out, &a->surd);
	} else if (arf_cmpabs_2exp_si(arb_midref(real), ev->prec) > 0) {
		found = 0; /* not that many digits are known */
	} else {
		arb_init(floor);
		arb_floor(floor, real, ev->prec);
		found = arb_get_unique_fmpz(out, floor) != 0;
		arb_clear(floor);
	}
	if (!found)
		ev->undecided = true;
	return found;
}

static bool may_be_real(const struct expr_value *v)
{
	return expr_value_is_real(v) || (v->form == EXPR_VALUE_BALL && arb_contains_zero(acb_imagref(v->z)));
}

/* a - b*floor(a/b): it has the sign of b. */
int expr_value_mod(struct expr_eval *ev, struct expr_value *out, const struct expr_value *a, const struct expr_value *b)
{
	struct expr_value quotient;
	fmpz_t floor;
	int rc = -1;

	if (!may_be_real(a) || !may_be_real(b)) {
		if (!ev->analytic)
			return expr_value_fail(ev, OP_DOMAIN_ERROR, "%%: expected real numbers, got a complex one");
		acb_indeterminate(out->z);
		out->form = EXPR_VALUE_BALL;
		return 0;
	}
	if (expr_value_is_zero(b))
		return expr_value_fail(ev, OP_INVALID_ARGUMENT, "%%: expected a modulus other than 0");
	expr_value_init(&quotient);
	fmpz_init(floor);
	if (both_integers(a, b)) {
		fmpz_fdiv_r(floor, fmpq_numref(a->q), fmpq_numref(b->q));
		expr_value_set_fmpz(out, floor);
		rc = 0;
		goto out;
	}
	if (expr_value_div(ev, &quotient, a, b) != 0)
		goto out;
	if (ev->analytic && quotient.form == EXPR_VALUE_BALL) {
		acb_real_floor(quotient.z, quotient.z, 1, ev->prec);
	} else if (expr_value_floor(ev, floor, &quotient)) {
		expr_value_set_fmpz(&quotient, floor);
	} else {
		expr_value_to_ball(ev, &quotient);
		arb_floor(acb_realref(quotient.z), acb_realref(quotient.z), ev->prec);
	}
	if (expr_value_mul(ev, &quotient, &quotient, b) == 0)
		rc = expr_value_sub(ev, out, a, &quotient);
out:
	expr_value_clear(&quotient);
	fmpz_clear(floor);
	return rc;
}

/* ---- powers ---- */

/* |v|, as a double that may be infinite. */
static double magnitude(const fmpz_t v)
{
	return fabs(fmpz_get_d(v));
}

/* The digits of q^n. */
static double power_digits(const fmpq_t q, const fmpz_t n)
{
	fmpz_t top;

	fmpz_init(top);
	fmpz_abs(top, fmpq_numref(q));
	double larger = fmpz_cmp(top, fmpq_denref(q)) > 0 ? fmpz_dlog(top) : fmpz_dlog(fmpq_denref(q));
	fmpz_clear(top);
	return floor(magnitude(n) * (larger / M_LN10)) + 1;
}

/* q^n for an integer n, q not 0: 1 when it is too large to be made and shall be a ball. */
static int rational_power(struct expr_eval *ev, fmpq_t out, const fmpq_t q, const fmpz_t n)
{
	bool unit = fmpz_is_one(fmpq_denref(q)) && fmpz_is_pm1(fmpq_numref(q));

	if (unit) {
		fmpq_set_si(out, fmpq_sgn(q) < 0 && fmpz_is_odd(n) ? -1 : 1, 1);
		return 0;
	}
	bool integer = fmpz_is_one(fmpq_denref(q)) && fmpz_sgn(n) > 0;
	int rc = expr_value_check_digits(ev, power_digits(q, n), integer);
	if (rc == 0)
		fmpq_pow_si(out, q, fmpz_get_si(n)); /* fits: q has two digits at least in base 2 */
	return rc;
}

/* The exact k-th root of a positive rational, if it has one. */
static bool exact_root(fmpq_t out, const fmpq_t q, const fmpz_t k)
{
	fmpq_t root;
	bool found = false;

	if (fmpq_is_one(q)) {
		fmpq_one(out);
		return true;
	}
	if (fmpz_cmp_ui(k, fmpq_height_bits(q)) > 0)
		return false;
	fmpq_init(root);
	if (fmpz_root(fmpq_numref(root), fmpq_numref(q), fmpz_get_si(k)) != 0 &&
	    fmpz_root(fmpq_denref(root), fmpq_denref(q), fmpz_get_si(k)) != 0) {
		fmpq_swap(out, root);
		found = true;
	}
	fmpq_clear(root);
	return found;
}

/* a^(p/k) with k > 1. 1: no exact value. */
static int fractional_power(struct expr_eval *ev, struct expr_value *out, const fmpq_t a, const fmpq_t exponent)
{
	fmpq_t root;
	int rc = 1;

	fmpq_init(root);
	if (fmpq_sgn(a) > 0 && exact_root(root, a, fmpq_denref(exponent))) {
		rc = rational_power(ev, out->q, root, fmpq_numref(exponent));
		out->form = rc == 0 ? EXPR_VALUE_RATIONAL : out->form;
	} else if (fmpz_equal_ui(fmpq_denref(exponent), 2) && fmpz_bits(fmpq_numref(exponent)) < 16) {
		struct surd sqrt_a;
		surd_init(&sqrt_a);
		if (surd_sqrt(&sqrt_a, a) && surd_pow(&sqrt_a, &sqrt_a, fmpz_get_si(fmpq_numref(exponent)))) {
			surd_swap(&out->surd, &sqrt_a);
			expr_value_settle_surd(out);
			rc = 0;
		}
		surd_clear(&sqrt_a);
	}
	fmpq_clear(root);
	return rc;
}

/* 1: no exact value. */
static int exact_power(struct expr_eval *ev, struct expr_value *out, const struct expr_value *a,
		       const struct expr_value *b)
{
	if (!expr_value_is_rational(b) || a->form == EXPR_VALUE_BALL)
		return 1;
	if (a->form == EXPR_VALUE_SURD) {
		struct surd power;
		if (!expr_value_is_integer(b) || fmpz_bits(fmpq_numref(b->q)) > 20)
			return 1;
		surd_init(&power);
		bool fit = surd_pow(&power, &a->surd, fmpz_get_si(fmpq_numref(b->q)));
		if (fit) {
			surd_swap(&out->surd, &power);
			expr_value_settle_surd(out);
		}
		surd_clear(&power);
		return fit ? 0 : 1;
	}
	if (!expr_value_is_integer(b))
		return fractional_power(ev, out, a->q, b->q);
	fmpq_t power;
	fmpq_init(power);
	int rc = rational_power(ev, power, a->q, fmpq_numref(b->q));
	if (rc == 0)
		expr_value_set_fmpq(out, power);
	fmpq_clear(power);
	return rc;
}

static int zero_power(struct expr_eval *ev, struct expr_value *out, const struct expr_value *b)
{
	acb_t z;

	if (expr_value_is_zero(b)) {
		expr_value_set_si(out, 1);
		return 0;
	}
	acb_init(z);
	expr_value_get_acb(z, b, ev->prec);
	bool positive = arb_is_positive(acb_realref(z)), negative = arb_is_negative(acb_realref(z));
	acb_clear(z);
	if (negative)
		return expr_value_fail(ev, OP_DIVISION_BY_ZERO, "0 to a negative power is a division by zero");
	if (positive) {
		expr_value_set_si(out, 0);
	} else if (expr_value_is_rational(b) || b->form == EXPR_VALUE_SURD) {
		return expr_value_fail(ev, OP_DOMAIN_ERROR, "0 to an imaginary power has no value");
	} else {
		acb_indeterminate(out->z);
		out->form = EXPR_VALUE_BALL;
	}
	return 0;
}

int expr_value_pow(struct expr_eval *ev, struct expr_value *out, const struct expr_value *a, const struct expr_value *b)
{
	acb_t x, y;

	if (expr_value_is_zero(b)) { /* a^0 = 1, also 0^0, as for polynomials */
		expr_value_set_si(out, 1);
		return 0;
	}
	if (expr_value_is_zero(a))
		return zero_power(ev, out, b);
	int rc = exact_power(ev, out, a, b);
	if (rc <= 0)
		return rc;
	acb_init(x);
	expr_value_get_acb(x, a, ev->prec);
	if (expr_value_is_integer(b) && fmpz_bits(fmpq_numref(b->q)) <= POW_BY_SQUARING_BITS) {
		acb_pow_fmpz(out->z, x, fmpq_numref(b->q), ev->prec);
	} else {
		acb_init(y);
		expr_value_get_acb(y, b, ev->prec);
		acb_pow_analytic(out->z, x, y, ev->analytic && !expr_value_is_integer(b), ev->prec);
		acb_clear(y);
	}
	out->form = EXPR_VALUE_BALL;
	acb_clear(x);
	return 0;
}

/* ---- factorial ---- */

/* n! for an integer n from 0 on; Gamma(x + 1) for others. */
int expr_value_factorial(struct expr_eval *ev, struct expr_value *out, const struct expr_value *a)
{
	fmpz_t n;

	if (!expr_value_is_integer(a)) {
		expr_value_get_acb(out->z, a, ev->prec);
		acb_add_ui(out->z, out->z, 1, ev->prec);
		acb_gamma(out->z, out->z, ev->prec);
		out->form = EXPR_VALUE_BALL;
		return 0;
	}
	if (fmpq_sgn(a->q) < 0)
		return expr_value_fail(ev, OP_DOMAIN_ERROR, "!: expected a number that is no negative integer");
	double digits = floor(lgamma(magnitude(fmpq_numref(a->q)) + 1) / M_LN10 * (1 - 1e-13)) + 1;
	if (expr_value_check_digits(ev, digits, true) != 0)
		return -1;
	fmpz_init(n);
	fmpz_fac_ui(n, fmpz_get_ui(fmpq_numref(a->q)));
	expr_value_set_fmpz(out, n);
	fmpz_clear(n);
	return 0;
}
