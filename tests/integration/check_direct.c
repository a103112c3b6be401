/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POST /v1/direct on the real binaries: a private Redis, a web role, workers as a test needs them, and workers that are
 * none: a socket of this program that the registry names, which answers what it likes. */
#include <check.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http_client.h"
#include "keys.h"
#include "proc.h"
#include "raw_client.h"
#include "redis_private.h"
#include "rlink.h"
#include "role_run.h"
#include "suite_run.h"
#include "wait_until.h"

#define SOON_MS 20000
#define WORKERS 2
#define CROWD 64

static struct redis_private *redis;
static struct role_run *web, *workers[WORKERS];
static struct http_answer answer;

static void start_web(const char *const *env)
{
	web = role_run_start("web-role", "WebRole_IN_0", redis_private_url(redis), env);
}

static void start_worker(unsigned i, const char *const *env)
{
	char name[40];
	snprintf(name, sizeof name, "WorkerRole_IN_%u", i);
	workers[i] = role_run_start("worker-role", name, redis_private_url(redis), env);
}

static void kill_worker(unsigned i)
{
	kill(role_run_pid(workers[i]), SIGKILL);
	role_run_stop(workers[i]);
	workers[i] = NULL;
}

static void set_up(void)
{
	redis = redis_private_start(NULL);
}

static void tear_down(void)
{
	if (web)
		ck_assert_int_eq(role_run_stop(web), 0);
	for (int i = 0; i < WORKERS; i++)
		if (workers[i])
			ck_assert_int_eq(role_run_stop(workers[i]), 0);
	web = workers[0] = workers[1] = NULL;
	http_answer_fini(&answer);
	redis_private_stop(redis);
}

/* ---- asking ---- */

static long direct_with(const char *header, const char *body)
{
	const char *headers[] = { header, NULL };
	http_answer_fini(&answer);
	http_client_call(role_run_port(web), "POST", "/v1/direct", headers, body, SOON_MS, &answer);
	return answer.status;
}

static long direct(const char *body)
{
	return direct_with(NULL, body);
}

static const char *error_type(void)
{
	const char *type = json_string_value(json_object_get(json_object_get(answer.json, "error"), "type"));
	return type ? type : "";
}

static bool answers(void *arg)
{
	return direct(arg) == 200;
}

/* Until the web role knows a worker. */
static void wait_served(void)
{
	char body[] = "{\"op\":\"square\",\"args\":[3]}";
	ck_assert_msg(wait_until(answers, body, SOON_MS), "%ld %s", answer.status, answer.body);
}

static bool knows(void *arg)
{
	http_answer_fini(&answer);
	http_client_get(role_run_port(web), arg, &answer);
	return answer.status == 200;
}

static void wait_catalogue(void)
{
	char path[] = "/v1/operations/square";
	ck_assert_msg(wait_until(knows, path, SOON_MS), "%ld %s %s", answer.status, answer.error,
		      answer.body ? answer.body : "");
}

static void start_all(void)
{
	start_worker(0, NULL);
	start_web(NULL);
	wait_catalogue();
	wait_served();
}

/* A call on a connection of its own, whose answer comes later. */
static void call_later(struct raw_client *c, const char *body)
{
	char head[200];
	ck_assert(raw_connect(c, role_run_port(web), NULL, 0, SOON_MS));
	snprintf(head, sizeof head, "POST /v1/direct HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n",
		 strlen(body));
	ck_assert(raw_say(c, head));
	ck_assert(raw_say(c, body));
}

static unsigned hear(struct raw_client *c, struct raw_answer *a)
{
	ck_assert_msg(raw_hear(c, a, SOON_MS) == RAW_ANSWER, "no answer");
	raw_close(c);
	return a->status;
}

/* With one slot: whether it is taken. */
static bool slot_is_taken(void *arg)
{
	(void)arg;
	return direct("{\"op\":\"sleep\",\"args\":[1],\"timeout_ms\":50}") == 422;
}

static const char *const one_slot[] = { "SQUARE_WORKER_SLOTS=1", NULL };

/* ---- core ---- */

static const struct {
	const char *body, *result;
} exact[] = {
	{ "{\"op\":\"square\",\"args\":[12]}", "144" },
	{ "{\"op\":\"square\",\"args\":[123456789012345678901234567890]}",
	  "\"15241578753238836750495351562536198787501905199875019052100\"" },
	{ " {\"args\" : {\"b\" : 1, \"a\" : 3} , \"op\":\"sub\"} ", "2" },
	{ "{\"op\":\"add\",\"args\":[\"1/3\",\"1/6\"]}", "\"1/2\"" },
	{ "{\"op\":\"add\",\"args\":[0.1,0.2],\"timeout_ms\":60000}", "\"3/10\"" },
	{ "{\"op\":\"echo\",\"args\":[{\"deep\":[1.50,\"\\u00e9\\n\\u2028\",null]}]}",
	  "{\"deep\":[1.50,\"\xc3\xa9\\n\xe2\x80\xa8\",null]}" },
	{ "{\"op\":\"ec\\u0068o\",\"args\":[\"]}\\\",\\\"id\\\":1}\"]}", "\"]}\\\",\\\"id\\\":1}\"" },
};

START_TEST(test_results_are_exact)
{
	char expected[300];
	start_all();
	for (size_t i = 0; i < sizeof exact / sizeof *exact; i++) {
		ck_assert_msg(direct(exact[i].body) == 200, "%s: %ld %s", exact[i].body, answer.status, answer.body);
		snprintf(expected, sizeof expected,
			 "{\"result\":%s,\"worker\":\"WorkerRole_IN_0\",\"run_ms\":", exact[i].result);
		ck_assert_msg(strncmp(answer.body, expected, strlen(expected)) == 0, "expected %s…, got %s", expected,
			      answer.body);
		ck_assert(json_number_value(json_object_get(answer.json, "run_ms")) > 0);
		ck_assert_str_eq(http_answer_header(&answer, "Content-Type"), "application/json");
	}
}
END_TEST

static const struct {
	const char *body;
	long status;
	const char *type, *error, *pointer;
} refused[] = {
	{ "{\"op\":\"div\",\"args\":[1,0]}", 422, "operation-failed", "division-by-zero", "" },
	{ "{\"op\":\"isqrt\",\"args\":[\"no number\"]}", 422, "operation-failed", "invalid-argument", "" },
	{ "{\"op\":\"factorial\",\"args\":[100000000]}", 422, "operation-failed", "limit-exceeded", "" },
	{ "{\"op\":\"sleep\",\"args\":[60000],\"timeout_ms\":30}", 422, "operation-failed", "timeout", "" },
	{ "{\"op\":\"squar\",\"args\":[1]}", 422, "unknown-operation", "", "/op" },
	{ "{\"op\":\"square\",\"args\":[1,2]}", 422, "invalid-submission", "", "/args" },
	{ "{\"op\":\"square\",\"args\":[true]}", 422, "invalid-submission", "", "/args/0" },
	{ "{\"op\":\"square\"}", 422, "invalid-submission", "", "/args" },
	{ "{\"args\":[1]}", 422, "invalid-submission", "", "/op" },
	{ "{\"op\":\"square\",\"args\":[1],\"queue\":\"math\"}", 422, "invalid-submission", "", "/queue" },
	{ "{\"op\":\"square\",\"args\":[1],\"delay_ms\":0}", 422, "invalid-submission", "", "/delay_ms" },
	{ "{\"op\":\"square\",\"args\":[1],\"timeout_ms\":0}", 422, "invalid-submission", "", "/timeout_ms" },
	{ "{\"op\":\"square\",\"args\":[1],\"timeout_ms\":60001}", 422, "invalid-submission", "", "/timeout_ms" },
	{ "{\"op\":\"square\",\"args\":[1],\"timeout_ms\":null}", 422, "invalid-submission", "", "/timeout_ms" },
	{ "[{\"op\":\"square\",\"args\":[1]}]", 422, "invalid-submission", "", "" },
	{ "{\"op\":\"square\",\"args\":[1]", 400, "malformed-json", "", "" },
	{ "", 400, "malformed-json", "", "" },
};

START_TEST(test_what_is_refused)
{
	char type[80];
	start_all();
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		const char *body = refused[i].body, *pointer;
		ck_assert_msg(direct(body) == refused[i].status, "%s: %ld %s", body, answer.status, answer.body);
		snprintf(type, sizeof type, "/problems/%s", refused[i].type);
		ck_assert_msg(strcmp(http_answer_text(&answer, "type"), type) == 0, "%s: %s", body, answer.body);
		ck_assert_msg(strcmp(error_type(), refused[i].error) == 0, "%s: %s", body, answer.body);
		ck_assert_str_ne(http_answer_text(&answer, "detail"), "");
		pointer = json_string_value(
		    json_object_get(json_array_get(json_object_get(answer.json, "errors"), 0), "pointer"));
		ck_assert_msg(strcmp(pointer ? pointer : "", refused[i].pointer) == 0, "%s: %s", body, answer.body);
	}
	ck_assert_int_eq(direct_with("Content-Type: text/html", exact[0].body), 415);
}
END_TEST

START_TEST(test_a_call_is_as_long_as_a_line)
{
	static char body[100000];
	start_all();
	int n = snprintf(body, sizeof body, "{\"op\":\"echo\",\"args\":[\"");
	memset(body + n, 'x', 60000);
	snprintf(body + n + 60000, sizeof body - (size_t)n - 60000, "\"]}");
	ck_assert_int_eq(direct(body), 200);
	ck_assert_uint_eq(json_string_length(json_object_get(answer.json, "result")), 60000);
	memset(body + n, 'x', 70000);
	snprintf(body + n + 70000, sizeof body - (size_t)n - 70000, "\"]}");
	ck_assert_int_eq(direct(body), 413);
	ck_assert_str_eq(http_answer_text(&answer, "type"), "/problems/too-large");
}
END_TEST

START_TEST(test_connections_are_kept)
{
	start_worker(0, NULL);
	start_web((const char *const[]){ "SQUARE_REACTORS=1", NULL });
	wait_served();
	unsigned before = role_run_files(workers[0]);
	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(direct(exact[0].body), 200);
	ck_assert_uint_le(role_run_files(workers[0]), before + 1);
}
END_TEST

/* All at once, in one loop turn or nearly so; each with its own result. */
START_TEST(test_many_at_once)
{
	static struct raw_client clients[CROWD];
	struct raw_answer a = { 0 };
	char body[100], expected[60];
	start_worker(0, NULL);
	start_worker(1, NULL);
	start_web(NULL);
	wait_served();
	for (int i = 0; i < CROWD; i++) {
		snprintf(body, sizeof body, "{\"op\":\"echo\",\"args\":[%d]}", i);
		call_later(&clients[i], body);
	}
	for (int i = 0; i < CROWD; i++) {
		ck_assert_msg(hear(&clients[i], &a) == 200, "%d: %s", i, buf_cstr(&a.body));
		snprintf(expected, sizeof expected, "{\"result\":%d,", i);
		ck_assert_ptr_nonnull(strstr(buf_cstr(&a.body), expected));
	}
	raw_answer_fini(&a);
}
END_TEST

/* More than a pool has connections, and each of these is taken for as long as its call: the others wait for one. */
START_TEST(test_more_calls_than_connections)
{
	static struct raw_client clients[3 * CROWD];
	struct raw_answer a = { 0 };
	start_worker(0, (const char *const[]){ "SQUARE_WORKER_SLOTS=64", NULL });
	start_web((const char *const[]){ "SQUARE_REACTORS=1", "SQUARE_ADDRESS_CONNECTIONS=1000", NULL });
	wait_served();
	unsigned before = role_run_files(workers[0]);
	for (int i = 0; i < 3 * CROWD; i++)
		call_later(&clients[i], "{\"op\":\"sleep\",\"args\":[20]}");
	for (int i = 0; i < 3 * CROWD; i++)
		ck_assert_msg(hear(&clients[i], &a) == 200, "%d: %s", i, buf_cstr(&a.body));
	ck_assert_uint_le(role_run_files(workers[0]), before + CROWD);
	raw_answer_fini(&a);
}
END_TEST

START_TEST(test_a_long_call_holds_up_no_short_one)
{
	struct raw_client c;
	struct raw_answer a = { 0 };
	start_worker(0, NULL);
	start_web((const char *const[]){ "SQUARE_REACTORS=1", NULL });
	wait_served();
	call_later(&c, "{\"op\":\"sleep\",\"args\":[50000],\"timeout_ms\":60000}");
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(direct(exact[0].body), 200);
	ck_assert(raw_hear(&c, &a, 0) == RAW_SILENCE);
	raw_close(&c);
	raw_answer_fini(&a);
}
END_TEST

/* ---- faults ---- */

START_TEST(test_no_worker)
{
	start_web(NULL);
	ck_assert_int_eq(direct(exact[0].body), 503);
	ck_assert_str_eq(http_answer_text(&answer, "type"), "/problems/no-worker");
	ck_assert_ptr_nonnull(http_answer_header(&answer, "Retry-After"));
	start_worker(0, NULL);
	wait_served();
	kill_worker(0);
	ck_assert_int_eq(direct(exact[0].body), 503);
	ck_assert_str_eq(http_answer_text(&answer, "type"), "/problems/no-worker");
	start_worker(0, NULL); /* elsewhere */
	wait_served();
}
END_TEST

START_TEST(test_redis_is_away)
{
	start_all();
	redis_private_kill(redis);
	for (int i = 0; i < 5; i++)
		ck_assert_msg(direct(exact[0].body) == 200, "%s", answer.body);
	ck_assert_int_eq(direct("{\"op\":\"squar\",\"args\":[1]}"), 422);
	redis_private_restart(redis);
}
END_TEST

START_TEST(test_the_client_leaves)
{
	struct raw_client c;
	start_worker(0, one_slot);
	start_web(NULL);
	wait_served();
	call_later(&c, "{\"op\":\"sleep\",\"args\":[50000],\"timeout_ms\":60000}");
	ck_assert(wait_until(slot_is_taken, NULL, SOON_MS));
	raw_close(&c);
	char body[] = "{\"op\":\"sleep\",\"args\":[1],\"timeout_ms\":1000}";
	ck_assert_msg(wait_until(answers, body, SOON_MS), "the worker computes on: %s", answer.body);
}
END_TEST

static bool second_answers(void *arg)
{
	return answers(arg) && strcmp(http_answer_text(&answer, "worker"), "WorkerRole_IN_1") == 0;
}

/* The call is given to another worker; and when that one dies too, to no third. */
START_TEST(test_the_worker_dies_with_the_call)
{
	struct raw_client c;
	struct raw_answer a = { 0 };
	char body[] = "{\"op\":\"square\",\"args\":[3]}";
	start_worker(0, one_slot);
	start_web((const char *const[]){ "SQUARE_REACTORS=1", NULL });
	wait_served();
	call_later(&c, "{\"op\":\"sleep\",\"args\":[6000],\"timeout_ms\":20000}");
	ck_assert(wait_until(slot_is_taken, NULL, SOON_MS));
	start_worker(1, one_slot);
	ck_assert(wait_until(second_answers, body, SOON_MS));
	kill_worker(0);
	ck_assert_msg(hear(&c, &a) == 200, "%s", buf_cstr(&a.body));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&a.body), "\"WorkerRole_IN_1\""));
	call_later(&c, "{\"op\":\"sleep\",\"args\":[50000],\"timeout_ms\":60000}");
	ck_assert(wait_until(slot_is_taken, NULL, SOON_MS));
	kill_worker(1);
	ck_assert_msg(hear(&c, &a) == 503, "%s", buf_cstr(&a.body));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&a.body), "/problems/no-worker"));
	ck_assert_ptr_nonnull(raw_header(&a, "Retry-After"));
	raw_answer_fini(&a);
}
END_TEST

/* A worker that ends in good order answers what it has. */
START_TEST(test_the_worker_stops)
{
	struct raw_client c;
	struct raw_answer a = { 0 };
	start_worker(0, one_slot);
	start_web(NULL);
	wait_served();
	call_later(&c, "{\"op\":\"sleep\",\"args\":[500]}");
	ck_assert(wait_until(slot_is_taken, NULL, SOON_MS));
	ck_assert_int_eq(role_run_stop(workers[0]), 0);
	workers[0] = NULL;
	ck_assert_msg(hear(&c, &a) == 200, "%s", buf_cstr(&a.body));
	raw_answer_fini(&a);
}
END_TEST

START_TEST(test_the_worker_closes_what_rests)
{
	start_worker(0, (const char *const[]){ "SQUARE_TCP_IDLE_SECONDS=1", NULL });
	start_web((const char *const[]){ "SQUARE_REACTORS=1", NULL });
	wait_served();
	unsigned files = role_run_files(workers[0]);
	ck_assert(role_run_wait_files(workers[0], files - 1, SOON_MS));
	ck_assert_int_eq(direct(exact[0].body), 200);
}
END_TEST

START_TEST(test_the_web_role_stops)
{
	struct raw_client c;
	struct raw_answer a = { 0 };
	start_worker(0, one_slot);
	start_web((const char *const[]){ "SQUARE_DRAIN_SECONDS=2", NULL });
	wait_served();
	call_later(&c, "{\"op\":\"sleep\",\"args\":[50000],\"timeout_ms\":60000}");
	ck_assert(wait_until(slot_is_taken, NULL, SOON_MS));
	kill(role_run_pid(web), SIGTERM);
	ck_assert_msg(hear(&c, &a) == 503, "%s", buf_cstr(&a.body));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&a.body), "/problems/stopping"));
	raw_answer_fini(&a);
}
END_TEST

/* ---- workers that are none ---- */

#define BUSY                                                                                         \
	"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32002,\"message\":\"Busy\",\"data\":{\"detail\":" \
	"\"too many calls wait for their turn, try again later\"}},\"id\":1}\n"

static const struct {
	const char *reply; /* NULL: closes without one */
	long status;
	const char *type;
} impostors[] = {
	{ BUSY, 503, "/problems/no-worker" },
	{ NULL, 503, "/problems/no-worker" },
	{ "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32603,\"data\":{\"detail\":\"out of memory\"}},\"id\":null}\n",
	  503, "/problems/no-worker" },
	{ "{\"jsonrpc\":\"2.0\",\"result\":7,\"id\":1}\nwhat was not asked for\n", 200, "" },
	{ "error: too many connections, try again later\n", 503, "/problems/no-worker" },
	{ "HTTP/1.1 400 Bad Request\n", 500, "/problems/internal" },
	{ "{\"jsonrpc\":\"2.0\",\"result\":7}\n", 500, "/problems/internal" },
	{ "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid request\"},\"id\":1}\n", 500,
	  "/problems/internal" },
};

/* Accepts for ever, in a process of its own; the port. */
static unsigned start_impostor(const char *reply, pid_t *pid)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof at;
	char buffer[4096];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert(bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 16) == 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	*pid = fork();
	ck_assert_int_ge(*pid, 0);
	for (int c; *pid == 0 && (c = accept(fd, NULL, NULL)) >= 0; close(c))
		while (read(c, buffer, sizeof buffer) > 0 && reply)
			if (write(c, reply, strlen(reply)) < 0)
				break;
	if (*pid == 0)
		_exit(0);
	close(fd);
	return ntohs(at.sin_port);
}

static void enter(const char *name, unsigned port)
{
	char json[400];
	struct errinfo info;
	snprintf(
	    json, sizeof json,
	    "{\"instance\":\"%s\",\"role\":\"WorkerRole\",\"host\":\"h\",\"pid\":1,\"state\":\"ready\",\"running\":0,"
	    "\"capacity\":1,\"endpoints\":{\"SquareEndpoint\":\"127.0.0.1:%u\"}}",
	    name, port);
	struct rsync *link = rsync_open(redis_private_url(redis), 5000, &info);
	ck_assert_msg(link != NULL, "%s", info.text);
	ck_assert_ptr_nonnull(rsync_words(link, &info, "HSET", KEYS_REG_INST, name, json, NULL));
	ck_assert_ptr_nonnull(rsync_words(link, &info, "INCR", KEYS_REG_EPOCH, NULL));
	rsync_close(link);
}

static bool is_known(void *arg)
{
	const char *detail;
	(void)arg;
	direct("{\"op\":\"square\",\"args\":[3]}");
	detail = http_answer_text(&answer, "detail");
	return answer.status && strcmp(detail, "no live worker is known") != 0;
}

START_TEST(test_answers_of_an_impostor)
{
	pid_t pid;
	enter("Impostor_IN_0", start_impostor(impostors[_i].reply, &pid));
	start_web((const char *const[]){ "SQUARE_REACTORS=1", NULL });
	ck_assert(wait_until(is_known, NULL, SOON_MS));
	for (int i = 0; i < 3; i++) {
		ck_assert_msg(direct(exact[0].body) == impostors[_i].status, "%ld %s", answer.status, answer.body);
		ck_assert_str_eq(http_answer_text(&answer, "type"), impostors[_i].type);
	}
	if (impostors[_i].status != 500) { /* then a true worker is asked as well */
		char body[] = "{\"op\":\"square\",\"args\":[12]}";
		start_worker(0, NULL);
		ck_assert(wait_until(answers, body, SOON_MS));
		for (int i = 0; i < 20; i++)
			ck_assert_msg(direct(body) == 200, "%ld %s", answer.status, answer.body);
	}
	kill(pid, SIGKILL);
	ck_assert_int_eq(proc_wait(pid, SOON_MS), 128 + SIGKILL);
}
END_TEST

/* ---- tokens ---- */

static const char tokens[] = "alice:submit:%s\nbob:read:%s\n";

START_TEST(test_the_token_goes_along)
{
	char path[300], setting[340], line[400];
	struct proc_result sum[2];
	FILE *out;
	proc_shell("printf %s let-me-in | sha256sum | cut -c1-64 | tr -d '\\n'", SOON_MS, &sum[0]);
	proc_shell("printf %s only-read | sha256sum | cut -c1-64 | tr -d '\\n'", SOON_MS, &sum[1]);
	snprintf(path, sizeof path, "%s/tokens", redis_private_dir(redis));
	snprintf(line, sizeof line, tokens, sum[0].out, sum[1].out);
	out = fopen(path, "we");
	ck_assert(out && fputs(line, out) >= 0 && fchmod(fileno(out), 0600) == 0 && fclose(out) == 0);
	snprintf(setting, sizeof setting, "SQUARE_AUTH_TOKENS_FILE=%s", path);
	const char *const env[] = { setting, NULL };
	start_web(env);
	start_worker(0, env);
	ck_assert_int_eq(direct(exact[0].body), 401);
	ck_assert_int_eq(direct_with("Authorization: Bearer something-else", exact[0].body), 401);
	ck_assert_int_eq(direct_with("Authorization: Bearer only-read", exact[0].body), 403);
	for (int i = 0; i < 500 && direct_with("Authorization: Bearer let-me-in", exact[0].body) == 503; i++)
		;
	for (int i = 0; i < 5; i++)
		ck_assert_msg(direct_with("Authorization: bearer let-me-in", exact[0].body) == 200, "%ld %s",
			      answer.status, answer.body);
	ck_assert_ptr_null(strstr(role_run_said(web), "let-me-in"));
	ck_assert_ptr_null(strstr(role_run_said(workers[0]), "let-me-in"));
	for (int i = 0; i < 2; i++)
		proc_result_fini(&sum[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("direct");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	TCase *all[] = { core, limits, faults };
	tcase_add_test(core, test_results_are_exact);
	tcase_add_test(core, test_what_is_refused);
	tcase_add_test(core, test_connections_are_kept);
	tcase_add_test(core, test_many_at_once);
	tcase_add_test(core, test_a_long_call_holds_up_no_short_one);
	tcase_add_test(core, test_the_token_goes_along);
	tcase_add_test(limits, test_a_call_is_as_long_as_a_line);
	tcase_add_test(limits, test_more_calls_than_connections);
	tcase_add_test(faults, test_no_worker);
	tcase_add_test(faults, test_redis_is_away);
	tcase_add_test(faults, test_the_client_leaves);
	tcase_add_test(faults, test_the_worker_dies_with_the_call);
	tcase_add_test(faults, test_the_worker_stops);
	tcase_add_test(faults, test_the_worker_closes_what_rests);
	tcase_add_test(faults, test_the_web_role_stops);
	tcase_add_loop_test(faults, test_answers_of_an_impostor, 0, (int)(sizeof impostors / sizeof *impostors));
	for (int i = 0; i < 3; i++) {
		tcase_set_timeout(all[i], 120);
		tcase_add_checked_fixture(all[i], set_up, tear_down);
		suite_add_tcase(s, all[i]);
	}
	return suite_run(s);
}
