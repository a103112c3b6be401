/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /v1/jobs/{id} and /v1/jobs/{id}/result. The id tells the queue, so the record is one read away. */
#include <string.h>

#include "handlers/handlers.h"
#include "handlers/wait.h"
#include "queue.h"
#include "response.h"

static void answer_unknown_job(struct request *r)
{
	response_problem(r, PROBLEM_NOT_FOUND, "no job has this id, or its time to live is over", "");
}

/* ---- the job ---- */

static void on_job(void *arg, int status, const struct job *job)
{
	struct request *r = arg;
	if (!r->http)
		; /* answered or gone */
	else if (status == ERR_NOT_FOUND)
		answer_unknown_job(r);
	else if (status)
		response_unavailable(r, status);
	else if (r->wait_us && !job_state_done(job->state))
		wait_begin(r);
	else
		response_job(r, 200, job, 0);
	request_unref(r);
}

static void read_job(struct request *r)
{
	struct reactor *re = r->reactor;
	int rc;
	request_ref(r);
	if (r->wait_us) {
		replies_listen(re->replies, r->tag);
		wait_enter(r);
		rc = queue_watch(re->link, r->tag->text, r->job_id, re->receiver, on_job, r);
	} else {
		rc = queue_get(re->link, r->tag->text, r->job_id, on_job, r);
	}
	if (rc)
		on_job(r, rc, NULL);
	else
		request_due_call(r);
}

/* ---- the result alone ---- */

static void answer_result(struct request *r, const struct job *job)
{
	if (job->state == JOB_SUCCEEDED) {
		struct buf result = BUF_INIT;
		buf_append(&result, job->outcome.p, job->outcome.n);
		buf_byte(&result, '\n');
		response_json(r, 200, buf_cstr(&result), result.len);
		buf_fini(&result);
	} else if (!job_state_done(job->state)) {
		response_job(r, 202, job, RESPONSE_RETRY_AFTER);
	} else {
		struct buf more = BUF_INIT;
		char detail[80];
		snprintf(detail, sizeof detail, "expected a job that succeeded, this one is %s",
			 job_state_name(job->state));
		buf_printf(&more, "\"state\":\"%s\"", job_state_name(job->state));
		if (job->outcome.n) {
			buf_puts(&more, ",\"error\":");
			buf_append(&more, job->outcome.p, job->outcome.n);
		}
		response_problem(r, PROBLEM_NOT_FINISHED_THAT_WAY, detail, buf_cstr(&more));
		buf_fini(&more);
	}
}

static void on_result(void *arg, int status, const struct job *job)
{
	struct request *r = arg;
	if (!r->http)
		; /* answered or gone */
	else if (status == ERR_NOT_FOUND)
		answer_unknown_job(r);
	else if (status || !job)
		response_unavailable(r, status);
	else
		answer_result(r, job);
	request_unref(r);
}

static void read_result(struct request *r)
{
	request_ref(r);
	int rc = queue_get(r->reactor->link, r->tag->text, r->job_id, on_result, r);
	if (rc)
		on_result(r, rc, NULL);
	else
		request_due_call(r);
}

/* ---- from the id to the queue ---- */

static unsigned index_of(const struct request *r)
{
	struct id id;
	return id_parse(r->job_id, ID_TEXT_LEN, &id) ? ID_TAG_MAX + 1 : id_tag(&id);
}

static void read_it(struct request *r)
{
	if (r->match.route->handle == handle_job)
		read_job(r);
	else
		read_result(r);
}

static void on_tags(void *arg, int status)
{
	struct request *r = arg;
	if (r->http) {
		r->tag = tags_at(r->reactor->tags, index_of(r));
		if (r->tag)
			read_it(r);
		else if (status)
			response_unavailable(r, status);
		else
			answer_unknown_job(r);
	}
	request_unref(r);
}

static void find_job(struct request *r)
{
	struct id id;
	const char *text = r->match.param[0];
	if (id_parse(text, strlen(text), &id)) {
		answer_unknown_job(r);
		return;
	}
	id_format(&id, r->job_id);
	r->tag = tags_at(r->reactor->tags, id_tag(&id));
	if (reactor_cut_off(r->reactor)) {
		response_unavailable(r, ERR_UNAVAILABLE);
		return;
	}
	if (r->tag) {
		read_it(r);
		return;
	}
	request_ref(r);
	int rc = tags_refresh(r->reactor->tags, &r->gate, on_tags, r);
	if (rc)
		on_tags(r, rc == ERR_NOT_FOUND ? 0 : rc);
	else
		request_due_call(r);
}

void handle_job(struct request *r)
{
	unsigned max_s = (unsigned)config_int(r->reactor->config, CONFIG_WAIT_MAX_SECONDS);
	if (policy_wait(request_head(r), max_s, &r->wait_us))
		response_problem(r, PROBLEM_BAD_REQUEST, "expected `wait` to be a number of seconds, such as 5 or 0.5",
				 "");
	else
		find_job(r);
}

void handle_result(struct request *r)
{
	find_job(r);
}
