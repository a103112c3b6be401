/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each function of a queue answers, the first time and when it is asked again. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua_ask.h"
#include "lua_check.h"
#include "queue.h"
#include "suite_run.h"

/* ---- enqueue ---- */

START_TEST(test_version_is_a_positive_number)
{
	ck_assert_int_gt(rreply_int(lab_call(ask_lab, "sq_version")), 0);
}
END_TEST

START_TEST(test_enqueue_again_answers_the_same)
{
	ask_enqueue(0);
	ask_later(1000);
	ck_assert_str_eq(ask_enqueue_job(0, &ask_plain, "", "100"), "[now A1700000000000000]");
	expect("[now 0 0 0 #0 J1:r:0:B]", "sq_claim", "B", "8", "10000000");
	ck_assert_str_eq(ask_enqueue_job(0, &ask_plain, "", "100"), "[now A1700000000000000]");
	expect_value("[live 1 run 1]", "HGETALL", LAB_TAG ":st");
	ask_holds();
}
END_TEST

START_TEST(test_enqueue_by_key_gives_the_first_job)
{
	ck_assert_str_eq(ask_enqueue_job(0, &ask_plain, "|aa|f1", "100"), "[now]");
	ask_later(5);
	ck_assert_str_eq(ask_enqueue_job(1, &ask_plain, "|aa|f1", "100"), "[now R#0]");
	ck_assert_str_eq(ask_enqueue_job(2, &ask_plain, "|aa|f2", "100"), "[now C]");
	ck_assert_str_eq(ask_enqueue_job(0, &ask_plain, "|aa|f1", "100"), "[now A1700000000000000]");
	expect_value("[live 1]", "HGETALL", LAB_TAG ":st");
	lab_do(ask_lab, "DEL", LAB_TAG ":w:normal", LAB_TAG ":j:0190a8d1-7c00-7000-8000-000000000000");
	ck_assert_str_eq(ask_enqueue_job(3, &ask_plain, "|aa|f1", "100"), "[now R#0]");
	ck_assert_str_eq(ask_enqueue_job(0, &ask_plain, "|aa|f1", "100"), "[now A1700000000000000]");
}
END_TEST

START_TEST(test_enqueue_refuses_what_does_not_fit)
{
	struct lua_call *c = lua_call_new("sq_enqueue", LAB_TAG);
	struct buf record = BUF_INIT;

	ask_enqueue(0);
	ask_later(1);
	lua_lab_record(&record, &ask_plain);
	lua_call_str(c, "2");
	for (int i = 0; i < 4; i++) { /* job 0 is there already; then one fits */
		lua_call_str(c, ask_ids[i]);
		lua_call_str(c, i == 2 ? "|k|p" : "");
		lua_call_arg(c, record.data, record.len);
	}
	ck_assert_str_eq(ask_brief(lua_lab_call(ask_lab, c)), "[now A1700000000000000 Anow F F]");
	expect_value("0", "EXISTS", LAB_TAG ":i:k"); /* a refused submission spends no key */
	ask_holds();
	lua_call_free(c);
	buf_fini(&record);
}
END_TEST

START_TEST(test_enqueue_delays_and_expires)
{
	struct job wish = ask_plain;

	wish.delay_us = 2000000;
	wish.expires_in_us = 500000;
	ck_assert_str_eq(ask_enqueue_job(0, &wish, "", "100"), "[now]");
	ck_assert_str_eq(ask_enqueue_job(1, &ask_plain, "1700000005000000||", "100"), "[now]");
	ck_assert_str_eq(ask_enqueue_job(2, &ask_plain, "5||", "100"), "[now]"); /* long past: now */
	ck_assert_int_eq(ask_read_job(0).state, JOB_DELAYED);
	ck_assert_uint_eq(ask_read_job(0).expires_at, LAB_START_US + 2500000);
	ck_assert_uint_eq(ask_read_job(1).run_at, LAB_START_US + 5000000);
	expect("[now 1700000002000000 0 0 #2 J1:r:0:B]", "sq_claim", "B", "8", "10000000");
	ask_later(2000000);
	expect("[now 1700000005000000 0 0 #0 J1:r:0:C]", "sq_claim", "C", "8", "10000000");
	expect("k", "sq_release", "C", ask_ids[0]);
	ask_later(600000);
	expect("[now 1700000005000000 0 0]", "sq_claim", "D", "8", "10000000");
	ck_assert_int_eq(ask_read_job(0).state, JOB_EXPIRED);
}
END_TEST

/* ---- claim, start, finish, fail ---- */

START_TEST(test_claim_takes_by_priority_and_age)
{
	struct job wish = ask_plain;

	for (unsigned i = 0; i < 6; i++) {
		wish.priority = "lnhlnh"[i] == 'l' ? JOB_LOW : "lnhlnh"[i] == 'n' ? JOB_NORMAL : JOB_HIGH;
		ask_enqueue_job(i, &wish, "", "100");
	}
	expect("[now 0 1 0 #2 J1:r:0:B #5 J1:r:0:B #1 J1:r:0:B]", "sq_claim", "B", "3", "10000000");
	expect("[now 0 1 0 #2 J1:r:0:B #5 J1:r:0:B #1 J1:r:0:B]", "sq_claim", "B", "3", "10000000");
	expect("kk", "sq_finish", "B", ask_ids[2], "s", "1", "4", ask_ids[1], "f", "1", "{}");
	expect("[now 0 1 0 #5 J1:r:0:B]", "sq_claim", "B", "3", "10000000");
	expect("[now 0 0 0 #4 J1:r:0:C #0 J1:r:0:C #3 J1:r:0:C]", "sq_claim", "C", "64", "10000000");
}
END_TEST

START_TEST(test_finish_stores_once)
{
	struct job wish = ask_plain;

	wish.reply = (struct span){ "R0,R1", 5 };
	ask_enqueue_job(0, &wish, "", "100");
	expect("[now 0 0 0 #0 J1:r:0:B]", "sq_claim", "B", "1", "10000000");
	expect("[now s]", "sq_start", "B", "0", ask_ids[0]);
	expect("[now s]", "sq_start", "B", "0", ask_ids[0]);
	ask_later(5000);
	expect("km-", "sq_finish", "B", ask_ids[0], "s", "3000", "49", ask_ids[0], "f", "3000", "50", ask_ids[1], "s",
	       "1", "1");
	expect("m", "sq_finish", "B", ask_ids[0], "s", "3000", "51");
	expect("-", "sq_finish", "C", ask_ids[0], "s", "3000", "52");
	struct job job = ask_read_job(0);
	ck_assert_int_eq(job.state, JOB_SUCCEEDED);
	ck_assert(job.outcome.n == 2 && memcmp(job.outcome.p, "49", 2) == 0);
	ck_assert_uint_eq(job.attempt, 1);
	ck_assert_uint_eq(job.started_at, ask_lab->now_us - 3000);
	ck_assert_uint_eq(job.finished_at, ask_lab->now_us);
	expect_value("[live 0 run 0 us 3000 n:s 1]", "HGETALL", LAB_TAG ":st");
	expect_value("1", "LLEN", LAB_TAG ":r:R0");
	expect_value("1", "LLEN", LAB_TAG ":r:R1");
	size_t n;
	const char *entry = rreply_str(rreply_at(lab_do(ask_lab, "LRANGE", LAB_TAG ":r:R1", "0", "0"), 0), &n);
	ck_assert(n > ID_TEXT_LEN && memcmp(entry, ask_ids[0], ID_TEXT_LEN) == 0);
	ck_assert_int_eq(job_record_decode(entry + ID_TEXT_LEN, n - ID_TEXT_LEN, &job), 0);
	ck_assert_int_eq(job.state, JOB_SUCCEEDED);
}
END_TEST

START_TEST(test_start_shows_once_and_keeps_a_cancel)
{
	ask_enqueue(0);
	lab_call(ask_lab, "sq_claim", "B", "1", "10000000");
	ask_later(100);
	expect("[now s]", "sq_start", "B", "1", ask_ids[0]);
	ask_later(100);
	expect("[now s]", "sq_start", "B", "1", ask_ids[0]);
	ck_assert_uint_eq(ask_read_job(0).started_at, LAB_START_US + 100);
	expect("[a J1:r:0:B]", "sq_cancel", ask_ids[0]);
	expect("[now c]", "sq_start", "B", "1", ask_ids[0]);
	expect("[a J1:r:0:B]", "sq_cancel", ask_ids[0]);
	expect("k", "sq_finish", "B", ask_ids[0], "c", "7", "{\"type\":\"cancelled\"}");
	expect("[d J1:c:1:B]", "sq_cancel", ask_ids[0]);
}
END_TEST

START_TEST(test_fail_waits_longer_each_time_then_dies)
{
	uint64_t base = 250000;

	ask_enqueue(0);
	for (unsigned attempt = 1; attempt <= 2; attempt++, base *= 2) {
		char batch[8];
		snprintf(batch, sizeof batch, "B%u", attempt);
		lab_call(ask_lab, "sq_claim", batch, "1", "10000000");
		lab_call(ask_lab, "sq_start", batch, "0", ask_ids[0]);
		expect("d", "sq_fail", batch, ask_ids[0], "r", "9", "{}");
		expect("d", "sq_fail", batch, ask_ids[0], "r", "9", "{}");
		struct job job = ask_read_job(0);
		ck_assert_uint_eq(job.attempt, attempt);
		ck_assert_uint_ge(job.run_at, ask_lab->now_us + base / 2);
		ck_assert_uint_le(job.run_at, ask_lab->now_us + base * 3 / 2);
		lua_lab_clock(ask_lab, job.run_at);
	}
	lab_call(ask_lab, "sq_claim", "B3", "1", "10000000");
	lab_call(ask_lab, "sq_start", "B3", "0", ask_ids[0]);
	expect("-", "sq_fail", "B2", ask_ids[0], "r", "9", "{}");
	expect("x", "sq_fail", "B3", ask_ids[0], "r", "9", "{\"type\":\"worker-lost\"}");
	expect("m", "sq_fail", "B3", ask_ids[0], "r", "9", "{}");
	struct job job = ask_read_job(0);
	ck_assert_int_eq(job.state, JOB_DEAD);
	ck_assert_uint_eq(job.attempt, 3);
	expect_value("[0190a8d1-7c00-7000-8000-000000000000]", "ZRANGE", LAB_TAG ":dead", "0", "-1");
	expect_value("1", "EXPIRE", LAB_TAG ":j:0190a8d1-7c00-7000-8000-000000000000", "604801", "GT");
}
END_TEST

START_TEST(test_release_gives_back_in_order)
{
	for (unsigned i = 0; i < 4; i++)
		ask_enqueue(i);
	lab_call(ask_lab, "sq_claim", "B", "3", "10000000");
	lab_call(ask_lab, "sq_start", "B", "1", ask_ids[1]);
	expect("kkk-", "sq_release", "B", ask_ids[0], ask_ids[1], ask_ids[2], ask_ids[3]);
	expect("---", "sq_release", "B", ask_ids[0], ask_ids[1], ask_ids[2]);
	expect("[now 0 0 0 #0 J1:r:0:C #1 J1:r:0:C #2 J1:r:0:C #3 J1:r:0:C]", "sq_claim", "C", "8", "10000000");
	ck_assert_uint_eq(ask_read_job(1).started_at, 0);
}
END_TEST

START_TEST(test_extend_tells_what_became_of_batches)
{
	ask_enqueue(0);
	ask_enqueue(1);
	lab_call(ask_lab, "sq_claim", "A", "1", "10000000");
	lab_call(ask_lab, "sq_claim", "B", "1", "10000000");
	expect("[a J1:r:0:B]", "sq_cancel", ask_ids[1]);
	ask_later(9000000);
	expect("[ok cancel #1 lost]", "sq_extend", "10000000", "A", "B", "C");
	expect_value("1700000019000000", "ZSCORE", LAB_TAG ":lease", "A");
	lab_do(ask_lab, "SET", LAB_TAG ":b:C", "foreign");
	ck_assert_str_eq(ask_brief(lab_call(ask_lab, "sq_extend", "10000000", "C", "A")), "[lost ok]");
}
END_TEST

/* ---- reap ---- */

START_TEST(test_reap_takes_lost_batches_apart)
{
	for (unsigned i = 0; i < 4; i++)
		ask_enqueue(i);
	ask_tick();
	lab_call(ask_lab, "sq_claim", "W.1.1", "3", "10000000");
	lab_call(ask_lab, "sq_start", "W.1.1", "1", ask_ids[1], ask_ids[2]);
	lab_call(ask_lab, "sq_cancel", ask_ids[2]);
	ask_live_through(9);
	ck_assert_int_eq(ask_read_job(0).state, JOB_RUNNING);
	ask_later(1000000);
	expect("[now 1700000010251000 1 1 0 1 0 0 0 0 0 0 2]", "sq_reap", "10000000", "", "", "64");
	ck_assert_int_eq(ask_read_job(2).state, JOB_CANCELLED);
	expect("[now 1700000010251000 0 0 0 0 0 0 0 0 0 0 2]", "sq_reap", "10000000", "", "", "64");
	expect("-m-", "sq_finish", "W.1.1", ask_ids[0], "s", "1", "1", ask_ids[2], "s", "1", "1", ask_ids[1], "s", "1",
	       "1");
}
END_TEST

START_TEST(test_reap_after_a_gap_begins_leases_anew)
{
	static const int64_t steps[] = { 3600, 15,
					 -3600 }; /* the clock ahead; a while without reaper; the clock back */

	ask_running("W.1.1");
	ask_tick();
	ask_later((uint64_t)steps[_i] * 1000000);
	expect("[now 0 0 0 0 0 0 0 1 0 1 0 0]", "sq_reap", "10000000", "", "", "64");
	ck_assert_int_eq(ask_read_job(0).state, JOB_RUNNING);
	ask_live_through(9);
	ck_assert_int_eq(ask_read_job(0).state, JOB_RUNNING);
	ask_live_through(2);
	ck_assert_int_ne(ask_read_job(0).state, JOB_RUNNING);
	ck_assert_uint_eq(ask_read_job(0).attempt, 1);
	ask_holds();
}
END_TEST

/* Whoever comes first after an absence finds leases that have not quite run out; their owners may come later. */
START_TEST(test_reap_after_a_gap_waits_for_owners_that_come_later)
{
	ask_running("W.1.1");
	ask_tick();
	ask_later(9000000);
	expect("[now 0 0 0 0 0 0 0 1 0 1 0 0]", "sq_reap", "10000000", "", "", "64");
	ask_live_through(9);
	ck_assert_int_eq(ask_read_job(0).state, JOB_RUNNING);
	expect("[ok]", "sq_extend", "10000000", "W.1.1");
	ask_holds();
}
END_TEST

/* Nobody reaps a quiet shard often. */
START_TEST(test_reap_after_a_quiet_time_is_no_gap)
{
	ask_tick();
	ask_later(32000000);
	ask_running("W.1.1");
	ask_later(1000000);
	expect("[now 0 0 0 0 0 0 0 0 0 1 0 0]", "sq_reap", "10000000", "", "", "64");
	ask_live_through(10);
	ck_assert_int_ne(ask_read_job(0).state, JOB_RUNNING);
	ask_holds();
}
END_TEST

/* The second claim hides no absence from the lease of the first. */
START_TEST(test_claim_after_a_gap_keeps_it)
{
	ask_running("W.1.1");
	ask_tick();
	ask_later(15000000);
	ask_enqueue(1);
	lab_call(ask_lab, "sq_claim", "W.1.2", "1", "10000000");
	expect("[now 0 0 0 0 0 0 0 1 0 2 0 0]", "sq_reap", "10000000", "", "", "64");
	ck_assert_int_eq(ask_read_job(0).state, JOB_RUNNING);
}
END_TEST

START_TEST(test_reap_without_a_last_tick_begins_leases_anew)
{
	ask_running("W.1.1");
	ask_later(11000000);
	expect("[now 0 0 0 0 0 0 0 1 0 1 0 0]", "sq_reap", "10000000", "", "", "64");
}
END_TEST

START_TEST(test_reap_knows_dead_boots_by_name)
{
	static const char *const batches[] = { "W1.a.1", "W1.b.1", "W10.a.1", "W1.a.x.1" };

	for (unsigned i = 0; i < 4; i++) {
		ask_enqueue(i);
		lab_call(ask_lab, "sq_claim", batches[i], "1", "10000000");
	}
	expect("[now 0 1 0 0 0 0 0 0 0 3 0 1]", "sq_reap", "10000000", "W1", "b", "64");
	ck_assert_int_eq(ask_read_job(0).state, JOB_QUEUED);
}
END_TEST

/* ---- cancel, watch, pause ---- */

START_TEST(test_cancel_of_each_state)
{
	struct job wish = ask_plain;

	expect("[0]", "sq_cancel", ask_ids[0]);
	ask_enqueue(0);
	expect("[c J1:c:0:]", "sq_cancel", ask_ids[0]);
	expect("[d J1:c:0:]", "sq_cancel", ask_ids[0]);
	wish.delay_us = 1000;
	ask_enqueue_job(1, &wish, "", "100");
	expect("[c J1:c:0:]", "sq_cancel", ask_ids[1]);
	expect_value("[live 0 n:c 2]", "HGETALL", LAB_TAG ":st");
	expect("[now 0 0 0]", "sq_claim", "B", "1", "10000000");
}
END_TEST

/* The worker that has the job finds a hint in a list of its own, with the batch, so that it can tell whether it still
 * means this attempt. */
START_TEST(test_cancel_leaves_a_hint)
{
	ask_running("W.with.dots.1");
	expect_value("0", "EXISTS", LAB_TAG ":k:W.with.dots");
	expect("[a J1:r:0:W.with.dots.1]", "sq_cancel", ask_ids[0]);
	expect_value("[W.with.dots.1 0190a8d1-7c00-7000-8000-000000000000]", "LRANGE", LAB_TAG ":k:W.with.dots", "0",
		     "-1");
	lab_do(ask_lab, "DEL", LAB_TAG ":k:W.with.dots");
	lab_do(ask_lab, "SET", LAB_TAG ":k:W.with.dots", "foreign"); /* cannot stop it */
	ck_assert_str_eq(ask_brief(lab_call(ask_lab, "sq_cancel", ask_ids[0])), "[a J1:r:0:W.with.dots.1]");
	lab_do(ask_lab, "DEL", LAB_TAG ":k:W.with.dots");
	expect("k", "sq_finish", "W.with.dots.1", ask_ids[0], "c", "1", "{}");
}
END_TEST

static void expect_progress(const char *json)
{
	struct job job = ask_read_job(0);

	ck_assert_msg(job.outcome.n == strlen(json) && memcmp(job.outcome.p, json, job.outcome.n) == 0,
		      "expected progress %s, came %.*s", json, (int)job.outcome.n, job.outcome.p);
}

/* Progress is there while an attempt runs, and is the attempt's. */
START_TEST(test_progress_goes_with_its_attempt)
{
	ask_running("A.1.1");
	expect("k", "sq_progress", "A.1.1", ask_ids[0], "{\"ratio\":0.25}");
	expect("k-", "sq_progress", "A.1.1", ask_ids[0], "{\"ratio\":0.5}", ask_ids[1], "{}");
	expect_progress("{\"ratio\":0.5}");
	expect("-", "sq_progress", "B.1.1", ask_ids[0], "{\"ratio\":0.75}");
	expect_progress("{\"ratio\":0.5}");
	expect("k", "sq_release", "A.1.1", ask_ids[0]);
	expect_progress("");
	expect("-", "sq_progress", "A.1.1", ask_ids[0], "{}");
	lab_call(ask_lab, "sq_claim", "A.1.2", "1", "10000000");
	lab_call(ask_lab, "sq_start", "A.1.2", "1", ask_ids[0]);
	expect("k", "sq_progress", "A.1.2", ask_ids[0], "{\"ratio\":0.1}");
	expect("d", "sq_fail", "A.1.2", ask_ids[0], "r", "1", "{}");
	expect_progress("");
	lua_lab_clock(ask_lab, ask_read_job(0).run_at);
	lab_call(ask_lab, "sq_claim", "A.1.3", "1", "10000000");
	lab_call(ask_lab, "sq_start", "A.1.3", "1", ask_ids[0]);
	expect("k", "sq_progress", "A.1.3", ask_ids[0], "{\"ratio\":0.9}");
	expect("k", "sq_finish", "A.1.3", ask_ids[0], "s", "1", "144");
	expect_progress("144");
	expect("-", "sq_progress", "A.1.3", ask_ids[0], "{}");
	expect_progress("144");
}
END_TEST

/* A job that took its process with it may do so once more, and not as often as it has attempts. */
START_TEST(test_fail_lets_a_job_crash_twice)
{
	static const char *const kinds[][4] = { { "w", "w", NULL }, { "w", "r", "w", NULL }, { "r", "w", "w", NULL } };
	struct job wish = ask_plain;

	wish.max_attempts = 9;
	ask_enqueue_job(0, &wish, "", "100");
	for (size_t i = 0; kinds[_i][i]; i++) {
		char batch[16];
		snprintf(batch, sizeof batch, "B.1.%zu", i);
		lua_lab_clock(ask_lab,
			      ask_lab->now_us > ask_read_job(0).run_at ? ask_lab->now_us : ask_read_job(0).run_at);
		lab_call(ask_lab, "sq_claim", batch, "1", "10000000");
		lab_call(ask_lab, "sq_start", batch, "0", ask_ids[0]);
		expect(kinds[_i][i + 1] ? "d" : "x", "sq_fail", batch, ask_ids[0], kinds[_i][i], "9", "{}");
		ck_assert_uint_eq(ask_read_job(0).attempt, i + 1);
	}
	ck_assert_int_eq(ask_read_job(0).state, JOB_DEAD);
}
END_TEST

START_TEST(test_watch_adds_a_receiver_once)
{
	char names[300];

	expect("nil", "sq_watch", ask_ids[0], "R1");
	ask_enqueue(0);
	expect("J1:q:0:", "sq_watch", ask_ids[0], "R1");
	expect("J1:q:0:", "sq_watch", ask_ids[0], "R11");
	expect("J1:q:0:", "sq_watch", ask_ids[0], "R1");
	ck_assert_int_eq(ask_read_job(0).reply.n, 6);
	memset(names, 'x', sizeof names);
	names[243] = '\0'; /* 6 + 1 + 243 = 250 */
	expect("J1:q:0:", "sq_watch", ask_ids[0], names);
	expect("J1:q:0:", "sq_watch", ask_ids[0], "y");
	ck_assert_int_eq(ask_read_job(0).reply.n, 250);
	lab_call(ask_lab, "sq_cancel", ask_ids[0]);
	expect_value("1", "LLEN", LAB_TAG ":r:R11");
	expect("J1:c:0:", "sq_watch", ask_ids[0], "z");
	ask_holds();
}
END_TEST

START_TEST(test_pause_accepts_and_gives_nothing)
{
	expect("1", "sq_pause", "1");
	expect("1", "sq_pause", "1");
	ask_enqueue(0);
	lab_do(ask_lab, "DEL", LAB_TAG ":mk");
	expect("[now 0 0 1]", "sq_claim", "B", "1", "10000000");
	expect("0", "sq_pause", "0");
	expect_value("1", "LLEN", LAB_TAG ":mk");
	expect("[now 0 0 0 #0 J1:r:0:B]", "sq_claim", "B", "1", "10000000");
}
END_TEST

/* A claim that starts its jobs: their attempt counts when they end, not when they are given back or their worker dies.
 */
START_TEST(test_claim_may_start)
{
	for (unsigned i = 0; i < 3; i++)
		ask_enqueue(i);
	lab_call(ask_lab, "sq_claim", "W.1.1", "3", "10000000", "1");
	ask_holds();
	expect("k", "sq_finish", "W.1.1", ask_ids[0], "s", "5", "144");
	ck_assert_uint_eq(ask_read_job(0).attempt, 1);
	expect("k", "sq_release", "W.1.1", ask_ids[1]);
	ck_assert_uint_eq(ask_read_job(1).attempt, 0);
	lab_call(ask_lab, "sq_reap", "10000000", "W", "2", "64"); /* its process is gone */
	ask_holds();
	ck_assert_uint_eq(ask_read_job(2).attempt, 0);
	ck_assert_int_eq(ask_read_job(2).state, JOB_QUEUED);
	ck_assert_uint_eq(ask_read_job(2).flags, JOB_FLAG_SUSPECT);
}
END_TEST

/* Job 0 waits, as one that was presumed to run when its worker died; job 1 is new. */
static void make_suspect(void)
{
	ask_enqueue(0);
	lab_call(ask_lab, "sq_claim", "W.1.1", "3", "10000000", "2");
	ck_assert_str_eq(ask_brief(lab_do(ask_lab, "HGETALL", LAB_TAG ":b:W.1.1")), "[#0 p]");
	lab_call(ask_lab, "sq_reap", "10000000", "W", "2", "64");
	ask_holds();
	ask_enqueue(1);
}

/* What is presumed of a batch is nobody's fault; a suspect is charged for a start of its own, and for nothing else. */
START_TEST(test_suspects_are_charged_exactly)
{
	make_suspect();
	lab_call(ask_lab, "sq_claim", "W.2.1", "3", "10000000", "2");
	ck_assert_str_eq(ask_brief(lab_do(ask_lab, "HGETALL", LAB_TAG ":b:W.2.1")), "[#0 c #1 p]");
	lab_call(ask_lab, "sq_reap", "10000000", "W", "3", "64"); /* before it was started */
	ask_holds();
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_uint_eq(ask_read_job(i).attempt, 0);
		ck_assert_uint_eq(ask_read_job(i).flags, JOB_FLAG_SUSPECT);
	}
	lab_call(ask_lab, "sq_claim", "W.3.1", "3", "10000000", "2");
	expect("[now s]", "sq_start", "W.3.1", "1", ask_ids[0]);
	ck_assert_str_eq(ask_brief(lab_do(ask_lab, "HGETALL", LAB_TAG ":b:W.3.1")), "[#0 s #1 c]");
	lab_call(ask_lab, "sq_reap", "10000000", "W", "4", "64");
	ask_holds();
	ck_assert_uint_eq(ask_read_job(0).attempt, 1);
	ck_assert_int_eq(ask_read_job(0).state, JOB_DELAYED);
	ck_assert_uint_eq(ask_read_job(0).flags, JOB_FLAG_SUSPECT); /* and so is its next start */
	ck_assert_uint_eq(ask_read_job(1).attempt, 0);
	ck_assert_int_eq(ask_read_job(1).state, JOB_QUEUED);
}
END_TEST

/* A worker that knows of no suspects (start 1, or a start of many) charges them, so that a poison job dies. */
START_TEST(test_suspects_die_of_workers_that_know_none)
{
	struct job once = ask_plain;

	once.max_attempts = 1;
	ask_enqueue_job(0, &once, "", "100");
	for (int i = 0; i < 2; i++) {
		char batch[16], boot[8];
		snprintf(batch, sizeof batch, "W.%d.1", i);
		snprintf(boot, sizeof boot, "%d", i + 1);
		ck_assert_int_eq(ask_read_job(0).state, JOB_QUEUED);
		lab_call(ask_lab, "sq_claim", batch, "3", "10000000", _i ? "1" : "0");
		if (_i == 0)
			expect("[now s]", "sq_start", batch, "0", ask_ids[0]);
		ck_assert_str_eq(ask_brief(lab_do(ask_lab, "HGETALL", i ? LAB_TAG ":b:W.1.1" : LAB_TAG ":b:W.0.1")),
				 "[#0 p]");
		lab_call(ask_lab, "sq_reap", "10000000", "W", boot, "64");
		ask_holds();
	}
	ck_assert_int_eq(ask_read_job(0).state, JOB_DEAD);
	ck_assert_uint_eq(ask_read_job(0).attempt, 1);
	ck_assert_uint_eq(ask_read_job(0).flags, 0);
}
END_TEST

/* An attempt that its worker lives to tell of clears the job; its end does; a cancel of one that may not have run
 * charges nothing. */
START_TEST(test_suspects_are_cleared)
{
	make_suspect();
	lab_call(ask_lab, "sq_claim", "W.2.1", "3", "10000000", "2");
	lab_call(ask_lab, "sq_start", "W.2.1", "1", ask_ids[0]);
	expect("d", "sq_fail", "W.2.1", ask_ids[0], "r", "5", "{}");
	ck_assert_uint_eq(ask_read_job(0).flags, 0);
	lab_call(ask_lab, "sq_cancel", ask_ids[1]);
	lab_call(ask_lab, "sq_reap", "10000000", "W", "3", "64");
	ask_holds();
	ck_assert_int_eq(ask_read_job(1).state, JOB_CANCELLED);
	ck_assert_uint_eq(ask_read_job(1).attempt, 0);
}
END_TEST

static void add_core(TCase *tc)
{
	tcase_add_test(tc, test_claim_may_start);
	tcase_add_test(tc, test_suspects_are_charged_exactly);
	tcase_add_loop_test(tc, test_suspects_die_of_workers_that_know_none, 0, 2);
	tcase_add_test(tc, test_suspects_are_cleared);
	tcase_add_test(tc, test_version_is_a_positive_number);
	tcase_add_test(tc, test_enqueue_again_answers_the_same);
	tcase_add_test(tc, test_enqueue_by_key_gives_the_first_job);
	tcase_add_test(tc, test_enqueue_refuses_what_does_not_fit);
	tcase_add_test(tc, test_enqueue_delays_and_expires);
	tcase_add_test(tc, test_claim_takes_by_priority_and_age);
	tcase_add_test(tc, test_finish_stores_once);
	tcase_add_test(tc, test_start_shows_once_and_keeps_a_cancel);
	tcase_add_test(tc, test_fail_waits_longer_each_time_then_dies);
	tcase_add_test(tc, test_release_gives_back_in_order);
	tcase_add_test(tc, test_extend_tells_what_became_of_batches);
	tcase_add_test(tc, test_reap_takes_lost_batches_apart);
	tcase_add_loop_test(tc, test_reap_after_a_gap_begins_leases_anew, 0, 3);
	tcase_add_test(tc, test_reap_after_a_gap_waits_for_owners_that_come_later);
	tcase_add_test(tc, test_reap_after_a_quiet_time_is_no_gap);
	tcase_add_test(tc, test_claim_after_a_gap_keeps_it);
	tcase_add_test(tc, test_reap_without_a_last_tick_begins_leases_anew);
	tcase_add_test(tc, test_reap_knows_dead_boots_by_name);
	tcase_add_test(tc, test_cancel_of_each_state);
	tcase_add_test(tc, test_cancel_leaves_a_hint);
	tcase_add_test(tc, test_progress_goes_with_its_attempt);
	tcase_add_loop_test(tc, test_fail_lets_a_job_crash_twice, 0, 3);
	tcase_add_test(tc, test_watch_adds_a_receiver_once);
	tcase_add_test(tc, test_pause_accepts_and_gives_nothing);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*add)(TCase *tc);
	} cases[] = { { "core", add_core } };
	Suite *suite = suite_create("functions");

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
