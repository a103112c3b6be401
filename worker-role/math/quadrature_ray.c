/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/quadrature_ray.h"

#include <acb_calc.h>
#include <stdlib.h>

#include "math/progress.h"

#define EVALUATIONS_MAX 60000 /* of one rigorous integral, besides 60 for each bit */
#define SHELLS_SINGULAR 20    /* shells that halve in width, towards a singular point */
#define SHELLS_INFINITE 24    /* and that double, towards infinity */
#define LEVELS_MAX 13         /* of the double-exponential rule: steps of 2^-level */
#define LEVEL_FIRST 2
#define REACH_MAX 12           /* |s|: t gets to exp(-pi sinh 12) = 2^-368,000 */
#define SHIFTED_BITS_MAX 40000 /* bits that c + t may need where c is not 0 */
#define QUIET_TERMS 6          /* negligible terms in a row that end a sum */

/* ---- the integrand ---- */

static int ray_origin(const struct ray *r, slong prec, acb_t out, struct op_failure *f)
{
	if (r->from)
		return bound_arb(r->from, acb_realref(out), prec, f);
	arb_set(acb_realref(out), r->at);
	return 0;
}

static bool origin_is_zero(const struct ray *r)
{
	return r->from ? r->from->rational && fmpq_is_zero(r->from->q) : arb_is_zero(r->at);
}

static int ray_value(const struct ray *r, const acb_t t, bool analytic, slong prec, acb_t out, struct op_failure *f)
{
	acb_t x, y, value;
	int rc;

	acb_init(x);
	acb_init(y);
	acb_init(value);
	rc = ray_origin(r, prec, x, f);
	acb_zero(out);
	for (int side = -1; side <= 1 && rc == 0; side += 2) {
		if (r->side != 0 && side != r->side && !r->mirrored)
			continue;
		if (side > 0 || r->mirrored)
			acb_add(y, x, t, prec);
		else
			acb_sub(y, x, t, prec);
		if (side < 0 && r->mirrored)
			acb_neg(y, y);
		rc = univariate_ball(r->u, y, analytic, prec, value, f);
		acb_add(out, out, value, prec);
	}
	acb_clear(x);
	acb_clear(y);
	acb_clear(value);
	return rc;
}

void ray_at(const struct ray *r, const arb_t t, slong prec, arb_t out)
{
	struct op_failure f;
	acb_t z, w;

	acb_init(z);
	acb_init(w);
	acb_set_arb(z, t);
	if (ray_value(r, z, false, prec, w, &f) == 0 && arb_is_zero(acb_imagref(w)))
		arb_swap(out, acb_realref(w));
	else
		arb_indeterminate(out);
	acb_clear(z);
	acb_clear(w);
}

/* ---- rigorous ---- */

struct core {
	const struct ray *ray;
	bool complex; /* a value at a real point was not real */
};

/* Order 1 asks whether the integrand is holomorphic on the ball; the values of order 0 need not be. */
static int core_integrand(acb_ptr out, const acb_t t, void *param, slong order, slong prec)
{
	struct core *core = param;
	bool real = arb_is_zero(acb_imagref(t));
	struct op_failure f;

	if (ray_value(core->ray, t, order != 0, prec, out, &f) != 0)
		acb_indeterminate(out);
	else if (real && order == 0 && acb_is_finite(out) && !arb_contains_zero(acb_imagref(out)))
		core->complex = true;
	return 0;
}

int ray_core(const struct ray *r, const arb_t a, const arb_t b, slong prec, arb_t out, struct op_failure *f)
{
	acb_calc_integrate_opt_t options;
	struct core core = { .ray = r };
	acb_t from, to, value;
	mag_t tolerance;
	int rc = 0;

	acb_calc_integrate_opt_init(options);
	options->eval_limit = EVALUATIONS_MAX + 60 * prec;
	acb_init(from);
	acb_init(to);
	acb_init(value);
	mag_init(tolerance);
	acb_set_arb(from, a);
	acb_set_arb(to, b);
	mag_set_ui_2exp_si(tolerance, 1, -prec);
	acb_calc_integrate(value, core_integrand, &core, from, to, prec, tolerance, options, prec + 30);
	/* Real on real points and holomorphic around them: the value is real, its imaginary part is rounding. */
	if (core.complex)
		rc = op_fail(f, OP_DOMAIN_ERROR, "the integrand is not real on the whole interval");
	arb_swap(out, acb_realref(value));
	acb_clear(from);
	acb_clear(to);
	acb_clear(value);
	mag_clear(tolerance);
	return rc;
}

/* Whether x is known to about prec bits, absolutely, or relatively when it is large. */
static bool is_accurate(const arb_t x, slong prec)
{
	return arb_is_finite(x) && (mag_cmp_2exp_si(arb_radref(x), -prec) <= 0 || arb_rel_accuracy_bits(x) >= prec);
}

/* ---- double exponential ---- */

struct rule {
	const struct ray *ray;
	const arb_struct *reach; /* NULL: [start, infinity) */
	const arb_struct *start;
	slong prec;     /* of the result */
	long low, high; /* terms from low to high steps of 2^-LEVEL_FIRST count */
	bool spoiled;   /* a node was not evaluated: too many bits */
};

/* t = reach q/(1+q), q = exp(pi sinh s), and dt/ds. */
static void node_finite(const struct rule *rule, const arb_t s, arb_t t, arb_t weight, slong wp)
{
	arb_t sh, ch, q;

	arb_init(sh);
	arb_init(ch);
	arb_init(q);
	arb_sinh_cosh(sh, ch, s, wp);
	arb_const_pi(q, wp);
	arb_mul(ch, ch, q, wp);
	arb_mul(q, q, sh, wp);
	arb_exp(q, q, wp);
	arb_add_ui(sh, q, 1, wp);
	arb_div(t, q, sh, wp);
	arb_mul(t, t, rule->reach, wp);
	arb_mul(weight, t, ch, wp);
	arb_div(weight, weight, sh, wp);
	arb_clear(sh);
	arb_clear(ch);
	arb_clear(q);
}

/* t = start (1 + q), q = exp(pi/2 sinh s), and dt/ds. */
static void node_infinite(const struct rule *rule, const arb_t s, arb_t t, arb_t weight, slong wp)
{
	arb_t sh, ch, q;

	arb_init(sh);
	arb_init(ch);
	arb_init(q);
	arb_sinh_cosh(sh, ch, s, wp);
	arb_const_pi(q, wp);
	arb_mul_2exp_si(q, q, -1);
	arb_mul(ch, ch, q, wp);
	arb_mul(q, q, sh, wp);
	arb_exp(q, q, wp);
	arb_mul(q, q, rule->start, wp);
	arb_add(t, q, rule->start, wp);
	arb_mul(weight, q, ch, wp);
	arb_clear(sh);
	arb_clear(ch);
	arb_clear(q);
}

/* The term at s = index 2^-level. Where the ray does not begin at 0, c + t has to be known to many more bits. */
static void rule_term(struct rule *rule, long index, int level, arb_t out)
{
	slong wp = rule->prec + 48;
	arb_t s, t, weight;

	arb_init(s);
	arb_init(t);
	arb_init(weight);
	arb_set_si(s, index);
	arb_mul_2exp_si(s, s, -level);
	if (rule->reach)
		node_finite(rule, s, t, weight, wp);
	else
		node_infinite(rule, s, t, weight, wp);
	slong exponent = fmpz_get_si(ARF_EXPREF(arb_midref(t)));
	slong bits = wp + (exponent < 0 && !origin_is_zero(rule->ray) ? -exponent : 0);
	if (bits > SHIFTED_BITS_MAX + wp) {
		rule->spoiled = true;
		arb_indeterminate(out);
	} else {
		ray_at(rule->ray, t, bits + 16, out);
		/* (exp(t) - 1)/t and the like cancel next to 0 */
		if (exponent < 0 && bits - 2 * exponent < SHIFTED_BITS_MAX &&
		    (!arb_is_finite(out) || arb_rel_accuracy_bits(out) < rule->prec))
			ray_at(rule->ray, t, bits + 16 - 2 * exponent, out);
		arb_mul(out, out, weight, wp);
	}
	arb_clear(s);
	arb_clear(t);
	arb_clear(weight);
}

static bool is_quiet(const arb_t term, slong prec)
{
	mag_t bound;

	mag_init(bound);
	arb_get_mag(bound, term);
	bool quiet = mag_cmp_2exp_si(bound, -prec) < 0;
	mag_clear(bound);
	return quiet;
}

/* Whether the difference of two levels is below 2^-prec, relatively where the value is above 1. */
static bool is_agreement(const arb_t difference, const arb_t value, slong prec)
{
	mag_t bound, scale;

	mag_init(bound);
	mag_init(scale);
	arb_get_mag_lower(scale, value);
	if (mag_cmp_2exp_si(scale, 0) < 0)
		mag_one(scale);
	mag_mul_2exp_si(scale, scale, -prec);
	arb_get_mag(bound, difference);
	bool agreement = mag_cmp(bound, scale) <= 0;
	mag_clear(bound);
	mag_clear(scale);
	return agreement;
}

/* Sums outwards from s = 0 in one direction until the terms have died away; false when they do not. */
static bool rule_walk(struct rule *rule, int direction, arb_t sum, long *end)
{
	arb_t term;
	long i = 1, most = (long)REACH_MAX << LEVEL_FIRST;
	int quiet = 0;

	arb_init(term);
	for (; quiet < QUIET_TERMS && i <= most; i++) {
		rule_term(rule, direction * i, LEVEL_FIRST, term);
		if (!arb_is_finite(term))
			break;
		arb_add(sum, sum, term, rule->prec + 64);
		quiet = is_quiet(term, rule->prec + 20) ? quiet + 1 : 0;
	}
	*end = direction * (i - 1);
	arb_clear(term);
	return quiet == QUIET_TERMS;
}

/* Adds the terms between those of the level before. */
static bool rule_refine(struct rule *rule, int level, arb_t sum)
{
	long scale = 1L << (level - LEVEL_FIRST);
	arb_t term;

	arb_init(term);
	for (long i = rule->low * scale + 1; i < rule->high * scale && arb_is_finite(sum); i += 2) {
		rule_term(rule, i, level, term);
		arb_add(sum, sum, term, rule->prec + 64);
		if (level > 8 && i % 256 == 1)
			progress_report((double)level / LEVELS_MAX, "integrating next to a singular point");
	}
	arb_clear(term);
	return arb_is_finite(sum);
}

static int rule_run(struct rule *rule, arb_t out, struct op_failure *f)
{
	arb_t sum, before, value;
	bool agreed = false;
	int rc = 0;

	arb_init(sum);
	arb_init(before);
	arb_init(value);
	rule_term(rule, 0, LEVEL_FIRST, sum);
	bool finite =
	    arb_is_finite(sum) && rule_walk(rule, 1, sum, &rule->high) && rule_walk(rule, -1, sum, &rule->low);
	arb_mul_2exp_si(value, sum, -LEVEL_FIRST);
	for (int level = LEVEL_FIRST + 1; level <= LEVELS_MAX && finite && !agreed; level++) {
		arb_set(before, value);
		finite = rule_refine(rule, level, sum);
		arb_mul_2exp_si(value, sum, -level);
		arb_sub(before, before, value, rule->prec + 64);
		agreed = level > LEVEL_FIRST + 1 && is_agreement(before, value, rule->prec);
	}
	if (agreed) {
		arb_set(out, value);
		arb_add_error(out, before);
		arb_add_error_2exp_si(out, -rule->prec);
	} else {
		rc = op_fail(f, OP_DID_NOT_CONVERGE,
			     rule->spoiled ? "the integrand is too singular to be integrated to the digits asked for"
					   : "the integral diverges, or converges too slowly to be told");
	}
	arb_clear(sum);
	arb_clear(before);
	arb_clear(value);
	return rc;
}

int ray_singular(const struct ray *r, const arb_t reach, slong prec, arb_t out, struct op_failure *f)
{
	struct rule rule = { .ray = r, .prec = prec };
	arb_t a, b, part;
	int rc = 0;

	arb_init(a);
	arb_init(b);
	arb_init(part);
	arb_zero(out);
	arb_set(b, reach);
	for (int i = 0; i < SHELLS_SINGULAR && rc == 0; i++) {
		arb_mul_2exp_si(a, b, -1);
		rc = ray_core(r, a, b, prec, part, f);
		if (rc == 0 && !is_accurate(part, prec / 2))
			rc =
			    op_fail(f, OP_DID_NOT_CONVERGE, "the integrand varies too wildly next to a singular point");
		arb_add(out, out, part, prec + 30);
		arb_set(b, a);
	}
	rule.reach = b;
	if (rc == 0)
		rc = rule_run(&rule, part, f);
	arb_add(out, out, part, prec + 30);
	arb_clear(a);
	arb_clear(b);
	arb_clear(part);
	return rc;
}

/* Whether the integrand, times t, is far below 2^-prec at many points from t = a on to 2^SHELLS_INFINITE. */
static bool is_negligible_beyond(const struct ray *r, const arb_t a, slong prec)
{
	arb_t t, y, step;
	bool negligible = true;

	arb_init(t);
	arb_init(y);
	arb_init(step);
	arb_set_d(step, 1.0625);
	arb_add_ui(t, a, 1, 64);
	while (negligible && arf_cmpabs_2exp_si(arb_midref(t), SHELLS_INFINITE + 1) < 0) {
		ray_at(r, t, 2 * prec + 64, y);
		arb_mul(y, y, t, 64);
		negligible = arb_is_finite(y) && is_quiet(y, prec + 20);
		arb_mul(t, t, step, 64);
		mag_zero(arb_radref(t));
	}
	arb_clear(t);
	arb_clear(y);
	arb_clear(step);
	return negligible;
}

int ray_infinite(const struct ray *r, slong prec, arb_t out, struct op_failure *f)
{
	struct rule rule = { .ray = r, .prec = prec };
	arb_t a, b, part;
	int rc = 0;

	if (ray_oscillates(r))
		return ray_oscillating(r, prec, out, f);
	arb_init(a);
	arb_init(b);
	arb_init(part);
	arb_zero(out);
	arb_one(b);
	for (int i = 0; i <= SHELLS_INFINITE && rc == 0; i++) {
		rc = ray_core(r, a, b, prec, part, f);
		if (rc == 0 && !is_accurate(part, prec / 2)) {
			/* exp(x) on a wide ball holds 0, and its reciprocal no bound */
			if (is_negligible_beyond(r, a, prec))
				break;
			rc = op_fail(f, OP_DID_NOT_CONVERGE, "the integrand varies too wildly towards infinity");
		}
		arb_add(out, out, part, prec + 30);
		arb_set(a, b);
		arb_mul_2exp_si(b, b, 1);
	}
	rule.start = a;
	if (rc == 0)
		rc = rule_run(&rule, part, f);
	arb_add(out, out, part, prec + 30);
	arb_clear(a);
	arb_clear(b);
	arb_clear(part);
	return rc;
}
