/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Blocking links to all of a Redis, for tools: one to one server (or to the master that sentinels name), to a cluster
 * one for each master, by the map that it had when they were opened. One thread. */
#ifndef SQUARE_RSYNCS_H
#define SQUARE_RSYNCS_H

#include <stddef.h>

#include "rlink.h"

struct rsyncs;
/* url: of any form in rurl.h. Every master must be there. NULL with *info filled. */
struct rsyncs *rsyncs_open(const char *url, unsigned timeout_ms, struct errinfo *info);
/* The same for a link that is there already, which stays the caller's. NULL when memory ran out. */
struct rsyncs *rsyncs_of(struct rsync *link);
void rsyncs_close(struct rsyncs *s); /* NULL does nothing */
/* The link to where a tag or key is. NULL: no master has its slot. */
struct rsync *rsyncs_at(const struct rsyncs *s, const char *tag);
struct rsync *rsyncs_each(const struct rsyncs *s, size_t i); /* i = 0, 1, … until NULL */

#endif
