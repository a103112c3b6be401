/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The queue's calls over a real link and a real Redis: group commit, deadlines, replays, the worker's round.
 * What each function decides is tested in tests/lua/. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "loop_until.h"
#include "queue_lab.h"
#include "suite_run.h"

/* ---- submitting ---- */

static void submit(struct queue_lab_outcome *o, char id[ID_TEXT_SIZE])
{
	struct queue_submit job;
	queue_lab_fill(&job, id);
	ck_assert_int_eq(queue_submit(queue_lab.submitter, &job, queue_lab_on_submitted, o), 0);
}

static uint64_t commands(void)
{
	struct rlink_stats stats;
	rlink_stats(queue_lab.link, &stats);
	return stats.commands;
}

START_TEST(test_submit_is_grouped)
{
	struct queue_lab_outcome o = { .wanted = 600 };
	char id[ID_TEXT_SIZE];
	uint64_t before = commands();
	for (int i = 0; i < 600; i++)
		submit(&o, id);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_submitted, &o, QUEUE_LAB_DEADLINE_MS));
	ck_assert_uint_eq(o.n, 600);
	ck_assert_int_eq(o.status, 0);
	ck_assert_uint_eq(commands() - before, 3); /* at most 256 jobs a call */
	ck_assert(o.created_at > 1600000000000000u);
}
END_TEST

/* One that was refused elsewhere before has little time left: it does not make that of the others any shorter. */
START_TEST(test_submit_in_a_hurry)
{
	struct queue_lab_outcome o = { .wanted = 5 };
	char id[ID_TEXT_SIZE];
	uint64_t before = commands();
	for (int i = 0; i < 5; i++) {
		struct queue_submit job;
		queue_lab_fill(&job, id);
		job.until_us = i % 2 ? clock_mono_us() + 100000 : 0; /* of 250 ms */
		ck_assert_int_eq(queue_submit(queue_lab.submitter, &job, queue_lab_on_submitted, &o), 0);
	}
	queue_submitter_flush(queue_lab.submitter);
	ck_assert_uint_eq(commands() - before, 2);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_submitted, &o, QUEUE_LAB_DEADLINE_MS));
	ck_assert_int_eq(o.status, 0);
}
END_TEST

START_TEST(test_submit_full)
{
	struct queue_lab_outcome o = { .wanted = 1002 };
	char id[ID_TEXT_SIZE];
	for (int i = 0; i < 1002; i++)
		submit(&o, id);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_submitted, &o, QUEUE_LAB_DEADLINE_MS));
	ck_assert_int_eq(o.status, 0);
	ck_assert_int_eq(o.verdict, QUEUE_REFUSED_FULL);
}
END_TEST

START_TEST(test_submit_idempotent)
{
	struct queue_lab_outcome o = { .wanted = 1 };
	struct queue_submit job;
	char first[ID_TEXT_SIZE], second[ID_TEXT_SIZE];
	queue_lab_fill(&job, first);
	job.idem_hash = "aa";
	job.idem_print = "11";
	queue_submit(queue_lab.submitter, &job, queue_lab_on_submitted, &o);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_submitted, &o, QUEUE_LAB_DEADLINE_MS));
	ck_assert_int_eq(o.verdict, QUEUE_ACCEPTED);
	job.id = second;
	queue_lab_fill(&job, second);
	job.idem_hash = "aa";
	job.idem_print = "11";
	o.wanted++;
	queue_submit(queue_lab.submitter, &job, queue_lab_on_submitted, &o);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_submitted, &o, QUEUE_LAB_DEADLINE_MS));
	ck_assert_int_eq(o.verdict, QUEUE_REPLAYED);
	ck_assert_str_eq(o.id, first);
	job.idem_print = "22";
	o.wanted++;
	queue_submit(queue_lab.submitter, &job, queue_lab_on_submitted, &o);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_submitted, &o, QUEUE_LAB_DEADLINE_MS));
	ck_assert_int_eq(o.verdict, QUEUE_KEY_REUSED);
}
END_TEST

START_TEST(test_submit_without_redis)
{
	struct queue_lab_outcome o = { .wanted = 1 };
	char id[ID_TEXT_SIZE];
	redis_private_kill(queue_lab.redis);
	submit(&o, id);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_submitted, &o, QUEUE_LAB_DEADLINE_MS));
	ck_assert(o.status == ERR_UNAVAILABLE || o.status == ERR_TIMEOUT);
	o.wanted++;
	submit(&o, id); /* by now the link is known to be down */
	ck_assert(loop_until(&queue_lab.loop, queue_lab_submitted, &o, QUEUE_LAB_DEADLINE_MS));
	ck_assert_int_eq(o.status, ERR_UNAVAILABLE);
}
END_TEST

/* Sent, never answered in time: the outcome is unknown, and the job is there exactly once when Redis wakes up. */
START_TEST(test_submit_redis_hangs)
{
	struct queue_lab_outcome o = { .wanted = 1 };
	char id[ID_TEXT_SIZE];
	kill(redis_private_pid(queue_lab.redis), SIGSTOP);
	submit(&o, id);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_submitted, &o, QUEUE_LAB_DEADLINE_MS));
	ck_assert_int_eq(o.status, ERR_TIMEOUT);
	kill(redis_private_pid(queue_lab.redis), SIGCONT);
	struct rsync *s = rsync_open(redis_private_url(queue_lab.redis), 5000, NULL);
	ck_assert_int_eq(rreply_int(rsync_words(s, NULL, "LLEN", QUEUE_LAB_TAG ":w:normal", NULL)), 1);
	rsync_close(s);
	ck_assert_uint_eq(o.n, 1);
}
END_TEST

/* The link breaks after sending and comes back before the deadline: asked again, accepted once. */
START_TEST(test_submit_again_after_loss)
{
	struct queue_lab_outcome o = { .wanted = 1 };
	char id[ID_TEXT_SIZE];
	struct rsync *s = rsync_open(redis_private_url(queue_lab.redis), 5000, NULL);
	submit(&o, id);
	queue_submitter_flush(queue_lab.submitter);
	rlink_flush(queue_lab.link);
	rlink_drop(queue_lab.link, "test");
	ck_assert_uint_eq(o.n, 0);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_submitted, &o, QUEUE_LAB_DEADLINE_MS));
	ck_assert_int_eq(o.status, 0);
	ck_assert_int_eq(o.verdict, QUEUE_ACCEPTED);
	ck_assert_int_eq(rreply_int(rsync_words(s, NULL, "LLEN", QUEUE_LAB_TAG ":w:normal", NULL)), 1);
	ck_assert_str_eq(rreply_str(rsync_words(s, NULL, "HGET", QUEUE_LAB_TAG ":st", "live", NULL), NULL), "1");
	rsync_close(s);
}
END_TEST

/* Perhaps accepted, then asked again and refused: the refusal says nothing about the first time. */
START_TEST(test_submit_refused_after_loss)
{
	struct queue_lab_outcome o = { .wanted = 1 };
	char id[ID_TEXT_SIZE];
	struct rsync *s = rsync_open(redis_private_url(queue_lab.redis), 5000, NULL);
	submit(&o, id);
	queue_submitter_flush(queue_lab.submitter);
	rlink_flush(queue_lab.link);
	rlink_drop(queue_lab.link, "test");
	for (int i = 0; i < 1000 && rreply_int(rsync_words(s, NULL, "HGET", QUEUE_LAB_TAG ":st", "live", NULL)) == 0;
	     i++)
		;
	rsync_words(s, NULL, "CONFIG", "SET", "min-replicas-to-write", "1", NULL);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_submitted, &o, QUEUE_LAB_DEADLINE_MS));
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
		queue_lab_fill(&job, next);
		ck_assert_int_eq(queue_submit(queue_lab.submitter, &job, on_submitted_stubborn, o), 0);
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
	redis_private_kill(queue_lab.redis);
	rlink_drop(queue_lab.link, "test");
	for (size_t i = 0; i < 16; i++) {
		struct queue_submit job;
		char id[ID_TEXT_SIZE];
		all[i].again = true;
		queue_lab_fill(&job, id);
		ck_assert_int_eq(queue_submit(queue_lab.submitter, &job, on_submitted_stubborn, &all[i]), 0);
	}
	ck_assert(loop_until(&queue_lab.loop, stubborn_done, all, QUEUE_LAB_DEADLINE_MS));
}
END_TEST

/* What is no job is refused by Redis before it is anywhere. */
START_TEST(test_submit_without_operation)
{
	struct queue_lab_outcome o = { .wanted = 1 };
	struct queue_submit job;
	char id[ID_TEXT_SIZE];
	queue_lab_fill(&job, id);
	job.job.op.n = 0;
	ck_assert_int_eq(queue_submit(queue_lab.submitter, &job, queue_lab_on_submitted, &o), 0);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_submitted, &o, QUEUE_LAB_DEADLINE_MS));
	ck_assert_int_eq(o.status, ERR_PROTOCOL);
}
END_TEST

/* ---- reading ---- */

START_TEST(test_get)
{
	char id[ID_TEXT_SIZE];
	queue_lab_submit(id);
	struct queue_lab_job g = queue_lab_get(id);
	ck_assert_int_eq(g.status, 0);
	ck_assert_int_eq(g.state, JOB_QUEUED);
	ck_assert_int_eq(queue_lab_get("00000000-0000-7000-8000-000000000000").status, ERR_NOT_FOUND);
	struct rsync *s = rsync_open(redis_private_url(queue_lab.redis), 5000, NULL);
	rsync_words(s, NULL, "SET", QUEUE_LAB_TAG ":j:00000000-0000-7000-8000-000000000000", "not a record", NULL);
	ck_assert_int_eq(queue_lab_get("00000000-0000-7000-8000-000000000000").status, ERR_INVALID);
	rsync_close(s);
}
END_TEST

/* ---- a worker's round ---- */

static void on_extended(void *arg, int status, const struct rreply *answers)
{
	snprintf(arg, 80, "%s", status ? "error" : rreply_str(rreply_at(answers, 0), NULL));
}

START_TEST(test_cancel)
{
	char waiting[ID_TEXT_SIZE], running[ID_TEXT_SIZE];
	static struct queue_lab_claimed c;
	queue_lab_submit(running);
	queue_lab_claim(&c, "w.boot.1", 1);
	queue_lab_submit(waiting);
	struct queue_lab_change x = queue_lab_cancel(waiting);
	ck_assert_int_eq(x.status, 0);
	ck_assert_int_eq(x.code, 'c');
	ck_assert_int_eq(x.state, JOB_CANCELLED);
	ck_assert_int_eq(queue_lab_cancel(waiting).code, 'd');
	x = queue_lab_cancel(running);
	ck_assert_int_eq(x.code, 'a');
	ck_assert_int_eq(x.state, JOB_RUNNING);
	ck_assert_uint_eq(x.flags, JOB_FLAG_CANCEL_ASKED);
	x = queue_lab_cancel("00000000-0000-7000-8000-000000000000");
	ck_assert_int_eq(x.status, ERR_NOT_FOUND);
	ck_assert_int_eq(x.code, '0');
}
END_TEST

static bool has_outcome(void *arg)
{
	return queue_lab_get(arg).text[0] != '\0';
}

START_TEST(test_progress)
{
	char id[ID_TEXT_SIZE];
	static const char json[] = "{\"ratio\":0.5,\"note\":\"half\"}";
	static struct queue_lab_claimed c;
	queue_lab_submit(id);
	queue_lab_claim(&c, "w.boot.1", 1);
	ck_assert_int_eq(queue_progress(queue_lab.link, QUEUE_LAB_TAG, "w.boot.1", id,
					(struct span){ json, strlen(json) }),
			 0);
	ck_assert(loop_until(&queue_lab.loop, has_outcome, id, QUEUE_LAB_DEADLINE_MS));
	struct queue_lab_job g = queue_lab_get(id);
	ck_assert_int_eq(g.state, JOB_RUNNING);
	ck_assert_str_eq(g.text, json);
}
END_TEST

START_TEST(test_worker_round)
{
	char ids[3][ID_TEXT_SIZE], text[80] = "";
	static struct queue_lab_claimed c;
	for (int i = 0; i < 3; i++)
		queue_lab_submit(ids[i]);
	queue_lab_claim(&c, "w.boot.1", 2);
	ck_assert_uint_eq(c.n, 2);
	ck_assert_str_eq(c.ids[0], ids[0]);
	ck_assert(c.more);
	queue_lab_claim(&c, "w.boot.1", 2); /* asked again */
	ck_assert_uint_eq(c.n, 2);
	const char *both[] = { ids[0], ids[1] };
	queue_start(queue_lab.link, QUEUE_LAB_TAG, "w.boot.1", false, both, 2, queue_lab_on_verdicts, text);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_has_text, text, QUEUE_LAB_DEADLINE_MS));
	ck_assert_str_eq(text, "ss");
	struct queue_outcome done[] = { { ids[0], 's', 10, { "144", 3 } },
					{ ids[1], 'f', 10, { "{\"type\":\"x\"}", 12 } } };
	for (int again = 0; again < 2; again++) {
		text[0] = '\0';
		queue_finish(queue_lab.link, QUEUE_LAB_TAG, "w.boot.1", false, done, 2, queue_lab_on_verdicts, text);
		ck_assert(loop_until(&queue_lab.loop, queue_lab_has_text, text, QUEUE_LAB_DEADLINE_MS));
		ck_assert_str_eq(text, again ? "mm" : "kk");
	}
	struct queue_lab_job g = queue_lab_get(ids[0]);
	ck_assert_int_eq(g.state, JOB_SUCCEEDED);
	ck_assert_str_eq(g.text, "144");
	ck_assert_uint_eq(g.attempt, 1);
	queue_lab_claim(&c, "w.boot.2", 2);
	const char *last[] = { ids[2] };
	text[0] = '\0';
	queue_release(queue_lab.link, QUEUE_LAB_TAG, "w.boot.2", last, 1, queue_lab_on_verdicts, text);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_has_text, text, QUEUE_LAB_DEADLINE_MS));
	ck_assert_str_eq(text, "k");
	ck_assert_int_eq(queue_lab_get(ids[2]).state, JOB_QUEUED);
	const char *batches[] = { "w.boot.2" };
	text[0] = '\0';
	queue_extend(queue_lab.link, QUEUE_LAB_TAG, batches, 1, on_extended, text);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_has_text, text, QUEUE_LAB_DEADLINE_MS));
	ck_assert_str_eq(text, "lost");
}
END_TEST

START_TEST(test_reply_list)
{
	char id[ID_TEXT_SIZE], back[ID_TEXT_SIZE], text[80] = "";
	static struct queue_lab_claimed c;
	struct job job;
	size_t n;
	queue_lab_submit(id);
	queue_lab_claim(&c, "w.boot.1", 1);
	struct queue_outcome done = { id, 's', 10, { "144", 3 } };
	queue_finish(queue_lab.link, QUEUE_LAB_TAG, "w.boot.1", false, &done, 1, queue_lab_on_verdicts, text);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_has_text, text, QUEUE_LAB_DEADLINE_MS));
	struct rsync *s = rsync_open(redis_private_url(queue_lab.redis), 5000, NULL);
	const char *entry = rreply_str(rsync_words(s, NULL, "LPOP", QUEUE_LAB_TAG ":r:web", NULL), &n);
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
	static struct queue_lab_claimed c;
	struct reaped r = { 0 };
	queue_lab_submit(id);
	queue_lab_claim(&c, "w.old.1", 1);
	ck_assert_int_eq(queue_reap(queue_lab.link, QUEUE_LAB_TAG, "w", "new", on_reaped, &r), 0);
	ck_assert(loop_until(&queue_lab.loop, reap_done, &r, QUEUE_LAB_DEADLINE_MS));
	ck_assert_int_eq(r.status, 0);
	ck_assert_uint_eq(r.what.requeued, 1);
	ck_assert_uint_eq(r.what.waiting, 1);
	ck_assert_uint_eq(r.what.leases, 0);
	ck_assert_int_eq(queue_lab_get(id).state, JOB_QUEUED);
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
		ck_assert_int_eq(queue_register(queue_lab.link, tags[i], on_registered, &r), 0);
		ck_assert(loop_until(&queue_lab.loop, register_done, &r, QUEUE_LAB_DEADLINE_MS));
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
	return strstr(rlink_error(queue_lab.link), "appendonly") != NULL;
}

START_TEST(test_greet_volatile_redis)
{
	struct rsync *s = rsync_open(redis_private_url(queue_lab.redis), 5000, NULL);
	rsync_words(s, NULL, "CONFIG", "SET", "appendonly", "no", NULL);
	queue_lab_close();
	queue_lab_open(false);
	ck_assert(loop_until(&queue_lab.loop, says_appendonly, NULL, QUEUE_LAB_DEADLINE_MS));
	ck_assert(!rlink_up(queue_lab.link));
	queue_lab_close();
	queue_lab_open(true);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_is_up, NULL, QUEUE_LAB_DEADLINE_MS));
	rsync_close(s);
}
END_TEST

/* Functions that vanish under a running link (a flushed or replaced Redis) come back by themselves. */
START_TEST(test_functions_come_back)
{
	struct queue_lab_outcome o = { .wanted = 1 };
	char id[ID_TEXT_SIZE];
	struct rsync *s = rsync_open(redis_private_url(queue_lab.redis), 5000, NULL);
	rsync_words(s, NULL, "FUNCTION", "FLUSH", NULL);
	submit(&o, id);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_submitted, &o, QUEUE_LAB_DEADLINE_MS));
	ck_assert_int_eq(o.status, ERR_UNAVAILABLE);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_is_up, NULL, QUEUE_LAB_DEADLINE_MS));
	queue_lab_submit(id);
	rsync_close(s);
}
END_TEST

/* A newer library than ours stays. */
START_TEST(test_newer_library_stays)
{
	static const char newer[] = "#!lua name=square\n"
				    "redis.register_function{function_name='sq_version', flags={'no-writes'}, "
				    "callback=function() return 1000000 end}";
	struct rsync *s = rsync_open(redis_private_url(queue_lab.redis), 5000, NULL);
	rsync_words(s, NULL, "FUNCTION", "LOAD", "REPLACE", newer, NULL);
	queue_lab_close();
	queue_lab_open(false);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_is_up, NULL, QUEUE_LAB_DEADLINE_MS));
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
	struct rsync *s = rsync_open(redis_private_url(queue_lab.redis), 5000, NULL);
	rsync_words(s, NULL, "FUNCTION", "LOAD", "REPLACE", foreign, NULL);
	queue_lab_close();
	queue_lab_open(false);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_is_up, NULL, QUEUE_LAB_DEADLINE_MS));
	queue_lab_submit(id);
	rsync_close(s);
}
END_TEST

static TCase *add_case(Suite *s, const char *name)
{
	TCase *t = tcase_create(name);
	tcase_add_checked_fixture(t, queue_lab_start, queue_lab_stop);
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
	tcase_add_test(limits, test_submit_in_a_hurry);
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
	return suite_run(s);
}
