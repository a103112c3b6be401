/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A worker-role instance: one loop that owns the queue side (claimer, reaper, presence) and the direct TCP endpoint,
 * over one executor. worker_run() returns after SIGTERM or SIGINT, when what was in hand is finished or given back. */
#ifndef SQUARE_WORKER_H
#define SQUARE_WORKER_H

#include "err.h"
#include "startup.h"

struct worker;
/* Binds the endpoint and starts connecting to Redis (it need not be there yet). startup is borrowed. NULL with *info
 * filled when an endpoint or a setting cannot be used. */
struct worker *worker_open(const struct startup *startup, struct errinfo *info);
/* The exit status: 0 after an orderly stop. */
int worker_run(struct worker *w);
void worker_close(struct worker *w);

#endif
