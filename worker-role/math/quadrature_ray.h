/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parts of an integral that reach a singular point or infinity: along a ray c + s t, t > 0. For quadrature.c. */
#ifndef SQUARE_QUADRATURE_RAY_H
#define SQUARE_QUADRATURE_RAY_H

#include <arb.h>

#include "math/univariate.h"

struct ray {
	const struct univariate *u;
	const struct bound *from; /* c; NULL: `at` */
	const arb_struct *at;
	int side;      /* x = c + side t; 0: the sum of both sides, f(c + t) + f(c - t) */
	bool mirrored; /* instead: f(c + t) + f(-c - t) */
};

/* The rigorous part: from t = a to b, on a path where the integrand is bounded. Not finite if it cannot be enclosed. */
int ray_core(const struct ray *r, const arb_t a, const arb_t b, slong prec, arb_t out, struct op_failure *f);
/* From t = 0, where the integrand may be singular, to t = reach. */
int ray_singular(const struct ray *r, const arb_t reach, slong prec, arb_t out, struct op_failure *f);
/* From t = 0 to infinity. */
int ray_infinite(const struct ray *r, slong prec, arb_t out, struct op_failure *f);
/* The same for an integrand that oscillates: between its zeros, accelerated. */
int ray_oscillating(const struct ray *r, slong prec, arb_t out, struct op_failure *f);
bool ray_oscillates(const struct ray *r);
/* The integrand at t with prec bits (relative to t). Not finite where it has no real value. */
void ray_at(const struct ray *r, const arb_t t, slong prec, arb_t out);

#endif
