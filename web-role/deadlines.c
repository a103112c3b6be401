/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "deadlines.h"

#include <stdlib.h>

#include "err.h"

void deadlines_init(struct deadlines *d)
{
	*d = (struct deadlines){ NULL, 0, 0 };
}

void deadlines_fini(struct deadlines *d)
{
	free(d->heap);
	deadlines_init(d);
}

static void put(struct deadlines *d, size_t i, struct deadline *which)
{
	d->heap[i] = which;
	which->place = i + 1;
}

static size_t sift_up(struct deadlines *d, size_t i, struct deadline *which)
{
	while (i && d->heap[(i - 1) / 2]->at_us > which->at_us) {
		put(d, i, d->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(d, i, which);
	return i;
}

static void sift_down(struct deadlines *d, size_t i, struct deadline *which)
{
	for (;;) {
		size_t child = 2 * i + 1;
		if (child >= d->n)
			break;
		if (child + 1 < d->n && d->heap[child + 1]->at_us < d->heap[child]->at_us)
			child++;
		if (d->heap[child]->at_us >= which->at_us)
			break;
		put(d, i, d->heap[child]);
		i = child;
	}
	put(d, i, which);
}

int deadlines_set(struct deadlines *d, struct deadline *which, uint64_t at_us, void *owner)
{
	which->owner = owner;
	if (which->place) {
		which->at_us = at_us;
		sift_down(d, sift_up(d, which->place - 1, which), which);
		return 0;
	}
	if (d->n == d->cap) {
		size_t cap = d->cap ? d->cap * 2 : 64;
		struct deadline **heap = realloc(d->heap, cap * sizeof(void *));
		if (!heap)
			return ERR_NOMEM;
		d->heap = heap;
		d->cap = cap;
	}
	which->at_us = at_us;
	sift_up(d, d->n++, which);
	return 0;
}

void deadlines_clear(struct deadlines *d, struct deadline *which)
{
	if (!which->place)
		return;
	size_t i = which->place - 1;
	which->place = 0;
	struct deadline *last = d->heap[--d->n];
	if (last != which)
		sift_down(d, sift_up(d, i, last), last);
}

uint64_t deadlines_next(const struct deadlines *d)
{
	return d->n ? d->heap[0]->at_us : UINT64_MAX;
}

void *deadlines_due(struct deadlines *d, uint64_t now_us)
{
	if (!d->n || d->heap[0]->at_us > now_us)
		return NULL;
	struct deadline *which = d->heap[0];
	deadlines_clear(d, which);
	return which->owner;
}
