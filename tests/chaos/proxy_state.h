/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state of a proxy, shared by its two halves: the thread that serves (proxy_serve.c) and those who control it
 * (proxy.c). All of it under the lock. */
#ifndef SQUARE_TESTS_CHAOS_PROXY_STATE_H
#define SQUARE_TESTS_CHAOS_PROXY_STATE_H

#include <poll.h>
#include <pthread.h>
#include <sys/un.h>

#include "buf.h"
#include "proxy.h"
#include "resp.h"

struct chunk {
	struct chunk *next;
	uint64_t due_us;
	size_t len, at;
	char data[];
};

struct stream {
	struct resp scan;
	struct buf partial; /* the present message as far as it came */
	struct chunk *first, *last;
	size_t queued;
	size_t pass; /* bytes that may still be written; SIZE_MAX: all */
	bool ended;  /* its source has ended: so does the connection, when the queue is empty */
};

struct conn {
	struct conn *next;
	unsigned number;
	int client, server; /* server: -1 until there is something for it */
	struct stream up, down;
	uint64_t asked, answered;
	uint64_t strike_at; /* the reply of this request is to be struck; UINT64_MAX: none */
	bool struck, held, dead;
	enum proxy_action action;
};

struct proxy {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct sockaddr_un redis, own;
	char url[128], tcp_url[64];
	int wake, unix_listener, tcp_listener;
	struct conn *conns;
	struct proxy_fault fault;
	char command[RESP_WORD_MAX + 1];
	enum proxy_outcome outcome;
	size_t length;
	bool taken; /* the fault waits for the reply of a request that has matched */
	unsigned delay_ms;
	bool hole, stopping;
	struct proxy_stats stats;
	struct pollfd *fds;
	size_t fds_cap;
};

_Noreturn void proxy_die(const char *what);
void *proxy_serve(void *arg); /* the thread; arg: the proxy */
void proxy_end_conn(struct proxy *p, struct conn *c, enum proxy_action action);
void proxy_bury(struct proxy *p); /* frees the connections that have ended */

#endif
