/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The HTTP server on a loop in a thread of its own, for tests of the server alone, and a plain client. One at a time in
 * a process. The functions are for the test's thread unless they say otherwise. */
#ifndef SQUARE_TESTS_HTTP_LAB_H
#define SQUARE_TESTS_HTTP_LAB_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "http_server.h"

#define HTTP_LAB_HEAD_LIMIT 8192
#define HTTP_LAB_BODY_LIMIT 65536
#define HTTP_LAB_DEADLINE_MS 10000

struct http_lab {
	struct http_server *http;
	unsigned port;
	atomic_uint gone, connections;
	/* the lab's own */
	uv_loop_t loop;
	uv_prepare_t prepare;
	uv_async_t call;
	pthread_t thread;
	void (*fn)(void *arg);
	void *arg;
	atomic_bool called;
};
extern struct http_lab http_lab;

/* What is 0 in the options gets a default: 100 connections, the limits above, 5 s for the head and the body, 30 s idle,
 * on_refused answers with the detail, on_gone counts. */
void http_lab_start(const struct http_server_options *options);
void http_lab_stop(void);
/* Runs fn(arg) on the server's thread, and returns when it has run. */
void http_lab_call(void (*fn)(void *arg), void *arg);
void http_lab_drain(void);
/* On the server's thread: answers 200 with the request's body. */
void http_lab_echo(struct http_request *r);

int http_lab_dial(void);                     /* a connected socket with time-outs */
void http_lab_say(int fd, const char *text); /* sends all of it, if the server takes it */
void http_lab_say_n(int fd, const char *p, size_t n);
/* Reads one answer with a Content-Length. Its status (0 when the connection ends first); the body in out,
 * zero-terminated. */
unsigned http_lab_hear(int fd, char *out, size_t size);
/* Reads the head of an answer into out, zero-terminated. Its status; 0 when the connection ends first. */
unsigned http_lab_hear_head(int fd, char *out, size_t size);
bool http_lab_at_end(int fd); /* the next thing to be read is the end */
/* Until the server's thread has brought a counter to this. */
void http_lab_until(atomic_uint *value, unsigned expected);

#endif
