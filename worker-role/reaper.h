/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reaper's tick, about once a second in every worker and for each queue it serves (of several queues, the quiet
 * ones every five seconds, which is well within a lease): batches whose lease ran out go
 * back, due and expired jobs are moved on, and this instance's own former life is cleaned up at once (its process is
 * dead, or we would not be running under its name). All decisions are made in Redis (lua/reap.lua); any number of
 * reapers may tick at the same time. */
#ifndef SQUARE_REAPER_H
#define SQUARE_REAPER_H

#include <uv.h>

#include "claimer.h"
#include "rlink.h"

struct reaper;
/* All borrowed for the reaper's life. NULL when memory ran out. */
struct reaper *reaper_new(uv_loop_t *loop, struct rlink *link, struct claimer *claimer, const char *instance,
			  const char *boot, const char *const *tags, size_t tag_count);
void reaper_tick(struct reaper *r);  /* now: after the link came up */
void reaper_close(struct reaper *r); /* closes the handle; the memory goes when the loop has closed it */

#endif
