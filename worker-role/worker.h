/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A worker-role instance: one loop that owns the queue side (claimer, reaper, presence) and the direct TCP endpoint,
 * over one executor and its compute children. worker_run() returns after SIGTERM or SIGINT, when what was in hand is
 * finished or given back. */
#ifndef SQUARE_WORKER_H
#define SQUARE_WORKER_H

#include "err.h"
#include "startup.h"

struct worker;
struct zygote;
/* Starts the compute children, binds the endpoint and starts connecting to Redis (it need not be there yet). startup
 * and zygote are borrowed. NULL with *info filled when an endpoint or a setting cannot be used. */
struct worker *worker_open(const struct startup *startup, struct zygote *zygote, struct errinfo *info);
/* The exit status: 0 after an orderly stop, 1 when there were no compute children any more. */
int worker_run(struct worker *w);
void worker_close(struct worker *w);

#endif
