/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A reactor: one thread with one libuv loop that owns everything it touches: a listen socket, the HTTP server, links to
 * Redis (to each node one for submissions, one for all other queue calls, and one or some that wait on this reactor's
 * reply lists), the parked requests. Reactors share
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
#include "rlinks.h"
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
	const struct config *config;      /* read by all reactors */
	const struct auth *auth;          /* likewise */
	struct limit *limit;              /* shared by all reactors; NULL: nobody is slowed down */
	struct peers *peers;              /* shared by all reactors */
	struct roleenv *roleenv;          /* of the one reactor that announces the instance; NULL for the others */
	const struct roleenv *shared_env; /* of the process: is it busy, is it recycling */
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
	struct rslots *slots;
	struct rlinks *links, *submit_links;
	const struct rlink *registry; /* whom we last told that we are there; for comparing only */
	struct lane *lanes;           /* of submissions: one for each link of submit_links */
	struct durability durability; /* as all of them promise, and with the replicas of our own setting */
	char durability_text[DURABILITY_TEXT_SIZE];
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
	uint64_t down_since_us; /* 0: a link is up */
	uint64_t call_us;       /* a call of Redis may take this long before its request is answered 503 */

	uv_prepare_t prepare;
	uv_timer_t due;
	uv_timer_t pulse; /* in a cluster: asks the nodes that are not asked anything */
	uint64_t due_armed_us;
	uv_async_t news; /* an order came */
	atomic_int order_given;
	enum reactor_order order;
	bool leaving, busy, closed;
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

/* The link for the calls of a tag, but for submissions. Stands until the loop's next turn. */
static inline struct rlink *reactor_link(const struct reactor *r, const struct tag *tag)
{
	return rlinks_at(r->links, tag->text);
}
/* Redis said lately that the tag's slot is moving between nodes. */
static inline bool reactor_shifting(const struct reactor *r, const char *tag)
{
	return rlinks_shifting(r->links, tag) || rlinks_shifting(r->submit_links, tag);
}
/* As queue_submit(), by the submitter of the tag's link. */
int reactor_submit(struct reactor *r, const struct queue_submit *job, queue_submit_cb *cb, void *arg);
/* Whether what is submitted to this tag now would be sent: enough replicas have what came last. */
bool reactor_takes(const struct reactor *r, const char *tag);
/* Whether a WAIT found too few replicas lately, so that submissions are refused; and how many it found. */
bool reactor_short(const struct reactor *r, unsigned *answered);
/* Jobs not finished yet that one shard may hold: together, what the setting allows their queue. */
uint64_t reactor_live_max(const struct reactor *r);
/* Why a call for this tag (NULL: for the registry) was refused, when its link is not up: 0 when it is. */
int reactor_link_state(const struct reactor *r, const char *tag, bool submits, char *why, size_t size);
/* Redis has been away for longer than a request is held. */
bool reactor_cut_off(const struct reactor *r);
/* 0 when Redis answered lately, in a cluster for any shard of the default queue; else why not, for people, as a
 * sentence. */
int reactor_ready(struct reactor *r, char *why, size_t size);
/* Appends how each shard of the default queue does, as a JSON array: [{"shard":0,"ready":true}, …, {"shard":3,
 * "ready":false,"detail":"…"}]. */
void reactor_shards_json(const struct reactor *r, struct buf *out);

#endif
