/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op_args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exact_json.h"
#include "json_pointer.h"
#include "op_value.h"

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

/* The value of a number, as JSON or as text, that is an integer, 2.0 and 2e1 too; INT64_MIN for anything else. */
static int64_t integer_of(const json_t *v)
{
	size_t n;
	const char *literal = exact_json_literal(v, &n), *s = literal ? literal : exact_json_string(v, &n);
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
		op_value_take(c, i, json_array_get(args, i), f);
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
			op_value_take(c, i, v, f);
		else if (!c->op->parameters[i].optional)
			op_fail_at(f, OP_ARITY, pointer, "%s needs the argument \"%s\"", c->op->name, name);
	}
	for (size_t i = 0; i < extra; i++)
		op_value_take(c, fixed + i, json_array_get(list, i), f);
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
