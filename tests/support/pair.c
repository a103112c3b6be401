/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pair.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "wait_until.h"

struct redis_private *pair_redis;
struct role_run *pair_a, *pair_b;

/* A slow machine must not turn calls into 503s: those are tested elsewhere. */
static const char *const patient[] = { "SQUARE_ENQUEUE_DEADLINE_MS=10000", "SQUARE_QUEUES=math,declared",
				       "SQUARE_DRAIN_SECONDS=4", NULL };

void pair_set_up(void)
{
	pair_redis = redis_private_start(NULL);
	pair_a = role_run_start("web-role", "WebRole_IN_0", redis_private_url(pair_redis), patient);
	pair_b = role_run_start("web-role", "WebRole_IN_1", redis_private_url(pair_redis), patient);
}

void pair_tear_down(void)
{
	ck_assert_int_eq(role_run_stop(pair_a), 0);
	ck_assert_int_eq(role_run_stop(pair_b), 0);
	redis_private_stop(pair_redis);
	http_answer_fini(&pair_answer);
}

struct role_run *pair_worker(const char *instance, const char *queues)
{
	char setting[200];
	snprintf(setting, sizeof setting, "SQUARE_QUEUES=%s", queues);
	const char *const env[] = { setting, "SQUARE_ENABLE_TEST_OPERATIONS=true", "SQUARE_DRAIN_SECONDS=3",
				    "SQUARE_COMPUTE_CHILDREN=2", NULL };
	return role_run_start("worker-role", instance, redis_private_url(pair_redis), env);
}

/* ---- asking ---- */

struct http_answer pair_answer;

long pair_ask_with(const struct role_run *web, const char *method, const char *path, const char *header,
		   const char *body)
{
	const char *const headers[] = { header, NULL };
	http_answer_fini(&pair_answer);
	http_client_call(role_run_port(web), method, path, headers, body, PAIR_DEADLINE_MS, &pair_answer);
	return pair_answer.status;
}

long pair_ask(const struct role_run *web, const char *method, const char *path, const char *body)
{
	return pair_ask_with(web, method, path, NULL, body);
}

long pair_get(const struct role_run *web, const char *path)
{
	return pair_ask(web, "GET", path, NULL);
}

const char *pair_text(const char *name)
{
	return http_answer_text(&pair_answer, name);
}

long long pair_number(const char *name)
{
	const json_t *value = json_object_get(pair_answer.json, name);
	ck_assert_msg(json_is_integer(value), "%s is no integer in %s", name, pair_answer.body);
	return json_integer_value(value);
}

void pair_assert_problem(long status, const char *type)
{
	char path[80];
	snprintf(path, sizeof path, "/problems/%s", type);
	ck_assert_msg(pair_answer.status == status, "expected %ld, got %ld: %s", status, pair_answer.status,
		      pair_answer.body);
	ck_assert_str_eq(http_answer_header(&pair_answer, "Content-Type"), "application/problem+json");
	ck_assert_str_eq(pair_text("type"), path);
	ck_assert_str_ne(pair_text("detail"), "");
	ck_assert_str_ne(pair_text("instance"), "");
}

struct pair_wish {
	const char *body;
	char id[40];
};

static bool pair_submitted(void *arg)
{
	struct pair_wish *wish = arg;
	if (pair_ask(pair_a, "POST", "/v1/jobs", wish->body) != 202)
		return false;
	snprintf(wish->id, sizeof wish->id, "%s", pair_text("id"));
	return true;
}

void pair_submit_body(char path[PAIR_PATH_SIZE], const char *body)
{
	struct pair_wish wish = { .body = body };
	ck_assert_msg(wait_until(pair_submitted, &wish, PAIR_DEADLINE_MS), "%.300s: %ld %s", body, pair_answer.status,
		      pair_answer.body);
	snprintf(path, PAIR_PATH_SIZE, "/v1/jobs/%s", wish.id);
}

void pair_submit(char path[PAIR_PATH_SIZE], const char *queue, const char *op, const char *args, const char *rest)
{
	char body[400];
	snprintf(body, sizeof body, "{\"op\":\"%s\",\"args\":%s,\"queue\":\"%s\"%s}", op, args, queue, rest);
	pair_submit_body(path, body);
}

struct expected {
	const char *path, *state;
};

static bool is_in_state(void *arg)
{
	const struct expected *e = arg;
	return pair_get(pair_b, e->path) == 200 && strcmp(pair_text("state"), e->state) == 0;
}

void pair_await(const char *path, const char *state)
{
	struct expected e = { path, state };
	ck_assert_msg(wait_until(is_in_state, &e, PAIR_DEADLINE_MS), "%s: %s", state, pair_answer.body);
}

long pair_ask_at(const struct role_run *web, const char *method, const char *path, const char *rest, const char *body)
{
	char whole[300];
	snprintf(whole, sizeof whole, "%s%s", path, rest);
	return pair_ask(web, method, whole, body);
}

void pair_figures(const struct role_run *web, const char *queue)
{
	pair_ask_at(web, "GET", "/v1/queues/", queue, NULL);
	ck_assert_msg(pair_answer.status == 200, "%s: %ld %s", queue, pair_answer.status, pair_answer.body);
	ck_assert_str_eq(pair_text("name"), queue);
}

void pair_set_paused(const char *queue, bool paused)
{
	pair_ask_at(pair_b, "PATCH", "/v1/queues/", queue, paused ? "{\"paused\":true}" : "{\"paused\": false }");
	ck_assert_int_eq(pair_answer.status, 200);
	ck_assert_str_eq(pair_text("name"), queue);
	ck_assert_int_eq(json_is_true(json_object_get(pair_answer.json, "paused")), paused);
}
