/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the operations on matrices share. A matrix is worked on in one of three ways: exactly (FLINT) while all entries
 * are rational and the estimate allows it; in certified balls (Arb) where entries are irrational or complex; in doubles
 * (LAPACK) when it is too large for both. Which one is decided here, from estimates, before anything is computed. Only
 * in compute children; outputs are the caller's to clear. */
#ifndef SQUARE_MATRIX_H
#define SQUARE_MATRIX_H

#include <acb_mat.h>
#include <flint/fmpq_mat.h>
#include <stdbool.h>
#include <stddef.h>

#include "math/answer.h"
#include "math/arg.h"
#include "op.h"

#define MATRIX_EXACT_NS 1.5e9 /* what is estimated to take longer is done in doubles, unless exact is asked for */
#define MATRIX_ROUNDED_NS 2e8 /* the same, when rounded results are asked for */
/* Balls that contain 0 are taken for 0 from this working precision on: then the value is below 2^-4096. */
#define MATRIX_ZERO_PREC (CERTIFY_ZERO_BITS + 512)

enum matrix_way { MATRIX_EXACT, MATRIX_BALLS, MATRIX_DOUBLES };

struct matrix_estimate {
	double exact_ns, exact_digits; /* HUGE_VAL: there is no exact way */
	double ball_ns;                /* at 64 bits; HUGE_VAL: no way in balls */
	bool doubles;                  /* there is a way in doubles */
};

/* ---- shapes: 0, or -1 with a dimension-mismatch ---- */
int matrix_need_square(struct op_call *c, size_t i, struct op_failure *f);
int matrix_need_equal(struct op_call *c, size_t have, size_t want, size_t i, const char *what, struct op_failure *f);

/* ---- estimates ---- */
/* Bits of the largest entry when each row is multiplied by its common denominator, or of that, if it is larger. */
double matrix_bits(const fmpq_mat_t a);
/* Hadamard's bound: bits of the numerator and of the denominator of det a together (of any minor, for other shapes). */
double matrix_det_bits(const fmpq_mat_t a);
/* Nanoseconds of FLINT for n x n entries of so many bits, from measurements with n 10 to 300 and 4 to 500 bits, on the
 * high side: determinants and single systems; inverses; characteristic polynomials; integer normal forms. */
double matrix_cost_det(double n, double bits);
double matrix_cost_inverse(double n, double bits);
double matrix_cost_charpoly(double n, double bits);
double matrix_cost_snf(double n, double bits);

/* ---- the way ---- */
/* rational: all arguments are. Refuses exact: true where it cannot be had, and what is over the limits. */
int matrix_choose(struct op_call *c, bool rational, const struct matrix_estimate *e, enum matrix_way *way,
		  struct op_failure *f);
/* Fails for the first value that is not rational, when all have to be. */
int matrix_need_rational(struct op_call *c, const char *why, struct op_failure *f);
/* Whether the result is to be shown as rationals: not rounded to a precision or to doubles. */
bool matrix_wants_exact(const struct op_call *c);
/* Refuses exact: true for a result that is irrational in general; -1. */
int matrix_fail_irrational(struct op_call *c, struct op_failure *f);
int matrix_fail_singular(struct op_call *c, size_t i, struct op_failure *f);

/* ---- results ---- */
int matrix_put(struct op_call *c, struct buf *json, const fmpq_mat_t v, struct op_failure *f);
int matrix_put_scalar(struct op_call *c, struct buf *json, const fmpq_t v, struct op_failure *f);
/* The same where results are irrational in general: rational numbers only if exact: true asks for them. */
int matrix_put_real(struct op_call *c, struct buf *json, const fmpq_t v, struct op_failure *f);
int matrix_put_reals(struct op_call *c, struct buf *json, const fmpq_mat_t v, struct op_failure *f);
/* Column j of v as an array. */
int matrix_put_column(struct op_call *c, struct buf *json, const fmpq_mat_t v, slong j, struct op_failure *f);
/* certify() of all cells, appended as an array of rows; with one column and vector, as an array. */
int matrix_certify(struct op_call *c, struct buf *json, size_t rows, size_t cols, bool vector, certify_fn *fn,
		   void *arg, struct op_failure *f);
/* For certify_fn: the cells of v, row by row; all indeterminate. */
void matrix_leaves(acb_ptr out, const acb_mat_t v);
void matrix_leaves_unknown(acb_ptr out, size_t n);

/* ---- elimination in balls ---- */
enum matrix_pivots { MATRIX_PIVOTS_FOUND = 0, MATRIX_PIVOTS_UNSURE = 1 };
/* Reduces a to reduced row echelon form; pivots[0..*rank) are their columns. MATRIX_PIVOTS_UNSURE: some entry can not
 * be told from 0 with prec bits, and prec is below MATRIX_ZERO_PREC. */
int matrix_rref_balls(acb_mat_t a, slong *pivots, slong *rank, slong prec);

#endif
