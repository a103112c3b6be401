/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/real.h"

#include <string.h>

#include "must.h"

#define FIRST_GUARD_BITS 24

void real_init(struct real *x)
{
	x->exact = true;
	x->special = NULL;
	fmpq_init(x->q);
	arb_init(x->b);
}

void real_clear(struct real *x)
{
	fmpq_clear(x->q);
	arb_clear(x->b);
}

struct real *real_array(size_t n)
{
	struct real *v = must_calloc(n, sizeof *v);

	for (size_t i = 0; i < n; i++)
		real_init(&v[i]);
	return v;
}

void real_array_free(struct real *v, size_t n)
{
	if (!v)
		return;
	for (size_t i = 0; i < n; i++)
		real_clear(&v[i]);
	free(v);
}

void real_set(struct real *out, const struct real *a)
{
	if (out == a)
		return;
	out->special = a->special;
	out->exact = a->exact;
	if (a->exact)
		fmpq_set(out->q, a->q);
	else
		arb_set(out->b, a->b);
}

void real_set_fmpq(struct real *out, const fmpq_t q)
{
	out->special = NULL;
	out->exact = true;
	fmpq_set(out->q, q);
}

void real_set_si(struct real *out, slong v)
{
	out->special = NULL;
	out->exact = true;
	fmpq_set_si(out->q, v, 1);
}

void real_set_ratio(struct real *out, const fmpz_t top, const fmpz_t bottom)
{
	out->special = NULL;
	out->exact = true;
	fmpq_set_fmpz_frac(out->q, top, bottom);
}

void real_set_arb(struct real *out, const arb_t b)
{
	out->special = NULL;
	out->exact = false;
	arb_set(out->b, b);
}

void real_get_arb(arb_t out, const struct real *a, slong prec)
{
	if (a->exact)
		arb_set_fmpq(out, a->q, prec);
	else
		arb_set(out, a->b);
}

/* ---- arithmetic ---- */

typedef void exact_op(fmpq_t out, const fmpq_t a, const fmpq_t b);
typedef void ball_op(arb_t out, const arb_t a, const arb_t b, slong prec);

static void combine(struct real *out, const struct real *a, const struct real *b, slong prec, exact_op *exact,
		    ball_op *ball)
{
	arb_t x, y;

	out->special = NULL;
	if (a->exact && b->exact) {
		exact(out->q, a->q, b->q);
		out->exact = true;
		return;
	}
	arb_init(x);
	arb_init(y);
	real_get_arb(x, a, prec);
	real_get_arb(y, b, prec);
	ball(out->b, x, y, prec);
	out->exact = false;
	arb_clear(x);
	arb_clear(y);
}

void real_add(struct real *out, const struct real *a, const struct real *b, slong prec)
{
	combine(out, a, b, prec, fmpq_add, arb_add);
}

void real_sub(struct real *out, const struct real *a, const struct real *b, slong prec)
{
	combine(out, a, b, prec, fmpq_sub, arb_sub);
}

void real_mul(struct real *out, const struct real *a, const struct real *b, slong prec)
{
	combine(out, a, b, prec, fmpq_mul, arb_mul);
}

void real_div(struct real *out, const struct real *a, const struct real *b, slong prec)
{
	combine(out, a, b, prec, fmpq_div, arb_div);
}

void real_div_si(struct real *out, const struct real *a, slong b, slong prec)
{
	struct real divisor;

	real_init(&divisor);
	real_set_si(&divisor, b);
	real_div(out, a, &divisor, prec);
	real_clear(&divisor);
}

void real_pow(struct real *out, const struct real *a, ulong n, slong prec)
{
	out->special = NULL;
	out->exact = a->exact;
	if (a->exact)
		fmpq_pow_si(out->q, a->q, (slong)n);
	else
		arb_pow_ui(out->b, a->b, n, prec);
}

void real_root(struct real *out, const struct real *a, ulong n, slong prec)
{
	out->special = NULL;
	if (a->exact) {
		fmpq_t r;
		fmpq_init(r);
		/* Both parts of a fraction in lowest terms are perfect powers, or the root is irrational. */
		bool rational = fmpz_root(fmpq_numref(r), fmpq_numref(a->q), (slong)n) != 0 &&
				fmpz_root(fmpq_denref(r), fmpq_denref(a->q), (slong)n) != 0;
		out->exact = rational;
		if (rational)
			fmpq_set(out->q, r);
		else {
			arb_set_fmpq(out->b, a->q, prec);
			arb_root_ui(out->b, out->b, n, prec);
		}
		fmpq_clear(r);
		return;
	}
	out->exact = false;
	if (n == 2) {
		arb_sqrtpos(out->b, a->b, prec);
	} else {
		arb_nonnegative_part(out->b, a->b);
		arb_root_ui(out->b, out->b, n, prec);
	}
}

void real_abs(struct real *out, const struct real *a)
{
	out->special = NULL;
	out->exact = a->exact;
	if (a->exact)
		fmpq_abs(out->q, a->q);
	else
		arb_abs(out->b, a->b);
}

int real_cmp(const struct real *a, const struct real *b, slong prec)
{
	struct real d;
	int sign;

	if (a->exact && b->exact) {
		int cmp = fmpq_cmp(a->q, b->q);
		return cmp < 0 ? -1 : cmp > 0;
	}
	real_init(&d);
	real_sub(&d, a, b, prec);
	sign = real_sign(&d);
	real_clear(&d);
	return sign;
}

int real_sign(const struct real *a)
{
	if (a->exact)
		return fmpq_sgn(a->q);
	if (arb_is_positive(a->b))
		return 1;
	if (arb_is_negative(a->b))
		return -1;
	return arb_is_zero(a->b) ? 0 : 2;
}

bool real_is_zero(const struct real *a)
{
	return !a->special && real_sign(a) == 0;
}

/* ---- results ---- */

static bool too_long(const fmpq_t q)
{
	return fmpz_sizeinbase(fmpq_numref(q), 10) > REAL_RATIONAL_DIGITS ||
	       fmpz_sizeinbase(fmpq_denref(q), 10) > REAL_RATIONAL_DIGITS;
}

int real_answer_fmpq(struct op_call *c, struct buf *json, enum real_form form, const fmpq_t q, struct op_failure *f)
{
	bool whole = c->exact == 1 || (form == REAL_RATIONAL && c->exact < 0 && c->precision == 0 && !too_long(q)) ||
		     (form == REAL_RATIONAL && c->exact < 0 && fmpz_is_one(fmpq_denref(q)));

	return whole ? answer_fmpq(json, q, f) : answer_rounded(c, json, q, f);
}

static int put_text(struct op_call *c, char **text, enum real_form form, const struct real *x, struct op_failure *f)
{
	struct buf b = BUF_INIT;
	size_t n;

	if (x->special)
		buf_puts(&b, x->special);
	else if (real_answer_fmpq(c, &b, form, x->q, f) < 0) {
		buf_fini(&b);
		return -1;
	}
	free(*text);
	*text = buf_take(&b, &n);
	if (!*text)
		return op_fail(f, OP_INTERNAL_ERROR, "the result does not fit into memory");
	return 0;
}

struct bridge {
	real_fn *fn;
	void *arg;
	struct real *x; /* as they were computed last */
};

static int certify_bridge(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct bridge *b = arg;

	if (b->fn(c, b->x, n, prec, b->arg, f) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		acb_zero(out + i);
		/* What is exact needs no digits: its text is made from the rational. */
		if (!b->x[i].exact && !b->x[i].special)
			arb_set(acb_realref(out + i), b->x[i].b);
	}
	return 0;
}

/* Moves the texts over, so that both kinds are freed alike. */
static int adopt(struct op_call *c, size_t n, struct bridge *b, struct reals *out, struct op_failure *f)
{
	struct certified v;
	struct buf text = BUF_INIT;

	if (certify(c, n, certify_bridge, b, &v, f) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		buf_clear(&text);
		certified_put(&text, &v, i);
		out->text[i] = must_strdup(buf_cstr(&text));
	}
	buf_fini(&text);
	certified_fini(&v);
	return 0;
}

int reals_compute(struct op_call *c, size_t n, enum real_form form, real_fn *fn, void *arg, struct reals *out,
		  struct op_failure *f)
{
	struct bridge b = { fn, arg, real_array(n) };
	bool balls = false;
	int rc;

	out->n = n;
	out->text = must_calloc(n, sizeof *out->text);
	rc = fn(c, b.x, n, certify_bits(c) + FIRST_GUARD_BITS, arg, f);
	for (size_t i = 0; rc == 0 && i < n; i++)
		balls |= !b.x[i].exact && !b.x[i].special;
	if (rc == 0 && balls)
		rc = adopt(c, n, &b, out, f);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (b.x[i].exact || b.x[i].special)
			rc = put_text(c, &out->text[i], form, &b.x[i], f);
	real_array_free(b.x, n);
	if (rc < 0)
		reals_fini(out);
	return rc;
}

void reals_put(struct buf *json, const struct reals *v, size_t i)
{
	buf_puts(json, v->text[i]);
}

void reals_put_vector(struct buf *json, const struct reals *v, size_t first, size_t n)
{
	buf_byte(json, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_byte(json, ',');
		reals_put(json, v, first + i);
	}
	buf_byte(json, ']');
}

void reals_fini(struct reals *v)
{
	for (size_t i = 0; v->text && i < v->n; i++)
		free(v->text[i]);
	free(v->text);
	v->text = NULL;
	v->n = 0;
}

/* A ball where exact:true wants a rational. */
struct rational_only {
	real_fn *fn;
	void *arg;
};

static int refuse_balls(struct op_call *c, struct real *out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct rational_only *r = arg;

	if (r->fn(c, out, n, prec, r->arg, f) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!out[i].exact && !out[i].special)
			return op_fail(
			    f, OP_DOMAIN_ERROR,
			    "expected a rational result, as exact is true, but this one is irrational (or too long "
			    "to compute as a fraction)");
	return 0;
}

int real_answer(struct op_call *c, struct buf *json, enum real_form form, real_fn *fn, void *arg, struct op_failure *f)
{
	struct rational_only only = { fn, arg };
	struct reals v;

	if (c->exact == 1) {
		fn = refuse_balls;
		arg = &only;
	}
	if (reals_compute(c, 1, form, fn, arg, &v, f) < 0)
		return -1;
	reals_put(json, &v, 0);
	reals_fini(&v);
	return 0;
}
