/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file of tokens: what is taken, what is refused and with which words, and the look-up. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "suite_run.h"
#include "tokens.h"

#define ALICE "0000000000000000000000000000000000000000000000000000000000000001" /* of nothing that anybody knows */
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" /* of nothing */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"   /* of "abc", FIPS 180-2 */

static char path[] = "/tmp/square-tokens.XXXXXX";

static void set_up(void)
{
	strcpy(path, "/tmp/square-tokens.XXXXXX");
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void tear_down(void)
{
	unlink(path);
}

static void write_file(const char *text)
{
	FILE *f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(text, 1, strlen(text), f), strlen(text));
	ck_assert_int_eq(fclose(f), 0);
}

static struct tokens *load(const char *text)
{
	struct errinfo info = { 0 };
	struct tokens *t = NULL;
	write_file(text);
	ck_assert_msg(tokens_load(path, &t, &info) == 0, "%s", info.text);
	return t;
}

static const struct token *find(const struct tokens *t, const char *token)
{
	return tokens_find(t, token, strlen(token));
}

START_TEST(test_tokens_load_and_find)
{
	struct tokens *t = load("# who may ask\n\n"
				"  abc-1_x.Y : submit , read : " ABC "  \r\n"
				"nobody:admin:" ALICE "\n"
				"last:metrics:" EMPTY); /* without a line feed */
	ck_assert_uint_eq(tokens_count(t), 3);
	const struct token *abc = find(t, "abc"), *last = find(t, "");
	ck_assert_ptr_nonnull(abc);
	ck_assert_str_eq(abc->name, "abc-1_x.Y");
	ck_assert_uint_eq(abc->scopes, TOKEN_SUBMIT | TOKEN_READ);
	ck_assert_ptr_nonnull(last);
	ck_assert_str_eq(last->name, "last");
	ck_assert_ptr_null(find(t, "abd"));
	ck_assert_ptr_null(find(t, "abcd"));
	ck_assert_ptr_null(find(t, "ab"));
	ck_assert_ptr_null(find(t, ABC)); /* the hash is not the token */
	ck_assert_ptr_null(tokens_find(t, "abc\0", 4));
	tokens_free(t);
}
END_TEST

START_TEST(test_tokens_digest_in_capitals)
{
	struct tokens *t = load("a:read:BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD\n");
	ck_assert_ptr_nonnull(find(t, "abc"));
	tokens_free(t);
}
END_TEST

START_TEST(test_token_may)
{
	struct token t = { .scopes = TOKEN_READ | TOKEN_METRICS };
	ck_assert(token_may(&t, TOKEN_READ));
	ck_assert(token_may(&t, TOKEN_METRICS));
	ck_assert(token_may(&t, 0));
	ck_assert(!token_may(&t, TOKEN_SUBMIT));
	ck_assert(!token_may(&t, TOKEN_ADMIN));
	t.scopes = TOKEN_ADMIN;
	ck_assert(token_may(&t, TOKEN_SUBMIT));
	ck_assert(token_may(&t, TOKEN_READ));
	ck_assert(token_may(&t, TOKEN_METRICS));
	t.scopes = 0;
	ck_assert(token_may(&t, 0));
	ck_assert(!token_may(&t, TOKEN_READ));
}
END_TEST

START_TEST(test_tokens_scopes_text)
{
	char text[TOKENS_SCOPES_SIZE];
	tokens_scopes_text(0, text);
	ck_assert_str_eq(text, "");
	tokens_scopes_text(TOKEN_METRICS, text);
	ck_assert_str_eq(text, "metrics");
	tokens_scopes_text(TOKEN_SUBMIT | TOKEN_READ | TOKEN_ADMIN | TOKEN_METRICS, text);
	ck_assert_str_eq(text, "submit, read, admin, metrics");
}
END_TEST

START_TEST(test_tokens_form_good)
{
	char longest[TOKENS_LENGTH_MAX + 1];
	memset(longest, 'x', sizeof longest);
	ck_assert(tokens_form_good("aZ09-._~+/=", 11));
	ck_assert(tokens_form_good(longest, TOKENS_LENGTH_MAX));
	ck_assert(!tokens_form_good(longest, TOKENS_LENGTH_MAX + 1));
	ck_assert(!tokens_form_good("", 0));
	ck_assert(!tokens_form_good("a b", 3));
	ck_assert(!tokens_form_good("a\"b", 3));
	ck_assert(!tokens_form_good("a\0b", 3));
	ck_assert(!tokens_form_good("\xc3\xa4", 2));
}
END_TEST

static const struct {
	const char *text, *says; /* after "PATH:" */
	int line;
} invalid[] = {
	{ "", " expected at least one line name:scope[,scope]:sha256-hex, got none", 0 },
	{ "# only this\n\n", " expected at least one line name:scope[,scope]:sha256-hex, got none", 0 },
	{ "a:read\n", "1: expected name:scope[,scope]:sha256-hex, got a line with 1 colon", 1 },
	{ "\na:read:x:y\n", "2: expected name:scope[,scope]:sha256-hex, got a line with 3 colons", 2 },
	{ ":read:" ABC, "1: expected a name of 1 to 64 characters of A-Z a-z 0-9 . _ -, got \"\"", 1 },
	{ "a b:read:" ABC, "1: expected a name of 1 to 64 characters of A-Z a-z 0-9 . _ -, got \"a b\"", 1 },
	{ "a\"b:read:" ABC, "1: expected a name of 1 to 64 characters of A-Z a-z 0-9 . _ -, got \"a\\\"b\"", 1 },
	{ "12345678901234567890123456789012345678901234567890123456789012345:read:" ABC,
	  "1: expected a name of 1 to 64 characters", 1 },
	{ "a::" ABC, "1: expected scopes of submit, read, admin, metrics, comma separated, got \"\"", 1 },
	{ "a:Read:" ABC, "1: expected scopes of submit, read, admin, metrics, comma separated, got \"Read\"", 1 },
	{ "a:read,write:" ABC, "1: expected scopes of submit, read, admin, metrics, comma separated, got \"write\"",
	  1 },
	{ "a:read,,submit:" ABC, "1: expected scopes of submit, read, admin, metrics, comma separated, got \"\"", 1 },
	{ "a:read,:" ABC, "1: expected scopes of submit, read, admin, metrics, comma separated, got \"\"", 1 },
	{ "a:read:ba7816", "1: expected the token's SHA-256 as 64 hexadecimal digits, got 6 characters", 1 },
	{ "a:read:" ABC "00", "1: expected the token's SHA-256 as 64 hexadecimal digits, got 66 characters", 1 },
	{ "a:read:ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	  "1: expected the token's SHA-256 as 64 hexadecimal digits, got 64 characters that are not all such digits",
	  1 },
	{ "a:read:" ABC "\na:submit:" EMPTY, "2: expected names that differ, got \"a\" again", 2 },
	{ "a:read:" ABC "\n#\nb:submit:" ABC, "3: expected tokens that differ, \"b\" has that of \"a\"", 3 },
};

START_TEST(test_tokens_load_refuses)
{
	struct errinfo info = { 0 };
	struct tokens *t = NULL;
	char start[400];
	write_file(invalid[_i].text);
	ck_assert_int_lt(tokens_load(path, &t, &info), 0);
	ck_assert_ptr_null(t);
	snprintf(start, sizeof start, "%s:%s", path, invalid[_i].says);
	ck_assert_msg(strncmp(info.text, start, strlen(start)) == 0, "expected %s, got %s", start, info.text);
	ck_assert_int_eq(info.line, invalid[_i].line);
	ck_assert_ptr_null(strstr(info.text, "ba7816")); /* no digest in a message */
}
END_TEST

START_TEST(test_tokens_load_without_the_file)
{
	struct errinfo info = { 0 };
	struct tokens *t = NULL;
	ck_assert_int_eq(tokens_load("/nowhere/tokens", &t, &info), ERR_SYS);
	ck_assert_str_eq(info.text, "/nowhere/tokens: expected a readable file: No such file or directory");
	ck_assert_int_eq(tokens_load("/", &t, &info), ERR_SYS);
	ck_assert_ptr_null(t);
}
END_TEST

START_TEST(test_tokens_load_refuses_what_everybody_may_write)
{
	struct errinfo info = { 0 };
	struct tokens *t = NULL;
	write_file("a:read:" ABC "\n");
	ck_assert_int_eq(chmod(path, 0646), 0);
	ck_assert_int_eq(tokens_load(path, &t, &info), ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(info.text, "got mode 0646"));
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert_int_eq(tokens_load(path, &t, &info), 0);
	tokens_free(t);
}
END_TEST

/* The most there may be, the first and the last of them found; and one too many. */
START_TEST(test_tokens_most)
{
	struct buf text = BUF_INIT;
	uint8_t digest[TOKENS_DIGEST_BYTES];
	struct errinfo info = { 0 };
	struct tokens *t;
	char name[32];
	for (int i = 0; i <= TOKENS_MOST; i++) {
		int n = snprintf(name, sizeof name, "token%d", i);
		if (i == TOKENS_MOST) {
			t = load(buf_cstr(&text));
			ck_assert_uint_eq(tokens_count(t), TOKENS_MOST);
			ck_assert_str_eq(find(t, "token0")->name, "token0");
			ck_assert_str_eq(find(t, "token999")->name, "token999");
			ck_assert_ptr_null(find(t, "token1000"));
			tokens_free(t);
		}
		tokens_digest(name, (size_t)n, digest);
		buf_printf(&text, "%s:read:", name);
		for (int k = 0; k < TOKENS_DIGEST_BYTES; k++)
			buf_printf(&text, "%02x", digest[k]);
		buf_byte(&text, '\n');
	}
	write_file(buf_cstr(&text));
	t = NULL;
	ck_assert_int_eq(tokens_load(path, &t, &info), ERR_TOO_BIG);
	ck_assert_ptr_nonnull(strstr(info.text, ":1001: expected at most 1000 tokens, there are more"));
	buf_fini(&text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tokens");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	TCase *all[] = { core, limits, faults };
	tcase_add_test(core, test_tokens_load_and_find);
	tcase_add_test(core, test_tokens_digest_in_capitals);
	tcase_add_test(core, test_token_may);
	tcase_add_test(core, test_tokens_scopes_text);
	tcase_add_test(core, test_tokens_form_good);
	tcase_add_test(limits, test_tokens_most);
	tcase_add_loop_test(faults, test_tokens_load_refuses, 0, (int)(sizeof invalid / sizeof *invalid));
	tcase_add_test(faults, test_tokens_load_without_the_file);
	tcase_add_test(faults, test_tokens_load_refuses_what_everybody_may_write);
	for (int i = 0; i < 3; i++) {
		tcase_add_checked_fixture(all[i], set_up, tear_down);
		suite_add_tcase(s, all[i]);
	}
	return suite_run(s);
}
