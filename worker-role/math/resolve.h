/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Constant expressions among the arguments of a confined call. */
#ifndef SQUARE_RESOLVE_H
#define SQUARE_RESOLVE_H

#include <stddef.h>

#include "op.h"

/* A string that is no literal. Reads it as an expression and evaluates it exactly
 * if it can: then number and rational are set, else expr. 0, or -1 with *f (without a pointer). */
int resolve_number(struct op_value *v, const char *s, size_t n, struct op_failure *f);
/* Reads an expression without looking for its value. */
int resolve_expression(struct op_value *v, const char *s, size_t n, struct op_failure *f);
void resolve_free(struct op_value *v);

#endif
