/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The queue's calls over a real link and a real Redis: group commit, deadlines, replays, the worker's round.
 * What each function decides is tested in tests/lua/. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop_until.h"
#include "queue.h"
#include "redis_private.h"

#define DEADLINE_MS 10000
#define TAG "{jq:math:0}"

static struct redis_private *redis;
static uv_loop_t loop;
static struct rlink *l;
static struct queue_submitter *submitter;
static struct idgen idgen;
static uv_prepare_t prepare;

static void on_greet(struct rlink *link, void *arg)
{
	queue_greet(link, arg != NULL);
}

static void on_prepare(uv_prepare_t *p)
{
	(void)p;
	queue_submitter_flush(submitter);
}

static bool is_up(void *arg)
{
	(void)arg;
	return rlink_up(l);
}

static void open_all(bool allow_volatile)
{
	static int yes;
	struct rlink_options options = { .url = redis_private_url(redis),
					 .name = "check",
					 .on_greet = on_greet,
					 .arg = allow_volatile ? &yes : NULL };
	uv_loop_init(&loop);
	idgen_init(&idgen);
	l = rlink_new(&loop, &options, NULL);
	ck_assert_ptr_nonnull(l);
	submitter = queue_submitter_new(&loop, l, 1000, 250);
	uv_prepare_init(&loop, &prepare);
	uv_prepare_start(&prepare, on_prepare);
}

static void close_all(void)
{
	queue_submitter_free(submitter);
	rlink_free(l);
	uv_close((uv_handle_t *)&prepare, NULL);
	ck_assert(loop_finish(&loop));
}

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	redis = redis_private_start(NULL);
	open_all(false);
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
}

static void teardown(void)
{
	close_all();
	redis_private_stop(redis);
}

/* ---- submitting ---- */

struct outcome {
	unsigned n, wanted;
	int status;
	enum queue_verdict verdict;
	char id[ID_TEXT_SIZE];
	uint64_t created_at;
};

static void on_submitted(void *arg, int status, enum queue_verdict verdict, const char *id, uint64_t created_at)
{
	struct outcome *o = arg;
	o->n++;
	o->status = status;
	o->verdict = verdict;
	o->created_at = created_at;
	snprintf(o->id, sizeof o->id, "%s", id);
}

static bool submitted(void *arg)
{
	struct outcome *o = arg;
	return o->n >= o->wanted;
}

static void fill(struct queue_submit *job, char id[ID_TEXT_SIZE])
{
	struct id raw = id_make(&idgen, 1);
	id_format(&raw, id);
	*job = (struct queue_submit){ .tag = TAG,
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

static void submit(struct outcome *o, char id[ID_TEXT_SIZE])
{
	struct queue_submit job;
	fill(&job, id);
	ck_assert_int_eq(queue_submit(submitter, &job, on_submitted, o), 0);
}

static void submit_one(char id[ID_TEXT_SIZE])
{
	struct outcome o = { .wanted = 1 };
	submit(&o, id);
	ck_assert(loop_until(&loop, submitted, &o, DEADLINE_MS));
	ck_assert_int_eq(o.status, 0);
	ck_assert_int_eq(o.verdict, QUEUE_ACCEPTED);
}

static uint64_t commands(void)
{
	struct rlink_stats stats;
	rlink_stats(l, &stats);
	return stats.commands;
}

START_TEST(test_submit_is_grouped)
{
	struct outcome o = { .wanted = 600 };
	char id[ID_TEXT_SIZE];
	uint64_t before = commands();
	for (int i = 0; i < 600; i++)
		submit(&o, id);
	ck_assert(loop_until(&loop, submitted, &o, DEADLINE_MS));
	ck_assert_uint_eq(o.n, 600);
	ck_assert_int_eq(o.status, 0);
	ck_assert_uint_eq(commands() - before, 3); /* at most 256 jobs a call */
	ck_assert(o.created_at > 1600000000000000u);
}
END_TEST

START_TEST(test_submit_full)
{
	struct outcome o = { .wanted = 1002 };
	char id[ID_TEXT_SIZE];
	for (int i = 0; i < 1002; i++)
		submit(&o, id);
	ck_assert(loop_until(&loop, submitted, &o, DEADLINE_MS));
	ck_assert_int_eq(o.status, 0);
	ck_assert_int_eq(o.verdict, QUEUE_REFUSED_FULL);
}
END_TEST

START_TEST(test_submit_idempotent)
{
	struct outcome o = { .wanted = 1 };
	struct queue_submit job;
	char first[ID_TEXT_SIZE], second[ID_TEXT_SIZE];
	fill(&job, first);
	job.idem_hash = "aa";
	job.idem_print = "11";
	queue_submit(submitter, &job, on_submitted, &o);
	ck_assert(loop_until(&loop, submitted, &o, DEADLINE_MS));
	ck_assert_int_eq(o.verdict, QUEUE_ACCEPTED);
	job.id = second;
	fill(&job, second);
	job.idem_hash = "aa";
	job.idem_print = "11";
	o.wanted++;
	queue_submit(submitter, &job, on_submitted, &o);
	ck_assert(loop_until(&loop, submitted, &o, DEADLINE_MS));
	ck_assert_int_eq(o.verdict, QUEUE_REPLAYED);
	ck_assert_str_eq(o.id, first);
	job.idem_print = "22";
	o.wanted++;
	queue_submit(submitter, &job, on_submitted, &o);
	ck_assert(loop_until(&loop, submitted, &o, DEADLINE_MS));
	ck_assert_int_eq(o.verdict, QUEUE_KEY_REUSED);
}
END_TEST

START_TEST(test_submit_without_redis)
{
	struct outcome o = { .wanted = 1 };
	char id[ID_TEXT_SIZE];
	redis_private_kill(redis);
	submit(&o, id);
	ck_assert(loop_until(&loop, submitted, &o, DEADLINE_MS));
	ck_assert(o.status == ERR_UNAVAILABLE || o.status == ERR_TIMEOUT);
	o.wanted++;
	submit(&o, id); /* by now the link is known to be down */
	ck_assert(loop_until(&loop, submitted, &o, DEADLINE_MS));
	ck_assert_int_eq(o.status, ERR_UNAVAILABLE);
}
END_TEST

/* Sent, never answered in time: the outcome is unknown, and the job is there exactly once when Redis wakes up. */
START_TEST(test_submit_redis_hangs)
{
	struct outcome o = { .wanted = 1 };
	char id[ID_TEXT_SIZE];
	kill(redis_private_pid(redis), SIGSTOP);
	submit(&o, id);
	ck_assert(loop_until(&loop, submitted, &o, DEADLINE_MS));
	ck_assert_int_eq(o.status, ERR_TIMEOUT);
	kill(redis_private_pid(redis), SIGCONT);
	struct rsync *s = rsync_open(redis_private_url(redis), 5000, NULL);
	ck_assert_int_eq(rreply_int(rsync_words(s, NULL, "LLEN", TAG ":w:normal", NULL)), 1);
	rsync_close(s);
	ck_assert_uint_eq(o.n, 1);
}
END_TEST

/* The link breaks after sending and comes back before the deadline: asked again, accepted once. */
START_TEST(test_submit_again_after_loss)
{
	struct outcome o = { .wanted = 1 };
	char id[ID_TEXT_SIZE];
	struct rsync *s = rsync_open(redis_private_url(redis), 5000, NULL);
	submit(&o, id);
	queue_submitter_flush(submitter);
	rlink_flush(l);
	rlink_drop(l, "test");
	ck_assert_uint_eq(o.n, 0);
	ck_assert(loop_until(&loop, submitted, &o, DEADLINE_MS));
	ck_assert_int_eq(o.status, 0);
	ck_assert_int_eq(o.verdict, QUEUE_ACCEPTED);
	ck_assert_int_eq(rreply_int(rsync_words(s, NULL, "LLEN", TAG ":w:normal", NULL)), 1);
	ck_assert_str_eq(rreply_str(rsync_words(s, NULL, "HGET", TAG ":st", "live", NULL), NULL), "1");
	rsync_close(s);
}
END_TEST

/* Perhaps accepted, then asked again and refused: the refusal says nothing about the first time. */
START_TEST(test_submit_refused_after_loss)
{
	struct outcome o = { .wanted = 1 };
	char id[ID_TEXT_SIZE];
	struct rsync *s = rsync_open(redis_private_url(redis), 5000, NULL);
	submit(&o, id);
	queue_submitter_flush(submitter);
	rlink_flush(l);
	rlink_drop(l, "test");
	for (int i = 0; i < 1000 && rreply_int(rsync_words(s, NULL, "HGET", TAG ":st", "live", NULL)) == 0; i++)
		;
	rsync_words(s, NULL, "CONFIG", "SET", "min-replicas-to-write", "1", NULL);
	ck_assert(loop_until(&loop, submitted, &o, DEADLINE_MS));
	ck_assert_msg(o.status == ERR_UNKNOWN || o.status == ERR_TIMEOUT, "got %d", o.status);
	rsync_close(s);
}
END_TEST

static unsigned turn; /* of the loop */

struct stubborn {
	unsigned n, wanted, submitted_in;
	bool again;
};

static void on_submitted_stubborn(void *arg, int status, enum queue_verdict verdict, const char *id, uint64_t at)
{
	struct stubborn *o = arg;
	struct queue_submit job;
	char next[ID_TEXT_SIZE];
	(void)verdict, (void)id, (void)at;
	ck_assert_int_eq(status, ERR_UNAVAILABLE);
	o->n++;
	if (o->again) {
		o->again = false;
		o->submitted_in = turn;
		fill(&job, next);
		ck_assert_int_eq(queue_submit(submitter, &job, on_submitted_stubborn, o), 0);
	} else {
		ck_assert_uint_gt(turn, o->submitted_in); /* it has a deadline of its own */
	}
}

static bool stubborn_done(void *arg)
{
	const struct stubborn *o = arg;
	turn++;
	return o[15].n == 2;
}

/* Who is refused may submit again from the callback: a new submission, not one more in the call that is ending. */
START_TEST(test_submit_from_callback)
{
	struct stubborn all[16] = { 0 };
	redis_private_kill(redis);
	rlink_drop(l, "test");
	for (size_t i = 0; i < 16; i++) {
		struct queue_submit job;
		char id[ID_TEXT_SIZE];
		all[i].again = true;
		fill(&job, id);
		ck_assert_int_eq(queue_submit(submitter, &job, on_submitted_stubborn, &all[i]), 0);
	}
	ck_assert(loop_until(&loop, stubborn_done, all, DEADLINE_MS));
}
END_TEST

/* What is no job is refused by Redis before it is anywhere. */
START_TEST(test_submit_without_operation)
{
	struct outcome o = { .wanted = 1 };
	struct queue_submit job;
	char id[ID_TEXT_SIZE];
	fill(&job, id);
	job.job.op.n = 0;
	ck_assert_int_eq(queue_submit(submitter, &job, on_submitted, &o), 0);
	ck_assert(loop_until(&loop, submitted, &o, DEADLINE_MS));
	ck_assert_int_eq(o.status, ERR_PROTOCOL);
}
END_TEST

/* ---- reading ---- */

struct got {
	bool done;
	int status;
	enum job_state state;
	char text[200];
	uint64_t attempt;
};

static void on_job(void *arg, int status, const struct job *job)
{
	struct got *g = arg;
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
	return ((struct got *)arg)->done;
}

static struct got get(const char *id)
{
	struct got g = { 0 };
	ck_assert_int_eq(queue_get(l, TAG, id, on_job, &g), 0);
	ck_assert(loop_until(&loop, got_done, &g, DEADLINE_MS));
	return g;
}

START_TEST(test_get)
{
	char id[ID_TEXT_SIZE];
	submit_one(id);
	struct got g = get(id);
	ck_assert_int_eq(g.status, 0);
	ck_assert_int_eq(g.state, JOB_QUEUED);
	ck_assert_int_eq(get("00000000-0000-7000-8000-000000000000").status, ERR_NOT_FOUND);
	struct rsync *s = rsync_open(redis_private_url(redis), 5000, NULL);
	rsync_words(s, NULL, "SET", TAG ":j:00000000-0000-7000-8000-000000000000", "not a record", NULL);
	ck_assert_int_eq(get("00000000-0000-7000-8000-000000000000").status, ERR_INVALID);
	rsync_close(s);
}
END_TEST

/* ---- a worker's round ---- */

struct claimed {
	bool done;
	int status;
	size_t n;
	char ids[QUEUE_BATCH_MAX][ID_TEXT_SIZE];
	bool more;
};

static void on_claim(void *arg, int status, const struct queue_claim *claim)
{
	struct claimed *c = arg;
	*c = (struct claimed){ .done = true, .status = status };
	for (size_t i = 0; !status && i < claim->n; i++)
		snprintf(c->ids[c->n++], ID_TEXT_SIZE, "%s", claim->jobs[i].id);
	c->more = !status && claim->more;
}

static bool claim_done(void *arg)
{
	return ((struct claimed *)arg)->done;
}

static void claim(struct claimed *c, const char *batch, unsigned max)
{
	c->done = false;
	ck_assert_int_eq(queue_claim(l, TAG, batch, max, false, on_claim, c), 0);
	ck_assert(loop_until(&loop, claim_done, c, DEADLINE_MS));
	ck_assert_int_eq(c->status, 0);
}

static bool has_text(void *arg)
{
	return ((char *)arg)[0] != '\0';
}

static void on_verdicts(void *arg, int status, const char *verdicts, size_t n)
{
	snprintf(arg, 80, status ? "error" : "%.*s", (int)n, verdicts ? verdicts : "");
}

static void on_extended(void *arg, int status, const struct rreply *answers)
{
	snprintf(arg, 80, "%s", status ? "error" : rreply_str(rreply_at(answers, 0), NULL));
}

struct cancelled {
	bool done;
	int status;
	char code;
	enum job_state state;
	unsigned flags;
};

static void on_cancelled(void *arg, int status, char code, const struct job *job)
{
	struct cancelled *c = arg;
	*c = (struct cancelled){ true, status, code, job ? job->state : 0, job ? job->flags : 0 };
	ck_assert_int_eq(job != NULL, status == 0);
}

static bool cancel_done(void *arg)
{
	return ((struct cancelled *)arg)->done;
}

static struct cancelled cancel(const char *id)
{
	struct cancelled c = { 0 };
	ck_assert_int_eq(queue_cancel(l, TAG, id, on_cancelled, &c), 0);
	ck_assert(loop_until(&loop, cancel_done, &c, DEADLINE_MS));
	return c;
}

START_TEST(test_cancel)
{
	char waiting[ID_TEXT_SIZE], running[ID_TEXT_SIZE];
	static struct claimed c;
	submit_one(running);
	claim(&c, "w.boot.1", 1);
	submit_one(waiting);
	struct cancelled x = cancel(waiting);
	ck_assert_int_eq(x.status, 0);
	ck_assert_int_eq(x.code, 'c');
	ck_assert_int_eq(x.state, JOB_CANCELLED);
	ck_assert_int_eq(cancel(waiting).code, 'd');
	x = cancel(running);
	ck_assert_int_eq(x.code, 'a');
	ck_assert_int_eq(x.state, JOB_RUNNING);
	ck_assert_uint_eq(x.flags, JOB_FLAG_CANCEL_ASKED);
	x = cancel("00000000-0000-7000-8000-000000000000");
	ck_assert_int_eq(x.status, ERR_NOT_FOUND);
	ck_assert_int_eq(x.code, '0');
}
END_TEST

static bool has_outcome(void *arg)
{
	return get(arg).text[0] != '\0';
}

START_TEST(test_progress)
{
	char id[ID_TEXT_SIZE];
	static const char json[] = "{\"ratio\":0.5,\"note\":\"half\"}";
	static struct claimed c;
	submit_one(id);
	claim(&c, "w.boot.1", 1);
	ck_assert_int_eq(queue_progress(l, TAG, "w.boot.1", id, (struct span){ json, strlen(json) }), 0);
	ck_assert(loop_until(&loop, has_outcome, id, DEADLINE_MS));
	struct got g = get(id);
	ck_assert_int_eq(g.state, JOB_RUNNING);
	ck_assert_str_eq(g.text, json);
}
END_TEST

START_TEST(test_worker_round)
{
	char ids[3][ID_TEXT_SIZE], text[80] = "";
	static struct claimed c;
	for (int i = 0; i < 3; i++)
		submit_one(ids[i]);
	claim(&c, "w.boot.1", 2);
	ck_assert_uint_eq(c.n, 2);
	ck_assert_str_eq(c.ids[0], ids[0]);
	ck_assert(c.more);
	claim(&c, "w.boot.1", 2); /* asked again */
	ck_assert_uint_eq(c.n, 2);
	const char *both[] = { ids[0], ids[1] };
	queue_start(l, TAG, "w.boot.1", false, both, 2, on_verdicts, text);
	ck_assert(loop_until(&loop, has_text, text, DEADLINE_MS));
	ck_assert_str_eq(text, "ss");
	struct queue_outcome done[] = { { ids[0], 's', 10, { "144", 3 } },
					{ ids[1], 'f', 10, { "{\"type\":\"x\"}", 12 } } };
	for (int again = 0; again < 2; again++) {
		text[0] = '\0';
		queue_finish(l, TAG, "w.boot.1", false, done, 2, on_verdicts, text);
		ck_assert(loop_until(&loop, has_text, text, DEADLINE_MS));
		ck_assert_str_eq(text, again ? "mm" : "kk");
	}
	struct got g = get(ids[0]);
	ck_assert_int_eq(g.state, JOB_SUCCEEDED);
	ck_assert_str_eq(g.text, "144");
	ck_assert_uint_eq(g.attempt, 1);
	claim(&c, "w.boot.2", 2);
	const char *last[] = { ids[2] };
	text[0] = '\0';
	queue_release(l, TAG, "w.boot.2", last, 1, on_verdicts, text);
	ck_assert(loop_until(&loop, has_text, text, DEADLINE_MS));
	ck_assert_str_eq(text, "k");
	ck_assert_int_eq(get(ids[2]).state, JOB_QUEUED);
	const char *batches[] = { "w.boot.2" };
	text[0] = '\0';
	queue_extend(l, TAG, batches, 1, on_extended, text);
	ck_assert(loop_until(&loop, has_text, text, DEADLINE_MS));
	ck_assert_str_eq(text, "lost");
}
END_TEST

START_TEST(test_reply_list)
{
	char id[ID_TEXT_SIZE], back[ID_TEXT_SIZE], text[80] = "";
	static struct claimed c;
	struct job job;
	size_t n;
	submit_one(id);
	claim(&c, "w.boot.1", 1);
	struct queue_outcome done = { id, 's', 10, { "144", 3 } };
	queue_finish(l, TAG, "w.boot.1", false, &done, 1, on_verdicts, text);
	ck_assert(loop_until(&loop, has_text, text, DEADLINE_MS));
	struct rsync *s = rsync_open(redis_private_url(redis), 5000, NULL);
	const char *entry = rreply_str(rsync_words(s, NULL, "LPOP", TAG ":r:web", NULL), &n);
	ck_assert_int_eq(queue_reply_decode(entry, n, back, &job), 0);
	ck_assert_str_eq(back, id);
	ck_assert_int_eq(job.state, JOB_SUCCEEDED);
	ck_assert_mem_eq(job.outcome.p, "144", 3);
	ck_assert_int_eq(queue_reply_decode(entry, 20, back, &job), ERR_INVALID);
	rsync_close(s);
}
END_TEST

struct reaped {
	bool done;
	int status;
	struct queue_reaped what;
};

static void on_reaped(void *arg, int status, const struct queue_reaped *what)
{
	struct reaped *r = arg;
	r->done = true;
	r->status = status;
	if (what)
		r->what = *what;
}

static bool reap_done(void *arg)
{
	return ((struct reaped *)arg)->done;
}

/* A new life of the same instance gives back at once what its former one had claimed. */
START_TEST(test_reap_former_life)
{
	char id[ID_TEXT_SIZE];
	static struct claimed c;
	struct reaped r = { 0 };
	submit_one(id);
	claim(&c, "w.old.1", 1);
	ck_assert_int_eq(queue_reap(l, TAG, "w", "new", on_reaped, &r), 0);
	ck_assert(loop_until(&loop, reap_done, &r, DEADLINE_MS));
	ck_assert_int_eq(r.status, 0);
	ck_assert_uint_eq(r.what.requeued, 1);
	ck_assert_uint_eq(r.what.waiting, 1);
	ck_assert_uint_eq(r.what.leases, 0);
	ck_assert_int_eq(get(id).state, JOB_QUEUED);
}
END_TEST

struct registered {
	bool done;
	int status;
	unsigned index;
};

static void on_registered(void *arg, int status, unsigned index)
{
	*(struct registered *)arg = (struct registered){ true, status, index };
}

static bool register_done(void *arg)
{
	return ((struct registered *)arg)->done;
}

START_TEST(test_register)
{
	unsigned seen[3];
	static const char *const tags[] = { "{jq:a:0}", "{jq:b:0}", "{jq:a:0}" };
	for (int i = 0; i < 3; i++) {
		struct registered r = { 0 };
		ck_assert_int_eq(queue_register(l, tags[i], on_registered, &r), 0);
		ck_assert(loop_until(&loop, register_done, &r, DEADLINE_MS));
		ck_assert_int_eq(r.status, 0);
		seen[i] = r.index;
	}
	ck_assert_uint_eq(seen[0], seen[2]);
	ck_assert_uint_ne(seen[0], seen[1]);
	ck_assert_uint_le(seen[1], ID_TAG_MAX);
}
END_TEST

/* ---- greeting ---- */

static bool says_appendonly(void *arg)
{
	(void)arg;
	return strstr(rlink_error(l), "appendonly") != NULL;
}

START_TEST(test_greet_volatile_redis)
{
	struct rsync *s = rsync_open(redis_private_url(redis), 5000, NULL);
	rsync_words(s, NULL, "CONFIG", "SET", "appendonly", "no", NULL);
	close_all();
	open_all(false);
	ck_assert(loop_until(&loop, says_appendonly, NULL, DEADLINE_MS));
	ck_assert(!rlink_up(l));
	close_all();
	open_all(true);
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
	rsync_close(s);
}
END_TEST

/* Functions that vanish under a running link (a flushed or replaced Redis) come back by themselves. */
START_TEST(test_functions_come_back)
{
	struct outcome o = { .wanted = 1 };
	char id[ID_TEXT_SIZE];
	struct rsync *s = rsync_open(redis_private_url(redis), 5000, NULL);
	rsync_words(s, NULL, "FUNCTION", "FLUSH", NULL);
	submit(&o, id);
	ck_assert(loop_until(&loop, submitted, &o, DEADLINE_MS));
	ck_assert_int_eq(o.status, ERR_UNAVAILABLE);
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
	submit_one(id);
	rsync_close(s);
}
END_TEST

/* A newer library than ours stays. */
START_TEST(test_newer_library_stays)
{
	static const char newer[] = "#!lua name=square\n"
				    "redis.register_function{function_name='sq_version', flags={'no-writes'}, "
				    "callback=function() return 1000000 end}";
	struct rsync *s = rsync_open(redis_private_url(redis), 5000, NULL);
	rsync_words(s, NULL, "FUNCTION", "LOAD", "REPLACE", newer, NULL);
	close_all();
	open_all(false);
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
	ck_assert_int_eq(rreply_int(rsync_words(s, NULL, "FCALL", "sq_version", "1", KEYS_REG, NULL)), 1000000);
	rsync_close(s);
}
END_TEST

/* A library of our name that lacks what we ask for is replaced. */
START_TEST(test_foreign_library_is_replaced)
{
	static const char foreign[] =
	    "#!lua name=square\n"
	    "redis.register_function{function_name='sq_other', callback=function() return 1 end}";
	char id[ID_TEXT_SIZE];
	struct rsync *s = rsync_open(redis_private_url(redis), 5000, NULL);
	rsync_words(s, NULL, "FUNCTION", "LOAD", "REPLACE", foreign, NULL);
	close_all();
	open_all(false);
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
	submit_one(id);
	rsync_close(s);
}
END_TEST

static TCase *add_case(Suite *s, const char *name)
{
	TCase *t = tcase_create(name);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return t;
}

int main(void)
{
	Suite *s = suite_create("queue");
	TCase *core = add_case(s, "core"), *limits = add_case(s, "limits"), *faults = add_case(s, "faults");
	tcase_add_test(core, test_submit_is_grouped);
	tcase_add_test(core, test_submit_idempotent);
	tcase_add_test(core, test_get);
	tcase_add_test(core, test_worker_round);
	tcase_add_test(core, test_cancel);
	tcase_add_test(core, test_progress);
	tcase_add_test(core, test_reply_list);
	tcase_add_test(core, test_register);
	tcase_add_test(limits, test_submit_full);
	tcase_add_test(limits, test_submit_without_operation);
	tcase_add_test(faults, test_submit_without_redis);
	tcase_add_test(faults, test_submit_redis_hangs);
	tcase_add_test(faults, test_submit_again_after_loss);
	tcase_add_test(faults, test_submit_refused_after_loss);
	tcase_add_test(faults, test_submit_from_callback);
	tcase_add_test(faults, test_reap_former_life);
	tcase_add_test(faults, test_greet_volatile_redis);
	tcase_add_test(faults, test_functions_come_back);
	tcase_add_test(faults, test_newer_library_stays);
	tcase_add_test(faults, test_foreign_library_is_replaced);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
