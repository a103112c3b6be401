/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Statistics of several numbers (histogram, summary), and the means that need positive values. */
#include <string.h>

#include "math/arg.h"
#include "math/sample.h"
#include "ops/statistic.h"

#define PRODUCT_BITS_MAX 4000000.0 /* of an exact product of all values */

/* ---- geometric and harmonic mean ---- */

struct weighted {
	struct sample y, w;
	bool weights;
	bool zero; /* among the values: both means are 0 */
};

static int check_sign(struct op_call *c, struct sample *s, size_t i, bool *zero, struct op_failure *f)
{
	struct real v;
	int sign = 1, rc = sample_refine(s, c, 128, f);

	real_init(&v);
	for (size_t k = 0; rc == 0 && k < s->n; k++) {
		sample_at(&v, s, k);
		sign = real_sign(&v);
		*zero |= sign == 0;
		if (sign < 0)
			rc = arg_fail_at(c, i, k, 0, f, OP_DOMAIN_ERROR, "expected no negative values");
	}
	real_clear(&v);
	return rc;
}

static void weighted_clear(struct weighted *d)
{
	sample_clear(&d->y);
	if (d->weights)
		sample_clear(&d->w);
}

/* Weights: as many as values, none negative, not all 0. */
static int load_weights(struct weighted *d, struct op_call *c, struct op_failure *f)
{
	struct real sum;
	bool zero = false;
	int rc;

	if (sample_load(&d->w, c, 1, 1, f) < 0)
		return -1;
	d->weights = true;
	if (d->w.n != d->y.n)
		return arg_fail(c, 1, f, OP_DIMENSION_MISMATCH, "expected as many weights as values, %zu, got %zu",
				d->y.n, d->w.n);
	if (check_sign(c, &d->w, 1, &zero, f) < 0)
		return -1;
	real_init(&sum);
	sample_sum(&sum, &d->w, 128);
	rc = real_is_zero(&sum) ? arg_fail(c, 1, f, OP_DOMAIN_ERROR, "expected weights that are not all 0") : 0;
	real_clear(&sum);
	return rc;
}

static int weighted_load(struct weighted *d, struct op_call *c, struct op_failure *f)
{
	memset(d, 0, sizeof *d);
	if (sample_load(&d->y, c, 0, 1, f) < 0)
		return -1;
	if (check_sign(c, &d->y, 0, &d->zero, f) == 0 && (!op_call_given(c, 1) || load_weights(d, c, f) == 0))
		return 0;
	weighted_clear(d);
	return -1;
}

static int refine(struct weighted *d, struct op_call *c, slong prec, struct op_failure *f)
{
	if (sample_refine(&d->y, c, prec, f) < 0)
		return -1;
	return d->weights ? sample_refine(&d->w, c, prec, f) : 0;
}

static bool short_enough(const struct sample *s)
{
	double bits = 0;

	for (size_t i = 0; s->rational && i < s->n; i++)
		bits += (double)(fmpz_bits(s->a + i) + fmpz_bits(s->d));
	return s->rational && bits <= PRODUCT_BITS_MAX;
}

/* exp of the (weighted) mean of the logarithms; a value without weight does not count, whatever it is. */
static void mean_of_logs(struct real *out, const struct weighted *d, slong prec)
{
	struct real weight, total;
	arb_t sum, term, w;

	real_init(&weight);
	real_init(&total);
	arb_init(sum);
	arb_init(term);
	arb_init(w);
	real_set_si(&total, (slong)d->y.n);
	for (size_t i = 0; i < d->y.n; i++) {
		sample_at(out, &d->y, i);
		real_get_arb(term, out, prec);
		arb_log(term, term, prec);
		if (d->weights) {
			sample_at(&weight, &d->w, i);
			real_get_arb(w, &weight, prec);
			if (real_is_zero(&weight))
				arb_zero(term);
			arb_mul(term, term, w, prec);
		}
		arb_add(sum, sum, term, prec);
	}
	if (d->weights)
		sample_sum(&total, &d->w, prec);
	real_get_arb(w, &total, prec);
	arb_div(sum, sum, w, prec);
	arb_exp(sum, sum, prec);
	real_set_arb(out, sum);
	arb_clear(sum);
	arb_clear(term);
	arb_clear(w);
	real_clear(&weight);
	real_clear(&total);
}

static int geometric_of(struct op_call *c, struct real *out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct weighted *d = arg;

	(void)n;
	if (refine(d, c, prec, f) < 0)
		return -1;
	if (d->zero && !d->weights) {
		real_set_si(out, 0);
	} else if (!d->weights && short_enough(&d->y)) {
		fmpz_t top, bottom;
		fmpz_init(top);
		fmpz_init(bottom);
		_fmpz_vec_prod(top, d->y.a, (slong)d->y.n);
		fmpz_pow_ui(bottom, d->y.d, d->y.n);
		real_set_ratio(out, top, bottom);
		real_root(out, out, d->y.n, prec);
		fmpz_clear(top);
		fmpz_clear(bottom);
	} else {
		mean_of_logs(out, d, prec);
	}
	return 0;
}

/* A value 0 with a weight other than 0 makes the weighted mean 0. */
static bool zero_counts(const struct weighted *d)
{
	struct real v, w;
	bool counts = false;

	real_init(&v);
	real_init(&w);
	for (size_t i = 0; d->zero && !counts && i < d->y.n; i++) {
		sample_at(&v, &d->y, i);
		real_set_si(&w, 1);
		if (d->weights)
			sample_at(&w, &d->w, i);
		counts = real_is_zero(&v) && !real_is_zero(&w);
	}
	real_clear(&v);
	real_clear(&w);
	return counts;
}

static int weighted_mean(struct op_call *c, struct buf *json, enum real_form form, real_fn *fn, struct op_failure *f)
{
	struct weighted d;
	fmpq_t zero;
	int rc;

	if (weighted_load(&d, c, f) < 0)
		return -1;
	fmpq_init(zero);
	rc = zero_counts(&d) ? real_answer_fmpq(c, json, form, zero, f) : real_answer(c, json, form, fn, &d, f);
	fmpq_clear(zero);
	weighted_clear(&d);
	return rc;
}

int statistic_geometric_mean(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return weighted_mean(c, json, REAL_ROUNDED, geometric_of, f);
}

/* top/bottom = sum of w[i]/a[i] for i in [from, to), by halves, so that numbers of like size meet; 0 weights drop out.
 */
static void sum_reciprocals(fmpz_t top, fmpz_t bottom, const struct weighted *d, size_t from, size_t to)
{
	fmpz_t t, b;

	if (to - from == 1) {
		if (d->weights)
			fmpz_set(top, d->w.a + from);
		else
			fmpz_one(top);
		if (fmpz_is_zero(top))
			fmpz_one(bottom);
		else
			fmpz_set(bottom, d->y.a + from);
		return;
	}
	fmpz_init(t);
	fmpz_init(b);
	sum_reciprocals(top, bottom, d, from, from + (to - from) / 2);
	sum_reciprocals(t, b, d, from + (to - from) / 2, to);
	fmpz_mul(top, top, b);
	fmpz_addmul(top, t, bottom);
	fmpz_mul(bottom, bottom, b);
	fmpz_clear(t);
	fmpz_clear(b);
}

static void harmonic_exact(struct real *out, const struct weighted *d)
{
	fmpz_t top, bottom;
	struct real total;

	fmpz_init(top);
	fmpz_init(bottom);
	real_init(&total);
	sum_reciprocals(top, bottom, d, 0, d->y.n);
	real_set_ratio(out, top, bottom);
	fmpz_set(top, d->y.d);
	fmpz_one(bottom);
	real_set_ratio(&total, top, d->weights ? d->w.d : bottom);
	real_mul(out, out, &total, 0); /* the sum of w/y */
	if (d->weights)
		sample_sum(&total, &d->w, 0);
	else
		real_set_si(&total, (slong)d->y.n);
	real_div(out, &total, out, 0);
	fmpz_clear(top);
	fmpz_clear(bottom);
	real_clear(&total);
}

static int harmonic_of(struct op_call *c, struct real *out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct weighted *d = arg;
	struct real v, w, sum;

	(void)n;
	if (refine(d, c, prec, f) < 0)
		return -1;
	if (short_enough(&d->y) && (!d->weights || short_enough(&d->w))) {
		harmonic_exact(out, d);
		return 0;
	}
	real_init(&v);
	real_init(&w);
	real_init(&sum);
	real_set_arb(&sum, sum.b);
	for (size_t i = 0; i < d->y.n; i++) {
		real_set_si(&w, 1);
		if (d->weights)
			sample_at(&w, &d->w, i);
		if (real_is_zero(&w))
			continue;
		sample_at(&v, &d->y, i);
		real_div(&v, &w, &v, prec);
		real_add(&sum, &sum, &v, prec);
	}
	if (d->weights)
		sample_sum(&w, &d->w, prec);
	else
		real_set_si(&w, (slong)d->y.n);
	real_div(out, &w, &sum, prec);
	real_clear(&v);
	real_clear(&w);
	real_clear(&sum);
	return 0;
}

int statistic_harmonic_mean(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return weighted_mean(c, json, REAL_RATIONAL, harmonic_of, f);
}

/* ---- histogram ---- */

struct bins {
	size_t n; /* counts; edges are one more */
	fmpq *edges;
	size_t *counts;
};

static void bins_init(struct bins *b, size_t n)
{
	b->n = n;
	b->edges = _fmpq_vec_init((slong)n + 1);
	b->counts = calloc(n, sizeof *b->counts);
	if (!b->counts)
		abort(); /* a child's memory is bounded */
}

static void bins_clear(struct bins *b)
{
	_fmpq_vec_clear(b->edges, (slong)b->n + 1);
	free(b->counts);
}

/* n bins of equal width from the smallest to the largest value; values that are all equal stand in the middle of a
 * width of 1. */
static void equal_bins(struct bins *b, struct sample *s, slong n)
{
	fmpq_t width, part;
	struct real low, high;

	bins_init(b, (size_t)n);
	fmpq_init(width);
	fmpq_init(part);
	real_init(&low);
	real_init(&high);
	sample_order(&low, s, 0, 0);
	sample_order(&high, s, s->n - 1, 0);
	if (fmpq_equal(low.q, high.q)) {
		fmpq_set_si(part, 1, 2);
		fmpq_sub(low.q, low.q, part);
		fmpq_add(high.q, high.q, part);
	}
	fmpq_sub(width, high.q, low.q);
	fmpq_set_si(part, 1, (ulong)n);
	fmpq_mul(width, width, part);
	fmpq_set(b->edges, low.q);
	for (slong i = 1; i <= n; i++)
		fmpq_add(b->edges + i, b->edges + i - 1, width);
	fmpq_clear(width);
	fmpq_clear(part);
	real_clear(&low);
	real_clear(&high);
}

static int given_bins(struct bins *b, struct op_call *c, struct op_failure *f)
{
	size_t n, cols;
	int rc = 0;

	arg_shape(c, 1, &n, &cols);
	if (n < 2)
		return arg_fail(c, 1, f, OP_INVALID_ARGUMENT, "expected at least 2 edges of bins, got %zu", n);
	if (n > STATISTIC_BINS_MAX + 1) {
		op_fail_limit(f, STATISTIC_BINS_MAX, (double)n - 1, "bins", "a histogram");
		return arg_locate(c, 1, f);
	}
	bins_init(b, n - 1);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = arg_fmpq_at(c, 1, i, 0, b->edges + i, f);
		if (rc == 0 && i > 0 && fmpq_cmp(b->edges + i - 1, b->edges + i) >= 0)
			rc = arg_fail_at(c, 1, i, 0, f, OP_INVALID_ARGUMENT, "expected edges that increase");
	}
	if (rc != 0)
		bins_clear(b);
	return rc;
}

/* Both are in order: one pass. A bin has its lower edge, the last one its upper edge too. */
static void count_bins(struct bins *b, struct sample *s)
{
	struct real v;
	size_t bin = 0;

	real_init(&v);
	for (size_t i = 0; i < s->n; i++) {
		sample_order(&v, s, i, 0);
		if (fmpq_cmp(v.q, b->edges) < 0)
			continue;
		while (bin < b->n && fmpq_cmp(v.q, b->edges + bin + 1) >= 0)
			bin++;
		if (bin < b->n)
			b->counts[bin]++;
		else if (fmpq_equal(v.q, b->edges + b->n))
			b->counts[b->n - 1]++;
		else
			break;
	}
	real_clear(&v);
}

static int put_bins(struct op_call *c, struct buf *json, const struct bins *b, enum real_form form,
		    struct op_failure *f)
{
	int rc = 0;

	buf_puts(json, "{\"edges\":[");
	for (size_t i = 0; rc == 0 && i <= b->n; i++) {
		if (i)
			buf_byte(json, ',');
		rc = real_answer_fmpq(c, json, form, b->edges + i, f);
	}
	buf_puts(json, "],\"counts\":[");
	for (size_t i = 0; i < b->n; i++) {
		if (i)
			buf_byte(json, ',');
		buf_uint(json, b->counts[i]);
	}
	buf_puts(json, "]}");
	return rc;
}

int statistic_histogram(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct sample s;
	struct bins b = { 0, NULL, NULL };
	slong n = STATISTIC_BINS_DEFAULT;
	enum real_form form;
	int rc;

	if (sample_load(&s, c, 0, 1, f) < 0)
		return -1;
	form = s.rational ? REAL_RATIONAL : REAL_ROUNDED;
	rc = sample_round(&s, c, f);
	if (rc == 0 && arg_is_array(c, 1))
		rc = given_bins(&b, c, f);
	else if (rc == 0 && (rc = op_call_given(c, 1) ? arg_long(c, 1, 1, STATISTIC_BINS_MAX, &n, f) : 0) == 0)
		equal_bins(&b, &s, n);
	if (rc == 0) {
		count_bins(&b, &s);
		rc = put_bins(c, json, &b, form, f);
		bins_clear(&b);
	}
	sample_clear(&s);
	return rc;
}

/* ---- summary ---- */

enum { SUMMARY_MEAN, SUMMARY_MIN, SUMMARY_Q1, SUMMARY_MEDIAN, SUMMARY_Q3, SUMMARY_MAX, SUMMARY_COUNT };

static int summary_of(struct op_call *c, struct real *out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct sample *s = arg;
	fmpq_t p;

	(void)n;
	if (sample_refine(s, c, prec, f) < 0)
		return -1;
	sample_mean(&out[SUMMARY_MEAN], s, prec);
	fmpq_init(p);
	for (int i = 0; i < 5; i++) {
		fmpq_set_si(p, i, 4);
		sample_quantile(&out[SUMMARY_MIN + i], s, p, prec);
	}
	fmpq_clear(p);
	return 0;
}

static int summary_sd(struct op_call *c, struct real *out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct sample *s = arg;

	(void)n;
	if (sample_refine(s, c, prec, f) < 0)
		return -1;
	sample_central(out, s, 2, prec);
	real_div_si(out, out, (slong)s->n - 1, prec);
	real_root(out, out, 2, prec);
	return 0;
}

static int put_summary(struct op_call *c, struct buf *json, struct sample *s, struct op_failure *f)
{
	static const char *const names[SUMMARY_COUNT] = { "mean", "min", "q1", "median", "q3", "max" };
	struct reals v, deviation;

	buf_puts(json, "{\"count\":");
	buf_uint(json, s->n);
	if (reals_compute(c, SUMMARY_COUNT, REAL_RATIONAL, summary_of, s, &v, f) < 0)
		return -1;
	answer_member(json, names[SUMMARY_MEAN]);
	reals_put(json, &v, SUMMARY_MEAN);
	if (s->n > 1) {
		if (reals_compute(c, 1, REAL_ROUNDED, summary_sd, s, &deviation, f) < 0) {
			reals_fini(&v);
			return -1;
		}
		answer_member(json, "sd");
		reals_put(json, &deviation, 0);
		reals_fini(&deviation);
	}
	for (size_t i = SUMMARY_MIN; i < SUMMARY_COUNT; i++) {
		answer_member(json, names[i]);
		reals_put(json, &v, i);
	}
	buf_byte(json, '}');
	reals_fini(&v);
	return 0;
}

int statistic_summary(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct sample s;
	int rc;

	if (sample_load(&s, c, 0, 1, f) < 0)
		return -1;
	rc = put_summary(c, json, &s, f);
	sample_clear(&s);
	return rc;
}
