/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "admit.h"
#include "clock.h"
#include "log.h"
#include "problem.h"
#include "response.h"
#include "routes.h"

#define CALLS_US 5000000            /* what takes many calls of Redis ends then in any case */
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
	r->refreshed = r->watching = r->streaming = r->accepted = r->replayed = false;
	r->submits = r->unpromised = r->ended = r->unlisted = false;
	r->tag = NULL;
	r->queue = NULL;
	r->spread = (struct spread){ 0 };
	r->wait_us = r->until_us = r->created_us = 0;
	r->began_us = clock_mono_us();
	r->match.route = NULL;
	r->match.allow = 0;
	r->match.open = false;
	r->origin = POLICY_NO_ORIGIN;
	r->principal = "";
	http_request_set_owner(http, r);
	const struct http_head *h = http_request_head(http);
	if (!policy_request_id(h, r->id))
		make_id(r);
	policy_trace_id(h, r->trace_id);
	peers_client(reactor->options.peers, http_request_peer(http), h->field[HTTP_FORWARDED_FOR], r->client);
	return r;
}

void request_settle(struct request *r)
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
	access_log(r, reply->status, reply->body_n);
	meter_request(r, reply->status, reply->body_n);
	request_settle(r);
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
	meter_gone(r);
	request_settle(r);
	request_unref(r);
}

void request_on_refused(void *arg, struct http_request *http, unsigned status, const char *detail)
{
	struct request *r = http_request_owner(http); /* its body is refused, or its head */
	if (!r)
		r = request_new(arg, http);
	if (r)
		response_problem(r, problem_of_status(status), detail, "");
	else
		bare_503(http);
}

void request_on_head(void *arg, struct http_request *http)
{
	struct request *r = request_new(arg, http);
	if (!r) {
		bare_503(http);
		return;
	}
	routes_match(request_head(r), &r->match);
	admit(r);
}

void request_on_http(void *arg, struct http_request *http)
{
	struct request *r = http_request_owner(http);
	const struct http_head *h = request_head(r);
	(void)arg;
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

/* Answers come in the order of the calls, so whatever Redis has answered, this request is nearer to its own. */
bool request_goes_on(struct request *r)
{
	struct rlink_stats stats;
	uint64_t now_us = clock_mono_us();
	rlinks_stats(r->reactor->links, &stats);
	uint64_t silent_us = now_us - stats.last_reply_us;
	if (silent_us >= r->reactor->call_us || now_us - r->began_us >= CALLS_US)
		return false;
	request_due(r, now_us + r->reactor->call_us - silent_us, r->on_due);
	return true;
}

static void on_calls_late(struct request *r)
{
	if (!request_goes_on(r))
		on_call_late(r);
}

void request_due_calls(struct request *r)
{
	request_due(r, clock_mono_us() + r->reactor->call_us, on_calls_late);
}
