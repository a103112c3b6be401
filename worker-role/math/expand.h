/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Expressions in several variables multiplied out: polynomials with rational coefficients, bounded before each step.
 * Only in compute children. */
#ifndef SQUARE_EXPAND_H
#define SQUARE_EXPAND_H

#include <stddef.h>

#include "buf.h"
#include "math/expr.h"
#include "op_failure.h"

#define EXPAND_VARIABLES_MAX 32
#define EXPAND_TERMS_MAX 50000
#define EXPAND_DEGREE_MAX 1000000 /* of one term */

/* The different variables of e outside of constant calls, in the order of their names; how many, at most
 * EXPAND_VARIABLES_MAX + 1. Borrowed from e. */
size_t expand_variables(const struct expr *e, const char *names[EXPAND_VARIABLES_MAX + 1]);
/* Appends the expanded form as text of the expression language ("x^2 + 2*x*y + y^2"), terms by descending degree.
 * 0, or -1 with *f and its position: no polynomial (OP_INVALID_ARGUMENT), too large, division by zero. */
int expand_text(const struct expr *e, const char *const *names, size_t n, struct buf *out, struct op_failure *f);

#endif
