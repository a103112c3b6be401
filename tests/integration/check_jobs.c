/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Jobs cancelled, run again and asked for again, and what may be wrong with such requests, on the real binaries. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "pair.h"
#include "suite_run.h"
#include "wait_until.h"

/* Of a queue that nobody has registered. */
#define NO_JOB "/v1/jobs/0199a8c0-1234-7abc-8def-0123456789ab"
#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

/* ---- cancel ---- */

static const struct {
	const char *rest, *state;
} waiting[] = { { "", "queued" }, { ",\"delay_ms\":3600000", "delayed" }, { ",\"priority\":\"high\"", "queued" } };

START_TEST(test_cancel_of_a_waiting_job)
{
	char path[PAIR_PATH_SIZE];
	pair_submit(path, "cancel-waiting", "square", "[3]", waiting[_i].rest);
	ck_assert_str_eq(pair_text("state"), waiting[_i].state);
	ck_assert_int_eq(pair_ask(pair_b, "DELETE", path, "{\"a body\":\"is ignored\"}"), 200);
	ck_assert_str_eq(pair_text("state"), "cancelled");
	ck_assert_ptr_nonnull(json_object_get(pair_answer.json, "error"));
	ck_assert(json_is_true(json_object_get(pair_answer.json, "done")));
	ck_assert_ptr_null(json_object_get(pair_answer.json, "started_at"));
	pair_ask(pair_a, "DELETE", path, NULL);
	pair_assert_problem(409, "already-done");
	ck_assert_str_eq(pair_text("state"), "cancelled");
	ck_assert_int_eq(pair_get(pair_a, path), 200);
	ck_assert_str_eq(pair_text("state"), "cancelled");
	pair_ask_at(pair_b, "GET", path, "/result", NULL);
	pair_assert_problem(409, "not-finished-that-way");
	pair_figures(pair_a, "cancel-waiting");
	ck_assert_int_eq(pair_number("queued") + pair_number("delayed") + pair_number("running"), 0);
}
END_TEST

START_TEST(test_cancel_of_a_running_job)
{
	char path[PAIR_PATH_SIZE];
	struct role_run *w = pair_worker("WorkerRole_IN_0", "cancel-running");
	pair_submit(path, "cancel-running", "sleep", "[60000]", ",\"timeout_ms\":60000");
	pair_await(path, "running");
	ck_assert_int_eq(pair_ask(pair_a, "DELETE", path, NULL), 202);
	ck_assert_str_eq(pair_text("state"), "running");
	ck_assert(json_is_true(json_object_get(pair_answer.json, "cancel_requested")));
	ck_assert_str_eq(http_answer_header(&pair_answer, "Location"), path);
	pair_await(path, "cancelled");
	ck_assert_ptr_null(json_object_get(pair_answer.json, "cancel_requested"));

	pair_submit(path, "cancel-running", "sleep", "[60000]", ",\"timeout_ms\":60000");
	pair_await(path, "running");
	pair_ask_at(pair_b, "DELETE", path, "?wait=15", NULL);
	ck_assert_int_eq(pair_answer.status, 200);
	ck_assert_str_eq(pair_text("state"), "cancelled");
	ck_assert_str_eq(http_answer_header(&pair_answer, "Content-Location"), path);
	ck_assert_int_eq(role_run_stop(w), 0);
}
END_TEST

/* ---- retry ---- */

/* One job for each state, and what a retry of it says. */
static const struct {
	const char *op, *args, *rest, *state;
	bool retryable;
} fates[] = {
	{ "square", "[5]", "", "succeeded", false },
	{ "div", "[1,0]", "", "failed", true },
	{ "crash", "[\"abort\"]", ",\"max_attempts\":1", "dead", true },
	{ "square", "[6]", ",\"delay_ms\":3600000", "cancelled", true }, /* the test cancels it */
	{ "sleep", "[60000]", ",\"timeout_ms\":60000", "running", false },
	{ "square", "[7]", ",\"delay_ms\":3600000", "delayed", false },
};

START_TEST(test_retry_of_a_job_in_each_state)
{
	char path[PAIR_PATH_SIZE], tag[40];
	struct role_run *w = pair_worker("WorkerRole_IN_0", "retry");
	pair_submit(path, "retry", fates[_i].op, fates[_i].args, fates[_i].rest);
	if (strcmp(fates[_i].state, "cancelled") == 0)
		ck_assert_int_eq(pair_ask(pair_a, "DELETE", path, NULL), 200);
	pair_await(path, fates[_i].state);
	const char *etag = http_answer_header(&pair_answer, "ETag");
	snprintf(tag, sizeof tag, "%s", etag ? etag : "");
	pair_ask_at(pair_b, "POST", path, "/retry", NULL);
	if (!fates[_i].retryable) {
		pair_assert_problem(409, "not-retryable");
		ck_assert_str_eq(pair_text("state"), fates[_i].state);
		ck_assert_int_eq(pair_ask(pair_a, "DELETE", path, NULL), strcmp(fates[_i].state, "succeeded") == 0 ? 409
									 : strcmp(fates[_i].state, "running") == 0
									     ? 202
									     : 200);
	} else {
		ck_assert_int_eq(pair_answer.status, 202);
		ck_assert_str_eq(pair_text("state"), "queued");
		ck_assert_int_eq(pair_number("attempt"), 0);
		ck_assert_str_eq(http_answer_header(&pair_answer, "Location"), path);
		ck_assert_ptr_null(json_object_get(pair_answer.json, "error"));
		/* the cancelled one runs at once: its delay was for the first time */
		pair_await(path, strcmp(fates[_i].state, "cancelled") == 0 ? "succeeded" : fates[_i].state);
		ck_assert_str_ne(http_answer_header(&pair_answer, "ETag"), tag);
	}
	ck_assert_int_eq(role_run_stop(w), 0);
}
END_TEST

START_TEST(test_retry_of_a_queued_job)
{
	char path[PAIR_PATH_SIZE];
	pair_submit(path, "retry-queued", "square", "[5]", "");
	pair_ask_at(pair_b, "POST", path, "/retry", NULL);
	pair_assert_problem(409, "not-retryable");
	ck_assert_str_eq(pair_text("state"), "queued");
}
END_TEST

/* A worker finds that a job's time has passed; run again its time begins anew. */
START_TEST(test_retry_of_an_expired_job)
{
	char path[PAIR_PATH_SIZE];
	pair_submit(path, "retry-expired", "square", "[9]", ",\"expires_in_ms\":1");
	struct role_run *w = pair_worker("WorkerRole_IN_0", "retry-expired");
	pair_await(path, "expired");
	pair_set_paused("retry-expired", true);
	pair_ask_at(pair_b, "POST", path, "/retry", NULL);
	ck_assert_int_eq(pair_answer.status, 202);
	ck_assert_str_eq(pair_text("state"), "queued");
	ck_assert_int_eq(role_run_stop(w), 0);
}
END_TEST

START_TEST(test_retry_that_waits_gives_the_end)
{
	char path[PAIR_PATH_SIZE];
	struct role_run *w = pair_worker("WorkerRole_IN_0", "retry-wait");
	pair_submit(path, "retry-wait", "div", "[1,0]", "");
	pair_await(path, "failed");
	pair_ask_at(pair_a, "POST", path, "/retry?wait=15", NULL);
	ck_assert_int_eq(pair_answer.status, 200);
	ck_assert_str_eq(pair_text("state"), "failed");
	ck_assert_int_eq(role_run_stop(w), 0);
}
END_TEST

/* ---- methods ---- */

static const struct {
	const char *path, *refused, *allow;
	bool get;
} methods[] = {
	{ "/v1/jobs", "DELETE", "GET, HEAD, POST, OPTIONS", true },
	{ NO_JOB, "POST", "GET, HEAD, DELETE, OPTIONS", true },
	{ NO_JOB "/result", "DELETE", "GET, HEAD, OPTIONS", true },
	{ NO_JOB "/retry", "GET", "POST, OPTIONS", false },
	{ "/v1/queues", "POST", "GET, HEAD, OPTIONS", true },
	{ "/v1/queues/math", "DELETE", "GET, HEAD, PATCH, OPTIONS", true },
	{ "/v1/queues/math/redrive", "GET", "POST, OPTIONS", false },
	{ "/v1/workers", "PUT", "GET, HEAD, OPTIONS", true },
};

START_TEST(test_methods_of_each_route)
{
	ck_assert_int_eq(pair_ask(pair_a, "OPTIONS", methods[_i].path, NULL), 204);
	ck_assert_str_eq(http_answer_header(&pair_answer, "Allow"), methods[_i].allow);
	pair_ask(pair_a, methods[_i].refused, methods[_i].path, NULL);
	pair_assert_problem(405, "method-not-allowed");
	ck_assert_str_eq(http_answer_header(&pair_answer, "Allow"), methods[_i].allow);
	if (!methods[_i].get)
		return;
	long status = pair_get(pair_a, methods[_i].path);
	ck_assert_int_eq(pair_ask(pair_a, "HEAD", methods[_i].path, NULL), status);
	ck_assert_str_eq(pair_answer.body, "");
	ck_assert_ptr_nonnull(http_answer_header(&pair_answer, "Content-Length"));
}
END_TEST

/* ---- asking again ---- */

/* rest: "", or "/result". */
static void assert_kept(const char *path, const char *rest)
{
	char whole[100], tag[40], header[100], body[1000];
	snprintf(whole, sizeof whole, "%s%s", path, rest);
	ck_assert_int_eq(pair_get(pair_a, whole), 200);
	ck_assert_str_eq(http_answer_header(&pair_answer, "Cache-Control"), "no-cache");
	snprintf(body, sizeof body, "%s", pair_answer.body);
	snprintf(tag, sizeof tag, "%s", http_answer_header(&pair_answer, "ETag"));
	ck_assert_int_eq(tag[0], '"');
	ck_assert_int_eq(pair_get(pair_b, whole), 200);
	ck_assert_str_eq(http_answer_header(&pair_answer, "ETag"), tag);
	ck_assert_str_eq(pair_answer.body, body);
	ck_assert_int_eq(pair_ask(pair_b, "HEAD", whole, NULL), 200);
	ck_assert_str_eq(http_answer_header(&pair_answer, "ETag"), tag);
	snprintf(header, sizeof header, "If-None-Match: \"other\", %s", tag);
	ck_assert_int_eq(pair_ask_with(pair_b, "GET", whole, header, NULL), 304);
	ck_assert_str_eq(pair_answer.body, "");
	ck_assert_str_eq(http_answer_header(&pair_answer, "ETag"), tag);
	ck_assert_int_eq(pair_ask_with(pair_b, "GET", whole, "If-None-Match: \"other\"", NULL), 200);
	ck_assert_str_eq(pair_answer.body, body);
}

START_TEST(test_finished_job_has_an_entity_tag)
{
	char path[PAIR_PATH_SIZE], waiting_path[100];
	pair_submit(path, "tags", "square", "[12]", "");
	ck_assert_int_eq(pair_get(pair_b, path), 200);
	ck_assert_ptr_null(http_answer_header(&pair_answer, "ETag")); /* it is not finished */
	ck_assert_str_eq(http_answer_header(&pair_answer, "Cache-Control"), "no-store");
	pair_ask_at(pair_b, "GET", path, "/result", NULL);
	ck_assert_int_eq(pair_answer.status, 202);
	ck_assert_ptr_null(http_answer_header(&pair_answer, "ETag"));
	struct role_run *w = pair_worker("WorkerRole_IN_0", "tags");
	snprintf(waiting_path, sizeof waiting_path, "%s?wait=15", path);
	ck_assert_int_eq(pair_get(pair_b, waiting_path), 200);
	ck_assert_str_eq(pair_text("state"), "succeeded");
	ck_assert_ptr_nonnull(http_answer_header(&pair_answer, "ETag")); /* waited for, it is the same job */
	assert_kept(path, "");
	assert_kept(path, "/result");
	ck_assert_int_eq(role_run_stop(w), 0);
}
END_TEST

START_TEST(test_result_waited_for)
{
	char path[PAIR_PATH_SIZE];
	struct role_run *w = pair_worker("WorkerRole_IN_0", "result-wait");
	pair_submit(path, "result-wait", "sleep", "[50]", "");
	pair_ask_at(pair_b, "GET", path, "/result?wait=15", NULL);
	ck_assert_int_eq(pair_answer.status, 200);
	ck_assert_str_eq(pair_answer.body, "50\n");
	pair_submit(path, "result-wait", "div", "[1,0]", "");
	pair_ask_at(pair_b, "GET", path, "/result?wait=15", NULL);
	pair_assert_problem(409, "not-finished-that-way");
	pair_submit(path, "result-wait", "sleep", "[60000]", ",\"timeout_ms\":60000");
	pair_ask_at(pair_b, "GET", path, "/result?wait=0.1", NULL);
	ck_assert_int_eq(pair_answer.status, 202);
	ck_assert_ptr_nonnull(http_answer_header(&pair_answer, "Retry-After"));
	ck_assert_int_eq(pair_ask(pair_a, "DELETE", path, NULL), 202);
	ck_assert_int_eq(role_run_stop(w), 0);
}
END_TEST

/* ---- what a client may get wrong ---- */

static const struct {
	const char *method, *path, *header, *body;
	long status;
	const char *type, *contains;
} wrong[] = {
	{ "GET", NO_JOB, NULL, NULL, 404, "not-found", "" },
	{ "DELETE", NO_JOB, NULL, NULL, 404, "not-found", "" },
	{ "POST", NO_JOB "/retry", NULL, NULL, 404, "not-found", "" },
	{ "GET", NO_JOB "/result", NULL, NULL, 404, "not-found", "" },
	{ "GET", NO_JOB "/result?wait=1", NULL, NULL, 404, "not-found", "" },
	{ "GET", NO_JOB "/result?wait=x", NULL, NULL, 400, "bad-request", "wait" },
	{ "DELETE", "/v1/jobs/nonsense", NULL, NULL, 404, "not-found", "" },
	{ "POST", "/v1/jobs/nonsense/retry", NULL, NULL, 404, "not-found", "" },
	{ "DELETE", NO_JOB "?wait=soon", NULL, NULL, 400, "bad-request", "wait" },
	{ "POST", NO_JOB "/retry?wait=-1", NULL, NULL, 400, "bad-request", "wait" },
	{ "GET", "/v1/jobs?limit=201", NULL, NULL, 400, "bad-request", "from 1 to 200, got \\\"201\\\"" },
	{ "GET", "/v1/jobs?limit=0", NULL, NULL, 400, "bad-request", "limit" },
	{ "GET", "/v1/jobs?limit=-1", NULL, NULL, 400, "bad-request", "limit" },
	{ "GET", "/v1/jobs?limit=+5", NULL, NULL, 400, "bad-request", "limit" },
	{ "GET", "/v1/jobs?limit=ten", NULL, NULL, 400, "bad-request", "limit" },
	{ "GET", "/v1/jobs?limit=", NULL, NULL, 400, "bad-request", "limit" },
	{ "GET", "/v1/jobs?limit=4294967297", NULL, NULL, 400, "bad-request", "limit" },
	{ "GET", "/v1/jobs?limit=99999999999999999999", NULL, NULL, 400, "bad-request", "limit" },
	{ "GET", "/v1/jobs?limit=1&limit=2", NULL, NULL, 400, "bad-request", "twice" },
	{ "GET", "/v1/jobs?limit=%zz", NULL, NULL, 400, "bad-request", "percent" },
	{ "GET", "/v1/jobs?state=done", NULL, NULL, 400, "bad-request",
	  "delayed, queued, running, succeeded, failed, dead, cancelled, expired, got \\\"done\\\"" },
	{ "GET", "/v1/jobs?state=", NULL, NULL, 400, "bad-request", "state" },
	{ "GET", "/v1/jobs?state=Queued", NULL, NULL, 400, "bad-request", "state" },
	{ "GET", "/v1/jobs?state=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, NULL, 400, "bad-request", "state" },
	{ "GET", "/v1/jobs?cursor=x", NULL, NULL, 400, "bad-request", "cursor" },
	{ "GET", "/v1/jobs?cursor=", NULL, NULL, 400, "bad-request", "cursor" },
	{ "GET", "/v1/jobs?cursor=7100", NULL, NULL, 400, "bad-request", "cursor" },
	{ "GET", "/v1/jobs?queue=no-such-queue", NULL, NULL, 404, "not-found", "no-such-queue" },
	{ "GET", "/v1/jobs?queue=", NULL, NULL, 404, "not-found", "queue" },
	{ "GET", "/v1/jobs?queue=Not%20A%20Name", NULL, NULL, 404, "not-found", "Not A Name" },
	{ "GET", "/v1/jobs?queue=a&queue=b", NULL, NULL, 400, "bad-request", "queue" },
	{ "GET", "/v1/queues/no-such-queue", NULL, NULL, 404, "not-found", "no-such-queue" },
	{ "GET", "/v1/queues/UPPER", NULL, NULL, 404, "not-found", "UPPER" },
	{ "PATCH", "/v1/queues/no-such-queue", NULL, "{\"paused\":true}", 404, "not-found", "" },
	{ "POST", "/v1/queues/no-such-queue/redrive", NULL, NULL, 404, "not-found", "" },
	{ "PATCH", "/v1/queues/math", NULL, "", 400, "malformed-json", "\"position\":0" },
	{ "PATCH", "/v1/queues/math", NULL, "{\"paused\":tru}", 400, "malformed-json", "\"line\":1" },
	{ "PATCH", "/v1/queues/math", NULL, "{\"paused\":true,\"paused\":true}", 400, "malformed-json", "duplicate" },
	{ "PATCH", "/v1/queues/math", NULL, "{\"paused\":\"\xff\"}", 400, "malformed-json", "" },
	{ "PATCH", "/v1/queues/math", NULL, "{}", 422, "invalid-submission", "\"pointer\":\"\"" },
	{ "PATCH", "/v1/queues/math", NULL, "[]", 422, "invalid-submission", "\"pointer\":\"\"" },
	{ "PATCH", "/v1/queues/math", NULL, "[{\"paused\":true}]", 422, "invalid-submission", "\"pointer\":\"\"" },
	{ "PATCH", "/v1/queues/math", NULL, "true", 422, "invalid-submission", "\"pointer\":\"\"" },
	{ "PATCH", "/v1/queues/math", NULL, "{\"paused\":1}", 422, "invalid-submission", "\"pointer\":\"/paused\"" },
	{ "PATCH", "/v1/queues/math", NULL, "{\"paused\":null}", 422, "invalid-submission", "\"pointer\":\"/paused\"" },
	{ "PATCH", "/v1/queues/math", NULL, "{\"paused\":true,\"a/b\":1}", 422, "invalid-submission",
	  "\"pointer\":\"/a~1b\"" },
	{ "PATCH", "/v1/queues/math", NULL, "{\"paused\":0,\"limit\":1}", 422, "invalid-submission",
	  "\"pointer\":\"/limit\"" },
	{ "PATCH", "/v1/queues/math", "Content-Type: text/plain", "{\"paused\":true}", 415, "unsupported-media-type",
	  "" },
};

START_TEST(test_wrong_requests_are_refused)
{
	pair_ask_with(pair_a, wrong[_i].method, wrong[_i].path, wrong[_i].header, wrong[_i].body);
	pair_assert_problem(wrong[_i].status, wrong[_i].type);
	ck_assert_msg(strstr(pair_answer.body, wrong[_i].contains), "expected %s in %s", wrong[_i].contains,
		      pair_answer.body);
	pair_figures(pair_b, "math");
	ck_assert(json_is_false(json_object_get(pair_answer.json, "paused")));
}
END_TEST

/* ---- without Redis ---- */

static const struct {
	const char *method, *path, *body;
} needing_redis[] = {
	{ "GET", "/v1/jobs", NULL },
	{ "GET", "/v1/jobs?queue=math&state=dead", NULL },
	{ "GET", "/v1/queues", NULL },
	{ "GET", "/v1/queues/math", NULL },
	{ "GET", "/v1/queues/unheard-of", NULL },
	{ "PATCH", "/v1/queues/math", "{\"paused\":true}" },
	{ "POST", "/v1/queues/math/redrive", NULL },
	{ "GET", "/v1/workers", NULL },
	{ "GET", NO_JOB, NULL },
	{ "DELETE", NO_JOB, NULL },
	{ "POST", NO_JOB "/retry", NULL },
};

static bool answers_503(void *arg)
{
	return pair_get(arg, "/v1/queues") == 503;
}

static bool answers_200(void *arg)
{
	return pair_get(arg, "/v1/queues") == 200;
}

START_TEST(test_without_redis_all_is_503_and_heals)
{
	struct redis_private *own = redis_private_start(NULL);
	struct role_run *web = role_run_start("web-role", "WebRole_IN_0", redis_private_url(own), NULL);
	ck_assert(wait_until(answers_200, web, PAIR_DEADLINE_MS));
	redis_private_kill(own);
	ck_assert(wait_until(answers_503, web, PAIR_DEADLINE_MS));
	for (int i = 0; i < COUNT(needing_redis); i++) {
		pair_ask(web, needing_redis[i].method, needing_redis[i].path, needing_redis[i].body);
		pair_assert_problem(503, "queue-unavailable");
		ck_assert_ptr_nonnull(http_answer_header(&pair_answer, "Retry-After"));
	}
	redis_private_restart(own);
	ck_assert(wait_until(answers_200, web, PAIR_DEADLINE_MS));
	ck_assert_int_eq(role_run_stop(web), 0);
	redis_private_stop(own);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("jobs");
	TCase *core = tcase_create("core"), *bounds = tcase_create("limits"), *faults = tcase_create("faults");
	tcase_set_timeout(core, 60);
	tcase_add_unchecked_fixture(core, pair_set_up, pair_tear_down);
	tcase_set_timeout(bounds, 60);
	tcase_add_unchecked_fixture(bounds, pair_set_up, pair_tear_down);
	tcase_set_timeout(faults, 60);
	tcase_add_loop_test(core, test_cancel_of_a_waiting_job, 0, COUNT(waiting));
	tcase_add_test(core, test_cancel_of_a_running_job);
	tcase_add_loop_test(core, test_retry_of_a_job_in_each_state, 0, COUNT(fates));
	tcase_add_test(core, test_retry_of_a_queued_job);
	tcase_add_test(core, test_retry_of_an_expired_job);
	tcase_add_test(core, test_retry_that_waits_gives_the_end);
	tcase_add_loop_test(core, test_methods_of_each_route, 0, COUNT(methods));
	tcase_add_test(core, test_finished_job_has_an_entity_tag);
	tcase_add_test(core, test_result_waited_for);
	tcase_add_loop_test(bounds, test_wrong_requests_are_refused, 0, COUNT(wrong));
	tcase_add_test(faults, test_without_redis_all_is_503_and_heals);
	suite_add_tcase(s, core);
	suite_add_tcase(s, bounds);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
