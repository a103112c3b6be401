/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The link to Redis: one pipelined connection on a libuv loop that heals by itself. All calls on the loop's thread.
 *
 * States: down -> connecting -> greeting (AUTH, SELECT, CLIENT SETNAME, ROLE must be master, the on_up hook) -> up.
 * A lost link answers every call in flight with ERR_UNKNOWN, is closed, and is tried again after a back-off of 50 ms,
 * doubled up to 2 s, with full jitter. A command not answered within `command_timeout_ms` counts as a lost link: that
 * is how a black hole is noticed. With a URL of sentinels these are asked where the master is before each connection,
 * and twice a second as long as it stands: a connection that leads elsewhere is dropped, whatever it waits for (see
 * locator.h). Calls while the link is not up, or with more than `max_pending_bytes` unsent or `max_in_flight`
 * unanswered, are refused at once (ERR_UNAVAILABLE): nothing waits in memory. Commands given in one loop turn leave in
 * one write. No hiredis type is visible here. The process must ignore SIGPIPE. */
#ifndef SQUARE_RLINK_H
#define SQUARE_RLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "err.h"
#include "metrics.h"
#include "rcmd.h"
#include "rurl.h"

struct rlink;
struct rreply; /* a reply, borrowed for the duration of the callback; children belong to their parent */

enum rreply_type { RREPLY_NIL, RREPLY_STRING, RREPLY_STATUS, RREPLY_INTEGER, RREPLY_ARRAY, RREPLY_ERROR };

enum rreply_type rreply_type(const struct rreply *r); /* NULL counts as RREPLY_NIL */
/* The bytes of a string, status or error (zero-terminated); "" and 0 for any other type. len may be NULL. */
const char *rreply_str(const struct rreply *r, size_t *len);
int64_t rreply_int(const struct rreply *r);                       /* an integer, or a string of digits; else 0 */
size_t rreply_count(const struct rreply *r);                      /* elements of an array; else 0 */
const struct rreply *rreply_at(const struct rreply *r, size_t i); /* NULL outside the array */

/* status: 0 with a reply that is no error; ERR_PROTOCOL with an error reply (rreply_str tells); ERR_UNAVAILABLE when
 * Redis says it cannot now (OOM, LOADING, READONLY, MISCONF, BUSY, MASTERDOWN, MOVED, NOSCRIPT-like: nothing was done);
 * ERR_UNKNOWN when the link was lost after sending, reply NULL. Runs exactly once per accepted call. */
typedef void rlink_reply_cb(void *arg, int status, const struct rreply *reply);
typedef void rlink_state_cb(void *arg, bool up);

struct rlink_options {
	const char *url;             /* of the forms in rurl.h but of a cluster (see rlinks.h); copied */
	const struct rurl *at;       /* or the same, read already; copied. Neither: it leads nowhere, and is never up */
	const char *name;            /* for CLIENT SETNAME; copied */
	unsigned connect_timeout_ms; /* 0: 1,000 */
	unsigned command_timeout_ms; /* 0: 2,000; blocking commands need their own link and a larger value */
	size_t max_pending_bytes;    /* 0: 4 MiB */
	unsigned max_in_flight;      /* 0: 16,384 */
	struct metrics_value *seconds; /* histogram in microseconds for the time of each answered call; may be NULL */
	rlink_state_cb *on_state;      /* may be NULL; after greeting, and at loss */
	void *arg;
	bool any_role; /* a replica will do */
	bool quiet;    /* what fails is for the debug level */
	/* The node of a cluster says that this call belongs elsewhere (MOVED, ASK), or that nobody serves it now
	 * (TRYAGAIN, CLUSTERDOWN). again: the command of a call that follows (rcmd.h), else NULL; borrowed. True: cb
	 * will be called by the one who was told; false: it runs next, with ERR_UNAVAILABLE. May be NULL. */
	bool (*on_elsewhere)(void *arg, const char *error, struct rcmd *again, rlink_reply_cb *cb, void *cb_arg);
	/* Calls made before the link counts as up (loading functions, say). May be NULL. It must call done(link,
	 * status) exactly once, now or later; a status other than 0 closes the link and the back-off goes on. */
	void (*on_greet)(struct rlink *link, void *arg);
};

/* Parses the URL and starts connecting; never blocks (host names are resolved on libuv's thread pool).
 * NULL with *info filled when the URL is wrong. */
struct rlink *rlink_new(uv_loop_t *loop, const struct rlink_options *options, struct errinfo *info);
/* Answers what is in flight with ERR_CLOSED, closes the handles; the memory goes when the loop has closed them. */
void rlink_free(struct rlink *link);

bool rlink_up(const struct rlink *link);
void rlink_greeted(struct rlink *link, int status); /* ends on_greet */
/* Sends one command. 0, or ERR_UNAVAILABLE or ERR_NOMEM: nothing was sent and cb will not run. cb may be NULL. */
int rlink_send(struct rlink *link, struct rcmd *cmd, rlink_reply_cb *cb, void *arg);
/* Writes now what was given in this turn, for those who cannot wait for the end of the loop turn. */
void rlink_flush(struct rlink *link);
void rlink_drop(struct rlink *link, const char *why); /* closes the connection; the usual back-off follows */
/* One pointer for the owner's use; NULL at first. */
void rlink_keep(struct rlink *link, void *thing);
void *rlink_kept(const struct rlink *link);
/* What goes with the link: `gone` runs in rlink_free(), before what is in flight is answered. NULL at first; once. */
void rlink_accompany(struct rlink *link, void *companion, void (*gone)(void *companion));
void *rlink_companion(const struct rlink *link);
uv_loop_t *rlink_loop(const struct rlink *link);
void rlink_explain(struct rlink *link, const char *text); /* what rlink_error() says until something else happens */
/* For messages: the last error text, "" when there was none. */
const char *rlink_error(const struct rlink *link);

struct rlink_stats {
	uint64_t commands, replies, errors, connects, losses, bytes_out;
	unsigned in_flight;
	uint64_t last_reply_us; /* clock_mono_us of the last reply that was no error; 0 before the first */
};
void rlink_stats(const struct rlink *link, struct rlink_stats *out);

/* The blocking variant, for tools and tests: one connection, no healing. With a URL of sentinels, to what they name as
 * the master and what says itself that it is one. */
struct rsync;
struct rsync *rsync_open(const char *url, unsigned timeout_ms, struct errinfo *info);
struct rsync *rsync_open_at(const struct rurl *at, unsigned timeout_ms, struct errinfo *info); /* a URL read already */
void rsync_close(struct rsync *s);
/* Sends and waits. The reply is owned by s and stands until its next call. NULL: the link is gone (see info). */
const struct rreply *rsync_call(struct rsync *s, struct rcmd *cmd, struct errinfo *info);
/* The same from a list of zero-terminated words that ends with NULL. */
const struct rreply *rsync_words(struct rsync *s, struct errinfo *info, ...) __attribute__((sentinel));

#endif
