/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The expression language: reading, printing, and that its evaluators, derivatives, series and compiled code agree. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lengthy.h"
#include "math/engines.h"
#include "math/expr.h"
#include "math/expr_derivative.h"
#include "math/expr_tree.h"
#include "math/function.h"
#include "suite_run.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

static void setup(void)
{
	engines_init();
}

static void teardown(void)
{
	engines_tidy();
	engines_fini();
}

static struct expr *parsed(const char *s)
{
	struct op_failure f;
	/* A copy without anything behind it: reading beyond the end shows under a sanitizer. */
	char *exact = malloc(strlen(s) + 1);

	memcpy(exact, s, strlen(s));
	struct expr *e = expr_parse(exact, strlen(s), &f);
	free(exact);
	ck_assert_msg(e != NULL, "%s: %s", s, f.detail);
	return e;
}

static void assert_prints(const struct expr *e, const char *text)
{
	struct buf out = BUF_INIT;

	expr_print(&out, e);
	ck_assert_str_eq(buf_cstr(&out), text);
	buf_fini(&out);
}

/* ---- reading and printing ---- */

static const struct {
	const char *text, *printed;
} prints[] = {
	{ "1+2*3", "1 + 2*3" },
	{ "(1+2)*3", "(1 + 2)*3" },
	{ "1-(2-3)", "1 - (2 - 3)" },
	{ "1-(2+3)", "1 - (2 + 3)" },
	{ "1+(2+3)", "1 + 2 + 3" },
	{ "a/(b*c)", "a/(b*c)" },
	{ "a/b*c", "a/b*c" },
	{ "a%(b%c)", "a%(b%c)" },
	{ "2^3^4", "2^3^4" },
	{ "(2^3)^4", "(2^3)^4" },
	{ "-2^2", "-2^2" },
	{ "(-2)^2", "(-2)^2" },
	{ "2^-1", "2^-1" },
	{ "-a*b", "-a*b" },
	{ "-(a*b)", "-a*b" },
	{ "-(a%b*c)", "-(a%b*c)" },
	{ "-(a+b)", "-(a + b)" },
	{ "--a", "-(-a)" },
	{ "a - -b", "a - (-b)" },
	{ "a + -b", "a - b" },
	{ "a + - -b", "a - (-b)" },
	{ "(a+b)!", "(a + b)!" },
	{ "2^3!", "2^3!" },
	{ "(2^3)!", "(2^3)!" },
	{ "0.5", "1/2" },
	{ "0.5^x", "(1/2)^x" },
	{ "x^0.5", "x^(1/2)" },
	{ "2i", "2*i" },
	{ "2 pi r", NULL },
	{ "f2(1)", NULL },
	{ "3(4)(5)", "3*4*5" },
	{ "(a)(b)", "a*b" },
	{ "sum(k^2,k,1,n)", "sum(k^2, k, 1, n)" },
	{ "[[1,2],[3,4]]", "[[1, 2], [3, 4]]" },
	{ "[]", "[]" },
	{ "pow(a,b)+mod(c,d)+factorial(n)", "a^b + c%d + n!" },
	{ "base_convert('ff',16,10)", "base_convert(\"ff\", 16, 10)" },
	{ "2e3+2e", "2000 + 2*e" },
	{ "\t1\n+ 2 ", "1 + 2" },
};

START_TEST(test_print)
{
	struct op_failure f;

	if (!prints[_i].printed) {
		ck_assert(!expr_parse(prints[_i].text, strlen(prints[_i].text), &f));
		return;
	}
	struct expr *e = parsed(prints[_i].text);
	assert_prints(e, prints[_i].printed);
	struct expr *again = parsed(prints[_i].printed);
	assert_prints(again, prints[_i].printed);
	expr_free(e);
	expr_free(again);
}
END_TEST

START_TEST(test_names)
{
	const char *const names[] = { "x", "n" };
	struct op_failure f;
	struct expr *e = parsed("x + sum(k*n, k, 1, 3)");

	ck_assert(expr_has(e, "x") && expr_has(e, "n") && !expr_has(e, "k"));
	ck_assert_ptr_null(expr_unbound(e, names, 2));
	ck_assert_str_eq(expr_unbound(e, names, 1)->name, "n");
	ck_assert_int_eq(expr_check_names(e, names, 1, &f), -1);
	ck_assert_int_eq(f.error, OP_UNKNOWN_NAME);
	ck_assert_int_eq(f.position, 10);
	expr_free(e);
	e = parsed("theta + thet");
	ck_assert_int_eq(expr_check_names(e, (const char *const[]){ "theta" }, 1, &f), -1);
	ck_assert_ptr_nonnull(strstr(f.detail, "did you mean theta?"));
	expr_free(e);
}
END_TEST

/* ---- random trees ---- */

static uint64_t seed;

static unsigned next_random(unsigned below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % below;
}

static const char *const unary[] = { "exp", "sin", "cos", "atan", "sinh", "tanh", "asinh", "sqrt", "log", "erf" };

/* Mostly defined on x > 0. */
static struct expr *random_tree(unsigned depth)
{
	fmpq_t q;

	if (depth == 0 || next_random(6) == 0) {
		if (next_random(2))
			return expr_new_name(EXPR_VARIABLE, "x");
		fmpq_init(q);
		fmpq_set_si(q, (slong)next_random(9) - 4, 1 + next_random(3));
		struct expr *e = expr_new_number(q);
		fmpq_clear(q);
		return e;
	}
	switch (next_random(8)) {
	case 0:
	case 1:
		return expr_new(EXPR_ADD, random_tree(depth - 1), random_tree(depth - 1));
	case 2:
		return expr_new(EXPR_SUB, random_tree(depth - 1), random_tree(depth - 1));
	case 3:
		return expr_new(EXPR_MUL, random_tree(depth - 1), random_tree(depth - 1));
	case 4:
		return expr_new(EXPR_DIV, random_tree(depth - 1), random_tree(depth - 1));
	case 5:
		return expr_new(EXPR_POW, random_tree(depth - 1), expr_tree_integer((slong)next_random(7) - 2));
	case 6:
		return expr_new(EXPR_NEG, random_tree(depth - 1), NULL);
	default:
		return expr_new_call(unary[next_random(COUNT(unary))], random_tree(depth - 1), NULL);
	}
}

#define PREC 400

/* The value at a rational point; false when it has none there, or none that is told apart from a pole. */
static bool value_at(const struct expr *e, slong p, ulong q, acb_t out)
{
	const char *name = "x";
	struct op_failure f;
	acb_t x;
	fmpq_t point;

	acb_init(x);
	fmpq_init(point);
	fmpq_set_si(point, p, q);
	acb_set_fmpq(x, point, PREC);
	struct expr_scope scope = { &name, 1, x, NULL };
	int rc = expr_ball(e, &scope, false, PREC, out, &f);
	acb_clear(x);
	fmpq_clear(point);
	return rc == 0 && acb_is_finite(out) && acb_rel_accuracy_bits(out) > 60;
}

static void assert_same(const struct expr *e, const acb_t a, const acb_t b, const char *what)
{
	struct buf out = BUF_INIT;

	if (!acb_overlaps(a, b)) {
		expr_print(&out, e);
		ck_abort_msg("%s of %s: %s", what, buf_cstr(&out), "two values that do not overlap");
	}
}

START_TEST(test_print_keeps_the_value)
{
	acb_t a, b;
	int compared = 0;

	acb_init(a);
	acb_init(b);
	seed = 1;
	for (int i = 0; i < 3000; i++) {
		struct buf text = BUF_INIT;
		struct expr *e = random_tree(6), *again;
		expr_print(&text, e);
		again = parsed(buf_cstr(&text));
		if (value_at(e, 7, 5, a) && value_at(again, 7, 5, b)) {
			assert_same(e, a, b, "print");
			compared++;
		}
		expr_free(e);
		expr_free(again);
		buf_fini(&text);
	}
	ck_assert_int_gt(compared, 1500);
	acb_clear(a);
	acb_clear(b);
}
END_TEST

START_TEST(test_simplify_keeps_the_value)
{
	acb_t a, b;
	int compared = 0;

	acb_init(a);
	acb_init(b);
	seed = 2;
	for (int i = 0; i < 3000; i++) {
		struct expr *e = random_tree(6);
		struct expr *simple = expr_simplify(expr_copy(e));
		struct expr *again = expr_simplify(expr_copy(simple));
		ck_assert_uint_eq(expr_tree_size(simple), expr_tree_size(again));
		expr_free(again);
		if (value_at(e, 7, 5, a) && value_at(simple, 7, 5, b)) {
			assert_same(e, a, b, "simplify");
			compared++;
		}
		expr_free(e);
		expr_free(simple);
	}
	ck_assert_int_gt(compared, 1500);
	acb_clear(a);
	acb_clear(b);
}
END_TEST

static const struct {
	const char *text, *simple;
} simple[] = {
	{ "x + x", "2*x" },
	{ "x*x*x", "x^3" },
	{ "x - x", "0" },
	{ "x/x", "1" },
	{ "0*x + 1*y", "y" },
	{ "2*x + 3*x - x", "4*x" },
	{ "x^2*x^-1", "x" },
	{ "(2*x)^2", "4*x^2" },
	{ "x^(1/2)*x^(1/2)", "x" },
	{ "2*3 + 4", "10" },
	{ "x^0", "1" },
	{ "x^1", "x" },
	{ "(x + 1)*(x + 1)", "(x + 1)^2" },
	{ "--x", "x" },
	{ "x/2 + x/2", "x" },
	{ "1/(1/x)", "x" },
	{ "sin(0) + cos(0)", "1" },
	{ "sqrt(4)*x", "2*x" },
	{ "2^(1/2)*2^(1/2)", "2" },
	{ "2 - x", "2 - x" },
	{ "x^-2", "1/x^2" },
	{ "-x - 2", "-x - 2" },
};

START_TEST(test_simplify)
{
	struct expr *e = expr_simplify(parsed(simple[_i].text));

	assert_prints(e, simple[_i].simple);
	expr_free(e);
}
END_TEST

/* ---- derivatives ---- */

static const struct {
	const char *text, *derivative;
} derivatives[] = {
	{ "7", "0" },
	{ "x", "1" },
	{ "x^2", "2*x" },
	{ "3*x^4 - 2*x + 5", "12*x^3 - 2" },
	{ "sin(x)", "cos(x)" },
	{ "sin(x^2)", "2*x*cos(x^2)" },
	{ "exp(2*x)", "2*exp(2*x)" },
	{ "e^x", "e^x" },
	{ "log(x)", "1/x" },
	{ "x*sin(x)", "sin(x) + x*cos(x)" },
	{ "1/x", "-1/x^2" },
	{ "sqrt(x)", "1/(2*sqrt(x))" },
	{ "2^x", "2^x*log(2)" },
	{ "y*x", "y" },
	{ "sum(x^k, k, 1, 3)", "sum(k*x^(k - 1), k, 1, 3)" },
};

START_TEST(test_derivative)
{
	struct op_failure f;
	struct expr *e = parsed(derivatives[_i].text);
	struct expr *d = expr_derivative(e, "x", &f);

	ck_assert_ptr_nonnull(d);
	assert_prints(d, derivatives[_i].derivative);
	expr_free(d);
	expr_free(e);
}
END_TEST

/* (f(x+h) - f(x-h))/2h - f'(x) is of the order of h^2. */
static void assert_derivative(const struct expr *e, const struct expr *d)
{
	const char *name = "x";
	struct op_failure f;
	acb_t x, up, down, slope;
	struct expr_scope scope = { &name, 1, x, NULL };

	acb_init(x);
	acb_init(up);
	acb_init(down);
	acb_init(slope);
	acb_set_d(x, 0.625);
	if (expr_ball(d, &scope, false, PREC, slope, &f) != 0 || acb_rel_accuracy_bits(slope) < 60)
		goto out;
	arb_t h;
	arb_init(h);
	arb_one(h);
	arb_mul_2exp_si(h, h, -100);
	acb_add_arb(x, x, h, PREC);
	int rc = expr_ball(e, &scope, false, PREC, up, &f);
	acb_set_d(x, 0.625);
	acb_sub_arb(x, x, h, PREC);
	rc |= expr_ball(e, &scope, false, PREC, down, &f);
	if (rc != 0)
		acb_indeterminate(up); /* a constant that has no value, as log(0), has a derivative all the same */
	acb_sub(up, up, down, PREC);
	acb_div_arb(up, up, h, PREC);
	acb_mul_2exp_si(up, up, -1);
	acb_sub(up, up, slope, PREC);
	acb_div(up, up, slope, PREC);
	mag_t bound;
	mag_init(bound);
	acb_get_mag_lower(bound, up);
	if (mag_cmp_2exp_si(bound, -60) > 0 && acb_is_finite(up)) {
		struct buf out = BUF_INIT;
		expr_print(&out, e);
		ck_abort_msg("the derivative of %s is wrong", buf_cstr(&out));
	}
	mag_clear(bound);
	arb_clear(h);
out:
	acb_clear(x);
	acb_clear(up);
	acb_clear(down);
	acb_clear(slope);
}

START_TEST(test_derivative_is_the_slope)
{
	struct op_failure f;

	seed = 3;
	for (int i = 0; i < 1500; i++) {
		struct expr *e = random_tree(5), *d = expr_derivative(e, "x", &f);
		ck_assert_ptr_nonnull(d);
		assert_derivative(e, d);
		expr_free(e);
		expr_free(d);
	}
}
END_TEST

/* f(c0, x), f(x, c1) … of every function that has a derivative. */
START_TEST(test_derivative_of_every_function)
{
	const struct function *function = function_at((size_t)_i);
	struct op_failure f;

	for (size_t n = function->least; function && n <= function->most && n <= 3; n++)
		for (size_t k = 0; k < n; k++) {
			struct expr *rule = expr_derivative_rule(function->name, n, k);
			if (!rule)
				continue;
			struct expr *call = expr_tree_new(EXPR_CALL, 0, n);
			call->name = strdup(function->name);
			for (size_t i = 0; i < n; i++)
				call->args[i] =
				    i == k ? expr_new_name(EXPR_VARIABLE, "x") : expr_tree_integer((slong)i + 2);
			struct expr *d = expr_derivative(call, "x", &f);
			ck_assert_ptr_nonnull(d);
			assert_derivative(call, d);
			expr_free(rule);
			expr_free(call);
			expr_free(d);
		}
}
END_TEST

/* ---- series ---- */

#define LENGTH 7

/* The coefficients are the derivatives over the factorials. */
static void assert_series(const struct expr *e)
{
	const char *name = "x";
	acb_ptr series = _acb_vec_init(LENGTH);
	struct expr *d = expr_copy(e);
	struct op_failure f;
	acb_t x, value;
	struct expr_scope scope = { &name, 1, x, NULL };
	bool there;

	acb_init(x);
	acb_init(value);
	acb_set_d(x, 0.625);
	there = expr_ball(e, &scope, false, PREC, value, &f) == 0 && acb_is_finite(value) &&
		expr_series(e, "x", &scope, LENGTH, PREC, series, &f) == 0;
	for (slong k = 0; k < LENGTH && there && d; k++) {
		if (expr_ball(d, &scope, false, PREC, value, &f) != 0 || !acb_is_finite(series + k))
			break;
		acb_mul_ui(series + k, series + k, (ulong)tgamma((double)k + 1), PREC);
		assert_same(e, value, series + k, "series");
		struct expr *next = expr_tree_size(d) < 500 ? expr_derivative(d, "x", &f) : NULL;
		expr_free(d);
		d = next;
	}
	expr_free(d);
	acb_clear(x);
	acb_clear(value);
	_acb_vec_clear(series, LENGTH);
}

START_TEST(test_series_are_the_derivatives)
{
	seed = 4;
	for (int i = 0; i < 400; i++) {
		struct expr *e = random_tree(4);
		assert_series(e);
		expr_free(e);
	}
}
END_TEST

START_TEST(test_series_of_every_function)
{
	const struct function *function = function_at((size_t)_i);

	for (size_t n = function->least; n <= function->most && n <= 3; n++)
		for (size_t k = 0; k < n; k++) {
			struct expr *call = expr_tree_new(EXPR_CALL, 0, n);
			call->name = strdup(function->name);
			for (size_t i = 0; i < n; i++)
				call->args[i] = i == k ? parsed("x^2 + x/3") : expr_tree_integer((slong)i + 2);
			assert_series(call);
			expr_free(call);
		}
}
END_TEST

START_TEST(test_series_through_removable_zeros)
{
	static const struct {
		const char *text;
		double c[3];
	} rows[] = { { "sin(x)/x", { 1, 0, -1.0 / 6 } },
		     { "(exp(x) - 1)/x", { 1, 0.5, 1.0 / 6 } },
		     { "(1 - cos(x))/x^2", { 0.5, 0, -1.0 / 24 } },
		     { "x/sin(x)", { 1, 0, 1.0 / 6 } } };
	const char *name = "x";
	struct op_failure f;
	acb_ptr series = _acb_vec_init(3);
	acb_t zero;

	acb_init(zero);
	struct expr_scope scope = { &name, 1, zero, NULL };
	for (int i = 0; i < COUNT(rows); i++) {
		struct expr *e = parsed(rows[i].text);
		ck_assert_int_eq(expr_series(e, "x", &scope, 3, 100, series, &f), 0);
		for (int k = 0; k < 3; k++)
			ck_assert_double_eq_tol(arf_get_d(arb_midref(acb_realref(series + k)), ARF_RND_NEAR),
						rows[i].c[k], 1e-15);
		expr_free(e);
	}
	struct expr *e = parsed("1/x");
	ck_assert_int_eq(expr_series(e, "x", &scope, 3, 100, series, &f), -1);
	ck_assert_int_eq(f.error, OP_DIVISION_BY_ZERO);
	expr_free(e);
	_acb_vec_clear(series, 3);
	acb_clear(zero);
}
END_TEST

/* ---- compiled ---- */

START_TEST(test_compile_agrees_with_balls)
{
	const char *name = "x";
	struct op_failure f;
	const double x = 1.4;
	acb_t point, value;
	struct expr_scope scope = { &name, 1, point, NULL };
	int compared = 0;

	acb_init(point);
	acb_init(value);
	acb_set_d(point, x);
	seed = 5;
	for (int i = 0; i < 3000; i++) {
		struct expr *e = random_tree(5);
		struct expr_code *code = expr_compile(e, &name, 1, &f);
		if (code && expr_ball(e, &scope, false, PREC, value, &f) == 0 && acb_rel_accuracy_bits(value) > 60 &&
		    acb_is_real(value)) {
			double exact = arf_get_d(arb_midref(acb_realref(value)), ARF_RND_NEAR),
			       got = expr_code_run(code, &x);
			/* Cancellation, and real detours through complex values, are the doubles' own. */
			if (fabs(got - exact) <= 1e-6 * fabs(exact))
				compared++;
		}
		expr_code_free(code);
		expr_free(e);
	}
	ck_assert_int_gt(compared, 1300);
	acb_clear(point);
	acb_clear(value);
}
END_TEST

START_TEST(test_compile_runs)
{
	static const struct {
		const char *text;
		double value;
	} rows[] = { { "x^2 + y", 13 },
		     { "sum(k*x, k, 1, 4)", 30 },
		     { "product(k, k, 1, y)", 24 },
		     { "sum(k, k, y, x) + product(k, k, y, x)", 1 },
		     { "-7 % 3 + x - 3", 2 },
		     { "x! + y!", 30 },
		     { "zeta(x - 1)", M_PI * M_PI / 6 },
		     { "atan2(0, x - 4)", M_PI },
		     { "min(x, y, 1)", 1 },
		     { "pi - pi", 0 },
		     { "root(-8*x/x, 3)", -2 },
		     { "sum(sum(k*n, k, 1, 2), n, 1, 2)", 9 } };
	const char *const names[] = { "x", "y" };
	struct op_failure f;

	for (int i = 0; i < COUNT(rows); i++) {
		struct expr *e = parsed(rows[i].text);
		struct expr_code *code = expr_compile(e, names, 2, &f);
		ck_assert_msg(code != NULL, "%s: %s", rows[i].text, f.detail);
		ck_assert_double_eq_tol(expr_code_run(code, (const double[]){ 3, 4 }), rows[i].value, 1e-14);
		expr_code_free(code);
		expr_free(e);
	}
	static const char *const without[] = { "log(x - 3) + 1/(y - 4)", "sum(k, k, 10^17, 10^17 + 32)",
					       "sum(k, k, 1/2, y)" };
	for (int i = 0; i < COUNT(without); i++) {
		struct expr *e = parsed(without[i]);
		struct expr_code *code = expr_compile(e, names, 2, &f);
		ck_assert_msg(isnan(expr_code_run(code, (const double[]){ 3, 4 })), "%s has a value", without[i]);
		expr_code_free(code);
		expr_free(e);
	}
	struct expr *e = parsed("x + z");
	ck_assert_ptr_null(expr_compile(e, names, 2, &f));
	ck_assert_int_eq(f.error, OP_UNKNOWN_NAME);
	ck_assert_int_eq(f.position, 4);
	expr_free(e);
}
END_TEST

/* ---- polynomials ---- */

START_TEST(test_polynomial)
{
	static const struct {
		const char *text, *poly;
	} rows[] = { { "(x+1)^3", "4  1 3 3 1" },
		     { "x*(x-1)/2", "3  0 -1/2 1/2" },
		     { "(x^2-1)/(x-1)", "2  1 1" },
		     { "5", "1  5" },
		     { "x - x", "0" },
		     { "2^10*t", "2  0 1024" },
		     { "-(y+1)*sqrt(4)", "2  -2 -2" } };
	fmpq_poly_t p;
	struct op_failure f;

	fmpq_poly_init(p);
	for (int i = 0; i < COUNT(rows); i++) {
		struct expr *e = parsed(rows[i].text);
		ck_assert_msg(expr_polynomial(e, NULL, p, &f) == 0, "%s: %s", rows[i].text, f.detail);
		char *text = fmpq_poly_get_str(p);
		ck_assert_str_eq(text, rows[i].poly);
		flint_free(text);
		expr_free(e);
	}
	static const char *const bad[] = { "sin(x)", "x^y",  "x + y",        "x^(1/2)", "1/x",
					   "x^-1",   "pi*x", "x^1000000000", "2^x",     "x!" };
	for (int i = 0; i < COUNT(bad); i++) {
		struct expr *e = parsed(bad[i]);
		ck_assert_msg(expr_polynomial(e, NULL, p, &f) == -1, "%s", bad[i]);
		expr_free(e);
	}
	fmpq_poly_clear(p);
}
END_TEST

/* ---- evaluation in a scope ---- */

START_TEST(test_rational_in_a_scope)
{
	const char *const names[] = { "x", "y" };
	struct op_failure f;
	fmpq values[2];
	fmpq_t out;
	struct expr_scope scope = { names, 2, NULL, values };
	struct expr *e = parsed("x^2 + y/3");

	fmpq_init(&values[0]);
	fmpq_init(&values[1]);
	fmpq_init(out);
	fmpq_set_si(&values[0], 3, 2);
	fmpq_set_si(&values[1], 5, 1);
	ck_assert_int_eq(expr_rational(e, &scope, out, &f), 0);
	ck_assert(fmpz_equal_si(fmpq_numref(out), 47) && fmpz_equal_si(fmpq_denref(out), 12));
	expr_free(e);
	e = parsed("sin(x)");
	ck_assert_int_eq(expr_rational(e, &scope, out, &f), -1);
	ck_assert(expr_is_irrational(&f));
	expr_free(e);
	fmpq_clear(&values[0]);
	fmpq_clear(&values[1]);
	fmpq_clear(out);
}
END_TEST

/* analytic: what is not holomorphic on the whole ball is indeterminate. */
START_TEST(test_ball_analytic)
{
	static const char *const broken[] = { "sqrt(x)",     "log(x)",       "abs(x)",       "floor(x)",    "x^(1/3)",
					      "asin(x + 1)", "atan(i + x)",  "acosh(x + 1)", "min(x, 0)",   "x % 1",
					      "re(x)",       "atanh(x + 1)", "cbrt(x)",      "hypot(x, 0)", "sign(x)",
					      "log2(x)",     "root(x, 4)" };
	static const char *const whole[] = { "exp(x)",     "sqrt(x + 1)",    "x^3",    "sin(x)/2",
					     "abs(x + 1)", "floor(x + 1/2)", "acos(x)" };
	const char *name = "x";
	struct op_failure f;
	acb_t x, value;
	struct expr_scope scope = { &name, 1, x, NULL };

	acb_init(x);
	acb_init(value);
	mag_set_d(arb_radref(acb_realref(x)), 0.25); /* around 0, with an imaginary part */
	mag_set_d(arb_radref(acb_imagref(x)), 0.25);
	for (int i = 0; i < COUNT(broken); i++) {
		struct expr *e = parsed(broken[i]);
		ck_assert_msg(expr_ball(e, &scope, true, 64, value, &f) == 0 && !acb_is_finite(value), "%s", broken[i]);
		expr_free(e);
	}
	for (int i = 0; i < COUNT(whole); i++) {
		struct expr *e = parsed(whole[i]);
		ck_assert_msg(expr_ball(e, &scope, true, 64, value, &f) == 0 && acb_is_finite(value), "%s", whole[i]);
		expr_free(e);
	}
	acb_clear(x);
	acb_clear(value);
}
END_TEST

static Suite *expr_suite(void)
{
	Suite *s = suite_create("expr");
	TCase *core = tcase_create("core");
	TCase *lengthy = lengthy_case(s);
	int functions = 0;

	while (function_at((size_t)functions))
		functions++;
	tcase_add_checked_fixture(core, setup, teardown);
	tcase_add_loop_test(core, test_print, 0, COUNT(prints));
	tcase_add_test(core, test_names);
	tcase_add_test(core, test_print_keeps_the_value);
	tcase_add_test(lengthy, test_simplify_keeps_the_value);
	tcase_add_loop_test(core, test_simplify, 0, COUNT(simple));
	tcase_add_loop_test(core, test_derivative, 0, COUNT(derivatives));
	tcase_add_test(lengthy, test_derivative_is_the_slope);
	tcase_add_loop_test(core, test_derivative_of_every_function, 0, functions);
	tcase_add_test(lengthy, test_series_are_the_derivatives);
	tcase_add_loop_test(core, test_series_of_every_function, 0, functions);
	tcase_add_test(core, test_series_through_removable_zeros);
	tcase_add_test(core, test_compile_agrees_with_balls);
	tcase_add_test(core, test_compile_runs);
	tcase_add_test(core, test_polynomial);
	tcase_add_test(core, test_rational_in_a_scope);
	tcase_add_test(core, test_ball_analytic);
	tcase_set_timeout(core, 120);
	suite_add_tcase(s, core);
	return s;
}

int main(void)
{
	return suite_run(expr_suite());
}
