/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POST /v1/jobs. The body is read and checked; its queue registered if this reactor does not know it; then the job is
 * given to the submitter, which sends all of this turn as one call; and when Redis has acknowledged it, 202, or the
 * request goes on waiting for the job's end. */
#include "handlers/submit.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "handlers/handlers.h"
#include "handlers/wait.h"
#include "log.h"
#include "queue.h"
#include "response.h"

#define ARGS_ECHO_BYTES 1024 /* longer arguments are left out of the 202 */

void submit_accepted_job(const struct request *r, struct job *job)
{
	uint64_t first_us = r->submission.run_at_us ? r->submission.run_at_us : r->created_us + job->delay_us;
	job->created_at = r->created_us;
	job->run_at = first_us > r->created_us ? first_us : r->created_us;
	job->expires_at = job->expires_in_us ? job->run_at + job->expires_in_us : 0;
	job->state = job->run_at > r->created_us ? JOB_DELAYED : JOB_QUEUED;
	if (job->args.n > ARGS_ECHO_BYTES)
		job->args.n = 0;
}

/* ---- the answer of Redis ---- */

static void answer_accepted(struct request *r)
{
	struct job job = r->submission.job;
	submit_accepted_job(r, &job);
	response_job(r, 202, &job, RESPONSE_LOCATION | RESPONSE_RETRY_AFTER);
}

/* Nobody knows whether Redis has the job; its id lets the client find out. */
static void answer_unknown(struct request *r)
{
	char more[sizeof "\"job\":\"/v1/jobs/\"" + ID_TEXT_SIZE];
	snprintf(more, sizeof more, "\"job\":\"/v1/jobs/%s\"", r->job_id);
	response_problem(
	    r, PROBLEM_QUEUE_UNAVAILABLE,
	    "Redis did not acknowledge in time: the job was perhaps accepted, and is then found under `job`", more);
}

static void answer_refused(struct request *r, enum queue_verdict verdict)
{
	if (verdict == QUEUE_REFUSED_FULL) {
		response_problem(r, PROBLEM_QUEUE_FULL, "the queue holds as many jobs as it may (setting LiveJobsMax)",
				 "");
		return;
	}
	struct log_ids ids = { .request = r->id, .job = r->job_id };
	log_write(LOG_ERROR, &ids, "submit: unexpected verdict %d", (int)verdict);
	response_problem(r, PROBLEM_INTERNAL, "the queue gave an answer that does not fit the question", "");
}

static void on_submitted(void *arg, int status, enum queue_verdict verdict, const char *id, uint64_t created_us)
{
	struct request *r = arg;
	(void)id;
	if (r->http && !status && verdict == QUEUE_ACCEPTED) {
		r->accepted = true;
		r->created_us = created_us;
		if (r->wait_us)
			wait_begin(r);
		else
			answer_accepted(r);
	} else if (!r->http) {
		; /* answered already by the job's end, which was faster, or the client has left */
	} else if (!status) {
		answer_refused(r, verdict);
	} else if (status == ERR_UNKNOWN || status == ERR_TIMEOUT) {
		answer_unknown(r);
	} else {
		response_unavailable(r, status);
	}
	request_unref(r);
}

/* ---- giving it to Redis ---- */

static void give(struct request *r)
{
	struct reactor *re = r->reactor;
	struct queue_submit job = {
		.tag = r->tag->text, .id = r->job_id, .job = r->submission.job, .run_at_us = r->submission.run_at_us
	};
	struct id id = id_make(&re->ids, r->tag->index);
	id_format(&id, r->job_id);
	job.job.trace = (struct span){ r->trace_id, strlen(r->trace_id) };
	r->submission.job.trace = job.job.trace;
	if (r->wait_us) {
		job.job.reply = (struct span){ re->receiver, strlen(re->receiver) };
		replies_listen(re->replies, r->tag);
		wait_enter(r);
	}
	request_ref(r);
	int rc = queue_submit(re->submitter, &job, on_submitted, r);
	if (!rc)
		return;
	if (rc == ERR_TOO_BIG)
		response_problem(r, PROBLEM_TOO_LARGE, "the submission is too large for a job's record", "");
	else
		response_unavailable(r, rc);
	request_unref(r);
}

static void on_tag(void *arg, int status)
{
	struct request *r = arg;
	if (r->http && !status) {
		deadlines_clear(&r->reactor->deadlines, &r->deadline);
		r->tag = tags_find(r->reactor->tags, r->submission.queue);
		if (r->tag)
			give(r);
		else
			response_unavailable(r, ERR_UNAVAILABLE);
	} else if (r->http && status == ERR_FULL) {
		response_problem(r, PROBLEM_QUEUE_FULL,
				 "there are as many queues as there may be; this one is not among them", "");
	} else if (r->http) {
		response_unavailable(r, status);
	}
	request_unref(r);
}

static void find_queue(struct request *r)
{
	r->tag = tags_find(r->reactor->tags, r->submission.queue);
	if (r->tag) {
		give(r);
		return;
	}
	request_ref(r);
	int rc = tags_register(r->reactor->tags, r->submission.queue, &r->gate, on_tag, r);
	if (rc)
		on_tag(r, rc);
	else
		request_due_call(r);
}

/* ---- reading ---- */

static void read_body(struct request *r);

static void answer_faulty(struct request *r)
{
	const struct job_json_fault *f = &r->fault;
	struct buf more = BUF_INIT;
	char detail[sizeof f->json.text + 60];
	if (f->json.code) {
		buf_printf(&more, "\"line\":%d,\"column\":%d,\"position\":%ld", f->json.line, f->json.column,
			   f->json.position);
		snprintf(detail, sizeof detail, "line %d, column %d: %s", f->json.line, f->json.column, f->json.text);
		response_problem(r, PROBLEM_MALFORMED_JSON, detail, buf_cstr(&more));
	} else {
		buf_puts(&more, "\"errors\":[");
		buf_append(&more, f->errors.data, f->errors.len);
		buf_byte(&more, ']');
		snprintf(detail, sizeof detail, "%u thing%s wrong with the submission, see errors", f->n_errors,
			 f->n_errors == 1 ? " is" : "s are");
		response_problem(r, f->unknown_op ? PROBLEM_UNKNOWN_OPERATION : PROBLEM_INVALID_SUBMISSION, detail,
				 buf_cstr(&more));
	}
	buf_fini(&more);
}

static void on_catalogue(void *arg, int status)
{
	struct request *r = arg;
	(void)status; /* what was not read leaves what was known */
	if (r->http) {
		deadlines_clear(&r->reactor->deadlines, &r->deadline);
		read_body(r);
	}
	request_unref(r);
}

/* An operation that no worker had when the catalogue was read may have come since. */
static bool ask_catalogue(struct request *r)
{
	if (r->refreshed)
		return false;
	r->refreshed = true;
	request_ref(r);
	if (catalog_reader_refresh(r->reactor->catalog, &r->gate, on_catalogue, r)) {
		request_unref(r);
		return false;
	}
	request_due_call(r);
	return true;
}

static void read_body(struct request *r)
{
	struct reactor *re = r->reactor;
	struct job_json_rules rules = { .depth = (unsigned)config_int(re->config, CONFIG_JSON_DEPTH),
					.timeout_max_ms = (uint32_t)config_int(re->config, CONFIG_TIMEOUT_MAX_MS),
					.now_us = clock_wall_us(),
					.catalog = catalog_reader_now(re->catalog) };
	size_t n;
	const char *body = http_request_body(r->http, &n);
	int rc = job_json_read(body, n, &rules, &r->submission, &r->fault);
	if (rc == ERR_NOMEM)
		response_problem(r, PROBLEM_QUEUE_UNAVAILABLE, "this instance has no memory for the submission", "");
	else if (rc && !(r->fault.unknown_op && ask_catalogue(r)))
		answer_faulty(r);
	else if (!rc)
		find_queue(r);
}

void handle_submit(struct request *r)
{
	const struct http_head *h = request_head(r);
	struct reactor *re = r->reactor;
	if (h->field[HTTP_IDEMPOTENCY_KEY].p) {
		response_problem(r, PROBLEM_BAD_REQUEST, "Idempotency-Key is not supported yet", "");
	} else if (!policy_content_allowed(h)) {
		response_problem(
		    r, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
		    "expected a Content-Type of application/json in UTF-8, or none, and no Content-Encoding", "");
	} else if (policy_wait(h, (unsigned)config_int(re->config, CONFIG_WAIT_MAX_SECONDS), &r->wait_us)) {
		response_problem(r, PROBLEM_BAD_REQUEST, "expected `wait` to be a number of seconds, such as 5 or 0.5",
				 "");
	} else if (reactor_cut_off(re)) {
		response_unavailable(r, ERR_UNAVAILABLE);
	} else {
		policy_trace_id(h, r->trace_id);
		read_body(r);
	}
}
