/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The proxy that the fault table puts before Redis: what it breaks, it breaks at that byte, and heals whole. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "proxy.h"
#include "redis_private.h"
#include "resp.h"
#include "rlink.h"
#include "suite_run.h"
#include "wait_until.h"

#define DEADLINE_MS 10000
#define PING "*1\r\n$4\r\nPING\r\n"
#define SET "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"

static struct redis_private *redis;
static struct proxy *proxy;
static struct rsync *direct; /* past the proxy */

static void setup(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	redis = redis_private_start(NULL);
	proxy = proxy_start(redis_private_socket(redis));
	direct = rsync_open(redis_private_url(redis), DEADLINE_MS, NULL);
	ck_assert_ptr_nonnull(direct);
}

static void teardown(void)
{
	rsync_close(direct);
	proxy_stop(proxy);
	redis_private_stop(redis);
}

static int dial(void)
{
	static const struct timeval patience = { .tv_sec = DEADLINE_MS / 1000 };
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)snprintf(to.sun_path, sizeof to.sun_path, "%s", proxy_url(proxy) + strlen("unix://"));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* All that comes until `want` bytes are there, or the end. */
static const char *hear(int fd, size_t want)
{
	static char in[200];
	size_t have = 0;
	while (have < want && have < sizeof in - 1) {
		ssize_t n = recv(fd, in + have, sizeof in - 1 - have, 0);
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	in[have] = '\0';
	return in;
}

static bool at_end(int fd)
{
	char byte;
	return recv(fd, &byte, 1, 0) <= 0;
}

static const char *direct_get(const char *key)
{
	const struct rreply *reply = rsync_words(direct, NULL, "GET", key, NULL);
	ck_assert_ptr_nonnull(reply);
	return rreply_type(reply) == RREPLY_NIL ? "nothing" : rreply_str(reply, NULL);
}

/* ---- where messages end ---- */

/* Each stream in one piece and byte by byte: the messages have these lengths. */
START_TEST(test_scan_finds_the_ends)
{
	static const struct {
		const char *stream;
		size_t ends[4];
		const char *words[2];
	} cases[] = {
		{ PING PING, { 14, 28 }, { "PING", "" } },
		{ "*3\r\n$5\r\nFCALL\r\n$8\r\nsq_claim\r\n$0\r\n\r\n", { 35 }, { "FCALL", "sq_claim" } },
		{ "+OK\r\n:12\r\n$-1\r\n*-1\r\n", { 5, 10, 15, 20 }, { "", "" } },
		{ "*2\r\n*2\r\n:1\r\n$2\r\n\r\n\r\n*0\r\n-ERR x\r\n", { 24, 32 }, { "", "" } },
		{ "*0\r\n$3\r\nabc\r\n", { 4, 13 }, { "abc", "" } },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (size_t step = 1; step <= 64; step += 63) {
			struct resp scan = { 0 };
			size_t at = 0, end = 0, n = strlen(cases[i].stream);
			while (at < n) {
				bool ended;
				at += resp_scan(&scan, cases[i].stream + at, n - at < step ? n - at : step, &ended);
				if (ended)
					ck_assert_uint_eq(at, cases[i].ends[end++]);
			}
			ck_assert(end == 4 || cases[i].ends[end] == 0);
			ck_assert_str_eq(scan.word[0], cases[i].words[0]);
			ck_assert_str_eq(scan.word[1], cases[i].words[1]);
		}
}
END_TEST

/* ---- faults ---- */

START_TEST(test_nothing_is_broken_unasked)
{
	char big[100000];
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	const char *const urls[] = { proxy_url(proxy), proxy_tcp_url(proxy) };
	for (size_t i = 0; i < 2; i++) {
		struct rsync *s = rsync_open(urls[i], DEADLINE_MS, NULL);
		ck_assert_ptr_nonnull(s);
		ck_assert_str_eq(rreply_str(rsync_words(s, NULL, "SET", "big", big, NULL), NULL), "OK");
		ck_assert_str_eq(rreply_str(rsync_words(s, NULL, "GET", "big", NULL), NULL), big);
		rsync_close(s);
	}
	struct proxy_stats stats;
	proxy_stats(proxy, &stats);
	ck_assert_uint_eq(stats.accepted, 2);
	ck_assert_uint_eq(stats.requests, 4);
	ck_assert_uint_eq(stats.replies, 4);
	ck_assert_uint_gt(stats.bytes_up, 2 * sizeof big);
	ck_assert_uint_gt(stats.bytes_down, 2 * sizeof big);
	ck_assert_uint_eq(stats.cuts, 0);
	ck_assert_int_eq(proxy_outcome(proxy, NULL), PROXY_NONE);
}
END_TEST

static bool is_set(void *arg)
{
	(void)arg;
	return strcmp(direct_get("k"), "v") == 0;
}

/* Cut before its last byte, Redis has not done it; cut behind it, it has; and beyond the end nothing is cut. */
START_TEST(test_request_is_cut_at_the_byte)
{
	for (size_t offset = 0; offset <= strlen(SET) + 1; offset++) {
		size_t length;
		bool missed = offset > strlen(SET);
		rsync_words(direct, NULL, "DEL", "k", NULL);
		proxy_strike(proxy, &(struct proxy_fault){ .command = "SET", .offset = offset });
		int fd = dial();
		say(fd, PING SET);
		ck_assert_int_eq(proxy_await(proxy, DEADLINE_MS), missed ? PROXY_MISSED : PROXY_STRUCK);
		(void)proxy_outcome(proxy, &length);
		ck_assert_uint_eq(length, strlen(SET));
		if (offset >= strlen(SET))
			ck_assert(wait_until(is_set, NULL, DEADLINE_MS));
		else
			ck_assert_str_eq(direct_get("k"), "nothing");
		if (missed)
			ck_assert_str_eq(hear(fd, strlen("+PONG\r\n+OK\r\n")), "+PONG\r\n+OK\r\n");
		else
			ck_assert_ptr_null(strstr(hear(fd, sizeof "+PONG\r\n+OK\r\n"), "OK")); /* to the end */
		close(fd);
	}
}
END_TEST

/* The client has exactly those bytes of the answer, Redis has done it. */
START_TEST(test_reply_is_cut_at_the_byte)
{
	static const char whole[] = "+PONG\r\n+OK\r\n";
	const size_t before = strlen("+PONG\r\n"), len = strlen("+OK\r\n");
	for (size_t offset = 0; offset <= len + 1; offset++) {
		char expected[sizeof whole];
		bool missed = offset > len;
		(void)snprintf(expected, sizeof expected, "%.*s", (int)(before + offset), whole);
		rsync_words(direct, NULL, "DEL", "k", NULL);
		proxy_strike(proxy, &(struct proxy_fault){ .command = "SET", .side = PROXY_REPLY, .offset = offset });
		int fd = dial();
		say(fd, PING SET);
		ck_assert_str_eq(hear(fd, missed ? strlen(whole) : sizeof whole), expected);
		ck_assert_int_eq(proxy_await(proxy, DEADLINE_MS), missed ? PROXY_MISSED : PROXY_STRUCK);
		ck_assert_str_eq(direct_get("k"), "v");
		close(fd);
	}
}
END_TEST

START_TEST(test_fault_waits_for_its_call)
{
	int first = dial(), second = dial();
	say(first, PING);
	ck_assert_str_eq(hear(first, 7), "+PONG\r\n"); /* it is connection 1 */
	say(second, PING);
	ck_assert_str_eq(hear(second, 7), "+PONG\r\n");
	proxy_strike(proxy, &(struct proxy_fault){ .command = "PING", .connection = 2, .skip = 1 });
	say(first, PING PING PING);
	ck_assert_str_eq(hear(first, 21), "+PONG\r\n+PONG\r\n+PONG\r\n");
	say(second, SET PING);
	ck_assert_str_eq(hear(second, 12), "+OK\r\n+PONG\r\n");
	ck_assert_int_eq(proxy_outcome(proxy, NULL), PROXY_ARMED);
	say(second, PING);
	ck_assert(at_end(second));
	ck_assert_int_eq(proxy_await(proxy, DEADLINE_MS), PROXY_STRUCK);
	say(first, PING);
	ck_assert_str_eq(hear(first, 7), "+PONG\r\n");
	close(first);
	close(second);
}
END_TEST

/* An offset that wraps strikes whatever the length is. */
START_TEST(test_wrapped_offset_always_strikes)
{
	for (size_t offset = 1000; offset < 1020; offset++) {
		size_t length;
		proxy_strike(proxy, &(struct proxy_fault){ .side = PROXY_REPLY, .offset = offset, .wrap = true });
		int fd = dial();
		say(fd, PING);
		ck_assert_uint_eq(strlen(hear(fd, 100)), offset % (strlen("+PONG\r\n") + 1));
		ck_assert_int_eq(proxy_outcome(proxy, &length), PROXY_STRUCK);
		ck_assert_uint_eq(length, strlen("+PONG\r\n"));
		close(fd);
	}
}
END_TEST

/* Redis has given the answer, the client gets it when the fault is healed, with all that came behind. */
START_TEST(test_held_answer_comes_after_healing)
{
	proxy_strike(proxy,
		     &(struct proxy_fault){ .command = "SET", .side = PROXY_REPLY, .offset = 2, .action = PROXY_HOLD });
	int fd = dial();
	say(fd, PING SET PING);
	ck_assert_int_eq(proxy_await(proxy, DEADLINE_MS), PROXY_STRUCK);
	ck_assert_str_eq(hear(fd, strlen("+PONG\r\n+O")), "+PONG\r\n+O");
	ck_assert_str_eq(direct_get("k"), "v");
	ck_assert_int_lt(recv(fd, &(char){ 0 }, 1, MSG_DONTWAIT), 0);
	proxy_heal(proxy);
	ck_assert_str_eq(hear(fd, strlen("K\r\n+PONG\r\n")), "K\r\n+PONG\r\n");
	say(fd, PING);
	ck_assert_str_eq(hear(fd, 7), "+PONG\r\n");
	close(fd);
}
END_TEST

static bool has_passed_one(void *arg)
{
	struct proxy_stats stats;
	(void)arg;
	proxy_stats(proxy, &stats);
	return stats.requests == 1;
}

/* A fault whose connection ends first is not lost: it waits for another call. */
START_TEST(test_fault_outlives_its_connection)
{
	struct proxy_stats stats;
	proxy_strike(proxy, &(struct proxy_fault){ .command = "BLPOP", .side = PROXY_REPLY });
	int fd = dial();
	say(fd, "*3\r\n$5\r\nBLPOP\r\n$4\r\nnone\r\n$1\r\n0\r\n");
	ck_assert(wait_until(has_passed_one, NULL, DEADLINE_MS));
	proxy_cut_all(proxy, PROXY_CLOSE);
	ck_assert(at_end(fd));
	close(fd);
	rsync_words(direct, NULL, "RPUSH", "none", "x", NULL);
	ck_assert_int_eq(proxy_outcome(proxy, NULL), PROXY_ARMED);
	fd = dial();
	say(fd, "*3\r\n$5\r\nBLPOP\r\n$4\r\nmore\r\n$1\r\n0\r\n");
	rsync_words(direct, NULL, "RPUSH", "more", "x", NULL);
	ck_assert(at_end(fd));
	ck_assert_int_eq(proxy_await(proxy, DEADLINE_MS), PROXY_STRUCK);
	proxy_stats(proxy, &stats);
	ck_assert_uint_eq(stats.open, 0);
	close(fd);
}
END_TEST

/* ---- the whole network ---- */

START_TEST(test_reset_reaches_a_tcp_client)
{
	struct errinfo info = { 0 };
	struct rsync *s = rsync_open(proxy_tcp_url(proxy), DEADLINE_MS, &info);
	ck_assert_str_eq(rreply_str(rsync_words(s, &info, "PING", NULL), NULL), "PONG");
	proxy_cut_all(proxy, PROXY_RESET);
	ck_assert_ptr_null(rsync_words(s, &info, "PING", NULL));
	rsync_close(s);
	struct proxy_stats stats;
	proxy_stats(proxy, &stats);
	ck_assert_uint_eq(stats.cuts, 1);
	ck_assert_uint_eq(stats.open, 0);
}
END_TEST

/* Neither those who were there nor those who come are told anything; what they said arrives afterwards. */
START_TEST(test_black_hole_swallows_and_heals)
{
	struct proxy_stats stats;
	int old = dial();
	say(old, PING);
	ck_assert_str_eq(hear(old, 7), "+PONG\r\n");
	proxy_black_hole(proxy);
	int fresh = dial();
	say(old, SET);
	say(fresh, PING);
	struct rsync *third = rsync_open(proxy_tcp_url(proxy), 100, NULL);
	ck_assert(!third || !rsync_words(third, NULL, "PING", NULL));
	rsync_close(third);
	proxy_stats(proxy, &stats);
	ck_assert_uint_eq(stats.requests, 1);
	ck_assert_str_eq(direct_get("k"), "nothing");
	ck_assert_int_lt(recv(old, &(char){ 0 }, 1, MSG_DONTWAIT), 0);
	ck_assert_int_lt(recv(fresh, &(char){ 0 }, 1, MSG_DONTWAIT), 0);
	proxy_heal(proxy);
	ck_assert_str_eq(hear(old, 5), "+OK\r\n");
	ck_assert_str_eq(hear(fresh, 7), "+PONG\r\n");
	ck_assert_str_eq(direct_get("k"), "v");
	close(old);
	close(fresh);
}
END_TEST

/* Never earlier than the delay, both ways together; later is the machine's affair. */
START_TEST(test_delay_counts_both_ways)
{
	int fd = dial();
	proxy_delay(proxy, 50);
	uint64_t before_us = clock_mono_us();
	say(fd, PING);
	ck_assert_str_eq(hear(fd, 7), "+PONG\r\n");
	ck_assert_uint_ge(clock_mono_us() - before_us, 100000);
	proxy_heal(proxy);
	say(fd, PING);
	ck_assert_str_eq(hear(fd, 7), "+PONG\r\n");
	close(fd);
}
END_TEST

static bool is_alone(void *arg)
{
	struct proxy_stats stats;
	(void)arg;
	proxy_stats(proxy, &stats);
	return stats.open == 0;
}

/* Either end's going is passed on; a Redis that is not there ends the connection. */
START_TEST(test_ends_are_passed_on)
{
	int fd = dial();
	say(fd, PING);
	ck_assert_str_eq(hear(fd, 7), "+PONG\r\n");
	close(fd);
	ck_assert(wait_until(is_alone, NULL, DEADLINE_MS));
	fd = dial();
	say(fd, PING);
	ck_assert_str_eq(hear(fd, 7), "+PONG\r\n");
	redis_private_kill(redis);
	ck_assert(at_end(fd));
	close(fd);
	fd = dial();
	say(fd, PING);
	ck_assert(at_end(fd));
	close(fd);
	redis_private_restart(redis);
	fd = dial();
	say(fd, PING);
	ck_assert_str_eq(hear(fd, 7), "+PONG\r\n");
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chaos_proxy");
	TCase *tc = tcase_create("scan");
	tcase_add_test(tc, test_scan_finds_the_ends);
	suite_add_tcase(suite, tc);
	tc = tcase_create("faults");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_nothing_is_broken_unasked);
	tcase_add_test(tc, test_request_is_cut_at_the_byte);
	tcase_add_test(tc, test_reply_is_cut_at_the_byte);
	tcase_add_test(tc, test_fault_waits_for_its_call);
	tcase_add_test(tc, test_wrapped_offset_always_strikes);
	tcase_add_test(tc, test_held_answer_comes_after_healing);
	tcase_add_test(tc, test_fault_outlives_its_connection);
	tcase_add_test(tc, test_reset_reaches_a_tcp_client);
	tcase_add_test(tc, test_black_hole_swallows_and_heals);
	tcase_add_test(tc, test_delay_counts_both_ways);
	tcase_add_test(tc, test_ends_are_passed_on);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
