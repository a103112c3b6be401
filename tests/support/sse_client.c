/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sse_client.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "http_client.h"
#include "wait_until.h"

/* ---- bytes ---- */

/* Takes in what comes next. False when nothing does until then. */
static bool take(struct sse_client *c, uint64_t end_us)
{
	char piece[16384];
	uint64_t now_us = clock_mono_us();
	struct pollfd p = { c->fd, POLLIN, 0 };
	if (c->ended || poll(&p, 1, now_us < end_us ? (int)((end_us - now_us + 999) / 1000) : 0) <= 0)
		return false;
	ssize_t n = recv(c->fd, piece, sizeof piece, 0);
	if (n > 0)
		buf_append(&c->raw, piece, (size_t)n);
	else
		c->ended = c->cut = true;
	return n > 0;
}

/* Takes the framing off what has come, as far as whole chunks have. */
static void unchunk(struct sse_client *c)
{
	for (;;) {
		const char *end = c->raw.len ? memmem(c->raw.data, c->raw.len, "\r\n", 2) : NULL;
		if (!end)
			return;
		size_t line = (size_t)(end - c->raw.data) + 2, n = strtoul(c->raw.data, NULL, 16);
		if (c->raw.len < line + n + 2)
			return;
		buf_append(&c->text, c->raw.data + line, n);
		buf_consume(&c->raw, line + n + 2);
		if (n == 0) {
			c->ended = true;
			c->cut = false;
			return;
		}
	}
}

/* ---- the head ---- */

struct asking {
	struct sse_client *c;
	unsigned port;
	const char *path, *header;
	uint64_t end_us;
	unsigned status;
};

static unsigned ask_once(struct asking *a)
{
	struct sse_client *c = a->c;
	char request[600];
	const char *end;
	*c = (struct sse_client){ .fd = tcp_client_connect(a->port, 10000) };
	if (c->fd < 0)
		return 0;
	int n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s%s\r\n", a->path,
			 a->header ? a->header : "", a->header ? "\r\n" : "");
	if (send(c->fd, request, (size_t)n, MSG_NOSIGNAL) != n)
		return 0;
	while (!(end = c->raw.len ? memmem(c->raw.data, c->raw.len, "\r\n\r\n", 4) : NULL))
		if (!take(c, a->end_us))
			return 0;
	size_t head = (size_t)(end - c->raw.data) + 4;
	if (head >= sizeof c->head)
		return 0;
	memcpy(c->head, c->raw.data, head);
	buf_consume(&c->raw, head);
	unchunk(c);
	return (unsigned)strtoul(c->head + 9, NULL, 10);
}

static bool is_answered(void *arg)
{
	struct asking *a = arg;
	a->status = ask_once(a);
	if (a->status == 503)
		sse_close(a->c);
	return a->status != 503;
}

unsigned sse_open(struct sse_client *c, unsigned port, const char *path, const char *header, unsigned deadline_ms)
{
	struct asking a = { c, port, path, header, clock_mono_us() + deadline_ms * UINT64_C(1000), 0 };
	wait_until(is_answered, &a, deadline_ms);
	return a.status;
}

/* ---- events ---- */

static void take_line(struct sse_client *c, const char *line, size_t n, bool *is_event)
{
	if (n && line[0] == ':') {
		c->comments++;
	} else if (n > 7 && memcmp(line, "event: ", 7) == 0) {
		snprintf(c->name, sizeof c->name, "%.*s", (int)n - 7, line + 7);
		*is_event = true;
	} else if (n > 4 && memcmp(line, "id: ", 4) == 0) {
		snprintf(c->id, sizeof c->id, "%.*s", (int)n - 4, line + 4);
	} else if (n >= 6 && memcmp(line, "data: ", 6) == 0) {
		if (c->data.len)
			buf_byte(&c->data, '\n');
		buf_append(&c->data, line + 6, n - 6);
	}
}

/* The next block of lines, up to an empty one. Whether there was a whole one, with an event in it. */
static bool take_block(struct sse_client *c, bool *any)
{
	bool is_event = false;
	const char *end = c->text.len ? memmem(c->text.data, c->text.len, "\n\n", 2) : NULL;
	*any = end != NULL;
	if (!end)
		return false;
	size_t block = (size_t)(end - c->text.data) + 2;
	buf_clear(&c->data);
	c->name[0] = c->id[0] = '\0';
	for (size_t at = 0; at < block;) {
		const char *newline = memchr(c->text.data + at, '\n', block - at);
		size_t n = (size_t)(newline - c->text.data) - at;
		take_line(c, c->text.data + at, n, &is_event);
		at += n + 1;
	}
	buf_consume(&c->text, block);
	json_decref(c->json);
	c->json = is_event ? json_loadb(buf_cstr(&c->data), c->data.len, JSON_DECODE_ANY, NULL) : NULL;
	return is_event;
}

static enum sse_heard hear(struct sse_client *c, uint64_t end_us, unsigned comments)
{
	for (;;) {
		bool any = true;
		while (any) {
			if (take_block(c, &any))
				return SSE_EVENT;
			if (comments && c->comments >= comments)
				return SSE_SILENCE;
		}
		if (c->ended)
			return c->cut || c->text.len ? SSE_CUT : SSE_END;
		if (!take(c, end_us) && !c->ended)
			return SSE_SILENCE;
		unchunk(c);
	}
}

enum sse_heard sse_hear(struct sse_client *c, unsigned deadline_ms)
{
	return hear(c, clock_mono_us() + deadline_ms * UINT64_C(1000), 0);
}

bool sse_hear_comments(struct sse_client *c, unsigned count, unsigned deadline_ms)
{
	uint64_t end_us = clock_mono_us() + deadline_ms * UINT64_C(1000);
	while (c->comments < count && hear(c, end_us, count) == SSE_EVENT)
		;
	return c->comments >= count;
}

void sse_close(struct sse_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	buf_fini(&c->raw);
	buf_fini(&c->text);
	buf_fini(&c->data);
	json_decref(c->json);
	c->json = NULL;
}

const char *sse_text(const struct sse_client *c, const char *member)
{
	const char *text = json_string_value(json_object_get(c->json, member));
	return text ? text : "";
}
