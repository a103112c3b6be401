/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The number of primes up to x by the method of Lagarias, Miller and Odlyzko ("Computing pi(x): the Meissel-Lehmer
 * method", 1985): a sieve of [1, x/y), y a little above the cube root of x, over which the special leaves of the tree
 * of phi(x, a) and the values of pi that P2 needs are counted. What one stretch of the sieve gives depends on the ones
 * before it by sums alone, so stretches can be sieved apart, in any order, and added up. Any thread. */
#ifndef SQUARE_PRIMES_LEAVES_H
#define SQUARE_PRIMES_LEAVES_H

#include <stddef.h>
#include <stdint.h>

#define PRIMES_LEAVES_LEAST 100000000000 /* of x: below, other methods are as fast */
#define PRIMES_LEAVES_MAX 10000000000000

/* x, and what follows from it. */
struct primes_leaves {
	int64_t x, y, z;    /* z: the sieve's end, x/y */
	int64_t root;       /* of x */
	uint32_t stretches; /* that the sieve is cut into, of `width` each */
	int64_t width;
	size_t count;              /* of primes */
	uint32_t *primes;          /* [1..count]: 2, 3, 5, … up to y */
	uint32_t *least;           /* [n]: the least prime factor of n <= y, or n itself */
	int8_t *mu;                /* [n]: the Moebius function of n <= y */
	uint16_t *pi;              /* [n]: how many primes there are up to 2n + 1 */
	size_t easy_from, easy_to; /* indices of the primes that have easy leaves, by a table: [from, to) */
};
/* x: from PRIMES_LEAVES_LEAST to PRIMES_LEAVES_MAX. The numbers alone, which takes no time; nothing is to be freed. */
void primes_leaves_shape(struct primes_leaves *l, int64_t x);
/* With the tables. 0, or -1: out of memory. */
int primes_leaves_init(struct primes_leaves *l, int64_t x);
void primes_leaves_fini(struct primes_leaves *l);

/* What stretches [from, to) give. */
struct primes_leaves_sum {
	int64_t leaves;   /* signed phi of the special leaves there, counted from the beginning of the first stretch */
	int64_t p2;       /* the same for the pi of P2 */
	int64_t p2_terms; /* how many they are */
	int64_t primes;   /* in the stretches */
	size_t n;         /* of both: for the n-th prime from the sixth on */
	int64_t *signs, *left; /* [k]: sum of the leaves' signs; numbers that the primes before leave over */
};
/* 0, or -1: out of memory. *out is to be freed by primes_leaves_sum_fini() after success. */
int primes_leaves_count(const struct primes_leaves *l, uint32_t from, uint32_t to, struct primes_leaves_sum *out);
void primes_leaves_sum_fini(struct primes_leaves_sum *s);

/* Adding up: zero a struct, add what all stretches give in their order, then ask. */
struct primes_leaves_total {
	int64_t leaves, p2, p2_terms, primes;
	int64_t *left;
};
/* 0, or -1: out of memory, or sums that cannot be those of the next stretches. */
int primes_leaves_add(const struct primes_leaves *l, struct primes_leaves_total *t, const struct primes_leaves_sum *s);
int64_t primes_leaves_result(const struct primes_leaves *l, const struct primes_leaves_total *t);
void primes_leaves_total_fini(struct primes_leaves_total *t);

#endif
