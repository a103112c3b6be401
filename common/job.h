/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A job: its states, the table of its transitions, and its record in Redis (one packed string at T:j:ID).
 *
 * The record is written by the web role (job_record_encode: envelope and wishes), then changed only by the Lua library
 * (lua/record.lua, the same layout). Little-endian, times in microseconds of Redis TIME:
 *
 *   0  2 "J1"          2  1 state        3  1 priority      4  2 flags (bit 0: a tombstone stands in its list;
 *   6  2 attempt       8  2 max_attempts 10 4 result_ttl_s        bit 1: cancel asked; bit 2: one of its attempts
 *                                                                  took the computing process with it;
 *                                                                  bits 3-5: reuse of results, bit 8: suspect,
 *                                                                  enum job_flag)
 *   14 8 created_at    22 8 run_at       30 8 expires_at    38 8 started_at    46 8 finished_at
 *   54 8 expires_in_us 62 8 delay_us
 *   70 1+n batch (who runs it: INSTANCE.BOOT.COUNT; empty when nobody)
 *   .. 1+n reply names that want to hear of the end (RECEIVER[,RECEIVER...])
 *   .. 4+n envelope (never changed)      .. 4+n outcome (JSON: the result, or the error object; while it runs the
 *                                               progress object, or nothing)
 *
 * `attempt` counts attempts that have ended; one that is running counts for a reader once started_at is set.
 * Envelope: 1+n operation, 4 timeout_ms, 1 cache mode, 1+n trace id, then the arguments as JSON text. */
#ifndef SQUARE_JOB_H
#define SQUARE_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

enum job_state {
	JOB_DELAYED = 'd',
	JOB_QUEUED = 'q',
	JOB_RUNNING = 'r',
	JOB_SUCCEEDED = 's',
	JOB_FAILED = 'f',
	JOB_DEAD = 'x',
	JOB_CANCELLED = 'c',
	JOB_EXPIRED = 'e'
};
enum job_priority { JOB_HIGH = 'h', JOB_NORMAL = 'n', JOB_LOW = 'l' };
enum job_flag {
	JOB_FLAG_TOMBSTONE = 1,
	JOB_FLAG_CANCEL_ASKED = 2,
	JOB_FLAG_CRASHED = 4,
	JOB_FLAG_HIT = 8,      /* answered by a stored result */
	JOB_FLAG_JOINED = 16,  /* follows another job with the same question */
	JOB_FLAG_LED = 32,     /* others follow it */
	JOB_FLAG_SUSPECT = 256 /* its worker died while it was only presumed to run: its next start is told exactly */
};

#define JOB_OP_MAX 64
#define JOB_TRACE_MAX 64
#define JOB_BATCH_MAX 120   /* bytes of a batch id */
#define JOB_RECORD_FIXED 70 /* bytes before the batch */

/* A span of bytes that is borrowed from a record. */
struct span {
	const char *p;
	size_t n;
};

struct job {
	enum job_state state;
	enum job_priority priority;
	unsigned flags;
	unsigned attempt, max_attempts;
	uint32_t result_ttl_s, timeout_ms;
	uint64_t created_at, run_at, expires_at, started_at, finished_at; /* microseconds, 0 when unknown */
	uint64_t expires_in_us, delay_us;
	char cache; /* 'b' bypass, 'u' use */
	struct span batch, reply, op, trace, args, outcome;
};

const char *job_state_name(enum job_state s); /* "queued"; NULL for no state */
int job_state_parse(const char *s, size_t n, enum job_state *out);
const char *job_priority_name(enum job_priority p);
int job_priority_parse(const char *s, size_t n, enum job_priority *out);
bool job_state_done(enum job_state s);                      /* final */
bool job_state_may(enum job_state from, enum job_state to); /* the transition table */
/* The instance that runs or ran the job, the first part of its batch id; empty when there is none. */
struct span job_worker(const struct job *j);

/* Appends the record of a job that is about to be enqueued: op, args, trace, wishes and reply are read from *j, state
 * and times are left for Redis to fill in. 0, ERR_TOO_BIG or ERR_NOMEM. */
int job_record_encode(struct buf *out, const struct job *j);
/* Reads a record; spans point into it. 0, or ERR_INVALID with *j untouched. */
int job_record_decode(const char *record, size_t n, struct job *j);

#endif
