/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "small_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#define DISK "size=48m"

static bool mounts; /* a file system of our own may be mounted */

static _Noreturn void die(const char *what)
{
	perror(what);
	abort();
}

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

/* As an ordinary user: root of a namespace in which nobody else is. */
static bool become_root_of_own(void)
{
	char uids[60], gids[60];

	(void)snprintf(uids, sizeof uids, "%u %u 1", (unsigned)geteuid(), (unsigned)geteuid());
	(void)snprintf(gids, sizeof gids, "%u %u 1", (unsigned)getegid(), (unsigned)getegid());
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_text("/proc/self/uid_map", uids) &&
	       write_text("/proc/self/setgroups", "deny") && write_text("/proc/self/gid_map", gids);
}

void small_disk_prepare(void)
{
	mounts = (unshare(CLONE_NEWNS) == 0 || become_root_of_own()) &&
		 mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	if (!mounts)
		(void)signal(SIGXFSZ, SIG_IGN); /* Redis inherits it: its writes fail, it lives */
}

static void move_in(const char *dir)
{
	if (mounts && mount("square", dir, "tmpfs", 0, DISK) != 0)
		mounts = false;
	if (!mounts)
		(void)signal(SIGXFSZ, SIG_IGN);
}

void small_disk_move(struct redis_private *redis)
{
	redis_private_kill(redis);
	move_in(redis_private_dir(redis));
	redis_private_restart(redis);
}

static void limit_files(struct redis_private *redis, rlim_t bytes)
{
	struct rlimit limit;

	if (prlimit(redis_private_pid(redis), RLIMIT_FSIZE, NULL, &limit) != 0)
		die("small_disk: prlimit");
	limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
	if (prlimit(redis_private_pid(redis), RLIMIT_FSIZE, &limit, NULL) != 0)
		die("small_disk: prlimit");
}

static void ballast_path(const struct redis_private *redis, char path[PATH_MAX])
{
	(void)snprintf(path, PATH_MAX, "%s/ballast", redis_private_dir(redis));
}

void small_disk_fill(struct redis_private *redis)
{
	static const char block[4096];
	char path[PATH_MAX];
	ssize_t n;

	if (!mounts) {
		limit_files(redis, 1);
		return;
	}
	ballast_path(redis, path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	while (fd >= 0 && (n = write(fd, block, sizeof block)) > 0)
		;
	if (fd < 0 || errno != ENOSPC)
		die("small_disk: expected a full disk");
	close(fd);
}

void small_disk_empty(struct redis_private *redis)
{
	char path[PATH_MAX];

	if (!mounts) {
		limit_files(redis, RLIM_INFINITY);
		return;
	}
	ballast_path(redis, path);
	if (unlink(path) != 0)
		die("small_disk: unlink");
}

/* What is open on it stays so. */
void small_disk_leave(struct redis_private *redis)
{
	if (mounts && umount2(redis_private_dir(redis), MNT_DETACH) != 0)
		die("small_disk: umount");
}

const char *small_disk_kind(void)
{
	return mounts ? "a file system of " DISK " of its own, filled to the last page (ENOSPC)"
		      : "no file system may be mounted here: a limit on the size of Redis' files (EFBIG)";
}
