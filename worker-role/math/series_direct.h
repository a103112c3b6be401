/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The functions of one argument whose power series Arb computes itself, or a quotient of such. */
#ifndef SQUARE_SERIES_DIRECT_H
#define SQUARE_SERIES_DIRECT_H

#include <acb_poly.h>

/* f(x) mod t^len with prec bits, x being a series in t. */
typedef void series_direct(acb_poly_t out, const acb_poly_t x, slong len, slong prec);
series_direct *series_direct_find(const char *name); /* NULL when there is none */

#endif
