/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The queues one reactor knows, by name and by the index that job ids carry. An unknown name is registered in Redis,
 * an unknown index looked up there. Entries stay for the life of the table. */
#ifndef SQUARE_TAGS_H
#define SQUARE_TAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "gate.h"
#include "keys.h"
#include "rlink.h"

struct tag {
	char queue[KEYS_QUEUE_MAX + 1];
	char text[KEYS_TAG_SIZE]; /* "{jq:math:0}" */
	unsigned index;
	bool listed; /* free for the reply reader: its list of this tag is being read */
	/* of the table */
	bool known;
	struct tags *owner;
	struct gate gate;
	struct tag *next;
};

struct tags;
struct tags *tags_new(struct rlink *link); /* NULL when memory ran out */
void tags_free(struct tags *t);            /* after its link */

/* NULL when the name was not registered by this reactor yet. */
struct tag *tags_find(const struct tags *t, const char *queue);
/* Registers a name; cb then runs with 0 (tags_find has it), ERR_FULL when Redis has no room for another queue, or what
 * the link says. 0, or an error, and cb will not run. */
int tags_register(struct tags *t, const char *queue, struct gate_entry *e, gate_cb *cb, void *arg);
/* NULL when the index is not known. */
struct tag *tags_at(const struct tags *t, unsigned index);
/* Looks for queues that others registered by now; cb then runs. 0, or an error, and cb will not run. */
int tags_refresh(struct tags *t, struct gate_entry *e, gate_cb *cb, void *arg);
/* The link is up (again): what is known is registered again, should this Redis have forgotten it. */
void tags_confirm(struct tags *t);

#endif
