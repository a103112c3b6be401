/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Workers that share one big job on WorkerPeer, the real binaries on one Redis: all of them take parts, the result is
 * the one that a worker has alone, also when a peer or the one that shares is killed meanwhile; and who is no worker of
 * this service gets nothing. One service for all tests: only the first worker serves the queue of the jobs, the others
 * can but help; who is killed was started by the test that kills it. */
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keys.h"
#include "pair.h"
#include "peer_auth.h"
#include "peer_frame.h"
#include "raw_client.h"
#include "rlink.h"
#include "sanitized.h"
#include "scrape.h"
#include "suite_run.h"
#include "wait_until.h"

#define SOON_MS 20000
#define LATE_MS 90000 /* on a machine that is busy with other things, too */
#define HELPERS 2

/* Long enough to be interrupted: some seconds of one core. The double nearest to the sum. */
#define BIG_ARGS "[\"sin(k)/k\",\"k\",1,500000]"
#define BIG_RESULT 1.0707983059369135
#define PATIENT ",\"timeout_ms\":60000"

static struct role_run *first, *helpers[HELPERS];
static char helper_names[HELPERS][20] = { "WorkerRole_IN_1", "WorkerRole_IN_2" };
static struct rsync *asked;

static struct rsync *redis(void)
{
	struct errinfo info;
	if (!asked)
		asked = rsync_open(redis_private_url(pair_redis), SOON_MS, &info);
	ck_assert_msg(asked != NULL, "%s", info.text);
	return asked;
}

/* A figure that an instance has left in the registry; 0 while it has left none. */
static double figure(const char *instance, const char *name, const char *label)
{
	struct errinfo info;
	char why[200];
	const struct rreply *reply = rsync_words(redis(), &info, "HGET", KEYS_REG_MET, instance, NULL);
	const char *text = rreply_str(reply, NULL);
	struct scrape *s = *text ? scrape_parse(text, why, sizeof why) : NULL;
	double sum = !s ? 0 : label ? scrape_sum(s, name, label, NULL) : scrape_sum(s, name, NULL);
	scrape_free(s);
	return sum;
}

static bool has_joined(void *instance)
{
	char line[80];
	snprintf(line, sizeof line, "%s has joined", (const char *)instance);
	return strstr(role_run_said(first), line) != NULL;
}

static struct role_run *start_helper(char *instance)
{
	struct role_run *helper = pair_worker(instance, "elsewhere");
	ck_assert_msg(wait_until(has_joined, instance, SOON_MS), "%s", role_run_said(first));
	return helper;
}

/* Once, by the first case: what it starts dies with this program, or is stopped behind the last. */
static void set_up(void)
{
	if (first)
		return;
	pair_set_up();
	first = pair_worker("WorkerRole_IN_0", "shared");
	for (int i = 0; i < HELPERS; i++)
		helpers[i] = start_helper(helper_names[i]);
}

static void tear_down(void)
{
	ck_assert_int_eq(role_run_stop(first), 0);
	for (int i = 0; i < HELPERS; i++)
		ck_assert_int_eq(role_run_stop(helpers[i]), 0);
	pair_tear_down();
}

static bool has_parts_done(void *path)
{
	pair_get(pair_a, path);
	const char *note = json_string_value(json_object_get(json_object_get(pair_answer.json, "progress"), "note"));
	return note && strncmp(note, "parts: ", 7) == 0;
}

static bool has_ended(void *path)
{
	pair_get(pair_a, path);
	return json_is_true(json_object_get(pair_answer.json, "done"));
}

/* Submits the big job and waits until parts of it are done. */
static void begin_big(char path[PAIR_PATH_SIZE], const char *queue)
{
	pair_submit(path, queue, "sum_series", BIG_ARGS, PATIENT);
	ck_assert_msg(wait_until(has_parts_done, path, SOON_MS), "%s", pair_answer.body);
}

static void await_big(char *path)
{
	ck_assert_msg(wait_until(has_ended, path, LATE_MS), "%s", pair_answer.body);
	pair_await(path, "succeeded");
	ck_assert_double_eq(json_real_value(json_object_get(pair_answer.json, "result")), BIG_RESULT);
}

static bool took_parts(void *instance)
{
	return figure(instance, "square_peer_parts_taken_total", "outcome=\"finished\"") > 0;
}

/* ---- core ---- */

START_TEST(test_all_workers_share_one_job)
{
	char path[PAIR_PATH_SIZE];

	pair_submit(path, "shared", "prime_count", "[10000000000000]", PATIENT); /* OEIS A006880 */
	pair_await(path, "succeeded");
	ck_assert_int_eq(pair_number("result"), 346065536839LL);
	pair_submit(path, "shared", "sum_series", "[\"sin(k)/k\",\"k\",1,100000]", PATIENT);
	pair_await(path, "succeeded");
	ck_assert_double_eq(json_real_value(json_object_get(pair_answer.json, "result")), 1.0708056521234341);
	for (int i = 0; i < HELPERS; i++)
		ck_assert_msg(wait_until(took_parts, helper_names[i], SOON_MS), "%s", role_run_said(helpers[i]));
}
END_TEST

START_TEST(test_cancel_stops_all_parts)
{
	char path[PAIR_PATH_SIZE], again[PAIR_PATH_SIZE];

	begin_big(path, "shared");
	ck_assert_int_lt(pair_ask(pair_a, "DELETE", path, NULL), 300);
	pair_await(path, "cancelled");
	pair_submit(again, "shared", "prime_count", "[1000000000000]", PATIENT);
	pair_await(again, "succeeded");
	ck_assert_int_eq(pair_number("result"), 37607912018LL);
}
END_TEST

/* A part is no operation and no argument: whatever way a client comes, it cannot name one. */
static const struct {
	const char *op, *args;
} parts_named[] = {
	{ "prime_count.part", "[1000000000000]" },
	{ "prime_count/part", "[1000000000000,0,1,75]" },
	{ "sum_series:gather", "[[\"1\"]]" },
	{ "part", "[\"prime_count\",[1000000000000],0,1,75]" },
	{ "plan", "[\"prime_count\",[1000000000000]]" },
	{ "prime_count", "[1000000000000,0,1,75]" },
	{ "prime_count", "{\"x\":1000000000000,\"part\":[0,1,75]}" },
	{ "prime_count", "{\"x\":1000000000000,\"results\":[]}" },
};

/* The code of the error that the TCP endpoint answers with; 0: it answered with a result. */
static long tcp_error(const char *op, const char *args)
{
	struct raw_client c = { 0 };
	char line[240];
	long code = 0;

	snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":%s,\"id\":1}\n", op, args);
	ck_assert(raw_connect(&c, role_run_port(first), NULL, 0, SOON_MS));
	ck_assert(raw_say(&c, line));
	for (int i = 0; i < 400 && !c.ended && (c.in.len == 0 || c.in.data[c.in.len - 1] != '\n'); i++)
		raw_listen(&c, 50);
	ck_assert_msg(c.in.len > 0 && c.in.data[c.in.len - 1] == '\n', "%s: no answer", line);
	const char *at = strstr(buf_cstr(&c.in), "\"code\":");
	if (at)
		code = strtol(at + strlen("\"code\":"), NULL, 10);
	raw_close(&c);
	return code;
}

static void expect_refused(const char *path, const char *body)
{
	pair_ask(pair_a, "POST", path, body);
	ck_assert_msg(pair_answer.status == 400 || pair_answer.status == 404 || pair_answer.status == 422,
		      "%s %s: %ld %s", path, body, pair_answer.status, pair_answer.body);
}

START_TEST(test_clients_cannot_name_parts)
{
	const char *op = parts_named[_i].op, *args = parts_named[_i].args;
	char body[240];

	snprintf(body, sizeof body, "{\"op\":\"%s\",\"args\":%s}", op, args);
	expect_refused("/v1/direct", body);
	long code = tcp_error(op, args);
	ck_assert_msg(code < 0, "%s: expected an error, got a result", body);
	snprintf(body, sizeof body, "{\"op\":\"%s\",\"args\":%s,\"queue\":\"shared\"}", op, args);
	expect_refused("/v1/jobs", body);
}
END_TEST

/* ---- faults ---- */

/* The queue gives the job of a worker that is killed to another, when the lease has run out; meanwhile a peer is
 * killed, and one stopped, with parts of another job in hand. */
START_TEST(test_workers_killed_with_parts_in_hand)
{
	char path[PAIR_PATH_SIZE], lost[PAIR_PATH_SIZE], name[] = "WorkerRole_IN_3";
	struct role_run *sharing = pair_worker("WorkerRole_IN_4", "lost"), *helper;

	begin_big(lost, "lost");
	role_run_kill(sharing);
	sharing = pair_worker("WorkerRole_IN_5", "lost");
	helper = start_helper(name);
	begin_big(path, "shared");
	role_run_kill(helper);
	await_big(path);
	begin_big(path, "shared");
	kill(role_run_pid(helpers[0]), SIGSTOP);
	await_big(path); /* what it had is computed once more */
	kill(role_run_pid(helpers[0]), SIGCONT);
	await_big(lost);
	ck_assert_int_eq(role_run_stop(sharing), 0);
}
END_TEST

/* ---- strangers ---- */

static unsigned peer_port(struct role_run *worker)
{
	const char *at = strstr(role_run_said(worker), "WorkerPeer listens on 127.0.0.1 port ");
	ck_assert_ptr_nonnull(at);
	return (unsigned)strtoul(strstr(at, "port ") + 5, NULL, 10);
}

/* Connects and takes the HELLO. */
static void meet(struct raw_client *c, uint8_t nonce[PEER_NONCE])
{
	struct peer_reader r = { .side = PEER_CALLER };
	struct peer_frame frame;
	const uint8_t *its;

	ck_assert(raw_connect(c, peer_port(helpers[0]), NULL, 0, SOON_MS));
	for (int i = 0; i < 200 && c->in.len < PEER_HEAD + 4 + PEER_NONCE; i++)
		raw_listen(c, 50);
	ck_assert_int_eq(peer_reader_feed(&r, c->in.data, c->in.len), 0);
	ck_assert_int_eq(peer_reader_next(&r, &frame), 1);
	ck_assert_int_eq(peer_get_hello(&frame, &its), 0);
	memcpy(nonce, its, PEER_NONCE);
	peer_reader_fini(&r);
	buf_clear(&c->in);
}

static void prove(struct raw_client *c, const uint8_t secret[PEER_SECRET], const uint8_t its[PEER_NONCE])
{
	uint8_t nonce[PEER_NONCE], proof[PEER_PROOF];
	struct buf out = BUF_INIT;

	peer_auth_nonce(nonce);
	peer_auth_prove(secret, PEER_CALLER, nonce, its, proof);
	peer_put_prove(&out, nonce, proof);
	(void)raw_send(c, out.data, out.len, SOON_MS);
	buf_fini(&out);
}

static void read_secret(uint8_t secret[PEER_SECRET])
{
	struct errinfo info;
	size_t n;
	const char *text = rreply_str(rsync_words(redis(), &info, "GET", KEYS_REG_PEER, NULL), &n);
	ck_assert_int_eq(peer_auth_read_secret(text, n, secret), 0);
}

static void put_job(struct raw_client *c, const char *op, const char *args, uint32_t units)
{
	struct op_part part = { 0, 1, units };
	struct buf out = BUF_INIT;

	peer_put_job(&out, 1, op, args, strlen(args));
	peer_put_part(&out, 1, 1, &part, 5000);
	(void)raw_send(c, out.data, out.len, SOON_MS);
	buf_fini(&out);
}

START_TEST(test_stranger_gets_nothing)
{
	static const char garbage[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	struct raw_client c = { 0 };
	uint8_t its[PEER_NONCE], secret[PEER_SECRET] = { 1, 2, 3 };

	meet(&c, its); /* says nothing: cut off after two seconds */
	ck_assert(raw_ends(&c, SOON_MS));
	ck_assert_uint_eq(c.in.len, 0);
	raw_close(&c);
	meet(&c, its); /* a wrong secret */
	prove(&c, secret, its);
	ck_assert(raw_ends(&c, SOON_MS));
	ck_assert_uint_eq(c.in.len, 0);
	raw_close(&c);
	meet(&c, its); /* the right one, for another nonce */
	read_secret(secret);
	its[0] ^= 1;
	prove(&c, secret, its);
	ck_assert(raw_ends(&c, SOON_MS));
	ck_assert_uint_eq(c.in.len, 0);
	raw_close(&c);
	meet(&c, its); /* no proof at all */
	put_job(&c, "prime_count", "[100000000000]", 2);
	ck_assert(raw_ends(&c, SOON_MS));
	ck_assert_uint_eq(c.in.len, 0);
	raw_close(&c);
	meet(&c, its);
	(void)raw_send(&c, garbage, sizeof garbage - 1, SOON_MS);
	ck_assert(raw_ends(&c, SOON_MS));
	ck_assert_uint_eq(c.in.len, 0);
	raw_close(&c);
	ck_assert_ptr_nonnull(strstr(role_run_said(helpers[0]), "did not prove to be a worker"));
}
END_TEST

/* The next frame's kind, behind the WELCOME. */
static enum peer_kind next_kind(struct raw_client *c)
{
	struct peer_reader r = { .side = PEER_CALLER };
	struct peer_frame frame = { 0 };
	int rc = 0;

	for (int i = 0; i < 400 && rc == 0; i++) {
		raw_listen(c, 50);
		peer_reader_fini(&r);
		r.proven = false;
		ck_assert_int_eq(peer_reader_feed(&r, c->in.data ? c->in.data : "", c->in.len), 0);
		if (peer_reader_next(&r, &frame) == 1) {
			ck_assert_int_eq(frame.kind, PEER_WELCOME);
			r.proven = true;
			rc = peer_reader_next(&r, &frame);
		}
	}
	ck_assert_int_eq(rc, 1);
	enum peer_kind kind = frame.kind;
	peer_reader_fini(&r);
	return kind;
}

/* Who has the secret can have parts of what splits computed, and nothing else. */
static const struct {
	const char *op, *args;
	enum peer_kind answer;
} wanted[] = {
	{ "sum_series", "[\"1/k\",\"k\",1,1000]", PEER_RESULT },
	{ "sum_series", "[1]", PEER_FAILURE },
	{ "sum_series", "[\"1/k\",\"k\",1,1001]", PEER_FAILURE },
	{ "square", "[3]", PEER_BUSY },
	{ "crash", "[\"segv\"]", PEER_BUSY },
	{ "no_such_operation", "[]", PEER_BUSY },
};

START_TEST(test_proven_peer_gets_parts_alone)
{
	struct raw_client c = { 0 };
	uint8_t its[PEER_NONCE], secret[PEER_SECRET];

	read_secret(secret);
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		meet(&c, its);
		prove(&c, secret, its);
		put_job(&c, wanted[i].op, wanted[i].args, 1000);
		enum peer_kind kind = next_kind(&c);
		ck_assert_msg(kind == wanted[i].answer, "%s%s: expected kind %d, got %d", wanted[i].op, wanted[i].args,
			      wanted[i].answer, kind);
		raw_close(&c);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("peers");
	TCase *core = tcase_create("core"), *faults = tcase_create("faults");

	tcase_set_timeout(faults, 200);
	tcase_add_unchecked_fixture(faults, set_up, NULL);
	tcase_add_test(faults, test_workers_killed_with_parts_in_hand);
	tcase_add_test(faults, test_stranger_gets_nothing);
	tcase_add_test(faults, test_proven_peer_gets_parts_alone);
	tcase_set_timeout(core, 200);
	tcase_add_unchecked_fixture(core, set_up, tear_down);
	tcase_add_test(core, test_all_workers_share_one_job);
	tcase_add_test(core, test_cancel_stops_all_parts);
	tcase_add_loop_test(core, test_clients_cannot_name_parts, 0, sizeof parts_named / sizeof *parts_named);
	suite_add_tcase(s, faults); /* first: by its end the peers' figures are told, which core waits for */
	suite_add_tcase(s, core);
	return suite_run(s);
}
