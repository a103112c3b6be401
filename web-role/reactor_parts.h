/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of a reactor (reactor.h): its turns (reactor.c) and its links to Redis (reactor_links.c). For these two
 * files alone. */
#ifndef SQUARE_REACTOR_PARTS_H
#define SQUARE_REACTOR_PARTS_H

#include "reactor.h"

/* Opens what leads to Redis, before whatever is made of it; the callbacks find it from the loop's first turn on. */
int reactor_open_links(struct reactor *r, struct errinfo *info);
void reactor_close_lanes(struct reactor *r); /* of submissions, which are answered ERR_CLOSED */
void reactor_close_links(struct reactor *r); /* last of all that uses them */
void reactor_flush(struct reactor *r);       /* sends the submissions of this turn */

#endif
