/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs prepared calls for the queue and for the TCP endpoint on one loop: short ones at once, timed ones by a timer,
 * heavy ones in compute children. Bounded: a timed call takes one of `slots`, a heavy one takes a child. All functions
 * and callbacks on the loop's thread. */
#ifndef SQUARE_EXECUTOR_H
#define SQUARE_EXECUTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "buf.h"
#include "op.h"

#define EXECUTOR_WAITING_MAX 4096 /* calls of executor_run_or_wait() that wait for a slot or a child */

struct executor;
struct executor_job; /* a call that runs or waits; valid until its callback has returned */
struct pool;
struct scatter;

struct executor_result {
	bool ok;
	struct buf *json;                 /* the result, or the error object; may be emptied with buf_take() */
	uint64_t run_us;                  /* time spent running; 0 if it never ran */
	const struct op_failure *failure; /* when !ok; borrowed for the callback */
};
/* Exactly once per accepted call. */
typedef void executor_cb(void *arg, const struct executor_result *result);
/* How far a heavy call has come. note: zero-terminated, from the child, not trusted to be UTF-8. */
typedef void executor_progress_cb(void *arg, double ratio, const char *note);

/* slots: 1..64. pool: borrowed, with the right to pool_on_room(); must outlive the executor. NULL: there are no compute
 * children, and a heavy call never finds one. NULL when memory ran out. */
struct executor *executor_new(uv_loop_t *loop, unsigned slots, struct pool *pool);
/* From now on heavy calls that split are shared, as far as scatter_run() takes them. Borrowed; NULL: none is. */
void executor_share(struct executor *ex, struct scatter *scatter);
/* Cancels what is left (their callbacks run). The memory of the jobs goes when the loop has closed their timers. */
void executor_free(struct executor *ex);

/* Runs a call. timeout_ms 0: the one of the call.
 * 0: *call is taken (do not fini it) and cb runs once: before this returns if the call is OP_IN_LOOP (then *handle is
 * NULL), else later. ERR_FULL (no slot, or no child, is free), ERR_NOMEM, ERR_CLOSED (draining): nothing happened,
 * *call is still the caller's. handle may be NULL. A call that exceeds its time fails with `timeout` at that time; a
 * heavy one POOL_GRACE_MS later. */
int executor_run(struct executor *ex, struct op_call *call, uint32_t timeout_ms, executor_cb *cb, void *arg,
		 struct executor_job **handle);
/* The same, but without a free slot or child the call waits for one, first come first served among its kind; its time
 * runs from its start. ERR_FULL only when EXECUTOR_WAITING_MAX calls wait already. */
int executor_run_or_wait(struct executor *ex, struct op_call *call, uint32_t timeout_ms, executor_cb *cb, void *arg,
			 struct executor_job **handle);
/* Asks to be told of the progress of a call, with the arg of its callback. */
void executor_watch(struct executor_job *job, executor_progress_cb *on_progress);

/* The callback runs before this returns, with `cancelled`. A heavy call's child is killed. */
void executor_cancel(struct executor_job *job);

unsigned executor_free_slots(const struct executor *ex);    /* for timed calls */
unsigned executor_free_children(const struct executor *ex); /* for heavy calls */
unsigned executor_running(const struct executor *ex);       /* timed and heavy calls */
unsigned executor_waiting(const struct executor *ex);

/* From now on timed and heavy calls are refused with ERR_CLOSED (those in hand go on); on_empty runs once when none is
 * left, before this returns if that is now. */
void executor_drain(struct executor *ex, void (*on_empty)(void *arg), void *arg);

#endif
