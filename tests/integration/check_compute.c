/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Jobs that misbehave, on the real service: each comes to its end, its neighbours do not notice, the workers go on, and
 * no process or file stays behind. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "compute_run.h"
#include "fabric_run.h"
#include "http_client.h"
#include "job_client.h"
#include "proc_tree.h"
#include "rlink.h"
#include "suite_run.h"
#include "wait_until.h"

#define HEAL_MS 60000
#define TAG "{jq:math:0}"

static struct fabric_run *service;
static struct job_list jobs;

static void start_service(void)
{
	static const char *const env[] = { "WORKER_INSTANCES=2", "SQUARE_ENABLE_TEST_OPERATIONS=true",
					   "SQUARE_COMPUTE_CHILDREN=1", "SQUARE_COMPUTE_MEMORY_MIB=128", NULL };
	service = fabric_run_start(env);
}

static void stop_service(void)
{
	ck_assert_int_eq(fabric_run_stop(service), 0);
	job_list_fini(&jobs);
}

/* ---- jobs ---- */

/* Its id is the last of `jobs`. */
static const char *submit(const char *body)
{
	long status = job_client_submit(fabric_run_http(service), body, &jobs);

	ck_assert_msg(status == 202, "%s: %ld", body, status);
	return jobs.ids[jobs.n - 1];
}

static void look_at(const char *id, struct http_answer *answer)
{
	char path[80];

	(void)snprintf(path, sizeof path, "/v1/jobs/%s", id);
	http_client_get(fabric_run_http(service), path, answer);
}

static bool is_done(void *arg)
{
	struct http_answer answer;

	look_at(arg, &answer);
	bool done = json_is_true(json_object_get(answer.json, "done"));
	http_answer_fini(&answer);
	return done;
}

static bool is_running(void *arg)
{
	struct http_answer answer;

	look_at(arg, &answer);
	bool running =
	    strcmp(http_answer_text(&answer, "state"), "running") == 0 && json_object_get(answer.json, "started_at");
	http_answer_fini(&answer);
	return running;
}

static long long attempt_of(const char *id)
{
	struct http_answer answer;

	look_at(id, &answer);
	long long attempt = json_integer_value(json_object_get(answer.json, "attempt"));
	http_answer_fini(&answer);
	return attempt;
}

static void assert_ends(const char *id, const char *state, const char *type)
{
	struct http_answer answer;

	ck_assert(wait_until(is_done, (void *)id, HEAL_MS));
	look_at(id, &answer);
	const char *error = json_string_value(json_object_get(json_object_get(answer.json, "error"), "type"));
	ck_assert_msg(strcmp(http_answer_text(&answer, "state"), state) == 0 &&
			  (!type || (error && !strcmp(error, type))),
		      "expected %s %s, got %s", state, type ? type : "", answer.body);
	http_answer_fini(&answer);
}

/* Every worker still computes: enough calls that each has had some. */
static void assert_all_well(void)
{
	struct job_list list = { 0 };

	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(job_client_submit(fabric_run_http(service), "{\"op\":\"square\",\"args\":[12]}",
						   &list),
				 202);
	ck_assert_uint_eq(job_client_wait_all(fabric_run_http(service), &list, "144", HEAL_MS), list.n);
	job_list_fini(&list);
	for (int i = 0; i < 2; i++) {
		char name[32];
		(void)snprintf(name, sizeof name, "WorkerRole_IN_%d", i);
		char *reply = tcp_client_ask(fabric_run_port_of(service, name, "SquareEndpoint"), "12\n", HEAL_MS);
		ck_assert_ptr_nonnull(reply);
		ck_assert_str_eq(reply, "144\n");
		free(reply);
	}
}

static void cancel(const char *id)
{
	struct errinfo info;

	struct rsync *redis = rsync_open(fabric_run_redis_url(service), 5000, &info);
	ck_assert_ptr_nonnull(redis);
	const struct rreply *reply = rsync_words(redis, &info, "FCALL", "sq_cancel", "1", TAG, id, NULL);
	ck_assert_str_eq(rreply_str(rreply_at(reply, 0), NULL), "a");
	rsync_close(redis);
}

/* ---- processes ---- */

static pid_t zygote_of(const char *instance)
{
	return proc_tree_zygote(fabric_run_pid_of(service, instance));
}

/* One that computes and a spare one each, no more and no fewer. */
static bool are_children_complete(void *arg)
{
	(void)arg;
	return proc_tree_children(fabric_run_pid_of(service, "WorkerRole_IN_0")) == 2 &&
	       proc_tree_children(fabric_run_pid_of(service, "WorkerRole_IN_1")) == 2;
}

static bool is_gone(void *arg)
{
	return kill(*(pid_t *)arg, 0) != 0 && errno == ESRCH;
}

/* The instance that runs a job. */
static void worker_of(const char *id, char *instance, size_t size)
{
	struct http_answer answer;

	look_at(id, &answer);
	(void)snprintf(instance, size, "%s", http_answer_text(&answer, "worker"));
	http_answer_fini(&answer);
}

static bool finds_busy_child(void *arg)
{
	pid_t *pid = arg;

	for (int i = 0; i < 2 && !*pid; i++)
		*pid = proc_tree_find(zygote_of(i ? "WorkerRole_IN_1" : "WorkerRole_IN_0"), PROC_TREE_COMPUTE, 'R');
	return *pid != 0;
}

static pid_t busy_child(void)
{
	pid_t pid = 0;

	ck_assert(wait_until(finds_busy_child, &pid, HEAL_MS));
	return pid;
}

/* ---- core ---- */

static const struct {
	const char *kind, *state, *type;
	long long attempts;
	bool needs_confinement;
} kinds[] = {
	{ "segfault", "dead", "worker-lost", 2, true },    { "abort", "dead", "worker-lost", 2, false },
	{ "exit", "dead", "worker-lost", 2, false },       { "fork", "dead", "worker-lost", 2, true },
	{ "exec", "dead", "worker-lost", 2, true },        { "open", "dead", "worker-lost", 2, true },
	{ "loop", "failed", "timeout", 1, false },         { "memory", "failed", "limit-exceeded", 1, true },
	{ "output", "failed", "limit-exceeded", 1, true },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

START_TEST(test_misbehaviour)
{
	char body[120];
	struct job_list neighbours = { 0 };

	if (kinds[_i].needs_confinement && !compute_run_confined())
		return;
	for (int i = 0; i < 4; i++) {
		job_client_submit(fabric_run_http(service), "{\"op\":\"sleep\",\"args\":[300]}", &neighbours);
		job_client_submit(fabric_run_http(service), "{\"op\":\"factorial\",\"args\":[20000]}", &neighbours);
	}
	(void)snprintf(body, sizeof body, "{\"op\":\"crash\",\"args\":[\"%s\"],\"timeout_ms\":%d}", kinds[_i].kind,
		       strcmp(kinds[_i].kind, "loop") == 0 ? 500 : 30000);
	const char *id = submit(body);
	assert_ends(id, kinds[_i].state, kinds[_i].type);
	ck_assert_int_eq(attempt_of(id), kinds[_i].attempts);
	ck_assert_uint_eq(job_client_wait_all(fabric_run_http(service), &neighbours, NULL, HEAL_MS), neighbours.n);
	job_list_fini(&neighbours);
	assert_all_well();
	ck_assert(wait_until(are_children_complete, NULL, HEAL_MS));
}
END_TEST

START_TEST(test_cancel_kills_the_child)
{
	const char *id = submit("{\"op\":\"crash\",\"args\":[\"loop\"],\"timeout_ms\":60000}");

	ck_assert(wait_until(is_running, (void *)id, HEAL_MS));
	pid_t child = busy_child();
	uint64_t before_us = clock_mono_us();
	cancel(id);
	ck_assert(wait_until(is_gone, &child, HEAL_MS));
	uint64_t took_us = clock_mono_us() - before_us;
	printf("  cancel until the child is gone: %.1f ms\n", (double)took_us / 1000);
	assert_ends(id, "cancelled", NULL);
	assert_all_well();
	ck_assert(wait_until(are_children_complete, NULL, HEAL_MS));
}
END_TEST

static bool shows_progress(void *arg)
{
	struct http_answer answer;

	look_at(arg, &answer);
	const json_t *progress = json_object_get(answer.json, "progress");
	const char *note = json_string_value(json_object_get(progress, "note"));
	double ratio = json_number_value(json_object_get(progress, "ratio"));
	bool shown = note && strcmp(note, "going round in circles") == 0 && ratio >= 0 && ratio <= 1;
	http_answer_fini(&answer);
	return shown;
}

START_TEST(test_progress_is_seen)
{
	const char *id = submit("{\"op\":\"crash\",\"args\":[\"loop\"],\"timeout_ms\":60000}");
	struct http_answer answer;

	ck_assert(wait_until(shows_progress, (void *)id, HEAL_MS));
	cancel(id);
	assert_ends(id, "cancelled", NULL);
	look_at(id, &answer);
	ck_assert_ptr_null(json_object_get(answer.json, "progress"));
	http_answer_fini(&answer);
}
END_TEST

/* ---- limits ---- */

/* Two children in all: four jobs of a second each take two rounds, wherever they were claimed first. */
START_TEST(test_heavy_jobs_spread_over_workers)
{
	char first[64], second[64];
	uint64_t before_us = clock_mono_us();

	for (int i = 0; i < 4; i++)
		submit("{\"op\":\"crash\",\"args\":[\"loop\"],\"timeout_ms\":1000}");
	ck_assert(wait_until(is_running, jobs.ids[0], HEAL_MS));
	ck_assert(wait_until(is_running, jobs.ids[1], HEAL_MS));
	worker_of(jobs.ids[0], first, sizeof first);
	worker_of(jobs.ids[1], second, sizeof second);
	ck_assert_str_ne(first, second);
	for (int i = 0; i < 4; i++)
		assert_ends(jobs.ids[i], "failed", "timeout");
	printf("  four jobs of 1.1 s on two workers of one child each: %.2f s\n",
	       (double)(clock_mono_us() - before_us) / 1e6);
}
END_TEST

/* ---- faults ---- */

static bool is_second_attempt(void *arg)
{
	return is_running(arg) && attempt_of(arg) == 2;
}

START_TEST(test_killed_child_loses_only_its_job)
{
	pid_t child;
	const char *id = submit("{\"op\":\"crash\",\"args\":[\"loop\"],\"timeout_ms\":60000}");

	ck_assert(wait_until(is_running, (void *)id, HEAL_MS));
	child = busy_child();
	submit("{\"op\":\"sleep\",\"args\":[1500]}");
	char sleeper[JOB_CLIENT_ID];
	(void)snprintf(sleeper, sizeof sleeper, "%s", jobs.ids[jobs.n - 1]);
	id = jobs.ids[0];
	ck_assert(wait_until(is_running, sleeper, HEAL_MS));
	uint64_t before_us = clock_mono_us();
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert(wait_until(is_second_attempt, (void *)id, HEAL_MS));
	printf("  killed child's job runs again after %.0f ms\n", (double)(clock_mono_us() - before_us) / 1000);
	cancel(id);
	assert_ends(id, "cancelled", NULL);
	assert_ends(sleeper, "succeeded", NULL);
	ck_assert_int_eq(attempt_of(sleeper), 1);
	assert_all_well();
}
END_TEST

/* Without its zygote a worker cannot compute: it goes, in order, and comes back. */
START_TEST(test_killed_zygote_restarts_the_worker)
{
	pid_t old = fabric_run_pid_of(service, "WorkerRole_IN_0"), zygote = zygote_of("WorkerRole_IN_0");

	ck_assert_int_gt(zygote, 0);
	ck_assert_int_eq(kill(zygote, SIGKILL), 0);
	ck_assert_int_gt(fabric_run_wait_new(service, "WorkerRole_IN_0", old, HEAL_MS), 0);
	ck_assert(wait_until(are_children_complete, NULL, HEAL_MS));
	assert_all_well();
}
END_TEST

START_TEST(test_killed_worker_takes_its_processes_along)
{
	pid_t zygote;
	pid_t child;
	const char *id = submit("{\"op\":\"crash\",\"args\":[\"loop\"],\"timeout_ms\":60000}");

	ck_assert(wait_until(is_running, (void *)id, HEAL_MS));
	child = busy_child();
	char worker[64];
	worker_of(id, worker, sizeof worker);
	pid_t victim = fabric_run_pid_of(service, worker);
	zygote = zygote_of(worker);
	ck_assert_int_eq(kill(victim, SIGKILL), 0);
	ck_assert(wait_until(is_gone, &zygote, HEAL_MS));
	ck_assert(wait_until(is_gone, &child, HEAL_MS));
	ck_assert_int_gt(fabric_run_wait_new(service, worker, victim, HEAL_MS), 0);
	ck_assert(wait_until(are_children_complete, NULL, HEAL_MS));
}
END_TEST

START_TEST(test_stopped_service_leaves_no_process)
{
	pid_t zygotes[2] = { zygote_of("WorkerRole_IN_0"), zygote_of("WorkerRole_IN_1") };

	submit("{\"op\":\"crash\",\"args\":[\"loop\"],\"timeout_ms\":60000}");
	pid_t child = busy_child();
	ck_assert_int_eq(fabric_run_stop(service), 0);
	for (int i = 0; i < 2; i++)
		ck_assert(wait_until(is_gone, &zygotes[i], HEAL_MS));
	ck_assert(wait_until(is_gone, &child, HEAL_MS));
	start_service(); /* for the fixture that stops it */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("compute");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	TCase *all[] = { core, limits, faults };

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		tcase_set_timeout(all[i], 240);
		tcase_add_checked_fixture(all[i], start_service, stop_service);
		suite_add_tcase(suite, all[i]);
	}
	tcase_add_loop_test(core, test_misbehaviour, 0, KINDS);
	tcase_add_test(core, test_cancel_kills_the_child);
	tcase_add_test(core, test_progress_is_seen);
	tcase_add_test(limits, test_heavy_jobs_spread_over_workers);
	tcase_add_test(faults, test_killed_child_loses_only_its_job);
	tcase_add_test(faults, test_killed_zygote_restarts_the_worker);
	tcase_add_test(faults, test_killed_worker_takes_its_processes_along);
	tcase_add_test(faults, test_stopped_service_leaves_no_process);
	return suite_run(suite);
}
