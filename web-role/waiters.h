/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who waits for which job: a hash table by job id, the requests parked in one reactor. Several may wait for one job.
 * The entries live in their owners. One thread. */
#ifndef SQUARE_WAITERS_H
#define SQUARE_WAITERS_H

#include <stdbool.h>
#include <stddef.h>

#include "id.h"

struct job;
struct waiter_kind {
	void (*on_end)(void *owner, const struct job *job); /* the job is done; the waiter is out of the table */
	void (*on_hurry)(void *owner);                      /* the wait must end now, with what there is */
};

struct waiter { /* zero it before first use */
	struct id id;
	const struct waiter_kind *kind;
	struct waiter *next;
	struct waiter **link; /* what points to this one; NULL: not in a table */
	void *owner;
};

struct waiters {
	struct waiter **slots;
	size_t n, cap; /* cap is a power of two */
};

int waiters_init(struct waiters *w); /* 0 or ERR_NOMEM */
void waiters_fini(struct waiters *w);
/* Never fails: a table that cannot grow gets longer chains. */
void waiters_add(struct waiters *w, struct waiter *who, const struct id *id, const struct waiter_kind *kind,
		 void *owner);
void waiters_remove(struct waiters *w, struct waiter *who); /* may be out of the table already */
/* Takes out one that waits for the job; NULL when there is none left. */
struct waiter *waiters_take(struct waiters *w, const struct id *id);
/* Calls fn for each, in no order; fn may remove the one it is called for. */
void waiters_each(struct waiters *w, void (*fn)(struct waiter *who));

#endif
