/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handlers/wait.h"

#include "clock.h"
#include "handlers/find.h"
#include "handlers/handlers.h"
#include "handlers/result.h"
#include "handlers/submit.h"
#include "queue.h"
#include "response.h"

#define SETTLE_US 100000 /* most waits end sooner; only then the client's leaving is worth watching for */
#define READ_US 1000000

static void on_turn(struct request *r);
static void on_hurry(void *owner);

/* A result is faster than a promise when Redis is slow to write: but who reads the answer expects to find the job. */
static void on_end(void *owner, const struct job *job)
{
	struct request *r = owner;
	if (r->unpromised)
		r->ended = true;
	else
		wait_finished(r, job);
}

static const struct waiter_kind for_job = { on_end, on_hurry };

static void sleep_on(struct request *r, uint64_t in_us)
{
	uint64_t at_us = clock_mono_us() + in_us;
	request_due(r, at_us < r->until_us ? at_us : r->until_us, on_turn);
}

void wait_enter(struct request *r)
{
	struct id id;
	if (id_parse(r->job_id, ID_TEXT_LEN, &id) == 0)
		waiters_add(&r->reactor->waiters, &r->waiter, &id, &for_job, r);
}

void wait_begin(struct request *r)
{
	r->until_us = r->reactor->order >= REACTOR_HURRY ? 0 : r->began_us + r->wait_us;
	sleep_on(r, SETTLE_US);
}

void wait_finished(struct request *r, const struct job *job)
{
	if (r->match.route->handle == handle_result)
		result_answer(r, job);
	else
		response_job(r, 200, job, RESPONSE_CONTENT_LOCATION);
}

/* The wait is over, the job is not. */
static void answer_unfinished(struct request *r, const struct job *job)
{
	if (r->match.route->handle == handle_result)
		result_answer(r, job);
	else if (r->accepted || r->match.route->method != HTTP_GET)
		response_job(r, 202, job, RESPONSE_LOCATION | RESPONSE_RETRY_AFTER);
	else
		response_job(r, 200, job, RESPONSE_CONTENT_LOCATION);
}

/* What a submission knows of its job without asking. */
static void answer_as_accepted(struct request *r)
{
	struct job job = submit_accepted_job(&r->submission, r->created_us);
	answer_unfinished(r, &job);
}

static void on_last_read(void *arg, int status, const struct job *job)
{
	struct request *r = arg;
	if (!r->http)
		;
	else if (!status && job_state_done(job->state))
		wait_finished(r, job);
	else if (!status)
		answer_unfinished(r, job);
	else if (r->accepted)
		answer_as_accepted(r);
	else if (status == ERR_NOT_FOUND)
		response_problem(r, PROBLEM_NOT_FOUND, "the job's time to live ended while it was waited for", "");
	else
		response_unavailable(r, status);
	request_unref(r);
}

static void on_read(void *arg, int status, const struct job *job)
{
	struct request *r = arg;
	if (r->http && !status && job_state_done(job->state))
		wait_finished(r, job);
	request_unref(r);
}

static void on_last_read_late(struct request *r)
{
	on_last_read((request_ref(r), r), ERR_TIMEOUT, NULL);
}

/* The end of the wait: one more look. */
static void last_look(struct request *r)
{
	request_ref(r);
	int rc = queue_get(reactor_link(r->reactor, r->tag), r->tag->text, r->job_id, on_last_read, r);
	if (rc)
		on_last_read(r, rc, NULL);
	else
		request_due(r, clock_mono_us() + r->reactor->call_us, on_last_read_late);
}

static void on_turn(struct request *r)
{
	if (clock_mono_us() >= r->until_us) {
		last_look(r);
		return;
	}
	if (!r->watching) {
		r->watching = true;
		http_request_watch(r->http);
		sleep_on(r, READ_US - SETTLE_US);
		return;
	}
	request_ref(r);
	if (queue_get(reactor_link(r->reactor, r->tag), r->tag->text, r->job_id, on_read, r))
		request_unref(r); /* Redis is away: the next look may find it */
	sleep_on(r, READ_US);
}

/* ---- the usual way ---- */

bool wait_wanted(struct request *r)
{
	unsigned max_s = (unsigned)config_int(r->reactor->config, CONFIG_WAIT_MAX_SECONDS);
	if (policy_wait(request_head(r), max_s, &r->wait_us) == 0)
		return true;
	response_problem(r, PROBLEM_BAD_REQUEST, "expected `wait` to be a number of seconds, such as 5 or 0.5", "");
	return false;
}

static void on_watched(void *arg, int status, const struct job *job);

/* The shard is on its way to another node, where nothing can be changed: the job can be read all the same, and the
 * reads that follow find its end. */
static void look_instead(struct request *r)
{
	r->unlisted = true;
	request_ref(r);
	int rc = queue_get(reactor_link(r->reactor, r->tag), r->tag->text, r->job_id, on_watched, r);
	if (rc)
		on_watched(r, rc, NULL);
}

static void on_watched(void *arg, int status, const struct job *job)
{
	struct request *r = arg;
	if (!r->http)
		; /* answered or gone */
	else if (status == ERR_NOT_FOUND)
		find_answer_no_job(r);
	else if (status == ERR_UNAVAILABLE && !r->unlisted && rslots_clustered(r->reactor->slots))
		look_instead(r);
	else if (status)
		response_unavailable(r, status);
	else if (job_state_done(job->state))
		wait_finished(r, job);
	else
		wait_begin(r);
	request_unref(r);
}

void wait_watch(struct request *r)
{
	struct reactor *re = r->reactor;
	request_ref(r);
	replies_listen(re->replies, r->tag);
	wait_enter(r);
	int rc = queue_watch(reactor_link(re, r->tag), r->tag->text, r->job_id, re->receiver, on_watched, r);
	if (rc)
		on_watched(r, rc, NULL);
	else
		request_due_call(r);
}

/* ---- for all who wait ---- */

void wait_on_reply(void *reactor, const struct id *id, const struct job *job)
{
	struct reactor *re = reactor;
	struct waiter *who;
	while ((who = waiters_take(&re->waiters, id)))
		who->kind->on_end(who->owner, job);
}

static void on_hurry(void *owner)
{
	struct request *r = owner;
	if (!r->until_us)
		return; /* its call is still open: wait_begin sees the order */
	r->until_us = 0;
	request_due(r, 0, on_turn);
}

static void hurry(struct waiter *who)
{
	who->kind->on_hurry(who->owner);
}

void wait_hurry(struct reactor *reactor)
{
	waiters_each(&reactor->waiters, hurry);
}
