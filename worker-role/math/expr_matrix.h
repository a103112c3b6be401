/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Vectors and matrices of expressions: lists, and lists of lists of one length, whose elements are numbers where they
 * are rational. For expr_reduce.c. */
#ifndef SQUARE_EXPR_MATRIX_H
#define SQUARE_EXPR_MATRIX_H

#include "math/expr.h"

bool expr_matrix_is_list(const struct expr *e);
bool expr_matrix_is(const struct expr *e); /* a list whose first element is a list */
/* A number node when the tree comes to a rational and its parts are numbers already; else the tree, which is taken. */
struct expr *expr_matrix_fold(struct expr *taken);
/* a kind b, from copies, folded. */
struct expr *expr_matrix_combine(enum expr_kind kind, const struct expr *a, const struct expr *b, uint32_t at);
/* x*y, where a vector on the left of a matrix is a row, on the right a column, and two vectors make the scalar product.
 * 0, or -1 with *f at e. */
int expr_matrix_multiply(const struct expr *e, const struct expr *x, const struct expr *y, struct expr **out,
			 struct op_failure *f);

#endif
