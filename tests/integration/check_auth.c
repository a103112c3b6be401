/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tokens on the real binaries: every route with every kind of token, when a refusal comes, what a start needs, the TCP
 * endpoint, and the whole service with a load balancer that has to ask with a token too. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "fabric_run.h"
#include "http_client.h"
#include "proc.h"
#include "raw_client.h"
#include "redis_private.h"
#include "role_run.h"
#include "routes.h"
#include "suite_run.h"
#include "token_file.h"
#include "wait_until.h"

#define DEADLINE_MS 20000
#define PROBE "probe-token"

static struct redis_private *redis;
static char tokens[TOKEN_FILE_SIZE];
static struct role_run *web;

static void set_up(void)
{
	redis = redis_private_start(NULL);
	token_file_make(tokens);
}

static void tear_down(void)
{
	if (web)
		ck_assert_int_eq(role_run_stop(web), 0);
	web = NULL;
	token_file_remove(tokens);
	redis_private_stop(redis);
	redis = NULL;
}

static unsigned start_web(const char *more)
{
	const char *const env[] = { token_file_env(tokens), "SQUARE_PROBE_TOKEN=" PROBE, more, NULL };
	web = role_run_start("web-role", "WebRole_IN_0", redis_private_url(redis), env);
	return role_run_port(web);
}

static struct http_answer answer;

static long ask(unsigned port, const char *method, const char *path, const char *token, const char *body)
{
	char header[600];
	const char *headers[] = { token ? header : NULL, NULL };
	snprintf(header, sizeof header, "Authorization: Bearer %s", token ? token : "");
	http_answer_fini(&answer);
	http_client_call(port, method, path, headers, body, DEADLINE_MS, &answer);
	return answer.status;
}

/* ---- every route ---- */

/* The status that a request begins to be answered with; the answer may go on for ever. */
static unsigned status_of(unsigned port, const char *request)
{
	struct raw_client c;
	unsigned status = 0;
	uint64_t end_us = clock_mono_us() + DEADLINE_MS * 1000ULL;
	ck_assert(raw_connect(&c, port, NULL, 0, DEADLINE_MS));
	ck_assert(raw_say(&c, request));
	while (c.in.len < 12 && !c.ended && clock_mono_us() < end_us)
		raw_listen(&c, 5);
	ck_assert_msg(c.in.len >= 12, "no answer to %s", request);
	ck_assert_int_eq(sscanf(buf_cstr(&c.in), "HTTP/1.1 %u", &status), 1);
	raw_reset(&c);
	return status;
}

static const struct {
	const char *token;
	unsigned may; /* enum route_flag of what it is good for */
	bool known;
} kinds[] = {
	{ NULL, 0, false },
	{ "foreign-token", 0, false },
	{ "submit-token", ROUTE_SUBMIT, true },
	{ "read-token", ROUTE_READ, true },
	{ "metrics-token", ROUTE_METRICS, true },
	{ "admin-token", ROUTE_SUBMIT | ROUTE_READ | ROUTE_ADMIN | ROUTE_METRICS, true },
	{ "both-token", ROUTE_SUBMIT | ROUTE_READ, true },
	{ PROBE, ROUTE_PROBE, true },
};
#define KINDS (sizeof kinds / sizeof *kinds)
#define SCOPED (ROUTE_SUBMIT | ROUTE_READ | ROUTE_ADMIN | ROUTE_METRICS)

/* 401, 403, or 0 when it goes on to its handler. */
static unsigned expected(const struct route *r, size_t kind)
{
	bool is_probe = kinds[kind].token && strcmp(kinds[kind].token, PROBE) == 0;
	if (r->flags & ROUTE_OPEN)
		return 0;
	if (!kinds[kind].known)
		return 401;
	if (is_probe)
		return r->flags & ROUTE_PROBE ? 0 : 403;
	return !(r->flags & SCOPED) || r->flags & kinds[kind].may ? 0 : 403;
}

static void path_of(const char *pattern, char *out, size_t size)
{
	const char *open = strchr(pattern, '{'), *close = open ? strchr(open, '}') : NULL;
	if (!open)
		snprintf(out, size, "%s", pattern);
	else
		snprintf(out, size, "%.*s%s%s", (int)(open - pattern), pattern,
			 open[1] == 'i' ? "01a204a5-3f42-741e-8ffe-cf51adeb0f2e" : "square", close + 1);
}

static void check_route(unsigned port, const struct route *r, const char *method)
{
	char path[200], authorization[100], request[600];
	bool sends = r->method == HTTP_POST || r->method == HTTP_PATCH;
	path_of(r->pattern, path, sizeof path);
	for (size_t k = 0; k < KINDS; k++) {
		snprintf(authorization, sizeof authorization, "Authorization: Bearer %s\r\n",
			 kinds[k].token ? kinds[k].token : "");
		snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: localhost\r\n%s%s", method, path,
			 kinds[k].token ? authorization : "", sends ? "Content-Length: 2\r\n\r\n{}" : "\r\n");
		unsigned status = status_of(port, request), wanted = expected(r, k);
		ck_assert_msg(wanted ? status == wanted : status != 401 && status != 403,
			      "%s %s with %s: expected %u, got %u", method, path,
			      kinds[k].token ? kinds[k].token : "no token", wanted, status);
	}
}

START_TEST(test_every_route_asks_for_its_scope)
{
	unsigned port = start_web(NULL);
	size_t n;
	const struct route *table = routes_table(&n);
	ck_assert_uint_gt(n, 10);
	for (size_t i = 0; i < n; i++) {
		check_route(port, &table[i], http_method_name(table[i].method));
		if (table[i].method == HTTP_GET)
			check_route(port, &table[i], "HEAD");
	}
}
END_TEST

START_TEST(test_what_is_not_there)
{
	unsigned port = start_web(NULL);
	ck_assert_int_eq(ask(port, "GET", "/nowhere", NULL, NULL), 401);
	ck_assert_int_eq(ask(port, "GET", "/nowhere", "foreign", NULL), 401);
	ck_assert_int_eq(ask(port, "GET", "/nowhere", "metrics-token", NULL), 404);
	ck_assert_int_eq(ask(port, "PUT", "/v1/jobs", NULL, NULL), 401);
	ck_assert_int_eq(ask(port, "PUT", "/v1/jobs", "metrics-token", NULL), 405);
	ck_assert_int_eq(ask(port, "OPTIONS", "/v1/jobs", NULL, NULL), 401);
	ck_assert_int_eq(ask(port, "OPTIONS", "/v1/jobs", "read-token", NULL), 204);
	ck_assert_int_eq(ask(port, "POST", "/livez", NULL, "{}"), 405); /* its path is open */
	ck_assert_int_eq(ask(port, "OPTIONS", "/livez", NULL, NULL), 204);
}
END_TEST

/* ---- what a refusal says ---- */

static const struct {
	const char *header, *challenge, *detail;
} wrong[] = {
	{ NULL, "Bearer realm=\"square\"", "expected a token in the header `Authorization: Bearer TOKEN`, got none" },
	{ "Authorization: Bearer submit-toke", "Bearer realm=\"square\", error=\"invalid_token\"",
	  "expected a token that this service knows, got another" },
	{ "Authorization: Bearer submit-token2", "Bearer realm=\"square\", error=\"invalid_token\"",
	  "expected a token that this service knows, got another" },
	{ "Authorization: Basic c3VibWl0LXRva2Vu", "Bearer realm=\"square\", error=\"invalid_token\"",
	  "expected `Authorization: Bearer TOKEN`, got an Authorization of another form" },
	{ "Authorization: submit-token", "Bearer realm=\"square\", error=\"invalid_token\"",
	  "expected `Authorization: Bearer TOKEN`, got an Authorization of another form" },
	{ "Authorization: Bearer", "Bearer realm=\"square\", error=\"invalid_token\"",
	  "expected `Authorization: Bearer TOKEN`, got an Authorization of another form" },
	{ "Authorization: Bearer submit-token read-token", "Bearer realm=\"square\", error=\"invalid_token\"",
	  "expected `Authorization: Bearer TOKEN`, got an Authorization of another form" },
	{ "Authorization: Bearer \"submit-token\"", "Bearer realm=\"square\", error=\"invalid_token\"",
	  "expected `Authorization: Bearer TOKEN`, got an Authorization of another form" },
	{ "X-Authorization: Bearer submit-token", "Bearer realm=\"square\"",
	  "expected a token in the header `Authorization: Bearer TOKEN`, got none" },
};

START_TEST(test_unauthorized_says_why)
{
	unsigned port = start_web(NULL);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		const char *headers[] = { wrong[i].header, NULL };
		http_answer_fini(&answer);
		http_client_call(port, "POST", "/v1/jobs", headers, "{}", DEADLINE_MS, &answer);
		ck_assert_int_eq(answer.status, 401);
		ck_assert_str_eq(http_answer_text(&answer, "type"), "/problems/unauthorized");
		ck_assert_str_eq(http_answer_text(&answer, "detail"), wrong[i].detail);
		ck_assert_str_eq(http_answer_header(&answer, "WWW-Authenticate"), wrong[i].challenge);
		ck_assert_str_eq(http_answer_header(&answer, "Content-Type"), "application/problem+json");
		ck_assert_str_eq(http_answer_header(&answer, "X-Request-Id"), http_answer_text(&answer, "instance"));
	}
}
END_TEST

START_TEST(test_forbidden_says_which_scope)
{
	unsigned port = start_web(NULL);
	ck_assert_int_eq(ask(port, "POST", "/v1/jobs", "read-token", "{}"), 403);
	ck_assert_str_eq(http_answer_text(&answer, "type"), "/problems/forbidden");
	ck_assert_str_eq(http_answer_text(&answer, "detail"),
			 "expected a token with the scope submit, \"reader\" has read");
	ck_assert_str_eq(http_answer_header(&answer, "WWW-Authenticate"),
			 "Bearer realm=\"square\", error=\"insufficient_scope\", scope=\"submit\"");
	ck_assert_int_eq(ask(port, "PATCH", "/v1/queues/math", "both-token", "{\"paused\":true}"), 403);
	ck_assert_str_eq(http_answer_text(&answer, "detail"),
			 "expected a token with the scope admin, \"both\" has submit, read");
	ck_assert_int_eq(ask(port, "GET", "/v1/jobs", PROBE, NULL), 403);
	ck_assert_str_eq(http_answer_text(&answer, "detail"),
			 "the token of the load balancer's checks may ask /readyz only");
}
END_TEST

START_TEST(test_authorization_forms_that_are_good)
{
	static const char *const good[] = { "Authorization: Bearer submit-token", "authorization: bearer submit-token",
					    "AUTHORIZATION: BEARER  submit-token \t" };
	unsigned port = start_web(NULL);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		const char *headers[] = { good[i], NULL };
		http_answer_fini(&answer);
		http_client_call(port, "POST", "/v1/jobs", headers, "{\"op\":\"square\",\"args\":[2]}", DEADLINE_MS,
				 &answer);
		ck_assert_int_eq(answer.status, 202);
	}
	/* With a token any name of the host is good: no page of another site has one. */
	const char *headers[] = { good[0], "Host: square.example", NULL };
	http_answer_fini(&answer);
	http_client_call(port, "POST", "/v1/jobs", headers, "{\"op\":\"square\",\"args\":[2]}", DEADLINE_MS, &answer);
	ck_assert_int_eq(answer.status, 202);
	/* Two of them are one too many, even if one is good. */
	ck_assert_uint_eq(status_of(port,
				    "GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer read-token\r\n"
				    "Authorization: Bearer foreign\r\n\r\n"),
			  400);
}
END_TEST

/* ---- before the body ---- */

static const struct {
	const char *head;
	unsigned status;
} early[] = {
	{ "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n", 401 },
	{ "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", 401 },
	{ "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000000\r\n\r\n", 401 },
	{ "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n", 401 },
	{ "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer foreign\r\nContent-Length: 9\r\n\r\n",
	  401 },
	{ "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer read-token\r\nContent-Length: 9\r\n\r\n",
	  403 },
	{ "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer submit-token\r\n"
	  "Origin: https://evil.example\r\nContent-Length: 9\r\n\r\n",
	  403 },
	{ "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer submit-token\r\nContent-Length: 10\r\n"
	  "Expect: 100-continue\r\n\r\n",
	  100 },
};

START_TEST(test_refused_before_the_body)
{
	unsigned port = start_web(NULL);
	for (size_t i = 0; i < sizeof early / sizeof *early; i++)
		ck_assert_uint_eq(status_of(port, early[i].head), early[i].status);
	/* The body is not taken for a next request. */
	struct raw_client c;
	struct raw_answer a = { 0 };
	ck_assert(raw_connect(&c, port, NULL, 0, DEADLINE_MS));
	ck_assert(raw_say(&c, "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 37\r\n\r\n"
			      "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"));
	ck_assert_int_eq(raw_hear(&c, &a, DEADLINE_MS), RAW_ANSWER);
	ck_assert_uint_eq(a.status, 401);
	ck_assert_int_eq(raw_hear(&c, &a, DEADLINE_MS), RAW_END);
	raw_answer_fini(&a);
	raw_close(&c);
}
END_TEST

/* Without a body the connection serves on. */
START_TEST(test_refusal_keeps_the_connection)
{
	unsigned port = start_web(NULL);
	struct raw_client c;
	struct raw_answer a = { 0 };
	ck_assert(raw_connect(&c, port, NULL, 0, DEADLINE_MS));
	for (int i = 0; i < 3; i++) {
		ck_assert(raw_say(&c, "GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\n\r\n"));
		ck_assert_int_eq(raw_hear(&c, &a, DEADLINE_MS), RAW_ANSWER);
		ck_assert_uint_eq(a.status, 401);
		ck_assert(raw_say(&c, "GET /readyz HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " PROBE "\r\n\r\n"));
		ck_assert_int_eq(raw_hear(&c, &a, DEADLINE_MS), RAW_ANSWER);
		ck_assert(a.status == 200 || a.status == 503);
	}
	raw_answer_fini(&a);
	raw_close(&c);
}
END_TEST

/* ---- starting ---- */

struct start {
	const char *program, *env[3], *says;
};

static const struct start refused_starts[] = {
	{ "web-role", { "SQUARE_AUTH_TOKENS_FILE=/nowhere/tokens" }, "/nowhere/tokens: expected a readable file" },
	{ "worker-role", { "SQUARE_AUTH_TOKENS_FILE=/nowhere/tokens" }, "/nowhere/tokens: expected a readable file" },
	{ "web-role", { "SQUARE_AUTH_TOKENS_FILE=/dev/null" }, "/dev/null: expected at least one line" },
	{ "worker-role", { "SQUARE_AUTH_TOKENS_FILE=/dev/null" }, "/dev/null: expected at least one line" },
	{ "web-role", { "SQUARE_ENDPOINT_HTTP_IN=0.0.0.0:0" }, "expected AuthTokensFile, or a loopback address" },
	{ "worker-role",
	  { "SQUARE_ENDPOINT_SQUARE_ENDPOINT=0.0.0.0:0" },
	  "expected AuthTokensFile, or a loopback address" },
	{ "web-role", { "TOKENS", "SQUARE_PROBE_TOKEN=not a token" }, "setting ProbeToken: expected 1 to 512" },
	{ "web-role",
	  { "TOKENS", "SQUARE_PROBE_TOKEN=read-token" },
	  "setting ProbeToken: expected a token of its own" },
};

/* Runs the program until it ends or says so; its status, 0 when it was ended by us. */
static int run_role(const struct start *s, char *log, size_t size)
{
	char definition[300], configuration[300], url[300], identity[100];
	const char *env[7] = { url, identity };
	size_t n = 2;
	snprintf(definition, sizeof definition, "%s", proc_source("service.csdef"));
	snprintf(configuration, sizeof configuration, "%s", proc_source("service.cscfg"));
	snprintf(url, sizeof url, "SQUARE_REDIS_URL=%s", redis_private_url(redis));
	snprintf(identity, sizeof identity, "SQUARE_ROLE_INSTANCE=%s",
		 s->program[1] == 'e' ? "WebRole_IN_0" : "WorkerRole_IN_0");
	for (size_t i = 0; i < 3 && s->env[i]; i++)
		env[n++] = strcmp(s->env[i], "TOKENS") == 0 ? token_file_env(tokens) : s->env[i];
	const char *const argv[] = { proc_program(s->program), "--definition", definition,
				     "--configuration",        configuration,  NULL };
	int fd = memfd_create("log", MFD_CLOEXEC), status;
	pid_t pid = proc_spawn(argv, env, -1, fd, fd);
	uint64_t end_us = clock_mono_us() + DEADLINE_MS * 1000ULL;
	do {
		ssize_t got = pread(fd, log, size - 1, 0);
		log[got > 0 ? got : 0] = '\0';
		status = proc_wait(pid, 20);
	} while (status < 0 && !strstr(log, "redis is there") && clock_mono_us() < end_us);
	if (status < 0) {
		kill(pid, SIGTERM);
		status = proc_wait(pid, DEADLINE_MS);
	}
	ssize_t got = pread(fd, log, size - 1, 0);
	log[got > 0 ? got : 0] = '\0';
	close(fd);
	return status;
}

START_TEST(test_start_is_refused)
{
	char log[20000];
	int status = run_role(&refused_starts[_i], log, sizeof log);
	ck_assert_msg(status == 1, "status %d: %s", status, log);
	ck_assert_msg(strstr(log, refused_starts[_i].says) != NULL, "%s", log);
	ck_assert_ptr_null(strstr(log, "read-token")); /* a secret is not for a log */
}
END_TEST

static const struct start good_starts[] = {
	{ "web-role", { "TOKENS", "SQUARE_ENDPOINT_HTTP_IN=0.0.0.0:0" }, "HttpIn listens on 0.0.0.0" },
	{ "worker-role",
	  { "TOKENS", "SQUARE_ENDPOINT_SQUARE_ENDPOINT=0.0.0.0:0" },
	  "SquareEndpoint listens on 0.0.0.0" },
	{ "web-role",
	  { "SQUARE_ALLOW_ANONYMOUS=true", "SQUARE_ENDPOINT_HTTP_IN=0.0.0.0:0" },
	  "HttpIn listens on 0.0.0.0" },
	{ "worker-role",
	  { "SQUARE_ALLOW_ANONYMOUS=true", "SQUARE_ENDPOINT_SQUARE_ENDPOINT=0.0.0.0:0" },
	  "SquareEndpoint listens on 0.0.0.0" },
};

START_TEST(test_start_on_every_address)
{
	char log[20000];
	int status = run_role(&good_starts[_i], log, sizeof log);
	ck_assert_msg(status == 0, "status %d: %s", status, log);
	ck_assert_msg(strstr(log, good_starts[_i].says) != NULL, "%s", log);
}
END_TEST

/* ---- the TCP endpoint ---- */

#define AUTH(token) "{\"jsonrpc\":\"2.0\",\"method\":\"auth\",\"params\":[\"" token "\"],\"id\":0}\n"

static void tcp_expect(unsigned port, const char *input, const char *begin, const char *within)
{
	char *reply = tcp_client_ask(port, input, DEADLINE_MS);
	ck_assert_ptr_nonnull(reply);
	ck_assert_msg(strncmp(reply, begin, strlen(begin)) == 0, "%s", reply);
	ck_assert_msg(strstr(reply, within) != NULL, "%s", reply);
	free(reply);
}

static void check_tcp(unsigned port)
{
	static const char refusal[] = "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32003,";
	tcp_expect(port, AUTH("submit-token") "12\n7/3\n",
		   "{\"jsonrpc\":\"2.0\",\"result\":true,\"id\":0}\n144\n49/9\n", "");
	tcp_expect(port, AUTH("admin-token") "12\n", "{\"jsonrpc\":\"2.0\",\"result\":true,\"id\":0}\n144\n", "");
	tcp_expect(port, AUTH("read-token") "12\n", refusal, "scope submit");
	tcp_expect(port, AUTH("foreign") "12\n", refusal, "this service knows");
	tcp_expect(port, "12\n" AUTH("submit-token"), refusal, "first");
}

START_TEST(test_tcp_endpoint)
{
	const char *const env[] = { token_file_env(tokens), NULL };
	struct role_run *worker = role_run_start("worker-role", "WorkerRole_IN_0", redis_private_url(redis), env);
	struct raw_client c;
	check_tcp(role_run_port(worker));
	/* Silence, and a line that never ends, are told off after two seconds. */
	for (int i = 0; i < 2; i++) {
		ck_assert(raw_connect(&c, role_run_port(worker), NULL, 0, DEADLINE_MS));
		if (i)
			ck_assert(raw_say(&c, "{\"jsonrpc\":"));
		uint64_t begin_us = clock_mono_us();
		ck_assert(raw_ends(&c, DEADLINE_MS));
		ck_assert_uint_ge(clock_mono_us() - begin_us, 1500000); /* not at once: it has time to begin */
		ck_assert_ptr_nonnull(strstr(buf_cstr(&c.in), "\"code\":-32003,"));
		ck_assert_ptr_nonnull(strstr(buf_cstr(&c.in), "within 2000 ms"));
		raw_close(&c);
	}
	ck_assert_int_eq(role_run_stop(worker), 0);
}
END_TEST

/* ---- the whole service ---- */

static void check_square(const struct fabric_run *f, const char *token, const char *command, int status,
			 const char *says)
{
	char line[600];
	struct proc_result r;
	snprintf(line, sizeof line,
		 "SQUARE_URL=http://127.0.0.1:%u SQUARE_TCP=127.0.0.1:%u SQUARE_TOKEN='%s' exec %s %s",
		 fabric_run_http(f), fabric_run_tcp(f), token, proc_program("square"), command);
	proc_shell(line, DEADLINE_MS, &r);
	ck_assert_msg(r.status == status && (strstr(r.out, says) || strstr(r.err, says)), "%s: status %d\n%s%s", line,
		      r.status, r.out, r.err);
	proc_result_fini(&r);
}

/* The command line takes its token from the environment. */
static void check_cli(const struct fabric_run *f)
{
	check_square(f, "both-token", "submit square 12 --wait 20", 0, "144");
	check_square(f, "submit-token", "tcp square 12", 0, "144");
	check_square(f, "submit-token", "tcp </dev/null", 0, "");
	check_square(f, "", "submit square 12", 5, "got none");
	check_square(f, "foreign", "submit square 12", 5, "got another");
	check_square(f, "foreign", "tcp square 12", 5, "-32003");
	check_square(f, "not a token", "submit square 12", 2, "expected SQUARE_TOKEN");
}

START_TEST(test_service_with_tokens)
{
	const char *const env[] = { token_file_env(tokens), "WORKER_INSTANCES=1", NULL };
	struct fabric_run *f = fabric_run_start(env); /* ready: balancer and fabric got through with their own token */
	unsigned port = fabric_run_http(f);
	char path[4200], pattern[13000];
	struct proc_result r;
	struct stat st;
	ck_assert_int_eq(ask(port, "GET", "/readyz", NULL, NULL), 401);
	ck_assert_int_eq(ask(port, "GET", "/readyz", "read-token", NULL), 200);
	ck_assert_int_eq(ask(port, "GET", "/livez", NULL, NULL), 200);
	ck_assert_int_eq(ask(port, "POST", "/v1/jobs?wait=20", "both-token", "{\"op\":\"square\",\"args\":[12]}"), 200);
	ck_assert_int_eq(json_integer_value(json_object_get(answer.json, "result")), 144);
	ck_assert_int_eq(ask(port, "POST", "/v1/jobs", "foreign", "{\"op\":\"square\",\"args\":[12]}"), 401);
	check_tcp(fabric_run_tcp(f));
	check_cli(f);
	/* The balancer's token is for nobody else's eyes. */
	snprintf(path, sizeof path, "%s/haproxy.cfg", fabric_run_dir(f));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	snprintf(pattern, sizeof pattern,
		 "t=$(sed -n 's/.*Bearer \\([0-9a-f]*\\).*/\\1/p' %s); test ${#t} -eq 64 && ! grep -rq \"$t\" %s/log "
		 "%s/state.json",
		 path, fabric_run_dir(f), fabric_run_dir(f));
	proc_shell(pattern, DEADLINE_MS, &r);
	ck_assert_msg(r.status == 0, "%s%s", r.out, r.err);
	proc_result_fini(&r);
	ck_assert_ptr_null(strstr(fabric_run_said(f), "both-token"));
	ck_assert_int_eq(fabric_run_stop(f), 0);
}
END_TEST

static bool has_ended(void *f)
{
	return !proc_alive(fabric_run_pid(f));
}

START_TEST(test_service_is_refused_a_bad_file)
{
	static const char *const env[] = { "SQUARE_AUTH_TOKENS_FILE=/nowhere/tokens", NULL };
	struct fabric_run *f = fabric_run_spawn(NULL, NULL, NULL, env);
	ck_assert(wait_until(has_ended, f, DEADLINE_MS));
	ck_assert_ptr_nonnull(strstr(fabric_run_said(f), "/nowhere/tokens: expected a readable file"));
	ck_assert_int_eq(fabric_run_wait(f), 1);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

int main(void)
{
	Suite *s = suite_create("auth");
	TCase *core = tcase_create("core"), *faults = tcase_create("faults");
	TCase *all[] = { core, faults };
	tcase_add_test(core, test_every_route_asks_for_its_scope);
	tcase_add_test(core, test_what_is_not_there);
	tcase_add_test(core, test_unauthorized_says_why);
	tcase_add_test(core, test_forbidden_says_which_scope);
	tcase_add_test(core, test_authorization_forms_that_are_good);
	tcase_add_test(core, test_refused_before_the_body);
	tcase_add_test(core, test_refusal_keeps_the_connection);
	tcase_add_test(core, test_tcp_endpoint);
	tcase_add_test(core, test_service_with_tokens);
	tcase_add_loop_test(faults, test_start_is_refused, 0, COUNT(refused_starts));
	tcase_add_loop_test(faults, test_start_on_every_address, 0, COUNT(good_starts));
	tcase_add_test(faults, test_service_is_refused_a_bad_file);
	for (int i = 0; i < 2; i++) {
		tcase_set_timeout(all[i], 120);
		tcase_add_checked_fixture(all[i], set_up, tear_down);
		suite_add_tcase(s, all[i]);
	}
	return suite_run(s);
}
