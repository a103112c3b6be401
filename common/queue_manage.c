/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A queue as a whole, for the web role: redrive, pause, figures, pages of its jobs, and looks at many of them. */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "queue.h"

/* The caller of one call in flight. */
struct caller {
	union {
		queue_redrive_cb *redrive;
		queue_pause_cb *pause;
		queue_figures_cb *figures;
		queue_list_cb *list;
		queue_peek_cb *peek;
	} cb;
	void *arg;
	const char *function;
	size_t n; /* jobs asked for */
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

/* ---- redrive, pause ---- */

static void on_redriven(void *arg, int status, const struct rreply *reply)
{
	struct caller c = take_caller(arg, status, reply);
	unsigned moved = status ? 0 : (unsigned)rreply_int(rreply_at(reply, 0));
	bool more = !status && rreply_int(rreply_at(reply, 1)) != 0;
	if (!status && moved == 0 && rreply_int(rreply_at(reply, 2)) != 0)
		status = ERR_FULL;
	c.cb.redrive(c.arg, status, moved, more);
}

int queue_redrive(struct rlink *link, const char *tag, unsigned max, uint64_t live_max, queue_redrive_cb *cb, void *arg)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_redrive", tag);
	rcmd_uint(&cmd, max);
	rcmd_uint(&cmd, live_max);
	return ask(link, &cmd, (struct caller){ .cb.redrive = cb, .arg = arg, .function = "redrive" }, on_redriven);
}

static void on_paused(void *arg, int status, const struct rreply *reply)
{
	struct caller c = take_caller(arg, status, reply);
	c.cb.pause(c.arg, status, !status && rreply_int(reply) != 0);
}

int queue_pause(struct rlink *link, const char *tag, bool paused, queue_pause_cb *cb, void *arg)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_pause", tag);
	rcmd_arg(&cmd, paused ? "1" : "0", 1);
	return ask(link, &cmd, (struct caller){ .cb.pause = cb, .arg = arg, .function = "pause" }, on_paused);
}

/* ---- figures ---- */

static int read_figures(const struct rreply *reply, struct queue_figures *f)
{
	uint64_t paused;
	uint64_t *const counts[] = { &f->now_us,    &f->queued,  &f->running,   &f->delayed,  &f->dead,
				     &f->oldest_us, &paused,     &f->succeeded, &f->failed,   &f->died,
				     &f->cancelled, &f->expired, &f->enqueued,  &f->finished, &f->run_us };
	double *const rates[] = { &f->enqueued_per_s, &f->finished_per_s, &f->busy };
	const size_t n = sizeof counts / sizeof *counts, m = sizeof rates / sizeof *rates;
	if (rreply_count(reply) != n + m)
		return ERR_PROTOCOL;
	for (size_t i = 0; i < n; i++)
		*counts[i] = (uint64_t)rreply_int(rreply_at(reply, i));
	for (size_t i = 0; i < m; i++)
		*rates[i] = strtod(rreply_str(rreply_at(reply, n + i), NULL), NULL);
	f->paused = paused != 0;
	return 0;
}

static void on_figures(void *arg, int status, const struct rreply *reply)
{
	struct caller c = take_caller(arg, status, reply);
	struct queue_figures f;
	if (!status)
		status = read_figures(reply, &f);
	c.cb.figures(c.arg, status, status ? NULL : &f);
}

int queue_figures(struct rlink *link, const char *tag, queue_figures_cb *cb, void *arg)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_figures", tag);
	return ask(link, &cmd, (struct caller){ .cb.figures = cb, .arg = arg, .function = "figures" }, on_figures);
}

/* ---- list ---- */

/* Reply: more, then id, key and record of each job. What cannot be read is left out; its page goes on behind it. */
static int read_page(const struct rreply *reply, struct queue_page *page, struct queue_listed *jobs, size_t max)
{
	size_t n = rreply_count(reply);
	if (n % 3 != 1 || n / 3 > max)
		return ERR_PROTOCOL;
	*page = (struct queue_page){ .more = rreply_int(rreply_at(reply, 0)) != 0, .jobs = jobs };
	for (size_t i = 1; i < n; i += 3) {
		struct queue_listed *job = &jobs[page->n];
		size_t id_len, key_len, record_len;
		const char *key = rreply_str(rreply_at(reply, i + 1), &key_len),
			   *record = rreply_str(rreply_at(reply, i + 2), &record_len);
		job->id = rreply_str(rreply_at(reply, i), &id_len);
		if (id_len != ID_TEXT_LEN || key_len >= sizeof job->key)
			return ERR_PROTOCOL;
		if (job_record_decode(record, record_len, &job->job)) {
			log_error("queue: unreadable record of job %s listed", job->id);
			continue;
		}
		memcpy(job->key, key, key_len + 1);
		page->n++;
	}
	return 0;
}

static void on_list(void *arg, int status, const struct rreply *reply)
{
	struct caller c = take_caller(arg, status, reply);
	struct queue_listed *jobs = NULL;
	struct queue_page page;
	if (!status) {
		jobs = calloc(c.n, sizeof *jobs);
		status = jobs ? read_page(reply, &page, jobs, c.n) : ERR_NOMEM;
	}
	c.cb.list(c.arg, status, status ? NULL : &page);
	free(jobs);
}

/* A key as the library makes them: digits (a list, a time), then an id. */
static bool is_key(char section, const char *key)
{
	size_t digits = section == 'r' ? 0 : section == 'q' ? 17 : 16;
	for (size_t i = 0; i < digits; i++)
		if (key[i] < '0' || key[i] > '9')
			return false;
	struct id id;
	return strlen(key) == digits + ID_TEXT_LEN && id_parse(key + digits, ID_TEXT_LEN, &id) == 0;
}

int queue_list(struct rlink *link, const char *tag, char section, const char *before, unsigned limit, queue_list_cb *cb,
	       void *arg)
{
	struct rcmd cmd;
	if (!section || !strchr("rqdxasfce", section) || limit < 1 || limit > QUEUE_LIST_MAX ||
	    (before && !is_key(section, before)))
		return ERR_INVALID;
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_list", tag);
	rcmd_arg(&cmd, &section, 1);
	rcmd_uint(&cmd, limit);
	rcmd_str(&cmd, before ? before : "");
	return ask(link, &cmd, (struct caller){ .cb.list = cb, .arg = arg, .function = "list", .n = limit }, on_list);
}

/* ---- peek ---- */

static void on_peeked(void *arg, int status, const struct rreply *reply)
{
	struct caller c = take_caller(arg, status, reply);
	size_t n = 0;
	const char *looks = status ? NULL : rreply_str(reply, &n);
	if (!status && n != c.n * QUEUE_LOOK)
		status = ERR_PROTOCOL;
	c.cb.peek(c.arg, status, status ? NULL : looks, status ? 0 : c.n);
}

int queue_peek(struct rlink *link, const char *tag, const char *const *ids, size_t n, queue_peek_cb *cb, void *arg)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_peek", tag);
	for (size_t i = 0; i < n; i++)
		rcmd_arg(&cmd, ids[i], ID_TEXT_LEN);
	return ask(link, &cmd, (struct caller){ .cb.peek = cb, .arg = arg, .function = "peek", .n = n }, on_peeked);
}
