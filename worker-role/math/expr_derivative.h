/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The derivatives of the functions, as texts of the language itself. */
#ifndef SQUARE_EXPR_DERIVATIVE_H
#define SQUARE_EXPR_DERIVATIVE_H

#include "math/expr.h"

/* The derivative of name(x1, x2, …), a function of `count` arguments, in its argument number i (from 0), in terms of
 * the variables x1, x2, x3; NULL when there is none. A new tree. */
struct expr *expr_derivative_rule(const char *name, size_t count, size_t i);
/* e with the variables x1, x2, … replaced by copies of args[0], args[1] …; e is taken. */
struct expr *expr_derivative_fill(struct expr *taken, struct expr *const *args);

#endif
