/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Eigenvalues and eigenvectors of a rational matrix, exactly: the characteristic polynomial is factored over the
 * rationals, eigenvalues are the roots of its irreducible factors p, and an eigenvector is a vector of polynomials in
 * the root, modulo p, the same for all roots of p. So multiplicities, rational eigenvalues, real ones and components
 * that are 0 are known as such, and the rest can be had to any precision. Only in compute children. */
#ifndef SQUARE_SPECTRUM_H
#define SQUARE_SPECTRUM_H

#include <acb.h>
#include <flint/fmpq_mat.h>
#include <flint/fmpq_poly.h>
#include <flint/fmpz_poly.h>
#include <stdbool.h>

struct spectrum_factor {
	fmpz_poly_t p; /* irreducible, monic; its roots are `scale` times eigenvalues */
	slong degree, multiplicity;
	slong dimension;         /* of the eigenspace of each root; 0: vectors were not asked for */
	fmpq_poly_struct *basis; /* dimension times n polynomials: basis vector k begins at k*n */
};

struct spectrum {
	slong n, count;
	fmpz_t scale;
	bool symmetric;
	struct spectrum_factor *factors;
};

enum spectrum_want { SPECTRUM_VALUES, SPECTRUM_VECTORS };

/* Of a square matrix. Bases of eigenspaces are orthogonal when the matrix is symmetric. */
void spectrum_init(struct spectrum *s, const fmpq_mat_t a, enum spectrum_want want);
void spectrum_fini(struct spectrum *s);
/* Nanoseconds of spectrum_init() and one evaluation, on the high side. */
double spectrum_cost(double n, double bits, enum spectrum_want want);

struct spectrum_value {
	const struct spectrum_factor *factor;
	slong copy;  /* 0 to factor->multiplicity-1: which of the equal ones */
	acb_t root;  /* of factor->p */
	acb_t value; /* the eigenvalue: root / scale */
};

/* All n eigenvalues with their multiplicities, ascending by real, then imaginary part, to a relative accuracy of about
 * prec bits. Real ones have an imaginary part of exactly 0. */
struct spectrum_value *spectrum_values(const struct spectrum *s, slong prec);
void spectrum_values_free(struct spectrum_value *v, slong n);

/* The basis vector that belongs to v, not normalised; n components; those that are 0 exactly so. Where the eigenspace
 * has fewer dimensions than v's multiplicity the last vector serves for the rest. */
void spectrum_vector(acb_ptr out, const struct spectrum *s, const struct spectrum_value *v, slong prec);
/* Divides by the Euclidean length, and turns the first component that is not exactly 0 positive (real, if complex). */
void spectrum_normalise(acb_ptr v, slong n, slong prec);
/* The sum of squared absolute values. */
void spectrum_norm2(arb_t out, acb_srcptr v, slong n, slong prec);

/* Replaces the basis vectors, n polynomials each, by m x n matrix times them (for singular vectors): a new array. */
fmpq_poly_struct *spectrum_map(const struct spectrum_factor *factor, const fmpq_mat_t m);
void spectrum_polys_free(fmpq_poly_struct *polys, slong n);
void spectrum_evaluate(acb_ptr out, const fmpq_poly_struct *polys, slong n, const acb_t root, slong prec);

#endif
