/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A Redis link that sentinels lead: two real servers, and sentinels on the same loop that say what the test wants. */
#include <arpa/inet.h>
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop_until.h"
#include "proc.h"
#include "redis_private.h"
#include "rlink.h"
#include "suite_run.h"

#define DEADLINE_MS 20000
enum { SENTINELS = 2, CLIENTS_MAX = 64 };

static struct redis_private *servers[2];
static unsigned ports[2];
static uv_loop_t loop;
static struct rlink *l;

/* Names host and port to whoever asks; nobody when the host is empty. */
struct sentinel_play {
	uv_tcp_t tcp;
	const char *host;
	unsigned port, asked;
};
static struct sentinel_play sentinels[SENTINELS];
static uv_tcp_t *clients[CLIENTS_MAX];
static unsigned client_count;

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	static char bytes[1024];
	(void)handle, (void)suggested;
	*out = uv_buf_init(bytes, sizeof bytes);
}

static void on_question(uv_stream_t *tcp, ssize_t n, const uv_buf_t *bytes)
{
	struct sentinel_play *play = tcp->data;
	char answer[100] = "*-1\r\n", port[8];
	(void)bytes;
	if (n < 0) {
		uv_close((uv_handle_t *)tcp, NULL);
		return;
	}
	play->asked++;
	(void)snprintf(port, sizeof port, "%u", play->port);
	if (play->host[0])
		(void)snprintf(answer, sizeof answer, "*2\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(play->host),
			       play->host, strlen(port), port);
	uv_buf_t whole = uv_buf_init(answer, (unsigned)strlen(answer));
	ck_assert_int_eq(uv_try_write(tcp, &whole, 1), (int)whole.len);
}

static void on_connection(uv_stream_t *listener, int status)
{
	uv_tcp_t *tcp = calloc(1, sizeof *tcp);
	ck_assert_int_eq(status, 0);
	ck_assert_ptr_nonnull(tcp);
	ck_assert_uint_lt(client_count, CLIENTS_MAX);
	clients[client_count++] = tcp;
	uv_tcp_init(&loop, tcp);
	tcp->data = listener->data;
	ck_assert_int_eq(uv_accept(listener, (uv_stream_t *)tcp), 0);
	uv_read_start((uv_stream_t *)tcp, on_alloc, on_question);
}

static void setup(void)
{
	static const char *const names[] = { "first", "second" };
	for (int i = 0; i < 2; i++) {
		char port[8];
		ports[i] = proc_free_port();
		(void)snprintf(port, sizeof port, "%u", ports[i]);
		const char *const more[] = { "--port", port, "--bind", "127.0.0.1", "-::1", NULL };
		servers[i] = redis_private_start(more);
		struct rsync *s = rsync_open(redis_private_url(servers[i]), 5000, NULL);
		ck_assert_str_eq(rreply_str(rsync_words(s, NULL, "SET", "name", names[i], NULL), NULL), "OK");
		rsync_close(s);
	}
}

static void teardown(void)
{
	redis_private_stop(servers[0]);
	redis_private_stop(servers[1]);
}

/* Both sentinels name the first server. */
static void open_link(unsigned command_timeout_ms)
{
	char url[100];
	unsigned at[SENTINELS];
	uv_loop_init(&loop);
	client_count = 0;
	for (int i = 0; i < SENTINELS; i++) {
		struct sockaddr_in address;
		int size = sizeof address;
		sentinels[i].host = "127.0.0.1";
		sentinels[i].port = ports[0];
		sentinels[i].asked = 0;
		uv_ip4_addr("127.0.0.1", 0, &address);
		uv_tcp_init(&loop, &sentinels[i].tcp);
		sentinels[i].tcp.data = &sentinels[i];
		ck_assert_int_eq(uv_tcp_bind(&sentinels[i].tcp, (struct sockaddr *)&address, 0), 0);
		ck_assert_int_eq(uv_listen((uv_stream_t *)&sentinels[i].tcp, 8, on_connection), 0);
		uv_tcp_getsockname(&sentinels[i].tcp, (struct sockaddr *)&address, &size);
		at[i] = ntohs(address.sin_port);
	}
	(void)snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:%u,127.0.0.1:%u/m", at[0], at[1]);
	const struct rlink_options options = { .url = url, .name = "check", .command_timeout_ms = command_timeout_ms };
	l = rlink_new(&loop, &options, NULL);
	ck_assert_ptr_nonnull(l);
}

static void close_link(void)
{
	rlink_free(l);
	for (int i = 0; i < SENTINELS; i++)
		uv_close((uv_handle_t *)&sentinels[i].tcp, NULL);
	for (unsigned i = 0; i < client_count; i++)
		if (!uv_is_closing((uv_handle_t *)clients[i]))
			uv_close((uv_handle_t *)clients[i], NULL);
	ck_assert(loop_finish(&loop));
	for (unsigned i = 0; i < client_count; i++)
		free(clients[i]);
}

struct reply {
	bool came;
	int status;
	char text[64];
};

static void on_reply(void *arg, int status, const struct rreply *reply)
{
	struct reply *r = arg;
	r->came = true;
	r->status = status;
	(void)snprintf(r->text, sizeof r->text, "%s", rreply_str(reply, NULL));
}

static bool has_come(void *arg)
{
	const struct reply *r = arg;
	return r->came;
}

static bool is_up(void *arg)
{
	(void)arg;
	return rlink_up(l);
}

static void send_words(const char *a, const char *b, const char *c, struct reply *r)
{
	struct rcmd cmd;
	*r = (struct reply){ 0 };
	rcmd_init(&cmd);
	rcmd_str(&cmd, a);
	rcmd_str(&cmd, b);
	if (c)
		rcmd_str(&cmd, c);
	ck_assert_int_eq(rlink_send(l, &cmd, on_reply, r), 0);
	rcmd_fini(&cmd);
}

/* Waits for the link, and asks the server at its other end. */
static void assert_is_at(const char *name)
{
	struct reply r;
	ck_assert_msg(loop_until(&loop, is_up, NULL, DEADLINE_MS), "the link is not up: %s", rlink_error(l));
	send_words("GET", "name", NULL, &r);
	ck_assert(loop_until(&loop, has_come, &r, DEADLINE_MS));
	ck_assert_str_eq(r.text, name);
}

static void name_master(const char *host, unsigned port)
{
	for (int i = 0; i < SENTINELS; i++) {
		sentinels[i].host = host;
		sentinels[i].port = port;
	}
}

/* The old master is well, its connection stands and waits for a long time: the sentinels' word alone moves the link. */
START_TEST(test_blocked_link_follows_the_master)
{
	struct reply r;
	open_link(600000);
	assert_is_at("first");
	send_words("BLPOP", "nothing", "300", &r);
	name_master("127.0.0.1", ports[1]);
	ck_assert(loop_until(&loop, has_come, &r, DEADLINE_MS));
	ck_assert_int_eq(r.status, ERR_UNKNOWN);
	ck_assert_ptr_nonnull(strstr(rlink_error(l), "master \"m\" is at 127.0.0.1 port"));
	assert_is_at("second");
	close_link();
}
END_TEST

START_TEST(test_master_by_name)
{
	open_link(0);
	name_master("localhost", ports[1]);
	assert_is_at("second");
	close_link();
}
END_TEST

/* One sentinel names a replica, the other the master: whichever is asked first. */
START_TEST(test_sentinel_that_names_a_replica_is_doubted)
{
	struct rsync *s = rsync_open(redis_private_url(servers[0]), 5000, NULL);
	ck_assert_str_eq(rreply_str(rsync_words(s, NULL, "REPLICAOF", "127.0.0.1", "1", NULL), NULL), "OK");
	open_link(0);
	sentinels[_i].port = ports[1];
	assert_is_at("second");
	close_link();
	ck_assert_str_eq(rreply_str(rsync_words(s, NULL, "REPLICAOF", "NO", "ONE", NULL), NULL), "OK");
	rsync_close(s);
}
END_TEST

static bool all_asked(void *arg)
{
	unsigned *n = arg;
	return sentinels[0].asked >= *n && sentinels[1].asked >= *n;
}

/* Sentinels that have forgotten the master do no harm to a link that stands. */
START_TEST(test_link_outlives_its_sentinels)
{
	struct rlink_stats stats;
	open_link(0);
	assert_is_at("first");
	name_master("", 0);
	sentinels[0].asked = sentinels[1].asked = 0;
	unsigned times = 3;
	ck_assert(loop_until(&loop, all_asked, &times, DEADLINE_MS));
	assert_is_at("first");
	rlink_stats(l, &stats);
	ck_assert_uint_eq(stats.losses, 0);
	close_link();
}
END_TEST

static bool is_asked(void *arg)
{
	(void)arg;
	return sentinels[0].asked + sentinels[1].asked > 0;
}

START_TEST(test_free_while_locating)
{
	open_link(0);
	close_link(); /* not connected to any sentinel yet */
	open_link(0);
	name_master("localhost", ports[0]);
	ck_assert(loop_until(&loop, is_asked, NULL, DEADLINE_MS));
	close_link(); /* the name is being resolved, or about to be */
}
END_TEST

int main(void)
{
	signal(SIGPIPE, SIG_IGN); /* a link's process must */
	Suite *suite = suite_create("locator");
	TCase *core = tcase_create("core"), *faults = tcase_create("faults");

	tcase_add_unchecked_fixture(core, setup, teardown);
	tcase_add_unchecked_fixture(faults, setup, teardown);
	tcase_add_test(core, test_blocked_link_follows_the_master);
	tcase_add_test(core, test_master_by_name);
	tcase_add_loop_test(faults, test_sentinel_that_names_a_replica_is_doubted, 0, SENTINELS);
	tcase_add_test(faults, test_link_outlives_its_sentinels);
	tcase_add_test(faults, test_free_while_locating);
	suite_add_tcase(suite, core);
	suite_add_tcase(suite, faults);
	return suite_run(suite);
}
