/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The line that opens a connection to the TCP endpoint while there are tokens:
 * {"jsonrpc":"2.0","method":"auth","params":["TOKEN"],"id":0}. Pure code, any thread. */
#ifndef SQUARE_TCP_AUTH_H
#define SQUARE_TCP_AUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "tokens.h"

#define TCP_AUTH_MS 2000 /* within which it must come */

/* Judges line[0..n), without its line end, and appends the reply with a line feed. True: the token is one of these and
 * may submit; else the reply is the error -32003 and says what was expected. */
bool tcp_auth_line(const struct tokens *tokens, const char *line, size_t n, struct buf *out);
/* Appends the error of a connection whose line did not come in time. */
void tcp_auth_late(struct buf *out);

#endif
