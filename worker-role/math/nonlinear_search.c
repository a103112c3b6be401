/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/nonlinear_search.h"

#include <gsl/gsl_multifit_nlinear.h>
#include <math.h>

#include "math/arg.h"
#include "must.h"

#define ITERATIONS_MAX 2000
#define FAR 1e150       /* the residual where the model has no value: such a step is undone, a shorter one follows */
#define TOLERANCE 1e-14 /* of steps and gradient, relative: about what doubles can tell */

struct nonlinear_search {
	struct nonlinear_fit *fit;
	double *x, *y;
	double *point; /* x, b1, …, for the compiled expressions */
	struct expr_code *model;
	struct expr_code **slope;
	gsl_vector *b;
};

static int residuals(const gsl_vector *b, void *arg, gsl_vector *out)
{
	struct nonlinear_search *s = arg;

	for (size_t j = 0; j < s->fit->k; j++)
		s->point[j + 1] = gsl_vector_get(b, j);
	for (size_t i = 0; i < s->fit->n; i++) {
		s->point[0] = s->x[i];
		double r = expr_code_run(s->model, s->point) - s->y[i];
		gsl_vector_set(out, i, isfinite(r) ? r : FAR);
	}
	return GSL_SUCCESS;
}

static int jacobian(const gsl_vector *b, void *arg, gsl_matrix *out)
{
	struct nonlinear_search *s = arg;

	for (size_t j = 0; j < s->fit->k; j++)
		s->point[j + 1] = gsl_vector_get(b, j);
	for (size_t i = 0; i < s->fit->n; i++) {
		s->point[0] = s->x[i];
		for (size_t j = 0; j < s->fit->k; j++) {
			double v = expr_code_run(s->slope[j], s->point);
			if (!isfinite(v))
				return GSL_EDOM;
			gsl_matrix_set(out, i, j, v);
		}
	}
	return GSL_SUCCESS;
}

/* The values of a sample as doubles. */
static double *doubles(const struct sample *v)
{
	double *out = must_calloc(v->n, sizeof *out);
	struct real x;
	arb_t b;

	real_init(&x);
	arb_init(b);
	for (size_t i = 0; i < v->n; i++) {
		sample_at(&x, v, i);
		real_get_arb(b, &x, 128);
		out[i] = arf_get_d(arb_midref(b), ARF_RND_NEAR);
	}
	real_clear(&x);
	arb_clear(b);
	return out;
}

static int compile(struct nonlinear_search *s, struct op_failure *f)
{
	struct nonlinear_fit *fit = s->fit;

	s->model = expr_compile(fit->model, fit->names, fit->k + 1, f);
	for (size_t j = 0; s->model && j < fit->k; j++) {
		s->slope[j] = expr_compile(fit->slope[j], fit->names, fit->k + 1, f);
		if (!s->slope[j])
			return -1;
	}
	return s->model ? 0 : -1;
}

static int check_start(struct nonlinear_search *s, struct op_failure *f)
{
	for (size_t j = 0; j < s->fit->k; j++)
		s->point[j + 1] = s->fit->start[j];
	for (size_t i = 0; i < s->fit->n; i++) {
		s->point[0] = s->x[i];
		if (!isfinite(expr_code_run(s->model, s->point)))
			return op_fail(f, OP_DOMAIN_ERROR,
				       "the model has no real value within doubles for this start at x = %g", s->x[i]);
	}
	return 0;
}

struct nonlinear_search *nonlinear_search_new(struct nonlinear_fit *fit, struct op_failure *f)
{
	struct nonlinear_search *s = must_calloc(1, sizeof *s);

	s->fit = fit;
	s->x = s->y = NULL;
	s->point = must_calloc(fit->k + 1, sizeof *s->point);
	s->slope = must_calloc(fit->k, sizeof *s->slope);
	s->b = gsl_vector_alloc(fit->k);
	if (!s->b)
		abort();
	if (sample_refine(&fit->x, fit->c, 128, f) == 0 && sample_refine(&fit->y, fit->c, 128, f) == 0) {
		s->x = doubles(&fit->x);
		s->y = doubles(&fit->y);
		if (compile(s, f) == 0 && check_start(s, f) == 0)
			return s;
	}
	nonlinear_search_free(s);
	return NULL;
}

/* The usual method first; the others escape where it jumps to a plateau or creeps. */
static const struct way {
	char method, scale;
} ways[] = {
	{ 'l', 'r' }, { 'l', 'q' }, { 'a', 'r' }, { 'd', 'r' }, { 's', 'r' }, { 'l', 'v' },
	{ 'a', 'q' }, { 'd', 'q' }, { 's', 'q' }, { 'a', 'v' }, { 'd', 'v' }, { 's', 'v' },
};

static gsl_multifit_nlinear_parameters parameters(const struct way *way)
{
	gsl_multifit_nlinear_parameters how = gsl_multifit_nlinear_default_parameters();

	how.trs = way->method == 'l'   ? gsl_multifit_nlinear_trs_lm
		  : way->method == 'a' ? gsl_multifit_nlinear_trs_lmaccel
		  : way->method == 'd' ? gsl_multifit_nlinear_trs_dogleg
				       : gsl_multifit_nlinear_trs_subspace2D;
	how.scale = way->scale == 'r'   ? gsl_multifit_nlinear_scale_more
		    : way->scale == 'q' ? gsl_multifit_nlinear_scale_marquardt
					: gsl_multifit_nlinear_scale_levenberg;
	how.solver = gsl_multifit_nlinear_solver_qr;
	return how;
}

bool nonlinear_search_run(struct nonlinear_search *s, size_t way)
{
	gsl_multifit_nlinear_parameters how;
	gsl_multifit_nlinear_fdf task = { .f = residuals, .df = jacobian, .n = s->fit->n, .p = s->fit->k, .params = s };
	gsl_multifit_nlinear_workspace *w;
	int info;

	if (way >= sizeof ways / sizeof *ways)
		return false;
	how = parameters(&ways[way]);
	for (size_t j = 0; j < s->fit->k; j++)
		gsl_vector_set(s->b, j, s->fit->start[j]);
	w = gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &how, s->fit->n, s->fit->k);
	if (!w)
		return false;
	/* However it ends: the point it ends at is tested. */
	if (gsl_multifit_nlinear_init(s->b, &task, w) == GSL_SUCCESS)
		gsl_multifit_nlinear_driver(ITERATIONS_MAX, TOLERANCE, TOLERANCE, 0, NULL, NULL, &info, w);
	for (size_t j = 0; j < s->fit->k; j++)
		s->fit->at[j] = gsl_vector_get(gsl_multifit_nlinear_position(w), j);
	gsl_multifit_nlinear_free(w);
	return true;
}

void nonlinear_search_free(struct nonlinear_search *s)
{
	for (size_t j = 0; j < s->fit->k; j++)
		expr_code_free(s->slope[j]);
	expr_code_free(s->model);
	gsl_vector_free(s->b);
	free(s->slope);
	free(s->point);
	free(s->x);
	free(s->y);
	free(s);
}
