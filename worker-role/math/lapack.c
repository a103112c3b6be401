/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/lapack.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/arg.h"

static int fail_memory(struct op_failure *f)
{
	return op_fail(f, OP_LIMIT_EXCEEDED, "out of memory for a matrix of doubles");
}

void lapack_lu_clear(struct lapack_lu *lu)
{
	free(lu->a);
	free(lu->pivots);
	*lu = (struct lapack_lu){ 0, NULL, NULL, 0 };
}

int lapack_lu_load(struct op_call *c, size_t i, struct lapack_lu *lu, struct op_failure *f)
{
	size_t rows, cols;
	double norm;
	lapack_int info;

	*lu = (struct lapack_lu){ 0, NULL, NULL, 0 };
	lu->a = arg_doubles(c, i, &rows, &cols, f);
	if (!lu->a)
		return -1;
	lu->n = (lapack_int)rows;
	lu->pivots = malloc((rows + 1) * sizeof *lu->pivots);
	if (!lu->pivots) {
		lapack_lu_clear(lu);
		return fail_memory(f);
	}
	norm = LAPACKE_dlange(LAPACK_ROW_MAJOR, '1', lu->n, lu->n, lu->a, lu->n);
	info = LAPACKE_dgetrf(LAPACK_ROW_MAJOR, lu->n, lu->n, lu->a, lu->n, lu->pivots);
	if (info == 0)
		info = LAPACKE_dgecon(LAPACK_ROW_MAJOR, '1', lu->n, lu->a, lu->n, norm, &lu->rcond);
	if (info < 0) {
		lapack_lu_clear(lu);
		return op_fail(f, OP_INTERNAL_ERROR, "the factorisation was refused (%d)", (int)info);
	}
	return 0;
}

double complex *lapack_complex(struct op_call *c, size_t i, size_t *rows, size_t *cols, bool *real,
			       struct op_failure *f)
{
	double complex *v;
	acb_t z;
	int rc = 0;

	arg_shape(c, i, rows, cols);
	v = calloc(*rows * *cols + 1, sizeof *v);
	if (!v) {
		fail_memory(f);
		return NULL;
	}
	*real = true;
	acb_init(z);
	for (size_t k = 0; k < *rows * *cols && rc == 0; k++) {
		rc = arg_acb_at(c, i, k / *cols, k % *cols, z, 128, f);
		if (rc != 0)
			break;
		double re = arf_get_d(arb_midref(acb_realref(z)), ARF_RND_NEAR);
		double im = arf_get_d(arb_midref(acb_imagref(z)), ARF_RND_NEAR);
		if (!isfinite(re) || !isfinite(im))
			rc = arg_fail_at(c, i, k / *cols, k % *cols, f, OP_OVERFLOW,
					 "expected a number within the range of doubles");
		*real = *real && arb_is_zero(acb_imagref(z));
		v[k] = re + im * I;
	}
	acb_clear(z);
	if (rc != 0) {
		free(v);
		return NULL;
	}
	return v;
}

double *lapack_singular_values(struct op_call *c, size_t i, size_t *n, struct op_failure *f)
{
	size_t rows, cols;
	bool real;
	double complex *a = lapack_complex(c, i, &rows, &cols, &real, f);
	double *s;
	lapack_int info;

	if (!a)
		return NULL;
	*n = rows < cols ? rows : cols;
	s = calloc(*n + 1, sizeof *s);
	if (!s) {
		free(a);
		fail_memory(f);
		return NULL;
	}
	if (real) {
		double *d = (double *)a;
		for (size_t k = 0; k < rows * cols; k++)
			d[k] = creal(a[k]);
		info = LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'N', (lapack_int)rows, (lapack_int)cols, d, (lapack_int)cols, s,
				      NULL, (lapack_int)rows, NULL, (lapack_int)cols);
	} else {
		info = LAPACKE_zgesdd(LAPACK_ROW_MAJOR, 'N', (lapack_int)rows, (lapack_int)cols, a, (lapack_int)cols, s,
				      NULL, (lapack_int)rows, NULL, (lapack_int)cols);
	}
	free(a);
	if (info != 0) {
		free(s);
		op_fail(f, OP_DID_NOT_CONVERGE, "the singular values did not converge (%d)", (int)info);
		return NULL;
	}
	return s;
}

int lapack_rank(struct op_call *c, size_t i, slong *rank, struct op_failure *f)
{
	size_t n, rows, cols;
	double *s = lapack_singular_values(c, i, &n, f);

	if (!s)
		return -1;
	arg_shape(c, i, &rows, &cols);
	*rank = 0;
	while (*rank < (slong)n && s[*rank] > s[0] * (double)(rows > cols ? rows : cols) * 0x1p-52)
		(*rank)++;
	free(s);
	return 0;
}
