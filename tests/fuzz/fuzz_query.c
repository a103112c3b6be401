/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a query and as the headers that are judged: the first line is the query, each further one the value of
 * one header. What is read stays within its bounds, and what was encoded decodes to itself. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "err.h"
#include "fuzz.h"
#include "http_head.h"
#include "policy.h"

#define WAIT_MAX_S 60

static const char *const headers[] = { "Prefer",       "Prefer", "Content-Type", "Content-Encoding", "traceparent",
				       "X-Request-Id", "Host",   "Origin",       "If-None-Match" };

static const struct config *settings(void)
{
	static struct config *config;
	static const char *const sets[] = { "AllowedHosts=square.example", "AllowedOrigins=https://app.example" };
	const struct config_sources sources = { .sets = sets, .n_sets = 2 };
	struct errinfo info;
	if (!config)
		config = config_load(CONFIG_WEB, &sources, &info);
	expect(config != NULL);
	return config;
}

static struct http_text next_line(const char **p, size_t *n)
{
	const char *end = *n ? memchr(*p, '\n', *n) : NULL;
	size_t len = end ? (size_t)(end - *p) : *n;
	struct http_text line = { *p, len };
	*p += len + (end != NULL);
	*n -= len + (end != NULL);
	return line;
}

/* Every byte that may be decoded survives being encoded, and so does a whole parameter. */
static void expect_round_trip(const char *text, size_t n)
{
	char encoded[3 * 200 + 8] = "a=", out[201], got[201];
	size_t len = 2;
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(encoded + len, sizeof encoded - len, "%%%02X", (unsigned char)text[i]);
	expect(http_decode(encoded + 2, len - 2, true, out, sizeof out) == (int)n && memcmp(out, text, n) == 0);
	expect(http_query_get((struct http_text){ encoded, len }, "a", got, sizeof got) == (int)n);
	expect(memcmp(got, text, n) == 0);
}

static void use_query(struct http_text query)
{
	static const char *const names[] = { "wait", "limit", "cursor", "state", "expr", "a", "" };
	char out[200];
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		int n = http_query_get(query, names[i], out, sizeof out);
		expect(n >= 0 || n == ERR_NOT_FOUND || n == ERR_INVALID || n == ERR_TOO_BIG || n == ERR_EXISTS);
		if (n < 0)
			continue;
		expect((size_t)n == strlen(out)); /* hence no zero inside */
		for (int k = 0; k < n; k++)
			expect(!iscntrl((unsigned char)out[k]));
		expect_round_trip(out, (size_t)n);
	}
	for (size_t size = 1; size < 8; size++) { /* a small buffer is never overrun, and always ended */
		int n = http_decode(query.p, query.n, false, out, size);
		expect(n < (int)size && (n < 0 || out[n] == '\0'));
	}
}

static void use_head(const struct http_head *h)
{
	char trace[33], id[65];
	uint64_t us = 1;
	int rc = policy_wait(h, WAIT_MAX_S, &us);
	expect((rc == 0 && us <= WAIT_MAX_S * UINT64_C(1000000)) || (rc == ERR_INVALID && h->query.n));
	policy_trace_id(h, trace);
	expect(trace[0] == '\0' ||
	       (strlen(trace) == 32 && strspn(trace, "0123456789abcdef") == 32 && strspn(trace, "0") < 32));
	if (policy_request_id(h, id))
		expect(id[0] &&
		       strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen(id));
	if (!h->field[HTTP_CONTENT_TYPE].p && !h->field[HTTP_CONTENT_ENCODING].p)
		expect(policy_content_allowed(h));
	(void)policy_content_allowed(h);
	(void)policy_host_allowed(settings(), h);
	enum policy_origin origin = policy_origin(settings(), h);
	expect((origin == POLICY_NO_ORIGIN) == !h->field[HTTP_ORIGIN].p);
}

FUZZ_TARGET(query)
{
	struct http_head h;
	const char *p = (const char *)data;
	size_t n = size;
	http_head_begin(&h, "POST", "/", 1, "HTTP/1.1");
	h.query = next_line(&p, &n);
	for (size_t i = 0; n && i < sizeof headers / sizeof *headers; i++) {
		struct http_text value = next_line(&p, &n);
		if (value.n) /* an empty line: without that header */
			http_head_field(&h, headers[i], strlen(headers[i]), value.p, value.n);
	}
	use_query(h.query);
	use_head(&h);
	return 0;
}
