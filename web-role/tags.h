/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The queues one reactor knows, by name, each with its shards, whose tags are also known by the index that job ids
 * carry. An unknown name is registered in Redis, an unknown index looked up there. Entries stay for the life of the
 * table, so that what is known goes on while the registry's node is away. */
#ifndef SQUARE_TAGS_H
#define SQUARE_TAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "gate.h"
#include "keys.h"
#include "queue.h"
#include "rlinks.h"

struct tag { /* a shard of a queue */
	char queue[KEYS_QUEUE_MAX + 1];
	char text[KEYS_TAG_SIZE]; /* "{jq:math:0}" */
	unsigned shard, index;
	bool listed; /* free for the reply reader: its list of this tag is being read */
	/* of the table */
	bool known;
	struct tag_queue *of;
};

struct tag_queue {
	char name[KEYS_QUEUE_MAX + 1];
	struct tag *shards[QUEUE_SHARDS_MAX]; /* for tags_shard() */
	unsigned n;                           /* the last one that is known, and one */
	unsigned keyed; /* shards that idempotency keys are spread over; 0: this reactor has not registered it yet */
	unsigned turn;  /* free for who spreads submissions */
	/* of the table */
	struct tags *owner;
	unsigned pending; /* registrations on their way */
	int status;       /* the first thing that went wrong with them */
	struct gate gate;
	struct tag_queue *next;
};

struct tags;
/* links: borrowed. shards: that each queue is to have, 1..QUEUE_SHARDS_MAX. NULL when memory ran out. */
struct tags *tags_new(struct rlinks *links, unsigned shards);
void tags_free(struct tags *t); /* after its links */
unsigned tags_shards(const struct tags *t);

/* A queue of which any shard is known; NULL: none is. */
struct tag_queue *tags_find(const struct tags *t, const char *queue);
/* One that this reactor has registered, so that jobs can be submitted to it; else NULL. */
struct tag_queue *tags_registered(const struct tags *t, const char *queue);
/* A shard of a queue; NULL: it is not known, or nobody has registered it. */
static inline struct tag *tags_shard(const struct tag_queue *q, unsigned shard)
{
	return shard < q->n && q->shards[shard] && q->shards[shard]->known ? q->shards[shard] : NULL;
}
/* The first of them; NULL: none is known. */
static inline struct tag *tags_first(const struct tag_queue *q)
{
	unsigned i = 0;
	while (i < q->n && !tags_shard(q, i))
		i++;
	return tags_shard(q, i);
}
/* Registers a queue's shards; cb then runs with 0 (tags_registered has it: with all of them, or as many as there was
 * room for), ERR_FULL when Redis has no room for another queue, or what the link says. 0, or an error, and cb will not
 * run. */
int tags_register(struct tags *t, const char *queue, struct gate_entry *e, gate_cb *cb, void *arg);
/* NULL when the index is not known. */
struct tag *tags_at(const struct tags *t, unsigned index);
/* Looks for shards that others registered by now; cb then runs. 0, or an error, and cb will not run. */
int tags_refresh(struct tags *t, struct gate_entry *e, gate_cb *cb, void *arg);
/* The registry's link is up (again): what is known is registered again, should this Redis have forgotten it. */
void tags_confirm(struct tags *t);

#endif
