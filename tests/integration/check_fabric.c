/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The local fabric: what it starts, keeps running and leaves behind. */
#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fabric_run.h"
#include "http_client.h"
#include "proc.h"
#include "wait_until.h"

#define SOON_MS 30000

static bool is_gone(void *arg)
{
	return !proc_alive(*(pid_t *)arg);
}

static bool nothing_left(void *arg)
{
	return proc_count(arg) == 0;
}

static void assert_answers(struct fabric_run *f)
{
	char *squares = tcp_client_ask(fabric_run_tcp(f), "12\n1.5\n7/3\n", 10000);

	ck_assert_ptr_nonnull(squares);
	ck_assert_str_eq(squares, "144\n2.25\n49/9\n");
	free(squares);
	ck_assert(fabric_run_wait_readyz(f, 200, SOON_MS));
}

/* Sets a key in the private Redis, or reads it. */
static void assert_redis(struct fabric_run *f, const char *command, const char *expected)
{
	struct proc_result r;
	char line[PATH_MAX + 64];
	const char *const argv[] = { "sh", "-c", line, NULL }, *const env[] = { fabric_run_redis_auth(f), NULL };

	(void)snprintf(line, sizeof(line), "redis-cli --user square-admin -s %s %s", fabric_run_socket(f), command);
	proc_run(argv, env, NULL, SOON_MS, &r);
	ck_assert_msg(r.status == 0 && strcmp(r.out, expected) == 0, "%s: status %d, %s%s", line, r.status, r.out,
		      r.err);
	proc_result_fini(&r);
}

static char temporary[PATH_MAX];

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static void make_temporary(void)
{
	(void)strcpy(temporary, "/tmp/square-test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(temporary));
}

static void remove_temporary(void)
{
	ck_assert_int_eq(nftw(temporary, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- core ---- */

START_TEST(test_start_runs_what_the_files_say)
{
	struct fabric_run *f = fabric_run_start(NULL);
	static const char *const names[] = { "redis", "balancer", "WebRole_IN_0", "WorkerRole_IN_0",
					     "WorkerRole_IN_1" };
	const char *said = fabric_run_said(f);
	struct stat st;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_msg(proc_alive(fabric_run_pid_of(f, names[i])), "%s does not run", names[i]);
	ck_assert_uint_eq(fabric_run_instances(f), 3);
	ck_assert_uint_ne(fabric_run_port_of(f, "WorkerRole_IN_0", "SquareEndpoint"),
			  fabric_run_port_of(f, "WorkerRole_IN_1", "SquareEndpoint"));
	ck_assert_int_eq(stat(fabric_run_dir(f), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
	ck_assert_int_eq(stat(fabric_run_socket(f), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
	ck_assert_ptr_nonnull(strstr(said, "Square.Service is ready"));
	ck_assert_ptr_nonnull(strstr(said, "curl -s localhost:"));
	ck_assert_ptr_nonnull(strstr(said, "| nc -N localhost "));
	assert_answers(f);
	assert_redis(f, "config get appendfsync", "appendfsync\neverysec\n");
	assert_redis(f, "config get appendonly", "appendonly\nyes\n");
	assert_redis(f, "config get maxmemory-policy", "maxmemory-policy\nnoeviction\n");
	assert_redis(f, "config get port", "port\n0\n");
	ck_assert_int_eq(fabric_run_stop(f), 0);
}
END_TEST

START_TEST(test_stop_leaves_nothing_running)
{
	struct fabric_run *f = fabric_run_start(NULL);
	char dir[PATH_MAX];

	(void)snprintf(dir, sizeof(dir), "%s", fabric_run_dir(f));
	ck_assert_uint_ge(proc_count(dir), 6);
	ck_assert_int_eq(fabric_run_stop(f), 0);
	ck_assert_uint_eq(proc_count(dir), 0);
}
END_TEST

START_TEST(test_interrupt_at_the_terminal_drains)
{
	struct fabric_run *f = fabric_run_start(NULL);
	char dir[PATH_MAX];

	(void)snprintf(dir, sizeof(dir), "%s", fabric_run_dir(f));
	ck_assert_int_eq(kill(fabric_run_pid(f), SIGINT), 0);
	ck_assert_int_eq(fabric_run_wait(f), 0);
	ck_assert_uint_eq(proc_count(dir), 0);
}
END_TEST

/* While an instance is stopped in its tracks, the first Ctrl-C would take its whole drain time; the second does not. */
START_TEST(test_second_interrupt_ends_at_once)
{
	struct fabric_run *f = fabric_run_start(NULL);
	char dir[PATH_MAX];

	(void)snprintf(dir, sizeof(dir), "%s", fabric_run_dir(f));
	ck_assert_int_eq(kill(fabric_run_pid_of(f, "WorkerRole_IN_0"), SIGSTOP), 0);
	ck_assert_int_eq(kill(fabric_run_pid(f), SIGINT), 0);
	while (!strstr(fabric_run_said(f), "stopping"))
		ck_assert(proc_alive(fabric_run_pid(f)));
	ck_assert_int_eq(kill(fabric_run_pid(f), SIGINT), 0);
	ck_assert_int_eq(fabric_run_wait(f), 130);
	ck_assert_uint_eq(proc_count(dir), 0);
}
END_TEST

START_TEST(test_counts_are_overridden)
{
	static const char *const env[] = { "WEB_INSTANCES=2", "WORKER_INSTANCES=4", NULL };
	struct fabric_run *f = fabric_run_start(env);

	ck_assert_uint_eq(fabric_run_instances(f), 6);
	ck_assert(proc_alive(fabric_run_pid_of(f, "WebRole_IN_1")));
	ck_assert(proc_alive(fabric_run_pid_of(f, "WorkerRole_IN_3")));
	assert_answers(f);
	ck_assert_int_eq(fabric_run_stop(f), 0);
}
END_TEST

START_TEST(test_two_fabrics_side_by_side)
{
	struct fabric_run *a = fabric_run_start(NULL), *b = fabric_run_start(NULL);

	ck_assert_uint_ne(fabric_run_http(a), fabric_run_http(b));
	assert_answers(a);
	assert_answers(b);
	assert_redis(a, "set whose a", "OK\n");
	assert_redis(b, "get whose", "\n");
	ck_assert_int_eq(fabric_run_stop(a), 0);
	assert_answers(b);
	ck_assert_int_eq(fabric_run_stop(b), 0);
}
END_TEST

/* The port in the definition is what the load balancer listens on: changing it there is enough. */
START_TEST(test_changed_port_in_the_definition_moves_the_service)
{
	static const char *const env[] = { "HTTP_PORT", "TCP_PORT", NULL };
	unsigned http = proc_free_port(), tcp = proc_free_port();
	char csdef[PATH_MAX + 32], line[3 * PATH_MAX];
	struct fabric_run *f;
	struct proc_result r;

	make_temporary();
	(void)snprintf(csdef, sizeof(csdef), "%s/service.csdef", temporary);
	(void)snprintf(line, sizeof(line), "sed 's/port=\"8080\"/port=\"%u\"/; s/port=\"2345\"/port=\"%u\"/' <%s >%s",
		       http, tcp, proc_source("service.csdef"), csdef);
	proc_shell(line, SOON_MS, &r);
	ck_assert_int_eq(r.status, 0);
	proc_result_fini(&r);
	f = fabric_run_start_with(csdef, NULL, NULL, env);
	ck_assert_uint_eq(fabric_run_http(f), http);
	ck_assert_uint_eq(fabric_run_tcp(f), tcp);
	assert_answers(f);
	ck_assert_int_eq(fabric_run_stop(f), 0);
	remove_temporary();
}
END_TEST

/* ---- limits ---- */

static void assert_refused(const char *run_dir, const char *const *env, const char *expected)
{
	struct fabric_run *f = fabric_run_spawn(NULL, NULL, run_dir, env);
	pid_t pid = fabric_run_pid(f);
	/* A zombie counts as gone; its status is taken by fabric_run_wait below. */
	bool ended = wait_until(is_gone, &pid, SOON_MS);

	ck_assert(ended);
	ck_assert_msg(strstr(fabric_run_said(f), expected) != NULL, "expected \"%s\", got \"%s\"", expected,
		      fabric_run_said(f));
	ck_assert_int_eq(fabric_run_wait(f), 1);
}

START_TEST(test_taken_port_is_named_and_nothing_started)
{
	static const char *const variables[] = { "HTTP_PORT", "TCP_PORT" };
	struct fabric_run *first = fabric_run_start(NULL);
	unsigned port = _i == 0 ? fabric_run_http(first) : fabric_run_tcp(first);
	char entry[32], expected[200];
	const char *const env[] = { entry, NULL };

	make_temporary();
	(void)snprintf(entry, sizeof(entry), "%s=%u", variables[_i], port);
	(void)snprintf(expected, sizeof(expected),
		       "port %u, where %s is to listen, is taken by another program; stop that one, or choose another "
		       "port with %s=",
		       port, _i == 0 ? "HttpIn" : "SquareEndpoint", variables[_i]);
	assert_refused(temporary, env, expected);
	ck_assert_uint_eq(proc_count(temporary), 0);
	assert_answers(first);
	ck_assert_int_eq(fabric_run_stop(first), 0);
	remove_temporary();
}
END_TEST

START_TEST(test_folder_of_another_fabric_is_refused)
{
	struct fabric_run *f;

	make_temporary();
	f = fabric_run_start_with(NULL, NULL, temporary, NULL);
	assert_refused(temporary, NULL, "is in use by the fabric with process id ");
	assert_answers(f);
	ck_assert_int_eq(fabric_run_stop(f), 0);
	remove_temporary();
}
END_TEST

START_TEST(test_bad_count_is_refused)
{
	static const char *const env[] = { "WORKER_INSTANCES=many", NULL };

	assert_refused(NULL, env,
		       "environment variable WORKER_INSTANCES: expected a whole number from 0 to 1000, got \"many\"");
}
END_TEST

START_TEST(test_bad_setting_is_refused)
{
	static const char *const env[] = { "SQUARE_DRAIN_SECONDS=soon", NULL };

	assert_refused(NULL, env, "SQUARE_DRAIN_SECONDS");
}
END_TEST

START_TEST(test_folder_with_too_long_a_path_is_refused)
{
	char dir[PATH_MAX + 128];

	make_temporary();
	(void)snprintf(dir, sizeof(dir), "%s/%0100d", temporary, 7);
	assert_refused(dir, NULL, "is too long to hold a socket");
	remove_temporary();
}
END_TEST

/* ---- faults ---- */

START_TEST(test_killed_process_is_started_again)
{
	static const char *const names[] = { "redis", "balancer", "WebRole_IN_0", "WorkerRole_IN_0" };
	struct fabric_run *f = fabric_run_start(NULL);
	pid_t old = fabric_run_pid_of(f, names[_i]);
	unsigned port = fabric_run_port_of(f, "WebRole_IN_0", "HttpIn");

	ck_assert_int_eq(kill(old, SIGKILL), 0);
	ck_assert_int_gt(fabric_run_wait_new(f, names[_i], old, SOON_MS), 0);
	ck_assert(fabric_run_wait_readyz(f, 200, SOON_MS));
	ck_assert_uint_eq(fabric_run_port_of(f, "WebRole_IN_0", "HttpIn"), port);
	ck_assert_ptr_nonnull(strstr(fabric_run_said(f), "was ended by signal 9"));
	assert_answers(f);
	ck_assert_int_eq(fabric_run_stop(f), 0);
}
END_TEST

START_TEST(test_killed_fabric_leaves_nothing_and_the_next_takes_over)
{
	struct fabric_run *f;

	make_temporary();
	f = fabric_run_start_with(NULL, NULL, temporary, NULL);
	assert_redis(f, "set kept 42", "OK\n");
	ck_assert_int_eq(kill(fabric_run_pid(f), SIGKILL), 0);
	ck_assert_int_eq(fabric_run_wait(f), 128 + SIGKILL);
	/* At once: what may still be ending is the next one's to clean up. */
	f = fabric_run_start_with(NULL, NULL, temporary, NULL);
	assert_redis(f, "get kept", "42\n");
	assert_answers(f);
	ck_assert_int_eq(kill(fabric_run_pid(f), SIGKILL), 0);
	ck_assert_int_eq(fabric_run_wait(f), 128 + SIGKILL);
	ck_assert(wait_until(nothing_left, temporary, SOON_MS));
	remove_temporary();
}
END_TEST

/* The record of a fabric that is gone may name a process id that is somebody else's by now. */
START_TEST(test_foreign_process_in_the_record_is_left_alone)
{
	static const char *const argv[] = { "sleep", "600", NULL };
	pid_t foreign = proc_spawn(argv, NULL, -1, -1, -1);
	char path[PATH_MAX + 16], boot[64] = "";
	struct fabric_run *f;
	FILE *in, *out;

	make_temporary();
	(void)snprintf(path, sizeof(path), "%s/pids", temporary);
	in = fopen("/proc/sys/kernel/random/boot_id", "re");
	ck_assert(in && fgets(boot, sizeof(boot), in) && fclose(in) == 0);
	out = fopen(path, "we");
	ck_assert(out && fprintf(out, "boot %s%d 1\n", boot, (int)foreign) > 0 && fclose(out) == 0);
	f = fabric_run_start_with(NULL, NULL, temporary, NULL);
	ck_assert_int_eq(fabric_run_stop(f), 0);
	ck_assert(proc_alive(foreign));
	ck_assert_int_eq(kill(foreign, SIGKILL), 0);
	ck_assert_int_eq(proc_wait(foreign, SOON_MS), 128 + SIGKILL);
	remove_temporary();
}
END_TEST

static TCase *part(Suite *s, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 150);
	suite_add_tcase(s, tc);
	return tc;
}

int main(void)
{
	Suite *suites[] = { suite_create("core"), suite_create("limits"), suite_create("faults") };
	SRunner *sr = srunner_create(suites[0]);
	TCase *tc = part(suites[0], "fabric");
	int failed;

	tcase_add_test(tc, test_start_runs_what_the_files_say);
	tcase_add_test(tc, test_stop_leaves_nothing_running);
	tcase_add_test(tc, test_interrupt_at_the_terminal_drains);
	tcase_add_test(tc, test_second_interrupt_ends_at_once);
	tcase_add_test(tc, test_counts_are_overridden);
	tcase_add_test(tc, test_two_fabrics_side_by_side);
	tcase_add_test(tc, test_changed_port_in_the_definition_moves_the_service);
	tc = part(suites[1], "refusals");
	tcase_add_loop_test(tc, test_taken_port_is_named_and_nothing_started, 0, 2);
	tcase_add_test(tc, test_folder_of_another_fabric_is_refused);
	tcase_add_test(tc, test_bad_count_is_refused);
	tcase_add_test(tc, test_bad_setting_is_refused);
	tcase_add_test(tc, test_folder_with_too_long_a_path_is_refused);
	tc = part(suites[2], "deaths");
	tcase_add_loop_test(tc, test_killed_process_is_started_again, 0, 4);
	tcase_add_test(tc, test_killed_fabric_leaves_nothing_and_the_next_takes_over);
	tcase_add_test(tc, test_foreign_process_in_the_record_is_left_alone);
	srunner_add_suite(sr, suites[1]);
	srunner_add_suite(sr, suites[2]);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
