/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may ask, and in which form: what a browser's Origin and Host headers say, media types, preferences, trace ids.
 * Pure code over borrowed strings, any thread. */
#ifndef SQUARE_POLICY_H
#define SQUARE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "http_head.h"

/* While there is no authentication a request must name this host by a loopback name, an address or a name of the
 * setting AllowedHosts: another name may be an attacker's that was pointed here (DNS rebinding). A request without any
 * name is from no browser. */
bool policy_host_allowed(const struct config *cfg, const struct http_head *h);

enum policy_origin { POLICY_NO_ORIGIN, POLICY_OWN_ORIGIN, POLICY_ALLOWED_ORIGIN, POLICY_FOREIGN_ORIGIN };
/* A page of another site must not submit jobs through its visitor's browser. */
enum policy_origin policy_origin(const struct config *cfg, const struct http_head *h);

/* JSON, …+json, the type that `curl -d` sends by itself, or none; in UTF-8 and not compressed. */
bool policy_content_allowed(const struct http_head *h);

/* How long the client wants to wait. *us is 0 when it does not. The query goes before Prefer, and more than max_s is
 * max_s. 0, or ERR_INVALID when the query's value is not a number of seconds; Prefer is passed over then. */
int policy_wait(const struct http_head *h, unsigned max_s, uint64_t *us);
/* The trace id of a valid traceparent header (32 hex digits and a zero), else "". */
void policy_trace_id(const struct http_head *h, char out[33]);
/* The client's own request id when it is sane, 1 to 64 of [A-Za-z0-9._-]. */
bool policy_request_id(const struct http_head *h, char out[65]);

#endif
