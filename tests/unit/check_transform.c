/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Fourier transforms and the convolution: exact structure, round trips, and both against plain sums. */
#include <check.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op.h"
#include "op_ask.h"
#include "suite_run.h"

static const struct {
	const char *op, *args, *result;
} cases[] = {
	{ "fft", "[[5]]", "[5]" },
	{ "fft", "[[1,0,0,0]]", "[1,1,1,1]" },
	{ "fft", "[[1,1,1,1,1]]", "[5,0,0,0,0]" },
	{ "fft", "[[0,1,0,0]]", "[1,{\"re\":0,\"im\":-1},-1,{\"re\":0,\"im\":1}]" },
	{ "fft", "[[1,2,3,4]]", "[10,{\"re\":-2,\"im\":2},-2,{\"re\":-2,\"im\":-2}]" },
	{ "fft", "[[\"1/3\",\"1/3\",\"1/3\"]]", "[1,0,0]" },
	/* even and real: real; the sums are 2 cos(2 pi k/5) and so on */
	{ "fft", "[[0,1,0,0,1]]", "[2,0.6180339887498949,-1.618033988749895,-1.618033988749895,0.6180339887498949]" },
	{ "fft", "[[0,1,-1]]", "[0,{\"re\":0,\"im\":-1.7320508075688772},{\"re\":0,\"im\":1.7320508075688772}]" },
	{ "fft", "[[{\"re\":0,\"im\":1},{\"re\":0,\"im\":1}]]", "[{\"re\":0,\"im\":2},0]" },
	{ "fft", "{\"x\":[0,1,0,0,1],\"precision\":30}",
	  "[\"2\",\"0.618033988749894848204586834366\",\"-1."
	  "61803398874989484820458683437\","
	  "\"-1.61803398874989484820458683437\",\"0.618033988749894848204586834366\"]" },
	{ "ifft", "[[1,1,1,1]]", "[1,0,0,0]" },
	{ "ifft", "[[5,0,0,0,0]]", "[1,1,1,1,1]" },
	/* a spectrum with the symmetry of a real signal: exactly real, decimal fractions too */
	{ "ifft", "[[\"0.3\",{\"re\":0.1,\"im\":0.7},{\"re\":\"0.1\",\"im\":\"-0.7\"}]]",
	  "[0.16666666666666666,-0.33747852176607135,0.4708118550994047]" },
	{ "convolve", "[[1,2,3],[0,1,0.5]]", "[0,1,\"5/2\",4,\"3/2\"]" },
	{ "convolve", "[[2],[3]]", "[6]" },
	{ "convolve", "[[1,0],[1,0]]", "[1,0,0]" },
	{ "convolve", "[[\"9007199254740993\"],[\"9007199254740993\"]]", "[\"81129638414606699710187514626049\"]" },
	{ "convolve", "[[{\"re\":0,\"im\":1},1],[{\"re\":0,\"im\":1},1]]", "[-1,{\"re\":0,\"im\":2},1]" },
	{ "convolve", "{\"a\":[1,2],\"b\":[\"1/3\"],\"exact\":false}", "[0.3333333333333333,0.6666666666666666]" },
	{ "convolve", "[[1,\"pi\"],[1,1]]", "[1,4.141592653589793,3.141592653589793]" },
};

START_TEST(test_transform_known)
{
	op_expect(cases[_i].op, cases[_i].args, cases[_i].result);
}
END_TEST

START_TEST(test_transform_examples)
{
	op_expect_examples(&op_transform);
}
END_TEST

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/* Lengths of all kinds: 1, powers of 2, primes, products. */
static const int lengths[] = { 1, 2, 3, 7, 8, 12, 31, 61, 64, 97, 100, 122, 127, 210, 254 };

static double part(const json_t *v, const char *name)
{
	if (json_is_object(v))
		return json_number_value(json_object_get(v, name));
	return strcmp(name, "re") == 0 ? json_number_value(v) : 0;
}

/* fft against the sum that defines it, in long double. */
START_TEST(test_fft_against_sum)
{
	int n = lengths[_i];
	double x[256];
	uint64_t seed = 12345 + (uint64_t)n;
	char args[8192] = "[[";

	for (int j = 0; j < n; j++) {
		x[j] = (double)(next_random(&seed) % 2001) / 8 - 125;
		snprintf(args + strlen(args), sizeof args - strlen(args), "%s%.17g", j ? "," : "", x[j]);
	}
	strcat(args, "]]");
	struct buf json = BUF_INIT;
	ck_assert(op_ask("fft", args, &json, NULL));
	json_t *got = json_loads(buf_cstr(&json), JSON_DECODE_ANY, NULL);
	ck_assert_int_eq((int)json_array_size(got), n);
	for (int k = 0; k < n; k++) {
		long double re = 0, im = 0;
		for (int j = 0; j < n; j++) {
			long double angle = -2 * acosl(-1.0L) * (long double)((j * k) % n) / n;
			re += x[j] * cosl(angle);
			im += x[j] * sinl(angle);
		}
		ck_assert_double_lt(fabs(part(json_array_get(got, (size_t)k), "re") - (double)re), 1e-11);
		ck_assert_double_lt(fabs(part(json_array_get(got, (size_t)k), "im") - (double)im), 1e-11);
	}
	json_decref(got);

	/* and back: what fft gave, as it stands */
	struct buf back = BUF_INIT, again = BUF_INIT;
	buf_byte(&back, '[');
	buf_append(&back, json.data, json.len);
	buf_byte(&back, ']');
	ck_assert_msg(op_ask("ifft", buf_cstr(&back), &again, NULL), "%s", buf_cstr(&again));
	json_t *original = json_loads(buf_cstr(&again), JSON_DECODE_ANY, NULL);
	for (int j = 0; j < n; j++) {
		const json_t *v = json_array_get(original, (size_t)j);
		ck_assert_msg(json_is_number(v), "a real signal came back complex: %s", buf_cstr(&again));
		ck_assert_double_lt(fabs(json_number_value(v) - x[j]), 1e-12);
	}
	json_decref(original);
	buf_fini(&json);
	buf_fini(&back);
	buf_fini(&again);
}
END_TEST

START_TEST(test_convolve_against_sum)
{
	int n = lengths[_i], m = 1 + n / 2;
	long a[256], b[256];
	uint64_t seed = 99 + (uint64_t)n;
	struct buf args = BUF_INIT, wanted = BUF_INIT;

	buf_puts(&args, "[[");
	for (int j = 0; j < n; j++) {
		a[j] = (long)(next_random(&seed) % 2000001) - 1000000;
		buf_printf(&args, "%s%ld", j ? "," : "", a[j]);
	}
	buf_puts(&args, "],[");
	for (int j = 0; j < m; j++) {
		b[j] = (long)(next_random(&seed) % 2000001) - 1000000;
		buf_printf(&args, "%s%ld", j ? "," : "", b[j]);
	}
	buf_puts(&args, "]]");
	buf_byte(&wanted, '[');
	for (int k = 0; k < n + m - 1; k++) {
		long sum = 0;
		for (int j = 0; j < n; j++)
			if (k - j >= 0 && k - j < m)
				sum += a[j] * b[k - j];
		buf_printf(&wanted, "%s%ld", k ? "," : "", sum);
	}
	buf_byte(&wanted, ']');
	op_expect("convolve", buf_cstr(&args), buf_cstr(&wanted));
	buf_fini(&args);
	buf_fini(&wanted);
}
END_TEST

static const struct {
	const char *op, *args, *type, *pointer;
} faults[] = {
	{ "fft", "[[]]", "invalid-argument", "/0" },
	{ "ifft", "[[]]", "invalid-argument", "/0" },
	{ "fft", "[[1,\"a\"]]", "invalid-argument", NULL },
	{ "fft", "[1]", "invalid-argument", "/0" },
	{ "fft", "[[1],2,3]", "arity", NULL },
	{ "convolve", "[[],[1]]", "invalid-argument", "/0" },
	{ "convolve", "[[1],[]]", "invalid-argument", "/1" },
	{ "convolve", "{\"a\":[\"pi\"],\"b\":[1],\"exact\":true}", "domain-error", NULL },
	{ "fft", "{\"x\":[1,2,3],\"precision\":1000000}", "limit-exceeded", NULL },
};

START_TEST(test_transform_refuses)
{
	op_expect_pointer(faults[_i].op, faults[_i].args, faults[_i].type, faults[_i].pointer);
}
END_TEST

START_TEST(test_fft_too_long)
{
	struct buf args = BUF_INIT;

	buf_puts(&args, "[[0");
	for (int i = 0; i < 65536; i++)
		buf_puts(&args, ",0");
	buf_puts(&args, "]]");
	op_expect_pointer("fft", buf_cstr(&args), "limit-exceeded", "/0");
	buf_fini(&args);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

int main(void)
{
	Suite *suite = suite_create("transform");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *wrong = tcase_create("faults");

	tcase_add_checked_fixture(core, op_ask_setup, op_ask_teardown);
	tcase_add_checked_fixture(limits, op_ask_setup, op_ask_teardown);
	tcase_add_checked_fixture(wrong, op_ask_setup, op_ask_teardown);
	tcase_set_timeout(core, 120);
	tcase_set_timeout(limits, 120);
	tcase_add_loop_test(core, test_transform_known, 0, COUNT(cases));
	tcase_add_test(core, test_transform_examples);
	tcase_add_loop_test(core, test_fft_against_sum, 0, COUNT(lengths));
	tcase_add_loop_test(core, test_convolve_against_sum, 0, COUNT(lengths));
	tcase_add_test(limits, test_fft_too_long);
	tcase_add_loop_test(wrong, test_transform_refuses, 0, COUNT(faults));
	suite_add_tcase(suite, core);
	suite_add_tcase(suite, limits);
	suite_add_tcase(suite, wrong);

	return suite_run(suite);
}
