/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/minimum.h"

#include <acb_mat.h>
#include <arb_mat.h>
#include <gsl/gsl_multimin.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "math/progress.h"

#define ITERATIONS_MAX 5000 /* of the simplex, for each variable */
#define RESTARTS 6
#define GOAL_ROUGH 1e-6 /* size of the last simplex where Newton's method goes on */
#define GOAL_STUCK 1e-3
#define IDLE_MAX 60
#define GOAL_FINE 1e-11 /* and where it cannot */
#define FAR 1e60        /* a coordinate or a value beyond this: no minimum */
#define NEWTON_BITS 512
#define NEWTON_MAX 400  /* steps: at a degenerate minimum they converge only linearly */
#define NEWTON_DONE 200 /* a step below 2^-200 ends them */
#define ROUGH_DIGITS 7  /* shown where Newton's method does not apply: of what repeated searches agree on */
#define ROUGH_AGREEMENT 1e-8

/* ---- simplex ---- */

struct simplex {
	const struct expr_code *code;
	size_t n;
};

static double simplex_value(const gsl_vector *v, void *arg)
{
	const struct simplex *s = arg;
	double y = expr_code_run(s->code, v->data);

	return isfinite(y) ? y : y < 0 ? -1e300 : 1e300;
}

/* One search from x, with a first simplex of the size `size`, until it is as small as `goal`. True: it settled. */
static bool simplex_search(struct minimum *m, struct simplex *s, double *x, double size, double goal)
{
	gsl_multimin_function f = { simplex_value, m->n, s };
	gsl_multimin_fminimizer *search = gsl_multimin_fminimizer_alloc(gsl_multimin_fminimizer_nmsimplex2, m->n);
	gsl_vector *start = gsl_vector_alloc(m->n), *step = gsl_vector_alloc(m->n);
	bool settled = false;
	int idle = 0;

	for (size_t i = 0; i < m->n; i++) {
		gsl_vector_set(start, i, x[i]);
		gsl_vector_set(step, i, size * fmax(1, fabs(x[i])));
	}
	gsl_multimin_fminimizer_set(search, &f, start, step);
	for (long k = 0; k < (long)m->n * ITERATIONS_MAX && !settled; k++) {
		/* the simplex gives up, or stops shrinking, where rounding makes all its values equal */
		double before = gsl_multimin_fminimizer_size(search);
		bool stuck = gsl_multimin_fminimizer_iterate(search) != 0;
		idle = gsl_multimin_fminimizer_size(search) == before ? idle + 1 : 0;
		stuck = stuck || idle > IDLE_MAX;
		m->iterations++;
		double scale = 1;
		for (size_t i = 0; i < m->n; i++)
			scale = fmax(scale, fabs(gsl_vector_get(search->x, i)));
		settled = gsl_multimin_fminimizer_size(search) < (stuck ? GOAL_STUCK : goal) * scale;
		if (stuck || fabs(search->fval) > FAR)
			break;
		if (k % 1000 == 999)
			progress_report(0, "searching the minimum");
	}
	for (size_t i = 0; i < m->n; i++) {
		x[i] = gsl_vector_get(search->x, i);
		settled = settled && fabs(x[i]) < FAR;
	}
	m->value = search->fval;
	settled = settled && fabs(m->value) < FAR;
	gsl_vector_free(start);
	gsl_vector_free(step);
	gsl_multimin_fminimizer_free(search);
	return settled;
}

/* Searches again from where the last search ended (simplices collapse early) until that gains nothing. */
static int simplex_run(struct minimum *m, struct simplex *s, struct op_failure *f)
{
	double before = INFINITY;

	for (int k = 0; k < RESTARTS; k++) {
		if (!simplex_search(m, s, m->x, k % 2 == 0 ? 0.5 : 0.05, GOAL_ROUGH))
			return op_fail(f, OP_DID_NOT_CONVERGE,
				       "no minimum was found: the function may fall without end, or be flat");
		if (before - m->value <= 1e-10 * fmax(1e-3, fabs(m->value)))
			return 0;
		before = m->value;
	}
	return 0;
}

/* ---- Newton ---- */

struct newton {
	const struct minimum *m;
	struct expr *gradient[MINIMUM_VARIABLES_MAX];
	struct expr *hessian[MINIMUM_VARIABLES_MAX * MINIMUM_VARIABLES_MAX]; /* i <= k */
	acb_ptr x;
};

static bool newton_init(struct newton *w, const struct minimum *m)
{
	struct op_failure f;
	bool known = true;

	*w = (struct newton){ .m = m, .x = _acb_vec_init((slong)m->n) };
	for (size_t i = 0; i < m->n && known; i++) {
		w->gradient[i] = expr_derivative(m->f, m->names[i], &f);
		known = w->gradient[i] != NULL;
		for (size_t k = i; k < m->n && known; k++) {
			w->hessian[i * m->n + k] = expr_derivative(w->gradient[i], m->names[k], &f);
			known = w->hessian[i * m->n + k] != NULL;
		}
	}
	for (size_t i = 0; i < m->n; i++)
		acb_set_d(w->x + i, m->x[i]);
	return known;
}

static void newton_clear(struct newton *w)
{
	for (size_t i = 0; i < w->m->n; i++)
		expr_free(w->gradient[i]);
	for (size_t i = 0; i < w->m->n * w->m->n; i++)
		expr_free(w->hessian[i]);
	_acb_vec_clear(w->x, (slong)w->m->n);
}

static bool value_at(const struct newton *w, const struct expr *e, arb_t out)
{
	struct expr_scope scope = { .names = w->m->names, .count = w->m->n, .balls = w->x };
	struct op_failure f;
	acb_t z;

	acb_init(z);
	bool real = expr_ball(e, &scope, false, NEWTON_BITS, z, &f) == 0 && acb_is_finite(z) &&
		    arb_contains_zero(acb_imagref(z));
	arb_swap(out, acb_realref(z));
	acb_clear(z);
	return real;
}

/* Gradient and Hessian at x; out: the step, and whether the Hessian is positive definite. */
static bool newton_step(struct newton *w, arb_mat_t step, bool *convex)
{
	slong n = (slong)w->m->n;
	arb_mat_t h, g, l;
	bool known = true;

	arb_mat_init(h, n, n);
	arb_mat_init(l, n, n);
	arb_mat_init(g, n, 1);
	for (slong i = 0; i < n && known; i++) {
		known = value_at(w, w->gradient[i], arb_mat_entry(g, i, 0));
		for (slong k = i; k < n && known; k++) {
			known = value_at(w, w->hessian[i * n + k], arb_mat_entry(h, i, k));
			arb_set(arb_mat_entry(h, k, i), arb_mat_entry(h, i, k));
		}
	}
	*convex = known && arb_mat_cho(l, h, NEWTON_BITS);
	known = known && arb_mat_solve(step, h, g, NEWTON_BITS);
	arb_mat_clear(h);
	arb_mat_clear(l);
	arb_mat_clear(g);
	return known;
}

/* From the simplex' point; true when it converges to a strict minimum close by. */
static bool newton_run(struct newton *w, long *iterations)
{
	slong n = (slong)w->m->n;
	arb_mat_t step;
	bool convex = false, done = false, known = true;

	arb_mat_init(step, n, 1);
	for (int round = 0; round < NEWTON_MAX && known && !done; round++) {
		known = newton_step(w, step, &convex);
		done = known;
		for (slong i = 0; i < n && known; i++) {
			arb_ptr x = acb_realref(w->x + i), d = arb_mat_entry(step, i, 0);
			mag_zero(arb_radref(d));
			arb_sub(x, x, d, NEWTON_BITS);
			mag_zero(arb_radref(x));
			done = done && arf_cmpabs_2exp_si(arb_midref(d), -NEWTON_DONE) < 0;
		}
		++*iterations;
	}
	for (slong i = 0; i < n && done; i++) {
		double x = arf_get_d(arb_midref(acb_realref(w->x + i)), ARF_RND_NEAR), old = w->m->x[i];
		done = fabs(x - old) <= 1e-2 * fmax(1, fabs(old));
	}
	arb_mat_clear(step);
	return done && convex;
}

/* What Newton's steps left within 2^-100 of 0 is 0. */
static double shown(const arb_t x)
{
	return arf_cmpabs_2exp_si(arb_midref(x), -100) < 0 ? 0 : arf_get_d(arb_midref(x), ARF_RND_NEAR);
}

static bool polish(struct minimum *m)
{
	struct newton w;
	arb_t value;
	bool done;

	arb_init(value);
	done = newton_init(&w, m) && newton_run(&w, &m->iterations) && value_at(&w, m->f, value);
	if (done) {
		for (size_t i = 0; i < m->n; i++)
			m->x[i] = shown(acb_realref(w.x + i));
		m->value = shown(value);
	}
	newton_clear(&w);
	arb_clear(value);
	return done;
}

/* ---- where there are no derivatives ---- */

static double rough(double v, double scale)
{
	char text[64];
	int decimals = ROUGH_DIGITS - 1 - (int)floor(log10(fmax(scale, fabs(v))));

	if (decimals < 0 || decimals > 40)
		return v;
	snprintf(text, sizeof text, "%.*f", decimals, v);
	return strtod(text, NULL);
}

/* Searches from two points aside must come back to the same one. */
static int confirm(struct minimum *m, struct simplex *s, struct op_failure *f)
{
	double x[MINIMUM_VARIABLES_MAX], value;

	if (!simplex_search(m, s, m->x, 0.001, GOAL_FINE))
		return op_fail(f, OP_DID_NOT_CONVERGE, "no minimum was found");
	value = m->value;

	for (int k = 0; k < 2; k++) {
		for (size_t i = 0; i < m->n; i++)
			x[i] = m->x[i] + (k == 0 ? 0.013 : -0.007) * (double)(i + 1) * fmax(1, fabs(m->x[i]));
		bool same = simplex_search(m, s, x, 0.01, GOAL_FINE) && simplex_search(m, s, x, 0.001, GOAL_FINE) &&
			    fabs(m->value - value) <= ROUGH_AGREEMENT * fmax(1, fabs(value));
		for (size_t i = 0; i < m->n && same; i++)
			same = fabs(x[i] - m->x[i]) <= ROUGH_AGREEMENT * fmax(1, fabs(m->x[i]));
		if (!same)
			return op_fail(f, OP_DID_NOT_CONVERGE, "no single point was found where the function is least");
	}
	for (size_t i = 0; i < m->n; i++)
		m->x[i] = rough(m->x[i], 1);
	m->value = rough(value, 1);
	return 0;
}

int minimum_find(struct minimum *m, struct op_failure *f)
{
	struct simplex s = { .n = m->n };
	struct expr_code *code = expr_compile(m->f, m->names, m->n, f);
	int rc = -1;

	if (!code)
		return -1;
	s.code = code;
	if (!isfinite(expr_code_run(code, m->x)))
		op_fail(f, OP_DOMAIN_ERROR, "the function has no finite real value at the start");
	else
		rc = simplex_run(m, &s, f);
	if (rc == 0 && !polish(m))
		rc = confirm(m, &s, f);
	expr_code_free(code);
	return rc;
}
