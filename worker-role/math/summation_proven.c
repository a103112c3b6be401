/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Infinite sums and products with proven error bounds. */
#include <acb.h>

#include "math/progress.h"
#include "math/summation_parts.h"

#define HEAD_MAX 200000 /* terms before an expansion at infinity, or a geometric bound, holds */

static int fail_diverges(const struct summation *s, struct op_failure *f)
{
	return op_fail(f, OP_DID_NOT_CONVERGE, "the %s diverges", s->product ? "product" : "series");
}

/* ---- the expansion at infinity ---- */

/* The sum over k >= n of (±1)^k k^-j. */
static void power_tail(slong j, slong n, bool alternating, slong prec, arb_t out)
{
	arb_t s, a, b;

	arb_init(s);
	arb_init(a);
	arb_init(b);
	arb_set_si(s, j);
	arb_set_si(a, n);
	if (!alternating) {
		arb_hurwitz_zeta(out, s, a, prec);
	} else {
		arb_add_ui(b, a, 1, prec);
		arb_mul_2exp_si(a, a, -1);
		arb_mul_2exp_si(b, b, -1);
		if (j == 1) {
			arb_digamma(a, a, prec);
			arb_digamma(b, b, prec);
			arb_sub(out, b, a, prec);
		} else {
			arb_hurwitz_zeta(a, s, a, prec);
			arb_hurwitz_zeta(b, s, b, prec);
			arb_sub(out, a, b, prec);
		}
		arb_mul_2exp_si(out, out, -j);
		if (n % 2 != 0)
			arb_neg(out, out);
	}
	arb_clear(s);
	arb_clear(a);
	arb_clear(b);
}

/* A function holomorphic in |z| >= radius and at infinity, bounded by `bound` on |z| = radius, has |c_j| <= bound
 * radius^j; and the sum over k >= n of k^-j is at most n^-j (1 + n) for j >= 2. So the terms from j on are at most
 * bound (1 + n) (radius/n)^j / (1 - radius/n). */
static void remainder_bound(const arb_t radius, const arb_t bound, slong n, slong j, arb_t out)
{
	arb_t x, t;

	arb_init(x);
	arb_init(t);
	arb_div_si(x, radius, n, 64);
	arb_pow_ui(out, x, (ulong)j, 64);
	arb_mul(out, out, bound, 64);
	arb_mul_si(out, out, n + 1, 64);
	arb_sub_ui(t, x, 1, 64);
	arb_neg(t, t);
	arb_div(out, out, t, 64);
	arb_clear(x);
	arb_clear(t);
}

/* Adds the sum over k >= n of (±1)^k times the expansion with coefficients c (from 1/k^0 on, those below j = first are
 * 0) of len terms. */
static void expansion_tail(const fmpq_poly_t c, slong len, slong n, bool alternating, slong prec, arb_t out)
{
	arb_t t;
	fmpq_t q;

	arb_init(t);
	fmpq_init(q);
	for (slong j = 1; j < len; j++) {
		fmpq_poly_get_coeff_fmpq(q, c, j);
		if (fmpq_is_zero(q))
			continue;
		power_tail(j, n, alternating, prec, t);
		arb_mul_fmpz(t, t, fmpq_numref(q), prec);
		arb_div_fmpz(t, t, fmpq_denref(q), prec);
		arb_add(out, out, t, prec);
		if (j % 64 == 0)
			progress_report((double)j / (double)len, "summing the tail");
	}
	arb_clear(t);
	fmpq_clear(q);
}

/* Where the expansion is used from: beyond 4 radius, so that each of its terms gives two bits. */
static int expansion_start(const struct summation *s, const arb_t radius, slong prec, slong *n, slong *len,
			   struct op_failure *f)
{
	double r = arf_get_d(arb_midref(radius), ARF_RND_UP);

	if (r * 4 - (double)s->first > HEAD_MAX)
		return op_fail_limit(f, HEAD_MAX, r * 4 - (double)s->first, "terms",
				     "the terms that have to be added one by one");
	*n = (slong)(4 * r) + prec / 8 + 2;
	if (*n < s->first)
		*n = s->first;
	*len = prec / 2 + 40;
	return 0;
}

int summation_rational(const struct summation *s, const struct hyper *h, slong prec, arb_t out, struct op_failure *f)
{
	const struct ratfun *r = &h->rational;
	slong n = 0, len = 0, wp = prec + 40, gap = fmpq_poly_degree(r->den) - fmpq_poly_degree(r->num);
	arb_t radius, bound, rest, tail;
	fmpq_poly_t c;
	acb_t scale;
	int rc;

	if (!fmpq_poly_is_zero(r->num) && gap < (h->alternating ? 1 : 2))
		return fail_diverges(s, f);
	arb_init(radius);
	arb_init(bound);
	arb_init(rest);
	arb_init(tail);
	acb_init(scale);
	fmpq_poly_init(c);
	ratfun_circle(r, radius, bound, 64);
	arb_zero(out);
	rc = expansion_start(s, radius, prec, &n, &len, f);
	if (rc == 0)
		rc = summation_head(s, s->first, n - 1, wp, out, f);
	if (rc == 0)
		rc = hyper_scale(h, wp, scale, f);
	if (rc == 0) {
		ratfun_series_at_infinity(r, c, len);
		expansion_tail(c, len, n, h->alternating, wp, tail);
		remainder_bound(radius, bound, n, len, rest);
		arb_add_error(tail, rest);
		arb_mul(tail, tail, acb_realref(scale), wp);
		arb_add(out, out, tail, wp);
		if (!arb_is_zero(acb_imagref(scale)))
			rc = op_fail(f, OP_DOMAIN_ERROR, "the terms are not real");
	}
	arb_clear(radius);
	arb_clear(bound);
	arb_clear(rest);
	arb_clear(tail);
	acb_clear(scale);
	fmpq_poly_clear(c);
	return rc;
}

/* A radius beyond which |r(z) - 1| <= 1/2: there |log r| <= 2 log 2 / 2 < 1. */
static void logarithm_circle(const struct ratfun *r, arb_t radius)
{
	struct ratfun less;
	arb_t bound, half;

	ratfun_init(&less);
	arb_init(bound);
	arb_init(half);
	fmpq_poly_sub(less.num, r->num, r->den);
	fmpq_poly_set(less.den, r->den);
	ratfun_circle(&less, radius, bound, 64);
	arb_set_d(half, 0.5);
	/* the difference is O(1/z^2), with all its poles inside: on twice the circle it is at most a quarter as large
	 */
	while (!arb_le(bound, half)) {
		arb_mul_2exp_si(radius, radius, 1);
		arb_mul_2exp_si(bound, bound, -2);
	}
	ratfun_clear(&less);
	arb_clear(bound);
	arb_clear(half);
}

/* The product of the factors to n - 1, times exp of the sum of the expansion of log r at infinity. */
int summation_rational_product(const struct summation *s, const struct ratfun *r, slong prec, arb_t out,
			       struct op_failure *f)
{
	slong n = 0, len = 0, wp = prec + 40;
	arb_t radius, bound, rest, tail;
	fmpq_poly_t c, difference;
	int rc;

	fmpq_poly_init(difference);
	fmpq_poly_sub(difference, r->num, r->den);
	bool converges = fmpq_poly_is_zero(difference) || fmpq_poly_degree(difference) <= fmpq_poly_degree(r->den) - 2;
	fmpq_poly_clear(difference);
	if (!converges)
		return fail_diverges(s, f);
	arb_init(radius);
	arb_init(bound);
	arb_init(rest);
	arb_init(tail);
	fmpq_poly_init(c);
	logarithm_circle(r, radius);
	arb_one(bound);
	arb_one(out);
	rc = expansion_start(s, radius, prec, &n, &len, f);
	if (rc == 0)
		rc = summation_head(s, s->first, n - 1, wp, out, f);
	if (rc == 0) {
		ratfun_series_at_infinity(r, c, len);
		fmpq_poly_log_series(c, c, len);
		expansion_tail(c, len, n, false, wp, tail);
		remainder_bound(radius, bound, n, len, rest);
		arb_add_error(tail, rest);
		arb_exp(tail, tail, wp);
		arb_mul(out, out, tail, wp);
	}
	arb_clear(radius);
	arb_clear(bound);
	arb_clear(rest);
	arb_clear(tail);
	fmpq_poly_clear(c);
	return rc;
}

/* ---- hypergeometric terms ---- */

/* An upper bound of |t(k+1)/t(k)| over all k >= n; false if there is none below 1. */
static bool ratio_bound(const struct ratfun *ratio, const arb_t constant, slong n, arb_t out)
{
	if (n < 1)
		return false;
	ratfun_beyond(ratio, n, out, 64);
	arb_abs(out, out);
	arb_mul(out, out, constant, 64);
	arb_get_abs_ubound_arf(arb_midref(out), out, 64);
	mag_zero(arb_radref(out));
	return arb_is_finite(out) && arf_cmp_d(arb_midref(out), 0.999) < 0;
}

/* Whether the terms' ratio tends to something of absolute value below 1 (1), above (-1), or it cannot be told (0). */
static int ratio_tends(const struct ratfun *ratio, const arb_t constant)
{
	slong gap = fmpq_poly_degree(ratio->den) - fmpq_poly_degree(ratio->num);
	fmpq_t lead;
	arb_t limit;
	int side;

	if (gap != 0)
		return gap > 0 ? 1 : -1;
	fmpq_init(lead);
	arb_init(limit);
	fmpq_poly_get_coeff_fmpq(lead, ratio->num, fmpq_poly_degree(ratio->num)); /* den is monic */
	arb_set_fmpq(limit, lead, 128);
	arb_mul(limit, limit, constant, 128);
	arb_abs(limit, limit);
	arb_sub_ui(limit, limit, 1, 128);
	side = arb_is_negative(limit) ? 1 : arb_is_positive(limit) ? -1 : 0;
	fmpq_clear(lead);
	arb_clear(limit);
	return side;
}

/* Adds terms until the geometric bound of the rest is below 2^-prec. */
static int add_terms(const struct summation *s, const struct ratfun *ratio, const arb_t constant, slong prec, arb_t out,
		     struct op_failure *f)
{
	slong wp = prec + 40, k = s->first, stride = 1;
	arb_t term, q;
	bool done = false;
	int rc = 0;

	arb_init(term);
	arb_init(q);
	for (slong check = k; rc == 0 && !done; k++) {
		rc = summation_term(s, k, wp, term, f);
		arb_add(out, out, term, wp);
		if (k - s->first > HEAD_MAX)
			rc = op_fail(f, OP_DID_NOT_CONVERGE, "the series converges too slowly to be summed");
		if (rc != 0 || k < check)
			continue;
		if (ratio_bound(ratio, constant, k, q)) { /* the rest is at most |t(k)| q/(1 - q) */
			arb_sub_ui(term, q, 1, 64);
			arb_div(q, q, term, 64);
			rc = summation_term(s, k, wp, term, f);
			arb_mul(q, q, term, 64);
			mag_t rest;
			mag_init(rest);
			arb_get_mag(rest, q);
			done = mag_cmp_2exp_si(rest, -prec - 4) < 0;
			if (done)
				arb_add_error_mag(out, rest);
			mag_clear(rest);
		}
		stride += stride / 8 + (stride < 8);
		check = k + (stride < 64 ? stride : 64);
		progress_report(0, "adding terms");
	}
	arb_clear(term);
	arb_clear(q);
	return rc;
}

int summation_hypergeometric(const struct summation *s, const struct hyper *h, slong prec, arb_t out,
			     struct op_failure *f)
{
	struct ratfun ratio;
	acb_t c;
	arb_t constant;
	int rc;

	ratfun_init(&ratio);
	acb_init(c);
	arb_init(constant);
	arb_zero(out);
	hyper_ratio(h, &ratio);
	rc = hyper_constant(h, 256, c, f);
	acb_abs(constant, c, 256);
	if (rc == 0) {
		int tends = ratio_tends(&ratio, constant);
		if (tends < 0)
			rc = fail_diverges(s, f);
		else if (tends > 0)
			rc = add_terms(s, &ratio, constant, prec, out, f);
		else
			rc = summation_smooth(s, prec, out, f);
	}
	ratfun_clear(&ratio);
	acb_clear(c);
	arb_clear(constant);
	return rc;
}
