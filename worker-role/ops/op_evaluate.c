/* SPDX-License-Identifier: GPL-3.0-or-later */
/* evaluate: expressions as one operation. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exact_json.h"
#include "math/answer.h"
#include "math/arg.h"
#include "math/expr_reduce.h"
#include "math/expr_tree.h"
#include "math/function.h"
#include "must.h"

enum { EXPRESSION, VARS };

/* ---- variables ---- */

static bool is_name(const char *s)
{
	if (!isalpha((unsigned char)*s) && *s != '_')
		return false;
	for (s++; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '_')
			return false;
	return true;
}

static int fail_variable(struct op_call *c, const char *name, struct op_failure *f)
{
	char pointer[sizeof f->at[0].pointer];
	size_t n;

	op_call_pointer(c, VARS, pointer, sizeof pointer);
	n = strlen(pointer);
	snprintf(pointer + n, sizeof pointer - n, "/%.60s", name);
	return op_fail_locate(f, pointer);
}

static struct expr *value_of(const char *name, const json_t *v, struct op_failure *f)
{
	const char *s;
	struct expr *e;
	size_t n;
	char digits[24];

	if (!is_name(name) || expr_names_constant(name)) {
		op_fail(f, OP_INVALID_ARGUMENT,
			"expected a name of letters, digits and _ that is no constant, got \"%.60s\"", name);
		return NULL;
	}
	if (json_is_integer(v)) {
		snprintf(digits, sizeof digits, "%lld", (long long)json_integer_value(v));
		s = digits;
		n = strlen(digits);
	} else if ((s = exact_json_literal(v, &n)) == NULL && (s = exact_json_string(v, &n)) == NULL) {
		op_fail(f, OP_INVALID_ARGUMENT, "expected a number, got %s", exact_json_kind(v));
		return NULL;
	}
	if ((e = expr_parse(s, n, f)) == NULL || expr_check_names(e, NULL, 0, f) == 0)
		return e;
	expr_free(e);
	return NULL;
}

static void set_position(struct expr *e, uint32_t at)
{
	e->at = at;
	for (size_t i = 0; i < e->count; i++)
		set_position(e->args[i], at);
}

/* Replaces free uses of the name; what a sum binds by that name stays. */
static void substitute(struct expr **e, const char *name, const struct expr *value)
{
	if ((*e)->kind == EXPR_VARIABLE && strcmp((*e)->name, name) == 0) {
		uint32_t at = (*e)->at;
		expr_free(*e);
		*e = expr_copy(value);
		set_position(*e, at);
		return;
	}
	bool binds = expr_tree_binds(*e), hidden = binds && strcmp((*e)->args[1]->name, name) == 0;
	for (size_t i = 0; i < (*e)->count; i++)
		if (!(binds && i == 1) && !(hidden && i == 0))
			substitute(&(*e)->args[i], name, value);
}

/* The expression with the variables' values in their places. NULL with *f. */
static struct expr *prepared(struct op_call *c, struct op_failure *f)
{
	struct expr *e = expr_copy(arg_expr(c, EXPRESSION));
	const char *name;
	json_t *v;

	if (!op_call_given(c, VARS))
		return e;
	json_object_foreach((json_t *)(uintptr_t)op_call_value(c, VARS)->any, name, v)
	{
		struct expr *value = value_of(name, v, f);
		if (value)
			substitute(&e, name, value);
		else
			fail_variable(c, name, f);
		size_t nodes = value ? expr_tree_size(e) : 0;
		if (nodes > 10 * (size_t)EXPR_NODES_MAX)
			op_fail_limit(f, 10 * EXPR_NODES_MAX, (double)nodes, "nodes", "the expression is too long");
		if (!value || nodes > 10 * (size_t)EXPR_NODES_MAX) {
			expr_free(value);
			expr_free(e);
			return NULL;
		}
		expr_free(value);
	}
	return e;
}

/* ---- results ---- */

/* What has to be computed to all digits: a function counts 1, a constant of nature less. */
static double transcendental_parts(const struct expr *e)
{
	double n = e->kind == EXPR_CALL || e->kind == EXPR_POW || e->kind == EXPR_FACTORIAL ? 1 : 0;

	if (e->kind == EXPR_CONSTANT)
		n = 0.1;
	for (size_t i = 0; i < e->count; i++)
		n += transcendental_parts(e->args[i]);
	return n;
}

/* An elementary function was measured to take about 6 ms at 10^4, 0.15 s at 10^5, 3 s at 10^6 digits. */
static int check_precision(struct op_call *c, const struct expr *e, struct op_failure *f)
{
	double each = 0.15e9 * pow(c->precision / 1e5, 1.35);

	return c->precision < 1000 ? 0 : answer_check_cost(c, each * transcendental_parts(e), c->precision, f);
}

static bool wants_decimals(const struct op_call *c)
{
	return c->exact != 1 && (c->precision > 0 || c->exact == 0);
}

static int put_rational(struct op_call *c, struct buf *json, const fmpq_t q, struct op_failure *f)
{
	return wants_decimals(c) ? answer_rounded(c, json, q, f) : answer_fmpq(json, q, f);
}

static int put_gauss(struct op_call *c, struct buf *json, const fmpq_t re, const fmpq_t im, struct op_failure *f)
{
	if (fmpq_is_zero(im))
		return put_rational(c, json, re, f);
	buf_byte(json, '{');
	answer_member(json, "re");
	if (put_rational(c, json, re, f) != 0)
		return -1;
	answer_member(json, "im");
	if (put_rational(c, json, im, f) != 0)
		return -1;
	buf_byte(json, '}');
	return 0;
}

static int evaluate_ball(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	(void)c;
	(void)n;
	return expr_ball(arg, NULL, false, prec, out, f);
}

/* One number: exactly if it can be, and else, if it may be, to certified digits. */
static int put_number(struct op_call *c, struct buf *json, struct expr *e, struct op_failure *f)
{
	fmpq_t re, im;
	int rc;

	fmpq_init(re);
	fmpq_init(im);
	rc = expr_gauss(e, NULL, re, im, f);
	if (rc == 0) {
		rc = put_gauss(c, json, re, im, f);
	} else if (expr_is_irrational(f) && c->exact == 1) {
		op_fail(f, OP_DOMAIN_ERROR, "the value is not rational, so it cannot be given exactly");
	} else if (expr_is_irrational(f) ||
		   (f->error == OP_LIMIT_EXCEEDED && strcmp(f->unit, "digits") == 0 && c->exact != 1)) {
		rc = check_precision(c, e, f);
		if (rc == 0)
			rc = answer_certified(c, json, evaluate_ball, e, f);
	}
	fmpq_clear(re);
	fmpq_clear(im);
	return rc;
}

static int put_tree(struct op_call *c, struct buf *json, struct expr *e, struct op_failure *f)
{
	if (e->kind != EXPR_LIST)
		return put_number(c, json, e, f);
	buf_byte(json, '[');
	for (size_t i = 0; i < e->count; i++) {
		if (i)
			buf_byte(json, ',');
		if (put_tree(c, json, e->args[i], f) != 0)
			return -1;
	}
	buf_byte(json, ']');
	return 0;
}

static int evaluate_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct expr_reduced value = { NULL, NULL };
	struct expr *e = prepared(c, f);
	int rc = -1;

	if (!e)
		return arg_locate(c, EXPRESSION, f);
	rc = expr_reduce(e, c->precision, &value, f);
	if (rc == 0 && value.json)
		exact_json_dump(json, value.json);
	else if (rc == 0)
		rc = put_tree(c, json, value.tree, f);
	if (rc != 0)
		arg_locate(c, EXPRESSION, f);
	expr_reduced_fini(&value);
	expr_free(e);
	return rc;
}

static const struct op_parameter evaluate_parameters[] = {
	{ .name = "expr",
	  .summary =
	      "the expression: numbers, + - * / % ^ ! ( ), i, pi, e, euler, vectors and matrices [[a, b], [c, d]], "
	      "functions, sum(f, k, a, b), product(f, k, a, b), and the operations of this catalogue by their names",
	  .kind = OP_KIND_EXPRESSION },
	{ .name = "vars",
	  .summary = "values of the variables in it, by name",
	  .kind = OP_KIND_VALUES,
	  .optional = true },
	{ .name = "precision",
	  .summary = "significant decimal digits of what is not an integer",
	  .kind = OP_KIND_PRECISION,
	  .optional = true },
	{ .name = "exact",
	  .summary = "true: the exact value or an error; false: decimals for what is not an integer",
	  .kind = OP_KIND_EXACT,
	  .optional = true },
};

static const struct op_example evaluate_examples[] = {
	{ "[\"2*(7-3)\"]", "8", NULL },
	{ "[\"-2^2\"]", "-4", NULL },
	{ "[\"0.1 + 0.2\"]", "\"3/10\"", NULL },
	{ "{\"expr\":\"0.1 + 0.2\",\"precision\":5}", "0.3", NULL },
	{ "[\"sqrt(2)*sqrt(8) - 4\"]", "0", NULL },
	{ "{\"expr\":\"pi\",\"precision\":50}", "\"3.1415926535897932384626433832795028841971693993751\"", NULL },
	{ "[\"x^2 + y\",{\"x\":\"1/2\",\"y\":3}]", "\"13/4\"", NULL },
	{ "[\"(1 + 2i)*(3 - i)\"]", "{\"re\":5,\"im\":5}", NULL },
	{ "[\"[[1, 2], [3, 4]]^-1\"]", "[[-2,1],[\"3/2\",\"-1/2\"]]", NULL },
	{ "[\"sum(k^2, k, 1, 100)\"]", "338350", NULL },
	{ "[\"det([[1, 2], [3, 4]]) + gcd(12, 18)\"]", "4", NULL },
	{ "[\"9^9^9\"]", NULL, "limit-exceeded" },
	{ "[\"2*(7-\"]", NULL, "parse-error" },
	{ "[\"x + 1\"]", NULL, "unknown-name" },
	{ "[\"1/(1 - 1)\"]", NULL, "division-by-zero" },
};

#define LIST(a) (a), sizeof(a) / sizeof *(a)

static const struct op ops[] = {
	{ "evaluate", "evaluate",
	  "Evaluates an expression: exactly where it can be (decimals are exact, 0.1 is 1/10), else to certified "
	  "digits. ^ is "
	  "right-associative and above the unary minus; % has the sign of the divisor; 2i, 3 pi and 2(1+3) are "
	  "products; "
	  "principal values, but root(x, n) and cbrt(x) of a negative x are real for odd n. Operations take names for "
	  "texts "
	  "and expressions: derivative(x^2, x).",
	  "an integer, \"p/q\", a real with its digits proven, {\"re\",\"im\"}, a vector or matrix of these, or what "
	  "an operation "
	  "gives; the decimals of operations without a precision enter a formula as they are shown",
	  "64 KiB, nesting 200, 10,000 nodes; numbers of 10^6 digits; sums of 20 million steps",
	  LIST(evaluate_parameters), LIST(evaluate_examples), .compute = evaluate_compute },
};

const struct op_family op_evaluate = { LIST(ops) };
