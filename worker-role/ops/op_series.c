/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Series: sums, products, limits, Taylor coefficients. */
#include <stdlib.h>

#include "math/answer.h"
#include "math/approach.h"
#include "math/arg.h"
#include "math/ratfun.h"
#include "math/summation.h"
#include "math/taylor.h"
#include "math/univariate.h"
#include "op.h"
#include "ops/series_split.h"

#define RATIONAL_BITS_SHOWN 3322 /* a longer numerator or denominator is rounded, unless exact:true */
#define TAYLOR_ORDER_MAX 1000

/* An exact value, or rounded to the digits of the call where it asks for them or the fraction is very long. */
int series_put_rational(struct op_call *c, struct buf *json, const fmpq_t v, struct op_failure *f)
{
	bool lengthy = !fmpz_is_one(fmpq_denref(v)) && fmpz_bits(fmpq_denref(v)) > RATIONAL_BITS_SHOWN;

	if (c->exact == 1 || (c->exact < 0 && c->precision == 0 && !lengthy))
		return answer_fmpq(json, v, f);
	return answer_rounded(c, json, v, f);
}

/* ---- sum_series, product_series ---- */

static int summation_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct summation *s = arg;
	double bits = (double)prec, terms = s->infinite ? bits : (double)s->last - (double)s->first + 1;

	(void)n;
	if (terms > SUMMATION_TERMS_MAX)
		return op_fail_limit(f, SUMMATION_TERMS_MAX, terms, "terms", "the range");
	if (answer_check_cost(c, (s->infinite ? 10 * bits : 1500) * terms * (1 + bits / 1000), bits * 0.31, f) != 0)
		return -1;
	if (summation_ball(s, prec + 8, acb_realref(out), f) != 0)
		return -1;
	return univariate_check_size(acb_realref(out), f);
}

/* An integer end of the range, within what can be counted. */
static int read_index(struct op_call *c, size_t i, const struct bound *b, slong *out, struct op_failure *f)
{
	const char *name = op_call_parameter(c, i)->name;

	if (b->infinite == 0 && (!b->rational || !fmpz_is_one(fmpq_denref(b->q))))
		return arg_fail(c, i, f, OP_INVALID_ARGUMENT, "expected an integer%s for \"%s\"",
				i == 3 ? " or \"inf\"" : "", name);
	if (b->infinite < 0)
		return arg_fail(c, i, f, OP_INVALID_ARGUMENT, "expected an integer%s for \"%s\", got -inf",
				i == 3 ? " or \"inf\"" : "", name);
	if (b->infinite == 0 && fmpz_bits(fmpq_numref(b->q)) > 60) {
		op_fail_limit(f, 1e18, fmpz_get_d(fmpq_numref(b->q)), name, name);
		return arg_locate(c, i, f);
	}
	*out = b->infinite == 0 ? fmpz_get_si(fmpq_numref(b->q)) : 0;
	return 0;
}

static int summation_answer(struct op_call *c, struct buf *json, struct summation *s, struct op_failure *f)
{
	fmpq_t exact;
	int rc = -1;
	bool known = false;

	fmpq_init(exact);
	if (!s->infinite && s->last < s->first) { /* nothing to add (multiply) */
		fmpq_set_si(exact, s->product, 1);
		known = true;
		rc = 0;
	} else if (!s->infinite) {
		rc = summation_exact(s, exact, f);
		known = rc == 0;
		if (!known && (expr_is_irrational(f) || (f->error == OP_LIMIT_EXCEEDED && c->exact != 1)))
			rc = 0; /* as a ball */
	} else {
		rc = 0;
	}
	if (rc == 0 && known)
		rc = series_put_rational(c, json, exact, f);
	else if (rc == 0 && c->exact == 1)
		rc = op_fail(f, OP_DOMAIN_ERROR, "the value is not known to be rational");
	else if (rc == 0)
		rc = answer_certified(c, json, summation_balls, s, f);
	fmpq_clear(exact);
	return rc;
}

int series_read(struct op_call *c, bool product, struct summation *s, struct op_failure *f)
{
	struct bound a, b;
	int rc = 0;

	*s = (struct summation){ .product = product };
	bound_init(&a);
	bound_init(&b);
	if (univariate_read(c, 0, 1, &s->term, f) != 0 || bound_read(c, 2, false, &a, f) != 0 ||
	    bound_read(c, 3, true, &b, f) != 0 || read_index(c, 2, &a, &s->first, f) != 0 ||
	    read_index(c, 3, &b, &s->last, f) != 0)
		rc = -1;
	s->infinite = b.infinite > 0;
	bound_clear(&a);
	bound_clear(&b);
	return rc;
}

static int summation_compute(struct op_call *c, struct buf *json, bool product, struct op_failure *f)
{
	struct summation s;

	return series_read(c, product, &s, f) == 0 ? summation_answer(c, json, &s, f) : -1;
}

static int sum_series_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return summation_compute(c, json, false, f);
}

static int product_series_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return summation_compute(c, json, true, f);
}

/* ---- limit ---- */

struct approach {
	struct univariate u;
	struct bound at;
	enum approach_side side;
	int infinite;
};

/* The limit of a rational function: 0 with *infinite and out; 1: it is none; -1 with *f. */
static int limit_rational(struct approach *v, fmpq_t out, struct op_failure *f)
{
	struct ratfun r;
	slong gap;
	int rc = 0;

	ratfun_init(&r);
	v->infinite = 0;
	if (!ratfun_from_expr(v->u.e, v->u.name, &r) || (v->at.infinite == 0 && !v->at.rational)) {
		ratfun_clear(&r);
		return 1;
	}
	gap = fmpq_poly_degree(r.num) - fmpq_poly_degree(r.den);
	if (v->at.infinite == 0) {
		rc = ratfun_at(&r, v->at.q, out) ? 0 : 1; /* a pole: by its values next to it */
	} else if (gap < 0 || fmpq_poly_is_zero(r.num)) {
		fmpq_zero(out);
	} else {
		fmpq_poly_get_coeff_fmpq(out, r.num, fmpq_poly_degree(r.num)); /* den is monic */
		if (gap > 0)
			v->infinite = fmpq_sgn(out) * (v->at.infinite < 0 && gap % 2 != 0 ? -1 : 1);
	}
	(void)f;
	ratfun_clear(&r);
	return rc;
}

/* Whether f is holomorphic around the point: then the limit is its value. */
static bool limit_is_value(const struct approach *v)
{
	struct op_failure f;
	acb_t x, y;
	bool regular = false;

	if (v->at.infinite != 0)
		return false;
	acb_init(x);
	acb_init(y);
	if (bound_arb(&v->at, acb_realref(x), 256, &f) == 0) {
		arb_add_error_2exp_si(acb_realref(x), -100);
		arb_add_error_2exp_si(acb_imagref(x), -100);
		regular = univariate_ball(&v->u, x, true, 256, y, &f) == 0 && acb_is_finite(y);
	}
	acb_clear(x);
	acb_clear(y);
	return regular;
}

static int limit_value_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct approach *v = arg;
	acb_t x;
	int rc;

	(void)n;
	acb_init(x);
	rc = answer_check_cost(c, (double)prec * (double)prec, (double)prec * 0.31, f);
	if (rc == 0)
		rc = bound_arb(&v->at, acb_realref(x), prec, f);
	if (rc == 0)
		rc = univariate_ball(&v->u, x, false, prec, out, f);
	if (rc == 0 && acb_is_finite(out) && !arb_contains_zero(acb_imagref(out)))
		rc = op_fail(f, OP_DOMAIN_ERROR, "the function is not real there");
	if (rc == 0)
		rc = univariate_check_size(acb_realref(out), f);
	acb_clear(x);
	return rc;
}

static int limit_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct approach *v = arg;
	double bits = (double)prec;

	(void)n;
	if (answer_check_cost(c, 100 * bits * bits, bits * 0.31, f) != 0 ||
	    approach_limit(&v->u, &v->at, v->side, prec, acb_realref(out), &v->infinite, f) != 0)
		return -1;
	if (v->infinite != 0)
		return op_fail(f, OP_DID_NOT_CONVERGE, "the limit is infinite");
	return 0;
}

static int limit_answer(struct op_call *c, struct buf *json, struct approach *v, struct op_failure *f)
{
	fmpq_t exact;
	arb_t first;
	int rc;

	fmpq_init(exact);
	arb_init(first);
	rc = limit_rational(v, exact, f);
	if (rc == 0 && v->infinite == 0) {
		rc = series_put_rational(c, json, exact, f);
	} else if (rc > 0 && limit_is_value(v)) {
		if (v->at.rational && univariate_rational(&v->u, v->at.q, exact, f) == 0)
			rc = series_put_rational(c, json, exact, f);
		else
			rc = answer_certified(c, json, limit_value_balls, v, f);
	} else if (rc > 0) {
		rc = approach_limit(&v->u, &v->at, v->side, 128, first, &v->infinite, f);
		if (rc == 0 && v->infinite == 0)
			rc = answer_certified(c, json, limit_balls, v, f);
	}
	if (rc == 0 && v->infinite != 0)
		buf_puts(json, v->infinite > 0 ? "\"Infinity\"" : "\"-Infinity\"");
	fmpq_clear(exact);
	arb_clear(first);
	return rc;
}

static int limit_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct approach v = { .side = APPROACH_BOTH };
	int rc;

	bound_init(&v.at);
	v.side = (enum approach_side)arg_choice(c, 3);
	rc = univariate_read(c, 0, 1, &v.u, f) == 0 && bound_read(c, 2, true, &v.at, f) == 0
		 ? limit_answer(c, json, &v, f)
		 : -1;
	bound_clear(&v.at);
	return rc;
}

/* ---- taylor ---- */

struct expansion {
	struct univariate u;
	struct bound at;
	slong len;
};

static int expansion_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct expansion *v = arg;
	struct expr_scope scope = { .names = &v->u.name, .count = 1 };
	double bits = (double)prec;
	acb_t x;
	int rc;

	acb_init(x);
	rc = answer_check_cost(c, bits * bits + 50.0 * (double)n * (double)n + bits * (double)n,
			       bits * 0.31 * (double)n, f);
	if (rc == 0)
		rc = bound_arb(&v->at, acb_realref(x), prec + 2 * (slong)n, f);
	scope.balls = x;
	if (rc == 0)
		rc = expr_series(v->u.e, v->u.name, &scope, (slong)n, prec + 2 * (slong)n, out, f);
	for (size_t k = 0; k < n && rc == 0; k++) {
		if (acb_is_finite(out + k) ? !arb_contains_zero(acb_imagref(out + k)) : prec > 8192)
			rc = op_fail(f, OP_DOMAIN_ERROR, "the function has no real Taylor series at that point");
		arb_zero(acb_imagref(out + k)); /* real, and analytic where it has a series */
	}
	acb_clear(x);
	return rc;
}

static int expansion_put_exact(struct op_call *c, struct buf *json, const fmpq_poly_t p, slong len,
			       struct op_failure *f)
{
	fmpq_t q;
	int rc = 0;

	fmpq_init(q);
	buf_byte(json, '[');
	for (slong k = 0; k < len && rc == 0; k++) {
		if (k > 0)
			buf_byte(json, ',');
		fmpq_poly_get_coeff_fmpq(q, p, k);
		rc = series_put_rational(c, json, q, f);
	}
	buf_byte(json, ']');
	fmpq_clear(q);
	return rc;
}

static int expansion_answer(struct op_call *c, struct buf *json, struct expansion *v, struct op_failure *f)
{
	struct certified result;
	fmpq_poly_t p;
	int rc = 0;

	fmpq_poly_init(p);
	if (v->at.rational && taylor_rational(v->u.e, v->u.name, v->at.q, v->len, p)) {
		rc = expansion_put_exact(c, json, p, v->len, f);
	} else if (c->exact == 1) {
		rc = op_fail(f, OP_DOMAIN_ERROR, "the coefficients are not known to be rational");
	} else {
		rc = certify(c, (size_t)v->len, expansion_balls, v, &result, f);
		if (rc == 0) {
			certified_put_vector(json, &result, 0, (size_t)v->len);
			certified_fini(&result);
		}
	}
	fmpq_poly_clear(p);
	return rc;
}

static int taylor_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct expansion v;
	slong order;
	int rc;

	bound_init(&v.at);
	rc = univariate_read(c, 0, 1, &v.u, f) == 0 && bound_read(c, 2, false, &v.at, f) == 0
		 ? arg_long(c, 3, 0, TAYLOR_ORDER_MAX, &order, f)
		 : -1;
	if (rc == 0) {
		v.len = order + 1;
		rc = expansion_answer(c, json, &v, f);
	}
	bound_clear(&v.at);
	return rc;
}

/* ---- the table ---- */

#define LIST(a) (a), sizeof(a) / sizeof *(a)
#define FUNCTION(s)                                                     \
	{                                                               \
		.name = "f", .summary = (s), .kind = OP_KIND_EXPRESSION \
	}
#define VARIABLE(s)                                                 \
	{                                                           \
		.name = "var", .summary = (s), .kind = OP_KIND_TEXT \
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
#define EXACT                                                                                           \
	{                                                                                               \
		.name = "exact", .summary = "true: a rational value or an error", .kind = OP_KIND_EXACT \
	}

static const struct op_parameter sum_parameters[] = {
	FUNCTION("the term, an expression"),
	VARIABLE("its index, which takes integer values"),
	POINT("a", "the first index, an integer"),
	POINT("b", "the last index, an integer, or \"inf\""),
	PRECISION,
	EXACT,
};
static const struct op_example sum_examples[] = {
	{ "[\"k^2\",\"k\",1,100]", "338350", NULL },
	{ "[\"1/k^2\",\"k\",1,\"inf\"]", "1.6449340668482264", NULL },
	{ "[\"(-1)^k/(2*k+1)\",\"k\",0,\"inf\",30]", "\"0.785398163397448309615660845820\"", NULL },
	{ "[\"1/k!\",\"k\",0,3]", "\"8/3\"", NULL },
	{ "[\"1/k\",\"k\",1,\"inf\"]", NULL, "did-not-converge" },
};

static const struct op_parameter product_parameters[] = {
	FUNCTION("the factor, an expression"),
	VARIABLE("its index, which takes integer values"),
	POINT("a", "the first index, an integer"),
	POINT("b", "the last index, an integer, or \"inf\""),
	PRECISION,
	EXACT,
};
static const struct op_example product_examples[] = {
	{ "[\"k\",\"k\",1,10]", "3628800", NULL },
	{ "[\"1-1/k^2\",\"k\",2,\"inf\"]", "0.5", NULL },
	{ "[\"1+1/k\",\"k\",1,\"inf\"]", NULL, "did-not-converge" },
};

static const char *const sides[] = { "both", "left", "right", NULL };
static const struct op_parameter limit_parameters[] = {
	FUNCTION("the function, an expression"),
	VARIABLE("the name of its variable"),
	POINT("at", "where the variable tends: a number, a constant expression, inf or -inf"),
	{ .name = "side",
	  .summary = "from where: both (default; one side where f is real on that side only), left or right",
	  .kind = OP_KIND_TEXT,
	  .optional = true,
	  .choices = sides },
	PRECISION,
	EXACT,
};
static const struct op_example limit_examples[] = {
	{ "[\"sin(x)/x\",\"x\",0]", "1", NULL },        { "[\"(1+1/x)^x\",\"x\",\"inf\"]", "2.718281828459045", NULL },
	{ "[\"(x^2-1)/(2*x-2)\",\"x\",1]", "1", NULL }, { "[\"1/x^2\",\"x\",0]", "\"Infinity\"", NULL },
	{ "[\"1/x\",\"x\",0]", NULL, "no-solution" },   { "[\"sin(x)\",\"x\",\"inf\"]", NULL, "did-not-converge" },
};

static const struct op_parameter taylor_parameters[] = {
	FUNCTION("the function, an expression"),
	VARIABLE("the name of its variable"),
	POINT("at", "the point of expansion"),
	{ .name = "order",
	  .summary = "the highest power",
	  .kind = OP_KIND_INTEGER,
	  .bounded = true,
	  .min = 0,
	  .max = TAYLOR_ORDER_MAX },
	PRECISION,
	EXACT,
};
static const struct op_example taylor_examples[] = {
	{ "[\"exp(x)\",\"x\",0,4]", "[1,1,\"1/2\",\"1/6\",\"1/24\"]", NULL },
	{ "[\"sin(x)/x\",\"x\",0,4]", "[1,0,\"-1/6\",0,\"1/120\"]", NULL },
	{ "[\"log(x)\",\"x\",0,3]", NULL, "domain-error" },
};

static const struct op_split sum_split = { .weigh = series_split_weigh,
					   .plan = series_split_plan_sum,
					   .part = series_split_part_sum,
					   .gather = series_split_gather_sum };
static const struct op_split product_split = { .weigh = series_split_weigh,
					       .plan = series_split_plan_product,
					       .part = series_split_part_product,
					       .gather = series_split_gather_product };

static const struct op ops[] = {
	{ .name = "sum_series",
	  .family = "calculus",
	  .summary =
	      "The sum of f over the integers from a to b, or to infinity. Finite sums of rationals are exact; "
	      "series of rational or hypergeometric terms are proven; others are accelerated twice and must agree "
	      "beyond the digits shown. What diverges, or may, is refused.",
	  .result = "a number: exact, or correct to every digit shown; 0 when b < a",
	  .limits = "up to 1,000,000 terms (polynomials: any number), 20,000 of an exact fraction",
	  LIST(sum_parameters),
	  LIST(sum_examples),
	  .compute = sum_series_compute,
	  .split = &sum_split },
	{ .name = "product_series",
	  .family = "calculus",
	  .summary =
	      "The product of f over the integers from a to b, or to infinity; one that tends to 0 or to infinity is "
	      "refused.",
	  .result = "a number: exact, or correct to every digit shown; 1 when b < a",
	  .limits = "up to 1,000,000 factors, 20,000 of an exact fraction",
	  LIST(product_parameters),
	  LIST(product_examples),
	  .compute = product_series_compute,
	  .split = &product_split },
	{ .name = "limit",
	  .family = "calculus",
	  .summary =
	      "The limit of f where the variable tends to a point: exact for rational functions, else by values so "
	      "close to it that they agree beyond the digits shown.",
	  .result = "a number, or \"Infinity\" or \"-Infinity\"",
	  .limits = "functions that tend to the limit like a power of the distance, or faster",
	  LIST(limit_parameters),
	  LIST(limit_examples),
	  .compute = limit_compute },
	{ .name = "taylor",
	  .family = "calculus",
	  .summary = "The Taylor coefficients of f at a point, from the constant up to the power `order`.",
	  .result =
	      "an array of order + 1 numbers: exact where they are known to be rational, else correct to every digit",
	  .limits = "order up to 1,000",
	  LIST(taylor_parameters),
	  LIST(taylor_examples),
	  .compute = taylor_compute },
};

const struct op_family op_series = { LIST(ops) };
