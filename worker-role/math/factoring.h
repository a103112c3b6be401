/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Factoring and primality on PARI, and the arithmetic functions that factors give. Factors are proven prime up to
 * FACTORING_PROOF_DIGITS; longer ones have passed the Baillie-PSW test, to which no composite is known that passes it.
 * Only in compute children. */
#ifndef SQUARE_FACTORING_H
#define SQUARE_FACTORING_H

#include <flint/fmpz.h>
#include <flint/fmpz_factor.h>
#include <stdbool.h>

#include "op_failure.h"

#define FACTORING_DIGITS_MAX 1000 /* of what is tried; whether it succeeds is a question of time */
#define FACTORING_PROOF_DIGITS 150
#define FACTORING_DIVISORS_MAX 100000

/* The factors of |n|, n not 0, ascending; out->sign is n's. 0, or -1 with *f. */
int factoring_factor(const fmpz_t n, fmpz_factor_t out, struct op_failure *f);
/* A proof: by ECPP or APRCL beyond 64 bits. 0, or -1 with *f. */
int factoring_is_prime(const fmpz_t n, bool *out, struct op_failure *f);

void factoring_totient(fmpz_t out, const fmpz_factor_t n);
double factoring_divisor_count(const fmpz_factor_t n);
/* All positive divisors, ascending, in a new vector of factoring_divisor_count() (which must be small enough). */
fmpz *factoring_divisors(const fmpz_factor_t n);
/* The order of a modulo m, where totient = phi(m) has the factors of phi. a is a unit modulo m. */
void factoring_order(fmpz_t out, const fmpz_t a, const fmpz_t m, const fmpz_t totient, const fmpz_factor_t phi);

#endif
