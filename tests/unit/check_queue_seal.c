/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ends that were read through a link are told when they outlive Redis: with a real one whose disk can be made slow. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop_until.h"
#include "queue_lab.h"
#include "queue_seal.h"
#include "rlink.h"
#include "suite_run.h"
#include "wait_until.h"

enum { DEADLINE_MS = 20000 };

static char hold_path[120];
static struct rsync *aside; /* a connection of the test's own */

/* ---- a disk that can be slow (tests/shim) ---- */

static void preload(bool yes)
{
	const char *build = getenv("BUILD_DIR");
	char shim[300];

	snprintf(shim, sizeof shim, "%s/lib/slow_fsync.so", build ? build : "build/release");
	ck_assert_msg(access(shim, R_OK) == 0, "expected %s, as make builds it", shim);
	if (yes)
		setenv("LD_PRELOAD", shim, 1);
	else
		unsetenv("LD_PRELOAD");
}

static void start(void)
{
	signal(SIGPIPE, SIG_IGN);
	snprintf(hold_path, sizeof hold_path, "/tmp/square-seal-%d", (int)getpid());
	setenv("SLOW_FSYNC_WHILE", hold_path, 1);
	preload(true);
	queue_lab.redis = redis_private_start(NULL);
	preload(false);
	queue_lab_open(false);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_is_up, NULL, DEADLINE_MS));
	aside = rsync_open(redis_private_url(queue_lab.redis), DEADLINE_MS, NULL);
	ck_assert_ptr_nonnull(aside);
}

static void stop(void)
{
	unlink(hold_path);
	rsync_close(aside);
	queue_lab_stop();
}

static bool fsync_runs(void *arg)
{
	(void)arg;
	rsync_words(aside, NULL, "SET", "unrelated", "1", NULL); /* there must be something to sync */
	const char *info = rreply_str(rsync_words(aside, NULL, "INFO", "persistence", NULL), NULL);
	return strstr(info, "aof_pending_bio_fsync:1") != NULL;
}

/* From now on an fsync is under way and does not end: for two seconds Redis writes nothing to its log. */
static void hold(void)
{
	int fd = open(hold_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert(wait_until(fsync_runs, NULL, DEADLINE_MS));
}

/* How often Redis was asked where its log stands. */
static int64_t questions(void)
{
	const char *text = rreply_str(rsync_words(aside, NULL, "INFO", "commandstats", NULL), NULL);
	const char *at = strstr(text, "cmdstat_info:calls=");

	return at ? strtoll(at + strlen("cmdstat_info:calls="), NULL, 10) : 0;
}

/* ---- jobs ---- */

static void finish(const char *batch, const char *id)
{
	const struct queue_outcome outcome = { id, 's', 5, { "144", 3 } };
	char verdicts[80] = "";

	ck_assert_int_eq(queue_finish(queue_lab.link, QUEUE_LAB_TAG, batch, false, &outcome, 1, queue_lab_on_verdicts,
				      verdicts),
			 0);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_has_text, verdicts, DEADLINE_MS));
	ck_assert_str_eq(verdicts, "k");
}

static void run_one(char id[ID_TEXT_SIZE])
{
	struct queue_lab_claimed claimed;

	queue_lab_submit(id);
	queue_lab_claim(&claimed, "W.1.1", 1);
	ck_assert_uint_eq(claimed.n, 1);
}

struct told {
	unsigned n;
	int status;
	enum job_state state;
	char result[16];
};

static void on_told(void *arg, int status, const struct job *job)
{
	struct told *t = arg;

	t->n++;
	t->status = status;
	t->state = job ? job->state : 0;
	snprintf(t->result, sizeof t->result, "%.*s", job ? (int)job->outcome.n : 0, job ? job->outcome.p : "");
}

static void on_changed(void *arg, int status, char code, const struct job *job)
{
	on_told(arg, status, job);
	ck_assert(status || code == 'd' || code == 'l' || code == 'c');
}

/* All the ways to read a job. */
static const struct reading {
	const char *name;
	bool ends; /* it is this that ends the job */
} readings[] = { { "get", false }, { "watch", false }, { "cancel", false }, { "retry", false }, { "cancel", true } };
enum { READINGS = sizeof readings / sizeof *readings };

static void read_it(const struct reading *by, const char *id, struct told *t)
{
	int rc;

	*t = (struct told){ 0 };
	if (strcmp(by->name, "get") == 0)
		rc = queue_get(queue_lab.link, QUEUE_LAB_TAG, id, on_told, t);
	else if (strcmp(by->name, "watch") == 0)
		rc = queue_watch(queue_lab.link, QUEUE_LAB_TAG, id, "web", on_told, t);
	else if (strcmp(by->name, "cancel") == 0)
		rc = queue_cancel(queue_lab.link, QUEUE_LAB_TAG, id, on_changed, t);
	else
		rc = queue_retry(queue_lab.link, QUEUE_LAB_TAG, id, 1000, on_changed, t);
	ck_assert_int_eq(rc, 0);
}

static bool was_told(void *arg)
{
	return ((struct told *)arg)->n > 0;
}

/* Redis says that the job has ended, and has answered what was asked before. */
static bool is_final(void *arg)
{
	char key[80];
	struct job job;
	size_t n;

	snprintf(key, sizeof key, QUEUE_LAB_TAG ":j:%s", (const char *)arg);
	const char *record = rreply_str(rsync_words(aside, NULL, "GET", key, NULL), &n);
	return job_record_decode(record, n, &job) == 0 && job_state_done(job.state);
}

struct either {
	struct told *told;
	uint64_t replies; /* so many and one more */
};

static bool is_answered(void *arg)
{
	const struct either *e = arg;
	struct rlink_stats stats;

	rlink_stats(queue_lab.link, &stats);
	return e->told->n || stats.replies > e->replies;
}

/* ---- tests ---- */

/* An end that is told is still the end when Redis is killed: while the log is held back, it is not told. */
START_TEST(test_end_is_not_told_before_it_is_written)
{
	const struct reading *by = &readings[_i];
	struct told told;
	struct rlink_stats stats;
	char id[ID_TEXT_SIZE];

	start();
	if (by->ends)
		queue_lab_submit(id);
	else
		run_one(id);
	hold();
	if (!by->ends)
		finish("W.1.1", id);
	rlink_stats(queue_lab.link, &stats);
	read_it(by, id, &told);
	struct either first = { &told, stats.replies };
	ck_assert(loop_until(&queue_lab.loop, is_answered, &first, DEADLINE_MS));
	ck_assert(is_final(id));
	redis_private_kill(queue_lab.redis);
	ck_assert(loop_until(&queue_lab.loop, was_told, &told, DEADLINE_MS));
	unlink(hold_path);
	redis_private_restart(queue_lab.redis);
	rsync_close(aside);
	aside = rsync_open(redis_private_url(queue_lab.redis), DEADLINE_MS, NULL);
	ck_assert_ptr_nonnull(aside);
	ck_assert_msg(told.status != 0 || is_final(id), "%s told of an end that Redis has forgotten", by->name);
	ck_assert_uint_eq(told.n, 1);
	stop();
}
END_TEST

/* An fsync that ends lets it go; and so does Redis, which waits for two seconds only. */
START_TEST(test_end_is_told_when_it_is_written)
{
	struct told told[READINGS - 1];
	char id[ID_TEXT_SIZE];

	start();
	run_one(id);
	hold();
	finish("W.1.1", id);
	for (int i = 0; i < READINGS - 1; i++)
		read_it(&readings[i], id, &told[i]);
	if (_i == 1)
		unlink(hold_path);
	for (int i = 0; i < READINGS - 1; i++) {
		ck_assert(loop_until(&queue_lab.loop, was_told, &told[i], DEADLINE_MS));
		ck_assert_int_eq(told[i].status, 0);
		ck_assert_int_eq(told[i].state, JOB_SUCCEEDED);
		ck_assert_str_eq(told[i].result, "144");
		ck_assert_uint_eq(told[i].n, 1);
	}
	stop();
}
END_TEST

struct age {
	struct queue_seal *seal;
	uint64_t at_us;
};

static bool is_old(void *arg)
{
	const struct age *age = arg;

	return queue_seal_is_old(age->seal, age->at_us);
}

/* Those that wait at the same time share a question; for old ones none is asked, and none for jobs that live. */
START_TEST(test_questions_are_few)
{
	enum { MANY = 50 };
	struct told told[MANY];
	char id[ID_TEXT_SIZE], live[ID_TEXT_SIZE];

	start();
	run_one(id);
	finish("W.1.1", id);
	queue_lab_submit(live);
	int64_t before = questions();
	for (int i = 0; i < MANY; i++)
		read_it(&readings[0], live, &told[i]);
	for (int i = 0; i < MANY; i++)
		ck_assert(loop_until(&queue_lab.loop, was_told, &told[i], DEADLINE_MS));
	ck_assert_int_eq(questions() - before, 1); /* this one */
	before = questions();
	for (int i = 0; i < MANY; i++)
		read_it(&readings[0], id, &told[i]);
	for (int i = 0; i < MANY; i++)
		ck_assert(loop_until(&queue_lab.loop, was_told, &told[i], DEADLINE_MS));
	int64_t asked = questions() - before - 1;
	ck_assert_msg(asked >= 1 && asked <= MANY / 2, "expected few questions for %d reads, came %lld", MANY,
		      (long long)asked);
	struct age age = { queue_seal_of(queue_lab.link), 0 };
	const struct rreply *time = rsync_words(aside, NULL, "TIME", NULL);
	age.at_us = ((uint64_t)rreply_int(rreply_at(time, 0)) + 1) * 1000000;
	ck_assert(!is_old(&age));
	ck_assert(loop_until(&queue_lab.loop, is_old, &age, DEADLINE_MS)); /* time passes */
	before = questions();
	for (int i = 0; i < MANY; i++)
		read_it(&readings[0], id, &told[i]);
	for (int i = 0; i < MANY; i++)
		ck_assert(loop_until(&queue_lab.loop, was_told, &told[i], DEADLINE_MS));
	ck_assert_int_eq(told[0].status, 0);
	ck_assert_int_eq(questions() - before, 1);
	stop();
}
END_TEST

/* Whoever frees the link hears of what is held, once. */
START_TEST(test_held_ends_go_with_the_link)
{
	struct told told;
	struct rlink_stats stats;
	char id[ID_TEXT_SIZE];

	start();
	run_one(id);
	hold();
	finish("W.1.1", id);
	rlink_stats(queue_lab.link, &stats);
	read_it(&readings[0], id, &told);
	struct either first = { &told, stats.replies };
	ck_assert(loop_until(&queue_lab.loop, is_answered, &first, DEADLINE_MS));
	stop();
	ck_assert_uint_eq(told.n, 1);
	ck_assert(told.status == ERR_CLOSED || told.status == 0);
}
END_TEST

static void on_settled(void *arg, int status)
{
	struct told *t = arg;

	t->n++;
	t->status = status;
}

/* A Redis that is busy with a script does not say where its log stands: whoever waits is told so, in the end. */
START_TEST(test_hold_ends_while_redis_is_busy)
{
	struct told told = { 0 };

	start();
	rsync_words(aside, NULL, "CONFIG", "SET", "busy-reply-threshold", "20", NULL);
	rsync_close(aside);
	aside = rsync_open(redis_private_url(queue_lab.redis), 200, NULL);
	ck_assert_ptr_nonnull(aside);
	ck_assert_ptr_null(rsync_words(aside, NULL, "EVAL", "while true do end", "0", NULL));
	ck_assert_int_eq(queue_seal_hold(queue_seal_of(queue_lab.link), UINT64_MAX, on_settled, &told), 0);
	ck_assert(loop_until(&queue_lab.loop, was_told, &told, DEADLINE_MS));
	ck_assert_int_eq(told.status, ERR_UNAVAILABLE);
	ck_assert_uint_eq(told.n, 1);
	stop();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("queue_seal");
	TCase *core = tcase_create("core"), *faults = tcase_create("faults");

	tcase_set_timeout(core, 120);
	tcase_set_timeout(faults, 120);
	tcase_add_test(core, test_questions_are_few);
	tcase_add_loop_test(faults, test_end_is_not_told_before_it_is_written, 0, READINGS);
	tcase_add_loop_test(faults, test_end_is_told_when_it_is_written, 0, 2);
	tcase_add_test(faults, test_held_ends_go_with_the_link);
	tcase_add_test(faults, test_hold_ends_while_redis_is_busy);
	suite_add_tcase(s, core);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
