/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /v1/jobs/{id}/result. */
#include "handlers/result.h"

#include <stdio.h>

#include "handlers/find.h"
#include "handlers/handlers.h"
#include "handlers/wait.h"
#include "queue.h"
#include "response.h"

static void answer_bare(struct request *r, struct span json)
{
	struct buf result = BUF_INIT;
	char tag[RESPONSE_TAG_SIZE];
	buf_append(&result, json.p, json.n);
	buf_byte(&result, '\n');
	if (result.failed) {
		response_unavailable(r, ERR_NOMEM);
	} else {
		response_tag(result.data, result.len, tag);
		response_document(r, result.data, result.len, tag);
	}
	buf_fini(&result);
}

static void answer_ended_otherwise(struct request *r, const struct job *job)
{
	struct buf more = BUF_INIT;
	char detail[80];
	snprintf(detail, sizeof detail, "expected a job that succeeded, this one is %s", job_state_name(job->state));
	buf_printf(&more, "\"state\":\"%s\"", job_state_name(job->state));
	if (job->outcome.n) {
		buf_puts(&more, ",\"error\":");
		buf_append(&more, job->outcome.p, job->outcome.n);
	}
	response_problem(r, PROBLEM_NOT_FINISHED_THAT_WAY, detail, buf_cstr(&more));
	buf_fini(&more);
}

void result_answer(struct request *r, const struct job *job)
{
	if (job->state == JOB_SUCCEEDED)
		answer_bare(r, job->outcome);
	else if (job_state_done(job->state))
		answer_ended_otherwise(r, job);
	else
		response_job(r, 202, job, RESPONSE_RETRY_AFTER);
}

static void on_result(void *arg, int status, const struct job *job)
{
	struct request *r = arg;
	if (!r->http)
		; /* answered or gone */
	else if (status == ERR_NOT_FOUND)
		find_answer_no_job(r);
	else if (status || !job)
		response_unavailable(r, status);
	else
		result_answer(r, job);
	request_unref(r);
}

static void read_result(struct request *r)
{
	if (r->wait_us) {
		wait_watch(r);
		return;
	}
	request_ref(r);
	int rc = queue_get(reactor_link(r->reactor, r->tag), r->tag->text, r->job_id, on_result, r);
	if (rc)
		on_result(r, rc, NULL);
	else
		request_due_call(r);
}

void handle_result(struct request *r)
{
	if (wait_wanted(r))
		find_job(r, read_result);
}
