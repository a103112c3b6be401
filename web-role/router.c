/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "router.h"

#include <stdio.h>
#include <string.h>

#define BIT(method) (1u << (method))

static size_t segment(const char *p, size_t n)
{
	const char *slash = memchr(p, '/', n);
	return slash ? (size_t)(slash - p) : n;
}

static bool take_param(const char *p, size_t n, struct router_match *m)
{
	if (m->n_params == ROUTER_PARAMS_MAX || http_decode(p, n, false, m->param[m->n_params], ROUTER_PARAM_SIZE) <= 0)
		return false;
	m->n_params++;
	return true;
}

static bool fits(const char *pattern, struct http_text path, struct router_match *m)
{
	const char *p = path.p;
	size_t n = path.n, pattern_n = strlen(pattern);
	m->n_params = 0;
	for (;;) {
		if (!n || !pattern_n || *p != '/' || *pattern != '/')
			return !n && !pattern_n;
		p++, n--, pattern++, pattern_n--;
		size_t want = segment(pattern, pattern_n), have = segment(p, n);
		if (want && pattern[0] == '{') {
			if (!take_param(p, have, m))
				return false;
		} else {
			char text[ROUTER_PARAM_SIZE];
			int len = http_decode(p, have, false, text, sizeof text);
			if (len < 0 || (size_t)len != want || memcmp(text, pattern, want) != 0)
				return false;
		}
		p += have, n -= have, pattern += want, pattern_n -= want;
	}
}

void router_match(const struct route *table, size_t n, enum http_method method, struct http_text path,
		  struct router_match *m)
{
	struct router_match found = { 0 };
	*m = found;
	for (size_t i = 0; i < n; i++) {
		const struct route *r = &table[i];
		if (!fits(r->pattern, path, &found))
			continue;
		m->allow |= BIT(r->method) | BIT(HTTP_OPTIONS) | (r->method == HTTP_GET ? BIT(HTTP_HEAD) : 0);
		m->open = m->open || r->flags & ROUTE_OPEN;
		if (r->method != method && !(r->method == HTTP_GET && method == HTTP_HEAD))
			continue;
		m->route = r;
		m->n_params = found.n_params;
		memcpy(m->param, found.param, sizeof m->param);
	}
}

void router_allow(unsigned allow, char out[ROUTER_ALLOW_SIZE])
{
	size_t len = 0;
	out[0] = '\0';
	for (int method = 0; method < HTTP_METHODS; method++)
		if (allow & BIT(method))
			len += (size_t)snprintf(out + len, ROUTER_ALLOW_SIZE - len, "%s%s", len ? ", " : "",
						http_method_name((enum http_method)method));
}
