/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/ipc.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "err.h"

#define MAGIC 0x31635153u /* "SQc1" */
#define KEEP_BYTES 262144 /* a larger buffer is not kept for the next frame */

/* Before each part. All parts of a frame agree on kind and total, and follow each other without a gap. */
struct header {
	uint32_t magic, kind, total, offset;
};
#define PART_MAX (IPC_MESSAGE_MAX - sizeof(struct header))

/* ---- reading ---- */

/* Whether a part of n bytes may follow what is there. */
static bool fits(const struct ipc_reader *r, const struct header *h, size_t n)
{
	size_t max = r->max ? r->max : IPC_PAYLOAD_MAX;

	if (h->magic != MAGIC || h->kind == 0 || h->kind >= IPC_KIND_END || h->total > max)
		return false;
	if (h->offset != r->payload.len || n > h->total - r->payload.len)
		return false;
	if (n == 0 && h->total != 0)
		return false;
	return r->kind == 0 || (h->kind == r->kind && h->total == r->total);
}

/* Takes the descriptor of a message; those that nobody asked for are closed by the kernel. */
static void take_passed(const struct ipc_reader *r, struct msghdr *m)
{
	struct cmsghdr *c = r->passed ? CMSG_FIRSTHDR(m) : NULL;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(r->passed, CMSG_DATA(c), sizeof(int));
}

/* One message into the payload. IPC_FRAME: one is complete. */
static enum ipc_status read_part(struct ipc_reader *r, int fd, bool *complete)
{
	struct header h;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;

	if (buf_reserve(&r->payload, PART_MAX) != 0)
		return IPC_BROKEN;
	struct iovec parts[2] = { { &h, sizeof h }, { r->payload.data + r->payload.len, PART_MAX } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };
	if (r->passed) {
		m.msg_control = &control;
		m.msg_controllen = sizeof control;
	}
	ssize_t n;
	do
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | (r->waiting ? 0 : MSG_DONTWAIT));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? IPC_AGAIN : IPC_CLOSED;
	if (n == 0)
		return IPC_CLOSED;
	take_passed(r, &m);
	if ((size_t)n < sizeof h || (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || !fits(r, &h, (size_t)n - sizeof h))
		return IPC_BROKEN;
	r->payload.len += (size_t)n - sizeof h;
	r->kind = h.kind;
	r->total = h.total;
	*complete = r->payload.len == h.total;
	return IPC_FRAME;
}

enum ipc_status ipc_read(struct ipc_reader *r, int fd, struct ipc_frame *frame)
{
	bool complete = false;

	if (r->full) {
		if (r->payload.cap > KEEP_BYTES)
			buf_fini(&r->payload);
		buf_clear(&r->payload);
		r->kind = 0;
		r->full = false;
	}
	if (r->passed && r->kind == 0)
		*r->passed = -1;
	while (!complete) {
		enum ipc_status status = read_part(r, fd, &complete);
		if (status != IPC_FRAME)
			return status;
	}
	r->full = true;
	*frame = (struct ipc_frame){ (enum ipc_kind)r->kind, r->payload.data, r->payload.len };
	return IPC_FRAME;
}

void ipc_reader_fini(struct ipc_reader *r)
{
	buf_fini(&r->payload);
}

/* ---- writing ---- */

/* Sends the part at *sent and moves on. 0, ERR_FULL or ERR_SYS. */
static int write_part(int fd, enum ipc_kind kind, const char *data, size_t total, size_t *sent, int pass, int flags)
{
	size_t n = total - *sent < PART_MAX ? total - *sent : PART_MAX;
	struct header h = { MAGIC, kind, (uint32_t)total, (uint32_t)*sent };
	struct iovec parts[2] = { { &h, sizeof h }, { n ? (char *)data + *sent : NULL, n } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = n ? 2 : 1 };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	ssize_t done;

	if (pass >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof control;
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pass, sizeof(int));
	}
	do
		done = sendmsg(fd, &m, MSG_NOSIGNAL | flags);
	while (done < 0 && errno == EINTR);
	if (done < 0)
		return errno == EAGAIN || errno == ENOBUFS ? ERR_FULL : ERR_SYS;
	*sent += n;
	return 0;
}

int ipc_write(int fd, enum ipc_kind kind, const void *data, size_t n, int pass)
{
	size_t sent = 0;
	int rc;

	do {
		rc = write_part(fd, kind, data, n, &sent, sent == 0 ? pass : -1, 0);
	} while (rc == 0 && sent < n);
	return rc == 0 ? 0 : ERR_SYS;
}

int ipc_write_now(int fd, enum ipc_kind kind, const void *data, size_t n)
{
	size_t sent = 0;

	return n > PART_MAX ? ERR_FULL : write_part(fd, kind, data, n, &sent, -1, MSG_DONTWAIT);
}

int ipc_writer_step(struct ipc_writer *w, int fd)
{
	int rc;

	w->busy = true;
	do {
		rc = write_part(fd, w->kind, w->payload.data, w->payload.len, &w->sent, -1, MSG_DONTWAIT);
	} while (rc == 0 && w->sent < w->payload.len);
	if (rc != 0)
		return rc;
	w->busy = false;
	w->sent = 0;
	if (w->payload.cap > KEEP_BYTES)
		buf_fini(&w->payload);
	buf_clear(&w->payload);
	return 0;
}

void ipc_writer_fini(struct ipc_writer *w)
{
	buf_fini(&w->payload);
}

/* ---- failures ---- */

/* The struct itself, without the arguments at fault that it does not name. */
static size_t failure_size(size_t count)
{
	const struct op_failure *f = NULL;
	size_t shown = count < OP_FAILURE_POINTERS ? count : OP_FAILURE_POINTERS;

	return offsetof(struct op_failure, at) + shown * sizeof f->at[0];
}

void ipc_put_failure(struct buf *out, const struct op_failure *f)
{
	struct op_failure clean;

	/* Nothing of what an earlier failure, or the stack, has left behind the ends of its texts. */
	memset(&clean, 0, sizeof clean);
	clean.error = f->error;
	clean.limit = f->limit;
	clean.estimate = f->estimate;
	clean.position = f->position;
	clean.count = f->count;
	memccpy(clean.detail, f->detail, '\0', sizeof clean.detail - 1);
	memccpy(clean.unit, f->unit, '\0', sizeof clean.unit - 1);
	for (size_t i = 0; i < f->count && i < OP_FAILURE_POINTERS; i++) {
		memccpy(clean.at[i].pointer, f->at[i].pointer, '\0', sizeof clean.at[i].pointer - 1);
		memccpy(clean.at[i].detail, f->at[i].detail, '\0', sizeof clean.at[i].detail - 1);
	}
	buf_append(out, &clean, failure_size(f->count));
}

static bool is_text(const char *s, size_t size)
{
	return memchr(s, '\0', size) != NULL;
}

int ipc_get_failure(const char *data, size_t n, struct op_failure *f)
{
	struct op_failure in;

	memset(&in, 0, sizeof in);
	if (n > sizeof in || n < offsetof(struct op_failure, at))
		return ERR_INVALID;
	memcpy(&in, data, n);
	if ((int)in.error < 0 || in.error >= OP_ERROR_COUNT || n != failure_size(in.count))
		return ERR_INVALID;
	if (!is_text(in.detail, sizeof in.detail) || !is_text(in.unit, sizeof in.unit))
		return ERR_INVALID;
	if (in.unit[strspn(in.unit, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-/^*()")])
		return ERR_INVALID; /* it is written to JSON as it is */
	if (!isfinite(in.limit) || !isfinite(in.estimate) || in.position < -1)
		return ERR_INVALID;
	for (size_t i = 0; i < in.count && i < OP_FAILURE_POINTERS; i++)
		if (!is_text(in.at[i].pointer, sizeof in.at[i].pointer) ||
		    !is_text(in.at[i].detail, sizeof in.at[i].detail))
			return ERR_INVALID;
	*f = in;
	return 0;
}
