/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The worker's queue side on a real Redis with the real executor: every job submitted gets its one outcome, whatever
 * happens to the link; slots bound what is taken; draining gives the rest back uncharged. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "claimer.h"
#include "compute_run.h"
#include "loop_until.h"
#include "reaper.h"
#include "redis_private.h"
#include "suite_run.h"

#define DEADLINE_MS 20000
#define TAG "{jq:math:0}"
#define SLOTS 4
#define CHILDREN 2

static struct redis_private *redis;
static struct rsync *s;
static uv_loop_t loop;
static struct rslots *slots;
static struct rlinks *links;
static struct rlink *l; /* the one of them */
static struct executor *executor;
static struct compute_run compute;
static struct claimer *claimer;
static struct reaper *reaper;
static struct queue_submitter *submitter;
static struct idgen idgen;
static uv_prepare_t prepare;

static void on_state(void *arg, struct rlink *link, bool up)
{
	(void)arg;
	if (claimer)
		claimer_link_state(claimer, link, up);
	if (up && reaper)
		reaper_tick(reaper, link);
}

static void on_greet(struct rlink *link, void *arg)
{
	(void)arg;
	queue_greet(link, false);
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

static const char *const plain_tags[] = { TAG };
static const char *const *tags = plain_tags;
static size_t tag_count = 1;

static void open_claimer(const char *boot)
{
	struct errinfo info = { 0 };
	struct claimer_options options = {
		.slots = slots, .instance = "WorkerRole_IN_0", .boot = boot, .claim_max = 64
	};
	claimer = claimer_new(&loop, links, executor, &options, &info);
	ck_assert_msg(claimer != NULL, "%s", info.text);
	reaper = reaper_new(&loop, links, claimer, "WorkerRole_IN_0", boot);
	for (size_t i = 0; i < tag_count; i++) {
		ck_assert_int_eq(claimer_add(claimer, tags[i]), 0);
		ck_assert_int_eq(reaper_add(reaper, tags[i]), 0);
		claimer_look(claimer, i);
	}
}

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	redis = redis_private_start(NULL);
	uv_loop_init(&loop);
	compute_run_start(&compute, &loop, CHILDREN);
	idgen_init(&idgen);
	struct rlinks_options options = { .name = "check", .on_greet = on_greet, .on_state = on_state };
	slots = rslots_new(&loop, redis_private_url(redis), "check", NULL);
	links = rlinks_new(slots, &options, NULL);
	l = rlinks_at(links, TAG);
	executor = executor_new(&loop, SLOTS, compute.pool);
	submitter = queue_submitter_new(&loop, l, 100000, 5000);
	uv_prepare_init(&loop, &prepare);
	uv_prepare_start(&prepare, on_prepare);
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
	s = rsync_open(redis_private_url(redis), 5000, NULL);
}

static void teardown(void)
{
	queue_submitter_free(submitter);
	if (reaper)
		reaper_close(reaper);
	claimer_close(claimer);
	rlinks_free(links);
	rslots_free(slots);
	executor_free(executor);
	compute_run_stop(&compute);
	uv_close((uv_handle_t *)&prepare, NULL);
	ck_assert(loop_finish(&loop));
	claimer_destroy(claimer);
	claimer = NULL;
	reaper = NULL;
	compute_run_end(&compute);
	rsync_close(s);
	redis_private_stop(redis);
}

static void on_submitted(void *arg, int status, enum queue_verdict verdict, const char *id, uint64_t created_at)
{
	(void)id, (void)created_at;
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(verdict, QUEUE_ACCEPTED);
	++*(unsigned *)arg;
}

struct count {
	unsigned n, wanted;
};

static bool counted(void *arg)
{
	struct count *c = arg;
	return c->n >= c->wanted;
}

static void submit(unsigned n, const char *op, const char *args, uint64_t delay_us)
{
	struct count c = { 0, n };
	for (unsigned i = 0; i < n; i++) {
		char id[ID_TEXT_SIZE];
		struct id raw = id_make(&idgen, 1);
		id_format(&raw, id);
		struct queue_submit job = { .tag = TAG,
					    .id = id,
					    .job = { .priority = JOB_NORMAL,
						     .max_attempts = 3,
						     .result_ttl_s = 600,
						     .timeout_ms = 60000,
						     .cache = 'b',
						     .delay_us = delay_us,
						     .op = { op, strlen(op) },
						     .args = { args, strlen(args) } } };
		ck_assert_int_eq(queue_submit(submitter, &job, on_submitted, &c.n), 0);
	}
	ck_assert(loop_until(&loop, counted, &c, DEADLINE_MS));
}

static long long figure(const char *field)
{
	return rreply_int(rsync_words(s, NULL, "HGET", TAG ":st", field, NULL));
}

static bool nothing_alive(void *arg)
{
	(void)arg;
	return claimer_running(claimer) == 0 && figure("live") == 0;
}

static bool four_running(void *arg)
{
	(void)arg;
	return executor_running(executor) == SLOTS && figure("run") == SLOTS;
}

START_TEST(test_short_jobs)
{
	open_claimer("a");
	submit(5000, "square", "[12]", 0);
	ck_assert(loop_until(&loop, nothing_alive, NULL, DEADLINE_MS));
	ck_assert_int_eq(figure("n:s"), 5000);
	ck_assert_uint_eq(claimer_stats(claimer)->succeeded, 5000);
	ck_assert_int_eq(rreply_int(rsync_words(s, NULL, "ZCARD", TAG ":lease", NULL)), 0);
}
END_TEST

/* Of all jobs in hand, how many are charged if the worker dies now; each turn of the loop. */
static bool suspects_run_alone(void *arg)
{
	static const char marks[] =
	    "local n = 0 for _, b in ipairs(redis.call('ZRANGE', KEYS[1] .. ':lease', 0, -1)) do "
	    "for _, m in ipairs(redis.call('HVALS', KEYS[1] .. ':b:' .. b)) do "
	    "if string.sub(m, 1, 1) == 's' then n = n + 1 end end end return n";
	int64_t charged = rreply_int(rsync_words(s, NULL, "EVAL", marks, "1", TAG, NULL));
	unsigned *most = arg;
	ck_assert_int_le(charged, 1);
	*most = charged > *most ? (unsigned)charged : *most;
	return nothing_alive(NULL);
}

/* Jobs that a killed worker was presumed to run: nobody is charged for that, and from then on they start one by one. */
START_TEST(test_suspects_run_alone)
{
	unsigned most = 0;
	submit(30, "square", "[12]", 0);
	ck_assert_uint_eq(rreply_count(rsync_words(s, NULL, "FCALL", "sq_claim", "1", TAG, "X.1.1", "30", "10000000",
						   "2", NULL)),
			  4 + 2 * 30);
	rsync_words(s, NULL, "FCALL", "sq_reap", "1", TAG, "10000000", "X", "2", "64", NULL);
	submit(200, "square", "[12]", 0);
	open_claimer("a");
	ck_assert(loop_until(&loop, suspects_run_alone, &most, DEADLINE_MS));
	ck_assert_int_eq(figure("n:s"), 230);
	ck_assert_uint_eq(most, 1);
	rsync_words(s, NULL, "FCALL", "sq_reap", "1", TAG, "10000000", "", "", "64", NULL);
	ck_assert_str_eq(
	    rreply_str(
		rsync_words(s, NULL, "EVAL",
			    "for _, id in ipairs(redis.call('LRANGE', KEYS[1] .. ':recent', 0, -1)) do "
			    "local r = redis.call('GET', KEYS[1] .. ':j:' .. id) "
			    "if string.sub(r, 5, 8) ~= '\\0\\0\\1\\0' then return 'flags or attempt of ' .. id end "
			    "end return 'fine'",
			    "1", TAG, NULL),
		NULL),
	    "fine");
}
END_TEST

/* Jobs that come one by one to an idle worker: it sleeps on the markers, and is woken. */
START_TEST(test_wakes_up)
{
	open_claimer("a");
	for (int i = 0; i < 20; i++) {
		submit(1, "square", "[12]", 0);
		ck_assert(loop_until(&loop, nothing_alive, NULL, DEADLINE_MS));
	}
	submit(1, "square", "[12]", 30000); /* due in 30 ms: no tick is that fast, the due timer is */
	ck_assert(loop_until(&loop, nothing_alive, NULL, DEADLINE_MS));
	ck_assert_int_eq(figure("n:s"), 21);
}
END_TEST

START_TEST(test_wrong_arguments_fail_the_job)
{
	open_claimer("a");
	submit(1, "square", "[\"x\"]", 0);
	submit(1, "no_such_operation", "[]", 0);
	submit(1, "div", "[1,0]", 0);
	submit(1, "square", "[3]", 0);
	ck_assert(loop_until(&loop, nothing_alive, NULL, DEADLINE_MS));
	ck_assert_int_eq(figure("n:f"), 3);
	ck_assert_int_eq(figure("n:s"), 1);
}
END_TEST

START_TEST(test_slots_bound_what_is_taken)
{
	open_claimer("a");
	submit(10, "sleep", "[300]", 0);
	ck_assert(loop_until(&loop, four_running, NULL, DEADLINE_MS));
	ck_assert_int_eq(figure("live"), 10);
	ck_assert(loop_until(&loop, nothing_alive, NULL, DEADLINE_MS));
	ck_assert_int_eq(figure("n:s"), 10);
}
END_TEST

/* Short and long mixed: what does not fit the slots goes back and comes again, once. */
START_TEST(test_mixed)
{
	open_claimer("a");
	for (int i = 0; i < 20; i++) {
		submit(10, "square", "[7]", 0);
		submit(2, "sleep", "[20]", 0);
	}
	ck_assert(loop_until(&loop, nothing_alive, NULL, DEADLINE_MS));
	ck_assert_int_eq(figure("n:s"), 240);
}
END_TEST

static bool half_done(void *arg)
{
	(void)arg;
	return figure("n:s") >= 1000;
}

/* The link is cut again and again under load: all calls are asked again, nothing is done twice or lost. */
START_TEST(test_link_lost_under_load)
{
	submit(3000, "square", "[12]", 0);
	submit(4, "sleep", "[200]", 0);
	open_claimer("a");
	for (int i = 0; i < 30; i++) {
		uv_run(&loop, UV_RUN_ONCE);
		if (i % 3 == 2)
			rlink_drop(l, "test");
		ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
	}
	ck_assert(loop_until(&loop, nothing_alive, NULL, DEADLINE_MS));
	ck_assert_int_eq(figure("n:s"), 3004);
	ck_assert_int_eq(figure("run"), 0);
}
END_TEST

START_TEST(test_redis_killed_under_load)
{
	open_claimer("a");
	submit(4000, "square", "[12]", 0);
	ck_assert(loop_until(&loop, half_done, NULL, DEADLINE_MS));
	rsync_close(s);
	redis_private_kill(redis);
	uv_run(&loop, UV_RUN_NOWAIT);
	redis_private_restart(redis);
	s = rsync_open(redis_private_url(redis), 5000, NULL);
	ck_assert(loop_until(&loop, nothing_alive, NULL, DEADLINE_MS));
	ck_assert_int_eq(figure("n:s"), 4000);
}
END_TEST

static bool time_is_over(void *arg)
{
	uv_update_time(&loop);
	return uv_now(&loop) >= *(uint64_t *)arg;
}

static void on_empty(void *arg)
{
	*(bool *)arg = true;
}

static bool is_true(void *arg)
{
	return *(bool *)arg;
}

START_TEST(test_drain_gives_back)
{
	bool empty = false;
	open_claimer("a");
	submit(10, "sleep", "[60000]", 0);
	ck_assert(loop_until(&loop, four_running, NULL, DEADLINE_MS));
	claimer_drain(claimer, 50, on_empty, &empty);
	ck_assert(loop_until(&loop, is_true, &empty, DEADLINE_MS));
	ck_assert_int_eq(figure("live"), 10);
	ck_assert_int_eq(figure("run"), 0);
	ck_assert_int_eq(rreply_int(rsync_words(s, NULL, "LLEN", TAG ":w:normal", NULL)), 10);
	const char *id = rreply_str(rsync_words(s, NULL, "LINDEX", TAG ":w:normal", "0", NULL), NULL);
	char key[KEYS_NAME_SIZE];
	struct job job;
	size_t n;
	keys_job(key, TAG, id);
	const char *record = rreply_str(rsync_words(s, NULL, "GET", key, NULL), &n);
	ck_assert_int_eq(job_record_decode(record, n, &job), 0);
	ck_assert_uint_eq(job.attempt, 0);
	ck_assert_uint_eq(job.started_at, 0);
}
END_TEST

START_TEST(test_drain_finishes_what_it_can)
{
	bool empty = false;
	open_claimer("a");
	submit(4, "sleep", "[200]", 0);
	ck_assert(loop_until(&loop, four_running, NULL, DEADLINE_MS));
	claimer_drain(claimer, 10000, on_empty, &empty);
	ck_assert(loop_until(&loop, is_true, &empty, DEADLINE_MS));
	ck_assert_int_eq(figure("n:s"), 4);
}
END_TEST

static bool all_cancelled(void *arg)
{
	(void)arg;
	return figure("n:c") == 4;
}

START_TEST(test_cancel_running)
{
	open_claimer("a");
	submit(4, "sleep", "[60000]", 0);
	ck_assert(loop_until(&loop, four_running, NULL, DEADLINE_MS));
	struct errinfo info;
	const struct rreply *keys = rsync_words(s, &info, "KEYS", TAG ":j:*", NULL);
	char ids[4][ID_TEXT_SIZE];
	ck_assert_uint_eq(rreply_count(keys), 4);
	for (size_t i = 0; i < 4; i++)
		snprintf(ids[i], ID_TEXT_SIZE, "%s", rreply_str(rreply_at(keys, i), NULL) + strlen(TAG ":j:"));
	for (size_t i = 0; i < 4; i++)
		rsync_words(s, &info, "FCALL", "sq_cancel", "1", TAG, ids[i], NULL);
	ck_assert(loop_until(&loop, all_cancelled, NULL, DEADLINE_MS)); /* by the next heartbeat */
	ck_assert(loop_until(&loop, nothing_alive, NULL, DEADLINE_MS));
}
END_TEST

/* ---- heavy jobs ---- */

/* The id of the only job there is. */
static void only_id(char id[ID_TEXT_SIZE])
{
	const struct rreply *keys = rsync_words(s, NULL, "KEYS", TAG ":j:*", NULL);
	ck_assert_uint_eq(rreply_count(keys), 1);
	snprintf(id, ID_TEXT_SIZE, "%s", rreply_str(rreply_at(keys, 0), NULL) + strlen(TAG ":j:"));
}

/* The record of a job; spans are good until the next command. */
static struct job read_record(const char *id)
{
	char key[KEYS_NAME_SIZE];
	struct job job;
	size_t n;
	keys_job(key, TAG, id);
	const char *record = rreply_str(rsync_words(s, NULL, "GET", key, NULL), &n);
	ck_assert_int_eq(job_record_decode(record, n, &job), 0);
	return job;
}

static bool children_busy(void *arg)
{
	return pool_busy(compute.pool) == *(unsigned *)arg;
}

static bool cancelled_one(void *arg)
{
	(void)arg;
	return figure("n:c") == 1;
}

/* The hint comes long before the heartbeat that would say the same: with the heartbeat's silence it is enough alone. */
START_TEST(test_cancel_kills_the_child_at_once)
{
	unsigned one = 1, none = 0;
	char id[ID_TEXT_SIZE];
	open_claimer("a");
	submit(1, "crash", "[\"loop\"]", 0);
	ck_assert(loop_until(&loop, children_busy, &one, DEADLINE_MS));
	only_id(id);
	uv_update_time(&loop);
	uint64_t asked_ms = uv_now(&loop);
	rsync_words(s, NULL, "FCALL", "sq_cancel", "1", TAG, id, NULL);
	ck_assert(loop_until(&loop, children_busy, &none, DEADLINE_MS));
	printf("  cancel to kill: %llu ms\n", (unsigned long long)(uv_now(&loop) - asked_ms));
	ck_assert(loop_until(&loop, cancelled_one, NULL, DEADLINE_MS));
	ck_assert_uint_eq(pool_stats(compute.pool)->abandoned, 1);
}
END_TEST

static bool has_progress(void *arg)
{
	struct job job = read_record(arg);
	return job.outcome.n > 0;
}

START_TEST(test_progress_reaches_the_record)
{
	unsigned one = 1;
	char id[ID_TEXT_SIZE];
	open_claimer("a");
	submit(1, "crash", "[\"loop\"]", 0);
	ck_assert(loop_until(&loop, children_busy, &one, DEADLINE_MS));
	only_id(id);
	ck_assert(loop_until(&loop, has_progress, id, DEADLINE_MS));
	struct job job = read_record(id);
	ck_assert_int_eq(job.state, JOB_RUNNING);
	char text[200];
	snprintf(text, sizeof text, "%.*s", (int)job.outcome.n, job.outcome.p);
	ck_assert_ptr_nonnull(strstr(text, "\"note\":\"going round in circles\""));
	rsync_words(s, NULL, "FCALL", "sq_cancel", "1", TAG, id, NULL);
	ck_assert(loop_until(&loop, cancelled_one, NULL, DEADLINE_MS));
}
END_TEST

/* A job that takes its process with it may do so once more, however many attempts it is allowed (three here). */
START_TEST(test_second_crash_ends_the_job)
{
	char id[ID_TEXT_SIZE];
	open_claimer("a");
	submit(1, "crash", "[\"exit\"]", 0);
	ck_assert(loop_until(&loop, nothing_alive, NULL, DEADLINE_MS));
	ck_assert_int_eq(figure("n:x"), 1);
	only_id(id);
	ck_assert_uint_eq(read_record(id).attempt, 2);
	ck_assert_uint_eq(pool_stats(compute.pool)->crashes, 2);
	submit(1, "factorial", "[20000]", 0);
	ck_assert(loop_until(&loop, nothing_alive, NULL, DEADLINE_MS));
	ck_assert_int_eq(figure("n:s"), 1);
}
END_TEST

static bool given_back(void *arg)
{
	unsigned two = 2;
	(void)arg;
	return children_busy(&two) && figure("run") == 2 && claimer_running(claimer) == 2;
}

/* More heavy jobs than children: the others are left to whoever has a child, and are not claimed again and again. */
START_TEST(test_heavy_jobs_beyond_the_children_are_left)
{
	submit(8, "crash", "[\"loop\"]", 0);
	open_claimer("a");
	ck_assert(loop_until(&loop, given_back, NULL, DEADLINE_MS));
	uint64_t claimed = claimer_stats(claimer)->claimed;
	uv_update_time(&loop);
	uint64_t until_ms = uv_now(&loop) + 1500; /* the reaper looks in between, and says that jobs wait */
	ck_assert(loop_until(&loop, time_is_over, &until_ms, DEADLINE_MS));
	ck_assert_uint_le(claimer_stats(claimer)->claimed, claimed + 6 * 20); /* ten looks a second for short jobs */
	ck_assert_uint_eq(pool_stats(compute.pool)->jobs, 2);
	bool empty = false;
	claimer_drain(claimer, 10, on_empty, &empty);
	ck_assert(loop_until(&loop, is_true, &empty, DEADLINE_MS));
	ck_assert_int_eq(rreply_int(rsync_words(s, NULL, "LLEN", TAG ":w:normal", NULL)), 8);
}
END_TEST

static bool squares_done(void *arg)
{
	(void)arg;
	return figure("n:s") == 300;
}

/* Short jobs do not wait for heavy ones that stand before them. */
START_TEST(test_short_jobs_pass_heavy_ones)
{
	unsigned two = 2;
	submit(8, "crash", "[\"loop\"]", 0);
	open_claimer("a");
	ck_assert(loop_until(&loop, children_busy, &two, DEADLINE_MS));
	for (int i = 0; i < 3; i++)
		submit(100, "square", "[12]", 0);
	ck_assert(loop_until(&loop, squares_done, NULL, DEADLINE_MS));
	ck_assert_uint_eq(pool_stats(compute.pool)->jobs, 2); /* they run still, and the others wait */
	bool empty = false;
	claimer_drain(claimer, 10, on_empty, &empty);
	ck_assert(loop_until(&loop, is_true, &empty, DEADLINE_MS));
	ck_assert_int_eq(figure("live"), 8);
}
END_TEST

START_TEST(test_heavy_and_short_jobs_mixed)
{
	open_claimer("a");
	for (int i = 0; i < 20; i++) {
		submit(10, "square", "[7]", 0);
		submit(3, "factorial", "[10000]", 0);
		submit(1, "sleep", "[5]", 0);
	}
	ck_assert(loop_until(&loop, nothing_alive, NULL, DEADLINE_MS));
	ck_assert_int_eq(figure("n:s"), 280);
}
END_TEST

/* Somebody else took the batch (its lease ran out while this process was stopped): the late outcome is fenced, the
 * job's one outcome is the other's. */
START_TEST(test_lost_batch)
{
	open_claimer("a");
	submit(4, "sleep", "[60000]", 0);
	ck_assert(loop_until(&loop, four_running, NULL, DEADLINE_MS));
	/* Another life of this instance reaps the batches of the former one. */
	rsync_words(s, NULL, "FCALL", "sq_reap", "1", TAG, "10000000", "WorkerRole_IN_0", "b", "64", NULL);
	reaper_close(reaper); /* or its ticks would in turn reap what "b" claims */
	reaper = NULL;
	ck_assert_int_eq(figure("run"), 0);
	bool empty = false;
	claimer_drain(claimer, 10, on_empty, &empty);
	ck_assert(loop_until(&loop, is_true, &empty, DEADLINE_MS));
	ck_assert_int_eq(figure("live"), 4); /* still there, waiting for their next attempt */
}
END_TEST

/* How often Redis has answered with this error so far. */
static long long errors(const char *code)
{
	char field[64];
	snprintf(field, sizeof field, "errorstat_%s:count=", code);
	const char *found = strstr(rreply_str(rsync_words(s, NULL, "INFO", "errorstats", NULL), NULL), field);
	return found ? strtoll(found + strlen(field), NULL, 10) : 0;
}

/* Redis refuses all writes for a while (as when its disk is full): asked again now and then, not at full speed, and
 * what was computed meanwhile is stored in the end. */
START_TEST(test_refusals_are_paced)
{
	open_claimer("a");
	submit(4, "sleep", "[300]", 0);
	ck_assert(loop_until(&loop, four_running, NULL, DEADLINE_MS));
	rsync_words(s, NULL, "CONFIG", "SET", "min-replicas-to-write", "1", NULL);
	uint64_t until_ms = uv_now(&loop) + 1500;
	ck_assert(loop_until(&loop, time_is_over, &until_ms, DEADLINE_MS));
	ck_assert_int_ge(errors("NOREPLICAS"), 2);
	ck_assert_int_lt(errors("NOREPLICAS"), 40);
	ck_assert_uint_eq(claimer_running(claimer), 4);
	rsync_words(s, NULL, "CONFIG", "SET", "min-replicas-to-write", "0", NULL);
	ck_assert(loop_until(&loop, nothing_alive, NULL, DEADLINE_MS));
	ck_assert_int_eq(figure("n:s"), 4);
	submit(1, "square", "[12]", 0);
	ck_assert(loop_until(&loop, nothing_alive, NULL, DEADLINE_MS));
}
END_TEST

static bool is_down(void *arg)
{
	return !is_up(arg);
}

/* Told to drain while the start of a job is unanswered, then the link is lost: the job goes back all the same. */
START_TEST(test_drain_while_starting)
{
	bool empty = false;
	submit(2, "sleep", "[60000]", 0);
	open_claimer("a");
	for (int i = 0; i < 10000 && claimer_running(claimer) != 2; i++)
		uv_run(&loop, UV_RUN_ONCE); /* not a turn more, or the start is answered already */
	ck_assert_uint_eq(claimer_running(claimer), 2);
	kill(redis_private_pid(redis), SIGSTOP);
	uv_run(&loop, UV_RUN_NOWAIT); /* sends the start */
	claimer_drain(claimer, 10000, on_empty, &empty);
	rlink_drop(l, "test");
	ck_assert(loop_until(&loop, is_down, NULL, DEADLINE_MS));
	kill(redis_private_pid(redis), SIGCONT);
	ck_assert(loop_until(&loop, is_true, &empty, 9000));
	ck_assert_int_eq(figure("run"), 0);
	ck_assert_int_eq(rreply_int(rsync_words(s, NULL, "LLEN", TAG ":w:normal", NULL)), 2);
}
END_TEST

/* A claim may have taken jobs though its answer was lost. When Redis then refuses for a while, it is still owed: asked
 * again now and then, not left to the lease, and a drain waits for it. */
START_TEST(test_lost_claim_is_asked_again_after_refusal)
{
	open_claimer("a");
	submit(1, "square", "[3]", 0);
	ck_assert(loop_until(&loop, nothing_alive, NULL, DEADLINE_MS));
	claimer_look(claimer, 0);
	reaper_close(reaper);
	reaper = NULL;
	kill(redis_private_pid(redis), SIGSTOP);
	uv_run(&loop, UV_RUN_NOWAIT); /* sends a claim */
	rlink_drop(l, "test");
	kill(redis_private_pid(redis), SIGCONT);
	rsync_words(s, NULL, "CONFIG", "SET", "min-replicas-to-write", "1", NULL);
	long long before = errors("NOREPLICAS");
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
	uint64_t until_ms = uv_now(&loop) + 300;
	ck_assert(loop_until(&loop, time_is_over, &until_ms, DEADLINE_MS));
	long long refused = errors("NOREPLICAS");
	ck_assert_int_gt(refused, before);
	ck_assert_int_lt(refused, before + 10);
	bool empty = false;
	claimer_drain(claimer, 10000, on_empty, &empty);
	ck_assert(!loop_until(&loop, is_true, &empty, 100)); /* it may hold jobs: not empty while nobody knows */
	rsync_words(s, NULL, "CONFIG", "SET", "min-replicas-to-write", "0", NULL);
	ck_assert(loop_until(&loop, is_true, &empty, DEADLINE_MS));
}
END_TEST

/* Slots promised to jobs that are about to start are not free: nothing is claimed only to be given back. */
START_TEST(test_promised_slots_are_taken)
{
	submit(40, "sleep", "[10]", 0);
	open_claimer("a");
	ck_assert(loop_until(&loop, nothing_alive, NULL, DEADLINE_MS));
	ck_assert_uint_eq(claimer_stats(claimer)->released, 0);
	ck_assert_uint_eq(claimer_stats(claimer)->claimed, 40);
}
END_TEST

/* A record that Redis takes for a job but that names no operation: fails, and does not come back for ever. */
START_TEST(test_unreadable_record_fails)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	submit(1, "square", "[2]", 0);
	const struct rreply *keys = rsync_words(s, NULL, "KEYS", TAG ":j:*", NULL);
	rcmd_str(&cmd, "SETRANGE");
	rcmd_str(&cmd, rreply_str(rreply_at(keys, 0), NULL));
	rcmd_str(&cmd, "76"); /* the length of the operation's name */
	rcmd_arg(&cmd, "", 1);
	ck_assert_ptr_nonnull(rsync_call(s, &cmd, NULL));
	rcmd_fini(&cmd);
	open_claimer("a");
	submit(1, "square", "[3]", 0);
	ck_assert(loop_until(&loop, nothing_alive, NULL, 8000)); /* sooner than any lease runs out */
	ck_assert_int_eq(figure("n:f"), 1);
	ck_assert_int_eq(figure("n:s"), 1);
}
END_TEST

/* ---- the jobs in hand, alone ---- */

static const char *one_tag(struct batch_owner *owner, unsigned index)
{
	(void)owner;
	return index == 0 ? TAG : NULL;
}

static struct batch *take(struct batch_owner *owner, const char *name, size_t n, const char *op, const char *args)
{
	char ids[QUEUE_BATCH_MAX][ID_TEXT_SIZE];
	struct queue_claimed jobs[QUEUE_BATCH_MAX];
	size_t longs;
	for (size_t i = 0; i < n; i++) {
		struct id raw = id_make(&idgen, 1);
		id_format(&raw, ids[i]);
		jobs[i] = (struct queue_claimed){
			.id = ids[i],
			.job = { .op = { op, strlen(op) }, .args = { args, strlen(args) }, .timeout_ms = 1000 }
		};
	}
	struct queue_claim claim = { .n = n, .jobs = jobs };
	return batch_new(owner, 0, name, &claim, false, &longs);
}

static bool none_left(void *arg)
{
	struct batch_owner *owner = arg;
	batch_pump(owner);
	return owner->count == 0;
}

/* Whatever keeps coming, the jobs that came first run first. */
START_TEST(test_oldest_batch_runs_first)
{
	struct batch_owner owner = { .links = links, .executor = executor, .tag = one_tag };
	open_claimer("a");
	struct batch *first = take(&owner, "w.a.1", 2, "square", "[2]");
	struct batch *second = take(&owner, "w.a.2", 2, "square", "[2]");
	ck_assert_uint_eq(owner.ready, 4);
	ck_assert(batch_run_ready(&owner, 0));
	ck_assert_int_eq(first->entries[0].state, ENTRY_DONE);
	ck_assert_int_eq(second->entries[0].state, ENTRY_READY);
	while (batch_run_ready(&owner, 1000))
		;
	ck_assert_uint_eq(owner.ready, 0);
	ck_assert(loop_until(&loop, none_left, &owner, DEADLINE_MS)); /* Redis knows none of them: all fenced */
	ck_assert_uint_eq(owner.stats.fenced, 4);
	batch_free_all(&owner);
}
END_TEST

/* A square of 12 in so many bytes of text; free()d by the caller. */
static char *bulky_args(size_t n)
{
	char *args = malloc(n + 1);
	ck_assert_ptr_nonnull(args);
	memset(args, ' ', n);
	memcpy(args, "[12", 3);
	args[n - 1] = ']';
	args[n] = '\0';
	return args;
}

static size_t in_state(const struct batch *b, enum entry_state state)
{
	size_t n = 0;
	for (size_t i = 0; i < b->n; i++)
		n += b->entries[i].state == state;
	return n;
}

/* Arguments are many times as large in memory: no more of them are read than fit, whatever a claim brings. */
START_TEST(test_bulky_arguments_go_back_unread)
{
	struct batch_owner owner = { .links = links, .executor = executor, .tag = one_tag };
	char *args = bulky_args(1 << 20), *huge = bulky_args(6 << 20);
	open_claimer("a");
	struct batch *first = take(&owner, "w.a.1", 64, "square", args);
	ck_assert_uint_eq(in_state(first, ENTRY_READY), 4);
	ck_assert_uint_eq(in_state(first, ENTRY_GIVE_BACK), 60);
	ck_assert(!first->entries[4].prepared);
	ck_assert_uint_eq(owner.args_bytes, BATCH_ARGS_MAX);
	ck_assert(owner.bulky);
	struct batch *small = take(&owner, "w.a.2", 64, "square", "[12]");
	ck_assert_uint_eq(in_state(small, ENTRY_READY), 64); /* they are never too much */
	ck_assert(!owner.bulky);
	while (batch_run_ready(&owner, 1000))
		;
	ck_assert_uint_eq(in_state(first, ENTRY_DONE), 4);
	ck_assert_uint_eq(owner.args_bytes, 0);
	struct batch *alone = take(&owner, "w.a.3", 2, "square", huge);
	ck_assert_uint_eq(in_state(alone, ENTRY_READY), 1); /* always one */
	while (batch_run_ready(&owner, 1000))
		;
	ck_assert(loop_until(&loop, none_left, &owner, DEADLINE_MS));
	ck_assert_uint_eq(owner.args_bytes, 0);
	batch_free_all(&owner);
	free(args);
	free(huge);
}
END_TEST

/* Through Redis: all of them come to run, and few go to and fro. */
START_TEST(test_bulky_jobs_all_run)
{
	enum { MANY = 48 };
	char *args = bulky_args(1000000);
	for (int i = 0; i < MANY; i++)
		submit(1, "square", args, 0);
	open_claimer("a");
	ck_assert(loop_until(&loop, nothing_alive, NULL, DEADLINE_MS));
	ck_assert_int_eq(figure("n:s"), MANY);
	ck_assert_uint_le(claimer_stats(claimer)->released, 2 * QUEUE_BATCH_MAX);
	free(args);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
	TCase *t = tcase_create(name);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	suite_add_tcase(suite, t);
	return t;
}

int main(void)
{
	Suite *suite = suite_create("claimer");
	TCase *core = add_case(suite, "core"), *limits = add_case(suite, "limits"), *faults = add_case(suite, "faults");
	tcase_add_test(core, test_short_jobs);
	tcase_add_test(core, test_suspects_run_alone);
	tcase_add_test(core, test_wakes_up);
	tcase_add_test(core, test_wrong_arguments_fail_the_job);
	tcase_add_test(core, test_mixed);
	tcase_add_test(core, test_drain_finishes_what_it_can);
	tcase_add_test(core, test_cancel_running);
	tcase_add_test(core, test_cancel_kills_the_child_at_once);
	tcase_add_test(core, test_progress_reaches_the_record);
	tcase_add_test(core, test_heavy_and_short_jobs_mixed);
	tcase_add_test(core, test_short_jobs_pass_heavy_ones);
	tcase_add_test(limits, test_heavy_jobs_beyond_the_children_are_left);
	tcase_add_test(faults, test_second_crash_ends_the_job);
	tcase_add_test(limits, test_slots_bound_what_is_taken);
	tcase_add_test(limits, test_promised_slots_are_taken);
	tcase_add_test(limits, test_oldest_batch_runs_first);
	tcase_add_test(limits, test_bulky_arguments_go_back_unread);
	tcase_add_test(limits, test_bulky_jobs_all_run);
	tcase_add_test(faults, test_link_lost_under_load);
	tcase_add_test(faults, test_redis_killed_under_load);
	tcase_add_test(faults, test_drain_gives_back);
	tcase_add_test(faults, test_lost_batch);
	tcase_add_test(faults, test_refusals_are_paced);
	tcase_add_test(faults, test_drain_while_starting);
	tcase_add_test(faults, test_lost_claim_is_asked_again_after_refusal);
	tcase_add_test(faults, test_unreadable_record_fails);
	return suite_run(suite);
}
