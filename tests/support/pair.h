/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two web roles on one private Redis, without a load balancer, for tests of what either of them must know: one is
 * told, the other is asked. The fixture of a test case; its tests share the service, so each uses queues of its own.
 * What is asked here and fails ends the test. Blocking. */
#ifndef SQUARE_TESTS_PAIR_H
#define SQUARE_TESTS_PAIR_H

#include <stdbool.h>

#include "http_client.h"
#include "redis_private.h"
#include "role_run.h"

#define PAIR_DEADLINE_MS 20000
#define PAIR_PATH_SIZE 80

extern struct redis_private *pair_redis;
extern struct role_run *pair_a, *pair_b;
extern struct http_answer pair_answer; /* of the last call; its strings and JSON stand until the next */

/* tcase_add_unchecked_fixture(). The setting Queues is "math,declared". */
void pair_set_up(void);
void pair_tear_down(void);
/* queues: "a,b". It dies with the test. */
struct role_run *pair_worker(const char *instance, const char *queues);

/* The status. header: "Name: value" or NULL; body may be NULL. */
long pair_ask_with(const struct role_run *web, const char *method, const char *path, const char *header,
		   const char *body);
long pair_ask(const struct role_run *web, const char *method, const char *path, const char *body);
long pair_ask_at(const struct role_run *web, const char *method, const char *path, const char *rest, const char *body);
long pair_get(const struct role_run *web, const char *path);
const char *pair_text(const char *name); /* a member of the answer; "" when it is not there */
long long pair_number(const char *name); /* an integer member, which must be there */
/* The answer is what RFC 9457 and the contract want of a problem. type: after "/problems/". */
void pair_assert_problem(long status, const char *type);

/* Submits, again if need be: a worker's operations are known a moment after it started. rest: further members, ""
 * for none. path: of the job. */
void pair_submit(char path[PAIR_PATH_SIZE], const char *queue, const char *op, const char *args, const char *rest);
void pair_submit_body(char path[PAIR_PATH_SIZE], const char *body);
/* Until the job is in this state, which the answer then tells. */
void pair_await(const char *path, const char *state);
void pair_figures(const struct role_run *web, const char *queue); /* into the answer */
void pair_set_paused(const char *queue, bool paused);

#endif
