/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the web role asks of a queue besides submitting and reading, over a real link and a real Redis: retry, redrive,
 * pause, figures, pages, looks, results used again. What each function decides is tested in tests/lua/. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop_until.h"
#include "queue_lab.h"
#include "suite_run.h"

START_TEST(test_retry)
{
	char id[ID_TEXT_SIZE];
	queue_lab_submit(id);
	ck_assert_int_eq(queue_lab_retry(id, 10).code, 'l');
	queue_lab_cancel(id);
	struct queue_lab_change x = queue_lab_retry(id, 0);
	ck_assert_int_eq(x.status, 0);
	ck_assert_int_eq(x.code, 'F');
	ck_assert_int_eq(x.state, JOB_CANCELLED);
	x = queue_lab_retry(id, 10);
	ck_assert_int_eq(x.code, 'k');
	ck_assert_int_eq(x.state, JOB_QUEUED);
	x = queue_lab_retry("00000000-0000-7000-8000-000000000000", 10);
	ck_assert_int_eq(x.status, ERR_NOT_FOUND);
	ck_assert_int_eq(x.code, '0');
}
END_TEST

struct answered {
	bool done;
	int status;
	unsigned moved;
	bool yes; /* more, or paused */
	struct queue_figures figures;
	char looks[8 * QUEUE_LOOK + 1];
	size_t n;
};

static bool answer_done(void *arg)
{
	return ((struct answered *)arg)->done;
}

static void on_redriven(void *arg, int status, unsigned moved, bool more)
{
	*(struct answered *)arg = (struct answered){ .done = true, .status = status, .moved = moved, .yes = more };
}

static void on_paused(void *arg, int status, bool paused)
{
	*(struct answered *)arg = (struct answered){ .done = true, .status = status, .yes = paused };
}

static void on_figures(void *arg, int status, const struct queue_figures *f)
{
	*(struct answered *)arg = (struct answered){ .done = true, .status = status };
	if (f)
		((struct answered *)arg)->figures = *f;
	ck_assert_int_eq(f != NULL, status == 0);
}

static void on_peeked(void *arg, int status, const char *looks, size_t n)
{
	struct answered *a = arg;
	*a = (struct answered){ .done = true, .status = status, .n = n };
	snprintf(a->looks, sizeof a->looks, "%.*s", (int)(n * QUEUE_LOOK), looks ? looks : "");
}

static struct answered redrive(unsigned max, uint64_t live_max)
{
	struct answered a = { 0 };
	ck_assert_int_eq(queue_redrive(queue_lab.link, QUEUE_LAB_TAG, max, live_max, on_redriven, &a), 0);
	ck_assert(loop_until(&queue_lab.loop, answer_done, &a, QUEUE_LAB_DEADLINE_MS));
	return a;
}

START_TEST(test_redrive)
{
	char ids[3][ID_TEXT_SIZE], text[80] = "";
	static struct queue_lab_claimed c;
	ck_assert_uint_eq(redrive(8, 10).moved, 0);
	for (int i = 0; i < 3; i++)
		queue_lab_submit(ids[i]);
	struct queue_outcome lost[3];
	for (int crash = 0; crash < 2; crash++) { /* the second time is the last */
		char batch[16];
		snprintf(batch, sizeof batch, "w.boot.%d", crash);
		for (size_t n = 0; n < 3; n += c.n) { /* when their pauses are over */
			queue_lab_claim(&c, batch, 3 - (unsigned)n);
			for (size_t i = 0; i < c.n; i++)
				lost[i] = (struct queue_outcome){ c.ids[i], 'w', 1, { "{}", 2 } };
			text[0] = '\0';
			if (c.n == 0)
				continue;
			queue_finish(queue_lab.link, QUEUE_LAB_TAG, batch, true, lost, c.n, queue_lab_on_verdicts,
				     text);
			ck_assert(loop_until(&queue_lab.loop, queue_lab_has_text, text, QUEUE_LAB_DEADLINE_MS));
			ck_assert_int_eq(text[0], crash ? 'x' : 'd');
		}
	}
	struct answered a = redrive(8, 0);
	ck_assert_int_eq(a.status, ERR_FULL);
	a = redrive(2, 10);
	ck_assert_int_eq(a.status, 0);
	ck_assert_uint_eq(a.moved, 2);
	ck_assert(a.yes);
	a = redrive(8, 10);
	ck_assert_uint_eq(a.moved, 1);
	ck_assert(!a.yes);
	ck_assert_int_eq(redrive(0, 10).status, ERR_PROTOCOL); /* 1..512 */
	ck_assert_int_eq(queue_lab_get(ids[0]).state, JOB_QUEUED);
}
END_TEST

START_TEST(test_pause_and_figures)
{
	char ids[2][ID_TEXT_SIZE];
	struct answered a = { 0 };
	static struct queue_lab_claimed c;
	queue_lab_submit(ids[0]);
	queue_lab_submit(ids[1]);
	queue_lab_claim(&c, "w.boot.1", 1);
	ck_assert_int_eq(queue_pause(queue_lab.link, QUEUE_LAB_TAG, true, on_paused, &a), 0);
	ck_assert(loop_until(&queue_lab.loop, answer_done, &a, QUEUE_LAB_DEADLINE_MS));
	ck_assert(a.status == 0 && a.yes);
	queue_lab_claim(&c, "w.boot.2", 1);
	ck_assert_uint_eq(c.n, 0);
	a = (struct answered){ 0 };
	ck_assert_int_eq(queue_figures(queue_lab.link, QUEUE_LAB_TAG, on_figures, &a), 0);
	ck_assert(loop_until(&queue_lab.loop, answer_done, &a, QUEUE_LAB_DEADLINE_MS));
	const struct queue_figures *f = &a.figures;
	ck_assert_uint_eq(f->queued, 1);
	ck_assert_uint_eq(f->running, 1);
	ck_assert_uint_eq(f->delayed + f->dead + f->finished, 0);
	ck_assert_uint_eq(f->enqueued, 2);
	ck_assert(f->paused);
	ck_assert(f->now_us > 1600000000000000u);
	ck_assert(f->oldest_us > 0 && f->oldest_us < 60000000);
	a = (struct answered){ 0 };
	ck_assert_int_eq(queue_pause(queue_lab.link, QUEUE_LAB_TAG, false, on_paused, &a), 0);
	ck_assert(loop_until(&queue_lab.loop, answer_done, &a, QUEUE_LAB_DEADLINE_MS));
	ck_assert(a.status == 0 && !a.yes);
	queue_lab_claim(&c, "w.boot.2", 1);
	ck_assert_uint_eq(c.n, 1);
}
END_TEST

START_TEST(test_peek)
{
	char id[ID_TEXT_SIZE];
	struct answered a = { 0 };
	queue_lab_submit(id);
	const char *ids[] = { id, "00000000-0000-7000-8000-000000000000" };
	ck_assert_int_eq(queue_peek(queue_lab.link, QUEUE_LAB_TAG, ids, 2, on_peeked, &a), 0);
	ck_assert(loop_until(&queue_lab.loop, answer_done, &a, QUEUE_LAB_DEADLINE_MS));
	ck_assert_int_eq(a.status, 0);
	ck_assert_uint_eq(a.n, 2);
	ck_assert_int_eq(a.looks[0], JOB_QUEUED);
	ck_assert_int_eq(a.looks[QUEUE_LOOK], '0');
	a.done = false;
	ck_assert_int_eq(queue_peek(queue_lab.link, QUEUE_LAB_TAG, ids, 0, on_peeked, &a), 0); /* one at least */
	ck_assert(loop_until(&queue_lab.loop, answer_done, &a, QUEUE_LAB_DEADLINE_MS));
	ck_assert_int_eq(a.status, ERR_PROTOCOL);
}
END_TEST

struct listed {
	bool done;
	int status;
	bool more;
	size_t n;
	char ids[8][ID_TEXT_SIZE];
	char key[QUEUE_LIST_KEY_SIZE]; /* of the last one */
};

static void on_listed(void *arg, int status, const struct queue_page *page)
{
	struct listed *x = arg;
	*x = (struct listed){ .done = true, .status = status };
	for (size_t i = 0; page && i < page->n; i++) {
		snprintf(x->ids[x->n++], ID_TEXT_SIZE, "%s", page->jobs[i].id);
		snprintf(x->key, sizeof x->key, "%s", page->jobs[i].key);
		ck_assert(page->jobs[i].job.op.n == 6 && memcmp(page->jobs[i].job.op.p, "square", 6) == 0);
	}
	x->more = page && page->more;
}

static bool list_done(void *arg)
{
	return ((struct listed *)arg)->done;
}

static struct listed list(char section, const char *before, unsigned limit)
{
	struct listed x = { 0 };
	ck_assert_int_eq(queue_list(queue_lab.link, QUEUE_LAB_TAG, section, before, limit, on_listed, &x), 0);
	ck_assert(loop_until(&queue_lab.loop, list_done, &x, QUEUE_LAB_DEADLINE_MS));
	return x;
}

START_TEST(test_list)
{
	char ids[3][ID_TEXT_SIZE], key[QUEUE_LIST_KEY_SIZE];
	for (int i = 0; i < 3; i++)
		queue_lab_submit(ids[i]);
	struct listed x = list('q', NULL, 2);
	ck_assert_int_eq(x.status, 0);
	ck_assert_uint_eq(x.n, 2);
	ck_assert(x.more);
	ck_assert_str_eq(x.ids[0], ids[2]);
	ck_assert_str_eq(x.ids[1], ids[1]);
	snprintf(key, sizeof key, "%s", x.key);
	x = list('q', key, 2);
	ck_assert_uint_eq(x.n, 1);
	ck_assert(!x.more);
	ck_assert_str_eq(x.ids[0], ids[0]);
	queue_lab_cancel(ids[1]);
	x = list('c', NULL, 200);
	ck_assert_uint_eq(x.n, 1);
	ck_assert_str_eq(x.ids[0], ids[1]);
	ck_assert_uint_eq(list('r', NULL, 200).n, 0);
}
END_TEST

static const struct {
	char section;
	const char *before;
	unsigned limit;
} no_pages[] = {
	{ 'y', NULL, 1 },
	{ '\0', NULL, 1 },
	{ 'q', NULL, 0 },
	{ 'q', NULL, QUEUE_LIST_MAX + 1 },
	{ 'q', "", 1 },
	{ 'q', "0190a8d1-7c00-7000-8000-000000000007", 1 },
	{ 'd', "317000000000000000190a8d1-7c00-7000-8000-000000000007", 1 },
	{ 'r', "17000000000000000190a8d1-7c00-7000-8000-000000000007", 1 },
	{ 'a', "17000000000000-00190a8d1-7c00-7000-8000-000000000007", 1 },
	{ 'a', "17000000000000000190a8d1-7c00-7000-8000-00000000000'", 1 },
	{ 'a', "1700000000000000", 1 },
};

/* What comes from a client's cursor is looked at before it goes anywhere. */
START_TEST(test_list_of_no_section)
{
	struct listed x = { 0 };
	ck_assert_int_eq(queue_list(queue_lab.link, QUEUE_LAB_TAG, no_pages[_i].section, no_pages[_i].before,
				    no_pages[_i].limit, on_listed, &x),
			 ERR_INVALID);
	ck_assert(!x.done);
}
END_TEST

/* What cannot be read is not on the page, and the page is. */
START_TEST(test_list_beside_damage)
{
	char ids[2][ID_TEXT_SIZE], key[KEYS_NAME_SIZE];
	struct rsync *s = rsync_open(redis_private_url(queue_lab.redis), 5000, NULL);
	queue_lab_submit(ids[0]);
	queue_lab_submit(ids[1]);
	keys_job(key, QUEUE_LAB_TAG, ids[1]);
	rsync_words(s, NULL, "APPEND", key, "x", NULL);
	struct listed x = list('q', NULL, 8);
	ck_assert_uint_eq(x.n, 1);
	ck_assert_str_eq(x.ids[0], ids[0]);
	rsync_close(s);
}
END_TEST

/* ---- reuse of results ---- */

static enum queue_verdict submit_question(char id[ID_TEXT_SIZE], const char *question)
{
	struct queue_lab_outcome o = { .wanted = 1 };
	struct queue_submit job;
	queue_lab_fill(&job, id);
	job.job.cache = 'u';
	job.cache_hash = question;
	job.cache_s = 60;
	ck_assert_int_eq(queue_submit(queue_lab.submitter, &job, queue_lab_on_submitted, &o), 0);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_submitted, &o, QUEUE_LAB_DEADLINE_MS));
	ck_assert_int_eq(o.status, 0);
	ck_assert_str_eq(o.id, id);
	ck_assert(o.created_at > 1600000000000000u);
	return o.verdict;
}

START_TEST(test_submit_reuses_results)
{
	static const char question[] = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00";
	char ids[4][ID_TEXT_SIZE], text[80] = "";
	static struct queue_lab_claimed c;
	ck_assert_int_eq(submit_question(ids[0], question), QUEUE_ACCEPTED);
	ck_assert_int_eq(submit_question(ids[1], question), QUEUE_ACCEPTED_JOINED);
	ck_assert_int_eq(submit_question(ids[3], "other"), QUEUE_ACCEPTED);
	queue_lab_claim(&c, "w.boot.1", 8);
	ck_assert_uint_eq(c.n, 2);
	struct queue_outcome done = { ids[0], 's', 10, { "144", 3 } };
	queue_finish(queue_lab.link, QUEUE_LAB_TAG, "w.boot.1", false, &done, 1, queue_lab_on_verdicts, text);
	ck_assert(loop_until(&queue_lab.loop, queue_lab_has_text, text, QUEUE_LAB_DEADLINE_MS));
	ck_assert_str_eq(text, "k");
	ck_assert_int_eq(submit_question(ids[2], question), QUEUE_ACCEPTED_DONE);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(queue_lab_get(ids[i]).state, JOB_SUCCEEDED);
		ck_assert_str_eq(queue_lab_get(ids[i]).text, "144");
	}
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
	Suite *s = suite_create("queue_manage");
	TCase *core = add_case(s, "core"), *limits = add_case(s, "limits"), *faults = add_case(s, "faults");
	tcase_add_test(core, test_retry);
	tcase_add_test(core, test_redrive);
	tcase_add_test(core, test_pause_and_figures);
	tcase_add_test(core, test_peek);
	tcase_add_test(core, test_list);
	tcase_add_test(core, test_submit_reuses_results);
	tcase_add_loop_test(limits, test_list_of_no_section, 0, sizeof no_pages / sizeof *no_pages);
	tcase_add_test(faults, test_list_beside_damage);
	return suite_run(s);
}
