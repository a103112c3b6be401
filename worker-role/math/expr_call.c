/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Operations of the registry called from an expression. */
#include "math/expr_call.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "exact_json.h"
#include "math/expr_tree.h"
#include "must.h"
#include "op.h"

#define NESTING_MAX 8            /* operations inside arguments of operations */
#define LITERAL_DIGITS 4000      /* longer numbers are handed over as expressions */
#define STEPS_PER_OPERATION 1000 /* what a call counts for among node evaluations */
#define DOUBLE_BITS 48           /* a real result without precision is certain to so many bits */
#define RESULT_DEPTH 32
#define LOG2_10 3.32192809488736234787

/* ---- arguments ---- */

/* e with the values of the names around it in their places; those that e binds itself stay. */
static struct expr *substituted(const struct expr_eval *ev, const struct expr *e)
{
	struct expr *copy;

	if (e->kind == EXPR_VARIABLE) {
		for (const struct expr_binding *b = ev->bindings; b; b = b->outer)
			if (strcmp(b->name, e->name) == 0)
				return expr_new_number(b->value);
		for (size_t i = 0; ev->scope && ev->scope->rationals && i < ev->scope->count; i++)
			if (strcmp(ev->scope->names[i], e->name) == 0)
				return expr_new_number(ev->scope->rationals + i);
	}
	copy = expr_tree_new(e->kind, e->at, e->count);
	fmpq_set(copy->value, e->value);
	if (e->name)
		copy->name = must_strdup(e->name);
	for (size_t i = 0; i < e->count; i++)
		copy->args[i] = expr_tree_binds(e) && i == 1 ? expr_copy(e->args[i]) : substituted(ev, e->args[i]);
	return copy;
}

static void put_expression(const struct expr_eval *ev, const struct expr *e, struct buf *json)
{
	struct buf text = BUF_INIT;
	struct expr *copy = substituted(ev, e);

	expr_print(&text, copy);
	buf_json_string(json, text.data ? text.data : "", text.len);
	expr_free(copy);
	buf_fini(&text);
}

/* A number: its digits when it is rational and short, else the expression for it. */
static int put_number(struct expr_eval *ev, const struct expr *e, struct buf *json)
{
	struct expr_value v;
	int rc;

	if (e->kind == EXPR_LIST) {
		buf_byte(json, '[');
		for (size_t i = 0; i < e->count; i++) {
			if (i)
				buf_byte(json, ',');
			if (put_number(ev, e->args[i], json) != 0)
				return -1;
		}
		buf_byte(json, ']');
		return 0;
	}
	expr_value_init(&v);
	rc = expr_eval_tree(ev, e, &v);
	if (rc == 0 && expr_value_is_rational(&v) && (double)fmpq_height_bits(v.q) / LOG2_10 < LITERAL_DIGITS / 2.0) {
		char *digits = fmpq_get_str(NULL, 10, v.q);
		buf_printf(json, "\"%s\"", digits);
		flint_free(digits);
	} else if (rc == 0) {
		put_expression(ev, e, json);
	}
	expr_value_clear(&v);
	return rc;
}

static int put_argument(struct expr_eval *ev, enum op_kind kind, const struct expr *e, struct buf *json)
{
	bool truth = e->kind == EXPR_VARIABLE && (strcmp(e->name, "true") == 0 || strcmp(e->name, "false") == 0);
	bool name = kind == OP_KIND_TEXT && (e->kind == EXPR_VARIABLE || e->kind == EXPR_CONSTANT);

	if (truth) {
		buf_puts(json, e->name);
	} else if (name || e->kind == EXPR_TEXT) {
		buf_json_string(json, e->name, strlen(e->name));
	} else if (kind == OP_KIND_TEXTS && e->kind == EXPR_LIST) {
		buf_byte(json, '[');
		for (size_t i = 0; i < e->count; i++) {
			if (i)
				buf_byte(json, ',');
			if (put_argument(ev, OP_KIND_TEXT, e->args[i], json) != 0)
				return -1;
		}
		buf_byte(json, ']');
	} else if (kind == OP_KIND_EXPRESSION || kind == OP_KIND_TEXT || kind == OP_KIND_TEXTS ||
		   (kind == OP_KIND_POLYNOMIAL && e->kind != EXPR_LIST)) {
		put_expression(ev, e, json);
	} else {
		return put_number(ev, e, json);
	}
	return 0;
}

static int put_arguments(struct expr_eval *ev, const struct op *op, const struct expr *e, struct buf *json)
{
	buf_byte(json, '[');
	for (size_t i = 0; i < e->count; i++) {
		size_t last = op->parameter_count ? op->parameter_count - 1 : 0;
		const struct op_parameter *p = op->parameter_count ? &op->parameters[i < last ? i : last] : NULL;
		if (i)
			buf_byte(json, ',');
		if (put_argument(ev, p ? p->kind : OP_KIND_ANY, e->args[i], json) != 0)
			return -1;
	}
	buf_byte(json, ']');
	return 0;
}

/* ---- the call ---- */

static bool takes_precision(const struct op *op)
{
	for (size_t i = 0; i < op->parameter_count; i++)
		if (op->parameters[i].kind == OP_KIND_PRECISION)
			return true;
	return false;
}

/* What an operation finds wrong is told at the place of the call; its pointers would mean nothing to the caller. */
static int relocate(struct expr_eval *ev, const char *name)
{
	char detail[sizeof ev->f->detail];

	snprintf(detail, sizeof detail, "%s: %.*s", name, (int)(sizeof detail - strlen(name) - 3), ev->f->detail);
	memcpy(ev->f->detail, detail, sizeof detail);
	ev->f->count = 0;
	return op_fail_position(ev->f, ev->at);
}

/* Runs it, asking for `digits` if that is not 0. */
static int run(struct expr_eval *ev, const struct op *op, const struct buf *args, uint32_t digits, struct buf *json)
{
	struct op_call c;

	if (op_call_prepare_confined(&c, op->name, strlen(op->name), args->data, args->len, 0, ev->f) != 0)
		return relocate(ev, op->name);
	if (digits)
		c.precision = digits > OP_PRECISION_MAX ? OP_PRECISION_MAX : digits;
	int rc = op_call_run(&c, json, ev->f);
	op_call_fini(&c);
	return rc == 0 ? 0 : relocate(ev, op->name);
}

json_t *expr_call_json(struct expr_eval *ev, const struct expr *e, uint32_t digits)
{
	static unsigned nesting;
	const struct op *op = op_find(e->name, strlen(e->name));
	struct buf args = BUF_INIT, json = BUF_INIT;
	json_t *result = NULL;

	ev->at = e->at;
	if (!op || strcmp(op->family, "service") == 0) {
		expr_names_fail(e, NULL, 0, ev->f);
		return NULL;
	}
	if (nesting >= NESTING_MAX) {
		op_fail_limit(ev->f, NESTING_MAX, nesting + 1, "levels", "operations are nested too deeply");
		op_fail_position(ev->f, ev->at);
		return NULL;
	}
	ev->left -= STEPS_PER_OPERATION;
	nesting++;
	if (put_arguments(ev, op, e, &args) == 0) {
		ev->at = e->at;
		if (run(ev, op, &args, takes_precision(op) ? digits : 0, &json) == 0 &&
		    (result = exact_json_load(json.data, json.len, RESULT_DEPTH, NULL)) == NULL)
			expr_value_fail(ev, OP_INTERNAL_ERROR, "%s: a result that cannot be read", e->name);
	}
	nesting--;
	buf_fini(&args);
	buf_fini(&json);
	return result;
}

/* ---- results ---- */

/* An integer or p/q: exactly (1); a decimal: *ulp is the unit of its last place, as 10^*ulp (0). -1: no number. */
static int read_text(const char *s, size_t n, fmpq_t out, slong *ulp)
{
	struct number x;
	const char *point = memchr(s, '.', n), *exponent = memchr(s, 'e', n);

	if (number_scan(s, n, &x) != 0)
		return -1;
	number_load(&x);
	fmpq_set_mpq(out, x.q);
	number_fini(&x);
	if (!point && !exponent)
		return 1;
	*ulp =
	    (exponent ? strtol(exponent + 1, NULL, 10) : 0) - (point ? (exponent ? exponent : s + n) - point - 1 : 0);
	return 0;
}

static int read_real(const json_t *v, fmpq_t out, slong *ulp, bool *is_double)
{
	size_t n;
	const char *s;

	*is_double = false;
	if (json_is_integer(v)) {
		fmpq_set_si(out, json_integer_value(v), 1);
		return 1;
	}
	if ((s = exact_json_literal(v, &n)) != NULL) {
		*is_double = true;
		return read_text(s, n, out, ulp);
	}
	if ((s = exact_json_string(v, &n)) != NULL)
		return read_text(s, n, out, ulp);
	return -1;
}

int expr_call_number(const json_t *v, fmpq_t out)
{
	slong ulp;
	bool is_double;

	return read_real(v, out, &ulp, &is_double);
}

/* A part of a result. -1: it is no number. */
static int set_part(arb_t out, const json_t *v, bool shown, slong prec, bool *exact, fmpq_t rational)
{
	slong ulp = 0;
	bool is_double;
	arb_t error;
	int rc = read_real(v, rational, &ulp, &is_double);

	if (rc < 0)
		return -1;
	arb_set_fmpq(out, rational, prec);
	*exact = rc == 1 || shown;
	if (!*exact && is_double) {
		arb_init(error);
		arb_mul_2exp_si(error, out, -DOUBLE_BITS);
		arb_add_error(out, error);
		arb_clear(error);
	} else if (!*exact) {
		arb_init(error);
		arb_set_ui(error, 10);
		arb_pow_fmpz(error, error, (const fmpz[]){ ulp }, prec);
		arb_add_error(out, error);
		arb_clear(error);
	}
	return 0;
}

/* shown: an operation that takes no precision: its decimals are taken as they are. */
static int set_value(struct expr_eval *ev, struct expr_value *out, const json_t *v, bool shown)
{
	const json_t *re = json_object_get(v, "re"), *im = json_object_get(v, "im");
	bool exact, exact_im;
	fmpq_t q;
	int rc;

	fmpq_init(q);
	if (re && im) {
		rc = set_part(acb_realref(out->z), re, shown, ev->prec, &exact, q);
		if (rc == 0)
			rc = set_part(acb_imagref(out->z), im, shown, ev->prec, &exact_im, q);
		out->form = EXPR_VALUE_BALL;
	} else {
		arb_zero(acb_imagref(out->z));
		rc = set_part(acb_realref(out->z), v, shown, ev->prec, &exact, q);
		out->form = EXPR_VALUE_BALL;
		if (rc == 0 && exact)
			expr_value_set_fmpq(out, q);
	}
	fmpq_clear(q);
	return rc;
}

/* First as the operation gives it: what is exact is exact then. Else again with the digits that this walk wants. */
int expr_eval_operation(struct expr_eval *ev, const struct expr *e, struct expr_value *out)
{
	const struct op *op = op_find(e->name, strlen(e->name));
	json_t *result = expr_call_json(ev, e, 0);

	if (!result)
		return -1;
	int rc = set_value(ev, out, result, !takes_precision(op));
	json_decref(result);
	if (rc == 0 && out->form == EXPR_VALUE_BALL && ev->prec > DOUBLE_BITS - 8 && takes_precision(op)) {
		if ((result = expr_call_json(ev, e, (uint32_t)((double)ev->prec / LOG2_10) + 2)) == NULL)
			return -1;
		rc = set_value(ev, out, result, false);
		json_decref(result);
	}
	if (rc != 0)
		return expr_value_fail(ev, OP_INVALID_ARGUMENT, "%s: its result is no number, but one is expected here",
				       e->name);
	return 0;
}
