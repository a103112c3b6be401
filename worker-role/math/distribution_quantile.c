/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Quantiles. In closed form where there is one; else a positive root x of tail(x) = q is bracketed by powers of two,
 * narrowed by bisection, approached by Newton's method on the logarithm of the tail (which is nearly straight or nearly
 * quadratic far out), and at last enclosed: the tail on both sides of the root proves it, whatever led there. */
#include <math.h>

#include "math/distribution_parts.h"

#define SEARCH_BITS 64L
#define SEARCH_EXPONENT_MAX (1L << 24) /* roots outside 2^±this are given up */
#define BISECTIONS 8
#define NEWTON_STEPS 100
#define SIGN_BITS_MAX 4096 /* to tell a tail from q while searching */

struct search {
	distribution_value_fn *value;
	arb_srcptr p;
	arb_srcptr q;
	bool tail;
};

/* Whether x lies below (-1) or above (1) the root: by the tail's distance from q, with up to `most` bits; 0: unknown.
 */
static int side(const struct search *s, const arb_t x, slong prec, slong most)
{
	arb_t v;
	int sign = 0;

	arb_init(v);
	for (; sign == 0 && prec <= most; prec *= 2) {
		s->value(v, s->tail ? DISTRIBUTION_SF : DISTRIBUTION_CDF, s->p, x, prec);
		arb_sub(v, v, s->q, prec);
		sign = arb_is_positive(v) ? 1 : arb_is_negative(v) ? -1 : 0;
	}
	arb_clear(v);
	return s->tail ? -sign : sign;
}

/* Points 1.2 2^k: no root that somebody is likely to ask for lies on one. */
static int side_at_power(const struct search *s, slong k, arb_t x)
{
	arb_set_d(x, 1.2);
	arb_mul_2exp_si(x, x, k);
	return side(s, x, SEARCH_BITS, SIGN_BITS_MAX);
}

/* [low, high] with high = 2 low around the root; top: largest power to try. */
static bool bracket(const struct search *s, slong top, arb_t low, arb_t high)
{
	slong inside = 0, outside = 0, step = 1;
	int first;

	if (top < 0)
		inside = top;
	first = side_at_power(s, inside, low);
	if (first == 0)
		return false;
	/* Away from the first point, twice as far each time, until the root is passed. */
	for (outside = inside;; step *= 2) {
		slong next = first < 0 ? outside + step : outside - step;
		if (next > top) {
			outside = top + 1; /* beyond it, the support ends */
			break;
		}
		if (next > SEARCH_EXPONENT_MAX || next < -SEARCH_EXPONENT_MAX)
			return false;
		inside = outside;
		outside = next;
		int now = side_at_power(s, outside, low);
		if (now == 0)
			return false;
		if (now != first)
			break;
	}
	slong a = first < 0 ? inside : outside, b = first < 0 ? outside : inside;
	while (b - a > 1) {
		slong middle = a + (b - a) / 2;
		int now = side_at_power(s, middle, low);
		if (now == 0)
			return false;
		if (now < 0)
			a = middle;
		else
			b = middle;
	}
	arb_set_d(low, 1.2);
	arb_mul_2exp_si(high, low, b);
	arb_mul_2exp_si(low, low, a);
	return true;
}

/* One step of Newton's method for log tail(x) = log q from the exact x: the next x. */
static void newton(const struct search *s, const arb_t x, arb_t next, slong prec)
{
	arb_t tail, density;

	arb_init(tail);
	arb_init(density);
	s->value(tail, s->tail ? DISTRIBUTION_SF : DISTRIBUTION_CDF, s->p, x, prec);
	s->value(density, DISTRIBUTION_PDF, s->p, x, prec);
	arb_div(density, tail, density, prec);
	arb_div(tail, tail, s->q, prec);
	arb_log(tail, tail, prec);
	arb_mul(tail, tail, density, prec);
	if (s->tail)
		arb_add(next, x, tail, prec);
	else
		arb_sub(next, x, tail, prec);
	arb_clear(tail);
	arb_clear(density);
}

/* x: an exact point near the root, to about prec bits. */
static void approach(const struct search *s, arb_t low, arb_t high, arb_t x, slong prec)
{
	arb_t next, change;
	slong wp = SEARCH_BITS;

	arb_init(next);
	arb_init(change);
	for (int i = 0; i < NEWTON_STEPS; i++) {
		if (i < BISECTIONS || !arb_is_finite(x) || !arb_gt(x, low) || !arb_lt(x, high)) {
			arb_add(x, low, high, wp);
			arb_mul_2exp_si(x, x, -1);
			arb_get_mid_arb(x, x);
			int at = side(s, x, SEARCH_BITS, 4 * SEARCH_BITS);
			if (at < 0)
				arb_set(low, x);
			else if (at > 0)
				arb_set(high, x);
			if (i < BISECTIONS)
				continue;
		}
		newton(s, x, next, wp);
		arb_get_mid_arb(next, next);
		arb_sub(change, next, x, wp);
		arb_div(change, change, x, wp);
		arb_swap(x, next);
		if (!arb_is_finite(change))
			continue;
		/* The error of the new point is about the square of the change. */
		slong good = wp;
		if (!arf_is_zero(arb_midref(change)))
			good = -2 * arf_abs_bound_lt_2exp_si(arb_midref(change));
		/* No better than rounding lets it be: the last step is one with all bits. */
		if (good > prec + 10 && wp >= prec + SEARCH_BITS)
			break;
		if (good > wp - 16)
			wp = (2 * wp < prec + SEARCH_BITS ? 2 * wp : prec + SEARCH_BITS);
	}
	arb_clear(next);
	arb_clear(change);
}

/* The ball around x that provably holds the root; indeterminate when prec does not suffice. */
static void enclose(const struct search *s, const arb_t x, arb_t out, slong prec)
{
	static const slong lost[] = { 4, 12, 24, 40 };
	arb_t low, high, width;

	arb_init(low);
	arb_init(high);
	arb_init(width);
	arb_indeterminate(out);
	for (size_t i = 0; i < sizeof lost / sizeof *lost && !arb_is_finite(out); i++) {
		slong wp = prec + SEARCH_BITS;
		arb_mul_2exp_si(width, x, lost[i] - prec);
		arb_sub(low, x, width, wp);
		arb_add(high, x, width, wp);
		arb_get_mid_arb(low, low);
		arb_get_mid_arb(high, high);
		if (side(s, low, wp, wp) < 0 && side(s, high, wp, wp) > 0)
			arb_union(out, low, high, wp);
	}
	arb_clear(low);
	arb_clear(high);
	arb_clear(width);
}

/* The root above 0, and below 1.2 2^top. */
static void positive_root(arb_t out, const struct search *s, slong top, slong prec)
{
	arb_t low, high, x;

	arb_init(low);
	arb_init(high);
	arb_init(x);
	arb_indeterminate(out);
	if (arb_is_finite(s->q) && bracket(s, top, low, high)) {
		approach(s, low, high, x, prec);
		if (arb_is_finite(x) && arb_is_positive(x))
			enclose(s, x, out, prec);
	}
	arb_clear(low);
	arb_clear(high);
	arb_clear(x);
}

/* Of a distribution that is symmetric around 0. */
static void symmetric_root(arb_t out, distribution_value_fn *value, arb_srcptr p, const arb_t q, bool tail, slong prec)
{
	struct search s = { value, p, q, true };
	arb_t half, rest;

	arb_init(half);
	arb_init(rest);
	arb_set_d(half, 0.5);
	arb_sub_ui(rest, q, 1, prec);
	arb_neg(rest, rest);
	bool lower = arb_lt(q, half);
	if (!lower)
		s.q = rest;
	if (arb_is_exact(q) && arb_equal(q, half))
		arb_zero(out);
	else
		positive_root(out, &s, SEARCH_EXPONENT_MAX, prec);
	if (lower != tail)
		arb_neg(out, out);
	arb_clear(half);
	arb_clear(rest);
}

/* ---- each distribution ---- */

void distribution_student_t_quantile(arb_t out, arb_srcptr p, const arb_t q, bool tail, slong prec)
{
	symmetric_root(out, distribution_student_t, p, q, tail, prec);
}

static void standard_normal_quantile(arb_t out, const arb_t q, bool tail, slong prec)
{
	arb_ptr p = _arb_vec_init(2);

	arb_one(p + 1);
	symmetric_root(out, distribution_normal, p, q, tail, prec);
	_arb_vec_clear(p, 2);
}

void distribution_normal_quantile(arb_t out, arb_srcptr p, const arb_t q, bool tail, slong prec)
{
	arb_t z;

	arb_init(z);
	standard_normal_quantile(z, q, tail, prec);
	arb_mul(z, z, p + 1, prec);
	arb_add(out, z, p, prec);
	arb_clear(z);
}

void distribution_lognormal_quantile(arb_t out, arb_srcptr p, const arb_t q, bool tail, slong prec)
{
	distribution_normal_quantile(out, p, q, tail, prec);
	arb_exp(out, out, prec);
}

void distribution_gamma_quantile(arb_t out, arb_srcptr p, const arb_t q, bool tail, slong prec)
{
	arb_ptr unit = _arb_vec_init(2);
	struct search s = { distribution_gamma, unit, q, tail };

	arb_set(unit, p);
	arb_one(unit + 1);
	positive_root(out, &s, SEARCH_EXPONENT_MAX, prec);
	arb_div(out, out, p + 1, prec);
	_arb_vec_clear(unit, 2);
}

void distribution_chi_square_quantile(arb_t out, arb_srcptr p, const arb_t q, bool tail, slong prec)
{
	arb_ptr gamma = _arb_vec_init(2);

	arb_mul_2exp_si(gamma, p, -1);
	arb_set_d(gamma + 1, 0.5);
	distribution_gamma_quantile(out, gamma, q, tail, prec);
	_arb_vec_clear(gamma, 2);
}

/* A root near 1 is found as the distance from 1, where the distribution with a and b exchanged has it. */
void distribution_beta_quantile(arb_t out, arb_srcptr p, const arb_t q, bool tail, slong prec)
{
	arb_ptr turned = _arb_vec_init(2);
	struct search s = { distribution_beta, p, q, tail };
	arb_t half;

	arb_init(half);
	arb_set_d(half, 0.5);
	arb_set(turned, p + 1);
	arb_set(turned + 1, p);
	if (side(&s, half, SEARCH_BITS, 4 * SEARCH_BITS) < 0) {
		s.p = turned;
		s.tail = !tail;
		positive_root(out, &s, -1, prec);
		arb_sub_ui(out, out, 1, prec);
		arb_neg(out, out);
	} else {
		positive_root(out, &s, -1, prec);
	}
	arb_clear(half);
	_arb_vec_clear(turned, 2);
}

void distribution_f_quantile(arb_t out, arb_srcptr p, const arb_t q, bool tail, slong prec)
{
	struct search s = { distribution_f, p, q, tail };

	positive_root(out, &s, SEARCH_EXPONENT_MAX, prec);
}

/* -log of the upper tail: the quantile of the exponential distribution of rate 1. */
static void minus_log_tail(arb_t out, const arb_t q, bool tail, slong prec)
{
	if (tail) {
		arb_log(out, q, prec);
	} else {
		arb_neg(out, q);
		arb_log1p(out, out, prec);
	}
	arb_neg(out, out);
}

void distribution_exponential_quantile(arb_t out, arb_srcptr p, const arb_t q, bool tail, slong prec)
{
	minus_log_tail(out, q, tail, prec);
	arb_div(out, out, p, prec);
}

void distribution_weibull_quantile(arb_t out, arb_srcptr p, const arb_t q, bool tail, slong prec)
{
	arb_t power;

	arb_init(power);
	minus_log_tail(out, q, tail, prec);
	arb_inv(power, p, prec);
	arb_pow(out, out, power, prec);
	arb_mul(out, out, p + 1, prec);
	arb_clear(power);
}

void distribution_uniform_quantile(arb_t out, arb_srcptr p, const arb_t q, bool tail, slong prec)
{
	arb_t way;

	arb_init(way);
	arb_sub(way, p + 1, p, prec);
	arb_mul(way, way, q, prec);
	if (tail)
		arb_sub(out, p + 1, way, prec);
	else
		arb_add(out, p, way, prec);
	arb_clear(way);
}

/* location ∓ scale cot(pi q) */
void distribution_cauchy_quantile(arb_t out, arb_srcptr p, const arb_t q, bool tail, slong prec)
{
	arb_t way;

	arb_init(way);
	arb_cot_pi(way, q, prec);
	arb_mul(way, way, p + 1, prec);
	if (tail)
		arb_add(out, p, way, prec);
	else
		arb_sub(out, p, way, prec);
	arb_clear(way);
}

/* ---- integers ---- */

struct integer_search {
	const struct distribution *d;
	arb_srcptr p;
	arb_srcptr q;
	const fmpq *rp, *rq;
	struct op_failure *f;
};

/* Whether cdf(k) >= q: 1, 0; -1 with *f. */
static int reaches(const struct integer_search *s, const fmpz_t k)
{
	arb_t x, v;
	fmpq_t exact, at;
	int answer = -1;

	arb_init(x);
	arb_init(v);
	for (slong prec = SEARCH_BITS; answer < 0 && prec <= SIGN_BITS_MAX; prec *= 2) {
		arb_set_round_fmpz(x, k, prec + (slong)fmpz_bits(k));
		distribution_value(v, s->d, DISTRIBUTION_CDF, s->p, x, prec);
		arb_sub(v, v, s->q, prec);
		if (arb_is_nonnegative(v) || arb_is_negative(v))
			answer = arb_is_negative(v) ? 0 : 1;
		else if (s->rp && s->d->exact && prec == 4 * SEARCH_BITS) { /* they may well be equal */
			fmpq_init(exact);
			fmpq_init(at);
			fmpz_set(fmpq_numref(at), k);
			if (distribution_exact(exact, s->d, DISTRIBUTION_CDF, s->rp, at, 100000))
				answer = fmpq_cmp(exact, s->rq) >= 0 ? 1 : 0;
			fmpq_clear(exact);
			fmpq_clear(at);
		}
	}
	if (answer < 0)
		op_fail(s->f, OP_DID_NOT_CONVERGE,
			"a value of the distribution function cannot be told from the probability");
	arb_clear(x);
	arb_clear(v);
	return answer;
}

int distribution_quantile_integer(fmpz_t out, const struct distribution *d, arb_srcptr p, const arb_t q, const fmpq *rp,
				  const fmpq *rq, struct op_failure *f)
{
	struct integer_search s = { d, p, q, rp, rq, f };
	struct support ends;
	fmpz_t low, high, middle;
	int now = 0;

	fmpz_init(low);
	fmpz_init(high);
	fmpz_init(middle);
	support_init(&ends);
	d->support(&ends, p, SIGN_BITS_MAX);
	arb_get_unique_fmpz(low, ends.lower);
	fmpz_sub_ui(low, low, 1); /* cdf(low) < q, always */
	if (ends.has_upper)
		arb_get_unique_fmpz(high, ends.upper); /* cdf(high) = 1 */
	for (ulong step = 0; !ends.has_upper && now == 0; step++) {
		fmpz_one(middle);
		fmpz_mul_2exp(middle, middle, step);
		fmpz_add(high, low, middle);
		now = reaches(&s, high);
		if (now == 0)
			fmpz_set(low, high);
	}
	while (now >= 0) {
		fmpz_sub(middle, high, low);
		if (fmpz_cmp_ui(middle, 1) <= 0)
			break;
		fmpz_fdiv_q_2exp(middle, middle, 1);
		fmpz_add(middle, middle, low);
		now = reaches(&s, middle);
		if (now > 0)
			fmpz_set(high, middle);
		else if (now == 0)
			fmpz_set(low, middle);
	}
	fmpz_set(out, high);
	fmpz_clear(low);
	fmpz_clear(high);
	fmpz_clear(middle);
	support_clear(&ends);
	return now < 0 ? -1 : 0;
}
