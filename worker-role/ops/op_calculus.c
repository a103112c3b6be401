/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calculus in one variable: integrals, derivatives, roots. */
#include <math.h>
#include <time.h>

#include "math/answer.h"
#include "math/arg.h"
#include "math/parity.h"
#include "math/quadrature.h"
#include "math/rootfind.h"
#include "math/univariate.h"
#include "op.h"

/* ---- integrate ---- */

struct integral {
	struct univariate u;
	struct bound a, b;
	int sign; /* -1: b < a */
	bool odd; /* the halves cancel */
	struct quadrature q;
	slong prec; /* of the last round, and the time it took */
	double ns;
};

/* A polynomial between rational bounds: exactly, into out. */
static bool integral_exact(const struct integral *v, fmpq_t out)
{
	struct op_failure f;
	fmpq_poly_t p;
	fmpq_t at_a;
	bool exact = v->a.rational && v->b.rational;

	if (!exact)
		return false;
	fmpq_poly_init(p);
	fmpq_init(at_a);
	exact = expr_polynomial(v->u.e, v->u.name, p, &f) == 0;
	if (exact) {
		fmpq_poly_integral(p, p);
		fmpq_poly_evaluate_fmpq(at_a, p, v->a.q);
		fmpq_poly_evaluate_fmpq(out, p, v->b.q);
		fmpq_sub(out, out, at_a);
	}
	fmpq_poly_clear(p);
	fmpq_clear(at_a);
	return exact;
}

static int integral_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct integral *v = arg;
	double bits = (double)prec;

	struct timespec begin, end;

	(void)n;
	/* how dear the integrand is shows only by measuring */
	double estimate = v->prec ? v->ns * pow(bits / (double)v->prec, 2) : 20 * bits * bits * (1 + bits / 2000);
	if (answer_check_cost(c, estimate, bits * 0.31, f) != 0)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	if (quadrature_run(&v->q, v->odd ? 64 : prec + 4, acb_realref(out), f) != 0)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &end);
	v->prec = prec;
	v->ns = (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
	if (v->odd)
		acb_zero(out); /* it converges, so the halves cancel */
	if (v->sign < 0)
		acb_neg(out, out);
	return univariate_check_size(acb_realref(out), f);
}

/* Of an odd function between -b and b half the integral (a principal value: all of it) tells whether it converges. */
static bool is_antisymmetric(const struct integral *v)
{
	bool symmetric = v->a.infinite != 0 ? v->a.infinite == -v->b.infinite : false;
	fmpq_t sum;

	if (parity_of(v->u.e, v->u.name) != PARITY_ODD)
		return false;
	if (v->a.rational && v->b.rational) {
		fmpq_init(sum);
		fmpq_add(sum, v->a.q, v->b.q);
		symmetric = fmpq_is_zero(sum);
		fmpq_clear(sum);
	}
	return symmetric;
}

static int integral_answer(struct op_call *c, struct buf *json, struct integral *v, bool principal,
			   struct op_failure *f)
{
	struct bound zero;
	fmpq_t exact;
	int rc, order = bound_compare(&v->a, &v->b, f);

	fmpq_init(exact);
	v->sign = order > 0 ? -1 : 1;
	bound_init(&zero);
	zero.rational = true;
	if (order == 0) {
		rc = answer_fmpq(json, exact, f);
	} else if (integral_exact(v, exact)) {
		rc = c->precision ? answer_rounded(c, json, exact, f) : answer_fmpq(json, exact, f);
	} else {
		const struct bound *low = v->sign > 0 ? &v->a : &v->b, *high = v->sign > 0 ? &v->b : &v->a;
		v->odd = is_antisymmetric(v);
		rc = quadrature_init(&v->q, &v->u, v->odd && !principal ? &zero : low, high, principal, f);
		if (rc == 0)
			rc = answer_certified(c, json, integral_balls, v, f);
		quadrature_clear(&v->q);
	}
	fmpq_clear(exact);
	bound_clear(&zero);
	return rc;
}

static int integrate_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct integral v = { .sign = 1 };
	bool principal = c->exact == 1; /* the flag principal_value travels as the call's option */
	int rc;

	c->exact = -1;
	bound_init(&v.a);
	bound_init(&v.b);
	rc = univariate_read(c, 0, 1, &v.u, f) == 0 && bound_read(c, 2, true, &v.a, f) == 0 &&
		     bound_read(c, 3, true, &v.b, f) == 0
		 ? integral_answer(c, json, &v, principal, f)
		 : -1;
	bound_clear(&v.a);
	bound_clear(&v.b);
	return rc;
}

/* ---- derivative ---- */

struct slope {
	const struct expr *derivative; /* NULL: by its power series */
	struct univariate u;
	struct bound at;
};

static int slope_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct slope *v = arg;
	struct univariate derivative = { v->derivative, v->u.name };
	struct expr_scope scope = { .names = &v->u.name, .count = 1 };
	acb_ptr series = _acb_vec_init(2);
	acb_t x;
	int rc;

	(void)n;
	acb_init(x);
	rc = answer_check_cost(c, (double)prec * (double)prec, (double)prec * 0.31, f);
	if (rc == 0)
		rc = bound_arb(&v->at, acb_realref(x), prec, f);
	if (rc == 0 && v->derivative) {
		rc = univariate_ball(&derivative, x, false, prec, out, f);
	} else if (rc == 0) {
		scope.balls = x;
		rc = expr_series(v->u.e, v->u.name, &scope, 2, prec, series, f);
		acb_swap(out, series + 1);
	}
	if (rc == 0 && !acb_is_finite(out) && prec > 8192)
		rc = op_fail(f, OP_DOMAIN_ERROR, "the derivative has no value there");
	if (rc == 0 && !acb_is_real(out) && acb_is_finite(out) && !arb_contains_zero(acb_imagref(out)))
		rc = op_fail(f, OP_DOMAIN_ERROR, "the derivative is not real there");
	if (rc == 0)
		rc = univariate_check_size(acb_realref(out), f);
	_acb_vec_clear(series, 2);
	acb_clear(x);
	return rc;
}

static int slope_answer(struct op_call *c, struct buf *json, struct slope *v, struct op_failure *f)
{
	struct univariate derivative = { v->derivative, v->u.name };
	fmpq_t value;
	acb_t x, y;
	int rc = 0;
	bool exact = false;

	fmpq_init(value);
	acb_init(x);
	acb_init(y);
	/* Where the function itself has no value it has no derivative either. */
	rc = bound_arb(&v->at, acb_realref(x), 128, f);
	if (rc == 0)
		rc = univariate_ball(&v->u, x, false, 128, y, f);
	if (rc == 0 && v->derivative && v->at.rational) {
		exact = univariate_rational(&derivative, v->at.q, value, f) == 0;
		rc = exact || expr_is_irrational(f) || f->error == OP_LIMIT_EXCEEDED ? 0 : -1;
	}
	if (rc == 0 && exact && (c->precision == 0 || c->exact == 1) && c->exact != 0)
		rc = answer_fmpq(json, value, f);
	else if (rc == 0 && exact)
		rc = answer_rounded(c, json, value, f);
	else if (rc == 0 && c->exact == 1)
		rc = op_fail(f, OP_DOMAIN_ERROR, "the derivative there is not known to be rational");
	else if (rc == 0)
		rc = answer_certified(c, json, slope_balls, v, f);
	fmpq_clear(value);
	acb_clear(x);
	acb_clear(y);
	return rc;
}

/* The derivative itself, which may have further variables. */
static int derivative_text(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct buf text = BUF_INIT;
	size_t n;
	const char *name = arg_text(c, 1, &n);
	struct expr *d;
	int rc = 0;

	if (univariate_check_name(c, 1, name, n, f) != 0)
		return -1;
	d = expr_derivative(arg_expr(c, 0), name, f);
	if (!d)
		return arg_locate(c, 0, f);
	expr_print(&text, d);
	if (text.len > OP_RESULT_MAX / 2)
		rc = op_fail_limit(f, OP_RESULT_MAX / 2.0, (double)text.len, "bytes", "the derivative");
	else
		buf_json_string(json, text.data, text.len);
	buf_fini(&text);
	expr_free(d);
	return rc;
}

static int derivative_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct slope v = { .derivative = NULL };
	struct op_failure why;
	struct expr *d = NULL;
	int rc;

	if (!op_call_given(c, 2))
		return derivative_text(c, json, f);
	bound_init(&v.at);
	rc = univariate_read(c, 0, 1, &v.u, f) == 0 && bound_read(c, 2, false, &v.at, f) == 0 ? 0 : -1;
	if (rc == 0) {
		v.derivative = d = expr_derivative(v.u.e, v.u.name, &why);
		rc = slope_answer(c, json, &v, f);
	}
	expr_free(d);
	bound_clear(&v.at);
	return rc;
}

/* ---- find_root ---- */

static int root_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	double bits = (double)prec;

	(void)n;
	if (answer_check_cost(c, 40 * bits * bits, bits * 0.31, f) != 0)
		return -1;
	return rootfind_run(arg, prec, acb_realref(out), f);
}

/* A rational root that the bracket singles out, and that is one exactly. */
static bool root_rational(struct rootfind *r, fmpq_t out)
{
	struct op_failure f;
	arb_t x;
	fmpq_t value;
	bool root = false;

	arb_init(x);
	fmpq_init(value);
	if (rootfind_run(r, 128, x, &f) == 0) {
		univariate_simplest(x, out);
		root = fmpz_bits(fmpq_denref(out)) < 40 && univariate_rational(r->u, out, value, &f) == 0 &&
		       fmpq_is_zero(value);
	}
	arb_clear(x);
	fmpq_clear(value);
	return root;
}

static int find_root_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct univariate u;
	struct bound a, b;
	struct rootfind r;
	fmpq_t root;
	int rc;

	bound_init(&a);
	bound_init(&b);
	fmpq_init(root);
	rc = univariate_read(c, 0, 1, &u, f) == 0 && bound_read(c, 2, false, &a, f) == 0 &&
		     bound_read(c, 3, false, &b, f) == 0
		 ? 0
		 : -1;
	if (rc == 0 && bound_compare(&a, &b, f) > 0)
		rc = arg_fail(c, 3, f, OP_INVALID_ARGUMENT, "expected a bracket with a <= b, got a > b");
	if (rc == 0) {
		rc = rootfind_init(&r, &u, &a, &b, f);
		if (rc == 0 && root_rational(&r, root))
			rc = answer_rounded(c, json, root, f);
		else if (rc == 0)
			rc = answer_certified(c, json, root_balls, &r, f);
		rootfind_clear(&r);
	}
	bound_clear(&a);
	bound_clear(&b);
	fmpq_clear(root);
	return rc;
}

/* ---- the table ---- */

#define LIST(a) (a), sizeof(a) / sizeof *(a)
#define FUNCTION                                                                                                  \
	{                                                                                                         \
		.name = "f", .summary = "the function, an expression in the variable", .kind = OP_KIND_EXPRESSION \
	}
#define VARIABLE                                                                           \
	{                                                                                  \
		.name = "var", .summary = "the name of its variable", .kind = OP_KIND_TEXT \
	}
#define POINT(n, s)                                                     \
	{                                                               \
		.name = (n), .summary = (s), .kind = OP_KIND_EXPRESSION \
	}
#define PRECISION                                                                                    \
	{                                                                                            \
		.name = "precision", .summary = "significant decimal digits (default 15: a double)", \
		.kind = OP_KIND_PRECISION                                                            \
	}

static const struct op_parameter integrate_parameters[] = {
	FUNCTION,
	VARIABLE,
	POINT("a", "where to begin: a number, a constant expression, inf or -inf"),
	POINT("b", "where to end; below a the integral changes its sign"),
	PRECISION,
	{ .name = "principal_value",
	  .summary = "true: the Cauchy principal value at simple poles inside, and between -inf and inf",
	  .kind = OP_KIND_EXACT },
};
static const struct op_example integrate_examples[] = {
	{ "[\"x^2\",\"x\",0,1]", "\"1/3\"", NULL },
	{ "[\"exp(-x^2)\",\"x\",\"-inf\",\"inf\"]", "1.772453850905516", NULL },
	{ "[\"4/(1+x^2)\",\"x\",0,1,30]", "\"3.14159265358979323846264338328\"", NULL },
	{ "{\"f\":\"1/x\",\"var\":\"x\",\"a\":-1,\"b\":2,\"principal_value\":true}", "0.6931471805599453", NULL },
	{ "[\"1/x\",\"x\",0,1]", NULL, "did-not-converge" },
};

static const struct op_parameter derivative_parameters[] = {
	{ .name = "f", .summary = "the function, an expression", .kind = OP_KIND_EXPRESSION },
	{ .name = "var", .summary = "the variable to differentiate by", .kind = OP_KIND_TEXT },
	{ .name = "at",
	  .summary = "a point: the value there instead of an expression",
	  .kind = OP_KIND_EXPRESSION,
	  .optional = true },
	PRECISION,
	{ .name = "exact", .summary = "true: a rational value or an error", .kind = OP_KIND_EXACT },
};
static const struct op_example derivative_examples[] = {
	{ "[\"x^3\",\"x\",2]", "12", NULL },
	{ "[\"sin(x)\",\"x\",\"pi\"]", "-1", NULL },
	{ "[\"sin(x)\",\"x\"]", "\"cos(x)\"", NULL },
	{ "[\"sqrt(x)\",\"x\",0]", NULL, "division-by-zero" },
};

static const struct op_parameter find_root_parameters[] = {
	FUNCTION,  VARIABLE, POINT("a", "the left end of the bracket"), POINT("b", "the right end, not below a"),
	PRECISION,
};
static const struct op_example find_root_examples[] = {
	{ "[\"x^2-2\",\"x\",0,2]", "1.4142135623730951", NULL },
	{ "[\"cos(x)-x\",\"x\",0,1,30]", "\"0.739085133215160641655312087674\"", NULL },
	{ "[\"2*x-1\",\"x\",-1,1]", "0.5", NULL },
	{ "[\"x^2+1\",\"x\",-1,1]", NULL, "no-sign-change" },
	{ "[\"x\",\"x\",1,-1]", NULL, "invalid-argument" },
};

static const struct op ops[] = {
	{ .name = "integrate",
	  .family = "calculus",
	  .summary =
	      "The definite integral of f from a to b, infinite ends and end-point singularities included. Exact for "
	      "polynomials between rational bounds; a proven enclosure where f is bounded and piecewise analytic; "
	      "beside singular points and beyond |x| = 2^24 the double-exponential rule, refined until it agrees "
	      "with itself to more digits than are shown. What diverges, or may, is refused.",
	  .result = "a number: exact, or correct to every digit shown",
	  .limits = "real integrands; up to 32 singular points inside, at simple fractions; up to 10,000 digits",
	  LIST(integrate_parameters),
	  LIST(integrate_examples),
	  .compute = integrate_compute },
	{ .name = "derivative",
	  .family = "calculus",
	  .summary = "The derivative of f: an expression, or with `at` its value there.",
	  .result =
	      "an expression as a string; with `at` a number, exact if it is rational, else correct to every digit",
	  .limits = "expressions up to 64 KiB",
	  LIST(derivative_parameters),
	  LIST(derivative_examples),
	  .compute = derivative_compute },
	{ .name = "find_root",
	  .family = "calculus",
	  .summary =
	      "A root of f between a and b, where f must have opposite signs (or a root); every digit is certain, "
	      "for signs decide it.",
	  .result = "the root: a number, correct to every digit shown",
	  .limits = "continuous functions; up to about 20,000 digits",
	  LIST(find_root_parameters),
	  LIST(find_root_examples),
	  .compute = find_root_compute },
};

const struct op_family op_calculus = { LIST(ops) };
