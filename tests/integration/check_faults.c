/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is promised when things die: no acknowledged job is lost, and everybody resumes by itself. */
#include <check.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "fabric_run.h"
#include "http_client.h"
#include "job_client.h"
#include "proc.h"
#include "suite_run.h"
#include "wait_until.h"

#define HEAL_MS 60000

static struct fabric_run *service;
static struct job_list jobs;
static const char *const defaults[] = { "SQUARE_ENQUEUE_DEADLINE_MS=250", NULL }; /* as in service, not patient */

static void start_service(void)
{
	service = fabric_run_start(defaults);
}

static void stop_service(void)
{
	ck_assert_int_eq(fabric_run_stop(service), 0);
	job_list_fini(&jobs);
}

/* 503 is no promise: a Redis that does not answer in time on a loaded machine is refused, and asked again. */
static bool is_accepted(void *arg)
{
	const char *const *body = arg;
	long status = job_client_submit(fabric_run_http(service), *body, &jobs);

	ck_assert_msg(status == 202 || status == 503, "%s: %ld", *body, status);
	return status == 202;
}

static void submit(const char *body, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		ck_assert(wait_until(is_accepted, &body, HEAL_MS));
}

static void assert_all_succeed(const char *result)
{
	size_t good = job_client_wait_all(fabric_run_http(service), &jobs, result, HEAL_MS);

	if (good != jobs.n)
		fabric_run_dump(service);
	ck_assert_uint_eq(good, jobs.n);
}

/* Whether a job of the list runs on this instance. */
static bool runs_on(const char *instance)
{
	struct http_answer answer;
	bool found = false;
	char path[80];

	for (size_t i = 0; i < jobs.n && !found; i++) {
		(void)snprintf(path, sizeof(path), "/v1/jobs/%s", jobs.ids[i]);
		http_client_get(fabric_run_http(service), path, &answer);
		found = strcmp(http_answer_text(&answer, "state"), "running") == 0 &&
			strcmp(http_answer_text(&answer, "worker"), instance) == 0;
		http_answer_fini(&answer);
	}
	return found;
}

static bool some_runs_on(void *arg)
{
	return runs_on(arg);
}

/* ---- a worker dies ---- */

START_TEST(test_killed_worker_loses_no_job)
{
	static char victim[] = "WorkerRole_IN_0";
	pid_t old = fabric_run_pid_of(service, victim);

	submit("{\"op\":\"sleep\",\"args\":[700]}", 60);
	ck_assert(wait_until(some_runs_on, victim, HEAL_MS));
	ck_assert_int_eq(kill(old, SIGKILL), 0);
	assert_all_succeed(NULL);
	ck_assert_int_gt(fabric_run_wait_new(service, victim, old, HEAL_MS), 0);
	ck_assert_uint_eq(fabric_run_instances(service), 3);
}
END_TEST

/* Asked to stop with jobs in hand: those that are short are finished, others go back, none is lost; the exit is
 * orderly. */
START_TEST(test_worker_drains_on_sigterm)
{
	static char victim[] = "WorkerRole_IN_1";
	pid_t old = fabric_run_pid_of(service, victim);

	submit("{\"op\":\"sleep\",\"args\":[500]}", 60);
	ck_assert(wait_until(some_runs_on, victim, HEAL_MS));
	ck_assert_int_eq(kill(old, SIGTERM), 0);
	ck_assert_int_gt(fabric_run_wait_new(service, victim, old, HEAL_MS), 0);
	ck_assert_ptr_nonnull(strstr(fabric_run_said(service), "WorkerRole_IN_1 exited with status 0"));
	assert_all_succeed(NULL);
}
END_TEST

START_TEST(test_web_role_drains_on_sigterm)
{
	pid_t old = fabric_run_pid_of(service, "WebRole_IN_0");

	submit("{\"op\":\"square\",\"args\":[12]}", 20);
	ck_assert_int_eq(kill(old, SIGTERM), 0);
	ck_assert_int_gt(fabric_run_wait_new(service, "WebRole_IN_0", old, HEAL_MS), 0);
	ck_assert_ptr_nonnull(strstr(fabric_run_said(service), "WebRole_IN_0 exited with status 0"));
	ck_assert(fabric_run_wait_readyz(service, 200, HEAL_MS));
	assert_all_succeed("144");
}
END_TEST

START_TEST(test_killed_web_role_keeps_its_promises)
{
	pid_t old = fabric_run_pid_of(service, "WebRole_IN_0");

	submit("{\"op\":\"square\",\"args\":[12]}", 20);
	ck_assert_int_eq(kill(old, SIGKILL), 0);
	ck_assert_int_gt(fabric_run_wait_new(service, "WebRole_IN_0", old, HEAL_MS), 0);
	ck_assert(fabric_run_wait_readyz(service, 200, HEAL_MS));
	assert_all_succeed("144");
	submit("{\"op\":\"square\",\"args\":[12]}", 1);
	assert_all_succeed("144");
}
END_TEST

/* ---- Redis dies ---- */

struct pids {
	pid_t web, worker[2];
};

static struct pids role_pids(void)
{
	return (struct pids){ fabric_run_pid_of(service, "WebRole_IN_0"),
			      { fabric_run_pid_of(service, "WorkerRole_IN_0"),
				fabric_run_pid_of(service, "WorkerRole_IN_1") } };
}

static void assert_no_role_restarted(struct pids before)
{
	struct pids now = role_pids();

	ck_assert_int_eq(now.web, before.web);
	ck_assert_int_eq(now.worker[0], before.worker[0]);
	ck_assert_int_eq(now.worker[1], before.worker[1]);
}

/* A refusal while Redis is away: at once (not when some patience of the balancer is over), and says when to come back.
 */
static void assert_refused_politely(const struct http_answer *answer)
{
	ck_assert_msg(answer->status == 503, "%ld %s %s", answer->status, answer->error, answer->body);
	ck_assert_str_eq(http_answer_header(answer, "content-type"), "application/problem+json");
	ck_assert_str_eq(http_answer_text(answer, "type"), "/problems/queue-unavailable");
	ck_assert_ptr_nonnull(http_answer_header(answer, "retry-after"));
}

/* Submits without a pause while Redis is killed and comes back, until it has acknowledged again; every answer is either
 * an acknowledgement, which counts, or a refusal. */
static void submit_across_death(void)
{
	pid_t redis = fabric_run_pid_of(service, "redis");
	uint64_t deadline = clock_mono_us() + HEAL_MS * 1000ULL;
	long status = 0;

	submit("{\"op\":\"square\",\"args\":[12]}", 50);
	ck_assert_int_eq(kill(redis, SIGKILL), 0);
	while (status != 202 || fabric_run_pid_of(service, "redis") == redis) {
		status = job_client_submit(fabric_run_http(service), "{\"op\":\"square\",\"args\":[12]}", &jobs);
		ck_assert_msg(status == 202 || status == 503, "%ld", status);
		ck_assert_uint_lt(clock_mono_us(), deadline);
	}
}

START_TEST(test_killed_redis_loses_nothing_acknowledged)
{
	struct pids before = role_pids();

	submit("{\"op\":\"sleep\",\"args\":[1500]}", 10);
	for (int i = 0; i < 3; i++)
		submit_across_death();
	submit("{\"op\":\"square\",\"args\":[12]}", 20);
	assert_all_succeed(NULL);
	assert_no_role_restarted(before);
}
END_TEST

START_TEST(test_hanging_redis_is_refused_and_then_resumed)
{
	static const unsigned bounded_ms = 5000;
	struct pids before = role_pids();
	pid_t redis = fabric_run_pid_of(service, "redis");
	struct http_answer answer;

	submit("{\"op\":\"square\",\"args\":[12]}", 5);
	ck_assert_int_eq(kill(redis, SIGSTOP), 0);
	for (int i = 0; i < 5; i++) {
		http_client_call(fabric_run_http(service), "POST", "/v1/jobs", NULL,
				 "{\"op\":\"square\",\"args\":[12]}", bounded_ms, &answer);
		assert_refused_politely(&answer);
		http_answer_fini(&answer);
	}
	ck_assert(fabric_run_wait_readyz(service, 503, HEAL_MS));
	http_client_call(fabric_run_http(service), "GET", "/livez", NULL, NULL, bounded_ms, &answer);
	ck_assert_int_eq(answer.status, 200);
	http_answer_fini(&answer);
	ck_assert_int_eq(kill(redis, SIGCONT), 0);
	ck_assert(fabric_run_wait_readyz(service, 200, HEAL_MS));
	submit("{\"op\":\"square\",\"args\":[12]}", 20);
	assert_all_succeed("144");
	assert_no_role_restarted(before);
	ck_assert_int_eq(fabric_run_pid_of(service, "redis"), redis);
}
END_TEST

/* The direct way needs no Redis. */
START_TEST(test_tcp_works_without_redis)
{
	pid_t redis = fabric_run_pid_of(service, "redis");
	char *text;

	ck_assert_int_eq(kill(redis, SIGSTOP), 0);
	text = tcp_client_ask(fabric_run_tcp(service), "12\n", 10000);
	ck_assert_int_eq(kill(redis, SIGCONT), 0);
	ck_assert_ptr_nonnull(text);
	ck_assert_str_eq(text, "144\n");
	free(text);
}
END_TEST

/* ---- hints are lost ---- */

/* Deletes every reply list and wake-up marker, again and again, in a process of its own. */
static pid_t delete_hints(void)
{
	static char script[PATH_MAX * 2];
	static const char *const argv[] = { "sh", "-c", script, NULL };
	const char *const env[] = { fabric_run_redis_auth(service), NULL };

	(void)snprintf(
	    script, sizeof(script),
	    "while :; do redis-cli --user square-admin -s %s eval \"for _, p in ipairs({'{jq:*}:r:*', '{jq:*}:mk'}) do "
	    "for _, k in ipairs(redis.call('keys', p)) do redis.call('del', k) end end\" 0 >/dev/null; done",
	    fabric_run_socket(service));
	return proc_spawn(argv, env, -1, -1, -1);
}

START_TEST(test_waits_are_answered_though_hints_are_deleted)
{
	pid_t thief = delete_hints();
	struct http_answer answer;

	for (int i = 0; i < 20; i++) {
		http_client_call(fabric_run_http(service), "POST", "/v1/jobs?wait=20", NULL,
				 "{\"op\":\"square\",\"args\":[12]}", 30000, &answer);
		ck_assert_msg(answer.status == 200, "wait %d: %ld %s %s", i, answer.status, answer.error, answer.body);
		ck_assert_int_eq(json_integer_value(json_object_get(answer.json, "result")), 144);
		http_answer_fini(&answer);
	}
	ck_assert(proc_alive(thief));
	ck_assert_int_eq(kill(thief, SIGKILL), 0);
	ck_assert_int_eq(proc_wait(thief, HEAL_MS), 128 + SIGKILL);
}
END_TEST

/* ---- the whole goes down and comes back ---- */

START_TEST(test_jobs_outlive_the_fabric)
{
	char dir[] = "/tmp/square-outlive.XXXXXX", line[PATH_MAX];
	struct proc_result r;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	service = fabric_run_start_with(NULL, NULL, dir, defaults);
	submit("{\"op\":\"sleep\",\"args\":[400]}", 150);
	ck_assert_int_eq(fabric_run_stop(service), 0);
	ck_assert_uint_eq(proc_count(dir), 0);
	service = fabric_run_start_with(NULL, NULL, dir, defaults);
	assert_all_succeed(NULL);
	ck_assert_int_eq(fabric_run_stop(service), 0);
	job_list_fini(&jobs);
	(void)snprintf(line, sizeof(line), "rm -rf %s", dir);
	proc_shell(line, HEAL_MS, &r);
	ck_assert_int_eq(r.status, 0);
	proc_result_fini(&r);
}
END_TEST

static TCase *part(Suite *s, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 240);
	suite_add_tcase(s, tc);
	return tc;
}

int main(void)
{
	Suite *faults = suite_create("faults");
	TCase *tc = part(faults, "deaths");

	tcase_add_checked_fixture(tc, start_service, stop_service);
	tcase_add_test(tc, test_killed_worker_loses_no_job);
	tcase_add_test(tc, test_worker_drains_on_sigterm);
	tcase_add_test(tc, test_web_role_drains_on_sigterm);
	tcase_add_test(tc, test_killed_web_role_keeps_its_promises);
	tcase_add_test(tc, test_killed_redis_loses_nothing_acknowledged);
	tcase_add_test(tc, test_hanging_redis_is_refused_and_then_resumed);
	tcase_add_test(tc, test_tcp_works_without_redis);
	tcase_add_test(tc, test_waits_are_answered_though_hints_are_deleted);
	tc = part(faults, "outlive");
	tcase_add_test(tc, test_jobs_outlive_the_fabric);
	return suite_run(faults);
}
