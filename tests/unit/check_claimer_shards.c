/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One worker's queue side with several shards, on a real Redis: a full shard starves nobody, a lost marker costs little
 * even beside one, many quiet shards cost few commands, and shards that are registered later are served too. Jobs are
 * enqueued behind the worker's back, without a marker where it says so. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "compute_run.h"
#include "keys.h"
#include "loop_until.h"
#include "lua_lab.h"
#include "reaper.h"
#include "redis_private.h"
#include "shards.h"
#include "suite_run.h"

#define DEADLINE_MS 30000
#define SLOTS 2
#define TAGS_MAX 64

static struct redis_private *redis;
static struct rsync *s;
static uv_loop_t loop;
static struct rslots *slots;
static struct rlinks *links;
static struct executor *executor;
static struct claimer *claimer;
static struct reaper *reaper;
static char names[TAGS_MAX][KEYS_TAG_SIZE];
static size_t tag_count;
static unsigned last_job;

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

static void serve(const char *tag)
{
	ck_assert_int_eq(claimer_add(claimer, tag), 0);
	ck_assert_int_eq(reaper_add(reaper, tag), 0);
	claimer_look(claimer, tag_count++);
}

static bool is_up(void *arg)
{
	(void)arg;
	return rlinks_any_up(links);
}

/* A worker that serves math:0, math:1, … */
static void open_worker(size_t tags)
{
	struct errinfo info = { 0 };
	struct claimer_options options = {
		.slots = slots, .instance = "WorkerRole_IN_0", .boot = "a", .claim_max = 64
	};
	claimer = claimer_new(&loop, links, executor, &options, &info);
	ck_assert_msg(claimer != NULL, "%s", info.text);
	reaper = reaper_new(&loop, links, claimer, "WorkerRole_IN_0", "a");
	ck_assert_ptr_nonnull(reaper);
	for (size_t i = 0; i < tags; i++) {
		keys_tag(names[i], "math", (unsigned)i);
		serve(names[i]);
	}
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
}

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	op_enable_tests();
	redis = redis_private_start(NULL);
	uv_loop_init(&loop);
	struct rlinks_options options = { .name = "check", .on_greet = on_greet, .on_state = on_state };
	slots = rslots_new(&loop, redis_private_url(redis), "check", NULL);
	links = rlinks_new(slots, &options, NULL);
	executor = executor_new(&loop, SLOTS, NULL);
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS)); /* the functions are there */
	s = rsync_open(redis_private_url(redis), 10000, NULL);
	ck_assert_ptr_nonnull(s);
	tag_count = 0;
}

static void teardown(void)
{
	if (reaper)
		reaper_close(reaper);
	claimer_close(claimer);
	rlinks_free(links);
	rslots_free(slots);
	executor_free(executor);
	ck_assert(loop_finish(&loop));
	claimer_destroy(claimer);
	claimer = NULL;
	reaper = NULL;
	rsync_close(s);
	redis_private_stop(redis);
}

/* ---- jobs ---- */

static void enqueue(const char *tag, const char *op, const char *args, unsigned n, bool marker)
{
	struct rcmd cmd;
	char key[KEYS_NAME_SIZE];
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_enqueue", tag);
	rcmd_str(&cmd, "1000000");
	for (unsigned i = 0; i < n; i++) {
		char id[ID_TEXT_SIZE];
		struct buf record = BUF_INIT;
		struct job job = { .priority = JOB_NORMAL,
				   .max_attempts = 3,
				   .result_ttl_s = 600,
				   .timeout_ms = 60000,
				   .cache = 'b',
				   .op = { op, strlen(op) },
				   .args = { args, strlen(args) } };
		lua_lab_id(id, ++last_job);
		ck_assert_int_eq(job_record_encode(&record, &job), 0);
		rcmd_str(&cmd, id);
		rcmd_str(&cmd, "");
		rcmd_arg(&cmd, record.data, record.len);
		buf_fini(&record);
	}
	const struct rreply *r = rsync_call(s, &cmd, NULL);
	rcmd_fini(&cmd);
	ck_assert_msg(rreply_count(r) == 1, "%s", rreply_str(r, NULL));
	keys_markers(key, tag);
	if (!marker)
		rsync_words(s, NULL, "DEL", key, NULL);
}

static int64_t figure(const char *tag, const char *field)
{
	char key[KEYS_NAME_SIZE];
	snprintf(key, sizeof key, "%s:st", tag);
	return rreply_int(rsync_words(s, NULL, "HGET", key, field, NULL));
}

/* A pop that waits for the markers of all shards. */
static bool waits(void *arg)
{
	(void)arg;
	const struct rreply *r = rsync_words(s, NULL, "CLIENT", "LIST", NULL);
	return strstr(rreply_str(r, NULL), "cmd=blpop") != NULL;
}

/* ---- core ---- */

static bool second_is_served(void *arg)
{
	(void)arg;
	if (figure(names[0], "live") < 2000)
		enqueue(names[0], "square", "[12]", 1000, true);
	return figure(names[1], "n:s") == 1;
}

/* The first shard is never dry, so nobody waits for the marker of the second; and there is no reaper to tell. */
START_TEST(test_a_full_shard_starves_nobody)
{
	open_worker(2);
	ck_assert(loop_until(&loop, waits, NULL, DEADLINE_MS));
	reaper_close(reaper);
	reaper = NULL;
	enqueue(names[0], "square", "[12]", 1000, true);
	enqueue(names[1], "square", "[12]", 1, false);
	ck_assert(loop_until(&loop, second_is_served, NULL, DEADLINE_MS));
	ck_assert_int_gt(figure(names[0], "live"), 0);
}
END_TEST

static bool half_is_done(void *arg)
{
	(void)arg;
	return figure(names[0], "n:s") + figure(names[1], "n:s") + figure(names[2], "n:s") >= 60;
}

/* Jobs that take time, of which the worker can run two: the shards take turns. */
START_TEST(test_full_shards_share_the_slots)
{
	for (unsigned i = 0; i < 3; i++) {
		keys_tag(names[i], "math", i);
		enqueue(names[i], "sleep", "[5]", 40, true);
	}
	open_worker(3);
	ck_assert(loop_until(&loop, half_is_done, NULL, DEADLINE_MS));
	for (unsigned i = 0; i < 3; i++)
		ck_assert_msg(figure(names[i], "n:s") >= 14, "expected about 20 of 60 jobs from shard %u, got %d", i,
			      (int)figure(names[i], "n:s"));
}
END_TEST

static uint64_t commands(void)
{
	struct rlink_stats stats;
	rlinks_stats(links, &stats);
	return stats.commands;
}

static bool is_over(void *arg)
{
	const uint64_t *until_us = arg;
	return clock_mono_us() >= *until_us;
}

static bool is_done(void *arg)
{
	return figure(arg, "n:s") == 1;
}

START_TEST(test_many_quiet_shards_cost_little)
{
	open_worker(TAGS_MAX);
	ck_assert(loop_until(&loop, waits, NULL, DEADLINE_MS));
	enqueue(names[0], "square", "[12]", 1, true);
	ck_assert(loop_until(&loop, is_done, names[0], DEADLINE_MS));
	uint64_t began_us = clock_mono_us(), settled_us = began_us + 2500000, until_us = began_us + 6500000;
	ck_assert(loop_until(&loop, is_over, &settled_us, DEADLINE_MS)); /* all have had a tick, and are found quiet */
	uint64_t before = commands(), from_us = clock_mono_us();
	ck_assert(loop_until(&loop, is_over, &until_us, DEADLINE_MS));
	double seconds = (double)(clock_mono_us() - from_us) / 1e6, n = (double)(commands() - before);
	/* a look of all, and the ticks of two, each 0.8 to 1 s */
	ck_assert_msg(n <= 4 * seconds + 4, "%d quiet shards cost %.0f commands in %.1f s", TAGS_MAX, n, seconds);
	enqueue(names[TAGS_MAX - 1], "square", "[12]", 1, false);
	ck_assert(loop_until(&loop, is_done, names[TAGS_MAX - 1], DEADLINE_MS));
}
END_TEST

/* ---- which shards ---- */

static void on_added(void *arg, size_t shard, const char *tag)
{
	(void)arg;
	ck_assert_uint_eq(shard, tag_count);
	serve(tag);
}

struct expected {
	const struct shards *shards;
	size_t n;
};

static bool has_as_many(void *arg)
{
	const struct expected *e = arg;
	return shards_count(e->shards) == e->n;
}

static void register_tag(const char *tag)
{
	ck_assert_int_eq(rreply_type(rsync_words(s, NULL, "FCALL", "sq_register", "1", KEYS_REG, tag, NULL)),
			 RREPLY_INTEGER);
}

START_TEST(test_registered_shards_are_served)
{
	static const char *const queues[] = { "math", "bulk" };
	struct shards_options options = { .queues = queues, .queue_count = 2, .each = 1, .on_added = on_added };
	open_worker(0);
	struct shards *shards = shards_new(&loop, links, &options);
	ck_assert_uint_eq(shards_count(shards), 2);
	register_tag("{jq:math:0}");
	register_tag("{jq:other:0}"); /* not one of its queues */
	register_tag("{jq:math:1}");
	register_tag("{jq:bulk:7}");
	shards_look(shards);
	ck_assert(loop_until(&loop, has_as_many, &(struct expected){ shards, 4 }, DEADLINE_MS));
	enqueue("{jq:bulk:7}", "square", "[12]", 1, false);
	ck_assert(loop_until(&loop, is_done, (char *)"{jq:bulk:7}", DEADLINE_MS));
	/* what was known stays known, whatever becomes of the registry */
	rsync_words(s, NULL, "DEL", KEYS_REG_TAGS, NULL);
	register_tag("{jq:math:2}");
	shards_look(shards);
	ck_assert(loop_until(&loop, has_as_many, &(struct expected){ shards, 5 }, DEADLINE_MS));
	enqueue("{jq:math:1}", "square", "[12]", 1, true);
	ck_assert(loop_until(&loop, is_done, (char *)"{jq:math:1}", DEADLINE_MS));
	reaper_close(reaper);
	reaper = NULL;
	claimer_close(claimer);
	shards_close(shards);
	rlinks_free(links);
	links = NULL;
	uv_run(&loop, UV_RUN_NOWAIT);
	shards_destroy(shards);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("claimer_shards");
	TCase *core = tcase_create("core");
	tcase_add_checked_fixture(core, setup, teardown);
	tcase_set_timeout(core, 90);
	tcase_add_test(core, test_a_full_shard_starves_nobody);
	tcase_add_test(core, test_full_shards_share_the_slots);
	tcase_add_test(core, test_many_quiet_shards_cost_little);
	tcase_add_test(core, test_registered_shards_are_served);
	suite_add_tcase(suite, core);
	return suite_run(suite);
}
