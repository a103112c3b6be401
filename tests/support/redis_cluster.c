/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "redis_cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proc.h"
#include "redis_private.h"
#include "wait_until.h"

#define START_MS 60000
#define ASK_MS 2000 /* for one answer */
#define SLOTS 16384
#define WORDS_MAX 40
#define STRING_OF(x) #x
#define STRING(x) STRING_OF(x)

struct redis_cluster {
	struct redis_private *nodes[REDIS_CLUSTER_NODES];
	unsigned ports[REDIS_CLUSTER_NODES], bus_ports[REDIS_CLUSTER_NODES];
	char ids[REDIS_CLUSTER_NODES][48];
	char url[300];
};

static _Noreturn void die(const struct redis_cluster *c, int node, const char *what, const char *said)
{
	(void)fprintf(stderr, "redis_cluster: node %d: %s: %s\n", node, what, said);
	redis_cluster_show(c);
	abort();
}

static struct rsync *open_node(const struct redis_cluster *c, int node)
{
	if (!redis_private_pid(c->nodes[node]))
		return NULL;
	return rsync_open(redis_private_url(c->nodes[node]), ASK_MS, NULL);
}

/* Runs a command that has to succeed. */
static const struct rreply *must(const struct redis_cluster *c, struct rsync *s, int node, struct rcmd *cmd)
{
	struct errinfo info = { 0 };
	const struct rreply *r = s ? rsync_call(s, cmd, &info) : NULL;
	if (!r || rreply_type(r) == RREPLY_ERROR)
		die(c, node, "a command was refused", r ? rreply_str(r, NULL) : info.text);
	return r;
}

/* The same from words to a node, without its answer. */
static void tell(const struct redis_cluster *c, int node, const char *const *words)
{
	struct rsync *s = open_node(c, node);
	struct rcmd cmd;
	rcmd_init(&cmd);
	for (; *words; words++)
		rcmd_str(&cmd, *words);
	(void)must(c, s, node, &cmd);
	rcmd_fini(&cmd);
	rsync_close(s);
}
#define TELL(c, node, ...) tell(c, node, (const char *const[]){ __VA_ARGS__, NULL })

/* ---- what the nodes say ---- */

static int node_of_port(const struct redis_cluster *c, int64_t port)
{
	for (int i = 0; i < REDIS_CLUSTER_NODES; i++)
		if (port == c->ports[i])
			return i;
	return REDIS_CLUSTER_NOBODY;
}

unsigned redis_cluster_slot(const struct redis_cluster *c, const char *key)
{
	for (int i = 0; i < REDIS_CLUSTER_NODES; i++) {
		struct rsync *s = open_node(c, i);
		const struct rreply *r = s ? rsync_words(s, NULL, "CLUSTER", "KEYSLOT", key, NULL) : NULL;
		bool known = rreply_type(r) == RREPLY_INTEGER;
		unsigned slot = (unsigned)rreply_int(r);
		rsync_close(s);
		if (known)
			return slot;
	}
	die(c, 0, "no node answers CLUSTER KEYSLOT", key);
}

/* Who is the master of a slot, as this node says. */
static int master_by(const struct redis_cluster *c, int node, unsigned slot)
{
	struct rsync *s = open_node(c, node);
	const struct rreply *r = s ? rsync_words(s, NULL, "CLUSTER", "SLOTS", NULL) : NULL;
	int found = REDIS_CLUSTER_NOBODY;
	for (size_t i = 0; i < rreply_count(r); i++) {
		const struct rreply *range = rreply_at(r, i);
		if (rreply_int(rreply_at(range, 0)) <= slot && slot <= rreply_int(rreply_at(range, 1)))
			found = node_of_port(c, rreply_int(rreply_at(rreply_at(range, 2), 1)));
	}
	rsync_close(s);
	return found;
}

static int master_of_slot(const struct redis_cluster *c, unsigned slot)
{
	int master = REDIS_CLUSTER_NOBODY;
	for (int i = 0; i < REDIS_CLUSTER_NODES; i++) {
		if (!redis_private_pid(c->nodes[i]))
			continue;
		int said = master_by(c, i, slot);
		if (said == REDIS_CLUSTER_NOBODY || (master != REDIS_CLUSTER_NOBODY && said != master))
			return REDIS_CLUSTER_NOBODY;
		master = said;
	}
	return master != REDIS_CLUSTER_NOBODY && redis_private_pid(c->nodes[master]) ? master : REDIS_CLUSTER_NOBODY;
}

int redis_cluster_master_of(const struct redis_cluster *c, const char *key)
{
	return master_of_slot(c, redis_cluster_slot(c, key));
}

/* Whether the text of an INFO or CLUSTER INFO has this line. */
static bool has_line(const char *text, const char *line)
{
	size_t n = strlen(line);
	for (const char *at = strstr(text, line); at; at = strstr(at + 1, line))
		if ((at == text || at[-1] == '\n') && (at[n] == '\r' || at[n] == '\n' || at[n] == '\0'))
			return true;
	return false;
}

/* The master that a replica follows, if it has all that this one has sent it. */
static int followed_by(const struct redis_cluster *c, int node)
{
	struct rsync *s = open_node(c, node);
	const char *info = s ? rreply_str(rsync_words(s, NULL, "INFO", "replication", NULL), NULL) : "";
	const char *port = strstr(info, "\nmaster_port:");
	int master = REDIS_CLUSTER_NOBODY;
	if (has_line(info, "role:slave") && has_line(info, "master_link_status:up") && port)
		master = node_of_port(c, strtol(port + strlen("\nmaster_port:"), NULL, 10));
	rsync_close(s);
	return master;
}

int redis_cluster_replica_of(const struct redis_cluster *c, int master)
{
	for (int i = 0; i < REDIS_CLUSTER_NODES; i++)
		if (i != master && followed_by(c, i) == master)
			return i;
	return REDIS_CLUSTER_NOBODY;
}

static bool says_whole(const struct redis_cluster *c, int node)
{
	struct rsync *s = open_node(c, node);
	const char *info = s ? rreply_str(rsync_words(s, NULL, "CLUSTER", "INFO", NULL), NULL) : "";
	bool good = has_line(info, "cluster_state:ok") && has_line(info, "cluster_slots_ok:" STRING(SLOTS)) &&
		    has_line(info, "cluster_known_nodes:6") && has_line(info, "cluster_size:3");
	/* CLUSTER SLOTS leaves out replicas that are down */
	const struct rreply *r = s ? rsync_words(s, NULL, "CLUSTER", "SLOTS", NULL) : NULL;
	for (size_t i = 0; i < rreply_count(r); i++)
		good = good && rreply_count(rreply_at(r, i)) == 4;
	rsync_close(s);
	return good;
}

bool redis_cluster_is_whole(const struct redis_cluster *c)
{
	int replicas = 0;
	for (int i = 0; i < REDIS_CLUSTER_NODES; i++) {
		if (!says_whole(c, i))
			return false;
		replicas += followed_by(c, i) != REDIS_CLUSTER_NOBODY;
	}
	return replicas == REDIS_CLUSTER_NODES - REDIS_CLUSTER_MASTERS;
}

static bool is_whole(void *arg)
{
	return redis_cluster_is_whole(arg);
}

bool redis_cluster_wait_whole(const struct redis_cluster *c, unsigned deadline_ms)
{
	return wait_until(is_whole, (void *)c, deadline_ms);
}

struct rsync *redis_cluster_open(const struct redis_cluster *c, const char *key)
{
	int master = redis_cluster_master_of(c, key);
	return master == REDIS_CLUSTER_NOBODY ? NULL : open_node(c, master);
}

int redis_cluster_clients(const struct redis_cluster *c, int node, const char *prefix)
{
	char wanted[80];
	int n = -1;
	struct rsync *s = open_node(c, node);
	const struct rreply *r = s ? rsync_words(s, NULL, "CLIENT", "LIST", NULL) : NULL;
	(void)snprintf(wanted, sizeof wanted, " name=%s", prefix);
	if (rreply_type(r) == RREPLY_STRING) {
		n = 0;
		for (const char *at = rreply_str(r, NULL); (at = strstr(at, wanted)); at++)
			n++;
	}
	rsync_close(s);
	return n;
}

void redis_cluster_show(const struct redis_cluster *c)
{
	for (int i = 0; i < REDIS_CLUSTER_NODES; i++) {
		struct rsync *s = c->nodes[i] ? open_node(c, i) : NULL;
		const char *said =
		    s ? rreply_str(rsync_words(s, NULL, "CLUSTER", "NODES", NULL), NULL) : "does not answer\n";
		(void)fprintf(stderr, "---- node %d, port %u\n%s", i, c->ports[i], said);
		rsync_close(s);
	}
}

/* ---- start and end ---- */

static void start_node(struct redis_cluster *c, int i, const char *const *more)
{
	char port[16], bus_port[16];
	const char *words[WORDS_MAX] = { "--port",
					 port,
					 "--cluster-port",
					 bus_port,
					 "--bind",
					 "127.0.0.1",
					 "--cluster-enabled",
					 "yes",
					 "--cluster-announce-ip",
					 "127.0.0.1",
					 "--cluster-config-file",
					 "nodes.conf",
					 "--cluster-node-timeout",
					 STRING(1500),
					 "--cluster-require-full-coverage",
					 "no",
					 "--cluster-allow-replica-migration",
					 "no",
					 "--repl-diskless-sync-delay",
					 "0",
					 "--repl-backlog-size",
					 "16mb" };
	size_t n = 22;
	_Static_assert(REDIS_CLUSTER_TIMEOUT_MS == 1500, "the word above");
	c->ports[i] = proc_free_port();
	c->bus_ports[i] = proc_free_port();
	(void)snprintf(port, sizeof port, "%u", c->ports[i]);
	(void)snprintf(bus_port, sizeof bus_port, "%u", c->bus_ports[i]);
	for (; more && *more && n < WORDS_MAX - 1; more++)
		words[n++] = *more;
	c->nodes[i] = redis_private_start(words);
	struct rsync *s = open_node(c, i);
	const char *id = s ? rreply_str(rsync_words(s, NULL, "CLUSTER", "MYID", NULL), NULL) : "";
	if (strlen(id) != 40)
		die(c, i, "expected an id of 40 characters", id);
	(void)snprintf(c->ids[i], sizeof c->ids[i], "%s", id);
	rsync_close(s);
}

static bool knows_all(void *arg)
{
	const struct redis_cluster *c = arg;
	bool all = true;
	for (int i = 0; i < REDIS_CLUSTER_NODES && all; i++) {
		struct rsync *s = open_node(c, i);
		const char *info = s ? rreply_str(rsync_words(s, NULL, "CLUSTER", "NODES", NULL), NULL) : "";
		for (int k = 0; k < REDIS_CLUSTER_NODES && all; k++)
			all = strstr(info, c->ids[k]) != NULL;
		rsync_close(s);
	}
	return all;
}

static void give_slots(struct redis_cluster *c, int node)
{
	char first[16], last[16], epoch[16];
	(void)snprintf(first, sizeof first, "%d", node * SLOTS / REDIS_CLUSTER_MASTERS);
	(void)snprintf(last, sizeof last, "%d", (node + 1) * SLOTS / REDIS_CLUSTER_MASTERS - 1);
	(void)snprintf(epoch, sizeof epoch, "%d", node + 1);
	TELL(c, node, "CLUSTER", "ADDSLOTSRANGE", first, last);
	TELL(c, node, "CLUSTER", "SET-CONFIG-EPOCH", epoch);
}

static void join(struct redis_cluster *c)
{
	char port[16], bus_port[16];
	for (int i = 0; i < REDIS_CLUSTER_MASTERS; i++)
		give_slots(c, i);
	(void)snprintf(port, sizeof port, "%u", c->ports[0]);
	(void)snprintf(bus_port, sizeof bus_port, "%u", c->bus_ports[0]);
	for (int i = 1; i < REDIS_CLUSTER_NODES; i++)
		TELL(c, i, "CLUSTER", "MEET", "127.0.0.1", port, bus_port);
	if (!wait_until(knows_all, c, START_MS))
		die(c, 0, "expected six nodes that know each other", "they do not");
	for (int i = REDIS_CLUSTER_MASTERS; i < REDIS_CLUSTER_NODES; i++)
		TELL(c, i, "CLUSTER", "REPLICATE", c->ids[i - REDIS_CLUSTER_MASTERS]);
}

struct redis_cluster *redis_cluster_start(const char *const *more)
{
	struct redis_cluster *c = calloc(1, sizeof *c);
	if (!c)
		abort();
	size_t n = (size_t)snprintf(c->url, sizeof c->url, "redis+cluster://");
	for (int i = 0; i < REDIS_CLUSTER_NODES; i++) {
		start_node(c, i, more);
		n += (size_t)snprintf(c->url + n, sizeof c->url - n, "%s127.0.0.1:%u", i ? "," : "", c->ports[i]);
	}
	join(c);
	if (redis_cluster_wait_whole(c, START_MS))
		return c;
	die(c, 0, "expected three masters and a replica of each", "they are not");
}

void redis_cluster_stop(struct redis_cluster *c)
{
	if (!c)
		return;
	for (int i = 0; i < REDIS_CLUSTER_NODES; i++)
		redis_private_stop(c->nodes[i]);
	free(c);
}

const char *redis_cluster_url(const struct redis_cluster *c)
{
	return c->url;
}

const char *redis_cluster_node_url(const struct redis_cluster *c, int node)
{
	return redis_private_url(c->nodes[node]);
}

unsigned redis_cluster_port(const struct redis_cluster *c, int node)
{
	return c->ports[node];
}

pid_t redis_cluster_pid(const struct redis_cluster *c, int node)
{
	return redis_private_pid(c->nodes[node]);
}

void redis_cluster_kill(struct redis_cluster *c, int node)
{
	redis_private_kill(c->nodes[node]);
}

void redis_cluster_restart(struct redis_cluster *c, int node)
{
	redis_private_restart(c->nodes[node]);
}

bool redis_cluster_failover(struct redis_cluster *c, int replica)
{
	struct rsync *s = open_node(c, replica);
	const struct rreply *r = s ? rsync_words(s, NULL, "CLUSTER", "FAILOVER", NULL) : NULL;
	bool accepted = strcmp(rreply_str(r, NULL), "OK") == 0;
	if (!accepted)
		(void)fprintf(stderr, "CLUSTER FAILOVER: %s\n", rreply_str(r, NULL));
	rsync_close(s);
	return accepted;
}

/* ---- moving a slot ---- */

void redis_cluster_move_begin(struct redis_cluster *c, struct redis_cluster_move *m, const char *key, int to)
{
	char slot[16];
	*m = (struct redis_cluster_move){ .slot = redis_cluster_slot(c, key), .to = to };
	m->from = master_of_slot(c, m->slot);
	if (m->from == REDIS_CLUSTER_NOBODY || m->from == to)
		die(c, to, "expected a slot that another node has", key);
	(void)snprintf(slot, sizeof slot, "%u", m->slot);
	TELL(c, to, "CLUSTER", "SETSLOT", slot, "IMPORTING", c->ids[m->from]);
	TELL(c, m->from, "CLUSTER", "SETSLOT", slot, "MIGRATING", c->ids[to]);
}

/* Names may hold anything: they are copied with their lengths. */
static size_t read_keys(const struct redis_cluster *c, struct rsync *s, const struct redis_cluster_move *m,
			unsigned count, struct rcmd *migrate)
{
	struct rcmd ask;
	rcmd_init(&ask);
	rcmd_str(&ask, "CLUSTER");
	rcmd_str(&ask, "GETKEYSINSLOT");
	rcmd_uint(&ask, m->slot);
	rcmd_uint(&ask, count);
	const struct rreply *keys = must(c, s, m->from, &ask);
	size_t n = rreply_count(keys);
	for (size_t i = 0; i < n; i++) {
		size_t len;
		const char *name = rreply_str(rreply_at(keys, i), &len);
		rcmd_arg(migrate, name, len);
	}
	rcmd_fini(&ask);
	return n;
}

bool redis_cluster_move_some(struct redis_cluster *c, struct redis_cluster_move *m, unsigned count)
{
	struct rsync *s = open_node(c, m->from);
	struct rcmd migrate;
	rcmd_init(&migrate);
	rcmd_str(&migrate, "MIGRATE");
	rcmd_str(&migrate, "127.0.0.1");
	rcmd_uint(&migrate, c->ports[m->to]);
	rcmd_str(&migrate, "");
	rcmd_str(&migrate, "0");
	rcmd_str(&migrate, "5000");
	rcmd_str(&migrate, "KEYS");
	size_t n = s ? read_keys(c, s, m, count, &migrate) : 0;
	if (n)
		(void)must(c, s, m->from, &migrate); /* OK, or NOKEY when they have expired meanwhile */
	m->keys += (unsigned)n;
	rcmd_fini(&migrate);
	rsync_close(s);
	return n > 0;
}

void redis_cluster_move_end(struct redis_cluster *c, struct redis_cluster_move *m)
{
	char slot[16];
	(void)snprintf(slot, sizeof slot, "%u", m->slot);
	TELL(c, m->to, "CLUSTER", "SETSLOT", slot, "NODE", c->ids[m->to]);
	TELL(c, m->from, "CLUSTER", "SETSLOT", slot, "NODE", c->ids[m->to]);
}

unsigned redis_cluster_move(struct redis_cluster *c, const char *key, int to)
{
	struct redis_cluster_move m;
	redis_cluster_move_begin(c, &m, key, to);
	while (redis_cluster_move_some(c, &m, 10))
		;
	redis_cluster_move_end(c, &m);
	return m.keys;
}
