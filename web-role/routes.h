/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is served: one table in routes.c, the place to add a path. */
#ifndef SQUARE_ROUTES_H
#define SQUARE_ROUTES_H

#include "http_head.h"
#include "router.h"

const struct route *routes_table(size_t *n);
/* Also for the target "*" of OPTIONS, which takes what any path takes. */
void routes_match(const struct http_head *h, struct router_match *m);

#endif
