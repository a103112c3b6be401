/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kept corpus of every fuzz target (tests/fuzz/corpus/NAME) through that target's function, without a fuzzer: what
 * was found once stays found, with any compiler. A property that does not hold aborts the test. */
#include <check.h>
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "readfile.h"
#include "suite_run.h"

#define FILES_LEAST 5
#define FILE_MAX (1u << 20)

#define TARGETS(X) \
	X(auth)    \
	X(canon) X(cursor) X(expr) X(head) X(number) X(peer) X(query) X(record) X(router) X(schema) X(submission)

typedef int fuzz_target(const uint8_t *data, size_t size);
#define DECLARE(name) fuzz_target fuzz_##name;
TARGETS(DECLARE)

static const struct {
	const char *name;
	fuzz_target *run;
} targets[] = {
#define ENTRY(name) { #name, fuzz_##name },
	TARGETS(ENTRY)
};
#define COUNT (int)(sizeof targets / sizeof *targets)

static const char *source_dir(void)
{
	const char *dir = getenv("SOURCE_DIR");
	return dir ? dir : ".";
}

static DIR *open_folder(const char *name, char path[PATH_MAX])
{
	(void)snprintf(path, PATH_MAX, "%s/tests/fuzz/%s", source_dir(), name);
	DIR *dir = opendir(path);
	ck_assert_msg(dir != NULL, "no folder %s", path);
	return dir;
}

/* In a block of exactly its size, so that a reader that goes too far meets what watches over memory. */
static void run_file(fuzz_target *run, const char *path)
{
	struct errinfo info;
	size_t n;
	char *text = readfile(path, FILE_MAX, &n, &info);
	ck_assert_msg(text != NULL, "%s: %s", path, info.text);
	uint8_t *data = malloc(n ? n : 1);
	ck_assert_ptr_nonnull(data);
	memcpy(data, text, n);
	(void)fprintf(stderr, "%s\n", path); /* seen when the property fails and the test aborts */
	ck_assert_int_eq(run(data, n), 0);
	free(data);
	free(text);
}

START_TEST(test_corpus_holds)
{
	char name[100], folder[PATH_MAX], path[PATH_MAX + 300];
	unsigned files = 0;
	(void)snprintf(name, sizeof name, "corpus/%s", targets[_i].name);
	DIR *dir = open_folder(name, folder);
	for (const struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
		run_file(targets[_i].run, path);
		files++;
	}
	closedir(dir);
	ck_assert_msg(files >= FILES_LEAST, "%s: %u files, expected at least %d", folder, files, FILES_LEAST);
}
END_TEST

static bool is_listed(const char *name, size_t n)
{
	for (int i = 0; i < COUNT; i++)
		if (strlen(targets[i].name) == n && memcmp(targets[i].name, name, n) == 0)
			return true;
	return false;
}

START_TEST(test_every_target_is_run)
{
	char folder[PATH_MAX];
	int found = 0;
	DIR *dir = open_folder(".", folder);
	for (const struct dirent *e; (e = readdir(dir));) {
		size_t n = strlen(e->d_name);
		if (n < 8 || memcmp(e->d_name, "fuzz_", 5) != 0 || memcmp(e->d_name + n - 2, ".c", 2) != 0)
			continue;
		ck_assert_msg(is_listed(e->d_name + 5, n - 7), "%s is not in the list of this program", e->d_name);
		found++;
	}
	closedir(dir);
	ck_assert_int_eq(found, COUNT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fuzz_corpus");
	TCase *core = tcase_create("core");
	tcase_add_test(core, test_every_target_is_run);
	tcase_add_loop_test(core, test_corpus_holds, 0, COUNT);
	tcase_set_timeout(core, 120);
	suite_add_tcase(s, core);
	return suite_run(s);
}
