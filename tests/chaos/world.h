/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The service under test without a load balancer: a private Redis, web roles whose ports stay the same over restarts,
 * workers, and a keeper: a thread that starts again whoever has died, as a supervisor would. All of it dies with this
 * process. Blocking. Start, stop and whatever restarts Redis are for the row's own thread; the rest for any thread. */
#ifndef SQUARE_TESTS_CHAOS_WORLD_H
#define SQUARE_TESTS_CHAOS_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "chaos.h"
#include "redis_private.h"
#include "rlink.h"

struct world;

enum world_role { WORLD_WEB, WORLD_WORKER };

#define WORLD_INSTANCES 16 /* of each role, at most */
#define WORLD_QUEUE "math"
#define WORLD_TAG "{jq:math:0}"

struct world_options {                          /* zeros are the defaults */
	unsigned webs, workers;                 /* 2 and 3 */
	const char *appendfsync;                /* "everysec" */
	const char *const *redis;               /* further words for redis-server, NULL-terminated */
	const char *const *web, *const *worker; /* entries of their environment, NULL-terminated */
	/* The URL by which a role is to reach Redis, e.g. through a proxy that listens before redis_socket. Asked at
	 * each start of a role by the keeper's thread, copied. NULL: Redis itself. */
	const char *(*route)(void *arg, const char *redis_socket, enum world_role role, unsigned index);
	void *route_arg;
	bool by_hand; /* the dead stay dead until world_revive() */
};

/* Returns when every web role says ready and every worker runs and has published what it can. Trouble ends the process
 * with the logs. */
struct world *world_start(struct chaos_run *r, const struct world_options *options);
/* SIGTERM to all: whoever does not exit with 0 in time fails the row, with the end of its log. */
void world_stop(struct world *w);

unsigned world_count(const struct world *w, enum world_role role);
unsigned world_port(const struct world *w, unsigned web);
const char *world_instance(enum world_role role, unsigned index);             /* WebRole_IN_0; a string of its own */
pid_t world_pid(struct world *w, enum world_role role, unsigned index);       /* 0 while it does not run */
unsigned world_starts(struct world *w, enum world_role role, unsigned index); /* so far, the first one included */
unsigned world_files(struct world *w, enum world_role role, unsigned index);  /* open descriptors now */
long world_kib(struct world *w, enum world_role role, unsigned index);        /* resident memory now */
/* Its log so far, of all its lives; the caller frees it. */
char *world_log(struct world *w, enum world_role role, unsigned index);
void world_show(struct world *w); /* the end of every log, to standard error */

/* kill -9, and waits for the end; a dead one is waited for first. The moment of the signal, clock_wall_us(). */
uint64_t world_kill(struct world *w, enum world_role role, unsigned index);
/* SIGTERM, and waits for the end; one that has just been started is let come up first. Its exit status; 128 + n by
 * signal n; -1 not within the deadline. */
int world_term(struct world *w, enum world_role role, unsigned index, unsigned deadline_ms);
void world_signal(struct world *w, enum world_role role, unsigned index, int signal); /* SIGSTOP, SIGCONT, … */
/* Starts a dead one again, by hand; nothing when it runs. */
void world_revive(struct world *w, enum world_role role, unsigned index);

bool world_ready(struct world *w, unsigned web); /* GET /readyz says 200 now */
/* Everybody runs, every web role says ready, every worker has found Redis since its start. */
bool world_wait_ready(struct world *w, unsigned deadline_ms);

struct redis_private *world_redis(struct world *w); /* kill and restart it as you like */
/* A link of the caller's own to Redis, past every route; rsync_close() is the caller's. Ends the process if refused. */
struct rsync *world_link(struct world *w);

#endif
