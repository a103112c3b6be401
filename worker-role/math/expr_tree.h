/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the expression language share about trees and names; everybody else uses math/expr.h. */
#ifndef SQUARE_EXPR_TREE_H
#define SQUARE_EXPR_TREE_H

#include "math/expr.h"

/* A node whose args are still NULL. */
struct expr *expr_tree_new(enum expr_kind kind, size_t at, size_t count);
void expr_tree_append(struct expr *list, struct expr *taken);
struct expr *expr_tree_integer(slong v);
size_t expr_tree_size(const struct expr *e);                      /* nodes */
bool expr_tree_binds(const struct expr *e);                       /* sum(body, k, a, b) or product */
bool expr_tree_equal(const struct expr *a, const struct expr *b); /* the same tree */
bool expr_tree_is(const struct expr *e, slong v);                 /* the number v */
bool expr_tree_is_integer(const struct expr *e);

/* ---- names (expr_names.c) ---- */
bool expr_names_constant(const char *name);
/* Fails with OP_UNKNOWN_NAME at e, a variable without value or a call of nothing known, and the names that may have
 * been meant; known[0..n): further variables there are. */
int expr_names_fail(const struct expr *e, const char *const *known, size_t n, struct op_failure *f);
/* Arguments that a call of this name takes: 0, or -1 when nothing has this name. Operations take any number here: the
 * registry checks them itself. */
int expr_names_arity(const char *name, unsigned *least, unsigned *most);

#endif
