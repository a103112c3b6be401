/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finds where a message of Redis' protocol (version 2) ends: a command, or a reply, however nested. Feed it bytes as
 * they come. One stream, one object, one thread; init with zeros. */
#ifndef SQUARE_TESTS_CHAOS_RESP_H
#define SQUARE_TESTS_CHAOS_RESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESP_WORD_MAX 40

struct resp {
	uint64_t left;      /* elements still to come */
	uint64_t bulk_left; /* bytes of the present bulk string, with its line's end */
	char line[32];      /* the beginning of the present line */
	size_t line_len;
	bool in_line, inside;
	char word[2][RESP_WORD_MAX + 1]; /* the beginnings of the first two bulk strings, zero-terminated */
	unsigned words;
	size_t word_len;
};

/* Takes in up to n bytes, at most to the end of the present message; the number taken. *ended: whether that is a
 * message's end; the next byte begins another one, and word[] stands until then. */
size_t resp_scan(struct resp *s, const char *p, size_t n, bool *ended);

#endif
