/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asks a server one question and looks at how its answer begins, again and again until the answer is the expected one
 * or the deadline has passed. Used to see when Redis, an instance or the whole service is ready, and by --healthcheck.
 * All on one loop. */
#ifndef SQUARE_PROBE_H
#define SQUARE_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct probe;

/* status: 0: `last` is what was read of the answer; ERR_TIMEOUT: it says in words what came instead; ERR_PROTOCOL, of a
 * probe that asks for the whole answer: it is that other answer. Borrowed for the call. The probe is gone after this
 * call. */
typedef void probe_cb(int status, const char *last, void *arg);

struct probe_spec {
	const char *unix_path; /* a unix socket, or NULL for address and port */
	const char *address;   /* numeric; NULL: 127.0.0.1 */
	uint16_t port;
	const char *question;     /* the bytes to send */
	const char *preface;      /* what comes before the answer and is passed over, or NULL */
	const char *answer;       /* what the reply must begin with */
	const char *but_patience; /* a reply that begins so renews the deadline ("-LOADING"), or NULL */
	bool whole; /* an answer is judged when the other side has closed, and another one than the expected is final */
	uint64_t deadline_ms;
	probe_cb *on_done;
	void *arg;
};

/* Strings of the spec are borrowed until on_done. NULL when memory or the loop fails. */
struct probe *probe_start(uv_loop_t *loop, const struct probe_spec *spec);
/* Ends it without calling on_done. */
void probe_cancel(struct probe *p);

#endif
