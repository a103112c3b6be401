/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The check of live queues: walks through the keyspace, the sorted sets and the lists in slices, has each slice judged
 * (and mended) by a function inside Redis in one moment (lua/fsck.lua), and sees to it that no slice is left out. What
 * changes meanwhile is never reported falsely. Blocking, for tools and tests; one thread. */
#ifndef SQUARE_QUEUE_FSCK_H
#define SQUARE_QUEUE_FSCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "rsyncs.h"

/* A kind of finding. */
struct queue_fsck_kind {
	const char *code;
	const char *about;   /* what the subject is: "job", "batch", "key", "counter", "instance", "tag" */
	const char *problem; /* what was found, as the end of a sentence */
	const char *remedy;  /* a participle: "would be put ...", "was put ..."; NULL: nothing is done */
	const char *why;     /* when there is no remedy: why, and what a person can do */
	bool moves;          /* the job is not where it counts: the counters cannot be judged before it is mended */
};
/* NULL for an unknown code. */
const struct queue_fsck_kind *queue_fsck_kind(const char *code);
const struct queue_fsck_kind *queue_fsck_kind_at(size_t i); /* NULL behind the last */

struct queue_fsck_finding { /* borrowed for the callback */
	const struct queue_fsck_kind *kind;
	const char *tag; /* the queue's, or {jq:reg} */
	const char *subject, *detail;
	bool mendable, mended;
};

struct queue_fsck_options {
	const char *const *queues; /* names */
	size_t n_queues;           /* 0: all that are registered */
	bool repair;
	void (*on_found)(void *arg, const struct queue_fsck_finding *f);
	/* Now and then: what is being done, how far (of: 0 when nobody knows). May be NULL. */
	void (*on_progress)(void *arg, const char *doing, uint64_t done, uint64_t of);
	void *arg;
};

struct queue_fsck_summary {
	uint64_t queues; /* checked, each shard counted */
	uint64_t nodes;  /* of Redis that were walked through */
	uint64_t keys, jobs, entries;
	uint64_t findings, mended;
	uint64_t tombstones; /* entries of lists whose job has ended: claims skip them */
	uint64_t keyless;    /* idempotency keys whose job has gone: normal where results live for less than 24 h */
	uint64_t unjudged;   /* queues whose counter of live jobs could not be judged */
	uint64_t unknown; /* jobs that were in no list, as it seemed, where claims were too fast to make it certain */
	long loaded;      /* the version of the function library that had to be loaded; 0: none */
};

/* 0 with *sum filled, whatever was found. ERR_NOT_FOUND: a queue of options.queues is not registered. Else the link is
 * gone, or Redis refuses: *info says how; what had been mended stays so. */
int queue_fsck(struct rsyncs *links, const struct queue_fsck_options *options, struct queue_fsck_summary *sum,
	       struct errinfo *info);

#endif
