/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linear least squares for regressions: y = X b, with a constant term on request. Rational data are solved exactly, by
 * the normal equations in integers, as long as that is cheap; else the normal equations are solved in balls whose
 * precision grows until the digits are proven, so that their conditioning costs time but no digits. Only in compute
 * children; one thread. */
#ifndef SQUARE_LEAST_SQUARES_H
#define SQUARE_LEAST_SQUARES_H

#include <stdbool.h>
#include <stddef.h>

#include "math/real.h"
#include "math/sample.h"

#define LEAST_SQUARES_CELLS_MAX 1000000 /* observations times coefficients */

struct least_squares {
	struct sample *x, *y; /* borrowed: x row by row */
	size_t n;             /* observations */
	size_t p;             /* coefficients, the constant term too */
	size_t columns;       /* of x */
	bool constant;        /* the first coefficient is the constant term */
	bool powers;          /* x has one column: the regressors are its powers from 1 (from 0 with the constant) */
	bool exact;           /* what follows does not depend on the precision */
	struct real *coefficients;
	struct real *spread;  /* the diagonal of the inverse of X'X */
	struct real rss, tss; /* of residuals; of y around its mean, or around 0 without constant term */
};

/* Fills n, p and the rest from x, y, columns, constant, powers (p from `degree` if powers). Solves now if that can be
 * done exactly. Too few observations are invalid-argument, dependent regressors singular. 0, or -1 with *f, when there
 * is nothing to clear. */
int least_squares_init(struct least_squares *s, struct op_call *c, size_t degree, struct op_failure *f);
/* Brings the results to prec bits. 0, or -1 with *f. */
int least_squares_refine(struct least_squares *s, struct op_call *c, slong prec, struct op_failure *f);
void least_squares_clear(struct least_squares *s);

#endif
