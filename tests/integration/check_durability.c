/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an acknowledgement is worth, with the real web role and a real Redis: jobs acknowledged while the disk is slow
 * outlive a killed Redis; replicas have what DurableReplicas promises, or nothing is acknowledged; and clients are told
 * how durable their jobs are. */
#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http_client.h"
#include "proc.h"
#include "redis_private.h"
#include "rlink.h"
#include "role_run.h"
#include "suite_run.h"
#include "wait_until.h"

#define SOON_MS 20000
#define JOBS 50
#define ID_SIZE 37

static struct redis_private *redis;
static struct role_run *web, *worker;
static struct http_answer answer;
static char hold_path[120];

/* ---- the service ---- */

static long ask(const char *method, const char *path, const char *body)
{
	http_answer_fini(&answer);
	http_client_call(role_run_port(web), method, path, NULL, body, SOON_MS, &answer);
	return answer.status;
}

static bool operations_are_known(void *arg)
{
	(void)arg;
	return ask("POST", "/v1/jobs", "{\"op\":\"square\",\"args\":[]}") == 422;
}

static void start_roles(const char *const *web_env)
{
	static const char *const worker_env[] = { "SQUARE_ALLOW_VOLATILE_REDIS=true", NULL };
	worker = role_run_start("worker-role", "WorkerRole_IN_0", redis_private_url(redis), worker_env);
	web = role_run_start("web-role", "WebRole_IN_0", redis_private_url(redis), web_env);
	ck_assert(wait_until(operations_are_known, NULL, SOON_MS));
}

static void stop(void)
{
	http_answer_fini(&answer);
	ck_assert_int_eq(role_run_stop(web), 0);
	ck_assert_int_eq(role_run_stop(worker), 0);
	redis_private_stop(redis);
}

static bool is_ready(void *arg)
{
	(void)arg;
	return ask("GET", "/readyz", NULL) == 200;
}

/* A submission as a client makes it that is patient: a busy machine is no fault of the service. */
static bool is_accepted(void *body)
{
	return ask("POST", "/v1/jobs", body) == 202;
}

static bool exists(const char *id)
{
	char path[80];
	snprintf(path, sizeof path, "/v1/jobs/%.36s", id);
	while (ask("GET", path, NULL) == 503)
		;
	return answer.status == 200;
}

/* ---- a disk that is slow ---- */

/* For the next process that is started. */
static void preload(void)
{
	char shim[300];
	const char *build = getenv("BUILD_DIR");
	snprintf(shim, sizeof shim, "%s/lib/slow_fsync.so", build ? build : "build/release");
	ck_assert_msg(access(shim, R_OK) == 0, "expected %s, as make builds it", shim);
	setenv("LD_PRELOAD", shim, 1);
}

static void start_slow(void)
{
	preload();
	snprintf(hold_path, sizeof hold_path, "/tmp/square-hold-%d", (int)getpid());
	setenv("SLOW_FSYNC_WHILE", hold_path, 1);
	redis = redis_private_start(NULL);
	unsetenv("LD_PRELOAD");
}

static void restart_slow(void)
{
	char shim[300];
	snprintf(shim, sizeof shim, "%s/lib/slow_fsync.so",
		 getenv("BUILD_DIR") ? getenv("BUILD_DIR") : "build/release");
	unlink(hold_path);
	setenv("LD_PRELOAD", shim, 1);
	redis_private_restart(redis);
	unsetenv("LD_PRELOAD");
	ck_assert(wait_until(is_ready, NULL, SOON_MS));
}

static bool fsync_runs(void *arg)
{
	struct rsync *s = rsync_open(redis_private_url(redis), 5000, NULL);
	bool runs = false;
	(void)arg;
	if (s) {
		rsync_words(s, NULL, "SET", "unrelated", "1", NULL); /* there must be something to sync */
		const char *info = rreply_str(rsync_words(s, NULL, "INFO", "persistence", NULL), NULL);
		runs = strstr(info, "aof_pending_bio_fsync:1") != NULL;
	}
	rsync_close(s);
	return runs;
}

/* From now on an fsync is under way, and does not end. */
static void hold(void)
{
	int fd = open(hold_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert(wait_until(fsync_runs, NULL, SOON_MS));
}

static int64_t jobs_in(const struct redis_private *where)
{
	struct rsync *s = rsync_open(redis_private_url(where), 5000, NULL);
	ck_assert_ptr_nonnull(s);
	int64_t n = (int64_t)rreply_count(rsync_words(s, NULL, "KEYS", "{jq:math:0}:j:*", NULL));
	rsync_close(s);
	return n;
}

static char ids[3 * JOBS][ID_SIZE];
static size_t n_ids;

static void keep(const json_t *job)
{
	const char *id = json_string_value(json_object_get(job, "id"));
	if (id)
		snprintf(ids[n_ids++], ID_SIZE, "%s", id);
}

/* A client in a thread of its own. */
struct client {
	const char *path, *body;
	struct http_answer answer;
	pthread_t thread;
	atomic_bool answered;
};

static void *run_client(void *arg)
{
	struct client *c = arg;
	http_client_call(role_run_port(web), "POST", c->path, NULL, c->body, SOON_MS, &c->answer);
	atomic_store(&c->answered, true);
	return NULL;
}

/* Keeps the ids of what was acknowledged. */
static void end_client(struct client *c)
{
	const json_t *items, *job;
	size_t i;
	pthread_join(c->thread, NULL);
	ck_assert_msg(c->answer.status < 300 || c->answer.status == 503, "expected 2xx or 503, got %ld %s",
		      c->answer.status, c->answer.body);
	if (c->answer.status == 503)
		;
	else if ((items = json_object_get(c->answer.json, "items")))
		json_array_foreach(items, i, job) keep(job);
	else
		keep(c->answer.json);
	http_answer_fini(&c->answer);
}

static const char *many(void)
{
	static char body[JOBS * 40];
	char *end = body + sprintf(body, "[");
	for (int i = 0; i < JOBS; i++)
		end += sprintf(end, "%s{\"op\":\"square\",\"args\":[%d]}", i ? "," : "", i);
	strcpy(end, "]");
	return body;
}

enum { CLIENTS = 4 };

/* Redis has all their jobs, or they have been answered already. */
static bool is_time_to_kill(void *arg)
{
	struct client *clients = arg;
	bool answered = true;
	for (int i = 0; i < CLIENTS; i++)
		answered = answered && atomic_load(&clients[i].answered);
	return answered || jobs_in(redis) >= 1 + 2 * JOBS + 2;
}

/* While an fsync runs, Redis answers before it writes: what was acknowledged then must be there all the same. */
START_TEST(test_acknowledged_while_fsync_runs)
{
	static char body[] = "{\"op\":\"square\",\"args\":[7]}";
	struct client clients[CLIENTS] = { { .path = "/v1/jobs", .body = many() },
					   { .path = "/v1/jobs", .body = body },
					   { .path = "/v1/jobs?wait=3", .body = many() },
					   { .path = "/v1/jobs?wait=3", .body = body } };
	n_ids = 0;
	start_slow();
	start_roles((const char *const[]){ "SQUARE_REACTORS=1", NULL });
	ck_assert(wait_until(is_accepted, body, SOON_MS));
	keep(answer.json);
	hold();
	for (int i = 0; i < CLIENTS; i++)
		ck_assert_int_eq(pthread_create(&clients[i].thread, NULL, run_client, &clients[i]), 0);
	ck_assert(wait_until(is_time_to_kill, clients, SOON_MS));
	redis_private_kill(redis);
	restart_slow();
	for (int i = 0; i < CLIENTS; i++)
		end_client(&clients[i]);
	for (size_t i = 0; i < n_ids; i++)
		ck_assert_msg(exists(ids[i]), "expected all %zu acknowledged jobs, number %zu is lost: %ld %s", n_ids,
			      i, answer.status, answer.body);
	stop();
}
END_TEST

/* ---- what readers are told ---- */

static void set_paused(bool paused)
{
	struct rsync *s = rsync_open(redis_private_url(redis), 5000, NULL);
	ck_assert_ptr_nonnull(s);
	ck_assert(rsync_words(s, NULL, "FCALL", "sq_pause", "1", "{jq:math:0}", paused ? "1" : "0", NULL) != NULL);
	rsync_close(s);
}

static bool has_ended(const char *id)
{
	struct rsync *s = rsync_open(redis_private_url(redis), 5000, NULL);
	char key[80];
	snprintf(key, sizeof key, "{jq:math:0}:j:%s", id);
	ck_assert_ptr_nonnull(s);
	bool ended = strcmp(rreply_str(rsync_words(s, NULL, "GETRANGE", key, "2", "2", NULL), NULL), "s") == 0;
	rsync_close(s);
	return ended;
}

static const char *const readings[] = { "", "?wait=1", "/result" };

/* A client that reads the end of a job while an fsync runs is told of one that stays, or of none. */
START_TEST(test_end_read_while_fsync_runs)
{
	static char body[] = "{\"op\":\"square\",\"args\":[7]}";
	char path[100], job[80], told[40] = "";
	start_slow();
	start_roles((const char *const[]){ "SQUARE_REACTORS=1", NULL });
	set_paused(true);
	ck_assert(wait_until(is_accepted, body, SOON_MS));
	char *id = strdup(http_answer_text(&answer, "id"));
	snprintf(job, sizeof job, "/v1/jobs/%s", id);
	snprintf(path, sizeof path, "%s%s", job, readings[_i]);
	hold();
	set_paused(false);
	for (bool ended = false; !ended && !told[0];) {
		ended = has_ended(id);
		if (ask("GET", path, NULL) == 200 && json_is_true(json_object_get(answer.json, "done")))
			snprintf(told, sizeof told, "%s", http_answer_text(&answer, "finished_at"));
		else if (answer.status == 200 && strstr(readings[_i], "result"))
			snprintf(told, sizeof told, "%s", "told");
	}
	redis_private_kill(redis);
	restart_slow();
	if (strcmp(told, "told") == 0)
		ck_assert_msg(has_ended(id), "a result was told that Redis has forgotten");
	else if (told[0]) {
		while (ask("GET", job, NULL) == 503)
			;
		ck_assert_int_eq(answer.status, 200);
		ck_assert_str_eq(http_answer_text(&answer, "finished_at"), told);
	}
	free(id);
	stop();
}
END_TEST

/* Redis waits for two seconds only, then it writes: that is seen, though no INFO says that the fsync has ended. */
START_TEST(test_acknowledged_on_slow_disk)
{
	static const char *const env[] = { "SQUARE_REACTORS=1", "SQUARE_ENQUEUE_DEADLINE_MS=1000", NULL };
	char id[ID_SIZE];
	start_slow();
	start_roles(env);
	hold();
	ck_assert_int_eq(ask("POST", "/v1/jobs", "{\"op\":\"square\",\"args\":[9]}"), 202);
	snprintf(id, sizeof id, "%s", http_answer_text(&answer, "id"));
	ck_assert(fsync_runs(NULL));
	redis_private_kill(redis);
	restart_slow();
	ck_assert(exists(id));
	stop();
}
END_TEST

static bool is_in_redis(void *arg)
{
	(void)arg;
	return jobs_in(redis) > 0;
}

/* An fsync that ends lets the acknowledgement go, and the client that waits has its result. */
START_TEST(test_acknowledged_when_fsync_ends)
{
	static const char *const env[] = { "SQUARE_REACTORS=1", "SQUARE_ENQUEUE_DEADLINE_MS=10000", NULL };
	start_slow();
	start_roles(env);
	hold();
	pid_t pid = fork();
	if (pid == 0) {
		bool there = wait_until(is_in_redis, NULL, SOON_MS);
		unlink(hold_path);
		_exit(there ? 0 : 1);
	}
	ck_assert_int_eq(ask("POST", "/v1/jobs?wait=15", "{\"op\":\"square\",\"args\":[12]}"), 200);
	ck_assert_int_eq(json_integer_value(json_object_get(answer.json, "result")), 144);
	ck_assert_int_eq(proc_wait(pid, SOON_MS), 0);
	stop();
}
END_TEST

/* ---- replicas ---- */

static bool replica_is_online(void *arg)
{
	struct rsync *s = rsync_open(redis_private_url(redis), 5000, NULL);
	(void)arg;
	bool online = s && strstr(rreply_str(rsync_words(s, NULL, "INFO", "replication", NULL), NULL), "state=online");
	rsync_close(s);
	return online;
}

START_TEST(test_replicas)
{
	static const char *const env[] = { "SQUARE_REACTORS=1", "SQUARE_DURABLE_REPLICAS=1",
					   "SQUARE_ENQUEUE_DEADLINE_MS=2000", NULL };
	static char body[] = "{\"op\":\"square\",\"args\":[3]}";
	char port[16], path[80];
	snprintf(port, sizeof port, "%u", proc_free_port());
	redis = redis_private_start(
	    (const char *const[]){ "--port", port, "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0", NULL });
	struct redis_private *replica =
	    redis_private_start((const char *const[]){ "--replicaof", "127.0.0.1", port, NULL });
	ck_assert(wait_until(replica_is_online, NULL, SOON_MS));
	start_roles(env);
	ck_assert(wait_until(is_accepted, body, SOON_MS));
	ck_assert_str_eq(http_answer_header(&answer, "Durability"), "everysec;replicas=1");
	snprintf(path, sizeof path, "/v1/jobs/%s", http_answer_text(&answer, "id"));
	ck_assert_int_ge(jobs_in(replica), 1);

	kill(redis_private_pid(replica), SIGSTOP);
	ck_assert_int_eq(ask("POST", "/v1/jobs", body), 503);
	ck_assert_msg(strstr(answer.body, "expected 1 replicas to have the job in time"), "%s", answer.body);
	ck_assert_str_ne(http_answer_text(&answer, "job"), "");
	ck_assert_ptr_nonnull(http_answer_header(&answer, "Retry-After"));
	int64_t before = jobs_in(redis);
	ck_assert_int_eq(ask("POST", "/v1/jobs", body), 503); /* no jobs pile up that nobody was promised */
	ck_assert_msg(strstr(answer.body, "nothing was accepted"), "%s", answer.body);
	ck_assert_int_eq(ask("POST", "/v1/jobs", "[{\"op\":\"square\",\"args\":[3]}]"), 503);
	ck_assert_int_eq(jobs_in(redis), before);
	ck_assert_int_eq(ask("GET", path, NULL), 200); /* reading goes on */

	kill(redis_private_pid(replica), SIGCONT);
	ck_assert(wait_until(is_accepted, body, SOON_MS));
	stop();
	redis_private_stop(replica);
}
END_TEST

/* ---- what clients are told ---- */

static const struct told {
	const char *appendonly, *appendfsync, *policy;
	const char *header, *json;
} told[] = {
	{ "yes", "everysec", "noeviction", "everysec",
	  "{\"appendfsync\":\"everysec\",\"replicas\":0,\"survives\":[\"role-crash\",\"redis-crash\"]}" },
	{ "yes", "always", "noeviction", "always",
	  "{\"appendfsync\":\"always\",\"replicas\":0,\"survives\":[\"role-crash\",\"redis-crash\",\"machine-crash\"]"
	  "}" },
	{ "no", "everysec", "noeviction", "volatile",
	  "{\"appendfsync\":\"off\",\"replicas\":0,\"survives\":[\"role-crash\"]}" },
};

START_TEST(test_told)
{
	static const char *const env[] = { "SQUARE_REACTORS=1", "SQUARE_ALLOW_VOLATILE_REDIS=true",
					   "SQUARE_ENQUEUE_DEADLINE_MS=10000", NULL };
	static char body[] = "{\"op\":\"square\",\"args\":[3]}";
	const struct told *t = &told[_i];
	redis = redis_private_start((const char *const[]){ "--appendonly", t->appendonly, "--appendfsync",
							   t->appendfsync, "--maxmemory-policy", t->policy, NULL });
	start_roles(env);
	ck_assert(wait_until(is_accepted, body, SOON_MS));
	ck_assert_str_eq(http_answer_header(&answer, "Durability"), t->header);
	ck_assert_int_eq(ask("POST", "/v1/jobs?wait=10", body), 200);
	ck_assert_str_eq(http_answer_header(&answer, "Durability"), t->header);
	ck_assert_int_eq(ask("POST", "/v1/jobs", "[{\"op\":\"square\",\"args\":[3]}]"), 202);
	ck_assert_str_eq(http_answer_header(&answer, "Durability"), t->header);
	ck_assert_int_eq(ask("POST", "/v1/jobs", "[]"), 422);
	ck_assert_ptr_null(http_answer_header(&answer, "Durability"));
	ck_assert(wait_until(is_ready, NULL, SOON_MS));
	ck_assert_ptr_null(http_answer_header(&answer, "Durability"));
	char *got = json_dumps(json_object_get(answer.json, "durability"), JSON_COMPACT);
	ck_assert_str_eq(got, t->json);
	free(got);
	stop();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("durability");
	TCase *slow = tcase_create("faults"), *core = tcase_create("core");
	tcase_set_timeout(slow, 120);
	tcase_set_timeout(core, 120);
	tcase_add_test(slow, test_acknowledged_while_fsync_runs);
	tcase_add_loop_test(slow, test_end_read_while_fsync_runs, 0, sizeof readings / sizeof *readings);
	tcase_add_test(slow, test_acknowledged_on_slow_disk);
	tcase_add_test(slow, test_acknowledged_when_fsync_ends);
	tcase_add_test(slow, test_replicas);
	tcase_add_loop_test(core, test_told, 0, sizeof told / sizeof *told);
	suite_add_tcase(s, core);
	suite_add_tcase(s, slow);
	return suite_run(s);
}
