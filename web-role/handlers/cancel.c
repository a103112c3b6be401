/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DELETE /v1/jobs/{id}: a job that waits is cancelled at once; one that runs is asked to end, and its worker kills the
 * attempt. */
#include <stdio.h>

#include "handlers/find.h"
#include "handlers/handlers.h"
#include "handlers/wait.h"
#include "queue.h"
#include "response.h"

static void answer_done(struct request *r, const struct job *job)
{
	const char *state = job_state_name(job->state);
	char detail[100], more[40];
	snprintf(detail, sizeof detail, "expected a job that is delayed, queued or running, this one is %s", state);
	snprintf(more, sizeof more, "\"state\":\"%s\"", state);
	response_problem(r, PROBLEM_ALREADY_DONE, detail, more);
}

static void on_cancelled(void *arg, int status, char code, const struct job *job)
{
	struct request *r = arg;
	if (!r->http)
		; /* answered or gone */
	else if (status == ERR_NOT_FOUND)
		find_answer_no_job(r);
	else if (status || !job)
		response_unavailable(r, status);
	else if (code == 'c')
		response_job(r, 200, job, 0);
	else if (code == 'd')
		answer_done(r, job);
	else if (r->wait_us)
		wait_watch(r);
	else
		response_job(r, 202, job, RESPONSE_LOCATION | RESPONSE_RETRY_AFTER);
	request_unref(r);
}

static void cancel(struct request *r)
{
	request_ref(r);
	int rc = queue_cancel(reactor_link(r->reactor, r->tag), r->tag->text, r->job_id, on_cancelled, r);
	if (rc)
		on_cancelled(r, rc, '\0', NULL);
	else
		request_due_call(r);
}

void handle_cancel(struct request *r)
{
	if (wait_wanted(r))
		find_job(r, cancel);
}
