/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Identities that must hold between exact operations, for random numbers of many sizes. */
#include <check.h>
#include <gmp.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "op.h"
#include "op_ask.h"
#include "suite_run.h"

static gmp_randstate_t dice;

/* A random integer of 1 to 300 digits, small ones often, sometimes 0. */
static void roll(mpz_t out)
{
	static const mp_bitcnt_t bits[] = { 1, 4, 30, 52, 54, 59, 60, 61, 63, 64, 65, 120, 400, 1000 };

	mpz_urandomb(out, dice, bits[gmp_urandomm_ui(dice, sizeof bits / sizeof *bits)]);
	if (gmp_urandomm_ui(dice, 2))
		mpz_neg(out, out);
}

/* As text: an integer, or a fraction, or an integer with a decimal point put in somewhere. */
static char *roll_text(bool integer)
{
	mpz_t top, bottom;
	char *text;

	mpz_inits(top, bottom, NULL);
	roll(top);
	roll(bottom);
	mpz_abs(bottom, bottom);
	mpz_add_ui(bottom, bottom, 1);
	unsigned long form = integer ? 0 : gmp_urandomm_ui(dice, 3);
	if (form == 0)
		gmp_asprintf(&text, "%Zd", top);
	else if (form == 1)
		gmp_asprintf(&text, "%Zd/%Zd", top, bottom);
	else
		gmp_asprintf(&text, "%Zde-%lu", top, gmp_urandomm_ui(dice, 40));
	mpz_clears(top, bottom, NULL);
	return text;
}

/* The result of a call as text without quotes; free it. */
static char *value(const char *op, const char *a, const char *b)
{
	struct buf args = BUF_INIT, json = BUF_INIT;
	struct op_failure f;

	buf_printf(&args, b ? "[\"%s\",\"%s\"]" : "[\"%s\"]", a, b);
	ck_assert_msg(op_ask(op, buf_cstr(&args), &json, &f), "%s%s: %s", op, buf_cstr(&args), buf_cstr(&json));
	bool quoted = json.data[0] == '"';
	char *text = strndup(json.data + quoted, json.len - 2 * quoted);
	buf_fini(&args);
	buf_fini(&json);
	return text;
}

static char *member(const char *op, const char *a, const char *b, const char *name)
{
	struct buf args = BUF_INIT, json = BUF_INIT;
	struct op_failure f;

	buf_printf(&args, "[\"%s\",\"%s\"]", a, b);
	ck_assert_msg(op_ask(op, buf_cstr(&args), &json, &f), "%s%s: %s", op, buf_cstr(&args), buf_cstr(&json));
	json_t *v = json_loadb(json.data, json.len, 0, NULL), *m = json_object_get(v, name);
	char *text = json_is_integer(m) ? NULL : strdup(json_string_value(m));
	if (!text) {
		text = malloc(32);
		snprintf(text, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(m));
	}
	json_decref(v);
	buf_fini(&args);
	buf_fini(&json);
	return text;
}

static void read_rational(mpq_t out, const char *text)
{
	ck_assert_int_eq(mpq_set_str(out, text, 10), 0);
	mpq_canonicalize(out);
}

/* x as the service writes it, which add with 0 does. */
static char *canonical(const char *x)
{
	return value("add", x, "0");
}

static void check_sums(const char *a, const char *b)
{
	char *sum = value("add", a, b), *back = value("sub", sum, b), *same = canonical(a);

	ck_assert_str_eq(back, same);
	char *swapped = value("add", b, a);
	ck_assert_str_eq(sum, swapped);
	/* (a+b)^2 - (a-b)^2 = 4ab */
	char *difference = value("sub", a, b), *square_sum = value("square", sum, NULL),
	     *square_difference = value("square", difference, NULL), *product = value("mul", a, b),
	     *left = value("sub", square_sum, square_difference), *four = value("mul", product, "4");
	ck_assert_str_eq(left, four);
	char *all[] = { sum, back, same, swapped, difference, square_sum, square_difference, product, left, four };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
}

static void check_division(const char *a, const char *b)
{
	mpq_t x, y, q, r;

	mpq_inits(x, y, q, r, NULL);
	char *ca = canonical(a), *cb = canonical(b);
	read_rational(x, ca);
	read_rational(y, cb);
	if (mpq_sgn(y) != 0) {
		char *quotient = member("divmod", a, b, "quotient"), *rest = member("divmod", a, b, "remainder");
		char *mod = value("mod", a, b), *div = value("div", a, b), *back = value("mul", div, b);
		ck_assert_str_eq(rest, mod);
		ck_assert_str_eq(back, ca);
		read_rational(q, quotient);
		read_rational(r, rest);
		ck_assert(mpz_cmp_ui(mpq_denref(q), 1) == 0);
		mpq_mul(q, q, y);
		mpq_add(q, q, r);
		ck_assert_msg(mpq_equal(q, x), "divmod(%s,%s) = %s, %s", a, b, quotient, rest);
		/* The remainder has the sign of b and is nearer to 0. */
		ck_assert(mpq_sgn(r) == 0 || mpq_sgn(r) == mpq_sgn(y));
		mpq_abs(r, r);
		mpq_abs(y, y);
		ck_assert(mpq_cmp(r, y) < 0);
		char *all[] = { quotient, rest, mod, div, back };
		for (size_t i = 0; i < sizeof all / sizeof *all; i++)
			free(all[i]);
	}
	free(ca);
	free(cb);
	mpq_clears(x, y, q, r, NULL);
}

static void check_integers(const char *a, const char *b)
{
	char *gcd = value("gcd", a, b), *lcm = value("lcm", a, b), *left = value("mul", gcd, lcm),
	     *right_side = value("mul", a, b);

	/* gcd lcm = |ab| */
	ck_assert_str_eq(left, right_side + (right_side[0] == '-'));
	const char *n = a + (a[0] == '-');
	char *root = value("isqrt", n, NULL);
	mpz_t r, x, square;
	mpz_init_set_str(r, root, 10);
	mpz_init_set_str(x, n, 10);
	mpz_init(square);
	mpz_mul(square, r, r);
	ck_assert(mpz_cmp(square, x) <= 0);
	mpz_add_ui(r, r, 1);
	mpz_mul(square, r, r);
	ck_assert(mpz_cmp(square, x) > 0);
	mpz_clears(r, x, square, NULL);
	char *all[] = { gcd, lcm, left, right_side, root };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
}

START_TEST(test_op_call_identities_of_random_numbers)
{
	gmp_randinit_default(dice);
	gmp_randseed_ui(dice, 20261122);
	for (int i = 0; i < 1500; i++) {
		char *a = roll_text(false), *b = roll_text(false), *m = roll_text(true), *n = roll_text(true);
		check_sums(a, b);
		check_division(a, b);
		check_integers(m, n);
		free(a);
		free(b);
		free(m);
		free(n);
	}
	gmp_randclear(dice);
}
END_TEST

START_TEST(test_op_call_powers_and_binomials_agree_with_products)
{
	char a[32], b[32], c[32], *power, *next, *times;

	for (int base = -12; base <= 12; base++) {
		snprintf(a, sizeof a, base % 3 ? "%d" : "%d/7", base ? base : 1);
		for (int n = -30; n < 40; n++) {
			snprintf(b, sizeof b, "%d", n);
			snprintf(c, sizeof c, "%d", n + 1);
			power = value("pow", a, b);
			next = value("pow", a, c);
			times = value("mul", power, a);
			ck_assert_str_eq(next, times);
			free(power);
			free(next);
			free(times);
		}
	}
	for (int n = -20; n < 60; n++)
		for (int k = -2; k < 30; k++) { /* C(n+1,k+1) = C(n,k) + C(n,k+1) */
			char *p, *q, *sum, *below;
			snprintf(a, sizeof a, "%d", n);
			snprintf(b, sizeof b, "%d", k);
			snprintf(c, sizeof c, "%d", k + 1);
			p = value("binomial", a, b);
			q = value("binomial", a, c);
			snprintf(a, sizeof a, "%d", n + 1);
			below = value("binomial", a, c);
			sum = value("add", p, q);
			ck_assert_msg(strcmp(sum, below) == 0, "C(%d,%d)", n + 1, k + 1);
			free(p);
			free(q);
			free(sum);
			free(below);
		}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("op_identities");
	TCase *core = tcase_create("core");

	tcase_set_timeout(core, 120);
	tcase_add_unchecked_fixture(core, op_ask_setup, op_ask_teardown);
	tcase_add_test(core, test_op_call_identities_of_random_numbers);
	tcase_add_test(core, test_op_call_powers_and_binomials_agree_with_products);
	suite_add_tcase(suite, core);

	return suite_run(suite);
}
