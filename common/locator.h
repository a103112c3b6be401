/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The address of Redis, for the link that connects there: a host's name is resolved on libuv's thread pool; where the
 * URL names sentinels, they are asked where the master is, before every connection, and again and again while there is
 * one. An old master may hang with our connection open (a blocking command would notice only seconds later), or be cut
 * off from the others and still answer. The alternative, a subscription to +switch-master, tells the same at the moment
 * it happens, but needs a watch over the subscription itself, and a question after each of its losses.
 * All calls on the loop's thread; never blocks. */
#ifndef SQUARE_LOCATOR_H
#define SQUARE_LOCATOR_H

#include <stdbool.h>
#include <uv.h>

#include "rurl.h"

struct locator;

/* status 0: a numeric address (borrowed for the call) and a port; else an error, and locator_error() says why. */
typedef void locator_cb(void *arg, int status, const char *address, unsigned port);
/* The master is somewhere else now. why: for messages, borrowed for the call. */
typedef void locator_moved_cb(void *arg, const char *why);

/* where: borrowed until locator_free(). seed: makes it a matter of chance which sentinel is asked first. NULL when
 * memory ran out. */
struct locator *locator_new(uv_loop_t *loop, const struct rurl *where, unsigned seed, locator_moved_cb *moved,
			    void *arg);
/* No callback runs any more; the memory goes when the loop has closed the handles. NULL does nothing. */
void locator_free(struct locator *l);

/* One search at a time. cb runs exactly once with the arg of locator_new(), perhaps before this returns. */
void locator_find(struct locator *l, locator_cb *cb);
/* While watching, and where sentinels can tell, `moved` runs within about half a second after they say so. What none of
 * them can answer changes nothing: a connection outlives its sentinels. */
void locator_watch(struct locator *l, bool watching);
void locator_doubt(struct locator *l);         /* what was found last is of no use: ask another sentinel first */
bool locator_changes(const struct locator *l); /* a new search may find another place soon: there are sentinels */
const char *locator_error(const struct locator *l);
/* For messages: where Redis was last looked for, as `host:port`, `/path` or `master "m" at host:port`. */
void locator_place(const struct locator *l, char *out, size_t size);

#endif
