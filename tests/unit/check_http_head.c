/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "http_head.h"
#include "suite_run.h"

/* Feeds a head as it stands in a message: request line, then lines, each ended by \n. */
static unsigned feed(struct http_head *h, char *text)
{
	char *line = strsep(&text, "\n");
	char *method = strsep(&line, " "), *target = strsep(&line, " ");
	http_head_begin(h, method, target, strlen(target), line ? line : "");
	while ((line = strsep(&text, "\n")) && line[0]) {
		char *value = strchr(line, ':');
		ck_assert_ptr_nonnull(value);
		http_head_field(h, line, (size_t)(value - line), value + 1, strlen(value + 1));
	}
	return http_head_end(h);
}

static const struct {
	const char *text;
	unsigned status;
	const char *says; /* part of the refusal */
} heads[] = {
	{ "GET / HTTP/1.1\nHost: a\n", 0, "" },
	{ "GET /livez HTTP/1.0\n", 0, "" },
	{ "POST /v1/jobs HTTP/1.1\nHost: [::1]:8080\nContent-Length: 12\n", 0, "" },
	{ "POST /v1/jobs HTTP/1.1\nHost: a\nTransfer-Encoding: Chunked\n", 0, "" },
	{ "OPTIONS * HTTP/1.1\nHost: a\n", 0, "" },
	{ "GET http://a:80/x?y HTTP/1.1\nHost: a\n", 0, "" },
	{ "GET http://a HTTP/1.1\nHost: a\n", 0, "" },
	{ "GET / HTTP/1.1\nHost: a\nExpect: 100-Continue\n", 0, "" },
	{ "GET / HTTP/1.1\n", 400, "Host" },
	{ "GET / HTTP/1.1\nHost: a\nHost: a\n", 400, "one Host" },
	{ "GET / HTTP/1.1\nHost: a b\n", 400, "Host" },
	{ "GET / HTTP/1.1\nHost: a,b\n", 400, "Host" },
	{ "GET http://localhost:80@evil/ HTTP/1.1\nHost: a\n", 400, "Host" },
	{ "POST / HTTP/1.1\nHost: a\nContent-Length: 5\nTransfer-Encoding: chunked\n", 400, "not both" },
	{ "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nContent-Length: 5\n", 400, "not both" },
	{ "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: gzip, chunked\n", 400, "only Transfer-Encoding" },
	{ "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: xchunked\n", 400, "only Transfer-Encoding" },
	{ "POST / HTTP/1.1\nHost: a\nTransfer-Encoding:\n", 400, "only Transfer-Encoding" },
	{ "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked\n", 400, "one Transfer" },
	{ "POST / HTTP/1.0\nHost: a\nTransfer-Encoding: chunked\n", 400, "HTTP/1.0" },
	{ "POST / HTTP/1.1\nHost: a\nContent-Length: 5\nContent-Length: 5\n", 400, "one Content-Length" },
	{ "POST / HTTP/1.1\nHost: a\nContent-Length : 5\n", 400, "name" },
	{ "POST / HTTP/1.1\nHost: a\nContent-Length: +5\n", 400, "digits" },
	{ "POST / HTTP/1.1\nHost: a\nContent-Length: 5,5\n", 400, "digits" },
	{ "POST / HTTP/1.1\nHost: a\nContent-Length: 0x5\n", 400, "digits" },
	{ "POST / HTTP/1.1\nHost: a\nContent-Length:\n", 400, "number" },
	{ "POST / HTTP/1.1\nHost: a\nContent-Length: 9999999999999999999\n", 400, "number" },
	{ "POST / HTTP/1.1\nHost: a\nContent-Length: 5 \n", 400, "no blank" },
	{ "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\t\n", 400, "no blank" },
	{ "GET / HTTP/1.1\nHost: a\nIdempotency-Key: a\nIdempotency-Key: b\n", 400, "one Idempotency-Key" },
	{ "GET / HTTP/1.1\nHost: a\nContent-Type: a/b\nContent-Type: a/b\n", 400, "one Content-Type" },
	{ "GET / HTTP/1.1\nHost: a\nX\tY: 1\n", 400, "name" },
	{ "GET / HTTP/1.1\nHost: a\n: 1\n", 400, "name" },
	{ "GET / HTTP/1.1\nHost: a\nX: a\001b\n", 400, "control" },
	{ "GET / HTTP/1.1\nHost: a\nX: a\rb\n", 400, "control" },
	{ "GET / HTTP/1.1\nHost: a\nExpect: fish\n", 417, "100-continue" },
	{ "GET / HTTP/2.0\nHost: a\n", 505, "HTTP/1.1" },
	{ "BREW / HTTP/1.1\nHost: a\n", 0, "" }, /* the router's to refuse: it knows what to allow */
	{ "get / HTTP/1.1\nHost: a\n", 0, "" },
	{ "CONNECT a:80 HTTP/1.1\nHost: a\n", 400, "target" },
	{ "GET * HTTP/1.1\nHost: a\n", 400, "target" },
	{ "GET x HTTP/1.1\nHost: a\n", 400, "target" },
	{ "GET ftp://a/ HTTP/1.1\nHost: a\n", 400, "target" },
	{ "GET /a#b HTTP/1.1\nHost: a\n", 400, "ASCII" },
	{ "GET /\303\251 HTTP/1.1\nHost: a\n", 400, "ASCII" },
	{ "GET /a%00b HTTP/1.1\nHost: a\n", 400, "percent" },
	{ "GET /a%0Ab HTTP/1.1\nHost: a\n", 400, "percent" },
	{ "GET /a%7f HTTP/1.1\nHost: a\n", 400, "percent" },
	{ "GET /a%2 HTTP/1.1\nHost: a\n", 400, "percent" },
	{ "GET /a%zz HTTP/1.1\nHost: a\n", 400, "percent" },
};

START_TEST(test_head_end_judges)
{
	struct http_head h;
	char text[200];
	snprintf(text, sizeof text, "%s", heads[_i].text);
	unsigned status = feed(&h, text);
	ck_assert_msg(status == heads[_i].status, "%s: %u %s", heads[_i].text, status, h.refusal);
	ck_assert_msg(strstr(h.refusal, heads[_i].says), "%s: %s", heads[_i].text, h.refusal);
}
END_TEST

START_TEST(test_head_field_request_id_of_a_refused_head)
{
	struct http_head h;
	char text[] = "GET /%zz HTTP/1.1\nHost: a\nX-Request-Id: mine\nX-Request-I: other\n";
	ck_assert_uint_eq(feed(&h, text), 400);
	ck_assert_uint_eq(h.field[HTTP_REQUEST_ID].n, 4);
	ck_assert_int_eq(strncmp(h.field[HTTP_REQUEST_ID].p, "mine", 4), 0);
	ck_assert_ptr_null(h.field[HTTP_HOST].p);
}
END_TEST

START_TEST(test_head_parts_of_a_request)
{
	struct http_head h;
	char text[] = "POST http://me:8/v1/jobs?wait=5&a=%20 HTTP/1.1\nhOST:  me:8 \t\nPrefer: a\nPREFER: wait=3\n"
		      "Content-Length: 0017\nX-Request-Id: r\n";
	ck_assert_uint_eq(feed(&h, text), 0);
	ck_assert_int_eq(h.method, HTTP_POST);
	ck_assert_str_eq(http_method_name(h.method), "POST");
	ck_assert_str_eq(http_method_name(HTTP_METHODS), "");
	ck_assert(h.http_1_1 && h.has_length && !h.chunked);
	ck_assert_uint_eq(h.length, 17);
	ck_assert_uint_eq(h.path.n, 8);
	ck_assert_int_eq(strncmp(h.path.p, "/v1/jobs", 8), 0);
	ck_assert_uint_eq(h.query.n, 12);
	ck_assert_uint_eq(h.authority.n, 4);
	ck_assert_uint_eq(h.field[HTTP_HOST].n, 4);
	ck_assert_int_eq(strncmp(h.field[HTTP_HOST].p, "me:8", 4), 0);
	ck_assert_uint_eq(h.n_prefer, 2);
	ck_assert_int_eq(strncmp(h.prefer[1].p, "wait=3", 6), 0);
	ck_assert_ptr_null(h.field[HTTP_ORIGIN].p);
}
END_TEST

START_TEST(test_head_field_counts_lines)
{
	for (unsigned n = HTTP_FIELDS_MOST - 1; n <= HTTP_FIELDS_MOST; n++) {
		struct http_head h;
		http_head_begin(&h, "GET", "/", 1, "HTTP/1.1");
		http_head_field(&h, "Host", 4, "a", 1);
		for (unsigned i = 0; i < n; i++)
			http_head_field(&h, "A", 1, "b", 1);
		ck_assert_uint_eq(http_head_end(&h), n < HTTP_FIELDS_MOST ? 0 : 431);
	}
}
END_TEST

START_TEST(test_head_keeps_a_few_preferences)
{
	struct http_head h;
	http_head_begin(&h, "GET", "/", 1, "HTTP/1.0");
	for (unsigned i = 0; i < 3 * HTTP_PREFER_MOST; i++)
		http_head_field(&h, "Prefer", 6, "wait=1", 6);
	ck_assert_uint_eq(http_head_end(&h), 0);
	ck_assert_uint_eq(h.n_prefer, HTTP_PREFER_MOST);
}
END_TEST

static const struct {
	const char *in;
	bool plus;
	size_t size;
	int len;
	const char *out;
} decodings[] = {
	{ "", false, 4, 0, "" },
	{ "abc", false, 4, 3, "abc" },
	{ "abcd", false, 4, ERR_TOO_BIG, NULL },
	{ "%41+", false, 8, 2, "A+" },
	{ "%41+", true, 8, 2, "A " },
	{ "%c3%A9", false, 8, 2, "\303\251" },
	{ "%", false, 8, ERR_INVALID, NULL },
	{ "%4", false, 8, ERR_INVALID, NULL },
	{ "%4x", false, 8, ERR_INVALID, NULL },
	{ "%00", false, 8, ERR_INVALID, NULL },
	{ "%0d", false, 8, ERR_INVALID, NULL },
	{ "%2F", false, 8, 1, "/" },
};

START_TEST(test_decode_escapes)
{
	char out[16];
	int n = http_decode(decodings[_i].in, strlen(decodings[_i].in), decodings[_i].plus, out, decodings[_i].size);
	ck_assert_int_eq(n, decodings[_i].len);
	if (n >= 0)
		ck_assert_str_eq(out, decodings[_i].out);
}
END_TEST

static const struct {
	const char *query;
	int len;
	const char *value;
} queries[] = {
	{ "", ERR_NOT_FOUND, NULL },
	{ "wait", 0, "" },
	{ "wait=", 0, "" },
	{ "wait=5", 1, "5" },
	{ "a=1&wait=0.5&b", 3, "0.5" },
	{ "w%61it=%35+", 2, "5 " },
	{ "waiting=1", ERR_NOT_FOUND, NULL },
	{ "wait=1&wait=1", ERR_EXISTS, NULL },
	{ "wait=%", ERR_INVALID, NULL },
	{ "&&=&wait=1&", 1, "1" },
	{ "wait=12345678901234567", ERR_TOO_BIG, NULL },
};

START_TEST(test_query_get_finds_one)
{
	char out[16];
	const char *q = queries[_i].query;
	int n = http_query_get((struct http_text){ q, strlen(q) }, "wait", out, sizeof out);
	ck_assert_msg(n == queries[_i].len, "%s: %d", q, n);
	if (n >= 0)
		ck_assert_str_eq(out, queries[_i].value);
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

int main(void)
{
	Suite *s = suite_create("http_head");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	tcase_add_test(core, test_head_parts_of_a_request);
	tcase_add_test(core, test_head_field_request_id_of_a_refused_head);
	tcase_add_loop_test(core, test_decode_escapes, 0, COUNT(decodings));
	tcase_add_loop_test(core, test_query_get_finds_one, 0, COUNT(queries));
	tcase_add_test(limits, test_head_field_counts_lines);
	tcase_add_test(limits, test_head_keeps_a_few_preferences);
	tcase_add_loop_test(faults, test_head_end_judges, 0, COUNT(heads));
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
