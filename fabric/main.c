/* SPDX-License-Identifier: GPL-3.0-or-later */
/* square-fabric: runs the whole service on this machine. See fabric.h. */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "definition.h"
#include "fabric.h"
#include "log.h"

static const char usage[] =
    "usage: square-fabric [--definition FILE] [--configuration FILE] [--run-dir DIR] [--ready-fd N] [-n]\n"
    "Runs the whole service on this machine: a private Redis, the load balancer, and the instances of every role.\n\n"
    "  --definition FILE     what the service is (service.csdef)\n"
    "  --configuration FILE  how much of it (service.cscfg)\n"
    "  --run-dir DIR         folder for everything that is written (run)\n"
    "  --ready-fd N          write \"ready\" to this descriptor when the service is\n"
    "  -n                    check files, variables and ports, and exit\n"
    "  --help, --version\n\n"
    "Environment:\n"
    "  HTTP_PORT, TCP_PORT   public ports of the first http and tcp endpoint (0: any free one)\n"
    "  WEB_INSTANCES, WORKER_INSTANCES\n"
    "                        instances of each web role and of each worker role\n"
    "  CLIENT_CONNECTIONS    http connections that one client address may have (AddressConnections; 0: any number)\n"
    "  RUN_DIR               as --run-dir\n"
    "  SQUARE_...            settings of the roles; web-role --help and worker-role --help list them\n";

struct options {
	const char *definition, *configuration, *run_dir;
	int ready_fd;
	bool check_only;
};

#define OPTIONS_GO (-1)

static bool read_descriptor(const char *text, int *fd)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end != '\0' || n < 0 || n > INT_MAX)
		return false;
	*fd = (int)n;
	return true;
}

static int options_read(struct options *o, int argc, char **argv)
{
	static const struct option names[] = { { "definition", required_argument, NULL, 'd' },
					       { "configuration", required_argument, NULL, 'c' },
					       { "run-dir", required_argument, NULL, 'r' },
					       { "ready-fd", required_argument, NULL, 'f' },
					       { "help", no_argument, NULL, 'h' },
					       { "version", no_argument, NULL, 'v' },
					       { NULL, 0, NULL, 0 } };
	const char *env = getenv("RUN_DIR");
	int c;

	*o = (struct options){ .run_dir = env && *env ? env : "run", .ready_fd = -1 };
	while ((c = getopt_long(argc, argv, "nh", names, NULL)) != -1) {
		if (c == 'd')
			o->definition = optarg;
		else if (c == 'c')
			o->configuration = optarg;
		else if (c == 'r')
			o->run_dir = optarg;
		else if (c == 'n')
			o->check_only = true;
		else if (c == 'f' && !read_descriptor(optarg, &o->ready_fd))
			return fprintf(stderr, "--ready-fd: expected a descriptor's number, got \"%s\"\n", optarg), 2;
		else if (c == 'h')
			return fputs(usage, stdout), 0;
		else if (c == 'v')
			return puts("square-fabric " SQUARE_VERSION), 0;
		else if (c == '?')
			return fputs(usage, stderr), 2;
	}
	if (optind < argc)
		return fprintf(stderr, "square-fabric: expected no further argument, got \"%s\"\n%s", argv[optind],
			       usage),
		       2;
	return OPTIONS_GO;
}

static int run(const struct options *o)
{
	struct csdef *def = NULL;
	struct plan *plan = NULL;
	struct rundir *dir = NULL;
	struct errinfo info = { 0 };
	int status = 1;

	if (!(def = definition_load(o->definition, o->configuration, &info)) ||
	    (!o->check_only && rundir_open(o->run_dir, &dir, &info) != ERR_OK) ||
	    (dir && rundir_clean(dir, &info) != ERR_OK) || !(plan = plan_new(def, &info)))
		log_error("%s", info.text);
	else if (o->check_only)
		status = puts("the definition, the configuration, the environment and the ports are good") < 0;
	else
		status = fabric_run(plan, dir, o->ready_fd);
	plan_free(plan);
	rundir_close(dir);
	if (def)
		csdef_free(def);
	return status;
}

/* Its instances must not have it either. */
static void ignore(const char *variable)
{
	if (getenv(variable))
		log_warn("%s has no effect here: the fabric runs a Redis of its own", variable);
	(void)unsetenv(variable);
}

int main(int argc, char **argv)
{
	struct options options;
	int status = options_read(&options, argc, argv);

	if (status != OPTIONS_GO)
		return status;
	log_open(false, LOG_INFO, "fabric");
	ignore("SQUARE_REDIS_URL");
	ignore("SQUARE_REDIS_URL_FILE");
	return run(&options);
}
