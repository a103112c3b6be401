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

#endif
