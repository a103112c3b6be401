/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Problem details (RFC 9457): the one table of what can go wrong over HTTP, and their JSON. Pure code, any thread. */
#ifndef SQUARE_PROBLEM_H
#define SQUARE_PROBLEM_H

#include <stdbool.h>

#include "buf.h"

enum problem {
	PROBLEM_BAD_REQUEST,
	PROBLEM_MALFORMED_JSON,
	PROBLEM_UNAUTHORIZED,
	PROBLEM_FORBIDDEN,
	PROBLEM_NOT_FOUND,
	PROBLEM_METHOD_NOT_ALLOWED,
	PROBLEM_NOT_FINISHED_THAT_WAY,
	PROBLEM_ALREADY_DONE,
	PROBLEM_NOT_RETRYABLE,
	PROBLEM_TOO_LARGE,
	PROBLEM_UNSUPPORTED_MEDIA_TYPE,
	PROBLEM_EXPECTATION_FAILED,
	PROBLEM_INVALID_SUBMISSION,
	PROBLEM_UNKNOWN_OPERATION,
	PROBLEM_KEY_REUSED,
	PROBLEM_OPERATION_FAILED,
	PROBLEM_RATE_LIMITED,
	PROBLEM_HEAD_TOO_LARGE,
	PROBLEM_INTERNAL,
	PROBLEM_QUEUE_FULL,
	PROBLEM_QUEUE_UNAVAILABLE,
	PROBLEM_NO_WORKER,
	PROBLEM_STOPPING,
	PROBLEM_VERSION,
	PROBLEM_COUNT
};

struct problem_kind {
	const char *type; /* "/problems/not-found" */
	const char *title;
	unsigned status;
	const char *retry_after; /* seconds; NULL: coming again does not help */
};

const struct problem_kind *problem_kind(enum problem p);
/* The kind of a refusal that only has a status, such as of a bad head. */
enum problem problem_of_status(unsigned status);
/* Appends the JSON object. detail: what was expected and what came. instance: the request id. more: further members as
 * JSON text (`"errors":[…]`), "" when there are none. */
void problem_json(struct buf *out, enum problem p, const char *detail, const char *instance, const char *more);

#endif
