/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole programs in which allocations and system calls fail now and then, under a stream of submissions: whatever is
 * answered 202 is there and ends, a program answers or ends (by abort(), where a library cannot go on without memory),
 * never by a crash, and all is well as soon as nothing fails any more. nth.so makes them fail; under a sanitizer, which
 * has its own malloc(), it is left out, and the same streams run without faults. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "job_client.h"
#include "nth.h"
#include "proc.h"
#include "redis_private.h"
#include "role_run.h"
#include "sanitized.h"
#include "suite_run.h"
#include "wait_until.h"

#define SUBMISSIONS 150
#define HEAL_MS 45000
#define BODY "{\"op\":\"square\",\"args\":[12],\"max_attempts\":10}"

static char path[] = "/tmp/square-nth.XXXXXX";
static char preload[400], control[100];
static const char *const faulty[] = { preload, control, "SQUARE_ENQUEUE_DEADLINE_MS=250", NULL };
static struct nth_control *shared;
static struct redis_private *redis;
static struct role_run *web, *worker;
static bool web_is_faulty;
static struct job_list jobs;
static unsigned ends; /* of a faulty program */

static struct role_run *start(bool is_web)
{
	bool is_faulty = is_web == web_is_faulty && !SANITIZED;
	return role_run_start(is_web ? "web-role" : "worker-role", is_web ? "WebRole_IN_0" : "WorkerRole_IN_0",
			      redis_private_url(redis), is_faulty ? faulty : NULL);
}

static void begin(bool faulty_web)
{
	strcpy(path, "/tmp/square-nth.XXXXXX");
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, sizeof *shared), 0);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	close(fd);
	shared->random = 88172645463325252u;
	(void)snprintf(preload, sizeof preload, "LD_PRELOAD=%s/lib/nth.so", getenv("BUILD_DIR"));
	(void)snprintf(control, sizeof control, "SQUARE_NTH=%s", path);
	web_is_faulty = faulty_web;
	ends = 0;
	redis = redis_private_start(NULL);
	web = start(true);
	worker = start(false);
}

static void nothing_fails(void)
{
	shared->one_in = 0;
	for (int i = 0; i < NTH_CALLS; i++)
		shared->call_one_in[i] = 0;
}

/* Whoever ended is started again, as the fabric would. */
static void revive(struct role_run **r, bool is_web)
{
	if (proc_alive(role_run_pid(*r)))
		return;
	unsigned one_in = shared->one_in, calls[NTH_CALLS];
	for (int i = 0; i < NTH_CALLS; i++)
		calls[i] = shared->call_one_in[i];
	nothing_fails();
	int status = role_run_stop(*r);
	ck_assert_msg(status == 128 + SIGABRT || status == 1, "expected an end by abort() or with status 1, got %d",
		      status);
	ends++;
	*r = start(is_web);
	shared->one_in = one_in;
	for (int i = 0; i < NTH_CALLS; i++)
		shared->call_one_in[i] = calls[i];
}

static void submit_all(bool cut)
{
	for (int i = 0; i < SUBMISSIONS; i++) {
		if (cut && i % 50 == 25)
			redis_private_restart(redis);
		long status = job_client_submit(role_run_port(web), BODY, &jobs);
		ck_assert_msg(status == 0 || status == 200 || status == 202 || status >= 500,
			      "expected 202, 5xx or no answer, got %ld", status);
		revive(&web, true);
		revive(&worker, false);
	}
}

/* 503 is no promise: the link to Redis may only just be on its way back. */
static bool is_accepted(void *arg)
{
	(void)arg;
	return job_client_submit(role_run_port(web), BODY, &jobs) == 202;
}

static void end(void)
{
	nothing_fails();
	revive(&web, true);
	revive(&worker, false);
	/* with memory and system calls all is well again */
	ck_assert(wait_until(is_accepted, NULL, HEAL_MS));
	size_t good = job_client_wait_all(role_run_port(web), &jobs, "144", HEAL_MS);
	ck_assert_msg(good == jobs.n, "expected %zu accepted jobs to succeed, %zu did", jobs.n, good);
	ck_assert_int_eq(role_run_stop(web), 0);
	ck_assert_int_eq(role_run_stop(worker), 0);
	redis_private_stop(redis);
	job_list_fini(&jobs);
	memset(&jobs, 0, sizeof jobs);
	munmap(shared, sizeof *shared);
	unlink(path);
}

/* ---- memory ---- */

static const struct {
	bool web;
	unsigned one_in;
	size_t least;
} memory[] = {
	{ true, 100, 0 },
	{ true, 20, 200 }, /* what clients' bodies and answers size */
	{ false, 400, 0 },
	{ false, 50, 200 },
};

START_TEST(test_allocations_fail)
{
	begin(memory[_i].web);
	shared->least = memory[_i].least;
	shared->one_in = memory[_i].one_in;
	submit_all(false);
	unsigned long failures = shared->failures;
	end();
	ck_assert_msg(failures > 0 || SANITIZED, "expected allocations to fail, none did");
}
END_TEST

/* ---- system calls ---- */

/* What tells an edge-triggered program a lie that no kernel tells (there is nothing to read, though there is) is only
 * for the worker, whose loop asks again. */
static const struct {
	bool web;
	enum nth_call call;
	int error;
	bool cut;       /* Redis is restarted on the way, so that everybody connects anew */
	bool may_abort; /* libuv does when it cannot watch a socket */
} calls[] = {
	{ true, NTH_ACCEPT, EMFILE, false, false },   { true, NTH_ACCEPT, ECONNABORTED, false, false },
	{ true, NTH_EPOLL, ENOMEM, false, true },     { true, NTH_SOCKET, EMFILE, true, false },
	{ true, NTH_READ, EINTR, false, false },      { true, NTH_WRITE, EINTR, false, false },
	{ false, NTH_SOCKET, ENOBUFS, true, false },  { false, NTH_EPOLL, ENOMEM, true, true },
	{ false, NTH_READ, EINTR, false, false },     { false, NTH_READ, EAGAIN, false, false },
	{ false, NTH_READ, NTH_SHORT, false, false }, { false, NTH_WRITE, EINTR, false, false },
	{ false, NTH_WRITE, EAGAIN, false, false },   { false, NTH_WRITE, NTH_SHORT, false, false },
	{ false, NTH_WRITE, ENOBUFS, false, false },
};

START_TEST(test_calls_fail)
{
	begin(calls[_i].web);
	shared->call_error[calls[_i].call] = calls[_i].error;
	shared->call_one_in[calls[_i].call] = calls[_i].cut ? 2 : 4;
	submit_all(calls[_i].cut);
	unsigned long failures = shared->call_failures[calls[_i].call];
	end();
	ck_assert_msg(failures > 0 || SANITIZED, "expected system calls to fail, none did");
	ck_assert_msg(ends == 0 || calls[_i].may_abort, "expected it to go on, it ended %u times", ends);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("nth_process");
	TCase *faults = tcase_create("faults");
	tcase_add_loop_test(faults, test_allocations_fail, 0, sizeof memory / sizeof *memory);
	tcase_add_loop_test(faults, test_calls_fail, 0, sizeof calls / sizeof *calls);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
