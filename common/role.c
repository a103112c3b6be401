/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "role.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

/* A process that cannot stop is of no use to anybody: whoever runs it would kill it, and learn nothing. */
static void on_too_late(int number)
{
	static const char words[] = "the instance did not stop within DrainSeconds and 5 s more: ended as it stands\n";

	(void)number;
	(void)!write(STDERR_FILENO, words, sizeof(words) - 1);
	_exit(1);
}

/* Begins to count; any thread may take the signal. */
static void bound_stop(const struct startup *s)
{
	struct sigaction late = { .sa_handler = on_too_late };
	sigset_t alarms;

	sigemptyset(&late.sa_mask);
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	if (sigaction(SIGALRM, &late, NULL) != 0 || pthread_sigmask(SIG_UNBLOCK, &alarms, NULL) != 0)
		log_error("stopping goes on without a bound: SIGALRM cannot be received");
	alarm((unsigned)config_int(s->config, CONFIG_DRAIN_SECONDS) + ROLE_STOP_GRACE_S);
}

int role_main(const struct role_hooks *hooks, void *arg, int argc, char **argv)
{
	struct startup startup;
	struct errinfo info;
	int status;

	/* A lookup of a name cannot be taken back, and who stops waits for it: one that is not answered is made again
	 * by the link that needs it, and not by the resolver, which takes 10 s and more. */
	(void)setenv("RES_OPTIONS", "timeout:1 attempts:1", 0);
	status = startup_open(&startup, hooks->kind, argc, argv);

	if (status != STARTUP_GO)
		return status;
	if (hooks->on_start(arg, &startup, &info) != 0) {
		log_error("%s", info.text);
		startup_close(&startup);
		return 1;
	}
	status = hooks->run(arg);
	bound_stop(&startup);
	hooks->on_stop(arg);
	alarm(0);
	startup_close(&startup);
	return status;
}
