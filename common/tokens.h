/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tokens that requests may carry: a file with one `name:scope[,scope]:sha256-hex` a line, '#' comments and blank
 * lines. Only hashes are kept, so neither the file nor this memory gives a token away; tokens are expected to have 256
 * random bits, which is why one round of SHA-256 is enough. Read once at start, read-only and shared by all threads
 * after that: a changed file counts from the next start on. */
#ifndef SQUARE_TOKENS_H
#define SQUARE_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define TOKENS_NAME_MAX 64
#define TOKENS_MOST 1000      /* in one file; each look-up compares with every one */
#define TOKENS_LENGTH_MAX 512 /* of a token that somebody presents, in bytes */
#define TOKENS_DIGEST_BYTES 32
#define TOKENS_SCOPES_SIZE 40 /* for tokens_scopes_text() */

enum token_scope { TOKEN_SUBMIT = 1, TOKEN_READ = 2, TOKEN_ADMIN = 4, TOKEN_METRICS = 8 };

struct token {
	char name[TOKENS_NAME_MAX + 1]; /* of [A-Za-z0-9._-], unique in the file */
	unsigned scopes;                /* enum token_scope bits as the file has them */
	uint8_t digest[TOKENS_DIGEST_BYTES];
};

struct tokens;
/* 0 with *out; or ERR_SYS (unreadable), ERR_INVALID, ERR_EXISTS, ERR_TOO_BIG, ERR_NOMEM with *info telling file and
 * line, what was expected and what came, but never a digest. A file without any token is ERR_INVALID, as is one that
 * others than its owner and group may write. */
int tokens_load(const char *path, struct tokens **out, struct errinfo *info);
void tokens_free(struct tokens *t);
size_t tokens_count(const struct tokens *t);

/* The entry of the token p[0..n), NULL when there is none. Takes the same time wherever, or whether, it is found. */
const struct token *tokens_find(const struct tokens *t, const char *p, size_t n);
/* Whether the token may do this; admin may do everything. scope 0: any token may. */
bool token_may(const struct token *t, unsigned scope);
/* "submit, read" */
void tokens_scopes_text(unsigned scopes, char out[TOKENS_SCOPES_SIZE]);

/* A token could be sent in a header: 1 to TOKENS_LENGTH_MAX of [A-Za-z0-9._~+/=-] (RFC 6750 b64token). */
bool tokens_form_good(const char *p, size_t n);
void tokens_digest(const char *p, size_t n, uint8_t out[TOKENS_DIGEST_BYTES]);
/* Compares in constant time. */
bool tokens_same(const uint8_t a[TOKENS_DIGEST_BYTES], const uint8_t b[TOKENS_DIGEST_BYTES]);

#endif
