/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The zygote: a small process that has the mathematics libraries warm and forks the compute children. It is forked as
 * the first thing of main, before any thread, any connection and any secret, and has nothing but a socket to the
 * worker. The children are its own: it alone can reap them, so it alone kills them, and a process id never means
 * another process by then.
 *
 * When the worker ends, so does the zygote; when the zygote ends, so do the children. If the zygote itself is killed,
 * the worker cannot replace it safely (by then it has threads, a large memory and secrets) and has to end, in order:
 * whoever runs it starts another within milliseconds, with a zygote. A second zygote in reserve would cost every worker
 * its memory for the sake of an event that only somebody from outside can bring about: the zygote runs no job. */
#ifndef SQUARE_ZYGOTE_H
#define SQUARE_ZYGOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "compute/ipc.h"
#include "err.h"

struct zygote;

struct zygote_options {
	size_t memory_mib;    /* that a job may use */
	bool lenient;         /* see sandbox.h */
	bool test_operations; /* crash() is there */
};

/* Forks it; it waits. NULL when the system refuses (errno says why). The child never returns from this. */
struct zygote *zygote_fork(void);
/* Tells it what it needs to know and waits until it is ready. 0, or an error with *info. Blocks for some tens of
 * milliseconds, 30 s at most. */
int zygote_start(struct zygote *z, const struct zygote_options *options, struct errinfo *info);
/* Ends it and the children, and waits for that. NULL does nothing. */
void zygote_free(struct zygote *z);

int zygote_fd(const struct zygote *z); /* readable when zygote_read() has something */
pid_t zygote_pid(const struct zygote *z);

/* Asks for one more child. 0, or ERR_CLOSED: the zygote is gone. */
int zygote_ask_child(struct zygote *z);
/* Kills a child, if it is still there. */
void zygote_kill(struct zygote *z, pid_t pid);

struct zygote_event {
	enum ipc_kind kind; /* IPC_BORN, IPC_ENDED */
	struct ipc_child child;
	int fd; /* IPC_BORN: the child's socket, the caller's from now on */
};
/* What happened next: IPC_FRAME, IPC_AGAIN, or IPC_CLOSED when the zygote is gone. Does not block. */
enum ipc_status zygote_read(struct zygote *z, struct zygote_event *event);

#endif
