/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often somebody may ask: the generic cell rate algorithm (ITU-T I.371) for each token, or without tokens for each
 * client address. One table for the process, shared by its reactors without a lock.
 *
 * A key has a place in one of 16,384 sets of four slots, with 12 bits of its hash to know it by. Two keys share one
 * rate when both have the same set and the same 12 bits (1 in 67 million pairs), or when the four slots of a set belong
 * to others who have asked lately; each of them then gets less than its rate. The hash is seeded at random, so nobody
 * can choose whom to share with. Any thread. */
#ifndef SQUARE_LIMIT_H
#define SQUARE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct limit;
/* per_second: the rate that may be kept up (1..1,000,000). burst: requests at once before it counts (from 1). seed: of
 * the hash. now_us: the clock of limit_take() at this moment. NULL when memory runs out. */
struct limit *limit_new(unsigned per_second, unsigned burst, uint64_t seed, uint64_t now_us);
void limit_free(struct limit *l);

uint64_t limit_key(const struct limit *l, const char *name, size_t n);
/* Takes one request of the key at now_us (a monotonic clock). 0: it may go on; else in how many seconds, rounded up,
 * the next one may. */
unsigned limit_take(struct limit *l, uint64_t key, uint64_t now_us);

#endif
