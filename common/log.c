/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "err.h"

#define LINE_MAX_BYTES 2048
#define INSTANCE_MAX 96
#define TAIL_ROOM 8 /* kept free for what ends a line: the cut mark, a quote and a brace, the newline */
#define CUT_MARK "\xe2\x80\xa6"

static const char *const level_names[] = { "error", "warn", "info", "debug" };
static const char *const level_columns[] = { "ERROR", "WARN ", "INFO ", "DEBUG" };

static struct {
	bool as_json;
	enum log_level level;
	char instance[INSTANCE_MAX];
} settings = { false, LOG_INFO, "" };

/* A line under construction, on the stack: a log must work when memory has run out. */
struct line {
	size_t len;
	bool cut;
	char text[LINE_MAX_BYTES];
};

/* Characters that stand for themselves in both forms, wherever they are: a bit each, of the 128 of ASCII. */
static bool is_plain(unsigned char c)
{
	static const uint64_t plain[4] = { UINT64_C(0xfffffffa00000000), UINT64_C(0x7fffffffefffffff), 0, 0 };

	return plain[c >> 6] >> (c & 63) & 1;
}

void log_open(bool as_json, enum log_level level, const char *instance)
{
	settings.as_json = as_json;
	settings.level = level;
	snprintf(settings.instance, sizeof(settings.instance), "%s", instance ? instance : "");
}

int log_level_parse(const char *name, enum log_level *out)
{
	for (int i = LOG_ERROR; i <= LOG_DEBUG; i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*out = (enum log_level)i;
			return 0;
		}
	}
	return ERR_INVALID;
}

bool log_enabled(enum log_level level)
{
	return level <= settings.level;
}

/* All of p or nothing: an escape or a UTF-8 sequence is never cut in two. */
static void line_put(struct line *l, const char *p, size_t n)
{
	if (l->cut || n > sizeof(l->text) - TAIL_ROOM - l->len) {
		l->cut = true;
		return;
	}
	memcpy(l->text + l->len, p, n);
	l->len += n;
}

static void line_puts(struct line *l, const char *s)
{
	line_put(l, s, strlen(s));
}

static void line_end(struct line *l, const char *tail)
{
	size_t n = strlen(tail);

	if (l->cut) {
		memcpy(l->text + l->len, CUT_MARK, strlen(CUT_MARK));
		l->len += strlen(CUT_MARK);
	}
	memcpy(l->text + l->len, tail, n);
	l->len += n;
}

static void put_escaped(struct line *l, unsigned char c)
{
	char e[8];

	if (c == '\\' || (settings.as_json && c == '"'))
		snprintf(e, sizeof(e), "\\%c", c);
	else if (c == '\n')
		snprintf(e, sizeof(e), "\\n");
	else if (c == '\t')
		snprintf(e, sizeof(e), "\\t");
	else if (c == '\r')
		snprintf(e, sizeof(e), "\\r");
	else if (!settings.as_json)
		snprintf(e, sizeof(e), "\\x%02x", c);
	else if (c < 0x80)
		snprintf(e, sizeof(e), "\\u%04x", c);
	else
		snprintf(e, sizeof(e), "\xef\xbf\xbd"); /* U+FFFD for a byte that is no UTF-8 */
	line_puts(l, e);
}

/* s with everything escaped that could end a line or a string, or move a terminal's cursor (the C1 controls too). */
static void line_escape(struct line *l, const char *s, bool word)
{
	size_t left = strlen(s);

	while (left > 0 && !l->cut) {
		size_t plain = 0, room = sizeof(l->text) - TAIL_ROOM - l->len;
		while (plain < left && plain < room && is_plain((unsigned char)s[plain]))
			plain++;
		line_put(l, s, plain);
		s += plain;
		left -= plain;
		if (left == 0)
			break;
		unsigned char c = (unsigned char)*s;
		size_t len = buf_utf8_len(s, left);
		bool c1 = len == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0;
		if (c1) {
			char e[8];
			snprintf(e, sizeof(e), settings.as_json ? "\\u%04x" : "\\x%02x", (unsigned char)s[1]);
			line_puts(l, e);
		} else if (len == 0 || c < 0x20 || c == 0x7f || c == '\\' || (c == '"' && settings.as_json) ||
			   (c == ' ' && word)) {
			put_escaped(l, c);
		} else {
			line_put(l, s, len);
		}
		len = len ? len : 1;
		s += len;
		left -= len;
	}
}

static void line_field(struct line *l, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	if (settings.as_json) {
		line_puts(l, ",\"");
		line_puts(l, name);
		line_puts(l, "\":\"");
		line_escape(l, value, false);
		line_puts(l, "\"");
	} else {
		line_puts(l, name);
		line_puts(l, "=");
		line_escape(l, value, true);
		line_puts(l, " ");
	}
}

/* An id from outside may be of any length; the message is what must not be lost to it. */
static void line_ids(struct line *l, const struct log_ids *ids)
{
	const char *const names[] = { "request", "job", "trace" };
	const char *const values[] = { ids->request, ids->job, ids->trace };
	char shorter[129];

	for (int i = 0; i < 3; i++) {
		size_t n = values[i] ? strnlen(values[i], sizeof(shorter) - 1) : 0;
		memcpy(shorter, values[i] ? values[i] : "", n);
		shorter[n] = '\0';
		line_field(l, names[i], shorter);
	}
}

static void line_number(struct line *l, const char *name, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	line_puts(l, settings.as_json ? ",\"" : "");
	line_puts(l, name);
	line_puts(l, settings.as_json ? "\":" : "=");
	line_put(l, digits + at, sizeof(digits) - at);
	line_puts(l, settings.as_json ? "" : " ");
}

static void line_compose(struct line *l, enum log_level level, const struct log_ids *ids,
			 const struct log_field *fields, size_t n_fields, const char *message)
{
	char now[CLOCK_TEXT_SIZE];

	clock_format(clock_wall_us(), now);
	line_puts(l, settings.as_json ? "{\"time\":\"" : "");
	line_puts(l, now);
	if (settings.as_json) {
		line_puts(l, "\",\"level\":\"");
		line_puts(l, level_names[level]);
		line_puts(l, "\"");
		line_field(l, "instance", settings.instance);
	} else {
		line_puts(l, " ");
		line_puts(l, level_columns[level]);
		line_puts(l, " ");
		line_escape(l, settings.instance, true);
		line_puts(l, *settings.instance ? " " : "");
	}
	if (ids)
		line_ids(l, ids);
	for (size_t i = 0; i < n_fields; i++)
		if (fields[i].text)
			line_field(l, fields[i].name, fields[i].text);
		else
			line_number(l, fields[i].name, fields[i].number);
	line_puts(l, settings.as_json ? ",\"message\":\"" : "");
	line_escape(l, message, false);
	line_end(l, settings.as_json ? "\"}\n" : "\n");
}

static void __attribute__((format(printf, 3, 0)))
log_va(enum log_level level, const struct log_ids *ids, const char *fmt, va_list ap)
{
	int saved = errno;
	char message[LINE_MAX_BYTES + 1]; /* one more than fits, so that a cut is noticed */
	struct line l;

	l.len = 0;
	l.cut = false;
	if (vsnprintf(message, sizeof(message), fmt, ap) < 0)
		snprintf(message, sizeof(message), "(message lost: bad format)");
	line_compose(&l, level, ids, NULL, 0, message);
	while (write(STDERR_FILENO, l.text, l.len) < 0 && errno == EINTR)
		;
	errno = saved;
}

void log_batch_flush(struct log_batch *b)
{
	int saved = errno;
	size_t from = 0;

	while (from < b->len) {
		ssize_t n = write(STDERR_FILENO, b->text + from, b->len - from);
		if (n < 0 && errno != EINTR)
			break; /* nowhere to say it */
		from += n > 0 ? (size_t)n : 0;
	}
	b->len = 0;
	errno = saved;
}

void log_batch_add(struct log_batch *b, enum log_level level, const struct log_ids *ids, const struct log_field *fields,
		   size_t n_fields, const char *message)
{
	struct line l;

	if (!log_enabled(level))
		return;
	l.len = 0;
	l.cut = false;
	line_compose(&l, level, ids, fields, n_fields, message);
	if (l.len > sizeof(b->text) - b->len)
		log_batch_flush(b);
	memcpy(b->text + b->len, l.text, l.len);
	b->len += l.len;
}

void log_write(enum log_level level, const struct log_ids *ids, const char *fmt, ...)
{
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	log_va(level, ids, fmt, ap);
	va_end(ap);
}

void log_fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_va(LOG_ERROR, NULL, fmt, ap);
	va_end(ap);
	exit(1);
}
