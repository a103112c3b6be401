/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answers, with the headers that each carries. Every function here ends the request, see request_reply().
 * The reactor's thread. */
#ifndef SQUARE_RESPONSE_H
#define SQUARE_RESPONSE_H

#include "problem.h"
#include "request.h"

/* detail: what was expected and what came. more: further members as JSON text, or "". */
void response_problem(struct request *r, enum problem p, const char *detail, const char *more);
/* Redis could not be asked, or did not answer: the problem that this error code stands for. */
void response_unavailable(struct request *r, int status);
void response_options(struct request *r);
void response_method(struct request *r); /* 405 */
/* A document of ours that may be cached by nobody. */
void response_json(struct request *r, unsigned status, const char *json, size_t n);
/* The same as another type, and with a Retry-After when it is no problem of the request's (status 503). */
void response_text(struct request *r, unsigned status, const char *type, const char *text, size_t n);
/* A JSON document that a client may keep and ask about again: 304 when it has it. tag: a strong entity tag, quoted. */
void response_document(struct request *r, const char *json, size_t n, const char *tag);

enum response_flag {
	RESPONSE_LOCATION = 1,         /* where the job is */
	RESPONSE_CONTENT_LOCATION = 2, /* where this same body is */
	RESPONSE_RETRY_AFTER = 4       /* come again later */
};
/* The job in the given state. flags: enum response_flag. */
void response_job(struct request *r, unsigned status, const struct job *job, unsigned flags);

#endif
