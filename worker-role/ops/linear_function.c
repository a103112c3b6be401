/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linear algebra: norms, condition number and exponential of a matrix. Singular values of rational matrices come from
 * the factored characteristic polynomial of the Gram matrix, so that all digits are right. */
#include <math.h>
#include <stdlib.h>

#include "math/lapack.h"
#include "math/singular.h"
#include "math/spectrum.h"
#include "ops/linear.h"

/* ---- norms that are sums ---- */

const char *const linear_norm_kinds[] = { "2", "1", "inf", "fro", NULL };
enum norm_kind { NORM_2, NORM_1, NORM_INF, NORM_FRO };

/* The sum of absolute values (squares: of their squares) of a part of a. */
static void sum_exact(fmpq_t out, const fmpq_mat_t a, slong row, slong rows, slong col, slong cols, bool squares)
{
	fmpq_t t;

	fmpq_init(t);
	fmpq_zero(out);
	for (slong i = row; i < row + rows; i++)
		for (slong j = col; j < col + cols; j++) {
			fmpq_abs(t, fmpq_mat_entry(a, i, j));
			if (squares)
				fmpq_mul(t, t, t);
			fmpq_add(out, out, t);
		}
	fmpq_clear(t);
}

/* The largest of the sums over rows or over columns. */
static void norm_exact(fmpq_t out, const fmpq_mat_t a, enum norm_kind kind)
{
	slong rows = fmpq_mat_nrows(a), cols = fmpq_mat_ncols(a);
	fmpq_t t;

	fmpq_init(t);
	fmpq_zero(out);
	for (slong k = 0; k < (kind == NORM_1 ? cols : rows); k++) {
		if (kind == NORM_1)
			sum_exact(t, a, 0, rows, k, 1, false);
		else
			sum_exact(t, a, k, 1, 0, cols, false);
		if (fmpq_cmp(t, out) > 0)
			fmpq_set(out, t);
	}
	fmpq_clear(t);
}

static int norm_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	enum norm_kind kind = *(enum norm_kind *)arg;
	acb_mat_t a;
	arb_t t, sum;
	int rc = arg_acb_mat(c, 0, a, prec, f);
	slong rows = acb_mat_nrows(a), cols = acb_mat_ncols(a);
	slong lines = kind == NORM_1 ? cols : kind == NORM_INF ? rows : 1, length = rows * cols / lines;

	(void)n;
	arb_init(t);
	arb_init(sum);
	acb_zero(out);
	for (slong k = 0; rc == 0 && k < lines; k++) {
		arb_zero(sum);
		for (slong i = 0; i < length; i++) {
			acb_srcptr x = kind == NORM_1     ? acb_mat_entry(a, i, k)
				       : kind == NORM_INF ? acb_mat_entry(a, k, i)
							  : acb_mat_entry(a, i / cols, i % cols);
			acb_abs(t, x, prec);
			if (lines == 1 && kind == NORM_FRO)
				arb_mul(t, t, t, prec);
			arb_add(sum, sum, t, prec);
		}
		arb_max(acb_realref(out), acb_realref(out), sum, prec);
	}
	if (kind == NORM_FRO)
		arb_sqrtpos(acb_realref(out), acb_realref(out), prec);
	arb_clear(t);
	arb_clear(sum);
	acb_mat_clear(a);
	return rc;
}

/* The square root of a rational number. */
static int sqrt_ball(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	(void)c;
	(void)n;
	(void)f;
	acb_set_fmpq(out, arg, prec + 8);
	acb_sqrt(out, out, prec);
	return 0;
}

static int put_sqrt(struct op_call *c, struct buf *json, fmpq_t v, struct op_failure *f)
{
	if (fmpz_is_square(fmpq_numref(v)) && fmpz_is_square(fmpq_denref(v))) {
		fmpz_sqrt(fmpq_numref(v), fmpq_numref(v));
		fmpz_sqrt(fmpq_denref(v), fmpq_denref(v));
		return matrix_put_real(c, json, v, f);
	}
	return c->exact == 1 ? matrix_fail_irrational(c, f) : answer_certified(c, json, sqrt_ball, v, f);
}

/* ---- the 2-norm and the condition number: singular values ---- */

static int largest_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	bool cond = *(bool *)arg;
	arb_t largest, smallest;
	int rc;

	(void)n;
	arb_init(largest);
	arb_init(smallest);
	rc = singular_extremes(c, 0, largest, smallest, prec, f);
	if (rc == 0 && cond && prec >= MATRIX_ZERO_PREC && arb_contains_zero(smallest) && arb_is_finite(smallest))
		rc = matrix_fail_singular(c, 0, f);
	if (cond)
		arb_div(largest, largest, smallest, prec);
	acb_set_arb(out, largest);
	arb_clear(largest);
	arb_clear(smallest);
	return rc;
}

struct gram_args {
	const struct spectrum *s;
	bool cond;
};

static int largest_exact(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	const struct gram_args *g = arg;
	struct spectrum_value *v = spectrum_values(g->s, prec);

	(void)c;
	(void)n;
	(void)f;
	acb_set(out, v[g->s->n - 1].value);
	if (g->cond)
		acb_div(out, out, v[0].value, prec);
	arb_sqrtpos(acb_realref(out), acb_realref(out), prec);
	spectrum_values_free(v, g->s->n);
	return 0;
}

/* If the largest eigenvalue of the Gram matrix and, for cond, the smallest are rational, so may be the result. */
static bool largest_rational(fmpq_t out, const struct spectrum *s, bool cond)
{
	struct spectrum_value *v = spectrum_values(s, 64);
	const struct spectrum_factor *top = v[s->n - 1].factor, *low = v[0].factor;
	bool rational = top->degree == 1 && (!cond || low->degree == 1);

	if (rational) {
		fmpz_neg(fmpq_numref(out), top->p->coeffs);
		fmpz_set(fmpq_denref(out), s->scale);
		if (cond)
			fmpz_neg(fmpq_denref(out), low->p->coeffs);
		fmpq_canonicalise(out);
	}
	spectrum_values_free(v, s->n);
	return rational;
}

static int largest_of_gram(struct op_call *c, struct buf *json, const fmpq_mat_t a, bool cond, struct op_failure *f)
{
	struct gram_args g = { .cond = cond };
	struct spectrum s;
	fmpq_mat_t gram;
	fmpq_t q;
	int rc;

	singular_gram(gram, a);
	spectrum_init(&s, gram, SPECTRUM_VALUES);
	fmpq_mat_clear(gram);
	g.s = &s;
	fmpq_init(q);
	bool singular = false;
	for (slong i = 0; i < s.count; i++)
		singular = singular || fmpz_is_zero(s.factors[i].p->coeffs);
	if (cond && singular)
		rc = matrix_fail_singular(c, 0, f);
	else if (largest_rational(q, &s, cond))
		rc = put_sqrt(c, json, q, f);
	else
		rc = c->exact == 1 ? matrix_fail_irrational(c, f) : answer_certified(c, json, largest_exact, &g, f);
	fmpq_clear(q);
	spectrum_fini(&s);
	return rc;
}

static int largest_doubles(struct op_call *c, struct buf *json, bool cond, struct op_failure *f)
{
	size_t n;
	double *s = lapack_singular_values(c, 0, &n, f);
	int rc;

	if (!s)
		return -1;
	if (cond && s[n - 1] <= s[0] * 0x1p-52)
		rc = arg_fail(c, 0, f, OP_SINGULAR,
			      "expected a matrix of full rank, got one that is singular to working precision");
	else
		rc = answer_double(json, cond ? s[0] / s[n - 1] : s[0], cond ? "the condition number" : "the norm", f);
	free(s);
	return rc;
}

static int singular_compute(struct op_call *c, struct buf *json, struct linear_args *x, bool cond, struct op_failure *f)
{
	struct matrix_estimate e = { .doubles = true };
	enum matrix_way way;
	size_t rows, cols;

	arg_shape(c, 0, &rows, &cols);
	double n = fmin((double)rows, (double)cols);
	e.exact_ns = spectrum_cost(n, 2 * x->bits + 8, SPECTRUM_VALUES);
	e.ball_ns = n * n * n * 6000;
	if (matrix_choose(c, x->rational, &e, &way, f))
		return -1;
	if (way == MATRIX_EXACT)
		return largest_of_gram(c, json, x->m[0], cond, f);
	if (way == MATRIX_BALLS) {
		size_t before = json->len;
		int rc = answer_certified(c, json, largest_balls, &cond, f);
		if (rc == 0 || f->error != OP_DID_NOT_CONVERGE || c->precision > OP_PRECISION_DOUBLE)
			return rc;
		json->len = before;
	}
	return largest_doubles(c, json, cond, f);
}

int linear_cond(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	int rc = linear_load(c, 1, &x, f);

	if (rc == 0)
		rc = singular_compute(c, json, &x, true, f);
	linear_clear(&x);
	return rc;
}

int linear_norm(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	struct matrix_estimate e = { .doubles = false };
	enum norm_kind kind = (enum norm_kind)arg_choice(c, 1);
	enum matrix_way way;
	fmpq_t q;
	int rc = -1;

	fmpq_init(q);
	if (linear_load(c, 1, &x, f))
		goto out;
	size_t rows, cols;
	arg_shape(c, 0, &rows, &cols);
	if (kind == NORM_2 && rows > 1 && cols > 1) {
		rc = singular_compute(c, json, &x, false, f);
		goto out;
	}
	if (kind == NORM_2) /* of a vector, or of a matrix that is one */
		kind = NORM_FRO;
	e.exact_ns = e.ball_ns = (double)rows * (double)cols * (200 + x.bits);
	if (matrix_choose(c, x.rational, &e, &way, f))
		goto out;
	if (way == MATRIX_BALLS) {
		rc = answer_certified(c, json, norm_balls, &kind, f);
	} else if (kind == NORM_FRO) {
		sum_exact(q, x.m[0], 0, (slong)rows, 0, (slong)cols, true);
		rc = put_sqrt(c, json, q, f);
	} else {
		norm_exact(q, x.m[0], kind);
		rc = matrix_put_scalar(c, json, q, f);
	}
out:
	fmpq_clear(q);
	linear_clear(&x);
	return rc;
}

/* ---- expm ---- */

#define EXPM_NORM_MAX 1e6

static int expm_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	acb_mat_t a;
	int rc = arg_acb_mat(c, 0, a, prec + 32, f);

	(void)n;
	(void)arg;
	if (rc == 0) {
		acb_mat_exp(a, a, prec);
		matrix_leaves(out, a);
	}
	acb_mat_clear(a);
	return rc;
}

/* The largest sum of absolute values in a row, roughly. */
static int row_norm(struct op_call *c, double *out, struct op_failure *f)
{
	acb_mat_t a;
	mag_t norm;
	int rc = arg_acb_mat(c, 0, a, 64, f);

	mag_init(norm);
	if (rc == 0)
		acb_mat_bound_inf_norm(norm, a);
	*out = mag_get_d(norm);
	mag_clear(norm);
	acb_mat_clear(a);
	return rc;
}

/* The exponential of a nilpotent rational matrix is a finite sum, and rational. True: a was nilpotent, and is it now.
 */
static bool expm_nilpotent(fmpq_mat_t a)
{
	slong n = fmpq_mat_nrows(a);
	fmpq_mat_t sum, term;
	fmpz_t k;
	bool nilpotent = false;

	fmpq_mat_init(sum, n, n);
	fmpq_mat_init(term, n, n);
	fmpz_init_set_ui(k, 0);
	fmpq_mat_one(sum);
	fmpq_mat_one(term);
	for (slong i = 1; i <= n && !nilpotent; i++) {
		fmpz_set_si(k, i);
		fmpq_mat_mul(term, term, a);
		fmpq_mat_scalar_div_fmpz(term, term, k);
		fmpq_mat_add(sum, sum, term);
		nilpotent = fmpq_mat_is_zero(term);
	}
	if (nilpotent)
		fmpq_mat_swap(a, sum);
	fmpq_mat_clear(sum);
	fmpq_mat_clear(term);
	fmpz_clear(k);
	return nilpotent;
}

/* Cheaply: a nilpotent matrix has no trace, nor has its square. */
static bool may_be_nilpotent(const fmpq_mat_t a)
{
	fmpq_t t, sum;
	bool may;

	fmpq_init(t);
	fmpq_init(sum);
	fmpq_mat_trace(sum, a);
	may = fmpq_is_zero(sum);
	for (slong i = 0; may && i < fmpq_mat_nrows(a); i++)
		for (slong j = 0; j < fmpq_mat_ncols(a); j++)
			fmpq_addmul(sum, fmpq_mat_entry(a, i, j), fmpq_mat_entry(a, j, i));
	may = may && fmpq_is_zero(sum);
	fmpq_clear(t);
	fmpq_clear(sum);
	return may;
}

int linear_expm(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	double norm, n;
	size_t rows, cols;
	int rc = -1;

	arg_shape(c, 0, &rows, &cols);
	if (matrix_need_square(c, 0, f) || linear_load(c, 1, &x, f) || row_norm(c, &norm, f))
		goto out;
	n = (double)rows;
	if (x.rational && n <= 60 && may_be_nilpotent(x.m[0]) && expm_nilpotent(x.m[0])) {
		rc = matrix_put_reals(c, json, x.m[0], f);
		goto out;
	}
	if (c->exact == 1) {
		rc = matrix_fail_irrational(c, f);
		goto out;
	}
	if (!(norm <= EXPM_NORM_MAX)) {
		op_fail_limit(f, EXPM_NORM_MAX, norm, "norm", "the matrix is too large for an exponential");
		rc = arg_locate(c, 0, f);
		goto out;
	}
	double bits = (double)certify_bits(c) / 64 + 2;
	if (answer_check_cost(c, n * n * n * (60 + 4 * log2(norm + 2)) * 6 * pow(bits, 1.6), 0, f) == 0)
		rc = matrix_certify(c, json, rows, cols, false, expm_balls, NULL, f);
out:
	linear_clear(&x);
	return rc;
}
