/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Results in the number forms of the HTTP contract, appended as JSON. Integers are numbers up to 2^53-1 and strings
 * beyond; rationals "p/q"; doubles round-trip, and NaN or an infinity among them is refused; certified reals are
 * doubles rounded correctly, or strings of as many right digits as the call's `precision` asks for. All return 0, or -1
 * with *f (results larger than the limits, too). */
#ifndef SQUARE_ANSWER_H
#define SQUARE_ANSWER_H

#include <acb.h>
#include <flint/fmpq.h>
#include <flint/fmpq_mat.h>
#include <flint/fmpq_poly.h>
#include <flint/fmpz.h>
#include <stddef.h>

#include "buf.h"
#include "op.h"

/* ---- exact ---- */
int answer_fmpz(struct buf *json, const fmpz_t v, struct op_failure *f);
int answer_fmpq(struct buf *json, const fmpq_t v, struct op_failure *f);
int answer_fmpz_vector(struct buf *json, const fmpz *v, slong n, struct op_failure *f);
int answer_fmpq_vector(struct buf *json, const fmpq *v, slong n, struct op_failure *f);
int answer_fmpq_mat(struct buf *json, const fmpq_mat_t v, struct op_failure *f); /* an array of rows */
/* Coefficients from the constant up; [0] for the zero polynomial. */
int answer_fmpq_poly(struct buf *json, const fmpq_poly_t v, struct op_failure *f);
/* A rational in the form a real result has: rounded to the digits of the call (a double where it asks for none). */
int answer_rounded(struct op_call *c, struct buf *json, const fmpq_t v, struct op_failure *f);

/* ---- doubles ---- */
/* -0 is 0. NaN: domain-error; an infinity: overflow. what names the result in that message. */
int answer_double(struct buf *json, double v, const char *what, struct op_failure *f);
int answer_complex(struct buf *json, double re, double im, const char *what, struct op_failure *f); /* im 0: a number */
int answer_doubles(struct buf *json, const double *v, size_t n, const char *what, struct op_failure *f);
int answer_double_mat(struct buf *json, const double *v, size_t rows, size_t cols, const char *what,
		      struct op_failure *f);
/* Appends "name": with a comma before it unless an object was just opened. */
void answer_member(struct buf *json, const char *name);

/* ---- certified ---- */
/* Computes all n leaves of the result with prec bits of working precision. Called again with about twice as many until
 * each leaf's digits are proven. An indeterminate leaf asks for more. 0, or -1 with *f. */
typedef int certify_fn(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f);
struct certified {
	size_t n;
	char **text; /* JSON of each leaf: a number, a string, or {"re":…,"im":…} */
};
/* Runs fn until all leaves are certain to the digits of the call (op_call.precision; up to 15: correctly rounded
 * doubles, in decimal where they are out of range). An imaginary part that is exactly 0 is left out. A part that cannot
 * be told from 0 by CERTIFY_ZERO_BITS is given as 0. limit-exceeded when certify_bits() of the precision is refused,
 * did-not-converge when the working precision reaches its bound. What *out holds is freed with certified_fini() after
 * success. */
#define CERTIFY_ZERO_BITS 4096 /* below 2^-4096 */
int certify(struct op_call *c, size_t n, certify_fn *fn, void *arg, struct certified *out, struct op_failure *f);
void certified_put(struct buf *json, const struct certified *v, size_t i);
void certified_put_vector(struct buf *json, const struct certified *v, size_t first, size_t n);
void certified_put_mat(struct buf *json, const struct certified *v, size_t first, size_t rows, size_t cols);
void certified_fini(struct certified *v);
/* certify() of one leaf, appended. */
int answer_certified(struct op_call *c, struct buf *json, certify_fn *fn, void *arg, struct op_failure *f);
/* Bits that the digits of this call mean, without guard bits: at least 53. */
slong certify_bits(const struct op_call *c);

/* ---- limits ---- */
/* Refuses (limit-exceeded) what is estimated to take longer than the call may, or to have too many digits. */
int answer_check_cost(const struct op_call *c, double ns, double digits, struct op_failure *f);

#endif
