/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /metrics of the real roles, two web and two worker instances over one Redis without a load balancer: what it
 * counts is what happened, the text is valid at any moment, and it is there when Redis is not. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "http_client.h"
#include "raw_client.h"
#include "rcmd.h"
#include "redis_private.h"
#include "rlink.h"
#include "role_run.h"
#include "scrape.h"
#include "suite_run.h"
#include "wait_until.h"

#define SOON_MS 30000
#define WEBS 2
#define WORKERS 2

static struct redis_private *redis;
static struct role_run *webs[WEBS], *workers[WORKERS];
static struct http_answer answer;
static struct scrape *seen;

static void start_web(int i)
{
	/* Two reactors in one of them, so that their figures have to be added; a call of Redis is waited for long
	 * enough for a test that shares its machine. */
	const char *const env[] = { i ? "SQUARE_REACTORS=1" : "SQUARE_REACTORS=2", "SQUARE_ENQUEUE_DEADLINE_MS=5000",
				    NULL };
	char name[32];
	(void)snprintf(name, sizeof name, "WebRole_IN_%d", i);
	webs[i] = role_run_start("web-role", name, redis_private_url(redis), env);
}

static void start_worker(int i)
{
	char name[32];
	(void)snprintf(name, sizeof name, "WorkerRole_IN_%d", i);
	workers[i] = role_run_start("worker-role", name, redis_private_url(redis), NULL);
}

static unsigned port(int web)
{
	return role_run_port(webs[web]);
}

static long get(unsigned at, const char *path)
{
	http_answer_fini(&answer);
	http_client_call(at, "GET", path, NULL, NULL, SOON_MS, &answer);
	return answer.status;
}

static bool knows_operations(void *arg)
{
	return get(*(unsigned *)arg, "/v1/operations/square") == 200;
}

static void start_service(void)
{
	redis = redis_private_start(NULL);
	for (int i = 0; i < WEBS; i++)
		start_web(i);
	for (int i = 0; i < WORKERS; i++)
		start_worker(i);
	for (int i = 0; i < WEBS; i++) {
		unsigned at = port(i);
		ck_assert(wait_until(knows_operations, &at, SOON_MS));
	}
}

static void stop_service(void)
{
	http_answer_fini(&answer);
	scrape_free(seen);
	seen = NULL;
	for (int i = 0; i < WORKERS; i++)
		ck_assert_int_eq(role_run_stop(workers[i]), 0);
	for (int i = 0; i < WEBS; i++)
		ck_assert_int_eq(role_run_stop(webs[i]), 0);
	redis_private_stop(redis);
}

/* Scrapes, and reads it strictly: every look of every test is a test of the format. */
static void look(int web)
{
	char why[400];
	ck_assert_int_eq(get(port(web), "/metrics"), 200);
	ck_assert_str_eq(http_answer_header(&answer, "content-type"), "text/plain; version=0.0.4; charset=utf-8");
	scrape_free(seen);
	seen = scrape_parse(answer.body, why, sizeof why);
	ck_assert_msg(seen != NULL, "%s", why);
}

#define FINISHED "square_jobs_finished_total"
#define SQUARES "op=\"square\""
#define FAILURES "op=\"div\""

/* The figures that the load below moves. */
struct figures {
	double squares, failures, squares_run, waited, queue_succeeded, queue_failed, enqueued;
	double accepted, answered, waits, submitted;
};

static struct figures figures_now(int web)
{
	look(web);
	return (struct figures){
		.squares = scrape_sum(seen, FINISHED, SQUARES, "outcome=\"succeeded\"", NULL),
		.failures = scrape_sum(seen, FINISHED, FAILURES, "outcome=\"failed\"", NULL),
		.squares_run = scrape_sum(seen, "square_job_run_seconds_count", SQUARES, NULL),
		.waited = scrape_sum(seen, "square_job_wait_seconds_count", "queue=\"math\"", NULL),
		.queue_succeeded = scrape_sum(seen, "square_queue_finished_total", "outcome=\"succeeded\"", NULL),
		.queue_failed = scrape_sum(seen, "square_queue_finished_total", "outcome=\"failed\"", NULL),
		.enqueued = scrape_sum(seen, "square_queue_enqueued_total", "queue=\"math\"", NULL),
		.accepted = scrape_sum(seen, "square_submissions_total", "verdict=\"accepted\"", NULL),
		.answered = scrape_sum(seen, "square_http_requests_total", "method=\"POST\"", "route=\"/v1/jobs\"",
				       "code=\"200\"", NULL),
		.waits = scrape_sum(seen, "square_http_wait_duration_seconds_count", "route=\"/v1/jobs\"", NULL),
		.submitted = scrape_sum(seen, "square_submission_batch_jobs_sum", NULL),
	};
}

struct load {
	struct figures before;
	double squares, failures;
};

/* Both web roles and the workers have told what they did. */
static bool adds_up(void *arg)
{
	const struct load *l = arg;
	struct figures now = figures_now(0);
	const struct figures *was = &l->before;
	double all = l->squares + l->failures;
	return now.squares - was->squares == l->squares && now.failures - was->failures == l->failures &&
	       now.squares_run - was->squares_run == l->squares && now.waited - was->waited >= l->squares &&
	       now.queue_succeeded - was->queue_succeeded == l->squares &&
	       now.queue_failed - was->queue_failed == l->failures && now.enqueued - was->enqueued == all &&
	       now.accepted - was->accepted == all && now.answered - was->answered == all &&
	       now.waits - was->waits == all && now.submitted - was->submitted == all;
}

static void submit(int web, const char *body)
{
	http_answer_fini(&answer);
	http_client_call(port(web), "POST", "/v1/jobs?wait=30", NULL, body, 2 * SOON_MS, &answer);
	ck_assert_msg(answer.status == 200, "%ld %s", answer.status, answer.body);
}

START_TEST(test_counters_add_up)
{
	struct load load = { .before = figures_now(0) };
	for (int i = 0; i < 40; i++) {
		submit(i % WEBS, "{\"op\":\"square\",\"args\":[12]}");
		load.squares++;
		if (i % 8)
			continue;
		submit(i / 8 % WEBS, "{\"op\":\"div\",\"args\":[1,0]}");
		load.failures++;
		look(i % WEBS); /* valid in the middle of it, too */
	}
	if (!wait_until(adds_up, &load, SOON_MS)) {
		struct figures now = figures_now(0);
		const double *a = (const double *)&load.before, *b = (const double *)&now;
		for (size_t i = 0; i < sizeof now / sizeof(double); i++)
			(void)fprintf(stderr, "figure %zu: %g -> %g\n", i, a[i], b[i]);
		ck_abort_msg("the figures did not become those of %g squares and %g failures", load.squares,
			     load.failures);
	}
	/* Whoever is asked tells the same of what has come to rest. */
	look(1);
	ck_assert_double_ge(scrape_sum(seen, FINISHED, SQUARES, NULL), load.squares);
	ck_assert_uint_eq(scrape_count(seen, "square_build_info", NULL), WEBS + WORKERS);
}
END_TEST

START_TEST(test_every_instance_is_there)
{
	static const char *const instances[] = { "role_instance=\"WebRole_IN_0\"", "role_instance=\"WebRole_IN_1\"",
						 "role_instance=\"WorkerRole_IN_0\"",
						 "role_instance=\"WorkerRole_IN_1\"" };
	static const char *const names[] = {
		"process_cpu_seconds_total",    "process_resident_memory_bytes",   "process_open_fds",
		"process_start_time_seconds",   "square_redis_links_up",           "square_redis_connects_total",
		"square_redis_calls_in_flight", "square_redis_call_seconds_count", "square_loop_busy_seconds_total"
	};
	static const char *const queue[] = { "square_queue_oldest_seconds", "square_queue_paused",
					     "square_queue_desired_workers", "square_queue_run_seconds_total" };
	look(0);
	for (size_t i = 0; i < sizeof instances / sizeof *instances; i++)
		for (size_t k = 0; k < sizeof names / sizeof *names; k++)
			ck_assert_msg(scrape_count(seen, names[k], instances[i], NULL) >= 1, "%s of %s", names[k],
				      instances[i]);
	/* A web role has two reactors, and each of them a loop and a link. */
	ck_assert_uint_eq(scrape_count(seen, "square_loop_turns_total", instances[0], NULL), 2);
	ck_assert_double_eq(scrape_sum(seen, "square_redis_links_up", instances[0], NULL), 2);
	ck_assert_double_gt(scrape_sum(seen, "square_compute_resident_bytes", instances[2], NULL), 1e5);
	ck_assert_double_eq(scrape_sum(seen, "square_queue_workers", "queue=\"math\"", NULL), WORKERS);
	ck_assert_uint_eq(scrape_count(seen, "square_queue_jobs", "queue=\"math\"", NULL), 4);
	ck_assert_uint_eq(scrape_count(seen, "square_queue_finished_total", "queue=\"math\"", NULL), 5);
	for (size_t k = 0; k < sizeof queue / sizeof *queue; k++)
		ck_assert_msg(scrape_count(seen, queue[k], "queue=\"math\"", NULL) == 1, "%s", queue[k]);
	ck_assert_double_eq(scrape_sum(seen, "square_redis_up", NULL), 1);
}
END_TEST

static double turns_of_web_1(int asked)
{
	look(asked);
	return scrape_sum(seen, "square_loop_turns_total", "role_instance=\"WebRole_IN_1\"", NULL);
}

/* Through a load balancer every scrape may be answered by another instance: what one has told of itself, no other one
 * may contradict by telling something older. */
START_TEST(test_counters_never_go_back)
{
	double last = 0;
	for (int i = 0; i < 50; i++) {
		double now = turns_of_web_1(i % WEBS);
		ck_assert_double_ge(now, last);
		last = now;
	}
}
END_TEST

/* A scrape counts as a request, HEAD is served, other methods are not. */
START_TEST(test_methods)
{
	look(0);
	double before = scrape_sum(seen, "square_http_requests_total", "role_instance=\"WebRole_IN_0\"",
				   "method=\"GET\"", "route=\"/metrics\"", "code=\"200\"", NULL);
	look(0);
	ck_assert_double_eq(scrape_sum(seen, "square_http_requests_total", "role_instance=\"WebRole_IN_0\"",
				       "method=\"GET\"", "route=\"/metrics\"", "code=\"200\"", NULL),
			    before + 1);
	http_answer_fini(&answer);
	http_client_call(port(0), "HEAD", "/metrics", NULL, NULL, SOON_MS, &answer);
	ck_assert_int_eq(answer.status, 200);
	ck_assert_str_eq(answer.body, "");
	http_answer_fini(&answer);
	http_client_call(port(0), "POST", "/metrics", NULL, "{}", SOON_MS, &answer);
	ck_assert_int_eq(answer.status, 405);
	ck_assert_str_eq(http_answer_header(&answer, "allow"), "GET, HEAD, OPTIONS");
	look(0);
	ck_assert_double_ge(scrape_sum(seen, "square_http_requests_total", "method=\"HEAD\"", "route=\"/metrics\"",
				       "code=\"200\"", NULL),
			    1);
	ck_assert_double_ge(scrape_sum(seen, "square_http_requests_total", "route=\"other\"", "code=\"405\"", NULL), 1);
}
END_TEST

/* ---- limits ---- */

/* Clients cannot make series: whatever they ask for. */
START_TEST(test_clients_cannot_make_series)
{
	char path[80];
	look(1);
	get(port(1), "/nowhere");
	get(port(1), "/v1/jobs/01a205f9-9bd2-71cb-8003-1d41c3c9c6ce");
	look(1);
	size_t before = scrape_count(seen, "square_http_requests_total", "role_instance=\"WebRole_IN_1\"", NULL);
	double times =
	    scrape_sum(seen, "square_http_requests_total", "route=\"other\"", "code=\"404\"", "method=\"GET\"", NULL);
	for (int i = 0; i < 50; i++) {
		(void)snprintf(path, sizeof path, "/nowhere/%d", i);
		ck_assert_int_eq(get(port(1), path), 404);
		(void)snprintf(path, sizeof path, "/v1/jobs/01a205f9-9bd2-71cb-8003-1d41c3c9c%03d", i);
		ck_assert_int_eq(get(port(1), path), 404);
	}
	look(1);
	ck_assert_uint_eq(scrape_count(seen, "square_http_requests_total", "role_instance=\"WebRole_IN_1\"", NULL),
			  before);
	ck_assert_double_eq(scrape_sum(seen, "square_http_requests_total", "route=\"other\"", "code=\"404\"",
				       "method=\"GET\"", NULL),
			    times + 50);
}
END_TEST

static double gauge_of_web_0(const char *name)
{
	look(0);
	return scrape_sum(seen, name, "role_instance=\"WebRole_IN_0\"", NULL);
}

struct gauge {
	const char *name;
	double want;
	bool or_more;
};

static bool gauge_is(void *arg)
{
	const struct gauge *g = arg;
	double now = gauge_of_web_0(g->name);
	return now == g->want || (g->or_more && now > g->want);
}

static bool comes_to(const char *name, double want, bool or_more)
{
	struct gauge g = { name, want, or_more };
	return wait_until(gauge_is, &g, SOON_MS);
}

START_TEST(test_gauges_rise_and_fall)
{
	struct raw_client wait, stream;
	ck_assert_double_eq(gauge_of_web_0("square_http_streams"), 0);
	ck_assert(raw_connect(&wait, port(0), NULL, 0, SOON_MS));
	ck_assert(raw_say(&wait,
			  "POST /v1/jobs?wait=60 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
			  "Content-Length: 44\r\n\r\n{\"op\":\"square\",\"args\":[2],\"delay_ms\":600000}"));
	ck_assert(comes_to("square_http_waiters", 1, false));
	ck_assert(raw_connect(&stream, port(0), NULL, 0, SOON_MS));
	ck_assert(raw_say(&stream, "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"));
	ck_assert(comes_to("square_http_streams", 1, false));
	ck_assert(comes_to("square_http_connections", 2, true));
	ck_assert(comes_to("square_http_requests_in_flight", 2, true));
	double gone = gauge_of_web_0("square_http_gone_total");
	raw_close(&stream);
	ck_assert(comes_to("square_http_streams", 0, false));
	raw_close(&wait);
	ck_assert(comes_to("square_http_waiters", 0, false));
	ck_assert(
	    comes_to("square_http_gone_total", gone + 1, false)); /* the waiting one; a stream is left by its client */
	ck_assert_double_ge(gauge_of_web_0("square_http_stream_duration_seconds_count"), 1);
}
END_TEST

/* ---- faults ---- */

static bool is_up_again(void *arg)
{
	(void)arg;
	look(0);
	return scrape_sum(seen, "square_redis_up", NULL) == 1 &&
	       scrape_count(seen, "square_queue_jobs", "queue=\"math\"", NULL) == 4;
}

static void assert_own_figures_only(void)
{
	look(0);
	ck_assert_double_eq(scrape_sum(seen, "square_redis_up", "role_instance=\"WebRole_IN_0\"", NULL), 0);
	ck_assert_uint_eq(scrape_count(seen, "square_build_info", NULL), 1);
	ck_assert_uint_eq(scrape_count(seen, "square_build_info", "role_instance=\"WebRole_IN_0\"", NULL), 1);
	ck_assert_uint_eq(scrape_count(seen, "square_queue_jobs", NULL), 0);
	ck_assert_uint_gt(scrape_count(seen, "square_http_requests_total", NULL), 0);
}

static bool link_is_lost(void *arg)
{
	(void)arg;
	return gauge_of_web_0("square_redis_links_up") == 0;
}

START_TEST(test_without_redis)
{
	ck_assert(wait_until(is_up_again, NULL, SOON_MS));
	double losses = gauge_of_web_0("square_redis_losses_total");
	ck_assert_int_eq(kill(redis_private_pid(redis), SIGSTOP), 0);
	assert_own_figures_only(); /* it does not answer */
	ck_assert_int_eq(kill(redis_private_pid(redis), SIGCONT), 0);
	ck_assert(wait_until(is_up_again, NULL, SOON_MS));
	redis_private_kill(redis);
	ck_assert(wait_until(link_is_lost, NULL, SOON_MS));
	assert_own_figures_only(); /* it is not there */
	ck_assert_double_ge(scrape_sum(seen, "square_redis_losses_total", NULL), losses + 2);
	redis_private_restart(redis);
	ck_assert(wait_until(is_up_again, NULL, SOON_MS));
}
END_TEST

static bool is_alone(void *arg)
{
	(void)arg;
	look(0);
	return scrape_count(seen, "square_build_info", "role_instance=\"WorkerRole_IN_1\"", NULL) == 0 &&
	       scrape_count(seen, "square_build_info", "role_instance=\"WorkerRole_IN_0\"", NULL) == 1;
}

static bool both_workers(void *arg)
{
	(void)arg;
	look(0);
	return scrape_count(seen, FINISHED, NULL) > 0 &&
	       scrape_count(seen, "square_build_info", "role_instance=\"WorkerRole_IN_1\"", NULL) == 1;
}

/* One that dies without a word is forgotten with its metrics, and its successor begins anew. */
START_TEST(test_killed_worker_vanishes)
{
	submit(0, "{\"op\":\"square\",\"args\":[3]}");
	ck_assert(wait_until(both_workers, NULL, SOON_MS));
	ck_assert_int_eq(kill(role_run_pid(workers[1]), SIGKILL), 0);
	ck_assert(wait_until(is_alone, NULL, SOON_MS));
	ck_assert_uint_eq(scrape_count(seen, "square_compute_children", NULL), 1);
	ck_assert_uint_eq(scrape_count(seen, "square_build_info", NULL), WEBS + 1);
	(void)role_run_stop(workers[1]);
	start_worker(1); /* of the same name, and with nothing to tell yet */
	ck_assert(wait_until(both_workers, NULL, SOON_MS));
	ck_assert_uint_eq(scrape_count(seen, FINISHED, "role_instance=\"WorkerRole_IN_1\"", NULL), 0);
}
END_TEST

/* Instances tell what they like, and garbage does not come through. */
START_TEST(test_garbage_is_left_out)
{
	static const char text[] =
	    "# HELP good G.\n# TYPE good gauge\ngood 1\ngood{x=\"1} 2\nbad 3\n# TYPE square_build_info counter\n"
	    "square_build_info 9\n\n\x01\xff\n# HELP\n# TYPE good\n";
	struct rsync *s = rsync_open(redis_private_url(redis), 5000, NULL);
	ck_assert_ptr_nonnull(s);
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_str(&cmd, "HSET");
	rcmd_str(&cmd, "{jq:reg}:met");
	rcmd_str(&cmd, "We\"ird\\\n\xff");
	rcmd_arg(&cmd, text, sizeof text - 1);
	ck_assert_ptr_nonnull(rsync_call(s, &cmd, NULL));
	rcmd_fini(&cmd);
	look(0);
	ck_assert_uint_eq(scrape_count(seen, "good", NULL), 1);
	ck_assert_uint_eq(scrape_count(seen, "good", "role_instance=\"We\\\"ird\\\\\\n?\"", NULL), 1);
	ck_assert_double_eq(scrape_sum(seen, "square_build_info", NULL),
			    (double)scrape_count(seen, "square_build_info", NULL));
	rsync_words(s, NULL, "DEL", "{jq:reg}:met", NULL);
	rsync_words(s, NULL, "SET", "{jq:reg}:met", "not a hash", NULL);
	look(0);
	ck_assert_double_eq(scrape_sum(seen, "square_redis_up", NULL), 0);
	ck_assert_uint_eq(scrape_count(seen, "square_queue_jobs", "queue=\"math\"", NULL), 4);
	rsync_words(s, NULL, "DEL", "{jq:reg}:met", NULL);
	rsync_close(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("metrics_http");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	tcase_add_unchecked_fixture(core, start_service, stop_service);
	tcase_add_unchecked_fixture(limits, start_service, stop_service);
	tcase_add_checked_fixture(faults, start_service, stop_service); /* they kill what the others need */
	tcase_set_timeout(core, 120);
	tcase_set_timeout(limits, 120);
	tcase_set_timeout(faults, 120);
	tcase_add_test(core, test_counters_add_up);
	tcase_add_test(core, test_every_instance_is_there);
	tcase_add_test(core, test_counters_never_go_back);
	tcase_add_test(core, test_methods);
	tcase_add_test(limits, test_clients_cannot_make_series);
	tcase_add_test(limits, test_gauges_rise_and_fall);
	tcase_add_test(faults, test_without_redis);
	tcase_add_test(faults, test_killed_worker_vanishes);
	tcase_add_test(faults, test_garbage_is_left_out);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
