/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connections of the HTTP server from accept to close.
 *
 * The library asks the accept policy, then either makes a connection (and notifies) or drops it for want of memory, at
 * its limit, or because epoll refuses; it does all that before it asks for the next one. So whoever was let in and is
 * not a connection when the next one is asked for, or when the run is over, has been dropped.
 *
 * An answer given before the body was read closes the connection, and closing a socket with unread bytes resets it: the
 * client may then never read the answer. So such a socket is kept for a while by a duplicate, and what comes is thrown
 * away until the client closes (RFC 9112, 9.6).
 *
 * The library does not see a client's end that it has read together with the last bytes, see http_internal.h. So the
 * sweep looks for ends, where one may have been missed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "http_internal.h"
#include "log.h"

#define SWEEP_MS 250
#define LINGER_MS 2000
#define LINGER_MOST 32 /* further ones are closed at once */
#define LINGER_BYTES 65536

struct http_linger {
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned handles;
	struct http_server *server;
	struct http_linger *next;
	int fd;
};

/* ---- lingering ---- */

static void on_linger_closed(uv_handle_t *handle)
{
	struct http_linger *l = handle->data;
	if (--l->handles)
		return;
	close(l->fd);
	free(l);
}

static void linger_end(struct http_linger *l)
{
	struct http_linger **at = &l->server->lingering;
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	l->server->n_lingering--;
	uv_close((uv_handle_t *)&l->poll, on_linger_closed);
	uv_close((uv_handle_t *)&l->timer, on_linger_closed);
}

static void on_linger_time(uv_timer_t *timer)
{
	linger_end(timer->data);
}

static void on_linger_data(uv_poll_t *poll, int status, int events)
{
	static char waste[LINGER_BYTES]; /* written by all, read by nobody */
	struct http_linger *l = poll->data;
	(void)events;
	if (status < 0 || recv(l->fd, waste, sizeof waste, MSG_DONTWAIT) <= 0)
		linger_end(l);
}

static void linger(struct http_server *s, int connection)
{
	struct http_linger *l = s->n_lingering < LINGER_MOST ? calloc(1, sizeof *l) : NULL;
	if (!l)
		return;
	l->server = s;
	l->fd = dup(connection);
	if (l->fd < 0 || uv_poll_init(s->loop, &l->poll, l->fd)) {
		if (l->fd >= 0)
			close(l->fd);
		free(l);
		return;
	}
	shutdown(l->fd, SHUT_WR);
	uv_timer_init(s->loop, &l->timer);
	l->poll.data = l->timer.data = l;
	l->handles = 2;
	l->next = s->lingering;
	s->lingering = l;
	s->n_lingering++;
	uv_poll_start(&l->poll, UV_READABLE, on_linger_data);
	uv_timer_start(&l->timer, on_linger_time, LINGER_MS, 0);
}

void http_conn_end_lingering(struct http_server *s)
{
	while (s->lingering)
		linger_end(s->lingering);
}

/* ---- coming and going ---- */

/* Shutting what has ended already is a new edge: the library reads, and finds the end. It still sends what it has. */
static void tell_end(const struct conn *c)
{
	char byte;
	ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		shutdown(c->fd, SHUT_RD);
}

/* Whoever is to send the rest of a request is looked at each time. Whoever rests once, after the request: only who then
 * sends a part of a request line and ends in the same moment stays for the idle time. */
static void tell_ends(struct http_server *s, uint64_t now_us)
{
	const struct conns *l = &s->conns;
	for (int i = CONN_HEAD; i <= CONN_BODY; i++)
		for (const struct conn *c = l->phase[i].first; c; c = c->next)
			tell_end(c);
	uint64_t since_us = s->swept_us + l->phase[CONN_IDLE].duration_us;
	for (const struct conn *c = l->phase[CONN_IDLE].last; c && c->deadline_us >= since_us; c = c->prev)
		tell_end(c);
	s->swept_us = now_us;
}

static void on_sweep(uv_timer_t *timer)
{
	struct http_server *s = timer->data;
	uint64_t now_us = clock_mono_us();
	tell_ends(s, now_us);
	if (conns_sweep(&s->conns, now_us))
		log_debug("http: connections were closed at their deadline");
	if (s->conns.n == 0)
		uv_timer_stop(timer);
}

static void tell_closed(struct http_server *s, const union http_peer *peer)
{
	if (s->options.on_closed)
		s->options.on_closed(s->options.arg, &peer->any);
}

void http_conn_settle(struct http_server *s)
{
	if (!s->is_entering)
		return;
	s->is_entering = false;
	tell_closed(s, &s->entering);
}

enum MHD_Result http_conn_on_accept(void *server, const struct sockaddr *peer, socklen_t n)
{
	struct http_server *s = server;
	http_conn_settle(s);
	memset(&s->entering, 0, sizeof s->entering);
	memcpy(&s->entering, peer, n < sizeof s->entering ? n : sizeof s->entering);
	if (s->options.on_connect && !s->options.on_connect(s->options.arg, &s->entering.any))
		return MHD_NO;
	s->is_entering = true;
	return MHD_YES;
}

static void on_closed(struct http_server *s, struct http_conn *c)
{
	conns_remove(&s->conns, &c->conn);
	tell_closed(s, &c->peer);
	if (c->linger)
		linger(s, c->conn.fd);
	free(c);
}

void http_conn_on_notify(void *server, struct MHD_Connection *mhd, void **context,
			 enum MHD_ConnectionNotificationCode code)
{
	struct http_server *s = server;
	struct http_conn *c = *context;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		s->again = true;
		if (c)
			on_closed(s, c);
		*context = NULL;
		return;
	}
	c = calloc(1, sizeof *c);
	*context = c;
	if (!c)
		return; /* its requests are refused, see http_request_on_target; http_conn_settle tells its end */
	c->conn.fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	c->peer = s->entering;
	s->is_entering = false;
	conns_add(&s->conns, &c->conn, clock_mono_us());
	if (!uv_is_active((uv_handle_t *)&s->sweep))
		uv_timer_start(&s->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}
