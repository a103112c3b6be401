/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ops/prime_split.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exact_json.h"
#include "math/primes_leaves.h"
#include "number.h"

#define BETWEEN_UNITS 2000

static int fail_results(struct op_failure *f, const char *op)
{
	return op_fail(f, OP_INTERNAL_ERROR, "%s: the results of the parts do not fit together", op);
}

/* ---- prime_count ---- */

/* The tables of the last x: a compute child has one thread, and takes many parts of a job one after the other.
 * NULL: memory ran out. */
static const struct primes_leaves *tables_of(int64_t x, struct op_failure *f)
{
	static struct primes_leaves kept;

	if (kept.x == x)
		return &kept;
	primes_leaves_fini(&kept);
	if (primes_leaves_init(&kept, x) == 0)
		return &kept;
	kept.x = 0;
	op_fail(f, OP_INTERNAL_ERROR, "out of memory for the sieve");
	return NULL;
}

double prime_split_weigh_count(struct op_call *c)
{
	int64_t x;

	if (!op_call_value(c, 0)->rational || number_int64(op_call_number(c, 0), &x) != 0 || x < PRIMES_LEAVES_LEAST)
		return 0;
	return 1.7 * pow((double)x, 2 / 3.0);
}

int prime_split_plan_count(struct op_call *c, struct op_plan *plan, struct op_failure *f)
{
	struct primes_leaves l;
	int64_t x;

	if (prime_split_read_count(c, &x, f) != 0)
		return -1;
	if (x < PRIMES_LEAVES_LEAST)
		return 0;
	primes_leaves_shape(&l, x);
	*plan = (struct op_plan){ .units = l.stretches, .least = 2, .ns = 8.0 * (double)l.z };
	return 0;
}

static void put_array(struct buf *json, const int64_t *v, size_t n)
{
	buf_puts(json, ",[");
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_byte(json, ',');
		buf_int(json, v[i]);
	}
	buf_byte(json, ']');
}

static void put_sum(struct buf *json, const struct primes_leaves_sum *s)
{
	buf_printf(json, "[%lld,%lld,%lld,%lld", (long long)s->leaves, (long long)s->p2, (long long)s->p2_terms,
		   (long long)s->primes);
	put_array(json, s->signs, s->n);
	put_array(json, s->left, s->n);
	buf_byte(json, ']');
}

int prime_split_part_count(struct op_call *c, const struct op_part *part, struct buf *json, struct op_failure *f)
{
	const struct primes_leaves *l;
	struct primes_leaves_sum s;
	int64_t x;

	if (prime_split_read_count(c, &x, f) != 0)
		return -1;
	if (x < PRIMES_LEAVES_LEAST)
		return op_fail(f, OP_INTERNAL_ERROR, "prime_count: %lld is not counted in parts", (long long)x);
	l = tables_of(x, f);
	if (!l)
		return -1;
	if (part->units != l->stretches)
		return op_fail(f, OP_INTERNAL_ERROR, "prime_count: expected %u stretches, got %u", l->stretches,
			       part->units);
	if (primes_leaves_count(l, part->from, part->to, &s) != 0)
		return op_fail(f, OP_INTERNAL_ERROR, "out of memory for the sieve");
	put_sum(json, &s);
	primes_leaves_sum_fini(&s);
	return 0;
}

/* A new array of the n integers of v; NULL: they are not there, or memory ran out. */
static int64_t *get_array(const json_t *v, size_t n)
{
	int64_t *out = json_is_array(v) && json_array_size(v) == n ? malloc((n + 1) * sizeof *out) : NULL;

	for (size_t i = 0; out && i < n; i++)
		out[i] = json_integer_value(json_array_get(v, i));
	return out;
}

static int add_part(const struct primes_leaves *l, struct primes_leaves_total *t, const json_t *part)
{
	struct primes_leaves_sum s = { .n = json_array_size(json_array_get(part, 4)) };
	int rc = -1;

	for (size_t i = 0; i < 4; i++)
		if (!json_is_integer(json_array_get(part, i)))
			return -1;
	s.leaves = json_integer_value(json_array_get(part, 0));
	s.p2 = json_integer_value(json_array_get(part, 1));
	s.p2_terms = json_integer_value(json_array_get(part, 2));
	s.primes = json_integer_value(json_array_get(part, 3));
	s.signs = get_array(json_array_get(part, 4), s.n);
	s.left = get_array(json_array_get(part, 5), s.n);
	if (s.signs && s.left)
		rc = primes_leaves_add(l, t, &s);
	primes_leaves_sum_fini(&s);
	return rc;
}

int prime_split_gather_count(struct op_call *c, const struct json_t *results, struct buf *json, struct op_failure *f)
{
	struct primes_leaves_total total = { 0 };
	const struct primes_leaves *l;
	int64_t x;
	int rc = 0;

	if (prime_split_read_count(c, &x, f) != 0)
		return -1;
	if (x < PRIMES_LEAVES_LEAST)
		return fail_results(f, "prime_count");
	l = tables_of(x, f);
	if (!l)
		return -1;
	for (size_t i = 0; rc == 0 && i < json_array_size(results); i++)
		rc = add_part(l, &total, json_array_get(results, i));
	if (rc == 0)
		number_put_int(json, primes_leaves_result(l, &total));
	else
		rc = fail_results(f, "prime_count");
	primes_leaves_total_fini(&total);
	return rc;
}

/* ---- primes_between ---- */

/* Where unit u begins: from + (to - from + 1) u/units. */
static void unit_begin(const mpz_t from, const mpz_t to, uint32_t u, uint32_t units, mpz_t out)
{
	mpz_sub(out, to, from);
	mpz_add_ui(out, out, 1);
	mpz_mul_ui(out, out, u);
	mpz_fdiv_q_ui(out, out, units);
	mpz_add(out, out, from);
}

double prime_split_weigh_between(struct op_call *c)
{
	double digits = 0;

	for (size_t i = 0; i < 2; i++) {
		if (!op_call_value(c, i)->rational)
			return 0;
		digits = fmax(digits, number_digits(op_call_number(c, i)));
	}
	return digits > 13 && digits < 10000 ? 1e9 : 0; /* below, the longest list takes no time; the plan knows more */
}

int prime_split_plan_between(struct op_call *c, struct op_plan *plan, struct op_failure *f)
{
	mpz_t from, to;

	mpz_inits(from, to, NULL);
	int rc = prime_split_read_between(c, from, to, f);
	if (rc == 0)
		*plan = (struct op_plan){ .units = BETWEEN_UNITS, .least = 8, .ns = prime_split_between_ns(from, to) };
	mpz_sub(to, to, from);
	if (rc == 0 && mpz_cmp_ui(to, 16UL * BETWEEN_UNITS) < 0)
		plan->units = 0;
	mpz_clears(from, to, NULL);
	return rc;
}

int prime_split_part_between(struct op_call *c, const struct op_part *part, struct buf *json, struct op_failure *f)
{
	mpz_t from, to, a, b;

	mpz_inits(from, to, a, b, NULL);
	int rc = prime_split_read_between(c, from, to, f);
	if (rc == 0) {
		unit_begin(from, to, part->from, part->units, a);
		unit_begin(from, to, part->to, part->units, b);
		mpz_sub_ui(b, b, 1);
		rc = prime_split_list(a, b, json, f);
	}
	mpz_clears(from, to, a, b, NULL);
	return rc;
}

int prime_split_gather_between(struct op_call *c, const struct json_t *results, struct buf *json, struct op_failure *f)
{
	size_t start = json->len;

	buf_byte(json, '[');
	for (size_t i = 0; i < json_array_size(results); i++) {
		const json_t *part = json_array_get(results, i);
		if (!json_is_array(part))
			return fail_results(f, c->op->name);
		for (size_t k = 0; k < json_array_size(part); k++) {
			if (json->len > start + 1)
				buf_byte(json, ',');
			exact_json_dump(json, json_array_get(part, k));
		}
	}
	buf_byte(json, ']');
	return 0;
}
