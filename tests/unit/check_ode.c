/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Initial value problems, stiff ones too, and minima: against closed forms and published reference solutions. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lengthy.h"
#include "op.h"
#include "op_ask.h"
#include "suite_run.h"

static const struct {
	const char *args, *result;
} solutions[] = {
	{ "[\"y\",\"y\",1,0,1]", "{\"t\":1,\"y\":2.718281828459045}" },
	{ "[\"-y\",\"y\",1,1,0]", "{\"t\":0,\"y\":2.718281828459045}" },
	{ "[[\"v\",\"-x\"],[\"x\",\"v\"],[0,1],0,1]", "{\"t\":1,\"y\":[0.8414709848078965,0.5403023058681398]}" },
	{ "[[\"v\",\"-x\"],[\"x\",\"v\"],[0,1],0,\"2*pi\"]", "{\"t\":6.283185307179586,\"y\":[0,1]}" },
	{ "[\"y*(1-y)\",\"y\",\"1/10\",0,5]", "{\"t\":5,\"y\":0.94282561857401486}" },
	{ "[\"-2*t*y\",\"y\",1,0,2]", "{\"t\":2,\"y\":0.01831563888873418}" },
	{ "[\"1+y^2\",\"y\",0,0,1]", "{\"t\":1,\"y\":1.5574077246549022}" },
	{ "[\"-y\",\"y\",1e-20,0,1]", "{\"t\":1,\"y\":3.6787944117144232e-21}" },
	{ "[\"t^2\",\"y\",1,3,3]", "{\"t\":3,\"y\":1}" },
	{ "[\"y\",\"y\",1,0,1,1e-4]", "{\"t\":1,\"y\":2.7183}" },
	{ "{\"equations\":\"2*t\",\"vars\":\"y\",\"y0\":0,\"t0\":0,\"t1\":2,\"points\":3}",
	  "{\"t\":[0,1,2],\"y\":[0,1,4]}" },
};

/* The result with its reals as doubles. */
static json_t *decode(const char *op, const char *args)
{
	struct buf json = BUF_INIT;
	bool ok = op_ask(op, args, &json, NULL);
	json_t *v = json_loads(buf_cstr(&json), JSON_DECODE_ANY, NULL);

	ck_assert_msg(ok && v, "%s%s: %s", op, args, buf_cstr(&json));
	buf_fini(&json);
	return v;
}

START_TEST(test_ode_known)
{
	op_expect_near("ode", solutions[_i].args, solutions[_i].result,
		       strstr(solutions[_i].args, "1e-4") ? 1e-4 : 1e-9);
}
END_TEST

/* What is shown is right, however small: relative to itself. */
START_TEST(test_ode_small)
{
	json_t *v = decode("ode", "[\"-y\",\"y\",1e-20,0,1]");

	ck_assert_double_lt(fabs(json_number_value(json_object_get(v, "y")) / 3.6787944117144233e-21 - 1), 1e-9);
	json_decref(v);
	op_expect("ode", "[\"-y\",\"y\",1,0,100]", "{\"t\":100,\"y\":0}"); /* 4e-44 of 1 is beyond the tolerance */
}
END_TEST

static void check_stiff(const char *args, const double *wanted, size_t n, double error)
{
	json_t *v = decode("ode", args), *y = json_object_get(v, "y");

	ck_assert_int_eq((int)json_array_size(y), (int)n);
	for (size_t i = 0; i < n; i++) {
		double got = json_number_value(json_array_get(y, i));
		ck_assert_msg(fabs(got / wanted[i] - 1) <= error, "%s: [%zu] is %.17g, expected %.17g", args, i, got,
			      wanted[i]);
	}
	json_decref(v);
}

/* Reference solutions of the Test Set for Initial Value Problem Solvers (Mazzia and Magherini, University of Bari,
 * release 2.4): ROBER at 1e11 and VDPOL at t = 2000, there in the variables x, mu x'. */
START_TEST(test_ode_stiff)
{
	static const double rober[] = { 0.2083340149701255e-07, 0.8333360770334713e-13, 0.9999999791665050 };
	static const double vdpol[] = { 1.706167732170483, -0.8928097010247975e-3 };

	check_stiff(
	    "[[\"-0.04*a+10^4*b*c\",\"0.04*a-10^4*b*c-3*10^7*b^2\",\"3*10^7*b^2\"],[\"a\",\"b\",\"c\"],[1,0,0],0,"
	    "1e11]",
	    rober, 3, 1e-5);
	check_stiff("[[\"v\",\"1000*(1-x^2)*v-x\"],[\"x\",\"v\"],[2,0],0,2000]", vdpol, 2, 1e-6);
}
END_TEST

START_TEST(test_ode_trajectory)
{
	json_t *v =
	    decode("ode", "{\"equations\":[\"v\",\"-x\"],\"vars\":[\"x\",\"v\"],\"y0\":[0,1],\"t0\":0,\"t1\":10,"
			  "\"points\":101}");
	json_t *t = json_object_get(v, "t"), *y = json_object_get(v, "y");

	ck_assert_int_eq((int)json_array_size(t), 101);
	ck_assert_int_eq((int)json_array_size(y), 101);
	for (size_t k = 0; k <= 100; k++) {
		double at = json_number_value(json_array_get(t, k));
		ck_assert_double_lt(fabs(at - (double)k / 10), 1e-14);
		const json_t *state = json_array_get(y, k);
		ck_assert_double_lt(fabs(json_number_value(json_array_get(state, 0)) - sin(at)), 2e-9);
		ck_assert_double_lt(fabs(json_number_value(json_array_get(state, 1)) - cos(at)), 2e-9);
	}
	json_decref(v);
}
END_TEST

static const struct {
	const char *args, *x, *value;
} minima[] = {
	{ "[\"(x-2)^2+1\",\"x\",0]", "[2]", "1" },
	{ "[\"(1-x)^2+100*(y-x^2)^2\",[\"x\",\"y\"],[-1.2,1]]", "[1,1]", "0" },
	{ "[\"(a+10*b)^2+5*(c-d)^2+(b-2*c)^4+10*(a-d)^4\",[\"a\",\"b\",\"c\",\"d\"],[3,-1,0,1]]", "[0,0,0,0]", "0" },
	{ "[\"abs(x-1)+abs(y+2)\",[\"x\",\"y\"],[0,0]]", "[1,-2]", "0" },
	{ "[\"(x-1)^4+1\",\"x\",5]", "[1]", "1" },
	{ "[\"cos(x)\",\"x\",0]", "[3.141592653589793]", "-1" },
	{ "[\"x^x\",\"x\",1]", "[0.36787944117144233]", "0.6922006275553464" },
	{ "[\"x^2+y^2+z^2-x*y+2*x\",[\"x\",\"y\",\"z\"],[5,5,5]]", "[-1.3333333333333333,-0.6666666666666666,0]",
	  "-1.3333333333333333" },
	{ "[\"(x^2+y-11)^2+(x+y^2-7)^2\",[\"x\",\"y\"],[2.5,2.5]]", "[3,2]", "0" },
};

START_TEST(test_minimize_known)
{
	json_t *v = decode("minimize", minima[_i].args), *x = json_object_get(v, "x");
	json_t *wanted = json_loads(minima[_i].x, 0, NULL);

	for (size_t i = 0; i < json_array_size(wanted); i++) {
		double got = json_number_value(json_is_array(x) ? json_array_get(x, i) : x);
		ck_assert_msg(got == json_number_value(json_array_get(wanted, i)), "minimize%s: x[%zu] is %.17g",
			      minima[_i].args, i, got);
	}
	ck_assert_double_eq(json_number_value(json_object_get(v, "value")), strtod(minima[_i].value, NULL));
	ck_assert_int_gt((int)json_integer_value(json_object_get(v, "iterations")), 0);
	json_decref(wanted);
	json_decref(v);
}
END_TEST

START_TEST(test_ode_examples)
{
	op_expect_examples(&op_ode);
}
END_TEST

static const struct {
	const char *op, *args, *type;
} faults[] = {
	{ "ode", "[\"y^2\",\"y\",1,0,2]", "did-not-converge" },
	{ "ode", "[[\"10*(y-x)\",\"x*(28-z)-y\",\"x*y-8/3*z\"],[\"x\",\"y\",\"z\"],[1,1,1],0,100]",
	  "did-not-converge" },
	{ "ode", "[\"sqrt(y)\",\"y\",-1,0,1]", "domain-error" },
	{ "ode", "[\"1000*y\",\"y\",1,0,1]", "overflow" },
	{ "ode", "[\"y^2\",\"y\",1,0,2]", "did-not-converge" },
	{ "ode", "[\"-1/y\",\"y\",1,0,10]", "did-not-converge" },
	{ "ode", "[[\"x\"],[\"t\"],[1],0,1]", "invalid-argument" },
	{ "ode", "[[\"x\",\"x\"],[\"x\",\"x\"],[1,1],0,1]", "invalid-argument" },
	{ "ode", "[[\"x\",\"y\"],[\"x\"],[1],0,1]", "dimension-mismatch" },
	{ "ode", "[[\"x\"],[\"x\"],[1,2],0,1]", "dimension-mismatch" },
	{ "ode", "[\"q\",\"x\",1,0,1]", "unknown-name" },
	{ "ode", "[\"(\",\"x\",1,0,1]", "parse-error" },
	{ "ode", "[\"y\",\"y\",1,0,1,1e-20]", "invalid-argument" },
	{ "ode", "[\"y\",\"y\",1,0,1,1e-6,1]", "invalid-argument" },
	{ "ode", "[\"y\",\"y\",1,0,1,1e-6,10001]", "limit-exceeded" },
	{ "ode", "[[],[],[],0,1]", "invalid-argument" },
	{ "minimize", "[\"2*x\",\"x\",1]", "did-not-converge" },
	{ "minimize", "[\"exp(x)\",\"x\",1]", "did-not-converge" },
	{ "minimize", "[\"(x+y)^2\",[\"x\",\"y\"],[1,2]]", "did-not-converge" },
	{ "minimize", "[\"5\",\"x\",1]", "did-not-converge" },
	{ "minimize", "[\"x^2\",[\"x\",\"y\"],[1]]", "dimension-mismatch" },
	{ "minimize", "[\"log(x)\",\"x\",-1]", "domain-error" },
	{ "minimize", "[\"q\",\"x\",1]", "unknown-name" },
	{ "minimize", "[\"x\",\"pi\",1]", "invalid-argument" },
};

START_TEST(test_ode_refuses)
{
	op_expect_error(faults[_i].op, faults[_i].args, faults[_i].type);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

int main(void)
{
	Suite *suite = suite_create("ode");
	TCase *core = tcase_create("core"), *wrong = tcase_create("faults");
	TCase *lengthy = lengthy_case(suite);

	tcase_add_checked_fixture(core, op_ask_setup, op_ask_teardown);
	tcase_add_checked_fixture(wrong, op_ask_setup, op_ask_teardown);
	tcase_set_timeout(core, 60);
	tcase_set_timeout(wrong, 60);
	tcase_add_loop_test(core, test_ode_known, 0, COUNT(solutions));
	tcase_add_test(core, test_ode_small);
	tcase_add_test(lengthy, test_ode_stiff);
	tcase_add_test(core, test_ode_trajectory);
	tcase_add_loop_test(core, test_minimize_known, 0, COUNT(minima));
	tcase_add_test(core, test_ode_examples);
	tcase_add_loop_test(wrong, test_ode_refuses, 0, COUNT(faults));
	suite_add_tcase(suite, core);
	suite_add_tcase(suite, wrong);

	return suite_run(suite);
}
