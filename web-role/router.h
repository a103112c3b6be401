/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finds the route of a request: a table of methods and path patterns, segment by segment. `{id}` in a pattern takes one
 * segment, decoded. HEAD is served wherever GET is, OPTIONS everywhere. Pure code, any thread. */
#ifndef SQUARE_ROUTER_H
#define SQUARE_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include "http_head.h"

#define ROUTER_PARAMS_MAX 2
#define ROUTER_PARAM_SIZE 80 /* a longer segment matches no pattern */
#define ROUTER_ALLOW_SIZE 80

struct request;
enum route_flag {
	ROUTE_ANY_HOST = 1, /* answers whatever Host says: a probe asks by any name */
	/* what a token must be allowed, while there is authentication: none of these means any valid token will do */
	ROUTE_OPEN = 2, /* no token is asked for, whatever the method */
	ROUTE_SUBMIT = 4,
	ROUTE_READ = 8,
	ROUTE_ADMIN = 16,
	ROUTE_METRICS = 32,
	ROUTE_PROBE = 64, /* the load balancer's own token will do as well */
};
struct route {
	enum http_method method;
	unsigned flags;      /* enum route_flag bits */
	const char *pattern; /* "/v1/jobs/{id}" */
	void (*handle)(struct request *r);
};

struct router_match {
	const struct route *route; /* NULL: none */
	unsigned allow;            /* bits (1 << method) that this path takes; 0: no such path */
	bool open;                 /* one of the path's routes is ROUTE_OPEN */
	unsigned n_params;
	char param[ROUTER_PARAMS_MAX][ROUTER_PARAM_SIZE];
};

/* Fills *m. A path that exists without this method gives no route and its `allow`. */
void router_match(const struct route *table, size_t n, enum http_method method, struct http_text path,
		  struct router_match *m);
/* The value of an Allow header: "GET, HEAD, OPTIONS". */
void router_allow(unsigned allow, char out[ROUTER_ALLOW_SIZE]);

#endif
