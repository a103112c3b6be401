/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One HTTP call to the service and what its answer means to the command line. Blocking. */
#ifndef SQUARE_CALL_H
#define SQUARE_CALL_H

#include "buf.h"
#include "command.h"
#include "job.h"

struct call_reply {
	long status;
	struct buf body; /* valid JSON, if it says it is; otherwise as it came */
};

/* method "GET" or "POST"; path begins with '/'; body NULL for none. patience_s: how long the answer may take. While it
 * takes long and standard error is a terminal, `waiting_for` is shown there (NULL: nothing). EXIT_DONE with *reply
 * filled, whatever its status; else the exit status, with the reason told on standard error. */
int call_http(const struct options *o, const char *method, const char *path, const struct buf *body, double patience_s,
	      const char *waiting_for, struct call_reply *reply);
void call_reply_fini(struct call_reply *reply);
/* For a reply over 399: tells the problem on standard error and returns the exit status that goes with it. */
int call_problem(const struct call_reply *reply);

/* Prints a JSON body as it came, with a line feed. */
void call_show_json(const struct buf *body);

/* Tells how a job (a JSON object) stands: with `brief` its result alone. Waits for it, up to o->wait_s (from
 * begin_us), by asking again as long as it is not done. Returns the exit status; *reply is used up. */
int call_follow(const struct options *o, struct call_reply *reply, bool brief);

#endif
