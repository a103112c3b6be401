/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nist.h"

#include <check.h>
#include <gmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "exact_json.h"
#include "number.h"
#include "op_ask.h"
#include "proc.h"
#include "readfile.h"

#define FILE_MAX 1000000
#define DIGITS_ASKED 20

/* The number that a literal, a string of one, or an integer stands for. */
static void load(mpq_t out, const char *what, const json_t *v)
{
	size_t n = 0;
	const char *s = exact_json_literal(v, &n);
	struct number x;

	if (json_is_integer(v)) {
		mpq_set_si(out, json_integer_value(v), 1);
		return;
	}
	if (!s)
		s = exact_json_string(v, &n);
	ck_assert_msg(s && number_scan(s, n, &x) == 0, "%s: expected a number", what);
	number_load(&x);
	mpq_set(out, x.q);
	number_fini(&x);
}

/* Half a unit of the last digit that is written. */
static void half_unit(mpq_t out, const char *certified)
{
	const char *point = strchr(certified, '.'), *e = strpbrk(certified, "eE");
	const char *end = e ? e : certified + strlen(certified);
	long decimals = (point ? end - point - 1 : 0) - (e ? strtol(e + 1, NULL, 10) : 0);
	mpz_t power;

	mpz_init(power);
	mpz_ui_pow_ui(power, 10, (unsigned long)labs(decimals));
	mpq_set_z(out, power);
	if (decimals > 0)
		mpq_inv(out, out);
	mpq_div_2exp(out, out, 1);
	mpz_clear(power);
}

void nist_compare_text(const char *what, const json_t *got, const char *certified)
{
	struct buf shown = BUF_INIT;
	struct number x;
	mpq_t a, b, error;

	mpq_inits(a, b, error, NULL);
	ck_assert_int_eq(number_scan(certified, strlen(certified), &x), 0);
	number_load(&x);
	mpq_set(b, x.q);
	number_fini(&x);
	load(a, what, got);
	mpq_sub(a, a, b);
	mpq_abs(a, a);
	half_unit(error, certified);
	exact_json_dump(&shown, got);
	ck_assert_msg(mpq_cmp(a, error) <= 0, "%s: expected %s, got %s", what, certified, buf_cstr(&shown));
	mpq_clears(a, b, error, NULL);
	buf_fini(&shown);
}

void nist_compare(const char *what, const json_t *got, const json_t *certified)
{
	char where[200];
	const char *key;
	size_t i, n;
	json_t *v;

	ck_assert_msg(got != NULL, "%s: is missing", what);
	if (json_is_object(certified)) {
		json_object_foreach((json_t *)(uintptr_t)certified, key, v)
		{
			snprintf(where, sizeof where, "%s %s", what, key);
			nist_compare(where, json_object_get(got, key), v);
		}
	} else if (json_is_array(certified)) {
		ck_assert_msg(json_array_size(got) == json_array_size(certified), "%s: expected %zu values, got %zu",
			      what, json_array_size(certified), json_array_size(got));
		json_array_foreach(certified, i, v)
		{
			snprintf(where, sizeof where, "%s %zu", what, i);
			nist_compare(where, json_array_get(got, i), v);
		}
	} else {
		nist_compare_text(what, got, exact_json_string(certified, &n));
	}
}

static void run(const char *set, json_t *args, const json_t *check)
{
	const char *op;
	size_t n;
	char what[100];
	struct buf text = BUF_INIT;

	op = exact_json_string(json_object_get(check, "op"), &n);
	snprintf(what, sizeof what, "%s of %s", op, set);
	json_object_set_new(args, "precision", json_integer(DIGITS_ASKED));
	if (json_object_get(check, "start"))
		json_object_set(args, "start", json_object_get(check, "start"));
	exact_json_dump(&text, args);
	json_t *got = op_answer(op, buf_cstr(&text));
	nist_compare(what, got, json_object_get(check, "certified"));
	json_decref(got);
	buf_fini(&text);
}

void nist_check(const char *name)
{
	char file[100];
	struct errinfo info;
	json_t *check;
	size_t i, len;

	snprintf(file, sizeof file, "tests/data/nist/%s.json", name);
	char *text = readfile(proc_source(file), FILE_MAX, &len, &info);
	ck_assert_msg(text != NULL, "%s: %s", file, info.text);
	json_t *set = exact_json_load(text, len, 16, &info);
	ck_assert_msg(set != NULL, "%s:%d: %s", file, info.line, info.text);
	ck_assert_uint_gt(json_array_size(json_object_get(set, "checks")), 0);
	json_array_foreach(json_object_get(set, "checks"), i, check) run(name, json_object_get(set, "args"), check);
	json_decref(set);
	free(text);
}
