/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where several wait for one answer that is on its way, so that it is asked for once. Entries live in their owners,
 * who must stay until the gate opens. One thread. */
#ifndef SQUARE_GATE_H
#define SQUARE_GATE_H

#include <stddef.h>

typedef void gate_cb(void *arg, int status);
struct gate_entry {
	struct gate_entry *next;
	gate_cb *cb;
	void *arg;
};
struct gate {
	struct gate_entry *first;
};

static inline void gate_wait(struct gate *g, struct gate_entry *e, gate_cb *cb, void *arg)
{
	*e = (struct gate_entry){ g->first, cb, arg };
	g->first = e;
}

/* Those who wait again from their callback wait for the next opening. */
static inline void gate_open(struct gate *g, int status)
{
	struct gate_entry *e = g->first;
	g->first = NULL;
	while (e) {
		struct gate_entry *next = e->next;
		e->cb(e->arg, status);
		e = next;
	}
}

#endif
