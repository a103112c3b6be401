/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk that does not come to an end with an fsync, for a redis-server started with LD_PRELOAD=slow_fsync.so: while
 * the file named by SLOW_FSYNC_WHILE exists, fdatasync() and fsync() do not return. Writes are as fast as ever. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void hold(void)
{
	const struct timespec look = { 0, 1000000 };
	const char *path = getenv("SLOW_FSYNC_WHILE");
	while (path && access(path, F_OK) == 0)
		nanosleep(&look, NULL);
}

int fdatasync(int fd)
{
	hold();
	return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	hold();
	return (int)syscall(SYS_fsync, fd);
}
