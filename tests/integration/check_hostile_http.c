/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Heads that are too long, request lines that mean something else, other protocols: sent to a web role and to the load
 * balancer before one. Each is answered as the contract says or cut, and the next client is served. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "hostile_lab.h"
#include "suite_run.h"

/* ---- heads ---- */

static const struct {
	const char *name;
	unsigned lines;      /* further header lines, besides two */
	size_t bytes;        /* of the whole head, filled up with one long value; 0: as it comes */
	size_t target_bytes; /* of a query; 0: none */
	bool taken;
} heads[] = {
	{ "95 lines", 94, 0, 0, true },
	{ "101 lines", 100, 0, 0, false },
	{ "8,000 bytes", 0, 8000, 0, true },
	{ "8 KiB and a byte", 0, 8193, 0, false },
	{ "8,000 bytes of 90 lines", 89, 8000, 0, true },
	{ "64 KiB", 0, 65536, 0, false },
	{ "a header of 1 MiB", 0, 1048576, 0, false },
	{ "4,000 lines", 4000, 0, 0, false },
	{ "a target of 7,900 bytes", 0, 0, 7890, true },
	{ "a target of 8 KiB", 0, 0, 8192, false },
	{ "a target of 64 KiB", 0, 0, 65536, false },
};
#define HEADS (int)(sizeof heads / sizeof *heads)

static void make_head(struct buf *out, int i)
{
	buf_puts(out, "GET /livez");
	for (size_t k = 0; k < heads[i].target_bytes; k++)
		buf_byte(out, k ? 'q' : '?');
	buf_puts(out, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
	for (unsigned k = 0; k < heads[i].lines; k++)
		buf_printf(out, "X-%u: 1\r\n", k);
	if (heads[i].bytes) {
		buf_puts(out, "X: ");
		while (out->len + 4 < heads[i].bytes)
			buf_byte(out, 'x');
		buf_puts(out, "\r\n");
	}
	buf_puts(out, "\r\n");
}

/* Beyond the limit: 431, or the balancer's 400, or an end while the client was still sending. */
START_TEST(test_heads_up_to_the_limit)
{
	struct buf head = BUF_INIT;
	unsigned status[2] = { 0 };
	const char *name = heads[_i].name;
	hostile_remember();
	make_head(&head, _i);
	hostile_dial();
	raw_send(&hostile.client, head.data, head.len, HOSTILE_MS);
	if (heads[_i].taken) {
		ck_assert_msg(hostile_hear() == 200, "%s: %u %s", name, hostile.answer.status,
			      buf_cstr(&hostile.answer.body));
	} else {
		unsigned n = hostile_hear_all(status);
		ck_assert_msg(n <= 1 && (n == 0 || status[0] == 431 || status[0] == 414 || status[0] == 413 ||
					 status[0] == 400),
			      "%s: %u answers, %u", name, n, status[0]);
		ck_assert_msg(n == 1 || head.len > 2 * 8192, "%s: no answer", name);
	}
	raw_close(&hostile.client);
	hostile_expect_sane(0, name);
	buf_fini(&head);
}
END_TEST

/* Header after header, without an end: the connection is. */
START_TEST(test_a_head_without_end)
{
	static char lines[8000];
	unsigned status[2] = { 0 };
	size_t n = 0;
	hostile_remember();
	while (n + 20 < sizeof lines)
		n += (size_t)snprintf(lines + n, sizeof lines - n, "X-Line: %zu\r\n", n);
	hostile_dial();
	raw_say(&hostile.client, "GET /livez HTTP/1.1\r\nHost: localhost\r\n");
	for (size_t sent = 0; !hostile.client.ended; sent += n) {
		raw_send(&hostile.client, lines, n, HOSTILE_MS);
		ck_assert_msg(sent < (64u << 20), "64 MiB of a head were taken");
	}
	ck_assert_uint_le(hostile_hear_all(status), 1);
	raw_close(&hostile.client);
	hostile_expect_sane(0, "an endless head");
}
END_TEST

/* ---- request lines ---- */

static const struct {
	const char *line;
	unsigned status; /* 0: anything from 400 on, or an end */
} lines[] = {
	{ "GET http://localhost/livez HTTP/1.1", 200 },
	{ "GET HTTP://LOCALHOST:80/livez?a=b HTTP/1.1", 200 },
	{ "GET http://localhost HTTP/1.1", 404 },
	{ "OPTIONS * HTTP/1.1", 204 },
	{ "GET * HTTP/1.1", 400 },
	{ "GET localhost:80 HTTP/1.1", 400 },
	{ "CONNECT localhost:80 HTTP/1.1", 0 },
	{ "GET livez HTTP/1.1", 400 },
	{ "GET //livez HTTP/1.1", 404 },
	{ "GET /livez/ HTTP/1.1", 404 },
	{ "GET /livez%00 HTTP/1.1", 400 },
	{ "GET /livez%0d%0aX:%20y HTTP/1.1", 400 },
	{ "GET /livez%7f HTTP/1.1", 400 },
	{ "GET /livez%2 HTTP/1.1", 400 },
	{ "GET /livez%zz HTTP/1.1", 400 },
	{ "GET /%6c%69%76%65%7A HTTP/1.1", 200 },
	{ "GET /v1%2flivez HTTP/1.1", 404 },
	{ "GET /v1/..%2flivez HTTP/1.1", 404 },
	{ "GET /v1/../livez HTTP/1.1", 404 },
	{ "GET /v1/%2e%2e/livez HTTP/1.1", 404 },
	{ "GET /v1/jobs/..%2f..%2flivez HTTP/1.1", 404 },
	{ "GET /v1/jobs/%c0%ae%c0%ae HTTP/1.1", 404 },
	{ "GET /livez;a=b HTTP/1.1", 404 },
	{ "GET /livez#part HTTP/1.1", 0 },
	{ "GET /livez\xc3\xa9 HTTP/1.1", 0 },
	{ "GET /li\tvez HTTP/1.1", 0 },
	{ "GET /livez /livez HTTP/1.1", 0 },
	{ "GET  /livez HTTP/1.1", 200 }, /* blanks between the parts may be many (RFC 9112 3) */
	{ "GET /livez", 0 },
	{ "get /livez HTTP/1.1", 405 },
	{ "GETT /livez HTTP/1.1", 405 },
	{ "TRACE /livez HTTP/1.1", 405 },
	{ "PUT /v1/jobs HTTP/1.1", 405 },
	{ "G\001T /livez HTTP/1.1", 0 },
	{ "G(T /livez HTTP/1.1", 0 },
	{ "/livez HTTP/1.1", 0 },
	{ " GET /livez HTTP/1.1", 0 },
	{ "GET /livez HTTP/1.1 ", 0 },
	{ "GET /livez FTP/1.1", 0 },
};
#define LINES (int)(sizeof lines / sizeof *lines)

START_TEST(test_request_lines)
{
	unsigned expected = lines[_i].status;
	hostile_remember();
	hostile_dial();
	raw_say(&hostile.client, lines[_i].line);
	raw_say(&hostile.client, "\r\nHost: localhost\r\nConnection: close\r\n\r\n");
	unsigned got = hostile_hear();
	if (expected && !(hostile.balanced && got == 400 && expected > 399))
		ck_assert_msg(got == expected, "%s: %u, expected %u: %s", lines[_i].line, got, expected,
			      buf_cstr(&hostile.answer.body));
	else
		ck_assert_msg(got == 0 || got > 399, "%s: %u %s", lines[_i].line, got, buf_cstr(&hostile.answer.body));
	if (got > 399 && (expected || hostile.balanced))
		hostile_expect_problem(lines[_i].line);
	ck_assert_msg(got == 0 || hostile_hear() == 0, "%s: a second answer", lines[_i].line);
	raw_close(&hostile.client);
	hostile_expect_sane(0, lines[_i].line);
}
END_TEST

/* ---- other protocols, other expectations ---- */

#define BYTES(text) text, sizeof(text) - 1

START_TEST(test_expectations)
{
	hostile_remember();
	hostile_dial();
	raw_say(&hostile.client, HOSTILE_POST "Expect: 100-continue\r\n" HOSTILE_LENGTH "\r\n");
	ck_assert_uint_eq(hostile_hear(), 100);
	raw_say(&hostile.client, HOSTILE_JOB);
	ck_assert_uint_eq(hostile_hear(), 202);
	raw_say(&hostile.client, HOSTILE_POST "Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n");
	ck_assert_uint_eq(hostile_hear(), 413);
	if (!hostile.balanced) /* HAProxy waits for the body all the same */
		ck_assert_uint_eq(hostile_hear(), 0);
	raw_close(&hostile.client);
	hostile_dial();
	raw_say(&hostile.client, HOSTILE_POST "Expect: 200-ok\r\n" HOSTILE_LENGTH "\r\n");
	ck_assert_uint_eq(hostile_hear(), 417);
	if (!hostile.balanced)
		ck_assert_uint_eq(hostile_hear(), 0);
	raw_close(&hostile.client);
	hostile_expect_sane(1, "expectations");
}
END_TEST

/* What wants another protocol is answered in this one. */
START_TEST(test_upgrades_are_passed_over)
{
	static const char *const cases[] = {
		"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
	};
	hostile_remember();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		hostile_dial();
		raw_say(&hostile.client, "GET /livez HTTP/1.1\r\nHost: localhost\r\n");
		raw_say(&hostile.client, cases[i]);
		raw_say(&hostile.client, "\r\n");
		ck_assert_uint_eq(hostile_hear(), 200);
		raw_close(&hostile.client);
	}
	hostile_expect_sane(0, "upgrades");
}
END_TEST

static const struct {
	const char *name, *bytes;
	size_t n;
} foreign[] = {
	{ "HTTP/2 with prior knowledge", BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0") },
	{ "TLS", BYTES("\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"
		       "\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x00\x00\x20"
		       "\r\n\r\n") },
	{ "a Redis command", BYTES("*1\r\n$4\r\nPING\r\n") },
	{ "SSH", BYTES("SSH-2.0-OpenSSH_9.2\r\n") },
	{ "the PROXY protocol of a client", BYTES("PROXY TCP4 10.0.0.1 10.0.0.2 1 80\r\nGET /livez HTTP/1.1\r\nHost: "
						  "localhost\r\n\r\n") },
	{ "an answer", BYTES("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") },
	{ "zero bytes", BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\r\n\r\n") },
	{ "line ends only", BYTES("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n") },
};
#define FOREIGN (int)(sizeof foreign / sizeof *foreign)

START_TEST(test_other_protocols)
{
	unsigned status[2] = { 0 };
	hostile_remember();
	hostile_dial();
	raw_send(&hostile.client, foreign[_i].bytes, foreign[_i].n, HOSTILE_MS);
	(void)shutdown(hostile.client.fd, SHUT_WR);
	unsigned n = hostile_hear_all(status);
	ck_assert_msg(n <= 1 && (n == 0 || status[0] > 399), "%s: %u answers, %u", foreign[_i].name, n, status[0]);
	raw_close(&hostile.client);
	hostile_expect_sane(0, foreign[_i].name);
}
END_TEST

/* ---- the program ---- */

static void add_common(TCase *c)
{
	tcase_add_loop_test(c, test_heads_up_to_the_limit, 0, HEADS);
	tcase_add_test(c, test_a_head_without_end);
	tcase_add_loop_test(c, test_request_lines, 0, LINES);
	tcase_add_test(c, test_expectations);
	tcase_add_test(c, test_upgrades_are_passed_over);
	tcase_add_loop_test(c, test_other_protocols, 0, FOREIGN);
}

int main(void)
{
	Suite *s = suite_create("hostile_http");
	TCase *direct = tcase_create("faults"), *balanced = tcase_create("faults through the balancer");
	tcase_add_unchecked_fixture(direct, hostile_start_web, hostile_stop_web);
	tcase_add_unchecked_fixture(balanced, hostile_start_fabric, hostile_stop_fabric);
	add_common(direct);
	add_common(balanced);
	tcase_set_timeout(direct, 120);
	tcase_set_timeout(balanced, 120);
	suite_add_tcase(s, direct);
	suite_add_tcase(s, balanced);
	return suite_run(s);
}
