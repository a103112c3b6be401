/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "problem.h"

#include <string.h>

#define P "/problems/"

static const struct problem_kind kinds[PROBLEM_COUNT] = {
	[PROBLEM_BAD_REQUEST] = { P "bad-request", "The request is not understood", 400, NULL },
	[PROBLEM_MALFORMED_JSON] = { P "malformed-json", "The body is not well-formed JSON", 400, NULL },
	[PROBLEM_UNAUTHORIZED] = { P "unauthorized", "A valid token is needed", 401, NULL },
	[PROBLEM_FORBIDDEN] = { P "forbidden", "Not allowed", 403, NULL },
	[PROBLEM_NOT_FOUND] = { P "not-found", "Not found", 404, NULL },
	[PROBLEM_METHOD_NOT_ALLOWED] = { P "method-not-allowed", "The method is not allowed here", 405, NULL },
	[PROBLEM_NOT_FINISHED_THAT_WAY] = { P "not-finished-that-way", "The job has no result", 409, NULL },
	[PROBLEM_ALREADY_DONE] = { P "already-done", "The job is done already", 409, NULL },
	[PROBLEM_NOT_RETRYABLE] = { P "not-retryable", "The job cannot be run again", 409, NULL },
	[PROBLEM_TOO_LARGE] = { P "too-large", "The body is too large", 413, NULL },
	[PROBLEM_UNSUPPORTED_MEDIA_TYPE] = { P "unsupported-media-type", "The body must be JSON", 415, NULL },
	[PROBLEM_EXPECTATION_FAILED] = { P "expectation-failed", "The expectation cannot be met", 417, NULL },
	[PROBLEM_INVALID_SUBMISSION] = { P "invalid-submission", "The submission is not valid", 422, NULL },
	[PROBLEM_UNKNOWN_OPERATION] = { P "unknown-operation", "No worker knows this operation", 422, NULL },
	[PROBLEM_KEY_REUSED] = { P "idempotency-key-reused", "The Idempotency-Key belongs to another body", 422, NULL },
	[PROBLEM_OPERATION_FAILED] = { P "operation-failed", "The operation failed", 422, NULL },
	[PROBLEM_RATE_LIMITED] = { P "rate-limited", "Too many requests", 429, "1" },
	[PROBLEM_HEAD_TOO_LARGE] = { P "head-too-large", "The head of the request is too large", 431, NULL },
	[PROBLEM_INTERNAL] = { P "internal", "Something went wrong inside the service", 500, NULL },
	[PROBLEM_QUEUE_FULL] = { P "queue-full", "The queue is full", 503, "5" },
	[PROBLEM_QUEUE_UNAVAILABLE] = { P "queue-unavailable", "The queue cannot be reached", 503, "1" },
	[PROBLEM_NO_WORKER] = { P "no-worker", "No worker can be reached", 503, "1" },
	[PROBLEM_STOPPING] = { P "stopping", "This instance takes no new work", 503, "1" },
	[PROBLEM_VERSION] = { P "http-version", "The HTTP version is not served", 505, NULL },
};

const struct problem_kind *problem_kind(enum problem p)
{
	return &kinds[p];
}

enum problem problem_of_status(unsigned status)
{
	for (int p = 0; p < PROBLEM_COUNT; p++)
		if (kinds[p].status == status)
			return (enum problem)p;
	return PROBLEM_INTERNAL;
}

void problem_json(struct buf *out, enum problem p, const char *detail, const char *instance, const char *more)
{
	const struct problem_kind *kind = &kinds[p];
	buf_puts(out, "{\"type\":\"");
	buf_puts(out, kind->type);
	buf_puts(out, "\",\"title\":\"");
	buf_puts(out, kind->title);
	buf_puts(out, "\",\"status\":");
	buf_uint(out, kind->status);
	buf_puts(out, ",\"detail\":");
	buf_json_string(out, detail, strlen(detail));
	buf_puts(out, ",\"instance\":");
	buf_json_string(out, instance, strlen(instance));
	if (more[0]) {
		buf_byte(out, ',');
		buf_puts(out, more);
	}
	buf_puts(out, "}\n");
}
