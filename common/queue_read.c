/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading jobs, for the web role: a job is one GET; a watch also leaves word where its end should be reported. And what
 * else is done to a single job from outside: cancel, retry. */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "queue.h"

struct read {
	queue_job_cb *cb;
	void *arg;
};

static void on_record(void *arg, int status, const struct rreply *reply)
{
	struct read r = *(struct read *)arg;
	struct job job;
	size_t n;
	free(arg);
	if (status) {
		if (status == ERR_PROTOCOL)
			log_error("queue: cannot read a job: %s", rreply_str(reply, NULL));
		r.cb(r.arg, status, NULL);
		return;
	}
	if (rreply_type(reply) == RREPLY_NIL) {
		r.cb(r.arg, ERR_NOT_FOUND, NULL);
		return;
	}
	const char *record = rreply_str(reply, &n);
	status = job_record_decode(record, n, &job);
	r.cb(r.arg, status, status ? NULL : &job);
}

static int ask(struct rlink *link, struct rcmd *cmd, queue_job_cb *cb, void *arg)
{
	struct read *r = malloc(sizeof *r);
	if (!r)
		return ERR_NOMEM;
	*r = (struct read){ cb, arg };
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

struct change {
	queue_cancel_cb *cb;
	void *arg;
	const char *what;
};

static void on_changed(void *arg, int status, const struct rreply *reply)
{
	struct change c = *(struct change *)arg;
	struct job job;
	size_t n;
	free(arg);
	if (status == ERR_PROTOCOL)
		log_error("queue: %s failed: %s", c.what, rreply_str(reply, NULL));
	char code = '\0';
	if (!status)
		code = rreply_str(rreply_at(reply, 0), NULL)[0];
	if (!status && code == '0')
		status = ERR_NOT_FOUND;
	if (!status) {
		const char *record = rreply_str(rreply_at(reply, 1), &n);
		status = job_record_decode(record, n, &job);
	}
	c.cb(c.arg, status, code, status ? NULL : &job);
}

/* Sends cmd, and frees it. */
static int change(struct rlink *link, struct rcmd *cmd, struct change what)
{
	struct change *c = malloc(sizeof *c);
	int rc = c ? 0 : ERR_NOMEM;
	if (c) {
		*c = what;
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
	return change(link, &cmd, (struct change){ cb, arg, "cancel" });
}

int queue_retry(struct rlink *link, const char *tag, const char *id, uint64_t live_max, queue_cancel_cb *cb, void *arg)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_retry", tag);
	rcmd_str(&cmd, id);
	rcmd_uint(&cmd, live_max);
	return change(link, &cmd, (struct change){ cb, arg, "retry" });
}

/* ---- tags ---- */

struct registration {
	queue_register_cb *cb;
	void *arg;
};

static void on_registered(void *arg, int status, const struct rreply *reply)
{
	struct registration r = *(struct registration *)arg;
	free(arg);
	if (status == ERR_PROTOCOL && strstr(rreply_str(reply, NULL), "too many queues"))
		status = ERR_FULL;
	r.cb(r.arg, status, status ? 0 : (unsigned)rreply_int(reply));
}

int queue_register(struct rlink *link, const char *tag, queue_register_cb *cb, void *arg)
{
	struct registration *r = malloc(sizeof *r);
	struct rcmd cmd;
	if (!r)
		return ERR_NOMEM;
	*r = (struct registration){ cb, arg };
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_register", KEYS_REG);
	rcmd_str(&cmd, tag);
	int rc = rlink_send(link, &cmd, on_registered, r);
	if (rc)
		free(r);
	rcmd_fini(&cmd);
	return rc;
}
