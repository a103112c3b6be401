/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A reader of event streams (text/event-stream over chunked HTTP/1.1) for tests, against 127.0.0.1. It reads what the
 * server sent byte by byte and judges its framing: an end without the last chunk is a cut. Blocking, with deadlines. */
#ifndef SQUARE_TESTS_SSE_CLIENT_H
#define SQUARE_TESTS_SSE_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "buf.h"

struct sse_client {
	int fd;
	char head[2000];      /* zero-terminated */
	struct buf raw, text; /* as it came; without the framing */
	bool ended, cut;
	unsigned comments;     /* so far */
	char name[32], id[40]; /* of the last event */
	struct buf data;       /* likewise, zero-terminated */
	json_t *json;          /* the same, when it is JSON */
};

/* Asks, and reads the head. header: a line such as "Last-Event-ID: x", or NULL. The status; 0 when there is no answer.
 * 503 is asked again until the deadline. */
unsigned sse_open(struct sse_client *c, unsigned port, const char *path, const char *header, unsigned deadline_ms);
enum sse_heard { SSE_EVENT, SSE_END, SSE_CUT, SSE_SILENCE };
/* The next event. */
enum sse_heard sse_hear(struct sse_client *c, unsigned deadline_ms);
/* Until there have been so many comments; events in between are passed over. */
bool sse_hear_comments(struct sse_client *c, unsigned count, unsigned deadline_ms);
void sse_close(struct sse_client *c);

/* A member of the last event's JSON as text: "" when it is not there or no text. */
const char *sse_text(const struct sse_client *c, const char *member);

#endif
