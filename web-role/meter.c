/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A counter for each route, method and status would be some thousands; the few that occur are registered when they
 * first do, and found again in a short list of their route. */
#include "meter.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "must.h"
#include "procstat.h"
#include "reactor.h"
#include "request.h"
#include "routes.h"
#include "vitals.h"

#define METERS_MAX 256
#define OTHER_ROUTE "other" /* no path of ours, a method that the path does not take, or not even a request */

/* One counter of square_http_requests_total. */
struct cell {
	unsigned short method, status;
	struct metrics_value *count;
};

struct route_meter {
	const char *pattern;
	struct cell *cells;
	size_t n;
	struct metrics_value *seconds, *wait_seconds, *stream_seconds; /* NULL until there is one */
};

struct meter {
	struct metrics *set;
	struct vitals *vitals;
	const struct route *table;
	struct route_meter *routes; /* one for each of the table, then the other ones */
	size_t route_count;
	struct metrics_value *connections, *in_flight, *waiters, *streams; /* gauges */
	struct metrics_value *received, *sent, *replies, *gone;
	struct queue_submitter_meter submitter;
	char name[12];
};

/* All meters of the process; whoever renders reads all of them. */
static pthread_mutex_t meters_lock = PTHREAD_MUTEX_INITIALIZER;
static struct metrics *meters[METERS_MAX];
static size_t meter_count;

static void join_meters(struct metrics *set)
{
	pthread_mutex_lock(&meters_lock);
	if (meter_count < METERS_MAX)
		meters[meter_count++] = set;
	pthread_mutex_unlock(&meters_lock);
}

static void leave_meters(const struct metrics *set)
{
	pthread_mutex_lock(&meters_lock);
	for (size_t i = 0; i < meter_count; i++)
		if (meters[i] == set) {
			memmove(&meters[i], &meters[i + 1], (meter_count - i - 1) * sizeof *meters);
			meter_count--;
			break;
		}
	pthread_mutex_unlock(&meters_lock);
}

void meters_render(struct buf *out)
{
	procstat_render(out);
	pthread_mutex_lock(&meters_lock);
	metrics_render(out, meters, meter_count);
	pthread_mutex_unlock(&meters_lock);
}

/* ---- registering ---- */

static void register_http(struct meter *m)
{
	m->connections = metrics_gauge(m->set, "square_http_connections", "Open connections of clients.", NULL);
	m->in_flight = metrics_gauge(m->set, "square_http_requests_in_flight",
				     "Requests that are not answered yet, those that wait and streams included.", NULL);
	m->waiters = metrics_gauge(m->set, "square_http_waiters", "Waits for the end of a job.", NULL);
	m->streams = metrics_gauge(m->set, "square_http_streams", "Event streams that are open.", NULL);
	m->received = metrics_counter(m->set, "square_http_received_bytes_total", "Bytes of request bodies.", NULL);
	m->sent = metrics_counter(m->set, "square_http_sent_bytes_total", "Bytes of response bodies.", NULL);
	m->gone = metrics_counter(m->set, "square_http_gone_total", "Clients that left before their answer.", NULL);
	m->replies = metrics_counter(m->set, "square_reply_entries_total",
				     "Ends of jobs heard of by way of the reply lists.", NULL);
}

static struct metrics_value *verdict(const struct meter *m, const char *name)
{
	return metrics_counter(m->set, "square_submissions_total",
			       "Submissions given to the queue, by what became of them.", "verdict", name, NULL);
}

static void register_submitter(struct meter *m)
{
	static const char *const names[] = {
		[QUEUE_ACCEPTED] = "accepted",
		[QUEUE_ACCEPTED_DONE] = "accepted_done",
		[QUEUE_ACCEPTED_JOINED] = "accepted_joined",
		[QUEUE_REPLAYED] = "replayed",
		[QUEUE_REFUSED_FULL] = "refused_full",
		[QUEUE_KEY_REUSED] = "refused_key_reused",
		[QUEUE_DUPLICATE_ID] = "refused_duplicate_id",
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		m->submitter.verdict[i] = verdict(m, names[i]);
	m->submitter.unavailable = verdict(m, "unavailable");
	m->submitter.unknown = verdict(m, "unknown");
	m->submitter.sizes = metrics_histogram(m->set, "square_submission_batch_jobs",
					       "Submissions that left in one call of Redis.", &metrics_sizes, NULL);
}

struct meter *meter_new(uv_loop_t *loop, unsigned no)
{
	struct meter *m = must_calloc(1, sizeof *m);
	m->set = metrics_new();
	snprintf(m->name, sizeof m->name, "%u", no);
	m->vitals = vitals_new(m->set, loop, m->name);
	m->table = routes_table(&m->route_count);
	m->routes = must_calloc(m->route_count + 1, sizeof *m->routes);
	for (size_t i = 0; i < m->route_count; i++)
		m->routes[i].pattern = m->table[i].pattern;
	m->routes[m->route_count].pattern = OTHER_ROUTE;
	register_http(m);
	register_submitter(m);
	join_meters(m->set);
	return m;
}

void meter_free(struct meter *m)
{
	if (!m)
		return;
	leave_meters(m->set);
	for (size_t i = 0; i <= m->route_count; i++)
		free(m->routes[i].cells);
	free(m->routes);
	vitals_free(m->vitals);
	metrics_free(m->set);
	free(m);
}

struct metrics_value *meter_redis_seconds(const struct meter *m)
{
	return vitals_call_seconds(m->vitals);
}

void meter_submitter(const struct meter *m, struct queue_submitter *s)
{
	queue_submitter_measure(s, &m->submitter);
}

/* ---- counting ---- */

static struct route_meter *route_of(const struct meter *m, const struct request *r)
{
	return &m->routes[r->match.route ? (size_t)(r->match.route - m->table) : m->route_count];
}

static struct metrics_value *new_cell(struct meter *m, struct route_meter *route, enum http_method method,
				      unsigned status)
{
	const char *name = http_method_name(method);
	char code[12];
	snprintf(code, sizeof code, "%u", status);
	struct metrics_value *count =
	    metrics_counter(m->set, "square_http_requests_total", "Requests answered.", "method",
			    *name ? name : "other", "route", route->pattern, "code", code, NULL);
	route->cells = must_realloc(route->cells, route->n + 1, sizeof *route->cells);
	route->cells[route->n++] = (struct cell){ (unsigned short)method, (unsigned short)status, count };
	return count;
}

static void count_answer(struct meter *m, struct route_meter *route, const struct request *r, unsigned status)
{
	enum http_method method = request_head(r)->method;
	size_t i = 0;
	while (i < route->n && (route->cells[i].status != status || route->cells[i].method != method))
		i++;
	metrics_add(i < route->n ? route->cells[i].count : new_cell(m, route, method, status), 1);
}

static struct metrics_value *time_of(struct meter *m, struct route_meter *route, struct metrics_value **at,
				     const char *name, const char *help)
{
	if (!*at)
		*at = metrics_histogram(m->set, name, help, &metrics_seconds, "route", route->pattern, NULL);
	return *at;
}

void meter_request(struct request *r, unsigned status, size_t bytes)
{
	struct meter *m = r->reactor->meter;
	struct route_meter *route = route_of(m, r);
	uint64_t took_us = clock_mono_us() - r->began_us;
	size_t body = 0;
	count_answer(m, route, r, status);
	http_request_body(r->http, &body);
	if (body)
		metrics_add(m->received, (int64_t)body);
	metrics_add(m->sent, (int64_t)bytes);
	if (r->wait_us)
		metrics_observe(time_of(m, route, &route->wait_seconds, "square_http_wait_duration_seconds",
					"Time from the head of a request with `wait` until its answer."),
				took_us);
	else
		metrics_observe(time_of(m, route, &route->seconds, "square_http_request_duration_seconds",
					"Time from the head of a request without `wait` until its answer."),
				took_us);
}

void meter_stream_began(struct request *r, unsigned status)
{
	struct meter *m = r->reactor->meter;
	count_answer(m, route_of(m, r), r, status);
	metrics_add(m->streams, 1);
	r->streaming = true;
}

void meter_stream_sent(struct request *r, size_t bytes)
{
	metrics_add(r->reactor->meter->sent, (int64_t)bytes);
}

void meter_stream_ended(struct request *r)
{
	struct meter *m = r->reactor->meter;
	struct route_meter *route = route_of(m, r);
	metrics_add(m->streams, -1);
	metrics_observe(time_of(m, route, &route->stream_seconds, "square_http_stream_duration_seconds",
				"Time that an event stream was open."),
			clock_mono_us() - r->began_us);
}

void meter_reply_list(struct meter *m)
{
	metrics_add(m->replies, 1);
}

void meter_gone(struct request *r)
{
	if (!r->streaming) /* the client of a stream leaves when it has seen enough */
		metrics_add(r->reactor->meter->gone, 1);
}

void meter_turn(struct meter *m, const struct reactor *r)
{
	struct rlink_stats links;
	rlinks_stats(r->links, &links);
	vitals_turn(m->vitals, &links, rlinks_up(r->links));
	metrics_set(m->connections, http_server_connections(r->http));
	metrics_set(m->in_flight, r->open);
	metrics_set(m->waiters, (int64_t)r->waiters.n);
}
