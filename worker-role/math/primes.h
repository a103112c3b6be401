/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Primes in number and in order, on GMP alone. "Prime" means Baillie-PSW with one further Miller-Rabin round: proven
 * below 2^64, and without known exception beyond. Any thread. */
#ifndef SQUARE_PRIMES_H
#define SQUARE_PRIMES_H

#include <gmp.h>
#include <stdbool.h>
#include <stdint.h>

#define PRIMES_COUNT_MAX 10000000000000 /* 10^13 */
#define PRIMES_NTH_MAX 346065536839     /* pi(10^13), OEIS A006880 */

bool primes_is(const mpz_t n);
/* The nearest prime above n (up) or below it; 0 when there is none below. */
void primes_next(mpz_t n, bool up);
/* How many there are up to x <= PRIMES_COUNT_MAX; -1 when memory runs out. */
int64_t primes_count(int64_t x);
/* The n-th, 1 <= n <= PRIMES_NTH_MAX; -1 when memory runs out. */
int64_t primes_nth(int64_t n);

/* Calls each(prime, arg) for the primes of [from, to] in ascending order until it returns false; to - from below 2^32.
 * Sieves, and then tests what is left where the sieve does not reach the square root. 0, or -1: out of memory. */
typedef bool primes_each(const mpz_t prime, void *arg);
int primes_between(const mpz_t from, const mpz_t to, primes_each *each, void *arg);

#endif
