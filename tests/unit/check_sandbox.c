/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a confined process can still do: each case forks one, which enters the sandbox and then tries. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compute/memory.h"
#include "compute/sandbox.h"
#include "compute_run.h"
#include "suite_run.h"

enum { KILLED = 1000, GOOD = 0 };

/* What a try says: GOOD, or the errno it came to, or nothing more because it was killed. */
static int outcome(long rc)
{
	return rc >= 0 ? GOOD : errno;
}

static int try_compute(void)
{
	volatile double x = 1;
	char *p = malloc(8 << 20);

	memset(p, 1, 8 << 20);
	p = realloc(p, 64 << 20);
	memset(p, 1, 64 << 20);
	for (int i = 0; i < 1000; i++)
		x = x * 1.5 / 1.25;
	free(p);
	return p && x > 0 && clock() != (clock_t)-1 ? GOOD : ENOMEM;
}

static int try_open(void)
{
	return outcome(open("/etc/passwd", O_RDONLY));
}

static int try_create(void)
{
	return outcome(open("x", O_RDWR | O_CREAT, 0600));
}

static int try_openat2(void)
{
	return outcome(syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", NULL, 0));
}

static int try_unlink(void)
{
	return outcome(unlink("/tmp/square-no-such-file"));
}

static int try_rename(void)
{
	return outcome(rename("/tmp/square-no-such-file", "/tmp/square-no-such-file-2"));
}

static int try_mkdir(void)
{
	return outcome(mkdir("x", 0700));
}

static int try_socket(void)
{
	return outcome(socket(AF_INET, SOCK_STREAM, 0));
}

static int try_fork(void)
{
	return outcome(fork());
}

static int try_clone(void)
{
	return outcome(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

static int try_exec(void)
{
	char *const argv[] = { NULL };

	return outcome(execve("/bin/true", argv, argv));
}

static int try_kill_parent(void)
{
	return outcome(kill(getppid(), 0));
}

static int try_ptrace(void)
{
	return outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int try_prctl(void)
{
	return outcome(prctl(PR_SET_DUMPABLE, 1));
}

static int try_setuid(void)
{
	return outcome(setuid(12345));
}

static int try_mount(void)
{
	return outcome(syscall(SYS_mount, "none", "/mnt", "tmpfs", 0, NULL));
}

static int try_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : GOOD;
}

static int try_code_later(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : outcome(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int try_ioctl(void)
{
	return outcome(syscall(SYS_ioctl, 1, 0x5401, NULL)); /* TCGETS: is it a terminal? */
}

static int try_chdir(void)
{
	return outcome(chdir("/"));
}

static int try_stat(void)
{
	struct stat st;

	return outcome(stat("/etc/passwd", &st));
}

static int try_raise_limit(void)
{
	struct rlimit more = { RLIM_INFINITY, RLIM_INFINITY };

	return outcome(setrlimit(RLIMIT_AS, &more));
}

static int try_too_much_memory(void)
{
	size_t n = (size_t)COMPUTE_RUN_MIB << 20;

	return malloc(n / 2) && !malloc(n) ? ENOMEM : GOOD;
}

static int try_dup(void)
{
	return outcome(dup(0));
}

static int try_abort(void)
{
	abort();
}

static const struct attempt {
	const char *name;
	int (*try)(void);
	int expected;
} attempts[] = {
	{ "compute", try_compute, GOOD },
	{ "ask whether there is a terminal", try_ioctl, EPERM },
	{ "leave the folder", try_chdir, EPERM },
	{ "look at a file", try_stat, EPERM },
	{ "raise a limit", try_raise_limit, EPERM },
	{ "make a descriptor", try_dup, EPERM },
	{ "take more memory than allowed", try_too_much_memory, ENOMEM },
	{ "open", try_open, KILLED },
	{ "create a file", try_create, KILLED },
	{ "openat2", try_openat2, KILLED },
	{ "unlink", try_unlink, KILLED },
	{ "rename", try_rename, KILLED },
	{ "mkdir", try_mkdir, KILLED },
	{ "socket", try_socket, KILLED },
	{ "fork", try_fork, KILLED },
	{ "clone", try_clone, KILLED },
	{ "exec", try_exec, KILLED },
	{ "kill", try_kill_parent, KILLED },
	{ "ptrace", try_ptrace, KILLED },
	{ "prctl", try_prctl, KILLED },
	{ "setuid", try_setuid, KILLED },
	{ "mount", try_mount, KILLED },
	{ "map code", try_code, KILLED },
	{ "make memory code", try_code_later, KILLED },
	{ "abort", try_abort, KILLED },
};
enum { ATTEMPTS = sizeof attempts / sizeof *attempts };

#define UNCONFINED 99 /* exit status: the sandbox could not be entered */

/* In a process of its own, as the zygote's child: exits with what came of it. */
static void confined(const struct attempt *a)
{
	struct sandbox_options options = { .memory_mib = COMPUTE_RUN_MIB };
	struct sandbox sandbox;
	struct errinfo info = { 0 };

	if (sandbox_prepare(&sandbox, &options, &info) == 0) {
		memory_open(4);
		if (sandbox_enter(&sandbox, 4, &info) == 0)
			_exit(a->try());
	}
	_exit(UNCONFINED);
}

START_TEST(test_confined_process)
{
	const struct attempt *a = &attempts[_i];
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		confined(a);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (a->expected == KILLED)
		ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "%s: status %#x", a->name, status);
	else
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == a->expected, "%s: status %#x, expected %d",
			      a->name, status, a->expected);
}
END_TEST

/* All that stays in force without the filter and the limit of memory. */
static int bare_facts(void)
{
	struct rlimit limit;
	char path[64];

	if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_max != 0)
		return 1;
	if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_max != 0)
		return 2;
	if (getrlimit(RLIMIT_NPROC, &limit) != 0 || limit.rlim_max != 0)
		return 3;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 4;
	if (getenv("SQUARE_CHECK_SECRET"))
		return 5;
	if (getcwd(path, sizeof path) != NULL) /* it is nowhere */
		return 6;
	if (open("file", O_RDWR | O_CREAT, 0600) >= 0)
		return 7;
	if (fcntl(7, F_GETFD) >= 0)
		return 8;
	if (chroot("/") == 0)
		return 9;
	return 0;
}

START_TEST(test_without_filter)
{
	int status;

	setenv("SQUARE_CHECK_SECRET", "x", 1);
	ck_assert_int_eq(dup2(0, 7), 7);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct sandbox_options options = { .memory_mib = COMPUTE_RUN_MIB, .lenient = true };
		struct sandbox sandbox;
		struct errinfo info;

		if (sandbox_prepare(&sandbox, &options, &info) != 0)
			_exit(UNCONFINED);
		memory_open(4);
		_exit(sandbox_enter(&sandbox, 4, &info) == 0 ? bare_facts() : UNCONFINED);
	}
	close(7);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", status);
}
END_TEST

START_TEST(test_die_with)
{
	int status, ends[2];
	char c;

	ck_assert_int_eq(pipe(ends), 0);
	pid_t parent = fork();
	ck_assert_int_ge(parent, 0);
	if (parent == 0) {
		pid_t me = getpid();
		if (fork() == 0) {
			close(ends[0]);
			if (sandbox_die_with(me) != 0 || write(ends[1], "r", 1) != 1)
				_exit(1);
			for (;;)
				pause();
		}
		close(ends[1]);
		if (read(ends[0], &c, 1) != 1)
			_exit(1);
		_exit(0);
	}
	close(ends[1]);
	ck_assert_int_eq(waitpid(parent, &status, 0), parent);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(read(ends[0], &c, 1), 0); /* the end of the file: the other one is gone too */
	close(ends[0]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sandbox");
	TCase *core = tcase_create("core");

	tcase_add_test(core, test_without_filter);
	tcase_add_test(core, test_die_with);
	suite_add_tcase(suite, core);
	if (compute_run_confined()) {
		TCase *limits = tcase_create("limits");
		tcase_add_loop_test(limits, test_confined_process, 0, ATTEMPTS);
		suite_add_tcase(suite, limits);
	}

	return suite_run(suite);
}
