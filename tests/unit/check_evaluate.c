/* SPDX-License-Identifier: GPL-3.0-or-later */
/* evaluate, as a compute child runs it. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lengthy.h"
#include "op.h"
#include "op_ask.h"
#include "suite_run.h"

/* ["expr"] with the quotes of a JSON string; expr must need no escapes. */
static const char *args_of(const char *expr)
{
	static char args[70000];

	snprintf(args, sizeof args, "[\"%s\"]", expr);
	return args;
}

struct row {
	const char *expr, *result;
};

/* ---- core ---- */

START_TEST(test_evaluate_examples)
{
	op_expect_examples(&op_evaluate);
}
END_TEST

static const struct row exact[] = {
	{ "2*(7-3)", "8" },
	{ "2^3^2", "512" },
	{ "-2^2", "-4" },
	{ "(-2)^2", "4" },
	{ "2^-1", "\"1/2\"" },
	{ "2^-2^2", "\"1/16\"" },
	{ "0.1+0.2", "\"3/10\"" },
	{ "1e-3", "\"1/1000\"" },
	{ ".5*4", "2" },
	{ "1/3 + 1/6", "\"1/2\"" },
	{ "10/4*2", "5" },
	{ "10 - 4 - 3", "3" },
	{ "7 % 3", "1" },
	{ "-7 % 3", "2" },
	{ "7 % -3", "-2" },
	{ "7.5 % 2", "\"3/2\"" },
	{ "2^100 % 7", "2" },
	{ "7^123456789123456789 % 1000", "607" },
	{ "5!", "120" },
	{ "3!^2", "36" },
	{ "-3!", "-6" },
	{ "(3!)!", "720" },
	{ "0!", "1" },
	{ "0^0", "1" },
	{ "+3 - -2", "5" },
	{ "20!", "\"2432902008176640000\"" },
	{ "2^64", "\"18446744073709551616\"" },
	{ "sqrt(4)", "2" },
	{ "sqrt(1/4)", "\"1/2\"" },
	{ "sqrt(2)*sqrt(2) - 2", "0" },
	{ "sqrt(2)*sqrt(8) - 4", "0" },
	{ "(1+sqrt(5))/2*(1-sqrt(5))/2", "-1" },
	{ "1/(sqrt(2)+sqrt(3)) - (sqrt(3)-sqrt(2))", "0" },
	{ "((1+sqrt(5))/2)^10 + ((1-sqrt(5))/2)^10", "123" },
	{ "sqrt(3+2*sqrt(2))-sqrt(2)-1", "0" },
	{ "8^(1/3)", "2" },
	{ "(4/9)^(3/2)", "\"8/27\"" },
	{ "root(27, 3)", "3" },
	{ "root(-27, 3)", "-3" },
	{ "cbrt(-8)", "-2" },
	{ "root(16)", "4" },
	{ "floor(pi)", "3" },
	{ "floor(-pi)", "-4" },
	{ "ceil(pi)", "4" },
	{ "round(2.5)", "3" },
	{ "round(-2.5)", "-3" },
	{ "round(2.345, 2)", "\"47/20\"" },
	{ "round(pi, 3)", "\"1571/500\"" },
	{ "trunc(-2.7)", "-2" },
	{ "frac(2.75)", "\"3/4\"" },
	{ "floor(pi*10^30)", "\"3141592653589793238462643383279\"" },
	{ "floor(sqrt(2)*sqrt(2))", "2" },
	{ "floor(1000*sqrt(2))", "1414" },
	{ "sign(sqrt(2)+sqrt(3)-sqrt(10))", "-1" },
	{ "sign(-3)", "-1" },
	{ "abs(-7/2)", "\"7/2\"" },
	{ "abs(3+4i)", "5" },
	{ "min(3, pi, 22/7)", "3" },
	{ "max(1, 5, -2)", "5" },
	{ "log(8, 2)", "3" },
	{ "log10(1/1000)", "-3" },
	{ "log2(1024)", "10" },
	{ "log(1)", "0" },
	{ "exp(0)", "1" },
	{ "sin(0)", "0" },
	{ "cos(0)", "1" },
	{ "gamma(5)", "24" },
	{ "gcd(12, 18)", "6" },
	{ "gcd(12, 18, 8)", "2" },
	{ "lcm(4, 6)", "12" },
	{ "binomial(5, 2)", "10" },
	{ "pow(2, 10)", "1024" },
	{ "mod(-1, 5)", "4" },
	{ "factorial(6)", "720" },
	{ "hypot(3, 4)", "5" },
	{ "isqrt(17)", "4" },
	{ "2i", "{\"re\":0,\"im\":2}" },
	{ "i^2", "-1" },
	{ "(1+2i)*(3-i)", "{\"re\":5,\"im\":5}" },
	{ "1/(1+i)", "{\"re\":\"1/2\",\"im\":\"-1/2\"}" },
	{ "sqrt(-4)", "{\"re\":0,\"im\":2}" },
	{ "conj(1+2i)", "{\"re\":1,\"im\":-2}" },
	{ "re(1+2i)", "1" },
	{ "im(1+2i)", "2" },
	{ "(1+i)^10", "{\"re\":0,\"im\":32}" },
	{ "3(4+5)", "27" },
	{ "(1+2)(3+4)", "21" },
	{ "sum(k, k, 1, 100)", "5050" },
	{ "sum(k, k, 5, 4)", "0" },
	{ "product(k, k, 1, 10)", "3628800" },
	{ "product(k, k, 5, 4)", "1" },
	{ "sum(1/k, k, 1, 10)", "\"7381/2520\"" },
	{ "sum(sum(i0*j0, i0, 1, 3), j0, 1, 3)", "36" },
	{ "sum(k*sum(k, k, 1, 3), k, 1, 2)", "18" },
	{ "6 \xc3\x97 7 \xe2\x88\x92 2 \xc3\xb7 2", "41" },
	{ "sin(pi)", "0" },
	{ "floor(sin(7pi/2))", "-1" },
	{ "1 + cos(pi - 2*pi/1)", "0" },
	{ "tan(-3*pi/4 + 1 - 1)", "1" },
	{ "cot(0.5pi)", "0" },
	{ "sec(-pi)", "-1" },
	{ "csc(pi*(1/2))", "1" },
};

START_TEST(test_evaluate_exact_values)
{
	op_expect("evaluate", args_of(exact[_i].expr), exact[_i].result);
}
END_TEST

/* pi, e, Euler's gamma: OEIS A000796, A001113, A001620. sqrt(2): A002193. log(2): A002162. zeta(3): A002117.
 * sin(1): A049469. (-8)^(1/3) = 1 + i*sqrt(3): A002194. */
static const struct row real[] = {
	{ "pi", "3.141592653589793" },
	{ "\xcf\x80", "3.141592653589793" },
	{ "e", "2.718281828459045" },
	{ "euler", "0.5772156649015329" },
	{ "sqrt(2)", "1.4142135623730951" },
	{ "log(2)", "0.6931471805599453" },
	{ "ln(2)", "0.6931471805599453" },
	{ "zeta(3)", "1.2020569031595942" },
	{ "sin(1)", "0.8414709848078965" },
	{ "2 pi", "6.283185307179586" },
	{ "e^1", "2.718281828459045" },
	{ "exp(1) - e", "0" },
	{ "e^(i*pi) + 1", "0" },
	{ "(-8)^(1/3)", "{\"re\":1,\"im\":1.7320508075688772}" },
	{ "atan2(1, -1)", "2.356194490192345" },
	{ "arg(-1)", "3.141592653589793" },
	{ "sin(pi/6)", "0.5" },
	{ "log(-1)", "{\"re\":0,\"im\":3.141592653589793}" },
	{ "asin(2)", "{\"re\":1.5707963267948966,\"im\":-1.3169578969248168}" },
	{ "sum(sqrt(k), k, 1, 3)", "4.146264369941973" },
	{ "0.5!", "0.886226925452758" },
	{ "exp(1000)", "\"1.97007111401705e434\"" },
};

START_TEST(test_evaluate_real_values)
{
	op_expect("evaluate", args_of(real[_i].expr), real[_i].result);
}
END_TEST

/* 50 digits of the constants named above. */
static const struct row digits50[] = {
	{ "pi", "\"3.1415926535897932384626433832795028841971693993751\"" },
	{ "e", "\"2.7182818284590452353602874713526624977572470937000\"" },
	{ "euler", "\"0.57721566490153286060651209008240243104215933593992\"" },
	{ "sqrt(2)", "\"1.4142135623730950488016887242096980785696718753769\"" },
	{ "log(2)", "\"0.69314718055994530941723212145817656807550013436026\"" },
	{ "zeta(3)", "\"1.2020569031595942853997381615114499907649862923405\"" },
	{ "1/3", "\"0.33333333333333333333333333333333333333333333333333\"" },
	{ "7*6", "42" },
};

START_TEST(test_evaluate_with_precision)
{
	char args[200];

	snprintf(args, sizeof args, "{\"expr\":\"%s\",\"precision\":50}", digits50[_i].expr);
	op_expect("evaluate", args, digits50[_i].result);
}
END_TEST

static const struct row structured[] = {
	{ "[1, 2, 3]", "[1,2,3]" },
	{ "[]", "[]" },
	{ "[1, 2] + [3, 4]", "[4,6]" },
	{ "-[1, 1/2]", "[-1,\"-1/2\"]" },
	{ "2*[1, 2]", "[2,4]" },
	{ "[1, 2]/2", "[\"1/2\",1]" },
	{ "[1, 2]*[3, 4]", "11" },
	{ "[[1, 2], [3, 4]]*[1, 1]", "[3,7]" },
	{ "[1, 1]*[[1, 2], [3, 4]]", "[4,6]" },
	{ "[[1, 2], [3, 4]]*[[0, 1], [1, 0]]", "[[2,1],[4,3]]" },
	{ "[[1, 2], [3, 4]] - [[1, 1], [1, 1]]", "[[0,1],[2,3]]" },
	{ "[[1, 2], [3, 4]]^2", "[[7,10],[15,22]]" },
	{ "[[1, 2], [3, 4]]^-1", "[[-2,1],[\"3/2\",\"-1/2\"]]" },
	{ "[[1, 2], [3, 4]]^0", "[[1,0],[0,1]]" },
	{ "[[1, 2], [3, 4]]/[[1, 2], [3, 4]]", "[[1,0],[0,1]]" },
	{ "[5, 7] % 3", "[2,1]" },
	{ "det([[1, 2], [3, 4]])", "-2" },
	{ "det(2*[[1, 2], [3, 4]])", "-8" },
	{ "2*det([[1, 2], [3, 4]]) + 1", "-3" },
	{ "transpose([[1, 2], [3, 4]])*[1, 0]", "[1,2]" },
	{ "inverse([[1, 2], [3, 4]])*[[1, 2], [3, 4]]", "[[1,0],[0,1]]" },
	{ "is_prime(7)", "true" },
	{ "is_prime(2^61 - 1)", "true" },
	{ "factor(12)", "[[2,2],[3,1]]" },
	{ "sqrt([4, 9])", "[2,3]" },
	{ "max([3, 9, 4])", "9" },
	{ "[sqrt(2)*sqrt(2), 1/2]", "[2,\"1/2\"]" },
	{ "[pi, 1]", "[3.141592653589793,1]" },
	{ "[[i, 0], [0, 1]]*[[i, 0], [0, 1]]", "[[-1,0],[0,1]]" },
	{ "derivative(x^3, x)", "\"3*x^2\"" },
	{ "derivative('x^3', 'x')", "\"3*x^2\"" },
	{ "sum(totient(k), k, 1, 10)", "32" },
	{ "sum(det([[k, 1], [1, k]]), k, 1, 3)", "11" },
	{ "fibonacci(10) + catalan(4)", "69" },
};

START_TEST(test_evaluate_structures)
{
	op_expect("evaluate", args_of(structured[_i].expr), structured[_i].result);
}
END_TEST

START_TEST(test_evaluate_vars)
{
	op_expect("evaluate", "[\"x^2+y\",{\"x\":3,\"y\":\"1/2\"}]", "\"19/2\"");
	op_expect("evaluate", "[\"x*x\",{\"x\":\"sqrt(2)\"}]", "2");
	op_expect("evaluate", "[\"k + sum(k, k, 1, 3)\",{\"k\":10}]", "16");
	op_expect("evaluate", "[\"x\",{\"x\":0.1}]", "\"1/10\"");
	op_expect("evaluate", "[\"1 - x\",{\"x\":\"-1 + 2\"}]", "0");
	op_expect("evaluate", "{\"expr\":\"a*b\",\"vars\":{\"a\":2,\"b\":\"pi\"},\"precision\":20}",
		  "\"6.2831853071795864769\"");
	op_expect_pointer("evaluate", "[\"x\",{\"pi\":3}]", "invalid-argument", "/1/pi");
	op_expect_error("evaluate", "[\"x\",{\"x\":\"y\"}]", "unknown-name");
}
END_TEST

START_TEST(test_evaluate_exact_and_precision)
{
	op_expect("evaluate", "{\"expr\":\"1/3\",\"exact\":false}", "0.3333333333333333");
	op_expect("evaluate", "{\"expr\":\"1/3\",\"precision\":5}", "0.3333333333333333");
	op_expect("evaluate", "{\"expr\":\"1/3\",\"precision\":20,\"exact\":true}", "\"1/3\"");
	op_expect("evaluate", "{\"expr\":\"sqrt(2)\",\"exact\":false}", "1.4142135623730951");
	op_expect_error("evaluate", "{\"expr\":\"sqrt(2)\",\"exact\":true}", "domain-error");
	op_expect("evaluate", "{\"expr\":\"(1+1e-9)^1000000000\",\"precision\":20}", "\"2.7182818270999043224\"");
}
END_TEST

/* ---- faults ---- */

struct fault {
	const char *expr, *type;
	long position;
};

static const struct fault faults[] = {
	{ "", "parse-error", 0 },
	{ "   ", "parse-error", 3 },
	{ "2*(7-", "parse-error", 5 },
	{ "2 3", "parse-error", 2 },
	{ "2 +", "parse-error", 3 },
	{ "(1", "parse-error", 2 },
	{ "1)", "parse-error", 1 },
	{ "[1, 2", "parse-error", 5 },
	{ "1/2pi", "parse-error", 3 },
	{ "5!!", "parse-error", 2 },
	{ "1..2", "parse-error", 1 },
	{ "a b", "parse-error", 2 },
	{ "2 $ 3", "parse-error", 2 },
	{ "2 == 2", "parse-error", 2 },
	{ "x = 2", "parse-error", 2 },
	{ "pi(2)", "parse-error", 0 },
	{ "'abc", "parse-error", 4 },
	{ "1 + x", "unknown-name", 4 },
	{ "1 + sine(2)", "unknown-name", 4 },
	{ "system(1)", "unknown-name", 0 },
	{ "read(1)", "unknown-name", 0 },
	{ "1 + sin", "unknown-name", 4 },
	{ "sin(1, 2)", "arity", 0 },
	{ "sin()", "arity", 0 },
	{ "det()", "arity", 0 },
	{ "1/0", "division-by-zero", 1 },
	{ "1/(sqrt(2)*sqrt(2) - 2)", "division-by-zero", 1 },
	{ "0^-1", "division-by-zero", 1 },
	{ "5 % 0", "invalid-argument", 2 },
	{ "log(0)", "domain-error", 0 },
	{ "(-1)!", "domain-error", 4 },
	{ "atanh(1)", "domain-error", 0 },
	{ "tan(pi/2)", "domain-error", 0 },
	{ "sec(3pi/2)", "domain-error", 0 },
	{ "cot(-pi)", "domain-error", 0 },
	{ "csc(0*pi)", "domain-error", 0 },
	{ "1/cos(pi/2)", "division-by-zero", 1 },
	{ "inf", "domain-error", 0 },
	{ "floor(i)", "domain-error", 0 },
	{ "min(i, 2)", "domain-error", 0 },
	{ "gcd(1/2, 3)", "invalid-argument", 0 },
	{ "[1, 2] + 1", "dimension-mismatch", 7 },
	{ "[1, 2] + [1, 2, 3]", "dimension-mismatch", 7 },
	{ "[[1, 2], [3]]", "dimension-mismatch", 9 },
	{ "[[1, 2], [3, 4]]*[1, 2, 3]", "dimension-mismatch", 16 },
	{ "[[1, 2], [2, 4]]^-1", "singular", 16 },
	{ "is_prime(7) + 1", "invalid-argument", 0 },
	{ "'text'", "invalid-argument", 0 },
	{ "sum(k, 3, 1, 2)", "invalid-argument", 7 },
	{ "sum(k, k, 1, 1/2)", "domain-error", 0 },
	{ "sum(k, k, 1, inf)", "domain-error", 13 },
	{ "9^9^9", "limit-exceeded", 1 },
	{ "9^9^9^9", "limit-exceeded", 3 },
	{ "10^1000000", "limit-exceeded", 2 },
	{ "1000000!", "limit-exceeded", 7 },
	{ "sum(k, k, 1, 10^30)", "limit-exceeded", 0 },
	{ "sum(sum(1, k, 1, 10^5), n, 1, 10^5)", "limit-exceeded", 4 },
	{ "sleep(5)", "unknown-name", 0 },
};

START_TEST(test_evaluate_faults)
{
	const struct fault *row = &faults[_i];
	struct buf json = BUF_INIT;
	struct op_failure f;
	bool ok = op_ask("evaluate", args_of(row->expr), &json, &f);

	ck_assert_msg(!ok && strcmp(op_error_name(f.error), row->type) == 0, "%s: expected %s, got %s", row->expr,
		      row->type, buf_cstr(&json));
	ck_assert_msg(f.position == row->position, "%s: expected position %ld, got %s", row->expr, row->position,
		      buf_cstr(&json));
	ck_assert_msg(f.count == 1 && strcmp(f.at[0].pointer, "/0") == 0, "%s: %s", row->expr, buf_cstr(&json));
	buf_fini(&json);
}
END_TEST

START_TEST(test_evaluate_9_9_9_says_how_large)
{
	struct buf json = BUF_INIT;
	struct op_failure f;

	ck_assert(!op_ask("evaluate", "[\"9^9^9\"]", &json, &f));
	ck_assert_double_eq(f.estimate, 369693100);
	ck_assert_double_eq(f.limit, 1000000);
	ck_assert_str_eq(f.unit, "digits");
	buf_fini(&json);
}
END_TEST

/* ---- limits ---- */

static bool ask_repeated(const char *before, const char *repeated, size_t count, const char *after, const char *last,
			 size_t closing, struct op_failure *f, struct buf *json)
{
	struct buf args = BUF_INIT;

	buf_puts(&args, "[\"");
	buf_puts(&args, before);
	for (size_t i = 0; i < count; i++)
		buf_puts(&args, repeated);
	buf_puts(&args, after);
	for (size_t i = 0; i < closing; i++)
		buf_puts(&args, last);
	buf_puts(&args, "\"]");
	bool ok = op_ask("evaluate", buf_cstr(&args), json, f);
	buf_fini(&args);
	return ok;
}

START_TEST(test_evaluate_nested_too_deeply)
{
	struct buf json = BUF_INIT;
	struct op_failure f;

	ck_assert(ask_repeated("", "(", 150, "1", ")", 150, &f, &json));
	ck_assert_str_eq(buf_cstr(&json), "1");
	ck_assert(!ask_repeated("", "(", 30000, "1", ")", 30000, &f, &json));
	ck_assert_int_eq(f.error, OP_LIMIT_EXCEEDED);
	ck_assert(!ask_repeated("", "-", 30000, "1", "", 0, &f, &json));
	ck_assert_int_eq(f.error, OP_LIMIT_EXCEEDED);
	ck_assert(!ask_repeated("", "2^", 30000, "1", "", 0, &f, &json));
	ck_assert_int_eq(f.error, OP_LIMIT_EXCEEDED);
	ck_assert(!ask_repeated("", "[", 300, "1", "]", 300, &f, &json));
	ck_assert_int_eq(f.error, OP_LIMIT_EXCEEDED);
	ck_assert(!ask_repeated("", "sin(", 300, "1", ")", 300, &f, &json));
	ck_assert_int_eq(f.error, OP_LIMIT_EXCEEDED);
	buf_fini(&json);
}
END_TEST

START_TEST(test_evaluate_long_chains)
{
	struct buf json = BUF_INIT;
	struct op_failure f;

	ck_assert_msg(ask_repeated("0", "+1", 4900, "", "", 0, &f, &json), "%s", buf_cstr(&json));
	ck_assert_str_eq(buf_cstr(&json), "4900");
	ck_assert(!ask_repeated("0", "+1", 20000, "", "", 0, &f, &json));
	ck_assert_int_eq(f.error, OP_LIMIT_EXCEEDED);
	ck_assert(!ask_repeated("0", "+1", 40000, "", "", 0, &f, &json)); /* bytes */
	ck_assert_int_eq(f.error, OP_LIMIT_EXCEEDED);
	/* Deciding functions inside each other must not cost exponential time. */
	ck_assert_msg(ask_repeated("", "floor(pi*", 100, "1", ")", 100, &f, &json), "%s", buf_cstr(&json));
	ck_assert_msg(ask_repeated("", "floor(1+", 190, "pi", ")", 190, &f, &json), "%s", buf_cstr(&json));
	ck_assert_str_eq(buf_cstr(&json), "193");
	/* Literals whose values are long. */
	ck_assert(!ask_repeated("0", "+1e999999", 2000, "", "", 0, &f, &json));
	ck_assert_int_eq(f.error, OP_LIMIT_EXCEEDED);
	/* Operations inside operations. */
	ck_assert(!ask_repeated("", "totient(", 20, "7", ")", 20, &f, &json) || json.len == 1);
	buf_fini(&json);
}
END_TEST

/* Lines of "type<TAB>expression"; type "-": any answer will do, as long as there is one. */
START_TEST(test_evaluate_hostile)
{
	const char *dir = getenv("SOURCE_DIR");
	char path[1024], *line = NULL;
	size_t size = 0, lines = 0;

	snprintf(path, sizeof path, "%s/tests/data/hostile/expressions.txt", dir ? dir : ".");
	FILE *file = fopen(path, "r");
	ck_assert_msg(file != NULL, "%s is not there", path);
	while (getline(&line, &size, file) > 0) {
		struct buf args = BUF_INIT, json = BUF_INIT;
		struct op_failure f;
		line[strcspn(line, "\n")] = '\0';
		char *tab = strchr(line, '\t');
		if (line[0] == '#' || !tab)
			continue;
		*tab = '\0';
		buf_byte(&args, '[');
		buf_json_string(&args, tab + 1, strlen(tab + 1));
		buf_byte(&args, ']');
		bool ok = op_ask("evaluate", buf_cstr(&args), &json, &f);
		if (strcmp(line, "-") != 0)
			ck_assert_msg(!ok && strcmp(op_error_name(f.error), line) == 0,
				      "%.60s: expected %s, got %.300s", tab + 1, line, buf_cstr(&json));
		buf_fini(&args);
		buf_fini(&json);
		lines++;
	}
	ck_assert_uint_gt(lines, 50);
	free(line);
	fclose(file);
	op_expect("square", "[12]", "144");
}
END_TEST

static Suite *evaluate_suite(void)
{
	Suite *s = suite_create("evaluate");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *bad = tcase_create("faults");
	TCase *lengthy = lengthy_case(s);

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))
	tcase_add_checked_fixture(core, op_ask_setup, op_ask_teardown);
	tcase_add_test(core, test_evaluate_examples);
	tcase_add_loop_test(core, test_evaluate_exact_values, 0, COUNT(exact));
	tcase_add_loop_test(core, test_evaluate_real_values, 0, COUNT(real));
	tcase_add_loop_test(core, test_evaluate_with_precision, 0, COUNT(digits50));
	tcase_add_loop_test(core, test_evaluate_structures, 0, COUNT(structured));
	tcase_add_test(core, test_evaluate_vars);
	tcase_add_test(core, test_evaluate_exact_and_precision);
	suite_add_tcase(s, core);
	tcase_add_checked_fixture(bad, op_ask_setup, op_ask_teardown);
	tcase_add_loop_test(bad, test_evaluate_faults, 0, COUNT(faults));
	tcase_add_test(bad, test_evaluate_9_9_9_says_how_large);
	suite_add_tcase(s, bad);
	tcase_add_checked_fixture(limits, op_ask_setup, op_ask_teardown);
	tcase_add_test(limits, test_evaluate_nested_too_deeply);
	tcase_add_test(limits, test_evaluate_long_chains);
	tcase_add_test(lengthy, test_evaluate_hostile);
	tcase_set_timeout(limits, 120);
	suite_add_tcase(s, limits);
	return s;
}

int main(void)
{
	return suite_run(evaluate_suite());
}
