/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stream.h"

#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "clock.h"
#include "meter.h"
#include "response.h"

#define RETRY_LINE "retry: 1000\n" /* a browser comes back after so many milliseconds */
#define COMMENT ": still here\n\n"

static struct stream *stream_of(struct request *r)
{
	return (struct stream *)(void *)r->extra;
}

static void on_extra_settle(struct request_extra *extra)
{
	struct stream *s = (struct stream *)(void *)extra;
	if (s->begun) {
		access_log(s->r, 200, s->bytes);
		meter_stream_ended(s->r);
	}
	s->kind->on_settle(s);
}

static void on_extra_release(struct request_extra *extra)
{
	free(extra);
}

void stream_init(struct stream *s, struct request *r, const struct stream_kind *kind)
{
	s->extra.settle = on_extra_settle;
	s->extra.release = on_extra_release;
	s->r = r;
	s->kind = kind;
	s->begun = false;
	s->bytes = s->time_us = s->comment_us = 0;
	r->extra = &s->extra;
}

/* ---- the clock of a stream: one deadline for the comment and what the handler wants ---- */

static void on_due(struct request *r);

/* False when the stream had to be ended: without a clock it could be silent for ever. */
static bool arm(struct stream *s)
{
	struct request *r = s->r;
	uint64_t at_us = s->time_us && s->time_us < s->comment_us ? s->time_us : s->comment_us;
	r->on_due = on_due;
	if (deadlines_set(&r->reactor->deadlines, &r->deadline, at_us, r) == 0)
		return true;
	stream_end(s);
	return false;
}

static void on_due(struct request *r)
{
	struct stream *s = stream_of(r);
	uint64_t now_us = clock_mono_us();
	bool is_time = s->time_us && now_us >= s->time_us;
	if (is_time)
		s->time_us = 0;
	if (now_us >= s->comment_us) { /* not taken: then there is something else to be read */
		stream_write(s, COMMENT, sizeof COMMENT - 1);
		s->comment_us = now_us + STREAM_QUIET_US;
	}
	if (arm(s) && is_time)
		s->kind->on_time(s);
}

void stream_time(struct stream *s, uint64_t at_us)
{
	s->time_us = at_us;
	arm(s);
}

/* ---- beginning, going on, ending ---- */

int stream_begin(struct stream *s, const char *events, size_t n)
{
	struct request *r = s->r;
	char origin[RESPONSE_ORIGIN_SIZE];
	struct http_reply reply = { .status = 200 };
	bool head_alone = request_head(r)->method == HTTP_HEAD;
	struct buf first = BUF_INIT;
	buf_puts(&first, RETRY_LINE);
	if (!n)
		buf_byte(&first, '\n'); /* no event to end this block */
	buf_append(&first, events, n);
	if (first.failed) {
		response_unavailable(r, ERR_NOMEM);
		return ERR_NOMEM;
	}
	response_headers(r, &reply, "text/event-stream", "no-store", origin);
	reply.headers[reply.n_headers++] =
	    (struct http_header){ "X-Accel-Buffering", "no" }; /* for proxies before us */
	if (head_alone) {
		request_reply(r, &reply);
		buf_fini(&first);
		return ERR_CLOSED;
	}
	reply.body = first.data;
	reply.body_n = first.len;
	int rc = http_stream_begin(r->http, &reply);
	buf_fini(&first);
	if (rc) { /* the HTTP server has answered for us */
		request_settle(r);
		request_unref(r);
		return ERR_NOMEM;
	}
	s->begun = true;
	s->bytes = reply.body_n;
	meter_stream_began(r, 200);
	meter_stream_sent(r, reply.body_n);
	s->comment_us = clock_mono_us() + STREAM_QUIET_US;
	return arm(s) ? 0 : ERR_NOMEM;
}

void stream_refuse(struct stream *s)
{
	char origin[RESPONSE_ORIGIN_SIZE];
	struct http_reply reply = { .status = 204 };
	response_headers(s->r, &reply, NULL, "no-store", origin);
	request_reply(s->r, &reply);
}

int stream_write(struct stream *s, const char *events, size_t n)
{
	int rc = http_stream_write(s->r->http, events, n);
	if (rc)
		return rc;
	s->bytes += n;
	meter_stream_sent(s->r, n);
	s->comment_us = clock_mono_us() + STREAM_QUIET_US; /* the deadline that is set finds that out by itself */
	return 0;
}

size_t stream_waiting(const struct stream *s)
{
	return http_stream_waiting(s->r->http);
}

void stream_end(struct stream *s)
{
	struct request *r = s->r;
	struct http_request *http = r->http;
	request_settle(r);
	http_stream_end(http);
	request_unref(r);
}

/* ---- the format ---- */

/* A line ends at a CR, too (HTML, 9.2.6), so JSON with blanks of its own is cut there. */
static void put_data(struct buf *out, const char *data, size_t n)
{
	while (n && (data[n - 1] == '\n' || data[n - 1] == '\r'))
		n--;
	for (;;) {
		size_t line = 0;
		while (line < n && data[line] != '\n' && data[line] != '\r')
			line++;
		buf_puts(out, "data: ");
		buf_append(out, data, line);
		buf_byte(out, '\n');
		if (line == n)
			return;
		data += line + 1;
		n -= line + 1;
	}
}

void stream_event(struct buf *out, const char *name, const char *id, const char *data, size_t n)
{
	if (id) {
		buf_puts(out, "id: ");
		buf_puts(out, id);
		buf_byte(out, '\n');
	}
	buf_puts(out, "event: ");
	buf_puts(out, name);
	buf_byte(out, '\n');
	put_data(out, data, n);
	buf_byte(out, '\n');
}
