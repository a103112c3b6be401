/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A walk over the text: a tree would round what a double cannot hold. */
#include "v4_text.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "err.h"
#include "jsonload.h"

#define DEPTH_MAX 64
#define DIGITS_MAX 17   /* of a double; more come as strings */
#define LITERAL_MAX 400 /* characters of a number that is looked into */

struct walk {
	struct buf *out;
	const char *p, *end;
	unsigned digits, depth;
};

static int value(struct walk *w);

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void blanks(struct walk *w)
{
	while (w->p < w->end && is_blank(*w->p))
		w->p++;
}

/* Takes one character of punctuation. */
static bool take(struct walk *w, char c)
{
	blanks(w);
	if (w->p == w->end || *w->p != c)
		return false;
	w->p++;
	return true;
}

/* ---- scalars ---- */

/* The string at w->p with its quotes; NULL when it does not end. */
static const char *string_end(const struct walk *w)
{
	const char *p = w->p + 1;
	while (p < w->end && *p != '"')
		p += *p == '\\' ? 2 : 1;
	return p < w->end ? p + 1 : NULL;
}

static int string(struct walk *w)
{
	const char *end = string_end(w);
	if (!end)
		return ERR_INVALID;
	if (!memchr(w->p, '\\', (size_t)(end - w->p))) {
		buf_append(w->out, w->p + 1, (size_t)(end - w->p) - 2);
	} else {
		json_t *text = jsonload(w->p, (size_t)(end - w->p), JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		if (!text)
			return ERR_INVALID;
		buf_append(w->out, json_string_value(text), json_string_length(text));
		json_decref(text);
	}
	w->p = end;
	return 0;
}

/* 1e-07 -> 1e-7, as those clients write it. */
static void put_real(struct buf *out, double v, int digits)
{
	char text[40], *e;
	snprintf(text, sizeof text, "%.*g", digits, v);
	e = strchr(text, 'e');
	if (!e) {
		buf_puts(out, text);
		return;
	}
	buf_append(out, text, (size_t)(e - text) + 2);
	e += 2;
	while (*e == '0' && e[1])
		e++;
	buf_puts(out, e);
}

/* A number, true, false or null. */
static int literal(struct walk *w)
{
	char text[LITERAL_MAX + 1];
	const char *p = w->p;
	while (p < w->end && !is_blank(*p) && *p != ',' && *p != ']' && *p != '}')
		p++;
	size_t n = (size_t)(p - w->p);
	if (n == 0)
		return ERR_INVALID;
	bool real = n <= LITERAL_MAX && strchr("-0123456789", *w->p) &&
		    (memchr(w->p, '.', n) || memchr(w->p, 'e', n) || memchr(w->p, 'E', n));
	if (real) {
		memcpy(text, w->p, n);
		text[n] = '\0';
		double v = strtod(text, NULL);
		real = isfinite(v);
		if (real)
			put_real(w->out, v == 0 ? 0 : v, (int)(w->digits < DIGITS_MAX ? w->digits : DIGITS_MAX));
	}
	if (!real)
		buf_append(w->out, w->p, n);
	w->p = p;
	return 0;
}

/* ---- complex numbers and what else is an object ---- */

static bool is(const struct buf *b, const char *text)
{
	return b->len == strlen(text) && memcmp(b->data, text, b->len) == 0;
}

/* "2 + 3i", "2 - i", "3i", "2". */
static void put_complex(struct buf *out, const struct buf *re, const struct buf *im)
{
	bool negative = im->len && im->data[0] == '-';
	const char *size = negative ? im->data + 1 : im->data;
	size_t n = im->len - negative;
	if (is(im, "0") || is(im, "-0")) {
		buf_append(out, re->data, re->len);
		return;
	}
	if (!is(re, "0") && !is(re, "-0")) {
		buf_append(out, re->data, re->len);
		buf_puts(out, negative ? " - " : " + ");
	} else if (negative) {
		buf_byte(out, '-');
	}
	if (n != 1 || *size != '1')
		buf_append(out, size, n);
	buf_byte(out, 'i');
}

/* Reads `"name": value` and appends the value's text to out. */
static int part(struct walk *w, const char *name, struct buf *out)
{
	size_t n = strlen(name);
	blanks(w);
	if ((size_t)(w->end - w->p) < n + 2 || w->p[0] != '"' || memcmp(w->p + 1, name, n) != 0 || w->p[n + 1] != '"')
		return ERR_NOT_FOUND;
	w->p += n + 2;
	if (!take(w, ':'))
		return ERR_INVALID;
	struct buf *whole = w->out;
	w->out = out;
	int rc = value(w);
	w->out = whole;
	return rc;
}

static int complex_number(struct walk *w)
{
	struct buf re = BUF_INIT, im = BUF_INIT;
	int rc = take(w, '{') ? part(w, "re", &re) : ERR_NOT_FOUND;
	if (!rc)
		rc = take(w, ',') ? part(w, "im", &im) : ERR_NOT_FOUND;
	if (!rc && !take(w, '}'))
		rc = ERR_NOT_FOUND;
	if (!rc)
		put_complex(w->out, &re, &im);
	w->out->failed |= re.failed || im.failed;
	buf_fini(&re);
	buf_fini(&im);
	return rc;
}

/* {"x": 2, "y": [1, 2]} */
static int members(struct walk *w)
{
	w->p++;
	buf_byte(w->out, '{');
	for (bool first = true; !take(w, '}'); first = false) {
		if (!first && !take(w, ','))
			return ERR_INVALID;
		blanks(w);
		const char *end = w->p < w->end && *w->p == '"' ? string_end(w) : NULL;
		if (!end)
			return ERR_INVALID;
		if (!first)
			buf_puts(w->out, ", ");
		buf_append(w->out, w->p, (size_t)(end - w->p));
		buf_puts(w->out, ": ");
		w->p = end;
		if (!take(w, ':') || value(w))
			return ERR_INVALID;
	}
	buf_byte(w->out, '}');
	return 0;
}

static int object(struct walk *w)
{
	struct walk again = *w;
	int rc = complex_number(w);
	if (rc != ERR_NOT_FOUND)
		return rc;
	*w = again;
	return members(w);
}

static int array(struct walk *w)
{
	w->p++;
	buf_byte(w->out, '[');
	for (bool first = true; !take(w, ']'); first = false) {
		if (!first && !take(w, ','))
			return ERR_INVALID;
		if (!first)
			buf_puts(w->out, ", ");
		if (value(w))
			return ERR_INVALID;
	}
	buf_byte(w->out, ']');
	return 0;
}

static int value(struct walk *w)
{
	int rc;
	blanks(w);
	if (w->p == w->end || w->depth == DEPTH_MAX)
		return ERR_INVALID;
	w->depth++;
	if (*w->p == '"')
		rc = string(w);
	else if (*w->p == '{')
		rc = object(w);
	else if (*w->p == '[')
		rc = array(w);
	else
		rc = literal(w);
	w->depth--;
	return rc;
}

int v4_text(struct buf *out, const char *json, size_t n, unsigned digits)
{
	struct walk w = { out, json, json + n, digits, 0 };
	int rc = value(&w);
	if (rc)
		return rc;
	blanks(&w);
	return w.p == w.end ? 0 : ERR_INVALID;
}
