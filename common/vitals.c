/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vitals.h"

#include <stdlib.h>

#include "must.h"

#define BUSY_EVERY_MS 100 /* reading how long the loop was idle takes a lock */

struct vitals {
	uv_loop_t *loop;
	uint64_t began_ns, busy_ms;
	struct metrics_value *turns, *busy;
	struct metrics_value *up, *in_flight, *calls, *errors, *connects, *losses, *sent, *seconds;
};

struct vitals *vitals_new(struct metrics *set, uv_loop_t *loop, const char *name)
{
	struct vitals *v = must_calloc(1, sizeof *v);

	v->loop = loop;
	v->began_ns = uv_hrtime();
	uv_loop_configure(loop, UV_METRICS_IDLE_TIME);
	v->turns = metrics_counter(set, "square_loop_turns_total", "Turns of an event loop.", "loop", name, NULL);
	v->busy = metrics_seconds_counter(set, "square_loop_busy_seconds_total",
					  "Time that an event loop did not spend waiting.", "loop", name, NULL);
	v->up = metrics_gauge(set, "square_redis_links_up", "Links to Redis that are up.", NULL);
	v->in_flight =
	    metrics_gauge(set, "square_redis_calls_in_flight", "Calls of Redis without an answer yet.", NULL);
	v->calls = metrics_counter(set, "square_redis_calls_total", "Calls of Redis.", "loop", name, NULL);
	v->errors =
	    metrics_counter(set, "square_redis_errors_total", "Answers of Redis that were errors.", "loop", name, NULL);
	v->connects = metrics_counter(set, "square_redis_connects_total", "Times that the link to Redis came up.",
				      "loop", name, NULL);
	v->losses = metrics_counter(set, "square_redis_losses_total", "Times that the link to Redis was lost.", "loop",
				    name, NULL);
	v->sent = metrics_counter(set, "square_redis_sent_bytes_total", "Bytes sent to Redis.", "loop", name, NULL);
	v->seconds = metrics_histogram(set, "square_redis_call_seconds",
				       "Time from giving a call to the link until its answer.", &metrics_seconds, NULL);
	return v;
}

void vitals_free(struct vitals *v)
{
	free(v);
}

struct metrics_value *vitals_call_seconds(const struct vitals *v)
{
	return v->seconds;
}

static void measure_busy(struct vitals *v)
{
	uint64_t now_ms = uv_now(v->loop);

	if (now_ms - v->busy_ms < BUSY_EVERY_MS)
		return;
	v->busy_ms = now_ms;
	uint64_t total_ns = uv_hrtime() - v->began_ns, idle_ns = uv_metrics_idle_time(v->loop);
	if (total_ns > idle_ns)
		metrics_reach(v->busy, (int64_t)((total_ns - idle_ns) / 1000));
}

void vitals_turn(struct vitals *v, const struct rlink_stats *s, unsigned up)
{
	metrics_add(v->turns, 1);
	measure_busy(v);
	if (!s)
		return;
	metrics_set(v->up, up);
	metrics_set(v->in_flight, s->in_flight);
	metrics_reach(v->calls, (int64_t)s->commands);
	metrics_reach(v->errors, (int64_t)s->errors);
	metrics_reach(v->connects, (int64_t)s->connects);
	metrics_reach(v->losses, (int64_t)s->losses);
	metrics_reach(v->sent, (int64_t)s->bytes_out);
}
