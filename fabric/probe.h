/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asks a server on this machine one question and looks at how its answer begins, again and again until the answer is
 * the expected one or the deadline has passed. Used to see when Redis, an instance or the whole service is ready.
 * All on one loop. */
#ifndef SQUARE_PROBE_H
#define SQUARE_PROBE_H

#include <stdint.h>
#include <uv.h>

struct probe;

/* status: 0, or ERR_TIMEOUT; `last` says in words what came instead (borrowed for the call). The probe is gone after
 * this call. */
typedef void probe_cb(int status, const char *last, void *arg);

struct probe_spec {
	const char *unix_path; /* a unix socket, or NULL for 127.0.0.1:port */
	uint16_t port;
	const char *question;     /* the bytes to send */
	const char *preface;      /* what comes before the answer and is passed over, or NULL */
	const char *answer;       /* what the reply must begin with */
	const char *but_patience; /* a reply that begins so renews the deadline ("-LOADING"), or NULL */
	uint64_t deadline_ms;
	probe_cb *on_done;
	void *arg;
};

/* Strings of the spec are borrowed until on_done. NULL when memory or the loop fails. */
struct probe *probe_start(uv_loop_t *loop, const struct probe_spec *spec);
/* Ends it without calling on_done. */
void probe_cancel(struct probe *p);

#endif
