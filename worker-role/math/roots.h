/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The roots of a polynomial, all of them, in a fixed order: by real part, then by imaginary part. With rational
 * coefficients everything that is exact is known to be: multiplicities, rational roots, real and purely imaginary ones.
 * With other coefficients the roots must be simple. Only in compute children. */
#ifndef SQUARE_ROOTS_H
#define SQUARE_ROOTS_H

#include <acb.h>
#include <acb_poly.h>
#include <flint/fmpq_poly.h>
#include <flint/fmpz_poly_factor.h>
#include <stdbool.h>

#include "op.h"

#define ROOTS_DEGREE_MAX 500

struct root {
	acb_t z;       /* isolates it */
	bool rational; /* it is q */
	fmpq_t q;
	slong multiplicity;
};

struct roots {
	slong count; /* of different ones, not 0 itself */
	struct root *root;
	slong zeros;                   /* multiplicity of the root 0 */
	fmpz_poly_factor_t even, rest; /* square-free: polynomials in x², and without pairs r, -r */
	slong prec;                    /* of the balls; 0: not found yet */
};

/* Of p, not 0. Squarefree parts and the like, quick; no root yet. */
void roots_init(struct roots *r, const fmpq_poly_t p);
void roots_fini(struct roots *r);
slong roots_total(const struct roots *r); /* with multiplicity */
/* Isolates them, or narrows them (prec: bits of each part, about); keeps the order of the first time. */
void roots_refine(struct roots *r, slong prec);
/* All, repeated by multiplicity, in order. */
void roots_get(acb_ptr out, const struct roots *r, slong prec);

/* The deg(p) roots of a polynomial with enclosed coefficients; false: not isolated with prec bits. `real`: the
 * coefficients are real. In the order of `before`, what it gave with fewer bits; NULL: the order of the midpoints. */
bool roots_enclosed(acb_ptr out, const acb_poly_t p, bool real, acb_srcptr before, slong prec);

#endif
