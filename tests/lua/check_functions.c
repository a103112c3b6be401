/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each function answers, the first time and when it is asked again; limits; faults. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua_check.h"
#include "lua_lab.h"
#include "queue.h"

static struct lua_lab *lab;
static char ids[8][ID_TEXT_SIZE];

static void start_lab(void)
{
	lab = lua_lab_new(true, NULL);
	for (unsigned i = 0; i < 8; i++)
		lua_lab_id(ids[i], i);
}

static void stop_lab(void)
{
	lua_lab_free(lab);
}

static void clean(void)
{
	lab_do(lab, "CONFIG", "SET", "maxmemory", "0");
	lua_lab_reset(lab);
}

/* ---- asking ---- */

static const char *as_text(const struct rreply *r)
{
	static struct buf text;

	buf_clear(&text);
	lua_reply_print(&text, r);
	return buf_cstr(&text);
}

/* The reply with the time taken out of its beginning, and ids shortened to #number. */
static const char *brief(const struct rreply *r)
{
	static struct buf out;
	const char *s = as_text(r);
	char now[24];

	buf_clear(&out);
	snprintf(now, sizeof now, "%llu", (unsigned long long)lab->now_us);
	while (*s) {
		if (strncmp(s, now, strlen(now)) == 0) {
			buf_puts(&out, "now");
			s += strlen(now);
		} else if (strncmp(s, "0190a8d1-7c00-7000-8000-", 24) == 0) {
			buf_printf(&out, "#%x", lua_lab_number(s));
			s += ID_TEXT_LEN;
		} else {
			buf_byte(&out, *s++);
		}
	}
	return buf_cstr(&out);
}

static void holds(void)
{
	const char *why = lua_check_invariants(lab->link, LAB_TAG);

	ck_assert_msg(!why, "%s", why);
}

/* Calls a function on the lab's tag; compares the brief reply; checks the invariants. */
#define expect(answer, ...)                                                  \
	do {                                                                 \
		ck_assert_str_eq(brief(lab_call(lab, __VA_ARGS__)), answer); \
		holds();                                                     \
	} while (0)
#define expect_value(answer, ...) ck_assert_str_eq(as_text(lab_do(lab, __VA_ARGS__)), answer)

static const struct job plain = { .priority = JOB_NORMAL, .max_attempts = 3, .result_ttl_s = 3600 };

/* One job, by the answer it gets. */
static const char *enqueue_job(unsigned number, const struct job *job, const char *opts, const char *live_max)
{
	struct lua_call *c = lua_call_new("sq_enqueue", LAB_TAG);
	struct buf record = BUF_INIT;

	lua_lab_record(&record, job);
	lua_call_str(c, live_max);
	lua_call_str(c, ids[number]);
	lua_call_str(c, opts);
	lua_call_arg(c, record.data, record.len);
	const char *answer = brief(lua_lab_call(lab, c));
	lua_call_free(c);
	buf_fini(&record);
	return answer;
}

static void enqueue(unsigned number)
{
	ck_assert_str_eq(enqueue_job(number, &plain, "", "100"), "[now]");
}

static void later(uint64_t us)
{
	lua_lab_clock(lab, lab->now_us + us);
}

static struct job read_job(unsigned number)
{
	static struct buf record;
	struct job job;
	char key[KEYS_NAME_SIZE];
	size_t n;

	keys_job(key, LAB_TAG, ids[number]);
	const char *s = rreply_str(lab_do(lab, "GET", key), &n);
	buf_clear(&record);
	buf_append(&record, s, n);
	ck_assert_int_eq(job_record_decode(record.data, record.len, &job), 0);
	return job;
}

/* Enqueues and claims job 0 under batch B. */
static void running(const char *batch)
{
	enqueue(0);
	lab_call(lab, "sq_claim", batch, "1", "10000000");
	lab_call(lab, "sq_start", batch, "0", ids[0]);
	ck_assert_int_eq(read_job(0).state, JOB_RUNNING);
}

/* ---- enqueue ---- */

START_TEST(test_version_is_a_positive_number)
{
	ck_assert_int_gt(rreply_int(lab_call(lab, "sq_version")), 0);
}
END_TEST

START_TEST(test_enqueue_again_answers_the_same)
{
	enqueue(0);
	later(1000);
	ck_assert_str_eq(enqueue_job(0, &plain, "", "100"), "[now A1700000000000000]");
	expect("[now 0 0 0 #0 J1:r:0:B]", "sq_claim", "B", "8", "10000000");
	ck_assert_str_eq(enqueue_job(0, &plain, "", "100"), "[now A1700000000000000]");
	expect_value("[live 1 run 1]", "HGETALL", LAB_TAG ":st");
	holds();
}
END_TEST

START_TEST(test_enqueue_by_key_gives_the_first_job)
{
	ck_assert_str_eq(enqueue_job(0, &plain, "|aa|f1", "100"), "[now]");
	later(5);
	ck_assert_str_eq(enqueue_job(1, &plain, "|aa|f1", "100"), "[now R#0]");
	ck_assert_str_eq(enqueue_job(2, &plain, "|aa|f2", "100"), "[now C]");
	ck_assert_str_eq(enqueue_job(0, &plain, "|aa|f1", "100"), "[now A1700000000000000]");
	expect_value("[live 1]", "HGETALL", LAB_TAG ":st");
	lab_do(lab, "DEL", LAB_TAG ":w:normal", LAB_TAG ":j:0190a8d1-7c00-7000-8000-000000000000");
	ck_assert_str_eq(enqueue_job(3, &plain, "|aa|f1", "100"), "[now R#0]");
	ck_assert_str_eq(enqueue_job(0, &plain, "|aa|f1", "100"), "[now A1700000000000000]");
}
END_TEST

START_TEST(test_enqueue_refuses_what_does_not_fit)
{
	struct lua_call *c = lua_call_new("sq_enqueue", LAB_TAG);
	struct buf record = BUF_INIT;

	enqueue(0);
	later(1);
	lua_lab_record(&record, &plain);
	lua_call_str(c, "2");
	for (int i = 0; i < 4; i++) { /* job 0 is there already; then one fits */
		lua_call_str(c, ids[i]);
		lua_call_str(c, i == 2 ? "|k|p" : "");
		lua_call_arg(c, record.data, record.len);
	}
	ck_assert_str_eq(brief(lua_lab_call(lab, c)), "[now A1700000000000000 Anow F F]");
	expect_value("0", "EXISTS", LAB_TAG ":i:k"); /* a refused submission spends no key */
	holds();
	lua_call_free(c);
	buf_fini(&record);
}
END_TEST

START_TEST(test_enqueue_delays_and_expires)
{
	struct job wish = plain;

	wish.delay_us = 2000000;
	wish.expires_in_us = 500000;
	ck_assert_str_eq(enqueue_job(0, &wish, "", "100"), "[now]");
	ck_assert_str_eq(enqueue_job(1, &plain, "1700000005000000||", "100"), "[now]");
	ck_assert_str_eq(enqueue_job(2, &plain, "5||", "100"), "[now]"); /* long past: now */
	ck_assert_int_eq(read_job(0).state, JOB_DELAYED);
	ck_assert_uint_eq(read_job(0).expires_at, LAB_START_US + 2500000);
	ck_assert_uint_eq(read_job(1).run_at, LAB_START_US + 5000000);
	expect("[now 1700000002000000 0 0 #2 J1:r:0:B]", "sq_claim", "B", "8", "10000000");
	later(2000000);
	expect("[now 1700000005000000 0 0 #0 J1:r:0:C]", "sq_claim", "C", "8", "10000000");
	expect("k", "sq_release", "C", ids[0]);
	later(600000);
	expect("[now 1700000005000000 0 0]", "sq_claim", "D", "8", "10000000");
	ck_assert_int_eq(read_job(0).state, JOB_EXPIRED);
}
END_TEST

START_TEST(test_enqueue_of_nonsense_changes_nothing)
{
	struct buf record = BUF_INIT;

	lua_lab_record(&record, &plain);
	ck_assert_int_eq(rreply_type(lab_call(lab, "sq_enqueue", "100", ids[0], "", "J1qn")), RREPLY_ERROR);
	ck_assert_int_eq(rreply_type(lab_call(lab, "sq_enqueue", "100", ids[0], "")), RREPLY_ERROR);
	ck_assert_int_eq(rreply_type(lab_call(lab, "sq_enqueue", "100")), RREPLY_ERROR);
	ck_assert_str_eq(enqueue_job(0, &plain, "soon", "100"),
			 "!ERR square: job 1: expected options run_at|hash|fingerprint");
	ck_assert_str_eq(enqueue_job(0, &plain, "", "many"),
			 "!ERR square: expected live_max and 1 to 1024 times id, options, record");
	expect_value("[{jq:vclock}]", "KEYS", "*");
	buf_fini(&record);
}
END_TEST

/* ---- claim, start, finish, fail ---- */

START_TEST(test_claim_takes_by_priority_and_age)
{
	struct job wish = plain;

	for (unsigned i = 0; i < 6; i++) {
		wish.priority = "lnhlnh"[i] == 'l' ? JOB_LOW : "lnhlnh"[i] == 'n' ? JOB_NORMAL : JOB_HIGH;
		enqueue_job(i, &wish, "", "100");
	}
	expect("[now 0 1 0 #2 J1:r:0:B #5 J1:r:0:B #1 J1:r:0:B]", "sq_claim", "B", "3", "10000000");
	expect("[now 0 1 0 #2 J1:r:0:B #5 J1:r:0:B #1 J1:r:0:B]", "sq_claim", "B", "3", "10000000");
	expect("kk", "sq_finish", "B", ids[2], "s", "1", "4", ids[1], "f", "1", "{}");
	expect("[now 0 1 0 #5 J1:r:0:B]", "sq_claim", "B", "3", "10000000");
	expect("[now 0 0 0 #4 J1:r:0:C #0 J1:r:0:C #3 J1:r:0:C]", "sq_claim", "C", "64", "10000000");
}
END_TEST

START_TEST(test_claim_clears_tombstones_within_its_bound)
{
	static const char flood[] = "for i = 1, 1500 do redis.call('RPUSH', KEYS[1], 'gone' .. i) end";

	lab_do(lab, "EVAL", flood, "1", LAB_TAG ":w:high");
	enqueue(0);
	expect("[now 0 1 0]", "sq_claim", "B", "64", "10000000");
	expect("[now 0 0 0 #0 J1:r:0:B]", "sq_claim", "B", "64", "10000000");
}
END_TEST

START_TEST(test_claim_isolates_what_is_no_record)
{
	for (unsigned i = 0; i < 3; i++)
		enqueue(i);
	lab_do(lab, "DEL", LAB_TAG ":j:0190a8d1-7c00-7000-8000-000000000000");
	lab_do(lab, "RPUSH", LAB_TAG ":j:0190a8d1-7c00-7000-8000-000000000000", "a list");
	lab_do(lab, "SET", LAB_TAG ":j:0190a8d1-7c00-7000-8000-000000000001", "nonsense");
	ck_assert_str_eq(brief(lab_call(lab, "sq_claim", "B", "8", "10000000")), "[now 0 0 0 #2 J1:r:0:B]");
	expect_value("2", "LLEN", LAB_TAG ":bad");
	expect_value("1", "HGET", LAB_TAG ":st", "live");
}
END_TEST

START_TEST(test_finish_stores_once)
{
	struct job wish = plain;

	wish.reply = (struct span){ "R0,R1", 5 };
	enqueue_job(0, &wish, "", "100");
	expect("[now 0 0 0 #0 J1:r:0:B]", "sq_claim", "B", "1", "10000000");
	expect("[now s]", "sq_start", "B", "0", ids[0]);
	expect("[now s]", "sq_start", "B", "0", ids[0]);
	later(5000);
	expect("km-", "sq_finish", "B", ids[0], "s", "3000", "49", ids[0], "f", "3000", "50", ids[1], "s", "1", "1");
	expect("m", "sq_finish", "B", ids[0], "s", "3000", "51");
	expect("-", "sq_finish", "C", ids[0], "s", "3000", "52");
	struct job job = read_job(0);
	ck_assert_int_eq(job.state, JOB_SUCCEEDED);
	ck_assert(job.outcome.n == 2 && memcmp(job.outcome.p, "49", 2) == 0);
	ck_assert_uint_eq(job.attempt, 1);
	ck_assert_uint_eq(job.started_at, lab->now_us - 3000);
	ck_assert_uint_eq(job.finished_at, lab->now_us);
	expect_value("[live 0 run 0 n:s 1]", "HGETALL", LAB_TAG ":st");
	expect_value("1", "LLEN", LAB_TAG ":r:R0");
	expect_value("1", "LLEN", LAB_TAG ":r:R1");
	size_t n;
	const char *entry = rreply_str(rreply_at(lab_do(lab, "LRANGE", LAB_TAG ":r:R1", "0", "0"), 0), &n);
	ck_assert(n > ID_TEXT_LEN && memcmp(entry, ids[0], ID_TEXT_LEN) == 0);
	ck_assert_int_eq(job_record_decode(entry + ID_TEXT_LEN, n - ID_TEXT_LEN, &job), 0);
	ck_assert_int_eq(job.state, JOB_SUCCEEDED);
}
END_TEST

START_TEST(test_start_shows_once_and_keeps_a_cancel)
{
	enqueue(0);
	lab_call(lab, "sq_claim", "B", "1", "10000000");
	later(100);
	expect("[now s]", "sq_start", "B", "1", ids[0]);
	later(100);
	expect("[now s]", "sq_start", "B", "1", ids[0]);
	ck_assert_uint_eq(read_job(0).started_at, LAB_START_US + 100);
	expect("[a J1:r:0:B]", "sq_cancel", ids[0]);
	expect("[now c]", "sq_start", "B", "1", ids[0]);
	expect("[a J1:r:0:B]", "sq_cancel", ids[0]);
	expect("k", "sq_finish", "B", ids[0], "c", "7", "{\"type\":\"cancelled\"}");
	expect("[d J1:c:1:B]", "sq_cancel", ids[0]);
}
END_TEST

START_TEST(test_fail_waits_longer_each_time_then_dies)
{
	uint64_t base = 250000;

	enqueue(0);
	for (unsigned attempt = 1; attempt <= 2; attempt++, base *= 2) {
		char batch[8];
		snprintf(batch, sizeof batch, "B%u", attempt);
		lab_call(lab, "sq_claim", batch, "1", "10000000");
		lab_call(lab, "sq_start", batch, "0", ids[0]);
		expect("d", "sq_fail", batch, ids[0], "r", "9", "{}");
		expect("d", "sq_fail", batch, ids[0], "r", "9", "{}");
		struct job job = read_job(0);
		ck_assert_uint_eq(job.attempt, attempt);
		ck_assert_uint_ge(job.run_at, lab->now_us + base / 2);
		ck_assert_uint_le(job.run_at, lab->now_us + base * 3 / 2);
		lua_lab_clock(lab, job.run_at);
	}
	lab_call(lab, "sq_claim", "B3", "1", "10000000");
	lab_call(lab, "sq_start", "B3", "0", ids[0]);
	expect("-", "sq_fail", "B2", ids[0], "r", "9", "{}");
	expect("x", "sq_fail", "B3", ids[0], "r", "9", "{\"type\":\"worker-lost\"}");
	expect("m", "sq_fail", "B3", ids[0], "r", "9", "{}");
	struct job job = read_job(0);
	ck_assert_int_eq(job.state, JOB_DEAD);
	ck_assert_uint_eq(job.attempt, 3);
	expect_value("[0190a8d1-7c00-7000-8000-000000000000]", "ZRANGE", LAB_TAG ":dead", "0", "-1");
	expect_value("1", "EXPIRE", LAB_TAG ":j:0190a8d1-7c00-7000-8000-000000000000", "604801", "GT");
}
END_TEST

START_TEST(test_release_gives_back_in_order)
{
	for (unsigned i = 0; i < 4; i++)
		enqueue(i);
	lab_call(lab, "sq_claim", "B", "3", "10000000");
	lab_call(lab, "sq_start", "B", "1", ids[1]);
	expect("kkk-", "sq_release", "B", ids[0], ids[1], ids[2], ids[3]);
	expect("---", "sq_release", "B", ids[0], ids[1], ids[2]);
	expect("[now 0 0 0 #0 J1:r:0:C #1 J1:r:0:C #2 J1:r:0:C #3 J1:r:0:C]", "sq_claim", "C", "8", "10000000");
	ck_assert_uint_eq(read_job(1).started_at, 0);
}
END_TEST

START_TEST(test_extend_tells_what_became_of_batches)
{
	enqueue(0);
	enqueue(1);
	lab_call(lab, "sq_claim", "A", "1", "10000000");
	lab_call(lab, "sq_claim", "B", "1", "10000000");
	expect("[a J1:r:0:B]", "sq_cancel", ids[1]);
	later(9000000);
	expect("[ok cancel #1 lost]", "sq_extend", "10000000", "A", "B", "C");
	expect_value("1700000019000000", "ZSCORE", LAB_TAG ":lease", "A");
	lab_do(lab, "SET", LAB_TAG ":b:C", "foreign");
	ck_assert_str_eq(brief(lab_call(lab, "sq_extend", "10000000", "C", "A")), "[lost ok]");
}
END_TEST

/* ---- reap ---- */

static void tick(void)
{
	lab_call(lab, "sq_reap", "10000000", "", "", "64");
}

/* Seconds pass as they do while a reaper is alive. */
static void live_through(unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		later(1000000);
		tick();
	}
}

START_TEST(test_reap_takes_lost_batches_apart)
{
	for (unsigned i = 0; i < 4; i++)
		enqueue(i);
	tick();
	lab_call(lab, "sq_claim", "W.1.1", "3", "10000000");
	lab_call(lab, "sq_start", "W.1.1", "0", ids[1], ids[2]);
	lab_call(lab, "sq_cancel", ids[2]);
	live_through(9);
	ck_assert_int_eq(read_job(0).state, JOB_RUNNING);
	later(1000000);
	expect("[now 1700000010251000 1 1 0 1 0 0 0 0 0 0 2]", "sq_reap", "10000000", "", "", "64");
	ck_assert_int_eq(read_job(2).state, JOB_CANCELLED);
	expect("[now 1700000010251000 0 0 0 0 0 0 0 0 0 0 2]", "sq_reap", "10000000", "", "", "64");
	expect("-m-", "sq_finish", "W.1.1", ids[0], "s", "1", "1", ids[2], "s", "1", "1", ids[1], "s", "1", "1");
}
END_TEST

START_TEST(test_reap_after_a_gap_begins_leases_anew)
{
	static const int64_t steps[] = { 3600, 15,
					 -3600 }; /* the clock ahead; a while without reaper; the clock back */

	running("W.1.1");
	tick();
	later((uint64_t)steps[_i] * 1000000);
	expect("[now 0 0 0 0 0 0 0 1 0 1 0 0]", "sq_reap", "10000000", "", "", "64");
	ck_assert_int_eq(read_job(0).state, JOB_RUNNING);
	live_through(9);
	ck_assert_int_eq(read_job(0).state, JOB_RUNNING);
	live_through(2);
	ck_assert_int_ne(read_job(0).state, JOB_RUNNING);
	ck_assert_uint_eq(read_job(0).attempt, 1);
	holds();
}
END_TEST

START_TEST(test_reap_without_a_last_tick_begins_leases_anew)
{
	running("W.1.1");
	later(11000000);
	expect("[now 0 0 0 0 0 0 0 1 0 1 0 0]", "sq_reap", "10000000", "", "", "64");
}
END_TEST

START_TEST(test_reap_knows_dead_boots_by_name)
{
	static const char *const batches[] = { "W1.a.1", "W1.b.1", "W10.a.1", "W1.a.x.1" };

	for (unsigned i = 0; i < 4; i++) {
		enqueue(i);
		lab_call(lab, "sq_claim", batches[i], "1", "10000000");
	}
	expect("[now 0 1 0 0 0 0 0 0 0 3 0 1]", "sq_reap", "10000000", "W1", "b", "64");
	ck_assert_int_eq(read_job(0).state, JOB_QUEUED);
}
END_TEST

START_TEST(test_reap_survives_foreign_data)
{
	running("W.1.1");
	tick();
	lab_do(lab, "ZADD", LAB_TAG ":lease", "1", "orphan", "2", "string");
	lab_do(lab, "SET", LAB_TAG ":b:string", "foreign");
	lab_do(lab, "SET", LAB_TAG ":j:0190a8d1-7c00-7000-8000-000000000000", "J1 nonsense");
	live_through(11);
	expect_value("[live 0 run 0]", "HGETALL", LAB_TAG ":st");
	expect_value("[0190a8d1-7c00-7000-8000-000000000000]", "LRANGE", LAB_TAG ":bad", "0", "-1");
	expect_value("0", "ZCARD", LAB_TAG ":lease");
}
END_TEST

START_TEST(test_reap_forgets_the_long_dead)
{
	lab_do(lab, "ZADD", LAB_TAG ":dead", "1699395199999999", "old", "1699395200000001", "young");
	tick();
	expect_value("[young]", "ZRANGE", LAB_TAG ":dead", "0", "-1");
}
END_TEST

/* ---- cancel, watch, pause ---- */

START_TEST(test_cancel_of_each_state)
{
	struct job wish = plain;

	expect("[0]", "sq_cancel", ids[0]);
	enqueue(0);
	expect("[c J1:c:0:]", "sq_cancel", ids[0]);
	expect("[d J1:c:0:]", "sq_cancel", ids[0]);
	wish.delay_us = 1000;
	enqueue_job(1, &wish, "", "100");
	expect("[c J1:c:0:]", "sq_cancel", ids[1]);
	expect_value("[live 0 n:c 2]", "HGETALL", LAB_TAG ":st");
	expect("[now 0 0 0]", "sq_claim", "B", "1", "10000000");
}
END_TEST

START_TEST(test_cancel_ends_a_running_job_nobody_has)
{
	running("B");
	lab_do(lab, "DEL", LAB_TAG ":b:B");
	lab_do(lab, "DEL", LAB_TAG ":lease");
	expect("[c J1:c:0:B]", "sq_cancel", ids[0]);
}
END_TEST

START_TEST(test_watch_adds_a_receiver_once)
{
	char names[300];

	expect("nil", "sq_watch", ids[0], "R1");
	enqueue(0);
	expect("J1:q:0:", "sq_watch", ids[0], "R1");
	expect("J1:q:0:", "sq_watch", ids[0], "R11");
	expect("J1:q:0:", "sq_watch", ids[0], "R1");
	ck_assert_int_eq(read_job(0).reply.n, 6);
	memset(names, 'x', sizeof names);
	names[243] = '\0'; /* 6 + 1 + 243 = 250 */
	expect("J1:q:0:", "sq_watch", ids[0], names);
	expect("J1:q:0:", "sq_watch", ids[0], "y");
	ck_assert_int_eq(read_job(0).reply.n, 250);
	lab_call(lab, "sq_cancel", ids[0]);
	expect_value("1", "LLEN", LAB_TAG ":r:R11");
	expect("J1:c:0:", "sq_watch", ids[0], "z");
	holds();
}
END_TEST

START_TEST(test_pause_accepts_and_gives_nothing)
{
	expect("1", "sq_pause", "1");
	expect("1", "sq_pause", "1");
	enqueue(0);
	lab_do(lab, "DEL", LAB_TAG ":mk");
	expect("[now 0 0 1]", "sq_claim", "B", "1", "10000000");
	expect("0", "sq_pause", "0");
	expect_value("1", "LLEN", LAB_TAG ":mk");
	expect("[now 0 0 0 #0 J1:r:0:B]", "sq_claim", "B", "1", "10000000");
}
END_TEST

/* ---- the registry ---- */

/* A call on {jq:reg}, as text. */
static const char *reg(const char *const *words)
{
	struct lua_call *c = lua_call_new(words[0], KEYS_REG);

	for (size_t i = 1; words[i]; i++)
		lua_call_str(c, words[i]);
	const char *answer = brief(lua_lab_call(lab, c));
	lua_call_free(c);
	return answer;
}
#define expect_reg(answer, ...) ck_assert_str_eq(reg((const char *const[]){ __VA_ARGS__, NULL }), answer)

START_TEST(test_register_gives_each_tag_one_index)
{
	expect_reg("0", "sq_register", "{jq:default:0}");
	expect_reg("1", "sq_register", "{jq:bulk:0}");
	expect_reg("0", "sq_register", "{jq:default:0}");
	expect_reg("!ERR square: expected a tag {jq:QUEUE:SHARD}", "sq_register", "default");
	lab_do(lab, "EVAL", "for i = 2, 4095 do redis.call('HSET', KEYS[1], 't' .. i, i) end", "1", KEYS_REG_TAGS);
	expect_reg("!ERR square: too many queues: 4096 tags are registered", "sq_register", "{jq:more:0}");
	expect_reg("1", "sq_register", "{jq:bulk:0}");
}
END_TEST

START_TEST(test_presence_counts_changes)
{
	expect_reg("[now 1 0]", "sq_presence", "W0", "{}", "5000000", "here", "", "");
	expect_reg("[now 1 0]", "sq_presence", "W0", "{\"busy\":1}", "5000000", "here", "", "");
	expect_reg("[now 2 0]", "sq_presence", "W1", "{}", "5000000", "there", "", "");
	expect_reg("[now 3 0]", "sq_presence", "W0", "{}", "5000000", "elsewhere", "", "");
	later(4000000);
	expect_reg("[now 3 0]", "sq_presence", "W1", "{}", "5000000", "there", "", "");
	later(1000000);
	expect_reg("[now 4 0]", "sq_presence", "W1", "{}", "5000000", "there", "", "");
	expect_value("[W1]", "HKEYS", KEYS_REG_INST);
	expect_reg("[now 5 0]", "sq_presence", "W1", "", "5000000", "there", "", "");
	expect_reg("[now 5 0]", "sq_presence", "W1", "", "5000000", "there", "", "");
	expect_value("0", "EXISTS", KEYS_REG_INST, KEYS_REG_SEEN);
}
END_TEST

START_TEST(test_presence_of_one_seen_in_the_future)
{
	expect_reg("[now 1 0]", "sq_presence", "W0", "{}", "5000000", "here", "", "");
	lua_lab_clock(lab, lab->now_us - 3600000000ull);
	expect_reg("[now 2 0]", "sq_presence", "W1", "{}", "5000000", "there", "", "");
	later(5000000);
	expect_reg("[now 3 0]", "sq_presence", "W1", "{}", "5000000", "there", "", "");
	expect_value("[W1]", "HKEYS", KEYS_REG_INST);
}
END_TEST

START_TEST(test_presence_keeps_the_catalogues_in_use)
{
	expect_reg("[now 1 1]", "sq_presence", "W0", "{}", "5000000", "here", "d1", "");
	expect_reg("[now 1 0]", "sq_presence", "W0", "{}", "5000000", "here", "d1", "{\"operations\":1}");
	expect_reg("[now 2 0]", "sq_presence", "W1", "{}", "5000000", "there", "d1", "");
	expect_reg("[now 2 0]", "sq_presence", "W0", "{}", "5000000", "here", "d2", "{\"operations\":2}");
	expect_value("d2", "HGET", KEYS_REG_CAT, "last");
	expect_reg("[now 2 0]", "sq_presence", "W1", "{}", "5000000", "there", "d1", "");
	expect_value("d2", "HGET", KEYS_REG_CAT, "last");
	expect_reg("[now 2 0]", "sq_presence", "W1", "{}", "5000000", "there", "d2", "");
	expect_value("0", "HEXISTS", KEYS_REG_CAT, "d1");
	expect_reg("[now 3 0]", "sq_presence", "W0", "", "5000000", "", "", "");
	expect_reg("[now 4 0]", "sq_presence", "W1", "", "5000000", "", "", "");
	expect_value("{\"operations\":2}", "HGET", KEYS_REG_CAT, "d2");
}
END_TEST

/* ---- limits ---- */

/* Enqueues, claims and finishes n jobs with one receiver, many at a time. */
static void run_many(unsigned from, unsigned n, const char *receiver)
{
	struct buf record = BUF_INIT;
	struct job wish = plain;

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
		ck_assert_str_eq(brief(lua_lab_call(lab, in)), "[now]");
		lab_call(lab, "sq_claim", "B", "64", "10000000");
		ck_assert_int_eq(rreply_str(lua_lab_call(lab, out), NULL)[QUEUE_BATCH_MAX - 1], 'k');
		lua_call_free(in);
		lua_call_free(out);
	}
	buf_fini(&record);
}

START_TEST(test_lists_stay_within_their_bounds)
{
	run_many(100, 10240, "R0");
	expect_value("10000", "LLEN", LAB_TAG ":r:R0");
	int64_t recent = rreply_int(lab_do(lab, "LLEN", LAB_TAG ":recent"));
	ck_assert_int_le(recent, 1000);
	ck_assert_int_ge(recent, 900);
	expect_value("[live 0 run 0 n:s 10240]", "HGETALL", LAB_TAG ":st");
	lab_do(lab, "EVAL", "for i = 1, 999 do redis.call('LPUSH', KEYS[1], i) end", "1", LAB_TAG ":bad");
	for (unsigned i = 0; i < 3; i++) {
		char key[KEYS_NAME_SIZE];
		enqueue(i);
		keys_job(key, LAB_TAG, ids[i]);
		lab_do(lab, "SET", key, "nonsense");
	}
	lab_call(lab, "sq_claim", "B", "64", "10000000");
	expect_value("1000", "LLEN", LAB_TAG ":bad");
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
	{ { "sq_register", "x" } },
	{ { "sq_presence", "W0", "{}", "5000000" } },
	{ { "sq_presence", "W0", "{}", "0", "", "", "" } },
};

START_TEST(test_wrong_arguments_are_refused_and_change_nothing)
{
	const struct rreply *r = lua_lab_words(lab, wrong_calls[_i].words);

	ck_assert_int_eq(rreply_type(r), RREPLY_ERROR);
	ck_assert_msg(strncmp(rreply_str(r, NULL), "ERR square: ", 12) == 0, "%s", rreply_str(r, NULL));
	expect_value("[{jq:vclock}]", "KEYS", "*");
}
END_TEST

/* ---- faults ---- */

START_TEST(test_full_redis_refuses_only_enqueue)
{
	for (unsigned i = 0; i < 4; i++)
		enqueue(i);
	lab_do(lab, "CONFIG", "SET", "maxmemory", "1");
	ck_assert_int_eq(strncmp(enqueue_job(4, &plain, "", "100"), "!OOM", 4), 0);
	expect("[now 0 1 0 #0 J1:r:0:B #1 J1:r:0:B #2 J1:r:0:B]", "sq_claim", "B", "3", "10000000");
	expect("[now sss]", "sq_start", "B", "1", ids[0], ids[1], ids[2]);
	expect("[ok]", "sq_extend", "10000000", "B");
	expect("k", "sq_finish", "B", ids[0], "s", "1", "1");
	expect("d", "sq_fail", "B", ids[1], "r", "1", "{}");
	expect("k", "sq_release", "B", ids[2]);
	expect("J1:q:0:", "sq_watch", ids[2], "R0");
	expect("[c J1:c:0:]", "sq_cancel", ids[2]);
	expect("[now 1700000000251000 0 0 0 0 0 0 0 0 0 0 1]", "sq_reap", "10000000", "", "", "64");
	expect("1", "sq_pause", "1");
	expect_reg("0", "sq_register", "{jq:q:0}");
	expect_reg("[now 1 0]", "sq_presence", "W0", "{}", "5000000", "", "", "");
	lab_do(lab, "CONFIG", "SET", "maxmemory", "0");
}
END_TEST

START_TEST(test_killed_redis_keeps_what_it_acknowledged)
{
	struct lua_lab *shared = lab;

	lab = lua_lab_new(true, (const char *const[]){ "--appendfsync", "always", NULL });
	running("B");
	enqueue(1);
	redis_private_restart(lab->redis);
	rsync_close(lab->link);
	lab->link = rsync_open(redis_private_url(lab->redis), 20000, NULL);
	ck_assert_ptr_nonnull(lab->link);
	expect("[now 0 1 0 #0 J1:r:0:B]", "sq_claim", "B", "1", "10000000");
	expect("k", "sq_finish", "B", ids[0], "s", "1", "1");
	expect("[now 0 0 0 #1 J1:r:0:C]", "sq_claim", "C", "1", "10000000");
	lua_lab_free(lab);
	lab = shared;
}
END_TEST

static void add_core(TCase *tc)
{
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
	tcase_add_test(tc, test_reap_without_a_last_tick_begins_leases_anew);
	tcase_add_test(tc, test_reap_knows_dead_boots_by_name);
	tcase_add_test(tc, test_cancel_of_each_state);
	tcase_add_test(tc, test_watch_adds_a_receiver_once);
	tcase_add_test(tc, test_pause_accepts_and_gives_nothing);
	tcase_add_test(tc, test_register_gives_each_tag_one_index);
	tcase_add_test(tc, test_presence_counts_changes);
	tcase_add_test(tc, test_presence_of_one_seen_in_the_future);
	tcase_add_test(tc, test_presence_keeps_the_catalogues_in_use);
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
	tcase_add_test(tc, test_cancel_ends_a_running_job_nobody_has);
	tcase_add_test(tc, test_full_redis_refuses_only_enqueue);
	tcase_add_test(tc, test_killed_redis_keeps_what_it_acknowledged);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*add)(TCase *tc);
	} cases[] = { { "core", add_core }, { "limits", add_limits }, { "faults", add_faults } };
	Suite *suite = suite_create("functions");

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		TCase *tc = tcase_create(cases[i].name);
		tcase_add_unchecked_fixture(tc, start_lab, stop_lab);
		tcase_add_checked_fixture(tc, clean, NULL);
		tcase_set_timeout(tc, 120);
		cases[i].add(tc);
		suite_add_tcase(suite, tc);
	}
	SRunner *sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
