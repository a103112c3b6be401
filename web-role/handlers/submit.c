/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POST /v1/jobs. The body is read and checked; its queue registered if this reactor does not know it; then the job is
 * given to the submitter, which sends all of this turn as one call; and when Redis has acknowledged it, 202, or the
 * request goes on waiting for the job's end. What Redis knows better than the submission tells, it is asked for: the
 * first job of an idempotency key, and what a job that may be answered by another's result has become. */
#include "handlers/submit.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "handlers/digests.h"
#include "handlers/fault.h"
#include "handlers/handlers.h"
#include "handlers/wait.h"
#include "log.h"
#include "response.h"

#define ARGS_ECHO_BYTES 1024 /* longer arguments are left out of the 202 */

struct job submit_brief_job(const struct job *job)
{
	struct job brief = *job;
	if (brief.args.n > ARGS_ECHO_BYTES)
		brief.args.n = 0;
	return brief;
}

struct job submit_accepted_job(const struct submission *s, uint64_t created_us)
{
	struct job job = submit_brief_job(&s->job);
	uint64_t first_us = s->run_at_us ? s->run_at_us : created_us + job.delay_us;
	job.created_at = created_us;
	job.run_at = first_us > created_us ? first_us : created_us;
	job.expires_at = job.expires_in_us ? job.run_at + job.expires_in_us : 0;
	job.state = job.run_at > created_us ? JOB_DELAYED : JOB_QUEUED;
	return job;
}

/* ---- the answer of Redis ---- */

static void answer_accepted(struct request *r)
{
	struct job job = submit_accepted_job(&r->submission, r->created_us);
	response_job(r, 202, &job, RESPONSE_LOCATION | RESPONSE_RETRY_AFTER);
}

static void found(struct request *r, const struct job *job)
{
	bool done = job_state_done(job->state);
	struct job brief = submit_brief_job(job);
	if (done && (r->wait_us || r->replayed))
		wait_finished(r, job);
	else if (r->wait_us)
		wait_begin(r);
	else
		response_job(r, 202, &brief, RESPONSE_LOCATION | RESPONSE_RETRY_AFTER);
}

static void not_found(struct request *r, int status)
{
	if (r->accepted && r->wait_us)
		wait_begin(r);
	else if (r->accepted)
		answer_accepted(r);
	else if (status == ERR_NOT_FOUND)
		response_problem(r, PROBLEM_NOT_FOUND,
				 "the idempotency key was used within the last 24 hours, and its job's time to live is "
				 "over; a new job needs a new key",
				 "");
	else
		response_unavailable(r, status);
}

static void on_look(void *arg, int status, const struct job *job)
{
	struct request *r = arg;
	if (!r->http)
		; /* answered by the job's end, which was faster, or the client has left */
	else if (!status)
		found(r, job);
	else
		not_found(r, status);
	request_unref(r);
}

static void on_look_late(struct request *r)
{
	not_found(r, ERR_TIMEOUT);
}

/* Redis knows more of this job than the submission tells. */
static void look(struct request *r)
{
	struct reactor *re = r->reactor;
	bool listen = r->replayed && r->wait_us;
	request_ref(r);
	request_due(r, clock_mono_us() + re->call_us, on_look_late);
	int rc = listen ? queue_watch(reactor_link(re, r->tag), r->tag->text, r->job_id, re->receiver, on_look, r)
			: queue_get(reactor_link(re, r->tag), r->tag->text, r->job_id, on_look, r);
	if (!rc)
		return;
	if (r->http)
		not_found(r, rc);
	request_unref(r);
}

/* The key has a job already: from now on the request is about that one. */
static void replay(struct request *r, const char *id)
{
	waiters_remove(&r->reactor->waiters, &r->waiter);
	snprintf(r->job_id, sizeof r->job_id, "%s", id);
	r->replayed = true;
	if (r->wait_us)
		wait_enter(r);
	look(r);
}

enum problem submit_unknown(const struct request *r, int status, const char *id, char detail[SUBMIT_DETAIL_SIZE],
			    struct buf *more)
{
	unsigned answered;
	reactor_short(r->reactor, &answered);
	if (status == ERR_REPLICAS)
		snprintf(detail, SUBMIT_DETAIL_SIZE,
			 "expected %u replicas to have the job in time (setting DurableReplicas), %u had it: it was "
			 "accepted without that promise, and is found under `job` unless Redis is lost; with the same "
			 "Idempotency-Key it can be sent again",
			 r->reactor->durability.replicas, answered);
	else
		snprintf(detail, SUBMIT_DETAIL_SIZE,
			 "Redis did not acknowledge in time: the job was perhaps accepted, and is then found under "
			 "`job`");
	buf_printf(more, "\"job\":\"/v1/jobs/%s\"", id);
	return PROBLEM_QUEUE_UNAVAILABLE;
}

bool submit_unavailable(const struct request *r, int status, char detail[SUBMIT_DETAIL_SIZE])
{
	unsigned answered;
	if (status != ERR_UNAVAILABLE || !reactor_short(r->reactor, &answered))
		return false;
	snprintf(detail, SUBMIT_DETAIL_SIZE,
		 "expected %u replicas of Redis to answer (setting DurableReplicas), %u did: nothing was accepted",
		 r->reactor->durability.replicas, answered);
	return true;
}

enum problem submit_refusal(enum queue_verdict verdict, const char **detail)
{
	switch (verdict) {
	case QUEUE_REFUSED_FULL:
		*detail = "the queue holds as many jobs as it may (setting LiveJobsMax)";
		return PROBLEM_QUEUE_FULL;
	case QUEUE_KEY_REUSED:
		*detail = "expected the same JSON value as the first time this idempotency key was used in this queue "
			  "within 24 hours, got another one";
		return PROBLEM_KEY_REUSED;
	default:
		log_error("submit: unexpected verdict %d", (int)verdict);
		*detail = "the queue gave an answer that does not fit the question";
		return PROBLEM_INTERNAL;
	}
}

enum problem submit_unfit(int rc, const char **detail)
{
	if (rc == ERR_TOO_BIG) {
		*detail = "the submission is too large for a job's record";
		return PROBLEM_TOO_LARGE;
	}
	*detail = "expected JSON whose values can be compared with those of another submission";
	return PROBLEM_MALFORMED_JSON;
}

static void answer_failed(struct request *r, int status)
{
	struct buf more = BUF_INIT;
	char detail[SUBMIT_DETAIL_SIZE];
	if (submit_is_unknown(status)) {
		enum problem p = submit_unknown(r, status, r->job_id, detail, &more);
		response_problem(r, p, detail, buf_cstr(&more));
	} else if (submit_unavailable(r, status, detail)) {
		response_problem(r, PROBLEM_QUEUE_UNAVAILABLE, detail, "");
	} else {
		response_unavailable(r, status);
	}
	buf_fini(&more);
}

static void answer_verdict(struct request *r, enum queue_verdict verdict, const char *id, uint64_t created_us)
{
	const char *detail;
	enum problem p;
	switch (verdict) {
	case QUEUE_ACCEPTED:
	case QUEUE_ACCEPTED_JOINED:
	case QUEUE_ACCEPTED_DONE:
		r->accepted = true;
		r->created_us = created_us;
		submit_joined(&r->submission, verdict);
		if (verdict == QUEUE_ACCEPTED_DONE || r->ended)
			look(r);
		else if (r->wait_us)
			wait_begin(r);
		else
			answer_accepted(r);
		break;
	case QUEUE_REPLAYED:
		replay(r, id);
		break;
	default:
		p = submit_refusal(verdict, &detail);
		response_problem(r, p, detail, "");
		break;
	}
}

static void give(struct request *r);

static void on_again(struct request *r)
{
	request_ref(r);
	give(r);
	request_unref(r);
}

/* Redis has refused it, and did nothing. */
static bool goes_again(struct request *r, int status, enum queue_verdict verdict)
{
	if (!spread_again(r->reactor, &r->spread, r->tag, status, verdict))
		return false;
	waiters_remove(&r->reactor->waiters, &r->waiter);
	if (r->spread.pauses)
		request_due(r, clock_mono_us() + spread_pause_us(&r->spread), on_again);
	else
		give(r);
	return true;
}

static void on_submitted(void *arg, int status, enum queue_verdict verdict, const char *id, uint64_t created_us)
{
	struct request *r = arg;
	r->unpromised = false;
	if (!r->http || goes_again(r, status, verdict))
		; /* the client has left, or hears of another try */
	else if (status)
		answer_failed(r, status);
	else
		answer_verdict(r, verdict, id, created_us);
	request_unref(r);
}

/* ---- giving it to Redis ---- */

int submit_fill(struct queue_submit *q, struct digests *d, struct request *r, const struct submission *s,
		struct span key, struct span text)
{
	struct reactor *re = r->reactor;
	q->job = s->job;
	q->run_at_us = s->run_at_us;
	q->job.trace = (struct span){ r->trace_id, strlen(r->trace_id) };
	if (r->wait_us)
		q->job.reply = (struct span){ re->receiver, strlen(re->receiver) };
	return digests_fill(d, r, s, key, text, q);
}

/* Of a header, or of the submission itself. */
static struct span key_of(struct request *r)
{
	struct http_text header = request_head(r)->field[HTTP_IDEMPOTENCY_KEY];
	const struct buf *member = &r->submission.key;
	return header.p ? (struct span){ header.p, header.n } : (struct span){ member->data, member->len };
}

static void answer_ungiven(struct request *r, int rc)
{
	const char *detail;
	if (submit_is_unfit(rc)) {
		enum problem p = submit_unfit(rc, &detail);
		response_problem(r, p, detail, "");
	} else {
		response_unavailable(r, rc);
	}
}

/* To the shard for it, or for another try to another one: then it is another job. */
static void give(struct request *r)
{
	struct reactor *re = r->reactor;
	struct queue_submit job = { .id = r->job_id, .until_us = r->spread.until_us };
	struct digests digests;
	struct span text;
	text.p = http_request_body(r->http, &text.n);
	int rc = submit_fill(&job, &digests, r, &r->submission, key_of(r), text);
	r->submission.job.trace = job.job.trace;
	r->tag = rc ? NULL : spread_pick(re, r->queue, &job, &r->spread);
	if (!rc && !r->tag)
		rc = ERR_UNAVAILABLE;
	if (rc) {
		answer_ungiven(r, rc);
		return;
	}
	struct id id = id_make(&re->ids, r->tag->index);
	id_format(&id, r->job_id);
	job.tag = r->tag->text;
	if (r->wait_us) {
		replies_listen(re->replies, r->tag);
		wait_enter(r);
	}
	request_ref(r);
	r->unpromised = true;
	rc = reactor_submit(re, &job, on_submitted, r);
	if (!rc)
		return;
	r->unpromised = false;
	answer_ungiven(r, rc);
	request_unref(r);
}

static void on_tag(void *arg, int status)
{
	struct request *r = arg;
	if (r->http && !status) {
		deadlines_clear(&r->reactor->deadlines, &r->deadline);
		r->queue = tags_registered(r->reactor->tags, r->submission.queue);
		if (r->queue)
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

static void enter_queue(struct request *r)
{
	r->queue = tags_registered(r->reactor->tags, r->submission.queue);
	if (r->queue) {
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

bool submit_ask_catalogue(struct request *r)
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

static void answer_unreadable(struct request *r, int rc)
{
	if (rc == ERR_NOMEM)
		response_problem(r, PROBLEM_QUEUE_UNAVAILABLE, "this instance has no memory for the submission", "");
	else
		fault_answer(r);
}

static void read_single(struct request *r, struct job_json_body *body)
{
	int rc = job_json_next(body, NULL, &r->submission, &r->fault);
	if (rc == ERR_INVALID && r->fault.unknown_op && submit_ask_catalogue(r))
		return;
	if (rc)
		answer_unreadable(r, rc);
	else if (r->submission.key.len && request_head(r)->field[HTTP_IDEMPOTENCY_KEY].p)
		response_problem(r, PROBLEM_BAD_REQUEST,
				 "expected the header Idempotency-Key or the member idempotency_key, got both", "");
	else
		enter_queue(r);
}

static void read_body(struct request *r)
{
	struct reactor *re = r->reactor;
	struct job_json_rules rules = { .depth = (unsigned)config_int(re->config, CONFIG_JSON_DEPTH),
					.timeout_max_ms = (uint32_t)config_int(re->config, CONFIG_TIMEOUT_MAX_MS),
					.now_us = clock_wall_us(),
					.catalog = catalog_reader_now(re->catalog) };
	struct job_json_body body;
	size_t n;
	const char *text = http_request_body(r->http, &n);
	if (!rules.catalog && submit_ask_catalogue(r))
		return; /* the first worker may have just published it */
	int rc = job_json_open(&body, text, n, &rules, &r->fault);
	if (rc) {
		answer_unreadable(r, rc);
		return;
	}
	if (body.many)
		submit_array(r, &body);
	else
		read_single(r, &body);
	job_json_close(&body);
}

/* 1 to 255 printable characters of ASCII. Answers when the header is not good. */
static bool key_is_good(struct request *r)
{
	struct http_text key = request_head(r)->field[HTTP_IDEMPOTENCY_KEY];
	char detail[200], got[ERR_QUOTE_SIZE];
	size_t i = 0;
	if (!key.p)
		return true;
	while (i < key.n && key.p[i] >= 0x20 && key.p[i] < 0x7f)
		i++;
	if (key.n >= 1 && key.n <= JOB_JSON_KEY_MAX && i == key.n)
		return true;
	err_quote(got, key.p + i, i < key.n);
	if (i < key.n)
		snprintf(detail, sizeof detail,
			 "expected an Idempotency-Key of printable ASCII characters, got %.20s at position %zu", got,
			 i);
	else
		snprintf(detail, sizeof detail, "expected an Idempotency-Key of 1 to %d characters, got %zu",
			 JOB_JSON_KEY_MAX, key.n);
	response_problem(r, PROBLEM_BAD_REQUEST, detail, "");
	return false;
}

void handle_submit(struct request *r)
{
	r->submits = true;
	if (!policy_content_allowed(request_head(r)))
		response_problem(
		    r, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
		    "expected a Content-Type of application/json in UTF-8, or none, and no Content-Encoding", "");
	else if (!wait_wanted(r) || !key_is_good(r))
		; /* answered */
	else if (reactor_cut_off(r->reactor))
		response_unavailable(r, ERR_UNAVAILABLE);
	else
		read_body(r);
}
