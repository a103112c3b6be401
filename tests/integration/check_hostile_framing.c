/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages whose end two readers could see in two places, which is what request smuggling lives on, sent to a web role
 * and to the load balancer before one. Whatever comes back, a message has one answer at most, nothing that hides in a
 * body is answered, no refused request leaves a job, and the next client is served. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "hostile_lab.h"
#include "suite_run.h"

/* ---- framing ---- */

#define CHUNKS "18\r\n" HOSTILE_JOB "\r\n0\r\n\r\n"
#define CODING "Transfer-Encoding: chunked\r\n"
#define CANARY HOSTILE_POST HOSTILE_LENGTH "\r\n" HOSTILE_JOB
#define BYTES(text) text, sizeof(text) - 1

enum how {
	REFUSED, /* 400 in the contract's form, and the end */
	CUT,     /* nothing, or the HTTP library's own refusal, and the end */
	TAKEN,   /* one message that means one thing: a job, and the next request is another */
	EITHER,  /* as good as the one or the other: nobody reads it in two ways */
	FRONT    /* the library takes it for the end of the head, so it is the balancer that must not let it through */
};

static const struct {
	const char *name, *bytes;
	size_t n;
	enum how how;
} framings[] = {
	{ "length and coding", BYTES(HOSTILE_POST HOSTILE_LENGTH CODING "\r\n" CHUNKS), REFUSED },
	{ "coding and length", BYTES(HOSTILE_POST CODING HOSTILE_LENGTH "\r\n" CHUNKS), REFUSED },
	{ "coding, and a length that hides a request",
	  BYTES(HOSTILE_POST "Content-Length: 92\r\n" CODING "\r\n0\r\n\r\n" CANARY), REFUSED },
	{ "two equal lengths", BYTES(HOSTILE_POST HOSTILE_LENGTH HOSTILE_LENGTH "\r\n" HOSTILE_JOB), REFUSED },
	{ "two lengths", BYTES(HOSTILE_POST HOSTILE_LENGTH "Content-Length: 1\r\n\r\n" HOSTILE_JOB), REFUSED },
	{ "a list of equal lengths", BYTES(HOSTILE_POST "Content-Length: 24, 24\r\n\r\n" HOSTILE_JOB), REFUSED },
	{ "a list of lengths", BYTES(HOSTILE_POST "Content-Length: 24, 1\r\n\r\n" HOSTILE_JOB), REFUSED },
	{ "length with a plus", BYTES(HOSTILE_POST "Content-Length: +24\r\n\r\n" HOSTILE_JOB), REFUSED },
	{ "negative length", BYTES(HOSTILE_POST "Content-Length: -24\r\n\r\n" HOSTILE_JOB), REFUSED },
	{ "length with a blank", BYTES(HOSTILE_POST "Content-Length: 2 4\r\n\r\n" HOSTILE_JOB), REFUSED },
	{ "hexadecimal length", BYTES(HOSTILE_POST "Content-Length: 0x18\r\n\r\n" HOSTILE_JOB), REFUSED },
	{ "length with decimals", BYTES(HOSTILE_POST "Content-Length: 24.0\r\n\r\n" HOSTILE_JOB), REFUSED },
	{ "length with an exponent", BYTES(HOSTILE_POST "Content-Length: 24e0\r\n\r\n" HOSTILE_JOB), REFUSED },
	{ "length of 20 digits", BYTES(HOSTILE_POST "Content-Length: 18446744073709551640\r\n\r\n" HOSTILE_JOB),
	  REFUSED },
	{ "length in quotes", BYTES(HOSTILE_POST "Content-Length: \"24\"\r\n\r\n" HOSTILE_JOB), REFUSED },
	{ "no length in the header", BYTES(HOSTILE_POST "Content-Length:\r\n\r\n" HOSTILE_JOB), REFUSED },
	{ "length after many blanks", BYTES(HOSTILE_POST "Content-Length: \t   24\r\n\r\n" HOSTILE_JOB), TAKEN },
	{ "length before many blanks", BYTES(HOSTILE_POST "Content-Length: 24 \t \r\n\r\n" HOSTILE_JOB), REFUSED },
	{ "length with zeros before it", BYTES(HOSTILE_POST "Content-Length: 00024\r\n\r\n" HOSTILE_JOB), TAKEN },
	{ "chunked twice", BYTES(HOSTILE_POST CODING CODING "\r\n" CHUNKS), REFUSED },
	{ "chunked, chunked", BYTES(HOSTILE_POST "Transfer-Encoding: chunked, chunked\r\n\r\n" CHUNKS), REFUSED },
	{ "xchunked", BYTES(HOSTILE_POST "Transfer-Encoding: xchunked\r\n\r\n" CHUNKS), REFUSED },
	{ "chunked with a parameter", BYTES(HOSTILE_POST "Transfer-Encoding: chunked;q=1\r\n\r\n" CHUNKS), REFUSED },
	{ "identity", BYTES(HOSTILE_POST "Transfer-Encoding: identity\r\n\r\n" HOSTILE_JOB), REFUSED },
	{ "gzip, chunked", BYTES(HOSTILE_POST "Transfer-Encoding: gzip, chunked\r\n\r\n" CHUNKS), REFUSED },
	{ "chunked, identity", BYTES(HOSTILE_POST "Transfer-Encoding: chunked, identity\r\n\r\n" CHUNKS), REFUSED },
	{ "chunked behind a control character", BYTES(HOSTILE_POST "Transfer-Encoding: \vchunked\r\n\r\n" CHUNKS),
	  REFUSED },
	{ "chunked on the next line", BYTES(HOSTILE_POST "Transfer-Encoding:\r\n chunked\r\n\r\n" CHUNKS), REFUSED },
	{ "a coding on a continued line",
	  BYTES(HOSTILE_POST HOSTILE_LENGTH "X: a\r\n Transfer-Encoding: chunked\r\n\r\n" HOSTILE_JOB), REFUSED },
	{ "a length on a continued line", BYTES(HOSTILE_POST "X: a\r\n\tContent-Length: 24\r\n\r\n"), REFUSED },
	{ "a first header that is continued",
	  BYTES("POST /v1/jobs HTTP/1.1\r\n Host: localhost\r\n" HOSTILE_LENGTH "\r\n" HOSTILE_JOB), REFUSED },
	{ "a blank before the length's colon", BYTES(HOSTILE_POST "Content-Length : 24\r\n\r\n" HOSTILE_JOB), REFUSED },
	{ "a tab before the coding's colon", BYTES(HOSTILE_POST "Transfer-Encoding\t: chunked\r\n\r\n" CHUNKS),
	  REFUSED },
	{ "a line without a colon", BYTES(HOSTILE_POST HOSTILE_LENGTH "Transfer-Encoding chunked\r\n\r\n" HOSTILE_JOB),
	  CUT },
	{ "a zero byte in a value", BYTES(HOSTILE_POST HOSTILE_LENGTH "X: a\0b\r\n\r\n" HOSTILE_JOB), EITHER },
	{ "a zero byte in a name", BYTES(HOSTILE_POST HOSTILE_LENGTH "X\0Y: a\r\n\r\n" HOSTILE_JOB), CUT },
	{ "a zero byte behind chunked", BYTES(HOSTILE_POST "Transfer-Encoding: chunked\0\r\n\r\n" CHUNKS), EITHER },
	{ "a bare CR in a value",
	  BYTES(HOSTILE_POST HOSTILE_LENGTH "X: a\rTransfer-Encoding: chunked\r\n\r\n" HOSTILE_JOB), REFUSED },
	{ "HTTP/1.0 with a coding", BYTES("POST /v1/jobs HTTP/1.0\r\nHost: localhost\r\n" CODING "\r\n" CHUNKS),
	  REFUSED },
	{ "no Host", BYTES("POST /v1/jobs HTTP/1.1\r\n" HOSTILE_LENGTH "\r\n" HOSTILE_JOB), REFUSED },
	{ "two Hosts", BYTES(HOSTILE_POST "Host: localhost\r\n" HOSTILE_LENGTH "\r\n" HOSTILE_JOB), REFUSED },
	{ "a list of Hosts",
	  BYTES("POST /v1/jobs HTTP/1.1\r\nHost: localhost, evil\r\n" HOSTILE_LENGTH "\r\n" HOSTILE_JOB), REFUSED },
	{ "a chunk size that is none", BYTES(HOSTILE_POST CODING "\r\nzz\r\n" HOSTILE_JOB "\r\n0\r\n\r\n"), CUT },
	{ "a negative chunk size", BYTES(HOSTILE_POST CODING "\r\n-18\r\n" HOSTILE_JOB "\r\n0\r\n\r\n"), CUT },
	{ "a chunk size with 0x", BYTES(HOSTILE_POST CODING "\r\n0x18\r\n" HOSTILE_JOB "\r\n0\r\n\r\n"), CUT },
	{ "a chunk size beyond 64 bits",
	  BYTES(HOSTILE_POST CODING "\r\n10000000000000018\r\n" HOSTILE_JOB "\r\n0\r\n\r\n"), CUT },
	{ "a chunk size near 64 bits",
	  BYTES(HOSTILE_POST CODING "\r\nfffffffffffffff0\r\n" HOSTILE_JOB "\r\n0\r\n\r\n"), CUT },
	{ "no line end after a chunk", BYTES(HOSTILE_POST CODING "\r\n18\r\n" HOSTILE_JOB "XX0\r\n\r\n"), CUT },
	{ "an empty chunk size", BYTES(HOSTILE_POST CODING "\r\n\r\n" HOSTILE_JOB "\r\n0\r\n\r\n"), CUT },
	{ "the last chunk missing", BYTES(HOSTILE_POST CODING "\r\n18\r\n" HOSTILE_JOB "\r\n"), CUT },
	{ "a body shorter than its length", BYTES(HOSTILE_POST "Content-Length: 300\r\n\r\n" HOSTILE_JOB), CUT },
	{ "HTTP/2.0", BYTES("POST /v1/jobs HTTP/2.0\r\nHost: localhost\r\n" HOSTILE_LENGTH "\r\n" HOSTILE_JOB), CUT },
	{ "HTTP/1.12", BYTES("POST /v1/jobs HTTP/1.12\r\nHost: localhost\r\n" HOSTILE_LENGTH "\r\n" HOSTILE_JOB), CUT },
	{ "lower case http", BYTES("POST /v1/jobs http/1.1\r\nHost: localhost\r\n" HOSTILE_LENGTH "\r\n" HOSTILE_JOB),
	  CUT },
	{ "chunked", BYTES(HOSTILE_POST CODING "\r\n" CHUNKS), TAKEN },
	{ "chunks with extensions", BYTES(HOSTILE_POST CODING "\r\n18;a=b\r\n" HOSTILE_JOB "\r\n0;c\r\n\r\n"), TAKEN },
	{ "chunks of one byte and capitals",
	  BYTES(HOSTILE_POST CODING "\r\n1\r\n{\r\n0016\r\n\"op\":\"echo\",\"args\":[1]\r\n1\r\n}\r\n0\r\n\r\n"),
	  TAKEN },
	{ "a trailer that is a length",
	  BYTES(HOSTILE_POST CODING "\r\n18\r\n" HOSTILE_JOB "\r\n0\r\nContent-Length: 92\r\n\r\n"), EITHER },
	{ "a trailer that is a coding", BYTES(HOSTILE_POST CODING "\r\n18\r\n" HOSTILE_JOB "\r\n0\r\n" CODING "\r\n"),
	  EITHER },
	{ "a chunk size with blanks", BYTES(HOSTILE_POST CODING "\r\n18 \r\n" HOSTILE_JOB "\r\n0\r\n\r\n"), EITHER },
	{ "a trailer", BYTES(HOSTILE_POST CODING "\r\n18\r\n" HOSTILE_JOB "\r\n0\r\nX: y\r\n\r\n"), TAKEN },
	{ "a header without a name", BYTES(HOSTILE_POST HOSTILE_LENGTH ": chunked\r\n\r\n" HOSTILE_JOB), FRONT },
};
#define FRAMINGS (int)(sizeof framings / sizeof *framings)
#define DIRECT (FRAMINGS - 1) /* without the last, FRONT */

/* Takes the answer to the message, and to the canary behind it. How many jobs have come of it. */
static size_t hear_one_or_two(const char *name, enum how how)
{
	unsigned first = hostile_hear(), second = 0;
	bool taken = first == 202, ours = first == 400 && how == REFUSED;
	ck_assert_msg(taken ? how == TAKEN || how == EITHER : ours || how == CUT || how == EITHER, "%s: %u %s", name,
		      first, buf_cstr(&hostile.answer.body));
	ck_assert_msg(first == 0 || first == 202 || first == 400 || first == 413 || first == 505, "%s: %u", name,
		      first);
	if (ours)
		hostile_expect_problem(name);
	if (first)
		second = hostile_hear();
	ck_assert_msg(second == (taken ? 202 : 0), "%s: then %u", name, second);
	return taken ? 2 : 0;
}

/* With a request behind it, which belongs to nobody when the message was refused. */
START_TEST(test_framing_directly)
{
	const char *name = framings[_i].name;
	hostile_remember();
	hostile_dial();
	raw_send(&hostile.client, framings[_i].bytes, framings[_i].n, HOSTILE_MS);
	raw_say(&hostile.client, CANARY);
	if (framings[_i].how == CUT)
		(void)shutdown(hostile.client.fd, SHUT_WR);
	size_t new_jobs = hear_one_or_two(name, framings[_i].how);
	raw_close(&hostile.client);
	hostile_expect_sane(new_jobs, name);
}
END_TEST

/* Where the balancer makes one thing of an ambiguous message, one request and one answer are as good as a refusal. */
START_TEST(test_framing_through_the_balancer)
{
	unsigned status[2] = { 0 };
	const char *name = framings[_i].name;
	hostile_remember();
	hostile_dial();
	raw_send(&hostile.client, framings[_i].bytes, framings[_i].n, HOSTILE_MS);
	ck_assert_int_eq(shutdown(hostile.client.fd, SHUT_WR), 0);
	unsigned n = hostile_hear_all(status);
	ck_assert_msg(n <= 1, "%s: %u answers, %u %u", name, n, status[0], status[1]);
	if (framings[_i].how == TAKEN)
		ck_assert_msg(status[0] == 202, "%s: %u", name, status[0]);
	raw_close(&hostile.client);
	hostile_expect_sane(status[0] == 202 ? 1 : 0, name);
}
END_TEST

/* A lone LF may end a line (RFC 9112 2.2), as long as nothing else is made of it. */
START_TEST(test_bare_line_feeds)
{
	static const char *const cases[] = {
		"POST /v1/jobs HTTP/1.1\nHost: localhost\n" HOSTILE_LENGTH "\r\n" HOSTILE_JOB,
		"POST /v1/jobs HTTP/1.1\nHost: localhost\nContent-Length: 24\n\n" HOSTILE_JOB,
		HOSTILE_POST "X: a\nContent-Length: 24\r\n\r\n" HOSTILE_JOB,
		HOSTILE_POST CODING "\r\n18\n" HOSTILE_JOB "\n0\n\n",
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		unsigned status[2] = { 0 };
		hostile_remember();
		hostile_dial();
		raw_say(&hostile.client, cases[i]);
		ck_assert_int_eq(shutdown(hostile.client.fd, SHUT_WR), 0);
		unsigned n = hostile_hear_all(status);
		ck_assert_msg(n <= 1 && (n == 0 || status[0] == 400 || status[0] == 202), "%s: %u answers, %u",
			      cases[i], n, status[0]);
		raw_close(&hostile.client);
		hostile_expect_sane(status[0] == 202 ? 1 : 0, cases[i]);
	}
}
END_TEST

/* ---- pipelining ---- */

#define GETS "GET /v1/jobs/%d HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: r%d\r\n\r\n"
#define PIPELINED 20

static void expect_id(int i)
{
	char id[20];
	(void)snprintf(id, sizeof id, "r%d", i);
	const char *came = raw_header(&hostile.answer, "X-Request-Id");
	ck_assert_msg(came && strcmp(came, id) == 0, "answer %d is to %s", i, came ? came : "none");
}

/* In one packet; submissions wait for Redis, the others are answered at once, and none overtakes. */
static void pipeline(struct buf *out, int bad)
{
	buf_clear(out);
	for (int i = 0; i < PIPELINED; i++)
		if (i == bad)
			buf_printf(out,
				   HOSTILE_POST "X-Request-Id: r%d\r\nHost: other\r\n" HOSTILE_LENGTH
						"\r\n" HOSTILE_JOB,
				   i);
		else if (i % 3 == 0)
			buf_printf(out, HOSTILE_POST "X-Request-Id: r%d\r\n" HOSTILE_LENGTH "\r\n" HOSTILE_JOB, i);
		else
			buf_printf(out, GETS, i, i);
}

START_TEST(test_pipelined_requests_are_answered_in_order)
{
	struct buf all = BUF_INIT;
	hostile_remember();
	pipeline(&all, -1);
	hostile_dial();
	ck_assert(raw_send(&hostile.client, all.data, all.len, HOSTILE_MS));
	for (int i = 0; i < PIPELINED; i++) {
		unsigned expected = i % 3 == 0 ? 202 : 404;
		ck_assert_msg(hostile_hear() == expected, "%d: %u %s", i, hostile.answer.status,
			      buf_cstr(&hostile.answer.body));
		expect_id(i);
	}
	raw_close(&hostile.client);
	hostile_expect_sane((PIPELINED + 2) / 3, "pipelining");
	buf_fini(&all);
}
END_TEST

START_TEST(test_nothing_behind_a_bad_request_is_answered)
{
	struct buf all = BUF_INIT;
	hostile_remember();
	pipeline(&all, 10);
	hostile_dial();
	raw_send(&hostile.client, all.data, all.len, HOSTILE_MS);
	for (int i = 0; i <= 10; i++) {
		unsigned expected = i == 10 ? 400 : i % 3 == 0 ? 202 : 404;
		ck_assert_msg(hostile_hear() == expected, "%d: %u %s", i, hostile.answer.status,
			      buf_cstr(&hostile.answer.body));
		if (i < 10 || !hostile.balanced) /* HAProxy refuses without having read it */
			expect_id(i);
	}
	ck_assert_uint_eq(hostile_hear(), 0);
	raw_close(&hostile.client);
	hostile_expect_sane(4, "a pipeline that is bad in the middle");
	buf_fini(&all);
}
END_TEST

/* The head of a request arrives byte by byte, in whatever packets the network makes of them. */
START_TEST(test_a_request_in_single_bytes)
{
	static const char text[] = HOSTILE_POST CODING "X-Request-Id: r7\r\n\r\n" CHUNKS;
	hostile_remember();
	hostile_dial();
	for (size_t i = 0; i < sizeof text - 1; i++)
		ck_assert(raw_send(&hostile.client, text + i, 1, HOSTILE_MS));
	ck_assert_uint_eq(hostile_hear(), 202);
	expect_id(7);
	raw_close(&hostile.client);
	hostile_expect_sane(1, "single bytes");
}
END_TEST

/* ---- the program ---- */

static void add_common(TCase *c)
{
	tcase_add_test(c, test_bare_line_feeds);
	tcase_add_test(c, test_pipelined_requests_are_answered_in_order);
	tcase_add_test(c, test_nothing_behind_a_bad_request_is_answered);
	tcase_add_test(c, test_a_request_in_single_bytes);
}

int main(void)
{
	Suite *s = suite_create("hostile_framing");
	TCase *direct = tcase_create("faults"), *balanced = tcase_create("faults through the balancer");
	tcase_add_unchecked_fixture(direct, hostile_start_web, hostile_stop_web);
	tcase_add_unchecked_fixture(balanced, hostile_start_fabric, hostile_stop_fabric);
	tcase_add_loop_test(direct, test_framing_directly, 0, DIRECT);
	tcase_add_loop_test(balanced, test_framing_through_the_balancer, 0, FRAMINGS);
	add_common(direct);
	add_common(balanced);
	tcase_set_timeout(direct, 120);
	tcase_set_timeout(balanced, 120);
	suite_add_tcase(s, direct);
	suite_add_tcase(s, balanced);
	return suite_run(s);
}
