/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "exact_json.h"
#include "lengthy.h"
#include "nist.h"
#include "op.h"
#include "op_ask.h"
#include "suite_run.h"

/* ---- core ---- */

START_TEST(test_examples)
{
	op_expect_examples(&op_statistics);
}
END_TEST

static const char *const sets[] = { "michelso", "mavro", "lew" };

START_TEST(test_nist)
{
	nist_check(sets[_i]);
}
END_TEST

static void check_univariate(const char *y, const char *mean, const char *sd, const char *autocorrelation)
{
	static const char *const ops[] = { "mean", "sd", "autocorrelation" };
	const char *certified[] = { mean, sd, autocorrelation };
	struct buf args = BUF_INIT;

	buf_printf(&args, "{\"precision\":20,\"y\":%s}", y);
	for (size_t i = 0; i < 3; i++) {
		json_t *got = op_answer(ops[i], buf_cstr(&args));
		nist_compare_text(ops[i], got, certified[i]);
		json_decref(got);
	}
	buf_fini(&args);
}

/* NIST StRD, univariate, NumAcc2, 3 and 4: a base and 0.2 once, then 0.1 and 0.3 above it 500 times. */
static const struct {
	const char *base, *mean;
} numacc[] = {
	{ "1", "1.20000000000000" },
	{ "1000000", "1000000.20000000" },
	{ "10000000", "10000000.2000000" },
};

START_TEST(test_nist_numacc)
{
	struct buf y = BUF_INIT;

	buf_printf(&y, "[%s.2", numacc[_i].base);
	for (int i = 0; i < 500; i++)
		buf_printf(&y, ",%s.1,%s.3", numacc[_i].base, numacc[_i].base);
	buf_byte(&y, ']');
	check_univariate(buf_cstr(&y), numacc[_i].mean, "0.100000000000000", "-0.999000000000000");
	buf_fini(&y);
}
END_TEST

/* NumAcc1 */
START_TEST(test_nist_numacc1)
{
	check_univariate("[10000001,10000003,10000002]", "10000002", "1", "-0.500000000000000");
}
END_TEST

/* ---- definitions ---- */

static const struct {
	const char *op, *args, *result;
} values[] = {
	/* Hyndman and Fan's type 7 */
	{ "quantile", "[[1,2,3,4,5,6,7,8],[0.25,0.5,0.75]]", "[\"11/4\",\"9/2\",\"25/4\"]" },
	{ "quantile", "[[7],[0,0.3,1]]", "[7,7,7]" },
	{ "quantile", "[[3,1,2],\"1/3\"]", "\"5/3\"" },
	{ "median", "[[\"1/3\",\"1/2\"]]", "\"5/12\"" },
	{ "median", "[[\"pi\",\"e\",3]]", "3" },
	{ "mode", "[[2,1,2,1,3]]", "1" },
	{ "mode", "[[\"pi\",\"e\",\"pi\"]]", "3.141592653589793" },
	{ "variance", "[[0.1,0.2,0.4]]", "\"7/300\"" },
	{ "variance", "[[1,2,3,4],true]", "\"5/4\"" },
	{ "variance", "[[5],true]", "0" },
	{ "variance", "{\"y\":[1,2],\"exact\":false}", "0.5" },
	{ "variance", "{\"y\":[1,2,4],\"precision\":25}", "\"2.333333333333333333333333\"" },
	{ "sd", "{\"y\":[0,3],\"population\":true,\"exact\":true}", "\"3/2\"" },
	{ "sd", "[[1,3,5,7]]", "2.581988897471611" },
	{ "sd", "[[\"sqrt(2)\",\"sqrt(2)\"]]", "0" },
	{ "sd", "[[0,\"sqrt(2)\"]]", "1" },
	{ "skewness", "{\"y\":[0,0,1],\"precision\":30}", "\"0.707106781186547524400844362105\"" },
	{ "skewness", "[[0,0,1],true]", "1.7320508075688772" },
	{ "skewness", "[[1,1,0]]", "-0.7071067811865476" },
	{ "kurtosis", "[[0,0,0,1]]", "\"-2/3\"" },
	{ "kurtosis", "[[0,0,0,1],true]", "4" },
	{ "autocorrelation", "[[1,2,3,4],0]", "1" },
	{ "autocorrelation", "[[1,2,3,4]]", "\"1/4\"" },
	{ "geometric_mean", "[[\"1/2\",\"1/32\"]]", "0.125" },
	{ "geometric_mean", "{\"y\":[\"1/2\",\"1/32\"],\"exact\":true}", "\"1/8\"" },
	{ "geometric_mean", "[[2,8],[3,1]]", "2.8284271247461903" },
	{ "geometric_mean", "[[0,8]]", "0" },
	{ "geometric_mean", "[[0,8],[0,1]]", "8" },
	{ "harmonic_mean", "[[1,0]]", "0" },
	{ "harmonic_mean", "[[\"1/2\",\"1/3\"]]", "\"2/5\"" },
	{ "harmonic_mean", "[[0,8],[0,\"1/2\"]]", "8" },
	{ "harmonic_mean", "[[2,6],[\"1/2\",\"1/4\"]]", "\"18/7\"" },
	{ "mad", "[[1,2,3,4,100]]", "1" },
	{ "covariance", "[[1,2],[\"1/3\",\"2/3\"]]", "\"1/6\"" },
	{ "correlation", "[[1,2,3],[3,2,1]]", "-1" },
	{ "correlation", "[[1,2,3],[\"pi\",\"2*pi\",\"3*pi\"]]", "1" },
	{ "correlation", "[[1,2,3,4],[1,3,2,4]]", "0.8" },
	{ "correlation", "{\"x\":[1,2,3,4],\"y\":[1,3,2,4],\"exact\":true}", "\"4/5\"" },
	{ "histogram", "[[1,1,1],2]", "{\"edges\":[\"1/2\",1,\"3/2\"],\"counts\":[0,3]}" },
	{ "histogram", "[[0,0.1,0.2,0.3],3]", "{\"edges\":[0,\"1/10\",\"1/5\",\"3/10\"],\"counts\":[1,1,2]}" },
	{ "histogram", "[[0,1,5,9],[1,5,9]]", "{\"edges\":[1,5,9],\"counts\":[1,2]}" },
	{ "histogram", "{\"y\":[0,1],\"bins\":[0,0.5,1],\"exact\":false}", "{\"edges\":[0,0.5,1],\"counts\":[1,1]}" },
	{ "mean", "[[1e300,-1e300,1]]", "\"1/3\"" },
	{ "mean", "[[\"pi\",1]]", "2.0707963267948966" },
};

START_TEST(test_values)
{
	op_expect(values[_i].op, values[_i].args, values[_i].result);
}
END_TEST

START_TEST(test_histogram_default_bins)
{
	json_t *got = op_answer("histogram", "[[0,1,2,3,4,5,6,7,8,9,10]]");

	ck_assert_int_eq(json_array_size(json_object_get(got, "edges")), 11);
	ck_assert_int_eq(json_array_size(json_object_get(got, "counts")), 10);
	json_decref(got);
}
END_TEST

/* ---- properties ---- */

static unsigned next_random(unsigned *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 16;
}

/* A sample of n values between -500 and 500, some of them fractions: as it is, shifted, and multiplied by pi. */
static void sample(struct buf *out, unsigned seed, int n, const char *before, const char *after)
{
	unsigned state = seed;

	buf_clear(out);
	buf_byte(out, '[');
	for (int i = 0; i < n; i++) {
		int top = (int)(next_random(&state) % 1001) - 500;
		unsigned bottom = next_random(&state) % 7 + 1;
		buf_printf(out, "%s\"%s(%d/%u)%s\"", i ? "," : "", before, top, bottom, after);
	}
	buf_byte(out, ']');
}

/* The variance does not change with a shift; skewness, kurtosis and autocorrelation neither with a factor, be it
 * irrational (which takes the way through balls). */
START_TEST(test_invariance)
{
	static const char *const scale_free[] = { "skewness", "kurtosis", "autocorrelation" };
	struct buf plain = BUF_INIT, shifted = BUF_INIT, scaled = BUF_INIT, a = BUF_INIT, b = BUF_INIT;

	sample(&plain, (unsigned)_i, 20, "", "");
	sample(&shifted, (unsigned)_i, 20, "10^9+", "");
	sample(&scaled, (unsigned)_i, 20, "pi*", "");
	buf_printf(&a, "[%s]", buf_cstr(&plain));
	buf_printf(&b, "[%s]", buf_cstr(&shifted));
	json_t *v = op_answer("variance", buf_cstr(&a)), *w = op_answer("variance", buf_cstr(&b));
	ck_assert(json_equal(v, w));
	json_decref(v);
	json_decref(w);
	buf_clear(&a);
	buf_clear(&b);
	buf_printf(&a, "{\"precision\":30,\"y\":%s}", buf_cstr(&plain));
	buf_printf(&b, "{\"precision\":30,\"y\":%s}", buf_cstr(&scaled));
	for (size_t i = 0; i < 3; i++) {
		v = op_answer(scale_free[i], buf_cstr(&a));
		w = op_answer(scale_free[i], buf_cstr(&b));
		ck_assert_msg(json_equal(v, w), "%s%s", scale_free[i], buf_cstr(&a));
		json_decref(v);
		json_decref(w);
	}
	buf_fini(&plain);
	buf_fini(&shifted);
	buf_fini(&scaled);
	buf_fini(&a);
	buf_fini(&b);
}
END_TEST

/* All statistics of a sample times pi are pi times those of the sample: order statistics of balls too. */
START_TEST(test_balls_agree_with_rationals)
{
	static const char *const ops[] = { "mean", "median", "sd", "mad" };
	struct buf plain = BUF_INIT, scaled = BUF_INIT, args = BUF_INIT, product = BUF_INIT;

	sample(&plain, (unsigned)_i + 100, 15, "", "");
	sample(&scaled, (unsigned)_i + 100, 15, "pi*", "");
	for (size_t i = 0; i < 4; i++) {
		buf_clear(&args);
		buf_printf(&args, "{\"precision\":60,\"y\":%s}", buf_cstr(&plain));
		json_t *v = op_answer(ops[i], buf_cstr(&args));
		buf_clear(&args);
		buf_printf(&args, "{\"precision\":40,\"y\":%s}", buf_cstr(&scaled));
		json_t *w = op_answer(ops[i], buf_cstr(&args));
		size_t n;
		buf_clear(&product);
		if (json_is_integer(v))
			buf_printf(&product, "{\"precision\":40,\"y\":[\"pi*(%lld)\"]}",
				   (long long)json_integer_value(v));
		else
			buf_printf(&product, "{\"precision\":40,\"y\":[\"pi*(%s)\"]}", exact_json_string(v, &n));
		json_t *x = op_answer("mean", buf_cstr(&product));
		ck_assert_msg(json_equal(w, x), "%s%s", ops[i], buf_cstr(&args));
		json_decref(v);
		json_decref(w);
		json_decref(x);
	}
	buf_fini(&plain);
	buf_fini(&scaled);
	buf_fini(&args);
	buf_fini(&product);
}
END_TEST

/* ---- limits ---- */

START_TEST(test_longest_sample)
{
	static const char *const ops[] = {
		"mean", "median", "variance", "kurtosis", "mad", "geometric_mean", "summary"
	};
	struct buf args = BUF_INIT;

	buf_puts(&args, "[[");
	for (int i = 0; i < 100000; i++)
		buf_printf(&args, "%s%d", i ? "," : "", 1 + i % 17);
	buf_puts(&args, "]]");
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
		json_decref(op_answer(ops[i], buf_cstr(&args)));
	buf_fini(&args);
}
END_TEST

START_TEST(test_too_many_bins)
{
	op_expect_pointer("histogram", "[[1,2],10001]", "limit-exceeded", "/1");
	op_expect_pointer("histogram", "[[1,2],0]", "invalid-argument", "/1");
}
END_TEST

/* ---- faults ---- */

static const struct {
	const char *op, *args, *type, *pointer;
} faults[] = {
	{ "mean", "[[]]", "invalid-argument", "/0" },
	{ "mean", "[[1,{\"re\":1,\"im\":1}]]", "invalid-argument", "/0/1" },
	{ "mean", "[[1,\"x\"]]", "invalid-argument", "/0/1" },
	{ "mean", "{\"y\":[1,\"pi\"],\"exact\":true}", "invalid-argument", "/y" },
	{ "mean", "[]", "arity", NULL },
	{ "sd", "[[1]]", "invalid-argument", "/0" },
	{ "sd", "{\"y\":[1,2,4],\"exact\":true}", "domain-error", NULL },
	{ "variance", "[[]]", "invalid-argument", "/0" },
	{ "skewness", "[[2,2]]", "domain-error", NULL },
	{ "skewness", "[[\"pi\",\"pi\"]]", "domain-error", NULL },
	{ "skewness", "[[1,2],true]", "invalid-argument", "/0" },
	{ "kurtosis", "[[1,2,3],true]", "invalid-argument", "/0" },
	{ "quantile", "[[1,2],-0.1]", "domain-error", "/1" },
	{ "quantile", "[[1,2],[0,2]]", "domain-error", "/1/1" },
	{ "quantile", "[[],0.5]", "invalid-argument", "/0" },
	{ "autocorrelation", "[[1,2],2]", "invalid-argument", "/1" },
	{ "autocorrelation", "[[1,2],-1]", "invalid-argument", "/1" },
	{ "autocorrelation", "[[1,1],1]", "domain-error", NULL },
	{ "geometric_mean", "[[1,-2]]", "domain-error", "/0/1" },
	{ "geometric_mean", "[[1,2],[1]]", "dimension-mismatch", "/1" },
	{ "harmonic_mean", "[[1,2],[1,-1]]", "domain-error", "/1/1" },
	{ "harmonic_mean", "[[1,2],[0,0]]", "domain-error", "/1" },
	{ "covariance", "[[1,2],[1]]", "dimension-mismatch", "/1" },
	{ "covariance", "[[1],[1]]", "invalid-argument", "/0" },
	{ "correlation", "[[1,1],[1,2]]", "domain-error", NULL },
	{ "histogram", "[[1,2],[1]]", "invalid-argument", "/1" },
	{ "histogram", "[[1,2],[2,1]]", "invalid-argument", "/1/1" },
	{ "summary", "[[]]", "invalid-argument", "/0" },
};

START_TEST(test_faults)
{
	op_expect_pointer(faults[_i].op, faults[_i].args, faults[_i].type, faults[_i].pointer);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

int main(void)
{
	Suite *s = suite_create("statistics");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *bad = tcase_create("faults");
	TCase *lengthy = lengthy_case(s);

	tcase_set_timeout(core, 60);
	tcase_set_timeout(limits, 120);
	tcase_set_timeout(bad, 60);
	tcase_add_checked_fixture(core, op_ask_setup, op_ask_teardown);
	tcase_add_checked_fixture(limits, op_ask_setup, op_ask_teardown);
	tcase_add_checked_fixture(bad, op_ask_setup, op_ask_teardown);
	tcase_add_test(core, test_examples);
	tcase_add_loop_test(core, test_nist, 0, COUNT(sets));
	tcase_add_loop_test(core, test_nist_numacc, 0, COUNT(numacc));
	tcase_add_test(core, test_nist_numacc1);
	tcase_add_loop_test(core, test_values, 0, COUNT(values));
	tcase_add_test(core, test_histogram_default_bins);
	tcase_add_loop_test(core, test_invariance, 0, 5);
	tcase_add_loop_test(core, test_balls_agree_with_rationals, 0, 5);
	tcase_add_test(lengthy, test_longest_sample);
	tcase_add_test(limits, test_too_many_bins);
	tcase_add_loop_test(bad, test_faults, 0, COUNT(faults));
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, bad);
	return suite_run(s);
}
