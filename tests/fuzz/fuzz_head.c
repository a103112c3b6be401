/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as the head of a request, split into lines as a server does: what is accepted can be understood in one way
 * only, judged here by another reading of the same bytes; what is refused says why. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "fuzz.h"
#include "http_head.h"

#define LINES_MAX 200

struct line {
	const char *p;
	size_t n, colon; /* where it is; n: there is none */
};

static size_t split(const char *p, size_t n, struct line *lines)
{
	size_t count = 0;
	while (n && count < LINES_MAX) {
		const char *end = memchr(p, '\n', n);
		size_t len = end ? (size_t)(end - p) : n, used = end ? len + 1 : n;
		if (len && p[len - 1] == '\r')
			len--;
		const char *colon = len ? memchr(p, ':', len) : NULL;
		lines[count++] = (struct line){ p, len, colon ? (size_t)(colon - p) : len };
		p += used;
		n -= used;
	}
	return count;
}

static bool named(const struct line *l, const char *name)
{
	return l->colon == strlen(name) && strncasecmp(l->p, name, l->colon) == 0;
}

static const struct line *only(const struct line *lines, size_t n, const char *name)
{
	const struct line *found = NULL;
	for (size_t i = 0; i < n; i++)
		if (named(&lines[i], name)) {
			expect(!found);
			found = &lines[i];
		}
	return found;
}

/* The value without the blanks around it. */
static size_t value_of(const struct line *l, char *out, size_t size)
{
	size_t from = l->colon + 1, to = l->n;
	while (from < to && (l->p[from] == ' ' || l->p[from] == '\t'))
		from++;
	while (from < to && (l->p[to - 1] == ' ' || l->p[to - 1] == '\t'))
		to--;
	expect(to - from < size);
	memcpy(out, l->p + from, to - from);
	out[to - from] = '\0';
	return to - from;
}

static void expect_framing(const struct http_head *h, const struct line *lines, size_t n)
{
	char value[64], again[64];
	const struct line *length = only(lines, n, "Content-Length"), *coding = only(lines, n, "Transfer-Encoding");
	expect(!(length && coding));
	expect(h->has_length == (length != NULL) && h->chunked == (coding != NULL));
	if (length) {
		size_t digits = value_of(length, value, sizeof value), zeros = strspn(value, "0");
		expect(digits > 0 && strspn(value, "0123456789") == digits);
		(void)snprintf(again, sizeof again, "%llu", (unsigned long long)h->length);
		expect(strcmp(zeros == digits ? "0" : value + zeros, again) == 0);
	}
	if (coding) {
		(void)value_of(coding, value, sizeof value);
		expect(strcasecmp(value, "chunked") == 0 && h->http_1_1);
	}
	expect(only(lines, n, "Host") || !h->http_1_1);
}

static void expect_target(const struct http_head *h, const char *target, size_t n)
{
	size_t before = h->authority.p ? (size_t)(h->authority.p - target) + h->authority.n : 0;
	bool added = h->authority.p && (n == before || target[before] == '?'); /* the path is "/" without being there */
	expect(h->path.n > 0 && (h->path.p[0] == '/' || (h->path.p[0] == '*' && h->method == HTTP_OPTIONS)));
	expect(before + (added ? 0 : h->path.n) + (h->query.p ? h->query.n + 1 : 0) == n);
	expect(!memchr(h->path.p, '?', h->path.n));
	for (size_t i = 0; i < n; i++)
		expect(isgraph((unsigned char)target[i]) && target[i] != '#');
}

static void expect_good(const struct http_head *h, const char *target, size_t n, const struct line *lines,
			size_t n_lines)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	expect_target(h, target, n);
	expect(n_lines <= HTTP_FIELDS_MOST);
	for (size_t i = 0; i < n_lines; i++) {
		expect(lines[i].colon > 0);
		for (size_t k = 0; k < lines[i].colon; k++)
			expect(lines[i].p[k] && strchr(token, lines[i].p[k]));
		for (size_t k = lines[i].colon; k < lines[i].n; k++)
			expect((unsigned char)lines[i].p[k] >= ' ' || lines[i].p[k] == '\t');
	}
	expect_framing(h, lines, n_lines);
}

/* METHOD target version, as the library would have split it. False when there are not three parts. */
static bool request_line(const struct line *l, char method[32], struct http_text *target, char version[16])
{
	const char *blank = l->n ? memchr(l->p, ' ', l->n) : NULL;
	const char *last = blank ? memrchr(l->p, ' ', l->n) : NULL;
	if (!blank || last == blank || blank - l->p >= 32 || l->p + l->n - last > 16)
		return false;
	(void)snprintf(method, 32, "%.*s", (int)(blank - l->p), l->p);
	(void)snprintf(version, 16, "%.*s", (int)(l->p + l->n - last - 1), last + 1);
	*target = (struct http_text){ blank + 1, (size_t)(last - blank) - 1 };
	return true;
}

FUZZ_TARGET(head)
{
	struct line lines[LINES_MAX];
	struct http_head h;
	struct http_text target;
	char method[32], version[16];
	size_t n = split((const char *)data, size, lines);
	if (n == 0 || !request_line(&lines[0], method, &target, version))
		return 0;
	http_head_begin(&h, method, target.p, target.n, version);
	for (size_t i = 1; i < n; i++) {
		if (lines[i].colon == lines[i].n)
			return 0; /* a line without a colon is no header, and refused before it comes here */
		size_t after = lines[i].colon + 1;
		http_head_field(&h, lines[i].p, lines[i].colon, lines[i].p + after, lines[i].n - after);
	}
	unsigned status = http_head_end(&h);
	expect(status == h.refusal_status);
	if (status) {
		expect(status == 400 || status == 417 || status == 431 || status == 505);
		expect(h.refusal[0] && strlen(h.refusal) < sizeof h.refusal);
	} else {
		expect_good(&h, target.p, target.n, lines + 1, n - 1);
	}
	return 0;
}
