/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of a link (rlink.h): the state machine (rlink.c), and the library that owns the socket and its two byte
 * buffers (rlink_hiredis.c). For these two files alone. */
#ifndef SQUARE_RLINK_STATE_H
#define SQUARE_RLINK_STATE_H

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include "locator.h"
#include "rlink.h"
#include "rurl.h"

enum rlink_state { RLINK_DOWN, RLINK_LOCATING, RLINK_CONNECTING, RLINK_GREETING, RLINK_UP, RLINK_LOST, RLINK_CLOSED };

struct rlink_call {
	struct rlink *link;
	rlink_reply_cb *cb;
	void *arg;
	uint64_t given_us;       /* when somebody measures */
	struct rcmd *again;      /* the command, of one that follows; NULL: none */
	struct rlink_call *next; /* in the free list */
};

struct rlink {
	uv_loop_t *loop;
	struct rlink_options options;
	struct rurl where;
	struct locator *locator;
	char *name;
	enum rlink_state state;
	unsigned refs; /* open handles and the context: the memory goes with the last */

	redisAsyncContext *context;
	uv_poll_t *poll; /* of this context; its memory outlives the context until libuv has closed it */
	int events;      /* armed in poll */
	bool dirty;      /* something is to be written */
	bool complained; /* about this absence of Redis */

	uv_prepare_t prepare;
	uv_timer_t retry;    /* end of a back-off, or of the time to connect */
	uv_timer_t watchdog; /* runs while commands are in flight */

	unsigned backoff_ms;
	uint64_t progress_us; /* the last reply, or when the first command in flight was given */
	struct rlink_call *spare;
	unsigned greetings; /* replies of the greeting still to come */
	void *kept;         /* the owner's */
	void *companion;    /* goes with the link */
	void (*companion_gone)(void *companion);
	char error[200];
	unsigned random;
	struct rlink_stats stats;
};

/* ---- rlink.c ---- */

void rlink_unref(struct rlink *l);
void rlink_note_error(struct rlink *l, const char *text);
void rlink_connected(struct rlink *l);
void rlink_answered(struct rlink_call *call, const redisReply *reply); /* NULL: there will be none */
void rlink_ended(struct rlink *l);                                     /* the one end of every connection */

/* ---- rlink_hiredis.c ---- */

/* Begins to connect. False: rlink_error() says why not. */
bool rlink_wire_open(struct rlink *l, const char *address, unsigned port);
void rlink_wire_close(struct rlink *l); /* the rest of what is in flight is answered, and rlink_ended() runs */
/* Gives a command to the library, which answers it by rlink_answered(). False: it did not take it. */
bool rlink_wire_give(struct rlink *l, struct rlink_call *call, const char *bytes, size_t len);
void rlink_wire_write(struct rlink *l);
size_t rlink_wire_unsent(const struct rlink *l);

#endif
