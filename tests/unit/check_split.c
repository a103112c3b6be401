/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Operations that split: whatever cuts their work is divided by, the parts give, byte for byte, what the whole gives.
 * And what cannot be put together is told, not made up. */
#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "exact_json.h"
#include "op.h"
#include "op_ask.h"
#include "suite_run.h"

#define CUTS_MAX 9

static const struct {
	const char *op, *args;
} calls[] = {
	{ "prime_count", "[100000000000]" },
	{ "prime_count", "[123456789012]" },
	{ "prime_count", "[\"999999999999/2\"]" },
	{ "primes_between", "[0,200000]" },
	{ "primes_between", "[1,99991]" },
	{ "primes_between", "[-50,60000]" },
	{ "primes_between", "[\"1000000000000000000000\",\"1000000000000000040000\"]" },
	{ "sum_series", "[\"1/k\",\"k\",1,1500]" },
	{ "sum_series", "[\"1/(k^2+1)\",\"k\",-200,300]" },
	{ "sum_series", "{\"f\":\"1/k\",\"var\":\"k\",\"a\":1,\"b\":900,\"exact\":true}" },
	{ "sum_series", "{\"f\":\"1/k\",\"var\":\"k\",\"a\":1,\"b\":900,\"exact\":false}" },
	{ "sum_series", "[\"1/k\",\"k\",1,20500]" },
	{ "sum_series", "[\"sin(k)/k\",\"k\",1,700]" },
	{ "sum_series", "[\"sqrt(k)\",\"k\",1,900,40]" },
	{ "sum_series", "[\"fibonacci(k)\",\"k\",1,400]" },
	{ "product_series", "[\"k\",\"k\",1,700]" },
	{ "product_series", "[\"1+1/k^3\",\"k\",1,600]" },
	{ "product_series", "[\"1+1/(k^2*pi)\",\"k\",1,600,25]" },
};

static void prepare(struct op_call *c, const char *op, const char *args)
{
	struct op_failure f;
	ck_assert_msg(op_call_prepare_confined(c, op, strlen(op), args, strlen(args), 60000, &f) == 0, "%s%s: %s", op,
		      args, f.detail);
}

static unsigned long draw(unsigned long *state)
{
	*state = *state * 6364136223846793005UL + 1442695040888963407UL;
	return *state >> 33;
}

/* Some cuts of [0, units), in order; how many parts. */
static size_t cut(uint32_t units, size_t parts, unsigned long *state, uint32_t ends[CUTS_MAX])
{
	for (size_t i = 0; i + 1 < parts; i++)
		ends[i] = 1 + (uint32_t)(draw(state) % (units - 1));
	ends[parts - 1] = units;
	for (size_t i = 0; i + 1 < parts; i++)
		for (size_t k = i + 1; k + 1 < parts; k++)
			if (ends[k] < ends[i]) {
				uint32_t v = ends[i];
				ends[i] = ends[k];
				ends[k] = v;
			}
	return parts;
}

static void in_parts(const char *op, const char *args, size_t parts, unsigned long *state, struct buf *out)
{
	struct op_plan plan = { 0 };
	struct buf results = BUF_INIT;
	struct op_failure f;
	struct errinfo info;
	struct op_call c;
	uint32_t ends[CUTS_MAX], from = 0;

	prepare(&c, op, args);
	ck_assert_ptr_nonnull(c.op->split);
	ck_assert_int_eq(c.op->split->plan(&c, &plan, &f), 0);
	ck_assert_msg(plan.units >= 2 && plan.least >= 1 && plan.ns >= 0, "%s%s: %u units", op, args, plan.units);
	op_call_fini(&c);
	size_t n = cut(plan.units, parts, state, ends);
	buf_byte(&results, '[');
	for (size_t i = 0; i < n; i++) {
		struct op_part part = { from, ends[i], plan.units };
		if (part.from == part.to)
			continue;
		if (from)
			buf_byte(&results, ',');
		prepare(&c, op, args); /* each in a child of its own */
		ck_assert_msg(c.op->split->part(&c, &part, &results, &f) == 0, "%s%s: %s", op, args, f.detail);
		op_call_fini(&c);
		from = ends[i];
	}
	buf_byte(&results, ']');
	json_t *all = exact_json_load(results.data, results.len, OP_DEPTH_MAX, &info);
	ck_assert_msg(all != NULL, "%s%s: %s", op, args, info.text);
	prepare(&c, op, args);
	ck_assert_msg(c.op->split->gather(&c, all, out, &f) == 0, "%s%s: %s", op, args, f.detail);
	op_call_fini(&c);
	json_decref(all);
	buf_fini(&results);
}

START_TEST(test_parts_give_what_the_whole_gives)
{
	struct buf whole = BUF_INIT, parts = BUF_INIT;
	unsigned long state = 7 + (unsigned long)_i;

	ck_assert_msg(op_ask(calls[_i].op, calls[_i].args, &whole, NULL), "%s", buf_cstr(&whole));
	for (size_t n = 1; n <= CUTS_MAX; n += 2) {
		buf_clear(&parts);
		in_parts(calls[_i].op, calls[_i].args, n, &state, &parts);
		ck_assert_msg(whole.len == parts.len && memcmp(whole.data, parts.data, whole.len) == 0,
			      "%s%s in %zu parts: expected %s, got %s", calls[_i].op, calls[_i].args, n,
			      buf_cstr(&whole), buf_cstr(&parts));
	}
	buf_fini(&whole);
	buf_fini(&parts);
}
END_TEST

/* ---- limits ---- */

static const struct {
	const char *op, *args;
} unsplit[] = {
	{ "prime_count", "[1000000]" },
	{ "primes_between", "[10,2000]" },
	{ "sum_series", "[\"k^3\",\"k\",1,900000]" }, /* a polynomial: at once */
	{ "sum_series", "[\"1/k^2\",\"k\",1,\"inf\"]" },
	{ "sum_series", "[\"1/k\",\"k\",5,1]" },
	{ "sum_series", "[\"1/k\",\"k\",1,50]" },
	{ "sum_series", "[\"sqrt(k)\",\"k\",1,\"10^12\"]" },
};

START_TEST(test_plan_leaves_what_does_not_pay)
{
	struct op_plan plan = { 0 };
	struct op_failure f;
	struct op_call c;

	prepare(&c, unsplit[_i].op, unsplit[_i].args);
	(void)c.op->split->plan(&c, &plan, &f);
	ck_assert_msg(plan.units == 0 || plan.ns < OP_SPLIT_NS, "%s%s: %u units", unsplit[_i].op, unsplit[_i].args,
		      plan.units);
	op_call_fini(&c);
}
END_TEST

/* ---- faults ---- */

static const struct {
	const char *op, *args, *results;
} foreign[] = {
	{ "prime_count", "[100000000000]", "[[1,2,3,4,[1],[2,3]]]" },
	{ "prime_count", "[100000000000]", "[{}]" },
	{ "prime_count", "[100000000000]", "[[1,2,3,\"4\",[],[]]]" },
	{ "primes_between", "[0,200000]", "[[2,3],7]" },
	{ "sum_series", "[\"1/k\",\"k\",1,1500]", "[{\"q\":\"1/0\"}]" },
	{ "sum_series", "[\"1/k\",\"k\",1,1500]", "[{\"q\":\"1/2\"},{\"b\":\"1 0 0 0\"}]" },
	{ "sum_series", "[\"sin(k)\",\"k\",1,1500]", "[{\"b\":\"nonsense\"}]" },
	{ "sum_series", "[\"sin(k)\",\"k\",1,1500]", "[]" },
	{ "product_series", "[\"1+1/k\",\"k\",1,1500]", "[17]" },
};

START_TEST(test_gather_refuses_what_is_no_part)
{
	struct buf out = BUF_INIT;
	struct op_failure f;
	struct errinfo info;
	struct op_call c;
	json_t *results = exact_json_load(foreign[_i].results, strlen(foreign[_i].results), OP_DEPTH_MAX, &info);

	ck_assert_ptr_nonnull(results);
	prepare(&c, foreign[_i].op, foreign[_i].args);
	op_failure_init(&f);
	ck_assert_int_eq(c.op->split->gather(&c, results, &out, &f), -1);
	ck_assert_uint_gt(strlen(f.detail), 0);
	op_call_fini(&c);
	json_decref(results);
	buf_fini(&out);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

int main(void)
{
	Suite *s = suite_create("split");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");

	tcase_set_timeout(core, 120);
	tcase_add_checked_fixture(core, op_ask_setup, op_ask_teardown);
	tcase_add_loop_test(core, test_parts_give_what_the_whole_gives, 0, COUNT(calls));
	tcase_add_checked_fixture(limits, op_ask_setup, op_ask_teardown);
	tcase_add_loop_test(limits, test_plan_leaves_what_does_not_pay, 0, COUNT(unsplit));
	tcase_add_checked_fixture(faults, op_ask_setup, op_ask_teardown);
	tcase_add_loop_test(faults, test_gather_refuses_what_is_no_part, 0, COUNT(foreign));
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
