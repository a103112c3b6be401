/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "queue_lab.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>

#include "loop_until.h"

struct queue_lab queue_lab;

static void on_greet(struct rlink *link, void *arg)
{
	queue_greet(link, arg != NULL);
}

static void on_prepare(uv_prepare_t *p)
{
	(void)p;
	queue_submitter_flush(queue_lab.submitter);
}

bool queue_lab_is_up(void *arg)
{
	(void)arg;
	return rlink_up(queue_lab.link);
}

void queue_lab_open(bool allow_volatile)
{
	static int yes;
	struct rlink_options options = { .url = redis_private_url(queue_lab.redis),
					 .name = "check",
					 .on_greet = on_greet,
					 .arg = allow_volatile ? &yes : NULL };
	uv_loop_init(&queue_lab.loop);
	idgen_init(&queue_lab.idgen);
	queue_lab.link = rlink_new(&queue_lab.loop, &options, NULL);
	ck_assert_ptr_nonnull(queue_lab.link);
	queue_lab.submitter = queue_submitter_new(&queue_lab.loop, queue_lab.link, 1000, 250);
	uv_prepare_init(&queue_lab.loop, &queue_lab.prepare);
	uv_prepare_start(&queue_lab.prepare, on_prepare);
}

void queue_lab_close(void)
{
	queue_submitter_free(queue_lab.submitter);
	rlink_free(queue_lab.link);
	uv_close((uv_handle_t *)&queue_lab.prepare, NULL);
	ck_assert(loop_finish(&queue_lab.loop));
}

void queue_lab_start(void)
{
	signal(SIGPIPE, SIG_IGN);
	queue_lab.redis = redis_private_start(NULL);
	queue_lab_open(false);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_is_up, NULL, QUEUE_LAB_DEADLINE_MS));
}

void queue_lab_stop(void)
{
	queue_lab_close();
	redis_private_stop(queue_lab.redis);
}

void queue_lab_on_submitted(void *arg, int status, enum queue_verdict verdict, const char *id, uint64_t created_at)
{
	struct queue_lab_outcome *o = arg;
	o->n++;
	o->status = status;
	o->verdict = verdict;
	o->created_at = created_at;
	snprintf(o->id, sizeof o->id, "%s", id);
}

bool queue_lab_submitted(void *arg)
{
	struct queue_lab_outcome *o = arg;
	return o->n >= o->wanted;
}

void queue_lab_fill(struct queue_submit *job, char id[ID_TEXT_SIZE])
{
	struct id raw = id_make(&queue_lab.idgen, 1);
	id_format(&raw, id);
	*job = (struct queue_submit){ .tag = QUEUE_LAB_TAG,
				      .id = id,
				      .job = { .priority = JOB_NORMAL,
					       .max_attempts = 3,
					       .result_ttl_s = 60,
					       .timeout_ms = 1000,
					       .cache = 'b',
					       .op = { "square", 6 },
					       .args = { "[12]", 4 },
					       .reply = { "web", 3 } } };
}

void queue_lab_submit(char id[ID_TEXT_SIZE])
{
	struct queue_lab_outcome o = { .wanted = 1 };
	struct queue_submit job;
	queue_lab_fill(&job, id);
	ck_assert_int_eq(queue_submit(queue_lab.submitter, &job, queue_lab_on_submitted, &o), 0);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_submitted, &o, QUEUE_LAB_DEADLINE_MS));
	ck_assert_int_eq(o.status, 0);
	ck_assert_int_eq(o.verdict, QUEUE_ACCEPTED);
}

static void on_job(void *arg, int status, const struct job *job)
{
	struct queue_lab_job *g = arg;
	g->done = true;
	g->status = status;
	if (!job)
		return;
	g->state = job->state;
	g->attempt = job->attempt;
	snprintf(g->text, sizeof g->text, "%.*s", (int)job->outcome.n, job->outcome.p);
}

static bool got_done(void *arg)
{
	return ((struct queue_lab_job *)arg)->done;
}

struct queue_lab_job queue_lab_get(const char *id)
{
	struct queue_lab_job g = { 0 };
	ck_assert_int_eq(queue_get(queue_lab.link, QUEUE_LAB_TAG, id, on_job, &g), 0);
	ck_assert(loop_until(&queue_lab.loop, got_done, &g, QUEUE_LAB_DEADLINE_MS));
	return g;
}

static void on_claim(void *arg, int status, const struct queue_claim *claim)
{
	struct queue_lab_claimed *c = arg;
	*c = (struct queue_lab_claimed){ .done = true, .status = status };
	for (size_t i = 0; !status && i < claim->n; i++)
		snprintf(c->ids[c->n++], ID_TEXT_SIZE, "%s", claim->jobs[i].id);
	c->more = !status && claim->more;
}

static bool claim_done(void *arg)
{
	return ((struct queue_lab_claimed *)arg)->done;
}

void queue_lab_claim(struct queue_lab_claimed *c, const char *batch, unsigned max)
{
	c->done = false;
	ck_assert_int_eq(queue_claim(queue_lab.link, QUEUE_LAB_TAG, batch, max, false, on_claim, c), 0);
	ck_assert(loop_until(&queue_lab.loop, claim_done, c, QUEUE_LAB_DEADLINE_MS));
	ck_assert_int_eq(c->status, 0);
}

bool queue_lab_has_text(void *arg)
{
	return ((char *)arg)[0] != '\0';
}

void queue_lab_on_verdicts(void *arg, int status, const char *verdicts, size_t n)
{
	snprintf(arg, 80, status ? "error" : "%.*s", (int)n, verdicts ? verdicts : "");
}

static void on_change(void *arg, int status, char code, const struct job *job)
{
	struct queue_lab_change *c = arg;
	*c = (struct queue_lab_change){ true, status, code, job ? job->state : 0, job ? job->flags : 0 };
	ck_assert_int_eq(job != NULL, status == 0);
}

static bool change_done(void *arg)
{
	return ((struct queue_lab_change *)arg)->done;
}

struct queue_lab_change queue_lab_cancel(const char *id)
{
	struct queue_lab_change c = { 0 };
	ck_assert_int_eq(queue_cancel(queue_lab.link, QUEUE_LAB_TAG, id, on_change, &c), 0);
	ck_assert(loop_until(&queue_lab.loop, change_done, &c, QUEUE_LAB_DEADLINE_MS));
	return c;
}

struct queue_lab_change queue_lab_retry(const char *id, uint64_t live_max)
{
	struct queue_lab_change c = { 0 };
	ck_assert_int_eq(queue_retry(queue_lab.link, QUEUE_LAB_TAG, id, live_max, on_change, &c), 0);
	ck_assert(loop_until(&queue_lab.loop, change_done, &c, QUEUE_LAB_DEADLINE_MS));
	return c;
}
