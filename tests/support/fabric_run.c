/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fabric_run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http_client.h"
#include "proc.h"
#include "wait_until.h"

#define FABRIC_RUN_MS 60000 /* for a start or a stop, on a slow machine and under a sanitizer */
#define FABRIC_RUN_ENV 32

struct fabric_run {
	pid_t pid;
	int out_fd;
	char dir[PATH_MAX], socket[PATH_MAX];
	char redis_url[PATH_MAX + 256], redis_auth[256];
	bool own_dir;
	unsigned http, tcp;
	char *said;
};

/* ---- its folder ---- */

static int fabric_run_remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static json_t *fabric_run_state(const struct fabric_run *f)
{
	char path[PATH_MAX + 16];

	(void)snprintf(path, sizeof(path), "%s/state.json", f->dir);
	return json_load_file(path, 0, NULL);
}

static void fabric_run_print(const char *path)
{
	char line[2048];
	FILE *in = fopen(path, "re");

	(void)fprintf(stderr, "---- %s\n", path);
	while (in && fgets(line, sizeof(line), in))
		(void)fputs(line, stderr);
	if (in)
		(void)fclose(in);
}

void fabric_run_dump(struct fabric_run *f)
{
	char path[2 * PATH_MAX];
	struct dirent *e;
	DIR *dir;

	(void)fprintf(stderr, "---- the fabric said\n%s", fabric_run_said(f));
	(void)snprintf(path, sizeof(path), "%s/log", f->dir);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/log/%s", f->dir, e->d_name);
		fabric_run_print(path);
	}
	if (dir)
		(void)closedir(dir);
}

/* ---- starting ---- */

struct fabric_run *fabric_run_spawn(const char *definition, const char *configuration, const char *run_dir,
				    const char *const *env)
{
	char definition_path[PATH_MAX], configuration_path[PATH_MAX];
	const char *all[FABRIC_RUN_ENV] = { "HTTP_PORT=0",      "TCP_PORT=0", "WEB_INSTANCES",
					    "WORKER_INSTANCES", "RUN_DIR",    FABRIC_RUN_PATIENCE };
	struct fabric_run *f = calloc(1, sizeof(*f));
	size_t n = 6;

	if (!f)
		abort();
	(void)snprintf(definition_path, PATH_MAX, "%s", definition ? definition : proc_source("service.csdef"));
	(void)snprintf(configuration_path, PATH_MAX, "%s",
		       configuration ? configuration : proc_source("service.cscfg"));
	(void)snprintf(f->dir, PATH_MAX, "%s", run_dir ? run_dir : "/tmp/square-run.XXXXXX");
	f->own_dir = !run_dir;
	f->out_fd = memfd_create("fabric", MFD_CLOEXEC);
	if ((f->own_dir && !mkdtemp(f->dir)) || f->out_fd < 0) {
		perror(f->dir);
		abort();
	}
	for (; env && *env && n < FABRIC_RUN_ENV - 1; env++)
		all[n++] = *env;
	{
		const char *const argv[] = { proc_program("square-fabric"),
					     "--definition",
					     definition_path,
					     "--configuration",
					     configuration_path,
					     "--run-dir",
					     f->dir,
					     NULL };
		f->pid = proc_spawn(argv, all, -1, f->out_fd, f->out_fd);
	}
	return f;
}

/* unix://USER:PASSWORD@PATH */
static void fabric_run_read_url(struct fabric_run *f, const char *path)
{
	FILE *in = path ? fopen(path, "re") : NULL;

	if (!in || !fgets(f->redis_url, sizeof(f->redis_url), in) ||
	    sscanf(f->redis_url, "unix://square-admin:%200[^@]", f->redis_auth + 14) != 1) {
		(void)fprintf(stderr, "expected the URL of square-admin in %s, found \"%s\"\n", path ? path : "no file",
			      f->redis_url);
		abort();
	}
	memcpy(f->redis_auth, "REDISCLI_AUTH=", 14);
	f->redis_url[strcspn(f->redis_url, "\n")] = '\0';
	(void)fclose(in);
}

static bool fabric_run_is_ready(void *arg)
{
	struct fabric_run *f = arg;
	json_t *state = fabric_run_state(f), *one;
	const char *phase = json_string_value(json_object_get(state, "state")), *protocol;
	bool ready =
	    phase && strcmp(phase, "ready") == 0 && json_integer_value(json_object_get(state, "pid")) == f->pid;
	size_t i;

	if (ready) {
		(void)snprintf(f->socket, sizeof(f->socket), "%s",
			       json_string_value(json_object_get(json_object_get(state, "redis"), "socket")));
		fabric_run_read_url(f, json_string_value(
					   json_object_get(json_object_get(state, "redis"), "admin_url_file")));
		json_array_foreach(json_object_get(state, "endpoints"), i, one)
		{
			unsigned port = (unsigned)json_integer_value(json_object_get(one, "port"));
			protocol = json_string_value(json_object_get(one, "protocol"));
			if (strcmp(protocol, "http") == 0 && f->http == 0)
				f->http = port;
			if (strcmp(protocol, "tcp") == 0 && f->tcp == 0)
				f->tcp = port;
		}
	}
	json_decref(state);
	return ready || !proc_alive(f->pid);
}

struct fabric_run *fabric_run_start_with(const char *definition, const char *configuration, const char *run_dir,
					 const char *const *env)
{
	struct fabric_run *f = fabric_run_spawn(definition, configuration, run_dir, env);

	if (!wait_until(fabric_run_is_ready, f, FABRIC_RUN_MS) || f->socket[0] == '\0') {
		(void)fprintf(stderr, "the service did not become ready\n");
		fabric_run_dump(f);
		(void)fabric_run_stop(f);
		abort();
	}
	return f;
}

struct fabric_run *fabric_run_start(const char *const *env)
{
	return fabric_run_start_with(NULL, NULL, NULL, env);
}

/* ---- ending ---- */

int fabric_run_wait(struct fabric_run *f)
{
	int status = proc_wait(f->pid, FABRIC_RUN_MS);

	if (status < 0) {
		fabric_run_dump(f);
		(void)kill(f->pid, SIGKILL);
		(void)waitpid(f->pid, NULL, 0);
	}
	if (f->own_dir)
		(void)nftw(f->dir, fabric_run_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	(void)close(f->out_fd);
	free(f->said);
	free(f);
	return status;
}

int fabric_run_stop(struct fabric_run *f)
{
	(void)kill(f->pid, SIGTERM);
	return fabric_run_wait(f);
}

/* ---- looking ---- */

unsigned fabric_run_http(const struct fabric_run *f)
{
	return f->http;
}

unsigned fabric_run_tcp(const struct fabric_run *f)
{
	return f->tcp;
}

pid_t fabric_run_pid(const struct fabric_run *f)
{
	return f->pid;
}

const char *fabric_run_dir(const struct fabric_run *f)
{
	return f->dir;
}

const char *fabric_run_socket(const struct fabric_run *f)
{
	return f->socket;
}

const char *fabric_run_redis_url(const struct fabric_run *f)
{
	return f->redis_url;
}

const char *fabric_run_redis_auth(const struct fabric_run *f)
{
	return f->redis_auth;
}

const char *fabric_run_said(struct fabric_run *f)
{
	struct stat st;

	free(f->said);
	f->said = NULL;
	if (fstat(f->out_fd, &st) != 0 || !(f->said = calloc(1, (size_t)st.st_size + 1)) ||
	    pread(f->out_fd, f->said, (size_t)st.st_size, 0) != st.st_size)
		abort();
	return f->said;
}

static json_t *fabric_run_process(json_t *state, const char *name)
{
	json_t *one;
	size_t i;

	if (strcmp(name, "redis") == 0 || strcmp(name, "balancer") == 0)
		return json_object_get(state, name);
	json_array_foreach(json_object_get(state, "instances"), i,
			   one) if (strcmp(json_string_value(json_object_get(one, "instance")), name) == 0) return one;
	return NULL;
}

pid_t fabric_run_pid_of(struct fabric_run *f, const char *name)
{
	json_t *state = fabric_run_state(f);
	pid_t pid = (pid_t)json_integer_value(json_object_get(fabric_run_process(state, name), "pid"));

	json_decref(state);
	return pid;
}

unsigned fabric_run_port_of(struct fabric_run *f, const char *instance, const char *endpoint)
{
	json_t *state = fabric_run_state(f);
	json_t *at = json_object_get(json_object_get(fabric_run_process(state, instance), "endpoints"), endpoint);
	const char *colon = at ? strrchr(json_string_value(at), ':') : NULL;
	unsigned port = colon ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;

	json_decref(state);
	return port;
}

unsigned fabric_run_instances(struct fabric_run *f)
{
	json_t *state = fabric_run_state(f), *one;
	unsigned n = 0;
	size_t i;

	json_array_foreach(json_object_get(state, "instances"), i, one) n +=
	    json_integer_value(json_object_get(one, "pid")) > 0;
	json_decref(state);
	return n;
}

struct fabric_run_change {
	struct fabric_run *f;
	const char *name;
	pid_t old;
	long status;
};

static bool fabric_run_changed(void *arg)
{
	struct fabric_run_change *c = arg;
	pid_t now = fabric_run_pid_of(c->f, c->name);

	return now > 0 && now != c->old;
}

pid_t fabric_run_wait_new(struct fabric_run *f, const char *name, pid_t old, unsigned deadline_ms)
{
	struct fabric_run_change c = { f, name, old, 0 };

	return wait_until(fabric_run_changed, &c, deadline_ms) ? fabric_run_pid_of(f, name) : 0;
}

static bool fabric_run_readyz(void *arg)
{
	struct fabric_run_change *c = arg;
	struct http_answer answer;
	bool same;

	http_client_get(c->f->http, "/readyz", &answer);
	same = answer.status == c->status;
	http_answer_fini(&answer);
	return same;
}

bool fabric_run_wait_readyz(struct fabric_run *f, long status, unsigned deadline_ms)
{
	struct fabric_run_change c = { f, NULL, 0, status };

	return wait_until(fabric_run_readyz, &c, deadline_ms);
}
