/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reply queue of one reactor, drained in batches: a list per tag in Redis where the ends of its jobs are pushed,
 * read by blocking pops on links of their own. What arrives is a hint; who waits also looks for itself now and then. */
#ifndef SQUARE_REPLIES_H
#define SQUARE_REPLIES_H

#include <uv.h>

#include "id.h"
#include "job.h"
#include "rslots.h"
#include "tags.h"

struct replies;
typedef void replies_cb(void *arg, const struct id *id, const struct job *job); /* job is borrowed */
/* slots: borrowed. receiver (the list's name): copied. NULL with *info. */
struct replies *replies_new(struct rslots *slots, const char *receiver, replies_cb *cb, void *arg,
			    struct errinfo *info);
void replies_free(struct replies *r);
/* From now on the list of this tag is read too. Cheap when it is already. */
void replies_listen(struct replies *r, struct tag *tag);

#endif
