/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which shard of its queue a submission goes to. One with an idempotency key belongs to the shard of its key, one whose
 * result may be shared with others to the shard of its question, so that those that ask the same meet; any other goes
 * round the shards that can take it now. What Redis has refused (a shard on the move to another node, a link just lost)
 * was not accepted, and is given again: elsewhere, or where it belongs when that is settled; as long as its request has
 * time. A shard that is full is passed over, too: the queue is full when all are. The reactor's thread. */
#ifndef SQUARE_SPREAD_H
#define SQUARE_SPREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "queue.h"
#include "tags.h"

struct reactor;
struct spread {            /* of one submission; zeroed at first */
	uint64_t until_us; /* clock_mono_us(): no try after that; set by the first */
	uint64_t tried;    /* shards that have refused it, a bit each */
	bool bound;        /* there is only one shard for it */
	bool pauses;       /* before the next try: all that could take it have refused */
};

/* job: its hashes are set. The shard for it; NULL: none is known. */
struct tag *spread_pick(const struct reactor *r, struct tag_queue *q, const struct queue_submit *job, struct spread *s);
/* A submission to this shard ended with status (0: Redis gave this verdict): whether it is worth another try, in time.
 */
bool spread_again(const struct reactor *r, struct spread *s, const struct tag *tag, int status,
		  enum queue_verdict verdict);
/* How long to wait before that try; 0: not at all. */
uint64_t spread_pause_us(const struct spread *s);

#endif
