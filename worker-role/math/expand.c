/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/expand.h"

#include <flint/fmpq_mpoly.h>
#include <math.h>
#include <string.h>

#define EXPAND_BITS_MAX 4000000.0 /* of a coefficient */
#define EXPAND_WORK_MAX 5e7       /* products of terms in one step */

/* ---- variables ---- */

static size_t add_name(const char *name, const char *names[EXPAND_VARIABLES_MAX + 1], size_t n)
{
	size_t at = 0;

	while (at < n && strcmp(names[at], name) < 0)
		at++;
	if (n > EXPAND_VARIABLES_MAX || (at < n && strcmp(names[at], name) == 0))
		return n;
	memmove(names + at + 1, names + at, (n - at) * sizeof *names);
	names[at] = name;
	return n + 1;
}

static size_t collect(const struct expr *e, const char *names[EXPAND_VARIABLES_MAX + 1], size_t n)
{
	if (e->kind == EXPR_VARIABLE)
		return add_name(e->name, names, n);
	if (e->kind == EXPR_CALL && !expr_unbound(e, NULL, 0))
		return n; /* its variables are bound by sum or product */
	for (uint32_t i = 0; i < e->count; i++)
		n = collect(e->args[i], names, n);
	return n;
}

size_t expand_variables(const struct expr *e, const char *names[EXPAND_VARIABLES_MAX + 1])
{
	return collect(e, names, 0);
}

/* ---- expansion ---- */

struct expansion {
	const char *const *names;
	size_t n;
	fmpq_mpoly_ctx_t ring;
	struct op_failure *f;
};

static int expand(struct expansion *x, const struct expr *e, fmpq_mpoly_t out);

static int refuse(struct expansion *x, const struct expr *e, const char *why)
{
	op_fail(x->f, OP_INVALID_ARGUMENT, "expected a polynomial with rational coefficients, but %s", why);
	return op_fail_position(x->f, e->at);
}

static int check(struct expansion *x, const struct expr *e, double limit, double estimate, const char *unit)
{
	if (estimate <= limit)
		return 0;
	op_fail_limit(x->f, limit, estimate, unit, "the expanded expression");
	return op_fail_position(x->f, e->at);
}

static double coefficient_bits(const fmpq_mpoly_t p)
{
	return (double)labs(fmpz_mpoly_max_bits(p->zpoly)) + (double)fmpz_bits(fmpq_numref(p->content)) +
	       (double)fmpz_bits(fmpq_denref(p->content));
}

static double degree_of(struct expansion *x, const fmpq_mpoly_t p)
{
	return fmpq_mpoly_is_zero(p, x->ring) ? 0 : (double)fmpq_mpoly_total_degree_si(p, x->ring);
}

static double length_of(struct expansion *x, const fmpq_mpoly_t p)
{
	return (double)fmpq_mpoly_length(p, x->ring);
}

static int multiply(struct expansion *x, const struct expr *e, fmpq_mpoly_t a, const fmpq_mpoly_t b)
{
	double products = length_of(x, a) * length_of(x, b);

	if (check(x, e, EXPAND_WORK_MAX, products, "products") != 0 ||
	    check(x, e, EXPAND_DEGREE_MAX, degree_of(x, a) + degree_of(x, b), "degrees") != 0 ||
	    check(x, e, EXPAND_BITS_MAX, coefficient_bits(a) + coefficient_bits(b), "bits") != 0)
		return -1;
	fmpq_mpoly_mul(a, a, b, x->ring);
	return check(x, e, EXPAND_TERMS_MAX, length_of(x, a), "terms");
}

/* The power of a sum of t terms has at most binomial(n + t - 1, n) terms. */
static int power(struct expansion *x, const struct expr *e, fmpq_mpoly_t a, const fmpq_t exponent)
{
	double n = fmpz_get_d(fmpq_numref(exponent)), t = length_of(x, a);

	if (!fmpz_is_one(fmpq_denref(exponent)))
		return refuse(x, e, "an exponent is no integer");
	if (n < 0)
		return refuse(x, e, "an exponent is negative");
	if (t == 0) {
		fmpq_mpoly_set_si(a, n == 0, x->ring);
		return 0;
	}
	double terms = t == 1 ? 1 : exp(lgamma(n + t) - lgamma(n + 1) - lgamma(t));
	double bits = t == 1 && coefficient_bits(a) <= 3 ? 0 : (coefficient_bits(a) + log2(t)) * n;
	if (check(x, e, EXPAND_TERMS_MAX, terms, "terms") != 0 ||
	    check(x, e, EXPAND_DEGREE_MAX, fmax(degree_of(x, a), 1) * n, "degrees") != 0 ||
	    check(x, e, EXPAND_BITS_MAX, bits, "bits") != 0)
		return -1;
	fmpq_mpoly_pow_ui(a, a, fmpz_get_ui(fmpq_numref(exponent)), x->ring);
	return 0;
}

static int divide(struct expansion *x, const struct expr *e, fmpq_mpoly_t a, const fmpq_mpoly_t b)
{
	fmpq_t by;

	if (fmpq_mpoly_is_zero(b, x->ring)) {
		op_fail(x->f, OP_DIVISION_BY_ZERO, "the divisor is 0");
		return op_fail_position(x->f, e->at);
	}
	if (!fmpq_mpoly_is_fmpq(b, x->ring))
		return refuse(x, e, "it divides by an expression with a variable");
	fmpq_init(by);
	fmpq_mpoly_get_fmpq(by, b, x->ring);
	fmpq_mpoly_scalar_div_fmpq(a, a, by, x->ring);
	fmpq_clear(by);
	return check(x, e, EXPAND_BITS_MAX, coefficient_bits(a), "bits");
}

static int expand_power(struct expansion *x, const struct expr *e, fmpq_mpoly_t out)
{
	fmpq_t exponent;
	int rc;

	fmpq_init(exponent);
	rc = expr_rational(e->args[1], NULL, exponent, x->f);
	if (rc != 0 && (expr_is_irrational(x->f) || expr_unbound(e->args[1], NULL, 0)))
		rc = refuse(x, e->args[1], "an exponent is no integer");
	if (rc == 0)
		rc = expand(x, e->args[0], out);
	if (rc == 0)
		rc = power(x, e, out, exponent);
	fmpq_clear(exponent);
	return rc;
}

static int expand_binary(struct expansion *x, const struct expr *e, fmpq_mpoly_t out)
{
	fmpq_mpoly_t right;
	int rc;

	fmpq_mpoly_init(right, x->ring);
	rc = expand(x, e->args[0], out);
	if (rc == 0)
		rc = expand(x, e->args[1], right);
	if (rc == 0 && e->kind == EXPR_ADD)
		fmpq_mpoly_add(out, out, right, x->ring);
	else if (rc == 0 && e->kind == EXPR_SUB)
		fmpq_mpoly_sub(out, out, right, x->ring);
	else if (rc == 0)
		rc = e->kind == EXPR_MUL ? multiply(x, e, out, right) : divide(x, e, out, right);
	fmpq_mpoly_clear(right, x->ring);
	return rc;
}

/* A part without variables, whatever functions it has: its value, if that is rational. */
static int expand_constant(struct expansion *x, const struct expr *e, fmpq_mpoly_t out)
{
	fmpq_t value;
	int rc;

	fmpq_init(value);
	rc = expr_rational(e, NULL, value, x->f);
	if (rc == 0)
		fmpq_mpoly_set_fmpq(out, value, x->ring);
	else if (expr_is_irrational(x->f))
		rc = refuse(x, e, "a part of it is not rational");
	fmpq_clear(value);
	return rc;
}

static int expand(struct expansion *x, const struct expr *e, fmpq_mpoly_t out)
{
	if (!expr_unbound(e, NULL, 0))
		return expand_constant(x, e, out);
	switch (e->kind) {
	case EXPR_VARIABLE:
		for (size_t i = 0; i < x->n; i++)
			if (strcmp(x->names[i], e->name) == 0)
				fmpq_mpoly_gen(out, (slong)i, x->ring);
		return 0;
	case EXPR_ADD:
	case EXPR_SUB:
	case EXPR_MUL:
	case EXPR_DIV:
		return expand_binary(x, e, out);
	case EXPR_POW:
		return expand_power(x, e, out);
	case EXPR_NEG:
		if (expand(x, e->args[0], out) != 0)
			return -1;
		fmpq_mpoly_neg(out, out, x->ring);
		return 0;
	default:
		return refuse(x, e, "it has more than sums, products and powers of its variables");
	}
}

int expand_text(const struct expr *e, const char *const *names, size_t n, struct buf *out, struct op_failure *f)
{
	struct expansion x = { .names = names, .n = n, .f = f };
	fmpq_mpoly_t p;
	int rc;

	fmpq_mpoly_ctx_init(x.ring, (slong)n, ORD_DEGLEX);
	fmpq_mpoly_init(p, x.ring);
	rc = expand(&x, e, p);
	if (rc == 0) {
		const char *copy[EXPAND_VARIABLES_MAX];
		memcpy(copy, names, n * sizeof *copy);
		char *text = fmpq_mpoly_get_str_pretty(p, copy, x.ring);
		buf_puts(out, text);
		flint_free(text);
	}
	fmpq_mpoly_clear(p, x.ring);
	fmpq_mpoly_ctx_clear(x.ring);
	return rc;
}
