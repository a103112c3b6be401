/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Number theory, fifth part: continued fractions, and equations in integers. Partial quotients of an irrational number
 * are those that both ends of a ball around it agree on. */
#include <arb.h>
#include <flint/fmpq.h>
#include <flint/fmpz_vec.h>

#include "math/answer.h"
#include "math/arg.h"
#include "math/factoring.h"
#include "math/pell.h"
#include "math/two_squares.h"

#define TERMS_MAX 100000
#define TERMS_DEFAULT 20      /* of an irrational number */
#define RATIONAL_BITS 16384   /* what lies this near to a fraction counts as one */
#define PRECISION_MAX 4194304 /* bits that a ball may need before giving up */
#define DENOMINATOR_DIGITS 100000

/* ---- an irrational number between two rational ones ---- */

static int take_interval(struct op_call *c, fmpq_t low, fmpq_t high, slong prec, struct op_failure *f)
{
	arb_t x;
	fmpz_t a, b, e;
	int rc;

	arb_init(x);
	fmpz_init(a);
	fmpz_init(b);
	fmpz_init(e);
	rc = arg_arb(c, 0, x, prec, f);
	if (rc == 0 && !arb_is_finite(x)) {
		fmpq_set_si(low, -1, 1);
		fmpq_set_si(high, 1, 1);
	} else if (rc == 0) {
		arb_get_interval_fmpz_2exp(a, b, e, x);
		fmpq_set_fmpz(low, a);
		fmpq_set_fmpz(high, b);
		if (fmpz_sgn(e) >= 0) {
			fmpq_mul_2exp(low, low, fmpz_get_ui(e));
			fmpq_mul_2exp(high, high, fmpz_get_ui(e));
		} else {
			fmpz_neg(e, e);
			fmpq_div_2exp(low, low, fmpz_get_ui(e));
			fmpq_div_2exp(high, high, fmpz_get_ui(e));
		}
	}
	fmpz_clear(e);
	fmpz_clear(b);
	fmpz_clear(a);
	arb_clear(x);
	return rc;
}

static int give_up(struct op_call *c, struct op_failure *f)
{
	return op_fail(f, OP_DID_NOT_CONVERGE,
		       "%s: the number is huge, or cannot be told from a rational one; give it as a fraction",
		       c->op->name);
}

/* ---- continued_fraction ---- */

/* The quotients that all numbers of [low, high] begin with, up to n. Those with a given beginning form an interval; the
 * last quotient of each end is left out, because its other form (..., a-1, 1) belongs to the neighbours. */
static slong common_quotients(fmpz *out, const fmpq_t low, const fmpq_t high, slong n)
{
	fmpz *other = _fmpz_vec_init(n + 1), *mine = _fmpz_vec_init(n + 1);
	fmpq_t rest;
	slong k = 0;

	fmpq_init(rest);
	slong a = fmpq_get_cfrac(mine, rest, low, n + 1);
	slong b = fmpq_get_cfrac(other, rest, high, n + 1);
	for (; k < n && k < a - 1 && k < b - 1 && fmpz_equal(mine + k, other + k); k++)
		fmpz_set(out + k, mine + k);
	fmpq_clear(rest);
	_fmpz_vec_clear(mine, n + 1);
	_fmpz_vec_clear(other, n + 1);
	return k;
}

static int irrational_quotients(struct op_call *c, struct buf *json, slong terms, struct op_failure *f)
{
	fmpz *out = _fmpz_vec_init(terms);
	fmpq_t low, high;
	slong found = 0;
	int rc = 0;

	fmpq_init(low);
	fmpq_init(high);
	for (slong prec = 4 * terms + 64; rc == 0 && found < terms && prec <= PRECISION_MAX; prec *= 2) {
		slong before = found;
		rc = take_interval(c, low, high, prec, f);
		if (rc == 0)
			found = common_quotients(out, low, high, terms);
		if (prec > RATIONAL_BITS && found == before)
			break;
	}
	if (rc == 0)
		rc = found == terms ? answer_fmpz_vector(json, out, terms, f) : give_up(c, f);
	fmpq_clear(high);
	fmpq_clear(low);
	_fmpz_vec_clear(out, terms);
	return rc;
}

static int rational_quotients(struct op_call *c, struct buf *json, slong terms, struct op_failure *f)
{
	fmpq_t x, rest;
	fmpz *out;
	int rc;

	fmpq_init(x);
	fmpq_init(rest);
	rc = arg_fmpq(c, 0, x, f);
	slong bound = fmpq_cfrac_bound(x);
	slong n = terms && terms < bound ? terms : bound;
	out = _fmpz_vec_init(n);
	if (rc == 0)
		rc = answer_fmpz_vector(json, out, fmpq_get_cfrac(out, rest, x, n), f);
	_fmpz_vec_clear(out, n);
	fmpq_clear(rest);
	fmpq_clear(x);
	return rc;
}

static int continued_fraction_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	slong terms = 0;

	if (op_call_given(c, 1) && arg_long(c, 1, 1, TERMS_MAX, &terms, f) != 0)
		return -1;
	if (arg_is_rational(c, 0))
		return rational_quotients(c, json, terms, f);
	return irrational_quotients(c, json, terms ? terms : TERMS_DEFAULT, f);
}

/* ---- best_approx ---- */

struct convergents {
	fmpz_t p0, q0, p1, q1, n, d, a, t;
};

static void convergents_init(struct convergents *s, const fmpq_t x)
{
	fmpz_init(s->p0);
	fmpz_init_set_ui(s->q0, 1);
	fmpz_init_set_ui(s->p1, 1);
	fmpz_init(s->q1);
	fmpz_init_set(s->n, fmpq_numref(x));
	fmpz_init_set(s->d, fmpq_denref(x));
	fmpz_init(s->a);
	fmpz_init(s->t);
}

static void convergents_fini(struct convergents *s)
{
	fmpz *all[] = { s->p0, s->q0, s->p1, s->q1, s->n, s->d, s->a, s->t };

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		fmpz_clear(all[i]);
}

/* To the last convergent with a denominator of at most max. */
static void convergents_run(struct convergents *s, const fmpz_t max)
{
	while (!fmpz_is_zero(s->d)) {
		fmpz_fdiv_qr(s->a, s->t, s->n, s->d);
		fmpz_addmul(s->q0, s->a, s->q1);
		if (fmpz_cmp(s->q0, max) > 0) {
			fmpz_submul(s->q0, s->a, s->q1);
			return;
		}
		fmpz_addmul(s->p0, s->a, s->p1);
		fmpz_swap(s->p0, s->p1);
		fmpz_swap(s->q0, s->q1);
		fmpz_swap(s->n, s->d);
		fmpz_swap(s->d, s->t);
	}
}

/* The fraction nearest to x with a denominator of at most max; of two equally near, a convergent. The candidates are
 * the last convergent and the last intermediate fraction behind it (Khinchin, Continued Fractions, section 6). */
static void nearest(fmpq_t out, const fmpq_t x, const fmpz_t max)
{
	struct convergents s;
	fmpq_t other, a, b;

	if (fmpz_cmp(fmpq_denref(x), max) <= 0) {
		fmpq_set(out, x);
		return;
	}
	convergents_init(&s, x);
	fmpq_init(other);
	fmpq_init(a);
	fmpq_init(b);
	convergents_run(&s, max);
	fmpz_set(fmpq_numref(out), s.p1);
	fmpz_set(fmpq_denref(out), s.q1);
	fmpz_sub(s.t, max, s.q0);
	fmpz_fdiv_q(s.t, s.t, s.q1);
	fmpz_addmul(s.p0, s.t, s.p1);
	fmpz_addmul(s.q0, s.t, s.q1);
	fmpz_set(fmpq_numref(other), s.p0);
	fmpz_set(fmpq_denref(other), s.q0);
	fmpq_canonicalise(other);
	fmpq_sub(a, x, out);
	fmpq_sub(b, x, other);
	fmpq_abs(a, a);
	fmpq_abs(b, b);
	if (fmpq_cmp(b, a) < 0)
		fmpq_set(out, other);
	fmpq_clear(b);
	fmpq_clear(a);
	fmpq_clear(other);
	convergents_fini(&s);
}

/* What is nearest grows with x: when it is the same for both ends, it is for all between. */
static int nearest_irrational(struct op_call *c, fmpq_t out, const fmpz_t max, struct op_failure *f)
{
	fmpq_t low, high, other;
	bool done = false;
	int rc = 0;

	fmpq_init(low);
	fmpq_init(high);
	fmpq_init(other);
	slong most = 3 * (slong)fmpz_bits(max) + RATIONAL_BITS;
	for (slong prec = 3 * (slong)fmpz_bits(max) + 64; rc == 0 && !done && prec <= most; prec *= 2) {
		rc = take_interval(c, low, high, prec, f);
		nearest(out, low, max);
		nearest(other, high, max);
		done = fmpq_equal(out, other);
	}
	if (rc == 0 && !done)
		rc = give_up(c, f);
	fmpq_clear(other);
	fmpq_clear(high);
	fmpq_clear(low);
	return rc;
}

static int best_approx_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	fmpq_t x, out;
	fmpz_t max;
	int rc;

	fmpq_init(x);
	fmpq_init(out);
	fmpz_init(max);
	rc = arg_fmpz(c, 1, max, f);
	if (rc == 0 && fmpz_sgn(max) <= 0)
		rc = arg_fail(c, 1, f, OP_INVALID_ARGUMENT, "best_approx: expected a denominator from 1 on");
	if (rc == 0 && fmpz_sizeinbase(max, 10) > DENOMINATOR_DIGITS + 1) {
		op_fail_limit(f, DENOMINATOR_DIGITS, (double)fmpz_sizeinbase(max, 10), "digits",
			      "the denominator is too long");
		rc = arg_locate(c, 1, f);
	}
	if (rc == 0 && !arg_is_rational(c, 0)) {
		rc = nearest_irrational(c, out, max, f);
	} else if (rc == 0) {
		rc = arg_fmpq(c, 0, x, f);
		if (rc == 0)
			nearest(out, x, max);
	}
	if (rc == 0)
		rc = answer_fmpq(json, out, f);
	fmpz_clear(max);
	fmpq_clear(out);
	fmpq_clear(x);
	return rc;
}

/* ---- pell ---- */

static int pell_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	fmpz_t n, x, y;
	int rc;

	fmpz_init(n);
	fmpz_init(x);
	fmpz_init(y);
	rc = arg_fmpz(c, 0, n, f);
	if (rc == 0 && fmpz_sgn(n) < 0)
		rc = arg_fail(c, 0, f, OP_DOMAIN_ERROR, "pell: expected an integer from 1 on, got a negative one");
	if (rc == 0 && fmpz_is_square(n))
		rc =
		    arg_fail(c, 0, f, OP_NO_SOLUTION, "pell: n is a square, so that x = 1, y = 0 is the only solution");
	if (rc == 0)
		rc = pell_solve(x, y, n, f);
	if (rc == 0) {
		buf_byte(json, '{');
		answer_member(json, "x");
		rc = answer_fmpz(json, x, f);
	}
	if (rc == 0) {
		answer_member(json, "y");
		rc = answer_fmpz(json, y, f);
		buf_byte(json, '}');
	}
	fmpz_clear(y);
	fmpz_clear(x);
	fmpz_clear(n);
	return rc;
}

/* ---- sum_of_squares ---- */

static int put_squares(struct buf *json, const struct two_squares *s, double count, struct op_failure *f)
{
	int rc = 0;

	buf_byte(json, '{');
	answer_member(json, "count");
	buf_printf(json, "%.0f", 4 * count);
	answer_member(json, "representations");
	buf_byte(json, '[');
	for (slong i = 0; i < s->count && rc == 0; i++) {
		if (i)
			buf_byte(json, ',');
		rc = answer_fmpz_vector(json, s->v + 2 * i, 2, f);
	}
	buf_puts(json, "]}");
	return rc;
}

static int sum_of_squares_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct two_squares s = { NULL, 0 };
	fmpz_factor_t factors;
	double count = 0;
	fmpz_t n;
	int rc;

	fmpz_init(n);
	fmpz_factor_init(factors);
	rc = arg_fmpz(c, 0, n, f);
	if (rc == 0 && fmpz_is_zero(n)) {
		buf_puts(json, "{\"count\":1,\"representations\":[[0,0]]}");
	} else if (rc == 0) {
		if (fmpz_sgn(n) > 0) {
			rc = factoring_factor(n, factors, f) == 0 ? 0 : arg_locate(c, 0, f);
			if (rc == 0)
				rc = two_squares_list(&s, factors, &count, f);
		}
		if (rc == 0)
			rc = put_squares(json, &s, count, f);
	}
	two_squares_fini(&s);
	fmpz_factor_clear(factors);
	fmpz_clear(n);
	return rc;
}

/* ---- the table ---- */

#define LIST(a) (a), sizeof(a) / sizeof *(a)
#define FAMILY "number theory"
#define INTEGER(n, s)                                                \
	{                                                            \
		.name = (n), .summary = (s), .kind = OP_KIND_INTEGER \
	}

static const struct op_parameter fraction_parameters[] = {
	{ .name = "x", .summary = "a real number", .kind = OP_KIND_NUMBER },
	{ .name = "terms",
	  .summary = "how many partial quotients; if not given, all of a rational number, 20 of another",
	  .kind = OP_KIND_INTEGER,
	  .optional = true,
	  .bounded = true,
	  .min = 1,
	  .max = TERMS_MAX },
};
static const struct op_example fraction_examples[] = {
	{ "[\"415/93\"]", "[4,2,6,7]", NULL }, { "[\"pi\",8]", "[3,7,15,1,292,1,1,1]", NULL },
	{ "[\"-7/3\"]", "[-3,1,2]", NULL },    { "[\"sqrt(2)\",5]", "[1,2,2,2,2]", NULL },
	{ "[1,0]", NULL, "invalid-argument" },
};
static const struct op_parameter approx_parameters[] = {
	{ .name = "x", .summary = "a real number", .kind = OP_KIND_NUMBER },
	INTEGER("max_den", "the largest denominator allowed, from 1 on"),
};
static const struct op_example approx_examples[] = {
	{ "[\"pi\",1000]", "\"355/113\"", NULL },
	{ "[\"3.14159\",10]", "\"22/7\"", NULL },
	{ "[\"1/3\",100]", "\"1/3\"", NULL },
	{ "[\"pi\",0]", NULL, "invalid-argument" },
};
static const struct op_parameter pell_parameters[] = { INTEGER("n", "an integer from 2 on that is no square") };
static const struct op_example pell_examples[] = {
	{ "[2]", "{\"x\":3,\"y\":2}", NULL },
	{ "[61]", "{\"x\":1766319049,\"y\":226153980}", NULL },
	{ "[4]", NULL, "no-solution" },
	{ "[-1]", NULL, "domain-error" },
};
static const struct op_parameter squares_parameters[] = { INTEGER("n", "an integer") };
static const struct op_example squares_examples[] = {
	{ "[25]", "{\"count\":12,\"representations\":[[0,5],[3,4]]}", NULL },
	{ "[50]", "{\"count\":12,\"representations\":[[1,7],[5,5]]}", NULL },
	{ "[3]", "{\"count\":0,\"representations\":[]}", NULL },
	{ "[1.5]", NULL, "invalid-argument" },
};

static const struct op ops[] = {
	{ "continued_fraction", FAMILY,
	  "The partial quotients of the regular continued fraction of x; the last one of a rational number is not 1.",
	  "an array of integers", "100,000 quotients of an irrational number", LIST(fraction_parameters),
	  LIST(fraction_examples), .compute = continued_fraction_compute },
	{ "best_approx", FAMILY, "The rational number nearest to x whose denominator is at most max_den.",
	  "an integer or a fraction \"p/q\" in lowest terms", "max_den of up to 100,000 digits",
	  LIST(approx_parameters), LIST(approx_examples), .compute = best_approx_compute },
	{ "pell", FAMILY, "The least solution of x^2 - n y^2 = 1 with y > 0.", "{\"x\": an integer, \"y\": an integer}",
	  "solutions of up to 500,000 digits", LIST(pell_parameters), LIST(pell_examples), .compute = pell_compute },
	{ "sum_of_squares", FAMILY,
	  "n as a sum of two squares: r2(n), which counts order and signs, and all a^2 + b^2 = n with 0 <= a <= b, "
	  "ascending by a.",
	  "{\"count\": an integer, \"representations\": an array of pairs [a, b]}",
	  "100,000 representations; n up to 1,000 digits that can be factored in the time", LIST(squares_parameters),
	  LIST(squares_examples), .compute = sum_of_squares_compute },
};

const struct op_family op_diophantine = { LIST(ops) };
