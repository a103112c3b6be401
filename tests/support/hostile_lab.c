/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hostile_lab.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "fabric_run.h"
#include "http_client.h"
#include "redis_private.h"
#include "rlink.h"
#include "wait_until.h"

/* What is tested here is not how soon a submission is given up on a loaded machine. */
#define PATIENCE "SQUARE_ENQUEUE_DEADLINE_MS=10000"

struct hostile_lab hostile;

static struct redis_private *redis;
static struct fabric_run *fabric;
static char redis_url[300];
static size_t jobs_before;

/* ---- the service ---- */

static bool is_ready(void *arg)
{
	struct http_answer a;
	(void)arg;
	http_client_get(hostile.port, "/readyz", &a);
	bool ready = a.status == 200;
	http_answer_fini(&a);
	return ready;
}

/* One request of each kind, so that every link the role has is open before its descriptors are counted. */
static void warm_up(void)
{
	struct http_answer a;
	http_client_post(hostile.port, "/v1/jobs?wait=0.01", HOSTILE_JOB, &a);
	ck_assert_msg(a.status == 202, "%ld %s", a.status, a.error);
	http_answer_fini(&a);
}

void hostile_start_web_with(const char *const *env)
{
	const char *all[20] = { PATIENCE };
	for (size_t i = 0; env && env[i] && i + 2 < sizeof all / sizeof *all; i++)
		all[i + 1] = env[i];
	redis = redis_private_start(NULL);
	(void)snprintf(redis_url, sizeof redis_url, "%s", redis_private_url(redis));
	hostile.web = role_run_start("web-role", "WebRole_IN_0", redis_url, all);
	hostile.port = role_run_port(hostile.web);
	hostile.balanced = false;
	ck_assert(wait_until(is_ready, NULL, HOSTILE_MS));
	warm_up();
	hostile.files = role_run_files(hostile.web) + 1; /* the last request's own may not be closed yet, or may */
}

void hostile_start_web(void)
{
	static const char *const env[] = { "SQUARE_HEAD_SECONDS=2", "SQUARE_BODY_SECONDS=2", NULL };
	hostile_start_web_with(env);
}

void hostile_stop_web(void)
{
	ck_assert_int_eq(role_run_stop(hostile.web), 0);
	hostile.web = NULL;
	redis_private_stop(redis);
}

void hostile_start_fabric(void)
{
	static const char *const env[] = { "WEB_INSTANCES=1", "WORKER_INSTANCES=1", PATIENCE, NULL };
	fabric = fabric_run_start(env);
	(void)snprintf(redis_url, sizeof redis_url, "%s", fabric_run_redis_url(fabric));
	hostile.port = fabric_run_http(fabric);
	hostile.balanced = true;
}

void hostile_stop_fabric(void)
{
	ck_assert_int_eq(fabric_run_stop(fabric), 0);
}

/* ---- looking ---- */

/* How many jobs were ever stored: their records stay for longer than the tests take. */
static size_t jobs(void)
{
	struct errinfo info;
	struct rsync *s = rsync_open(redis_url, HOSTILE_MS, &info);
	ck_assert_msg(s != NULL, "%s", info.text);
	size_t n = rreply_count(rsync_words(s, &info, "KEYS", "{jq:*}:j:*", NULL));
	rsync_close(s);
	return n;
}

void hostile_remember(void)
{
	jobs_before = jobs();
}

void hostile_expect_sane(size_t new_jobs, const char *after)
{
	struct http_answer a;
	http_client_get(hostile.port, "/livez", &a);
	ck_assert_msg(a.status == 200, "after %s: %ld %s", after, a.status, a.error);
	http_answer_fini(&a);
	size_t now = jobs();
	ck_assert_msg(now == jobs_before + new_jobs, "after %s: %zu new jobs, expected %zu", after, now - jobs_before,
		      new_jobs);
	if (hostile.web)
		ck_assert_msg(role_run_wait_files(hostile.web, hostile.files, HOSTILE_MS),
			      "after %s: %u files are open, %u were", after, role_run_files(hostile.web),
			      hostile.files);
}

/* ---- the client ---- */

void hostile_dial(void)
{
	ck_assert(raw_connect(&hostile.client, hostile.port, NULL, 0, HOSTILE_MS));
}

unsigned hostile_hear(void)
{
	enum raw_heard heard = raw_hear(&hostile.client, &hostile.answer, HOSTILE_MS);
	ck_assert_msg(heard != RAW_SILENCE, "neither an answer nor an end within %d ms", HOSTILE_MS);
	return heard == RAW_ANSWER ? hostile.answer.status : 0;
}

unsigned hostile_hear_all(unsigned status[2])
{
	unsigned n = 0, got;
	while ((got = hostile_hear()) != 0) {
		if (n < 2)
			status[n] = got;
		if (got > 399 && hostile.balanced)
			hostile_expect_problem("through the balancer");
		n++;
	}
	return n;
}

/* HAProxy's answer to what it cannot parse at all is built in, and no setting reaches it. */
static bool is_built_in(void)
{
	static const char text[] = "<html><body><h1>4";
	return hostile.balanced && strncmp(buf_cstr(&hostile.answer.body), text, sizeof text - 1) == 0;
}

void hostile_expect_problem(const char *name)
{
	char member[40];
	struct raw_answer *a = &hostile.answer;
	const char *type = raw_header(a, "Content-Type");
	if (is_built_in())
		return;
	ck_assert_msg(type && strcmp(type, "application/problem+json") == 0, "%s: %u as %s: %s", name, a->status,
		      type ? type : "nothing", buf_cstr(&a->body));
	(void)snprintf(member, sizeof member, "\"status\":%u,", a->status);
	ck_assert_msg(strstr(buf_cstr(&a->body), member) != NULL, "%s: %s", name, buf_cstr(&a->body));
	ck_assert_msg(raw_header(a, "X-Request-Id") != NULL, "%s has no id", name);
}
