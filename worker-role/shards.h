/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which shards this worker serves: those that the settings Queues and Shards name, and every other shard of these
 * queues that is registered, for there may be jobs in it: web roles with a larger Shards may be there already, or were
 * there before. The registry is looked at when its link comes up, when instances come or go, and every ten seconds; it
 * only grows, and so does the set. It lives on one node: while that is away, what is known is served. All calls on the
 * loop's thread. */
#ifndef SQUARE_SHARDS_H
#define SQUARE_SHARDS_H

#include <stddef.h>
#include <uv.h>

#include "rlinks.h"

#define SHARDS_MAX 4096 /* of all queues, as many as can be registered */

struct shards;
struct shards_options {
	const char *const *queues; /* names; borrowed */
	size_t queue_count;
	unsigned each; /* shards of each queue that are there in any case: 1..64 */
	/* A shard, with the next number from 0 on: for the first ones from within shards_new(), when the set is not
	 * returned yet. tag stands until shards_destroy(). */
	void (*on_added)(void *arg, size_t shard, const char *tag);
	void *arg;
};
/* links: borrowed until shards_close(). NULL when memory ran out. */
struct shards *shards_new(uv_loop_t *loop, struct rlinks *links, const struct shards_options *options);
void shards_look(struct shards *s); /* at the registry, now */
size_t shards_count(const struct shards *s);
void shards_close(struct shards *s);   /* closes the timer; NULL does nothing, here and below */
void shards_destroy(struct shards *s); /* frees, after the loop has run empty */

#endif
