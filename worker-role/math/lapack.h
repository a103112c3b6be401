/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Matrices in doubles on LAPACK, row by row, for what is too large to be done exactly or in balls. Arguments are read
 * here; errors of reading point at them. Results are backward stable, not certified. Only in compute children. */
#ifndef SQUARE_LAPACK_H
#define SQUARE_LAPACK_H

#include <complex.h>
#include <flint/flint.h>
#include <lapacke.h>
#include <stdbool.h>
#include <stddef.h>

#include "op.h"

/* LU of a square argument with partial pivoting; rcond: LAPACK's estimate of 1/(|A| |1/A|) in the 1-norm, 0 when a
 * pivot is 0. */
struct lapack_lu {
	lapack_int n;
	double *a;
	lapack_int *pivots;
	double rcond;
};
int lapack_lu_load(struct op_call *c, size_t i, struct lapack_lu *lu, struct op_failure *f);
void lapack_lu_clear(struct lapack_lu *lu);

/* The singular values, descending, min(rows, cols) of them: malloc'd; NULL with *f. Complex arguments too. */
double *lapack_singular_values(struct op_call *c, size_t i, size_t *n, struct op_failure *f);
/* How many singular values exceed the largest one times max(rows, cols) times 2^-52. */
int lapack_rank(struct op_call *c, size_t i, slong *rank, struct op_failure *f);

/* rows*cols complex doubles, row by row (free it); NULL with *f. *real: no entry has an imaginary part. */
double complex *lapack_complex(struct op_call *c, size_t i, size_t *rows, size_t *cols, bool *real,
			       struct op_failure *f);

#endif
