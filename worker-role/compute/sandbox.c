/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "compute/memory.h"
#include "compute/sandbox_filter.h"
#include "sanitized.h"

#define STACK_BYTES (16u << 20) /* evaluators recurse some hundred levels deep, of a few KiB each */
#define CPU_SECONDS 240         /* a backstop: children are replaced after half of it, and no job has more than 60 s */

static int fail(struct errinfo *info, const char *what)
{
	return errinfo_set(info, ERR_SYS, "%s: %s", what, strerror(errno));
}

int sandbox_die_with(int parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		return ERR_SYS;
	return getppid() == parent ? 0 : ERR_CLOSED; /* it had ended before we asked */
}

/* ---- in the zygote ---- */

static int silence_streams(bool keep_errors, struct errinfo *info)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return fail(info, "/dev/null");
	for (int i = 0; i < (keep_errors ? 2 : 3); i++)
		if (fd != i && dup2(fd, i) < 0)
			return fail(info, "dup2");
	if (fd > 2)
		close(fd);
	return 0;
}

/* An empty folder where nothing can be made, because it is deleted already. */
static int enter_nowhere(struct errinfo *info)
{
	static const char *const places[] = { "/tmp", "/var/tmp", "/dev/shm", "/run" };

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		char path[64];
		snprintf(path, sizeof path, "%s/square-empty.%d.XXXXXX", places[i], (int)getpid());
		if (!mkdtemp(path))
			continue;
		int rc = chdir(path);
		if (rmdir(path) == 0 && rc == 0)
			return 0;
	}
	/* No place can be written at all: then the root cannot be either, for us. */
	return chdir("/") == 0 ? 0 : fail(info, "chdir");
}

/* The strings themselves too: a password may stand in them, and a child could be made to read its memory. */
static void wipe_environment(bool keep)
{
	extern char **environ;

	for (char **e = environ; e && *e && !keep; e++)
		explicit_bzero(*e, strlen(*e));
	clearenv();
	setenv("LC_ALL", "C", 1);
	setenv("TZ", "UTC", 1);
	setenv("OPENBLAS_NUM_THREADS", "1", 1);
	setenv("OMP_NUM_THREADS", "1", 1);
}

static void limit(int what, rlim_t value)
{
	struct rlimit now = { 0 };

	if (getrlimit((__rlimit_resource_t)what, &now) == 0 && now.rlim_max != RLIM_INFINITY && now.rlim_max < value)
		value = now.rlim_max;
	now.rlim_cur = now.rlim_max = value;
	(void)setrlimit((__rlimit_resource_t)what, &now); /* lowering a limit needs no privilege */
}

static void settle_signals(void)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGXFSZ };
	sigset_t none;

	/* A stop is the worker's business: it lets its children finish. They end with it. */
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int sandbox_prepare(struct sandbox *s, const struct sandbox_options *options, struct errinfo *info)
{
	*s = (struct sandbox){ .options = *options };
	s->options.lenient = options->lenient || SANITIZED;
	settle_signals();
	wipe_environment(s->options.lenient);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_STACK, STACK_BYTES);
	if (silence_streams(s->options.lenient, info) != 0 || enter_nowhere(info) != 0)
		return info->code;
	umask(0777);
	if (s->options.lenient)
		return 0;
	s->filter = sandbox_filter(info);
	return s->filter ? 0 : info->code;
}

/* ---- in the child ---- */

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 } };

	return (int)syscall(SYS_capset, &header, none);
}

int sandbox_enter(const struct sandbox *s, int last_fd, struct errinfo *info)
{
	size_t space = memory_space() + (s->options.memory_mib << 20);

	closefrom(last_fd + 1);
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fail(info, "prctl");
	if (drop_capabilities() != 0)
		return fail(info, "capset");
	limit(RLIMIT_CPU, CPU_SECONDS);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_NPROC, 0);
	if (s->options.lenient) /* a sanitizer's report reads files */
		return 0;
	limit(RLIMIT_NOFILE, 0); /* those that are open stay so */
	limit(RLIMIT_AS, space);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, s->filter) != 0)
		return fail(info, "seccomp");
	return 0;
}
