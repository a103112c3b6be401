/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The access log: a line for each request that was answered, with its ids, client, token's name, status, bytes and
 * time. Lines of one loop turn are written together. The reactor's thread. */
#ifndef SQUARE_ACCESS_H
#define SQUARE_ACCESS_H

#include <stddef.h>

#include "log.h"

struct request;
/* r->http is still there. bytes: of the body (a HEAD gets none of
 * them). A probe that succeeds gets its line at log level debug only. */
void access_log(struct request *r, unsigned status, size_t bytes);

#endif
