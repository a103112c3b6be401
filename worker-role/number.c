/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

#define TEN_18 1000000000000000000
#define JSON_SAFE_INTEGER 9007199254740991 /* 2^53-1 */
#define EXPONENT_CAP 1000000000000000      /* larger ones are all the same: refused */

/* ---- reading ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t digit_run(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && is_digit(p[i]))
		i++;
	return i;
}

static int64_t small_value(const char *p, size_t n)
{
	int64_t v = 0;

	for (size_t i = 0; i < n; i++)
		if (p[i] != '.')
			v = v * 10 + (p[i] - '0');
	return v;
}

/* "e-12" and nothing behind it; *exponent saturates. */
static int scan_exponent(const char *p, size_t n, int64_t *exponent)
{
	size_t i = 1;
	bool negative = false;
	int64_t v = 0;

	if (i < n && (p[i] == '+' || p[i] == '-'))
		negative = p[i++] == '-';
	if (i == n || digit_run(p + i, n - i) != n - i)
		return ERR_INVALID;
	for (; i < n; i++)
		if (v < EXPONENT_CAP)
			v = v * 10 + (p[i] - '0');
	*exponent = negative ? -v : v;
	return 0;
}

static int scan_fraction(const char *p, size_t top, size_t n, struct number *x)
{
	size_t from = 0, bottom = top + 1;

	if (bottom == n || digit_run(p + bottom, n - bottom) != n - bottom)
		return ERR_INVALID;
	while (from < top && p[from] == '0')
		from++;
	while (bottom < n && p[bottom] == '0')
		bottom++;
	if (bottom == n)
		return ERR_INVALID; /* denominator 0 */
	if (from == top) {
		number_set_small(x, 0);
		return 0;
	}
	x->form = NUMBER_FRACTION;
	x->text = p + from;
	x->text_len = x->digits = (uint32_t)(top - from);
	x->bottom = p + bottom;
	x->bottom_len = (uint32_t)(n - bottom);
	return 0;
}

/* p[0..n): the mantissa, digits with at most one point at `point` (n when there is none). */
static int settle_decimal(const char *p, size_t n, size_t point, int64_t exponent, struct number *x)
{
	size_t from = 0, to = n;

	while (from < to && (p[from] == '0' || p[from] == '.'))
		from++;
	if (from == to) {
		number_set_small(x, 0);
		return 0;
	}
	while (p[to - 1] == '0' || p[to - 1] == '.')
		to--;
	x->form = NUMBER_DECIMAL;
	x->text = p + from;
	x->text_len = (uint32_t)(to - from);
	x->digits = x->text_len - (from < point && point < to);
	/* The distance from the point to the end of what is kept. */
	x->exponent = exponent + (to <= point ? (int64_t)(point - to) : -(int64_t)(to - point - 1));
	if (x->exponent >= 0 && x->exponent + x->digits <= NUMBER_SMALL_DIGITS) {
		int64_t v = small_value(x->text, x->text_len);
		for (int64_t i = 0; i < x->exponent; i++)
			v *= 10;
		number_set_small(x, x->negative ? -v : v);
		return 0;
	}
	return number_written_digits(x) > NUMBER_DIGITS_MAX ? ERR_TOO_BIG : 0;
}

static int scan_unsigned(const char *p, size_t n, struct number *x)
{
	size_t whole = digit_run(p, n), end = whole, point = whole;
	int64_t exponent = 0;

	if (whole > 0 && whole < n && p[whole] == '/')
		return scan_fraction(p, whole, n, x);
	if (end < n && p[end] == '.') {
		size_t decimals = digit_run(p + end + 1, n - end - 1);
		if (decimals == 0)
			return ERR_INVALID;
		end += 1 + decimals;
	}
	if (end == 0)
		return ERR_INVALID;
	if (end < n && (p[end] == 'e' || p[end] == 'E')) {
		if (scan_exponent(p + end, n - end, &exponent) != 0)
			return ERR_INVALID;
	} else if (end < n) {
		return ERR_INVALID;
	}
	return settle_decimal(p, end, point, exponent, x);
}

int number_scan(const char *p, size_t n, struct number *x)
{
	size_t i = 0;

	x->negative = false;
	x->digits = 0;
	if (n > 0 && (p[0] == '-' || p[0] == '+'))
		x->negative = p[i++] == '-';
	if (n > NUMBER_LITERAL_MAX) {
		/* Whether it would have been a number does not matter any more, but its first character does. */
		x->form = NUMBER_SMALL;
		x->digits = UINT32_MAX;
		return i < n && (is_digit(p[i]) || p[i] == '.') ? ERR_TOO_BIG : ERR_INVALID;
	}
	size_t len = n - i;
	if (len > 0 && len <= NUMBER_SMALL_DIGITS) { /* the common case: a plain short integer */
		int64_t v = 0;
		size_t k = i;
		for (; k < n && is_digit(p[k]); k++)
			v = v * 10 + (p[k] - '0');
		if (k == n) {
			x->form = NUMBER_SMALL;
			x->small = x->negative ? -v : v;
			return 0;
		}
	}
	return scan_unsigned(p + i, len, x);
}

void number_set_small(struct number *x, int64_t v)
{
	x->digits = 0;
	if (v > -TEN_18 && v < TEN_18) {
		x->form = NUMBER_SMALL;
		x->small = v;
		return;
	}
	x->form = NUMBER_LOADED;
	mpq_init(x->q);
	mpz_set_si(mpq_numref(x->q), v);
}

void number_fini(struct number *x)
{
	if (x->form == NUMBER_LOADED)
		mpq_clear(x->q);
	x->form = NUMBER_SMALL;
	x->small = 0;
}

static void load_digits(mpz_t out, const char *p, size_t n)
{
	char digits[NUMBER_LITERAL_MAX + 1];
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (p[i] != '.')
			digits[k++] = p[i];
	digits[k] = '\0';
	mpz_set_str(out, digits, 10);
}

void number_load(struct number *x)
{
	mpz_ptr top = mpq_numref(x->q), bottom = mpq_denref(x->q);

	if (x->form == NUMBER_LOADED)
		return;
	mpq_init(x->q);
	if (x->form == NUMBER_SMALL) {
		mpz_set_si(top, x->small);
		x->form = NUMBER_LOADED;
		return;
	}
	load_digits(top, x->text, x->text_len);
	if (x->form == NUMBER_FRACTION) {
		load_digits(bottom, x->bottom, x->bottom_len);
		mpq_canonicalize(x->q);
	} else if (x->exponent >= 0) {
		mpz_ui_pow_ui(bottom, 10, (unsigned long)x->exponent);
		mpz_mul(top, top, bottom);
		mpz_set_ui(bottom, 1);
	} else {
		mpz_ui_pow_ui(bottom, 10, (unsigned long)-x->exponent);
		mpq_canonicalize(x->q);
	}
	if (x->negative)
		mpz_neg(top, top);
	x->form = NUMBER_LOADED;
}

/* ---- questions ---- */

int number_sign(const struct number *x)
{
	if (x->form == NUMBER_SMALL)
		return (x->small > 0) - (x->small < 0);
	if (x->form == NUMBER_LOADED)
		return mpq_sgn(x->q);
	return x->negative ? -1 : 1;
}

bool number_is_integer(struct number *x)
{
	if (x->form == NUMBER_SMALL)
		return true;
	if (x->form == NUMBER_DECIMAL)
		return x->exponent >= 0;
	number_load(x);
	return mpz_cmp_ui(mpq_denref(x->q), 1) == 0;
}

static double small_digits(int64_t v)
{
	uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	double n = 1;

	for (; left >= 10; left /= 10)
		n++;
	return n;
}

double number_digits(const struct number *x)
{
	switch (x->form) {
	case NUMBER_SMALL:
		return small_digits(x->small);
	case NUMBER_DECIMAL:
		return x->digits + (x->exponent > 0 ? (double)x->exponent : 0);
	case NUMBER_FRACTION:
		return x->digits;
	case NUMBER_LOADED:
		break;
	}
	return (double)mpz_sizeinbase(mpq_numref(x->q), 10);
}

double number_denominator_digits(const struct number *x)
{
	switch (x->form) {
	case NUMBER_SMALL:
		return 0;
	case NUMBER_DECIMAL:
		return x->exponent < 0 ? (double)-x->exponent + 1 : 0;
	case NUMBER_FRACTION:
		return x->bottom_len;
	case NUMBER_LOADED:
		break;
	}
	return mpz_cmp_ui(mpq_denref(x->q), 1) == 0 ? 0 : (double)mpz_sizeinbase(mpq_denref(x->q), 10);
}

double number_written_digits(const struct number *x)
{
	if (x->form == NUMBER_SMALL && x->digits == UINT32_MAX)
		return -1;
	if (x->form != NUMBER_DECIMAL)
		return number_digits(x) + number_denominator_digits(x);
	if (x->exponent >= 0)
		return (double)x->digits + (double)x->exponent;
	return -x->exponent > x->digits ? (double)-x->exponent : x->digits;
}

double number_log10_mpz(const mpz_t v)
{
	long exponent;
	double d = mpz_get_d_2exp(&exponent, v);

	return log10(fabs(d)) + (double)exponent * 0.30102999566398119521;
}

/* Of a run of digits that may hold a point, from its first 18 digits. */
static double log10_text(const char *p, size_t n, double digits)
{
	size_t seen = n < NUMBER_SMALL_DIGITS ? n : NUMBER_SMALL_DIGITS, count = seen;

	for (size_t i = 0; i < seen; i++)
		count -= p[i] == '.';
	return log10((double)small_value(p, seen)) + digits - (double)count;
}

double number_log10(const struct number *x)
{
	switch (x->form) {
	case NUMBER_SMALL:
		return log10(fabs((double)x->small));
	case NUMBER_DECIMAL:
		return log10_text(x->text, x->text_len, x->digits) + (x->exponent > 0 ? (double)x->exponent : 0);
	case NUMBER_FRACTION:
		return log10_text(x->text, x->text_len, x->digits);
	case NUMBER_LOADED:
		break;
	}
	return number_log10_mpz(mpq_numref(x->q));
}

double number_denominator_log10(const struct number *x)
{
	switch (x->form) {
	case NUMBER_SMALL:
		return 0;
	case NUMBER_DECIMAL:
		return x->exponent < 0 ? (double)-x->exponent : 0;
	case NUMBER_FRACTION:
		return log10_text(x->bottom, x->bottom_len, x->bottom_len);
	case NUMBER_LOADED:
		break;
	}
	return number_log10_mpz(mpq_denref(x->q));
}

int number_int64(struct number *x, int64_t *out)
{
	if (x->form == NUMBER_SMALL) {
		*out = x->small;
		return 0;
	}
	if (number_digits(x) > 20 || !number_is_integer(x))
		return ERR_TOO_BIG;
	number_load(x);
	if (!mpz_fits_slong_p(mpq_numref(x->q)))
		return ERR_TOO_BIG;
	*out = mpz_get_si(mpq_numref(x->q));
	return 0;
}

/* ---- writing ---- */

/* Writes v before `end`, at least `width` digits; returns where it begins. */
static char *format_u64(char *end, uint64_t v, int width)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
				    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
				    "8081828384858687888990919293949596979899";
	char *p = end;

	while (v >= 10) {
		p -= 2;
		memcpy(p, pairs + 2 * (v % 100), 2);
		v /= 100;
	}
	if (v > 0 || p == end)
		*--p = (char)('0' + v);
	while (end - p < width)
		*--p = '0';
	return p;
}

/* v < 10^36 fits in 36 characters before end; any unsigned 128-bit value in 39. */
static char *format_u128(char *end, unsigned __int128 v)
{
	if (v <= UINT64_MAX)
		return format_u64(end, (uint64_t)v, 0);
	char *p = format_u64(end, (uint64_t)(v % TEN_18), NUMBER_SMALL_DIGITS);
	v /= TEN_18;
	if (v <= UINT64_MAX)
		return format_u64(p, (uint64_t)v, 0);
	p = format_u64(p, (uint64_t)(v % TEN_18), NUMBER_SMALL_DIGITS);
	return format_u64(p, (uint64_t)(v / TEN_18), 0);
}

void number_put_int128(struct buf *out, __int128 v)
{
	char text[48], *end = text + sizeof text;
	char *p = format_u128(end, v < 0 ? 0 - (unsigned __int128)v : (unsigned __int128)v);

	if (v < 0)
		*--p = '-';
	buf_append(out, p, (size_t)(end - p));
}

void number_put_int(struct buf *json, __int128 v)
{
	bool quoted = v > JSON_SAFE_INTEGER || v < -JSON_SAFE_INTEGER;

	if (quoted)
		buf_byte(json, '"');
	number_put_int128(json, v);
	if (quoted)
		buf_byte(json, '"');
}

void number_put_digits(struct buf *out, const mpz_t v)
{
	if (mpz_fits_slong_p(v)) {
		number_put_int128(out, mpz_get_si(v));
		return;
	}
	if (buf_reserve(out, mpz_sizeinbase(v, 10) + 2) != 0)
		return;
	mpz_get_str(out->data + out->len, 10, v);
	out->len += strlen(out->data + out->len);
}

void number_put_mpz(struct buf *json, const mpz_t v)
{
	if (mpz_fits_slong_p(v)) {
		number_put_int(json, mpz_get_si(v));
		return;
	}
	buf_byte(json, '"');
	number_put_digits(json, v);
	buf_byte(json, '"');
}

static void put_fraction(struct buf *out, const mpz_t top, const mpz_t bottom)
{
	number_put_digits(out, top);
	buf_byte(out, '/');
	number_put_digits(out, bottom);
}

void number_put_ratio(struct buf *json, const mpz_t top, const mpz_t bottom)
{
	buf_byte(json, '"');
	put_fraction(json, top, bottom);
	buf_byte(json, '"');
}

/* ---- squares in the form of the input ---- */

static void put_zeros(struct buf *out, size_t n)
{
	if (n == 0 || buf_reserve(out, n) != 0)
		return;
	memset(out->data + out->len, '0', n);
	out->len += n;
}

/* Appends s[0..n) times 10^exponent as a plain decimal. s ends in a digit other than 0. */
static int put_placed(struct buf *out, const char *s, size_t n, int64_t exponent)
{
	int64_t len = (int64_t)n;

	if (exponent >= 0) {
		if (len + exponent > NUMBER_DIGITS_MAX)
			return ERR_TOO_BIG;
		buf_append(out, s, n);
		put_zeros(out, (size_t)exponent);
		return 0;
	}
	if (-exponent > NUMBER_DIGITS_MAX)
		return ERR_TOO_BIG;
	if (len > -exponent) {
		buf_append(out, s, (size_t)(len + exponent));
		buf_byte(out, '.');
		buf_append(out, s + len + exponent, (size_t)-exponent);
		return 0;
	}
	buf_puts(out, "0.");
	put_zeros(out, (size_t)(-exponent - len));
	buf_append(out, s, n);
	return 0;
}

/* The square of a decimal is the square of its digits, the point moved: no power of ten is ever computed. The digits do
 * not end in 0, so neither do those of the square. */
static int square_decimal(struct buf *out, const struct number *x)
{
	char text[2 * NUMBER_LITERAL_MAX + 2], *p = text;
	size_t n;

	if (x->digits <= NUMBER_SMALL_DIGITS) {
		__int128 v = small_value(x->text, x->text_len);
		char *end = text + sizeof text;
		p = format_u128(end, (unsigned __int128)(v * v));
		n = (size_t)(end - p);
	} else {
		mpz_t v;
		mpz_init(v);
		load_digits(v, x->text, x->text_len);
		mpz_mul(v, v, v);
		mpz_get_str(text, 10, v);
		mpz_clear(v);
		n = strlen(text);
	}
	return put_placed(out, p, n, 2 * x->exponent);
}

static int64_t small_gcd(int64_t a, int64_t b)
{
	while (b) {
		int64_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

static int square_fraction(struct buf *out, struct number *x)
{
	if (x->form == NUMBER_FRACTION && x->text_len <= NUMBER_SMALL_DIGITS && x->bottom_len <= NUMBER_SMALL_DIGITS) {
		int64_t p = small_value(x->text, x->text_len), q = small_value(x->bottom, x->bottom_len);
		int64_t common = small_gcd(p, q);
		if (common > 1) {
			p /= common;
			q /= common;
		}
		number_put_int128(out, (__int128)p * p);
		if (q != 1) {
			buf_byte(out, '/');
			number_put_int128(out, (__int128)q * q);
		}
		return 0;
	}
	number_load(x);
	if (2 * number_written_digits(x) > NUMBER_DIGITS_MAX)
		return ERR_TOO_BIG;
	mpq_mul(x->q, x->q, x->q);
	if (mpz_cmp_ui(mpq_denref(x->q), 1) == 0)
		number_put_digits(out, mpq_numref(x->q));
	else
		put_fraction(out, mpq_numref(x->q), mpq_denref(x->q));
	return 0;
}

int number_put_square(struct buf *out, struct number *x)
{
	if (x->form == NUMBER_SMALL) {
		number_put_int128(out, (__int128)x->small * x->small);
		return 0;
	}
	return x->form == NUMBER_DECIMAL ? square_decimal(out, x) : square_fraction(out, x);
}
