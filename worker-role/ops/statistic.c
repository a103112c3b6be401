/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ops/statistic.h"

#include <string.h>

#include "math/arg.h"
#include "math/sample.h"

#define ZERO_BITS 4096 /* a divisor that this many bits do not tell from 0 is taken for 0 */

/* What the formulas below work on. */
struct data {
	struct sample x, y;
	slong k;   /* lag, or the divisor's n - k */
	bool flag; /* adjusted */
	fmpq_t p;
};

static int data_load(struct data *d, struct op_call *c, size_t least, struct op_failure *f)
{
	memset(d, 0, sizeof *d);
	if (sample_load(&d->x, c, 0, least, f) < 0)
		return -1;
	fmpq_init(d->p);
	return 0;
}

static void data_clear(struct data *d)
{
	sample_clear(&d->x);
	fmpq_clear(d->p);
}

/* A second sample of the same length, from argument 1. */
static int data_load_second(struct data *d, struct op_call *c, size_t least, struct op_failure *f)
{
	if (data_load(d, c, least, f) < 0)
		return -1;
	if (sample_load(&d->y, c, 1, 0, f) == 0) {
		if (d->x.n == d->y.n)
			return 0;
		arg_fail(c, 1, f, OP_DIMENSION_MISMATCH, "expected as many values as in \"x\", %zu, got %zu", d->x.n,
			 d->y.n);
		sample_clear(&d->y);
	}
	data_clear(d);
	return -1;
}

static int check_divisor(const struct real *v, slong prec, const char *why, struct op_failure *f)
{
	if (real_is_zero(v) || (prec > ZERO_BITS && real_sign(v) == 2))
		return op_fail(f, OP_DOMAIN_ERROR, "%s", why);
	return 0;
}

static int answer_data(struct op_call *c, struct buf *json, enum real_form form, real_fn *fn, struct data *d,
		       struct op_failure *f)
{
	int rc = real_answer(c, json, form, fn, d, f);

	data_clear(d);
	return rc;
}

/* ---- location ---- */

static int mean_of(struct op_call *c, struct real *out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct data *d = arg;

	(void)n;
	if (sample_refine(&d->x, c, prec, f) < 0)
		return -1;
	sample_mean(out, &d->x, prec);
	return 0;
}

int statistic_mean(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct data d;

	return data_load(&d, c, 1, f) < 0 ? -1 : answer_data(c, json, REAL_RATIONAL, mean_of, &d, f);
}

static int quantile_of(struct op_call *c, struct real *out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct data *d = arg;

	(void)n;
	if (sample_refine(&d->x, c, prec, f) < 0)
		return -1;
	sample_quantile(out, &d->x, d->p, prec);
	return 0;
}

int statistic_median(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct data d;

	if (data_load(&d, c, 1, f) < 0)
		return -1;
	fmpq_set_si(d.p, 1, 2);
	return answer_data(c, json, REAL_RATIONAL, quantile_of, &d, f);
}

int statistic_quantile(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct data d;
	size_t count, cols;
	bool many = arg_is_array(c, 1);
	int rc = 0;

	if (data_load(&d, c, 1, f) < 0)
		return -1;
	arg_shape(c, 1, &count, &cols);
	if (many)
		buf_byte(json, '[');
	for (size_t i = 0; rc == 0 && i < count; i++) {
		if (i)
			buf_byte(json, ',');
		rc = arg_fmpq_at(c, 1, i, 0, d.p, f);
		if (rc == 0 && (fmpq_sgn(d.p) < 0 || fmpq_cmp_si(d.p, 1) > 0))
			rc = arg_fail_at(c, 1, i, 0, f, OP_DOMAIN_ERROR, "expected a probability from 0 to 1");
		if (rc == 0)
			rc = real_answer(c, json, REAL_RATIONAL, quantile_of, &d, f);
	}
	if (many)
		buf_byte(json, ']');
	data_clear(&d);
	return rc;
}

/* The most frequent value, of several the smallest: the longest run in the order of the values. */
int statistic_mode(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct data d;
	struct real v, best;
	size_t run = 0, longest = 0, at = 0;
	enum real_form form;

	if (data_load(&d, c, 1, f) < 0)
		return -1;
	form = d.x.rational ? REAL_RATIONAL : REAL_ROUNDED;
	if (sample_round(&d.x, c, f) < 0) {
		data_clear(&d);
		return -1;
	}
	real_init(&v);
	real_init(&best);
	sample_order(&best, &d.x, 0, 0);
	for (size_t i = 0; i < d.x.n; i++) {
		run = i > 0 && fmpz_equal(d.x.rank + i, d.x.rank + i - 1) ? run + 1 : 1;
		if (run > longest) {
			longest = run;
			at = i;
		}
	}
	sample_order(&best, &d.x, at, 0);
	int rc = real_answer_fmpq(c, json, form, best.q, f);
	real_clear(&v);
	real_clear(&best);
	data_clear(&d);
	return rc;
}

/* ---- spread and shape ---- */

static int variance_of(struct op_call *c, struct real *out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct data *d = arg;

	(void)n;
	if (sample_refine(&d->x, c, prec, f) < 0)
		return -1;
	sample_central(out, &d->x, 2, prec);
	real_div_si(out, out, (slong)d->x.n - d->k, prec);
	return 0;
}

static int sd_of(struct op_call *c, struct real *out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	if (variance_of(c, out, n, prec, arg, f) < 0)
		return -1;
	real_root(out, out, 2, prec);
	return 0;
}

static int spread(struct op_call *c, struct buf *json, enum real_form form, real_fn *fn, struct op_failure *f)
{
	bool population = arg_flag(c, 1, false);
	struct data d;

	if (data_load(&d, c, population ? 1 : 2, f) < 0)
		return -1;
	d.k = population ? 0 : 1;
	return answer_data(c, json, form, fn, &d, f);
}

int statistic_variance(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return spread(c, json, REAL_RATIONAL, variance_of, f);
}

int statistic_sd(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return spread(c, json, REAL_ROUNDED, sd_of, f);
}

/* g1 = sqrt(n) M3 / M2^(3/2), with Mk the sum of k-th powers of deviations; adjusted, G1 = g1 sqrt(n(n-1))/(n-2). */
static int skewness_of(struct op_call *c, struct real *out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct data *d = arg;
	slong count = (slong)d->x.n;
	struct real m2, m3;
	int rc = sample_refine(&d->x, c, prec, f);

	(void)n;
	if (rc < 0)
		return -1;
	real_init(&m2);
	real_init(&m3);
	sample_central(&m2, &d->x, 2, prec);
	sample_central(&m3, &d->x, 3, prec);
	rc = check_divisor(&m2, prec, "all values are equal: the skewness is not defined", f);
	if (rc == 0) {
		int sign = real_sign(&m3);
		/* The square is rational, so that a rational root is found. */
		real_set_si(out, d->flag ? count * (count - 1) : 1);
		if (d->flag) {
			real_div_si(out, out, count - 2, prec);
			real_div_si(out, out, count - 2, prec);
		}
		real_pow(&m2, &m2, 3, prec);
		real_div(out, out, &m2, prec);
		real_set_si(&m2, count);
		real_mul(out, out, &m2, prec);
		if (m3.exact) {
			real_pow(&m3, &m3, 2, prec);
			real_mul(out, out, &m3, prec);
			real_root(out, out, 2, prec);
			real_set_si(&m2, sign);
			real_mul(out, out, &m2, prec);
		} else {
			real_root(out, out, 2, prec);
			real_mul(out, out, &m3, prec);
		}
	}
	real_clear(&m2);
	real_clear(&m3);
	return rc;
}

int statistic_skewness(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct data d;
	bool adjusted = arg_flag(c, 1, false);

	if (data_load(&d, c, adjusted ? 3 : 2, f) < 0)
		return -1;
	d.flag = adjusted;
	return answer_data(c, json, REAL_ROUNDED, skewness_of, &d, f);
}

/* g2 = n M4 / M2^2 - 3; adjusted, G2 = (n-1)/((n-2)(n-3)) ((n+1) g2 + 6). */
static int kurtosis_of(struct op_call *c, struct real *out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct data *d = arg;
	slong count = (slong)d->x.n;
	struct real m2, step;
	int rc = sample_refine(&d->x, c, prec, f);

	(void)n;
	if (rc < 0)
		return -1;
	real_init(&m2);
	real_init(&step);
	sample_central(&m2, &d->x, 2, prec);
	rc = check_divisor(&m2, prec, "all values are equal: the kurtosis is not defined", f);
	if (rc == 0) {
		real_pow(&m2, &m2, 2, prec);
		sample_central(out, &d->x, 4, prec);
		real_div(out, out, &m2, prec);
		real_set_si(&step, count);
		real_mul(out, out, &step, prec);
		real_set_si(&step, 3);
		real_sub(out, out, &step, prec);
		if (d->flag) {
			real_set_si(&step, count + 1);
			real_mul(out, out, &step, prec);
			real_set_si(&step, 6);
			real_add(out, out, &step, prec);
			real_set_si(&step, count - 1);
			real_mul(out, out, &step, prec);
			real_div_si(out, out, count - 2, prec);
			real_div_si(out, out, count - 3, prec);
		}
	}
	real_clear(&m2);
	real_clear(&step);
	return rc;
}

int statistic_kurtosis(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct data d;
	bool adjusted = arg_flag(c, 1, false);

	if (data_load(&d, c, adjusted ? 4 : 2, f) < 0)
		return -1;
	d.flag = adjusted;
	return answer_data(c, json, REAL_RATIONAL, kurtosis_of, &d, f);
}

static int autocorrelation_of(struct op_call *c, struct real *out, size_t n, slong prec, void *arg,
			      struct op_failure *f)
{
	struct data *d = arg;
	struct real m2;
	int rc = sample_refine(&d->x, c, prec, f);

	(void)n;
	if (rc < 0)
		return -1;
	real_init(&m2);
	sample_central(&m2, &d->x, 2, prec);
	rc = check_divisor(&m2, prec, "all values are equal: the autocorrelation is not defined", f);
	if (rc == 0) {
		sample_comoment(out, &d->x, &d->x, (size_t)d->k, prec);
		real_div(out, out, &m2, prec);
	}
	real_clear(&m2);
	return rc;
}

int statistic_autocorrelation(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct data d;

	if (data_load(&d, c, 2, f) < 0)
		return -1;
	d.k = 1;
	if (op_call_given(c, 1) && arg_long(c, 1, 0, SAMPLE_MAX, &d.k, f) < 0) {
		data_clear(&d);
		return -1;
	}
	if ((size_t)d.k >= d.x.n) {
		arg_fail(c, 1, f, OP_INVALID_ARGUMENT, "expected a lag below the number of values, %zu, got %ld", d.x.n,
			 (long)d.k);
		data_clear(&d);
		return -1;
	}
	return answer_data(c, json, REAL_RATIONAL, autocorrelation_of, &d, f);
}

static int mad_of(struct op_call *c, struct real *out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct data *d = arg;
	struct real centre;

	if (quantile_of(c, out, n, prec, arg, f) < 0)
		return -1;
	real_init(&centre);
	real_set(&centre, out);
	sample_median_deviation(out, &d->x, &centre, prec);
	real_clear(&centre);
	return 0;
}

int statistic_mad(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct data d;

	if (data_load(&d, c, 1, f) < 0)
		return -1;
	fmpq_set_si(d.p, 1, 2);
	return answer_data(c, json, REAL_RATIONAL, mad_of, &d, f);
}

/* ---- two samples ---- */

static int refine_both(struct data *d, struct op_call *c, slong prec, struct op_failure *f)
{
	return sample_refine(&d->x, c, prec, f) < 0 || sample_refine(&d->y, c, prec, f) < 0 ? -1 : 0;
}

static int covariance_of(struct op_call *c, struct real *out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct data *d = arg;

	(void)n;
	if (refine_both(d, c, prec, f) < 0)
		return -1;
	sample_comoment(out, &d->x, &d->y, 0, prec);
	real_div_si(out, out, (slong)d->x.n - d->k, prec);
	return 0;
}

int statistic_covariance(struct op_call *c, struct buf *json, struct op_failure *f)
{
	bool population = arg_flag(c, 2, false);
	struct data d;
	int rc;

	if (data_load_second(&d, c, population ? 1 : 2, f) < 0)
		return -1;
	d.k = population ? 0 : 1;
	rc = real_answer(c, json, REAL_RATIONAL, covariance_of, &d, f);
	sample_clear(&d.y);
	data_clear(&d);
	return rc;
}

/* The square is rational on rational values, so that a rational root is found. */
static int correlation_of(struct op_call *c, struct real *out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct data *d = arg;
	struct real xy, both;
	int rc = refine_both(d, c, prec, f);

	(void)n;
	if (rc < 0)
		return -1;
	real_init(&xy);
	real_init(&both);
	sample_central(out, &d->x, 2, prec);
	sample_central(&both, &d->y, 2, prec);
	real_mul(&both, &both, out, prec);
	rc = check_divisor(&both, prec, "all values of one sample are equal: the correlation is not defined", f);
	if (rc == 0) {
		sample_comoment(&xy, &d->x, &d->y, 0, prec);
		if (xy.exact && both.exact) {
			int sign = real_sign(&xy);
			real_pow(&xy, &xy, 2, prec);
			real_div(out, &xy, &both, prec);
			real_root(out, out, 2, prec);
			real_set_si(&xy, sign);
			real_mul(out, out, &xy, prec);
		} else {
			real_root(&both, &both, 2, prec);
			real_div(out, &xy, &both, prec);
		}
	}
	real_clear(&xy);
	real_clear(&both);
	return rc;
}

int statistic_correlation(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct data d;
	int rc;

	if (data_load_second(&d, c, 2, f) < 0)
		return -1;
	rc = real_answer(c, json, REAL_ROUNDED, correlation_of, &d, f);
	sample_clear(&d.y);
	data_clear(&d);
	return rc;
}
