/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LU: a = p l u. Exactly and in balls the pivot is the first entry that is not 0, so that the result does not depend on
 * the precision; in doubles the largest, as stability wants it. */
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>

#include "ops/decomposition.h"
#include "ops/linear.h"

/* In place: u on and above the diagonal, l below. order[i]: which row of a stands in place i. The pivot is the first
 * entry of its column that is not 0; a column without one leaves zeros. */
static void lu_factor(fmpq_mat_t a, slong *order)
{
	slong rows = fmpq_mat_nrows(a), cols = fmpq_mat_ncols(a);

	for (slong i = 0; i < rows; i++)
		order[i] = i;
	for (slong j = 0; j < cols && j < rows; j++) {
		slong pivot = j;
		while (pivot < rows && fmpq_is_zero(fmpq_mat_entry(a, pivot, j)))
			pivot++;
		if (pivot == rows)
			continue;
		fmpq_mat_swap_rows(a, order, j, pivot);
		for (slong i = j + 1; i < rows; i++) {
			fmpq *factor = fmpq_mat_entry(a, i, j);
			if (fmpq_is_zero(factor))
				continue;
			fmpq_div(factor, factor, fmpq_mat_entry(a, j, j));
			for (slong k = j + 1; k < cols; k++)
				fmpq_submul(fmpq_mat_entry(a, i, k), factor, fmpq_mat_entry(a, j, k));
		}
	}
}

/* The matrix p of a = p l u: column i has its 1 in row order[i]. */
static void put_permutation(struct buf *json, const slong *order, slong n)
{
	for (slong i = 0; i < n; i++) {
		buf_puts(json, i ? "],[" : "[[");
		for (slong j = 0; j < n; j++)
			buf_puts(json, order[j] == i ? (j ? ",1" : "1") : (j ? ",0" : "0"));
	}
	buf_puts(json, "]]");
}

static int lu_exact(struct op_call *c, struct buf *json, fmpq_mat_t a, slong *order, struct op_failure *f)
{
	slong rows = fmpq_mat_nrows(a), cols = fmpq_mat_ncols(a), k = FLINT_MIN(rows, cols);
	fmpq_mat_t l;
	int rc;

	lu_factor(a, order);
	fmpq_mat_init(l, rows, k);
	for (slong i = 0; i < rows; i++)
		for (slong j = 0; j < k && j <= i; j++) {
			if (i == j)
				fmpq_one(fmpq_mat_entry(l, i, j));
			else
				fmpq_swap(fmpq_mat_entry(l, i, j), fmpq_mat_entry(a, i, j));
		}
	buf_puts(json, "{\"p\":");
	put_permutation(json, order, rows);
	answer_member(json, "l");
	rc = matrix_put(c, json, l, f);
	answer_member(json, "u");
	fmpq_mat_t u;
	fmpq_mat_window_init(u, a, 0, 0, k, cols);
	rc = rc ? rc : matrix_put(c, json, u, f);
	fmpq_mat_window_clear(u);
	buf_byte(json, '}');
	fmpq_mat_clear(l);
	return rc;
}

/* The same rule in balls: false while an entry before the first that is not 0 may be 0 or not. */
static bool lu_factor_balls(acb_mat_t a, slong *order, slong prec)
{
	slong rows = acb_mat_nrows(a), cols = acb_mat_ncols(a);

	for (slong i = 0; i < rows; i++)
		order[i] = i;
	for (slong j = 0; j < cols && j < rows; j++) {
		slong pivot = j;
		while (pivot < rows && acb_contains_zero(acb_mat_entry(a, pivot, j))) {
			if (!acb_is_zero(acb_mat_entry(a, pivot, j)) && prec < MATRIX_ZERO_PREC)
				return false;
			acb_zero(acb_mat_entry(a, pivot++, j));
		}
		if (pivot == rows)
			continue;
		acb_mat_swap_rows(a, order, j, pivot);
		for (slong i = j + 1; i < rows; i++) {
			acb_ptr factor = acb_mat_entry(a, i, j);
			acb_div(factor, factor, acb_mat_entry(a, j, j), prec);
			for (slong k = j + 1; k < cols; k++)
				acb_submul(acb_mat_entry(a, i, k), factor, acb_mat_entry(a, j, k), prec);
		}
	}
	return true;
}

static int lu_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	acb_mat_t a;
	int rc = arg_acb_mat(c, 0, a, prec, f);
	slong rows = acb_mat_nrows(a), cols = acb_mat_ncols(a), k = FLINT_MIN(rows, cols);

	matrix_leaves_unknown(out, n);
	if (rc == 0 && lu_factor_balls(a, arg, prec)) {
		_acb_vec_zero(out, (slong)n);
		for (slong i = 0; i < rows; i++)
			for (slong j = 0; j < cols; j++) {
				if (i == j)
					acb_one(out + i * k + j);
				acb_set(i > j ? out + i * k + j : out + rows * k + i * cols + j,
					acb_mat_entry(a, i, j));
			}
	}
	acb_mat_clear(a);
	return rc;
}

static int lu_put_balls(struct op_call *c, struct buf *json, slong *order, const size_t shape[4], struct op_failure *f)
{
	struct certified v;
	size_t first = shape[0] * shape[1];

	if (certify(c, first + shape[2] * shape[3], lu_balls, order, &v, f))
		return -1;
	buf_puts(json, "{\"p\":");
	put_permutation(json, order, (slong)shape[0]);
	answer_member(json, "l");
	certified_put_mat(json, &v, 0, shape[0], shape[1]);
	answer_member(json, "u");
	certified_put_mat(json, &v, first, shape[2], shape[3]);
	buf_byte(json, '}');
	certified_fini(&v);
	return 0;
}

static int lu_doubles(struct op_call *c, struct buf *json, slong *order, struct op_failure *f)
{
	size_t rows, cols, k;
	double *a = arg_doubles(c, 0, &rows, &cols, f), *l = NULL;
	lapack_int *pivots;
	int rc = -1;

	if (!a)
		return -1;
	k = rows < cols ? rows : cols;
	pivots = calloc(k, sizeof *pivots);
	l = calloc(rows * k, sizeof *l);
	if (!pivots || !l) {
		op_fail(f, OP_LIMIT_EXCEEDED, "out of memory for %zu rows of %zu", rows, cols);
		goto out;
	}
	if (LAPACKE_dgetrf(LAPACK_ROW_MAJOR, (lapack_int)rows, (lapack_int)cols, a, (lapack_int)cols, pivots) < 0) {
		op_fail(f, OP_INTERNAL_ERROR, "the factorisation was refused");
		goto out;
	}
	for (size_t i = 0; i < rows; i++)
		order[i] = (slong)i;
	for (size_t i = 0; i < k; i++) {
		slong t = order[i];
		order[i] = order[pivots[i] - 1];
		order[pivots[i] - 1] = t;
	}
	for (size_t i = 0; i < rows; i++)
		for (size_t j = 0; j < k && j <= i; j++) {
			l[i * k + j] = i == j ? 1 : a[i * cols + j];
			a[i * cols + j] = i == j ? a[i * cols + j] : 0;
		}
	buf_puts(json, "{\"p\":");
	put_permutation(json, order, (slong)rows);
	answer_member(json, "l");
	rc = answer_double_mat(json, l, rows, k, "the factor l", f);
	answer_member(json, "u");
	rc = rc ? rc : answer_double_mat(json, a, k, cols, "the factor u", f);
	buf_byte(json, '}');
out:
	free(a);
	free(l);
	free(pivots);
	return rc;
}

int decomposition_lu(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	struct matrix_estimate e = { .doubles = true };
	enum matrix_way way;
	size_t shape[4];
	slong *order = NULL;
	int rc = -1;

	arg_shape(c, 0, &shape[0], &shape[3]);
	shape[1] = shape[2] = shape[0] < shape[3] ? shape[0] : shape[3];
	if (linear_load(c, 1, &x, f))
		goto out;
	double least = (double)shape[1], cells = (double)shape[0] * (double)shape[3], grown = least * x.bits;
	e.exact_ns = cells * least * (600 + 3 * grown + 0.002 * grown * grown);
	e.exact_digits = cells * grown * 0.30103;
	e.ball_ns = cells * least * 100;
	if (matrix_choose(c, x.rational, &e, &way, f))
		goto out;
	order = flint_malloc(shape[0] * sizeof *order);
	rc = way == MATRIX_EXACT   ? lu_exact(c, json, x.m[0], order, f)
	     : way == MATRIX_BALLS ? lu_put_balls(c, json, order, shape, f)
				   : lu_doubles(c, json, order, f);
out:
	flint_free(order);
	linear_clear(&x);
	return rc;
}
