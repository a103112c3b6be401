/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/distribution.h"

#include "math/distribution_parts.h"

void support_init(struct support *s)
{
	s->has_lower = s->has_upper = false;
	arb_init(s->lower);
	arb_init(s->upper);
}

void support_clear(struct support *s)
{
	arb_clear(s->lower);
	arb_clear(s->upper);
}

/* ---- supports ---- */

static void from_zero(struct support *s, arb_srcptr p, slong prec)
{
	(void)p;
	(void)prec;
	s->has_lower = true;
	arb_zero(s->lower);
}

static void zero_to_one(struct support *s, arb_srcptr p, slong prec)
{
	from_zero(s, p, prec);
	s->has_upper = true;
	arb_one(s->upper);
}

static void first_to_second(struct support *s, arb_srcptr p, slong prec)
{
	(void)prec;
	s->has_lower = s->has_upper = true;
	arb_set(s->lower, p);
	arb_set(s->upper, p + 1);
}

static void zero_to_first(struct support *s, arb_srcptr p, slong prec)
{
	from_zero(s, p, prec);
	s->has_upper = true;
	arb_set(s->upper, p);
}

/* max(0, n+K-N) to min(n, K) */
static void drawn(struct support *s, arb_srcptr p, slong prec)
{
	s->has_lower = s->has_upper = true;
	arb_add(s->lower, p + 1, p + 2, prec);
	arb_sub(s->lower, s->lower, p, prec);
	if (arb_is_negative(s->lower))
		arb_zero(s->lower);
	arb_min(s->upper, p + 1, p + 2, prec);
}

/* ---- the table ---- */

/* Parameters beyond `largest` make the incomplete functions take longer than a second. */
#define CONTINUOUS(key) .value = distribution_##key, .quantile = distribution_##key##_quantile
#define DISCRETE(key) .value = distribution_##key, .discrete = true

static const struct distribution table[] = {
	{ .name = "normal", 2, { "mean", "sd" }, { RULE_REAL, RULE_POSITIVE }, CONTINUOUS(normal) },
	{ .name = "student_t", 1, { "df" }, { RULE_POSITIVE }, .largest = { 1e12 }, CONTINUOUS(student_t) },
	{ .name = "chi_square",
	  1,
	  { "df" },
	  { RULE_POSITIVE },
	  .largest = { 1e9 },
	  CONTINUOUS(chi_square),
	  .support = from_zero },
	{ .name = "f",
	  2,
	  { "df1", "df2" },
	  { RULE_POSITIVE, RULE_POSITIVE },
	  .largest = { 1e12, 1e12 },
	  CONTINUOUS(f),
	  .support = from_zero },
	{ .name = "binomial",
	  2,
	  { "n", "p" },
	  { RULE_COUNT, RULE_PROBABILITY },
	  .largest = { 1e12 },
	  DISCRETE(binomial),
	  .support = zero_to_first,
	  .exact = distribution_binomial_exact },
	{ .name = "poisson",
	  1,
	  { "lambda" },
	  { RULE_NOT_NEGATIVE },
	  .largest = { 1e9 },
	  DISCRETE(poisson),
	  .support = from_zero },
	{ .name = "exponential", 1, { "rate" }, { RULE_POSITIVE }, CONTINUOUS(exponential), .support = from_zero },
	{ .name = "gamma",
	  2,
	  { "shape", "rate" },
	  { RULE_POSITIVE, RULE_POSITIVE },
	  .largest = { 1e9 },
	  CONTINUOUS(gamma),
	  .support = from_zero },
	{ .name = "beta",
	  2,
	  { "a", "b" },
	  { RULE_POSITIVE, RULE_POSITIVE },
	  .largest = { 1e12, 1e12 },
	  CONTINUOUS(beta),
	  .support = zero_to_one },
	{ .name = "uniform",
	  2,
	  { "a", "b" },
	  { RULE_REAL, RULE_ABOVE },
	  CONTINUOUS(uniform),
	  .support = first_to_second,
	  .exact = distribution_uniform_exact },
	{ .name = "weibull",
	  2,
	  { "shape", "scale" },
	  { RULE_POSITIVE, RULE_POSITIVE },
	  CONTINUOUS(weibull),
	  .support = from_zero },
	{ .name = "lognormal",
	  2,
	  { "mu", "sigma" },
	  { RULE_REAL, RULE_POSITIVE },
	  CONTINUOUS(lognormal),
	  .support = from_zero },
	{ .name = "cauchy", 2, { "location", "scale" }, { RULE_REAL, RULE_POSITIVE }, CONTINUOUS(cauchy) },
	{ .name = "geometric",
	  1,
	  { "p" },
	  { RULE_POSITIVE_PROBABILITY },
	  DISCRETE(geometric),
	  .support = from_zero,
	  .exact = distribution_geometric_exact },
	{ .name = "hypergeometric",
	  3,
	  { "N", "K", "n" },
	  { RULE_COUNT, RULE_PART, RULE_PART },
	  .largest = { 1e10 },
	  DISCRETE(hypergeometric),
	  .support = drawn,
	  .exact = distribution_hypergeometric_exact },
	{ .name = "negative_binomial",
	  2,
	  { "r", "p" },
	  { RULE_POSITIVE, RULE_POSITIVE_PROBABILITY },
	  .largest = { 1e12 },
	  DISCRETE(negative_binomial),
	  .support = from_zero,
	  .exact = distribution_negative_binomial_exact },
};

const char *const distribution_names[] = {
	"normal",   "student_t", "chi_square",     "f",
	"binomial", "poisson",   "exponential",    "gamma",
	"beta",     "uniform",   "weibull",        "lognormal",
	"cauchy",   "geometric", "hypergeometric", "negative_binomial",
	NULL,
};
_Static_assert(sizeof distribution_names / sizeof *distribution_names == sizeof table / sizeof *table + 1,
	       "a name for each distribution");

const struct distribution *distribution_at(size_t i)
{
	return &table[i];
}

/* ---- values anywhere ---- */

/* Outside the support, at its upper end (discrete), or on an end (continuous tails): the value is known. */
static bool settled(arb_t out, const struct distribution *d, enum distribution_value what, const struct support *s,
		    const arb_t x)
{
	bool under = s->has_lower && arb_lt(x, s->lower), over = s->has_upper && arb_gt(x, s->upper);

	if (what != DISTRIBUTION_PDF) {
		under |= !d->discrete && s->has_lower && arb_equal(x, s->lower) && arb_is_exact(x);
		over |= s->has_upper && arb_equal(x, s->upper) && arb_is_exact(x);
	}
	if (!under && !over)
		return false;
	arb_set_ui(out, what != DISTRIBUTION_PDF && over == (what == DISTRIBUTION_CDF) ? 1 : 0);
	return true;
}

/* Whether x lies certainly on one side of the end, or on it. */
static bool decided(const arb_t x, const arb_t end)
{
	return !arb_overlaps(x, end) || (arb_is_exact(x) && arb_equal(x, end));
}

void distribution_value(arb_t out, const struct distribution *d, enum distribution_value what, arb_srcptr p,
			const arb_t x, slong prec)
{
	struct support s;
	arb_t at;

	support_init(&s);
	arb_init(at);
	arb_set(at, x);
	if (d->support)
		d->support(&s, p, prec);
	if (d->discrete && !arb_is_int(x)) {
		/* Between integers; a ball that holds one is not settled. */
		if (arb_contains_int(x))
			arb_indeterminate(at);
		else
			arb_floor(at, x, prec);
	}
	if (!arb_is_finite(at) || (s.has_lower && !decided(at, s.lower)) || (s.has_upper && !decided(at, s.upper)))
		arb_indeterminate(out);
	else if (what == DISTRIBUTION_PDF && d->discrete && !arb_is_int(x))
		arb_zero(out);
	else if (!settled(out, d, what, &s, at))
		d->value(out, what, p, at, prec);
	arb_clear(at);
	support_clear(&s);
}

bool distribution_exact(fmpq_t out, const struct distribution *d, enum distribution_value what, const fmpq *p,
			const fmpq_t x, double digits)
{
	arb_ptr balls;
	arb_t ball, value;
	fmpq_t at;
	struct support s;
	bool known;
	slong prec = 64 + (slong)fmpz_bits(fmpq_numref(x)) + (slong)fmpz_bits(fmpq_denref(x));

	if (!d->exact)
		return false;
	balls = _arb_vec_init((slong)d->count);
	arb_init(ball);
	arb_init(value);
	fmpq_init(at);
	support_init(&s);
	fmpq_set(at, x);
	/* Enough bits to tell x from any end of the support that it is not. */
	for (size_t i = 0; i < d->count; i++)
		prec += (slong)(fmpz_bits(fmpq_numref(p + i)) + fmpz_bits(fmpq_denref(p + i)));
	for (size_t i = 0; i < d->count; i++)
		arb_set_fmpq(balls + i, p + i, prec);
	if (d->discrete) {
		fmpz_fdiv_q(fmpq_numref(at), fmpq_numref(x), fmpq_denref(x));
		fmpz_one(fmpq_denref(at));
	}
	arb_set_fmpq(ball, at, prec);
	if (d->support)
		d->support(&s, balls, prec);
	if (what == DISTRIBUTION_PDF && d->discrete && !fmpq_equal(at, x)) {
		fmpq_zero(out);
		known = true;
	} else if (settled(value, d, what, &s, ball)) {
		fmpq_set_si(out, arb_is_zero(value) ? 0 : 1, 1);
		known = true;
	} else {
		known = d->exact(out, what, p, at, digits);
	}
	_arb_vec_clear(balls, (slong)d->count);
	arb_clear(ball);
	arb_clear(value);
	fmpq_clear(at);
	support_clear(&s);
	return known;
}
