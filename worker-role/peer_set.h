/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The other workers, as this one asks them to compute parts: who there is (told by the role environment), a connection
 * to each that is made when there is something to ask, kept for a minute after, and made again with a back-off. A peer
 * that is busy is asked again a little later, less and less often. The loop's thread. */
#ifndef SQUARE_PEER_SET_H
#define SQUARE_PEER_SET_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "peer_auth.h"
#include "roleenv.h"

#define PEER_SET_MAX 64          /* peers that are asked; those with the first instance ids after one's own */
#define PEER_SET_IDLE_MS 60000   /* of a connection, until it is closed */
#define PEER_SET_CONNECT_MS 2000 /* for a connection to be there and proven */

struct peer_set;
struct peer;
struct peer_call; /* a part that a peer was asked for; valid until its callback, or its cancel */

struct peer_set *peer_set_new(uv_loop_t *loop);
/* The callbacks of calls do not run. The memory goes when the loop has closed the handles. NULL does nothing. */
void peer_set_free(struct peer_set *set);
void peer_set_set_secret(struct peer_set *set, const uint8_t secret[PEER_SECRET]);
/* Takes over who there is: instances of this role with a WorkerPeer endpoint, but for this one and those that stop. */
void peer_set_update(struct peer_set *set, const struct roleenv *env);
/* One peer, for tests: at "host:port". */
void peer_set_add(struct peer_set *set, const char *instance, const char *at);
/* Runs when a peer can be asked that could not before, or has more room. */
void peer_set_on_room(struct peer_set *set, void (*on_room)(void *arg), void *arg);

/* How many children might compute for this worker: those of all peers, one for each that was never reached. */
unsigned peer_set_helpers(const struct peer_set *set);
/* The same, without peers that were busy, or lost, a moment ago. */
unsigned peer_set_ready(const struct peer_set *set);
/* A peer that may be asked for one more part; NULL: none now. Connects those that are not connected: on_room tells. */
struct peer *peer_set_free_peer(struct peer_set *set);

enum peer_answer {
	PEER_DONE,   /* json, n: the result, not trusted to be JSON */
	PEER_FAILED, /* failure */
	PEER_IS_BUSY,
	PEER_LOST /* the connection, before an answer */
};
struct peer_outcome {
	enum peer_answer answer;
	const char *json;
	size_t n;
	const struct op_failure *failure;
};
typedef void peer_call_cb(void *arg, const struct peer_outcome *outcome);

/* A job of which parts are asked for: its number is not used again while it stands. */
struct peer_job {
	uint32_t number;
	const struct op *op;
	const char *args; /* borrowed until peer_set_end() */
	size_t args_len;
};
uint32_t peer_set_number(struct peer_set *set);
/* 0 with *call, and cb runs once, later; ERR_NOMEM, ERR_UNAVAILABLE: nothing happened. */
int peer_ask(struct peer *peer, const struct peer_job *job, uint32_t part, const struct op_part *units,
	     uint32_t timeout_ms, peer_call_cb *cb, void *arg, struct peer_call **call);
void peer_cancel(struct peer_call *call); /* the callback does not run */
/* Tells the peers that nothing more will be asked of this job. Its calls must have ended. */
void peer_set_end(struct peer_set *set, const struct peer_job *job);
const char *peer_instance(const struct peer *peer);
const char *peer_call_instance(const struct peer_call *call);

struct peer_set_stats {
	uint64_t sent, finished, failed, busy, lost; /* parts */
	uint64_t impostors;                          /* connections whose other end was no worker of this service */
	unsigned peers, connected;
};
const struct peer_set_stats *peer_set_stats(struct peer_set *set);

#endif
