/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linear algebra: sums, products and powers of matrices, trace, transpose and the identity. */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>

#include "ops/linear.h"

#define LOG10_2 0.30103

/* ---- matmul, matadd ---- */

struct sum_args {
	bool vector; /* the second operand is one */
	size_t rows, cols;
};

static int matmul_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	const struct sum_args *s = arg;
	acb_mat_t a, b, x;
	int rc = arg_acb_mat(c, 0, a, prec, f);

	(void)n;
	rc = arg_acb_mat(c, 1, b, prec, f) || rc ? -1 : 0;
	acb_mat_init(x, (slong)s->rows, (slong)s->cols);
	if (rc == 0) {
		acb_mat_mul(x, a, b, prec);
		matrix_leaves(out, x);
	}
	acb_mat_clear(a);
	acb_mat_clear(b);
	acb_mat_clear(x);
	return rc;
}

static int matmul_doubles(struct op_call *c, struct buf *json, const struct sum_args *s, struct op_failure *f)
{
	size_t rows, inner, cols, b_rows;
	double *a = arg_doubles(c, 0, &rows, &inner, f), *b = NULL, *x = NULL;
	int rc = -1;

	if (a)
		b = arg_doubles(c, 1, &b_rows, &cols, f);
	if (!b)
		goto out;
	x = calloc(rows * cols, sizeof *x);
	if (!x) {
		rc = op_fail(f, OP_LIMIT_EXCEEDED, "out of memory for %zu rows of %zu", rows, cols);
		goto out;
	}
	cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)cols, (int)inner, 1, a, (int)inner, b,
		    (int)cols, 0, x, (int)cols);
	rc = s->vector ? answer_doubles(json, x, rows, "the product", f)
		       : answer_double_mat(json, x, rows, cols, "the product", f);
out:
	free(a);
	free(b);
	free(x);
	return rc;
}

int linear_matmul(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	struct sum_args s = { .vector = !arg_is_matrix(c, 1) };
	struct matrix_estimate e = { .doubles = true };
	enum matrix_way way;
	size_t inner, b_rows;
	fmpq_mat_t product;
	int rc = -1;

	arg_shape(c, 0, &s.rows, &inner);
	arg_shape(c, 1, &b_rows, &s.cols);
	if (matrix_need_equal(c, b_rows, inner, 1, "rows", f) || linear_load(c, 2, &x, f))
		goto out;
	double cells = (double)s.rows * (double)s.cols;
	e.exact_ns = cells * (double)inner * (3 + 0.1 * x.bits) + cells * 100;
	e.exact_digits = cells;
	e.ball_ns = cells * (double)inner * 100;
	if (matrix_choose(c, x.rational, &e, &way, f))
		goto out;
	if (way == MATRIX_EXACT) {
		fmpq_mat_init(product, (slong)s.rows, (slong)s.cols);
		fmpq_mat_mul(product, x.m[0], x.m[1]);
		rc = s.vector ? matrix_put_column(c, json, product, 0, f) : matrix_put(c, json, product, f);
		fmpq_mat_clear(product);
	} else {
		rc = way == MATRIX_BALLS ? matrix_certify(c, json, s.rows, s.cols, s.vector, matmul_balls, &s, f)
					 : matmul_doubles(c, json, &s, f);
	}
out:
	linear_clear(&x);
	return rc;
}

static int matadd_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	acb_mat_t a, b;
	int rc = arg_acb_mat(c, 0, a, prec, f);

	(void)n;
	(void)arg;
	rc = arg_acb_mat(c, 1, b, prec, f) || rc ? -1 : 0;
	if (rc == 0) {
		acb_mat_add(a, a, b, prec);
		matrix_leaves(out, a);
	}
	acb_mat_clear(a);
	acb_mat_clear(b);
	return rc;
}

int linear_matadd(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	struct matrix_estimate e = { .doubles = false };
	enum matrix_way way;
	size_t rows, cols, b_rows, b_cols;
	int rc = -1;

	arg_shape(c, 0, &rows, &cols);
	arg_shape(c, 1, &b_rows, &b_cols);
	if (matrix_need_equal(c, b_rows, rows, 1, "rows", f) || matrix_need_equal(c, b_cols, cols, 1, "columns", f) ||
	    linear_load(c, 2, &x, f))
		goto out;
	e.exact_ns = (double)rows * (double)cols * (100 + x.bits);
	e.exact_digits = (double)rows * (double)cols;
	e.ball_ns = (double)rows * (double)cols * 200;
	if (matrix_choose(c, x.rational, &e, &way, f))
		goto out;
	if (way == MATRIX_EXACT) {
		fmpq_mat_add(x.m[0], x.m[0], x.m[1]);
		rc = matrix_put(c, json, x.m[0], f);
	} else {
		rc = matrix_certify(c, json, rows, cols, false, matadd_balls, NULL, f);
	}
out:
	linear_clear(&x);
	return rc;
}

/* ---- transpose, trace, identity ---- */

static int transpose_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	acb_mat_t a, t;
	int rc = arg_acb_mat(c, 0, a, prec, f);

	(void)n;
	(void)arg;
	acb_mat_init(t, acb_mat_ncols(a), acb_mat_nrows(a));
	if (rc == 0) {
		acb_mat_transpose(t, a);
		matrix_leaves(out, t);
	}
	acb_mat_clear(a);
	acb_mat_clear(t);
	return rc;
}

int linear_transpose(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	struct matrix_estimate e = { .doubles = false };
	enum matrix_way way;
	size_t rows, cols;
	fmpq_mat_t t;
	int rc = -1;

	arg_shape(c, 0, &rows, &cols);
	if (linear_load(c, 1, &x, f))
		goto out;
	e.exact_ns = e.ball_ns = (double)rows * (double)cols * 200;
	if (matrix_choose(c, x.rational, &e, &way, f))
		goto out;
	if (way == MATRIX_EXACT) {
		fmpq_mat_init(t, (slong)cols, (slong)rows);
		fmpq_mat_transpose(t, x.m[0]);
		rc = matrix_put(c, json, t, f);
		fmpq_mat_clear(t);
	} else {
		rc = matrix_certify(c, json, cols, rows, false, transpose_balls, NULL, f);
	}
out:
	linear_clear(&x);
	return rc;
}

static int trace_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	acb_mat_t a;
	int rc = arg_acb_mat(c, 0, a, prec, f);

	(void)n;
	(void)arg;
	if (rc == 0)
		acb_mat_trace(out, a, prec);
	acb_mat_clear(a);
	return rc;
}

int linear_trace(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	struct matrix_estimate e = { .doubles = false };
	enum matrix_way way;
	size_t rows, cols;
	fmpq_t t;
	int rc = -1;

	arg_shape(c, 0, &rows, &cols);
	if (matrix_need_square(c, 0, f) || linear_load(c, 1, &x, f))
		goto out;
	e.exact_ns = e.ball_ns = (double)rows * (double)cols * 200;
	if (matrix_choose(c, x.rational, &e, &way, f))
		goto out;
	if (way == MATRIX_BALLS) {
		rc = answer_certified(c, json, trace_balls, NULL, f);
		goto out;
	}
	fmpq_init(t);
	fmpq_mat_trace(t, x.m[0]);
	rc = matrix_put_scalar(c, json, t, f);
	fmpq_clear(t);
out:
	linear_clear(&x);
	return rc;
}

int linear_identity(struct op_call *c, struct buf *json, struct op_failure *f)
{
	slong n;

	if (arg_long(c, 0, 1, LINEAR_IDENTITY_MAX, &n, f))
		return -1;
	for (slong i = 0; i < n; i++) {
		buf_puts(json, i ? "],[" : "[[");
		for (slong j = 0; j < n; j++)
			buf_puts(json, i == j ? (j ? ",1" : "1") : (j ? ",0" : "0"));
	}
	buf_puts(json, "]]");
	return 0;
}

/* ---- matpow ---- */

#define MATPOW_EXPONENT_BITS 4096 /* of an exponent that is taken at all */

#define MATPOW_SURE_BITS 4096 /* entries that long, twice as long after each squaring, will go on growing */

struct power_step {
	double spent_ns, bits; /* bits: of the last square */
};

/* What a product of two such matrices may come to: refused before it is computed. */
static int power_check(const struct op_call *c, const fmpq_mat_t a, const fmpq_mat_t b, struct power_step *step,
		       struct op_failure *f)
{
	double n = (double)fmpq_mat_nrows(a), bits = matrix_bits(a) + matrix_bits(b);

	step->spent_ns += n * n * n * (20 + 0.1 * bits + 1e-3 * bits * log2(bits + 2)) + n * n * bits;
	return answer_check_cost(c, step->spent_ns, n * n * fmax(bits - log2(n) - 4, 0) * LOG10_2 / 2, f);
}

/* The entries of a^m grow like m^n, a few bits with each squaring, or exponentially, twice as many bits; so after a few
 * squarings one can tell what the rest would come to. */
static int power_foresee(const struct op_call *c, const fmpq_mat_t square, struct power_step *step, const fmpz_t rest,
			 struct op_failure *f)
{
	double n = (double)fmpq_mat_nrows(square), bits = matrix_bits(square), before = step->bits;

	step->bits = bits;
	if (bits < MATPOW_SURE_BITS || bits < 64 * n || bits < 1.9 * before)
		return 0;
	return answer_check_cost(c, step->spent_ns, floor(bits * fmpz_get_d(rest) * LOG10_2 * 0.9), f);
}

/* By squaring. The sizes are looked at before each product: powers of nilpotent, of periodic and of many triangular
 * matrices stay small however large the exponent, and no bound from the norm alone would know. */
static int power_exact(struct op_call *c, fmpq_mat_t out, fmpq_mat_t base, const fmpz_t n, struct op_failure *f)
{
	struct power_step step = { 0, 0 };
	fmpz_t rest;
	int rc = 0;

	fmpz_init_set(rest, n);
	fmpq_mat_one(out);
	while (rc == 0 && !fmpz_is_zero(rest)) {
		if (fmpz_is_odd(rest)) {
			rc = power_check(c, out, base, &step, f);
			if (rc == 0)
				fmpq_mat_mul(out, out, base);
		}
		fmpz_fdiv_q_2exp(rest, rest, 1);
		if (rc == 0 && !fmpz_is_zero(rest))
			rc = power_check(c, base, base, &step, f);
		if (rc == 0 && !fmpz_is_zero(rest)) {
			fmpq_mat_mul(base, base, base);
			rc = power_foresee(c, base, &step, rest, f);
		}
	}
	fmpz_clear(rest);
	return rc;
}

static int power_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	fmpz *exponent = arg;
	acb_mat_t a, x;
	fmpz_t e;
	int rc = arg_acb_mat(c, 0, a, prec + 2 * (slong)fmpz_bits(exponent), f);

	fmpz_init(e);
	fmpz_abs(e, exponent);
	prec += 2 * (slong)fmpz_bits(e);
	acb_mat_init(x, acb_mat_nrows(a), acb_mat_ncols(a));
	acb_mat_one(x);
	if (rc == 0 && fmpz_sgn(exponent) < 0 && !acb_mat_inv(a, a, prec)) {
		if (prec > MATRIX_ZERO_PREC)
			rc = matrix_fail_singular(c, 0, f);
		acb_mat_indeterminate(a);
	}
	for (slong i = 0, bits = (slong)fmpz_bits(e); rc == 0 && i < bits; i++) {
		if (fmpz_tstbit(e, (ulong)i))
			acb_mat_mul(x, x, a, prec);
		if (i + 1 < bits)
			acb_mat_sqr(a, a, prec);
	}
	(void)n;
	matrix_leaves(out, x);
	fmpz_clear(e);
	acb_mat_clear(a);
	acb_mat_clear(x);
	return rc;
}

static int power_rational(struct op_call *c, struct buf *json, struct linear_args *x, const fmpz_t n,
			  struct op_failure *f)
{
	fmpq_mat_t power;
	fmpz_t e;
	int rc = -1;

	fmpq_mat_init(power, fmpq_mat_nrows(x->m[0]), fmpq_mat_ncols(x->m[0]));
	fmpz_init(e);
	fmpz_abs(e, n);
	if (fmpz_sgn(n) < 0 && !fmpq_mat_inv(x->m[0], x->m[0]))
		rc = matrix_fail_singular(c, 0, f);
	else if (power_exact(c, power, x->m[0], e, f) == 0)
		rc = matrix_put(c, json, power, f);
	fmpq_mat_clear(power);
	fmpz_clear(e);
	return rc;
}

int linear_matpow(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	struct matrix_estimate e = { .doubles = false };
	enum matrix_way way;
	fmpz_t n;
	size_t rows, cols;
	int rc = -1;

	fmpz_init(n);
	arg_shape(c, 0, &rows, &cols);
	if (matrix_need_square(c, 0, f) || arg_fmpz(c, 1, n, f) || linear_load(c, 1, &x, f))
		goto out;
	if (fmpz_bits(n) > MATPOW_EXPONENT_BITS) {
		op_fail_limit(f, MATPOW_EXPONENT_BITS, (double)fmpz_bits(n), "bits", "the exponent is too large");
		rc = arg_locate(c, 1, f);
		goto out;
	}
	double size = (double)rows, steps = 2.0 * (double)fmpz_bits(n);
	e.exact_ns = fmpz_sgn(n) < 0 ? matrix_cost_inverse(size, x.bits) : 0;
	e.exact_digits = size * size;
	e.ball_ns = size * size * size * steps * 100;
	if (matrix_choose(c, x.rational, &e, &way, f))
		goto out;
	if (way == MATRIX_EXACT) {
		size_t before = json->len;
		rc = power_rational(c, json, &x, n, f);
		if (rc == 0 || f->error != OP_LIMIT_EXCEEDED || matrix_wants_exact(c))
			goto out;
		json->len = before; /* a rounded result need not go through an exact one that is too large */
	}
	if (fmpz_bits(n) > 60) {
		op_fail_limit(f, 60, (double)fmpz_bits(n), "bits", "the exponent is too large for a rounded result");
		rc = arg_locate(c, 1, f);
		goto out;
	}
	rc = matrix_certify(c, json, rows, cols, false, power_balls, n, f);
out:
	fmpz_clear(n);
	linear_clear(&x);
	return rc;
}
