/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The life cycle: which hook runs when, what the exit status comes to, and that stopping has an end. Each in a child
 * process, whose hooks write what they see to a pipe. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "role.h"
#include "suite_run.h"

struct act { /* what the hooks do */
	int start, run;
	bool never_stops;
	int out;
};

static void say(const struct act *act, const char *words)
{
	ck_assert_int_eq(write(act->out, words, strlen(words)), (ssize_t)strlen(words));
}

static int on_start(void *arg, const struct startup *startup, struct errinfo *info)
{
	const struct act *act = arg;
	struct roleenv_endpoint at;

	say(act, roleenv_instance(startup->roleenv));
	say(act, roleenv_endpoint(startup->roleenv, "WorkerHealth", &at) == 0 ? " start " : " lost ");
	return act->start ? errinfo_set(info, act->start, "no luck today") : 0;
}

static int run(void *arg)
{
	const struct act *act = arg;

	say(act, "run ");
	return act->run;
}

static void on_stop(void *arg)
{
	const struct act *act = arg;

	say(act, "stop ");
	while (act->never_stops)
		pause();
	say(act, "stopped");
}

static char said[256], complained[2048];

static void read_all(int fd, char *into, size_t size)
{
	size_t n = 0;

	for (ssize_t got; n < size - 1 && (got = read(fd, into + n, size - 1 - n)) > 0;)
		n += (size_t)got;
	into[n] = '\0';
	close(fd);
}

static int live(struct act act)
{
	static const struct role_hooks hooks = { CSDEF_WORKER, on_start, run, on_stop };
	const char *source = getenv("SOURCE_DIR") ? getenv("SOURCE_DIR") : ".";
	char definition[1024];
	char *argv[] = { (char *)"worker-role", (char *)"--definition",   definition,
			 (char *)"--set",       (char *)"DrainSeconds=1", NULL };
	int out[2], err[2], status;

	snprintf(definition, sizeof(definition), "%s/service.csdef", source);
	setenv("SQUARE_ROLE_INSTANCE", "WorkerRole_IN_7", 1);
	ck_assert_int_eq(pipe(out) | pipe(err), 0);
	pid_t child = fork();
	if (child == 0) {
		act.out = out[1];
		dup2(err[1], STDERR_FILENO);
		_exit(role_main(&hooks, &act, 5, argv));
	}
	close(out[1]);
	close(err[1]);
	read_all(out[0], said, sizeof(said));
	read_all(err[0], complained, sizeof(complained));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(test_hooks_in_order)
{
	ck_assert_int_eq(live((struct act){ 0 }), 0);
	ck_assert_str_eq(said, "WorkerRole_IN_7 start run stop stopped");
	ck_assert_str_eq(complained, "");
}
END_TEST

/* What ended it does not matter: it is stopped in order, and the status tells. */
START_TEST(test_status_is_what_run_returned)
{
	ck_assert_int_eq(live((struct act){ .run = 3 }), 3);
	ck_assert_str_eq(said, "WorkerRole_IN_7 start run stop stopped");
}
END_TEST

START_TEST(test_failed_start_is_the_end)
{
	ck_assert_int_eq(live((struct act){ .start = ERR_SYS }), 1);
	ck_assert_str_eq(said, "WorkerRole_IN_7 start ");
	ck_assert_msg(strstr(complained, "no luck today\n") != NULL, "%s", complained);
}
END_TEST

START_TEST(test_stop_is_bounded)
{
	uint64_t began_us = clock_mono_us();

	ck_assert_int_eq(live((struct act){ .never_stops = true }), 1);
	ck_assert_str_eq(said, "WorkerRole_IN_7 start run stop ");
	ck_assert_msg(strstr(complained, "did not stop within DrainSeconds") != NULL, "%s", complained);
	ck_assert_uint_ge(clock_mono_us() - began_us, (1 + ROLE_STOP_GRACE_S - 1) * UINT64_C(1000000));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("role");
	TCase *core = tcase_create("core"), *faults = tcase_create("faults");

	tcase_set_timeout(core, 60);
	tcase_set_timeout(faults, 60);
	tcase_add_test(core, test_hooks_in_order);
	tcase_add_test(core, test_status_is_what_run_returned);
	tcase_add_test(faults, test_failed_start_is_the_end);
	tcase_add_test(faults, test_stop_is_bounded);
	suite_add_tcase(s, core);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
