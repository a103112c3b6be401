/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The singular value decomposition. Rational matrices of moderate size: from the exact spectrum of a'a or aa', so that
 * multiplicities, zeros and every digit are right. Small irrational or complex ones: in balls, when the singular values
 * are simple and none is 0. LAPACK otherwise. */
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>

#include "math/lapack.h"
#include "math/singular.h"
#include "math/spectrum.h"
#include "ops/decomposition.h"
#include "ops/linear.h"

/* ---- svd: exact ---- */

/* b = wide ? a' : a has at least as many rows as columns; b = w diag(s) v'. */
struct svd_args {
	bool wide;
	slong rows, cols;          /* of b */
	struct spectrum s;         /* of b'b */
	fmpq_poly_struct **images; /* for each factor, b times the basis of its eigenspace */
	fmpq_mat_t rest;           /* rows: orthogonal vectors that b' maps to 0, for singular values that are 0 */
};

/* The first `want` rows of an orthogonal basis of the vectors that b' maps to 0. */
static void left_kernel(fmpq_mat_t out, const fmpq_mat_t b, slong want)
{
	slong rows = fmpq_mat_nrows(b), cols = fmpq_mat_ncols(b);
	fmpz_mat_t z, kernel;
	fmpq_mat_t t, basis, orthogonal;

	fmpq_mat_init(t, cols, rows);
	fmpq_mat_transpose(t, b);
	fmpz_mat_init(z, cols, rows);
	fmpz_mat_init(kernel, rows, rows);
	fmpq_mat_get_fmpz_mat_rowwise(z, NULL, t);
	fmpz_mat_nullspace(kernel, z);
	fmpq_mat_init(basis, rows, want);
	fmpq_mat_init(orthogonal, rows, want);
	for (slong i = 0; i < rows; i++)
		for (slong j = 0; j < want; j++)
			fmpz_set(fmpq_mat_entry_num(basis, i, j), fmpz_mat_entry(kernel, i, j));
	fmpq_mat_gso(orthogonal, basis); /* of the columns */
	fmpq_mat_init(out, want, rows);
	fmpq_mat_transpose(out, orthogonal);
	fmpz_mat_clear(z);
	fmpz_mat_clear(kernel);
	fmpq_mat_clear(t);
	fmpq_mat_clear(basis);
	fmpq_mat_clear(orthogonal);
}

static void svd_args_init(struct svd_args *d, const fmpq_mat_t a)
{
	fmpq_mat_t b, gram;
	slong zeros = 0;

	d->wide = fmpq_mat_nrows(a) < fmpq_mat_ncols(a);
	d->rows = d->wide ? fmpq_mat_ncols(a) : fmpq_mat_nrows(a);
	d->cols = d->wide ? fmpq_mat_nrows(a) : fmpq_mat_ncols(a);
	fmpq_mat_init(b, d->rows, d->cols);
	if (d->wide)
		fmpq_mat_transpose(b, a);
	else
		fmpq_mat_set(b, a);
	singular_gram(gram, a);
	spectrum_init(&d->s, gram, SPECTRUM_VECTORS);
	d->images = flint_malloc((size_t)d->s.count * sizeof *d->images);
	for (slong i = 0; i < d->s.count; i++) {
		d->images[i] = spectrum_map(d->s.factors + i, b);
		if (fmpz_is_zero(d->s.factors[i].p->coeffs))
			zeros = d->s.factors[i].multiplicity;
	}
	left_kernel(d->rest, b, zeros);
	fmpq_mat_clear(b);
	fmpq_mat_clear(gram);
}

static void svd_args_fini(struct svd_args *d)
{
	for (slong i = 0; i < d->s.count; i++)
		spectrum_polys_free(d->images[i], d->s.factors[i].dimension * d->rows);
	flint_free(d->images);
	fmpq_mat_clear(d->rest);
	spectrum_fini(&d->s);
}

/* The pair of singular vectors v (right of b) and w (left) for one eigenvalue, and its root s. */
static void svd_pair(struct svd_args *d, const struct spectrum_value *value, acb_ptr v, acb_ptr w, acb_t s, slong prec)
{
	slong which = value->factor - d->s.factors;
	acb_t norm, length;
	acb_srcptr leading = d->wide ? w : v;

	acb_init(norm);
	acb_init(length);
	acb_sqrt(s, value->value, prec);
	spectrum_vector(v, &d->s, value, prec);
	if (acb_is_zero(s)) {
		for (slong i = 0; i < d->rows; i++)
			acb_set_fmpq(w + i, fmpq_mat_entry(d->rest, value->copy, i), prec);
		spectrum_normalise(v, d->cols, prec);
		spectrum_normalise(w, d->rows, prec);
	} else {
		slong first = 0;
		spectrum_evaluate(w, d->images[which] + value->copy * d->rows, d->rows, value->root, prec);
		spectrum_norm2(acb_realref(norm), v, d->cols, prec);
		acb_sqrt(norm, norm, prec);
		while (acb_is_zero(leading + first))
			first++;
		acb_sgn(length, leading + first, prec);
		acb_mul(norm, norm, length, prec); /* the sign makes the first component positive */
		acb_mul(length, norm, s, prec);
		for (slong i = 0; i < d->cols; i++)
			acb_div(v + i, v + i, norm, prec);
		for (slong i = 0; i < d->rows; i++)
			acb_div(w + i, w + i, length, prec);
	}
	acb_clear(norm);
	acb_clear(length);
}

/* Leaves: u, s, v. */
static int svd_leaves(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct svd_args *d = arg;
	struct spectrum_value *values;
	slong k = d->cols;
	acb_ptr v = _acb_vec_init(d->cols), w = _acb_vec_init(d->rows), u_out = out, s_out, v_out;

	(void)c;
	(void)n;
	(void)f;
	prec = FLINT_MAX(prec, 128);
	values = spectrum_values(&d->s, prec);
	s_out = out + (d->wide ? d->cols : d->rows) * k;
	v_out = s_out + k;
	for (slong j = 0; j < k; j++) {
		svd_pair(d, values + (k - 1 - j), v, w, s_out + j, prec);
		for (slong i = 0; i < d->cols; i++)
			acb_set((d->wide ? u_out : v_out) + i * k + j, v + i);
		for (slong i = 0; i < d->rows; i++)
			acb_set((d->wide ? v_out : u_out) + i * k + j, w + i);
	}
	spectrum_values_free(values, k);
	_acb_vec_clear(v, d->cols);
	_acb_vec_clear(w, d->rows);
	return 0;
}

static void svd_put(struct buf *json, struct certified *v, size_t rows, size_t cols)
{
	size_t k = rows < cols ? rows : cols;

	buf_byte(json, '{');
	answer_member(json, "u");
	certified_put_mat(json, v, 0, rows, k);
	answer_member(json, "s");
	certified_put_vector(json, v, rows * k, k);
	answer_member(json, "v");
	certified_put_mat(json, v, rows * k + k, cols, k);
	buf_byte(json, '}');
	certified_fini(v);
}

static int svd_exact(struct op_call *c, struct buf *json, const fmpq_mat_t a, struct op_failure *f)
{
	struct svd_args d;
	struct certified v;
	size_t rows = (size_t)fmpq_mat_nrows(a), cols = (size_t)fmpq_mat_ncols(a), k = rows < cols ? rows : cols;
	int rc;

	if (c->exact == 1)
		return matrix_fail_irrational(c, f);
	svd_args_init(&d, a);
	rc = certify(c, rows * k + k + cols * k, svd_leaves, &d, &v, f);
	svd_args_fini(&d);
	if (rc == 0)
		svd_put(json, &v, rows, cols);
	return rc;
}

/* ---- svd: balls ---- */

/* Right singular vectors are eigenvectors of a*a (wide: images under a* of those of aa*), left ones their images.
 * Leaves: u, s, v. */
static bool svd_solve_balls(acb_ptr out, const acb_mat_t a, slong prec)
{
	slong rows = acb_mat_nrows(a), cols = acb_mat_ncols(a), k = FLINT_MIN(rows, cols);
	bool wide = rows < cols, done, real = acb_mat_is_real(a);
	acb_ptr values = _acb_vec_init(k), x = _acb_vec_init(FLINT_MAX(rows, cols));
	acb_mat_t adjoint, gram, inner, right;

	acb_mat_init(adjoint, cols, rows);
	acb_mat_init(gram, k, k);
	acb_mat_init(inner, k, k);
	acb_mat_init(right, cols, k);
	acb_mat_conjugate_transpose(adjoint, a);
	acb_mat_mul(gram, wide ? a : adjoint, wide ? adjoint : a, prec);
	done = singular_eigenvalues_balls(values, inner, gram, prec);
	if (wide)
		acb_mat_mul(right, adjoint, inner, prec);
	else
		acb_mat_set(right, inner);
	for (slong j = 0; j < k && done; j++) {
		acb_ptr s = out + rows * k + j;
		arb_sqrt(acb_realref(s), acb_realref(values + (k - 1 - j)), prec);
		arb_zero(acb_imagref(s));
		done = arb_is_positive(acb_realref(s));
		for (slong i = 0; i < cols; i++)
			acb_set(x + i, acb_mat_entry(right, i, k - 1 - j));
		done = done && spectral_normalise_balls(x, cols, prec);
		for (slong i = 0; i < cols && done; i++) {
			acb_set(out + rows * k + k + i * k + j, x + i);
			if (real)
				arb_zero(acb_imagref(out + rows * k + k + i * k + j));
		}
		for (slong i = 0; i < rows && done; i++) { /* u = a v / s */
			acb_ptr u = out + i * k + j;
			acb_zero(u);
			for (slong m = 0; m < cols; m++)
				acb_addmul(u, acb_mat_entry(a, i, m), out + rows * k + k + m * k + j, prec);
			acb_div(u, u, s, prec);
		}
	}
	_acb_vec_clear(values, k);
	_acb_vec_clear(x, FLINT_MAX(rows, cols));
	acb_mat_clear(adjoint);
	acb_mat_clear(gram);
	acb_mat_clear(inner);
	acb_mat_clear(right);
	return done;
}

static int svd_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	acb_mat_t a;
	int rc = arg_acb_mat(c, 0, a, prec, f);

	(void)arg;
	if (rc == 0 && !svd_solve_balls(out, a, prec)) {
		matrix_leaves_unknown(out, n);
		if (prec >= MATRIX_ZERO_PREC)
			rc = op_fail(f, OP_DID_NOT_CONVERGE,
				     "the singular values cannot be told apart, or from 0, with %ld bits", (long)prec);
	}
	acb_mat_clear(a);
	return rc;
}

/* ---- svd: doubles ---- */

/* Turns column j of v (row j of vt) and of u so that the first component of v above rounding noise is positive. */
static void svd_signs(double *u, double *vt, size_t rows, size_t cols, size_t k)
{
	for (size_t j = 0; j < k; j++) {
		double first = 0;
		for (size_t i = 0; i < cols && first == 0; i++)
			if (fabs(vt[j * cols + i]) > 0x1p-40)
				first = vt[j * cols + i];
		if (first >= 0)
			continue;
		for (size_t i = 0; i < cols; i++)
			vt[j * cols + i] = -vt[j * cols + i];
		for (size_t i = 0; i < rows; i++)
			u[i * k + j] = -u[i * k + j];
	}
}

static int svd_doubles(struct op_call *c, struct buf *json, struct op_failure *f)
{
	size_t rows, cols, k;
	double *a = arg_doubles(c, 0, &rows, &cols, f), *block, *u, *s, *vt, *v;
	int rc = -1;

	if (!a)
		return -1;
	k = rows < cols ? rows : cols;
	block = malloc((rows * k + k + 2 * k * cols) * sizeof *block);
	if (!block) {
		op_fail(f, OP_LIMIT_EXCEEDED, "out of memory for %zu rows of %zu", rows, cols);
		goto out;
	}
	u = block;
	s = u + rows * k;
	vt = s + k;
	v = vt + k * cols;
	if (LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'S', (lapack_int)rows, (lapack_int)cols, a, (lapack_int)cols, s, u,
			   (lapack_int)k, vt, (lapack_int)cols) != 0) {
		op_fail(f, OP_DID_NOT_CONVERGE, "the iteration for the singular values did not converge");
	} else {
		svd_signs(u, vt, rows, cols, k);
		for (size_t i = 0; i < cols; i++)
			for (size_t j = 0; j < k; j++)
				v[i * k + j] = vt[j * cols + i];
		buf_byte(json, '{');
		answer_member(json, "u");
		rc = answer_double_mat(json, u, rows, k, "a singular vector", f);
		answer_member(json, "s");
		rc = rc ? rc : answer_doubles(json, s, k, "a singular value", f);
		answer_member(json, "v");
		rc = rc ? rc : answer_double_mat(json, v, cols, k, "a singular vector", f);
		buf_byte(json, '}');
	}
out:
	free(a);
	free(block);
	return rc;
}

int decomposition_svd(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	struct matrix_estimate e = { .doubles = true };
	struct certified v;
	enum matrix_way way;
	size_t rows, cols;
	int rc = -1;

	arg_shape(c, 0, &rows, &cols);
	if (linear_load(c, 1, &x, f))
		goto out;
	double least = fmin((double)rows, (double)cols), most = fmax((double)rows, (double)cols);
	e.exact_ns = spectrum_cost(least, 2 * x.bits + 8, SPECTRUM_VECTORS) +
		     least * least * most * (300 + 0.6 * least * x.bits);
	e.ball_ns = least * least * most *
		    (least > SPECTRAL_BALLS_MAX && c->precision <= OP_PRECISION_DOUBLE ? HUGE_VAL : 10000);
	if (matrix_choose(c, x.rational, &e, &way, f))
		goto out;
	if (way == MATRIX_EXACT) {
		rc = svd_exact(c, json, x.m[0], f);
		goto out;
	}
	if (way == MATRIX_BALLS) {
		rc = certify(c, rows * (size_t)least + (size_t)least + cols * (size_t)least, svd_balls, NULL, &v, f);
		if (rc == 0)
			svd_put(json, &v, rows, cols);
		if (rc == 0 || f->error != OP_DID_NOT_CONVERGE || c->precision > OP_PRECISION_DOUBLE)
			goto out;
	}
	rc = svd_doubles(c, json, f);
out:
	linear_clear(&x);
	return rc;
}
