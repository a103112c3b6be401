/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers that go on: what is written waits in a backlog until the library's reader takes it; while there is none the
 * connection is suspended. A client that takes nothing of a backlog for the time of a body is cut (CONN_STALLED). */
#include <string.h>
#include <sys/socket.h>

#include "http_internal.h"

#define BLOCK_1_0_BYTES 4096 /* the library's buffer for HTTP/1.0; chunks are written where they are sent from */

static size_t waiting(const struct http_request *r)
{
	return r->stream.backlog.len - r->stream.at;
}

/* The backlog's memory goes with its last byte: an idle stream holds none. */
static ssize_t on_read(void *request, uint64_t at, char *out, size_t size)
{
	struct http_request *r = request;
	size_t n = waiting(r);
	(void)at;
	if (r->state == HTTP_STATE_GONE)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (n == 0 && r->stream.ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n == 0) {
		r->stream.resting = true;
		MHD_suspend_connection(r->mhd);
		return 0;
	}
	bool last = n <= size;
	n = last ? n : size;
	memcpy(out, r->stream.backlog.data + r->stream.at, n);
	r->stream.at += n;
	if (last) {
		buf_fini(&r->stream.backlog);
		r->stream.at = 0;
	}
	http_request_enter(r, last && !r->stream.ended ? CONN_STREAM : CONN_STALLED);
	return (ssize_t)n;
}

static void wake(struct http_request *r)
{
	if (!r->stream.resting)
		return;
	r->stream.resting = false;
	http_request_resume(r);
}

/* To HEAD the library would send the last chunk of the body that there is none of, which the client then takes for the
 * beginning of the next answer: so that gets an answer of another kind. */
static struct MHD_Response *make_answer(struct http_request *r)
{
	if (r->head.method == HTTP_HEAD)
		return MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
	return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, r->head.http_1_1 ? 1 : BLOCK_1_0_BYTES, on_read, r,
						 NULL);
}

/* The kernel would keep megabytes for a reader that does not read, beside our backlog. */
static void bound_socket(const struct http_request *r)
{
	const int bytes = HTTP_STREAM_BACKLOG / 2; /* it doubles this for its own needs */
	setsockopt(r->conn->conn.fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

int http_stream_begin(struct http_request *r, const struct http_reply *reply)
{
	bool parked = r->state == HTTP_STATE_PARKED;
	struct MHD_Response *m = make_answer(r);
	bool good = m && http_request_add_headers(r->server, m, reply);
	if (r->head.method != HTTP_HEAD)
		buf_append(&r->stream.backlog, reply->body, reply->body_n);
	if (!good || r->stream.backlog.failed) {
		if (m)
			MHD_destroy_response(m);
		http_respond(r, &(struct http_reply){ .status = 503 });
		return ERR_NOMEM;
	}
	r->answer = m;
	r->status = reply->status;
	r->state = HTTP_STATE_STREAM;
	http_request_enter(r, CONN_STALLED);
	http_request_watch(r);
	bound_socket(r);
	if (parked)
		http_request_resume(r);
	return 0;
}

int http_stream_write(struct http_request *r, const char *data, size_t n)
{
	struct buf *b = &r->stream.backlog;
	size_t before = waiting(r);
	if (r->head.method == HTTP_HEAD)
		return 0; /* only until the library has sent the head: then on_gone comes */
	if (before && before + n > HTTP_STREAM_BACKLOG)
		return ERR_FULL;
	if (r->stream.at) {
		buf_consume(b, r->stream.at);
		r->stream.at = 0;
	}
	buf_append(b, data, n);
	if (b->failed) { /* what was there stays */
		b->failed = false;
		return ERR_FULL;
	}
	if (!before)
		http_request_enter(r, CONN_STALLED);
	wake(r);
	return 0;
}

size_t http_stream_waiting(const struct http_request *r)
{
	return waiting(r);
}

void http_stream_end(struct http_request *r)
{
	r->stream.ended = true;
	r->told = false;
	http_request_unwatch(r);
	http_request_enter(r, CONN_STALLED);
	wake(r);
}
