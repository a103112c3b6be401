/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "job_json_scan.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job_json.h"

int job_json_locate(struct errinfo *info, const char *body, size_t position, const char *text)
{
	errinfo_set(info, ERR_INVALID, "%s", text);
	info->line = info->column = 1;
	info->position = (long)position;
	for (size_t i = 0; i < position; i++) {
		if (body[i] == '\n') {
			info->line++;
			info->column = 1;
		} else if (((unsigned char)body[i] & 0xc0) != 0x80) {
			info->column++;
		}
	}
	return ERR_INVALID;
}

struct scan {
	const char *body;
	size_t n, at;
	unsigned depth, most; /* levels of nesting: here, and at most */
	bool many;            /* the outermost value is an array */
	bool item;            /* what is scanned is an array's item: it ends where the array goes on */
	struct span args;     /* the value of the member "args" of the outermost object */
	bool key_next;        /* at depth 1: a string that comes now is a member's name */
	bool is_args;         /* at depth 1: the value that comes now is that of "args" */
};

static void scan_string(struct scan *s)
{
	for (s->at++; s->at < s->n && s->body[s->at] != '"'; s->at++)
		if (s->body[s->at] == '\\')
			s->at++;
	s->at = s->at < s->n ? s->at + 1 : s->n;
}

/* The character of an escape \\uXXXX; -1 when there is none. */
static int escaped(const char *p, const char *end)
{
	char digits[5] = "";
	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	memcpy(digits, p + 2, 4);
	return strspn(digits, "0123456789abcdefABCDEF") == 4 ? (int)strtol(digits, NULL, 16) : -1;
}

/* Whether the name is "args", with escapes or without. Needs no memory: whoever could not tell would lose them. */
static bool names_args(const char *quoted, size_t n)
{
	const char *p = quoted + 1, *end = quoted + n - 1;
	if (n < 2 || *end != '"')
		return false;
	for (const char *c = "args"; *c; c++)
		if (p < end && *p == *c)
			p++;
		else if (escaped(p, end) == *c)
			p += 6;
		else
			return false;
	return p == end;
}

static int scan_literal(struct scan *s, struct errinfo *info)
{
	size_t from = s->at;
	while (s->at < s->n && s->body[s->at] &&
	       (isalnum((unsigned char)s->body[s->at]) || strchr("+-.", s->body[s->at])))
		s->at++;
	if (s->at - from <= JOB_JSON_LITERAL_MAX)
		return 0;
	char text[120];
	snprintf(text, sizeof text, "expected a number of at most %d characters, got %zu", JOB_JSON_LITERAL_MAX,
		 s->at - from);
	return job_json_locate(info, s->body, from, text);
}

/* An array of submissions may nest as deep as each of them alone. */
static int scan_open(struct scan *s, unsigned max_depth, struct errinfo *info)
{
	size_t from = s->at++;
	if (++s->depth == 1)
		s->many = s->body[from] == '[';
	else if (s->depth == 2)
		s->most = max_depth + (s->many && s->body[from] == '{');
	if (s->depth > s->most) {
		char text[80];
		snprintf(text, sizeof text, "expected at most %u levels of nesting", s->most);
		return job_json_locate(info, s->body, from, text);
	}
	s->key_next = s->depth == 1;
	return 0;
}

/* One token. Structure is followed only as far as depth and the span of "args" need it. */
static int scan_token(struct scan *s, unsigned max_depth, struct errinfo *info)
{
	size_t from = s->at;
	char c = s->body[from];
	switch (c) {
	case '"':
		scan_string(s);
		if (s->depth == 1 && s->key_next)
			s->is_args = names_args(s->body + from, s->at - from);
		return 0;
	case '{':
	case '[':
		return scan_open(s, max_depth, info);
	case '}':
	case ']':
		s->at++;
		s->depth -= s->depth > 0;
		return 0;
	case '\0': /* jansson passes over one behind a number */
		return job_json_locate(info, s->body, from, "expected JSON text, got a zero byte");
	default:
		if (c == '-' || isalnum((unsigned char)c))
			return scan_literal(s, info);
		s->at++;
		return 0;
	}
}

static int scan_all(struct scan *s, unsigned max_depth, struct errinfo *info)
{
	while (s->at < s->n) {
		char c = s->body[s->at];
		bool outer = s->depth == 1;
		if (s->item && !s->depth && (c == ',' || c == ']'))
			break;
		if (outer && c == ':') {
			s->key_next = false;
			if (s->is_args)
				s->args.p = s->body + s->at + 1;
		} else if (s->is_args && s->args.p && !s->key_next && outer && (c == ',' || c == '}')) {
			s->args.n = (size_t)(s->body + s->at - s->args.p);
			s->is_args = false;
		}
		if (outer && c == ',')
			s->key_next = true;
		int rc = scan_token(s, max_depth, info);
		if (rc)
			return rc;
	}
	return 0;
}

int job_json_scan(const char *body, size_t n, unsigned max_depth, struct span *args, struct errinfo *info)
{
	struct scan s = { .body = body, .n = n, .most = max_depth };
	int rc = scan_all(&s, max_depth, info);
	*args = s.args;
	return rc;
}

struct span job_json_item(struct span *rest, struct span *args)
{
	struct scan s = { .body = rest->p + 1, .n = rest->n - 1, .item = true, .most = UINT_MAX };
	struct errinfo none; /* what was read whole has nothing wrong in it */
	scan_all(&s, UINT_MAX - 1, &none);
	*args = s.args;
	*rest = (struct span){ s.body + s.at, s.n - s.at };
	return (struct span){ s.body, s.at };
}

void job_json_compact(struct buf *out, struct span text)
{
	bool in_string = false;
	if (buf_reserve(out, text.n))
		return;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (!in_string && (c == ' ' || c == '\t' || c == '\n' || c == '\r'))
			continue;
		out->data[out->len++] = c;
		if (in_string && c == '\\' && i + 1 < text.n)
			out->data[out->len++] = text.p[++i];
		else if (c == '"')
			in_string = !in_string;
	}
}
