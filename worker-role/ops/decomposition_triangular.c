/* SPDX-License-Identifier: GPL-3.0-or-later */
/* QR and Cholesky. Of rational matrices the factors of QR and Cholesky are rational but for square roots that
 * scale whole rows or columns: those are computed exactly, so that zeros are zeros and all digits are right. */
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/lapack.h"
#include "ops/decomposition.h"
#include "ops/linear.h"

/* ---- rational times square roots ---- */

/* m with its column j (by_row: row j) multiplied by the root of radicand[j] >= 0. */
struct scaled {
	fmpq_mat_t m;
	fmpq *radicand;
	bool by_row;
};

static void scaled_init(struct scaled *s, slong rows, slong cols, bool by_row)
{
	slong count = by_row ? rows : cols;

	fmpq_mat_init(s->m, rows, cols);
	s->radicand = _fmpq_vec_init(count);
	s->by_row = by_row;
	for (slong i = 0; i < count; i++)
		fmpq_one(s->radicand + i);
}

static void scaled_clear(struct scaled *s)
{
	_fmpq_vec_clear(s->radicand, s->by_row ? fmpq_mat_nrows(s->m) : fmpq_mat_ncols(s->m));
	fmpq_mat_clear(s->m);
}

/* Multiplies the roots out where they are rational; true: all are, and m is the matrix itself. */
static bool scaled_settle(struct scaled *s)
{
	slong rows = fmpq_mat_nrows(s->m), cols = fmpq_mat_ncols(s->m);
	bool all = true;

	for (slong k = 0; k < (s->by_row ? rows : cols); k++) {
		fmpz *top = fmpq_numref(s->radicand + k), *bottom = fmpq_denref(s->radicand + k);
		if (!fmpz_is_square(top) || !fmpz_is_square(bottom)) {
			all = false;
			continue;
		}
		fmpz_sqrt(top, top);
		fmpz_sqrt(bottom, bottom);
		for (slong i = 0; i < (s->by_row ? cols : rows); i++) {
			fmpq *x = s->by_row ? fmpq_mat_entry(s->m, k, i) : fmpq_mat_entry(s->m, i, k);
			fmpq_mul(x, x, s->radicand + k);
		}
		fmpq_one(s->radicand + k);
	}
	return all;
}

static void scaled_leaves(acb_ptr out, const struct scaled *s, slong prec)
{
	slong rows = fmpq_mat_nrows(s->m), cols = fmpq_mat_ncols(s->m);
	arb_t root, x;

	arb_init(root);
	arb_init(x);
	for (slong i = 0; i < rows; i++)
		for (slong j = 0; j < cols; j++) {
			arb_set_fmpq(root, s->radicand + (s->by_row ? i : j), prec + 8);
			arb_sqrt(root, root, prec + 8);
			arb_set_fmpq(x, fmpq_mat_entry(s->m, i, j), prec + 8);
			arb_mul(x, x, root, prec + 8);
			acb_set_arb(out + i * cols + j, x);
		}
	arb_clear(root);
	arb_clear(x);
}

struct scaled_pair {
	struct scaled first, second;
};

static int pair_leaves(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	const struct scaled_pair *p = arg;

	(void)c;
	(void)n;
	(void)f;
	scaled_leaves(out, &p->first, prec);
	scaled_leaves(out + fmpq_mat_nrows(p->first.m) * fmpq_mat_ncols(p->first.m), &p->second, prec);
	return 0;
}

static int single_leaves(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	(void)c;
	(void)n;
	(void)f;
	scaled_leaves(out, arg, prec);
	return 0;
}

static int put_pair_certified(struct op_call *c, struct buf *json, const char *const names[2], const size_t shape[4],
			      certify_fn *fn, void *arg, struct op_failure *f)
{
	struct certified v;
	size_t first = shape[0] * shape[1];

	if (certify(c, first + shape[2] * shape[3], fn, arg, &v, f))
		return -1;
	buf_byte(json, '{');
	answer_member(json, names[0]);
	certified_put_mat(json, &v, 0, shape[0], shape[1]);
	answer_member(json, names[1]);
	certified_put_mat(json, &v, first, shape[2], shape[3]);
	buf_byte(json, '}');
	certified_fini(&v);
	return 0;
}

static const char *const qr_names[2] = { "q", "r" };

/* ---- qr: exact ---- */

static void column_inner(fmpq_t out, const fmpq_mat_t a, slong i, const fmpq_mat_t b, slong j)
{
	fmpq_zero(out);
	for (slong k = 0; k < fmpq_mat_nrows(a); k++)
		fmpq_addmul(out, fmpq_mat_entry(a, k, i), fmpq_mat_entry(b, k, j));
}

/* q[:,j] -= x q[:,i] */
static void column_submul(fmpq_mat_t q, slong j, const fmpq_t x, slong i)
{
	for (slong k = 0; k < fmpq_mat_nrows(q); k++)
		fmpq_submul(fmpq_mat_entry(q, k, j), x, fmpq_mat_entry(q, k, i));
}

/* Takes from column j of q what it has of the columns before, whose squared lengths are norm[]; the coefficients go to
 * r[i][j] (r may be NULL). */
static void reduce_column(fmpq_mat_t q, fmpq_mat_struct *r, const fmpq *norm, slong j)
{
	fmpq_t x;

	fmpq_init(x);
	for (slong i = 0; i < j; i++) {
		column_inner(x, q, i, q, j);
		fmpq_div(x, x, norm + i);
		if (r)
			fmpq_set(fmpq_mat_entry(r, i, j), x);
		column_submul(q, j, x, i);
	}
	fmpq_clear(x);
}

/* The first unit vector that is no combination of the columns before j, made orthogonal to them: stands for a column
 * that depends on them. */
static void complete_column(fmpq_mat_t q, fmpq *norm, slong j)
{
	for (slong unit = 0; fmpq_is_zero(norm + j); unit++) {
		for (slong k = 0; k < fmpq_mat_nrows(q); k++)
			fmpq_set_si(fmpq_mat_entry(q, k, j), k == unit, 1);
		reduce_column(q, NULL, norm, j);
		column_inner(norm + j, q, j, q, j);
	}
}

/* Gram and Schmidt's process: a = q r with orthogonal columns of q and ones (or a 0) on r's diagonal; then the columns
 * of q are divided, and the rows of r multiplied, by the lengths of q's columns. */
static void qr_factor(struct scaled *q, struct scaled *r, const fmpq_mat_t a)
{
	slong rows = fmpq_mat_nrows(a), cols = fmpq_mat_ncols(a), k = FLINT_MIN(rows, cols);
	fmpq *norm = _fmpq_vec_init(k);

	for (slong j = 0; j < k; j++) {
		for (slong i = 0; i < rows; i++)
			fmpq_set(fmpq_mat_entry(q->m, i, j), fmpq_mat_entry(a, i, j));
		reduce_column(q->m, r->m, norm, j);
		column_inner(norm + j, q->m, j, q->m, j);
		fmpq_set_si(fmpq_mat_entry(r->m, j, j), !fmpq_is_zero(norm + j), 1);
		complete_column(q->m, norm, j);
	}
	for (slong j = k; j < cols; j++)
		for (slong i = 0; i < k; i++) {
			column_inner(fmpq_mat_entry(r->m, i, j), q->m, i, a, j);
			fmpq_div(fmpq_mat_entry(r->m, i, j), fmpq_mat_entry(r->m, i, j), norm + i);
		}
	for (slong j = 0; j < k; j++) {
		fmpq_set(r->radicand + j, norm + j);
		fmpq_inv(q->radicand + j, norm + j);
	}
	_fmpq_vec_clear(norm, k);
}

static int qr_exact(struct op_call *c, struct buf *json, const fmpq_mat_t a, struct op_failure *f)
{
	slong rows = fmpq_mat_nrows(a), cols = fmpq_mat_ncols(a), k = FLINT_MIN(rows, cols);
	size_t shape[4] = { (size_t)rows, (size_t)k, (size_t)k, (size_t)cols };
	struct scaled_pair p;
	int rc;

	scaled_init(&p.first, rows, k, false);
	scaled_init(&p.second, k, cols, true);
	qr_factor(&p.first, &p.second, a);
	bool rational = scaled_settle(&p.first);
	rational = scaled_settle(&p.second) && rational;
	if (c->exact == 1 && !rational) {
		rc = matrix_fail_irrational(c, f);
	} else if (rational) {
		buf_byte(json, '{');
		answer_member(json, "q");
		rc = matrix_put_reals(c, json, p.first.m, f);
		answer_member(json, "r");
		rc = rc ? rc : matrix_put_reals(c, json, p.second.m, f);
		buf_byte(json, '}');
	} else {
		rc = put_pair_certified(c, json, qr_names, shape, pair_leaves, &p, f);
	}
	scaled_clear(&p.first);
	scaled_clear(&p.second);
	return rc;
}

/* ---- qr: balls ---- */

static void column_inner_balls(acb_t out, const acb_mat_t a, slong i, const acb_mat_t b, slong j, slong prec)
{
	acb_t t;

	acb_init(t);
	acb_zero(out);
	for (slong k = 0; k < acb_mat_nrows(a); k++) {
		acb_conj(t, acb_mat_entry(a, k, i));
		acb_addmul(out, t, acb_mat_entry(b, k, j), prec);
	}
	acb_clear(t);
}

/* a becomes the factor q in its first columns. False: some column cannot be told from a dependent one. */
static bool qr_reduce_balls(acb_mat_t a, acb_mat_t r, slong prec)
{
	slong rows = acb_mat_nrows(a), cols = acb_mat_ncols(a), k = FLINT_MIN(rows, cols);
	bool sure = true;

	for (slong j = 0; j < cols && sure; j++) {
		for (slong i = 0; i < FLINT_MIN(j, k); i++) {
			acb_ptr x = acb_mat_entry(r, i, j);
			column_inner_balls(x, a, i, a, j, prec);
			for (slong m = 0; m < rows; m++)
				acb_submul(acb_mat_entry(a, m, j), x, acb_mat_entry(a, m, i), prec);
		}
		if (j >= k)
			continue;
		acb_ptr length = acb_mat_entry(r, j, j);
		column_inner_balls(length, a, j, a, j, prec);
		arb_zero(acb_imagref(length));
		sure = arb_is_positive(acb_realref(length));
		arb_sqrtpos(acb_realref(length), acb_realref(length), prec);
		for (slong m = 0; m < rows; m++)
			acb_div(acb_mat_entry(a, m, j), acb_mat_entry(a, m, j), length, prec);
	}
	return sure;
}

static int qr_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	acb_mat_t a, r;
	int rc = arg_acb_mat(c, 0, a, prec, f);
	slong rows = acb_mat_nrows(a), cols = acb_mat_ncols(a), k = FLINT_MIN(rows, cols);

	(void)arg;
	acb_mat_init(r, k, cols);
	matrix_leaves_unknown(out, n);
	if (rc == 0 && qr_reduce_balls(a, r, prec)) {
		for (slong i = 0; i < rows; i++)
			for (slong j = 0; j < k; j++)
				acb_set(out + i * k + j, acb_mat_entry(a, i, j));
		matrix_leaves(out + rows * k, r);
	} else if (rc == 0 && prec >= MATRIX_ZERO_PREC) {
		rc = arg_fail(c, 0, f, OP_SINGULAR,
			      "expected independent columns where entries are irrational, got some that %ld bits do "
			      "not tell from dependent ones",
			      (long)prec);
	}
	acb_mat_clear(a);
	acb_mat_clear(r);
	return rc;
}

/* ---- qr: doubles ---- */

/* Turns rows of r and columns of q so that r's diagonal is not negative. */
static void qr_signs(double *q, double *r, size_t rows, size_t cols, size_t k)
{
	for (size_t j = 0; j < k; j++) {
		if (r[j * cols + j] >= 0)
			continue;
		for (size_t i = j; i < cols; i++)
			r[j * cols + i] = -r[j * cols + i];
		for (size_t i = 0; i < rows; i++)
			q[i * k + j] = -q[i * k + j];
	}
}

static int qr_doubles(struct op_call *c, struct buf *json, struct op_failure *f)
{
	size_t rows, cols, k;
	double *a = arg_doubles(c, 0, &rows, &cols, f), *q, *r, *tau;
	lapack_int info;
	int rc = -1;

	if (!a)
		return -1;
	k = rows < cols ? rows : cols;
	q = calloc(rows * k + k * cols + k, sizeof *q);
	if (!q) {
		free(a);
		return op_fail(f, OP_LIMIT_EXCEEDED, "out of memory for %zu rows of %zu", rows, cols);
	}
	r = q + rows * k;
	tau = r + k * cols;
	info = LAPACKE_dgeqrf(LAPACK_ROW_MAJOR, (lapack_int)rows, (lapack_int)cols, a, (lapack_int)cols, tau);
	for (size_t i = 0; i < rows; i++)
		memcpy(q + i * k, a + i * cols, k * sizeof *q);
	for (size_t i = 0; i < k; i++)
		memcpy(r + i * cols + i, a + i * cols + i, (cols - i) * sizeof *r);
	if (info == 0)
		info = LAPACKE_dorgqr(LAPACK_ROW_MAJOR, (lapack_int)rows, (lapack_int)k, (lapack_int)k, q,
				      (lapack_int)k, tau);
	if (info != 0) {
		op_fail(f, OP_INTERNAL_ERROR, "the factorisation was refused (%d)", (int)info);
	} else {
		qr_signs(q, r, rows, cols, k);
		buf_byte(json, '{');
		answer_member(json, "q");
		rc = answer_double_mat(json, q, rows, k, "the factor q", f);
		answer_member(json, "r");
		rc = rc ? rc : answer_double_mat(json, r, k, cols, "the factor r", f);
		buf_byte(json, '}');
	}
	free(a);
	free(q);
	return rc;
}

int decomposition_qr(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	struct matrix_estimate e = { .doubles = true };
	enum matrix_way way;
	size_t shape[4];
	int rc = -1;

	arg_shape(c, 0, &shape[0], &shape[3]);
	shape[1] = shape[2] = shape[0] < shape[3] ? shape[0] : shape[3];
	if (linear_load(c, 1, &x, f))
		goto out;
	double least = (double)shape[1], most = fmax((double)shape[0], (double)shape[3]), grown = least * x.bits;
	e.exact_ns = least * least * most * (3000 + 20 * grown + 0.02 * grown * grown);
	e.ball_ns = least * least * most * 200;
	if (matrix_choose(c, x.rational, &e, &way, f))
		goto out;
	rc = way == MATRIX_EXACT   ? qr_exact(c, json, x.m[0], f)
	     : way == MATRIX_BALLS ? put_pair_certified(c, json, qr_names, shape, qr_balls, NULL, f)
				   : qr_doubles(c, json, f);
out:
	linear_clear(&x);
	return rc;
}

/* ---- cholesky ---- */

static int not_positive(struct op_call *c, struct op_failure *f)
{
	return arg_fail(c, 0, f, OP_DOMAIN_ERROR, "expected a positive definite matrix, got one that is not");
}

/* a = l d l' with ones on l's diagonal; d becomes the radicands of l's columns. */
static int cholesky_factor(struct op_call *c, struct scaled *l, const fmpq_mat_t a, struct op_failure *f)
{
	slong n = fmpq_mat_nrows(a);
	fmpq_t t;
	int rc = 0;

	fmpq_init(t);
	for (slong i = 0; i < n && rc == 0; i++)
		for (slong j = 0; j <= i; j++) {
			fmpq *x = fmpq_mat_entry(l->m, i, j);
			fmpq_set(x, fmpq_mat_entry(a, i, j));
			for (slong k = 0; k < j; k++) {
				fmpq_mul(t, fmpq_mat_entry(l->m, i, k), fmpq_mat_entry(l->m, j, k));
				fmpq_submul(x, t, l->radicand + k);
			}
			if (j < i) {
				fmpq_div(x, x, l->radicand + j);
				continue;
			}
			if (fmpq_sgn(x) <= 0)
				rc = not_positive(c, f);
			fmpq_set(l->radicand + i, x);
			fmpq_one(x);
		}
	fmpq_clear(t);
	return rc;
}

static int cholesky_exact(struct op_call *c, struct buf *json, const fmpq_mat_t a, struct op_failure *f)
{
	slong n = fmpq_mat_nrows(a);
	struct scaled l;
	int rc;

	scaled_init(&l, n, n, false);
	rc = cholesky_factor(c, &l, a, f);
	if (rc == 0) {
		bool rational = scaled_settle(&l);
		rc = rational        ? matrix_put_reals(c, json, l.m, f)
		     : c->exact == 1 ? matrix_fail_irrational(c, f)
				     : matrix_certify(c, json, (size_t)n, (size_t)n, false, single_leaves, &l, f);
	}
	scaled_clear(&l);
	return rc;
}

static int cholesky_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	acb_mat_t a, l;
	acb_t t;
	bool sure = true;
	int rc = arg_acb_mat(c, 0, a, prec, f);
	slong size = acb_mat_nrows(a);

	(void)arg;
	acb_init(t);
	acb_mat_init(l, size, size);
	for (slong i = 0; i < size && rc == 0 && sure; i++)
		for (slong j = 0; j <= i; j++) {
			acb_ptr x = acb_mat_entry(l, i, j);
			acb_set(x, acb_mat_entry(a, i, j));
			for (slong k = 0; k < j; k++) {
				acb_conj(t, acb_mat_entry(l, j, k));
				acb_submul(x, acb_mat_entry(l, i, k), t, prec);
			}
			if (j < i) {
				acb_div(x, x, acb_mat_entry(l, j, j), prec);
				continue;
			}
			arb_zero(acb_imagref(x));
			sure = arb_is_positive(acb_realref(x));
			if (!sure && (arb_is_nonpositive(acb_realref(x)) || prec >= MATRIX_ZERO_PREC))
				rc = not_positive(c, f);
			arb_sqrtpos(acb_realref(x), acb_realref(x), prec);
		}
	if (sure)
		matrix_leaves(out, l);
	else
		matrix_leaves_unknown(out, n);
	acb_clear(t);
	acb_mat_clear(a);
	acb_mat_clear(l);
	return rc;
}

static int cholesky_doubles(struct op_call *c, struct buf *json, struct op_failure *f)
{
	size_t n, cols;
	double *a = arg_doubles(c, 0, &n, &cols, f);
	int rc = -1;

	if (!a)
		return -1;
	if (LAPACKE_dpotrf(LAPACK_ROW_MAJOR, 'L', (lapack_int)n, a, (lapack_int)n) != 0) {
		not_positive(c, f);
	} else {
		for (size_t i = 0; i < n; i++)
			memset(a + i * n + i + 1, 0, (n - i - 1) * sizeof *a);
		rc = answer_double_mat(json, a, n, n, "the factor", f);
	}
	free(a);
	return rc;
}

/* a must equal its conjugate transpose, as written. */
static int need_hermitian(struct op_call *c, struct op_failure *f)
{
	acb_mat_t a;
	acb_t t;
	int rc = arg_acb_mat(c, 0, a, 128, f);

	acb_init(t);
	for (slong i = 0; rc == 0 && i < acb_mat_nrows(a); i++)
		for (slong j = 0; rc == 0 && j <= i; j++) {
			acb_conj(t, acb_mat_entry(a, j, i));
			if (!acb_overlaps(t, acb_mat_entry(a, i, j)))
				rc = arg_fail_at(c, 0, (size_t)i, (size_t)j, f, OP_DOMAIN_ERROR,
						 "expected a symmetric (Hermitian) matrix, got one that is not");
		}
	acb_clear(t);
	acb_mat_clear(a);
	return rc;
}

int decomposition_cholesky(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	struct matrix_estimate e = { .doubles = true };
	enum matrix_way way;
	size_t n, cols;
	int rc = -1;

	arg_shape(c, 0, &n, &cols);
	if (matrix_need_square(c, 0, f) || linear_load(c, 1, &x, f) || need_hermitian(c, f))
		goto out;
	double size = (double)n, grown = size * x.bits;
	e.exact_ns = size * size * size * (600 + 3 * grown + 0.002 * grown * grown);
	e.ball_ns = size * size * size * 60;
	if (matrix_choose(c, x.rational, &e, &way, f))
		goto out;
	rc = way == MATRIX_EXACT   ? cholesky_exact(c, json, x.m[0], f)
	     : way == MATRIX_BALLS ? matrix_certify(c, json, n, n, false, cholesky_balls, NULL, f)
				   : cholesky_doubles(c, json, f);
out:
	linear_clear(&x);
	return rc;
}
