/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Clients that mean no good to the others, or are in trouble: late, slow, half-closed, gone in the middle. Each costs
 * no more than its limit says, is cut when its time is over, and leaves nothing behind; whoever asks meanwhile is
 * answered. */
#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "hostile_lab.h"
#include "http_client.h"
#include "pause.h"
#include "sanitized.h"
#include "suite_run.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

static void start_impatient(void)
{
	static const char *const env[] = { "SQUARE_HEAD_SECONDS=1",  "SQUARE_BODY_SECONDS=1",
					   "SQUARE_IDLE_SECONDS=1",  "SQUARE_ADDRESS_CONNECTIONS=0",
					   "SQUARE_ACCESS_LOG=none", NULL };
	hostile_start_web_with(env);
}

/* No time-out helps here: who leaves must be noticed. */
static void start_patient(void)
{
	static const char *const env[] = { "SQUARE_HEAD_SECONDS=120", "SQUARE_BODY_SECONDS=120",
					   "SQUARE_IDLE_SECONDS=600", "SQUARE_ADDRESS_CONNECTIONS=0",
					   "SQUARE_ACCESS_LOG=none",  NULL };
	hostile_start_web_with(env);
}

/* ---- late ---- */

static const struct {
	const char *name, *begins, *goes_on;
} late[] = {
	{ "in the request line", "GET /", "x" },
	{ "in a header", "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ", "x" },
	{ "with header after header", "GET /livez HTTP/1.1\r\nHost: localhost\r\n", "X: y\r\n" },
	{ "before the request", "", "\r\n" },
	{ "in a body with a length", HOSTILE_POST "Content-Length: 100000\r\n\r\n", " " },
	{ "in a chunk", HOSTILE_POST "Transfer-Encoding: chunked\r\n\r\nffff\r\n", " " },
	{ "in chunk after chunk", HOSTILE_POST "Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n" },
	{ "in a chunk's extension", HOSTILE_POST "Transfer-Encoding: chunked\r\n\r\n1;", "x" },
	{ "in a trailer", HOSTILE_POST "Transfer-Encoding: chunked\r\n\r\n18\r\n" HOSTILE_JOB "\r\n0\r\n", "X: y\r\n" },
	{ "in the second request", GET("/livez") "GET /", "x" },
};
#define LATE (int)(sizeof late / sizeof *late)
#define TICK_MS 100

/* All of them at once. True when each of them was cut. */
static bool keep_late(struct raw_client *clients)
{
	bool all = true;
	for (int i = 0; i < LATE; i++) {
		if (!clients[i].ended)
			raw_say(&clients[i], late[i].goes_on);
		raw_listen(&clients[i], 0);
		all = all && clients[i].ended;
	}
	return all;
}

/* Something every 100 ms is no silence, but it is late all the same. */
START_TEST(test_late_clients_are_cut)
{
	static struct raw_client clients[LATE];
	bool cut = false;
	hostile_remember();
	for (int i = 0; i < LATE; i++) {
		ck_assert(raw_connect(&clients[i], hostile.port, NULL, 0, HOSTILE_MS));
		ck_assert(raw_say(&clients[i], late[i].begins));
	}
	for (unsigned ticks = 0; !cut && ticks < HOSTILE_MS / TICK_MS; ticks++) {
		pause_ms(TICK_MS); /* the attackers' pace; nothing is expected of its length */
		cut = keep_late(clients);
	}
	for (int i = 0; i < LATE; i++) {
		unsigned answers = 0;
		ck_assert_msg(clients[i].ended, "%s: not cut within %d ms", late[i].name, HOSTILE_MS);
		while (raw_hear(&clients[i], &hostile.answer, 0) == RAW_ANSWER) {
			ck_assert_msg(hostile.answer.status > 399 || hostile.answer.status == 200, "%s: %u",
				      late[i].name, hostile.answer.status);
			answers++;
		}
		ck_assert_msg(answers <= 1 + (i == LATE - 1), "%s: %u answers", late[i].name, answers);
		raw_close(&clients[i]);
	}
	hostile_expect_sane(0, "late clients");
}
END_TEST

/* ---- slow to read ---- */

#define READERS 24
#define BIG 900000
#define ROUNDS 3

static char big_path[100];

/* A job whose arguments make its every answer long; without a worker it stays as it is. */
static void make_big_job(void)
{
	struct buf body = BUF_INIT;
	struct http_answer a;
	buf_puts(&body, "{\"op\":\"echo\",\"args\":[\"");
	for (int i = 0; i < BIG; i++)
		buf_byte(&body, 'x');
	buf_puts(&body, "\"]}");
	http_client_post(hostile.port, "/v1/jobs", buf_cstr(&body), &a);
	ck_assert_int_eq(a.status, 202);
	(void)snprintf(big_path, sizeof big_path, "/v1/jobs/%s", http_answer_text(&a, "id"));
	http_answer_fini(&a);
	http_client_get(hostile.port, big_path, &a);
	ck_assert_uint_gt(strlen(a.body), BIG);
	http_answer_fini(&a);
	buf_fini(&body);
}

static void expect_alive(const char *meanwhile)
{
	struct http_answer a;
	http_client_get(hostile.port, "/livez", &a);
	ck_assert_msg(a.status == 200, "%s: %ld %s", meanwhile, a.status, a.error);
	http_answer_fini(&a);
}

/* They ask for a megabyte again and again and read nothing. What is kept for them is bounded and comes back. */
START_TEST(test_slow_readers_are_cut)
{
	static struct raw_client readers[READERS];
	struct buf request = BUF_INIT;
	long first_kib = 0, kib = 0;
	make_big_job();
	hostile_remember();
	for (int i = 0; i < 20; i++)
		buf_printf(&request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", big_path);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < READERS; i++) {
			ck_assert(raw_connect(&readers[i], hostile.port, NULL, 4096, HOSTILE_MS));
			(void)send(readers[i].fd, request.data, request.len, MSG_NOSIGNAL);
		}
		expect_alive("with slow readers");
		ck_assert_msg(role_run_wait_files(hostile.web, hostile.files, HOSTILE_MS), "%u files are open still",
			      role_run_files(hostile.web));
		for (int i = 0; i < READERS; i++)
			raw_close(&readers[i]);
		kib = role_run_kib(hostile.web);
		first_kib = round ? first_kib : kib;
	}
	printf("slow readers: %ld KiB after %d rounds of %d, %ld after the first\n", kib, ROUNDS, READERS, first_kib);
	if (!SANITIZED)
		ck_assert_int_lt(kib - first_kib, READERS * (BIG / 1024) / 2);
	hostile_expect_sane(0, "slow readers");
	buf_fini(&request);
}
END_TEST

/* ---- half-closed ---- */

/* Who says that nothing more comes may still want the answer. */
START_TEST(test_half_closed_clients_are_answered)
{
	static const struct {
		const char *request;
		unsigned status;
	} cases[] = {
		{ GET("/livez"), 200 },
		{ HOSTILE_POST HOSTILE_LENGTH "\r\n" HOSTILE_JOB, 202 },
		{ GET("/v1/jobs/01a204a5-3f42-741e-8ffe-cf51adeb0f2e"), 404 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		hostile_remember();
		hostile_dial();
		raw_say(&hostile.client, cases[i].request);
		ck_assert_int_eq(shutdown(hostile.client.fd, SHUT_WR), 0);
		ck_assert_msg(hostile_hear() == cases[i].status, "%zu: %u", i, hostile.answer.status);
		ck_assert_uint_eq(hostile_hear(), 0);
		raw_close(&hostile.client);
		hostile_expect_sane(cases[i].status == 202, cases[i].request);
	}
}
END_TEST

/* ---- gone ---- */

static const struct {
	const char *name, *request;
	bool answered; /* wait for the answer's first bytes */
} gone[] = {
	{ "after connecting", "", false },
	{ "in the head", "POST /v1/jobs HTTP/1.1\r\nHost: loc", false },
	{ "in the body", HOSTILE_POST "Content-Length: 200\r\n\r\n{\"op\":", false },
	{ "in a chunk", HOSTILE_POST "Transfer-Encoding: chunked\r\n\r\n18\r\n{\"op\"", false },
	{ "while it waits for a job", GET("/v1/jobs/%s?wait=60"), false },
	{ "in the answer", GET("/v1/jobs/%s"), true },
	{ "in the events of a job", GET("/v1/jobs/%s/events"), true },
	{ "in the events of all", GET("/v1/events"), true },
	{ "at rest", GET("/livez"), true },
};
#define GONE (int)(sizeof gone / sizeof *gone)
#define TIMES 20

static void be_gone(int i, bool by_reset)
{
	struct raw_client c;
	char request[300];
	(void)snprintf(request, sizeof request, "%s", gone[i].request);
	char *at = strstr(request, "%s");
	if (at) {
		size_t before = (size_t)(at - request);
		(void)snprintf(request + before, sizeof request - before, "%s%s", big_path + strlen("/v1/jobs/"),
			       strstr(gone[i].request, "%s") + 2);
	}
	ck_assert(raw_connect(&c, hostile.port, NULL, 4096, HOSTILE_MS));
	ck_assert(raw_say(&c, request));
	for (uint64_t end_us = clock_mono_us() + HOSTILE_MS * 1000;
	     gone[i].answered && !c.ended && c.in.len == 0 && clock_mono_us() < end_us;)
		raw_listen(&c, 1);
	ck_assert_msg(!gone[i].answered || c.in.len, "%s: no answer", gone[i].name);
	if (by_reset)
		raw_reset(&c);
	else
		raw_close(&c);
}

START_TEST(test_clients_leave_in_each_phase)
{
	make_big_job();
	hostile_remember();
	for (int i = 0; i < TIMES; i++)
		be_gone(_i, i % 2);
	hostile_expect_sane(0, gone[_i].name);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hostile_clients");
	TCase *late_ones = tcase_create("limits"), *others = tcase_create("faults");
	tcase_add_unchecked_fixture(late_ones, start_impatient, hostile_stop_web);
	tcase_add_unchecked_fixture(others, start_patient, hostile_stop_web);
	tcase_add_test(late_ones, test_late_clients_are_cut);
	tcase_add_test(late_ones, test_slow_readers_are_cut);
	tcase_add_test(others, test_half_closed_clients_are_answered);
	tcase_add_loop_test(others, test_clients_leave_in_each_phase, 0, GONE);
	tcase_set_timeout(late_ones, 120);
	suite_add_tcase(s, late_ones);
	tcase_set_timeout(others, 120);
	suite_add_tcase(s, others);
	return suite_run(s);
}
