/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A method (the first byte) and any bytes as a path against the real table of routes: what is found takes the method,
 * its parameters are sane text, and the path that is put together from them again finds the same. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "fuzz.h"
#include "router.h"
#include "routes.h"

/* The pattern with its parameters filled in, each byte of them percent-encoded. */
static void make_path(const struct router_match *m, struct buf *out)
{
	unsigned next = 0;
	for (const char *p = m->route->pattern; *p; p++) {
		if (*p != '{') {
			buf_byte(out, *p);
			continue;
		}
		expect(next < m->n_params);
		for (const char *c = m->param[next]; *c; c++)
			buf_printf(out, "%%%02x", (unsigned char)*c);
		next++;
		p = strchr(p, '}');
	}
	expect(next == m->n_params);
}

static void use_route(const struct router_match *m, enum http_method method)
{
	struct buf path = BUF_INIT;
	struct router_match again;
	size_t n;
	const struct route *table = routes_table(&n);
	for (unsigned i = 0; i < m->n_params; i++) {
		expect(m->param[i][0] && memchr(m->param[i], '\0', ROUTER_PARAM_SIZE));
		for (const char *c = m->param[i]; *c; c++)
			expect(!iscntrl((unsigned char)*c));
	}
	make_path(m, &path);
	router_match(table, n, method, (struct http_text){ path.data, path.len }, &again);
	expect(again.route == m->route && again.n_params == m->n_params && again.allow == m->allow);
	for (unsigned i = 0; i < m->n_params; i++)
		expect(strcmp(again.param[i], m->param[i]) == 0);
	buf_fini(&path);
}

FUZZ_TARGET(router)
{
	struct router_match m;
	struct http_head h = { 0 };
	char allow[ROUTER_ALLOW_SIZE];
	if (size == 0)
		return 0;
	h.method = (enum http_method)(data[0] % (HTTP_METHODS + 1));
	h.path = (struct http_text){ (const char *)data + 1, size - 1 };
	routes_match(&h, &m);
	router_allow(m.allow, allow);
	expect(strlen(allow) < ROUTER_ALLOW_SIZE - 1);
	expect((m.allow == 0) == (allow[0] == '\0'));
	expect(!m.allow || m.allow & 1u << HTTP_OPTIONS);
	if (m.route) {
		expect(h.method < HTTP_METHODS && m.allow & 1u << h.method);
		use_route(&m, h.method);
	}
	return 0;
}
