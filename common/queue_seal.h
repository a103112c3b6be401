/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ends that were read through a link, held until they outlive Redis: what a client is told of the end of a job must not
 * be forgotten by a Redis that is killed a moment later. A link has at most one seal, which comes with its first use
 * and goes with the link. All calls on the loop's thread; callbacks never run from within them. */
#ifndef SQUARE_QUEUE_SEAL_H
#define SQUARE_QUEUE_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "rlink.h"

struct queue_seal;
/* The link's; NULL when memory ran out. Borrowed: stands until rlink_free(). */
struct queue_seal *queue_seal_of(struct rlink *link);

/* Whether what ended then (Redis time in microseconds) is on file for certain: nothing is to be waited for. */
bool queue_seal_is_old(const struct queue_seal *s, uint64_t finished_us);

/* status: 0 it is on file; ERR_UNKNOWN the link was lost, and perhaps the end with it; ERR_UNAVAILABLE Redis cannot
 * write, or has not told for 5 s; ERR_CLOSED the link is being freed. */
typedef void queue_seal_cb(void *arg, int status);
/* For the callback of a reply of this link: cb runs, once, when all that was executed up to that reply is on file.
 * finished_us: when the latest of the ends that it tells of was; UINT64_MAX when that is not known. 0, or an error and
 * cb will not run. */
int queue_seal_hold(struct queue_seal *s, uint64_t finished_us, queue_seal_cb *cb, void *arg);

/* Asks right behind the command that was given last, so that a hold for its reply costs no way back and forth: for
 * commands whose replies nearly always tell of an end. */
void queue_seal_look(struct queue_seal *s);

#endif
