/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/memory.h"

#include <fcntl.h>
#include <flint/flint.h>
#include <gmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "compute/ipc.h"

#define SPACE_WITHOUT_PROC (1024u << 20) /* libraries, PARI's stack and some more */

static int statm = -1;
static int worker = -1;
static size_t limit_mib, base;

void memory_open(int fd)
{
	int opened = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	statm = -1;
	if (opened >= 0 && (opened == fd || dup2(opened, fd) == fd))
		statm = fd;
	if (opened >= 0 && opened != fd)
		close(opened);
	base = memory_space();
}

/* /proc/self/statm: pages in all, pages resident, and more that does not matter here. */
static int read_statm(size_t pages[2])
{
	char text[128];
	ssize_t n = statm < 0 ? -1 : pread(statm, text, sizeof text - 1, 0);

	if (n <= 0)
		return -1;
	text[n] = '\0';
	char *end;
	pages[0] = strtoull(text, &end, 10);
	pages[1] = strtoull(end, NULL, 10);
	return 0;
}

static size_t page_size(void)
{
	static size_t size;

	if (size == 0)
		size = (size_t)sysconf(_SC_PAGESIZE);
	return size;
}

size_t memory_space(void)
{
	size_t pages[2];

	return read_statm(pages) == 0 ? pages[0] * page_size() : SPACE_WITHOUT_PROC;
}

uint64_t memory_rss_kib(void)
{
	size_t pages[2];
	struct rusage usage;

	if (read_statm(pages) == 0)
		return pages[1] * page_size() / 1024;
	getrusage(RUSAGE_SELF, &usage); /* the peak; better than nothing */
	return (uint64_t)usage.ru_maxrss;
}

/* ---- when there is no more ---- */

void memory_exhausted(size_t wanted)
{
	static struct op_failure f;
	struct buf payload;
	static char room[sizeof(struct op_failure)];
	size_t now = memory_space();
	double used = now > base ? (double)(now - base) : 0;
	double estimate = (used + (double)wanted) / 1048576;

	/* Address space lost between blocks counts too: more was needed than was allowed, or it would be there. */
	if (estimate <= (double)limit_mib)
		estimate = (double)limit_mib + 1;
	op_fail_limit(&f, (double)limit_mib, estimate, "MiB", "this needs too much memory");
	payload = (struct buf){ .data = room, .cap = sizeof room };
	ipc_put_failure(&payload, &f);
	ipc_write(worker, IPC_FAILURE, payload.data, payload.len, -1);
	_exit(0);
}

static void *get(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		memory_exhausted(n);
	return p;
}

static void *get_zeroed(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		memory_exhausted(n * size);
	return p;
}

static void *change(void *old, size_t n)
{
	void *p = realloc(old, n ? n : 1);

	if (!p)
		memory_exhausted(n);
	return p;
}

static void *change_sized(void *old, size_t old_size, size_t n)
{
	(void)old_size;
	return change(old, n);
}

static void give_sized(void *p, size_t size)
{
	(void)size;
	free(p);
}

/* All of these libraries take from malloc and give to free, so blocks from before fit too. */
void memory_guard(int socket, size_t mib)
{
	worker = socket;
	limit_mib = mib;
	mp_set_memory_functions(get, change_sized, give_sized);
	__flint_set_memory_functions(get, get_zeroed, change, free);
}
