/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The live instances of all roles, as the registry in Redis has them now: web roles and workers, whoever asks. The
 * thread of the link. */
#ifndef SQUARE_INSTANCES_H
#define SQUARE_INSTANCES_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "rlink.h"
#include "roleenv.h"

struct instance {
	const struct roleenv_peer *peer;
	uint64_t age_us; /* since its last heartbeat */
};
struct instances {
	size_t n;
	const struct instance *list; /* sorted by instance id */
};

/* list: borrowed for the call; NULL unless status is 0. */
typedef void instances_cb(void *arg, int status, const struct instances *list);
/* Reads the registry; 0: cb will run. Instances whose heartbeat is older than PRESENCE_TTL_US are left out. */
int instances_read(struct rlink *link, instances_cb *cb, void *arg);
/* Appends one instance, a JSON object. */
void instances_json(struct buf *out, const struct instance *i);

#endif
