/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the oracle remembers, shared by its two halves: the log (oracle.c) and the settling (oracle_settle.c). */
#ifndef SQUARE_TESTS_CHAOS_ORACLE_LOG_H
#define SQUARE_TESTS_CHAOS_ORACLE_LOG_H

#include <pthread.h>

#include "oracle.h"

#define ORACLE_BLOCK 4096u
#define ORACLE_BLOCKS 1024u
#define ORACLE_MARKS 1024u

struct oracle_job {
	char *body, *result; /* result NULL: any */
	enum oracle_end end;
	bool lengthy;
	char key[ORACLE_KEY_SIZE], id[ORACLE_ID_SIZE];
	uint64_t acknowledged_us; /* clock_wall_us; 0: not */
	unsigned web;             /* that acknowledged it */
	/* of its final answer; NULL: none yet */
	char *final;           /* as it came */
	enum oracle_end ended; /* never ORACLE_ANY */
	unsigned attempt;
	uint64_t finished_us;
	unsigned final_web; /* that gave it first */
	int worker;         /* index; -1: nobody */
	bool confirmed;     /* by another web role */
	bool gone;          /* 404 after the promise */
	unsigned taken;     /* starts that a fault took away */
	uint64_t hit_us;    /* the last one that had it in its hands when it died; 0: none */
	enum ledger_time hit_kind;
};

struct oracle_orphan {
	char id[ORACLE_ID_SIZE];
	bool started;
	uint64_t when_us;
	enum ledger_time kind;
};

struct oracle {
	struct chaos_run *run;
	struct ledger *ledger;
	pthread_mutex_t lock;
	struct oracle_job *blocks[ORACLE_BLOCKS];
	size_t n;
	unsigned *slots; /* hash of ids: job + 1; 0: free */
	size_t slot_count, slot_used;
	uint64_t loose; /* sendings without a key and without an acknowledgement: jobs that may be there, or not */
	unsigned excused;
	struct oracle_orphan *orphans;
	size_t orphan_count, orphan_max;
	uint64_t marks[ORACLE_MARKS];
	unsigned mark_count;
	uint64_t last_acknowledged[WORLD_INSTANCES], last_done[WORLD_INSTANCES];
};

struct oracle_job *oracle_job(const struct oracle *o, size_t job);
/* The job with this id; NULL: unknown. Under the lock, or alone. */
struct oracle_job *oracle_by_id(const struct oracle *o, const char *id);

#endif
