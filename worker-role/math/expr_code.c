/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Expressions compiled for doubles: names resolved to places, functions to pointers, constant subtrees to numbers, in
 * an array whose order is that of evaluation. A function without a form in doubles goes by way of its ball. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/expr_exact.h"
#include "math/expr_tree.h"
#include "math/function.h"
#include "must.h"

#define BALL_BITS 96
#define TERMS_MAX 1e6    /* of a sum, each time */
#define INDEX_MAX 0x1p53 /* beyond, doubles leave integers out */

struct step {
	enum { NUMBER, PLACE, OPERATOR, FUNCTION, RANGE } what;
	enum expr_kind kind; /* OPERATOR */
	double value;        /* NUMBER */
	size_t place;        /* PLACE: of a variable; RANGE: of the one it binds */
	const struct function *function;
	bool product;
	uint32_t count;
	struct step **args; /* RANGE: body, first, last */
};

struct expr_code {
	struct step *top;
	size_t places, variables;
	double *values; /* of the variables, then of those that sums bind */
};

struct compiler {
	const char *const *names;
	size_t n;
	const char *bound[EXPR_DEPTH_MAX];
	size_t bound_count, places;
	struct op_failure *f;
};

static void step_free(struct step *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		step_free(s->args[i]);
	free(s->args);
	free(s);
}

static struct step *step_new(int what, size_t count)
{
	struct step *s = must_calloc(1, sizeof *s);

	s->what = what;
	s->count = (uint32_t)count;
	if (count)
		s->args = must_calloc(count, sizeof(struct step *));
	return s;
}

static struct step *refuse(struct compiler *c, const struct expr *e, const char *what)
{
	op_fail(c->f, OP_DOMAIN_ERROR, "%s has no real value here", what);
	op_fail_position(c->f, e->at);
	return NULL;
}

static struct step *compile(struct compiler *c, const struct expr *e);

static struct step *compile_args(struct compiler *c, struct step *s, const struct expr *e, size_t first)
{
	for (size_t i = first; i < s->count; i++)
		if ((s->args[i] = compile(c, e->args[i])) == NULL) {
			step_free(s);
			return NULL;
		}
	return s;
}

static struct step *compile_variable(struct compiler *c, const struct expr *e)
{
	struct step *s = step_new(PLACE, 0);

	for (size_t i = c->bound_count; i-- > 0;)
		if (strcmp(c->bound[i], e->name) == 0) {
			s->place = c->n + i;
			return s;
		}
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->names[i], e->name) == 0) {
			s->place = i;
			return s;
		}
	step_free(s);
	expr_names_fail(e, c->names, c->n, c->f);
	return NULL;
}

/* A value that depends on no variable: to the last bit. */
static struct step *compile_number(struct compiler *c, const struct expr *e)
{
	struct step *s;
	fmpq_t q;
	arb_t x;
	acb_t z;
	double value = NAN;
	int rc;

	fmpq_init(q);
	acb_init(z);
	arb_init(x);
	rc = expr_rational(e, NULL, q, c->f);
	if (rc == 0) {
		arb_set_fmpq(x, q, BALL_BITS);
		value = arf_get_d(arb_midref(x), ARF_RND_NEAR);
	} else if (expr_is_irrational(c->f) && (rc = expr_ball(e, NULL, false, BALL_BITS, z, c->f)) == 0 &&
		   arb_contains_zero(acb_imagref(z)) && arb_is_finite(acb_realref(z))) {
		value = arf_get_d(arb_midref(acb_realref(z)), ARF_RND_NEAR);
	}
	fmpq_clear(q);
	acb_clear(z);
	arb_clear(x);
	if (rc != 0)
		return NULL;
	s = step_new(NUMBER, 0);
	s->value = value;
	return s;
}

static struct step *compile_range(struct compiler *c, const struct expr *e)
{
	struct step *s = step_new(RANGE, 3);

	s->product = e->name[0] == 'p';
	s->args[1] = compile(c, e->args[2]);
	s->args[2] = s->args[1] ? compile(c, e->args[3]) : NULL;
	s->place = c->n + c->bound_count;
	if (s->args[2] && c->bound_count < EXPR_DEPTH_MAX) {
		c->bound[c->bound_count++] = e->args[1]->name;
		if (c->bound_count > c->places)
			c->places = c->bound_count;
		s->args[0] = compile(c, e->args[0]);
		c->bound_count--;
	}
	if (!s->args[0]) {
		step_free(s);
		return NULL;
	}
	return s;
}

static bool is_constant(const struct compiler *c, const struct expr *e)
{
	return c->bound_count == 0 && !expr_unbound(e, NULL, 0);
}

static struct step *compile(struct compiler *c, const struct expr *e)
{
	struct step *s;

	if (e->kind == EXPR_NUMBER || e->kind == EXPR_CONSTANT)
		return compile_number(c, e);
	if (e->kind == EXPR_VARIABLE)
		return compile_variable(c, e);
	if (e->kind == EXPR_LIST || e->kind == EXPR_TEXT)
		return refuse(c, e, "a vector, matrix or text");
	if (e->kind != EXPR_CALL) {
		s = step_new(OPERATOR, e->count);
		s->kind = e->kind;
		return compile_args(c, s, e, 0);
	}
	if (expr_tree_binds(e))
		return compile_range(c, e);
	if (is_constant(c, e))
		return compile_number(c, e);
	s = step_new(FUNCTION, e->count);
	s->function = function_find(e->name);
	if (!s->function) {
		step_free(s);
		op_fail(c->f, OP_INVALID_ARGUMENT, "%s: of exact arguments only, it cannot be taken of variables here",
			e->name);
		op_fail_position(c->f, e->at);
		return NULL;
	}
	return compile_args(c, s, e, 0);
}

struct expr_code *expr_compile(const struct expr *e, const char *const *names, size_t n, struct op_failure *f)
{
	struct compiler c = { .names = names, .n = n, .f = f };
	struct expr_code *code;
	struct step *top;

	op_failure_init(f);
	if ((top = compile(&c, e)) == NULL)
		return NULL;
	code = must_calloc(1, sizeof *code);
	code->top = top;
	code->variables = n;
	code->places = n + c.places;
	code->values = must_calloc(code->places, sizeof *code->values);
	return code;
}

void expr_code_free(struct expr_code *code)
{
	if (!code)
		return;
	step_free(code->top);
	free(code->values);
	free(code);
}

/* ---- running ---- */

static double run(const struct step *s, double *values);

/* Through the ball, when it is real. */
static double run_ball(const struct function *function, const double *x, size_t n)
{
	acb_ptr args = _acb_vec_init((slong)n);
	struct op_failure f;
	double value = NAN;
	acb_t z;

	acb_init(z);
	for (size_t i = 0; i < n; i++)
		acb_set_d(args + i, x[i]);
	if (function->ball(z, args, n, false, BALL_BITS, &f) == 0 && arb_contains_zero(acb_imagref(z)) &&
	    arb_is_finite(acb_realref(z)))
		value = arf_get_d(arb_midref(acb_realref(z)), ARF_RND_NEAR);
	acb_clear(z);
	_acb_vec_clear(args, (slong)n);
	return value;
}

static double run_function(const struct step *s, double *values)
{
	double few[4], *x = s->count <= 4 ? few : must_calloc(s->count, sizeof *x), value = NAN;
	bool usable = true;

	for (size_t i = 0; i < s->count; i++) {
		x[i] = run(s->args[i], values);
		usable = usable && isfinite(x[i]);
	}
	if (s->function->real)
		value = s->function->real(x, s->count);
	else if (usable)
		value = run_ball(s->function, x, s->count);
	if (x != few)
		free(x);
	return value;
}

static double run_range(const struct step *s, double *values)
{
	double first = run(s->args[1], values), last = run(s->args[2], values), total = s->product ? 1 : 0;

	if (first != rint(first) || last != rint(last) || !(last - first < TERMS_MAX))
		return NAN;
	if (last < first)
		return total;
	if (first < -INDEX_MAX || last > INDEX_MAX)
		return NAN;
	int terms = (int)(last - first) + 1;
	for (int i = 0; i < terms; i++) {
		values[s->place] = first + i;
		double term = run(s->args[0], values);
		total = s->product ? total * term : total + term;
	}
	return total;
}

/* a^b where it is real; 0^0 is 1, 0 to a negative power has no value. */
static double real_power(double a, double b)
{
	return a == 0 && b < 0 ? NAN : pow(a, b);
}

static double run_operator(const struct step *s, double *values)
{
	double a = run(s->args[0], values), b = s->count > 1 ? run(s->args[1], values) : 0;

	switch (s->kind) {
	case EXPR_ADD:
		return a + b;
	case EXPR_SUB:
		return a - b;
	case EXPR_MUL:
		return a * b;
	case EXPR_DIV:
		return b == 0 ? NAN : a / b;
	case EXPR_MOD:
		return b == 0 ? NAN : a - b * floor(a / b);
	case EXPR_POW:
		return real_power(a, b);
	case EXPR_NEG:
		return -a;
	default: /* EXPR_FACTORIAL */
		return a < 0 && a == rint(a) ? NAN : tgamma(a + 1);
	}
}

static double run(const struct step *s, double *values)
{
	switch (s->what) {
	case NUMBER:
		return s->value;
	case PLACE:
		return values[s->place];
	case OPERATOR:
		return run_operator(s, values);
	case FUNCTION:
		return run_function(s, values);
	default:
		return run_range(s, values);
	}
}

double expr_code_run(const struct expr_code *code, const double *x)
{
	if (code->variables)
		memcpy(code->values, x, code->variables * sizeof *x);
	return run(code->top, code->values);
}
