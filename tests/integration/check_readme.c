/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs every command of the console blocks of README.md, docs/http.md and docs/operating.md, in order, against a
 * running service, and compares what it prints with what is shown. There, "…" and job ids stand for anything; ports are
 * those of this run; an id that a command names is the one of the job last submitted. */
#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "fabric_run.h"
#include "proc.h"
#include "wait_until.h"

#define SOON_MS 20000
#define ID_LEN 36
#define ANYTHING "\xe2\x80\xa6"

static struct fabric_run *service;
static char last_id[ID_LEN + 1];

struct example {
	struct buf command, expected;
	char got[4096];
};

static void start_service(void)
{
	service = fabric_run_start(NULL);
}

static void stop_service(void)
{
	ck_assert_int_eq(fabric_run_stop(service), 0);
}

/* Whether a job's id begins here. */
static bool is_id(const char *s)
{
	for (int i = 0; i < ID_LEN; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	}
	return true;
}

/* Appends a line with each id replaced. */
static void append_with_ids(struct buf *out, const char *line, const char *id)
{
	while (*line) {
		if (is_id(line)) {
			buf_puts(out, id);
			line += ID_LEN;
		} else {
			buf_byte(out, *line++);
		}
	}
}

/* The pattern's parts between the wildcards come in order; the first begins the text and the last ends it. */
static bool matches(const char *text, const char *pattern)
{
	bool anchored = true;

	for (;;) {
		const char *wild = strstr(pattern, ANYTHING);
		size_t n = wild ? (size_t)(wild - pattern) : strlen(pattern);
		const char *at;

		if (!wild && !anchored)
			return strlen(text) >= n && strcmp(text + strlen(text) - n, pattern) == 0;
		at = anchored ? (strncmp(text, pattern, n) == 0 ? text : NULL) : memmem(text, strlen(text), pattern, n);
		if (!at)
			return false;
		text = at + n;
		if (!wild)
			return *text == '\0';
		pattern = wild + strlen(ANYTHING);
		anchored = false;
	}
}

static bool prints_what_is_shown(void *arg)
{
	struct example *e = arg;
	struct buf script = BUF_INIT;
	struct proc_result r;

	buf_printf(
	    &script,
	    "PATH=%s:$PATH SQUARE_URL=http://127.0.0.1:%u SQUARE_TCP=127.0.0.1:%u; export PATH SQUARE_URL SQUARE_TCP\n",
	    proc_program("."), fabric_run_http(service), fabric_run_tcp(service));
	append_with_ids(&script, buf_cstr(&e->command), last_id);
	proc_shell(buf_cstr(&script), SOON_MS, &r);
	(void)snprintf(e->got, sizeof(e->got), "%s%s", r.out, r.err);
	e->got[strlen(e->got) - (e->got[0] != '\0' && e->got[strlen(e->got) - 1] == '\n')] = '\0';
	proc_result_fini(&r);
	buf_fini(&script);
	return matches(e->got, buf_cstr(&e->expected));
}

/* A result may take a moment, so that a command that shows none yet is run again. */
static void check_example(struct example *e)
{
	const char *id;

	if (e->command.len > 0) {
		ck_assert_msg(wait_until(prints_what_is_shown, e, SOON_MS), "%s\nexpected: %s\ngot: %s",
			      buf_cstr(&e->command), buf_cstr(&e->expected), e->got);
		id = strstr(e->got, "\"id\":\"");
		if (id && is_id(id + 6))
			(void)snprintf(last_id, sizeof(last_id), "%.*s", ID_LEN, id + 6);
	}
	buf_clear(&e->command);
	buf_clear(&e->expected);
}

/* What pages call things, and what they are in this run: its ports, its folders. */
static void put_this_runs(struct buf *out, const char *name)
{
	if (strcmp(name, "localhost:8080") == 0)
		buf_printf(out, "localhost:%u", fabric_run_http(service));
	else if (strcmp(name, "localhost 2345") == 0)
		buf_printf(out, "localhost %u", fabric_run_tcp(service));
	else if (strcmp(name, "deploy/redis/") == 0)
		buf_puts(out, proc_source(name));
	else
		buf_printf(out, "%s/%s", fabric_run_dir(service), strncmp(name, "run/", 4) == 0 ? name + 4 : name);
}

static void append_command(struct buf *out, const char *line)
{
	static const char *const names[] = { "localhost:8080", "localhost 2345",      "deploy/redis/",
					     "run/redis/",     "/var/backups/square", "/var/lib/redis-restored" };
	const size_t n = sizeof(names) / sizeof(*names);

	while (*line) {
		size_t i = 0;
		while (i < n && strncmp(line, names[i], strlen(names[i])) != 0)
			i++;
		if (i < n) {
			put_this_runs(out, names[i]);
			line += strlen(names[i]);
		} else {
			buf_byte(out, *line++);
		}
	}
}

static const char *const pages[] = { "README.md", "docs/http.md", "docs/operating.md" };

START_TEST(test_page_shows_what_is_printed)
{
	struct example e = { BUF_INIT, BUF_INIT, "" };
	FILE *in = fopen(proc_source(pages[_i]), "re");
	bool console = false;
	char line[4096];
	unsigned n = 0;

	ck_assert_ptr_nonnull(in);
	while (fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "```", 3) == 0) {
			check_example(&e);
			console = strcmp(line, "```console") == 0;
		} else if (console && strncmp(line, "$ ", 2) == 0) {
			check_example(&e);
			append_command(&e.command, line + 2);
			n++;
		} else if (console && e.command.len > 0) {
			if (e.expected.len > 0)
				buf_byte(&e.expected, '\n');
			append_with_ids(&e.expected, line, ANYTHING);
		}
	}
	(void)fclose(in);
	ck_assert_uint_gt(n, 0);
	buf_fini(&e.command);
	buf_fini(&e.expected);
}
END_TEST

static const struct {
	const char *text, *pattern;
	bool same;
} patterns[] = {
	{ "abc", "abc", true },
	{ "abcd", "abc", false },
	{ "abc", "a" ANYTHING "c", true },
	{ "abc", "a" ANYTHING "b", false },
	{ "ac", "a" ANYTHING "c", true },
	{ "xac", "a" ANYTHING, false },
	{ "a1b2c", "a" ANYTHING "b" ANYTHING "c", true },
	{ "a1c2b", "a" ANYTHING "b" ANYTHING "c", false },
	{ "anything", ANYTHING, true },
	{ "a", "a" ANYTHING "a", false },
};

START_TEST(test_matches_table)
{
	ck_assert_msg(matches(patterns[_i].text, patterns[_i].pattern) == patterns[_i].same, "%s / %s",
		      patterns[_i].text, patterns[_i].pattern);
}
END_TEST

int main(void)
{
	Suite *core = suite_create("core");
	TCase *readme = tcase_create("readme"), *pattern = tcase_create("pattern");
	SRunner *sr;
	int failed;

	tcase_set_timeout(readme, 150);
	tcase_add_unchecked_fixture(readme, start_service, stop_service);
	tcase_add_loop_test(readme, test_page_shows_what_is_printed, 0, (int)(sizeof pages / sizeof *pages));
	suite_add_tcase(core, readme);
	tcase_add_loop_test(pattern, test_matches_table, 0, (int)(sizeof(patterns) / sizeof(patterns[0])));
	suite_add_tcase(core, pattern);
	sr = srunner_create(core);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
