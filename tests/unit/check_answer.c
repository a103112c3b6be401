/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The forms of results: doubles, decimals with proven digits, exact numbers; and the precision doubling that proves. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/answer.h"
#include "math/decimal.h"
#include "op_ask.h"
#include "suite_run.h"

static const struct op some_op = { .name = "test" };

static void expect_text(struct buf *json, const char *wanted)
{
	ck_assert_str_eq(buf_cstr(json), wanted);
	buf_fini(json);
}

/* ---- rationals and doubles ---- */

static const struct {
	const char *q;
	uint32_t digits;
	const char *text;
} rationals[] = {
	{ "1/2", 0, "0.5" },
	{ "1/3", 0, "0.3333333333333333" },
	{ "2/3", 15, "0.6666666666666666" },
	{ "1/2", 20, "\"0.5\"" },
	{ "1/3", 20, "\"0.33333333333333333333\"" },
	{ "-2/3", 20, "\"-0.66666666666666666667\"" },
	{ "1/10", 30, "\"0.1\"" },
	{ "12345678901234567890123/10", 23, "\"1234567890123456789012.3\"" },
	{ "1/3000000000", 16, "\"3.333333333333333e-10\"" },
	{ "1/3000000", 16, "\"0.0000003333333333333333\"" },
	{ "1/30000000", 16, "\"3.333333333333333e-8\"" },
	{ "100000000000000000000000000000000000001/3", 16, "\"3.333333333333333e37\"" },
	{ "9007199254740993/1", 0, "9007199254740992" }, /* a tie of two doubles: to even */
	{ "9999999999999999999/10", 18, "\"1000000000000000000\"" },
};

START_TEST(test_decimal_put_fmpq)
{
	struct buf json = BUF_INIT;
	fmpq_t q;

	fmpq_init(q);
	ck_assert_int_eq(fmpq_set_str(q, rationals[_i].q, 10), 0);
	fmpq_canonicalise(q);
	decimal_put_fmpq(&json, q, rationals[_i].digits);
	fmpq_clear(q);
	expect_text(&json, rationals[_i].text);
}
END_TEST

START_TEST(test_decimal_put_fmpq_beyond_doubles)
{
	struct buf json = BUF_INIT;
	fmpq_t q;

	fmpq_init(q);
	fmpz_ui_pow_ui(fmpq_numref(q), 10, 400);
	fmpz_set_ui(fmpq_denref(q), 3);
	decimal_put_fmpq(&json, q, 0);
	ck_assert_str_eq(buf_cstr(&json), "\"3.33333333333333e399\"");
	buf_clear(&json);
	fmpq_inv(q, q);
	decimal_put_fmpq(&json, q, 0);
	ck_assert_str_eq(buf_cstr(&json), "\"3e-400\"");
	fmpq_clear(q);
	buf_fini(&json);
}
END_TEST

START_TEST(test_decimal_put_double_round_trips)
{
	static const double values[] = { 0.1, 1e22, 5e-324, 1.7976931348623157e308, 123456789012345680.0, -0.0, 24 };

	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		struct buf json = BUF_INIT;
		decimal_put_double(&json, values[i]);
		ck_assert(strtod(buf_cstr(&json), NULL) == values[i]);
		ck_assert(buf_cstr(&json)[0] != '-');
		buf_fini(&json);
	}
}
END_TEST

/* Every random double survives, and its neighbours are told from it. */
START_TEST(test_decimal_put_arb_rounds_to_nearest_double)
{
	flint_rand_t dice;
	arb_t x;

	flint_randinit(dice);
	arb_init(x);
	for (int i = 0; i < 2000; i++) {
		struct buf json = BUF_INIT;
		double v = ldexp((double)n_randtest_bits(dice, 53), (int)(n_randint(dice, 1900)) - 1000);
		arb_set_d(x, v);
		ck_assert(decimal_put_arb(&json, x, 0, false));
		ck_assert(strtod(buf_cstr(&json), NULL) == v);
		buf_clear(&json);
		arb_set_d(x, v);
		arb_add_error_2exp_si(x, ilogb(v) - 60); /* less than half an ulp to both sides */
		ck_assert(decimal_put_arb(&json, x, 0, false));
		ck_assert(strtod(buf_cstr(&json), NULL) == v);
		buf_clear(&json);
		arb_add_error_2exp_si(x, ilogb(v) - 50);
		ck_assert(!decimal_put_arb(&json, x, 0, false));
		buf_fini(&json);
	}
	arb_clear(x);
	flint_randclear(dice);
}
END_TEST

/* ---- certified ---- */

struct rounds {
	int n;
	slong last;
};

/* sqrt(2), and pi - pi, whose ball never is the point 0. */
static int roots(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct rounds *r = arg;
	arb_t pi;

	(void)c, (void)f;
	r->n++;
	r->last = prec;
	acb_set_ui(out, 2);
	acb_sqrt(out, out, prec);
	if (n < 2)
		return 0;
	arb_init(pi);
	arb_const_pi(pi, prec);
	arb_sub(acb_realref(out + 1), pi, pi, prec);
	arb_set_ui(acb_imagref(out + 1), 3);
	arb_clear(pi);
	return 0;
}

static const struct {
	uint32_t digits;
	const char *text;
} sqrt2[] = { { 0, "1.4142135623730951" },
	      { 15, "1.4142135623730951" },
	      { 16, "\"1.414213562373095\"" },
	      { 17, "\"1.4142135623730950\"" },
	      { 60, "\"1.41421356237309504880168872420969807856967187537694807317668\"" } };

START_TEST(test_certify_to_the_digits_asked_for)
{
	struct op_call c = { .op = &some_op, .precision = sqrt2[_i].digits };
	struct buf json = BUF_INIT;
	struct op_failure f;
	struct rounds r = { 0, 0 };

	ck_assert_int_eq(answer_certified(&c, &json, roots, &r, &f), 0);
	expect_text(&json, sqrt2[_i].text);
}
END_TEST

START_TEST(test_certify_gives_zero_when_nothing_is_left)
{
	struct op_call c = { .op = &some_op };
	struct buf json = BUF_INIT;
	struct op_failure f;
	struct rounds r = { 0, 0 };
	struct certified v;

	ck_assert_int_eq(certify(&c, 2, roots, &r, &v, &f), 0);
	certified_put_vector(&json, &v, 0, 2);
	certified_fini(&v);
	ck_assert(r.n > 3 && r.last > CERTIFY_ZERO_BITS);
	expect_text(&json, "[1.4142135623730951,{\"re\":0,\"im\":3}]");
}
END_TEST

static int never(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	(void)c, (void)n, (void)prec, (void)arg, (void)f;
	acb_indeterminate(out);
	return 0;
}

static int refuses(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	(void)c, (void)out, (void)n, (void)prec, (void)arg;
	return op_fail(f, OP_DOMAIN_ERROR, "no");
}

static int towers(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	(void)c, (void)n, (void)prec, (void)f;
	acb_one(out);
	acb_mul_2exp_si(out, out, *(slong *)arg);
	mag_set_ui_2exp_si(arb_radref(acb_realref(out)), 1, *(slong *)arg - 100);
	return 0;
}

/* Neither libraries that give up nor a decimal of a million million digits. */
START_TEST(test_certify_refuses_astronomic_sizes)
{
	static slong exponents[] = { 4000000000000000, -4000000000000000 };

	for (size_t i = 0; i < sizeof exponents / sizeof *exponents; i++) {
		struct op_call c = { .op = &some_op };
		struct buf json = BUF_INIT;
		struct op_failure f;
		ck_assert_int_eq(answer_certified(&c, &json, towers, &exponents[i], &f), -1);
		ck_assert_int_eq(f.error, OP_OVERFLOW);
		buf_fini(&json);
	}
}
END_TEST

START_TEST(test_certify_ends_without_proof)
{
	struct op_call c = { .op = &some_op };
	struct buf json = BUF_INIT;
	struct op_failure f;

	ck_assert_int_eq(answer_certified(&c, &json, never, NULL, &f), -1);
	ck_assert_int_eq(f.error, OP_DID_NOT_CONVERGE);
	ck_assert_int_eq(answer_certified(&c, &json, refuses, NULL, &f), -1);
	ck_assert_int_eq(f.error, OP_DOMAIN_ERROR);
	ck_assert_uint_eq(json.len, 0);
	buf_fini(&json);
}
END_TEST

/* ---- doubles ---- */

START_TEST(test_answer_double_refuses_what_is_no_number)
{
	struct buf json = BUF_INIT;
	struct op_failure f;

	ck_assert_int_eq(answer_double(&json, NAN, "x", &f), -1);
	ck_assert_int_eq(f.error, OP_DOMAIN_ERROR);
	ck_assert_int_eq(answer_double(&json, -INFINITY, "x", &f), -1);
	ck_assert_int_eq(f.error, OP_OVERFLOW);
	ck_assert_int_eq(answer_complex(&json, 1, 0, "x", &f), 0);
	ck_assert_int_eq(answer_complex(&json, 1, -2.5, "x", &f), 0);
	expect_text(&json, "1{\"re\":1,\"im\":-2.5}");
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

int main(void)
{
	Suite *suite = suite_create("answer");
	TCase *core = tcase_create("core"), *faults = tcase_create("faults");

	tcase_add_loop_test(core, test_decimal_put_fmpq, 0, COUNT(rationals));
	tcase_add_test(core, test_decimal_put_fmpq_beyond_doubles);
	tcase_add_test(core, test_decimal_put_double_round_trips);
	tcase_add_test(core, test_decimal_put_arb_rounds_to_nearest_double);
	tcase_add_loop_test(core, test_certify_to_the_digits_asked_for, 0, COUNT(sqrt2));
	tcase_add_test(core, test_certify_gives_zero_when_nothing_is_left);
	tcase_add_test(faults, test_certify_refuses_astronomic_sizes);
	tcase_add_test(faults, test_certify_ends_without_proof);
	tcase_add_test(faults, test_answer_double_refuses_what_is_no_number);
	tcase_set_timeout(core, 60);
	tcase_set_timeout(faults, 60);
	tcase_add_unchecked_fixture(core, op_ask_setup, op_ask_teardown);
	suite_add_tcase(suite, core);
	suite_add_tcase(suite, faults);
	return suite_run(suite);
}
