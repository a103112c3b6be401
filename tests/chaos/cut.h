/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every queue call of common/queue.h, cut at every byte of its request and of its reply: the call is asked again when
 * the link has healed, and the answer and the state of the queue must be as if it had been asked once. What "once"
 * looks like is not written down but seen: each call is first asked without a cut.
 *
 * The trials are independent and mostly wait for a link to come back, so lanes, each a thread with a loop, links, a
 * proxy and a tag of its own, share them out. */
#ifndef SQUARE_TESTS_CHAOS_CUT_H
#define SQUARE_TESTS_CHAOS_CUT_H

#include <uv.h>

#include "chaos.h"
#include "proxy.h"
#include "queue.h"

#define CUT_JOBS 4
#define CUT_ANSWER 200
#define CUT_DEADLINE_MS 20000

struct cut_lane {
	struct chaos_run *run;
	unsigned number;
	char tag[KEYS_TAG_SIZE];
	struct proxy *proxy;
	uv_loop_t loop;
	uv_prepare_t prepare;
	struct rlink *links[2]; /* through the proxy, and past it */
	struct queue_submitter *submitters[2];
	unsigned way; /* of the next call: index of links */
	struct rsync *sync;
	struct idgen idgen;
	char ids[CUT_JOBS][ID_TEXT_SIZE]; /* new ones for each trial */
	/* the call in flight */
	unsigned open; /* callbacks still to come */
	int status;
	char answer[CUT_ANSWER];
};

struct cut_call {
	const char *name;
	const char *command; /* as the proxy sees it */
	const char *first;   /* the answer */
	const char *again;   /* the answer to the same once more; NULL: it is not asked again by its caller (a submitter
			      * does that itself) */
	void (*prepare)(struct cut_lane *l);
	int (*ask)(struct cut_lane *l); /* sets open; 0, or it could not be sent */
};

/* cut_calls.c */
extern const struct cut_call cut_calls[];
extern const size_t cut_call_count;

/* cut_lane.c; whatever fails there that no fault explains ends the process */
enum { CUT_PROXIED, CUT_DIRECT };
void cut_open(struct cut_lane *l, struct chaos_run *run, const char *redis_socket, unsigned number); /* below 100 */
/* The row fails if a lane leaves a call without its answer, or a connection beside the one that is up. */
void cut_close(struct cut_lane *l);
void cut_reset(struct cut_lane *l); /* an empty queue, new ids */
bool cut_is_up(void *arg);          /* the link of the next call; arg: the lane, for loop_until() */
int cut_ask(struct cut_lane *l, int (*ask)(struct cut_lane *l)); /* and waits; 0 when it was answered well */
/* All of the queue that does not change from trial to trial (times and ids do), as text; *why: which invariant does not
 * hold, or NULL. Both are the caller's. */
char *cut_state(struct cut_lane *l, const char **why);
_Noreturn void cut_give_up(const char *what, const char *why);
void cut_prepare(struct cut_lane *l, int (*ask)(struct cut_lane *l)); /* makes a call past the proxy; it must succeed */
struct rlink *cut_link(const struct cut_lane *l);                     /* of the next call */
/* cut.c */
/* The whole sweep; adds the cuts to the run's trials. The trials made. */
unsigned cut_sweep(struct chaos_run *r, const char *redis_socket);
/* cut_greet.c */
/* What a link says before it is up, cut likewise, on a Redis without functions: the link must come up all the same.
 * At most `per_message` offsets of each message. The trials made. */
unsigned cut_greetings(struct chaos_run *r, const char *redis_socket, unsigned per_message);

#endif
