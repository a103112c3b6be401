/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/pell.h"

#include <flint/flint.h>
#include <flint/fmpz_mat.h>
#include <math.h>
#include <stdbool.h>

/* The continued fraction of sqrt(n) has a period of L quotients a1 ... aL; the convergent p/q in front of aL gives
 * p^2 - n q^2 = (-1)^L, and the product of the complete quotients is p + q sqrt(n) (Lagrange). */

struct period {
	fmpz *a; /* a0, a1, ... */
	slong count, room;
	double digits; /* of p */
};

static void period_push(struct period *s, const fmpz_t a)
{
	if (s->count == s->room) {
		slong room = s->room ? 2 * s->room : 64;
		s->a = flint_realloc(s->a, (size_t)room * sizeof *s->a);
		for (slong i = s->room; i < room; i++)
			fmpz_init(s->a + i);
		s->room = room;
	}
	fmpz_set(s->a + s->count++, a);
}

/* Fills in a0 ... a(L-1). Each step: m' = d a - m, d' = (n - m'^2)/d, a' = floor((a0 + m')/d'). */
static int find_period(struct period *s, const fmpz_t n, struct op_failure *f)
{
	double root = sqrt(fmpz_get_d(n));
	fmpz_t m, d, a, t;
	int rc = 0;

	fmpz_init(m);
	fmpz_init_set_ui(d, 1);
	fmpz_init(a);
	fmpz_init(t);
	fmpz_sqrt(a, n);
	period_push(s, a);
	for (;;) {
		fmpz_mul(t, d, a);
		fmpz_sub(m, t, m);
		fmpz_mul(t, m, m);
		fmpz_sub(t, n, t);
		fmpz_divexact(d, t, d);
		s->digits += log10((root + fmpz_get_d(m)) / fmpz_get_d(d));
		if (fmpz_is_one(d)) /* the next quotient is 2 a0 */
			break;
		if (s->digits > PELL_DIGITS_MAX) {
			rc = op_fail_limit(f, PELL_DIGITS_MAX, s->digits, "digits",
					   "the least solution is too long (the estimate is a lower bound)");
			break;
		}
		fmpz_add(t, s->a, m);
		fmpz_fdiv_q(a, t, d);
		period_push(s, a);
	}
	fmpz_clear(t);
	fmpz_clear(a);
	fmpz_clear(d);
	fmpz_clear(m);
	return rc;
}

/* The product of the matrices (a 1; 1 0), as a balanced tree. */
static void multiply_quotients(fmpz_mat_t out, const fmpz *a, slong n)
{
	fmpz_mat_t left, right;

	fmpz_mat_one(out);
	if (n <= 32) {
		for (slong i = 0; i < n; i++)
			for (slong row = 0; row < 2; row++) {
				fmpz *p = fmpz_mat_entry(out, row, 0), *q = fmpz_mat_entry(out, row, 1);
				fmpz_addmul(q, p, a + i);
				fmpz_swap(p, q);
			}
		return;
	}
	fmpz_mat_init(left, 2, 2);
	fmpz_mat_init(right, 2, 2);
	multiply_quotients(left, a, n / 2);
	multiply_quotients(right, a + n / 2, n - n / 2);
	fmpz_mat_mul(out, left, right);
	fmpz_mat_clear(right);
	fmpz_mat_clear(left);
}

int pell_solve(fmpz_t x, fmpz_t y, const fmpz_t n, struct op_failure *f)
{
	struct period period = { NULL, 0, 0, 0 };
	fmpz_mat_t m;
	int rc;

	fmpz_mat_init(m, 2, 2);
	rc = find_period(&period, n, f);
	bool odd = period.count % 2 != 0;
	if (rc == 0 && odd && 2 * period.digits > PELL_DIGITS_MAX)
		rc = op_fail_limit(f, PELL_DIGITS_MAX, 2 * period.digits, "digits", "the least solution is too long");
	if (rc == 0) {
		multiply_quotients(m, period.a, period.count);
		fmpz_set(x, fmpz_mat_entry(m, 0, 0));
		fmpz_set(y, fmpz_mat_entry(m, 1, 0));
		if (odd) { /* (p + q sqrt(n))^2, of norm 1; p^2 + n q^2 = 2 p^2 + 1 */
			fmpz_mul(y, y, x);
			fmpz_mul_2exp(y, y, 1);
			fmpz_mul(x, x, x);
			fmpz_mul_2exp(x, x, 1);
			fmpz_add_ui(x, x, 1);
		}
	}
	for (slong i = 0; i < period.room; i++)
		fmpz_clear(period.a + i);
	flint_free(period.a);
	fmpz_mat_clear(m);
	return rc;
}
