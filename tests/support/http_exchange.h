/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One HTTP request on a connection of its own, with whatever head a test likes, and its answer: the whole of it, chunks
 * joined, or of an event stream that goes on what has come up to the first event. Blocking; one thread. */
#ifndef SQUARE_TESTS_HTTP_EXCHANGE_H
#define SQUARE_TESTS_HTTP_EXCHANGE_H

#include "buf.h"

struct http_exchange {         /* init with zeros */
	unsigned status;       /* 0: no answer within 20 s */
	struct buf head, body; /* zero-terminated */
	char value[300];       /* of the header asked for last */
};

/* To 127.0.0.1. version: "HTTP/1.1". more: further lines of the head, each with its CR LF, "" for none. body: NULL for
 * none; else Content-Length is sent too. A connection that cannot be made ends the test program. */
void http_exchange(struct http_exchange *x, unsigned port, const char *method, const char *target, const char *version,
		   const char *more, const char *body);
/* A header's value (first of its name, any case), which stands until the next call; NULL when it is not there. */
const char *http_exchange_header(struct http_exchange *x, const char *name);
void http_exchange_fini(struct http_exchange *x);

#endif
