/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames between workers, and their proofs: what is written is read again however it is cut, and what may not come ends
 * the connection at its head, before anything of it is kept. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "peer_auth.h"
#include "peer_frame.h"
#include "suite_run.h"

static const uint8_t zeros[PEER_NONCE];

/* ---- core ---- */

static void put_all(struct buf *out)
{
	struct op_part units = { 3, 9, 12 };

	peer_put_job(out, 7, "prime_count", "[5]", 3);
	peer_put_part(out, 7, 1, &units, 5000);
	peer_put(out, PEER_CANCEL, 7, 1, NULL, 0);
	peer_put(out, PEER_END, 7, 0, NULL, 0);
}

static void expect_all(const struct peer_frame *frame, int i)
{
	const char *op, *args;
	size_t op_len, args_len;
	struct op_part units;
	uint32_t ms;

	ck_assert_uint_eq(frame->job, 7);
	switch (i) {
	case 0:
		ck_assert_int_eq(peer_get_job(frame, &op, &op_len, &args, &args_len), 0);
		ck_assert(op_len == 11 && memcmp(op, "prime_count", 11) == 0);
		ck_assert(args_len == 3 && memcmp(args, "[5]", 3) == 0);
		break;
	case 1:
		ck_assert_int_eq(peer_get_part(frame, &units, &ms), 0);
		ck_assert(units.from == 3 && units.to == 9 && units.units == 12 && ms == 5000);
		ck_assert_uint_eq(frame->part, 1);
		break;
	case 2:
		ck_assert_int_eq(frame->kind, PEER_CANCEL);
		break;
	default:
		ck_assert_int_eq(frame->kind, PEER_END);
		break;
	}
}

START_TEST(test_reader_takes_frames_in_pieces_of_any_size)
{
	struct peer_reader r = { .side = PEER_SERVER, .proven = true };
	struct buf wire = BUF_INIT;
	struct peer_frame frame;
	int n = 0, rc;

	put_all(&wire);
	for (size_t at = 0, step = (size_t)_i; at < wire.len; at += step) {
		size_t part = step < wire.len - at ? step : wire.len - at;
		ck_assert_int_eq(peer_reader_feed(&r, wire.data + at, part), 0);
		while ((rc = peer_reader_next(&r, &frame)) > 0)
			expect_all(&frame, n++);
		ck_assert_int_eq(rc, 0);
	}
	ck_assert_int_eq(n, 4);
	peer_reader_fini(&r);
	buf_fini(&wire);
}
END_TEST

START_TEST(test_failure_keeps_its_type_and_sentence)
{
	struct peer_reader r = { .side = PEER_CALLER, .proven = true };
	struct buf wire = BUF_INIT;
	struct op_failure f, back;
	struct peer_frame frame;

	op_fail(&f, OP_DOMAIN_ERROR, "the term at 3 has no real value");
	peer_put_failure(&wire, 1, 2, &f);
	ck_assert_int_eq(peer_reader_feed(&r, wire.data, wire.len), 0);
	ck_assert_int_eq(peer_reader_next(&r, &frame), 1);
	ck_assert_int_eq(peer_get_failure(&frame, &back), 0);
	ck_assert_int_eq(back.error, OP_DOMAIN_ERROR);
	ck_assert_str_eq(back.detail, f.detail);
	peer_reader_fini(&r);
	buf_fini(&wire);
}
END_TEST

START_TEST(test_proof_holds_for_its_secret_nonces_and_side_alone)
{
	char text[PEER_SECRET_TEXT], other_text[PEER_SECRET_TEXT];
	uint8_t secret[PEER_SECRET], other[PEER_SECRET], a[PEER_NONCE], b[PEER_NONCE], proof[PEER_PROOF];

	peer_auth_make_secret(text);
	peer_auth_make_secret(other_text);
	ck_assert_str_ne(text, other_text);
	ck_assert_int_eq(peer_auth_read_secret(text, strlen(text), secret), 0);
	ck_assert_int_eq(peer_auth_read_secret(other_text, strlen(other_text), other), 0);
	peer_auth_nonce(a);
	peer_auth_nonce(b);
	ck_assert_int_ne(memcmp(a, b, sizeof a), 0);
	peer_auth_prove(secret, PEER_CALLER, a, b, proof);
	ck_assert(peer_auth_check(secret, PEER_CALLER, a, b, proof));
	ck_assert(!peer_auth_check(other, PEER_CALLER, a, b, proof));
	ck_assert(!peer_auth_check(secret, PEER_SERVER, a, b, proof));
	ck_assert(!peer_auth_check(secret, PEER_CALLER, b, a, proof));
	ck_assert(!peer_auth_check(secret, PEER_CALLER, zeros, b, proof));
	for (size_t i = 0; i < PEER_PROOF; i++) {
		proof[i] ^= 1;
		ck_assert(!peer_auth_check(secret, PEER_CALLER, a, b, proof));
		proof[i] ^= 1;
	}
}
END_TEST

/* ---- limits ---- */

static const struct {
	unsigned char head[PEER_HEAD];
	enum peer_side side;
	bool proven;
} bad[] = {
	{ { 0, 0, 0, 0, 0 }, PEER_SERVER, true },                           /* no kind */
	{ { 0, 0, 0, 0, PEER_KIND_END }, PEER_SERVER, true },               /* an unknown one */
	{ { 0, 0, 0, 0, PEER_CANCEL, 1 }, PEER_SERVER, true },              /* what must be 0 is not */
	{ { 0, 0, 0, 0, PEER_CANCEL, 0, 0, 9 }, PEER_SERVER, true },        /* the same */
	{ { 0, 0, 0, 1, PEER_CANCEL }, PEER_SERVER, true },                 /* has no payload */
	{ { 0, 0, 0, 15, PEER_PART }, PEER_SERVER, true },                  /* too short */
	{ { 0, 0, 0, 17, PEER_PART }, PEER_SERVER, true },                  /* too long */
	{ { 0xff, 0xff, 0xff, 0xff, PEER_JOB }, PEER_SERVER, true },        /* far too long */
	{ { 0, 0x21, 0, 0, PEER_JOB }, PEER_SERVER, true },                 /* a little */
	{ { 0, 0x10, 0, 1, PEER_RESULT }, PEER_CALLER, true },              /* one byte */
	{ { 0, 0, 0, 1, PEER_RESULT }, PEER_SERVER, true },                 /* the other side's */
	{ { 0, 0, 0, 16, PEER_PART }, PEER_CALLER, true },                  /* the same */
	{ { 0, 0, 0, 16, PEER_PART }, PEER_SERVER, false },                 /* before the proof */
	{ { 0, 0, 0, 64, PEER_PROVE }, PEER_SERVER, true },                 /* after it */
	{ { 0, 0, 0, 9, PEER_RESULT }, PEER_CALLER, false },                /* a stranger's result */
	{ { 'G', 'E', 'T', ' ', '/', ' ', 'H', 'T' }, PEER_SERVER, false }, /* another protocol */
};

START_TEST(test_reader_refuses_a_head_before_its_payload)
{
	struct peer_reader r = { .side = bad[_i].side, .proven = bad[_i].proven };
	struct peer_frame frame;

	ck_assert_int_eq(peer_reader_feed(&r, (const char *)bad[_i].head, PEER_HEAD), 0);
	ck_assert_int_eq(peer_reader_next(&r, &frame), ERR_PROTOCOL);
	peer_reader_fini(&r);
}
END_TEST

static const struct op_part bad_parts[] = { { 3, 3, 9 }, { 4, 3, 9 }, { 3, 10, 9 }, { 0, 0, 0 } };

START_TEST(test_part_refuses_units_that_are_none)
{
	struct peer_reader r = { .side = PEER_SERVER, .proven = true };
	struct buf wire = BUF_INIT;
	struct peer_frame frame;
	struct op_part units;
	uint32_t ms;

	peer_put_part(&wire, 1, 1, &bad_parts[_i], 1000);
	ck_assert_int_eq(peer_reader_feed(&r, wire.data, wire.len), 0);
	ck_assert_int_eq(peer_reader_next(&r, &frame), 1);
	ck_assert_int_eq(peer_get_part(&frame, &units, &ms), ERR_PROTOCOL);
	peer_reader_fini(&r);
	buf_fini(&wire);
}
END_TEST

static const char *const bad_secrets[] = { "", "0123",
					   "g000000000000000000000000000000000000000000000000000000000000000",
					   "A000000000000000000000000000000000000000000000000000000000000000",
					   "00000000000000000000000000000000000000000000000000000000000000000" };

START_TEST(test_secret_refuses_what_is_none)
{
	uint8_t secret[PEER_SECRET];
	ck_assert_int_eq(peer_auth_read_secret(bad_secrets[_i], strlen(bad_secrets[_i]), secret), ERR_INVALID);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

int main(void)
{
	Suite *s = suite_create("peer_frame");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");

	tcase_add_loop_test(core, test_reader_takes_frames_in_pieces_of_any_size, 1, 70);
	tcase_add_test(core, test_failure_keeps_its_type_and_sentence);
	tcase_add_test(core, test_proof_holds_for_its_secret_nonces_and_side_alone);
	tcase_add_loop_test(limits, test_reader_refuses_a_head_before_its_payload, 0, COUNT(bad));
	tcase_add_loop_test(limits, test_part_refuses_units_that_are_none, 0, COUNT(bad_parts));
	tcase_add_loop_test(limits, test_secret_refuses_what_is_none, 0, COUNT(bad_secrets));
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	return suite_run(s);
}
