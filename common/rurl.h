/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where Redis is, read from a URL: redis://[user:password@]host[:port][/db], unix://[user:password@]/path[?db=n]. */
#ifndef SQUARE_RURL_H
#define SQUARE_RURL_H

#include "err.h"

struct rurl {
	char host[256]; /* empty for a unix socket */
	char path[108]; /* of the unix socket */
	unsigned port;
	unsigned db;
	char user[128];     /* empty: the default user */
	char password[512]; /* empty: no AUTH */
};

/* 0, or ERR_INVALID with *info saying what was expected (never with the password in it); *out untouched on failure. */
int rurl_parse(const char *url, struct rurl *out, struct errinfo *info);

#endif
