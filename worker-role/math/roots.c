/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/roots.h"

#include <arb_fmpz_poly.h>
#include <flint/flint.h>
#include <stdlib.h>

#include "math/roots_start.h"

/* ---- memory ---- */

static struct root *root_array(slong n)
{
	struct root *root = flint_calloc((size_t)n + 1, sizeof *root);

	for (slong i = 0; i < n; i++) {
		acb_init(root[i].z);
		fmpq_init(root[i].q);
	}
	return root;
}

static void root_array_free(struct root *root, slong n)
{
	for (slong i = 0; i < n; i++) {
		acb_clear(root[i].z);
		fmpq_clear(root[i].q);
	}
	flint_free(root);
}

/* ---- exact preparation ---- */

/* f(x) = even(x²) + x odd(x²). The pairs r, -r of roots of f are the roots of gcd(even, odd)(x²): a square-free f is
 * split into that, whose roots are taken by their squares (so that purely imaginary ones are exactly that), and the
 * rest, which has no purely imaginary root. */
static void split_even(struct roots *r, const fmpz_poly_t f, slong multiplicity)
{
	fmpz_poly_t even, odd, common, x2, rest;

	fmpz_poly_init(even);
	fmpz_poly_init(odd);
	fmpz_poly_init(common);
	fmpz_poly_init(x2);
	fmpz_poly_init(rest);
	for (slong i = 0; i < fmpz_poly_length(f); i++)
		fmpz_poly_set_coeff_fmpz(i % 2 ? odd : even, i / 2, f->coeffs + i);
	fmpz_poly_gcd(common, even, odd);
	fmpz_poly_inflate(x2, common, 2);
	fmpz_poly_div(rest, f, x2);
	if (fmpz_poly_degree(x2) > 0)
		fmpz_poly_factor_insert(r->even, x2, multiplicity);
	if (fmpz_poly_degree(rest) > 0)
		fmpz_poly_factor_insert(r->rest, rest, multiplicity);
	fmpz_poly_clear(even);
	fmpz_poly_clear(odd);
	fmpz_poly_clear(common);
	fmpz_poly_clear(x2);
	fmpz_poly_clear(rest);
}

static slong factor_count(const fmpz_poly_factor_t f)
{
	slong n = 0;

	for (slong i = 0; i < f->num; i++)
		n += fmpz_poly_degree(f->p + i);
	return n;
}

void roots_init(struct roots *r, const fmpq_poly_t p)
{
	fmpz_poly_factor_t squarefree;
	fmpz_poly_t f;

	fmpz_poly_init(f);
	fmpq_poly_get_numerator(f, p);
	r->zeros = 0;
	while (r->zeros < f->length && fmpz_is_zero(f->coeffs + r->zeros))
		r->zeros++;
	fmpz_poly_shift_right(f, f, r->zeros);
	fmpz_poly_factor_init(r->even);
	fmpz_poly_factor_init(r->rest);
	fmpz_poly_factor_init(squarefree);
	fmpz_poly_factor_squarefree(squarefree, f);
	for (slong i = 0; i < squarefree->num; i++)
		split_even(r, squarefree->p + i, squarefree->exp[i]);
	fmpz_poly_factor_clear(squarefree);
	fmpz_poly_clear(f);
	r->count = factor_count(r->even) + factor_count(r->rest);
	r->root = root_array(r->count);
	r->prec = 0;
}

void roots_fini(struct roots *r)
{
	root_array_free(r->root, r->count);
	fmpz_poly_factor_clear(r->even);
	fmpz_poly_factor_clear(r->rest);
}

slong roots_total(const struct roots *r)
{
	slong n = r->zeros;

	for (slong i = 0; i < r->even->num; i++)
		n += r->even->exp[i] * fmpz_poly_degree(r->even->p + i);
	for (slong i = 0; i < r->rest->num; i++)
		n += r->rest->exp[i] * fmpz_poly_degree(r->rest->p + i);
	return n;
}

/* ---- isolation ---- */

/* With real coefficients the conjugate of a root is the root that it meets: itself, or another one. */
static void recognise_conjugates(acb_ptr z, slong n)
{
	acb_t conjugate;

	acb_init(conjugate);
	for (slong i = 0; i < n; i++) {
		slong partner = -1;
		acb_conj(conjugate, z + i);
		for (slong k = 0; k < n && partner < 0; k++)
			if (k != i && acb_overlaps(conjugate, z + k))
				partner = k;
		if (partner > i)
			acb_swap(z + partner, conjugate);
		else if (partner < 0)
			arb_zero(acb_imagref(z + i));
	}
	acb_clear(conjugate);
}

#define ISOLATE_ROUNDS 8

static bool are_narrow(acb_srcptr z, slong n, slong prec)
{
	for (slong i = 0; i < n; i++)
		if (acb_rel_accuracy_bits(z + i) < prec)
			return false;
	return true;
}

/* The roots of a square-free f, f(0) not 0, isolated, with relative accuracy prec: Weierstrass's iteration from good
 * approximations. Arb's own search, whose starting points are the same for all polynomials, takes minutes where
 * this takes a second (degree 500); it is asked when this one does not get there. */
static void isolate(acb_ptr z, const fmpz_poly_t f, slong prec)
{
	slong n = fmpz_poly_degree(f);
	acb_ptr start = _acb_vec_init(n);
	acb_poly_t p;
	bool done = false;

	acb_poly_init(p);
	roots_start(start, f);
	/* Arb's proof multiplies n complex balls, and loses up to half a bit each time. */
	for (slong round = 0, bits = prec + n + 64; round < ISOLATE_ROUNDS && !done; round++, bits *= 2) {
		acb_poly_set_fmpz_poly(p, f, bits);
		done = acb_poly_find_roots(z, p, start, 0, bits) == n && are_narrow(z, n, prec);
		for (slong i = 0; i < n; i++)
			if (acb_is_finite(z + i))
				acb_set(start + i, z + i);
	}
	if (done)
		recognise_conjugates(z, n);
	else
		arb_fmpz_poly_complex_roots(z, f, 0, prec);
	acb_poly_clear(p);
	_acb_vec_clear(start, n);
}

/* A rational root of f has a denominator that divides the leading coefficient: the one candidate in a ball that is
 * narrow enough is tried exactly. */
static void find_rational(struct root *root, const fmpz_poly_t f, slong prec)
{
	arb_t scaled;
	fmpz_t n;
	fmpq_t value;

	if (root->rational || !arb_is_zero(acb_imagref(root->z)))
		return;
	arb_init(scaled);
	fmpz_init(n);
	fmpq_init(value);
	arb_mul_fmpz(scaled, acb_realref(root->z), fmpz_poly_lead(f), prec + (slong)fmpz_bits(fmpz_poly_lead(f)));
	if (arb_get_unique_fmpz(n, scaled)) {
		fmpq_set_fmpz_frac(root->q, n, fmpz_poly_lead(f));
		fmpz_poly_evaluate_fmpq(value, f, root->q);
		root->rational = fmpq_is_zero(value);
	}
	arb_clear(scaled);
	fmpz_clear(n);
	fmpq_clear(value);
}

/* Narrow enough for find_rational(): the leading coefficient times a root is below 2^(bits + 1). */
static slong bits_for(const fmpz_poly_t f, slong prec)
{
	slong least = 2 * labs(fmpz_poly_max_bits(f)) + 64;

	return prec > least ? prec : least;
}

static void put_root(struct root *root, acb_t z, const fmpz_poly_t f, slong multiplicity, slong prec)
{
	acb_swap(root->z, z);
	root->multiplicity = multiplicity;
	find_rational(root, f, prec);
}

/* The two square roots of z; purely imaginary ones exactly that. */
static void square_roots(acb_t plus, acb_t minus, acb_srcptr z, slong prec)
{
	if (arb_is_zero(acb_imagref(z)) && arb_is_negative(acb_realref(z))) {
		arb_neg(acb_imagref(plus), acb_realref(z));
		arb_sqrt(acb_imagref(plus), acb_imagref(plus), prec);
		arb_zero(acb_realref(plus));
	} else {
		acb_sqrt(plus, z, prec);
	}
	acb_neg(minus, plus);
}

/* Of f(x) = e(x²), by the roots of e, which are not 0. */
static slong find_pairs(struct root *root, const fmpz_poly_t f, slong multiplicity, slong prec)
{
	slong n = fmpz_poly_degree(f) / 2, bits = bits_for(f, prec);
	acb_ptr z = _acb_vec_init(n);
	fmpz_poly_t e;
	acb_t plus, minus;

	fmpz_poly_init(e);
	acb_init(plus);
	acb_init(minus);
	fmpz_poly_deflate(e, f, 2);
	isolate(z, e, bits + 8);
	for (slong k = 0; k < n; k++) {
		square_roots(plus, minus, z + k, bits + 8);
		put_root(root++, plus, f, multiplicity, bits);
		put_root(root++, minus, f, multiplicity, bits);
	}
	fmpz_poly_clear(e);
	acb_clear(plus);
	acb_clear(minus);
	_acb_vec_clear(z, n);
	return 2 * n;
}

static slong find_single(struct root *root, const fmpz_poly_t f, slong multiplicity, slong prec)
{
	slong n = fmpz_poly_degree(f), bits = bits_for(f, prec);
	acb_ptr z = _acb_vec_init(n);

	isolate(z, f, bits);
	for (slong k = 0; k < n; k++)
		put_root(root++, z + k, f, multiplicity, bits);
	_acb_vec_clear(z, n);
	return n;
}

static void find_all(struct root *root, const struct roots *r, slong prec)
{
	for (slong i = 0; i < r->even->num; i++)
		root += find_pairs(root, r->even->p + i, r->even->exp[i], prec);
	for (slong i = 0; i < r->rest->num; i++)
		root += find_single(root, r->rest->p + i, r->rest->exp[i], prec);
}

/* ---- order ---- */

static int by_real_midpoint(const void *a, const void *b)
{
	return arf_cmp(arb_midref(acb_realref(((const struct root *)a)->z)),
		       arb_midref(acb_realref(((const struct root *)b)->z)));
}

static int by_imaginary_midpoint(const void *a, const void *b)
{
	return arf_cmp(arb_midref(acb_imagref(((const struct root *)a)->z)),
		       arb_midref(acb_imagref(((const struct root *)b)->z)));
}

/* Real parts that overlap are either equal or differ in no digit that is shown: then the imaginary part decides. */
static void sort_roots(struct root *root, slong n)
{
	qsort(root, (size_t)n, sizeof *root, by_real_midpoint);
	for (slong first = 0, next; first < n; first = next) {
		for (next = first + 1; next < n; next++)
			if (!arb_overlaps(acb_realref(root[next - 1].z), acb_realref(root[next].z)))
				break;
		qsort(root + first, (size_t)(next - first), sizeof *root, by_imaginary_midpoint);
	}
}

/* Brings z into the order that isolating balls of the same numbers have. */
static void match_order(acb_ptr z, acb_srcptr before, slong n)
{
	for (slong i = 0; i < n; i++)
		for (slong k = i; k < n; k++)
			if (acb_overlaps(before + i, z + k)) {
				acb_swap(z + i, z + k);
				break;
			}
}

/* Takes over the narrower balls in the order that stands. */
static void take_narrower(struct roots *r, struct root *found)
{
	acb_ptr z = _acb_vec_init(r->count), before = _acb_vec_init(r->count);

	for (slong i = 0; i < r->count; i++) {
		acb_swap(z + i, found[i].z);
		acb_swap(before + i, r->root[i].z);
	}
	match_order(z, before, r->count);
	for (slong i = 0; i < r->count; i++)
		acb_swap(r->root[i].z, z + i);
	_acb_vec_clear(z, r->count);
	_acb_vec_clear(before, r->count);
}

void roots_refine(struct roots *r, slong prec)
{
	struct root *found;

	if (prec <= r->prec)
		return;
	found = root_array(r->count);
	find_all(found, r, prec);
	if (r->prec == 0) {
		struct root *none = r->root;
		r->root = found;
		found = none;
		sort_roots(r->root, r->count);
	} else {
		take_narrower(r, found);
	}
	root_array_free(found, r->count);
	r->prec = prec;
}

/* Whether root i comes before 0. */
static bool is_left_of_zero(const struct root *root)
{
	arb_srcptr re = acb_realref(root->z);

	if (arb_is_zero(re))
		return arb_is_negative(acb_imagref(root->z));
	return arf_sgn(arb_midref(re)) < 0;
}

static acb_ptr put_zeros(acb_ptr out, slong n)
{
	while (n-- > 0)
		acb_zero(out++);
	return out;
}

void roots_get(acb_ptr out, const struct roots *r, slong prec)
{
	bool zeros = false;

	for (slong i = 0; i < r->count; i++) {
		const struct root *root = &r->root[i];
		if (!zeros && !is_left_of_zero(root)) {
			out = put_zeros(out, r->zeros);
			zeros = true;
		}
		for (slong k = 0; k < root->multiplicity; k++, out++) {
			if (root->rational)
				acb_set_fmpq(out, root->q, prec);
			else
				acb_set(out, root->z);
		}
	}
	if (!zeros)
		put_zeros(out, r->zeros);
}

/* ---- coefficients that are balls ---- */

bool roots_enclosed(acb_ptr out, const acb_poly_t p, bool real, acb_srcptr before, slong prec)
{
	slong n = acb_poly_degree(p);
	struct root *root;

	if (n < 0 || acb_contains_zero(p->coeffs + n) || acb_poly_find_roots(out, p, NULL, 0, prec) < n)
		return false;
	if (real)
		recognise_conjugates(out, n);
	if (before) {
		match_order(out, before, n);
		return true;
	}
	root = root_array(n);
	for (slong i = 0; i < n; i++)
		acb_swap(root[i].z, out + i);
	sort_roots(root, n);
	for (slong i = 0; i < n; i++)
		acb_swap(root[i].z, out + i);
	root_array_free(root, n);
	return true;
}
