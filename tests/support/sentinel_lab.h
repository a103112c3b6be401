/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A master, two replicas and three sentinels, for tests of failover: real processes of redis-server, on free ports of
 * 127.0.0.1, that die with the test. The sentinels take a server for down after a second. Servers are numbered from 0;
 * number 0 is the first master. Only the process that started the lab kills and restarts. Blocking. */
#ifndef SQUARE_TESTS_SENTINEL_LAB_H
#define SQUARE_TESTS_SENTINEL_LAB_H

#include <stdbool.h>
#include <sys/types.h>

enum { SENTINEL_LAB_SERVERS = 3, SENTINEL_LAB_SENTINELS = 3, SENTINEL_LAB_NOBODY = -1 };

struct sentinel_lab;

/* Waits until all know each other. What does not come up ends the program. */
struct sentinel_lab *sentinel_lab_start(void);
void sentinel_lab_stop(struct sentinel_lab *lab);

const char *sentinel_lab_url(const struct sentinel_lab *lab);                    /* redis+sentinel://… */
const char *sentinel_lab_server_url(const struct sentinel_lab *lab, int server); /* unix://… */
pid_t sentinel_lab_server_pid(const struct sentinel_lab *lab, int server);
void sentinel_lab_kill_server(struct sentinel_lab *lab, int server); /* kill -9 */
void sentinel_lab_restart_server(struct sentinel_lab *lab, int server);
void sentinel_lab_kill_sentinel(struct sentinel_lab *lab, int sentinel);
void sentinel_lab_restart_sentinel(struct sentinel_lab *lab, int sentinel);
/* SENTINEL FAILOVER, by hand. Whether it was accepted. */
bool sentinel_lab_failover(struct sentinel_lab *lab);

/* The server that this sentinel names; SENTINEL_LAB_NOBODY when it does not answer. */
int sentinel_lab_named_by(const struct sentinel_lab *lab, int sentinel);
/* The server that calls itself a master and that every living sentinel names; else SENTINEL_LAB_NOBODY. */
int sentinel_lab_master(const struct sentinel_lab *lab);
/* Master, two replicas that have all it wrote, and three sentinels which know that. */
bool sentinel_lab_is_whole(const struct sentinel_lab *lab);
bool sentinel_lab_wait_whole(const struct sentinel_lab *lab, unsigned deadline_ms);
/* How many clients the server has whose name (CLIENT SETNAME) begins so. -1: no answer. */
int sentinel_lab_clients(const struct sentinel_lab *lab, int server, const char *prefix);
void sentinel_lab_show(const struct sentinel_lab *lab); /* what each says of the others, on standard error */

#endif
