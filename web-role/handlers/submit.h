/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the submission of one job and that of an array have in common. The reactor's thread. */
#ifndef SQUARE_SUBMIT_H
#define SQUARE_SUBMIT_H

#include "problem.h"
#include "queue.h"
#include "request.h"

#define SUBMIT_ARRAY_MAX 1000

/* The job as Redis has just accepted it, by the same rules (lua/enqueue.lua). */
struct job submit_accepted_job(const struct submission *s, uint64_t created_us);
/* Keeps whether the accepted job follows another one. */
static inline void submit_joined(struct submission *s, enum queue_verdict verdict)
{
	s->job.flags = verdict == QUEUE_ACCEPTED_JOINED ? JOB_FLAG_JOINED : 0;
}
/* The job without arguments that are too long to be sent back at once. */
struct job submit_brief_job(const struct job *job);

/* What a verdict that is no acceptance means. */
enum problem submit_refusal(enum queue_verdict verdict, const char **detail);
/* What it means that a submission could not be given to Redis for what it is: of ERR_TOO_BIG or ERR_INVALID. */
enum problem submit_unfit(int rc, const char **detail);
static inline bool submit_is_unfit(int rc)
{
	return rc == ERR_TOO_BIG || rc == ERR_INVALID;
}
/* Nobody knows whether Redis has the job, or it has and that is no promise yet: its id lets the client find out.
 * status: one of submit_is_unknown(). more: appended to. */
#define SUBMIT_DETAIL_SIZE 300
enum problem submit_unknown(const struct request *r, int status, const char *id, char detail[SUBMIT_DETAIL_SIZE],
			    struct buf *more);
static inline bool submit_is_unknown(int status)
{
	return status == ERR_UNKNOWN || status == ERR_TIMEOUT || status == ERR_REPLICAS;
}
/* Any other status of a submission that was not accepted: why. False: for response_unavailable() to say. */
bool submit_unavailable(const struct request *r, int status, char detail[SUBMIT_DETAIL_SIZE]);

/* The rest of *q, from the submission and the request. key: "" for none; text: the submission as it came. digests: as
 * the call of queue_submit() needs them. As digests_fill(). */
struct digests;
int submit_fill(struct queue_submit *q, struct digests *d, struct request *r, const struct submission *s,
		struct span key, struct span text);

/* An operation that no worker had when the catalogue was read may have come since. True: it is being read anew, and the
 * request begins again then. */
bool submit_ask_catalogue(struct request *r);

/* Goes on with an array, which is open. Answers, now or later. (submit_array.c) */
void submit_array(struct request *r, struct job_json_body *body);

#endif
