/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reaper's tick, about once a second in every worker and for each shard it serves: batches whose lease ran out go
 * back, due and expired jobs are moved on, and this instance's own former life is cleaned up at once (its process is
 * dead, or we would not be running under its name). All decisions are made in Redis (lua/reap.lua); any number of
 * reapers may tick at the same time.
 *
 * Of several shards, those in which nothing was alive at their last tick are only looked at, by one call for all that a
 * Redis serves; whatever has come to life since has its tick at once. So a worker that waits for many quiet shards
 * sends about one command a second, and still no lost marker costs a job more than that second. */
#ifndef SQUARE_REAPER_H
#define SQUARE_REAPER_H

#include <uv.h>

#include "claimer.h"
#include "rlinks.h"

struct reaper;
/* All borrowed for the reaper's life. NULL when memory ran out. */
struct reaper *reaper_new(uv_loop_t *loop, struct rlinks *links, struct claimer *claimer, const char *instance,
			  const char *boot);
/* One more shard, with the next number from 0 on, the same as the claimer's. tag: borrowed. 0, or ERR_NOMEM: the reaper
 * is of no use. */
int reaper_add(struct reaper *r, const char *tag);
/* Now: after the link came up, the shards that it serves; NULL: all. */
void reaper_tick(struct reaper *r, struct rlink *link);
void reaper_close(struct reaper *r); /* closes the handle; the memory goes when the loop has closed it */

#endif
