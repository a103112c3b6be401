/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The continuous distributions inside their supports. */
#include <arb_hypgeom.h>

#include "math/distribution_parts.h"

/* ---- incomplete functions ---- */

/* P(a,x) = x^a e^-x / Gamma(a+1) (1 + x/(a+1) + x^2/((a+1)(a+2)) + …), DLMF 8.7.1 and 8.5.1: positive terms, whose
 * ratio falls below 1 at once for x <= a+1. */
static void igamma_series(arb_t out, const arb_t a, const arb_t x, slong prec)
{
	arb_t term, sum, ratio, rest;
	mag_t small, bound;

	arb_init(term);
	arb_init(sum);
	arb_init(ratio);
	arb_init(rest);
	mag_init(small);
	mag_init(bound);
	arb_one(term);
	arb_one(sum);
	mag_set_ui_2exp_si(small, 1, -prec - 8);
	for (ulong n = 1;; n++) {
		arb_add_ui(ratio, a, n, prec);
		arb_div(ratio, x, ratio, prec);
		arb_mul(term, term, ratio, prec);
		arb_add(sum, sum, term, prec);
		/* What is left is less than term r/(1-r), with r the ratio of this step. */
		arb_sub_ui(rest, ratio, 1, prec);
		arb_neg(rest, rest);
		arb_div(rest, ratio, rest, prec);
		arb_mul(rest, rest, term, prec);
		arb_get_mag(bound, rest);
		if (mag_cmp(bound, small) < 0 || !arb_is_finite(sum) || n >= 100000000)
			break;
	}
	arb_add_error_mag(sum, bound);
	arb_log(term, x, prec);
	arb_mul(term, term, a, prec);
	arb_sub(term, term, x, prec);
	arb_add_ui(ratio, a, 1, prec);
	arb_lgamma(ratio, ratio, prec);
	arb_sub(term, term, ratio, prec);
	arb_exp(term, term, prec);
	arb_mul(out, sum, term, prec);
	arb_clear(term);
	arb_clear(sum);
	arb_clear(ratio);
	arb_clear(rest);
	mag_clear(small);
	mag_clear(bound);
}

void distribution_igamma(arb_t out, const arb_t a, const arb_t x, bool upper, slong prec)
{
	arb_t next;

	if (arb_is_zero(x)) {
		arb_set_ui(out, upper ? 1 : 0);
		return;
	}
	arb_init(next);
	arb_add_ui(next, a, 1, prec);
	/* Below its middle the lower tail is the smaller one, above it the upper tail: that one is computed. */
	bool below = arb_lt(x, next);
	if (below)
		igamma_series(next, a, x, prec);
	else
		arb_hypgeom_gamma_upper(next, a, x, 1, prec);
	if (below == upper) {
		arb_sub_ui(next, next, 1, prec);
		arb_neg(next, next);
	}
	arb_swap(out, next);
	arb_clear(next);
}

void distribution_ibeta(arb_t out, const arb_t a, const arb_t b, const arb_t x, const arb_t y, slong prec)
{
	arb_t middle, mass;

	if (arb_is_zero(x) || arb_is_zero(y)) {
		arb_set_ui(out, arb_is_zero(y) ? 1 : 0);
		return;
	}
	arb_init(middle);
	arb_init(mass);
	/* Above the middle, (a+1)/(a+b+2), the other tail is the smaller one: I_x(a,b) = 1 - I_y(b,a), DLMF 8.17.4. */
	arb_add(mass, a, b, prec);
	arb_add_ui(mass, mass, 2, prec);
	arb_mul(mass, mass, x, prec);
	arb_add_ui(middle, a, 1, prec);
	if (arb_gt(mass, middle)) {
		arb_hypgeom_beta_lower(mass, b, a, y, 1, prec);
		arb_sub_ui(mass, mass, 1, prec);
		arb_neg(out, mass);
	} else {
		arb_hypgeom_beta_lower(out, a, b, x, 1, prec);
	}
	arb_clear(middle);
	arb_clear(mass);
}

/* x^e for x >= 0, with the limit from above at 0. */
static void power(arb_t out, const arb_t x, const arb_t e, slong prec)
{
	if (!arb_is_zero(x))
		arb_pow(out, x, e, prec);
	else if (arb_is_zero(e))
		arb_one(out);
	else if (arb_is_positive(e))
		arb_zero(out);
	else if (arb_is_negative(e))
		arb_pos_inf(out);
	else
		arb_indeterminate(out);
}

/* The product of a factor that may be an exact infinity (a pole of the density) and a positive one. */
static void scale_up(arb_t out, const arb_t factor, const arb_t by, slong prec)
{
	if (arb_is_exact(factor) && arf_is_pos_inf(arb_midref(factor)))
		arb_pos_inf(out);
	else
		arb_mul(out, factor, by, prec);
}

/* ---- normal and its relatives ---- */

static void standard_normal(arb_t out, enum distribution_value what, const arb_t z, slong prec)
{
	arb_t t;

	arb_init(t);
	if (what == DISTRIBUTION_PDF) {
		arb_mul(t, z, z, prec);
		arb_mul_2exp_si(t, t, -1);
		arb_neg(t, t);
		arb_exp(out, t, prec);
		arb_const_pi(t, prec);
		arb_mul_2exp_si(t, t, 1);
		arb_rsqrt(t, t, prec);
		arb_mul(out, out, t, prec);
	} else {
		arb_sqrt_ui(t, 2, prec);
		arb_div(t, z, t, prec);
		if (what == DISTRIBUTION_CDF)
			arb_neg(t, t);
		arb_hypgeom_erfc(out, t, prec);
		arb_mul_2exp_si(out, out, -1);
	}
	arb_clear(t);
}

void distribution_normal(arb_t out, enum distribution_value what, arb_srcptr p, const arb_t x, slong prec)
{
	arb_t z;

	arb_init(z);
	arb_sub(z, x, p, prec);
	arb_div(z, z, p + 1, prec);
	standard_normal(out, what, z, prec);
	if (what == DISTRIBUTION_PDF)
		arb_div(out, out, p + 1, prec);
	arb_clear(z);
}

void distribution_lognormal(arb_t out, enum distribution_value what, arb_srcptr p, const arb_t x, slong prec)
{
	arb_t z;

	if (arb_is_zero(x)) { /* the density falls to 0 there */
		arb_zero(out);
		return;
	}
	arb_init(z);
	arb_log(z, x, prec);
	arb_sub(z, z, p, prec);
	arb_div(z, z, p + 1, prec);
	standard_normal(out, what, z, prec);
	if (what == DISTRIBUTION_PDF) {
		arb_div(out, out, p + 1, prec);
		arb_div(out, out, x, prec);
	}
	arb_clear(z);
}

/* Of an exact t > 0: half the incomplete beta function of df/(df+t^2), A&S 26.5.27. */
static void positive_t_tail(arb_t out, const arb_t t, const arb_t df, slong prec)
{
	arb_t half, shape, x, y;

	arb_init(half);
	arb_init(shape);
	arb_init(x);
	arb_init(y);
	arb_set_d(half, 0.5);
	arb_mul_2exp_si(shape, df, -1);
	arb_mul(y, t, t, prec);
	arb_add(half, y, df, prec);
	arb_div(x, df, half, prec);
	arb_div(y, y, half, prec);
	arb_set_d(half, 0.5);
	distribution_ibeta(out, shape, half, x, y, prec);
	arb_mul_2exp_si(out, out, -1);
	arb_clear(half);
	arb_clear(shape);
	arb_clear(x);
	arb_clear(y);
}

void distribution_t_tail(arb_t out, const arb_t t, const arb_t df, slong prec)
{
	arb_t far, rest;
	bool below = arb_is_negative(t); /* out may be t */

	if (arb_is_zero(t)) {
		arb_set_d(out, 0.5);
		return;
	}
	arb_init(far);
	arb_init(rest);
	if (arb_contains_zero(t)) { /* between the tails at the farthest point on both sides */
		arb_get_abs_ubound_arf(arb_midref(far), t, prec);
		positive_t_tail(out, far, df, prec);
		arb_sub_ui(rest, out, 1, prec);
		arb_neg(rest, rest);
		arb_union(out, out, rest, prec);
	} else {
		arb_abs(far, t);
		positive_t_tail(out, far, df, prec);
		if (below) {
			arb_sub_ui(out, out, 1, prec);
			arb_neg(out, out);
		}
	}
	arb_clear(far);
	arb_clear(rest);
}

static void student_t_density(arb_t out, const arb_t df, const arb_t t, slong prec)
{
	arb_t half, next, base;

	arb_init(half);
	arb_init(next);
	arb_init(base);
	arb_mul_2exp_si(half, df, -1);
	arb_add_ui(next, df, 1, prec);
	arb_mul_2exp_si(next, next, -1);
	arb_mul(base, t, t, prec);
	arb_div(base, base, df, prec);
	arb_log1p(base, base, prec);
	arb_mul(base, base, next, prec);
	arb_lgamma(next, next, prec);
	arb_lgamma(half, half, prec);
	arb_sub(next, next, half, prec);
	arb_sub(next, next, base, prec);
	arb_exp(next, next, prec);
	arb_const_pi(base, prec);
	arb_mul(base, base, df, prec);
	arb_sqrt(base, base, prec);
	arb_div(out, next, base, prec);
	arb_clear(half);
	arb_clear(next);
	arb_clear(base);
}

void distribution_student_t(arb_t out, enum distribution_value what, arb_srcptr p, const arb_t x, slong prec)
{
	arb_t t;

	if (what == DISTRIBUTION_PDF) {
		student_t_density(out, p, x, prec);
		return;
	}
	arb_init(t);
	if (what == DISTRIBUTION_SF)
		arb_set(t, x);
	else
		arb_neg(t, x);
	distribution_t_tail(out, t, p, prec);
	arb_clear(t);
}

void distribution_cauchy(arb_t out, enum distribution_value what, arb_srcptr p, const arb_t x, slong prec)
{
	arb_t z, pi;

	arb_init(z);
	arb_init(pi);
	arb_const_pi(pi, prec);
	arb_sub(z, x, p, prec);
	arb_div(z, z, p + 1, prec);
	if (what == DISTRIBUTION_PDF) {
		arb_mul(z, z, z, prec);
		arb_add_ui(z, z, 1, prec);
		arb_mul(z, z, pi, prec);
		arb_mul(z, z, p + 1, prec);
		arb_inv(out, z, prec);
	} else {
		if (what == DISTRIBUTION_CDF)
			arb_neg(z, z);
		/* The upper tail at z: atan(1/z)/pi for z > 0, 1/2 - atan(z)/pi else. */
		if (arb_is_positive(z)) {
			arb_inv(z, z, prec);
			arb_atan(z, z, prec);
			arb_div(out, z, pi, prec);
		} else {
			arb_atan(z, z, prec);
			arb_div(z, z, pi, prec);
			arb_set_d(pi, 0.5);
			arb_sub(out, pi, z, prec);
		}
	}
	arb_clear(z);
	arb_clear(pi);
}

/* ---- gamma and its relatives ---- */

void distribution_gamma(arb_t out, enum distribution_value what, arb_srcptr p, const arb_t x, slong prec)
{
	arb_t y, t, density;

	arb_init(y);
	arb_init(t);
	arb_init(density);
	arb_mul(y, x, p + 1, prec);
	if (what == DISTRIBUTION_PDF) {
		arb_sub_ui(t, p, 1, prec);
		power(density, y, t, prec);
		arb_lgamma(t, p, prec);
		arb_add(t, t, y, prec);
		arb_neg(t, t);
		arb_exp(t, t, prec);
		arb_mul(t, t, p + 1, prec);
		scale_up(out, density, t, prec);
	} else {
		distribution_igamma(out, p, y, what == DISTRIBUTION_SF, prec);
	}
	arb_clear(y);
	arb_clear(t);
	arb_clear(density);
}

void distribution_chi_square(arb_t out, enum distribution_value what, arb_srcptr p, const arb_t x, slong prec)
{
	arb_ptr gamma = _arb_vec_init(2);

	arb_mul_2exp_si(gamma, p, -1);
	arb_set_d(gamma + 1, 0.5);
	distribution_gamma(out, what, gamma, x, prec);
	_arb_vec_clear(gamma, 2);
}

void distribution_chi_square_tail(arb_t out, const arb_t x, const arb_t df, slong prec)
{
	distribution_chi_square(out, DISTRIBUTION_SF, df, x, prec);
}

void distribution_exponential(arb_t out, enum distribution_value what, arb_srcptr p, const arb_t x, slong prec)
{
	arb_t y;

	arb_init(y);
	arb_mul(y, x, p, prec);
	arb_neg(y, y);
	if (what == DISTRIBUTION_CDF) {
		arb_expm1(out, y, prec);
		arb_neg(out, out);
	} else {
		arb_exp(out, y, prec);
		if (what == DISTRIBUTION_PDF)
			arb_mul(out, out, p, prec);
	}
	arb_clear(y);
}

void distribution_weibull(arb_t out, enum distribution_value what, arb_srcptr p, const arb_t x, slong prec)
{
	arb_t y, t, one_less;

	arb_init(y);
	arb_init(t);
	arb_init(one_less);
	arb_div(y, x, p + 1, prec);
	power(t, y, p, prec);
	arb_neg(t, t);
	if (what == DISTRIBUTION_CDF) {
		arb_expm1(out, t, prec);
		arb_neg(out, out);
	} else {
		arb_exp(t, t, prec);
		if (what == DISTRIBUTION_PDF) {
			arb_mul(t, t, p, prec);
			arb_div(t, t, p + 1, prec);
			arb_sub_ui(one_less, p, 1, prec);
			power(y, y, one_less, prec);
			scale_up(t, y, t, prec);
		}
		arb_set(out, t);
	}
	arb_clear(y);
	arb_clear(t);
	arb_clear(one_less);
}

/* ---- beta and its relatives ---- */

/* x^(a-1) y^(b-1) / B(a,b), y = 1-x. */
static void beta_density(arb_t out, const arb_t a, const arb_t b, const arb_t x, const arb_t y, slong prec)
{
	arb_t t, left, right;

	arb_init(t);
	arb_init(left);
	arb_init(right);
	arb_sub_ui(t, a, 1, prec);
	power(left, x, t, prec);
	arb_sub_ui(t, b, 1, prec);
	power(right, y, t, prec);
	arb_add(t, a, b, prec);
	arb_lgamma(t, t, prec);
	/* x and y are not both 0: at most one factor is an infinity, the other one is 1 then */
	if (arf_is_pos_inf(arb_midref(right)))
		arb_swap(left, right);
	scale_up(left, left, right, prec);
	arb_lgamma(right, a, prec);
	arb_sub(t, t, right, prec);
	arb_lgamma(right, b, prec);
	arb_sub(t, t, right, prec);
	arb_exp(t, t, prec);
	scale_up(out, left, t, prec);
	arb_clear(t);
	arb_clear(left);
	arb_clear(right);
}

void distribution_beta(arb_t out, enum distribution_value what, arb_srcptr p, const arb_t x, slong prec)
{
	arb_t y;

	arb_init(y);
	arb_sub_ui(y, x, 1, prec);
	arb_neg(y, y);
	if (what == DISTRIBUTION_PDF)
		beta_density(out, p, p + 1, x, y, prec);
	else if (what == DISTRIBUTION_CDF)
		distribution_ibeta(out, p, p + 1, x, y, prec);
	else
		distribution_ibeta(out, p + 1, p, y, x, prec);
	arb_clear(y);
}

/* By way of d1 x/(d1 x + d2), which has a beta distribution, A&S 26.6.2. */
void distribution_f(arb_t out, enum distribution_value what, arb_srcptr p, const arb_t x, slong prec)
{
	arb_t a, b, u, v, sum, density;

	arb_init(a);
	arb_init(b);
	arb_init(u);
	arb_init(v);
	arb_init(sum);
	arb_init(density);
	arb_mul_2exp_si(a, p, -1);
	arb_mul_2exp_si(b, p + 1, -1);
	arb_mul(u, x, p, prec);
	arb_add(sum, u, p + 1, prec);
	arb_div(u, u, sum, prec);
	arb_div(v, p + 1, sum, prec);
	if (what == DISTRIBUTION_CDF) {
		distribution_ibeta(out, a, b, u, v, prec);
	} else if (what == DISTRIBUTION_SF) {
		distribution_ibeta(out, b, a, v, u, prec);
	} else {
		beta_density(density, a, b, u, v, prec);
		arb_mul(v, v, p, prec); /* du/dx = d1 d2/(d1 x + d2)^2 */
		arb_div(v, v, sum, prec);
		scale_up(out, density, v, prec);
	}
	arb_clear(a);
	arb_clear(b);
	arb_clear(u);
	arb_clear(v);
	arb_clear(sum);
	arb_clear(density);
}

void distribution_f_tail(arb_t out, const arb_t x, const arb_t df1, const arb_t df2, slong prec)
{
	arb_ptr p = _arb_vec_init(2);

	arb_set(p, df1);
	arb_set(p + 1, df2);
	distribution_f(out, DISTRIBUTION_SF, p, x, prec);
	_arb_vec_clear(p, 2);
}

void distribution_uniform(arb_t out, enum distribution_value what, arb_srcptr p, const arb_t x, slong prec)
{
	arb_t width, t;

	arb_init(width);
	arb_init(t);
	arb_sub(width, p + 1, p, prec);
	if (what == DISTRIBUTION_PDF)
		arb_one(t);
	else if (what == DISTRIBUTION_CDF)
		arb_sub(t, x, p, prec);
	else
		arb_sub(t, p + 1, x, prec);
	arb_div(out, t, width, prec);
	arb_clear(width);
	arb_clear(t);
}
