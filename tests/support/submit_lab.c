/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "submit_lab.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "rlink.h"
#include "wait_until.h"

struct submit_lab submit_lab;
static struct role_run *worker;

struct role_run *submit_lab_role(const char *program, const char *instance, const char *const *env)
{
	return role_run_start(program, instance, redis_private_url(submit_lab.redis), env);
}

static bool operations_are_known(void *which)
{
	return submit_lab_ask(*(int *)which, "POST", "/v1/jobs", NULL, "{\"op\":\"square\",\"args\":[]}") == 422;
}

void submit_lab_start(void)
{
	/* a busy machine's delays are no fault of the service: a submission asked again would not be the first one */
	static const char *const web_env[] = { "SQUARE_REACTORS=2", "SQUARE_QUEUES=math,served",
					       "SQUARE_ENQUEUE_DEADLINE_MS=10000", NULL };
	static const char *const worker_env[] = { "SQUARE_QUEUES=math,served", "SQUARE_ENABLE_TEST_OPERATIONS=true",
						  NULL };
	submit_lab.redis = redis_private_start(NULL);
	worker = submit_lab_role("worker-role", "WorkerRole_IN_0", worker_env);
	submit_lab.web[0] = submit_lab_role("web-role", "WebRole_IN_0", web_env);
	submit_lab.web[1] = submit_lab_role("web-role", "WebRole_IN_1", web_env);
	for (int i = 0; i < 2; i++)
		ck_assert(wait_until(operations_are_known, &i, SUBMIT_LAB_DEADLINE_MS));
}

void submit_lab_stop(void)
{
	http_answer_fini(&submit_lab.answer);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(role_run_stop(submit_lab.web[i]), 0);
	ck_assert_int_eq(role_run_stop(worker), 0);
	redis_private_stop(submit_lab.redis);
}

long submit_lab_ask_once(int which, const char *method, const char *path, const char *header, const char *body)
{
	const char *headers[] = { header, NULL };
	http_answer_fini(&submit_lab.answer);
	http_client_call(role_run_port(submit_lab.web[which]), method, path, headers, body, SUBMIT_LAB_DEADLINE_MS,
			 &submit_lab.answer);
	return submit_lab.answer.status;
}

long submit_lab_ask(int which, const char *method, const char *path, const char *header, const char *body)
{
	for (int i = 0; i < 20 && submit_lab_ask_once(which, method, path, header, body) == 503; i++)
		;
	return submit_lab.answer.status;
}

long submit_lab_post(const char *path, const char *body)
{
	return submit_lab_ask(0, "POST", path, NULL, body);
}

long submit_lab_submit(const char *header, const char *body)
{
	return submit_lab_ask(0, "POST", "/v1/jobs", header, body);
}

void submit_lab_end_of(const char *id)
{
	char path[80];
	snprintf(path, sizeof path, "/v1/jobs/%s?wait=15", id);
	ck_assert_int_eq(submit_lab_ask(0, "GET", path, NULL, NULL), 200);
}

bool submit_lab_ready(void *which)
{
	return submit_lab_ask_once(*(int *)which, "GET", "/readyz", NULL, NULL) == 200;
}

const char *submit_lab_text(const char *name)
{
	return http_answer_text(&submit_lab.answer, name);
}

json_int_t submit_lab_number(const char *name)
{
	return json_integer_value(json_object_get(submit_lab.answer.json, name));
}

const char *submit_lab_header(const char *name)
{
	return http_answer_header(&submit_lab.answer, name);
}

uint64_t submit_lab_time(const char *name)
{
	const char *text = submit_lab_text(name);
	uint64_t us;
	ck_assert_msg(clock_parse(text, strlen(text), &us) == 0, "%s: %s", name, submit_lab.answer.body);
	return us;
}

void submit_lab_id(char id[SUBMIT_LAB_ID_SIZE])
{
	const char *text = submit_lab_text("id");
	ck_assert_msg(strlen(text) == 36, "%ld %s", submit_lab.answer.status, submit_lab.answer.body);
	snprintf(id, SUBMIT_LAB_ID_SIZE, "%s", text);
}

json_t *submit_lab_item(size_t i)
{
	return json_array_get(json_object_get(submit_lab.answer.json, "items"), i);
}

const char *submit_lab_item_text(size_t i, const char *name)
{
	const char *text = json_string_value(json_object_get(submit_lab_item(i), name));
	return text ? text : "";
}

size_t submit_lab_jobs_of(const char *queue)
{
	struct errinfo info;
	char pattern[100];
	struct rsync *s = rsync_open(redis_private_url(submit_lab.redis), 5000, &info);
	ck_assert_msg(s != NULL, "%s", info.text);
	snprintf(pattern, sizeof pattern, "{jq:%s:0}:j:*", queue);
	size_t n = rreply_count(rsync_words(s, &info, "KEYS", pattern, NULL));
	rsync_close(s);
	return n;
}
