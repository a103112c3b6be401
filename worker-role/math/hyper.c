/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/hyper.h"

#include <stdlib.h>
#include <string.h>

#define POWER_MAX 64
#define SLOPE_MAX 32

static bool take(struct hyper *h, const struct expr *e, slong n);

/* r = r^n for n of either sign; false for a power of 0. */
static bool ratfun_power(struct ratfun *r, slong n)
{
	struct ratfun one, base;

	if (n < 0 && fmpq_poly_is_zero(r->num))
		return false;
	ratfun_init(&one);
	ratfun_init(&base);
	fmpq_poly_one(one.num);
	fmpq_poly_set(base.num, n < 0 ? r->den : r->num);
	fmpq_poly_set(base.den, n < 0 ? r->num : r->den);
	for (slong i = labs(n); i > 0; i--)
		ratfun_mul(&one, &one, &base);
	fmpq_poly_swap(r->num, one.num);
	fmpq_poly_swap(r->den, one.den);
	ratfun_clear(&one);
	ratfun_clear(&base);
	return true;
}

static bool take_ratfun(struct hyper *h, struct ratfun *r, slong n)
{
	if ((fmpq_poly_degree(r->num) + fmpq_poly_degree(r->den)) * labs(n) > RATFUN_DEGREE_MAX || !ratfun_power(r, n))
		return false;
	ratfun_mul(&h->rational, &h->rational, r);
	return true;
}

/* e = slope k + shift with an integer slope. */
static bool is_linear(const struct hyper *h, const struct expr *e, slong *slope, fmpq_t shift)
{
	struct ratfun r;
	fmpq_t a;
	bool linear;

	ratfun_init(&r);
	fmpq_init(a);
	linear = ratfun_from_expr(e, h->name, &r) && fmpq_poly_is_one(r.den) && fmpq_poly_degree(r.num) <= 1;
	if (linear) {
		fmpq_poly_get_coeff_fmpq(a, r.num, 1);
		fmpq_poly_get_coeff_fmpq(shift, r.num, 0);
		linear = fmpz_is_one(fmpq_denref(a)) && fmpz_bits(fmpq_numref(a)) < 20;
		*slope = linear ? fmpz_get_si(fmpq_numref(a)) : 0;
	}
	ratfun_clear(&r);
	fmpq_clear(a);
	return linear && *slope != 0;
}

static bool add_constant(struct hyper_constant *list, size_t *count, const struct expr *base, slong power)
{
	if (*count == HYPER_CONSTANTS_MAX)
		return false;
	list[(*count)++] = (struct hyper_constant){ base, power };
	return true;
}

/* base^(slope k + shift), to the n. */
static bool take_geometric(struct hyper *h, const struct expr *base, const struct expr *exponent, slong n)
{
	struct op_failure f;
	slong slope;
	fmpq_t q, shift;
	bool done = false;

	fmpq_init(q);
	fmpq_init(shift);
	if (is_linear(h, exponent, &slope, shift)) {
		bool minus_one = base && expr_rational(base, NULL, q, &f) == 0 && fmpz_is_one(fmpq_denref(q)) &&
				 fmpz_equal_si(fmpq_numref(q), -1);
		if (minus_one && fmpz_is_one(fmpq_denref(shift))) {
			h->alternating ^= (slope * n) % 2 != 0;
			if (n % 2 != 0 && fmpz_is_odd(fmpq_numref(shift)))
				fmpq_poly_neg(h->rational.num, h->rational.num);
			done = true;
		} else if (!minus_one) {
			h->plain = false;
			done = add_constant(h->constant, &h->constants, base, slope * n);
		}
	}
	fmpq_clear(q);
	fmpq_clear(shift);
	return done;
}

/* ((slope k + shift)!)^n: its ratio is the product of slope k + shift + i, i = 1 … slope. */
static bool take_factorial(struct hyper *h, const struct expr *e, slong less, slong n)
{
	struct ratfun r;
	fmpq_t shift, c;
	slong slope = 0;
	bool done;

	fmpq_init(shift);
	fmpq_init(c);
	ratfun_init(&r);
	done = is_linear(h, e, &slope, shift) && slope > 0 && slope <= SLOPE_MAX;
	for (slong i = 1; done && i <= slope; i++) {
		fmpq_poly_zero(r.num);
		fmpq_poly_set_coeff_si(r.num, 1, slope);
		fmpq_add_si(c, shift, i - less);
		fmpq_poly_set_coeff_fmpq(r.num, 0, c);
		fmpq_poly_one(r.den);
		done = ratfun_power(&r, n);
		ratfun_mul(&h->ratio, &h->ratio, &r);
	}
	h->plain = false;
	fmpq_clear(shift);
	fmpq_clear(c);
	ratfun_clear(&r);
	return done;
}

/* n!/(m! (n - m)!) */
static bool take_binomial(struct hyper *h, const struct expr *e, slong n)
{
	struct expr *rest = expr_new(EXPR_SUB, expr_copy(e->args[0]), expr_copy(e->args[1]));
	const struct expr *top[] = { e->args[0] }, *bottom[] = { e->args[1], rest };
	bool done = true;

	if (expr_has(top[0], h->name))
		done = take_factorial(h, top[0], 0, n);
	for (size_t i = 0; i < 2 && done; i++) {
		slong slope = 0;
		fmpq_t shift;
		fmpq_init(shift);
		if (is_linear(h, bottom[i], &slope, shift)) /* a rest without k is a constant factor */
			done = take_factorial(h, bottom[i], 0, -n);
		else
			done = slope == 0 && !expr_has(bottom[i], h->name);
		fmpq_clear(shift);
	}
	expr_free(rest);
	return done;
}

static bool take_call(struct hyper *h, const struct expr *e, slong n)
{
	if (e->count == 1 && strcmp(e->name, "exp") == 0)
		return take_geometric(h, NULL, e->args[0], n);
	if (e->count == 1 && strcmp(e->name, "factorial") == 0)
		return take_factorial(h, e->args[0], 0, n);
	if (e->count == 1 && strcmp(e->name, "gamma") == 0)
		return take_factorial(h, e->args[0], 1, n);
	return e->count == 2 && strcmp(e->name, "binomial") == 0 && take_binomial(h, e, n);
}

static bool take_power(struct hyper *h, const struct expr *e, slong n)
{
	struct op_failure f;
	fmpq_t q;
	slong power = 0;

	if (!expr_has(e->args[0], h->name))
		return take_geometric(h, e->args[0], e->args[1], n);
	fmpq_init(q);
	if (!expr_has(e->args[1], h->name) && expr_rational(e->args[1], NULL, q, &f) == 0 &&
	    fmpz_is_one(fmpq_denref(q)) && fmpz_bits(fmpq_numref(q)) < 16)
		power = fmpz_get_si(fmpq_numref(q)) * n;
	fmpq_clear(q);
	return power != 0 && labs(power) <= POWER_MAX && take(h, e->args[0], power);
}

static bool take(struct hyper *h, const struct expr *e, slong n)
{
	struct ratfun r;
	bool done;

	ratfun_init(&r);
	done = ratfun_from_expr(e, h->name, &r);
	if (done) {
		done = take_ratfun(h, &r, n);
		ratfun_clear(&r);
		return done;
	}
	ratfun_clear(&r);
	if (!expr_has(e, h->name))
		return add_constant(h->scale, &h->scales, e, n);
	switch (e->kind) {
	case EXPR_NEG:
		if (n % 2 != 0)
			fmpq_poly_neg(h->rational.num, h->rational.num);
		return take(h, e->args[0], n);
	case EXPR_MUL:
		return take(h, e->args[0], n) && take(h, e->args[1], n);
	case EXPR_DIV:
		return take(h, e->args[0], n) && take(h, e->args[1], -n);
	case EXPR_POW:
		return take_power(h, e, n);
	case EXPR_FACTORIAL:
		return take_factorial(h, e->args[0], 0, n);
	case EXPR_CALL:
		return take_call(h, e, n);
	default:
		return false;
	}
}

bool hyper_init(struct hyper *h, const struct expr *e, const char *name)
{
	*h = (struct hyper){ .name = name, .plain = true };
	ratfun_init(&h->rational);
	ratfun_init(&h->ratio);
	fmpq_poly_one(h->rational.num);
	fmpq_poly_one(h->ratio.num);
	return take(h, e, 1);
}

void hyper_clear(struct hyper *h)
{
	ratfun_clear(&h->rational);
	ratfun_clear(&h->ratio);
}

static int product_of(const struct hyper_constant *list, size_t count, slong prec, acb_t out, struct op_failure *f)
{
	acb_t v;
	int rc = 0;

	acb_init(v);
	acb_one(out);
	for (size_t i = 0; i < count && rc == 0; i++) {
		if (list[i].base)
			rc = expr_ball(list[i].base, NULL, false, prec, v, f);
		else
			arb_const_e(acb_realref(v), prec);
		acb_pow_si(v, v, list[i].power, prec);
		acb_mul(out, out, v, prec);
		acb_zero(v);
	}
	acb_clear(v);
	return rc;
}

int hyper_scale(const struct hyper *h, slong prec, acb_t out, struct op_failure *f)
{
	return product_of(h->scale, h->scales, prec, out, f);
}

int hyper_constant(const struct hyper *h, slong prec, acb_t out, struct op_failure *f)
{
	return product_of(h->constant, h->constants, prec, out, f);
}

void hyper_ratio(const struct hyper *h, struct ratfun *out)
{
	struct ratfun next;
	fmpq_t one;

	fmpq_init(one);
	fmpq_one(one);
	ratfun_init(&next);
	ratfun_shift(&next, &h->rational, one);
	ratfun_div(&next, &next, &h->rational);
	ratfun_mul(out, &next, &h->ratio);
	ratfun_clear(&next);
	fmpq_clear(one);
}
