/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A set of texts by 128 bits of digest each: for a million of ids in 32 MiB. Two texts are taken for one with a
 * probability of about n²/2^129, and on purpose only by who may choose them: not for what a client decides. One thread
 * at a time. */
#ifndef SQUARE_TEXTSET_H
#define SQUARE_TEXTSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct textset {
	uint64_t (*slots)[2]; /* 0, 0: free */
	size_t used, size;
};

void textset_init(struct textset *s);
void textset_fini(struct textset *s);
void textset_clear(struct textset *s); /* empty again, keeps the memory */
/* 1 when the text is new, 0 when it was there, ERR_NOMEM (the set is as it was). */
int textset_add(struct textset *s, const char *p, size_t n);
bool textset_has(const struct textset *s, const char *p, size_t n);

#endif
