/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The life cycle of an instance, the same for every role: what the mains of both roles are made of, and of whatever
 * other service is built on them.
 *
 *            startup.h: files, settings, role environment, local resources, log
 *                |
 *   Starting   on_start   makes what the role needs and binds its endpoints; nothing is served yet. Not 0: exit status
 * 1
 *                |
 *   Ready        run      serves: in rotation when its readiness says so. Returns when it is told to stop (SIGTERM,
 *                |        SIGINT), asked to recycle (SIGHUP, roleenv_request_recycle), or cannot go on
 *   Stopping   on_stop    leaves rotation, finishes or gives back what is in hand, closes, frees. Within the setting
 *                |        DrainSeconds; a process that has not done so ROLE_STOP_GRACE_S later is ended here
 *             exit        with what run returned. Whatever it was, also 0, the supervisor of the place (the local
 * fabric, compose, systemd, Kubernetes) starts the instance anew, unless it was that one that stopped it
 *
 * While it runs, SIGUSR1 sets the instance busy (out of rotation, asking for no work, finishing what it has) and
 * SIGUSR2 sets it back. Roles receive these signals themselves, each on its own loop. */
#ifndef SQUARE_ROLE_H
#define SQUARE_ROLE_H

#include "err.h"
#include "startup.h"

#define ROLE_STOP_GRACE_S 5

struct role_hooks {
	enum csdef_kind kind;
	/* startup is borrowed until on_stop returns. 0; or another value with *info filled: then nothing else is
	 * called, and nothing may be left that on_stop would have to free. */
	int (*on_start)(void *arg, const struct startup *startup, struct errinfo *info);
	int (*run)(void *arg); /* the exit status */
	void (*on_stop)(void *arg);
};

/* The whole of main, from the command line to the exit status: 2 for a wrong command line; 1 when the configuration is
 * wrong, the start fails, or stopping takes too long; else what run returned. arg goes to the hooks. */
int role_main(const struct role_hooks *hooks, void *arg, int argc, char **argv);

#endif
