/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The web role as a process: its listen address, its reactors, one thread each, and its end: the hooks of role.h
 * (web_open; web_run; web_stop and web_close). The main thread. */
#ifndef SQUARE_WEB_H
#define SQUARE_WEB_H

#include "err.h"
#include "startup.h"

struct web;
/* Binds the endpoint HttpIn and makes the reactors. NULL with *info. */
struct web *web_open(const struct startup *startup, struct errinfo *info);
/* Serves until SIGTERM, SIGINT or a recycle (SIGHUP). The exit status. */
int web_run(struct web *w);
/* Leaves rotation and drains within DrainSeconds; a second signal: at once. */
void web_stop(struct web *w);
void web_close(struct web *w);

#endif
