/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading jobs, for the web role: a job is one GET; a watch also leaves word where its end should be reported. And what
 * else is done to a single job from outside: cancel, retry. */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "queue.h"
#include "queue_seal.h"

/* Who is to be told of a job: one of the two. */
struct teller {
	struct rlink *link; /* that answers: not the first one, if the question was sent on to another node */
	queue_job_cb *cb;
	queue_cancel_cb *change_cb;
	void *arg;
	const char *what; /* of a change, for messages */
	char code;
};

/* The record of a job that has ended, until its end outlives Redis. */
struct end {
	struct teller teller;
	size_t n;
	char record[];
};

static void tell(const struct teller *t, int status, const struct job *job)
{
	if (t->cb)
		t->cb(t->arg, status, status ? NULL : job);
	else
		t->change_cb(t->arg, status, t->code, status ? NULL : job);
}

static void on_sealed(void *arg, int status)
{
	struct end *e = arg;
	struct job job;
	if (!status)
		status = job_record_decode(e->record, e->n, &job);
	tell(&e->teller, status, &job);
	free(e);
}

/* Tells of a record that was read: at once, unless the job has ended just now (queue_seal.h). */
static void tell_record(const struct teller *t, const char *record, size_t n)
{
	struct job job;
	int rc = job_record_decode(record, n, &job);
	struct queue_seal *seal = !rc && job_state_done(job.state) ? queue_seal_of(t->link) : NULL;
	if (rc || !job_state_done(job.state) || (seal && queue_seal_is_old(seal, job.finished_at))) {
		tell(t, rc, &job);
		return;
	}
	struct end *e = malloc(sizeof *e + n);
	rc = e && seal ? queue_seal_hold(seal, job.finished_at, on_sealed, e) : ERR_NOMEM;
	if (rc) {
		free(e);
		tell(t, rc, NULL);
		return;
	}
	e->teller = *t;
	e->n = n;
	memcpy(e->record, record, n);
}

static void on_record(void *arg, int status, const struct rreply *reply)
{
	struct teller t = *(struct teller *)arg;
	size_t n;
	free(arg);
	if (status == ERR_PROTOCOL)
		log_error("queue: cannot read a job: %s", rreply_str(reply, NULL));
	if (!status && rreply_type(reply) == RREPLY_NIL)
		status = ERR_NOT_FOUND;
	if (status) {
		tell(&t, status, NULL);
		return;
	}
	const char *record = rreply_str(reply, &n);
	tell_record(&t, record, n);
}

static int ask(struct rlink *link, struct rcmd *cmd, queue_job_cb *cb, void *arg)
{
	struct teller *r = malloc(sizeof *r);
	if (!r)
		return ERR_NOMEM;
	*r = (struct teller){ .cb = cb, .arg = arg };
	cmd->taken_by = &r->link;
	int rc = rlink_send(link, cmd, on_record, r);
	if (rc)
		free(r);
	return rc;
}

int queue_get(struct rlink *link, const char *tag, const char *id, queue_job_cb *cb, void *arg)
{
	struct rcmd cmd;
	char key[KEYS_NAME_SIZE];
	rcmd_init(&cmd);
	keys_job(key, tag, id);
	rcmd_arg(&cmd, "GET", 3);
	rcmd_str(&cmd, key);
	cmd.follows = true;
	int rc = ask(link, &cmd, cb, arg);
	rcmd_fini(&cmd);
	return rc;
}

int queue_watch(struct rlink *link, const char *tag, const char *id, const char *receiver, queue_job_cb *cb, void *arg)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_watch", tag);
	rcmd_str(&cmd, id);
	rcmd_str(&cmd, receiver);
	int rc = ask(link, &cmd, cb, arg);
	rcmd_fini(&cmd);
	return rc;
}

int queue_reply_decode(const char *entry, size_t n, char id[ID_TEXT_SIZE], struct job *job)
{
	if (n < ID_TEXT_LEN)
		return ERR_INVALID;
	int rc = job_record_decode(entry + ID_TEXT_LEN, n - ID_TEXT_LEN, job);
	if (rc)
		return rc;
	memcpy(id, entry, ID_TEXT_LEN);
	id[ID_TEXT_LEN] = '\0';
	return 0;
}

/* ---- cancel, retry ---- */

static void on_changed(void *arg, int status, const struct rreply *reply)
{
	struct teller t = *(struct teller *)arg;
	size_t n;
	free(arg);
	if (status == ERR_PROTOCOL)
		log_error("queue: %s failed: %s", t.what, rreply_str(reply, NULL));
	t.code = '\0';
	if (!status)
		t.code = rreply_str(rreply_at(reply, 0), NULL)[0];
	if (!status && t.code == '0')
		status = ERR_NOT_FOUND;
	if (status) {
		tell(&t, status, NULL);
		return;
	}
	const char *record = rreply_str(rreply_at(reply, 1), &n);
	tell_record(&t, record, n);
}

/* Sends cmd, and frees it. */
static int change(struct rlink *link, struct rcmd *cmd, struct teller what)
{
	struct teller *c = malloc(sizeof *c);
	int rc = c ? 0 : ERR_NOMEM;
	if (c) {
		*c = what;
		cmd->taken_by = &c->link;
		rc = rlink_send(link, cmd, on_changed, c);
	}
	if (rc)
		free(c);
	rcmd_fini(cmd);
	return rc;
}

int queue_cancel(struct rlink *link, const char *tag, const char *id, queue_cancel_cb *cb, void *arg)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_cancel", tag);
	rcmd_str(&cmd, id);
	return change(link, &cmd, (struct teller){ .change_cb = cb, .arg = arg, .what = "cancel" });
}

int queue_retry(struct rlink *link, const char *tag, const char *id, uint64_t live_max, queue_cancel_cb *cb, void *arg)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_retry", tag);
	rcmd_str(&cmd, id);
	rcmd_uint(&cmd, live_max);
	return change(link, &cmd, (struct teller){ .change_cb = cb, .arg = arg, .what = "retry" });
}

/* ---- tags ---- */

struct registration {
	queue_register_cb *cb;
	queue_register_shard_cb *shard_cb; /* with its number of shards */
	void *arg;
};

static void on_registered(void *arg, int status, const struct rreply *reply)
{
	struct registration r = *(struct registration *)arg;
	free(arg);
	if (status == ERR_PROTOCOL && strstr(rreply_str(reply, NULL), "too many queues"))
		status = ERR_FULL;
	const struct rreply *index = r.cb ? reply : rreply_at(reply, 0), *keyed = rreply_at(reply, 1);
	if (!status && (rreply_type(index) != RREPLY_INTEGER || (r.shard_cb && rreply_int(keyed) < 1)))
		status = ERR_PROTOCOL;
	if (r.cb)
		r.cb(r.arg, status, status ? 0 : (unsigned)rreply_int(index));
	else
		r.shard_cb(r.arg, status, status ? 0 : (unsigned)rreply_int(index),
			   status ? 0 : (unsigned)rreply_int(keyed));
}

static int register_tag(struct rlink *link, const char *tag, unsigned shards, struct registration how)
{
	struct registration *r = malloc(sizeof *r);
	struct rcmd cmd;
	if (!r)
		return ERR_NOMEM;
	*r = how;
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_register", KEYS_REG);
	rcmd_str(&cmd, tag);
	if (shards)
		rcmd_uint(&cmd, shards);
	int rc = rlink_send(link, &cmd, on_registered, r);
	if (rc)
		free(r);
	rcmd_fini(&cmd);
	return rc;
}

int queue_register(struct rlink *link, const char *tag, queue_register_cb *cb, void *arg)
{
	return register_tag(link, tag, 0, (struct registration){ .cb = cb, .arg = arg });
}

int queue_register_shard(struct rlink *link, const char *tag, unsigned shards, queue_register_shard_cb *cb, void *arg)
{
	return register_tag(link, tag, shards, (struct registration){ .shard_cb = cb, .arg = arg });
}
