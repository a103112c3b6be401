/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The statistics family: probability distributions. Values that are rational for rational arguments (of the discrete
 * distributions but poisson, and of uniform) are exact; all others certified. */
#include <math.h>

#include "math/arg.h"
#include "math/distribution.h"
#include "math/real.h"

#define EXACT_DIGITS 1000       /* of a probability as "p/q" */
#define EXACT_DIGITS_MAX 100000 /* the same with exact:true */
#define CHECK_BITS 128L
/* The fastest value, one of erfc, to many digits; others take longer and have the deadline. */
#define NS_PER_VALUE 2.0
#define COST_EXPONENT 1.6

enum { ARG_NAME, ARG_PARAMS, ARG_X };

struct asked {
	const struct distribution *d;
	enum distribution_value what;
	fmpq *rational; /* the parameters, if they are; else NULL */
	arb_ptr p;
	slong prec; /* of p */
	bool tail;  /* quantile: of the upper tail */
	fmpq_t q;   /* the argument, if it is rational */
	bool q_rational;
	size_t i; /* which argument */
};

static int load_balls(struct asked *a, struct op_call *c, slong prec, struct op_failure *f)
{
	acb_t z;
	int rc = 0;

	if (a->prec >= prec)
		return 0;
	acb_init(z);
	for (size_t i = 0; rc == 0 && i < a->d->count; i++) {
		rc = arg_acb_at(c, ARG_PARAMS, i, 0, z, prec, f);
		if (rc == 0 && !acb_is_real(z))
			rc = arg_fail_at(c, ARG_PARAMS, i, 0, f, OP_INVALID_ARGUMENT, "expected a real number");
		arb_set(a->p + i, acb_realref(z));
	}
	acb_clear(z);
	a->prec = rc == 0 ? prec : 0;
	return rc;
}

/* ---- parameters ---- */

static const char *const rule_texts[] = {
	[RULE_REAL] = "a real number",
	[RULE_POSITIVE] = "a number above 0",
	[RULE_NOT_NEGATIVE] = "a number from 0 on",
	[RULE_PROBABILITY] = "a number from 0 to 1",
	[RULE_POSITIVE_PROBABILITY] = "a number above 0, up to 1",
	[RULE_COUNT] = "an integer from 0 on",
	[RULE_PART] = "an integer from 0 to N",
	[RULE_ABOVE] = "a number above a",
};

static bool keeps_rule(const struct asked *a, size_t i)
{
	enum distribution_rule rule = a->d->rules[i];
	arb_srcptr v = a->p + i;
	arb_t rest;
	bool ok = true;

	arb_init(rest);
	arb_sub_ui(rest, v, 1, CHECK_BITS);
	switch (rule) {
	case RULE_REAL:
		break;
	case RULE_POSITIVE:
		ok = arb_is_positive(v);
		break;
	case RULE_NOT_NEGATIVE:
		ok = arb_is_nonnegative(v);
		break;
	case RULE_PROBABILITY:
		ok = arb_is_nonnegative(v) && arb_is_nonpositive(rest);
		break;
	case RULE_POSITIVE_PROBABILITY:
		ok = arb_is_positive(v) && arb_is_nonpositive(rest);
		break;
	case RULE_COUNT:
	case RULE_PART:
		ok = a->rational && fmpz_is_one(fmpq_denref(a->rational + i)) && fmpq_sgn(a->rational + i) >= 0 &&
		     (rule == RULE_COUNT || fmpq_cmp(a->rational + i, a->rational) <= 0);
		break;
	case RULE_ABOVE:
		ok = a->rational ? fmpq_cmp(a->rational + i, a->rational + i - 1) > 0 : arb_gt(v, v - 1);
		break;
	}
	arb_clear(rest);
	return ok;
}

static int check_size(struct asked *a, struct op_call *c, size_t i, struct op_failure *f)
{
	double most = a->d->largest[i];
	arb_t bound;
	bool large;

	arb_init(bound);
	arb_set_d(bound, most);
	large = most > 0 && arb_gt(a->p + i, bound);
	arb_clear(bound);
	if (!large)
		return 0;
	op_fail_limit(f, most, arf_get_d(arb_midref(a->p + i), ARF_RND_NEAR), a->d->parameters[i],
		      "a parameter of the distribution");
	return arg_locate(c, ARG_PARAMS, f);
}

static int check_parameters(struct asked *a, struct op_call *c, struct op_failure *f)
{
	for (size_t i = 0; i < a->d->count; i++) {
		if (!keeps_rule(a, i))
			return arg_fail_at(c, ARG_PARAMS, i, 0, f, OP_INVALID_ARGUMENT, "expected %s for \"%s\" of %s",
					   rule_texts[a->d->rules[i]], a->d->parameters[i], a->d->name);
		if (check_size(a, c, i, f) < 0)
			return -1;
	}
	return 0;
}

static void asked_clear(struct asked *a)
{
	if (a->rational)
		_fmpq_vec_clear(a->rational, (slong)a->d->count);
	_arb_vec_clear(a->p, (slong)a->d->count);
	fmpq_clear(a->q);
}

static int asked_load(struct asked *a, struct op_call *c, enum distribution_value what, struct op_failure *f)
{
	size_t rows, cols;
	int rc = 0;

	*a = (struct asked){ .d = distribution_at(arg_choice(c, ARG_NAME)), .what = what };
	arg_shape(c, ARG_PARAMS, &rows, &cols);
	if (rows != a->d->count)
		return arg_fail(c, ARG_PARAMS, f, OP_INVALID_ARGUMENT, "expected [%s%s%s%s%s] for %s, got %zu values",
				a->d->parameters[0], a->d->count > 1 ? ", " : "",
				a->d->count > 1 ? a->d->parameters[1] : "", a->d->count > 2 ? ", " : "",
				a->d->count > 2 ? a->d->parameters[2] : "", a->d->name, rows);
	a->p = _arb_vec_init((slong)a->d->count);
	fmpq_init(a->q);
	if (arg_is_rational(c, ARG_PARAMS)) {
		a->rational = _fmpq_vec_init((slong)a->d->count);
		for (size_t i = 0; rc == 0 && i < a->d->count; i++)
			rc = arg_fmpq_at(c, ARG_PARAMS, i, 0, a->rational + i, f);
	}
	if (rc == 0)
		rc = load_balls(a, c, CHECK_BITS, f);
	if (rc == 0)
		rc = check_parameters(a, c, f);
	if (rc < 0)
		asked_clear(a);
	return rc;
}

/* ---- one value ---- */

static int value_of(struct op_call *c, struct real *out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct asked *a = arg;
	acb_t x;
	arb_t v;
	int rc = load_balls(a, c, prec, f);

	(void)n;
	if (rc < 0)
		return -1;
	acb_init(x);
	arb_init(v);
	rc = arg_acb_at(c, ARG_X, a->i, 0, x, prec, f);
	if (rc == 0 && !acb_is_real(x))
		rc = arg_fail_at(c, ARG_X, a->i, 0, f, OP_INVALID_ARGUMENT, "expected a real number");
	if (rc == 0) {
		distribution_value(v, a->d, a->what, a->p, acb_realref(x), prec);
		if (arb_is_exact(v) && arf_is_inf(arb_midref(v)))
			rc = arg_fail_at(c, ARG_X, a->i, 0, f, OP_DOMAIN_ERROR, "the density of %s has a pole here",
					 a->d->name);
		if (arb_is_zero(v))
			real_set_si(out, 0);
		else
			real_set_arb(out, v);
	}
	acb_clear(x);
	arb_clear(v);
	return rc;
}

static bool exact_value(struct asked *a, struct op_call *c, fmpq_t out)
{
	double digits = c->exact == 1 ? EXACT_DIGITS_MAX : EXACT_DIGITS;

	return a->rational && a->q_rational && distribution_exact(out, a->d, a->what, a->rational, a->q, digits);
}

static int put_value(struct asked *a, struct op_call *c, struct buf *json, struct op_failure *f)
{
	fmpq_t v;
	int rc;

	fmpq_init(v);
	if (exact_value(a, c, v))
		rc = real_answer_fmpq(c, json, REAL_RATIONAL, v, f);
	else
		rc = real_answer(c, json, REAL_ROUNDED, value_of, a, f);
	fmpq_clear(v);
	return rc;
}

/* ---- one quantile ---- */

static int quantile_of(struct op_call *c, struct real *out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct asked *a = arg;
	acb_t z;
	arb_t v;
	int rc = load_balls(a, c, prec, f);

	(void)n;
	if (rc < 0)
		return -1;
	acb_init(z);
	arb_init(v);
	if (a->q_rational)
		arb_set_fmpq(acb_realref(z), a->q, prec);
	else
		rc = arg_acb_at(c, ARG_X, a->i, 0, z, prec, f);
	if (rc == 0) {
		a->d->quantile(v, a->p, acb_realref(z), a->tail, prec);
		if (arb_is_zero(v))
			real_set_si(out, 0);
		else
			real_set_arb(out, v);
	}
	acb_clear(z);
	arb_clear(v);
	return rc;
}

/* The probability: a->q and which tail it is of; at: -1 below 0 or above 1, 0 at 0, 1 inside, 2 at 1. */
static int probability(struct asked *a, struct op_call *c, int *at, struct op_failure *f)
{
	acb_t z;
	int rc;

	acb_init(z);
	rc = arg_acb_at(c, ARG_X, a->i, 0, z, CHECK_BITS, f);
	if (a->q_rational) {
		fmpq_t rest;
		fmpq_init(rest);
		fmpq_one(rest);
		fmpq_sub(rest, rest, a->q);
		*at = fmpq_sgn(a->q) < 0 || fmpq_sgn(rest) < 0 ? -1
		      : fmpq_is_zero(a->q)                     ? 0
		      : fmpq_is_zero(rest)                     ? 2
							       : 1;
		a->tail = !a->d->discrete && fmpq_cmp(rest, a->q) < 0;
		if (a->tail)
			fmpq_swap(a->q, rest);
		fmpq_clear(rest);
	} else if (rc == 0) {
		arb_ptr p = acb_realref(z);
		arb_t rest;
		arb_init(rest);
		arb_sub_ui(rest, p, 1, CHECK_BITS);
		*at = acb_is_real(z) && arb_is_positive(p) && arb_is_negative(rest) ? 1 : -1;
		a->tail = false;
		arb_clear(rest);
	}
	acb_clear(z);
	return rc;
}

/* At probability 0 or 1: an end of the support, which may be infinite. */
static int put_end(struct asked *a, struct op_call *c, struct buf *json, bool upper, struct op_failure *f)
{
	struct support s;
	struct real end;
	int rc = 0;

	support_init(&s);
	real_init(&end);
	if (a->d->support)
		a->d->support(&s, a->p, CHECK_BITS);
	if (upper ? !s.has_upper : !s.has_lower) {
		buf_puts(json, upper ? "\"Infinity\"" : "\"-Infinity\"");
	} else if (a->d->rules[1] == RULE_ABOVE && a->rational) {
		rc = real_answer_fmpq(c, json, REAL_RATIONAL, a->rational + (upper ? 1 : 0), f);
	} else if (arb_is_int(upper ? s.upper : s.lower)) {
		arb_get_unique_fmpz(fmpq_numref(end.q), upper ? s.upper : s.lower);
		rc = real_answer_fmpq(c, json, REAL_RATIONAL, end.q, f);
	} else {
		rc = arg_fail_at(c, ARG_X, a->i, 0, f, OP_DOMAIN_ERROR,
				 "expected a probability above 0 and below 1 for irrational parameters");
	}
	support_clear(&s);
	real_clear(&end);
	return rc;
}

static int put_integer(struct asked *a, struct op_call *c, struct buf *json, struct op_failure *f)
{
	fmpz_t k;
	acb_t z;
	int rc;

	fmpz_init(k);
	acb_init(z);
	rc = load_balls(a, c, 32 * CHECK_BITS, f);
	if (rc == 0)
		rc = arg_acb_at(c, ARG_X, a->i, 0, z, 32 * CHECK_BITS, f);
	if (rc == 0)
		rc = distribution_quantile_integer(k, a->d, a->p, acb_realref(z), a->q_rational ? a->rational : NULL,
						   a->q, f);
	if (rc == 0)
		rc = answer_fmpz(json, k, f);
	fmpz_clear(k);
	acb_clear(z);
	return rc;
}

/* a + q (b-a), exactly */
static int put_uniform(struct asked *a, struct op_call *c, struct buf *json, struct op_failure *f)
{
	fmpq_t v;
	int rc;

	fmpq_init(v);
	fmpq_sub(v, a->rational + 1, a->rational);
	fmpq_mul(v, v, a->q);
	if (a->tail)
		fmpq_sub(v, a->rational + 1, v);
	else
		fmpq_add(v, a->rational, v);
	rc = real_answer_fmpq(c, json, REAL_RATIONAL, v, f);
	fmpq_clear(v);
	return rc;
}

static int put_quantile(struct asked *a, struct op_call *c, struct buf *json, struct op_failure *f)
{
	int at = -1;

	if (probability(a, c, &at, f) < 0)
		return -1;
	if (at < 0)
		return arg_fail_at(c, ARG_X, a->i, 0, f, OP_DOMAIN_ERROR, "expected a probability from 0 to 1");
	if (at != 1)
		return put_end(a, c, json, at == 2, f);
	if (a->d->discrete)
		return put_integer(a, c, json, f);
	if (a->d->exact && a->rational && a->q_rational)
		return put_uniform(a, c, json, f);
	return real_answer(c, json, REAL_ROUNDED, quantile_of, a, f);
}

/* ---- each x ---- */

typedef int put_fn(struct asked *a, struct op_call *c, struct buf *json, struct op_failure *f);

static int put_all(struct op_call *c, struct buf *json, enum distribution_value what, put_fn *put, struct op_failure *f)
{
	struct asked a;
	size_t count, cols;
	bool many = arg_is_array(c, ARG_X), rational = arg_is_rational(c, ARG_X);
	int rc = 0;

	arg_shape(c, ARG_X, &count, &cols);
	if (answer_check_cost(c, (double)count * NS_PER_VALUE * pow(c->precision, COST_EXPONENT),
			      (double)count * c->precision, f) < 0)
		return -1;
	if (asked_load(&a, c, what, f) < 0)
		return -1;
	a.q_rational = rational;
	if (many)
		buf_byte(json, '[');
	for (a.i = 0; rc == 0 && a.i < count; a.i++) {
		if (a.i)
			buf_byte(json, ',');
		if (rational)
			rc = arg_fmpq_at(c, ARG_X, a.i, 0, a.q, f);
		if (rc == 0)
			rc = put(&a, c, json, f);
	}
	if (many)
		buf_byte(json, ']');
	asked_clear(&a);
	return rc;
}

static int dist_pdf(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return put_all(c, json, DISTRIBUTION_PDF, put_value, f);
}

static int dist_cdf(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return put_all(c, json, DISTRIBUTION_CDF, put_value, f);
}

static int dist_sf(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return put_all(c, json, DISTRIBUTION_SF, put_value, f);
}

static int dist_quantile(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return put_all(c, json, DISTRIBUTION_CDF, put_quantile, f);
}

/* ---- the operations ---- */

#define NAME_AND_PARAMS                                                                                                \
	{ .name = "name", .summary = "the distribution", .kind = OP_KIND_TEXT, .choices = distribution_names },        \
	{                                                                                                              \
		.name = "params",                                                                                      \
		.summary = "its parameters: normal [mean, sd], student_t [df], chi_square [df], f [df1, df2], "        \
			   "binomial [n, p], poisson [lambda], exponential [rate], gamma [shape, rate], beta [a, b], " \
			   "uniform [a, b], weibull [shape, scale], lognormal [mu, sigma], cauchy [location, scale], " \
			   "geometric [p], hypergeometric [N, K, n] (of N, K are marked and n drawn), "                \
			   "negative_binomial [r, p]",                                                                 \
		.kind = OP_KIND_NUMBERS                                                                                \
	}
#define DIGITS                                                                                                     \
	{ .name = "precision", .summary = "significant decimal digits of the result", .kind = OP_KIND_PRECISION }, \
	{                                                                                                          \
		.name = "exact", .summary = "true: rational results only; false: as real numbers",                 \
		.kind = OP_KIND_EXACT                                                                              \
	}

static const struct op_parameter of_value[] = {
	NAME_AND_PARAMS,
	{ .name = "x", .summary = "where: a number, or an array of them", .kind = OP_KIND_NUMBERS },
	DIGITS,
};
static const struct op_parameter of_quantile[] = {
	NAME_AND_PARAMS,
	{ .name = "x",
	  .summary = "the probability: a number from 0 to 1, or an array of them",
	  .kind = OP_KIND_NUMBERS },
	DIGITS,
};

static const struct op_example dist_pdf_examples[] = {
	{ "[\"normal\",[0,1],0]", "0.3989422804014327", NULL },
	{ "[\"binomial\",[10,\"1/2\"],5]", "\"63/256\"", NULL },
	{ "[\"poisson\",[3],[0,1]]", "[0.049787068367863944,0.14936120510359183]", NULL },
	{ "[\"gamma\",[0.5,1],0]", NULL, "domain-error" },
	{ "[\"normal\",[0,-1],0]", NULL, "invalid-argument" },
};
static const struct op_example dist_cdf_examples[] = {
	{ "[\"normal\",[0,1],1.96]", "0.9750021048517795", NULL },
	{ "[\"geometric\",[\"1/6\"],[0,1]]", "[\"1/6\",\"11/36\"]", NULL },
	{ "{\"name\":\"normal\",\"params\":[0,1],\"x\":-1,\"precision\":30}", "\"0.158655253931457051414767454368\"",
	  NULL },
	{ "[\"student_t\",[0],1]", NULL, "invalid-argument" },
};
static const struct op_example dist_sf_examples[] = {
	{ "[\"normal\",[0,1],40]", "\"3.65589354091503e-350\"", NULL },
	{ "[\"hypergeometric\",[52,13,5],3]", "\"11/980\"", NULL },
	{ "[\"chi_square\",[1,2],3]", NULL, "invalid-argument" },
};
static const struct op_example dist_quantile_examples[] = {
	{ "[\"normal\",[0,1],0.975]", "1.9599639845400543", NULL },
	{ "[\"binomial\",[10,0.5],[0.5,1]]", "[5,10]", NULL },
	{ "[\"normal\",[0,1],[0,1]]", "[\"-Infinity\",\"Infinity\"]", NULL },
	{ "[\"normal\",[0,1],1.5]", NULL, "domain-error" },
};

#define RATIONAL_VALUES                                                                                               \
	"; exact (\"p/q\") for rational arguments of uniform and of the discrete ones but poisson, unless precision " \
	"or "                                                                                                         \
	"exact:false asks otherwise"
#define LIMITS                                                                                                    \
	"100,000 values of x, n, r, a, b and df up to 10^12 (N 10^10; lambda, shape and df of chi_square 10^9), " \
	"\"p/q\" to 1,000 digits"
#define OP(what, of, sentence, gives)                                                                          \
	{                                                                                                      \
		.name = #what, .family = "statistics", .summary = sentence, .result = gives, .limits = LIMITS, \
		.parameters = of, .parameter_count = sizeof(of) / sizeof *(of), .examples = what##_examples,   \
		.example_count = sizeof(what##_examples) / sizeof *(what##_examples), .compute = what          \
	}

static const struct op ops[] = {
	OP(dist_pdf, of_value,
	   "The density of a distribution, or the probability of a discrete one's value. geometric and "
	   "negative_binomial count the failures, from 0.",
	   "a real number, every digit right, or an array of them" RATIONAL_VALUES),
	OP(dist_cdf, of_value, "The distribution function: the probability of at most x.",
	   "a real number, every digit right, or an array of them" RATIONAL_VALUES),
	OP(dist_sf, of_value, "The upper tail: the probability of more than x, to all digits however small it is.",
	   "a real number, every digit right, or an array of them" RATIONAL_VALUES),
	OP(dist_quantile, of_quantile,
	   "The quantile: where the distribution function has the value x; of a discrete distribution, the smallest "
	   "integer where it is at least x.",
	   "a real number, every digit right (of a discrete distribution an integer), or an array of them; "
	   "\"-Infinity\" or \"Infinity\" at an infinite end of the support"),
};

const struct op_family op_distribution = { ops, sizeof ops / sizeof *ops };
