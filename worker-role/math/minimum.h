/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A local minimum of a real function of several variables: the Nelder-Mead simplex (GSL) finds the valley, Newton's
 * method on symbolic derivatives at 512 bits then the point to all digits. Only in compute children. */
#ifndef SQUARE_MINIMUM_H
#define SQUARE_MINIMUM_H

#include <stddef.h>

#include "math/expr.h"

#define MINIMUM_VARIABLES_MAX 20

struct minimum {
	const struct expr *f;
	const char *names[MINIMUM_VARIABLES_MAX];
	size_t n;
	double x[MINIMUM_VARIABLES_MAX]; /* in: where to start; out: the point */
	double value;
	long iterations;
};

/* did-not-converge where f has no isolated minimum that is found. 0, or -1 with *f. */
int minimum_find(struct minimum *m, struct op_failure *f);

#endif
