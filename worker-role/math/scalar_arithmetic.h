/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The operations of arithmetic on rationals and on balls (see scalar.h), each a few lines around FLINT and Arb.
 * Complex powers and roots are principal values. */
#ifndef SQUARE_SCALAR_ARITHMETIC_H
#define SQUARE_SCALAR_ARITHMETIC_H

#include "math/scalar.h"

extern const struct scalar scalar_square, scalar_add, scalar_sub, scalar_mul, scalar_div, scalar_pow, scalar_neg,
    scalar_abs;
extern const struct scalar scalar_root; /* real: args are x and, if given, the degree, an integer from 1 to 10^9 */

#endif
