/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One thread, one poll(). All of the state stands under one mutex, which the thread gives away while it waits: a
 * control call changes what it likes and wakes the thread, which looks at everything anew. A few dozen connections at
 * most, so the list of descriptors is made for each turn.
 *
 * A stream is one direction of a connection: bytes are read, gathered until a message is whole, judged, and appended to
 * a queue of chunks. `pass` bounds how many bytes of the queue may still be written: a cut is a bound, and what happens
 * when it is reached. So all that came before the cut arrives, however slowly the other side reads. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "must.h"
#include "proxy_state.h"

#define READ_BYTES 65536
#define QUEUE_BYTES (4u << 20) /* of a stream, above which no more is read */
#define FIXED_FDS 3

_Noreturn void proxy_die(const char *what)
{
	perror(what);
	abort();
}

/* ---- streams ---- */

static void stream_fini(struct stream *s)
{
	while (s->first) {
		struct chunk *c = s->first;
		s->first = c->next;
		free(c);
	}
	buf_fini(&s->partial);
}

static void stream_push(struct stream *s, const char *p, size_t n, unsigned delay_ms)
{
	struct chunk *c = must_calloc(1, sizeof *c + n);
	c->due_us = delay_ms ? clock_mono_us() + delay_ms * 1000ull : 0;
	c->len = n;
	memcpy(c->data, p, n);
	if (s->first)
		s->last->next = c;
	else
		s->first = c;
	s->last = c;
	s->queued += n;
}

static bool stream_is_due(const struct stream *s, uint64_t now_us)
{
	return s->first && s->pass && s->first->due_us <= now_us;
}

/* Writes what is due and may pass. The bytes written, or -1 when the other side is gone. */
static ssize_t stream_write(struct stream *s, int fd)
{
	uint64_t now_us = clock_mono_us();
	ssize_t total = 0;
	while (stream_is_due(s, now_us)) {
		struct chunk *c = s->first;
		size_t want = c->len - c->at < s->pass ? c->len - c->at : s->pass;
		ssize_t n = send(fd, c->data + c->at, want, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? total : -1;
		total += n;
		c->at += (size_t)n;
		s->queued -= (size_t)n;
		s->pass -= s->pass == SIZE_MAX ? 0 : (size_t)n;
		if (c->at < c->len)
			break;
		s->first = c->next;
		free(c);
	}
	return total;
}

/* ---- connections ---- */

void proxy_end_conn(struct proxy *p, struct conn *c, enum proxy_action action)
{
	static const struct linger at_once = { .l_onoff = 1 };
	if (c->dead)
		return;
	if (action == PROXY_RESET)
		(void)setsockopt(c->client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(c->client);
	if (c->server >= 0)
		close(c->server);
	if (c->struck || c->strike_at != UINT64_MAX)
		p->taken = false; /* it ended before the fault could happen: that waits for another call */
	c->dead = true;
	p->stats.open--;
}

static void conn_free(struct conn *c)
{
	stream_fini(&c->up);
	stream_fini(&c->down);
	free(c);
}

static void settle(struct proxy *p, enum proxy_outcome outcome)
{
	p->outcome = outcome;
	p->taken = false;
	pthread_cond_broadcast(&p->changed);
}

static bool matches(const struct proxy *p, const struct conn *c, const struct resp *scan)
{
	const struct proxy_fault *f = &p->fault;
	if (p->outcome != PROXY_ARMED || p->taken || (f->connection && f->connection != c->number))
		return false;
	return !f->command || strcmp(scan->word[0], p->command) == 0 || strcmp(scan->word[1], p->command) == 0;
}

/* The message at the end of the stream's queue is the one: as much of it passes as the fault says. */
static void strike(struct proxy *p, struct conn *c, struct stream *s, size_t len)
{
	size_t offset = p->fault.wrap ? p->fault.offset % (len + 1) : p->fault.offset;
	p->length = len;
	if (offset > len) {
		settle(p, PROXY_MISSED);
		return;
	}
	s->pass = s->queued - len + offset;
	c->struck = true;
	c->action = p->fault.action;
}

/* A whole request stands in the queue. */
static void on_request(struct proxy *p, struct conn *c, size_t len)
{
	p->stats.requests++;
	if (matches(p, c, &c->up.scan)) {
		if (p->fault.skip) {
			p->fault.skip--;
		} else if (p->fault.side == PROXY_REQUEST) {
			p->taken = true;
			strike(p, c, &c->up, len);
		} else {
			p->taken = true;
			c->strike_at = c->asked;
		}
	}
	c->asked++;
}

static void on_reply(struct proxy *p, struct conn *c, size_t len)
{
	p->stats.replies++;
	if (c->answered++ == c->strike_at) {
		c->strike_at = UINT64_MAX;
		strike(p, c, &c->down, len);
	}
}

/* Bytes came: whole messages go to the queue, and are judged. What comes behind one that is cut is of no use; behind
 * one that is held it waits too. */
static void take(struct proxy *p, struct conn *c, struct stream *s, const char *data, size_t n)
{
	while (n && !(c->struck && c->action != PROXY_HOLD)) {
		bool ended;
		size_t taken = resp_scan(&s->scan, data, n, &ended);
		buf_append(&s->partial, data, taken);
		if (s->partial.failed)
			abort();
		data += taken;
		n -= taken;
		if (!ended)
			return;
		size_t len = s->partial.len;
		stream_push(s, s->partial.data, len, p->delay_ms);
		buf_clear(&s->partial);
		if (s == &c->up)
			on_request(p, c, len);
		else
			on_reply(p, c, len);
	}
}

/* Reads once. False when the connection broke. */
static bool stream_read(struct proxy *p, struct conn *c, struct stream *s, int fd)
{
	static _Thread_local char data[READ_BYTES];
	ssize_t n = recv(fd, data, sizeof data, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		s->ended = true;
	take(p, c, s, data, (size_t)n);
	return true;
}

static bool conn_dial(struct proxy *p, struct conn *c)
{
	c->server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return c->server >= 0 && connect(c->server, (struct sockaddr *)&p->redis, sizeof p->redis) == 0;
}

/* The fault's bytes are out: now it happens. */
static void conn_strike(struct proxy *p, struct conn *c)
{
	c->struck = false;
	p->stats.cuts++;
	if (c->action == PROXY_HOLD) {
		c->held = true;
		c->up.pass = c->down.pass = SIZE_MAX;
	} else {
		proxy_end_conn(p, c, c->action);
	}
	settle(p, PROXY_STRUCK);
}

/* Writes what there is, and ends what has to. */
static void conn_push(struct proxy *p, struct conn *c)
{
	if (c->up.first && c->server < 0 && !conn_dial(p, c)) {
		proxy_end_conn(p, c, PROXY_CLOSE);
		return;
	}
	ssize_t up = c->up.first ? stream_write(&c->up, c->server) : 0;
	ssize_t down = c->down.first ? stream_write(&c->down, c->client) : 0;
	p->stats.bytes_up += up > 0 ? (uint64_t)up : 0;
	p->stats.bytes_down += down > 0 ? (uint64_t)down : 0;
	if (c->struck && (c->up.pass == 0 || c->down.pass == 0))
		conn_strike(p, c);
	else if (up < 0 || down < 0 || (c->up.ended && !c->up.first) || (c->down.ended && !c->down.first))
		proxy_end_conn(p, c, PROXY_CLOSE);
}

/* ---- the thread ---- */

static void watch(struct proxy *p, size_t i, int fd, short events)
{
	if (i >= p->fds_cap) {
		p->fds_cap = (i + 16) * 2;
		p->fds = must_realloc(p->fds, p->fds_cap, sizeof *p->fds);
	}
	p->fds[i] = (struct pollfd){ events ? fd : -1, events, 0 }; /* -1: not even its end is heard of */
}

static bool frozen(const struct proxy *p, const struct conn *c)
{
	return p->hole || c->held;
}

static bool may_read(const struct proxy *p, const struct conn *c, const struct stream *s)
{
	return !frozen(p, c) && !c->struck && !s->ended && s->queued < QUEUE_BYTES;
}

static short interest(const struct proxy *p, const struct conn *c, const struct stream *in, const struct stream *out,
		      uint64_t now_us)
{
	bool write = !frozen(p, c) && stream_is_due(out, now_us);
	return (short)((may_read(p, c, in) ? POLLIN : 0) | (write ? POLLOUT : 0));
}

/* Until the next chunk is due; -1: nothing is. */
static int next_due_ms(const struct proxy *p, uint64_t now_us)
{
	int wait_ms = -1;
	for (const struct conn *c = p->conns; c; c = c->next)
		for (int i = 0; i < 2 && !frozen(p, c); i++) {
			const struct stream *s = i ? &c->down : &c->up;
			if (!s->first || !s->pass || s->first->due_us <= now_us)
				continue;
			int ms = (int)((s->first->due_us - now_us) / 1000) + 1;
			wait_ms = wait_ms < 0 || ms < wait_ms ? ms : wait_ms;
		}
	return wait_ms;
}

static size_t watch_all(struct proxy *p, uint64_t now_us)
{
	size_t n = FIXED_FDS;
	watch(p, 0, p->wake, POLLIN);
	watch(p, 1, p->unix_listener, POLLIN);
	watch(p, 2, p->tcp_listener, POLLIN);
	for (const struct conn *c = p->conns; c; c = c->next) {
		watch(p, n++, c->client, interest(p, c, &c->up, &c->down, now_us));
		watch(p, n++, c->server, c->server < 0 ? 0 : interest(p, c, &c->down, &c->up, now_us));
	}
	return n;
}

static void accept_one(struct proxy *p, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	struct conn *c = must_calloc(1, sizeof *c);
	c->client = fd;
	c->server = -1;
	c->up.pass = c->down.pass = SIZE_MAX;
	c->strike_at = UINT64_MAX;
	c->number = ++p->stats.accepted;
	p->stats.open++;
	c->next = p->conns;
	p->conns = c;
}

void proxy_bury(struct proxy *p)
{
	for (struct conn **at = &p->conns; *at;) {
		struct conn *c = *at;
		if (c->dead) {
			*at = c->next;
			conn_free(c);
		} else {
			at = &c->next;
		}
	}
}

/* What poll() found; nothing has been accepted since the list was made, and only this thread removes. */
static void serve(struct proxy *p)
{
	size_t i = FIXED_FDS;
	for (struct conn *c = p->conns; c; c = c->next, i += 2) {
		bool good = !c->dead;
		if (good && p->fds[i].revents & (POLLIN | POLLHUP | POLLERR) && may_read(p, c, &c->up))
			good = stream_read(p, c, &c->up, c->client);
		if (good && p->fds[i + 1].revents & (POLLIN | POLLHUP | POLLERR) && may_read(p, c, &c->down))
			good = stream_read(p, c, &c->down, c->server);
		if (!good)
			proxy_end_conn(p, c, PROXY_CLOSE);
		else if (!frozen(p, c))
			conn_push(p, c);
	}
	proxy_bury(p);
	if (p->fds[1].revents & POLLIN)
		accept_one(p, p->unix_listener);
	if (p->fds[2].revents & POLLIN)
		accept_one(p, p->tcp_listener);
}

void *proxy_serve(void *arg)
{
	struct proxy *p = arg;
	uint64_t wakes;
	pthread_mutex_lock(&p->lock);
	while (!p->stopping) {
		uint64_t now_us = clock_mono_us();
		size_t n = watch_all(p, now_us);
		int wait_ms = next_due_ms(p, now_us);
		pthread_mutex_unlock(&p->lock);
		int rc = poll(p->fds, n, wait_ms);
		pthread_mutex_lock(&p->lock);
		if (rc < 0 && errno != EINTR)
			proxy_die("proxy: poll");
		if (rc > 0 && p->fds[0].revents && read(p->wake, &wakes, sizeof wakes) < 0 && errno != EAGAIN)
			proxy_die("proxy: eventfd");
		for (size_t i = 0; rc < 0 && i < n; i++)
			p->fds[i].revents = 0;
		serve(p);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}
