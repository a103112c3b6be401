/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the set of peers have in common: peer_set.c and peer_link.c, nobody else. */
#ifndef SQUARE_PEER_SET_PARTS_H
#define SQUARE_PEER_SET_PARTS_H

#include "peer_set.h"
#include "peer_wire.h"

enum way { AWAY, CONNECTING, PROVING, READY };

struct link {                  /* one connection; outlives its peer until libuv has closed it */
	struct peer_wire wire; /* first: it is freed by this */
	struct peer_set *set;
	struct peer *peer; /* NULL: given up */
	uv_connect_t connect;
	uint8_t nonce[PEER_NONCE];
	uint8_t its_nonce[PEER_NONCE];
};

struct peer_call {
	struct peer_call *next;
	struct peer *peer;
	uint32_t job, part;
	peer_call_cb *cb;
	void *arg;
};

struct peer {
	struct peer *next;
	struct peer_set *set;
	char instance[ROLEENV_INSTANCE_MAX + 1];
	char at[ADDRESS_SIZE + 10];
	enum way way;
	struct link *link;
	struct peer_call *calls;
	unsigned n_calls, children;
	uint32_t *told; /* numbers of the jobs that it has been told of */
	size_t n_told, cap_told;
	unsigned busy_ms, retry_ms; /* the next pause after an answer that it is busy; after a lost connection */
	uint64_t pause_ms;          /* loop time until which it is not asked; 0: it may be */
	uint64_t since_ms;          /* loop time of its last call, or of connecting */
	bool named;                 /* by the last update */
};

struct peer_set {
	uv_loop_t *loop;
	struct peer *peers;
	uint32_t number;
	uint8_t secret[PEER_SECRET];
	bool has_secret, freed;
	unsigned handles, links;
	uv_timer_t timer; /* the next pause that ends; or connections to look after */
	struct peer_set_stats stats;
	void (*on_room)(void *arg);
	void *on_room_arg;
};

/* ---- peer_set.c ---- */
void peer_set_tell_room(struct peer_set *set);
void peer_set_look_later(struct peer_set *set); /* what is due has changed */
void peer_set_free_when_closed(struct peer_set *set);

/* ---- peer_link.c: a peer's connection, and what comes on it ---- */
void peer_link_connect(struct peer *p);
void peer_link_close(struct peer *p); /* its calls are lost */
void peer_link_fail(struct peer *p);  /* the same, and it is left alone for a while */
void peer_call_remove(struct peer *p, struct peer_call *call);

#endif
