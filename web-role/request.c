/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "problem.h"
#include "response.h"
#include "routes.h"

#define ARGS_KEEP_BYTES (64u << 10) /* larger buffers are not kept for the next request */

static void free_request(struct request *r)
{
	submission_fini(&r->submission);
	job_json_fault_fini(&r->fault);
	free(r);
}

void request_free_spares(struct reactor *reactor)
{
	while (reactor->spare) {
		struct request *r = reactor->spare;
		reactor->spare = r->next_free;
		free_request(r);
	}
}

void request_ref(struct request *r)
{
	r->refs++;
}

void request_unref(struct request *r)
{
	struct reactor *reactor = r->reactor;
	if (--r->refs)
		return;
	if (r->extra)
		r->extra->release(r->extra);
	r->extra = NULL;
	if (r->submission.args.cap > ARGS_KEEP_BYTES)
		buf_fini(&r->submission.args);
	buf_fini(&r->fault.errors);
	r->next_free = reactor->spare;
	reactor->spare = r;
	reactor->open--;
}

/* prefix-000000: unique in this process, the prefix among processes. */
static void make_id(struct request *r)
{
	static const char hex[] = "0123456789abcdef";
	uint64_t no = ++r->reactor->requests;
	size_t n = strlen(r->reactor->request_prefix);
	memcpy(r->id, r->reactor->request_prefix, n);
	for (int shift = no >> 32 ? 60 : 28; shift >= 0; shift -= 4)
		r->id[n++] = hex[no >> shift & 15];
	r->id[n] = '\0';
}

static struct request *request_new(struct reactor *reactor, struct http_request *http)
{
	struct request *r = reactor->spare;
	if (r) {
		reactor->spare = r->next_free;
	} else {
		r = calloc(1, sizeof *r);
		if (!r)
			return NULL;
		r->reactor = reactor;
	}
	reactor->open++;
	r->http = http;
	r->refs = 1;
	r->refreshed = r->watching = r->accepted = false;
	r->tag = NULL;
	r->wait_us = r->until_us = r->created_us = 0;
	r->began_us = clock_mono_us();
	r->match.route = NULL;
	r->origin = POLICY_NO_ORIGIN;
	http_request_set_owner(http, r);
	if (!policy_request_id(http_request_head(http), r->id))
		make_id(r);
	return r;
}

/* Not waiting for anything any more. */
static void settle(struct request *r)
{
	deadlines_clear(&r->reactor->deadlines, &r->deadline);
	waiters_remove(&r->reactor->waiters, &r->waiter);
	if (r->extra)
		r->extra->settle(r->extra);
	r->http = NULL;
}

void request_reply(struct request *r, const struct http_reply *reply)
{
	struct http_request *http = r->http;
	if (log_enabled(LOG_DEBUG)) {
		const struct http_head *h = http_request_head(http);
		struct log_ids ids = { .request = r->id, .job = r->tag ? r->job_id : NULL };
		log_write(LOG_DEBUG, &ids, "%s %.*s %u in %llu us", http_method_name(h->method), (int)h->path.n,
			  h->path.p ? h->path.p : "", reply->status,
			  (unsigned long long)(clock_mono_us() - r->began_us));
	}
	settle(r);
	http_respond(http, reply);
	request_unref(r);
}

static void bare_503(struct http_request *http)
{
	static const char sorry[] =
	    "{\"type\":\"/problems/queue-unavailable\",\"title\":\"Out of memory\",\"status\":503,"
	    "\"detail\":\"this instance has no memory for the request\"}\n";
	http_respond(http, &(struct http_reply){
			       .status = 503,
			       .body = sorry,
			       .body_n = sizeof sorry - 1,
			       .n_headers = 2,
			       .headers = { { "Content-Type", "application/problem+json" }, { "Retry-After", "1" } } });
}

void request_on_gone(void *arg, struct http_request *http)
{
	struct request *r = http_request_owner(http);
	(void)arg;
	if (!r)
		return;
	settle(r);
	request_unref(r);
}

void request_on_refused(void *arg, struct http_request *http, unsigned status, const char *detail)
{
	struct request *r = request_new(arg, http);
	if (r)
		response_problem(r, problem_of_status(status), detail, "");
	else
		bare_503(http);
}

/* True when it may go on; else it was answered. */
static bool admit(struct request *r)
{
	const struct http_head *h = request_head(r);
	const struct route *route = r->match.route;
	if (!(route && route->flags & ROUTE_ANY_HOST) && !policy_host_allowed(r->reactor->config, h)) {
		response_problem(r, PROBLEM_FORBIDDEN,
				 "expected Host to be a loopback name, an IP address, or a name of the setting "
				 "AllowedHosts",
				 "");
		return false;
	}
	r->origin = policy_origin(r->reactor->config, h);
	if (r->origin == POLICY_FOREIGN_ORIGIN) {
		response_problem(r, PROBLEM_FORBIDDEN,
				 "expected Origin to be this service's own or one of the setting AllowedOrigins", "");
		return false;
	}
	return true;
}

void request_on_http(void *arg, struct http_request *http)
{
	struct request *r = request_new(arg, http);
	if (!r) {
		bare_503(http);
		return;
	}
	const struct http_head *h = request_head(r);
	routes_match(h, &r->match);
	if (!admit(r))
		return;
	if (h->method == HTTP_OPTIONS && r->match.allow)
		response_options(r);
	else if (!r->match.allow)
		response_problem(r, PROBLEM_NOT_FOUND, "nothing is served under this path", "");
	else if (!r->match.route)
		response_method(r);
	else
		r->match.route->handle(r);
}

void request_due(struct request *r, uint64_t at_us, void (*on_due)(struct request *r))
{
	r->on_due = on_due;
	if (deadlines_set(&r->reactor->deadlines, &r->deadline, at_us, r))
		response_problem(r, PROBLEM_QUEUE_UNAVAILABLE, "this instance has no memory to let the request wait",
				 "");
}

static void on_call_late(struct request *r)
{
	response_problem(r, PROBLEM_QUEUE_UNAVAILABLE, "Redis did not answer in time", "");
}

void request_due_call(struct request *r)
{
	request_due(r, clock_mono_us() + r->reactor->call_us, on_call_late);
}
