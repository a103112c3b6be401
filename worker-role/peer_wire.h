/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One WorkerPeer connection, either end: reads into frames, writes what is put into `out`, and closes. Owns its socket,
 * not what the frames mean. The loop's thread. */
#ifndef SQUARE_PEER_WIRE_H
#define SQUARE_PEER_WIRE_H

#include <stdbool.h>
#include <uv.h>

#include "peer_frame.h"

struct peer_wire {
	uv_tcp_t tcp;
	struct peer_reader reader;
	struct buf out;     /* put frames here, then peer_wire_send() */
	struct buf sending; /* with libuv, until the write is done */
	uv_write_t write;
	bool writing, closing;
	/* A frame: false ends the connection. */
	bool (*on_frame)(struct peer_wire *wire, const struct peer_frame *frame);
	/* It has come to its end by itself, and is being closed: once, and not after peer_wire_close(). */
	void (*on_lost)(struct peer_wire *wire);
	void (*on_closed)(struct peer_wire *wire); /* free it now */
};

/* Before it is connected or accepted. The callbacks are set by the caller. */
void peer_wire_init(struct peer_wire *wire, uv_loop_t *loop, enum peer_side side);
/* Connected: begins to read. */
void peer_wire_start(struct peer_wire *wire);
/* Sends `out`. What cannot be sent comes to on_lost(), never within this call. */
void peer_wire_send(struct peer_wire *wire);
void peer_wire_close(struct peer_wire *wire); /* on_closed() runs later; may be called twice */

#endif
