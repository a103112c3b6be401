/* SPDX-License-Identifier: GPL-3.0-or-later */
/* deploy/redis/backup and deploy/redis/restore: what was acknowledged before a backup is there after a restore and
 * ends, also what was running; neither script overwrites anything or takes a damaged file for a good one. And a Redis
 * that moves to another machine, as docs/operating.md has it. */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http_client.h"
#include "job_client.h"
#include "lua_check.h"
#include "proc.h"
#include "redis_private.h"
#include "rlink.h"
#include "role_run.h"
#include "suite_run.h"
#include "wait_until.h"

#define SOON_MS 60000
#define TAG "{jq:math:0}"
#define SQUARE "{\"op\":\"square\",\"args\":[12]}"
#define SLEEP "{\"op\":\"sleep\",\"args\":[1500]}"
#define LATER "{\"op\":\"square\",\"args\":[12],\"delay_ms\":3600000}"

static struct redis_private *redis;
static struct role_run *web, *worker;
static char folder[64], backup[160];

static struct role_run *start(const char *program, const char *instance)
{
	static const char *const env[] = { "SQUARE_ENQUEUE_DEADLINE_MS=5000", "SQUARE_COMPUTE_CHILDREN=1", NULL };

	return role_run_start(program, instance, redis_private_url(redis), env);
}

static void set_up(void)
{
	static const char *const at_once[] = { "--repl-diskless-sync-delay", "0", NULL };

	redis = redis_private_start(at_once);
	web = start("web-role", "WebRole_IN_0");
	worker = start("worker-role", "WorkerRole_IN_0");
	(void)snprintf(folder, sizeof(folder), "/tmp/square-backup-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void tear_down(void)
{
	struct proc_result r;
	char line[200];

	ck_assert_int_eq(role_run_stop(worker), 0);
	ck_assert_int_eq(role_run_stop(web), 0);
	redis_private_stop(redis);
	(void)snprintf(line, sizeof(line), "rm -r '%s'", folder);
	proc_shell(line, SOON_MS, &r);
	ck_assert_int_eq(r.status, 0);
	proc_result_fini(&r);
}

/* Runs a line of shell; its exit status and what it said. %B, %R, %F, %D in it: the scripts, the folder of backups,
 * that of Redis. */
static int shell(const char *line, char *said, size_t size)
{
	struct proc_result r;
	char text[4096];
	int n =
	    snprintf(text, sizeof(text), "SQUARE_REDIS_URL=%s; export SQUARE_REDIS_URL; ", redis_private_url(redis));

	for (; *line && n < (int)sizeof(text) - 600; line++) {
		size_t left = sizeof(text) - (size_t)n;
		if (strncmp(line, "%B", 2) == 0)
			n += snprintf(text + n, left, "'%s'", proc_source("deploy/redis/backup"));
		else if (strncmp(line, "%R", 2) == 0)
			n += snprintf(text + n, left, "'%s'", proc_source("deploy/redis/restore"));
		else if (strncmp(line, "%F", 2) == 0)
			n += snprintf(text + n, left, "%s", folder);
		else if (strncmp(line, "%D", 2) == 0)
			n += snprintf(text + n, left, "%s", redis_private_dir(redis));
		else
			n += snprintf(text + n, left, "%c", *line);
		line += *line == '%' && line[1] && strchr("BRFD", line[1]) ? 1 : 0;
	}
	proc_shell(text, SOON_MS, &r);
	(void)snprintf(said, size, "%s%s", r.out, r.err);
	int status = r.status;
	proc_result_fini(&r);
	return status;
}

static void must(const char *line)
{
	char said[2048];
	int status = shell(line, said, sizeof(said));

	ck_assert_msg(status == 0, "%s: status %d: %s", line, status, said);
}

/* Takes a backup; its name in `backup`. */
static void back_up(void)
{
	char said[2048];
	int status = shell("%B %F", said, sizeof(said));

	ck_assert_msg(status == 0, "backup: status %d: %s", status, said);
	(void)snprintf(backup, sizeof(backup), "%.*s", (int)strcspn(said, ":"), said);
	ck_assert_msg(access(backup, R_OK) == 0, "expected the name of a file, got %s", said);
	ck_assert_msg(strstr(said, "from a master\n") != NULL, "%s", said);
}

/* Redis is killed and has lost all that it had. */
static void destroy(void)
{
	redis_private_kill(redis);
	must("rm -r %D/appendonlydir");
}

static void restore(void)
{
	char line[300], said[2048];

	(void)snprintf(line, sizeof(line), "%%R %s %%D", backup);
	int status = shell(line, said, sizeof(said));
	ck_assert_msg(status == 0, "restore: status %d: %s", status, said);
	ck_assert_msg(strstr(said, "/appendonlydir: ") != NULL, "%s", said);
	redis_private_restart(redis);
}

static void fsck_is_clean(void)
{
	struct errinfo info;
	struct rsync *s = rsync_open(redis_private_url(redis), 20000, &info);
	char line[600];

	(void)snprintf(line, sizeof(line), "%s fsck", proc_program("square"));
	must(line);
	ck_assert_msg(s != NULL, "%s", info.text);
	const char *broken = lua_check_invariants(s, TAG);
	ck_assert_msg(broken == NULL, "%s", broken);
	rsync_close(s);
}

struct submission {
	const char *body;
	struct job_list *list;
};

static bool is_accepted(void *arg)
{
	struct submission *s = arg;
	long status = job_client_submit(role_run_port(web), s->body, s->list);

	return status == 200 || status == 202;
}

static void submit(const char *body, struct job_list *list)
{
	struct submission s = { body, list };

	ck_assert_msg(wait_until(is_accepted, &s, SOON_MS), "%s is not accepted", body);
}

struct expected {
	const char *id, *state;
	char got[16];
	long status;
};

static bool has_state(void *arg)
{
	struct expected *e = arg;

	e->status = job_client_get(role_run_port(web), e->id, e->got, NULL, 0);
	return strcmp(e->got, e->state) == 0;
}

static void await_state(const char *id, const char *state)
{
	struct expected e = { id, state, "", 0 };

	ck_assert_msg(wait_until(has_state, &e, SOON_MS), "job %s: expected %s, got %s", id, state, e.got);
}

/* Submissions without end, in a thread. */
struct load {
	pthread_t thread;
	struct job_list list;
	atomic_bool stop;
	atomic_size_t done;
};

static void *submit_without_end(void *arg)
{
	struct load *l = arg;

	while (!l->stop) {
		(void)job_client_submit(role_run_port(web), SQUARE, &l->list);
		l->done = l->list.n;
	}
	return NULL;
}

static bool some_are_done(void *arg)
{
	return ((struct load *)arg)->done >= 10;
}

static void load_begin(struct load *l)
{
	*l = (struct load){ .stop = false };
	ck_assert_int_eq(pthread_create(&l->thread, NULL, submit_without_end, l), 0);
	ck_assert(wait_until(some_are_done, l, SOON_MS));
}

static void load_end(struct load *l)
{
	l->stop = true;
	ck_assert_int_eq(pthread_join(l->thread, NULL), 0);
}

/* The same submission under one key; the job's id. */
static void submit_key(char id[JOB_CLIENT_ID])
{
	static const char *const headers[] = { "Idempotency-Key: of-before", NULL };
	struct http_answer a;

	http_client_call(role_run_port(web), "POST", "/v1/jobs", headers, SQUARE, SOON_MS, &a);
	ck_assert_msg(a.status == 200 || a.status == 202, "%ld %s", a.status, a.body);
	(void)snprintf(id, JOB_CLIENT_ID, "%s", http_answer_text(&a, "id"));
	http_answer_fini(&a);
}

/* ---- core ---- */

START_TEST(test_restore_after_everything_was_lost)
{
	struct job_list before = { NULL, 0, 0 }, sleeping = { NULL, 0, 0 }, other = { NULL, 0, 0 };
	char key_id[JOB_CLIENT_ID], again[JOB_CLIENT_ID];
	struct load load;

	for (int i = 0; i < 20; i++)
		submit(SQUARE, &before);
	ck_assert_uint_eq(job_client_wait_all(role_run_port(web), &before, "144", SOON_MS), before.n);
	submit_key(key_id);
	submit(LATER, &other);
	load_begin(&load);
	submit(SLEEP, &sleeping);
	await_state(sleeping.ids[0], "running");
	size_t acknowledged = load.done;
	back_up();
	submit(LATER, &other); /* acknowledged after the backup: this is what a restore loses */
	ck_assert_int_eq(kill(role_run_pid(worker), SIGKILL), 0);
	destroy();
	load_end(&load);
	restore();
	struct role_run *gone = worker;
	worker = start("worker-role", "WorkerRole_IN_0");
	ck_assert_int_eq(role_run_stop(gone), 128 + SIGKILL);
	ck_assert_uint_ge(load.list.n, acknowledged);
	load.list.n = acknowledged;
	ck_assert_uint_eq(job_client_wait_all(role_run_port(web), &load.list, "144", SOON_MS), acknowledged);
	ck_assert_uint_eq(job_client_wait_all(role_run_port(web), &before, "144", SOON_MS), before.n);
	ck_assert_uint_eq(job_client_wait_all(role_run_port(web), &sleeping, NULL, SOON_MS), sleeping.n);
	await_state(other.ids[0], "delayed");
	struct expected lost = { other.ids[1], "", "", 0 };
	ck_assert(has_state(&lost));
	ck_assert_int_eq(lost.status, 404);
	submit_key(again);
	ck_assert_str_eq(again, key_id);
	fsck_is_clean();
	job_list_fini(&before);
	job_list_fini(&sleeping);
	job_list_fini(&other);
	job_list_fini(&load.list);
}
END_TEST

/* ---- to another machine ---- */

/* A Redis that listens on a port as well, as FAILOVER needs. */
static struct redis_private *start_with_port(unsigned *port)
{
	char text[12];
	const char *const words[] = { "--port", text, "--repl-diskless-sync-delay", "0", NULL };

	*port = proc_free_port();
	(void)snprintf(text, sizeof(text), "%u", *port);
	return redis_private_start(words);
}

/* `before` PORT `between` OTHER `after`; without a port where that is 0. */
static void must_ports(const char *before, unsigned port, const char *between, unsigned other, const char *after)
{
	char line[300], text[12] = "";

	if (other)
		(void)snprintf(text, sizeof(text), "%u", other);
	(void)snprintf(line, sizeof(line), "%s %u %s %s %s", before, port, between, text, after);
	must(line);
}

/* The commands of docs/operating.md, "Moving Redis": no acknowledged job is lost, under load. */
START_TEST(test_move_of_redis_loses_nothing)
{
	struct job_list other = { NULL, 0, 0 };
	struct redis_private *old = NULL, *new = NULL;
	unsigned old_port, new_port;
	struct load load;

	redis = old = start_with_port(&old_port);
	new = start_with_port(&new_port);
	web = start("web-role", "WebRole_IN_0");
	worker = start("worker-role", "WorkerRole_IN_0");
	submit(LATER, &other);
	load_begin(&load);
	must_ports("redis-cli -p", new_port, "replicaof 127.0.0.1", old_port, "");
	must_ports("until redis-cli -p", new_port, "info replication", 0, "| grep link_status:up; do sleep 0.1; done");
	must_ports("[ \"$(redis-cli -p", old_port, "failover to 127.0.0.1", new_port, "timeout 20000)\" = OK ]");
	must_ports("until redis-cli -p", new_port, "info replication", 0, "| grep role:master; do sleep 0.1; done");
	load_end(&load);
	ck_assert_int_eq(role_run_stop(web), 0);
	ck_assert_int_eq(role_run_stop(worker), 0);
	redis_private_kill(old);
	redis = new;
	web = start("web-role", "WebRole_IN_0");
	worker = start("worker-role", "WorkerRole_IN_0");
	ck_assert_uint_eq(job_client_wait_all(role_run_port(web), &load.list, "144", SOON_MS), load.list.n);
	await_state(other.ids[0], "delayed");
	submit(SQUARE, &other);
	await_state(other.ids[1], "succeeded");
	fsck_is_clean();
	ck_assert_int_eq(role_run_stop(web), 0);
	ck_assert_int_eq(role_run_stop(worker), 0);
	redis_private_stop(old);
	redis_private_stop(new);
	job_list_fini(&other);
	job_list_fini(&load.list);
}
END_TEST

/* ---- limits ---- */

/* %S: the backup. What is refused leaves nothing behind. */
static const struct {
	const char *prepare, *line, *says;
	int status;
} refusals[] = {
	{ ":", "%B", "expected one folder, got 0 words", 2 },
	{ ":", "%B %F/nowhere", "expected a folder that can be written to", 2 },
	{ ":", "SQUARE_REDIS_URL= %B %F", "expected SQUARE_REDIS_URL or SQUARE_REDIS_URL_FILE", 2 },
	{ ":", "SQUARE_REDIS_URL=redis+sentinel://h/m %B %F", "expected the URL of one Redis", 2 },
	{ ":", "SQUARE_REDIS_URL=http://u:geheim@h %B %F", "begins with redis:// or unix://", 2 },
	{ ":", "SQUARE_REDIS_URL=unix://u:geheim@%F/none %B %F",
	  "expected Redis to answer INFO, got: Could not connect", 1 },
	{ ":", "SQUARE_REDIS_URL=unix://%D/redis.sock?db=0 PATH=/nowhere /bin/sh %B %F", "redis-cli is missing", 1 },
	{ ":", "%R %S", "expected a backup and a folder, got 1 words", 2 },
	{ ":", "%R %F/none %F/empty", "expected a backup that can be read", 2 },
	{ ":", "%R %S %F/nowhere", "expected a folder that can be written to", 2 },
	{ ":", "%R %S %D", "appendonlydir exists: move it away first", 1 },
	{ "touch %F/empty/dump.rdb", "%R %S %F/empty", "dump.rdb exists: move it away first", 1 },
	{ "printf x >>%S", "%R %S %F/empty", "its SHA-256 is another", 1 },
	{ "rm %S.sha256; truncate -s -100 %S", "%R %S %F/empty", "is damaged", 1 },
	{ "echo no >%F/text", "%R %F/text %F/empty", "is damaged", 1 },
	{ "redis-server --port 0 --unixsocket %F/s --dir %F --dbfilename other --save '' >&2 & until redis-cli -s %F/s "
	  "save >&2; do sleep 0.05; done; redis-cli -s %F/s shutdown nosave; wait",
	  "%R %F/other %F/empty", "has not its functions", 1 },
};

/* The line with the backup's name in it. */
static int shell_with_backup(const char *line, char *said, size_t size)
{
	char text[1024];
	int n = 0;

	for (; *line; line++) {
		if (strncmp(line, "%S", 2) == 0)
			n += snprintf(text + n, sizeof(text) - (size_t)n, "%s", backup), line++;
		else
			n += snprintf(text + n, sizeof(text) - (size_t)n, "%c", *line);
	}
	return shell(text, said, size);
}

static void made_for_refusals(void)
{
	set_up();
	back_up();
	must("mkdir %F/kept %F/empty && cp -p %F/square-* %F/kept");
}

START_TEST(test_scripts_refuse)
{
	char said[4096];

	ck_assert_int_eq(shell_with_backup(refusals[_i].prepare, said, sizeof(said)), 0);
	int status = shell_with_backup(refusals[_i].line, said, sizeof(said));
	ck_assert_msg(status == refusals[_i].status && strstr(said, refusals[_i].says),
		      "%s: expected %d, %s; got %d, %s", refusals[_i].line, refusals[_i].status, refusals[_i].says,
		      status, said);
	ck_assert_ptr_null(strstr(said, "geheim"));
	must("rm -f %F/empty/dump.rdb; [ -z \"$(ls -A %F/empty)\" ]"); /* nothing was made */
	must("[ \"$(ls -A %F | grep -c '^[.]')\" = 0 ]");              /* no part of a backup stays */
	must("[ \"$(ls %F | grep -c 'rdb$')\" = 1 ]");                 /* nor a further one */
	must("rm -f %F/other %F/text; cp -p %F/kept/square-* %F");     /* as before, for the next */
}
END_TEST

/* A line of shell that is to end with `status` and to say `says`. */
static void ends_with(const char *line, int status, const char *says)
{
	char said[4096];
	int got = shell_with_backup(line, said, sizeof(said));

	ck_assert_msg(got == status && strstr(said, says), "%s: expected %d, %s; got %d, %s", line, status, says, got,
		      said);
}

/* Passwords and paths that a URL can have only encoded; one that a shell could take for something else. */
START_TEST(test_backup_decodes_the_url)
{
	must(
	    "redis-cli -s %D/redis.sock acl setuser b on '>p@ss:%\\101/' '~*' '&*' +@all >&2 && mkdir %F/new %F/newer");
	must("ln -s %D/redis.sock '%F/a b@c'");
	ends_with("SQUARE_REDIS_URL='unix://b:p%40ss:%25%5C101%2f@%D/redis.sock' %B %F/new", 0, "from a master");
	ends_with("SQUARE_REDIS_URL='unix://%62:p%40ss:%25\\101/@%F/a%20b%40c?db=0' %B %F/newer", 0, "from a master");
	must("redis-cli -s %D/redis.sock acl deluser b >&2; rm -r %F/new %F/newer '%F/a b@c'");
}
END_TEST

/* Programs of these names, that first do `what`, in %F/bin. */
static void instead_of(const char *program, const char *what)
{
	char line[600];

	(void)snprintf(line, sizeof(line),
		       "mkdir -p %%F/bin %%F/new && printf '%%s\\n' '#!/bin/sh' '%s' "
		       "\"exec $(command -v %s) \\\"\\$@\\\"\" >%%F/bin/%s && chmod +x %%F/bin/%s",
		       what, program, program, program);
	must(line);
}

/* Another backup of the same second has its name, or is about to: it keeps what it made, and nothing else is left. */
START_TEST(test_backup_leaves_another_of_the_same_second)
{
	static const char *const theirs[] = { "square-T.rdb.sha256", "square-T.rdb",
					      "square-T.rdb square-T.rdb.sha256" };
	char line[300];

	must("rm -rf %F/new %F/bin");
	instead_of("date", "echo T; exit");
	(void)snprintf(line, sizeof(line), "for i in %s; do echo theirs >%%F/new/$i; done", theirs[_i]);
	instead_of("sha256sum", line);
	ends_with("PATH=%F/bin:$PATH %B %F/new", 1, "expected to give the copy a new name");
	(void)snprintf(line, sizeof(line), "[ \"$(cd %%F/new; echo $(ls -A))\" = '%s' ]", theirs[_i]);
	must(line);
	must("for i in %F/new/*; do [ \"$(cat $i)\" = theirs ] || exit 1; done; rm -r %F/new %F/bin");
}
END_TEST

/* A Redis that starts on the folder meanwhile makes its own: the backup is not moved into that. */
START_TEST(test_restore_of_a_folder_that_fills_meanwhile)
{
	must("rm -rf %F/new %F/bin");
	instead_of("sync", "mkdir -p %F/new/appendonlydir; touch %F/new/appendonlydir/theirs");
	ends_with("PATH=%F/bin:$PATH %R %S %F/new", 1, "could not make");
	must("[ \"$(cd %F/new; echo $(find . | sort))\" = '. ./appendonlydir ./appendonlydir/theirs' ]");
	must("rm -r %F/new/appendonlydir");
	instead_of("sync", "mkdir -p %F/new/appendonlydir");
	ends_with("PATH=%F/bin:$PATH %R %S %F/new", 1, "could not make");
	must("[ -z \"$(ls -A %F/new/appendonlydir)\" ] && [ \"$(ls -A %F/new)\" = appendonlydir ]");
	must("rm -r %F/new %F/bin");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backup");
	TCase *core = tcase_create("core"), *move = tcase_create("move"), *limits = tcase_create("limits");

	tcase_add_checked_fixture(core, set_up, tear_down);
	tcase_set_timeout(core, 120);
	tcase_add_test(core, test_restore_after_everything_was_lost);
	suite_add_tcase(suite, core);
	tcase_set_timeout(move, 120);
	tcase_add_test(move, test_move_of_redis_loses_nothing);
	suite_add_tcase(suite, move);
	tcase_add_unchecked_fixture(limits, made_for_refusals, tear_down);
	tcase_set_timeout(limits, 120);
	tcase_add_loop_test(limits, test_scripts_refuse, 0, (int)(sizeof(refusals) / sizeof(refusals[0])));
	tcase_add_test(limits, test_backup_decodes_the_url);
	tcase_add_loop_test(limits, test_backup_leaves_another_of_the_same_second, 0, 3);
	tcase_add_test(limits, test_restore_of_a_folder_that_fills_meanwhile);
	suite_add_tcase(suite, limits);
	return suite_run(suite);
}
