/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A client for tests that sends any bytes it likes to 127.0.0.1 and reads back the HTTP answers one by one. Waiting is
 * polling with a deadline; no call blocks for longer. A broken expectation of its own ends the test program. */
#ifndef SQUARE_TESTS_RAW_CLIENT_H
#define SQUARE_TESTS_RAW_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

struct raw_client {
	int fd;
	struct buf in; /* came, not taken as an answer yet */
	bool ended;    /* the other side has closed or reset: nothing more comes */
	bool bodiless; /* set by the caller: the next answer is to a HEAD, whatever its Content-Length says */
};

struct raw_answer { /* init with zeros */
	unsigned status;
	struct buf head, body; /* zero-terminated */
};

enum raw_heard { RAW_ANSWER, RAW_END, RAW_SILENCE };

/* from: a local address such as "127.0.0.7", NULL for any. receive_bytes: of the socket's buffer, 0 for the default.
 * False when the connection is refused or not there within the deadline; then there is nothing to close. */
bool raw_connect(struct raw_client *c, unsigned port, const char *from, int receive_bytes, unsigned deadline_ms);
/* Sends all of it, and takes in what comes meanwhile. False when the other side ended or did not take it in time. */
bool raw_send(struct raw_client *c, const void *data, size_t n, unsigned deadline_ms);
bool raw_say(struct raw_client *c, const char *text); /* the same for text, within 10 s */
/* The next answer. RAW_END: the connection has ended before a whole one came. */
enum raw_heard raw_hear(struct raw_client *c, struct raw_answer *a, unsigned deadline_ms);
/* Takes in for at most wait_ms, or until the end. */
void raw_listen(struct raw_client *c, unsigned wait_ms);
bool raw_ends(struct raw_client *c, unsigned deadline_ms); /* reads to the end; whether it came */
void raw_close(struct raw_client *c);
void raw_reset(struct raw_client *c); /* closes with a RST */

/* A header's value, into a static buffer of the thread; NULL when it is not there. */
const char *raw_header(struct raw_answer *a, const char *name);
void raw_answer_fini(struct raw_answer *a);

#endif
