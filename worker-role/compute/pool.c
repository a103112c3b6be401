/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <math.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "compute/pool_parts.h"
#include "err.h"
#include "log.h"

#define START_MS 30000      /* for a new child to be ready */
#define END_MS 2000         /* for the zygote to tell how one ended */
#define FAILED_STARTS_MAX 5 /* in a row: something is wrong with all of them */

void pool_set_state(struct pool_child *c, enum state state)
{
	c->pool->count[c->state]--;
	c->state = state;
	c->pool->count[state]++;
}

/* ---- the number of children ---- */

static void pool_break(struct pool *p, const char *why);

/* Enough to compute, and one to take the place of the next that has to go. */
static void fill(struct pool *p)
{
	while (!p->broken && !p->freed &&
	       p->asked + p->count[STARTING] + p->count[IDLE] + p->count[BUSY] + p->count[TIDYING] <= p->options.size) {
		if (zygote_ask_child(p->options.zygote) != 0) {
			pool_break(p, "the zygote does not take requests");
			return;
		}
		p->asked++;
	}
}

/* Calls that could start now, those for whom a place is held included. */
static unsigned room_of_all(const struct pool *p)
{
	unsigned busy = p->count[BUSY], idle = p->count[IDLE];
	unsigned places = p->options.size > busy ? p->options.size - busy : 0;

	return p->broken ? 0 : places < idle ? places : idle;
}

void pool_tell_room(struct pool *p)
{
	if (p->on_held && p->held > 0 && !p->freed && room_of_all(p) > 0)
		p->on_held(p->on_held_arg);
	if (p->on_room && !p->freed && pool_room(p) > 0)
		p->on_room(p->on_room_arg);
}

static void free_when_closed(struct pool *p)
{
	if (p->freed && p->handles == 0 && !p->children)
		free(p);
}

static void on_child_closed(uv_handle_t *handle)
{
	struct pool_child *c = handle->data;
	struct pool *p = c->pool;

	if (--c->handles > 0)
		return;
	*(c->prev ? &c->prev->next : &p->children) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	p->count[c->state]--;
	ipc_reader_fini(&c->reader);
	ipc_writer_fini(&c->writer);
	free(c);
	free_when_closed(p);
}

/* The handle goes first, and at once: when it is closed later, it would take the number away from whose it is by then.
 */
void pool_close_socket(struct pool_child *c)
{
	if (c->fd < 0)
		return;
	uv_close((uv_handle_t *)&c->poll, on_child_closed);
	close(c->fd);
	c->fd = -1;
}

/* Nothing more is to be heard of it. */
static void discard(struct pool_child *c)
{
	if (!c->open)
		return;
	c->open = false;
	pool_close_socket(c);
	uv_close((uv_handle_t *)&c->timer, on_child_closed);
}

/* ---- the end of a job ---- */

void pool_answer(struct pool_child *c, bool ok, struct buf *json, const struct op_failure *f)
{
	struct pool_result result = { ok, json, f, clock_mono_us() - c->began_us, NULL };

	if (ok && c->planning && c->plan.units > 0)
		result.plan = &c->plan;
	if (!c->has_job)
		return;
	c->has_job = false;
	c->busy_us += result.run_us;
	c->caller.on_result(c->caller.arg, &result);
}

void pool_end_child(struct pool_child *c)
{
	if (c->state == ENDING)
		return;
	pool_set_state(c, ENDING);
	zygote_kill(c->pool->options.zygote, c->pid);
	uv_timer_start(&c->timer, pool_on_deadline, END_MS, 0);
	fill(c->pool);
}

void pool_retire(struct pool_child *c)
{
	c->pool->stats.retired++;
	pool_end_child(c);
}

/* What to say of a job whose child has ended, or had to be ended. */
static void judge(struct pool_child *c, int status, uint64_t peak_kib, struct op_failure *f)
{
	size_t mib = c->pool->options.memory_mib;
	uint64_t had_kib = peak_kib > c->baseline_kib ? peak_kib - c->baseline_kib : 0;

	if (had_kib >= (uint64_t)mib * 1024 / 10 * 9) {
		c->pool->stats.exhausted++;
		op_fail_limit(f, (double)mib, ceil((double)had_kib / 1024), "MiB", "this needs too much memory");
		return;
	}
	c->pool->stats.crashes++;
	if (WIFSIGNALED(status))
		op_fail(f, OP_WORKER_LOST, "the process that computed %s was ended by signal %d (%s)", c->op,
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		op_fail(f, OP_WORKER_LOST, "the process that computed %s ended with status %d before it had a result",
			c->op, WIFEXITED(status) ? WEXITSTATUS(status) : 0);
}

static void count_failed_start(struct pool_child *c)
{
	if (c->was_ready || c->pool->freed)
		return;
	if (++c->pool->failed_starts >= FAILED_STARTS_MAX)
		pool_break(c->pool, *c->pool->why ? c->pool->why : "compute children end before they are ready");
}

/* The zygote has told, or will not tell any more. */
static void buried(struct pool_child *c, int status, uint64_t peak_kib)
{
	struct pool *p = c->pool;
	struct op_failure f = { 0 };

	if (c->state != ENDING) { /* it ended by itself */
		pool_set_state(c, ENDING);
		fill(p);
	}
	if (c->has_job) {
		judge(c, status, peak_kib, &f);
		log_warn("%s", f.detail);
		pool_answer(c, false, NULL, &f);
	}
	count_failed_start(c);
	discard(c);
	pool_tell_room(p);
}

static void read_control(struct pool *p);

/* A loop that was kept from its sockets (a stopped worker, a sleeping machine) looks at its clock first: what has come
 * in time counts all the same. True when that was it. */
static bool has_come(struct pool_child *c)
{
	if (c->state == ENDING)
		read_control(c->pool);
	else
		while (pool_read(c) && !uv_is_active((uv_handle_t *)&c->timer))
			;
	return !c->open || c->state == IDLE || uv_is_active((uv_handle_t *)&c->timer);
}

void pool_on_deadline(uv_timer_t *timer)
{
	struct pool_child *c = timer->data;
	struct pool *p = c->pool;
	struct op_failure f;

	if (has_come(c))
		return;
	switch (c->state) {
	case BUSY:
		p->stats.timeouts++;
		pool_end_child(c);
		op_fail(&f, OP_TIMEOUT, "%s had no result within its time-out", c->op);
		pool_answer(c, false, NULL, &f);
		pool_tell_room(p);
		break;
	case ENDING:
		buried(c, 0, 0);
		break;
	default: /* not ready in time */
		pool_end_child(c);
		break;
	}
}

/* ---- what the zygote says ---- */

static void on_born(struct pool *p, const struct zygote_event *event)
{
	struct pool_child *c = calloc(1, sizeof *c);

	p->asked--;
	if (!c || uv_poll_init(p->options.loop, &c->poll, event->fd)) {
		log_error("no memory for another compute child");
		free(c);
		close(event->fd);
		zygote_kill(p->options.zygote, event->child.pid);
		return;
	}
	c->pool = p;
	c->pid = event->child.pid;
	c->fd = event->fd;
	c->reader.max = OP_RESULT_MAX;
	c->state = STARTING;
	p->count[STARTING]++;
	p->stats.born++;
	c->next = p->children;
	if (c->next)
		c->next->prev = c;
	p->children = c;
	c->poll.data = c->timer.data = c;
	c->handles = 2;
	c->open = true;
	uv_timer_init(p->options.loop, &c->timer);
	uv_timer_start(&c->timer, pool_on_deadline, START_MS, 0);
	uv_poll_start(&c->poll, UV_READABLE, pool_on_readable);
}

static void on_ended(struct pool *p, const struct ipc_child *ended)
{
	for (struct pool_child *c = p->children; c; c = c->next)
		if (c->pid == ended->pid && !c->known && c->open) {
			c->known = true;
			while (pool_read(c)) /* its last words may not have been read yet */
				;
			buried(c, ended->status, ended->peak_kib);
			return;
		}
	fill(p); /* it may be one that could not be taken, see on_born() */
}

static void read_control(struct pool *p)
{
	struct zygote_event event;
	enum ipc_status rc;

	while (!p->broken && !p->freed && (rc = zygote_read(p->options.zygote, &event)) != IPC_AGAIN) {
		if (rc != IPC_FRAME) {
			uv_poll_stop(&p->control);
			pool_break(p, "the zygote of the compute children is gone");
			return;
		}
		if (event.kind == IPC_BORN)
			on_born(p, &event);
		else
			on_ended(p, &event.child);
	}
}

static void on_control(uv_poll_t *poll, int status, int events)
{
	(void)status, (void)events;
	read_control(poll->data);
}

/* No children any more, and none to come. */
static void pool_break(struct pool *p, const char *why)
{
	if (p->broken || p->freed)
		return;
	p->broken = true;
	log_error("%s", why);
	for (struct pool_child *c = p->children, *next; c; c = next) {
		next = c->next;
		if (c->open)
			buried(c, 0, 0);
	}
	if (p->options.on_broken)
		p->options.on_broken(p->options.arg, why);
}

/* ---- open and close ---- */

struct pool *pool_new(const struct pool_options *options)
{
	struct pool *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->options = *options;
	p->control.data = p;
	p->handles = 1;
	if (uv_poll_init(options->loop, &p->control, zygote_fd(options->zygote))) {
		free(p);
		return NULL;
	}
	uv_poll_start(&p->control, UV_READABLE, on_control);
	fill(p);
	return p;
}

static void on_closed(uv_handle_t *handle)
{
	struct pool *p = handle->data;

	p->handles--;
	free_when_closed(p);
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	p->freed = true;
	for (struct pool_child *c = p->children; c; c = c->next) {
		c->has_job = false;
		discard(c);
	}
	uv_close((uv_handle_t *)&p->control, on_closed);
}

void pool_on_room(struct pool *p, void (*on_room)(void *arg), void *arg)
{
	p->on_room = on_room;
	p->on_room_arg = arg;
}

/* ---- jobs ---- */

unsigned pool_room(const struct pool *p)
{
	unsigned room = room_of_all(p);

	return room > p->held ? room - p->held : 0;
}

unsigned pool_size(const struct pool *p)
{
	return p->options.size;
}

unsigned pool_busy(const struct pool *p)
{
	return p->count[BUSY];
}

/* The one that was born last: its pages are the warmest, and the older ones get old together. */
static struct pool_child *idle_child(const struct pool *p)
{
	struct pool_child *c = p->children;

	while (c && c->state != IDLE)
		c = c->next;
	return c;
}

static void put_head(struct buf *out, const struct pool_task *task, uint32_t timeout_ms, size_t args_len)
{
	struct ipc_request request = { .timeout_ms = timeout_ms,
				       .task = task->task,
				       .op_len = (uint32_t)strlen(task->op->name),
				       .args_len = (uint32_t)args_len,
				       .part = task->part };

	buf_clear(out);
	buf_append(out, &request, sizeof request);
	buf_append(out, task->op->name, request.op_len);
}

static int check_request(const struct buf *out)
{
	return out->failed || out->len > IPC_PAYLOAD_MAX ? ERR_NOMEM : 0;
}

static int put_task(struct buf *out, const struct pool_task *task, uint32_t timeout_ms)
{
	put_head(out, task, timeout_ms, task->args_len);
	buf_append(out, task->args, task->args_len);
	if (task->results_len)
		buf_append(out, task->results, task->results_len);
	return check_request(out);
}

static int put_call(struct buf *out, const struct op_call *call, uint32_t timeout_ms)
{
	struct pool_task task = { .task = IPC_TASK_WHOLE, .op = call->op };

	put_head(out, &task, timeout_ms, 0);
	size_t at = out->len;
	op_call_args(call, out);
	if (check_request(out))
		return ERR_NOMEM;
	uint32_t args_len = (uint32_t)(out->len - at);
	memcpy(out->data + offsetof(struct ipc_request, args_len), &args_len, sizeof args_len);
	return 0;
}

/* The request stands in the child's writer. */
static void begin(struct pool_child *c, const struct op *op, uint32_t timeout_ms, const struct pool_caller *caller)
{
	struct pool *p = c->pool;

	c->writer.kind = IPC_REQUEST;
	c->caller = *caller;
	c->has_job = true;
	c->planning = false;
	c->plan.units = 0;
	c->progress = 0;
	c->jobs++;
	p->stats.jobs++;
	snprintf(c->op, sizeof c->op, "%s", op->name);
	c->began_us = clock_mono_us();
	pool_set_state(c, BUSY);
	uv_update_time(p->options.loop);
	uv_timer_start(&c->timer, pool_on_deadline, (uint64_t)timeout_ms + POOL_GRACE_MS, 0);
	pool_write(c);
}

int pool_run(struct pool *p, const struct op_call *call, uint32_t timeout_ms, const struct pool_caller *caller,
	     struct pool_child **child)
{
	struct pool_child *c = pool_room(p) > 0 ? idle_child(p) : NULL;

	if (!c)
		return ERR_FULL;
	if (put_call(&c->writer.payload, call, timeout_ms) != 0)
		return ERR_NOMEM;
	begin(c, call->op, timeout_ms, caller);
	*child = c;
	return 0;
}

static int run_task(struct pool *p, bool room, const struct pool_task *task, uint32_t timeout_ms,
		    const struct pool_caller *caller, struct pool_child **child)
{
	struct pool_child *c = room ? idle_child(p) : NULL;

	if (!c)
		return ERR_FULL;
	if (put_task(&c->writer.payload, task, timeout_ms) != 0)
		return ERR_NOMEM;
	begin(c, task->op, timeout_ms, caller);
	c->planning = task->task == IPC_TASK_PLAN;
	*child = c;
	return 0;
}

int pool_run_task(struct pool *p, const struct pool_task *task, uint32_t timeout_ms, const struct pool_caller *caller,
		  struct pool_child **child)
{
	return run_task(p, pool_room(p) > 0, task, timeout_ms, caller, child);
}

void pool_hold(struct pool *p)
{
	p->held++;
}

void pool_release(struct pool *p)
{
	assert(p->held > 0);
	p->held--;
	pool_tell_room(p);
}

int pool_run_held(struct pool *p, const struct pool_task *task, uint32_t timeout_ms, const struct pool_caller *caller,
		  struct pool_child **child)
{
	int rc = run_task(p, room_of_all(p) > 0, task, timeout_ms, caller, child);

	if (rc == 0)
		p->held--;
	return rc;
}

void pool_on_held(struct pool *p, void (*on_held)(void *arg), void *arg)
{
	p->on_held = on_held;
	p->on_held_arg = arg;
}

void pool_abandon(struct pool_child *c)
{
	c->has_job = false;
	c->pool->stats.abandoned++;
	pool_end_child(c);
	pool_tell_room(c->pool);
}

const struct pool_stats *pool_stats(const struct pool *p)
{
	return &p->stats;
}

pid_t pool_pid(const struct pool *p, size_t i)
{
	const struct pool_child *c = p->children;

	while (c && (i > 0 || c->state == ENDING)) {
		i -= c->state != ENDING;
		c = c->next;
	}
	return c ? c->pid : 0;
}
