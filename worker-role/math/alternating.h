/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Acceleration of alternating series by the algorithm of Cohen, Rodriguez Villegas and Zagier (Convergence acceleration
 * of alternating series, Experimental Mathematics 9, 2000, algorithm 1). */
#ifndef SQUARE_ALTERNATING_H
#define SQUARE_ALTERNATING_H

#include <arb.h>
#include <stdbool.h>

/* How many terms it takes to get prec bits of a series whose terms behave well. */
slong alternating_terms(slong prec);
/* The sum of infinitely many terms that alternate in sign, from the first n = alternating_terms(…). Two estimates, the
 * second with the first eighth of the terms summed plainly, must agree to 2^-prec (relatively above 1); their
 * difference is the error given. False: they do not. */
bool alternating_sum(arb_t out, arb_srcptr terms, slong n, slong prec, slong wp);

#endif
