/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One run of the check of queues, for queue_fsck*.c alone: queue_fsck.c walks through the keyspace and tells what is
 * found, queue_fsck_lists.c walks through the lists and judges the counters. Functions return 0 or an error, with
 * *info filled. One thread. */
#ifndef SQUARE_QUEUE_FSCK_WALK_H
#define SQUARE_QUEUE_FSCK_WALK_H

#include "buf.h"
#include "keys.h"
#include "queue_fsck.h"
#include "textset.h"

#define FSCK_NAMES 128 /* names or ids of one call */

/* Texts, one behind the other, each with its zero. */
struct fsck_texts {
	struct buf bytes;
	size_t n;
};

struct fsck_shard {
	char tag[KEYS_TAG_SIZE];
	struct fsck_texts names;    /* of keys, to be checked */
	struct fsck_texts waiting;  /* ids that must stand in a list */
	struct fsck_texts suspects; /* ids to be judged */
	uint64_t displaced;         /* findings of kinds that move, not mended */
	uint64_t tombstones;        /* of the last walk */
};

struct fsck {
	struct rsyncs *links;
	struct rsync *link; /* to the node that is being asked */
	const struct queue_fsck_options *o;
	struct queue_fsck_summary *sum;
	struct errinfo *info;
	struct fsck_shard *shards;
	size_t n_shards;
	struct textset reported; /* what was told: SCAN may name a key twice */
	struct textset listed;   /* ids that stand in the lists of one queue */
	uint64_t told;           /* keys or entries at the last report */
};

int fsck_no_memory(struct fsck *f);                                /* ERR_NOMEM */
int fsck_texts_add(struct fsck_texts *t, const char *s, size_t n); /* 0 or ERR_NOMEM, *info is left */
void fsck_texts_clear(struct fsck_texts *t);
/* The text behind s, which is one of them or NULL (the first). */
const char *fsck_texts_next(const struct fsck_texts *t, const char *s);
void fsck_progress(struct fsck *f, const char *doing, uint64_t done, uint64_t of);
/* From now on the node is asked that has this tag. ERR_UNAVAILABLE: none has it. */
int fsck_turn_to(struct fsck *f, const char *tag);
/* Sends cmd (and frees it). NULL when there is no answer, or an error. */
const struct rreply *fsck_ask(struct fsck *f, struct rcmd *cmd);
/* The beginning of a call: function, key, repair. */
struct rcmd fsck_call(struct fsck *f, const char *function, const char *key);
/* Tells the findings of a reply: four texts each. The reply stands. */
int fsck_tell_all(struct fsck *f, struct fsck_shard *s, const char *tag, const struct rreply *list);
/* Has the names checked that wait to be, and forgets them. */
int fsck_check_names(struct fsck *f, struct fsck_shard *s);

/* The lists of one queue, once its keys were checked: who must stand there and does not, who stands there wrongly. */
int fsck_check_lists(struct fsck *f, struct fsck_shard *s);
int fsck_check_counters(struct fsck *f, struct fsck_shard *s);

#endif
