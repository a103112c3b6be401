/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arithmetic through the real call path, as a compute child makes it: exact results, certified ones, digits of
 * constants, and identities. The light operations' own tests are in check_op.c. */
#include <stdarg.h> /* before gmp.h, which declares what takes a va_list only then */

#include <check.h>
#include <gmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exact_json.h"
#include "lengthy.h"
#include "op.h"
#include "op_ask.h"
#include "suite_run.h"

static const struct op_family *const families[] = { &op_arithmetic, &op_integer, &op_elementary, &op_digits };

START_TEST(test_arithmetic_examples_hold)
{
	op_expect_examples(families[_i]);
}
END_TEST

/* ---- tables ---- */

static const struct {
	const char *op, *args, *result;
} right[] = {
	/* constant expressions with a rational value are exact */
	{ "add", "[\"1/3+1/6\",\"2^-1\"]", "1" },
	{ "square", "[\"(1/2)^3\"]", "\"1/64\"" },
	{ "gcd", "[\"3!\",\"2*2\"]", "2" },
	{ "factorial", "[\"2+3\"]", "120" },
	/* irrational and complex ones */
	{ "square", "[\"sqrt(2)\"]", "2" },
	{ "square", "[{\"re\":0,\"im\":1}]", "-1" },
	{ "square", "[\"1+i\"]", "{\"re\":0,\"im\":2}" },
	{ "sub", "[\"pi\",\"pi\"]", "0" },
	{ "sub", "[{\"re\":\"1/2\",\"im\":1},\"i\"]", "0.5" },
	{ "mul", "[\"2i\",\"2i\"]", "-4" },
	{ "mul", "[\"pi\",2,\"1/2\"]", "3.141592653589793" },
	{ "div", "[1,\"2i\"]", "{\"re\":0,\"im\":-0.5}" },
	{ "div", "[\"pi\",3]", "1.0471975511965979" },
	{ "div", "[{\"re\":1,\"im\":1},{\"re\":1,\"im\":-1}]", "{\"re\":0,\"im\":1}" },
	{ "pow", "[4,\"1/2\"]", "2" },
	{ "pow", "[2,\"1/2\"]", "1.4142135623730951" },
	{ "pow", "[\"8/27\",\"-2/3\"]", "\"9/4\"" },
	{ "pow", "[0,\"1/3\"]", "0" },
	{ "pow", "[0,0]", "1" },
	{ "pow", "[-4,\"1/2\"]", "{\"re\":0,\"im\":2}" },
	{ "pow", "[\"i\",2]", "-1" },
	{ "pow", "[\"e\",1]", "2.718281828459045" },
	{ "pow", "[2,\"pi\"]", "8.824977827076287" },
	{ "pow", "[\"-3/3\",\"1e500\"]", "1" },
	{ "mod", "[\"pi\",1]", "0.14159265358979323" },
	{ "mod", "[\"-pi\",1]", "0.8584073464102068" },
	{ "divmod", "[100,\"pi\"]", "{\"quotient\":31,\"remainder\":2.6106277387164094}" },
	{ "divmod", "[\"1e25\",\"pi\"]",
	  "{\"quotient\":\"3183098861837906715377675\",\"remainder\":0.8402198575958292}" },
	{ "neg", "[{\"re\":1,\"im\":-2}]", "{\"re\":-1,\"im\":2}" },
	{ "neg", "[\"1e30\"]", "\"-1000000000000000000000000000000\"" },
	{ "neg", "[0]", "0" },
	{ "abs", "[\"-pi\"]", "3.141592653589793" },
	{ "abs", "[\"3/5+4*i/5\"]", "1" },
	{ "abs", "[\"-1e20\"]", "\"100000000000000000000\"" },
	/* digits asked for: an integer stays, a fraction is rounded */
	{ "add", "{\"a\":1,\"b\":2,\"precision\":30}", "3" },
	{ "add", "{\"a\":1,\"b\":\"1/3\",\"precision\":20}", "\"1.3333333333333333333\"" },
	{ "div", "{\"a\":2,\"b\":3,\"precision\":15}", "0.6666666666666666" },
	{ "div", "{\"a\":2,\"b\":3,\"precision\":20}", "\"0.66666666666666666667\"" },
	{ "square", "{\"x\":\"pi\",\"precision\":30}", "\"9.86960440108935861883449099988\"" },
	{ "mul", "{\"a\":\"1/3\",\"b\":\"1/3\",\"more\":[3],\"precision\":18}", "\"0.333333333333333333\"" },
	{ "pow", "{\"a\":2,\"b\":\"1/2\",\"precision\":40}", "\"1.414213562373095048801688724209698078570\"" },
	{ "pow", "{\"a\":\"2/3\",\"b\":2,\"precision\":16}", "\"0.4444444444444444\"" },
	{ "mod", "{\"a\":\"7/3\",\"b\":1,\"precision\":20}", "\"0.33333333333333333333\"" },
	{ "neg", "{\"x\":\"2/3\",\"precision\":17}", "\"-0.66666666666666667\"" },
	{ "round", "{\"x\":\"2/3\",\"digits\":30,\"precision\":20}", "\"0.66666666666666666667\"" },
	/* roots */
	{ "root", "[0]", "0" },
	{ "root", "[\"8/27\",3]", "\"2/3\"" },
	{ "root", "[\"-1/32\",5]", "\"-1/2\"" },
	{ "root", "[10,1]", "10" },
	{ "root", "[-2,3]", "-1.2599210498948732" },
	{ "root", "[\"pi\"]", "1.772453850905516" },
	{ "root", "[0.1]", "0.31622776601683794" },
	{ "root", "[\"1e400\",1000000000]", "1.0000009210344614" },
	{ "root", "{\"x\":\"sqrt(2)\",\"n\":2,\"precision\":20}", "\"1.1892071150027210667\"" },
	{ "iroot", "[0,5]", "0" },
	{ "iroot", "[63,3]", "3" },
	{ "iroot", "[64,3]", "4" },
	{ "iroot", "[7,\"1000000000000\"]", "1" },
	{ "iroot", "[-1,9]", "-1" },
	/* roundings */
	{ "floor", "[-2.5]", "-3" },
	{ "floor", "[7]", "7" },
	{ "floor", "[\"-pi\"]", "-4" },
	{ "floor", "[\"1e20*pi\"]", "\"314159265358979323846\"" },
	{ "floor", "[\"1e-300*pi\"]", "0" },
	{ "ceil", "[-2.5]", "-2" },
	{ "ceil", "[\"1e-300*pi\"]", "1" },
	{ "ceil", "[\"10000000000000000000001/10\"]", "\"1000000000000000000001\"" },
	{ "round", "[0.5]", "1" },
	{ "round", "[\"-1/2\"]", "-1" },
	{ "round", "[1.4999]", "1" },
	{ "round", "[2.345,2]", "\"47/20\"" },
	{ "round", "[-1.005,2]", "\"-101/100\"" },
	{ "round", "[\"-pi\",4]", "\"-3927/1250\"" },
	{ "round", "[\"1e-3*pi\"]", "0" },
	{ "round", "[\"1000*pi\",-2]", "3100" },
	{ "round", "[-50,-2]", "-100" },
	{ "round", "[49,-2]", "0" },
	{ "round", "[12,5]", "12" },
	{ "round", "[\"1/3\",3]", "\"333/1000\"" },
	/* the rest */
	{ "double_factorial", "[0]", "1" }, /* A006882 */
	{ "double_factorial", "[1]", "1" },
	{ "double_factorial", "[20]", "3715891200" },
	{ "double_factorial", "[19]", "654729075" },
	{ "xgcd", "[0,0]", "{\"g\":0,\"x\":0,\"y\":0}" },
	{ "sum", "[[\"1/2\",\"1/3\",\"1/6\"]]", "1" },
	{ "sum", "[[0.1,0.2,0.3]]", "\"3/5\"" },
	{ "sum", "[[{\"re\":1,\"im\":1},{\"re\":1,\"im\":-1}]]", "2" },
	{ "sum", "{\"y\":[\"1/3\"],\"precision\":16}", "\"0.3333333333333333\"" },
	{ "product", "[[\"1e30\",\"1e-30\",7]]", "7" },
	{ "product", "[[\"sqrt(2)\",\"sqrt(2)\"]]", "2" },
	{ "product", "[[0,\"pi\"]]", "0" },
	{ "digit_sum", "[0]", "0" },
	{ "digit_sum", "[\"1e1000\"]", "1" },
	{ "digit_sum", "[99999999999999999999]", "180" },
	{ "digit_count", "[-10]", "2" },
	{ "digit_count", "[999999999999999999999]", "21" },
	{ "base_convert", "[\"0\",10,2]", "\"0\"" },
	{ "base_convert", "[\"-0\",10,2]", "\"0\"" },
	{ "base_convert", "[\"+000101\",2,36]", "\"5\"" },
	{ "base_convert", "[\"DeadBeef\",16,10]", "\"3735928559\"" },
	{ "decimal_expansion", "[0]", "{\"integer\":0,\"prefix\":\"\",\"period\":\"\"}" },
	{ "decimal_expansion", "[\"1/6\"]", "{\"integer\":0,\"prefix\":\"1\",\"period\":\"6\"}" },
	{ "decimal_expansion", "[\"1/97\"]",
	  "{\"integer\":0,\"prefix\":\"\",\"period\":"
	  "\"010309278350515463917525773195876288659793814432989690721649484536082474226804123711340206185567\"}" },
	{ "decimal_expansion", "[\"355/113*100\"]",
	  "{\"integer\":314,\"prefix\":\"\",\"period\":"
	  "\"1592920353982300884955752212389380530973451327433628318584070796460176991150442477876106194690265486725663"
	  "716814\"}" },
	{ "decimal_expansion", "[\"1/1024\"]", "{\"integer\":0,\"prefix\":\"0009765625\",\"period\":\"\"}" },
	{ "decimal_expansion", "[\"-7\"]", "{\"integer\":-7,\"prefix\":\"\",\"period\":\"\"}" },
	{ "digits_of", "[\"pi\"]", "\"3.14159265358979323846264338327950288419716939937510\"" },      /* A000796 */
	{ "digits_of", "[\"e\"]", "\"2.71828182845904523536028747135266249775724709369995\"" },       /* A001113 */
	{ "digits_of", "[\"gamma\"]", "\"0.57721566490153286060651209008240243104215933593992\"" },   /* A001620 */
	{ "digits_of", "[\"catalan\"]", "\"0.91596559417721901505460351493238411077414937428167\"" }, /* A006752 */
	{ "digits_of", "[\"zeta3\"]", "\"1.20205690315959428539973816151144999076498629234049\"" },   /* A002117 */
	{ "digits_of", "[\"ln2\"]", "\"0.69314718055994530941723212145817656807550013436025\"" },     /* A002162 */
	{ "digits_of", "[\"phi\"]", "\"1.61803398874989484820458683436563811772030917980576\"" },     /* A001622 */
	{ "digits_of", "[\"sqrt(2)\"]", "\"1.41421356237309504880168872420969807856967187537694\"" }, /* A002193 */
	{ "digits_of", "[\"sqrt(4)\",3]", "\"2.000\"" },
	{ "digits_of", "[\"sqrt(0)\",2]", "\"0.00\"" },
	{ "digits_of", "[\"sqrt(144)\",3,5]", "\"000\"" },
	{ "digits_of", "[\"pi\",0]", "\"3\"" },
	{ "digits_of", "[\"gamma\",0]", "\"0\"" },
	{ "digits_of", "[\"pi\",0,5]", "\"\"" },
	{ "digits_of", "[\"pi\",1,32]", "\"0\"" },
	{ "digits_of", "[\"pi\",6,762]", "\"999999\"" }, /* the Feynman point */
	{ "digits_of", "[\"pi\",10,999991]", "\"5779458151\"" },
};

START_TEST(test_arithmetic_right_results)
{
	op_expect(right[_i].op, right[_i].args, right[_i].result);
}
END_TEST

static const struct {
	const char *op, *args, *type, *pointer;
} wrong[] = {
	{ "square", "[{\"re\":1}]", "invalid-argument", "/0" },
	{ "square", "[{\"re\":1,\"im\":true}]", "invalid-argument", "/0" },
	{ "square", "[\"2*\"]", "invalid-argument", "/0" },
	{ "add", "{\"a\":1,\"b\":2,\"precision\":0}", "invalid-argument", "/precision" },
	{ "add", "{\"a\":1,\"b\":2,\"precision\":1000001}", "limit-exceeded", "/precision" },
	{ "div", "[1,\"0*pi\"]", "division-by-zero", NULL },
	{ "div", "{\"a\":1,\"b\":0,\"precision\":20}", "division-by-zero", NULL },
	{ "mod", "[\"pi\",0]", "invalid-argument", "/1" },
	{ "mod", "{\"a\":1,\"b\":0,\"precision\":20}", "invalid-argument", "/b" },
	{ "divmod", "[\"pi\",0]", "division-by-zero", "/1" },
	{ "mod", "[\"2i\",3]", "invalid-argument", "/0" },
	{ "mod", "[{\"re\":1,\"im\":1},3]", "invalid-argument", "/0" },
	{ "pow", "[0,\"-1/2\"]", "division-by-zero", "/0" },
	{ "pow", "[0,\"-pi\"]", "division-by-zero", NULL },
	{ "pow", "[9,\"9^9\"]", "limit-exceeded", NULL },
	{ "root", "[-8,2]", "domain-error", NULL },
	{ "root", "[\"-pi\",4]", "domain-error", NULL },
	{ "root", "[2,-1]", "invalid-argument", "/1" },
	{ "root", "[\"2i\"]", "invalid-argument", "/0" },
	{ "root", "[2,1.5]", "invalid-argument", "/1" },
	{ "iroot", "[-4,2]", "domain-error", "/0" },
	{ "iroot", "[8,-1]", "invalid-argument", "/1" },
	{ "floor", "[\"i\"]", "invalid-argument", "/0" },
	{ "round", "[1,100001]", "limit-exceeded", "/1" },
	{ "round", "[1,0.5]", "invalid-argument", "/1" },
	{ "double_factorial", "[-2]", "domain-error", "/0" },
	{ "double_factorial", "[\"1e400\"]", "limit-exceeded", NULL },
	{ "xgcd", "[1]", "arity", "" },
	{ "gcd", "[\"pi\"]", "invalid-argument", "/0" },
	{ "sum", "[[1,true]]", "invalid-argument", "/0/1" },
	{ "sum", "[[1,\"what\"]]", "invalid-argument", "/0/1" },
	{ "product", "[[\"1e600000\",\"1e600000\"]]", "limit-exceeded", NULL },
	{ "base_convert", "[\"\",10,2]", "invalid-argument", "/0" },
	{ "base_convert", "[\"-\",10,2]", "invalid-argument", "/0" },
	{ "base_convert", "[\"1 2\",10,2]", "invalid-argument", "/0" },
	{ "base_convert", "[\"12\",37,2]", "limit-exceeded", "/1" },
	{ "base_convert", "[12,10,2]", "invalid-argument", "/0" },
	{ "digits_of", "[\"sqrt(-2)\",5]", "invalid-argument", "/0" },
	{ "digits_of", "[\"sqrt()\",5]", "invalid-argument", "/0" },
	{ "digits_of", "[\"sqrt(2)x\",5]", "invalid-argument", "/0" },
	{ "digits_of", "[\"system(1)\",5]", "invalid-argument", "/0" },
	{ "digits_of", "[\"pi\",-1]", "invalid-argument", "/1" },
	{ "digits_of", "[\"pi\",1000001]", "limit-exceeded", "/1" },
	{ "digits_of", "[\"pi\",5,0]", "invalid-argument", "/2" },
	{ "digits_of", "[\"pi\",2,1000000]", "limit-exceeded", "/2" },
	{ "decimal_expansion", "[\"1/100000000000031\"]", "limit-exceeded", NULL },
	{ "decimal_expansion", "[\"sqrt(2)\"]", "invalid-argument", "/0" },
};

START_TEST(test_arithmetic_wrong_arguments)
{
	op_expect_pointer(wrong[_i].op, wrong[_i].args, wrong[_i].type, wrong[_i].pointer);
}
END_TEST

/* Where no precision can decide, the answer is that, and comes soon. */
START_TEST(test_floor_at_a_jump_does_not_converge)
{
	op_expect_error("floor", "[\"sqrt(2)*sqrt(3)*sqrt(6)+pi-pi\"]", "did-not-converge");
	op_expect_error("mod", "[\"pi\",\"pi\"]", "did-not-converge");
}
END_TEST

/* ---- identities ---- */

static uint64_t state = 88172645463325252;

static uint64_t draw(void) /* Marsaglia's xorshift */
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void draw_mpz(mpz_t out, unsigned bits)
{
	mpz_set_ui(out, 0);
	for (unsigned have = 0; have < bits; have += 32) {
		mpz_mul_2exp(out, out, 32);
		mpz_add_ui(out, out, draw() >> 32);
	}
	mpz_fdiv_r_2exp(out, out, bits);
	if (draw() % 2)
		mpz_neg(out, out);
}

static json_t *ask(const char *op, const char *fmt, ...)
{
	char *args = NULL;
	void (*gmp_free)(void *, size_t);
	va_list ap;

	va_start(ap, fmt);
	gmp_vasprintf(&args, fmt, ap);
	va_end(ap);
	json_t *v = op_answer(op, args);
	mp_get_memory_functions(NULL, NULL, &gmp_free);
	gmp_free(args, strlen(args) + 1);
	return v;
}

static void set_json(mpz_t out, const json_t *v)
{
	size_t n;
	const char *s = exact_json_string(v, &n);

	if (json_is_integer(v))
		mpz_set_si(out, (long)json_integer_value(v));
	else
		ck_assert(s && mpz_set_str(out, s, 10) == 0);
}

START_TEST(test_xgcd_is_bezout)
{
	mpz_t a, b, g, x, y;

	mpz_inits(a, b, g, x, y, NULL);
	for (unsigned i = 0; i < 200; i++) {
		draw_mpz(a, 1 + i * 3);
		draw_mpz(b, 1 + i * 2);
		json_t *v = ask("xgcd", "[\"%Zd\",\"%Zd\"]", a, b);
		set_json(g, json_object_get(v, "g"));
		set_json(x, json_object_get(v, "x"));
		set_json(y, json_object_get(v, "y"));
		json_decref(v);
		mpz_mul(x, x, a);
		mpz_addmul(x, y, b);
		ck_assert(mpz_cmp(x, g) == 0);
		mpz_gcd(x, a, b);
		ck_assert(mpz_cmp(x, g) == 0);
	}
	mpz_clears(a, b, g, x, y, NULL);
}
END_TEST

START_TEST(test_roots_lie_between)
{
	mpz_t n, r, p;

	mpz_inits(n, r, p, NULL);
	for (unsigned i = 0; i < 200; i++) {
		unsigned long k = 1 + i % 7;
		draw_mpz(n, 2 + i * 4);
		mpz_abs(n, n);
		json_t *v = ask("iroot", "[\"%Zd\",%lu]", n, k);
		set_json(r, v);
		json_decref(v);
		mpz_pow_ui(p, r, k);
		ck_assert(mpz_cmp(p, n) <= 0);
		mpz_pow_ui(p, r, k);
		json_t *exact = ask("root", "[\"%Zd\",%lu]", p, k); /* of a perfect power: exact */
		set_json(n, exact);
		json_decref(exact);
		ck_assert(mpz_cmp(n, r) == 0);
		mpz_add_ui(r, r, 1);
		mpz_pow_ui(p, r, k);
		ck_assert(mpz_cmp(p, n) > 0);
	}
	mpz_clears(n, r, p, NULL);
}
END_TEST

START_TEST(test_base_convert_goes_back)
{
	mpz_t n;

	mpz_init(n);
	for (int base = 2; base <= 36; base++) {
		draw_mpz(n, 20 * (unsigned)base);
		char *mine = mpz_get_str(NULL, 10, n), expected[2000];
		mpz_get_str(expected, base, n);
		size_t len;
		json_t *v = ask("base_convert", "[\"%s\",10,%d]", mine, base);
		const char *s = exact_json_string(v, &len);
		ck_assert(s && strlen(expected) == len && memcmp(s, expected, len) == 0);
		json_t *back = ask("base_convert", "[\"%s\",%d,10]", expected, base);
		ck_assert_str_eq(exact_json_string(back, &len), mine);
		json_decref(back);
		json_decref(v);
		free(mine);
	}
	mpz_clear(n);
}
END_TEST

/* integer + (prefix + period/(10^period length - 1)) / 10^prefix length = p/q, for all p/q with q up to 120. */
START_TEST(test_decimal_expansion_adds_up)
{
	for (unsigned long q = 1; q <= 120; q++)
		for (unsigned long p = 0; p < 2 * q; p += 1 + q / 9) {
			json_t *v = ask("decimal_expansion", "[\"%lu/%lu\"]", p, q);
			size_t prefix, period;
			const char *a = exact_json_string(json_object_get(v, "prefix"), &prefix);
			const char *b = exact_json_string(json_object_get(v, "period"), &period);
			mpq_t sum, part, scale;
			mpq_inits(sum, part, scale, NULL);
			if (period) {
				ck_assert_int_eq(mpz_set_str(mpq_numref(sum), b, 10), 0);
				mpz_ui_pow_ui(mpq_denref(sum), 10, period);
				mpz_sub_ui(mpq_denref(sum), mpq_denref(sum), 1);
				mpq_canonicalize(sum);
			}
			if (prefix) {
				ck_assert_int_eq(mpz_set_str(mpq_numref(part), a, 10), 0);
				mpq_add(sum, sum, part);
				mpz_ui_pow_ui(mpq_numref(scale), 10, prefix);
				mpq_div(sum, sum, scale);
			}
			mpq_set_si(part, (long)json_integer_value(json_object_get(v, "integer")), 1);
			mpq_add(sum, sum, part);
			mpq_set_ui(part, p, q);
			mpq_canonicalize(part);
			ck_assert_msg(mpq_equal(sum, part), "%lu/%lu", p, q);
			mpq_clears(sum, part, scale, NULL);
			json_decref(v);
		}
}
END_TEST

/* The decimals of one constant, asked for in pieces, are those asked for at once. */
START_TEST(test_digits_of_pieces_fit)
{
	static const char *const names[] = { "pi",  "e",   "gamma",     "catalan", "zeta3",
					     "ln2", "phi", "sqrt(163)", "sqrt(1)" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		json_t *whole = ask("digits_of", "[\"%s\",2000]", names[i]);
		size_t n, len;
		const char *s = strchr(exact_json_string(whole, &n), '.') + 1;
		ck_assert_uint_eq(strlen(s), 2000);
		for (int from = 1; from < 1900; from += 321) {
			json_t *part = ask("digits_of", "[\"%s\",79,%d]", names[i], from);
			const char *t = exact_json_string(part, &len);
			ck_assert_uint_eq(len, 79);
			ck_assert_msg(strncmp(t, s + from - 1, 79) == 0, "%s from %d", names[i], from);
			json_decref(part);
		}
		json_decref(whole);
	}
}
END_TEST

/* floor <= x < floor + 1 and the like, for rationals against GMP. */
START_TEST(test_roundings_agree_with_gmp)
{
	mpq_t x, twice;
	mpz_t got, want, top;

	mpq_inits(x, twice, NULL);
	mpz_inits(got, want, top, NULL);
	for (unsigned i = 0; i < 300; i++) {
		draw_mpz(mpq_numref(x), 3 + i);
		draw_mpz(mpq_denref(x), 2 + i / 2);
		mpz_abs(mpq_denref(x), mpq_denref(x));
		mpz_add_ui(mpq_denref(x), mpq_denref(x), 1);
		mpq_canonicalize(x);
		json_t *v = ask("floor", "[\"%Qd\"]", x);
		set_json(got, v);
		json_decref(v);
		mpz_fdiv_q(want, mpq_numref(x), mpq_denref(x));
		ck_assert(mpz_cmp(got, want) == 0);
		v = ask("ceil", "[\"%Qd\"]", x);
		set_json(got, v);
		json_decref(v);
		mpz_cdiv_q(want, mpq_numref(x), mpq_denref(x));
		ck_assert(mpz_cmp(got, want) == 0);
		/* |x - round(x)| <= 1/2, and away from zero when equal. */
		v = ask("round", "[\"%Qd\"]", x);
		set_json(got, v);
		json_decref(v);
		mpz_mul(top, got, mpq_denref(x));
		mpz_sub(top, mpq_numref(x), top);
		mpz_mul_2exp(top, top, 1);
		int cmp = mpz_cmpabs(top, mpq_denref(x));
		ck_assert(cmp <= 0);
		ck_assert(cmp < 0 || mpz_cmpabs(got, want) >= 0);
	}
	mpq_clears(x, twice, NULL);
	mpz_clears(got, want, top, NULL);
}
END_TEST

/* Many digits of a root are those that GMP finds. */
START_TEST(test_root_many_digits)
{
	json_t *v = ask("root", "{\"x\":2,\"precision\":%d}", 100000);
	size_t n;
	const char *s = exact_json_string(v, &n);
	mpz_t r;

	mpz_init(r);
	mpz_ui_pow_ui(r, 10, 2 * 100000);
	mpz_mul_ui(r, r, 2);
	mpz_sqrt(r, r);
	char *want = mpz_get_str(NULL, 10, r);
	ck_assert_uint_eq(n, 100001); /* and the point */
	ck_assert(s[0] == want[0] && memcmp(s + 2, want + 1, 99990) == 0);
	free(want);
	mpz_clear(r);
	json_decref(v);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("arithmetic");
	TCase *core = tcase_create("core"), *faults = tcase_create("faults");
	TCase *lengthy = lengthy_case(s);

	tcase_add_checked_fixture(core, op_ask_setup, op_ask_teardown);
	tcase_add_checked_fixture(faults, op_ask_setup, op_ask_teardown);
	tcase_set_timeout(core, 300);
	tcase_set_timeout(faults, 300);
	tcase_add_loop_test(core, test_arithmetic_examples_hold, 0, sizeof families / sizeof *families);
	tcase_add_loop_test(lengthy, test_arithmetic_right_results, 0, sizeof right / sizeof *right);
	tcase_add_test(core, test_xgcd_is_bezout);
	tcase_add_test(core, test_roots_lie_between);
	tcase_add_test(core, test_base_convert_goes_back);
	tcase_add_test(core, test_decimal_expansion_adds_up);
	tcase_add_test(core, test_digits_of_pieces_fit);
	tcase_add_test(core, test_roundings_agree_with_gmp);
	tcase_add_test(core, test_root_many_digits);
	tcase_add_loop_test(faults, test_arithmetic_wrong_arguments, 0, sizeof wrong / sizeof *wrong);
	tcase_add_test(faults, test_floor_at_a_jump_does_not_converge);
	suite_add_tcase(s, core);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
