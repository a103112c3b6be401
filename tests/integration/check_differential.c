/* SPDX-License-Identifier: GPL-3.0-or-later */
/* evaluate against two other programs, PARI's gp and bc, run as processes of their own: the same random expressions go
 * to both, and the answers must be the same. The seed is printed; SEED=n repeats a run. */
#include <arb.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "op_ask.h"
#include "proc.h"
#include "suite_run.h"

#define EXPRESSIONS 300
#define DIGITS 50
#define DEADLINE_MS 120000

/* ---- random texts ---- */

static uint64_t seed;

static unsigned next_random(unsigned below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % below;
}

/* A function of a real expression of moderate size, as both write it. */
struct common {
	const char *ours, *theirs, *close;
};

/* What is common to both languages; functions end with a line of NULL. */
struct language {
	bool modulo, fractions, factorial, negative;
	unsigned depth, largest; /* of parentheses; of numbers */
	const struct common *functions;
};

/* Appends to both texts. */
static void put_both(struct buf *ours, struct buf *theirs, const char *s)
{
	buf_puts(ours, s);
	buf_puts(theirs, s);
}

static void put_sum(const struct language *l, unsigned depth, struct buf *ours, struct buf *theirs);

static void put_operand(const struct language *l, unsigned depth, struct buf *ours, struct buf *theirs)
{
	unsigned functions = 0;
	char text[32];

	while (l->functions && l->functions[functions].ours)
		functions++;
	if (depth > 0 && next_random(3) == 0) {
		put_both(ours, theirs, "(");
		put_sum(l, depth - 1, ours, theirs);
		put_both(ours, theirs, ")");
	} else if (depth > 0 && functions && next_random(3) == 0) {
		const struct common *function = &l->functions[next_random(functions)];
		buf_puts(ours, function->ours);
		buf_puts(theirs, function->theirs);
		put_sum(l, depth - 1, ours, theirs);
		put_both(ours, theirs, function->close);
	} else if (l->factorial && next_random(8) == 0) {
		snprintf(text, sizeof text, "%u!", next_random(9));
		put_both(ours, theirs, text);
	} else {
		snprintf(text, sizeof text, "%u", next_random(4) ? next_random(13) : next_random(l->largest));
		put_both(ours, theirs, text);
	}
}

/* Exponents are small, and so is a chain of them. */
static void put_power(const struct language *l, unsigned depth, struct buf *ours, struct buf *theirs)
{
	put_operand(l, depth, ours, theirs);
	if (next_random(4))
		return;
	if (l->negative && next_random(4) == 0)
		put_both(ours, theirs, "^-1");
	else if (l->depth > 2 && next_random(3) == 0)
		put_both(ours, theirs, "^2^2");
	else
		put_both(ours, theirs, next_random(2) ? "^3" : "^2");
}

static void put_term(const struct language *l, unsigned depth, struct buf *ours, struct buf *theirs)
{
	char text[16];

	put_power(l, depth, ours, theirs);
	while (next_random(3) == 0) {
		unsigned what = next_random(3);
		if (what == 1 && l->modulo) { /* by positive integers: there the programs agree about the sign */
			snprintf(text, sizeof text, "%%%u", 1 + next_random(30));
			put_both(ours, theirs, text);
			continue;
		}
		put_both(ours, theirs, what == 2 && l->fractions ? "/" : "*");
		put_power(l, depth, ours, theirs);
	}
}

static void put_sum(const struct language *l, unsigned depth, struct buf *ours, struct buf *theirs)
{
	if (l->negative && next_random(4) == 0)
		put_both(ours, theirs, "-");
	put_term(l, depth, ours, theirs);
	while (next_random(2)) {
		put_both(ours, theirs, next_random(2) ? "+" : "-");
		put_term(l, depth, ours, theirs);
	}
}

/* ---- the comparison ---- */

/* Our answer without quotes; "error" when there is none. */
static char *our_answer(const char *expr, unsigned digits)
{
	struct buf args = BUF_INIT, json = BUF_INIT;
	char *answer;

	buf_printf(&args, digits ? "{\"expr\":\"%s\",\"precision\":%u}" : "{\"expr\":\"%s\"}", expr, digits);
	bool ok = op_ask("evaluate", buf_cstr(&args), &json, NULL);
	const char *text = ok ? buf_cstr(&json) : "error";
	answer = *text == '"' ? strndup(text + 1, strlen(text) - 2) : strdup(text);
	buf_fini(&args);
	buf_fini(&json);
	return answer;
}

/* gp writes 1.5 e-6. */
static void remove_blanks(char *s)
{
	char *to = s;

	for (; *s; s++)
		if (*s != ' ')
			*to++ = *s;
	*to = '\0';
}

static bool near(const char *a, char *b)
{
	arb_t x, y, bound;
	bool same;

	if (strcmp(a, "error") == 0 || strcmp(b, "error") == 0)
		return strcmp(a, b) == 0;
	remove_blanks(b);
	arb_init(x);
	arb_init(y);
	arb_init(bound);
	same = arb_set_str(x, a, 400) == 0 && arb_set_str(y, b, 400) == 0;
	arb_abs(bound, x);
	arb_add_ui(bound, bound, 1, 400);
	arb_mul_2exp_si(bound, bound, -130); /* 10^-39 */
	arb_sub(x, x, y, 400);
	arb_abs(x, x);
	same = same && arb_lt(x, bound);
	arb_clear(x);
	arb_clear(y);
	arb_clear(bound);
	return same;
}

/* preamble, then each expression between before and after, to argv; a line comes back for each. */
static void compare(const char *const *argv, const char *const *env, const char *preamble, const char *before,
		    const char *after, const struct language *l, unsigned digits)
{
	struct buf script = BUF_INIT, ours[EXPRESSIONS];
	struct proc_result result;
	size_t wrong = 0, values = 0;

	printf("%s: SEED=%llu\n", argv[0], (unsigned long long)seed);
	buf_puts(&script, preamble);
	for (size_t i = 0; i < EXPRESSIONS; i++) {
		buf_init(&ours[i]);
		buf_puts(&script, before);
		put_sum(l, l->depth, &ours[i], &script);
		buf_puts(&script, after);
	}
	proc_run(argv, env, buf_cstr(&script), DEADLINE_MS, &result);
	ck_assert_msg(result.status == 0, "%s: status %d: %s", argv[0], result.status, result.err);
	char *rest = NULL, *line = strtok_r(result.out, "\n", &rest);
	for (size_t i = 0; i < EXPRESSIONS; i++, line = strtok_r(NULL, "\n", &rest)) {
		ck_assert_msg(line != NULL, "%s gave only %zu answers: %s", argv[0], i, result.err);
		char *answer = our_answer(buf_cstr(&ours[i]), digits);
		bool same = digits ? near(answer, line) : strcmp(answer, line) == 0;
		if (!same)
			printf("%s: here %s, there %s\n", buf_cstr(&ours[i]), answer, line);
		wrong += !same;
		values += strcmp(answer, "error") != 0;
		free(answer);
		buf_fini(&ours[i]);
	}
	fflush(stdout);
	ck_assert_ptr_null(line);
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_gt(values, EXPRESSIONS / 2);
	proc_result_fini(&result);
	buf_fini(&script);
}

static const char *const gp[] = { "gp", "-q", "-f", NULL };
static const char *const bc[] = { "bc", "-lq", NULL };
static const char *const bc_env[] = { "BC_LINE_LENGTH=0", NULL };

START_TEST(test_rationals_as_gp)
{
	const struct language l = {
		.fractions = true, .factorial = true, .negative = true, .depth = 4, .largest = 1000000
	};

	compare(gp, NULL, "default(parisizemax,\"512M\")\n", "iferr(print(", "),E,print(\"error\"))\n", &l, 0);
}
END_TEST

/* gp reduces a fraction by an integer as a residue class, so % is compared among integers. */
START_TEST(test_integers_as_gp)
{
	const struct language l = { .modulo = true, .factorial = true, .depth = 4, .largest = 1000000 };

	compare(gp, NULL, "default(parisizemax,\"512M\")\n", "iferr(print(", "),E,print(\"error\"))\n", &l, 0);
}
END_TEST

START_TEST(test_reals_as_gp)
{
	/* No floor or tanh where gp, which rounds, may meet an integer that an exact evaluation tells from it. */
	static const struct common functions[] = {
		{ "sin(", "sin(", ")" },
		{ "cos(", "cos(", ")" },
		{ "atan(", "atan(", ")" },
		{ "asinh(", "asinh(", ")" },
		{ "sinh(sin(", "sinh(sin(", "))" },
		{ "exp(atan(", "exp(atan(", "))" },
		{ "abs(", "abs(", ")" },
		{ "sqrt(1 + abs(", "sqrt(1 + abs(", "))" },
		{ "floor(1/7 + 9*sin(", "floor(1/7 + 9*sin(", "))" },
		{ "log(2 + abs(", "log(2 + abs(", "))" },
		{ "ceil(1/7 + 9*cos(", "ceil(1/7 + 9*cos(", "))" },
		{ "gamma(2 + sin(", "gamma(2 + sin(", "))" },
		{ "zeta(3 + cos(", "zeta(3 + cos(", "))" },
		{ NULL, NULL, NULL },
	};
	const struct language l = {
		.fractions = true, .negative = true, .depth = 3, .largest = 1000, .functions = functions
	};

	compare(gp, NULL, "default(parisizemax,\"512M\")\ndefault(realprecision,250)\n", "iferr(printf(\"%.60g\\n\",",
		"),E,print(\"error\"))\n", &l, DIGITS);
}
END_TEST

/* bc has integers and decimals of `scale` places; its unary minus binds tighter than ^, so there is none here. */
START_TEST(test_integers_as_bc)
{
	const struct language l = { .depth = 4, .largest = 1000000 };

	compare(bc, bc_env, "scale=0\n", "", "\n", &l, 0);
}
END_TEST

START_TEST(test_reals_as_bc)
{
	static const struct common functions[] = {
		{ "sin(", "s(", ")" },
		{ "cos(", "c(", ")" },
		{ "atan(", "a(", ")" },
		{ "exp(sin(", "e(s(", "))" },
		{ "log(2 + cos(", "l(2 + c(", "))" },
		{ "sqrt(3 + sin(", "sqrt(3 + s(", "))" },
		{ "bessel_j(2, sin(", "j(2, s(", "))" },
		{ "1/(3 + cos(", "1/(3 + c(", "))" },
		{ NULL, NULL, NULL },
	};
	const struct language l = { .depth = 2, .largest = 100, .functions = functions };

	compare(bc, bc_env, "scale=150\n", "", "\n", &l, DIGITS);
}
END_TEST

static void setup(void)
{
	const char *given = getenv("SEED");

	op_ask_setup();
	seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) << 20 ^ (uint64_t)getpid();
}

int main(void)
{
	Suite *s = suite_create("differential");
	TCase *core = tcase_create("core");

	tcase_add_checked_fixture(core, setup, op_ask_teardown);
	tcase_add_test(core, test_rationals_as_gp);
	tcase_add_test(core, test_integers_as_gp);
	tcase_add_test(core, test_reals_as_gp);
	tcase_add_test(core, test_integers_as_bc);
	tcase_add_test(core, test_reals_as_bc);
	tcase_set_timeout(core, 300);
	suite_add_tcase(s, core);
	return suite_run(s);
}
