/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The direct TCP endpoint: listens, keeps the connections (tcp_session.h has their protocol), and moves bytes with one
 * write for each read. Nothing here blocks, and no connection gets more than its share of a loop turn. All functions on
 * the loop's thread. */
#ifndef SQUARE_TCP_SERVER_H
#define SQUARE_TCP_SERVER_H

#include <stdint.h>
#include <uv.h>

#include "err.h"
#include "executor.h"

struct tcp_server;

struct tcp_server_options {
	unsigned max_connections; /* further ones are told so and closed; 0: 10,000 */
	unsigned idle_seconds;    /* without a byte in or out and nothing in flight: closed; 0: 240 */
	/* Each connection begins with the line of tcp_auth.h within TCP_AUTH_MS. NULL: anybody may ask. Borrowed. */
	const struct tokens *tokens;
};

/* Listens on host (a numeric IPv4 or IPv6 address) and port (0: any free one). executor must outlive the server.
 * NULL with *info filled when that cannot be. */
struct tcp_server *tcp_server_new(uv_loop_t *loop, const char *host, uint16_t port,
				  const struct tcp_server_options *options, struct executor *executor,
				  struct errinfo *info);
uint16_t tcp_server_port(const struct tcp_server *server); /* the one really bound */
unsigned tcp_server_connections(const struct tcp_server *server);

/* Stops accepting and reading, answers what is in flight, closes; on_stopped runs once when no connection is left
 * (never when the server is freed before). */
void tcp_server_stop(struct tcp_server *server, void (*on_stopped)(void *arg), void *arg);
/* Closes everything at once, cancelling what is in flight. The memory goes when the loop has closed the handles. */
void tcp_server_free(struct tcp_server *server);

#endif
