/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looks which of many shards have anything to do: one call for all that one Redis serves, instead of one for each. For
 * those that nobody expects anything of (reaper.h), or that cannot be waited for now (claimer.h). */
#ifndef SQUARE_LOOKOUT_H
#define SQUARE_LOOKOUT_H

#include <stddef.h>

#include "rlinks.h"

struct lookout;
/* verdict: as of queue_look(). shard: the number that came with the tag. */
typedef void lookout_cb(void *arg, size_t shard, char verdict);
/* links: borrowed until lookout_free(), and freed before the loop runs empty. NULL when memory ran out. */
struct lookout *lookout_new(struct rlinks *links, lookout_cb *cb, void *arg);
/* Puts a shard on the list for the next call. tag: borrowed until then. What memory does not hold is left out. */
void lookout_add(struct lookout *l, size_t shard, const char *tag);
/* Asks for those on the list, as far as their Redis is there, and empties it. */
void lookout_ask(struct lookout *l);
/* No callback runs any more. NULL does nothing. */
void lookout_free(struct lookout *l);

#endif
