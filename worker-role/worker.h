/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A worker-role instance: one loop that owns the queue side (claimer, reaper, presence), the direct TCP endpoint and
 * the endpoint that tells readiness, over one executor and its compute children. The hooks of role.h, in their order:
 * worker_open, worker_run, worker_stop and worker_close. */
#ifndef SQUARE_WORKER_H
#define SQUARE_WORKER_H

#include "err.h"
#include "startup.h"

struct worker;
struct zygote;
/* Starts the compute children, binds the endpoint and starts connecting to Redis (it need not be there yet). startup
 * and zygote are borrowed. NULL with *info filled when an endpoint or a setting cannot be used. */
struct worker *worker_open(const struct startup *startup, struct zygote *zygote, struct errinfo *info);
/* Serves until SIGTERM, SIGINT, a recycle (SIGHUP), or until there are no compute children any more. The exit status: 1
 * in that last case, else 0. */
int worker_run(struct worker *w);
/* Leaves rotation, finishes what is in hand or gives it back, says good-bye to Redis: within DrainSeconds. */
void worker_stop(struct worker *w);
void worker_close(struct worker *w);

#endif
