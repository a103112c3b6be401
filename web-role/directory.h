/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A reactor's copy of the registry of live instances: who serves an endpoint, and where. What was read stands while
 * Redis is away. One thread. */
#ifndef SQUARE_DIRECTORY_H
#define SQUARE_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "gate.h"
#include "rlinks.h"
#include "roleenv.h"

struct directory;
struct directory *directory_new(struct rlinks *links); /* NULL when memory ran out */
void directory_free(struct directory *d);              /* after its links */

/* The instances that are ready and have an endpoint of this name, sorted by id, up to max of them into out, which stand
 * until the next refresh. Returns how many there are. */
size_t directory_ready(const struct directory *d, const char *endpoint, const struct roleenv_peer **out, size_t max);
/* Whether a live instance, ready or about to be, takes jobs of this queue. */
bool directory_serves(const struct directory *d, const char *queue);
bool directory_known(const struct directory *d); /* the registry was read once at least */

/* Reads anew; cb then runs (e and cb may be NULL). ERR_NOT_FOUND: that was done less than a second ago; or why Redis
 * cannot be asked: cb will not run. */
int directory_refresh(struct directory *d, struct gate_entry *e, gate_cb *cb, void *arg);
void directory_stale(struct directory *d); /* news: the next refresh need not wait for its second */

#endif
