/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Redis link against a real server: calls, loss and return, black holes, back-pressure, the blocking variant. */
#include <arpa/inet.h>
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop_until.h"
#include "redis_private.h"
#include "rlink.h"
#include "suite_run.h"

#define DEADLINE_MS 10000

static struct redis_private *redis;
static uv_loop_t loop;
static struct rlink *l;

struct seen {
	unsigned replies, wanted;
	int status;
	unsigned ups, downs;
	char text[200];
};
static struct seen seen;

static void on_reply(void *arg, int status, const struct rreply *reply)
{
	struct seen *s = arg;
	s->replies++;
	s->status = status;
	snprintf(s->text, sizeof s->text, "%s", rreply_str(reply, NULL));
}

static void on_state(void *arg, bool up)
{
	struct seen *s = arg;
	*(up ? &s->ups : &s->downs) += 1;
}

static bool is_up(void *arg)
{
	(void)arg;
	return rlink_up(l);
}

static bool has_replies(void *arg)
{
	struct seen *s = arg;
	return s->replies >= s->wanted;
}

static int send_words(const char *a, const char *b, const char *c)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_str(&cmd, a);
	if (b)
		rcmd_str(&cmd, b);
	if (c)
		rcmd_str(&cmd, c);
	int rc = rlink_send(l, &cmd, on_reply, &seen);
	rcmd_fini(&cmd);
	return rc;
}

static void open_link(struct rlink_options options)
{
	memset(&seen, 0, sizeof seen);
	seen.wanted = 1;
	uv_loop_init(&loop);
	if (!options.url)
		options.url = redis_private_url(redis);
	options.name = "check";
	options.on_state = on_state;
	options.arg = &seen;
	l = rlink_new(&loop, &options, NULL);
	ck_assert_ptr_nonnull(l);
}

static void close_link(void)
{
	rlink_free(l);
	ck_assert(loop_finish(&loop));
}

static void setup(void)
{
	redis = redis_private_start(NULL);
}

static void teardown(void)
{
	redis_private_stop(redis);
}

START_TEST(test_send_answers)
{
	open_link((struct rlink_options){ 0 });
	ck_assert_int_eq(send_words("PING", NULL, NULL), ERR_UNAVAILABLE); /* not up yet: refused, not queued */
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
	ck_assert_int_eq(send_words("SET", "k", "v"), 0);
	ck_assert_int_eq(send_words("GET", "k", NULL), 0);
	seen.wanted = 2;
	ck_assert(loop_until(&loop, has_replies, &seen, DEADLINE_MS));
	ck_assert_int_eq(seen.status, 0);
	ck_assert_str_eq(seen.text, "v");
	ck_assert_uint_eq(seen.ups, 1);
	struct rlink_stats stats;
	rlink_stats(l, &stats);
	ck_assert_uint_eq(stats.in_flight, 0);
	ck_assert_uint_eq(stats.losses, 0);
	close_link();
}
END_TEST

START_TEST(test_send_error_reply)
{
	open_link((struct rlink_options){ 0 });
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
	ck_assert_int_eq(send_words("NOSUCH", NULL, NULL), 0);
	ck_assert(loop_until(&loop, has_replies, &seen, DEADLINE_MS));
	ck_assert_int_eq(seen.status, ERR_PROTOCOL);
	ck_assert_ptr_nonnull(strstr(seen.text, "unknown command"));
	ck_assert(rlink_up(l));
	close_link();
}
END_TEST

START_TEST(test_send_out_of_memory_reply)
{
	open_link((struct rlink_options){ 0 });
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
	struct rsync *s = rsync_open(redis_private_url(redis), 1000, NULL);
	rsync_words(s, NULL, "CONFIG", "SET", "maxmemory", "1", NULL);
	ck_assert_int_eq(send_words("SET", "k", "v"), 0);
	ck_assert(loop_until(&loop, has_replies, &seen, DEADLINE_MS));
	ck_assert_int_eq(seen.status, ERR_UNAVAILABLE);
	ck_assert(rlink_up(l)); /* Redis is full, not gone */
	rsync_close(s);
	close_link();
}
END_TEST

START_TEST(test_refused_then_there)
{
	redis_private_kill(redis);
	open_link((struct rlink_options){ 0 });
	seen.wanted = 1;
	ck_assert(!loop_until(&loop, is_up, NULL, 300));
	ck_assert(rlink_error(l)[0] != '\0');
	redis_private_restart(redis);
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
	close_link();
}
END_TEST

START_TEST(test_killed_in_flight)
{
	open_link((struct rlink_options){ 0 });
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
	kill(redis_private_pid(redis), SIGSTOP); /* so that nothing is answered before the kill */
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(send_words("PING", NULL, NULL), 0);
	rlink_flush(l);
	redis_private_kill(redis);
	seen.wanted = 100;
	ck_assert(loop_until(&loop, has_replies, &seen, DEADLINE_MS));
	ck_assert_uint_eq(seen.replies, 100);
	ck_assert_int_eq(seen.status, ERR_UNKNOWN);
	ck_assert_uint_eq(seen.downs, 1);
	ck_assert_int_eq(send_words("PING", NULL, NULL), ERR_UNAVAILABLE);
	redis_private_restart(redis);
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
	ck_assert_uint_eq(seen.replies, 100);
	ck_assert_uint_eq(seen.ups, 2);
	close_link();
}
END_TEST

/* A server that is silent without closing: only time tells. */
START_TEST(test_black_hole)
{
	open_link((struct rlink_options){ .command_timeout_ms = 200 });
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
	kill(redis_private_pid(redis), SIGSTOP);
	ck_assert_int_eq(send_words("PING", NULL, NULL), 0);
	ck_assert(loop_until(&loop, has_replies, &seen, DEADLINE_MS));
	ck_assert_int_eq(seen.status, ERR_UNKNOWN);
	ck_assert(!rlink_up(l));
	kill(redis_private_pid(redis), SIGCONT);
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
	close_link();
}
END_TEST

START_TEST(test_back_pressure)
{
	open_link((struct rlink_options){ .max_in_flight = 8, .max_pending_bytes = 1 << 20 });
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(send_words("PING", NULL, NULL), 0);
	ck_assert_int_eq(send_words("PING", NULL, NULL), ERR_UNAVAILABLE);
	seen.wanted = 8;
	ck_assert(loop_until(&loop, has_replies, &seen, DEADLINE_MS));
	ck_assert_int_eq(send_words("PING", NULL, NULL), 0);
	close_link();
}
END_TEST

START_TEST(test_large_values)
{
	size_t n = 3u << 20;
	char *big = malloc(n);
	memset(big, 'x', n);
	open_link((struct rlink_options){ 0 });
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_str(&cmd, "SET");
	rcmd_str(&cmd, "big");
	rcmd_arg(&cmd, big, n);
	ck_assert_int_eq(rlink_send(l, &cmd, on_reply, &seen), 0);
	rcmd_fini(&cmd);
	ck_assert_int_eq(send_words("STRLEN", "big", NULL), 0);
	seen.wanted = 2;
	ck_assert(loop_until(&loop, has_replies, &seen, DEADLINE_MS)); /* partial writes on the way */
	ck_assert_int_eq(seen.status, 0);
	free(big);
	close_link();
}
END_TEST

START_TEST(test_free_in_flight)
{
	open_link((struct rlink_options){ 0 });
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
	send_words("PING", NULL, NULL);
	close_link();
	ck_assert_uint_eq(seen.replies, 1);
	ck_assert_int_eq(seen.status, ERR_CLOSED);
}
END_TEST

static bool said_replica(void *arg)
{
	(void)arg;
	return strstr(rlink_error(l), "replica") != NULL;
}

START_TEST(test_replica_is_refused)
{
	struct rsync *s = rsync_open(redis_private_url(redis), 1000, NULL);
	rsync_words(s, NULL, "REPLICAOF", "127.0.0.1", "1", NULL);
	open_link((struct rlink_options){ 0 });
	ck_assert(loop_until(&loop, said_replica, NULL, DEADLINE_MS));
	ck_assert(!rlink_up(l));
	rsync_words(s, NULL, "REPLICAOF", "NO", "ONE", NULL);
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
	rsync_close(s);
	close_link();
}
END_TEST

static void on_reply_write_to_dead(void *arg, int status, const struct rreply *reply)
{
	(void)arg, (void)status, (void)reply;
	redis_private_kill(redis); /* from here on, a write fails at once */
	ck_assert_int_eq(send_words("PING", NULL, NULL), 0);
	rlink_flush(l);
}

/* A flush inside a reply's callback that finds the connection dead: the library is still at work on it. */
START_TEST(test_flush_fails_in_callback)
{
	struct rcmd cmd;
	open_link((struct rlink_options){ 0 });
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
	rcmd_init(&cmd);
	rcmd_str(&cmd, "PING");
	ck_assert_int_eq(rlink_send(l, &cmd, on_reply_write_to_dead, NULL), 0);
	rcmd_fini(&cmd);
	ck_assert(loop_until(&loop, has_replies, &seen, DEADLINE_MS));
	ck_assert_int_eq(seen.status, ERR_UNKNOWN);
	redis_private_restart(redis);
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
	close_link();
}
END_TEST

static bool flapped_for_a_while(void *arg)
{
	uint64_t *until_ms = arg;
	if (rlink_up(l))
		rlink_drop(l, "test");
	uv_update_time(&loop);
	return uv_now(&loop) >= *until_ms;
}

/* A link that comes up but never gets an answer (Redis is loading, say) must not come back at full speed for ever. */
START_TEST(test_flapping_link_backs_off)
{
	struct rlink_stats stats;
	open_link((struct rlink_options){ 0 });
	uint64_t until_ms = uv_now(&loop) + 1500;
	ck_assert(loop_until(&loop, flapped_for_a_while, &until_ms, DEADLINE_MS));
	rlink_stats(l, &stats);
	ck_assert_uint_ge(stats.connects, 2);
	ck_assert_uint_lt(stats.connects, 20);
	close_link();
}
END_TEST

static bool has_error(void *arg)
{
	(void)arg;
	return rlink_error(l)[0] != '\0';
}

/* A TCP port where nobody listens: taken and left again just now. */
START_TEST(test_tcp_refused)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof at;
	char url[64];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, n), 0);
	getsockname(fd, (struct sockaddr *)&at, &n);
	snprintf(url, sizeof url, "redis://localhost:%u", ntohs(at.sin_port)); /* a name: goes through the resolver */
	open_link((struct rlink_options){ .url = url });
	ck_assert(loop_until(&loop, has_error, NULL, DEADLINE_MS));
	ck_assert(!rlink_up(l));
	close(fd);
	close_link();
}
END_TEST

START_TEST(test_password)
{
	struct rsync *s = rsync_open(redis_private_url(redis), 1000, NULL);
	char url[300];
	struct errinfo info = { 0 };
	rsync_words(s, NULL, "ACL", "SETUSER", "web", "on", ">pa:ss", "~*", "+@all", NULL);
	rsync_words(s, NULL, "CONFIG", "SET", "requirepass", "secret", NULL);
	open_link((struct rlink_options){ 0 });
	ck_assert(loop_until(&loop, has_error, NULL, DEADLINE_MS));
	ck_assert_ptr_nonnull(strstr(rlink_error(l), "NOAUTH"));
	close_link();
	snprintf(url, sizeof url, "unix://web:pa%%3ass@%s", redis_private_socket(redis));
	open_link((struct rlink_options){ .url = url });
	ck_assert(loop_until(&loop, is_up, NULL, DEADLINE_MS));
	close_link();
	struct rsync *again = rsync_open(url, 1000, &info);
	ck_assert_msg(again != NULL, "%s", info.text);
	rsync_close(again);
	rsync_close(s);
}
END_TEST

START_TEST(test_rsync)
{
	struct errinfo info = { 0 };
	ck_assert_ptr_null(rsync_open("unix:///nowhere/at/all", 100, &info));
	ck_assert_ptr_nonnull(strstr(info.text, "cannot reach Redis"));
	struct rsync *s = rsync_open(redis_private_url(redis), 1000, &info);
	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(rreply_int(rsync_words(s, &info, "RPUSH", "l", "a", "b", NULL)), 2);
	const struct rreply *r = rsync_words(s, &info, "LRANGE", "l", "0", "-1", NULL);
	ck_assert_int_eq(rreply_type(r), RREPLY_ARRAY);
	ck_assert_uint_eq(rreply_count(r), 2);
	ck_assert_str_eq(rreply_str(rreply_at(r, 1), NULL), "b");
	ck_assert_ptr_null(rreply_at(r, 2));
	ck_assert_int_eq(rreply_type(rsync_words(s, &info, "GET", "none", NULL)), RREPLY_NIL);
	redis_private_kill(redis);
	ck_assert_ptr_null(rsync_words(s, &info, "PING", NULL));
	rsync_close(s);
}
END_TEST

static TCase *add_case(Suite *s, const char *name)
{
	TCase *t = tcase_create(name);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return t;
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	Suite *s = suite_create("rlink");
	TCase *core = add_case(s, "core"), *limits = add_case(s, "limits"), *faults = add_case(s, "faults");
	tcase_add_test(core, test_send_answers);
	tcase_add_test(core, test_send_error_reply);
	tcase_add_test(core, test_password);
	tcase_add_test(core, test_rsync);
	tcase_add_test(core, test_large_values);
	tcase_add_test(limits, test_back_pressure);
	tcase_add_test(faults, test_refused_then_there);
	tcase_add_test(faults, test_killed_in_flight);
	tcase_add_test(faults, test_black_hole);
	tcase_add_test(faults, test_free_in_flight);
	tcase_add_test(faults, test_replica_is_refused);
	tcase_add_test(faults, test_tcp_refused);
	tcase_add_test(faults, test_flush_fails_in_callback);
	tcase_add_test(faults, test_flapping_link_backs_off);
	tcase_add_test(faults, test_send_out_of_memory_reply);
	return suite_run(s);
}
