/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line per event on standard error, as text (`2026-… INFO  WebRole_IN_0 request=… message`) or as JSON lines.
 * Everything that came from outside is escaped, and a line is cut at 2 KiB. A line is one write(2); any thread.
 * errno is kept. Set up once by log_open() before threads start; before that, text at level info. */
#ifndef SQUARE_LOG_H
#define SQUARE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Ids that go with a line; any may be NULL. Borrowed for the call. */
struct log_ids {
	const char *request;
	const char *job;
	const char *trace;
};

void log_open(bool as_json, enum log_level level, const char *instance); /* instance is copied */
int log_level_parse(const char *name, enum log_level *out);              /* "error" "warn" "info" "debug" */
bool log_enabled(enum log_level level);
void log_write(enum log_level level, const struct log_ids *ids, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Lines that come often and together: composed one by one, written as one. One thread at a time has a batch; its owner
 * flushes it before it blocks. A line that does not fit any more flushes those before it. */
#define LOG_BATCH_BYTES 32768
struct log_batch {
	size_t len;
	char text[LOG_BATCH_BYTES];
};
/* What is known of the event beside its message: `name=value` in text, a member in JSON. */
struct log_field {
	const char *name;
	const char *text; /* NULL: a number; "": left out */
	uint64_t number;
};
void log_batch_add(struct log_batch *b, enum log_level level, const struct log_ids *ids, const struct log_field *fields,
		   size_t n_fields, const char *message);
void log_batch_flush(struct log_batch *b);

#define log_error(...) log_write(LOG_ERROR, NULL, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, NULL, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, NULL, __VA_ARGS__)
#define log_debug(...)                                           \
	do {                                                     \
		if (log_enabled(LOG_DEBUG))                      \
			log_write(LOG_DEBUG, NULL, __VA_ARGS__); \
	} while (0)

/* At start-up only: logs at level error, then exits with status 1. */
void log_fatal(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
