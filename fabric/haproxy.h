/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The load balancer's configuration, rendered from the plan: one frontend and its backends for each input endpoint of
 * the definition. Pure text; starts nothing. */
#ifndef SQUARE_HAPROXY_H
#define SQUARE_HAPROXY_H

#include "buf.h"
#include "plan.h"

/* Appends the configuration (HAProxy 2.6). connections: of the whole process at once, at least 10, from the limit of
 * open files; every endpoint has its share of them. */
void haproxy_render(const struct plan *plan, unsigned connections, unsigned threads, struct buf *out);

#endif
