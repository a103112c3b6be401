/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "events_lab.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "wait_until.h"

struct events_lab events_lab;

long events_ask(unsigned port, const char *method, const char *path, const char *body)
{
	http_answer_fini(&events_lab.answer);
	http_client_call(port, method, path, NULL, body, EVENTS_DEADLINE_MS, &events_lab.answer);
	return events_lab.answer.status;
}

struct submission {
	unsigned port;
	const char *body;
};

static bool is_accepted(void *arg)
{
	const struct submission *s = arg;
	return events_ask(s->port, "POST", "/v1/jobs", s->body) == 202;
}

/* The path of a new job's events; the job's own is the part before that. */
void events_submit(unsigned port, const char *body, char path[EVENTS_PATH_SIZE])
{
	struct submission s = { port, body };
	ck_assert_msg(wait_until(is_accepted, &s, EVENTS_DEADLINE_MS), "%s: %ld %s", body, events_lab.answer.status,
		      events_lab.answer.body);
	snprintf(path, EVENTS_PATH_SIZE, "/v1/jobs/%s/events", http_answer_text(&events_lab.answer, "id"));
}

void events_job_of(const char *events, char path[EVENTS_PATH_SIZE])
{
	snprintf(path, EVENTS_PATH_SIZE, "%.*s", (int)strlen("/v1/jobs/") + 36, events);
}

void events_open(struct sse_client *c, unsigned port, const char *path)
{
	ck_assert_uint_eq(sse_open(c, port, path, NULL, EVENTS_DEADLINE_MS), 200);
	ck_assert_ptr_nonnull(strstr(c->head, "Content-Type: text/event-stream\r\n"));
	ck_assert_ptr_nonnull(strstr(c->head, "Cache-Control: no-store\r\n"));
}

void events_hear_named(struct sse_client *c, const char *name)
{
	do {
		enum sse_heard heard = sse_hear(c, EVENTS_DEADLINE_MS);
		ck_assert_msg(heard == SSE_EVENT, "expected an event %s, got %s", name,
			      heard == SSE_END ? "the end" : "none");
		ck_assert_msg(c->json != NULL, "no JSON: %s", c->data.data);
	} while (strcmp(c->name, name) != 0);
}

json_t *events_queue(const struct sse_client *c, const char *name)
{
	json_t *queues = json_object_get(c->json, "queues"), *q;
	size_t i;
	json_array_foreach(queues, i, q)
	{
		if (strcmp(json_string_value(json_object_get(q, "name")), name) == 0)
			return q;
	}
	return NULL;
}

json_int_t events_count(const struct sse_client *c, const char *queue, const char *member)
{
	return json_integer_value(json_object_get(events_queue(c, queue), member));
}

struct role_run *events_start_web(const char *instance)
{
	const char *const env[] = { "SQUARE_DRAIN_SECONDS=2", "SQUARE_ADDRESS_CONNECTIONS=0", NULL };
	return role_run_start("web-role", instance, redis_private_url(events_lab.redis), env);
}

struct role_run *events_start_worker(const char *instance)
{
	const char *const env[] = { "SQUARE_ENABLE_TEST_OPERATIONS=true", "SQUARE_DRAIN_SECONDS=1",
				    "SQUARE_QUEUES=math,steps,feed,flood", NULL };
	return role_run_start("worker-role", instance, redis_private_url(events_lab.redis), env);
}

static bool knows_crash(void *arg)
{
	(void)arg;
	return events_ask(role_run_port(events_lab.web), "GET", "/v1/operations/crash", NULL) == 200 &&
	       events_ask(role_run_port(events_lab.other), "GET", "/v1/operations/crash", NULL) == 200;
}

void events_lab_start(void)
{
	events_lab.redis = redis_private_start(NULL);
	events_lab.web = events_start_web("WebRole_IN_0");
	events_lab.other = events_start_web("WebRole_IN_1");
	events_lab.worker = events_start_worker("WorkerRole_IN_0");
	ck_assert(wait_until(knows_crash, NULL, EVENTS_DEADLINE_MS));
}

void events_lab_stop(void)
{
	role_run_stop(events_lab.worker);
	role_run_stop(events_lab.web);
	role_run_stop(events_lab.other);
	redis_private_stop(events_lab.redis);
}
