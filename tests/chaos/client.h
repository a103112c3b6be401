/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One keep-alive connection to each web role of a world, of one thread, whose submissions and reads the oracle logs. A
 * connection that breaks is opened anew by the next call. */
#ifndef SQUARE_TESTS_CHAOS_CLIENT_H
#define SQUARE_TESTS_CHAOS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "oracle.h"
#include "world.h"

struct client;

struct client *client_new(struct world *w, struct oracle *o);
void client_free(struct client *c); /* NULL does nothing */

/* Sends these submissions to a web role in one request: an array when n > 1. wait_s: asks to wait so long for the end.
 * What came is logged. The status; 0: no answer. Retries nothing. */
long client_submit(struct client *c, unsigned web, const size_t *jobs, size_t n, double wait_s, unsigned deadline_ms);
/* The same for one job, until it is acknowledged: again at the next web role while it is refused, and, if it has a key,
 * while there is no answer. False: not acknowledged within the deadline, or of unknown fate without a key. */
bool client_deliver(struct client *c, unsigned first_web, size_t job, unsigned deadline_ms);
/* GET of an acknowledged job. The status; 0: no answer. *final: whether it is. */
long client_read(struct client *c, unsigned web, size_t job, double wait_s, unsigned deadline_ms, bool *final);
/* Any request without a body; its status, 0: no answer. text: the answer's body, until the next call; may be NULL. */
long client_ask(struct client *c, unsigned web, const char *method, const char *path, unsigned deadline_ms,
		const char **text);
/* A header of the last answer, until the next call; NULL when it is not there. */
const char *client_header(struct client *c, const char *name);

#endif
