/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One-way analysis of variance. */
#include <jansson.h>
#include <stdio.h>

#include "exact_json.h"
#include "math/arg.h"
#include "math/distribution.h"
#include "math/real.h"
#include "math/sample.h"
#include "must.h"
#include "ops/hypothesis.h"

enum { F_STATISTIC, F_P, F_BETWEEN, F_WITHIN, F_MEAN_BETWEEN, F_MEAN_WITHIN, F_R_SQUARED, F_SD, F_LEAVES };

struct anova {
	size_t k, n; /* groups, values */
	struct sample *groups;
	fmpq_t between, within; /* sums of squares */
};

/* The sum of squares within is that of the groups; between, of their means around the mean of all. */
static void anova_sums(struct anova *a)
{
	struct real v, mean, all;
	fmpq_t size;

	real_init(&v);
	real_init(&mean);
	real_init(&all);
	fmpq_init(size);
	for (size_t i = 0; i < a->k; i++) {
		sample_central(&v, &a->groups[i], 2, 0);
		fmpq_add(a->within, a->within, v.q);
		sample_sum(&v, &a->groups[i], 0);
		real_add(&all, &all, &v, 0);
	}
	real_div_si(&all, &all, (slong)a->n, 0);
	for (size_t i = 0; i < a->k; i++) {
		sample_mean(&mean, &a->groups[i], 0);
		real_sub(&mean, &mean, &all, 0);
		real_pow(&mean, &mean, 2, 0);
		fmpq_set_si(size, (slong)a->groups[i].n, 1);
		fmpq_mul(mean.q, mean.q, size);
		fmpq_add(a->between, a->between, mean.q);
	}
	real_clear(&v);
	real_clear(&mean);
	real_clear(&all);
	fmpq_clear(size);
}

static void p_of_f(struct real *out, const struct real *statistic, size_t df1, size_t df2, slong prec)
{
	arb_t x, a, b;

	arb_init(x);
	arb_init(a);
	arb_init(b);
	real_get_arb(x, statistic, prec);
	arb_set_ui(a, df1);
	arb_set_ui(b, df2);
	distribution_f_tail(x, x, a, b, prec);
	if (real_is_zero(statistic))
		real_set_si(out, 1);
	else
		real_set_arb(out, x);
	arb_clear(x);
	arb_clear(a);
	arb_clear(b);
}

static int anova_of(struct op_call *c, struct real *out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct anova *a = arg;
	size_t df1 = a->k - 1, df2 = a->n - a->k;

	(void)c;
	(void)n;
	(void)f;
	real_set_fmpq(&out[F_BETWEEN], a->between);
	real_set_fmpq(&out[F_WITHIN], a->within);
	real_div_si(&out[F_MEAN_BETWEEN], &out[F_BETWEEN], (slong)df1, prec);
	real_div_si(&out[F_MEAN_WITHIN], &out[F_WITHIN], (slong)df2, prec);
	real_add(&out[F_R_SQUARED], &out[F_BETWEEN], &out[F_WITHIN], prec);
	real_div(&out[F_R_SQUARED], &out[F_BETWEEN], &out[F_R_SQUARED], prec);
	real_root(&out[F_SD], &out[F_MEAN_WITHIN], 2, prec);
	if (fmpq_is_zero(a->within)) {
		out[F_STATISTIC].special = "\"Infinity\"";
		real_set_si(&out[F_P], 0);
	} else {
		real_div(&out[F_STATISTIC], &out[F_MEAN_BETWEEN], &out[F_MEAN_WITHIN], prec);
		p_of_f(&out[F_P], &out[F_STATISTIC], df1, df2, prec);
	}
	return 0;
}

static int anova_put(struct op_call *c, struct buf *json, struct anova *a, struct op_failure *f)
{
	static const char *const names[] = { "sum_of_squares_between",
					     "sum_of_squares_within",
					     "mean_square_between",
					     "mean_square_within",
					     "r_squared",
					     "residual_sd" };
	struct reals v;

	anova_sums(a);
	if (fmpq_is_zero(a->between) && fmpq_is_zero(a->within))
		return op_fail(f, OP_DOMAIN_ERROR, "expected values that are not all equal");
	if (reals_compute(c, F_LEAVES, REAL_ROUNDED, anova_of, a, &v, f) < 0)
		return -1;
	buf_puts(json, "{\"statistic\":");
	reals_put(json, &v, F_STATISTIC);
	answer_member(json, "p");
	reals_put(json, &v, F_P);
	answer_member(json, "df_between");
	buf_uint(json, a->k - 1);
	answer_member(json, "df_within");
	buf_uint(json, a->n - a->k);
	for (size_t i = F_BETWEEN; i < F_LEAVES; i++) {
		answer_member(json, names[i - F_BETWEEN]);
		reals_put(json, &v, i);
	}
	buf_byte(json, '}');
	reals_fini(&v);
	return 0;
}

static int load_group(struct anova *a, const json_t *v, const char *pointer, struct op_failure *f)
{
	if (!json_is_array(v)) {
		op_failure_init(f);
		return op_fail_at(f, OP_INVALID_ARGUMENT, pointer, "expected a group, an array of numbers, got %s",
				  exact_json_kind(v));
	}
	if (a->k == HYPOTHESIS_GROUPS_MAX) {
		op_fail_limit(f, HYPOTHESIS_GROUPS_MAX, HYPOTHESIS_GROUPS_MAX + 1, "groups", "an analysis of variance");
		return op_fail_locate(f, pointer);
	}
	if (sample_load_json(&a->groups[a->k], v, 1, pointer, f) < 0)
		return -1;
	a->n += a->groups[a->k].n;
	a->k++;
	return 0;
}

/* Groups come as one array of arrays, or each as an argument. */
static int load_groups(struct anova *a, struct op_call *c, struct op_failure *f)
{
	const json_t *first = op_call_value(c, 0)->any;
	char base[64], pointer[96];

	if (json_is_array(json_array_get(first, 0)) && c->count == 1) {
		op_call_pointer(c, 0, base, sizeof base);
		for (size_t i = 0; i < json_array_size(first); i++) {
			snprintf(pointer, sizeof pointer, "%s/%zu", base, i);
			if (load_group(a, json_array_get(first, i), pointer, f) < 0)
				return -1;
		}
	} else {
		for (size_t i = 0; i < c->count; i++) {
			op_call_pointer(c, i, pointer, sizeof pointer);
			if (load_group(a, op_call_value(c, i)->any, pointer, f) < 0)
				return -1;
		}
	}
	if (a->k < 2)
		return arg_fail(c, 0, f, OP_INVALID_ARGUMENT, "expected at least 2 groups, got %zu", a->k);
	if (a->n == a->k)
		return arg_fail(c, 0, f, OP_INVALID_ARGUMENT, "expected more values than groups, got %zu of each",
				a->k);
	return 0;
}

int hypothesis_anova(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct anova a = { .groups = must_calloc(HYPOTHESIS_GROUPS_MAX, sizeof *a.groups) };
	int rc;

	fmpq_init(a.between);
	fmpq_init(a.within);
	rc = load_groups(&a, c, f);
	if (rc == 0)
		rc = anova_put(c, json, &a, f);
	for (size_t i = 0; i < a.k; i++)
		sample_clear(&a.groups[i]);
	free(a.groups);
	fmpq_clear(a.between);
	fmpq_clear(a.within);
	return rc;
}
