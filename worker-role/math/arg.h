/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The arguments of a confined call as the engines want them. i is the index of the value, in the order of the
 * parameters (op.h). Numbers are exact wherever they are rational: literals, decimals, "p/q", JSON reals by their
 * shortest decimal, and constant expressions with a rational value. All return 0, or -1 with *f filled and pointing at
 * the argument (or the element of it) at fault; outputs are untouched or partly set then, but may always be cleared.
 * Whether an optional argument is there: op_call_given(). Shapes were checked when the call was prepared. */
#ifndef SQUARE_ARG_H
#define SQUARE_ARG_H

#include <acb.h>
#include <acb_mat.h>
#include <flint/fmpq.h>
#include <flint/fmpq_mat.h>
#include <flint/fmpq_poly.h>
#include <flint/fmpz.h>
#include <stdbool.h>
#include <stddef.h>

#include "math/expr.h"
#include "op.h"

/* ---- one number ---- */
int arg_fmpz(struct op_call *c, size_t i, fmpz_t out, struct op_failure *f); /* an integer */
/* An integer from min to max: below is invalid-argument, above limit-exceeded. */
int arg_long(struct op_call *c, size_t i, slong min, slong max, slong *out, struct op_failure *f);
bool arg_is_rational(struct op_call *c, size_t i); /* a number, or all elements of a vector or matrix */
int arg_fmpq(struct op_call *c, size_t i, fmpq_t out, struct op_failure *f);           /* else invalid-argument */
int arg_arb(struct op_call *c, size_t i, arb_t out, slong prec, struct op_failure *f); /* real, else invalid-argument */
int arg_acb(struct op_call *c, size_t i, acb_t out, slong prec, struct op_failure *f);
/* Correctly rounded; a value beyond the doubles is OP_OVERFLOW. */
int arg_double(struct op_call *c, size_t i, double *out, struct op_failure *f);

/* ---- text, truth, expressions ---- */
const char *arg_text(struct op_call *c, size_t i, size_t *n); /* OP_KIND_TEXT; zero-terminated, borrowed */
size_t arg_choice(struct op_call *c, size_t i); /* its place among the parameter's choices; 0 if not given */
bool arg_flag(struct op_call *c, size_t i, bool otherwise); /* OP_KIND_BOOLEAN; `otherwise` if not given */
const struct expr *arg_expr(struct op_call *c, size_t i);   /* OP_KIND_EXPRESSION; borrowed */
/* OP_KIND_TEXTS: how many, and the k-th, zero-terminated, borrowed. */
size_t arg_text_count(struct op_call *c, size_t i);
const char *arg_text_at(struct op_call *c, size_t i, size_t k, size_t *n);
/* OP_KIND_VALUES: how many, and the k-th name (borrowed). Values: rational if it is, else only as balls. */
size_t arg_value_count(struct op_call *c, size_t i);
const char *arg_value_name(struct op_call *c, size_t i, size_t k);
int arg_value_fmpq(struct op_call *c, size_t i, size_t k, fmpq_t out, struct op_failure *f);
int arg_value_acb(struct op_call *c, size_t i, size_t k, acb_t out, slong prec, struct op_failure *f);

/* ---- vectors and matrices ---- */
/* Rows and columns: 1, 1 for a number; n, 1 for a vector; for a matrix its own. */
void arg_shape(struct op_call *c, size_t i, size_t *rows, size_t *cols);
bool arg_is_array(struct op_call *c, size_t i);  /* a vector or matrix was given, not a number (NUMBERS, POLYNOMIAL) */
bool arg_is_matrix(struct op_call *c, size_t i); /* an array of arrays (SYSTEM) */
/* Element (row, col), for what is read one by one. */
int arg_fmpq_at(struct op_call *c, size_t i, size_t row, size_t col, fmpq_t out, struct op_failure *f);
int arg_acb_at(struct op_call *c, size_t i, size_t row, size_t col, acb_t out, slong prec, struct op_failure *f);
int arg_double_at(struct op_call *c, size_t i, size_t row, size_t col, double *out, struct op_failure *f);
/* Whole; out is initialised by these, with the argument's shape, also when they fail: clear it always. A vector becomes
 * a matrix of one column. */
int arg_fmpq_mat(struct op_call *c, size_t i, fmpq_mat_t out, struct op_failure *f);
int arg_acb_mat(struct op_call *c, size_t i, acb_mat_t out, slong prec, struct op_failure *f);
/* rows*cols doubles, row by row (free it); NULL with *f. An empty vector gives a block to free, too. */
double *arg_doubles(struct op_call *c, size_t i, size_t *rows, size_t *cols, struct op_failure *f);
/* OP_KIND_POLYNOMIAL with rational coefficients; out must be initialised. */
int arg_polynomial(struct op_call *c, size_t i, fmpq_poly_t out, struct op_failure *f);

/* ---- what is wrong with an argument ---- */
/* Fails at argument i; always -1. */
int arg_fail(struct op_call *c, size_t i, struct op_failure *f, enum op_error error, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* Fails at element (row, col) of argument i. */
int arg_fail_at(struct op_call *c, size_t i, size_t row, size_t col, struct op_failure *f, enum op_error error,
		const char *fmt, ...) __attribute__((format(printf, 7, 8)));
/* Lets a failure that names no argument yet point at argument i; always -1. */
int arg_locate(struct op_call *c, size_t i, struct op_failure *f);

#endif
