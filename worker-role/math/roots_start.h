/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the search for the roots of a polynomial begins: Aberth's iteration in doubles, from Bini's starting points
 * (Numerical Algorithms 13, 1996). Nothing is certain about the result: it only saves whoever proves the roots the long
 * way. Only in compute children. */
#ifndef SQUARE_ROOTS_START_H
#define SQUARE_ROOTS_START_H

#include <acb.h>
#include <flint/fmpz_poly.h>

/* The deg(f) points, all different. f(0) is not 0. */
void roots_start(acb_ptr z, const fmpz_poly_t f);

#endif
