/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One argument of a call, from JSON to its value of op.h: kind, shape, bounds, and for a string in a confined call the
 * expression that it is. Used by op_args.c for all arguments, and by math/ for the elements of arrays. */
#ifndef SQUARE_OP_VALUE_H
#define SQUARE_OP_VALUE_H

#include <jansson.h>

#include "op.h"

/* Takes v as the i-th value. 0, or -1 with what is wrong added to *f. */
int op_value_take(struct op_call *c, size_t i, json_t *v, struct op_failure *f);

/* Reads the literal of a JSON number: like number_scan(), but a real stands for its double's shortest decimal. */
int op_value_scan_real(const char *s, size_t n, struct number *x);

#endif
