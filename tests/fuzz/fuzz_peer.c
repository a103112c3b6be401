/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes on a connection between workers, on either end, before and after the proof: cut in two or not, the reader
 * gives the same frames and comes to the same end; a frame is as long as it says, and what it holds lies within it. */
#include <string.h>

#include "err.h"
#include "fuzz.h"
#include "peer_frame.h"

struct outcome {
	size_t frames, bytes;
	int end;
};

static void expect_within(const struct peer_frame *frame, const void *p, size_t n)
{
	const char *from = p;
	expect(from >= frame->data && from + n <= frame->data + frame->n);
}

static void look(const struct peer_frame *frame)
{
	const uint8_t *nonce, *proof;
	const char *op, *args;
	size_t op_len, args_len;
	struct op_failure f;
	struct op_part units;
	uint32_t v;

	if (frame->kind == PEER_HELLO && peer_get_hello(frame, &nonce) == 0)
		expect_within(frame, nonce, PEER_NONCE);
	if (frame->kind == PEER_PROVE && peer_get_prove(frame, &nonce, &proof) == 0)
		expect_within(frame, proof, PEER_PROOF);
	if (frame->kind == PEER_WELCOME && peer_get_welcome(frame, &proof, &v) == 0)
		expect(v > 0);
	if (frame->kind == PEER_JOB && peer_get_job(frame, &op, &op_len, &args, &args_len) == 0) {
		expect_within(frame, op, op_len);
		expect_within(frame, args, args_len);
		expect(args_len > 0);
	}
	if (frame->kind == PEER_PART && peer_get_part(frame, &units, &v) == 0)
		expect(units.from < units.to && units.to <= units.units && v <= OP_TIMEOUT_MAX_MS);
	if (frame->kind == PEER_FAILURE && peer_get_failure(frame, &f) == 0)
		expect(strlen(f.detail) < sizeof f.detail);
}

static void take(struct peer_reader *r, struct outcome *o)
{
	struct peer_frame frame;

	while (o->end >= 0 && (o->end = peer_reader_next(r, &frame)) > 0) {
		o->frames++;
		o->bytes += PEER_HEAD + frame.n;
		look(&frame);
	}
}

static struct outcome read_all(const uint8_t *data, size_t size, size_t cut, enum peer_side side, bool proven)
{
	struct peer_reader r = { .side = side, .proven = proven };
	struct outcome o = { 0, 0, 0 };

	expect(peer_reader_feed(&r, (const char *)data, cut) == 0);
	take(&r, &o);
	if (o.end == 0) {
		expect(peer_reader_feed(&r, (const char *)data + cut, size - cut) == 0);
		take(&r, &o);
	}
	peer_reader_fini(&r);
	return o;
}

FUZZ_TARGET(peer)
{
	if (size < 2)
		return 0;
	enum peer_side side = data[0] & 1 ? PEER_SERVER : PEER_CALLER;
	bool proven = data[0] & 2;
	size_t cut = data[1] % (size - 1);
	struct outcome one = read_all(data + 2, size - 2, size - 2, side, proven);
	struct outcome two = read_all(data + 2, size - 2, cut < size - 2 ? cut : 0, side, proven);
	expect(one.frames == two.frames && one.bytes == two.bytes && one.end == two.end);
	expect(one.bytes <= size - 2);
	return 0;
}
