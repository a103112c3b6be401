/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Series that no proven bound is known for: accelerated twice, and believed when the two results agree to all bits
 * asked for (which are many more than are shown). */
#include <bernoulli.h>

#include "math/alternating.h"
#include "math/quadrature.h"
#include "math/summation_parts.h"

#define FAR_BITS 60 /* the terms of an alternating series must have become much smaller at k = 2^60 */

void summation_bernoulli_poly(fmpq_poly_t out, ulong n)
{
	fmpq_t b;
	fmpz_t c;

	fmpq_init(b);
	fmpz_init(c);
	fmpq_poly_zero(out);
	for (ulong j = 0; j <= n; j++) { /* sum of C(n,j) B_(n-j) x^j */
		bernoulli_fmpq_ui(b, n - j);
		fmpz_bin_uiui(c, n, j);
		fmpq_mul_fmpz(b, b, c);
		fmpq_poly_set_coeff_fmpq(out, (slong)j, b);
	}
	fmpq_clear(b);
	fmpz_clear(c);
}

static int fail_unsure(struct op_failure *f)
{
	return op_fail(f, OP_DID_NOT_CONVERGE, "the series diverges, or its convergence cannot be established");
}

/* ---- alternating ---- */

/* 1 if the signs of n terms alternate, 0 if all are equal or one is 0, -1 if neither. */
static int signs_of(arb_srcptr terms, slong n)
{
	slong changes = 0, zeros = 0;

	for (slong k = 1; k < n; k++) {
		zeros += arb_contains_zero(terms + k);
		changes += (arb_is_positive(terms + k) && arb_is_negative(terms + k - 1)) ||
			   (arb_is_negative(terms + k) && arb_is_positive(terms + k - 1));
	}
	if (changes == n - 1)
		return 1;
	return changes == 0 || zeros > 0 ? 0 : -1;
}

static bool dies_away(const struct summation *s)
{
	struct op_failure f;
	arb_t x, near, far;

	arb_init(x);
	arb_init(near);
	arb_init(far);
	arb_one(x);
	arb_mul_2exp_si(x, x, 10);
	bool there = univariate_real(&s->term, x, 128, near, &f);
	arb_mul_2exp_si(x, x, FAR_BITS - 10);
	there = there && univariate_real(&s->term, x, FAR_BITS + 128, far, &f);
	arb_abs(near, near);
	arb_abs(far, far);
	arb_mul_2exp_si(far, far, 4);
	bool dies = there && arb_is_finite(near) && arb_lt(far, near);
	arb_clear(x);
	arb_clear(near);
	arb_clear(far);
	return dies;
}

/* 1: done; 0: the series does not alternate; -1: failed. */
static int sum_alternating(const struct summation *s, slong prec, arb_t out, struct op_failure *f)
{
	slong n = alternating_terms(prec + 20), wp = prec + 60 + 3 * n;
	arb_ptr terms = _arb_vec_init(n);
	int rc = 0;

	for (slong k = 0; k < n && rc == 0; k++)
		rc = summation_term(s, s->first + k, wp, terms + k, f);
	if (rc == 0) {
		int signs = signs_of(terms, n);
		if (signs < 0 || (signs > 0 && (!dies_away(s) || !alternating_sum(out, terms, n, prec, wp))))
			rc = fail_unsure(f);
		else
			rc = signs;
	}
	_arb_vec_clear(terms, n);
	return rc;
}

/* ---- Euler-Maclaurin ---- */

/* The sum over k >= n of t(k): its integral + t(n)/2 - sum of B_2j/(2j)! t^(2j-1)(n), j = 1 … m. Fails when the last
 * of these is not negligible. */
static int euler_maclaurin(const struct summation *s, slong n, slong m, slong prec, arb_t out, struct op_failure *f)
{
	struct expr_scope scope = { .names = &s->term.name, .count = 1 };
	acb_ptr c = _acb_vec_init(2 * m);
	acb_t x;
	arb_t t;
	fmpq_t b;
	int rc;

	acb_init(x);
	arb_init(t);
	fmpq_init(b);
	acb_set_si(x, n);
	scope.balls = x;
	rc = quadrature_tail(&s->term, acb_realref(x), prec, out, f);
	if (rc == 0)
		rc = expr_series(s->term.e, s->term.name, &scope, 2 * m, prec + 40 + 4 * m, c, f);
	if (rc == 0) {
		arb_mul_2exp_si(t, acb_realref(c), -1);
		arb_add(out, out, t, prec + 40);
	}
	for (slong j = 1; j <= m && rc == 0; j++) {
		bernoulli_fmpq_ui(b, (ulong)(2 * j));
		arb_set_fmpq(t, b, prec + 40);
		arb_div_si(t, t, 2 * j, prec + 40);
		arb_mul(t, t, acb_realref(c + 2 * j - 1), prec + 40);
		arb_sub(out, out, t, prec + 40);
	}
	if (rc == 0 && (!arb_is_finite(t) || arf_cmpabs_2exp_si(arb_midref(t), -prec) > 0))
		rc = fail_unsure(f);
	_acb_vec_clear(c, 2 * m);
	acb_clear(x);
	arb_clear(t);
	fmpq_clear(b);
	return rc;
}

static int sum_smooth(const struct summation *s, slong prec, arb_t out, struct op_failure *f)
{
	slong n = (s->first > 0 ? s->first : 0) + prec / 4 + 16, m = prec / 5 + 10;
	arb_t other, tail;
	mag_t difference;
	int rc;

	arb_init(other);
	arb_init(tail);
	mag_init(difference);
	arb_zero(out);
	rc = summation_head(s, s->first, n - 1, prec + 40, out, f);
	arb_set(other, out);
	if (rc == 0)
		rc = euler_maclaurin(s, n, m, prec, tail, f);
	arb_add(out, out, tail, prec + 40);
	if (rc == 0)
		rc = summation_head(s, n, n + 6, prec + 40, other, f);
	if (rc == 0)
		rc = euler_maclaurin(s, n + 7, m + 3, prec, tail, f);
	if (rc == 0) {
		arb_add(other, other, tail, prec + 40);
		arb_sub(other, other, out, prec + 40);
		arb_get_mag(difference, other);
		if (!arb_is_finite(out) || mag_cmp_2exp_si(difference, 12 - prec) > 0)
			rc = fail_unsure(f);
		arb_add_error_mag(out, difference);
	}
	arb_clear(other);
	arb_clear(tail);
	mag_clear(difference);
	return rc;
}

int summation_smooth(const struct summation *s, slong prec, arb_t out, struct op_failure *f)
{
	int rc = sum_alternating(s, prec, out, f);

	return rc == 0 ? sum_smooth(s, prec, out, f) : rc < 0 ? -1 : 0;
}
