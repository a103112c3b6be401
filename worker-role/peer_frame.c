/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "peer_frame.h"

#include <string.h>

#include "err.h"

#define CHILDREN_MAX 4096
#define KEEP_BYTES 65536 /* of a reader's buffer, when empty */

/* Who may get a kind, before or after the proof, and how large its payload may be. */
static const struct {
	enum peer_side to;
	bool proven;
	size_t least, most;
} kinds[PEER_KIND_END] = {
	[PEER_HELLO] = { PEER_CALLER, false, 4 + PEER_NONCE, 4 + PEER_NONCE },
	[PEER_PROVE] = { PEER_SERVER, false, PEER_NONCE + PEER_PROOF, PEER_NONCE + PEER_PROOF },
	[PEER_WELCOME] = { PEER_CALLER, false, PEER_PROOF + 4, PEER_PROOF + 4 },
	[PEER_JOB] = { PEER_SERVER, true, 3, 1 + PEER_NAME_MAX + PEER_ARGS_MAX },
	[PEER_PART] = { PEER_SERVER, true, 16, 16 },
	[PEER_CANCEL] = { PEER_SERVER, true, 0, 0 },
	[PEER_END] = { PEER_SERVER, true, 0, 0 },
	[PEER_RESULT] = { PEER_CALLER, true, 1, OP_RESULT_MAX },
	[PEER_FAILURE] = { PEER_CALLER, true, 2, 1 + PEER_NAME_MAX + PEER_DETAIL_MAX },
	[PEER_BUSY] = { PEER_CALLER, true, 0, 0 },
};

static uint32_t get_u32(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void put_u32(struct buf *out, uint32_t v)
{
	const unsigned char b[4] = { (unsigned char)(v >> 24), (unsigned char)(v >> 16), (unsigned char)(v >> 8),
				     (unsigned char)v };

	buf_append(out, b, sizeof b);
}

/* ---- the reader ---- */

int peer_reader_feed(struct peer_reader *r, const char *p, size_t n)
{
	if (r->used) {
		buf_consume(&r->in, r->used);
		r->used = 0;
	}
	if (r->in.len == 0 && r->in.cap > KEEP_BYTES)
		buf_fini(&r->in);
	buf_append(&r->in, p, n);
	return r->in.failed ? ERR_NOMEM : 0;
}

/* The payload's size; ERR_PROTOCOL for a head that may not come. */
static int64_t judge_head(const struct peer_reader *r, const char *head)
{
	uint32_t n = get_u32(head), kind = (unsigned char)head[4];

	if (kind == 0 || kind >= PEER_KIND_END || head[5] || head[6] || head[7])
		return ERR_PROTOCOL;
	if (kinds[kind].to != r->side || kinds[kind].proven != r->proven)
		return ERR_PROTOCOL;
	return n >= kinds[kind].least && n <= kinds[kind].most ? (int64_t)n : ERR_PROTOCOL;
}

int peer_reader_next(struct peer_reader *r, struct peer_frame *frame)
{
	size_t left = r->in.len - r->used;

	if (left < PEER_HEAD)
		return 0;
	const char *p = r->in.data + r->used;
	int64_t n = judge_head(r, p);
	if (n < 0)
		return (int)n;
	if (left - PEER_HEAD < (size_t)n)
		return 0;
	*frame = (struct peer_frame){ .kind = (enum peer_kind)(unsigned char)p[4],
				      .job = get_u32(p + 8),
				      .part = get_u32(p + 12),
				      .data = p + PEER_HEAD,
				      .n = (size_t)n };
	r->used += PEER_HEAD + (size_t)n;
	return 1;
}

void peer_reader_fini(struct peer_reader *r)
{
	buf_fini(&r->in);
	r->used = 0;
}

/* ---- writing ---- */

static void put_head(struct buf *out, enum peer_kind kind, uint32_t job, uint32_t part, size_t n)
{
	const char rest[4] = { (char)kind, 0, 0, 0 };

	put_u32(out, (uint32_t)n);
	buf_append(out, rest, sizeof rest);
	put_u32(out, job);
	put_u32(out, part);
}

void peer_put(struct buf *out, enum peer_kind kind, uint32_t job, uint32_t part, const void *data, size_t n)
{
	put_head(out, kind, job, part, n);
	if (n)
		buf_append(out, data, n);
}

void peer_put_hello(struct buf *out, const uint8_t nonce[PEER_NONCE])
{
	put_head(out, PEER_HELLO, 0, 0, 4 + PEER_NONCE);
	put_u32(out, PEER_VERSION);
	buf_append(out, nonce, PEER_NONCE);
}

void peer_put_prove(struct buf *out, const uint8_t nonce[PEER_NONCE], const uint8_t proof[PEER_PROOF])
{
	put_head(out, PEER_PROVE, 0, 0, PEER_NONCE + PEER_PROOF);
	buf_append(out, nonce, PEER_NONCE);
	buf_append(out, proof, PEER_PROOF);
}

void peer_put_welcome(struct buf *out, const uint8_t proof[PEER_PROOF], uint32_t children)
{
	put_head(out, PEER_WELCOME, 0, 0, PEER_PROOF + 4);
	buf_append(out, proof, PEER_PROOF);
	put_u32(out, children);
}

void peer_put_job(struct buf *out, uint32_t job, const char *op, const char *args, size_t n)
{
	size_t op_len = strlen(op);

	put_head(out, PEER_JOB, job, 0, 1 + op_len + n);
	buf_byte(out, (char)op_len);
	buf_append(out, op, op_len);
	buf_append(out, args, n);
}

void peer_put_part(struct buf *out, uint32_t job, uint32_t part, const struct op_part *units, uint32_t timeout_ms)
{
	put_head(out, PEER_PART, job, part, 16);
	put_u32(out, units->from);
	put_u32(out, units->to);
	put_u32(out, units->units);
	put_u32(out, timeout_ms);
}

void peer_put_failure(struct buf *out, uint32_t job, uint32_t part, const struct op_failure *f)
{
	const char *name = op_error_name(f->error);
	size_t name_len = strlen(name), n = strnlen(f->detail, PEER_DETAIL_MAX);

	put_head(out, PEER_FAILURE, job, part, name_len + 1 + n);
	buf_append(out, name, name_len);
	buf_byte(out, '\n');
	buf_append(out, f->detail, n);
}

/* ---- reading: the sizes were judged with the head ---- */

int peer_get_hello(const struct peer_frame *frame, const uint8_t **nonce)
{
	if (get_u32(frame->data) != PEER_VERSION)
		return ERR_PROTOCOL;
	*nonce = (const uint8_t *)frame->data + 4;
	return 0;
}

int peer_get_prove(const struct peer_frame *frame, const uint8_t **nonce, const uint8_t **proof)
{
	*nonce = (const uint8_t *)frame->data;
	*proof = *nonce + PEER_NONCE;
	return 0;
}

int peer_get_welcome(const struct peer_frame *frame, const uint8_t **proof, uint32_t *children)
{
	uint32_t n = get_u32(frame->data + PEER_PROOF);

	if (n == 0 || n > CHILDREN_MAX)
		return ERR_PROTOCOL;
	*proof = (const uint8_t *)frame->data;
	*children = n;
	return 0;
}

int peer_get_job(const struct peer_frame *frame, const char **op, size_t *op_len, const char **args, size_t *args_len)
{
	size_t n = (unsigned char)frame->data[0];

	if (n == 0 || n > PEER_NAME_MAX || n + 1 >= frame->n || frame->n - 1 - n > PEER_ARGS_MAX)
		return ERR_PROTOCOL;
	*op = frame->data + 1;
	*op_len = n;
	*args = *op + n;
	*args_len = frame->n - 1 - n;
	return 0;
}

int peer_get_part(const struct peer_frame *frame, struct op_part *units, uint32_t *timeout_ms)
{
	struct op_part part = { get_u32(frame->data), get_u32(frame->data + 4), get_u32(frame->data + 8) };
	uint32_t ms = get_u32(frame->data + 12);

	if (part.from >= part.to || part.to > part.units || ms == 0 || ms > OP_TIMEOUT_MAX_MS)
		return ERR_PROTOCOL;
	*units = part;
	*timeout_ms = ms;
	return 0;
}

int peer_get_failure(const struct peer_frame *frame, struct op_failure *f)
{
	const char *end = memchr(frame->data, '\n', frame->n);
	enum op_error error;

	if (!end || op_error_parse(frame->data, (size_t)(end - frame->data), &error) != 0)
		return ERR_PROTOCOL;
	return (void)op_fail(f, error, "%.*s", (int)(frame->data + frame->n - end - 1), end + 1), 0;
}
