/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rational functions over the rationals in one variable, read off an expression: what limits, sums and products of them
 * can be decided by exactly. Only in compute children. */
#ifndef SQUARE_RATFUN_H
#define SQUARE_RATFUN_H

#include <arb.h>
#include <flint/fmpq_poly.h>
#include <stdbool.h>

#include "math/expr.h"

#define RATFUN_DEGREE_MAX 2000

struct ratfun {
	fmpq_poly_t num, den; /* coprime, den monic */
};

void ratfun_init(struct ratfun *r);
void ratfun_clear(struct ratfun *r);
/* Whether e is one in `name` (of bounded degree), which no other name occurs in; then into r. */
bool ratfun_from_expr(const struct expr *e, const char *name, struct ratfun *r);
/* r(x + shift). */
void ratfun_shift(struct ratfun *out, const struct ratfun *r, const fmpq_t shift);
void ratfun_mul(struct ratfun *out, const struct ratfun *a, const struct ratfun *b);
void ratfun_div(struct ratfun *out, const struct ratfun *a, const struct ratfun *b); /* b not 0 */
/* The value; false at a pole. */
bool ratfun_at(const struct ratfun *r, const fmpq_t x, fmpq_t out);
/* A radius >= 1 (a power of 2) such that all poles lie in |z| < radius, and a bound of |r(z)| on |z| = radius. */
void ratfun_circle(const struct ratfun *r, arb_t radius, arb_t bound, slong prec);
/* Encloses r over all real x >= from > 0 (if it is bounded there). */
void ratfun_beyond(const struct ratfun *r, slong from, arb_t out, slong prec);
/* Coefficients c_0, c_1, … of r in 1/x, len of them; the degree of num must not exceed that of den. */
void ratfun_series_at_infinity(const struct ratfun *r, fmpq_poly_t out, slong len);

#endif
