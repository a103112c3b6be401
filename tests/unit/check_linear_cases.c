/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linear algebra by tables: the catalogue's examples, published values, sizes at and over the limits, refusals. */
#include <check.h>
#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "exact_json.h"
#include "lengthy.h"
#include "op.h"
#include "op_ask.h"
#include "suite_run.h"

START_TEST(test_examples)
{
	op_expect_examples(&op_linear);
	op_expect_examples(&op_decomposition);
	op_expect_examples(&op_lattice);
}
END_TEST

static double real_of(const json_t *x)
{
	size_t n;
	const char *literal = exact_json_literal(x, &n);

	return literal ? strtod(literal, NULL) : json_number_value(x);
}

/* ---- published values ---- */

struct published {
	const char *op, *args, *result;
};

#define ROSSER                                                                                               \
	"[[611,196,-192,407,-8,-52,-49,29],[196,899,113,-192,-71,-43,-8,-44],[-192,113,899,196,61,49,8,52]," \
	"[407,-192,196,611,8,44,59,-23],[-8,-71,61,8,411,-599,208,208],[-52,-43,49,44,-599,411,208,208],"    \
	"[-49,-8,8,59,208,208,99,-911],[29,-44,52,-23,208,208,-911,99]]"
#define HILBERT_3 "[[1,\"1/2\",\"1/3\"],[\"1/2\",\"1/3\",\"1/4\"],[\"1/3\",\"1/4\",\"1/5\"]]"
#define MOLER_VAN_LOAN "[[-49,24],[-64,31]]"

static const struct published published[] = {
	/* Rosser, Lanczos, Hestenes, Karush 1951: -10 sqrt(10405), 0, 510 - 100 sqrt(26), 1000 twice, 510 + 100
	   sqrt(26), 1020, 10 sqrt(10405) */
	{ "eigen", "[" ROSSER ",false]",
	  "{\"values\":[-1020.0490184299969,0,0.09804864072151699,1000,1000,1019.9019513592784,1020,"
	  "1020.0490184299969]}" },
	/* Moler and Van Loan, Nineteen Dubious Ways, SIAM Review 45, 2003, example 2: with a = 1/e, b = exp(-17) it is
	   [[3b-2a, 3(a-b)/2], [4(b-a), 3a-2b]] */
	{ "expm", "{\"a\":" MOLER_VAN_LOAN ",\"precision\":20}",
	  "[[\"-0.73575875814475307964\",\"0.55181909965809770062\"],[\"-1.4715175990882605350\","
	  "\"1.1036382407155725891\"]]" },
	/* Golub and Van Loan; MATLAB's cond(hilb(3)) = 524.0568 */
	{ "cond", "{\"a\":" HILBERT_3 ",\"precision\":7}", "524.0567775860608" },
	/* Frank's matrix of order 3 (Comm. ACM 1, 1958): 1 and (5 +- sqrt(21))/2 */
	{ "eigen", "[[[3,2,1],[2,2,1],[0,1,1]],false]", "{\"values\":[0.20871215252208,1,4.79128784747792]}" },
	/* gcd of the entries 2, of the minors of two rows 12, determinant 144 */
	{ "snf", "[[[2,4,4],[-6,6,12],[10,-4,-16]]]", "{\"diagonal\":[2,6,12]}" },
	/* Fibonacci numbers F(101), F(100), F(99): OEIS A000045 */
	{ "matpow", "[[[1,1],[1,0]],100]",
	  "[[\"573147844013817084101\",\"354224848179261915075\"],[\"354224848179261915075\","
	  "\"218922995834555169026\"]]" },
	/* Powers of complex numbers as matrices, and complex entries */
	{ "matpow", "[[[\"1+i\"]],4]", "[[-4]]" },
	{ "inverse", "[[[\"i\",0],[0,\"2i\"]]]", "[[{\"re\":0,\"im\":-1},0],[0,{\"re\":0,\"im\":-0.5}]]" },
	{ "solve", "{\"a\":[[\"sqrt(2)\"]],\"b\":[2],\"precision\":30}", "[\"1.41421356237309504880168872421\"]" },
	/* Pauli's matrix sigma_y */
	{ "eigen", "[[[0,\"-i\"],[\"i\",0]],false]", "{\"values\":[-1,1]}" },
	/* Euler's formula */
	{ "expm", "[[[\"pi*i\"]]]", "[[-1]]" },
	/* defective: one eigenvector, twice */
	{ "eigen", "[[[3,1],[0,3]]]", "{\"values\":[3,3],\"vectors\":[[1,0],[1,0]]}" },
	{ "sqrtm", "[[[4,1],[0,4]]]", "[[2,0.25],[0,2]]" },
	{ "sqrtm", "{\"a\":[[33,24],[48,57]],\"exact\":true}", "[[5,2],[4,7]]" },
	{ "nullspace", "[[[\"sqrt(2)\",2],[1,\"sqrt(2)\"]]]", "[[-1.4142135623730951,1]]" },
	{ "cholesky", "[[[2,\"i\"],[\"-i\",2]]]",
	  "[[1.4142135623730951,0],[{\"re\":0,\"im\":-0.7071067811865476},1.224744871391589]]" },
	{ "norm", "[[\"3i\",4]]", "5" },
	{ "norm", "{\"a\":[1,1],\"precision\":25}", "\"1.414213562373095048801689\"" },
	{ "norm", "{\"a\":[\"1/2\",\"1/3\"],\"kind\":\"1\"}", "\"5/6\"" },
	{ "rank", "[[[0,0],[0,0]]]", "0" },
	{ "minpoly", "[[[0,0],[0,0]]]", "[0,1]" },
	{ "lll", "[[[1,2],[2,4],[3,7]]]", "[[1,0],[0,1]]" },
	{ "lstsq", "[[[1,2,3],[4,5,6]],[[1,0],[2,1]]]",
	  "{\"x\":[[\"-1/18\",\"4/9\"],[\"1/9\",\"1/9\"],[\"5/18\",\"-2/9\"]],\"residual_norm\":[0,0],\"rank\":2}" },
	{ "eigen", "{\"a\":[[\"1/2\",0],[0,\"1/3\"]],\"exact\":true}",
	  "{\"values\":[\"1/3\",\"1/2\"],\"vectors\":[[0,1],[1,0]]}" },
};

START_TEST(test_published)
{
	op_expect(published[_i].op, published[_i].args, published[_i].result);
}
END_TEST

/* ---- limits ---- */

/* Writes op's arguments with an n x n matrix of small pseudo-random integers. */
static void put_large(struct buf *args, int n, const char *rest)
{
	uint32_t x = 1;

	buf_puts(args, "{\"a\":");
	for (int i = 0; i < n; i++) {
		buf_puts(args, i ? "],[" : "[[");
		for (int j = 0; j < n; j++) {
			x = x * 1664525 + 1013904223;
			buf_printf(args, "%s%d", j ? "," : "", (int)(x >> 24) % 10);
		}
	}
	buf_printf(args, "]]%s}", rest);
}

struct large {
	const char *op, *rest;
	int n;
	const char *error; /* NULL: it succeeds */
};

static const struct large large[] = {
	{ "det", "", 120, NULL },
	{ "rank", "", 200, NULL },
	{ "inverse", ",\"exact\":true", 120, "limit-exceeded" },
	{ "inverse", "", 100, NULL },
	{ "eigen", ",\"exact\":true", 200, "limit-exceeded" },
	{ "eigen", ",\"vectors\":false", 100, NULL },
	{ "svd", ",\"precision\":30", 100, "limit-exceeded" },
	{ "cond", "", 120, NULL },
	{ "norm", "", 120, NULL },
	{ "qr", "", 100, NULL },
	{ "lu", "", 100, NULL },
	{ "charpoly", "", 250, "limit-exceeded" },
	{ "sqrtm", "", 100, "limit-exceeded" },
	{ "snf", "", 200, "limit-exceeded" },
	{ "matpow", ",\"n\":1000000", 100, "limit-exceeded" },
	{ "expm", "", 200, "limit-exceeded" },
	{ "cond", ",\"precision\":20", 90, "limit-exceeded" },
	{ "rref", ",\"exact\":false", 90, NULL },
};

START_TEST(test_large)
{
	struct buf args = BUF_INIT, json = BUF_INIT;
	struct op_failure f;

	put_large(&args, large[_i].n, large[_i].rest);
	bool ok = op_ask(large[_i].op, buf_cstr(&args), &json, &f);
	ck_assert_msg(ok == !large[_i].error && (ok || strcmp(op_error_name(f.error), large[_i].error) == 0),
		      "%s of %d rows%s: %.300s", large[_i].op, large[_i].n, large[_i].rest, buf_cstr(&json));
	buf_fini(&args);
	buf_fini(&json);
}
END_TEST

/* The ways in doubles, on matrices that leave no other: their results satisfy what defines them. */
START_TEST(test_doubles_eigen)
{
	struct buf args = BUF_INIT;
	double sum = 0;
	json_t *v, *x;
	size_t i;

	put_large(&args, 150, ",\"vectors\":false");
	v = op_answer("eigen", buf_cstr(&args));
	json_array_foreach(json_object_get(v, "values"), i, x) sum +=
	    real_of(json_is_object(x) && json_object_get(x, "re") ? json_object_get(x, "re") : x);
	json_decref(v);
	buf_clear(&args);
	put_large(&args, 150, "");
	v = op_answer("trace", buf_cstr(&args));
	ck_assert_double_eq_tol(sum, json_number_value(v), 1e-9 * fabs(sum));
	json_decref(v);
	buf_fini(&args);
}
END_TEST

/* ---- faults ---- */

struct fault {
	const char *op, *args, *error, *pointer;
};

static const struct fault faults[] = {
	{ "matmul", "[[[1,2]],[[1,2]]]", "dimension-mismatch", "/1" },
	{ "matmul", "{\"a\":[[1,2]],\"b\":[1,2,3]}", "dimension-mismatch", "/b" },
	{ "matadd", "[[[1,2]],[[1]]]", "dimension-mismatch", "/1" },
	{ "det", "[[[1,2]]]", "dimension-mismatch", "/0" },
	{ "det", "[[[1,2],[3]]]", "dimension-mismatch", "/0/1" },
	{ "det", "[[]]", "invalid-argument", NULL },
	{ "det", "[5]", "invalid-argument", NULL },
	{ "det", "[[[1,\"x\"],[1,2]]]", "invalid-argument", "/0/0/1" },
	{ "det", "{\"a\":[[1,\"pi\"],[1,2]],\"exact\":true}", "invalid-argument", "/a" },
	{ "inverse", "[[[1,2],[2,4]]]", "singular", "/0" },
	{ "inverse", "[[[\"sqrt(2)\",2],[1,\"sqrt(2)\"]]]", "singular", "/0" },
	{ "solve", "[[[1,2],[2,4]],[1,2]]", "singular", "/0" },
	{ "solve", "[[[1,2],[2,4]],[1,3]]", "singular", "/0" },
	{ "solve", "[[[1,2,3],[4,5,6]],[1,2]]", "dimension-mismatch", "/0" },
	{ "solve", "[[[1,2],[3,4]],[1,2,3]]", "dimension-mismatch", "/1" },
	{ "solve", "[[[1,2],[3,4]],[]]", "dimension-mismatch", "/1" },
	{ "matpow", "[[[1,2]],2]", "dimension-mismatch", "/0" },
	{ "matpow", "[[[0,0],[0,0]],-1]", "singular", "/0" },
	{ "matpow", "[[[1,2],[3,4]],0.5]", "invalid-argument", "/1" },
	{ "matpow", "[[[2]],\"1000000000000000000\"]", "limit-exceeded", NULL },
	{ "identity", "[0]", "invalid-argument", "/0" },
	{ "identity", "[-3]", "invalid-argument", "/0" },
	{ "identity", "[1000000000]", "limit-exceeded", "/0" },
	{ "norm", "[[]]", "invalid-argument", "/0" },
	{ "norm", "[[1,2],\"max\"]", "invalid-argument", "/1" },
	{ "cond", "[[[1,2],[2,4]]]", "singular", "/0" },
	{ "cholesky", "[[[1,2],[2,1]]]", "domain-error", "/0" },
	{ "cholesky", "[[[1,2],[3,10]]]", "domain-error", NULL },
	{ "cholesky", "[[[1,2,3]]]", "dimension-mismatch", "/0" },
	{ "cholesky", "[[[0]]]", "domain-error", "/0" },
	{ "cholesky", "[[[1,\"i\"],[\"i\",2]]]", "domain-error", "/0/1/0" },
	{ "expm", "[[[1,2]]]", "dimension-mismatch", "/0" },
	{ "expm", "[[[1e9]]]", "limit-exceeded", "/0" },
	{ "expm", "{\"a\":[[1]],\"exact\":true}", "domain-error", NULL },
	{ "sqrtm", "[[[0,1],[0,0]]]", "domain-error", "/0" },
	{ "sqrtm", "{\"a\":[[2]],\"exact\":true}", "domain-error", NULL },
	{ "eigen", "{\"a\":[[2,1],[1,1]],\"exact\":true}", "domain-error", NULL },
	{ "minpoly", "[[[\"i\"]]]", "invalid-argument", "/0" },
	{ "hnf", "[[[\"1/2\"]]]", "invalid-argument", "/0/0/0" },
	{ "snf", "[[[1,2],[3,0.5]]]", "invalid-argument", "/0/1/1" },
	{ "lll", "[[[\"pi\"]]]", "invalid-argument", "/0" },
	{ "gram_schmidt", "[[[\"pi\"]]]", "invalid-argument", "/0" },
	{ "lstsq", "[[[1,1],[1,2]],[1,2,3]]", "dimension-mismatch", "/1" },
};

START_TEST(test_fault)
{
	op_expect_pointer(faults[_i].op, faults[_i].args, faults[_i].error, faults[_i].pointer);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

int main(void)
{
	Suite *s = suite_create("linear_cases");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *bad = tcase_create("faults");
	TCase *lengthy = lengthy_case(s);

	tcase_set_timeout(core, 300);
	tcase_add_checked_fixture(core, op_ask_setup, op_ask_teardown);
	tcase_add_test(core, test_examples);
	tcase_add_loop_test(core, test_published, 0, COUNT(published));
	suite_add_tcase(s, core);
	tcase_set_timeout(limits, 300);
	tcase_add_checked_fixture(limits, op_ask_setup, op_ask_teardown);
	tcase_add_loop_test(lengthy, test_large, 0, COUNT(large));
	tcase_add_test(limits, test_doubles_eigen);
	suite_add_tcase(s, limits);
	tcase_add_checked_fixture(bad, op_ask_setup, op_ask_teardown);
	tcase_add_loop_test(bad, test_fault, 0, COUNT(faults));
	suite_add_tcase(s, bad);
	return suite_run(s);
}
