/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One big call, shared: cut into parts that this worker's own compute children and those of its peers take one after
 * the other, gathered into the result that it has alone, too.
 *
 *   PLANNING --a plan--> SPREADING --all units done--> GATHERING --> answered
 *      \--a result: it does not split--> answered          \--what a part cannot do--> WHOLE --> answered
 *
 * Work is a pile of units. Whoever is free takes the next ones: an equal share of half of what is left, but no more
 * than about PART_MS of work, so that nobody waits long for the last one and no worker is kept from its own jobs. What
 * a peer does not finish (busy, gone, killed) goes back to the pile. Once the pile is empty, whoever is free computes a
 * part that is overdue once more, and the first result counts. The place of the call in this worker's children is kept
 * from the first part to the last, so it never waits for peers: with none, or none free, it computes all parts itself.
 *
 * The loop's thread. Callbacks as those of the pool: exactly once, never within scatter_run(). */
#ifndef SQUARE_SCATTER_H
#define SQUARE_SCATTER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "compute/pool.h"
#include "peer_set.h"

#define SCATTER_LEAST_NS 100e6 /* of a call's weight, below which it is not even planned */
#define SCATTER_PART_MS 400    /* of work in a part */
#define SCATTER_PARTS_MAX 4096

struct scatter;
struct scatter_job;

struct scatter_options {
	struct pool *pool;          /* borrowed, with the right to pool_on_held() */
	struct peer_set *peers;     /* borrowed, with the right to peer_set_on_room() */
	bool (*is_idle)(void *arg); /* whether this worker has nothing else to do for further children */
	void *arg;
};
/* NULL when memory ran out. */
struct scatter *scatter_new(uv_loop_t *loop, const struct scatter_options *options);
/* All jobs must have been answered or abandoned. The memory goes when the loop has closed their handles. */
void scatter_free(struct scatter *s);

/* Takes a call for which pool_room() is not 0. 0 with *job; ERR_NOT_FOUND: it is not one to be shared, or there is
 * nobody to share it with; ERR_NOMEM; nothing happened then. */
int scatter_run(struct scatter *s, struct op_call *call, uint32_t timeout_ms, const struct pool_caller *caller,
		struct scatter_job **job);
/* Stops it everywhere. The callback does not run. */
void scatter_abandon(struct scatter_job *job);

struct scatter_stats {
	uint64_t planned, shared, whole; /* jobs: looked at; cut into parts; computed whole after that */
	uint64_t own_parts;              /* computed here */
	uint64_t replanned, repeated;    /* parts that went back to the pile; that were computed once more */
};
const struct scatter_stats *scatter_stats(const struct scatter *s);

#endif
