/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Operations of the registry called from an expression: arguments from trees, results as JSON or as numbers. Names may
 * stand for texts (derivative(x^2, x)); expressions are handed over as text, numbers by their values. */
#ifndef SQUARE_EXPR_CALL_H
#define SQUARE_EXPR_CALL_H

#include <jansson.h>

#include "math/expr_value.h"

/* The result of the call e (exact_json.h), a new reference; NULL with the evaluation's failure filled. digits: the
 * precision to ask for, where the operation takes one; 0: none. */
json_t *expr_call_json(struct expr_eval *ev, const struct expr *e, uint32_t digits);
/* A number of a result as it is shown: 1: exact; 0: a decimal; -1: v is something else. */
int expr_call_number(const json_t *v, fmpq_t out);

#endif
