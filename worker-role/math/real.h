/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A real number that is exact as long as it is rational, and a ball from the first irrational step on: one formula then
 * serves exact and certified results. And results made of several such numbers, put in the forms of the contract: a
 * rational as "p/q" or rounded, all else certified to the digits of the call. Only in compute children; one thread. */
#ifndef SQUARE_REAL_H
#define SQUARE_REAL_H

#include <arb.h>
#include <flint/fmpq.h>
#include <stdbool.h>
#include <stddef.h>

#include "math/answer.h"

struct real {
	bool exact;
	fmpq_t q;            /* the value if exact */
	arb_t b;             /* an enclosure otherwise */
	const char *special; /* not NULL: no number, but this JSON text (a constant) */
};

void real_init(struct real *x); /* exactly 0 */
void real_clear(struct real *x);
struct real *real_array(size_t n); /* of zeros; aborts when memory runs out (a child's memory is bounded) */
void real_array_free(struct real *v, size_t n);

void real_set(struct real *out, const struct real *a);
void real_set_fmpq(struct real *out, const fmpq_t q);
void real_set_si(struct real *out, slong v);
void real_set_ratio(struct real *out, const fmpz_t top, const fmpz_t bottom); /* bottom not 0 */
void real_set_arb(struct real *out, const arb_t b);
void real_get_arb(arb_t out, const struct real *a, slong prec);

/* out may be an operand. Exact operands give an exact result where that is rational. */
void real_add(struct real *out, const struct real *a, const struct real *b, slong prec);
void real_sub(struct real *out, const struct real *a, const struct real *b, slong prec);
void real_mul(struct real *out, const struct real *a, const struct real *b, slong prec);
void real_div(struct real *out, const struct real *a, const struct real *b, slong prec); /* b not exactly 0 */
void real_div_si(struct real *out, const struct real *a, slong b, slong prec);
void real_pow(struct real *out, const struct real *a, ulong n, slong prec);
void real_root(struct real *out, const struct real *a, ulong n, slong prec); /* n >= 1, a >= 0 */
void real_abs(struct real *out, const struct real *a);
/* Of a and b when that is certain: -1, 0 (both exact), 1; 2: it is not. */
int real_cmp(const struct real *a, const struct real *b, slong prec);
int real_sign(const struct real *a);     /* likewise of a and 0 */
bool real_is_zero(const struct real *a); /* exactly 0 */

/* ---- results ---- */
enum real_form {
	REAL_RATIONAL, /* a rational value is shown as "p/q" unless digits were asked for (or it is very long) */
	REAL_ROUNDED   /* digits, also of a rational value; "p/q" only with exact:true */
};
#define REAL_RATIONAL_DIGITS 1000 /* of numerator or denominator: longer ones are rounded unless exact:true */

/* Computes the n numbers of a result with prec bits of working precision; called again with more as long as a ball is
 * too wide. 0, or -1 with *f. */
typedef int real_fn(struct op_call *c, struct real *out, size_t n, slong prec, void *arg, struct op_failure *f);
struct reals {
	size_t n;
	char **text;
};
/* What *out holds is freed with reals_fini() after success. */
int reals_compute(struct op_call *c, size_t n, enum real_form form, real_fn *fn, void *arg, struct reals *out,
		  struct op_failure *f);
void reals_put(struct buf *json, const struct reals *v, size_t i);
void reals_put_vector(struct buf *json, const struct reals *v, size_t first, size_t n);
void reals_fini(struct reals *v);
/* reals_compute() of one number, appended. With exact:true an irrational one fails (domain-error). */
int real_answer(struct op_call *c, struct buf *json, enum real_form form, real_fn *fn, void *arg, struct op_failure *f);
/* One exact number, appended. */
int real_answer_fmpq(struct op_call *c, struct buf *json, enum real_form form, const fmpq_t q, struct op_failure *f);

#endif
