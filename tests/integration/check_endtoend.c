/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The service as a user meets it: the commands of the README, through the load balancer, on the real programs. */
#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fabric_run.h"
#include "http_client.h"
#include "job_client.h"
#include "proc.h"
#include "wait_until.h"

#define SOON_MS 30000

static struct fabric_run *service;

static void start_service(void)
{
	static const char *const env[] = { "WEB_INSTANCES=2", NULL };

	service = fabric_run_start(env);
}

/* With one web instance, so that what it has learnt is what every request meets. */
static void start_small_service(void)
{
	service = fabric_run_start(NULL);
}

static void stop_service(void)
{
	ck_assert_int_eq(fabric_run_stop(service), 0);
}

/* Runs a line of shell in which @HTTP and @TCP stand for the public ports; what it printed, the caller frees. */
static char *shell(const char *line)
{
	char script[2048];
	struct proc_result r;

	(void)snprintf(script, sizeof(script), "HTTP=%u TCP=%u; %s", fabric_run_http(service), fabric_run_tcp(service),
		       line);
	proc_shell(script, SOON_MS, &r);
	ck_assert_msg(r.status == 0, "%s\nended with %d: %s%s", script, r.status, r.out, r.err);
	free(r.err);
	return r.out;
}

static json_t *shell_json(const char *line)
{
	char *text = shell(line);
	json_t *json = json_loads(text, 0, NULL);

	ck_assert_msg(json != NULL, "expected JSON, got: %s", text);
	free(text);
	return json;
}

static const char *text_of(json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text ? text : "";
}

/* ---- the four commands ---- */

static bool result_is_144(void *arg)
{
	json_t *job = shell_json(arg);
	bool same = json_integer_value(json_object_get(job, "result")) == 144;

	json_decref(job);
	return same;
}

START_TEST(test_curl_submit_and_get)
{
	json_t *job = shell_json("curl -s localhost:$HTTP/v1/jobs -d '{\"op\":\"square\",\"args\":[12]}'");
	char line[160];

	ck_assert_uint_eq(strlen(text_of(job, "id")), 36);
	ck_assert_str_eq(text_of(job, "op"), "square");
	(void)snprintf(line, sizeof(line), "curl -s localhost:$HTTP%s", text_of(json_object_get(job, "links"), "self"));
	ck_assert(wait_until(result_is_144, line, SOON_MS));
	json_decref(job);
	job = shell_json(line);
	ck_assert_str_eq(text_of(job, "state"), "succeeded");
	ck_assert(json_is_true(json_object_get(job, "done")));
	ck_assert_int_eq(strncmp(text_of(job, "worker"), "WorkerRole_IN_", 14), 0);
	json_decref(job);
}
END_TEST

START_TEST(test_curl_status_and_location)
{
	char *head = shell("curl -si localhost:$HTTP/v1/jobs -d '{\"op\":\"square\",\"args\":[12]}'");

	ck_assert_msg(strncmp(head, "HTTP/1.1 202 ", 13) == 0, "%s", head);
	ck_assert_ptr_nonnull(strcasestr(head, "\nlocation: /v1/jobs/"));
	ck_assert_ptr_nonnull(strcasestr(head, "\nretry-after: "));
	ck_assert_ptr_nonnull(strcasestr(head, "\nx-request-id: "));
	free(head);
}
END_TEST

START_TEST(test_curl_submit_and_wait)
{
	char *text = shell("curl -s -w '\\n%{http_code}' 'localhost:'$HTTP'/v1/jobs?wait=5' -d "
			   "'{\"op\":\"add\",\"args\":[\"1/3\",\"1/6\"]}'");
	char *status = strrchr(text, '\n');
	json_t *job;

	ck_assert_ptr_nonnull(status);
	ck_assert_str_eq(status, "\n200");
	*status = '\0';
	job = json_loads(text, 0, NULL);
	ck_assert_str_eq(text_of(job, "result"), "1/2");
	ck_assert_str_eq(text_of(job, "state"), "succeeded");
	json_decref(job);
	free(text);
}
END_TEST

START_TEST(test_netcat_squares)
{
	char *text = shell("printf '12\\n1.5\\n7/3\\n' | nc -N localhost $TCP");

	ck_assert_str_eq(text, "144\n2.25\n49/9\n");
	free(text);
}
END_TEST

/* ---- through every instance ---- */

START_TEST(test_many_jobs_have_the_right_result)
{
	struct job_list list = { NULL, 0, 0 };
	char body[80], expected[16], state[16], result[32];

	for (int i = 0; i < 300; i++) {
		(void)snprintf(body, sizeof(body), "{\"op\":\"square\",\"args\":[%d]}", i);
		ck_assert_int_eq(job_client_submit(fabric_run_http(service), body, &list), 202);
	}
	ck_assert_uint_eq(job_client_wait_all(fabric_run_http(service), &list, NULL, SOON_MS), 300);
	for (int i = 0; i < 300; i++) {
		(void)snprintf(expected, sizeof(expected), "%d", i * i);
		ck_assert_int_eq(job_client_get(fabric_run_http(service), list.ids[i], state, result, sizeof(result)),
				 200);
		ck_assert_str_eq(result, expected);
	}
	job_list_fini(&list);
}
END_TEST

START_TEST(test_every_web_instance_knows_every_job)
{
	unsigned first = fabric_run_port_of(service, "WebRole_IN_0", "HttpIn");
	unsigned second = fabric_run_port_of(service, "WebRole_IN_1", "HttpIn");
	struct job_list list = { NULL, 0, 0 };
	char state[16];

	ck_assert_int_eq(job_client_submit(first, "{\"op\":\"echo\",\"args\":[\"here\"]}", &list), 202);
	ck_assert_uint_eq(job_client_wait_all(second, &list, "\"here\"", SOON_MS), 1);
	ck_assert_int_eq(job_client_get(first, list.ids[0], state, NULL, 0), 200);
	ck_assert_str_eq(state, "succeeded");
	job_list_fini(&list);
}
END_TEST

START_TEST(test_wait_at_one_instance_while_others_work)
{
	struct http_answer answer;

	http_client_post(fabric_run_http(service), "/v1/jobs?wait=10", "{\"op\":\"sleep\",\"args\":[300]}", &answer);
	ck_assert_msg(answer.status == 200, "%ld %s %s", answer.status, answer.error, answer.body);
	ck_assert_str_eq(http_answer_text(&answer, "state"), "succeeded");
	http_answer_fini(&answer);
}
END_TEST

START_TEST(test_tcp_json_rpc)
{
	char *text = tcp_client_ask(fabric_run_tcp(service),
				    "{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":[1,2],\"id\":7}\n", SOON_MS);
	json_t *reply = json_loads(text ? text : "", 0, NULL);

	ck_assert_int_eq(json_integer_value(json_object_get(reply, "result")), 3);
	ck_assert_int_eq(json_integer_value(json_object_get(reply, "id")), 7);
	json_decref(reply);
	free(text);
}
END_TEST

/* Long input and answers at once, in order, over one connection through the load balancer. */
START_TEST(test_tcp_pipelined)
{
	size_t n = 20000, len = 0;
	char *input = malloc(n * 12), *at, *answers, line[32];

	ck_assert_ptr_nonnull(input);
	for (size_t i = 0; i < n; i++)
		len += (size_t)sprintf(input + len, "%zu\n", i);
	answers = tcp_client_ask(fabric_run_tcp(service), input, SOON_MS);
	ck_assert_ptr_nonnull(answers);
	at = answers;
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(line, sizeof(line), "%zu\n", i * i);
		ck_assert_msg(strncmp(at, line, strlen(line)) == 0, "answer %zu is %.30s", i, at);
		at += strlen(line);
	}
	ck_assert_int_eq(*at, '\0');
	free(answers);
	free(input);
}
END_TEST

/* ---- limits ---- */

static const struct refusal {
	const char *path, *body;
	long status;
	const char *type;
} refusals[] = {
	{ "/v1/jobs", "{\"op\":", 400, "/problems/malformed-json" },
	{ "/v1/jobs", "{\"op\":\"square\",\"args\":[12],\"colour\":1}", 422, "/problems/invalid-submission" },
	{ "/v1/jobs", "{\"op\":\"sqare\",\"args\":[12]}", 422, "/problems/unknown-operation" },
	{ "/v1/jobs/0193b0a4-7c2e-7000-8000-3f1c5d9e2b47", NULL, 404, "/problems/not-found" },
	{ "/v1/nothing", NULL, 404, "/problems/not-found" },
	{ "/readyz", "x", 405, "/problems/method-not-allowed" },
};

static bool is_refused(void *arg)
{
	const struct refusal *r = arg;
	struct http_answer answer;
	bool same;

	http_client_call(fabric_run_http(service), r->body ? "POST" : "GET", r->path, NULL, r->body, 10000, &answer);
	same = answer.status == r->status;
	http_answer_fini(&answer);
	return same;
}

/* Waits first, because an operation is unknown only once the workers have told which ones they know. */
START_TEST(test_refusals_are_problems)
{
	struct refusal r = refusals[_i];
	struct http_answer answer;

	ck_assert_msg(wait_until(is_refused, &r, SOON_MS), "%s %s", r.path, r.body);
	http_client_call(fabric_run_http(service), r.body ? "POST" : "GET", r.path, NULL, r.body, 10000, &answer);
	ck_assert_msg(answer.status == r.status, "%s: %ld %s", r.path, answer.status, answer.body);
	ck_assert_str_eq(http_answer_text(&answer, "type"), r.type);
	ck_assert_str_eq(http_answer_header(&answer, "content-type"), "application/problem+json");
	ck_assert_str_eq(http_answer_text(&answer, "instance"), http_answer_header(&answer, "x-request-id"));
	http_answer_fini(&answer);
}
END_TEST

static void check_too_large(const struct http_answer *answer, long status, const char *type)
{
	ck_assert_msg(answer->status == status, "%ld %s: %s", answer->status, answer->error, answer->body);
	ck_assert_str_eq(http_answer_text(answer, "type"), type);
	ck_assert_str_eq(http_answer_header(answer, "content-type"), "application/problem+json");
	ck_assert_str_eq(http_answer_text(answer, "instance"), http_answer_header(answer, "x-request-id"));
	ck_assert_ptr_nonnull(strstr(http_answer_text(answer, "detail"), "expected a"));
	ck_assert_ptr_nonnull(strstr(http_answer_text(answer, "detail"), ", got "));
}

/* A body of blanks, too large, with its framing. */
static char *too_large_request(size_t n, bool chunked)
{
	static const char chunk[] = "4000\r\n%16384s\r\n", last[] = "0\r\n\r\n";
	char *text = malloc(n + n / 1000 + 20000), *at = text;

	ck_assert_ptr_nonnull(text);
	at += sprintf(at, "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
	if (!chunked) {
		at += sprintf(at, "Content-Length: %zu\r\n\r\n", n);
		memset(at, ' ', n);
		at[n] = '\0';
		return text;
	}
	at += sprintf(at, "Transfer-Encoding: chunked\r\n\r\n");
	for (size_t sent = 0; sent < n; sent += 16384)
		at += sprintf(at, chunk, "");
	memcpy(at, last, sizeof(last));
	return text;
}

/* The simplest of clients: it sends all, and only then reads. Nobody may close on it while it sends. */
START_TEST(test_too_large_bodies_are_read_before_they_are_refused)
{
	static const size_t sizes[] = { 1048577, 2000000, 5000000, 16000000 };
	size_t n = sizes[_i / 2];
	char *request = too_large_request(n, _i % 2);
	char *answer = tcp_client_ask(fabric_run_http(service), request, SOON_MS);

	ck_assert_msg(answer != NULL, "a body of %zu bytes could not be sent, or its answer not be read", n);
	ck_assert_msg(strncmp(answer, "HTTP/1.1 413 ", 13) == 0, "%s", answer);
	ck_assert_ptr_nonnull(strstr(answer, "\"type\":\"/problems/too-large\""));
	free(answer);
	free(request);
}
END_TEST

/* Bodies up to 16 MiB beyond the limit are read to their end; with Expect the refusal comes before the body. */
START_TEST(test_too_large_bodies_are_refused)
{
	static char body[5000001];
	static const char *const lengths[] = { "Expect:", NULL },
				 *const chunked[] = { "Expect:", "Transfer-Encoding: chunked", NULL },
				 *const asking[] = { "Expect: 100-continue", NULL },
				 *const *const headers[] = { lengths, chunked, asking };
	static const size_t sizes[] = { 1048577, 2000000, sizeof body - 1 };
	struct http_answer answer;

	for (size_t i = 0; i < 9; i++) {
		memset(body, ' ', sizes[i / 3]);
		body[sizes[i / 3]] = '\0';
		http_client_call(fabric_run_http(service), "POST", "/v1/jobs", headers[i % 3], body, 20000, &answer);
		check_too_large(&answer, 413, "/problems/too-large");
		http_answer_fini(&answer);
	}
}
END_TEST

START_TEST(test_too_large_heads_are_refused)
{
	static const size_t sizes[] = { 9000, 20000, 60000 };
	static char line[60010], path[60010];
	const char *const headers[] = { line, NULL };
	struct http_answer answer;

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		snprintf(line, sizeof line, "X-Long: %0*d", (int)sizes[i], 0);
		http_client_call(fabric_run_http(service), "GET", "/livez", headers, NULL, 10000, &answer);
		check_too_large(&answer, 431, "/problems/head-too-large");
		http_answer_fini(&answer);
		snprintf(path, sizeof path, "/v1/%0*d", (int)sizes[i], 0);
		http_client_get(fabric_run_http(service), path, &answer);
		check_too_large(&answer, 431, "/problems/head-too-large");
		http_answer_fini(&answer);
	}
}
END_TEST

START_TEST(test_request_id_is_taken_if_sane)
{
	static const char *const sane[] = { "X-Request-Id: my-id.1", NULL }, *const insane[] = { "X-Request-Id: <b>",
												 NULL };
	struct http_answer answer;

	http_client_call(fabric_run_http(service), "GET", "/v1/nothing", sane, NULL, 10000, &answer);
	ck_assert_str_eq(http_answer_header(&answer, "x-request-id"), "my-id.1");
	http_answer_fini(&answer);
	http_client_call(fabric_run_http(service), "GET", "/v1/nothing", insane, NULL, 10000, &answer);
	ck_assert_str_ne(http_answer_header(&answer, "x-request-id"), "<b>");
	ck_assert_uint_ge(strlen(http_answer_header(&answer, "x-request-id")), 8);
	http_answer_fini(&answer);
}
END_TEST

struct crowd {
	int fds[65];
	unsigned closed;
};

/* Which one of them the balancer counts last is not told: its threads accept side by side. */
static bool some_are_closed(void *arg)
{
	struct crowd *c = arg;
	char byte;

	c->closed = 0;
	for (int i = 0; i < 65; i++)
		c->closed += recv(c->fds[i], &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0 || errno != EAGAIN;
	return c->closed > 0;
}

START_TEST(test_connections_of_one_client_are_bounded)
{
	struct crowd crowd;

	for (int i = 0; i < 65; i++) {
		crowd.fds[i] = tcp_client_connect(fabric_run_http(service), 5000);
		ck_assert_int_ge(crowd.fds[i], 0);
	}
	ck_assert(wait_until(some_are_closed, &crowd, 10000));
	ck_assert_uint_eq(crowd.closed, 1);
	for (int i = 0; i < 65; i++)
		(void)close(crowd.fds[i]);
}
END_TEST

/* ---- the balancer without a web role ---- */

START_TEST(test_balancer_answers_for_itself)
{
	static const char *const env[] = { "WEB_INSTANCES=0", "WORKER_INSTANCES=1", NULL };
	struct fabric_run *f = fabric_run_start(env);
	struct http_answer answer;

	http_client_post(fabric_run_http(f), "/v1/jobs", "{\"op\":\"square\",\"args\":[12]}", &answer);
	ck_assert_int_eq(answer.status, 503);
	ck_assert_str_eq(http_answer_header(&answer, "content-type"), "application/problem+json");
	ck_assert_str_eq(http_answer_text(&answer, "type"), "/problems/queue-unavailable");
	ck_assert_str_eq(http_answer_text(&answer, "instance"), http_answer_header(&answer, "x-request-id"));
	ck_assert_uint_eq(strlen(http_answer_text(&answer, "instance")), 36);
	ck_assert_str_eq(http_answer_header(&answer, "retry-after"), "1");
	http_answer_fini(&answer);
	ck_assert_int_eq(fabric_run_stop(f), 0);
}
END_TEST

static TCase *part(Suite *s, const char *name, void (*start)(void))
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 150);
	if (start)
		tcase_add_unchecked_fixture(tc, start, stop_service);
	suite_add_tcase(s, tc);
	return tc;
}

int main(void)
{
	Suite *core = suite_create("core"), *limits = suite_create("limits"), *faults = suite_create("faults");
	SRunner *sr = srunner_create(core);
	TCase *tc = part(core, "user", start_service);
	int failed;

	tcase_add_test(tc, test_curl_submit_and_get);
	tcase_add_test(tc, test_curl_status_and_location);
	tcase_add_test(tc, test_curl_submit_and_wait);
	tcase_add_test(tc, test_netcat_squares);
	tcase_add_test(tc, test_many_jobs_have_the_right_result);
	tcase_add_test(tc, test_every_web_instance_knows_every_job);
	tcase_add_test(tc, test_wait_at_one_instance_while_others_work);
	tcase_add_test(tc, test_tcp_json_rpc);
	tcase_add_test(tc, test_tcp_pipelined);
	tc = part(limits, "refusals", start_small_service);
	tcase_add_loop_test(tc, test_refusals_are_problems, 0, (int)(sizeof(refusals) / sizeof(refusals[0])));
	tcase_add_loop_test(tc, test_too_large_bodies_are_read_before_they_are_refused, 0, 8);
	tcase_add_test(tc, test_too_large_bodies_are_refused);
	tcase_add_test(tc, test_too_large_heads_are_refused);
	tcase_add_test(tc, test_request_id_is_taken_if_sane);
	tcase_add_test(tc, test_connections_of_one_client_are_bounded);
	tc = part(faults, "alone", NULL);
	tcase_add_test(tc, test_balancer_answers_for_itself);
	srunner_add_suite(sr, limits);
	srunner_add_suite(sr, faults);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
