/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nth.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sanitized.h"

static struct nth_control own = { .random = 88172645463325252u };
struct nth_control *nth = &own;

/* The control block of a preloaded program is a file that its test has mapped too. Before main(), and before threads.
 */
__attribute__((constructor)) static void share(void)
{
	const char *path = getenv("SQUARE_NTH");
	int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	void *shared = mmap(NULL, sizeof *nth, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (shared != MAP_FAILED)
		nth = shared;
}

#if !SANITIZED || defined(NTH_PRELOAD)
/* xorshift; two threads that draw at once may get the same. */
static bool is_drawn(unsigned one_in)
{
	unsigned long x = nth->random | 1;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	nth->random = x;
	return one_in && (x >> 20) % one_in == 0;
}
#endif

/* ---- memory ---- */

#if !SANITIZED
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t alignment, size_t n);
extern void __libc_free(void *p);

static bool fails(size_t n)
{
	struct nth_control *c = nth;
	unsigned long thread = c->thread;
	if ((!c->countdown && !c->one_in && !thread) || n < c->least ||
	    (thread && thread != (unsigned long)pthread_self()))
		return false;
	c->asked++;
	bool now = c->countdown > 0 && --c->countdown == 0;
	if (!now && !is_drawn(c->one_in))
		return false;
	c->failures++;
	errno = ENOMEM;
	return true;
}

static void *given(void *p)
{
	nth->live += p != NULL;
	return p;
}

void *malloc(size_t n)
{
	return fails(n) ? NULL : given(__libc_malloc(n));
}

void *calloc(size_t n, size_t size)
{
	return fails(n * size) ? NULL : given(__libc_calloc(n, size));
}

void free(void *p)
{
	nth->live -= p != NULL;
	__libc_free(p);
}

void *realloc(void *p, size_t n)
{
	if (!p)
		return malloc(n);
	if (n == 0) {
		free(p);
		return NULL;
	}
	return fails(n) ? NULL : __libc_realloc(p, n);
}

void *memalign(size_t alignment, size_t n);
void *memalign(size_t alignment, size_t n)
{
	return fails(n) ? NULL : given(__libc_memalign(alignment, n));
}

void *aligned_alloc(size_t alignment, size_t n)
{
	return memalign(alignment, n);
}

int posix_memalign(void **p, size_t alignment, size_t n)
{
	void *block = memalign(alignment, n);
	if (!block)
		return ENOMEM;
	*p = block;
	return 0;
}
#endif

static void *volatile probe;

bool nth_is_left_out(void)
{
	const char *preload = getenv("LD_PRELOAD");
	return SANITIZED || (preload && strstr(preload, "vgpreload"));
}

bool nth_works(void)
{
	unsigned long before = nth->failures;
	if (nth_is_left_out())
		return false;
	nth_arm(1);
	probe = malloc(1);
	free(probe);
	nth_disarm();
	return nth->failures > before;
}

static unsigned long failures_before;

void nth_arm(unsigned long n)
{
	failures_before = nth->failures;
	nth->asked = 0;
	nth->countdown = (long)n;
	nth->thread = (unsigned long)pthread_self();
}

bool nth_disarm(void)
{
	nth->thread = 0;
	nth->countdown = 0;
	return nth->failures > failures_before;
}

/* ---- system calls, of a preloaded program ---- */

#ifdef NTH_PRELOAD
static bool refuses(enum nth_call call, int fd)
{
	struct stat st;
	int type = 0;
	socklen_t n = sizeof type;
	if (!nth->call_one_in[call] || (fd >= 0 && syscall(SYS_fstat, fd, &st) == 0 && S_ISREG(st.st_mode)))
		return false; /* (the log is a file) */
	if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_SEQPACKET)
		return false; /* between processes of one program: nothing is short there */
	if (!is_drawn(nth->call_one_in[call]))
		return false;
	nth->call_failures[call]++;
	errno = nth->call_error[call];
	return true;
}

static bool is_short(enum nth_call call)
{
	return nth->call_error[call] == NTH_SHORT;
}

int accept4(int fd, struct sockaddr *address, socklen_t *n, int flags)
{
	if (refuses(NTH_ACCEPT, fd))
		return -1;
	return (int)syscall(SYS_accept4, fd, address, n, flags);
}

int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
	if (op == EPOLL_CTL_ADD && refuses(NTH_EPOLL, fd))
		return -1;
	return (int)syscall(SYS_epoll_ctl, epoll, op, fd, event);
}

int socket(int domain, int type, int protocol)
{
	if (refuses(NTH_SOCKET, -1))
		return -1;
	return (int)syscall(SYS_socket, domain, type, protocol);
}

int openat(int folder, const char *path, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (refuses(NTH_OPEN, -1))
		return -1;
	return (int)syscall(SYS_openat, folder, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return openat(AT_FDCWD, path, flags, mode);
}

ssize_t write(int fd, const void *p, size_t n)
{
	if (refuses(NTH_WRITE, fd)) {
		if (!is_short(NTH_WRITE) || n == 0)
			return -1;
		n = 1;
	}
	return syscall(SYS_write, fd, p, n);
}

ssize_t send(int fd, const void *p, size_t n, int flags)
{
	if (refuses(NTH_WRITE, fd)) {
		if (!is_short(NTH_WRITE) || n == 0)
			return -1;
		n = 1;
	}
	return syscall(SYS_sendto, fd, p, n, flags, NULL, 0);
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
	if (refuses(NTH_WRITE, fd)) {
		if (!is_short(NTH_WRITE) || n == 0 || parts->iov_len == 0)
			return -1;
		return syscall(SYS_write, fd, parts->iov_base, 1);
	}
	return syscall(SYS_writev, fd, parts, n);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	if (refuses(NTH_WRITE, fd)) {
		/* (a message with a descriptor goes whole or not at all) */
		if (!is_short(NTH_WRITE) || message->msg_controllen || !message->msg_iovlen ||
		    !message->msg_iov->iov_len)
			return errno = is_short(NTH_WRITE) ? EAGAIN : errno, -1;
		return syscall(SYS_sendto, fd, message->msg_iov->iov_base, 1, flags, NULL, 0);
	}
	return syscall(SYS_sendmsg, fd, message, flags);
}

ssize_t read(int fd, void *p, size_t n)
{
	if (refuses(NTH_READ, fd)) {
		if (!is_short(NTH_READ) || n == 0)
			return -1;
		n = 1;
	}
	return syscall(SYS_read, fd, p, n);
}

ssize_t recv(int fd, void *p, size_t n, int flags)
{
	if (refuses(NTH_READ, fd)) {
		if (!is_short(NTH_READ) || n == 0)
			return -1;
		n = 1;
	}
	return syscall(SYS_recvfrom, fd, p, n, flags, NULL, NULL);
}
#endif
