/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Jobs listed, page by page, on the real binaries. */
#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pair.h"
#include "suite_run.h"

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

/* ---- listing ---- */

#define SEEN_MAX 400

struct seen {
	char ids[SEEN_MAX][40];
	char states[SEEN_MAX][12];
	char created[SEEN_MAX][32];
	size_t n;
	unsigned pages;
};

/* Reads up to so many pages, asking the two instances in turn. filter: "state=…&", or "". */
static void list_some(struct seen *seen, const char *filter, unsigned limit, unsigned most_pages)
{
	char path[300], next[200] = "";
	seen->n = seen->pages = 0;
	do {
		size_t i;
		const json_t *job;
		snprintf(path, sizeof path, "/v1/jobs?%slimit=%u%s%s", filter, limit, *next ? "&cursor=" : "", next);
		ck_assert_msg(pair_get(seen->pages % 2 ? pair_a : pair_b, path) == 200, "%s: %s", path,
			      pair_answer.body);
		const json_t *jobs = json_object_get(pair_answer.json, "jobs"),
			     *more = json_object_get(pair_answer.json, "next");
		ck_assert_uint_le(json_array_size(jobs), limit);
		json_array_foreach(jobs, i, job)
		{
			ck_assert_uint_lt(seen->n, SEEN_MAX);
			snprintf(seen->ids[seen->n], 40, "%s", json_string_value(json_object_get(job, "id")));
			snprintf(seen->states[seen->n], 12, "%s", json_string_value(json_object_get(job, "state")));
			snprintf(seen->created[seen->n++], 32, "%s",
				 json_string_value(json_object_get(job, "created_at")));
		}
		ck_assert(json_is_null(more) || json_array_size(jobs) > 0);
		snprintf(next, sizeof next, "%s", json_is_null(more) ? "" : json_string_value(more));
		seen->pages++;
	} while (*next && seen->pages < most_pages);
}

static void list(struct seen *seen, const char *filter, unsigned limit)
{
	list_some(seen, filter, limit, UINT_MAX);
}

static size_t seen_times(const struct seen *seen, const char *path)
{
	size_t n = 0;
	for (size_t i = 0; i < seen->n; i++)
		n += strcmp(seen->ids[i], path + strlen("/v1/jobs/")) == 0;
	return n;
}

static const unsigned limits[] = { 1, 2, 3, 5, 9, 10, 11, 200 };

/* 5 queued, 3 delayed, 2 cancelled: whatever the length of a page, the same list. */
START_TEST(test_list_of_a_queue_page_by_page)
{
	static struct seen seen;
	char path[10][PAIR_PATH_SIZE], queue[20], filter[60];
	snprintf(queue, sizeof queue, "pages-%d", _i);
	snprintf(filter, sizeof filter, "queue=%s&", queue);
	for (int i = 0; i < 10; i++)
		pair_submit(path[i], queue, "square", "[1]", i < 5 ? "" : ",\"delay_ms\":3600000");
	for (int i = 8; i < 10; i++)
		ck_assert_int_eq(pair_ask(pair_b, "DELETE", path[i], NULL), 200);
	list(&seen, filter, limits[_i]);
	static const int order[] = { 4, 3, 2, 1, 0, 7, 6, 5, 9, 8 }; /* queued, delayed, finished; the latest first */
	ck_assert_uint_eq(seen.n, 10);
	for (int i = 0; i < 10; i++)
		ck_assert_str_eq(seen.ids[i], path[order[i]] + strlen("/v1/jobs/"));
	ck_assert_uint_eq(seen.pages, (10 + limits[_i] - 1) / limits[_i]); /* no empty one at the end */
}
END_TEST

START_TEST(test_list_of_all_queues_is_merged)
{
	static struct seen seen;
	char path[30][PAIR_PATH_SIZE], queue[20];
	for (int i = 0; i < 30; i++) {
		snprintf(queue, sizeof queue, "merged-%d", i % 7);
		pair_submit(path[i], queue, "square", "[1]", ",\"delay_ms\":7200000");
	}
	list(&seen, "state=delayed&", limits[_i]);
	for (int i = 0; i < 30; i++)
		ck_assert_uint_eq(seen_times(&seen, path[i]), 1);
	for (size_t i = 1; i < 30; i++) /* these run last, so they come first */
		ck_assert_str_ge(seen.created[i - 1], seen.created[i]);
	for (size_t i = 0; i < seen.n; i++)
		ck_assert_str_eq(seen.states[i], "delayed");
	for (int i = 0; i < 30; i++)
		ck_assert_int_eq(pair_ask(pair_a, "DELETE", path[i], NULL), 200);
}
END_TEST

static const char *const all_states[] = { "delayed", "queued", "running",   "succeeded",
					  "failed",  "dead",   "cancelled", "expired" };

/* One queue with a job in each state. */
START_TEST(test_list_of_each_state)
{
	static struct seen seen;
	char path[8][PAIR_PATH_SIZE], filter[60];
	struct role_run *w = pair_worker("WorkerRole_IN_0", "states");
	pair_submit(path[3], "states", "square", "[1]", "");
	pair_submit(path[4], "states", "div", "[1,0]", "");
	pair_submit(path[5], "states", "crash", "[\"abort\"]", ",\"max_attempts\":1");
	pair_submit(path[2], "states", "sleep", "[60000]", ",\"timeout_ms\":60000");
	pair_submit(path[0], "states", "square", "[2]", ",\"delay_ms\":3600000");
	pair_submit(path[6], "states", "square", "[3]", ",\"delay_ms\":3600000");
	ck_assert_int_eq(pair_ask(pair_a, "DELETE", path[6], NULL), 200);
	for (int i = 2; i < 6; i++)
		pair_await(path[i], all_states[i]);
	pair_set_paused("states", true); /* which does not keep jobs from expiring */
	pair_submit(path[7], "states", "square", "[4]", ",\"expires_in_ms\":1");
	pair_await(path[7], "expired");
	pair_submit(path[1], "states", "square", "[5]", "");
	for (int i = 0; i < 8; i++) {
		snprintf(filter, sizeof filter, "queue=states&state=%s&", all_states[i]);
		list(&seen, filter, 50);
		ck_assert_uint_eq(seen.n, 1);
		ck_assert_uint_eq(seen_times(&seen, path[i]), 1);
		ck_assert_str_eq(seen.states[0], all_states[i]);
	}
	list(&seen, "queue=states&", 3);
	ck_assert_uint_eq(seen.n, 8);
	ck_assert_str_eq(seen.states[0], "running");
	ck_assert_str_eq(seen.states[1], "queued");
	ck_assert_str_eq(seen.states[2], "delayed");
	ck_assert_uint_eq(seen_times(&seen, path[7]), 1);
	ck_assert_int_eq(pair_ask(pair_a, "DELETE", path[2], NULL), 202);
	ck_assert_int_eq(role_run_stop(w), 0);
}
END_TEST

/* Jobs come, run and end while the pages are read: no page errs, and what does not move is there once. */
START_TEST(test_list_while_jobs_move)
{
	static struct seen seen;
	char still[5][PAIR_PATH_SIZE], path[PAIR_PATH_SIZE];
	struct role_run *w = pair_worker("WorkerRole_IN_0", "moving-a,moving-b");
	for (int i = 0; i < 5; i++)
		pair_submit(still[i], i % 2 ? "moving-a" : "moving-b", "square", "[1]", ",\"delay_ms\":3600000");
	for (int round = 0; round < 6; round++) {
		for (int i = 0; i < 10; i++)
			pair_submit(path, i % 2 ? "moving-a" : "moving-b", i % 3 ? "square" : "sleep", "[20]", "");
		list_some(&seen, "", 5, 10); /* of whatever there is */
		list(&seen, round % 2 ? "queue=moving-a&" : "queue=moving-b&", 7);
		for (int i = 0; i < 5; i++)
			ck_assert_uint_eq(seen_times(&seen, still[i]), i % 2 == round % 2);
	}
	ck_assert_int_eq(role_run_stop(w), 0);
}
END_TEST

/* Results of a MiB: a page ends before it is too long, and goes on. */
START_TEST(test_list_of_large_jobs_in_short_pages)
{
	enum { LARGE = 400000, JOBS = 16 };
	static struct seen seen;
	char path[JOBS][PAIR_PATH_SIZE];
	char *body = malloc(LARGE + 200);
	ck_assert_ptr_nonnull(body);
	for (int i = 0; i < JOBS; i++) {
		int n = snprintf(body, 200, "{\"op\":\"echo\",\"queue\":\"large-%d\",\"delay_ms\":3600000,\"args\":[\"",
				 i % 3);
		memset(body + n, 'x', LARGE);
		memcpy(body + n + LARGE, "\"]}", 4);
		pair_submit_body(path[i], body);
	}
	list(&seen, "state=delayed&", 200);
	ck_assert_uint_gt(seen.pages, 1);
	for (int i = 0; i < JOBS; i++) {
		ck_assert_uint_eq(seen_times(&seen, path[i]), 1);
		ck_assert_int_eq(pair_ask(pair_a, "DELETE", path[i], NULL), 200);
	}
	free(body);
}
END_TEST

/* A cursor of one listing is none of another, and a changed one is none at all; neither is the service's fault. */
START_TEST(test_list_refuses_a_cursor_of_another_listing)
{
	char path[300], next[200];
	for (int i = 0; i < 2; i++)
		pair_submit(path, "cursors", "square", "[1]", "");
	ck_assert_int_eq(pair_get(pair_a, "/v1/jobs?queue=cursors&limit=1"), 200);
	snprintf(next, sizeof next, "%s", pair_text("next"));
	snprintf(path, sizeof path, "/v1/jobs?queue=cursors&limit=1&state=dead&cursor=%s", next);
	pair_get(pair_b, path);
	pair_assert_problem(400, "bad-request");
	size_t n = strlen(next);
	for (size_t i = 0; i < n; i += 9) {
		char right = next[i];
		next[i] = right == '0' ? '1' : '0';
		snprintf(path, sizeof path, "/v1/jobs?queue=cursors&cursor=%s", next);
		pair_get(pair_b, path);
		pair_assert_problem(400, "bad-request");
		next[i] = right;
	}
	snprintf(path, sizeof path, "/v1/jobs?queue=cursors&cursor=%s", next);
	ck_assert_int_eq(pair_get(pair_b, path), 200);
	ck_assert_uint_eq(json_array_size(json_object_get(pair_answer.json, "jobs")), 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("listing");
	TCase *core = tcase_create("core"), *bounds = tcase_create("limits");
	tcase_set_timeout(core, 60);
	tcase_add_unchecked_fixture(core, pair_set_up, pair_tear_down);
	tcase_set_timeout(bounds, 60);
	tcase_add_unchecked_fixture(bounds, pair_set_up, pair_tear_down);
	tcase_add_loop_test(core, test_list_of_a_queue_page_by_page, 0, COUNT(limits));
	tcase_add_loop_test(core, test_list_of_all_queues_is_merged, 0, COUNT(limits));
	tcase_add_test(core, test_list_of_each_state);
	tcase_add_test(core, test_list_while_jobs_move);
	tcase_add_test(bounds, test_list_refuses_a_cursor_of_another_listing);
	tcase_add_test(bounds, test_list_of_large_jobs_in_short_pages);
	suite_add_tcase(s, core);
	suite_add_tcase(s, bounds);
	return suite_run(s);
}
