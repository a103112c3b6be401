/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Eigenvalues with their vectors. Rational matrices of moderate size: from the factored
 * characteristic polynomial (math/spectrum.h), so that every digit is right. Others: certified enclosures in balls when
 * all eigenvalues are simple, LAPACK otherwise. */
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>

#include "math/lapack.h"
#include "math/singular.h"
#include "math/spectrum.h"
#include "ops/decomposition.h"
#include "ops/linear.h"

/* ---- eigen: exact ---- */

struct eigen_args {
	const struct spectrum *s;
	bool vectors;
};

static int eigen_leaves(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	const struct eigen_args *e = arg;
	struct spectrum_value *v = spectrum_values(e->s, prec);
	slong size = e->s->n;

	(void)c;
	(void)n;
	(void)f;
	prec = FLINT_MAX(prec, 128);
	for (slong k = 0; k < size; k++) {
		acb_set(out + k, v[k].value);
		if (!e->vectors)
			continue;
		spectrum_vector(out + size * (k + 1), e->s, v + k, prec);
		spectrum_normalise(out + size * (k + 1), size, prec);
	}
	spectrum_values_free(v, size);
	return 0;
}

static void eigen_put(struct buf *json, const struct certified *v, size_t n, bool vectors)
{
	buf_byte(json, '{');
	answer_member(json, "values");
	certified_put_vector(json, v, 0, n);
	if (vectors) {
		answer_member(json, "vectors");
		certified_put_mat(json, v, n, n, n);
	}
	buf_byte(json, '}');
}

/* A vector of rationals, divided by its first component that is not 0. */
static int put_rational_vector(struct buf *json, const fmpq_poly_struct *basis, slong n, struct op_failure *f)
{
	fmpq *v = _fmpq_vec_init(n);
	fmpq_t first;
	int rc;

	fmpq_init(first);
	for (slong i = 0; i < n; i++) {
		fmpq_poly_get_coeff_fmpq(v + i, basis + i, 0);
		if (fmpq_is_zero(first))
			fmpq_set(first, v + i);
		if (!fmpq_is_zero(v + i))
			fmpq_div(v + i, v + i, first);
	}
	rc = answer_fmpq_vector(json, v, n, f);
	fmpq_clear(first);
	_fmpq_vec_clear(v, n);
	return rc;
}

/* exact: true. Rational eigenvalues only; vectors with a first nonzero component of 1. */
static int eigen_put_rational(struct op_call *c, struct buf *json, const struct spectrum *s, bool vectors,
			      struct op_failure *f)
{
	struct spectrum_value *v = spectrum_values(s, 64);
	fmpq *values = _fmpq_vec_init(s->n);
	int rc = 0;

	for (slong k = 0; k < s->n && rc == 0; k++) {
		if (v[k].factor->degree > 1)
			rc = matrix_fail_irrational(c, f);
		fmpz_neg(fmpq_numref(values + k), v[k].factor->p->coeffs);
		fmpz_set(fmpq_denref(values + k), s->scale);
		fmpq_canonicalise(values + k);
	}
	if (rc == 0) {
		buf_byte(json, '{');
		answer_member(json, "values");
		rc = answer_fmpq_vector(json, values, s->n, f);
	}
	if (rc == 0 && vectors) {
		answer_member(json, "vectors");
		for (slong k = 0; k < s->n && rc == 0; k++) {
			slong which = FLINT_MIN(v[k].copy, v[k].factor->dimension - 1);
			buf_byte(json, k ? ',' : '[');
			rc = put_rational_vector(json, v[k].factor->basis + which * s->n, s->n, f);
		}
		buf_byte(json, ']');
	}
	buf_byte(json, '}');
	_fmpq_vec_clear(values, s->n);
	spectrum_values_free(v, s->n);
	return rc;
}

static int eigen_exact(struct op_call *c, struct buf *json, const fmpq_mat_t a, bool vectors, struct op_failure *f)
{
	struct spectrum s;
	struct eigen_args e = { &s, vectors };
	struct certified v;
	size_t n = (size_t)fmpq_mat_nrows(a);
	int rc;

	spectrum_init(&s, a, vectors ? SPECTRUM_VECTORS : SPECTRUM_VALUES);
	if (c->exact == 1) {
		rc = eigen_put_rational(c, json, &s, vectors, f);
	} else {
		rc = certify(c, vectors ? n + n * n : n, eigen_leaves, &e, &v, f);
		if (rc == 0) {
			eigen_put(json, &v, n, vectors);
			certified_fini(&v);
		}
	}
	spectrum_fini(&s);
	return rc;
}

/* ---- eigen: balls ---- */

bool spectral_normalise_balls(acb_ptr v, slong n, slong prec)
{
	mag_t bound;
	bool sure = true, found = false;

	mag_init(bound);
	for (slong i = 0; i < n && sure && !found; i++) {
		found = !acb_contains_zero(v + i);
		acb_get_mag(bound, v + i);
		if (!found && prec >= MATRIX_ZERO_PREC && mag_cmp_2exp_si(bound, -CERTIFY_ZERO_BITS) < 0)
			acb_zero(v + i);
		else
			sure = found;
	}
	mag_clear(bound);
	if (sure && found)
		spectrum_normalise(v, n, prec);
	return sure && found;
}

static int eigen_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	bool vectors = *(bool *)arg;
	acb_mat_t a, columns;
	int rc = arg_acb_mat(c, 0, a, prec, f);
	slong size = acb_mat_nrows(a);

	acb_mat_init(columns, size, size);
	matrix_leaves_unknown(out, n);
	if (rc == 0 && singular_eigenvalues_balls(out, vectors ? columns : NULL, a, prec)) {
		for (slong k = 0; vectors && k < size; k++) {
			acb_ptr v = out + size * (k + 1);
			for (slong i = 0; i < size; i++)
				acb_set(v + i, acb_mat_entry(columns, i, k));
			if (!spectral_normalise_balls(v, size, prec))
				matrix_leaves_unknown(v, (size_t)size);
			else if (acb_mat_is_real(a) && arb_is_zero(acb_imagref(out + k)))
				for (slong i = 0; i < size; i++)
					arb_zero(acb_imagref(v + i));
		}
	} else if (rc == 0 && prec > SINGULAR_PREC_MAX) {
		rc = op_fail(f, OP_DID_NOT_CONVERGE, "the eigenvalues cannot be told apart with %ld bits", (long)prec);
	}
	acb_mat_clear(a);
	acb_mat_clear(columns);
	return rc;
}

/* ---- eigen: doubles ---- */

struct eigen_doubles {
	lapack_int n;
	double complex *values, *vectors; /* vectors in columns, n*n row by row */
	size_t *order;
};

static int compare_complex(double complex a, double complex b)
{
	if (creal(a) != creal(b))
		return creal(a) < creal(b) ? -1 : 1;
	return cimag(a) < cimag(b) ? -1 : cimag(a) > cimag(b);
}

static void sort_order(struct eigen_doubles *e)
{
	for (size_t i = 0; i < (size_t)e->n; i++) {
		size_t k = i;
		for (; k > 0 && compare_complex(e->values[i], e->values[e->order[k - 1]]) < 0; k--)
			e->order[k] = e->order[k - 1];
		e->order[k] = i;
	}
}

static bool is_hermitian(const double complex *a, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j <= i; j++)
			if (a[i * n + j] != conj(a[j * n + i]))
				return false;
	return true;
}

/* Hermitian matrices keep exactly real eigenvalues and orthogonal vectors: zheevd; others: zgeev. Real matrices go the
 * same way: conjugate pairs are made exact afterwards. a is destroyed. */
static lapack_int run_lapack(double complex *a, struct eigen_doubles *e, bool vectors)
{
	size_t n = (size_t)e->n;
	lapack_int info;

	if (is_hermitian(a, n)) {
		double *real = calloc(n, sizeof *real);
		if (!real)
			return -1;
		info = LAPACKE_zheevd(LAPACK_ROW_MAJOR, vectors ? 'V' : 'N', 'L', e->n, a, e->n, real);
		for (size_t i = 0; i < n; i++)
			e->values[i] = real[i];
		for (size_t i = 0; vectors && i < n * n; i++)
			e->vectors[i] = a[i];
		free(real);
		return info;
	}
	return LAPACKE_zgeev(LAPACK_ROW_MAJOR, 'N', vectors ? 'V' : 'N', e->n, a, e->n, e->values, NULL, 1, e->vectors,
			     e->n);
}

/* dsyevd, or dgeev with its pairs of real columns put together. */
static lapack_int run_lapack_real(const double complex *a, struct eigen_doubles *e, bool vectors)
{
	size_t n = (size_t)e->n;
	double *d = malloc((2 * n * n + 2 * n) * sizeof *d), *v, *re, *im;
	lapack_int info;

	if (!d)
		return -1;
	v = d + n * n;
	re = v + n * n;
	im = re + n;
	for (size_t i = 0; i < n * n; i++)
		d[i] = creal(a[i]);
	if (is_hermitian(a, n)) {
		info = LAPACKE_dsyevd(LAPACK_ROW_MAJOR, vectors ? 'V' : 'N', 'L', e->n, d, e->n, re);
		for (size_t i = 0; i < n; i++)
			e->values[i] = re[i];
		for (size_t i = 0; vectors && i < n * n; i++)
			e->vectors[i] = d[i];
		free(d);
		return info;
	}
	info = LAPACKE_dgeev(LAPACK_ROW_MAJOR, 'N', vectors ? 'V' : 'N', e->n, d, e->n, re, im, NULL, 1, v, e->n);
	for (size_t k = 0; k < n; k++) {
		e->values[k] = re[k] + im[k] * I;
		for (size_t i = 0; vectors && i < n; i++)
			e->vectors[i * n + k] = im[k] > 0   ? v[i * n + k] + v[i * n + k + 1] * I
						: im[k] < 0 ? v[i * n + k - 1] - v[i * n + k] * I
							    : v[i * n + k];
	}
	free(d);
	return info;
}

static int put_eigenvector(struct buf *json, const struct eigen_doubles *e, size_t k, struct op_failure *f)
{
	size_t n = (size_t)e->n;
	double complex turn = 0;
	double norm = 0, largest = 0;
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		norm = hypot(norm, cabs(e->vectors[i * n + k]));
		largest = fmax(largest, cabs(e->vectors[i * n + k]));
	}
	for (size_t i = 0; i < n && turn == 0; i++)
		if (cabs(e->vectors[i * n + k]) > largest * 0x1p-40) /* less is rounding noise around 0 */
			turn = conj(e->vectors[i * n + k]) / cabs(e->vectors[i * n + k]);
	buf_byte(json, '[');
	for (size_t i = 0; i < n && rc == 0; i++) {
		double complex x = e->vectors[i * n + k] * turn / norm;
		if (i)
			buf_byte(json, ',');
		rc = answer_complex(json, creal(x), cimag(x), "a component of an eigenvector", f);
	}
	buf_byte(json, ']');
	return rc;
}

static int put_eigen_doubles(struct buf *json, const struct eigen_doubles *e, bool vectors, struct op_failure *f)
{
	int rc = 0;

	buf_byte(json, '{');
	answer_member(json, "values");
	for (lapack_int i = 0; i < e->n && rc == 0; i++) {
		double complex x = e->values[e->order[i]];
		buf_byte(json, i ? ',' : '[');
		rc = answer_complex(json, creal(x), cimag(x), "an eigenvalue", f);
	}
	buf_byte(json, ']');
	if (rc == 0 && vectors) {
		answer_member(json, "vectors");
		for (lapack_int i = 0; i < e->n && rc == 0; i++) {
			buf_byte(json, i ? ',' : '[');
			rc = put_eigenvector(json, e, e->order[i], f);
		}
		buf_byte(json, ']');
	}
	buf_byte(json, '}');
	return rc;
}

static int eigen_doubles(struct op_call *c, struct buf *json, bool vectors, struct op_failure *f)
{
	struct eigen_doubles e = { 0 };
	size_t n, cols;
	bool real;
	double complex *a = lapack_complex(c, 0, &n, &cols, &real, f);
	int rc = -1;

	if (!a)
		return -1;
	e.n = (lapack_int)n;
	e.values = calloc(n, sizeof *e.values);
	e.vectors = calloc(n * n, sizeof *e.vectors);
	e.order = calloc(n, sizeof *e.order);
	if (!e.values || !e.vectors || !e.order) {
		op_fail(f, OP_LIMIT_EXCEEDED, "out of memory for %zu rows", n);
	} else if ((real ? run_lapack_real(a, &e, vectors) : run_lapack(a, &e, vectors)) != 0) {
		op_fail(f, OP_DID_NOT_CONVERGE, "the iteration for the eigenvalues did not converge");
	} else {
		sort_order(&e);
		rc = put_eigen_doubles(json, &e, vectors, f);
	}
	free(a);
	free(e.values);
	free(e.vectors);
	free(e.order);
	return rc;
}

int decomposition_eigen(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	struct matrix_estimate e = { .doubles = true };
	enum matrix_way way;
	bool vectors = arg_flag(c, 1, true);
	size_t rows, cols;
	struct certified v;
	int rc = -1;

	arg_shape(c, 0, &rows, &cols);
	if (matrix_need_square(c, 0, f) || linear_load(c, 1, &x, f))
		goto out;
	double n = (double)rows;
	e.exact_ns = spectrum_cost(n, x.bits, vectors ? SPECTRUM_VECTORS : SPECTRUM_VALUES);
	/* Larger ones in balls only when doubles will not do. */
	e.ball_ns = n * n * n * (n > SPECTRAL_BALLS_MAX && c->precision <= OP_PRECISION_DOUBLE ? HUGE_VAL : 10000);
	if (matrix_choose(c, x.rational, &e, &way, f))
		goto out;
	if (way == MATRIX_EXACT) {
		rc = eigen_exact(c, json, x.m[0], vectors, f);
		goto out;
	}
	if (way == MATRIX_BALLS) {
		rc = certify(c, vectors ? rows + rows * rows : rows, eigen_balls, &vectors, &v, f);
		if (rc == 0) {
			eigen_put(json, &v, rows, vectors);
			certified_fini(&v);
		}
		if (rc == 0 || f->error != OP_DID_NOT_CONVERGE || c->precision > OP_PRECISION_DOUBLE)
			goto out;
	}
	rc = eigen_doubles(c, json, vectors, f);
out:
	linear_clear(&x);
	return rc;
}
