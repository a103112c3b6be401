/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exact_json.h"
#include "math/arg.h"
#include "must.h"
#include "number.h"
#include "op_value.h"

#define COMMON_BITS_MAX 100000000.0 /* all values together, over their common denominator */

static int check_count(size_t n, size_t least, struct op_failure *f)
{
	if (n > SAMPLE_MAX)
		return op_fail_limit(f, SAMPLE_MAX, (double)n, "values", "a sample");
	if (n < least)
		return op_fail(f, OP_INVALID_ARGUMENT, "expected at least %zu values, got %zu", least, n);
	return 0;
}

/* Brings q[0..n) to a common denominator. False when that would be too long. */
static bool common_denominator(struct sample *s, const fmpq *q)
{
	double bits = 0;

	fmpz_one(s->d);
	for (size_t i = 0; i < s->n; i++) {
		if (!fmpz_divisible(s->d, fmpq_denref(q + i)))
			fmpz_lcm(s->d, s->d, fmpq_denref(q + i));
		bits += (double)fmpz_bits(fmpq_numref(q + i));
		if (bits + (double)fmpz_bits(s->d) * (double)s->n > COMMON_BITS_MAX)
			return false;
	}
	s->a = _fmpz_vec_init((slong)s->n);
	for (size_t i = 0; i < s->n; i++) {
		fmpz_divexact(s->a + i, s->d, fmpq_denref(q + i));
		fmpz_mul(s->a + i, s->a + i, fmpq_numref(q + i));
	}
	return true;
}

static void sample_start(struct sample *s, size_t n)
{
	memset(s, 0, sizeof *s);
	s->n = n;
	fmpz_init_set_ui(s->d, 1);
}

int sample_load(struct sample *s, struct op_call *c, size_t i, size_t least, struct op_failure *f)
{
	size_t rows, cols;
	fmpq *q;
	int rc = 0;

	arg_shape(c, i, &rows, &cols);
	if (check_count(rows * cols, least, f) < 0)
		return arg_locate(c, i, f);
	sample_start(s, rows * cols);
	s->index = i;
	if (!arg_is_rational(c, i)) {
		if (c->exact != 1)
			return 0;
		fmpz_clear(s->d);
		return arg_fail(c, i, f, OP_INVALID_ARGUMENT, "expected rational numbers only, as exact is true");
	}
	q = _fmpq_vec_init((slong)s->n);
	for (size_t k = 0; rc == 0 && k < s->n; k++)
		rc = arg_fmpq_at(c, i, k / cols, k % cols, q + k, f);
	s->rational = rc == 0 && common_denominator(s, q);
	if (rc == 0 && !s->rational && c->exact == 1)
		rc = op_fail_limit(f, COMMON_BITS_MAX, (double)fmpz_bits(s->d) * (double)s->n, "bits",
				   "the values over their common denominator");
	_fmpq_vec_clear(q, (slong)s->n);
	if (rc < 0)
		fmpz_clear(s->d);
	return rc;
}

/* One decoded number: an integer, a literal, or a string with a literal or a constant expression. */
static int rational_of(const json_t *v, fmpq_t out, const char *pointer, struct op_failure *f)
{
	size_t n = 0;
	const char *text = exact_json_literal(v, &n);
	struct number x;

	if (json_is_integer(v)) {
		fmpq_set_si(out, json_integer_value(v), 1);
		return 0;
	}
	if (!text)
		text = exact_json_string(v, &n);
	if (!text) {
		op_failure_init(f);
		return op_fail_at(f, OP_INVALID_ARGUMENT, pointer, "expected a number, got %s", exact_json_kind(v));
	}
	if ((exact_json_literal(v, &n) ? op_value_scan_real(text, n, &x) : number_scan(text, n, &x)) == 0) {
		number_load(&x);
		fmpq_set_mpq(out, x.q);
		number_fini(&x);
		return 0;
	}
	struct expr *e = expr_parse(text, n, f);
	int rc = e ? expr_rational(e, NULL, out, f) : -1;
	if (e && rc < 0 && expr_is_irrational(f))
		op_fail(f, OP_INVALID_ARGUMENT, "expected a rational number");
	expr_free(e);
	return rc < 0 ? op_fail_locate(f, pointer) : 0;
}

int sample_load_json(struct sample *s, const json_t *array, size_t least, const char *pointer, struct op_failure *f)
{
	fmpq *q;
	char at[96];
	int rc = 0;

	if (check_count(json_array_size(array), least, f) < 0)
		return op_fail_locate(f, pointer);
	sample_start(s, json_array_size(array));
	q = _fmpq_vec_init((slong)s->n);
	for (size_t k = 0; rc == 0 && k < s->n; k++) {
		snprintf(at, sizeof at, "%s/%zu", pointer, k);
		rc = rational_of(json_array_get(array, k), q + k, at, f);
	}
	s->rational = rc == 0 && common_denominator(s, q);
	if (rc == 0 && !s->rational)
		rc = op_fail_limit(f, COMMON_BITS_MAX, (double)fmpz_bits(s->d) * (double)s->n, "bits",
				   "the values over their common denominator");
	_fmpq_vec_clear(q, (slong)s->n);
	if (rc < 0)
		fmpz_clear(s->d);
	return rc;
}

void sample_clear(struct sample *s)
{
	if (s->a)
		_fmpz_vec_clear(s->a, (slong)s->n);
	if (s->rank)
		_fmpz_vec_clear(s->rank, (slong)s->n);
	if (s->b)
		_arb_vec_clear(s->b, (slong)s->n);
	fmpz_clear(s->d);
	memset(s, 0, sizeof *s);
}

int sample_refine(struct sample *s, struct op_call *c, slong prec, struct op_failure *f)
{
	size_t rows, cols;
	acb_t z;
	int rc = 0;

	if (s->rational || s->prec >= prec)
		return 0;
	arg_shape(c, s->index, &rows, &cols);
	if (!s->b)
		s->b = _arb_vec_init((slong)s->n);
	acb_init(z);
	for (size_t k = 0; rc == 0 && k < s->n; k++) {
		rc = arg_acb_at(c, s->index, k / cols, k % cols, z, prec, f);
		if (rc == 0 && !acb_is_real(z))
			rc = arg_fail_at(c, s->index, k / cols, k % cols, f, OP_INVALID_ARGUMENT,
					 "expected a real number");
		arb_set(s->b + k, acb_realref(z));
	}
	acb_clear(z);
	s->prec = rc == 0 ? prec : 0;
	return rc;
}

int sample_round(struct sample *s, struct op_call *c, struct op_failure *f)
{
	size_t rows, cols;
	fmpq *q;
	double v;
	int rc = 0;

	if (s->rational)
		return 0;
	arg_shape(c, s->index, &rows, &cols);
	q = _fmpq_vec_init((slong)s->n);
	for (size_t k = 0; rc == 0 && k < s->n; k++) {
		arf_t exact;
		rc = arg_double_at(c, s->index, k / cols, k % cols, &v, f);
		arf_init(exact);
		arf_set_d(exact, rc == 0 ? v : 0);
		arf_get_fmpq(q + k, exact);
		arf_clear(exact);
	}
	s->rational = rc == 0 && common_denominator(s, q);
	if (rc == 0 && !s->rational)
		rc = op_fail_limit(f, COMMON_BITS_MAX, (double)fmpz_bits(s->d) * (double)s->n, "bits",
				   "the values over their common denominator");
	_fmpq_vec_clear(q, (slong)s->n);
	return rc;
}

/* ---- sums ---- */

void sample_at(struct real *out, const struct sample *s, size_t i)
{
	if (s->rational)
		real_set_ratio(out, s->a + i, s->d);
	else
		real_set_arb(out, s->b + i);
}

void sample_sum(struct real *out, const struct sample *s, slong prec)
{
	if (s->rational) {
		fmpz_t sum;
		fmpz_init(sum);
		_fmpz_vec_sum(sum, s->a, (slong)s->n);
		real_set_ratio(out, sum, s->d);
		fmpz_clear(sum);
		return;
	}
	arb_t sum;
	arb_init(sum);
	for (size_t i = 0; i < s->n; i++)
		arb_add(sum, sum, s->b + i, prec);
	real_set_arb(out, sum);
	arb_clear(sum);
}

void sample_mean(struct real *out, const struct sample *s, slong prec)
{
	sample_sum(out, s, prec);
	real_div_si(out, out, (slong)s->n, prec);
}

/* n a - sum: the deviation of a value from the mean, times n d. */
static void deviation(fmpz_t out, const fmpz_t a, size_t n, const fmpz_t sum)
{
	fmpz_mul_ui(out, a, n);
	fmpz_sub(out, out, sum);
}

static void central_exact(struct real *out, const struct sample *s, ulong k)
{
	fmpz_t sum, dev, total;

	fmpz_init(sum);
	fmpz_init(dev);
	fmpz_init(total);
	_fmpz_vec_sum(sum, s->a, (slong)s->n);
	for (size_t i = 0; i < s->n; i++) {
		deviation(dev, s->a + i, s->n, sum);
		fmpz_pow_ui(dev, dev, k);
		fmpz_add(total, total, dev);
	}
	fmpz_mul_ui(dev, s->d, s->n);
	fmpz_pow_ui(dev, dev, k);
	real_set_ratio(out, total, dev);
	fmpz_clear(sum);
	fmpz_clear(dev);
	fmpz_clear(total);
}

void sample_central(struct real *out, const struct sample *s, ulong k, slong prec)
{
	arb_t dev, total, mean;

	if (s->rational) {
		central_exact(out, s, k);
		return;
	}
	arb_init(dev);
	arb_init(total);
	arb_init(mean);
	sample_mean(out, s, prec);
	real_get_arb(mean, out, prec);
	for (size_t i = 0; i < s->n; i++) {
		arb_sub(dev, s->b + i, mean, prec);
		arb_pow_ui(dev, dev, k, prec);
		arb_add(total, total, dev, prec);
	}
	real_set_arb(out, total);
	arb_clear(dev);
	arb_clear(total);
	arb_clear(mean);
}

static void comoment_exact(struct real *out, const struct sample *x, const struct sample *y, size_t lag)
{
	fmpz_t xsum, ysum, u, v, total;

	fmpz_init(xsum);
	fmpz_init(ysum);
	fmpz_init(u);
	fmpz_init(v);
	fmpz_init(total);
	_fmpz_vec_sum(xsum, x->a, (slong)x->n);
	_fmpz_vec_sum(ysum, y->a, (slong)y->n);
	for (size_t i = 0; i + lag < x->n; i++) {
		deviation(u, x->a + i, x->n, xsum);
		deviation(v, y->a + i + lag, y->n, ysum);
		fmpz_addmul(total, u, v);
	}
	fmpz_mul_ui(u, x->d, x->n);
	fmpz_mul_ui(v, y->d, y->n);
	fmpz_mul(u, u, v);
	real_set_ratio(out, total, u);
	fmpz_clear(xsum);
	fmpz_clear(ysum);
	fmpz_clear(u);
	fmpz_clear(v);
	fmpz_clear(total);
}

void sample_comoment(struct real *out, const struct sample *x, const struct sample *y, size_t lag, slong prec)
{
	struct real xmean, ymean, u, v, total;

	if (x->rational && y->rational) {
		comoment_exact(out, x, y, lag);
		return;
	}
	real_init(&xmean);
	real_init(&ymean);
	real_init(&u);
	real_init(&v);
	real_init(&total);
	sample_mean(&xmean, x, prec);
	sample_mean(&ymean, y, prec);
	for (size_t i = 0; i + lag < x->n; i++) {
		sample_at(&u, x, i);
		real_sub(&u, &u, &xmean, prec);
		sample_at(&v, y, i + lag);
		real_sub(&v, &v, &ymean, prec);
		real_mul(&u, &u, &v, prec);
		real_add(&total, &total, &u, prec);
	}
	real_set(out, &total);
	real_clear(&xmean);
	real_clear(&ymean);
	real_clear(&u);
	real_clear(&v);
	real_clear(&total);
}

/* ---- order ---- */

static int by_fmpz(const void *a, const void *b)
{
	return fmpz_cmp(a, b);
}

static int by_arf(const void *a, const void *b)
{
	return arf_cmp(a, b);
}

/* The k-th smallest of balls lies between the k-th smallest of their lower and of their upper ends. */
static void order_of_balls(arb_t out, arb_srcptr v, size_t n, size_t k, slong prec)
{
	arf_struct *lower = must_calloc(n, sizeof *lower), *upper = must_calloc(n, sizeof *upper);

	for (size_t i = 0; i < n; i++) {
		arf_init(&lower[i]);
		arf_init(&upper[i]);
		arb_get_lbound_arf(&lower[i], v + i, prec);
		arb_get_ubound_arf(&upper[i], v + i, prec);
	}
	qsort(lower, n, sizeof *lower, by_arf);
	qsort(upper, n, sizeof *upper, by_arf);
	arb_set_interval_arf(out, &lower[k], &upper[k], prec);
	for (size_t i = 0; i < n; i++) {
		arf_clear(&lower[i]);
		arf_clear(&upper[i]);
	}
	free(lower);
	free(upper);
}

void sample_order(struct real *out, struct sample *s, size_t k, slong prec)
{
	if (!s->rational) {
		arb_t v;
		arb_init(v);
		order_of_balls(v, s->b, s->n, k, prec);
		real_set_arb(out, v);
		arb_clear(v);
		return;
	}
	if (!s->rank) {
		s->rank = _fmpz_vec_init((slong)s->n);
		_fmpz_vec_set(s->rank, s->a, (slong)s->n);
		qsort(s->rank, s->n, sizeof *s->rank, by_fmpz);
	}
	real_set_ratio(out, s->rank + k, s->d);
}

void sample_quantile(struct real *out, struct sample *s, const fmpq_t p, slong prec)
{
	fmpq_t at;
	fmpz_t whole;
	struct real weight, low;

	fmpq_init(at);
	fmpz_init(whole);
	real_init(&weight);
	real_init(&low);
	fmpz_set_ui(whole, s->n - 1);
	fmpq_mul_fmpz(at, p, whole);
	fmpz_fdiv_q(whole, fmpq_numref(at), fmpq_denref(at));
	size_t k = fmpz_get_ui(whole);
	fmpq_sub_fmpz(at, at, whole);
	sample_order(&low, s, k, prec);
	if (fmpq_is_zero(at))
		real_set(out, &low);
	else {
		real_set_fmpq(&weight, at);
		sample_order(out, s, k + 1, prec);
		real_sub(out, out, &low, prec);
		real_mul(out, out, &weight, prec);
		real_add(out, out, &low, prec);
	}
	fmpq_clear(at);
	fmpz_clear(whole);
	real_clear(&weight);
	real_clear(&low);
}

/* |value - centre| as a sample of its own. */
static void deviations(struct sample *out, const struct sample *s, const struct real *centre, slong prec)
{
	arb_t c;

	sample_start(out, s->n);
	out->rational = s->rational && centre->exact;
	if (out->rational) {
		fmpz_t factor, shift;
		fmpz_init(factor);
		fmpz_init(shift);
		/* a/d - p/q = (a q - p d) / (d q) */
		fmpz_set(factor, fmpq_denref(centre->q));
		fmpz_mul(shift, fmpq_numref(centre->q), s->d);
		fmpz_mul(out->d, s->d, factor);
		out->a = _fmpz_vec_init((slong)s->n);
		for (size_t i = 0; i < s->n; i++) {
			fmpz_mul(out->a + i, s->a + i, factor);
			fmpz_sub(out->a + i, out->a + i, shift);
			fmpz_abs(out->a + i, out->a + i);
		}
		fmpz_clear(factor);
		fmpz_clear(shift);
		return;
	}
	arb_init(c);
	real_get_arb(c, centre, prec);
	out->b = _arb_vec_init((slong)s->n);
	out->prec = prec;
	for (size_t i = 0; i < s->n; i++) {
		arb_sub(out->b + i, s->b + i, c, prec);
		arb_abs(out->b + i, out->b + i);
	}
	arb_clear(c);
}

void sample_median_deviation(struct real *out, const struct sample *s, const struct real *centre, slong prec)
{
	struct sample away;
	fmpq_t half;

	fmpq_init(half);
	fmpq_set_si(half, 1, 2);
	deviations(&away, s, centre, prec);
	sample_quantile(out, &away, half, prec);
	sample_clear(&away);
	fmpq_clear(half);
}
