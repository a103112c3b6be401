/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Taylor series with rational coefficients, exactly, of expressions made of rational operations and elementary
 * functions at points where their series are rational (exp at 0, log at 1, …), removable singularities included. Only
 * in compute children. */
#ifndef SQUARE_TAYLOR_H
#define SQUARE_TAYLOR_H

#include <flint/fmpq_poly.h>
#include <stdbool.h>

#include "math/expr.h"

/* The coefficients of e at name = at, len of them. False: they are not known to be rational. */
bool taylor_rational(const struct expr *e, const char *name, const fmpq_t at, slong len, fmpq_poly_t out);

#endif
