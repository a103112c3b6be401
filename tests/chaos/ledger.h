/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is published of a row: how many jobs of which fate, and how long recoveries took. It lives in memory that the
 * row's process and the harness share, and is written by many threads without a lock. */
#ifndef SQUARE_TESTS_CHAOS_LEDGER_H
#define SQUARE_TESTS_CHAOS_LEDGER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* After a load has stopped, submitted = acknowledged + replayed + refused + unknown. */
enum ledger_count {
	LEDGER_SUBMITTED,    /* submissions sent, an array's items one by one; one sent again counts again */
	LEDGER_ACKNOWLEDGED, /* jobs promised (202, or 200 with the result) */
	LEDGER_REPLAYED,     /* a key sent again: the answer was the first job */
	LEDGER_REFUSED,      /* 503, 429 */
	LEDGER_UNKNOWN,      /* no answer came: it may be there or not */
	LEDGER_SUCCEEDED,    /* of the acknowledged jobs, how they ended */
	LEDGER_FAILED,       /* failed, dead or expired */
	LEDGER_CANCELLED,
	LEDGER_RERUN,     /* jobs that were started more than once */
	LEDGER_READS,     /* answers about jobs that were compared */
	LEDGER_FAULTS,    /* kills, cuts and whatever else the row did */
	LEDGER_DUPLICATE, /* must be 0: a final result that changed, a second job of one key */
	LEDGER_LOST,      /* must be 0: acknowledged, and not final or not readable in the end */
	LEDGER_WRONG,     /* must be 0: another result or end than the job's known one */
	LEDGER_CHARGED,   /* must be 0: attempts charged beyond the starts that a fault took away */
	LEDGER_CORRUPT,   /* must be 0: violated invariants of the queue */
	LEDGER_UNASKED,   /* must be 0: processes that ended though nobody asked them to */
	LEDGER_COUNTS
};

/* Kinds of times, each with all of its samples. */
enum ledger_time {
	LEDGER_BY_LEASE, /* from a worker's death to the end of each job that was in its hands */
	LEDGER_BY_EXIT,  /* the same for a worker that was asked to stop */
	LEDGER_BY_RERUN, /* from a compute child's death until its job runs again */
	LEDGER_RESUME,   /* from Redis (or the network) being back to the first job done, of each web role and worker */
	LEDGER_RESTART,  /* from a web role's death until its port answers again */
	LEDGER_NOTICE,   /* from the fault until the service says so */
	LEDGER_OVERSHOOT,  /* beyond a limit, until it was enforced */
	LEDGER_BY_RESTART, /* as by lease, of a worker that was started again at once */
	LEDGER_BY_BACKOFF, /* of a job that was hit before: its back-off, which doubles each time, is in it */
	LEDGER_LATENCY,    /* of a request or job, while the fault lasts */
	LEDGER_TIMES
};

#define LEDGER_SAMPLES 200000u /* of each kind; what comes beyond is still in max and n */

struct ledger;

/* Shared with children that are forked later. Ends the program when there is no memory. */
struct ledger *ledger_new(void);
void ledger_free(struct ledger *l); /* NULL does nothing */

void ledger_add(struct ledger *l, enum ledger_count what, uint64_t n);
uint64_t ledger_get(const struct ledger *l, enum ledger_count what);
void ledger_time(struct ledger *l, enum ledger_time what, double ms);
uint64_t ledger_times(const struct ledger *l, enum ledger_time what); /* how many samples came */
/* The smallest sample that is not exceeded by percent of all (nearest rank; 100: the largest); 0 without samples. */
double ledger_percentile(const struct ledger *l, enum ledger_time what, double percent);
void ledger_set_trials(struct ledger *l, uint64_t n);
uint64_t ledger_trials(const struct ledger *l);
/* No failure in n trials bounds the rate of failures, with 95 % confidence, by 3/n; 1 for n < 3. */
double ledger_bound(const struct ledger *l);
/* The first count that must be 0 and is not, as a sentence in text; false when all are 0. */
bool ledger_violated(const struct ledger *l, char *text, size_t size);

const char *ledger_count_name(enum ledger_count what);
const char *ledger_time_name(enum ledger_time what);
json_t *ledger_json(const struct ledger *l); /* the caller's */

#endif
