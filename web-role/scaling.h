/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many workers a queue should have, from what it holds and how fast it is filled. Pure code, any thread.
 *
 * Slots are counted first, a slot being what runs one job at a time:
 *   steady  = arrivals per second x mean run time: as many run at once when the queue neither grows nor shrinks
 *             (Little's law)
 *   drain   = waiting jobs x mean run time / SCALING_DRAIN_S: what it takes to run the backlog off in that time
 *   slots   = max(running, steady) + drain
 *   workers = slots / slots of one worker, rounded up
 * What runs counts though nothing may arrive any more: who scales by this number must not take a worker from under its
 * jobs. Only that much counts while the queue is paused, because no worker may start the rest. With anything queued,
 * running or delayed it is one at least: delayed jobs become due by a worker's hand. With nothing it is none.
 * The mean run time is that of the last seconds if jobs finished in them, else of all that ever did, else
 * SCALING_RUN_S. */
#ifndef SQUARE_SCALING_H
#define SQUARE_SCALING_H

#include <stdint.h>

#include "queue.h"

#define SCALING_DRAIN_S 10.0
#define SCALING_RUN_S 0.1        /* of a queue that has run nothing yet */
#define SCALING_WORKERS_MAX 1000 /* whatever the figures say: a number that people act upon */

double scaling_run_s(const struct queue_figures *f); /* the mean run time, seconds */
/* slots_per_worker: of the live workers that serve it, their mean; 0: none is known, and 1 is assumed. */
unsigned scaling_workers(const struct queue_figures *f, double slots_per_worker);

#endif
