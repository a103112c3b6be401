/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The WorkerPeer endpoint: computes parts of other workers' jobs in this worker's compute children, as far as these
 * have nothing else to do; who asks for more is told at once that it is busy. A part takes a child as a job does, and a
 * child that has just finished one is first offered to this worker's own jobs for a moment. Whoever cannot prove to be
 * a worker is cut off. When a connection ends, or a part is cancelled, its child is killed. The loop's thread. */
#ifndef SQUARE_PEER_SERVER_H
#define SQUARE_PEER_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "compute/pool.h"
#include "err.h"
#include "peer_auth.h"

#define PEER_SERVER_CONNECTIONS 256
#define PEER_SERVER_PROVE_MS 2000  /* for a new connection to prove who it is */
#define PEER_SERVER_IDLE_MS 180000 /* of a connection that asks for nothing */
#define PEER_SERVER_YIELD_MS 2     /* between two parts, for jobs of this worker's own to come first */

struct peer_server;
struct peer_server_options {
	const char *address;
	uint16_t port; /* 0: any free one */
	struct pool *pool;
	bool (*may_take)(void *arg); /* whether there is nothing else to do for a child that is free */
	void *arg;
};
/* Listens; nobody is let in before there is a secret. NULL with *info filled. */
struct peer_server *peer_server_new(uv_loop_t *loop, const struct peer_server_options *options, struct errinfo *info);
/* Closes everything; the memory goes when the loop has closed the handles. NULL does nothing. */
void peer_server_free(struct peer_server *server);
uint16_t peer_server_port(const struct peer_server *server);
/* secret: copied. Connections that are open stay. */
void peer_server_set_secret(struct peer_server *server, const uint8_t secret[PEER_SECRET]);

struct peer_server_stats {
	uint64_t taken, finished, failed, cancelled, busy; /* parts; cancelled: or nobody waits for them any more */
	uint64_t refused;                                  /* connections that were no worker's, or broke the rules */
	unsigned connections, running;
};
const struct peer_server_stats *peer_server_stats(const struct peer_server *server);

#endif
