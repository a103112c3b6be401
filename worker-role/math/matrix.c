/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/matrix.h"

#include <math.h>

/* ---- shapes ---- */

int matrix_need_square(struct op_call *c, size_t i, struct op_failure *f)
{
	size_t rows, cols;

	arg_shape(c, i, &rows, &cols);
	if (rows == cols)
		return 0;
	return arg_fail(c, i, f, OP_DIMENSION_MISMATCH, "expected a square matrix, got one of %zu x %zu", rows, cols);
}

int matrix_need_equal(struct op_call *c, size_t have, size_t want, size_t i, const char *what, struct op_failure *f)
{
	if (have == want)
		return 0;
	return arg_fail(c, i, f, OP_DIMENSION_MISMATCH, "expected %zu %s to go with the first matrix, got %zu", want,
			what, have);
}

/* ---- estimates ---- */

/* Bits of the row's common denominator. *norm_bits: of the Euclidean length of the row times that; *largest grows to
 * the bits of the denominator and of the entries times it. */
static double row_bits(const fmpq_mat_t a, slong i, double *norm_bits, double *largest)
{
	fmpz_t den, sum, x;
	double bits;

	fmpz_init_set_ui(den, 1);
	fmpz_init(sum);
	fmpz_init(x);
	for (slong j = 0; j < fmpq_mat_ncols(a); j++)
		if (!fmpz_is_one(fmpq_mat_entry_den(a, i, j)))
			fmpz_lcm(den, den, fmpq_mat_entry_den(a, i, j));
	for (slong j = 0; j < fmpq_mat_ncols(a); j++) {
		fmpz_divexact(x, den, fmpq_mat_entry_den(a, i, j));
		fmpz_mul(x, x, fmpq_mat_entry_num(a, i, j));
		*largest = fmax(*largest, (double)fmpz_bits(x));
		fmpz_addmul(sum, x, x);
	}
	*norm_bits = fmpz_is_zero(sum) ? 0 : ((double)fmpz_bits(sum) + 1) / 2;
	bits = fmpz_is_one(den) ? 0 : (double)fmpz_bits(den);
	*largest = fmax(*largest, bits);
	fmpz_clear(den);
	fmpz_clear(sum);
	fmpz_clear(x);
	return bits;
}

double matrix_bits(const fmpq_mat_t a)
{
	double largest = 1, norm;

	for (slong i = 0; i < fmpq_mat_nrows(a); i++)
		row_bits(a, i, &norm, &largest);
	return largest;
}

double matrix_det_bits(const fmpq_mat_t a)
{
	double all = 0, largest = 1, norm = 0;

	for (slong i = 0; i < fmpq_mat_nrows(a); i++) {
		double den = row_bits(a, i, &norm, &largest);
		all += den + norm;
	}
	return all + 1;
}

double matrix_cost_det(double n, double bits)
{
	return 1000 + n * n * n * (6 + 0.3 * bits + 0.005 * bits * bits);
}

double matrix_cost_inverse(double n, double bits)
{
	return 1000 + n * n * n * n * (1.5 + 0.25 * bits + 0.0035 * bits * bits);
}

double matrix_cost_charpoly(double n, double bits)
{
	return 5000 + n * n * n * n * (0.6 + 0.04 * bits + 0.0002 * bits * bits);
}

double matrix_cost_snf(double n, double bits)
{
	return 5000 + n * n * n * n * (6 + 2.4 * bits + 0.005 * bits * bits);
}

/* ---- the way ---- */

int matrix_need_rational(struct op_call *c, const char *why, struct op_failure *f)
{
	for (size_t i = 0; i < c->count; i++) {
		enum op_kind kind = op_call_parameter(c, i)->kind;
		bool numbers = kind == OP_KIND_MATRIX || kind == OP_KIND_SYSTEM || kind == OP_KIND_VECTOR;
		if (numbers && op_call_given(c, i) && !arg_is_rational(c, i))
			return arg_fail(c, i, f, OP_INVALID_ARGUMENT, "expected rational numbers only: %s", why);
	}
	return 0;
}

static bool within(double ns, double digits, const struct op_call *c)
{
	return ns <= (c->exact == 0 ? MATRIX_ROUNDED_NS : MATRIX_EXACT_NS) && ns <= c->timeout_ms * 0.5e6 &&
	       digits <= NUMBER_DIGITS_MAX;
}

int matrix_choose(struct op_call *c, bool rational, const struct matrix_estimate *e, enum matrix_way *way,
		  struct op_failure *f)
{
	double ball_ns = e->ball_ns * pow((double)certify_bits(c) / 64 + 1, 1.6);

	if (rational && (c->exact == 1 || within(e->exact_ns, e->exact_digits, c))) {
		*way = MATRIX_EXACT;
		return answer_check_cost(c, e->exact_ns, e->exact_digits, f);
	}
	if (c->exact == 1)
		return matrix_need_rational(c, "exact was asked for", f);
	if ((rational || ball_ns > c->timeout_ms * 0.5e6) && e->doubles && c->precision <= OP_PRECISION_DOUBLE) {
		*way = MATRIX_DOUBLES;
		return 0;
	}
	*way = MATRIX_EXACT;
	if (rational && !(ball_ns < HUGE_VAL))
		return answer_check_cost(c, e->exact_ns, e->exact_digits, f);
	*way = MATRIX_BALLS;
	return answer_check_cost(c, ball_ns, c->precision, f);
}

bool matrix_wants_exact(const struct op_call *c)
{
	return c->exact == 1 || (c->exact != 0 && c->precision == 0);
}

int matrix_fail_irrational(struct op_call *c, struct op_failure *f)
{
	return op_fail(f, OP_DOMAIN_ERROR, "exact was asked for, but the result of this %s is not known to be rational",
		       c->op->name);
}

int matrix_fail_singular(struct op_call *c, size_t i, struct op_failure *f)
{
	return arg_fail(c, i, f, OP_SINGULAR, "expected an invertible matrix, got a singular one");
}

/* ---- results ---- */

int matrix_put_scalar(struct op_call *c, struct buf *json, const fmpq_t v, struct op_failure *f)
{
	return matrix_wants_exact(c) ? answer_fmpq(json, v, f) : answer_rounded(c, json, v, f);
}

static int put_rounded(struct op_call *c, struct buf *json, const fmpq_mat_t v, struct op_failure *f)
{
	buf_byte(json, '[');
	for (slong i = 0; i < fmpq_mat_nrows(v); i++) {
		buf_puts(json, i ? ",[" : "[");
		for (slong j = 0; j < fmpq_mat_ncols(v); j++) {
			if (j)
				buf_byte(json, ',');
			if (answer_rounded(c, json, fmpq_mat_entry(v, i, j), f))
				return -1;
		}
		buf_byte(json, ']');
	}
	buf_byte(json, ']');
	return 0;
}

int matrix_put(struct op_call *c, struct buf *json, const fmpq_mat_t v, struct op_failure *f)
{
	return matrix_wants_exact(c) ? answer_fmpq_mat(json, v, f) : put_rounded(c, json, v, f);
}

int matrix_put_real(struct op_call *c, struct buf *json, const fmpq_t v, struct op_failure *f)
{
	return c->exact == 1 ? answer_fmpq(json, v, f) : answer_rounded(c, json, v, f);
}

int matrix_put_reals(struct op_call *c, struct buf *json, const fmpq_mat_t v, struct op_failure *f)
{
	return c->exact == 1 ? answer_fmpq_mat(json, v, f) : put_rounded(c, json, v, f);
}

int matrix_put_column(struct op_call *c, struct buf *json, const fmpq_mat_t v, slong j, struct op_failure *f)
{
	buf_byte(json, '[');
	for (slong i = 0; i < fmpq_mat_nrows(v); i++) {
		if (i)
			buf_byte(json, ',');
		if (matrix_put_scalar(c, json, fmpq_mat_entry(v, i, j), f))
			return -1;
	}
	buf_byte(json, ']');
	return 0;
}

int matrix_certify(struct op_call *c, struct buf *json, size_t rows, size_t cols, bool vector, certify_fn *fn,
		   void *arg, struct op_failure *f)
{
	struct certified v;

	if (certify(c, rows * cols, fn, arg, &v, f))
		return -1;
	if (vector)
		certified_put_vector(json, &v, 0, rows * cols);
	else
		certified_put_mat(json, &v, 0, rows, cols);
	certified_fini(&v);
	return 0;
}

void matrix_leaves(acb_ptr out, const acb_mat_t v)
{
	for (slong i = 0; i < acb_mat_nrows(v); i++)
		for (slong j = 0; j < acb_mat_ncols(v); j++)
			acb_set(out + i * acb_mat_ncols(v) + j, acb_mat_entry(v, i, j));
}

void matrix_leaves_unknown(acb_ptr out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		acb_indeterminate(out + i);
}

/* ---- elimination in balls ---- */

/* The row at or below `row` with the entry of column col that is surest to be nonzero; -1: all are 0; -2: unsure. */
static slong pivot_row(acb_mat_t a, slong row, slong col, slong prec)
{
	slong best = -1;
	bool unsure = false;
	mag_t lower, largest;

	mag_init(lower);
	mag_init(largest);
	for (slong i = row; i < acb_mat_nrows(a); i++) {
		acb_ptr x = acb_mat_entry(a, i, col);
		if (acb_is_zero(x))
			continue;
		if (!acb_contains_zero(x)) {
			acb_get_mag_lower(lower, x);
			if (best < 0 || mag_cmp(lower, largest) > 0) {
				best = i;
				mag_set(largest, lower);
			}
			continue;
		}
		acb_get_mag(lower, x);
		if (prec < MATRIX_ZERO_PREC || mag_cmp_2exp_si(lower, -CERTIFY_ZERO_BITS) > 0)
			unsure = true;
		else
			acb_zero(x);
	}
	mag_clear(lower);
	mag_clear(largest);
	return best < 0 && unsure ? -2 : best;
}

int matrix_rref_balls(acb_mat_t a, slong *pivots, slong *rank, slong prec)
{
	slong row = 0;
	acb_t t;

	acb_init(t);
	*rank = 0;
	for (slong col = 0; col < acb_mat_ncols(a) && row < acb_mat_nrows(a); col++) {
		slong best = pivot_row(a, row, col, prec);
		if (best == -2) {
			acb_clear(t);
			return MATRIX_PIVOTS_UNSURE;
		}
		if (best < 0)
			continue;
		acb_mat_swap_rows(a, NULL, row, best);
		acb_inv(t, acb_mat_entry(a, row, col), prec);
		for (slong j = col + 1; j < acb_mat_ncols(a); j++)
			acb_mul(acb_mat_entry(a, row, j), acb_mat_entry(a, row, j), t, prec);
		acb_one(acb_mat_entry(a, row, col));
		for (slong i = 0; i < acb_mat_nrows(a); i++) {
			acb_ptr factor = acb_mat_entry(a, i, col);
			if (i == row || acb_is_zero(factor))
				continue;
			for (slong j = col + 1; j < acb_mat_ncols(a); j++)
				acb_submul(acb_mat_entry(a, i, j), factor, acb_mat_entry(a, row, j), prec);
			acb_zero(factor);
		}
		pivots[row++] = col;
	}
	acb_clear(t);
	*rank = row;
	return MATRIX_PIVOTS_FOUND;
}
