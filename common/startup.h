/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the mains of both roles share: the command line, service.csdef and service.cscfg, the settings, the role
 * environment and the log, in this order. Runs before any thread is started. */
#ifndef SQUARE_STARTUP_H
#define SQUARE_STARTUP_H

#include "config.h"
#include "csdef.h"
#include "roleenv.h"

struct startup {
	struct csdef *csdef;
	struct config *config;
	struct roleenv *roleenv;
};

#define STARTUP_GO (-1)

/* Fills *s, makes the local resources, and returns STARTUP_GO; or, when there is nothing to run (--help, --version, -n,
 * --healthcheck, an error), says so on standard output or error and returns the exit status: 0 fine, 1 the
 * configuration is wrong or the instance asked is not ready, 2 bad usage. */
int startup_open(struct startup *s, enum csdef_kind kind, int argc, char **argv);
/* --healthcheck is among the arguments: nothing is going to run, so nothing need be prepared that costs time. */
bool startup_only_asks(int argc, char **argv);
void startup_close(struct startup *s);

#endif
