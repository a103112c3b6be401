/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/spectrum.h"

#include <arb_fmpz_poly.h>
#include <flint/fmpz_mat.h>
#include <flint/fmpz_poly_factor.h>
#include <math.h>
#include <stdlib.h>

#define ROOT_PREC_MIN 512 /* what separates real parts that differ, when sorting */

double spectrum_cost(double n, double bits, enum spectrum_want want)
{
	double charpoly = n * n * n * n * (2 + 0.12 * bits + 0.0006 * bits * bits);
	double roots = n * n * n * 2000 * (1 + bits * n / 2000);
	double vectors = want == SPECTRUM_VECTORS ? n * n * n * (600 + 0.6 * n * bits) : 0;

	return 20000 + charpoly + roots + vectors;
}

/* ---- bases of eigenspaces ---- */

/* p(b) by Horner's rule. */
static void evaluate_at_matrix(fmpz_mat_t out, const fmpz_poly_t p, const fmpz_mat_t b)
{
	slong n = fmpz_mat_nrows(b);

	fmpz_mat_zero(out);
	for (slong k = fmpz_poly_degree(p); k >= 0; k--) {
		fmpz_mat_mul(out, out, b);
		for (slong i = 0; i < n; i++)
			fmpz_add(fmpz_mat_entry(out, i, i), fmpz_mat_entry(out, i, i), fmpz_poly_get_coeff_ptr(p, k));
	}
}

/* The eigenvector that u in ker p(b) leads to: ((p(x) - p(r))/(x - r))(b) u, a polynomial in the root r, since
 * (b - r) times it is p(b) u = 0. Its coefficients follow Horner's scheme: y[d-1] = u, y[k-1] = b y[k] + p[k] u. */
static void vector_from(fmpq_poly_struct *out, const struct spectrum_factor *factor, const fmpz_mat_t b,
			const fmpz_mat_t u)
{
	slong n = fmpz_mat_nrows(b);
	fmpz_mat_t y;

	fmpz_mat_init_set(y, u);
	for (slong k = factor->degree - 1;; k--) {
		for (slong i = 0; i < n; i++)
			fmpq_poly_set_coeff_fmpz(out + i, k, fmpz_mat_entry(y, i, 0));
		if (k == 0)
			break;
		fmpz_mat_mul(y, b, y);
		for (slong i = 0; i < n; i++)
			fmpz_addmul(fmpz_mat_entry(y, i, 0), fmpz_poly_get_coeff_ptr(factor->p, k),
				    fmpz_mat_entry(u, i, 0));
	}
	fmpz_mat_clear(y);
}

/* Writes u, bu, ..., b^(d-1) u into the columns of span from `first` on. */
static void put_cyclic(fmpz_mat_t span, slong first, slong d, const fmpz_mat_t b, const fmpz_mat_t u)
{
	fmpz_mat_t y;

	fmpz_mat_init_set(y, u);
	for (slong k = 0; k < d; k++) {
		for (slong i = 0; i < fmpz_mat_nrows(span); i++)
			fmpz_set(fmpz_mat_entry(span, i, first + k), fmpz_mat_entry(y, i, 0));
		fmpz_mat_mul(y, b, y);
	}
	fmpz_mat_clear(y);
}

/* ker p(b) is a space over the field of the root, of dimension (rational dimension)/d: picks vectors of it whose cyclic
 * subspaces are independent, and makes an eigenvector of each. */
static void find_basis(struct spectrum_factor *factor, const fmpz_mat_t b)
{
	slong n = fmpz_mat_nrows(b), d = factor->degree, have = 0;
	fmpz_mat_t value, kernel, span, u;

	fmpz_mat_init(value, n, n);
	fmpz_mat_init(kernel, n, n);
	fmpz_mat_init(u, n, 1);
	evaluate_at_matrix(value, factor->p, b);
	slong dimension = fmpz_mat_nullspace(kernel, value);
	factor->dimension = dimension / d;
	fmpz_mat_init(span, n, dimension);
	factor->basis = flint_malloc((size_t)(factor->dimension * n) * sizeof *factor->basis);
	for (slong i = 0; i < factor->dimension * n; i++)
		fmpq_poly_init(factor->basis + i);
	for (slong col = 0; have < factor->dimension && col < dimension; col++) {
		for (slong i = 0; i < n; i++)
			fmpz_set(fmpz_mat_entry(u, i, 0), fmpz_mat_entry(kernel, i, col));
		put_cyclic(span, have * d, d, b, u);
		if (d > 1 && have > 0 && fmpz_mat_rank(span) < (have + 1) * d)
			continue; /* it lies in the subspaces that are there; its columns are overwritten */
		vector_from(factor->basis + have * n, factor, b, u);
		have++;
	}
	fmpz_mat_clear(value);
	fmpz_mat_clear(kernel);
	fmpz_mat_clear(span);
	fmpz_mat_clear(u);
}

/* ---- orthogonal bases, in the field of the root ---- */

static void field_inner(fmpq_poly_t out, const fmpq_poly_struct *x, const fmpq_poly_struct *y, slong n,
			const fmpq_poly_t p)
{
	fmpq_poly_t t;

	fmpq_poly_init(t);
	fmpq_poly_zero(out);
	for (slong i = 0; i < n; i++) {
		fmpq_poly_mul(t, x + i, y + i);
		fmpq_poly_add(out, out, t);
	}
	fmpq_poly_rem(out, out, p);
	fmpq_poly_clear(t);
}

/* Gram and Schmidt's process on the basis of a real eigenspace. */
static void orthogonalise(struct spectrum_factor *factor, slong n)
{
	fmpq_poly_t p, top, bottom, gcd, inverse, other;

	fmpq_poly_init(p);
	fmpq_poly_init(top);
	fmpq_poly_init(bottom);
	fmpq_poly_init(gcd);
	fmpq_poly_init(inverse);
	fmpq_poly_init(other);
	fmpq_poly_set_fmpz_poly(p, factor->p);
	for (slong i = 1; i < factor->dimension; i++) {
		fmpq_poly_struct *v = factor->basis + i * n;
		for (slong j = 0; j < i; j++) {
			fmpq_poly_struct *w = factor->basis + j * n;
			field_inner(top, v, w, n, p);
			if (fmpq_poly_is_zero(top))
				continue;
			field_inner(bottom, w, w, n, p);
			fmpq_poly_xgcd(gcd, inverse, other, bottom, p);
			fmpq_poly_mul(top, top, inverse);
			fmpq_poly_rem(top, top, p);
			for (slong k = 0; k < n; k++) {
				fmpq_poly_mul(other, top, w + k);
				fmpq_poly_rem(other, other, p);
				fmpq_poly_sub(v + k, v + k, other);
			}
		}
	}
	fmpq_poly_clear(p);
	fmpq_poly_clear(top);
	fmpq_poly_clear(bottom);
	fmpq_poly_clear(gcd);
	fmpq_poly_clear(inverse);
	fmpq_poly_clear(other);
}

/* ---- the spectrum ---- */

static bool is_symmetric(const fmpq_mat_t a)
{
	for (slong i = 0; i < fmpq_mat_nrows(a); i++)
		for (slong j = 0; j < i; j++)
			if (!fmpq_equal(fmpq_mat_entry(a, i, j), fmpq_mat_entry(a, j, i)))
				return false;
	return true;
}

void spectrum_init(struct spectrum *s, const fmpq_mat_t a, enum spectrum_want want)
{
	fmpz_mat_t b;
	fmpz_poly_t chi;
	fmpz_poly_factor_t parts;

	s->n = fmpq_mat_nrows(a);
	s->symmetric = is_symmetric(a);
	fmpz_init(s->scale);
	fmpz_mat_init(b, s->n, s->n);
	fmpz_poly_init(chi);
	fmpz_poly_factor_init(parts);
	fmpq_mat_get_fmpz_mat_matwise(b, s->scale, a);
	fmpz_mat_charpoly(chi, b);
	fmpz_poly_factor(parts, chi);
	s->count = parts->num;
	s->factors = flint_calloc((size_t)s->count, sizeof *s->factors);
	for (slong i = 0; i < s->count; i++) {
		struct spectrum_factor *factor = s->factors + i;
		fmpz_poly_init(factor->p);
		fmpz_poly_set(factor->p, parts->p + i);
		if (fmpz_sgn(fmpz_poly_lead(factor->p)) < 0)
			fmpz_poly_neg(factor->p, factor->p);
		factor->degree = fmpz_poly_degree(factor->p);
		factor->multiplicity = parts->exp[i];
		if (want == SPECTRUM_VECTORS)
			find_basis(factor, b);
		if (want == SPECTRUM_VECTORS && s->symmetric)
			orthogonalise(factor, s->n);
	}
	fmpz_poly_factor_clear(parts);
	fmpz_poly_clear(chi);
	fmpz_mat_clear(b);
}

void spectrum_polys_free(fmpq_poly_struct *polys, slong n)
{
	for (slong i = 0; i < n; i++)
		fmpq_poly_clear(polys + i);
	flint_free(polys);
}

void spectrum_fini(struct spectrum *s)
{
	for (slong i = 0; i < s->count; i++) {
		fmpz_poly_clear(s->factors[i].p);
		spectrum_polys_free(s->factors[i].basis, s->factors[i].dimension * s->n);
	}
	flint_free(s->factors);
	fmpz_clear(s->scale);
}

/* ---- evaluation ---- */

/* Roots of x^2 + b x + c in closed form, so that a rational real part is seen to be exact. */
static void quadratic_roots(acb_ptr out, const fmpz_poly_t p, slong prec)
{
	fmpz *c = fmpz_poly_get_coeff_ptr(p, 0), *b = fmpz_poly_get_coeff_ptr(p, 1);
	fmpz_t d;
	arb_t half, root;

	fmpz_init(d);
	arb_init(half);
	arb_init(root);
	fmpz_mul(d, b, b);
	fmpz_submul_ui(d, c, 4);
	arb_set_fmpz(half, b);
	arb_neg(half, half);
	arb_mul_2exp_si(half, half, -1);
	arb_set_fmpz(root, d);
	arb_abs(root, root);
	arb_sqrt(root, root, prec + (slong)fmpz_bits(b));
	arb_mul_2exp_si(root, root, -1);
	acb_set_arb(out, half);
	acb_set_arb(out + 1, half);
	if (fmpz_sgn(d) < 0) {
		arb_neg(acb_imagref(out), root);
		arb_set(acb_imagref(out + 1), root);
	} else {
		arb_sub(acb_realref(out), half, root, prec);
		arb_add(acb_realref(out + 1), half, root, prec);
	}
	fmpz_clear(d);
	arb_clear(half);
	arb_clear(root);
}

static void factor_roots(acb_ptr out, const struct spectrum_factor *factor, slong prec)
{
	if (factor->degree == 1) {
		acb_set_fmpz(out, fmpz_poly_get_coeff_ptr(factor->p, 0));
		acb_neg(out, out);
	} else if (factor->degree == 2) {
		quadratic_roots(out, factor->p, prec);
	} else {
		arb_fmpz_poly_complex_roots(out, factor->p, 0, prec);
	}
}

/* By real, then imaginary part. Real parts that overlap at ROOT_PREC_MIN bits or more count as equal. */
static int compare_values(const void *x, const void *y)
{
	const struct spectrum_value *a = x, *b = y;

	if (!arb_overlaps(acb_realref(a->root), acb_realref(b->root)))
		return arb_lt(acb_realref(a->root), acb_realref(b->root)) ? -1 : 1;
	if (!arb_overlaps(acb_imagref(a->root), acb_imagref(b->root)))
		return arb_lt(acb_imagref(a->root), acb_imagref(b->root)) ? -1 : 1;
	return a->copy < b->copy ? -1 : a->copy > b->copy;
}

struct spectrum_value *spectrum_values(const struct spectrum *s, slong prec)
{
	struct spectrum_value *v = flint_malloc((size_t)s->n * sizeof *v);
	slong have = 0;

	prec = FLINT_MAX(prec, ROOT_PREC_MIN);
	for (slong i = 0; i < s->count; i++) {
		const struct spectrum_factor *factor = s->factors + i;
		acb_ptr roots = _acb_vec_init(factor->degree);
		factor_roots(roots, factor, prec);
		for (slong k = 0; k < factor->degree * factor->multiplicity; k++, have++) {
			v[have].factor = factor;
			v[have].copy = k / factor->degree;
			acb_init(v[have].root);
			acb_init(v[have].value);
			acb_set(v[have].root, roots + k % factor->degree);
			if (s->symmetric) /* all its eigenvalues are real */
				arb_zero(acb_imagref(v[have].root));
			acb_div_fmpz(v[have].value, v[have].root, s->scale, prec);
		}
		_acb_vec_clear(roots, factor->degree);
	}
	qsort(v, (size_t)s->n, sizeof *v, compare_values);
	return v;
}

void spectrum_values_free(struct spectrum_value *v, slong n)
{
	for (slong i = 0; i < n; i++) {
		acb_clear(v[i].root);
		acb_clear(v[i].value);
	}
	flint_free(v);
}

void spectrum_evaluate(acb_ptr out, const fmpq_poly_struct *polys, slong n, const acb_t root, slong prec)
{
	for (slong i = 0; i < n; i++) {
		const fmpq_poly_struct *p = polys + i;
		if (fmpq_poly_is_zero(p)) {
			acb_zero(out + i);
			continue;
		}
		_arb_fmpz_poly_evaluate_acb(out + i, p->coeffs, p->length, root, prec);
		acb_div_fmpz(out + i, out + i, p->den, prec);
	}
}

void spectrum_vector(acb_ptr out, const struct spectrum *s, const struct spectrum_value *v, slong prec)
{
	slong k = FLINT_MIN(v->copy, v->factor->dimension - 1);

	spectrum_evaluate(out, v->factor->basis + k * s->n, s->n, v->root, FLINT_MAX(prec, ROOT_PREC_MIN));
}

void spectrum_norm2(arb_t out, acb_srcptr v, slong n, slong prec)
{
	arb_zero(out);
	for (slong i = 0; i < n; i++) {
		arb_addmul(out, acb_realref(v + i), acb_realref(v + i), prec);
		arb_addmul(out, acb_imagref(v + i), acb_imagref(v + i), prec);
	}
}

void spectrum_normalise(acb_ptr v, slong n, slong prec)
{
	arb_t norm;
	acb_t turn;
	slong first = 0;

	arb_init(norm);
	acb_init(turn);
	while (first < n && acb_is_zero(v + first))
		first++;
	spectrum_norm2(norm, v, n, prec);
	arb_sqrt(norm, norm, prec);
	if (first < n) {
		acb_sgn(turn, v + first, prec);
		acb_conj(turn, turn);
		acb_div_arb(turn, turn, norm, prec);
	}
	for (slong i = first; i < n; i++)
		acb_mul(v + i, v + i, turn, prec);
	if (first < n)
		arb_zero(acb_imagref(v + first));
	arb_clear(norm);
	acb_clear(turn);
}

fmpq_poly_struct *spectrum_map(const struct spectrum_factor *factor, const fmpq_mat_t m)
{
	slong rows = fmpq_mat_nrows(m), n = fmpq_mat_ncols(m);
	fmpq_poly_struct *out = flint_malloc((size_t)(factor->dimension * rows) * sizeof *out);
	fmpq_poly_t t;

	fmpq_poly_init(t);
	for (slong k = 0; k < factor->dimension * rows; k++) {
		fmpq_poly_init(out + k);
		for (slong j = 0; j < n; j++) {
			fmpq_poly_scalar_mul_fmpq(t, factor->basis + k / rows * n + j, fmpq_mat_entry(m, k % rows, j));
			fmpq_poly_add(out + k, out + k, t);
		}
	}
	fmpq_poly_clear(t);
	return out;
}
