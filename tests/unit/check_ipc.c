/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames: what is sent arrives, and what is no frame never does. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "compute/ipc.h"
#include "err.h"
#include "suite_run.h"

static int ends[2];

static void setup(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
}

static void teardown(void)
{
	close(ends[0]);
	close(ends[1]);
}

/* The header of a part, as in ipc.c. */
struct header {
	uint32_t magic, kind, total, offset;
};
#define MAGIC 0x31635153u

static void send_raw(const struct header *h, const void *data, size_t n)
{
	static char message[2 * IPC_MESSAGE_MAX];

	memcpy(message, h, sizeof *h);
	memcpy(message + sizeof *h, data, n);
	ck_assert_int_eq(send(ends[0], message, sizeof *h + n, 0), (ssize_t)(sizeof *h + n));
}

/* ---- core ---- */

static const size_t sizes[] = { 0, 1, 100, 65519, 65520, 65521, 131040, 1048576, IPC_PAYLOAD_MAX };
enum { SIZES = sizeof sizes / sizeof *sizes };

START_TEST(test_write_read_every_size)
{
	size_t n = sizes[_i];
	struct ipc_reader r = { 0 };
	struct ipc_writer w = { .kind = IPC_REQUEST };
	struct ipc_frame frame;
	enum ipc_status status = IPC_AGAIN;

	for (size_t i = 0; i < n; i++)
		buf_byte(&w.payload, (char)(i * 7 + i / 251));
	char *copy = malloc(n + 1);
	ck_assert_ptr_nonnull(copy);
	if (n)
		memcpy(copy, w.payload.data, n);
	for (int turn = 0; status == IPC_AGAIN; turn++) {
		if (turn == 0 || w.busy)
			ck_assert_int_ne(ipc_writer_step(&w, ends[0]), ERR_SYS);
		status = ipc_read(&r, ends[1], &frame);
	}
	ck_assert_int_eq(status, IPC_FRAME);
	ck_assert(!w.busy);
	ck_assert_int_eq(frame.kind, IPC_REQUEST);
	ck_assert_uint_eq(frame.n, n);
	ck_assert(n == 0 || memcmp(frame.data, copy, n) == 0);
	ck_assert_int_eq(ipc_read(&r, ends[1], &frame), IPC_AGAIN);
	free(copy);
	ipc_reader_fini(&r);
	ipc_writer_fini(&w);
}
END_TEST

START_TEST(test_frames_keep_their_order_and_kinds)
{
	static const char *const texts[] = { "one", "", "three" };
	static const enum ipc_kind kinds[] = { IPC_RESULT, IPC_READY, IPC_PROGRESS };
	struct ipc_reader r = { .waiting = true };
	struct ipc_frame frame;

	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(ipc_write(ends[0], kinds[i], texts[i], strlen(texts[i]), -1), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(ipc_read(&r, ends[1], &frame), IPC_FRAME);
		ck_assert_int_eq(frame.kind, kinds[i]);
		ck_assert_uint_eq(frame.n, strlen(texts[i]));
		ck_assert(frame.n == 0 || memcmp(frame.data, texts[i], frame.n) == 0);
	}
	close(ends[0]);
	ends[0] = -1;
	ck_assert_int_eq(ipc_read(&r, ends[1], &frame), IPC_CLOSED);
	ipc_reader_fini(&r);
}
END_TEST

START_TEST(test_descriptor_comes_along)
{
	int passed = -1, other[2];
	struct ipc_reader r = { .passed = &passed };
	struct ipc_frame frame;
	char c = 0;

	ck_assert_int_eq(pipe2(other, O_CLOEXEC), 0);
	ck_assert_int_eq(ipc_write(ends[0], IPC_BORN, "x", 1, other[1]), 0);
	ck_assert_int_eq(ipc_read(&r, ends[1], &frame), IPC_FRAME);
	ck_assert_int_ge(passed, 0);
	ck_assert_int_eq(write(passed, "y", 1), 1);
	ck_assert_int_eq(read(other[0], &c, 1), 1);
	ck_assert_int_eq(c, 'y');
	close(passed);
	ck_assert_int_eq(ipc_write(ends[0], IPC_BORN, "x", 1, -1), 0);
	ck_assert_int_eq(ipc_read(&r, ends[1], &frame), IPC_FRAME);
	ck_assert_int_eq(passed, -1);
	close(other[0]);
	close(other[1]);
	ipc_reader_fini(&r);
}
END_TEST

static void fill_failure(struct op_failure *f)
{
	op_fail_limit(f, 1e6, 369693100, "digits", "the result is too large");
	f->count = 2;
	f->position = 17;
	strcpy(f->at[0].pointer, "/0");
	strcpy(f->at[0].detail, "first");
	strcpy(f->at[1].pointer, "/more/1");
	strcpy(f->at[1].detail, "second");
}

START_TEST(test_failure_comes_back_the_same)
{
	struct op_failure f, back;
	struct buf payload = BUF_INIT, a = BUF_INIT, b = BUF_INIT;

	for (size_t count = 0; count <= 12; count += 2) {
		memset(&f, 0x55, sizeof f);
		fill_failure(&f);
		f.count = count;
		for (size_t i = 2; i < count && i < OP_FAILURE_POINTERS; i++)
			f.at[i] = f.at[1];
		buf_clear(&payload);
		ipc_put_failure(&payload, &f);
		ck_assert_int_eq(ipc_get_failure(payload.data, payload.len, &back), 0);
		buf_clear(&a);
		buf_clear(&b);
		op_failure_json(&a, &f);
		op_failure_json(&b, &back);
		ck_assert_str_eq(buf_cstr(&a), buf_cstr(&b));
	}
	buf_fini(&payload);
	buf_fini(&a);
	buf_fini(&b);
}
END_TEST

/* ---- limits ---- */

START_TEST(test_reader_refuses_what_is_too_large)
{
	struct ipc_reader r = { .max = 1000 };
	struct ipc_frame frame;
	char data[1001] = { 0 };

	ipc_write(ends[0], IPC_RESULT, data, 1000, -1);
	ck_assert_int_eq(ipc_read(&r, ends[1], &frame), IPC_FRAME);
	ipc_write(ends[0], IPC_RESULT, data, 1001, -1);
	ck_assert_int_eq(ipc_read(&r, ends[1], &frame), IPC_BROKEN);
	ipc_reader_fini(&r);
}
END_TEST

START_TEST(test_write_now_drops_instead_of_waiting)
{
	static char data[60000];
	int rc = 0;

	for (int i = 0; i < 10000 && rc == 0; i++)
		rc = ipc_write_now(ends[0], IPC_PROGRESS, data, sizeof data);
	ck_assert_int_eq(rc, ERR_FULL);
	ck_assert_int_eq(ipc_write_now(ends[0], IPC_PROGRESS, data, 65536), ERR_FULL);
}
END_TEST

/* ---- faults ---- */

static const struct header bad_headers[] = {
	{ MAGIC + 1, IPC_RESULT, 3, 0 },      { MAGIC, 0, 3, 0 },
	{ MAGIC, IPC_KIND_END, 3, 0 },        { MAGIC, 0xffffffff, 3, 0 },
	{ MAGIC, IPC_RESULT, 2, 0 },          { MAGIC, IPC_RESULT, 3, 1 },
	{ MAGIC, IPC_RESULT, 0xfffffff0, 0 }, { MAGIC, IPC_RESULT, 3, 0xffffffff },
	{ MAGIC, IPC_RESULT, 0, 0 },
};
enum { BAD_HEADERS = sizeof bad_headers / sizeof *bad_headers };

START_TEST(test_reader_refuses_a_bad_header)
{
	struct ipc_reader r = { 0 };
	struct ipc_frame frame;

	send_raw(&bad_headers[_i], "abc", 3);
	ck_assert_int_eq(ipc_read(&r, ends[1], &frame), IPC_BROKEN);
	ipc_reader_fini(&r);
}
END_TEST

/* After a good first part of ten bytes (four of them there): what may not follow. */
static const struct {
	struct header h;
	size_t n;
} bad_parts[] = {
	{ { MAGIC, IPC_RESULT, 10, 0 }, 4 },  /* once more */
	{ { MAGIC, IPC_RESULT, 10, 5 }, 5 },  /* a gap */
	{ { MAGIC, IPC_RESULT, 11, 4 }, 6 },  /* another size */
	{ { MAGIC, IPC_FAILURE, 10, 4 }, 6 }, /* another kind */
	{ { MAGIC, IPC_RESULT, 10, 4 }, 7 },  /* too much */
	{ { MAGIC, IPC_RESULT, 10, 4 }, 0 },  /* nothing */
};
enum { BAD_PARTS = sizeof bad_parts / sizeof *bad_parts };

START_TEST(test_reader_refuses_a_bad_second_part)
{
	static const struct header first = { MAGIC, IPC_RESULT, 10, 0 }, second = { MAGIC, IPC_RESULT, 10, 4 };
	struct ipc_reader r = { 0 };
	struct ipc_frame frame;

	send_raw(&first, "abcd", 4);
	ck_assert_int_eq(ipc_read(&r, ends[1], &frame), IPC_AGAIN);
	send_raw(&second, "efghij", 6);
	ck_assert_int_eq(ipc_read(&r, ends[1], &frame), IPC_FRAME);
	ck_assert(memcmp(frame.data, "abcdefghij", 10) == 0);
	send_raw(&first, "abcd", 4);
	send_raw(&bad_parts[_i].h, "efghijk", bad_parts[_i].n);
	ck_assert_int_eq(ipc_read(&r, ends[1], &frame), IPC_BROKEN);
	ipc_reader_fini(&r);
}
END_TEST

START_TEST(test_reader_refuses_oversized_and_short_messages)
{
	static const struct header h = { MAGIC, IPC_RESULT, 70000, 0 };
	static char data[70000];
	struct ipc_reader r = { 0 };
	struct ipc_frame frame;

	send_raw(&h, data, 70000);
	ck_assert_int_eq(ipc_read(&r, ends[1], &frame), IPC_BROKEN);
	for (size_t n = 1; n < sizeof h; n++) {
		ck_assert_int_eq(send(ends[0], &h, n, 0), (ssize_t)n);
		ck_assert_int_eq(ipc_read(&r, ends[1], &frame), IPC_BROKEN);
	}
	ipc_reader_fini(&r);
}
END_TEST

/* A descriptor that nobody asked for is not taken. */
START_TEST(test_reader_refuses_descriptors)
{
	struct ipc_reader r = { 0 };
	struct ipc_frame frame;

	int before = dup(0);
	close(before);
	ck_assert_int_eq(ipc_write(ends[0], IPC_RESULT, "1", 1, ends[1]), 0);
	ck_assert_int_eq(ipc_read(&r, ends[1], &frame), IPC_BROKEN);
	int after = dup(0);
	close(after);
	ck_assert_int_eq(before, after);
	ipc_reader_fini(&r);
}
END_TEST

START_TEST(test_reader_survives_noise)
{
	static unsigned char noise[200];
	struct ipc_reader r = { .max = 4096 };
	struct ipc_frame frame;
	unsigned seed = 1;

	for (int round = 0; round < 20000; round++) {
		size_t n = 1;
		for (size_t i = 0; i < sizeof noise; i++) {
			seed = seed * 1103515245 + 12345;
			noise[i] = (unsigned char)(seed >> 16);
			n = noise[0] % sizeof noise + 1;
		}
		if (round % 2) { /* nearly right */
			struct header h = { MAGIC, noise[1] % 14, noise[2], noise[3] % 4 ? 0 : noise[3] };
			memcpy(noise, &h, sizeof h);
		}
		ck_assert_int_eq(send(ends[0], noise, n, 0), (ssize_t)n);
		if (ipc_read(&r, ends[1], &frame) == IPC_FRAME)
			ck_assert_uint_le(frame.n, 4096);
	}
	ipc_reader_fini(&r);
}
END_TEST

START_TEST(test_failure_refuses_what_is_not_one)
{
	struct op_failure f, back, good;
	struct buf payload = BUF_INIT;
	size_t whole = sizeof f;

	memset(&good, 0, sizeof good);
	fill_failure(&good);
	good.count = OP_FAILURE_POINTERS;
	ck_assert_int_eq(ipc_get_failure((char *)&good, whole, &back), 0);
	for (size_t n = 0; n < whole; n++)
		ck_assert_int_eq(ipc_get_failure((char *)&good, n, &back), ERR_INVALID);
	f = good;
	f.error = OP_ERROR_COUNT;
	ck_assert_int_eq(ipc_get_failure((char *)&f, whole, &back), ERR_INVALID);
	f = good;
	memset(f.detail, 'x', sizeof f.detail);
	ck_assert_int_eq(ipc_get_failure((char *)&f, whole, &back), ERR_INVALID);
	f = good;
	memset(f.at[7].pointer, 'x', sizeof f.at[7].pointer);
	ck_assert_int_eq(ipc_get_failure((char *)&f, whole, &back), ERR_INVALID);
	f = good;
	strcpy(f.unit, "x\",\"evil\":\"");
	ck_assert_int_eq(ipc_get_failure((char *)&f, whole, &back), ERR_INVALID);
	f = good;
	f.limit = strtod("nan", NULL);
	ck_assert_int_eq(ipc_get_failure((char *)&f, whole, &back), ERR_INVALID);
	f = good;
	f.estimate = strtod("inf", NULL);
	ck_assert_int_eq(ipc_get_failure((char *)&f, whole, &back), ERR_INVALID);
	buf_fini(&payload);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ipc");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	TCase *all[] = { core, limits, faults };

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		tcase_add_checked_fixture(all[i], setup, teardown);
		suite_add_tcase(suite, all[i]);
	}
	tcase_add_loop_test(core, test_write_read_every_size, 0, SIZES);
	tcase_add_test(core, test_frames_keep_their_order_and_kinds);
	tcase_add_test(core, test_descriptor_comes_along);
	tcase_add_test(core, test_failure_comes_back_the_same);
	tcase_add_test(limits, test_reader_refuses_what_is_too_large);
	tcase_add_test(limits, test_write_now_drops_instead_of_waiting);
	tcase_add_loop_test(faults, test_reader_refuses_a_bad_header, 0, BAD_HEADERS);
	tcase_add_loop_test(faults, test_reader_refuses_a_bad_second_part, 0, BAD_PARTS);
	tcase_add_test(faults, test_reader_refuses_oversized_and_short_messages);
	tcase_add_test(faults, test_reader_refuses_descriptors);
	tcase_add_test(faults, test_reader_survives_noise);
	tcase_add_test(faults, test_failure_refuses_what_is_not_one);

	return suite_run(suite);
}
