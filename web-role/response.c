/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "response.h"

#include <stdio.h>
#include <string.h>

/* For pages of allowed origins: what they may read, what they may send, how long a browser may remember that. */
#define CORS_READABLE                                                                                                  \
	"Allow, Content-Location, Durability, ETag, Idempotency-Replayed, Location, Preference-Applied, Retry-After, " \
	"WWW-Authenticate, X-Request-Id"
#define CORS_SENDABLE                                                                                       \
	"Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Prefer, traceparent, " \
	"X-Request-Id"
#define CORS_SECONDS "600"

static void add(struct http_reply *reply, const char *name, const char *value)
{
	reply->headers[reply->n_headers++] = (struct http_header){ name, value };
}

/* A page of an allowed origin may read the answer. A cache must know that this depends on who asks. */
static void add_origin(struct request *r, struct http_reply *reply, char copy[RESPONSE_ORIGIN_SIZE])
{
	bool allowed = r->origin == POLICY_ALLOWED_ORIGIN;
	add(reply, "Cross-Origin-Resource-Policy", allowed ? "cross-origin" : "same-origin");
	if (allowed) {
		struct http_text origin = request_head(r)->field[HTTP_ORIGIN];
		snprintf(copy, RESPONSE_ORIGIN_SIZE, "%.*s", (int)origin.n, origin.p);
		add(reply, "Access-Control-Allow-Origin", copy);
		add(reply, "Access-Control-Expose-Headers", CORS_READABLE);
	}
	if (config_list_count(r->reactor->config, CONFIG_ALLOWED_ORIGINS))
		add(reply, "Vary", "Origin");
}

void response_headers(struct request *r, struct http_reply *reply, const char *type, const char *cache,
		      char origin[RESPONSE_ORIGIN_SIZE])
{
	if (type)
		add(reply, "Content-Type", type);
	add(reply, "X-Request-Id", r->id);
	add(reply, "Cache-Control", cache);
	add(reply, "X-Content-Type-Options", "nosniff");
	add(reply, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
	add(reply, "Referrer-Policy", "no-referrer");
	add_origin(r, reply, origin);
}

static void finish_cached(struct request *r, struct http_reply *reply, const char *type, const char *cache)
{
	char origin[RESPONSE_ORIGIN_SIZE];
	struct buf *body = &r->reactor->scratch;
	if (body->failed) { /* http_respond has an answer for this */
		reply->status = 503;
		buf_clear(body);
	}
	reply->body = body->data ? body->data : "";
	reply->body_n = body->len;
	response_headers(r, reply, type, cache, origin);
	if (r->replayed)
		add(reply, "Idempotency-Replayed", "true");
	if (r->submits && reply->status < 300)
		add(reply, "Durability", r->reactor->durability_text);
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

/* With a header of its own, unless name is NULL. */
static void finish_problem(struct request *r, enum problem p, const char *detail, const char *more, const char *name,
			   const char *value)
{
	struct http_reply reply = { .status = problem_kind(p)->status };
	problem_json(blank(r), p, detail, r->id, more);
	if (name)
		add(&reply, name, value);
	finish(r, &reply, "application/problem+json");
}

void response_problem(struct request *r, enum problem p, const char *detail, const char *more)
{
	const char *retry_after = problem_kind(p)->retry_after;
	char allow[ROUTER_ALLOW_SIZE];
	if (p == PROBLEM_METHOD_NOT_ALLOWED) {
		router_allow(r->match.allow, allow);
		finish_problem(r, p, detail, more, "Allow", allow);
	} else {
		finish_problem(r, p, detail, more, retry_after ? "Retry-After" : NULL, retry_after);
	}
}

void response_challenge(struct request *r, enum problem p, const char *detail, const char *challenge)
{
	finish_problem(r, p, detail, "", "WWW-Authenticate", challenge);
}

void response_limited(struct request *r, unsigned wait_s)
{
	char detail[120], seconds[16];
	snprintf(seconds, sizeof seconds, "%u", wait_s);
	snprintf(detail, sizeof detail, "expected at most %lld requests a second, got more; the next is taken in %u s",
		 (long long)config_int(r->reactor->config, CONFIG_RATE_LIMIT_PER_SECOND), wait_s);
	finish_problem(r, PROBLEM_RATE_LIMITED, detail, "", "Retry-After", seconds);
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
	const struct reactor *re = r->reactor;
	const char *tag = r->tag ? r->tag->text : NULL;
	char detail[300];
	if (status == ERR_PROTOCOL || status == ERR_INVALID) {
		response_problem(r, PROBLEM_INTERNAL, "the queue's answer could not be understood; the log has more",
				 "");
		return;
	}
	if (tag && status == ERR_UNAVAILABLE && reactor_shifting(re, tag))
		snprintf(detail, sizeof detail,
			 "the job's shard is moving between nodes of Redis: it is served again then");
	else if (reactor_link_state(re, tag, r->submits, detail, sizeof detail) == 0)
		snprintf(detail, sizeof detail, "Redis cannot serve this request now: %s", err_text(status));
	response_problem(r, PROBLEM_QUEUE_UNAVAILABLE, detail, "");
}

void response_options(struct request *r)
{
	struct http_reply reply = { .status = 204 };
	char allow[ROUTER_ALLOW_SIZE];
	router_allow(r->match.allow, allow);
	blank(r);
	add(&reply, "Allow", allow);
	if (r->origin == POLICY_ALLOWED_ORIGIN && request_head(r)->field[HTTP_CORS_METHOD].p) {
		add(&reply, "Access-Control-Allow-Methods", allow);
		add(&reply, "Access-Control-Allow-Headers", CORS_SENDABLE);
		add(&reply, "Access-Control-Max-Age", CORS_SECONDS);
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

/* What may be kept and asked about again: the body is in the scratch buffer. */
static void finish_known(struct request *r, struct http_reply *reply, const char *tag)
{
	bool known = has_tag(request_head(r)->field[HTTP_IF_NONE_MATCH], tag);
	add(reply, "ETag", tag);
	if (known && !r->reactor->scratch.failed) {
		reply->status = 304;
		blank(r);
	}
	finish_cached(r, reply, known ? NULL : "application/json", "no-cache");
}

void response_tag(const char *text, size_t n, char tag[RESPONSE_TAG_SIZE])
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a: it tells texts of ours apart, it guards nothing */
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)text[i]) * 1099511628211u;
	snprintf(tag, RESPONSE_TAG_SIZE, "\"%016llx\"", (unsigned long long)hash);
}

void response_document(struct request *r, const char *json, size_t n, const char *tag)
{
	struct http_reply reply = { .status = 200 };
	buf_append(blank(r), json, n);
	finish_known(r, &reply, tag);
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

void response_jobs(struct request *r, unsigned status, const char *json, size_t n)
{
	struct http_reply reply = { .status = status };
	char wait[40];
	buf_append(blank(r), json, n);
	if (status == 202)
		add(&reply, "Retry-After", "1");
	if (r->wait_us) {
		applied(r->wait_us, wait);
		add(&reply, "Preference-Applied", wait);
	}
	finish(r, &reply, "application/json");
}

void response_job(struct request *r, unsigned status, const struct job *job, unsigned flags)
{
	struct http_reply reply = { .status = status };
	char path[16 + ID_TEXT_SIZE], wait[40], tag[RESPONSE_TAG_SIZE];
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
	if (status == 200 && job_state_done(job->state) && r->match.route->method == HTTP_GET) {
		response_tag(r->reactor->scratch.data, r->reactor->scratch.len, tag);
		finish_known(r, &reply, tag);
	} else {
		finish(r, &reply, "application/json");
	}
}
