/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The compute children of a worker: `size` of them compute at once, one more is kept warm, so that the place of one
 * that was killed is taken at once.
 *
 *   executor -- pool_run() --> pool == SOCK_SEQPACKET, a frame each way ==> child   (reads, computes, replies)
 *                               |                                             ^
 *                               '== "one more", "kill that one" ==> zygote ---' forks it, reaps it, tells how it ended
 *
 * The pool alone decides over a child: it kills it when its job is out of time (and 100 ms, in which it could have said
 * so itself), when the job is not wanted any more, when it breaks the protocol, and replaces it then, and also after
 * POOL_JOBS_MAX jobs, POOL_BUSY_MAX_US of work, or a job that left memory behind. A child never asks for anything.
 *
 *   STARTING --ready--> IDLE --pool_run--> BUSY --result--> TIDYING --ready--> IDLE
 *        any of them --killed, ended, retired--> ENDING --the zygote tells how--> gone
 *
 * How a job ends: with what the child sent; else `timeout` or `cancelled` by us; else, when the child ended by itself,
 * `limit-exceeded` if it had used up its memory and `worker-lost` if not. One loop, one thread. Idle children use no
 * processor time: they wait in recvmsg(). */
#ifndef SQUARE_POOL_H
#define SQUARE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "compute/ipc.h"
#include "compute/zygote.h"
#include "op.h"

#define POOL_SIZE_MAX 256
#define POOL_GRACE_MS 100             /* beyond its time, until a job's child is killed */
#define POOL_JOBS_MAX 1000            /* of one child */
#define POOL_BUSY_MAX_US 120000000ull /* of one child, in all its jobs */
#define POOL_LEFT_MAX_KIB 65536       /* that a job may leave behind in its child */

struct pool;
struct pool_child;

struct pool_options {
	unsigned size;     /* 1 to POOL_SIZE_MAX */
	size_t memory_mib; /* that a job may use: what the zygote was told */
	uv_loop_t *loop;   /* borrowed, like the zygote, which must have been started */
	struct zygote *zygote;
	/* The zygote is gone, or children do not start: no job can be computed any more. Runs once, when all jobs in
	 * hand have been answered. `why` is a sentence. */
	void (*on_broken)(void *arg, const char *why);
	void *arg;
};

struct pool_result {
	bool ok;
	struct buf *json;                 /* when ok: may be emptied with buf_take() */
	const struct op_failure *failure; /* when not; both borrowed for the callback */
	uint64_t run_us;
	const struct op_plan *plan; /* when ok, and a plan was asked for: the plan, and json is empty; else NULL */
};
struct pool_caller {
	void (*on_result)(void *arg, const struct pool_result *result); /* exactly once, never within pool_run() */
	/* May be NULL. ratio: 0 to 1; note: a short text, zero-terminated, not trusted. */
	void (*on_progress)(void *arg, double ratio, const char *note);
	void *arg;
};

/* Begins to fork the children. NULL when memory ran out. */
struct pool *pool_new(const struct pool_options *options);
/* Callbacks of what is in hand do not run. The memory goes when the loop has closed the handles; the children end with
 * the zygote. NULL does nothing. */
void pool_free(struct pool *p);

/* Called whenever pool_room() may have grown. */
void pool_on_room(struct pool *p, void (*on_room)(void *arg), void *arg);
unsigned pool_room(const struct pool *p); /* calls that pool_run() would take now */
unsigned pool_size(const struct pool *p);
unsigned pool_busy(const struct pool *p); /* children that compute */

/* Hands a prepared call to a child; what is needed of it is copied. 0 with *child; ERR_FULL: pool_room() is 0;
 * ERR_NOMEM; nothing happened then. */
int pool_run(struct pool *p, const struct op_call *call, uint32_t timeout_ms, const struct pool_caller *caller,
	     struct pool_child **child);
/* The same for something else of an operation's call than the whole. args[0..n): its arguments as JSON; results: of the
 * parts, as an array, for IPC_TASK_GATHER. All borrowed for the call. */
struct pool_task {
	enum ipc_task task;
	const struct op *op;
	const char *args, *results;
	size_t args_len, results_len;
	struct op_part part;
};
int pool_run_task(struct pool *p, const struct pool_task *task, uint32_t timeout_ms, const struct pool_caller *caller,
		  struct pool_child **child);
/* Keeps a place for one who computes in many steps, so that nobody takes it between two of them: pool_room() counts it
 * as taken until it is released, or used by pool_run_held() (which is as pool_run_task(), and keeps the place when it
 * fails: ERR_FULL until a child is ready again, which on_held tells). */
void pool_hold(struct pool *p);
void pool_release(struct pool *p);
int pool_run_held(struct pool *p, const struct pool_task *task, uint32_t timeout_ms, const struct pool_caller *caller,
		  struct pool_child **child);
void pool_on_held(struct pool *p, void (*on_held)(void *arg), void *arg);
/* Kills the child: its job is not wanted any more. The callback does not run. */
void pool_abandon(struct pool_child *child);

struct pool_stats {
	uint64_t jobs, timeouts, abandoned, crashes, exhausted, retired, born;
};
const struct pool_stats *pool_stats(const struct pool *p);
/* The i-th child's process id, for tests and measurements; 0 past the last one. */
pid_t pool_pid(const struct pool *p, size_t i);

#endif
