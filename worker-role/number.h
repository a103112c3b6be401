/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exact numbers in the text forms of the service: integers, decimals (1.5 .5 +5 1e3 -2.50E-2) and fractions p/q, on
 * GMP. Reading has two steps. number_scan() looks at a literal, decides whether it is a number and how large, and uses
 * no memory; number_load() makes the GMP rational when a computation needs it. So the cost of "1e900000" is known
 * before it is paid, and integers of up to 18 digits never meet GMP at all. No state; any thread. */
#ifndef SQUARE_NUMBER_H
#define SQUARE_NUMBER_H

#include <gmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define NUMBER_LITERAL_MAX 4096   /* characters of a literal */
#define NUMBER_DIGITS_MAX 1000000 /* decimal digits of a value, written out */
#define NUMBER_SMALL_DIGITS 18

enum number_form {
	NUMBER_SMALL,    /* the integer `small`, |small| < 10^18; zero is always this */
	NUMBER_DECIMAL,  /* text, times 10^exponent; neither first nor last digit is 0; text may hold a point to skip */
	NUMBER_FRACTION, /* text / bottom, both digits without leading zeros, not in lowest terms yet */
	NUMBER_LOADED    /* q, in lowest terms */
};

struct number {
	enum number_form form;
	bool negative; /* sign of a text form */
	int64_t small;
	const char *text, *bottom; /* borrowed from the scanned literal until number_load() */
	uint32_t text_len, bottom_len;
	uint32_t digits; /* decimal digits in text */
	int64_t exponent;
	mpq_t q;
};

/* Reads p[0..n), all of it, no blanks. ERR_INVALID: not a number (a denominator 0 too). ERR_TOO_BIG: more than
 * NUMBER_LITERAL_MAX characters, or more than NUMBER_DIGITS_MAX digits (number_written_digits() of *x tells how many;
 * -1 for a too long literal). *x borrows p. */
int number_scan(const char *p, size_t n, struct number *x);
void number_set_small(struct number *x, int64_t v); /* any int64 */
void number_fini(struct number *x);

/* Turns any form into NUMBER_LOADED. The literal is not needed afterwards. */
void number_load(struct number *x);

int number_sign(const struct number *x);
/* Whether the value is an integer. Loads a fraction. */
bool number_is_integer(struct number *x);
/* Upper bounds (at most one too many) of the decimal digits of the absolute numerator and of the denominator; the
 * denominator of an integer counts 0. */
double number_digits(const struct number *x);
double number_denominator_digits(const struct number *x);
/* Digits needed to write |x| in full: of its integer part and its fraction. */
double number_written_digits(const struct number *x);
/* log10 of the absolute numerator and of the denominator (0 for an integer), right to about 1e-9; x is not 0. A decimal
 * that is not loaded counts as digits/10^k, not in lowest terms. */
double number_log10(const struct number *x);
double number_denominator_log10(const struct number *x);
double number_log10_mpz(const mpz_t v); /* of |v|, v not 0 */
/* The value when it is an integer that fits. 0 or ERR_TOO_BIG. */
int number_int64(struct number *x, int64_t *out);

/* Result forms in JSON: an integer up to 2^53-1 is a number, beyond a string of digits; a rational is "p/q". */
void number_put_int(struct buf *json, __int128 v);
void number_put_mpz(struct buf *json, const mpz_t v);
void number_put_ratio(struct buf *json, const mpz_t top, const mpz_t bottom); /* "p/q", as given */

/* Plain decimal digits, without quotes. */
void number_put_digits(struct buf *out, const mpz_t v);
void number_put_int128(struct buf *out, __int128 v);

/* Appends the exact square of a scanned number in the form of its input: a decimal for an integer or a decimal, a
 * fraction in lowest terms (or an integer) for a fraction. ERR_TOO_BIG, and nothing appended, when it would have more
 * than NUMBER_DIGITS_MAX digits. */
int number_put_square(struct buf *out, struct number *x);

#endif
