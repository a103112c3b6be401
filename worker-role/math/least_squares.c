/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/least_squares.h"

#include <arb_mat.h>
#include <flint/fmpz_mat.h>
#include <flint/nmod_mat.h>
#include <math.h>

#include "math/arg.h"

#define EXACT_NS_MAX 1e9           /* what the exact way may be estimated to take */
#define EXACT_CELLS 10000          /* so many are fitted exactly whenever the call's time allows it */
#define EXACT_BITS_MAX 400000000.0 /* of the integer design matrix */
#define NS_PER_LIMB 2.0
#define ZERO_BITS 4096L /* a residual sum that so many bits do not tell from 0 is 0 */

/* ---- exactly ---- */

static double column_bits(const struct least_squares *s)
{
	double most = (double)fmpz_bits(s->x->d);

	for (size_t i = 0; i < s->x->n; i++)
		most = fmax(most, (double)fmpz_bits(s->x->a + i));
	return s->powers ? most * (double)s->p : most;
}

static double exact_cost(const struct least_squares *s)
{
	double n = (double)s->n, p = (double)s->p, limbs = 1 + 2 * column_bits(s) / 64;

	return NS_PER_LIMB * (n * p * p * limbs * limbs / 4 + p * p * p * p * limbs);
}

/* X in integers, over a denominator for each column. */
static void design_exact(const struct least_squares *s, fmpz_mat_t a, fmpz *denominators)
{
	size_t first = s->constant ? 1 : 0;

	for (size_t j = 0; j < s->p; j++)
		fmpz_one(denominators + j);
	for (size_t j = first; j < s->p; j++) {
		if (s->powers && j > first)
			fmpz_mul(denominators + j, denominators + j - 1, s->x->d);
		else
			fmpz_set(denominators + j, s->x->d);
	}
	for (size_t i = 0; i < s->n; i++) {
		if (s->constant)
			fmpz_one(fmpz_mat_entry(a, (slong)i, 0));
		for (size_t j = first; j < s->p; j++) {
			fmpz *cell = fmpz_mat_entry(a, (slong)i, (slong)j);
			if (s->powers && j > first)
				fmpz_mul(cell, fmpz_mat_entry(a, (slong)i, (slong)j - 1), s->x->a + i);
			else
				fmpz_set(cell, s->x->a + (s->powers ? i : i * s->columns + j - first));
		}
	}
}

/* The sum of squares of y, around its mean if there is a constant term. */
static void total_exact(struct least_squares *s, slong prec)
{
	if (s->constant) {
		sample_central(&s->tss, s->y, 2, prec);
	} else {
		fmpz_t sum, d;
		fmpz_init(sum);
		fmpz_init(d);
		for (size_t i = 0; i < s->n; i++)
			fmpz_addmul(sum, s->y->a + i, s->y->a + i);
		fmpz_mul(d, s->y->d, s->y->d);
		real_set_ratio(&s->tss, sum, d);
		fmpz_clear(sum);
		fmpz_clear(d);
	}
}

/* With G = A'A, h = A'y in integers: b = G^-1 h scaled back by the denominators, and y'y - h'b is the residual sum. */
static void results_exact(struct least_squares *s, const fmpz_mat_t inverse, const fmpz_t den, const fmpz_mat_t h,
			  const fmpz *denominators)
{
	fmpz_mat_t b;
	fmpz_t t, u, square;

	fmpz_mat_init(b, (slong)s->p, 1);
	fmpz_init(t);
	fmpz_init(u);
	fmpz_init(square);
	fmpz_mat_mul(b, inverse, h);
	for (size_t j = 0; j < s->p; j++) {
		fmpz_mul(t, fmpz_mat_entry(b, (slong)j, 0), denominators + j);
		fmpz_mul(u, den, s->y->d);
		real_set_ratio(&s->coefficients[j], t, u);
		fmpz_mul(t, denominators + j, denominators + j);
		fmpz_mul(t, t, fmpz_mat_entry(inverse, (slong)j, (slong)j));
		real_set_ratio(&s->spread[j], t, den);
		fmpz_submul(square, fmpz_mat_entry(h, (slong)j, 0), fmpz_mat_entry(b, (slong)j, 0));
	}
	for (size_t i = 0; i < s->n; i++) {
		fmpz_mul(t, s->y->a + i, s->y->a + i);
		fmpz_addmul(square, t, den);
	}
	fmpz_mul(u, s->y->d, s->y->d);
	fmpz_mul(u, u, den);
	real_set_ratio(&s->rss, square, u);
	fmpz_mat_clear(b);
	fmpz_clear(t);
	fmpz_clear(u);
	fmpz_clear(square);
}

static int solve_exact(struct least_squares *s, struct op_failure *f)
{
	slong n = (slong)s->n, p = (slong)s->p;
	fmpz_mat_t a, t, g, h, y;
	fmpz *denominators = _fmpz_vec_init(p);
	fmpz_t den;
	int rc = 0;

	fmpz_mat_init(a, n, p);
	fmpz_mat_init(t, p, n);
	fmpz_mat_init(g, p, p);
	fmpz_mat_init(h, p, 1);
	fmpz_mat_init(y, n, 1);
	fmpz_init(den);
	design_exact(s, a, denominators);
	for (slong i = 0; i < n; i++)
		fmpz_set(fmpz_mat_entry(y, i, 0), s->y->a + i);
	fmpz_mat_transpose(t, a);
	fmpz_mat_mul(g, t, a);
	fmpz_mat_mul(h, t, y);
	if (fmpz_mat_inv(g, den, g)) {
		results_exact(s, g, den, h, denominators);
		total_exact(s, 0);
	} else {
		rc = op_fail(f, OP_SINGULAR, "the regressors depend on each other linearly%s",
			     s->constant ? " (or on the constant term)" : "");
	}
	fmpz_mat_clear(a);
	fmpz_mat_clear(t);
	fmpz_mat_clear(g);
	fmpz_mat_clear(h);
	fmpz_mat_clear(y);
	fmpz_clear(den);
	_fmpz_vec_clear(denominators, p);
	return rc;
}

/* ---- in balls ---- */

static void design_balls(const struct least_squares *s, arb_mat_t a, arb_mat_t y, slong prec)
{
	size_t first = s->constant ? 1 : 0;
	struct real v;

	real_init(&v);
	for (size_t i = 0; i < s->n; i++) {
		if (s->constant)
			arb_one(arb_mat_entry(a, (slong)i, 0));
		for (size_t j = first; j < s->p; j++) {
			arb_ptr cell = arb_mat_entry(a, (slong)i, (slong)j);
			if (s->powers && j > first) {
				arb_mul(cell, arb_mat_entry(a, (slong)i, (slong)j - 1),
					arb_mat_entry(a, (slong)i, (slong)first), prec);
			} else {
				sample_at(&v, s->x, s->powers ? i : i * s->columns + j - first);
				real_get_arb(cell, &v, prec);
			}
		}
		sample_at(&v, s->y, i);
		real_get_arb(arb_mat_entry(y, (slong)i, 0), &v, prec);
	}
	real_clear(&v);
}

/* y'y, or around the mean, and its part that the fit leaves. */
static void sums_balls(struct least_squares *s, const arb_mat_t h, const arb_mat_t b, const arb_mat_t y, slong prec)
{
	arb_t squares, fitted, v;

	arb_init(squares);
	arb_init(fitted);
	arb_init(v);
	for (size_t i = 0; i < s->n; i++)
		arb_addmul(squares, arb_mat_entry(y, (slong)i, 0), arb_mat_entry(y, (slong)i, 0), prec);
	for (size_t j = 0; j < s->p; j++)
		arb_addmul(fitted, arb_mat_entry(h, (slong)j, 0), arb_mat_entry(b, (slong)j, 0), prec);
	arb_sub(v, squares, fitted, prec);
	if (arb_contains_zero(v) && prec > 2 * ZERO_BITS)
		real_set_si(&s->rss, 0);
	else
		real_set_arb(&s->rss, v);
	if (s->constant)
		sample_central(&s->tss, s->y, 2, prec);
	else
		real_set_arb(&s->tss, squares);
	arb_clear(squares);
	arb_clear(fitted);
	arb_clear(v);
}

static void results_balls(struct least_squares *s, const arb_mat_t inverse, const arb_mat_t h, const arb_mat_t y,
			  slong prec)
{
	arb_mat_t b;

	arb_mat_init(b, (slong)s->p, 1);
	arb_mat_mul(b, inverse, h, prec);
	for (size_t j = 0; j < s->p; j++) {
		real_set_arb(&s->coefficients[j], arb_mat_entry(b, (slong)j, 0));
		real_set_arb(&s->spread[j], arb_mat_entry(inverse, (slong)j, (slong)j));
	}
	sums_balls(s, h, b, y, prec);
	arb_mat_clear(b);
}

int least_squares_refine(struct least_squares *s, struct op_call *c, slong prec, struct op_failure *f)
{
	slong n = (slong)s->n, p = (slong)s->p;
	arb_mat_t a, t, g, h, y;
	int rc = 0;

	if (s->exact)
		return 0;
	if (sample_refine(s->x, c, prec, f) < 0 || sample_refine(s->y, c, prec, f) < 0)
		return -1;
	arb_mat_init(a, n, p);
	arb_mat_init(t, p, n);
	arb_mat_init(g, p, p);
	arb_mat_init(h, p, 1);
	arb_mat_init(y, n, 1);
	design_balls(s, a, y, prec);
	arb_mat_transpose(t, a);
	arb_mat_mul(g, t, a, prec);
	arb_mat_mul(h, t, y, prec);
	if (!arb_mat_inv(g, g, prec)) {
		arb_mat_indeterminate(g);
		if (prec > 2 * ZERO_BITS)
			rc = op_fail(f, OP_SINGULAR, "the regressors depend on each other linearly");
	}
	results_balls(s, g, h, y, prec);
	arb_mat_clear(a);
	arb_mat_clear(t);
	arb_mat_clear(g);
	arb_mat_clear(h);
	arb_mat_clear(y);
	return rc;
}

/* Whether the columns of rational data are independent: they are when they are modulo some prime. A matrix that looks
 * dependent modulo three primes of 63 bits is taken to be so. */
static bool independent(const struct least_squares *s)
{
	static const ulong primes[] = { 9223372036854775783u, 9223372036854775643u, 9223372036854775549u };
	slong n = (slong)s->n, p = (slong)s->p;
	fmpz_mat_t a;
	fmpz *denominators = _fmpz_vec_init(p);
	bool ok = false;

	fmpz_mat_init(a, n, p);
	design_exact(s, a, denominators);
	for (size_t i = 0; !ok && i < sizeof primes / sizeof *primes; i++) {
		nmod_mat_t m;
		nmod_mat_init(m, n, p, primes[i]);
		fmpz_mat_get_nmod_mat(m, a);
		ok = nmod_mat_rank(m) == p;
		nmod_mat_clear(m);
	}
	fmpz_mat_clear(a);
	_fmpz_vec_clear(denominators, p);
	return ok;
}

/* ---- both ---- */

static int choose_way(struct least_squares *s, struct op_call *c, struct op_failure *f)
{
	bool rational = s->x->rational && s->y->rational;
	double bits = rational ? (double)s->n * (double)s->p * column_bits(s) : 0;
	double ns = rational ? exact_cost(s) : 0;

	bool small = s->n * s->p <= EXACT_CELLS && answer_check_cost(c, ns, 0, f) == 0;

	s->exact = rational && bits <= EXACT_BITS_MAX && (small || ns <= EXACT_NS_MAX || c->exact == 1);
	if (c->exact == 1 && !s->exact)
		return op_fail_limit(f, EXACT_BITS_MAX, bits, "bits", "an exact regression");
	if (s->exact)
		return answer_check_cost(c, ns, 0, f) < 0 ? -1 : solve_exact(s, f);
	if (rational && bits <= EXACT_BITS_MAX && !independent(s))
		return op_fail(f, OP_SINGULAR, "the regressors depend on each other linearly");
	return 0;
}

int least_squares_init(struct least_squares *s, struct op_call *c, size_t degree, struct op_failure *f)
{
	s->n = s->y->n;
	s->p = (s->powers ? degree : s->columns) + (s->constant ? 1 : 0);
	if (s->n < s->p)
		return op_fail(f, OP_INVALID_ARGUMENT,
			       "expected at least as many observations as coefficients, %zu, got %zu", s->p, s->n);
	if (s->n * s->p > LEAST_SQUARES_CELLS_MAX)
		return op_fail_limit(f, LEAST_SQUARES_CELLS_MAX, (double)s->n * (double)s->p, "cells",
				     "observations times coefficients");
	s->coefficients = real_array(s->p);
	s->spread = real_array(s->p);
	real_init(&s->rss);
	real_init(&s->tss);
	if (choose_way(s, c, f) == 0)
		return 0;
	least_squares_clear(s);
	return -1;
}

void least_squares_clear(struct least_squares *s)
{
	real_array_free(s->coefficients, s->p);
	real_array_free(s->spread, s->p);
	real_clear(&s->rss);
	real_clear(&s->tss);
}
