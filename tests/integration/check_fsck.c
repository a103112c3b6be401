/* SPDX-License-Identifier: GPL-3.0-or-later */
/* square fsck as a person meets it: its words, its JSON, its exit statuses; and beside a service at work. */
#include <check.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keys.h"
#include "lua_library.h"
#include "proc.h"
#include "redis_private.h"
#include "rlink.h"
#include "role_run.h"
#include "suite_run.h"
#include "wait_until.h"

#define SOON_MS 60000
#define TAG "{jq:math:0}"

static struct redis_private *redis;
static struct rsync *redis_link;
static char url_env[256];

static void start_redis(void)
{
	struct errinfo info;

	redis = redis_private_start(NULL);
	redis_link = rsync_open(redis_private_url(redis), 20000, &info);
	ck_assert_msg(redis_link != NULL, "%s", info.text);
	(void)snprintf(url_env, sizeof(url_env), "SQUARE_REDIS_URL=%s", redis_private_url(redis));
}

static void stop_redis(void)
{
	rsync_close(redis_link);
	redis_private_stop(redis);
}

/* Runs `square fsck` with the words given, ended by NULL. env: an entry, or NULL for the private Redis. */
static void fsck(struct proc_result *r, const char *env, ...)
{
	const char *argv[32] = { proc_program("square"), "fsck" };
	const char *const entries[] = { env ? env : url_env, env && strstr(env, "_FILE=") ? "SQUARE_REDIS_URL" : NULL,
					NULL };
	size_t n = 2;
	va_list words;

	va_start(words, env);
	while (n < 31 && (argv[n] = va_arg(words, const char *)))
		n++;
	va_end(words);
	proc_run(argv, entries, NULL, SOON_MS, r);
}

static void command(const char *a, const char *b, const char *c, const char *d, const char *e)
{
	const struct rreply *r = rsync_words(redis_link, NULL, a, b, c, d, e, NULL);

	ck_assert_msg(r && rreply_type(r) != RREPLY_ERROR, "%s %s: %s", a, b, rreply_str(r, NULL));
}

/* A queue with a lease that has no batch, and a key that is nobody's when `stranger`. */
static void break_queue(bool stranger)
{
	command("FUNCTION", "LOAD", "REPLACE", lua_library, NULL);
	command("FCALL", "sq_register", "1", KEYS_REG, TAG);
	command("ZADD", TAG ":lease", "5", "w.b.1", NULL);
	if (stranger)
		command("SET", TAG ":what\x1b[2J", "1", NULL, NULL);
}

#define assert_status(status_, r)                                                                                  \
	ck_assert_msg((r).status == (status_), "expected status %d, got %d: %s%s", (status_), (r).status, (r).out, \
		      (r).err)
#define assert_says(text, what) ck_assert_msg(strstr((what), (text)), "expected \"%s\" in \"%s\"", (text), (what))

/* ---- core ---- */

START_TEST(test_fsck_says_what_it_would_do_then_does_it)
{
	struct proc_result r;

	break_queue(false);
	fsck(&r, NULL, NULL);
	assert_status(1, r);
	assert_says("math: batch w.b.1: has a lease, and does not exist; would be rid of its lease\n", r.out);
	assert_says("1 violation, 0 repaired (square fsck --repair does what is said above)", r.out);
	ck_assert_str_eq(r.err, "");
	proc_result_fini(&r);
	fsck(&r, NULL, "--repair", NULL);
	assert_status(0, r);
	assert_says("; was rid of its lease\n", r.out);
	assert_says("1 violation, 1 repaired\n", r.out);
	proc_result_fini(&r);
	fsck(&r, NULL, "--queue", "math", NULL);
	assert_status(0, r);
	ck_assert_msg(strncmp(r.out, "1 queue, ", 9) == 0, "%s", r.out);
	assert_says("no violation\n", r.out);
	proc_result_fini(&r);
}
END_TEST

START_TEST(test_fsck_json)
{
	struct proc_result r;

	break_queue(true);
	fsck(&r, NULL, "--json", "--repair", NULL);
	assert_status(1, r);
	json_t *all = json_loads(r.out, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_msg(all != NULL, "expected JSON, got %s", r.out);
	ck_assert(json_is_false(json_object_get(all, "clean")));
	ck_assert_int_eq(json_integer_value(json_object_get(all, "found")), 2);
	ck_assert_int_eq(json_integer_value(json_object_get(all, "repaired")), 1);
	ck_assert_int_eq(json_integer_value(json_object_get(all, "queues")), 1);
	json_t *findings = json_object_get(all, "findings"), *f;
	size_t i, lease = 0, stranger = 0;
	json_array_foreach(findings, i, f)
	{
		const char *code = json_string_value(json_object_get(f, "code"));
		ck_assert_str_eq(json_string_value(json_object_get(f, "queue")), "math");
		if (strcmp(code, "lease-no-batch") == 0) {
			ck_assert_str_eq(json_string_value(json_object_get(f, "subject")), "w.b.1");
			ck_assert(json_is_true(json_object_get(f, "repaired")));
			lease++;
		} else {
			ck_assert_str_eq(code, "unknown-key");
			ck_assert_str_eq(json_string_value(json_object_get(f, "subject")), "what\x1b[2J");
			ck_assert(json_is_false(json_object_get(f, "repaired")));
			ck_assert(json_is_string(json_object_get(f, "left")));
			stranger++;
		}
	}
	ck_assert_uint_eq(lease, 1);
	ck_assert_uint_eq(stranger, 1);
	json_decref(all);
	proc_result_fini(&r);
}
END_TEST

/* A key's name may be made to move a terminal's cursor. */
START_TEST(test_fsck_shows_no_control_characters)
{
	struct proc_result r;

	break_queue(true);
	fsck(&r, NULL, NULL);
	assert_status(1, r);
	assert_says("math: key what?[2J: is none of ours (string); left: rename or delete it by hand\n", r.out);
	ck_assert_ptr_null(strchr(r.out, '\x1b'));
	proc_result_fini(&r);
}
END_TEST

START_TEST(test_fsck_reads_the_url_from_a_file)
{
	char path[256], env[300], line[300];
	struct proc_result r;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/url", redis_private_dir(redis));
	(void)snprintf(env, sizeof(env), "SQUARE_REDIS_URL_FILE=%s", path);
	(void)snprintf(line, sizeof(line), "%s\n", redis_private_url(redis));
	f = fopen(path, "w");
	ck_assert(f && fputs(line, f) >= 0 && fclose(f) == 0);
	break_queue(false);
	fsck(&r, env, NULL);
	assert_status(1, r);
	proc_result_fini(&r);
	ck_assert_int_eq(unlink(path), 0);
	fsck(&r, env, NULL);
	assert_status(2, r);
	assert_says("SQUARE_REDIS_URL_FILE: expected a readable file: No such file", r.err);
	proc_result_fini(&r);
}
END_TEST

/* ---- limits ---- */

static const struct refusal {
	const char *words[4];
	int status;
	const char *says;
} refusals[] = {
	{ { "--redis", "redis://127.0.0.1:1" }, 3, "cannot reach Redis at 127.0.0.1" },
	{ { "--redis", "http://127.0.0.1" }, 2, "expected redis://" },
	{ { "--redis", "redis://:geheim@127.0.0.1:1" }, 2, "expected --redis without a password" },
	{ { "--redis=" }, 2, "expected --redis with a URL" },
	{ { "--queue", "physics" }, 2, "expected a queue that this Redis has, got \"physics\"" },
	{ { "--queue", "No Name" }, 2, "expected --queue with a name of a-z" },
	{ { "--url", "http://127.0.0.1" }, 2, "expected an option of this command, got --url" },
	{ { "--fix" }, 2, "usage: square fsck [--redis URL]" },
	{ { "math" }, 2, "expected fewer arguments, got 1" },
};

START_TEST(test_fsck_refuses)
{
	const struct refusal *c = &refusals[_i];
	struct proc_result r;

	break_queue(false);
	fsck(&r, NULL, c->words[0], c->words[1], NULL);
	assert_status(c->status, r);
	assert_says(c->says, r.err);
	ck_assert_str_eq(r.out, "");
	ck_assert_ptr_null(strstr(r.err, "geheim"));
	proc_result_fini(&r);
}
END_TEST

/* ---- faults ---- */

/* A Redis that nobody has used yet. */
START_TEST(test_fsck_of_a_new_redis)
{
	struct proc_result r;

	fsck(&r, NULL, NULL);
	assert_status(0, r);
	assert_says("0 queues, ", r.out);
	proc_result_fini(&r);
}
END_TEST

START_TEST(test_fsck_of_a_redis_that_stops)
{
	struct proc_result r;

	break_queue(false);
	redis_private_kill(redis);
	fsck(&r, NULL, NULL);
	assert_status(3, r);
	assert_says("cannot reach Redis at ", r.err);
	proc_result_fini(&r);
	redis_private_restart(redis);
}
END_TEST

/* A service that works: jobs come and are computed while it is checked, over and over. */
START_TEST(test_fsck_beside_a_service_at_work)
{
	struct role_run *web = role_run_start("web-role", "WebRole_IN_0", redis_private_url(redis), NULL),
			*worker = role_run_start("worker-role", "WorkerRole_IN_0", redis_private_url(redis), NULL);
	char url[64], line[512];
	struct proc_result r;
	int done = 0;

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", role_run_port(web));
	const char *const env[] = { "http_proxy", NULL };
	(void)snprintf(line, sizeof(line),
		       "i=0; while [ $i -lt 60 ]; do '%s' submit square $i --url %s >/dev/null || [ $? = 3 ] || exit "
		       "1; i=$((i + 1)); done",
		       proc_program("square"), url);
	const char *const argv[] = { "/bin/sh", "-c", line, NULL };
	pid_t load = proc_spawn(argv, env, -1, -1, -1);
	do {
		fsck(&r, NULL, NULL);
		assert_status(0, r);
		assert_says("no violation\n", r.out);
		proc_result_fini(&r);
		done++;
	} while (proc_alive(load));
	ck_assert_int_eq(proc_wait(load, SOON_MS), 0);
	ck_assert_int_gt(done, 1);
	ck_assert_int_eq(role_run_stop(worker), 0);
	ck_assert_int_eq(role_run_stop(web), 0);
	fsck(&r, NULL, NULL);
	assert_status(0, r);
	proc_result_fini(&r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fsck");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");

	tcase_add_checked_fixture(core, start_redis, stop_redis);
	tcase_add_test(core, test_fsck_says_what_it_would_do_then_does_it);
	tcase_add_test(core, test_fsck_json);
	tcase_add_test(core, test_fsck_shows_no_control_characters);
	tcase_add_test(core, test_fsck_reads_the_url_from_a_file);
	suite_add_tcase(suite, core);
	tcase_add_checked_fixture(limits, start_redis, stop_redis);
	tcase_add_loop_test(limits, test_fsck_refuses, 0, sizeof(refusals) / sizeof(refusals[0]));
	suite_add_tcase(suite, limits);
	tcase_add_checked_fixture(faults, start_redis, stop_redis);
	tcase_set_timeout(faults, 120);
	tcase_add_test(faults, test_fsck_of_a_new_redis);
	tcase_add_test(faults, test_fsck_of_a_redis_that_stops);
	tcase_add_test(faults, test_fsck_beside_a_service_at_work);
	suite_add_tcase(suite, faults);
	return suite_run(suite);
}
