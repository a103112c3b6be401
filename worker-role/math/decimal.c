/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/decimal.h"

#include <math.h>
#include <mpfr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op.h"

#define INTERVAL_BITS 192
#define PLAIN_LEAST (-7) /* exponents of plain decimals */
#define PLAIN_MOST 20

void decimal_put_double(struct buf *json, double v)
{
	char text[32];

	if (v == 0)
		v = 0; /* -0 */
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	buf_puts(json, text);
}

/* ---- strings ---- */

/* 0.DIGITS times 10^exponent, as mpfr_get_str() has it. */
static void put_string(struct buf *json, const char *digits, size_t n, mpfr_exp_t exponent, bool negative)
{
	long e = (long)exponent - 1, most = (long)n > PLAIN_MOST ? (long)n : PLAIN_MOST;

	buf_puts(json, negative ? "\"-" : "\"");
	if (e < PLAIN_LEAST || e > most) {
		buf_append(json, digits, 1);
		if (n > 1)
			buf_byte(json, '.');
		buf_append(json, digits + 1, n - 1);
		buf_printf(json, "e%ld", e);
	} else if (e < 0) {
		buf_puts(json, "0.");
		for (long k = e + 1; k < 0; k++)
			buf_byte(json, '0');
		buf_append(json, digits, n);
	} else {
		size_t whole = (size_t)e + 1;
		buf_append(json, digits, n < whole ? n : whole);
		for (size_t k = n; k < whole; k++)
			buf_byte(json, '0');
		if (n > whole) {
			buf_byte(json, '.');
			buf_append(json, digits + whole, n - whole);
		}
	}
	buf_byte(json, '"');
}

static size_t without_zeros(const char *digits, size_t n)
{
	while (n > 1 && digits[n - 1] == '0')
		n--;
	return n;
}

/* The digits of x, rounded to nearest; freed with mpfr_free_str(). Without sign. */
static char *digits_of(const arf_t x, size_t digits, mpfr_exp_t *exponent)
{
	mpfr_t m;
	slong bits = arf_bits(x);

	mpfr_init2(m, bits < 2 ? 2 : bits);
	arf_get_mpfr(m, x, MPFR_RNDN);
	mpfr_abs(m, m, MPFR_RNDN);
	char *text = mpfr_get_str(NULL, exponent, 10, digits, m, MPFR_RNDN);
	mpfr_clear(m);
	return text;
}

static bool put_digits(struct buf *json, const arf_t low, const arf_t high, size_t digits, bool exact)
{
	mpfr_exp_t low_exponent, high_exponent;
	char *a, *b;
	bool same;

	if (arf_sgn(low) != arf_sgn(high))
		return false;
	a = digits_of(low, digits, &low_exponent);
	b = digits_of(high, digits, &high_exponent);
	same = low_exponent == high_exponent && strcmp(a, b) == 0;
	if (same)
		put_string(json, a, exact ? without_zeros(a, digits) : digits, low_exponent, arf_sgn(low) < 0);
	mpfr_free_str(a);
	mpfr_free_str(b);
	return same;
}

/* ---- balls ---- */

static bool put_interval(struct buf *json, const arf_t low, const arf_t high, uint32_t digits, bool exact)
{
	double a, b;

	if (arf_is_zero(low) && arf_is_zero(high)) {
		buf_byte(json, '0');
		return true;
	}
	if (digits > OP_PRECISION_DOUBLE)
		return put_digits(json, low, high, digits, exact);
	a = arf_get_d(low, ARF_RND_NEAR);
	b = arf_get_d(high, ARF_RND_NEAR);
	if (isinf(a) || isinf(b) || a == 0 || b == 0)
		return put_digits(json, low, high, OP_PRECISION_DOUBLE, exact);
	if (a != b)
		return false;
	decimal_put_double(json, a);
	return true;
}

/* exact: the number has no more digits than asked for. */
static bool put_ball(struct buf *json, const arb_t x, uint32_t digits, bool settle, bool exact)
{
	arf_t low, high;
	bool done;

	arf_init(low);
	arf_init(high);
	/* Not exactly: the ends of a ball like 1 +/- 2^-(10^40) are too long for any memory. They are rounded outwards.
	 */
	arb_get_interval_arf(low, high, x, arb_bits(x) + (slong)digits * 4 + 128);
	done = put_interval(json, low, high, digits, exact);
	if (!done && settle)
		done = put_interval(json, arb_midref(x), arb_midref(x), digits, exact);
	arf_clear(low);
	arf_clear(high);
	return done;
}

bool decimal_put_arb(struct buf *json, const arb_t x, uint32_t digits, bool settle)
{
	return put_ball(json, x, digits, settle, arb_is_exact(x));
}

/* ---- rationals ---- */

/* Whether the decimal expansion of q ends within so many significant digits. */
static bool ends_within(const fmpq_t q, uint32_t digits)
{
	fmpz_t rest, factor;
	slong twos, fives;
	bool ends;

	fmpz_init(rest);
	fmpz_init_set_ui(factor, 2);
	twos = fmpz_remove(rest, fmpq_denref(q), factor);
	fmpz_set_ui(factor, 5);
	fives = fmpz_remove(rest, rest, factor);
	ends = fmpz_is_one(rest);
	if (ends) { /* q * 10^places is the integer of the digits */
		slong places = twos > fives ? twos : fives;
		fmpz_set_ui(factor, 10);
		fmpz_pow_ui(factor, factor, (ulong)places);
		fmpz_mul(rest, fmpq_numref(q), factor);
		fmpz_divexact(rest, rest, fmpq_denref(q));
		fmpz_abs(rest, rest);
		fmpz_ui_pow_ui(factor, 10, digits);
		ends = fmpz_cmp(rest, factor) < 0;
	}
	fmpz_clear(rest);
	fmpz_clear(factor);
	return ends;
}

void decimal_put_fmpq(struct buf *json, const fmpq_t q, uint32_t digits)
{
	uint32_t wanted = digits > OP_PRECISION_DOUBLE ? digits : OP_PRECISION_DOUBLE;
	slong prec = (slong)((wanted + 2) * 3.33) + 64, most = 2 * prec + 4096;
	bool exact = ends_within(q, wanted), done = false;
	arb_t x;

	arb_init(x);
	for (; !done; prec *= 2) { /* a tie that no ball can resolve is settled at last */
		arb_set_fmpq(x, q, prec);
		done = put_ball(json, x, digits, prec > most, exact);
	}
	arb_clear(x);
}
