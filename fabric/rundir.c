/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

#define RUNDIR_SOCKET "redis/redis.sock" /* the longest path a socket gets in here */
#define RUNDIR_CLEAN_US 5000000

struct rundir {
	char path[PATH_MAX];
	int lock_fd;
};

const char *rundir_path(const struct rundir *r)
{
	return r->path;
}

char *rundir_file(const struct rundir *r, const char *name)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", r->path, name) < 0)
		log_fatal("no memory for a path");
	return path;
}

/* ---- opening ---- */

static int rundir_make(const char *path, struct errinfo *info)
{
	struct stat st;

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return errinfo_set(info, ERR_SYS, "cannot make the folder %s: %s", path, strerror(errno));
	if (stat(path, &st) != 0)
		return errinfo_set(info, ERR_SYS, "cannot look at %s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid())
		return errinfo_set(info, ERR_INVALID, "%s must be a folder of your own; set RUN_DIR to another", path);
	if (chmod(path, 0700) != 0)
		return errinfo_set(info, ERR_SYS, "cannot make %s private: %s", path, strerror(errno));
	return ERR_OK;
}

static int rundir_lock(struct rundir *r, struct errinfo *info)
{
	char *path = rundir_file(r, "lock"), owner[32] = "";
	ssize_t n;

	r->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	free(path);
	if (r->lock_fd < 0)
		return errinfo_set(info, ERR_SYS, "cannot open the lock in %s: %s", r->path, strerror(errno));
	if (flock(r->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		n = pread(r->lock_fd, owner, sizeof(owner) - 1, 0);
		owner[n > 0 ? strcspn(owner, "\n") : 0] = '\0';
		return errinfo_set(info, ERR_EXISTS,
				   "%s is in use by the fabric with process id %s; stop that one, or set RUN_DIR to "
				   "another folder (and HTTP_PORT and TCP_PORT to other ports)",
				   r->path, owner);
	}
	if (ftruncate(r->lock_fd, 0) != 0 || dprintf(r->lock_fd, "%d\n", (int)getpid()) < 0)
		return errinfo_set(info, ERR_SYS, "cannot write the lock in %s: %s", r->path, strerror(errno));
	return ERR_OK;
}

static int rundir_prepare(struct rundir *r, const char *path, struct errinfo *info)
{
	static const char *const parts[] = { "log", "redis" };
	int rc = rundir_make(path, info);

	if (rc != ERR_OK)
		return rc;
	if (!realpath(path, r->path))
		return errinfo_set(info, ERR_SYS, "cannot resolve %s: %s", path, strerror(errno));
	if (strlen(r->path) + sizeof("/" RUNDIR_SOCKET) > sizeof(((struct sockaddr_un *)0)->sun_path))
		return errinfo_set(info, ERR_INVALID,
				   "the path %s is too long to hold a socket (at most %zu bytes); set RUN_DIR to a "
				   "shorter one",
				   r->path, sizeof(((struct sockaddr_un *)0)->sun_path) - sizeof("/" RUNDIR_SOCKET));
	rc = rundir_lock(r, info);
	for (size_t i = 0; rc == ERR_OK && i < sizeof(parts) / sizeof(parts[0]); i++) {
		char *part = rundir_file(r, parts[i]);
		rc = rundir_make(part, info);
		free(part);
	}
	return rc;
}

int rundir_open(const char *path, struct rundir **out, struct errinfo *info)
{
	struct rundir *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return errinfo_set(info, ERR_NOMEM, "no memory");
	r->lock_fd = -1;
	rc = rundir_prepare(r, path, info);
	if (rc == ERR_OK)
		*out = r;
	else
		rundir_close(r);
	return rc;
}

void rundir_close(struct rundir *r)
{
	if (!r)
		return;
	if (r->lock_fd >= 0)
		(void)close(r->lock_fd);
	free(r);
}

int rundir_write(const struct rundir *r, const char *name, const struct buf *content, struct errinfo *info)
{
	char *path = rundir_file(r, name), *fresh = NULL;
	int rc = ERR_OK, fd;

	if (asprintf(&fresh, "%s.new", path) < 0)
		log_fatal("no memory for a path");
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (content->failed || fd < 0 || write(fd, content->data, content->len) != (ssize_t)content->len ||
	    rename(fresh, path) != 0)
		rc = errinfo_set(info, ERR_SYS, "cannot write %s: %s", path, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	free(fresh);
	free(path);
	return rc;
}

/* ---- who runs ---- */

/* When a process was started, in clock ticks after boot (field 22 of its stat line, counted behind the name's closing
 * bracket, as the name may hold anything); 0 when there is none, or only its unread exit status. */
static uint64_t rundir_start_time(pid_t pid)
{
	char path[64], line[1024], *p;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, line, sizeof(line) - 1);
	(void)close(fd);
	line[n > 0 ? n : 0] = '\0';
	p = strrchr(line, ')');
	if (!p || p[1] != ' ' || p[2] == 'Z' || p[2] == 'X')
		return 0;
	p += 2;
	for (int field = 3; field < 22 && p; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p, NULL, 10) : 0;
}

static void rundir_boot_id(char out[64])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, out, 63) : 0;

	if (fd >= 0)
		(void)close(fd);
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

void rundir_record(const struct rundir *r, const pid_t *pids, size_t n)
{
	struct buf text = BUF_INIT;
	struct errinfo info;
	char boot[64];

	rundir_boot_id(boot);
	buf_printf(&text, "boot %s\n", boot);
	for (size_t i = 0; i < n; i++)
		if (pids[i] > 0)
			buf_printf(&text, "%d %" PRIu64 "\n", (int)pids[i], rundir_start_time(pids[i]));
	if (rundir_write(r, "pids", &text, &info) != ERR_OK)
		log_warn("%s; a killed fabric's leftovers would not be found", info.text);
	buf_fini(&text);
}

/* Signals every recorded process that still is the one recorded. How many there are. */
static int rundir_signal_leftovers(const struct rundir *r, int sig)
{
	char *path = rundir_file(r, "pids"), line[128], boot[64], recorded[64] = "";
	FILE *f = fopen(path, "re");
	uint64_t started;
	int found = 0;
	long pid;
	char *rest;

	free(path);
	if (!f)
		return 0;
	rundir_boot_id(boot);
	if (fgets(line, sizeof(line), f) && sscanf(line, "boot %63s", recorded) == 1 && strcmp(boot, recorded) == 0) {
		while (fgets(line, sizeof(line), f)) {
			pid = strtol(line, &rest, 10);
			started = strtoull(rest, NULL, 10);
			if (pid <= 1 || pid > INT_MAX || started == 0 || rundir_start_time((pid_t)pid) != started)
				continue;
			found++;
			if (sig != 0)
				(void)kill((pid_t)pid, sig);
		}
	}
	(void)fclose(f);
	return found;
}

int rundir_clean(struct rundir *r, struct errinfo *info)
{
	static const struct timespec step = { 0, 10000000 };
	uint64_t begin = clock_mono_us();
	int left = rundir_signal_leftovers(r, SIGTERM);

	if (left > 0)
		log_warn("ending %d process%s that an earlier fabric left in %s", left, left == 1 ? "" : "es", r->path);
	while ((left = rundir_signal_leftovers(r, clock_mono_us() - begin > RUNDIR_CLEAN_US / 2 ? SIGKILL : 0)) > 0) {
		if (clock_mono_us() - begin > RUNDIR_CLEAN_US)
			return errinfo_set(info, ERR_EXISTS, "%d process%s of an earlier fabric in %s cannot be ended",
					   left, left == 1 ? "" : "es", r->path);
		(void)nanosleep(&step, NULL);
	}
	return ERR_OK;
}
