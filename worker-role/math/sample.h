/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sample: the values of one argument, as statistics sees them. Rational values are kept as integers over a common
 * denominator, so that sums of powers stay exact and cheap; a sample with an irrational value ("sqrt(2)"), or one whose
 * common denominator would be too long, is kept as balls that are read again at each precision. The quantities below
 * come out exact or as balls accordingly (math/real.h). Only in compute children; one thread. */
#ifndef SQUARE_SAMPLE_H
#define SQUARE_SAMPLE_H

#include <arb.h>
#include <flint/fmpq.h>
#include <flint/fmpz.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "math/real.h"
#include "op.h"

#define SAMPLE_MAX 100000 /* values */

struct sample {
	size_t n;
	bool rational;
	fmpz *a;    /* rational: the values are a[i]/d; owned */
	fmpz *rank; /* the same, ascending; NULL until somebody asks */
	fmpz_t d;
	size_t index; /* otherwise: the argument they are read from */
	arb_ptr b;    /* balls with prec bits */
	slong prec;
};

/* Reads argument i (a number, vector or matrix: all its elements, row by row). Fewer than `least` values are
 * invalid-argument, more than SAMPLE_MAX limit-exceeded. 0, or -1 with *f, when there is nothing to clear. */
int sample_load(struct sample *s, struct op_call *c, size_t i, size_t least, struct op_failure *f);
/* The same of n decoded JSON numbers (OP_KIND_ANY), all of which must be rational. pointer: of the array, for messages.
 */
int sample_load_json(struct sample *s, const json_t *array, size_t least, const char *pointer, struct op_failure *f);
void sample_clear(struct sample *s);
/* Takes values that are not rational as doubles, so that equal ones can be told. */
int sample_round(struct sample *s, struct op_call *c, struct op_failure *f);
/* Makes sure that balls have prec bits. Call it at the beginning of each real_fn. Cheap for a rational sample. */
int sample_refine(struct sample *s, struct op_call *c, slong prec, struct op_failure *f);

/* Each with prec bits where it has to be a ball. k-th smallest from 0. */
void sample_at(struct real *out, const struct sample *s, size_t i);
void sample_sum(struct real *out, const struct sample *s, slong prec);
void sample_mean(struct real *out, const struct sample *s, slong prec);
/* Sum of the k-th powers of the deviations from the mean. */
void sample_central(struct real *out, const struct sample *s, ulong k, slong prec);
/* Sum of the products of the deviations of x[t] and y[t+lag] from their means. */
void sample_comoment(struct real *out, const struct sample *x, const struct sample *y, size_t lag, slong prec);
void sample_order(struct real *out, struct sample *s, size_t k, slong prec);
/* Quantile of type 7 of Hyndman and Fan (1996): linear between the order statistics, (n-1)p from the first. p exact in
 * [0,1]. */
void sample_quantile(struct real *out, struct sample *s, const fmpq_t p, slong prec);
/* The median of the absolute deviations from `centre`. */
void sample_median_deviation(struct real *out, const struct sample *s, const struct real *centre, slong prec);

#endif
