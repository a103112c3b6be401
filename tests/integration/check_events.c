/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Event streams on the real binaries: a job followed from its submission to its end, and the live feed. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "events_lab.h"
#include "keys.h"
#include "proc.h"
#include "rlink.h"
#include "suite_run.h"
#include "wait_until.h"

#define SILENCE_MS 25000 /* a comment must come within */

static struct sse_client silent; /* opened when the service starts, read when its comment is due */

/* The next event must be a state of the job. */
static const char *hear_state(struct sse_client *c)
{
	enum sse_heard heard = sse_hear(c, EVENTS_DEADLINE_MS);
	ck_assert_msg(heard == SSE_EVENT, "expected an event, got %s", heard == SSE_END ? "the end" : "none");
	ck_assert_str_eq(c->name, "state");
	ck_assert_uint_gt(strlen(c->id), 0);
	ck_assert_msg(c->json != NULL, "no JSON: %s", c->data.data);
	return sse_text(c, "state");
}

static void hear_until(struct sse_client *c, const char *state)
{
	while (strcmp(hear_state(c), state) != 0)
		ck_assert(!json_is_true(json_object_get(c->json, "done")));
}

static void hear_end(struct sse_client *c)
{
	ck_assert(json_is_true(json_object_get(c->json, "done")));
	ck_assert_int_eq(sse_hear(c, EVENTS_DEADLINE_MS), SSE_END);
	sse_close(c);
}

static void set_up(void)
{
	char path[EVENTS_PATH_SIZE];
	events_lab_start();
	events_submit(role_run_port(events_lab.web), "{\"op\":\"square\",\"args\":[1],\"delay_ms\":3600000}", path);
	events_open(&silent, role_run_port(events_lab.web), path);
}

static void tear_down(void)
{
	sse_close(&silent);
	events_lab_stop();
}

/* ---- a job's stream ---- */

static bool is_paused(void *paused)
{
	char body[40];
	snprintf(body, sizeof body, "{\"paused\":%s}", (const char *)paused);
	return events_ask(role_run_port(events_lab.web), "PATCH", "/v1/queues/steps", body) == 200;
}

static void pause_steps(const char *paused)
{
	ck_assert(wait_until(is_paused, (void *)(uintptr_t)paused, EVENTS_DEADLINE_MS));
}

/* Each state as it comes, at the instance that took the job and at another one. */
START_TEST(test_tells_each_state)
{
	static const char *const states[] = { "delayed", "queued", "running", "succeeded" };
	char path[EVENTS_PATH_SIZE], ids[4][40];
	struct sse_client c[2];
	events_submit(role_run_port(events_lab.web), "{\"op\":\"square\",\"args\":[1],\"queue\":\"steps\"}",
		      path); /* now it exists */
	pause_steps("true");
	events_submit(role_run_port(events_lab.web),
		      "{\"op\":\"sleep\",\"args\":[1500],\"queue\":\"steps\",\"delay_ms\":1000}", path);
	events_open(&c[0], role_run_port(events_lab.web), path);
	events_open(&c[1], role_run_port(events_lab.other), path);
	for (int i = 0; i < 4; i++) {
		for (int k = 0; k < 2; k++) {
			ck_assert_str_eq(hear_state(&c[k]), states[i]);
			ck_assert_int_eq(json_is_true(json_object_get(c[k].json, "done")), i == 3);
			if (k == 0)
				memcpy(ids[i], c[k].id, sizeof ids[i]);
			else
				ck_assert_str_eq(c[k].id, ids[i]); /* one state, one id, wherever it is read */
		}
		ck_assert(i == 0 || strcmp(ids[i], ids[i - 1]) != 0);
		if (i == 1)
			pause_steps("false");
	}
	ck_assert_int_eq(json_integer_value(json_object_get(c[0].json, "result")), 1500);
	hear_end(&c[0]);
	hear_end(&c[1]);
}
END_TEST

static const struct {
	const char *body, *state, *error; /* error: the end of its type; NULL: none */
	bool cancel;
} ends[] = {
	{ "{\"op\":\"add\",\"args\":[\"1/3\",\"1/6\"]}", "succeeded", NULL, false },
	{ "{\"op\":\"div\",\"args\":[1,0]}", "failed", "", false },
	{ "{\"op\":\"sleep\",\"args\":[30000],\"timeout_ms\":300}", "failed", "timeout", false },
	{ "{\"op\":\"crash\",\"args\":[\"exit\"],\"max_attempts\":2}", "dead", "", false },
	{ "{\"op\":\"square\",\"args\":[1],\"queue\":\"nobody\"}", "cancelled", "", true },
	{ "{\"op\":\"square\",\"args\":[1],\"delay_ms\":600000}", "cancelled", "", true },
	{ "{\"op\":\"sleep\",\"args\":[50000]}", "cancelled", "", true },
};

/* However it ends: attempts never go back, the end comes last, and once. */
START_TEST(test_tells_the_end)
{
	char path[EVENTS_PATH_SIZE], job[EVENTS_PATH_SIZE];
	struct sse_client c;
	json_int_t attempt = 0;
	events_submit(role_run_port(events_lab.web), ends[_i].body, path);
	events_open(&c, role_run_port(events_lab.other), path);
	events_job_of(path, job);
	for (bool done = false, cancelled = !ends[_i].cancel; !done;) {
		hear_state(&c);
		json_int_t now = json_integer_value(json_object_get(c.json, "attempt"));
		ck_assert_int_ge(now, attempt);
		attempt = now;
		done = json_is_true(json_object_get(c.json, "done"));
		if (!cancelled) {
			long status = events_ask(role_run_port(events_lab.web), "DELETE", job, NULL);
			ck_assert_msg(status == 200 || status == 202 || status == 503, "%ld %s", status,
				      events_lab.answer.body);
			cancelled = status != 503;
		}
	}
	ck_assert_str_eq(sse_text(&c, "state"), ends[_i].state);
	const char *type = json_string_value(json_object_get(json_object_get(c.json, "error"), "type"));
	ck_assert_int_eq(type != NULL, ends[_i].error != NULL);
	if (type && ends[_i].error[0])
		ck_assert_ptr_nonnull(strstr(type, ends[_i].error));
	hear_end(&c);
}
END_TEST

START_TEST(test_tells_progress)
{
	char path[EVENTS_PATH_SIZE];
	struct sse_client c;
	double last = -1;
	unsigned different = 0;
	events_submit(role_run_port(events_lab.web),
		      "{\"op\":\"crash\",\"args\":[\"loop\"],\"timeout_ms\":2500,\"max_attempts\":1}", path);
	events_open(&c, role_run_port(events_lab.web), path);
	for (bool done = false; !done;) {
		hear_state(&c);
		done = json_is_true(json_object_get(c.json, "done"));
		json_t *progress = json_object_get(c.json, "progress");
		double ratio = json_real_value(json_object_get(progress, "ratio"));
		if (!progress)
			continue;
		ck_assert_str_eq(json_string_value(json_object_get(progress, "note")), "going round in circles");
		different += ratio != last;
		last = ratio;
	}
	ck_assert_uint_ge(different, 2);
	hear_end(&c);
}
END_TEST

/* Who comes back with the id of what it has is spared that, and who has the end is told to stay away. */
START_TEST(test_goes_on_from_the_last_event)
{
	char path[EVENTS_PATH_SIZE], job[EVENTS_PATH_SIZE], header[80];
	struct sse_client c;
	events_submit(role_run_port(events_lab.web), "{\"op\":\"square\",\"args\":[3],\"delay_ms\":600000}", path);
	events_job_of(path, job);
	events_open(&c, role_run_port(events_lab.web), path);
	ck_assert_str_eq(hear_state(&c), "delayed");
	snprintf(header, sizeof header, "Last-Event-ID: %s", c.id);
	sse_close(&c);
	ck_assert_uint_eq(sse_open(&c, role_run_port(events_lab.other), path, header, EVENTS_DEADLINE_MS), 200);
	ck_assert_int_eq(events_ask(role_run_port(events_lab.web), "DELETE", job, NULL), 200);
	ck_assert_str_eq(hear_state(&c), "cancelled"); /* and not what it had */
	snprintf(header, sizeof header, "Last-Event-ID: %s", c.id);
	hear_end(&c);
	ck_assert_uint_eq(sse_open(&c, role_run_port(events_lab.other), path, header, EVENTS_DEADLINE_MS), 204);
	sse_close(&c);
	events_open(&c, role_run_port(events_lab.other), path);
	ck_assert_str_eq(hear_state(&c), "cancelled");
	hear_end(&c);
}
END_TEST

START_TEST(test_answers_what_is_no_stream)
{
	char path[EVENTS_PATH_SIZE];
	struct sse_client c;
	unsigned port = role_run_port(events_lab.web);
	ck_assert_int_eq(events_ask(port, "GET", "/v1/jobs/01a204a5-3f42-741e-8002-cf51adeb0f2e/events", NULL), 404);
	ck_assert_str_eq(http_answer_text(&events_lab.answer, "type"), "/problems/not-found");
	ck_assert_int_eq(events_ask(port, "GET", "/v1/jobs/x/events", NULL), 404);
	ck_assert_int_eq(events_ask(port, "HEAD", "/v1/jobs/01a204a5-3f42-741e-8002-cf51adeb0f2e/events", NULL), 404);
	ck_assert_int_eq(events_ask(port, "GET", "/v1/events?queue=never-heard-of", NULL), 404);
	ck_assert_int_eq(events_ask(port, "GET", "/v1/events?queue=No%20Name", NULL), 404);
	ck_assert_int_eq(events_ask(port, "GET", "/v1/events?queue=math&queue=math", NULL), 400);
	events_submit(port, "{\"op\":\"square\",\"args\":[1],\"delay_ms\":600000}", path);
	const char *const streams[] = { path, "/v1/events" };
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(events_ask(port, "POST", streams[i], "{}"), 405);
		ck_assert_str_eq(http_answer_header(&events_lab.answer, "Allow"), "GET, HEAD, OPTIONS");
		ck_assert_int_eq(events_ask(port, "HEAD", streams[i], NULL), 200);
		ck_assert_str_eq(http_answer_header(&events_lab.answer, "Content-Type"), "text/event-stream");
		ck_assert_str_eq(events_lab.answer.body, "");
	}
	events_open(&c, port, path); /* the connection of a HEAD does not end up in disorder, nor the service */
	ck_assert_str_eq(hear_state(&c), "delayed");
	sse_close(&c);
}
END_TEST

static bool is_done(void *job)
{
	return events_ask(role_run_port(events_lab.web), "GET", job, NULL) == 200 &&
	       json_is_true(json_object_get(events_lab.answer.json, "done"));
}

/* Who does not read for a while misses states, never the last one. */
START_TEST(test_a_slow_reader_has_the_end)
{
	enum { LONG = 1000000 };
	static char body[LONG + 200];
	char path[EVENTS_PATH_SIZE], job[EVENTS_PATH_SIZE];
	struct sse_client c;
	size_t n =
	    (size_t)snprintf(body, sizeof body, "{\"op\":\"echo\",\"queue\":\"steps\",\"delay_ms\":1500,\"args\":[\"");
	memset(body + n, 'x', LONG);
	memcpy(body + n + LONG, "\"]}", 4);
	events_submit(role_run_port(events_lab.web), "{\"op\":\"square\",\"args\":[1],\"queue\":\"steps\"}", path);
	pause_steps("true");
	events_submit(role_run_port(events_lab.web), body, path);
	snprintf(path, sizeof path, "%s/events", http_answer_header(&events_lab.answer, "Location"));
	events_job_of(path, job);
	events_open(&c, role_run_port(events_lab.web), path); /* and reads no further */
	struct sse_client quick;
	events_open(&quick, role_run_port(events_lab.web), path);
	hear_until(&quick, "queued");
	pause_steps("false");
	hear_until(&quick, "succeeded");
	hear_end(&quick);
	ck_assert(wait_until(is_done, job, EVENTS_DEADLINE_MS));
	ck_assert_str_eq(hear_state(&c), "delayed");
	hear_until(&c, "succeeded");
	ck_assert_uint_eq(strlen(sse_text(&c, "result")), LONG);
	hear_end(&c);
}
END_TEST

/* All see the same end, and each is told once. */
START_TEST(test_many_follow_one_job)
{
	enum { MANY = 200 };
	static struct sse_client c[MANY];
	char path[EVENTS_PATH_SIZE];
	events_submit(role_run_port(events_lab.web), "{\"op\":\"sleep\",\"args\":[1500],\"delay_ms\":1500}", path);
	for (int i = 0; i < MANY; i++)
		events_open(&c[i], role_run_port(i % 2 ? events_lab.web : events_lab.other), path);
	for (int i = 0; i < MANY; i++) {
		hear_until(&c[i], "succeeded");
		hear_end(&c[i]);
	}
}
END_TEST

/* ---- what can go wrong ---- */

/* Makes the reply list of an instance's reactors useless: the end of a job does not come by it. */
static void spoil_reply_lists(const char *instance)
{
	struct errinfo info;
	char begin[80], key[KEYS_NAME_SIZE], receiver[100];
	struct rsync *s = rsync_open(redis_private_url(events_lab.redis), 5000, &info);
	const struct rreply *reply = rsync_words(s, &info, "CLIENT", "LIST", NULL);
	unsigned spoilt = 0;
	ck_assert_ptr_nonnull(reply);
	char *clients = strdup(rreply_str(reply, NULL));
	snprintf(begin, sizeof begin, "name=%s-", instance);
	for (char *at = clients; (at = strstr(at, begin)); at++) {
		size_t n = strcspn(at, " ");
		if (n < 8 || memcmp(at + n - 8, "-replies", 8) != 0)
			continue;
		snprintf(receiver, sizeof receiver, "%.*s", (int)(n - 5 - 8), at + 5);
		keys_reply(key, "{jq:math:0}", receiver);
		rsync_words(s, &info, "SET", key, "spoilt", NULL);
		spoilt++;
	}
	ck_assert_uint_gt(spoilt, 0);
	free(clients);
	rsync_close(s);
}

START_TEST(test_the_end_comes_without_the_reply_list)
{
	char path[EVENTS_PATH_SIZE];
	struct sse_client c;
	struct role_run *mine = events_start_web("WebRole_IN_5");
	events_submit(role_run_port(mine), "{\"op\":\"sleep\",\"args\":[1000]}", path);
	events_open(&c, role_run_port(mine), path);
	hear_state(&c);
	spoil_reply_lists("WebRole_IN_5");
	if (strcmp(sse_text(&c, "state"), "succeeded") != 0)
		hear_until(&c, "succeeded");
	hear_end(&c);
	ck_assert_int_eq(role_run_stop(mine), 0);
}
END_TEST

/* A job whose record is gone has no more states: its stream ends. */
START_TEST(test_ends_with_the_record)
{
	struct errinfo info;
	char path[EVENTS_PATH_SIZE], key[KEYS_NAME_SIZE], id[40];
	struct sse_client c;
	events_submit(role_run_port(events_lab.web), "{\"op\":\"square\",\"args\":[1],\"queue\":\"nobody\"}", path);
	snprintf(id, sizeof id, "%s", http_answer_text(&events_lab.answer, "id"));
	events_open(&c, role_run_port(events_lab.web), path);
	ck_assert_str_eq(hear_state(&c), "queued");
	struct rsync *s = rsync_open(redis_private_url(events_lab.redis), 5000, &info);
	keys_job(key, "{jq:nobody:0}", id);
	rsync_words(s, &info, "DEL", key, NULL);
	rsync_close(s);
	ck_assert_int_eq(sse_hear(&c, EVENTS_DEADLINE_MS), SSE_END);
	sse_close(&c);
}
END_TEST

struct cancelling {
	unsigned port;
	const char *job;
};

static bool is_cancelled(void *arg)
{
	const struct cancelling *c = arg;
	return events_ask(c->port, "DELETE", c->job, NULL) == 200;
}

/* Streams outlive Redis, and go on with what is true afterwards. */
START_TEST(test_streams_outlive_redis)
{
	char path[EVENTS_PATH_SIZE], job[EVENTS_PATH_SIZE];
	struct sse_client c, feed;
	events_lab.redis = redis_private_start(NULL); /* only who started one may end it */
	struct role_run *mine = events_start_web("WebRole_IN_8");
	struct cancelling cancelling = { role_run_port(mine), job };
	events_submit(cancelling.port, "{\"op\":\"square\",\"args\":[1],\"delay_ms\":600000}", path);
	events_job_of(path, job);
	events_open(&c, cancelling.port, path);
	ck_assert_str_eq(hear_state(&c), "delayed");
	events_open(&feed, cancelling.port, "/v1/events");
	events_hear_named(&feed, "queues");
	redis_private_kill(events_lab.redis);
	ck_assert_int_eq(events_ask(cancelling.port, "GET", path, NULL), 503);
	ck_assert_int_eq(events_ask(cancelling.port, "GET", "/v1/events?queue=steps", NULL), 503);
	redis_private_restart(events_lab.redis);
	ck_assert(wait_until(is_cancelled, &cancelling, EVENTS_DEADLINE_MS));
	ck_assert_str_eq(hear_state(&c), "cancelled");
	hear_end(&c);
	do
		events_hear_named(&feed, "queues");
	while (events_count(&feed, "math", "cancelled_total") < 1);
	sse_close(&feed);
	ck_assert_int_eq(role_run_stop(mine), 0);
	redis_private_stop(events_lab.redis);
}
END_TEST

/* Whoever stops the service ends the streams in order, within its time. */
START_TEST(test_drain_ends_streams)
{
	char path[EVENTS_PATH_SIZE];
	struct sse_client c, feed;
	struct role_run *mine = events_start_web("WebRole_IN_6");
	events_submit(role_run_port(events_lab.web), "{\"op\":\"square\",\"args\":[1],\"delay_ms\":600000}", path);
	events_open(&c, role_run_port(mine), path);
	ck_assert_str_eq(hear_state(&c), "delayed");
	events_open(&feed, role_run_port(mine), "/v1/events");
	events_hear_named(&feed, "queues");
	ck_assert_int_eq(role_run_stop(mine), 0);
	ck_assert_int_eq(sse_hear(&c, EVENTS_DEADLINE_MS), SSE_END);
	while (sse_hear(&feed, EVENTS_DEADLINE_MS) == SSE_EVENT)
		;
	ck_assert(feed.ended && !feed.cut);
	sse_close(&c);
	sse_close(&feed);
}
END_TEST

START_TEST(test_silence_is_broken_by_comments)
{
	ck_assert(sse_hear_comments(&silent, 1, SILENCE_MS));
	ck_assert(!silent.ended);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("events");
	TCase *core = tcase_create("core"), *faults = tcase_create("faults");
	tcase_add_test(core, test_tells_each_state);
	tcase_add_loop_test(core, test_tells_the_end, 0, (int)(sizeof ends / sizeof *ends));
	tcase_add_test(core, test_tells_progress);
	tcase_add_test(core, test_goes_on_from_the_last_event);
	tcase_add_test(core, test_answers_what_is_no_stream);
	tcase_add_test(core, test_a_slow_reader_has_the_end);
	tcase_add_test(core, test_many_follow_one_job);
	tcase_add_test(core, test_silence_is_broken_by_comments);
	tcase_add_test(faults, test_the_end_comes_without_the_reply_list);
	tcase_add_test(faults, test_ends_with_the_record);
	tcase_add_test(faults, test_drain_ends_streams);
	tcase_add_test(faults, test_streams_outlive_redis);
	TCase *const all[] = { core, faults };
	for (int i = 0; i < 2; i++) {
		tcase_set_timeout(all[i], 120);
		tcase_add_unchecked_fixture(all[i], set_up, tear_down);
		suite_add_tcase(s, all[i]);
	}
	return suite_run(s);
}
