/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Products taken apart, and multiplied out. */
#include <flint/fmpz_poly.h>
#include <flint/fmpz_poly_factor.h>
#include <flint/nmod_poly_factor.h>
#include <flint/ulong_extras.h>
#include <stdlib.h>

#include "math/answer.h"
#include "math/arg.h"
#include "math/expand.h"
#include "ops/polynomial.h"

#define FACTOR_DEGREE_MAX 2000

/* ---- poly_factor ---- */

struct factor {
	const fmpz_poly_struct *p;
	slong multiplicity;
};

/* By degree, then by the coefficients from the constant up. */
static int factor_order(const void *a, const void *b)
{
	const fmpz_poly_struct *p = ((const struct factor *)a)->p, *q = ((const struct factor *)b)->p;

	if (p->length != q->length)
		return p->length < q->length ? -1 : 1;
	for (slong i = 0; i < p->length; i++) {
		int order = fmpz_cmp(p->coeffs + i, q->coeffs + i);
		if (order)
			return order;
	}
	return 0;
}

static int put_factors(struct buf *json, const fmpq_t content, struct factor *factors, slong n, struct op_failure *f)
{
	int rc;

	qsort(factors, (size_t)n, sizeof *factors, factor_order);
	buf_puts(json, "{\"content\":");
	rc = answer_fmpq(json, content, f);
	buf_puts(json, ",\"factors\":[");
	for (slong i = 0; i < n && rc == 0; i++) {
		buf_puts(json, i ? ",[" : "[");
		rc = answer_fmpz_vector(json, factors[i].p->coeffs, factors[i].p->length, f);
		buf_printf(json, ",%ld]", (long)factors[i].multiplicity);
	}
	buf_puts(json, "]}");
	return rc;
}

static int factor_over_rationals(struct buf *json, const fmpq_poly_t p, struct op_failure *f)
{
	fmpz_poly_factor_t found;
	fmpz_poly_t numerator;
	fmpq_t content;
	struct factor *factors;
	int rc;

	fmpz_poly_init(numerator);
	fmpz_poly_factor_init(found);
	fmpq_init(content);
	fmpq_poly_get_numerator(numerator, p);
	fmpz_poly_factor(found, numerator);
	fmpq_set_fmpz_frac(content, &found->c, p->den);
	factors = flint_calloc((size_t)found->num + 1, sizeof *factors);
	for (slong i = 0; i < found->num; i++)
		factors[i] = (struct factor){ found->p + i, found->exp[i] };
	rc = put_factors(json, content, factors, found->num, f);
	flint_free(factors);
	fmpz_poly_factor_clear(found);
	fmpz_poly_clear(numerator);
	fmpq_clear(content);
	return rc;
}

/* p modulo a prime; refused where a denominator is divisible by it. */
static int reduce(struct op_call *c, const fmpq_poly_t p, nmod_poly_t out, struct op_failure *f)
{
	ulong modulus = out->mod.n, denominator = fmpz_fdiv_ui(p->den, modulus);
	fmpz_poly_t numerator;

	if (denominator == 0)
		return arg_fail(c, 0, f, OP_NOT_INVERTIBLE, "a denominator of the coefficients is divisible by %lu",
				(unsigned long)modulus);
	fmpz_poly_init(numerator);
	fmpq_poly_get_numerator(numerator, p);
	fmpz_poly_get_nmod_poly(out, numerator);
	nmod_poly_scalar_mul_nmod(out, out, n_invmod(denominator, modulus));
	fmpz_poly_clear(numerator);
	return 0;
}

static int factor_modulo(struct op_call *c, struct buf *json, const fmpq_poly_t p, ulong modulus, struct op_failure *f)
{
	nmod_poly_t reduced;
	nmod_poly_factor_t found;
	fmpz_poly_struct *lifted = NULL;
	struct factor *factors = NULL;
	fmpq_t content;
	int rc;

	nmod_poly_init(reduced, modulus);
	nmod_poly_factor_init(found);
	fmpq_init(content);
	rc = reduce(c, p, reduced, f);
	if (rc == 0 && nmod_poly_is_zero(reduced))
		rc = arg_fail(c, 0, f, OP_DOMAIN_ERROR, "the polynomial is zero modulo %lu", (unsigned long)modulus);
	if (rc == 0) {
		fmpz_set_ui(fmpq_numref(content), nmod_poly_factor(found, reduced));
		lifted = flint_calloc((size_t)found->num + 1, sizeof *lifted);
		factors = flint_calloc((size_t)found->num + 1, sizeof *factors);
		for (slong i = 0; i < found->num; i++) {
			fmpz_poly_init(lifted + i);
			fmpz_poly_set_nmod_poly_unsigned(lifted + i, found->p + i);
			factors[i] = (struct factor){ lifted + i, found->exp[i] };
		}
		rc = put_factors(json, content, factors, found->num, f);
		for (slong i = 0; i < found->num; i++)
			fmpz_poly_clear(lifted + i);
	}
	flint_free(lifted);
	flint_free(factors);
	nmod_poly_clear(reduced);
	nmod_poly_factor_clear(found);
	fmpq_clear(content);
	return rc;
}

int polynomial_factor(struct op_call *c, struct buf *json, struct op_failure *f)
{
	bool modular = op_call_given(c, 1);
	slong modulus = 0;
	fmpq_poly_t p;
	int rc;

	fmpq_poly_init(p);
	rc = polynomial_read(c, 0, FACTOR_DEGREE_MAX, p, f);
	if (rc == 0 && modular)
		rc = arg_long(c, 1, 2, WORD_MAX, &modulus, f);
	if (rc == 0 && modular && !n_is_prime((ulong)modulus))
		rc = arg_fail(c, 1, f, OP_INVALID_ARGUMENT, "expected a prime modulus, got %ld", (long)modulus);
	if (rc == 0 && fmpq_poly_is_zero(p))
		rc = arg_fail(c, 0, f, OP_DOMAIN_ERROR, "the zero polynomial has no factors");
	if (rc == 0)
		rc = modular ? factor_modulo(c, json, p, (ulong)modulus, f) : factor_over_rationals(json, p, f);
	fmpq_poly_clear(p);
	return rc;
}

/* ---- poly_expand ---- */

int polynomial_expand(struct op_call *c, struct buf *json, struct op_failure *f)
{
	const struct expr *e = arg_expr(c, 0);
	const char *names[EXPAND_VARIABLES_MAX + 1];
	size_t n = expand_variables(e, names);
	struct buf text = BUF_INIT;
	fmpq_poly_t p;
	int rc;

	if (n > EXPAND_VARIABLES_MAX) {
		op_fail_limit(f, EXPAND_VARIABLES_MAX, (double)n, "variables", "the expression's variables");
		return arg_locate(c, 0, f);
	}
	if (n > 1) {
		rc = expand_text(e, names, n, &text, f);
		if (rc == 0)
			buf_json_string(json, text.data, text.len);
		buf_fini(&text);
		return rc == 0 ? 0 : arg_locate(c, 0, f);
	}
	fmpq_poly_init(p);
	rc = expr_polynomial(e, n ? names[0] : NULL, p, f) == 0 ? answer_fmpq_poly(json, p, f) : arg_locate(c, 0, f);
	fmpq_poly_clear(p);
	return rc;
}
