/* SPDX-License-Identifier: GPL-3.0-or-later */
/* square-balancer: the load balancer of a place where each replica has an address of its own (compose, Kubernetes).
 * Renders HAProxy's configuration from the service's definition, as the local fabric does, and becomes HAProxy. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask_health.h"
#include "definition.h"
#include "haproxy.h"
#include "haproxy_host.h"
#include "log.h"
#include "plan_parts.h"
#include "plan_remote.h"
#include "program.h"

#define FOLDER "/run/square-balancer"
#define CONFIGURATION "haproxy.cfg"
#define SOCKET "health.sock"

static const char usage[] =
    "usage: square-balancer [--definition FILE] [--configuration FILE] [--folder DIR] [--print | -n | --healthcheck]\n"
    "The load balancer of a service whose instances are replicas that DNS knows: one frontend for each input endpoint\n"
    "of the definition. Writes HAProxy's configuration into a folder, and becomes HAProxy.\n\n"
    "  --definition FILE     what the service is (service.csdef)\n"
    "  --configuration FILE  its settings (service.cscfg)\n"
    "  --folder DIR          where the configuration and the socket of --healthcheck are (" FOLDER ")\n"
    "  --print               show the configuration, and exit\n"
    "  -n, --check           have HAProxy check the configuration, and exit\n"
    "  --healthcheck         ask the balancer that runs here whether every endpoint has an instance: status 0, else 1\n"
    "  --help, --version\n\n"
    "Environment:\n"
    "  SQUARE_ENDPOINT_...   as the instances have it: its port is where each of them serves that endpoint\n"
    "  SQUARE_HOST_WEB_ROLE  the name of the role WebRole in DNS, if it is not web-role; likewise for each role\n"
    "  BALANCER_REPLICAS     room for so many replicas of each role (128)\n"
    "  BALANCER_CONNECTIONS  connections at once, as far as the limit of open files allows (20000); half for\n"
    "                        tcp endpoints, half for http endpoints and, one in fifty, for --healthcheck\n"
    "  CLIENT_CONNECTIONS    http connections that one client address may have (AddressConnections; 0: any number)\n"
    "  PUBLISHED_ON          the host's address where the ports are open: any but a loopback address asks for tokens,\n"
    "  PUBLISHED_ANONYMOUS   unless this is \"true\"\n"
    "  SQUARE_...            settings of the roles, as the instances have them\n";

enum action { RUN, PRINT, CHECK, HEALTHCHECK };

struct options {
	const char *definition, *configuration, *folder;
	enum action action;
};

#define OPTIONS_GO (-1)

static int options_read(struct options *o, int argc, char **argv)
{
	static const struct option names[] = {
		{ "definition", required_argument, NULL, 'd' },
		{ "configuration", required_argument, NULL, 'c' },
		{ "folder", required_argument, NULL, 'f' },
		{ "print", no_argument, NULL, 'p' },
		{ "check", no_argument, NULL, 'n' },
		{ "healthcheck", no_argument, NULL, 'H' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*o = (struct options){ .folder = FOLDER };
	while ((c = getopt_long(argc, argv, "nh", names, NULL)) != -1) {
		if (c == 'd')
			o->definition = optarg;
		else if (c == 'c')
			o->configuration = optarg;
		else if (c == 'f')
			o->folder = optarg;
		else if (c == 'p')
			o->action = PRINT;
		else if (c == 'n')
			o->action = CHECK;
		else if (c == 'H')
			o->action = HEALTHCHECK;
		else if (c == 'h')
			return fputs(usage, stdout), 0;
		else if (c == 'v')
			return puts("square-balancer " SQUARE_VERSION), 0;
		else
			return fputs(usage, stderr), 2;
	}
	if (optind < argc)
		return fprintf(stderr, "square-balancer: expected no further argument, got \"%s\"\n%s", argv[optind],
			       usage),
		       2;
	return OPTIONS_GO;
}

static int write_file(const char *path, const struct buf *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good = !text->failed && fd >= 0 && write(fd, text->data, text->len) == (ssize_t)text->len;

	if (!good)
		log_error("cannot write %s: %s", path, strerror(errno));
	if (fd >= 0 && close(fd) != 0)
		good = false;
	return good ? 0 : ERR_SYS;
}

/* Becomes HAProxy: as a master with a worker, so that signals and children are looked after where it is the first
 * process; or HAProxy that only looks at the file. */
static int become_haproxy(const char *file, bool check_only)
{
	struct errinfo info;
	char *haproxy = program_find("haproxy", "haproxy", &info);

	if (!haproxy) {
		log_error("%s", info.text);
		return 1;
	}
	if (check_only)
		(void)execl(haproxy, "haproxy", "-c", "-f", file, (char *)NULL);
	else
		(void)execl(haproxy, "haproxy", "-W", "-db", "-f", file, (char *)NULL);
	log_error("cannot run %s: %s", haproxy, strerror(errno));
	free(haproxy);
	return 1;
}

static int check(const struct buf *text)
{
	char path[] = "/tmp/square-balancer.XXXXXX";
	int fd = mkstemp(path), status = 1;
	pid_t child;

	if (fd < 0) {
		log_error("cannot make %s: %s", path, strerror(errno));
		return 1;
	}
	(void)close(fd);
	if (write_file(path, text) == 0) {
		child = fork();
		if (child == 0)
			_exit(become_haproxy(path, true));
		if (child < 0 || waitpid(child, &status, 0) != child)
			log_error("cannot run haproxy: %s", strerror(errno));
	}
	(void)unlink(path);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int act(const struct options *o, const struct buf *text)
{
	char path[PATH_MAX];

	if (o->action == PRINT)
		return fwrite(text->data, 1, text->len, stdout) != text->len || fflush(stdout) != 0;
	if (o->action == CHECK)
		return check(text);
	(void)snprintf(path, sizeof(path), "%s/" CONFIGURATION, o->folder);
	return write_file(path, text) == 0 ? become_haproxy(path, false) : 1;
}

static int run(const struct options *o)
{
	struct buf text = BUF_INIT;
	struct errinfo info = { 0 };
	char socket[PATH_MAX];
	struct csdef *def = definition_load(o->definition, o->configuration, &info);
	struct plan *plan = def ? plan_remote_new(def, &info) : NULL;
	unsigned connections = haproxy_host_connections();
	int status = 1;

	(void)snprintf(socket, sizeof(socket), "%s/" SOCKET, o->folder);
	if (!plan || plan_env("BALANCER_CONNECTIONS", 10, connections, &connections, &info) != ERR_OK) {
		log_error("%s", info.text);
	} else {
		plan->health_socket = socket;
		haproxy_render(plan, connections, haproxy_host_threads(), &text);
		if (text.failed)
			log_fatal("no memory for the configuration");
		status = act(o, &text);
	}
	buf_fini(&text);
	plan_free(plan);
	if (def)
		csdef_free(def);
	return status;
}

int main(int argc, char **argv)
{
	struct options options;
	int status = options_read(&options, argc, argv);

	if (status != OPTIONS_GO)
		return status;
	log_open(false, LOG_INFO, "balancer");
	if (options.action != HEALTHCHECK)
		return run(&options);
	char socket[PATH_MAX];
	(void)snprintf(socket, sizeof(socket), "%s/" SOCKET, options.folder);
	return ask_health(socket);
}
