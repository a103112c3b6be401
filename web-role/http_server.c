/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The daemon on the loop. What must be known of the library stands in http_internal.h. */
#include "http_server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_internal.h"

#define RUNS_PER_TURN 8
#define POOL_EXTRA 8192 /* beyond the head limit: up to 100 parsed header lines, and heads that get our own 431 */

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
	http_conn_settle(s);
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
	return MHD_start_daemon(flags, 0, http_conn_on_accept, s, http_request_on_access, s, MHD_OPTION_EXTERNAL_LOGGER,
				http_library_on_log, s, MHD_OPTION_LISTEN_SOCKET, o->listen_fd,
				MHD_OPTION_CONNECTION_LIMIT, o->connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				o->head_limit + POOL_EXTRA, MHD_OPTION_CONNECTION_TIMEOUT, o->idle_s,
				MHD_OPTION_NOTIFY_COMPLETED, http_request_on_completed, s, MHD_OPTION_NOTIFY_CONNECTION,
				http_conn_on_notify, s, MHD_OPTION_URI_LOG_CALLBACK, http_request_on_target, s,
				MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
				MHD_OPTION_END);
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
	s->conns.phase[CONN_STALLED].duration_us = options->body_s * UINT64_C(1000000);
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
			shutdown(c->fd, SHUT_RDWR);
			if (c->request)
				http_request_cut(c->request);
		}
	s->again = true;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct http_server *s = handle->data;
	if (--s->handles)
		return;
	http_request_free_spares(s);
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
	http_conn_end_lingering(s);
	uv_close((uv_handle_t *)&s->epoll, on_handle_closed);
	uv_close((uv_handle_t *)&s->timer, on_handle_closed);
	uv_close((uv_handle_t *)&s->sweep, on_handle_closed);
}
