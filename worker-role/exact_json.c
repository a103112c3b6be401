/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A number to be kept is handed to jansson as the string "\u0001LITERAL". So that no client's string is taken for one,
 * a string (or key) that begins with \u0001 by itself gets a second one, and loses it again on the way out. */
#include "exact_json.h"

#include <string.h>

#include "jsonload.h"

#define MARK '\x01'
#define MARK_TEXT "\\u0001"
#define PLAIN_DIGITS 18

/* The walk over the text that finds numbers, strings and depth. Text before `copied` is in `out` already. */
struct walk {
	const char *text;
	size_t n, at, copied;
	struct buf out; /* empty as long as nothing had to be changed */
	unsigned depth, max_depth;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_literal_char(char c)
{
	return is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The JSON grammar of a number. */
static bool is_number(const char *p, size_t n)
{
	size_t i = 0;

	if (i < n && p[i] == '-')
		i++;
	if (i == n || !is_digit(p[i]))
		return false;
	if (p[i++] != '0')
		while (i < n && is_digit(p[i]))
			i++;
	if (i < n && p[i] == '.') {
		if (++i == n || !is_digit(p[i]))
			return false;
		while (i < n && is_digit(p[i]))
			i++;
	}
	if (i < n && (p[i] == 'e' || p[i] == 'E')) {
		i++;
		if (i < n && (p[i] == '+' || p[i] == '-'))
			i++;
		if (i == n)
			return false;
		while (i < n && is_digit(p[i]))
			i++;
	}
	return i == n;
}

/* An integer that jansson and every reader keep as it is; "-0" is not. */
static bool is_plain(const char *p, size_t n)
{
	size_t sign = p[0] == '-';

	if (n - sign > PLAIN_DIGITS || (sign && p[1] == '0'))
		return false;
	for (size_t i = sign; i < n; i++)
		if (!is_digit(p[i]))
			return false;
	return true;
}

static void copy_until(struct walk *w, size_t to)
{
	buf_append(&w->out, w->text + w->copied, to - w->copied);
	w->copied = to;
}

/* Line and column as editors count: from 1, the column in bytes. */
static void locate(struct errinfo *info, const char *text, size_t position)
{
	int line = 1, column = 1;

	for (size_t i = 0; i < position; i++) {
		column++;
		if (text[i] == '\n') {
			line++;
			column = 1;
		}
	}
	info->line = line;
	info->column = column;
	info->position = (long)position;
}

static int walk_number(struct walk *w, struct errinfo *info)
{
	size_t from = w->at, to = from;

	while (to < w->n && is_literal_char(w->text[to]))
		to++;
	w->at = to;
	if (to - from > EXACT_JSON_LITERAL_MAX) {
		errinfo_set(info, ERR_TOO_BIG, "expected a number of at most %d characters, got %zu",
			    EXACT_JSON_LITERAL_MAX, to - from);
		locate(info, w->text, from);
		return ERR_TOO_BIG;
	}
	const char *p = w->text + from;
	if (!is_number(p, to - from) || is_plain(p, to - from))
		return 0;
	size_t next = to;
	while (next < w->n && is_blank(w->text[next]))
		next++;
	if (next < w->n && w->text[next] == ':')
		return 0; /* in the place of a key: let jansson refuse it */
	copy_until(w, from);
	buf_puts(&w->out, "\"" MARK_TEXT);
	copy_until(w, to);
	buf_byte(&w->out, '"');
	return 0;
}

static void walk_string(struct walk *w)
{
	size_t from = ++w->at;

	if (w->n - from >= sizeof MARK_TEXT - 1 && memcmp(w->text + from, MARK_TEXT, sizeof MARK_TEXT - 1) == 0) {
		copy_until(w, from);
		buf_puts(&w->out, MARK_TEXT);
	}
	while (w->at < w->n && w->text[w->at] != '"')
		w->at += w->text[w->at] == '\\' ? 2 : 1;
	w->at = w->at < w->n ? w->at + 1 : w->n;
}

static int walk_text(struct walk *w, struct errinfo *info)
{
	int rc = 0;

	while (w->at < w->n && rc == 0) {
		char c = w->text[w->at];
		if (c == '"') {
			walk_string(w);
		} else if (c == '-' || is_digit(c)) {
			rc = walk_number(w, info);
		} else {
			if ((c == '[' || c == '{') && ++w->depth > w->max_depth) {
				errinfo_set(info, ERR_TOO_BIG, "expected at most %u levels of nesting, got more",
					    w->max_depth);
				locate(info, w->text, w->at);
				return ERR_TOO_BIG;
			}
			if ((c == ']' || c == '}') && w->depth > 0)
				w->depth--;
			w->at++;
		}
	}
	if (rc == 0 && w->out.len)
		copy_until(w, w->n);
	return rc;
}

/* Where in the client's text jansson stood when it had read `position` bytes of the changed one. */
static size_t original_position(const char *text, size_t n, size_t position)
{
	struct walk w = { .text = text, .n = n, .max_depth = ~0U };
	struct errinfo ignored;

	while (w.at < n) {
		size_t before = w.at;
		char c = text[before];
		if (c == '"')
			walk_string(&w);
		else if (c == '-' || is_digit(c))
			walk_number(&w, &ignored);
		else
			w.at++;
		size_t added = w.out.len ? w.out.len - w.copied : 0;
		if (w.at + added >= position) {
			buf_fini(&w.out);
			return w.at - before > 1 ? before : w.at;
		}
	}
	buf_fini(&w.out);
	return n;
}

static json_t *refuse(struct errinfo *info, const json_error_t *e, const char *text, size_t n, bool changed)
{
	size_t position = e->position < 0 ? 0 : (size_t)e->position;

	if (jsonload_no_memory(e)) {
		errinfo_set(info, ERR_NOMEM, "out of memory");
		return NULL;
	}
	/* What jansson quotes of a changed text is not what the client wrote. */
	const char *near = changed ? strstr(e->text, " near ") : NULL;
	errinfo_set(info, ERR_INVALID, "not JSON: %.*s", near ? (int)(near - e->text) : (int)strlen(e->text), e->text);
	if (changed)
		position = original_position(text, n, position);
	locate(info, text, position > n ? n : position);
	return NULL;
}

json_t *exact_json_load(const char *text, size_t n, unsigned max_depth, struct errinfo *info)
{
	struct errinfo own;
	struct walk w = { .text = text, .n = n, .max_depth = max_depth };
	json_error_t e;
	json_t *v = NULL;

	if (!info)
		info = &own;
	if (walk_text(&w, info) != 0)
		goto out;
	if (w.out.failed) {
		errinfo_set(info, ERR_NOMEM, "out of memory");
		goto out;
	}
	bool changed = w.out.len > 0;
	v = jsonload(changed ? w.out.data : text, changed ? w.out.len : n,
		     JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
	if (!v)
		refuse(info, &e, text, n, changed);
out:
	buf_fini(&w.out);
	return v;
}

const char *exact_json_literal(const json_t *v, size_t *n)
{
	if (!json_is_string(v))
		return NULL;
	const char *s = json_string_value(v);
	size_t len = json_string_length(v);
	if (len < 2 || s[0] != MARK || s[1] == MARK)
		return NULL;
	*n = len - 1;
	return s + 1;
}

const char *exact_json_string(const json_t *v, size_t *n)
{
	if (!json_is_string(v))
		return NULL;
	const char *s = json_string_value(v);
	size_t len = json_string_length(v);
	if (len > 0 && s[0] == MARK) {
		if (len < 2 || s[1] != MARK)
			return NULL;
		s++;
		len--;
	}
	*n = len;
	return s;
}

static void dump_string(struct buf *out, const json_t *v)
{
	size_t n = 0;
	const char *s = exact_json_literal(v, &n);

	if (s)
		buf_append(out, s, n);
	else if ((s = exact_json_string(v, &n)) != NULL)
		buf_json_string(out, s, n);
}

static void dump_object(struct buf *out, const json_t *v)
{
	const char *key, *comma = "{";
	json_t *member;

	if (json_object_size(v) == 0)
		buf_byte(out, '{');
	json_object_foreach((json_t *)v, key, member)
	{
		buf_puts(out, comma);
		const char *name = key + (key[0] == MARK); /* key itself is the iterator */
		buf_json_string(out, name, strlen(name));
		buf_byte(out, ':');
		exact_json_dump(out, member);
		comma = ",";
	}
	buf_byte(out, '}');
}

void exact_json_dump(struct buf *out, const json_t *v)
{
	size_t i;
	json_t *element;

	switch (json_typeof(v)) {
	case JSON_OBJECT:
		dump_object(out, v);
		break;
	case JSON_ARRAY:
		buf_byte(out, '[');
		json_array_foreach(v, i, element)
		{
			if (i)
				buf_byte(out, ',');
			exact_json_dump(out, element);
		}
		buf_byte(out, ']');
		break;
	case JSON_STRING:
		dump_string(out, v);
		break;
	case JSON_INTEGER:
		buf_int(out, json_integer_value(v));
		break;
	case JSON_REAL: /* never made by exact_json_load() */
		buf_printf(out, "%.17g", json_real_value(v));
		break;
	case JSON_TRUE:
		buf_puts(out, "true");
		break;
	case JSON_FALSE:
		buf_puts(out, "false");
		break;
	case JSON_NULL:
		buf_puts(out, "null");
		break;
	}
}

const char *exact_json_kind(const json_t *v)
{
	size_t n;

	switch (v ? json_typeof(v) : JSON_NULL) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return exact_json_literal(v, &n) ? "a number" : "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
		return "true";
	case JSON_FALSE:
		return "false";
	case JSON_NULL:
		break;
	}
	return "null";
}
