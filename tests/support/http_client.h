/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HTTP and TCP as a client of the service sees them, for tests, against 127.0.0.1. Blocking, with a time limit. */
#ifndef SQUARE_TESTS_HTTP_CLIENT_H
#define SQUARE_TESTS_HTTP_CLIENT_H

#include <jansson.h>

struct http_answer {
	long status;   /* 0: no answer; `error` says why */
	char *body;    /* zero-terminated */
	char *headers; /* all header lines as they came */
	json_t *json;  /* the body, when it is JSON; else NULL */
	char error[256];
};

/* headers: lines such as "Prefer: wait=5", NULL-terminated; NULL for none. body NULL for none. */
void http_client_call(unsigned port, const char *method, const char *path, const char *const *headers, const char *body,
		      unsigned deadline_ms, struct http_answer *answer);
void http_client_get(unsigned port, const char *path, struct http_answer *answer); /* within 10 s */
void http_client_post(unsigned port, const char *path, const char *body, struct http_answer *answer);
void http_answer_fini(struct http_answer *answer);

/* A member of the JSON body as text; "" when it is not there or no text. */
const char *http_answer_text(const struct http_answer *answer, const char *name);
/* The value of a header (first of its name, any case) in a static buffer; NULL when it is not there. */
const char *http_answer_header(const struct http_answer *answer, const char *name);

/* Connects, sends all of `input`, closes that direction, and returns all that comes back until the end (the caller
 * frees); NULL when the connection cannot be made, breaks or takes longer. */
char *tcp_client_ask(unsigned port, const char *input, unsigned deadline_ms);
/* A connected socket with a receive time-out, or -1. */
int tcp_client_connect(unsigned port, unsigned deadline_ms);

#endif
