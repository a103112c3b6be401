/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The queue once more, in plain C and as simple as can be: what each function has to answer, and what the keys of the
 * tag hold afterwards. Written from the contract in queue.h, not from the Lua; the schedule compares the two after
 * every step. Pure memory; one thread. Jobs are found by the number their id carries (lua_lab_id). */
#ifndef SQUARE_TESTS_LUA_MODEL_H
#define SQUARE_TESTS_LUA_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "lua_check.h"
#include "lua_lab.h"

struct ints {
	unsigned *v;
	size_t n, cap;
};
void ints_push(struct ints *a, unsigned x);
void ints_insert(struct ints *a, size_t at, unsigned x);
void ints_remove(struct ints *a, size_t at);

struct mjob {
	char id[ID_TEXT_SIZE];
	char state;        /* as in the record; 0: never accepted; '!': isolated */
	char priority;     /* h n l */
	bool corrupt;      /* somebody overwrote the record */
	bool gone;         /* final, and its record's time has run out */
	bool corrupt_head; /* ... behind its fixed part */
	bool cancel, crashed, suspect, tombstone, in_expiry;
	bool hit, joined, led; /* joined: and still waiting, batch is the leader's id */
	char progress[64];     /* running: what it said last */
	char mark;             /* running: 'c', 'p' or 's' */
	unsigned attempt, max_attempts;
	uint64_t created_at, run_at, expires_at, started_at, finished_at, expires_in;
	char batch[128];
	char receivers[256];
	char outcome[48]; /* of one that succeeded */
	uint64_t digest;  /* of the final record, 0 before it was seen */
};

struct mbatch {
	char name[128];
	uint64_t deadline;
	struct ints jobs;
};

struct midem {
	char hash[24], print[24];
	unsigned first;
	uint64_t created_at;
};

/* The jobs that wait for the result of another one. */
struct mgroup {
	unsigned leader;
	char question[24];
	struct ints jobs;
};

struct mowner {
	char question[24];
	unsigned owner;
};

/* A job that has ended, or (state 0) is lost, and may have been followed. */
struct mled {
	unsigned job;
	char state;
};

/* The last sample of the counters. */
struct mrate {
	bool known;
	double at, counts[3], means[3];
};

enum { MODEL_RECEIVERS = 4 };

struct model {
	uint64_t now;
	struct mjob *jobs;
	unsigned job_count;
	struct ints lists[3]; /* high, normal, low: queued jobs and tombstones */
	struct ints waiting;  /* the delayed, in no order */
	struct mbatch *batches;
	size_t batch_count;
	struct midem *idems;
	size_t idem_count;
	struct mgroup *groups;
	size_t group_count;
	struct mowner *owners;
	size_t owner_count;
	struct mled *led; /* to be settled when the call has done everything else */
	size_t led_count;
	struct ints replies[MODEL_RECEIVERS]; /* of receivers "R0" ...: job << 8 | the state told */
	struct ints ended;                    /* all final jobs in the order of their ends */
	struct ints present;                  /* jobs whose record exists */
	struct ints dead;
	bool paused;
	uint64_t clk;
	unsigned markers, bad;
	int64_t live, running, totals[5]; /* s f x c e */
	uint64_t run_us;
	struct mrate rate;
	uint64_t accepted;
};

void model_init(struct model *m);
void model_fini(struct model *m);
struct mjob *model_job(struct model *m, unsigned number); /* makes room; a new one is all zero but its id */
/* Applies the call; appends the reply as lua_reply_print() would print it. */
void model_call(struct model *m, const struct lua_call *c, struct buf *expect);
/* Compares with what was read. NULL, or the first difference (in st->why). Remembers digests of final records. */
const char *model_compare(struct model *m, struct lua_state *st);
struct mbatch *model_batch(struct model *m, const char *name); /* NULL: not there */
void model_purge(struct model *m, struct mjob *j);             /* its final record's time has run out */

#endif
