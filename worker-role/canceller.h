/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hears at once that a running job is to be cancelled: waits for the hints that sq_cancel leaves for this boot of this
 * instance, by blocking pops on links of its own, and only for shards of which jobs run that take longer than a blink.
 * The promise does not rest on it: a hint that is lost costs the time until the next heartbeat, which says the same. */
#ifndef SQUARE_CANCELLER_H
#define SQUARE_CANCELLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "err.h"
#include "rslots.h"

struct canceller;
struct canceller_options {
	struct rslots *slots; /* borrowed for the life of the canceller, like the texts below */
	const char *instance, *boot;
	bool (*is_running)(void *arg, size_t shard); /* jobs of this shard are */
	/* batch and id: zero-terminated, of whatever form somebody wrote into the list. */
	void (*on_cancel)(void *arg, const char *batch, const char *id);
	void *arg;
};
/* NULL with *info filled. */
struct canceller *canceller_new(uv_loop_t *loop, const struct canceller_options *options, struct errinfo *info);
/* One more shard, with the next number from 0 on. tag: borrowed. 0 or ERR_NOMEM. */
int canceller_add(struct canceller *c, const char *tag);
/* Tell it in each turn of the loop whether jobs run that could be cancelled, and how many have ever begun to. */
void canceller_watch(struct canceller *c, bool running, uint64_t starts);
void canceller_drop(struct canceller *c, size_t shard); /* another link to its Redis is lost: this one is too */
void canceller_refresh(struct canceller *c);            /* now and then: try again what Redis refused */
/* Closes the handles; the memory goes when the loop has closed them. */
void canceller_free(struct canceller *c);

#endif
