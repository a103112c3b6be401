/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world.h"

#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "http_client.h"
#include "ledger.h"
#include "pause.h"
#include "proc.h"
#include "procstat.h"
#include "wait_until.h"

enum {
	START_MS = 60000, /* on a busy machine */
	STOP_MS = 30000,  /* three times the drain time: what is late shows itself in row 14 */
	TICK_MS = 2,
	ENTRIES = 32,
	LOG_END = 3000 /* bytes shown of each log */
};

struct member {
	enum world_role role;
	unsigned index;
	unsigned port;
	int log_fd;
	off_t log_from;  /* where the log of its present life begins */
	pid_t pid;       /* 0: does not run */
	unsigned starts; /* so far */
	int status;      /* of the last end, as proc_wait() */
	bool wanted;     /* is to be started */
	bool asked;      /* its end is asked for */
};

struct world {
	struct chaos_run *run;
	struct world_options options;
	struct redis_private *redis;
	unsigned webs, workers;
	struct member members[2 * WORLD_INSTANCES];
	char program[2][PATH_MAX], definition[PATH_MAX], configuration[PATH_MAX];
	pthread_mutex_t lock; /* members' pid, starts, status, wanted, asked; leaving */
	pthread_t keeper;
	bool leaving;
};

static _Noreturn void give_up(struct world *w, const char *what)
{
	(void)fprintf(stderr, "world: %s\n", what);
	if (w)
		world_show(w);
	abort();
}

static struct member *member_of(struct world *w, enum world_role role, unsigned index)
{
	if (index >= world_count(w, role))
		give_up(NULL, "expected the index of an instance that there is");
	return &w->members[role == WORLD_WEB ? index : w->webs + index];
}

static off_t log_size(const struct member *m)
{
	struct stat st;

	if (fstat(m->log_fd, &st) != 0)
		abort();
	return st.st_size;
}

/* ---- the keeper: starts processes, and hears of their ends ---- */

static const char *url_of(struct world *w, const struct member *m)
{
	if (!w->options.route)
		return redis_private_url(w->redis);
	return w->options.route(w->options.route_arg, redis_private_socket(w->redis), m->role, m->index);
}

static pid_t spawn(struct world *w, struct member *m)
{
	char url[300], identity[100], endpoint[100];
	bool web = m->role == WORLD_WEB;
	const char *const *more = web ? w->options.web : w->options.worker;
	const char *all[ENTRIES] = { url, identity, endpoint, "SQUARE_ACCESS_LOG=none",
				     web ? "SQUARE_ADDRESS_CONNECTIONS=0" : "SQUARE_COMPUTE_CHILDREN=1" };
	size_t n = 5;

	(void)snprintf(url, sizeof url, "SQUARE_REDIS_URL=%s", url_of(w, m));
	(void)snprintf(identity, sizeof identity, "SQUARE_ROLE_INSTANCE=%s", world_instance(m->role, m->index));
	(void)snprintf(endpoint, sizeof endpoint, "SQUARE_ENDPOINT_%s=127.0.0.1:%u",
		       web ? "HTTP_IN" : "SQUARE_ENDPOINT", m->port);
	for (; more && *more && n < ENTRIES - 1; more++)
		all[n++] = *more;
	const char *const argv[] = { w->program[m->role], "--definition",   w->definition,
				     "--configuration",   w->configuration, NULL };
	return proc_spawn(argv, all, -1, m->log_fd, m->log_fd);
}

static void note_end(struct world *w, struct member *m, int status)
{
	m->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	if (!m->asked) {
		ledger_add(chaos_ledger(w->run), LEDGER_UNASKED, 1);
		chaos_fail(w->run, "expected %s to run, it ended unasked with status %d",
			   world_instance(m->role, m->index), m->status);
	}
	m->pid = 0;
	m->wanted = !w->options.by_hand;
}

static void look_after(struct world *w, struct member *m)
{
	int status;

	if (m->pid > 0 && waitpid(m->pid, &status, WNOHANG) == m->pid)
		note_end(w, m, status);
	if (m->pid == 0 && m->wanted && !w->leaving) {
		m->wanted = m->asked = false;
		m->log_from = log_size(m);
		m->pid = spawn(w, m);
		m->starts++;
	}
}

/* A child dies with the thread that made it: so this one makes them all, and outlives them. */
static void *keep(void *arg)
{
	struct world *w = arg;
	bool more = true;

	while (more) {
		(void)pthread_mutex_lock(&w->lock);
		more = !w->leaving;
		for (unsigned i = 0; i < w->webs + w->workers; i++) {
			look_after(w, &w->members[i]);
			more = more || w->members[i].pid > 0;
		}
		(void)pthread_mutex_unlock(&w->lock);
		pause_ms(TICK_MS);
	}
	return NULL;
}

/* ---- single instances ---- */

unsigned world_count(const struct world *w, enum world_role role)
{
	return role == WORLD_WEB ? w->webs : w->workers;
}

unsigned world_port(const struct world *w, unsigned web)
{
	return w->members[web].port;
}

const char *world_instance(enum world_role role, unsigned index)
{
	static const char *const names[2][WORLD_INSTANCES] = {
		{ "WebRole_IN_0", "WebRole_IN_1", "WebRole_IN_2", "WebRole_IN_3", "WebRole_IN_4", "WebRole_IN_5",
		  "WebRole_IN_6", "WebRole_IN_7", "WebRole_IN_8", "WebRole_IN_9", "WebRole_IN_10", "WebRole_IN_11",
		  "WebRole_IN_12", "WebRole_IN_13", "WebRole_IN_14", "WebRole_IN_15" },
		{ "WorkerRole_IN_0", "WorkerRole_IN_1", "WorkerRole_IN_2", "WorkerRole_IN_3", "WorkerRole_IN_4",
		  "WorkerRole_IN_5", "WorkerRole_IN_6", "WorkerRole_IN_7", "WorkerRole_IN_8", "WorkerRole_IN_9",
		  "WorkerRole_IN_10", "WorkerRole_IN_11", "WorkerRole_IN_12", "WorkerRole_IN_13", "WorkerRole_IN_14",
		  "WorkerRole_IN_15" },
	};

	return names[role == WORLD_WORKER][index];
}

pid_t world_pid(struct world *w, enum world_role role, unsigned index)
{
	struct member *m = member_of(w, role, index);

	(void)pthread_mutex_lock(&w->lock);
	pid_t pid = m->pid;
	(void)pthread_mutex_unlock(&w->lock);
	return pid;
}

unsigned world_starts(struct world *w, enum world_role role, unsigned index)
{
	struct member *m = member_of(w, role, index);

	(void)pthread_mutex_lock(&w->lock);
	unsigned starts = m->starts;
	(void)pthread_mutex_unlock(&w->lock);
	return starts;
}

unsigned world_files(struct world *w, enum world_role role, unsigned index)
{
	char path[64];
	unsigned n = 0;

	(void)snprintf(path, sizeof path, "/proc/%d/fd", (int)world_pid(w, role, index));
	DIR *dir = opendir(path);
	for (const struct dirent *e; dir && (e = readdir(dir));)
		n += e->d_name[0] != '.';
	if (dir)
		(void)closedir(dir);
	return n;
}

long world_kib(struct world *w, enum world_role role, unsigned index)
{
	return (long)(procstat_resident_bytes(world_pid(w, role, index)) / 1024);
}

char *world_log(struct world *w, enum world_role role, unsigned index)
{
	const struct member *m = member_of(w, role, index);
	struct stat st;
	char *text;

	if (fstat(m->log_fd, &st) != 0 || !(text = calloc(1, (size_t)st.st_size + 1)))
		abort();
	if (pread(m->log_fd, text, (size_t)st.st_size, 0) < 0)
		abort();
	return text;
}

void world_show(struct world *w)
{
	for (unsigned i = 0; i < w->webs + w->workers; i++) {
		const struct member *m = &w->members[i];
		char *text = world_log(w, m->role, m->index);
		size_t n = strlen(text);
		(void)fprintf(stderr, "---- %s said%s\n%s", world_instance(m->role, m->index),
			      n > LOG_END ? ", in the end" : "", n > LOG_END ? text + n - LOG_END : text);
		free(text);
	}
}

/* ---- ends and starts ---- */

struct running {
	struct world *w;
	struct member *m;
	bool wanted;
};

static bool is_running(void *arg)
{
	const struct running *q = arg;

	return (world_pid(q->w, q->m->role, q->m->index) > 0) == q->wanted;
}

/* The process that it was sent to; 0: there was none. The keeper cannot take it away meanwhile. */
static pid_t send_signal(struct world *w, struct member *m, int signal, bool ends)
{
	(void)pthread_mutex_lock(&w->lock);
	pid_t pid = m->pid;
	m->asked = m->asked || ends;
	if (pid > 0)
		(void)kill(pid, signal);
	(void)pthread_mutex_unlock(&w->lock);
	return pid;
}

struct saying {
	struct world *w;
	struct member *m;
	const char *text;
};

/* In its present life. */
static bool has_said(void *arg)
{
	enum { BEGIN = 65536 };
	const struct saying *q = arg;
	char *text = calloc(1, BEGIN);

	if (!text)
		abort();
	(void)pthread_mutex_lock(&q->w->lock);
	off_t from = q->m->log_from;
	bool runs = q->m->pid > 0;
	(void)pthread_mutex_unlock(&q->w->lock);
	bool said = runs && pread(q->m->log_fd, text, BEGIN - 1, from) > 0 && strstr(text, q->text);
	free(text);
	return said;
}

struct ending {
	struct world *w;
	struct member *m;
	pid_t pid;
};

static bool is_gone(void *arg)
{
	const struct ending *q = arg;

	return world_pid(q->w, q->m->role, q->m->index) != q->pid;
}

uint64_t world_kill(struct world *w, enum world_role role, unsigned index)
{
	struct member *m = member_of(w, role, index);
	struct running up = { w, m, true };

	if (!w->options.by_hand && !wait_until(is_running, &up, START_MS))
		give_up(w, "expected the dead to be started again");
	uint64_t at = clock_wall_us();
	struct ending end = { w, m, send_signal(w, m, SIGKILL, true) };
	if (end.pid > 0 && !wait_until(is_gone, &end, START_MS))
		give_up(w, "expected the killed to end");
	return at;
}

int world_term(struct world *w, enum world_role role, unsigned index, unsigned deadline_ms)
{
	struct member *m = member_of(w, role, index);
	struct saying listens = { w, m, "listens on" };

	if (!wait_until(has_said, &listens, START_MS)) /* a program that is still being loaded knows no signal yet */
		give_up(w, "expected an instance to listen");
	struct ending end = { w, m, send_signal(w, m, SIGTERM, true) };
	if (end.pid == 0 || !wait_until(is_gone, &end, deadline_ms))
		return -1;
	(void)pthread_mutex_lock(&w->lock);
	int status = m->status;
	(void)pthread_mutex_unlock(&w->lock);
	return status;
}

void world_signal(struct world *w, enum world_role role, unsigned index, int signal)
{
	(void)send_signal(w, member_of(w, role, index), signal, signal == SIGTERM || signal == SIGKILL);
}

void world_revive(struct world *w, enum world_role role, unsigned index)
{
	struct member *m = member_of(w, role, index);
	struct running up = { w, m, true };

	(void)pthread_mutex_lock(&w->lock);
	m->wanted = m->pid == 0;
	(void)pthread_mutex_unlock(&w->lock);
	if (!wait_until(is_running, &up, START_MS))
		give_up(w, "expected the dead to be started again");
}

/* ---- readiness ---- */

bool world_ready(struct world *w, unsigned web)
{
	struct http_answer answer;

	http_client_call(world_port(w, web), "GET", "/readyz", NULL, NULL, 5000, &answer);
	bool ready = answer.status == 200;
	http_answer_fini(&answer);
	return ready;
}

static bool all_ready(void *arg)
{
	struct world *w = arg;

	for (unsigned i = 0; i < w->workers; i++)
		if (!has_said(&(struct saying){ w, member_of(w, WORLD_WORKER, i), "redis is there" }))
			return false;
	for (unsigned i = 0; i < w->webs; i++)
		if (world_pid(w, WORLD_WEB, i) == 0 || !world_ready(w, i))
			return false;
	return true;
}

bool world_wait_ready(struct world *w, unsigned deadline_ms)
{
	return wait_until(all_ready, w, deadline_ms);
}

/* The workers' operations are published, and every worker has said that it is there. */
static bool all_known(void *arg)
{
	struct world *w = arg;
	struct http_answer answer;
	size_t workers = 0, i;
	json_t *one;

	http_client_get(world_port(w, 0), "/v1/workers", &answer);
	json_array_foreach(json_object_get(answer.json, "workers"), i, one) workers +=
	    strncmp(json_string_value(json_object_get(one, "instance")), "WorkerRole", 10) == 0;
	http_answer_fini(&answer);
	if (workers < w->workers)
		return false;
	for (i = 0; i < w->webs; i++) {
		http_client_get(world_port(w, (unsigned)i), "/v1/operations/evaluate", &answer);
		long status = answer.status;
		http_answer_fini(&answer);
		if (status != 200)
			return false;
	}
	return true;
}

/* ---- the whole ---- */

static bool some_ended(struct world *w)
{
	for (unsigned i = 0; i < w->webs + w->workers; i++) {
		unsigned starts = world_starts(w, w->members[i].role, w->members[i].index);
		if (starts > 1 || (starts == 1 && world_pid(w, w->members[i].role, w->members[i].index) == 0))
			return true;
	}
	return false;
}

static bool has_come_up_or_not(void *arg)
{
	return some_ended(arg) || all_ready(arg);
}

static struct redis_private *start_redis(const struct world_options *o)
{
	const char *words[64] = { "--appendfsync", o->appendfsync ? o->appendfsync : "everysec" };
	size_t n = 2;

	for (const char *const *more = o->redis; more && *more && n < 63; more++)
		words[n++] = *more;
	return redis_private_start(words);
}

struct world *world_start(struct chaos_run *r, const struct world_options *options)
{
	struct world *w = calloc(1, sizeof *w);

	if (!w)
		abort();
	w->run = r;
	w->options = *options;
	w->webs = options->webs ? options->webs : 2;
	w->workers = options->workers ? options->workers : 3;
	if (w->webs > WORLD_INSTANCES || w->workers > WORLD_INSTANCES)
		give_up(NULL, "expected no more instances than WORLD_INSTANCES");
	(void)snprintf(w->program[WORLD_WEB], PATH_MAX, "%s", proc_program("web-role"));
	(void)snprintf(w->program[WORLD_WORKER], PATH_MAX, "%s", proc_program("worker-role"));
	(void)snprintf(w->definition, PATH_MAX, "%s", proc_source("service.csdef"));
	(void)snprintf(w->configuration, PATH_MAX, "%s", proc_source("service.cscfg"));
	w->redis = start_redis(options);
	for (unsigned i = 0; i < w->webs + w->workers; i++) {
		struct member *m = &w->members[i];
		bool web = i < w->webs;
		*m = (struct member){ web ? WORLD_WEB : WORLD_WORKER, .index = web ? i : i - w->webs, .wanted = true };
		m->port = web ? proc_free_port() : 0;
		m->log_fd = memfd_create("role", MFD_CLOEXEC);
		if (m->log_fd < 0)
			give_up(NULL, "no memory for a log");
	}
	(void)pthread_mutex_init(&w->lock, NULL);
	if (pthread_create(&w->keeper, NULL, keep, w) != 0)
		give_up(NULL, "no thread for the keeper");
	if (!wait_until(has_come_up_or_not, w, START_MS) || some_ended(w) || !wait_until(all_known, w, START_MS))
		give_up(w, "expected a service that is ready within a minute, and nobody to end");
	return w;
}

static bool none_runs(void *arg)
{
	struct world *w = arg;

	for (unsigned i = 0; i < w->webs + w->workers; i++)
		if (world_pid(w, w->members[i].role, w->members[i].index) > 0)
			return false;
	return true;
}

static void end_all(struct world *w, int signal)
{
	for (unsigned i = 0; i < w->webs + w->workers; i++) {
		(void)send_signal(w, &w->members[i], SIGCONT, false);
		(void)send_signal(w, &w->members[i], signal, true);
	}
}

void world_stop(struct world *w)
{
	(void)pthread_mutex_lock(&w->lock);
	w->leaving = true;
	for (unsigned i = 0; i < w->webs + w->workers; i++)
		w->members[i].status = 0; /* of earlier ends */
	(void)pthread_mutex_unlock(&w->lock);
	end_all(w, SIGTERM);
	if (!wait_until(none_runs, w, STOP_MS)) {
		chaos_fail(w->run, "expected every process to end within %d s of SIGTERM", STOP_MS / 1000);
		end_all(w, SIGKILL);
	}
	(void)pthread_join(w->keeper, NULL);
	for (unsigned i = 0; i < w->webs + w->workers; i++)
		if (w->members[i].status != 0)
			chaos_fail(w->run, "expected %s to exit with 0 after SIGTERM, it was %d",
				   world_instance(w->members[i].role, w->members[i].index), w->members[i].status);
	if (chaos_failed(w->run))
		world_show(w);
	redis_private_stop(w->redis);
	for (unsigned i = 0; i < w->webs + w->workers; i++)
		(void)close(w->members[i].log_fd);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}

struct redis_private *world_redis(struct world *w)
{
	return w->redis;
}

struct rsync *world_link(struct world *w)
{
	struct errinfo info = { 0 };
	struct rsync *link = rsync_open(redis_private_url(w->redis), 30000, &info);

	if (!link)
		give_up(w, info.text);
	return link;
}
