/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The protocol of one connection of the direct TCP endpoint: bytes in, bytes out, replies in the order of the requests.
 * Knows no socket, so it is tested without one. Lines of numbers are answered in place; JSON-RPC goes to rpc.h. A
 * session bounds what it holds: TCP_SESSION_IN_FLIGHT requests without a reply, TCP_SESSION_UNSENT bytes of replies,
 * one line; beyond that it takes no input until some of it has gone. On the executor's thread. */
#ifndef SQUARE_TCP_SESSION_H
#define SQUARE_TCP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "executor.h"
#include "tokens.h"

#define TCP_SESSION_LINE_MAX 65536
#define TCP_SESSION_IN_FLIGHT 1024
#define TCP_SESSION_UNSENT 1048576
#define TCP_SESSION_TURN_US 2000 /* computing in one go, before others get their turn */
#define TCP_SESSION_ECHO 64      /* bytes of a wrong line that the reply repeats */

struct tcp_session;

/* Lines of numbers that this process answered, all connections together. */
struct tcp_session_stats {
	uint64_t squared, refused;
};
const struct tcp_session_stats *tcp_session_stats(void);

enum tcp_session_state {
	TCP_SESSION_READY,  /* wants input */
	TCP_SESSION_FULL,   /* holds all it may: send its output, wait for on_output, then resume */
	TCP_SESSION_YIELDS, /* has computed long enough: resume in the next loop turn */
	TCP_SESSION_LAST,   /* wants no more input, but replies are outstanding */
	TCP_SESSION_OVER    /* nothing more will come: close once the output is sent */
};

/* on_output: replies were added to the output outside of feed, eof and resume. NULL when memory ran out. */
struct tcp_session *tcp_session_new(struct executor *executor, void (*on_output)(void *arg), void *arg);
/* Takes nothing but a line of tcp_auth.h first, whose token is one of these. Before any input; tokens are borrowed. */
void tcp_session_require(struct tcp_session *s, const struct tokens *tokens);
/* It has not authenticated itself yet, and has to. */
bool tcp_session_stranger(const struct tcp_session *s);
/* The time for that is over: says so, and takes no more input. */
enum tcp_session_state tcp_session_late(struct tcp_session *s);
void tcp_session_free(struct tcp_session *s); /* cancels what is in flight */

/* Takes p[0..n), all of it: what cannot be looked at now is kept. Bytes given after the end of the input are dropped.
 */
enum tcp_session_state tcp_session_feed(struct tcp_session *s, const char *p, size_t n);
/* No more input will come: a last line without line feed is answered too. */
enum tcp_session_state tcp_session_eof(struct tcp_session *s);
/* Goes on with what was kept. */
enum tcp_session_state tcp_session_resume(struct tcp_session *s);
/* Takes no more input, whole lines that wait unread included; what is in flight is answered. */
enum tcp_session_state tcp_session_stop(struct tcp_session *s);

/* Replies ready to be sent, in order. The caller takes the bytes with buf_consume() or by swapping the buffer for an
 * empty one; unsent tells how many bytes it still holds elsewhere, they count as the session's. */
struct buf *tcp_session_output(struct tcp_session *s);
void tcp_session_unsent(struct tcp_session *s, size_t bytes);
unsigned tcp_session_in_flight(const struct tcp_session *s);
/* The session ended because of what the client sent; the rest of its input deserves no look. */
bool tcp_session_refused(const struct tcp_session *s);

#endif
