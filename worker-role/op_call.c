/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <float.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cost.h"
#include "exact_json.h"
#include "op.h"

#define ECHO_MAX 40          /* bytes of a wrong argument that a message repeats */
#define DOUBLE_SURE_CHARS 16 /* a literal of 15 digits and a point is the shortest name of its double */

struct op_value *op_call_value(struct op_call *c, size_t i)
{
	return c->more ? &c->more[i] : &c->few[i];
}

struct number *op_call_number(struct op_call *c, size_t i)
{
	return &op_call_value(c, i)->number;
}

static bool is_variadic(const struct op *op)
{
	return op->parameter_count > 0 && op->parameters[op->parameter_count - 1].variadic;
}

static size_t fixed_count(const struct op *op)
{
	return op->parameter_count - is_variadic(op);
}

/* The parameter that the i-th value belongs to. */
static const struct op_parameter *parameter_of(const struct op *op, size_t i)
{
	return &op->parameters[i < fixed_count(op) ? i : op->parameter_count - 1];
}

void op_call_pointer(struct op_call *c, size_t i, char *out, size_t size)
{
	size_t fixed = fixed_count(c->op);

	if (!c->named)
		snprintf(out, size, "/%zu", i);
	else if (i < fixed)
		snprintf(out, size, "/%s", c->op->parameters[i].name);
	else
		snprintf(out, size, "/%s/%zu", c->op->parameters[fixed].name, i - fixed);
}

/* ---- one argument ---- */

static int fail_value(struct op_call *c, size_t i, struct op_failure *f, enum op_error error, const char *expected,
		      const char *got, size_t n)
{
	char pointer[96];

	op_call_pointer(c, i, pointer, sizeof pointer);
	return op_fail_at(f, error, pointer, "expected %s for \"%s\", got %.*s%s", expected,
			  parameter_of(c->op, i)->name, (int)(n < ECHO_MAX ? n : ECHO_MAX), got,
			  n > ECHO_MAX ? "..." : "");
}

static const char *kind_text(enum op_kind kind)
{
	return kind == OP_KIND_INTEGER ? "an integer" : "a number";
}

static int fail_scan(struct op_call *c, size_t i, struct op_failure *f, int rc, const char *s, size_t n)
{
	struct number *x = op_call_number(c, i);
	double written = rc == ERR_TOO_BIG ? number_written_digits(x) : 0;
	char expected[80], quoted[ECHO_MAX + 3];

	number_set_small(x, 0); /* what failed holds nothing to free */
	if (rc != ERR_TOO_BIG) {
		int len = snprintf(quoted, sizeof quoted, "\"%.*s%s\"", (int)(n < ECHO_MAX - 5 ? n : ECHO_MAX - 5), s,
				   n < ECHO_MAX - 5 ? "" : "...");
		return fail_value(c, i, f, OP_INVALID_ARGUMENT, kind_text(parameter_of(c->op, i)->kind), quoted,
				  (size_t)len);
	}
	if (written < 0) {
		snprintf(expected, sizeof expected, "a number of at most %d characters", NUMBER_LITERAL_MAX);
		snprintf(quoted, sizeof quoted, "%zu", n);
	} else {
		snprintf(expected, sizeof expected, "a number of at most %d digits", NUMBER_DIGITS_MAX);
		snprintf(quoted, sizeof quoted, "one of %.15g", written);
	}
	if (f->count == 0) {
		f->unit = written < 0 ? "characters" : "digits";
		f->limit = written < 0 ? NUMBER_LITERAL_MAX : NUMBER_DIGITS_MAX;
		f->estimate = written < 0 ? (double)n : written;
	}
	return fail_value(c, i, f, OP_LIMIT_EXCEEDED, expected, quoted, strlen(quoted));
}

/* A JSON real stands for the double it denotes, by that double's shortest decimal. What a double cannot hold is taken
 * as it is written. */
static int scan_real(const char *s, size_t n, struct number *x)
{
	char literal[EXACT_JSON_LITERAL_MAX + 1], shortest[32];

	if (n <= DOUBLE_SURE_CHARS || n > EXACT_JSON_LITERAL_MAX)
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

static int take_number(struct op_call *c, size_t i, const json_t *v, struct op_failure *f)
{
	const struct op_parameter *parameter = parameter_of(c->op, i);
	struct number *x = op_call_number(c, i);
	const char *s;
	size_t n;
	int rc;

	if (json_is_integer(v)) {
		number_set_small(x, json_integer_value(v));
		return 0;
	}
	if ((s = exact_json_literal(v, &n)) != NULL)
		rc = strcspn(s, ".eE") < n ? scan_real(s, n, x) : number_scan(s, n, x);
	else if ((s = exact_json_string(v, &n)) != NULL)
		rc = number_scan(s, n, x);
	else
		return fail_value(c, i, f, OP_INVALID_ARGUMENT, kind_text(parameter->kind), exact_json_kind(v),
				  strlen(exact_json_kind(v)));
	if (rc != 0)
		return fail_scan(c, i, f, rc, s, n);
	if (parameter->kind == OP_KIND_INTEGER && !number_is_integer(x))
		return fail_value(c, i, f, OP_INVALID_ARGUMENT, "an integer", s, n);
	return 0;
}

static int check_bounds(struct op_call *c, size_t i, struct op_failure *f)
{
	const struct op_parameter *parameter = parameter_of(c->op, i);
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
		f->unit = parameter->name;
		f->limit = (double)parameter->max;
		f->estimate = known ? (double)v : pow(10, number_log10(x));
		f->estimate = f->estimate <= 1e300 ? f->estimate : 1e300;
	}
	return fail_value(c, i, f, below ? OP_INVALID_ARGUMENT : OP_LIMIT_EXCEEDED, expected, got, strlen(got));
}

static void take_value(struct op_call *c, size_t i, json_t *v, struct op_failure *f)
{
	const struct op_parameter *parameter = parameter_of(c->op, i);

	if (parameter->kind == OP_KIND_ANY)
		op_call_value(c, i)->any = v;
	else if (take_number(c, i, v, f) == 0 && parameter->bounded)
		check_bounds(c, i, f);
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

static int fail_arity(const struct op *op, size_t got, struct op_failure *f)
{
	char names[128] = "";
	size_t at = 0, fixed = fixed_count(op);

	for (size_t i = 0; i < op->parameter_count && at < sizeof names - 1; i++)
		at += (size_t)snprintf(names + at, sizeof names - at, "%s%s%s", i ? ", " : "", op->parameters[i].name,
				       op->parameters[i].variadic ? "..." : "");
	return op_fail_at(f, OP_ARITY, "", "%s takes %s%zu argument%s (%s), got %zu", op->name,
			  is_variadic(op) ? "at least " : "", fixed, fixed == 1 ? "" : "s", names, got);
}

static int take_positional(struct op_call *c, json_t *args, struct op_failure *f)
{
	size_t count = json_array_size(args), fixed = fixed_count(c->op);

	if (count < fixed || (count > fixed && !is_variadic(c->op)))
		return fail_arity(c->op, count, f);
	if (make_room(c, count, f) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		take_value(c, i, json_array_get(args, i), f);
	return f->count ? -1 : 0;
}

static void take_timeout(struct op_call *c, json_t *v, bool given, struct op_failure *f)
{
	json_int_t ms = json_integer_value(v);

	if (!json_is_integer(v) || ms < 1 || ms > OP_TIMEOUT_MAX_MS) {
		op_fail_at(f, OP_INVALID_ARGUMENT, "/timeout_ms", "expected an integer from 1 to %d",
			   OP_TIMEOUT_MAX_MS);
		return;
	}
	if (!given || ms < c->timeout_ms)
		c->timeout_ms = (uint32_t)ms;
}

/* Escapes a member's name for a JSON pointer. */
static void escape_pointer(const char *key, char *out, size_t size)
{
	size_t at = 0;

	out[at++] = '/';
	for (; *key && at + 3 < size; key++) {
		if (*key == '~' || *key == '/') {
			out[at++] = '~';
			out[at++] = *key == '~' ? '0' : '1';
		} else {
			out[at++] = *key;
		}
	}
	out[at] = '\0';
}

static bool is_parameter(const struct op *op, const char *key)
{
	for (size_t i = 0; i < op->parameter_count; i++)
		if (strcmp(op->parameters[i].name, key) == 0)
			return true;
	return false;
}

static void check_names(struct op_call *c, json_t *args, bool timeout_given, struct op_failure *f)
{
	const char *key;
	json_t *v;
	char pointer[96];

	json_object_foreach(args, key, v)
	{
		if (is_parameter(c->op, key))
			continue;
		if (strcmp(key, "timeout_ms") == 0) {
			take_timeout(c, v, timeout_given, f);
			continue;
		}
		escape_pointer(key, pointer, sizeof pointer);
		op_fail_at(f, OP_INVALID_ARGUMENT, pointer, "%s has no argument of this name", c->op->name);
	}
}

static int take_named(struct op_call *c, json_t *args, bool timeout_given, struct op_failure *f)
{
	size_t fixed = fixed_count(c->op), extra = 0;
	json_t *list = is_variadic(c->op) ? json_object_get(args, c->op->parameters[fixed].name) : NULL;
	char pointer[96];

	c->named = true;
	check_names(c, args, timeout_given, f);
	if (json_is_array(list)) {
		extra = json_array_size(list);
	} else if (list) {
		snprintf(pointer, sizeof pointer, "/%s", c->op->parameters[fixed].name);
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
		else
			op_fail_at(f, OP_ARITY, pointer, "%s needs the argument \"%s\"", c->op->name, name);
	}
	for (size_t i = 0; i < extra; i++)
		take_value(c, fixed + i, json_array_get(list, i), f);
	return f->count ? -1 : 0;
}

/* ---- cost and path ---- */

static double reading_cost(struct op_call *c)
{
	double ns = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct number *x = op_call_number(c, i);
		if (parameter_of(c->op, i)->kind == OP_KIND_ANY || x->form == NUMBER_SMALL)
			ns += 30;
		else if (x->form == NUMBER_LOADED)
			continue;
		else if (number_denominator_digits(x) > 0)
			ns += cost_read(number_digits(x)) + cost_read(number_denominator_digits(x)) +
			      cost_gcd(number_digits(x), number_denominator_digits(x));
		else
			ns += cost_read(number_digits(x));
	}
	return ns;
}

static double result_bytes(struct op_call *c)
{
	double bytes = c->cost.digits;

	for (size_t i = 0; i < c->count; i++)
		if (parameter_of(c->op, i)->kind != OP_KIND_ANY)
			bytes = fmax(bytes, 2 * (number_digits(op_call_number(c, i)) +
						 number_denominator_digits(op_call_number(c, i))));
	return fmin(bytes, OP_RESULT_MAX);
}

static int choose_path(struct op_call *c, struct op_failure *f)
{
	struct op_cost *cost = &c->cost;

	if (c->op->estimate(c, cost, f) != 0)
		return -1;
	if (cost->digits > NUMBER_DIGITS_MAX)
		return op_fail_limit(f, NUMBER_DIGITS_MAX, cost->digits, "digits", "the result is too large");
	cost->ns += reading_cost(c) + cost_print(cost->digits);
	if (cost->ns / 1e6 > c->timeout_ms)
		return op_fail_limit(f, c->timeout_ms, ceil(cost->ns / 1e6), "ms", "this would take too long");
	cost->bytes = result_bytes(c);
	c->path = cost->delay_ms ? OP_TIMED : cost->ns < OP_IN_LOOP_NS ? OP_IN_LOOP : OP_HEAVY;
	return 0;
}

int op_call_prepare_decoded(struct op_call *c, const struct op *op, json_t *args, uint32_t timeout_ms,
			    struct op_failure *f)
{
	json_t *none = NULL;
	int rc;

	memset(c, 0, sizeof *c);
	op_failure_init(f);
	c->op = op;
	c->timeout_ms = timeout_ms ? timeout_ms : OP_TIMEOUT_DEFAULT_MS;
	if (!args)
		none = args = json_array();
	if (!args)
		return op_fail(f, OP_INTERNAL_ERROR, "out of memory");
	c->args = json_incref(args);
	if (json_is_array(args))
		rc = take_positional(c, args, f);
	else if (json_is_object(args))
		rc = take_named(c, args, timeout_ms != 0, f);
	else
		rc = op_fail_at(f, OP_INVALID_ARGUMENT, "", "expected the arguments as an array or an object, got %s",
				exact_json_kind(args));
	if (rc == 0)
		rc = choose_path(c, f);
	if (rc != 0)
		op_call_fini(c);
	json_decref(none);
	return rc;
}

int op_call_prepare(struct op_call *c, const char *op, size_t oplen, const char *args_json, size_t n,
		    uint32_t timeout_ms, struct op_failure *f)
{
	const struct op *known = op_find(op, oplen);
	struct errinfo info;
	json_t *args = NULL;

	if (!known)
		return op_fail_unknown(f, op, oplen);
	if (n > 0 && !(args = exact_json_load(args_json, n, OP_DEPTH_MAX, &info)))
		return op_fail(f, info.code == ERR_NOMEM ? OP_INTERNAL_ERROR : OP_PARSE_ERROR,
			       "arguments, at byte %ld: %s", info.position, info.text);
	int rc = op_call_prepare_decoded(c, known, args, timeout_ms, f);
	json_decref(args);
	return rc;
}

int op_call_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	size_t before = json->len;
	int rc;

	op_failure_init(f);
	rc = c->op->run(c, json, f);
	if (rc == 0 && json->failed)
		rc = op_fail(f, OP_INTERNAL_ERROR, "out of memory for the result of %s", c->op->name);
	if (rc == 0 && json->len - before > OP_RESULT_MAX)
		rc = op_fail_limit(f, OP_RESULT_MAX, (double)(json->len - before), "bytes", "the result is too large");
	if (rc != 0)
		json->len = before;
	return rc;
}

void op_call_fini(struct op_call *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (parameter_of(c->op, i)->kind != OP_KIND_ANY)
			number_fini(op_call_number(c, i));
	free(c->more);
	c->more = NULL;
	c->count = 0;
	json_decref(c->args);
	c->args = NULL;
}
