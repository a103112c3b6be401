/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op_matrix.h"

#include <check.h>

#include "exact_json.h"
#include "op_ask.h"

static flint_rand_t rnd;

void op_matrix_setup(void)
{
	op_ask_setup();
	flint_randinit(rnd);
}

void op_matrix_teardown(void)
{
	flint_randclear(rnd);
	op_ask_teardown();
}

void op_matrix_put(struct buf *out, const fmpq_mat_t a)
{
	for (slong i = 0; i < fmpq_mat_nrows(a); i++) {
		buf_puts(out, i ? "],[" : "[[");
		for (slong j = 0; j < fmpq_mat_ncols(a); j++) {
			char *text = fmpq_get_str(NULL, 10, fmpq_mat_entry(a, i, j));
			buf_printf(out, "%s\"%s\"", j ? "," : "", text);
			flint_free(text);
		}
	}
	buf_puts(out, "]]");
}

json_t *op_matrix_ask(const char *op, const fmpq_mat_struct *a, const fmpq_mat_struct *b)
{
	struct buf args = BUF_INIT;
	json_t *v;

	buf_byte(&args, '[');
	op_matrix_put(&args, a);
	if (b) {
		buf_byte(&args, ',');
		op_matrix_put(&args, b);
	}
	buf_byte(&args, ']');
	v = op_answer(op, buf_cstr(&args));
	buf_fini(&args);
	return v;
}

void op_matrix_rational(fmpq_t out, const json_t *v)
{
	size_t n;

	if (json_is_integer(v)) {
		fmpq_set_si(out, json_integer_value(v), 1);
		return;
	}
	const char *s = exact_json_string(v, &n);
	ck_assert_msg(s && fmpq_set_str(out, s, 10) == 0, "expected a rational number");
}

void op_matrix_get(fmpq_mat_t out, json_t *v, bool release)
{
	size_t rows = json_array_size(v), cols = json_array_size(json_array_get(v, 0));

	fmpq_mat_init(out, (slong)rows, (slong)cols);
	for (size_t i = 0; i < rows; i++)
		for (size_t j = 0; j < cols; j++)
			op_matrix_rational(fmpq_mat_entry(out, i, j), json_array_get(json_array_get(v, i), j));
	if (release)
		json_decref(v);
}

void op_matrix_random(fmpq_mat_t a, slong rows, slong cols, bool integers)
{
	fmpq_mat_init(a, rows, cols);
	for (slong i = 0; i < rows; i++)
		for (slong j = 0; j < cols; j++)
			fmpq_set_si(fmpq_mat_entry(a, i, j), (slong)n_randint(rnd, 41) - 20,
				    integers ? 1 : 1 + n_randint(rnd, 9));
}

void op_matrix_deficient(fmpq_mat_t a, slong n, slong r)
{
	fmpq_mat_t left, right;

	op_matrix_random(left, n, r, true);
	op_matrix_random(right, r, n, true);
	fmpq_mat_init(a, n, n);
	fmpq_mat_mul(a, left, right);
	fmpq_mat_clear(left);
	fmpq_mat_clear(right);
}
