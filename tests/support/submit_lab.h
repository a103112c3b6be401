/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two web roles of two reactors each, one worker and a private Redis, for the tests of submission by HTTP, which share
 * them: a test names its queues and keys after itself. And the last answer, taken apart. Blocking; one thread. */
#ifndef SQUARE_TESTS_SUBMIT_LAB_H
#define SQUARE_TESTS_SUBMIT_LAB_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http_client.h"
#include "redis_private.h"
#include "role_run.h"

#define SUBMIT_LAB_DEADLINE_MS 20000
#define SUBMIT_LAB_ID_SIZE 37

struct submit_lab {
	struct redis_private *redis;
	struct role_run *web[2];
	struct http_answer answer; /* the last one */
};
extern struct submit_lab submit_lab;

/* Fixtures. The worker serves the queues math and served, and knows the test operations. */
void submit_lab_start(void);
void submit_lab_stop(void);
/* A further role on the same Redis. */
struct role_run *submit_lab_role(const char *program, const char *instance, const char *const *env);

/* Asks the web role 0 or 1. header, body: NULL for none. The status. */
long submit_lab_ask_once(int which, const char *method, const char *path, const char *header, const char *body);
/* The same, again as long as it is 503: on a busy machine Redis may be too late for a request, and a client asks again.
 */
long submit_lab_ask(int which, const char *method, const char *path, const char *header, const char *body);
long submit_lab_post(const char *path, const char *body);
long submit_lab_submit(const char *header, const char *body); /* to /v1/jobs */
void submit_lab_end_of(const char *id);                       /* waits for the job's end; the answer is the job */
bool submit_lab_ready(void *which);                           /* wait_condition; which: int * */

/* Of the last answer. */
const char *submit_lab_text(const char *name); /* "" when it is not there */
json_int_t submit_lab_number(const char *name);
const char *submit_lab_header(const char *name); /* NULL when it is not there */
uint64_t submit_lab_time(const char *name);      /* microseconds */
void submit_lab_id(char id[SUBMIT_LAB_ID_SIZE]);
json_t *submit_lab_item(size_t i); /* of an array's answer */
const char *submit_lab_item_text(size_t i, const char *name);

/* How many jobs a queue holds, by its keys. */
size_t submit_lab_jobs_of(const char *queue);

#endif
