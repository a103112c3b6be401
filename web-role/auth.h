/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who asks, and whether he may: the bearer tokens of the setting AuthTokensFile against what a route needs. Made once
 * at start; read-only and shared by all reactors after that. */
#ifndef SQUARE_AUTH_H
#define SQUARE_AUTH_H

#include "config.h"
#include "http_head.h"
#include "router.h"
#include "tokens.h"

struct auth;

enum auth_verdict {
	AUTH_GOOD,
	AUTH_MISSING,   /* 401: no token came */
	AUTH_FOREIGN,   /* 401: what came is no token of ours, or of no form that a token has */
	AUTH_FORBIDDEN, /* 403: a token of ours, without the scope */
};

/* NULL with *info when the file is not as it should be. Without AuthTokensFile: an object that lets everybody in. */
struct auth *auth_open(const struct config *config, struct errinfo *info);
void auth_close(struct auth *a);
/* Whether tokens are asked for at all. */
bool auth_required(const struct auth *a);

/* Judges a request's Authorization. route: NULL when no route takes the request; any valid token may learn that.
 * *who: the token when it is one of ours (also with AUTH_FORBIDDEN), else NULL. */
enum auth_verdict auth_judge(const struct auth *a, struct http_text authorization, const struct route *route,
			     const struct token **who);
/* The token of `Bearer TOKEN`, the scheme in any case. p is NULL when it is of another form. */
struct http_text auth_bearer(struct http_text authorization);
/* The scope that a route asks for, as a word: "submit"; "" when any token will do. */
const char *auth_scope_name(const struct route *route);

#endif
