/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "batch_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"

#define PROGRESS_US 250000          /* between two words about one job */
#define FINISH_BYTES_MAX (1u << 20) /* of the outcomes of one call, unless a single one is larger */

/* ---- life of a batch ---- */

struct rlink *batch_link(const struct batch *b)
{
	return rlinks_at(b->owner->links, b->owner->tag(b->owner, b->tag));
}

static bool wants_to_start(const struct entry *e)
{
	return !e->is_short && (e->state == ENTRY_CLAIMED || e->state == ENTRY_STARTING);
}

static void count_running(const struct batch *b, size_t one)
{
	struct batch_owner *o = b->owner;
	o->running += one;
	if (o->tag_running)
		*o->tag_running(o, b->tag) += one;
}

/* Whether its arguments wait in memory. Those of what runs do not count: a child has them for itself, and what only
 * waits for its time has next to none. */
static bool holds_args(const struct entry *e)
{
	return e->state < ENTRY_RUNNING || e->state == ENTRY_GIVE_BACK || e->state == ENTRY_RELEASING;
}

/* What an entry counts for among the owner's, while it is in its state. */
static void count(const struct entry *e, size_t one)
{
	struct batch_owner *o = e->batch->owner;
	if (e->is_suspect && (e->state == ENTRY_STARTING || e->state == ENTRY_RUNNING))
		o->suspects += one;
	if (holds_args(e))
		o->args_bytes += one * e->args_bytes;
	if (e->state == ENTRY_READY)
		o->ready += one;
	else if (e->state == ENTRY_RUNNING)
		count_running(e->batch, one);
	else if (wants_to_start(e))
		*(e->is_heavy ? &o->heavies : &o->promised) += one;
}

/* The one place where the state changes, so that the owner's counts are exact. */
void batch_set_state(struct entry *e, enum entry_state state)
{
	struct batch_owner *o = e->batch->owner;
	size_t suspects = o->suspects;
	count(e, (size_t)-1);
	e->state = state;
	o->starts += state == ENTRY_RUNNING;
	count(e, 1);
	/* The next suspect's turn; unless this one owes its start again, which its batch will remember. */
	if (suspects && !o->suspects && state != ENTRY_CLAIMED)
		for (struct batch *b = o->batches; b; b = b->next)
			b->dirty = true;
}

void batch_entry_gone(struct entry *e)
{
	if (e->state == ENTRY_GONE)
		return;
	if (e->prepared)
		op_call_fini(&e->call);
	e->prepared = false;
	batch_set_state(e, ENTRY_GONE);
	e->batch->left--;
}

void batch_settle(struct batch *b)
{
	struct batch_owner *o = b->owner;
	if (b->left || b->in_flight)
		return;
	*(b->prev ? &b->prev->next : &o->batches) = b->next;
	*(b->next ? &b->next->prev : &o->last) = b->prev;
	o->count--;
	if (b->results.cap > 1u << 20)
		buf_fini(&b->results);
	b->next = o->spare;
	o->spare = b;
}

static struct batch *batch_take(struct batch_owner *o)
{
	struct batch *b = o->spare;
	if (b) {
		o->spare = b->next;
	} else {
		b = calloc(1, sizeof *b);
		if (!b)
			return NULL;
	}
	buf_clear(&b->results);
	b->owner = o;
	b->n = b->left = 0;
	b->in_flight = 0;
	b->dirty = b->lost = b->singly = false;
	b->claimed_us = clock_mono_us();
	b->next = NULL;
	b->prev = o->last;
	*(o->last ? &o->last->next : &o->batches) = b;
	o->last = b;
	o->count++;
	return b;
}

static void mark_dirty(struct batch *b)
{
	b->dirty = true;
}

/* ---- outcomes ---- */

static struct log_ids ids_of(const struct entry *e)
{
	return (struct log_ids){ .job = e->id, .trace = e->trace };
}

static void log_outcome(const struct entry *e)
{
	struct log_ids ids = ids_of(e);
	if (log_enabled(LOG_DEBUG)) /* the kind as in struct entry */
		log_write(LOG_DEBUG, &ids, "outcome '%c' after %llu us", e->kind, (unsigned long long)e->run_us);
}

/* An attempt that counts against the system, not against the job. */
static void log_lost_attempt(const struct entry *e, const struct op_failure *failure)
{
	struct log_ids ids = ids_of(e);
	log_write(LOG_WARN, &ids, "the attempt is lost: %s", failure->detail);
}

static void entry_done(struct entry *e, char kind, uint64_t run_us, const char *json, size_t n)
{
	struct batch *b = e->batch;
	if (b->lost) {
		batch_entry_gone(e);
		return;
	}
	e->kind = kind;
	e->run_us = run_us;
	e->at = b->results.len;
	e->len = n;
	buf_append(&b->results, json, n);
	batch_set_state(e, ENTRY_DONE);
	mark_dirty(b);
	if (b->results.failed || !n) { /* no memory to keep it, or to write it: the lease brings the job back */
		struct log_ids ids = ids_of(e);
		log_write(LOG_ERROR, &ids, "no memory for the outcome of the job");
		b->results.failed = false;
		batch_entry_gone(e);
		return;
	}
	log_outcome(e);
}

static void entry_done_failed(struct entry *e, char kind, const struct op_failure *failure, uint64_t run_us)
{
	struct buf json = BUF_INIT;
	op_failure_json(&json, failure);
	entry_done(e, kind, run_us, json.data, json.len);
	buf_fini(&json);
}

static void entry_failed(struct entry *e, const struct op_failure *failure, uint64_t run_us)
{
	char kind = 'f';
	if (failure->error == OP_CANCELLED)
		kind = 'c';
	else if (failure->error == OP_WORKER_LOST)
		kind = 'w';
	else if (op_error_retryable(failure->error))
		kind = 'r';
	if (kind == 'w' || kind == 'r')
		log_lost_attempt(e, failure);
	entry_done_failed(e, kind, failure, run_us);
}

static void on_executed(void *arg, const struct executor_result *result)
{
	struct entry *e = arg;
	struct op_failure failure;
	e->run = NULL;
	if (e->state == ENTRY_GIVE_BACK || e->batch->lost) { /* cancelled by us: the job goes back, or is not ours */
		if (e->batch->lost) {
			batch_entry_gone(e);
			batch_settle(e->batch);
		}
	} else if (!result->ok) {
		entry_failed(e, result->failure, result->run_us);
	} else if (result->json->len > QUEUE_RESULT_MAX) {
		op_failure_init(&failure);
		op_fail_limit(&failure, QUEUE_RESULT_MAX, (double)result->json->len, "bytes", "the result");
		entry_failed(e, &failure, result->run_us);
	} else {
		entry_done(e, 's', result->run_us, result->json->data, result->json->len);
	}
}

/* Readers look now and then: not every word is worth a command. */
static void on_progress(void *arg, double ratio, const char *note)
{
	struct entry *e = arg;
	struct batch *b = e->batch;
	struct buf json = BUF_INIT;
	uint64_t now_us = clock_mono_us();
	if (now_us - e->told_us < PROGRESS_US || e->state != ENTRY_RUNNING)
		return;
	e->told_us = now_us;
	buf_printf(&json, "{\"ratio\":%.4g,\"note\":", ratio);
	buf_json_string(&json, note, strlen(note));
	buf_byte(&json, '}');
	if (!json.failed && json.len <= QUEUE_PROGRESS_MAX)
		(void)queue_progress(batch_link(b), b->owner->tag(b->owner, b->tag), b->id, e->id,
				     (struct span){ json.data, json.len });
	buf_fini(&json);
}

static void entry_run(struct entry *e)
{
	struct batch_owner *o = e->batch->owner;
	unsigned tag = e->batch->tag;
	uint64_t waited_us = e->waited_us + clock_mono_us() - e->batch->claimed_us;
	batch_set_state(e, ENTRY_RUNNING);
	e->prepared = false; /* the executor has it, unless it refuses */
	if (!executor_run(o->executor, &e->call, 0, on_executed, e, &e->run)) {
		tally_started(o->tally, tag, waited_us);
		if (e->run && e->is_heavy)
			executor_watch(e->run, on_progress);
		return;
	}
	e->prepared = true;
	batch_set_state(e, ENTRY_GIVE_BACK); /* no slot after all, or no memory */
	mark_dirty(e->batch);
}

/* ---- start ---- */

static void on_started(struct batch *b, struct entry *e, char verdict)
{
	struct op_failure failure;
	if (verdict == 's' && b->owner->draining) {
		batch_set_state(e, ENTRY_GIVE_BACK);
		mark_dirty(b);
	} else if (verdict == 's') {
		entry_run(e);
	} else if (verdict == 'c') {
		op_failure_init(&failure);
		op_fail(&failure, OP_CANCELLED, "cancelled before it started");
		entry_failed(e, &failure, 0);
	} else {
		b->owner->stats.fenced++;
		batch_entry_gone(e);
	}
}

/* What an answered call means for each entry that it was made for, in order. */
struct asked {
	struct batch *batch;
	enum entry_state from, back; /* entries in `from` were asked for; `back` is owed again if nobody knows */
	size_t n;
	unsigned char index[QUEUE_BATCH_MAX];
};

static void on_finished(struct batch *b, struct entry *e, char verdict)
{
	struct batch_stats *stats = &b->owner->stats;
	enum tally_outcome outcome = TALLY_FENCED;
	switch (verdict) {
	case 'k':
	case 'm':
		*(e->kind == 's' ? &stats->succeeded : e->kind == 'c' ? &stats->cancelled : &stats->failed) += 1;
		outcome = e->kind == 's' ? TALLY_SUCCEEDED : e->kind == 'c' ? TALLY_CANCELLED : TALLY_FAILED;
		break;
	case 'd':
		stats->retried++;
		outcome = TALLY_RETRIED;
		break;
	case 'x':
		stats->dead++;
		outcome = TALLY_DEAD;
		break;
	default: {
		struct log_ids ids = ids_of(e);
		stats->fenced++;
		log_write(LOG_WARN, &ids, "the outcome came too late, somebody else has the job by now");
		break;
	}
	}
	tally_finished(b->owner->tally, e->op, outcome, e->run_us);
	batch_entry_gone(e);
}

static void asked_again(struct asked *a, int status)
{
	struct batch *b = a->batch;
	enum entry_state back = a->back == ENTRY_CLAIMED && b->owner->draining ? ENTRY_GIVE_BACK : a->back;
	for (size_t i = 0; i < a->n; i++) {
		struct entry *e = &b->entries[a->index[i]];
		if (e->state != a->from)
			continue;
		if (status == ERR_PROTOCOL && a->n == 1)
			batch_entry_gone(
			    e); /* Redis refuses this one job: its lease will run out and the reaper decides */
		else
			batch_set_state(e, back);
	}
	if (status == ERR_PROTOCOL)
		b->singly = true;
	if (status != ERR_UNAVAILABLE) /* then the next heartbeat: at once would be as fast as Redis can refuse */
		mark_dirty(b);
}

static void on_verdicts(void *arg, int status, const char *verdicts, size_t n)
{
	struct asked *a = arg;
	struct batch *b = a->batch;
	b->in_flight--;
	if (!status && n != a->n)
		status = ERR_PROTOCOL;
	if (status)
		asked_again(a, status);
	for (size_t i = 0; !status && i < n; i++) {
		struct entry *e = &b->entries[a->index[i]];
		if (e->state != a->from)
			continue; /* lost, or given back in the meantime */
		if (a->from == ENTRY_STARTING)
			on_started(b, e, verdicts[i]);
		else if (a->from == ENTRY_FINISHING)
			on_finished(b, e, verdicts[i]);
		else
			batch_entry_gone(e), b->owner->stats.released += verdicts[i] == 'k';
	}
	free(a);
	batch_settle(b);
}

/* Short jobs do not wait for this: a verdict other than 's' shows again when they are finished. */
static void on_short_started(void *arg, int status, const char *verdicts, size_t n)
{
	struct batch *b = arg;
	(void)status, (void)verdicts, (void)n;
	b->in_flight--;
	batch_settle(b);
}

/* Tells Redis that the short jobs start. False when it could not be sent: the next pump starts them like long ones. */
static bool tell_start(struct batch *b)
{
	const char *ids[QUEUE_BATCH_MAX];
	struct batch_owner *o = b->owner;
	size_t n = 0;
	for (size_t i = 0; i < b->n; i++)
		if (b->entries[i].is_short && b->entries[i].state == ENTRY_CLAIMED)
			ids[n++] = b->entries[i].id;
	if (n == 0 || queue_start(batch_link(b), o->tag(o, b->tag), b->id, false, ids, n, on_short_started, b))
		return false;
	b->in_flight++;
	/* The attempt must be on its way before the first of them runs: should one kill the process, it counts. */
	rlink_flush(batch_link(b));
	return true;
}

static void start_short(struct batch *b, bool started)
{
	if (!started && !tell_start(b))
		return;
	for (size_t i = 0; i < b->n; i++)
		if (b->entries[i].is_short && b->entries[i].state == ENTRY_CLAIMED)
			batch_set_state(&b->entries[i], ENTRY_READY);
}

/* ---- taking a claim ---- */

static bool is_too_much(const struct batch_owner *o, size_t args_bytes)
{
	return o->args_bytes && args_bytes > BATCH_ARGS_SMALL && o->args_bytes + args_bytes > BATCH_ARGS_MAX;
}

static void entry_init(struct batch *b, const struct queue_claimed *claimed, uint64_t now_us, size_t *longs)
{
	struct entry *e = &b->entries[b->n++];
	const struct job *job = &claimed->job;
	struct op_failure failure;
	memset(e, 0, offsetof(struct entry, call));
	e->run = NULL;
	e->batch = b;
	e->state = ENTRY_GONE; /* counts as nothing until batch_set_state() */
	b->left++;
	e->waited_us = job->run_at && job->run_at < now_us ? now_us - job->run_at : 0;
	memcpy(e->id, claimed->id, ID_TEXT_SIZE);
	snprintf(e->trace, sizeof e->trace, "%.*s", (int)job->trace.n, job->trace.p);
	if (job->op.n == 0) {
		op_fail(&failure, OP_INTERNAL_ERROR, "the job's record cannot be read");
		entry_done_failed(e, 'f', &failure, 0);
		return;
	}
	if (is_too_much(b->owner, job->args.n)) {
		batch_set_state(e, ENTRY_GIVE_BACK);
		b->owner->bulky = true;
		++*longs;
		return;
	}
	if (op_call_prepare(&e->call, job->op.p, job->op.n, job->args.p, job->args.n, job->timeout_ms, &failure)) {
		e->op = op_find(job->op.p, job->op.n);
		entry_failed(e, &failure, 0);
		return;
	}
	e->prepared = true;
	e->args_bytes = job->args.n;
	e->op = e->call.op;
	e->is_suspect = e->call.path == OP_IN_LOOP && job->flags & JOB_FLAG_SUSPECT;
	e->is_short = e->call.path == OP_IN_LOOP && !e->is_suspect;
	e->is_heavy = e->call.path == OP_HEAVY;
	batch_set_state(e, ENTRY_CLAIMED);
	*longs += !e->is_short;
}

/* So many of these always fit. */
static bool is_small(const struct queue_claim *claim)
{
	size_t bytes = 0;
	for (size_t i = 0; i < claim->n; i++)
		bytes += claim->jobs[i].job.args.n;
	return bytes <= claim->n * (BATCH_ARGS_MAX / QUEUE_BATCH_MAX);
}

struct batch *batch_new(struct batch_owner *o, unsigned tag, const char *id, const struct queue_claim *claim,
			bool started, size_t *longs)
{
	struct batch *b = batch_take(o);
	*longs = 0;
	if (!b)
		return NULL;
	b->tag = tag;
	snprintf(b->id, sizeof b->id, "%s", id);
	if (is_small(claim))
		o->bulky = false;
	for (size_t i = 0; i < claim->n; i++)
		entry_init(b, &claim->jobs[i], claim->now_us, longs);
	o->stats.claimed += claim->n;
	if (!o->draining)
		start_short(b, started);
	batch_give_back_surplus(b);
	mark_dirty(b);
	return b;
}

bool batch_run_ready(struct batch_owner *o, uint64_t budget_us)
{
	uint64_t until_us = clock_mono_us() + budget_us;
	if (o->suspects) /* it may count as started, and is to be charged for nobody else's doing */
		return false;
	for (struct batch *b = o->batches, *next; b && o->ready; b = next) {
		next = b->next;
		b->in_flight++; /* it must not settle under our hands */
		for (size_t i = 0; i < b->n && o->ready; i++) {
			if (b->entries[i].state != ENTRY_READY)
				continue;
			entry_run(&b->entries[i]);
			if ((i & 7) == 7 && clock_mono_us() >= until_us)
				break;
		}
		b->in_flight--;
		batch_settle(b);
		if (clock_mono_us() >= until_us)
			break;
	}
	return o->ready > 0;
}

/* ---- the calls that are owed ---- */

static struct asked *asked_new(struct batch *b, enum entry_state owed, enum entry_state asked)
{
	struct asked *a = malloc(sizeof *a);
	if (!a)
		return NULL;
	*a = (struct asked){ .batch = b, .from = asked, .back = owed };
	return a;
}

/* Collects the entries in state `owed` for one call that will bring them to `next`: all of them, or one if the batch
 * goes singly, or as many outcomes as fit; of suspects that are to start, one, when no other one does. retryable: only
 * outcomes that are (1) or are not (0); -1: does not matter. NULL when there is none, or no memory (the next heartbeat
 * tries again). */
static struct asked *collect(struct batch *b, enum entry_state owed, enum entry_state next, int retryable)
{
	struct asked *a = NULL;
	size_t bytes = 0;
	bool suspect = false;
	for (size_t i = 0; i < b->n; i++) {
		struct entry *e = &b->entries[i];
		bool again = e->kind == 'r' || e->kind == 'w';
		if (e->state != owed || (retryable >= 0 && again != (retryable == 1)))
			continue;
		if (e->is_suspect && owed == ENTRY_CLAIMED && (b->owner->suspects || suspect))
			continue; /* after the one that is about to run */
		suspect = suspect || e->is_suspect;
		if (!a && !(a = asked_new(b, owed, next)))
			return NULL;
		bytes += owed == ENTRY_DONE ? e->len : 0;
		if (a->n && (b->singly || bytes > FINISH_BYTES_MAX))
			break;
		a->index[a->n++] = (unsigned char)i;
	}
	return a;
}

static void sent(struct asked *a, int rc)
{
	struct batch *b = a->batch;
	if (rc) {
		b->dirty = true; /* owed still: the next pump tries again */
		free(a);
		return;
	}
	b->in_flight++;
	for (size_t i = 0; i < a->n; i++)
		batch_set_state(&b->entries[a->index[i]], a->from);
}

static void send_finish(struct batch *b, bool retryable)
{
	struct batch_owner *o = b->owner;
	struct queue_outcome outcomes[QUEUE_BATCH_MAX];
	struct asked *a;
	while ((a = collect(b, ENTRY_DONE, ENTRY_FINISHING, retryable))) {
		for (size_t i = 0; i < a->n; i++) {
			const struct entry *e = &b->entries[a->index[i]];
			outcomes[i] =
			    (struct queue_outcome){ e->id, e->kind, e->run_us, { b->results.data + e->at, e->len } };
		}
		int rc =
		    queue_finish(batch_link(b), o->tag(o, b->tag), b->id, retryable, outcomes, a->n, on_verdicts, a);
		sent(a, rc);
		if (rc)
			return;
	}
}

static void send_ids(struct batch *b, enum entry_state owed, enum entry_state next)
{
	struct batch_owner *o = b->owner;
	const char *ids[QUEUE_BATCH_MAX];
	struct asked *a;
	while ((a = collect(b, owed, next, -1))) {
		for (size_t i = 0; i < a->n; i++)
			ids[i] = b->entries[a->index[i]].id;
		int rc = next == ENTRY_STARTING
			     ? queue_start(batch_link(b), o->tag(o, b->tag), b->id, true, ids, a->n, on_verdicts, a)
			     : queue_release(batch_link(b), o->tag(o, b->tag), b->id, ids, a->n, on_verdicts, a);
		sent(a, rc);
		if (rc)
			return;
	}
}

void batch_pump(struct batch_owner *o)
{
	for (struct batch *b = o->batches, *next; b; b = next) {
		next = b->next;
		if (!b->dirty || !rlink_up(batch_link(b)))
			continue;
		b->dirty = false;
		send_finish(b, false);
		send_finish(b, true);
		if (!o->draining)
			send_ids(b, ENTRY_CLAIMED, ENTRY_STARTING);
		send_ids(b, ENTRY_GIVE_BACK, ENTRY_RELEASING);
		batch_settle(b); /* when memory ran out for its last outcome */
	}
}
