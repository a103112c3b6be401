/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A library for LD_PRELOAD: the wall clock of the program is off by as many seconds as the file that CLOCK_SHIFT_FILE
 * names says, a 64-bit integer that may change at any time. Monotonic clocks stay. Without the file nothing is shifted.
 * It needs no memory and opens nothing after its start, so that it stands before any allocator and inside any sandbox
 * (libfaketime does not start with the allocator that Redis uses). */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shift_s;
static int (*real_clock_gettime)(clockid_t clock, struct timespec *now);

__attribute__((constructor)) static void clock_shift_start(void)
{
	const char *path = getenv("CLOCK_SHIFT_FILE");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map = fd >= 0 ? mmap(NULL, sizeof *shift_s, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

	*(void **)(void *)&real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	if (map != MAP_FAILED)
		shift_s = map;
	if (fd >= 0)
		close(fd);
}

static int look(clockid_t clock, struct timespec *now)
{
	/* an allocator may ask before this library has started */
	int rc = real_clock_gettime ? real_clock_gettime(clock, now) : (int)syscall(SYS_clock_gettime, clock, now);
	bool wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;

	if (rc == 0 && wall && shift_s)
		now->tv_sec += (time_t)*shift_s;
	return rc;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	return look(clock, now);
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec precise;
	int rc = look(CLOCK_REALTIME, &precise);

	(void)zone;
	if (rc == 0)
		*now = (struct timeval){ precise.tv_sec, precise.tv_nsec / 1000 };
	return rc;
}

time_t time(time_t *now)
{
	struct timespec precise = { 0, 0 };

	(void)look(CLOCK_REALTIME, &precise);
	if (now)
		*now = precise.tv_sec;
	return precise.tv_sec;
}
