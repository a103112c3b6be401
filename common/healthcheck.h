/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `web-role --healthcheck` and `worker-role --healthcheck` do: ask the instance that runs with this environment
 * whether it is ready, at the address that it binds, and say so in one sentence. For the health checks of containers,
 * whose images hold no other HTTP client. Starts nothing and asks Redis nothing; blocks for a second at most. */
#ifndef SQUARE_HEALTHCHECK_H
#define SQUARE_HEALTHCHECK_H

#include "startup.h"

#define HEALTHCHECK_WEB "HttpIn"          /* the endpoint of a web role that serves /readyz */
#define HEALTHCHECK_WORKER "WorkerHealth" /* likewise of a worker role */

/* The exit status: 0 and the sentence on standard output: it is ready; 1 and the sentence on standard error: it is not,
 * or where it should be asked is not known. program begins that line. */
int healthcheck(const char *program, const struct startup *s);

#endif
