/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands of `square`: one const struct each, listed in one table (main.c); adding one is a file and a line. The
 * exit statuses are part of the interface: scripts rely on them. */
#ifndef SQUARE_COMMAND_H
#define SQUARE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

enum exit_status {
	EXIT_DONE = 0,
	EXIT_ENDED = 1,       /* the job or call ended otherwise than with a result */
	EXIT_USAGE = 2,       /* the command line is wrong */
	EXIT_UNREACHABLE = 3, /* the service does not answer, or cannot work now */
	EXIT_UNFINISHED = 4,  /* not finished in the time given */
	EXIT_REFUSED = 5      /* the service refused the request */
};

#define QUEUES_MAX 64 /* times that --queue may be given */

/* The options of all commands; one that does not apply to a command is refused there. */
struct options {
	const char *url, *tcp_address, *queue; /* queue: the last of queues, NULL for none */
	const char *queues[QUEUES_MAX];
	int n_queues;
	const char *redis; /* NULL: not given */
	bool repair;
	const char *token; /* of a service that asks for one; "" for none */
	bool json;
	double wait_s;   /* negative: not given */
	long timeout_ms; /* 0: not given */
};

#define COMMAND_ANY 1000000 /* no upper bound on arguments */

struct command {
	const char *name;
	const char *usage; /* arguments and options, one line */
	const char *help;
	unsigned takes; /* OPTION_ bits */
	int min_args, max_args;
	int (*exec)(const struct options *o, int argc, char **argv); /* an enum exit_status */
};

enum {
	OPTION_WAIT = 1,
	OPTION_QUEUE = 2,
	OPTION_TIMEOUT = 4,
	OPTION_JSON = 8,
	OPTION_SERVICE = 16, /* --url, --tcp-address */
	OPTION_REDIS = 32,
	OPTION_REPAIR = 64
};

extern const struct command command_submit, command_get, command_tcp, command_fsck;

#endif
