/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The local fabric: runs a whole service on this machine, as a cloud's fabric would: a private Redis, the load balancer
 * on the public ports, the configured instances of each role; keeps them running, and takes them down in order.
 *
 *   start: Redis answers -> instances answer on their own ports -> balancer -> public endpoints answer -> ready
 *   stop:  instances drain and end -> balancer -> Redis
 *
 * One thread, one loop. */
#ifndef SQUARE_FABRIC_H
#define SQUARE_FABRIC_H

#include "err.h"
#include "plan.h"
#include "rundir.h"

/* Runs the service until a signal ends it (SIGTERM, SIGINT, SIGHUP: in order; a second SIGINT: at once). ready_fd gets
 * the line "ready" when it is; -1: nobody wants to know. Returns the exit status: 0 stopped when asked, 1 it could not
 * be started (the reason is on standard error), 130 ended at once. */
int fabric_run(const struct plan *plan, struct rundir *dir, int ready_fd);

#endif
