/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A proxy between clients and a Redis server that breaks the connection on purpose: cuts it at one byte of one call's
 * request or reply, holds an answer back, delays, swallows everything without a sign (a black hole). It runs a thread
 * of its own and listens on a unix socket and on a port of 127.0.0.1; each connection gets one of its own to Redis.
 *
 * It knows where commands and replies begin and end, and forwards only whole ones, but for the one that a fault cuts.
 * Every function may be called from any thread. A system call that fails at start ends the program. */
#ifndef SQUARE_TESTS_CHAOS_PROXY_H
#define SQUARE_TESTS_CHAOS_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct proxy;

struct proxy *proxy_start(const char *redis_socket); /* copied; Redis need not be there yet */
void proxy_stop(struct proxy *p);                    /* closes every connection; NULL does nothing */
const char *proxy_url(const struct proxy *p);        /* unix://REDIS_SOCKET.pN, a socket beside that of Redis */
const char *proxy_tcp_url(const struct proxy *p);    /* redis://127.0.0.1:PORT */

enum proxy_side { PROXY_REQUEST, PROXY_REPLY };
enum proxy_action {
	PROXY_CLOSE, /* an orderly end, to both sides */
	PROXY_RESET, /* RST to a client on TCP; on a unix socket an end with what it sent still unread */
	PROXY_HOLD   /* the connection stays, and nothing passes it any more, until proxy_heal() */
};

/* One fault, for the first call that matches. */
struct proxy_fault {
	const char *command;      /* a word of the command, "sq_claim" or "PING"; NULL: any command. Copied */
	unsigned skip;            /* so many calls that match pass first */
	unsigned connection;      /* only that one, counted from 1 since the start; 0: any */
	enum proxy_side side;     /* of which direction bytes are counted */
	size_t offset;            /* bytes of the request or of the reply that still pass, from its first one on */
	bool wrap;                /* the offset is taken modulo the length + 1: it always fits */
	enum proxy_action action; /* what happens then */
};
enum proxy_outcome {
	PROXY_NONE,   /* no fault was given since the start or the last proxy_heal() */
	PROXY_ARMED,  /* waits for its call */
	PROXY_STRUCK, /* it has happened */
	PROXY_MISSED  /* its call went through whole: it is shorter than the offset */
};
/* Replaces the fault before. A request cut at its end has reached Redis whole; a reply cut at 0 bytes is one that Redis
 * has given. */
void proxy_strike(struct proxy *p, const struct proxy_fault *fault);
/* length: of the request or reply that matched; may be NULL. */
enum proxy_outcome proxy_outcome(struct proxy *p, size_t *length);
/* Waits until the fault is no longer PROXY_ARMED; what it is then. */
enum proxy_outcome proxy_await(struct proxy *p, unsigned deadline_ms);

void proxy_cut_all(struct proxy *p, enum proxy_action action); /* every connection there is, now; not PROXY_HOLD */
void proxy_delay(struct proxy *p, unsigned each_way_ms);       /* 0: none; for what comes from now on */
/* From now on nothing is read or sent; connections are accepted, and their ends are not passed on. What was swallowed
 * arrives after proxy_heal(), as after a partition of the network. */
void proxy_black_hole(struct proxy *p);
void proxy_heal(struct proxy *p); /* no fault, no delay, no black hole, nothing held */

struct proxy_stats {
	unsigned accepted, open;       /* connections since the start; now */
	uint64_t requests, replies;    /* whole ones that passed */
	uint64_t bytes_up, bytes_down; /* to Redis, to clients */
	unsigned cuts;                 /* connections that a fault has ended or held */
};
void proxy_stats(struct proxy *p, struct proxy_stats *out);

#endif
