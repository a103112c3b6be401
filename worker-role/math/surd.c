/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/surd.h"

#include <flint/ulong_extras.h>
#include <stdlib.h>

#include "must.h"

#define RADICAND_MAX ((slong)1 << 40) /* small enough to be factored at once, and products stay in a word */

void surd_init(struct surd *x)
{
	x->count = x->room = 0;
	x->terms = NULL;
}

void surd_clear(struct surd *x)
{
	for (slong i = 0; i < x->room; i++)
		fmpq_clear(x->terms[i].coefficient);
	free(x->terms);
	surd_init(x);
}

void surd_swap(struct surd *x, struct surd *y)
{
	struct surd other = *x;

	*x = *y;
	*y = other;
}

/* A new last term with coefficient 0. */
static struct surd_term *append(struct surd *x, slong radicand)
{
	if (x->count == x->room) {
		x->terms = must_realloc(x->terms, (size_t)x->room + 4, sizeof *x->terms);
		for (slong i = x->room; i < x->room + 4; i++)
			fmpq_init(x->terms[i].coefficient);
		x->room += 4;
	}
	struct surd_term *t = &x->terms[x->count++];
	t->radicand = radicand;
	fmpq_zero(t->coefficient);
	return t;
}

void surd_set(struct surd *out, const struct surd *x)
{
	if (out == x)
		return;
	out->count = 0;
	for (slong i = 0; i < x->count; i++)
		fmpq_set(append(out, x->terms[i].radicand)->coefficient, x->terms[i].coefficient);
}

void surd_set_fmpq(struct surd *out, const fmpq_t q)
{
	out->count = 0;
	if (!fmpq_is_zero(q))
		fmpq_set(append(out, 1)->coefficient, q);
}

void surd_i(struct surd *out)
{
	out->count = 0;
	fmpq_one(append(out, -1)->coefficient);
}

/* n = square^2 * rest with rest squarefree; n below RADICAND_MAX^2, or it is not tried. */
static bool split_square(fmpz_t square, slong *rest, const fmpz_t n)
{
	n_factor_t factors;
	ulong free_part = 1;

	if (fmpz_is_square(n)) {
		fmpz_sqrt(square, n);
		*rest = 1;
		return true;
	}
	if (fmpz_bits(n) > 62)
		return false;
	fmpz_one(square);
	n_factor_init(&factors);
	n_factor(&factors, fmpz_get_ui(n), 1);
	for (int i = 0; i < factors.num; i++) {
		for (int k = 0; k < factors.exp[i] / 2; k++)
			fmpz_mul_ui(square, square, factors.p[i]);
		if (factors.exp[i] % 2)
			free_part *= factors.p[i];
	}
	*rest = (slong)free_part;
	return free_part < (ulong)RADICAND_MAX;
}

/* sqrt(a/b) = sqrt(a*b)/b; a and b are split apart, they have no common factor. */
bool surd_sqrt(struct surd *out, const fmpq_t q)
{
	fmpz_t top, root_top, root_bottom;
	slong rest_top, rest_bottom = 1;
	bool done;

	out->count = 0;
	if (fmpq_is_zero(q))
		return true;
	fmpz_init(top);
	fmpz_init(root_top);
	fmpz_init(root_bottom);
	fmpz_abs(top, fmpq_numref(q));
	done = split_square(root_top, &rest_top, top) && split_square(root_bottom, &rest_bottom, fmpq_denref(q)) &&
	       (rest_top == 1 || rest_bottom < RADICAND_MAX / rest_top);
	if (done) {
		struct surd_term *t = append(out, rest_top * rest_bottom * (fmpq_sgn(q) < 0 ? -1 : 1));
		fmpz_mul_si(root_bottom, root_bottom, rest_bottom);
		fmpq_set_fmpz_frac(t->coefficient, root_top, root_bottom);
	}
	fmpz_clear(top);
	fmpz_clear(root_top);
	fmpz_clear(root_bottom);
	return done;
}

/* ---- what it is ---- */

bool surd_is_zero(const struct surd *x)
{
	return x->count == 0;
}

bool surd_is_real(const struct surd *x)
{
	return x->count == 0 || x->terms[0].radicand > 0;
}

bool surd_get_fmpq(fmpq_t out, const struct surd *x)
{
	if (x->count == 0)
		fmpq_zero(out);
	else if (x->count == 1 && x->terms[0].radicand == 1)
		fmpq_set(out, x->terms[0].coefficient);
	else
		return false;
	return true;
}

bool surd_get_gauss(fmpq_t re, fmpq_t im, const struct surd *x)
{
	for (slong i = 0; i < x->count; i++)
		if (x->terms[i].radicand != 1 && x->terms[i].radicand != -1)
			return false;
	fmpq_zero(re);
	fmpq_zero(im);
	for (slong i = 0; i < x->count; i++)
		fmpq_set(x->terms[i].radicand == 1 ? re : im, x->terms[i].coefficient);
	return true;
}

void surd_get_acb(acb_t out, const struct surd *x, slong prec)
{
	arb_t term, root;

	arb_init(term);
	arb_init(root);
	acb_zero(out);
	for (slong i = 0; i < x->count; i++) {
		slong r = x->terms[i].radicand;
		arb_ptr part = r > 0 ? acb_realref(out) : acb_imagref(out);
		arb_set_fmpq(term, x->terms[i].coefficient, prec + 10);
		if (r != 1 && r != -1) {
			arb_sqrt_ui(root, (ulong)(r < 0 ? -r : r), prec + 10);
			arb_mul(term, term, root, prec + 10);
		}
		arb_add(part, part, term, i + 1 == x->count ? prec : prec + 10);
	}
	arb_clear(term);
	arb_clear(root);
}

int surd_sign(const struct surd *x)
{
	acb_t z;
	int sign = 0;

	if (x->count == 0)
		return 0;
	if (x->count == 1)
		return fmpq_sgn(x->terms[0].coefficient);
	acb_init(z);
	for (slong prec = 64; sign == 0; prec *= 2) { /* ends: it is not zero */
		surd_get_acb(z, x, prec);
		if (!arb_contains_zero(acb_realref(z)))
			sign = arf_sgn(arb_midref(acb_realref(z)));
	}
	acb_clear(z);
	return sign;
}

void surd_floor(fmpz_t out, const struct surd *x)
{
	acb_t z;
	fmpq_t q;
	bool found = false;

	fmpq_init(q);
	acb_init(z);
	if (surd_get_fmpq(q, x)) {
		fmpz_fdiv_q(out, fmpq_numref(q), fmpq_denref(q));
		found = true;
	}
	for (slong prec = 64; !found; prec *= 2) { /* ends: an irrational number is no integer */
		surd_get_acb(z, x, prec);
		arb_floor(acb_realref(z), acb_realref(z), prec);
		found = arb_get_unique_fmpz(out, acb_realref(z)) != 0;
	}
	acb_clear(z);
	fmpq_clear(q);
}

/* ---- arithmetic ---- */

static bool fits(const struct surd *x)
{
	if (x->count > SURD_TERMS_MAX)
		return false;
	if (x->count == 1 && x->terms[0].radicand == 1)
		return true;
	for (slong i = 0; i < x->count; i++)
		if (fmpq_height_bits(x->terms[i].coefficient) > SURD_BITS_MAX)
			return false;
	return true;
}

bool surd_add(struct surd *out, const struct surd *x, const struct surd *y)
{
	struct surd sum;
	slong i = 0, j = 0;

	surd_init(&sum);
	while (i < x->count || j < y->count) {
		bool left = j == y->count || (i < x->count && x->terms[i].radicand <= y->terms[j].radicand);
		bool right = i == x->count || (j < y->count && y->terms[j].radicand <= x->terms[i].radicand);
		struct surd_term *t = append(&sum, left ? x->terms[i].radicand : y->terms[j].radicand);
		if (left && right)
			fmpq_add(t->coefficient, x->terms[i].coefficient, y->terms[j].coefficient);
		else
			fmpq_set(t->coefficient, left ? x->terms[i].coefficient : y->terms[j].coefficient);
		i += left;
		j += right;
		if (fmpq_is_zero(t->coefficient))
			sum.count--;
	}
	surd_swap(out, &sum);
	surd_clear(&sum);
	return fits(out);
}

void surd_neg(struct surd *out, const struct surd *x)
{
	surd_set(out, x);
	for (slong i = 0; i < out->count; i++)
		fmpq_neg(out->terms[i].coefficient, out->terms[i].coefficient);
}

void surd_conj(struct surd *out, const struct surd *x)
{
	surd_set(out, x);
	for (slong i = 0; i < out->count; i++)
		if (out->terms[i].radicand < 0)
			fmpq_neg(out->terms[i].coefficient, out->terms[i].coefficient);
}

void surd_parts(struct surd *re, struct surd *im, const struct surd *x)
{
	re->count = im->count = 0;
	for (slong i = 0; i < x->count; i++)
		if (x->terms[i].radicand > 0)
			fmpq_set(append(re, x->terms[i].radicand)->coefficient, x->terms[i].coefficient);
	for (slong i = x->count - 1; i >= 0; i--) /* so that |radicand| ascends */
		if (x->terms[i].radicand < 0)
			fmpq_set(append(im, -x->terms[i].radicand)->coefficient, x->terms[i].coefficient);
}

/* sqrt(a)*sqrt(b) = *factor * sqrt(*radicand), the square roots being principal ones. */
static bool multiply_roots(slong a, slong b, slong *factor, slong *radicand)
{
	slong g = (slong)n_gcd((ulong)labs(a), (ulong)labs(b));
	slong p = labs(a) / g, q = labs(b) / g;

	if (p > RADICAND_MAX / q)
		return false;
	*factor = a < 0 && b < 0 ? -g : g;
	*radicand = (a < 0) != (b < 0) ? -p * q : p * q;
	return true;
}

bool surd_mul(struct surd *out, const struct surd *x, const struct surd *y)
{
	struct surd sum, one;
	bool fit = true;

	surd_init(&sum);
	surd_init(&one);
	for (slong i = 0; i < x->count && fit; i++)
		for (slong j = 0; j < y->count && fit; j++) {
			slong factor, radicand;
			fit = multiply_roots(x->terms[i].radicand, y->terms[j].radicand, &factor, &radicand);
			if (!fit)
				break;
			one.count = 0;
			struct surd_term *t = append(&one, radicand);
			fmpq_mul(t->coefficient, x->terms[i].coefficient, y->terms[j].coefficient);
			fmpq_mul_si(t->coefficient, t->coefficient, factor);
			fit = surd_add(&sum, &sum, &one);
		}
	surd_swap(out, &sum);
	surd_clear(&sum);
	surd_clear(&one);
	return fit;
}

/* A prime (or -1) whose square root occurs in x; 0 when x is rational. */
static slong occurring_prime(const struct surd *x)
{
	for (slong i = 0; i < x->count; i++) {
		n_factor_t factors;
		if (x->terms[i].radicand < 0)
			return -1;
		if (x->terms[i].radicand == 1)
			continue;
		n_factor_init(&factors);
		n_factor(&factors, (ulong)x->terms[i].radicand, 1);
		return (slong)factors.p[0];
	}
	return 0;
}

/* 1/x, by conjugates: with x = a + b*sqrt(p), x' = a - b*sqrt(p), the product x*x' is free of sqrt(p). */
bool surd_inv(struct surd *out, const struct surd *x)
{
	struct surd conjugate, norm, top;
	slong p;
	bool fit = true;

	surd_init(&conjugate);
	surd_init(&norm);
	surd_init(&top);
	surd_set(&norm, x);
	fmpq_one(append(&top, 1)->coefficient);
	while (fit && (p = occurring_prime(&norm)) != 0) {
		surd_set(&conjugate, &norm);
		for (slong i = 0; i < conjugate.count; i++) {
			slong r = conjugate.terms[i].radicand;
			if (p == -1 ? r < 0 : r % p == 0)
				fmpq_neg(conjugate.terms[i].coefficient, conjugate.terms[i].coefficient);
		}
		fit = surd_mul(&norm, &norm, &conjugate) && surd_mul(&top, &top, &conjugate);
	}
	if (fit) {
		for (slong i = 0; i < top.count; i++)
			fmpq_div(top.terms[i].coefficient, top.terms[i].coefficient, norm.terms[0].coefficient);
		surd_swap(out, &top);
		fit = fits(out);
	}
	surd_clear(&conjugate);
	surd_clear(&norm);
	surd_clear(&top);
	return fit;
}

bool surd_pow(struct surd *out, const struct surd *x, slong n)
{
	struct surd base, power;
	ulong left = n < 0 ? -(ulong)n : (ulong)n;
	bool fit = true;

	surd_init(&base);
	surd_init(&power);
	surd_set(&base, x);
	fmpq_one(append(&power, 1)->coefficient);
	if (n < 0)
		fit = surd_inv(&base, x);
	for (; left && fit; left >>= 1) {
		if (left & 1)
			fit = surd_mul(&power, &power, &base);
		if (left > 1 && fit)
			fit = surd_mul(&base, &base, &base);
	}
	surd_swap(out, &power);
	surd_clear(&base);
	surd_clear(&power);
	return fit;
}
