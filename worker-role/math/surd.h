/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exact numbers q1*sqrt(r1) + q2*sqrt(r2) + …: rational q, different squarefree integers r, of which 1 makes the
 * rational part and negative ones the imaginary part (sqrt(-r) = i*sqrt(r)). The square roots are linearly independent
 * over the rationals, so a number is zero, rational or real exactly when its form says so. That is what makes
 * sqrt(2)*sqrt(8) - 4 zero and (1+i)^2 2i. A form that would grow beyond small bounds is given up (false); the caller
 * goes on with a ball then. */
#ifndef SQUARE_SURD_H
#define SQUARE_SURD_H

#include <acb.h>
#include <flint/fmpq.h>
#include <stdbool.h>

#define SURD_TERMS_MAX 16
#define SURD_BITS_MAX 20000 /* of a coefficient */

struct surd_term {
	slong radicand;
	fmpq_t coefficient; /* not zero */
};

struct surd {
	slong count;
	slong room;
	struct surd_term *terms; /* by ascending radicand */
};

void surd_init(struct surd *x);
void surd_clear(struct surd *x);
void surd_set(struct surd *out, const struct surd *x);
void surd_swap(struct surd *x, struct surd *y);
void surd_set_fmpq(struct surd *out, const fmpq_t q);
void surd_i(struct surd *out);
/* A square root of a rational: the principal one. False: its squarefree part is too large to find or to keep. */
bool surd_sqrt(struct surd *out, const fmpq_t q);

bool surd_is_zero(const struct surd *x);
bool surd_is_real(const struct surd *x);
bool surd_get_fmpq(fmpq_t out, const struct surd *x); /* false, and out untouched, when x is not rational */
/* Its parts, when both are rational. */
bool surd_get_gauss(fmpq_t re, fmpq_t im, const struct surd *x);
int surd_sign(const struct surd *x); /* of a real one */
void surd_get_acb(acb_t out, const struct surd *x, slong prec);

bool surd_add(struct surd *out, const struct surd *x, const struct surd *y);
void surd_neg(struct surd *out, const struct surd *x);
void surd_conj(struct surd *out, const struct surd *x);
/* The real part; the imaginary part as a real number. */
void surd_parts(struct surd *re, struct surd *im, const struct surd *x);
bool surd_mul(struct surd *out, const struct surd *x, const struct surd *y);
bool surd_inv(struct surd *out, const struct surd *x); /* x is not zero */
bool surd_pow(struct surd *out, const struct surd *x, slong n);
void surd_floor(fmpz_t out, const struct surd *x); /* of a real one */

#endif
