/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The service under the users of its Redis: it needs no right that it has not got, has none that it should not have,
 * and tells nobody its passwords. */
#include <check.h>
#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fabric_run.h"
#include "http_client.h"
#include "job_client.h"
#include "proc.h"
#include "readfile.h"
#include "redis_private.h"
#include "rlink.h"
#include "role_run.h"
#include "suite_run.h"
#include "wait_until.h"

#define SOON_MS 30000
#define JOB_MAX 120 /* bytes of a job's path */

#define STRANGE "hunter2" /* a password that is not for the fabric's Redis, and that nobody needs to know */

static struct fabric_run *service;
static struct http_answer answer;

static void set_up(void)
{
	static const char *const env[] = { "WEB_INSTANCES=2", "WORKER_INSTANCES=2",
					   "SQUARE_ENABLE_TEST_OPERATIONS=true",
					   "SQUARE_REDIS_URL=redis://me:" STRANGE "@127.0.0.1:1", NULL };
	service = fabric_run_start(env);
}

static void tear_down(void)
{
	http_answer_fini(&answer);
	ck_assert_int_eq(fabric_run_stop(service), 0);
}

/* ---- talking to Redis ---- */

static struct rsync *admin(void)
{
	struct errinfo info;
	struct rsync *s = rsync_open(fabric_run_redis_url(service), SOON_MS, &info);
	ck_assert_msg(s != NULL, "%s", info.text);
	return s;
}

/* The URL that the fabric gave to a role, as it stands in its file. */
static char *url_of(const char *user)
{
	char path[PATH_MAX + 64];
	struct errinfo info;
	size_t n;
	(void)snprintf(path, sizeof path, "%s/redis/%s.url", fabric_run_dir(service), user);
	char *url = readfile(path, 4096, &n, &info);
	ck_assert_msg(url != NULL, "%s", info.text);
	url[strcspn(url, "\n")] = '\0';
	return url;
}

/* unix://USER:PASSWORD@PATH */
static char *password_of(const char *user)
{
	char *url = url_of(user), *colon = strchr(url + strlen("unix://"), ':');
	ck_assert_ptr_nonnull(colon);
	char *password = strndup(colon + 1, strcspn(colon + 1, "@"));
	ck_assert_uint_eq(strlen(password), 64);
	free(url);
	return password;
}

static struct rsync *as(const char *user)
{
	struct errinfo info;
	char *url = url_of(user);
	struct rsync *s = rsync_open(url, SOON_MS, &info);
	ck_assert_msg(s != NULL, "%s", info.text);
	free(url);
	return s;
}

/* A command of words that spaces part. */
static const char *say(struct rsync *s, const char *command, enum rreply_type *type)
{
	struct rcmd cmd;
	struct errinfo info;
	rcmd_init(&cmd);
	for (size_t n; *command; command += n + (command[n] == ' ')) {
		n = strcspn(command, " ");
		rcmd_arg(&cmd, command, n);
	}
	const struct rreply *reply = rsync_call(s, &cmd, &info);
	ck_assert_msg(reply != NULL, "%s", info.text);
	rcmd_fini(&cmd);
	*type = rreply_type(reply);
	return rreply_str(reply, NULL);
}

/* ---- the service works ---- */

/* What the load balancer or a restarted instance cannot do just now is asked again. */
static long ask_with(const char *method, const char *path, const char *header, const char *body)
{
	const char *const headers[] = { header, NULL };
	for (int i = 0; i < 500; i++) {
		http_answer_fini(&answer);
		http_client_call(fabric_run_http(service), method, path, headers, body, SOON_MS, &answer);
		if (answer.status != 503 && answer.status != 0)
			break;
	}
	return answer.status;
}

static void expect(long status, const char *method, const char *path, const char *body)
{
	long got = ask_with(method, path, NULL, body);
	ck_assert_msg(got == status, "%s %s: expected %ld, got %ld: %s %s", method, path, status, got, answer.error,
		      answer.body);
}

static const char *state_now(const char *path)
{
	expect(200, "GET", path, NULL);
	return http_answer_text(&answer, "state");
}

struct awaited {
	const char *path, *state;
};

static bool is_in_state(void *arg)
{
	const struct awaited *a = arg;
	return strcmp(state_now(a->path), a->state) == 0;
}

static void await(const char *path, const char *state)
{
	struct awaited a = { path, state };
	ck_assert_msg(wait_until(is_in_state, &a, SOON_MS), "%s: expected %s, got %s", path, state, answer.body);
}

static void submit(char path[JOB_MAX], const char *body)
{
	expect(202, "POST", "/v1/jobs", body);
	(void)snprintf(path, JOB_MAX, "/v1/jobs/%s", http_answer_text(&answer, "id"));
}

static void use_submissions(void)
{
	char path[JOB_MAX];
	expect(200, "POST", "/v1/jobs?wait=20", "{\"op\":\"square\",\"args\":[12]}");
	expect(200, "POST", "/v1/jobs?wait=20",
	       "[{\"op\":\"square\",\"args\":[12]},{\"op\":\"div\",\"args\":[1,0]},{\"op\":\"no\"}]");
	for (int i = 0; i < 2; i++) {
		ck_assert_int_ge(ask_with("POST", "/v1/jobs?wait=20", "Idempotency-Key: once",
					  "{\"op\":\"square\",\"args\":[13]}"),
				 200);
		ck_assert_msg(answer.status <= 202, "%ld %s", answer.status, answer.body);
	}
	ck_assert_int_eq(ask_with("POST", "/v1/jobs", "Idempotency-Key: once", "{\"op\":\"square\",\"args\":[14]}"),
			 422);
	for (int i = 0; i < 3; i++)
		expect(200, "POST", "/v1/jobs?wait=20", "{\"op\":\"square\",\"args\":[15],\"cache\":\"use\"}");
	submit(path, "{\"op\":\"sleep\",\"args\":[300],\"cache\":\"use\"}");
	expect(200, "POST", "/v1/jobs?wait=20", "{\"op\":\"sleep\",\"args\":[300],\"cache\":\"use\"}");
	await(path, "succeeded");
	(void)strcat(path, "/result");
	expect(200, "GET", path, NULL);
	submit(path, "{\"op\":\"square\",\"args\":[1],\"priority\":\"high\",\"delay_ms\":50}");
	await(path, "succeeded");
	(void)strcat(path, "/events");
	expect(200, "GET", path, NULL);
	submit(path, "{\"op\":\"square\",\"args\":[1],\"queue\":\"unserved\",\"expires_in_ms\":50}");
	await(path, "expired");
}

static void use_cancel_and_retry(void)
{
	char path[JOB_MAX], retry[JOB_MAX + 8];
	submit(path, "{\"op\":\"square\",\"args\":[1],\"delay_ms\":3600000}");
	expect(200, "DELETE", path, NULL);
	await(path, "cancelled");
	submit(path, "{\"op\":\"sleep\",\"args\":[20000]}");
	await(path, "running");
	(void)ask_with("DELETE", path, NULL, NULL);
	await(path, "cancelled");
	submit(path, "{\"op\":\"div\",\"args\":[1,0]}");
	await(path, "failed");
	(void)snprintf(retry, sizeof retry, "%s/retry", path);
	expect(202, "POST", retry, NULL);
	await(path, "failed");
}

static void use_queue(void)
{
	char path[JOB_MAX], other[JOB_MAX];
	submit(path, "{\"op\":\"crash\",\"args\":[\"abort\"],\"max_attempts\":2}");
	await(path, "dead");
	expect(200, "PATCH", "/v1/queues/math", "{\"paused\":true}");
	expect(202, "POST", "/v1/queues/math/redrive", NULL);
	submit(other, "{\"op\":\"square\",\"args\":[1]}");
	expect(200, "GET", "/v1/queues/math", NULL);
	expect(200, "PATCH", "/v1/queues/math", "{\"paused\":false}");
	await(path, "dead");
	await(other, "succeeded");
}

static void use_reads(void)
{
	static const char *const paths[] = {
		"/readyz",
		"/metrics",
		"/v1/queues",
		"/v1/workers",
		"/v1/operations",
		"/v1/jobs?limit=2",
		"/v1/jobs?state=queued&limit=2",
		"/v1/jobs?state=delayed&limit=2",
		"/v1/jobs?state=running&limit=2",
		"/v1/jobs?state=succeeded&limit=2",
		"/v1/jobs?state=failed&limit=2",
		"/v1/jobs?state=cancelled&limit=2",
		"/v1/jobs?state=dead&limit=1",
	};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		expect(200, "GET", paths[i], NULL);
		const char *next = http_answer_text(&answer, "next");
		if (*next) {
			char page[400];
			(void)snprintf(page, sizeof page, "%s&cursor=%s", paths[i], next);
			expect(200, "GET", page, NULL);
		}
	}
	char *squares = tcp_client_ask(fabric_run_tcp(service), "12\n", SOON_MS);
	ck_assert_ptr_nonnull(squares);
	ck_assert_str_eq(squares, "144\n");
	free(squares);
}

/* An instance is ended by each of the two signals while it has jobs in hand: leases run out, batches are released,
 * registrations go, and whoever comes instead registers. */
static void use_deaths(void)
{
	static const struct {
		const char *name;
		int signal;
	} deaths[] = { { "WorkerRole_IN_0", SIGKILL }, { "WorkerRole_IN_1", SIGTERM }, { "WebRole_IN_0", SIGTERM } };
	struct job_list jobs = { 0 };
	for (size_t i = 0; i < 30; i++)
		while (job_client_submit(fabric_run_http(service), "{\"op\":\"sleep\",\"args\":[200]}", &jobs) != 202)
			ck_assert(proc_alive(fabric_run_pid(service)));
	for (size_t i = 0; i < sizeof deaths / sizeof *deaths; i++) {
		pid_t old = fabric_run_pid_of(service, deaths[i].name);
		ck_assert_int_eq(kill(old, deaths[i].signal), 0);
		ck_assert_int_gt(fabric_run_wait_new(service, deaths[i].name, old, SOON_MS), 0);
	}
	ck_assert_uint_eq(job_client_wait_all(fabric_run_http(service), &jobs, NULL, 2 * SOON_MS), jobs.n);
	job_list_fini(&jobs);
}

/* As the user who is for it; the queues are in motion no more. */
static void use_fsck(const char *option)
{
	char file[PATH_MAX + 64], program[PATH_MAX];
	const char *const env[] = { "SQUARE_REDIS_URL", file, NULL };
	const char *const argv[] = { program, "fsck", option, NULL };
	struct proc_result r;
	(void)snprintf(file, sizeof file, "SQUARE_REDIS_URL_FILE=%s/redis/square-fsck.url", fabric_run_dir(service));
	(void)snprintf(program, sizeof program, "%s", proc_program("square"));
	proc_run(argv, env, NULL, SOON_MS, &r);
	ck_assert_msg(r.status == 0, "square fsck: status %d\n%s%s", r.status, r.out, r.err);
	proc_result_fini(&r);
}

/* Every refusal is in this log: of a command, of a key, also inside of functions. */
static void expect_no_refusal(void)
{
	struct errinfo info;
	struct rsync *s = admin();
	const struct rreply *log = rsync_words(s, &info, "ACL", "LOG", NULL);
	ck_assert_ptr_nonnull(log);
	for (size_t i = 0; i < rreply_count(log); i++) {
		const struct rreply *one = rreply_at(log, i);
		for (size_t k = 0; k + 1 < rreply_count(one); k += 2)
			(void)fprintf(stderr, "%s=%s ", rreply_str(rreply_at(one, k), NULL),
				      rreply_str(rreply_at(one, k + 1), NULL));
		(void)fprintf(stderr, "\n");
	}
	ck_assert_msg(rreply_count(log) == 0, "expected an empty ACL LOG, got %zu entries, see above",
		      rreply_count(log));
	rsync_close(s);
}

START_TEST(test_whole_service_needs_no_right_that_it_lacks)
{
	expect_no_refusal(); /* from the very start on */
	use_submissions();
	use_cancel_and_retry();
	use_queue();
	use_reads();
	use_deaths();
	use_reads();
	use_fsck(NULL);
	use_fsck("--repair");
	expect_no_refusal();
}
END_TEST

/* ---- what the roles may not do ---- */

static const char *const roles[] = { "square-web", "square-worker" };

START_TEST(test_role_may_not)
{
	static const char *const commands[] = {
		/* what ends, empties or changes Redis */
		"FLUSHALL", "FLUSHDB", "SHUTDOWN NOSAVE", "CONFIG SET maxmemory 1", "CONFIG REWRITE",
		"CONFIG RESETSTAT", "DEBUG SLEEP 0", "SAVE", "BGSAVE", "BGREWRITEAOF", "REPLICAOF NO ONE",
		"REPLICAOF 127.0.0.1 1", "FAILOVER", "SWAPDB 0 1", "MODULE LOAD /x.so", "MODULE LIST", "CLUSTER INFO",
		"PSYNC ? -1", "SYNC", "LATENCY RESET",
		/* what tells about others, or ends them */
		"MONITOR", "CLIENT LIST", "CLIENT KILL ID 1", "CLIENT PAUSE 1", "CLIENT NO-EVICT ON", "SLOWLOG GET",
		"ACL LIST", "ACL GETUSER square-admin", "ACL SETUSER square-web on nopass +@all ~*", "ACL LOG",
		"ACL WHOAMI", "KEYS *", "SCAN 0", "RANDOMKEY", "DBSIZE", "MEMORY DOCTOR", "SUBSCRIBE x", "PSUBSCRIBE *",
		"PUBLISH x y", "SPUBLISH x y",
		/* code of one's own, by another way than the library */
		"EVAL return 0", "EVAL_RO return 0", "EVALSHA abc 0", "SCRIPT LOAD x", "SCRIPT KILL",
		"FUNCTION DELETE square", "FUNCTION FLUSH", "FUNCTION DUMP", "FUNCTION RESTORE x", "FUNCTION KILL",
		"FUNCTION LIST", "MULTI",
		/* commands that no function needs, on keys that are ours */
		"DUMP {jq:math:0}:st", "RESTORE {jq:x} 0 x", "RENAME {jq:x} {jq:y}", "COPY {jq:x} {jq:y}",
		"MOVE {jq:x} 1", "MIGRATE 127.0.0.1 1 {jq:x} 0 1", "SORT {jq:x}", "OBJECT FREQ {jq:x}",
		"PERSIST {jq:x}", "TOUCH {jq:x}", "XADD {jq:x} * a b", "PFADD {jq:x} a", "APPEND {jq:x} a",
		"GETDEL {jq:x}",
		/* keys of others */
		"GET other", "SET other 1", "DEL other", "HGETALL other", "HSET other a b", "EXPIRE other 1",
		"RPUSH {jqueue}:x 1", "GET {jq", "DEL {jq:math:0}:st other", "FCALL sq_version 1 other"
	};
	struct rsync *s = as(roles[_i]), *owner = admin();
	enum rreply_type type;
	ck_assert_str_eq(say(owner, "SET other 1", &type), "OK");
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		const char *text = say(s, commands[i], &type);
		/* Redis keeps DEBUG and MODULE from everybody, before it looks who it is. */
		bool refused =
		    strncmp(text, "NOPERM ", 7) == 0 || strstr(text, " command not allowed. If the enable-") != NULL;
		ck_assert_msg(type == RREPLY_ERROR && refused, "%s says %s: expected NOPERM, got %s", roles[_i],
			      commands[i], type == RREPLY_ERROR || *text ? text : "a reply");
	}
	ck_assert_str_eq(say(owner, "GET other", &type), "1");
	(void)say(owner, "DEL other", &type);
	(void)say(owner, "ACL LOG RESET", &type);
	rsync_close(s);
	rsync_close(owner);
}
END_TEST

/* Each role has what the other needs for its part only if it needs it as well. */
START_TEST(test_role_may_not_what_only_the_other_does)
{
	static const struct {
		const char *user, *command;
	} others[] = { { "square-web", "LMPOP 1 {jq:x} LEFT" },         { "square-web", "BLPOP {jq:x} 1" },
		       { "square-worker", "BLMPOP 1 1 {jq:x} LEFT" },   { "square-worker", "WAIT 1 1" },
		       { "square-worker", "MSETNX {jq:x} 1 {jq:y} 2" }, { "square-worker", "LPOS {jq:x} 1" } };
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		enum rreply_type type;
		struct rsync *s = as(others[i].user);
		const char *text = say(s, others[i].command, &type);
		ck_assert_msg(type == RREPLY_ERROR && strncmp(text, "NOPERM ", 7) == 0,
			      "%s says %s: expected NOPERM, got %s", others[i].user, others[i].command, text);
		rsync_close(s);
	}
}
END_TEST

/* Loading functions is everybody's, but they run with the rights of whoever calls them. */
START_TEST(test_function_of_a_role_gains_it_nothing)
{
	static const char library[] =
	    "#!lua name=evil\n"
	    "redis.register_function('evil_flush', function() return redis.call('FLUSHALL') end) "
	    "redis.register_function('evil_set', function() return redis.call('SET', 'other', 1) end)";
	static const char *const calls[] = { "FCALL evil_flush 0", "FCALL evil_set 0" };
	struct rsync *s = as(roles[_i]), *owner = admin();
	struct errinfo info;
	enum rreply_type type;
	ck_assert_str_eq(rreply_str(rsync_words(s, &info, "FUNCTION", "LOAD", "REPLACE", library, NULL), NULL), "evil");
	for (size_t i = 0; i < 2; i++) {
		const char *text = say(s, calls[i], &type);
		ck_assert_msg(type == RREPLY_ERROR && strstr(text, "The user executing the script can't"), "%s: %s",
			      calls[i], text);
	}
	ck_assert_str_eq(say(owner, "FUNCTION DELETE evil", &type), "OK");
	(void)say(owner, "ACL LOG RESET", &type);
	rsync_close(s);
	rsync_close(owner);
}
END_TEST

START_TEST(test_nobody_gets_in_without_password)
{
	static const struct {
		const char *command, *refusal;
	} tries[] = { { "PING", "NOAUTH " },
		      { "FCALL sq_version 1 {jq:reg}", "NOAUTH " },
		      { "INFO", "NOAUTH " },
		      { "AUTH default", "WRONGPASS " },
		      { "AUTH default default", "WRONGPASS " },
		      { "AUTH square-web square-web", "WRONGPASS " },
		      { "AUTH square-admin square-admin", "WRONGPASS " },
		      { "HELLO 3 AUTH default nopass", "WRONGPASS " },
		      { "HELLO 3", "NOAUTH " } };
	char url[PATH_MAX + 16];
	struct errinfo info;
	(void)snprintf(url, sizeof url, "unix://%s", fabric_run_socket(service));
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
		enum rreply_type type;
		struct rsync *s = rsync_open(url, SOON_MS, &info);
		ck_assert_msg(s != NULL, "%s", info.text);
		const char *text = say(s, tries[i].command, &type);
		ck_assert_msg(type == RREPLY_ERROR && strncmp(text, tries[i].refusal, strlen(tries[i].refusal)) == 0,
			      "%s: expected %s, got %s", tries[i].command, tries[i].refusal, text);
		rsync_close(s);
	}
	struct rsync *owner = admin();
	enum rreply_type type;
	(void)say(owner, "ACL LOG RESET", &type);
	rsync_close(owner);
}
END_TEST

/* ---- passwords stay where they are ---- */

#define USERS 5

static const char *const users[USERS] = { "square-web", "square-worker", "square-fsck", "square-backup",
					  "square-admin" };
static char *secrets[USERS];

/* Fails if the text, of n bytes, has a password in it. */
static void expect_no_secret(const char *text, size_t n, const char *where)
{
	for (size_t i = 0; i < USERS; i++)
		ck_assert_msg(memmem(text, n, secrets[i], strlen(secrets[i])) == NULL, "a password stands in %s",
			      where);
}

static unsigned looked_at;

static int look_into(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	size_t n = 0, length = strlen(path);
	struct errinfo info;
	(void)ftw;
	if (flag != FTW_F || !S_ISREG(st->st_mode))
		return 0;
	ck_assert_msg((st->st_mode & 077) == 0 || strstr(path, "/appendonlydir/"),
		      "%s: expected nobody else to have a right, got %o", path, (unsigned)st->st_mode & 0777);
	if (length > 4 && strcmp(path + length - 4, ".url") == 0)
		return 0;
	char *text = readfile(path, (size_t)1 << 30, &n, &info);
	if (text)
		expect_no_secret(text, n, path);
	free(text);
	looked_at++;
	return 0;
}

static void look_into_process(pid_t pid, const char *name)
{
	static const char *const files[] = { "cmdline", "environ" };
	for (size_t i = 0; i < 2; i++) {
		char path[64], text[65536];
		(void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, files[i]);
		FILE *f = fopen(path, "re");
		ck_assert_msg(f != NULL, "%s of %s", path, name);
		size_t n = fread(text, 1, sizeof text, f);
		(void)fclose(f);
		ck_assert_uint_gt(n, 0);
		expect_no_secret(text, n, path);
	}
}

/* The fabric itself was told it in its environment, and passes it on to nobody. */
static void expect_environment_without_strange(pid_t pid, const char *name)
{
	char path[64], text[65536];
	(void)snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
	FILE *f = fopen(path, "re");
	ck_assert_msg(f != NULL, "%s of %s", path, name);
	size_t n = fread(text, 1, sizeof text, f);
	(void)fclose(f);
	ck_assert_msg(!memmem(text, n, STRANGE, strlen(STRANGE)), "%s has a password in its environment", name);
}

START_TEST(test_passwords_are_in_their_files_only)
{
	static const char *const processes[] = { "redis",        "balancer",        "WebRole_IN_0",
						 "WebRole_IN_1", "WorkerRole_IN_0", "WorkerRole_IN_1" };
	static const char *const paths[] = { "/readyz", "/metrics", "/v1/workers", "/v1/queues" };
	for (size_t i = 0; i < USERS; i++)
		secrets[i] = password_of(users[i]);
	looked_at = 0;
	ck_assert_int_eq(nftw(fabric_run_dir(service), look_into, 16, FTW_PHYS), 0);
	ck_assert_uint_ge(looked_at, 10); /* logs, configuration, state.json, the append-only file */
	for (size_t i = 0; i < sizeof processes / sizeof *processes; i++)
		expect_environment_without_strange(fabric_run_pid_of(service, processes[i]), processes[i]);
	for (size_t i = 0; i < sizeof processes / sizeof *processes; i++)
		look_into_process(fabric_run_pid_of(service, processes[i]), processes[i]);
	look_into_process(fabric_run_pid(service), "the fabric");
	const char *said = fabric_run_said(service);
	expect_no_secret(said, strlen(said), "what the fabric said");
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		expect(200, "GET", paths[i], NULL);
		expect_no_secret(answer.body, strlen(answer.body), paths[i]);
	}
	for (size_t i = 0; i < USERS; i++)
		free(secrets[i]);
}
END_TEST

/* A role whose password is wrong goes on trying, says why, and does not say the password. */
START_TEST(test_wrong_password_is_told_without_it)
{
	char url[PATH_MAX + 100];
	const char *const env[] = { url, "SQUARE_LOG_LEVEL=debug", NULL };
	(void)snprintf(url, sizeof url, "SQUARE_REDIS_URL=unix://square-web:hunter2@%s", fabric_run_socket(service));
	struct role_run *r = role_run_start("web-role", "WebRole_IN_9", NULL, env);
	struct http_answer a;
	while (!strstr(role_run_said(r), "WRONGPASS"))
		ck_assert_msg(proc_alive(role_run_pid(r)), "%s", role_run_said(r));
	http_client_get(role_run_port(r), "/readyz", &a);
	ck_assert_int_eq(a.status, 503);
	ck_assert_msg(!strstr(a.body, "hunter2"), "%s", a.body);
	http_answer_fini(&a);
	http_client_post(role_run_port(r), "/v1/jobs", "{\"op\":\"square\",\"args\":[1]}", &a);
	ck_assert_int_eq(a.status, 503);
	ck_assert_msg(!strstr(a.body, "hunter2"), "%s", a.body);
	http_answer_fini(&a);
	ck_assert_msg(!strstr(role_run_said(r), "hunter2"), "%s", role_run_said(r));
	ck_assert_int_eq(role_run_stop(r), 0);
}
END_TEST

/* ---- a Redis that would forget ---- */

static bool is_ready(void *arg)
{
	http_answer_fini(&answer);
	http_client_get(role_run_port(arg), "/readyz", &answer);
	return answer.status == 200;
}

static bool says_why(void *arg)
{
	return strstr(role_run_said(arg), "Redis would drop the jobs when it restarts") != NULL;
}

/* `user default off` alone makes Redis 7.0 lose at its next start what functions wrote. */
START_TEST(test_default_user_without_rights_is_refused)
{
	static const char *const programs[] = { "web-role", "worker-role" };
	struct redis_private *redis = redis_private_start(NULL);
	char url[PATH_MAX + 32], entry[PATH_MAX + 64];
	const char *const env[] = { entry, NULL };
	struct errinfo info;
	enum rreply_type type;
	struct rsync *s = rsync_open(redis_private_url(redis), SOON_MS, &info);
	ck_assert_msg(s != NULL, "%s", info.text);
	(void)snprintf(url, sizeof url, "unix://me:x@%s", redis_private_socket(redis));
	(void)snprintf(entry, sizeof entry, "SQUARE_REDIS_URL=%s", url);
	ck_assert_str_eq(say(s, "ACL SETUSER me on nopass ~* &* +@all", &type), "OK");
	ck_assert_str_eq(say(s, "AUTH me x", &type), "OK");
	ck_assert_str_eq(say(s, "ACL SETUSER default reset", &type), "OK"); /* off, no rights */
	struct role_run *r = role_run_start(programs[_i], _i == 0 ? "WebRole_IN_0" : "WorkerRole_IN_0", NULL, env);
	ck_assert_msg(wait_until(says_why, r, SOON_MS), "%s", role_run_said(r));
	if (_i == 0) {
		ck_assert(!is_ready(r));
		/* what it asks for: all rights, and still off */
		ck_assert_str_eq(say(s, "ACL SETUSER default off resetpass allkeys allchannels allcommands", &type),
				 "OK");
		ck_assert_msg(wait_until(is_ready, r, SOON_MS), "%s", role_run_said(r));
	}
	http_answer_fini(&answer);
	ck_assert_int_eq(role_run_stop(r), 0);
	rsync_close(s);
	redis_private_stop(redis);
}
END_TEST

/* The check of the configuration shows all settings. */
START_TEST(test_check_of_the_configuration_hides_the_password)
{
	static const char *const env[] = { "SQUARE_REDIS_URL=redis://me:hunter2@127.0.0.1:6379", NULL };
	char definition[PATH_MAX], program[PATH_MAX];
	static const char *const programs[] = { "web-role", "worker-role" };
	(void)snprintf(definition, sizeof definition, "%s", proc_source("service.csdef"));
	for (size_t i = 0; i < 2; i++) {
		struct proc_result r;
		(void)snprintf(program, sizeof program, "%s", proc_program(programs[i]));
		const char *const argv[] = { program, "-n", "--definition", definition, NULL };
		proc_run(argv, env, NULL, SOON_MS, &r);
		ck_assert_msg(r.status == 0, "%s", r.err);
		ck_assert_msg(strstr(r.out, "RedisUrl = redis://***@127.0.0.1:6379"), "%s", r.out);
		ck_assert(!strstr(r.out, "hunter2") && !strstr(r.err, "hunter2"));
		proc_result_fini(&r);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("acl");
	TCase *tc = tcase_create("core");
	tcase_add_unchecked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 150);
	tcase_add_test(tc, test_whole_service_needs_no_right_that_it_lacks);
	tcase_add_loop_test(tc, test_role_may_not, 0, 2);
	tcase_add_test(tc, test_role_may_not_what_only_the_other_does);
	tcase_add_loop_test(tc, test_function_of_a_role_gains_it_nothing, 0, 2);
	tcase_add_test(tc, test_nobody_gets_in_without_password);
	tcase_add_test(tc, test_passwords_are_in_their_files_only);
	tcase_add_test(tc, test_wrong_password_is_told_without_it);
	tcase_add_test(tc, test_check_of_the_configuration_hides_the_password);
	suite_add_tcase(s, tc);
	tc = tcase_create("forgetful");
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_default_user_without_rights_is_refused, 0, 2);
	suite_add_tcase(s, tc);
	return suite_run(s);
}
