/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One HTTP server on one libuv loop: libmicrohttpd in external epoll mode, behind types of our own, so that it can be
 * replaced by rewriting one file. It frames requests, bounds head, body and time, and hands each complete request over;
 * the answer may come at once or from any later callback on the loop. All calls on the loop's thread.
 *
 * The owner calls http_server_turn() in its prepare phase, last: answers given in this turn leave there. */
#ifndef SQUARE_HTTP_SERVER_H
#define SQUARE_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "err.h"
#include "http_head.h"

struct http_server;
struct http_request; /* from on_request until answered or gone */

struct http_server_options {
	int listen_fd; /* bound and listening; the server's from then on */
	unsigned connections;
	size_t head_limit, body_limit; /* bytes */
	unsigned head_s, body_s, idle_s;
	/* A connection comes: false refuses it. Then on_closed tells its end. Either may be NULL. */
	bool (*on_connect)(void *arg, const struct sockaddr *peer);
	void (*on_closed)(void *arg, const struct sockaddr *peer);
	/* The head is there and good, its body is not: may answer, which closes the connection unless there is no body
	 * to come. May be NULL. */
	void (*on_head)(void *arg, struct http_request *r);
	/* A complete request that on_head left unanswered. It must be answered by http_respond(), now or later. */
	void (*on_request)(void *arg, struct http_request *r);
	/* A request that is refused here; must be answered at once. status: 400, 413, 417, 431, 505. It has an owner
	 * when on_head has seen it before (413). */
	void (*on_refused)(void *arg, struct http_request *r, unsigned status, const char *detail);
	/* A request that one of the hooks has seen, not answered to its end yet, and whose client went away: it must
	 * not be touched after this. */
	void (*on_gone)(void *arg, struct http_request *r);
	void *arg;
};

/* NULL with *info; listen_fd is closed then too. */
struct http_server *http_server_new(uv_loop_t *loop, const struct http_server_options *options, struct errinfo *info);
/* Runs the server as long as there is something to do at once. True when it did. */
bool http_server_turn(struct http_server *s);
/* Arms the timer for what the server has to do next; the last thing before the loop blocks. */
void http_server_arm(struct http_server *s);
/* No new connections; those at rest are closed, the others after the answer that they are waiting for. */
void http_server_drain(struct http_server *s);
void http_server_break(struct http_server *s); /* cuts every connection that is left */
unsigned http_server_connections(const struct http_server *s);
/* on_gone is called for what is unanswered. The memory goes when the loop has closed the handles. */
void http_server_free(struct http_server *s);

/* ---- requests ---- */

const struct http_head *http_request_head(const struct http_request *r); /* strings stand until the answer */
const char *http_request_body(const struct http_request *r, size_t *n);
void http_request_set_owner(struct http_request *r, void *owner);
void *http_request_owner(const struct http_request *r);
const struct sockaddr *http_request_peer(const struct http_request *r);
/* From now on on_gone is called when the client goes away. For waits; it costs three system calls. */
void http_request_watch(struct http_request *r);

struct http_header {
	const char *name, *value;
};
#define HTTP_HEADERS_MAX 20
struct http_reply { /* everything is copied */
	unsigned status;
	const char *body;
	size_t body_n;
	unsigned n_headers;
	struct http_header headers[HTTP_HEADERS_MAX];
};
/* Answers; the request must not be touched after this. When memory runs out the client gets a bare 503. */
void http_respond(struct http_request *r, const struct http_reply *reply);

/* ---- answers that go on (text/event-stream) ---- */

#define HTTP_STREAM_BACKLOG (256u << 10) /* bytes not taken by the client yet, or one larger piece */
/* Sends the head now (reply's body is the first piece), and leaves the body open; from then on on_gone is called when
 * the client goes away. The answer to HEAD has no body whatever is written. Who takes nothing for body_s of what is
 * waiting is cut. 0, or ERR_NOMEM: then the request was answered 503 and is gone. */
int http_stream_begin(struct http_request *r, const struct http_reply *reply);
/* Adds a piece, which leaves in this turn. 0; or ERR_FULL: the client does not read, and the piece was not taken: who
 * cannot leave it out ends the stream. */
int http_stream_write(struct http_request *r, const char *data, size_t n);
/* Bytes the client has not taken yet. */
size_t http_stream_waiting(const struct http_request *r);
/* The last piece was written: ends the answer. The request must not be touched after this. */
void http_stream_end(struct http_request *r);

#endif
