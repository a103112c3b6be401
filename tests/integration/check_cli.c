/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command-line client, against a running service and against none. */
#include <check.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fabric_run.h"
#include "proc.h"
#include "wait_until.h"

#define SOON_MS 60000

static struct fabric_run *service;
static char url[64], tcp[64];

static void start_service(void)
{
	service = fabric_run_start(NULL);
	(void)snprintf(url, sizeof(url), "SQUARE_URL=http://127.0.0.1:%u", fabric_run_http(service));
	(void)snprintf(tcp, sizeof(tcp), "SQUARE_TCP=127.0.0.1:%u", fabric_run_tcp(service));
}

static void stop_service(void)
{
	ck_assert_int_eq(fabric_run_stop(service), 0);
}

/* Nobody listens on port 1 of a machine that a test runs on. */
static void no_service(void)
{
	(void)strcpy(url, "SQUARE_URL=http://127.0.0.1:1");
	(void)strcpy(tcp, "SQUARE_TCP=127.0.0.1:1");
}

/* Runs square with the words given, ended by NULL. */
static void square(struct proc_result *r, const char *input, ...)
{
	const char *argv[32] = { proc_program("square") }, *const env[] = { url, tcp, "http_proxy", NULL };
	size_t n = 1;
	va_list words;

	va_start(words, input);
	while (n < 31 && (argv[n] = va_arg(words, const char *)))
		n++;
	va_end(words);
	proc_run(argv, env, input, SOON_MS, r);
}

#define assert_square(status_, out_, r)                                                                         \
	ck_assert_msg((r).status == (status_) && strcmp((r).out, (out_)) == 0,                                  \
		      "expected %d and \"%s\", got %d and \"%s\" (%s)", (status_), (out_), (r).status, (r).out, \
		      (r).err)

/* ---- core ---- */

static const struct wait_case {
	const char *words[6]; /* operation and arguments */
	const char *out;
} waits[] = {
	{ { "square", "12" }, "144\n" },
	{ { "add", "1/3", "1/6" }, "1/2\n" },
	{ { "sub", "1", "-3" }, "4\n" },
	{ { "square", "1.5" }, "9/4\n" },
	{ { "square", "123456789012345678901234567890" },
	  "15241578753238836750495351562536198787501905199875019052100\n" },
	{ { "echo", "[1, 2.50, {\"a\": \"b\"}]" }, NULL },
	{ { "echo", "hello world" }, "hello world\n" },
	{ { "gcd", "12", "18", "30" }, "6\n" },
};

START_TEST(test_submit_wait_prints_the_result)
{
	const struct wait_case *c = &waits[_i];
	struct proc_result r;

	square(&r, NULL, "submit", "--wait", "20", c->words[0], c->words[1], c->words[2], c->words[3], NULL);
	if (c->out) {
		assert_square(0, c->out, r);
	} else {
		json_t *got = json_loads(r.out, 0, NULL), *expected = json_loads(c->words[1], 0, NULL);
		ck_assert_int_eq(r.status, 0);
		ck_assert_msg(json_equal(got, expected), "%s", r.out);
		json_decref(got);
		json_decref(expected);
	}
	ck_assert_str_eq(r.err, "");
	proc_result_fini(&r);
}
END_TEST

START_TEST(test_tcp_prints_the_result)
{
	const struct wait_case *c = &waits[_i];
	struct proc_result r;

	square(&r, NULL, "tcp", c->words[0], c->words[1], c->words[2], c->words[3], NULL);
	if (c->out)
		assert_square(0, c->out, r);
	ck_assert_int_eq(r.status, 0);
	proc_result_fini(&r);
}
END_TEST

START_TEST(test_submit_then_get)
{
	char id[64] = "", *end;
	struct proc_result r;
	json_t *job;

	square(&r, NULL, "submit", "square", "12", NULL);
	ck_assert_int_eq(r.status, 0);
	end = strchr(r.out, '\n');
	ck_assert_ptr_nonnull(end);
	ck_assert_int_eq(end - r.out, 36);
	(void)snprintf(id, sizeof(id), "%.*s", (int)(end - r.out), r.out);
	ck_assert_int_eq(strncmp(end + 1, url + strlen("SQUARE_URL="), strlen(url + strlen("SQUARE_URL="))), 0);
	ck_assert_ptr_nonnull(strstr(end, id));
	proc_result_fini(&r);

	square(&r, NULL, "get", id, "--wait", "20", NULL);
	ck_assert_msg(r.status == 0, "%s%s", r.out, r.err);
	ck_assert_ptr_nonnull(strstr(r.out, "state     succeeded\n"));
	ck_assert_ptr_nonnull(strstr(r.out, "result    144\n"));
	proc_result_fini(&r);

	square(&r, NULL, "get", id, "--json", NULL);
	ck_assert_int_eq(r.status, 0);
	job = json_loads(r.out, 0, NULL);
	ck_assert_str_eq(json_string_value(json_object_get(job, "id")), id);
	ck_assert_int_eq(json_integer_value(json_object_get(job, "result")), 144);
	json_decref(job);
	proc_result_fini(&r);
}
END_TEST

START_TEST(test_tcp_squares_standard_input)
{
	struct proc_result r;

	square(&r, "12\n1.5\n7/3\n-3", "tcp", NULL);
	assert_square(0, "144\n2.25\n49/9\n9\n", r);
	proc_result_fini(&r);
	square(&r, "", "tcp", NULL);
	assert_square(0, "", r);
	proc_result_fini(&r);
}
END_TEST

START_TEST(test_tcp_long_input)
{
	size_t n = 50000, len = 0;
	char *input = malloc(n * 12), *expected = malloc(n * 16);
	struct proc_result r;

	ck_assert(input && expected);
	for (size_t i = 0; i < n; i++)
		len += (size_t)sprintf(input + len, "%zu\n", i);
	len = 0;
	for (size_t i = 0; i < n; i++)
		len += (size_t)sprintf(expected + len, "%zu\n", i * i);
	square(&r, input, "tcp", NULL);
	ck_assert_int_eq(r.status, 0);
	ck_assert_msg(strcmp(r.out, expected) == 0, "the answers differ from %.60s", r.out);
	proc_result_fini(&r);
	free(input);
	free(expected);
}
END_TEST

START_TEST(test_json_is_what_the_service_sent)
{
	struct proc_result r;
	json_t *json;

	square(&r, NULL, "submit", "square", "5", "--wait=20", "--json", NULL);
	ck_assert_int_eq(r.status, 0);
	json = json_loads(r.out, 0, NULL);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "result")), 25);
	json_decref(json);
	proc_result_fini(&r);
	square(&r, NULL, "tcp", "square", "5", "--json", NULL);
	ck_assert_int_eq(r.status, 0);
	json = json_loads(r.out, 0, NULL);
	ck_assert_str_eq(json_string_value(json_object_get(json, "jsonrpc")), "2.0");
	ck_assert_int_eq(json_integer_value(json_object_get(json, "result")), 25);
	json_decref(json);
	proc_result_fini(&r);
}
END_TEST

START_TEST(test_options_reach_the_service)
{
	struct proc_result r;
	json_t *json;

	square(&r, NULL, "submit", "square", "5", "--queue", "nobody-serves-this", "--timeout-ms", "1000", "--json",
	       NULL);
	ck_assert_msg(r.status == 0, "%s", r.err);
	json = json_loads(r.out, 0, NULL);
	ck_assert_str_eq(json_string_value(json_object_get(json, "queue")), "nobody-serves-this");
	json_decref(json);
	proc_result_fini(&r);
	square(&r, NULL, "submit", "square", "5", "--queue", "nobody-serves-this", "--wait", "0.2", NULL);
	ck_assert_int_eq(r.status, 4);
	ck_assert_str_eq(r.out, "");
	ck_assert_ptr_nonnull(strstr(r.err, " is queued; \"square get "));
	proc_result_fini(&r);
}
END_TEST

/* ---- limits: the exit statuses ---- */

START_TEST(test_failed_job_is_1)
{
	struct proc_result r;

	square(&r, NULL, "submit", "div", "1", "0", "--wait", "20", NULL);
	assert_square(1, "", r);
	ck_assert_ptr_nonnull(strstr(r.err, "failed: division-by-zero: "));
	proc_result_fini(&r);
	square(&r, NULL, "tcp", "div", "1", "0", NULL);
	assert_square(1, "", r);
	proc_result_fini(&r);
	square(&r, "12\nabc\n", "tcp", NULL);
	ck_assert_int_eq(r.status, 1);
	ck_assert_str_eq(r.out, "144\nerror: expected a number, got \"abc\"\n");
	proc_result_fini(&r);
}
END_TEST

static bool unknown_is_refused(void *arg)
{
	struct proc_result r;
	bool refused;

	(void)arg;
	square(&r, NULL, "submit", "sqare", "12", NULL);
	refused = r.status == 5;
	proc_result_fini(&r);
	return refused;
}

/* Waits first, because an operation is unknown only once the workers have told which ones they know. */
START_TEST(test_refused_is_5)
{
	struct proc_result r;

	ck_assert(wait_until(unknown_is_refused, NULL, 20000));
	square(&r, NULL, "submit", "sqare", "12", NULL);
	assert_square(5, "", r);
	ck_assert_ptr_nonnull(strstr(r.err, "the service refuses this (422): "));
	proc_result_fini(&r);
	square(&r, NULL, "tcp", "sqare", "12", NULL);
	assert_square(5, "", r);
	ck_assert_ptr_nonnull(strstr(r.err, "-32601"));
	proc_result_fini(&r);
	square(&r, NULL, "get", "0193b0a4-7c2e-7000-8000-3f1c5d9e2b47", NULL);
	assert_square(5, "", r);
	ck_assert_ptr_nonnull(strstr(r.err, "(404)"));
	proc_result_fini(&r);
}
END_TEST

static const struct usage_case {
	const char *words[6];
	const char *said;
} usages[] = {
	{ { "submt" }, "expected a command, got submt" },
	{ { "submit" }, "expected more arguments, got 0" },
	{ { "get" }, "usage: square get ID" },
	{ { "get", "a", "b" }, "expected fewer arguments, got 2" },
	{ { "get", "no id" }, "expected a job's id such as " },
	{ { "submit", "square", "1", "--wait" },
	  "expected --wait with a number of seconds from 0 to 86400, got nothing behind it" },
	{ { "submit", "square", "1", "--wait", "soon" },
	  "expected --wait with a number of seconds from 0 to 86400, got soon" },
	{ { "submit", "square", "1", "--colour" }, "expected an option of this command, got --colour" },
	{ { "submit", "square", "1", "--timeout-ms=0" },
	  "expected --timeout-ms with a whole number of milliseconds, got 0" },
	{ { "tcp", "square", "1", "--wait", "1" }, "expected an option of this command, got --wait" },
	{ { "tcp", "--tcp-address", "2345", "square", "1" }, "expected an address such as 127.0.0.1:2345" },
	{ { "get", "0193b0a4-7c2e-7000-8000-3f1c5d9e2b47", "--url", "ftp://x" },
	  "expected a URL such as http://127.0.0.1:8080, got \"ftp://x\"" },
};

START_TEST(test_bad_usage_is_2)
{
	const char *const *w = usages[_i].words;
	struct proc_result r;

	square(&r, NULL, w[0], w[1], w[2], w[3], w[4], NULL);
	assert_square(2, "", r);
	ck_assert_msg(strstr(r.err, usages[_i].said) != NULL, "expected \"%s\", got \"%s\"", usages[_i].said, r.err);
	proc_result_fini(&r);
}
END_TEST

START_TEST(test_help_and_version)
{
	struct proc_result r;

	square(&r, NULL, "--help", NULL);
	ck_assert_int_eq(r.status, 0);
	ck_assert_ptr_nonnull(strstr(r.out, "square submit OP"));
	ck_assert_ptr_nonnull(strstr(r.out, "Exit status: 0 done;"));
	proc_result_fini(&r);
	square(&r, NULL, "--version", NULL);
	ck_assert_int_eq(r.status, 0);
	ck_assert_int_eq(strncmp(r.out, "square ", 7), 0);
	proc_result_fini(&r);
	square(&r, NULL, "submit", "--help", NULL);
	ck_assert_int_eq(r.status, 0);
	ck_assert_ptr_nonnull(strstr(r.out, "usage: square submit "));
	proc_result_fini(&r);
	square(&r, NULL, NULL);
	ck_assert_int_eq(r.status, 2);
	proc_result_fini(&r);
}
END_TEST

/* ---- faults ---- */

START_TEST(test_no_service_is_3)
{
	struct proc_result r;

	square(&r, NULL, "submit", "square", "12", NULL);
	assert_square(3, "", r);
	ck_assert_ptr_nonnull(strstr(r.err, "is the service running? ./dev run starts it"));
	proc_result_fini(&r);
	square(&r, "12\n", "tcp", NULL);
	assert_square(3, "", r);
	ck_assert_ptr_nonnull(strstr(r.err, "is the service running? ./dev run starts it"));
	proc_result_fini(&r);
}
END_TEST

static TCase *part(Suite *s, const char *name, void (*before)(void), void (*after)(void))
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 150);
	tcase_add_unchecked_fixture(tc, before, after);
	suite_add_tcase(s, tc);
	return tc;
}

int main(void)
{
	Suite *core = suite_create("core"), *limits = suite_create("limits"), *faults = suite_create("faults");
	SRunner *sr = srunner_create(core);
	TCase *tc = part(core, "service", start_service, stop_service);
	int failed;

	tcase_add_loop_test(tc, test_submit_wait_prints_the_result, 0, (int)(sizeof(waits) / sizeof(waits[0])));
	tcase_add_loop_test(tc, test_tcp_prints_the_result, 0, (int)(sizeof(waits) / sizeof(waits[0])));
	tcase_add_test(tc, test_submit_then_get);
	tcase_add_test(tc, test_tcp_squares_standard_input);
	tcase_add_test(tc, test_tcp_long_input);
	tcase_add_test(tc, test_json_is_what_the_service_sent);
	tcase_add_test(tc, test_options_reach_the_service);
	tcase_add_test(tc, test_failed_job_is_1);
	tcase_add_test(tc, test_refused_is_5);
	tc = part(limits, "usage", no_service, NULL);
	tcase_add_loop_test(tc, test_bad_usage_is_2, 0, (int)(sizeof(usages) / sizeof(usages[0])));
	tcase_add_test(tc, test_help_and_version);
	tc = part(faults, "nobody", no_service, NULL);
	tcase_add_test(tc, test_no_service_is_3);
	srunner_add_suite(sr, limits);
	srunner_add_suite(sr, faults);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
