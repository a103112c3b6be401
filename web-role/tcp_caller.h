/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls to the TCP endpoints of workers: a line out, a line back. Connections are kept open, in a pool for each worker
 * and token; each carries one call at a time, so that a long call holds up no short one. Calls beyond the size of a
 * pool wait for a connection, first come, first served. One per reactor, on its loop's thread. */
#ifndef SQUARE_TCP_CALLER_H
#define SQUARE_TCP_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#define TCP_CALLER_CONNECTIONS 64 /* of a pool */
#define TCP_CALLER_IDLE_MS 30000  /* a connection without calls is closed then */
#define TCP_CALLER_CONNECT_MS 1000
#define TCP_CALLER_REPLY_MAX (4u << 20) /* bytes of a line */

struct tcp_caller;
struct tcp_connection;
struct tcp_pool;

enum tcp_call_end {
	TCP_CALL_REPLIED,   /* there is a line */
	TCP_CALL_UNREACHED, /* there is no connection: the line was not sent */
	TCP_CALL_REFUSED,   /* the worker does not take the token: the line was not looked at */
	TCP_CALL_LOST       /* the connection broke, or the reply was no line: nobody knows */
};
/* text: the line without its end, borrowed for the call; NULL unless TCP_CALL_REPLIED. Runs at most once, never from
 * within tcp_caller_send() or tcp_caller_cancel() of this call. */
typedef void tcp_call_cb(void *arg, enum tcp_call_end end, const char *text, size_t n);

struct tcp_call { /* lives in its owner; zero it before first use. All given ones are borrowed until the call's end */
	const char *at;    /* "127.0.0.1:40001", "[::1]:40001" */
	const char *token; /* authenticates a connection; not zero-terminated; NULL: none is asked for */
	size_t token_n;
	const char *line; /* with its line feed */
	size_t line_n;
	bool fresh; /* on a new connection, if there may be one more */
	tcp_call_cb *cb;
	void *arg;
	/* from here on the caller's */
	bool reused; /* the connection was there before: it may have been closed by the worker, unnoticed so far */
	struct tcp_connection *connection;
	struct tcp_pool *pool; /* waits there for a connection */
	struct tcp_call *prev, *next;
};

struct tcp_caller *tcp_caller_new(uv_loop_t *loop); /* NULL when memory ran out */
/* Closes all connections; no callback runs any more. The memory goes when the loop has closed the handles. */
void tcp_caller_free(struct tcp_caller *c);

/* 0: cb will run. ERR_NOMEM, ERR_INVALID (the address), or ERR_SYS: there can be no connection; cb will not run. */
int tcp_caller_send(struct tcp_caller *c, struct tcp_call *call);
/* Gives the call up, with its connection, so that the worker stops computing. Nothing happens when it has ended. */
void tcp_caller_cancel(struct tcp_call *call);
/* Calls on their way to this address, waiting ones included. */
unsigned tcp_caller_load(const struct tcp_caller *c, const char *at);

#endif
