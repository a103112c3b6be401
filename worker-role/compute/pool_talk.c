/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a child and its pool say to each other. Whatever comes is either what may come in the child's state, in the
 * right form, or the end of the child. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compute/pool_parts.h"
#include "compute/wellformed.h"
#include "err.h"
#include "log.h"

#define TIDY_MS 10000     /* for a child that has replied to be ready again */
#define FRAMES_AT_ONCE 32 /* of one child in one turn of the loop */
#define PROGRESS_MAX 2000 /* frames of one job: ten a second in the longest one are 600 */

/* It sent what it must not: nothing else that it says is believed. Its job is judged when it has ended. */
static void break_with(struct pool_child *c)
{
	if (c->state != ENDING)
		log_warn("compute child %d broke the protocol", (int)c->pid);
	pool_end_child(c);
	pool_close_socket(c);
}

static void on_ready(struct pool_child *c, const struct ipc_frame *frame)
{
	struct ipc_ready ready;

	if (c->known)
		return; /* it was ready, and has ended since */
	memcpy(&ready, frame->data, sizeof ready);
	uv_timer_stop(&c->timer);
	if (!c->was_ready) {
		c->was_ready = true;
		c->baseline_kib = ready.rss_kib;
		c->pool->failed_starts = 0;
	}
	pool_set_state(c, IDLE);
	if (c->jobs >= POOL_JOBS_MAX || c->busy_us >= POOL_BUSY_MAX_US ||
	    ready.rss_kib > c->baseline_kib + POOL_LEFT_MAX_KIB)
		pool_retire(c);
	else
		pool_tell_room(c->pool);
}

static void on_result(struct pool_child *c, const struct ipc_frame *frame)
{
	struct buf json = BUF_INIT;
	struct op_failure f = { 0 };

	pool_set_state(c, TIDYING);
	uv_timer_start(&c->timer, pool_on_deadline, TIDY_MS, 0);
	if (frame->kind == IPC_PLAN) {
		memcpy(&c->plan, frame->data, sizeof c->plan);
		pool_answer(c, true, &json, &f);
	} else if (frame->kind == IPC_RESULT) {
		buf_append(&json, frame->data, frame->n);
		if (json.failed)
			op_fail(&f, OP_INTERNAL_ERROR, "out of memory for the result of %s", c->op);
		pool_answer(c, !json.failed, &json, &f);
		buf_fini(&json);
	} else {
		(void)ipc_get_failure(frame->data, frame->n, &f); /* is_due() has seen that it can be read */
		c->pool->stats.exhausted += f.error == OP_LIMIT_EXCEEDED && strcmp(f.unit, "MiB") == 0;
		pool_answer(c, false, NULL, &f);
	}
	pool_tell_room(c->pool);
}

static void on_progress(struct pool_child *c, const struct ipc_frame *frame)
{
	struct ipc_progress progress;
	char note[IPC_NOTE_MAX + 1];
	size_t n = frame->n - sizeof progress;

	memcpy(&progress, frame->data, sizeof progress);
	memcpy(note, frame->data + sizeof progress, n);
	note[n] = '\0';
	if (c->caller.on_progress)
		c->caller.on_progress(c->caller.arg, progress.ratio, note);
}

/* Whether a frame may come now, and says what it should. */
static bool is_due(struct pool_child *c, const struct ipc_frame *frame)
{
	struct ipc_progress progress;
	struct op_plan plan;
	struct op_failure f;

	switch (frame->kind) {
	case IPC_READY:
		return (c->state == STARTING || c->state == TIDYING) && frame->n == sizeof(struct ipc_ready);
	case IPC_TROUBLE:
		return c->state == STARTING;
	case IPC_RESULT:
		return c->state == BUSY && frame->n <= OP_RESULT_MAX && wellformed_json(frame->data, frame->n);
	case IPC_PLAN:
		if (c->state != BUSY || !c->planning || frame->n != sizeof plan)
			return false;
		memcpy(&plan, frame->data, sizeof plan);
		return plan.units >= 2 && plan.least >= 1 && plan.ns >= 0 && isfinite(plan.ns);
	case IPC_FAILURE:
		return c->state == BUSY && ipc_get_failure(frame->data, frame->n, &f) == 0;
	case IPC_PROGRESS:
		if (c->state != BUSY || frame->n < sizeof progress || frame->n > sizeof progress + IPC_NOTE_MAX)
			return false;
		memcpy(&progress, frame->data, sizeof progress);
		return progress.ratio >= 0 && progress.ratio <= 1 && ++c->progress <= PROGRESS_MAX;
	default:
		return false;
	}
}

static void handle(struct pool_child *c, const struct ipc_frame *frame)
{
	if (!is_due(c, frame))
		break_with(c);
	else if (frame->kind == IPC_READY)
		on_ready(c, frame);
	else if (frame->kind == IPC_PROGRESS)
		on_progress(c, frame);
	else if (frame->kind == IPC_TROUBLE)
		snprintf(c->pool->why, sizeof c->pool->why, "%.*s", (int)frame->n, frame->data);
	else
		on_result(c, frame);
}

bool pool_read(struct pool_child *c)
{
	struct ipc_frame frame;

	for (int i = 0; i < FRAMES_AT_ONCE; i++) {
		if (c->fd < 0 || c->state == ENDING)
			return false;
		switch (ipc_read(&c->reader, c->fd, &frame)) {
		case IPC_FRAME:
			handle(c, &frame);
			break;
		case IPC_AGAIN:
			return false;
		case IPC_CLOSED:
			pool_end_child(c); /* it has ended, or will now; the zygote tells */
			return false;
		case IPC_BROKEN:
			break_with(c);
			return false;
		}
	}
	return true;
}

void pool_write(struct pool_child *c)
{
	int rc = ipc_writer_step(&c->writer, c->fd);

	if (rc == 0 || rc == ERR_FULL)
		uv_poll_start(&c->poll, rc ? UV_READABLE | UV_WRITABLE : UV_READABLE, pool_on_readable);
	/* else it is gone: the socket becomes readable */
}

void pool_on_readable(uv_poll_t *poll, int status, int events)
{
	struct pool_child *c = poll->data;

	if (status < 0) {
		(void)pool_read(c);
		pool_end_child(c);
		pool_close_socket(c);
		return;
	}
	if ((events & UV_WRITABLE) && c->writer.busy)
		pool_write(c);
	if (events & ~UV_WRITABLE)
		(void)pool_read(c); /* the rest is reported again */
	if (c->state == ENDING && c->fd >= 0)
		pool_close_socket(c); /* its end would be reported again and again */
}
