/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rlink_state.h"

/* How the library is driven. hiredis owns the socket and the two byte buffers; rlink.c owns time, this file the event
 * loop and writing.
 * The adapter below is our own, because the one that comes with hiredis 0.14 loses connection errors (libuv reports
 * them as a negative status, the adapter returns) and re-registers the socket on every command. Here a command only
 * marks the link dirty; one write follows in the prepare phase of the loop, and EPOLLOUT is armed only while connecting
 * or after a partial write.
 *
 * A connection ends in exactly one place, on_cleanup(), which hiredis calls last for every context that had its hooks
 * set, whatever the cause. It runs inside the library, so rlink_ended() only notes the loss and arms the back-off
 * timer. */

#define OUT_KEEP_BYTES (64u << 10) /* of the buffer of what is to be sent, when it is empty */

static void on_poll(uv_poll_t *poll, int status, int events);

/* ---- the adapter: hiredis asks, libuv watches ---- */

static void on_poll_closed(uv_handle_t *handle)
{
	struct rlink *l = handle->data;
	free(handle);
	rlink_unref(l);
}

static void watch(struct rlink *l, int events)
{
	if (events != l->events && l->poll) {
		l->events = events;
		uv_poll_start(l->poll, events, on_poll);
	}
}

/* Writes what is there, and waits for room if not all of it went. Not the library's own: that gives its buffer back
 * after each write and crashes when there is no memory for an empty one. */
void rlink_wire_write(struct rlink *l)
{
	redisContext *c = &l->context->c;
	ssize_t n = sdslen(c->obuf) ? write(c->fd, c->obuf, sdslen(c->obuf)) : 0;
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		if (c->flags & REDIS_IN_CALLBACK)
			l->dirty = true; /* the prepare phase finds the error again: not under the library's hands */
		else
			rlink_drop(l, strerror(errno));
		return;
	}
	if (n > 0)
		sdsrange(c->obuf, (int)n, -1);
	sds spare = sdslen(c->obuf) == 0 && sdsalloc(c->obuf) > OUT_KEEP_BYTES ? sdsempty() : NULL;
	if (spare) {
		sdsfree(c->obuf);
		c->obuf = spare;
	}
	watch(l, sdslen(c->obuf) ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

/* An error condition on the socket comes as a negative status: reading finds out which one it is. */
static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct rlink *l = poll->data;
	if (poll != l->poll)
		return;
	if (status < 0) {
		l->events = 0; /* libuv has stopped the handle */
		events = UV_READABLE;
	}
	if (l->state == RLINK_CONNECTING)
		events = UV_READABLE; /* completes the connect, or reports why not */
	if (events & UV_READABLE)
		redisAsyncHandleRead(l->context);
	if (poll == l->poll && (events & UV_WRITABLE))
		rlink_wire_write(l);
}

static void on_add_read(void *data)
{
	struct rlink *l = data;
	watch(l, l->events | UV_READABLE);
}

static void on_del_read(void *data)
{
	struct rlink *l = data;
	watch(l, l->events & ~UV_READABLE);
}

static void on_add_write(void *data)
{
	struct rlink *l = data;
	if (l->state == RLINK_CONNECTING)
		watch(l, l->events | UV_WRITABLE | UV_READABLE);
	else
		l->dirty = true;
}

static void on_del_write(void *data)
{
	struct rlink *l = data;
	if (l->events & UV_WRITABLE)
		watch(l, UV_READABLE);
}

/* ---- commands ---- */

static void on_reply(redisAsyncContext *context, void *reply, void *call)
{
	(void)context;
	rlink_answered(call, reply);
}

/* The library does not say when memory ran out for one of the two things that a command needs: a place in the row of
 * callbacks, without which each later reply would go to the caller before, and room for its bytes, without which there
 * would be no reply. Then the other one is taken back. */
bool rlink_wire_give(struct rlink *l, struct rlink_call *call, const char *bytes, size_t len)
{
	redisAsyncContext *c = l->context;
	redisCallback *last = c->replies.tail;
	size_t before = sdslen(c->c.obuf);
	if (redisAsyncFormattedCommand(c, on_reply, call, bytes, len) != REDIS_OK)
		return false;
	bool in_row = c->replies.tail != last, in_buffer = sdslen(c->c.obuf) == before + len;
	if (in_row && !in_buffer) {
		free(c->replies.tail);
		c->replies.tail = last;
		*(last ? &last->next : &c->replies.head) = NULL;
	} else if (in_buffer && !in_row) {
		sdsIncrLen(c->c.obuf, -(int)len);
	}
	return in_row && in_buffer;
}

size_t rlink_wire_unsent(const struct rlink *l)
{
	return sdslen(l->context->c.obuf);
}

/* ---- connections ---- */

static void on_cleanup(void *data)
{
	struct rlink *l = data;
	rlink_note_error(l, l->context->c.errstr);
	l->context = NULL;
	l->dirty = false;
	l->events = 0;
	uv_poll_stop(l->poll);
	uv_close((uv_handle_t *)l->poll, on_poll_closed);
	l->poll = NULL;
	rlink_ended(l);
	rlink_unref(l);
}

static void on_connect(const redisAsyncContext *context, int status)
{
	struct rlink *l = context->data;
	if (status != REDIS_OK)
		return; /* the library frees the context: on_cleanup follows */
	if (!l->where.path[0]) {
		int on = 1, silent_ms = (int)l->options.command_timeout_ms + 1000;
		setsockopt(context->c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		setsockopt(context->c.fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
		setsockopt(context->c.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms, sizeof silent_ms);
	}
	rlink_connected(l);
}

bool rlink_wire_open(struct rlink *l, const char *address, unsigned port)
{
	redisAsyncContext *c =
	    l->where.path[0] ? redisAsyncConnectUnix(l->where.path) : redisAsyncConnect(address, (int)port);
	if (!c || c->err) {
		rlink_note_error(l, c ? c->errstr : "out of memory");
		if (c)
			redisAsyncFree(c);
		return false;
	}
	uv_poll_t *poll = malloc(sizeof *poll);
	int rc = poll ? uv_poll_init(l->loop, poll, c->c.fd) : UV_ENOMEM;
	if (rc) {
		free(poll);
		redisAsyncFree(c);
		rlink_note_error(l, uv_strerror(rc));
		return false;
	}
	fcntl(c->c.fd, F_SETFD, FD_CLOEXEC); /* or children would inherit an authenticated connection */
	poll->data = l;
	l->refs += 2; /* the poll handle and the context */
	l->poll = poll;
	l->events = 0;
	l->context = c;
	l->state = RLINK_CONNECTING;
	l->stats.in_flight = 0;
	c->data = l;
	c->ev = (__typeof__(c->ev)){ .data = l,
				     .addRead = on_add_read,
				     .delRead = on_del_read,
				     .addWrite = on_add_write,
				     .delWrite = on_del_write,
				     .cleanup = on_cleanup };
	redisAsyncSetConnectCallback(c, on_connect);
	return true;
}

void rlink_wire_close(struct rlink *l)
{
	redisAsyncFree(l->context);
}
