/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/zygote_main.h"

#include <errno.h>
#include <jansson.h>
#include <locale.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "compute/child.h"
#include "compute/ipc.h"
#include "math/engines.h"
#include "op.h"

#define CONTROL CHILD_SOCKET /* the descriptor of the socket to the worker; in a child, that of its own */
#define CHILDREN_MAX 1024

static pid_t children[CHILDREN_MAX];
static size_t child_count;
static struct sandbox sandbox;
static volatile sig_atomic_t somebody_ended;

static void __attribute__((noreturn)) give_up(const char *why)
{
	(void)ipc_write(CONTROL, IPC_TROUBLE, why, strlen(why), -1);
	_exit(1);
}

/* ---- children ---- */

static void on_sigchld(int number)
{
	(void)number;
	somebody_ended = 1;
}

/* The worker is gone. Nobody else would wait for the children. */
static void __attribute__((noreturn)) end_with_all(void)
{
	for (size_t i = 0; i < child_count; i++)
		kill(children[i], SIGKILL);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	_exit(0);
}

static void forget(pid_t pid)
{
	for (size_t i = 0; i < child_count; i++)
		if (children[i] == pid) {
			children[i] = children[--child_count];
			return;
		}
}

static void reap(void)
{
	struct rusage usage;
	int status;
	pid_t pid;

	somebody_ended = 0;
	while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
		struct ipc_child ended = { pid, status, (uint64_t)usage.ru_maxrss };
		forget(pid);
		if (ipc_write(CONTROL, IPC_ENDED, &ended, sizeof ended, -1) != 0)
			end_with_all();
	}
}

static void __attribute__((noreturn)) become_child(int fd, pid_t zygote)
{
	sigset_t none;

	/* PARI's handlers would go on after a crash as if it were an error of its user. */
	static const int plain[] = { SIGCHLD, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU, SIGALRM };
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		signal(plain[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_NAME, "square-compute");
	if (sandbox_die_with(zygote) != 0 || dup2(fd, CHILD_SOCKET) < 0)
		_exit(1);
	child_run(&sandbox);
}

static void bear(void)
{
	pid_t zygote = getpid();
	int ends[2];

	if (child_count == CHILDREN_MAX || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		give_up("no socket for another child");
	/* One thread, so nothing needs the handlers that libraries have for fork(); libuv's would close descriptors. */
	pid_t pid = _Fork();
	if (pid == 0)
		become_child(ends[1], zygote);
	if (pid < 0)
		give_up("the system refuses to fork");
	children[child_count++] = pid;
	struct ipc_child born = { .pid = pid };
	if (ipc_write(CONTROL, IPC_BORN, &born, sizeof born, ends[0]) != 0)
		end_with_all();
	close(ends[0]);
	close(ends[1]);
}

static void kill_child(pid_t pid)
{
	for (size_t i = 0; i < child_count; i++)
		if (children[i] == pid)
			kill(pid, SIGKILL);
}

/* ---- start ---- */

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* What the C library looks up in files when it is first needed, it shall look up now. */
static void warm_up(void)
{
	static int numbers[4096];
	char text[64];
	time_t now = time(NULL);
	struct tm tm;

	mallopt(M_ARENA_MAX, 1); /* another arena would ask a file of /proc how to shrink */
	setlocale(LC_ALL, "C");
	tzset();
	localtime_r(&now, &tm);
	qsort(numbers, sizeof numbers / sizeof *numbers, sizeof *numbers, compare); /* asks how much memory there is */
	snprintf(text, sizeof text, "%.17g %La", 0.1, 0.1L);
	json_object_seed(0); /* reads /dev/urandom */
	(void)clock_mono_us();
}

static void set_up(const struct ipc_setup *setup)
{
	struct sandbox_options options = { setup->memory_mib, setup->lenient != 0 };
	struct sigaction action = { .sa_handler = on_sigchld, .sa_flags = SA_RESTART };
	struct errinfo info;
	sigset_t blocked;

	if (sandbox_prepare(&sandbox, &options, &info) != 0)
		give_up(info.text);
	sigaction(SIGCHLD, &action, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	warm_up();
	if (setup->test_operations)
		op_enable_tests();
	engines_init();
	if (ipc_write(CONTROL, IPC_READY, "", 0, -1) != 0)
		_exit(0);
}

/* ---- the loop ---- */

static void handle(const struct ipc_frame *frame)
{
	struct ipc_setup setup;
	struct ipc_child child;

	if (frame->kind == IPC_FORK) {
		bear();
	} else if (frame->kind == IPC_KILL && frame->n == sizeof child) {
		memcpy(&child, frame->data, sizeof child);
		kill_child(child.pid);
	} else if (frame->kind == IPC_SETUP && frame->n == sizeof setup) {
		memcpy(&setup, frame->data, sizeof setup);
		set_up(&setup);
	}
}

static void __attribute__((noreturn)) serve(void)
{
	struct ipc_reader reader = { 0 };
	struct ipc_frame frame;
	sigset_t none;

	sigemptyset(&none);
	for (;;) {
		struct pollfd p = { CONTROL, POLLIN, 0 };
		enum ipc_status status;

		if (ppoll(&p, 1, NULL, &none) < 0 && errno != EINTR)
			_exit(1);
		if (somebody_ended)
			reap();
		while ((status = ipc_read(&reader, CONTROL, &frame)) == IPC_FRAME)
			handle(&frame);
		if (status != IPC_AGAIN)
			end_with_all();
	}
}

void zygote_main(int fd, pid_t parent)
{
	prctl(PR_SET_NAME, "square-zygote");
	if (sandbox_die_with(parent) != 0 || (fd != CONTROL && dup2(fd, CONTROL) < 0))
		_exit(1);
	closefrom(CONTROL + 1);
	serve();
}
