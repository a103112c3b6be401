/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POST /v1/jobs with an array. Each item goes its own way, refused or accepted or unknown, and what it has become is
 * kept as the JSON text of the answer; that goes out when the last verdict is there, or (with `wait`) when the last job
 * has ended:
 *
 *   read all -> register what queues are new -> give all to the submitter -> verdicts -> [ends ->] answer
 *
 * What Redis knows better than the submission, the first job of an idempotency key and what a job that may reuse a
 * result has become, is looked up before the answer (crowd.h does that too). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "handlers/crowd.h"
#include "handlers/digests.h"
#include "handlers/fault.h"
#include "handlers/submit.h"
#include "response.h"

#define ANSWER_BYTES_MAX (32u << 20) /* of all items together; results beyond are left to be fetched */

struct array_item {
	struct crowd_item wait;
	struct gate_entry gate;
	struct submission *submission; /* NULL: refused, or Redis has answered */
	struct span text;              /* of the submission in the body */
	struct buf json;               /* what the answer says of it */
	bool accepted, done;
	struct spread spread;
	bool again; /* Redis has refused it, and it is given once more */
	bool early; /* the job has ended before Redis' acknowledgement was worth something */
};

struct array {
	struct crowd crowd;
	size_t n;
	size_t given, verdicts; /* to Redis; of those, how many are not answered yet */
	size_t lost;            /* of those, how many Redis did not answer for */
	size_t registering;     /* queues, and one while they are being asked for */
	size_t bytes;           /* of all json */
	int status;             /* of the last one lost */
	struct array_item items[];
};

/* ---- what the answer says ---- */

static void drop_submission(struct array_item *item)
{
	if (item->submission)
		submission_fini(item->submission);
	free(item->submission);
	item->submission = NULL;
}

/* Begins the text of an item anew. */
static struct buf *blank(struct array *a, struct array_item *item)
{
	a->bytes -= item->json.len;
	buf_fini(&item->json);
	return &item->json;
}

/* The text is written, and the item's submission needed no more. */
static void written(struct array *a, struct array_item *item)
{
	item->json.len -= item->json.len > 0; /* the newline */
	a->bytes += item->json.len;
	drop_submission(item);
}

static void set_problem(struct array *a, struct array_item *item, enum problem p, const char *detail, const char *more)
{
	problem_json(blank(a, item), p, detail, a->crowd.r->id, more);
	written(a, item);
}

static void set_job(struct array *a, struct array_item *item, const struct job *job)
{
	char more[16 + 16 + ID_TEXT_SIZE];
	job_json(blank(a, item), item->wait.id, item->wait.tag->queue, job);
	if (a->bytes + item->json.len <= ANSWER_BYTES_MAX) {
		written(a, item);
		return;
	}
	buf_fini(&item->json); /* not counted yet */
	snprintf(more, sizeof more, "\"job\":\"/v1/jobs/%s\"", item->wait.id);
	set_problem(a, item, PROBLEM_TOO_LARGE,
		    "expected results of 32 MiB at most in one answer, there is more: this job is found under `job`",
		    more);
}

static void put_items(const struct array *a, struct buf *out)
{
	buf_puts(out, "\"items\":[");
	for (size_t i = 0; i < a->n; i++) {
		const struct buf *json = &a->items[i].json;
		if (i)
			buf_byte(out, ',');
		buf_append(out, json->data, json->len);
		out->failed |= json->failed;
	}
	buf_byte(out, ']');
}

/* Redis did not answer for any of them: it is away, and that is no matter of single items. */
static void answer_lost(const struct array *a)
{
	struct request *r = a->crowd.r;
	struct buf more = BUF_INIT;
	put_items(a, &more);
	char detail[SUBMIT_DETAIL_SIZE];
	if (a->status == ERR_REPLICAS)
		response_problem(r, PROBLEM_QUEUE_UNAVAILABLE,
				 "fewer replicas than expected have the jobs (setting DurableReplicas): see `items`",
				 buf_cstr(&more));
	else if (submit_is_unknown(a->status))
		response_problem(r, PROBLEM_QUEUE_UNAVAILABLE,
				 "Redis did not acknowledge in time: the jobs were perhaps accepted, see `items`",
				 buf_cstr(&more));
	else if (submit_unavailable(r, a->status, detail))
		response_problem(r, PROBLEM_QUEUE_UNAVAILABLE, detail, buf_cstr(&more));
	else
		response_unavailable(r, a->status);
	buf_fini(&more);
}

static void answer(const struct array *a)
{
	struct request *r = a->crowd.r;
	struct buf body = BUF_INIT;
	size_t accepted = 0, done = 0;
	for (size_t i = 0; i < a->n; i++) {
		accepted += a->items[i].accepted;
		done += a->items[i].accepted && a->items[i].done;
	}
	if (a->lost && a->lost == a->given) {
		answer_lost(a);
		return;
	}
	buf_printf(&body, "{\"accepted\":%zu,\"rejected\":%zu,", accepted, a->n - accepted);
	put_items(a, &body);
	buf_puts(&body, "}\n");
	if (body.failed)
		response_problem(r, PROBLEM_QUEUE_UNAVAILABLE, "this instance has no memory for the answer", "");
	else
		response_jobs(r, r->wait_us && accepted && done == accepted ? 200 : 202, body.data, body.len);
	buf_fini(&body);
}

/* ---- ends ---- */

static void answer_if_all_ended(struct array *a)
{
	if (!a->verdicts && !a->crowd.first && !a->crowd.ending)
		answer(a);
}

static void on_end(struct crowd_item *wait, const struct job *job)
{
	struct array_item *item = (struct array_item *)wait;
	struct array *a = (struct array *)wait->crowd;
	if (item->submission) { /* who reads the answer expects to find the job: read it when that is settled */
		item->early = true;
		return;
	}
	item->accepted = item->done = true;
	set_job(a, item, job);
	answer_if_all_ended(a);
}

static void on_look(struct crowd_item *wait, int status, const struct job *job)
{
	struct array_item *item = (struct array_item *)wait;
	struct array *a = (struct array *)wait->crowd;
	struct job brief;
	if (status) { /* the first job of an idempotency key, or its end was not heard of */
		item->accepted = false;
		set_problem(a, item, PROBLEM_NOT_FOUND, "the job's time to live is over", "");
	} else {
		brief = submit_brief_job(job);
		set_job(a, item, &brief);
	}
	answer_if_all_ended(a);
}

/* What could not be looked at is told as it was accepted; only of a replayed job there is nothing to tell. */
static void on_over(struct crowd *c)
{
	struct array *a = (struct array *)c;
	for (size_t i = 0; i < a->n; i++) {
		struct array_item *item = &a->items[i];
		if (!item->wait.link || item->json.len)
			continue;
		item->accepted = false;
		set_problem(a, item, PROBLEM_QUEUE_UNAVAILABLE, "Redis did not answer in time", "");
	}
	answer(a);
}

static const struct crowd_kind for_array = { on_end, on_look, on_over };

/* ---- verdicts ---- */

static void lose(struct array *a, struct array_item *item, int status)
{
	struct buf more = BUF_INIT;
	char detail[SUBMIT_DETAIL_SIZE];
	enum problem p = PROBLEM_QUEUE_UNAVAILABLE;
	if (submit_is_unknown(status))
		p = submit_unknown(a->crowd.r, status, item->wait.id, detail, &more);
	else if (!submit_unavailable(a->crowd.r, status, detail))
		snprintf(detail, sizeof detail, "Redis cannot serve this submission now: %s", err_text(status));
	set_problem(a, item, p, detail, buf_cstr(&more));
	buf_fini(&more);
	crowd_leave(&item->wait);
	a->status = status;
	a->lost++;
}

/* The key has a job already: from now on the item is about that one. */
static void replay(struct array *a, struct array_item *item, const char *text)
{
	struct id id;
	if (id_parse(text, ID_TEXT_LEN, &id)) {
		lose(a, item, ERR_PROTOCOL);
		return;
	}
	item->accepted = true;
	item->wait.unheard = a->crowd.r->wait_us > 0;
	drop_submission(item);
	crowd_enter(&a->crowd, &item->wait, &id, item->wait.tag);
}

static void take_accepted(struct array *a, struct array_item *item, enum queue_verdict verdict, uint64_t created_us)
{
	struct job job;
	struct id id;
	submit_joined(item->submission, verdict);
	job = submit_accepted_job(item->submission, created_us);
	item->accepted = true;
	job.trace = (struct span){ a->crowd.r->trace_id, strlen(a->crowd.r->trace_id) };
	set_job(a, item, &job);
	if (!a->crowd.r->wait_us && verdict != QUEUE_ACCEPTED_DONE)
		crowd_leave(&item->wait);
	else if (item->early && id_parse(item->wait.id, ID_TEXT_LEN, &id) == 0)
		crowd_enter(&a->crowd, &item->wait, &id, item->wait.tag);
}

static void take_verdict(struct array *a, struct array_item *item, enum queue_verdict verdict, const char *id,
			 uint64_t created_us)
{
	const char *detail;
	enum problem p;
	switch (verdict) {
	case QUEUE_ACCEPTED:
	case QUEUE_ACCEPTED_JOINED:
		take_accepted(a, item, verdict, created_us);
		if (!item->early)
			return;
		break;
	case QUEUE_ACCEPTED_DONE:
		take_accepted(a, item, verdict, created_us);
		break;
	case QUEUE_REPLAYED:
		replay(a, item, id);
		break;
	default:
		p = submit_refusal(verdict, &detail);
		set_problem(a, item, p, detail, "");
		crowd_leave(&item->wait);
		return;
	}
	if (item->wait.link && a->crowd.r->wait_us)
		crowd_read(&item->wait); /* it may be done already */
}

/* All verdicts are there. */
static void on_all_submitted(struct array *a)
{
	if (!a->crowd.first)
		answer(a);
	else if (a->crowd.r->wait_us)
		crowd_begin(&a->crowd, a->crowd.r->wait_us);
	else
		crowd_end(&a->crowd);
}

static void give(struct array *a, struct array_item *item);

/* Those that were refused, once more. */
static void on_again(struct request *r)
{
	struct array *a = (struct array *)r->extra;
	request_ref(r);
	for (size_t i = 0; i < a->n && r->http; i++) {
		struct array_item *item = &a->items[i];
		if (!item->again)
			continue;
		item->again = false;
		a->verdicts--; /* it is counted anew */
		a->given--;
		give(a, item);
	}
	if (r->http && !a->verdicts)
		on_all_submitted(a);
	request_unref(r);
}

/* It keeps its place among the verdicts to come. */
static bool goes_again(struct array *a, struct array_item *item, int status, enum queue_verdict verdict)
{
	struct request *r = a->crowd.r;
	if (!r->http || !spread_again(r->reactor, &item->spread, item->wait.tag, status, verdict))
		return false;
	crowd_leave(&item->wait);
	item->again = true;
	request_due(r, clock_mono_us() + spread_pause_us(&item->spread), on_again);
	return true;
}

static void on_submitted(void *arg, int status, enum queue_verdict verdict, const char *id, uint64_t created_us)
{
	struct array_item *item = arg;
	struct array *a = (struct array *)item->wait.crowd;
	struct request *r = a->crowd.r;
	if (goes_again(a, item, status, verdict)) {
		request_unref(r);
		return;
	}
	a->verdicts--;
	if (r->http) { /* else the client has left */
		if (status)
			lose(a, item, status);
		else
			take_verdict(a, item, verdict, id, created_us);
		if (!a->verdicts)
			on_all_submitted(a);
	}
	request_unref(r);
}

/* ---- giving them to Redis ---- */

static void refuse(struct array *a, struct array_item *item, int rc)
{
	const char *detail;
	if (submit_is_unfit(rc)) {
		enum problem p = submit_unfit(rc, &detail);
		set_problem(a, item, p, detail, "");
		crowd_leave(&item->wait);
	} else {
		lose(a, item, rc);
	}
}

static void give(struct array *a, struct array_item *item)
{
	struct request *r = a->crowd.r;
	struct reactor *re = r->reactor;
	const struct submission *s = item->submission;
	struct tag_queue *queue = tags_registered(re->tags, s->queue);
	struct queue_submit job = { .id = item->wait.id, .until_us = item->spread.until_us };
	struct digests digests;
	int rc = submit_fill(&job, &digests, r, s, (struct span){ s->key.data, s->key.len }, item->text);
	struct tag *tag = rc || !queue ? NULL : spread_pick(re, queue, &job, &item->spread);
	a->given++;
	if (!rc && !tag)
		rc = ERR_UNAVAILABLE;
	if (!rc) {
		struct id id = id_make(&re->ids, tag->index);
		crowd_enter(&a->crowd, &item->wait, &id, tag);
		job.tag = tag->text;
		if (r->wait_us)
			replies_listen(re->replies, tag);
	}
	request_ref(r);
	a->verdicts++;
	if (!rc)
		rc = reactor_submit(re, &job, on_submitted, item);
	if (!rc)
		return;
	a->verdicts--;
	refuse(a, item, rc);
	request_unref(r);
}

/* All queues are there. */
static void give_all(struct array *a)
{
	struct request *r = a->crowd.r;
	request_ref(r);
	deadlines_clear(&r->reactor->deadlines, &r->deadline);
	a->verdicts++; /* none of them is the last before all are given */
	for (size_t i = 0; i < a->n; i++)
		if (a->items[i].submission)
			give(a, &a->items[i]);
	if (--a->verdicts == 0)
		on_all_submitted(a);
	request_unref(r);
}

static void on_tag(void *arg, int status)
{
	struct array_item *item = arg;
	struct array *a = (struct array *)item->wait.crowd;
	struct request *r = a->crowd.r;
	a->registering--;
	if (r->http) {
		if (status == ERR_FULL) {
			set_problem(a, item, PROBLEM_QUEUE_FULL,
				    "there are as many queues as there may be; this one is not among them", "");
		} else if (status) {
			a->given++;
			lose(a, item, status);
		}
		if (!a->registering)
			give_all(a);
	}
	request_unref(r);
}

static void find_queues(struct array *a)
{
	struct request *r = a->crowd.r;
	struct tags *tags = r->reactor->tags;
	request_ref(r);
	a->registering = 1;
	for (size_t i = 0; i < a->n; i++) {
		struct array_item *item = &a->items[i];
		if (!item->submission || tags_registered(tags, item->submission->queue))
			continue;
		request_ref(r);
		a->registering++;
		int rc = tags_register(tags, item->submission->queue, &item->gate, on_tag, item);
		if (rc)
			on_tag(item, rc);
	}
	if (--a->registering == 0)
		give_all(a);
	else
		request_due_call(r);
	request_unref(r);
}

/* ---- reading ---- */

static void release(struct request_extra *extra)
{
	struct array *a = (struct array *)extra;
	for (size_t i = 0; i < a->n; i++) {
		drop_submission(&a->items[i]);
		buf_fini(&a->items[i].json);
	}
	free(a);
}

static struct array *array_new(struct request *r, size_t n)
{
	struct array *a = calloc(1, sizeof *a + n * sizeof *a->items);
	if (!a)
		return NULL;
	a->n = n;
	for (size_t i = 0; i < n; i++)
		a->items[i].wait.crowd = &a->crowd;
	crowd_init(&a->crowd, r, &for_array, release);
	return a;
}

/* 0 when it was taken or refused; ERR_NOT_FOUND: nothing is wrong but that no worker is known to know the operation. */
static int read_item(struct array *a, struct array_item *item, struct job_json_body *body)
{
	struct job_json_fault *fault = &a->crowd.r->fault;
	char detail[FAULT_DETAIL_SIZE];
	struct buf more = BUF_INIT;
	item->submission = calloc(1, sizeof *item->submission);
	if (!item->submission)
		return ERR_NOMEM;
	int rc = job_json_next(body, &item->text, item->submission, fault);
	if (rc != ERR_INVALID)
		return rc;
	enum problem p = fault_problem(fault, detail, &more);
	set_problem(a, item, p, detail, buf_cstr(&more));
	buf_fini(&more);
	return p == PROBLEM_UNKNOWN_OPERATION ? ERR_NOT_FOUND : 0;
}

/* Answers what is no good array as a whole. */
static bool is_good(struct request *r, size_t n)
{
	char detail[100];
	if (request_head(r)->field[HTTP_IDEMPOTENCY_KEY].p) {
		response_problem(
		    r, PROBLEM_BAD_REQUEST,
		    "expected an Idempotency-Key with a single submission, got it with an array: its items "
		    "may have a member idempotency_key each",
		    "");
	} else if (n == 0) {
		response_problem(r, PROBLEM_INVALID_SUBMISSION, "1 thing is wrong with the body, see errors",
				 "\"errors\":[{\"pointer\":\"\",\"detail\":\"expected 1 to 1000 submissions, got an "
				 "empty array\"}]");
	} else if (n > SUBMIT_ARRAY_MAX) {
		snprintf(detail, sizeof detail, "expected at most %d submissions in an array, got %zu",
			 SUBMIT_ARRAY_MAX, n);
		response_problem(r, PROBLEM_TOO_LARGE, detail, "");
	} else {
		return true;
	}
	return false;
}

void submit_array(struct request *r, struct job_json_body *body)
{
	struct array *a;
	int rc = 0;
	bool unknown = false;
	if (!is_good(r, body->n))
		return;
	a = array_new(r, body->n);
	if (!a)
		rc = ERR_NOMEM;
	for (size_t i = 0; i < body->n && rc != ERR_NOMEM; i++) {
		rc = read_item(a, &a->items[i], body);
		unknown |= rc == ERR_NOT_FOUND;
	}
	if (rc == ERR_NOMEM) {
		response_problem(r, PROBLEM_QUEUE_UNAVAILABLE, "this instance has no memory for the submissions", "");
	} else if (unknown && submit_ask_catalogue(r)) {
		r->extra = NULL;
		release(&a->crowd.extra);
	} else {
		find_queues(a);
	}
}
