/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/odesolve.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_odeiv2.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/progress.h"

#define EVALUATIONS_MAX 20000000 /* of the right-hand side, for one method */
#define STOPS 32                 /* where the size of the solution is looked at, between few points */
#define STEPS_PLAIN 20000        /* a system that needs more is taken for stiff */
#define STEPS_STIFF 400000
#define OVERFLOWING 1e290 /* a run that ends here has left the range of doubles */

int odesolve_prepare(struct odesolve *s, struct op_failure *f)
{
	for (size_t i = 0; i < s->n; i++) {
		s->code[i] = expr_compile(s->equation[i], s->names, s->n + 1, f);
		if (!s->code[i])
			return -1;
	}
	return 0;
}

void odesolve_clear(struct odesolve *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->code[i])
			expr_code_free(s->code[i]);
		expr_free(s->equation[i]);
	}
	for (size_t i = 0; s->jacobian && i < s->n * (s->n + 1); i++)
		if (s->jacobian[i])
			expr_code_free(s->jacobian[i]);
	free(s->jacobian);
}

static bool make_jacobian(struct odesolve *s)
{
	struct op_failure f;

	if (s->jacobian || s->no_jacobian)
		return !s->no_jacobian;
	s->jacobian = calloc(s->n * (s->n + 1), sizeof *s->jacobian);
	s->no_jacobian = s->jacobian == NULL;
	for (size_t k = 0; k < s->n * (s->n + 1) && !s->no_jacobian; k++) {
		struct expr *d = expr_derivative(s->equation[k / (s->n + 1)], s->names[k % (s->n + 1)], &f);
		if (d)
			s->jacobian[k] = expr_compile(d, s->names, s->n + 1, &f);
		s->no_jacobian = s->jacobian[k] == NULL;
		expr_free(d);
	}
	return !s->no_jacobian;
}

static void pack(const struct odesolve *s, double t, const double *y, double *x)
{
	x[0] = t;
	memcpy(x + 1, y, s->n * sizeof *y);
}

/* A value outside the domain makes the stepper try a smaller step; too many evaluations end it. */
static int right_hand_side(double t, const double y[], double dydt[], void *arg)
{
	struct odesolve *s = arg;
	double x[ODESOLVE_MAX + 1];

	if (++s->evaluations > EVALUATIONS_MAX)
		return GSL_EBADFUNC;
	pack(s, t, y, x);
	for (size_t i = 0; i < s->n; i++) {
		dydt[i] = expr_code_run(s->code[i], x);
		if (!isfinite(dydt[i]))
			return GSL_EDOM;
	}
	return GSL_SUCCESS;
}

static int jacobian(double t, const double y[], double *dfdy, double dfdt[], void *arg)
{
	struct odesolve *s = arg;
	double x[ODESOLVE_MAX + 1];

	pack(s, t, y, x);
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k <= s->n; k++) {
			double v = expr_code_run(s->jacobian[i * (s->n + 1) + k], x);
			if (!isfinite(v))
				return GSL_EDOM;
			if (k == 0)
				dfdt[i] = v;
			else
				dfdy[i * s->n + k - 1] = v;
		}
	return GSL_SUCCESS;
}

static bool run_method(struct odesolve *s, const gsl_odeiv2_step_type *method, unsigned long steps, const double *y0,
		       const double *times, size_t count, double eps, double *out)
{
	gsl_odeiv2_system system = { right_hand_side, jacobian, s->n, s };
	double span = times[count - 1] - times[0], t = times[0], y[ODESOLVE_MAX];
	gsl_odeiv2_driver *driver =
	    gsl_odeiv2_driver_alloc_y_new(&system, method, span * 1e-6, fmax(eps * 1e-3, 1e-16), eps);
	int stops = count < STOPS ? STOPS : 1;
	bool done = driver != NULL;

	if (!driver)
		return false;
	s->evaluations = 0;
	gsl_odeiv2_driver_set_nmax(driver, steps);
	memcpy(y, y0, s->n * sizeof *y);
	memcpy(out, y0, s->n * sizeof *y);
	for (size_t i = 0; i < s->n; i++)
		s->peak[i] = fabs(y0[i]);
	for (size_t k = 1; k < count && done; k++) {
		for (int stop = 1; stop <= stops && done; stop++) {
			double until =
			    stop == stops ? times[k] : times[k - 1] + (times[k] - times[k - 1]) * stop / stops;
			done = gsl_odeiv2_driver_apply(driver, &t, until, y) == GSL_SUCCESS;
			for (size_t i = 0; i < s->n && done; i++) {
				done = isfinite(y[i]);
				s->peak[i] = fmax(s->peak[i], fabs(y[i]));
			}
		}
		memcpy(out + k * s->n, y, s->n * sizeof *y);
		progress_report((double)k / (double)count, "integrating the system");
	}
	for (size_t i = 0; i < s->n && !done; i++)
		s->overflow = s->overflow || !(fabs(y[i]) < OVERFLOWING);
	gsl_odeiv2_driver_free(driver);
	return done;
}

int odesolve_run(struct odesolve *s, const double *y0, const double *times, size_t count, double eps, double *out,
		 struct op_failure *f)
{
	double dydt[ODESOLVE_MAX];

	s->evaluations = 0;
	s->overflow = false;
	if (right_hand_side(times[0], y0, dydt, s) != GSL_SUCCESS)
		return op_fail(f, OP_DOMAIN_ERROR, "the right-hand side has no finite value at the start");
	if (run_method(s, gsl_odeiv2_step_rk8pd, STEPS_PLAIN, y0, times, count, eps, out))
		return 0;
	if (make_jacobian(s) && (run_method(s, gsl_odeiv2_step_bsimp, STEPS_STIFF, y0, times, count, eps, out) ||
				 run_method(s, gsl_odeiv2_step_msbdf, STEPS_STIFF, y0, times, count, eps, out)))
		return 0;
	if (s->overflow)
		return op_fail(f, OP_OVERFLOW, "the solution grows beyond the range of doubles, about 1.8e308");
	return op_fail(
	    f, OP_DID_NOT_CONVERGE,
	    "no solution was reached: it may end before t1 (a pole, or the end of the domain), or need too many "
	    "steps");
}
