/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "wait_until.h"

static void proc_die(const char *what)
{
	perror(what);
	abort();
}

static _Noreturn void proc_become(const char *const *argv, const char *const *env, const int fds[3], pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(126);
	for (int i = 0; i < 3; i++)
		if (fds[i] >= 0 && dup2(fds[i], i) < 0)
			_exit(126);
	for (; env && *env; env++) {
		if (strchr(*env, '='))
			(void)putenv((char *)*env);
		else
			(void)unsetenv(*env);
	}
	execvp(argv[0], (char *const *)argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

pid_t proc_spawn(const char *const *argv, const char *const *env, int in_fd, int out_fd, int err_fd)
{
	const int fds[3] = { in_fd, out_fd, err_fd };
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		proc_die("fork");
	if (pid == 0)
		proc_become(argv, env, fds, parent);
	return pid;
}

struct proc_end {
	pid_t pid;
	int status;
};

static bool proc_ended(void *arg)
{
	struct proc_end *end = arg;
	int status;

	if (waitpid(end->pid, &status, WNOHANG) != end->pid)
		return false;
	end->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return true;
}

int proc_wait(pid_t pid, unsigned deadline_ms)
{
	struct proc_end end = { pid, -1 };

	return wait_until(proc_ended, &end, deadline_ms) ? end.status : -1;
}

bool proc_alive(pid_t pid)
{
	char path[64], line[512], *state;
	int fd;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, line, sizeof(line) - 1);
	(void)close(fd);
	line[n > 0 ? n : 0] = '\0';
	state = strrchr(line, ')');
	return state && state[1] == ' ' && state[2] != 'Z' && state[2] != 'X';
}

/* Files in memory, not pipes: no process can block on them, whatever it writes. */
static int proc_memory(const char *content)
{
	int fd = memfd_create("proc", MFD_CLOEXEC);

	if (fd < 0)
		proc_die("memfd_create");
	if (content && (write(fd, content, strlen(content)) != (ssize_t)strlen(content) || lseek(fd, 0, SEEK_SET) != 0))
		proc_die("memfd write");
	return fd;
}

static char *proc_take(int fd)
{
	struct stat st;
	char *text = NULL;

	if (fstat(fd, &st) != 0 || !(text = calloc(1, (size_t)st.st_size + 1)) ||
	    pread(fd, text, (size_t)st.st_size, 0) != st.st_size)
		proc_die("memfd read");
	(void)close(fd);
	return text;
}

void proc_run(const char *const *argv, const char *const *env, const char *input, unsigned deadline_ms,
	      struct proc_result *result)
{
	int in = proc_memory(input), out = proc_memory(NULL), err = proc_memory(NULL);
	pid_t pid = proc_spawn(argv, env, in, out, err);

	result->status = proc_wait(pid, deadline_ms);
	if (result->status < 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	(void)close(in);
	result->out = proc_take(out);
	result->err = proc_take(err);
}

void proc_shell(const char *line, unsigned deadline_ms, struct proc_result *result)
{
	const char *const argv[] = { "sh", "-c", line, NULL };

	proc_run(argv, NULL, NULL, deadline_ms, result);
}

void proc_result_fini(struct proc_result *result)
{
	free(result->out);
	free(result->err);
	result->out = result->err = NULL;
}

static bool proc_file_has(const char *pid, const char *file, const char *text)
{
	static char content[262144];
	char path[300];
	size_t len = strlen(text);
	ssize_t n = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, content, sizeof(content));
	(void)close(fd);
	return n > 0 && memmem(content, (size_t)n, text, len) != NULL;
}

unsigned proc_count(const char *text)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	unsigned found = 0;

	if (!dir)
		proc_die("/proc");
	while ((e = readdir(dir)))
		if (isdigit((unsigned char)e->d_name[0]) && atoi(e->d_name) != getpid() &&
		    proc_alive(atoi(e->d_name)) &&
		    (proc_file_has(e->d_name, "cmdline", text) || proc_file_has(e->d_name, "environ", text)))
			found++;
	(void)closedir(dir);
	return found;
}

unsigned proc_free_port(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	static unsigned calls; /* two calls in one microsecond must differ too */
	unsigned port = 10000 + (unsigned)((clock_mono_us() ^ (unsigned)getpid() * 2654435761U) + 97 * calls++) % 20000;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int tries = 0; tries < 10000; tries++, port = port < 31000 ? port + 1 : 10000) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;
		addr.sin_port = htons((uint16_t)port);
		rc = bind(fd, (struct sockaddr *)&addr, sizeof(addr));
		(void)close(fd);
		if (rc == 0)
			return port;
	}
	proc_die("no free port");
	return 0;
}

static const char *proc_below(const char *variable, const char *middle, const char *name, char *out)
{
	const char *dir = getenv(variable);

	if (!dir || !*dir) {
		(void)fprintf(stderr, "expected the environment variable %s, which make check sets\n", variable);
		abort();
	}
	(void)snprintf(out, PATH_MAX, "%s%s/%s", dir, middle, name);
	return out;
}

const char *proc_program(const char *name)
{
	static char path[PATH_MAX];

	return proc_below("BUILD_DIR", "/bin", name, path);
}

const char *proc_source(const char *name)
{
	static char path[PATH_MAX];

	return proc_below("SOURCE_DIR", "", name, path);
}
