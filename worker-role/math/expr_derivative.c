/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/expr_derivative.h"

#include <stdlib.h>
#include <string.h>

#include "math/expr_tree.h"
#include "must.h"

#define NODES_MAX (10UL * EXPR_NODES_MAX)
#define ARGUMENTS 3

/* DLMF 4.20, 4.34 (elementary), 5.2, 5.9 (gamma), 6.2 (exponential integrals), 7.2 (error functions), 8.8, 8.17
 * (incomplete gamma and beta, regularised), 10.6, 10.29 (Bessel), 19.4 (elliptic, of the modulus), 25.12
 * (polylogarithm), 4.13 (Lambert W). */
static const struct rule {
	const char *name;
	size_t count;
	const char *derivatives[ARGUMENTS];
} rules[] = {
	{ "exp", 1, { "exp(x1)" } },
	{ "log", 1, { "1/x1" } },
	{ "log", 2, { "1/(x1*log(x2))", "-log(x1)/(x2*log(x2)^2)" } },
	{ "ln", 1, { "1/x1" } },
	{ "log2", 1, { "1/(x1*log(2))" } },
	{ "log10", 1, { "1/(x1*log(10))" } },
	{ "sqrt", 1, { "1/(2*sqrt(x1))" } },
	{ "root", 1, { "1/(2*root(x1))" } },
	{ "root", 2, { "root(x1, x2)/(x1*x2)" } },
	{ "cbrt", 1, { "1/(3*cbrt(x1)^2)" } },
	{ "sin", 1, { "cos(x1)" } },
	{ "cos", 1, { "-sin(x1)" } },
	{ "tan", 1, { "sec(x1)^2" } },
	{ "cot", 1, { "-csc(x1)^2" } },
	{ "sec", 1, { "sec(x1)*tan(x1)" } },
	{ "csc", 1, { "-csc(x1)*cot(x1)" } },
	{ "asin", 1, { "1/sqrt(1 - x1^2)" } },
	{ "acos", 1, { "-1/sqrt(1 - x1^2)" } },
	{ "atan", 1, { "1/(x1^2 + 1)" } },
	{ "atan2", 2, { "x2/(x1^2 + x2^2)", "-x1/(x1^2 + x2^2)" } },
	{ "sinh", 1, { "cosh(x1)" } },
	{ "cosh", 1, { "sinh(x1)" } },
	{ "tanh", 1, { "sech(x1)^2" } },
	{ "coth", 1, { "-csch(x1)^2" } },
	{ "sech", 1, { "-sech(x1)*tanh(x1)" } },
	{ "csch", 1, { "-csch(x1)*coth(x1)" } },
	{ "asinh", 1, { "1/sqrt(x1^2 + 1)" } },
	{ "acosh", 1, { "1/(sqrt(x1 - 1)*sqrt(x1 + 1))" } },
	{ "atanh", 1, { "1/(1 - x1^2)" } },
	{ "abs", 1, { "abs(x1)/x1" } },
	{ "hypot", 2, { "x1/hypot(x1, x2)", "x2/hypot(x1, x2)" } },
	{ "gamma", 1, { "gamma(x1)*digamma(x1)" } },
	{ "lgamma", 1, { "digamma(x1)" } },
	{ "beta",
	  2,
	  { "beta(x1, x2)*(digamma(x1) - digamma(x1 + x2))", "beta(x1, x2)*(digamma(x2) - digamma(x1 + x2))" } },
	{ "gammainc", 2, { NULL, "x2^(x1 - 1)*exp(-x2)/gamma(x1)" } },
	{ "betainc", 3, { NULL, NULL, "x3^(x1 - 1)*(1 - x3)^(x2 - 1)/beta(x1, x2)" } },
	{ "erf", 1, { "2*exp(-x1^2)/sqrt(pi)" } },
	{ "erfc", 1, { "-2*exp(-x1^2)/sqrt(pi)" } },
	{ "erfinv", 1, { "sqrt(pi)*exp(erfinv(x1)^2)/2" } },
	{ "dawson", 1, { "1 - 2*x1*dawson(x1)" } },
	{ "bessel_j", 2, { NULL, "(bessel_j(x1 - 1, x2) - bessel_j(x1 + 1, x2))/2" } },
	{ "bessel_y", 2, { NULL, "(bessel_y(x1 - 1, x2) - bessel_y(x1 + 1, x2))/2" } },
	{ "bessel_i", 2, { NULL, "(bessel_i(x1 - 1, x2) + bessel_i(x1 + 1, x2))/2" } },
	{ "bessel_k", 2, { NULL, "-(bessel_k(x1 - 1, x2) + bessel_k(x1 + 1, x2))/2" } },
	{ "ellipk", 1, { "ellipe(x1)/(x1*(1 - x1^2)) - ellipk(x1)/x1" } },
	{ "ellipe", 1, { "(ellipe(x1) - ellipk(x1))/x1" } },
	{ "polylog", 2, { NULL, "polylog(x1 - 1, x2)/x2" } },
	{ "clausen", 1, { "-log(2*abs(sin(x1/2)))" } },
	{ "lambertw", 1, { "exp(-lambertw(x1))/(1 + lambertw(x1))" } },
	{ "expint", 1, { "-exp(-x1)/x1" } },
	{ "si", 1, { "sin(x1)/x1" } },
	{ "ci", 1, { "cos(x1)/x1" } },
	{ "log1p", 1, { "1/(1 + x1)" } },
	{ "expm1", 1, { "exp(x1)" } },
};

struct expr *expr_derivative_rule(const char *name, size_t count, size_t i)
{
	struct op_failure f;

	for (size_t k = 0; k < sizeof rules / sizeof *rules; k++)
		if (rules[k].count == count && i < ARGUMENTS && strcmp(rules[k].name, name) == 0 &&
		    rules[k].derivatives[i])
			return expr_parse(rules[k].derivatives[i], strlen(rules[k].derivatives[i]), &f);
	return NULL;
}

struct expr *expr_derivative_fill(struct expr *taken, struct expr *const *args)
{
	if (taken->kind == EXPR_VARIABLE) {
		struct expr *copy = expr_copy(args[taken->name[1] - '1']); /* "x1", "x2" or "x3" */
		expr_free(taken);
		return copy;
	}
	for (size_t i = 0; i < taken->count; i++)
		taken->args[i] = expr_derivative_fill(taken->args[i], args);
	return taken;
}

struct state {
	const char *variable;
	size_t nodes;
	struct op_failure *f;
};

static struct expr *derive(struct state *s, const struct expr *e);

static struct expr *refuse(struct state *s, const struct expr *e, const char *what)
{
	op_fail(s->f, OP_DOMAIN_ERROR, "%s has no derivative with respect to %.64s here", what, s->variable);
	op_fail_position(s->f, e->at);
	return NULL;
}

/* A copy, counted: products of long chains would grow with the square of their length. NULL when there are too many. */
static struct expr *copied(struct state *s, const struct expr *e)
{
	s->nodes += expr_tree_size(e);
	if (s->nodes <= NODES_MAX)
		return expr_copy(e);
	op_fail_limit(s->f, NODES_MAX, (double)s->nodes, "nodes", "the derivative is too long");
	return NULL;
}

static struct expr *free_both(struct expr *a, struct expr *b)
{
	expr_free(a);
	expr_free(b);
	return NULL;
}

static struct expr *binary(enum expr_kind kind, struct expr *a, struct expr *b)
{
	return a && b ? expr_new(kind, a, b) : free_both(a, b);
}

static struct expr *unary(enum expr_kind kind, struct expr *a)
{
	return a ? expr_new(kind, a, NULL) : NULL;
}

static struct expr *logarithm(struct expr *a)
{
	return a ? expr_new_call("log", a, NULL) : NULL;
}

/* (a*b)' */
static struct expr *derive_product(struct state *s, const struct expr *a, const struct expr *b)
{
	if (!expr_has(a, s->variable))
		return binary(EXPR_MUL, copied(s, a), derive(s, b));
	if (!expr_has(b, s->variable))
		return binary(EXPR_MUL, derive(s, a), copied(s, b));
	struct expr *left = binary(EXPR_MUL, derive(s, a), copied(s, b));
	return left ? binary(EXPR_ADD, left, binary(EXPR_MUL, copied(s, a), derive(s, b))) : NULL;
}

/* (a/b)' = (a'*b - a*b')/b^2 */
static struct expr *derive_quotient(struct state *s, const struct expr *a, const struct expr *b)
{
	struct expr *top, *right;

	if (!expr_has(b, s->variable))
		return binary(EXPR_DIV, derive(s, a), copied(s, b));
	right = binary(EXPR_MUL, copied(s, a), derive(s, b));
	if (!right)
		return NULL;
	if (expr_has(a, s->variable))
		top = binary(EXPR_SUB, binary(EXPR_MUL, derive(s, a), copied(s, b)), right);
	else
		top = unary(EXPR_NEG, right);
	return binary(EXPR_DIV, top, binary(EXPR_POW, copied(s, b), expr_tree_integer(2)));
}

/* (a^b)': b*a^(b-1)*a' for constant b, a^b*log(a)*b' for constant a, else a^b*(b'*log(a) + b*a'/a) */
static struct expr *derive_power(struct state *s, const struct expr *e)
{
	const struct expr *a = e->args[0], *b = e->args[1];
	struct expr *inner, *left;

	if (!expr_has(b, s->variable)) {
		inner = derive(s, a);
		left = binary(EXPR_SUB, copied(s, b), expr_tree_integer(1));
		left = binary(EXPR_POW, copied(s, a), left);
		return binary(EXPR_MUL, binary(EXPR_MUL, copied(s, b), left), inner);
	}
	if (!expr_has(a, s->variable)) {
		left = copied(s, e);
		if (a->kind != EXPR_CONSTANT || strcmp(a->name, "e") != 0)
			left = binary(EXPR_MUL, left, logarithm(copied(s, a)));
		return binary(EXPR_MUL, left, derive(s, b));
	}
	left = binary(EXPR_MUL, derive(s, b), logarithm(copied(s, a)));
	inner = left ? binary(EXPR_DIV, binary(EXPR_MUL, copied(s, b), derive(s, a)), copied(s, a)) : NULL;
	return binary(EXPR_MUL, copied(s, e), binary(EXPR_ADD, left, inner));
}

/* Sums are differentiated term by term; a product as itself times the sum of the logarithmic derivatives. */
static struct expr *derive_range(struct state *s, const struct expr *e)
{
	bool product = e->name[0] == 'p';

	if (expr_has(e->args[2], s->variable) || expr_has(e->args[3], s->variable))
		return refuse(s, e, "a sum or product whose range depends on the variable");
	struct expr *body = derive(s, e->args[0]);
	if (body && product)
		body = binary(EXPR_DIV, body, copied(s, e->args[0]));
	if (!body)
		return NULL;
	struct expr *sum = expr_tree_new(EXPR_CALL, e->at, 4);
	sum->name = must_strdup("sum");
	sum->args[0] = body;
	for (size_t i = 1; i < 4; i++)
		sum->args[i] = expr_copy(e->args[i]);
	return product ? binary(EXPR_MUL, copied(s, e), sum) : sum;
}

/* The chain rule over all arguments that depend on the variable. */
static struct expr *derive_call(struct state *s, const struct expr *e)
{
	struct expr *sum = NULL;

	if (expr_tree_binds(e))
		return derive_range(s, e);
	for (size_t i = 0; i < e->count; i++) {
		if (!expr_has(e->args[i], s->variable))
			continue;
		struct expr *outer = expr_derivative_rule(e->name, e->count, i);
		if (!outer) {
			expr_free(sum);
			return refuse(s, e, e->name);
		}
		outer = expr_derivative_fill(outer, e->args);
		s->nodes += expr_tree_size(outer);
		struct expr *term = binary(EXPR_MUL, outer, derive(s, e->args[i]));
		if (!term) {
			expr_free(sum);
			return NULL;
		}
		sum = sum ? expr_new(EXPR_ADD, sum, term) : term;
	}
	return sum;
}

/* x! = Gamma(x + 1) */
static struct expr *derive_factorial(struct state *s, const struct expr *e)
{
	struct expr *call =
	    expr_new_call("gamma", expr_new(EXPR_ADD, copied(s, e->args[0]), expr_tree_integer(1)), NULL);
	struct expr *result = derive(s, call);

	expr_free(call);
	return result;
}

static struct expr *derive(struct state *s, const struct expr *e)
{
	if (!expr_has(e, s->variable))
		return expr_tree_integer(0);
	switch (e->kind) {
	case EXPR_VARIABLE:
		return expr_tree_integer(1);
	case EXPR_ADD:
	case EXPR_SUB: {
		struct expr *left = derive(s, e->args[0]);
		return left ? binary(e->kind, left, derive(s, e->args[1])) : NULL;
	}
	case EXPR_MUL:
		return derive_product(s, e->args[0], e->args[1]);
	case EXPR_DIV:
		return derive_quotient(s, e->args[0], e->args[1]);
	case EXPR_POW:
		return derive_power(s, e);
	case EXPR_NEG: {
		struct expr *inner = derive(s, e->args[0]);
		return unary(EXPR_NEG, inner);
	}
	case EXPR_FACTORIAL:
		return derive_factorial(s, e);
	case EXPR_CALL:
		return derive_call(s, e);
	case EXPR_MOD:
		return refuse(s, e, "%");
	default:
		return refuse(s, e, "a vector, matrix or text");
	}
}

struct expr *expr_derivative(const struct expr *e, const char *variable, struct op_failure *f)
{
	struct state s = { .variable = variable, .f = f };
	struct expr *result;

	op_failure_init(f);
	result = derive(&s, e);
	if (result && expr_tree_size(result) > NODES_MAX) {
		op_fail_limit(f, NODES_MAX, (double)expr_tree_size(result), "nodes", "the derivative is too long");
		expr_free(result);
		return NULL;
	}
	return result ? expr_simplify(result) : NULL;
}
