/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

#define BUF_FIRST 64

void buf_init(struct buf *b)
{
	*b = (struct buf)BUF_INIT;
}

void buf_fini(struct buf *b)
{
	free(b->data);
	buf_init(b);
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

int buf_reserve(struct buf *b, size_t more)
{
	if (b->failed)
		return ERR_NOMEM;
	if (more <= b->cap - b->len)
		return 0;
	size_t cap = b->cap ? b->cap : BUF_FIRST;
	while (cap - b->len < more) {
		if (cap > SIZE_MAX / 2) {
			b->failed = true;
			return ERR_NOMEM;
		}
		cap *= 2;
	}
	char *data = realloc(b->data, cap);
	if (!data) {
		b->failed = true;
		return ERR_NOMEM;
	}
	b->data = data;
	b->cap = cap;
	return 0;
}

void buf_append(struct buf *b, const void *p, size_t n)
{
	if (n == 0 || buf_reserve(b, n) != 0)
		return;
	memcpy(b->data + b->len, p, n);
	b->len += n;
}

void buf_puts(struct buf *b, const char *s)
{
	buf_append(b, s, strlen(s));
}

void buf_byte(struct buf *b, char c)
{
	if (buf_reserve(b, 1) == 0)
		b->data[b->len++] = c;
}

void buf_uint(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_append(b, digits + at, sizeof(digits) - at);
}

void buf_int(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_byte(b, '-');
	buf_uint(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	size_t room = b->cap - b->len;

	if (b->failed)
		return;
	va_start(ap, fmt);
	int n = vsnprintf(room ? b->data + b->len : NULL, room, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}
	if ((size_t)n >= room) {
		if (buf_reserve(b, (size_t)n + 1) != 0)
			return;
		va_start(ap, fmt);
		vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	b->len += (size_t)n;
}

/* Well-formed as in table 3-7 of the Unicode standard: no overlong form, no surrogate, nothing above U+10FFFF. */
size_t buf_utf8_len(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	if (n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (n < len || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

static void json_escape(struct buf *b, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *at = c ? strchr(from, c) : NULL;

	if (at) {
		char two[2] = { '\\', to[at - from] };
		buf_append(b, two, sizeof(two));
	} else {
		char six[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
		buf_append(b, six, sizeof(six));
	}
}

void buf_json_string(struct buf *b, const char *s, size_t n)
{
	size_t plain = 0, i = 0; /* s[plain..i) needs no change and is copied in one go */

	buf_byte(b, '"');
	while (i < n) {
		unsigned char c = (unsigned char)s[i];
		size_t len = c < 0x80 ? 1 : buf_utf8_len(s + i, n - i);
		if (len && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
			i += len;
			continue;
		}
		buf_append(b, s + plain, i - plain);
		if (len)
			json_escape(b, c);
		else
			buf_puts(b, "\xef\xbf\xbd"); /* U+FFFD */
		plain = ++i;
	}
	buf_append(b, s + plain, i - plain);
	buf_byte(b, '"');
}

void buf_consume(struct buf *b, size_t n)
{
	if (n >= b->len) {
		b->len = 0;
		return;
	}
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

const char *buf_cstr(struct buf *b)
{
	if (b->failed || buf_reserve(b, 1) != 0)
		return "";
	b->data[b->len] = '\0';
	return b->data;
}

char *buf_take(struct buf *b, size_t *len)
{
	char *data = NULL;

	if (!b->failed && buf_reserve(b, 1) == 0) {
		b->data[b->len] = '\0';
		data = b->data;
		if (len)
			*len = b->len;
		buf_init(b);
	}
	return data;
}
