/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/summation.h"

#include "math/alternating.h"
#include "math/progress.h"
#include "math/summation_parts.h"

#define PRODUCT_HEAD 64 /* factors multiplied plainly before the logarithms are summed */

/* ---- finite, exactly ---- */

int summation_term_exact(const struct summation *s, slong k, fmpq_t out, struct op_failure *f)
{
	fmpq_t x;
	int rc;

	fmpq_init(x);
	fmpq_set_si(x, k, 1);
	rc = univariate_rational(&s->term, x, out, f);
	fmpq_clear(x);
	return rc;
}

/* By halves, so that numbers of like size meet. */
static int part_exact(const struct summation *s, slong first, slong last, fmpq_t out, struct op_failure *f)
{
	slong middle = first + (last - first) / 2;
	fmpq_t right;
	int rc;

	if (first == last)
		return summation_term_exact(s, first, out, f);
	fmpq_init(right);
	rc = part_exact(s, first, middle, out, f) == 0 ? part_exact(s, middle + 1, last, right, f) : -1;
	if (rc == 0 && s->product)
		fmpq_mul(out, out, right);
	else if (rc == 0)
		fmpq_add(out, out, right);
	if (fmpz_bits(fmpq_numref(out)) + fmpz_bits(fmpq_denref(out)) > SUMMATION_BITS_MAX)
		rc = op_fail_limit(f, 1e6, (double)fmpz_bits(fmpq_numref(out)) * 0.301, "digits", "the result");
	fmpq_clear(right);
	return rc;
}

/* Sum of p(k) over 0 <= k < n, as a polynomial in n (Faulhaber), for any p. */
static void summatory(fmpq_poly_t out, const fmpq_poly_t p)
{
	fmpq_poly_t bernoulli;
	fmpq_t c;
	fmpz_t denominator;

	fmpz_init(denominator);
	fmpq_poly_init(bernoulli);
	fmpq_init(c);
	fmpq_poly_zero(out);
	for (slong m = 0; m < fmpq_poly_length(p); m++) { /* (B_(m+1)(n) - B_(m+1)(0))/(m+1) */
		fmpq_poly_get_coeff_fmpq(c, p, m);
		if (fmpq_is_zero(c))
			continue;
		fmpz_set_si(denominator, m + 1);
		summation_bernoulli_poly(bernoulli, (ulong)m + 1);
		fmpq_poly_set_coeff_si(bernoulli, 0, 0);
		fmpq_div_fmpz(c, c, denominator);
		fmpq_poly_scalar_mul_fmpq(bernoulli, bernoulli, c);
		fmpq_poly_add(out, out, bernoulli);
	}
	fmpz_clear(denominator);
	fmpq_poly_clear(bernoulli);
	fmpq_clear(c);
}

bool summation_closed(const struct summation *s, fmpq_t out)
{
	struct op_failure f;
	fmpq_poly_t p, sums;
	fmpq_t x, below;
	bool done;

	fmpq_poly_init(p);
	fmpq_poly_init(sums);
	fmpq_init(x);
	fmpq_init(below);
	done = !s->product && !s->infinite && expr_polynomial(s->term.e, s->term.name, p, &f) == 0 &&
	       fmpq_poly_degree(p) <= 200;
	if (done) {
		summatory(sums, p);
		fmpq_set_si(x, s->first, 1);
		fmpq_poly_evaluate_fmpq(below, sums, x);
		fmpq_set_si(x, s->last, 1);
		fmpq_add_si(x, x, 1);
		fmpq_poly_evaluate_fmpq(out, sums, x);
		fmpq_sub(out, out, below);
	}
	fmpq_poly_clear(p);
	fmpq_poly_clear(sums);
	fmpq_clear(x);
	fmpq_clear(below);
	return done;
}

int summation_exact(const struct summation *s, fmpq_t out, struct op_failure *f)
{
	if (summation_closed(s, out))
		return 0;
	if (s->last - s->first >= SUMMATION_EXACT_MAX) {
		op_fail(f, OP_DOMAIN_ERROR, "%s", ""); /* not told whether it is rational: as a ball, then */
		return -1;
	}
	return part_exact(s, s->first, s->last, out, f);
}

/* ---- finite, as a ball ---- */

int summation_term(const struct summation *s, slong k, slong prec, arb_t out, struct op_failure *f)
{
	arb_t x;
	int rc = 0;

	arb_init(x);
	arb_set_si(x, k);
	if (!univariate_real(&s->term, x, prec, out, f)) {
		fmpq_t q; /* functions of integers alone have no enclosures */
		struct op_failure own;
		fmpq_init(q);
		rc = summation_term_exact(s, k, q, &own);
		if (rc == 0)
			arb_set_fmpq(out, q, prec);
		fmpq_clear(q);
	} else if (!arb_is_finite(out) && prec > 8192)
		rc = op_fail(f, OP_DOMAIN_ERROR, "the term at %ld has no real value", (long)k);
	arb_clear(x);
	return rc;
}

/* Terms first to last, onto out. */
int summation_head(const struct summation *s, slong first, slong last, slong prec, arb_t out, struct op_failure *f)
{
	arb_t term;
	int rc = 0;

	if (last - first >= SUMMATION_TERMS_MAX)
		return op_fail_limit(f, SUMMATION_TERMS_MAX, (double)last - (double)first + 1, "terms", "the range");
	arb_init(term);
	for (slong k = first; k <= last && rc == 0; k++) {
		rc = summation_term(s, k, prec, term, f);
		if (s->product)
			arb_mul(out, out, term, prec);
		else
			arb_add(out, out, term, prec);
		if (k % 4096 == 0)
			progress_report((double)(k - first) / (double)(last - first + 1), "adding terms");
	}
	arb_clear(term);
	return rc;
}

/* ---- infinite products by logarithms ---- */

static int product_by_logarithms(const struct summation *s, slong prec, arb_t out, struct op_failure *f)
{
	struct expr *logarithm = expr_new_call("log", expr_copy(s->term.e), NULL);
	struct summation sum = { .term = { logarithm, s->term.name },
				 .first = s->first + PRODUCT_HEAD,
				 .infinite = true };
	arb_t tail;
	int rc;

	arb_init(tail);
	arb_one(out);
	rc = summation_head(s, s->first, s->first + PRODUCT_HEAD - 1, prec + 32, out, f);
	if (rc == 0)
		rc = summation_smooth(&sum, prec, tail, f);
	arb_exp(tail, tail, prec + 32);
	arb_mul(out, out, tail, prec + 32);
	arb_clear(tail);
	expr_free(logarithm);
	return rc;
}

int summation_ball(const struct summation *s, slong prec, arb_t out, struct op_failure *f)
{
	struct hyper h;
	int rc;

	if (!s->infinite) {
		arb_set_si(out, s->product);
		return summation_head(s, s->first, s->last, prec + 32, out, f);
	}
	bool regular = hyper_init(&h, s->term.e, s->term.name);
	if (s->product && regular && h.plain && !h.alternating && h.scales == 0)
		rc = summation_rational_product(s, &h.rational, prec, out, f);
	else if (s->product)
		rc = product_by_logarithms(s, prec, out, f);
	else if (regular && h.plain)
		rc = summation_rational(s, &h, prec, out, f);
	else if (regular)
		rc = summation_hypergeometric(s, &h, prec, out, f);
	else
		rc = summation_smooth(s, prec, out, f);
	hyper_clear(&h);
	return rc;
}
