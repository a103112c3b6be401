/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The connections of one HTTP server by what they are doing, each phase with its absolute deadline: a client that sends
 * a byte now and then is not idle, but it is late. All connections enter a phase with the same duration, so a list in
 * order of entry is in order of deadlines, and nothing here costs more than a few pointers. One thread. */
#ifndef SQUARE_CONNS_H
#define SQUARE_CONNS_H

#include <stdint.h>

enum conn_phase {
	CONN_HEAD,
	CONN_BODY,
	CONN_PARKED,
	CONN_ANSWER,
	CONN_STREAM,  /* an answer that goes on, with nothing to send just now */
	CONN_STALLED, /* the same, with something to send; entered anew with whatever is taken */
	CONN_IDLE,
	CONN_PHASES
};

struct conn { /* first member of, or owned by, whoever has the socket */
	struct conn *prev, *next;
	enum conn_phase phase;
	uint64_t deadline_us;
	int fd;
	void *request; /* in progress; NULL between requests */
};

struct conns {
	struct {
		struct conn *first, *last;
		uint64_t duration_us; /* 0: for ever */
	} phase[CONN_PHASES];
	unsigned n;
};

void conns_add(struct conns *l, struct conn *c, uint64_t now_us); /* enters CONN_HEAD */
void conns_enter(struct conns *l, struct conn *c, enum conn_phase phase, uint64_t now_us);
void conns_remove(struct conns *l, struct conn *c);
/* Shuts down the sockets of those that are overdue, once each. Returns how many. */
unsigned conns_sweep(struct conns *l, uint64_t now_us);

#endif
