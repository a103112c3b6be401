/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A growable byte buffer. Running out of memory is sticky: later appends do nothing, `failed` stays set, and the
 * caller checks once at the end. Bytes are not zero-terminated unless buf_cstr() is asked. One thread at a time. */
#ifndef SQUARE_BUF_H
#define SQUARE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *data;
	size_t len;
	size_t cap;
	bool failed;
};

#define BUF_INIT                  \
	{                         \
		NULL, 0, 0, false \
	}

void buf_init(struct buf *b);
void buf_fini(struct buf *b);                /* frees; the buffer is empty and usable again */
void buf_clear(struct buf *b);               /* keeps the memory; clears `failed` too */
int buf_reserve(struct buf *b, size_t more); /* room for `more` bytes behind len; 0 or ERR_NOMEM */

void buf_append(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_byte(struct buf *b, char c);
void buf_uint(struct buf *b, uint64_t v); /* decimal digits */
void buf_int(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Bytes (1 to 4) of the well-formed UTF-8 sequence that s[0..n) begins with; 0 when it begins with none. */
size_t buf_utf8_len(const char *s, size_t n);
/* Appends s[0..n) as a JSON string with its quotes. Bytes that are not valid UTF-8 become U+FFFD. */
void buf_json_string(struct buf *b, const char *s, size_t n);

void buf_consume(struct buf *b, size_t n); /* drops the first n bytes (n <= len) */
const char *buf_cstr(struct buf *b);       /* zero-terminates behind len; "" when empty or failed */
char *buf_take(struct buf *b,
	       size_t *len); /* the zero-terminated bytes, malloc'd, now the caller's; NULL when failed */

#endif
