/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A root of a real function inside a bracket, to any precision: quadratic interval refinement (Abbott, Quadratic
 * interval refinement for real roots, 2006), with every sign decided by a ball that excludes 0. Needs no derivative.
 * Only in compute children. */
#ifndef SQUARE_ROOTFIND_H
#define SQUARE_ROOTFIND_H

#include <arb.h>
#include <stdbool.h>

#include "math/univariate.h"

struct rootfind {
	const struct univariate *u;
	arf_t low, high;         /* the bracket: the signs at its ends differ */
	int sign;                /* at low */
	bool proven;             /* a root, no pole or jump */
	bool exact;              /* the root is known: low (and high) */
	const struct bound *end; /* not NULL: the root is this end of the bracket given */
};

/* Looks at the ends a <= b. no-sign-change if the signs there are equal. *r must be cleared also when this fails. */
int rootfind_init(struct rootfind *r, const struct univariate *u, const struct bound *a, const struct bound *b,
		  struct op_failure *f);
void rootfind_clear(struct rootfind *r);
/* An enclosure of the root of about 2^-prec relative width; later calls go on where earlier ones ended. Fails with
 * no-solution where the sign changes at a pole or a jump. */
int rootfind_run(struct rootfind *r, slong prec, arb_t out, struct op_failure *f);

#endif
