/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "command.h"

static int get_exec(const struct options *o, int argc, char **argv)
{
	double wait_s = o->wait_s < 60 ? o->wait_s : 60;
	struct call_reply reply;
	char path[128];
	int status;

	(void)argc;
	if (strlen(argv[0]) > 64 || strspn(argv[0], "0123456789abcdefABCDEF-") != strlen(argv[0])) {
		(void)fprintf(stderr,
			      "square: expected a job's id such as 0193b0a4-7c2e-7000-8000-3f1c5d9e2b47, got \"%s\"\n",
			      argv[0]);
		return EXIT_USAGE;
	}
	if (o->wait_s > 0)
		(void)snprintf(path, sizeof(path), "/v1/jobs/%s?wait=%.3f", argv[0], wait_s);
	else
		(void)snprintf(path, sizeof(path), "/v1/jobs/%s", argv[0]);
	status = call_http(o, "GET", path, NULL, o->wait_s > 0 ? wait_s : 0, "the job", &reply);
	return status == EXIT_DONE ? call_follow(o, &reply, false) : status;
}

const struct command command_get = {
	.name = "get",
	.usage = "ID [--wait SECONDS] [--json]",
	.help = "show a job; with --wait, when it is done",
	.takes = OPTION_WAIT | OPTION_JSON | OPTION_SERVICE,
	.min_args = 1,
	.max_args = 1,
	.exec = get_exec,
};
