/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http_exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "raw_client.h"

#define EXCHANGE_MS 20000
#define LOOK_MS 20

const char *http_exchange_header(struct http_exchange *x, const char *name)
{
	size_t n = strlen(name);
	for (const char *line = strchr(buf_cstr(&x->head), '\n'); line; line = strchr(line, '\n')) {
		line++;
		if (strncasecmp(line, name, n) != 0 || line[n] != ':')
			continue;
		line += n + 1 + strspn(line + n + 1, " ");
		snprintf(x->value, sizeof x->value, "%.*s", (int)strcspn(line, "\r\n"), line);
		return x->value;
	}
	return NULL;
}

/* Of a body that goes on, as many chunks as have come. */
static void take_body(struct http_exchange *x, const char *p, size_t n)
{
	buf_clear(&x->body);
	if (!http_exchange_header(x, "Transfer-Encoding")) {
		buf_append(&x->body, p, n);
		return;
	}
	for (const char *end = p + n; p < end;) {
		char *data;
		size_t size = strtoul(p, &data, 16);
		data = memmem(data, (size_t)(end - data), "\r\n", 2);
		if (size == 0 || !data || (size_t)(end - data) < size + 4)
			return;
		buf_append(&x->body, data + 2, size);
		p = data + 2 + size + 2;
	}
}

/* True when all has come that is waited for. */
static bool take_answer(struct http_exchange *x, struct raw_client *c)
{
	const char *text = buf_cstr(&c->in), *end = strstr(text, "\r\n\r\n");
	if (!end)
		return false;
	buf_clear(&x->head);
	buf_append(&x->head, text, (size_t)(end + 2 - text));
	x->status = x->head.len > 12 ? (unsigned)strtoul(buf_cstr(&x->head) + 9, NULL, 10) : 0;
	take_body(x, end + 4, c->in.len - (size_t)(end + 4 - text));
	const char *type = http_exchange_header(x, "Content-Type");
	return c->ended || (type && strcmp(type, "text/event-stream") == 0 && strstr(buf_cstr(&x->body), "\ndata:"));
}

void http_exchange(struct http_exchange *x, unsigned port, const char *method, const char *target, const char *version,
		   const char *more, const char *body)
{
	struct raw_client c;
	struct buf request = BUF_INIT;
	uint64_t end_us = clock_mono_us() + EXCHANGE_MS * 1000ULL;
	x->status = 0;
	buf_printf(&request, "%s %s %s\r\nHost: localhost\r\nConnection: close\r\n%s", method, target, version, more);
	if (body)
		buf_printf(&request, "Content-Length: %zu\r\n", strlen(body));
	buf_printf(&request, "\r\n%s", body ? body : "");
	if (!raw_connect(&c, port, NULL, 0, EXCHANGE_MS)) {
		(void)fprintf(stderr, "http_exchange: cannot connect to port %u\n", port);
		abort();
	}
	raw_send(&c, request.data, request.len, EXCHANGE_MS);
	while (!take_answer(x, &c) && !c.ended && clock_mono_us() < end_us)
		raw_listen(&c, LOOK_MS);
	take_answer(x, &c);
	raw_close(&c);
	buf_fini(&request);
}

void http_exchange_fini(struct http_exchange *x)
{
	buf_fini(&x->head);
	buf_fini(&x->body);
}
