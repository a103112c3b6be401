/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The special functions: published values, identities between them at 100 digits, what they refuse. Values are from
 * the NIST Digital Library of Mathematical Functions (DLMF), Abramowitz & Stegun (A&S) and the OEIS, as each line says.
 */
#include <arb.h>
#include <check.h>
#include <gsl/gsl_errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/function.h"
#include "op.h"
#include "op_ask.h"
#include "suite_run.h"

/* ---- published values ---- */

/* Decimals as published: the beginning of the value, so the last digit given is cut or rounded there: compared to one
 * unit of it. args without the precision, which is two digits more than are compared. */
static const struct {
	const char *op, *args, *value;
} constants[] = {
	{ "gamma", "\"1/3\"", "2.678938534707747633655692940" },                /* OEIS A073005 */
	{ "gamma", "\"1/4\"", "3.625609908221908311930685155" },                /* OEIS A068466 */
	{ "gamma", "\"1/2\"", "1.772453850905516027298167483" },                /* OEIS A002161 */
	{ "digamma", "1", "-0.577215664901532860606512090" },                   /* OEIS A001620 */
	{ "zeta", "3", "1.202056903159594285399738161" },                       /* OEIS A002117 */
	{ "zeta", "5", "1.036927755143369926331365486" },                       /* OEIS A013663 */
	{ "zeta", "\"1/2\"", "-1.460354508809586812889499152" },                /* OEIS A059750 */
	{ "zeta_zero", "1", "14.13472514173469379045725198" },                  /* OEIS A058303 */
	{ "zeta_zero", "2", "21.02203963877155499262847959" },                  /* OEIS A065434 */
	{ "zeta_zero", "3", "25.01085758014568876321379099" },                  /* OEIS A065452 */
	{ "lambertw", "1", "0.567143290409783872999968662" },                   /* OEIS A030178 */
	{ "clausen", "\"pi/3\"", "1.014941606409653625021202554" },             /* OEIS A143298 */
	{ "clausen", "\"pi/2\"", "0.915965594177219015054603514" },             /* Catalan, OEIS A006752 */
	{ "agm", "1,\"sqrt(2)\"", "1.198140234735592207439922492" },            /* OEIS A053004 */
	{ "ellipk", "\"1/sqrt(2)\"", "1.854074677301371918433850347" },         /* OEIS A093341 */
	{ "polylog", "2,\"1/2\"", "0.582240526465012505902656320" },            /* OEIS A076788 */
	{ "erf", "1", "0.842700792949714869341220635" },                        /* OEIS A099286 */
	{ "erfinv", "\"1/2\"", "0.476936276204469873381418353" },               /* OEIS A092678 */
	{ "airy_ai", "0", "0.355028053887817239260063186" },                    /* OEIS A284867, DLMF 9.2.3 */
	{ "bessel_j", "0,1", "0.765197686557966551449717526" },                 /* OEIS A334380 */
	{ "bessel_i", "0,1", "1.266065877752008335598244625" },                 /* OEIS A197036 */
	{ "bessel_j", "1,1", "0.440050585744933515959682203" },                 /* OEIS A334383 */
	{ "si", "\"pi\"", "1.851937051982466170361053370" },                    /* OEIS A036792 */
	{ "expint", "1", "0.219383934395520273677163775" },                     /* OEIS A099285 */
	{ "bessel_j", "0,\"2.4048255576957727686\"", "0.0000000000000000000" }, /* first zero, A&S table 9.5 */
	{ "bessel_y", "0,1", "0.0882569642" },                                  /* A&S table 9.1 */
	{ "bessel_k", "0,1", "0.42102443824" },                                 /* A&S table 9.8 */
	{ "airy_bi", "1", "1.20742359" },                                       /* A&S table 10.11 */
	{ "dawson", "1", "0.5380795069" },                                      /* A&S table 7.5 */
	{ "ci", "1", "0.3374039229" },                                          /* A&S table 5.1 */
	{ "si", "1", "0.9460830704" },                                          /* A&S table 5.1 */
	{ "ellipe", "\"sqrt(1/2)\"", "1.350643881047675502520175" },            /* A&S 17.3, OEIS A257407 */
	{ "erfc", "2", "0.00467773498104726583793" },                           /* 1 - erf(2), A&S table 7.1 */
};
START_TEST(test_constants_as_published)
{
	const char *value = constants[_i].value;
	char args[200];
	arb_t ours, theirs, unit;
	struct buf json = BUF_INIT;
	const char *point = strchr(value, '.');
	slong decimals = (slong)strlen(point + 1);

	snprintf(args, sizeof args, "[%s,40]", constants[_i].args);
	ck_assert_msg(op_ask(constants[_i].op, args, &json, NULL), "%s%s: %s", constants[_i].op, args, buf_cstr(&json));
	ck_assert_int_eq(json.data[0], '"');
	json.data[json.len - 1] = '\0';
	arb_init(ours);
	arb_init(theirs);
	arb_init(unit);
	ck_assert_int_eq(arb_set_str(ours, json.data + 1, 200), 0);
	ck_assert_int_eq(arb_set_str(theirs, value, 200), 0);
	arb_sub(ours, ours, theirs, 200);
	arb_abs(ours, ours);
	arb_set_ui(unit, 10);
	arb_pow_ui(unit, unit, (ulong)decimals, 200);
	arb_inv(unit, unit, 200);
	ck_assert_msg(arb_lt(ours, unit), "%s%s: expected %s, got %s", constants[_i].op, args, value, json.data + 1);
	arb_clear(ours);
	arb_clear(theirs);
	arb_clear(unit);
	buf_fini(&json);
}
END_TEST

/* Exactly what is well known, and numbers in the form they have. */
static const struct {
	const char *op, *args, *result;
} exact[] = {
	{ "gamma", "[1]", "1" },
	{ "gamma", "[11]", "3628800" },
	{ "lgamma", "[1]", "0" },
	{ "beta", "[1,1]", "1" },
	{ "zeta", "[-2]", "0" },
	{ "zeta", "[-1]", "-0.08333333333333333" },
	{ "zeta", "[-3]", "0.008333333333333333" },
	{ "bessel_j", "[3,0]", "0" },
	{ "bessel_j", "[-1,0]", "0" },
	{ "bessel_i", "[\"1/2\",0]", "0" },
	{ "polylog", "[3,0]", "0" },
	{ "polylog", "[0,\"1/2\"]", "1" },
	{ "polylog", "[-1,\"1/2\"]", "2" },
	{ "clausen", "[\"pi\"]", "0" },
	{ "clausen", "[\"2*pi\"]", "0" },
	{ "lambertw", "[\"2*log(2)\"]", "0.6931471805599453" },
	{ "lambertw", "[\"-1/e\"]", "-1" },
	{ "agm", "[0,5]", "0" },
	{ "agm", "[-3,3]", "0" },
	{ "agm", "[\"1e300\",\"1e300\"]", "1e+300" },
	{ "ellipe", "[-1]", "1" },
	{ "gammainc", "[1,0]", "0" },
	{ "betainc", "[1,1,\"1/4\"]", "0.25" },
	{ "erfc", "[100]", "\"6.40596142492173e-4346\"" }, /* below the doubles */
	{ "si", "[0]", "0" },
	{ "digamma", "{\"x\":1}", "-0.5772156649015329" },
	{ "bessel_j", "[\"3/2\",-2]", "{\"re\":0,\"im\":-0.49129377868716234}" },
	{ "log1p", "[-2]", "{\"re\":0,\"im\":3.141592653589793}" },
	{ "expint", "[-1]", "{\"re\":-1.8951178163559368,\"im\":-3.141592653589793}" },
	{ "ci", "[-1]", "{\"re\":0.33740392290096816,\"im\":3.141592653589793}" },
	{ "ellipk", "[\"sqrt(2)\"]", "{\"re\":1.3110287771460598,\"im\":-1.3110287771460598}" },
	{ "gamma", "[\"i\"]", "{\"re\":-0.15494982830181067,\"im\":-0.49801566811835607}" },
	{ "lgamma", "[-0.5]", "1.2655121234846454" },
};
START_TEST(test_values_in_their_form)
{
	op_expect(exact[_i].op, exact[_i].args, exact[_i].result);
}
END_TEST

START_TEST(test_examples_of_the_family)
{
	op_expect_examples(&op_special);
}
END_TEST

/* ---- identities ---- */

#define DIGITS_100 332
#define PREC 400

/* f(args) by the table, exactly as operations and expressions have it. */
static void value(acb_t out, const char *name, acb_srcptr args)
{
	const struct function *fn = function_find(name);
	struct op_failure f;

	ck_assert_msg(fn != NULL, "no function %s", name);
	ck_assert_msg(fn->ball(out, args, fn->most, false, PREC, &f) == 0, "%s: %s", name, f.detail);
}

static void value1(acb_t out, const char *name, const acb_t x)
{
	acb_ptr args = _acb_vec_init(1);

	acb_set(args, x);
	value(out, name, args);
	_acb_vec_clear(args, 1);
}

static void value2(acb_t out, const char *name, const acb_t a, const acb_t b)
{
	acb_ptr args = _acb_vec_init(2);

	acb_set(args, a);
	acb_set(args + 1, b);
	value(out, name, args);
	_acb_vec_clear(args, 2);
}

/* Both enclosures are narrow, and meet. */
static void agree(const acb_t a, const acb_t b, const char *what)
{
	char *left = arb_get_str(acb_realref(a), 30, 0), *right = arb_get_str(acb_realref(b), 30, 0);

	ck_assert_msg(acb_overlaps(a, b), "%s: %s and %s", what, left, right);
	ck_assert_msg(acb_rel_accuracy_bits(a) > DIGITS_100 && acb_rel_accuracy_bits(b) > DIGITS_100, "%s: %s and %s",
		      what, left, right);
	flint_free(left);
	flint_free(right);
}

/* Points p/q + r/s i for the loops below. */
static const struct {
	slong p, r;
	ulong q, s;
} points[] = { { 1, 0, 3, 1 }, { 5, 0, 7, 1 }, { 1, 1, 4, 3 }, { 22, 0, 7, 1 }, { -3, 5, 7, 2 }, { 41, -3, 4, 2 } };

static void point(acb_t z, int i)
{
	arb_set_si(acb_realref(z), points[i].p);
	arb_div_ui(acb_realref(z), acb_realref(z), points[i].q, PREC);
	arb_set_si(acb_imagref(z), points[i].r);
	arb_div_ui(acb_imagref(z), acb_imagref(z), points[i].s, PREC);
}

static acb_t z, a, b, c, d;

static void numbers_setup(void)
{
	acb_init(z);
	acb_init(a);
	acb_init(b);
	acb_init(c);
	acb_init(d);
	gsl_set_error_handler_off();
}

static void numbers_teardown(void)
{
	acb_clear(z);
	acb_clear(a);
	acb_clear(b);
	acb_clear(c);
	acb_clear(d);
	flint_cleanup();
}

START_TEST(test_gamma_reflection) /* DLMF 5.5.3: gamma(z) gamma(1-z) = pi / sin(pi z) */
{
	point(z, _i);
	value1(a, "gamma", z);
	acb_sub_ui(b, z, 1, PREC);
	acb_neg(b, b);
	value1(b, "gamma", b);
	acb_mul(a, a, b, PREC);
	acb_sin_pi(b, z, PREC);
	acb_inv(b, b, PREC);
	arb_const_pi(acb_realref(c), PREC);
	acb_mul(b, b, c, PREC);
	agree(a, b, "reflection of gamma");
}
END_TEST

START_TEST(test_zeta_functional_equation) /* DLMF 25.4.1: zeta(1-s) = 2 (2 pi)^-s cos(pi s/2) gamma(s) zeta(s) */
{
	point(z, _i);
	acb_sub_ui(a, z, 1, PREC);
	acb_neg(a, a);
	value1(a, "zeta", a);
	value1(b, "zeta", z);
	value1(c, "gamma", z);
	acb_mul(b, b, c, PREC);
	acb_mul_2exp_si(c, z, -1);
	acb_cos_pi(c, c, PREC);
	acb_mul(b, b, c, PREC);
	acb_zero(c);
	arb_const_pi(acb_realref(c), PREC);
	acb_mul_2exp_si(c, c, 1);
	acb_neg(d, z);
	acb_pow(c, c, d, PREC);
	acb_mul(b, b, c, PREC);
	acb_mul_2exp_si(b, b, 1);
	agree(a, b, "functional equation of zeta");
}
END_TEST

START_TEST(test_bessel_wronskian) /* DLMF 10.5.2: J_{n+1} Y_n - J_n Y_{n+1} = 2 / (pi z) */
{
	acb_t n, n1;

	acb_init(n);
	acb_init(n1);
	point(z, _i);
	for (int k = 0; k < 3; k++) {
		acb_set_d(n, k == 0 ? 0 : k == 1 ? 3 : 0.375);
		acb_add_ui(n1, n, 1, PREC);
		value2(a, "bessel_j", n1, z);
		value2(b, "bessel_y", n, z);
		acb_mul(a, a, b, PREC);
		value2(b, "bessel_j", n, z);
		value2(c, "bessel_y", n1, z);
		acb_mul(b, b, c, PREC);
		acb_sub(a, a, b, PREC);
		acb_const_pi(b, PREC);
		acb_mul(b, b, z, PREC);
		acb_inv(b, b, PREC);
		acb_mul_2exp_si(b, b, 1);
		agree(a, b, "Wronskian of J and Y");
		value2(a, "bessel_i", n, z); /* DLMF 10.28.2: I_n K_{n+1} + I_{n+1} K_n = 1/z */
		value2(b, "bessel_k", n1, z);
		acb_mul(a, a, b, PREC);
		value2(b, "bessel_i", n1, z);
		value2(c, "bessel_k", n, z);
		acb_mul(b, b, c, PREC);
		acb_add(a, a, b, PREC);
		acb_inv(b, z, PREC);
		agree(a, b, "Wronskian of I and K");
	}
	acb_clear(n);
	acb_clear(n1);
}
END_TEST

/* DLMF 9.6.2, 9.6.4 tie Ai and Bi to K and I; both kinds are checked against each other by it. */
START_TEST(test_airy_and_bessel)
{
	acb_t third;

	acb_init(third);
	acb_set_ui(third, 1);
	acb_div_ui(third, third, 3, PREC);
	arb_set_ui(acb_realref(z), (ulong)_i + 1);
	arb_zero(acb_imagref(z));
	acb_sqrt(b, z, PREC);
	acb_mul(b, b, z, PREC);
	acb_mul_2exp_si(b, b, 1);
	acb_div_ui(b, b, 3, PREC); /* 2/3 z^(3/2) */
	value2(c, "bessel_k", third, b);
	acb_div_ui(d, z, 3, PREC);
	acb_sqrt(d, d, PREC);
	acb_mul(c, c, d, PREC);
	acb_zero(a);
	arb_const_pi(acb_realref(a), PREC);
	acb_div(c, c, a, PREC);
	value1(a, "airy_ai", z);
	agree(a, c, "Ai by K");
	value2(c, "bessel_i", third, b);
	acb_neg(a, third);
	value2(a, "bessel_i", a, b);
	acb_add(c, c, a, PREC);
	acb_mul(c, c, d, PREC);
	value1(a, "airy_bi", z);
	agree(a, c, "Bi by I");
	acb_clear(third);
}
END_TEST

START_TEST(test_legendre_relation) /* DLMF 19.7.1: E K' + E' K - K K' = pi/2, of the moduli k and sqrt(1-k^2) */
{
	static const double modulus[] = { 0.125, 0.5, 0.75, 0.9375 };

	acb_set_d(z, modulus[_i]);
	acb_mul(a, z, z, PREC);
	acb_sub_ui(a, a, 1, PREC);
	acb_neg(a, a);
	acb_sqrt(a, a, PREC);
	value1(b, "ellipe", z);
	value1(c, "ellipk", a);
	acb_mul(b, b, c, PREC);
	value1(d, "ellipk", z);
	acb_mul(c, c, d, PREC);
	acb_sub(b, b, c, PREC);
	value1(a, "ellipe", a);
	acb_mul(a, a, d, PREC);
	acb_add(b, b, a, PREC);
	acb_const_pi(a, PREC);
	acb_mul_2exp_si(a, a, -1);
	agree(b, a, "Legendre's relation");
}
END_TEST

START_TEST(test_inverses)
{
	point(z, _i);
	value1(a, "lambertw", z);
	acb_exp(b, a, PREC);
	acb_mul(b, b, a, PREC);
	agree(b, z, "W e^W");
	acb_set_d(z, 0.0625 * (_i + 1));
	value1(a, "erfinv", z);
	value1(a, "erf", a);
	agree(a, z, "erf of erfinv");
	value1(a, "expm1", z);
	value1(a, "log1p", a);
	agree(a, z, "log1p of expm1");
}
END_TEST

START_TEST(test_relations_of_gamma)
{
	point(z, _i);
	value1(a, "lgamma", z); /* e^lgamma = gamma (no argument here is a negative real) */
	acb_exp(a, a, PREC);
	value1(b, "gamma", z);
	agree(a, b, "exp of lgamma");
	value1(a, "digamma", z); /* DLMF 5.5.2 */
	acb_add_ui(b, z, 1, PREC);
	value1(b, "digamma", b);
	acb_sub(b, b, a, PREC);
	acb_inv(a, z, PREC);
	agree(a, b, "recurrence of digamma");
	acb_set_d(c, 2.5); /* DLMF 5.12.1: beta(z, c) gamma(z+c) = gamma(z) gamma(c) */
	value2(a, "beta", z, c);
	acb_add(b, z, c, PREC);
	value1(b, "gamma", b);
	acb_mul(a, a, b, PREC);
	value1(b, "gamma", z);
	value1(c, "gamma", c);
	acb_mul(b, b, c, PREC);
	agree(a, b, "beta by gamma");
	value1(a, "erf", z);
	value1(b, "erfc", z);
	acb_add(a, a, b, PREC);
	acb_one(b);
	agree(a, b, "erf + erfc");
}
END_TEST

START_TEST(test_relations_of_integrals)
{
	acb_ptr args = _acb_vec_init(3);

	acb_set_d(z, 0.25 * (_i + 1));
	value1(a, "erf", z); /* DLMF 7.11.1: erf(x) = P(1/2, x^2) */
	acb_set_d(b, 0.5);
	acb_mul(c, z, z, PREC);
	value2(b, "gammainc", b, c);
	agree(a, b, "erf by gammainc");
	acb_mul_onei(b, z); /* DLMF 6.5.6: E1(ix) = -ci(x) + i (si(x) - pi/2) */
	value1(a, "expint", b);
	value1(c, "ci", z);
	value1(d, "si", z);
	arb_const_pi(acb_realref(b), PREC);
	arb_mul_2exp_si(acb_realref(b), acb_realref(b), -1);
	arb_neg(acb_realref(c), acb_realref(c));
	arb_sub(acb_imagref(c), acb_realref(d), acb_realref(b), PREC);
	agree(a, c, "expint by si and ci");
	acb_set_d(args, 2.5); /* DLMF 8.17.4: I_x(a,b) + I_{1-x}(b,a) = 1 */
	acb_set_d(args + 1, 3);
	acb_set_d(args + 2, 0.125 * (_i + 1));
	value(a, "betainc", args);
	acb_swap(args, args + 1);
	acb_sub_ui(args + 2, args + 2, 1, PREC);
	acb_neg(args + 2, args + 2);
	value(b, "betainc", args);
	acb_add(a, a, b, PREC);
	acb_one(b);
	agree(a, b, "betainc reflected");
	_acb_vec_clear(args, 3);
}
END_TEST

START_TEST(test_polylog_relations)
{
	acb_set_ui(c, 2); /* DLMF 25.12.6: Li2(x) + Li2(1-x) = pi^2/6 - log(x) log(1-x) */
	acb_set_d(z, 0.125 * (_i + 1));
	value2(a, "polylog", c, z);
	acb_sub_ui(b, z, 1, PREC);
	acb_neg(b, b);
	value2(d, "polylog", c, b);
	acb_add(a, a, d, PREC);
	acb_log(b, b, PREC);
	acb_log(d, z, PREC);
	acb_mul(b, b, d, PREC);
	acb_const_pi(d, PREC);
	acb_mul(d, d, d, PREC);
	acb_div_ui(d, d, 6, PREC);
	acb_sub(b, d, b, PREC);
	agree(a, b, "Euler's reflection of the dilogarithm");
	acb_mul_2exp_si(a, z, 1); /* Cl2(2x) = 2 Cl2(x) - 2 Cl2(pi-x), A&S 27.8.4 */
	value1(a, "clausen", a);
	value1(b, "clausen", z);
	acb_const_pi(c, PREC);
	acb_sub(c, c, z, PREC);
	value1(c, "clausen", c);
	acb_sub(b, b, c, PREC);
	acb_mul_2exp_si(b, b, 1);
	agree(a, b, "duplication of Clausen's function");
	acb_set_ui(c, 1); /* agm(1, k') K(k) = pi/2, DLMF 19.8.5 */
	acb_mul(a, z, z, PREC);
	acb_sub(a, c, a, PREC);
	acb_sqrt(a, a, PREC);
	value2(a, "agm", c, a);
	value1(b, "ellipk", z);
	acb_mul(a, a, b, PREC);
	acb_const_pi(b, PREC);
	acb_mul_2exp_si(b, b, -1);
	agree(a, b, "K by the agm");
}
END_TEST

START_TEST(test_dawson_derivative) /* F' = 1 - 2 x F, F' by a central difference of 2^-220 */
{
	static const slong h = -220;

	acb_set_d(z, 0.5 * (_i + 1));
	acb_one(c);
	acb_mul_2exp_si(c, c, h);
	acb_add(a, z, c, PREC);
	value1(a, "dawson", a);
	acb_sub(b, z, c, PREC);
	value1(b, "dawson", b);
	acb_sub(a, a, b, PREC);
	acb_mul_2exp_si(a, a, -h - 1);
	value1(b, "dawson", z);
	acb_mul(b, b, z, PREC);
	acb_mul_2exp_si(b, b, 1);
	acb_add(a, a, b, PREC);
	acb_sub_ui(a, a, 1, PREC);
	acb_one(c);
	acb_mul_2exp_si(c, c, -150);
	acb_get_mag(arb_radref(acb_realref(b)), a);
	ck_assert_int_lt(mag_cmp_2exp_si(arb_radref(acb_realref(b)), -150), 0);
}
END_TEST

/* Every function's doubles lie within 1e-12 of its balls, or say NaN where the ball is not real or fails. */
START_TEST(test_doubles_against_balls)
{
	static const double xs[] = { -2.5, -1, -0.75, -0.1, 0, 1e-8, 0.1, 0.5, 0.9, 1, 1.25, 3, 7.5, 20, 100 };
	const struct function *fn = &function_special[_i];
	size_t n = sizeof xs / sizeof *xs, checked = 0;

	if (!fn->real)
		return;
	for (size_t k = 0; k < n; k++) {
		double args[3] = { fn->most > 1 ? 1.5 : xs[k], fn->most > 2 ? 2.5 : xs[k], xs[k] };
		acb_ptr balls = _acb_vec_init(3);
		struct op_failure f;
		for (size_t i = 0; i < 3; i++)
			acb_set_d(balls + i, args[i]);
		double got = fn->real(args, fn->most);
		bool real = fn->ball(a, balls, fn->most, false, 128, &f) == 0 && arb_is_zero(acb_imagref(a));
		double expected = real ? arf_get_d(arb_midref(acb_realref(a)), ARF_RND_NEAR) : NAN;
		_acb_vec_clear(balls, 3);
		if (isfinite(expected))
			ck_assert_msg(fabs(got - expected) <= 1e-12 * fmax(1e-300, fabs(expected)),
				      "%s(%g): %.17g, not %.17g", fn->name, xs[k], got, expected);
		else
			ck_assert_msg(!isfinite(got), "%s(%g): %.17g, but it is not real", fn->name, xs[k], got);
		checked++;
	}
	ck_assert_uint_eq(checked, n);
}
END_TEST

/* ---- where functions are not analytic ---- */

static const struct {
	const char *name;
	double first; /* of two */
	double at;    /* on the cut */
} cuts[] = {
	{ "lgamma", 0, -0.5 }, { "gammainc", 0.5, -0.25 }, { "betainc", 0.5, -0.25 }, { "bessel_j", 0.5, -1 },
	{ "bessel_y", 0, -1 }, { "bessel_i", 0.5, -1 },    { "bessel_k", 1, -1 },     { "ellipk", 0, 2 },
	{ "ellipe", 0, -2 },   { "polylog", 2, 3 },        { "clausen", 0, 0 },       { "lambertw", 0, -1 },
	{ "agm", 1, -2 },      { "expint", 0, -1 },        { "ci", 0, -1 },           { "log1p", 0, -2 },
	{ "erfinv", 0, 0.5 },  { "gamma", 0, -1 },         { "digamma", 0, -1 },      { "zeta", 0, 1 },
};
START_TEST(test_analytic_refuses_a_ball_across_a_cut)
{
	const struct function *fn = function_find(cuts[_i].name);
	acb_ptr args = _acb_vec_init(3);
	struct op_failure f;

	acb_set_d(args, cuts[_i].first);
	if (fn->most == 3)
		acb_set_d(args + 1, 2.5);
	acb_ptr x = args + fn->most - 1;
	acb_set_d(x, cuts[_i].at);
	mag_set_d(arb_radref(acb_realref(x)), 0.01);
	mag_set_d(arb_radref(acb_imagref(x)), 0.01);
	ck_assert_int_eq(fn->ball(a, args, fn->most, true, 64, &f), 0);
	ck_assert_msg(!acb_is_finite(a), "%s is not analytic there", fn->name);
	_acb_vec_clear(args, 3);
}
END_TEST

/* ---- the table and the catalogue ---- */

/* Each function is an operation with the same arguments and a precision, and the other way round. */
START_TEST(test_every_function_is_an_operation)
{
	const struct function *fn = &function_special[_i];
	const struct op *op = op_find(fn->name, strlen(fn->name));

	ck_assert_msg(op != NULL, "%s is not published", fn->name);
	ck_assert_str_eq(op->family, "special functions");
	ck_assert_uint_eq(op->parameter_count, fn->most + 1);
	ck_assert_uint_eq(fn->least, fn->most);
	ck_assert_int_eq(op->parameters[fn->most].kind, OP_KIND_PRECISION);
	ck_assert_uint_ge(op->example_count, 2);
	ck_assert_ptr_eq(function_find(fn->name), fn);
	ck_assert(strcmp(op_special.ops[_i].name, fn->name) == 0);
}
END_TEST

/* ---- failures ---- */

static const struct {
	const char *op, *args, *error;
} failures[] = {
	{ "gamma", "[0]", "domain-error" },
	{ "gamma", "[-1]", "domain-error" },
	{ "gamma", "[\"1e40\"]", "overflow" },
	{ "gamma", "[0.5,1000000]", "limit-exceeded" },
	{ "gamma", "[0.5,0]", "invalid-argument" },
	{ "gamma", "[0.5,10000000]", "limit-exceeded" },
	{ "gamma", "[]", "arity" },
	{ "gamma", "[true]", "invalid-argument" },
	{ "gamma", "[\"x\"]", "invalid-argument" },
	{ "lgamma", "[-3]", "domain-error" },
	{ "digamma", "[0]", "domain-error" },
	{ "beta", "[1,-2]", "domain-error" },
	{ "gammainc", "[0,1]", "domain-error" },
	{ "gammainc", "[1,-1]", "domain-error" },
	{ "betainc", "[0,1,0.5]", "domain-error" },
	{ "betainc", "[1,1,-0.5]", "domain-error" },
	{ "erfinv", "[-1]", "domain-error" },
	{ "erfinv", "[2]", "domain-error" },
	{ "erfinv", "[\"i\"]", "domain-error" },
	{ "erfc", "[\"1e30\"]", "overflow" },
	{ "zeta", "[1]", "domain-error" },
	{ "zeta_zero", "[0]", "invalid-argument" },
	{ "zeta_zero", "[1.5]", "invalid-argument" },
	{ "zeta_zero", "[\"1e30\"]", "limit-exceeded" },
	{ "bessel_y", "[0,0]", "domain-error" },
	{ "bessel_k", "[2,0]", "domain-error" },
	{ "bessel_j", "[-0.5,0]", "domain-error" },
	{ "bessel_i", "[-1.5,0]", "domain-error" },
	{ "ellipk", "[1]", "domain-error" },
	{ "ellipk", "[-1]", "domain-error" },
	{ "polylog", "[1,1]", "domain-error" },
	{ "polylog", "[\"1/2\",1]", "domain-error" },
	{ "expint", "[0]", "domain-error" },
	{ "ci", "[0]", "domain-error" },
	{ "log1p", "[-1]", "domain-error" },
};
START_TEST(test_failures_as_documented)
{
	op_expect_error(failures[_i].op, failures[_i].args, failures[_i].error);
}
END_TEST

START_TEST(test_domain_error_points_at_the_argument)
{
	op_expect_pointer("gamma", "{\"x\":-4}", "domain-error", "/x");
	op_expect_pointer("zeta_zero", "[0]", "invalid-argument", "/0");
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

static Suite *special_suite(void)
{
	Suite *s = suite_create("special");
	TCase *core = tcase_create("core"), *identities = tcase_create("identities"), *faults = tcase_create("faults");
	int functions = 0;

	while (function_special[functions].name)
		functions++;
	tcase_add_checked_fixture(core, op_ask_setup, op_ask_teardown);
	tcase_add_loop_test(core, test_constants_as_published, 0, COUNT(constants));
	tcase_add_loop_test(core, test_values_in_their_form, 0, COUNT(exact));
	tcase_add_test(core, test_examples_of_the_family);
	tcase_add_loop_test(core, test_every_function_is_an_operation, 0, functions);
	suite_add_tcase(s, core);
	tcase_add_checked_fixture(identities, numbers_setup, numbers_teardown);
	tcase_add_loop_test(identities, test_gamma_reflection, 0, COUNT(points));
	tcase_add_loop_test(identities, test_zeta_functional_equation, 0, COUNT(points));
	tcase_add_loop_test(identities, test_bessel_wronskian, 0, COUNT(points));
	tcase_add_loop_test(identities, test_airy_and_bessel, 0, 5);
	tcase_add_loop_test(identities, test_legendre_relation, 0, 4);
	tcase_add_loop_test(identities, test_inverses, 0, COUNT(points));
	tcase_add_loop_test(identities, test_relations_of_gamma, 0, COUNT(points));
	tcase_add_loop_test(identities, test_relations_of_integrals, 0, 7);
	tcase_add_loop_test(identities, test_polylog_relations, 0, 7);
	tcase_add_loop_test(identities, test_dawson_derivative, 0, 8);
	tcase_add_loop_test(identities, test_doubles_against_balls, 0, functions);
	tcase_add_loop_test(identities, test_analytic_refuses_a_ball_across_a_cut, 0, COUNT(cuts));
	suite_add_tcase(s, identities);
	tcase_add_checked_fixture(faults, op_ask_setup, op_ask_teardown);
	tcase_add_loop_test(faults, test_failures_as_documented, 0, COUNT(failures));
	tcase_add_test(faults, test_domain_error_points_at_the_argument);
	suite_add_tcase(s, faults);
	return s;
}

int main(void)
{
	return suite_run(special_suite());
}
