/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "redis_private.h"
#include "pause.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { START_TRIES = 3000, TRY_MS = 10, MORE_MAX = 32, SERVERS_MAX = 16 };

struct redis_private {
	char dir[64];
	char socket[80];
	char url[96];
	char *more[MORE_MAX + 1];
	pid_t pid;
	pid_t owner;
	pid_t keeper;
	int alive; /* open as long as the owner lives */
};

static struct redis_private *running[SERVERS_MAX];

static void stop_all(void)
{
	for (int i = 0; i < SERVERS_MAX; i++)
		if (running[i])
			redis_private_stop(running[i]);
}

/* One entry per live server, so that a test that ends early leaves neither a process nor a folder. */
static void remember(struct redis_private *r, struct redis_private *instead_of)
{
	static bool registered;

	if (!registered && atexit(stop_all) == 0)
		registered = true;
	for (int i = 0; i < SERVERS_MAX; i++)
		if (running[i] == instead_of) {
			running[i] = r;
			return;
		}
}

static void show_log(const struct redis_private *r)
{
	char path[96], line[512];

	snprintf(path, sizeof path, "%s/redis.log", r->dir);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		fputs(line, stderr);
	if (f)
		fclose(f);
}

/* True when the server answers PING with +PONG (it answers -LOADING while it reads its data). */
static bool answers(const struct redis_private *r)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char reply[8] = "";
	bool ok = false;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	strncpy(address.sun_path, r->socket, sizeof address.sun_path - 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 && write(fd, "PING\r\n", 6) == 6) {
		struct pollfd p = { fd, POLLIN, 0 };
		if (poll(&p, 1, 1000) == 1 && read(fd, reply, sizeof reply - 1) > 0)
			ok = strncmp(reply, "+PONG", 5) == 0;
	}
	close(fd);
	return ok;
}

static void exec_server(struct redis_private *r, pid_t parent)
{
	const char *const fixed[] = {
		"redis-server",
		"--port",
		"0",
		"--unixsocket",
		r->socket,
		"--dir",
		r->dir,
		"--appendonly",
		"yes",
		"--appendfsync",
		"everysec",
		"--save",
		"",
		"--daemonize",
		"no",
		"--maxmemory-policy",
		"noeviction",
		"--logfile",
		"redis.log",
		"--loglevel",
		"notice",
	};
	enum { FIXED = sizeof fixed / sizeof fixed[0] };
	char *argv[FIXED + MORE_MAX + 1];

	memcpy(argv, fixed, sizeof fixed);
	memcpy(argv + FIXED, r->more, sizeof r->more);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	int nothing = open("/dev/null", O_RDWR);
	dup2(nothing, STDIN_FILENO);
	dup2(nothing, STDOUT_FILENO);
	execvp(argv[0], argv);
	fprintf(stderr, "redis_private: cannot start redis-server: %s\n", strerror(errno));
	_exit(127);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_folder(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The server dies with its owner, whatever kills it; the folder would stay (a failing test ends by _exit in Check's
 * child). So a process of its own waits for the owner's end, which closes the pipe, and clears up. */
static void keep(const struct redis_private *r, int alive)
{
	char byte;

	setsid();
	dup2(alive, 3);
	close_range(4, ~0u, 0);
	int nothing = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3; fd++)
		dup2(nothing, fd);
	while (read(3, &byte, 1) < 0 && errno == EINTR)
		;
	for (int i = 0; i < 200 && access(r->dir, F_OK) == 0; i++) {
		remove_folder(r->dir);
		pause_ms(TRY_MS);
	}
	_exit(0);
}

static void start_keeper(struct redis_private *r)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC)) {
		perror("redis_private: pipe");
		exit(1);
	}
	r->keeper = fork();
	if (r->keeper == 0) {
		close(ends[1]);
		keep(r, ends[0]);
	}
	close(ends[0]);
	r->alive = ends[1];
}

static void launch(struct redis_private *r)
{
	pid_t parent = getpid();

	unlink(r->socket);
	r->pid = fork();
	if (r->pid == 0)
		exec_server(r, parent);
	for (int i = 0; r->pid > 0 && i < START_TRIES; i++) {
		if (answers(r))
			return;
		if (waitpid(r->pid, NULL, WNOHANG) == r->pid) {
			r->pid = 0;
			break;
		}
		pause_ms(TRY_MS);
	}
	fprintf(stderr, "redis_private: expected a redis-server that answers within %d s; its log:\n",
		START_TRIES * TRY_MS / 1000);
	show_log(r);
	exit(1);
}

static void *must(void *p)
{
	if (!p) {
		perror("redis_private");
		exit(1);
	}
	return p;
}

struct redis_private *redis_private_start(const char *const *more)
{
	struct redis_private *r = must(calloc(1, sizeof *r));

	for (int i = 0; more && more[i] && i < MORE_MAX; i++)
		r->more[i] = must(strdup(more[i]));
	strcpy(r->dir, "/tmp/square-redis-XXXXXX");
	must(mkdtemp(r->dir));
	snprintf(r->socket, sizeof r->socket, "%s/redis.sock", r->dir);
	snprintf(r->url, sizeof r->url, "unix://%s", r->socket);
	r->owner = getpid();
	start_keeper(r);
	remember(r, NULL);
	launch(r);
	return r;
}

const char *redis_private_url(const struct redis_private *r)
{
	return r->url;
}

const char *redis_private_socket(const struct redis_private *r)
{
	return r->socket;
}

const char *redis_private_dir(const struct redis_private *r)
{
	return r->dir;
}

pid_t redis_private_pid(const struct redis_private *r)
{
	return r->pid;
}

void redis_private_kill(struct redis_private *r)
{
	if (r->pid <= 0 || r->owner != getpid())
		return;
	kill(r->pid, SIGKILL);
	while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
		;
	r->pid = 0;
}

void redis_private_restart(struct redis_private *r)
{
	if (r->owner != getpid()) {
		fprintf(stderr, "redis_private: only the process that started a server may restart it\n");
		exit(1);
	}
	redis_private_kill(r);
	launch(r);
}

void redis_private_stop(struct redis_private *r)
{
	if (!r)
		return;
	remember(NULL, r);
	if (r->owner == getpid()) {
		redis_private_kill(r);
		remove_folder(r->dir);
	}
	if (r->owner == getpid() && r->keeper > 0) {
		kill(r->keeper, SIGKILL);
		while (waitpid(r->keeper, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(r->alive);
	for (int i = 0; r->more[i]; i++)
		free(r->more[i]);
	free(r);
}
