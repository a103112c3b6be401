/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "response.h"

#include <stdio.h>
#include <string.h>

#include "rlink.h"

#define MORE_TEXT "Content-Location, Location, ETag, Preference-Applied, Retry-After, X-Request-Id"

static void add(struct http_reply *reply, const char *name, const char *value)
{
	reply->headers[reply->n_headers++] = (struct http_header){ name, value };
}

/* A page of an allowed origin may read the answer. */
static void add_origin(struct request *r, struct http_reply *reply, char *copy, size_t size)
{
	struct http_text origin = request_head(r)->field[HTTP_ORIGIN];
	if (r->origin != POLICY_ALLOWED_ORIGIN)
		return;
	snprintf(copy, size, "%.*s", (int)origin.n, origin.p);
	add(reply, "Access-Control-Allow-Origin", copy);
	add(reply, "Access-Control-Expose-Headers", MORE_TEXT);
	add(reply, "Vary", "Origin");
}

static void finish_cached(struct request *r, struct http_reply *reply, const char *type, const char *cache)
{
	char origin[300];
	struct buf *body = &r->reactor->scratch;
	if (body->failed) { /* http_respond has an answer for this */
		reply->status = 503;
		buf_clear(body);
	}
	reply->body = body->data ? body->data : "";
	reply->body_n = body->len;
	if (type)
		add(reply, "Content-Type", type);
	add(reply, "X-Request-Id", r->id);
	add(reply, "X-Content-Type-Options", "nosniff");
	add(reply, "Cache-Control", cache);
	add_origin(r, reply, origin, sizeof origin);
	request_reply(r, reply);
}

static void finish(struct request *r, struct http_reply *reply, const char *type)
{
	finish_cached(r, reply, type, "no-store");
}

static struct buf *blank(struct request *r)
{
	buf_clear(&r->reactor->scratch);
	return &r->reactor->scratch;
}

void response_problem(struct request *r, enum problem p, const char *detail, const char *more)
{
	const struct problem_kind *kind = problem_kind(p);
	struct http_reply reply = { .status = kind->status };
	char allow[ROUTER_ALLOW_SIZE];
	problem_json(blank(r), p, detail, r->id, more);
	if (kind->retry_after)
		add(&reply, "Retry-After", kind->retry_after);
	if (p == PROBLEM_METHOD_NOT_ALLOWED) {
		router_allow(r->match.allow, allow);
		add(&reply, "Allow", allow);
	}
	finish(r, &reply, "application/problem+json");
}

void response_method(struct request *r)
{
	const char *got = http_method_name(request_head(r)->method);
	char allow[ROUTER_ALLOW_SIZE], detail[160];
	router_allow(r->match.allow, allow);
	snprintf(detail, sizeof detail, "expected one of %s, got %s", allow, *got ? got : "a method nobody knows");
	response_problem(r, PROBLEM_METHOD_NOT_ALLOWED, detail, "");
}

void response_unavailable(struct request *r, int status)
{
	const char *why = rlink_error(r->reactor->link);
	char detail[300];
	if (status == ERR_PROTOCOL || status == ERR_INVALID) {
		response_problem(r, PROBLEM_INTERNAL, "the queue's answer could not be understood; the log has more",
				 "");
		return;
	}
	if (rlink_up(r->reactor->link))
		snprintf(detail, sizeof detail, "Redis cannot serve this request now: %s", err_text(status));
	else
		snprintf(detail, sizeof detail, "there is no link to Redis%s%s", why[0] ? ": " : "", why);
	response_problem(r, PROBLEM_QUEUE_UNAVAILABLE, detail, "");
}

void response_options(struct request *r)
{
	struct http_reply reply = { .status = 204 };
	char allow[ROUTER_ALLOW_SIZE];
	router_allow(r->match.allow, allow);
	blank(r);
	add(&reply, "Allow", allow);
	if (r->origin == POLICY_ALLOWED_ORIGIN) {
		add(&reply, "Access-Control-Allow-Methods", allow);
		add(&reply, "Access-Control-Allow-Headers", "Content-Type, Prefer, X-Request-Id, traceparent");
		add(&reply, "Access-Control-Max-Age", "600");
	}
	finish(r, &reply, NULL);
}

void response_text(struct request *r, unsigned status, const char *type, const char *text, size_t n)
{
	struct http_reply reply = { .status = status };
	buf_append(blank(r), text, n);
	if (status == 503)
		add(&reply, "Retry-After", "1");
	finish(r, &reply, type);
}

void response_json(struct request *r, unsigned status, const char *json, size_t n)
{
	response_text(r, status, "application/json", json, n);
}

/* Whether a list of entity tags has this one (RFC 9110 13.1.2, weak comparison), or is "*". */
static bool has_tag(struct http_text list, const char *tag)
{
	return list.p && ((list.n == 1 && *list.p == '*') || memmem(list.p, list.n, tag, strlen(tag)));
}

void response_document(struct request *r, const char *json, size_t n, const char *tag)
{
	struct http_reply reply = { .status = 200 };
	bool known = has_tag(request_head(r)->field[HTTP_IF_NONE_MATCH], tag);
	blank(r);
	add(&reply, "ETag", tag);
	if (known)
		reply.status = 304;
	else
		buf_append(&r->reactor->scratch, json, n);
	finish_cached(r, &reply, known ? NULL : "application/json", "no-cache");
}

/* The wait that was in force, in seconds. */
static void applied(uint64_t us, char out[40])
{
	int n = snprintf(out, 40, "wait=%llu.%06llu", (unsigned long long)(us / 1000000),
			 (unsigned long long)(us % 1000000));
	while (out[n - 1] == '0')
		n--;
	out[out[n - 1] == '.' ? n - 1 : n] = '\0';
}

void response_job(struct request *r, unsigned status, const struct job *job, unsigned flags)
{
	struct http_reply reply = { .status = status };
	char path[16 + ID_TEXT_SIZE], wait[40];
	job_json(blank(r), r->job_id, r->tag->queue, job);
	memcpy(stpcpy(path, "/v1/jobs/"), r->job_id, ID_TEXT_SIZE);
	if (flags & RESPONSE_LOCATION)
		add(&reply, "Location", path);
	if (flags & RESPONSE_CONTENT_LOCATION)
		add(&reply, "Content-Location", path);
	if (flags & RESPONSE_RETRY_AFTER)
		add(&reply, "Retry-After", "1");
	if (r->wait_us) {
		applied(r->wait_us, wait);
		add(&reply, "Preference-Applied", wait);
	}
	finish(r, &reply, "application/json");
}
