/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "routes.h"

#include "handlers/handlers.h"

static const struct route table[] = {
	{ HTTP_POST, 0, "/v1/jobs", handle_submit },
	{ HTTP_GET, 0, "/v1/jobs/{id}", handle_job },
	{ HTTP_GET, 0, "/v1/jobs/{id}/result", handle_result },
	{ HTTP_GET, 0, "/v1/operations", handle_operations },
	{ HTTP_GET, 0, "/v1/operations/{op}", handle_operation },
	{ HTTP_GET, 0, "/v4/", handle_v4 },
	{ HTTP_POST, 0, "/v4/", handle_v4 },
	{ HTTP_GET, 0, "/v4", handle_v4 },
	{ HTTP_POST, 0, "/v4", handle_v4 },
	{ HTTP_GET, ROUTE_ANY_HOST, "/livez", handle_livez },
	{ HTTP_GET, ROUTE_ANY_HOST, "/readyz", handle_readyz },
};
#define COUNT (sizeof table / sizeof *table)

void routes_match(const struct http_head *h, struct router_match *m)
{
	router_match(table, COUNT, h->method, h->path, m);
	if (h->path.n != 1 || h->path.p[0] != '*')
		return;
	m->allow = 1u << HTTP_OPTIONS | 1u << HTTP_HEAD;
	for (size_t i = 0; i < COUNT; i++)
		m->allow |= 1u << table[i].method;
}
