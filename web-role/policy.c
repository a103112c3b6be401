/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "err.h"

static struct http_text host_of(const struct http_head *h)
{
	return h->authority.p ? h->authority : h->field[HTTP_HOST];
}

/* name[:port], or [v6][:port]: the name alone, zero-terminated. */
static bool host_name(struct http_text host, char *out, size_t size)
{
	const char *from = host.p;
	size_t n = host.n;
	if (n && from[0] == '[') {
		const char *end = memchr(from, ']', n);
		if (!end)
			return false;
		n = (size_t)(end - ++from);
	} else {
		const char *colon = n ? memchr(from, ':', n) : NULL;
		if (colon)
			n = (size_t)(colon - from);
	}
	if (n == 0 || n >= size)
		return false;
	memcpy(out, from, n);
	out[n] = '\0';
	return true;
}

bool policy_host_allowed(const struct config *cfg, const struct http_head *h)
{
	char name[256], address[16];
	struct http_text host = host_of(h);
	if (!host.p)
		return true; /* HTTP/1.0 */
	if (!host_name(host, name, sizeof name))
		return false;
	size_t n = strlen(name);
	if (strcasecmp(name, "localhost") == 0 || (n > 10 && strcasecmp(name + n - 10, ".localhost") == 0))
		return true;
	if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
		return true;
	return config_list_has(cfg, CONFIG_ALLOWED_HOSTS, name);
}

enum policy_origin policy_origin(const struct config *cfg, const struct http_head *h)
{
	struct http_text origin = h->field[HTTP_ORIGIN], host = host_of(h);
	char text[300];
	if (!origin.p)
		return POLICY_NO_ORIGIN;
	const char *slashes = origin.n > 3 ? memmem(origin.p, origin.n, "://", 3) : NULL;
	if (slashes && host.p) {
		size_t n = origin.n - (size_t)(slashes + 3 - origin.p);
		if (n == host.n && strncasecmp(slashes + 3, host.p, n) == 0)
			return POLICY_OWN_ORIGIN;
	}
	if (origin.n >= sizeof text)
		return POLICY_FOREIGN_ORIGIN;
	snprintf(text, sizeof text, "%.*s", (int)origin.n, origin.p);
	return config_list_has(cfg, CONFIG_ALLOWED_ORIGINS, text) ? POLICY_ALLOWED_ORIGIN : POLICY_FOREIGN_ORIGIN;
}

/* ---- media types ---- */

static struct http_text trim(struct http_text t)
{
	while (t.n && (t.p[0] == ' ' || t.p[0] == '\t'))
		t.p++, t.n--;
	while (t.n && (t.p[t.n - 1] == ' ' || t.p[t.n - 1] == '\t'))
		t.n--;
	return t;
}

static bool is(struct http_text t, const char *text)
{
	return t.n == strlen(text) && strncasecmp(t.p, text, t.n) == 0;
}

/* Takes the part before the next `sep` off the front of *rest. */
static struct http_text next_part(struct http_text *rest, char sep)
{
	const char *end = rest->n ? memchr(rest->p, sep, rest->n) : NULL;
	size_t n = end ? (size_t)(end - rest->p) : rest->n;
	struct http_text part = { rest->p, n };
	rest->p += n + (end != NULL);
	rest->n -= n + (end != NULL);
	return trim(part);
}

/* name=value, the value perhaps in quotes. */
static bool split(struct http_text part, struct http_text *name, struct http_text *value)
{
	*name = next_part(&part, '=');
	*value = trim(part);
	if (value->n >= 2 && value->p[0] == '"' && value->p[value->n - 1] == '"')
		*value = (struct http_text){ value->p + 1, value->n - 2 };
	return name->n > 0;
}

bool policy_content_allowed(const struct http_head *h)
{
	struct http_text rest = h->field[HTTP_CONTENT_TYPE], coding = h->field[HTTP_CONTENT_ENCODING], name, value;
	if (coding.p && coding.n && !is(coding, "identity"))
		return false;
	if (!rest.p || rest.n == 0)
		return true;
	struct http_text type = next_part(&rest, ';');
	bool json =
	    is(type, "application/json") || is(type, "application/x-www-form-urlencoded") ||
	    (type.n > 5 && memchr(type.p, '/', type.n) && is((struct http_text){ type.p + type.n - 5, 5 }, "+json"));
	while (json && rest.n)
		if (split(next_part(&rest, ';'), &name, &value) && is(name, "charset"))
			json = is(value, "utf-8") || is(value, "utf8") || is(value, "us-ascii");
	return json;
}

/* ---- preferences and ids ---- */

/* Seconds, with at most 6 decimals when they are allowed; what is far beyond any limit is cut off. */
static int seconds(struct http_text t, bool decimals, uint64_t *us)
{
	uint64_t value = 0, unit = 1000000;
	size_t i = 0, digits = 0;
	for (; i < t.n && t.p[i] >= '0' && t.p[i] <= '9'; i++, digits++)
		value = value < 1000000000 ? value * 10 + (uint64_t)(t.p[i] - '0') : value;
	value *= unit;
	if (decimals && i < t.n && t.p[i] == '.')
		for (i++; i < t.n && t.p[i] >= '0' && t.p[i] <= '9'; i++, digits++) {
			unit /= 10;
			value += (uint64_t)(t.p[i] - '0') * unit;
		}
	if (!digits || i != t.n)
		return ERR_INVALID;
	*us = value;
	return 0;
}

static void preferred_wait(struct http_text line, uint64_t *us)
{
	struct http_text name, value;
	while (line.n) {
		struct http_text part = next_part(&line, ',');
		part = next_part(&part, ';'); /* parameters of a preference mean nothing here */
		if (split(part, &name, &value) && is(name, "wait") && seconds(value, false, us) == 0)
			return;
	}
}

int policy_wait(const struct http_head *h, unsigned max_s, uint64_t *us)
{
	char text[64];
	*us = 0;
	int n = http_query_get(h->query, "wait", text, sizeof text);
	if (n >= 0) {
		if (seconds((struct http_text){ text, (size_t)n }, true, us))
			return ERR_INVALID;
	} else if (n != ERR_NOT_FOUND) {
		return ERR_INVALID;
	}
	for (unsigned i = 0; n == ERR_NOT_FOUND && i < h->n_prefer && *us == 0; i++)
		preferred_wait(h->prefer[i], us);
	if (*us > max_s * UINT64_C(1000000))
		*us = max_s * UINT64_C(1000000);
	return 0;
}

/* version "-" 32 hex "-" 16 hex "-" 2 hex, lower case; more may follow from version 01 on (W3C Trace Context). */
void policy_trace_id(const struct http_head *h, char out[33])
{
	struct http_text t = h->field[HTTP_TRACEPARENT];
	bool some = false;
	out[0] = '\0';
	if (!t.p || t.n < 55 || strncmp(t.p, "ff", 2) == 0)
		return;
	if (t.n > 55 && (strncmp(t.p, "00", 2) == 0 || t.p[55] != '-'))
		return;
	for (size_t i = 0; i < 55; i++) {
		bool dash = i == 2 || i == 35 || i == 52;
		bool hex = (t.p[i] >= '0' && t.p[i] <= '9') || (t.p[i] >= 'a' && t.p[i] <= 'f');
		if (dash ? t.p[i] != '-' : !hex)
			return;
		some |= i > 2 && i < 35 && t.p[i] != '0';
	}
	if (some) {
		memcpy(out, t.p + 3, 32);
		out[32] = '\0';
	}
}

bool policy_request_id(const struct http_head *h, char out[65])
{
	struct http_text t = h->field[HTTP_REQUEST_ID];
	if (!t.p || t.n == 0 || t.n > 64)
		return false;
	for (size_t i = 0; i < t.n; i++) {
		char c = t.p[i];
		bool sane = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
			    c == '_' || c == '-';
		if (!sane)
			return false;
	}
	memcpy(out, t.p, t.n);
	out[t.n] = '\0';
	return true;
}
