/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The order matters: a request without a valid token learns that and nothing else (a browser asking for leave by a
 * preflight apart: it never sends one); what a browser must not be made to do is refused whoever asks; and only what
 * would be served counts against a rate. */
#include "admit.h"

#include <stdio.h>
#include <string.h>

#include "auth.h"
#include "clock.h"
#include "limit.h"
#include "request.h"
#include "response.h"

#define CHALLENGE "Bearer realm=\"square\""
#define ROUTE_UNCOUNTED (ROUTE_OPEN | ROUTE_PROBE | ROUTE_METRICS)

static bool refuse_missing(struct request *r)
{
	response_challenge(r, PROBLEM_UNAUTHORIZED,
			   "expected a token in the header `Authorization: Bearer TOKEN`, got none", CHALLENGE);
	return false;
}

static bool refuse_foreign(struct request *r)
{
	bool bearer = auth_bearer(request_head(r)->field[HTTP_AUTHORIZATION]).p != NULL;
	response_challenge(r, PROBLEM_UNAUTHORIZED,
			   bearer ? "expected a token that this service knows, got another"
				  : "expected `Authorization: Bearer TOKEN`, got an Authorization of another form",
			   CHALLENGE ", error=\"invalid_token\"");
	return false;
}

static bool refuse_scope(struct request *r, const struct token *who)
{
	const char *need = auth_scope_name(r->match.route);
	char have[TOKENS_SCOPES_SIZE], detail[200], challenge[120];
	tokens_scopes_text(who->scopes, have);
	if (!*have) {
		response_problem(r, PROBLEM_FORBIDDEN, "the token of the load balancer's checks may ask /readyz only",
				 "");
		return false;
	}
	snprintf(detail, sizeof detail, "expected a token with the scope %s, \"%s\" has %s", need, who->name, have);
	snprintf(challenge, sizeof challenge, CHALLENGE ", error=\"insufficient_scope\", scope=\"%s\"", need);
	response_challenge(r, PROBLEM_FORBIDDEN, detail, challenge);
	return false;
}

static bool is_preflight(const struct http_head *h)
{
	return h->method == HTTP_OPTIONS && h->field[HTTP_ORIGIN].p && h->field[HTTP_CORS_METHOD].p;
}

static bool admit_token(struct request *r)
{
	const struct http_head *h = request_head(r);
	const struct token *who = NULL;
	if (is_preflight(h) || r->match.open)
		return true;
	enum auth_verdict verdict =
	    auth_judge(r->reactor->options.auth, h->field[HTTP_AUTHORIZATION], r->match.route, &who);
	if (who)
		r->principal = who->name;
	if (verdict == AUTH_GOOD)
		return true;
	if (verdict == AUTH_MISSING)
		return refuse_missing(r);
	return who ? refuse_scope(r, who) : refuse_foreign(r);
}

/* A page that a browser shows must neither reach this service under a name of its own (while nothing else protects it)
 * nor from another site. */
static bool admit_browser(struct request *r)
{
	const struct http_head *h = request_head(r);
	const struct route *route = r->match.route;
	if (!auth_required(r->reactor->options.auth) && !(route && route->flags & ROUTE_ANY_HOST) &&
	    !policy_host_allowed(r->reactor->config, h)) {
		response_problem(r, PROBLEM_FORBIDDEN,
				 "expected Host to be a loopback name, an IP address, or a name of the setting "
				 "AllowedHosts",
				 "");
		return false;
	}
	if (r->origin == POLICY_FOREIGN_ORIGIN) {
		response_problem(r, PROBLEM_FORBIDDEN,
				 "expected Origin to be this service's own or one of the setting AllowedOrigins", "");
		return false;
	}
	return true;
}

static bool admit_rate(struct request *r)
{
	struct limit *limit = r->reactor->options.limit;
	const struct route *route = r->match.route;
	if (!limit || (route && route->flags & ROUTE_UNCOUNTED) || request_head(r)->method == HTTP_OPTIONS)
		return true;
	const char *who = r->principal[0] ? r->principal : r->client;
	unsigned wait_s = limit_take(limit, limit_key(limit, who, strlen(who)), clock_mono_us());
	if (!wait_s)
		return true;
	response_limited(r, wait_s);
	return false;
}

bool admit(struct request *r)
{
	const struct http_head *h = request_head(r);
	r->origin = policy_origin(r->reactor->config, h);
	return admit_token(r) && admit_browser(r) && admit_rate(r);
}
