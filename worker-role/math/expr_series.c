/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Power series of expressions, by arithmetic on truncated polynomials with balls as coefficients. Functions with a
 * series of their own in Arb use it; Bessel functions use their derivatives at the point (DLMF 10.6.7, 10.29.5); the
 * others integrate their derivative's series: f(g) = f(g(0)) + integral of f'(g) g'. */
#include <acb_poly.h>
#include <stdlib.h>
#include <string.h>

#include "math/expr_derivative.h"
#include "math/expr_tree.h"
#include "math/function.h"
#include "math/series_direct.h"
#include "must.h"

#define STEPS_MAX 200000 /* nodes visited, each of them arithmetic on whole series */
#define DEPTH_MAX 6000   /* of derivatives inside derivatives, and of the tree */
#define EXTRA_MAX 64     /* terms that a quotient may lose to zeros of numerator and denominator */

/* What a name stands for: a series, or a number. */
struct name {
	const char *name;
	const acb_poly_struct *series;
	const struct name *outer;
};

struct state {
	const struct expr_scope *scope;
	const char *variable;
	slong prec;
	double left;
	unsigned depth;
	struct op_failure *f;
};

static int walk(struct state *s, const struct expr *e, const struct name *names, slong len, acb_poly_t out);

static int refuse(struct state *s, const struct expr *e, const char *what)
{
	op_fail(s->f, OP_DOMAIN_ERROR, "%s has no power series here", what);
	return op_fail_position(s->f, e->at);
}

/* ---- functions, otherwise ---- */

/* Of the constant terms. */
static int value_at_point(struct state *s, const struct expr *e, const acb_poly_struct *args, acb_t out)
{
	const struct function *function = function_find(e->name);
	acb_ptr x = _acb_vec_init(e->count);

	for (size_t i = 0; i < e->count; i++)
		acb_poly_get_coeff_acb(x + i, args + i, 0);
	int rc = function->ball(out, x, e->count, false, s->prec, s->f);
	_acb_vec_clear(x, e->count);
	if (rc != 0 && s->f->position < 0)
		op_fail_position(s->f, e->at);
	return rc;
}

/* J, Y, I, K of constant order: the k-th derivative is 2^-k times an alternating (J, Y), plain (I) or, up to (-1)^k,
 * plain (K) binomial sum over the orders n-k, n-k+2, …, n+k. */
static int bessel_series(struct state *s, const struct expr *e, const acb_poly_struct *args, slong len, acb_poly_t out)
{
	const struct function *function = function_find(e->name);
	char kind = e->name[7]; /* bessel_j */
	acb_ptr values = _acb_vec_init(2 * len + 1), taylor = _acb_vec_init(len), x = _acb_vec_init(2);
	acb_poly_t outer, inner;
	fmpz_t binomial, factorial;
	acb_t order, term;
	int rc = 0;

	acb_poly_init(outer);
	acb_poly_init(inner);
	fmpz_init(binomial);
	fmpz_init(factorial);
	acb_init(order);
	acb_init(term);
	acb_poly_get_coeff_acb(order, &args[0], 0);
	acb_poly_get_coeff_acb(x + 1, &args[1], 0);
	for (slong m = -len; m <= len && rc == 0; m++) {
		acb_add_si(x, order, m, s->prec);
		rc = function->ball(values + m + len, x, 2, false, s->prec, s->f);
	}
	for (slong k = 0; k < len && rc == 0; k++) {
		for (slong i = 0; i <= k; i++) {
			fmpz_bin_uiui(binomial, (ulong)k, (ulong)i);
			if ((kind == 'j' || kind == 'y') ? i % 2 == 1 : kind == 'k' && k % 2 == 1)
				fmpz_neg(binomial, binomial);
			acb_mul_fmpz(term, values + len + 2 * i - k, binomial, s->prec);
			acb_add(taylor + k, taylor + k, term, s->prec);
		}
		fmpz_fac_ui(factorial, (ulong)k);
		acb_mul_2exp_si(taylor + k, taylor + k, -k);
		acb_div_fmpz(taylor + k, taylor + k, factorial, s->prec);
		acb_poly_set_coeff_acb(outer, k, taylor + k);
	}
	if (rc == 0) {
		acb_poly_set(inner, &args[1]);
		acb_poly_set_coeff_si(inner, 0, 0);
		acb_poly_compose_series(out, outer, inner, len, s->prec);
	} else if (s->f->position < 0) {
		op_fail_position(s->f, e->at);
	}
	_acb_vec_clear(values, 2 * len + 1);
	_acb_vec_clear(taylor, len);
	_acb_vec_clear(x, 2);
	acb_poly_clear(outer);
	acb_poly_clear(inner);
	fmpz_clear(binomial);
	fmpz_clear(factorial);
	acb_clear(order);
	acb_clear(term);
	return rc;
}

/* The integral of sum over i of (df/dx_i)(args) * args_i', with the right constant term. */
static int by_derivative(struct state *s, const struct expr *e, const acb_poly_struct *args, slong len, acb_poly_t out)
{
	static const char *const placeholders[] = { "x1", "x2", "x3" };
	struct name names[3];
	acb_poly_t rate, sum;
	acb_t value;
	int rc = 0;

	acb_init(value);
	acb_poly_init(rate);
	acb_poly_init(sum);
	for (size_t i = 0; i < e->count && i < 3; i++)
		names[i] = (struct name){ placeholders[i], args + i, i ? &names[i - 1] : NULL };
	for (size_t i = 0; i < e->count && rc == 0; i++) {
		if (acb_poly_length(args + i) <= 1)
			continue;
		struct expr *rule = expr_derivative_rule(e->name, e->count, i);
		rc = rule ? walk(s, rule, &names[e->count - 1], len - 1, rate) : refuse(s, e, e->name);
		expr_free(rule);
		if (rc != 0)
			break;
		acb_poly_t slope;
		acb_poly_init(slope);
		acb_poly_derivative(slope, args + i, s->prec);
		acb_poly_mullow(rate, rate, slope, len - 1, s->prec);
		acb_poly_add(sum, sum, rate, s->prec);
		acb_poly_clear(slope);
	}
	if (rc == 0)
		rc = value_at_point(s, e, args, value);
	if (rc == 0) {
		acb_poly_integral(out, sum, s->prec);
		acb_poly_set_coeff_acb(out, 0, value);
		acb_poly_truncate(out, len);
	}
	acb_clear(value);
	acb_poly_clear(rate);
	acb_poly_clear(sum);
	return rc;
}

static bool all_constant(const acb_poly_struct *args, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (acb_poly_length(args + i) > 1)
			return false;
	return true;
}

/* |x| is x or -x around any real point but 0; sign, floor and the like are constant around most. */
static int step_function(struct state *s, const struct expr *e, const acb_poly_struct *args, acb_poly_t out)
{
	acb_t x, one;
	fmpz_t n;
	int rc = 0;

	acb_init(x);
	acb_init(one);
	fmpz_init(n);
	acb_poly_get_coeff_acb(x, args, 0);
	bool real = arb_is_zero(acb_imagref(x)) && e->count == 1, nonzero = real && !arb_contains_zero(acb_realref(x));
	int sign = arf_sgn(arb_midref(acb_realref(x)));
	arb_floor(acb_realref(one), acb_realref(x), s->prec);
	bool between = real && !arb_contains_int(acb_realref(x)) && arb_get_unique_fmpz(n, acb_realref(one));
	if (strcmp(e->name, "abs") == 0 && nonzero) {
		acb_poly_set(out, args);
		if (sign < 0)
			acb_poly_neg(out, out);
	} else if (strcmp(e->name, "sign") == 0 && nonzero) {
		acb_poly_set_si(out, sign);
	} else if (strcmp(e->name, "floor") == 0 && between) {
		acb_set_fmpz(one, n);
		acb_poly_set_acb(out, one);
	} else if (strcmp(e->name, "frac") == 0 && between) {
		acb_poly_set(out, args);
		acb_sub_fmpz(x, x, n, s->prec);
		acb_poly_set_coeff_acb(out, 0, x);
	} else if (strcmp(e->name, "ceil") == 0 && between) {
		acb_set_fmpz(one, n);
		acb_add_ui(one, one, 1, s->prec);
		acb_poly_set_acb(out, one);
	} else {
		rc = refuse(s, e, e->name);
	}
	acb_clear(x);
	acb_clear(one);
	fmpz_clear(n);
	return rc;
}

static bool is_step(const char *name)
{
	static const char *const steps[] = { "abs", "sign", "floor", "frac", "ceil" };

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		if (strcmp(steps[i], name) == 0)
			return true;
	return false;
}

static int apply(struct state *s, const struct expr *e, const acb_poly_struct *args, slong len, acb_poly_t out)
{
	series_direct *series = e->count == 1 ? series_direct_find(e->name) : NULL;

	if (all_constant(args, e->count)) {
		acb_t value;
		acb_init(value);
		int rc = value_at_point(s, e, args, value);
		if (rc == 0)
			acb_poly_set_acb(out, value);
		acb_clear(value);
		return rc;
	}
	if (series) {
		acb_t value;
		acb_init(value);
		int rc = value_at_point(s, e, args, value); /* on cuts the service's own choice, as lgamma's */
		if (rc == 0) {
			series(out, &args[0], len, s->prec);
			acb_poly_set_coeff_acb(out, 0, value);
		}
		acb_clear(value);
		return rc;
	}
	if (strncmp(e->name, "bessel_", 7) == 0 && acb_poly_length(&args[0]) <= 1)
		return bessel_series(s, e, args, len, out);
	return is_step(e->name) ? step_function(s, e, args, out) : by_derivative(s, e, args, len, out);
}

static int walk_call(struct state *s, const struct expr *e, const struct name *names, slong len, acb_poly_t out)
{
	acb_poly_struct *args;
	int rc = 0;

	if (expr_tree_binds(e))
		return refuse(s, e, "a sum or product over the variable");
	if (!function_find(e->name)) {
		op_fail(s->f, OP_INVALID_ARGUMENT, "%s: it cannot be taken of a variable here", e->name);
		return op_fail_position(s->f, e->at);
	}
	args = must_calloc(e->count, sizeof *args);
	for (size_t i = 0; i < e->count; i++)
		acb_poly_init(&args[i]);
	for (size_t i = 0; i < e->count && rc == 0; i++)
		rc = walk(s, e->args[i], names, len, &args[i]);
	if (rc == 0)
		rc = apply(s, e, args, len, out);
	for (size_t i = 0; i < e->count; i++)
		acb_poly_clear(&args[i]);
	free(args);
	return rc;
}

/* ---- operators ---- */

/* How many first coefficients are exactly 0. */
static slong zeros(const acb_poly_t p)
{
	slong n = 0;

	while (n < acb_poly_length(p) && acb_is_zero(acb_poly_get_coeff_ptr(p, n)))
		n++;
	return n;
}

/* Where both vanish, as in sin(x)/x at 0, both are taken further and shifted. */
static int walk_quotient(struct state *s, const struct expr *e, const struct name *names, slong len, acb_poly_t out)
{
	acb_poly_t top, bottom;
	int rc;

	acb_poly_init(top);
	acb_poly_init(bottom);
	rc = walk(s, e->args[1], names, len, bottom);
	slong lost = zeros(bottom);
	for (slong more = len; rc == 0 && lost == acb_poly_length(bottom) && more <= EXTRA_MAX; more *= 2) {
		rc = walk(s, e->args[1], names, len + more, bottom);
		lost = zeros(bottom);
	}
	if (rc == 0 && lost == acb_poly_length(bottom)) {
		op_fail(s->f, OP_DIVISION_BY_ZERO, "a division by zero");
		rc = op_fail_position(s->f, e->at);
	}
	if (rc == 0 && lost > 0)
		rc = walk(s, e->args[1], names, len + lost, bottom);
	if (rc == 0)
		rc = walk(s, e->args[0], names, len + lost, top);
	if (rc == 0 && lost > 0 && zeros(top) < lost && zeros(top) < acb_poly_length(top)) {
		op_fail(s->f, OP_DIVISION_BY_ZERO, "a division by zero at the point (a pole)");
		rc = op_fail_position(s->f, e->at);
	}
	if (rc == 0) {
		acb_poly_shift_right(top, top, lost);
		acb_poly_shift_right(bottom, bottom, lost);
		acb_poly_div_series(out, top, bottom, len, s->prec);
	}
	acb_poly_clear(top);
	acb_poly_clear(bottom);
	return rc;
}

static bool is_constant_e(const struct expr *e)
{
	return e->kind == EXPR_CONSTANT && strcmp(e->name, "e") == 0;
}

static int power(struct state *s, const struct expr *e, const acb_poly_t base, const acb_poly_t exponent, slong len,
		 acb_poly_t out)
{
	acb_t n;
	fmpz_t k;

	if (is_constant_e(e->args[0])) {
		acb_poly_exp_series(out, exponent, len, s->prec);
		return 0;
	}
	if (acb_poly_length(exponent) > 1) {
		acb_poly_pow_series(out, base, exponent, len, s->prec);
		return 0;
	}
	acb_init(n);
	fmpz_init(k);
	acb_poly_get_coeff_acb(n, exponent, 0);
	if (acb_is_int(n) && arb_get_unique_fmpz(k, acb_realref(n)) && fmpz_bits(k) < 40) {
		slong count = fmpz_get_si(k);
		if (count >= 0) {
			acb_poly_pow_ui_trunc_binexp(out, base, (ulong)count, len, s->prec);
		} else {
			acb_poly_pow_ui_trunc_binexp(out, base, (ulong)-count, len, s->prec);
			acb_poly_inv_series(out, out, len, s->prec);
		}
	} else {
		acb_poly_pow_acb_series(out, base, n, len, s->prec);
	}
	acb_clear(n);
	fmpz_clear(k);
	return 0;
}

/* a % b = a - b*floor(a/b), with b constant and a/b no integer at the point. */
static int modulo(struct state *s, const struct expr *e, const acb_poly_t a, const acb_poly_t b, acb_poly_t out)
{
	acb_t x, y, rest;
	int rc = 0;

	acb_init(x);
	acb_init(y);
	acb_init(rest);
	acb_poly_get_coeff_acb(x, a, 0);
	acb_poly_get_coeff_acb(y, b, 0);
	acb_div(rest, x, y, s->prec);
	if (acb_poly_length(b) > 1 || !acb_is_real(x) || !acb_is_real(y) || acb_contains_int(rest)) {
		rc = refuse(s, e, "%");
	} else {
		arb_floor(acb_realref(rest), acb_realref(rest), s->prec);
		acb_mul(rest, rest, y, s->prec);
		acb_sub(x, x, rest, s->prec);
		acb_poly_set(out, a);
		acb_poly_set_coeff_acb(out, 0, x);
	}
	acb_clear(x);
	acb_clear(y);
	acb_clear(rest);
	return rc;
}

static int walk_binary(struct state *s, const struct expr *e, const struct name *names, slong len, acb_poly_t out)
{
	acb_poly_t left, right;
	int rc;

	if (e->kind == EXPR_DIV)
		return walk_quotient(s, e, names, len, out);
	acb_poly_init(left);
	acb_poly_init(right);
	rc = walk(s, e->args[0], names, len, left);
	if (rc == 0)
		rc = walk(s, e->args[1], names, len, right);
	if (rc != 0)
		goto out;
	if (e->kind == EXPR_ADD)
		acb_poly_add_series(out, left, right, len, s->prec);
	else if (e->kind == EXPR_SUB)
		acb_poly_sub_series(out, left, right, len, s->prec);
	else if (e->kind == EXPR_MUL)
		acb_poly_mullow(out, left, right, len, s->prec);
	else if (e->kind == EXPR_POW)
		rc = power(s, e, left, right, len, out);
	else
		rc = modulo(s, e, left, right, out);
out:
	acb_poly_clear(left);
	acb_poly_clear(right);
	return rc;
}

/* ---- the walk ---- */

static bool depends(const struct state *s, const struct expr *e, const struct name *names)
{
	for (const struct name *n = names; n; n = n->outer)
		if (expr_has(e, n->name))
			return true;
	return !names && expr_has(e, s->variable);
}

static int walk_constant(struct state *s, const struct expr *e, acb_poly_t out)
{
	acb_t value;

	acb_init(value);
	int rc = expr_ball(e, s->scope, false, s->prec, value, s->f);
	if (rc == 0)
		acb_poly_set_acb(out, value);
	acb_clear(value);
	return rc;
}

static int walk_name(struct state *s, const struct expr *e, const struct name *names, slong len, acb_poly_t out)
{
	for (; names; names = names->outer)
		if (strcmp(names->name, e->name) == 0) {
			acb_poly_set_trunc(out, names->series, len);
			return 0;
		}
	if (walk_constant(s, e, out) != 0)
		return -1;
	if (len > 1)
		acb_poly_set_coeff_si(out, 1, 1);
	return 0;
}

static int walk(struct state *s, const struct expr *e, const struct name *names, slong len, acb_poly_t out)
{
	int rc;

	if (len <= 0) {
		acb_poly_zero(out);
		return 0;
	}
	if (--s->left < 0 || s->depth >= DEPTH_MAX) {
		op_fail_limit(s->f, STEPS_MAX, STEPS_MAX + 1, "steps", "the power series takes too long");
		return op_fail_position(s->f, e->at);
	}
	if (!depends(s, e, names))
		return walk_constant(s, e, out);
	s->depth++;
	switch (e->kind) {
	case EXPR_VARIABLE:
		rc = walk_name(s, e, names, len, out);
		break;
	case EXPR_NEG:
		rc = walk(s, e->args[0], names, len, out);
		acb_poly_neg(out, out);
		break;
	case EXPR_FACTORIAL: /* x! = Gamma(x + 1) */
		rc = walk(s, e->args[0], names, len, out);
		if (rc == 0) {
			acb_poly_add_si(out, out, 1, s->prec);
			acb_poly_gamma_series(out, out, len, s->prec);
		}
		break;
	case EXPR_CALL:
		rc = walk_call(s, e, names, len, out);
		break;
	case EXPR_LIST:
	case EXPR_TEXT:
		rc = refuse(s, e, "a vector, matrix or text");
		break;
	default:
		rc = walk_binary(s, e, names, len, out);
		break;
	}
	s->depth--;
	return rc;
}

int expr_series(const struct expr *e, const char *variable, const struct expr_scope *scope, slong len, slong prec,
		acb_ptr out, struct op_failure *f)
{
	struct state s = { .scope = scope, .variable = variable, .prec = prec, .left = STEPS_MAX, .f = f };
	acb_poly_t series;

	op_failure_init(f);
	acb_poly_init(series);
	int rc = walk(&s, e, NULL, len, series);
	for (slong i = 0; rc == 0 && i < len; i++)
		acb_poly_get_coeff_acb(out + i, series, i);
	acb_poly_clear(series);
	return rc;
}
