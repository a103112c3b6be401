/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sequence of numbers as the transforms want it: exact (Gaussian integers over one denominator) whenever all its
 * elements are rational, and then it also knows which parts of its Fourier transform are exactly 0, which no enclosure
 * could prove. Only in compute children. */
#ifndef SQUARE_SIGNAL_H
#define SQUARE_SIGNAL_H

#include <acb.h>
#include <flint/fmpz_poly.h>
#include <stdbool.h>

#include "op.h"

struct signal {
	slong n;
	bool exact;         /* re, im and den are there; else only balls can be had */
	fmpz_poly_t re, im; /* n coefficients (fewer if the last ones are 0) */
	fmpz_t den;
	struct op_call *call;
	size_t argument;
};

/* Reads argument i, a vector: empty is invalid-argument, more than max elements limit-exceeded. *s must be cleared also
 * when this fails. 0, or -1 with *f. */
int signal_read(struct signal *s, struct op_call *c, size_t i, slong max, struct op_failure *f);
void signal_clear(struct signal *s);
/* The elements with prec bits; out has room for n. Exact signals are given without their denominator. */
int signal_balls(const struct signal *s, acb_ptr out, slong prec, struct op_failure *f);

/* Which parts of the transform X_k = sum of x_j exp(-2 pi i j k / n) of an exact signal vanish. */
enum signal_zero {
	SIGNAL_NONZERO,
	SIGNAL_ZERO,
	SIGNAL_EITHER /* this part of X_k, or of X_(n-k), is 0: but not both */
};
/* Fills re[0..n) and im[0..n) with enum signal_zero. By divisibility: X_k is the value of a polynomial at a primitive
 * d-th root of unity, d = n/gcd(n,k), so it is 0 exactly when the d-th cyclotomic polynomial divides that. */
void signal_zeros(const struct signal *s, unsigned char *re, unsigned char *im);

#endif
