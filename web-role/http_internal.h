/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the HTTP server share: http_server.c (the daemon on the loop), http_conn.c (connections from accept
 * to close), http_request.c (a request from its target to its answer), http_stream.c (answers that go on),
 * http_library.c (what the library refuses by itself). Nobody else includes this: libmicrohttpd's types end here. Rules
 * for 0.9.75 in external epoll mode, each found by measuring:
 *
 * - After MHD_resume_connection, MHD_run must be called by us, or the connection hangs: nothing wakes it (`again`).
 * - After a connection was closed, once more: at the connection limit the listen socket is taken out of the epoll set
 *   and put back only at the beginning of a later run.
 * - The first call of the handler never suspends and never gives the normal answer (such answers get Connection:
 *   close); it is where bad framing is refused, which must close.
 * - A last call that neither answers nor suspends is a busy loop. Here it always does one of the two.
 * - MHD_get_timeout() == 0 is obeyed at once, because its epoll is edge-triggered.
 * - Its time-out is for inactivity only, and individual time-outs make it walk all connections. So absolute deadlines
 *   are ours: each phase of a connection has one duration, hence one list in order of deadlines (conns.h), and an
 *   overdue connection is shut down at the socket; the library then closes it properly.
 * - A suspended connection does not notice that its client left; http_request_watch() does.
 * - A reader of an answer's body that has nothing must suspend before it returns 0, or it is called again at once. Each
 *   piece leaves by a send of its own, with TCP_NODELAY.
 * - A connection that it closes because a reader said so (an error, or the end where no chunks are sent) it forgets
 *   until its time-outs come by, and those stop at the oldest connection that is alive; with a time-out of its own a
 *   connection is always looked at (http_request_on_completed).
 * - A read that gives less than there was room for is taken for all there is, but it may have taken the client's end,
 *   too, and the edge-triggered epoll does not tell of that again; see http_conn.c.
 * - To HEAD it sends the last chunk of a body of unknown size, see http_stream.c.
 * - It closes right after an answer that was given before the body: with unread bytes that is a reset, see http_conn.c.
 * - After the accept policy has let somebody in it may still drop the connection without a word, see http_conn.c.
 * - What it refuses before the first call (a request line or length it cannot read, a head beyond its pool, another
 *   HTTP version) it answers itself, with a page in HTML; see http_library.c. A balancer in front answers before it.
 */
#ifndef SQUARE_HTTP_INTERNAL_H
#define SQUARE_HTTP_INTERNAL_H

#include <microhttpd.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "buf.h"
#include "conns.h"
#include "http_server.h"

enum http_state {
	HTTP_STATE_HEAD,   /* its target came */
	HTTP_STATE_BODY,   /* its head is good */
	HTTP_STATE_ASKED,  /* a hook of the owner is running */
	HTTP_STATE_PARKED, /* suspended until the answer */
	HTTP_STATE_READY,  /* answered */
	HTTP_STATE_STREAM, /* answered as far as it goes */
	HTTP_STATE_GONE    /* there is no client any more */
};

union http_peer {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct http_conn {
	struct conn conn; /* first: conns.h gives it back */
	union http_peer peer;
	bool linger; /* closes with unread bytes of its client perhaps on the way */
};

struct http_watch { /* lives on after its request until libuv has closed it */
	uv_poll_t poll;
	struct http_request *request;
};

struct http_request {
	struct http_server *server;
	struct http_request *next_free;
	struct MHD_Connection *mhd;
	struct http_conn *conn;
	struct http_watch *watch;
	void *owner;
	enum http_state state;
	bool told;  /* the owner knows of it: on_gone is owed unless it is answered */
	bool apart; /* its answer is not sent by the library, see http_library.c */
	struct http_head head;
	struct buf target, body;
	uint64_t body_seen;
	unsigned status;
	struct MHD_Response *answer;
	struct {
		struct buf backlog; /* from `at` on not taken by the library yet; no memory when there is none */
		size_t at;
		bool resting; /* suspended: there is nothing to send */
		bool ended;   /* nothing will be added */
	} stream;
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
	uint64_t swept_us;
	union http_peer entering; /* let in by on_connect, not a connection yet */
	bool is_entering;
	struct http_request *spare;
	struct MHD_Response *no_memory;
	struct http_linger *lingering;
	unsigned n_lingering;
};

/* ---- http_conn.c ---- */

enum MHD_Result http_conn_on_accept(void *server, const struct sockaddr *peer, socklen_t n);
void http_conn_on_notify(void *server, struct MHD_Connection *mhd, void **context,
			 enum MHD_ConnectionNotificationCode code);
/* Tells the owner of one that was let in and never became a connection. After each run. */
void http_conn_settle(struct http_server *s);
void http_conn_end_lingering(struct http_server *s);

/* ---- http_request.c ---- */

void *http_request_on_target(void *server, const char *target, struct MHD_Connection *mhd);
enum MHD_Result http_request_on_access(void *server, struct MHD_Connection *mhd, const char *url, const char *method,
				       const char *version, const char *data, size_t *data_n, void **context);
void http_request_on_completed(void *server, struct MHD_Connection *mhd, void **context,
			       enum MHD_RequestTerminationCode code);
void http_request_enter(struct http_request *r, enum conn_phase phase);
/* Nobody is there any more: the owner is told, unless it is answered. */
void http_request_abandon(struct http_request *r);
/* Takes the head apart; the status it is refused with, or 0. method, version: as in http_head_begin(). */
unsigned http_request_read_head(struct http_request *r, const char *method, const char *version);
/* Asks the owner for the answer of a refusal. Then it is answered, unless the owner did not do so. */
void http_request_refuse(struct http_request *r, unsigned status, const char *detail);
/* Abandons a request that is parked or streaming, so that the library closes its connection. */
void http_request_cut(struct http_request *r);
/* Goes on with a suspended connection. */
void http_request_resume(struct http_request *r);
void http_request_unwatch(struct http_request *r);
/* The headers of a reply; false when memory ran out. */
bool http_request_add_headers(const struct http_server *s, struct MHD_Response *m, const struct http_reply *reply);
void http_request_free_spares(struct http_server *s);

/* ---- http_library.c ---- */

/* The library's log. */
void http_library_on_log(void *server, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
/* Sends the answer of a request that stands apart, and nothing after it. */
void http_library_answer(const struct http_request *r, const struct http_reply *reply);

#endif
