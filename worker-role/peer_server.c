/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "peer_server.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "peer_wire.h"

#define BACKLOG 64
#define CLOCK_MS 500

struct job { /* of which parts may be asked for */
	struct job *next;
	uint32_t number;
	const struct op *op;
	char *args;
	size_t args_len;
};

struct run {
	struct run *next;
	struct caller *caller;
	uint32_t job, part;
	struct op_part units;
	uint32_t timeout_ms;
	struct pool_child *child; /* NULL: waits for a moment */
};

struct caller {
	struct peer_wire wire; /* first: it is freed by this */
	struct peer_server *server;
	struct caller *next, *prev;
	uint8_t nonce[PEER_NONCE];
	uint64_t active_ms; /* loop time of what it asked last, or when it was accepted */
	struct job *jobs;
	unsigned n_jobs;
	struct run *runs;
};

struct peer_server {
	uv_loop_t *loop;
	struct peer_server_options options;
	uint8_t secret[PEER_SECRET];
	bool has_secret, freed;
	uint16_t port;
	uv_tcp_t listener;
	uv_timer_t clock; /* runs while there are connections */
	uv_timer_t yield; /* runs while parts wait for a moment */
	unsigned handles;
	struct caller *callers;
	uint64_t freed_us; /* when a child last finished a part */
	struct peer_server_stats stats;
};

static void free_when_closed(struct peer_server *s)
{
	if (s->freed && s->handles == 0 && s->stats.connections == 0)
		free(s);
}

/* ---- parts ---- */

static void run_remove(struct caller *c, struct run *r)
{
	struct run **at = &c->runs;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	free(r);
}

static struct job *job_find(const struct caller *c, uint32_t number)
{
	struct job *job = c->jobs;

	while (job && job->number != number)
		job = job->next;
	return job;
}

static void answer_busy(struct run *r)
{
	struct caller *c = r->caller;

	c->server->stats.busy++;
	peer_put(&c->wire.out, PEER_BUSY, r->job, r->part, NULL, 0);
	run_remove(r->caller, r);
	peer_wire_send(&c->wire);
}

static void on_result(void *arg, const struct pool_result *result)
{
	struct run *r = arg;
	struct caller *c = r->caller;
	struct peer_server *s = c->server;

	s->stats.running--;
	s->freed_us = clock_mono_us();
	*(result->ok ? &s->stats.finished : &s->stats.failed) += 1;
	if (result->ok)
		peer_put(&c->wire.out, PEER_RESULT, r->job, r->part, result->json->data, result->json->len);
	else
		peer_put_failure(&c->wire.out, r->job, r->part, result->failure);
	run_remove(r->caller, r);
	peer_wire_send(&c->wire);
}

static void run_start(struct run *r)
{
	struct peer_server *s = r->caller->server;
	const struct job *job = job_find(r->caller, r->job);
	struct pool_caller caller = { .on_result = on_result, .arg = r };

	if (!job || pool_room(s->options.pool) == 0 || !s->options.may_take(s->options.arg)) {
		answer_busy(r);
		return;
	}
	struct pool_task task = {
		.task = IPC_TASK_PART, .op = job->op, .args = job->args, .args_len = job->args_len, .part = r->units
	};
	if (pool_run_task(s->options.pool, &task, r->timeout_ms, &caller, &r->child) != 0) {
		answer_busy(r);
		return;
	}
	s->stats.taken++;
	s->stats.running++;
}

static bool is_resting(const struct peer_server *s)
{
	return s->freed_us && clock_mono_us() - s->freed_us < PEER_SERVER_YIELD_MS * 1000ULL;
}

static void on_yield(uv_timer_t *timer)
{
	struct peer_server *s = timer->data;

	for (struct caller *c = s->callers; c; c = c->next)
		for (struct run *r = c->runs, *next; r; r = next) {
			next = r->next;
			if (!r->child)
				run_start(r);
		}
}

static bool on_part(struct caller *c, const struct peer_frame *frame)
{
	struct peer_server *s = c->server;
	struct op_part units;
	uint32_t timeout_ms;

	if (peer_get_part(frame, &units, &timeout_ms) != 0)
		return false;
	for (const struct run *other = c->runs; other; other = other->next)
		if (other->job == frame->job && other->part == frame->part)
			return false;
	struct run *r = calloc(1, sizeof *r);
	if (!r)
		return false;
	*r = (struct run){ .next = c->runs,
			   .caller = c,
			   .job = frame->job,
			   .part = frame->part,
			   .units = units,
			   .timeout_ms = timeout_ms };
	c->runs = r;
	if (!is_resting(s))
		run_start(r);
	else if (!uv_is_active((uv_handle_t *)&s->yield))
		uv_timer_start(&s->yield, on_yield, PEER_SERVER_YIELD_MS, 0);
	return true;
}

static void run_abandon(struct caller *c, struct run *r)
{
	struct peer_server *s = c->server;

	s->stats.cancelled++;
	if (r->child) {
		s->stats.running--;
		pool_abandon(r->child);
	}
	run_remove(c, r);
}

/* ---- jobs ---- */

static bool on_job(struct caller *c, const struct peer_frame *frame)
{
	const char *name, *args;
	size_t name_len, args_len;

	if (peer_get_job(frame, &name, &name_len, &args, &args_len) != 0 || job_find(c, frame->job) ||
	    c->n_jobs >= PEER_JOBS_MAX)
		return false;
	const struct op *op = op_find(name, name_len);
	if (!op || !op->split)
		return true; /* another version's: its parts find no job, and this worker is busy to them */
	struct job *job = malloc(sizeof *job);
	char *copy = malloc(args_len);
	if (!job || !copy) {
		free(job);
		free(copy);
		return false;
	}
	memcpy(copy, args, args_len);
	*job = (struct job){ .next = c->jobs, .number = frame->job, .op = op, .args = copy, .args_len = args_len };
	c->jobs = job;
	c->n_jobs++;
	return true;
}

static void job_free(struct caller *c, struct job **at)
{
	struct job *job = *at;

	*at = job->next;
	c->n_jobs--;
	free(job->args);
	free(job);
}

static void on_end(struct caller *c, uint32_t number)
{
	for (struct run *r = c->runs, *next; r; r = next) {
		next = r->next;
		if (r->job == number)
			run_abandon(c, r);
	}
	for (struct job **at = &c->jobs; *at; at = &(*at)->next)
		if ((*at)->number == number) {
			job_free(c, at);
			return;
		}
}

static void on_cancel(struct caller *c, const struct peer_frame *frame)
{
	for (struct run *r = c->runs; r; r = r->next)
		if (r->job == frame->job && r->part == frame->part) {
			run_abandon(c, r);
			return;
		}
}

/* ---- connections ---- */

static bool on_prove(struct caller *c, const struct peer_frame *frame)
{
	const uint8_t *nonce, *proof;
	uint8_t own[PEER_PROOF];
	struct peer_server *s = c->server;

	if (peer_get_prove(frame, &nonce, &proof) != 0 || !s->has_secret ||
	    !peer_auth_check(s->secret, PEER_CALLER, nonce, c->nonce, proof))
		return false;
	c->wire.reader.proven = true;
	peer_auth_prove(s->secret, PEER_SERVER, c->nonce, nonce, own);
	peer_put_welcome(&c->wire.out, own, pool_size(s->options.pool));
	return true;
}

static bool on_frame(struct peer_wire *wire, const struct peer_frame *frame)
{
	struct caller *c = (struct caller *)wire;
	bool good = true;

	c->active_ms = uv_now(c->server->loop);
	switch (frame->kind) {
	case PEER_PROVE:
		good = on_prove(c, frame);
		break;
	case PEER_JOB:
		good = on_job(c, frame);
		break;
	case PEER_PART:
		good = on_part(c, frame);
		break;
	case PEER_CANCEL:
		on_cancel(c, frame);
		break;
	case PEER_END:
		on_end(c, frame->job);
		break;
	default:
		good = false;
		break;
	}
	peer_wire_send(wire);
	return good;
}

static void caller_drop(struct caller *c)
{
	*(c->prev ? &c->prev->next : &c->server->callers) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	while (c->runs)
		run_abandon(c, c->runs);
	while (c->jobs)
		job_free(c, &c->jobs);
	peer_wire_close(&c->wire);
}

static void on_lost(struct peer_wire *wire)
{
	struct caller *c = (struct caller *)wire;

	if (!wire->reader.proven) {
		c->server->stats.refused++;
		log_warn("WorkerPeer: a connection is refused that did not prove to be a worker of this service");
	}
	caller_drop(c);
}

static void on_caller_closed(struct peer_wire *wire)
{
	struct caller *c = (struct caller *)wire;
	struct peer_server *s = c->server;

	free(c);
	if (--s->stats.connections == 0 && !s->freed)
		uv_timer_stop(&s->clock);
	free_when_closed(s);
}

static void on_clock(uv_timer_t *timer)
{
	struct peer_server *s = timer->data;
	uint64_t now_ms = uv_now(s->loop);

	for (struct caller *c = s->callers, *next; c; c = next) {
		next = c->next;
		uint64_t quiet_ms = now_ms - c->active_ms;
		if (!c->wire.reader.proven && quiet_ms >= PEER_SERVER_PROVE_MS)
			on_lost(&c->wire);
		else if (!c->runs && quiet_ms >= PEER_SERVER_IDLE_MS)
			caller_drop(c);
	}
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct peer_server *s = listener->data;
	struct caller *c = status == 0 ? calloc(1, sizeof *c) : NULL;

	if (!c) {
		log_warn("WorkerPeer: cannot accept a connection: %s", status ? uv_strerror(status) : "out of memory");
		return;
	}
	peer_wire_init(&c->wire, s->loop, PEER_SERVER);
	c->wire.on_frame = on_frame;
	c->wire.on_lost = on_lost;
	c->wire.on_closed = on_caller_closed;
	c->server = s;
	c->active_ms = uv_now(s->loop);
	c->next = s->callers;
	if (c->next)
		c->next->prev = c;
	s->callers = c;
	bool room = s->stats.connections++ < PEER_SERVER_CONNECTIONS;
	if (uv_accept(listener, (uv_stream_t *)&c->wire.tcp) != 0 || !room) {
		s->stats.refused++;
		caller_drop(c);
		return;
	}
	if (!uv_is_active((uv_handle_t *)&s->clock))
		uv_timer_start(&s->clock, on_clock, CLOCK_MS, CLOCK_MS);
	peer_auth_nonce(c->nonce);
	peer_put_hello(&c->wire.out, c->nonce);
	peer_wire_start(&c->wire);
	peer_wire_send(&c->wire);
}

/* ---- the server ---- */

static int listen_on(struct peer_server *s, struct errinfo *info)
{
	const char *host = s->options.address;
	struct sockaddr_storage at;
	int len = sizeof at, rc;

	if (uv_ip4_addr(host, s->options.port, (struct sockaddr_in *)&at) != 0 &&
	    uv_ip6_addr(host, s->options.port, (struct sockaddr_in6 *)&at) != 0)
		return errinfo_set(info, ERR_INVALID, "WorkerPeer: expected an IPv4 or IPv6 address, got \"%s\"", host);
	rc = uv_tcp_bind(&s->listener, (struct sockaddr *)&at, 0);
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&s->listener, BACKLOG, on_connection);
	if (rc == 0)
		rc = uv_tcp_getsockname(&s->listener, (struct sockaddr *)&at, &len);
	if (rc != 0)
		return errinfo_set(info, ERR_SYS, "WorkerPeer: cannot listen on %s port %u: %s", host, s->options.port,
				   uv_strerror(rc));
	s->port = ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
						 : ((struct sockaddr_in *)&at)->sin_port);
	return 0;
}

struct peer_server *peer_server_new(uv_loop_t *loop, const struct peer_server_options *options, struct errinfo *info)
{
	struct peer_server *s = calloc(1, sizeof *s);

	if (!s) {
		errinfo_set(info, ERR_NOMEM, "out of memory");
		return NULL;
	}
	s->loop = loop;
	s->options = *options;
	uv_tcp_init(loop, &s->listener);
	uv_timer_init(loop, &s->clock);
	uv_timer_init(loop, &s->yield);
	s->listener.data = s->clock.data = s->yield.data = s;
	s->handles = 3;
	if (listen_on(s, info) != 0) {
		peer_server_free(s);
		return NULL;
	}
	return s;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct peer_server *s = handle->data;

	s->handles--;
	free_when_closed(s);
}

void peer_server_free(struct peer_server *s)
{
	if (!s || s->freed)
		return;
	s->freed = true;
	while (s->callers)
		caller_drop(s->callers);
	explicit_bzero(s->secret, sizeof s->secret);
	uv_close((uv_handle_t *)&s->listener, on_handle_closed);
	uv_close((uv_handle_t *)&s->clock, on_handle_closed);
	uv_close((uv_handle_t *)&s->yield, on_handle_closed);
}

uint16_t peer_server_port(const struct peer_server *s)
{
	return s->port;
}

void peer_server_set_secret(struct peer_server *s, const uint8_t secret[PEER_SECRET])
{
	memcpy(s->secret, secret, PEER_SECRET);
	s->has_secret = true;
}

const struct peer_server_stats *peer_server_stats(const struct peer_server *s)
{
	return &s->stats;
}
