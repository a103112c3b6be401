/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Expressions whose values are more than numbers: vectors, matrices, and whatever operations of the registry give.
 * Reducing a tree carries out all of that and leaves trees of numbers, which are exact where they can be and otherwise
 * still expressions, to be evaluated with as many digits as wanted. */
#ifndef SQUARE_EXPR_REDUCE_H
#define SQUARE_EXPR_REDUCE_H

#include <jansson.h>

#include "math/expr.h"

struct expr_reduced {
	/* A number's tree, or a list of numbers' trees, or a list of such lists of one length. NULL: something else. */
	struct expr *tree;
	/* What an operation gave, when that says more than the tree, which has its decimals as they are shown. */
	json_t *json;
};

/* digits: the precision that operations are asked for where their result is no number; 0: none. 0, or -1 with *f. */
int expr_reduce(const struct expr *e, uint32_t digits, struct expr_reduced *out, struct op_failure *f);
void expr_reduced_fini(struct expr_reduced *r);

#endif
