/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Queues in several shards, on one Redis: where submissions go, and that a queue is one whole to whoever asks, also to
 * a web role that is set up with fewer shards. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "id.h"
#include "keys.h"
#include "pair.h"
#include "queue.h"
#include "rlink.h"
#include "suite_run.h"
#include "wait_until.h"

#define SHARDS 4

static struct role_run *web; /* with so many shards; those of the pair have one */
static struct rsync *redis;

static void setup(void)
{
	static const char *const env[] = { "SQUARE_SHARDS=4", "SQUARE_ENQUEUE_DEADLINE_MS=2000", NULL };
	struct errinfo info;
	pair_set_up();
	web = role_run_start("web-role", "WebRole_IN_2", redis_private_url(pair_redis), env);
	redis = rsync_open(redis_private_url(pair_redis), 5000, &info);
	ck_assert_msg(redis != NULL, "%s", info.text);
}

static void teardown(void)
{
	rsync_close(redis);
	ck_assert_int_eq(role_run_stop(web), 0);
	pair_tear_down();
}

/* The one job of an answer of 202, or that of a replay. */
static void submit(const struct role_run *to, const char *queue, const char *rest, const char *header,
		   char id[ID_TEXT_SIZE])
{
	char body[300];
	(void)snprintf(body, sizeof body, "{\"op\":\"square\",\"args\":[12],\"queue\":\"%s\"%s}", queue, rest);
	pair_ask_with(to, "POST", "/v1/jobs", header, body);
	ck_assert_msg(pair_answer.status == 202, "%ld %s", pair_answer.status, pair_answer.body);
	(void)snprintf(id, ID_TEXT_SIZE, "%s", pair_text("id"));
}

static void path_of(char path[PAIR_PATH_SIZE], const char *id)
{
	(void)snprintf(path, PAIR_PATH_SIZE, "/v1/jobs/%s", id);
}

static long long stat_of(const char *queue, unsigned shard, const char *field)
{
	char key[KEYS_NAME_SIZE], tag[KEYS_TAG_SIZE];
	keys_tag(tag, queue, shard);
	(void)snprintf(key, sizeof key, "%s:st", tag);
	return rreply_int(rsync_words(redis, NULL, "HGET", key, field, NULL));
}

/* The shard that a job's id leads to. */
static unsigned shard_of(const char *queue, const char *text)
{
	struct id id;
	ck_assert_int_eq(id_parse(text, strlen(text), &id), 0);
	for (unsigned i = 0; i < QUEUE_SHARDS_MAX; i++) {
		char tag[KEYS_TAG_SIZE];
		keys_tag(tag, queue, i);
		const struct rreply *index = rsync_words(redis, NULL, "HGET", KEYS_REG_TAGS, tag, NULL);
		if (rreply_type(index) == RREPLY_STRING && rreply_int(index) == id_tag(&id))
			return i;
	}
	ck_abort_msg("%s is of no shard of %s", text, queue);
}

/* ---- submissions ---- */

START_TEST(test_submissions_go_round)
{
	char id[ID_TEXT_SIZE];
	for (int i = 0; i < 2 * SHARDS; i++)
		submit(web, "round", "", NULL, id);
	for (unsigned i = 0; i < SHARDS; i++)
		ck_assert_int_eq(stat_of("round", i, "live"), 2);
	ck_assert_int_eq(pair_ask(web, "POST", "/v1/jobs",
				  "[{\"op\":\"square\",\"args\":[1],\"queue\":\"round\"},"
				  "{\"op\":\"square\",\"args\":[2],\"queue\":\"round\"},"
				  "{\"op\":\"square\",\"args\":[3],\"queue\":\"round\"},"
				  "{\"op\":\"square\",\"args\":[4],\"queue\":\"round\"}]"),
			 202);
	for (unsigned i = 0; i < SHARDS; i++)
		ck_assert_int_eq(stat_of("round", i, "live"), 3);
}
END_TEST

/* Whoever is asked, however many shards he is set up for: the first job. */
START_TEST(test_idempotency_key_has_one_job)
{
	static const char *const more[] = { "SQUARE_SHARDS=8", NULL };
	char first[ID_TEXT_SIZE], again[ID_TEXT_SIZE], key[60];
	unsigned used[SHARDS] = { 0 };
	struct role_run *larger = role_run_start("web-role", "WebRole_IN_3", redis_private_url(pair_redis), more);
	for (int i = 0; i < 16; i++) {
		(void)snprintf(key, sizeof key, "Idempotency-Key: order-%d", i);
		submit(web, "keyed", "", key, first);
		unsigned shard = shard_of("keyed", first);
		ck_assert_uint_lt(shard, SHARDS);
		used[shard]++;
		const struct role_run *const all[] = { web, larger, pair_a };
		for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
			submit(all[k], "keyed", "", key, again);
			ck_assert_str_eq(again, first);
			ck_assert_str_eq(http_answer_header(&pair_answer, "Idempotency-Replayed"), "true");
		}
	}
	for (unsigned i = 0; i < SHARDS; i++)
		ck_assert_uint_gt(used[i], 0);
	ck_assert_int_eq(role_run_stop(larger), 0);
}
END_TEST

/* A queue that began with one shard keeps its keys there; other jobs use the new ones. */
START_TEST(test_keys_of_a_queue_that_has_grown)
{
	char first[ID_TEXT_SIZE], again[ID_TEXT_SIZE];
	submit(pair_a, "grown", "", "Idempotency-Key: before", first);
	ck_assert_uint_eq(shard_of("grown", first), 0);
	submit(web, "grown", "", "Idempotency-Key: before", again);
	ck_assert_str_eq(again, first);
	submit(web, "grown", "", "Idempotency-Key: after", again);
	ck_assert_uint_eq(shard_of("grown", again), 0);
	for (int i = 0; i < SHARDS; i++)
		submit(web, "grown", "", NULL, again);
	for (unsigned i = 1; i < SHARDS; i++)
		ck_assert_int_eq(stat_of("grown", i, "live"), 1);
}
END_TEST

START_TEST(test_same_questions_meet)
{
	char first[ID_TEXT_SIZE], second[ID_TEXT_SIZE], other[ID_TEXT_SIZE];
	submit(web, "meet", ",\"cache\":\"use\"", NULL, first);
	ck_assert_str_eq(pair_text("cache"), "miss");
	for (int i = 0; i < SHARDS; i++) {
		submit(web, "meet", "", NULL, other);
		submit(web, "meet", ",\"cache\":\"use\"", NULL, second);
		ck_assert_str_eq(pair_text("cache"), "join");
		ck_assert_uint_eq(shard_of("meet", second), shard_of("meet", first));
	}
}
END_TEST

START_TEST(test_bound_of_a_queue_is_that_of_its_shards_together)
{
	static const char *const few[] = { "SQUARE_SHARDS=4", "SQUARE_LIVE_JOBS_MAX=8", NULL };
	char id[ID_TEXT_SIZE];
	struct role_run *small = role_run_start("web-role", "WebRole_IN_3", redis_private_url(pair_redis), few);
	for (int i = 0; i < 8; i++)
		submit(small, "small", "", NULL, id);
	pair_ask(small, "POST", "/v1/jobs", "{\"op\":\"square\",\"args\":[12],\"queue\":\"small\"}");
	pair_assert_problem(503, "queue-full");
	ck_assert_int_eq(role_run_stop(small), 0);
}
END_TEST

/* A key's shard may be full long before the others are: what is bound to none finds all the room there is. */
START_TEST(test_full_shard_is_passed_over)
{
	static const char *const few[] = { "SQUARE_SHARDS=4", "SQUARE_LIVE_JOBS_MAX=16", NULL };
	static const char key_0[] = "Idempotency-Key: lopsided-%d",
			  job[] = "{\"op\":\"square\",\"args\":[12],\"queue\":\"lop\"}";
	char id[ID_TEXT_SIZE], key[60];
	long long live = 0;
	struct role_run *small = role_run_start("web-role", "WebRole_IN_3", redis_private_url(pair_redis), few);
	long status = 202;
	for (int i = 0; status == 202; i++) { /* until one shard is full; the others as it comes */
		(void)snprintf(key, sizeof key, key_0, i);
		status = pair_ask_with(small, "POST", "/v1/jobs", key, job);
	}
	pair_assert_problem(503, "queue-full");
	for (unsigned i = 0; i < SHARDS; i++)
		live += stat_of("lop", i, "live");
	ck_assert_int_lt(live, 14);
	for (; live < 15; live++)
		submit(small, "lop", "", NULL, id);
	ck_assert_int_eq(pair_ask(small, "POST", "/v1/jobs",
				  "[{\"op\":\"square\",\"args\":[1],\"queue\":\"lop\"},"
				  "{\"op\":\"square\",\"args\":[2],\"queue\":\"lop\"}]"),
			 202);
	ck_assert_int_eq(pair_number("accepted"), 1);
	for (unsigned i = 0; i < SHARDS; i++)
		ck_assert_int_eq(stat_of("lop", i, "live"), 4);
	pair_ask(small, "POST", "/v1/jobs", job);
	pair_assert_problem(503, "queue-full");
	ck_assert_int_eq(role_run_stop(small), 0);
}
END_TEST

/* ---- ends ---- */

#define UNREADABLE "an unreadable entry of %d bytes"
#define ENTRIES 256 /* more than one pop takes */

static struct role_run *single;

static unsigned said(const char *text, int bytes, const char **first, const char **last)
{
	char line[60];
	unsigned n = 0;
	(void)snprintf(line, sizeof line, UNREADABLE, bytes);
	for (const char *at = text; (at = strstr(at, line)); at++, n++) {
		*first = n ? *first : at;
		*last = at;
	}
	return n;
}

static bool all_said(void *arg)
{
	const char *text = role_run_said(single), *first, *last;
	(void)arg;
	return said(text, 11, &first, &last) + said(text, 22, &first, &last) == 2 * ENTRIES;
}

/* A busy reply list does not keep the reader from another one: what both have is taken by turns. */
START_TEST(test_reply_lists_are_read_by_turns)
{
	static const char *const one[] = { "SQUARE_REACTORS=1", NULL };
	static const char fill[] = "for i = 1, 256 do redis.call('RPUSH', KEYS[1], 'elevenbytes') "
				   "redis.call('RPUSH', KEYS[2], 'elevenbyteselevenbytes') end";
	const char *first, *last, *unused;
	char receiver[100], busy[KEYS_NAME_SIZE], other[KEYS_NAME_SIZE];
	single = role_run_start("web-role", "WebRole_IN_4", redis_private_url(pair_redis), one);
	pair_ask(single, "POST", "/v1/jobs?wait=1", "{\"op\":\"square\",\"args\":[1],\"queue\":\"busy\"}");
	pair_ask(single, "POST", "/v1/jobs?wait=1", "{\"op\":\"square\",\"args\":[1],\"queue\":\"other\"}");
	const char *clients = rreply_str(rsync_words(redis, NULL, "CLIENT", "LIST", NULL), NULL);
	const char *name = strstr(clients, "name=WebRole_IN_4-");
	ck_assert_msg(name != NULL, "%s", clients);
	(void)snprintf(receiver, sizeof receiver, "%.*s", (int)strcspn(name + 5, " "), name + 5);
	for (size_t i = 0; i < 2; i++) { /* of a link for submissions, or for replies, it is the beginning */
		static const char *const ends[] = { "-submit", "-replies" };
		char *end = strstr(receiver, ends[i]);
		if (end)
			*end = '\0';
	}
	keys_reply(busy, "{jq:busy:0}", receiver);
	keys_reply(other, "{jq:other:0}", receiver);
	rsync_words(redis, NULL, "EVAL", fill, "2", busy, other, NULL);
	ck_assert(wait_until(all_said, NULL, PAIR_DEADLINE_MS));
	const char *text = role_run_said(single);
	ck_assert_uint_eq(said(text, 11, &unused, &last), ENTRIES);
	ck_assert_uint_eq(said(text, 22, &first, &unused), ENTRIES);
	ck_assert_msg(first < last, "the busy list was emptied before the other was looked at");
	ck_assert_int_eq(role_run_stop(single), 0);
}
END_TEST

/* ---- a queue as a whole ---- */

START_TEST(test_whoever_is_asked_knows_all_shards)
{
	char ids[2 * SHARDS][ID_TEXT_SIZE], path[PAIR_PATH_SIZE];
	submit(pair_a, "whole", "", NULL, ids[0]); /* it knows one shard by now */
	for (int i = 1; i < 2 * SHARDS; i++)
		submit(web, "whole", "", NULL, ids[i]);
	for (int i = 0; i < 2 * SHARDS; i++) {
		path_of(path, ids[i]);
		ck_assert_int_eq(pair_get(pair_a, path), 200);
		ck_assert_str_eq(pair_text("queue"), "whole");
	}
	pair_figures(pair_a, "whole");
	ck_assert_int_eq(pair_number("queued"), 2 * SHARDS);
	ck_assert_int_eq(pair_number("enqueued_total"), 2 * SHARDS);
	ck_assert_int_eq(pair_number("shards"), SHARDS);
	ck_assert_ptr_null(json_object_get(pair_answer.json, "shards_missing"));
	ck_assert_int_eq(pair_get(pair_a, "/v1/jobs?queue=whole&limit=5"), 200);
	const json_t *jobs = json_object_get(pair_answer.json, "jobs");
	ck_assert_uint_eq(json_array_size(jobs), 5);
	for (size_t i = 0; i < 5; i++) /* the latest first, whatever its shard */
		ck_assert_str_eq(json_string_value(json_object_get(json_array_get(jobs, i), "id")),
				 ids[2 * SHARDS - 1 - i]);
	char next[200];
	(void)snprintf(next, sizeof next, "/v1/jobs?queue=whole&limit=5&cursor=%s", pair_text("next"));
	ck_assert_int_eq(pair_get(pair_a, next), 200);
	ck_assert_uint_eq(json_array_size(json_object_get(pair_answer.json, "jobs")), 2 * SHARDS - 5);
	for (int i = 0; i < 2 * SHARDS; i++) {
		path_of(path, ids[i]);
		ck_assert_int_eq(pair_ask(pair_b, "DELETE", path, NULL), 200);
	}
	pair_figures(pair_b, "whole");
	ck_assert_int_eq(pair_number("queued"), 0);
	ck_assert_int_eq(pair_number("cancelled_total"), 2 * SHARDS);
}
END_TEST

START_TEST(test_pause_is_for_all_shards)
{
	char id[ID_TEXT_SIZE];
	submit(pair_a, "rest", "", NULL, id);
	submit(web, "rest", "", NULL, id);
	pair_set_paused("rest", true);
	for (unsigned i = 0; i < SHARDS; i++)
		ck_assert_int_eq(stat_of("rest", i, "paused"), 1);
	pair_set_paused("rest", false);
	for (unsigned i = 0; i < SHARDS; i++)
		ck_assert_int_eq(stat_of("rest", i, "paused"), 0);
}
END_TEST

static bool all_dead(void *queue)
{
	pair_figures(web, queue);
	return pair_number("dead") == 2 * SHARDS;
}

START_TEST(test_redrive_is_of_all_shards)
{
	char queue[] = "again";
	struct role_run *w = pair_worker("WorkerRole_IN_0", queue);
	static const char body[] = "{\"op\":\"crash\",\"args\":[\"abort\"],\"queue\":\"again\",\"max_attempts\":1}";
	for (int i = 0; i < 2 * SHARDS;) /* the worker's operations are known a moment after it started */
		i += pair_ask(web, "POST", "/v1/jobs", body) == 202;
	ck_assert(wait_until(all_dead, queue, PAIR_DEADLINE_MS));
	for (unsigned i = 0; i < SHARDS; i++)
		ck_assert_int_eq(stat_of(queue, i, "n:x"), 2);
	pair_set_paused(queue, true);
	ck_assert_int_eq(pair_ask(pair_a, "POST", "/v1/queues/again/redrive", NULL), 202);
	ck_assert_int_eq(pair_number("moved"), 2 * SHARDS);
	pair_figures(pair_b, queue);
	ck_assert_int_eq(pair_number("dead"), 0);
	ck_assert_int_eq(pair_number("queued"), 2 * SHARDS);
	ck_assert_int_eq(role_run_stop(w), 0);
}
END_TEST

/* Waits hear of their jobs at once, by the reply list of each shard. */
START_TEST(test_waits_for_jobs_of_all_shards)
{
	struct role_run *w = pair_worker("WorkerRole_IN_1", "swift");
	static const char body[] = "{\"op\":\"square\",\"args\":[12],\"queue\":\"swift\"}";
	unsigned used[SHARDS] = { 0 };
	for (int i = 0; i < 2 * SHARDS;) {
		long status = pair_ask(web, "POST", "/v1/jobs?wait=10", body);
		if (status == 422 || status == 503)
			continue;
		ck_assert_msg(status == 200, "%ld %s", status, pair_answer.body);
		ck_assert_int_eq(pair_number("result"), 144);
		used[shard_of("swift", pair_text("id"))]++;
		i++;
	}
	for (unsigned i = 0; i < SHARDS; i++)
		ck_assert_uint_gt(used[i], 0);
	ck_assert_int_eq(role_run_stop(w), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("shards");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");
	tcase_set_timeout(core, 60);
	tcase_set_timeout(limits, 60);
	tcase_add_unchecked_fixture(core, setup, teardown);
	tcase_add_unchecked_fixture(limits, setup, teardown);
	tcase_add_test(core, test_submissions_go_round);
	tcase_add_test(core, test_idempotency_key_has_one_job);
	tcase_add_test(core, test_keys_of_a_queue_that_has_grown);
	tcase_add_test(core, test_same_questions_meet);
	tcase_add_test(core, test_whoever_is_asked_knows_all_shards);
	tcase_add_test(core, test_pause_is_for_all_shards);
	tcase_add_test(core, test_redrive_is_of_all_shards);
	tcase_add_test(core, test_waits_for_jobs_of_all_shards);
	tcase_add_test(limits, test_bound_of_a_queue_is_that_of_its_shards_together);
	tcase_add_test(limits, test_full_shard_is_passed_over);
	tcase_add_test(limits, test_reply_lists_are_read_by_turns);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	return suite_run(s);
}
