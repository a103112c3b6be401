/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counters of an operation are registered when it first ends somehow: a worker knows two hundred, and most of them are
 * never asked for. Operations are found by their address, in a table of their own. */
#include "tally.h"

#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "claimer.h"
#include "compute/pool.h"
#include "executor.h"
#include "keys.h"
#include "metrics.h"
#include "must.h"
#include "op.h"
#include "procstat.h"
#include "rpc.h"
#include "tcp_server.h"
#include "tcp_session.h"
#include "vitals.h"

#define OPS_MAX 1024 /* slots, a power of two; op.c has at most half as many operations */
#define UNKNOWN "unknown"

struct op_tally {
	const struct op *op;
	struct metrics_value *outcomes[TALLY_OUTCOMES], *run;
};

struct queue_tally {
	char name[KEYS_QUEUE_MAX + 1];
	struct metrics_value *claims, *sizes, *wait;
};

struct tally {
	struct metrics *set;
	struct vitals *vitals;
	size_t queue_count;
	struct queue_tally *queues;
	struct op_tally unknown, ops[OPS_MAX];
};

static const char *const outcome_names[TALLY_OUTCOMES] = { "succeeded", "failed", "cancelled",
							   "retried",   "dead",   "fenced" };

/* ---- registering ---- */

static void open_queue(struct tally *t, struct queue_tally *q, const char *tag)
{
	unsigned shard;
	if (keys_tag_parse(tag, q->name, &shard))
		memcpy(q->name, UNKNOWN, sizeof UNKNOWN);
	q->claims =
	    metrics_counter(t->set, "square_claims_total", "Times that jobs were asked for.", "queue", q->name, NULL);
	q->sizes = metrics_histogram(t->set, "square_claim_jobs", "Jobs of a claim that brought some.", &metrics_sizes,
				     "queue", q->name, NULL);
	q->wait = metrics_histogram(t->set, "square_job_wait_seconds",
				    "Time from when a job could first run until an attempt started.", &metrics_seconds,
				    "queue", q->name, NULL);
}

struct tally *tally_new(uv_loop_t *loop, const char *const *tags, size_t n)
{
	struct tally *t = must_calloc(1, sizeof *t);
	t->set = metrics_new();
	t->vitals = vitals_new(t->set, loop, "0");
	t->queues = must_calloc(n ? n : 1, sizeof *t->queues);
	t->queue_count = n;
	for (size_t i = 0; i < n; i++)
		open_queue(t, &t->queues[i], tags[i]);
	return t;
}

void tally_free(struct tally *t)
{
	if (!t)
		return;
	vitals_free(t->vitals);
	metrics_free(t->set);
	free(t->queues);
	free(t);
}

struct metrics_value *tally_redis_seconds(const struct tally *t)
{
	return vitals_call_seconds(t->vitals);
}

static struct op_tally *op_tally(struct tally *t, const struct op *op)
{
	if (!op)
		return &t->unknown;
	size_t slot = ((uintptr_t)op / sizeof *op) % OPS_MAX;
	while (t->ops[slot].op && t->ops[slot].op != op)
		slot = (slot + 1) % OPS_MAX;
	t->ops[slot].op = op;
	return &t->ops[slot];
}

/* ---- counting ---- */

void tally_claimed(struct tally *t, size_t tag, size_t jobs)
{
	if (!t || tag >= t->queue_count)
		return;
	metrics_add(t->queues[tag].claims, 1);
	if (jobs)
		metrics_observe(t->queues[tag].sizes, jobs);
}

void tally_started(struct tally *t, size_t tag, uint64_t waited_us)
{
	if (t && tag < t->queue_count)
		metrics_observe(t->queues[tag].wait, waited_us);
}

void tally_finished(struct tally *t, const struct op *op, enum tally_outcome outcome, uint64_t run_us)
{
	if (!t)
		return;
	struct op_tally *o = op_tally(t, op);
	const char *name = op ? op->name : UNKNOWN;
	if (!o->outcomes[outcome])
		o->outcomes[outcome] =
		    metrics_counter(t->set, "square_jobs_finished_total", "Attempts of jobs, by how they ended.", "op",
				    name, "outcome", outcome_names[outcome], NULL);
	metrics_add(o->outcomes[outcome], 1);
	if (outcome == TALLY_FENCED)
		return;
	if (!o->run)
		o->run = metrics_histogram(t->set, "square_job_run_seconds", "Time that an attempt spent running.",
					   &metrics_spans, "op", name, NULL);
	metrics_observe(o->run, run_us);
}

void tally_turn(struct tally *t, const struct rlink *link)
{
	if (t)
		vitals_turn(t->vitals, link);
}

/* ---- what others keep ---- */

static void gauge(struct tally *t, const char *name, const char *help, uint64_t now)
{
	metrics_set(metrics_gauge(t->set, name, help, NULL), (int64_t)now);
}

static void counter(struct tally *t, const char *name, const char *help, const char *label, const char *value,
		    uint64_t total)
{
	metrics_reach(metrics_counter(t->set, name, help, label, value, NULL), (int64_t)total);
}

static void read_claimer(struct tally *t, const struct claimer *c)
{
	if (!c)
		return;
	gauge(t, "square_worker_jobs", "Jobs in hand, from the claim to the acknowledged outcome.", claimer_running(c));
	counter(t, "square_jobs_released_total", "Jobs that were given back unfinished.", NULL, NULL,
		claimer_stats(c)->released);
}

static void read_executor(struct tally *t, const struct executor *ex)
{
	if (!ex)
		return;
	gauge(t, "square_worker_running", "Calls that run, in a slot or in a compute child.", executor_running(ex));
	gauge(t, "square_worker_waiting", "Calls that wait for a slot or a compute child.", executor_waiting(ex));
	gauge(t, "square_worker_free_slots", "Free slots for calls that take time.", executor_free_slots(ex));
}

static void read_pool(struct tally *t, const struct pool *p)
{
	static const char name[] = "square_compute_ended_total";
	static const char help[] = "Compute children that were ended or ended, by the cause.";
	uint64_t bytes = 0;
	pid_t pid;
	if (!p)
		return;
	const struct pool_stats *s = pool_stats(p);
	for (size_t i = 0; (pid = pool_pid(p, i)) > 0; i++)
		bytes += procstat_resident_bytes(pid);
	gauge(t, "square_compute_children", "Compute children that may compute at once.", pool_size(p));
	gauge(t, "square_compute_busy", "Compute children that compute.", pool_busy(p));
	gauge(t, "square_compute_resident_bytes",
	      "Memory of the compute children in RAM; what they share counts for each.", bytes);
	counter(t, "square_compute_jobs_total", "Calls that were given to compute children.", NULL, NULL, s->jobs);
	counter(t, "square_compute_started_total", "Compute children that were started.", NULL, NULL, s->born);
	counter(t, name, help, "cause", "timeout", s->timeouts);
	counter(t, name, help, "cause", "abandoned", s->abandoned);
	counter(t, name, help, "cause", "crash", s->crashes);
	counter(t, name, help, "cause", "memory", s->exhausted);
	counter(t, name, help, "cause", "retired", s->retired);
}

static void read_tcp(struct tally *t, const struct tcp_server *tcp)
{
	static const char name[] = "square_tcp_requests_total";
	static const char help[] = "Requests answered on the direct endpoint, by how.";
	if (!tcp)
		return;
	const struct rpc_stats *rpc = rpc_stats();
	const struct tcp_session_stats *lines = tcp_session_stats();
	gauge(t, "square_tcp_connections", "Open connections of the direct endpoint.", tcp_server_connections(tcp));
	counter(t, name, help, "outcome", "succeeded", rpc->succeeded + lines->squared);
	counter(t, name, help, "outcome", "failed", rpc->failed);
	counter(t, name, help, "outcome", "refused", rpc->refused + lines->refused);
}

void tally_render(struct tally *t, const struct tally_sources *from, struct buf *out)
{
	read_claimer(t, from->claimer);
	read_executor(t, from->executor);
	read_pool(t, from->pool);
	read_tcp(t, from->tcp);
	procstat_render(out);
	metrics_render(out, &t->set, 1);
}
