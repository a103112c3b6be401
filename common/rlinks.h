/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A set of links of one loop: to one server (or to the master that sentinels name) a single one, to a cluster one for
 * each master, kept in step with the map of its slots (rslots.h). Whoever calls for a tag asks for its link each time:
 *
 *     queue_claim(rlinks_at(links, tag), tag, …)
 *
 * A blocking command takes keys of one slot only in a cluster, and the whole connection. A set that is `blocking` has
 * therefore a link for each slot in use there, made when it is first asked for, and still only one for one server: who
 * waits on the lists of several tags puts those with the same link into one command, and a link is asked anew
 * whenever on_moved says so.
 *
 * What a node refuses as the wrong one (MOVED, ASK, TRYAGAIN, CLUSTERDOWN) was not done: ERR_UNAVAILABLE, and the map
 * is refreshed. While a slot moves between nodes, Redis refuses every function of its tags (ASK), as their key, the tag
 * itself, never exists: the shard pauses, nothing is done by half. So ASK is followed by plain reads only (rcmd.h,
 * `follows`).
 *
 * All calls on the loop's thread; never blocks. */
#ifndef SQUARE_RLINKS_H
#define SQUARE_RLINKS_H

#include <stdbool.h>
#include <stddef.h>

#include "rlink.h"
#include "rslots.h"

struct rlinks_options {
	const char *name;            /* for CLIENT SETNAME; copied */
	unsigned connect_timeout_ms; /* these as in rlink_options */
	unsigned command_timeout_ms;
	size_t max_pending_bytes;
	unsigned max_in_flight;
	struct metrics_value *seconds;
	bool blocking; /* of use for one blocking command at a time */

	/* All may be NULL. A link's own things come and go with it: made in on_added, kept by rlink_keep(), undone in
	 * on_gone, which runs before the link is freed, when calls that were in flight have been answered
	 * (ERR_UNKNOWN); but in rlinks_free() they are answered behind it, with ERR_CLOSED. on_added may run from
	 * within rlinks_new() and rlinks_at(); on_gone runs from a turn of the loop of its own, or from within
	 * rlinks_free(). */
	void (*on_added)(void *arg, struct rlink *link);
	void (*on_gone)(void *arg, struct rlink *link);
	void (*on_state)(void *arg, struct rlink *link, bool up);
	void (*on_greet)(struct rlink *link, void *arg); /* as in rlink_options */
	void (*on_moved)(void *arg);                     /* tags may have other links than before */
	void *arg;
};

struct rlinks;
/* slots: borrowed; of the same loop. NULL when memory ran out. */
struct rlinks *rlinks_new(struct rslots *slots, const struct rlinks_options *options, struct errinfo *info);
/* on_gone, and rlink_free(), for each link. NULL does nothing. */
void rlinks_free(struct rlinks *s);

/* The link that serves this tag or key. Never NULL: where there is none (yet), one that is never up, and whose error
 * says why. It stands until the loop's next turn. */
struct rlink *rlinks_at(struct rlinks *s, const char *tag);
/* Every link that serves something: i = 0, 1, … until NULL. They stand until the loop's next turn. */
struct rlink *rlinks_each(struct rlinks *s, size_t i);
/* The link was told by Redis lately that a slot of it is moving or has moved (within the last 500 ms): new work is
 * better sent elsewhere. */
bool rlinks_shifting(const struct rlinks *s, const char *tag);
bool rlinks_clustered(const struct rlinks *s);
bool rlinks_any_up(const struct rlinks *s);
unsigned rlinks_up(const struct rlinks *s);                         /* how many are */
void rlinks_flush(struct rlinks *s);                                /* rlink_flush() for each */
void rlinks_stats(const struct rlinks *s, struct rlink_stats *out); /* the sum, with links that are gone;
								       last_reply_us: the latest */

#endif
