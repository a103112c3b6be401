/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of batches, in order or not: what has not started goes back, what runs is given up, memory is freed. */
#include <stdlib.h>

#include "batch_parts.h"

void batch_give_back_surplus(struct batch *b)
{
	struct batch_owner *o = b->owner;
	unsigned slots = executor_free_slots(o->executor), children = executor_free_children(o->executor);
	bool any_heavy = false, too_many = false;
	for (size_t i = b->n; i-- > 0;) {
		struct entry *e = &b->entries[i];
		if (e->state != ENTRY_CLAIMED || (e->is_short && !o->draining))
			continue;
		any_heavy = any_heavy || e->is_heavy;
		bool surplus = e->is_heavy ? o->heavies > children : o->promised > slots;
		too_many = too_many || (e->is_heavy && surplus);
		if (surplus || o->draining)
			batch_set_state(e, ENTRY_GIVE_BACK);
	}
	o->crowded = too_many || (o->crowded && any_heavy);
}

void batch_drain(struct batch_owner *o)
{
	o->draining = true;
	for (struct batch *b = o->batches; b; b = b->next)
		for (size_t i = 0; i < b->n; i++)
			if (b->entries[i].state == ENTRY_CLAIMED) {
				batch_set_state(&b->entries[i], ENTRY_GIVE_BACK);
				b->dirty = true;
			}
}

void batch_give_back_all(struct batch_owner *o)
{
	for (struct batch *b = o->batches; b; b = b->next)
		for (size_t i = 0; i < b->n; i++) {
			struct entry *e = &b->entries[i];
			if (e->state != ENTRY_RUNNING && e->state != ENTRY_STARTING)
				continue;
			batch_set_state(e, ENTRY_GIVE_BACK);
			if (e->run)
				executor_cancel(e->run);
			b->dirty = true;
		}
}

unsigned batch_running(const struct batch_owner *o)
{
	size_t n = 0;
	for (const struct batch *b = o->batches; b; b = b->next)
		n += b->left;
	return (unsigned)n;
}

void batch_free_all(struct batch_owner *o)
{
	for (struct batch *b = o->batches, *next; b; b = next) {
		next = b->next;
		for (size_t i = 0; i < b->n; i++)
			batch_entry_gone(&b->entries[i]);
		buf_fini(&b->results);
		free(b);
	}
	for (struct batch *b = o->spare, *next; b; b = next) {
		next = b->next;
		buf_fini(&b->results);
		free(b);
	}
	o->batches = o->last = o->spare = NULL;
}
