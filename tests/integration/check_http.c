/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The HTTP contract on the real binaries: a private Redis, web roles without a load balancer before them, a worker
 * where a test needs one. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "http_client.h"
#include "proc.h"
#include "redis_private.h"
#include "rlink.h"
#include "suite_run.h"
#include "wait_until.h"

#define DEADLINE_MS 20000

/* ---- the processes ---- */

struct role {
	pid_t pid;
	int log;
	unsigned port;
};

static struct redis_private *redis;
static char redis_url[200];

/* Reads the log up to a line that contains `text`; the rest of the line in out. The reader takes a byte at a time, so
 * that what comes later stays in the pipe. */
static void read_log(const struct role *r, const char *text, char *out, size_t size)
{
	char line[1000];
	size_t n = 0;
	while (read(r->log, line + n, 1) == 1) {
		if (line[n] != '\n') {
			n += n + 2 < sizeof line;
			continue;
		}
		line[n] = '\0';
		char *at = strstr(line, text);
		if (at) {
			snprintf(out, size, "%s", at + strlen(text));
			return;
		}
		n = 0;
	}
	ck_abort_msg("the log ended before \"%s\"", text);
}

static struct role start(const char *program, const char *instance, const char *setting)
{
	char identity[100], rest[200];
	int fds[2];
	struct role r;
	snprintf(identity, sizeof identity, "SQUARE_ROLE_INSTANCE=%s", instance);
	char definition[300], configuration[300];
	snprintf(definition, sizeof definition, "%s", proc_source("service.csdef"));
	snprintf(configuration, sizeof configuration, "%s", proc_source("service.cscfg"));
	const char *const argv[] = { proc_program(program), "--definition", definition,
				     "--configuration",     configuration,  NULL };
	const char *const env[] = { redis_url,
				    identity,
				    "SQUARE_ENDPOINT_HTTP_IN=127.0.0.1:0",
				    "SQUARE_ENDPOINT_SQUARE_ENDPOINT=127.0.0.1:0",
				    "SQUARE_DRAIN_SECONDS=4",
				    "SQUARE_ENQUEUE_DEADLINE_MS=5000", /* what is tested is not haste */
				    "SQUARE_ACCESS_LOG=none", /* nobody reads the pipe while requests are made */
				    setting,
				    NULL };
	ck_assert_int_eq(pipe(fds), 0);
	r.pid = proc_spawn(argv, env, -1, -1, fds[1]);
	close(fds[1]);
	r.log = fds[0];
	read_log(&r, "listens on 127.0.0.1 port ", rest, sizeof rest);
	r.port = (unsigned)atoi(rest);
	read_log(&r, "redis is there", rest, sizeof rest);
	return r;
}

static void stop(struct role *r)
{
	kill(r->pid, SIGTERM);
	ck_assert_int_eq(proc_wait(r->pid, DEADLINE_MS), 0);
	close(r->log);
}

static struct role web(void)
{
	return start("web-role", "WebRole_IN_0", NULL);
}

static struct role worker(void)
{
	return start("worker-role", "WorkerRole_IN_0", NULL);
}

static void set_up(void)
{
	redis = redis_private_start(NULL);
	snprintf(redis_url, sizeof redis_url, "SQUARE_REDIS_URL=%s", redis_private_url(redis));
}

static void tear_down(void)
{
	redis_private_stop(redis);
	redis = NULL;
}

/* ---- asking ---- */

static struct http_answer answer;

static long ask(const struct role *r, const char *method, const char *path, const char *header, const char *body)
{
	const char *headers[] = { header, NULL };
	http_answer_fini(&answer);
	http_client_call(r->port, method, path, headers, body, DEADLINE_MS, &answer);
	return answer.status;
}

static long post(const struct role *r, const char *path, const char *body)
{
	return ask(r, "POST", path, NULL, body);
}

static long get(const struct role *r, const char *path)
{
	return ask(r, "GET", path, NULL, NULL);
}

static const char *text(const char *name)
{
	return http_answer_text(&answer, name);
}

/* The path of the job that the last answer is about. */
static void job_path(char *out, size_t size)
{
	snprintf(out, size, "/v1/jobs/%s", text("id"));
	ck_assert_uint_eq(strlen(out), 9 + 36);
}

static struct role *asked;
static bool asked_is_ready(void *arg)
{
	(void)arg;
	return get(asked, "/readyz") == 200;
}

static bool square_is_refused_for_its_arguments(void *arg)
{
	(void)arg;
	return post(asked, "/v1/jobs", "{\"op\":\"square\",\"args\":[]}") == 422;
}

/* ---- what a client can send ---- */

static const struct {
	const char *method, *path, *header, *body;
	long status;
	const char *type;     /* after /problems/; NULL: no problem */
	const char *contains; /* part of the body */
} requests[] = {
	{ "POST", "/v1/jobs", NULL, "{\"op\":\"square\",\"args\":[12]}", 202, NULL, "\"state\":\"queued\"" },
	{ "POST", "/v1/jobs", NULL, "{\"op\":\"square\",\"delay_ms\":60000}", 202, NULL, "\"state\":\"delayed\"" },
	{ "POST", "/v1/jobs", NULL, "{\"op\":\"square\",\"queue\":\"other\",\"priority\":\"high\"}", 202, NULL,
	  "\"queue\":\"other\",\"priority\":\"high\"" },
	{ "POST", "/v1/jobs", NULL, "{\"op\":\"square\",\"run_at\":\"2000-01-01T00:00:00Z\"}", 202, NULL,
	  "\"state\":\"queued\"" },
	{ "POST", "/v1/jobs", NULL, "{\"op\":\"square\",\"expires_in_ms\":5000}", 202, NULL, "\"expires_at\":\"" },
	{ "POST", "/v1/jobs", "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	  "{\"op\":\"square\"}", 202, NULL, "\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\"" },
	{ "POST", "/v1/jobs", "Content-Type:", "{\"op\":\"square\"}", 202, NULL, "" },
	{ "POST", "/v1/jobs", "Content-Type: application/vnd.x+json; charset=utf-8", "{\"op\":\"a\"}", 202, NULL, "" },
	{ "POST", "/v1/jobs?wait=0", NULL, "{\"op\":\"square\"}", 202, NULL, "" },
	{ "POST", "/v1/jobs", "Prefer: wait=x", "{\"op\":\"square\"}", 202, NULL, "" },
	{ "POST", "/v1/jobs", NULL, "", 400, "malformed-json", "\"position\":0" },
	{ "POST", "/v1/jobs", NULL, "{\"op\":}", 400, "malformed-json", "\"line\":1,\"column\":7,\"position\":6" },
	{ "POST", "/v1/jobs", NULL, "{\"op\":\"a\",\"op\":\"a\"}", 400, "malformed-json", "duplicate" },
	{ "POST", "/v1/jobs", NULL, "{\"op\":\"\xff\"}", 400, "malformed-json", "" },
	{ "POST", "/v1/jobs", NULL, "[]", 422, "invalid-submission", "\"pointer\":\"\"" },
	{ "POST", "/v1/jobs", NULL, "{\"operation\":\"square\",\"args\":null}", 422, "invalid-submission",
	  "\"pointer\":\"/args\"" },
	{ "POST", "/v1/jobs", NULL, "{\"op\":\"square\",\"cache\":\"used\"}", 422, "invalid-submission", "/cache" },
	{ "POST", "/v1/jobs", NULL,
	  "{\"op\":\"square\",\"args\":[12],\"queue\":\"math\",\"priority\":\"normal\",\"delay_ms\":0,\"timeout_ms\":"
	  "30000,"
	  "\"expires_in_ms\":0,\"max_attempts\":3,\"result_ttl_s\":3600,\"cache\":\"use\"}",
	  202, NULL, "\"state\":\"queued\"" },
	{ "POST", "/v1/jobs", NULL, "{\"op\":\"echo\",\"args\":[\"a\\u0000b\"]}", 202, NULL, "\"a\\u0000b\"" },
	{ "POST", "/v1/jobs?wait=x", NULL, "{\"op\":\"square\"}", 400, "bad-request", "wait" },
	{ "POST", "/v1/jobs", "Idempotency-Key;", "{\"op\":\"square\"}", 400, "bad-request", "Idempotency-Key" },
	{ "POST", "/v1/jobs", "Idempotency-Key: k", "{\"op\":\"square\"}", 202, NULL, "" },
	{ "POST", "/v1/jobs", "Content-Type: text/plain", "{\"op\":\"square\"}", 415, "unsupported-media-type", "" },
	{ "POST", "/v1/jobs", "Content-Encoding: gzip", "{\"op\":\"square\"}", 415, "unsupported-media-type", "" },
	{ "POST", "/v1/jobs", "Origin: http://evil.example", "{\"op\":\"square\"}", 403, "forbidden", "Origin" },
	{ "POST", "/v1/jobs", "Host: evil.example", "{\"op\":\"square\"}", 403, "forbidden", "Host" },
	{ "POST", "/v1/jobs", "Expect: coffee", "{\"op\":\"square\"}", 417, "expectation-failed", "" },
	{ "PUT", "/v1/jobs", NULL, NULL, 405, "method-not-allowed", "POST" },
	{ "DELETE", "/livez", NULL, NULL, 405, "method-not-allowed", "GET, HEAD, OPTIONS" },
	{ "BREW", "/livez", NULL, NULL, 405, "method-not-allowed", "GET, HEAD, OPTIONS" },
	{ "GET", "/v1/jobs/xyz", NULL, NULL, 404, "not-found", "" },
	{ "GET", "/v1/jobs/01a204a5-3f42-741e-8002-cf51adeb0f2e", NULL, NULL, 404, "not-found", "" },
	{ "GET", "/v1/jobs/01a204a5-3f42-741e-8ffe-cf51adeb0f2e/result", NULL, NULL, 404, "not-found", "" },
	{ "GET", "/v1/jobs/01a204a5-3f42-741e-8002-cf51adeb0f2e?wait=1", NULL, NULL, 404, "not-found", "" },
	{ "GET", "/v1/jobs/01a204a5-3f42-741e-8002-cf51adeb0f2e?wait=", NULL, NULL, 400, "bad-request", "wait" },
	{ "GET", "/nothing", NULL, NULL, 404, "not-found", "" },
	{ "GET", "/livez", "Host: any.example", NULL, 200, NULL, "alive" },
	{ "GET", "/readyz", NULL, NULL, 200, NULL, "ready" },
	{ "OPTIONS", "/v1/jobs", NULL, NULL, 204, NULL, "" },
};

START_TEST(test_every_request_has_its_answer)
{
	struct role w = web();
	asked = &w;
	ck_assert(wait_until(asked_is_ready, NULL, DEADLINE_MS));
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
		const char *path = requests[i].path, *body = requests[i].body;
		long status = ask(&w, requests[i].method, path, requests[i].header, body);
		char type[80] = "";
		if (requests[i].type)
			snprintf(type, sizeof type, "/problems/%s", requests[i].type);
		ck_assert_msg(status == requests[i].status, "%zu: %s %s: %ld %s", i, requests[i].method, path, status,
			      answer.body);
		ck_assert_ptr_nonnull(http_answer_header(&answer, "X-Request-Id"));
		ck_assert_str_eq(http_answer_header(&answer, "X-Content-Type-Options"), "nosniff");
		ck_assert_msg(strstr(answer.body, requests[i].contains) != NULL, "%zu: %s", i, answer.body);
		if (status == 202) {
			char job[60];
			job_path(job, sizeof job);
			ck_assert_str_eq(http_answer_header(&answer, "Location"), job);
			ck_assert_ptr_nonnull(http_answer_header(&answer, "Retry-After"));
			ck_assert_int_eq(get(&w, job), 200);
		} else if (requests[i].type) {
			ck_assert_str_eq(text("type"), type);
			ck_assert_str_eq(text("instance"), http_answer_header(&answer, "X-Request-Id"));
			ck_assert_str_eq(http_answer_header(&answer, "Content-Type"), "application/problem+json");
		}
	}
	stop(&w);
}
END_TEST

START_TEST(test_body_limit)
{
	static char body[2200000];
	struct role w = web();
	const size_t limit = 1048576;
	for (size_t n = limit; n <= limit + 1; n++) {
		size_t head = (size_t)snprintf(body, sizeof body, "{\"op\":\"echo\",\"args\":[\"");
		memset(body + head, 'x', n - head - 3);
		memcpy(body + n - 3, "\"]}", 4);
		ck_assert_int_eq(post(&w, "/v1/jobs", body), n <= limit ? 202 : 413);
		ck_assert_ptr_null(strstr(answer.body, "\"args\"")); /* too long to be sent back */
	}
	memset(body, ' ', sizeof body - 1);
	ck_assert_int_eq(post(&w, "/v1/jobs", body), 413);
	ck_assert_str_eq(text("type"), "/problems/too-large");
	ck_assert_ptr_nonnull(strstr(text("detail"), "at most 1048576 bytes, got 2199999"));
	stop(&w);
}
END_TEST

/* ---- waiting, with a worker ---- */

START_TEST(test_wait_brings_the_finished_job)
{
	struct role w = web(), k = worker();
	char job[60], path[80];
	ck_assert_int_eq(post(&w, "/v1/jobs?wait=20", "{\"op\":\"add\",\"args\":[\"1/3\",\"1/6\"]}"), 200);
	ck_assert_str_eq(text("result"), "1/2");
	ck_assert_str_eq(text("state"), "succeeded");
	ck_assert_str_eq(text("worker"), "WorkerRole_IN_0");
	ck_assert_str_eq(http_answer_header(&answer, "Preference-Applied"), "wait=20");
	job_path(job, sizeof job);
	ck_assert_str_eq(http_answer_header(&answer, "Content-Location"), job);
	snprintf(path, sizeof path, "%s/result", job);
	ck_assert_int_eq(get(&w, path), 200);
	ck_assert_str_eq(answer.body, "\"1/2\"\n");

	ck_assert_int_eq(ask(&w, "POST", "/v1/jobs", "Prefer: respond-async, wait=100",
			     "{\"op\":\"sleep\",\"args\":[1]}"),
			 200);
	ck_assert_str_eq(http_answer_header(&answer, "Preference-Applied"), "wait=60");

	ck_assert_int_eq(post(&w, "/v1/jobs", "{\"op\":\"sleep\",\"args\":[300]}"), 202);
	job_path(job, sizeof job);
	snprintf(path, sizeof path, "%s/result", job);
	ck_assert_int_eq(get(&w, path), 202);
	snprintf(path, sizeof path, "%s?wait=20", job);
	ck_assert_int_eq(get(&w, path), 200);
	ck_assert_str_eq(text("state"), "succeeded");

	ck_assert_int_eq(post(&w, "/v1/jobs?wait=20", "{\"op\":\"div\",\"args\":[1,0]}"), 200);
	ck_assert_str_eq(text("state"), "failed");
	job_path(job, sizeof job);
	snprintf(path, sizeof path, "%s/result", job);
	ck_assert_int_eq(get(&w, path), 409);
	ck_assert_str_eq(text("type"), "/problems/not-finished-that-way");
	stop(&k);
	stop(&w);
}
END_TEST

START_TEST(test_wait_that_is_too_short)
{
	struct role w = web();
	char job[60], path[80];
	ck_assert_int_eq(post(&w, "/v1/jobs?wait=0.2", "{\"op\":\"square\",\"args\":[1]}"), 202);
	ck_assert_str_eq(http_answer_header(&answer, "Preference-Applied"), "wait=0.2");
	ck_assert_str_eq(text("state"), "queued");
	job_path(job, sizeof job);
	snprintf(path, sizeof path, "%s?wait=0.2", job);
	ck_assert_int_eq(get(&w, path), 200);
	ck_assert_str_eq(text("state"), "queued");
	stop(&w);
}
END_TEST

/* Whichever web role took the job: another one answers for it, knows its queue from the id, and waits for it. */
START_TEST(test_another_instance_answers)
{
	struct role a = web(), b = start("web-role", "WebRole_IN_1", NULL);
	char job[60], path[80];
	ck_assert_int_eq(post(&a, "/v1/jobs", "{\"op\":\"sleep\",\"args\":[400],\"queue\":\"far\"}"), 202);
	job_path(job, sizeof job);
	ck_assert_int_eq(get(&b, job), 200);
	ck_assert_str_eq(text("queue"), "far");
	struct role k = start("worker-role", "WorkerRole_IN_0", "SQUARE_QUEUES=math,far");
	snprintf(path, sizeof path, "%s?wait=20", job);
	ck_assert_int_eq(get(&b, path), 200);
	ck_assert_str_eq(text("state"), "succeeded");
	stop(&k);
	stop(&b);
	stop(&a);
}
END_TEST

/* As a client that heeds Retry-After: the link may be away for a moment yet. */
static bool got_an_answer(void *path)
{
	return get(asked, path) != 503;
}

/* The reply list is a hint: without it a wait ends by its own look, which is why the worker's push is sabotaged by
 * making the list a key of another type. */
START_TEST(test_wait_without_the_reply_list)
{
	struct role w = web();
	struct errinfo info;
	char job[60], path[80];
	ck_assert_int_eq(post(&w, "/v1/jobs?wait=0.1", "{\"op\":\"square\",\"args\":[7]}"), 202);
	job_path(job, sizeof job);
	struct role k = start("worker-role", "WorkerRole_IN_0", NULL);
	struct rsync *s = rsync_open(redis_private_url(redis), 5000, &info);
	snprintf(path, sizeof path, "%s?wait=20", job);
	ck_assert_int_eq(get(&w, path), 200);
	ck_assert_str_eq(text("state"), "succeeded");
	for (int i = 0; i < 3; i++) { /* the blocking link is cut while the job runs; its word is lost */
		ck_assert_int_eq(post(&w, "/v1/jobs", "{\"op\":\"sleep\",\"args\":[200]}"), 202);
		job_path(job, sizeof job);
		rsync_words(s, &info, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes", NULL);
		snprintf(path, sizeof path, "%s?wait=20", job);
		asked = &w;
		ck_assert(wait_until(got_an_answer, path, DEADLINE_MS));
		ck_assert_int_eq(answer.status, 200);
		ck_assert_str_eq(text("state"), "succeeded");
		ck_assert(wait_until(asked_is_ready, NULL, DEADLINE_MS));
	}
	rsync_close(s);
	stop(&k);
	stop(&w);
}
END_TEST

/* ---- the catalogue ---- */

START_TEST(test_operations_are_known_from_workers)
{
	struct role w = web();
	ck_assert_int_eq(post(&w, "/v1/jobs", "{\"op\":\"nobody_knows\"}"), 202); /* no catalogue was ever published */
	struct role k = worker();
	asked = &w;
	ck_assert(wait_until(square_is_refused_for_its_arguments, NULL, DEADLINE_MS));
	ck_assert_str_eq(text("type"), "/problems/invalid-submission");
	ck_assert_ptr_nonnull(strstr(answer.body, "\"pointer\":\"/args\""));
	ck_assert_int_eq(post(&w, "/v1/jobs", "{\"op\":\"sqare\",\"args\":[1]}"), 422);
	ck_assert_str_eq(text("type"), "/problems/unknown-operation");
	ck_assert_ptr_nonnull(strstr(answer.body, "square"));
	stop(&k);
	ck_assert_int_eq(post(&w, "/v1/jobs", "{\"op\":\"square\",\"args\":[1]}"), 202); /* and waits for a worker */
	stop(&w);
}
END_TEST

/* ---- faults ---- */

/* A client that leaves leaves nothing behind that an end of its jobs could meet. */
START_TEST(test_v4_client_leaves)
{
	static const char request[] = "POST /v4/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 24\r\n\r\n"
				      "{\"expr\":[\"1\",\"2\",\"3+4\"]}";
	struct role w = web();
	for (int i = 0; i < 20; i++) {
		int fd = tcp_client_connect(w.port, DEADLINE_MS);
		ck_assert_int_eq(write(fd, request, sizeof request - 1), (ssize_t)sizeof request - 1);
		close(fd);
	}
	struct role k = worker();
	ck_assert_int_eq(post(&w, "/v1/jobs?wait=10", "{\"op\":\"square\",\"args\":[12]}"), 200);
	ck_assert_int_eq(json_integer_value(json_object_get(answer.json, "result")), 144);
	stop(&k);
	stop(&w);
}
END_TEST

START_TEST(test_operations_are_listed_as_far_as_known)
{
	struct role w = web();
	ck_assert_int_eq(get(&w, "/v1/operations"), 200);
	ck_assert_str_eq(answer.body, "{\"operations\":[]}\n");
	ck_assert_int_eq(get(&w, "/v1/operations/square"), 404);
	struct role k = worker();
	while (get(&w, "/v1/operations/square") != 200)
		ck_assert_int_eq(answer.status, 404);
	redis_private_kill(redis);
	ck_assert_int_eq(get(&w, "/v1/operations"), 200); /* what was read once is there still */
	ck_assert_uint_gt(strlen(answer.body), 1000);
	redis_private_restart(redis);
	stop(&k);
	stop(&w);
}
END_TEST

START_TEST(test_redis_hangs_and_comes_back)
{
	struct role w = web();
	char job[60];
	asked = &w;
	ck_assert_int_eq(post(&w, "/v1/jobs", "{\"op\":\"square\"}"), 202);
	job_path(job, sizeof job);
	kill(redis_private_pid(redis), SIGSTOP);
	ck_assert_int_eq(post(&w, "/v1/jobs", "{\"op\":\"square\"}"), 503);
	ck_assert_str_eq(text("type"), "/problems/queue-unavailable");
	ck_assert_ptr_nonnull(http_answer_header(&answer, "Retry-After"));
	ck_assert_int_eq(post(&w, "/v1/jobs?wait=5", "{\"op\":\"square\"}"), 503);
	ck_assert_int_eq(post(&w, "/v1/jobs", "{\"op\":\"square\",\"queue\":\"new\"}"), 503);
	ck_assert_int_eq(get(&w, job), 503);
	ck_assert_int_eq(get(&w, "/v1/jobs/01a204a5-3f42-741e-8ffe-cf51adeb0f2e"), 503);
	ck_assert_int_eq(get(&w, "/livez"), 200);
	while (get(&w, "/readyz") == 200)
		; /* until the last answer of Redis is too old */
	ck_assert_int_eq(answer.status, 503);
	kill(redis_private_pid(redis), SIGCONT);
	ck_assert(wait_until(asked_is_ready, NULL, DEADLINE_MS));
	ck_assert_int_eq(get(&w, job), 200);
	ck_assert_int_eq(post(&w, "/v1/jobs", "{\"op\":\"square\"}"), 202);
	stop(&w);
}
END_TEST

START_TEST(test_redis_dies_and_comes_back)
{
	struct role w = web();
	char job[60];
	asked = &w;
	ck_assert_int_eq(post(&w, "/v1/jobs", "{\"op\":\"square\",\"queue\":\"q2\"}"), 202);
	job_path(job, sizeof job);
	redis_private_kill(redis);
	ck_assert_int_eq(post(&w, "/v1/jobs", "{\"op\":\"square\"}"), 503);
	ck_assert_int_eq(get(&w, job), 503);
	ck_assert_int_eq(get(&w, "/readyz"), 503);
	redis_private_restart(redis);
	ck_assert(wait_until(asked_is_ready, NULL, DEADLINE_MS));
	ck_assert_int_eq(get(&w, job), 200);
	ck_assert_int_eq(post(&w, "/v1/jobs", "{\"op\":\"square\"}"), 202);
	stop(&w);
}
END_TEST

START_TEST(test_queue_full)
{
	struct role w = start("web-role", "WebRole_IN_0", "SQUARE_LIVE_JOBS_MAX=2");
	ck_assert_int_eq(post(&w, "/v1/jobs", "{\"op\":\"square\"}"), 202);
	ck_assert_int_eq(post(&w, "/v1/jobs", "{\"op\":\"square\"}"), 202);
	ck_assert_int_eq(post(&w, "/v1/jobs", "{\"op\":\"square\"}"), 503);
	ck_assert_str_eq(text("type"), "/problems/queue-full");
	ck_assert_int_eq(post(&w, "/v1/jobs?wait=5", "{\"op\":\"square\"}"), 503);
	ck_assert_int_eq(post(&w, "/v1/jobs", "{\"op\":\"square\",\"queue\":\"other\"}"), 202);
	stop(&w);
}
END_TEST

static const struct {
	const char *request, *status, *says;
} parked[] = {
	{ "POST /v1/jobs?wait=60 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 15\r\n\r\n{\"op\":\"square\"}",
	  "HTTP/1.1 202 ", "\"state\":\"queued\"" },
	{ "GET /v4/?expr=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400 ", "Error: there was no result" },
	{ "POST /v4/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 18\r\n\r\n{\"expr\":[\"1\",\"2\"]}",
	  "HTTP/1.1 400 ", "{\"result\":null,\"error\":\"Error: there was no result" },
};

START_TEST(test_drain_answers_parked_waits)
{
	struct role w = web();
	char reply[4000] = "";
	size_t n = 0;
	const char *const request = parked[_i].request;
	int fd = tcp_client_connect(w.port, DEADLINE_MS);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, request, strlen(request)), (ssize_t)strlen(request));
	while (get(&w, "/v1/jobs/01a204a5-3f42-741e-8ffe-cf51adeb0f2e") != 404)
		; /* the wait was read before this */
	kill(w.pid, SIGTERM);
	for (ssize_t got; n + 1 < sizeof reply && (got = read(fd, reply + n, sizeof reply - 1 - n)) > 0;)
		n += (size_t)got;
	reply[n] = '\0';
	ck_assert_msg(strstr(reply, parked[_i].status) == reply, "%s", reply);
	ck_assert_ptr_nonnull(strstr(reply, parked[_i].says));
	ck_assert_int_eq(proc_wait(w.pid, DEADLINE_MS), 0);
	close(fd);
	close(w.log);
}
END_TEST

START_TEST(test_start_is_refused)
{
	static const struct {
		const char *env, *says;
	} cases[] = {
		{ "SQUARE_ENDPOINT_HTTP_IN=0.0.0.0:0", "AllowAnonymous" },
		{ "SQUARE_ENDPOINT_HTTP_IN=192.0.2.1:0", "AllowAnonymous" },
		{ "SQUARE_REDIS_URL=http://localhost", "redis" },
		{ "SQUARE_CONNECTIONS=x", "Connections" },
	};
	char definition[300], configuration[300];
	snprintf(definition, sizeof definition, "%s", proc_source("service.csdef"));
	snprintf(configuration, sizeof configuration, "%s", proc_source("service.cscfg"));
	const char *const argv[] = { proc_program("web-role"), "--definition", definition,
				     "--configuration",        configuration,  NULL };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *const env[] = { redis_url, cases[i].env, NULL };
		struct proc_result r;
		proc_run(argv, env, NULL, DEADLINE_MS, &r);
		ck_assert_int_eq(r.status, 1);
		ck_assert_msg(strstr(r.err, cases[i].says) != NULL, "%s: %s", cases[i].env, r.err);
		proc_result_fini(&r);
	}
	struct role w = web();
	char taken[80];
	snprintf(taken, sizeof taken, "SQUARE_ENDPOINT_HTTP_IN=127.0.0.1:%u", w.port);
	const char *const shared[] = { redis_url, taken, "SQUARE_REACTORS=2", NULL };
	struct proc_result r;
	proc_run(argv, shared, NULL, DEADLINE_MS, &r);
	ck_assert_int_eq(r.status, 1);
	ck_assert_ptr_nonnull(strstr(r.err, "in use"));
	proc_result_fini(&r);
	stop(&w);
}
END_TEST

/* Several threads on one port, each with its own links: every one of them serves. */
START_TEST(test_reactors_share_the_port)
{
	struct role w = start("web-role", "WebRole_IN_0", "SQUARE_REACTORS=3"), k = worker();
	char rest[200];
	for (int i = 1; i < 3; i++) /* start() has read the first of these */
		read_log(&w, "redis is there", rest, sizeof rest);
	for (int i = 0; i < 60; i++) { /* a connection each */
		char body[80], expected[20];
		snprintf(body, sizeof body, "{\"op\":\"square\",\"args\":[%d]}", i);
		snprintf(expected, sizeof expected, "\"result\":%d,", i * i);
		ck_assert_int_eq(post(&w, "/v1/jobs?wait=20", body), 200);
		ck_assert_ptr_nonnull(strstr(answer.body, expected));
	}
	stop(&k);
	stop(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	TCase *all[] = { core, limits, faults };
	tcase_add_test(core, test_every_request_has_its_answer);
	tcase_add_test(core, test_wait_brings_the_finished_job);
	tcase_add_test(core, test_wait_that_is_too_short);
	tcase_add_test(core, test_another_instance_answers);
	tcase_add_test(core, test_operations_are_known_from_workers);
	tcase_add_test(core, test_operations_are_listed_as_far_as_known);
	tcase_add_test(core, test_reactors_share_the_port);
	tcase_add_test(core, test_v4_client_leaves);
	tcase_add_test(limits, test_body_limit);
	tcase_add_test(limits, test_queue_full);
	tcase_add_test(faults, test_wait_without_the_reply_list);
	tcase_add_test(faults, test_redis_hangs_and_comes_back);
	tcase_add_test(faults, test_redis_dies_and_comes_back);
	tcase_add_loop_test(faults, test_drain_answers_parked_waits, 0, (int)(sizeof parked / sizeof *parked));
	tcase_add_test(faults, test_start_is_refused);
	for (int i = 0; i < 3; i++) {
		tcase_set_timeout(all[i], 120);
		tcase_add_checked_fixture(all[i], set_up, tear_down);
		suite_add_tcase(s, all[i]);
	}
	return suite_run(s);
}
