/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Points in time to come back to, the earliest first: an intrusive binary heap, so that thousands of parked requests
 * need one timer of the loop. Knows no clock. One thread. */
#ifndef SQUARE_DEADLINES_H
#define SQUARE_DEADLINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deadline { /* lives in its owner; zero it before first use */
	uint64_t at_us;
	size_t place; /* index in the heap + 1; 0: not set */
	void *owner;
};

struct deadlines {
	struct deadline **heap;
	size_t n, cap;
};

void deadlines_init(struct deadlines *d);
void deadlines_fini(struct deadlines *d);
/* Sets or moves a deadline. 0 or ERR_NOMEM (then it is not set). */
int deadlines_set(struct deadlines *d, struct deadline *which, uint64_t at_us, void *owner);
void deadlines_clear(struct deadlines *d, struct deadline *which);
uint64_t deadlines_next(const struct deadlines *d); /* UINT64_MAX when there is none */
/* Takes the earliest one that is due out and returns its owner; NULL when none is. */
void *deadlines_due(struct deadlines *d, uint64_t now_us);

#endif
