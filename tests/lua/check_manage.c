/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What people ask of a queue: jobs again, its figures, its jobs page by page, looks at some of them. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua_ask.h"
#include "lua_check.h"
#include "must.h"
#include "queue.h"
#include "suite_run.h"

static void finish_job(const char *batch, unsigned number, const char *kind)
{
	char expected[80];

	snprintf(expected, sizeof expected, "[now 0 0 0 #%u J1:r:0:%s]", number, batch);
	expect(expected, "sq_claim", batch, "1", "10000000");
	expect("k", "sq_finish", batch, ask_ids[number], kind, "5", "{}");
}

/* Enqueues a job of one attempt and lets it die. */
static void kill_job(unsigned number)
{
	struct job wish = ask_plain;

	wish.max_attempts = 1;
	wish.reply = (struct span){ "R0", 2 };
	ask_enqueue_job(number, &wish, "", "100");
	lab_call(ask_lab, "sq_claim", "D", "1", "10000000");
	ck_assert_str_eq(ask_text(lab_call(ask_lab, "sq_fail", "D", ask_ids[number], "w", "1", "{}")), "x");
	ask_holds();
}

/* ---- retry ---- */

START_TEST(test_retry_of_each_state)
{
	struct job wish = ask_plain;

	expect("[0]", "sq_retry", ask_ids[0], "100");
	ask_enqueue(0);
	expect("[l J1:q:0:]", "sq_retry", ask_ids[0], "100");
	finish_job("B", 0, "s");
	expect("[l J1:s:1:B]", "sq_retry", ask_ids[0], "100");
	ask_enqueue(1);
	finish_job("B", 1, "f");
	expect("[k J1:q:0:]", "sq_retry", ask_ids[1], "100");
	expect("[l J1:q:0:]", "sq_retry", ask_ids[1], "100");
	finish_job("B2", 1, "c");
	expect("[F J1:c:0:B2]", "sq_retry", ask_ids[1], "0");
	expect("[k J1:q:0:]", "sq_retry", ask_ids[1], "1");
	finish_job("B3", 1, "s");
	wish.delay_us = 1000;
	wish.expires_in_us = 1000;
	ask_enqueue_job(2, &wish, "", "100");
	expect("[l J1:d:0:]", "sq_retry", ask_ids[2], "100");
	ask_later(2000);
	ask_tick();
	ask_later(2000);
	expect("[k J1:q:0:]", "sq_retry", ask_ids[2], "100"); /* expired */
	ck_assert_uint_eq(ask_read_job(2).run_at, ask_lab->now_us);
	ck_assert_uint_eq(ask_read_job(2).expires_at, ask_lab->now_us + 1000);
	ask_later(1000);
	expect("[now 0 0 0 0 0 1 0 0 0 0 0 0]", "sq_reap", "10000000", "", "", "64");
}
END_TEST

START_TEST(test_retry_starts_anew)
{
	kill_job(0);
	expect_value("1", "LLEN", LAB_TAG ":r:R0");
	struct job dead = ask_read_job(0);
	ck_assert_uint_eq(dead.flags, 0);
	ask_later(1000000);
	expect("[k J1:q:0:]", "sq_retry", ask_ids[0], "100");
	struct job job = ask_read_job(0);
	ck_assert_uint_eq(job.created_at, dead.created_at);
	ck_assert_uint_eq(job.run_at, ask_lab->now_us);
	ck_assert_uint_eq(job.started_at + job.finished_at + job.attempt + job.flags + job.expires_at, 0);
	ck_assert_uint_eq(job.batch.n + job.reply.n + job.outcome.n, 0);
	ck_assert_uint_eq(job.max_attempts, 1);
	expect_value("0", "EXISTS", LAB_TAG ":dead", LAB_TAG ":recent");
	finish_job("B", 0, "s");
	expect_value("1", "LLEN", LAB_TAG ":r:R0"); /* nobody is told twice */
	expect_value("1", "LLEN", LAB_TAG ":recent");
}
END_TEST

/* Its entry never left the list: that is its place again, once. */
START_TEST(test_retry_waits_where_its_entry_stands)
{
	for (unsigned i = 0; i < 3; i++)
		ask_enqueue(i);
	expect("[c J1:c:0:]", "sq_cancel", ask_ids[1]);
	lab_do(ask_lab, "DEL", LAB_TAG ":mk");
	expect("[k J1:q:0:]", "sq_retry", ask_ids[1], "100");
	expect_value("1", "LLEN", LAB_TAG ":mk");
	expect_value("3", "LLEN", LAB_TAG ":w:normal");
	expect("[now 0 0 0 #0 J1:r:0:B #1 J1:r:0:B #2 J1:r:0:B]", "sq_claim", "B", "8", "10000000");
}
END_TEST

/* ---- redrive ---- */

START_TEST(test_redrive_moves_the_oldest_first)
{
	for (unsigned i = 0; i < 5; i++) {
		kill_job(4 - i);
		ask_later(10);
	}
	lab_do(ask_lab, "DEL", LAB_TAG ":j:0190a8d1-7c00-7000-8000-000000000003");
	expect("[1 1 0]", "sq_redrive", "2", "100");
	expect("[0 1 1]", "sq_redrive", "512", "1");
	expect("[1 1 1]", "sq_redrive", "512", "2");
	expect("[2 0 0]", "sq_redrive", "512", "100");
	expect("[0 0 0]", "sq_redrive", "512", "100");
	expect("[now 0 0 0 #4 J1:r:0:B #2 J1:r:0:B #1 J1:r:0:B #0 J1:r:0:B]", "sq_claim", "B", "8", "10000000");
	expect_value("1", "LLEN", LAB_TAG ":recent"); /* of the one whose record is gone */
}
END_TEST

/* ---- figures ---- */

START_TEST(test_figures_count)
{
	struct job wish = ask_plain;

	expect("[now 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0.000000 0.000000 0.000000]", "sq_figures");
	for (unsigned i = 0; i < 4; i++)
		ask_enqueue(i);
	wish.delay_us = 60000000;
	ask_enqueue_job(5, &wish, "", "100");
	ask_later(3000000);
	expect("[c J1:c:0:]", "sq_cancel", ask_ids[0]);
	expect("[now 1700000060000000 1 0 #1 J1:r:0:B]", "sq_claim", "B", "1", "10000000");
	wish = ask_plain;
	wish.priority = JOB_LOW;
	ask_enqueue_job(6, &wish, "", "100");
	/* 2, 3 and 6 wait; 1 runs; 5 is delayed; one was cancelled: 6 in 3 s, 1 - e^-0.3 of that */
	expect("[now 3 1 1 0 3000000 0 0 0 0 1 0 6 1 0 0.518364 0.086394 0.000000]", "sq_figures");
	expect("1", "sq_pause", "1");
	expect("k", "sq_finish", "B", ask_ids[1], "f", "1500000", "{}");
	expect("[now 3 0 1 0 3000000 1 0 1 0 1 0 6 2 1500000 0.518364 0.086394 0.000000]", "sq_figures");
	expect("[k J1:q:0:]", "sq_retry", ask_ids[1], "100");
	expect("[now 4 0 1 0 3000000 1 0 1 0 1 0 7 2 1500000 0.518364 0.086394 0.000000]", "sq_figures");
}
END_TEST

static double rate(size_t which)
{
	return strtod(rreply_str(rreply_at(lab_call(ask_lab, "sq_figures"), 15 + which), NULL), NULL);
}

/* One job a tick of a tenth of a second, for so long. */
static void ten_a_second(unsigned seconds, bool look)
{
	struct job wish = ask_plain;

	for (unsigned i = 0; i < 10 * seconds; i++) {
		ask_later(100000);
		ask_enqueue_job(0, &wish, "", "100");
		lab_call(ask_lab, "sq_claim", "B", "1", "10000000");
		lab_call(ask_lab, "sq_finish", "B", ask_ids[0], "s", "50000", "1");
		lab_do(ask_lab, "DEL", LAB_TAG ":j:0190a8d1-7c00-7000-8000-000000000000");
		if (look)
			rate(0);
	}
	lab_do(ask_lab, "DEL", LAB_TAG ":recent");
}

static void near(double value, double from, double to)
{
	ck_assert_msg(value >= from && value <= to, "expected %g to %g, came %g", from, to, value);
}

START_TEST(test_rates_are_means_of_ten_seconds)
{
	rate(0);
	ten_a_second(10, _i == 1);
	near(rate(0), 6.2, 6.5); /* 1 - 1/e of it */
	ten_a_second(50, _i == 1);
	near(rate(0), 9.9, 10.1);
	near(rate(1), 9.9, 10.1);
	near(rate(2), 0.49, 0.51);
	lua_lab_clock(ask_lab, ask_lab->now_us - 3600000000ull); /* nothing is known of the time between */
	near(rate(0), 9.9, 10.1);
	ask_later(1000000);
	near(rate(0), 9.0, 9.2);
	ask_later(3600000000ull);
	near(rate(0), 0, 0.001);
	ten_a_second(1, false);
	ask_later(119000000); /* nobody looked for two minutes: the mean of all of them */
	near(rate(0), 0.08, 0.09);
	ask_later(100000000);
	ask_tick();
	near(rate(0), 0, 0.001);
}
END_TEST

/* ---- list ---- */

static const char *list(const char *section, const char *limit, const char *before)
{
	static struct buf out;
	const struct rreply *r = lab_call(ask_lab, "sq_list", section, limit, before);

	buf_clear(&out);
	if (rreply_type(r) != RREPLY_ARRAY)
		return rreply_str(r, NULL);
	buf_puts(&out, rreply_int(rreply_at(r, 0)) ? "more" : "all");
	for (size_t i = 1; i + 2 < rreply_count(r); i += 3)
		buf_printf(&out, " #%x", lua_lab_number(rreply_str(rreply_at(r, i), NULL)));
	return buf_cstr(&out);
}

/* The key of the last job of the page that was just asked for. */
static const char *last_key(const char *section, const char *limit, const char *before)
{
	static char key[QUEUE_LIST_KEY_SIZE];
	char from[QUEUE_LIST_KEY_SIZE];

	snprintf(from, sizeof from, "%s", before);
	const struct rreply *r = lab_call(ask_lab, "sq_list", section, limit, from);
	ck_assert_uint_gt(rreply_count(r), 3);
	snprintf(key, sizeof key, "%s", rreply_str(rreply_at(r, rreply_count(r) - 2), NULL));
	return key;
}

START_TEST(test_list_shows_each_section)
{
	struct job wish = ask_plain;

	for (unsigned i = 0; i < 3; i++)
		ask_enqueue(i);
	expect("[now 0 1 0 #0 J1:r:0:B #1 J1:r:0:B]", "sq_claim", "B", "2", "10000000");
	expect("[now 0 0 0 #2 J1:r:0:C]", "sq_claim", "C", "2", "10000000");
	wish.delay_us = 5000000;
	ask_enqueue_job(3, &wish, "", "100");
	wish.delay_us = 4000000;
	ask_enqueue_job(4, &wish, "", "100");
	ask_enqueue(5);
	wish = ask_plain;
	wish.priority = JOB_HIGH;
	ask_enqueue_job(6, &wish, "|||q|1", "100");
	wish.priority = JOB_LOW;
	ask_enqueue_job(7, &wish, "|||q|1", "100");
	ck_assert_str_eq(list("r", "200", ""), "all #2 #1 #0");
	ck_assert_str_eq(list("q", "200", ""), "all #6 #5 #7"); /* 7 follows 6 */
	ck_assert_str_eq(list("d", "200", ""), "all #3 #4");
	ask_later(10);
	lab_call(ask_lab, "sq_finish", "B", ask_ids[0], "s", "1", "1", ask_ids[1], "f", "1", "1");
	ask_later(10);
	lab_call(ask_lab, "sq_finish", "C", ask_ids[2], "c", "1", "1");
	ck_assert_str_eq(list("a", "200", ""), "all #2 #1 #0");
	ck_assert_str_eq(list("s", "200", ""), "all #0");
	ck_assert_str_eq(list("f", "200", ""), "all #1");
	ck_assert_str_eq(list("c", "200", ""), "all #2");
	ck_assert_str_eq(list("e", "200", ""), "all");
	ck_assert_str_eq(list("x", "200", ""), "all");
	ck_assert_str_eq(list("r", "200", ""), "all");
	ck_assert_str_eq(list("a", "2", ""), "more #2 #1");
	ck_assert_str_eq(list("a", "2", last_key("a", "2", "")), "all #0");
}
END_TEST

START_TEST(test_list_goes_on_while_jobs_move)
{
	char key[QUEUE_LIST_KEY_SIZE];

	for (unsigned i = 0; i < 6; i++) {
		ask_enqueue(i);
		ask_later(10);
	}
	ck_assert_str_eq(list("q", "2", ""), "more #5 #4");
	snprintf(key, sizeof key, "%s", last_key("q", "2", ""));
	ask_enqueue(6); /* one more comes, the last listed is cancelled */
	expect("[c J1:c:0:]", "sq_cancel", ask_ids[4]);
	ck_assert_str_eq(list("q", "2", key), "more #3 #2");
	lab_do(ask_lab, "LREM", LAB_TAG ":w:normal", "1", ask_ids[4]); /* nothing is left of it: by its time */
	lab_do(ask_lab, "DEL", LAB_TAG ":j:0190a8d1-7c00-7000-8000-000000000004");
	ck_assert_str_eq(list("q", "2", key), "more #3 #2");
	expect("[now 0 1 0 #0 J1:r:0:B #1 J1:r:0:B #2 J1:r:0:B #3 J1:r:0:B]", "sq_claim", "B", "4", "10000000");
	ck_assert_str_eq(list("q", "2", key), "all");
	ck_assert_str_eq(list("r", "2", ""), "more #3 #2");
	snprintf(key, sizeof key, "%s", last_key("r", "2", ""));
	expect("k", "sq_finish", "B", ask_ids[2], "s", "1", "1");
	ck_assert_str_eq(list("r", "2", key), "all #1 #0");
}
END_TEST

/* Many delayed jobs of one moment: a page goes on between them, wherever the last one went. */
START_TEST(test_list_divides_equal_times)
{
	struct job wish = ask_plain;
	char key[QUEUE_LIST_KEY_SIZE];

	wish.delay_us = 1000000;
	for (unsigned i = 0; i < 8; i++)
		ask_enqueue_job(i, &wish, "", "100");
	ck_assert_str_eq(list("d", "3", ""), "more #7 #6 #5");
	snprintf(key, sizeof key, "%s", last_key("d", "3", ""));
	ck_assert_str_eq(list("d", "3", key), "more #4 #3 #2");
	expect("[c J1:c:0:]", "sq_cancel", ask_ids[5]);
	ck_assert_str_eq(list("d", "3", key), "more #4 #3 #2");
	ck_assert_str_eq(list("d", "3", last_key("d", "3", key)), "all #1 #0");
}
END_TEST

/* Enqueues n jobs, numbered from 100, in one call. */
static void enqueue_many(unsigned n, const struct job *wish)
{
	struct lua_call *c = lua_call_new("sq_enqueue", LAB_TAG);
	struct buf record = BUF_INIT;

	lua_lab_record(&record, wish);
	lua_call_str(c, "10000");
	for (unsigned i = 0; i < n; i++) {
		char id[ID_TEXT_SIZE];
		lua_lab_id(id, 100 + i);
		lua_call_str(c, id);
		lua_call_str(c, "");
		lua_call_arg(c, record.data, record.len);
	}
	ck_assert_str_eq(ask_brief(lua_lab_call(ask_lab, c)), "[now]");
	lua_call_free(c);
	buf_fini(&record);
}

/* Page by page, each job once, the last one first. */
START_TEST(test_list_goes_through_a_long_section)
{
	struct job wish = ask_plain;
	char key[QUEUE_LIST_KEY_SIZE] = "", section[2] = { "qd"[_i], '\0' };
	unsigned next = 899;
	bool more = true;

	wish.delay_us = _i ? 1000000 : 0;
	enqueue_many(800, &wish);
	while (more) {
		const struct rreply *r = lab_call(ask_lab, "sq_list", section, "150", key);
		more = rreply_int(rreply_at(r, 0)) != 0;
		for (size_t i = 1; i + 2 < rreply_count(r); i += 3)
			ck_assert_uint_eq(lua_lab_number(rreply_str(rreply_at(r, i), NULL)), next--);
		snprintf(key, sizeof key, "%s", rreply_str(rreply_at(r, rreply_count(r) - 2), NULL));
	}
	ck_assert_uint_eq(next, 99);
}
END_TEST

/* ---- peek ---- */

static const char *peek(void)
{
	static char looks[QUEUE_LOOK + 1];

	snprintf(looks, sizeof looks, "%s", rreply_str(lab_call(ask_lab, "sq_peek", ask_ids[0]), NULL));
	return looks;
}

/* Whatever a reader could see changes the look. */
START_TEST(test_peek_changes_with_the_job)
{
	char before[QUEUE_LOOK + 1];

	ck_assert_str_eq(peek(), "0---");
	ask_enqueue(0);
	ck_assert_str_eq(peek(), "qA--");
	lab_call(ask_lab, "sq_claim", "W.1.1", "1", "10000000");
	ck_assert_str_eq(peek(), "rA--");
	lab_call(ask_lab, "sq_start", "W.1.1", "1", ask_ids[0]);
	ck_assert_str_eq(peek(), "rC--");
	lab_call(ask_lab, "sq_progress", "W.1.1", ask_ids[0], "{\"ratio\":0.5}");
	snprintf(before, sizeof before, "%s", peek());
	ck_assert_int_eq(strncmp(before, "rC", 2), 0);
	ck_assert_str_eq(peek(), before);
	lab_call(ask_lab, "sq_progress", "W.1.1", ask_ids[0], "{\"ratio\":0.6}");
	ck_assert_str_ne(peek(), before);
	lab_call(ask_lab, "sq_progress", "W.1.1", ask_ids[0], "");
	lab_call(ask_lab, "sq_cancel", ask_ids[0]);
	ck_assert_str_eq(peek(), "rD--");
	lab_call(ask_lab, "sq_finish", "W.1.1", ask_ids[0], "s", "1", "1");
	ck_assert_str_eq(peek(), "sH--");
	ck_assert_str_eq(ask_text(lab_call(ask_lab, "sq_peek", ask_ids[1], ask_ids[0])), "0---sH--");
}
END_TEST

/* ---- limits ---- */

START_TEST(test_pages_have_about_a_mebibyte)
{
	char *args = must_calloc(600001, 1);
	struct buf record = BUF_INIT;

	memset(args, '1', 600000);
	for (unsigned i = 0; i < 3; i++) {
		struct lua_call *c = lua_call_new("sq_enqueue", LAB_TAG);
		struct job job = ask_plain;
		job.cache = 'b';
		job.op = (struct span){ "square", 6 };
		job.args = (struct span){ args, 600000 };
		buf_clear(&record);
		ck_assert_int_eq(job_record_encode(&record, &job), 0);
		lua_call_str(c, "100");
		lua_call_str(c, ask_ids[i]);
		lua_call_str(c, "");
		lua_call_arg(c, record.data, record.len);
		ck_assert_str_eq(ask_brief(lua_lab_call(ask_lab, c)), "[now]");
		lua_call_free(c);
	}
	ck_assert_str_eq(list("q", "200", ""), "more #2");
	ck_assert_str_eq(list("q", "200", last_key("q", "200", "")), "more #1");
	ck_assert_str_eq(list("q", "1", last_key("q", "1", last_key("q", "1", ""))), "all #0");
	buf_fini(&record);
	free(args);
}
END_TEST

/* A page looks at so many entries and no more; it ends rather than go on for ever. */
START_TEST(test_list_passes_tombstones_within_its_bound)
{
	static const char flood[] = "for i = 1, tonumber(ARGV[1]) do redis.call('RPUSH', KEYS[1], 'gone' .. i) end";

	ask_enqueue(0);
	lab_do(ask_lab, "EVAL", flood, "1", LAB_TAG ":w:normal", "5000");
	ck_assert_str_eq(list("q", "200", ""), "all #0");
	lab_do(ask_lab, "EVAL", flood, "1", LAB_TAG ":w:normal", "20000");
	ck_assert_str_eq(list("q", "200", ""), "all");
	ck_assert_str_eq(list("q", "200", "317000000000000000190a8d1-7c00-7000-8000-000000000007"), "all");
}
END_TEST

START_TEST(test_redrive_moves_many_at_once)
{
	struct buf record = BUF_INIT;
	struct job wish = ask_plain;

	wish.max_attempts = 1;
	lua_lab_record(&record, &wish);
	for (unsigned done = 0; done < 640; done += QUEUE_BATCH_MAX) {
		struct lua_call *in = lua_call_new("sq_enqueue", LAB_TAG), *out = lua_call_new("sq_fail", LAB_TAG);
		lua_call_str(in, "10000");
		lua_call_str(out, "B");
		for (unsigned i = 0; i < QUEUE_BATCH_MAX; i++) {
			char id[ID_TEXT_SIZE];
			lua_lab_id(id, 100 + done + i);
			lua_call_str(in, id);
			lua_call_str(in, "");
			lua_call_arg(in, record.data, record.len);
			lua_call_str(out, id);
			lua_call_str(out, "r");
			lua_call_str(out, "1");
			lua_call_str(out, "{}");
		}
		lua_lab_call(ask_lab, in);
		lab_call(ask_lab, "sq_claim", "B", "64", "10000000");
		ck_assert_int_eq(rreply_str(lua_lab_call(ask_lab, out), NULL)[QUEUE_BATCH_MAX - 1], 'x');
		lua_call_free(in);
		lua_call_free(out);
	}
	buf_fini(&record);
	expect("[512 1 0]", "sq_redrive", "512", "10000");
	expect_value("128", "LLEN", LAB_TAG ":recent");
	expect("[128 0 0]", "sq_redrive", "512", "10000");
	expect_value("640", "HGET", LAB_TAG ":st", "live");
	ck_assert_str_eq(ask_text(lab_call(ask_lab, "sq_redrive", "513", "1")),
			 "!ERR square: expected 1 to 512 jobs and live_max");
}
END_TEST

/* ---- faults ---- */

/* Foreign data under a hint's name stops nobody who reads, or runs jobs again. */
START_TEST(test_foreign_data_holds_no_reader_up)
{
	static const char *const names[] = { ":recent", ":dead", ":rate", ":j:0190a8d1-7c00-7000-8000-000000000007" };
	char key[96];

	ask_enqueue(0);
	finish_job("B", 0, "f");
	snprintf(key, sizeof key, LAB_TAG "%s", names[_i]);
	lab_do(ask_lab, "DEL", key);
	lab_do(ask_lab, "HSET", key, "foreign", "1");
	for (const char *s = "rqdxasfce"; *s; s++)
		ck_assert_int_ne(strncmp(list((char[]){ *s, '\0' }, "200", ""), "ERR", 3), 0);
	ck_assert_int_eq(rreply_type(lab_call(ask_lab, "sq_figures")), RREPLY_ARRAY);
	ck_assert_str_eq(ask_text(lab_call(ask_lab, "sq_redrive", "8", "100")), "[0 0 0]");
	ck_assert_str_eq(ask_text(lab_call(ask_lab, "sq_retry", ask_ids[7], "100")), "[0]");
	ck_assert_str_eq(ask_text(lab_call(ask_lab, "sq_peek", ask_ids[7])), "0---");
	ck_assert_str_eq(ask_text(lab_call(ask_lab, "sq_retry", ask_ids[0], "100")), "[k J1:q:0:]");
	ck_assert_str_eq(list("q", "200", ""), "all #0");
}
END_TEST

START_TEST(test_full_redis_still_answers)
{
	kill_job(0);
	kill_job(1);
	lab_do(ask_lab, "CONFIG", "SET", "maxmemory", "1");
	expect("[k J1:q:0:]", "sq_retry", ask_ids[0], "100");
	expect("[1 0 0]", "sq_redrive", "8", "100");
	ck_assert_str_eq(list("q", "8", ""), "all #1 #0");
	ck_assert_str_eq(peek(), "qA--");
	ck_assert_int_eq(rreply_type(lab_call(ask_lab, "sq_figures")), RREPLY_ARRAY);
	lab_do(ask_lab, "CONFIG", "SET", "maxmemory", "0");
}
END_TEST

static void add_core(TCase *tc)
{
	tcase_add_test(tc, test_retry_of_each_state);
	tcase_add_test(tc, test_retry_starts_anew);
	tcase_add_test(tc, test_retry_waits_where_its_entry_stands);
	tcase_add_test(tc, test_redrive_moves_the_oldest_first);
	tcase_add_test(tc, test_figures_count);
	tcase_add_loop_test(tc, test_rates_are_means_of_ten_seconds, 0, 2);
	tcase_add_test(tc, test_list_shows_each_section);
	tcase_add_test(tc, test_list_goes_on_while_jobs_move);
	tcase_add_test(tc, test_list_divides_equal_times);
	tcase_add_loop_test(tc, test_list_goes_through_a_long_section, 0, 2);
	tcase_add_test(tc, test_peek_changes_with_the_job);
}

static void add_limits(TCase *tc)
{
	tcase_add_test(tc, test_pages_have_about_a_mebibyte);
	tcase_add_test(tc, test_list_passes_tombstones_within_its_bound);
	tcase_add_test(tc, test_redrive_moves_many_at_once);
}

static void add_faults(TCase *tc)
{
	tcase_add_loop_test(tc, test_foreign_data_holds_no_reader_up, 0, 4);
	tcase_add_test(tc, test_full_redis_still_answers);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*add)(TCase *tc);
	} cases[] = { { "core", add_core }, { "limits", add_limits }, { "faults", add_faults } };
	Suite *suite = suite_create("manage");

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
