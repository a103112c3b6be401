/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cost.h"
#include "exact_json.h"
#include "math/resolve.h"
#include "op_args.h"

struct op_value *op_call_value(struct op_call *c, size_t i)
{
	return c->more ? &c->more[i] : &c->few[i];
}

struct number *op_call_number(struct op_call *c, size_t i)
{
	return &op_call_value(c, i)->number;
}

bool op_call_given(const struct op_call *c, size_t i)
{
	return (c->more ? c->more[i] : c->few[i]).any != NULL;
}

/* ---- cost and path ---- */

static double reading_cost(struct op_call *c)
{
	double ns = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct number *x = op_call_number(c, i);
		if (x->form == NUMBER_SMALL)
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
		bytes = fmax(bytes, 2 * (number_digits(op_call_number(c, i)) +
					 number_denominator_digits(op_call_number(c, i))));
	return fmin(bytes, OP_RESULT_MAX);
}

static int choose_path(struct op_call *c, struct op_failure *f)
{
	struct op_cost *cost = &c->cost;

	/* Digits asked for, or irrational arguments: a matter of balls. */
	c->irrational = c->irrational || (c->precision > 0 && c->op->compute);
	c->path = OP_HEAVY;
	cost->bytes = OP_RESULT_MAX / 64.0; /* of what cannot be told before */
	if (!c->op->estimate || c->deferred || c->irrational)
		return 0;
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

/* args may be NULL. c is zeroed but for what says how to prepare it. */
static int prepare(struct op_call *c, json_t *args, bool timeout_given, struct op_failure *f)
{
	c->args = args ? json_incref(args) : json_array();
	if (!c->args)
		return op_fail(f, OP_INTERNAL_ERROR, "out of memory");
	op_failure_init(f);
	int rc = op_args_take(c, c->args, timeout_given, f);
	if (rc == 0)
		rc = choose_path(c, f);
	if (rc != 0)
		op_call_fini(c);
	return rc;
}

int op_call_prepare_decoded(struct op_call *c, const struct op *op, json_t *args, uint32_t timeout_ms,
			    struct op_failure *f)
{
	memset(c, 0, sizeof *c);
	c->op = op;
	c->timeout_ms = timeout_ms ? timeout_ms : OP_TIMEOUT_DEFAULT_MS;
	return prepare(c, args, timeout_ms != 0, f);
}

static int prepare_text(struct op_call *c, bool confined, const char *op, size_t oplen, const char *args_json, size_t n,
			uint32_t timeout_ms, struct op_failure *f)
{
	struct errinfo info;
	json_t *args = NULL;

	memset(c, 0, sizeof *c);
	c->op = op_find(op, oplen);
	c->timeout_ms = timeout_ms ? timeout_ms : OP_TIMEOUT_DEFAULT_MS;
	c->confined = confined;
	if (!c->op)
		return op_fail_unknown(f, op, oplen);
	if (n > 0 && !(args = exact_json_load(args_json, n, OP_DEPTH_MAX, &info)))
		return op_fail(f, info.code == ERR_NOMEM ? OP_INTERNAL_ERROR : OP_PARSE_ERROR,
			       "arguments, at byte %ld: %s", info.position, info.text);
	int rc = prepare(c, args, timeout_ms != 0, f);
	json_decref(args);
	return rc;
}

int op_call_prepare(struct op_call *c, const char *op, size_t oplen, const char *args_json, size_t n,
		    uint32_t timeout_ms, struct op_failure *f)
{
	return prepare_text(c, false, op, oplen, args_json, n, timeout_ms, f);
}

int op_call_prepare_confined(struct op_call *c, const char *op, size_t oplen, const char *args_json, size_t n,
			     uint32_t timeout_ms, struct op_failure *f)
{
	return prepare_text(c, true, op, oplen, args_json, n, timeout_ms, f);
}

int op_call_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	size_t before = json->len;
	bool light = c->op->run && !c->irrational && !c->deferred;
	int rc;

	op_failure_init(f);
	if (!light && !c->confined)
		rc = op_fail(f, OP_INTERNAL_ERROR, "%s must run in a compute child", c->op->name);
	else
		rc = light ? c->op->run(c, json, f) : c->op->compute(c, json, f);
	if (rc == 0 && json->failed)
		rc = op_fail(f, OP_INTERNAL_ERROR, "out of memory for the result of %s", c->op->name);
	if (rc == 0 && json->len - before > OP_RESULT_MAX)
		rc = op_fail_limit(f, OP_RESULT_MAX, (double)(json->len - before), "bytes", "the result is too large");
	if (rc != 0)
		json->len = before;
	return rc;
}

void op_call_args(const struct op_call *c, struct buf *json)
{
	exact_json_dump(json, c->args);
}

void op_call_fini(struct op_call *c)
{
	for (size_t i = 0; i < c->count; i++) {
		struct op_value *v = op_call_value(c, i);
		number_fini(&v->number);
		if (v->expr)
			resolve_free(v);
	}
	free(c->more);
	c->more = NULL;
	c->count = 0;
	json_decref(c->args);
	c->args = NULL;
}
