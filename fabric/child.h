/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A process that the fabric keeps running: started with its own process group and log file, restarted with a growing
 * pause whenever it exits unasked, stopped with a grace time. The kernel ends it if the fabric dies (parent-death
 * signal), so a killed fabric leaves nothing behind. All on one loop, in one thread. */
#ifndef SQUARE_CHILD_H
#define SQUARE_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

struct child;

enum child_event {
	CHILD_STARTED, /* a new process runs */
	CHILD_EXITED,  /* it ended unasked and will be started again after a pause */
	CHILD_STOPPED  /* it ended because of child_stop(), and stays ended */
};

typedef void child_cb(struct child *c, enum child_event event, void *arg);

struct child_spec {
	const char *name;    /* for messages and the log file's name */
	const char *log_dir; /* its output goes to LOG_DIR/NAME.log */
	char *const *argv;   /* argv[0] is the program's full path */
	char *const *env;    /* NAME=value entries that come on top of the fabric's own; NULL-terminated */
	int death_signal;    /* what it gets if the fabric dies */
	child_cb *on_event;
	void *arg;
};

/* Copies the spec. NULL when memory or the loop fails. Nothing is started yet. */
struct child *child_new(uv_loop_t *loop, const struct child_spec *spec);
/* Starts the process; when that fails (no such program), it counts as an exit: logged and tried again. */
void child_start(struct child *c);
/* Asks it to end with `sig`; after grace_ms it is killed with its whole group. CHILD_STOPPED comes in any case, within
 * this call if nothing runs. May be called again with a shorter grace. */
void child_stop(struct child *c, int sig, uint64_t grace_ms);
/* To be called on SIGCHLD: takes the exit status if the process has ended. */
void child_reap(struct child *c);
/* Only when stopped or never started. */
void child_free(struct child *c);

const char *child_name(const struct child *c);
pid_t child_pid(const struct child *c); /* 0 while none runs */
unsigned child_restarts(const struct child *c);
const char *child_log_path(const struct child *c);
uint64_t child_started_us(const struct child *c); /* monotonic time of the last start */

#endif
