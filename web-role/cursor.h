/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a listing goes on, as the text that a client gives back: opaque to it, and all there is to know, so that any
 * instance can go on. Pure code, any thread. */
#ifndef SQUARE_CURSOR_H
#define SQUARE_CURSOR_H

#include <stddef.h>

#define CURSOR_KEY_SIZE 64
#define CURSOR_SIZE (2 * (CURSOR_KEY_SIZE + 1) + 1)

/* section: a letter. key: of the last job shown, of printable characters; "" to begin the section. */
void cursor_encode(char out[CURSOR_SIZE], char section, const char *key);
/* 0; or ERR_INVALID when it is none that cursor_encode() can have made, and nothing was written. */
int cursor_decode(const char *text, size_t n, char *section, char key[CURSOR_KEY_SIZE]);

#endif
