/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/wellformed.h"

#include <string.h>

#include "buf.h"

struct cursor {
	const char *p, *end;
	unsigned depth;
};

static bool value(struct cursor *c);

static bool take(struct cursor *c, char wanted)
{
	if (c->p == c->end || *c->p != wanted)
		return false;
	c->p++;
	return true;
}

static void blanks(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
		c->p++;
}

static bool word(struct cursor *c, const char *wanted)
{
	size_t n = strlen(wanted);

	if ((size_t)(c->end - c->p) < n || memcmp(c->p, wanted, n) != 0)
		return false;
	c->p += n;
	return true;
}

static bool digits(struct cursor *c)
{
	const char *from = c->p;

	while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
		c->p++;
	return c->p > from;
}

static bool number(struct cursor *c)
{
	take(c, '-');
	if (!take(c, '0') && !digits(c))
		return false;
	if (take(c, '.') && !digits(c))
		return false;
	if (!take(c, 'e') && !take(c, 'E'))
		return true;
	if (!take(c, '+'))
		take(c, '-');
	return digits(c);
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Behind a backslash. */
static bool escape(struct cursor *c)
{
	if (c->p == c->end)
		return false;
	char kind = *c->p++;
	if (kind != 'u')
		return kind && strchr("\"\\/bfnrt", kind) != NULL;
	for (int i = 0; i < 4; i++)
		if (c->p == c->end || !is_hex(*c->p++))
			return false;
	return true;
}

static bool string(struct cursor *c)
{
	if (!take(c, '"'))
		return false;
	while (c->p < c->end) {
		unsigned char byte = (unsigned char)*c->p;
		size_t n = byte < 0x80 ? 1 : buf_utf8_len(c->p, (size_t)(c->end - c->p));
		if (byte < 0x20 || n == 0)
			return false;
		c->p += n;
		if (byte == '"')
			return true;
		if (byte == '\\' && !escape(c))
			return false;
	}
	return false;
}

/* Members or elements up to the closing bracket; the opening one was taken. */
static bool members(struct cursor *c, char closing)
{
	if (++c->depth > WELLFORMED_DEPTH)
		return false;
	blanks(c);
	if (take(c, closing)) {
		c->depth--;
		return true;
	}
	for (;;) {
		blanks(c);
		if (closing == '}') {
			if (!string(c))
				return false;
			blanks(c);
			if (!take(c, ':'))
				return false;
			blanks(c);
		}
		if (!value(c))
			return false;
		blanks(c);
		if (take(c, closing)) {
			c->depth--;
			return true;
		}
		if (!take(c, ','))
			return false;
	}
}

static bool value(struct cursor *c)
{
	if (c->p == c->end)
		return false;
	switch (*c->p) {
	case '{':
		c->p++;
		return members(c, '}');
	case '[':
		c->p++;
		return members(c, ']');
	case '"':
		return string(c);
	case 't':
		return word(c, "true");
	case 'f':
		return word(c, "false");
	case 'n':
		return word(c, "null");
	default:
		return number(c);
	}
}

bool wellformed_json(const char *text, size_t n)
{
	struct cursor c = { text, text + n, 0 };

	return value(&c) && c.p == c.end;
}
