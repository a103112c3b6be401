/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Life of a job: [waiting ->] timed, or pooled -> computing; then answered, exactly once; then freed. A job whose
 * thread is still computing when it is answered (timeout, cancel) lives on without a caller and keeps its slot until
 * the thread ends: a thread cannot be stopped, and the slot is what bounds the work. */
#include "executor.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"

#define POOL_DEFAULT 4     /* libuv's threads unless UV_THREADPOOL_SIZE says otherwise */
#define SCRATCH_KEEP 65536 /* a larger result buffer is not kept for the next call */

enum stage { WAITING, TIMED, POOLED, COMPUTING };

struct executor_job {
	struct executor *ex;
	struct executor_job *next, *prev; /* in the list of its stage */
	enum stage stage;
	bool answered;
	unsigned holds; /* timer handle, thread: freed when none is left */
	uint32_t timeout_ms;
	uint64_t started_us, run_us;
	struct op_call call;
	executor_cb *cb;
	void *arg;
	uv_timer_t timer;
	uv_work_t work;
	int rc; /* of the computation */
	struct buf json;
	struct op_failure failure;
};

struct list {
	struct executor_job *first, *last;
};

struct executor {
	uv_loop_t *loop;
	unsigned slots, used, waiting;
	unsigned pool_max, pool_used;
	unsigned unanswered; /* jobs whose callback is still to run */
	struct list lists[COMPUTING + 1];
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
}

static void list_remove(struct list *l, struct executor_job *job)
{
	*(job->prev ? &job->prev->next : &l->first) = job->next;
	*(job->next ? &job->next->prev : &l->last) = job->prev;
}

static void set_stage(struct executor_job *job, enum stage stage)
{
	list_remove(&job->ex->lists[job->stage], job);
	job->stage = stage;
	list_add(&job->ex->lists[stage], job);
}

struct executor *executor_new(uv_loop_t *loop, unsigned slots)
{
	struct executor *ex = calloc(1, sizeof *ex);
	const char *threads = getenv("UV_THREADPOOL_SIZE");
	long pool = threads ? strtol(threads, NULL, 10) : POOL_DEFAULT;

	if (!ex)
		return NULL;
	ex->loop = loop;
	ex->slots = slots;
	ex->pool_max = pool > 2 ? (unsigned)pool - 1 : 1;
	return ex;
}

static void free_when_idle(struct executor *ex)
{
	if (!ex->freed || ex->used > 0)
		return;
	buf_fini(&ex->scratch);
	free(ex);
}

static void drop_hold(struct executor_job *job)
{
	if (--job->holds > 0)
		return;
	op_call_fini(&job->call);
	buf_fini(&job->json);
	free(job);
}

static void on_timer_closed(uv_handle_t *handle)
{
	drop_hold(handle->data);
}

/* ---- ending ---- */

static void start_next(struct executor *ex);

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

/* Leaves its list and gives back what it took. The executor may be gone afterwards. */
static void retire(struct executor_job *job)
{
	struct executor *ex = job->ex;

	list_remove(&ex->lists[job->stage], job);
	if (job->stage == WAITING)
		ex->waiting--;
	else
		ex->used--;
	if (job->stage == COMPUTING)
		ex->pool_used--;
}

/* The callback, once; the job must not be touched by the caller afterwards unless it holds it. */
static void answer(struct executor_job *job, int rc, struct buf *json, const struct op_failure *f)
{
	struct executor *ex = job->ex;

	job->answered = true;
	ex->unanswered--;
	if (!uv_is_closing((uv_handle_t *)&job->timer))
		uv_close((uv_handle_t *)&job->timer, on_timer_closed);
	give_result(job->cb, job->arg, rc, json, f, job->run_us);
}

/* Ends a job that no thread computes. */
static void finish(struct executor_job *job, int rc)
{
	struct executor *ex = job->ex;

	retire(job);
	start_next(ex);
	answer(job, rc, &job->json, &job->failure);
	check_empty(ex);
}

/* Ends a job from outside: out of time, or not wanted any more. */
static void abort_job(struct executor_job *job, enum op_error error)
{
	struct executor *ex = job->ex;
	struct op_failure f;
	struct buf json = BUF_INIT; /* the job's own may be in the hands of its thread */

	if (error == OP_TIMEOUT)
		op_fail(&f, error, "no result within the time-out of %u ms", job->timeout_ms);
	else
		op_fail(&f, error, "%s was cancelled before it had a result", job->call.op->name);
	if (job->started_us)
		job->run_us = clock_mono_us() - job->started_us;
	if (job->stage != COMPUTING) {
		retire(job);
		start_next(ex);
	}
	answer(job, -1, &json, &f);
	buf_fini(&json);
	check_empty(ex);
}

/* ---- running ---- */

static void on_timer(uv_timer_t *timer)
{
	struct executor_job *job = timer->data;

	if (job->stage != TIMED || job->call.cost.delay_ms > job->timeout_ms) {
		abort_job(job, OP_TIMEOUT);
		return;
	}
	job->rc = op_call_run(&job->call, &job->json, &job->failure);
	job->run_us = clock_mono_us() - job->started_us;
	finish(job, job->rc);
}

/* On a thread of the pool. */
static void on_work(uv_work_t *work)
{
	struct executor_job *job = work->data;

	job->rc = op_call_run(&job->call, &job->json, &job->failure);
}

static void on_worked(uv_work_t *work, int status)
{
	struct executor_job *job = work->data;
	struct executor *ex = job->ex;

	(void)status; /* never UV_ECANCELED: only what no thread has is cancelled, and that is not given to libuv yet */
	if (job->answered) {
		retire(job);
		start_next(ex);
		free_when_idle(ex);
	} else {
		job->run_us = clock_mono_us() - job->started_us;
		finish(job, job->rc);
	}
	drop_hold(job);
}

static void start(struct executor_job *job)
{
	struct executor *ex = job->ex;
	bool timed = job->call.path == OP_TIMED;
	uint64_t ms = job->timeout_ms;

	ex->used++;
	job->started_us = clock_mono_us();
	set_stage(job, timed ? TIMED : POOLED);
	if (timed && job->call.cost.delay_ms < ms)
		ms = job->call.cost.delay_ms;
	uv_update_time(ex->loop); /* the callbacks of this turn may have taken a while */
	uv_timer_start(&job->timer, on_timer, ms, 0);
}

/* Fills free slots from those that wait, and free threads from those that have a slot. */
static void start_next(struct executor *ex)
{
	struct executor_job *job;

	while (ex->used < ex->slots && (job = ex->lists[WAITING].first) != NULL && !ex->freed) {
		ex->waiting--;
		start(job);
	}
	while (ex->pool_used < ex->pool_max && (job = ex->lists[POOLED].first) != NULL && !ex->freed) {
		ex->pool_used++;
		set_stage(job, COMPUTING);
		job->holds++;
		uv_queue_work(ex->loop, &job->work, on_work, on_worked);
	}
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
	if (ex->used >= ex->slots && (!may_wait || ex->waiting >= EXECUTOR_WAITING_MAX))
		return ERR_FULL;
	struct executor_job *job = calloc(1, sizeof *job);
	if (!job)
		return ERR_NOMEM;
	job->ex = ex;
	job->call = *call;
	job->timeout_ms = timeout_ms ? timeout_ms : call->timeout_ms;
	job->cb = cb;
	job->arg = arg;
	job->holds = 1;
	job->work.data = job->timer.data = job;
	uv_timer_init(ex->loop, &job->timer);
	job->timer.data = job;
	job->stage = WAITING;
	list_add(&ex->lists[WAITING], job);
	ex->waiting++;
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

void executor_cancel(struct executor_job *job)
{
	abort_job(job, OP_CANCELLED);
}

void executor_free(struct executor *ex)
{
	if (!ex)
		return;
	ex->draining = ex->freed = true; /* nothing starts any more */
	for (int stage = WAITING; stage < COMPUTING; stage++)
		while (ex->lists[stage].first)
			abort_job(ex->lists[stage].first, OP_CANCELLED);
	for (;;) {
		struct executor_job *job = ex->lists[COMPUTING].first;
		while (job && job->answered)
			job = job->next;
		if (!job)
			break;
		abort_job(job, OP_CANCELLED);
	}
	free_when_idle(ex);
}

unsigned executor_free_slots(const struct executor *ex)
{
	return ex->draining ? 0 : ex->slots - ex->used;
}

unsigned executor_running(const struct executor *ex)
{
	return ex->used;
}

unsigned executor_waiting(const struct executor *ex)
{
	return ex->waiting;
}

void executor_drain(struct executor *ex, void (*on_empty)(void *arg), void *arg)
{
	ex->draining = true;
	ex->on_empty = on_empty;
	ex->on_empty_arg = arg;
	check_empty(ex);
}
