/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A request that has become a stream of events (text/event-stream): it lives on until its handler ends it or its client
 * is gone. Handlers embed struct stream as the first member of what they allocate for a request. A comment keeps a
 * silent stream alive. The reactor's thread. */
#ifndef SQUARE_STREAM_H
#define SQUARE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "request.h"

#define STREAM_QUIET_US 15000000 /* of silence, then a comment */

struct stream {
	struct request_extra extra; /* first */
	struct request *r;
	const struct stream_kind *kind;
	bool begun;
	uint64_t bytes;
	uint64_t comment_us, time_us; /* when the next comment is due; when kind->on_time is, 0: never */
};
struct stream_kind {
	void (*on_settle)(struct stream *s); /* answered, ended, or the client is gone: stop looking for events */
	void (*on_time)(struct stream *s);   /* the time of stream_time() came; may be NULL */
};

/* Ties s to the request, which frees it when it goes. Before this, r has no extra. */
void stream_init(struct stream *s, struct request *r, const struct stream_kind *kind);
/* Sends the head and the first events. 0; ERR_CLOSED: the client wants the head alone, it has it; or ERR_NOMEM: it was
 * answered 503. In the last two cases the request, with s in it, is gone unless the caller holds a reference. */
int stream_begin(struct stream *s, const char *events, size_t n);
/* Answers without a body that there is nothing to come any more, which makes a browser stop asking (204). */
void stream_refuse(struct stream *s);
/* Adds events. 0, or ERR_FULL: the client does not read, they were not taken. */
int stream_write(struct stream *s, const char *events, size_t n);
size_t stream_waiting(const struct stream *s); /* bytes the client has not taken yet */
/* Calls kind->on_time then, once. */
void stream_time(struct stream *s, uint64_t at_us);
/* Ends the stream in order. As of the end of request_reply(): r, with s in it, is gone unless somebody holds it. */
void stream_end(struct stream *s);

/* Appends one event; id may be NULL. data: text of one line or more, a newline at its end does not count. */
void stream_event(struct buf *out, const char *name, const char *id, const char *data, size_t n);

#endif
