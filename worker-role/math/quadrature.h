/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Definite integrals of a real function. Where the integrand is holomorphic around the path (or bounded, with kinks and
 * jumps) the result is a rigorous enclosure: adaptive Gauss-Legendre quadrature with error bounds from Cauchy's
 * estimate (Petras; acb_calc_integrate). Next to a singular end, a singular point inside and beyond |x| = 2^24 on
 * infinite ranges no bound can be had: there the double-exponential rule (Takahasi and Mori) is refined until two
 * levels agree to all bits asked for, and their difference is the error given, though the finer one is right to about
 * twice as many digits. Oscillating tails are summed between their zeros and accelerated. Only in compute children. */
#ifndef SQUARE_QUADRATURE_H
#define SQUARE_QUADRATURE_H

#include <arb.h>
#include <stdbool.h>

#include "math/univariate.h"

#define QUADRATURE_BREAKS_MAX 32

struct quadrature_node {
	struct bound at;
	bool singular;
	bool pole;   /* to be passed by symmetrically (principal value) */
	arb_t reach; /* singular: how far around it the integrand is treated as such; a power of 2 */
};

struct quadrature {
	const struct univariate *u;
	bool principal;
	bool bounded; /* finite ends, nothing singular between, and bounds at the ends */
	size_t count; /* nodes from left to right: the ends, and the singular points between them */
	struct quadrature_node node[QUADRATURE_BREAKS_MAX + 2];
};

/* Lays out the integral from a to b, a < b: finds what is singular. *q must be cleared also when this fails. */
int quadrature_init(struct quadrature *q, const struct univariate *u, const struct bound *a, const struct bound *b,
		    bool principal, struct op_failure *f);
void quadrature_clear(struct quadrature *q);
/* The value, to about 2^-prec (absolute, relative when it is large). did-not-converge when it diverges, or may. */
int quadrature_run(const struct quadrature *q, slong prec, arb_t out, struct op_failure *f);

/* From the finite point a to infinity alone: the tail of a series. */
int quadrature_tail(const struct univariate *u, const arb_t a, slong prec, arb_t out, struct op_failure *f);

#endif
