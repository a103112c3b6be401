/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Singular values by way of Gram matrices, exact and in balls, and eigenvalues in balls: what norms, condition numbers
 * and the decompositions share. Only in compute children. */
#ifndef SQUARE_SINGULAR_H
#define SQUARE_SINGULAR_H

#include <acb_mat.h>
#include <flint/fmpq_mat.h>
#include <stdbool.h>

#include "op.h"

#define SINGULAR_PREC_MAX 2048 /* eigenvalues that this many bits do not isolate are given up */

/* a'a or aa', whichever is smaller: its eigenvalues are the squares of the singular values. Initialises out. */
void singular_gram(fmpq_mat_t out, const fmpq_mat_t a);
/* Encloses the largest and the smallest singular value of argument i; indeterminate when prec does not suffice. Beyond
 * SINGULAR_PREC_MAX that is OP_DID_NOT_CONVERGE. */
int singular_extremes(struct op_call *c, size_t i, arb_t largest, arb_t smallest, slong prec, struct op_failure *f);
/* Encloses the eigenvalues of a, each alone, ascending by real, then imaginary part, and (vectors not NULL) their
 * eigenvectors as columns, not normalised. Real ones of a real or Hermitian matrix have an imaginary part of exactly 0.
 * False: some could not be isolated. */
bool singular_eigenvalues_balls(acb_ptr values, acb_mat_struct *vectors, const acb_mat_t a, slong prec);

#endif
