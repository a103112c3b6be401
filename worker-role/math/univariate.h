/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A function of one real variable that a client wrote, and the bounds it is looked at between: what calculus needs of
 * an expression. Only in compute children. */
#ifndef SQUARE_UNIVARIATE_H
#define SQUARE_UNIVARIATE_H

#include <acb.h>
#include <flint/fmpq.h>
#include <stdbool.h>

#include "math/arg.h"
#include "math/expr.h"
#include "op.h"

struct univariate {
	const struct expr *e;
	const char *name;
};

/* A constant expression, or an infinity. */
struct bound {
	const struct expr *e;
	int infinite; /* -1, 1; 0: finite */
	bool rational;
	fmpq_t q; /* when rational */
};

/* Reads argument fi (EXPRESSION) as a function of the variable that argument vi (TEXT) names. Other names in it fail.
 */
int univariate_read(struct op_call *c, size_t fi, size_t vi, struct univariate *u, struct op_failure *f);
/* Checks that s[0..n) is the name of a variable (no constant, no function); at points at the argument. */
int univariate_check_name(struct op_call *c, size_t at, const char *s, size_t n, struct op_failure *f);

/* 0, or -1 with *f. A value that is not rational: as expr_rational(). */
int univariate_rational(const struct univariate *u, const fmpq_t x, fmpq_t out, struct op_failure *f);
int univariate_ball(const struct univariate *u, const acb_t x, bool analytic, slong prec, acb_t out,
		    struct op_failure *f);
/* A real value at a real ball; indeterminate where it is not certainly real. False: no value there, *f says why. */
bool univariate_real(const struct univariate *u, const arb_t x, slong prec, arb_t out, struct op_failure *f);

/* Refuses (overflow) a result so large that its digits could not be written. */
int univariate_check_size(const arb_t value, struct op_failure *f);

void bound_init(struct bound *b);
void bound_clear(struct bound *b);
/* Reads argument i (EXPRESSION): a constant with a real value, or inf, -inf where `infinite` allows it. */
int bound_read(struct op_call *c, size_t i, bool infinite, struct bound *b, struct op_failure *f);
int bound_arb(const struct bound *b, arb_t out, slong prec, struct op_failure *f); /* finite ones */
/* -1, 0, 1: how they compare; 0 also when they cannot be told apart. */
int bound_compare(const struct bound *a, const struct bound *b, struct op_failure *f);

/* The rational with the smallest denominator in the ball x, which is finite and no wider than it is far from 0 or holds
 * 0 (then that). */
void univariate_simplest(const arb_t x, fmpq_t out);

#endif
