/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who knows what must come out. It logs each submission (its body, key, known answer; when and through which web role
 * it was sent and acknowledged) and every answer about a job, and compares: a final answer must be the known one and
 * never change, whoever gives it. Counts go to the run's ledger. Any thread. */
#ifndef SQUARE_TESTS_CHAOS_ORACLE_H
#define SQUARE_TESTS_CHAOS_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chaos.h"
#include "ledger.h"
#include "world.h"

struct oracle;

#define ORACLE_ID_SIZE 37
#define ORACLE_KEY_SIZE 40

enum oracle_end { ORACLE_SUCCEEDS, ORACLE_FAILS, ORACLE_DIES, ORACLE_CANCELLED, ORACLE_ANY };

struct oracle_spec {        /* copied */
	const char *body;   /* the submission, one JSON object, without a key */
	const char *result; /* the known result as compact JSON with sorted members; NULL: any */
	enum oracle_end end;
	bool lengthy; /* runs longer than a recovery may take: no sample of one */
	bool keyed;   /* gets an idempotency key of its own, and may be sent again when its fate is unknown */
};

struct oracle *oracle_new(struct chaos_run *r);
void oracle_free(struct oracle *o); /* NULL does nothing */

/* A submission is about to be sent. What comes back names it from now on. */
size_t oracle_submission(struct oracle *o, const struct oracle_spec *spec);
const char *oracle_body(const struct oracle *o, size_t job); /* the body as given */
const char *oracle_key(const struct oracle *o, size_t job);  /* "" without one */
const char *oracle_id(const struct oracle *o, size_t job);   /* "" until it is acknowledged */
size_t oracle_count(const struct oracle *o);
/* One sending of it, through this web role; exactly one of the next three follows. */
void oracle_sent(struct oracle *o, size_t job, unsigned web);
/* The answer was 202 or 200 with this job object. A second id for one key is a duplicate. */
void oracle_acknowledged(struct oracle *o, size_t job, unsigned web, const char *id);
void oracle_refused(struct oracle *o, size_t job, unsigned web); /* 503, 429: not there */
void oracle_unknown(struct oracle *o, size_t job, unsigned web); /* no answer */
/* Any other answer fails the row. */
void oracle_unexpected(struct oracle *o, size_t job, long status, const char *text);
/* A web role has told about a job, as a job object (text). Returns whether it is final. */
bool oracle_read(struct oracle *o, size_t job, unsigned web, const char *object);

/* Of a worker that has just died (or is about to be told to stop): every job in its hands now, read from Redis, is
 * remembered, as started or not. Its recovery is measured from when_us (clock_wall_us()) to the end of the job, as a
 * sample of `kind`; a start that was taken away is one that may be charged.
 * A job that is hit again is a sample of LEDGER_BY_BACKOFF instead. How many jobs. */
size_t oracle_orphans(struct oracle *o, struct rsync *link, const char *instance, uint64_t when_us,
		      enum ledger_time kind);
/* For faults that take starts away without naming the jobs (Redis dies, the network hangs): every job may be charged so
 * many attempts more. */
void oracle_excuse(struct oracle *o, unsigned attempts);

/* Redis is about to be killed (-9) while its log is written every second. What it then holds back is forgotten; no
 * submission is acknowledged before that is written, and no end is told; but workers are told at once. So a job that is
 * done, and of whose end nobody was told, may be done again, and may be charged one attempt more. */
void oracle_redis_dies(struct oracle *o);
/* Redis, or the way to it, is back since when_us (clock_wall_us()), under load. Settling makes a sample of
 * LEDGER_RESUME for each web role (its first acknowledgement since) and each worker (its first job done). */
void oracle_mark(struct oracle *o, uint64_t when_us);
/* Whether every web role has acknowledged and every worker has done something since the last mark, as far as answers
 * were read. */
bool oracle_resumed(struct oracle *o, struct world *w);

/* The faults are healed and the load has stopped: sends again what is keyed and of unknown fate, reads every
 * acknowledged job until it is final at one web role, and once more at another (the same answer; each of the two within
 * the deadline), counts the fates, then checks all invariants of the queue. False, and the run has failed, when a
 * promise is broken. */
bool oracle_settle(struct oracle *o, struct world *w, unsigned deadline_ms);
/* The same for the invariants alone, of a queue that is at rest. */
bool oracle_check_queue(struct oracle *o, struct world *w);

#endif
