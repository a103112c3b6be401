/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs prepared calls for the queue and for the TCP endpoint on one loop: short ones at once, timed ones by a timer,
 * heavy ones on libuv's thread pool (of whose threads one is always left for name resolution). Bounded: a call that is
 * timed or heavy takes one of `slots`. All functions and callbacks on the loop's thread. */
#ifndef SQUARE_EXECUTOR_H
#define SQUARE_EXECUTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "buf.h"
#include "op.h"

#define EXECUTOR_WAITING_MAX 4096 /* calls of executor_run_or_wait() that wait for a slot */

struct executor;
struct executor_job; /* a call that runs or waits; valid until its callback has returned */

struct executor_result {
	bool ok;
	struct buf *json;                 /* the result, or the error object; may be emptied with buf_take() */
	uint64_t run_us;                  /* time spent running; 0 if it never ran */
	const struct op_failure *failure; /* when !ok; borrowed for the callback */
};
/* Exactly once per accepted call. */
typedef void executor_cb(void *arg, const struct executor_result *result);

/* slots: 1..64. NULL when memory ran out. */
struct executor *executor_new(uv_loop_t *loop, unsigned slots);
/* Cancels what is left (their callbacks run), waits for no thread: what heavy calls hold is freed as they end, so the
 * loop must be run until it is empty. */
void executor_free(struct executor *ex);

/* Runs a call. timeout_ms 0: the one of the call.
 * 0: *call is taken (do not fini it) and cb runs once: before this returns if the call is OP_IN_LOOP (then *handle is
 * NULL), else later. ERR_FULL (no slot is free), ERR_NOMEM, ERR_CLOSED (draining): nothing happened, *call is still the
 * caller's. handle may be NULL. A call that exceeds its time fails with `timeout` at that time. */
int executor_run(struct executor *ex, struct op_call *call, uint32_t timeout_ms, executor_cb *cb, void *arg,
		 struct executor_job **handle);
/* The same, but without a free slot the call waits for one, first come first served; its time runs from its start.
 * ERR_FULL only when EXECUTOR_WAITING_MAX calls wait already. */
int executor_run_or_wait(struct executor *ex, struct op_call *call, uint32_t timeout_ms, executor_cb *cb, void *arg,
			 struct executor_job **handle);

/* The callback runs before this returns, with `cancelled`. A heavy call keeps its slot until its thread has come to the
 * end; its result is dropped. */
void executor_cancel(struct executor_job *job);

unsigned executor_free_slots(const struct executor *ex);
unsigned executor_running(const struct executor *ex); /* slots in use */
unsigned executor_waiting(const struct executor *ex);

/* From now on timed and heavy calls are refused with ERR_CLOSED (those in hand go on); on_empty runs once when none is
 * left, before this returns if that is now. */
void executor_drain(struct executor *ex, void (*on_empty)(void *arg), void *arg);

#endif
