/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "token_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tokens.h"

static const struct {
	const char *name, *scopes, *token;
} entries[] = {
	{ "submitter", "submit", "submit-token" }, { "reader", "read", "read-token" },
	{ "root", "admin", "admin-token" },        { "scraper", "metrics", "metrics-token" },
	{ "both", "submit,read", "both-token" },
};

void token_file_make(char path[TOKEN_FILE_SIZE])
{
	(void)snprintf(path, TOKEN_FILE_SIZE, "/tmp/square-tokens.XXXXXX");
	int fd = mkstemp(path);
	if (fd < 0)
		abort();
	(void)dprintf(fd, "# tokens of a test\n\n");
	for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
		uint8_t digest[TOKENS_DIGEST_BYTES];
		tokens_digest(entries[i].token, strlen(entries[i].token), digest);
		(void)dprintf(fd, "%s:%s:", entries[i].name, entries[i].scopes);
		for (int k = 0; k < TOKENS_DIGEST_BYTES; k++)
			(void)dprintf(fd, "%02x", digest[k]);
		if (dprintf(fd, "\n") != 1)
			abort();
	}
	(void)close(fd);
}

const char *token_file_env(const char *path)
{
	static char entry[TOKEN_FILE_SIZE + 32];
	(void)snprintf(entry, sizeof entry, "SQUARE_AUTH_TOKENS_FILE=%s", path);
	return entry;
}

void token_file_remove(const char *path)
{
	(void)unlink(path);
}
