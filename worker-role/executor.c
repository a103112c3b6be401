/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Life of a job: waiting (for a slot, or for a child), then timed or computing, or refused when there is no memory to
 * tell a child of it; then answered, exactly once, when it has left all lists; then freed, as soon as its timer is
 * closed. */
#include "executor.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "compute/pool.h"
#include "err.h"
#include "scatter.h"

#define SCRATCH_KEEP 65536 /* a larger result buffer is not kept for the next call */

enum stage { WAITING_SLOT, WAITING_CHILD, TIMED, COMPUTING, REFUSED, STAGES };

struct executor_job {
	struct executor *ex;
	struct executor_job *next, *prev; /* in the list of its stage */
	enum stage stage;
	uint32_t timeout_ms;
	uint64_t started_us;
	struct op_call call;
	executor_cb *cb;
	executor_progress_cb *on_progress;
	void *arg;
	uv_timer_t timer;
	struct pool_child *child;
	struct scatter_job *shared; /* in place of a child */
};

struct list {
	struct executor_job *first, *last;
	unsigned n;
};

struct executor {
	uv_loop_t *loop;
	struct pool *pool;
	struct scatter *scatter;
	unsigned slots;
	unsigned unanswered; /* jobs whose callback is still to run */
	struct list lists[STAGES];
	struct buf scratch; /* memory for the result of calls that run at once */
	bool draining, freed;
	void (*on_empty)(void *arg);
	void *on_empty_arg;
};

static void list_add(struct list *l, struct executor_job *job)
{
	job->next = NULL;
	job->prev = l->last;
	*(l->last ? &l->last->next : &l->first) = job;
	l->last = job;
	l->n++;
}

static void list_remove(struct list *l, struct executor_job *job)
{
	*(job->prev ? &job->prev->next : &l->first) = job->next;
	*(job->next ? &job->next->prev : &l->last) = job->prev;
	l->n--;
}

static void set_stage(struct executor_job *job, enum stage stage)
{
	list_remove(&job->ex->lists[job->stage], job);
	job->stage = stage;
	list_add(&job->ex->lists[stage], job);
}

static void start_next(struct executor *ex);

static void on_room(void *arg)
{
	start_next(arg);
}

struct executor *executor_new(uv_loop_t *loop, unsigned slots, struct pool *pool)
{
	struct executor *ex = calloc(1, sizeof *ex);

	if (!ex)
		return NULL;
	ex->loop = loop;
	ex->slots = slots;
	ex->pool = pool;
	if (pool)
		pool_on_room(pool, on_room, ex);
	return ex;
}

void executor_share(struct executor *ex, struct scatter *scatter)
{
	ex->scatter = scatter;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct executor_job *job = handle->data;

	op_call_fini(&job->call);
	free(job);
}

/* ---- ending ---- */

static void check_empty(struct executor *ex)
{
	void (*on_empty)(void *) = ex->on_empty;

	if (!ex->draining || ex->unanswered > 0 || !on_empty)
		return;
	ex->on_empty = NULL;
	on_empty(ex->on_empty_arg);
}

static void give_result(executor_cb *cb, void *arg, int rc, struct buf *json, const struct op_failure *f,
			uint64_t run_us)
{
	struct executor_result result = { rc == 0, json, run_us, rc == 0 ? NULL : f };

	if (rc != 0) {
		buf_clear(json);
		op_failure_json(json, f);
	}
	cb(arg, &result);
}

/* Leaves its list, lets the next one start, and answers: the callback may do anything but free the executor. */
static void finish(struct executor_job *job, int rc, struct buf *json, const struct op_failure *f, uint64_t run_us)
{
	struct executor *ex = job->ex;

	list_remove(&ex->lists[job->stage], job);
	start_next(ex);
	ex->unanswered--;
	uv_close((uv_handle_t *)&job->timer, on_timer_closed);
	give_result(job->cb, job->arg, rc, json, f, run_us);
	check_empty(ex);
}

/* Ends a job from outside: out of time, or not wanted any more. */
static void abort_job(struct executor_job *job, enum op_error error)
{
	struct op_failure f;
	struct buf json = BUF_INIT;

	if (error == OP_TIMEOUT)
		op_fail(&f, error, "no result within the time-out of %u ms", job->timeout_ms);
	else
		op_fail(&f, error, "%s was cancelled before it had a result", job->call.op->name);
	if (job->stage == COMPUTING && job->child)
		pool_abandon(job->child);
	if (job->stage == COMPUTING && job->shared)
		scatter_abandon(job->shared);
	finish(job, -1, &json, &f, job->started_us ? clock_mono_us() - job->started_us : 0);
	buf_fini(&json);
}

/* ---- running ---- */

static void on_timer(uv_timer_t *timer)
{
	struct executor_job *job = timer->data;
	struct buf json = BUF_INIT;
	struct op_failure f;

	if (job->call.cost.delay_ms > job->timeout_ms) {
		abort_job(job, OP_TIMEOUT);
		return;
	}
	int rc = op_call_run(&job->call, &json, &f);
	finish(job, rc, &json, &f, clock_mono_us() - job->started_us);
	buf_fini(&json);
}

static void start_timed(struct executor_job *job)
{
	uint64_t ms = job->timeout_ms;

	job->started_us = clock_mono_us();
	set_stage(job, TIMED);
	if (job->call.cost.delay_ms < ms)
		ms = job->call.cost.delay_ms;
	uv_update_time(job->ex->loop); /* the callbacks of this turn may have taken a while */
	uv_timer_start(&job->timer, on_timer, ms, 0);
}

static void on_computed(void *arg, const struct pool_result *result)
{
	struct executor_job *job = arg;
	struct buf error = BUF_INIT;

	job->child = NULL;
	job->shared = NULL;
	finish(job, result->ok ? 0 : -1, result->ok ? result->json : &error, result->failure, result->run_us);
	buf_fini(&error);
}

static void on_progress(void *arg, double ratio, const char *note)
{
	struct executor_job *job = arg;

	if (job->on_progress)
		job->on_progress(job->arg, ratio, note);
}

static void on_refused(uv_timer_t *timer)
{
	struct executor_job *job = timer->data;
	struct buf json = BUF_INIT;
	struct op_failure f;

	op_fail(&f, OP_INTERNAL_ERROR, "out of memory for the call of %s", job->call.op->name);
	finish(job, -1, &json, &f, 0);
	buf_fini(&json);
}

/* False when there is no child for it after all. */
static bool start_heavy(struct executor_job *job)
{
	struct pool_caller caller = { on_computed, on_progress, job };
	int rc = ERR_NOT_FOUND;

	if (job->ex->scatter && job->call.op->split && pool_room(job->ex->pool) > 0)
		rc = scatter_run(job->ex->scatter, &job->call, job->timeout_ms, &caller, &job->shared);
	if (rc == ERR_NOT_FOUND)
		rc = pool_run(job->ex->pool, &job->call, job->timeout_ms, &caller, &job->child);
	if (rc == ERR_FULL)
		return false;
	if (rc) { /* waiting on, it might wait for ever, and all others behind it; answered when the caller is back */
		set_stage(job, REFUSED);
		uv_timer_start(&job->timer, on_refused, 0, 0);
		return true;
	}
	op_call_fini(&job->call); /* who computes it has its own; in this process it may be many times as large */
	job->started_us = clock_mono_us();
	set_stage(job, COMPUTING);
	return true;
}

/* Fills free slots and children from those that wait. */
static void start_next(struct executor *ex)
{
	while (ex->lists[TIMED].n < ex->slots && ex->lists[WAITING_SLOT].first && !ex->freed)
		start_timed(ex->lists[WAITING_SLOT].first);
	while (ex->pool && ex->lists[WAITING_CHILD].first && !ex->freed)
		if (!start_heavy(ex->lists[WAITING_CHILD].first))
			break;
}

static void run_now(struct executor *ex, struct op_call *call, executor_cb *cb, void *arg)
{
	struct buf json = ex->scratch; /* taken out: the callback may call again */
	struct op_failure f;
	uint64_t began = clock_mono_us();

	ex->scratch = (struct buf)BUF_INIT;
	buf_clear(&json);
	int rc = op_call_run(call, &json, &f);
	op_call_fini(call);
	ex->unanswered++; /* the callback may drain, but this call is not over yet */
	give_result(cb, arg, rc, &json, &f, clock_mono_us() - began);
	ex->unanswered--;
	if (json.cap <= SCRATCH_KEEP && !ex->scratch.data)
		ex->scratch = json;
	else
		buf_fini(&json);
	check_empty(ex);
}

/* Whether a call can start at once. */
static bool is_room(const struct executor *ex, const struct op_call *call)
{
	return call->path == OP_TIMED ? ex->lists[TIMED].n < ex->slots : executor_free_children(ex) > 0;
}

static int submit(struct executor *ex, struct op_call *call, uint32_t timeout_ms, executor_cb *cb, void *arg,
		  struct executor_job **handle, bool may_wait)
{
	if (handle)
		*handle = NULL;
	if (call->path == OP_IN_LOOP) {
		run_now(ex, call, cb, arg);
		return 0;
	}
	if (ex->draining || ex->freed)
		return ERR_CLOSED;
	if (!is_room(ex, call) && (!may_wait || executor_waiting(ex) >= EXECUTOR_WAITING_MAX))
		return ERR_FULL;
	struct executor_job *job = calloc(1, sizeof *job);
	if (!job)
		return ERR_NOMEM;
	job->ex = ex;
	job->call = *call;
	job->timeout_ms = timeout_ms ? timeout_ms : call->timeout_ms;
	job->cb = cb;
	job->arg = arg;
	uv_timer_init(ex->loop, &job->timer);
	job->timer.data = job;
	job->stage = call->path == OP_TIMED ? WAITING_SLOT : WAITING_CHILD;
	list_add(&ex->lists[job->stage], job);
	ex->unanswered++;
	start_next(ex);
	if (handle)
		*handle = job;
	return 0;
}

int executor_run(struct executor *ex, struct op_call *call, uint32_t timeout_ms, executor_cb *cb, void *arg,
		 struct executor_job **handle)
{
	return submit(ex, call, timeout_ms, cb, arg, handle, false);
}

int executor_run_or_wait(struct executor *ex, struct op_call *call, uint32_t timeout_ms, executor_cb *cb, void *arg,
			 struct executor_job **handle)
{
	return submit(ex, call, timeout_ms, cb, arg, handle, true);
}

void executor_watch(struct executor_job *job, executor_progress_cb *cb)
{
	job->on_progress = cb;
}

void executor_cancel(struct executor_job *job)
{
	abort_job(job, OP_CANCELLED);
}

void executor_free(struct executor *ex)
{
	if (!ex)
		return;
	ex->draining = ex->freed = true; /* nothing starts any more */
	for (int stage = 0; stage < STAGES; stage++)
		while (ex->lists[stage].first)
			abort_job(ex->lists[stage].first, OP_CANCELLED);
	if (ex->pool)
		pool_on_room(ex->pool, NULL, NULL);
	buf_fini(&ex->scratch);
	free(ex);
}

unsigned executor_free_slots(const struct executor *ex)
{
	return ex->draining ? 0 : ex->slots - ex->lists[TIMED].n;
}

unsigned executor_free_children(const struct executor *ex)
{
	unsigned room = ex->draining || !ex->pool ? 0 : pool_room(ex->pool);

	return room > ex->lists[WAITING_CHILD].n ? room - ex->lists[WAITING_CHILD].n : 0;
}

unsigned executor_running(const struct executor *ex)
{
	return ex->lists[TIMED].n + ex->lists[COMPUTING].n;
}

unsigned executor_waiting(const struct executor *ex)
{
	return ex->lists[WAITING_SLOT].n + ex->lists[WAITING_CHILD].n;
}

void executor_drain(struct executor *ex, void (*on_empty)(void *arg), void *arg)
{
	ex->draining = true;
	ex->on_empty = on_empty;
	ex->on_empty_arg = arg;
	check_empty(ex);
}
