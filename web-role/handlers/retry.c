/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POST /v1/jobs/{id}/retry: a job that did not succeed is queued again under its id, with fresh attempts. */
#include <stdio.h>

#include "handlers/find.h"
#include "handlers/handlers.h"
#include "handlers/wait.h"
#include "queue.h"
#include "response.h"

static void answer_refused(struct request *r, const struct job *job)
{
	const char *state = job_state_name(job->state);
	char detail[110], more[40];
	snprintf(detail, sizeof detail, "expected a job that is dead, failed, cancelled or expired, this one is %s",
		 state);
	snprintf(more, sizeof more, "\"state\":\"%s\"", state);
	response_problem(r, PROBLEM_NOT_RETRYABLE, detail, more);
}

static void answer_full(struct request *r)
{
	response_problem(r, PROBLEM_QUEUE_FULL, "the queue holds as many jobs as it may (setting LiveJobsMax)", "");
}

static void on_retried(void *arg, int status, char code, const struct job *job)
{
	struct request *r = arg;
	if (!r->http)
		; /* answered or gone */
	else if (status == ERR_NOT_FOUND)
		find_answer_no_job(r);
	else if (status || !job)
		response_unavailable(r, status);
	else if (code == 'l')
		answer_refused(r, job);
	else if (code == 'F')
		answer_full(r);
	else if (r->wait_us)
		wait_watch(r);
	else
		response_job(r, 202, job, RESPONSE_LOCATION | RESPONSE_RETRY_AFTER);
	request_unref(r);
}

static void retry(struct request *r)
{
	uint64_t live_max = reactor_live_max(r->reactor);
	request_ref(r);
	int rc = queue_retry(reactor_link(r->reactor, r->tag), r->tag->text, r->job_id, live_max, on_retried, r);
	if (rc)
		on_retried(r, rc, '\0', NULL);
	else
		request_due_call(r);
}

void handle_retry(struct request *r)
{
	if (wait_wanted(r))
		find_job(r, retry);
}
