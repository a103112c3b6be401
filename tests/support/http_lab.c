/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http_lab.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "listener.h"

struct http_lab http_lab;

/* ---- the server's thread ---- */

void http_lab_echo(struct http_request *r)
{
	struct http_reply reply = { .status = 200, .n_headers = 1, .headers = { { "X-Test", "yes" } } };
	reply.body = http_request_body(r, &reply.body_n);
	http_respond(r, &reply);
}

static void on_request(void *arg, struct http_request *r)
{
	(void)arg;
	http_lab_echo(r);
}

static void on_refused(void *arg, struct http_request *r, unsigned status, const char *detail)
{
	(void)arg;
	http_respond(r, &(struct http_reply){ .status = status, .body = detail, .body_n = strlen(detail) });
}

static void on_gone(void *arg, struct http_request *r)
{
	(void)arg, (void)r;
	http_lab.gone++;
}

static void on_prepare(uv_prepare_t *prepare)
{
	(void)prepare;
	http_server_turn(http_lab.http);
	http_server_arm(http_lab.http);
	http_lab.connections = http_server_connections(http_lab.http);
}

static void on_call(uv_async_t *call)
{
	(void)call;
	if (!http_lab.fn)
		return;
	http_lab.fn(http_lab.arg);
	http_lab.fn = NULL;
	atomic_store(&http_lab.called, true);
}

static void *run(void *arg)
{
	(void)arg;
	uv_run(&http_lab.loop, UV_RUN_DEFAULT);
	return NULL;
}

static void end(void *arg)
{
	(void)arg;
	http_server_free(http_lab.http);
	uv_close((uv_handle_t *)&http_lab.call, NULL);
	uv_close((uv_handle_t *)&http_lab.prepare, NULL);
}

static void drain(void *arg)
{
	(void)arg;
	http_server_drain(http_lab.http);
}

/* ---- the test's thread ---- */

void http_lab_call(void (*fn)(void *arg), void *arg)
{
	http_lab.fn = fn;
	http_lab.arg = arg;
	atomic_store(&http_lab.called, false);
	uv_async_send(&http_lab.call);
	uint64_t end_us = clock_mono_us() + HTTP_LAB_DEADLINE_MS * 1000;
	while (!atomic_load(&http_lab.called) && clock_mono_us() < end_us)
		sched_yield();
	ck_assert(http_lab.called);
}

void http_lab_drain(void)
{
	http_lab_call(drain, NULL);
}

void http_lab_start(const struct http_server_options *options)
{
	struct http_server_options o = *options;
	struct errinfo info;
	memset(&http_lab, 0, sizeof http_lab);
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&http_lab.loop);
	ck_assert_int_eq(listener_open("127.0.0.1", &http_lab.port, &o.listen_fd, 1, &info), 0);
	o.connections = o.connections ? o.connections : 100;
	o.head_limit = HTTP_LAB_HEAD_LIMIT;
	o.body_limit = HTTP_LAB_BODY_LIMIT;
	o.head_s = o.head_s ? o.head_s : 5;
	o.body_s = o.body_s ? o.body_s : 5;
	o.idle_s = o.idle_s ? o.idle_s : 30;
	o.on_request = o.on_request ? o.on_request : on_request;
	o.on_refused = o.on_refused ? o.on_refused : on_refused;
	o.on_gone = o.on_gone ? o.on_gone : on_gone;
	http_lab.http = http_server_new(&http_lab.loop, &o, &info);
	ck_assert_msg(http_lab.http != NULL, "%s", info.text);
	uv_async_init(&http_lab.loop, &http_lab.call, on_call);
	uv_prepare_init(&http_lab.loop, &http_lab.prepare);
	uv_prepare_start(&http_lab.prepare, on_prepare);
	pthread_create(&http_lab.thread, NULL, run, NULL);
}

void http_lab_stop(void)
{
	http_lab_call(end, NULL);
	pthread_join(http_lab.thread, NULL);
	ck_assert_int_eq(uv_loop_close(&http_lab.loop), 0);
}

void http_lab_until(atomic_uint *value, unsigned expected)
{
	uint64_t end_us = clock_mono_us() + HTTP_LAB_DEADLINE_MS * 1000;
	while (*value != expected && clock_mono_us() < end_us)
		sched_yield();
	ck_assert_uint_eq(*value, expected);
}

/* ---- the client ---- */

int http_lab_dial(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)http_lab.port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct timeval patience = { HTTP_LAB_DEADLINE_MS / 1000, 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	return fd;
}

void http_lab_say_n(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
		if (sent <= 0)
			return; /* closed by the server: what it answered is read next */
		p += sent;
		n -= (size_t)sent;
	}
}

void http_lab_say(int fd, const char *text)
{
	http_lab_say_n(fd, text, strlen(text));
}

unsigned http_lab_hear_head(int fd, char *out, size_t size)
{
	size_t n = 0;
	unsigned status = 0, minor = 0;
	while (n < 4 || memcmp(out + n - 4, "\r\n\r\n", 4) != 0)
		if (n + 1 >= size || recv(fd, out + n++, 1, 0) != 1)
			return 0;
	out[n] = '\0';
	ck_assert_int_eq(sscanf(out, "HTTP/1.%u %u", &minor, &status), 2);
	return status == 100 ? http_lab_hear_head(fd, out, size) : status;
}

unsigned http_lab_hear(int fd, char *out, size_t size)
{
	char head[4096];
	unsigned status = http_lab_hear_head(fd, head, sizeof head);
	if (!status)
		return 0;
	const char *header = strstr(head, "Content-Length: ");
	ck_assert_ptr_nonnull(header);
	size_t length = strtoul(header + 16, NULL, 10);
	ck_assert_uint_lt(length, size);
	for (size_t n = 0; n < length;) {
		ssize_t got = recv(fd, out + n, length - n, 0);
		if (got <= 0)
			return 0;
		n += (size_t)got;
	}
	out[length] = '\0';
	return status;
}

bool http_lab_at_end(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, 0);
	return n == 0 || (n < 0 && errno == ECONNRESET);
}
