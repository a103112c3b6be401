/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/taylor.h"

#include <string.h>

#define VALUATION_SPARE 8 /* coefficients computed beyond those wanted: cancelling powers of x use them up */

/* What does not change on the way down. *known: how many coefficients are still right. */
struct taylor {
	const char *name;
	const fmpq *at;
	slong len;
	slong known;
};

typedef void series_fn(fmpq_poly_t res, const fmpq_poly_t p, slong n);

static const struct {
	const char *name;
	series_fn *fn;
	int constant; /* that the argument's series must begin with */
} series_functions[] = {
	{ "exp", fmpq_poly_exp_series, 0 },     { "sin", fmpq_poly_sin_series, 0 },
	{ "cos", fmpq_poly_cos_series, 0 },     { "tan", fmpq_poly_tan_series, 0 },
	{ "sinh", fmpq_poly_sinh_series, 0 },   { "cosh", fmpq_poly_cosh_series, 0 },
	{ "tanh", fmpq_poly_tanh_series, 0 },   { "asin", fmpq_poly_asin_series, 0 },
	{ "atan", fmpq_poly_atan_series, 0 },   { "asinh", fmpq_poly_asinh_series, 0 },
	{ "atanh", fmpq_poly_atanh_series, 0 }, { "log", fmpq_poly_log_series, 1 },
	{ "ln", fmpq_poly_log_series, 1 },      { "sqrt", fmpq_poly_sqrt_series, 1 },
};

static bool begins_with(const fmpq_poly_t p, int constant)
{
	fmpq_t c;
	bool same;

	fmpq_init(c);
	fmpq_poly_get_coeff_fmpq(c, p, 0);
	same = fmpz_is_one(fmpq_denref(c)) && fmpz_equal_si(fmpq_numref(c), constant);
	fmpq_clear(c);
	return same;
}

static bool series(struct taylor *t, const struct expr *e, fmpq_poly_t out);

static bool series_of_call(struct taylor *t, const struct expr *e, fmpq_poly_t out)
{
	fmpq_poly_t p;
	bool done = false;

	if (e->count != 1)
		return false;
	fmpq_poly_init(p);
	if (series(t, e->args[0], p))
		for (size_t i = 0; i < sizeof series_functions / sizeof *series_functions; i++)
			if (strcmp(series_functions[i].name, e->name) == 0 &&
			    begins_with(p, series_functions[i].constant)) {
				series_functions[i].fn(out, p, t->len);
				done = true;
			}
	fmpq_poly_clear(p);
	return done;
}

static slong valuation(const fmpq_poly_t p)
{
	fmpq_t c;
	slong v = 0;

	fmpq_init(c);
	for (; v < fmpq_poly_length(p); v++) {
		fmpq_poly_get_coeff_fmpq(c, p, v);
		if (!fmpq_is_zero(c))
			break;
	}
	fmpq_clear(c);
	return v;
}

/* p / q, where common powers of x cancel and cost as many coefficients. */
static bool divide(struct taylor *t, const fmpq_poly_t p, const fmpq_poly_t q, fmpq_poly_t out)
{
	slong v = valuation(q);
	fmpq_poly_t top, bottom;
	bool done = v < fmpq_poly_length(q) && v < t->known && (fmpq_poly_is_zero(p) || valuation(p) >= v);

	if (!done)
		return false;
	fmpq_poly_init(top);
	fmpq_poly_init(bottom);
	fmpq_poly_shift_right(top, p, v);
	fmpq_poly_shift_right(bottom, q, v);
	if (fmpq_poly_is_zero(top))
		fmpq_poly_zero(out);
	else
		fmpq_poly_div_series(out, top, bottom, t->len);
	t->known -= v;
	fmpq_poly_clear(top);
	fmpq_poly_clear(bottom);
	return true;
}

/* base^(a/b) with a rational exponent: integers, or by exp(r log p) where p begins with 1. */
static bool power(struct taylor *t, const fmpq_poly_t p, const fmpq_t r, fmpq_poly_t out)
{
	fmpq_poly_t one, inverse;
	slong n;

	if (fmpz_is_one(fmpq_denref(r)) && fmpz_bits(fmpq_numref(r)) < 16) {
		n = fmpz_get_si(fmpq_numref(r));
		fmpq_poly_pow_trunc(out, p, (ulong)(n < 0 ? -n : n), t->len);
		if (n >= 0)
			return true;
		fmpq_poly_init(one);
		fmpq_poly_init(inverse);
		fmpq_poly_one(one);
		bool done = divide(t, one, out, inverse);
		fmpq_poly_swap(out, inverse);
		fmpq_poly_clear(one);
		fmpq_poly_clear(inverse);
		return done;
	}
	if (!begins_with(p, 1))
		return false;
	fmpq_poly_log_series(out, p, t->len);
	fmpq_poly_scalar_mul_fmpq(out, out, r);
	fmpq_poly_exp_series(out, out, t->len);
	return true;
}

static bool series_of_pair(struct taylor *t, const struct expr *e, fmpq_poly_t out)
{
	fmpq_poly_t a, b;
	fmpq_t r;
	bool done;

	fmpq_poly_init(a);
	fmpq_poly_init(b);
	fmpq_init(r);
	done = series(t, e->args[0], a) && series(t, e->args[1], b);
	if (done && e->kind == EXPR_ADD) {
		fmpq_poly_add(out, a, b);
	} else if (done && e->kind == EXPR_SUB) {
		fmpq_poly_sub(out, a, b);
	} else if (done && e->kind == EXPR_MUL) {
		fmpq_poly_mullow(out, a, b, t->len);
	} else if (done && e->kind == EXPR_DIV) {
		done = divide(t, a, b, out);
	} else if (done && fmpq_poly_length(b) <= 1) {
		fmpq_poly_get_coeff_fmpq(r, b, 0);
		done = power(t, a, r, out);
	} else if (done) { /* a^b = exp(b log a) */
		done = begins_with(a, 1);
		if (done) {
			fmpq_poly_log_series(a, a, t->len);
			fmpq_poly_mullow(a, a, b, t->len);
			fmpq_poly_exp_series(out, a, t->len);
		}
	}
	fmpq_poly_clear(a);
	fmpq_poly_clear(b);
	fmpq_clear(r);
	return done;
}

static bool series(struct taylor *t, const struct expr *e, fmpq_poly_t out)
{
	struct op_failure f;
	fmpq_t q;
	bool done;

	if (!expr_has(e, t->name)) {
		fmpq_init(q);
		done = expr_rational(e, NULL, q, &f) == 0;
		if (done)
			fmpq_poly_set_fmpq(out, q);
		fmpq_clear(q);
		return done;
	}
	switch (e->kind) {
	case EXPR_VARIABLE:
		fmpq_poly_zero(out);
		fmpq_poly_set_coeff_si(out, 1, 1);
		fmpq_poly_set_coeff_fmpq(out, 0, t->at);
		return true;
	case EXPR_NEG:
		done = series(t, e->args[0], out);
		fmpq_poly_neg(out, out);
		return done;
	case EXPR_ADD:
	case EXPR_SUB:
	case EXPR_MUL:
	case EXPR_DIV:
	case EXPR_POW:
		return series_of_pair(t, e, out);
	case EXPR_CALL:
		return series_of_call(t, e, out);
	default:
		return false;
	}
}

bool taylor_rational(const struct expr *e, const char *name, const fmpq_t at, slong len, fmpq_poly_t out)
{
	struct taylor t = { .name = name, .at = at, .len = len + VALUATION_SPARE, .known = len + VALUATION_SPARE };
	bool done = series(&t, e, out) && t.known >= len;

	fmpq_poly_truncate(out, len);
	return done;
}
