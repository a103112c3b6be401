/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Polynomials: each operation undone by another one, published polynomials, exact and certified roots, refusals. */
#include <acb_poly.h>
#include <arb_fmpz_poly.h>
#include <check.h>
#include <flint/fmpq_poly.h>
#include <flint/fmpz_poly.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/roots.h"
#include "op.h"
#include "op_ask.h"
#include "suite_run.h"

/* ---- values ---- */

static const struct {
	const char *op, *args, *result;
} values[] = {
	{ "poly_eval", "[[],5]", "0" },
	{ "poly_eval", "[[1,2,3],0.1]", "\"123/100\"" },
	{ "poly_eval", "[[1,2,3],\"1/10\",20]", "\"1.23\"" },
	{ "poly_eval", "[[1,1],\"2^70\"]", "\"1180591620717411303425\"" },
	{ "poly_eval", "{\"p\":[0,0,1],\"x\":-3}", "9" },
	{ "poly_eval", "[[0,0,1],{\"re\":1,\"im\":2}]", "{\"re\":-3,\"im\":4}" },
	{ "poly_eval", "[[\"sqrt(2)\",1],0]", "1.4142135623730951" },
	{ "poly_eval", "[[-2,0,1],\"sqrt(2)\"]", "0" },
	{ "poly_add", "[[1],[-1]]", "[0]" },
	{ "poly_add", "[[],[]]", "[0]" },
	{ "poly_add", "[[0,0,0,5],[1]]", "[1,0,0,5]" },
	{ "poly_mul", "[[0],[1,2,3]]", "[0]" },
	{ "poly_mul", "[[\"1/2\",\"1/3\"],[\"1/5\",\"1/7\"]]", "[\"1/10\",\"29/210\",\"1/21\"]" },
	{ "poly_divmod", "[[0],[1,1]]", "{\"quotient\":[0],\"remainder\":[0]}" },
	{ "poly_divmod", "[[1],[1,1]]", "{\"quotient\":[0],\"remainder\":[1]}" },
	{ "poly_divmod", "[[1,2,4],[2]]", "{\"quotient\":[\"1/2\",1,2],\"remainder\":[0]}" },
	{ "poly_gcd", "[[0],[2,4]]", "[\"1/2\",1]" },
	{ "poly_gcd", "[[2],[4]]", "[1]" },
	{ "poly_gcd", "[\"x^4-1\",\"x^6-1\"]", "[-1,0,1]" },
	{ "poly_factor", "[[5]]", "{\"content\":5,\"factors\":[]}" },
	{ "poly_factor", "[[\"-1/2\",0,\"-1/2\"]]", "{\"content\":\"-1/2\",\"factors\":[[[1,0,1],1]]}" },
	{ "poly_factor", "[[0,0,3]]", "{\"content\":3,\"factors\":[[[0,1],2]]}" },
	{ "poly_factor", "[\"x^4+4\"]", "{\"content\":1,\"factors\":[[[2,-2,1],1],[[2,2,1],1]]}" }, /* Sophie Germain */
	{ "poly_factor", "[\"x^4+1\"]", "{\"content\":1,\"factors\":[[[1,0,0,0,1],1]]}" },
	{ "poly_factor", "[\"x^4+1\",3]", "{\"content\":1,\"factors\":[[[2,1,1],1],[[2,2,1],1]]}" },
	{ "poly_factor", "[[\"1/2\",1],3]", "{\"content\":1,\"factors\":[[[2,1],1]]}" },
	{ "poly_factor", "[[1,0,2],\"9223372036854775783\"]",
	  "{\"content\":2,\"factors\":[[[\"4611686018427387892\",0,1],1]]}" },
	{ "poly_factor", "[[3,6],2]", "{\"content\":1,\"factors\":[]}" },
	{ "poly_expand", "[\"3/4\"]", "[\"3/4\"]" },
	{ "poly_expand", "[\"(x-1)*(x+1)\"]", "[-1,0,1]" },
	{ "poly_expand", "[\"(a+b)*(a-b)\"]", "\"a^2 - b^2\"" },
	{ "poly_expand", "[\"(x-y)*(x^2+x*y+y^2)\"]", "\"x^3 - y^3\"" },
	{ "poly_expand", "[\"(x+y)/2-sqrt(4)*x*y^0\"]", "\"-3/2*x + 1/2*y\"" },
	{ "poly_expand", "[\"x*y-y*x\"]", "\"0\"" },
	{ "resultant", "[[2],[3,4,5]]", "4" },
	{ "resultant", "[[0],[1,1]]", "0" },
	{ "resultant", "[[1,2],[3,4]]", "2" }, /* 2*4*(-1/2+3/4) */
	{ "discriminant", "[[0,1]]", "1" },
	{ "discriminant", "[[1,2,1]]", "0" },
	{ "discriminant", "[[\"1/2\",\"3/2\",1]]", "\"1/4\"" },
	{ "interpolate", "[[5],[7]]", "[7]" },
	{ "interpolate", "[[0,1,2,3],[0,0,0,0]]", "[0]" },
	{ "interpolate", "[[0.5,1.5,\"1/3\"],[1,\"1/7\",2]]", "[\"232/49\",\"-474/49\",\"216/49\"]" },
	{ "special_poly", "[\"legendre\",0]", "[1]" },
	/* A&S table 22.9, 22.3, 22.12, 22.10 */
	{ "special_poly", "[\"legendre\",5]", "[0,\"15/8\",0,\"-35/4\",0,\"63/8\"]" },
	{ "special_poly", "[\"chebyshev\",6]", "[-1,0,18,0,-48,0,32]" },
	{ "special_poly", "[\"hermite\",5]", "[0,120,0,-160,0,32]" },
	{ "special_poly", "[\"laguerre\",3]", "[1,-3,\"3/2\",\"-1/6\"]" },
	{ "special_poly", "[\"cyclotomic\",1]", "[-1,1]" },
	{ "special_poly", "[\"cyclotomic\",12]", "[1,0,-1,0,1]" },
};
START_TEST(test_values)
{
	op_expect(values[_i].op, values[_i].args, values[_i].result);
}
END_TEST

START_TEST(test_examples_of_the_family)
{
	op_expect_examples(&op_polynomial);
}
END_TEST

/* Phi_105 is the first cyclotomic polynomial with a coefficient other than 0, 1, -1: -2 (OEIS A013594). */
START_TEST(test_special_poly_cyclotomic_105)
{
	json_t *p = op_answer("special_poly", "[\"cyclotomic\",105]");

	ck_assert_uint_eq(json_array_size(p), 49);
	ck_assert_int_eq(json_integer_value(json_array_get(p, 7)), -2);
	ck_assert_int_eq(json_integer_value(json_array_get(p, 41)), -2);
	json_decref(p);
}
END_TEST

/* ---- one operation against another ---- */

/* A repeatable polynomial of degree n with coefficients from -9 to 9, denominators from 1 to 3; JSON. */
static void some_polynomial(struct buf *out, unsigned seed, unsigned n)
{
	unsigned state = seed * 2654435761u + 12345;

	buf_byte(out, '[');
	for (unsigned i = 0; i <= n; i++) {
		state = state * 1103515245u + 12345;
		int top = (int)(state >> 16) % 19 - 9;
		buf_printf(out, "%s\"%d/%u\"", i ? "," : "", i == n && top == 0 ? 1 : top, (state >> 8) % 3 + 1);
	}
	buf_byte(out, ']');
}

/* The answer, as JSON text. */
static void ask(struct buf *out, const char *op, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void ask(struct buf *out, const char *op, const char *fmt, ...)
{
	char args[16384];
	va_list ap;

	va_start(ap, fmt);
	ck_assert_int_lt(vsnprintf(args, sizeof args, fmt, ap), (int)sizeof args);
	va_end(ap);
	ck_assert_msg(op_ask(op, args, out, NULL), "%s%s: %s", op, args, buf_cstr(out));
	buf_cstr(out);
}

static char *member_text(const struct buf *json, const char *name)
{
	json_t *v = json_loadb(json->data, json->len, 0, NULL);
	char *text = json_dumps(json_object_get(v, name), JSON_COMPACT | JSON_ENCODE_ANY);

	json_decref(v);
	ck_assert_ptr_nonnull(text);
	return text;
}

START_TEST(test_division_undoes_multiplication)
{
	struct buf p = BUF_INIT, q = BUF_INIT, out = BUF_INIT, sum = BUF_INIT;

	some_polynomial(&p, (unsigned)_i, 12 + (unsigned)_i);
	some_polynomial(&q, (unsigned)_i + 100, 1 + (unsigned)_i);
	ask(&out, "poly_divmod", "[%s,%s]", buf_cstr(&p), buf_cstr(&q));
	char *quotient = member_text(&out, "quotient"), *remainder = member_text(&out, "remainder");
	ask(&out, "poly_mul", "[%s,%s]", quotient, buf_cstr(&q));
	ask(&sum, "poly_add", "[%s,%s]", buf_cstr(&out), remainder);
	ask(&out, "poly_add", "[%s,[0]]", buf_cstr(&p)); /* p in lowest terms */
	ck_assert_str_eq(buf_cstr(&sum), buf_cstr(&out));
	json_t *r = json_loads(remainder, 0, NULL);
	ck_assert_uint_le(json_array_size(r), 1 + (size_t)_i);
	json_decref(r);
	free(quotient);
	free(remainder);
	buf_fini(&p);
	buf_fini(&q);
	buf_fini(&out);
	buf_fini(&sum);
}
END_TEST

START_TEST(test_gcd_of_multiples_is_divided_out)
{
	struct buf g = BUF_INIT, p = BUF_INIT, q = BUF_INIT, pg = BUF_INIT, qg = BUF_INIT, out = BUF_INIT;

	some_polynomial(&g, (unsigned)_i, 3);
	some_polynomial(&p, (unsigned)_i + 10, 5);
	some_polynomial(&q, (unsigned)_i + 20, 6);
	ask(&pg, "poly_mul", "[%s,%s]", buf_cstr(&p), buf_cstr(&g));
	ask(&qg, "poly_mul", "[%s,%s]", buf_cstr(&q), buf_cstr(&g));
	ask(&out, "poly_gcd", "[%s,%s]", buf_cstr(&pg), buf_cstr(&qg));
	struct buf gcd = BUF_INIT;
	buf_puts(&gcd, buf_cstr(&out));
	const char *multiples[] = { buf_cstr(&pg), buf_cstr(&qg) };
	for (int k = 0; k < 2; k++) {
		ask(&out, "poly_divmod", "[%s,%s]", multiples[k], buf_cstr(&gcd));
		char *remainder = member_text(&out, "remainder");
		ck_assert_str_eq(remainder, "[0]");
		free(remainder);
	}
	ask(&out, "poly_divmod", "[%s,%s]", buf_cstr(&gcd), buf_cstr(&g)); /* g divides it */
	char *remainder = member_text(&out, "remainder");
	ck_assert_str_eq(remainder, "[0]");
	free(remainder);
	ask(&out, "resultant", "[%s,%s]", buf_cstr(&pg), buf_cstr(&qg));
	ck_assert_str_eq(buf_cstr(&out), "0");
	buf_fini(&gcd);
	buf_fini(&g);
	buf_fini(&p);
	buf_fini(&q);
	buf_fini(&pg);
	buf_fini(&qg);
	buf_fini(&out);
}
END_TEST

/* content times the factors to their multiplicities, multiplied by poly_mul. */
static void multiply_out(struct buf *out, const struct buf *factored)
{
	json_t *v = json_loadb(factored->data, factored->len, 0, NULL), *factor;
	char *content = json_dumps(json_object_get(v, "content"), JSON_ENCODE_ANY);
	struct buf next = BUF_INIT;
	size_t i;

	buf_clear(out);
	buf_printf(out, "[%s]", content);
	json_array_foreach(json_object_get(v, "factors"), i, factor)
	{
		char *p = json_dumps(json_array_get(factor, 0), JSON_COMPACT);
		for (json_int_t k = json_integer_value(json_array_get(factor, 1)); k > 0; k--) {
			ask(&next, "poly_mul", "[%s,%s]", buf_cstr(out), p);
			buf_clear(out);
			buf_puts(out, buf_cstr(&next));
		}
		free(p);
	}
	free(content);
	json_decref(v);
	buf_fini(&next);
}

START_TEST(test_factors_multiply_to_the_polynomial)
{
	struct buf a = BUF_INIT, b = BUF_INIT, p = BUF_INIT, out = BUF_INIT, again = BUF_INIT;

	some_polynomial(&a, (unsigned)_i, 4);
	some_polynomial(&b, (unsigned)_i + 50, 3);
	ask(&out, "poly_mul", "[%s,%s]", buf_cstr(&a), buf_cstr(&b));
	ask(&p, "poly_mul", "[%s,%s]", buf_cstr(&out), buf_cstr(&a));
	ask(&out, "poly_factor", "[%s]", buf_cstr(&p));
	json_t *v = json_loadb(out.data, out.len, 0, NULL);
	ck_assert_uint_ge(json_array_size(json_object_get(v, "factors")), 2);
	json_decref(v);
	multiply_out(&again, &out);
	ck_assert_str_eq(buf_cstr(&again), buf_cstr(&p));
	buf_fini(&a);
	buf_fini(&b);
	buf_fini(&p);
	buf_fini(&out);
	buf_fini(&again);
}
END_TEST

START_TEST(test_cyclotomic_product) /* x^n - 1 is the product of Phi_d over the divisors d of n */
{
	static const int orders[] = { 1, 2, 12, 30, 36, 105 };
	int n = orders[_i];
	struct buf product = BUF_INIT, phi = BUF_INIT, out = BUF_INIT;

	buf_puts(&product, "[1]");
	for (int d = 1; d <= n; d++) {
		if (n % d)
			continue;
		ask(&phi, "special_poly", "[\"cyclotomic\",%d]", d);
		ask(&out, "poly_mul", "[%s,%s]", buf_cstr(&product), buf_cstr(&phi));
		buf_clear(&product);
		buf_puts(&product, buf_cstr(&out));
	}
	ask(&out, "poly_expand", "[\"x^%d-1\"]", n);
	ck_assert_str_eq(buf_cstr(&product), buf_cstr(&out));
	buf_fini(&product);
	buf_fini(&phi);
	buf_fini(&out);
}
END_TEST

START_TEST(test_interpolate_recovers_the_polynomial)
{
	struct buf p = BUF_INIT, x = BUF_INIT, y = BUF_INIT, value = BUF_INIT, out = BUF_INIT;
	unsigned n = 1 + 2 * (unsigned)_i;

	some_polynomial(&p, (unsigned)_i, n);
	for (unsigned k = 0; k <= n; k++) {
		buf_printf(&x, "%s\"%d/7\"", k ? "," : "", (int)k - 3);
		ask(&value, "poly_eval", "[%s,\"%d/7\"]", buf_cstr(&p), (int)k - 3);
		buf_printf(&y, "%s%s", k ? "," : "", buf_cstr(&value));
	}
	ask(&out, "interpolate", "[[%s],[%s]]", buf_cstr(&x), buf_cstr(&y));
	ask(&value, "poly_add", "[%s,[0]]", buf_cstr(&p));
	ck_assert_str_eq(buf_cstr(&out), buf_cstr(&value));
	buf_fini(&p);
	buf_fini(&x);
	buf_fini(&y);
	buf_fini(&value);
	buf_fini(&out);
}
END_TEST

/* ---- resultants and discriminants by roots ---- */

/* prod (a_i - b_j) for monic polynomials with the integer roots given. */
static const struct {
	const char *p, *q, *resultant;
} by_roots[] = {
	{ "(x-1)*(x-2)", "(x-5)*(x-7)", "360" }, /* (1-5)(1-7)(2-5)(2-7) */
	{ "(x-1)", "(x-4)", "-3" },
	{ "(x-1)*(x+1)*(x-3)", "(x-2)*(x-4)", "-45" }, /* (-1)(-3)(-3)(-5)(1)(-1) */
};
START_TEST(test_resultant_of_root_differences)
{
	char args[200];

	snprintf(args, sizeof args, "[\"%s\",\"%s\"]", by_roots[_i].p, by_roots[_i].q);
	op_expect("resultant", args, by_roots[_i].resultant);
}
END_TEST

/* ---- roots ---- */

static const struct {
	const char *args, *result;
} roots[] = {
	{ "[[5]]", "[]" },
	{ "[[0,1]]", "[0]" },
	{ "[[0,0,0,2]]", "[0,0,0]" },
	{ "[[1,3]]", "[-0.3333333333333333]" },
	{ "[[1,3],20]", "[\"-0.33333333333333333333\"]" },
	{ "[[-4,0,0,0,1]]", "[-1.4142135623730951,{\"re\":0,\"im\":-1.4142135623730951},"
			    "{\"re\":0,\"im\":1.4142135623730951},1.4142135623730951]" },
	/* equal real parts in different factors: by imaginary part */
	{ "[\"(x^2-2*x+5)*(x^2-2*x+10)\"]",
	  "[{\"re\":1,\"im\":-3},{\"re\":1,\"im\":-2},{\"re\":1,\"im\":2},{\"re\":1,\"im\":3}]" },
	{ "[\"(x^2+1)*(x-1)*x\"]", "[{\"re\":0,\"im\":-1},0,{\"re\":0,\"im\":1},1]" },
	{ "[\"(x^2+4)^2*(x^2+x+1)\"]",
	  "[{\"re\":-0.5,\"im\":-0.8660254037844386},{\"re\":-0.5,\"im\":0.8660254037844386},{\"re\":0,\"im\":-2},"
	  "{\"re\":0,\"im\":-2},{\"re\":0,\"im\":2},{\"re\":0,\"im\":2}]" },
	{ "[\"(x-1/2)^3*(x+2/3)^2\"]", "[-0.6666666666666666,-0.6666666666666666,0.5,0.5,0.5]" },
	{ "[[\"-10000000000000000000001\",\"10000000000000000000000\"],25]", "[\"1.000000000000000000000100\"]" },
	{ "[\"x^6+1/64\"]", "[{\"re\":-0.4330127018922193,\"im\":-0.25},{\"re\":-0.4330127018922193,\"im\":0.25},"
			    "{\"re\":0,\"im\":-0.5},{\"re\":0,\"im\":0.5},{\"re\":0.4330127018922193,\"im\":-0.25},"
			    "{\"re\":0.4330127018922193,\"im\":0.25}]" },
	{ "[[-2,\"sqrt(2)\"]]", "[1.4142135623730951]" },
	{ "[[1,\"-2*i\"]]", "[{\"re\":0,\"im\":-0.5}]" },
	{ "[[1,{\"re\":0,\"im\":0},1]]", "[{\"re\":0,\"im\":-1},{\"re\":0,\"im\":1}]" },
	{ "[[\"pi\",0,1]]", "[{\"re\":0,\"im\":-1.772453850905516},{\"re\":0,\"im\":1.772453850905516}]" },
	{ "[[\"-pi\",0,1],20]", "[\"-1.7724538509055160273\",\"1.7724538509055160273\"]" },
};
START_TEST(test_roots)
{
	op_expect("poly_roots", roots[_i].args, roots[_i].result);
}
END_TEST

/* Wilkinson's polynomial (The perfidious polynomial, 1984): roots exactly 1 to 20, in spite of its conditioning. */
START_TEST(test_roots_of_wilkinson)
{
	struct buf expr = BUF_INIT, out = BUF_INIT;

	buf_puts(&expr, "(x-1)");
	for (int k = 2; k <= 20; k++)
		buf_printf(&expr, "*(x-%d)", k);
	ask(&out, "poly_roots", "[\"%s\"]", buf_cstr(&expr));
	ck_assert_str_eq(buf_cstr(&out), "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]");
	/* With his perturbation of 2^-23 in the coefficient of x^19: a pair of roots as he published it. */
	ask(&out, "poly_roots", "[\"%s-2^-23*x^19\"]", buf_cstr(&expr));
	json_t *v = json_loadb(out.data, out.len, 0, NULL);
	double worst = 1;
	size_t i;
	json_t *root;
	json_array_foreach(v, i, root)
	{
		if (json_is_object(root))
			worst = fmin(worst, fabs(json_number_value(json_object_get(root, "re")) - 16.730737466) +
						fabs(json_number_value(json_object_get(root, "im")) - 2.812624894));
	}
	ck_assert_double_lt(worst, 1e-8);
	json_decref(v);
	buf_fini(&expr);
	buf_fini(&out);
}
END_TEST

/* The product over the roots, with their multiplicities, encloses the polynomial, narrowly. */
START_TEST(test_roots_multiply_to_the_polynomial)
{
	flint_rand_t random;
	fmpq_poly_t p, factor;
	acb_poly_t product;
	struct roots r;

	flint_randinit(random);
	for (int k = 0; k < _i; k++)
		n_randlimb(random);
	fmpq_poly_init(p);
	fmpq_poly_init(factor);
	acb_poly_init(product);
	fmpq_poly_randtest_not_zero(p, random, 12, 10);
	fmpq_poly_randtest_not_zero(factor, random, 4, 6);
	fmpq_poly_mul(p, p, factor);
	fmpq_poly_mul(p, p, factor);
	fmpq_poly_make_monic(p, p);
	roots_init(&r, p);
	slong n = roots_total(&r);
	ck_assert_int_eq(n, fmpq_poly_degree(p));
	acb_ptr z = _acb_vec_init(n);
	roots_refine(&r, 100);
	roots_refine(&r, 400); /* keeps the order */
	roots_get(z, &r, 400);
	acb_poly_product_roots(product, z, n, 400);
	ck_assert(acb_poly_contains_fmpq_poly(product, p));
	for (slong i = 0; i <= n; i++)
		ck_assert(acb_contains_zero(acb_poly_get_coeff_ptr(product, i)) ||
			  acb_rel_accuracy_bits(acb_poly_get_coeff_ptr(product, i)) > 200);
	for (slong i = 1; i < n; i++) {
		bool before = arb_gt(acb_realref(z + i), acb_realref(z + i - 1)) ||
			      (arb_overlaps(acb_realref(z + i), acb_realref(z + i - 1)) &&
			       !arb_lt(acb_imagref(z + i), acb_imagref(z + i - 1)));
		ck_assert_msg(before, "root %ld is out of order", (long)i);
	}
	_acb_vec_clear(z, n);
	roots_fini(&r);
	fmpq_poly_clear(p);
	fmpq_poly_clear(factor);
	acb_poly_clear(product);
	flint_randclear(random);
	flint_cleanup();
}
END_TEST

/* ---- limits and failures ---- */

static const struct {
	const char *op, *args, *error, *pointer;
} failures[] = {
	{ "poly_eval", "[[1]]", "arity", NULL },
	{ "poly_eval", "[[\"x\"],1]", "invalid-argument", "/0/0" },
	{ "poly_eval", "[\"x+y\",1]", "invalid-argument", "/0" },
	{ "poly_eval", "[\"sin(x)\",1]", "invalid-argument", "/0" },
	{ "poly_eval", "[\"x^1000000\",3]", "limit-exceeded", "/0" },
	{ "poly_eval", "[\"x^20000\",\"10^100\"]", "limit-exceeded", NULL },
	{ "poly_add", "[[1],[\"sqrt(2)\"]]", "invalid-argument", NULL },
	{ "poly_divmod", "[[1,2],[]]", "division-by-zero", "/1" },
	{ "poly_divmod", "{\"p\":[1,2],\"q\":[0,0]}", "division-by-zero", "/q" },
	{ "poly_roots", "[[]]", "domain-error", "/0" },
	{ "poly_roots", "[\"x^501-1\"]", "limit-exceeded", "/0" },
	{ "poly_roots", "[[1,2,1],1000001]", "limit-exceeded", NULL },
	{ "poly_roots", "[\"x^400-2\",1000000]", "limit-exceeded", NULL },
	{ "poly_roots", "[[2,\"-2*sqrt(2)\",1]]", "did-not-converge", "/0" }, /* (x - sqrt 2)^2 */
	{ "poly_factor", "[[0]]", "domain-error", "/0" },
	{ "poly_factor", "[[2,4],2]", "domain-error", "/0" },
	{ "poly_factor", "[[1,1],1]", "invalid-argument", "/1" },
	{ "poly_factor", "[[1,1],6]", "invalid-argument", "/1" },
	{ "poly_factor", "[[1,\"1/3\"],3]", "not-invertible", "/0" },
	{ "poly_factor", "[[1,1],\"2^64\"]", "limit-exceeded", "/1" },
	{ "poly_factor", "[\"x^2001\"]", "limit-exceeded", "/0" },
	{ "poly_expand", "[\"x+\"]", "parse-error", NULL },
	{ "poly_expand", "[\"x/y\"]", "invalid-argument", "/0" },
	{ "poly_expand", "[\"x*y/0\"]", "division-by-zero", "/0" },
	{ "poly_expand", "[\"sin(x)*y\"]", "invalid-argument", "/0" },
	{ "poly_expand", "[\"pi*x*y\"]", "invalid-argument", "/0" },
	{ "poly_expand", "[\"x^y\"]", "invalid-argument", "/0" },
	{ "poly_expand", "[\"(x*y)^(1/2)\"]", "invalid-argument", "/0" },
	{ "poly_expand", "[\"(x*y)^-1\"]", "invalid-argument", "/0" },
	{ "poly_expand", "[\"(x+y+z)^1000\"]", "limit-exceeded", "/0" },
	{ "poly_expand", "[\"(x*y)^(10^30)\"]", "limit-exceeded", "/0" },
	{ "poly_expand", "[\"(2*x*y)^100000000\"]", "limit-exceeded", "/0" },
	{ "resultant", "[\"x^15000+1\",\"3*x^15000+x+7\"]", "limit-exceeded", NULL },
	{ "discriminant", "[[3]]", "domain-error", "/0" },
	{ "interpolate", "[[],[]]", "invalid-argument", "/0" },
	{ "interpolate", "[[1,2],[1]]", "dimension-mismatch", "/1" },
	{ "interpolate", "[[1,2,1],[1,2,3]]", "invalid-argument", "/0/2" },
	{ "special_poly", "[\"bessel\",2]", "invalid-argument", "/0" },
	{ "special_poly", "[\"legendre\",-1]", "invalid-argument", "/1" },
	{ "special_poly", "[\"cyclotomic\",0]", "invalid-argument", "/1" },
	{ "special_poly", "[\"legendre\",100000]", "limit-exceeded", "/1" },
	{ "special_poly", "[\"hermite\",\"10^30\"]", "limit-exceeded", "/1" },
};
START_TEST(test_failures)
{
	if (failures[_i].pointer)
		op_expect_pointer(failures[_i].op, failures[_i].args, failures[_i].error, failures[_i].pointer);
	else
		op_expect_error(failures[_i].op, failures[_i].args, failures[_i].error);
}
END_TEST

/* Abscissas whose common denominator is long: the coefficients would have millions of digits. */
START_TEST(test_interpolate_refuses_what_grows)
{
	struct buf args = BUF_INIT, json = BUF_INIT;
	struct op_failure f;

	buf_puts(&args, "[[");
	for (int k = 0; k < 400; k++)
		buf_printf(&args, "%s\"1/%d\"", k ? "," : "", 1000003 + 2 * k);
	buf_puts(&args, "],[");
	for (int k = 0; k < 400; k++)
		buf_printf(&args, "%s%d", k ? "," : "", k % 7);
	buf_puts(&args, "]]");
	ck_assert(!op_ask("interpolate", buf_cstr(&args), &json, &f));
	ck_assert_str_eq(op_error_name(f.error), "limit-exceeded");
	ck_assert_double_gt(f.estimate, f.limit);
	buf_fini(&args);
	buf_fini(&json);
}
END_TEST

START_TEST(test_expand_failure_has_a_position)
{
	struct buf json = BUF_INIT;
	struct op_failure f;

	ck_assert(!op_ask("poly_expand", "[\"x*y + sin(x)\"]", &json, &f));
	ck_assert_int_eq(f.position, 6);
	buf_fini(&json);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

static Suite *polynomial_suite(void)
{
	Suite *s = suite_create("polynomial");
	TCase *core = tcase_create("core"), *certified = tcase_create("roots"), *faults = tcase_create("faults");

	tcase_add_checked_fixture(core, op_ask_setup, op_ask_teardown);
	tcase_add_loop_test(core, test_values, 0, COUNT(values));
	tcase_add_test(core, test_examples_of_the_family);
	tcase_add_test(core, test_special_poly_cyclotomic_105);
	tcase_add_loop_test(core, test_division_undoes_multiplication, 0, 8);
	tcase_add_loop_test(core, test_gcd_of_multiples_is_divided_out, 0, 8);
	tcase_add_loop_test(core, test_factors_multiply_to_the_polynomial, 0, 12);
	tcase_add_loop_test(core, test_cyclotomic_product, 0, 6);
	tcase_add_loop_test(core, test_interpolate_recovers_the_polynomial, 0, 10);
	tcase_add_loop_test(core, test_resultant_of_root_differences, 0, COUNT(by_roots));
	suite_add_tcase(s, core);
	tcase_add_checked_fixture(certified, op_ask_setup, op_ask_teardown);
	tcase_add_loop_test(certified, test_roots, 0, COUNT(roots));
	tcase_add_test(certified, test_roots_of_wilkinson);
	tcase_add_loop_test(certified, test_roots_multiply_to_the_polynomial, 0, 40);
	suite_add_tcase(s, certified);
	tcase_add_checked_fixture(faults, op_ask_setup, op_ask_teardown);
	tcase_add_loop_test(faults, test_failures, 0, COUNT(failures));
	tcase_add_test(faults, test_interpolate_refuses_what_grows);
	tcase_add_test(faults, test_expand_failure_has_a_position);
	suite_add_tcase(s, faults);
	return s;
}

int main(void)
{
	return suite_run(polynomial_suite());
}
