/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ways to sum an infinite series, for summation.c alone. */
#ifndef SQUARE_SUMMATION_PARTS_H
#define SQUARE_SUMMATION_PARTS_H

#include "math/hyper.h"
#include "math/summation.h"

/* The k-th term; terms first to last added (multiplied) onto out. */
int summation_term(const struct summation *s, slong k, slong prec, arb_t out, struct op_failure *f);
int summation_head(const struct summation *s, slong first, slong last, slong prec, arb_t out, struct op_failure *f);

/* Rigorous ones. */
int summation_rational(const struct summation *s, const struct hyper *h, slong prec, arb_t out, struct op_failure *f);
int summation_rational_product(const struct summation *s, const struct ratfun *r, slong prec, arb_t out,
			       struct op_failure *f);
int summation_hypergeometric(const struct summation *s, const struct hyper *h, slong prec, arb_t out,
			     struct op_failure *f);
/* By acceleration: alternating, or smooth. */
int summation_smooth(const struct summation *s, slong prec, arb_t out, struct op_failure *f);

void summation_bernoulli_poly(fmpq_poly_t out, ulong n);

#endif
