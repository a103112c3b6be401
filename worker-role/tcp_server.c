/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A connection: reads into the server's one buffer, feeds the session, writes what came of it at once (uv_try_write,
 * the rest by uv_write), and reads on only while the session wants input. A connection that has had its share of a loop
 * turn stops reading and waits in `later`, which an idle handle takes up in the next turn. After a line that cannot be
 * answered in step the write side is shut and the input drained for a moment, so that the client gets to see why. */
#include "tcp_server.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "log.h"
#include "tcp_auth.h"
#include "tcp_session.h"

#define READ_BYTES 65536
#define TURN_BYTES 65536 /* of one connection in one loop turn */
#define KEEP_BYTES 65536 /* of a connection's output buffers, when empty */
#define BACKLOG 1024
#define LINGER_MS 1000
#define CLOCK_MS 1000
#define CLOCK_STRANGERS_MS 100 /* while each connection has to authenticate itself in time */
#define CONNECTIONS_DEFAULT 10000
#define IDLE_SECONDS_DEFAULT 240

struct connection {
	uv_tcp_t tcp;
	struct tcp_server *server;
	struct tcp_session *session;
	enum tcp_session_state state;
	struct connection *prev, *next;
	struct connection *next_later;
	bool in_later, reading, lingering, closing;
	uint64_t opened_ms;
	uint64_t active_ms; /* loop time of the last byte in or out */
	uint64_t turn_ms;
	size_t turn_bytes;
	struct buf sending; /* with libuv, until the write is done */
	bool writing;
	uv_write_t write;
	uv_shutdown_t shutdown;
};

struct tcp_server {
	uv_loop_t *loop;
	struct executor *executor;
	struct tcp_server_options options;
	uint16_t port;
	uv_tcp_t listener;
	uv_timer_t clock; /* idle and lingering connections */
	uv_idle_t turn;
	unsigned handles; /* of the server itself that libuv still holds */
	unsigned connections;
	struct connection *first, *last, *later;
	bool stopping, freed, refusing, accept_again;
	void (*on_stopped)(void *arg);
	void *on_stopped_arg;
	char input[READ_BYTES];
};

static void connection_go(struct connection *c);

/* ---- the list of connections ---- */

static void list_remove(struct connection *c)
{
	struct tcp_server *server = c->server;

	*(c->prev ? &c->prev->next : &server->first) = c->next;
	*(c->next ? &c->next->prev : &server->last) = c->prev;
}

static void list_append(struct connection *c)
{
	struct tcp_server *server = c->server;

	c->next = NULL;
	c->prev = server->last;
	*(server->last ? &server->last->next : &server->first) = c;
	server->last = c;
}

static void touch(struct connection *c)
{
	if (!c->lingering)
		c->active_ms = uv_now(c->server->loop);
}

/* A buffer that had to grow for one large reply does not stay that large. */
static void trim(struct buf *b)
{
	if (b->cap > KEEP_BYTES)
		buf_fini(b);
	else
		buf_clear(b);
}

/* ---- closing ---- */

static void server_closed(struct tcp_server *server)
{
	if (server->freed && server->handles == 0 && server->connections == 0)
		free(server);
}

static void check_stopped(struct tcp_server *server)
{
	void (*on_stopped)(void *) = server->on_stopped;

	if (!server->stopping || server->connections > 0 || server->freed || !on_stopped)
		return;
	server->on_stopped = NULL;
	on_stopped(server->on_stopped_arg);
}

static void on_connection_closed(uv_handle_t *handle)
{
	struct connection *c = handle->data;
	struct tcp_server *server = c->server;

	server->connections--;
	buf_fini(&c->sending);
	free(c);
	check_stopped(server);
	server_closed(server);
}

static void connection_close(struct connection *c)
{
	struct connection **at = &c->server->later;

	if (c->closing)
		return;
	c->closing = true;
	while (c->in_later && *at && *at != c)
		at = &(*at)->next_later;
	if (c->in_later && *at)
		*at = c->next_later;
	list_remove(c);
	tcp_session_free(c->session);
	c->session = NULL;
	uv_close((uv_handle_t *)&c->tcp, on_connection_closed);
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
	struct connection *c = req->data;

	if (status != 0 && !c->closing)
		connection_close(c);
}

/* Everything is sent. A client that was refused may still be sending: closing now would reset the connection before it
 * has read why. */
static void connection_end(struct connection *c)
{
	if (!tcp_session_refused(c->session) || c->server->stopping) {
		connection_close(c);
		return;
	}
	if (c->lingering)
		return;
	touch(c);
	c->lingering = true;
	c->shutdown.data = c;
	if (uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shutdown) != 0)
		connection_close(c);
}

/* ---- output ---- */

static void on_written(uv_write_t *req, int status)
{
	struct connection *c = req->data;

	c->writing = false;
	if (c->closing)
		return;
	if (status != 0) {
		connection_close(c);
		return;
	}
	trim(&c->sending);
	tcp_session_unsent(c->session, 0);
	touch(c);
	c->state = tcp_session_resume(c->session);
	connection_go(c);
}

/* Sends the session's output, as much as the kernel takes at once and the rest when it can. False: closed. */
static bool connection_send(struct connection *c)
{
	struct buf *out = tcp_session_output(c->session);

	if (out->failed) {
		log_warn("out of memory for the replies of a connection, it is closed");
		connection_close(c);
		return false;
	}
	if (out->len == 0 || c->writing)
		return true;
	uv_buf_t bytes = uv_buf_init(out->data, (unsigned)out->len);
	int sent = uv_try_write((uv_stream_t *)&c->tcp, &bytes, 1);
	if (sent < 0 && sent != UV_EAGAIN) {
		connection_close(c);
		return false;
	}
	if (sent > 0)
		touch(c);
	if (sent == (int)out->len) {
		trim(out);
		return true;
	}
	/* The bytes go to libuv with their buffer, the session gets the empty one. */
	struct buf rest = *out;
	*out = c->sending;
	c->sending = rest;
	size_t from = sent > 0 ? (size_t)sent : 0;
	bytes = uv_buf_init(c->sending.data + from, (unsigned)(c->sending.len - from));
	tcp_session_unsent(c->session, bytes.len);
	c->write.data = c;
	c->writing = true;
	if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &bytes, 1, on_written) != 0) {
		c->writing = false;
		connection_close(c);
		return false;
	}
	return true;
}

/* ---- input ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	struct connection *c = handle->data;

	(void)suggested;
	*out = uv_buf_init(c->server->input, sizeof c->server->input);
}

static void wait_for_turn(struct connection *c);

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
	struct connection *c = stream->data;
	uint64_t now = uv_now(c->server->loop);

	if (n == 0)
		return;
	if (n < 0 && (n != UV_EOF || c->lingering)) {
		connection_close(c);
		return;
	}
	if (c->lingering)
		return;
	touch(c);
	if (n == UV_EOF) {
		uv_read_stop(stream);
		c->reading = false;
		c->state = tcp_session_eof(c->session);
	} else {
		if (c->turn_ms != now)
			c->turn_bytes = 0;
		c->turn_ms = now;
		c->turn_bytes += (size_t)n;
		c->state = tcp_session_feed(c->session, bytes->base, (size_t)n);
		if (c->state == TCP_SESSION_READY && c->turn_bytes >= TURN_BYTES)
			c->state = TCP_SESSION_YIELDS;
	}
	connection_go(c);
}

static void set_reading(struct connection *c, bool on)
{
	if (c->reading == on)
		return;
	c->reading = on;
	if (!on)
		uv_read_stop((uv_stream_t *)&c->tcp);
	else if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) != 0)
		connection_close(c);
}

static void on_turn(uv_idle_t *turn)
{
	struct tcp_server *server = turn->data;
	struct connection *c = server->later;

	/* Those who yield again wait in a new list. */
	server->later = NULL;
	uv_idle_stop(turn);
	while (c) {
		struct connection *next = c->next_later;
		c->in_later = false;
		c->turn_bytes = 0;
		c->state = tcp_session_resume(c->session);
		connection_go(c); /* closes no other connection */
		c = next;
	}
}

static void wait_for_turn(struct connection *c)
{
	if (c->in_later)
		return;
	c->in_later = true;
	c->next_later = c->server->later;
	c->server->later = c;
	uv_idle_start(&c->server->turn, on_turn);
}

/* Acts on the state after anything has happened to the session. May close the connection. */
static void connection_go(struct connection *c)
{
	bool had_output = tcp_session_output(c->session)->len > 0;

	if (!connection_send(c))
		return;
	/* What was full may not be any more, now that its output is gone. */
	if (c->state == TCP_SESSION_FULL && had_output && !c->writing)
		c->state = TCP_SESSION_YIELDS;
	switch (c->state) {
	case TCP_SESSION_READY:
		set_reading(c, true);
		break;
	case TCP_SESSION_YIELDS:
		set_reading(c, false);
		wait_for_turn(c);
		break;
	case TCP_SESSION_FULL:
		set_reading(c, false);
		break;
	case TCP_SESSION_LAST:
		/* A refused client's input is drained from now on, one that has closed its side has none. */
		set_reading(c, tcp_session_refused(c->session));
		break;
	case TCP_SESSION_OVER:
		set_reading(c, tcp_session_refused(c->session));
		if (!c->closing && !c->writing && tcp_session_output(c->session)->len == 0)
			connection_end(c);
		break;
	}
}

/* Replies became ready in the background. */
static void on_output(void *arg)
{
	struct connection *c = arg;

	if (c->in_later) { /* will be looked at anyway; only send */
		connection_send(c);
		return;
	}
	c->state = tcp_session_resume(c->session);
	connection_go(c);
}

/* ---- accepting ---- */

static void on_refused(uv_handle_t *handle)
{
	struct tcp_server *server = handle->data;

	free(handle);
	server->handles--;
	server_closed(server);
}

static void refuse_connection(struct tcp_server *server)
{
	static char line[] = "error: too many connections, try again later\n";
	uv_tcp_t *tcp = malloc(sizeof *tcp);
	uv_buf_t bytes = uv_buf_init(line, sizeof line - 1);

	server->accept_again = !tcp; /* libuv holds the connection, and no other, until it is taken */
	if (!tcp)
		return;
	if (!server->refusing)
		log_warn("the limit of %u connections is reached, further ones are refused",
			 server->options.max_connections);
	server->refusing = true;
	uv_tcp_init(server->loop, tcp);
	tcp->data = server;
	server->handles++;
	if (uv_accept((uv_stream_t *)&server->listener, (uv_stream_t *)tcp) == 0)
		uv_try_write((uv_stream_t *)tcp, &bytes, 1);
	uv_close((uv_handle_t *)tcp, on_refused);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct tcp_server *server = listener->data;

	server->accept_again = false;
	if (status != 0) {
		if (!server->refusing)
			log_warn("cannot accept a connection: %s", uv_strerror(status));
		server->refusing = true;
		return;
	}
	if (server->connections >= server->options.max_connections) {
		refuse_connection(server);
		return;
	}
	struct connection *c = calloc(1, sizeof *c);
	if (c)
		c->session = tcp_session_new(server->executor, on_output, c);
	if (!c || !c->session) {
		free(c);
		refuse_connection(server);
		return;
	}
	server->refusing = false;
	c->server = server;
	c->tcp.data = c;
	uv_tcp_init(server->loop, &c->tcp);
	c->tcp.data = c;
	server->connections++;
	list_append(c);
	c->opened_ms = c->active_ms = uv_now(server->loop);
	tcp_session_require(c->session, server->options.tokens);
	if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0) {
		connection_close(c);
		return;
	}
	uv_tcp_nodelay(&c->tcp, 1);
	connection_go(c);
}

/* ---- time ---- */

static bool is_overdue(const struct connection *c, uint64_t now)
{
	uint64_t allowed = c->lingering ? LINGER_MS : (uint64_t)c->server->options.idle_seconds * 1000;

	return now - c->active_ms >= allowed;
}

static bool is_late(const struct connection *c, uint64_t now)
{
	return tcp_session_stranger(c->session) && now - c->opened_ms >= TCP_AUTH_MS;
}

/* Every CLOCK_MS. */
static void on_clock(uv_timer_t *timer)
{
	struct tcp_server *server = timer->data;
	uint64_t now = uv_now(server->loop);
	struct connection *c = server->first, *next;

	for (; c; c = next) {
		next = c->next;
		if (is_late(c, now)) {
			c->state = tcp_session_late(c->session);
			connection_go(c);
			continue;
		}
		if (!is_overdue(c, now))
			continue;
		/* Waiting for a result is not idle, unless nobody takes the earlier ones. */
		if (tcp_session_in_flight(c->session) > 0 && !c->writing)
			touch(c);
		else
			connection_close(c);
	}
	if (server->accept_again && !server->stopping)
		on_connection((uv_stream_t *)&server->listener, 0);
}

/* ---- the server ---- */

static int listen_on(struct tcp_server *server, const char *host, uint16_t port, struct errinfo *info)
{
	struct sockaddr_storage at;
	int len = sizeof at, rc;

	if (uv_ip4_addr(host, port, (struct sockaddr_in *)&at) != 0 &&
	    uv_ip6_addr(host, port, (struct sockaddr_in6 *)&at) != 0)
		return errinfo_set(info, ERR_INVALID, "SquareEndpoint: expected an IPv4 or IPv6 address, got \"%s\"",
				   host);
	rc = uv_tcp_bind(&server->listener, (struct sockaddr *)&at, 0);
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&server->listener, BACKLOG, on_connection);
	if (rc == 0)
		rc = uv_tcp_getsockname(&server->listener, (struct sockaddr *)&at, &len);
	if (rc != 0)
		return errinfo_set(info, ERR_SYS, "SquareEndpoint: cannot listen on %s port %u: %s", host, port,
				   uv_strerror(rc));
	server->port = ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
						      : ((struct sockaddr_in *)&at)->sin_port);
	return 0;
}

struct tcp_server *tcp_server_new(uv_loop_t *loop, const char *host, uint16_t port,
				  const struct tcp_server_options *options, struct executor *executor,
				  struct errinfo *info)
{
	struct tcp_server *server = calloc(1, sizeof *server);

	if (!server) {
		errinfo_set(info, ERR_NOMEM, "out of memory");
		return NULL;
	}
	server->loop = loop;
	server->executor = executor;
	server->options = *options;
	if (server->options.max_connections == 0)
		server->options.max_connections = CONNECTIONS_DEFAULT;
	if (server->options.idle_seconds == 0)
		server->options.idle_seconds = IDLE_SECONDS_DEFAULT;
	uv_tcp_init(loop, &server->listener);
	uv_timer_init(loop, &server->clock);
	uv_idle_init(loop, &server->turn);
	server->listener.data = server->clock.data = server->turn.data = server;
	server->handles = 3;
	if (listen_on(server, host, port, info) != 0) {
		tcp_server_free(server);
		return NULL;
	}
	unsigned clock_ms = server->options.tokens ? CLOCK_STRANGERS_MS : CLOCK_MS;
	uv_timer_start(&server->clock, on_clock, clock_ms, clock_ms);
	return server;
}

uint16_t tcp_server_port(const struct tcp_server *server)
{
	return server->port;
}

unsigned tcp_server_connections(const struct tcp_server *server)
{
	return server->connections;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct tcp_server *server = handle->data;

	server->handles--;
	server_closed(server);
}

void tcp_server_stop(struct tcp_server *server, void (*on_stopped)(void *arg), void *arg)
{
	struct connection *c, *next;

	if (server->stopping)
		return;
	server->stopping = true;
	server->on_stopped = on_stopped;
	server->on_stopped_arg = arg;
	uv_close((uv_handle_t *)&server->listener, on_handle_closed);
	for (c = server->first; c; c = next) {
		next = c->next;
		c->state = tcp_session_stop(c->session);
		connection_go(c);
	}
	check_stopped(server);
}

void tcp_server_free(struct tcp_server *server)
{
	if (!server || server->freed)
		return;
	server->freed = true;
	while (server->first)
		connection_close(server->first);
	if (!uv_is_closing((uv_handle_t *)&server->listener))
		uv_close((uv_handle_t *)&server->listener, on_handle_closed);
	uv_close((uv_handle_t *)&server->clock, on_handle_closed);
	uv_close((uv_handle_t *)&server->turn, on_handle_closed);
}
