/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the pool share: pool.c and pool_talk.c, nobody else. */
#ifndef SQUARE_POOL_PARTS_H
#define SQUARE_POOL_PARTS_H

#include "compute/ipc.h"
#include "compute/pool.h"

enum state { STARTING, IDLE, BUSY, TIDYING, ENDING };

struct pool_child {
	struct pool *pool;
	struct pool_child *next, *prev;
	enum state state;
	pid_t pid;
	int fd; /* -1: closed */
	unsigned handles;
	bool open;      /* it has not been discarded */
	bool was_ready; /* it has been ready once */
	bool has_job;   /* somebody waits for its callback: BUSY, or ENDING and nobody knows why yet */
	bool known;     /* the zygote told how it ended */
	uv_poll_t poll;
	uv_timer_t timer; /* deadline of what its state waits for */
	struct ipc_reader reader;
	struct ipc_writer writer;
	struct pool_caller caller;
	char op[64];
	uint64_t began_us, busy_us, baseline_kib;
	unsigned jobs, progress;
	bool planning;       /* asked for an IPC_TASK_PLAN */
	struct op_plan plan; /* what it came to; units 0: none */
};

struct pool {
	struct pool_options options;
	uv_poll_t control;
	struct pool_child *children;
	unsigned count[ENDING + 1]; /* children by state */
	unsigned asked;             /* forks that the zygote has not answered yet */
	unsigned failed_starts;     /* in a row */
	unsigned handles;
	unsigned held; /* places that are kept for who asked, see pool_hold() */
	bool broken, freed;
	char why[sizeof((struct errinfo *)0)->text];
	void (*on_room)(void *arg);
	void *on_room_arg;
	void (*on_held)(void *arg);
	void *on_held_arg;
	struct pool_stats stats;
};

/* ---- pool.c ---- */
/* The one place where the state changes, so that the counts are exact. */
void pool_set_state(struct pool_child *c, enum state state);
void pool_tell_room(struct pool *p);
/* Out of the ring: what it computes is of no interest any more, and its place is another's. */
void pool_end_child(struct pool_child *c);
void pool_retire(struct pool_child *c); /* it has become old, or fat: no job is lost by it */
void pool_close_socket(struct pool_child *c);
void pool_answer(struct pool_child *c, bool ok, struct buf *json, const struct op_failure *f);
void pool_on_deadline(uv_timer_t *timer);

/* ---- pool_talk.c ---- */
/* What is there of it, within bounds; true: there may be more. */
bool pool_read(struct pool_child *c);
void pool_write(struct pool_child *c); /* as much as its socket takes; the rest when it takes more */
void pool_on_readable(uv_poll_t *poll, int status, int events);

#endif
