/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Operations on a few numbers that are exact on rationals and certified elsewhere: what a light operation does when its
 * arguments are irrational or complex, or when digits are asked for. Only in compute children. */
#ifndef SQUARE_SCALAR_H
#define SQUARE_SCALAR_H

#include <acb.h>
#include <flint/fmpq.h>
#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "op.h"

struct scalar {
	/* out = f(args[0..n)): 1 done, 0 the value is irrational or too long to be written out, -1 with *f. */
	int (*exact)(fmpq_t out, const fmpq *args, size_t n, struct op_failure *f);
	/* An enclosure; indeterminate where prec does not suffice. 0, or -1 with *f. */
	int (*ball)(acb_t out, acb_srcptr args, size_t n, slong prec, struct op_failure *f);
	bool real; /* complex arguments are refused */
};

/* Appends the value: a rational as such, or, when digits are asked for and it is no integer, rounded to them;
 * everything else certified. Optional arguments that were left out are not counted in n. */
int scalar_compute(struct op_call *c, struct buf *json, const struct scalar *s, struct op_failure *f);

/* A rational result: an integer as it is, a fraction too unless digits are asked for. */
int scalar_answer(struct op_call *c, struct buf *json, const fmpq_t v, struct op_failure *f);

/* The integer that a step function has at a point which is only known as a ball. The step is given a ball of the call's
 * arguments and answers with one that holds its value; the precision is raised until only one integer is left.
 * did-not-converge when the point cannot be told from one where the step jumps. */
typedef int scalar_step(struct op_call *c, arb_t out, slong prec, void *arg, struct op_failure *f);
int scalar_integer(struct op_call *c, fmpz_t out, scalar_step *step, void *arg, struct op_failure *f);

#define SCALAR_EXACT_DIGITS 1000000   /* no exact value longer than this is computed */
double scalar_digits(const fmpq_t v); /* of numerator and denominator together */

#endif
