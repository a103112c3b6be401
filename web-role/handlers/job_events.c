/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /v1/jobs/{id}/events: the job as it is now and after each change, until it is done. An event's id tells its
 * state, so that a client that comes back is spared what it has; one that has the end is told to stay away.
 *
 * A client that reads slowly skips states, as it would if they were shorter: the last one is sent when it has read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "handlers/find.h"
#include "handlers/handlers.h"
#include "response.h"
#include "stream.h"
#include "watcher.h"

#define BEHIND_US 100000 /* between two looks whether a slow reader has read */
#define EVENT_ID_SIZE 17

struct job_stream {
	struct stream stream; /* first */
	struct follower follower;
	bool hurried;
};

static void make_id(char out[EVENT_ID_SIZE], uint64_t print)
{
	snprintf(out, EVENT_ID_SIZE, "%016llx", (unsigned long long)print);
}

/* Whether the client had this state before it came back. */
static bool is_known(struct request *r, const char *id)
{
	struct http_text last = request_head(r)->field[HTTP_LAST_EVENT_ID];
	return last.n == strlen(id) && memcmp(last.p, id, last.n) == 0;
}

/* The first news. */
static void begin(struct job_stream *s, const struct watcher_news *news, const char *id, const struct buf *event)
{
	struct request *r = s->stream.r;
	bool known = is_known(r, id);
	if (known && news->done)
		stream_refuse(&s->stream);
	else if (stream_begin(&s->stream, event->data, known ? 0 : event->len) == 0 && (news->done || s->hurried))
		stream_end(&s->stream);
}

static void go_on(struct job_stream *s, const struct watcher_news *news, const struct buf *event)
{
	if (stream_write(&s->stream, event->data, event->len) == 0) {
		if (news->done)
			stream_end(&s->stream);
	} else {
		stream_time(&s->stream, clock_mono_us() + BEHIND_US);
	}
}

static void on_news(void *owner, const struct watcher_news *news)
{
	struct job_stream *s = owner;
	struct buf event = BUF_INIT;
	char id[EVENT_ID_SIZE];
	make_id(id, news->print);
	stream_event(&event, "state", id, news->json, news->n);
	if (event.failed && s->stream.begun)
		stream_time(&s->stream, clock_mono_us() + BEHIND_US);
	else if (event.failed)
		response_unavailable(s->stream.r, ERR_NOMEM);
	else if (s->stream.begun)
		go_on(s, news, &event);
	else
		begin(s, news, id, &event);
	buf_fini(&event);
}

static void on_none(void *owner, int status)
{
	struct job_stream *s = owner;
	if (s->stream.begun && status == ERR_NOT_FOUND)
		stream_end(&s->stream); /* its time to live is over */
	else if (s->stream.begun)
		; /* goes on when Redis is back */
	else if (status == ERR_NOT_FOUND)
		find_answer_no_job(s->stream.r);
	else
		response_unavailable(s->stream.r, status);
}

static void on_hurry(void *owner)
{
	struct job_stream *s = owner;
	s->hurried = true;
	if (s->stream.begun)
		stream_end(&s->stream);
}

/* It was behind. */
static void on_time(struct stream *stream)
{
	struct job_stream *s = (struct job_stream *)(void *)stream;
	if (stream_waiting(stream))
		stream_time(stream, clock_mono_us() + BEHIND_US);
	else
		watcher_again(&s->follower);
}

static void on_settle(struct stream *stream)
{
	watcher_leave(&((struct job_stream *)(void *)stream)->follower);
}

static void follow(struct request *r)
{
	static const struct stream_kind stream_kind = { on_settle, on_time };
	static const struct watcher_kind watcher_kind = { on_news, on_none, on_hurry };
	struct job_stream *s = calloc(1, sizeof *s);
	if (!s) {
		response_unavailable(r, ERR_NOMEM);
		return;
	}
	stream_init(&s->stream, r, &stream_kind);
	s->hurried = r->reactor->order >= REACTOR_HURRY;
	int rc = watcher_follow(r->reactor->watcher, &s->follower, r->tag, r->job_id, &watcher_kind, s);
	if (rc)
		response_unavailable(r, rc);
	else
		request_due_call(r);
}

void handle_job_events(struct request *r)
{
	find_job(r, follow);
}
