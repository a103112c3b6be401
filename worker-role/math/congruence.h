/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Equations modulo an integer: square roots, discrete logarithms, systems of congruences. On GMP's and PARI's
 * arithmetic; moduli are factored. Only in compute children. */
#ifndef SQUARE_CONGRUENCE_H
#define SQUARE_CONGRUENCE_H

#include <flint/fmpz.h>

#include "op_failure.h"

#define CONGRUENCE_ROOTS_MAX 100000

/* All x in [0, m) with x^2 = a (mod m), ascending, in a new vector (NULL if *count is 0). 0, or -1 with *f. */
int congruence_sqrt(fmpz **roots, slong *count, const fmpz_t a, const fmpz_t m, struct op_failure *f);
/* The least x >= 0 with g^x = a (mod m). 1: found, 0: there is none, -1 with *f. */
int congruence_log(fmpz_t x, const fmpz_t a, const fmpz_t g, const fmpz_t m, struct op_failure *f);
/* (x, m) becomes the solution of x = a (mod m), x = b (mod n), 0 <= x < lcm(m, n). False: there is none. */
bool congruence_join(fmpz_t x, fmpz_t m, const fmpz_t b, const fmpz_t n);
/* The order of a modulo m, a unit; 0, or -1 with *f. */
int congruence_order(fmpz_t out, const fmpz_t a, const fmpz_t m, struct op_failure *f);

#endif
