/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An instance's place among the live ones, in Redis: it tells that it is there, hears when the set of instances
 * changes, and by the same call knows that Redis answers. One object per set of links; the loop's thread.
 *
 * With `env` the instance announces itself (and its catalogue) and keeps env's view of the others fresh. Without, it
 * only listens: for the further reactors of a web role, which need the news and the proof of life. */
#ifndef SQUARE_PRESENCE_H
#define SQUARE_PRESENCE_H

#include <stdint.h>
#include <uv.h>

#include "buf.h"
#include "rlinks.h"
#include "roleenv.h"

/* What others may rely on: whoever joins, leaves in order or changes is seen by all after PRESENCE_EVERY_MS at most,
 * who ends without a word (kill -9) after PRESENCE_TTL_US: as soon as somebody is late by half that time, all who
 * announce themselves are told when to look again. A stall shorter than the difference of the two passes unseen, and so
 * does one of any length that struck all of them; see presence.lua. */
#define PRESENCE_EVERY_MS 1300
#define PRESENCE_TTL_US 2750000     /* an instance not heard of for this long is gone; at least twice the other */
#define PRESENCE_METRICS_US 4500000 /* least time between two texts of metrics: every fourth announcement has one */
#define PRESENCE_METRICS_MAX (256 << 10) /* bytes; what is longer loses its last lines */

struct presence_load {
	unsigned running, capacity;
	const char *state; /* "starting", "ready", "stopping" */
};

struct presence_options {
	struct roleenv *env;   /* NULL: listen only */
	unsigned interval_ms;  /* between two calls; 0: PRESENCE_EVERY_MS */
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
struct presence *presence_new(uv_loop_t *loop, struct rlinks *links, const struct presence_options *options);
void presence_free(struct presence *p); /* says nothing to Redis; see presence_leave */
/* Announces now: after the link came up, or when the state changed. Does nothing while the link is down. */
void presence_announce(struct presence *p);
/* Withdraws the instance; done runs when Redis has answered, or cannot. Nothing is announced after it. */
void presence_leave(struct presence *p, void (*done)(void *arg), void *arg);
/* clock_mono_us() of the last answered call; 0 before the first. */
uint64_t presence_answered_us(const struct presence *p);

#endif
