/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/answer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <mpfr.h>

#include "math/decimal.h"

/* ---- exact ---- */

static int check_digits(double digits, struct op_failure *f)
{
	return digits <= NUMBER_DIGITS_MAX
		   ? 0
		   : op_fail_limit(f, NUMBER_DIGITS_MAX, digits, "digits", "the result is too large");
}

/* One too many at most, as fmpz_sizeinbase has it. */
static double digits_of(const fmpz_t v)
{
	return (double)fmpz_sizeinbase(v, 10);
}

int answer_fmpz(struct buf *json, const fmpz_t v, struct op_failure *f)
{
	mpz_t z;

	if (!COEFF_IS_MPZ(*v)) {
		number_put_int(json, fmpz_get_si(v));
		return 0;
	}
	if (check_digits(digits_of(v) - 1, f) != 0)
		return -1;
	mpz_init(z);
	fmpz_get_mpz(z, v);
	number_put_mpz(json, z);
	mpz_clear(z);
	return 0;
}

int answer_fmpq(struct buf *json, const fmpq_t v, struct op_failure *f)
{
	mpq_t q;

	if (fmpz_is_one(fmpq_denref(v)))
		return answer_fmpz(json, fmpq_numref(v), f);
	if (check_digits(digits_of(fmpq_numref(v)) + digits_of(fmpq_denref(v)) - 2, f) != 0)
		return -1;
	mpq_init(q);
	fmpq_get_mpq(q, v);
	number_put_ratio(json, mpq_numref(q), mpq_denref(q));
	mpq_clear(q);
	return 0;
}

int answer_fmpz_vector(struct buf *json, const fmpz *v, slong n, struct op_failure *f)
{
	int rc = 0;

	buf_byte(json, '[');
	for (slong i = 0; i < n && rc == 0; i++) {
		if (i)
			buf_byte(json, ',');
		rc = answer_fmpz(json, v + i, f);
	}
	buf_byte(json, ']');
	return rc;
}

int answer_fmpq_vector(struct buf *json, const fmpq *v, slong n, struct op_failure *f)
{
	int rc = 0;

	buf_byte(json, '[');
	for (slong i = 0; i < n && rc == 0; i++) {
		if (i)
			buf_byte(json, ',');
		rc = answer_fmpq(json, v + i, f);
	}
	buf_byte(json, ']');
	return rc;
}

int answer_fmpq_mat(struct buf *json, const fmpq_mat_t v, struct op_failure *f)
{
	int rc = 0;

	buf_byte(json, '[');
	for (slong i = 0; i < fmpq_mat_nrows(v) && rc == 0; i++) {
		if (i)
			buf_byte(json, ',');
		rc = answer_fmpq_vector(json, v->rows[i], fmpq_mat_ncols(v), f);
	}
	buf_byte(json, ']');
	return rc;
}

int answer_fmpq_poly(struct buf *json, const fmpq_poly_t v, struct op_failure *f)
{
	fmpq_t q;
	int rc = 0;

	if (fmpq_poly_is_zero(v)) {
		buf_puts(json, "[0]");
		return 0;
	}
	fmpq_init(q);
	buf_byte(json, '[');
	for (slong i = 0; i < fmpq_poly_length(v) && rc == 0; i++) {
		if (i)
			buf_byte(json, ',');
		fmpq_poly_get_coeff_fmpq(q, v, i);
		rc = answer_fmpq(json, q, f);
	}
	buf_byte(json, ']');
	fmpq_clear(q);
	return rc;
}

int answer_rounded(struct op_call *c, struct buf *json, const fmpq_t v, struct op_failure *f)
{
	if (fmpz_is_one(fmpq_denref(v)))
		return answer_fmpz(json, fmpq_numref(v), f);
	decimal_put_fmpq(json, v, c->precision);
	return 0;
}

/* ---- doubles ---- */

int answer_double(struct buf *json, double v, const char *what, struct op_failure *f)
{
	if (isnan(v))
		return op_fail(f, OP_DOMAIN_ERROR, "%s is not defined for these arguments", what);
	if (isinf(v))
		return op_fail(f, OP_OVERFLOW, "%s is beyond the range of doubles", what);
	decimal_put_double(json, v);
	return 0;
}

int answer_complex(struct buf *json, double re, double im, const char *what, struct op_failure *f)
{
	if (im == 0)
		return answer_double(json, re, what, f);
	buf_puts(json, "{\"re\":");
	if (answer_double(json, re, what, f) != 0)
		return -1;
	buf_puts(json, ",\"im\":");
	if (answer_double(json, im, what, f) != 0)
		return -1;
	buf_byte(json, '}');
	return 0;
}

int answer_doubles(struct buf *json, const double *v, size_t n, const char *what, struct op_failure *f)
{
	int rc = 0;

	buf_byte(json, '[');
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (i)
			buf_byte(json, ',');
		rc = answer_double(json, v[i], what, f);
	}
	buf_byte(json, ']');
	return rc;
}

int answer_double_mat(struct buf *json, const double *v, size_t rows, size_t cols, const char *what,
		      struct op_failure *f)
{
	int rc = 0;

	buf_byte(json, '[');
	for (size_t i = 0; i < rows && rc == 0; i++) {
		if (i)
			buf_byte(json, ',');
		rc = answer_doubles(json, v + i * cols, cols, what, f);
	}
	buf_byte(json, ']');
	return rc;
}

void answer_member(struct buf *json, const char *name)
{
	if (json->len == 0 || json->data[json->len - 1] != '{')
		buf_byte(json, ',');
	buf_json_string(json, name, strlen(name));
	buf_byte(json, ':');
}

/* ---- limits ---- */

int answer_check_cost(const struct op_call *c, double ns, double digits, struct op_failure *f)
{
	if (digits > NUMBER_DIGITS_MAX)
		return op_fail_limit(f, NUMBER_DIGITS_MAX, digits, "digits", "the result is too large");
	if (ns / 1e6 > c->timeout_ms)
		return op_fail_limit(f, c->timeout_ms, ceil(ns / 1e6), "ms", "this would take too long");
	return 0;
}
