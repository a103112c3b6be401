/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "args.h"

#include <jansson.h>
#include <string.h>

void args_json(struct buf *out, int argc, char *const *argv)
{
	buf_byte(out, '[');
	for (int i = 0; i < argc; i++) {
		/* An integer or real too big for jansson does not parse, and so becomes a string, digits whole. */
		json_t *value = json_loads(argv[i], JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
		if (i > 0)
			buf_byte(out, ',');
		if (value)
			buf_puts(out, argv[i]);
		else
			buf_json_string(out, argv[i], strlen(argv[i]));
		json_decref(value);
	}
	buf_byte(out, ']');
}

/* ---- reading valid JSON without changing a digit of it ---- */

static const char *args_blank(const char *p, const char *end)
{
	while (p < end && strchr(" \t\r\n", *p) && *p)
		p++;
	return p;
}

/* Behind the string that begins at p. */
static const char *args_string_end(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p < end ? p + 1 : end;
}

/* Behind the value that begins at p. */
static const char *args_value_end(const char *p, const char *end)
{
	int depth = 0;

	while (p < end) {
		if (*p == '"') {
			p = args_string_end(p, end);
			if (depth == 0)
				return p;
			continue;
		}
		if (depth == 0 && strchr(",]} \t\r\n", *p))
			return p;
		depth += *p == '{' || *p == '[';
		depth -= *p == '}' || *p == ']';
		p++;
		if (depth == 0 && (p[-1] == '}' || p[-1] == ']'))
			return p;
	}
	return end;
}

struct span args_member(const char *json, size_t n, const char *name)
{
	const char *end = json + n, *p = args_blank(json, end), *key;
	struct span value = { NULL, 0 };

	if (p == end || *p != '{')
		return value;
	p = args_blank(p + 1, end);
	while (p < end && *p == '"') {
		size_t len;
		key = p + 1;
		p = args_string_end(p, end);
		len = (size_t)(p - key) - 1;
		p = args_blank(p, end);
		p = args_blank(p < end ? p + 1 : p, end); /* the colon */
		value.p = p;
		p = args_value_end(p, end);
		value.n = (size_t)(p - value.p);
		if (len == strlen(name) && memcmp(key, name, len) == 0)
			return value;
		p = args_blank(p, end);
		if (p < end && *p == ',')
			p = args_blank(p + 1, end);
	}
	return (struct span){ NULL, 0 };
}

void args_show(struct buf *out, struct span value)
{
	json_t *text = NULL;

	if (value.n > 0 && value.p[0] == '"')
		text = json_loadb(value.p, value.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (json_is_string(text))
		buf_append(out, json_string_value(text), json_string_length(text));
	else
		buf_append(out, value.p, value.n);
	json_decref(text);
}
