/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The users of Redis: what the list grants them is what the functions that they call need, and what they say on their
 * connections, no more and no less; and the fabric and deploy/redis/users make the same of it. */
#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lua_library.h"
#include "proc.h"
#include "rurl.h"
#include "users.h"
#include "users_acl.h"

#define WORDS_MOST 400
#define BLOCKS_MOST 500
#define SOON_MS 20000

/* ---- sets of words ---- */

struct words {
	char all[WORDS_MOST][40];
	size_t n;
};

static bool words_have(const struct words *w, const char *word)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->all[i], word) == 0)
			return true;
	return false;
}

static void words_add(struct words *w, const char *p, size_t n)
{
	char word[sizeof w->all[0]];
	ck_assert_uint_lt(n, sizeof word);
	for (size_t i = 0; i < n; i++)
		word[i] = (char)tolower((unsigned char)p[i]);
	word[n] = '\0';
	if (words_have(w, word))
		return;
	ck_assert_uint_lt(w->n, WORDS_MOST);
	memcpy(w->all[w->n++], word, n + 1);
}

static void words_add_list(struct words *w, const char *list)
{
	for (size_t n; *list; list += n + (list[n] == ' ')) {
		n = strcspn(list, " ");
		words_add(w, list, n);
	}
}

/* ---- which commands a function comes to ---- */

/* What stands at the left margin of the library from one definition to the next: a function, a table, a registration.
 * Parts of the same name are taken together. */
struct block {
	char name[40];
	struct words commands, names; /* given to call() and the like; everything else that is mentioned */
	bool registered, visited;
};

static struct block *blocks;
static size_t n_blocks;

static struct block *block_named(const char *name, size_t n, bool make)
{
	for (size_t i = 0; i < n_blocks; i++)
		if (strlen(blocks[i].name) == n && strncmp(blocks[i].name, name, n) == 0)
			return &blocks[i];
	if (!make)
		return NULL;
	ck_assert_msg(n_blocks < BLOCKS_MOST && n < sizeof blocks->name, "%.*s", (int)n, name);
	memcpy(blocks[n_blocks].name, name, n);
	return &blocks[n_blocks++];
}

/* The block that this line begins, or the one before. */
static struct block *block_of_line(const char *line, struct block *before)
{
	static const struct {
		const char *prefix;
		bool registered;
	} starts[] = { { "local function ", false },
		       { "function ", false },
		       { "register('", true },
		       { "\tregister('", true },
		       { "local ", false } };
	for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
		size_t skip = strlen(starts[i].prefix);
		if (strncmp(line, starts[i].prefix, skip) != 0)
			continue;
		struct block *b = block_named(line + skip,
					      strspn(line + skip, "abcdefghijklmnopqrstuvwxyz_"
								  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
					      true);
		b->registered |= starts[i].registered;
		return b;
	}
	return before;
}

/* Commands are written in capitals, as the first word in a bracket: call('HSET', ...), push_hint('LPUSH', ...). */
static void block_read(struct block *b, const char *line, size_t n)
{
	for (const char *p = line, *end = line + n; p < end && strncmp(p, "--", 2) != 0;) {
		const char *close = *p == '\'' ? memchr(p + 1, '\'', (size_t)(end - p - 1)) : NULL;
		if (close) {
			size_t length = (size_t)(close - p - 1), capitals = 0;
			while (capitals < length && isupper((unsigned char)p[1 + capitals]))
				capitals++;
			if (p > line && p[-1] == '(' && length >= 3 && capitals == length)
				words_add(&b->commands, p + 1, length);
			p = close + 1;
		} else if (isalpha((unsigned char)*p) || *p == '_') {
			const char *begin = p;
			while (p < end && (isalnum((unsigned char)*p) || *p == '_'))
				p++;
			char name[40] = "";
			if (p - begin < (ptrdiff_t)sizeof name) {
				memcpy(name, begin, (size_t)(p - begin));
				for (size_t i = 0; i < b->names.n; i++)
					if (strcmp(b->names.all[i], name) == 0)
						name[0] = '\0';
				if (name[0] && b->names.n < WORDS_MOST)
					memcpy(b->names.all[b->names.n++], name, sizeof name);
			}
		} else {
			p++;
		}
	}
}

static void read_library(void)
{
	struct block *current = NULL;
	blocks = calloc(BLOCKS_MOST, sizeof *blocks);
	ck_assert_ptr_nonnull(blocks);
	n_blocks = 0;
	for (const char *line = lua_library; *line;) {
		size_t n = strcspn(line, "\n");
		current = block_of_line(line, current);
		if (current)
			block_read(current, line, n);
		line += n + (line[n] == '\n');
	}
}

static void collect(struct block *b, struct words *out)
{
	if (b->visited)
		return;
	b->visited = true;
	for (size_t i = 0; i < b->commands.n; i++)
		words_add(out, b->commands.all[i], strlen(b->commands.all[i]));
	for (size_t i = 0; i < b->names.n; i++) {
		struct block *other = block_named(b->names.all[i], strlen(b->names.all[i]), false);
		if (other && !other->registered)
			collect(other, out);
	}
}

/* ---- what the roles do ---- */

static const struct role {
	const char *user;
	const char *functions; /* that it calls: queue.h says which role calls what; sq_fsck_*: all that begin so */
	const char *own;       /* commands that it gives itself */
} roles[] = {
	{ USERS_WEB,
	  "sq_version sq_enqueue sq_watch sq_cancel sq_retry sq_register sq_redrive sq_pause sq_figures sq_list "
	  "sq_peek sq_presence sq_reap",
	  "client|setname select role info config|get acl|dryrun wait ping cluster|slots asking function|load fcall "
	  "blmpop get hgetall hlen hset" },
	{ USERS_WORKER,
	  "sq_version sq_claim sq_start sq_release sq_fail sq_finish sq_progress sq_extend sq_reap sq_look sq_presence "
	  "sq_register",
	  "client|setname select role info config|get acl|dryrun cluster|slots function|load fcall blpop get hgetall "
	  "hkeys hlen rpush set" },
	{ "square-fsck", "sq_version sq_fsck_*", "select role dbsize scan cluster|slots function|load fcall" },
};

static bool is_called(const struct words *functions, const char *name)
{
	for (size_t i = 0; i < functions->n; i++) {
		size_t n = strcspn(functions->all[i], "*");
		if (strncmp(functions->all[i], name, n) == 0 && (functions->all[i][n] == '*' || name[n] == '\0'))
			return true;
	}
	return false;
}

static void needed_by(const struct role *role, struct words *out)
{
	struct words functions = { .n = 0 };
	words_add_list(out, role->own);
	words_add_list(&functions, role->functions);
	for (size_t i = 0; i < functions.n; i++)
		ck_assert_msg(strchr(functions.all[i], '*') ||
				  block_named(functions.all[i], strlen(functions.all[i]), false),
			      "the library has no function %s", functions.all[i]);
	for (size_t i = 0; i < n_blocks; i++)
		blocks[i].visited = false;
	for (size_t i = 0; i < n_blocks; i++)
		if (blocks[i].registered && is_called(&functions, blocks[i].name))
			collect(&blocks[i], out);
}

/* The user's line of the ACL file as the fabric writes it. */
static char *line_of(const char *file, const char *user)
{
	char begin[64];
	(void)snprintf(begin, sizeof begin, "user %s ", user);
	for (const char *line = file; *line; line += strcspn(line, "\n") + 1)
		if (strncmp(line, begin, strlen(begin)) == 0)
			return strndup(line, strcspn(line, "\n"));
	ck_abort_msg("no line \"%s\" in\n%s", begin, file);
	return NULL;
}

static void granted_to(const char *file, const char *user, struct words *out)
{
	char *line = line_of(file, user), *rest = NULL;
	for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		if (*word == '+')
			words_add(out, word + 1, strlen(word + 1));
	free(line);
}

START_TEST(test_users_have_what_their_functions_need_and_no_more)
{
	static struct words needed, granted;
	const struct role *role = &roles[_i];
	struct buf file = BUF_INIT;
	struct users users;
	read_library();
	needed.n = granted.n = 0;
	needed_by(role, &needed);
	users_make(&users);
	users_render(&users, &file);
	granted_to(buf_cstr(&file), role->user, &granted);
	ck_assert_uint_gt(needed.n, 40);
	for (size_t i = 0; i < needed.n; i++)
		ck_assert_msg(words_have(&granted, needed.all[i]),
			      "%s needs +%s, which deploy/redis/users.acl.in does not grant", role->user,
			      needed.all[i]);
	for (size_t i = 0; i < granted.n; i++)
		ck_assert_msg(words_have(&needed, granted.all[i]),
			      "deploy/redis/users.acl.in grants +%s to %s, which no function that it calls needs",
			      granted.all[i], role->user);
	users_wipe(&users);
	buf_fini(&file);
	free(blocks);
}
END_TEST

/* A new function belongs into the table above. */
START_TEST(test_every_function_has_a_user)
{
	static struct words known;
	read_library();
	known.n = 0;
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
		words_add_list(&known, roles[i].functions);
	for (size_t i = 0; i < n_blocks; i++)
		ck_assert_msg(!blocks[i].registered || is_called(&known, blocks[i].name),
			      "which user calls %s? Say so in check_users.c, and grant what it needs", blocks[i].name);
	free(blocks);
}
END_TEST

/* deploy/redis/backup reads all there is: so it may do that, and nothing else; check_readme takes a backup with it. */
START_TEST(test_backup_may_copy_and_no_more)
{
	static const char rights[] = " resetchannels resetkeys -@all +info +replconf +sync";
	struct users users;
	struct buf file = BUF_INIT;
	users_make(&users);
	users_render(&users, &file);
	char *line = line_of(buf_cstr(&file), "square-backup");
	ck_assert_uint_gt(strlen(line), strlen(rights));
	ck_assert_str_eq(line + strlen(line) - strlen(rights), rights);
	free(line);
	users_wipe(&users);
	buf_fini(&file);
}
END_TEST

/* ---- the ACL file ---- */

START_TEST(test_users_render_says_hashes_only)
{
	struct users users;
	struct buf file = BUF_INIT;
	users_make(&users);
	ck_assert_uint_eq(users.n, 5);
	users_render(&users, &file);
	const char *text = buf_cstr(&file);
	/* Off, yet allowed everything: or Redis would forget, see users.acl.in. */
	ck_assert_msg(strncmp(text, "user default off resetpass &* ~* +@all\n", 39) == 0, "%s", text);
	ck_assert_ptr_null(strstr(text, "#@"));
	for (size_t i = 0; i < users.n; i++) {
		char *line = line_of(text, users.all[i].name);
		const char *hash = strstr(line, " #");
		ck_assert_uint_eq(strspn(users.all[i].password, "0123456789abcdef"), 64);
		ck_assert_uint_eq(strlen(users.all[i].password), 64);
		ck_assert_msg(hash && strspn(hash + 2, "0123456789abcdef") == 64 && hash[66] == ' ', "%s", line);
		ck_assert_ptr_null(strstr(text, users.all[i].password));
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(users.all[i].password, users.all[k].password);
		free(line);
	}
	users_wipe(&users);
	buf_fini(&file);
}
END_TEST

START_TEST(test_users_url_can_be_read_whatever_the_path)
{
	static const char *const sockets[] = { "/run/redis.sock", "/tmp/100%/a?b@c:d/redis.sock", "/tmp/ä b#/r" };
	struct users users;
	users_make(&users);
	for (size_t i = 0; i < sizeof sockets / sizeof *sockets; i++) {
		const struct user *web = users_find(&users, USERS_WEB);
		struct buf url = BUF_INIT;
		struct errinfo info = { .text = "" };
		struct rurl u;
		users_url(web, sockets[i], &url);
		ck_assert_int_eq(url.data[url.len - 1], '\n');
		url.len--;
		ck_assert_msg(rurl_parse(buf_cstr(&url), &u, &info) == 0, "%s", info.text);
		ck_assert_str_eq(u.path, sockets[i]);
		ck_assert_str_eq(u.user, USERS_WEB);
		ck_assert_str_eq(u.password, web->password);
		buf_fini(&url);
	}
	users_wipe(&users);
}
END_TEST

static void write_password(const char *folder, const struct user *user)
{
	char path[100];
	(void)snprintf(path, sizeof path, "%s/%s", folder, user->name);
	FILE *f = fopen(path, "we");
	ck_assert(f && fprintf(f, "%s\n", user->password) > 0 && fclose(f) == 0);
}

START_TEST(test_script_makes_the_same_of_the_same_passwords)
{
	char folder[] = "/tmp/square-users.XXXXXX", script[4096], template[4096];
	const char *const argv[] = { script, template, folder, NULL };
	struct users users;
	struct buf file = BUF_INIT;
	struct proc_result r;
	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(script, sizeof script, "%s", proc_source("deploy/redis/users"));
	(void)snprintf(template, sizeof template, "%s", proc_source("deploy/redis/users.acl.in"));
	users_make(&users);
	users_render(&users, &file);
	for (size_t i = 0; i < users.n; i++)
		write_password(folder, &users.all[i]);
	proc_run(argv, NULL, NULL, SOON_MS, &r);
	ck_assert_msg(r.status == 0, "%s", r.err);
	ck_assert_str_eq(r.out, buf_cstr(&file));
	proc_result_fini(&r);
	buf_fini(&file);
	for (size_t i = 0; i < users.n; i++) {
		char path[100];
		(void)snprintf(path, sizeof path, "%s/%s", folder, users.all[i].name);
		ck_assert_int_eq(unlink(path), 0);
	}
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(test_script_makes_passwords_that_are_missing)
{
	char folder[] = "/tmp/square-users.XXXXXX", line[16384];
	struct proc_result first, again;
	ck_assert_ptr_nonnull(mkdtemp(folder));
	int n = snprintf(line, sizeof line, "%s", proc_source("deploy/redis/users"));
	(void)snprintf(line + n, sizeof line - (size_t)n, " %s %s && stat -c %%a:%%s %s/square-web >&2",
		       proc_source("deploy/redis/users.acl.in"), folder, folder);
	proc_shell(line, SOON_MS, &first);
	ck_assert_msg(first.status == 0, "%s", first.err);
	ck_assert_str_eq(first.err, "600:64\n");
	proc_shell(line, SOON_MS, &again);
	ck_assert_str_eq(first.out, again.out);
	proc_result_fini(&first);
	proc_result_fini(&again);
	(void)snprintf(line, sizeof line, "rm -r %s", folder);
	proc_shell(line, SOON_MS, &first);
	ck_assert_int_eq(first.status, 0);
	proc_result_fini(&first);
	(void)snprintf(line, sizeof line, "%s", proc_source("deploy/redis/users"));
	proc_shell(line, SOON_MS, &first);
	ck_assert_int_eq(first.status, 2);
	ck_assert_ptr_nonnull(strstr(first.err, "expected a readable template and a folder"));
	proc_result_fini(&first);
}
END_TEST

int main(void)
{
	Suite *suites[] = { suite_create("core"), suite_create("limits") };
	SRunner *sr = srunner_create(suites[0]);
	TCase *tc = tcase_create("users");
	int failed;
	tcase_add_loop_test(tc, test_users_have_what_their_functions_need_and_no_more, 0,
			    (int)(sizeof roles / sizeof *roles));
	tcase_add_test(tc, test_every_function_has_a_user);
	tcase_add_test(tc, test_backup_may_copy_and_no_more);
	tcase_add_test(tc, test_users_render_says_hashes_only);
	tcase_add_test(tc, test_script_makes_the_same_of_the_same_passwords);
	suite_add_tcase(suites[0], tc);
	tc = tcase_create("paths");
	tcase_add_test(tc, test_users_url_can_be_read_whatever_the_path);
	tcase_add_test(tc, test_script_makes_passwords_that_are_missing);
	suite_add_tcase(suites[1], tc);
	srunner_add_suite(sr, suites[1]);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
