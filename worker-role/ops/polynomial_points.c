/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Polynomials made from points, and from a name. */
#include <flint/fmpz_poly.h>
#include <math.h>
#include <stdlib.h>

#include "math/answer.h"
#include "math/arg.h"
#include "ops/polynomial.h"

#define INTERPOLATE_MAX 2000

/* ---- interpolate ---- */

/* Reads argument i times its common denominator, which goes to *den. */
static int read_scaled(struct op_call *c, size_t i, fmpz *out, slong n, fmpz_t den, struct op_failure *f)
{
	fmpq *v = _fmpq_vec_init(n);
	int rc = 0;

	fmpz_one(den);
	for (slong k = 0; k < n && rc == 0; k++) {
		rc = arg_fmpq_at(c, i, (size_t)k, 0, v + k, f);
		fmpz_lcm(den, den, fmpq_denref(v + k));
	}
	for (slong k = 0; k < n && rc == 0; k++) {
		fmpz_divexact(out + k, den, fmpq_denref(v + k));
		fmpz_mul(out + k, out + k, fmpq_numref(v + k));
	}
	_fmpq_vec_clear(v, n);
	return rc;
}

struct abscissa {
	const fmpz *x;
	slong at;
};

static int abscissa_order(const void *a, const void *b)
{
	return fmpz_cmp(((const struct abscissa *)a)->x, ((const struct abscissa *)b)->x);
}

static int check_distinct(struct op_call *c, const fmpz *x, slong n, struct op_failure *f)
{
	struct abscissa *sorted = flint_calloc((size_t)n, sizeof *sorted);
	int rc = 0;

	for (slong k = 0; k < n; k++)
		sorted[k] = (struct abscissa){ x + k, k };
	qsort(sorted, (size_t)n, sizeof *sorted, abscissa_order);
	for (slong k = 1; k < n && rc == 0; k++)
		if (abscissa_order(sorted + k - 1, sorted + k) == 0) {
			slong a = sorted[k - 1].at, b = sorted[k].at;
			rc = arg_fail_at(c, 0, (size_t)(a > b ? a : b), 0, f, OP_INVALID_ARGUMENT,
					 "expected different abscissas, but numbers %ld and %ld are equal",
					 (long)(a < b ? a : b), (long)(a > b ? a : b));
		}
	flint_free(sorted);
	return rc;
}

/* Divided differences: n² steps on numbers as long as n differences of abscissas together. */
static int check_points(struct op_call *c, const fmpz *x, const fmpz *y, slong n, struct op_failure *f)
{
	double bits = (double)n * (double)labs(_fmpz_vec_max_bits(x, n)) + (double)labs(_fmpz_vec_max_bits(y, n));

	return answer_check_cost(c, (double)n * (double)n * (100 + bits / 64 * 15), 0, f);
}

/* Through the integer points (d x, e y); then P(d x) / e. */
static int interpolate_points(struct op_call *c, struct buf *json, slong n, struct op_failure *f)
{
	fmpz *x = _fmpz_vec_init(n), *y = _fmpz_vec_init(n);
	fmpq_poly_t p;
	fmpq_t scale;
	fmpz_t dx, dy;
	int rc;

	fmpq_poly_init(p);
	fmpq_init(scale);
	fmpz_init(dx);
	fmpz_init(dy);
	rc = read_scaled(c, 0, x, n, dx, f);
	if (rc == 0)
		rc = read_scaled(c, 1, y, n, dy, f);
	if (rc == 0)
		rc = check_distinct(c, x, n, f);
	if (rc == 0)
		rc = check_points(c, x, y, n, f);
	if (rc == 0) {
		fmpq_poly_interpolate_fmpz_vec(p, x, y, n);
		fmpq_set_fmpz(scale, dx);
		fmpq_poly_rescale(p, p, scale);
		fmpq_poly_scalar_div_fmpz(p, p, dy);
		rc = answer_fmpq_poly(json, p, f);
	}
	fmpq_poly_clear(p);
	fmpq_clear(scale);
	fmpz_clear(dx);
	fmpz_clear(dy);
	_fmpz_vec_clear(x, n);
	_fmpz_vec_clear(y, n);
	return rc;
}

int polynomial_interpolate(struct op_call *c, struct buf *json, struct op_failure *f)
{
	size_t n, m, cols;

	arg_shape(c, 0, &n, &cols);
	arg_shape(c, 1, &m, &cols);
	if (n == 0)
		return arg_fail(c, 0, f, OP_INVALID_ARGUMENT, "expected at least one point");
	if (n != m)
		return arg_fail(c, 1, f, OP_DIMENSION_MISMATCH,
				"expected as many values as there are abscissas, %zu; got %zu", n, m);
	if (n > INTERPOLATE_MAX) {
		op_fail_limit(f, INTERPOLATE_MAX, (double)n, "points", "the points to be interpolated");
		return arg_locate(c, 0, f);
	}
	return interpolate_points(c, json, (slong)n, f);
}

/* ---- special_poly ---- */

enum special_name { LEGENDRE, CHEBYSHEV, HERMITE, LAGUERRE, CYCLOTOMIC };
const char *const polynomial_names[] = { "legendre", "chebyshev", "hermite", "laguerre", "cyclotomic", NULL };

/* Digits of all coefficients together, about. Legendre's sum of absolute values grows as (1+sqrt 2)^n over 2^n,
 * Chebyshev's as (1+sqrt 2)^n; half of the coefficients are 0. Hermite's largest and Laguerre's denominators, n!, grow
 * faster than exponentially. */
static double special_digits(enum special_name name, double n)
{
	switch (name) {
	case LEGENDRE:
		return 0.34 * n * n;
	case CHEBYSHEV:
		return 0.19 * n * n;
	case HERMITE:
		return n / 2 * (lgamma(n / 2 + 1) / M_LN10 + 0.45 * n) / 1.2;
	case LAGUERRE:
		return n * lgamma(n + 1) / M_LN10;
	default:
		return n; /* phi(n) of them, of one digit for all but rare n */
	}
}

static void special_polynomial(enum special_name name, ulong n, fmpq_poly_t p)
{
	fmpz_poly_t integral;

	fmpz_poly_init(integral);
	switch (name) {
	case LEGENDRE:
		fmpq_poly_legendre_p(p, n);
		break;
	case LAGUERRE:
		fmpq_poly_laguerre_l(p, n);
		break;
	case CHEBYSHEV:
		fmpz_poly_chebyshev_t(integral, n);
		break;
	case HERMITE:
		fmpz_poly_hermite_h(integral, n);
		break;
	case CYCLOTOMIC:
		fmpz_poly_cyclotomic(integral, n);
		break;
	}
	if (name != LEGENDRE && name != LAGUERRE)
		fmpq_poly_set_fmpz_poly(p, integral);
	fmpz_poly_clear(integral);
}

int polynomial_special(struct op_call *c, struct buf *json, struct op_failure *f)
{
	enum special_name name = (enum special_name)arg_choice(c, 0);
	fmpq_poly_t p;
	slong n;
	int rc;

	if (arg_long(c, 1, name == CYCLOTOMIC, POLYNOMIAL_SPECIAL_MAX, &n, f) != 0)
		return -1;
	if (answer_check_cost(c, 0, special_digits(name, (double)n), f) != 0)
		return arg_locate(c, 1, f);
	fmpq_poly_init(p);
	special_polynomial(name, (ulong)n, p);
	rc = answer_fmpq_poly(json, p, f);
	fmpq_poly_clear(p);
	return rc;
}
