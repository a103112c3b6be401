/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The operations on polynomials, and what they share: arguments and their sizes. Used in compute children. */
#ifndef SQUARE_POLYNOMIAL_H
#define SQUARE_POLYNOMIAL_H

#include <acb_poly.h>
#include <flint/fmpq_poly.h>
#include <stdbool.h>

#include "op.h"

#define POLYNOMIAL_DEGREE_MAX 20000

/* Argument i, with rational coefficients; a degree above `most` is limit-exceeded. 0, or -1 with *f. */
int polynomial_read(struct op_call *c, size_t i, slong most, fmpq_poly_t p, struct op_failure *f);
/* Whether argument 0 is an array of coefficients of which one is not rational; then they are read as balls. */
bool polynomial_has_balls(struct op_call *c);
int polynomial_read_balls(struct op_call *c, acb_poly_t p, slong prec, struct op_failure *f);

double polynomial_top_bits(const fmpq_poly_t p); /* of the largest numerator over the common denominator */
double polynomial_bits(const fmpq_poly_t p);     /* of that and the denominator */
double polynomial_terms(const fmpq_poly_t p);    /* the degree plus 1, at least 1 */

/* ---- compute functions ---- */
typedef int polynomial_compute(struct op_call *c, struct buf *json, struct op_failure *f);

polynomial_compute polynomial_eval, polynomial_add, polynomial_mul, polynomial_divmod, polynomial_gcd;
polynomial_compute polynomial_resultant, polynomial_discriminant; /* polynomial_ring.c */
polynomial_compute polynomial_roots;                              /* polynomial_roots.c */
polynomial_compute polynomial_factor, polynomial_expand;          /* polynomial_factor.c */
polynomial_compute polynomial_interpolate, polynomial_special;    /* polynomial_points.c */

#define POLYNOMIAL_SPECIAL_MAX 1000000
extern const char *const polynomial_names[]; /* of polynomial_special(): zero-terminated */

#endif
