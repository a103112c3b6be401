/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Brings jobs from the shards of its queues to the executor and their outcomes back: decides when to claim and how
 * many, waits for work without polling, keeps the leases alive, and ends in an orderly way. The jobs in hand are
 * batch.h's.
 *
 * How many: as many as there are free slots at first; twice as many each time a claim held only short jobs, up to
 * ClaimMax; back to the free slots when long ones came, and to the free compute children while the queues hold more
 * heavy jobs than this worker can compute; then short jobs are fetched from behind the heavy ones ten times a second.
 * While only short ones come, the claim itself counts them as started, which saves a call. Without a free slot nothing
 * is claimed. While a claim says that more is waiting, the next one is on its way while this one is computed.
 *
 * Fairness: a round of claims asks each shard that is not known to be dry, as far as there is room, and the next one
 * begins behind the shard that was asked last; a shard has one claim on its way at a time. So a full one takes its
 * turn, and no more.
 *
 * Waiting: a dry shard's wake-up markers are waited for by a blocking pop (popper.h). Where one pop is for several
 * shards, it is sent when all of them are dry; until then the dry ones are looked at ten times a second, by one call
 * for all of them. A marker is a hint: should one be lost, the reaper's tick looks again within a second. */
#ifndef SQUARE_CLAIMER_H
#define SQUARE_CLAIMER_H

#include <uv.h>

#include "executor.h"
#include "queue.h"
#include "rlinks.h"

struct claimer;
struct claimer_options {
	struct rslots *slots;        /* for the links that wait */
	const char *instance, *boot; /* the first two parts of a batch id */
	unsigned claim_max;
	struct tally *tally; /* counts what becomes of jobs; NULL: nobody does */
};
/* links: for the calls, owned by the caller, who reports what becomes of them by the three functions below. All
 * borrowed. NULL with *info filled. */
struct claimer *claimer_new(uv_loop_t *loop, struct rlinks *links, struct executor *executor,
			    const struct claimer_options *options, struct errinfo *info);
/* One more shard, with the next number from 0 on. tag: borrowed. 0, or ERR_NOMEM: the claimer is of no use. */
int claimer_add(struct claimer *c, const char *tag);
void claimer_link_state(struct claimer *c, struct rlink *link, bool up);
void claimer_moved(struct claimer *c); /* shards may have other links than before */
/* News about a shard, from the reaper or a change of its own: jobs may be waiting; next_due_us - now_us from now one
 * more will be (0: none known). */
void claimer_look(struct claimer *c, size_t shard);
void claimer_due(struct claimer *c, size_t shard, uint64_t now_us, uint64_t next_due_us);

/* Nothing more is claimed while held; what is in hand goes on. */
void claimer_hold(struct claimer *c, bool held);
/* Claims no more, gives back what has not started, and calls on_empty once nothing is in hand any more. After
 * deadline_ms what still runs is given back too, without charging an attempt. */
void claimer_drain(struct claimer *c, unsigned deadline_ms, void (*on_empty)(void *arg), void *arg);
/* Closes the handles, before the links are freed. After the loop has run empty, claimer_destroy frees the memory. */
void claimer_close(struct claimer *c);
void claimer_destroy(struct claimer *c);

/* Nothing that it knows of waits for a free child: what could be claimed is claimed. */
bool claimer_idle(const struct claimer *c);
unsigned claimer_running(const struct claimer *c); /* jobs in hand */
const struct batch_stats *claimer_stats(const struct claimer *c);

#endif
