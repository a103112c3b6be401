/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The jobs of one claim, from the claim's reply until Redis has acknowledged what became of each of them. A batch is
 * the unit of the lease and the fencing token: its id goes with every call. The state of an entry says what is still
 * owed, and batch_pump() makes the calls of all batches that are dirty: at once after a call for many was answered with
 * an error (then one by one), when the link is back after a loss, and with the next heartbeat when Redis refuses for
 * the time being.
 *
 *   CLAIMED --start sent--> STARTING --'s'--> READY --run--> RUNNING --> DONE --finish sent--> FINISHING --> GONE
 *      \--no slot, or draining--> GIVE_BACK --release sent--> RELEASING ------------------------------------> GONE
 *
 * Short jobs skip the wait: their start is written to the socket, then they run; should the worker die, nobody knows
 * which of them ran, and they become suspects. A suspect waits for the verdict of its start like a long one, one at a
 * time and with nothing else in the loop, so that it is charged for its own doing and for nobody else's. Heavy ones,
 * for which the claim brought more than there are children, go back at once, for a worker that has one; and so do
 * those whose arguments would be too much to have in memory at once, before they are even read. One loop, one thread.
 */
#ifndef SQUARE_BATCH_H
#define SQUARE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "executor.h"
#include "queue.h"
#include "rlinks.h"
#include "tally.h"

enum entry_state {
	ENTRY_CLAIMED,
	ENTRY_STARTING,
	ENTRY_READY,
	ENTRY_RUNNING,
	ENTRY_DONE,
	ENTRY_FINISHING,
	ENTRY_GIVE_BACK,
	ENTRY_RELEASING,
	ENTRY_GONE
};

/* Bytes of arguments in hand that have not been computed. In memory they may be fifty times as large, so a claim is
 * bounded by them too: what is beyond goes back as it came. Small ones count, but are never the ones too many. */
#define BATCH_ARGS_MAX (4u << 20)
#define BATCH_ARGS_SMALL 4096u

struct batch;

struct entry {
	struct batch *batch;
	enum entry_state state;
	char id[ID_TEXT_SIZE];
	char trace[JOB_TRACE_MAX + 1];
	const struct op *op; /* NULL: none of ours */
	uint64_t waited_us;  /* from when it could run until the claim */
	bool prepared;       /* call holds something */
	bool is_short;       /* runs in the loop, without waiting for the verdict of its start */
	bool is_heavy;       /* runs in a compute child */
	bool is_suspect;     /* runs in the loop, where its worker died once: waits for the verdict, runs alone */
	size_t args_bytes;   /* that call was made from */
	struct op_call call;
	struct executor_job *run;
	char kind; /* outcome: 's' 'f' 'c' 'r' 'w' */
	uint64_t run_us;
	uint64_t told_us; /* when its progress was last told */
	size_t at, len;   /* its JSON in batch->results */
};

struct batch_owner; /* what a batch needs from the claimer, see below */

struct batch {
	struct batch_owner *owner;
	struct batch *next, *prev;
	unsigned tag; /* index in owner->tags */
	char id[JOB_BATCH_MAX];
	uint64_t claimed_us;
	size_t n, left;     /* entries; those not gone */
	unsigned in_flight; /* calls of this batch without an answer */
	bool dirty;         /* some entry owes a call */
	bool lost;          /* the lease ran out: nothing more is owed to Redis */
	bool singly;        /* a call for many failed: make them one by one */
	struct buf results;
	struct entry entries[QUEUE_BATCH_MAX];
};

struct batch_stats {
	uint64_t claimed, succeeded, failed, cancelled, retried, dead, fenced, released;
};

struct batch_owner {
	struct rlinks *links;
	struct executor *executor;
	struct tally *tally;                                               /* NULL: nobody counts */
	const char *(*tag)(struct batch_owner *owner, unsigned index);     /* NULL behind the last */
	size_t *(*tag_running)(struct batch_owner *owner, unsigned index); /* counts `running` of it; may be NULL */
	bool draining;
	struct batch *batches, *last; /* all live ones, the oldest first */
	struct batch *spare;
	size_t count;      /* live batches */
	size_t ready;      /* short entries waiting to run */
	size_t promised;   /* timed entries about to start: each will want a slot of the executor */
	size_t heavies;    /* heavy entries about to start: each will want a child */
	size_t running;    /* entries in the executor */
	uint64_t starts;   /* entries that ever came to run */
	size_t suspects;   /* suspect entries whose start is on its way, or that run: at most 1 */
	size_t args_bytes; /* of entries that are still to be computed here */
	bool bulky;        /* arguments had to be given back; until small ones come, only as many are taken as fit */
	bool crowded;      /* heavy jobs had to be given back; until the claims bring none, only as many are taken */
	struct batch_stats stats;
};

/* Takes the jobs of a claim. Prepares every call, sends the start of the short ones at once (and flushes the link)
 * unless the claim has `started` them, and fails those whose arguments are wrong. NULL when memory ran out: the lease
 * will bring the jobs back.
 * *longs: how many of them were not short. */
struct batch *batch_new(struct batch_owner *owner, unsigned tag, const char *id, const struct queue_claim *claim,
			bool started, size_t *longs);
/* Runs short entries until budget_us is used up. True when some are left. */
bool batch_run_ready(struct batch_owner *owner, uint64_t budget_us);
/* Makes the calls that entries owe, as far as the links of their shards are up. */
void batch_pump(struct batch_owner *owner);
/* Extends the leases of all batches older than min_age_us, and acts on the answers (cancel asked, lost). */
void batch_heartbeat(struct batch_owner *owner, uint64_t min_age_us);
/* Somebody asked for the cancel of a job of this batch. Does nothing when it is not running (any more). */
void batch_cancel_job(struct batch_owner *owner, const char *batch, const char *id);
/* From now on nothing starts: what has not started is given back. */
void batch_drain(struct batch_owner *owner);
/* Cancels what runs and gives it back too, uncharged. */
void batch_give_back_all(struct batch_owner *owner);
unsigned batch_running(const struct batch_owner *owner); /* jobs in hand */
void batch_free_all(struct batch_owner *owner);          /* only after executor and link are gone */

#endif
