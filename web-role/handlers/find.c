/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handlers/find.h"

#include <stdio.h>
#include <string.h>

#include "response.h"

void find_answer_no_job(struct request *r)
{
	response_problem(r, PROBLEM_NOT_FOUND, "no job has this id, or its time to live is over", "");
}

void find_answer_no_queue(struct request *r, const char *name)
{
	char detail[400], quoted[ERR_QUOTE_SIZE];
	err_quote(quoted, name, strlen(name));
	snprintf(detail, sizeof detail, "there is no queue %s: a queue is there from its first job on", quoted);
	response_problem(r, PROBLEM_NOT_FOUND, detail, "");
}

/* A step that may be known here, or be news of the registry: the two differ in what they look up. */
struct kind {
	bool (*lookup)(struct request *r);
	void (*answer_none)(struct request *r);
};

static void on_news(struct request *r, int status, const struct kind *kind)
{
	if (r->http) {
		if (kind->lookup(r))
			r->then(r);
		else if (status)
			response_unavailable(r, status);
		else
			kind->answer_none(r);
	}
	request_unref(r);
}

static void look(struct request *r, void (*then)(struct request *r), const struct kind *kind, gate_cb *cb)
{
	r->then = then;
	request_ref(r);
	int rc = tags_refresh(r->reactor->tags, &r->gate, cb, r);
	if (rc)
		on_news(r, rc, kind);
	else
		request_due_call(r);
}

/* ---- a job ---- */

static bool lookup_job(struct request *r)
{
	struct id id;
	r->tag = id_parse(r->job_id, ID_TEXT_LEN, &id) ? NULL : tags_at(r->reactor->tags, id_tag(&id));
	return r->tag;
}

static const struct kind job = { lookup_job, find_answer_no_job };

static void on_job_news(void *arg, int status)
{
	on_news(arg, status, &job);
}

void find_job(struct request *r, void (*then)(struct request *r))
{
	struct id id;
	const char *text = r->match.param[0];
	if (id_parse(text, strlen(text), &id)) {
		find_answer_no_job(r);
		return;
	}
	id_format(&id, r->job_id);
	if (reactor_cut_off(r->reactor))
		response_unavailable(r, ERR_UNAVAILABLE);
	else if (lookup_job(r))
		then(r);
	else
		look(r, then, &job, on_job_news);
}

/* ---- a queue ---- */

static bool lookup_queue(struct request *r)
{
	r->queue = tags_find(r->reactor->tags, r->match.param[0]);
	return r->queue;
}

static void answer_none(struct request *r)
{
	find_answer_no_queue(r, r->match.param[0]);
}

static const struct kind queue = { lookup_queue, answer_none };

static void on_queue_news(void *arg, int status)
{
	on_news(arg, status, &queue);
}

/* A queue of the setting may be there without ever having been asked for. */
static void declare(struct request *r, void (*then)(struct request *r))
{
	const char *name = r->match.param[0];
	r->then = then;
	request_ref(r);
	int rc = tags_register(r->reactor->tags, name, &r->gate, on_queue_news, r);
	if (rc)
		on_news(r, rc, &queue);
	else
		request_due_call(r);
}

/* The registry is asked even for what is known: another instance may have registered a further shard. */
void find_queue(struct request *r, void (*then)(struct request *r))
{
	const char *name = r->match.param[0];
	if (!keys_queue_valid(name, strlen(name)))
		find_answer_no_queue(r, name);
	else if (reactor_cut_off(r->reactor))
		response_unavailable(r, ERR_UNAVAILABLE);
	else if (!tags_registered(r->reactor->tags, name) && config_list_has(r->reactor->config, CONFIG_QUEUES, name))
		declare(r, then);
	else
		look(r, then, &queue, on_queue_news);
}
