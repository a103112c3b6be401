/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conns.h"

#include <stddef.h>
#include <sys/socket.h>

static void append(struct conns *l, struct conn *c, enum conn_phase phase, uint64_t now_us)
{
	uint64_t duration_us = l->phase[phase].duration_us;
	c->phase = phase;
	c->deadline_us = duration_us ? now_us + duration_us : UINT64_MAX;
	c->next = NULL;
	c->prev = l->phase[phase].last;
	*(c->prev ? &c->prev->next : &l->phase[phase].first) = c;
	l->phase[phase].last = c;
}

static void take_out(struct conns *l, struct conn *c)
{
	*(c->prev ? &c->prev->next : &l->phase[c->phase].first) = c->next;
	*(c->next ? &c->next->prev : &l->phase[c->phase].last) = c->prev;
}

void conns_add(struct conns *l, struct conn *c, uint64_t now_us)
{
	append(l, c, CONN_HEAD, now_us);
	l->n++;
}

void conns_enter(struct conns *l, struct conn *c, enum conn_phase phase, uint64_t now_us)
{
	take_out(l, c);
	append(l, c, phase, now_us);
}

void conns_remove(struct conns *l, struct conn *c)
{
	take_out(l, c);
	l->n--;
}

unsigned conns_sweep(struct conns *l, uint64_t now_us)
{
	unsigned late = 0;
	for (int i = 0; i < CONN_PHASES; i++)
		for (struct conn *c = l->phase[i].first; c && c->deadline_us <= now_us; c = c->next) {
			if (c->deadline_us == 0)
				continue; /* was cut before; its owner has not come to closing it */
			shutdown(c->fd, SHUT_RDWR);
			c->deadline_us = 0;
			late++;
		}
	return late;
}
