/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state of a schedule and how one step is made and judged. For lua_schedule*.c alone. */
#ifndef SQUARE_TESTS_LUA_SCHEDULE_STEP_H
#define SQUARE_TESTS_LUA_SCHEDULE_STEP_H

#include "lua_check.h"
#include "lua_model.h"
#include "lua_schedule.h"
#include "queue.h"

enum { WORKERS = 4, BATCHES = 48, CALLS = 32, TRACE = 30, TRACE_BYTES = 420, FINALS_KEPT = 24, LIVE_AIM = 48 };

/* A batch as some worker remembers it; long after it is gone, late calls still name it. */
struct seen_batch {
	char name[128];
	unsigned jobs[QUEUE_BATCH_MAX];
	unsigned n;
};

struct schedule {
	struct lua_lab *lab;
	struct model model;
	uint64_t seed, random;
	unsigned step, calls, replayed;
	unsigned look; /* steps between two looks at the keys */
	unsigned next_job, next_batch, next_idem;
	unsigned boots[WORKERS];
	struct seen_batch batches[BATCHES];
	unsigned batch_count; /* ever seen; the ring holds the last ones */
	struct lua_call *past[CALLS];
	char trace[TRACE][TRACE_BYTES];
	unsigned trace_count;
	char *failure;
};

unsigned schedule_below(struct schedule *s, unsigned n);
bool schedule_percent(struct schedule *s, unsigned p);
/* Keeps the first failure, with the last steps. */
void schedule_fail(struct schedule *s, const char *why);
/* Makes the call on both sides and compares; schedule_perform also keeps it (takes it), to be repeated one day. */
void schedule_call(struct schedule *s, const struct lua_call *c);
void schedule_perform(struct schedule *s, struct lua_call *c);
struct lua_call *schedule_call_new(const char *function);
void schedule_add_id(struct schedule *s, struct lua_call *c, unsigned number);
/* Reads a section page by page, or looks at some jobs, and compares with the model; lua_schedule_look.c. */
void schedule_list(struct schedule *s);
void schedule_peek(struct schedule *s);
/* Something happened that is no call: into the trace, and the keys are checked. */
void schedule_note(struct schedule *s, const char *what, const char *which);

#endif
