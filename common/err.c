/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"

#define QUOTE_CUT 64

int errinfo_set(struct errinfo *info, int code, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (!info)
		return code;
	/* Formatted aside first: an argument may well be info->text itself. */
	char text[sizeof(info->text)];
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		text[0] = '\0';
	if (n >= (int)sizeof(text)) {
		/* Cut: never in the middle of a UTF-8 sequence, and visibly. */
		size_t end = sizeof(text) - sizeof("\xe2\x80\xa6");
		while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
			end--;
		memcpy(text + end, "\xe2\x80\xa6", sizeof("\xe2\x80\xa6"));
	}
	memcpy(info->text, text, sizeof(text));
	info->code = code;
	info->line = 0;
	info->column = 0;
	info->position = -1;
	return code;
}

void err_quote(char out[ERR_QUOTE_SIZE], const char *s, size_t n)
{
	static const char from[] = "\"\\\n\r\t", to[] = "\"\\nrt";
	size_t taken = 0;

	*out++ = '"';
	while (taken < n) {
		unsigned char c = (unsigned char)s[taken];
		size_t len = buf_utf8_len(s + taken, n - taken);
		const char *at = c ? strchr(from, c) : NULL;
		if (taken + (len ? len : 1) > QUOTE_CUT)
			break;
		if (at) {
			*out++ = '\\';
			*out++ = to[at - from];
		} else if (len == 0 || c < 0x20 || c == 0x7f) {
			out += sprintf(out, "\\x%02x", c);
		} else {
			memcpy(out, s + taken, len);
			out += len;
		}
		taken += len ? len : 1;
	}
	sprintf(out, "%s\"", taken < n ? "\xe2\x80\xa6" : "");
}

const char *err_text(int code)
{
	switch ((enum err)code) {
	case ERR_OK:
		return "ok";
	case ERR_NOMEM:
		return "out of memory";
	case ERR_SYS:
		return "system call failed";
	case ERR_INVALID:
		return "invalid input";
	case ERR_TOO_BIG:
		return "too big";
	case ERR_NOT_FOUND:
		return "not found";
	case ERR_EXISTS:
		return "exists already";
	case ERR_UNAVAILABLE:
		return "queue unavailable";
	case ERR_UNKNOWN:
		return "outcome unknown";
	case ERR_TIMEOUT:
		return "no answer in time";
	case ERR_FULL:
		return "queue full";
	case ERR_CONFLICT:
		return "idempotency key reused";
	case ERR_FENCED:
		return "owned by somebody else";
	case ERR_STATE:
		return "not possible in this state";
	case ERR_PROTOCOL:
		return "unexpected answer";
	case ERR_CLOSED:
		return "closing";
	case ERR_REPLICAS:
		return "too few replicas";
	}
	return "unknown error";
}
