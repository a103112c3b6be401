/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pell's equation x^2 - n y^2 = 1, by the continued fraction of sqrt(n). Any thread. */
#ifndef SQUARE_PELL_H
#define SQUARE_PELL_H

#include <flint/fmpz.h>

#include "op_failure.h"

#define PELL_DIGITS_MAX 500000 /* of x: both fit into a result */

/* The least solution with y > 0, for n > 0 that is no square. 0, or -1 with *f. */
int pell_solve(fmpz_t x, fmpz_t y, const fmpz_t n, struct op_failure *f);

#endif
