/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every role measures of a thread with a loop and a link to Redis: the turns of the loop, how long it is busy, and
 * how the link does. One for each such thread, counted on that thread. */
#ifndef SQUARE_VITALS_H
#define SQUARE_VITALS_H

#include <uv.h>

#include "metrics.h"
#include "rlink.h"

struct vitals;

/* Registers in set. Call it right after uv_loop_init(). name: the label `loop`, "0". set and loop are borrowed.
 * Aborts when memory runs out, as registering does. */
struct vitals *vitals_new(struct metrics *set, uv_loop_t *loop, const char *name);
void vitals_free(struct vitals *v);
/* For rlink_options.seconds. */
struct metrics_value *vitals_call_seconds(const struct vitals *v);
/* Once a turn of the loop. links: of all links together, and how many of them are up; NULL while there are none. */
void vitals_turn(struct vitals *v, const struct rlink_stats *links, unsigned up);

#endif
