/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A slot is one word: 12 bits of the key, and 52 bits of its "theoretical arrival time", when it would ask next if it
 * kept to its rate, in sixteenths of a microsecond since the table was made (8.9 years fit). A slot whose time has come
 * is as good as free: its owner has his whole burst again. */
#include "limit.h"

#include <stdatomic.h>
#include <stdlib.h>

#define SETS 16384
#define WAYS 4
#define UNITS UINT64_C(16) /* in a microsecond */
#define TIME_BITS 52
#define TIME_MASK ((UINT64_C(1) << TIME_BITS) - 1)

struct limit {
	uint64_t seed;
	uint64_t begin_us;
	uint64_t interval; /* between two requests at the rate, in units */
	uint64_t depth;    /* how far ahead of now the arrival time may be */
	atomic_uint_fast64_t slots[SETS][WAYS];
};

struct limit *limit_new(unsigned per_second, unsigned burst, uint64_t seed, uint64_t now_us)
{
	struct limit *l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	l->seed = seed;
	l->begin_us = now_us - 1; /* an arrival time of 0 is that of an empty slot */
	l->interval = (UNITS * 1000000 + per_second - 1) / per_second;
	l->depth = l->interval * (burst - 1);
	return l;
}

void limit_free(struct limit *l)
{
	free(l);
}

uint64_t limit_key(const struct limit *l, const char *name, size_t n)
{
	uint64_t h = l->seed ^ UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < n; i++) {
		h = (h ^ (unsigned char)name[i]) * UINT64_C(0x9fb21c651e98df25);
		h ^= h >> 29;
	}
	h = (h ^ l->seed >> 7) * UINT64_C(0xd6e8feb86659fd93);
	return h ^ h >> 32;
}

/* The slot of this mark; else one that is free; else the first, to be shared. *seen: what is in it. */
static atomic_uint_fast64_t *choose(struct limit *l, uint64_t key, uint64_t now, uint64_t *seen)
{
	atomic_uint_fast64_t *set = l->slots[key % SETS], *idle = NULL;
	uint64_t mark = key >> TIME_BITS, idle_seen = 0;
	for (int i = 0; i < WAYS; i++) {
		*seen = atomic_load_explicit(&set[i], memory_order_relaxed);
		if (*seen >> TIME_BITS == mark && *seen & TIME_MASK)
			return &set[i];
		if (!idle && (*seen & TIME_MASK) <= now) {
			idle = &set[i];
			idle_seen = *seen;
		}
	}
	*seen = idle ? idle_seen : atomic_load_explicit(&set[0], memory_order_relaxed);
	return idle ? idle : &set[0];
}

unsigned limit_take(struct limit *l, uint64_t key, uint64_t now_us)
{
	uint64_t now = ((now_us - l->begin_us) * UNITS) & TIME_MASK;
	for (;;) {
		uint64_t seen;
		atomic_uint_fast64_t *slot = choose(l, key, now, &seen);
		uint64_t arrival = seen & TIME_MASK, mark = seen >> TIME_BITS;
		if (arrival <= now) {
			arrival = now;
			mark = key >> TIME_BITS;
		}
		if (arrival - now > l->depth) {
			uint64_t late_us = (arrival - now - l->depth + UNITS - 1) / UNITS;
			return (unsigned)((late_us + 999999) / 1000000);
		}
		uint64_t next = mark << TIME_BITS | ((arrival + l->interval) & TIME_MASK);
		if (atomic_compare_exchange_weak_explicit(slot, &seen, next, memory_order_relaxed,
							  memory_order_relaxed))
			return 0;
	}
}
