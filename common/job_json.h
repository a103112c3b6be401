/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The JSON face of a job: the job object of every reply, spliced from the record without a tree, and a submission read
 * with all its errors. Arguments and results pass through as the text they came as, so that no digit is lost.
 * Pure code, any thread. */
#ifndef SQUARE_JOB_JSON_H
#define SQUARE_JOB_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "catalog.h"
#include "err.h"
#include "job.h"
#include "keys.h"

#define JOB_JSON_LITERAL_MAX 4096         /* characters of a number */
#define JOB_JSON_DELAY_MAX_MS 2592000000u /* 30 days */
#define JOB_JSON_ATTEMPTS_MAX 100
#define JOB_JSON_ATTEMPTS 3
#define JOB_JSON_TTL_MAX_S 604800
#define JOB_JSON_TTL_S 3600
#define JOB_JSON_TIMEOUT_MS 30000 /* or the setting TimeoutMaxMs, when that is less */
#define JOB_JSON_ERRORS_MAX 256   /* told one by one; more are counted */
#define JOB_JSON_KEY_MAX 255      /* characters of an idempotency key */
#define JOB_JSON_DEFAULT_QUEUE "math"

/* Appends the job object. id: text. queue: a valid name. A job that was only just accepted may have no times but
 * created_at and run_at. */
void job_json(struct buf *out, const char *id, const char *queue, const struct job *j);

struct job_json_rules {
	unsigned depth; /* of nesting, a submission's outermost value is 1 */
	uint32_t timeout_max_ms;
	uint64_t now_us;               /* wall clock, to judge run_at */
	const struct catalog *catalog; /* what workers know; NULL: anything may be asked */
	bool direct;                   /* a call, not a job: op, args and timeout_ms are all there is */
};

struct submission { /* init with zeros; reading it again keeps its memory */
	char queue[KEYS_QUEUE_MAX + 1];
	char op[JOB_OP_MAX + 1];
	struct buf args;    /* compact JSON text, "[]" when there were none */
	struct buf key;     /* its idempotency_key; empty when there was none */
	uint64_t run_at_us; /* 0: by job.delay_us */
	struct job job;     /* wishes; op and args point into this struct, so do not copy it */
};
void submission_fini(struct submission *s);

struct job_json_fault {      /* init with zeros */
	struct errinfo json; /* ERR_INVALID: not well-formed, with line, column and position; code 0: it was */
	struct buf errors;   /* else `{"pointer":…,"detail":…},…` */
	unsigned n_errors;
	bool unknown_op; /* nothing is wrong but that no worker knows the operation */
};
void job_json_fault_fini(struct job_json_fault *f);

/* Reads one submission. 0; or ERR_INVALID with *fault telling why; or ERR_NOMEM. */
int job_json_read(const char *body, size_t n, const struct job_json_rules *rules, struct submission *out,
		  struct job_json_fault *fault);

/* A body that may hold several submissions: opened, read one after the other, closed. */
struct job_json_body {
	const struct job_json_rules *rules; /* borrowed, like the text */
	bool many;                          /* an array, of any length; else one submission, if it is one */
	size_t n;                           /* submissions */
	/* of the reader */
	size_t at;
	struct json_t *tree;
	struct span rest, args;
};
/* 0; or ERR_INVALID when it is not well-formed (*fault tells where), or ERR_NOMEM: then there is nothing to close. */
int job_json_open(struct job_json_body *b, const char *body, size_t n, const struct job_json_rules *rules,
		  struct job_json_fault *fault);
/* Reads the next one, to be called n times at most. *text (may be NULL): where it stands in the body. Returns as
 * job_json_read; pointers are relative to this submission. */
int job_json_next(struct job_json_body *b, struct span *text, struct submission *out, struct job_json_fault *fault);
void job_json_close(struct job_json_body *b);

/* Adds one error to a fault. pointer: RFC 6901. */
void job_json_complain(struct job_json_fault *f, const char *pointer, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
