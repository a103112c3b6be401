/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The arguments of a call, from JSON to the values of op.h: counts, names, kinds and shapes, all errors with their
 * pointers. What op_call.c and op_args.c share, nobody else. */
#ifndef SQUARE_OP_ARGS_H
#define SQUARE_OP_ARGS_H

#include <jansson.h>

#include "op.h"

/* Parameters of one value each: all but the variadic one, PRECISION and EXACT. */
size_t op_args_fixed(const struct op *op);
/* Takes the arguments into c (zeroed but for op, confined, timeout_ms and args). timeout_given: the caller's stands as
 * an upper bound. 0, or -1 with *f; what was taken is freed by op_call_fini() in both cases. */
int op_args_take(struct op_call *c, json_t *args, bool timeout_given, struct op_failure *f);

/* Reads the literal of a JSON number: like number_scan(), but a real stands for its double's shortest decimal. */
int op_args_scan_real(const char *s, size_t n, struct number *x);

/* math/resolve.c: a string that is no literal, in a confined call. Reads it as an expression and evaluates it exactly
 * if it can: then number and rational are set, else expr. 0, or -1 with *f (without a pointer). */
int resolve_number(struct op_value *v, const char *s, size_t n, struct op_failure *f);
/* Reads an expression without looking for its value. */
int resolve_expression(struct op_value *v, const char *s, size_t n, struct op_failure *f);
void resolve_free(struct op_value *v);

#endif
