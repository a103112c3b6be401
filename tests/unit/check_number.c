/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The number reader and its writers, by the data files of tests/data/numbers and at their limits. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "err.h"
#include "number.h"
#include "suite_run.h"

/* Calls check(line) for each line of a data file that is no comment; at least one. */
static void each_line(const char *name, void (*check)(char *line))
{
	const char *dir = getenv("SOURCE_DIR");
	char path[1024], line[1024];
	int lines = 0;

	snprintf(path, sizeof path, "%s/tests/data/numbers/%s", dir ? dir : ".", name);
	FILE *file = fopen(path, "r");
	ck_assert_msg(file != NULL, "%s is not there", path);
	while (fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#')
			continue;
		lines++;
		check(line);
	}
	fclose(file);
	ck_assert_int_gt(lines, 0);
}

static void put_json(struct buf *out, struct number *x)
{
	number_load(x);
	if (mpz_cmp_ui(mpq_denref(x->q), 1) == 0)
		number_put_mpz(out, mpq_numref(x->q));
	else
		number_put_ratio(out, mpq_numref(x->q), mpq_denref(x->q));
}

static void check_valid(char *line)
{
	char *literal = strtok(line, "\t"), *square = strtok(NULL, "\t"), *json = strtok(NULL, "\t");
	struct number x;
	struct buf out = BUF_INIT;

	ck_assert_ptr_nonnull(json);
	/* A copy without anything behind it: reading beyond the end shows under a sanitizer. */
	char *exact = malloc(strlen(literal));
	memcpy(exact, literal, strlen(literal));
	ck_assert_msg(number_scan(exact, strlen(literal), &x) == 0, "%s", literal);
	ck_assert_int_eq(number_put_square(&out, &x), 0);
	ck_assert_msg(strcmp(buf_cstr(&out), square) == 0, "%s squared: expected %s, got %s", literal, square,
		      buf_cstr(&out));
	number_fini(&x);

	buf_clear(&out);
	ck_assert_int_eq(number_scan(exact, strlen(literal), &x), 0);
	int sign = number_sign(&x);
	double top = number_digits(&x), bottom = number_denominator_digits(&x);
	double top_log = sign ? number_log10(&x) : 0, bottom_log = number_denominator_log10(&x);
	put_json(&out, &x);
	ck_assert_msg(strcmp(buf_cstr(&out), json) == 0, "%s: expected %s, got %s", literal, json, buf_cstr(&out));
	ck_assert_int_eq(number_sign(&x), sign);
	/* What was said of the text holds for the value: same size, bounds that are not below it. */
	ck_assert(top >= (double)mpz_sizeinbase(mpq_numref(x.q), 10) - 1);
	if (mpz_cmp_ui(mpq_denref(x.q), 1) != 0)
		ck_assert(bottom >= (double)mpz_sizeinbase(mpq_denref(x.q), 10) - 1);
	if (sign)
		ck_assert_double_eq_tol(top_log - bottom_log, number_log10(&x) - number_denominator_log10(&x), 1e-9);
	ck_assert_int_eq(number_is_integer(&x), mpz_cmp_ui(mpq_denref(x.q), 1) == 0);
	number_fini(&x);
	free(exact);
	buf_fini(&out);
}

START_TEST(test_number_scan_valid)
{
	each_line("valid.txt", check_valid);
}
END_TEST

static void check_invalid(char *line)
{
	struct number x;
	size_t n = strlen(line);
	char *exact = malloc(n ? n : 1);

	memcpy(exact, line, n);
	ck_assert_msg(number_scan(exact, n, &x) == ERR_INVALID, "\"%s\" was taken for a number", line);
	free(exact);
}

START_TEST(test_number_scan_invalid)
{
	check_invalid((char[]){ "" });
	each_line("invalid.txt", check_invalid);
}
END_TEST

/* Every prefix of every valid literal is read without a look beyond its end, and either taken or refused. */
static void check_prefixes(char *line)
{
	size_t n = strcspn(line, "\t");

	for (size_t len = 0; len <= n; len++) {
		struct number x;
		char *exact = malloc(len ? len : 1);
		memcpy(exact, line, len);
		int rc = number_scan(exact, len, &x);
		ck_assert(rc == 0 || rc == ERR_INVALID);
		if (rc == 0) {
			number_load(&x);
			number_fini(&x);
		}
		free(exact);
	}
}

START_TEST(test_number_scan_prefixes)
{
	each_line("valid.txt", check_prefixes);
}
END_TEST

START_TEST(test_number_scan_length_limit)
{
	char text[NUMBER_LITERAL_MAX + 2];
	struct number x;

	memset(text, '9', sizeof text);
	ck_assert_int_eq(number_scan(text, NUMBER_LITERAL_MAX, &x), 0);
	ck_assert_double_eq(number_digits(&x), NUMBER_LITERAL_MAX);
	ck_assert_int_eq(number_scan(text, NUMBER_LITERAL_MAX + 1, &x), ERR_TOO_BIG);
	ck_assert(number_written_digits(&x) < 0);
	number_fini(&x);
	memset(text, 'x', sizeof text);
	ck_assert_int_eq(number_scan(text, NUMBER_LITERAL_MAX + 1, &x), ERR_INVALID);
}
END_TEST

static const struct {
	const char *text;
	int rc;
	double written;
} sizes[] = {
	{ "1e999999", 0, 1000000 },
	{ "1e1000000", ERR_TOO_BIG, 1000001 },
	{ "10e999999", ERR_TOO_BIG, 1000001 },
	{ "0.1e1000000", 0, 1000000 },
	{ "1e-1000000", 0, 1000000 },
	{ "1e-1000001", ERR_TOO_BIG, 1000001 },
	{ "0.1e-1000000", ERR_TOO_BIG, 1000001 },
	{ "1e999999999", ERR_TOO_BIG, 1e9 },
	{ "1e-999999999", ERR_TOO_BIG, 999999999 },
	{ "1e99999999999999999999999999999999999", ERR_TOO_BIG, -1 },
	{ "-1e-99999999999999999999999999999999999", ERR_TOO_BIG, -1 },
};

START_TEST(test_number_scan_magnitude_limit)
{
	struct number x;

	ck_assert_int_eq(number_scan(sizes[_i].text, strlen(sizes[_i].text), &x), sizes[_i].rc);
	if (sizes[_i].written >= 0)
		ck_assert_double_eq(number_written_digits(&x), sizes[_i].written);
	else
		ck_assert(number_written_digits(&x) > 1e15);
}
END_TEST

START_TEST(test_number_put_square_limit)
{
	static const struct {
		const char *text;
		int rc;
		size_t len;
	} cases[] = { { "1e499999", 0, 999999 },      { "3e499999", 0, 999999 },   { "4e499999", 0, 1000000 },
		      { "1e500000", ERR_TOO_BIG, 0 }, { "1e-500000", 0, 1000002 }, { "1e-500001", ERR_TOO_BIG, 0 } };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct number x;
		struct buf out = BUF_INIT;
		ck_assert_int_eq(number_scan(cases[i].text, strlen(cases[i].text), &x), 0);
		ck_assert_msg(number_put_square(&out, &x) == cases[i].rc, "%s", cases[i].text);
		ck_assert_uint_eq(out.len, cases[i].len);
		number_fini(&x);
		buf_fini(&out);
	}
}
END_TEST

START_TEST(test_number_set_small_extremes)
{
	static const int64_t values[] = { 0, 1, -1, 999999999999999999, 1000000000000000000, INT64_MAX, INT64_MIN };

	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		struct number x;
		struct buf out = BUF_INIT;
		char expected[32];
		int64_t back;
		number_set_small(&x, values[i]);
		ck_assert_int_eq(number_int64(&x, &back), 0);
		ck_assert_int_eq(back, values[i]);
		ck_assert_int_eq(number_sign(&x), (values[i] > 0) - (values[i] < 0));
		number_load(&x);
		number_put_digits(&out, mpq_numref(x.q));
		snprintf(expected, sizeof expected, "%lld", (long long)values[i]);
		ck_assert_str_eq(buf_cstr(&out), expected);
		number_fini(&x);
		buf_fini(&out);
	}
}
END_TEST

START_TEST(test_number_int64_refuses_what_does_not_fit)
{
	static const char *const texts[] = {
		"9223372036854775808",    "-9223372036854775809", "1e19", "1e900000", "1.5", "7/3",
		"99999999999999999999999"
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct number x;
		int64_t v = 42;
		ck_assert_int_eq(number_scan(texts[i], strlen(texts[i]), &x), 0);
		ck_assert_int_eq(number_int64(&x, &v), ERR_TOO_BIG);
		ck_assert_int_eq(v, 42);
		number_fini(&x);
	}
}
END_TEST

START_TEST(test_number_put_int128_extremes)
{
	struct buf out = BUF_INIT;
	__int128 top = (__int128)(((unsigned __int128)1 << 127) - 1);

	number_put_int128(&out, top);
	ck_assert_str_eq(buf_cstr(&out), "170141183460469231731687303715884105727");
	buf_clear(&out);
	number_put_int128(&out, -top - 1);
	ck_assert_str_eq(buf_cstr(&out), "-170141183460469231731687303715884105728");
	for (int digits = 0; digits <= 38; digits++) { /* 10^k and 10^k - 1 */
		char expected[48] = "1";
		__int128 v = 1;
		for (int i = 0; i < digits; i++)
			v *= 10;
		memset(expected + 1, '0', (size_t)digits);
		expected[digits + 1] = '\0';
		buf_clear(&out);
		number_put_int128(&out, v);
		ck_assert_str_eq(buf_cstr(&out), expected);
		if (digits == 0)
			continue;
		memset(expected, '9', (size_t)digits);
		expected[digits] = '\0';
		buf_clear(&out);
		number_put_int128(&out, v - 1);
		ck_assert_str_eq(buf_cstr(&out), expected);
	}
	buf_fini(&out);
}
END_TEST

/* Squares of random decimals against GMP's rationals. */
START_TEST(test_number_put_square_agrees_with_gmp)
{
	gmp_randstate_t dice;
	mpz_t digits;

	gmp_randinit_default(dice);
	gmp_randseed_ui(dice, 7);
	mpz_init(digits);
	for (int i = 0; i < 3000; i++) {
		char *text, *point;
		struct number x, y;
		struct buf out = BUF_INIT;
		mpz_urandomb(digits, dice, 1 + gmp_urandomm_ui(dice, 200));
		gmp_asprintf(&text, "%Zd%lue%d", digits, gmp_urandomm_ui(dice, 10),
			     (int)gmp_urandomm_ui(dice, 60) - 30);
		ck_assert_int_eq(number_scan(text, strlen(text), &x), 0);
		ck_assert_int_eq(number_put_square(&out, &x), 0);
		point = strchr(buf_cstr(&out), '.'); /* from here on the bytes stay where they are */
		ck_assert_int_eq(number_scan(out.data, out.len, &y), 0);
		ck_assert(!point || out.data[out.len - 1] != '0');
		number_load(&x);
		number_load(&y);
		mpq_mul(x.q, x.q, x.q);
		ck_assert_msg(mpq_equal(x.q, y.q), "%s: %s", text, out.data);
		number_fini(&x);
		number_fini(&y);
		buf_fini(&out);
		free(text);
	}
	mpz_clear(digits);
	gmp_randclear(dice);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

int main(void)
{
	Suite *suite = suite_create("number");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");

	tcase_set_timeout(core, 60);
	tcase_add_test(core, test_number_scan_valid);
	tcase_add_test(core, test_number_scan_prefixes);
	tcase_add_test(core, test_number_set_small_extremes);
	tcase_add_test(core, test_number_put_int128_extremes);
	tcase_add_test(core, test_number_put_square_agrees_with_gmp);
	tcase_add_test(limits, test_number_scan_length_limit);
	tcase_add_loop_test(limits, test_number_scan_magnitude_limit, 0, COUNT(sizes));
	tcase_add_test(limits, test_number_put_square_limit);
	tcase_add_test(faults, test_number_scan_invalid);
	tcase_add_test(faults, test_number_int64_refuses_what_does_not_fit);
	suite_add_tcase(suite, core);
	suite_add_tcase(suite, limits);
	suite_add_tcase(suite, faults);

	return suite_run(suite);
}
