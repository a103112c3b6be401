/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Decompositions, multiplied back together: exact ones rounded, and those that are computed in doubles. */
#include <check.h>
#include <flint/fmpz_poly.h>
#include <math.h>
#include <stdlib.h>

#include "exact_json.h"
#include "op_ask.h"
#include "op_matrix.h"
#include "suite_run.h"

/* ---- matrices of doubles ---- */

struct reals {
	size_t rows, cols;
	double at[64][64];
};

static struct reals reals_of(const json_t *v)
{
	struct reals m = { .rows = json_array_size(v), .cols = json_array_size(json_array_get(v, 0)) };

	for (size_t i = 0; i < m.rows; i++)
		for (size_t j = 0; j < m.cols; j++) {
			json_t *x = json_array_get(json_array_get(v, i), j);
			size_t n;
			const char *literal = exact_json_literal(x, &n);
			m.at[i][j] = literal ? strtod(literal, NULL) : json_number_value(x);
		}
	return m;
}

static double real_of(const json_t *x)
{
	size_t n;
	const char *literal = exact_json_literal(x, &n);

	return literal ? strtod(literal, NULL) : json_number_value(x);
}

static struct reals reals_of_mat(const fmpq_mat_t a)
{
	struct reals m = { .rows = (size_t)fmpq_mat_nrows(a), .cols = (size_t)fmpq_mat_ncols(a) };

	for (size_t i = 0; i < m.rows; i++)
		for (size_t j = 0; j < m.cols; j++) {
			mpq_t q;
			mpq_init(q);
			fmpq_get_mpq(q, fmpq_mat_entry(a, i, j));
			m.at[i][j] = mpq_get_d(q);
			mpq_clear(q);
		}
	return m;
}

static struct reals times(const struct reals *a, const struct reals *b)
{
	struct reals m = { .rows = a->rows, .cols = b->cols };

	ck_assert_uint_eq(a->cols, b->rows);
	for (size_t i = 0; i < m.rows; i++)
		for (size_t j = 0; j < m.cols; j++)
			for (size_t k = 0; k < a->cols; k++)
				m.at[i][j] += a->at[i][k] * b->at[k][j];
	return m;
}

static struct reals transposed(const struct reals *a)
{
	struct reals m = { .rows = a->cols, .cols = a->rows };

	for (size_t i = 0; i < m.rows; i++)
		for (size_t j = 0; j < m.cols; j++)
			m.at[i][j] = a->at[j][i];
	return m;
}

static void expect_close(const struct reals *a, const struct reals *b, double error, const char *what)
{
	double scale = 1;

	ck_assert_uint_eq(a->rows, b->rows);
	ck_assert_uint_eq(a->cols, b->cols);
	for (size_t i = 0; i < a->rows; i++)
		for (size_t j = 0; j < a->cols; j++)
			scale = fmax(scale, fabs(b->at[i][j]));
	for (size_t i = 0; i < a->rows; i++)
		for (size_t j = 0; j < a->cols; j++)
			ck_assert_msg(fabs(a->at[i][j] - b->at[i][j]) <= error * scale,
				      "%s: %.17g instead of %.17g at %zu, %zu", what, a->at[i][j], b->at[i][j], i, j);
}

static void expect_orthonormal_columns(const struct reals *q, const char *what)
{
	struct reals t = transposed(q), product = times(&t, q), one = { .rows = q->cols, .cols = q->cols };

	for (size_t i = 0; i < one.rows; i++)
		one.at[i][i] = 1;
	expect_close(&product, &one, 1e-13, what);
}

/* ---- rounded decompositions ---- */

/* Shapes of all kinds; every third matrix has dependent columns. */
static void random_shape(fmpq_mat_t a, int i)
{
	slong rows = 1 + i % 6, cols = 1 + i / 4;

	if (i % 3 == 2 && rows > 2)
		op_matrix_deficient(a, rows, rows - 2);
	else
		op_matrix_random(a, rows, cols, i % 2 == 0);
}

START_TEST(test_qr_product)
{
	fmpq_mat_t a;
	json_t *v;

	random_shape(a, _i);
	v = op_matrix_ask("qr", a, NULL);
	struct reals wanted = reals_of_mat(a), q = reals_of(json_object_get(v, "q")),
		     r = reals_of(json_object_get(v, "r")), product = times(&q, &r);
	expect_close(&product, &wanted, 1e-13, "q r");
	expect_orthonormal_columns(&q, "q");
	for (size_t i = 0; i < r.rows; i++) {
		ck_assert(r.at[i][i] >= 0);
		for (size_t j = 0; j < i; j++)
			ck_assert(r.at[i][j] == 0);
	}
	json_decref(v);
	fmpq_mat_clear(a);
}
END_TEST

START_TEST(test_svd_product)
{
	fmpq_mat_t a;
	json_t *v, *x;
	size_t k;

	random_shape(a, _i);
	v = op_matrix_ask("svd", a, NULL);
	struct reals wanted = reals_of_mat(a), u = reals_of(json_object_get(v, "u")),
		     right = reals_of(json_object_get(v, "v"));
	expect_orthonormal_columns(&u, "u");
	expect_orthonormal_columns(&right, "v");
	double last = HUGE_VAL;
	json_array_foreach(json_object_get(v, "s"), k, x)
	{
		double s = real_of(x);
		ck_assert(s >= 0 && s <= last);
		last = s;
		for (size_t i = 0; i < u.rows; i++)
			u.at[i][k] *= s;
	}
	struct reals t = transposed(&right), product = times(&u, &t);
	expect_close(&product, &wanted, 1e-13, "u s v'");
	json_decref(v);
	fmpq_mat_clear(a);
}
END_TEST

START_TEST(test_cholesky_product)
{
	fmpq_mat_t a, t, gram;
	slong n = 1 + _i;
	json_t *v;

	op_matrix_random(a, n, n + 2, false);
	fmpq_mat_init(t, n + 2, n);
	fmpq_mat_init(gram, n, n);
	fmpq_mat_transpose(t, a);
	fmpq_mat_mul(gram, a, t);
	v = op_matrix_ask("cholesky", gram, NULL);
	struct reals wanted = reals_of_mat(gram), l = reals_of(v), lt = transposed(&l), product = times(&l, &lt);
	expect_close(&product, &wanted, 1e-13, "l l'");
	json_decref(v);
	fmpq_mat_clear(a);
	fmpq_mat_clear(t);
	fmpq_mat_clear(gram);
}
END_TEST

START_TEST(test_eigen_symmetric)
{
	fmpq_mat_t a, t;
	slong n = 1 + _i;
	json_t *v;

	op_matrix_deficient(a, n, (n + 1) / 2);
	fmpq_mat_init(t, n, n);
	fmpq_mat_transpose(t, a);
	fmpq_mat_mul(a, a, t); /* eigenvalue 0, several times */
	v = op_matrix_ask("eigen", a, NULL);
	struct reals wanted = reals_of_mat(a), rows = reals_of(json_object_get(v, "vectors")),
		     vectors = transposed(&rows), image = times(&wanted, &vectors), scaled = vectors;
	expect_orthonormal_columns(&vectors, "eigenvectors");
	double last = -HUGE_VAL;
	for (size_t k = 0; k < vectors.cols; k++) {
		double value = real_of(json_array_get(json_object_get(v, "values"), k));
		ck_assert(value >= last);
		last = value;
		for (size_t i = 0; i < vectors.rows; i++) {
			scaled.at[i][k] *= value;
			image.at[i][k] /= fmax(1, last);
			scaled.at[i][k] /= fmax(1, last);
		}
	}
	expect_close(&image, &scaled, 1e-9, "a v");
	json_decref(v);
	fmpq_mat_clear(a);
	fmpq_mat_clear(t);
}
END_TEST

START_TEST(test_sqrtm_squared)
{
	fmpq_mat_t a, t;
	slong n = 1 + _i;
	json_t *v;

	op_matrix_random(a, n, n, true);
	fmpq_mat_init(t, n, n);
	fmpq_mat_transpose(t, a);
	fmpq_mat_mul(a, a, t);
	v = op_matrix_ask("sqrtm", a, NULL);
	struct reals wanted = reals_of_mat(a), root = reals_of(v), product = times(&root, &root);
	expect_close(&product, &wanted, 1e-13, "the square");
	json_decref(v);
	fmpq_mat_clear(a);
	fmpq_mat_clear(t);
}
END_TEST

/* ---- a hard spectrum ---- */

/* The companion matrix of (x-1)(x-2)...(x-20), Wilkinson's polynomial: its eigenvalues are 1 to 20, where doubles are
 * off in the second digit. */
START_TEST(test_eigen_companion)
{
	fmpq_mat_t a;
	fmpz_poly_t p, root;
	json_t *v;

	fmpq_mat_init(a, 20, 20);
	fmpz_poly_init(p);
	fmpz_poly_init(root);
	fmpz_poly_one(p);
	fmpz_poly_set_coeff_si(root, 1, 1);
	for (slong k = 1; k <= 20; k++) {
		fmpz_poly_set_coeff_si(root, 0, -k);
		fmpz_poly_mul(p, p, root);
	}
	for (slong i = 0; i < 20; i++) {
		if (i)
			fmpq_set_si(fmpq_mat_entry(a, i, i - 1), 1, 1);
		fmpz_neg(fmpq_mat_entry_num(a, i, 19), fmpz_poly_get_coeff_ptr(p, i));
	}
	v = op_matrix_ask("eigen", a, NULL);
	for (size_t i = 0; i < 20; i++)
		ck_assert_int_eq(json_integer_value(json_array_get(json_object_get(v, "values"), i)), (int)i + 1);
	json_decref(v);
	fmpz_poly_clear(p);
	fmpz_poly_clear(root);
	fmpq_mat_clear(a);
}
END_TEST

/* ---- the ways in doubles: sizes that rounded results are not computed exactly for ---- */

#define LARGE 60

/* Asks for op({"a": a, "exact": false}), or with b. */
static json_t *ask_rounded(const char *op, const fmpq_mat_struct *a, const fmpq_mat_struct *b)
{
	struct buf args = BUF_INIT;
	json_t *v;

	buf_puts(&args, "{\"a\":");
	op_matrix_put(&args, a);
	if (b) {
		buf_puts(&args, ",\"b\":");
		op_matrix_put(&args, b);
	}
	buf_puts(&args, ",\"exact\":false}");
	v = op_answer(op, buf_cstr(&args));
	buf_fini(&args);
	return v;
}

START_TEST(test_doubles_qr)
{
	fmpq_mat_t a;
	json_t *v;

	op_matrix_random(a, LARGE, LARGE, false);
	v = ask_rounded("qr", a, NULL);
	struct reals wanted = reals_of_mat(a), q = reals_of(json_object_get(v, "q")),
		     r = reals_of(json_object_get(v, "r")), product = times(&q, &r);
	expect_close(&product, &wanted, 1e-12, "q r");
	expect_orthonormal_columns(&q, "q");
	for (size_t i = 0; i < r.rows; i++)
		ck_assert(r.at[i][i] >= 0);
	json_decref(v);
	fmpq_mat_clear(a);
}
END_TEST

START_TEST(test_doubles_svd)
{
	fmpq_mat_t a;
	json_t *v, *x;
	size_t k;

	op_matrix_random(a, LARGE, LARGE - 5, false);
	v = ask_rounded("svd", a, NULL);
	struct reals wanted = reals_of_mat(a), u = reals_of(json_object_get(v, "u")),
		     right = reals_of(json_object_get(v, "v")), t = transposed(&right);
	expect_orthonormal_columns(&u, "u");
	expect_orthonormal_columns(&right, "v");
	json_array_foreach(json_object_get(v, "s"), k, x) for (size_t i = 0; i < u.rows; i++) u.at[i][k] *= real_of(x);
	struct reals product = times(&u, &t);
	expect_close(&product, &wanted, 1e-12, "u s v'");
	json_decref(v);
	fmpq_mat_clear(a);
}
END_TEST

START_TEST(test_doubles_lu)
{
	fmpq_mat_t a;
	json_t *v;

	op_matrix_random(a, LARGE, LARGE, false);
	v = ask_rounded("lu", a, NULL);
	struct reals wanted = reals_of_mat(a), p = reals_of(json_object_get(v, "p")),
		     l = reals_of(json_object_get(v, "l")), u = reals_of(json_object_get(v, "u")),
		     product = times(&l, &u);
	product = times(&p, &product);
	expect_close(&product, &wanted, 1e-12, "p l u");
	json_decref(v);
	fmpq_mat_clear(a);
}
END_TEST

static void random_gram(fmpq_mat_t gram)
{
	fmpq_mat_t a, t;

	op_matrix_random(a, LARGE, LARGE, false);
	fmpq_mat_init(t, LARGE, LARGE);
	fmpq_mat_init(gram, LARGE, LARGE);
	fmpq_mat_transpose(t, a);
	fmpq_mat_mul(gram, a, t);
	fmpq_mat_clear(a);
	fmpq_mat_clear(t);
}

START_TEST(test_doubles_cholesky)
{
	fmpq_mat_t gram;
	json_t *v;

	random_gram(gram);
	v = ask_rounded("cholesky", gram, NULL);
	struct reals wanted = reals_of_mat(gram), l = reals_of(v), lt = transposed(&l), product = times(&l, &lt);
	expect_close(&product, &wanted, 1e-12, "l l'");
	json_decref(v);
	fmpq_mat_clear(gram);
}
END_TEST

/* Entries with denominators of 60 bits: exact results would have a hundred thousand digits each. */
static void random_unwieldy(fmpq_mat_t a, slong cols)
{
	flint_rand_t state;

	flint_randinit(state);
	fmpq_mat_init(a, LARGE, cols);
	for (slong i = 0; i < LARGE; i++)
		for (slong j = 0; j < cols; j++) {
			fmpz_randbits(fmpq_mat_entry_num(a, i, j), state, 60);
			fmpz_randbits(fmpq_mat_entry_den(a, i, j), state, 60);
			fmpq_canonicalise(fmpq_mat_entry(a, i, j));
		}
	flint_randclear(state);
}

START_TEST(test_doubles_solve)
{
	fmpq_mat_t a, b;
	json_t *v;

	random_unwieldy(a, LARGE);
	random_unwieldy(b, 3);
	struct reals left = reals_of_mat(a), wanted = reals_of_mat(b), one = { .rows = LARGE, .cols = LARGE };
	v = op_matrix_ask("solve", a, b);
	struct reals x = reals_of(v), product = times(&left, &x);
	expect_close(&product, &wanted, 1e-10, "a x");
	json_decref(v);
	v = op_matrix_ask("lstsq", a, b);
	x = reals_of(json_object_get(v, "x"));
	product = times(&left, &x);
	expect_close(&product, &wanted, 1e-10, "a x of lstsq");
	ck_assert_int_eq(json_integer_value(json_object_get(v, "rank")), LARGE);
	json_decref(v);
	v = op_matrix_ask("inverse", a, NULL);
	x = reals_of(v);
	product = times(&left, &x);
	for (size_t i = 0; i < LARGE; i++)
		one.at[i][i] = 1;
	expect_close(&product, &one, 1e-10, "a times its inverse");
	json_decref(v);
	fmpq_mat_clear(a);
	fmpq_mat_clear(b);
}
END_TEST

/* The logarithm of |det| is the sum of those of the singular values. */
START_TEST(test_doubles_det)
{
	fmpq_mat_t a;
	json_t *v, *x;
	double sum = 0;
	size_t i;

	random_unwieldy(a, LARGE);
	v = op_matrix_ask("svd", a, NULL);
	json_array_foreach(json_object_get(v, "s"), i, x) sum += log(real_of(x));
	json_decref(v);
	v = op_matrix_ask("det", a, NULL);
	ck_assert_double_eq_tol(log(fabs(real_of(v))), sum, 1e-10 * fabs(sum));
	json_decref(v);
	fmpq_mat_clear(a);
}
END_TEST

START_TEST(test_doubles_eigenvectors)
{
	fmpq_mat_t gram;
	json_t *v;

	random_gram(gram);
	v = ask_rounded("eigen", gram, NULL);
	struct reals wanted = reals_of_mat(gram), rows = reals_of(json_object_get(v, "vectors")),
		     vectors = transposed(&rows), image = times(&wanted, &vectors);
	expect_orthonormal_columns(&vectors, "eigenvectors");
	for (size_t k = 0; k < LARGE; k++)
		for (size_t i = 0; i < LARGE; i++)
			vectors.at[i][k] *= real_of(json_array_get(json_object_get(v, "values"), k));
	expect_close(&image, &vectors, 1e-12, "a v");
	json_decref(v);
	fmpq_mat_clear(gram);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("decomposition");
	TCase *core = tcase_create("core");

	tcase_set_timeout(core, 300);
	tcase_add_checked_fixture(core, op_matrix_setup, op_matrix_teardown);
	tcase_add_loop_test(core, test_qr_product, 0, 24);
	tcase_add_loop_test(core, test_svd_product, 0, 24);
	tcase_add_loop_test(core, test_cholesky_product, 0, 8);
	tcase_add_loop_test(core, test_eigen_symmetric, 0, 8);
	tcase_add_loop_test(core, test_sqrtm_squared, 0, 8);
	tcase_add_test(core, test_eigen_companion);
	tcase_add_test(core, test_doubles_qr);
	tcase_add_test(core, test_doubles_svd);
	tcase_add_test(core, test_doubles_lu);
	tcase_add_test(core, test_doubles_cholesky);
	tcase_add_test(core, test_doubles_solve);
	tcase_add_test(core, test_doubles_det);
	tcase_add_test(core, test_doubles_eigenvectors);
	suite_add_tcase(s, core);
	return suite_run(s);
}
