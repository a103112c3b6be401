/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/alternating.h"

slong alternating_terms(slong prec)
{
	return (prec * 2 / 5 + 12) * 8 / 7 + 1; /* each of 7/8 of them gives log2(3 + sqrt 8) = 2.54 bits */
}

/* Algorithm 1: sum of (-1)^k a_k, the terms being (-1)^k a_k already. */
static void accelerate(arb_t out, arb_srcptr terms, slong n, slong wp)
{
	arb_t d, b, c, t;

	arb_init(d);
	arb_init(b);
	arb_init(c);
	arb_init(t);
	arb_sqrt_ui(d, 8, wp);
	arb_add_ui(d, d, 3, wp);
	arb_pow_ui(d, d, (ulong)n, wp);
	arb_inv(t, d, wp);
	arb_add(d, d, t, wp);
	arb_mul_2exp_si(d, d, -1);
	arb_set_si(b, -1);
	arb_neg(c, d);
	arb_zero(out);
	for (slong k = 0; k < n; k++) {
		arb_sub(c, b, c, wp);
		/* c belongs to a_k = (-1)^k terms[k] */
		if (k % 2 == 0)
			arb_addmul(out, c, terms + k, wp);
		else
			arb_submul(out, c, terms + k, wp);
		arb_mul_si(b, b, (k + n) * (k - n) * 2, wp);
		arb_div_si(b, b, (2 * k + 1) * (k + 1), wp);
	}
	arb_div(out, out, d, wp);
	arb_clear(d);
	arb_clear(b);
	arb_clear(c);
	arb_clear(t);
}

bool alternating_sum(arb_t out, arb_srcptr terms, slong n, slong prec, slong wp)
{
	slong head = n / 8;
	arb_t other;
	mag_t difference, scale;

	arb_init(other);
	mag_init(difference);
	mag_init(scale);
	wp += 3 * n; /* the weights grow to (3 + sqrt 8)^n */
	accelerate(out, terms, n, wp);
	accelerate(other, terms + head, n - head, wp);
	for (slong k = 0; k < head; k++)
		arb_add(other, other, terms + k, wp);
	arb_sub(other, other, out, wp);
	arb_get_mag(difference, other);
	arb_get_mag_lower(scale, out);
	if (mag_cmp_2exp_si(scale, 0) < 0)
		mag_one(scale);
	mag_mul_2exp_si(scale, scale, -prec);
	bool agreed = arb_is_finite(out) && mag_cmp(difference, scale) <= 0;
	arb_add_error_mag(out, difference);
	arb_clear(other);
	mag_clear(difference);
	mag_clear(scale);
	return agreed;
}
