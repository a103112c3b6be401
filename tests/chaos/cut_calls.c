/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The calls, each with what has to be there before it. Answers are told as short texts, jobs by their index. */
#include <stdio.h>
#include <string.h>

#include "cut.h"

#define BATCH "Worker_IN_0.old.1"
#define RUN_US 1000

/* ---- answers ---- */

static void put(struct cut_lane *l, int status, const char *text)
{
	size_t n = strlen(l->answer);

	(void)snprintf(l->answer + n, sizeof l->answer - n, "%s", text);
	l->status = status;
	l->open--;
}

static void on_submitted(void *arg, int status, enum queue_verdict verdict, const char *id, uint64_t created_at_us)
{
	const char text[2] = { (char)('0' + verdict), '\0' };

	(void)id;
	(void)created_at_us;
	put(arg, status, text);
}

static void put_index(const struct cut_lane *l, const char *id, char *text)
{
	for (unsigned i = 0; i < CUT_JOBS; i++)
		if (strcmp(id, l->ids[i]) == 0)
			text[strlen(text)] = (char)('0' + i);
}

static void on_claimed(void *arg, int status, const struct queue_claim *claim)
{
	char text[QUEUE_BATCH_MAX + 1] = "";

	for (size_t i = 0; !status && i < claim->n; i++)
		put_index(arg, claim->jobs[i].id, text);
	put(arg, status, text);
}

static void on_verdicts(void *arg, int status, const char *verdicts, size_t n)
{
	char text[80];

	(void)snprintf(text, sizeof text, "%.*s", (int)n, verdicts ? verdicts : "");
	put(arg, status, text);
}

static void on_extended(void *arg, int status, const struct rreply *answers)
{
	char text[20];

	(void)snprintf(text, sizeof text, "%.6s", status ? "" : rreply_str(rreply_at(answers, 0), NULL));
	put(arg, status, text);
}

static void on_reaped(void *arg, int status, const struct queue_reaped *reaped)
{
	char text[80] = "";

	if (!status)
		(void)snprintf(text, sizeof text, "%u back, %u dead", reaped->requeued, reaped->died);
	put(arg, status, text);
}

static void on_change(void *arg, int status, char code, const struct job *job)
{
	const char text[3] = { code, job ? (char)job->state : '-', '\0' };

	put(arg, status, status ? "" : text);
}

static void on_redriven(void *arg, int status, unsigned moved, bool more)
{
	char text[40];

	(void)snprintf(text, sizeof text, "%u%s", moved, more ? " and more" : "");
	put(arg, status, text);
}

static void on_paused(void *arg, int status, bool paused)
{
	put(arg, status, paused ? "paused" : "not paused");
}

static void on_registered(void *arg, int status, unsigned index)
{
	put(arg, status, index <= ID_TAG_MAX ? "an index" : "no index");
}

static void on_job(void *arg, int status, const struct job *job)
{
	const char text[2] = { job ? (char)job->state : '-', '\0' };

	put(arg, status, status ? "" : text);
}

static void on_figures(void *arg, int status, const struct queue_figures *f)
{
	char text[80] = "";

	if (!status)
		(void)snprintf(text, sizeof text, "%u queued, %u running", (unsigned)f->queued, (unsigned)f->running);
	put(arg, status, text);
}

static void on_listed(void *arg, int status, const struct queue_page *page)
{
	char text[QUEUE_LIST_MAX + 1] = "";

	for (size_t i = 0; !status && i < page->n; i++)
		put_index(arg, page->jobs[i].id, text);
	put(arg, status, text);
}

static void on_peeked(void *arg, int status, const char *looks, size_t n)
{
	char text[CUT_JOBS + 1] = "";

	for (size_t i = 0; !status && i < n; i++)
		text[i] = looks[i * QUEUE_LOOK];
	put(arg, status, text);
}

/* ---- calls ---- */

static int submit(struct cut_lane *l, unsigned i, unsigned attempts, const char *idem, const char *question)
{
	const struct queue_submit job = { .tag = l->tag,
					  .id = l->ids[i],
					  .job = { .priority = JOB_NORMAL,
						   .max_attempts = (unsigned)attempts,
						   .result_ttl_s = 60,
						   .timeout_ms = 1000,
						   .cache = question ? 'u' : 'b',
						   .op = { "square", 6 },
						   .args = { "[12]", 4 },
						   .reply = { "web", 3 } },
					  .idem_hash = idem,
					  .idem_print = idem ? "aa55" : NULL,
					  .cache_hash = question,
					  .cache_s = 60 };
	int rc = queue_submit(l->submitters[l->way], &job, on_submitted, l);

	l->open += rc == 0;
	return rc;
}

static int ask_enqueue(struct cut_lane *l)
{
	return submit(l, 0, 3, NULL, NULL);
}

static int ask_enqueue_last_chance(struct cut_lane *l)
{
	return submit(l, 0, 1, NULL, NULL);
}

static int ask_enqueue_keyed(struct cut_lane *l)
{
	return submit(l, 0, 3, "0123456789abcdef", NULL);
}

static int ask_enqueue_asking(struct cut_lane *l)
{
	return submit(l, 0, 3, NULL, "fedcba98");
}

static int ask_enqueue_following(struct cut_lane *l)
{
	return submit(l, 1, 3, NULL, "fedcba98");
}

static int ask_enqueue_three(struct cut_lane *l)
{
	int rc = 0;

	for (unsigned i = 0; i < 3 && !rc; i++)
		rc = submit(l, i, 3, NULL, NULL);
	return rc;
}

static int opened(struct cut_lane *l, int rc)
{
	l->open += rc == 0;
	return rc;
}

static int ask_claim(struct cut_lane *l)
{
	return opened(l, queue_claim(cut_link(l), l->tag, BATCH, 64, false, on_claimed, l));
}

static int ask_claim_started(struct cut_lane *l)
{
	return opened(l, queue_claim(cut_link(l), l->tag, BATCH, 64, true, on_claimed, l));
}

static int ask_start(struct cut_lane *l)
{
	const char *const ids[] = { l->ids[0], l->ids[1] };
	return opened(l, queue_start(cut_link(l), l->tag, BATCH, true, ids, 2, on_verdicts, l));
}

static int ask_start_one(struct cut_lane *l)
{
	const char *const ids[] = { l->ids[0] };
	return opened(l, queue_start(cut_link(l), l->tag, BATCH, true, ids, 1, on_verdicts, l));
}

static int ask_finish(struct cut_lane *l)
{
	const struct queue_outcome outcomes[] = { { l->ids[0], 's', RUN_US, { "144", 3 } },
						  { l->ids[1], 'f', RUN_US, { "{\"type\":\"t\"}", 12 } } };
	return opened(l, queue_finish(cut_link(l), l->tag, BATCH, false, outcomes, 2, on_verdicts, l));
}

static int ask_fail(struct cut_lane *l)
{
	const struct queue_outcome outcomes[] = { { l->ids[0], 'r', RUN_US, { "{\"type\":\"t\"}", 12 } } };
	return opened(l, queue_finish(cut_link(l), l->tag, BATCH, true, outcomes, 1, on_verdicts, l));
}

static int ask_extend(struct cut_lane *l)
{
	const char *const batches[] = { BATCH };
	return opened(l, queue_extend(cut_link(l), l->tag, batches, 1, on_extended, l));
}

static int ask_release(struct cut_lane *l)
{
	const char *const ids[] = { l->ids[0], l->ids[1] };
	return opened(l, queue_release(cut_link(l), l->tag, BATCH, ids, 2, on_verdicts, l));
}

/* By a later boot of the same instance: what the earlier one had is taken apart at once. */
static int ask_reap(struct cut_lane *l)
{
	return opened(l, queue_reap(cut_link(l), l->tag, "Worker_IN_0", "new", on_reaped, l));
}

static int ask_cancel(struct cut_lane *l)
{
	return opened(l, queue_cancel(cut_link(l), l->tag, l->ids[0], on_change, l));
}

static int ask_retry(struct cut_lane *l)
{
	return opened(l, queue_retry(cut_link(l), l->tag, l->ids[0], 1000, on_change, l));
}

static int ask_redrive(struct cut_lane *l)
{
	return opened(l, queue_redrive(cut_link(l), l->tag, 10, 1000, on_redriven, l));
}

static int ask_pause(struct cut_lane *l)
{
	return opened(l, queue_pause(cut_link(l), l->tag, true, on_paused, l));
}

static int ask_register(struct cut_lane *l)
{
	return opened(l, queue_register(cut_link(l), l->tag, on_registered, l));
}

static int ask_get(struct cut_lane *l)
{
	return opened(l, queue_get(cut_link(l), l->tag, l->ids[0], on_job, l));
}

static int ask_watch(struct cut_lane *l)
{
	return opened(l, queue_watch(cut_link(l), l->tag, l->ids[0], "other", on_job, l));
}

static int ask_figures(struct cut_lane *l)
{
	return opened(l, queue_figures(cut_link(l), l->tag, on_figures, l));
}

static int ask_list(struct cut_lane *l)
{
	return opened(l, queue_list(cut_link(l), l->tag, 'q', NULL, 10, on_listed, l));
}

static int ask_peek(struct cut_lane *l)
{
	const char *const ids[] = { l->ids[0], l->ids[1] };
	return opened(l, queue_peek(cut_link(l), l->tag, ids, 2, on_peeked, l));
}

/* ---- what was there before ---- */

static void nothing(struct cut_lane *l)
{
	(void)l;
}

static void one_queued(struct cut_lane *l)
{
	cut_prepare(l, ask_enqueue);
}

static void three_queued(struct cut_lane *l)
{
	cut_prepare(l, ask_enqueue_three);
}

static void one_asking(struct cut_lane *l)
{
	cut_prepare(l, ask_enqueue_asking);
}

static void three_claimed(struct cut_lane *l)
{
	cut_prepare(l, ask_enqueue_three);
	cut_prepare(l, ask_claim);
}

static void two_started(struct cut_lane *l)
{
	three_claimed(l);
	cut_prepare(l, ask_start);
}

static void one_started(struct cut_lane *l)
{
	three_claimed(l);
	cut_prepare(l, ask_start_one);
}

static void last_chance(struct cut_lane *l)
{
	cut_prepare(l, ask_enqueue_last_chance);
	cut_prepare(l, ask_claim);
	cut_prepare(l, ask_start_one);
}

static void three_presumed(struct cut_lane *l)
{
	three_queued(l);
	cut_prepare(l, ask_claim_started);
}

static void one_dead(struct cut_lane *l)
{
	last_chance(l);
	cut_prepare(l, ask_fail);
}

static void one_told_to_stop(struct cut_lane *l)
{
	one_started(l);
	cut_prepare(l, ask_cancel);
}

const struct cut_call cut_calls[] = {
	{ "enqueue", "sq_enqueue", "0", NULL, nothing, ask_enqueue },
	{ "enqueue with a key", "sq_enqueue", "0", NULL, nothing, ask_enqueue_keyed },
	{ "enqueue of three", "sq_enqueue", "000", NULL, nothing, ask_enqueue_three },
	{ "enqueue of a follower", "sq_enqueue", "2", NULL, one_asking, ask_enqueue_following },
	{ "claim", "sq_claim", "012", "012", three_queued, ask_claim },
	{ "claim and start", "sq_claim", "012", "012", three_queued, ask_claim_started },
	{ "start", "sq_start", "ss", "ss", three_claimed, ask_start },
	{ "start, cancel asked", "sq_start", "cs", "cs", one_told_to_stop, ask_start },
	{ "finish", "sq_finish", "kk", "mm", two_started, ask_finish },
	{ "fail, another attempt left", "sq_fail", "d", "d", two_started, ask_fail },
	{ "fail, the last attempt", "sq_fail", "x", "m", last_chance, ask_fail },
	{ "fail, cancel asked", "sq_fail", "k", "m", one_told_to_stop, ask_fail },
	{ "extend", "sq_extend", "ok", "ok", three_claimed, ask_extend },
	{ "extend, cancel asked", "sq_extend", "cancel", "cancel", one_told_to_stop, ask_extend },
	{ "release", "sq_release", "kk", "--", one_started, ask_release },
	{ "reap of what was not started", "sq_reap", "3 back, 0 dead", "0 back, 0 dead", three_claimed, ask_reap },
	{ "reap of what nobody saw start", "sq_reap", "3 back, 0 dead", "0 back, 0 dead", three_presumed, ask_reap },
	{ "reap of a last attempt", "sq_reap", "0 back, 1 dead", "0 back, 0 dead", last_chance, ask_reap },
	{ "cancel of a queued job", "sq_cancel", "cc", "dc", three_queued, ask_cancel },
	{ "cancel of a running job", "sq_cancel", "ar", "ar", one_started, ask_cancel },
	{ "retry", "sq_retry", "kq", "lq", one_dead, ask_retry },
	{ "redrive", "sq_redrive", "1", "0", one_dead, ask_redrive },
	{ "pause", "sq_pause", "paused", "paused", one_queued, ask_pause },
	{ "register", "sq_register", "an index", "an index", nothing, ask_register },
	{ "watch", "sq_watch", "q", "q", one_queued, ask_watch },
	{ "get", "GET", "q", "q", one_queued, ask_get },
	{ "figures", "sq_figures", "1 queued, 0 running", "1 queued, 0 running", one_queued, ask_figures },
	{ "list", "sq_list", "210", "210", three_queued, ask_list },
	{ "peek", "sq_peek", "rr", "rr", three_claimed, ask_peek },
};
const size_t cut_call_count = sizeof cut_calls / sizeof *cut_calls;
