/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reuse of results: who asks what has been asked is answered by the result there is, or waits for the one to come. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua_ask.h"
#include "lua_check.h"
#include "must.h"
#include "queue.h"
#include "suite_run.h"

#define ASKS "|||q|60000000" /* results of the last 60 s will do */

static const char *ask_question(unsigned number, const char *reply, uint64_t expires_in_us)
{
	struct job wish = ask_plain;

	wish.reply = (struct span){ reply, strlen(reply) };
	wish.expires_in_us = expires_in_us;
	return ask_enqueue_job(number, &wish, ASKS, "100");
}

static void finish(const char *batch, unsigned number, const char *kind, const char *json)
{
	ck_assert_str_eq(ask_text(lab_call(ask_lab, "sq_finish", batch, ask_ids[number], kind, "5", json)), "k");
	ask_holds();
}

static void claim(const char *batch, const char *jobs)
{
	char expected[200];

	snprintf(expected, sizeof expected, "[now 0 0 0%s]", jobs);
	expect(expected, "sq_claim", batch, "8", "10000000");
}

/* ---- core ---- */

START_TEST(test_enqueue_is_answered_by_a_result)
{
	ck_assert_str_eq(ask_question(0, "", 0), "[now]");
	claim("B", " #0 J1:r:0:B");
	finish("B", 0, "s", "144");
	ask_later(60000000);
	ck_assert_str_eq(ask_question(1, "R0", 9000000), "[now Hnow]");
	ask_holds();
	struct job job = ask_read_job(1);
	ck_assert_int_eq(job.state, JOB_SUCCEEDED);
	ck_assert_uint_eq(job.flags, JOB_FLAG_HIT);
	ck_assert(job.outcome.n == 3 && memcmp(job.outcome.p, "144", 3) == 0);
	ck_assert_uint_eq(job.finished_at, ask_lab->now_us);
	ck_assert_uint_eq(job.started_at + job.attempt, 0);
	expect_value("1", "LLEN", LAB_TAG ":r:R0");
	expect_value("[live 0 run 0 us 5 n:s 2]", "HGETALL", LAB_TAG ":st");
	ask_later(1);
	ck_assert_str_eq(ask_question(1, "R0", 9000000), "[now H1700000060000000]"); /* asked again */
	ck_assert_str_eq(ask_question(2, "", 0), "[now]");                           /* too old by now */
	claim("C", " #2 J1:r:0:C");
	finish("C", 2, "s", "145");
	ck_assert_str_eq(ask_question(3, "", 0), "[now Hnow]");
	ck_assert_int_eq(memcmp(ask_read_job(3).outcome.p, "145", 3), 0);
}
END_TEST

START_TEST(test_enqueue_follows_who_computes)
{
	ck_assert_str_eq(ask_question(0, "R0", 0), "[now]");
	ask_later(10);
	ck_assert_str_eq(ask_question(1, "R1", 5000000), "[now Jnow]");
	claim("B", " #0 J1:r:0:B");
	ck_assert_str_eq(ask_question(2, "R1", 0), "[now Jnow]");
	ask_later(10);
	ck_assert_str_eq(ask_question(2, "R1", 0), "[now J1700000000000010]"); /* asked again */
	ask_holds();
	ck_assert_uint_eq(ask_read_job(0).flags, JOB_FLAG_LED);
	ck_assert_uint_eq(ask_read_job(1).flags, JOB_FLAG_JOINED);
	finish("B", 0, "s", "144");
	for (unsigned i = 0; i < 3; i++) {
		struct job job = ask_read_job(i);
		ck_assert_int_eq(job.state, JOB_SUCCEEDED);
		ck_assert(job.outcome.n == 3 && memcmp(job.outcome.p, "144", 3) == 0);
		ck_assert_uint_eq(job.flags, i ? JOB_FLAG_JOINED : 0);
		ck_assert_uint_eq(job.attempt, i ? 0 : 1);
		ck_assert_uint_eq(job.batch.n, i ? 0 : 1);
	}
	expect_value("1", "LLEN", LAB_TAG ":r:R0");
	expect_value("2", "LLEN", LAB_TAG ":r:R1");
	expect_value("0", "EXISTS", LAB_TAG ":joined", LAB_TAG ":x");
	expect_value("[live 0 run 0 us 5 n:s 3]", "HGETALL", LAB_TAG ":st");
	ck_assert_str_eq(ask_question(3, "", 0), "[now Hnow]");
}
END_TEST

/* Ways for job 0, which 1 to 3 follow, to end without a result or a verdict. */
static void end_cancelled_queued(void)
{
	expect("[c J1:c:0:]", "sq_cancel", ask_ids[0]);
}

static void end_cancelled_running(void)
{
	claim("B", " #0 J1:r:0:B");
	expect("[a J1:r:0:B]", "sq_cancel", ask_ids[0]);
	finish("B", 0, "c", "{}");
}

static void end_dead(void)
{
	claim("B", " #0 J1:r:0:B");
	expect("[now s]", "sq_start", "B", "0", ask_ids[0]);
	expect("d", "sq_fail", "B", ask_ids[0], "w", "1", "{}");
	lua_lab_clock(ask_lab, ask_read_job(0).run_at);
	claim("B2", " #0 J1:r:1:B2");
	expect("x", "sq_fail", "B2", ask_ids[0], "w", "1", "{}");
}

static void end_expired(void)
{
	ask_later(4000000);
	expect("[now 0 0 0 0 0 1 0 0 0 0 0 1]", "sq_reap", "10000000", "", "", "64");
}

static void end_expired_at_claim(void)
{
	ask_later(4000000);
	expect("[now 0 1 0]", "sq_claim", "B", "1", "10000000");
}

static void end_lost(void)
{
	lab_do(ask_lab, "DEL", LAB_TAG ":j:0190a8d1-7c00-7000-8000-000000000000");
	lab_call(ask_lab, "sq_claim", "B", "1", "10000000");
	lab_do(ask_lab, "HINCRBY", LAB_TAG ":st", "live", "-1"); /* what is lost was counted */
	lab_do(ask_lab, "ZREM", LAB_TAG ":x", ask_ids[0]);
}

static void end_malformed(void)
{
	claim("B", " #0 J1:r:0:B");
	lab_do(ask_lab, "SET", LAB_TAG ":j:0190a8d1-7c00-7000-8000-000000000000", "nonsense");
	ck_assert_str_eq(ask_text(lab_call(ask_lab, "sq_finish", "B", ask_ids[0], "s", "1", "1")), "-");
}

static void (*const ends[])(void) = { end_cancelled_queued, end_cancelled_running, end_dead,
				      end_expired,          end_expired_at_claim,  end_lost,
				      end_malformed };

START_TEST(test_first_follower_leads_when_there_is_no_result)
{
	ask_question(0, "", 3000000);
	for (unsigned i = 1; i < 4; i++)
		ck_assert_str_eq(ask_question(i, "", 0), "[now Jnow]");
	ends[_i]();
	ask_holds();
	ck_assert_int_eq(ask_read_job(1).flags, JOB_FLAG_LED);
	ck_assert_int_eq(ask_read_job(2).flags, JOB_FLAG_JOINED);
	ck_assert_str_eq(ask_question(4, "", 0), "[now Jnow]"); /* the question has gone over to it, too */
	claim("C", " #1 J1:r:0:C");
	finish("C", 1, "s", "144");
	for (unsigned i = 1; i < 5; i++)
		ck_assert_int_eq(ask_read_job(i).state, JOB_SUCCEEDED);
	expect_value("0", "HGET", LAB_TAG ":st", "live");
}
END_TEST

/* One after the other they would wait for the sum of all time-outs. */
START_TEST(test_followers_of_a_failure_compute_at_once)
{
	for (unsigned i = 0; i < 4; i++)
		ask_question(i, "", i == 2 ? 3000000 : 0);
	claim("B", " #0 J1:r:0:B");
	finish("B", 0, "f", "{}");
	ask_holds();
	ck_assert_str_eq(ask_question(4, "", 0), "[now Jnow]"); /* the question has gone over to the first */
	claim("C", " #1 J1:r:0:C #2 J1:r:0:C #3 J1:r:0:C");
	finish("C", 2, "f", "{}");
	finish("C", 3, "s", "1");
	ck_assert_int_eq(ask_read_job(4).state, JOB_QUEUED);
	finish("C", 1, "s", "144");
	ck_assert_int_eq(ask_read_job(4).state, JOB_SUCCEEDED);
	expect_value("[live 0 run 0 us 20 n:f 2 n:s 3]", "HGETALL", LAB_TAG ":st");
	expect_value("0", "EXISTS", LAB_TAG ":joined", LAB_TAG ":x");
}
END_TEST

/* An attempt that goes wrong is not the end. */
START_TEST(test_followers_wait_through_attempts)
{
	ask_question(0, "", 0);
	ask_question(1, "", 0);
	claim("W.1.1", " #0 J1:r:0:W.1.1");
	expect("k", "sq_release", "W.1.1", ask_ids[0]);
	claim("W.1.2", " #0 J1:r:0:W.1.2");
	expect("d", "sq_fail", "W.1.2", ask_ids[0], "r", "1", "{}");
	lua_lab_clock(ask_lab, ask_read_job(0).run_at);
	claim("W.1.3", " #0 J1:r:1:W.1.3");
	expect("[now 0 1 0 0 0 0 0 0 0 0 0 1]", "sq_reap", "10000000", "W", "2", "64");
	ck_assert_int_eq(ask_read_job(1).flags, JOB_FLAG_JOINED);
	claim("W.2.1", " #0 J1:r:1:W.2.1");
	finish("W.2.1", 0, "s", "144");
	ck_assert_int_eq(ask_read_job(1).state, JOB_SUCCEEDED);
}
END_TEST

START_TEST(test_follower_may_leave)
{
	ask_question(0, "", 0);
	ask_question(1, "R0", 0);
	ask_question(2, "", 1000000);
	ask_question(3, "", 0);
	expect("[c J1:c:0:]", "sq_cancel", ask_ids[1]);
	ask_later(1000000);
	expect("[now 0 0 0 0 0 1 0 0 0 0 0 1]", "sq_reap", "10000000", "", "", "64");
	ck_assert_int_eq(ask_read_job(2).state, JOB_EXPIRED);
	expect("[k J1:q:0:]", "sq_retry", ask_ids[1], "100"); /* by itself now */
	claim("B", " #0 J1:r:0:B #1 J1:r:0:B");
	finish("B", 0, "s", "144");
	ck_assert_int_eq(ask_read_job(1).state, JOB_RUNNING);
	ck_assert_int_eq(ask_read_job(3).state, JOB_SUCCEEDED);
	finish("B", 1, "s", "145");
}
END_TEST

START_TEST(test_delayed_jobs_share_nothing)
{
	struct job wish = ask_plain;

	wish.delay_us = 1000;
	ck_assert_str_eq(ask_enqueue_job(0, &wish, ASKS, "100"), "[now]");
	ck_assert_str_eq(ask_question(1, "", 0), "[now]");
	ck_assert_str_eq(ask_enqueue_job(2, &wish, ASKS, "100"), "[now]");
	ck_assert_str_eq(ask_enqueue_job(3, &ask_plain, "1700000005000000|||q|60000000", "100"), "[now]");
	expect_value("0", "EXISTS", LAB_TAG ":joined");
	ask_holds();
}
END_TEST

START_TEST(test_key_and_question_go_together)
{
	ck_assert_str_eq(ask_enqueue_job(0, &ask_plain, "|k|p|q|60000000", "100"), "[now]");
	ck_assert_str_eq(ask_enqueue_job(1, &ask_plain, "|k|p|q|60000000", "100"), "[now R#0]");
	ck_assert_str_eq(ask_enqueue_job(2, &ask_plain, "|l|p|q|60000000", "100"), "[now Jnow]");
	ck_assert_str_eq(ask_enqueue_job(3, &ask_plain, "|l|p|q|60000000", "100"), "[now R#2]");
	claim("B", " #0 J1:r:0:B");
	finish("B", 0, "s", "1");
	ck_assert_str_eq(ask_enqueue_job(4, &ask_plain, "|m|p|q|60000000", "100"), "[now Hnow]");
	ck_assert_str_eq(ask_enqueue_job(5, &ask_plain, "|m|p|q|60000000", "100"), "[now R#4]");
}
END_TEST

/* ---- limits ---- */

START_TEST(test_full_queue_still_gives_results)
{
	ask_enqueue_job(0, &ask_plain, ASKS, "1");
	ck_assert_str_eq(ask_enqueue_job(1, &ask_plain, ASKS, "1"), "[now F]");
	claim("B", " #0 J1:r:0:B");
	finish("B", 0, "s", "1");
	ask_enqueue(2);
	ck_assert_str_eq(ask_enqueue_job(1, &ask_plain, ASKS, "1"), "[now Hnow]");
	ck_assert_str_eq(ask_enqueue_job(3, &ask_plain, "|||other|1", "1"), "[now F]");
	expect_value("1", "HLEN", LAB_TAG ":cache");
}
END_TEST

/* Enqueues jobs `from` on, all with the same question, in one call; how many follow. */
static unsigned ask_many(unsigned from, unsigned n, const char *opts)
{
	struct lua_call *c = lua_call_new("sq_enqueue", LAB_TAG);
	struct buf record = BUF_INIT;
	unsigned joined = 0;
	char id[ID_TEXT_SIZE];

	lua_lab_record(&record, &ask_plain);
	lua_call_str(c, "10000");
	for (unsigned i = 0; i < n; i++) {
		lua_lab_id(id, from + i);
		lua_call_str(c, id);
		lua_call_str(c, opts);
		lua_call_arg(c, record.data, record.len);
	}
	const struct rreply *r = lua_lab_call(ask_lab, c);
	ck_assert_msg(rreply_type(r) == RREPLY_ARRAY, "%s", rreply_str(r, NULL));
	for (size_t i = 1; i < rreply_count(r); i++)
		joined += rreply_str(rreply_at(r, i), NULL)[0] == 'J';
	lua_call_free(c);
	buf_fini(&record);
	return joined;
}

START_TEST(test_followers_are_bounded)
{
	ck_assert_uint_eq(ask_many(100, 1, ASKS), 0);
	ck_assert_uint_eq(ask_many(101, 500, ASKS), 500);
	ck_assert_uint_eq(ask_many(601, 600, ASKS), 599); /* 500 more, one that leads, 99 that follow this one */
	ask_holds();
	lab_call(ask_lab, "sq_claim", "B", "1", "10000000");
	char id[ID_TEXT_SIZE];
	lua_lab_id(id, 100);
	expect("k", "sq_finish", "B", id, "c", "1", "{}"); /* a thousand change over in one call */
	lab_call(ask_lab, "sq_claim", "C", "2", "10000000");
	lua_lab_id(id, 1101);
	expect("k", "sq_finish", "C", id, "s", "1", "1");
	lua_lab_id(id, 101);
	expect("k", "sq_finish", "C", id, "s", "1", "1");
	expect_value("0", "HGET", LAB_TAG ":st", "live");
	expect_value("1100", "HGET", LAB_TAG ":st", "n:s");
	lua_lab_id(id, 1300);
	ck_assert_uint_eq(ask_many(1300, 1, "|||r|1"), 0);
	ck_assert_uint_eq(ask_many(1301, 1000, "|||r|1"), 1000);
	lab_call(ask_lab, "sq_claim", "D", "1", "10000000");
	expect("k", "sq_finish", "D", id, "f", "1", "{}"); /* and a thousand go their own way */
	ask_holds();
	expect_value("1000", "LLEN", LAB_TAG ":w:normal");
}
END_TEST

/* What one call copies is bounded: followers beyond it are computed for once more. */
START_TEST(test_large_results_are_copied_within_bounds)
{
	size_t size = 1000000;
	char *result = must_calloc(size + 1, 1), id[ID_TEXT_SIZE];

	memset(result, '1', size);
	ask_many(100, 41, ASKS);
	lab_call(ask_lab, "sq_claim", "B", "1", "10000000");
	lua_lab_id(id, 100);
	expect("k", "sq_finish", "B", id, "s", "1", result);
	expect_value("4", "HGET", LAB_TAG ":st", "n:s"); /* itself, and 3 times 1 MB > 2 MiB */
	lab_call(ask_lab, "sq_claim", "C", "8", "10000000");
	expect_value("1", "HGET", LAB_TAG ":st", "run");
	lua_lab_id(id, 104);
	expect("k", "sq_finish", "C", id, "s", "1", "1");
	expect_value("0", "HGET", LAB_TAG ":st", "live");
	ck_assert_uint_eq(ask_many(200, 40, ASKS), 0); /* 2 hits; those for whom there is no room compute */
	ask_holds();
	expect_value("38", "HGET", LAB_TAG ":st", "live");
	ck_assert_uint_eq(ask_many(240, 1, ASKS), 0); /* the owner is still the one that has the result */
	expect_value("38", "HGET", LAB_TAG ":st", "live");
	free(result);
}
END_TEST

START_TEST(test_questions_are_bounded)
{
	lab_do(ask_lab, "EVAL", "for i = 1, 99999 do redis.call('HSET', KEYS[1], i, 'x') end", "1", LAB_TAG ":cache");
	ck_assert_uint_eq(ask_many(100, 1, "|||q1|1"), 0);
	expect_value("100000", "HLEN", LAB_TAG ":cache");
	ck_assert_uint_eq(ask_many(101, 1, "|||q2|1"), 0);
	expect_value("99999", "HLEN", LAB_TAG ":cache");
}
END_TEST

/* ---- faults ---- */

static const struct {
	const char *words[5];
} foreign[] = {
	{ { "SET", LAB_TAG ":cache", "foreign" } },
	{ { "HSET", LAB_TAG ":cache", "q", "no id" } },
	{ { "HSET", LAB_TAG ":cache", "q", "0190a8d1-7c00-7000-8000-000000000007" } },
	{ { "SET", LAB_TAG ":j:0190a8d1-7c00-7000-8000-000000000007",
	    "J1 but nothing else that would be a record, "
	    "although it is long enough to have been one" } },
	{ { "RPUSH", LAB_TAG ":j:0190a8d1-7c00-7000-8000-000000000007", "a list" } },
};

/* Whatever stands where an owner is looked for, the job is accepted and computes. */
START_TEST(test_foreign_data_answers_nothing)
{
	if (_i > 2)
		lab_do(ask_lab, "HSET", LAB_TAG ":cache", "q", ask_ids[7]);
	lua_lab_command(ask_lab, foreign[_i].words);
	ck_assert_str_eq(ask_question(0, "", 0), "[now]");
	ck_assert_str_eq(ask_brief(lab_call(ask_lab, "sq_claim", "B", "1", "10000000")), "[now 0 0 0 #0 J1:r:0:B]");
}
END_TEST

/* A record that was put aside looks alive, and nobody will ever end it. */
START_TEST(test_nobody_follows_what_was_put_aside)
{
	ask_question(0, "", 0);
	lab_do(ask_lab, "APPEND", LAB_TAG ":j:0190a8d1-7c00-7000-8000-000000000000", "x");
	ask_tick();
	expect("[now 0 0 0]", "sq_claim", "B", "1", "10000000");
	ck_assert_str_eq(ask_question(1, "", 0), "[now]");
	claim("C", " #1 J1:r:0:C");
}
END_TEST

START_TEST(test_damaged_followers_are_put_aside)
{
	for (unsigned i = 0; i < 4; i++)
		ask_question(i, "", 0);
	lab_do(ask_lab, "SET", LAB_TAG ":j:0190a8d1-7c00-7000-8000-000000000001", "nonsense");
	lab_do(ask_lab, "DEL", LAB_TAG ":j:0190a8d1-7c00-7000-8000-000000000002");
	lab_call(ask_lab, "sq_claim", "B", "1", "10000000");
	finish("B", 0, "s", "1");
	expect_value("[0190a8d1-7c00-7000-8000-000000000001]", "LRANGE", LAB_TAG ":bad", "0", "-1");
	ck_assert_int_eq(ask_read_job(3).state, JOB_SUCCEEDED);
	expect_value("0", "HGET", LAB_TAG ":st", "live");
}
END_TEST

static void add_core(TCase *tc)
{
	tcase_add_test(tc, test_enqueue_is_answered_by_a_result);
	tcase_add_test(tc, test_enqueue_follows_who_computes);
	tcase_add_loop_test(tc, test_first_follower_leads_when_there_is_no_result, 0, sizeof ends / sizeof *ends);
	tcase_add_test(tc, test_followers_of_a_failure_compute_at_once);
	tcase_add_test(tc, test_followers_wait_through_attempts);
	tcase_add_test(tc, test_follower_may_leave);
	tcase_add_test(tc, test_delayed_jobs_share_nothing);
	tcase_add_test(tc, test_key_and_question_go_together);
}

static void add_limits(TCase *tc)
{
	tcase_add_test(tc, test_full_queue_still_gives_results);
	tcase_add_test(tc, test_followers_are_bounded);
	tcase_add_test(tc, test_large_results_are_copied_within_bounds);
	tcase_add_test(tc, test_questions_are_bounded);
}

static void add_faults(TCase *tc)
{
	tcase_add_loop_test(tc, test_foreign_data_answers_nothing, 0, sizeof foreign / sizeof *foreign);
	tcase_add_test(tc, test_nobody_follows_what_was_put_aside);
	tcase_add_test(tc, test_damaged_followers_are_put_aside);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*add)(TCase *tc);
	} cases[] = { { "core", add_core }, { "limits", add_limits }, { "faults", add_faults } };
	Suite *suite = suite_create("reuse");

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
