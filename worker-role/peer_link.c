/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "peer_set_parts.h"

#define BUSY_FIRST_MS 5
#define BUSY_MOST_MS 160
#define RETRY_FIRST_MS 100
#define RETRY_MOST_MS 5000

/* ---- calls ---- */

void peer_call_remove(struct peer *p, struct peer_call *call)
{
	struct peer_call **at = &p->calls;

	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
	p->n_calls--;
}

static void call_answer(struct peer *p, struct peer_call *call, const struct peer_outcome *outcome)
{
	peer_call_cb *cb = call->cb;
	void *arg = call->arg;

	peer_call_remove(p, call);
	free(call);
	cb(arg, outcome);
}

static struct peer_call *call_find(const struct peer *p, const struct peer_frame *frame)
{
	struct peer_call *call = p->calls;

	while (call && (call->job != frame->job || call->part != frame->part))
		call = call->next;
	return call;
}

/* ---- losing a peer ---- */

static void pause_for(struct peer *p, unsigned ms)
{
	uv_update_time(p->set->loop);
	p->pause_ms = uv_now(p->set->loop) + ms;
	peer_set_look_later(p->set);
}

void peer_link_close(struct peer *p)
{
	struct peer_outcome lost = { .answer = PEER_LOST };

	if (p->link) {
		p->link->peer = NULL;
		peer_wire_close(&p->link->wire);
		p->link = NULL;
	}
	p->way = AWAY;
	p->n_told = 0;
	while (p->calls) {
		p->set->stats.lost++;
		call_answer(p, p->calls, &lost);
	}
}

void peer_link_fail(struct peer *p)
{
	unsigned ms = p->retry_ms ? p->retry_ms : RETRY_FIRST_MS;

	p->retry_ms = ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : ms * 2;
	pause_for(p, ms);
	peer_link_close(p);
}

static void on_lost(struct peer_wire *wire)
{
	struct link *link = (struct link *)wire;

	if (link->peer)
		peer_link_fail(link->peer);
}

static void on_link_closed(struct peer_wire *wire)
{
	struct link *link = (struct link *)wire;
	struct peer_set *set = link->set;

	free(link);
	set->links--;
	peer_set_free_when_closed(set);
}

/* ---- what it says ---- */

static bool on_hello(struct peer *p, const struct peer_frame *frame)
{
	struct peer_set *set = p->set;
	struct link *link = p->link;
	const uint8_t *its;
	uint8_t proof[PEER_PROOF];

	if (p->way != CONNECTING || !set->has_secret || peer_get_hello(frame, &its) != 0)
		return false;
	memcpy(link->its_nonce, its, PEER_NONCE);
	peer_auth_nonce(link->nonce);
	peer_auth_prove(set->secret, PEER_CALLER, link->nonce, its, proof);
	peer_put_prove(&link->wire.out, link->nonce, proof);
	peer_wire_send(&link->wire);
	p->way = PROVING;
	return true;
}

static bool on_welcome(struct peer *p, const struct peer_frame *frame)
{
	struct link *link = p->link;
	const uint8_t *proof;
	uint32_t children;

	if (p->way != PROVING || peer_get_welcome(frame, &proof, &children) != 0)
		return false;
	if (!peer_auth_check(p->set->secret, PEER_SERVER, link->its_nonce, link->nonce, proof)) {
		p->set->stats.impostors++;
		log_warn("WorkerPeer of %s at %s did not prove to be a worker of this service", p->instance, p->at);
		return false;
	}
	link->wire.reader.proven = true;
	p->way = READY;
	p->children = children;
	p->retry_ms = p->busy_ms = 0;
	p->pause_ms = 0;
	peer_set_tell_room(p->set);
	return true;
}

static void on_answer(struct peer *p, const struct peer_frame *frame)
{
	struct peer_set *set = p->set;
	struct peer_call *call = call_find(p, frame);
	struct peer_outcome outcome = { .answer = PEER_DONE, .json = frame->data, .n = frame->n };
	struct op_failure failure;

	if (!call)
		return; /* cancelled while it was on its way */
	if (frame->kind == PEER_BUSY) {
		outcome.answer = PEER_IS_BUSY;
		set->stats.busy++;
		p->busy_ms =
		    p->busy_ms ? (p->busy_ms * 2 > BUSY_MOST_MS ? BUSY_MOST_MS : p->busy_ms * 2) : BUSY_FIRST_MS;
		pause_for(p, p->busy_ms);
	} else {
		p->busy_ms = 0;
		*(frame->kind == PEER_RESULT ? &set->stats.finished : &set->stats.failed) += 1;
	}
	if (frame->kind == PEER_FAILURE) {
		outcome.answer = PEER_FAILED;
		outcome.failure = &failure;
		if (peer_get_failure(frame, &failure) != 0)
			op_fail(&failure, OP_INTERNAL_ERROR, "%s sent a failure that cannot be read", p->instance);
	}
	call_answer(call->peer, call, &outcome);
}

static bool on_frame(struct peer_wire *wire, const struct peer_frame *frame)
{
	struct link *link = (struct link *)wire;
	struct peer *p = link->peer;

	if (!p)
		return false;
	switch (frame->kind) {
	case PEER_HELLO:
		return on_hello(p, frame);
	case PEER_WELCOME:
		return on_welcome(p, frame);
	case PEER_RESULT:
	case PEER_FAILURE:
	case PEER_BUSY:
		on_answer(p, frame);
		return true;
	default:
		return false;
	}
}

/* ---- connecting ---- */

static void on_connected(uv_connect_t *connect, int status)
{
	struct link *link = connect->data;

	if (link->wire.closing)
		return;
	if (status != 0) {
		struct peer *p = link->peer;
		if (p)
			peer_link_fail(p);
		return;
	}
	peer_wire_start(&link->wire);
}

void peer_link_connect(struct peer *p)
{
	struct peer_set *set = p->set;
	struct sockaddr_storage at;
	char host[ADDRESS_SIZE];
	unsigned port;
	struct link *link;

	p->since_ms = uv_now(set->loop);
	if (address_parse(p->at, host, &port) != 0 ||
	    (uv_ip4_addr(host, (int)port, (struct sockaddr_in *)&at) != 0 &&
	     uv_ip6_addr(host, (int)port, (struct sockaddr_in6 *)&at) != 0) ||
	    !(link = calloc(1, sizeof *link))) {
		peer_link_fail(p);
		return;
	}
	peer_wire_init(&link->wire, set->loop, PEER_CALLER);
	link->wire.on_frame = on_frame;
	link->wire.on_lost = on_lost;
	link->wire.on_closed = on_link_closed;
	link->set = set;
	link->peer = p;
	link->connect.data = link;
	set->links++;
	p->link = link;
	p->way = CONNECTING;
	if (uv_tcp_connect(&link->connect, &link->wire.tcp, (struct sockaddr *)&at, on_connected) != 0)
		peer_link_fail(p);
	else
		peer_set_look_later(set);
}
