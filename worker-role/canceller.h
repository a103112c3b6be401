/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hears at once that a running job is to be cancelled: waits for the hints that sq_cancel leaves for this boot of this
 * instance, by a blocking pop on a link of its own, and only while jobs run that take longer than a blink. The promise
 * does not rest on it: a hint that is lost costs the time until the next heartbeat, which says the same. */
#ifndef SQUARE_CANCELLER_H
#define SQUARE_CANCELLER_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "err.h"

struct canceller;
struct canceller_options {
	const char *redis_url;
	const char *instance, *boot;
	const char *const *tags; /* borrowed for the life of the canceller, like the texts above */
	size_t tag_count;
	/* batch and id: zero-terminated, of whatever form somebody wrote into the list. */
	void (*on_cancel)(void *arg, const char *batch, const char *id);
	void *arg;
};
/* NULL with *info filled. */
struct canceller *canceller_new(uv_loop_t *loop, const struct canceller_options *options, struct errinfo *info);
/* Tell it in each turn of the loop whether jobs run that could be cancelled. */
void canceller_watch(struct canceller *c, bool running);
void canceller_drop(struct canceller *c);    /* the other link to Redis is lost: this one is too */
void canceller_refresh(struct canceller *c); /* now and then: try again what Redis refused */
/* Closes the handles; the memory goes when the loop has closed them. */
void canceller_free(struct canceller *c);

#endif
