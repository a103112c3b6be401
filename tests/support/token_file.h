/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file of tokens for tests: submit-token, read-token, admin-token, metrics-token and both-token (submit and read),
 * named after what they may: "submitter", "reader", "root", "scraper", "both". */
#ifndef SQUARE_TESTS_TOKEN_FILE_H
#define SQUARE_TESTS_TOKEN_FILE_H

#define TOKEN_FILE_SIZE 64

/* Makes one under /tmp. path: filled in. Ends the test program when that fails. */
void token_file_make(char path[TOKEN_FILE_SIZE]);
/* The same as an entry for proc.h: "SQUARE_AUTH_TOKENS_FILE=…", in a static buffer. */
const char *token_file_env(const char *path);
void token_file_remove(const char *path);

#endif
