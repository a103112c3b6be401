/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http_head.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "err.h"

static const char *const methods[HTTP_METHODS] = { "GET",    "HEAD",    "POST",  "PUT",    "PATCH",
						   "DELETE", "OPTIONS", "TRACE", "CONNECT" };

#define NAME(text) text, sizeof(text) - 1
static const struct {
	const char *name;
	size_t n;
} fields[HTTP_FIELDS] = {
	[HTTP_HOST] = { NAME("Host") },
	[HTTP_CONTENT_LENGTH] = { NAME("Content-Length") },
	[HTTP_TRANSFER_ENCODING] = { NAME("Transfer-Encoding") },
	[HTTP_CONTENT_TYPE] = { NAME("Content-Type") },
	[HTTP_CONTENT_ENCODING] = { NAME("Content-Encoding") },
	[HTTP_EXPECT] = { NAME("Expect") },
	[HTTP_IDEMPOTENCY_KEY] = { NAME("Idempotency-Key") },
	[HTTP_ORIGIN] = { NAME("Origin") },
	[HTTP_TRACEPARENT] = { NAME("traceparent") },
	[HTTP_REQUEST_ID] = { NAME("X-Request-Id") },
	[HTTP_IF_NONE_MATCH] = { NAME("If-None-Match") },
	[HTTP_AUTHORIZATION] = { NAME("Authorization") },
	[HTTP_FORWARDED_FOR] = { NAME("X-Forwarded-For") },
	[HTTP_LAST_EVENT_ID] = { NAME("Last-Event-ID") },
	[HTTP_CORS_METHOD] = { NAME("Access-Control-Request-Method") },
	[HTTP_PREFER] = { NAME("Prefer") },
};

const char *http_method_name(enum http_method m)
{
	return m < HTTP_METHODS ? methods[m] : "";
}

static void refuse(struct http_head *h, unsigned status, const char *text)
{
	if (h->refusal_status)
		return;
	h->refusal_status = status;
	snprintf(h->refusal, sizeof h->refusal, "%s", text);
}

/* ---- the request line ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

/* A path must decode without control characters: %00 cuts strings, %0D%0A splits lines. */
static bool path_good(struct http_text path)
{
	for (size_t i = 0; i < path.n; i++) {
		if (path.p[i] != '%')
			continue;
		if (path.n - i < 3)
			return false;
		int high = hex_digit(path.p[i + 1]), low = hex_digit(path.p[i + 2]);
		if (high < 0 || low < 0 || is_control((unsigned char)(high * 16 + low)))
			return false;
	}
	return true;
}

/* http://authority/path: what a client sends to a proxy, which a server has to take too (RFC 9112 3.2.2). */
static struct http_text after_authority(struct http_head *h, struct http_text target)
{
	static const char *const schemes[] = { "http://", "https://" };
	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(schemes[i]);
		if (target.n <= n || strncasecmp(target.p, schemes[i], n) != 0)
			continue;
		h->authority = (struct http_text){ target.p + n, strcspn(target.p + n, "/?") };
		if (h->authority.n > target.n - n)
			h->authority.n = target.n - n;
		n += h->authority.n;
		return (struct http_text){ target.p + n, target.n - n };
	}
	return target;
}

static void take_target(struct http_head *h, const char *target, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)target[i] <= ' ' || (unsigned char)target[i] >= 0x7f || target[i] == '#') {
			refuse(h, 400, "the request target must be printable ASCII, all else percent-encoded");
			return;
		}
	struct http_text rest = after_authority(h, (struct http_text){ target, n });
	const char *mark = rest.n ? memchr(rest.p, '?', rest.n) : NULL;
	h->path = (struct http_text){ rest.p, mark ? (size_t)(mark - rest.p) : rest.n };
	if (mark)
		h->query = (struct http_text){ mark + 1, rest.n - h->path.n - 1 };
	if (h->path.n == 0 && h->authority.p)
		h->path = (struct http_text){ "/", 1 };
	bool star = h->path.n == 1 && h->path.p[0] == '*' && h->method == HTTP_OPTIONS;
	if (h->path.n == 0 || (h->path.p[0] != '/' && !star))
		refuse(h, 400, "expected a request target that begins with '/'");
	else if (!path_good(h->path))
		refuse(h, 400, "the path has a broken percent escape, or one that stands for a control character");
}

void http_head_begin(struct http_head *h, const char *method, const char *target, size_t target_n, const char *version)
{
	memset(h, 0, sizeof *h);
	for (h->method = HTTP_GET; h->method < HTTP_METHODS; h->method++)
		if (strcmp(method, methods[h->method]) == 0)
			break;
	h->http_1_1 = strcmp(version, "HTTP/1.1") == 0;
	if (!h->http_1_1 && strcmp(version, "HTTP/1.0") != 0)
		refuse(h, 505, "expected HTTP/1.1 or HTTP/1.0");
	else
		take_target(h, target, target_n);
}

/* ---- header lines ---- */

/* RFC 9110 5.6.2: tchar. */
static bool is_token(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = p[i];
		bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    (c && strchr("!#$%&'*+-.^_`|~", c));
		if (!good)
			return false;
	}
	return n > 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct http_text trimmed(const char *p, size_t n)
{
	while (n && is_blank(p[n - 1]))
		n--;
	while (n && is_blank(*p)) {
		p++;
		n--;
	}
	return (struct http_text){ p, n };
}

static bool is_field(enum http_field f, const char *name, size_t n)
{
	return n == fields[f].n && strncasecmp(name, fields[f].name, n) == 0;
}

static void keep_field(struct http_head *h, enum http_field f, struct http_text value)
{
	if (f == HTTP_PREFER) {
		if (h->n_prefer < HTTP_PREFER_MOST)
			h->prefer[h->n_prefer++] = value;
	} else if (h->field[f].p && f != HTTP_FORWARDED_FOR) { /* each proxy may add a line; the last counts */
		char text[100];
		snprintf(text, sizeof text, "expected one %s header at most, there are more", fields[f].name);
		refuse(h, 400, text);
	}
	h->field[f] = value;
}

void http_head_field(struct http_head *h, const char *name, size_t name_n, const char *value, size_t value_n)
{
	if (h->refusal_status && !is_field(HTTP_REQUEST_ID, name, name_n))
		return; /* but its id goes into the refusal */
	if (++h->lines > HTTP_FIELDS_MOST) {
		refuse(h, 431, "expected at most 100 header lines");
		return;
	}
	if (!is_token(name, name_n)) {
		refuse(h, 400, "a header's name has a character, or a blank before its colon, that may not be there");
		return;
	}
	for (size_t i = 0; i < value_n; i++)
		if (is_control((unsigned char)value[i]) && value[i] != '\t') {
			refuse(h, 400, "a header's value has a control character");
			return;
		}
	for (int f = 0; f < HTTP_FIELDS; f++)
		if (is_field((enum http_field)f, name, name_n)) {
			if (value_n && is_blank(value[value_n - 1]) &&
			    (f == HTTP_CONTENT_LENGTH || f == HTTP_TRANSFER_ENCODING))
				refuse(h, 400, "expected no blank behind what tells the end of the body");
			keep_field(h, (enum http_field)f, trimmed(value, value_n));
			return;
		}
}

/* ---- the whole head ---- */

static void check_length(struct http_head *h)
{
	struct http_text v = h->field[HTTP_CONTENT_LENGTH];
	if (!v.p)
		return;
	if (v.n == 0 || v.n > 18) {
		refuse(h, 400, "expected Content-Length to be a number of bytes");
		return;
	}
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9') {
			refuse(h, 400, "expected Content-Length to be digits only");
			return;
		}
		h->length = h->length * 10 + (uint64_t)(v.p[i] - '0');
	}
	h->has_length = true;
}

static void check_coding(struct http_head *h)
{
	struct http_text v = h->field[HTTP_TRANSFER_ENCODING];
	if (!v.p)
		return;
	if (v.n != 7 || strncasecmp(v.p, "chunked", 7) != 0)
		refuse(h, 400, "the only Transfer-Encoding taken is chunked");
	else if (!h->http_1_1)
		refuse(h, 400, "HTTP/1.0 has no Transfer-Encoding");
	else if (h->field[HTTP_CONTENT_LENGTH].p)
		refuse(h, 400, "expected Content-Length or Transfer-Encoding, not both");
	h->chunked = true;
}

/* Without a user: "localhost:80@elsewhere" is no loopback name, whatever it begins with. */
static void check_host(struct http_head *h, struct http_text host)
{
	for (size_t i = 0; host.p && i < host.n; i++)
		if (is_blank(host.p[i]) || strchr(",/?#@\\", host.p[i]))
			refuse(h, 400, "expected Host to be a name or an address, and perhaps a port");
}

unsigned http_head_end(struct http_head *h)
{
	struct http_text host = h->field[HTTP_HOST], expect = h->field[HTTP_EXPECT];
	if (h->refusal_status)
		return h->refusal_status;
	check_coding(h);
	check_length(h);
	if (h->http_1_1 && !host.p)
		refuse(h, 400, "HTTP/1.1 demands a Host header");
	check_host(h, host);
	check_host(h, h->authority);
	if (expect.p && (expect.n != 12 || strncasecmp(expect.p, "100-continue", 12) != 0))
		refuse(h, 417, "the only expectation met is 100-continue");
	return h->refusal_status;
}

/* ---- decoding ---- */

int http_decode(const char *p, size_t n, bool plus_is_blank, char *out, size_t size)
{
	size_t len = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];
		if (c == '%') {
			int high = n - i < 3 ? -1 : hex_digit(p[i + 1]), low = n - i < 3 ? -1 : hex_digit(p[i + 2]);
			if (high < 0 || low < 0)
				return ERR_INVALID;
			c = (unsigned char)(high * 16 + low);
			i += 2;
		} else if (c == '+' && plus_is_blank) {
			c = ' ';
		}
		if (is_control(c))
			return ERR_INVALID;
		if (len + 1 >= size)
			return ERR_TOO_BIG;
		out[len++] = (char)c;
	}
	out[len] = '\0';
	return (int)len;
}

int http_query_get(struct http_text query, const char *name, char *out, size_t size)
{
	int found = ERR_NOT_FOUND;
	const char *p = query.p, *end = query.n ? query.p + query.n : query.p;
	while (p < end) {
		const char *stop = memchr(p, '&', (size_t)(end - p));
		if (!stop)
			stop = end;
		const char *eq = memchr(p, '=', (size_t)(stop - p));
		const char *name_end = eq ? eq : stop;
		char key[64];
		int n = http_decode(p, (size_t)(name_end - p), true, key, sizeof key);
		if (n >= 0 && strcmp(key, name) == 0) {
			if (found != ERR_NOT_FOUND)
				return ERR_EXISTS;
			const char *value = eq ? eq + 1 : stop;
			found = http_decode(value, (size_t)(stop - value), true, out, size);
		}
		p = stop + 1;
	}
	return found;
}
