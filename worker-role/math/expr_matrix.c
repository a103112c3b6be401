/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/expr_matrix.h"

#include "math/expr_tree.h"

#define PRODUCT_NODES_MAX 200000 /* of a matrix product whose elements are no rationals */

bool expr_matrix_is_list(const struct expr *e)
{
	return e->kind == EXPR_LIST;
}

bool expr_matrix_is(const struct expr *e)
{
	return expr_matrix_is_list(e) && e->count > 0 && expr_matrix_is_list(e->args[0]);
}

/* A number node when that is what it comes to and its parts are numbers already; takes the tree. */
struct expr *expr_matrix_fold(struct expr *taken)
{
	struct op_failure f;
	fmpq_t q;

	for (size_t i = 0; i < taken->count; i++)
		if (taken->args[i]->kind != EXPR_NUMBER)
			return taken;
	fmpq_init(q);
	if (expr_rational(taken, NULL, q, &f) == 0) {
		uint32_t at = taken->at;
		expr_free(taken);
		taken = expr_new_number(q);
		taken->at = at;
	}
	fmpq_clear(q);
	return taken;
}

struct expr *expr_matrix_combine(enum expr_kind kind, const struct expr *a, const struct expr *b, uint32_t at)
{
	struct expr *e = expr_new(kind, expr_copy(a), expr_copy(b));

	e->at = at;
	return expr_matrix_fold(e);
}

static bool all_numbers(const struct expr *m)
{
	for (size_t i = 0; i < m->count; i++)
		if (expr_matrix_is_list(m->args[i]) ? !all_numbers(m->args[i]) : m->args[i]->kind != EXPR_NUMBER)
			return false;
	return true;
}

/* A vector as one row or one column. */
struct shape {
	const struct expr *m;
	size_t rows, cols;
	bool column;
};

static const struct expr *element(const struct shape *s, size_t row, size_t col)
{
	if (expr_matrix_is(s->m))
		return s->m->args[row]->args[col];
	return s->m->args[s->column ? row : col];
}

static struct shape shape_of(const struct expr *m, bool column)
{
	if (expr_matrix_is(m))
		return (struct shape){ m, m->count, m->args[0]->count, false };
	return column ? (struct shape){ m, m->count, 1, true } : (struct shape){ m, 1, m->count, false };
}

/* Element (row, col) of a*b, of rationals. */
static struct expr *rational_dot(const struct shape *a, const struct shape *b, size_t row, size_t col)
{
	fmpq_t sum;

	fmpq_init(sum);
	for (size_t k = 0; k < a->cols; k++)
		fmpq_addmul(sum, element(a, row, k)->value, element(b, k, col)->value);
	struct expr *e = expr_new_number(sum);
	fmpq_clear(sum);
	return e;
}

static struct expr *tree_dot(const struct shape *a, const struct shape *b, size_t row, size_t col, uint32_t at)
{
	struct expr *sum = NULL;

	for (size_t k = 0; k < a->cols; k++) {
		struct expr *term = expr_matrix_combine(EXPR_MUL, element(a, row, k), element(b, k, col), at);
		sum = sum ? expr_matrix_fold(expr_new(EXPR_ADD, sum, term)) : term;
	}
	return sum ? sum : expr_tree_integer(0);
}

int expr_matrix_multiply(const struct expr *e, const struct expr *x, const struct expr *y, struct expr **out,
			 struct op_failure *f)
{
	/* A vector on the left of a matrix is a row, on the right a column; two vectors: the scalar product. */
	struct shape a = shape_of(x, false), b = shape_of(y, true);
	bool exact = all_numbers(x) && all_numbers(y);
	double nodes = (double)(expr_tree_size(x) * b.cols + expr_tree_size(y) * a.rows);

	if (a.cols != b.rows) {
		op_fail(f, OP_DIMENSION_MISMATCH, "a product of %zu x %zu with %zu x %zu", a.rows, a.cols, b.rows,
			b.cols);
		return op_fail_position(f, e->at);
	}
	if (!exact && nodes > PRODUCT_NODES_MAX) {
		op_fail_limit(f, PRODUCT_NODES_MAX, nodes, "nodes",
			      "a matrix product of irrational numbers is too large");
		return op_fail_position(f, e->at);
	}
	struct expr *rows = expr_tree_new(EXPR_LIST, e->at, a.rows);
	for (size_t i = 0; i < a.rows; i++) {
		rows->args[i] = expr_tree_new(EXPR_LIST, e->at, b.cols);
		for (size_t j = 0; j < b.cols; j++)
			rows->args[i]->args[j] = exact ? rational_dot(&a, &b, i, j) : tree_dot(&a, &b, i, j, e->at);
	}
	bool row = !expr_matrix_is(x), column = !expr_matrix_is(y);
	*out = rows;
	if (row) {
		*out = rows->args[0];
		rows->count = 0;
		expr_free(rows);
	}
	if (row && column) { /* [[x]] */
		struct expr *list = *out;
		*out = list->args[0];
		list->count = 0;
		expr_free(list);
	} else if (column) { /* [[x], [y]] */
		for (size_t i = 0; i < rows->count; i++) {
			struct expr *list = rows->args[i];
			rows->args[i] = list->args[0];
			list->count = 0;
			expr_free(list);
		}
	}
	return 0;
}
