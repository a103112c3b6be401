/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The figures of queues, collected from Redis: one call for each shard of a queue, and the registry for the workers
 * that serve them. Always what is now, so that who changed something sees it; those who ask for all of them at once
 * share one collection. One per reactor, on its thread. */
#ifndef SQUARE_FIGURES_H
#define SQUARE_FIGURES_H

#include <stddef.h>

#include "buf.h"
#include "config.h"
#include "queue.h"
#include "rlinks.h"
#include "tags.h"

struct figures;

struct figures_queue {
	char name[KEYS_QUEUE_MAX + 1];
	struct queue_figures now;        /* of all its shards that answered, summed; paused: any of them is */
	unsigned shards, shards_missing; /* registered; and of these, without an answer */
	bool unreadable;                 /* a shard's keys are not what they should be */
	unsigned workers;                /* live and ready instances that serve it */
	unsigned slots;                  /* of these, together */
	unsigned desired_workers;
};
struct figures_list {
	size_t n;
	const struct figures_queue *queues; /* sorted by name */
};

/* links, tags and config: borrowed. NULL when memory ran out. */
struct figures *figures_new(struct rlinks *links, struct tags *tags, const struct config *config);
void figures_free(struct figures *f); /* after its links; before its tags */

/* list: borrowed for the call; NULL unless status is 0. */
typedef void figures_cb(void *arg, int status, const struct figures_list *list);
/* All queues: those registered, and those of the setting Queues. 0: cb will run, from a later turn of the loop. */
int figures_all(struct figures *f, figures_cb *cb, void *arg);
/* One queue. */
int figures_one(struct figures *f, const struct tag_queue *queue, figures_cb *cb, void *arg);

/* Appends one queue, a JSON object. */
void figures_json(struct buf *out, const struct figures_queue *q);
/* Appends `{"queues":[…]}`, without a newline. */
void figures_list_json(struct buf *out, const struct figures_list *list);

#endif
