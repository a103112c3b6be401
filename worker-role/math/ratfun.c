/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/ratfun.h"

#include <acb.h>
#include <arb_poly.h>
#include <stdlib.h>
#include <string.h>

void ratfun_init(struct ratfun *r)
{
	fmpq_poly_init(r->num);
	fmpq_poly_init(r->den);
	fmpq_poly_one(r->den);
}

void ratfun_clear(struct ratfun *r)
{
	fmpq_poly_clear(r->num);
	fmpq_poly_clear(r->den);
}

static void ratfun_reduce(struct ratfun *r)
{
	fmpq_poly_t g;
	fmpq_t lead;

	fmpq_poly_init(g);
	fmpq_init(lead);
	fmpq_poly_gcd(g, r->num, r->den);
	if (fmpq_poly_degree(g) > 0) {
		fmpq_poly_div(r->num, r->num, g);
		fmpq_poly_div(r->den, r->den, g);
	}
	fmpq_poly_get_coeff_fmpq(lead, r->den, fmpq_poly_degree(r->den));
	fmpq_poly_scalar_div_fmpq(r->num, r->num, lead);
	fmpq_poly_scalar_div_fmpq(r->den, r->den, lead);
	fmpq_poly_clear(g);
	fmpq_clear(lead);
}

void ratfun_mul(struct ratfun *out, const struct ratfun *a, const struct ratfun *b)
{
	fmpq_poly_mul(out->num, a->num, b->num);
	fmpq_poly_mul(out->den, a->den, b->den);
	ratfun_reduce(out);
}

void ratfun_div(struct ratfun *out, const struct ratfun *a, const struct ratfun *b)
{
	fmpq_poly_t num;

	fmpq_poly_init(num);
	fmpq_poly_mul(num, a->num, b->den);
	fmpq_poly_mul(out->den, a->den, b->num);
	fmpq_poly_swap(out->num, num);
	ratfun_reduce(out);
	fmpq_poly_clear(num);
}

static void ratfun_add(struct ratfun *out, const struct ratfun *a, const struct ratfun *b, bool minus)
{
	fmpq_poly_t s, t;

	fmpq_poly_init(s);
	fmpq_poly_init(t);
	fmpq_poly_mul(s, a->num, b->den);
	fmpq_poly_mul(t, b->num, a->den);
	if (minus)
		fmpq_poly_sub(s, s, t);
	else
		fmpq_poly_add(s, s, t);
	fmpq_poly_mul(out->den, a->den, b->den);
	fmpq_poly_swap(out->num, s);
	ratfun_reduce(out);
	fmpq_poly_clear(s);
	fmpq_poly_clear(t);
}

static slong degree_of(const struct ratfun *r)
{
	slong n = fmpq_poly_degree(r->num), d = fmpq_poly_degree(r->den);

	return n > d ? n : d;
}

static bool power(const struct expr *e, struct ratfun *r)
{
	struct op_failure f;
	fmpq_t q;
	bool done = false;

	fmpq_init(q);
	if (expr_rational(e, NULL, q, &f) == 0 && fmpz_is_one(fmpq_denref(q)) &&
	    fmpz_cmpabs(fmpq_numref(q), fmpq_denref(q)) >= 0 && fmpz_bits(fmpq_numref(q)) < 16 &&
	    degree_of(r) * labs(fmpz_get_si(fmpq_numref(q))) <= RATFUN_DEGREE_MAX &&
	    !(fmpz_sgn(fmpq_numref(q)) < 0 && fmpq_poly_is_zero(r->num))) {
		slong n = fmpz_get_si(fmpq_numref(q));
		if (n < 0) {
			fmpq_poly_swap(r->num, r->den);
			n = -n;
		}
		fmpq_poly_pow(r->num, r->num, (ulong)n);
		fmpq_poly_pow(r->den, r->den, (ulong)n);
		ratfun_reduce(r);
		done = true;
	}
	fmpq_clear(q);
	return done;
}

static bool constant(const struct expr *e, struct ratfun *r)
{
	struct op_failure f;
	fmpq_t q;
	bool rational;

	fmpq_init(q);
	rational = expr_rational(e, NULL, q, &f) == 0;
	if (rational)
		fmpq_poly_set_fmpq(r->num, q);
	fmpq_poly_one(r->den);
	fmpq_clear(q);
	return rational;
}

static bool binary(const struct expr *e, const char *name, struct ratfun *r)
{
	struct ratfun b;
	bool done;

	ratfun_init(&b);
	done = ratfun_from_expr(e->args[0], name, r) && ratfun_from_expr(e->args[1], name, &b) &&
	       degree_of(r) + degree_of(&b) <= RATFUN_DEGREE_MAX;
	if (done && e->kind == EXPR_MUL)
		ratfun_mul(r, r, &b);
	else if (done && e->kind == EXPR_DIV && (done = !fmpq_poly_is_zero(b.num)))
		ratfun_div(r, r, &b);
	else if (done && e->kind != EXPR_DIV)
		ratfun_add(r, r, &b, e->kind == EXPR_SUB);
	ratfun_clear(&b);
	return done;
}

bool ratfun_from_expr(const struct expr *e, const char *name, struct ratfun *r)
{
	if (!expr_has(e, name))
		return expr_unbound(e, NULL, 0) == NULL && constant(e, r);
	switch (e->kind) {
	case EXPR_VARIABLE:
		fmpq_poly_zero(r->num);
		fmpq_poly_set_coeff_si(r->num, 1, 1);
		fmpq_poly_one(r->den);
		return true;
	case EXPR_NEG:
		if (!ratfun_from_expr(e->args[0], name, r))
			return false;
		fmpq_poly_neg(r->num, r->num);
		return true;
	case EXPR_ADD:
	case EXPR_SUB:
	case EXPR_MUL:
	case EXPR_DIV:
		return binary(e, name, r);
	case EXPR_POW:
		return !expr_has(e->args[1], name) && ratfun_from_expr(e->args[0], name, r) && power(e->args[1], r);
	default:
		return false;
	}
}

void ratfun_shift(struct ratfun *out, const struct ratfun *r, const fmpq_t shift)
{
	fmpq_poly_t x;

	fmpq_poly_init(x);
	fmpq_poly_set_coeff_si(x, 1, 1);
	fmpq_poly_set_coeff_fmpq(x, 0, shift);
	fmpq_poly_compose(out->num, r->num, x);
	fmpq_poly_compose(out->den, r->den, x);
	fmpq_poly_clear(x);
}

bool ratfun_at(const struct ratfun *r, const fmpq_t x, fmpq_t out)
{
	fmpq_t den;
	bool there;

	fmpq_init(den);
	fmpq_poly_evaluate_fmpq(den, r->den, x);
	fmpq_poly_evaluate_fmpq(out, r->num, x);
	there = !fmpq_is_zero(den);
	if (there)
		fmpq_div(out, out, den);
	fmpq_clear(den);
	return there;
}

/* out = sum of |coefficients| radius^i, without the term of the degree `but`. */
static void absolute_sum(arb_t out, const fmpq_poly_t p, const arb_t radius, slong but, slong prec)
{
	fmpq_t q;
	arb_t t, power_i;

	fmpq_init(q);
	arb_init(t);
	arb_init(power_i);
	arb_one(power_i);
	arb_zero(out);
	for (slong i = 0; i < fmpq_poly_length(p); i++) {
		fmpq_poly_get_coeff_fmpq(q, p, i);
		fmpq_abs(q, q);
		arb_mul_fmpz(t, power_i, fmpq_numref(q), prec);
		arb_div_fmpz(t, t, fmpq_denref(q), prec);
		if (i != but)
			arb_add(out, out, t, prec);
		arb_mul(power_i, power_i, radius, prec);
	}
	fmpq_clear(q);
	arb_clear(t);
	arb_clear(power_i);
}

/* den is monic: once radius^d > 2 sum |d_i| radius^i (i < d), that holds for all larger radii, so every pole is inside,
 * and |den| >= radius^d / 2 on the circle. */
void ratfun_circle(const struct ratfun *r, arb_t radius, arb_t bound, slong prec)
{
	slong d = fmpq_poly_degree(r->den);
	arb_t lead, rest;

	arb_init(lead);
	arb_init(rest);
	arb_one(radius);
	for (;;) {
		arb_pow_ui(lead, radius, (ulong)d, prec);
		absolute_sum(rest, r->den, radius, d, prec);
		arb_mul_2exp_si(rest, rest, 1);
		if (arb_gt(lead, rest))
			break;
		arb_mul_2exp_si(radius, radius, 1);
	}
	absolute_sum(bound, r->num, radius, -1, prec);
	arb_mul_2exp_si(bound, bound, 1);
	arb_div(bound, bound, lead, prec);
	arb_clear(lead);
	arb_clear(rest);
}

/* By u = 1/x in [0, 1/from]: num*(u)/den*(u) u^(deg den - deg num), * reversing the coefficients. */
void ratfun_beyond(const struct ratfun *r, slong from, arb_t out, slong prec)
{
	slong n = fmpq_poly_length(r->num), d = fmpq_poly_length(r->den);
	arb_t u, t;
	arb_poly_t p;
	fmpq_poly_t reversed;

	fmpq_poly_init(reversed);
	arb_init(u);
	arb_init(t);
	arb_poly_init(p);
	arb_set_si(u, from);
	arb_inv(u, u, prec);
	arb_zero(t);
	arb_union(u, u, t, prec);
	fmpq_poly_reverse(reversed, r->num, n);
	arb_poly_set_fmpq_poly(p, reversed, prec);
	arb_poly_evaluate(out, p, u, prec);
	fmpq_poly_reverse(reversed, r->den, d);
	arb_poly_set_fmpq_poly(p, reversed, prec);
	arb_poly_evaluate(t, p, u, prec);
	arb_div(out, out, t, prec);
	arb_pow_ui(u, u, (ulong)labs(d - n), prec);
	if (d >= n)
		arb_mul(out, out, u, prec);
	else
		arb_div(out, out, u, prec);
	arb_clear(u);
	arb_clear(t);
	arb_poly_clear(p);
	fmpq_poly_clear(reversed);
}

void ratfun_series_at_infinity(const struct ratfun *r, fmpq_poly_t out, slong len)
{
	slong n = fmpq_poly_length(r->num), d = fmpq_poly_length(r->den);
	fmpq_poly_t num, den;

	fmpq_poly_init(num);
	fmpq_poly_init(den);
	fmpq_poly_reverse(num, r->num, n);
	fmpq_poly_reverse(den, r->den, d);
	fmpq_poly_shift_left(num, num, d - n);
	fmpq_poly_truncate(num, len);
	if (fmpq_poly_is_zero(num))
		fmpq_poly_zero(out);
	else
		fmpq_poly_div_series(out, num, den, len);
	fmpq_poly_clear(num);
	fmpq_poly_clear(den);
}
