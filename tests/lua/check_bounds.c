/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The registry; what stays within its limits; what goes on when data is damaged, memory is full, Redis is killed. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua_ask.h"
#include "lua_check.h"
#include "queue.h"
#include "suite_run.h"

/* ---- the registry ---- */

START_TEST(test_register_gives_each_tag_one_index)
{
	expect_reg("0", "sq_register", "{jq:default:0}");
	expect_reg("1", "sq_register", "{jq:bulk:0}");
	expect_reg("0", "sq_register", "{jq:default:0}");
	expect_reg("!ERR square: expected a tag {jq:QUEUE:SHARD}", "sq_register", "default");
	lab_do(ask_lab, "EVAL", "for i = 2, 4095 do redis.call('HSET', KEYS[1], 't' .. i, i) end", "1", KEYS_REG_TAGS);
	expect_reg("!ERR square: too many queues: 4096 tags are registered", "sq_register", "{jq:more:0}");
	expect_reg("1", "sq_register", "{jq:bulk:0}");
}
END_TEST

/* The shards that idempotency keys are spread over are told once and for all. */
START_TEST(test_register_keeps_how_many_shards_a_queue_began_with)
{
	expect_reg("[0 4]", "sq_register", "{jq:new:0}", "4");
	expect_reg("[1 4]", "sq_register", "{jq:new:1}", "8");
	expect_reg("[0 4]", "sq_register", "{jq:new:0}", "1");
	expect_reg("1", "sq_register", "{jq:new:1}");
	expect_reg("2", "sq_register", "{jq:old:0}"); /* by a peer that knows nothing of shards */
	expect_reg("[3 1]", "sq_register", "{jq:old:1}", "4");
	expect_reg("[2 1]", "sq_register", "{jq:old:0}", "4");
	expect_reg("!ERR square: expected 1 to 64 shards", "sq_register", "{jq:new:0}", "0");
	expect_reg("!ERR square: expected 1 to 64 shards", "sq_register", "{jq:new:0}", "65");
	expect_reg("!ERR square: expected 1 to 64 shards", "sq_register", "{jq:new:0}", "1.5");
	expect_reg("!ERR square: expected 1 to 64 shards", "sq_register", "{jq:new:0}", "many");
}
END_TEST

START_TEST(test_presence_counts_changes)
{
	expect_reg("[now 1 0 0]", "sq_presence", "W0", "{}", "5000000", "here", "", "");
	expect_reg("[now 1 0 0]", "sq_presence", "W0", "{\"busy\":1}", "5000000", "here", "", "");
	expect_reg("[now 2 0 0]", "sq_presence", "W1", "{}", "5000000", "there", "", "");
	expect_reg("[now 3 0 0]", "sq_presence", "W0", "{}", "5000000", "elsewhere", "", "");
	ask_later(2000000);
	expect_reg("[now 3 0 0]", "sq_presence", "W1", "{}", "5000000", "there", "", "");
	ask_later(2000000); /* late by half the time: to be looked at again when it is over */
	expect_reg("[now 3 0 1000000]", "sq_presence", "W1", "{}", "5000000", "there", "", "");
	ask_later(1000000);
	expect_reg("[now 4 0 0]", "sq_presence", "W1", "{}", "5000000", "there", "", "");
	expect_value("[W1]", "HKEYS", KEYS_REG_INST);
	expect_reg("[now 5 0 0]", "sq_presence", "W1", "", "5000000", "there", "", "");
	expect_reg("[now 5 0 0]", "sq_presence", "W1", "", "5000000", "there", "", "");
	expect_value("0", "EXISTS", KEYS_REG_INST, KEYS_REG_SEEN);
}
END_TEST

START_TEST(test_presence_of_one_seen_in_the_future)
{
	expect_reg("[now 1 0 0]", "sq_presence", "W0", "{}", "5000000", "here", "", "");
	lua_lab_clock(ask_lab, ask_lab->now_us - 3600000000ull);
	expect_reg("[now 2 0 0]", "sq_presence", "W1", "{}", "5000000", "there", "", "");
	ask_later(2500000);
	expect_reg("[now 2 0 0]", "sq_presence", "W1", "{}", "5000000", "there", "", "");
	ask_later(2500000);
	expect_reg("[now 3 0 0]", "sq_presence", "W1", "{}", "5000000", "there", "", "");
	expect_value("[W1]", "HKEYS", KEYS_REG_INST);
}
END_TEST

/* Who was silent itself, on a machine that stood still or while Redis was away, takes nobody for gone; the others have
 * half the time to be heard of. Who does not know them yet does not ask that. */
START_TEST(test_presence_after_a_common_stall)
{
	expect_reg("[now 1 0 0]", "sq_presence", "W0", "{}", "5000000", "here", "", "");
	expect_reg("[now 2 0 0]", "sq_presence", "W1", "{}", "5000000", "there", "", "");
	expect_reg("[now 3 0 0]", "sq_presence", "W2", "{}", "5000000", "there", "", "");
	ask_later(60000000);
	expect_reg("[now 3 0 0]", "sq_presence", "W1", "{}", "5000000", "there", "", "");
	ask_later(1000000);
	expect_reg("[now 3 0 1500000]", "sq_presence", "W1", "{}", "5000000", "there", "", "");
	expect_reg("[now 3 0 0]", "sq_presence", "W2", "{}", "5000000", "there", "", ""); /* it was silent, too */
	ask_later(1500000);
	expect_reg("[now 3 0 1000000]", "sq_presence", "W1", "{}", "5000000", "there", "", "");
	ask_later(1000000);
	expect_reg("[now 4 0 0]", "sq_presence", "W1", "{}", "5000000", "there", "", "");
	expect_value("[W1 W2]", "HKEYS", KEYS_REG_INST);
	ask_later(60000000);
	expect_reg("[now 5 0 0]", "sq_presence", "W3", "{}", "5000000", "there", "", "");
	expect_value("[W3]", "HKEYS", KEYS_REG_INST);
}
END_TEST

START_TEST(test_presence_keeps_the_catalogues_in_use)
{
	expect_reg("[now 1 1 0]", "sq_presence", "W0", "{}", "5000000", "here", "d1", "");
	expect_reg("[now 1 0 0]", "sq_presence", "W0", "{}", "5000000", "here", "d1", "{\"operations\":1}");
	expect_reg("[now 2 0 0]", "sq_presence", "W1", "{}", "5000000", "there", "d1", "");
	expect_reg("[now 2 0 0]", "sq_presence", "W0", "{}", "5000000", "here", "d2", "{\"operations\":2}");
	expect_value("d2", "HGET", KEYS_REG_CAT, "last");
	expect_reg("[now 2 0 0]", "sq_presence", "W1", "{}", "5000000", "there", "d1", "");
	expect_value("d2", "HGET", KEYS_REG_CAT, "last");
	expect_reg("[now 2 0 0]", "sq_presence", "W1", "{}", "5000000", "there", "d2", "");
	expect_value("0", "HEXISTS", KEYS_REG_CAT, "d1");
	expect_reg("[now 3 0 0]", "sq_presence", "W0", "", "5000000", "", "", "");
	expect_reg("[now 4 0 0]", "sq_presence", "W1", "", "5000000", "", "", "");
	expect_value("{\"operations\":2}", "HGET", KEYS_REG_CAT, "d2");
}
END_TEST

/* Metrics stand until others come or the instance goes, by leaving or by silence; too large a text changes nothing. */
START_TEST(test_presence_keeps_metrics)
{
	static char large[262146];
	memset(large, 'x', sizeof large - 1);
	expect_reg("[now 1 0 0]", "sq_presence", "W0", "{}", "5000000", "here", "", "", "m1");
	expect_reg("[now 2 0 0]", "sq_presence", "W1", "{}", "5000000", "here", "", "", "n1");
	expect_reg("[now 2 0 0]", "sq_presence", "W0", "{}", "5000000", "here", "", "", "");
	expect_reg("[now 2 0 0]", "sq_presence", "W0", "{}", "5000000", "here", "", "");
	expect_reg("[now 2 0 0]", "sq_presence", "W0", "{}", "5000000", "here", "", "", large);
	expect_value("m1", "HGET", KEYS_REG_MET, "W0");
	large[sizeof large - 2] = '\0';
	expect_reg("[now 2 0 0]", "sq_presence", "W0", "{}", "5000000", "here", "", "", large);
	expect_value("262144", "HSTRLEN", KEYS_REG_MET, "W0");
	expect_reg("[now 2 0 0]", "sq_presence", "W0", "{}", "5000000", "here", "", "", "m2");
	expect_value("m2", "HGET", KEYS_REG_MET, "W0");
	expect_reg("[now 3 0 0]", "sq_presence", "W0", "", "5000000", "", "", "", "m3");
	expect_value("[W1]", "HKEYS", KEYS_REG_MET);
	ask_later(5000000);
	expect_reg("[now 4 0 0]", "sq_presence", "W2", "{}", "5000000", "here", "", "");
	expect_value("0", "EXISTS", KEYS_REG_MET);
	expect_value("1", "HSET", KEYS_REG_MET, "W9", "of nobody");
	expect_reg("[now 4 0 0]", "sq_presence", "W2", "{}", "5000000", "here", "", "", "o1");
	expect_value("2", "HLEN", KEYS_REG_MET);
	expect_reg("[now 5 0 0]", "sq_presence", "W2", "{}", "5000000", "elsewhere", "", "");
	expect_value("[W2]", "HKEYS", KEYS_REG_MET);
}
END_TEST

/* ---- limits ---- */

/* Enqueues, claims and finishes n jobs with one receiver, many at a time. */
static void run_many(unsigned from, unsigned n, const char *receiver)
{
	struct buf record = BUF_INIT;
	struct job wish = ask_plain;

	wish.reply = (struct span){ receiver, strlen(receiver) };
	lua_lab_record(&record, &wish);
	for (unsigned done = 0; done < n; done += QUEUE_BATCH_MAX) {
		struct lua_call *in = lua_call_new("sq_enqueue", LAB_TAG), *out = lua_call_new("sq_finish", LAB_TAG);
		lua_call_str(in, "1000000");
		lua_call_str(out, "B");
		for (unsigned i = 0; i < QUEUE_BATCH_MAX; i++) {
			char id[ID_TEXT_SIZE];
			lua_lab_id(id, from + done + i);
			lua_call_str(in, id);
			lua_call_str(in, "");
			lua_call_arg(in, record.data, record.len);
			lua_call_str(out, id);
			lua_call_str(out, "s");
			lua_call_str(out, "1");
			lua_call_str(out, "1");
		}
		ck_assert_str_eq(ask_brief(lua_lab_call(ask_lab, in)), "[now]");
		lab_call(ask_lab, "sq_claim", "B", "64", "10000000");
		ck_assert_int_eq(rreply_str(lua_lab_call(ask_lab, out), NULL)[QUEUE_BATCH_MAX - 1], 'k');
		lua_call_free(in);
		lua_call_free(out);
	}
	buf_fini(&record);
}

START_TEST(test_lists_stay_within_their_bounds)
{
	run_many(100, 10240, "R0");
	expect_value("10000", "LLEN", LAB_TAG ":r:R0");
	int64_t recent = rreply_int(lab_do(ask_lab, "LLEN", LAB_TAG ":recent"));
	ck_assert_int_le(recent, 1000);
	ck_assert_int_ge(recent, 900);
	expect_value("[live 0 run 0 us 10240 n:s 10240]", "HGETALL", LAB_TAG ":st");
	lab_do(ask_lab, "EVAL", "for i = 1, 999 do redis.call('LPUSH', KEYS[1], i) end", "1", LAB_TAG ":bad");
	for (unsigned i = 0; i < 3; i++) {
		char key[KEYS_NAME_SIZE];
		ask_enqueue(i);
		keys_job(key, LAB_TAG, ask_ids[i]);
		lab_do(ask_lab, "SET", key, "nonsense");
	}
	lab_call(ask_lab, "sq_claim", "B", "64", "10000000");
	expect_value("1000", "LLEN", LAB_TAG ":bad");
}
END_TEST

START_TEST(test_progress_and_hints_stay_within_their_bounds)
{
	static char json[1100];

	memset(json, '1', 1024);
	ask_running("W.1.1");
	expect("k", "sq_progress", "W.1.1", ask_ids[0], json);
	ck_assert_uint_eq(ask_read_job(0).outcome.n, 1024);
	json[1024] = '1';
	ck_assert_int_eq(rreply_type(lab_call(ask_lab, "sq_progress", "W.1.1", ask_ids[0], json)), RREPLY_ERROR);
	for (int i = 0; i < 100; i++)
		lab_call(ask_lab, "sq_cancel", ask_ids[0]);
	expect_value("64", "LLEN", LAB_TAG ":k:W.1");
	ask_holds();
}
END_TEST

static const struct {
	const char *words[8];
} wrong_calls[] = {
	{ { "sq_claim", "", "1", "10000000" } },
	{ { "sq_claim", "B", "65", "10000000" } },
	{ { "sq_claim", "B", "0", "10000000" } },
	{ { "sq_claim", "B", "1", "0" } },
	{ { "sq_claim", "B" } },
	{ { "sq_start", "B", "0" } },
	{ { "sq_finish", "B" } },
	{ { "sq_finish", "B", "id", "r", "1", "{}" } },
	{ { "sq_finish", "B", "id", "s", "soon", "{}" } },
	{ { "sq_finish", "B", "id", "s", "1" } },
	{ { "sq_fail", "B", "id", "s", "1", "{}" } },
	{ { "sq_fail", "B" } },
	{ { "sq_fail", "B", "id", "r", "soon", "{}" } },
	{ { "sq_progress", "B" } },
	{ { "sq_progress", "B", "id" } },
	{ { "sq_release", "B" } },
	{ { "sq_extend", "10000000" } },
	{ { "sq_extend", "0", "B" } },
	{ { "sq_reap", "10000000", "", "", "0" } },
	{ { "sq_reap", "0", "", "", "1" } },
	{ { "sq_reap", "10000000" } },
	{ { "sq_cancel" } },
	{ { "sq_watch", "id" } },
	{ { "sq_watch", "id", "a,b" } },
	{ { "sq_pause", "2" } },
	{ { "sq_retry" } },
	{ { "sq_retry", "id" } },
	{ { "sq_retry", "id", "many" } },
	{ { "sq_redrive", "0", "1" } },
	{ { "sq_redrive", "1" } },
	{ { "sq_list", "q", "1" } },
	{ { "sq_list", "y", "1", "" } },
	{ { "sq_list", "q", "0", "" } },
	{ { "sq_list", "q", "1.5", "" } },
	{ { "sq_list", "q", "201", "" } },
	{ { "sq_list", "q", "1", "0190a8d1-7c00-7000-8000-000000000000" } },
	{ { "sq_list", "d", "1", "170000000000000x0190a8d1-7c00-7000-8000-000000000000" } },
	{ { "sq_peek" } },
	{ { "sq_finish", "B", "id", "s", "-1", "{}" } },
	{ { "sq_finish", "B", "id", "s", "nan", "{}" } },
	{ { "sq_fail", "B", "id", "r", "1e300", "{}" } },
	{ { "sq_register", "x" } },
	{ { "sq_presence", "W0", "{}", "5000000" } },
	{ { "sq_presence", "W0", "{}", "0", "", "", "" } },
};

START_TEST(test_wrong_arguments_are_refused_and_change_nothing)
{
	const struct rreply *r = lua_lab_words(ask_lab, wrong_calls[_i].words);

	ck_assert_int_eq(rreply_type(r), RREPLY_ERROR);
	ck_assert_msg(strncmp(rreply_str(r, NULL), "ERR square: ", 12) == 0, "%s", rreply_str(r, NULL));
	expect_value("[{jq:vclock}]", "KEYS", "*");
}
END_TEST

START_TEST(test_enqueue_of_nonsense_changes_nothing)
{
	struct buf record = BUF_INIT;

	lua_lab_record(&record, &ask_plain);
	ck_assert_int_eq(rreply_type(lab_call(ask_lab, "sq_enqueue", "100", ask_ids[0], "", "J1qn")), RREPLY_ERROR);
	ck_assert_int_eq(rreply_type(lab_call(ask_lab, "sq_enqueue", "100", ask_ids[0], "")), RREPLY_ERROR);
	ck_assert_int_eq(rreply_type(lab_call(ask_lab, "sq_enqueue", "100")), RREPLY_ERROR);
	ck_assert_str_eq(ask_enqueue_job(0, &ask_plain, "soon", "100"),
			 "!ERR square: job 1: expected options run_at|hash|fingerprint[|question|max_age]");
	ck_assert_str_eq(ask_enqueue_job(0, &ask_plain, "", "many"),
			 "!ERR square: expected live_max and 1 to 1024 times id, options, record");
	expect_value("[{jq:vclock}]", "KEYS", "*");
	buf_fini(&record);
}
END_TEST

START_TEST(test_claim_clears_tombstones_within_its_bound)
{
	static const char flood[] = "for i = 1, 1500 do redis.call('RPUSH', KEYS[1], 'gone' .. i) end";

	lab_do(ask_lab, "EVAL", flood, "1", LAB_TAG ":w:high");
	ask_enqueue(0);
	expect("[now 0 1 0]", "sq_claim", "B", "64", "10000000");
	expect("[now 0 0 0 #0 J1:r:0:B]", "sq_claim", "B", "64", "10000000");
}
END_TEST

START_TEST(test_reap_forgets_the_long_dead)
{
	lab_do(ask_lab, "ZADD", LAB_TAG ":dead", "1699395199999999", "old", "1699395200000001", "young");
	ask_tick();
	expect_value("[young]", "ZRANGE", LAB_TAG ":dead", "0", "-1");
}
END_TEST

/* ---- faults ---- */

START_TEST(test_full_redis_refuses_only_enqueue)
{
	for (unsigned i = 0; i < 4; i++)
		ask_enqueue(i);
	lab_do(ask_lab, "CONFIG", "SET", "maxmemory", "1");
	ck_assert_int_eq(strncmp(ask_enqueue_job(4, &ask_plain, "", "100"), "!OOM", 4), 0);
	expect("[now 0 1 0 #0 J1:r:0:B #1 J1:r:0:B #2 J1:r:0:B]", "sq_claim", "B", "3", "10000000");
	expect("[now sss]", "sq_start", "B", "1", ask_ids[0], ask_ids[1], ask_ids[2]);
	expect("[ok]", "sq_extend", "10000000", "B");
	expect("k", "sq_finish", "B", ask_ids[0], "s", "1", "1");
	expect("d", "sq_fail", "B", ask_ids[1], "r", "1", "{}");
	expect("k", "sq_release", "B", ask_ids[2]);
	expect("J1:q:0:", "sq_watch", ask_ids[2], "R0");
	expect("[c J1:c:0:]", "sq_cancel", ask_ids[2]);
	expect("[now 1700000000251000 0 0 0 0 0 0 0 0 0 0 1]", "sq_reap", "10000000", "", "", "64");
	expect("1", "sq_pause", "1");
	expect_reg("0", "sq_register", "{jq:q:0}");
	expect_reg("[now 1 0 0]", "sq_presence", "W0", "{}", "5000000", "", "", "");
	lab_do(ask_lab, "CONFIG", "SET", "maxmemory", "0");
}
END_TEST

START_TEST(test_killed_redis_keeps_what_it_acknowledged)
{
	struct lua_lab *shared = ask_lab;

	ask_lab = lua_lab_new(true, (const char *const[]){ "--appendfsync", "always", NULL });
	ask_running("B");
	ask_enqueue(1);
	redis_private_restart(ask_lab->redis);
	rsync_close(ask_lab->link);
	ask_lab->link = rsync_open(redis_private_url(ask_lab->redis), 20000, NULL);
	ck_assert_ptr_nonnull(ask_lab->link);
	expect("[now 0 1 0 #0 J1:r:0:B]", "sq_claim", "B", "1", "10000000");
	expect("k", "sq_finish", "B", ask_ids[0], "s", "1", "1");
	expect("[now 0 0 0 #1 J1:r:0:C]", "sq_claim", "C", "1", "10000000");
	lua_lab_free(ask_lab);
	ask_lab = shared;
}
END_TEST

START_TEST(test_claim_isolates_what_is_no_record)
{
	for (unsigned i = 0; i < 3; i++)
		ask_enqueue(i);
	lab_do(ask_lab, "DEL", LAB_TAG ":j:0190a8d1-7c00-7000-8000-000000000000");
	lab_do(ask_lab, "RPUSH", LAB_TAG ":j:0190a8d1-7c00-7000-8000-000000000000", "a list");
	lab_do(ask_lab, "SET", LAB_TAG ":j:0190a8d1-7c00-7000-8000-000000000001", "nonsense");
	ck_assert_str_eq(ask_brief(lab_call(ask_lab, "sq_claim", "B", "8", "10000000")), "[now 0 0 0 #2 J1:r:0:B]");
	expect_value("2", "LLEN", LAB_TAG ":bad");
	expect_value("1", "HGET", LAB_TAG ":st", "live");
}
END_TEST

START_TEST(test_reap_survives_foreign_data)
{
	ask_running("W.1.1");
	ask_tick();
	lab_do(ask_lab, "ZADD", LAB_TAG ":lease", "1", "orphan", "2", "string");
	lab_do(ask_lab, "SET", LAB_TAG ":b:string", "foreign");
	lab_do(ask_lab, "SET", LAB_TAG ":j:0190a8d1-7c00-7000-8000-000000000000", "J1 nonsense");
	ask_live_through(11);
	expect_value("[live 0 run 0]", "HGETALL", LAB_TAG ":st");
	expect_value("[0190a8d1-7c00-7000-8000-000000000000]", "LRANGE", LAB_TAG ":bad", "0", "-1");
	expect_value("0", "ZCARD", LAB_TAG ":lease");
}
END_TEST

/* Reply lists, the list of the finished and the markers are hints: should somebody have put something else under their
 * names, a job must not get stuck half-way between two states because of it. */
START_TEST(test_foreign_hints_hold_nobody_up)
{
	struct job waited = ask_plain;
	waited.reply = (struct span){ "web", 3 };
	lab_do(ask_lab, "SET", LAB_TAG ":recent", "foreign");
	lab_do(ask_lab, "SET", LAB_TAG ":r:web", "foreign");
	lab_do(ask_lab, "SET", LAB_TAG ":mk", "foreign");
	lab_do(ask_lab, "SET", LAB_TAG ":dead", "foreign");
	ck_assert_str_eq(ask_enqueue_job(0, &waited, "", "10"), "[now]");
	lab_call(ask_lab, "sq_claim", "B", "1", "10000000");
	lab_call(ask_lab, "sq_start", "B", "0", ask_ids[0]);
	ck_assert_str_eq(ask_text(lab_call(ask_lab, "sq_finish", "B", ask_ids[0], "s", "5", "144")), "k");
	ck_assert_str_eq(ask_text(lab_call(ask_lab, "sq_finish", "B", ask_ids[0], "s", "5", "144")), "m");
	ck_assert_int_eq(ask_read_job(0).state, JOB_SUCCEEDED);
	expect_value("0", "HGET", LAB_TAG ":st", "live");
	expect_value("0", "HGET", LAB_TAG ":st", "run");
	expect_value("0", "EXISTS", LAB_TAG ":b:B");
	expect_value("0", "ZCARD", LAB_TAG ":lease");
	const struct rreply *tick = lab_call(ask_lab, "sq_reap", "10000000", "W", "1", "64");
	ck_assert_msg(rreply_type(tick) == RREPLY_ARRAY, "%s", rreply_str(tick, NULL));
}
END_TEST

START_TEST(test_cancel_ends_a_running_job_nobody_has)
{
	ask_running("B");
	lab_do(ask_lab, "DEL", LAB_TAG ":b:B");
	lab_do(ask_lab, "DEL", LAB_TAG ":lease");
	expect("[c J1:c:0:B]", "sq_cancel", ask_ids[0]);
}
END_TEST

static void add_core(TCase *tc)
{
	tcase_add_test(tc, test_register_gives_each_tag_one_index);
	tcase_add_test(tc, test_register_keeps_how_many_shards_a_queue_began_with);
	tcase_add_test(tc, test_presence_counts_changes);
	tcase_add_test(tc, test_presence_of_one_seen_in_the_future);
	tcase_add_test(tc, test_presence_after_a_common_stall);
	tcase_add_test(tc, test_presence_keeps_the_catalogues_in_use);
	tcase_add_test(tc, test_presence_keeps_metrics);
}

static void add_limits(TCase *tc)
{
	tcase_add_test(tc, test_enqueue_of_nonsense_changes_nothing);
	tcase_add_test(tc, test_claim_clears_tombstones_within_its_bound);
	tcase_add_test(tc, test_reap_forgets_the_long_dead);
	tcase_add_test(tc, test_lists_stay_within_their_bounds);
	tcase_add_loop_test(tc, test_wrong_arguments_are_refused_and_change_nothing, 0,
			    sizeof wrong_calls / sizeof *wrong_calls);
}

static void add_faults(TCase *tc)
{
	tcase_add_test(tc, test_claim_isolates_what_is_no_record);
	tcase_add_test(tc, test_reap_survives_foreign_data);
	tcase_add_test(tc, test_foreign_hints_hold_nobody_up);
	tcase_add_test(tc, test_cancel_ends_a_running_job_nobody_has);
	tcase_add_test(tc, test_progress_and_hints_stay_within_their_bounds);
	tcase_add_test(tc, test_full_redis_refuses_only_enqueue);
	tcase_add_test(tc, test_killed_redis_keeps_what_it_acknowledged);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*add)(TCase *tc);
	} cases[] = { { "core", add_core }, { "limits", add_limits }, { "faults", add_faults } };
	Suite *suite = suite_create("bounds");

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		TCase *tc = tcase_create(cases[i].name);
		tcase_add_unchecked_fixture(tc, ask_start, ask_stop);
		tcase_add_checked_fixture(tc, ask_clean, NULL);
		tcase_set_timeout(tc, 120);
		cases[i].add(tc);
		suite_add_tcase(suite, tc);
	}
	return suite_run(suite);
}
