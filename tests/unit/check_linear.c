/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linear algebra from outside, as a client asks for it: identities on random matrices, checked exactly. */
#include <check.h>
#include <flint/fmpq_poly.h>
#include <flint/fmpz_mat.h>
#include <stdlib.h>

#include "op_ask.h"
#include "op_matrix.h"
#include "suite_run.h"

static void get_poly(fmpq_poly_t out, json_t *v)
{
	fmpq_t q;

	fmpq_init(q);
	fmpq_poly_init(out);
	for (size_t i = 0; i < json_array_size(v); i++) {
		op_matrix_rational(q, json_array_get(v, i));
		fmpq_poly_set_coeff_fmpq(out, (slong)i, q);
	}
	fmpq_clear(q);
	json_decref(v);
}

static void evaluate(fmpq_mat_t out, const fmpq_poly_t p, const fmpq_mat_t a)
{
	fmpq_t q;

	fmpq_init(q);
	fmpq_mat_zero(out);
	for (slong k = fmpq_poly_degree(p); k >= 0; k--) {
		fmpq_mat_mul(out, out, a);
		fmpq_poly_get_coeff_fmpq(q, p, k);
		for (slong i = 0; i < fmpq_mat_nrows(a); i++)
			fmpq_add(fmpq_mat_entry(out, i, i), fmpq_mat_entry(out, i, i), q);
	}
	fmpq_clear(q);
}

/* ---- exact identities ---- */

START_TEST(test_inverse_times_matrix)
{
	fmpq_mat_t a, b, product;

	op_matrix_random(a, 1 + _i, 1 + _i, _i % 2 == 0);
	op_matrix_get(b, op_matrix_ask("inverse", a, NULL), true);
	fmpq_mat_init(product, 1 + _i, 1 + _i);
	fmpq_mat_mul(product, a, b);
	ck_assert(fmpq_mat_is_one(product));
	fmpq_mat_clear(a);
	fmpq_mat_clear(b);
	fmpq_mat_clear(product);
}
END_TEST

START_TEST(test_solve_residual)
{
	fmpq_mat_t a, b, x, product;
	slong n = 1 + 2 * _i;

	op_matrix_random(a, n, n, false);
	op_matrix_random(b, n, 2, false);
	op_matrix_get(x, op_matrix_ask("solve", a, b), true);
	fmpq_mat_init(product, n, 2);
	fmpq_mat_mul(product, a, x);
	ck_assert(fmpq_mat_equal(product, b));
	fmpq_mat_clear(a);
	fmpq_mat_clear(b);
	fmpq_mat_clear(x);
	fmpq_mat_clear(product);
}
END_TEST

START_TEST(test_det_multiplicative)
{
	fmpq_mat_t a, b, product;
	fmpq_t x, y, xy;
	json_t *v[3];
	slong n = 1 + 3 * _i;

	op_matrix_random(a, n, n, false);
	op_matrix_random(b, n, n, false);
	op_matrix_get(product, op_matrix_ask("matmul", a, b), true);
	v[0] = op_matrix_ask("det", a, NULL);
	v[1] = op_matrix_ask("det", b, NULL);
	v[2] = op_matrix_ask("det", product, NULL);
	fmpq_init(x);
	fmpq_init(y);
	fmpq_init(xy);
	op_matrix_rational(x, v[0]);
	op_matrix_rational(y, v[1]);
	op_matrix_rational(xy, v[2]);
	fmpq_mul(x, x, y);
	ck_assert(fmpq_equal(x, xy));
	for (int i = 0; i < 3; i++)
		json_decref(v[i]);
	fmpq_clear(x);
	fmpq_clear(y);
	fmpq_clear(xy);
	fmpq_mat_clear(a);
	fmpq_mat_clear(b);
	fmpq_mat_clear(product);
}
END_TEST

/* Cayley and Hamilton; and the minimal polynomial is one of the divisors that give 0 too. */
START_TEST(test_charpoly_annihilates)
{
	fmpq_mat_t a, value;
	fmpq_poly_t chi, minimal, rest;
	slong n = 2 + _i;

	if (_i % 2)
		op_matrix_random(a, n, n, false);
	else
		op_matrix_deficient(a, n, n / 2);
	fmpq_mat_init(value, n, n);
	get_poly(chi, op_matrix_ask("charpoly", a, NULL));
	get_poly(minimal, op_matrix_ask("minpoly", a, NULL));
	ck_assert_int_eq(fmpq_poly_degree(chi), n);
	evaluate(value, chi, a);
	ck_assert(fmpq_mat_is_zero(value));
	evaluate(value, minimal, a);
	ck_assert(fmpq_mat_is_zero(value));
	fmpq_poly_init(rest);
	fmpq_poly_rem(rest, chi, minimal);
	ck_assert(fmpq_poly_is_zero(rest));
	fmpq_poly_clear(rest);
	fmpq_poly_clear(chi);
	fmpq_poly_clear(minimal);
	fmpq_mat_clear(value);
	fmpq_mat_clear(a);
}
END_TEST

START_TEST(test_nullspace_and_rank)
{
	fmpq_mat_t a, basis, t, product;
	slong n = 3 + _i, r = 1 + _i / 2;
	json_t *v;

	op_matrix_deficient(a, n, r);
	v = op_matrix_ask("rank", a, NULL);
	slong rank = (slong)json_integer_value(v);
	json_decref(v);
	ck_assert_int_le(rank, r);
	ck_assert_int_gt(rank, 0);
	op_matrix_get(basis, op_matrix_ask("nullspace", a, NULL), true);
	ck_assert_int_eq(fmpq_mat_nrows(basis), n - rank);
	fmpq_mat_init(t, n, n - rank);
	fmpq_mat_init(product, n, n - rank);
	fmpq_mat_transpose(t, basis);
	fmpq_mat_mul(product, a, t);
	ck_assert(fmpq_mat_is_zero(product));
	v = op_matrix_ask("rank", basis, NULL);
	ck_assert_int_eq(json_integer_value(v), n - rank);
	json_decref(v);
	fmpq_mat_clear(a);
	fmpq_mat_clear(basis);
	fmpq_mat_clear(t);
	fmpq_mat_clear(product);
}
END_TEST

/* Hilbert matrices: determinants are 1/OEIS A005249; inverses are integers in closed form (Choi, Tricks or Treats with
 * the Hilbert Matrix, American Mathematical Monthly 90, 1983). */
START_TEST(test_hilbert)
{
	static const char *const dets[] = {
		"1", "\"1/12\"", "\"1/2160\"", "\"1/6048000\"", "\"1/266716800000\"", "\"1/186313420339200000\""
	};
	slong n = _i + 1;
	struct buf args = BUF_INIT;
	fmpq_mat_t a, inverse;
	fmpz_t x, y;

	fmpq_mat_init(a, n, n);
	fmpq_mat_hilbert_matrix(a);
	buf_byte(&args, '[');
	op_matrix_put(&args, a);
	buf_byte(&args, ']');
	op_expect("det", buf_cstr(&args), dets[_i]);
	op_matrix_get(inverse, op_answer("inverse", buf_cstr(&args)), true);
	fmpz_init(x);
	fmpz_init(y);
	for (slong i = 1; i <= n; i++)
		for (slong j = 1; j <= n; j++) {
			fmpz_bin_uiui(x, (ulong)(n + i - 1), (ulong)(n - j));
			fmpz_bin_uiui(y, (ulong)(n + j - 1), (ulong)(n - i));
			fmpz_mul(x, x, y);
			fmpz_bin_uiui(y, (ulong)(i + j - 2), (ulong)(i - 1));
			fmpz_mul(x, x, y);
			fmpz_mul(x, x, y);
			fmpz_mul_si(x, x, (i + j) % 2 ? -(i + j - 1) : i + j - 1);
			ck_assert(fmpz_is_one(fmpq_mat_entry_den(inverse, i - 1, j - 1)));
			ck_assert(fmpz_equal(x, fmpq_mat_entry_num(inverse, i - 1, j - 1)));
		}
	fmpz_clear(x);
	fmpz_clear(y);
	fmpq_mat_clear(a);
	fmpq_mat_clear(inverse);
	buf_fini(&args);
}
END_TEST

/* p l u = a, the shapes of p, l and u. */
START_TEST(test_lu_product)
{
	fmpq_mat_t a, p, l, u, x;
	slong rows = 1 + _i % 5, cols = 1 + _i / 2;
	json_t *v;

	op_matrix_random(a, rows, cols, false);
	if (_i % 3 == 0)
		fmpq_zero(fmpq_mat_entry(a, 0, 0));
	v = op_matrix_ask("lu", a, NULL);
	op_matrix_get(p, json_object_get(v, "p"), false);
	op_matrix_get(l, json_object_get(v, "l"), false);
	op_matrix_get(u, json_object_get(v, "u"), false);
	json_decref(v);
	for (slong i = 0; i < rows; i++)
		for (slong j = i; j < fmpq_mat_ncols(l); j++)
			ck_assert(i == j ? fmpq_is_one(fmpq_mat_entry(l, i, j))
					 : fmpq_is_zero(fmpq_mat_entry(l, i, j)));
	for (slong i = 0; i < fmpq_mat_nrows(u); i++)
		for (slong j = 0; j < i && j < cols; j++)
			ck_assert(fmpq_is_zero(fmpq_mat_entry(u, i, j)));
	fmpq_mat_init(x, rows, cols);
	fmpq_mat_mul(x, l, u);
	fmpq_mat_mul(x, p, x);
	ck_assert(fmpq_mat_equal(x, a));
	fmpq_mat_clear(a);
	fmpq_mat_clear(p);
	fmpq_mat_clear(l);
	fmpq_mat_clear(u);
	fmpq_mat_clear(x);
}
END_TEST

/* The residual is orthogonal to the columns, and x to the nullspace: which makes x the shortest. */
START_TEST(test_lstsq_conditions)
{
	fmpq_mat_t a, b, x, r, t, null, product;
	slong n = 4 + _i;
	json_t *v;

	op_matrix_deficient(a, n, n - 2);
	op_matrix_random(b, n, 1, true);
	v = op_matrix_ask("lstsq", a, b);
	op_matrix_get(x, json_object_get(v, "x"), false);
	json_decref(v);
	op_matrix_get(null, op_matrix_ask("nullspace", a, NULL), true);
	fmpq_mat_init(r, n, 1);
	fmpq_mat_mul(r, a, x);
	fmpq_mat_sub(r, r, b);
	fmpq_mat_init(t, n, n);
	fmpq_mat_transpose(t, a);
	fmpq_mat_mul(r, t, r);
	ck_assert(fmpq_mat_is_zero(r));
	fmpq_mat_init(product, fmpq_mat_nrows(null), 1);
	fmpq_mat_mul(product, null, x);
	ck_assert(fmpq_mat_is_zero(product));
	fmpq_mat_clear(a);
	fmpq_mat_clear(b);
	fmpq_mat_clear(x);
	fmpq_mat_clear(r);
	fmpq_mat_clear(t);
	fmpq_mat_clear(null);
	fmpq_mat_clear(product);
}
END_TEST

START_TEST(test_matpow_adds_exponents)
{
	fmpq_mat_t a, p[3], product;
	const int exponents[3] = { 2 + _i, -_i, 2 };

	op_matrix_random(a, 3, 3, false);
	for (int k = 0; k < 3; k++) {
		struct buf args = BUF_INIT;
		buf_byte(&args, '[');
		op_matrix_put(&args, a);
		buf_printf(&args, ",%d]", exponents[k]);
		op_matrix_get(p[k], op_answer("matpow", buf_cstr(&args)), true);
		buf_fini(&args);
	}
	fmpq_mat_init(product, 3, 3);
	fmpq_mat_mul(product, p[0], p[1]);
	ck_assert(fmpq_mat_equal(product, p[2]));
	for (int k = 0; k < 3; k++)
		fmpq_mat_clear(p[k]);
	fmpq_mat_clear(product);
	fmpq_mat_clear(a);
}
END_TEST

/* ---- lattices ---- */

static void get_integers(fmpz_mat_t out, json_t *v)
{
	fmpq_mat_t q;

	op_matrix_get(q, v, true);
	fmpz_mat_init(out, fmpq_mat_nrows(q), fmpq_mat_ncols(q));
	ck_assert(fmpq_mat_get_fmpz_mat(out, q));
	fmpq_mat_clear(q);
}

START_TEST(test_snf_divides)
{
	fmpq_mat_t a;
	fmpz_t product, d, last;
	fmpq_t det;
	slong n = 2 + _i;
	json_t *v;

	op_matrix_random(a, n, n, true);
	v = op_matrix_ask("snf", a, NULL);
	fmpz_init_set_ui(product, 1);
	fmpz_init_set_ui(last, 1);
	fmpz_init(d);
	fmpq_init(det);
	for (slong i = 0; i < n; i++) {
		op_matrix_rational(det, json_array_get(json_object_get(v, "diagonal"), (size_t)i));
		fmpz_set(d, fmpq_numref(det));
		ck_assert(fmpz_divisible(d, last));
		fmpz_mul(product, product, d);
		fmpz_set(last, d);
	}
	json_decref(v);
	fmpq_mat_det(det, a);
	fmpz_abs(d, fmpq_numref(det));
	ck_assert(fmpz_equal(d, product));
	fmpz_clear(product);
	fmpz_clear(last);
	fmpz_clear(d);
	fmpq_clear(det);
	fmpq_mat_clear(a);
}
END_TEST

/* Echelon form with reduced columns, and the rows of each of a and h are integer combinations of the other's. */
START_TEST(test_hnf_shape)
{
	fmpq_mat_t a, h, t, u;
	fmpz_mat_t z;
	slong n = 2 + _i;

	op_matrix_random(a, n, n, true);
	get_integers(z, op_matrix_ask("hnf", a, NULL));
	for (slong i = 0; i < n; i++) {
		ck_assert(fmpz_sgn(fmpz_mat_entry(z, i, i)) > 0);
		for (slong j = 0; j < n; j++) {
			ck_assert(j >= i || fmpz_is_zero(fmpz_mat_entry(z, i, j)));
			ck_assert(j >= i || (fmpz_sgn(fmpz_mat_entry(z, j, i)) >= 0 &&
					     fmpz_cmp(fmpz_mat_entry(z, j, i), fmpz_mat_entry(z, i, i)) < 0));
		}
	}
	fmpq_mat_init(h, n, n);
	fmpq_mat_init(t, n, n);
	fmpq_mat_init(u, n, n);
	fmpq_mat_set_fmpz_mat(h, z);
	ck_assert(fmpq_mat_inv(t, a));
	fmpq_mat_mul(u, h, t);
	ck_assert(fmpq_mat_is_integral(u));
	ck_assert(fmpq_mat_inv(t, h));
	fmpq_mat_mul(u, a, t);
	ck_assert(fmpq_mat_is_integral(u));
	fmpq_mat_clear(a);
	fmpq_mat_clear(h);
	fmpq_mat_clear(t);
	fmpq_mat_clear(u);
	fmpz_mat_clear(z);
}
END_TEST

/* The same lattice; |mu| <= 0.51 and Lovasz's condition with 0.99, checked on exact Gram-Schmidt vectors. */
START_TEST(test_lll_reduced)
{
	fmpq_mat_t a, b, star;
	fmpz_mat_t before, after;
	fmpq_t mu, x, y, bound;
	slong n = 2 + _i;
	fmpq *norm = _fmpq_vec_init(n);

	op_matrix_random(a, n, n, true);
	fmpq_set_si(fmpq_mat_entry(a, 0, 0), 1000003, 1);
	op_matrix_get(b, op_matrix_ask("lll", a, NULL), true);
	get_integers(before, op_matrix_ask("hnf", a, NULL));
	get_integers(after, op_matrix_ask("hnf", b, NULL));
	ck_assert(fmpz_mat_equal(before, after));
	op_matrix_get(star, op_matrix_ask("gram_schmidt", b, NULL), true);
	fmpq_init(mu);
	fmpq_init(x);
	fmpq_init(y);
	fmpq_init(bound);
	for (slong i = 0; i < n; i++) {
		for (slong k = 0; k < n; k++)
			fmpq_addmul(norm + i, fmpq_mat_entry(star, i, k), fmpq_mat_entry(star, i, k));
		for (slong j = 0; j < i; j++) {
			fmpq_zero(mu);
			for (slong k = 0; k < n; k++)
				fmpq_addmul(mu, fmpq_mat_entry(b, i, k), fmpq_mat_entry(star, j, k));
			fmpq_div(mu, mu, norm + j);
			fmpq_abs(x, mu);
			fmpq_set_si(bound, 51, 100);
			ck_assert(fmpq_cmp(x, bound) <= 0);
		}
		if (i == 0)
			continue;
		fmpq_mul(mu, mu, mu); /* mu of i, i-1 */
		fmpq_set_si(bound, 99, 100);
		fmpq_sub(bound, bound, mu);
		fmpq_mul(bound, bound, norm + i - 1);
		ck_assert(fmpq_cmp(norm + i, bound) >= 0);
	}
	fmpq_clear(mu);
	fmpq_clear(x);
	fmpq_clear(y);
	fmpq_clear(bound);
	_fmpq_vec_clear(norm, n);
	fmpz_mat_clear(before);
	fmpz_mat_clear(after);
	fmpq_mat_clear(a);
	fmpq_mat_clear(b);
	fmpq_mat_clear(star);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("linear");
	TCase *core = tcase_create("core");

	tcase_set_timeout(core, 300);
	tcase_add_checked_fixture(core, op_matrix_setup, op_matrix_teardown);
	tcase_add_loop_test(core, test_inverse_times_matrix, 0, 12);
	tcase_add_loop_test(core, test_solve_residual, 0, 10);
	tcase_add_loop_test(core, test_det_multiplicative, 0, 8);
	tcase_add_loop_test(core, test_charpoly_annihilates, 0, 8);
	tcase_add_loop_test(core, test_nullspace_and_rank, 0, 8);
	tcase_add_loop_test(core, test_hilbert, 0, 6);
	tcase_add_loop_test(core, test_lu_product, 0, 15);
	tcase_add_loop_test(core, test_lstsq_conditions, 0, 6);
	tcase_add_loop_test(core, test_matpow_adds_exponents, 0, 6);
	tcase_add_loop_test(core, test_snf_divides, 0, 8);
	tcase_add_loop_test(core, test_hnf_shape, 0, 8);
	tcase_add_loop_test(core, test_lll_reduced, 0, 10);
	suite_add_tcase(s, core);
	return suite_run(s);
}
