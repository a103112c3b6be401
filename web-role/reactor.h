/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A reactor: one thread with one libuv loop that owns everything it touches: a listen socket, the HTTP server, links to
 * Redis (one for submissions, one for all other queue calls, one that waits on this reactor's reply lists), the parked
 * requests. Reactors share
 * nothing that changes. Handlers read this struct; only reactor.c writes it.
 *
 * One turn of the loop: poll -> requests are parsed, handled, parked; answers of Redis mark requests done -> prepare:
 * the HTTP server sends what is done, the submissions of the turn leave as one call, timers are set. */
#ifndef SQUARE_REACTOR_H
#define SQUARE_REACTOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "auth.h"
#include "buf.h"
#include "catalog_reader.h"
#include "config.h"
#include "deadlines.h"
#include "directory.h"
#include "figures.h"
#include "http_server.h"
#include "id.h"
#include "limit.h"
#include "log.h"
#include "meter.h"
#include "peers.h"
#include "presence.h"
#include "queue.h"
#include "replies.h"
#include "rlink.h"
#include "roleenv.h"
#include "tags.h"
#include "tcp_caller.h"
#include "waiters.h"

struct feed;
struct request;
struct watcher;

/* What the main thread tells reactors; only ever goes up. */
enum reactor_order {
	REACTOR_RUN,
	REACTOR_LEAVE, /* not ready any more, serves on: the load balancer takes it out of rotation */
	REACTOR_DRAIN, /* takes no connection, ends each after its answer, and ends itself with the last */
	REACTOR_HURRY, /* waits end now, with the present state of their jobs */
	REACTOR_BREAK  /* cuts what is left */
};

struct reactor_options {
	const struct config *config; /* read by all reactors */
	const struct auth *auth;     /* likewise */
	struct limit *limit;         /* shared by all reactors; NULL: nobody is slowed down */
	struct peers *peers;         /* shared by all reactors */
	struct roleenv *roleenv;     /* of the one reactor that announces the instance; NULL for the others */
	const char *instance;
	unsigned no, reactors;
	uint64_t boot; /* of this process, random */
	int listen_fd;
};

#define REACTOR_RECEIVER_SIZE 64

struct reactor {
	uv_loop_t loop;
	struct reactor_options options;
	const struct config *config;
	char receiver[REACTOR_RECEIVER_SIZE]; /* names its reply lists */
	char request_prefix[12];

	struct http_server *http;
	struct rlink *link, *submit_link;
	struct durability durability; /* as submit_link's Redis promises, and with the replicas of our own setting */
	char durability_text[DURABILITY_TEXT_SIZE];
	struct queue_submitter *submitter;
	struct replies *replies;
	struct presence *presence;
	struct tags *tags;
	struct catalog_reader *catalog;
	struct directory *directory;
	struct caretaker *caretaker; /* of the first reactor; NULL for the others */
	struct tcp_caller *caller;
	struct figures *figures;
	struct watcher *watcher;
	struct feed *feed;
	struct meter *meter;
	struct gate_entry default_queue;

	struct waiters waiters;
	struct deadlines deadlines;
	struct idgen ids;
	struct buf scratch;   /* of the answer being made */
	struct log_batch log; /* of the requests of this turn */
	struct request *spare;
	unsigned open;          /* requests that are not freed yet */
	uint64_t requests;      /* so far */
	uint64_t down_since_us; /* 0: the link is up */
	uint64_t call_us;       /* a call of Redis may take this long before its request is answered 503 */

	uv_prepare_t prepare;
	uv_timer_t due;
	uint64_t due_armed_us;
	uv_async_t news; /* an order came */
	atomic_int order_given;
	enum reactor_order order;
	bool leaving, closed;
	atomic_bool ended;
	atomic_uint_fast64_t probed_us; /* when somebody last asked /readyz */
};

/* Made on the main thread, run on its own. NULL with *info; listen_fd is the reactor's in any case. */
struct reactor *reactor_new(const struct reactor_options *options, struct errinfo *info);
void reactor_run(struct reactor *r); /* returns when it has drained, or was broken */
void reactor_free(struct reactor *r);
/* From any thread. */
void reactor_order(struct reactor *r, enum reactor_order order);
bool reactor_ended(const struct reactor *r);

/* Redis has been away for longer than a request is held. */
bool reactor_cut_off(const struct reactor *r);
/* 0 when Redis answered lately; else why not, for people, as a sentence. */
int reactor_ready(struct reactor *r, char *why, size_t size);

#endif
