/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Least squares: the x of smallest length among those that make |a x - b| smallest. With a = g h, where g are the
 * columns of a that hold pivots and h the nonzero rows of its reduced echelon form, x is h'(hh')^-1 (g'g)^-1 g' b
 * (the full-rank formula for the pseudoinverse: Ben-Israel and Greville, Generalized Inverses, 1.6). */
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/lapack.h"
#include "ops/decomposition.h"
#include "ops/linear.h"

#define LOG10_2 0.30103

struct lstsq_shape {
	size_t rows, cols, sides; /* of a; right-hand sides */
	bool vector;              /* b was one */
	slong rank;
};

/* ---- exact ---- */

/* Multiplies by the inverse of m'm (tall) or mm' from the left. */
static void divide_gram(fmpq_mat_t x, const fmpq_mat_t m, bool tall)
{
	slong n = tall ? fmpq_mat_ncols(m) : fmpq_mat_nrows(m);
	fmpq_mat_t t, gram;

	fmpq_mat_init(t, fmpq_mat_ncols(m), fmpq_mat_nrows(m));
	fmpq_mat_init(gram, n, n);
	fmpq_mat_transpose(t, m);
	fmpq_mat_mul(gram, tall ? t : m, tall ? m : t);
	fmpq_mat_solve(x, gram, x);
	fmpq_mat_clear(t);
	fmpq_mat_clear(gram);
}

static void set_transposed_mul(fmpq_mat_t out, const fmpq_mat_t m, const fmpq_mat_t b)
{
	fmpq_mat_t t;

	fmpq_mat_init(t, fmpq_mat_ncols(m), fmpq_mat_nrows(m));
	fmpq_mat_transpose(t, m);
	fmpq_mat_mul(out, t, b);
	fmpq_mat_clear(t);
}

static slong lstsq_solve(fmpq_mat_t x, const fmpq_mat_t a, const fmpq_mat_t b)
{
	slong cols = fmpq_mat_ncols(a), rank;
	fmpq_mat_t echelon, g, h, y;

	fmpq_mat_init(echelon, fmpq_mat_nrows(a), cols);
	rank = fmpq_mat_rref(echelon, a);
	fmpq_mat_zero(x);
	if (rank == 0) {
		fmpq_mat_clear(echelon);
		return 0;
	}
	fmpq_mat_init(g, fmpq_mat_nrows(a), rank);
	fmpq_mat_init(y, rank, fmpq_mat_ncols(b));
	fmpq_mat_window_init(h, echelon, 0, 0, rank, cols);
	for (slong i = 0, k = 0; i < rank; i++, k++) {
		while (fmpq_is_zero(fmpq_mat_entry(h, i, k)))
			k++;
		for (slong row = 0; row < fmpq_mat_nrows(a); row++)
			fmpq_set(fmpq_mat_entry(g, row, i), fmpq_mat_entry(a, row, k));
	}
	set_transposed_mul(y, g, b);
	divide_gram(y, g, true);
	if (rank == cols) {
		fmpq_mat_set(x, y); /* h is the identity */
	} else {
		divide_gram(y, h, false);
		set_transposed_mul(x, h, y);
	}
	fmpq_mat_window_clear(h);
	fmpq_mat_clear(g);
	fmpq_mat_clear(y);
	fmpq_mat_clear(echelon);
	return rank;
}

static int sqrt_leaf(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	(void)c;
	(void)n;
	(void)f;
	acb_set_fmpq(out, arg, prec + 8);
	acb_sqrt(out, out, prec);
	return 0;
}

static int put_root(struct op_call *c, struct buf *json, fmpq_t v, struct op_failure *f)
{
	if (!fmpz_is_square(fmpq_numref(v)) || !fmpz_is_square(fmpq_denref(v)))
		return answer_certified(c, json, sqrt_leaf, v, f);
	fmpz_sqrt(fmpq_numref(v), fmpq_numref(v));
	fmpz_sqrt(fmpq_denref(v), fmpq_denref(v));
	return matrix_put_real(c, json, v, f);
}

static int put_residuals(struct op_call *c, struct buf *json, const struct lstsq_shape *s, const fmpq_mat_t residual,
			 struct op_failure *f)
{
	fmpq_t sum;
	int rc = 0;

	fmpq_init(sum);
	answer_member(json, "residual_norm");
	for (size_t j = 0; j < s->sides && rc == 0; j++) {
		fmpq_zero(sum);
		for (size_t i = 0; i < s->rows; i++)
			fmpq_addmul(sum, fmpq_mat_entry(residual, (slong)i, (slong)j),
				    fmpq_mat_entry(residual, (slong)i, (slong)j));
		if (!s->vector)
			buf_byte(json, j ? ',' : '[');
		rc = put_root(c, json, sum, f);
	}
	if (!s->vector)
		buf_byte(json, ']');
	fmpq_clear(sum);
	return rc;
}

static int lstsq_exact(struct op_call *c, struct buf *json, struct lstsq_shape *s, const struct linear_args *in,
		       struct op_failure *f)
{
	fmpq_mat_t x, residual;
	int rc;

	fmpq_mat_init(x, (slong)s->cols, (slong)s->sides);
	fmpq_mat_init(residual, (slong)s->rows, (slong)s->sides);
	s->rank = lstsq_solve(x, in->m[0], in->m[1]);
	fmpq_mat_mul(residual, in->m[0], x);
	fmpq_mat_sub(residual, residual, in->m[1]);
	buf_puts(json, "{\"x\":");
	rc = s->vector ? matrix_put_column(c, json, x, 0, f) : matrix_put(c, json, x, f);
	rc = rc ? rc : put_residuals(c, json, s, residual, f);
	fmpq_mat_clear(x);
	fmpq_mat_clear(residual);
	buf_printf(json, ",\"rank\":%ld}", (long)s->rank);
	return rc;
}

/* ---- balls ---- */

/* x = (m*m)^-1 x, or (mm*)^-1 x; false: prec does not suffice. */
static bool divide_gram_balls(acb_mat_t x, const acb_mat_t m, bool tall, slong prec)
{
	slong n = tall ? acb_mat_ncols(m) : acb_mat_nrows(m);
	acb_mat_t t, gram;
	bool done;

	acb_mat_init(t, acb_mat_ncols(m), acb_mat_nrows(m));
	acb_mat_init(gram, n, n);
	acb_mat_conjugate_transpose(t, m);
	acb_mat_mul(gram, tall ? t : m, tall ? m : t, prec);
	done = acb_mat_solve(x, gram, x, prec) != 0;
	acb_mat_clear(t);
	acb_mat_clear(gram);
	return done;
}

static void set_adjoint_mul(acb_mat_t out, const acb_mat_t m, const acb_mat_t b, slong prec)
{
	acb_mat_t t;

	acb_mat_init(t, acb_mat_ncols(m), acb_mat_nrows(m));
	acb_mat_conjugate_transpose(t, m);
	acb_mat_mul(out, t, b, prec);
	acb_mat_clear(t);
}

static bool lstsq_solve_balls(acb_mat_t x, slong *rank, const acb_mat_t a, const acb_mat_t b, slong prec)
{
	slong rows = acb_mat_nrows(a), cols = acb_mat_ncols(a), *pivots;
	acb_mat_t echelon, g, h, y;
	bool done;

	pivots = flint_malloc((size_t)cols * sizeof *pivots);
	acb_mat_init(echelon, rows, cols);
	acb_mat_set(echelon, a);
	acb_mat_zero(x);
	done = matrix_rref_balls(echelon, pivots, rank, prec) == MATRIX_PIVOTS_FOUND;
	if (done && *rank > 0) {
		acb_mat_init(g, rows, *rank);
		acb_mat_init(h, *rank, cols);
		acb_mat_init(y, *rank, acb_mat_ncols(b));
		for (slong i = 0; i < *rank; i++) {
			for (slong j = 0; j < cols; j++)
				acb_set(acb_mat_entry(h, i, j), acb_mat_entry(echelon, i, j));
			for (slong j = 0; j < rows; j++)
				acb_set(acb_mat_entry(g, j, i), acb_mat_entry(a, j, pivots[i]));
		}
		set_adjoint_mul(y, g, b, prec);
		done = divide_gram_balls(y, g, true, prec) && divide_gram_balls(y, h, false, prec);
		set_adjoint_mul(x, h, y, prec);
		acb_mat_clear(g);
		acb_mat_clear(h);
		acb_mat_clear(y);
	}
	acb_mat_clear(echelon);
	flint_free(pivots);
	return done;
}

/* Leaves: x, then the residual norm of each right-hand side. */
static int lstsq_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct lstsq_shape *s = arg;
	acb_mat_t a, b, x, residual;
	int rc = arg_acb_mat(c, 0, a, prec, f);

	rc = arg_acb_mat(c, 1, b, prec, f) || rc ? -1 : 0;
	acb_mat_init(x, (slong)s->cols, (slong)s->sides);
	acb_mat_init(residual, (slong)s->rows, (slong)s->sides);
	matrix_leaves_unknown(out, n);
	if (rc == 0 && lstsq_solve_balls(x, &s->rank, a, b, prec)) {
		matrix_leaves(out, x);
		acb_mat_mul(residual, a, x, prec);
		acb_mat_sub(residual, residual, b, prec);
		for (size_t j = 0; j < s->sides; j++) {
			acb_ptr sum = out + s->cols * s->sides + j;
			acb_zero(sum);
			for (size_t i = 0; i < s->rows; i++) {
				acb_ptr r = acb_mat_entry(residual, i, j);
				arb_addmul(acb_realref(sum), acb_realref(r), acb_realref(r), prec);
				arb_addmul(acb_realref(sum), acb_imagref(r), acb_imagref(r), prec);
			}
			arb_sqrtpos(acb_realref(sum), acb_realref(sum), prec);
		}
	}
	acb_mat_clear(a);
	acb_mat_clear(b);
	acb_mat_clear(x);
	acb_mat_clear(residual);
	return rc;
}

static int lstsq_put_balls(struct op_call *c, struct buf *json, struct lstsq_shape *s, struct op_failure *f)
{
	struct certified v;
	size_t cells = s->cols * s->sides;

	if (certify(c, cells + s->sides, lstsq_balls, s, &v, f))
		return -1;
	buf_puts(json, "{\"x\":");
	if (s->vector)
		certified_put_vector(json, &v, 0, cells);
	else
		certified_put_mat(json, &v, 0, s->cols, s->sides);
	answer_member(json, "residual_norm");
	if (s->vector)
		certified_put(json, &v, cells);
	else
		certified_put_vector(json, &v, cells, s->sides);
	buf_printf(json, ",\"rank\":%ld}", (long)s->rank);
	certified_fini(&v);
	return 0;
}

/* ---- doubles ---- */

static double residual_norm(const double *a, const double *x, const double *b, const struct lstsq_shape *s, size_t j)
{
	double sum = 0;

	for (size_t i = 0; i < s->rows; i++) {
		double r = b[i * s->sides + j];
		for (size_t k = 0; k < s->cols; k++)
			r = fma(-a[i * s->cols + k], x[k * s->sides + j], r);
		sum = hypot(sum, r);
	}
	return sum;
}

static int lstsq_put_doubles(struct buf *json, const double *a, const double *x, const double *b,
			     const struct lstsq_shape *s, struct op_failure *f)
{
	int rc;

	buf_puts(json, "{\"x\":");
	rc = s->vector ? answer_doubles(json, x, s->cols, "the solution", f)
		       : answer_double_mat(json, x, s->cols, s->sides, "the solution", f);
	answer_member(json, "residual_norm");
	for (size_t j = 0; j < s->sides && rc == 0; j++) {
		if (!s->vector)
			buf_byte(json, j ? ',' : '[');
		rc = answer_double(json, residual_norm(a, x, b, s, j), "the residual norm", f);
	}
	if (!s->vector)
		buf_byte(json, ']');
	buf_printf(json, ",\"rank\":%ld}", (long)s->rank);
	return rc;
}

static int lstsq_doubles(struct op_call *c, struct buf *json, struct lstsq_shape *s, struct op_failure *f)
{
	size_t rows, cols, most = s->rows > s->cols ? s->rows : s->cols;
	double *a = arg_doubles(c, 0, &rows, &cols, f), *b = NULL, *work = NULL, *x, *singular;
	lapack_int rank = 0;
	int rc = -1;

	if (a)
		b = arg_doubles(c, 1, &rows, &cols, f);
	if (!b)
		goto out;
	work = calloc(s->rows * s->cols + most * (s->sides + 1), sizeof *work);
	if (!work) {
		op_fail(f, OP_LIMIT_EXCEEDED, "out of memory for %zu rows of %zu", s->rows, s->cols);
		goto out;
	}
	x = work + s->rows * s->cols;
	singular = x + most * s->sides;
	memcpy(work, a, s->rows * s->cols * sizeof *a);
	memcpy(x, b, s->rows * s->sides * sizeof *b);
	if (LAPACKE_dgelsd(LAPACK_ROW_MAJOR, (lapack_int)s->rows, (lapack_int)s->cols, (lapack_int)s->sides, work,
			   (lapack_int)s->cols, x, (lapack_int)s->sides, singular, (double)most * 0x1p-52,
			   &rank) != 0) {
		op_fail(f, OP_DID_NOT_CONVERGE, "the iteration for the singular values did not converge");
		goto out;
	}
	s->rank = rank;
	rc = lstsq_put_doubles(json, a, x, b, s, f);
out:
	free(a);
	free(b);
	free(work);
	return rc;
}

int decomposition_lstsq(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	struct lstsq_shape s = { .vector = !arg_is_matrix(c, 1) };
	struct matrix_estimate e = { .doubles = true };
	enum matrix_way way;
	size_t b_rows;
	int rc = -1;

	arg_shape(c, 0, &s.rows, &s.cols);
	arg_shape(c, 1, &b_rows, &s.sides);
	if (matrix_need_equal(c, b_rows, s.rows, 1, "rows", f) || linear_load(c, 2, &x, f))
		goto out;
	double rows = (double)s.rows, cols = (double)s.cols, least = fmin(rows, cols), sides = (double)s.sides;
	double bits = 2 * x.bits + log2(fmax(rows, cols));
	e.exact_ns = 3 * sides * matrix_cost_det(least, bits) + rows * cols * least * (20 + x.bits) +
		     (rows < cols ? matrix_cost_inverse(least, x.bits) * cols / least : 0);
	e.exact_digits = 2 * cols * sides * least * (bits + log2(least + 1)) * LOG10_2;
	e.ball_ns = rows * cols * least * 400;
	if (matrix_choose(c, x.rational, &e, &way, f))
		goto out;
	rc = way == MATRIX_EXACT   ? lstsq_exact(c, json, &s, &x, f)
	     : way == MATRIX_BALLS ? lstsq_put_balls(c, json, &s, f)
				   : lstsq_doubles(c, json, &s, f);
out:
	linear_clear(&x);
	return rc;
}
