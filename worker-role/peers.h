/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A worker among workers: its WorkerPeer endpoint (peer_server), the others as it asks them (peer_set), the sharing of
 * big calls (scatter), and the secret by which they know each other. One object per worker; the loop's thread. */
#ifndef SQUARE_PEERS_H
#define SQUARE_PEERS_H

#include <stdbool.h>
#include <uv.h>

#include "compute/pool.h"
#include "executor.h"
#include "peer_server.h"
#include "peer_set.h"
#include "rlink.h"
#include "roleenv.h"
#include "scatter.h"

struct peers;
struct peers_options {
	struct roleenv *env;
	struct pool *pool;
	struct executor *executor;
	bool (*is_idle)(void *arg); /* whether this worker has nothing of its own for a child that is free */
	void *arg;
};
/* Listens on WorkerPeer and shares the executor's big calls from now on. A definition of one's own may do without the
 * endpoint: then calls are shared by this worker's own children alone. NULL with *info filled. */
struct peers *peers_new(uv_loop_t *loop, const struct peers_options *options, struct errinfo *info);
/* The link to the registry is up, or the set of instances has changed: reads the secret (and makes one, if there is
 * none), and who there is. */
void peers_look(struct peers *p, struct rlink *link);
/* Takes no parts any more; what the executor has in hand is shared as before. */
void peers_stop(struct peers *p);
/* After the executor was freed. The memory goes when the loop has closed the handles. NULL does nothing. */
void peers_free(struct peers *p);

struct peers_view { /* for whoever counts; NULL: not there */
	const struct peer_server_stats *server;
	const struct peer_set_stats *set;
	const struct scatter_stats *scatter;
};
void peers_stats(const struct peers *p, struct peers_view *out);

#endif
