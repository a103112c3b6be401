/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op_args.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exact_json.h"
#include "json_pointer.h"

#define ECHO_MAX 40          /* bytes of a wrong argument that a message repeats */
#define DOUBLE_SURE_CHARS 16 /* a literal of 15 digits and a point is the shortest name of its double */
#define POINTER_SIZE 96

size_t op_args_fixed(const struct op *op)
{
	size_t n = 0;

	while (n < op->parameter_count && !op->parameters[n].variadic && op->parameters[n].kind < OP_KIND_PRECISION)
		n++;
	return n;
}

static const struct op_parameter *variadic(const struct op *op)
{
	size_t fixed = op_args_fixed(op);

	return fixed < op->parameter_count && op->parameters[fixed].variadic ? &op->parameters[fixed] : NULL;
}

static size_t required(const struct op *op)
{
	size_t n = 0, fixed = op_args_fixed(op);

	while (n < fixed && !op->parameters[n].optional)
		n++;
	return n;
}

const struct op_parameter *op_call_parameter(const struct op_call *c, size_t i)
{
	size_t fixed = op_args_fixed(c->op);

	return &c->op->parameters[i < fixed ? i : fixed];
}

void op_call_pointer(struct op_call *c, size_t i, char *out, size_t size)
{
	size_t fixed = op_args_fixed(c->op);

	if (!c->named)
		snprintf(out, size, "/%zu", i);
	else if (i < fixed)
		snprintf(out, size, "/%s", c->op->parameters[i].name);
	else
		snprintf(out, size, "/%s/%zu", c->op->parameters[fixed].name, i - fixed);
}

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
int op_args_scan_real(const char *s, size_t n, struct number *x)
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
		rc = op_args_scan_real(s, n, x);
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

static int take_value(struct op_call *c, size_t i, json_t *v, struct op_failure *f)
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

/* The value of a JSON number that is an integer, 2.0 and 2e1 too; INT64_MIN for anything else. */
static int64_t integer_of(const json_t *v)
{
	size_t n;
	const char *s = exact_json_literal(v, &n);
	struct number x;
	int64_t value = json_is_integer(v) ? json_integer_value(v) : INT64_MIN;

	if (!s || number_scan(s, n, &x) != 0)
		return value;
	if (number_is_integer(&x) && number_int64(&x, &value) != 0)
		value = number_sign(&x) < 0 ? INT64_MIN : INT64_MAX;
	number_fini(&x);
	return value;
}

/* PRECISION and EXACT. */
static void take_option(struct op_call *c, const struct op_parameter *p, const json_t *v, const char *pointer,
			struct op_failure *f)
{
	int64_t digits = integer_of(v);

	if (p->kind == OP_KIND_EXACT) {
		c->exact = json_is_true(v);
		if (!json_is_boolean(v))
			op_fail_at(f, OP_INVALID_ARGUMENT, pointer, "expected true or false for \"%s\", got %s",
				   p->name, exact_json_kind(v));
	} else if (digits < 1) {
		op_fail_at(f, OP_INVALID_ARGUMENT, pointer,
			   "expected an integer from 1 to %d for \"precision\", got %s", OP_PRECISION_MAX,
			   json_is_integer(v) ? "a smaller one" : exact_json_kind(v));
	} else if (digits > OP_PRECISION_MAX) {
		if (f->count == 0) {
			snprintf(f->unit, sizeof f->unit, "digits");
			f->limit = OP_PRECISION_MAX;
			f->estimate = (double)digits;
		}
		op_fail_at(f, OP_LIMIT_EXCEEDED, pointer, "expected a precision of at most %d digits, got %lld",
			   OP_PRECISION_MAX, (long long)digits);
	} else {
		c->precision = (uint32_t)digits;
	}
}

/* ---- all arguments ---- */

static int make_room(struct op_call *c, size_t count, struct op_failure *f)
{
	if (count > OP_VALUES_MAX)
		return op_fail_limit(f, OP_VALUES_MAX, (double)count, "arguments", c->op->name);
	if (count > OP_INLINE_VALUES) {
		c->more = calloc(count, sizeof *c->more);
		if (!c->more)
			return op_fail(f, OP_INTERNAL_ERROR, "out of memory for %zu arguments", count);
	}
	c->count = count;
	return 0;
}

/* How many arguments can be given by position, the variadic ones left out. */
static size_t positions(const struct op *op)
{
	size_t n = op_args_fixed(op);

	while (!variadic(op) && n < op->parameter_count && !op->parameters[n].named)
		n++;
	return n;
}

/* "takes 2 arguments (a, b)", "at least 1 argument (a, more...)", "1 to 3 arguments (a, [b], [precision])". */
static int fail_arity(const struct op *op, size_t got, size_t most, struct op_failure *f)
{
	char names[160] = "", counts[48];
	size_t at = 0, least = required(op);

	for (size_t i = 0; i < op->parameter_count && at < sizeof names - 1; i++) {
		const struct op_parameter *p = &op->parameters[i];
		bool optional = p->optional || p->kind >= OP_KIND_PRECISION;
		if (i >= most && !p->variadic)
			break;
		at += (size_t)snprintf(names + at, sizeof names - at, "%s%s%s%s%s", i ? ", " : "", optional ? "[" : "",
				       p->name, p->variadic ? "..." : "", optional ? "]" : "");
	}
	if (variadic(op))
		snprintf(counts, sizeof counts, "at least %zu", least);
	else if (most > least)
		snprintf(counts, sizeof counts, "%zu to %zu", least, most);
	else
		snprintf(counts, sizeof counts, "%zu", least);
	return op_fail_at(f, OP_ARITY, "", "%s takes %s argument%s (%s), got %zu", op->name, counts,
			  most == 1 && least == 1 ? "" : "s", names, got);
}

static int take_positional(struct op_call *c, json_t *args, struct op_failure *f)
{
	const struct op *op = c->op;
	size_t count = json_array_size(args), fixed = op_args_fixed(op);
	size_t most = positions(op);
	size_t values = variadic(op) && count > fixed ? count : fixed;
	char pointer[POINTER_SIZE];

	if (count < required(op) || (count > most && !variadic(op)))
		return fail_arity(op, count, most, f);
	if (make_room(c, values, f) != 0)
		return -1;
	for (size_t i = 0; i < count && i < values; i++)
		take_value(c, i, json_array_get(args, i), f);
	for (size_t i = values; i < count; i++) {
		snprintf(pointer, sizeof pointer, "/%zu", i);
		take_option(c, &op->parameters[i], json_array_get(args, i), pointer, f);
	}
	return f->count ? -1 : 0;
}

static void take_timeout(struct op_call *c, json_t *v, bool given, struct op_failure *f)
{
	int64_t ms = integer_of(v);

	if (ms < 1 || ms > OP_TIMEOUT_MAX_MS) {
		op_fail_at(f, OP_INVALID_ARGUMENT, "/timeout_ms", "expected an integer from 1 to %d",
			   OP_TIMEOUT_MAX_MS);
		return;
	}
	if (!given || ms < c->timeout_ms)
		c->timeout_ms = (uint32_t)ms;
}

static const struct op_parameter *parameter_named(const struct op *op, const char *key)
{
	for (size_t i = 0; i < op->parameter_count; i++)
		if (strcmp(op->parameters[i].name, key) == 0)
			return &op->parameters[i];
	return NULL;
}

/* What is named and is no value: options, the time-out, mistakes. */
static void take_names(struct op_call *c, json_t *args, bool timeout_given, struct op_failure *f)
{
	const char *key;
	json_t *v;
	char pointer[POINTER_SIZE];

	json_object_foreach(args, key, v)
	{
		const struct op_parameter *p = parameter_named(c->op, key);
		if (p && p->kind < OP_KIND_PRECISION)
			continue;
		json_pointer_member(pointer, sizeof pointer, key);
		if (p)
			take_option(c, p, v, pointer, f);
		else if (strcmp(key, "timeout_ms") == 0)
			take_timeout(c, v, timeout_given, f);
		else
			op_fail_at(f, OP_INVALID_ARGUMENT, pointer, "%s has no argument of this name", c->op->name);
	}
}

static int take_named(struct op_call *c, json_t *args, bool timeout_given, struct op_failure *f)
{
	size_t fixed = op_args_fixed(c->op), extra = 0;
	const struct op_parameter *rest = variadic(c->op);
	json_t *list = rest ? json_object_get(args, rest->name) : NULL;
	char pointer[POINTER_SIZE];

	c->named = true;
	take_names(c, args, timeout_given, f);
	if (json_is_array(list)) {
		extra = json_array_size(list);
	} else if (list) {
		snprintf(pointer, sizeof pointer, "/%s", rest->name);
		op_fail_at(f, OP_INVALID_ARGUMENT, pointer, "expected an array, got %s", exact_json_kind(list));
	}
	struct op_failure room;
	if (make_room(c, fixed + extra, &room) != 0) {
		*f = room;
		return -1;
	}
	for (size_t i = 0; i < fixed; i++) {
		const char *name = c->op->parameters[i].name;
		json_t *v = json_object_get(args, name);
		snprintf(pointer, sizeof pointer, "/%s", name);
		if (v)
			take_value(c, i, v, f);
		else if (!c->op->parameters[i].optional)
			op_fail_at(f, OP_ARITY, pointer, "%s needs the argument \"%s\"", c->op->name, name);
	}
	for (size_t i = 0; i < extra; i++)
		take_value(c, fixed + i, json_array_get(list, i), f);
	return f->count ? -1 : 0;
}

int op_args_take(struct op_call *c, json_t *args, bool timeout_given, struct op_failure *f)
{
	c->exact = -1;
	if (json_is_array(args))
		return take_positional(c, args, f);
	if (json_is_object(args))
		return take_named(c, args, timeout_given, f);
	return op_fail_at(f, OP_INVALID_ARGUMENT, "", "expected the arguments as an array or an object, got %s",
			  exact_json_kind(args));
}
