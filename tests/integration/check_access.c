/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a web role does for or against its clients besides serving them: rates, connections of an address, pages of
 * other origins, the headers that every answer has, and the access log. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fabric_run.h"
#include "http_client.h"
#include "raw_client.h"
#include "redis_private.h"
#include "role_run.h"
#include "suite_run.h"
#include "token_file.h"
#include "wait_until.h"

#define DEADLINE_MS 20000
#define APP "https://app.example"
#define SUBMIT "Authorization: Bearer submit-token"
#define READ "Authorization: Bearer read-token"

static struct redis_private *redis;
static char tokens[TOKEN_FILE_SIZE];
static struct role_run *web;
static unsigned port;

static void set_up(void)
{
	redis = redis_private_start(NULL);
	token_file_make(tokens);
}

static void stop_web(void)
{
	if (web)
		ck_assert_int_eq(role_run_stop(web), 0);
	web = NULL;
}

static void tear_down(void)
{
	stop_web();
	token_file_remove(tokens);
	redis_private_stop(redis);
	redis = NULL;
}

/* Up to four entries of its environment. */
static void start_web(const char *a, const char *b, const char *c, const char *d)
{
	const char *const env[] = { a, b, c, d, NULL };
	web = role_run_start("web-role", "WebRole_IN_0", redis_private_url(redis), env);
	port = role_run_port(web);
}

static struct http_answer answer;

static long ask(const char *method, const char *path, const char *header, const char *more)
{
	const char *headers[] = { header ? header : more, header ? more : NULL, NULL };
	http_answer_fini(&answer);
	http_client_call(port, method, path, headers, NULL, DEADLINE_MS, &answer);
	return answer.status;
}

static const char *header(const char *name)
{
	const char *value = http_answer_header(&answer, name);
	return value ? value : "";
}

/* ---- rates ---- */

/* How many are served until one is not. Time goes on meanwhile, so it may be a few more than the burst. */
static unsigned ask_until_limited(const char *path, const char *with)
{
	unsigned served = 0;
	while (ask("GET", path, with, NULL) == 404) {
		served++;
		ck_assert_uint_lt(served, 10000);
	}
	ck_assert_int_eq(answer.status, 429);
	return served;
}

static bool is_served_again(void *with)
{
	return ask("GET", "/v1/nowhere", with, NULL) == 404;
}

START_TEST(test_rate_of_a_token)
{
	start_web(token_file_env(tokens), "SQUARE_RATE_LIMIT_PER_SECOND=1", "SQUARE_RATE_LIMIT_BURST=5",
		  "SQUARE_REACTORS=2");
	ck_assert_uint_ge(ask_until_limited("/v1/nowhere", READ), 5);
	ck_assert_str_eq(http_answer_text(&answer, "type"), "/problems/rate-limited");
	ck_assert_str_eq(http_answer_text(&answer, "detail"),
			 "expected at most 1 requests a second, got more; the next is taken in 1 s");
	ck_assert_str_eq(header("Retry-After"), "1");
	ck_assert_str_eq(header("Content-Type"), "application/problem+json");
	ck_assert_str_eq(header("X-Request-Id"), http_answer_text(&answer, "instance"));
	/* Another token has its own; who has none is told so and nothing else; probes and metrics are not counted. */
	ck_assert_uint_ge(ask_until_limited("/v1/nowhere", SUBMIT), 5);
	ck_assert_int_eq(ask("GET", "/v1/nowhere", NULL, NULL), 401);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(ask("GET", "/livez", READ, NULL), 200);
		ck_assert_int_ne(ask("GET", "/readyz", READ, NULL), 429);
		ck_assert_int_eq(ask("GET", "/metrics", "Authorization: Bearer metrics-token", NULL), 200);
	}
	ck_assert(wait_until(is_served_again, (void *)(uintptr_t)READ, DEADLINE_MS));
}
END_TEST

START_TEST(test_rate_of_an_address)
{
	start_web("SQUARE_RATE_LIMIT_PER_SECOND=1", "SQUARE_RATE_LIMIT_BURST=3", "SQUARE_TRUSTED_PROXIES=127.0.0.1",
		  NULL);
	ck_assert_uint_ge(ask_until_limited("/v1/nowhere", "X-Forwarded-For: 198.51.100.1"), 3);
	ck_assert_uint_ge(ask_until_limited("/v1/nowhere", "X-Forwarded-For: 198.51.100.1, 198.51.100.2"), 3);
	ck_assert_uint_ge(ask_until_limited("/v1/nowhere", NULL), 3);
}
END_TEST

/* Only a balancer may say whose request it is. */
START_TEST(test_rate_is_not_escaped_by_a_header)
{
	char forwarded[60];
	unsigned served = 0;
	start_web("SQUARE_RATE_LIMIT_PER_SECOND=1", "SQUARE_RATE_LIMIT_BURST=3", NULL, NULL);
	do {
		snprintf(forwarded, sizeof forwarded, "X-Forwarded-For: 198.51.100.%u", served % 250);
		ck_assert_uint_lt(served++, 10000);
	} while (ask("GET", "/v1/nowhere", forwarded, NULL) == 404);
	ck_assert_int_eq(answer.status, 429);
}
END_TEST

START_TEST(test_rate_before_the_body)
{
	struct raw_client c;
	struct raw_answer a = { 0 };
	start_web("SQUARE_RATE_LIMIT_PER_SECOND=1", "SQUARE_RATE_LIMIT_BURST=1", NULL, NULL);
	unsigned tries = 0;
	do {
		ck_assert_uint_lt(tries++, 1000);
		ask_until_limited("/v1/nowhere", NULL);
		ck_assert(raw_connect(&c, port, NULL, 0, DEADLINE_MS));
		ck_assert(raw_say(&c, "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
				      "Expect: 100-continue\r\n\r\n"));
		ck_assert_int_eq(raw_hear(&c, &a, DEADLINE_MS), RAW_ANSWER);
		raw_close(&c);
	} while (a.status == 100); /* a second went by in between */
	ck_assert_uint_eq(a.status, 429);
	raw_answer_fini(&a);
}
END_TEST

/* ---- connections ---- */

static bool serves(struct raw_client *c)
{
	struct raw_answer a = { 0 };
	bool good = raw_say(c, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n") &&
		    raw_hear(c, &a, DEADLINE_MS) == RAW_ANSWER && a.status == 200;
	raw_answer_fini(&a);
	return good;
}

static bool one_more_is_served(void *arg)
{
	struct raw_client *c = arg;
	if (!raw_connect(c, port, NULL, 0, DEADLINE_MS))
		return false;
	if (serves(c))
		return true;
	raw_close(c);
	return false;
}

START_TEST(test_connections_of_an_address)
{
	struct raw_client c[4], other;
	start_web("SQUARE_ADDRESS_CONNECTIONS=3", "SQUARE_REACTORS=3", NULL, NULL); /* all reactors count together */
	for (int i = 0; i < 3; i++)
		ck_assert(one_more_is_served(&c[i]));
	for (int i = 0; i < 10; i++)
		ck_assert(!one_more_is_served(&c[3]));
	ck_assert(raw_connect(&other, port, "127.0.0.2", 0, DEADLINE_MS));
	ck_assert(serves(&other));
	for (int i = 0; i < 3; i++)
		ck_assert(serves(&c[i]));
	raw_close(&c[1]);
	ck_assert(wait_until(one_more_is_served, &c[3], DEADLINE_MS));
	for (int i = 0; i < 4; i++)
		if (i != 1)
			raw_close(&c[i]);
	raw_close(&other);
}
END_TEST

START_TEST(test_connections_of_a_balancer)
{
	struct raw_client c[20];
	start_web("SQUARE_ADDRESS_CONNECTIONS=3", "SQUARE_TRUSTED_PROXIES=127.0.0.1", NULL, NULL);
	for (int i = 0; i < 20; i++)
		ck_assert(one_more_is_served(&c[i]));
	for (int i = 0; i < 20; i++)
		raw_close(&c[i]);
}
END_TEST

START_TEST(test_connections_through_the_balancer)
{
	static const char *const env[] = { "SQUARE_ADDRESS_CONNECTIONS=5", "WORKER_INSTANCES=0", NULL };
	struct fabric_run *f = fabric_run_start(env);
	struct raw_client c[6];
	port = fabric_run_http(f);
	for (int i = 0; i < 5; i++) /* the fabric's own last probe may still be counted */
		ck_assert(wait_until(one_more_is_served, &c[i], DEADLINE_MS));
	ck_assert(!one_more_is_served(&c[5]));
	raw_close(&c[0]);
	ck_assert(wait_until(one_more_is_served, &c[5], DEADLINE_MS));
	for (int i = 1; i < 6; i++)
		raw_close(&c[i]);
	ck_assert_int_eq(fabric_run_stop(f), 0);
}
END_TEST

/* ---- other origins ---- */

static void start_for_app(void)
{
	start_web(token_file_env(tokens), "SQUARE_ALLOWED_ORIGINS=" APP, NULL, NULL);
}

START_TEST(test_preflight)
{
	const char *headers[] = { "Origin: " APP, "Access-Control-Request-Method: POST",
				  "Access-Control-Request-Headers: authorization, content-type", NULL };
	start_for_app();
	http_client_call(port, "OPTIONS", "/v1/jobs", headers, NULL, DEADLINE_MS, &answer);
	ck_assert_int_eq(answer.status, 204); /* a browser sends no token with it */
	ck_assert_str_eq(answer.body, "");
	ck_assert_str_eq(header("Access-Control-Allow-Origin"), APP);
	ck_assert_str_eq(header("Access-Control-Allow-Methods"), "GET, HEAD, POST, OPTIONS");
	ck_assert_str_eq(header("Access-Control-Allow-Headers"),
			 "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Prefer, "
			 "traceparent, X-Request-Id");
	ck_assert_str_eq(header("Access-Control-Max-Age"), "600");
	ck_assert_str_eq(header("Vary"), "Origin");
	ck_assert_str_eq(header("Access-Control-Allow-Credentials"), "");
	ck_assert_str_eq(header("Content-Length"), "");
	headers[0] = "Origin: https://evil.example";
	http_answer_fini(&answer);
	http_client_call(port, "OPTIONS", "/v1/jobs", headers, NULL, DEADLINE_MS, &answer);
	ck_assert_int_eq(answer.status, 403);
	ck_assert_str_eq(header("Access-Control-Allow-Origin"), "");
	ck_assert_str_eq(header("Vary"), "Origin");
}
END_TEST

static const struct {
	const char *origin, *with;
	long status;
	const char *allowed, *policy;
} origins[] = {
	{ "Origin: " APP, READ, 404, APP, "cross-origin" },
	{ "Origin: " APP, NULL, 401, APP, "cross-origin" },
	{ "Origin: " APP, "Authorization: Bearer foreign", 401, APP, "cross-origin" },
	{ "Origin: http://app.example", READ, 403, "", "same-origin" },
	{ "Origin: https://app.example:444", READ, 403, "", "same-origin" },
	{ "Origin: null", READ, 403, "", "same-origin" },
	{ NULL, READ, 404, "", "same-origin" },
};

START_TEST(test_origins)
{
	start_for_app();
	for (size_t i = 0; i < sizeof origins / sizeof *origins; i++) {
		ck_assert_int_eq(ask("GET", "/v1/nowhere", origins[i].origin, origins[i].with), origins[i].status);
		ck_assert_str_eq(header("Access-Control-Allow-Origin"), origins[i].allowed);
		ck_assert_str_eq(header("Cross-Origin-Resource-Policy"), origins[i].policy);
		ck_assert_str_eq(header("Vary"), "Origin");
		ck_assert_str_eq(header("Access-Control-Expose-Headers"),
				 origins[i].allowed[0]
				     ? "Allow, Content-Location, Durability, ETag, Idempotency-Replayed, Location, "
				       "Preference-Applied, Retry-After, WWW-Authenticate, X-Request-Id"
				     : "");
	}
}
END_TEST

/* ---- headers ---- */

static const struct {
	const char *method, *path, *header;
	long status;
} answers[] = {
	{ "GET", "/livez", NULL, 200 },         { "HEAD", "/livez", NULL, 200 },
	{ "GET", "/nowhere", READ, 404 },       { "GET", "/v1/jobs/x", READ, 404 },
	{ "PUT", "/v1/jobs", READ, 405 },       { "OPTIONS", "/v1/jobs", READ, 204 },
	{ "GET", "/v1/operations", NULL, 401 }, { "POST", "/v1/jobs", READ, 403 },
	{ "GET", "/openapi.json", READ, 200 },  { "GET", "/v1/jobs?limit=x", READ, 400 },
};

START_TEST(test_headers_of_every_answer)
{
	start_web(token_file_env(tokens), NULL, NULL, NULL);
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		ck_assert_int_eq(ask(answers[i].method, answers[i].path, answers[i].header, NULL), answers[i].status);
		ck_assert_str_eq(header("X-Content-Type-Options"), "nosniff");
		ck_assert_str_eq(header("Content-Security-Policy"), "default-src 'none'; frame-ancestors 'none'");
		ck_assert_str_eq(header("Referrer-Policy"), "no-referrer");
		ck_assert_str_eq(header("Cross-Origin-Resource-Policy"), "same-origin");
		ck_assert_str_ne(header("X-Request-Id"), "");
		ck_assert_msg(strcmp(header("Cache-Control"), "no-store") == 0 ||
				  strcmp(header("Cache-Control"), "no-cache") == 0,
			      "%s", answers[i].path);
		ck_assert_str_eq(header("Vary"), "");
	}
}
END_TEST

/* ---- the access log ---- */

struct line_wait {
	const char *parts[6];
	const char *line; /* found, in the log */
};

/* A line of the log with all the parts. */
static bool is_logged(void *arg)
{
	struct line_wait *w = arg;
	const char *said = role_run_said(web);
	for (const char *line = said, *end; (end = strchr(line, '\n')); line = end + 1) {
		bool all = true;
		for (size_t i = 0; i < 6 && w->parts[i]; i++) {
			const char *at = strstr(line, w->parts[i]);
			all = all && at && at < end;
		}
		w->line = all ? line : NULL;
		if (all)
			return true;
	}
	return false;
}

static void expect_line(const char *a, const char *b, const char *c, const char *d, const char *e)
{
	struct line_wait w = { { a, b, c, d, e, NULL }, NULL };
	ck_assert_msg(wait_until(is_logged, &w, DEADLINE_MS), "no line with %s %s %s %s %s in\n%s", a, b ? b : "",
		      c ? c : "", d ? d : "", e ? e : "", role_run_said(web));
}

START_TEST(test_access_log_as_text)
{
	const char *headers[] = { SUBMIT, "X-Request-Id: my-request",
				  "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", NULL };
	char job[80];
	start_web(token_file_env(tokens), "SQUARE_ACCESS_LOG=all", "SQUARE_TRUSTED_PROXIES=127.0.0.1", NULL);
	http_client_call(port, "POST", "/v1/jobs", headers, "{\"op\":\"square\",\"args\":[2]}", DEADLINE_MS, &answer);
	ck_assert_int_eq(answer.status, 202);
	snprintf(job, sizeof job, " job=%s trace=4bf92f3577b34da6a3ce929d0e0e4736 ", http_answer_text(&answer, "id"));
	expect_line(" request=my-request", job,
		    " client=127.0.0.1 token=submitter status=202 bytes=", " us=", " POST /v1/jobs\n");
	ask("GET", "/nowhere?a=b%0Ac", READ, "X-Forwarded-For: 2001:db8::7");
	expect_line(" client=2001:db8::7 token=reader status=404 ", " GET /nowhere?a=b%0Ac\n", NULL, NULL, NULL);
	ask("GET", "/nowhere?access_token=geheim&x=1", NULL, NULL);
	expect_line(" client=127.0.0.1 status=401 ", " GET /nowhere?\xe2\x80\xa6\n", NULL, NULL, NULL);
	ask("GET", "/nowhere", "Authorization: Bearer geheim-too", NULL);
	ask("GET", "/livez", NULL, NULL);
	ask("GET", "/last", NULL, NULL);
	expect_line(" status=401 ", " GET /last\n", NULL, NULL, NULL);
	ck_assert_ptr_null(strstr(role_run_said(web), "geheim"));
	ck_assert_ptr_null(strstr(role_run_said(web), "-token"));
	ck_assert_ptr_null(strstr(role_run_said(web), "/livez")); /* probes that succeed are not worth a line */
}
END_TEST

START_TEST(test_access_log_as_json)
{
	start_web(token_file_env(tokens), "SQUARE_LOG_FORMAT=json", NULL, NULL);
	ck_assert_int_eq(ask("GET", "/nowhere", READ, "X-Request-Id: r-1"), 404);
	struct line_wait w = { { "\"request\":\"r-1\"", NULL }, NULL };
	ck_assert(wait_until(is_logged, &w, DEADLINE_MS));
	json_t *line = json_loads(w.line, JSON_DISABLE_EOF_CHECK, NULL);
	ck_assert_ptr_nonnull(line);
	ck_assert_str_eq(json_string_value(json_object_get(line, "message")), "GET /nowhere");
	ck_assert_str_eq(json_string_value(json_object_get(line, "client")), "127.0.0.1");
	ck_assert_str_eq(json_string_value(json_object_get(line, "token")), "reader");
	ck_assert_int_eq(json_integer_value(json_object_get(line, "status")), 404);
	ck_assert_int_eq(json_integer_value(json_object_get(line, "bytes")), (long)strlen(answer.body));
	ck_assert(json_is_integer(json_object_get(line, "us")));
	json_decref(line);
}
END_TEST

START_TEST(test_access_log_of_errors)
{
	start_web("SQUARE_ACCESS_LOG=errors", NULL, NULL, NULL);
	ck_assert_int_eq(ask("GET", "/openapi.json", NULL, NULL), 200);
	ck_assert_int_eq(ask("GET", "/nowhere", NULL, NULL), 404);
	expect_line(" status=404 ", " GET /nowhere\n", NULL, NULL, NULL);
	ck_assert_ptr_null(strstr(role_run_said(web), "/openapi.json"));
}
END_TEST

START_TEST(test_access_log_none)
{
	start_web("SQUARE_ACCESS_LOG=none", NULL, NULL, NULL);
	ck_assert_int_eq(ask("GET", "/nowhere", NULL, NULL), 404);
	kill(role_run_pid(web), SIGTERM); /* all that was to be written is written before it says this */
	expect_line("stopped", NULL, NULL, NULL, NULL);
	ck_assert_ptr_null(strstr(role_run_said(web), "/nowhere"));
}
END_TEST

/* What is refused before it is a request of anybody has its line too; hostile bytes make no second one. */
START_TEST(test_access_log_of_hostile_requests)
{
	char request[400], path[300];
	struct raw_client c;
	struct raw_answer a = { 0 };
	start_web("SQUARE_ACCESS_LOG=all", NULL, NULL, NULL);
	memset(path, 'x', sizeof path - 1);
	path[sizeof path - 1] = '\0';
	snprintf(request, sizeof request, "GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
	ck_assert(raw_connect(&c, port, NULL, 0, DEADLINE_MS));
	ck_assert(raw_say(&c, request));
	ck_assert_int_eq(raw_hear(&c, &a, DEADLINE_MS), RAW_ANSWER);
	ck_assert_uint_eq(a.status, 404);
	ck_assert(raw_say(&c, "GET /a%0a\x1b[31m HTTP/1.1\r\nHost: localhost\r\n\r\n"));
	ck_assert_int_eq(raw_hear(&c, &a, DEADLINE_MS), RAW_ANSWER);
	ck_assert_uint_eq(a.status, 400);
	expect_line(" status=404 ", "xxx\xe2\x80\xa6\n", NULL, NULL, NULL);
	expect_line(" status=400 ", NULL, NULL, NULL, NULL);
	ck_assert_ptr_null(strchr(role_run_said(web), '\x1b'));
	raw_answer_fini(&a);
	raw_close(&c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("access");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	TCase *all[] = { core, limits, faults };
	tcase_add_test(core, test_preflight);
	tcase_add_test(core, test_origins);
	tcase_add_test(core, test_headers_of_every_answer);
	tcase_add_test(core, test_access_log_as_text);
	tcase_add_test(core, test_access_log_as_json);
	tcase_add_test(core, test_access_log_of_errors);
	tcase_add_test(core, test_access_log_none);
	tcase_add_test(limits, test_rate_of_a_token);
	tcase_add_test(limits, test_rate_of_an_address);
	tcase_add_test(limits, test_rate_before_the_body);
	tcase_add_test(limits, test_connections_of_an_address);
	tcase_add_test(limits, test_connections_of_a_balancer);
	tcase_add_test(limits, test_connections_through_the_balancer);
	tcase_add_test(faults, test_rate_is_not_escaped_by_a_header);
	tcase_add_test(faults, test_access_log_of_hostile_requests);
	for (int i = 0; i < 3; i++) {
		tcase_set_timeout(all[i], 120);
		tcase_add_checked_fixture(all[i], set_up, tear_down);
		suite_add_tcase(s, all[i]);
	}
	return suite_run(s);
}
