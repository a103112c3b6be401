/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "readiness.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"

#define MEMORY_BYTES 4096 /* of a connection: its head, and room for the answer's */
#define BACKLOG 64
#define RUNS_PER_TURN 4
#define SWEEP_MS 1000

struct visitor { /* a connection; fd -1: a free place */
	int fd;
	uint64_t since_us;
};

struct readiness {
	struct readiness_options options;
	struct MHD_Daemon *daemon;
	uv_poll_t poll;
	uv_timer_t timer, sweep;
	unsigned handles; /* open */
	bool left;        /* a connection has ended in this run */
	unsigned port;
	uint64_t asked_us;
	struct visitor visitors[READINESS_CONNECTIONS];
};

/* ---- answers ---- */

static void put_queue(struct buf *out, const struct readiness_view *view)
{
	buf_printf(out, ",\"queue\":{\"status\":\"%s\"", *view->queue ? "unavailable" : "ready");
	if (*view->queue) {
		buf_puts(out, ",\"detail\":");
		buf_json_string(out, view->queue, strlen(view->queue));
	}
	buf_puts(out, "}}\n");
}

static void put_instance(struct buf *out, const struct readiness *r)
{
	buf_puts(out, ",\"instance\":");
	buf_json_string(out, r->options.instance, strlen(r->options.instance));
}

static void put_problem(struct buf *out, unsigned status, const char *title, const char *detail)
{
	buf_printf(out, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"detail\":", title, status);
	buf_json_string(out, detail, strlen(detail));
}

static unsigned answer_ready(struct readiness *r, struct buf *out)
{
	struct readiness_view view = { 0 };

	r->asked_us = clock_mono_us();
	r->options.on_ask(r->options.arg, &view);
	if (view.why_not)
		put_problem(out, 503, "Not ready", view.why_not);
	else
		buf_puts(out, "{\"status\":\"ready\"");
	put_instance(out, r);
	put_queue(out, &view);
	return view.why_not ? 503 : 200;
}

static unsigned answer_alive(const struct readiness *r, struct buf *out)
{
	struct readiness_view view = { 0 };

	r->options.on_ask(r->options.arg, &view);
	buf_printf(out, "{\"status\":\"alive\",\"ready\":%s", view.why_not ? "false" : "true");
	if (view.why_not) {
		buf_puts(out, ",\"detail\":");
		buf_json_string(out, view.why_not, strlen(view.why_not));
	}
	put_instance(out, r);
	put_queue(out, &view);
	return 200;
}

static unsigned answer(struct readiness *r, const char *path, const char *method, struct buf *out)
{
	bool ready = strcmp(path, "/readyz") == 0;

	if (!ready && strcmp(path, "/healthz") != 0) {
		put_problem(out, 404, "Not found", "expected /readyz or /healthz");
		buf_puts(out, "}\n");
		return 404;
	}
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		put_problem(out, 405, "Method not allowed", "expected GET or HEAD");
		buf_puts(out, "}\n");
		return 405;
	}
	return ready ? answer_ready(r, out) : answer_alive(r, out);
}

/* At the head of a request: what may follow it is not read. */
static enum MHD_Result on_access(void *cls, struct MHD_Connection *connection, const char *path, const char *method,
				 const char *version, const char *data, size_t *n, void **request)
{
	struct buf body = BUF_INIT;
	unsigned status = answer(cls, path, method, &body);
	struct MHD_Response *response =
	    body.failed ? NULL : MHD_create_response_from_buffer(body.len, body.data, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result taken = MHD_NO; /* the connection is closed then */

	(void)version, (void)data, (void)n, (void)request;
	if (response) {
		MHD_add_response_header(response, "Content-Type",
					status == 200 ? "application/json" : "application/problem+json");
		MHD_add_response_header(response, "Cache-Control", "no-store");
		if (status == 405)
			MHD_add_response_header(response, "Allow", "GET, HEAD");
		taken = MHD_queue_response(connection, status, response);
		MHD_destroy_response(response);
	}
	buf_fini(&body);
	return taken;
}

/* ---- connections and their time ---- */

static void on_sweep(uv_timer_t *timer)
{
	const struct readiness *r = timer->data;
	uint64_t now_us = clock_mono_us();
	bool any = false;

	for (size_t i = 0; i < READINESS_CONNECTIONS; i++) {
		const struct visitor *v = &r->visitors[i];
		any = any || v->fd >= 0;
		if (v->fd >= 0 && now_us - v->since_us > READINESS_SECONDS * UINT64_C(1000000))
			shutdown(v->fd, SHUT_RDWR);
	}
	if (!any)
		uv_timer_stop(timer);
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct readiness *r = cls;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (*context)
			((struct visitor *)*context)->fd = -1;
		r->left = true;
		return;
	}
	for (size_t i = 0; i < READINESS_CONNECTIONS; i++) {
		struct visitor *v = &r->visitors[i];
		if (v->fd >= 0)
			continue;
		v->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		v->since_us = clock_mono_us();
		*context = v;
		if (!uv_is_active((uv_handle_t *)&r->sweep))
			uv_timer_start(&r->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
		return;
	}
}

/* ---- the library on the loop ---- */

static void on_timer(uv_timer_t *timer);

static void run(struct readiness *r)
{
	MHD_UNSIGNED_LONG_LONG ms = 0;
	bool due = true;

	/* When all places were taken, the library looks at who waits for one only in the run after one has ended. */
	for (int i = 0; i < RUNS_PER_TURN && due; i++) {
		r->left = false;
		MHD_run(r->daemon);
		due = r->left || (MHD_get_timeout(r->daemon, &ms) == MHD_YES && ms == 0);
	}
	if (due || MHD_get_timeout(r->daemon, &ms) == MHD_YES)
		uv_timer_start(&r->timer, on_timer, due ? 0 : ms, 0);
	else
		uv_timer_stop(&r->timer);
}

static void on_timer(uv_timer_t *timer)
{
	run(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status, (void)events;
	run(poll->data);
}

static int open_socket(const struct readiness_options *o, unsigned *port, struct errinfo *info)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at = { 0 };
	bool v6 = strchr(o->address, ':') != NULL;
	socklen_t size = v6 ? sizeof at.v6 : sizeof at.v4;
	int on = 1, fd;

	if ((v6 ? uv_ip6_addr(o->address, (int)o->port, &at.v6) : uv_ip4_addr(o->address, (int)o->port, &at.v4)) != 0) {
		errinfo_set(info, ERR_INVALID, "expected a numeric address to listen on, got %s", o->address);
		return -1;
	}
	fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 && bind(fd, &at.any, size) == 0 &&
	    listen(fd, BACKLOG) == 0 && getsockname(fd, &at.any, &size) == 0) {
		*port = ntohs(v6 ? at.v6.sin6_port : at.v4.sin_port);
		return fd;
	}
	errinfo_set(info, ERR_SYS, "cannot listen on %s port %u: %s", o->address, o->port, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static struct MHD_Daemon *start_daemon(struct readiness *r, int fd)
{
	unsigned flags = MHD_USE_EPOLL;
#if MHD_VERSION >= 0x01000000
	flags |= MHD_USE_NO_THREAD_SAFETY;
#endif
	return MHD_start_daemon(flags, 0, NULL, NULL, on_access, r, MHD_OPTION_LISTEN_SOCKET, fd,
				MHD_OPTION_CONNECTION_LIMIT, READINESS_CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				(size_t)MEMORY_BYTES, MHD_OPTION_CONNECTION_TIMEOUT, READINESS_SECONDS / 2,
				MHD_OPTION_NOTIFY_CONNECTION, on_connection, r, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
				MHD_OPTION_END);
}

struct readiness *readiness_new(uv_loop_t *loop, const struct readiness_options *options, struct errinfo *info)
{
	struct readiness *r = calloc(1, sizeof *r);
	int fd = r ? open_socket(options, &r->port, info) : -1;

	if (fd < 0) {
		if (!r)
			errinfo_set(info, ERR_NOMEM, "out of memory");
		free(r);
		return NULL;
	}
	r->options = *options;
	for (size_t i = 0; i < READINESS_CONNECTIONS; i++)
		r->visitors[i].fd = -1;
	r->daemon = start_daemon(r, fd);
	if (!r->daemon) {
		errinfo_set(info, ERR_SYS, "the HTTP server cannot be started (too few file descriptors or memory?)");
		close(fd);
		free(r);
		return NULL;
	}
	r->poll.data = r->timer.data = r->sweep.data = r;
	uv_poll_init(loop, &r->poll, MHD_get_daemon_info(r->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
	uv_timer_init(loop, &r->timer);
	uv_timer_init(loop, &r->sweep);
	r->handles = 3;
	uv_poll_start(&r->poll, UV_READABLE, on_poll);
	return r;
}

unsigned readiness_port(const struct readiness *r)
{
	return r->port;
}

uint64_t readiness_asked_us(const struct readiness *r)
{
	return r ? r->asked_us : 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct readiness *r = handle->data;

	if (--r->handles == 0)
		free(r);
}

void readiness_free(struct readiness *r)
{
	if (!r)
		return;
	uv_poll_stop(&r->poll); /* before the library closes what is polled */
	MHD_stop_daemon(r->daemon);
	r->daemon = NULL;
	uv_close((uv_handle_t *)&r->poll, on_closed);
	uv_close((uv_handle_t *)&r->timer, on_closed);
	uv_close((uv_handle_t *)&r->sweep, on_closed);
}
