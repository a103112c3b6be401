/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/signal.h"

#include <flint/fmpq_vec.h>
#include <flint/fmpz_vec.h>
#include <flint/ulong_extras.h>
#include <jansson.h>

#include "exact_json.h"
#include "math/arg.h"

/* ---- reading ---- */

/* A part of {"re","im"} that is an integer or a literal. */
static bool read_part(const json_t *v, fmpq_t out)
{
	struct number x;
	size_t n;
	const char *s = exact_json_literal(v, &n);

	if (json_is_integer(v)) {
		fmpq_set_si(out, json_integer_value(v), 1);
		return true;
	}
	if (!s)
		s = exact_json_string(v, &n);
	if (!s || number_scan(s, n, &x) != 0)
		return false;
	number_load(&x);
	fmpq_set_mpq(out, x.q);
	number_fini(&x);
	return true;
}

/* 1: exact; 0: no rational value known; -1: refused. */
static int read_element(struct signal *s, slong k, fmpq_t re, fmpq_t im, struct op_failure *f)
{
	const json_t *v = json_array_get(op_call_value(s->call, s->argument)->any, (size_t)k);
	acb_t z;
	int rc;

	fmpq_zero(im);
	if (json_is_object(v) ? read_part(json_object_get(v, "re"), re) && read_part(json_object_get(v, "im"), im)
			      : read_part(v, re))
		return 1;
	acb_init(z);
	rc = arg_acb_at(s->call, s->argument, (size_t)k, 0, z, 256, f) == 0 ? 0 : -1;
	if (rc == 0 && acb_is_exact(z)) {
		arf_get_fmpq(re, arb_midref(acb_realref(z)));
		arf_get_fmpq(im, arb_midref(acb_imagref(z)));
		rc = 1;
	} else if (rc == 0 && !json_is_object(v) && arg_fmpq_at(s->call, s->argument, (size_t)k, 0, re, f) == 0) {
		rc = 1; /* "1/3 + 1/7" */
	}
	acb_clear(z);
	return rc;
}

/* parts[0..2n): re and im in turn. */
static void put_over_one_denominator(struct signal *s, const fmpq *parts)
{
	fmpz *v = _fmpz_vec_init(2 * s->n);

	_fmpq_vec_get_fmpz_vec_fmpz(v, s->den, parts, 2 * s->n);
	for (slong k = s->n; k-- > 0;) {
		fmpz_poly_set_coeff_fmpz(s->re, k, v + 2 * k);
		fmpz_poly_set_coeff_fmpz(s->im, k, v + 2 * k + 1);
	}
	_fmpz_vec_clear(v, 2 * s->n);
}

int signal_read(struct signal *s, struct op_call *c, size_t i, slong max, struct op_failure *f)
{
	size_t rows, cols;
	int rc = 1;

	arg_shape(c, i, &rows, &cols);
	*s = (struct signal){ .n = (slong)rows, .call = c, .argument = i };
	fmpz_poly_init(s->re);
	fmpz_poly_init(s->im);
	fmpz_init(s->den);
	if (rows == 0)
		return arg_fail(c, i, f, OP_INVALID_ARGUMENT, "expected at least one number, got an empty array");
	if (s->n > max) {
		op_fail_limit(f, (double)max, (double)rows, "numbers", op_call_parameter(c, i)->name);
		return arg_locate(c, i, f);
	}
	fmpq *parts = _fmpq_vec_init(2 * s->n);
	for (slong k = 0; k < s->n && rc == 1; k++)
		rc = read_element(s, k, parts + 2 * k, parts + 2 * k + 1, f);
	s->exact = rc == 1;
	if (s->exact)
		put_over_one_denominator(s, parts);
	_fmpq_vec_clear(parts, 2 * s->n);
	return rc < 0 ? -1 : 0;
}

void signal_clear(struct signal *s)
{
	fmpz_poly_clear(s->re);
	fmpz_poly_clear(s->im);
	fmpz_clear(s->den);
}

int signal_balls(const struct signal *s, acb_ptr out, slong prec, struct op_failure *f)
{
	fmpz_t v;
	int rc = 0;

	fmpz_init(v);
	for (slong k = 0; k < s->n && rc == 0; k++) {
		if (!s->exact) {
			rc = arg_acb_at(s->call, s->argument, (size_t)k, 0, out + k, prec, f);
			continue;
		}
		fmpz_poly_get_coeff_fmpz(v, s->re, k);
		arb_set_fmpz(acb_realref(out + k), v);
		fmpz_poly_get_coeff_fmpz(v, s->im, k);
		arb_set_fmpz(acb_imagref(out + k), v);
	}
	fmpz_clear(v);
	return rc;
}

/* ---- zeros of the transform ---- */

/* out = p(x) + sign p(1/x) modulo x^n - 1: twice the even (odd) part. */
static void fold_parity(fmpz_poly_t out, const fmpz_poly_t p, slong n, int sign)
{
	fmpz_t a, b;

	fmpz_init(a);
	fmpz_init(b);
	fmpz_poly_zero(out);
	for (slong j = n; j-- > 0;) {
		fmpz_poly_get_coeff_fmpz(a, p, j);
		fmpz_poly_get_coeff_fmpz(b, p, j == 0 ? 0 : n - j);
		if (sign > 0)
			fmpz_add(a, a, b);
		else
			fmpz_sub(a, a, b);
		fmpz_poly_set_coeff_fmpz(out, j, a);
	}
	fmpz_clear(a);
	fmpz_clear(b);
}

/* out = p modulo x^d - 1. */
static void fold_length(fmpz_poly_t out, const fmpz_poly_t p, slong d)
{
	fmpz_poly_t folded;

	fmpz_poly_init2(folded, d);
	_fmpz_vec_zero(folded->coeffs, d);
	for (slong j = 0; j < fmpz_poly_length(p); j++)
		fmpz_add(folded->coeffs + j % d, folded->coeffs + j % d, p->coeffs + j);
	_fmpz_poly_set_length(folded, d);
	_fmpz_poly_normalise(folded);
	fmpz_poly_swap(out, folded);
	fmpz_poly_clear(folded);
}

static bool vanishes(const fmpz_poly_t p, const fmpz_poly_t cyclotomic)
{
	fmpz_poly_t r;

	if (fmpz_poly_is_zero(p))
		return true;
	fmpz_poly_init(r);
	fmpz_poly_rem(r, p, cyclotomic);
	bool zero = fmpz_poly_is_zero(r);
	fmpz_poly_clear(r);
	return zero;
}

/* Whether u + i v is 0 at the primitive d-th roots of unity, where u and i v are real there. */
static enum signal_zero part_zero(const fmpz_poly_t u, const fmpz_poly_t v, slong d, const fmpz_poly_t cyclotomic)
{
	fmpz_poly_t fu, fv;
	enum signal_zero zero = SIGNAL_NONZERO;

	fmpz_poly_init(fu);
	fmpz_poly_init(fv);
	fold_length(fu, u, d);
	fold_length(fv, v, d);
	bool u_zero = vanishes(fu, cyclotomic), v_zero = vanishes(fv, cyclotomic);
	if (u_zero && v_zero) {
		zero = SIGNAL_ZERO;
	} else if (!u_zero && !v_zero) {
		/* (u + i v)(u - i v): one factor belongs to k, the other to n-k */
		fmpz_poly_sqr(fu, fu);
		fmpz_poly_sqr(fv, fv);
		fmpz_poly_add(fu, fu, fv);
		fold_length(fu, fu, d);
		zero = vanishes(fu, cyclotomic) ? SIGNAL_EITHER : SIGNAL_NONZERO;
	}
	fmpz_poly_clear(fu);
	fmpz_poly_clear(fv);
	return zero;
}

void signal_zeros(const struct signal *s, unsigned char *re, unsigned char *im)
{
	fmpz_poly_t re_even, re_odd, im_even, im_odd, cyclotomic;

	fmpz_poly_init(re_even);
	fmpz_poly_init(re_odd);
	fmpz_poly_init(im_even);
	fmpz_poly_init(im_odd);
	fmpz_poly_init(cyclotomic);
	fold_parity(re_even, s->re, s->n, 1);
	fold_parity(re_odd, s->re, s->n, -1);
	fold_parity(im_even, s->im, s->n, 1);
	fold_parity(im_odd, s->im, s->n, -1);
	for (slong d = 1; d <= s->n; d++) {
		if (s->n % d != 0)
			continue;
		fmpz_poly_cyclotomic(cyclotomic, (ulong)d);
		unsigned char re_zero = (unsigned char)part_zero(re_even, im_odd, d, cyclotomic);
		unsigned char im_zero = (unsigned char)part_zero(im_even, re_odd, d, cyclotomic);
		for (slong k = 0; k < s->n; k += s->n / d)
			if (n_gcd((ulong)s->n, (ulong)k) == (ulong)(s->n / d)) {
				re[k] = re_zero;
				im[k] = im_zero;
			}
	}
	fmpz_poly_clear(re_even);
	fmpz_poly_clear(re_odd);
	fmpz_poly_clear(im_even);
	fmpz_poly_clear(im_odd);
	fmpz_poly_clear(cyclotomic);
}
