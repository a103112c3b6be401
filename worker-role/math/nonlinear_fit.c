/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/nonlinear_fit.h"

#include <gsl/gsl_multifit_nlinear.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "math/arg.h"
#include "math/nonlinear_search.h"
#include "must.h"

#define NS_PER_VALUE 60000.0 /* of one evaluation of the model or a derivative as a ball, over all steps */
#define SETTLE_BITS 256      /* of the test whether a point is a minimum */
#define NEWTON_STEPS 40

/* ---- set up ---- */

static size_t pairs(size_t k)
{
	return k * (k + 1) / 2;
}

static void name_variables(struct nonlinear_fit *s)
{
	char name[16];

	s->names = must_calloc(s->k + 1, sizeof *s->names);
	s->names[0] = must_strdup("x");
	for (size_t j = 1; j <= s->k; j++) {
		snprintf(name, sizeof name, "b%zu", j);
		s->names[j] = must_strdup(name);
	}
}

static int differentiate(struct nonlinear_fit *s, struct op_failure *f)
{
	size_t at = 0;

	s->slope = must_calloc(s->k, sizeof *s->slope);
	s->bend = must_calloc(pairs(s->k), sizeof *s->bend);
	for (size_t j = 0; j < s->k; j++) {
		s->slope[j] = expr_derivative(s->model, s->names[j + 1], f);
		if (!s->slope[j])
			return -1;
	}
	for (size_t i = 0; i < s->k; i++)
		for (size_t j = i; j < s->k; j++, at++) {
			s->bend[at] = expr_derivative(s->slope[i], s->names[j + 1], f);
			if (!s->bend[at])
				return -1;
		}
	return 0;
}

static int check_model(struct nonlinear_fit *s, size_t model, struct op_failure *f)
{
	if (expr_check_names(s->model, s->names, s->k + 1, f) != 0)
		return arg_locate(s->c, model, f);
	for (size_t j = 1; j <= s->k; j++)
		if (!expr_has(s->model, s->names[j]))
			return arg_fail(s->c, model, f, OP_INVALID_ARGUMENT,
					"expected a model with %s in it, as \"start\" has %zu values", s->names[j],
					s->k);
	return differentiate(s, f) < 0 ? arg_locate(s->c, model, f) : 0;
}

static int check_sizes(struct nonlinear_fit *s, size_t y, struct op_failure *f)
{
	double n = (double)s->n, k = (double)s->k;

	if (s->y.n != s->n)
		return arg_fail(s->c, y, f, OP_DIMENSION_MISMATCH, "expected a value for each of the %zu x, got %zu",
				s->n, s->y.n);
	if (s->n < s->k)
		return arg_fail(s->c, y, f, OP_INVALID_ARGUMENT,
				"expected at least as many observations as parameters, %zu, got %zu", s->k, s->n);
	if (s->n > NONLINEAR_FIT_VALUES_MAX) {
		op_fail_limit(f, NONLINEAR_FIT_VALUES_MAX, n, "observations", "a nonlinear fit");
		return arg_locate(s->c, y, f);
	}
	return answer_check_cost(s->c, NS_PER_VALUE * n * (1 + k + k * (k + 1) / 2), 0, f);
}

static int load_start(struct nonlinear_fit *s, size_t i, struct op_failure *f)
{
	s->start = must_calloc(s->k, sizeof *s->start);
	s->at = must_calloc(s->k, sizeof *s->at);
	s->root = _arb_vec_init((slong)s->k);
	for (size_t j = 0; j < s->k; j++)
		if (arg_double_at(s->c, i, j, 0, &s->start[j], f) != 0)
			return -1;
	return 0;
}

int nonlinear_fit_init(struct nonlinear_fit *s, struct op_call *c, const struct expr *model, size_t x, size_t y,
		       size_t start, struct op_failure *f)
{
	size_t cols;

	memset(s, 0, sizeof *s);
	s->c = c;
	s->model = model;
	arg_shape(c, start, &s->k, &cols);
	if (s->k == 0)
		return arg_fail(c, start, f, OP_INVALID_ARGUMENT, "expected a first guess for b1");
	if (s->k > NONLINEAR_FIT_PARAMETERS_MAX) {
		op_fail_limit(f, NONLINEAR_FIT_PARAMETERS_MAX, (double)s->k, "parameters", "a nonlinear fit");
		return arg_locate(c, start, f);
	}
	if (sample_load(&s->x, c, x, 1, f) < 0)
		return -1;
	s->n = s->x.n;
	if (sample_load(&s->y, c, y, 1, f) < 0) {
		sample_clear(&s->x);
		return -1;
	}
	name_variables(s);
	if (check_sizes(s, y, f) == 0 && check_model(s, 0, f) == 0 && load_start(s, start, f) == 0)
		return 0;
	nonlinear_fit_clear(s);
	return -1;
}

void nonlinear_fit_clear(struct nonlinear_fit *s)
{
	for (size_t j = 0; s->slope && j < s->k; j++)
		expr_free(s->slope[j]);
	for (size_t j = 0; s->bend && j < pairs(s->k); j++)
		expr_free(s->bend[j]);
	for (size_t j = 0; j <= s->k; j++)
		free((char *)(uintptr_t)s->names[j]);
	free(s->slope);
	free(s->bend);
	free(s->names);
	free(s->start);
	free(s->at);
	if (s->root)
		_arb_vec_clear(s->root, (slong)s->k);
	sample_clear(&s->x);
	sample_clear(&s->y);
}

/* ---- the gradient and its derivatives ---- */

/* With f the model at all x, r = f - y, J its slopes: J'r, J'J, and J'J plus r times the bends; r'r. */
struct sums {
	arb_mat_t gradient, normal, hessian;
	arb_t rss;
};

static void sums_init(struct sums *v, slong k)
{
	arb_mat_init(v->gradient, k, 1);
	arb_mat_init(v->normal, k, k);
	arb_mat_init(v->hessian, k, k);
	arb_init(v->rss);
}

static void sums_clear(struct sums *v)
{
	arb_mat_clear(v->gradient);
	arb_mat_clear(v->normal);
	arb_mat_clear(v->hessian);
	arb_clear(v->rss);
}

/* A value that is not certainly real, or outside the model's domain, is indeterminate: more bits may settle it. */
static void value(arb_t out, const struct expr *e, const struct expr_scope *scope, slong prec)
{
	struct op_failure ignored;
	acb_t z;

	acb_init(z);
	if (expr_ball(e, scope, false, prec, z, &ignored) == 0 && arb_is_zero(acb_imagref(z)))
		arb_set(out, acb_realref(z));
	else
		arb_indeterminate(out);
	acb_clear(z);
}

static void add_observation(const struct nonlinear_fit *s, const struct expr_scope *scope, const arb_t y, arb_ptr slope,
			    struct sums *v, slong prec)
{
	arb_t residual, bend;
	size_t at = 0;

	arb_init(residual);
	arb_init(bend);
	value(residual, s->model, scope, prec);
	arb_sub(residual, residual, y, prec);
	arb_addmul(v->rss, residual, residual, prec);
	for (size_t j = 0; j < s->k; j++) {
		value(slope + j, s->slope[j], scope, prec);
		arb_addmul(arb_mat_entry(v->gradient, (slong)j, 0), slope + j, residual, prec);
	}
	for (size_t i = 0; i < s->k; i++)
		for (size_t j = i; j < s->k; j++, at++) {
			value(bend, s->bend[at], scope, prec);
			arb_mul(bend, bend, residual, prec);
			arb_addmul(bend, slope + i, slope + j, prec);
			arb_add(arb_mat_entry(v->hessian, (slong)i, (slong)j),
				arb_mat_entry(v->hessian, (slong)i, (slong)j), bend, prec);
			arb_addmul(arb_mat_entry(v->normal, (slong)i, (slong)j), slope + i, slope + j, prec);
		}
	arb_clear(residual);
	arb_clear(bend);
}

static void evaluate(const struct nonlinear_fit *s, arb_srcptr b, struct sums *v, slong prec)
{
	acb_ptr point = _acb_vec_init((slong)s->k + 1);
	arb_ptr slope = _arb_vec_init((slong)s->k);
	struct expr_scope scope = { s->names, s->k + 1, point, NULL };
	struct real x, y;
	arb_t target;

	real_init(&x);
	real_init(&y);
	arb_init(target);
	arb_mat_zero(v->gradient);
	arb_mat_zero(v->normal);
	arb_mat_zero(v->hessian);
	arb_zero(v->rss);
	for (size_t j = 0; j < s->k; j++)
		arb_set(acb_realref(point + j + 1), b + j);
	for (size_t i = 0; i < s->n; i++) {
		sample_at(&x, &s->x, i);
		sample_at(&y, &s->y, i);
		real_get_arb(acb_realref(point), &x, prec);
		real_get_arb(target, &y, prec);
		add_observation(s, &scope, target, slope, v, prec);
	}
	for (slong i = 0; i < (slong)s->k; i++)
		for (slong j = 0; j < i; j++) {
			arb_set(arb_mat_entry(v->hessian, i, j), arb_mat_entry(v->hessian, j, i));
			arb_set(arb_mat_entry(v->normal, i, j), arb_mat_entry(v->normal, j, i));
		}
	_acb_vec_clear(point, (slong)s->k + 1);
	_arb_vec_clear(slope, (slong)s->k);
	real_clear(&x);
	real_clear(&y);
	arb_clear(target);
}

/* ---- Newton ---- */

/* Moves the exact point b by -H^-1 g. *small: log2 of the largest change relative to its parameter. False when the
 * Hessian cannot be inverted at this precision. */
static bool newton_step(const struct nonlinear_fit *s, arb_ptr b, slong *small, slong prec)
{
	slong k = (slong)s->k;
	struct sums v;
	arb_mat_t step;
	arb_t share;
	bool ok;

	sums_init(&v, k);
	arb_mat_init(step, k, 1);
	arb_init(share);
	evaluate(s, b, &v, prec);
	ok = arb_mat_is_finite(v.hessian) && arb_mat_is_finite(v.gradient) &&
	     arb_mat_solve(step, v.hessian, v.gradient, prec);
	*small = -ARF_PREC_EXACT;
	for (slong j = 0; ok && j < k; j++) {
		arb_ptr change = arb_mat_entry(step, j, 0);
		arb_get_mid_arb(change, change);
		arb_div(share, change, b + j, 64);
		if (!arb_is_zero(change) && arb_is_finite(share)) {
			slong bits = arf_abs_bound_lt_2exp_si(arb_midref(share));
			*small = bits > *small ? bits : *small;
		}
		arb_sub(b + j, b + j, change, prec);
		arb_get_mid_arb(b + j, b + j);
	}
	sums_clear(&v);
	arb_mat_clear(step);
	arb_clear(share);
	return ok;
}

/* Steps until they stop getting smaller. */
static bool newton(const struct nonlinear_fit *s, arb_ptr b, slong prec)
{
	slong small = 0, before = ARF_PREC_EXACT;

	for (int i = 0; i < NEWTON_STEPS; i++) {
		if (!newton_step(s, b, &small, prec))
			return false;
		if (small < 8 - prec || (small >= before && small < -prec / 3))
			return true;
		before = small;
	}
	return false;
}

/* ---- the proof ---- */

/* Krawczyk: with m the middle of the box, Y about H(m)^-1, the box holds exactly one zero of g if
 * m - Y g(m) + (1 - Y H(box)) (box - m) lies inside it; and that holds the zero. */
static bool enclose(const struct nonlinear_fit *s, arb_srcptr m, slong radius_bits, arb_ptr out, slong prec)
{
	slong k = (slong)s->k;
	arb_ptr box = _arb_vec_init(k);
	arb_mat_t y, one, away, moved;
	struct sums at, over;
	bool inside;

	arb_mat_init(y, k, k);
	arb_mat_init(one, k, k);
	arb_mat_init(away, k, 1);
	arb_mat_init(moved, k, 1);
	sums_init(&at, k);
	sums_init(&over, k);
	for (slong j = 0; j < k; j++) {
		mag_t r;
		mag_init(r);
		arb_get_mag(r, m + j);
		mag_mul_2exp_si(r, r, -radius_bits);
		if (mag_is_zero(r))
			mag_set_ui_2exp_si(r, 1, -radius_bits);
		arb_add_error_mag(arb_mat_entry(away, j, 0), r);
		arb_add(box + j, m + j, arb_mat_entry(away, j, 0), prec + 64);
		mag_clear(r);
	}
	evaluate(s, m, &at, prec);
	evaluate(s, box, &over, prec);
	inside = arb_mat_is_finite(over.hessian) && arb_mat_inv(y, at.hessian, prec);
	if (inside) {
		arb_mat_get_mid(y, y);
		arb_mat_mul(one, y, over.hessian, prec);
		arb_mat_neg(one, one);
		for (slong j = 0; j < k; j++)
			arb_add_ui(arb_mat_entry(one, j, j), arb_mat_entry(one, j, j), 1, prec);
		arb_mat_mul(moved, one, away, prec);
		arb_mat_mul(away, y, at.gradient, prec);
		for (slong j = 0; inside && j < k; j++) {
			arb_sub(out + j, arb_mat_entry(moved, j, 0), arb_mat_entry(away, j, 0), prec);
			arb_add(out + j, out + j, m + j, prec);
			inside = arb_contains_interior(box + j, out + j);
		}
	}
	_arb_vec_clear(box, k);
	arb_mat_clear(y);
	arb_mat_clear(one);
	arb_mat_clear(away);
	arb_mat_clear(moved);
	sums_clear(&at);
	sums_clear(&over);
	return inside;
}

static bool certain_root(const struct nonlinear_fit *s, arb_ptr out, slong prec)
{
	static const slong lost[] = { 16, 40, 80, 120 };
	arb_ptr m = _arb_vec_init((slong)s->k);
	bool found = false;

	_arb_vec_set(m, s->root, (slong)s->k);
	if (newton(s, m, prec)) {
		for (size_t i = 0; i < sizeof lost / sizeof *lost && !found && lost[i] < prec - 20; i++)
			found = enclose(s, m, prec - lost[i], out, prec);
		if (found)
			_arb_vec_set(s->root, m, (slong)s->k);
	}
	_arb_vec_clear(m, (slong)s->k);
	return found;
}

int nonlinear_fit_refine(struct nonlinear_fit *s, struct op_call *c, struct real *out, slong prec, struct op_failure *f)
{
	slong k = (slong)s->k, wp = prec + 64;
	size_t errors = s->n > s->k ? s->k : 0;
	arb_ptr b = _arb_vec_init(k);
	struct sums v;
	arb_t t;
	int rc = -1;

	sums_init(&v, k);
	arb_init(t);
	if (sample_refine(&s->x, c, wp, f) == 0 && sample_refine(&s->y, c, wp, f) == 0) {
		rc = 0;
		if (!certain_root(s, b, wp))
			_arb_vec_indeterminate(b, k);
		evaluate(s, b, &v, wp);
		arb_nonnegative_part(v.rss, v.rss);
		if (!arb_mat_inv(v.normal, v.normal, wp))
			arb_mat_indeterminate(v.normal);
		for (slong j = 0; j < k; j++) {
			real_set_arb(&out[j], b + j);
			arb_mul(t, v.rss, arb_mat_entry(v.normal, j, j), wp);
			arb_div_si(t, t, errors ? (slong)(s->n - s->k) : 1, wp);
			arb_sqrtpos(t, t, wp);
			if (errors)
				real_set_arb(&out[k + j], t);
		}
		real_set_arb(&out[(size_t)k + errors], v.rss);
	}
	_arb_vec_clear(b, k);
	sums_clear(&v);
	arb_clear(t);
	return rc;
}

/* Whether a proven minimum lies near the point that the search ended at: then it is the root to start from. */
static bool is_minimum(struct nonlinear_fit *s)
{
	slong k = (slong)s->k;
	arb_ptr b = _arb_vec_init(k);
	arb_mat_t lower;
	struct sums v;
	bool ok = true;

	sums_init(&v, k);
	arb_mat_init(lower, k, k);
	for (slong j = 0; ok && j < k; j++) {
		ok = isfinite(s->at[j]);
		arb_set_d(s->root + j, s->at[j]);
	}
	if (ok && certain_root(s, b, SETTLE_BITS)) {
		evaluate(s, b, &v, SETTLE_BITS);
		ok = arb_mat_cho(lower, v.hessian, SETTLE_BITS) != 0;
	} else {
		ok = false;
	}
	_arb_vec_clear(b, k);
	arb_mat_clear(lower);
	sums_clear(&v);
	return ok;
}

/* Whether the slopes depend on each other where the search ended: then no data of this kind determine the parameters.
 */
static bool undetermined(struct nonlinear_fit *s)
{
	slong k = (slong)s->k;
	arb_ptr b = _arb_vec_init(k);
	struct sums v;
	bool finite;

	sums_init(&v, k);
	for (slong j = 0; j < k; j++)
		arb_set_d(b + j, isfinite(s->at[j]) ? s->at[j] : s->start[j]);
	evaluate(s, b, &v, SETTLE_BITS);
	finite = arb_mat_is_finite(v.normal);
	bool singular = finite && !arb_mat_inv(v.normal, v.normal, SETTLE_BITS);
	_arb_vec_clear(b, k);
	sums_clear(&v);
	return singular;
}

int nonlinear_fit_approach(struct nonlinear_fit *s, struct op_failure *f)
{
	struct nonlinear_search *search = nonlinear_search_new(s, f);
	bool found = false;

	if (!search)
		return -1;
	if (sample_refine(&s->x, s->c, SETTLE_BITS, f) < 0 || sample_refine(&s->y, s->c, SETTLE_BITS, f) < 0) {
		nonlinear_search_free(search);
		return -1;
	}
	for (size_t way = 0; !found && nonlinear_search_run(search, way); way++)
		found = is_minimum(s);
	nonlinear_search_free(search);
	if (found)
		return 0;
	if (undetermined(s))
		return op_fail(f, OP_SINGULAR,
			       "the data do not determine the parameters: the derivatives of the model "
			       "by them depend on each other");
	return op_fail(f, OP_DID_NOT_CONVERGE,
		       "no minimum of the sum of squares was found from this start: try another one");
}
