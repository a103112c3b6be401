/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Student's t-test. */
#include <string.h>

#include "math/arg.h"
#include "math/distribution.h"
#include "math/real.h"
#include "math/sample.h"
#include "ops/hypothesis.h"

#define ZERO_BITS 4096 /* what so many bits do not tell from 0 is taken for 0 */

enum { ARG_X, ARG_Y, ARG_ALTERNATIVE, ARG_PAIRED, ARG_EQUAL };
enum { TWO_SIDED, LESS, GREATER };
enum { T_STATISTIC, T_DF, T_P, T_DIFFERENCE, T_ERROR, T_LEAVES };

struct t_test {
	struct sample x, y;
	bool two, paired, equal;
	size_t alternative;
	size_t given; /* the argument with the hypothetical mean; 0: it is 0 */
};

/* Of one sample, or of the differences of pairs: the mean and its squared error. */
static void one_sample(const struct t_test *t, struct real *mean, struct real *error, slong prec)
{
	slong n = (slong)t->x.n;
	struct real other;

	real_init(&other);
	sample_mean(mean, &t->x, prec);
	sample_central(error, &t->x, 2, prec);
	if (t->paired) {
		sample_mean(&other, &t->y, prec);
		real_sub(mean, mean, &other, prec);
		sample_central(&other, &t->y, 2, prec);
		real_add(error, error, &other, prec);
		sample_comoment(&other, &t->x, &t->y, 0, prec);
		real_sub(error, error, &other, prec);
		real_sub(error, error, &other, prec);
	}
	real_div_si(error, error, n - 1, prec);
	real_div_si(error, error, n, prec);
	real_clear(&other);
}

/* Variances apart, with the degrees of freedom of Welch (1947) and Satterthwaite. */
static void welch(const struct t_test *t, struct real *error, struct real *df, slong prec)
{
	slong n = (slong)t->x.n, m = (slong)t->y.n;
	struct real u, v;

	real_init(&u);
	real_init(&v);
	sample_central(&u, &t->x, 2, prec);
	real_div_si(&u, &u, n - 1, prec);
	real_div_si(&u, &u, n, prec);
	sample_central(&v, &t->y, 2, prec);
	real_div_si(&v, &v, m - 1, prec);
	real_div_si(&v, &v, m, prec);
	real_add(error, &u, &v, prec);
	real_mul(&u, &u, &u, prec);
	real_div_si(&u, &u, n - 1, prec);
	real_mul(&v, &v, &v, prec);
	real_div_si(&v, &v, m - 1, prec);
	real_add(&u, &u, &v, prec);
	real_mul(df, error, error, prec);
	if (!real_is_zero(&u))
		real_div(df, df, &u, prec);
	real_clear(&u);
	real_clear(&v);
}

static void pooled(const struct t_test *t, struct real *error, struct real *df, slong prec)
{
	slong n = (slong)t->x.n, m = (slong)t->y.n;
	struct real v;

	real_init(&v);
	sample_central(error, &t->x, 2, prec);
	sample_central(&v, &t->y, 2, prec);
	real_add(error, error, &v, prec);
	real_div_si(error, error, n + m - 2, prec);
	real_set_si(&v, n + m);
	real_mul(error, error, &v, prec);
	real_div_si(error, error, n, prec);
	real_div_si(error, error, m, prec);
	real_set_si(df, n + m - 2);
	real_clear(&v);
}

static void p_of_t(const struct t_test *t, struct real *out, const struct real *statistic, const struct real *df,
		   slong prec)
{
	arb_t v, freedom;

	arb_init(v);
	arb_init(freedom);
	real_get_arb(v, statistic, prec);
	real_get_arb(freedom, df, prec);
	if (t->alternative == TWO_SIDED)
		arb_abs(v, v);
	else if (t->alternative == LESS)
		arb_neg(v, v);
	distribution_t_tail(v, v, freedom, prec);
	if (t->alternative == TWO_SIDED)
		arb_mul_2exp_si(v, v, 1);
	real_set_arb(out, v);
	if (real_is_zero(statistic)) {
		real_set_si(out, 1);
		if (t->alternative != TWO_SIDED)
			real_div_si(out, out, 2, prec);
	}
	arb_clear(v);
	arb_clear(freedom);
}

static int hypothetical(struct t_test *t, struct op_call *c, struct real *out, slong prec, struct op_failure *f)
{
	arb_t v;
	int rc = 0;

	if (!t->given)
		return 0;
	if (arg_is_rational(c, t->given))
		return arg_fmpq(c, t->given, out->q, f);
	arb_init(v);
	rc = arg_arb(c, t->given, v, prec, f);
	real_set_arb(out, v);
	arb_clear(v);
	return rc;
}

static int t_of(struct op_call *c, struct real *out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct t_test *t = arg;
	struct real *error = &out[T_ERROR], *difference = &out[T_DIFFERENCE], mean;
	int rc;

	(void)n;
	if (sample_refine(&t->x, c, prec, f) < 0 || (t->two && sample_refine(&t->y, c, prec, f) < 0))
		return -1;
	real_init(&mean);
	rc = hypothetical(t, c, &mean, prec, f);
	if (t->two && !t->paired) {
		sample_mean(difference, &t->x, prec);
		sample_mean(&mean, &t->y, prec);
		if (t->equal)
			pooled(t, error, &out[T_DF], prec);
		else
			welch(t, error, &out[T_DF], prec);
	} else {
		one_sample(t, difference, error, prec);
		real_set_si(&out[T_DF], (slong)t->x.n - 1);
	}
	real_sub(difference, difference, &mean, prec);
	if (rc == 0 && (real_is_zero(error) || (prec > ZERO_BITS && real_sign(error) == 2)))
		rc = op_fail(f, OP_DOMAIN_ERROR,
			     "expected values (or differences) that are not all equal: their "
			     "standard error is 0");
	if (rc == 0) {
		real_root(error, error, 2, prec);
		real_div(&out[T_STATISTIC], difference, error, prec);
		p_of_t(t, &out[T_P], &out[T_STATISTIC], &out[T_DF], prec);
	}
	real_clear(&mean);
	return rc;
}

static int t_load(struct t_test *t, struct op_call *c, struct op_failure *f)
{
	memset(t, 0, sizeof *t);
	t->alternative = op_call_given(c, ARG_ALTERNATIVE) ? arg_choice(c, ARG_ALTERNATIVE) : TWO_SIDED;
	t->paired = arg_flag(c, ARG_PAIRED, false);
	t->equal = arg_flag(c, ARG_EQUAL, false);
	t->two = op_call_given(c, ARG_Y) && arg_is_array(c, ARG_Y);
	t->given = op_call_given(c, ARG_Y) && !t->two ? ARG_Y : 0;
	if (t->paired && !t->two)
		return arg_fail(c, ARG_PAIRED, f, OP_INVALID_ARGUMENT, "expected a second sample for pairs");
	if (sample_load(&t->x, c, ARG_X, 2, f) < 0)
		return -1;
	if (!t->two)
		return 0;
	if (sample_load(&t->y, c, ARG_Y, 2, f) == 0) {
		if (!t->paired || t->x.n == t->y.n)
			return 0;
		arg_fail(c, ARG_Y, f, OP_DIMENSION_MISMATCH, "expected pairs: as many values as in \"x\", %zu, got %zu",
			 t->x.n, t->y.n);
		sample_clear(&t->y);
	}
	sample_clear(&t->x);
	return -1;
}

int hypothesis_ttest(struct op_call *c, struct buf *json, struct op_failure *f)
{
	static const char *const names[] = { "statistic", "df", "p", "difference", "standard_error" };
	struct t_test t;
	struct reals v;
	int rc;

	if (t_load(&t, c, f) < 0)
		return -1;
	rc = reals_compute(c, T_LEAVES, REAL_ROUNDED, t_of, &t, &v, f);
	if (rc == 0) {
		buf_byte(json, '{');
		for (size_t i = 0; i < T_LEAVES; i++) {
			answer_member(json, names[i]);
			reals_put(json, &v, i);
		}
		buf_byte(json, '}');
		reals_fini(&v);
	}
	sample_clear(&t.x);
	if (t.two)
		sample_clear(&t.y);
	return rc;
}
