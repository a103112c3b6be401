/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/factoring.h"

#include <flint/fmpz_vec.h>
#include <stdlib.h>

#include "math/engines.h"
#include "math/pari_convert.h"

struct work {
	const fmpz *n;
	fmpz_factor_struct *factors;
	fmpz_t p; /* here, because PARI may leave by a jump */
	bool prime;
};

/* Up to here the quadratic sieve alone takes no longer than the curves that would be tried before it (measured at 60
 * digits: 4.2 s, and 5.3 s with them). */
#define SIEVE_DIGITS 62
#define WITHOUT_CURVES 2 /* factorint(): no elliptic curves before the sieve */

static int factor_body(void *arg, struct op_failure *f)
{
	struct work *w = arg;
	long how = fmpz_sizeinbase(w->n, 10) <= SIEVE_DIGITS ? WITHOUT_CURVES : 0;
	GEN matrix = factorint(pari_convert_from_fmpz(w->n), how), primes = gel(matrix, 1), powers = gel(matrix, 2);
	int rc = 0;

	for (long i = 1; i < lg(primes) && rc == 0; i++) {
		if (signe(gel(primes, i)) < 0)
			continue;
		pari_convert_to_fmpz(w->p, gel(primes, i));
		_fmpz_factor_append(w->factors, w->p, itou(gel(powers, i)));
		if (fmpz_sizeinbase(w->p, 2) > 64 && fmpz_sizeinbase(w->p, 10) <= FACTORING_PROOF_DIGITS &&
		    !isprime(gel(primes, i)))
			rc = op_fail(f, OP_INTERNAL_ERROR, "a factor turned out to be composite");
	}
	return rc;
}

int factoring_factor(const fmpz_t n, fmpz_factor_t out, struct op_failure *f)
{
	struct work w = { .n = n, .factors = out };
	double digits = (double)fmpz_sizeinbase(n, 10);

	if (fmpz_is_zero(n))
		return op_fail(f, OP_DOMAIN_ERROR, "expected an integer other than 0: 0 has no factorization");
	out->sign = fmpz_sgn(n);
	if (fmpz_is_pm1(n))
		return 0;
	if (digits > FACTORING_DIGITS_MAX + 1)
		return op_fail_limit(f, FACTORING_DIGITS_MAX, digits, "digits", "the integer to factor is too long");
	fmpz_init(w.p);
	int rc = engines_pari(factor_body, &w, f);
	fmpz_clear(w.p);
	return rc;
}

static int prime_body(void *arg, struct op_failure *f)
{
	struct work *w = arg;

	(void)f;
	w->prime = isprime(pari_convert_from_fmpz(w->n)) != 0;
	return 0;
}

int factoring_is_prime(const fmpz_t n, bool *out, struct op_failure *f)
{
	struct work w = { .n = n };

	*out = false;
	if (fmpz_cmp_ui(n, 2) < 0)
		return 0;
	if (engines_pari(prime_body, &w, f) != 0)
		return -1;
	*out = w.prime;
	return 0;
}

/* ---- functions of the factors ---- */

void factoring_totient(fmpz_t out, const fmpz_factor_t n)
{
	fmpz_t t;

	fmpz_init(t);
	fmpz_one(out);
	for (slong i = 0; i < n->num; i++) {
		fmpz_pow_ui(t, n->p + i, n->exp[i] - 1);
		fmpz_mul(out, out, t);
		fmpz_sub_ui(t, n->p + i, 1);
		fmpz_mul(out, out, t);
	}
	fmpz_clear(t);
}

double factoring_divisor_count(const fmpz_factor_t n)
{
	double count = 1;

	for (slong i = 0; i < n->num; i++)
		count *= (double)n->exp[i] + 1;
	return count;
}

static int compare(const void *a, const void *b)
{
	return fmpz_cmp(a, b);
}

fmpz *factoring_divisors(const fmpz_factor_t n)
{
	slong count = (slong)factoring_divisor_count(n), have = 1;
	fmpz *out = _fmpz_vec_init(count);

	fmpz_one(out);
	for (slong i = 0; i < n->num; i++) {
		slong before = have;
		for (ulong e = 0; e < n->exp[i]; e++)
			for (slong k = 0; k < before; k++, have++)
				fmpz_mul(out + have, out + have - before, n->p + i);
	}
	/* An fmpz may be moved bytewise, so they can be sorted as they are. */
	qsort(out, (size_t)count, sizeof *out, compare);
	return out;
}

void factoring_order(fmpz_t out, const fmpz_t a, const fmpz_t m, const fmpz_t totient, const fmpz_factor_t phi)
{
	fmpz_t less, power;

	fmpz_init(less);
	fmpz_init(power);
	fmpz_set(out, totient);
	for (slong i = 0; i < phi->num; i++) {
		for (ulong e = 0; e < phi->exp[i]; e++) {
			fmpz_divexact(less, out, phi->p + i);
			fmpz_powm(power, a, less, m);
			fmpz_sub_ui(power, power, 1);
			if (!fmpz_divisible(power, m))
				break;
			fmpz_set(out, less);
		}
	}
	fmpz_clear(power);
	fmpz_clear(less);
}
