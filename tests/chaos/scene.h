/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a row needs that follows single jobs: a world, an oracle, one client and a link to Redis, and what Redis holds
 * of a job. Of one thread. */
#ifndef SQUARE_TESTS_CHAOS_SCENE_H
#define SQUARE_TESTS_CHAOS_SCENE_H

#include <stdbool.h>
#include <stddef.h>

#include "client.h"
#include "job.h"
#include "oracle.h"
#include "world.h"

#define SCENE_MS 60000 /* patience with whatever must happen, on a busy machine */

struct scene {
	struct chaos_run *r;
	struct world *w;
	struct oracle *o;
	struct client *client;
	struct rsync *link;
};

void scene_open(struct scene *s, struct chaos_run *r, const struct world_options *options);
/* Settles what is open, and stops the service. */
void scene_close(struct scene *s);

/* A submission with a key of its own and a known end; its number at the oracle. */
size_t scene_job(struct scene *s, const char *body, const char *result, enum oracle_end end);
/* Until it is acknowledged. False, and the row has failed: it was not. */
bool scene_deliver(struct scene *s, size_t job);
/* What Redis holds of it; the spans are good until the link's next call. False: nothing that can be read. */
bool scene_record(struct scene *s, size_t job, struct job *out);
/* Waits for its end, and reads the record. False, and the row has failed: it did not come. */
bool scene_end(struct scene *s, size_t job, struct job *out);

#endif
