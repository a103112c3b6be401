/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of event streams share: two web roles and a worker on a private Redis, jobs to follow, streams to
 * open. Blocking. */
#ifndef SQUARE_TESTS_EVENTS_LAB_H
#define SQUARE_TESTS_EVENTS_LAB_H

#include "http_client.h"
#include "redis_private.h"
#include "role_run.h"
#include "sse_client.h"

#define EVENTS_DEADLINE_MS 30000
#define EVENTS_PATH_SIZE 80

struct events_lab {
	struct redis_private *redis;
	struct role_run *web, *other, *worker; /* the worker serves math, steps, feed and flood */
	struct http_answer answer;             /* the last one */
};
extern struct events_lab events_lab;

void events_lab_start(void);
void events_lab_stop(void);
struct role_run *events_start_web(const char *instance);
struct role_run *events_start_worker(const char *instance);

/* The status of one request; its answer in events_lab.answer. */
long events_ask(unsigned port, const char *method, const char *path, const char *body);
/* Submits until it is accepted. path: of the new job's events. */
void events_submit(unsigned port, const char *body, char path[EVENTS_PATH_SIZE]);
void events_job_of(const char *events, char path[EVENTS_PATH_SIZE]); /* the job's own path */
void events_open(struct sse_client *c, unsigned port, const char *path);
/* The next event of a name; others are passed over. */
void events_hear_named(struct sse_client *c, const char *name);
/* A count of one queue, of an event `queues`. */
json_t *events_queue(const struct sse_client *c, const char *queue);
json_int_t events_count(const struct sse_client *c, const char *queue, const char *member);

#endif
