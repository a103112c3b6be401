/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The registry and its operations through the real call path: every example, results, refusals and limits. */
#include <check.h>
#include <gmp.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "catalog_json.h"
#include "clock.h"
#include "exact_json.h"
#include "lengthy.h"
#include "op.h"
#include "op_ask.h"
#include "suite_run.h"

/* As a compute child runs it, whatever its path; the result, or the error object, is in *json. True: it succeeded. */
static bool call(const char *op, const char *args, struct buf *json, struct op_failure *f)
{
	return op_ask(op, args, json, f);
}

static void expect(const char *op, const char *args, const char *result)
{
	struct buf json = BUF_INIT;
	struct op_failure f;
	bool ok = call(op, args, &json, &f);

	ck_assert_msg(ok && strcmp(buf_cstr(&json), result) == 0, "%s%s: expected %s, got %s", op, args, result,
		      buf_cstr(&json));
	buf_fini(&json);
}

static void expect_error(const char *op, const char *args, const char *type, const char *pointer)
{
	struct buf json = BUF_INIT;
	struct op_failure f;
	bool ok = call(op, args, &json, &f);

	ck_assert_msg(!ok && strcmp(op_error_name(f.error), type) == 0, "%s%s: expected %s, got %s", op, args, type,
		      buf_cstr(&json));
	if (pointer)
		ck_assert_msg(f.count > 0 && strcmp(f.at[0].pointer, pointer) == 0,
			      "%s%s: expected the pointer \"%s\", got %s", op, args, pointer, buf_cstr(&json));
	json_t *v = json_loadb(json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_msg(v != NULL, "%s%s: not JSON: %s", op, args, buf_cstr(&json));
	ck_assert_str_eq(json_string_value(json_object_get(v, "type")), type);
	ck_assert(json_string_length(json_object_get(v, "detail")) > 0);
	ck_assert(json_string_length(json_object_get(v, "title")) > 0);
	ck_assert(json_is_boolean(json_object_get(v, "retryable")));
	json_decref(v);
	buf_fini(&json);
}

/* ---- core ---- */

START_TEST(test_op_find_known_and_unknown)
{
	ck_assert_str_eq(op_find("square", 6)->name, "square");
	ck_assert_ptr_null(op_find("squar", 5));
	ck_assert_ptr_null(op_find("squares", 7));
	ck_assert_ptr_null(op_find("", 0));
	ck_assert_ptr_null(op_at(op_count()));
}
END_TEST

/* The catalogue: each of these is there. */
static const char promised[] =
    "square add sub mul div divmod mod pow root isqrt iroot abs neg floor ceil round factorial "
    "double_factorial binomial gcd lcm xgcd base_convert digits_of digit_sum digit_count "
    "is_prime next_prime prev_prime nth_prime prime_count primes_between factor divisors sigma "
    "totient moebius modpow modinv crt sqrt_mod discrete_log mult_order primitive_root jacobi "
    "partitions bell catalan stirling1 stirling2 bernoulli fibonacci lucas harmonic "
    "continued_fraction best_approx pell sum_of_squares matmul matadd transpose matpow det "
    "inverse solve rank rref nullspace charpoly minpoly eigen svd qr lu cholesky lstsq expm "
    "sqrtm norm cond hnf snf lll mean median mode quantile variance sd skewness kurtosis "
    "autocorrelation geometric_mean harmonic_mean mad covariance correlation linreg polyfit "
    "multireg nlfit dist_pdf dist_cdf dist_sf dist_quantile ttest chi2test anova histogram "
    "summary integrate derivative find_root minimize ode sum_series product_series limit taylor "
    "poly_eval poly_add poly_mul poly_divmod poly_gcd poly_roots poly_factor poly_expand "
    "resultant discriminant interpolate special_poly gamma lgamma digamma beta gammainc betainc "
    "erf erfc erfinv zeta zeta_zero bessel_j bessel_y bessel_i bessel_k airy_ai airy_bi ellipk "
    "ellipe polylog clausen dawson lambertw agm expint si ci log1p expm1 fft ifft convolve "
    "evaluate sleep echo sum product identity smallest_factor gram_schmidt decimal_expansion";

static int order_of(const struct op_parameter *p)
{
	return p->kind >= OP_KIND_PRECISION ? 3 : p->variadic ? 2 : p->optional;
}

START_TEST(test_op_catalogue_names_are_unique_and_complete)
{
	for (const char *name = promised; *name;) {
		size_t n = strcspn(name, " ");
		ck_assert_msg(op_find(name, n) != NULL, "%.*s is missing", (int)n, name);
		name += n + strspn(name + n, " ");
	}
	for (size_t i = 0; i < op_count(); i++) {
		const struct op *op = op_at(i);
		ck_assert_ptr_eq(op_find(op->name, strlen(op->name)), op);
		ck_assert_msg(op->example_count >= 2, "%s has fewer than two examples", op->name);
		ck_assert(op->summary[0] && op->result[0] && op->limits[0] && op->family[0]);
		for (size_t k = 0; k + 1 < op->parameter_count; k++) /* required, optional, variadic, options */
			ck_assert_msg(order_of(&op->parameters[k]) <= order_of(&op->parameters[k + 1]),
				      "%s: %s stands in front of %s", op->name, op->parameters[k].name,
				      op->parameters[k + 1].name);
	}
}
END_TEST

START_TEST(test_op_examples_hold)
{
	const struct op *op = op_at((size_t)_i);

	for (size_t i = 0; i < op->example_count; i++) {
		const struct op_example *e = &op->examples[i];
		ck_assert((e->result == NULL) != (e->error == NULL));
		if (e->result)
			expect(op->name, e->args, e->result);
		else
			expect_error(op->name, e->args, e->error, NULL);
	}
}
END_TEST

static const struct {
	const char *op, *args, *result;
} right[] = {
	{ "square", "[12]", "144" },
	{ "square", "[-12]", "144" },
	{ "square", "[\"12\"]", "144" },
	{ "square", "[2.0]", "4" },
	{ "square", "[94906265]", "9007199136250225" },
	{ "square", "[94906267]", "\"9007199515875289\"" },
	{ "square", "[999999999999999999]", "\"999999999999999998000000000000000001\"" },
	{ "square", "[9223372036854775807]", "\"85070591730234615847396907784232501249\"" },
	{ "square", "[123456789012345678901234567890]",
	  "\"15241578753238836750495351562536198787501905199875019052100\"" },
	{ "square", "[\"-3/6\"]", "\"1/4\"" },
	{ "square", "[1e3]", "1000000" },
	{ "square", "[\".5\"]", "\"1/4\"" },
	{ "square", "[0.1000000000000000055511151231257827]", "\"1/100\"" }, /* the double 0.1 */
	{ "add", "[9007199254740993,0]", "\"9007199254740993\"" },
	{ "add", "[-9007199254740991,0]", "-9007199254740991" },
	{ "add", "[-9007199254740992,0]", "\"-9007199254740992\"" },
	{ "add", "[\"1e30\",\"-1e30\"]", "0" },
	{ "add", "[1.5,1]", "\"5/2\"" },
	{ "add", "[0.5,0.5,\"-1/1\"]", "0" },
	{ "add", "[1,2,3,4,5,6,7,8,9,10]", "55" },
	{ "add", "[\"1/2\",\"1/3\",\"1/7\",\"1/43\"]", "\"1805/1806\"" },
	{ "add", "{\"a\":1,\"b\":\"1/3\",\"precision\":20}", "\"1.3333333333333333333\"" },
	{ "add", "{\"a\":1,\"b\":\"1/3\",\"precision\":20.0}", "\"1.3333333333333333333\"" },
	{ "add", "{\"a\":1,\"b\":\"1/3\",\"precision\":\"20\"}", "\"1.3333333333333333333\"" },
	{ "sub", "{\"b\":3,\"a\":10}", "7" },
	{ "mul", "[\"1e20\",\"1e-20\"]", "1" },
	{ "mul", "[0,\"1e999999\",\"1e999999\"]", "0" },
	{ "mul", "[\"1e600000\",\"1e-600000\"]", "1" },
	{ "mul", "[999999999999999999,999999999999999999,0]", "0" },
	{ "div", "[6,-4]", "\"-3/2\"" },
	{ "div", "[0,5]", "0" },
	{ "div", "[\"1e25\",\"1e24\"]", "10" },
	{ "divmod", "[-17,5]", "{\"quotient\":-4,\"remainder\":3}" },
	{ "divmod", "[17,-5]", "{\"quotient\":-4,\"remainder\":-3}" },
	{ "divmod", "[\"100000000000000000000\",7]", "{\"quotient\":\"14285714285714285714\",\"remainder\":2}" },
	{ "mod", "[\"-100000000000000000000\",7]", "5" },
	{ "mod", "[5.5,2]", "\"3/2\"" },
	{ "mod", "[-1,1000000000000000000]", "\"999999999999999999\"" },
	{ "pow", "[2,0.0]", "1" },
	{ "pow", "[\"-2/4\",3]", "\"-1/8\"" },
	{ "pow", "[-1,1000000000000000000001]", "-1" },
	{ "pow", "[\"-3/3\",\"1e500\"]", "1" },
	{ "pow", "[1,\"-1e500\"]", "1" },
	{ "pow", "[0,\"1e500\"]", "0" },
	{ "pow", "[0.5,-10]", "1024" },
	{ "gcd", "[-12]", "12" },
	{ "gcd", "[0,\"-100000000000000000000\"]", "\"100000000000000000000\"" },
	{ "gcd", "[1e2,\"75\",50]", "25" },
	{ "lcm", "[-4]", "4" },
	{ "lcm", "[1000000007,998244353,1000000009]", "\"998244368971909710889394239\"" },
	{ "factorial", "[\"20\"]", "\"2432902008176640000\"" },
	{ "factorial", "[18]", "6402373705728000" },
	{ "binomial", "[5,-1]", "0" },
	{ "binomial", "[0,0]", "1" },
	{ "binomial", "[-1,5]", "-1" },
	{ "binomial", "[\"100000000000000000000\",2]", "\"4999999999999999999950000000000000000000\"" },
	{ "binomial", "[\"100000000000000000000\",\"99999999999999999999\"]", "\"100000000000000000000\"" },
	{ "isqrt", "[0]", "0" },
	{ "isqrt", "[99]", "9" },
	{ "isqrt", "[\"1e40\"]", "\"100000000000000000000\"" },
	{ "sleep", "[0]", "0" },
	{ "echo", "[null]", "null" },
	{ "echo", "[\"a\\u0000b\"]", "\"a\\u0000b\"" },
	{ "echo", "[[1e400,-0,1.50,123456789012345678901234567890,\"\\u0001x\",{\"\\u0001\":\"\"}]]",
	  "[1e400,-0,1.50,123456789012345678901234567890,\"\\u0001x\",{\"\\u0001\":\"\"}]" },
};

START_TEST(test_op_call_right_results)
{
	expect(right[_i].op, right[_i].args, right[_i].result);
}
END_TEST

static const struct {
	const char *op, *args, *type, *pointer;
} wrong[] = {
	{ "square", "[]", "arity", "" },
	{ "square", "[1,2]", "arity", "" },
	{ "square", "", "arity", "" },
	{ "square", "{}", "arity", "/x" },
	{ "square", "{\"y\":1}", "invalid-argument", "/y" },
	{ "square", "{\"a/b~\":1,\"x\":1}", "invalid-argument", "/a~1b~0" },
	{ "square", "[null]", "invalid-argument", "/0" },
	{ "square", "[true]", "invalid-argument", "/0" },
	{ "square", "[[1]]", "invalid-argument", "/0" },
	{ "square", "[\"abc\"]", "invalid-argument", "/0" },
	{ "square", "[\"\"]", "invalid-argument", "/0" },
	{ "square", "[\"1/0\"]", "invalid-argument", "/0" },
	{ "square", "[\"\\u00011.5\"]", "invalid-argument", "/0" },
	{ "square", "[\"0x10\"]", "invalid-argument", "/0" },
	{ "square", "[\"NaN\"]", "invalid-argument", "/0" },
	{ "square", "{\"x\":1,\"timeout_ms\":0}", "invalid-argument", "/timeout_ms" },
	{ "square", "5", "invalid-argument", "" },
	{ "square", "[1", "parse-error", NULL },
	{ "square", "[01]", "parse-error", NULL },
	{ "square", "{\"x\":1,\"x\":2}", "parse-error", NULL },
	{ "square", "{1.5:1}", "parse-error", NULL },
	{ "square", "[\"1e1000001\"]", "limit-exceeded", "/0" },
	{ "square", "[\"1e999999999\"]", "limit-exceeded", "/0" },
	{ "square", "[1e999999999999999999999999]", "limit-exceeded", "/0" },
	{ "square", "[\"1e-999999999\"]", "limit-exceeded", "/0" },
	{ "square", "[\"1e600000\"]", "limit-exceeded", NULL },
	{ "add", "{\"a\":1,\"b\":2,\"precision\":0}", "invalid-argument", "/precision" },
	{ "add", "{\"a\":1,\"b\":2,\"precision\":\"x\"}", "invalid-argument", "/precision" },
	{ "add", "{\"a\":1,\"b\":2,\"precision\":1000000000000}", "limit-exceeded", "/precision" },
	{ "squer", "[1]", "unknown-name", NULL },
	{ "", "[1]", "unknown-name", NULL },
	{ "add", "[\"x\",true]", "invalid-argument", "/0" },
	{ "add", "[1,2,3,\"x\"]", "invalid-argument", "/3" },
	{ "add", "{\"a\":1,\"b\":2,\"more\":[3,\"x\"]}", "invalid-argument", "/more/1" },
	{ "add", "{\"a\":1,\"b\":2,\"more\":3}", "invalid-argument", "/more" },
	{ "add", "{\"a\":1}", "arity", "/b" },
	{ "sub", "[1,2,3]", "arity", "" },
	{ "mul", "[\"1e600000\",\"1e600000\"]", "limit-exceeded", NULL },
	{ "add", "[\"1e999999\",\"1e-999999\"]", "limit-exceeded", NULL },
	{ "div", "[1,0]", "division-by-zero", "/1" },
	{ "div", "[1,\"0/5\"]", "division-by-zero", "/1" },
	{ "div", "{\"a\":0,\"b\":0.0}", "division-by-zero", "/b" },
	{ "divmod", "[1,0]", "division-by-zero", "/1" },
	{ "mod", "[1,0]", "invalid-argument", "/1" },
	{ "pow", "[0,\"-1e50\"]", "division-by-zero", "/0" },
	{ "pow", "[2,\"1e999999\"]", "limit-exceeded", NULL },
	{ "pow", "[\"1/3\",\"1e999999\"]", "limit-exceeded", NULL },
	{ "pow", "[10,1000000]", "limit-exceeded", NULL },
	{ "gcd", "[]", "arity", "" },
	{ "gcd", "[1,0.5]", "invalid-argument", "/1" },
	{ "gcd", "[\"1e-5\"]", "invalid-argument", "/0" },
	{ "gcd", "[4,\"pi\"]", "invalid-argument", "/1" },
	{ "gcd", "[4,\"2^(2\"]", "invalid-argument", "/1" },
	{ "gcd", "[4,\"2^2^99\"]", "limit-exceeded", "/1" },
	{ "factorial", "[-5]", "domain-error", "/0" },
	{ "factorial", "[2.5]", "invalid-argument", "/0" },
	{ "factorial", "[205023]", "limit-exceeded", NULL },
	{ "factorial", "[\"1e999999\"]", "limit-exceeded", NULL },
	{ "binomial", "[\"1e9000\",5]", "limit-exceeded", NULL },
	{ "binomial", "[10000000,5000000]", "limit-exceeded", NULL },
	{ "binomial", "[\"1e400\",\"1e399\"]", "limit-exceeded", NULL },
	{ "binomial", "[\"-1e30\",\"1e15\"]", "limit-exceeded", NULL },
	{ "isqrt", "[-4]", "domain-error", "/0" },
	{ "sleep", "[-1]", "invalid-argument", "/0" },
	{ "sleep", "[60001]", "limit-exceeded", "/0" },
	{ "sleep", "[\"1e100\"]", "limit-exceeded", "/0" },
	{ "sleep", "[\"-1e100\"]", "invalid-argument", "/0" },
	{ "sleep", "[0.5]", "invalid-argument", "/0" },
	{ "echo", "[1,2]", "arity", "" },
};

START_TEST(test_op_call_refusals)
{
	expect_error(wrong[_i].op, wrong[_i].args, wrong[_i].type, wrong[_i].pointer);
}
END_TEST

START_TEST(test_op_call_prepare_reports_every_argument)
{
	struct buf json = BUF_INIT;
	struct op_failure f;

	ck_assert(!call("add", "[\"x\",1,null,true,2]", &json, &f));
	ck_assert_uint_eq(f.count, 3);
	ck_assert_str_eq(f.at[0].pointer, "/0");
	ck_assert_str_eq(f.at[1].pointer, "/2");
	ck_assert_str_eq(f.at[2].pointer, "/3");
	ck_assert(!call("add", "[\"x\",\"x\",\"x\",\"x\",\"x\",\"x\",\"x\",\"x\",\"x\",\"x\"]", &json, &f));
	ck_assert_uint_eq(f.count, 10);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&json), "\"more_errors\":2"));
	buf_fini(&json);
}
END_TEST

START_TEST(test_op_fail_unknown_suggests)
{
	struct op_failure f;

	op_fail_unknown(&f, "sqare", 5);
	ck_assert_str_eq(f.detail, "there is no operation \"sqare\"; did you mean square?");
	op_fail_unknown(&f, "mud", 3);
	ck_assert_str_eq(f.detail, "there is no operation \"mud\"; did you mean mul, mod or mad?");
	op_fail_unknown(&f, "frobnicate", 10);
	ck_assert_str_eq(f.detail, "there is no operation \"frobnicate\"");
}
END_TEST

START_TEST(test_op_call_path_by_cost)
{
	static const struct {
		const char *op, *args;
		enum op_path path;
	} cases[] = {
		{ "square", "[12]", OP_IN_LOOP },         { "add", "[\"1/3\",\"1/6\"]", OP_IN_LOOP },
		{ "pow", "[2,1000]", OP_IN_LOOP },        { "pow", "[2,1000000]", OP_HEAVY },
		{ "factorial", "[100]", OP_IN_LOOP },     { "factorial", "[100000]", OP_HEAVY },
		{ "square", "[\"1e400000\"]", OP_HEAVY }, { "sleep", "[10]", OP_TIMED },
		{ "sleep", "[0]", OP_IN_LOOP },           { "echo", "[[1,2]]", OP_IN_LOOP },
		{ "binomial", "[1000,500]", OP_IN_LOOP }, { "add", "[\"1e900000\",1]", OP_HEAVY },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct op_call c;
		struct op_failure f;
		ck_assert_msg(op_call_prepare(&c, cases[i].op, strlen(cases[i].op), cases[i].args,
					      strlen(cases[i].args), 0, &f) == 0,
			      "%s%s: %s", cases[i].op, cases[i].args, f.detail);
		ck_assert_msg(c.path == cases[i].path, "%s%s: path %d, estimate %.0f ns", cases[i].op, cases[i].args,
			      (int)c.path, c.cost.ns);
		op_call_fini(&c);
	}
}
END_TEST

/* What needs an expression read is left to a compute child, and computed nowhere else. */
START_TEST(test_op_call_prepare_defers_expressions)
{
	static const char *const args[] = { "[\"2*3\",1]", "[\"pi\",1]", "[\"1/0\",1]", "[\"abc\",1]" };

	for (size_t i = 0; i < sizeof args / sizeof *args; i++) {
		struct buf json = BUF_INIT;
		struct op_call c;
		struct op_failure f;
		ck_assert_int_eq(op_call_prepare(&c, "add", 3, args[i], strlen(args[i]), 0, &f), 0);
		ck_assert_int_eq(c.path, OP_HEAVY);
		ck_assert_int_eq(op_call_run(&c, &json, &f), -1);
		ck_assert_int_eq(f.error, OP_INTERNAL_ERROR);
		op_call_args(&c, &json);
		ck_assert_str_eq(buf_cstr(&json), args[i]);
		op_call_fini(&c);
		buf_fini(&json);
	}
	expect("add", "[\"2*3\",\"sqrt(4)\"]", "8");
	expect("gcd", "[\"3!\",\"2^5\"]", "2");
	expect("square", "{\"x\":\"1e3/3\"}", "\"1000000/9\"");
}
END_TEST

START_TEST(test_op_call_timeout_is_the_smaller)
{
	static const struct {
		uint32_t given;
		const char *args;
		uint32_t in_force;
	} cases[] = {
		{ 0, "[1]", 5000 },
		{ 100, "[1]", 100 },
		{ 0, "{\"x\":1,\"timeout_ms\":60000}", 60000 },
		{ 100, "{\"x\":1,\"timeout_ms\":60000}", 100 },
		{ 100, "{\"x\":1,\"timeout_ms\":7}", 7 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct op_call c;
		struct op_failure f;
		ck_assert_int_eq(op_call_prepare(&c, "square", 6, cases[i].args, strlen(cases[i].args), cases[i].given,
						 &f),
				 0);
		ck_assert_uint_eq(c.timeout_ms, cases[i].in_force);
		op_call_fini(&c);
	}
}
END_TEST

/* ---- limits ---- */

START_TEST(test_op_call_huge_power_is_refused_with_its_estimate)
{
	struct buf json = BUF_INIT;
	struct op_failure f;

	ck_assert(!call("pow", "[9,387420489]", &json, &f)); /* 9^9^9 */
	ck_assert_int_eq(f.error, OP_LIMIT_EXCEEDED);
	ck_assert_double_eq(f.estimate, 369693100);
	ck_assert_double_eq(f.limit, 1000000);
	ck_assert_str_eq(f.unit, "digits");
	ck_assert_ptr_nonnull(strstr(f.detail, "369,693,100"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&json), "\"limit\":1000000,\"estimate\":369693100,\"unit\":\"digits\""));
	buf_fini(&json);
}
END_TEST

START_TEST(test_op_call_result_of_exactly_the_limit)
{
	struct buf json = BUF_INIT;
	struct op_failure f;

	ck_assert(call("pow", "[10,999999]", &json, &f)); /* a million digits */
	ck_assert_uint_eq(json.len, 1000002);
	ck_assert(call("factorial", "[205022]", &json, &f));
	ck_assert(json.len > 900000);
	ck_assert(call("add", "[\"5e999999\",\"4e999999\"]", &json, &f));
	ck_assert_uint_eq(json.len, 1000002);
	ck_assert(!call("add", "[\"5e999999\",\"5e999999\"]", &json, &f));
	ck_assert_int_eq(f.error, OP_LIMIT_EXCEEDED);
	ck_assert_double_eq(f.estimate, 1000001);
	buf_fini(&json);
}
END_TEST

START_TEST(test_op_call_time_limit)
{
	struct op_call c;
	struct op_failure f;
	const char *args = "[205000]";

	ck_assert_int_eq(op_call_prepare(&c, "factorial", 9, args, strlen(args), 1, &f), -1);
	ck_assert_int_eq(f.error, OP_LIMIT_EXCEEDED);
	ck_assert_str_eq(f.unit, "ms");
	ck_assert_double_eq(f.limit, 1);
	ck_assert(f.estimate > 1);
}
END_TEST

START_TEST(test_op_call_literal_lengths)
{
	struct buf args = BUF_INIT, json = BUF_INIT;
	struct op_failure f;

	for (int n = NUMBER_LITERAL_MAX; n <= NUMBER_LITERAL_MAX + 1; n++) {
		buf_clear(&args);
		buf_puts(&args, "[\"");
		for (int i = 0; i < n; i++)
			buf_byte(&args, '7');
		buf_puts(&args, "\"]");
		bool ok = call("gcd", buf_cstr(&args), &json, &f);
		ck_assert_int_eq(ok, n == NUMBER_LITERAL_MAX);
		if (!ok) {
			ck_assert_int_eq(f.error, OP_LIMIT_EXCEEDED);
			ck_assert_str_eq(f.unit, "characters");
		}
	}
	buf_fini(&args);
	buf_fini(&json);
}
END_TEST

START_TEST(test_op_call_depth)
{
	for (unsigned depth = OP_DEPTH_MAX; depth <= OP_DEPTH_MAX + 1; depth++) {
		char args[256];
		struct buf json = BUF_INIT;
		struct op_failure f;
		memset(args, '[', depth);
		memset(args + depth, ']', depth);
		args[2 * depth] = '\0';
		ck_assert_int_eq(call("echo", args, &json, &f), depth == OP_DEPTH_MAX);
		buf_fini(&json);
	}
}
END_TEST

START_TEST(test_op_call_number_of_arguments)
{
	struct buf args = BUF_INIT, json = BUF_INIT;
	struct op_failure f;

	buf_byte(&args, '[');
	for (int i = 0; i < OP_VALUES_MAX; i++)
		buf_puts(&args, i ? ",1" : "1");
	buf_byte(&args, ']');
	ck_assert(call("add", buf_cstr(&args), &json, &f));
	ck_assert_str_eq(buf_cstr(&json), "100000");
	ck_assert(call("mul", buf_cstr(&args), &json, &f));
	ck_assert_str_eq(buf_cstr(&json), "1");
	args.data[args.len - 1] = ',';
	buf_puts(&args, "1]");
	ck_assert(!call("add", buf_cstr(&args), &json, &f));
	ck_assert_int_eq(f.error, OP_LIMIT_EXCEEDED);
	ck_assert_str_eq(f.unit, "arguments");
	buf_fini(&args);
	buf_fini(&json);
}
END_TEST

/* ---- the catalogue ---- */

START_TEST(test_catalog_json_is_whole)
{
	struct buf text = BUF_INIT;

	catalog_json(&text);
	json_t *v = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_ptr_nonnull(v);
	json_t *ops = json_object_get(v, "operations"), *one;
	ck_assert_uint_eq(json_array_size(ops), op_count());
	size_t i;
	json_array_foreach(ops, i, one)
	{
		const struct op *op = op_at(i);
		json_t *schema = json_object_get(one, "parameters");
		ck_assert_str_eq(json_string_value(json_object_get(one, "name")), op->name);
		ck_assert_uint_eq(json_object_size(json_object_get(schema, "properties")), op->parameter_count + 1);
		ck_assert_uint_ge(json_array_size(json_object_get(schema, "prefixItems")),
				  json_array_size(json_object_get(schema, "required")));
		ck_assert_int_eq(json_integer_value(json_object_get(schema, "minItems")),
				 (json_int_t)json_array_size(json_object_get(schema, "required")));
		ck_assert_uint_eq(json_array_size(json_object_get(one, "examples")), op->example_count);
	}
	json_decref(v);
	buf_fini(&text);
}
END_TEST

START_TEST(test_catalog_digest_is_stable)
{
	char one[CATALOG_DIGEST_SIZE], two[CATALOG_DIGEST_SIZE];

	catalog_digest(one);
	catalog_digest(two);
	ck_assert_str_eq(one, two);
	ck_assert_uint_eq(strlen(one), 32);
	ck_assert(strncmp(one, one + 16, 16) != 0);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

int main(void)
{
	Suite *suite = suite_create("op");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");

	tcase_set_timeout(core, 120);
	tcase_set_timeout(limits, 120);
	tcase_add_test(core, test_op_find_known_and_unknown);
	tcase_add_test(core, test_op_catalogue_names_are_unique_and_complete);
	tcase_add_loop_test(core, test_op_examples_hold, 0, (int)op_count());
	tcase_add_loop_test(core, test_op_call_right_results, 0, COUNT(right));
	tcase_add_test(core, test_op_fail_unknown_suggests);
	tcase_add_test(core, test_op_call_path_by_cost);
	tcase_add_test(core, test_op_call_prepare_defers_expressions);
	tcase_add_test(core, test_op_call_timeout_is_the_smaller);
	tcase_add_test(core, test_catalog_json_is_whole);
	tcase_add_test(core, test_catalog_digest_is_stable);
	tcase_add_test(limits, test_op_call_huge_power_is_refused_with_its_estimate);
	tcase_add_test(lengthy_case(suite), test_op_call_result_of_exactly_the_limit);
	tcase_add_test(limits, test_op_call_time_limit);
	tcase_add_test(limits, test_op_call_literal_lengths);
	tcase_add_test(limits, test_op_call_depth);
	tcase_add_test(limits, test_op_call_number_of_arguments);
	tcase_add_loop_test(faults, test_op_call_refusals, 0, COUNT(wrong));
	tcase_add_test(faults, test_op_call_prepare_reports_every_argument);
	tcase_add_unchecked_fixture(core, op_ask_setup, op_ask_teardown);
	suite_add_tcase(suite, core);
	tcase_add_unchecked_fixture(limits, op_ask_setup, op_ask_teardown);
	suite_add_tcase(suite, limits);
	tcase_add_unchecked_fixture(faults, op_ask_setup, op_ask_teardown);
	suite_add_tcase(suite, faults);

	return suite_run(suite);
}
