/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asks Redis Sentinels where the master of a name is. They are asked in turn, beginning with the one that answered
 * last, whose connection is kept; one that does not answer in time, does not know the name or answers something else
 * is passed over. What one sentinel says is taken for a hint, not for the truth (it may itself be cut off): whoever
 * connects there checks ROLE, and calls sentinel_doubt() when it was of no use, so that another one is asked next.
 * Used by the Redis links of every process. All calls on the loop's thread; never blocks; at most one question at a
 * time. */
#ifndef SQUARE_SENTINEL_H
#define SQUARE_SENTINEL_H

#include <uv.h>

#include "rlink.h"
#include "rurl.h"

struct sentinel;

/* status 0: host (a name or an address, borrowed for the call) and port; ERR_UNAVAILABLE: nobody could tell, and
 * sentinel_error() says why, of each. */
typedef void sentinel_cb(void *arg, int status, const char *host, unsigned port);

/* where: has sentinels; borrowed until sentinel_free(). timeout_ms: for each sentinel; 0: 300. first: the one to begin
 * with (modulo their number), so that not everybody asks the same. NULL when memory ran out. */
struct sentinel *sentinel_new(uv_loop_t *loop, const struct rurl *where, unsigned timeout_ms, unsigned first);
/* Ends the question without an answer and closes the handles; the memory goes when the loop has closed them. */
void sentinel_free(struct sentinel *s);

/* Asks. cb runs exactly once, perhaps before this returns, unless s is freed first. While a question is open nothing
 * happens and cb will not run. */
void sentinel_ask(struct sentinel *s, sentinel_cb *cb, void *arg);
void sentinel_doubt(struct sentinel *s); /* the next question goes to another one first */
const char *sentinel_error(const struct sentinel *s);

/* The blocking variant, for tools: the same, each with this time limit. 0 with *out, or ERR_UNAVAILABLE with *info. */
int sentinel_find(const struct rurl *where, unsigned timeout_ms, struct rurl_host *out, struct errinfo *info);

#endif
