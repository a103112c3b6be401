/* SPDX-License-Identifier: GPL-3.0-or-later */
/* startup_open in a child process, with its standard output and error taken down. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "readfile.h"
#include "startup.h"
#include "suite_run.h"

#define WENT_ON 77 /* exit status of a child whose startup_open said STARTUP_GO */

static char *text_out, *text_err;

static const char *source_dir(void)
{
	const char *dir = getenv("SOURCE_DIR");

	return dir ? dir : ".";
}

static char *read_back(int fd)
{
	char path[64];
	struct errinfo info;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	char *text = readfile(path, 1 << 20, NULL, &info);
	ck_assert_msg(text != NULL, "%s", info.text);
	close(fd);
	return text;
}

static int temporary(void)
{
	char path[] = "/tmp/check_startup.XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	unlink(path);
	return fd;
}

/* Runs it in the folder dir; argv ends with NULL. The exit status, the texts in text_out and text_err. */
static int run(enum csdef_kind kind, const char *dir, char **argv)
{
	int out = temporary(), err = temporary(), argc = 0, status;

	while (argv[argc])
		argc++;
	pid_t child = fork();
	if (child == 0) {
		struct startup s;
		dup2(out, STDOUT_FILENO);
		dup2(err, STDERR_FILENO);
		if (chdir(dir) != 0)
			_exit(99);
		int rc = startup_open(&s, kind, argc, argv);
		if (rc == STARTUP_GO) {
			printf("%s %s %s\n", roleenv_instance(s.roleenv), s.csdef->name,
			       config_str(s.config, CONFIG_DRAIN_SECONDS));
			startup_close(&s);
			rc = WENT_ON;
		}
		fflush(stdout);
		_exit(rc);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	text_out = read_back(out);
	text_err = read_back(err);
	return WEXITSTATUS(status);
}

static void forget(void)
{
	free(text_out);
	free(text_err);
}

static void clear_environment(void)
{
	unsetenv("SQUARE_ROLE_INSTANCE");
	unsetenv("SQUARE_ENDPOINT_HTTP_IN");
	unsetenv("SQUARE_ENDPOINT_SQUARE_ENDPOINT");
	unsetenv("SQUARE_DRAIN_SECONDS");
	unsetenv("SQUARE_DRIAN_SECONDS");
}

#define ARGS(...) ((char *[]){ (char *)"/usr/bin/web-role", __VA_ARGS__, NULL })
#define A(s) ((char *)(s))

START_TEST(test_open_goes_on)
{
	setenv("SQUARE_ROLE_INSTANCE", "WebRole_IN_3", 1);
	ck_assert_int_eq(run(CSDEF_WEB, source_dir(), ARGS(A("--set"), A("DrainSeconds=4"))), WENT_ON);
	ck_assert_str_eq(text_out, "WebRole_IN_3 Square.Service 4\n");
	ck_assert_str_eq(text_err, "");
	forget();
}
END_TEST

START_TEST(test_check_reports_what_it_found)
{
	setenv("SQUARE_ROLE_INSTANCE", "WorkerRole_IN_1", 1);
	setenv("SQUARE_ENDPOINT_SQUARE_ENDPOINT", "127.0.0.1:7777", 1);
	setenv("SQUARE_DRAIN_SECONDS", "33", 1);
	ck_assert_int_eq(run(CSDEF_WORKER, source_dir(), ARGS(A("-n"))), 0);
	ck_assert_int_eq(strncmp(text_out, "configuration is good\nWorkerRole_IN_1 of Square.Service", 54), 0);
	ck_assert_ptr_nonnull(strstr(text_out, "  SquareEndpoint: tcp on 127.0.0.1 port 7777, public port 2345\n"));
	ck_assert_ptr_nonnull(strstr(text_out, "  WorkerPeer: tcp on 127.0.0.1 port any, internal\n"));
	ck_assert_ptr_nonnull(strstr(text_out, "  DrainSeconds = 33 (environment variable SQUARE_DRAIN_SECONDS)\n"));
	ck_assert_str_eq(text_err, "");
	forget();
}
END_TEST

START_TEST(test_files_by_name_and_warnings)
{
	char definition[1024], data[1024];

	snprintf(definition, sizeof(definition), "%s/service.csdef", source_dir());
	unsetenv("SQUARE_ROLE_INSTANCE");
	setenv("SQUARE_DRIAN_SECONDS", "1", 1);
	/* its service.cscfg is found beside it, wherever this runs */
	ck_assert_int_eq(run(CSDEF_WEB, "/", ARGS(A("--definition"), definition, A("-n"))), 0);
	ck_assert_ptr_nonnull(strstr(text_out, "configuration is good\n"));
	ck_assert_ptr_nonnull(strstr(text_out, "/service.cscfg\n"));
	ck_assert_ptr_nonnull(strstr(text_err, "SQUARE_DRIAN_SECONDS is not known and has no effect; did you mean "
					       "SQUARE_DRAIN_SECONDS?\n"));
	forget();
	snprintf(data, sizeof(data), "%s/tests/data/csdef/invalid/cfg_count_word.cscfg", source_dir());
	ck_assert_int_eq(run(CSDEF_WEB, "/", ARGS(A("--definition"), definition, A("--configuration"), data)), 1);
	ck_assert_ptr_nonnull(strstr(text_err, "cfg_count_word.cscfg:1:1: expected the serviceName"));
	forget();
}
END_TEST

START_TEST(test_help_and_version)
{
	ck_assert_int_eq(run(CSDEF_WORKER, "/", ARGS(A("--help"))), 0);
	ck_assert_ptr_nonnull(strstr(text_out, "Usage: web-role [-n | --healthcheck]"));
	ck_assert_ptr_nonnull(strstr(text_out, "\n  ClaimMax: 1 to 64; default 64\n"));
	ck_assert_ptr_null(strstr(text_out, "Reactors"));
	forget();
	ck_assert_int_eq(run(CSDEF_WORKER, "/", ARGS(A("--help=markdown"))), 0);
	ck_assert_int_eq(strncmp(text_out, "| Setting |", 11), 0);
	forget();
	ck_assert_int_eq(run(CSDEF_WORKER, "/", ARGS(A("--version"))), 0);
	ck_assert_str_eq(text_out, "web-role (Square) " SQUARE_VERSION "\n");
	forget();
}
END_TEST

static char *bad_usage[][4] = {
	{ A("--nonsense"), NULL, NULL, A("web-role: unknown option --nonsense\nTry 'web-role --help'.\n") },
	{ A("-x"), NULL, NULL, A("web-role: unknown option -x\nTry 'web-role --help'.\n") },
	{ A("--set"), NULL, NULL, A("web-role: expected a value after --set\nTry 'web-role --help'.\n") },
	{ A("--help=html"), NULL, NULL,
	  A("web-role: expected --help or --help=markdown, got --help=html\nTry 'web-role --help'.\n") },
	{ A("start"), NULL, NULL, A("web-role: expected options only, got start\nTry 'web-role --help'.\n") },
	{ A("-n"), A("now"), NULL, A("web-role: expected options only, got now\nTry 'web-role --help'.\n") },
};

START_TEST(test_bad_usage)
{
	ck_assert_int_eq(run(CSDEF_WEB, source_dir(), ARGS(bad_usage[_i][0], bad_usage[_i][1])), 2);
	ck_assert_str_eq(text_err, bad_usage[_i][3]);
	ck_assert_str_eq(text_out, "");
	forget();
}
END_TEST

START_TEST(test_errors_end_the_start)
{
	char invalid[1024];

	unsetenv("SQUARE_ROLE_INSTANCE");
	ck_assert_int_eq(run(CSDEF_WEB, source_dir(), ARGS(A("--set"), A("DrainSeconds=x"), A("-n"))), 1);
	ck_assert_str_eq(text_err, "web-role: command line: DrainSeconds: expected a whole number from 0 to 3600 "
				   "(seconds), got \"x\"\n");
	forget();
	snprintf(invalid, sizeof(invalid), "%s/tests/data/csdef/invalid/", source_dir());
	ck_assert_int_eq(run(CSDEF_WEB, invalid, ARGS(A("--definition"), A("no_roles.csdef"))), 1);
	ck_assert_str_eq(text_err, "web-role: no_roles.csdef:3:1: expected at least one WebRole or WorkerRole, got "
				   "none\n");
	forget();
	setenv("SQUARE_ENDPOINT_HTTP_IN", "everywhere", 1);
	ck_assert_int_eq(run(CSDEF_WEB, source_dir(), ARGS(A("-n"))), 1);
	ck_assert_ptr_nonnull(strstr(text_err, "web-role: environment variable SQUARE_ENDPOINT_HTTP_IN: expected "));
	forget();
	/* a setting in service.csdef that no table knows stops the start as well */
	snprintf(invalid, sizeof(invalid), "%s/tests/data/csdef/valid/", source_dir());
	ck_assert_int_eq(run(CSDEF_WEB, invalid,
			     ARGS(A("--definition"), A("unknown_setting.csdef"), A("--configuration"),
				  A("unknown_setting.cscfg"))),
			 1);
	ck_assert_str_eq(text_err, "web-role: unknown_setting.csdef:3:24: expected the name of a setting, got "
				   "\"DrainSecond\"; did you mean DrainSeconds?\n");
	forget();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("startup");
	TCase *core = tcase_create("core"), *faults = tcase_create("faults");

	tcase_add_checked_fixture(core, clear_environment, clear_environment);
	tcase_add_checked_fixture(faults, clear_environment, clear_environment);
	tcase_add_test(core, test_open_goes_on);
	tcase_add_test(core, test_check_reports_what_it_found);
	tcase_add_test(core, test_files_by_name_and_warnings);
	tcase_add_test(core, test_help_and_version);
	tcase_add_loop_test(faults, test_bad_usage, 0, (int)(sizeof(bad_usage) / sizeof(*bad_usage)));
	tcase_add_test(faults, test_errors_end_the_start);
	suite_add_tcase(s, core);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
