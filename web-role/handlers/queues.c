/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /v1/queues and /v1/queues/{queue}: figures; PATCH pauses and resumes; redrive queues dead jobs again. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "figures.h"
#include "handlers/fault.h"
#include "handlers/find.h"
#include "handlers/handlers.h"
#include "json_pointer.h"
#include "response.h"

/* ---- figures ---- */

static void answer_text(struct request *r, struct buf *out)
{
	buf_byte(out, '\n');
	if (out->failed)
		response_unavailable(r, ERR_NOMEM);
	else
		response_json(r, 200, out->data, out->len);
	buf_fini(out);
}

static void on_all(void *arg, int status, const struct figures_list *list)
{
	struct request *r = arg;
	struct buf out = BUF_INIT;
	if (!r->http) {
		; /* answered or gone */
	} else if (status || !list) {
		response_unavailable(r, status);
	} else {
		figures_list_json(&out, list);
		answer_text(r, &out);
	}
	request_unref(r);
}

static void on_one(void *arg, int status, const struct figures_list *list)
{
	struct request *r = arg;
	struct buf out = BUF_INIT;
	if (!r->http) {
		; /* answered or gone */
	} else if (status || !list) {
		response_unavailable(r, status);
	} else {
		figures_json(&out, &list->queues[0]);
		answer_text(r, &out);
	}
	request_unref(r);
}

static void read_one(struct request *r)
{
	request_ref(r);
	int rc = figures_one(r->reactor->figures, r->queue, on_one, r);
	if (rc)
		on_one(r, rc, NULL);
	else
		request_due_call(r);
}

void handle_queues(struct request *r)
{
	request_ref(r);
	int rc = figures_all(r->reactor->figures, on_all, r);
	if (rc)
		on_all(r, rc, NULL);
	else
		request_due_calls(r);
}

void handle_queue(struct request *r)
{
	find_queue(r, read_one);
}

/* ---- pause and resume ---- */

struct pausing {
	struct request_extra extra; /* first: freed by it */
	unsigned pending;           /* shards that have not answered */
	int status;                 /* the last thing that went wrong */
};

static void settle(struct request_extra *extra)
{
	(void)extra; /* the calls that are on their way end it */
}

static void release(struct request_extra *extra)
{
	free(extra);
}

/* Where a part of the shards was reached, asking again does the rest. */
static void on_paused(void *arg, int status, bool paused)
{
	struct request *r = arg;
	struct pausing *p = (struct pausing *)r->extra;
	(void)paused; /* the figures tell */
	p->status = status ? status : p->status;
	if (--p->pending || !r->http)
		; /* some are to come; or answered, or gone */
	else if (p->status)
		response_unavailable(r, p->status);
	else
		read_one(r);
	request_unref(r);
}

static void set_paused(struct request *r, bool paused)
{
	struct pausing *p = calloc(1, sizeof *p);
	if (!p) {
		response_unavailable(r, ERR_NOMEM);
		return;
	}
	p->extra = (struct request_extra){ settle, release };
	r->extra = &p->extra;
	request_ref(r);
	request_due_call(r);
	p->pending = 1; /* none of them is the last before all are asked */
	for (unsigned i = 0; i < r->queue->n; i++) {
		const struct tag *tag = tags_shard(r->queue, i);
		if (!tag)
			continue;
		request_ref(r);
		p->pending++;
		int rc = queue_pause(reactor_link(r->reactor, tag), tag->text, paused, on_paused, r);
		if (rc)
			on_paused(r, rc, false);
	}
	on_paused(r, 0, false);
}

static void pause_queue(struct request *r)
{
	set_paused(r, true);
}

static void resume_queue(struct request *r)
{
	set_paused(r, false);
}

#define POINTER_SIZE 100

/* Finds every fault of {"paused": true|false}. */
static void check_patch(const json_t *patch, struct job_json_fault *fault)
{
	const json_t *paused = json_object_get(patch, "paused");
	const char *name;
	json_t *value;
	if (!json_is_object(patch)) {
		job_json_complain(fault, "", "expected an object such as {\"paused\":true}");
		return;
	}
	if (!paused)
		job_json_complain(fault, "", "expected the member `paused`, true or false");
	else if (!json_is_boolean(paused))
		job_json_complain(fault, "/paused", "expected true or false");
	json_object_foreach((json_t *)patch, name, value)
	{
		char pointer[POINTER_SIZE];
		if (strcmp(name, "paused") == 0)
			continue;
		json_pointer_member(pointer, sizeof pointer, name);
		job_json_complain(fault, pointer, "there is no such member: `paused` is the only one here");
	}
}

void handle_queue_patch(struct request *r)
{
	const struct job_json_rules rules = { .depth = (unsigned)config_int(r->reactor->config, CONFIG_JSON_DEPTH) };
	struct job_json_body body;
	size_t n;
	const char *text = http_request_body(r->http, &n);
	if (!policy_content_allowed(request_head(r))) {
		response_problem(r, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
				 "expected a Content-Type of application/json in UTF-8, or none, and no "
				 "Content-Encoding",
				 "");
		return;
	}
	int rc = job_json_open(&body, text, n, &rules, &r->fault);
	if (rc == ERR_NOMEM) {
		response_unavailable(r, rc);
		return;
	}
	if (rc) {
		fault_answer(r);
		return;
	}
	bool wanted = json_is_true(json_object_get(body.tree, "paused"));
	check_patch(body.tree, &r->fault);
	job_json_close(&body);
	if (r->fault.n_errors)
		fault_answer(r);
	else
		find_queue(r, wanted ? pause_queue : resume_queue);
}

/* ---- redrive ---- */

#define REDRIVE_ONCE 512
#define REDRIVE_US 20000000 /* for so long; who has more dead jobs asks again */

struct redrive {                    /* one shard after the other */
	struct request_extra extra; /* first: freed by it */
	unsigned shard;
	uint64_t dead;  /* there were in this shard when it began, and are to be moved */
	uint64_t done;  /* of these */
	uint64_t moved; /* of all shards */
	bool full;      /* a shard has no room for more */
	bool more;      /* some are left */
	uint64_t until_us;
};

static struct redrive *redrive_of(const struct request *r)
{
	return (struct redrive *)r->extra;
}

static void answer_redriven(struct request *r)
{
	const struct redrive *d = redrive_of(r);
	char text[80];
	if (d->full && !d->moved) {
		response_problem(r, PROBLEM_QUEUE_FULL, "the queue holds as many jobs as it may (setting LiveJobsMax)",
				 "");
		return;
	}
	int n = snprintf(text, sizeof text, "{\"moved\":%llu%s}\n", (unsigned long long)d->moved,
			 d->more ? ",\"more\":true" : "");
	response_json(r, 202, text, (size_t)n);
}

static void move_some(struct request *r);
static void redrive_shard(struct request *r);

static void next_shard(struct request *r)
{
	redrive_of(r)->shard++;
	redrive_shard(r);
}

static void on_moved(void *arg, int status, unsigned moved, bool more)
{
	struct request *r = arg;
	struct redrive *d = redrive_of(r);
	d->moved += status ? 0 : moved;
	d->done += status ? 0 : moved;
	d->full = d->full || status == ERR_FULL;
	bool left = status == ERR_FULL || (more && d->done < d->dead);
	if (!r->http) {
		; /* answered, or the client is gone: nobody wants the rest moved */
	} else if (status && status != ERR_FULL) {
		response_unavailable(r, status);
	} else if (!status && left && clock_mono_us() < d->until_us) {
		move_some(r);
	} else {
		d->more = d->more || left;
		next_shard(r);
	}
	request_unref(r);
}

static void move_some(struct request *r)
{
	const struct redrive *d = redrive_of(r);
	const struct tag *tag = tags_shard(r->queue, d->shard);
	uint64_t left = d->dead - d->done;
	request_ref(r);
	int rc =
	    queue_redrive(reactor_link(r->reactor, tag), tag->text, left < REDRIVE_ONCE ? (unsigned)left : REDRIVE_ONCE,
			  reactor_live_max(r->reactor), on_moved, r);
	if (rc)
		on_moved(r, rc, 0, false);
	else
		request_due_call(r);
}

/* Jobs that die again meanwhile are not moved again: it would have no end. */
static void on_dead(void *arg, int status, const struct queue_figures *f)
{
	struct request *r = arg;
	struct redrive *d = redrive_of(r);
	if (!r->http) {
		; /* answered or gone */
	} else if (status || !f) {
		response_unavailable(r, status);
	} else {
		d->dead = f->dead;
		d->done = 0;
		if (f->dead)
			move_some(r);
		else
			next_shard(r);
	}
	request_unref(r);
}

/* The present one, or the next that there is; at their end, or at that of the time, the answer. */
static void redrive_shard(struct request *r)
{
	struct redrive *d = redrive_of(r);
	const struct tag *tag = NULL;
	while (d->shard < r->queue->n && !(tag = tags_shard(r->queue, d->shard)))
		d->shard++;
	bool late = clock_mono_us() >= d->until_us;
	d->more = d->more || (tag && late);
	if (!tag || late) {
		answer_redriven(r);
		return;
	}
	request_ref(r);
	int rc = queue_figures(reactor_link(r->reactor, tag), tag->text, on_dead, r);
	if (rc)
		on_dead(r, rc, NULL);
	else
		request_due_call(r);
}

static void redrive(struct request *r)
{
	struct redrive *d = calloc(1, sizeof *d);
	if (!d) {
		response_unavailable(r, ERR_NOMEM);
		return;
	}
	d->extra = (struct request_extra){ settle, release };
	d->until_us = clock_mono_us() + REDRIVE_US;
	r->extra = &d->extra;
	redrive_shard(r);
}

void handle_redrive(struct request *r)
{
	find_queue(r, redrive);
}
