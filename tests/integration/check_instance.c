/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An instance and whoever looks after it: readiness over HTTP, --healthcheck, busy, recycle, and the way out of
 * rotation. The real binaries, no load balancer. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http_client.h"
#include "job_client.h"
#include "proc.h"
#include "raw_client.h"
#include "redis_private.h"
#include "role_run.h"
#include "suite_run.h"
#include "wait_until.h"

#define SOON_MS 20000
#define WORKER "WorkerRole_IN_0"
#define WEB "WebRole_IN_0"

static struct redis_private *redis;

static void setup(void)
{
	redis = redis_private_start(NULL);
}

static void teardown(void)
{
	redis_private_stop(redis);
}

/* ---- asking ---- */

static bool has_health(void *arg)
{
	return strstr(role_run_said(arg), "WorkerHealth answers on 127.0.0.1 port ") != NULL;
}

static unsigned health_port(struct role_run *r)
{
	static const char answers[] = "WorkerHealth answers on 127.0.0.1 port ";

	ck_assert_msg(wait_until(has_health, r, SOON_MS), "%s", role_run_said(r));
	return (unsigned)strtoul(strstr(role_run_said(r), answers) + sizeof answers - 1, NULL, 10);
}

struct question {
	unsigned port;
	const char *path;
	long status;
	const char *words; /* in the body; NULL: whatever it says */
};

static bool is_answered(void *arg)
{
	const struct question *q = arg;
	struct http_answer a;

	http_client_get(q->port, q->path, &a);
	bool yes = a.status == q->status && (!q->words || (a.body && strstr(a.body, q->words)));
	http_answer_fini(&a);
	return yes;
}

static void expect_answer(unsigned port, const char *path, long status, const char *words)
{
	struct question q = { port, path, status, words };

	ck_assert_msg(wait_until(is_answered, &q, SOON_MS), "%s never answered %ld with: %s", path, status, words);
}

static void expect_square(unsigned port)
{
	char *square = tcp_client_ask(port, "12\n", SOON_MS);

	ck_assert_ptr_nonnull(square);
	ck_assert_str_eq(square, "144\n");
	free(square);
}

/* PROGRAM --healthcheck with this one variable; its exit status must be the one, and `words` among what it says. */
static void expect_healthcheck(const char *program, const char *variable, unsigned port, int status, const char *words)
{
	char at[100], definition[500];
	const char *const env[] = { at,
				    strcmp(program, "web-role") == 0 ? "SQUARE_ROLE_INSTANCE=" WEB
								     : "SQUARE_ROLE_INSTANCE=" WORKER,
				    NULL };
	struct proc_result r;

	(void)snprintf(definition, sizeof definition, "%s", proc_source("service.csdef"));
	(void)snprintf(at, sizeof at, "%s=0.0.0.0:%u", variable, port);
	const char *const argv[] = { proc_program(program), "--definition", definition, "--healthcheck", NULL };
	proc_run(argv, env, NULL, SOON_MS, &r);
	ck_assert_msg(r.status == status && strstr(status ? r.err : r.out, words), "status %d: %s%s", r.status, r.out,
		      r.err);
	ck_assert_msg(!*(status ? r.out : r.err), "%s%s", r.out, r.err);
	proc_result_fini(&r);
}

/* ---- readiness ---- */

START_TEST(test_readiness_answers)
{
	struct role_run *w = role_run_start("worker-role", WORKER, redis_private_url(redis), NULL);
	unsigned port = health_port(w);
	struct http_answer a;

	expect_answer(port, "/readyz", 200,
		      "{\"status\":\"ready\",\"instance\":\"" WORKER "\",\"queue\":{\"status\":\"ready\"}}");
	expect_answer(port, "/healthz", 200, "{\"status\":\"alive\",\"ready\":true");
	http_client_call(port, "HEAD", "/readyz", NULL, NULL, SOON_MS, &a);
	ck_assert_int_eq(a.status, 200);
	ck_assert_str_eq(a.body ? a.body : "", "");
	ck_assert_str_eq(http_answer_header(&a, "Cache-Control"), "no-store");
	http_answer_fini(&a);
	http_client_call(port, "POST", "/readyz", NULL, "{}", SOON_MS, &a);
	ck_assert_int_eq(a.status, 405);
	ck_assert_str_eq(http_answer_header(&a, "Allow"), "GET, HEAD");
	http_answer_fini(&a);
	expect_answer(port, "/readyz/", 404, "expected /readyz or /healthz");
	ck_assert_int_eq(role_run_stop(w), 0);
}
END_TEST

/* Without Redis the direct endpoint serves, so it stays in rotation; that no queue is served is told. */
START_TEST(test_readiness_without_redis)
{
	struct role_run *w = role_run_start("worker-role", WORKER, NULL, NULL);
	unsigned port = health_port(w);

	expect_answer(port, "/readyz", 200,
		      "\"queue\":{\"status\":\"unavailable\",\"detail\":\"there is no link to Redis");
	expect_square(role_run_port(w));
	role_run_kill(w);
}
END_TEST

START_TEST(test_readiness_when_redis_stands_still)
{
	struct role_run *w = role_run_start("worker-role", WORKER, redis_private_url(redis), NULL);
	unsigned port = health_port(w);

	expect_answer(port, "/readyz", 200, "\"queue\":{\"status\":\"ready\"}");
	(void)kill(redis_private_pid(redis), SIGSTOP);
	expect_answer(port, "/readyz", 200, "\"queue\":{\"status\":\"unavailable\",\"detail\":\"");
	expect_square(role_run_port(w));
	(void)kill(redis_private_pid(redis), SIGCONT);
	expect_answer(port, "/readyz", 200, "\"queue\":{\"status\":\"ready\"}");
	role_run_kill(w);
}
END_TEST

/* More connections than there are places, none of which says a word: the check behind them is served all the same. */
START_TEST(test_readiness_outlives_a_silent_crowd)
{
	struct role_run *w = role_run_start("worker-role", WORKER, redis_private_url(redis), NULL);
	unsigned port = health_port(w);
	struct raw_client crowd[40];

	for (size_t i = 0; i < 40; i++)
		ck_assert(raw_connect(&crowd[i], port, NULL, 0, SOON_MS));
	ck_assert(raw_say(&crowd[0], "GET /readyz HTTP/1.1\r\nHost: a\r\nX: "));
	expect_square(role_run_port(w));
	expect_answer(port, "/readyz", 200, NULL);
	ck_assert(raw_ends(&crowd[0], SOON_MS));
	for (size_t i = 0; i < 40; i++)
		raw_close(&crowd[i]);
	role_run_kill(w);
}
END_TEST

START_TEST(test_readiness_endpoint_in_use)
{
	struct role_run *w = role_run_start("worker-role", WORKER, redis_private_url(redis), NULL);
	char at[100], definition[500];
	const char *const env[] = { at, "SQUARE_ENDPOINT_SQUARE_ENDPOINT=127.0.0.1:0", NULL };
	struct proc_result r;

	(void)snprintf(at, sizeof at, "SQUARE_ENDPOINT_WORKER_HEALTH=127.0.0.1:%u", health_port(w));
	(void)snprintf(definition, sizeof definition, "%s", proc_source("service.csdef"));
	const char *const argv[] = { proc_program("worker-role"), "--definition", definition, NULL };
	proc_run(argv, env, NULL, SOON_MS, &r);
	ck_assert_int_eq(r.status, 1);
	ck_assert_msg(strstr(r.err, "cannot listen on 127.0.0.1 port ") && strstr(r.err, "Address already in use"),
		      "%s", r.err);
	proc_result_fini(&r);
	role_run_kill(w);
}
END_TEST

START_TEST(test_healthcheck_of_both_roles)
{
	struct role_run *w = role_run_start("worker-role", WORKER, redis_private_url(redis), NULL);
	struct role_run *web = role_run_start("web-role", WEB, redis_private_url(redis), NULL);
	unsigned port = health_port(w);

	expect_answer(port, "/readyz", 200, NULL);
	expect_answer(role_run_port(web), "/readyz", 200, NULL);
	expect_healthcheck("worker-role", "SQUARE_ENDPOINT_WORKER_HEALTH", port, 0, WORKER " is ready\n");
	expect_healthcheck("web-role", "SQUARE_ENDPOINT_HTTP_IN", role_run_port(web), 0, WEB " is ready\n");
	(void)kill(role_run_pid(w), SIGUSR1);
	(void)kill(role_run_pid(web), SIGUSR1);
	expect_answer(port, "/readyz", 503, "busy");
	expect_answer(role_run_port(web), "/readyz", 503, "busy");
	expect_healthcheck("worker-role", "SQUARE_ENDPOINT_WORKER_HEALTH", port, 1,
			   WORKER " is not ready: this instance is busy: it takes no new work for now\n");
	expect_healthcheck("web-role", "SQUARE_ENDPOINT_HTTP_IN", role_run_port(web), 1,
			   WEB " is not ready: this instance is busy: it takes no new work for now\n");
	expect_healthcheck("worker-role", "SQUARE_ENDPOINT_WORKER_HEALTH", 1, 1, "connection refused");
	expect_healthcheck("worker-role", "SQUARE_ENDPOINT_WORKER_HEALTH", 0, 1,
			   "expected the port of WorkerHealth to be told");
	role_run_kill(web);
	role_run_kill(w);
}
END_TEST

/* ---- busy, recycle, stop ---- */

struct held {
	unsigned web;
	const char *id;
	const char *state;
};

static bool is_in_state(void *arg)
{
	const struct held *h = arg;
	char state[16], result[64];

	return job_client_get(h->web, h->id, state, result, sizeof result) == 200 && strcmp(state, h->state) == 0;
}

static bool is_said(void *arg)
{
	const void *const *pair = arg;

	return strstr(role_run_said((struct role_run *)(uintptr_t)pair[0]), pair[1]) != NULL;
}

static void expect_said(struct role_run *r, const char *words)
{
	const void *pair[] = { r, words };

	ck_assert_msg(wait_until(is_said, pair, SOON_MS), "expected: %s\n%s", words, role_run_said(r));
}

/* While one worker is busy, a job waits, though the worker is asked to look by its marker; a second worker is not
 * hindered by the first one holding anything back. */
START_TEST(test_busy_worker_claims_nothing)
{
	struct role_run *w = role_run_start("worker-role", WORKER, redis_private_url(redis), NULL);
	struct role_run *web = role_run_start("web-role", WEB, redis_private_url(redis), NULL);
	struct job_list jobs = { 0 };
	struct question ready = { role_run_port(web), "/readyz", 200, NULL };

	ck_assert(wait_until(is_answered, &ready, SOON_MS));
	(void)kill(role_run_pid(w), SIGUSR1);
	expect_answer(health_port(w), "/readyz", 503, "busy");
	ck_assert_int_eq(job_client_submit(role_run_port(web), "{\"op\":\"square\",\"args\":[12]}", &jobs), 202);
	ck_assert_int_eq(job_client_submit(role_run_port(web), "{\"op\":\"square\",\"args\":[12]}", &jobs), 202);
	expect_square(role_run_port(w)); /* who is connected already is served */
	struct held first = { role_run_port(web), jobs.ids[0], "queued" };
	ck_assert(is_in_state(&first));
	struct role_run *other = role_run_start("worker-role", "WorkerRole_IN_1", redis_private_url(redis), NULL);
	ck_assert_uint_eq(job_client_wait_all(role_run_port(web), &jobs, "144", SOON_MS), 2);
	ck_assert_int_eq(role_run_stop(other), 0);
	job_list_fini(&jobs);
	jobs = (struct job_list){ 0 };
	ck_assert_int_eq(job_client_submit(role_run_port(web), "{\"op\":\"square\",\"args\":[12]}", &jobs), 202);
	(void)kill(role_run_pid(w), SIGUSR2);
	expect_answer(health_port(w), "/readyz", 200, NULL);
	ck_assert_uint_eq(job_client_wait_all(role_run_port(web), &jobs, "144", SOON_MS), 1);
	job_list_fini(&jobs);
	ck_assert_int_eq(role_run_stop(web), 0);
	ck_assert_int_eq(role_run_stop(w), 0);
}
END_TEST

START_TEST(test_recycle_ends_in_order)
{
	struct role_run *w = role_run_start("worker-role", WORKER, redis_private_url(redis), NULL);
	struct role_run *web = role_run_start("web-role", WEB, redis_private_url(redis), NULL);

	(void)kill(role_run_pid(w), SIGHUP);
	(void)kill(role_run_pid(web), SIGHUP);
	expect_said(w, "recycle: stopping, at most ");
	expect_said(web, "recycle: stopping, at most ");
	expect_said(w, "stopped: ");
	expect_said(web, "stopped");
	ck_assert_int_eq(role_run_stop(w), 0); /* it ends already */
	ck_assert_int_eq(role_run_stop(web), 0);
}
END_TEST

/* Whoever watches is told first; connections that come until then are served, none is reset. */
START_TEST(test_watched_worker_leaves_before_it_closes)
{
	struct role_run *w = role_run_start("worker-role", WORKER, redis_private_url(redis), NULL);
	unsigned port = health_port(w);

	expect_answer(port, "/readyz", 200, NULL);
	(void)kill(role_run_pid(w), SIGTERM);
	expect_said(w, "SIGTERM: stopping");
	/* The endpoint stays open for 1.5 s: what the first answer after the signal says was said in that time. */
	struct http_answer a;
	http_client_get(port, "/readyz", &a);
	ck_assert_msg(a.status == 503 || strstr(role_run_said(w), "stopped: "), "%ld %s", a.status, a.error);
	if (a.status == 503) {
		char *square = tcp_client_ask(role_run_port(w), "12\n", SOON_MS);
		ck_assert_msg((square && strcmp(square, "144\n") == 0) || strstr(role_run_said(w), "stopped: "),
			      "it is leaving, but not there any more: %s", role_run_said(w));
		free(square);
	}
	http_answer_fini(&a);
	ck_assert_int_eq(role_run_stop(w), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("instance");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");

	tcase_add_unchecked_fixture(core, setup, teardown);
	tcase_add_unchecked_fixture(limits, setup, teardown);
	tcase_add_unchecked_fixture(faults, setup, teardown);
	tcase_set_timeout(core, 120);
	tcase_set_timeout(limits, 120);
	tcase_set_timeout(faults, 120);
	tcase_add_test(core, test_readiness_answers);
	tcase_add_test(core, test_healthcheck_of_both_roles);
	tcase_add_test(core, test_busy_worker_claims_nothing);
	tcase_add_test(core, test_recycle_ends_in_order);
	tcase_add_test(core, test_watched_worker_leaves_before_it_closes);
	tcase_add_test(limits, test_readiness_outlives_a_silent_crowd);
	tcase_add_test(faults, test_readiness_without_redis);
	tcase_add_test(faults, test_readiness_when_redis_stands_still);
	tcase_add_test(faults, test_readiness_endpoint_in_use);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
