/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the programs are on disk and while they run: how they were linked, what the kernel says of each process, and
 * what none of them inherits. As root everything is looked at; as another user a compute child cannot be looked into,
 * which is one of the things that must be so. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fabric_run.h"
#include "job_client.h"
#include "proc.h"
#include "sanitized.h"
#include "suite_run.h"
#include "wait_until.h"

#define SOON_MS 30000
#define FILES_MAX 256

/* ---- on disk ---- */

START_TEST(test_programs_are_hardened)
{
	static const char *const names[] = { "web-role", "worker-role", "square", "square-fabric" };
	char paths[4][PATH_MAX], script[PATH_MAX];
	struct proc_result r;
	(void)snprintf(script, sizeof script, "%s", proc_source("tests/hardening/run"));
	for (size_t i = 0; i < 4; i++)
		(void)snprintf(paths[i], sizeof paths[i], "%s", proc_program(names[i]));
	const char *const argv[] = { script, paths[0], paths[1], paths[2], paths[3], NULL };
	proc_run(argv, NULL, NULL, SOON_MS, &r);
	ck_assert_msg(r.status == 0 && strcmp(r.out, "4 programs are hardened\n") == 0, "status %d\n%s%s", r.status,
		      r.out, r.err);
	proc_result_fini(&r);
}
END_TEST

/* A check that passes everything would be worth nothing. */
START_TEST(test_soft_program_is_told)
{
	static const char *const expected[] = {
		"position-independent", "RELRO", "binding at the start", "executed", "libraries", "stack protector",
		"checked functions",    "-g"
	};
	char dir[] = "/tmp/square-soft.XXXXXX", line[PATH_MAX + 500];
	struct proc_result r;
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(line, sizeof line,
		       "cd %s && echo 'int main(void) { return 0; }' >soft.c && cc -no-pie -fno-stack-protector -O0 "
		       "-Wl,-z,norelro -Wl,-z,lazy -Wl,-z,execstack -Wl,-rpath,/tmp -o soft soft.c && %s soft",
		       dir, proc_source("tests/hardening/run"));
	proc_shell(line, SOON_MS, &r);
	ck_assert_msg(r.status == 1, "status %d\n%s%s", r.status, r.out, r.err);
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
		ck_assert_msg(strstr(r.out, expected[i]) != NULL, "expected a word about \"%s\" in\n%s", expected[i],
			      r.out);
	proc_result_fini(&r);
	(void)snprintf(line, sizeof line, "rm -r %s", dir);
	proc_shell(line, SOON_MS, &r);
	ck_assert_int_eq(r.status, 0);
	proc_result_fini(&r);
}
END_TEST

/* ---- processes ---- */

enum { REDIS, BALANCER, WEB, WORKER, ZYGOTE, COMPUTE, KINDS };

static struct fabric_run *service;
static pid_t pids[KINDS];
static const char *const names[] = { "redis", "balancer", "web role", "worker role", "zygote", "compute child" };

/* A line of /proc/PID/FILE that begins so, without that beginning; "" when there is none. */
static const char *line_of(pid_t pid, const char *file, const char *begin)
{
	static char line[512];
	char path[64];
	(void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
	FILE *f = fopen(path, "re");
	bool found = false;
	while (f && !found && fgets(line, sizeof line, f))
		found = strncmp(line, begin, strlen(begin)) == 0;
	if (f)
		(void)fclose(f);
	line[strcspn(line, "\n")] = '\0';
	return found ? line + strlen(begin) + strspn(line + strlen(begin), " \t") : "";
}

static pid_t child_of(pid_t parent, const char *name)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	pid_t found = 0;
	ck_assert_ptr_nonnull(d);
	while (!found && (e = readdir(d))) {
		pid_t pid = (pid_t)atoi(e->d_name);
		if (pid > 0 && atoi(line_of(pid, "status", "PPid:")) == parent &&
		    strcmp(line_of(pid, "status", "Name:"), name) == 0)
			found = pid;
	}
	(void)closedir(d);
	return found;
}

static bool found_all(void *arg)
{
	(void)arg;
	pids[ZYGOTE] = child_of(pids[WORKER], "square-zygote");
	pids[COMPUTE] = pids[ZYGOTE] ? child_of(pids[ZYGOTE], "square-compute") : 0;
	/* it has entered its sandbox when it has no new privileges: that comes after the name */
	return pids[COMPUTE] && strtoul(line_of(pids[COMPUTE], "limits", "Max file size"), NULL, 10) == 0 &&
	       (SANITIZED || strcmp(line_of(pids[COMPUTE], "status", "Seccomp:"), "2") == 0);
}

static void set_up(void)
{
	static const char *const env[] = { "WEB_INSTANCES=1", "WORKER_INSTANCES=1", NULL };
	struct job_list jobs = { 0 };
	service = fabric_run_start(env);
	/* so that children compute, and every link is up */
	while (job_client_submit(fabric_run_http(service), "{\"op\":\"square\",\"args\":[12]}", &jobs) != 202)
		ck_assert(proc_alive(fabric_run_pid(service)));
	ck_assert_uint_eq(job_client_wait_all(fabric_run_http(service), &jobs, "144", SOON_MS), 1);
	job_list_fini(&jobs);
	pids[REDIS] = fabric_run_pid_of(service, "redis");
	pids[BALANCER] = fabric_run_pid_of(service, "balancer");
	pids[WEB] = fabric_run_pid_of(service, "WebRole_IN_0");
	pids[WORKER] = fabric_run_pid_of(service, "WorkerRole_IN_0");
	ck_assert_msg(wait_until(found_all, NULL, SOON_MS), "no compute child in its sandbox below the worker %d",
		      (int)pids[WORKER]);
}

static void tear_down(void)
{
	ck_assert_int_eq(fabric_run_stop(service), 0);
}

static void expect_line(int kind, const char *file, const char *begin, const char *expected)
{
	const char *got = line_of(pids[kind], file, begin);
	ck_assert_msg(strncmp(got, expected, strlen(expected)) == 0, "%s, /proc/%d/%s, %s expected %s, got %s",
		      names[kind], (int)pids[kind], file, begin, expected, got);
}

START_TEST(test_nobody_gains_privileges)
{
	static const int ours[] = { WEB, WORKER, ZYGOTE, COMPUTE };
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		expect_line(ours[i], "status", "NoNewPrivs:", "1");
}
END_TEST

START_TEST(test_compute_child_is_confined)
{
	static const char *const none[] = { "CapInh:", "CapPrm:", "CapEff:", "CapAmb:" };
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		expect_line(COMPUTE, "status", none[i], "0000000000000000");
	expect_line(COMPUTE, "status", "Threads:", "1");
	expect_line(COMPUTE, "limits", "Max core file size", "0                    0 ");
	expect_line(COMPUTE, "limits", "Max file size", "0                    0 ");
	expect_line(COMPUTE, "limits", "Max processes", "0                    0 ");
	if (SANITIZED)
		return; /* the rest would stop a sanitizer: sandbox.h */
	expect_line(COMPUTE, "status", "Seccomp:", "2");
	expect_line(COMPUTE, "limits", "Max open files", "0                    0 ");
	ck_assert_uint_gt(strtoul(line_of(pids[COMPUTE], "limits", "Max address space"), NULL, 10), 0);
	expect_line(ZYGOTE, "limits", "Max core file size", "0                    0 ");
}
END_TEST

/* Run by anybody but root, nothing here has a capability. */
START_TEST(test_roles_have_no_capability_unless_root)
{
	static const int ours[] = { WEB, WORKER, ZYGOTE };
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
		if (geteuid() != 0)
			expect_line(ours[i], "status", "CapEff:", "0000000000000000");
		expect_line(ours[i], "status", "CapAmb:", "0000000000000000");
		expect_line(ours[i], "status", "CapInh:", "0000000000000000");
	}
}
END_TEST

/* Memory is written or executed, never both. As anybody but root a compute child's cannot be read. */
START_TEST(test_no_memory_is_writable_and_executable)
{
	static const int ours[] = { WEB, WORKER, ZYGOTE, COMPUTE };
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
		char path[64], line[1024];
		unsigned maps = 0;
		(void)snprintf(path, sizeof path, "/proc/%d/maps", (int)pids[ours[i]]);
		FILE *f = fopen(path, "re");
		if (!f && ours[i] == COMPUTE && geteuid() != 0)
			continue;
		ck_assert_msg(f != NULL, "%s: %s", path, strerror(errno));
		while (fgets(line, sizeof line, f)) {
			const char *rights = strchr(line, ' ');
			maps++;
			ck_assert_msg(rights && !(rights[2] == 'w' && rights[3] == 'x'), "%s: %s", names[ours[i]],
				      line);
		}
		(void)fclose(f);
		ck_assert_uint_gt(maps, 5);
	}
}
END_TEST

/* ---- what is inherited ---- */

struct files {
	char links[FILES_MAX][PATH_MAX]; /* "socket:[123]", "/dev/null" */
	int fds[FILES_MAX];
	size_t n;
	bool closed; /* not ours to look at */
};

static void read_files(pid_t pid, struct files *files)
{
	char path[64];
	struct dirent *e;
	(void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *d = opendir(path);
	files->n = 0;
	files->closed = !d;
	ck_assert_msg(d || (errno == EACCES && geteuid() != 0), "%s: %s", path, strerror(errno));
	while (d && (e = readdir(d))) {
		char link[PATH_MAX];
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)pid, atoi(e->d_name));
		ck_assert_uint_lt(files->n, FILES_MAX);
		ssize_t n = readlink(link, files->links[files->n], PATH_MAX - 1);
		if (n < 0)
			continue; /* closed in the meantime */
		files->links[files->n][n] = '\0';
		files->fds[files->n++] = atoi(e->d_name);
	}
	if (d)
		(void)closedir(d);
}

/* Sockets and files, but not what has no identity of its own (anon_inode:[eventpoll]) or is everybody's. */
static void expect_nothing_shared(const struct files *a, const struct files *b, const char *what)
{
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++)
			ck_assert_msg(strcmp(a->links[i], b->links[k]) != 0 || a->fds[i] <= 2 || b->fds[k] <= 2 ||
					  strncmp(a->links[i], "anon_inode:", 11) == 0 ||
					  strncmp(a->links[i], "/dev/", 5) == 0,
				      "%s: descriptor %d is the other's %d, %s", what, b->fds[k], a->fds[i],
				      a->links[i]);
}

/* The fabric holds the ports, the lock of its folder and every log: nobody that it starts has one of these. */
START_TEST(test_nothing_is_inherited_from_the_fabric)
{
	static struct files fabric, one;
	static const int started[] = { REDIS, BALANCER, WEB, WORKER };
	read_files(fabric_run_pid(service), &fabric);
	ck_assert_uint_gt(fabric.n, 5);
	for (size_t i = 0; i < sizeof started / sizeof *started; i++) {
		read_files(pids[started[i]], &one);
		ck_assert_uint_gt(one.n, 3);
		expect_nothing_shared(&fabric, &one, names[started[i]]);
	}
}
END_TEST

static size_t count_sockets(const struct files *files)
{
	size_t n = 0;
	for (size_t i = 0; i < files->n; i++)
		n += strncmp(files->links[i], "socket:", 7) == 0;
	return n;
}

/* No connection to Redis, no client's, no listening socket: /dev/null and the one socket to the worker. */
START_TEST(test_compute_child_has_one_socket)
{
	static struct files worker, one;
	static const int kinds[] = { ZYGOTE, COMPUTE };
	read_files(pids[WORKER], &worker);
	ck_assert_uint_ge(count_sockets(&worker), 3); /* Redis, the listening socket, the zygote's */
	for (size_t i = 0; i < 2; i++) {
		read_files(pids[kinds[i]], &one);
		if (one.closed) {
			ck_assert_int_eq(kinds[i], COMPUTE);
			continue;
		}
		ck_assert_uint_eq(count_sockets(&one), 1);
		expect_nothing_shared(&worker, &one, names[kinds[i]]);
		char statm[64]; /* its own memory, to stop in time */
		(void)snprintf(statm, sizeof statm, "/proc/%d/statm", (int)pids[kinds[i]]);
		for (size_t k = 0; k < one.n; k++)
			ck_assert_msg(strcmp(one.links[k], "/dev/null") == 0 || strcmp(one.links[k], statm) == 0 ||
					  strncmp(one.links[k], "socket:", 7) == 0 || (SANITIZED && one.fds[k] == 2),
				      "%s: descriptor %d is %s", names[kinds[i]], one.fds[k], one.links[k]);
	}
}
END_TEST

/* In a folder that is deleted, where nothing can be found or made; and with nothing in the environment. */
START_TEST(test_compute_child_stands_nowhere)
{
	static const int kinds[] = { ZYGOTE, COMPUTE };
	for (size_t i = 0; i < 2; i++) {
		char path[64], folder[PATH_MAX] = "", environment[65536];
		(void)snprintf(path, sizeof path, "/proc/%d/cwd", (int)pids[kinds[i]]);
		ssize_t n = readlink(path, folder, sizeof folder - 1);
		if (n < 0 && errno == EACCES && geteuid() != 0 && kinds[i] == COMPUTE)
			continue;
		ck_assert_msg(n > 0 && strstr(folder, "/square-empty.") && strstr(folder, " (deleted)"),
			      "%s: expected a deleted folder, got %s", names[kinds[i]], folder);
		DIR *d = opendir(path);
		unsigned entries = 0;
		while (d && readdir(d))
			entries++;
		if (d)
			(void)closedir(d);
		ck_assert_uint_eq(entries, 0);
		(void)snprintf(path, sizeof path, "/proc/%d/environ", (int)pids[kinds[i]]);
		FILE *f = fopen(path, "re");
		ck_assert_msg(f != NULL, "%s: %s", path, strerror(errno));
		size_t length = fread(environment, 1, sizeof environment, f);
		(void)fclose(f);
		ck_assert_msg(SANITIZED || !memmem(environment, length, "SQUARE_", 7), "%s has its environment still",
			      names[kinds[i]]);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hardening");
	TCase *tc = tcase_create("programs");
	if (!SANITIZED) /* a sanitizer's build is another thing */
		tcase_add_test(tc, test_programs_are_hardened);
	tcase_add_test(tc, test_soft_program_is_told);
	suite_add_tcase(s, tc);
	tc = tcase_create("processes");
	tcase_add_unchecked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 150);
	tcase_add_test(tc, test_nobody_gains_privileges);
	tcase_add_test(tc, test_compute_child_is_confined);
	tcase_add_test(tc, test_roles_have_no_capability_unless_root);
	tcase_add_test(tc, test_no_memory_is_writable_and_executable);
	tcase_add_test(tc, test_nothing_is_inherited_from_the_fabric);
	tcase_add_test(tc, test_compute_child_has_one_socket);
	tcase_add_test(tc, test_compute_child_stands_nowhere);
	suite_add_tcase(s, tc);
	return suite_run(s);
}
