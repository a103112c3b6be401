/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where Redis is, read from a URL:
 *   redis://[user:password@]host[:port][/db]
 *   unix://[user:password@]/path[?db=n]
 *   redis+sentinel://[user:password@]host[:port][,host[:port]...]/master[/db][?[sentinel_user=u&]sentinel_password=p]
 *   redis+cluster://[user:password@]host[:port][,host[:port]...]
 * The third names the sentinels to ask where the master of that name is; user, password and db are those of the master.
 * The last names nodes of a Redis Cluster, any of them, to ask for all the others; user and password are for each.
 */
#ifndef SQUARE_RURL_H
#define SQUARE_RURL_H

#include "err.h"

#define RURL_SENTINELS_MAX 8
#define RURL_NODES_MAX 8

struct rurl_host {
	char host[256];
	unsigned port;
};

struct rurl {
	char host[256]; /* empty for a unix socket, and when sentinels or a cluster know it */
	char path[108]; /* of the unix socket */
	unsigned port;
	unsigned db;
	char user[128];     /* empty: the default user */
	char password[512]; /* empty: no AUTH */

	unsigned sentinel_count; /* 0: this URL says itself where Redis is */
	struct rurl_host sentinels[RURL_SENTINELS_MAX];
	char master[128]; /* its name among the sentinels */
	char sentinel_user[128];
	char sentinel_password[512]; /* empty: no AUTH to the sentinels */

	unsigned node_count; /* 0: no cluster */
	struct rurl_host nodes[RURL_NODES_MAX];
};

/* 0, or ERR_INVALID with *info saying what was expected (never with the password in it); *out untouched on failure. */
int rurl_parse(const char *url, struct rurl *out, struct errinfo *info);

#endif
