/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A link to a private Redis, a submitter, and the queue's calls as plain ones that return when they are answered: for
 * Check tests of the queue's C side. One lab, one loop, one thread. */
#ifndef SQUARE_TESTS_QUEUE_LAB_H
#define SQUARE_TESTS_QUEUE_LAB_H

#include <uv.h>

#include "queue.h"
#include "redis_private.h"

#define QUEUE_LAB_DEADLINE_MS 10000
#define QUEUE_LAB_TAG "{jq:math:0}"

extern struct queue_lab {
	struct redis_private *redis;
	uv_loop_t loop;
	struct rlink *link;
	struct queue_submitter *submitter; /* at most 1,000 live jobs, 250 ms; flushed at the end of each turn */
	struct idgen idgen;
	uv_prepare_t prepare;
} queue_lab;

/* Fixtures of a test: a Redis, and a link that is up. */
void queue_lab_start(void);
void queue_lab_stop(void);
/* The link alone: it need not come up. */
void queue_lab_open(bool allow_volatile);
void queue_lab_close(void);
bool queue_lab_is_up(void *arg); /* for loop_until */

struct queue_lab_outcome {
	unsigned n, wanted;
	int status;
	enum queue_verdict verdict;
	char id[ID_TEXT_SIZE];
	uint64_t created_at;
};
/* arg: a queue_lab_outcome; `submitted` is true when it has as many as wanted. */
void queue_lab_on_submitted(void *arg, int status, enum queue_verdict verdict, const char *id, uint64_t created_at);
bool queue_lab_submitted(void *arg);
/* A job as good as any, with a new id, whose text is kept in `id`. */
void queue_lab_fill(struct queue_submit *job, char id[ID_TEXT_SIZE]);
/* Submits one; fails the test unless it is accepted. */
void queue_lab_submit(char id[ID_TEXT_SIZE]);

struct queue_lab_job {
	bool done;
	int status;
	enum job_state state;
	char text[200]; /* the outcome */
	uint64_t attempt;
};
struct queue_lab_job queue_lab_get(const char *id);

struct queue_lab_claimed {
	bool done;
	int status;
	size_t n;
	char ids[QUEUE_BATCH_MAX][ID_TEXT_SIZE];
	bool more;
};
void queue_lab_claim(struct queue_lab_claimed *c, const char *batch, unsigned max);

/* arg: char[80], empty before; the verdicts, or "error". */
void queue_lab_on_verdicts(void *arg, int status, const char *verdicts, size_t n);
bool queue_lab_has_text(void *arg);

/* What became of a cancel or a retry. */
struct queue_lab_change {
	bool done;
	int status;
	char code;
	enum job_state state;
	unsigned flags;
};
struct queue_lab_change queue_lab_cancel(const char *id);
struct queue_lab_change queue_lab_retry(const char *id, uint64_t live_max);

#endif
