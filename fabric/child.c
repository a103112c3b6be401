/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

#define CHILD_PAUSE_MIN_MS 100
#define CHILD_PAUSE_MAX_MS 5000
#define CHILD_STEADY_US 10000000 /* a life this long forgets earlier exits */
#define CHILD_LOG_MAX (10L * 1024 * 1024)

struct child {
	char *name, *log_path;
	char **argv, **env;
	int death_signal;
	child_cb *on_event;
	void *arg;
	uv_timer_t timer; /* the pause before a restart, or the grace before a kill */
	pid_t pid;
	bool stopping;
	unsigned restarts;
	uint64_t pause_ms, started_us;
};

extern char **environ;

/* ---- making and freeing ---- */

/* Start-up memory: without it there is nothing to run. */
static char *child_copy(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		log_fatal("no memory to prepare a process");
	return copy;
}

static size_t child_count(char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static char **child_list(size_t n)
{
	char **list = calloc(n + 1, sizeof(*list));

	if (!list)
		log_fatal("no memory to prepare a process");
	return list;
}

static char **child_copy_list(char *const *list)
{
	size_t n = child_count(list);
	char **copy = child_list(n);

	for (size_t i = 0; i < n; i++)
		copy[i] = child_copy(list[i]);
	return copy;
}

/* The fabric's environment with the names in `extra` replaced or added. */
static char **child_environment(char *const *extra)
{
	size_t n = child_count(environ), more = child_count(extra), k = 0;
	char **env = child_list(n + more);

	for (size_t i = 0; i < n; i++) {
		bool replaced = false;
		for (size_t j = 0; j < more; j++)
			replaced |= strncmp(environ[i], extra[j], strcspn(extra[j], "=") + 1) == 0;
		if (!replaced)
			env[k++] = child_copy(environ[i]);
	}
	for (size_t j = 0; j < more; j++)
		env[k++] = child_copy(extra[j]);
	return env;
}

struct child *child_new(uv_loop_t *loop, const struct child_spec *spec)
{
	struct child *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	if (uv_timer_init(loop, &c->timer) != 0) {
		free(c);
		return NULL;
	}
	c->name = child_copy(spec->name);
	c->argv = child_copy_list(spec->argv);
	c->env = child_environment(spec->env);
	if (asprintf(&c->log_path, "%s/%s.log", spec->log_dir, spec->name) < 0)
		log_fatal("no memory to prepare %s", spec->name);
	c->timer.data = c;
	c->death_signal = spec->death_signal;
	c->on_event = spec->on_event;
	c->arg = spec->arg;
	c->pause_ms = CHILD_PAUSE_MIN_MS;
	return c;
}

static void child_free_list(char **list)
{
	for (char **p = list; *p; p++)
		free(*p);
	free(list);
}

static void on_child_closed(uv_handle_t *handle)
{
	struct child *c = handle->data;

	child_free_list(c->argv);
	child_free_list(c->env);
	free(c->name);
	free(c->log_path);
	free(c);
}

void child_free(struct child *c)
{
	if (c)
		uv_close((uv_handle_t *)&c->timer, on_child_closed);
}

/* ---- starting ---- */

/* In the new process, between fork and exec: async-signal-safe calls only. */
static _Noreturn void child_become(const struct child *c, pid_t parent, int log_fd)
{
	int null_fd = open("/dev/null", O_RDONLY);
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)setpgid(0, 0); /* Ctrl-C at the terminal is the fabric's to handle */
	if (prctl(PR_SET_PDEATHSIG, c->death_signal) != 0 || getppid() != parent)
		_exit(126);
	if (dup2(null_fd, 0) < 0 || dup2(log_fd, 1) < 0 || dup2(log_fd, 2) < 0)
		_exit(126);
	/* What the fabric itself was given open ends here: whoever reads its other end waits for the last holder. */
	closefrom(3);
	execve(c->argv[0], c->argv, c->env);
	dprintf(2, "cannot run %s: %s\n", c->argv[0], strerror(errno));
	_exit(127);
}

static int child_open_log(const struct child *c)
{
	struct stat st;
	char old[4096];

	if (stat(c->log_path, &st) == 0 && st.st_size > CHILD_LOG_MAX &&
	    snprintf(old, sizeof(old), "%s.1", c->log_path) < (int)sizeof(old))
		(void)rename(c->log_path, old);
	return open(c->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void on_child_pause_over(uv_timer_t *timer)
{
	child_start(timer->data);
}

static void child_pause(struct child *c)
{
	if (clock_mono_us() - c->started_us > CHILD_STEADY_US)
		c->pause_ms = CHILD_PAUSE_MIN_MS;
	(void)uv_timer_start(&c->timer, on_child_pause_over, c->pause_ms, 0);
	c->pause_ms = c->pause_ms * 2 < CHILD_PAUSE_MAX_MS ? c->pause_ms * 2 : CHILD_PAUSE_MAX_MS;
}

void child_start(struct child *c)
{
	pid_t parent = getpid(), pid = -1;
	int log_fd = child_open_log(c);

	if (c->started_us)
		c->restarts++;
	c->started_us = clock_mono_us();
	if (log_fd >= 0)
		pid = fork();
	if (pid == 0)
		child_become(c, parent, log_fd);
	if (pid < 0)
		log_error("%s cannot be started: %s; trying again", c->name, strerror(errno));
	if (log_fd >= 0)
		(void)close(log_fd);
	if (pid < 0) {
		child_pause(c);
		return;
	}
	(void)setpgid(pid, pid); /* here too, so that it holds before either side goes on */
	c->pid = pid;
	c->on_event(c, CHILD_STARTED, c->arg);
}

/* ---- ending ---- */

/* The last line of the log, which most often says why a program gave up. */
static void child_last_words(const struct child *c, char *out, size_t size)
{
	char tail[512];
	int fd = open(c->log_path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;
	off_t end;
	char *line;

	out[0] = '\0';
	if (fd < 0)
		return;
	end = lseek(fd, 0, SEEK_END);
	if (end > 0)
		n = pread(fd, tail, sizeof(tail) - 1,
			  end > (off_t)sizeof(tail) - 1 ? end - (off_t)sizeof(tail) + 1 : 0);
	(void)close(fd);
	while (n > 0 && tail[n - 1] == '\n')
		n--;
	if (n <= 0)
		return;
	tail[n] = '\0';
	line = strrchr(tail, '\n');
	(void)snprintf(out, size, "%s", line ? line + 1 : tail);
}

static void child_tell_exit(const struct child *c, int status)
{
	char words[600], how[64];

	if (WIFSIGNALED(status))
		(void)snprintf(how, sizeof(how), "was ended by signal %d (%s)", WTERMSIG(status),
			       strsignal(WTERMSIG(status)));
	else
		(void)snprintf(how, sizeof(how), "exited with status %d", WEXITSTATUS(status));
	child_last_words(c, words, sizeof(words));
	log_warn("%s %s after %.1f s; starting it again in %llu ms; its log %s ends with: %s", c->name, how,
		 (double)(clock_mono_us() - c->started_us) / 1e6, (unsigned long long)c->pause_ms, c->log_path, words);
}

void child_reap(struct child *c)
{
	siginfo_t ended = { 0 };
	int status = 0;

	/* WNOWAIT first: while the dead leader is not yet collected, its group id cannot mean anybody else. */
	if (c->pid == 0 || waitid(P_PID, (id_t)c->pid, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0)
		return;
	(void)kill(-c->pid, SIGKILL);
	(void)waitpid(c->pid, &status, 0);
	c->pid = 0;
	(void)uv_timer_stop(&c->timer);
	if (c->stopping) {
		c->on_event(c, CHILD_STOPPED, c->arg);
		return;
	}
	if (clock_mono_us() - c->started_us > CHILD_STEADY_US)
		c->pause_ms = CHILD_PAUSE_MIN_MS;
	child_tell_exit(c, status);
	child_pause(c);
	c->on_event(c, CHILD_EXITED, c->arg);
}

static void on_child_grace_over(uv_timer_t *timer)
{
	struct child *c = timer->data;

	if (c->pid == 0)
		return;
	log_warn("%s did not end in time and is killed", c->name);
	(void)kill(-c->pid, SIGKILL);
}

void child_stop(struct child *c, int sig, uint64_t grace_ms)
{
	c->stopping = true;
	(void)uv_timer_stop(&c->timer);
	if (c->pid == 0) {
		c->on_event(c, CHILD_STOPPED, c->arg);
		return;
	}
	(void)kill(sig == SIGKILL ? -c->pid : c->pid, sig);
	(void)uv_timer_start(&c->timer, on_child_grace_over, grace_ms, 0);
}

/* ---- reading ---- */

const char *child_name(const struct child *c)
{
	return c->name;
}

pid_t child_pid(const struct child *c)
{
	return c->pid;
}

unsigned child_restarts(const struct child *c)
{
	return c->restarts;
}

const char *child_log_path(const struct child *c)
{
	return c->log_path;
}

uint64_t child_started_us(const struct child *c)
{
	return c->started_us;
}
