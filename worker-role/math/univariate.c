/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/univariate.h"

#include <string.h>
#include <strings.h>

#define COMPARE_BITS 1024
#define SIZE_BITS_MAX 3321928 /* 10^1000000 */

/* ---- functions ---- */

int univariate_check_name(struct op_call *c, size_t at, const char *s, size_t n, struct op_failure *f)
{
	struct op_failure why;
	struct expr *e = expr_parse(s, n, &why);
	bool variable = e && e->kind == EXPR_VARIABLE;

	expr_free(e);
	if (variable)
		return 0;
	return arg_fail(c, at, f, OP_INVALID_ARGUMENT, "expected the name of a variable, got \"%.40s\"", s);
}

int univariate_read(struct op_call *c, size_t fi, size_t vi, struct univariate *u, struct op_failure *f)
{
	size_t n;

	u->name = arg_text(c, vi, &n);
	u->e = arg_expr(c, fi);
	if (univariate_check_name(c, vi, u->name, n, f) != 0)
		return -1;
	return expr_check_names(u->e, &u->name, 1, f) == 0 ? 0 : arg_locate(c, fi, f);
}

int univariate_rational(const struct univariate *u, const fmpq_t x, fmpq_t out, struct op_failure *f)
{
	struct expr_scope scope = { .names = &u->name, .count = 1, .rationals = x };

	return expr_rational(u->e, &scope, out, f);
}

int univariate_ball(const struct univariate *u, const acb_t x, bool analytic, slong prec, acb_t out,
		    struct op_failure *f)
{
	struct expr_scope scope = { .names = &u->name, .count = 1, .balls = x };

	return expr_ball(u->e, &scope, analytic, prec, out, f);
}

bool univariate_real(const struct univariate *u, const arb_t x, slong prec, arb_t out, struct op_failure *f)
{
	acb_t z, w;
	bool there;

	acb_init(z);
	acb_init(w);
	acb_set_arb(z, x);
	there = univariate_ball(u, z, false, prec, w, f) == 0;
	if (there && arb_is_zero(acb_imagref(w)))
		arb_swap(out, acb_realref(w));
	else
		arb_indeterminate(out);
	acb_clear(z);
	acb_clear(w);
	return there;
}

int univariate_check_size(const arb_t value, struct op_failure *f)
{
	if (arb_is_finite(value) && arf_cmpabs_2exp_si(arb_midref(value), SIZE_BITS_MAX) > 0)
		return op_fail(f, OP_OVERFLOW, "the result has more than a million digits before its point");
	return 0;
}

/* ---- bounds ---- */

void bound_init(struct bound *b)
{
	*b = (struct bound){ .e = NULL };
	fmpq_init(b->q);
}

void bound_clear(struct bound *b)
{
	fmpq_clear(b->q);
}

static int infinity_of(const struct expr *e)
{
	if (e->kind == EXPR_NEG)
		return -infinity_of(e->args[0]);
	if (e->kind == EXPR_CONSTANT && strcmp(e->name, "inf") == 0)
		return 1;
	return e->kind == EXPR_VARIABLE && strcasecmp(e->name, "infinity") == 0 ? 1 : 0;
}

int bound_read(struct op_call *c, size_t i, bool infinite, struct bound *b, struct op_failure *f)
{
	const char *name = op_call_parameter(c, i)->name;
	arb_t x;
	int rc;

	b->e = arg_expr(c, i);
	b->infinite = infinity_of(b->e);
	if (b->infinite != 0) {
		if (infinite)
			return 0;
		return arg_fail(c, i, f, OP_INVALID_ARGUMENT, "expected a finite number for \"%s\"", name);
	}
	if (expr_check_names(b->e, NULL, 0, f) != 0)
		return arg_locate(c, i, f);
	if (expr_rational(b->e, NULL, b->q, f) == 0) {
		b->rational = true;
		return 0;
	}
	if (!expr_is_irrational(f))
		return arg_locate(c, i, f);
	arb_init(x);
	rc = bound_arb(b, x, 128, f);
	arb_clear(x);
	return rc == 0 ? 0 : arg_locate(c, i, f);
}

int bound_arb(const struct bound *b, arb_t out, slong prec, struct op_failure *f)
{
	acb_t z;
	int rc;

	if (b->rational) {
		arb_set_fmpq(out, b->q, prec);
		return 0;
	}
	acb_init(z);
	rc = expr_ball(b->e, NULL, false, prec, z, f);
	if (rc == 0 && !arb_is_zero(acb_imagref(z)))
		rc = op_fail(f, OP_INVALID_ARGUMENT, "expected a real number, got one that is not");
	if (rc == 0)
		arb_swap(out, acb_realref(z));
	acb_clear(z);
	return rc;
}

int bound_compare(const struct bound *a, const struct bound *b, struct op_failure *f)
{
	arb_t x, y;
	int order = 0;

	if (a->infinite != 0 || b->infinite != 0)
		return (a->infinite > b->infinite) - (a->infinite < b->infinite);
	if (a->rational && b->rational) {
		order = fmpq_cmp(a->q, b->q);
		return (order > 0) - (order < 0);
	}
	arb_init(x);
	arb_init(y);
	for (slong prec = 64; order == 0 && prec <= COMPARE_BITS; prec *= 4)
		if (bound_arb(a, x, prec, f) == 0 && bound_arb(b, y, prec, f) == 0)
			order = arb_lt(x, y) ? -1 : arb_gt(x, y);
	arb_clear(x);
	arb_clear(y);
	return order;
}

void univariate_simplest(const arb_t x, fmpq_t out)
{
	arf_t end;
	fmpq_t low, high;

	if (arb_contains_zero(x)) {
		fmpq_zero(out);
		return;
	}
	arf_init(end);
	fmpq_init(low);
	fmpq_init(high);
	arb_get_lbound_arf(end, x, ARF_PREC_EXACT);
	arf_get_fmpq(low, end);
	arb_get_ubound_arf(end, x, ARF_PREC_EXACT);
	arf_get_fmpq(high, end);
	fmpq_simplest_between(out, low, high);
	arf_clear(end);
	fmpq_clear(low);
	fmpq_clear(high);
}
