/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A peer's way: idle (no connection) -> connecting -> proving -> ready -> idle. It stays a peer as long as the role
 * environment names it; a connection that breaks is made again after a back-off, when somebody wants to ask. */
#include "peer_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "peer_set_parts.h"

#define ROLE_PEERS_MAX 1024

void peer_set_free_when_closed(struct peer_set *set)
{
	if (set->freed && set->handles == 0 && set->links == 0)
		free(set);
}

void peer_set_tell_room(struct peer_set *set)
{
	if (set->on_room && !set->freed)
		set->on_room(set->on_room_arg);
}

/* ---- the timer: pauses that end, connections that take too long, or are not used ---- */

/* The loop time at which something is to be done about a peer; 0: nothing. */
static uint64_t due_of(const struct peer *p)
{
	uint64_t due = p->pause_ms, other = 0;

	if (p->way == CONNECTING || p->way == PROVING)
		other = p->since_ms + PEER_SET_CONNECT_MS;
	else if (p->way == READY && !p->calls)
		other = p->since_ms + PEER_SET_IDLE_MS;
	return !due || (other && other < due) ? other : due;
}

static void on_timer(uv_timer_t *timer)
{
	struct peer_set *set = timer->data;
	uint64_t now_ms = uv_now(set->loop);
	bool room = false;

	for (struct peer *p = set->peers, *next; p; p = next) {
		next = p->next;
		if (p->pause_ms && p->pause_ms <= now_ms) {
			p->pause_ms = 0;
			room = true;
		}
		if ((p->way == CONNECTING || p->way == PROVING) && p->since_ms + PEER_SET_CONNECT_MS <= now_ms)
			peer_link_fail(p);
		else if (p->way == READY && !p->calls && p->since_ms + PEER_SET_IDLE_MS <= now_ms)
			peer_link_close(p);
	}
	peer_set_look_later(set);
	if (room)
		peer_set_tell_room(set);
}

void peer_set_look_later(struct peer_set *set)
{
	uint64_t first = 0, now_ms = uv_now(set->loop);

	if (set->freed)
		return;
	for (const struct peer *p = set->peers; p; p = p->next) {
		uint64_t due = due_of(p);
		if (due && (!first || due < first))
			first = due;
	}
	if (first)
		uv_timer_start(&set->timer, on_timer, first > now_ms ? first - now_ms : 0, 0);
	else
		uv_timer_stop(&set->timer);
}

/* ---- the set ---- */

struct peer_set *peer_set_new(uv_loop_t *loop)
{
	struct peer_set *set = calloc(1, sizeof *set);

	if (!set)
		return NULL;
	set->loop = loop;
	uv_timer_init(loop, &set->timer);
	set->timer.data = set;
	set->handles = 1;
	return set;
}

static void peer_free(struct peer *p)
{
	peer_link_close(p);
	free(p->told);
	free(p);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct peer_set *set = handle->data;

	set->handles--;
	peer_set_free_when_closed(set);
}

void peer_set_free(struct peer_set *set)
{
	if (!set || set->freed)
		return;
	set->freed = true;
	for (struct peer *p = set->peers, *next; p; p = next) {
		next = p->next;
		while (p->calls) {
			struct peer_call *call = p->calls;
			peer_call_remove(p, call);
			free(call);
		}
		peer_free(p);
	}
	set->peers = NULL;
	explicit_bzero(set->secret, sizeof set->secret);
	uv_close((uv_handle_t *)&set->timer, on_timer_closed);
}

void peer_set_set_secret(struct peer_set *set, const uint8_t secret[PEER_SECRET])
{
	memcpy(set->secret, secret, PEER_SECRET);
	set->has_secret = true;
}

static struct peer *find(const struct peer_set *set, const char *instance)
{
	struct peer *p = set->peers;

	while (p && strcmp(p->instance, instance) != 0)
		p = p->next;
	return p;
}

void peer_set_add(struct peer_set *set, const char *instance, const char *at)
{
	struct peer *p = find(set, instance);

	if (!p) {
		p = calloc(1, sizeof *p);
		if (!p)
			return; /* one helper less */
		p->set = set;
		snprintf(p->instance, sizeof p->instance, "%s", instance);
		p->next = set->peers;
		set->peers = p;
		set->stats.peers++;
	}
	p->named = true;
	if (strcmp(p->at, at) == 0)
		return;
	snprintf(p->at, sizeof p->at, "%s", at);
	p->pause_ms = 0;
	peer_link_close(p);
}

static bool is_stopping(const struct roleenv_peer *peer)
{
	return peer->state && strcmp(peer->state, "stopping") == 0;
}

void peer_set_update(struct peer_set *set, const struct roleenv *env)
{
	static const struct roleenv_peer *all[ROLE_PEERS_MAX];
	size_t n = roleenv_instances(env, roleenv_role(env), all, ROLE_PEERS_MAX), own = 0;

	n = n < ROLE_PEERS_MAX ? n : ROLE_PEERS_MAX;
	for (struct peer *p = set->peers; p; p = p->next)
		p->named = false;
	while (own < n && strcmp(all[own]->instance, roleenv_instance(env)) != 0)
		own++;
	for (size_t i = 1, taken = 0; i <= n && taken < PEER_SET_MAX;
	     i++) { /* from one's own on, so that all are asked */
		const struct roleenv_peer *other = all[(own + i) % n];
		const char *at = roleenv_peer_at(other, "WorkerPeer");
		if (!at || is_stopping(other) || strcmp(other->instance, roleenv_instance(env)) == 0)
			continue;
		peer_set_add(set, other->instance, at);
		taken++;
	}
	for (struct peer **at = &set->peers; *at;) {
		struct peer *p = *at;
		if (p->named) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		set->stats.peers--;
		peer_free(p);
	}
	peer_set_tell_room(set);
}

void peer_set_on_room(struct peer_set *set, void (*on_room)(void *arg), void *arg)
{
	set->on_room = on_room;
	set->on_room_arg = arg;
}

static unsigned children_of(const struct peer_set *set, bool pausing)
{
	unsigned n = 0;

	for (const struct peer *p = set->peers; p && set->has_secret; p = p->next)
		if (pausing || p->pause_ms == 0)
			n += p->children ? p->children : 1;
	return n;
}

unsigned peer_set_helpers(const struct peer_set *set)
{
	return children_of(set, true);
}

unsigned peer_set_ready(const struct peer_set *set)
{
	return children_of(set, false);
}

struct peer *peer_set_free_peer(struct peer_set *set)
{
	struct peer *best = NULL;

	for (struct peer *p = set->peers, *next; p && set->has_secret; p = next) {
		next = p->next;
		if (p->way == AWAY && p->pause_ms == 0)
			peer_link_connect(p);
		if (p->way == READY && p->pause_ms == 0 && p->n_calls < p->children &&
		    (!best || p->n_calls < best->n_calls))
			best = p;
	}
	return best;
}

/* ---- asking ---- */

uint32_t peer_set_number(struct peer_set *set)
{
	return ++set->number;
}

static bool is_told(const struct peer *p, uint32_t number)
{
	for (size_t i = 0; i < p->n_told; i++)
		if (p->told[i] == number)
			return true;
	return false;
}

static int tell_job(struct peer *p, const struct peer_job *job)
{
	if (is_told(p, job->number))
		return 0;
	if (p->n_told >= PEER_JOBS_MAX)
		return ERR_UNAVAILABLE;
	if (p->n_told == p->cap_told) {
		size_t cap = p->cap_told ? 2 * p->cap_told : 8;
		uint32_t *more = realloc(p->told, cap * sizeof *more);
		if (!more)
			return ERR_NOMEM;
		p->told = more;
		p->cap_told = cap;
	}
	p->told[p->n_told++] = job->number;
	peer_put_job(&p->link->wire.out, job->number, job->op->name, job->args, job->args_len);
	return 0;
}

int peer_ask(struct peer *p, const struct peer_job *job, uint32_t part, const struct op_part *units,
	     uint32_t timeout_ms, peer_call_cb *cb, void *arg, struct peer_call **call)
{
	struct peer_call *new;

	if (p->way != READY || job->args_len > PEER_ARGS_MAX)
		return ERR_UNAVAILABLE;
	new = calloc(1, sizeof *new);
	int rc = new ? tell_job(p, job) : ERR_NOMEM;
	if (rc != 0) {
		free(new);
		return rc;
	}
	*new = (struct peer_call){ p->calls, p, job->number, part, cb, arg };
	p->calls = new;
	p->n_calls++;
	p->since_ms = uv_now(p->set->loop);
	p->set->stats.sent++;
	peer_put_part(&p->link->wire.out, job->number, part, units, timeout_ms);
	peer_wire_send(&p->link->wire);
	*call = new;
	return 0;
}

void peer_cancel(struct peer_call *call)
{
	struct peer *p = call->peer;

	if (p->way == READY) {
		peer_put(&p->link->wire.out, PEER_CANCEL, call->job, call->part, NULL, 0);
		peer_wire_send(&p->link->wire);
	}
	peer_call_remove(call->peer, call);
	free(call);
}

void peer_set_end(struct peer_set *set, const struct peer_job *job)
{
	for (struct peer *p = set->peers; p; p = p->next) {
		p->since_ms = uv_now(set->loop);
		for (size_t i = 0; i < p->n_told; i++) {
			if (p->told[i] != job->number)
				continue;
			p->told[i] = p->told[--p->n_told];
			peer_put(&p->link->wire.out, PEER_END, job->number, 0, NULL, 0);
			peer_wire_send(&p->link->wire);
			break;
		}
	}
	peer_set_look_later(set);
}

const char *peer_instance(const struct peer *p)
{
	return p->instance;
}

const char *peer_call_instance(const struct peer_call *call)
{
	return call->peer->instance;
}

const struct peer_set_stats *peer_set_stats(struct peer_set *set)
{
	set->stats.connected = 0;
	for (const struct peer *p = set->peers; p; p = p->next)
		set->stats.connected += p->way == READY;
	return &set->stats;
}
