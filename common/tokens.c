/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tokens.h"

#include <nettle/memops.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "log.h"
#include "readfile.h"

#define FILE_MAX_BYTES (1u << 20)

struct tokens {
	size_t n;
	struct token all[TOKENS_MOST];
};

static const struct {
	const char *name;
	unsigned bit;
} scopes[] = {
	{ "submit", TOKEN_SUBMIT }, { "read", TOKEN_READ }, { "admin", TOKEN_ADMIN }, { "metrics", TOKEN_METRICS }
};
#define SCOPES (sizeof scopes / sizeof *scopes)

/* ---- looking up ---- */

void tokens_digest(const char *p, size_t n, uint8_t out[TOKENS_DIGEST_BYTES])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, n, (const uint8_t *)p);
	sha256_digest(&ctx, TOKENS_DIGEST_BYTES, out);
}

bool tokens_same(const uint8_t a[TOKENS_DIGEST_BYTES], const uint8_t b[TOKENS_DIGEST_BYTES])
{
	return nettle_memeql_sec(a, b, TOKENS_DIGEST_BYTES) != 0;
}

const struct token *tokens_find(const struct tokens *t, const char *p, size_t n)
{
	uint8_t digest[TOKENS_DIGEST_BYTES];
	size_t found = TOKENS_MOST;

	tokens_digest(p, n, digest);
	for (size_t i = 0; i < t->n; i++) {
		size_t same = 0 - (size_t)tokens_same(t->all[i].digest, digest); /* all ones, or zero */
		found = (found & ~same) | (i & same);
	}
	return found == TOKENS_MOST ? NULL : &t->all[found];
}

bool token_may(const struct token *t, unsigned scope)
{
	return scope == 0 || (t->scopes & (scope | TOKEN_ADMIN)) != 0;
}

void tokens_scopes_text(unsigned bits, char out[TOKENS_SCOPES_SIZE])
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < SCOPES; i++)
		if (bits & scopes[i].bit)
			len += (size_t)snprintf(out + len, TOKENS_SCOPES_SIZE - len, "%s%s", len ? ", " : "",
						scopes[i].name);
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool tokens_form_good(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(p[i]) && !(p[i] && strchr("._~+/=-", p[i])))
			return false;
	return n > 0 && n <= TOKENS_LENGTH_MAX;
}

/* ---- the file ---- */

struct span_text {
	const char *p;
	size_t n;
};

/* Takes what is before the next sep (or the end) off the front of *rest, blanks around it trimmed. */
static struct span_text cut(struct span_text *rest, char sep)
{
	const char *end = rest->n ? memchr(rest->p, sep, rest->n) : NULL;
	size_t n = end ? (size_t)(end - rest->p) : rest->n;
	struct span_text part = { rest->p, n };

	rest->p += n + (end != NULL);
	rest->n -= n + (end != NULL);
	while (part.n && strchr(" \t\r", part.p[0]) && part.p[0])
		part.p++, part.n--;
	while (part.n && strchr(" \t\r", part.p[part.n - 1]) && part.p[part.n - 1])
		part.n--;
	return part;
}

static int read_name(struct span_text part, struct token *t, struct errinfo *info)
{
	char got[ERR_QUOTE_SIZE];
	bool good = part.n > 0 && part.n <= TOKENS_NAME_MAX;

	for (size_t i = 0; good && i < part.n; i++)
		good = is_alnum(part.p[i]) || (part.p[i] && strchr("._-", part.p[i]));
	if (good) {
		memcpy(t->name, part.p, part.n);
		t->name[part.n] = '\0';
		return 0;
	}
	err_quote(got, part.p, part.n);
	return errinfo_set(info, ERR_INVALID, "expected a name of 1 to %d characters of A-Z a-z 0-9 . _ -, got %s",
			   TOKENS_NAME_MAX, got);
}

static int read_scopes(struct span_text list, struct token *t, struct errinfo *info)
{
	char got[ERR_QUOTE_SIZE];
	bool more;

	do {
		more = list.n && memchr(list.p, ',', list.n);
		struct span_text one = cut(&list, ',');
		unsigned bit = 0;
		for (size_t i = 0; i < SCOPES; i++)
			if (one.n == strlen(scopes[i].name) && memcmp(one.p, scopes[i].name, one.n) == 0)
				bit = scopes[i].bit;
		if (!bit) {
			err_quote(got, one.p, one.n);
			return errinfo_set(info, ERR_INVALID,
					   "expected scopes of submit, read, admin, metrics, comma separated, got %s",
					   got);
		}
		t->scopes |= bit;
	} while (more);
	return 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What came is not shown: it may be the token itself, put here by mistake. */
static int read_digest(struct span_text hex, struct token *t, struct errinfo *info)
{
	bool good = hex.n == (size_t)2 * TOKENS_DIGEST_BYTES;

	for (size_t i = 0; good && i < TOKENS_DIGEST_BYTES; i++) {
		int high = hex_value(hex.p[2 * i]), low = hex_value(hex.p[2 * i + 1]);
		good = high >= 0 && low >= 0;
		if (good)
			t->digest[i] = (uint8_t)(high * 16 + low);
	}
	if (good)
		return 0;
	return errinfo_set(info, ERR_INVALID,
			   "expected the token's SHA-256 as %d hexadecimal digits, got %zu characters%s",
			   2 * TOKENS_DIGEST_BYTES, hex.n,
			   hex.n == (size_t)2 * TOKENS_DIGEST_BYTES ? " that are not all such digits" : "");
}

static int read_line(struct span_text line, struct tokens *t, struct errinfo *info)
{
	struct token *new = &t->all[t->n];

	if (t->n == TOKENS_MOST)
		return errinfo_set(info, ERR_TOO_BIG, "expected at most %d tokens, there are more", TOKENS_MOST);
	memset(new, 0, sizeof *new);
	size_t colons = 0;
	for (size_t i = 0; i < line.n; i++)
		colons += line.p[i] == ':';
	if (colons != 2)
		return errinfo_set(info, ERR_INVALID,
				   "expected name:scope[,scope]:sha256-hex, got a line with %zu colon%s", colons,
				   colons == 1 ? "" : "s");
	struct span_text name = cut(&line, ':'), list = cut(&line, ':');
	int rc = read_name(name, new, info);
	if (rc == 0)
		rc = read_scopes(list, new, info);
	if (rc == 0)
		rc = read_digest(cut(&line, '\n'), new, info);
	for (size_t i = 0; rc == 0 && i < t->n; i++) {
		if (strcmp(t->all[i].name, new->name) == 0)
			rc = errinfo_set(info, ERR_EXISTS, "expected names that differ, got \"%s\" again", new->name);
		else if (tokens_same(t->all[i].digest, new->digest))
			rc = errinfo_set(info, ERR_EXISTS, "expected tokens that differ, \"%s\" has that of \"%s\"",
					 new->name, t->all[i].name);
	}
	t->n += rc == 0;
	return rc;
}

static int read_lines(struct span_text text, const char *path, struct tokens *t, struct errinfo *info)
{
	struct errinfo cause;

	for (int no = 1; text.n; no++) {
		struct span_text line = cut(&text, '\n');
		if (line.n == 0 || line.p[0] == '#')
			continue;
		int rc = read_line(line, t, &cause);
		if (rc) {
			errinfo_set(info, rc, "%s:%d: %s", path, no, cause.text);
			if (info)
				info->line = no;
			return rc;
		}
	}
	if (t->n)
		return 0;
	return errinfo_set(info, ERR_INVALID, "%s: expected at least one line name:scope[,scope]:sha256-hex, got none",
			   path);
}

/* Who may write the file may let himself in. Reading it gives hashes only: worth a word, no more. */
static int check_mode(const char *path, struct errinfo *info)
{
	struct stat st;

	if (stat(path, &st))
		return 0; /* reading it will say why */
	if (S_ISREG(st.st_mode) && st.st_mode & S_IWOTH)
		return errinfo_set(info, ERR_INVALID,
				   "%s: expected a file that only its owner may write, got mode %04o: everybody may "
				   "add a token (chmod 640)",
				   path, (unsigned)st.st_mode & 07777);
	if (S_ISREG(st.st_mode) && st.st_mode & S_IROTH)
		log_warn("%s: everybody on this machine may read it (mode %04o); chmod 640 is better", path,
			 (unsigned)st.st_mode & 07777);
	return 0;
}

int tokens_load(const char *path, struct tokens **out, struct errinfo *info)
{
	struct errinfo cause;
	size_t n;
	int rc = check_mode(path, info);

	if (rc)
		return rc;
	char *text = readfile(path, FILE_MAX_BYTES, &n, &cause);
	if (!text)
		return errinfo_set(info, cause.code, "%s: %s", path, cause.text);
	struct tokens *t = calloc(1, sizeof *t);
	rc = t ? read_lines((struct span_text){ text, n }, path, t, info)
	       : errinfo_set(info, ERR_NOMEM, "%s: out of memory", path);
	free(text);
	if (rc)
		free(t);
	else
		*out = t;
	return rc;
}

void tokens_free(struct tokens *t)
{
	free(t);
}

size_t tokens_count(const struct tokens *t)
{
	return t->n;
}
