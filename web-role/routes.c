/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "routes.h"

#include "handlers/handlers.h"

static const struct route table[] = {
	{ HTTP_POST, ROUTE_SUBMIT, "/v1/jobs", handle_submit },
	{ HTTP_GET, ROUTE_READ, "/v1/jobs", handle_jobs },
	{ HTTP_GET, ROUTE_READ, "/v1/jobs/{id}", handle_job },
	{ HTTP_DELETE, ROUTE_SUBMIT, "/v1/jobs/{id}", handle_cancel },
	{ HTTP_GET, ROUTE_READ, "/v1/jobs/{id}/result", handle_result },
	{ HTTP_GET, ROUTE_READ, "/v1/jobs/{id}/events", handle_job_events },
	{ HTTP_POST, ROUTE_SUBMIT, "/v1/jobs/{id}/retry", handle_retry },
	{ HTTP_GET, ROUTE_READ, "/v1/queues", handle_queues },
	{ HTTP_GET, ROUTE_READ, "/v1/queues/{queue}", handle_queue },
	{ HTTP_PATCH, ROUTE_ADMIN, "/v1/queues/{queue}", handle_queue_patch },
	{ HTTP_POST, ROUTE_ADMIN, "/v1/queues/{queue}/redrive", handle_redrive },
	{ HTTP_GET, ROUTE_READ, "/v1/workers", handle_workers },
	{ HTTP_GET, ROUTE_READ, "/v1/events", handle_events },
	{ HTTP_GET, 0, "/v1/operations", handle_operations },
	{ HTTP_GET, 0, "/v1/operations/{op}", handle_operation },
	{ HTTP_POST, ROUTE_SUBMIT, "/v1/direct", handle_direct },
	{ HTTP_GET, ROUTE_SUBMIT, "/v4/", handle_v4 },
	{ HTTP_POST, ROUTE_SUBMIT, "/v4/", handle_v4 },
	{ HTTP_GET, ROUTE_SUBMIT, "/v4", handle_v4 },
	{ HTTP_POST, ROUTE_SUBMIT, "/v4", handle_v4 },
	{ HTTP_GET, ROUTE_METRICS | ROUTE_ANY_HOST, "/metrics", handle_metrics },
	{ HTTP_GET, 0, "/openapi.json", handle_openapi },
	{ HTTP_GET, ROUTE_OPEN | ROUTE_ANY_HOST, "/livez", handle_livez },
	{ HTTP_GET, ROUTE_PROBE | ROUTE_ANY_HOST, "/readyz", handle_readyz },
};
#define COUNT (sizeof table / sizeof *table)

const struct route *routes_table(size_t *n)
{
	*n = COUNT;
	return table;
}

void routes_match(const struct http_head *h, struct router_match *m)
{
	router_match(table, COUNT, h->method, h->path, m);
	if (h->path.n != 1 || h->path.p[0] != '*')
		return;
	m->allow = 1u << HTTP_OPTIONS | 1u << HTTP_HEAD;
	for (size_t i = 0; i < COUNT; i++)
		m->allow |= 1u << table[i].method;
}
