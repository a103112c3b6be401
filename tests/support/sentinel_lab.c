/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sentinel_lab.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc.h"
#include "redis_private.h"
#include "rlink.h"
#include "wait_until.h"

#define MASTER "square"
#define START_MS 60000
#define ASK_MS 500 /* for one answer; who is stopped does not answer */

struct sentinel_lab {
	struct redis_private *servers[SENTINEL_LAB_SERVERS];
	unsigned ports[SENTINEL_LAB_SERVERS];
	pid_t sentinels[SENTINEL_LAB_SENTINELS]; /* 0: killed */
	unsigned sentinel_ports[SENTINEL_LAB_SENTINELS];
	char url[200];
};

static void config_path(const struct sentinel_lab *lab, int sentinel, char path[128])
{
	/* in a server's folder, which goes with it */
	(void)snprintf(path, 128, "%s/sentinel.conf", redis_private_dir(lab->servers[sentinel]));
}

static struct rsync *open_sentinel(const struct sentinel_lab *lab, int sentinel)
{
	char url[64];
	if (!lab->sentinels[sentinel])
		return NULL;
	(void)snprintf(url, sizeof url, "redis://127.0.0.1:%u", lab->sentinel_ports[sentinel]);
	return rsync_open(url, ASK_MS, NULL);
}

/* ---- what they say ---- */

int sentinel_lab_named_by(const struct sentinel_lab *lab, int sentinel)
{
	struct rsync *s = open_sentinel(lab, sentinel);
	const struct rreply *r = s ? rsync_words(s, NULL, "SENTINEL", "get-master-addr-by-name", MASTER, NULL) : NULL;
	int64_t port = rreply_int(rreply_at(r, 1));
	int found = SENTINEL_LAB_NOBODY;
	for (int i = 0; i < SENTINEL_LAB_SERVERS; i++)
		if (port == lab->ports[i])
			found = i;
	rsync_close(s);
	return found;
}

/* A line `name:value` of INFO, as text into a static buffer; "" when there is no answer. */
static const char *info_field(const struct sentinel_lab *lab, int server, const char *name)
{
	static char value[64];
	char line[64];
	struct rsync *s = rsync_open(redis_private_url(lab->servers[server]), ASK_MS, NULL);
	const struct rreply *r = s ? rsync_words(s, NULL, "INFO", "replication", NULL) : NULL;
	(void)snprintf(line, sizeof line, "\n%s:", name);
	const char *at = strstr(rreply_str(r, NULL), line);
	(void)snprintf(value, sizeof value, "%.*s", at ? (int)strcspn(at + strlen(line), "\r") : 0,
		       at ? at + strlen(line) : "");
	rsync_close(s);
	return value;
}

static long long info_number(const struct sentinel_lab *lab, int server, const char *name)
{
	return strtoll(info_field(lab, server, name), NULL, 10);
}

int sentinel_lab_master(const struct sentinel_lab *lab)
{
	int named = SENTINEL_LAB_NOBODY;
	for (int i = 0; i < SENTINEL_LAB_SENTINELS; i++) {
		int one = lab->sentinels[i] ? sentinel_lab_named_by(lab, i) : named;
		if (named != SENTINEL_LAB_NOBODY && one != named)
			return SENTINEL_LAB_NOBODY;
		named = one;
	}
	if (named == SENTINEL_LAB_NOBODY || strcmp(info_field(lab, named, "role"), "master") != 0)
		return SENTINEL_LAB_NOBODY;
	return named;
}

/* The sentinel has found both replicas and both of its fellows, all of them alive. */
static bool knows_all(const struct sentinel_lab *lab, int sentinel)
{
	struct rsync *s = open_sentinel(lab, sentinel);
	static const char all[] = "status=ok,";
	const struct rreply *r = s ? rsync_words(s, NULL, "INFO", "sentinel", NULL) : NULL;
	const char *text = rreply_str(r, NULL);
	bool good = strstr(text, all) && strstr(text, "slaves=2,sentinels=3");
	/* a replica that is down still counts there: ask for the flags of each */
	r = s ? rsync_words(s, NULL, "SENTINEL", "replicas", MASTER, NULL) : NULL;
	for (size_t i = 0; good && i < rreply_count(r); i++)
		for (size_t k = 0; k + 1 < rreply_count(rreply_at(r, i)); k += 2)
			if (strcmp(rreply_str(rreply_at(rreply_at(r, i), k), NULL), "flags") == 0)
				good = strcmp(rreply_str(rreply_at(rreply_at(r, i), k + 1), NULL), "slave") == 0;
	rsync_close(s);
	return good;
}

bool sentinel_lab_is_whole(const struct sentinel_lab *lab)
{
	int master = sentinel_lab_master(lab);
	if (master == SENTINEL_LAB_NOBODY)
		return false;
	for (int i = 0; i < SENTINEL_LAB_SENTINELS; i++)
		if (!knows_all(lab, i))
			return false;
	for (int i = 0; i < SENTINEL_LAB_SERVERS; i++)
		if (i != master && (strcmp(info_field(lab, i, "master_link_status"), "up") != 0 ||
				    info_number(lab, i, "master_port") != lab->ports[master]))
			return false;
	return info_number(lab, master, "connected_slaves") == SENTINEL_LAB_SERVERS - 1;
}

static bool is_whole(void *arg)
{
	return sentinel_lab_is_whole(arg);
}

bool sentinel_lab_wait_whole(const struct sentinel_lab *lab, unsigned deadline_ms)
{
	return wait_until(is_whole, (void *)lab, deadline_ms);
}

int sentinel_lab_clients(const struct sentinel_lab *lab, int server, const char *prefix)
{
	struct rsync *s = rsync_open(redis_private_url(lab->servers[server]), ASK_MS, NULL);
	const struct rreply *r = s ? rsync_words(s, NULL, "CLIENT", "LIST", "TYPE", "normal", NULL) : NULL;
	int n = rreply_type(r) == RREPLY_STRING ? 0 : -1;
	char wanted[128];
	(void)snprintf(wanted, sizeof wanted, " name=%s", prefix);
	for (const char *at = rreply_str(r, NULL); (at = strstr(at, wanted)); at += strlen(wanted))
		n++;
	rsync_close(s);
	return n;
}

void sentinel_lab_show(const struct sentinel_lab *lab)
{
	for (int i = 0; i < SENTINEL_LAB_SENTINELS; i++)
		(void)fprintf(stderr, "sentinel %d (port %u) names server %d, %s\n", i, lab->sentinel_ports[i],
			      sentinel_lab_named_by(lab, i), knows_all(lab, i) ? "knows all" : "does not know all");
	for (int i = 0; i < SENTINEL_LAB_SERVERS; i++) {
		(void)fprintf(stderr, "server %d (port %u, pid %d): %s", i, lab->ports[i],
			      (int)redis_private_pid(lab->servers[i]), info_field(lab, i, "role"));
		(void)fprintf(stderr, ", master port %lld", info_number(lab, i, "master_port"));
		(void)fprintf(stderr, " link %s", info_field(lab, i, "master_link_status"));
		(void)fprintf(stderr, ", %lld replicas\n", info_number(lab, i, "connected_slaves"));
	}
}

/* ---- processes ---- */

struct tuning {
	const struct sentinel_lab *lab;
	int sentinel;
};

/* Sooner than by default: to take in who comes back (8 s), to ask for news (10 s), to reconnect (15 s). And a machine
 * that is slow is not to be taken for a clock that jumps, which would stop the sentinel for 30 s. */
static bool is_tuned(void *arg)
{
	const struct tuning *t = arg;
	struct rsync *s = open_sentinel(t->lab, t->sentinel);
	const struct rreply *r = s ? rsync_words(s, NULL, "SENTINEL", "DEBUG", "info-period", "500", "publish-period",
						 "250", "min-link-reconnect-period", "1000", "slave-reconf-timeout",
						 "1000", "tilt-trigger", "60000", NULL)
				   : NULL;
	bool ok = strcmp(rreply_str(r, NULL), "OK") == 0;
	rsync_close(s);
	return ok;
}

static void start_sentinel(struct sentinel_lab *lab, int i)
{
	char path[128];
	config_path(lab, i, path);
	const char *const argv[] = { "redis-server", path, "--sentinel", NULL };
	struct tuning tuning = { lab, i };
	lab->sentinels[i] = proc_spawn(argv, NULL, -1, -1, -1);
	if (wait_until(is_tuned, &tuning, START_MS))
		return;
	(void)fprintf(stderr, "sentinel_lab: expected a sentinel of Redis 7.0 on port %u\n", lab->sentinel_ports[i]);
	abort();
}

static void write_config(const struct sentinel_lab *lab, int i)
{
	char path[128];
	config_path(lab, i, path);
	FILE *f = fopen(path, "we");
	if (!f) {
		perror(path);
		abort();
	}
	(void)fprintf(f,
		      "port %u\nbind 127.0.0.1\ndir %s\nlogfile sentinel.log\ndaemonize no\n"
		      "sentinel monitor " MASTER " 127.0.0.1 %u 2\n"
		      "sentinel down-after-milliseconds " MASTER " 1000\n"
		      "sentinel failover-timeout " MASTER " 3000\n"
		      "sentinel parallel-syncs " MASTER " 2\n",
		      lab->sentinel_ports[i], redis_private_dir(lab->servers[i]), lab->ports[0]);
	(void)fclose(f);
}

static void start_server(struct sentinel_lab *lab, int i)
{
	char port[16], master[64];
	(void)snprintf(port, sizeof port, "%u", lab->ports[i]);
	(void)snprintf(master, sizeof master, "127.0.0.1 %u", lab->ports[0]);
	const char *const more[] = { "--port",
				     port,
				     "--bind",
				     "127.0.0.1",
				     "--repl-diskless-sync-delay",
				     "0",
				     "--repl-backlog-size",
				     "16mb",
				     i ? "--replicaof" : NULL,
				     master,
				     NULL };
	lab->servers[i] = redis_private_start(more);
}

struct sentinel_lab *sentinel_lab_start(void)
{
	struct sentinel_lab *lab = calloc(1, sizeof *lab);
	if (!lab)
		abort();
	for (int i = 0; i < SENTINEL_LAB_SERVERS; i++) {
		lab->ports[i] = proc_free_port();
		start_server(lab, i);
	}
	for (int i = 0; i < SENTINEL_LAB_SENTINELS; i++) {
		lab->sentinel_ports[i] = proc_free_port();
		write_config(lab, i);
		start_sentinel(lab, i);
	}
	(void)snprintf(lab->url, sizeof lab->url, "redis+sentinel://127.0.0.1:%u,127.0.0.1:%u,127.0.0.1:%u/" MASTER,
		       lab->sentinel_ports[0], lab->sentinel_ports[1], lab->sentinel_ports[2]);
	if (sentinel_lab_wait_whole(lab, START_MS))
		return lab;
	(void)fprintf(stderr, "sentinel_lab: expected a master, two replicas and three sentinels within %u s\n",
		      START_MS / 1000);
	sentinel_lab_show(lab);
	abort();
}

void sentinel_lab_stop(struct sentinel_lab *lab)
{
	for (int i = 0; i < SENTINEL_LAB_SENTINELS; i++)
		sentinel_lab_kill_sentinel(lab, i);
	for (int i = 0; i < SENTINEL_LAB_SERVERS; i++)
		redis_private_stop(lab->servers[i]);
	free(lab);
}

const char *sentinel_lab_url(const struct sentinel_lab *lab)
{
	return lab->url;
}

const char *sentinel_lab_server_url(const struct sentinel_lab *lab, int server)
{
	return redis_private_url(lab->servers[server]);
}

pid_t sentinel_lab_server_pid(const struct sentinel_lab *lab, int server)
{
	return redis_private_pid(lab->servers[server]);
}

void sentinel_lab_kill_server(struct sentinel_lab *lab, int server)
{
	redis_private_kill(lab->servers[server]);
}

void sentinel_lab_restart_server(struct sentinel_lab *lab, int server)
{
	redis_private_restart(lab->servers[server]);
}

void sentinel_lab_kill_sentinel(struct sentinel_lab *lab, int sentinel)
{
	pid_t pid = lab->sentinels[sentinel];
	if (!pid)
		return;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	lab->sentinels[sentinel] = 0;
}

void sentinel_lab_restart_sentinel(struct sentinel_lab *lab, int sentinel)
{
	start_sentinel(lab, sentinel);
}

bool sentinel_lab_failover(struct sentinel_lab *lab)
{
	struct rsync *s = open_sentinel(lab, 0);
	const struct rreply *r = s ? rsync_words(s, NULL, "SENTINEL", "FAILOVER", MASTER, NULL) : NULL;
	bool accepted = strcmp(rreply_str(r, NULL), "OK") == 0;
	if (!accepted)
		(void)fprintf(stderr, "SENTINEL FAILOVER: %s\n", rreply_str(r, NULL));
	rsync_close(s);
	return accepted;
}
