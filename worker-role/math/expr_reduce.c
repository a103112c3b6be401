/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/expr_reduce.h"

#include <stdlib.h>
#include <string.h>

#include "exact_json.h"
#include "math/expr_call.h"
#include "math/expr_exact.h"
#include "math/expr_matrix.h"
#include "math/expr_tree.h"
#include "math/function.h"
#include "must.h"
#include "op.h"

#define STEPS 2e7 /* for the operations' arguments (expr_value.h) */
#define BITS 64   /* working precision where arguments are looked at */

struct state {
	struct expr_eval ev;
	uint32_t digits;
	struct op_failure *f;
};

typedef struct expr_reduced item;

static int reduce(struct state *s, const struct expr *e, item *out);

void expr_reduced_fini(struct expr_reduced *r)
{
	expr_free(r->tree);
	json_decref(r->json);
	r->tree = NULL;
	r->json = NULL;
}

static int fail(struct state *s, const struct expr *e, enum op_error error, const char *sentence)
{
	op_fail(s->f, error, "%s", sentence);
	return op_fail_position(s->f, e->at);
}

/* ---- kinds of trees ---- */

static bool is_function(const struct expr *e)
{
	return function_find(e->name) || expr_exact_find(e->name);
}

/* Whether there is anything in it that expr_rational() and expr_ball() do not do, or do less well. */
static bool is_plain(const struct expr *e)
{
	if (e->kind == EXPR_LIST || e->kind == EXPR_TEXT)
		return false;
	if (expr_tree_binds(e))
		return true;
	if (e->kind == EXPR_CALL && !is_function(e))
		return false;
	for (size_t i = 0; i < e->count; i++)
		if (!is_plain(e->args[i]))
			return false;
	return true;
}

/* Numbers, or rows of numbers of one length. */
static int check_list(struct state *s, const struct expr *list)
{
	bool matrix = expr_matrix_is(list);

	for (size_t i = 0; i < list->count; i++) {
		const struct expr *row = list->args[i];
		if (expr_matrix_is_list(row) != matrix || (matrix && row->count != list->args[0]->count))
			return fail(s, row, OP_DIMENSION_MISMATCH, "expected rows of one length in a matrix");
		for (size_t k = 0; matrix && k < row->count; k++)
			if (expr_matrix_is_list(row->args[k]))
				return fail(s, row, OP_DIMENSION_MISMATCH,
					    "expected numbers in a matrix, got a vector");
	}
	return 0;
}

/* ---- elementwise ---- */

typedef struct expr *element_fn(const struct expr *x, const void *arg);

static struct expr *map(const struct expr *x, element_fn *fn, const void *arg)
{
	if (!expr_matrix_is_list(x))
		return fn(x, arg);
	struct expr *list = expr_tree_new(EXPR_LIST, x->at, x->count);
	for (size_t i = 0; i < x->count; i++)
		list->args[i] = map(x->args[i], fn, arg);
	return list;
}

struct scaling {
	enum expr_kind kind;
	const struct expr *by;
	bool by_is_left;
	uint32_t at;
};

static struct expr *scaled(const struct expr *x, const void *arg)
{
	const struct scaling *s = arg;

	return s->by_is_left ? expr_matrix_combine(s->kind, s->by, x, s->at)
			     : expr_matrix_combine(s->kind, x, s->by, s->at);
}

static struct expr *negated(const struct expr *x, const void *arg)
{
	(void)arg;
	return expr_matrix_fold(expr_new(EXPR_NEG, expr_copy(x), NULL));
}

static struct expr *applied(const struct expr *x, const void *arg)
{
	return expr_matrix_fold(expr_new_call(arg, expr_copy(x), NULL));
}

static bool same_shape(const struct expr *a, const struct expr *b)
{
	if (expr_matrix_is_list(a) != expr_matrix_is_list(b) || (expr_matrix_is_list(a) && a->count != b->count))
		return false;
	for (size_t i = 0; expr_matrix_is_list(a) && i < a->count; i++)
		if (!same_shape(a->args[i], b->args[i]))
			return false;
	return true;
}

/* a + b or a - b of one shape. */
static struct expr *combined(enum expr_kind kind, const struct expr *a, const struct expr *b, uint32_t at)
{
	if (!expr_matrix_is_list(a))
		return expr_matrix_combine(kind, a, b, at);
	struct expr *list = expr_tree_new(EXPR_LIST, a->at, a->count);
	for (size_t i = 0; i < a->count; i++)
		list->args[i] = combined(kind, a->args[i], b->args[i], at);
	return list;
}

/* ---- operations ---- */

/* JSON numbers and arrays of them as trees; false: there is something else in it. *shown: a decimal was among them. */
static bool tree_of(const json_t *v, uint32_t at, struct expr **out, bool *shown)
{
	const json_t *re = json_object_get(v, "re"), *im = json_object_get(v, "im");
	fmpq_t q;

	if (json_is_array(v)) {
		struct expr *list = expr_tree_new(EXPR_LIST, at, 0);
		for (size_t i = 0; i < json_array_size(v); i++) {
			struct expr *one;
			if (!tree_of(json_array_get(v, i), at, &one, shown)) {
				expr_free(list);
				return false;
			}
			expr_tree_append(list, one);
		}
		*out = list;
		return true;
	}
	if (re && im) {
		struct expr *a, *b;
		if (!tree_of(re, at, &a, shown))
			return false;
		if (!tree_of(im, at, &b, shown)) {
			expr_free(a);
			return false;
		}
		*out = expr_new(EXPR_ADD, a, expr_new(EXPR_MUL, b, expr_new_name(EXPR_CONSTANT, "i")));
		return true;
	}
	fmpq_init(q);
	int kind = expr_call_number(v, q);
	if (kind >= 0) {
		*out = expr_new_number(q);
		(*out)->at = at;
		*shown = *shown || kind == 0;
	}
	fmpq_clear(q);
	return kind >= 0;
}

/* Runs the operation that the call (whose arguments are reduced) names; takes the call. */
static int run_operation(struct state *s, struct expr *taken, item *out)
{
	bool shown = false;

	out->json = expr_call_json(&s->ev, taken, s->digits);
	if (!out->json) {
		expr_free(taken);
		return -1;
	}
	bool number = !json_is_array(out->json);
	if (!tree_of(out->json, taken->at, &out->tree, &shown)) {
		out->tree = NULL;
	} else if (expr_matrix_is_list(out->tree) &&
		   check_list(s, out->tree) != 0) { /* neither vector nor matrix: only to be shown */
		expr_free(out->tree);
		out->tree = NULL;
	}
	if (out->tree && (!shown || number)) {
		json_decref(out->json);
		out->json = NULL;
	}
	if (out->tree && shown && number) { /* asked again with the digits that will be needed */
		expr_free(out->tree);
		out->tree = taken;
		return 0;
	}
	expr_free(taken);
	return 0;
}

static int call_on(struct state *s, const char *name, const struct expr *x, const struct expr *y, uint32_t at,
		   item *out)
{
	struct expr *call = expr_new_call(name, expr_copy(x), y ? expr_copy(y) : NULL);

	call->at = at;
	return run_operation(s, call, out);
}

/* A value in an argument: the tree, or an error for what has none. */
static int reduce_to_tree(struct state *s, const struct expr *e, struct expr **out)
{
	item x = { NULL, NULL };
	int rc = reduce(s, e, &x);

	if (rc == 0 && !x.tree) {
		op_fail(s->f, OP_INVALID_ARGUMENT, "expected a number, vector or matrix, got %s",
			exact_json_kind(x.json));
		rc = op_fail_position(s->f, e->at);
	}
	json_decref(x.json);
	if (rc == 0)
		*out = x.tree;
	else
		expr_free(x.tree);
	return rc;
}

/* Arguments that are expressions or texts to the operation are left alone. */
static bool is_literal_parameter(const struct op *op, size_t i, const struct expr *arg)
{
	size_t last = op->parameter_count - 1;
	enum op_kind kind = op->parameters[i < last ? i : last].kind;

	return kind == OP_KIND_EXPRESSION || kind == OP_KIND_TEXT || kind == OP_KIND_TEXTS || kind == OP_KIND_BOOLEAN ||
	       kind == OP_KIND_EXACT || kind == OP_KIND_VALUES || arg->kind == EXPR_TEXT ||
	       (kind == OP_KIND_POLYNOMIAL && !expr_matrix_is_list(arg));
}

static int reduce_operation(struct state *s, const struct expr *e, item *out)
{
	const struct op *op = op_find(e->name, strlen(e->name));
	struct expr *call = expr_tree_new(EXPR_CALL, e->at, e->count);

	call->name = must_strdup(e->name);
	for (size_t i = 0; i < e->count; i++) {
		if (!op || op->parameter_count == 0 || is_literal_parameter(op, i, e->args[i])) {
			call->args[i] = expr_copy(e->args[i]);
		} else if (reduce_to_tree(s, e->args[i], &call->args[i]) != 0) {
			expr_free(call);
			return -1;
		}
	}
	return run_operation(s, call, out);
}

/* ---- functions of lists ---- */

static void spread(struct expr *call, const struct expr *x)
{
	if (!expr_matrix_is_list(x)) {
		expr_tree_append(call, expr_copy(x));
		return;
	}
	for (size_t i = 0; i < x->count; i++)
		spread(call, x->args[i]);
}

static int reduce_function(struct state *s, const struct expr *e, item *out)
{
	struct expr *call = expr_tree_new(EXPR_CALL, e->at, e->count);
	unsigned least, most;
	bool lists = false;
	int rc = 0;

	call->name = must_strdup(e->name);
	for (size_t i = 0; i < e->count && rc == 0; i++) {
		rc = reduce_to_tree(s, e->args[i], &call->args[i]);
		lists = lists || (rc == 0 && expr_matrix_is_list(call->args[i]));
	}
	expr_names_arity(e->name, &least, &most);
	if (rc != 0) {
		expr_free(call);
	} else if (!lists) {
		out->tree = expr_matrix_fold(call);
	} else if (most > 3) { /* min, max, gcd: of all elements */
		out->tree = expr_tree_new(EXPR_CALL, e->at, 0);
		out->tree->name = must_strdup(e->name);
		for (size_t i = 0; i < call->count; i++)
			spread(out->tree, call->args[i]);
		if (out->tree->count < least || out->tree->count > most)
			rc = fail(s, e, OP_ARITY, "a function of too few or too many numbers");
		else
			out->tree = expr_matrix_fold(out->tree);
		expr_free(call);
	} else if (op_find(e->name, strlen(e->name)) && e->count != 1) {
		rc = run_operation(s, call, out);
	} else if (e->count == 1) {
		out->tree = map(call->args[0], applied, e->name);
		expr_free(call);
	} else {
		rc = fail(s, e, OP_INVALID_ARGUMENT, "expected numbers, got a vector or matrix");
		expr_free(call);
	}
	return rc;
}

/* ---- operators ---- */

static int matrix_power(struct state *s, const struct expr *e, const struct expr *a, const struct expr *n, item *out)
{
	item inverse = { NULL, NULL };
	struct expr *positive;
	int rc;

	if (!expr_matrix_is(a))
		return fail(s, e, OP_DIMENSION_MISMATCH, "a power of a vector; expected a number or a square matrix");
	if (!expr_tree_is_integer(n))
		return fail(s, e, OP_DOMAIN_ERROR, "a matrix to a power that is no integer");
	if (fmpq_sgn(n->value) >= 0)
		return call_on(s, "matpow", a, n, e->at, out);
	rc = call_on(s, "inverse", a, NULL, e->at, &inverse);
	positive = expr_matrix_fold(expr_new(EXPR_NEG, expr_copy(n), NULL));
	if (rc == 0 && !inverse.tree)
		rc = fail(s, e, OP_INTERNAL_ERROR, "inverse gave no matrix");
	if (rc == 0 && expr_tree_is(positive, 1)) {
		*out = inverse;
		inverse = (item){ NULL, NULL };
	} else if (rc == 0) {
		rc = call_on(s, "matpow", inverse.tree, positive, e->at, out);
	}
	expr_free(positive);
	expr_reduced_fini(&inverse);
	return rc;
}

static int divide(struct state *s, const struct expr *e, const struct expr *a, const struct expr *b, item *out)
{
	item inverse = { NULL, NULL };
	int rc;

	if (!expr_matrix_is_list(b)) {
		struct scaling by = { EXPR_DIV, b, false, e->at };
		if (expr_tree_is(b, 0))
			return fail(s, e, OP_DIVISION_BY_ZERO, "a division by zero");
		out->tree = map(a, scaled, &by);
		return 0;
	}
	if (!expr_matrix_is(b))
		return fail(s, e, OP_DIMENSION_MISMATCH, "a division by a vector");
	rc = call_on(s, "inverse", b, NULL, e->at, &inverse);
	if (rc == 0 && !inverse.tree)
		rc = fail(s, e, OP_INTERNAL_ERROR, "inverse gave no matrix");
	if (rc == 0 && expr_matrix_is_list(a)) {
		rc = expr_matrix_multiply(e, a, inverse.tree, &out->tree, s->f);
	} else if (rc == 0) {
		struct scaling by = { EXPR_MUL, a, true, e->at };
		out->tree = map(inverse.tree, scaled, &by);
	}
	expr_reduced_fini(&inverse);
	return rc;
}

static int list_operator(struct state *s, const struct expr *e, const struct expr *a, const struct expr *b, item *out)
{
	struct scaling by = { e->kind, expr_matrix_is_list(a) ? b : a, !expr_matrix_is_list(a), e->at };

	switch (e->kind) {
	case EXPR_ADD:
	case EXPR_SUB:
		if (!same_shape(a, b))
			return fail(s, e, OP_DIMENSION_MISMATCH,
				    "expected two numbers, vectors or matrices of one shape");
		out->tree = combined(e->kind, a, b, e->at);
		return 0;
	case EXPR_MUL:
		if (expr_matrix_is_list(a) && expr_matrix_is_list(b))
			return expr_matrix_multiply(e, a, b, &out->tree, s->f);
		out->tree = map(expr_matrix_is_list(a) ? a : b, scaled, &by);
		return 0;
	case EXPR_DIV:
		return divide(s, e, a, b, out);
	case EXPR_POW:
		if (!expr_matrix_is_list(b))
			return matrix_power(s, e, a, b, out);
		return fail(s, e, OP_DIMENSION_MISMATCH, "a vector or matrix as an exponent");
	default: /* EXPR_MOD */
		if (expr_matrix_is_list(b))
			return fail(s, e, OP_DIMENSION_MISMATCH, "a vector or matrix as a modulus");
		if (expr_tree_is(b, 0))
			return fail(s, e, OP_INVALID_ARGUMENT, "%: expected a modulus other than 0");
		out->tree = map(a, scaled, &by);
		return 0;
	}
}

static int reduce_operator(struct state *s, const struct expr *e, item *out)
{
	struct expr *a = NULL, *b = NULL;
	int rc = reduce_to_tree(s, e->args[0], &a);

	if (rc == 0 && e->count > 1)
		rc = reduce_to_tree(s, e->args[1], &b);
	if (rc != 0) {
		;
	} else if (e->kind == EXPR_NEG) {
		out->tree = map(a, negated, NULL);
	} else if (e->kind == EXPR_FACTORIAL && expr_matrix_is_list(a)) {
		rc = fail(s, e, OP_DIMENSION_MISMATCH, "a factorial of a vector or matrix");
	} else if (!expr_matrix_is_list(a) && (!b || !expr_matrix_is_list(b))) {
		out->tree = expr_new(e->kind, a, b);
		out->tree->at = e->at;
		out->tree = expr_matrix_fold(out->tree);
		a = b = NULL;
	} else {
		rc = list_operator(s, e, a, b, out);
	}
	expr_free(a);
	expr_free(b);
	return rc;
}

/* ---- the walk ---- */

static int reduce_list(struct state *s, const struct expr *e, item *out)
{
	out->tree = expr_tree_new(EXPR_LIST, e->at, e->count);
	for (size_t i = 0; i < e->count; i++)
		if (reduce_to_tree(s, e->args[i], &out->tree->args[i]) != 0)
			return -1;
	return check_list(s, out->tree);
}

static int reduce(struct state *s, const struct expr *e, item *out)
{
	int rc;

	if (is_plain(e)) {
		out->tree = expr_matrix_fold(expr_copy(e));
		return 0;
	}
	switch (e->kind) {
	case EXPR_LIST:
		rc = reduce_list(s, e, out);
		break;
	case EXPR_TEXT:
		rc = fail(s, e, OP_INVALID_ARGUMENT, "expected a number, got a text");
		break;
	case EXPR_CALL:
		rc = is_function(e) ? reduce_function(s, e, out) : reduce_operation(s, e, out);
		break;
	default:
		rc = reduce_operator(s, e, out);
		break;
	}
	if (rc != 0)
		expr_reduced_fini(out);
	return rc;
}

int expr_reduce(const struct expr *e, uint32_t digits, struct expr_reduced *out, struct op_failure *f)
{
	struct state s = { .ev = { .exact = true, .prec = BITS, .left = STEPS, .repeat = 1, .f = f },
			   .digits = digits,
			   .f = f };

	op_failure_init(f);
	out->tree = NULL;
	out->json = NULL;
	return reduce(&s, e, out);
}
