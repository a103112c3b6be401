/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/zygote.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "compute/zygote_main.h"

#define START_MS 30000
#define END_MS 2000 /* for it to end by itself, with all children */

struct zygote {
	pid_t pid;
	int fd, passed;
	struct ipc_reader reader;
};

struct zygote *zygote_fork(void)
{
	struct zygote *z = calloc(1, sizeof *z);
	pid_t parent = getpid();
	int ends[2];

	if (!z || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
		free(z);
		return NULL;
	}
	z->pid = fork();
	if (z->pid == 0) {
		free(z);
		zygote_main(ends[1], parent);
	}
	close(ends[1]);
	if (z->pid < 0) {
		close(ends[0]);
		free(z);
		return NULL;
	}
	z->fd = ends[0];
	z->passed = -1;
	z->reader.passed = &z->passed;
	return z;
}

static int await_ready(struct zygote *z, struct errinfo *info)
{
	struct pollfd p = { z->fd, POLLIN, 0 };
	struct ipc_frame frame;
	uint64_t until_us = clock_mono_us() + START_MS * 1000ULL, now_us;

	for (;;) {
		switch (ipc_read(&z->reader, z->fd, &frame)) {
		case IPC_FRAME:
			if (frame.kind == IPC_READY)
				return 0;
			return errinfo_set(info, ERR_SYS, "compute children: %.*s", (int)frame.n, frame.data);
		case IPC_AGAIN:
			break;
		default:
			return errinfo_set(info, ERR_SYS, "compute children: the zygote ended while it started");
		}
		now_us = clock_mono_us();
		if (now_us >= until_us)
			return errinfo_set(info, ERR_TIMEOUT, "compute children: the zygote was not ready within %d s",
					   START_MS / 1000);
		(void)poll(&p, 1, (int)((until_us - now_us) / 1000 + 1));
	}
}

int zygote_start(struct zygote *z, const struct zygote_options *options, struct errinfo *info)
{
	struct ipc_setup setup = { (uint32_t)options->memory_mib, options->lenient, options->test_operations };

	if (ipc_write(z->fd, IPC_SETUP, &setup, sizeof setup, -1) != 0)
		return errinfo_set(info, ERR_SYS, "compute children: the zygote is gone");
	return await_ready(z, info);
}

void zygote_free(struct zygote *z)
{
	uint64_t until_us = clock_mono_us() + END_MS * 1000ULL;
	struct timespec pause = { 0, 200000 };

	if (!z)
		return;
	close(z->fd);
	while (waitpid(z->pid, NULL, WNOHANG) == 0) {
		if (clock_mono_us() >= until_us)
			kill(z->pid, SIGKILL);
		nanosleep(&pause, NULL);
	}
	if (z->passed >= 0)
		close(z->passed);
	ipc_reader_fini(&z->reader);
	free(z);
}

int zygote_fd(const struct zygote *z)
{
	return z->fd;
}

pid_t zygote_pid(const struct zygote *z)
{
	return z->pid;
}

/* Its socket holds far more requests than are ever open, so one that is full belongs to a zygote that hangs. */
int zygote_ask_child(struct zygote *z)
{
	return ipc_write_now(z->fd, IPC_FORK, "", 0) == 0 ? 0 : ERR_CLOSED;
}

void zygote_kill(struct zygote *z, pid_t pid)
{
	struct ipc_child child = { .pid = pid };

	(void)ipc_write_now(z->fd, IPC_KILL, &child, sizeof child);
}

enum ipc_status zygote_read(struct zygote *z, struct zygote_event *event)
{
	struct ipc_frame frame;
	enum ipc_status status = ipc_read(&z->reader, z->fd, &frame);

	if (status == IPC_AGAIN)
		return IPC_AGAIN;
	if (status != IPC_FRAME || frame.n != sizeof event->child ||
	    (frame.kind != IPC_BORN && frame.kind != IPC_ENDED))
		return IPC_CLOSED;
	event->kind = frame.kind;
	memcpy(&event->child, frame.data, sizeof event->child);
	event->fd = z->passed;
	z->passed = -1;
	return frame.kind == IPC_BORN && event->fd < 0 ? IPC_CLOSED : IPC_FRAME;
}
