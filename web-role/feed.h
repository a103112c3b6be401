/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The live feed of a reactor: what queues hold, which jobs finish, which instances there are, collected once a second
 * for all who read it, and not at all while nobody does. Events are whole: who misses some (a slow reader is passed
 * over rather than waited for) is right again with the next one, and is told how many jobs it was not told of.
 *
 * event: queues   {"queues":[…]} as GET /v1/queues: when something has changed, and each FEED_QUEUES_S at least
 * event: job      a finished job, as GET /v1/jobs/{id}; the newest FEED_JOBS of a second, the oldest of them first
 * event: skipped  {"n":…} jobs finished that had no event of their own
 * event: workers  {"workers":[…]} as GET /v1/workers: when an instance has come or gone, or is in another state
 *
 * The reactor's thread. */
#ifndef SQUARE_FEED_H
#define SQUARE_FEED_H

#include "keys.h"
#include "stream.h"

#define FEED_TURN_MS 1000
#define FEED_QUEUES_S 5
#define FEED_JOBS 50

struct feed;
struct feed_reader {
	struct stream stream; /* first */
	struct feed_reader *next, **link;
	char queue[KEYS_QUEUE_MAX + 1]; /* only of this one; "": of all */
	bool lacks_workers;             /* it did not take the last event of this kind */
	uint64_t skipped;               /* jobs it was not told of, and does not know of */
};

struct feed *feed_new(struct reactor *r); /* NULL when memory ran out */
void feed_end(struct feed *f);            /* ends every reader's stream, now and from now on */
void feed_close(struct feed *f);          /* before the loop's last run, when nobody reads any more */
void feed_free(struct feed *f);           /* after it */

/* Begins the reader's stream as soon as there is something to tell: now, or after the next collection. The reader is
 * zeroed but for its queue. Answers 404 when there is no such queue, 503 while Redis is away. */
void feed_subscribe(struct feed *f, struct feed_reader *reader, struct request *r);

#endif
