/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /v1/jobs/{id}. The id tells the queue, so the record is one read away. */
#include "handlers/find.h"
#include "handlers/handlers.h"
#include "handlers/wait.h"
#include "queue.h"
#include "response.h"

static void on_job(void *arg, int status, const struct job *job)
{
	struct request *r = arg;
	if (!r->http)
		; /* answered or gone */
	else if (status == ERR_NOT_FOUND)
		find_answer_no_job(r);
	else if (status)
		response_unavailable(r, status);
	else
		response_job(r, 200, job, 0);
	request_unref(r);
}

static void read_job(struct request *r)
{
	if (r->wait_us) {
		wait_watch(r);
		return;
	}
	request_ref(r);
	int rc = queue_get(reactor_link(r->reactor, r->tag), r->tag->text, r->job_id, on_job, r);
	if (rc)
		on_job(r, rc, NULL);
	else
		request_due_call(r);
}

void handle_job(struct request *r)
{
	if (wait_wanted(r))
		find_job(r, read_job);
}
