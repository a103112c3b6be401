/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resp.h"

#include <stdlib.h>
#include <string.h>

static size_t smaller(uint64_t a, size_t b)
{
	return a < b ? (size_t)a : b;
}

/* Part of a bulk string. The first two strings of a message are its command, and the function it calls. */
static size_t take_bulk(struct resp *s, const char *p, size_t n)
{
	size_t taken = smaller(s->bulk_left, n);
	if (s->words < 2) {
		size_t text = s->bulk_left > 2 ? smaller(s->bulk_left - 2, taken) : 0;
		size_t kept = smaller(text, RESP_WORD_MAX - s->word_len);
		memcpy(s->word[s->words] + s->word_len, p, kept);
		s->word_len += kept;
		s->word[s->words][s->word_len] = '\0';
	}
	s->bulk_left -= taken;
	if (s->bulk_left == 0) {
		s->left--;
		s->words++;
		s->word_len = 0;
	}
	return taken;
}

/* A whole line: what it announces. */
static void end_line(struct resp *s)
{
	s->line[s->line_len] = '\0';
	long long n = strtoll(s->line + 1, NULL, 10);
	s->in_line = false;
	if (s->line[0] == '$' && n >= 0)
		s->bulk_left = (uint64_t)n + 2;
	else if (s->line[0] == '*' && n > 0)
		s->left += (uint64_t)n - 1;
	else
		s->left--;
}

static size_t take_line(struct resp *s, const char *p, size_t n)
{
	const char *end = memchr(p, '\n', n);
	size_t taken = end ? (size_t)(end - p) + 1 : n;
	size_t kept = smaller(taken, sizeof s->line - 1 - s->line_len);
	memcpy(s->line + s->line_len, p, kept);
	s->line_len += kept;
	if (end)
		end_line(s);
	return taken;
}

size_t resp_scan(struct resp *s, const char *p, size_t n, bool *ended)
{
	size_t at = 0;
	*ended = false;
	while (at < n && !*ended) {
		if (!s->inside) {
			*s = (struct resp){ .inside = true, .left = 1 };
		}
		if (s->bulk_left) {
			at += take_bulk(s, p + at, n - at);
		} else {
			if (!s->in_line) {
				s->in_line = true;
				s->line_len = 0;
			}
			at += take_line(s, p + at, n - at);
		}
		*ended = s->left == 0;
		s->inside = !*ended;
	}
	return at;
}
