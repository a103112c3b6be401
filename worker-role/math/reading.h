/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers as they stand in JSON arguments: an integer, a literal, a string with a literal or a constant expression,
 * {"re","im"}. Rational wherever the value is, else a ball. Used by math/arg.c, nobody else. */
#ifndef SQUARE_READING_H
#define SQUARE_READING_H

#include <acb.h>
#include <flint/fmpq.h>
#include <jansson.h>

#include "math/expr.h"
#include "number.h"

enum reading { READ_RATIONAL, READ_BALL, READ_FAILED };

/* The value of a scanned number; loads it unless it is small. */
void reading_get_fmpq(struct number *x, fmpq_t out);
/* Exactly into q when it is rational (READ_RATIONAL), else into ball with prec bits; ball NULL: only that it is not
 * rational is wanted. READ_FAILED with *f, which names no argument. */
enum reading reading_of_expr(const struct expr *e, fmpq_t q, acb_ptr ball, slong prec, struct op_failure *f);
enum reading reading_of_json(const json_t *v, fmpq_t q, acb_ptr ball, slong prec, struct op_failure *f);

#endif
