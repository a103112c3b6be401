/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Brings jobs from the queues to the executor and their outcomes back: decides when to claim and how many, waits for
 * work without polling, keeps the leases alive, and ends in an orderly way. The jobs in hand are batch.h's.
 *
 * How many: as many as there are free slots at first; twice as many each time a claim held only short jobs, up to
 * ClaimMax; back to the free slots when long ones came, and to the free compute children while the queues hold more
 * heavy jobs than this worker can compute; then short jobs are fetched from behind the heavy ones ten times a second.
 * While only short ones come, the claim itself counts them as started, which saves a call. Without a free slot nothing
 * is claimed. While a claim says that more is waiting, the next one is on its way while this one is computed.
 *
 * Waiting: when all queues are dry, one blocking pop on their wake-up markers, on a link of its own. A marker is a
 * hint: should one be lost, the reaper's tick looks again within a second. */
#ifndef SQUARE_CLAIMER_H
#define SQUARE_CLAIMER_H

#include <uv.h>

#include "executor.h"
#include "queue.h"

#define CLAIMER_TAGS_MAX 64

struct claimer;
struct claimer_options {
	const char *redis_url;
	const char *instance, *boot; /* the first two parts of a batch id */
	const char *const *tags;     /* the queues' tags, with the names copied */
	size_t tag_count;
	unsigned claim_max;
	struct tally *tally; /* counts what becomes of jobs; NULL: nobody does */
};
/* link: for the calls, owned by the caller, who reports its state by claimer_link_state(). All borrowed but the tags.
 * NULL with *info filled. */
struct claimer *claimer_new(uv_loop_t *loop, struct rlink *link, struct executor *executor,
			    const struct claimer_options *options, struct errinfo *info);
void claimer_link_state(struct claimer *c, bool up);
/* News about a queue, from the reaper or a change of its own: jobs may be waiting; next_due_us - now_us from now one
 * more will be (0: none known). */
void claimer_look(struct claimer *c, size_t tag_index);
void claimer_due(struct claimer *c, size_t tag_index, uint64_t now_us, uint64_t next_due_us);

/* Claims no more, gives back what has not started, and calls on_empty once nothing is in hand any more. After
 * deadline_ms what still runs is given back too, without charging an attempt. */
void claimer_drain(struct claimer *c, unsigned deadline_ms, void (*on_empty)(void *arg), void *arg);
/* Closes the handles. After the loop has run empty, claimer_destroy frees the memory. */
void claimer_close(struct claimer *c);
void claimer_destroy(struct claimer *c);

unsigned claimer_running(const struct claimer *c); /* jobs in hand */
const struct batch_stats *claimer_stats(const struct claimer *c);

#endif
