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
/* 401 or 403 with what WWW-Authenticate says. */
void response_challenge(struct request *r, enum problem p, const char *detail, const char *challenge);
void response_limited(struct request *r, unsigned wait_s); /* 429 */
void response_options(struct request *r);
void response_method(struct request *r); /* 405 */
/* A document of ours that may be cached by nobody. */
void response_json(struct request *r, unsigned status, const char *json, size_t n);
/* The same as another type, and with a Retry-After when it is no problem of the request's (status 503). */
void response_text(struct request *r, unsigned status, const char *type, const char *text, size_t n);
/* A JSON document that a client may keep and ask about again: 304 when it has it. tag: a strong entity tag, quoted. */
void response_document(struct request *r, const char *json, size_t n, const char *tag);

/* Such a tag, from what the text is. */
#define RESPONSE_TAG_SIZE 20
void response_tag(const char *text, size_t n, char tag[RESPONSE_TAG_SIZE]);

enum response_flag {
	RESPONSE_LOCATION = 1,         /* where the job is */
	RESPONSE_CONTENT_LOCATION = 2, /* where this same body is */
	RESPONSE_RETRY_AFTER = 4       /* come again later */
};
/* The job in the given state. flags: enum response_flag. A finished one that was asked for with 200 may be kept, as
 * response_document(). */
void response_job(struct request *r, unsigned status, const struct job *job, unsigned flags);
/* Several jobs, by a JSON text made of them; 202: not all are done. */
void response_jobs(struct request *r, unsigned status, const char *json, size_t n);

/* Adds the headers that every answer carries. type: NULL without a body. origin: room for one, until the reply is sent.
 */
#define RESPONSE_ORIGIN_SIZE 300
void response_headers(struct request *r, struct http_reply *reply, const char *type, const char *cache,
		      char origin[RESPONSE_ORIGIN_SIZE]);

#endif
