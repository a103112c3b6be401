/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one file that knows libmicrohttpd. Rules for 0.9.75 in external epoll mode, each of them found by measuring:
 *
 * - After MHD_resume_connection, MHD_run must be called by us, or the connection hangs: nothing wakes it (`again`).
 * - After a connection was closed, once more: at the connection limit the listen socket is taken out of the epoll set
 *   and put back only at the beginning of a later run.
 * - The first call of the handler never suspends and never gives the normal answer (such answers get Connection:
 * close); it is where bad framing is refused, which must close.
 * - A last call that neither answers nor suspends is a busy loop. Here it always does one of the two.
 * - MHD_get_timeout() == 0 is obeyed at once, because its epoll is edge-triggered.
 * - Its time-out is for inactivity only, and individual time-outs make it walk all connections. So absolute deadlines
 *   are ours: each phase of a connection has one duration, hence one list in order of deadlines (conns.h), and an
 *   overdue connection is shut down at the socket; the library then closes it properly.
 * - A suspended connection does not notice that its client left; http_request_watch() does.
 * - What it refuses before the first call (a request line or length it cannot read, a head beyond its pool, another
 * HTTP version) it answers itself, with a page in HTML that cannot be replaced. A balancer in front answers before it.
 */
#include "http_server.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "config.h"
#include "conns.h"
#include "log.h"

#define RUNS_PER_TURN 8
#define SWEEP_MS 250
#define POOL_EXTRA 8192 /* beyond the head limit: up to 100 parsed header lines, and heads that get our own 431 */
#define BODY_KEEP_BYTES (64u << 10) /* larger buffers are not kept for the next request */
#define LISTEN_SPARE_FDS 64

enum request_state { STATE_HEAD, STATE_BODY, STATE_ASKED, STATE_PARKED, STATE_READY, STATE_GONE };

struct watch { /* lives on after its request until libuv has closed it */
	uv_poll_t poll;
	struct http_request *request;
};

struct http_request {
	struct http_server *server;
	struct http_request *next_free;
	struct MHD_Connection *mhd;
	struct conn *conn;
	struct watch *watch;
	void *owner;
	enum request_state state;
	struct http_head head;
	struct buf target, body;
	uint64_t body_seen;
	unsigned status;
	struct MHD_Response *answer;
};

struct http_server {
	uv_loop_t *loop;
	struct MHD_Daemon *daemon;
	struct http_server_options options;
	uv_poll_t epoll;
	uv_timer_t timer, sweep;
	unsigned handles;
	bool again; /* something was resumed or closed since the last run */
	bool running, draining, closed;
	struct conns conns;
	struct http_request *spare;
	struct MHD_Response *no_memory;
};

/* ---- connections and their deadlines ---- */

static void on_sweep(uv_timer_t *timer)
{
	struct http_server *s = timer->data;
	if (conns_sweep(&s->conns, clock_mono_us()))
		log_debug("http: connections were closed at their deadline");
	if (s->conns.n == 0)
		uv_timer_stop(timer);
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http_server *s = cls;
	struct conn *c = *context;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		s->again = true;
		if (c)
			conns_remove(&s->conns, c);
		free(c);
		*context = NULL;
		return;
	}
	c = calloc(1, sizeof *c);
	*context = c;
	if (!c)
		return; /* its requests are refused, see on_target */
	c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	conns_add(&s->conns, c, clock_mono_us());
	if (!uv_is_active((uv_handle_t *)&s->sweep))
		uv_timer_start(&s->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

/* ---- requests ---- */

static void watch_stop(struct http_request *r);

static void enter(struct http_request *r, enum conn_phase phase)
{
	conns_enter(&r->server->conns, r->conn, phase, clock_mono_us());
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
	r->state = STATE_HEAD;
	r->owner = NULL;
	r->conn = NULL;
	r->body_seen = 0;
	r->status = 0;
	return r;
}

static void request_free(struct http_request *r)
{
	buf_fini(&r->target);
	buf_fini(&r->body);
	free(r);
}

static void request_recycle(struct http_request *r)
{
	if (r->answer)
		MHD_destroy_response(r->answer);
	r->answer = NULL;
	if (r->body.cap > BODY_KEEP_BYTES)
		buf_fini(&r->body);
	r->next_free = r->server->spare;
	r->server->spare = r;
}

/* Unanswered, and nobody is there any more. */
static void request_abandon(struct http_request *r)
{
	bool asked = r->state == STATE_ASKED || r->state == STATE_PARKED;
	watch_stop(r);
	r->state = STATE_GONE;
	if (asked)
		r->server->options.on_gone(r->server->options.arg, r);
}

/* Called with the request target before anything else is known, and the only place where it is whole: later the library
 * cuts it at '?' and turns '+' into blanks. What is returned becomes the request's context. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
	struct http_server *s = cls;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct conn *c = info ? info->socket_context : NULL;
	struct http_request *r = c ? request_new(s) : NULL;
	if (!r)
		return NULL; /* on_access closes */
	r->mhd = mhd;
	r->conn = c;
	buf_puts(&r->target, target);
	c->request = r;
	if (c->phase == CONN_IDLE)
		enter(r, CONN_HEAD);
	return r;
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code)
{
	struct http_request *r = *context;
	(void)cls, (void)mhd, (void)code;
	*context = NULL;
	if (!r)
		return;
	if (r->state != STATE_READY)
		request_abandon(r);
	r->conn->request = NULL;
	enter(r, CONN_IDLE);
	request_recycle(r);
}

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
	enter(r, CONN_ANSWER);
	return answer ? MHD_queue_response(r->mhd, r->answer ? r->status : 503, answer) : MHD_NO;
}

static enum MHD_Result refuse(struct http_request *r, unsigned status, const char *detail)
{
	r->server->options.on_refused(r->server->options.arg, r, status, detail);
	return r->state == STATE_READY ? queue_answer(r) : MHD_NO;
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

/* The first call: the head is there, the body is not. An answer given here closes the connection. */
static enum MHD_Result on_head(struct http_request *r, const char *method, const char *version)
{
	struct http_server *s = r->server;
	struct http_head *h = &r->head;
	const union MHD_ConnectionInfo *size = MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	if (r->target.failed)
		return MHD_NO;
	http_head_begin(h, method, r->target.data, r->target.len, version);
	MHD_get_connection_values_n(r->mhd, MHD_HEADER_KIND, on_header, h);
	if (size && size->header_size > s->options.head_limit)
		return refuse_size(r, 431, "a request line and headers", s->options.head_limit, size->header_size);
	if (http_head_end(h))
		return refuse(r, h->refusal_status, h->refusal);
	if (h->has_length && h->length > taken_whole(h, s))
		return refuse_size(r, 413, "a body", s->options.body_limit, h->length);
	r->state = STATE_BODY;
	if (h->chunked || h->length)
		enter(r, CONN_BODY);
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
	if (r->state == STATE_BODY) {
		if (r->body_seen > s->options.body_limit)
			return refuse_size(r, 413, "a body", s->options.body_limit, r->body_seen);
		r->state = STATE_ASKED;
		s->options.on_request(s->options.arg, r);
		if (r->state == STATE_ASKED) {
			r->state = STATE_PARKED;
			enter(r, CONN_PARKED);
			MHD_suspend_connection(r->mhd);
			return MHD_YES;
		}
	}
	return r->state == STATE_READY ? queue_answer(r) : MHD_NO;
}

static enum MHD_Result on_access(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
				 const char *version, const char *data, size_t *data_n, void **context)
{
	struct http_request *r = *context;
	(void)cls, (void)mhd, (void)url;
	if (!r)
		return MHD_NO;
	if (r->state == STATE_HEAD)
		return on_head(r, method, version);
	if (*data_n) {
		enum MHD_Result taken = on_body(r, data, *data_n);
		*data_n = 0;
		return taken;
	}
	return on_whole(r);
}

/* ---- the client that leaves while its request is parked ---- */

static void on_watch_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void watch_stop(struct http_request *r)
{
	struct watch *w = r->watch;
	if (!w)
		return;
	r->watch = NULL;
	w->request = NULL;
	uv_poll_stop(&w->poll);
	uv_close((uv_handle_t *)&w->poll, on_watch_closed);
}

static void resume(struct http_request *r)
{
	r->server->again = true;
	MHD_resume_connection(r->mhd);
}

/* status is negative for a reset, events UV_DISCONNECT for an orderly end; both mean nobody listens any more. */
static void on_disconnect(uv_poll_t *poll, int status, int events)
{
	struct watch *w = poll->data;
	struct http_request *r = w->request;
	if (!r || (status == 0 && !(events & UV_DISCONNECT)))
		return;
	request_abandon(r);
	resume(r);
}

void http_request_watch(struct http_request *r)
{
	struct watch *w = r->watch || r->state != STATE_PARKED ? NULL : malloc(sizeof *w);
	if (!w)
		return; /* the wait then ends at its time */
	if (uv_poll_init(r->server->loop, &w->poll, r->conn->fd)) {
		free(w);
		return;
	}
	w->poll.data = w;
	w->request = r;
	r->watch = w;
	uv_poll_start(&w->poll, UV_DISCONNECT, on_disconnect);
}

/* ---- answers ---- */

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

static struct MHD_Response *make_answer(const struct http_server *s, const struct http_reply *reply)
{
	struct MHD_Response *m =
	    MHD_create_response_from_buffer(reply->body_n, (void *)(uintptr_t)reply->body, MHD_RESPMEM_MUST_COPY);
	bool good = m != NULL;
	for (unsigned i = 0; good && i < reply->n_headers; i++)
		good = MHD_add_response_header(m, reply->headers[i].name, reply->headers[i].value) == MHD_YES;
	if (good && s->draining)
		good = MHD_add_response_header(m, "Connection", "close") == MHD_YES;
	if (good)
		return m;
	if (m)
		MHD_destroy_response(m);
	return NULL;
}

void http_respond(struct http_request *r, const struct http_reply *reply)
{
	struct http_server *s = r->server;
	bool parked = r->state == STATE_PARKED;
	watch_stop(r);
	r->status = reply->status;
	r->answer = make_answer(s, reply);
	r->state = STATE_READY;
	if (parked)
		resume(r);
}

/* ---- the daemon on the loop ---- */

static bool due_at_once(struct http_server *s)
{
	MHD_UNSIGNED_LONG_LONG ms;
	return s->again || (MHD_get_timeout(s->daemon, &ms) == MHD_YES && ms == 0);
}

/* At most some rounds, so that Redis gets its turn. */
static void run(struct http_server *s)
{
	if (s->running)
		return;
	s->running = true;
	for (int i = 0; i < RUNS_PER_TURN; i++) {
		s->again = false;
		MHD_run(s->daemon);
		if (!due_at_once(s))
			break;
	}
	s->running = false;
}

static void on_epoll(uv_poll_t *poll, int status, int events)
{
	(void)status, (void)events;
	run(poll->data);
}

static void on_timer(uv_timer_t *timer)
{
	run(timer->data);
}

bool http_server_turn(struct http_server *s)
{
	if (!s->again)
		return false;
	run(s);
	return true;
}

void http_server_arm(struct http_server *s)
{
	MHD_UNSIGNED_LONG_LONG ms;
	if (s->again)
		uv_timer_start(&s->timer, on_timer, 0, 0);
	else if (MHD_get_timeout(s->daemon, &ms) == MHD_YES)
		uv_timer_start(&s->timer, on_timer, ms, 0);
	else if (uv_is_active((uv_handle_t *)&s->timer))
		uv_timer_stop(&s->timer);
}

static void __attribute__((format(printf, 2, 0))) on_library_log(void *cls, const char *fmt, va_list args)
{
	char text[300];
	(void)cls;
	if (!log_enabled(LOG_DEBUG))
		return;
	vsnprintf(text, sizeof text, fmt, args);
	text[strcspn(text, "\n")] = '\0';
	log_debug("http: %s", text);
}

/* Escapes stay as they are: a decoded %2F is another path, a decoded %00 cuts it. */
static size_t keep_escapes(void *cls, struct MHD_Connection *mhd, char *text)
{
	(void)cls, (void)mhd;
	return strlen(text);
}

static struct MHD_Daemon *start_daemon(struct http_server *s)
{
	const struct http_server_options *o = &s->options;
	unsigned flags = MHD_USE_EPOLL | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
#if MHD_VERSION >= 0x01000000
	flags |= MHD_USE_NO_THREAD_SAFETY;
#endif
	return MHD_start_daemon(flags, 0, NULL, NULL, on_access, s, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL,
				MHD_OPTION_LISTEN_SOCKET, o->listen_fd, MHD_OPTION_CONNECTION_LIMIT, o->connections,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, o->head_limit + POOL_EXTRA,
				MHD_OPTION_CONNECTION_TIMEOUT, o->idle_s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
				MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_URI_LOG_CALLBACK, on_target,
				s, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_SIGPIPE_HANDLED_BY_APP,
				1, MHD_OPTION_END);
}

static void start_handles(struct http_server *s, int epoll_fd)
{
	s->epoll.data = s->timer.data = s->sweep.data = s;
	uv_poll_init(s->loop, &s->epoll, epoll_fd);
	uv_timer_init(s->loop, &s->timer);
	uv_timer_init(s->loop, &s->sweep);
	uv_unref((uv_handle_t *)&s->sweep);
	s->handles = 3;
	uv_poll_start(&s->epoll, UV_READABLE, on_epoll);
	run(s);
}

struct http_server *http_server_new(uv_loop_t *loop, const struct http_server_options *options, struct errinfo *info)
{
	static const char sorry[] =
	    "{\"type\":\"/problems/queue-unavailable\",\"title\":\"Out of memory\",\"status\":503,"
	    "\"detail\":\"this instance has no memory for the answer\"}\n";
	struct http_server *s = calloc(1, sizeof *s);
	if (!s) {
		close(options->listen_fd);
		errinfo_set(info, ERR_NOMEM, "out of memory");
		return NULL;
	}
	s->loop = loop;
	s->options = *options;
	s->conns.phase[CONN_HEAD].duration_us = options->head_s * UINT64_C(1000000);
	s->conns.phase[CONN_BODY].duration_us = options->body_s * UINT64_C(1000000);
	s->conns.phase[CONN_IDLE].duration_us = (options->idle_s + options->head_s) * UINT64_C(1000000);
	s->conns.phase[CONN_ANSWER].duration_us = (options->idle_s + options->body_s) * UINT64_C(1000000);
	s->daemon = start_daemon(s);
	if (!s->daemon) {
		close(options->listen_fd);
		free(s);
		errinfo_set(info, ERR_SYS, "the HTTP server cannot be started (too few file descriptors or memory?)");
		return NULL;
	}
	s->no_memory =
	    MHD_create_response_from_buffer(sizeof sorry - 1, (void *)(uintptr_t)sorry, MHD_RESPMEM_PERSISTENT);
	if (s->no_memory) {
		MHD_add_response_header(s->no_memory, "Content-Type", "application/problem+json");
		MHD_add_response_header(s->no_memory, "Retry-After", "1");
	}
	start_handles(s, MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
	return s;
}

unsigned http_server_connections(const struct http_server *s)
{
	return s->conns.n;
}

void http_server_drain(struct http_server *s)
{
	if (s->draining)
		return;
	s->draining = true;
	int fd = MHD_quiesce_daemon(s->daemon);
	if (fd >= 0)
		close(fd);
	for (struct conn *c = s->conns.phase[CONN_IDLE].first; c; c = c->next)
		shutdown(c->fd, SHUT_RDWR);
	s->again = true;
}

void http_server_break(struct http_server *s)
{
	for (int i = 0; i < CONN_PHASES; i++)
		for (struct conn *c = s->conns.phase[i].first; c; c = c->next) {
			struct http_request *r = c->request;
			bool parked = r && r->state == STATE_PARKED;
			shutdown(c->fd, SHUT_RDWR);
			if (!parked)
				continue;
			request_abandon(r);
			resume(r);
		}
	s->again = true;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct http_server *s = handle->data;
	if (--s->handles)
		return;
	while (s->spare) {
		struct http_request *r = s->spare;
		s->spare = r->next_free;
		request_free(r);
	}
	free(s);
}

void http_server_free(struct http_server *s)
{
	if (!s || s->closed)
		return;
	s->closed = true;
	http_server_break(s); /* the library must not be stopped with suspended connections */
	run(s);
	uv_poll_stop(&s->epoll);
	MHD_stop_daemon(s->daemon);
	if (s->no_memory)
		MHD_destroy_response(s->no_memory);
	uv_close((uv_handle_t *)&s->epoll, on_handle_closed);
	uv_close((uv_handle_t *)&s->timer, on_handle_closed);
	uv_close((uv_handle_t *)&s->sweep, on_handle_closed);
}
