/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sums and products of the values of an expression at consecutive integers, finitely or infinitely many. Enclosures are
 * rigorous for rational terms (with or without (-1)^k: Hurwitz zeta values of the expansion at infinity, its remainder
 * bounded by Cauchy's estimate) and for hypergeometric ones (tail bounded by a geometric series). Other series are
 * accelerated, alternating ones by the algorithm of Cohen, Rodriguez Villegas and Zagier, others by the Euler-Maclaurin
 * formula, twice with different parameters: the two must agree to all bits asked for, and their difference is the error
 * given. Whatever diverges, or cannot be told to converge, fails. Only in compute children. */
#ifndef SQUARE_SUMMATION_H
#define SQUARE_SUMMATION_H

#include <arb.h>
#include <flint/fmpq.h>
#include <stdbool.h>

#include "math/univariate.h"

#define SUMMATION_EXACT_MAX 20000  /* terms of an exact result */
#define SUMMATION_BITS_MAX 6000000 /* of an exact value on the way */
#define SUMMATION_TERMS_MAX 1000000

struct summation {
	struct univariate term;
	slong first, last; /* last: when finite; first <= last */
	bool infinite;
	bool product;
};

/* A finite sum of a term that is a polynomial, at once. False: it is none. */
bool summation_closed(const struct summation *s, fmpq_t out);
/* The term at k, exactly. */
int summation_term_exact(const struct summation *s, slong k, fmpq_t out, struct op_failure *f);
/* Finitely many terms: exactly, if all are rational. -1 with *f: see expr_is_irrational(). */
int summation_exact(const struct summation *s, fmpq_t out, struct op_failure *f);
/* An enclosure with about prec bits. */
int summation_ball(const struct summation *s, slong prec, arb_t out, struct op_failure *f);

#endif
