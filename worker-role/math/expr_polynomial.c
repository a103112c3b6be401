/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Expressions as polynomials with rational coefficients. */
#include <math.h>
#include <string.h>

#include "math/expr_tree.h"

#define DEGREE_MAX 100000
#define BITS_MAX 1e8 /* of all coefficients together */

struct state {
	const char *variable; /* NULL: there is none */
	struct op_failure *f;
};

static int fail_at(struct state *s, const struct expr *e, const char *what)
{
	op_fail(s->f, OP_INVALID_ARGUMENT, "expected a polynomial%s%s, got %s", s->variable ? " in " : "",
		s->variable ? s->variable : "", what);
	return op_fail_position(s->f, e->at);
}

static double poly_bits(const fmpq_poly_t p)
{
	slong bits = _fmpz_vec_max_bits(p->coeffs, p->length);

	return (double)(bits < 0 ? -bits : bits) + (double)fmpz_bits(p->den);
}

static int check_size(struct state *s, const struct expr *e, double degree, double bits)
{
	if (degree > DEGREE_MAX)
		op_fail_limit(s->f, DEGREE_MAX, degree, "degree", "the polynomial is too large");
	else if ((degree + 1) * bits > BITS_MAX)
		op_fail_limit(s->f, BITS_MAX, (degree + 1) * bits, "bits", "the polynomial is too large");
	else
		return 0;
	return op_fail_position(s->f, e->at);
}

static int read_tree(struct state *s, const struct expr *e, fmpq_poly_t out);

static int read_constant(struct state *s, const struct expr *e, fmpq_poly_t out)
{
	fmpq_t q;

	fmpq_init(q);
	int rc = expr_rational(e, NULL, q, s->f);
	if (rc == 0)
		fmpq_poly_set_fmpq(out, q);
	else if (expr_is_irrational(s->f))
		rc = fail_at(s, e, "a coefficient that is not rational");
	fmpq_clear(q);
	return rc;
}

static int read_power(struct state *s, const struct expr *e, fmpq_poly_t out)
{
	fmpq_t exponent;
	int rc = read_tree(s, e->args[0], out);

	if (rc != 0)
		return rc;
	if (expr_has(e->args[1], s->variable))
		return fail_at(s, e, "the variable in an exponent");
	fmpq_init(exponent);
	rc = expr_rational(e->args[1], NULL, exponent, s->f);
	if (rc == 0 ? !fmpz_is_one(fmpq_denref(exponent)) || fmpq_sgn(exponent) < 0 : expr_is_irrational(s->f))
		rc = fail_at(s, e, "an exponent that is no integer from 0 on");
	if (rc == 0) {
		double n = fmpz_get_d(fmpq_numref(exponent)), length = (double)fmpq_poly_length(out);
		double degree = length > 1 ? n * (length - 1) : 0;
		rc = check_size(s, e, degree, length > 0 ? n * (poly_bits(out) + log2(length)) : 0);
		if (rc == 0)
			fmpq_poly_pow(out, out, fmpz_get_ui(fmpq_numref(exponent)));
	}
	fmpq_clear(exponent);
	return rc;
}

static int read_binary(struct state *s, const struct expr *e, fmpq_poly_t out)
{
	fmpq_poly_t right, rest;
	int rc = read_tree(s, e->args[0], out);

	if (rc != 0)
		return rc;
	fmpq_poly_init(right);
	fmpq_poly_init(rest);
	rc = read_tree(s, e->args[1], right);
	if (rc != 0)
		goto out;
	if (e->kind == EXPR_ADD) {
		fmpq_poly_add(out, out, right);
	} else if (e->kind == EXPR_SUB) {
		fmpq_poly_sub(out, out, right);
	} else if (e->kind == EXPR_MUL) {
		rc = check_size(s, e, (double)(fmpq_poly_length(out) + fmpq_poly_length(right)),
				poly_bits(out) + poly_bits(right));
		if (rc == 0)
			fmpq_poly_mul(out, out, right);
	} else if (fmpq_poly_is_zero(right)) {
		op_fail(s->f, OP_DIVISION_BY_ZERO, "a division by zero");
		rc = op_fail_position(s->f, e->at);
	} else {
		fmpq_poly_divrem(out, rest, out, right);
		if (!fmpq_poly_is_zero(rest))
			rc = fail_at(s, e, "a quotient that is none");
	}
out:
	fmpq_poly_clear(right);
	fmpq_poly_clear(rest);
	return rc;
}

static int read_tree(struct state *s, const struct expr *e, fmpq_poly_t out)
{
	int rc;

	if (!s->variable || !expr_has(e, s->variable))
		return read_constant(s, e, out);
	switch (e->kind) {
	case EXPR_VARIABLE:
		fmpq_poly_zero(out);
		fmpq_poly_set_coeff_si(out, 1, 1);
		return 0;
	case EXPR_ADD:
	case EXPR_SUB:
	case EXPR_MUL:
	case EXPR_DIV:
		return read_binary(s, e, out);
	case EXPR_NEG:
		rc = read_tree(s, e->args[0], out);
		fmpq_poly_neg(out, out);
		return rc;
	case EXPR_POW:
		return read_power(s, e, out);
	case EXPR_CALL:
		return fail_at(s, e, e->name);
	case EXPR_MOD:
		return fail_at(s, e, "\"%\"");
	case EXPR_FACTORIAL:
		return fail_at(s, e, "a factorial");
	default:
		return fail_at(s, e, "a vector or matrix");
	}
}

int expr_polynomial(const struct expr *e, const char *variable, fmpq_poly_t out, struct op_failure *f)
{
	struct state s = { .variable = variable, .f = f };
	const struct expr *name;

	op_failure_init(f);
	if (!variable && (name = expr_unbound(e, NULL, 0)) != NULL)
		s.variable = name->name;
	if ((name = expr_unbound(e, &s.variable, s.variable ? 1 : 0)) != NULL) {
		op_fail(f, OP_INVALID_ARGUMENT, "expected a polynomial in one variable, got %.64s and %.64s",
			s.variable ? s.variable : "", name->name);
		return op_fail_position(f, name->at);
	}
	return read_tree(&s, e, out);
}
