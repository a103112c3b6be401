/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scatter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"
#include "log.h"
#include "scatter_parts.h"

#define GATHER_BYTES_MAX (3u << 20) /* of all parts' results: more does not fit into a request to a child */
#define TRIES_MAX 3                 /* of a part that loses its child */

struct scatter {
	uv_loop_t *loop;
	struct scatter_options options;
	struct scatter_job *jobs;
	unsigned handles; /* that libuv still holds */
	bool freed;
	struct scatter_stats stats;
};

static void pump(struct scatter_job *j);
static void on_look(uv_timer_t *timer);

/* ---- places ---- */

static void keep_place(struct scatter_job *j)
{
	if (j->kept)
		return;
	j->kept = true;
	pool_hold(j->scatter->options.pool);
}

static uint32_t left_ms(const struct scatter_job *j)
{
	uint64_t gone_ms = (clock_mono_us() - j->began_us) / 1000;

	return gone_ms < j->timeout_ms ? (uint32_t)(j->timeout_ms - gone_ms) : 1;
}

/* ---- the end ---- */

static void run_free(struct piece *p, struct run *r)
{
	struct run **at = &p->runs;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	free(r);
}

/* Killing a child makes room, of which others are told at once: its place is kept before. */
static void run_stop(struct piece *p, struct run *r)
{
	if (r->main && !p->job->ended)
		keep_place(p->job);
	if (r->child)
		pool_abandon(r->child);
	if (r->call)
		peer_cancel(r->call);
	run_free(p, r);
}

/* Who is told of the room that this makes passes the job by: it may not begin anything, or end, under our hands. */
static void stop_parts(struct scatter_job *j)
{
	j->stopping = true;
	for (struct piece *p = j->pieces; p; p = p->next)
		while (p->runs)
			run_stop(p, p->runs);
	j->stopping = false;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct scatter_job *j = handle->data;
	struct scatter *s = j->scatter;

	s->handles--;
	if (--j->handles == 0) {
		buf_fini(&j->args);
		free(j);
	}
	if (s->freed && s->handles == 0)
		free(s);
}

/* Takes the job out of everything; its memory goes when its timers are closed. */
static void retire(struct scatter_job *j)
{
	struct scatter *s = j->scatter;

	j->ended = true;
	if (j->solo)
		pool_abandon(j->solo);
	j->solo = NULL;
	stop_parts(j);
	while (j->pieces) {
		struct piece *p = j->pieces;
		j->pieces = p->next;
		buf_fini(&p->result);
		free(p);
	}
	peer_set_end(s->options.peers, &j->shared);
	*(j->prev ? &j->prev->next : &s->jobs) = j->next;
	if (j->next)
		j->next->prev = j->prev;
	uv_close((uv_handle_t *)&j->deadline, on_timer_closed);
	uv_close((uv_handle_t *)&j->look, on_timer_closed);
	if (j->kept) {
		j->kept = false;
		pool_release(s->options.pool);
	}
}

static void answer(struct scatter_job *j, bool ok, struct buf *json, const struct op_failure *f)
{
	struct pool_caller caller = j->caller;
	struct pool_result result = { ok, json, f, clock_mono_us() - j->began_us, NULL };

	retire(j);
	caller.on_result(caller.arg, &result);
}

static void answer_failure(struct scatter_job *j, const struct op_failure *f)
{
	struct op_failure own = *f; /* it may stand in what retire() frees */

	answer(j, false, NULL, &own);
}

static void on_deadline(uv_timer_t *timer)
{
	struct scatter_job *j = timer->data;
	struct op_failure f;

	op_fail(&f, OP_TIMEOUT, "%s had no result within its time-out", j->shared.op->name);
	answer_failure(j, &f);
}

void scatter_abandon(struct scatter_job *j)
{
	retire(j);
}

/* ---- alone: planning, gathering, the whole ---- */

static void on_solo_result(void *arg, const struct pool_result *result);

static void on_solo_progress(void *arg, double ratio, const char *note)
{
	struct scatter_job *j = arg;

	if (j->caller.on_progress && (j->stage == WHOLE || j->stage == PLANNING))
		j->caller.on_progress(j->caller.arg, ratio, note);
}

/* In the place that is kept. False: not now, on_held tells when. */
static bool run_solo(struct scatter_job *j, enum ipc_task kind, const struct buf *results)
{
	struct pool_task task = { .task = kind,
				  .op = j->shared.op,
				  .args = j->args.data,
				  .args_len = j->args.len,
				  .results = results ? results->data : NULL,
				  .results_len = results ? results->len : 0 };
	struct pool_caller caller = { on_solo_result, on_solo_progress, j };
	struct op_failure f;
	int rc = pool_run_held(j->scatter->options.pool, &task, left_ms(j), &caller, &j->solo);

	if (rc == 0) {
		j->kept = false;
		return true;
	}
	if (rc != ERR_FULL) {
		op_fail(&f, OP_INTERNAL_ERROR, "out of memory for the call of %s", j->shared.op->name);
		answer_failure(j, &f);
		return true;
	}
	return false;
}

static void go_whole(struct scatter_job *j)
{
	j->scatter->stats.whole++;
	uv_timer_stop(&j->look);
	stop_parts(j);
	j->stage = WHOLE;
	keep_place(j);
	(void)run_solo(j, IPC_TASK_WHOLE, NULL);
}

static int compare_pieces(const void *a, const void *b)
{
	const struct piece *x = *(struct piece *const *)a, *y = *(struct piece *const *)b;

	return x->units.from < y->units.from ? -1 : x->units.from > y->units.from;
}

/* The results of all parts, in order, as one array. False: they do not fit. */
static bool collect(struct scatter_job *j, struct buf *out)
{
	struct piece **all = calloc(j->n_pieces, sizeof(struct piece *));
	size_t n = 0;

	if (!all)
		return false;
	for (struct piece *p = j->pieces; p; p = p->next)
		all[n++] = p;
	qsort(all, n, sizeof(struct piece *), compare_pieces);
	buf_byte(out, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_byte(out, ',');
		buf_append(out, all[i]->result.data, all[i]->result.len);
	}
	buf_byte(out, ']');
	free(all);
	return !out->failed && out->len <= GATHER_BYTES_MAX;
}

static void go_gather(struct scatter_job *j)
{
	struct buf results = BUF_INIT;

	j->stage = GATHERING;
	uv_timer_stop(&j->look);
	keep_place(j);
	if (!collect(j, &results))
		go_whole(j);
	else
		(void)run_solo(j, IPC_TASK_GATHER, &results);
	buf_fini(&results);
}

static void begin_spreading(struct scatter_job *j, const struct op_plan *plan)
{
	j->stage = SPREADING;
	j->plan = *plan;
	j->unit_ns = plan->ns / plan->units;
	j->scatter->stats.shared++;
	pump(j);
}

static bool is_retryable(const struct op_failure *f)
{
	return f->error == OP_WORKER_LOST || f->error == OP_INTERNAL_ERROR || f->error == OP_CANCELLED;
}

static void on_solo_result(void *arg, const struct pool_result *result)
{
	struct scatter_job *j = arg;

	j->solo = NULL;
	if (result->ok && result->plan) {
		keep_place(j);
		begin_spreading(j, result->plan);
	} else if (!result->ok && j->stage == GATHERING && result->failure->error != OP_TIMEOUT) {
		go_whole(j); /* what cannot be put together is computed in one piece */
	} else if (result->ok) {
		answer(j, true, result->json, NULL);
	} else {
		answer_failure(j, result->failure);
	}
}

/* ---- results of parts ---- */

static void tell_progress(const struct scatter_job *j)
{
	char note[80];

	if (!j->caller.on_progress)
		return;
	snprintf(note, sizeof note, "parts: %u of %u units done", j->done_units, j->plan.units);
	j->caller.on_progress(j->caller.arg, (double)j->done_units / j->plan.units, note);
}

/* The first result of a piece counts. json: borrowed. */
static void piece_done(struct piece *p, const struct run *by, const char *json, size_t n)
{
	struct scatter_job *j = p->job;
	double ns = (double)(clock_mono_us() - by->began_us) * 1e3 / (p->units.to - p->units.from);

	if (p->done)
		return;
	buf_append(&p->result, json, n);
	if (p->result.failed) {
		buf_fini(&p->result);
		return; /* once more, then */
	}
	p->done = true;
	j->unit_ns = fmax(0.7 * j->unit_ns + 0.3 * ns, 1e-3);
	j->done_units += p->units.to - p->units.from;
	tell_progress(j);
}

/* A run is over; what it came to is told already. */
static void settle(struct piece *p)
{
	struct scatter_job *j = p->job;

	j->stopping = true;
	while (p->done && p->runs)
		run_stop(p, p->runs);
	j->stopping = false;
	scatter_pile_put_back(p);
	if (j->done_units == j->plan.units)
		go_gather(j);
	else
		pump(j);
}

static void part_failed(struct run *r, const struct op_failure *f)
{
	struct piece *p = r->piece;
	struct scatter_job *j = p->job;

	run_free(r->piece, r);
	bool late = f->error == OP_TIMEOUT;
	if (p->done || (late && p->runs)) {
		settle(p);
	} else if (!late && !is_retryable(f)) {
		go_whole(j); /* it says what is wrong with the call as a whole */
	} else if (late || ++p->tries >= TRIES_MAX) {
		answer_failure(j, f);
	} else {
		j->scatter->stats.replanned++;
		settle(p);
	}
}

static void on_own_result(void *arg, const struct pool_result *result)
{
	struct run *r = arg;
	struct piece *p = r->piece;
	struct scatter_job *j = p->job;

	r->child = NULL;
	if (r->main)
		keep_place(j);
	if (!result->ok) {
		part_failed(r, result->failure);
		return;
	}
	j->scatter->stats.own_parts++;
	piece_done(p, r, result->json->data, result->json->len);
	run_free(r->piece, r);
	settle(p);
}

static void on_peer_answer(void *arg, const struct peer_outcome *outcome)
{
	struct run *r = arg;
	struct piece *p = r->piece;

	r->call = NULL;
	if (outcome->answer == PEER_FAILED) {
		part_failed(r, outcome->failure);
		return;
	}
	if (outcome->answer == PEER_DONE)
		piece_done(p, r, outcome->json, outcome->n);
	else if (outcome->answer == PEER_LOST)
		p->job->scatter->stats.replanned++;
	run_free(r->piece, r);
	settle(p);
}

/* ---- handing out ---- */

static struct run *run_new(struct piece *p)
{
	struct run *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->piece = p;
	r->began_us = clock_mono_us();
	if (p->runs)
		p->job->scatter->stats.repeated++;
	r->next = p->runs;
	p->runs = r;
	return r;
}

/* False: it could not be, and the piece is where it was. */
static bool run_here(struct piece *p, bool main)
{
	struct scatter_job *j = p->job;
	struct pool *pool = j->scatter->options.pool;
	struct pool_task task = { .task = IPC_TASK_PART,
				  .op = j->shared.op,
				  .args = j->args.data,
				  .args_len = j->args.len,
				  .part = p->units };
	struct run *r = run_new(p);
	struct pool_caller caller = { .on_result = on_own_result, .arg = r };

	if (!r)
		return false;
	int rc = main ? pool_run_held(pool, &task, left_ms(j), &caller, &r->child)
		      : pool_run_task(pool, &task, left_ms(j), &caller, &r->child);
	if (rc != 0) {
		run_free(r->piece, r);
		return false;
	}
	r->main = main;
	if (main)
		j->kept = false;
	return true;
}

static bool run_there(struct piece *p, struct peer *peer)
{
	struct scatter_job *j = p->job;
	struct run *r = run_new(p);

	if (!r)
		return false;
	if (peer_ask(peer, &j->shared, p->number, &p->units, left_ms(j), on_peer_answer, r, &r->call) != 0) {
		run_free(r->piece, r);
		return false;
	}
	return true;
}

/* A part that is being computed at a peer is not asked of it again. */
static bool is_there(const struct piece *p, const struct peer *peer)
{
	for (const struct run *r = p->runs; r; r = r->next)
		if (r->call && strcmp(peer_call_instance(r->call), peer_instance(peer)) == 0)
			return true;
	return false;
}

/* Who might compute something, this worker included. */
static unsigned helpers_of(const struct scatter_job *j)
{
	const struct scatter_options *o = &j->scatter->options;

	return 1 + peer_set_ready(o->peers) + pool_room(o->pool);
}

/* Everybody who is free takes a piece: first the place that is kept, then peers, then further children. */
static void pump(struct scatter_job *j)
{
	struct scatter *s = j->scatter;
	struct piece *p;
	struct peer *peer;

	if (j->stage != SPREADING || j->ended || j->stopping)
		return;
	if (j->kept && (p = scatter_pile_next(j, helpers_of(j))) && !run_here(p, true))
		scatter_pile_put_back(p);
	while ((scatter_pile_untaken(j) || j->waiting || scatter_pile_overdue(j)) &&
	       (peer = peer_set_free_peer(s->options.peers))) {
		p = scatter_pile_next(j, helpers_of(j));
		if (!p || is_there(p, peer) || !run_there(p, peer)) {
			if (p)
				scatter_pile_put_back(p);
			break;
		}
	}
	while ((scatter_pile_untaken(j) || j->waiting) && pool_room(s->options.pool) > 0 &&
	       s->options.is_idle(s->options.arg)) {
		p = scatter_pile_next(j, helpers_of(j));
		if (!p || !run_here(p, false)) {
			if (p)
				scatter_pile_put_back(p);
			break;
		}
	}
	if (!uv_is_active((uv_handle_t *)&j->look))
		uv_timer_start(&j->look, on_look, SCATTER_LOOK_MS, SCATTER_LOOK_MS);
}

static void on_look(uv_timer_t *timer)
{
	pump(timer->data);
}

/* A place that is kept can be used, or peers have room: all jobs look, the oldest last, as it has had the most. */
static void on_room(void *arg)
{
	struct scatter *s = arg;

	for (struct scatter_job *j = s->jobs, *next; j; j = next) {
		next = j->next;
		if (j->ended || j->stopping)
			continue;
		if (j->stage == SPREADING)
			pump(j);
		else if (j->kept && j->stage == GATHERING)
			go_gather(j);
		else if (j->kept && j->stage == WHOLE)
			(void)run_solo(j, IPC_TASK_WHOLE, NULL);
	}
}

/* ---- beginning ---- */

struct scatter *scatter_new(uv_loop_t *loop, const struct scatter_options *options)
{
	struct scatter *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->loop = loop;
	s->options = *options;
	pool_on_held(options->pool, on_room, s);
	peer_set_on_room(options->peers, on_room, s);
	return s;
}

void scatter_free(struct scatter *s)
{
	if (!s)
		return;
	s->freed = true;
	pool_on_held(s->options.pool, NULL, NULL);
	peer_set_on_room(s->options.peers, NULL, NULL);
	if (s->handles == 0)
		free(s);
}

static bool has_helpers(const struct scatter *s)
{
	return peer_set_helpers(s->options.peers) > 0 ||
	       (pool_room(s->options.pool) > 1 && s->options.is_idle(s->options.arg));
}

int scatter_run(struct scatter *s, struct op_call *call, uint32_t timeout_ms, const struct pool_caller *caller,
		struct scatter_job **job)
{
	if (!call->op->split || !has_helpers(s) || call->op->split->weigh(call) < SCATTER_LEAST_NS)
		return ERR_NOT_FOUND;
	struct scatter_job *j = calloc(1, sizeof *j);
	if (!j)
		return ERR_NOMEM;
	op_call_args(call, &j->args);
	if (j->args.failed || j->args.len > PEER_ARGS_MAX) {
		int rc = j->args.failed ? ERR_NOMEM : ERR_NOT_FOUND;
		buf_fini(&j->args);
		free(j);
		return rc;
	}
	j->scatter = s;
	j->shared = (struct peer_job){ peer_set_number(s->options.peers), call->op, j->args.data, j->args.len };
	j->timeout_ms = timeout_ms;
	j->began_us = clock_mono_us();
	j->caller = *caller;
	struct pool_task task = {
		.task = IPC_TASK_PLAN, .op = call->op, .args = j->args.data, .args_len = j->args.len
	};
	struct pool_caller solo = { on_solo_result, on_solo_progress, j };
	int rc = pool_run_task(s->options.pool, &task, timeout_ms, &solo, &j->solo);
	if (rc != 0) {
		buf_fini(&j->args);
		free(j);
		return rc;
	}
	uv_timer_init(s->loop, &j->deadline);
	uv_timer_init(s->loop, &j->look);
	j->deadline.data = j->look.data = j;
	j->handles = 2;
	s->handles += 2;
	uv_timer_start(&j->deadline, on_deadline, (uint64_t)timeout_ms + POOL_GRACE_MS, 0);
	j->next = s->jobs;
	if (j->next)
		j->next->prev = j;
	s->jobs = j;
	s->stats.planned++;
	*job = j;
	return 0;
}

const struct scatter_stats *scatter_stats(const struct scatter *s)
{
	return &s->stats;
}
