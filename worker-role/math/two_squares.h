/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An integer as a sum of two squares, from its factors, in Gaussian integers. Only in compute children. */
#ifndef SQUARE_TWO_SQUARES_H
#define SQUARE_TWO_SQUARES_H

#include <flint/fmpz.h>
#include <flint/fmpz_factor.h>

#include "op_failure.h"

#define TWO_SQUARES_MAX 100000 /* representations */

struct two_squares {
	fmpz *v; /* pairs a, b with 0 <= a <= b, ascending by a */
	slong count;
};

/* All of them for n > 0, and *count = r2(n)/4, which counts those that differ by more than units. *s need not be
 * initialised; fini after success. 0, or -1 with *f. */
int two_squares_list(struct two_squares *s, const fmpz_factor_t n, double *count, struct op_failure *f);
void two_squares_fini(struct two_squares *s);

#endif
