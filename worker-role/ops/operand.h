/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the exact operations share: a look at an operand, loading it, folding many into one, and putting a result that
 * keeps to the limit. Indices are those of the call's values. Used on the thread that runs the call. */
#ifndef SQUARE_OPERAND_H
#define SQUARE_OPERAND_H

#include <gmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "op.h"

#define OPERAND_REDUCE_DIGITS 8192 /* shorter numbers may be loaded while estimating */

bool operand_is_small(struct op_call *c, size_t i); /* an integer of at most 18 digits, in operand_small() */
bool operand_all_small(struct op_call *c);
int64_t operand_small(struct op_call *c, size_t i);
bool operand_is_zero(struct op_call *c, size_t i);
bool operand_is_odd(struct op_call *c, size_t i); /* of an integer */
mpq_ptr operand_load(struct op_call *c, size_t i);
mpz_ptr operand_load_integer(struct op_call *c, size_t i);
double operand_top_digits(struct op_call *c, size_t i);
double operand_bottom_digits(struct op_call *c, size_t i); /* 0 for an integer */
/* Brings a short fraction or decimal to lowest terms, so that its logarithms are those of the value. */
void operand_reduce(struct op_call *c, size_t i);

/* Replaces the first value by all of them combined, pairwise, so that operands stay of like size; uses the others up.
 * The combination must be associative. */
typedef void operand_combine(mpq_t out, const mpq_t a, const mpq_t b);
mpq_ptr operand_fold(struct op_call *c, operand_combine *combine);
/* Its time for a result of `digits`. */
double operand_fold_cost(struct op_call *c, double digits, bool rational);

/* Sums and maxima over all values. */
struct operand_volume {
	double top, bottom, top_max, bottom_max;
};
struct operand_volume operand_measure(struct op_call *c);

/* Append a result, or fail with OP_LIMIT_EXCEEDED when it has more than NUMBER_DIGITS_MAX digits. */
int operand_put(struct buf *json, const mpq_t v, struct op_failure *f);
int operand_put_integer(struct buf *json, const mpz_t v, struct op_failure *f);

/* Fails at one argument; always returns -1. */
int operand_fail(struct op_call *c, size_t i, struct op_failure *f, enum op_error error, const char *sentence);

#endif
