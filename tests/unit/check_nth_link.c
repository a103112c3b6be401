/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The n-th allocation fails, for every n, in the link to Redis and in a submission, libraries included, against a real
 * server: each call is answered once and with its own reply or an error, no job is promised that is not there, the link
 * comes back, and nothing is left allocated. hiredis ends the process, by abort(), where it cannot go on without
 * memory: so each n is tried in a process of its own, and that end is one of the two good ones. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop_until.h"
#include "nth.h"
#include "queue_lab.h"
#include "suite_run.h"

#define DEADLINE_MS 20000
#define MOST 2000 /* allocations of one case, far more than any has */
#define ECHOES 8

static bool can_fail(void)
{
	bool works = nth_works();
	ck_assert_msg(works || nth_is_left_out(), "expected the first allocation to fail, it did not");
	return works;
}

/* ---- calls ---- */

struct echo {
	char word[300];
	unsigned answers;
	int status;
	bool own; /* the reply was that to this call */
};
static struct echo echoes[ECHOES];
static unsigned asked;

static void on_echo(void *arg, int status, const struct rreply *reply)
{
	struct echo *e = arg;
	e->answers++;
	e->status = status;
	e->own = strcmp(rreply_str(reply, NULL), e->word) == 0;
}

static bool all_echoed(void *arg)
{
	unsigned answers = 0;
	(void)arg;
	for (unsigned i = 0; i < ECHOES; i++)
		answers += echoes[i].answers;
	return answers >= asked;
}

static void send_echoes(void)
{
	asked = 0;
	for (unsigned i = 0; i < ECHOES; i++) {
		struct echo *e = &echoes[i];
		struct rcmd cmd;
		/* each longer than those before: buffers grow in the middle */
		memset(e, 0, sizeof *e);
		memset(e->word, 'a' + (int)i, 8 + 32 * i);
		rcmd_init(&cmd);
		rcmd_str(&cmd, "ECHO");
		rcmd_str(&cmd, e->word);
		if (rlink_send(queue_lab.link, &cmd, on_echo, e) == 0)
			asked++;
		else
			e->word[0] = '\0';
		rcmd_fini(&cmd);
	}
	rlink_flush(queue_lab.link);
}

static bool own_replies(void)
{
	for (unsigned i = 0; i < ECHOES; i++) {
		const struct echo *e = &echoes[i];
		if (e->answers != (e->word[0] != '\0') || (e->answers && !e->status && !e->own))
			return false;
	}
	return true;
}

/* ---- all n ---- */

static struct redis_private *redis;

/* Everything that is to hold when the n-th allocation fails; whether it was one of the run. In its own process. */
typedef bool nth_try(unsigned long n);

static void expect(bool holds, const char *what, unsigned long n)
{
	if (holds)
		return;
	(void)fprintf(stderr, "allocation %lu: expected: %s\n", n, what);
	_exit(99);
}

/* 0: nothing failed; 1: something did, and all went well; 2: the library ended the process. */
static int status_apart(nth_try *try, unsigned long n)
{
	int status;
	(void)fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		_exit(try(n));
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
		return 2;
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) <= 1, "allocation %lu: status %#x", n, status);
	return WEXITSTATUS(status);
}

static void for_all_n(nth_try *try)
{
	unsigned survived = 0;
	unsigned long n = 0;
	int status;
	if (!can_fail()) {
		ck_assert_int_eq(status_apart(try, 0), 0);
		return;
	}
	do {
		status = status_apart(try, ++n);
		survived += status == 1;
	} while (status != 0 && n < MOST);
	ck_assert_uint_lt(n, MOST);
	ck_assert_uint_gt(survived, 0);
}

static void open_lab(void)
{
	queue_lab.redis = redis;
	queue_lab_open(false);
	expect(loop_until(&queue_lab.loop, queue_lab_is_up, NULL, DEADLINE_MS), "the link is up", 0);
}

static void works_again(unsigned long n)
{
	expect(loop_until(&queue_lab.loop, queue_lab_is_up, NULL, DEADLINE_MS), "the link is up again", n);
	send_echoes();
	expect(loop_until(&queue_lab.loop, all_echoed, NULL, DEADLINE_MS), "calls are answered again", n);
	expect(asked == ECHOES && own_replies(), "calls are answered by their own replies again", n);
	queue_lab_close();
}

static bool try_send(unsigned long n)
{
	open_lab();
	nth_arm(n);
	send_echoes();
	bool answered = loop_until(&queue_lab.loop, all_echoed, NULL, DEADLINE_MS);
	bool failed = nth_disarm();
	expect(answered, "each call is answered", n);
	expect(own_replies(), "each call is answered once, by its own reply or an error", n);
	works_again(n);
	return failed;
}

static bool try_connect(unsigned long n)
{
	open_lab();
	nth_arm(n);
	rlink_drop(queue_lab.link, "for the test");
	bool is_up = loop_until(&queue_lab.loop, queue_lab_is_up, NULL, DEADLINE_MS);
	bool failed = nth_disarm();
	expect(is_up, "the link comes back", n);
	works_again(n);
	return failed;
}

static bool try_open(unsigned long n)
{
	struct rlink_options options = { .url = redis_private_url(redis), .name = "check" };
	struct errinfo info;
	uv_loop_t loop;
	bool failed = false, is_up = true;
	for (int i = 0; i < 2; i++) { /* what is allocated once, and kept, is there the second time */
		expect(uv_loop_init(&loop) == 0, "a loop", n);
		long live = nth->live;
		if (i)
			nth_arm(n);
		queue_lab.link = rlink_new(&loop, &options, &info);
		struct queue_submitter *s = queue_lab.link ? queue_submitter_new(&loop, queue_lab.link, 10, 100) : NULL;
		if (queue_lab.link)
			is_up = loop_until(&loop, queue_lab_is_up, NULL, DEADLINE_MS);
		failed = i && nth_disarm();
		queue_submitter_free(s);
		rlink_free(queue_lab.link);
		while (uv_run(&loop, UV_RUN_NOWAIT))
			;
		expect(is_up, "a link that was made comes up", n);
		expect(i == 0 || nth->live == live, "all is freed", n);
		expect(uv_loop_close(&loop) == 0, "all handles are closed", n);
	}
	return failed;
}

static bool try_submit(unsigned long n)
{
	struct queue_lab_outcome o = { .wanted = 1 };
	struct queue_submit job;
	char id[ID_TEXT_SIZE];
	struct rlink_stats before, after;
	open_lab();
	queue_lab_fill(&job, id);
	rlink_stats(queue_lab.link, &before);
	nth_arm(n);
	int rc = queue_submit(queue_lab.submitter, &job, queue_lab_on_submitted, &o);
	bool answered = rc || loop_until(&queue_lab.loop, queue_lab_submitted, &o, DEADLINE_MS);
	bool failed = nth_disarm();
	queue_submitter_flush(queue_lab.submitter);
	rlink_stats(queue_lab.link, &after);
	expect(!rc || after.commands == before.commands, "nothing is sent for a submission that was not taken", n);
	expect(answered && o.n == (rc == 0), "a submission that was taken is answered once, another never", n);
	expect(loop_until(&queue_lab.loop, queue_lab_is_up, NULL, DEADLINE_MS), "the link is up again", n);
	if (!rc && !o.status) {
		struct queue_lab_job found = queue_lab_get(id);
		expect(o.verdict == QUEUE_ACCEPTED && found.status == 0, "what was accepted is there", n);
	}
	expect(failed || (!rc && !o.status), "with memory it is accepted", n);
	queue_lab_submit(id);
	works_again(n);
	return failed;
}

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	redis = redis_private_start(NULL);
}

static void teardown(void)
{
	redis_private_stop(redis);
}

START_TEST(test_send_nth_allocation_fails)
{
	for_all_n(try_send);
}
END_TEST

START_TEST(test_connect_nth_allocation_fails)
{
	for_all_n(try_connect);
}
END_TEST

START_TEST(test_open_nth_allocation_fails)
{
	for_all_n(try_open);
}
END_TEST

START_TEST(test_submit_nth_allocation_fails)
{
	for_all_n(try_submit);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("nth_link");
	TCase *faults = tcase_create("faults");
	tcase_add_checked_fixture(faults, setup, teardown);
	tcase_add_test(faults, test_send_nth_allocation_fails);
	tcase_add_test(faults, test_connect_nth_allocation_fails);
	tcase_add_test(faults, test_submit_nth_allocation_fails);
	tcase_add_test(faults, test_open_nth_allocation_fails);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
