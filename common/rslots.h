/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which Redis serves which tag, for one loop. With a URL of one server or of sentinels: that one, for every tag. With
 * a URL of a cluster (redis+cluster://, rurl.h): the master of the tag's hash slot, by the cluster's own map, which is
 * asked for (CLUSTER SLOTS) over a connection of its own to any node: once a second, and at once and at other nodes
 * when a link was lost or a node has said that it is the wrong one. The map that came last stands while nobody answers.
 *
 * One per loop, shared by its sets of links (rlinks.h). All calls on the loop's thread; never blocks. */
#ifndef SQUARE_RSLOTS_H
#define SQUARE_RSLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "err.h"
#include "rslots_map.h"

struct rslots;
/* NULL with *info when the URL is wrong. name: the connection's, with "-map" behind it; copied. */
struct rslots *rslots_new(uv_loop_t *loop, const char *url, const char *name, struct errinfo *info);
/* After all of its sets of links. The memory goes when the loop has closed the handles. NULL does nothing. */
void rslots_free(struct rslots *s);

bool rslots_clustered(const struct rslots *s);
bool rslots_known(const struct rslots *s); /* a map was read, or none is needed */
/* Why there is no map, or no new one, for people; "" when nothing is wrong. */
const char *rslots_error(const struct rslots *s);
/* Something is not where the map says: it is asked for at once, and from another node if it is none the wiser. */
void rslots_doubt(struct rslots *s);

/* ---- for the sets of links ---- */

/* Told from a turn of the loop of its own: of changes of the map at once, and else once a second. */
struct rslots_listener {
	struct rslots_listener *next;
	void (*on_turn)(void *arg, bool changed);
	bool (*is_well)(const void *arg); /* its links are up: nothing speaks against the map */
	void *arg;
};
void rslots_listen(struct rslots *s, struct rslots_listener *l);
void rslots_unlisten(struct rslots *s, const struct rslots_listener *l);
uv_loop_t *rslots_loop(const struct rslots *s);
/* Only while clustered. What is taken out of it by a reference is given back by rslots_unref(). */
const struct rslots_map *rslots_map(const struct rslots *s);
int rslots_ref_at(struct rslots *s, const struct rurl_host *at); /* RSLOTS_NOBODY: no room */
void rslots_ref(struct rslots *s, int node);
void rslots_unref(struct rslots *s, int node);
/* How to connect to a node; while not clustered, to the one server there is, whatever the node. */
void rslots_place(const struct rslots *s, int node, struct rurl *out);
/* A node says that a slot is served elsewhere; host "": at the same host. */
void rslots_moved(struct rslots *s, unsigned slot, const struct rurl_host *to);

#endif
