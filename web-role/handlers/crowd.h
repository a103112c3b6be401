/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One request that waits for the ends of several jobs. Like other waits it lives on the reply list, and on reads of
 * what the list may have lost: some each second, and more as long as those find ends. At its time each job that is open
 * is looked at once more. The owner has a crowd, and a crowd_item per job; the reactor's thread. */
#ifndef SQUARE_CROWD_H
#define SQUARE_CROWD_H

#include "request.h"

struct crowd;
struct crowd_item {
	struct waiter waiter;
	struct crowd *crowd;
	struct crowd_item *next, **link; /* link is NULL: not waited for */
	struct tag *tag;
	char id[ID_TEXT_SIZE];
	bool unheard; /* an earlier request's job: the reply list was not asked to tell of it yet */
};

/* Each may answer the request; then nothing more is called. */
struct crowd_kind {
	void (*on_end)(struct crowd_item *item, const struct job *job); /* the job is done; it is waited for no more */
	/* The last look at a job that is not done, or that is unknown (ERR_NOT_FOUND, job is NULL); the latter may also
	 * be found before the wait is over. It is waited for no more. */
	void (*on_look)(struct crowd_item *item, int status, const struct job *job);
	void (*on_over)(struct crowd *c); /* the wait is over; those not looked at could not be read in time */
};

struct crowd { /* the first member of its owner */
	struct request_extra extra;
	struct request *r;
	const struct crowd_kind *kind;
	struct crowd_item *first, **last; /* those waited for */
	size_t n;
	unsigned reads; /* on their way */
	bool ending;    /* the last look is being taken */
};

/* Becomes what the request keeps beside. release: frees the owner. */
void crowd_init(struct crowd *c, struct request *r, const struct crowd_kind *kind,
		void (*release)(struct request_extra *extra));
/* From now on the item's end is waited for; before the job is submitted, because its end may be heard of first. */
void crowd_enter(struct crowd *c, struct crowd_item *item, const struct id *id, struct tag *tag);
void crowd_leave(struct crowd_item *item); /* may be out already */
/* A read besides: of a job that may be done already. */
void crowd_read(struct crowd_item *item);
/* Redis has the jobs: from now on the wait counts down. us: its length, from the request's beginning. */
void crowd_begin(struct crowd *c, uint64_t us);
/* Ends the wait now, with a last look at what is open. */
void crowd_end(struct crowd *c);

#endif
