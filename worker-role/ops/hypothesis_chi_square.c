/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pearson's chi-square test. */
#include "math/arg.h"
#include "math/distribution.h"
#include "math/real.h"
#include "ops/hypothesis.h"

enum { ARG_OBSERVED, ARG_EXPECTED, ARG_CORRECTION };
enum { CHI_STATISTIC, CHI_P, CHI_EXPECTED };

struct chi_test {
	size_t rows, cols; /* a vector is one row */
	bool table;
	fmpq *observed, *expected;
	fmpq_t statistic;
	slong df;
};

static int read_counts(struct op_call *c, size_t i, fmpq *out, const struct chi_test *t, bool positive,
		       struct op_failure *f)
{
	for (size_t k = 0; k < t->rows * t->cols; k++) {
		size_t row = t->table ? k / t->cols : k, col = t->table ? k % t->cols : 0;
		if (arg_fmpq_at(c, i, row, col, out + k, f) != 0)
			return -1;
		if (fmpq_sgn(out + k) < (positive ? 1 : 0))
			return arg_fail_at(c, i, row, col, f, OP_INVALID_ARGUMENT, "expected a count %s",
					   positive ? "above 0" : "from 0 on");
	}
	return 0;
}

static void sum_of(fmpq_t out, const fmpq *v, size_t n, size_t stride)
{
	fmpq_zero(out);
	for (size_t i = 0; i < n; i++)
		fmpq_add(out, out, v + i * stride);
}

/* In each cell, the product of the sums of its row and its column over the sum of all. */
static int expect_independent(struct op_call *c, struct chi_test *t, struct op_failure *f)
{
	fmpq_t row, col, all;
	int rc = 0;

	fmpq_init(row);
	fmpq_init(col);
	fmpq_init(all);
	sum_of(all, t->observed, t->rows * t->cols, 1);
	for (size_t i = 0; rc == 0 && i < t->rows; i++)
		for (size_t j = 0; rc == 0 && j < t->cols; j++) {
			sum_of(row, t->observed + i * t->cols, t->cols, 1);
			sum_of(col, t->observed + j, t->rows, t->cols);
			if (fmpq_is_zero(row) || fmpq_is_zero(col)) {
				rc = arg_fail_at(c, ARG_OBSERVED, i, j, f, OP_DOMAIN_ERROR,
						 "expected rows and columns with counts, this %s has none",
						 fmpq_is_zero(row) ? "row" : "column");
				break;
			}
			fmpq_mul(t->expected + i * t->cols + j, row, col);
			fmpq_div(t->expected + i * t->cols + j, t->expected + i * t->cols + j, all);
		}
	fmpq_clear(row);
	fmpq_clear(col);
	fmpq_clear(all);
	return rc;
}

static int expect_given(struct op_call *c, struct chi_test *t, struct op_failure *f)
{
	fmpq_t all, given;
	size_t rows, cols, n = t->cols;
	int rc = 0;

	fmpq_init(all);
	fmpq_init(given);
	sum_of(all, t->observed, n, 1);
	arg_shape(c, ARG_EXPECTED, &rows, &cols);
	if (fmpq_is_zero(all)) {
		rc = arg_fail(c, ARG_OBSERVED, f, OP_DOMAIN_ERROR, "expected counts that are not all 0");
	} else if (!op_call_given(c, ARG_EXPECTED)) {
		fmpq_set_si(given, 1, (ulong)n);
		for (size_t i = 0; i < n; i++)
			fmpq_mul(t->expected + i, all, given);
	} else if (rows != n) {
		rc = arg_fail(c, ARG_EXPECTED, f, OP_DIMENSION_MISMATCH,
			      "expected as many values as in \"observed\", %zu, got %zu", n, rows);
	} else {
		rc = read_counts(c, ARG_EXPECTED, t->expected, t, true, f);
		sum_of(given, t->expected, n, 1);
		if (rc == 0 && !fmpq_equal(all, given))
			rc = arg_fail(c, ARG_EXPECTED, f, OP_INVALID_ARGUMENT,
				      "expected counts with the sum of those observed");
	}
	fmpq_clear(all);
	fmpq_clear(given);
	return rc;
}

/* The sum of (|O-E| - correction)^2/E; Yates' correction is 1/2, or |O-E| where that is less. */
static void chi_square(struct chi_test *t, bool correct)
{
	fmpq_t d, half;

	fmpq_init(d);
	fmpq_init(half);
	fmpq_set_si(half, 1, 2);
	for (size_t i = 0; i < t->rows * t->cols; i++) {
		fmpq_sub(d, t->observed + i, t->expected + i);
		fmpq_abs(d, d);
		if (correct && fmpq_cmp(d, half) < 0)
			fmpq_zero(d);
		else if (correct)
			fmpq_sub(d, d, half);
		fmpq_mul(d, d, d);
		fmpq_div(d, d, t->expected + i);
		fmpq_add(t->statistic, t->statistic, d);
	}
	fmpq_clear(d);
	fmpq_clear(half);
}

static int chi_of(struct op_call *c, struct real *out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct chi_test *t = arg;
	arb_t x, df;

	(void)c;
	(void)f;
	arb_init(x);
	arb_init(df);
	real_set_fmpq(&out[CHI_STATISTIC], t->statistic);
	for (size_t i = CHI_EXPECTED; i < n; i++)
		real_set_fmpq(&out[i], t->expected + i - CHI_EXPECTED);
	arb_set_fmpq(x, t->statistic, prec);
	arb_set_si(df, t->df);
	distribution_chi_square_tail(x, x, df, prec);
	if (fmpq_is_zero(t->statistic))
		real_set_si(&out[CHI_P], 1);
	else
		real_set_arb(&out[CHI_P], x);
	arb_clear(x);
	arb_clear(df);
	return 0;
}

static int chi_put(struct op_call *c, struct buf *json, struct chi_test *t, struct op_failure *f)
{
	size_t cells = t->rows * t->cols;
	struct reals v;

	if (reals_compute(c, CHI_EXPECTED + cells, REAL_ROUNDED, chi_of, t, &v, f) < 0)
		return -1;
	buf_puts(json, "{\"statistic\":");
	reals_put(json, &v, CHI_STATISTIC);
	answer_member(json, "df");
	buf_int(json, t->df);
	answer_member(json, "p");
	reals_put(json, &v, CHI_P);
	answer_member(json, "expected");
	if (t->table)
		buf_byte(json, '[');
	for (size_t i = 0; i < t->rows; i++) {
		if (i)
			buf_byte(json, ',');
		reals_put_vector(json, &v, CHI_EXPECTED + i * t->cols, t->cols);
	}
	if (t->table)
		buf_byte(json, ']');
	buf_byte(json, '}');
	reals_fini(&v);
	return 0;
}

static int chi_run(struct op_call *c, struct buf *json, struct chi_test *t, struct op_failure *f)
{
	bool correct = arg_flag(c, ARG_CORRECTION, false);
	int rc = read_counts(c, ARG_OBSERVED, t->observed, t, false, f);

	if (rc == 0)
		rc = t->table ? expect_independent(c, t, f) : expect_given(c, t, f);
	if (rc < 0)
		return rc;
	t->df = t->table ? (slong)((t->rows - 1) * (t->cols - 1)) : (slong)t->cols - 1;
	if (correct && (!t->table || t->df != 1))
		return arg_fail(c, ARG_CORRECTION, f, OP_INVALID_ARGUMENT,
				"expected a table of 2 rows and 2 columns for Yates' correction");
	chi_square(t, correct);
	return chi_put(c, json, t, f);
}

int hypothesis_chi2test(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct chi_test t = { .table = arg_is_matrix(c, ARG_OBSERVED) };
	slong cells;
	int rc;

	arg_shape(c, ARG_OBSERVED, &t.rows, &t.cols);
	if (!t.table) {
		t.cols = t.rows;
		t.rows = 1;
	}
	if (t.cols < 2 || (t.table && t.rows < 2))
		return arg_fail(c, ARG_OBSERVED, f, OP_INVALID_ARGUMENT, "expected at least 2 counts%s",
				t.table ? " in each row and column" : "");
	if (t.table && op_call_given(c, ARG_EXPECTED))
		return arg_fail(c, ARG_EXPECTED, f, OP_INVALID_ARGUMENT,
				"expected no such argument: those of a table come from its rows and columns");
	cells = (slong)(t.rows * t.cols);
	t.observed = _fmpq_vec_init(cells);
	t.expected = _fmpq_vec_init(cells);
	fmpq_init(t.statistic);
	rc = chi_run(c, json, &t, f);
	_fmpq_vec_clear(t.observed, cells);
	_fmpq_vec_clear(t.expected, cells);
	fmpq_clear(t.statistic);
	return rc;
}
