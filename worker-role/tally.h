/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a worker counts: jobs by operation and outcome, how long they waited and ran, and what its parts are doing. The
 * worker has no HTTP port: its presence carries the text to Redis, from where a web role serves it. One thread, the
 * loop's. */
#ifndef SQUARE_TALLY_H
#define SQUARE_TALLY_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "buf.h"
#include "rlinks.h"

struct claimer;
struct executor;
struct op;
struct peers;
struct pool;
struct tally;
struct tcp_server;

/* How an attempt ended, as Redis acknowledged it. */
enum tally_outcome {
	TALLY_SUCCEEDED,
	TALLY_FAILED,
	TALLY_CANCELLED,
	TALLY_RETRIED, /* failed, and will be tried again */
	TALLY_DEAD,    /* failed for the last time */
	TALLY_FENCED,  /* came too late: the job is somebody else's */
	TALLY_OUTCOMES
};

/* Call it right after uv_loop_init(). Aborts when memory runs out, as registering metrics does. */
struct tally *tally_new(uv_loop_t *loop);
/* One more shard, with the next number from 0 on: it counts for its queue. */
void tally_add(struct tally *t, const char *tag);
void tally_free(struct tally *t); /* NULL does nothing, here and below */

struct metrics_value *tally_redis_seconds(const struct tally *t); /* for rlink_options.seconds */

void tally_claimed(struct tally *t, size_t shard, size_t jobs);
void tally_started(struct tally *t, size_t shard, uint64_t waited_us); /* since it could have run */
/* op: NULL when it is none of ours. run_us is not counted for what was fenced. */
void tally_finished(struct tally *t, const struct op *op, enum tally_outcome outcome, uint64_t run_us);
void tally_turn(struct tally *t, struct rlinks *links); /* once a turn of the loop */

/* Where the figures are read from that others keep; NULL for what is not there. */
struct tally_sources {
	const struct claimer *claimer;
	const struct executor *executor;
	const struct pool *pool;
	const struct tcp_server *tcp;
	const struct peers *peers;
};
/* Appends everything as Prometheus text. Looks at /proc: not for each turn. */
void tally_render(struct tally *t, const struct tally_sources *from, struct buf *out);

#endif
