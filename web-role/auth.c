/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct auth {
	struct tokens *tokens; /* NULL: everybody may do everything */
	struct token probe;    /* of the load balancer; without a name when there is none */
};

static const struct {
	unsigned flag; /* enum route_flag */
	unsigned scope;
	const char *name;
} needs[] = {
	{ ROUTE_SUBMIT, TOKEN_SUBMIT, "submit" },
	{ ROUTE_READ, TOKEN_READ, "read" },
	{ ROUTE_ADMIN, TOKEN_ADMIN, "admin" },
	{ ROUTE_METRICS, TOKEN_METRICS, "metrics" },
};
#define NEEDS (sizeof needs / sizeof *needs)

static int take_probe(struct auth *a, const char *token, struct errinfo *info)
{
	size_t n = strlen(token);
	if (n == 0)
		return 0;
	if (!tokens_form_good(token, n)) /* the value itself is not for a log */
		return errinfo_set(info, ERR_INVALID,
				   "setting ProbeToken: expected 1 to %d characters of A-Z a-z 0-9 - . _ ~ + / =, got "
				   "%zu that are not all such",
				   TOKENS_LENGTH_MAX, n);
	if (tokens_find(a->tokens, token, n))
		return errinfo_set(info, ERR_EXISTS,
				   "setting ProbeToken: expected a token of its own, got one of AuthTokensFile");
	strcpy(a->probe.name, "probe");
	tokens_digest(token, n, a->probe.digest);
	return 0;
}

struct auth *auth_open(const struct config *config, struct errinfo *info)
{
	const char *file = config_str(config, CONFIG_AUTH_TOKENS_FILE);
	struct auth *a = calloc(1, sizeof *a);
	if (!a) {
		errinfo_set(info, ERR_NOMEM, "out of memory");
		return NULL;
	}
	if (!*file)
		return a;
	if (tokens_load(file, &a->tokens, info) || take_probe(a, config_str(config, CONFIG_PROBE_TOKEN), info)) {
		auth_close(a);
		return NULL;
	}
	return a;
}

void auth_close(struct auth *a)
{
	if (!a)
		return;
	tokens_free(a->tokens);
	free(a);
}

bool auth_required(const struct auth *a)
{
	return a->tokens != NULL;
}

struct http_text auth_bearer(struct http_text t)
{
	static const struct http_text none = { NULL, 0 };
	if (!t.p || t.n < 8 || strncasecmp(t.p, "Bearer ", 7) != 0)
		return none;
	t.p += 7, t.n -= 7;
	while (t.n && t.p[0] == ' ')
		t.p++, t.n--;
	return tokens_form_good(t.p, t.n) ? t : none;
}

const char *auth_scope_name(const struct route *route)
{
	for (size_t i = 0; route && i < NEEDS; i++)
		if (route->flags & needs[i].flag)
			return needs[i].name;
	return "";
}

static bool may(const struct auth *a, const struct token *who, const struct route *route)
{
	if (!route)
		return true;
	if (who == &a->probe)
		return (route->flags & ROUTE_PROBE) != 0;
	for (size_t i = 0; i < NEEDS; i++)
		if (route->flags & needs[i].flag && !token_may(who, needs[i].scope))
			return false;
	return true;
}

enum auth_verdict auth_judge(const struct auth *a, struct http_text authorization, const struct route *route,
			     const struct token **who)
{
	struct http_text token;
	uint8_t digest[TOKENS_DIGEST_BYTES];
	*who = NULL;
	if (!a->tokens || (route && route->flags & ROUTE_OPEN))
		return AUTH_GOOD;
	if (!authorization.p)
		return AUTH_MISSING;
	token = auth_bearer(authorization);
	if (!token.p)
		return AUTH_FOREIGN;
	*who = tokens_find(a->tokens, token.p, token.n);
	if (!*who && a->probe.name[0]) {
		tokens_digest(token.p, token.n, digest);
		if (tokens_same(digest, a->probe.digest))
			*who = &a->probe;
	}
	if (!*who)
		return AUTH_FOREIGN;
	return may(a, *who, route) ? AUTH_GOOD : AUTH_FORBIDDEN;
}
