/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What workers say to each other on WorkerPeer, as bytes: frames of a head and a payload, in network order, so that two
 * machines understand each other. Who connects is the caller: it asks the other one to compute parts of calls.
 *
 *   server                          caller
 *   HELLO version, nonce       -->
 *                              <--  PROVE nonce, its proof
 *   WELCOME its proof, children-->                              (the proofs: peer_auth.h; nothing else is heard before)
 *                              <--  JOB n: operation, arguments
 *                              <--  PART n, m: units, time
 *   RESULT, FAILURE or BUSY n, m -->                            (exactly one of them, unless it was cancelled)
 *                              <--  CANCEL n, m
 *                              <--  END n: nothing more of this job
 *
 * A reader takes bytes as they come and judges each head before it waits for the payload: what is not a frame, or one
 * that this end may not get, or larger than its kind may be, ends the connection. No sockets here. */
#ifndef SQUARE_PEER_FRAME_H
#define SQUARE_PEER_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "op.h"

#define PEER_VERSION 1
#define PEER_HEAD 16
#define PEER_NONCE 32
#define PEER_PROOF 32
#define PEER_NAME_MAX 64             /* bytes of an operation's name */
#define PEER_ARGS_MAX (2u << 20)     /* bytes of the arguments of a job */
#define PEER_JOBS_MAX 64             /* that a connection may have parts of at a time */
#define PEER_DETAIL_MAX 400          /* bytes of a failure's sentence */
#define PEER_BACKLOG_MAX (16u << 20) /* bytes that the other end has not taken, beyond which it is given up */

enum peer_kind {
	PEER_HELLO = 1,
	PEER_PROVE,
	PEER_WELCOME,
	PEER_JOB,
	PEER_PART,
	PEER_CANCEL,
	PEER_END,
	PEER_RESULT,
	PEER_FAILURE,
	PEER_BUSY,
	PEER_KIND_END
};

struct peer_frame {
	enum peer_kind kind;
	uint32_t job, part;
	const char *data; /* borrowed from the reader until its next call */
	size_t n;
};

enum peer_side { PEER_CALLER, PEER_SERVER };

struct peer_reader { /* init with zeros, and side */
	struct buf in;
	size_t used;         /* bytes of `in` that were given out */
	enum peer_side side; /* who reads */
	bool proven;         /* the other end is who it should be */
};

/* Takes bytes that came. 0 or ERR_NOMEM. */
int peer_reader_feed(struct peer_reader *r, const char *p, size_t n);
/* The next whole frame: 1 with *frame; 0: more bytes are needed; ERR_PROTOCOL: what came may not come. */
int peer_reader_next(struct peer_reader *r, struct peer_frame *frame);
void peer_reader_fini(struct peer_reader *r);

/* ---- writing ---- */
void peer_put(struct buf *out, enum peer_kind kind, uint32_t job, uint32_t part, const void *data, size_t n);
void peer_put_hello(struct buf *out, const uint8_t nonce[PEER_NONCE]);
void peer_put_prove(struct buf *out, const uint8_t nonce[PEER_NONCE], const uint8_t proof[PEER_PROOF]);
void peer_put_welcome(struct buf *out, const uint8_t proof[PEER_PROOF], uint32_t children);
void peer_put_job(struct buf *out, uint32_t job, const char *op, const char *args, size_t n);
void peer_put_part(struct buf *out, uint32_t job, uint32_t part, const struct op_part *units, uint32_t timeout_ms);
void peer_put_failure(struct buf *out, uint32_t job, uint32_t part, const struct op_failure *f);

/* ---- reading: of a frame of that kind; 0, or ERR_PROTOCOL ---- */
int peer_get_hello(const struct peer_frame *frame, const uint8_t **nonce);
int peer_get_prove(const struct peer_frame *frame, const uint8_t **nonce, const uint8_t **proof);
int peer_get_welcome(const struct peer_frame *frame, const uint8_t **proof, uint32_t *children);
int peer_get_job(const struct peer_frame *frame, const char **op, size_t *op_len, const char **args, size_t *args_len);
int peer_get_part(const struct peer_frame *frame, struct op_part *units, uint32_t *timeout_ms);
int peer_get_failure(const struct peer_frame *frame, struct op_failure *f);

#endif
