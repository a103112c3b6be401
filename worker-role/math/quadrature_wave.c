/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Integrals of waves that die away slowly, such as sin(x)/x: the areas between consecutive zeros alternate in sign, and
 * their sum is accelerated by the algorithm of Cohen, Rodriguez Villegas and Zagier (Experimental Mathematics 9, 2000).
 */
#include <math.h>
#include <stdlib.h>

#include "math/alternating.h"
#include "math/quadrature_ray.h"

#define SAMPLES 120
#define SAMPLE_FIRST 64.0
#define SAMPLE_RATIO 1.07
#define CHANGES_MIN 12
#define SCAN_FROM 8
#define SCAN_STEPS 4096
#define REFINE_STEPS 400
#define FAR_BITS 1000 /* a wave that dies away must have done so at t = 2^1000 */

/* Sign at t of a value that is told apart from 0; else 0. */
static int sign_at(const struct ray *r, const arb_t t, slong prec)
{
	arb_t y;
	int sign;

	arb_init(y);
	ray_at(r, t, prec, y);
	sign = arb_is_positive(y) ? 1 : arb_is_negative(y) ? -1 : 0;
	arb_clear(y);
	return sign;
}

bool ray_oscillates(const struct ray *r)
{
	arb_t t, y;
	int changes = 0, last = 0;

	arb_init(t);
	arb_init(y);
	for (int i = 0; i < SAMPLES; i++) {
		arb_set_d(t, SAMPLE_FIRST * pow(SAMPLE_RATIO, i));
		int sign = sign_at(r, t, 128);
		changes += sign != 0 && sign == -last;
		last = sign != 0 ? sign : last;
	}
	ray_at(r, t, 128, y); /* what dies away fast needs no acceleration */
	bool lasting = !arb_is_finite(y) || arf_cmpabs_2exp_si(arb_midref(y), -100) > 0;
	arb_clear(t);
	arb_clear(y);
	return changes >= CHANGES_MIN && lasting;
}

/* The largest of a few values around t = 2^e. */
static void amplitude(const struct ray *r, slong e, arb_t out)
{
	static const ulong around[] = { 2, 3, 5, 6, 7, 10, 11 }; /* their roots: no period fits */
	arb_t t, y;

	arb_init(t);
	arb_init(y);
	arb_zero(out);
	for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
		arb_sqrt_ui(t, around[i], 2 * e + 192);
		arb_mul_2exp_si(t, t, e);
		ray_at(r, t, 2 * e + 192, y);
		arb_abs(y, y);
		arb_max(out, out, y, 64);
	}
	arb_clear(t);
	arb_clear(y);
}

/* sin(x) and (1 + 1/x) sin(x) have no integral, though their accelerated sums would agree. */
static bool dies_away(const struct ray *r)
{
	arb_t near, far;

	arb_init(near);
	arb_init(far);
	amplitude(r, 10, near);
	amplitude(r, FAR_BITS, far);
	arb_mul_2exp_si(far, far, 10);
	bool dies = arb_is_finite(near) && arb_lt(far, near);
	arb_clear(near);
	arb_clear(far);
	return dies;
}

/* Narrows [a, b], at whose ends the signs differ (that at a is `sign`), to a zero known to prec bits, into a: by
 * bisection at first, then by the secant through the ends, slightly beyond the zero on either side in turn. */
static bool refine_zero(const struct ray *r, arb_t a, arb_t b, int sign, slong prec)
{
	arb_t ya, yb, m, step;
	bool done = false;

	arb_init(ya);
	arb_init(yb);
	arb_init(m);
	arb_init(step);
	for (int i = 0; i < REFINE_STEPS && !done; i++) {
		ray_at(r, a, prec + 40, ya);
		ray_at(r, b, prec + 40, yb);
		arb_sub(step, b, a, prec + 40);
		done = arf_cmpabs_2exp_si(arb_midref(step), -prec) < 0;
		if (done)
			break;
		if (i < 12 || i % 3 == 0) {
			arb_mul_2exp_si(m, step, -1);
		} else { /* a + (b - a) ya / (ya - yb) */
			arb_sub(m, ya, yb, prec + 40);
			arb_div(m, ya, m, prec + 40);
			arb_mul(m, m, step, prec + 40);
			arb_mul_2exp_si(step, step, i % 3 == 1 ? -16 - i : -8 - i / 2);
			if (i % 2 == 0)
				arb_add(m, m, step, prec + 40);
			else
				arb_sub(m, m, step, prec + 40);
		}
		arb_add(m, m, a, prec + 40);
		mag_zero(arb_radref(m));
		int at = sign_at(r, m, prec + 40);
		done = at == 0;
		if (done) {
			arb_swap(a, m);
			break;
		}
		if (arb_lt(m, a) || arb_gt(m, b))
			continue;
		arb_swap(at == sign ? a : b, m);
	}
	arb_clear(ya);
	arb_clear(yb);
	arb_clear(m);
	arb_clear(step);
	return done;
}

/* The first two zeros behind SCAN_FROM, roughly, and their distance. */
static bool first_zeros(const struct ray *r, arb_t zero, arb_t gap)
{
	arb_t t;
	int found = 0;

	arb_init(t);
	for (int fine = 3; fine <= 15 && found < 2; fine += 3) {
		int last = 0, first_at = 0;
		found = 0;
		for (int i = 0; i < SCAN_STEPS && found < 2; i++) {
			arb_set_si(t, ((long)SCAN_FROM << fine) + i);
			arb_mul_2exp_si(t, t, -fine);
			int sign = sign_at(r, t, 128);
			if (sign != 0 && sign == -last && found++ == 0) {
				arb_set(zero, t);
				first_at = i;
			} else if (sign != 0 && sign == -last) {
				arb_sub(gap, t, zero, 64);
				found = i - first_at >= 6 ? 2 : 0; /* finer steps where the zeros are this close */
				if (found == 0)
					break;
			}
			last = sign != 0 ? sign : last;
		}
	}
	arb_clear(t);
	return found == 2;
}

/* The zero next to `guess`, within half a gap on either side, into guess. */
static bool next_zero(const struct ray *r, arb_t guess, const arb_t gap, slong prec)
{
	arb_t a, b, half;
	bool there = false;

	arb_init(a);
	arb_init(b);
	arb_init(half);
	arb_mul_2exp_si(half, gap, -1);
	arb_sub(a, guess, half, 64);
	arb_add(b, guess, half, 64);
	mag_zero(arb_radref(a));
	mag_zero(arb_radref(b));
	int sign = sign_at(r, a, 128);
	if (sign != 0 && sign == -sign_at(r, b, 128))
		there = refine_zero(r, a, b, sign, prec);
	if (there)
		arb_swap(guess, a);
	arb_clear(a);
	arb_clear(b);
	arb_clear(half);
	return there;
}

/* areas[k]: the integral from the k-th zero to the next; head: from 0 to the first. */
static int wave_areas(const struct ray *r, slong prec, arb_t head, arb_ptr areas, slong n, struct op_failure *f)
{
	arb_t zero, gap, before, origin;
	int rc = 0;

	arb_init(zero);
	arb_init(gap);
	arb_init(before);
	arb_init(origin);
	if (!first_zeros(r, zero, gap) || !next_zero(r, zero, gap, prec + 20))
		rc =
		    op_fail(f, OP_DID_NOT_CONVERGE, "the integrand oscillates without a regular distance of its zeros");
	if (rc == 0)
		rc = ray_core(r, origin, zero, prec, head, f);
	for (slong k = 0; k < n && rc == 0; k++) {
		arb_set(before, zero);
		arb_add(zero, zero, gap, prec + 20);
		mag_zero(arb_radref(zero));
		if (!next_zero(r, zero, gap, prec + 20)) {
			rc = op_fail(f, OP_DID_NOT_CONVERGE, "the integrand oscillates irregularly");
			break;
		}
		arb_sub(gap, zero, before, 64);
		mag_zero(arb_radref(gap));
		rc = ray_core(r, before, zero, prec, areas + k, f);
	}
	arb_clear(zero);
	arb_clear(gap);
	arb_clear(before);
	arb_clear(origin);
	return rc;
}

int ray_oscillating(const struct ray *r, slong prec, arb_t out, struct op_failure *f)
{
	slong n = alternating_terms(prec + 20), wp = prec + 40;
	arb_ptr areas = _arb_vec_init(n);
	arb_t sum;
	int rc = 0;

	arb_init(sum);
	if (!dies_away(r))
		rc = op_fail(
		    f, OP_DID_NOT_CONVERGE,
		    "the integrand oscillates without dying away: the integral diverges, or converges too slowly");
	if (rc == 0)
		rc = wave_areas(r, wp, out, areas, n, f);
	if (rc == 0 && !alternating_sum(sum, areas, n, prec, wp))
		rc = op_fail(f, OP_DID_NOT_CONVERGE, "the integrand oscillates too irregularly to be integrated");
	if (rc == 0)
		arb_add(out, out, sum, wp);
	_arb_vec_clear(areas, n);
	arb_clear(sum);
	return rc;
}
