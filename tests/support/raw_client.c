/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "raw_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

static void give_up(const char *what)
{
	(void)fprintf(stderr, "raw_client: %s\n", what);
	abort();
}

/* What poll(2) says within the deadline; 0: nothing. */
static short wait_for(int fd, short events, uint64_t end_us)
{
	for (;;) {
		struct pollfd p = { fd, events, 0 };
		uint64_t now_us = clock_mono_us();
		int n = poll(&p, 1, now_us < end_us ? (int)((end_us - now_us + 999) / 1000) : 0);
		if (n > 0)
			return p.revents;
		if (n == 0 && clock_mono_us() >= end_us)
			return 0;
		if (n < 0 && errno != EINTR)
			give_up("poll failed");
	}
}

/* ---- connecting ---- */

static bool finish_connect(int fd, unsigned deadline_ms)
{
	int error = 0;
	socklen_t len = sizeof error;
	return wait_for(fd, POLLOUT, clock_mono_us() + deadline_ms * 1000ULL) &&
	       getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0;
}

bool raw_connect(struct raw_client *c, unsigned port, const char *from, int receive_bytes, unsigned deadline_ms)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) },
			   local = { .sin_family = AF_INET };
	const int on = 1;
	*c = (struct raw_client){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) };
	if (c->fd < 0)
		give_up("no socket (too few file descriptors?)");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (receive_bytes) /* before connecting: it bounds the window */
		setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
	if (from) { /* the port is chosen at connect, when both ends are known: more are free */
		setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
		if (inet_pton(AF_INET, from, &local.sin_addr) != 1 ||
		    bind(c->fd, (struct sockaddr *)&local, sizeof local) != 0)
			give_up("cannot bind to the local address");
	}
	if (connect(c->fd, (struct sockaddr *)&to, sizeof to) == 0 ||
	    (errno == EINPROGRESS && finish_connect(c->fd, deadline_ms)))
		return true;
	close(c->fd);
	c->fd = -1;
	return false;
}

void raw_close(struct raw_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	buf_fini(&c->in);
}

void raw_reset(struct raw_client *c)
{
	const struct linger at_once = { 1, 0 };
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	raw_close(c);
}

/* ---- bytes ---- */

static void take_in(struct raw_client *c)
{
	char data[65536];
	while (!c->ended) {
		ssize_t n = recv(c->fd, data, sizeof data, 0);
		if (n > 0)
			buf_append(&c->in, data, (size_t)n);
		else if (n < 0 && errno == EINTR)
			continue;
		else if (n < 0 && errno == EAGAIN)
			return;
		else
			c->ended = true;
	}
}

bool raw_send(struct raw_client *c, const void *data, size_t n, unsigned deadline_ms)
{
	const char *p = data;
	uint64_t end_us = clock_mono_us() + deadline_ms * 1000ULL;
	while (n) {
		short ready = wait_for(c->fd, (short)(POLLOUT | (c->ended ? 0 : POLLIN)), end_us);
		if (!ready)
			return false;
		if (ready & (POLLIN | POLLHUP | POLLERR))
			take_in(c);
		if (!(ready & POLLOUT))
			continue;
		ssize_t sent = send(c->fd, p, n, MSG_NOSIGNAL);
		if (sent > 0) {
			p += sent;
			n -= (size_t)sent;
		} else if (errno != EAGAIN && errno != EINTR) {
			take_in(c); /* what was answered before the end */
			c->ended = true;
			return false;
		}
	}
	return true;
}

bool raw_say(struct raw_client *c, const char *text)
{
	return raw_send(c, text, strlen(text), 10000);
}

void raw_listen(struct raw_client *c, unsigned wait_ms)
{
	uint64_t end_us = clock_mono_us() + wait_ms * 1000ULL;
	while (!c->ended && wait_for(c->fd, POLLIN, end_us))
		take_in(c);
}

bool raw_ends(struct raw_client *c, unsigned deadline_ms)
{
	raw_listen(c, deadline_ms);
	return c->ended;
}

/* ---- answers ---- */

void raw_answer_fini(struct raw_answer *a)
{
	buf_fini(&a->head);
	buf_fini(&a->body);
	a->status = 0;
}

const char *raw_header(struct raw_answer *a, const char *name)
{
	static _Thread_local char value[1024];
	size_t n = strlen(name);
	const char *line = buf_cstr(&a->head);
	while ((line = strchr(line, '\n'))) {
		line++;
		if (strncasecmp(line, name, n) != 0 || line[n] != ':')
			continue;
		line += n + 1;
		line += strspn(line, " \t");
		(void)snprintf(value, sizeof value, "%.*s", (int)strcspn(line, "\r\n"), line);
		return value;
	}
	return NULL;
}

/* Decodes the chunks in p[0..n). How many bytes they take, 0 while the last one is not there. */
static size_t take_chunks(const char *p, size_t n, struct buf *body)
{
	size_t at = 0;
	buf_clear(body);
	for (;;) {
		const char *eol = memmem(p + at, n - at, "\r\n", 2);
		if (!eol)
			return 0;
		size_t size = strtoul(p + at, NULL, 16), data = (size_t)(eol - p) + 2;
		if (n - data < size + 2)
			return 0;
		if (size == 0)
			return memcmp(p + data, "\r\n", 2) == 0 ? data + 2 : 0;
		buf_append(body, p + data, size);
		at = data + size + 2;
	}
}

/* Whether the body is whole; then it is taken. */
static bool take_body(struct raw_client *c, struct raw_answer *a)
{
	const char *length = raw_header(a, "Content-Length");
	size_t n = length ? strtoul(length, NULL, 10) : 0;
	if (c->bodiless || a->status < 200 || a->status == 204 || a->status == 304)
		return true;
	if (!length && raw_header(a, "Transfer-Encoding")) {
		size_t used = take_chunks(buf_cstr(&c->in), c->in.len, &a->body);
		buf_consume(&c->in, used);
		return used > 0;
	}
	if (length ? c->in.len < n : !c->ended)
		return false;
	n = length ? n : c->in.len;
	buf_append(&a->body, c->in.data, n);
	buf_consume(&c->in, n);
	return true;
}

static bool take_head(struct raw_client *c, struct raw_answer *a)
{
	const char *from = buf_cstr(&c->in), *end = memmem(from, c->in.len, "\r\n\r\n", 4);
	if (!end)
		return false;
	if (sscanf(from, "HTTP/1.%*1[01] %3u ", &a->status) != 1) {
		(void)fprintf(stderr, "%.200s\n", from);
		give_up("expected an HTTP answer");
	}
	buf_append(&a->head, from, (size_t)(end - from) + 4);
	buf_consume(&c->in, (size_t)(end - from) + 4);
	(void)buf_cstr(&a->head);
	return true;
}

enum raw_heard raw_hear(struct raw_client *c, struct raw_answer *a, unsigned deadline_ms)
{
	uint64_t end_us = clock_mono_us() + deadline_ms * 1000ULL;
	bool head = false;
	raw_answer_fini(a);
	for (;;) {
		head = head || take_head(c, a);
		if (head && take_body(c, a)) {
			(void)buf_cstr(&a->body);
			c->bodiless = false;
			return RAW_ANSWER;
		}
		if (c->ended)
			return RAW_END;
		if (!wait_for(c->fd, POLLIN, end_us))
			return RAW_SILENCE;
		take_in(c);
	}
}
