/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A request of the HTTP server from its target to its answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "config.h"
#include "http_internal.h"

#define BODY_KEEP_BYTES (64u << 10) /* larger buffers are not kept for the next request */

void http_request_enter(struct http_request *r, enum conn_phase phase)
{
	conns_enter(&r->server->conns, &r->conn->conn, phase, clock_mono_us());
}

static struct http_request *request_new(struct http_server *s)
{
	struct http_request *r = s->spare;
	if (r) {
		s->spare = r->next_free;
	} else {
		r = calloc(1, sizeof *r);
		if (!r)
			return NULL;
		r->server = s;
	}
	buf_clear(&r->target);
	buf_clear(&r->body);
	r->state = HTTP_STATE_HEAD;
	r->owner = NULL;
	r->conn = NULL;
	r->body_seen = 0;
	r->status = 0;
	r->apart = r->told = r->stream.resting = r->stream.ended = false;
	return r;
}

void http_request_free_spares(struct http_server *s)
{
	while (s->spare) {
		struct http_request *r = s->spare;
		s->spare = r->next_free;
		buf_fini(&r->target);
		buf_fini(&r->body);
		free(r);
	}
}

static void request_recycle(struct http_request *r)
{
	if (r->answer)
		MHD_destroy_response(r->answer);
	r->answer = NULL;
	if (r->body.cap > BODY_KEEP_BYTES)
		buf_fini(&r->body);
	buf_fini(&r->stream.backlog);
	r->stream.at = 0;
	r->next_free = r->server->spare;
	r->server->spare = r;
}

void http_request_abandon(struct http_request *r)
{
	bool owed = r->told && r->state != HTTP_STATE_GONE;
	http_request_unwatch(r);
	r->state = HTTP_STATE_GONE;
	if (owed)
		r->server->options.on_gone(r->server->options.arg, r);
}

/* Called with the request target before anything else is known, and the only place where it is whole: later the library
 * cuts it at '?' and turns '+' into blanks. What is returned becomes the request's context. */
void *http_request_on_target(void *server, const char *target, struct MHD_Connection *mhd)
{
	struct http_server *s = server;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct http_conn *c = info ? info->socket_context : NULL;
	struct http_request *r = c ? request_new(s) : NULL;
	if (!r)
		return NULL; /* http_request_on_access closes */
	r->mhd = mhd;
	r->conn = c;
	buf_puts(&r->target, target);
	c->conn.request = r;
	if (c->conn.phase == CONN_IDLE)
		http_request_enter(r, CONN_HEAD);
	return r;
}

/* A body that its reader ends is closed in the middle of a look at its connection, and whether there is another look is
 * left to the time-outs, see http_internal.h: a time-out of its own makes sure of it. */
static void look_again(struct http_server *s, struct MHD_Connection *mhd)
{
	MHD_set_connection_option(mhd, MHD_CONNECTION_OPTION_TIMEOUT, s->options.idle_s + 1);
	s->again = true;
}

void http_request_on_completed(void *server, struct MHD_Connection *mhd, void **context,
			       enum MHD_RequestTerminationCode code)
{
	struct http_server *s = server;
	struct http_request *r = *context;
	*context = NULL;
	if (code != MHD_REQUEST_TERMINATED_COMPLETED_OK ||
	    (r && r->state == HTTP_STATE_STREAM && !r->head.http_1_1)) /* its end is the connection's */
		look_again(s, mhd);
	if (!r)
		return;
	if (r->state != HTTP_STATE_READY)
		http_request_abandon(r);
	r->conn->conn.request = NULL;
	http_request_enter(r, CONN_IDLE);
	if (s->draining) /* its head may have gone out before that was known */
		shutdown(r->conn->conn.fd, SHUT_RDWR);
	request_recycle(r);
}

/* ---- from the head to the answer ---- */

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_n, const char *value,
				 size_t value_n)
{
	(void)kind;
	http_head_field(cls, name, name_n, value ? value : "", value ? value_n : 0);
	return MHD_YES;
}

static enum MHD_Result queue_answer(struct http_request *r)
{
	struct MHD_Response *answer = r->answer ? r->answer : r->server->no_memory;
	if (r->state != HTTP_STATE_STREAM)
		http_request_enter(r, CONN_ANSWER);
	return answer ? MHD_queue_response(r->mhd, r->answer ? r->status : 503, answer) : MHD_NO;
}

static bool is_answered(const struct http_request *r)
{
	return r->state == HTTP_STATE_READY || r->state == HTTP_STATE_STREAM;
}

void http_request_refuse(struct http_request *r, unsigned status, const char *detail)
{
	r->state = HTTP_STATE_ASKED;
	r->server->options.on_refused(r->server->options.arg, r, status, detail);
}

static enum MHD_Result refuse(struct http_request *r, unsigned status, const char *detail)
{
	http_request_refuse(r, status, detail);
	return is_answered(r) ? queue_answer(r) : MHD_NO;
}

/* what: "a body" or the like; came: its size, 0 when it is not known exactly. */
static enum MHD_Result refuse_size(struct http_request *r, unsigned status, const char *what, size_t limit,
				   uint64_t came)
{
	char detail[160];
	if (came)
		snprintf(detail, sizeof detail, "expected %s of at most %zu bytes, got %llu", what, limit,
			 (unsigned long long)came);
	else
		snprintf(detail, sizeof detail, "expected %s of at most %zu bytes", what, limit);
	return refuse(r, status, detail);
}

/* The longest body that is read to its end. A client that waits for leave to send has its answer before it sends. */
static uint64_t taken_whole(const struct http_head *h, const struct http_server *s)
{
	return s->options.body_limit + (h->field[HTTP_EXPECT].p ? 0 : CONFIG_BODY_SWALLOW_BYTES);
}

static bool has_body(const struct http_request *r)
{
	return r->head.chunked || r->head.length;
}

/* Asks the owner. True when it has answered. */
static bool ask(struct http_request *r, void (*hook)(void *arg, struct http_request *r))
{
	enum http_state before = r->state;
	r->state = HTTP_STATE_ASKED;
	r->told = true;
	hook(r->server->options.arg, r);
	if (is_answered(r))
		return true;
	r->state = before;
	return false;
}

unsigned http_request_read_head(struct http_request *r, const char *method, const char *version)
{
	http_head_begin(&r->head, method, r->target.data, r->target.len, version);
	MHD_get_connection_values_n(r->mhd, MHD_HEADER_KIND, on_header, &r->head);
	return http_head_end(&r->head);
}

/* The first call: the head is there, the body is not. An answer given here closes the connection. */
static enum MHD_Result on_head(struct http_request *r, const char *method, const char *version)
{
	struct http_server *s = r->server;
	struct http_head *h = &r->head;
	const union MHD_ConnectionInfo *size = MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	if (r->target.failed)
		return MHD_NO;
	unsigned refusal = http_request_read_head(r, method, version);
	r->conn->linger = true; /* unless all is well */
	if (size && size->header_size > s->options.head_limit)
		return refuse_size(r, 431, "a request line and headers", s->options.head_limit, size->header_size);
	if (refusal)
		return refuse(r, h->refusal_status, h->refusal);
	r->state = HTTP_STATE_BODY;
	if (has_body(r) && s->options.on_head && ask(r, s->options.on_head))
		return queue_answer(r);
	if (h->has_length && h->length > taken_whole(h, s))
		return refuse_size(r, 413, "a body", s->options.body_limit, h->length);
	r->conn->linger = false;
	if (has_body(r))
		http_request_enter(r, CONN_BODY);
	if (h->length && h->length <= s->options.body_limit)
		buf_reserve(&r->body, (size_t)h->length);
	return MHD_YES;
}

static enum MHD_Result on_body(struct http_request *r, const char *data, size_t n)
{
	size_t limit = r->server->options.body_limit;
	r->body_seen += n;
	if (r->body_seen > limit + CONFIG_BODY_SWALLOW_BYTES)
		return MHD_NO; /* no answer can be given in the middle of a body */
	if (r->body_seen <= limit)
		buf_append(&r->body, data, n);
	return r->body.failed ? MHD_NO : MHD_YES;
}

/* The last call, also after a resume. */
static enum MHD_Result on_whole(struct http_request *r)
{
	struct http_server *s = r->server;
	if (r->state == HTTP_STATE_BODY) {
		if (r->body_seen > s->options.body_limit)
			return refuse_size(r, 413, "a body", s->options.body_limit, r->body_seen);
		if (!has_body(r) && s->options.on_head && ask(r, s->options.on_head))
			return queue_answer(r);
		if (!ask(r, s->options.on_request)) {
			r->state = HTTP_STATE_PARKED;
			http_request_enter(r, CONN_PARKED);
			MHD_suspend_connection(r->mhd);
			return MHD_YES;
		}
	}
	return is_answered(r) ? queue_answer(r) : MHD_NO;
}

enum MHD_Result http_request_on_access(void *server, struct MHD_Connection *mhd, const char *url, const char *method,
				       const char *version, const char *data, size_t *data_n, void **context)
{
	struct http_request *r = *context;
	(void)server, (void)mhd, (void)url;
	if (!r)
		return MHD_NO;
	if (r->state == HTTP_STATE_HEAD)
		return on_head(r, method, version);
	if (*data_n) {
		enum MHD_Result taken = on_body(r, data, *data_n);
		*data_n = 0;
		return taken;
	}
	return on_whole(r);
}

/* ---- the client that leaves while its request is suspended ---- */

static void on_watch_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void http_request_unwatch(struct http_request *r)
{
	struct http_watch *w = r->watch;
	if (!w)
		return;
	r->watch = NULL;
	w->request = NULL;
	uv_poll_stop(&w->poll);
	uv_close((uv_handle_t *)&w->poll, on_watch_closed);
}

void http_request_resume(struct http_request *r)
{
	r->server->again = true;
	MHD_resume_connection(r->mhd);
}

static bool is_suspended(const struct http_request *r)
{
	return r->state == HTTP_STATE_PARKED || (r->state == HTTP_STATE_STREAM && r->stream.resting);
}

void http_request_cut(struct http_request *r)
{
	bool suspended = is_suspended(r);
	if (!suspended && r->state != HTTP_STATE_STREAM)
		return;
	http_request_abandon(r);
	if (suspended)
		http_request_resume(r);
	else
		shutdown(r->conn->conn.fd, SHUT_RDWR);
}

/* status is negative for a reset, events UV_DISCONNECT for an orderly end; both mean nobody listens any more. */
static void on_disconnect(uv_poll_t *poll, int status, int events)
{
	struct http_watch *w = poll->data;
	struct http_request *r = w->request;
	if (r && (status != 0 || events & UV_DISCONNECT))
		http_request_cut(r);
}

void http_request_watch(struct http_request *r)
{
	bool useful = !r->watch && (r->state == HTTP_STATE_PARKED || r->state == HTTP_STATE_STREAM);
	struct http_watch *w = useful ? malloc(sizeof *w) : NULL;
	if (!w)
		return; /* the wait then ends at its time */
	if (uv_poll_init(r->server->loop, &w->poll, r->conn->conn.fd)) {
		free(w);
		return;
	}
	w->poll.data = w;
	w->request = r;
	r->watch = w;
	uv_poll_start(&w->poll, UV_DISCONNECT, on_disconnect);
}

/* ---- for the owner ---- */

const struct http_head *http_request_head(const struct http_request *r)
{
	return &r->head;
}

const char *http_request_body(const struct http_request *r, size_t *n)
{
	*n = r->body.len;
	return r->body.data ? r->body.data : "";
}

void http_request_set_owner(struct http_request *r, void *owner)
{
	r->owner = owner;
}

void *http_request_owner(const struct http_request *r)
{
	return r->owner;
}

const struct sockaddr *http_request_peer(const struct http_request *r)
{
	return &r->conn->peer.any;
}

bool http_request_add_headers(const struct http_server *s, struct MHD_Response *m, const struct http_reply *reply)
{
	bool good = true;
	for (unsigned i = 0; good && i < reply->n_headers; i++)
		good = MHD_add_response_header(m, reply->headers[i].name, reply->headers[i].value) == MHD_YES;
	if (good && s->draining)
		good = MHD_add_response_header(m, "Connection", "close") == MHD_YES;
	return good;
}

static struct MHD_Response *make_answer(const struct http_server *s, const struct http_reply *reply)
{
	struct MHD_Response *m =
	    MHD_create_response_from_buffer(reply->body_n, (void *)(uintptr_t)reply->body, MHD_RESPMEM_MUST_COPY);
	if (!m || http_request_add_headers(s, m, reply))
		return m;
	MHD_destroy_response(m);
	return NULL;
}

void http_respond(struct http_request *r, const struct http_reply *reply)
{
	bool suspended = is_suspended(r);
	http_request_unwatch(r);
	r->status = reply->status;
	if (r->apart)
		http_library_answer(r, reply);
	else
		r->answer = make_answer(r->server, reply);
	r->state = HTTP_STATE_READY;
	if (suspended)
		http_request_resume(r);
}
