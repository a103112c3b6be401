/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of a batch share: batch.c, batch_lease.c and batch_end.c, nobody else. */
#ifndef SQUARE_BATCH_PARTS_H
#define SQUARE_BATCH_PARTS_H

#include "batch.h"

/* The link to where the batch's shard is now. */
struct rlink *batch_link(const struct batch *b);
/* Moves an entry on, and keeps the owner's counts of ready and promised ones. */
void batch_set_state(struct entry *e, enum entry_state state);
/* Nothing more is owed for this entry. */
void batch_entry_gone(struct entry *e);
/* Retires the batch if nothing is left of it: it must not be touched after this. */
void batch_settle(struct batch *b);
/* Of a batch that was just taken: long ones start as far as slots and children are free, the first ones first; the rest
 * goes back to its queue's head. */
void batch_give_back_surplus(struct batch *b);

#endif
