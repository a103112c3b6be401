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
#include "peers.h"
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
	struct queue_tally *next;
	char name[KEYS_QUEUE_MAX + 1];
	struct metrics_value *claims, *sizes, *wait;
};

struct tally {
	struct metrics *set;
	struct vitals *vitals;
	struct queue_tally *queues;
	struct queue_tally **shards; /* of which queue each is */
	size_t shard_count, shard_cap;
	struct op_tally unknown, ops[OPS_MAX];
};

static const char *const outcome_names[TALLY_OUTCOMES] = { "succeeded", "failed", "cancelled",
							   "retried",   "dead",   "fenced" };

/* ---- registering ---- */

static struct queue_tally *find_queue(struct tally *t, const char *tag)
{
	char name[KEYS_QUEUE_MAX + 1] = UNKNOWN;
	unsigned shard;
	(void)keys_tag_parse(tag, name, &shard);
	for (struct queue_tally *q = t->queues; q; q = q->next)
		if (strcmp(q->name, name) == 0)
			return q;
	struct queue_tally *q = must_calloc(1, sizeof *q);
	memcpy(q->name, name, sizeof name);
	q->claims =
	    metrics_counter(t->set, "square_claims_total", "Times that jobs were asked for.", "queue", q->name, NULL);
	q->sizes = metrics_histogram(t->set, "square_claim_jobs", "Jobs of a claim that brought some.", &metrics_sizes,
				     "queue", q->name, NULL);
	q->wait = metrics_histogram(t->set, "square_job_wait_seconds",
				    "Time from when a job could first run until an attempt started.", &metrics_seconds,
				    "queue", q->name, NULL);
	q->next = t->queues;
	t->queues = q;
	return q;
}

struct tally *tally_new(uv_loop_t *loop)
{
	struct tally *t = must_calloc(1, sizeof *t);
	t->set = metrics_new();
	t->vitals = vitals_new(t->set, loop, "0");
	return t;
}

void tally_add(struct tally *t, const char *tag)
{
	if (!t)
		return;
	if (t->shard_count == t->shard_cap) {
		t->shard_cap = t->shard_cap ? 2 * t->shard_cap : 8;
		t->shards = must_realloc(t->shards, t->shard_cap, sizeof *t->shards);
	}
	t->shards[t->shard_count++] = find_queue(t, tag);
}

void tally_free(struct tally *t)
{
	if (!t)
		return;
	vitals_free(t->vitals);
	metrics_free(t->set);
	for (struct queue_tally *q = t->queues, *next; q; q = next) {
		next = q->next;
		free(q);
	}
	free(t->shards);
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

void tally_claimed(struct tally *t, size_t shard, size_t jobs)
{
	if (!t || shard >= t->shard_count)
		return;
	metrics_add(t->shards[shard]->claims, 1);
	if (jobs)
		metrics_observe(t->shards[shard]->sizes, jobs);
}

void tally_started(struct tally *t, size_t shard, uint64_t waited_us)
{
	if (t && shard < t->shard_count)
		metrics_observe(t->shards[shard]->wait, waited_us);
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

void tally_turn(struct tally *t, struct rlinks *links)
{
	struct rlink_stats stats;
	const struct rlink *link;
	unsigned up = 0;
	if (!t)
		return;
	for (size_t i = 0; links && (link = rlinks_each(links, i)); i++)
		up += rlink_up(link);
	if (links)
		rlinks_stats(links, &stats);
	vitals_turn(t->vitals, links ? &stats : NULL, up);
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

static void read_peer_parts(struct tally *t, const struct peers_view *v)
{
	static const char taken[] = "square_peer_parts_taken_total";
	static const char taken_help[] = "Parts of other workers' jobs that were asked for here, by how it ended.";
	static const char sent[] = "square_peer_parts_sent_total";
	static const char sent_help[] = "Parts of jobs that other workers were asked for, by how it ended.";
	if (v->server) {
		counter(t, taken, taken_help, "outcome", "finished", v->server->finished);
		counter(t, taken, taken_help, "outcome", "failed", v->server->failed);
		counter(t, taken, taken_help, "outcome", "cancelled", v->server->cancelled);
		counter(t, taken, taken_help, "outcome", "busy", v->server->busy);
	}
	if (v->set) {
		counter(t, sent, sent_help, "outcome", "finished", v->set->finished);
		counter(t, sent, sent_help, "outcome", "failed", v->set->failed);
		counter(t, sent, sent_help, "outcome", "busy", v->set->busy);
		counter(t, sent, sent_help, "outcome", "lost", v->set->lost);
	}
}

static void read_peers(struct tally *t, const struct peers *peers)
{
	struct peers_view v;
	if (!peers)
		return;
	peers_stats(peers, &v);
	read_peer_parts(t, &v);
	if (v.set) {
		gauge(t, "square_peers", "Other workers that may be asked for parts of a job.", v.set->peers);
		gauge(t, "square_peers_connected", "Other workers that there is a connection to.", v.set->connected);
	}
	counter(t, "square_peer_refused_total",
		"Connections to WorkerPeer, from it or to it, that were not a worker's.", NULL, NULL,
		(v.server ? v.server->refused : 0) + (v.set ? v.set->impostors : 0));
	if (!v.scatter)
		return;
	counter(t, "square_jobs_shared_total", "Calls that were cut into parts.", NULL, NULL, v.scatter->shared);
	counter(t, "square_shared_whole_total", "Calls that were computed in one piece after all.", NULL, NULL,
		v.scatter->whole);
	counter(t, "square_shared_parts_own_total", "Parts of shared calls that were computed by the worker itself.",
		NULL, NULL, v.scatter->own_parts);
	counter(t, "square_shared_parts_replanned_total", "Parts that were lost with a child or a worker.", NULL, NULL,
		v.scatter->replanned);
	counter(t, "square_shared_parts_repeated_total", "Parts that were computed once more, as they took too long.",
		NULL, NULL, v.scatter->repeated);
}

void tally_render(struct tally *t, const struct tally_sources *from, struct buf *out)
{
	read_claimer(t, from->claimer);
	read_executor(t, from->executor);
	read_pool(t, from->pool);
	read_tcp(t, from->tcp);
	read_peers(t, from->peers);
	procstat_render(out);
	metrics_render(out, &t->set, 1);
}
