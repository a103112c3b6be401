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
	int rc = figures_one(r->reactor->figures, r->tag, on_one, r);
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

static void on_paused(void *arg, int status, bool paused)
{
	struct request *r = arg;
	(void)paused; /* the figures tell */
	if (!r->http)
		; /* answered or gone */
	else if (status)
		response_unavailable(r, status);
	else
		read_one(r);
	request_unref(r);
}

static void set_paused(struct request *r, bool paused)
{
	request_ref(r);
	int rc = queue_pause(r->reactor->link, r->tag->text, paused, on_paused, r);
	if (rc)
		on_paused(r, rc, false);
	else
		request_due_call(r);
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

struct redrive {
	struct request_extra extra; /* first: freed by it */
	uint64_t dead;              /* there were when it began, and are to be moved */
	uint64_t moved;
	uint64_t until_us;
};

static void settle_redrive(struct request_extra *extra)
{
	(void)extra; /* the call that is on its way ends it */
}

static void release_redrive(struct request_extra *extra)
{
	free(extra);
}

static void answer_redriven(struct request *r, bool more)
{
	const struct redrive *d = (const struct redrive *)r->extra;
	char text[80];
	int n = snprintf(text, sizeof text, "{\"moved\":%llu%s}\n", (unsigned long long)d->moved,
			 more ? ",\"more\":true" : "");
	response_json(r, 202, text, (size_t)n);
}

static void move_some(struct request *r);

static void on_moved(void *arg, int status, unsigned moved, bool more)
{
	struct request *r = arg;
	struct redrive *d = (struct redrive *)r->extra;
	d->moved += status ? 0 : moved;
	if (!r->http)
		; /* answered, or the client is gone: nobody wants the rest moved */
	else if (status == ERR_FULL && !d->moved)
		response_problem(r, PROBLEM_QUEUE_FULL, "the queue holds as many jobs as it may (setting LiveJobsMax)",
				 "");
	else if (status && status != ERR_FULL)
		response_unavailable(r, status);
	else if (!status && more && d->moved < d->dead && clock_mono_us() < d->until_us)
		move_some(r);
	else
		answer_redriven(r, status == ERR_FULL || (more && d->moved < d->dead));
	request_unref(r);
}

static void move_some(struct request *r)
{
	const struct redrive *d = (const struct redrive *)r->extra;
	uint64_t left = d->dead - d->moved, live_max = (uint64_t)config_int(r->reactor->config, CONFIG_LIVE_JOBS_MAX);
	request_ref(r);
	int rc = queue_redrive(r->reactor->link, r->tag->text, left < REDRIVE_ONCE ? (unsigned)left : REDRIVE_ONCE,
			       live_max, on_moved, r);
	if (rc)
		on_moved(r, rc, 0, false);
	else
		request_due_call(r);
}

/* Jobs that die again meanwhile are not moved again: it would have no end. */
static void on_dead(void *arg, int status, const struct queue_figures *f)
{
	struct request *r = arg;
	if (!r->http) {
		; /* answered or gone */
	} else if (status || !f) {
		response_unavailable(r, status);
	} else {
		((struct redrive *)r->extra)->dead = f->dead;
		if (f->dead)
			move_some(r);
		else
			answer_redriven(r, false);
	}
	request_unref(r);
}

static void redrive(struct request *r)
{
	struct redrive *d = calloc(1, sizeof *d);
	if (!d) {
		response_unavailable(r, ERR_NOMEM);
		return;
	}
	d->extra = (struct request_extra){ settle_redrive, release_redrive };
	d->until_us = clock_mono_us() + REDRIVE_US;
	r->extra = &d->extra;
	request_ref(r);
	int rc = queue_figures(r->reactor->link, r->tag->text, on_dead, r);
	if (rc)
		on_dead(r, rc, NULL);
	else
		request_due_call(r);
}

void handle_redrive(struct request *r)
{
	find_queue(r, redrive);
}
