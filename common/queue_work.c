/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The worker's calls: claim, start, finish, fail, extend, release, reap, look. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "queue.h"

/* The caller of one call in flight. */
struct caller {
	union {
		queue_claim_cb *claim;
		queue_verdicts_cb *verdicts;
		queue_extend_cb *extend;
		queue_reap_cb *reap;
	} cb;
	void *arg;
	const char *function;
};

/* Sends cmd (and frees it); the caller record goes to on_reply, which frees it. */
static int ask(struct rlink *link, struct rcmd *cmd, struct caller caller, rlink_reply_cb *on_reply)
{
	struct caller *c = malloc(sizeof *c);
	int rc = c ? 0 : ERR_NOMEM;
	if (c) {
		*c = caller;
		rc = rlink_send(link, cmd, on_reply, c);
	}
	if (rc)
		free(c);
	rcmd_fini(cmd);
	return rc;
}

static struct caller take_caller(void *arg, int status, const struct rreply *reply)
{
	struct caller c = *(struct caller *)arg;
	free(arg);
	if (status == ERR_PROTOCOL)
		log_error("queue: %s failed: %s", c.function, rreply_str(reply, NULL));
	return c;
}

/* ---- claim ---- */

/* Reply: now, next due, more, paused, then id and record of each job. */
static int read_claim(const struct rreply *reply, struct queue_claim *claim, struct queue_claimed *jobs)
{
	size_t n = rreply_count(reply);
	if (n < 4 || n % 2 || (n - 4) / 2 > QUEUE_BATCH_MAX)
		return ERR_PROTOCOL;
	*claim = (struct queue_claim){ .now_us = (uint64_t)rreply_int(rreply_at(reply, 0)),
				       .next_due_us = (uint64_t)rreply_int(rreply_at(reply, 1)),
				       .more = rreply_int(rreply_at(reply, 2)) != 0,
				       .paused = rreply_int(rreply_at(reply, 3)) != 0,
				       .jobs = jobs };
	for (size_t i = 4; i < n; i += 2) {
		struct queue_claimed *job = &jobs[claim->n];
		size_t id_len;
		job->id = rreply_str(rreply_at(reply, i), &id_len);
		job->record.p = rreply_str(rreply_at(reply, i + 1), &job->record.n);
		if (id_len != ID_TEXT_LEN) {
			log_error("queue: job claimed whose id has %zu characters, expected %d; its lease will run out",
				  id_len, ID_TEXT_LEN);
			continue;
		}
		if (job_record_decode(job->record.p, job->record.n, &job->job)) {
			log_error("queue: unreadable record of job %s claimed", job->id);
			job->job = (struct job){ .op = { "", 0 }, .trace = { "", 0 }, .args = { "", 0 } };
		}
		claim->n++;
	}
	return 0;
}

static void on_claimed(void *arg, int status, const struct rreply *reply)
{
	struct caller c = take_caller(arg, status, reply);
	struct queue_claimed jobs[QUEUE_BATCH_MAX];
	struct queue_claim claim;
	if (!status)
		status = read_claim(reply, &claim, jobs);
	c.cb.claim(c.arg, status, status ? NULL : &claim);
}

int queue_claim(struct rlink *link, const char *tag, const char *batch, unsigned max, bool start, queue_claim_cb *cb,
		void *arg)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_claim", tag);
	rcmd_str(&cmd, batch);
	rcmd_uint(&cmd, max);
	rcmd_uint(&cmd, QUEUE_LEASE_US);
	rcmd_arg(&cmd, start ? "2" : "0", 1);
	return ask(link, &cmd, (struct caller){ .cb.claim = cb, .arg = arg, .function = "claim" }, on_claimed);
}

/* ---- start, finish, release: a verdict for each job ---- */

static void on_verdicts(void *arg, int status, const struct rreply *reply)
{
	struct caller c = take_caller(arg, status, reply);
	size_t n = 0;
	const char *verdicts = NULL;
	if (!status)
		verdicts = rreply_str(rreply_type(reply) == RREPLY_ARRAY ? rreply_at(reply, 1) : reply, &n);
	c.cb.verdicts(c.arg, status, verdicts, n);
}

int queue_start(struct rlink *link, const char *tag, const char *batch, bool show, const char *const *ids, size_t n,
		queue_verdicts_cb *cb, void *arg)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_start", tag);
	rcmd_str(&cmd, batch);
	rcmd_arg(&cmd, show ? "1" : "0", 1);
	for (size_t i = 0; i < n; i++)
		rcmd_arg(&cmd, ids[i], ID_TEXT_LEN);
	return ask(link, &cmd, (struct caller){ .cb.verdicts = cb, .arg = arg, .function = "start" }, on_verdicts);
}

int queue_release(struct rlink *link, const char *tag, const char *batch, const char *const *ids, size_t n,
		  queue_verdicts_cb *cb, void *arg)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_release", tag);
	rcmd_str(&cmd, batch);
	for (size_t i = 0; i < n; i++)
		rcmd_arg(&cmd, ids[i], ID_TEXT_LEN);
	return ask(link, &cmd, (struct caller){ .cb.verdicts = cb, .arg = arg, .function = "release" }, on_verdicts);
}

int queue_finish(struct rlink *link, const char *tag, const char *batch, bool retryable,
		 const struct queue_outcome *outcomes, size_t n, queue_verdicts_cb *cb, void *arg)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, retryable ? "sq_fail" : "sq_finish", tag);
	rcmd_str(&cmd, batch);
	for (size_t i = 0; i < n; i++) {
		rcmd_arg(&cmd, outcomes[i].id, ID_TEXT_LEN);
		rcmd_arg(&cmd, &outcomes[i].kind, 1);
		rcmd_uint(&cmd, outcomes[i].run_us);
		rcmd_arg(&cmd, outcomes[i].json.p, outcomes[i].json.n);
	}
	return ask(link, &cmd,
		   (struct caller){ .cb.verdicts = cb, .arg = arg, .function = retryable ? "fail" : "finish" },
		   on_verdicts);
}

/* ---- progress ---- */

static void on_progress(void *arg, int status, const struct rreply *reply)
{
	(void)arg;
	if (status == ERR_PROTOCOL)
		log_error("queue: progress failed: %s", rreply_str(reply, NULL));
}

int queue_progress(struct rlink *link, const char *tag, const char *batch, const char *id, struct span json)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_progress", tag);
	rcmd_str(&cmd, batch);
	rcmd_arg(&cmd, id, ID_TEXT_LEN);
	rcmd_arg(&cmd, json.p, json.n);
	int rc = rlink_send(link, &cmd, on_progress, NULL);
	rcmd_fini(&cmd);
	return rc;
}

/* ---- extend ---- */

static void on_extended(void *arg, int status, const struct rreply *reply)
{
	struct caller c = take_caller(arg, status, reply);
	c.cb.extend(c.arg, status, reply);
}

int queue_extend(struct rlink *link, const char *tag, const char *const *batches, size_t n, queue_extend_cb *cb,
		 void *arg)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_extend", tag);
	rcmd_uint(&cmd, QUEUE_LEASE_US);
	for (size_t i = 0; i < n; i++)
		rcmd_str(&cmd, batches[i]);
	return ask(link, &cmd, (struct caller){ .cb.extend = cb, .arg = arg, .function = "extend" }, on_extended);
}

/* ---- reap ---- */

static void on_reaped(void *arg, int status, const struct rreply *reply)
{
	struct caller c = take_caller(arg, status, reply);
	struct queue_reaped reaped = { 0 };
	if (!status && rreply_count(reply) < 13)
		status = ERR_PROTOCOL;
	if (!status) {
		unsigned *const counts[] = { &reaped.requeued,  &reaped.retried,  &reaped.died,
					     &reaped.cancelled, &reaped.expired,  &reaped.promoted,
					     &reaped.rearmed,   &reaped.isolated, &reaped.leases };
		reaped.now_us = (uint64_t)rreply_int(rreply_at(reply, 0));
		reaped.next_due_us = (uint64_t)rreply_int(rreply_at(reply, 1));
		for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
			*counts[i] = (unsigned)rreply_int(rreply_at(reply, i + 2));
		reaped.more = rreply_int(rreply_at(reply, 11)) != 0;
		reaped.waiting = (uint64_t)rreply_int(rreply_at(reply, 12));
	}
	c.cb.reap(c.arg, status, status ? NULL : &reaped);
}

int queue_reap(struct rlink *link, const char *tag, const char *instance, const char *boot, queue_reap_cb *cb,
	       void *arg)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_reap", tag);
	rcmd_uint(&cmd, QUEUE_LEASE_US);
	rcmd_str(&cmd, instance);
	rcmd_str(&cmd, boot);
	rcmd_uint(&cmd, QUEUE_BATCH_MAX);
	return ask(link, &cmd, (struct caller){ .cb.reap = cb, .arg = arg, .function = "reap" }, on_reaped);
}

/* ---- look ---- */

int queue_look(struct rlink *link, const char *const *tags, size_t n, queue_verdicts_cb *cb, void *arg)
{
	struct rcmd cmd;
	if (n < 1 || n > QUEUE_LOOK_MAX)
		return ERR_INVALID;
	rcmd_init(&cmd);
	rcmd_str(&cmd, "FCALL");
	rcmd_str(&cmd, "sq_look");
	rcmd_str(&cmd, "0");
	for (size_t i = 0; i < n; i++)
		rcmd_str(&cmd, tags[i]);
	return ask(link, &cmd, (struct caller){ .cb.verdicts = cb, .arg = arg, .function = "look" }, on_verdicts);
}
