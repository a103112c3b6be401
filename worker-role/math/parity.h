/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether an expression is an even or an odd function of a variable, as far as its form shows it. Pure. */
#ifndef SQUARE_PARITY_H
#define SQUARE_PARITY_H

#include "math/expr.h"

enum parity {
	PARITY_NONE, /* neither, or unknown */
	PARITY_EVEN,
	PARITY_ODD
};

enum parity parity_of(const struct expr *e, const char *name);

#endif
