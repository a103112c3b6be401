/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/two_squares.h"

#include <flint/fmpz_vec.h>
#include <stdbool.h>
#include <stdlib.h>

#include "math/engines.h"
#include "math/pari_convert.h"

/* n = 2^k * prod p^e (p = 1 mod 4) * prod q^f (q = 3 mod 4) has r2(n) = 4 prod (e+1) if all f are even, else none; up
 * to units and conjugation the Gaussian integers of norm n are (1+i)^k * prod q^(f/2) * prod pi^j conj(pi)^(e-j). */

struct split {
	const fmpz *p;
	fmpz_t a, b;
};

static int split_body(void *arg, struct op_failure *f)
{
	struct split *s = arg;
	GEN a, b;

	if (!cornacchia(gen_1, pari_convert_from_fmpz(s->p), &a, &b))
		return op_fail(f, OP_INTERNAL_ERROR, "a prime is not the sum of two squares");
	pari_convert_to_fmpz(s->a, a);
	pari_convert_to_fmpz(s->b, b);
	return 0;
}

/* out = x (a + b i); out is another pair. */
static void gauss_mul(fmpz *out, const fmpz *x, const fmpz_t a, const fmpz_t b)
{
	fmpz_mul(out, x, a);
	fmpz_submul(out, x + 1, b);
	fmpz_mul(out + 1, x, b);
	fmpz_addmul(out + 1, x + 1, a);
}

/* Each x becomes x pi^j conj(pi)^(e-j) for j = 0 ... e. */
static void spread_prime(struct two_squares *s, const fmpz_t a, const fmpz_t b, ulong e)
{
	slong each = (slong)e + 1;
	struct two_squares out = { _fmpz_vec_init(2 * s->count * each), s->count * each };
	fmpz *power = _fmpz_vec_init(4);
	fmpz_t minus;

	fmpz_init(minus);
	fmpz_neg(minus, b);
	for (slong j = 0; j < each; j++) {
		fmpz_one(power);
		fmpz_zero(power + 1);
		for (ulong k = 0; k < e; k++) {
			gauss_mul(power + 2, power, a, k < (ulong)j ? b : minus);
			fmpz_swap(power, power + 2);
			fmpz_swap(power + 1, power + 3);
		}
		for (slong i = 0; i < s->count; i++)
			gauss_mul(out.v + 2 * (i * each + j), s->v + 2 * i, power, power + 1);
	}
	fmpz_clear(minus);
	_fmpz_vec_clear(power, 4);
	_fmpz_vec_clear(s->v, 2 * s->count);
	*s = out;
}

/* Multiplies what there is by the part of n that has no choice. False: n is no sum of two squares. */
static bool scale_squares(struct two_squares *s, const fmpz_factor_t n)
{
	fmpz_t t, one;
	fmpz pair[2] = { 0, 0 };
	bool solvable = true;

	fmpz_init(t);
	fmpz_init_set_ui(one, 1);
	for (slong i = 0; i < n->num && solvable; i++) {
		ulong e = n->exp[i];
		if (fmpz_cmp_ui(n->p + i, 2) == 0 && e % 2) {
			gauss_mul(pair, s->v, one, one);
			fmpz_swap(s->v, pair);
			fmpz_swap(s->v + 1, pair + 1);
		}
		if (fmpz_fdiv_ui(n->p + i, 4) == 1)
			continue;
		solvable = fmpz_cmp_ui(n->p + i, 2) == 0 || e % 2 == 0;
		fmpz_pow_ui(t, n->p + i, e / 2); /* (1+i)^2 is 2 times a unit */
		_fmpz_vec_scalar_mul_fmpz(s->v, s->v, 2, t);
	}
	fmpz_clear(pair);
	fmpz_clear(pair + 1);
	fmpz_clear(one);
	fmpz_clear(t);
	return solvable;
}

static int compare_pairs(const void *a, const void *b)
{
	return fmpz_cmp(a, b);
}

/* 0 <= a <= b, ascending by a, each once. */
static void settle(struct two_squares *s)
{
	slong kept = 0;

	for (slong i = 0; i < s->count; i++) {
		fmpz *p = s->v + 2 * i;
		fmpz_abs(p, p);
		fmpz_abs(p + 1, p + 1);
		if (fmpz_cmp(p, p + 1) > 0)
			fmpz_swap(p, p + 1);
	}
	qsort(s->v, (size_t)s->count, 2 * sizeof *s->v, compare_pairs);
	for (slong i = 0; i < s->count; i++)
		if (kept == 0 || !fmpz_equal(s->v + 2 * i, s->v + 2 * (kept - 1))) {
			fmpz_swap(s->v + 2 * kept, s->v + 2 * i);
			fmpz_swap(s->v + 2 * kept + 1, s->v + 2 * i + 1);
			kept++;
		}
	for (slong i = 2 * kept; i < 2 * s->count; i++)
		fmpz_clear(s->v + i);
	s->count = kept; /* and the block stays longer than it need be */
}

void two_squares_fini(struct two_squares *s)
{
	if (s->v)
		_fmpz_vec_clear(s->v, 2 * s->count);
	s->v = NULL;
	s->count = 0;
}

int two_squares_list(struct two_squares *s, const fmpz_factor_t n, double *count, struct op_failure *f)
{
	struct split split;
	int rc = 0;

	*count = 1;
	for (slong i = 0; i < n->num; i++)
		if (fmpz_fdiv_ui(n->p + i, 4) == 1)
			*count *= (double)n->exp[i] + 1;
	s->v = _fmpz_vec_init(2);
	s->count = 1;
	fmpz_one(s->v);
	if (!scale_squares(s, n)) {
		*count = 0;
		two_squares_fini(s);
		return 0;
	}
	if (*count > TWO_SQUARES_MAX) {
		two_squares_fini(s);
		return op_fail_limit(f, TWO_SQUARES_MAX, *count, "representations",
				     "there are too many representations");
	}
	fmpz_init(split.a);
	fmpz_init(split.b);
	for (slong i = 0; i < n->num && rc == 0; i++) {
		split.p = n->p + i;
		if (fmpz_fdiv_ui(split.p, 4) != 1)
			continue;
		rc = engines_pari(split_body, &split, f);
		if (rc == 0)
			spread_prime(s, split.a, split.b, n->exp[i]);
	}
	fmpz_clear(split.b);
	fmpz_clear(split.a);
	if (rc == 0)
		settle(s);
	else
		two_squares_fini(s);
	return rc;
}
