/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An element of an argument is a JSON value: an integer, a literal, a string, or {"re","im"}. A scalar that the
 * preparation has read already is in its op_value. */
#include "math/arg.h"

#include <flint/fmpz_vec.h>
#include <jansson.h>
#include <mpfr.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exact_json.h"
#include "math/reading.h"
#include "op_value.h"

#define POINTER_SIZE 96

/* ---- failing ---- */

int arg_fail(struct op_call *c, size_t i, struct op_failure *f, enum op_error error, const char *fmt, ...)
{
	char pointer[POINTER_SIZE], detail[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof detail, fmt, ap);
	va_end(ap);
	op_call_pointer(c, i, pointer, sizeof pointer);
	op_failure_init(f);
	return op_fail_at(f, error, pointer, "%s", detail);
}

/* A vector given as such has one index, a row of a matrix two; a number none. */
static void element_pointer(struct op_call *c, size_t i, size_t row, size_t col, char *out, size_t size)
{
	size_t n;

	op_call_pointer(c, i, out, size);
	n = strlen(out);
	if (arg_is_matrix(c, i))
		snprintf(out + n, size - n, "/%zu/%zu", row, col);
	else if (arg_is_array(c, i))
		snprintf(out + n, size - n, "/%zu", row);
}

int arg_fail_at(struct op_call *c, size_t i, size_t row, size_t col, struct op_failure *f, enum op_error error,
		const char *fmt, ...)
{
	char pointer[POINTER_SIZE], detail[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof detail, fmt, ap);
	va_end(ap);
	element_pointer(c, i, row, col, pointer, sizeof pointer);
	op_failure_init(f);
	return op_fail_at(f, error, pointer, "%s", detail);
}

int arg_locate(struct op_call *c, size_t i, struct op_failure *f)
{
	char pointer[POINTER_SIZE];

	op_call_pointer(c, i, pointer, sizeof pointer);
	return op_fail_locate(f, pointer);
}

/* ---- elements ---- */

static const json_t *element(struct op_call *c, size_t i, size_t row, size_t col)
{
	const json_t *v = op_call_value(c, i)->any;

	if (!json_is_array(v))
		return v;
	v = json_array_get(v, row);
	return json_is_array(v) ? json_array_get(v, col) : v;
}

static enum reading read_at(struct op_call *c, size_t i, size_t row, size_t col, fmpq_t q, acb_ptr ball, slong prec,
			    struct op_failure *f)
{
	struct op_value *value = op_call_value(c, i);
	char pointer[POINTER_SIZE];
	enum reading r = READ_RATIONAL;

	if (value->rational)
		reading_get_fmpq(&value->number, q);
	else if (value->expr)
		r = reading_of_expr(value->expr, q, ball, prec, f);
	else
		r = reading_of_json(element(c, i, row, col), q, ball, prec, f);
	if (r == READ_FAILED) {
		element_pointer(c, i, row, col, pointer, sizeof pointer);
		op_fail_locate(f, pointer);
	}
	return r;
}

int arg_fmpq_at(struct op_call *c, size_t i, size_t row, size_t col, fmpq_t out, struct op_failure *f)
{
	switch (read_at(c, i, row, col, out, NULL, 0, f)) {
	case READ_RATIONAL:
		return 0;
	case READ_BALL:
		return arg_fail_at(c, i, row, col, f, OP_INVALID_ARGUMENT,
				   "expected a rational number for \"%s\", got one that is not",
				   op_call_parameter(c, i)->name);
	default:
		return -1;
	}
}

int arg_acb_at(struct op_call *c, size_t i, size_t row, size_t col, acb_t out, slong prec, struct op_failure *f)
{
	fmpq_t q;
	enum reading r;

	fmpq_init(q);
	r = read_at(c, i, row, col, q, out, prec, f);
	if (r == READ_RATIONAL)
		acb_set_fmpq(out, q, prec);
	fmpq_clear(q);
	return r == READ_FAILED ? -1 : 0;
}

static int arb_at(struct op_call *c, size_t i, size_t row, size_t col, arb_t out, slong prec, struct op_failure *f)
{
	acb_t z;
	int rc;

	acb_init(z);
	rc = arg_acb_at(c, i, row, col, z, prec, f);
	if (rc == 0 && !arb_is_zero(acb_imagref(z)))
		rc = arg_fail_at(c, i, row, col, f, OP_INVALID_ARGUMENT,
				 "expected a real number for \"%s\", got a complex one", op_call_parameter(c, i)->name);
	if (rc == 0)
		arb_swap(out, acb_realref(z));
	acb_clear(z);
	return rc;
}

static double fmpq_nearest(const fmpq_t q)
{
	mpq_t exact;
	mpfr_t x;
	double v;

	mpq_init(exact);
	fmpq_get_mpq(exact, q);
	mpfr_init2(x, 53);
	mpfr_set_q(x, exact, MPFR_RNDN);
	v = mpfr_get_d(x, MPFR_RNDN);
	mpfr_clear(x);
	mpq_clear(exact);
	return v;
}

/* JSON numbers of ordinary size need no detour: what large matrices of doubles consist of. */
static bool read_plain_double(const json_t *v, double *out)
{
	size_t n;
	const char *s = exact_json_literal(v, &n);

	if (json_is_integer(v))
		*out = (double)json_integer_value(v); /* rounds to nearest, as strtod() does */
	else if (s)
		*out = strtod(s, NULL);
	else
		return false;
	return isfinite(*out);
}

int arg_double_at(struct op_call *c, size_t i, size_t row, size_t col, double *out, struct op_failure *f)
{
	fmpq_t q;
	arb_t x;
	double v = 0;
	int rc = 0;

	if (read_plain_double(element(c, i, row, col), out))
		return 0;

	fmpq_init(q);
	arb_init(x);
	switch (read_at(c, i, row, col, q, NULL, 0, f)) {
	case READ_RATIONAL:
		v = fmpq_nearest(q);
		break;
	case READ_BALL:
		rc = arb_at(c, i, row, col, x, 128, f);
		v = arf_get_d(arb_midref(x), ARF_RND_NEAR);
		break;
	default:
		rc = -1;
	}
	if (rc == 0 && !isfinite(v))
		rc = arg_fail_at(c, i, row, col, f, OP_OVERFLOW,
				 "expected a number within the range of doubles for \"%s\"",
				 op_call_parameter(c, i)->name);
	if (rc == 0)
		*out = v;
	fmpq_clear(q);
	arb_clear(x);
	return rc;
}

/* ---- one number ---- */

int arg_fmpq(struct op_call *c, size_t i, fmpq_t out, struct op_failure *f)
{
	return arg_fmpq_at(c, i, 0, 0, out, f);
}

int arg_acb(struct op_call *c, size_t i, acb_t out, slong prec, struct op_failure *f)
{
	return arg_acb_at(c, i, 0, 0, out, prec, f);
}

int arg_arb(struct op_call *c, size_t i, arb_t out, slong prec, struct op_failure *f)
{
	return arb_at(c, i, 0, 0, out, prec, f);
}

int arg_double(struct op_call *c, size_t i, double *out, struct op_failure *f)
{
	return arg_double_at(c, i, 0, 0, out, f);
}

int arg_fmpz(struct op_call *c, size_t i, fmpz_t out, struct op_failure *f)
{
	fmpq_t q;
	int rc;

	fmpq_init(q);
	rc = arg_fmpq(c, i, q, f);
	if (rc == 0 && !fmpz_is_one(fmpq_denref(q)))
		rc = arg_fail(c, i, f, OP_INVALID_ARGUMENT, "expected an integer for \"%s\", got a fraction",
			      op_call_parameter(c, i)->name);
	if (rc == 0)
		fmpz_swap(out, fmpq_numref(q));
	fmpq_clear(q);
	return rc;
}

int arg_long(struct op_call *c, size_t i, slong min, slong max, slong *out, struct op_failure *f)
{
	const char *name = op_call_parameter(c, i)->name;
	fmpz_t v;
	int rc;

	fmpz_init(v);
	rc = arg_fmpz(c, i, v, f);
	if (rc == 0 && fmpz_cmp_si(v, min) < 0)
		rc = arg_fail(c, i, f, OP_INVALID_ARGUMENT, "expected %ld to %ld for \"%s\", got less", (long)min,
			      (long)max, name);
	if (rc == 0 && fmpz_cmp_si(v, max) > 0) {
		op_fail_limit(f, (double)max, fmpz_get_d(v), name, op_call_parameter(c, i)->name);
		rc = arg_locate(c, i, f);
	}
	if (rc == 0)
		*out = fmpz_get_si(v);
	fmpz_clear(v);
	return rc;
}

/* ---- text, truth, expressions ---- */

const char *arg_text(struct op_call *c, size_t i, size_t *n)
{
	size_t len;
	const char *s = exact_json_string(op_call_value(c, i)->any, &len);

	if (n)
		*n = len;
	return s;
}

size_t arg_choice(struct op_call *c, size_t i)
{
	const char *const *choices = op_call_parameter(c, i)->choices;
	const char *s = op_call_given(c, i) ? arg_text(c, i, NULL) : NULL;
	size_t k = 0;

	while (s && choices[k] && strcmp(choices[k], s) != 0)
		k++;
	return k;
}

bool arg_flag(struct op_call *c, size_t i, bool otherwise)
{
	return op_call_given(c, i) ? json_is_true(op_call_value(c, i)->any) : otherwise;
}

const struct expr *arg_expr(struct op_call *c, size_t i)
{
	return op_call_value(c, i)->expr;
}

size_t arg_text_count(struct op_call *c, size_t i)
{
	const json_t *v = op_call_value(c, i)->any;

	return json_is_array(v) ? json_array_size(v) : v != NULL;
}

const char *arg_text_at(struct op_call *c, size_t i, size_t k, size_t *n)
{
	const json_t *v = op_call_value(c, i)->any;
	size_t len;

	return exact_json_string(json_is_array(v) ? json_array_get(v, k) : v, n ? n : &len);
}

/* The k-th member; NULL behind the last. */
static const char *member(struct op_call *c, size_t i, size_t k, json_t **value)
{
	json_t *object = (json_t *)(uintptr_t)op_call_value(c, i)->any;
	const char *key;

	json_object_foreach(object, key, *value)
	{
		if (k-- == 0)
			return key;
	}
	return NULL;
}

size_t arg_value_count(struct op_call *c, size_t i)
{
	return json_object_size(op_call_value(c, i)->any);
}

const char *arg_value_name(struct op_call *c, size_t i, size_t k)
{
	json_t *v;

	return member(c, i, k, &v);
}

static enum reading read_member(struct op_call *c, size_t i, size_t k, fmpq_t q, acb_ptr ball, slong prec,
				struct op_failure *f)
{
	char pointer[POINTER_SIZE];
	json_t *v = NULL;
	const char *name = member(c, i, k, &v);
	enum reading r = reading_of_json(v, q, ball, prec, f);

	if (r == READ_FAILED) {
		op_call_pointer(c, i, pointer, sizeof pointer);
		snprintf(pointer + strlen(pointer), sizeof pointer - strlen(pointer), "/%s", name);
		op_fail_locate(f, pointer);
	}
	return r;
}

int arg_value_fmpq(struct op_call *c, size_t i, size_t k, fmpq_t out, struct op_failure *f)
{
	enum reading r = read_member(c, i, k, out, NULL, 0, f);

	if (r == READ_BALL)
		return arg_fail(c, i, f, OP_INVALID_ARGUMENT,
				"expected a rational number for \"%s\", got one that is not", arg_value_name(c, i, k));
	return r == READ_RATIONAL ? 0 : -1;
}

int arg_value_acb(struct op_call *c, size_t i, size_t k, acb_t out, slong prec, struct op_failure *f)
{
	fmpq_t q;
	enum reading r;

	fmpq_init(q);
	r = read_member(c, i, k, q, out, prec, f);
	if (r == READ_RATIONAL)
		acb_set_fmpq(out, q, prec);
	fmpq_clear(q);
	return r == READ_FAILED ? -1 : 0;
}

/* ---- vectors and matrices ---- */

bool arg_is_array(struct op_call *c, size_t i)
{
	return json_is_array(op_call_value(c, i)->any);
}

bool arg_is_matrix(struct op_call *c, size_t i)
{
	return json_is_array(json_array_get(op_call_value(c, i)->any, 0));
}

void arg_shape(struct op_call *c, size_t i, size_t *rows, size_t *cols)
{
	const json_t *v = op_call_value(c, i)->any;

	*rows = json_is_array(v) ? json_array_size(v) : 1;
	*cols = arg_is_matrix(c, i) ? json_array_size(json_array_get(v, 0)) : 1;
}

bool arg_is_rational(struct op_call *c, size_t i)
{
	struct op_failure f;
	size_t rows, cols, n;
	fmpq_t q;
	bool rational = true;

	if (op_call_value(c, i)->rational)
		return true;
	fmpq_init(q);
	arg_shape(c, i, &rows, &cols);
	for (size_t k = 0; k < rows * cols && rational; k++) {
		const json_t *v = element(c, i, k / cols, k % cols);
		rational = json_is_integer(v) || exact_json_literal(v, &n) ||
			   read_at(c, i, k / cols, k % cols, q, NULL, 0, &f) == READ_RATIONAL;
	}
	fmpq_clear(q);
	return rational;
}

int arg_fmpq_mat(struct op_call *c, size_t i, fmpq_mat_t out, struct op_failure *f)
{
	size_t rows, cols;
	int rc = 0;

	arg_shape(c, i, &rows, &cols);
	fmpq_mat_init(out, (slong)rows, (slong)cols);
	for (size_t k = 0; k < rows * cols && rc == 0; k++)
		rc =
		    arg_fmpq_at(c, i, k / cols, k % cols, fmpq_mat_entry(out, (slong)(k / cols), (slong)(k % cols)), f);
	return rc;
}

int arg_acb_mat(struct op_call *c, size_t i, acb_mat_t out, slong prec, struct op_failure *f)
{
	size_t rows, cols;
	int rc = 0;

	arg_shape(c, i, &rows, &cols);
	acb_mat_init(out, (slong)rows, (slong)cols);
	for (size_t k = 0; k < rows * cols && rc == 0; k++)
		rc = arg_acb_at(c, i, k / cols, k % cols, acb_mat_entry(out, (slong)(k / cols), (slong)(k % cols)),
				prec, f);
	return rc;
}

double *arg_doubles(struct op_call *c, size_t i, size_t *rows, size_t *cols, struct op_failure *f)
{
	double *v;
	size_t height, width;

	arg_shape(c, i, &height, &width);
	v = calloc(height * width + 1, sizeof *v);
	if (!v) {
		op_fail(f, OP_INTERNAL_ERROR, "out of memory for %zu numbers", height * width);
		return NULL;
	}
	for (size_t k = 0; k < height * width; k++)
		if (arg_double_at(c, i, k / width, k % width, &v[k], f) != 0) {
			free(v);
			return NULL;
		}
	*rows = height;
	if (cols)
		*cols = width;
	return v;
}

int arg_polynomial(struct op_call *c, size_t i, fmpq_poly_t out, struct op_failure *f)
{
	fmpq_t q;
	size_t rows, cols;
	int rc = 0;

	if (!arg_is_array(c, i))
		return expr_polynomial(arg_expr(c, i), NULL, out, f) == 0 ? 0 : arg_locate(c, i, f);
	fmpq_init(q);
	arg_shape(c, i, &rows, &cols);
	fmpq_poly_zero(out);
	for (size_t k = rows; k-- > 0 && rc == 0;) { /* the highest first: room is made once */
		rc = arg_fmpq_at(c, i, k, 0, q, f);
		if (rc == 0 && !fmpq_is_zero(q))
			fmpq_poly_set_coeff_fmpq(out, (slong)k, q);
	}
	fmpq_clear(q);
	return rc;
}
