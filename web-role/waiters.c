/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "waiters.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

#define FIRST_SLOTS 256

int waiters_init(struct waiters *w)
{
	w->slots = calloc(FIRST_SLOTS, sizeof(void *));
	w->n = 0;
	w->cap = w->slots ? FIRST_SLOTS : 0;
	return w->slots ? 0 : ERR_NOMEM;
}

void waiters_fini(struct waiters *w)
{
	free(w->slots);
	*w = (struct waiters){ NULL, 0, 0 };
}

/* The end of an id is random; the multiplication spreads ids that a client made up. */
static size_t slot_of(const struct id *id, size_t cap)
{
	uint64_t tail;
	memcpy(&tail, id->b + 8, sizeof tail);
	return (size_t)((tail * 0x9e3779b97f4a7c15u) >> 32) & (cap - 1);
}

static void chain(struct waiter **slot, struct waiter *who)
{
	who->next = *slot;
	who->link = slot;
	if (who->next)
		who->next->link = &who->next;
	*slot = who;
}

static void grow(struct waiters *w)
{
	size_t cap = w->cap * 2;
	struct waiter **slots = calloc(cap, sizeof(void *));
	if (!slots)
		return;
	for (size_t i = 0; i < w->cap; i++)
		for (struct waiter *who = w->slots[i], *next; who; who = next) {
			next = who->next;
			chain(&slots[slot_of(&who->id, cap)], who);
		}
	free(w->slots);
	w->slots = slots;
	w->cap = cap;
}

void waiters_add(struct waiters *w, struct waiter *who, const struct id *id, const struct waiter_kind *kind,
		 void *owner)
{
	waiters_remove(w, who);
	if (w->n >= w->cap)
		grow(w);
	who->id = *id;
	who->kind = kind;
	who->owner = owner;
	chain(&w->slots[slot_of(id, w->cap)], who);
	w->n++;
}

void waiters_remove(struct waiters *w, struct waiter *who)
{
	if (!who->link)
		return;
	*who->link = who->next;
	if (who->next)
		who->next->link = who->link;
	who->link = NULL;
	who->next = NULL;
	w->n--;
}

struct waiter *waiters_take(struct waiters *w, const struct id *id)
{
	for (struct waiter *who = w->slots[slot_of(id, w->cap)]; who; who = who->next)
		if (memcmp(&who->id, id, sizeof *id) == 0) {
			waiters_remove(w, who);
			return who;
		}
	return NULL;
}

void waiters_each(struct waiters *w, void (*fn)(struct waiter *who))
{
	for (size_t i = 0; i < w->cap; i++)
		for (struct waiter *who = w->slots[i], *next; who; who = next) {
			next = who->next;
			fn(who);
		}
}
