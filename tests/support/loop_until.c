/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loop_until.h"

/* One turn of the loop runs its timers and then waits for a socket: what a timer has made true is seen after a tick. */
#define TICK_MS 20

struct limit {
	uv_timer_t timer;
	uint64_t until_ms;
	bool over, closed;
};

static void on_tick(uv_timer_t *timer)
{
	struct limit *limit = timer->data;
	limit->over = uv_now(timer->loop) >= limit->until_ms;
}

static void on_closed(uv_handle_t *timer)
{
	((struct limit *)timer->data)->closed = true;
}

bool loop_until(uv_loop_t *loop, bool (*cond)(void *arg), void *arg, unsigned deadline_ms)
{
	struct limit limit = { .over = false };
	uv_timer_init(loop, &limit.timer);
	limit.timer.data = &limit;
	uv_update_time(loop);
	limit.until_ms = uv_now(loop) + deadline_ms;
	uv_timer_start(&limit.timer, on_tick, deadline_ms < TICK_MS ? deadline_ms : TICK_MS, TICK_MS);
	bool held = cond(arg);
	while (!held && !limit.over) {
		uv_run(loop, UV_RUN_ONCE);
		held = cond(arg);
	}
	uv_close((uv_handle_t *)&limit.timer, on_closed);
	while (!limit.closed) /* it is on this stack */
		uv_run(loop, UV_RUN_NOWAIT);
	return held;
}

bool loop_finish(uv_loop_t *loop)
{
	uv_run(loop, UV_RUN_DEFAULT);
	return uv_loop_close(loop) == 0;
}
