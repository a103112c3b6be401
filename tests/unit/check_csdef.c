/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every case of tests/data/csdef: NAME.csdef, NAME.cscfg where there is one, and NAME.expect with what it comes to
 * (valid/) or the whole message (invalid/). Then service.csdef itself against the table of settings. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "config.h"
#include "csdef.h"
#include "readfile.h"
#include "suite_run.h"

#define CASES_MAX 200
#define NAME_SIZE 128

static char cases[2][CASES_MAX][NAME_SIZE]; /* the names, without .csdef */
static int n_cases[2];
static const char *const folders[2] = { "valid", "invalid" };

static const char *source_dir(void)
{
	const char *dir = getenv("SOURCE_DIR");

	return dir ? dir : ".";
}

static void enter(int which)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/tests/data/csdef/%s", source_dir(), folders[which]);
	if (chdir(path) != 0)
		ck_abort_msg("no folder %s", path);
}

static void collect(int which)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/tests/data/csdef/%s", source_dir(), folders[which]);
	DIR *dir = opendir(path);
	for (const struct dirent *e; dir && (e = readdir(dir));) {
		size_t n = strlen(e->d_name);
		if (n > 6 && n < NAME_SIZE && strcmp(e->d_name + n - 6, ".csdef") == 0 && n_cases[which] < CASES_MAX)
			memcpy(cases[which][n_cases[which]++], e->d_name, n - 6);
	}
	if (dir)
		closedir(dir);
}

static void put_endpoint(struct buf *out, const struct csdef_endpoint *e)
{
	buf_printf(out, "  %s %s %s ", e->name, csdef_protocol_name(e->protocol), e->internal ? "internal" : "input");
	if (e->port)
		buf_printf(out, "%u local ", e->port);
	else
		buf_puts(out, "* local ");
	if (e->local_port)
		buf_printf(out, "%u\n", e->local_port);
	else
		buf_puts(out, "*\n");
}

static void put_definition(struct buf *out, const struct csdef *def)
{
	buf_printf(out, "service %s\n", def->name);
	for (size_t i = 0; i < def->n_roles; i++) {
		const struct csdef_role *r = &def->roles[i];
		buf_printf(out, "%s %s x%u\n", r->kind == CSDEF_WEB ? "web" : "worker", r->name, r->instances);
		for (size_t k = 0; k < r->n_endpoints; k++)
			put_endpoint(out, &r->endpoints[k]);
		for (size_t k = 0; k < r->n_settings; k++) {
			const struct csdef_setting *s = &r->settings[k];
			buf_printf(out, "  setting %s", s->name);
			if (s->value)
				buf_printf(out, " = \"%s\" at %d:%d", s->value, s->line, s->column);
			buf_byte(out, '\n');
		}
		for (size_t k = 0; k < r->n_storage; k++)
			buf_printf(out, "  storage %s %u%s\n", r->storage[k].name, r->storage[k].size_mb,
				   r->storage[k].clean ? " clean" : "");
	}
}

static struct csdef *load_case(int which, const char *name, char **expect, struct errinfo *info)
{
	char definition[NAME_SIZE + 8], configuration[NAME_SIZE + 8], expected[NAME_SIZE + 8];

	enter(which);
	snprintf(definition, sizeof(definition), "%s.csdef", name);
	snprintf(configuration, sizeof(configuration), "%s.cscfg", name);
	snprintf(expected, sizeof(expected), "%s.expect", name);
	*expect = readfile(expected, 65536, NULL, info);
	if (!*expect)
		ck_abort_msg("%s: %s", expected, info->text);
	return csdef_load(definition, access(configuration, F_OK) == 0 ? configuration : NULL, info);
}

START_TEST(test_load_valid)
{
	struct buf out = BUF_INIT;
	struct errinfo info;
	char *expect;
	struct csdef *def = load_case(0, cases[0][_i], &expect, &info);

	if (!def)
		ck_abort_msg("%s: %s", cases[0][_i], info.text);
	put_definition(&out, def);
	ck_assert_str_eq(buf_cstr(&out), expect);
	buf_fini(&out);
	csdef_free(def);
	free(expect);
}
END_TEST

START_TEST(test_load_invalid)
{
	struct errinfo info = { 0 };
	char *expect, place[NAME_SIZE + 64];
	struct csdef *def = load_case(1, cases[1][_i], &expect, &info);

	ck_assert_msg(!def, "%s was taken", cases[1][_i]);
	expect[strcspn(expect, "\n")] = '\0';
	ck_assert_str_eq(info.text, expect);
	ck_assert_int_eq(info.code, ERR_INVALID);
	/* line and column are those of the text, whichever file it is about */
	snprintf(place, sizeof(place), ":%d:%d: ", info.line, info.column);
	ck_assert_ptr_eq(strstr(info.text, place), strchr(info.text, ':'));
	free(expect);
}
END_TEST

START_TEST(test_cases_are_there)
{
	ck_assert_int_ge(n_cases[0], 5);
	ck_assert_int_ge(n_cases[1], 50);
	ck_assert_int_lt(n_cases[1], CASES_MAX);
}
END_TEST

START_TEST(test_load_missing_file)
{
	struct errinfo info;

	ck_assert_ptr_null(csdef_load("/nonexistent/a.csdef", NULL, &info));
	ck_assert_str_eq(info.text, "/nonexistent/a.csdef:1:1: expected a readable file: No such file or directory");
	enter(0);
	ck_assert_ptr_null(csdef_load("full.csdef", "nowhere.cscfg", &info));
	ck_assert_str_eq(info.text, "nowhere.cscfg:1:1: expected a readable file: No such file or directory");
	ck_assert_ptr_null(csdef_load(".", NULL, &info));
	ck_assert_str_eq(info.text, ".:1:1: expected a readable file: Is a directory");
	ck_assert_ptr_null(csdef_load("full.csdef", "full.csdef", NULL)); /* the cause is optional */
}
END_TEST

START_TEST(test_load_too_big)
{
	struct errinfo info;
	char path[] = "/tmp/check_csdef.XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, CSDEF_FILE_MAX + 1), 0);
	close(fd);
	ck_assert_ptr_null(csdef_load(path, NULL, &info));
	unlink(path);
	ck_assert_ptr_nonnull(strstr(info.text, ":1:1: expected a file of at most 1048576 bytes, it has more"));
}
END_TEST

/* service.csdef, every setting of it and of the table: neither has one that the other lacks. */
START_TEST(test_service_settings_match_the_table)
{
	struct errinfo info = { 0 };
	char definition[1024], configuration[1024];

	snprintf(definition, sizeof(definition), "%s/service.csdef", source_dir());
	snprintf(configuration, sizeof(configuration), "%s/service.cscfg", source_dir());
	struct csdef *def = csdef_load(definition, configuration, &info);
	ck_assert_msg(def != NULL, "%s", info.text);
	ck_assert_uint_eq(def->n_roles, 2);
	for (size_t i = 0; i < def->n_roles; i++) {
		const struct csdef_role *r = &def->roles[i];
		unsigned role = r->kind == CSDEF_WEB ? CONFIG_WEB : CONFIG_WORKER;
		size_t in_table = 0;
		for (int k = 0; k < CONFIG_COUNT; k++)
			in_table += (config_option((enum config_id)k)->roles & role) != 0;
		ck_assert_uint_eq(r->n_settings, in_table);
		for (size_t k = 0; k < r->n_settings; k++) {
			const struct config_option *o = config_option_find(r->settings[k].name);
			ck_assert_msg(o && (o->roles & role), "%s of %s is not in the table", r->settings[k].name,
				      r->name);
		}
	}
	csdef_free(def);
}
END_TEST

START_TEST(test_service_is_what_the_documents_say)
{
	struct errinfo info = { 0 };
	char definition[1024], configuration[1024];

	snprintf(definition, sizeof(definition), "%s/service.csdef", source_dir());
	snprintf(configuration, sizeof(configuration), "%s/service.cscfg", source_dir());
	struct csdef *def = csdef_load(definition, configuration, &info);
	ck_assert_msg(def != NULL, "%s", info.text);
	const struct csdef_role *web = csdef_role(def, "WebRole"), *worker = csdef_role(def, "WorkerRole");
	ck_assert_str_eq(def->name, "Square.Service");
	ck_assert_uint_eq(web->instances, 1);
	ck_assert_uint_eq(worker->instances, 2);
	ck_assert_uint_eq(csdef_endpoint(web, "HttpIn")->port, 8080);
	ck_assert_uint_eq(csdef_endpoint(web, "HttpIn")->local_port, 0);
	ck_assert_uint_eq(csdef_endpoint(worker, "SquareEndpoint")->port, 2345);
	ck_assert_ptr_null(csdef_endpoint(web, "SquareEndpoint"));
	ck_assert_ptr_null(csdef_role(def, "Nobody"));
	ck_assert(csdef_has_internal(worker));
	ck_assert(!csdef_has_internal(web));
	csdef_free(def);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("csdef");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");

	collect(0);
	collect(1);
	tcase_add_loop_test(core, test_load_valid, 0, n_cases[0]);
	tcase_add_test(core, test_cases_are_there);
	tcase_add_test(core, test_service_settings_match_the_table);
	tcase_add_test(core, test_service_is_what_the_documents_say);
	tcase_add_test(limits, test_load_too_big);
	tcase_add_loop_test(faults, test_load_invalid, 0, n_cases[1]);
	tcase_add_test(faults, test_load_missing_file);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
