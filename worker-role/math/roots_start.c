/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/roots_start.h"

#include <complex.h>
#include <flint/flint.h>
#include <math.h>
#include <stdbool.h>

#define ROUNDS_MAX 60
#define LOG_RANGE 300.0 /* radii outside of e^-300 … e^300 are cut there */

struct start {
	slong n;
	double *a;   /* coefficients over the largest one */
	double *log; /* of their absolute values; -infinity for 0 */
	double complex *z;
};

static void read_coefficients(struct start *s, const fmpz_poly_t f)
{
	double most = -INFINITY;

	for (slong i = 0; i <= s->n; i++) {
		slong exponent = 0;
		double d = fmpz_get_d_2exp(&exponent, f->coeffs + i);
		s->a[i] = d;
		s->log[i] = d == 0 ? -INFINITY : log(fabs(d)) + (double)exponent * M_LN2;
		most = fmax(most, s->log[i]);
	}
	for (slong i = 0; i <= s->n; i++)
		s->a[i] = copysign(exp(s->log[i] - most), s->a[i]);
}

/* On circles whose radii are the slopes of the upper convex hull of (i, log|a_i|). */
static void place_points(struct start *s)
{
	for (slong i = 0, next; i < s->n; i = next) {
		double best = -INFINITY;
		next = s->n;
		for (slong k = i + 1; k <= s->n; k++) {
			double slope = (s->log[k] - s->log[i]) / (double)(k - i);
			if (slope >= best) {
				best = slope;
				next = k;
			}
		}
		double radius = exp(fmax(-LOG_RANGE, fmin(LOG_RANGE, -best)));
		for (slong k = i; k < next; k++) {
			double turn = (double)(k - i) / (double)(next - i) + (double)i / (double)s->n;
			s->z[k] = radius * cexp(I * (2 * M_PI * turn + 0.7));
		}
	}
}

/* f(z) / f'(z); outside of the unit circle by the reversed polynomial, so that nothing overflows. */
static double complex newton_step(const struct start *s, double complex z)
{
	double complex value, slope = 0;

	if (cabs(z) <= 1) {
		value = s->a[s->n];
		for (slong i = s->n; i-- > 0;) {
			slope = slope * z + value;
			value = value * z + s->a[i];
		}
		return value / slope;
	}
	double complex w = 1 / z;
	value = s->a[0];
	for (slong i = 1; i <= s->n; i++) {
		slope = slope * w + value;
		value = value * w + s->a[i];
	}
	return 1 / ((double)s->n * w - w * w * slope / value);
}

static bool is_finite(double complex z)
{
	return isfinite(creal(z)) && isfinite(cimag(z));
}

/* One point by Aberth's correction; true: it stays where it is. */
static bool improve(struct start *s, slong i)
{
	double complex newton = newton_step(s, s->z[i]), repulsion = 0;

	if (!is_finite(newton))
		return true;
	for (slong k = 0; k < s->n; k++)
		if (k != i)
			repulsion += 1 / (s->z[i] - s->z[k]);
	double complex step = newton / (1 - newton * repulsion);
	if (!is_finite(step))
		return true;
	s->z[i] -= step;
	return cabs(step) <= 1e-15 * cabs(s->z[i]);
}

static void keep_apart(struct start *s)
{
	for (slong i = 0; i < s->n; i++)
		for (slong k = 0; k < i; k++)
			if (cabs(s->z[i] - s->z[k]) <= 1e-14 * cabs(s->z[i]))
				s->z[i] *= 1 + 1e-10 * (double)(i + 1) * (1 + I);
}

void roots_start(acb_ptr z, const fmpz_poly_t f)
{
	struct start s = { .n = fmpz_poly_degree(f) };
	bool settled = false;

	s.a = flint_calloc((size_t)s.n + 1, sizeof *s.a);
	s.log = flint_calloc((size_t)s.n + 1, sizeof *s.log);
	s.z = flint_calloc((size_t)s.n + 1, sizeof *s.z);
	read_coefficients(&s, f);
	place_points(&s);
	for (int round = 0; round < ROUNDS_MAX && !settled; round++) {
		settled = true;
		for (slong i = 0; i < s.n; i++)
			settled = improve(&s, i) && settled;
	}
	keep_apart(&s);
	for (slong i = 0; i < s.n; i++)
		acb_set_d_d(z + i, creal(s.z[i]), cimag(s.z[i]));
	flint_free(s.a);
	flint_free(s.log);
	flint_free(s.z);
}
