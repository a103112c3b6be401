/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The statistics family: regressions. */
#include <string.h>

#include "math/arg.h"
#include "math/distribution.h"
#include "math/least_squares.h"
#include "math/nonlinear_fit.h"
#include "math/real.h"
#include "math/sample.h"

#define DEGREE_MAX 100
#define COLUMNS_MAX 300

enum { ARG_X, ARG_Y, ARG_THIRD };

/* ---- what a linear fit gives ---- */

/* The leaves of the result in this order; the vectors of p each, those after the coefficients (and the standard
 * deviation) only while there are degrees of freedom. */
enum { LEAF_R_SQUARED, LEAF_RSS, LEAF_RESIDUAL_SD, LEAF_VECTORS };
enum { VECTOR_COEFFICIENTS, VECTOR_ERRORS, VECTOR_T, VECTOR_P };

static size_t leaf(const struct least_squares *s, size_t vector, size_t j)
{
	return LEAF_VECTORS + vector * s->p + j;
}

/* p of a two-sided test: twice the upper tail of Student's t at |t|. */
static void two_sided(struct real *out, const struct real *t, slong df, slong prec)
{
	arb_t v, freedom;

	arb_init(v);
	arb_init(freedom);
	real_get_arb(v, t, prec);
	arb_abs(v, v);
	arb_set_si(freedom, df);
	distribution_t_tail(v, v, freedom, prec);
	arb_mul_2exp_si(v, v, 1);
	if (real_is_zero(t))
		real_set_si(out, 1);
	else
		real_set_arb(out, v);
	arb_clear(v);
	arb_clear(freedom);
}

/* A perfect fit leaves no residuals: errors 0, and t of what is not 0 beyond all numbers. */
static void perfect(struct real *error, struct real *t, struct real *p, const struct real *coefficient)
{
	int sign = real_sign(coefficient);

	real_set_si(error, 0);
	real_set_si(p, 0);
	t->special = sign < 0 ? "\"-Infinity\"" : "\"Infinity\"";
	if (sign == 0 || sign == 2) /* 0, or not to be told from it */
		t->special = p->special = "\"NaN\"";
}

static void infer(const struct least_squares *s, struct real *out, slong prec)
{
	slong df = (slong)(s->n - s->p);
	struct real variance;

	real_init(&variance);
	real_div_si(&variance, &s->rss, df, prec);
	real_root(&out[LEAF_RESIDUAL_SD], &variance, 2, prec);
	for (size_t j = 0; j < s->p; j++) {
		struct real *error = &out[leaf(s, VECTOR_ERRORS, j)], *t = &out[leaf(s, VECTOR_T, j)];
		struct real *p = &out[leaf(s, VECTOR_P, j)];
		if (real_is_zero(&s->rss)) {
			perfect(error, t, p, &s->coefficients[j]);
			continue;
		}
		real_mul(error, &variance, &s->spread[j], prec);
		real_root(error, error, 2, prec);
		real_div(t, &s->coefficients[j], error, prec);
		two_sided(p, t, df, prec);
	}
	real_clear(&variance);
}

static int fit_of(struct op_call *c, struct real *out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct least_squares *s = arg;

	(void)n;
	if (least_squares_refine(s, c, prec, f) < 0)
		return -1;
	for (size_t j = 0; j < s->p; j++)
		real_set(&out[leaf(s, VECTOR_COEFFICIENTS, j)], &s->coefficients[j]);
	real_set(&out[LEAF_RSS], &s->rss);
	if (real_is_zero(&s->tss)) {
		real_set_si(&out[LEAF_R_SQUARED], 0);
		out[LEAF_R_SQUARED].special = "\"NaN\"";
	} else {
		real_sub(&out[LEAF_R_SQUARED], &s->tss, &s->rss, prec);
		real_div(&out[LEAF_R_SQUARED], &out[LEAF_R_SQUARED], &s->tss, prec);
	}
	if (s->n > s->p)
		infer(s, out, prec);
	return 0;
}

static void put_fit(struct buf *json, const struct least_squares *s, const struct reals *v)
{
	static const char *const names[] = { "coefficients", "standard_errors", "t", "p" };
	size_t df = s->n - s->p;

	buf_byte(json, '{');
	for (size_t k = 0; k < (df ? 4 : 1); k++) {
		answer_member(json, names[k]);
		reals_put_vector(json, v, leaf(s, k, 0), s->p);
	}
	answer_member(json, "r_squared");
	reals_put(json, v, LEAF_R_SQUARED);
	answer_member(json, "residual_sum_of_squares");
	reals_put(json, v, LEAF_RSS);
	if (df) {
		answer_member(json, "residual_sd");
		reals_put(json, v, LEAF_RESIDUAL_SD);
	}
	answer_member(json, "df");
	buf_uint(json, df);
	buf_byte(json, '}');
}

/* With x, y and the shape of the model set. */
static int regress(struct least_squares *s, struct op_call *c, struct buf *json, size_t degree, struct op_failure *f)
{
	struct reals v;
	int rc;

	if (least_squares_init(s, c, degree, f) < 0)
		return -1;
	rc = reals_compute(c, LEAF_VECTORS + (s->n > s->p ? 4 : 1) * s->p, REAL_ROUNDED, fit_of, s, &v, f);
	if (rc == 0) {
		put_fit(json, s, &v);
		reals_fini(&v);
	}
	least_squares_clear(s);
	return rc;
}

/* rows: of x, which must be as many as values of y. */
static int load_and_regress(struct least_squares *s, struct op_call *c, struct buf *json, size_t rows, size_t degree,
			    struct op_failure *f)
{
	struct sample x, y;
	int rc = -1;

	if (sample_load(&x, c, ARG_X, 1, f) < 0)
		return -1;
	if (sample_load(&y, c, ARG_Y, 1, f) == 0) {
		s->x = &x;
		s->y = &y;
		if (y.n != rows)
			rc = arg_fail(c, ARG_Y, f, OP_DIMENSION_MISMATCH,
				      "expected a value for each of the %zu observations, got %zu", rows, y.n);
		else
			rc = regress(s, c, json, degree, f);
		s->x = s->y = NULL;
		sample_clear(&y);
	}
	sample_clear(&x);
	return rc;
}

static int linreg(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct least_squares s = { .columns = 1, .constant = arg_flag(c, ARG_THIRD, true) };
	size_t rows, cols;

	arg_shape(c, ARG_X, &rows, &cols);
	return load_and_regress(&s, c, json, rows, 0, f);
}

static int multireg(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct least_squares s = { .constant = arg_flag(c, ARG_THIRD, true) };
	size_t rows;

	arg_shape(c, ARG_X, &rows, &s.columns);
	if (s.columns > COLUMNS_MAX) {
		op_fail_limit(f, COLUMNS_MAX, (double)s.columns, "columns", "regressors");
		return arg_locate(c, ARG_X, f);
	}
	return load_and_regress(&s, c, json, rows, 0, f);
}

static int polyfit(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct least_squares s = { .columns = 1, .constant = true, .powers = true };
	size_t rows, cols;
	slong degree;

	if (arg_long(c, ARG_THIRD, 0, DEGREE_MAX, &degree, f) < 0)
		return -1;
	arg_shape(c, ARG_X, &rows, &cols);
	return load_and_regress(&s, c, json, rows, (size_t)degree, f);
}

/* ---- nonlinear ---- */

enum { ARG_MODEL, ARG_FIT_X, ARG_FIT_Y, ARG_START };

static int fit_leaves(struct op_call *c, struct real *out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	(void)n;
	return nonlinear_fit_refine(arg, c, out, prec, f);
}

/* Leaves: parameters, standard errors while there are degrees of freedom, residual sum of squares. */
static int nlfit(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct nonlinear_fit fit;
	struct reals v;
	size_t k, errors;
	int rc;

	if (nonlinear_fit_init(&fit, c, arg_expr(c, ARG_MODEL), ARG_FIT_X, ARG_FIT_Y, ARG_START, f) < 0)
		return -1;
	k = fit.k;
	errors = fit.n > k ? k : 0;
	rc = nonlinear_fit_approach(&fit, f);
	if (rc == 0)
		rc = reals_compute(c, k + errors + 1, REAL_ROUNDED, fit_leaves, &fit, &v, f);
	if (rc == 0) {
		buf_byte(json, '{');
		answer_member(json, "parameters");
		reals_put_vector(json, &v, 0, k);
		if (errors) {
			answer_member(json, "standard_errors");
			reals_put_vector(json, &v, k, k);
		}
		answer_member(json, "residual_sum_of_squares");
		reals_put(json, &v, k + errors);
		buf_byte(json, '}');
		reals_fini(&v);
	}
	nonlinear_fit_clear(&fit);
	return rc;
}

/* ---- the operations ---- */

#define PRECISION                                                                                 \
	{                                                                                         \
		.name = "precision", .summary = "significant decimal digits of each real number", \
		.kind = OP_KIND_PRECISION                                                         \
	}
#define EXACT                                                                                               \
	{                                                                                                   \
		.name = "exact", .summary = "true: coefficients, r_squared and sums of squares as \"p/q\"", \
		.kind = OP_KIND_EXACT                                                                       \
	}
#define INTERCEPT                                                                                                     \
	{                                                                                                             \
		.name = "intercept", .summary = "false: no constant term; true if left out", .kind = OP_KIND_BOOLEAN, \
		.optional = true                                                                                      \
	}
#define VALUES_Y                                                                                      \
	{                                                                                             \
		.name = "y", .summary = "the observed values, one for each x", .kind = OP_KIND_VECTOR \
	}
#define VALUES_X                                                                           \
	{                                                                                  \
		.name = "x", .summary = "where they were observed", .kind = OP_KIND_VECTOR \
	}

static const struct op_parameter of_linreg[] = { VALUES_X, VALUES_Y, INTERCEPT, PRECISION, EXACT };
static const struct op_parameter of_polyfit[] = {
	VALUES_X,
	VALUES_Y,
	{ .name = "degree",
	  .summary = "of the polynomial",
	  .kind = OP_KIND_INTEGER,
	  .bounded = true,
	  .min = 0,
	  .max = DEGREE_MAX },
	PRECISION,
	EXACT,
};
static const struct op_parameter of_multireg[] = {
	{ .name = "X", .summary = "a row of regressors for each observation", .kind = OP_KIND_MATRIX },
	{ .name = "y", .summary = "the observed values, one for each row", .kind = OP_KIND_VECTOR },
	INTERCEPT,
	PRECISION,
	EXACT,
};
static const struct op_parameter of_nlfit[] = {
	{ .name = "model", .summary = "an expression in x and the parameters b1, b2, …", .kind = OP_KIND_EXPRESSION },
	VALUES_X,
	VALUES_Y,
	{ .name = "start", .summary = "a first guess for each parameter", .kind = OP_KIND_VECTOR },
	PRECISION,
};

static const struct op_example linreg_examples[] = {
	{ "[[0,1,2,3],[1,3,2,5]]",
	  "{\"coefficients\":[1.1,1.1],\"standard_errors\":[0.972111104761179,0.5196152422706631],"
	  "\"t\":[1.1315578997220073,2.116950987028628],\"p\":[0.3752419823282287,0.1684781593797001],"
	  "\"r_squared\":0.6914285714285714,\"residual_sum_of_squares\":2.7,\"residual_sd\":1.161895003862225,\"df\":"
	  "2}",
	  NULL },
	{ "{\"x\":[1,2],\"y\":[1,3],\"exact\":true}",
	  "{\"coefficients\":[-1,2],\"r_squared\":1,\"residual_sum_of_squares\":0,\"df\":0}", NULL },
	{ "[[1,1,1],[1,2,3]]", NULL, "singular" },
	{ "[[1],[1]]", NULL, "invalid-argument" },
};
static const struct op_example polyfit_examples[] = {
	{ "[[0,1,2],[1,3,7],2]", "{\"coefficients\":[1,1,1],\"r_squared\":1,\"residual_sum_of_squares\":0,\"df\":0}",
	  NULL },
	{ "[[0,1,2,3],[1,2,5,10],2]",
	  "{\"coefficients\":[1,0,1],\"standard_errors\":[0,0,0],\"t\":[\"Infinity\",\"NaN\",\"Infinity\"],"
	  "\"p\":[0,\"NaN\",0],\"r_squared\":1,\"residual_sum_of_squares\":0,\"residual_sd\":0,\"df\":1}",
	  NULL },
	{ "[[0,1],[1,2],2]", NULL, "invalid-argument" },
};
static const struct op_example multireg_examples[] = {
	{ "{\"X\":[[1,0],[0,1],[1,1]],\"y\":[1,2,3],\"exact\":true}",
	  "{\"coefficients\":[0,1,2],\"r_squared\":1,\"residual_sum_of_squares\":0,\"df\":0}", NULL },
	{ "[[[60],[61],[62]],[130,131,132],false]",
	  "{\"coefficients\":[2.147335423197492],\"standard_errors\":[0.010859252712030578],"
	  "\"t\":[197.7424671974468],\"p\":[2.5573103918357813e-05],\"r_squared\":0.9999488544461469,"
	  "\"residual_sum_of_squares\":2.633228840125392,\"residual_sd\":1.1474381987988267,\"df\":2}",
	  NULL },
	{ "[[[1,2],[2,4],[3,6]],[1,2,4]]", NULL, "singular" },
};
static const struct op_example nlfit_examples[] = {
	{ "[\"b1*x^2\",[1,2,3],[2,7,19],[1]]",
	  "{\"parameters\":[2.0510204081632653],\"standard_errors\":[0.0943532755556476],"
	  "\"residual_sum_of_squares\":1.7448979591836735}",
	  NULL },
	{ "[\"b1*exp(b2*x)\",[0,1,2],[1,3,7],[1,1]]",
	  "{\"parameters\":[1.1670434288104405,0.8976957781118842],"
	  "\"standard_errors\":[0.1389402126578851,0.06372569513975053],"
	  "\"residual_sum_of_squares\":0.04720788980216708}",
	  NULL },
	{ "[\"b1*x\",[1,2],[1],[1]]", NULL, "dimension-mismatch" },
};

#define FIT                                                                                                        \
	"{coefficients, standard_errors, t, p, r_squared, residual_sum_of_squares, residual_sd, df}, every digit " \
	"right; "                                                                                                  \
	"the constant term comes first; p is two-sided; r_squared is around 0 without constant term. As many "     \
	"coefficients as observations: without standard_errors, t, p and residual_sd. No residuals at all: t is "  \
	"\"Infinity\" or \"-Infinity\", and that of a coefficient 0 \"NaN\""
#define OP(what, of, sentence, gives, bound)                                                                  \
	{                                                                                                     \
		.name = #what, .family = "statistics", .summary = sentence, .result = gives, .limits = bound, \
		.parameters = of, .parameter_count = sizeof(of) / sizeof *(of), .examples = what##_examples,  \
		.example_count = sizeof(what##_examples) / sizeof *(what##_examples), .compute = what         \
	}

static const struct op ops[] = {
	OP(linreg, of_linreg, "Linear regression of y on x by least squares, y = b0 + b1 x.", FIT,
	   "100,000 observations"),
	OP(polyfit, of_polyfit, "The polynomial of least squares, y = b0 + b1 x + b2 x^2 + …", FIT,
	   "degree 100, 1,000,000 observations times coefficients"),
	OP(multireg, of_multireg, "Linear regression of y on several regressors by least squares.", FIT,
	   "300 regressors, 100,000 numbers"),
	OP(nlfit, of_nlfit,
	   "Nonlinear least squares: the parameters of a model y = f(x; b1, b2, …) near a first guess. The minimum is "
	   "found by the method of Levenberg and Marquardt and proven to be a stationary point with every digit right.",
	   "{parameters, standard_errors, residual_sum_of_squares}; standard_errors only with more observations than "
	   "parameters",
	   "20 parameters, 10,000 observations"),
};

const struct op_family op_regression = { ops, sizeof ops / sizeof *ops };
