/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of a queue_submitter (queue.h): the calls (queue_submit.c) and the gate that holds their verdicts until
 * they are worth something (queue_gate.c). For these two files alone. */
#ifndef SQUARE_QUEUE_SUBMITTER_H
#define SQUARE_QUEUE_SUBMITTER_H

#include "durability.h"
#include "queue.h"

struct queue_entry {
	queue_submit_cb *cb;
	void *arg;
	char id[ID_TEXT_SIZE];
	char first_id[ID_TEXT_SIZE]; /* of a replayed one: the first of its key */
	int status;
	enum queue_verdict verdict;
	uint64_t created_at_us;
};

struct queue_call {
	struct queue_submitter *owner;
	struct queue_call *next, *prev;
	char tag[KEYS_TAG_SIZE];
	struct rcmd cmd;
	struct queue_entry *entries;
	size_t n, cap;
	uint64_t deadline_us;      /* the earliest of its jobs' */
	uint64_t last_deadline_us; /* and the latest */
	uint64_t held_until_us;    /* held: how far the deadline may be put off */
	bool in_flight;            /* sent, no reply yet */
	bool sent_once;
	bool unknown;    /* sent before, and the answer was lost: perhaps accepted */
	bool held;       /* the verdicts are in the entries, and not told yet */
	bool replicated; /* held: enough replicas have it */
	bool ended;      /* callbacks have run, or are running */
	struct durability_mark mark;
};

struct queue_gate {
	uv_timer_t *timer;      /* until it is asked again; of its own lifetime: libuv closes it later */
	struct rcmd info, wait; /* the questions, kept */
	unsigned infos, waits;  /* in flight */
	unsigned again_ms;
	uint64_t connection; /* which one the held calls were answered on */
	bool short_of;       /* the last WAIT found too few replicas: nothing is sent before one finds enough */
	unsigned answered;   /* replicas, then */
};

struct queue_submitter {
	uv_loop_t *loop;
	struct rlink *link;
	const struct durability *durability; /* NULL: nobody asks */
	uint64_t live_max;
	uint64_t deadline_us;
	uv_timer_t *timer; /* of its own lifetime: libuv closes it later */
	struct queue_call *first, *last, *spare;
	struct buf record;
	size_t open;      /* entries whose callback has not run */
	size_t held;      /* calls */
	size_t in_flight; /* calls and questions of the gate */
	struct queue_gate gate;
	struct queue_submitter_meter meter;
	bool measured, closed;
};

/* ---- queue_submit.c ---- */

void queue_call_tell(struct queue_call *c);             /* runs the callbacks with what the entries say */
void queue_call_fail(struct queue_call *c, int status); /* runs the callbacks with this status */
void queue_call_recycle(struct queue_call *c);
/* Something in flight came back: the last thing that its callback does, s may be gone then. */
void queue_submitter_landed(struct queue_submitter *s);

/* ---- queue_gate.c ---- */

int queue_gate_init(struct queue_submitter *s);
void queue_gate_close(struct queue_submitter *s); /* tells nobody any more */
void queue_gate_fini(struct queue_submitter *s);  /* when nothing is in flight any more */
/* Before calls are sent. False: not now. */
bool queue_gate_may_send(struct queue_submitter *s);
/* After calls were sent: asks behind them. */
void queue_gate_ask(struct queue_submitter *s);
/* Takes a call whose verdicts came. False: nothing is to be waited for, they may be told. */
bool queue_gate_hold(struct queue_call *c);

#endif
