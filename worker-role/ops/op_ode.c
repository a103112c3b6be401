/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calculus in several variables: initial value problems and minima. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "math/answer.h"
#include "math/arg.h"
#include "math/minimum.h"
#include "math/odesolve.h"
#include "math/univariate.h"
#include "op.h"

/* Reads the names of argument i into names[0..most): variables, all different, none of them `taken`. */
static int read_names(struct op_call *c, size_t i, size_t most, const char *taken, const char **names, size_t *count,
		      struct op_failure *f)
{
	*count = arg_text_count(c, i);
	if (*count == 0)
		return arg_fail(c, i, f, OP_INVALID_ARGUMENT, "expected at least one name");
	if (*count > most) {
		op_fail_limit(f, (double)most, (double)*count, "variables", op_call_parameter(c, i)->name);
		return arg_locate(c, i, f);
	}
	for (size_t k = 0; k < *count; k++) {
		size_t n = 0;
		names[k] = arg_text_at(c, i, k, &n);
		if (!names[k])
			return arg_fail(c, i, f, OP_INVALID_ARGUMENT, "expected names of variables as strings");
		if (univariate_check_name(c, i, names[k], n, f) != 0)
			return -1;
		if (taken && strcmp(names[k], taken) == 0)
			return arg_fail(c, i, f, OP_INVALID_ARGUMENT, "\"%s\" is the independent variable", taken);
		for (size_t j = 0; j < k; j++)
			if (strcmp(names[j], names[k]) == 0)
				return arg_fail(c, i, f, OP_INVALID_ARGUMENT,
						"expected different names, got \"%.40s\" twice", names[k]);
	}
	return 0;
}

/* count doubles from argument i. */
static int read_values(struct op_call *c, size_t i, size_t count, double *out, struct op_failure *f)
{
	size_t rows = 0;
	double *v = arg_doubles(c, i, &rows, NULL, f);

	if (!v)
		return -1;
	if (rows == count)
		memcpy(out, v, count * sizeof *v);
	free(v);
	if (rows != count)
		return arg_fail(c, i, f, OP_DIMENSION_MISMATCH, "expected %zu numbers, one for each variable, got %zu",
				count, rows);
	return 0;
}

/* ---- ode ---- */

#define TOLERANCE_DEFAULT 1e-9
#define TOLERANCE_MIN 1e-11
#define TOLERANCE_MAX 1e-2
#define POINTS_MAX 10000
#define DOUBT 20       /* times the difference: what is not shown */
#define SMALL_PART 0.1 /* of a component's largest value: the tolerance is relative to at least that */

struct problem {
	struct odesolve solver;
	double y0[ODESOLVE_MAX];
	double tolerance;
	size_t count; /* of times, t0 included */
	double *times, *fine, *coarse;
};

static int read_equations(struct op_call *c, struct odesolve *s, struct op_failure *f)
{
	size_t count = 0, equations = arg_text_count(c, 0);

	s->names[0] = "t";
	if (read_names(c, 1, ODESOLVE_MAX, "t", s->names + 1, &count, f) != 0)
		return -1;
	if (equations != count)
		return arg_fail(c, 0, f, OP_DIMENSION_MISMATCH,
				"expected %zu equations, one for each variable, got %zu", count, equations);
	for (; s->n < count; s->n++) {
		size_t n = 0;
		const char *text = arg_text_at(c, 0, s->n, &n);
		if (!text)
			return arg_fail(c, 0, f, OP_INVALID_ARGUMENT, "expected right-hand sides as strings");
		s->equation[s->n] = expr_parse(text, n, f);
		if (!s->equation[s->n] || expr_check_names(s->equation[s->n], s->names, count + 1, f) != 0) {
			expr_free(s->equation[s->n]);
			s->equation[s->n] = NULL;
			return arg_locate(c, 0, f);
		}
	}
	return odesolve_prepare(s, f) == 0 ? 0 : arg_locate(c, 0, f);
}

static int read_problem(struct op_call *c, struct problem *p, struct op_failure *f)
{
	double t0, t1;
	slong points = 2;

	p->tolerance = TOLERANCE_DEFAULT;
	if (read_equations(c, &p->solver, f) != 0 || read_values(c, 2, p->solver.n, p->y0, f) != 0 ||
	    arg_double(c, 3, &t0, f) != 0 || arg_double(c, 4, &t1, f) != 0 ||
	    (op_call_given(c, 5) && arg_double(c, 5, &p->tolerance, f) != 0) ||
	    (op_call_given(c, 6) && arg_long(c, 6, 2, POINTS_MAX, &points, f) != 0))
		return -1;
	if (!(p->tolerance >= TOLERANCE_MIN && p->tolerance <= TOLERANCE_MAX))
		return arg_fail(c, 5, f, OP_INVALID_ARGUMENT, "expected a tolerance from %g to %g, got %g",
				TOLERANCE_MIN, TOLERANCE_MAX, p->tolerance);
	p->count = (size_t)points;
	p->times = calloc(p->count * (1 + 2 * p->solver.n), sizeof *p->times);
	if (!p->times)
		return op_fail(f, OP_INTERNAL_ERROR, "out of memory for %zu points", p->count);
	p->fine = p->times + p->count;
	p->coarse = p->fine + p->count * p->solver.n;
	for (size_t k = 0; k < p->count; k++)
		p->times[k] = k + 1 == p->count ? t1 : t0 + (t1 - t0) * ((double)k / (double)(p->count - 1));
	return 0;
}

/* v to the decimal places that an error as large as `allowed` leaves. */
static double round_to(double v, double allowed)
{
	char text[40];
	int digits = allowed > 0 && v != 0 ? (int)(floor(log10(fabs(v))) - floor(log10(allowed))) : 17;

	if (digits < 0)
		return 0;
	snprintf(text, sizeof text, "%.*e", digits < 16 ? digits : 16, v);
	return strtod(text, NULL);
}

static double coarse_eps(const struct problem *p)
{
	return fmax(p->tolerance * 1e-4, 2e-13);
}

/* The solutions with two accuracies must agree; the finer one, of about a fifth of the error, is rounded to the
 * tolerance, or to what they agree on if that is less. */
static int compare_solutions(struct problem *p, struct op_failure *f)
{
	for (size_t i = 0; i < p->solver.n; i++) {
		double largest = p->solver.peak[i];
		for (size_t k = 1; k < p->count; k++) {
			double *v = &p->fine[k * p->solver.n + i];
			double error = fabs(*v - p->coarse[k * p->solver.n + i]);
			if (error > 10 * p->tolerance * fmax(fabs(*v), SMALL_PART * largest))
				return op_fail(
				    f, OP_DID_NOT_CONVERGE,
				    "the tolerance %g is not reached: the solution is too sensitive to rounding",
				    p->tolerance);
			*v = round_to(*v, fmax(fmax(p->tolerance * fabs(*v), coarse_eps(p) * largest), DOUBT * error));
		}
	}
	return 0;
}

static int solve_problem(struct problem *p, struct op_failure *f)
{
	double t0 = p->times[0], t1 = p->times[p->count - 1];

	if (t0 == t1) {
		for (size_t k = 0; k < p->count * p->solver.n; k++)
			p->fine[k] = p->y0[k % p->solver.n];
		return 0;
	}
	/* a rough run first: it tells how large the components become */
	if (odesolve_run(&p->solver, p->y0, p->times, p->count, fmax(p->tolerance, 1e-7), p->coarse, f) != 0 ||
	    odesolve_run(&p->solver, p->y0, p->times, p->count, coarse_eps(p), p->coarse, f) != 0 ||
	    odesolve_run(&p->solver, p->y0, p->times, p->count, coarse_eps(p) / 4, p->fine, f) != 0)
		return -1;
	return compare_solutions(p, f);
}

/* One state: a number where the problem was given without arrays. */
static int put_state(const struct problem *p, bool single, const double *y, struct buf *json, struct op_failure *f)
{
	return single ? answer_double(json, y[0], "the solution", f)
		      : answer_doubles(json, y, p->solver.n, "the solution", f);
}

static int put_solution(struct op_call *c, const struct problem *p, struct buf *json, struct op_failure *f)
{
	bool single = !arg_is_array(c, 1) && !arg_is_array(c, 2), trajectory = op_call_given(c, 6);
	int rc;

	buf_puts(json, "{\"t\":");
	if (!trajectory) {
		rc = answer_double(json, p->times[p->count - 1], "t", f);
		answer_member(json, "y");
		if (rc == 0)
			rc = put_state(p, single, p->fine + (p->count - 1) * p->solver.n, json, f);
	} else {
		rc = answer_doubles(json, p->times, p->count, "t", f);
		answer_member(json, "y");
		buf_byte(json, '[');
		for (size_t k = 0; k < p->count && rc == 0; k++) {
			if (k > 0)
				buf_byte(json, ',');
			rc = put_state(p, single, p->fine + k * p->solver.n, json, f);
		}
		buf_byte(json, ']');
	}
	buf_byte(json, '}');
	return rc;
}

static int ode_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct problem *p = calloc(1, sizeof *p);
	int rc;

	if (!p)
		return op_fail(f, OP_INTERNAL_ERROR, "out of memory for a system of equations");
	rc = read_problem(c, p, f) == 0 && solve_problem(p, f) == 0 ? put_solution(c, p, json, f) : -1;
	odesolve_clear(&p->solver);
	free(p->times);
	free(p);
	return rc;
}

/* ---- minimize ---- */

static int minimize_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct minimum m = { .f = arg_expr(c, 0) };
	bool single = !arg_is_array(c, 1) && !arg_is_array(c, 2);
	int rc;

	if (read_names(c, 1, MINIMUM_VARIABLES_MAX, NULL, m.names, &m.n, f) != 0 || read_values(c, 2, m.n, m.x, f) != 0)
		return -1;
	if (expr_check_names(m.f, m.names, m.n, f) != 0)
		return arg_locate(c, 0, f);
	if (minimum_find(&m, f) != 0)
		return -1;
	buf_puts(json, "{\"x\":");
	rc = single ? answer_double(json, m.x[0], "x", f) : answer_doubles(json, m.x, m.n, "x", f);
	answer_member(json, "value");
	if (rc == 0)
		rc = answer_double(json, m.value, "the minimum", f);
	answer_member(json, "iterations");
	buf_int(json, m.iterations);
	buf_byte(json, '}');
	return rc;
}

/* ---- the table ---- */

#define LIST(a) (a), sizeof(a) / sizeof *(a)

static const struct op_parameter ode_parameters[] = {
	{ .name = "equations",
	  .summary = "the derivatives of the unknowns by t, expressions in t and the unknowns",
	  .kind = OP_KIND_TEXTS },
	{ .name = "vars", .summary = "the names of the unknowns, in the same order", .kind = OP_KIND_TEXTS },
	{ .name = "y0", .summary = "their values at t0", .kind = OP_KIND_NUMBERS },
	{ .name = "t0", .summary = "where to begin", .kind = OP_KIND_NUMBER },
	{ .name = "t1", .summary = "where to end; may lie before t0", .kind = OP_KIND_NUMBER },
	{ .name = "tol",
	  .summary = "the relative error allowed, 1e-11 to 0.01 (default 1e-9)",
	  .kind = OP_KIND_NUMBER,
	  .optional = true },
	{ .name = "points",
	  .summary = "how many equally spaced points of the trajectory to give, both ends included",
	  .kind = OP_KIND_INTEGER,
	  .optional = true,
	  .bounded = true,
	  .min = 2,
	  .max = POINTS_MAX },
};
static const struct op_example ode_examples[] = {
	{ "[\"y\",\"y\",1,0,1]", "{\"t\":1,\"y\":2.718281828}", NULL },
	{ "[[\"v\",\"-x\"],[\"x\",\"v\"],[0,1],0,1]", "{\"t\":1,\"y\":[0.8414709848,0.5403023059]}", NULL },
	{ "{\"equations\":\"2*t\",\"vars\":\"y\",\"y0\":0,\"t0\":0,\"t1\":2,\"points\":3}",
	  "{\"t\":[0,1,2],\"y\":[0,1,4]}", NULL },
	{ "[\"y^2\",\"y\",1,0,2]", NULL, "did-not-converge" },
};

static const struct op_parameter minimize_parameters[] = {
	{ .name = "f", .summary = "the function, an expression in the variables", .kind = OP_KIND_EXPRESSION },
	{ .name = "vars", .summary = "the names of its variables", .kind = OP_KIND_TEXTS },
	{ .name = "start", .summary = "where to begin: a number for each variable", .kind = OP_KIND_NUMBERS },
};
static const struct op_example minimize_examples[] = {
	{ "[\"(x-2)^2+1\",\"x\",0]", "{\"x\":2,\"value\":1,\"iterations\":36}", NULL },
	{ "[\"2*x\",\"x\",1]", NULL, "did-not-converge" },
	{ "[\"x^2\",[\"x\",\"y\"],[1]]", NULL, "dimension-mismatch" },
};

static const struct op ops[] = {
	{ .name = "minimize",
	  .family = "calculus",
	  .summary =
	      "A local minimum of f near the start: the Nelder-Mead simplex, then Newton's method with many more "
	      "digits than are shown. Functions without derivatives are given to 7 digits that repeated searches "
	      "agree on.",
	  .result =
	      "{\"x\": the point, an array (a number if vars and start are none), \"value\": f there, \"iterations\": "
	      "a count}",
	  .limits = "up to 20 variables; isolated minima",
	  LIST(minimize_parameters),
	  LIST(minimize_examples),
	  .compute = minimize_compute },
	{ .name = "ode",
	  .family = "calculus",
	  .summary =
	      "The solution at t1 of a system of ordinary differential equations, whose independent variable is t: "
	      "an explicit method of order 8, or for stiff systems an implicit one. It is computed with two "
	      "accuracies, which must agree to the tolerance.",
	  .result = "{\"t\", \"y\"} at t1, y an array (a number if vars and y0 are none), rounded to the tolerance "
		    "(more where they agree less); with "
		    "`points` t is an array of times and y one of states",
	  .limits = "up to 50 equations, 10,000 points, 400,000 steps",
	  LIST(ode_parameters),
	  LIST(ode_examples),
	  .compute = ode_compute },
};

const struct op_family op_ode = { LIST(ops) };
