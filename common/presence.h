/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An instance's place among the live ones, in Redis: it tells that it is there, hears when the set of instances
 * changes, and by the same call knows that Redis answers. One object per link; the loop's thread.
 *
 * With `env` the instance announces itself (and its catalogue) and keeps env's view of the others fresh. Without, it
 * only listens: for the further reactors of a web role, which need the news and the proof of life. */
#ifndef SQUARE_PRESENCE_H
#define SQUARE_PRESENCE_H

#include <stdint.h>
#include <uv.h>

#include "buf.h"
#include "rlink.h"
#include "roleenv.h"

#define PRESENCE_TTL_US 6000000          /* an instance not heard of for this long is gone */
#define PRESENCE_METRICS_US 4500000      /* least time between two texts of metrics: every other announcement has one */
#define PRESENCE_METRICS_MAX (256 << 10) /* bytes; what is longer loses its last lines */

struct presence_load {
	unsigned running, capacity;
	const char *state; /* "starting", "ready", "stopping" */
};

struct presence_options {
	struct roleenv *env;   /* NULL: listen only */
	unsigned interval_ms;  /* between two calls; 0: 1,500 */
	const char *digest;    /* of the catalogue; NULL: none. Borrowed for the object's life */
	const char *catalogue; /* JSON; sent only when Redis does not know the digest. Borrowed likewise */
	void (*on_load)(void *arg, struct presence_load *load); /* asked before each announcement; may be NULL */
	/* Appends the metrics of this instance, which stand in Redis (HASH KEYS_REG_MET) for as long as it is present;
	 * may be NULL. */
	void (*on_metrics)(void *arg, struct buf *text);
	/* The set of live instances, an endpoint or the catalogue changed; runs once after the first answer too. */
	void (*on_changed)(void *arg, uint64_t epoch);
	void *arg;
};

struct presence;
struct presence *presence_new(uv_loop_t *loop, struct rlink *link, const struct presence_options *options);
void presence_free(struct presence *p); /* says nothing to Redis; see presence_leave */
/* Announces now: after the link came up, or when the state changed. Does nothing while the link is down. */
void presence_announce(struct presence *p);
/* Withdraws the instance; done runs when Redis has answered, or cannot. Nothing is announced after it. */
void presence_leave(struct presence *p, void (*done)(void *arg), void *arg);
/* clock_mono_us() of the last answered call; 0 before the first. */
uint64_t presence_answered_us(const struct presence *p);

#endif
