/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Limits of a real function, by values extremely close to the point: at distances d, d^2, d^4 … with d = 2^-prec and
 * less, several around each, from each side. Where all agree to prec bits that is the limit: whatever tends there like
 * a power of the distance does so. Slower convergence (1/log x) is refused. Only in compute children. */
#ifndef SQUARE_APPROACH_H
#define SQUARE_APPROACH_H

#include <arb.h>

#include "math/univariate.h"

enum approach_side {
	APPROACH_BOTH, /* where the function is real on one side only, that side */
	APPROACH_LEFT,
	APPROACH_RIGHT
};

/* 0: *infinite is 0 and out an enclosure, or *infinite is -1 or 1. -1 with *f: no-solution where the sides have
 * different limits, did-not-converge where none is found. */
int approach_limit(const struct univariate *u, const struct bound *at, enum approach_side side, slong prec, arb_t out,
		   int *infinite, struct op_failure *f);

#endif
