/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exact_json.h"
#include "json_pointer.h"
#include "math/resolve.h"

#define ECHO_MAX 40          /* bytes of a wrong argument that a message repeats */
#define DOUBLE_SURE_CHARS 16 /* a literal of 15 digits and a point is the shortest name of its double */
#define POINTER_SIZE 96

/* ---- what is wrong with one argument ---- */

static int fail_value(struct op_call *c, size_t i, struct op_failure *f, enum op_error error, const char *expected,
		      const char *got, size_t n)
{
	char pointer[POINTER_SIZE];

	op_call_pointer(c, i, pointer, sizeof pointer);
	return op_fail_at(f, error, pointer, "expected %s for \"%s\", got %.*s%s", expected,
			  op_call_parameter(c, i)->name, (int)(n < ECHO_MAX ? n : ECHO_MAX), got,
			  n > ECHO_MAX ? "..." : "");
}

static const char *kind_text(enum op_kind kind)
{
	switch (kind) {
	case OP_KIND_INTEGER:
		return "an integer";
	case OP_KIND_BOOLEAN:
		return "true or false";
	case OP_KIND_TEXT:
		return "a string";
	case OP_KIND_EXPRESSION:
		return "an expression as a string";
	case OP_KIND_VECTOR:
		return "an array of numbers";
	case OP_KIND_MATRIX:
		return "an array of rows of numbers";
	case OP_KIND_NUMBERS:
		return "a number or an array of numbers";
	case OP_KIND_SYSTEM:
		return "an array of numbers or of rows of numbers";
	case OP_KIND_POLYNOMIAL:
		return "an array of coefficients or an expression as a string";
	case OP_KIND_TEXTS:
		return "a string or an array of strings";
	case OP_KIND_VALUES:
		return "an object of numbers";
	default:
		return "a number";
	}
}

static int fail_kind(struct op_call *c, size_t i, const json_t *v, struct op_failure *f)
{
	const char *got = exact_json_kind(v);

	return fail_value(c, i, f, OP_INVALID_ARGUMENT, kind_text(op_call_parameter(c, i)->kind), got, strlen(got));
}

static int fail_text(struct op_call *c, size_t i, const char *expected, const char *s, size_t n, struct op_failure *f)
{
	char quoted[ECHO_MAX + 3];
	bool whole = n < ECHO_MAX - 5;
	int len = snprintf(quoted, sizeof quoted, "\"%.*s%s\"", (int)(whole ? n : ECHO_MAX - 5), s, whole ? "" : "...");

	return fail_value(c, i, f, OP_INVALID_ARGUMENT, expected, quoted, (size_t)len);
}

static int fail_too_big(struct op_call *c, size_t i, size_t n, struct op_failure *f)
{
	struct number *x = op_call_number(c, i);
	double written = number_written_digits(x);
	char expected[80], got[ECHO_MAX];

	number_set_small(x, 0); /* what failed holds nothing to free */
	if (written < 0) {
		snprintf(expected, sizeof expected, "a number of at most %d characters", NUMBER_LITERAL_MAX);
		snprintf(got, sizeof got, "%zu", n);
	} else {
		snprintf(expected, sizeof expected, "a number of at most %d digits", NUMBER_DIGITS_MAX);
		snprintf(got, sizeof got, "one of %.15g", written);
	}
	if (f->count == 0) {
		snprintf(f->unit, sizeof f->unit, "%s", written < 0 ? "characters" : "digits");
		f->limit = written < 0 ? NUMBER_LITERAL_MAX : NUMBER_DIGITS_MAX;
		f->estimate = written < 0 ? (double)n : written;
	}
	return fail_value(c, i, f, OP_LIMIT_EXCEEDED, expected, got, strlen(got));
}

/* ---- one number ---- */

/* A JSON real stands for the double it denotes, by that double's shortest decimal. What a double cannot hold is taken
 * as it is written. */
int op_value_scan_real(const char *s, size_t n, struct number *x)
{
	char literal[EXACT_JSON_LITERAL_MAX + 1], shortest[32];

	if (n <= DOUBLE_SURE_CHARS || n > EXACT_JSON_LITERAL_MAX || strcspn(s, ".eE") >= n)
		return number_scan(s, n, x);
	memcpy(literal, s, n);
	literal[n] = '\0';
	double v = strtod(literal, NULL);
	if (!isnormal(v))
		return number_scan(s, n, x);
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(shortest, sizeof shortest, "%.*g", digits, v);
		if (strtod(shortest, NULL) == v)
			break;
	}
	int rc = number_scan(shortest, strlen(shortest), x);
	if (rc == 0)
		number_load(x); /* the text goes away */
	return rc;
}

/* The failure of an expression, told of the argument that it stands in. */
static int fail_expression(struct op_call *c, size_t i, const struct op_failure *own, struct op_failure *f)
{
	enum op_kind kind = op_call_parameter(c, i)->kind;
	bool unread = own->error != OP_LIMIT_EXCEEDED && own->error != OP_INTERNAL_ERROR;
	bool text = kind == OP_KIND_EXPRESSION || kind == OP_KIND_POLYNOMIAL;
	char pointer[POINTER_SIZE];

	op_call_pointer(c, i, pointer, sizeof pointer);
	if (f->count == 0) {
		f->position = own->position;
		f->limit = own->limit;
		f->estimate = own->estimate;
		memcpy(f->unit, own->unit, sizeof f->unit);
	}
	if (!unread || text)
		return op_fail_at(f, own->error, pointer, "%s", own->detail);
	return op_fail_at(f, OP_INVALID_ARGUMENT, pointer, "expected %s or a constant expression: %s", kind_text(kind),
			  own->detail);
}

/* A string that is no literal is a constant expression: only a compute child reads those. */
static int take_expression(struct op_call *c, size_t i, const char *s, size_t n, struct op_failure *f)
{
	struct op_value *value = op_call_value(c, i);
	enum op_kind kind = op_call_parameter(c, i)->kind;
	struct op_failure own;

	number_set_small(&value->number, 0);
	if (strcspn(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ\xc3\xcf") >= n)
		return fail_text(c, i, kind_text(kind), s, n, f);
	if (!c->confined) {
		c->deferred = true;
		return 0;
	}
	op_failure_init(&own);
	if (resolve_number(value, s, n, &own) != 0)
		return fail_expression(c, i, &own, f);
	if (value->rational)
		return 0;
	if (kind == OP_KIND_INTEGER)
		return fail_text(c, i, "an integer", s, n, f);
	if (c->op->run && !c->op->compute)
		return fail_text(c, i, "a rational number", s, n, f);
	c->irrational = true;
	return 0;
}

static int check_bounds(struct op_call *c, size_t i, struct op_failure *f)
{
	const struct op_parameter *parameter = op_call_parameter(c, i);
	struct number *x = op_call_number(c, i);
	char expected[64], got[32] = "more";
	int64_t v;
	bool known = number_int64(x, &v) == 0;

	if (known && v >= parameter->min && v <= parameter->max)
		return 0;
	if (known)
		snprintf(got, sizeof got, "%lld", (long long)v);
	bool below = known ? v < parameter->min : number_sign(x) < 0;
	if (below && !known)
		snprintf(got, sizeof got, "less");
	snprintf(expected, sizeof expected, "%lld to %lld", (long long)parameter->min, (long long)parameter->max);
	if (!below && f->count == 0) {
		snprintf(f->unit, sizeof f->unit, "%s", parameter->name);
		f->limit = (double)parameter->max;
		f->estimate = known ? (double)v : pow(10, number_log10(x));
		f->estimate = f->estimate <= 1e300 ? f->estimate : 1e300;
	}
	return fail_value(c, i, f, below ? OP_INVALID_ARGUMENT : OP_LIMIT_EXCEEDED, expected, got, strlen(got));
}

static int take_number(struct op_call *c, size_t i, const json_t *v, struct op_failure *f)
{
	const struct op_parameter *parameter = op_call_parameter(c, i);
	struct op_value *value = op_call_value(c, i);
	struct number *x = &value->number;
	const char *s = "";
	size_t n = 0;
	int rc;

	if (json_is_integer(v)) {
		number_set_small(x, json_integer_value(v));
		rc = 0;
	} else if ((s = exact_json_literal(v, &n)) != NULL) {
		rc = op_value_scan_real(s, n, x);
	} else if ((s = exact_json_string(v, &n)) != NULL) {
		rc = number_scan(s, n, x);
		if (rc == ERR_INVALID) {
			rc = take_expression(c, i, s, n, f);
			if (rc != 0 || !value->rational)
				return rc;
		}
	} else {
		return fail_kind(c, i, v, f);
	}
	if (rc == ERR_TOO_BIG)
		return fail_too_big(c, i, n, f);
	if (rc != 0) {
		number_set_small(x, 0);
		return fail_text(c, i, kind_text(parameter->kind), s, n, f);
	}
	value->rational = true;
	if (parameter->kind != OP_KIND_INTEGER)
		return 0;
	if (!number_is_integer(x))
		return json_is_integer(v) ? 0 : fail_value(c, i, f, OP_INVALID_ARGUMENT, "an integer", s, n);
	return parameter->bounded ? check_bounds(c, i, f) : 0;
}

/* ---- shapes: every element may be a number, what number it is will be seen when it is read ---- */

static bool is_real(const json_t *v)
{
	size_t n;

	return json_is_integer(v) || exact_json_literal(v, &n) || exact_json_string(v, &n);
}

/* {"re": number, "im": number}, both there. */
static bool is_complex(const json_t *v)
{
	return json_is_object(v) && json_object_size(v) == 2 && is_real(json_object_get(v, "re")) &&
	       is_real(json_object_get(v, "im"));
}

static int fail_element(struct op_call *c, size_t i, const char *where, const json_t *v, const char *expected,
			struct op_failure *f)
{
	char base[64], pointer[POINTER_SIZE];

	op_call_pointer(c, i, base, sizeof base);
	snprintf(pointer, sizeof pointer, "%s%s", base, where);
	return op_fail_at(f, OP_INVALID_ARGUMENT, pointer, "expected %s, got %s", expected, exact_json_kind(v));
}

/* row: -1 in a vector. */
static int check_numbers(struct op_call *c, size_t i, const json_t *list, long row, struct op_failure *f)
{
	char where[48];
	size_t k;
	json_t *v;
	int rc = 0;

	json_array_foreach(list, k, v)
	{
		if (is_real(v) || is_complex(v))
			continue;
		snprintf(where, sizeof where, row < 0 ? "/%zu" : "/%2$ld/%1$zu", k, row);
		rc = fail_element(c, i, where, v, "a number", f);
	}
	return rc;
}

static int check_matrix(struct op_call *c, size_t i, const json_t *rows, struct op_failure *f)
{
	char where[48], pointer[POINTER_SIZE];
	size_t k, width = json_array_size(json_array_get(rows, 0)), cells = 0;
	json_t *row;
	int rc = 0;

	op_call_pointer(c, i, pointer, sizeof pointer);
	if (json_array_size(rows) == 0 || width == 0)
		return op_fail_at(f, OP_INVALID_ARGUMENT, pointer, "expected a matrix of at least one row and column");
	json_array_foreach(rows, k, row)
	{
		snprintf(where, sizeof where, "/%zu", k);
		if (!json_is_array(row)) {
			rc = fail_element(c, i, where, row, "a row, an array of numbers", f);
			continue;
		}
		if (json_array_size(row) != width) {
			op_call_pointer(c, i, pointer, sizeof pointer - sizeof where);
			snprintf(pointer + strlen(pointer), sizeof where, "%s", where);
			rc = op_fail_at(f, OP_DIMENSION_MISMATCH, pointer, "expected a row of %zu numbers, got %zu",
					width, json_array_size(row));
		}
		cells += json_array_size(row);
		rc = check_numbers(c, i, row, (long)k, f) ? -1 : rc;
	}
	if (cells > OP_VALUES_MAX)
		rc = op_fail_limit(f, OP_VALUES_MAX, (double)cells, "cells", c->op->name);
	return rc;
}

static int check_vector(struct op_call *c, size_t i, const json_t *v, struct op_failure *f)
{
	if (json_array_size(v) > OP_VALUES_MAX)
		return op_fail_limit(f, OP_VALUES_MAX, (double)json_array_size(v), "elements", c->op->name);
	return check_numbers(c, i, v, -1, f);
}

static int check_texts(struct op_call *c, size_t i, const json_t *list, struct op_failure *f)
{
	char where[48];
	size_t k, n;
	json_t *v;
	int rc = 0;

	json_array_foreach(list, k, v)
	{
		snprintf(where, sizeof where, "/%zu", k);
		if (!exact_json_string(v, &n) && !is_real(v))
			rc = fail_element(c, i, where, v, "a string", f);
	}
	return rc;
}

static int check_values(struct op_call *c, size_t i, json_t *object, struct op_failure *f)
{
	char where[48];
	const char *key;
	json_t *v;
	int rc = 0;

	json_object_foreach(object, key, v)
	{
		json_pointer_member(where, sizeof where, key);
		if (!is_real(v) && !is_complex(v))
			rc = fail_element(c, i, where, v, "a number", f);
	}
	return rc;
}

/* ---- one value ---- */

static int take_text(struct op_call *c, size_t i, const json_t *v, struct op_failure *f)
{
	const char *const *choices = op_call_parameter(c, i)->choices;
	char list[200] = "one of ";
	size_t n, at = strlen(list);
	const char *s = exact_json_string(v, &n);

	if (!s)
		return fail_kind(c, i, v, f);
	for (size_t k = 0; choices && choices[k]; k++) {
		if (strlen(choices[k]) == n && memcmp(choices[k], s, n) == 0)
			return 0;
		if (at < sizeof list)
			at += (size_t)snprintf(list + at, sizeof list - at, "%s\"%s\"", k ? ", " : "", choices[k]);
	}
	return choices ? fail_text(c, i, list, s, n, f) : 0;
}

static int take_formula(struct op_call *c, size_t i, const json_t *v, struct op_failure *f)
{
	struct op_failure own;
	char integer[32];
	size_t n;
	const char *s = exact_json_string(v, &n);

	if (!s && json_is_integer(v)) {
		n = (size_t)snprintf(integer, sizeof integer, "%lld", (long long)json_integer_value(v));
		s = integer;
	}
	if (!s)
		s = exact_json_literal(v, &n);
	if (!s)
		return fail_kind(c, i, v, f);
	op_failure_init(&own);
	if (c->confined && resolve_expression(op_call_value(c, i), s, n, &own) != 0)
		return fail_expression(c, i, &own, f);
	return 0;
}

static int take_complex(struct op_call *c, size_t i, const json_t *v, struct op_failure *f)
{
	if (!json_is_object(v))
		return take_number(c, i, v, f);
	if (!is_complex(v))
		return fail_element(c, i, "", v, "a number, or {\"re\": number, \"im\": number}", f);
	if (c->confined)
		c->irrational = true;
	else
		c->deferred = true;
	return 0;
}

static int take_array(struct op_call *c, size_t i, json_t *v, struct op_failure *f)
{
	bool rows = json_is_array(json_array_get(v, 0));

	if (!json_is_array(v))
		return fail_kind(c, i, v, f);
	switch (op_call_parameter(c, i)->kind) {
	case OP_KIND_MATRIX:
		return check_matrix(c, i, v, f);
	case OP_KIND_SYSTEM:
		return rows ? check_matrix(c, i, v, f) : check_vector(c, i, v, f);
	case OP_KIND_TEXTS:
		return check_texts(c, i, v, f);
	case OP_KIND_VECTOR:
	case OP_KIND_NUMBERS:
	case OP_KIND_POLYNOMIAL:
		return check_vector(c, i, v, f);
	default:
		return fail_kind(c, i, v, f);
	}
}

int op_value_take(struct op_call *c, size_t i, json_t *v, struct op_failure *f)
{
	size_t n;

	op_call_value(c, i)->any = v;
	if (json_is_null(v) && op_call_parameter(c, i)->kind != OP_KIND_ANY)
		return fail_kind(c, i, v, f);
	switch (op_call_parameter(c, i)->kind) {
	case OP_KIND_ANY:
		return 0;
	case OP_KIND_INTEGER:
	case OP_KIND_NUMBER:
		return take_number(c, i, v, f);
	case OP_KIND_COMPLEX:
		return take_complex(c, i, v, f);
	case OP_KIND_BOOLEAN:
		return json_is_boolean(v) ? 0 : fail_kind(c, i, v, f);
	case OP_KIND_TEXT:
		return take_text(c, i, v, f);
	case OP_KIND_EXPRESSION:
		return take_formula(c, i, v, f);
	case OP_KIND_NUMBERS:
		return json_is_array(v) ? take_array(c, i, v, f) : take_complex(c, i, v, f);
	case OP_KIND_POLYNOMIAL:
		return json_is_array(v) ? take_array(c, i, v, f) : take_formula(c, i, v, f);
	case OP_KIND_TEXTS:
		return exact_json_string(v, &n) ? 0 : take_array(c, i, v, f);
	case OP_KIND_VALUES:
		return json_is_object(v) ? check_values(c, i, v, f) : fail_kind(c, i, v, f);
	default:
		return take_array(c, i, v, f);
	}
}
