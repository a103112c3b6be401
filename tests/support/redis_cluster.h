/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A Redis Cluster for tests: three masters that share the slots evenly and a replica of each, six real processes of
 * redis-server on free ports of 127.0.0.1, that die with the test. Nodes are numbered from 0; at first 0 to 2 are the
 * masters, and 3 to 5 their replicas in the same order. A master that is silent for REDIS_CLUSTER_TIMEOUT_MS is
 * replaced by its replica; the others go on meanwhile (cluster-require-full-coverage no). Only the process that started
 * a cluster kills and restarts its nodes. Blocking; what nobody expects ends the program with a message. */
#ifndef SQUARE_TESTS_REDIS_CLUSTER_H
#define SQUARE_TESTS_REDIS_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "rlink.h"

enum { REDIS_CLUSTER_NODES = 6, REDIS_CLUSTER_MASTERS = 3, REDIS_CLUSTER_NOBODY = -1, REDIS_CLUSTER_TIMEOUT_MS = 1500 };

struct redis_cluster;

/* more: further words for each server, as for redis_private_start(). Waits until it is whole. */
struct redis_cluster *redis_cluster_start(const char *const *more);
void redis_cluster_stop(struct redis_cluster *c); /* NULL does nothing */

const char *redis_cluster_url(const struct redis_cluster *c);                /* redis+cluster://… of all nodes */
const char *redis_cluster_node_url(const struct redis_cluster *c, int node); /* unix://… of one */
unsigned redis_cluster_port(const struct redis_cluster *c, int node);
pid_t redis_cluster_pid(const struct redis_cluster *c, int node); /* 0 while it is killed */
void redis_cluster_kill(struct redis_cluster *c, int node);       /* kill -9 */
void redis_cluster_restart(struct redis_cluster *c, int node);    /* on its own data */

/* The slot of a key, as Redis says it. */
unsigned redis_cluster_slot(const struct redis_cluster *c, const char *key);
/* The node that all living ones call the master of the key's slot, and that lives; else REDIS_CLUSTER_NOBODY. */
int redis_cluster_master_of(const struct redis_cluster *c, const char *key);
/* A living replica of this node, by its own word; REDIS_CLUSTER_NOBODY when it has none. */
int redis_cluster_replica_of(const struct redis_cluster *c, int master);
/* All six live, each slot has a master, each master a replica that has all it wrote, and all nodes agree. */
bool redis_cluster_is_whole(const struct redis_cluster *c);
bool redis_cluster_wait_whole(const struct redis_cluster *c, unsigned deadline_ms);
/* CLUSTER FAILOVER, asked from a replica: a planned change of places. Whether it was accepted. */
bool redis_cluster_failover(struct redis_cluster *c, int replica);

/* A connection to the master of a key now; NULL while there is none. */
struct rsync *redis_cluster_open(const struct redis_cluster *c, const char *key);
/* Clients of a node whose name (CLIENT SETNAME) begins so. -1: no answer. */
int redis_cluster_clients(const struct redis_cluster *c, int node, const char *prefix);

/* The move of a key's slot to another master, as `redis-cli --cluster reshard` does it, in three steps: the slot is
 * declared as moving; keys go in groups of `count` until none is left (false: none was); all masters learn of its new
 * place. In between the source answers for keys that it has still. */
struct redis_cluster_move {
	unsigned slot;
	int from, to;
	unsigned keys; /* moved so far */
};
void redis_cluster_move_begin(struct redis_cluster *c, struct redis_cluster_move *m, const char *key, int to);
bool redis_cluster_move_some(struct redis_cluster *c, struct redis_cluster_move *m, unsigned count);
void redis_cluster_move_end(struct redis_cluster *c, struct redis_cluster_move *m);
/* All three. The number of keys. */
unsigned redis_cluster_move(struct redis_cluster *c, const char *key, int to);

void redis_cluster_show(const struct redis_cluster *c); /* what each node says of the others, on standard error */

#endif
