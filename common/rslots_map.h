/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The map of a cluster's hash slots: which node, as a host and a port, is the master of each. Filled from what nodes
 * answer, which is checked before any of it counts. Pure code, one thread. */
#ifndef SQUARE_RSLOTS_MAP_H
#define SQUARE_RSLOTS_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "rlink.h"
#include "rurl.h"

#define RSLOTS 16384
#define RSLOTS_NODES_MAX 1000
#define RSLOTS_NOBODY (-1)

/* The hash slot of a key or tag: CRC16 of what stands between the first { and the first } behind it, or of all when
 * that is empty or not there. */
unsigned rslots_of(const char *key);

struct rslots_node {
	struct rurl_host at; /* port 0: the place is free for another */
	unsigned slots;      /* that it serves */
	unsigned refs;
};
struct rslots_map {
	int16_t of[RSLOTS];        /* the index of a node, or RSLOTS_NOBODY */
	struct rslots_node *nodes; /* an index stands as long as the node has slots or refs */
	unsigned n, cap;
};

void rslots_map_init(struct rslots_map *m);
void rslots_map_fini(struct rslots_map *m);
unsigned rslots_map_masters(const struct rslots_map *m); /* nodes that serve slots */
/* The index of the node at this place, a new one if need be; RSLOTS_NOBODY when there is no room or memory. */
int rslots_map_node(struct rslots_map *m, const char *host, unsigned port);
/* One slot has moved. True when that is news. */
bool rslots_map_move(struct rslots_map *m, unsigned slot, int node);
/* Takes over the reply of CLUSTER SLOTS. from: stands for a host that the reply leaves open. 1: the map has changed; 0:
 * it has not; ERR_PROTOCOL: the reply is no such thing, and ERR_NOMEM; then nothing is changed. */
int rslots_map_take(struct rslots_map *m, const struct rreply *reply, const char *from);

/* Reads `MOVED slot host:port` or `ASK slot host:port`: 0, or ERR_INVALID. host is "" when the answer leaves it open.
 */
int rslots_redirect(const char *error, unsigned *slot, struct rurl_host *to);

#endif
