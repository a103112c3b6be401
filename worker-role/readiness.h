/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The endpoint WorkerHealth: tells whoever places traffic and work (load balancer, container engine, --healthcheck) how
 * this worker is. HTTP on the worker's own loop; GET and HEAD of two paths:
 *
 *   /healthz  200 for as long as the loop turns, whatever else is wrong
 *   /readyz   200: direct calls (SquareEndpoint) may be sent here; 503 with a sentence: not now
 *
 * Direct calls need no Redis, so a worker without it stays ready for them; whether it can work for the queues is told
 * in the body of both, in the member `queue`.
 *
 * It asks nobody for a token and tells nobody anything secret. Few connections are served, none for longer than
 * READINESS_SECONDS. */
#ifndef SQUARE_READINESS_H
#define SQUARE_READINESS_H

#include <stdint.h>
#include <uv.h>

#include "err.h"

#define READINESS_CONNECTIONS 32 /* at once; further ones wait */
#define READINESS_SECONDS 10     /* of a connection, whatever it does; half of that without a byte */

struct readiness_view {
	const char *why_not; /* a sentence; NULL: ready for direct calls */
	char queue[320];     /* why no queue can be served, a sentence; "": all is well there */
};

struct readiness_options {
	const char *address; /* numeric, to bind */
	unsigned port;       /* 0: any free one */
	const char *instance;
	/* Fills the view, zeroed before, for each answer. */
	void (*on_ask)(void *arg, struct readiness_view *view);
	void *arg;
};

struct readiness;
/* Binds and serves as soon as the loop runs. instance is borrowed. NULL with *info. */
struct readiness *readiness_new(uv_loop_t *loop, const struct readiness_options *options, struct errinfo *info);
unsigned readiness_port(const struct readiness *r);
/* clock_mono_us() when somebody last asked /readyz; 0: nobody did. NULL: 0. */
uint64_t readiness_asked_us(const struct readiness *r);
/* Closes everything at once. The memory goes when the loop has closed the handles. NULL does nothing. */
void readiness_free(struct readiness *r);

#endif
