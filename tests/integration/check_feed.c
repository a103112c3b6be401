/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The live feed on the real binaries: figures of queues, finished jobs, instances that come and go. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "events_lab.h"
#include "suite_run.h"

START_TEST(test_feed_tells_queues_jobs_and_workers)
{
	char path[EVENTS_PATH_SIZE], id[40];
	struct sse_client all, one;
	unsigned port = role_run_port(events_lab.web);
	events_submit(port, "{\"op\":\"square\",\"args\":[2],\"queue\":\"feed\",\"delay_ms\":600000}", path);
	events_open(&all, port, "/v1/events");
	ck_assert_int_eq(sse_hear(&all, EVENTS_DEADLINE_MS), SSE_EVENT); /* the present, at once */
	ck_assert_str_eq(all.name, "queues");
	ck_assert_int_eq(events_count(&all, "feed", "delayed"), 1);
	ck_assert_int_eq(sse_hear(&all, EVENTS_DEADLINE_MS), SSE_EVENT);
	ck_assert_str_eq(all.name, "workers");
	ck_assert_uint_ge(json_array_size(json_object_get(all.json, "workers")), 3);
	ck_assert_int_eq(events_ask(port, "GET", "/v1/queues/feed", NULL), 200);
	events_open(&one, port, "/v1/events?queue=feed");
	ck_assert_int_eq(sse_hear(&one, EVENTS_DEADLINE_MS), SSE_EVENT);
	ck_assert_uint_eq(json_array_size(json_object_get(one.json, "queues")), 1);
	const char *member; /* the same object */
	json_t *value;
	json_object_foreach(events_lab.answer.json, member, value)
	    ck_assert_msg(json_object_get(events_queue(&one, "feed"), member) != NULL, "%s is missing", member);

	events_submit(port, "{\"op\":\"square\",\"args\":[12],\"queue\":\"feed\"}", path);
	snprintf(id, sizeof id, "%s", http_answer_text(&events_lab.answer, "id"));
	events_hear_named(&one, "job");
	ck_assert_str_eq(sse_text(&one, "id"), id);
	ck_assert_str_eq(sse_text(&one, "state"), "succeeded");
	ck_assert_int_eq(json_integer_value(json_object_get(one.json, "result")), 144);
	do
		events_hear_named(&all, "job");
	while (strcmp(sse_text(&all, "id"), id) != 0);
	do
		events_hear_named(&one, "queues");
	while (events_count(&one, "feed", "finished_total") < 1);

	struct role_run *more = events_start_worker("WorkerRole_IN_7");
	bool there = false;
	while (!there) {
		events_hear_named(&one, "workers");
		there = strstr(one.data.data, "WorkerRole_IN_7") != NULL;
	}
	role_run_stop(more);
	while (there) {
		events_hear_named(&one, "workers");
		there = strstr(one.data.data, "WorkerRole_IN_7") != NULL;
	}
	sse_close(&all);
	sse_close(&one);
}
END_TEST

/* More jobs than have an event of their own: told and counted they are all there, and none twice. */
START_TEST(test_feed_counts_what_it_skips)
{
	enum { JOBS = 1000 };
	struct buf body = BUF_INIT;
	char path[EVENTS_PATH_SIZE];
	struct sse_client c;
	unsigned port = role_run_port(events_lab.web);
	json_int_t told = 0, skipped = 0, first;
	events_submit(port, "{\"op\":\"square\",\"args\":[2],\"queue\":\"flood\",\"delay_ms\":600000}", path);
	events_open(&c, port, "/v1/events?queue=flood");
	events_hear_named(&c, "queues");
	first = events_count(&c, "flood", "finished_total");
	buf_byte(&body, '[');
	for (int i = 0; i < JOBS; i++)
		buf_printf(&body, "%s{\"op\":\"square\",\"args\":[%d],\"queue\":\"flood\"}", i ? "," : "", i);
	buf_byte(&body, ']');
	events_submit(port, buf_cstr(&body), path);
	buf_fini(&body);
	while (told + skipped < JOBS) {
		ck_assert_int_eq(sse_hear(&c, EVENTS_DEADLINE_MS), SSE_EVENT);
		if (strcmp(c.name, "job") == 0)
			told++;
		else if (strcmp(c.name, "skipped") == 0)
			skipped += json_integer_value(json_object_get(c.json, "n"));
	}
	ck_assert_int_eq(told + skipped, JOBS);
	ck_assert_int_gt(told, 0);
	while (strcmp(c.name, "queues") != 0) /* then nothing but figures */
		ck_assert_int_eq(sse_hear(&c, EVENTS_DEADLINE_MS), SSE_EVENT);
	ck_assert_int_eq(events_count(&c, "flood", "finished_total") - first, JOBS);
	sse_close(&c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("feed");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");
	tcase_add_test(core, test_feed_tells_queues_jobs_and_workers);
	tcase_add_test(limits, test_feed_counts_what_it_skips);
	TCase *const all[] = { core, limits };
	for (int i = 0; i < 2; i++) {
		tcase_set_timeout(all[i], 120);
		tcase_add_unchecked_fixture(all[i], events_lab_start, events_lab_stop);
		suite_add_tcase(s, all[i]);
	}
	return suite_run(s);
}
