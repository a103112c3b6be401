/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Local resources: made, kept, emptied and held as the definition says, and refused where they would be somebody
 * else's. In a temporary folder. */
#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "local_storage.h"
#include "roleenv.h"
#include "suite_run.h"

static struct csdef_storage storages[] = {
	{ (char *)"Scratch", 100, true, 3 },
	{ (char *)"Kept", 5, false, 4 },
};
static struct csdef_role role = {
	.name = (char *)"Work", .kind = CSDEF_WORKER, .storage = storages, .n_storage = 2, .line = 2
};
static struct csdef def = { (char *)"S", (char *)"s.csdef", (char *)"", &role, 1 };
static char root[PATH_MAX];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static void setup(void)
{
	strcpy(root, "/tmp/check_local_storage.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	setenv("SQUARE_LOCAL_ROOT", root, 1);
	unsetenv("XDG_STATE_HOME");
	unsetenv("TMPDIR");
}

static void teardown(void)
{
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	unsetenv("SQUARE_LOCAL_ROOT");
}

static struct roleenv *make(const char *instance)
{
	struct errinfo info;
	struct roleenv *env = roleenv_new(&def, &role, instance, NULL, &info);

	ck_assert_msg(env != NULL, "%s", info.text);
	ck_assert_msg(roleenv_make_local(env, &info) == 0, "%s", info.text);
	return env;
}

static const char *path_of(const struct roleenv *env, const char *name)
{
	struct roleenv_local at;

	ck_assert_int_eq(roleenv_local_resource(env, name, &at), 0);
	return at.path;
}

static void put_file(const char *folder, const char *name)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%.*s/%.30s", PATH_MAX, folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static bool has_file(const char *folder, const char *name)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%.*s/%.30s", PATH_MAX, folder, name);
	return access(path, F_OK) == 0;
}

START_TEST(test_open_makes_private_folders)
{
	struct roleenv *env = make("Work_IN_0");
	struct roleenv_local at;
	struct stat st;
	char expected[PATH_MAX];

	ck_assert_int_eq(roleenv_local_resource(env, "Scratch", &at), 0);
	snprintf(expected, sizeof(expected), "%.64s/Work_IN_0/Scratch", root);
	ck_assert_str_eq(at.path, expected);
	ck_assert_uint_eq(at.size_mb, 100);
	ck_assert_int_eq(stat(at.path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(roleenv_local_resource(env, "Other", &at), ERR_NOT_FOUND);
	ck_assert_str_eq(at.path, expected);
	roleenv_free(env);
}
END_TEST

START_TEST(test_recycle_empties_what_is_to_be_clean)
{
	struct roleenv *env = make("Work_IN_0");
	char folder[PATH_MAX], outside[PATH_MAX], link[PATH_MAX];

	put_file(path_of(env, "Scratch"), "a");
	put_file(path_of(env, "Kept"), "a");
	snprintf(folder, sizeof(folder), "%s/deep", path_of(env, "Scratch"));
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	put_file(folder, "b");
	snprintf(outside, sizeof(outside), "%.64s/outside", root);
	ck_assert_int_eq(mkdir(outside, 0700), 0);
	put_file(outside, "c");
	snprintf(link, sizeof(link), "%s/link", path_of(env, "Scratch"));
	ck_assert_int_eq(symlink(outside, link), 0);
	roleenv_free(env);
	env = make("Work_IN_0");
	ck_assert(!has_file(path_of(env, "Scratch"), "a"));
	ck_assert(!has_file(path_of(env, "Scratch"), "deep"));
	ck_assert(!has_file(path_of(env, "Scratch"), "link"));
	ck_assert(has_file(path_of(env, "Kept"), "a"));
	ck_assert(has_file(outside, "c")); /* links are removed, not followed */
	roleenv_free(env);
}
END_TEST

START_TEST(test_instances_have_their_own)
{
	struct roleenv *one = make("Work_IN_0"), *two = make("Work_IN_1");

	put_file(path_of(one, "Kept"), "a");
	ck_assert(!has_file(path_of(two, "Kept"), "a"));
	roleenv_free(one);
	roleenv_free(two);
}
END_TEST

/* Where nothing is promised, nothing is made. */
START_TEST(test_role_without_any)
{
	struct csdef_role bare = { .name = (char *)"Work", .kind = CSDEF_WORKER };
	struct local_storage *s = (struct local_storage *)1;
	struct errinfo info;

	ck_assert_int_eq(local_storage_open(&bare, "Work_IN_0", &s, &info), 0);
	ck_assert_ptr_null(s);
	ck_assert_ptr_null(local_storage_path(s, "Scratch"));
	ck_assert(!has_file(root, "Work_IN_0"));
}
END_TEST

START_TEST(test_root_from_the_environment)
{
	char expected[PATH_MAX];

	unsetenv("SQUARE_LOCAL_ROOT");
	setenv("TMPDIR", root, 1);
	struct roleenv *env = make("Work_IN_0");
	snprintf(expected, sizeof(expected), "%.64s/square-%lu/Work_IN_0/Kept", root, (unsigned long)getuid());
	ck_assert_str_eq(path_of(env, "Kept"), expected);
	roleenv_free(env);
	setenv("XDG_STATE_HOME", root, 1);
	env = make("Work_IN_0");
	snprintf(expected, sizeof(expected), "%.64s/square/Work_IN_0/Kept", root);
	ck_assert_str_eq(path_of(env, "Kept"), expected);
	roleenv_free(env);
}
END_TEST

static void refuse(int code, const char *words)
{
	struct local_storage *s = NULL;
	struct errinfo info = { 0 };

	ck_assert_int_eq(local_storage_open(&role, "Work_IN_0", &s, &info), code);
	ck_assert_msg(strstr(info.text, words) != NULL, "%s", info.text);
	ck_assert_ptr_null(s);
}

START_TEST(test_twin_is_refused)
{
	struct roleenv *env = make("Work_IN_0");

	put_file(path_of(env, "Scratch"), "a");
	refuse(ERR_EXISTS, "expected to be the only Work_IN_0 that runs here, but another process has ");
	ck_assert(has_file(path_of(env, "Scratch"), "a")); /* nor did it clean up after the living */
	roleenv_free(env);
}
END_TEST

START_TEST(test_root_that_will_not_do)
{
	char path[PATH_MAX];

	setenv("SQUARE_LOCAL_ROOT", "here", 1);
	refuse(ERR_INVALID, "expected an absolute path in SQUARE_LOCAL_ROOT, got here");
	setenv("SQUARE_LOCAL_ROOT", "/proc/nowhere", 1);
	refuse(ERR_SYS, "expected to be able to make /proc/nowhere: ");
	put_file(root, "Work_IN_0");
	setenv("SQUARE_LOCAL_ROOT", root, 1);
	refuse(ERR_INVALID, "that nobody else may write to, got something else");
	unlink(strcat(strcpy(path, root), "/Work_IN_0"));
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(chmod(path, 0777), 0);
	refuse(ERR_INVALID, "that nobody else may write to, got a folder");
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(symlink("/tmp", path), 0); /* where somebody might have been first */
	refuse(ERR_INVALID, "that nobody else may write to, got something else");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("local_storage");
	TCase *core = tcase_create("core"), *faults = tcase_create("faults");

	tcase_add_checked_fixture(core, setup, teardown);
	tcase_add_checked_fixture(faults, setup, teardown);
	tcase_add_test(core, test_open_makes_private_folders);
	tcase_add_test(core, test_recycle_empties_what_is_to_be_clean);
	tcase_add_test(core, test_instances_have_their_own);
	tcase_add_test(core, test_role_without_any);
	tcase_add_test(core, test_root_from_the_environment);
	tcase_add_test(faults, test_twin_is_refused);
	tcase_add_test(faults, test_root_that_will_not_do);
	suite_add_tcase(s, core);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
