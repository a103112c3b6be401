/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "peer_wire.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "err.h"
#include "log.h"

#define READ_BYTES 65536
#define KEEP_BYTES 65536 /* of the output buffers, when empty */
#define SILENT_SECONDS 5 /* of an idle connection, until the other end is asked whether it is there */
#define UNTAKEN_MS 10000 /* until a connection counts as lost whose bytes the other end does not take */

/* One loop, one thread: what is read is taken over before anything else is read. */
static char input[READ_BYTES];

void peer_wire_init(struct peer_wire *wire, uv_loop_t *loop, enum peer_side side)
{
	memset(wire, 0, sizeof *wire);
	wire->reader.side = side;
	uv_tcp_init(loop, &wire->tcp);
	wire->tcp.data = wire;
}

static void on_closed(uv_handle_t *handle)
{
	struct peer_wire *wire = handle->data;

	peer_reader_fini(&wire->reader);
	buf_fini(&wire->out);
	buf_fini(&wire->sending);
	wire->on_closed(wire);
}

void peer_wire_close(struct peer_wire *wire)
{
	if (wire->closing)
		return;
	wire->closing = true;
	uv_close((uv_handle_t *)&wire->tcp, on_closed);
}

static void lose(struct peer_wire *wire)
{
	if (wire->closing)
		return;
	peer_wire_close(wire);
	wire->on_lost(wire);
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	(void)handle, (void)suggested;
	*out = uv_buf_init(input, sizeof input);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
	struct peer_wire *wire = stream->data;
	struct peer_frame frame;
	int rc = 0;

	if (n == 0)
		return;
	if (n < 0 || peer_reader_feed(&wire->reader, bytes->base, (size_t)n) != 0) {
		lose(wire);
		return;
	}
	while (!wire->closing && (rc = peer_reader_next(&wire->reader, &frame)) > 0)
		if (!wire->on_frame(wire, &frame))
			rc = ERR_PROTOCOL, lose(wire);
	if (rc < 0)
		lose(wire);
}

void peer_wire_start(struct peer_wire *wire)
{
	unsigned untaken_ms = UNTAKEN_MS;
	uv_os_fd_t fd;

	uv_tcp_nodelay(&wire->tcp, 1);
	uv_tcp_keepalive(&wire->tcp, 1, SILENT_SECONDS);
	if (uv_fileno((uv_handle_t *)&wire->tcp, &fd) == 0) /* a hint: without it, it takes the kernel longer */
		(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &untaken_ms, sizeof untaken_ms);
	if (uv_read_start((uv_stream_t *)&wire->tcp, on_alloc, on_read) != 0)
		lose(wire);
}

/* ---- writing ---- */

static void trim(struct buf *b)
{
	if (b->cap > KEEP_BYTES)
		buf_fini(b);
	else
		buf_clear(b);
}

static void on_written(uv_write_t *req, int status)
{
	struct peer_wire *wire = req->data;

	wire->writing = false;
	trim(&wire->sending);
	if (status != 0)
		lose(wire);
	else
		peer_wire_send(wire);
}

/* A connection that cannot be written to is also one that cannot be read: shut, its end is read in a later turn. */
static void give_up(struct peer_wire *wire)
{
	uv_os_fd_t fd;

	buf_fini(&wire->out);
	if (uv_fileno((uv_handle_t *)&wire->tcp, &fd) == 0)
		(void)shutdown(fd, SHUT_RDWR);
}

void peer_wire_send(struct peer_wire *wire)
{
	struct buf *out = &wire->out;

	if (wire->closing || (out->len == 0 && !out->failed))
		return;
	if (out->failed || out->len > PEER_BACKLOG_MAX) {
		log_warn("a worker does not take what it is sent, or there is no memory for it: its connection ends");
		give_up(wire);
		return;
	}
	if (wire->writing)
		return;
	uv_buf_t bytes = uv_buf_init(out->data, (unsigned)out->len);
	int sent = uv_try_write((uv_stream_t *)&wire->tcp, &bytes, 1);
	if (sent == (int)out->len) {
		trim(out);
		return;
	}
	if (sent < 0 && sent != UV_EAGAIN) {
		give_up(wire);
		return;
	}
	struct buf rest = *out;
	*out = wire->sending;
	wire->sending = rest;
	size_t from = sent > 0 ? (size_t)sent : 0;
	bytes = uv_buf_init(rest.data + from, (unsigned)(rest.len - from));
	wire->write.data = wire;
	wire->writing = true;
	if (uv_write(&wire->write, (uv_stream_t *)&wire->tcp, &bytes, 1, on_written) != 0) {
		wire->writing = false;
		give_up(wire);
	}
}
