/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The value of a tree, in one walk at one precision: every node is visited once, whatever is exact stays exact, and a
 * function that must decide something (floor, sign, min …) about a ball too wide for it says so (ev->undecided), and
 * the walk is done again with more bits. Deciding inside the walk by evaluating subtrees again would take exponential
 * time in their nesting. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/expr_exact.h"
#include "math/expr_tree.h"
#include "math/expr_turn.h"
#include "math/expr_value.h"
#include "math/function.h"
#include "must.h"

#define STEPS_MAX 2e7        /* node evaluations of one walk, some seconds */
#define SUM_BLOCK 8          /* terms added one after the other; longer ranges are halved */
#define DECIDE_BITS_FIRST 64 /* expr_rational(): working precision */
#define DECIDE_BITS_MAX 65536
#define BALL_EXACT_BITS 10000 /* longer fractions become balls inside sums, where a ball is wanted */

static int count_step(struct expr_eval *ev)
{
	if (--ev->left >= 0)
		return 0;
	op_fail_limit(ev->f, STEPS_MAX, STEPS_MAX + 1, "steps", "the expression takes too long to evaluate");
	return op_fail_position(ev->f, ev->at);
}

/* ---- leaves ---- */

static int eval_constant(struct expr_eval *ev, const struct expr *e, struct expr_value *out)
{
	arb_ptr real = acb_realref(out->z);

	if (strcmp(e->name, "i") == 0) {
		surd_i(&out->surd);
		out->form = EXPR_VALUE_SURD;
		return 0;
	}
	if (strcmp(e->name, "inf") == 0)
		return expr_value_fail(ev, OP_DOMAIN_ERROR, "inf stands for the end of a range, it is no number");
	if (strcmp(e->name, "pi") == 0)
		arb_const_pi(real, ev->prec);
	else if (strcmp(e->name, "e") == 0)
		arb_const_e(real, ev->prec);
	else
		arb_const_euler(real, ev->prec);
	out->form = EXPR_VALUE_BALL;
	return 0;
}

static int eval_variable(struct expr_eval *ev, const struct expr *e, struct expr_value *out)
{
	const struct expr_scope *scope = ev->scope;

	for (const struct expr_binding *b = ev->bindings; b; b = b->outer)
		if (strcmp(b->name, e->name) == 0) {
			expr_value_set_fmpq(out, b->value);
			return 0;
		}
	for (size_t i = 0; scope && i < scope->count; i++)
		if (strcmp(scope->names[i], e->name) == 0) {
			if (scope->rationals) {
				expr_value_set_fmpq(out, scope->rationals + i);
			} else {
				acb_set(out->z, scope->balls + i);
				out->form = EXPR_VALUE_BALL;
			}
			return 0;
		}
	return expr_names_fail(e, scope ? scope->names : NULL, scope ? scope->count : 0, ev->f);
}

/* ---- operators ---- */

/* base^exponent % modulus without the power, where all are integers: 0; 1: not such a case. */
static int power_modulo(struct expr_value *out, const struct expr_value *base, const struct expr_value *exponent,
			const struct expr_value *modulus)
{
	fmpz_t m, r;

	if (!expr_value_is_integer(base) || !expr_value_is_integer(exponent) || !expr_value_is_integer(modulus) ||
	    fmpq_sgn(exponent->q) < 0 || fmpq_is_zero(modulus->q))
		return 1;
	fmpz_init(m);
	fmpz_init(r);
	fmpz_abs(m, fmpq_numref(modulus->q));
	fmpz_powm(r, fmpq_numref(base->q), fmpq_numref(exponent->q), m);
	if (fmpq_sgn(modulus->q) < 0 && !fmpz_is_zero(r))
		fmpz_sub(r, r, m);
	expr_value_set_fmpz(out, r);
	fmpz_clear(m);
	fmpz_clear(r);
	return 0;
}

static int eval_modulo(struct expr_eval *ev, const struct expr *e, struct expr_value *out)
{
	const struct expr *left = e->args[0];
	struct expr_value v[3];
	int rc = -1;

	for (int i = 0; i < 3; i++)
		expr_value_init(&v[i]);
	if (left->kind == EXPR_POW) {
		if (expr_eval_tree(ev, left->args[0], &v[0]) != 0 || expr_eval_tree(ev, left->args[1], &v[1]) != 0 ||
		    expr_eval_tree(ev, e->args[1], &v[2]) != 0)
			goto out;
		ev->at = left->at;
		if (power_modulo(out, &v[0], &v[1], &v[2]) == 0) {
			rc = 0;
			goto out;
		}
		if (expr_value_pow(ev, &v[0], &v[0], &v[1]) != 0)
			goto out;
	} else if (expr_eval_tree(ev, left, &v[0]) != 0 || expr_eval_tree(ev, e->args[1], &v[2]) != 0) {
		goto out;
	}
	ev->at = e->at;
	rc = expr_value_mod(ev, out, &v[0], &v[2]);
out:
	for (int i = 0; i < 3; i++)
		expr_value_clear(&v[i]);
	return rc;
}

/* e^x is exp(x): closer, and without a cut. */
static int eval_exponential(struct expr_eval *ev, const struct expr *e, struct expr_value *out)
{
	if (expr_eval_tree(ev, e->args[1], out) != 0)
		return -1;
	if (expr_value_is_zero(out)) {
		expr_value_set_si(out, 1);
		return 0;
	}
	expr_value_to_ball(ev, out);
	acb_exp(out->z, out->z, ev->prec);
	return 0;
}

static int eval_binary(struct expr_eval *ev, const struct expr *e, struct expr_value *out)
{
	struct expr_value right;
	int rc = -1;

	if (e->kind == EXPR_MOD)
		return eval_modulo(ev, e, out);
	if (e->kind == EXPR_POW && e->args[0]->kind == EXPR_CONSTANT && strcmp(e->args[0]->name, "e") == 0)
		return eval_exponential(ev, e, out);
	expr_value_init(&right);
	if (expr_eval_tree(ev, e->args[0], out) != 0 || expr_eval_tree(ev, e->args[1], &right) != 0)
		goto out;
	ev->at = e->at;
	if (e->kind == EXPR_ADD)
		rc = expr_value_add(ev, out, out, &right);
	else if (e->kind == EXPR_SUB)
		rc = expr_value_sub(ev, out, out, &right);
	else if (e->kind == EXPR_MUL)
		rc = expr_value_mul(ev, out, out, &right);
	else if (e->kind == EXPR_DIV)
		rc = expr_value_div(ev, out, out, &right);
	else
		rc = expr_value_pow(ev, out, out, &right);
out:
	expr_value_clear(&right);
	return rc;
}

/* ---- sums and products ---- */

struct range {
	const struct expr *body;
	struct expr_binding binding;
	fmpz_t first;
	bool product;
};

static int range_term(struct expr_eval *ev, struct range *r, slong k, struct expr_value *out)
{
	fmpz_add_si(fmpq_numref(r->binding.value), r->first, k);
	return expr_eval_tree(ev, r->body, out);
}

/* Terms first+lo … first+hi-1, combined as a tree, so that exact parts are of like size. */
static int range_fold(struct expr_eval *ev, struct range *r, slong lo, slong hi, struct expr_value *out)
{
	struct expr_value part;
	int rc = 0;

	expr_value_set_si(out, r->product ? 1 : 0);
	expr_value_init(&part);
	slong pieces = hi - lo <= SUM_BLOCK ? hi - lo : 2, middle = lo + (hi - lo) / 2;
	for (slong i = 0; i < pieces && rc == 0; i++) {
		expr_value_set_si(&part, 0);
		if (hi - lo <= SUM_BLOCK)
			rc = range_term(ev, r, lo + i, &part);
		else
			rc = i == 0 ? range_fold(ev, r, lo, middle, &part) : range_fold(ev, r, middle, hi, &part);
		if (rc == 0)
			rc = r->product ? expr_value_mul(ev, out, out, &part) : expr_value_add(ev, out, out, &part);
	}
	expr_value_clear(&part);
	if (rc == 0 && !ev->exact && expr_value_is_rational(out) && !expr_value_is_integer(out) &&
	    (slong)fmpq_height_bits(out->q) > 8 * ev->prec + BALL_EXACT_BITS)
		expr_value_to_ball(ev, out);
	return rc;
}

static int eval_range(struct expr_eval *ev, const struct expr *e, struct expr_value *out)
{
	struct range r = { .body = e->args[0], .product = e->name[0] == 'p' };
	struct expr_value first, last;
	const struct expr_binding *outer = ev->bindings;
	fmpz_t count;
	int rc = -1;

	expr_value_init(&first);
	expr_value_init(&last);
	fmpz_init(count);
	fmpz_init(r.first);
	fmpq_init(r.binding.value);
	if (expr_eval_tree(ev, e->args[2], &first) != 0 || expr_eval_tree(ev, e->args[3], &last) != 0)
		goto out;
	ev->at = e->at;
	if (!expr_value_is_integer(&first) || !expr_value_is_integer(&last)) {
		expr_value_fail(ev, OP_DOMAIN_ERROR, "%s: expected integers as the ends of the range%s", e->name,
				strcmp(e->name, "sum") == 0 ? " (sum_series takes \"inf\")"
							    : " (product_series takes \"inf\")");
		goto out;
	}
	fmpz_set(r.first, fmpq_numref(first.q));
	fmpz_sub(count, fmpq_numref(last.q), r.first);
	fmpz_add_ui(count, count, 1);
	double terms = fmpz_sgn(count) < 0 ? 0 : fmpz_get_d(count),
	       steps = ev->repeat * terms * (double)expr_tree_size(r.body);
	if (steps > STEPS_MAX) {
		op_fail_limit(ev->f, STEPS_MAX, steps, "steps", "a sum or product is too long");
		op_fail_position(ev->f, e->at);
		goto out;
	}
	r.binding.name = e->args[1]->name;
	r.binding.outer = outer;
	ev->bindings = &r.binding;
	ev->repeat *= fmax(terms, 1);
	rc = range_fold(ev, &r, 0, (slong)terms, out);
	ev->repeat /= fmax(terms, 1);
	ev->bindings = outer;
out:
	expr_value_clear(&first);
	expr_value_clear(&last);
	fmpz_clear(count);
	fmpz_clear(r.first);
	fmpq_clear(r.binding.value);
	return rc;
}

/* ---- functions ---- */

static int apply_ball(struct expr_eval *ev, const struct function *function, struct expr_value *out,
		      const struct expr_value *args, size_t n)
{
	acb_ptr balls = _acb_vec_init((slong)n);

	for (size_t i = 0; i < n; i++)
		expr_value_get_acb(balls + i, &args[i], ev->prec);
	int rc = function->ball(out->z, balls, n, ev->analytic, ev->prec, ev->f);
	_acb_vec_clear(balls, (slong)n);
	out->form = EXPR_VALUE_BALL;
	if (rc != 0 && ev->f->position < 0)
		op_fail_position(ev->f, ev->at);
	return rc;
}

/* Functions of one argument that have one well-known rational value. */
static const struct {
	const char *name;
	int at, value;
} known[] = {
	{ "exp", 0, 1 },   { "sin", 0, 0 },   { "cos", 0, 1 },   { "tan", 0, 0 },   { "sec", 0, 1 },
	{ "asin", 0, 0 },  { "acos", 1, 0 },  { "atan", 0, 0 },  { "sinh", 0, 0 },  { "cosh", 0, 1 },
	{ "tanh", 0, 0 },  { "sech", 0, 1 },  { "asinh", 0, 0 }, { "acosh", 1, 0 }, { "atanh", 0, 0 },
	{ "expm1", 0, 0 }, { "log1p", 0, 0 }, { "erf", 0, 0 },   { "erfc", 0, 1 },
};

static bool known_value(const char *name, const struct expr_value *x, struct expr_value *out)
{
	if (!expr_value_is_integer(x) || (!fmpq_is_zero(x->q) && !fmpq_is_one(x->q)))
		return false;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (fmpz_equal_si(fmpq_numref(x->q), known[i].at) && strcmp(known[i].name, name) == 0) {
			expr_value_set_si(out, known[i].value);
			return true;
		}
	return false;
}

static int eval_call(struct expr_eval *ev, const struct expr *e, struct expr_value *out)
{
	const struct expr_exact *exact = expr_exact_find(e->name);
	const struct function *function = function_find(e->name);
	struct expr_value *args;
	enum expr_turn turn;
	size_t done = 0;
	int known_turn, rc = -1;

	if (expr_tree_binds(e))
		return eval_range(ev, e, out);
	if (!exact && !function)
		return expr_eval_operation(ev, e, out);
	if (e->count == 1 && (turn = expr_turn_at(e->name, e->args[0], &known_turn)) != EXPR_TURN_UNKNOWN) {
		if (turn == EXPR_TURN_POLE)
			return expr_value_fail(ev, OP_DOMAIN_ERROR, "%s has a pole here, at a multiple of pi/2",
					       e->name);
		expr_value_set_si(out, known_turn);
		return 0;
	}
	args = must_calloc(e->count, sizeof *args);
	while (done < e->count) {
		expr_value_init(&args[done]);
		if (expr_eval_tree(ev, e->args[done], &args[done]) != 0) {
			done++;
			goto out;
		}
		done++;
	}
	ev->at = e->at;
	if (e->count == 1 && known_value(e->name, &args[0], out)) {
		rc = 0;
		goto out;
	}
	int found = exact ? exact->apply(ev, out, args, e->count) : 0;
	if (found == 0 && !function)
		expr_value_fail(ev, OP_DOMAIN_ERROR, "%s: the arguments cannot be told exactly", e->name);
	else if (found == 0)
		rc = apply_ball(ev, function, out, args, e->count);
	else
		rc = found < 0 ? -1 : 0;
out:
	for (size_t i = 0; i < done; i++)
		expr_value_clear(&args[i]);
	free(args);
	return rc;
}

/* ---- the walk ---- */

int expr_eval_tree(struct expr_eval *ev, const struct expr *e, struct expr_value *out)
{
	int rc;

	ev->at = e->at;
	if (count_step(ev) != 0)
		return -1;
	switch (e->kind) {
	case EXPR_NUMBER:
		expr_value_set_fmpq(out, e->value);
		return 0;
	case EXPR_CONSTANT:
		return eval_constant(ev, e, out);
	case EXPR_VARIABLE:
		return eval_variable(ev, e, out);
	case EXPR_NEG:
	case EXPR_FACTORIAL:
		if ((rc = expr_eval_tree(ev, e->args[0], out)) != 0)
			return rc;
		ev->at = e->at;
		return e->kind == EXPR_NEG ? expr_value_neg(ev, out, out) : expr_value_factorial(ev, out, out);
	case EXPR_CALL:
		return eval_call(ev, e, out);
	case EXPR_LIST:
		return expr_value_fail(ev, OP_INVALID_ARGUMENT, "expected a number, got a vector or matrix");
	case EXPR_TEXT:
		return expr_value_fail(ev, OP_INVALID_ARGUMENT, "expected a number, got a text");
	default:
		return eval_binary(ev, e, out);
	}
}

/* ---- from outside ---- */

static int no_rational(struct op_failure *f)
{
	op_failure_init(f);
	f->error = OP_DOMAIN_ERROR;
	return -1;
}

int expr_rational(const struct expr *e, const struct expr_scope *scope, fmpq_t out, struct op_failure *f)
{
	struct expr_value v;
	int rc = 1;

	for (slong prec = DECIDE_BITS_FIRST; rc == 1; prec *= 4) {
		struct expr_eval ev = {
			.scope = scope, .exact = true, .prec = prec, .left = STEPS_MAX, .repeat = 1, .f = f
		};
		op_failure_init(f);
		expr_value_init(&v);
		if (expr_eval_tree(&ev, e, &v) != 0) {
			rc = -1;
		} else if (expr_value_is_rational(&v)) {
			fmpq_swap(out, v.q);
			rc = 0;
		} else if (v.form == EXPR_VALUE_SURD || !ev.undecided || prec >= DECIDE_BITS_MAX) {
			rc = no_rational(f);
		}
		expr_value_clear(&v);
	}
	return rc;
}

int expr_gauss(const struct expr *e, const struct expr_scope *scope, fmpq_t re, fmpq_t im, struct op_failure *f)
{
	struct expr_value v;
	int rc = 1;

	for (slong prec = DECIDE_BITS_FIRST; rc == 1; prec *= 4) {
		struct expr_eval ev = {
			.scope = scope, .exact = true, .prec = prec, .left = STEPS_MAX, .repeat = 1, .f = f
		};
		op_failure_init(f);
		expr_value_init(&v);
		if (expr_eval_tree(&ev, e, &v) != 0) {
			rc = -1;
		} else if (expr_value_is_rational(&v)) {
			fmpq_swap(re, v.q);
			fmpq_zero(im);
			rc = 0;
		} else if (v.form == EXPR_VALUE_SURD) {
			rc = surd_get_gauss(re, im, &v.surd) ? 0 : no_rational(f);
		} else if (!ev.undecided || prec >= DECIDE_BITS_MAX) {
			rc = no_rational(f);
		}
		expr_value_clear(&v);
	}
	return rc;
}

int expr_ball(const struct expr *e, const struct expr_scope *scope, bool analytic, slong prec, acb_t out,
	      struct op_failure *f)
{
	struct expr_eval ev = {
		.scope = scope, .analytic = analytic, .prec = prec, .left = STEPS_MAX, .repeat = 1, .f = f
	};
	struct expr_value v;

	op_failure_init(f);
	expr_value_init(&v);
	int rc = expr_eval_tree(&ev, e, &v);
	if (rc == 0)
		expr_value_get_acb(out, &v, prec);
	expr_value_clear(&v);
	return rc;
}
