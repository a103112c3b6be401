/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Functions that have exact values, and where: sqrt(4), floor(pi), log(8, 2), gcd(12, 18). Where they have none, the
 * functions of math/function.h go on; those that are not there are functions of integers only. */
#ifndef SQUARE_EXPR_EXACT_H
#define SQUARE_EXPR_EXACT_H

#include "math/expr_value.h"

struct expr_exact {
	const char *name;
	unsigned least, most; /* arguments */
	/* 1: out has the value; 0: there is no exact one; -1: failed. out is none of args. */
	int (*apply)(struct expr_eval *ev, struct expr_value *out, const struct expr_value *args, size_t n);
};

const struct expr_exact *expr_exact_find(const char *name); /* NULL when there is none */
extern const struct expr_exact expr_exact_table[];          /* ends with a line without name */

#endif
