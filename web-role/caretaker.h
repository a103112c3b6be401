/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looks after the queues that no live worker serves: their jobs expire, fall due and lose their leases all the same.
 * Workers reap the queues they serve; here is what nobody else would do. One per web role, on its first reactor. */
#ifndef SQUARE_CARETAKER_H
#define SQUARE_CARETAKER_H

#include <uv.h>

#include "directory.h"
#include "rlinks.h"
#include "tags.h"

struct caretaker;
/* All borrowed. NULL when memory ran out. */
struct caretaker *caretaker_new(uv_loop_t *loop, struct rlinks *links, struct tags *tags,
				const struct directory *directory);
/* Before its links. The memory goes when the loop has closed the timer and the last call has ended. */
void caretaker_free(struct caretaker *c);

#endif
