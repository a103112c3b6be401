/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asking sentinels, against scripted ones on the same loop: right answers, wrong ones, none. */
#include <arpa/inet.h>
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop_until.h"
#include "sentinel.h"
#include "suite_run.h"

#define DEADLINE_MS 10000
#define GOOD "*2\r\n$9\r\n127.0.0.1\r\n$4\r\n6380\r\n"
#define QUESTION "*3\r\n$8\r\nSENTINEL\r\n$23\r\nget-master-addr-by-name\r\n$1\r\nm\r\n"

/* A server that says `answer` to whatever comes; NULL: nothing. */
struct scripted {
	uv_tcp_t tcp;
	const char *answer;
	size_t size;
	bool hangs_up; /* after the answer */
	unsigned connections, asked;
	char heard[512]; /* all that came over the last connection */
};

static uv_loop_t loop;
static struct scripted servers[3];
static uv_tcp_t *open_clients[32];
static unsigned clients;
static struct sentinel *s;
static struct rurl where;

struct told {
	unsigned n;
	int status;
	char host[300];
	unsigned port;
};
static struct told told;

static void on_told(void *arg, int status, const char *host, unsigned port)
{
	struct told *t = arg;
	t->n++;
	t->status = status;
	t->port = port;
	(void)snprintf(t->host, sizeof t->host, "%s", host ? host : "");
}

static bool is_told(void *arg)
{
	const struct told *t = arg;
	return t->n > 0;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	static char bytes[1024];
	(void)handle, (void)suggested;
	*out = uv_buf_init(bytes, sizeof bytes);
}

static void drop_client(uv_tcp_t *tcp)
{
	if (!uv_is_closing((uv_handle_t *)tcp))
		uv_close((uv_handle_t *)tcp, NULL);
}

static void on_read(uv_stream_t *tcp, ssize_t n, const uv_buf_t *bytes)
{
	struct scripted *server = tcp->data;
	size_t have = strlen(server->heard), more = n > 0 ? (size_t)n : 0;
	if (n < 0) {
		drop_client((uv_tcp_t *)tcp);
		return;
	}
	ck_assert_uint_lt(have + more, sizeof server->heard);
	memcpy(server->heard + have, bytes->base, more);
	server->heard[have + more] = '\0';
	server->asked++;
	if (server->answer) { /* in two pieces, so that a reply is not always whole */
		size_t half = server->size / 2;
		uv_buf_t part = uv_buf_init((char *)server->answer, (unsigned)half);
		if (half)
			ck_assert_int_eq(uv_try_write(tcp, &part, 1), (int)half);
		part = uv_buf_init((char *)server->answer + half, (unsigned)(server->size - half));
		ck_assert_int_eq(uv_try_write(tcp, &part, 1), (int)(server->size - half));
	}
	if (server->hangs_up)
		drop_client((uv_tcp_t *)tcp);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct scripted *server = listener->data;
	uv_tcp_t *tcp = calloc(1, sizeof *tcp);
	ck_assert_int_eq(status, 0);
	ck_assert_ptr_nonnull(tcp);
	ck_assert_uint_lt(clients, sizeof open_clients / sizeof *open_clients);
	open_clients[clients++] = tcp;
	uv_tcp_init(&loop, tcp);
	tcp->data = server;
	ck_assert_int_eq(uv_accept(listener, (uv_stream_t *)tcp), 0);
	server->connections++;
	server->heard[0] = '\0';
	uv_read_start((uv_stream_t *)tcp, on_alloc, on_read);
}

static void set_answer(unsigned i, const char *answer, size_t size)
{
	servers[i].answer = answer;
	servers[i].size = size;
}

/* n servers, which all know; rest: of the URL, behind the hosts. */
static void setup_with(unsigned n, const char *user, const char *rest)
{
	char url[400];
	int used = snprintf(url, sizeof url, "redis+sentinel://%s", user);
	struct errinfo info = { 0 };
	uv_loop_init(&loop);
	memset(servers, 0, sizeof servers);
	memset(&told, 0, sizeof told);
	clients = 0;
	for (unsigned i = 0; i < n; i++) {
		struct sockaddr_in at;
		int size = sizeof at;
		uv_ip4_addr("127.0.0.1", 0, &at);
		uv_tcp_init(&loop, &servers[i].tcp);
		servers[i].tcp.data = &servers[i];
		ck_assert_int_eq(uv_tcp_bind(&servers[i].tcp, (struct sockaddr *)&at, 0), 0);
		ck_assert_int_eq(uv_listen((uv_stream_t *)&servers[i].tcp, 8, on_connection), 0);
		uv_tcp_getsockname(&servers[i].tcp, (struct sockaddr *)&at, &size);
		used +=
		    snprintf(url + used, sizeof url - (size_t)used, "%s127.0.0.1:%u", i ? "," : "", ntohs(at.sin_port));
		set_answer(i, GOOD, sizeof GOOD - 1);
	}
	(void)snprintf(url + used, sizeof url - (size_t)used, "%s", rest);
	ck_assert_msg(rurl_parse(url, &where, &info) == 0, "%s", info.text);
	s = sentinel_new(&loop, &where, 250, 0);
	ck_assert_ptr_nonnull(s);
}

static void setup(void)
{
	setup_with(3, "", "/m");
}

static void finish(void)
{
	sentinel_free(s);
	for (int i = 0; i < 3; i++)
		if (servers[i].tcp.loop && !uv_is_closing((uv_handle_t *)&servers[i].tcp))
			uv_close((uv_handle_t *)&servers[i].tcp, NULL);
	for (unsigned i = 0; i < clients; i++)
		drop_client(open_clients[i]);
	ck_assert(loop_finish(&loop));
	for (unsigned i = 0; i < clients; i++)
		free(open_clients[i]);
}

static void ask(void)
{
	told.n = 0;
	sentinel_ask(s, on_told, &told);
	ck_assert(loop_until(&loop, is_told, &told, DEADLINE_MS));
	ck_assert_uint_eq(told.n, 1);
}

static void assert_told(void)
{
	ck_assert_msg(told.status == 0, "%d: %s", told.status, sentinel_error(s));
	ck_assert_str_eq(told.host, "127.0.0.1");
	ck_assert_uint_eq(told.port, 6380);
}

START_TEST(test_ask_keeps_the_connection)
{
	setup();
	for (int i = 0; i < 3; i++) {
		ask();
		assert_told();
	}
	ck_assert_uint_eq(servers[0].connections, 1);
	ck_assert_uint_eq(servers[0].asked, 3);
	ck_assert_str_eq(servers[0].heard, QUESTION QUESTION QUESTION);
	ck_assert_uint_eq(servers[1].connections + servers[2].connections, 0);
	finish();
}
END_TEST

static bool nobody_is_connected(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < clients; i++)
		if (!uv_is_closing((uv_handle_t *)open_clients[i]))
			return false;
	return true;
}

START_TEST(test_ask_after_the_connection_ended)
{
	setup();
	servers[0].hangs_up = true;
	ask();
	assert_told();
	ck_assert(loop_until(&loop, nobody_is_connected, NULL, DEADLINE_MS));
	ask();
	assert_told();
	ck_assert_uint_eq(servers[2].connections, 0);
	finish();
}
END_TEST

START_TEST(test_doubt_asks_another)
{
	setup();
	ask();
	sentinel_doubt(s);
	ask();
	ck_assert_uint_eq(servers[0].asked, 1);
	ck_assert_uint_eq(servers[1].asked, 1);
	finish();
}
END_TEST

START_TEST(test_ask_with_password)
{
	static const char answers[] = "+OK\r\n" GOOD;
	setup_with(1, "u:not-for-sentinels@", "/m/2?sentinel_user=eye&sentinel_password=p%26w");
	set_answer(0, answers, sizeof answers - 1);
	ask();
	assert_told();
	ck_assert_str_eq(servers[0].heard, "*3\r\n$4\r\nAUTH\r\n$3\r\neye\r\n$3\r\np&w\r\n" QUESTION);
	finish();
	setup_with(1, "", "/m?sentinel_password=pw");
	set_answer(0, answers, sizeof answers - 1);
	ask();
	assert_told();
	ck_assert_str_eq(servers[0].heard, "*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n" QUESTION);
	finish();
}
END_TEST

#define ANSWER(text, why)                          \
	{                                          \
		text, sizeof(text) - 1, why, false \
	}
static const struct {
	const char *answer;
	size_t size;
	const char *why;
	bool hangs_up;
} wrong[] = {
	ANSWER("*-1\r\n", "knows no master \"m\""),
	ANSWER("$-1\r\n", "knows no master \"m\""),
	ANSWER("-IDONTKNOW I have not enough information\r\n", "IDONTKNOW I have not"),
	ANSWER("-NOAUTH Authentication required.\r\n", "NOAUTH Authentication required."),
	ANSWER("*2\r\n$9\r\n127.0.0.1\r\n$1\r\n0\r\n", "expected the host and the port"),
	ANSWER("*2\r\n$9\r\n127.0.0.1\r\n$5\r\n65536\r\n", "expected the host and the port"),
	ANSWER("*2\r\n$9\r\n127.0.0.1\r\n$4\r\n63x0\r\n", "expected the host and the port"),
	ANSWER("*2\r\n$9\r\n127.0.0.1\r\n$0\r\n\r\n", "expected the host and the port"),
	ANSWER("*2\r\n$0\r\n\r\n$4\r\n6380\r\n", "expected the host and the port"),
	ANSWER("*2\r\n$3\r\na\0b\r\n$4\r\n6380\r\n", "expected the host and the port"),
	ANSWER("*1\r\n$9\r\n127.0.0.1\r\n", "expected the host and the port"),
	ANSWER("*2\r\n:1\r\n:6380\r\n", "expected the host and the port"),
	ANSWER("*0\r\n", "expected the host and the port"),
	ANSWER("+OK\r\n", "expected the host and the port"),
	ANSWER("HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak the protocol"),
	ANSWER("*2\r\n$9\r\n127.0", "no answer in time"),
	{ NULL, 0, "no answer in time", false },
	{ NULL, 0, "end of file", true },
};

START_TEST(test_wrong_answer_is_passed_over)
{
	setup();
	set_answer(0, wrong[_i].answer, wrong[_i].size);
	servers[0].hangs_up = wrong[_i].hangs_up;
	ask();
	assert_told();
	ck_assert_ptr_nonnull(strstr(sentinel_error(s), wrong[_i].why));
	ask(); /* now the one that answered comes first */
	assert_told();
	ck_assert_uint_eq(servers[0].connections, 1);
	ck_assert_uint_eq(servers[1].asked, 2);
	finish();
}
END_TEST

START_TEST(test_flood_is_passed_over)
{
	static char flood[20000];
	memset(flood, 'x', sizeof flood);
	memcpy(flood, "$1000000\r\n", 10);
	setup();
	set_answer(0, flood, sizeof flood);
	ask();
	assert_told();
	ck_assert_ptr_nonnull(strstr(sentinel_error(s), "got a flood"));
	finish();
}
END_TEST

START_TEST(test_nobody_knows)
{
	setup();
	set_answer(0, "*-1\r\n", 5);
	set_answer(1, NULL, 0);
	uv_close((uv_handle_t *)&servers[2].tcp, NULL); /* refuses */
	for (int i = 0; i < 2; i++) {
		ask();
		ck_assert_int_eq(told.status, ERR_UNAVAILABLE);
		ck_assert_ptr_nonnull(strstr(sentinel_error(s), "knows no master \"m\""));
		ck_assert_ptr_nonnull(strstr(sentinel_error(s), "no answer in time"));
		ck_assert_ptr_nonnull(strstr(sentinel_error(s), "connection refused"));
	}
	set_answer(1, GOOD, sizeof GOOD - 1); /* and when one does again */
	ask();
	assert_told();
	finish();
}
END_TEST

static bool was_asked(void *arg)
{
	const struct scripted *server = arg;
	return server->asked > 0;
}

START_TEST(test_free_with_an_open_question)
{
	setup();
	sentinel_ask(s, on_told, &told);
	finish(); /* while it connects */
	ck_assert_uint_eq(told.n, 0);
	setup();
	set_answer(0, NULL, 0);
	sentinel_ask(s, on_told, &told);
	ck_assert(loop_until(&loop, was_asked, &servers[0], DEADLINE_MS));
	finish(); /* while it waits for the answer */
	ck_assert_uint_eq(told.n, 0);
}
END_TEST

static void on_told_free(void *arg, int status, const char *host, unsigned port)
{
	on_told(arg, status, host, port);
	sentinel_free(s);
	s = NULL;
}

START_TEST(test_free_in_the_answer)
{
	setup();
	sentinel_ask(s, on_told_free, &told);
	ck_assert(loop_until(&loop, is_told, &told, DEADLINE_MS));
	assert_told();
	finish();
}
END_TEST

START_TEST(test_find_tells_why)
{
	struct rurl_host found;
	struct errinfo info = { 0 };
	setup_with(2, "", "/m");
	for (int i = 0; i < 2; i++)
		uv_close((uv_handle_t *)&servers[i].tcp, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_int_eq(sentinel_find(&where, 500, &found, &info), ERR_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(info.text, "no sentinel tells where master \"m\" is: sentinel 127.0.0.1:"));
	const char *first = strstr(info.text, "Connection refused");
	ck_assert_ptr_nonnull(first);
	ck_assert_ptr_nonnull(strstr(first + 1, "Connection refused"));
	finish();
}
END_TEST

int main(void)
{
	signal(SIGPIPE, SIG_IGN); /* a link's process must */
	Suite *suite = suite_create("sentinel");
	TCase *core = tcase_create("core"), *faults = tcase_create("faults");

	tcase_add_test(core, test_ask_keeps_the_connection);
	tcase_add_test(core, test_ask_after_the_connection_ended);
	tcase_add_test(core, test_doubt_asks_another);
	tcase_add_test(core, test_ask_with_password);
	tcase_add_loop_test(faults, test_wrong_answer_is_passed_over, 0, sizeof wrong / sizeof *wrong);
	tcase_add_test(faults, test_flood_is_passed_over);
	tcase_add_test(faults, test_nobody_knows);
	tcase_add_test(faults, test_free_with_an_open_question);
	tcase_add_test(faults, test_free_in_the_answer);
	tcase_add_test(faults, test_find_tells_why);
	suite_add_tcase(suite, core);
	suite_add_tcase(suite, faults);
	return suite_run(suite);
}
