/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The discrete distributions inside their supports, as balls and as rationals. */
#include <math.h>

#include "math/distribution_parts.h"

#define EXACT_COUNT_MAX 1000000 /* of trials or items, for exact values */

/* ---- balls ---- */

/* log Gamma(x+1) */
static void log_factorial(arb_t out, const arb_t x, slong prec)
{
	arb_add_ui(out, x, 1, prec);
	arb_lgamma(out, out, prec);
}

/* log of n over k */
static void log_binomial(arb_t out, const arb_t n, const arb_t k, slong prec)
{
	arb_t t, rest;

	arb_init(t);
	arb_init(rest);
	arb_sub(rest, n, k, prec);
	log_factorial(out, n, prec);
	log_factorial(t, k, prec);
	arb_sub(out, out, t, prec);
	log_factorial(t, rest, prec);
	arb_sub(out, out, t, prec);
	arb_clear(t);
	arb_clear(rest);
}

/* out *= x^n for an integer n >= 0; 0^0 = 1. */
static void times_power(arb_t out, const arb_t x, const arb_t n, slong prec)
{
	arb_t t;

	arb_init(t);
	if (arb_is_zero(n))
		arb_one(t);
	else if (!arb_is_zero(x))
		arb_pow(t, x, n, prec);
	arb_mul(out, out, t, prec);
	arb_clear(t);
}

void distribution_binomial(arb_t out, enum distribution_value what, arb_srcptr p, const arb_t x, slong prec)
{
	arb_t q, rest, next;

	arb_init(q);
	arb_init(rest);
	arb_init(next);
	arb_sub_ui(q, p + 1, 1, prec);
	arb_neg(q, q);
	arb_sub(rest, p, x, prec);
	arb_add_ui(next, x, 1, prec);
	if (what == DISTRIBUTION_PDF) {
		log_binomial(out, p, x, prec);
		arb_exp(out, out, prec);
		times_power(out, p + 1, x, prec);
		times_power(out, q, rest, prec);
	} else if (what == DISTRIBUTION_CDF) {
		distribution_ibeta(out, rest, next, q, p + 1, prec); /* A&S 26.5.24 */
	} else {
		distribution_ibeta(out, next, rest, p + 1, q, prec);
	}
	arb_clear(q);
	arb_clear(rest);
	arb_clear(next);
}

void distribution_poisson(arb_t out, enum distribution_value what, arb_srcptr p, const arb_t x, slong prec)
{
	arb_t t, u;

	arb_init(t);
	arb_init(u);
	if (what == DISTRIBUTION_PDF) {
		arb_set(t, p);
		log_factorial(u, x, prec);
		arb_add(t, t, u, prec);
		arb_neg(t, t);
		if (!arb_is_zero(x) && !arb_is_zero(p)) {
			arb_log(u, p, prec);
			arb_addmul(t, u, x, prec);
		}
		if (arb_is_zero(p) && !arb_is_zero(x))
			arb_zero(out);
		else
			arb_exp(out, t, prec);
	} else {
		arb_add_ui(t, x, 1, prec);
		distribution_igamma(out, t, p, what == DISTRIBUTION_CDF, prec); /* A&S 26.4.21 */
	}
	arb_clear(t);
	arb_clear(u);
}

void distribution_geometric(arb_t out, enum distribution_value what, arb_srcptr p, const arb_t x, slong prec)
{
	arb_t q, n;

	arb_init(q);
	arb_init(n);
	arb_sub_ui(q, p, 1, prec);
	arb_neg(q, q);
	arb_add_ui(n, x, what == DISTRIBUTION_PDF ? 0 : 1, prec);
	if (what == DISTRIBUTION_CDF && !arb_is_zero(q)) {
		arb_neg(q, p);
		arb_log1p(q, q, prec);
		arb_mul(q, q, n, prec);
		arb_expm1(q, q, prec);
		arb_neg(out, q);
	} else if (what == DISTRIBUTION_CDF) {
		arb_one(out);
	} else {
		arb_one(out);
		times_power(out, q, n, prec);
		if (what == DISTRIBUTION_PDF)
			arb_mul(out, out, p, prec);
	}
	arb_clear(q);
	arb_clear(n);
}

void distribution_negative_binomial(arb_t out, enum distribution_value what, arb_srcptr p, const arb_t x, slong prec)
{
	arb_t q, t, next;

	arb_init(q);
	arb_init(t);
	arb_init(next);
	arb_sub_ui(q, p + 1, 1, prec);
	arb_neg(q, q);
	arb_add_ui(next, x, 1, prec);
	if (what == DISTRIBUTION_PDF) {
		arb_add(t, p, x, prec);
		arb_lgamma(t, t, prec);
		arb_lgamma(next, next, prec);
		arb_sub(t, t, next, prec);
		arb_lgamma(next, p, prec);
		arb_sub(t, t, next, prec);
		arb_exp(out, t, prec);
		times_power(out, p + 1, p, prec);
		times_power(out, q, x, prec);
	} else if (what == DISTRIBUTION_CDF) {
		distribution_ibeta(out, p, next, p + 1, q, prec); /* A&S 26.5.26 */
	} else {
		distribution_ibeta(out, next, p, q, p + 1, prec);
	}
	arb_clear(q);
	arb_clear(t);
	arb_clear(next);
}

/* p: N, K, n */
static void hypergeometric_density(arb_t out, arb_srcptr p, const arb_t k, slong prec)
{
	arb_t t, others, drawn;

	arb_init(t);
	arb_init(others);
	arb_init(drawn);
	arb_sub(others, p, p + 1, prec);
	arb_sub(drawn, p + 2, k, prec);
	log_binomial(out, p + 1, k, prec);
	log_binomial(t, others, drawn, prec);
	arb_add(out, out, t, prec);
	log_binomial(t, p, p + 2, prec);
	arb_sub(out, out, t, prec);
	arb_exp(out, out, prec);
	arb_clear(t);
	arb_clear(others);
	arb_clear(drawn);
}

/* The density of the next integer above (or below) k over that of k. */
static void hypergeometric_ratio(arb_t out, arb_srcptr p, const arb_t k, bool up, slong prec)
{
	arb_t a, b, others;
	int one = up ? 1 : 0;

	arb_init(a);
	arb_init(b);
	arb_init(others);
	arb_sub(a, p + 1, k, prec);
	arb_sub(b, p + 2, k, prec);
	arb_add_ui(a, a, up ? 0 : 1, prec);
	arb_add_ui(b, b, up ? 0 : 1, prec);
	arb_mul(out, a, b, prec); /* (K-k)(n-k), or of k-1 */
	arb_sub(others, p, p + 1, prec);
	arb_sub(others, others, p + 2, prec);
	arb_add(others, others, k, prec);
	arb_add_ui(others, others, (ulong)one, prec);
	arb_add_ui(a, k, (ulong)one, prec);
	arb_mul(a, a, others, prec);
	if (up)
		arb_div(out, out, a, prec);
	else
		arb_div(out, a, out, prec);
	arb_clear(a);
	arb_clear(b);
	arb_clear(others);
}

/* The sum of densities from k on, upwards or downwards. The ratios decrease (the density is log-concave), so that once
 * one is below 1, what is left is less than term r/(1-r). */
static void hypergeometric_sum(arb_t out, arb_srcptr p, const arb_t from, bool up, slong prec)
{
	arb_t k, term, ratio, rest;
	mag_t bound, small;

	arb_init(k);
	arb_init(term);
	arb_init(ratio);
	arb_init(rest);
	mag_init(bound);
	mag_init(small);
	arb_set(k, from);
	hypergeometric_density(term, p, k, prec);
	arb_set(out, term);
	for (ulong i = 0; i < DISTRIBUTION_TERMS_MAX; i++) {
		hypergeometric_ratio(ratio, p, k, up, prec);
		arb_sub_ui(rest, ratio, 1, prec);
		arb_neg(rest, rest);
		arb_div(rest, ratio, rest, prec);
		arb_mul(rest, rest, term, prec);
		arb_get_mag(bound, rest);
		arb_get_mag(small, out);
		mag_mul_2exp_si(small, small, -prec - 8);
		if (arb_is_zero(ratio) || (mag_cmp(bound, small) < 0 && !mag_is_inf(bound)) || !arb_is_finite(out))
			break;
		arb_mul(term, term, ratio, prec);
		arb_add(out, out, term, prec);
		if (up)
			arb_add_ui(k, k, 1, prec);
		else
			arb_sub_ui(k, k, 1, prec);
	}
	if (!arb_is_zero(ratio))
		arb_add_error_mag(out, bound);
	arb_clear(k);
	arb_clear(term);
	arb_clear(ratio);
	arb_clear(rest);
	mag_clear(bound);
	mag_clear(small);
}

void distribution_hypergeometric(arb_t out, enum distribution_value what, arb_srcptr p, const arb_t x, slong prec)
{
	arb_t mean, next;

	if (what == DISTRIBUTION_PDF) {
		hypergeometric_density(out, p, x, prec);
		return;
	}
	arb_init(mean);
	arb_init(next);
	arb_mul(mean, p + 1, p + 2, prec);
	arb_div(mean, mean, p, prec);
	arb_add_ui(next, x, 1, prec);
	/* The tail that does not hold the mean is the shorter sum. */
	bool below = arb_lt(x, mean);
	if (below)
		hypergeometric_sum(out, p, x, false, prec);
	else
		hypergeometric_sum(out, p, next, true, prec);
	if (below != (what == DISTRIBUTION_CDF)) {
		arb_sub_ui(out, out, 1, prec);
		arb_neg(out, out);
	}
	arb_clear(mean);
	arb_clear(next);
}

/* ---- rationals ---- */

bool distribution_uniform_exact(fmpq_t out, enum distribution_value what, const fmpq *p, const fmpq_t x, double digits)
{
	fmpq_t width;

	(void)digits; /* as long as the arguments */
	fmpq_init(width);
	fmpq_sub(width, p + 1, p);
	if (what == DISTRIBUTION_PDF)
		fmpq_one(out);
	else if (what == DISTRIBUTION_CDF)
		fmpq_sub(out, x, p);
	else
		fmpq_sub(out, p + 1, x);
	fmpq_div(out, out, width);
	fmpq_clear(width);
	return true;
}

static bool small_count(const fmpq_t x)
{
	return fmpz_cmp_si(fmpq_numref(x), EXACT_COUNT_MAX) <= 0;
}

/* The sum of C(n,j) u^j w^(n-j) for j from 0 to k, u and w above 0. */
static void binomial_sum(fmpz_t out, ulong n, ulong k, const fmpz_t u, const fmpz_t w)
{
	fmpz_t term;

	fmpz_init(term);
	fmpz_pow_ui(term, w, n);
	fmpz_set(out, term);
	for (ulong j = 0; j < k; j++) {
		fmpz_divexact(term, term, w);
		fmpz_mul(term, term, u);
		fmpz_mul_ui(term, term, n - j);
		fmpz_divexact_ui(term, term, j + 1);
		fmpz_add(out, out, term);
	}
	fmpz_clear(term);
}

/* Of k successes in n trials. */
static bool binomial_exact(fmpq_t out, enum distribution_value what, ulong n, const fmpq_t p, ulong k, double digits)
{
	fmpz_t w, total, part;
	const fmpz *u = fmpq_numref(p), *v = fmpq_denref(p);

	if ((double)n * log10(fmpz_get_d(v)) > digits)
		return false;
	fmpz_init(w);
	fmpz_init(total);
	fmpz_init(part);
	fmpz_sub(w, v, u);
	fmpz_pow_ui(total, v, n);
	if (what == DISTRIBUTION_PDF) {
		fmpz_bin_uiui(part, n, k);
		fmpz_pow_ui(fmpq_numref(out), u, k);
		fmpz_mul(part, part, fmpq_numref(out));
		fmpz_pow_ui(fmpq_numref(out), w, n - k);
		fmpz_mul(part, part, fmpq_numref(out));
	} else {
		bool lower = k <= n / 2;
		if (fmpz_is_zero(u))
			fmpz_set(part, total); /* all mass at 0 */
		else if (fmpz_is_zero(w))
			fmpz_set_ui(part, k >= n ? 1 : 0);
		else if (lower)
			binomial_sum(part, n, k, u, w);
		else if (k < n)
			binomial_sum(part, n, n - k - 1, w, u); /* the upper tail, by failures */
		if (!fmpz_is_zero(u) && !fmpz_is_zero(w) && !lower)
			fmpz_sub(part, total, part);
		if (what == DISTRIBUTION_SF)
			fmpz_sub(part, total, part);
	}
	fmpq_set_fmpz_frac(out, part, total);
	fmpz_clear(w);
	fmpz_clear(total);
	fmpz_clear(part);
	return true;
}

bool distribution_binomial_exact(fmpq_t out, enum distribution_value what, const fmpq *p, const fmpq_t x, double digits)
{
	if (!small_count(p))
		return false;
	return binomial_exact(out, what, fmpz_get_ui(fmpq_numref(p)), p + 1, fmpz_get_ui(fmpq_numref(x)), digits);
}

bool distribution_geometric_exact(fmpq_t out, enum distribution_value what, const fmpq *p, const fmpq_t x,
				  double digits)
{
	fmpq_t q;

	if (!small_count(x) || (fmpz_get_d(fmpq_numref(x)) + 1) * log10(fmpz_get_d(fmpq_denref(p))) > digits)
		return false;
	slong k = fmpz_get_si(fmpq_numref(x));
	fmpq_init(q);
	fmpq_one(q);
	fmpq_sub(q, q, p);
	fmpq_pow_si(out, q, what == DISTRIBUTION_PDF ? k : k + 1);
	if (what == DISTRIBUTION_PDF) {
		fmpq_mul(out, out, p);
	} else if (what == DISTRIBUTION_CDF) {
		fmpq_one(q);
		fmpq_sub(out, q, out);
	}
	fmpq_clear(q);
	return true;
}

/* At most k failures before the r-th success means at least r successes in r+k trials. */
bool distribution_negative_binomial_exact(fmpq_t out, enum distribution_value what, const fmpq *p, const fmpq_t x,
					  double digits)
{
	if (!fmpz_is_one(fmpq_denref(p)) || !small_count(p) || !small_count(x))
		return false;
	ulong r = fmpz_get_ui(fmpq_numref(p)), k = fmpz_get_ui(fmpq_numref(x));
	if (what != DISTRIBUTION_PDF)
		return binomial_exact(out, what == DISTRIBUTION_CDF ? DISTRIBUTION_SF : DISTRIBUTION_CDF, r + k, p + 1,
				      r - 1, digits);
	/* The last trial is a success: r-1 of the others are. */
	if (!binomial_exact(out, DISTRIBUTION_PDF, r + k - 1, p + 1, r - 1, digits))
		return false;
	fmpq_mul(out, out, p + 1);
	return true;
}

/* The number of ways to draw k of the K among n of N. */
static void hypergeometric_ways(fmpz_t out, const ulong *v, ulong k)
{
	fmpz_t t;

	fmpz_init(t);
	fmpz_bin_uiui(out, v[1], k);
	fmpz_bin_uiui(t, v[0] - v[1], v[2] - k);
	fmpz_mul(out, out, t);
	fmpz_clear(t);
}

bool distribution_hypergeometric_exact(fmpq_t out, enum distribution_value what, const fmpq *p, const fmpq_t x,
				       double digits)
{
	fmpz_t part, total, sum;
	ulong v[3], k = fmpz_get_ui(fmpq_numref(x));

	for (int i = 0; i < 3; i++) {
		if (!small_count(p + i))
			return false;
		v[i] = fmpz_get_ui(fmpq_numref(p + i));
	}
	double drawn = (double)v[2], left = (double)(v[0] - v[2]);
	if ((lgamma(drawn + left + 1) - lgamma(drawn + 1) - lgamma(left + 1)) / M_LN10 > digits)
		return false;
	fmpz_init(part);
	fmpz_init(total);
	fmpz_init(sum);
	fmpz_bin_uiui(total, v[0], v[2]);
	hypergeometric_ways(part, v, k);
	fmpz_set(sum, part);
	for (ulong j = k; what != DISTRIBUTION_PDF && j > 0 && j + v[0] > v[1] + v[2]; j--) {
		fmpz_mul_ui(part, part, j);
		fmpz_mul_ui(part, part, v[0] - v[1] - v[2] + j);
		fmpz_divexact_ui(part, part, v[1] - j + 1);
		fmpz_divexact_ui(part, part, v[2] - j + 1);
		fmpz_add(sum, sum, part);
	}
	if (what == DISTRIBUTION_SF)
		fmpz_sub(sum, total, sum);
	fmpq_set_fmpz_frac(out, sum, total);
	fmpz_clear(part);
	fmpz_clear(total);
	fmpz_clear(sum);
	return true;
}
