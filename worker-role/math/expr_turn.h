/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Trigonometric functions at multiples of pi/4 that the expression shows to be such: their zeros and poles, which no
 * enclosure can tell from a near miss, and where they are 1 or -1. */
#ifndef SQUARE_EXPR_TURN_H
#define SQUARE_EXPR_TURN_H

#include "math/expr.h"

enum expr_turn {
	EXPR_TURN_UNKNOWN, /* another function, another argument, or a value that is no integer */
	EXPR_TURN_VALUE,
	EXPR_TURN_POLE,
};

/* The function of this name at the argument, a tree. EXPR_TURN_VALUE: *value is -1, 0 or 1. */
enum expr_turn expr_turn_at(const char *name, const struct expr *argument, int *value);

#endif
