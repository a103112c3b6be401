/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON-RPC 2.0: one line in, one line out (or none, for notifications). Knows no socket. Short calls are answered at
 * once, longer ones through the executor; the replies of a batch come in its order. On the executor's thread. */
#ifndef SQUARE_RPC_H
#define SQUARE_RPC_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "executor.h"

#define RPC_BATCH_REPLY_MAX 4194304 /* bytes that the long replies of one batch may be estimated to need */

enum rpc_code {
	RPC_PARSE_ERROR = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_UNKNOWN_METHOD = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_INTERNAL = -32603,
	RPC_FAILED = -32000, /* data.type: why, as in a job's error */
	RPC_LIMIT = -32001,  /* time, memory or size */
	RPC_BUSY = -32002,
	RPC_UNAUTHORIZED = -32003,
	RPC_LINE_TOO_LONG = -32004
};

struct rpc; /* a line that is still being answered */
typedef void rpc_done_cb(void *arg);

/* Answers a request or a batch, line[0..n) without its line end. What is ready is appended to out with a line feed; if
 * something takes longer, nothing is appended, the return is a handle, and done(arg) runs once, later.
 * NULL: all is answered (out is untouched when there is nothing to say). */
struct rpc *rpc_answer(const char *line, size_t n, struct executor *executor, struct buf *out, rpc_done_cb *done,
		       void *arg);
/* What the outstanding replies of a handle may well need, in bytes. */
size_t rpc_expected(const struct rpc *rpc);
/* After done: appends the reply to out and frees the handle. */
void rpc_take(struct rpc *rpc, struct buf *out);
/* Cancels what is in flight and frees the handle; done does not run. */
void rpc_cancel(struct rpc *rpc);

/* How requests were answered by this process, all connections together; those that want no reply are not there. */
struct rpc_stats {
	uint64_t succeeded, failed, refused; /* failed: by the operation; refused: not a call that could be made */
};
const struct rpc_stats *rpc_stats(void);

/* Appends an error reply without id, with a line feed. */
void rpc_put_error(struct buf *out, enum rpc_code code, const char *detail);
/* With the id of the request, as JSON. */
void rpc_put_error_for(struct buf *out, const char *id, enum rpc_code code, const char *detail);

#endif
