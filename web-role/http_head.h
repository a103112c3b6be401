/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The head of an HTTP request, checked by us: libmicrohttpd 0.9.75 lets ambiguous framing through (Transfer-Encoding
 * beside Content-Length, repeated lengths, field names with blanks), which is how requests are smuggled past a
 * balancer. Pure code over borrowed strings, used by the HTTP server for each request; no allocation. One thread at a
 * time. */
#ifndef SQUARE_HTTP_HEAD_H
#define SQUARE_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_PATCH,
	HTTP_DELETE,
	HTTP_OPTIONS,
	HTTP_TRACE,
	HTTP_CONNECT,
	HTTP_METHODS /* how many there are; as a value: a method nobody knows */
};

/* The fields that somebody here reads; all but Prefer and X-Forwarded-For at most once in a request. */
enum http_field {
	HTTP_HOST,
	HTTP_CONTENT_LENGTH,
	HTTP_TRANSFER_ENCODING,
	HTTP_CONTENT_TYPE,
	HTTP_CONTENT_ENCODING,
	HTTP_EXPECT,
	HTTP_IDEMPOTENCY_KEY,
	HTTP_ORIGIN,
	HTTP_TRACEPARENT,
	HTTP_REQUEST_ID,
	HTTP_IF_NONE_MATCH,
	HTTP_AUTHORIZATION,
	HTTP_FORWARDED_FOR, /* X-Forwarded-For */
	HTTP_LAST_EVENT_ID,
	HTTP_CORS_METHOD, /* Access-Control-Request-Method */
	HTTP_PREFER,
	HTTP_FIELDS
};

#define HTTP_FIELDS_MOST 100 /* lines of a head */
#define HTTP_PREFER_MOST 4   /* lines of Prefer that are looked at */

struct http_text { /* borrowed, not zero-terminated */
	const char *p;
	size_t n;
};

struct http_head {
	enum http_method method;
	bool http_1_1;
	unsigned lines;
	struct http_text path;               /* as sent: percent-encoded, begins with '/'; or "*" with OPTIONS */
	struct http_text query;              /* as sent, without '?'; empty when there is none */
	struct http_text authority;          /* of an absolute target; else p is NULL */
	struct http_text field[HTTP_FIELDS]; /* p is NULL when absent; blanks around are trimmed */
	struct http_text prefer[HTTP_PREFER_MOST];
	unsigned n_prefer;
	bool chunked;
	bool has_length;
	uint64_t length;         /* of the body; meaningful with has_length */
	unsigned refusal_status; /* 0: the head is good */
	char refusal[200];       /* what was expected and what came, for the client */
};

/* Begins with the request line. target: as it stood there. version: "HTTP/1.1". All borrowed while *h is used. */
void http_head_begin(struct http_head *h, const char *method, const char *target, size_t target_n, const char *version);
/* Takes one header line. The first thing wrong is what the refusal tells; later lines are then passed over. */
void http_head_field(struct http_head *h, const char *name, size_t name_n, const char *value, size_t value_n);
/* Checks what only the whole head can tell. Returns refusal_status. */
unsigned http_head_end(struct http_head *h);

const char *http_method_name(enum http_method m); /* "GET"; "" for HTTP_METHODS */

/* Decodes percent-encoding (and '+' as a blank when plus_is_blank) into out, zero-terminated. Returns the length, or
 * ERR_INVALID (a broken escape, a control character) or ERR_TOO_BIG (more than size - 1 bytes). */
int http_decode(const char *p, size_t n, bool plus_is_blank, char *out, size_t size);
/* Finds a parameter of a query and decodes its value. The length; or ERR_NOT_FOUND, ERR_INVALID, ERR_TOO_BIG, or
 * ERR_EXISTS when it is there twice. */
int http_query_get(struct http_text query, const char *name, char *out, size_t size);

#endif
