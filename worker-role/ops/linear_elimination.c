/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linear algebra: determinant, inverse, systems, rank, echelon form, nullspace, characteristic and minimal polynomial.
 * Exact: FLINT's modular and p-adic algorithms. Doubles: LU of LAPACK, refused when the condition leaves no digit. */
#include <flint/fmpq_poly.h>
#include <flint/fmpz_mat.h>
#include <flint/nmod_mat.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>

#include "math/lapack.h"
#include "ops/linear.h"

#define LOG10_2 0.30103

/* ---- arguments ---- */

int linear_load(struct op_call *c, size_t count, struct linear_args *x, struct op_failure *f)
{
	*x = (struct linear_args){ .rational = true, .bits = 1 };
	for (size_t i = 0; i < count; i++) {
		size_t rows, cols;
		arg_shape(c, i, &rows, &cols);
		if (rows == 0 || cols == 0)
			return arg_fail(c, i, f, OP_INVALID_ARGUMENT, "expected at least one number, got none");
		x->rational = x->rational && arg_is_rational(c, i);
	}
	for (; x->rational && x->count < count; x->count++) {
		if (arg_fmpq_mat(c, x->count, x->m[x->count], f)) {
			x->count++;
			return -1;
		}
		x->bits = fmax(x->bits, matrix_bits(x->m[x->count]));
	}
	return 0;
}

void linear_clear(struct linear_args *x)
{
	for (size_t i = 0; i < x->count; i++)
		fmpq_mat_clear(x->m[i]);
	x->count = 0;
}

/* At the highest precision a matrix that still cannot be inverted counts as singular. */
static int unknown_or_singular(struct op_call *c, acb_ptr out, size_t n, slong prec, struct op_failure *f)
{
	matrix_leaves_unknown(out, n);
	if (prec < MATRIX_ZERO_PREC)
		return 0;
	return arg_fail(c, 0, f, OP_SINGULAR,
			"expected an invertible matrix, got one that %ld bits do not tell from a singular one",
			(long)prec);
}

/* ---- det ---- */

static int det_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	acb_mat_t a;
	int rc = arg_acb_mat(c, 0, a, prec, f);

	(void)n;
	(void)arg;
	if (rc == 0)
		acb_mat_det(out, a, prec);
	acb_mat_clear(a);
	return rc;
}

static int det_doubles(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct lapack_lu lu;
	double v = 1;
	long exponent = 0;

	if (lapack_lu_load(c, 0, &lu, f))
		return -1;
	for (lapack_int i = 0; i < lu.n; i++) {
		int e;
		v = frexp(v * lu.a[i * lu.n + i], &e);
		exponent += e;
		if (lu.pivots[i] != i + 1)
			v = -v;
	}
	lapack_lu_clear(&lu);
	exponent = exponent > 100000 ? 100000 : exponent < -100000 ? -100000 : exponent;
	return answer_double(json, ldexp(v, (int)exponent), "the determinant", f);
}

int linear_det(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	struct matrix_estimate e = { .doubles = true };
	enum matrix_way way;
	fmpq_t det;
	size_t n, cols;
	int rc = -1;

	arg_shape(c, 0, &n, &cols);
	if (matrix_need_square(c, 0, f) || linear_load(c, 1, &x, f))
		goto out;
	e.exact_ns = matrix_cost_det((double)n, x.bits);
	e.exact_digits = x.rational ? matrix_det_bits(x.m[0]) * LOG10_2 : 0;
	e.ball_ns = (double)n * (double)n * (double)n * 120;
	if (matrix_choose(c, x.rational, &e, &way, f))
		goto out;
	if (way == MATRIX_BALLS) {
		rc = answer_certified(c, json, det_balls, NULL, f);
	} else if (way == MATRIX_DOUBLES) {
		rc = det_doubles(c, json, f);
	} else {
		fmpq_init(det);
		fmpq_mat_det(det, x.m[0]);
		rc = matrix_put_scalar(c, json, det, f);
		fmpq_clear(det);
	}
out:
	linear_clear(&x);
	return rc;
}

/* ---- inverse, solve ---- */

struct system_args {
	bool inverse, vector; /* vector: the right-hand side was one */
	size_t n, cols;       /* of the unknown */
};

static int system_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	const struct system_args *s = arg;
	acb_mat_t a, b, x;
	int rc = arg_acb_mat(c, 0, a, prec, f);

	acb_mat_init(x, (slong)s->n, (slong)s->cols);
	if (s->inverse) {
		acb_mat_init(b, (slong)s->n, (slong)s->n);
		acb_mat_one(b);
	} else {
		rc = arg_acb_mat(c, 1, b, prec, f) || rc ? -1 : 0;
	}
	if (rc == 0) {
		if (acb_mat_solve(x, a, b, prec))
			matrix_leaves(out, x);
		else
			rc = unknown_or_singular(c, out, n, prec, f);
	}
	acb_mat_clear(a);
	acb_mat_clear(b);
	acb_mat_clear(x);
	return rc;
}

static int system_doubles(struct op_call *c, struct buf *json, const struct system_args *s, struct op_failure *f)
{
	struct lapack_lu lu = { 0, NULL, NULL, 0 };
	double *b = NULL;
	int rc = -1;
	size_t rows, cols;

	if (s->inverse) {
		b = calloc(s->n * s->n, sizeof *b);
		if (!b)
			return op_fail(f, OP_LIMIT_EXCEEDED, "out of memory for a matrix of %zu rows", s->n);
		for (size_t i = 0; i < s->n; i++)
			b[i * s->n + i] = 1;
	} else {
		b = arg_doubles(c, 1, &rows, &cols, f);
	}
	if (!b || lapack_lu_load(c, 0, &lu, f))
		goto out;
	if (!(lu.rcond > 0x1p-52)) {
		rc = arg_fail(c, 0, f, OP_SINGULAR,
			      "expected an invertible matrix, got one that is singular to working precision");
		goto out;
	}
	if (LAPACKE_dgetrs(LAPACK_ROW_MAJOR, 'N', lu.n, (lapack_int)s->cols, lu.a, lu.n, lu.pivots, b,
			   (lapack_int)s->cols)) {
		rc = op_fail(f, OP_INTERNAL_ERROR, "the system could not be solved");
		goto out;
	}
	rc = s->vector ? answer_doubles(json, b, s->n, "the solution", f)
		       : answer_double_mat(json, b, s->n, s->cols, "the solution", f);
out:
	lapack_lu_clear(&lu);
	free(b);
	return rc;
}

static int system_exact(struct op_call *c, struct buf *json, const struct system_args *s, struct linear_args *in,
			struct op_failure *f)
{
	fmpq_mat_t x;
	int rc;

	fmpq_mat_init(x, (slong)s->n, (slong)s->cols);
	if (s->inverse ? !fmpq_mat_inv(x, in->m[0]) : !fmpq_mat_solve(x, in->m[0], in->m[1]))
		rc = matrix_fail_singular(c, 0, f);
	else
		rc = s->vector ? matrix_put_column(c, json, x, 0, f) : matrix_put(c, json, x, f);
	fmpq_mat_clear(x);
	return rc;
}

static int system_compute(struct op_call *c, struct buf *json, struct system_args *s, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	struct matrix_estimate e = { .doubles = true };
	enum matrix_way way;
	int rc = -1;

	if (linear_load(c, s->inverse ? 1 : 2, &x, f))
		goto out;
	double n = (double)s->n, cols = (double)s->cols;
	e.exact_ns = fmin(matrix_cost_inverse(n, x.bits), cols * matrix_cost_det(n, x.bits));
	e.exact_digits =
	    x.rational ? n * cols * 2 * (matrix_det_bits(x.m[0]) + (s->inverse ? 0 : x.bits)) * LOG10_2 : 0;
	e.ball_ns = n * n * (n + cols) * 150;
	if (matrix_choose(c, x.rational, &e, &way, f))
		goto out;
	rc = way == MATRIX_EXACT   ? system_exact(c, json, s, &x, f)
	     : way == MATRIX_BALLS ? matrix_certify(c, json, s->n, s->cols, s->vector, system_balls, s, f)
				   : system_doubles(c, json, s, f);
out:
	linear_clear(&x);
	return rc;
}

int linear_inverse(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct system_args s = { .inverse = true };

	arg_shape(c, 0, &s.n, &s.cols);
	return matrix_need_square(c, 0, f) ? -1 : system_compute(c, json, &s, f);
}

int linear_solve(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct system_args s = { .vector = !arg_is_matrix(c, 1) };
	size_t rows;

	arg_shape(c, 0, &s.n, &s.cols);
	arg_shape(c, 1, &rows, &s.cols);
	if (matrix_need_square(c, 0, f) || matrix_need_equal(c, rows, s.n, 1, "rows", f))
		return -1;
	return system_compute(c, json, &s, f);
}

/* ---- rank, rref, nullspace ---- */

/* One more system with as many right-hand sides as there are columns beyond the rank; the rank may be all or half. */
static void echelon_estimate(const struct linear_args *x, double rows, double cols, struct matrix_estimate *e)
{
	double least = fmin(rows, cols);

	e->exact_ns = matrix_cost_inverse(least, x->bits) * fmax(1, cols / least) + matrix_cost_det(least, x->bits);
	e->exact_digits = x->rational ? least * (fabs(cols - rows) + 1) * 2 * matrix_det_bits(x->m[0]) * LOG10_2 : 0;
	e->ball_ns = rows * cols * least * 100 * pow(MATRIX_ZERO_PREC / 64.0, 1.3); /* zeros have to be told */
}

/* The rank of balls, and the precision that told it. */
static int rank_balls(struct op_call *c, slong *rank, slong *pivots, struct op_failure *f)
{
	int rc = 0;

	for (slong prec = 128;; prec *= 4) {
		acb_mat_t a;
		rc = arg_acb_mat(c, 0, a, prec, f);
		bool found = rc == 0 && matrix_rref_balls(a, pivots, rank, prec) == MATRIX_PIVOTS_FOUND;
		acb_mat_clear(a);
		if (rc != 0 || found)
			return rc;
	}
}

#define RANK_PRIME 4611686018427387847UL /* the largest below 2^62 */

/* A lower bound, nearly always the rank itself: the rank modulo a prime. */
static slong rank_modular(const fmpz_mat_t a)
{
	nmod_mat_t m;
	slong rank;

	nmod_mat_init(m, fmpz_mat_nrows(a), fmpz_mat_ncols(a), RANK_PRIME);
	fmpz_mat_get_nmod_mat(m, a);
	rank = nmod_mat_rank(m);
	nmod_mat_clear(m);
	return rank;
}

/* Full rank is proven by one prime; only the others need more. */
static int rank_rational(struct op_call *c, slong *rank, const struct linear_args *x, struct op_failure *f)
{
	slong rows = fmpq_mat_nrows(x->m[0]), cols = fmpq_mat_ncols(x->m[0]);
	struct matrix_estimate e = { .ball_ns = HUGE_VAL, .doubles = true };
	enum matrix_way way = MATRIX_EXACT;
	fmpz_mat_t z;
	int rc = 0;

	fmpz_mat_init(z, rows, cols);
	fmpq_mat_get_fmpz_mat_rowwise(z, NULL, x->m[0]);
	*rank = rank_modular(z);
	if (*rank < FLINT_MIN(rows, cols)) {
		echelon_estimate(x, (double)rows, (double)cols, &e);
		e.ball_ns = HUGE_VAL;
		e.exact_digits = 0;
		rc = matrix_choose(c, true, &e, &way, f);
		if (rc == 0 && way == MATRIX_EXACT)
			*rank = fmpz_mat_rank(z);
		else if (rc == 0)
			rc = lapack_rank(c, 0, rank, f);
	}
	fmpz_mat_clear(z);
	return rc;
}

int linear_rank(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	struct matrix_estimate e = { .doubles = true };
	enum matrix_way way;
	size_t rows, cols;
	slong rank = 0, *pivots = NULL;
	int rc = -1;

	arg_shape(c, 0, &rows, &cols);
	if (linear_load(c, 1, &x, f))
		goto out;
	if (x.rational) {
		rc = rank_rational(c, &rank, &x, f);
		goto out;
	}
	echelon_estimate(&x, (double)rows, (double)cols, &e);
	if (matrix_choose(c, false, &e, &way, f))
		goto out;
	if (way == MATRIX_BALLS) {
		pivots = flint_malloc(cols * sizeof *pivots);
		rc = rank_balls(c, &rank, pivots, f);
		flint_free(pivots);
	} else {
		rc = lapack_rank(c, 0, &rank, f);
	}
out:
	if (rc == 0)
		buf_int(json, rank);
	linear_clear(&x);
	return rc;
}

static int rref_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	acb_mat_t a;
	slong rank, *pivots = NULL;
	int rc = arg_acb_mat(c, 0, a, prec, f);

	(void)arg;
	if (rc == 0) {
		pivots = flint_malloc((size_t)acb_mat_ncols(a) * sizeof *pivots);
		if (matrix_rref_balls(a, pivots, &rank, prec) == MATRIX_PIVOTS_FOUND)
			matrix_leaves(out, a);
		else
			matrix_leaves_unknown(out, n);
		flint_free(pivots);
	}
	acb_mat_clear(a);
	return rc;
}

int linear_rref(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	struct matrix_estimate e = { .doubles = false };
	enum matrix_way way;
	size_t rows, cols;
	int rc = -1;

	arg_shape(c, 0, &rows, &cols);
	if (linear_load(c, 1, &x, f))
		goto out;
	echelon_estimate(&x, (double)rows, (double)cols, &e);
	if (x.rational)
		e.ball_ns = HUGE_VAL;
	if (matrix_choose(c, x.rational, &e, &way, f))
		goto out;
	if (way == MATRIX_EXACT) {
		fmpq_mat_rref(x.m[0], x.m[0]);
		rc = matrix_put(c, json, x.m[0], f);
	} else {
		rc = matrix_certify(c, json, rows, cols, false, rref_balls, NULL, f);
	}
out:
	linear_clear(&x);
	return rc;
}

/* The basis that a reduced row echelon form shows: for each free column k the vector with 1 there and -r in the places
 * of the pivots, in rows. */
static void nullspace_exact(fmpq_mat_t basis, const fmpq_mat_t rref, slong rank, const slong *pivots)
{
	slong cols = fmpq_mat_ncols(rref), row = 0, next = 0;

	fmpq_mat_zero(basis);
	for (slong k = 0; k < cols; k++) {
		if (next < rank && pivots[next] == k) {
			next++;
			continue;
		}
		fmpq_one(fmpq_mat_entry(basis, row, k));
		for (slong i = 0; i < next; i++)
			fmpq_neg(fmpq_mat_entry(basis, row, pivots[i]), fmpq_mat_entry(rref, i, k));
		row++;
	}
}

static int nullspace_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	slong expected = *(slong *)arg, rank, *pivots = NULL, next = 0;
	acb_mat_t a;
	int rc = arg_acb_mat(c, 0, a, prec, f);
	slong cols = acb_mat_ncols(a);

	pivots = flint_malloc((size_t)cols * sizeof *pivots);
	_acb_vec_zero(out, (slong)n);
	if (rc == 0 && (matrix_rref_balls(a, pivots, &rank, prec) != MATRIX_PIVOTS_FOUND || rank != expected)) {
		matrix_leaves_unknown(out, n);
	} else if (rc == 0) {
		for (slong k = 0; k < cols; k++) {
			if (next < rank && pivots[next] == k) {
				next++;
				continue;
			}
			acb_one(out + k);
			for (slong i = 0; i < next; i++)
				acb_neg(out + pivots[i], acb_mat_entry(a, i, k));
			out += cols;
		}
	}
	flint_free(pivots);
	acb_mat_clear(a);
	return rc;
}

static int nullspace_put_exact(struct op_call *c, struct buf *json, fmpq_mat_t a, struct op_failure *f)
{
	slong cols = fmpq_mat_ncols(a), rank = fmpq_mat_rref(a, a);
	slong *pivots = flint_malloc((size_t)cols * sizeof *pivots);
	fmpq_mat_t basis;
	int rc;

	for (slong i = 0, k = 0; i < rank; i++, k++) {
		while (fmpq_is_zero(fmpq_mat_entry(a, i, k)))
			k++;
		pivots[i] = k;
	}
	fmpq_mat_init(basis, cols - rank, cols);
	nullspace_exact(basis, a, rank, pivots);
	rc = matrix_put(c, json, basis, f);
	fmpq_mat_clear(basis);
	flint_free(pivots);
	return rc;
}

int linear_nullspace(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	struct matrix_estimate e = { .doubles = false };
	enum matrix_way way;
	size_t rows, cols;
	slong rank, *pivots;
	int rc = -1;

	arg_shape(c, 0, &rows, &cols);
	if (linear_load(c, 1, &x, f))
		goto out;
	echelon_estimate(&x, (double)rows, (double)cols, &e);
	if (x.rational)
		e.ball_ns = HUGE_VAL;
	if (matrix_choose(c, x.rational, &e, &way, f))
		goto out;
	if (way == MATRIX_EXACT) {
		rc = nullspace_put_exact(c, json, x.m[0], f);
		goto out;
	}
	pivots = flint_malloc(cols * sizeof *pivots);
	rc = rank_balls(c, &rank, pivots, f);
	flint_free(pivots);
	if (rc == 0)
		rc = matrix_certify(c, json, cols - (size_t)rank, cols, false, nullspace_balls, &rank, f);
out:
	linear_clear(&x);
	return rc;
}

/* ---- charpoly, minpoly ---- */

static int charpoly_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	acb_mat_t a;
	acb_poly_t p;
	int rc = arg_acb_mat(c, 0, a, prec, f);

	(void)arg;
	acb_poly_init(p);
	if (rc == 0) {
		acb_mat_charpoly(p, a, prec);
		for (size_t i = 0; i < n; i++)
			acb_poly_get_coeff_acb(out + i, p, (slong)i);
	}
	acb_poly_clear(p);
	acb_mat_clear(a);
	return rc;
}

static int polynomial_put(struct op_call *c, struct buf *json, const fmpq_poly_t p, struct op_failure *f)
{
	fmpq_t q;
	int rc = 0;

	fmpq_init(q);
	buf_byte(json, '[');
	for (slong i = 0; i < fmpq_poly_length(p) && rc == 0; i++) {
		if (i)
			buf_byte(json, ',');
		fmpq_poly_get_coeff_fmpq(q, p, i);
		rc = matrix_put_scalar(c, json, q, f);
	}
	buf_byte(json, ']');
	fmpq_clear(q);
	return rc;
}

static int polynomial_compute(struct op_call *c, struct buf *json, bool minimal, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	struct matrix_estimate e = { .ball_ns = HUGE_VAL };
	enum matrix_way way;
	fmpq_poly_t p;
	size_t n, cols;
	int rc = -1;

	arg_shape(c, 0, &n, &cols);
	if (matrix_need_square(c, 0, f) || linear_load(c, 1, &x, f))
		goto out;
	if (minimal && matrix_need_rational(c, "a minimal polynomial has to be computed exactly", f))
		goto out;
	double size = (double)n;
	e.exact_ns = 2 * matrix_cost_charpoly(size, x.bits);
	e.exact_digits = x.rational ? (size + 1) * (matrix_det_bits(x.m[0]) + size) * LOG10_2 : 0;
	if (!x.rational)
		e.ball_ns = size * size * size * 150;
	if (matrix_choose(c, x.rational, &e, &way, f))
		goto out;
	if (way == MATRIX_BALLS) {
		rc = matrix_certify(c, json, n + 1, 1, true, charpoly_balls, NULL, f);
		goto out;
	}
	fmpq_poly_init(p);
	if (minimal && fmpq_mat_is_zero(x.m[0])) /* FLINT 2.9 gives 1 for it from two rows on */
		fmpq_poly_set_coeff_si(p, 1, 1);
	else if (minimal)
		fmpq_mat_minpoly(p, x.m[0]);
	else
		fmpq_mat_charpoly(p, x.m[0]);
	rc = polynomial_put(c, json, p, f);
	fmpq_poly_clear(p);
out:
	linear_clear(&x);
	return rc;
}

int linear_charpoly(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return polynomial_compute(c, json, false, f);
}

int linear_minpoly(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return polynomial_compute(c, json, true, f);
}
