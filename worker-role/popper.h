/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Waits for entries of one list of each shard (wake-up markers, cancel hints) by blocking pops on links of its own: one
 * pop for all shards that one Redis serves, in a cluster one for each slot, as no command takes keys of several. Pops
 * that come back empty are sent again by the next pump. What is popped is a hint: an entry that is lost with a link
 * costs time only. All calls on the loop's thread. */
#ifndef SQUARE_POPPER_H
#define SQUARE_POPPER_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "keys.h"
#include "rlinks.h"

struct popper;
struct popper_options {
	struct rslots *slots;
	const char *name; /* of the links */
	const char *what; /* is waited for, for messages: "wake-up markers"; lives as long as the popper */
	unsigned
	    block_s; /* of one blocking pop: the longer, the fewer commands, and the later a dead link is noticed */
	bool each;   /* a pop is sent when each of its shards is wanted; else when any is */
	void (*list)(void *arg, const char *tag, char key[KEYS_NAME_SIZE]); /* the list's name */
	/* shard: the number that popper_add() gave. */
	void (*on_popped)(void *arg, size_t shard, const char *key, const char *entry);
	void *arg;
};
/* NULL with *info filled. */
struct popper *popper_new(const struct popper_options *options, struct errinfo *info);
/* One more shard, with the next number from 0 on; its tag is borrowed. 0 or ERR_NOMEM. */
int popper_add(struct popper *p, const char *tag);
void popper_want(struct popper *p, size_t shard, bool wanted);
bool popper_waits(const struct popper *p, size_t shard); /* a pop in flight has its list */
/* Sends the pops that are due: once in a turn of the loop. */
void popper_pump(struct popper *p);
void popper_drop(struct popper *p, size_t shard); /* another link to its Redis is lost: this one is too */
void popper_refresh(struct popper *p);            /* now and then: try again what Redis refused */
/* No callback runs any more; the memory goes when the links have answered. NULL does nothing. */
void popper_free(struct popper *p);

#endif
