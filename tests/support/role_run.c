/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "role_run.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc.h"
#include "wait_until.h"

#define ROLE_RUN_MS 30000 /* for a start or a stop, on a slow machine and under a sanitizer */
#define ROLE_RUN_ENV 32

struct role_run {
	pid_t pid;
	int log_fd;
	unsigned port;
	bool alone; /* its Redis is not there */
	char *said;
	char name[64];
	struct role_run *next; /* among those that run */
	pid_t starter;
};

static struct role_run *running;

const char *role_run_said(struct role_run *r)
{
	struct stat st;
	free(r->said);
	r->said = NULL;
	if (fstat(r->log_fd, &st) != 0 || !(r->said = calloc(1, (size_t)st.st_size + 1)) ||
	    pread(r->log_fd, r->said, (size_t)st.st_size, 0) != st.st_size)
		abort();
	return r->said;
}

/* What runs still when the test process ends belongs to a test that failed: what did it say? */
static void dump(void)
{
	for (struct role_run *r = running; r; r = r->next)
		if (r->starter == getpid())
			(void)fprintf(stderr, "---- %s said\n%s", r->name, role_run_said(r));
}

static void remember(struct role_run *r)
{
	static bool registered;
	if (!registered)
		registered = atexit(dump) == 0;
	r->starter = getpid();
	r->next = running;
	running = r;
}

static void forget(const struct role_run *r)
{
	for (struct role_run **p = &running; *p; p = &(*p)->next)
		if (*p == r) {
			*p = r->next;
			return;
		}
}

static bool has_started(void *arg)
{
	static const char listens[] = "listens on 127.0.0.1 port ";
	struct role_run *r = arg;
	const char *said = role_run_said(r), *at = strstr(said, listens);
	if (at)
		r->port = (unsigned)strtoul(at + sizeof listens - 1, NULL, 10);
	return (at && (r->alone || strstr(said, "redis is there"))) || !proc_alive(r->pid);
}

struct role_run *role_run_start(const char *program, const char *instance, const char *redis, const char *const *env)
{
	char definition[500], configuration[500], url[300], identity[100];
	const char *all[ROLE_RUN_ENV] = { url, identity, "SQUARE_ENDPOINT_HTTP_IN=127.0.0.1:0",
					  "SQUARE_ENDPOINT_SQUARE_ENDPOINT=127.0.0.1:0" };
	struct role_run *r = calloc(1, sizeof *r);
	size_t n = 4;
	if (!r)
		abort();
	r->alone = !redis;
	r->log_fd = memfd_create("role", MFD_CLOEXEC);
	(void)snprintf(definition, sizeof definition, "%s", proc_source("service.csdef"));
	(void)snprintf(configuration, sizeof configuration, "%s", proc_source("service.cscfg"));
	(void)snprintf(url, sizeof url, "SQUARE_REDIS_URL=%s", redis ? redis : "unix:///nonexistent/redis.sock");
	(void)snprintf(identity, sizeof identity, "SQUARE_ROLE_INSTANCE=%s", instance);
	for (; env && *env && n < ROLE_RUN_ENV - 1; env++)
		all[n++] = *env;
	const char *const argv[] = { proc_program(program), "--definition", definition,
				     "--configuration",     configuration,  NULL };
	r->pid = proc_spawn(argv, all, -1, r->log_fd, r->log_fd);
	(void)snprintf(r->name, sizeof r->name, "%s", instance);
	if (wait_until(has_started, r, ROLE_RUN_MS) && proc_alive(r->pid) && r->port) {
		remember(r);
		return r;
	}
	(void)fprintf(stderr, "%s did not start\n%s", program, role_run_said(r));
	abort();
}

static void let_go(struct role_run *r)
{
	forget(r);
	close(r->log_fd);
	free(r->said);
	free(r);
}

void role_run_kill(struct role_run *r)
{
	(void)kill(r->pid, SIGKILL);
	(void)proc_wait(r->pid, ROLE_RUN_MS);
	let_go(r);
}

int role_run_stop(struct role_run *r)
{
	(void)kill(r->pid, SIGTERM);
	int status = proc_wait(r->pid, ROLE_RUN_MS);
	if (status != 0)
		(void)fprintf(stderr, "---- the instance said\n%s", role_run_said(r));
	if (status < 0) {
		(void)kill(r->pid, SIGKILL);
		(void)waitpid(r->pid, NULL, 0);
	}
	let_go(r);
	return status;
}

unsigned role_run_port(const struct role_run *r)
{
	return r->port;
}

pid_t role_run_pid(const struct role_run *r)
{
	return r->pid;
}

unsigned role_run_files(const struct role_run *r)
{
	char path[64];
	unsigned n = 0;
	(void)snprintf(path, sizeof path, "/proc/%d/fd", (int)r->pid);
	DIR *dir = opendir(path);
	for (const struct dirent *e; dir && (e = readdir(dir));)
		n += e->d_name[0] != '.';
	if (dir)
		(void)closedir(dir);
	return n;
}

long role_run_kib(const struct role_run *r)
{
	char path[64], line[256];
	long kib = 0;
	(void)snprintf(path, sizeof path, "/proc/%d/status", (int)r->pid);
	FILE *in = fopen(path, "re");
	while (in && fgets(line, sizeof line, in))
		if (sscanf(line, "VmRSS: %ld kB", &kib) == 1)
			break;
	if (in)
		(void)fclose(in);
	return kib;
}

struct files_wait {
	const struct role_run *r;
	unsigned most;
};

static bool files_are_few(void *arg)
{
	const struct files_wait *w = arg;
	return role_run_files(w->r) <= w->most;
}

bool role_run_wait_files(const struct role_run *r, unsigned most, unsigned deadline_ms)
{
	struct files_wait w = { r, most };
	return wait_until(files_are_few, &w, deadline_ms);
}
