/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames between the worker, its zygote and the compute children, over SOCK_SEQPACKET: a kind and a payload, cut into
 * messages of at most 64 KiB that say where they belong, so that nothing of what a broken or hostile child sends is
 * taken for anything but what it is. Both ends are the same program on the same machine: numbers are in its own order.
 * The receiver decides how large a payload may be. One thread per socket. */
#ifndef SQUARE_IPC_H
#define SQUARE_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "op.h"
#include "op_failure.h"

#define IPC_MESSAGE_MAX 65536
#define IPC_PAYLOAD_MAX (4u << 20)
#define IPC_NOTE_MAX 120 /* bytes of a progress note */

enum ipc_kind {
	IPC_SETUP = 1, /* worker -> zygote: struct ipc_setup */
	IPC_FORK,      /* worker -> zygote: one more child */
	IPC_KILL,      /* worker -> zygote: struct ipc_child */
	IPC_BORN,      /* zygote -> worker: struct ipc_child, with its socket */
	IPC_ENDED,     /* zygote -> worker: struct ipc_child */
	IPC_REQUEST,   /* worker -> child: struct ipc_request, the operation's name, the arguments, the results: JSON */
	IPC_READY,     /* zygote, child -> worker: waits for work; a child's says struct ipc_ready */
	IPC_PROGRESS,  /* child -> worker: struct ipc_progress, the note */
	IPC_RESULT,    /* child -> worker: JSON */
	IPC_FAILURE,   /* child -> worker: a failure, see ipc_put_failure() */
	IPC_TROUBLE,   /* zygote, child -> worker: it cannot serve; a sentence why */
	IPC_PLAN,      /* child -> worker: struct op_plan, in place of the result of an IPC_TASK_PLAN */
	IPC_KIND_END
};

struct ipc_setup {
	uint32_t memory_mib; /* that a job may use */
	uint16_t lenient;    /* see sandbox.h */
	uint16_t test_operations;
};
struct ipc_child {
	int32_t pid, status; /* status: as of waitpid(), when it has ended */
	uint64_t peak_kib;   /* the most memory it ever had, when it has ended */
};
enum ipc_task {
	IPC_TASK_WHOLE,  /* the call */
	IPC_TASK_PLAN,   /* its plan; where there is none, the call */
	IPC_TASK_PART,   /* a part of it */
	IPC_TASK_GATHER, /* its result, from those of the parts */
	IPC_TASK_END
};
struct ipc_request {
	uint32_t timeout_ms, task; /* task: enum ipc_task */
	uint32_t op_len, args_len;
	struct op_part part; /* of an IPC_TASK_PART */
};
struct ipc_ready {
	uint64_t rss_kib;
};
struct ipc_progress {
	double ratio;
};

struct ipc_frame {
	enum ipc_kind kind;
	const char *data; /* borrowed from the reader until its next call */
	size_t n;
};

enum ipc_status {
	IPC_FRAME,  /* *frame stands */
	IPC_AGAIN,  /* nothing more to read for now */
	IPC_CLOSED, /* the other end is gone */
	IPC_BROKEN  /* what came is no frame, too large, or there is no memory for it */
};

struct ipc_reader { /* init with zeros */
	struct buf payload;
	size_t max;     /* of a payload; 0: IPC_PAYLOAD_MAX */
	uint32_t kind;  /* of the frame that is coming in parts; 0: none is */
	uint32_t total; /* its size */
	bool full;      /* the payload was given out: the next message begins a new one */
	int *passed;    /* where a descriptor that comes along goes (-1 when none did); NULL: none is taken */
	bool waiting;   /* block until a frame is there */
};

/* Reads until a frame is complete. Blocks only if r->waiting. */
enum ipc_status ipc_read(struct ipc_reader *r, int fd, struct ipc_frame *frame);
void ipc_reader_fini(struct ipc_reader *r);

/* Writes a frame and waits until it is on its way. pass: a descriptor to go with it, or -1. 0 or ERR_SYS. */
int ipc_write(int fd, enum ipc_kind kind, const void *data, size_t n, int pass);
/* The same as long as the socket takes it at once; for what may be lost. 0, or ERR_FULL or ERR_SYS: nothing sent. */
int ipc_write_now(int fd, enum ipc_kind kind, const void *data, size_t n);

/* A frame on its way through a socket that must not block. */
struct ipc_writer { /* init with zeros */
	struct buf payload;
	enum ipc_kind kind;
	size_t sent;
	bool busy;
};
/* 0: all is sent. ERR_FULL: call again when the socket is writable. ERR_SYS: the other end is gone. */
int ipc_writer_step(struct ipc_writer *w, int fd);
void ipc_writer_fini(struct ipc_writer *w);

/* A failure as payload, and back. The text of a child is not trusted: 0, or ERR_INVALID. */
void ipc_put_failure(struct buf *out, const struct op_failure *f);
int ipc_get_failure(const char *data, size_t n, struct op_failure *f);

#endif
