/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The service on a Redis Cluster of six nodes: jobs in all shards, slots that move and masters that die while jobs are
 * submitted without a pause. Every process finds its way back by itself; what was acknowledged is accounted for, and
 * every shard is left whole. One service for all tests, in the order given. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "http_client.h"
#include "job_client.h"
#include "keys.h"
#include "lua_check.h"
#include "proc.h"
#include "redis_cluster.h"
#include "rlink.h"
#include "role_run.h"
#include "sse_client.h"
#include "wait_until.h"

#define HEAL_MS 60000
#define SHARDS 8
#define TEST_OPERATIONS "SQUARE_ENABLE_TEST_OPERATIONS=true"
#define SQUARE_12 "{\"op\":\"square\",\"args\":[12]}"

static struct redis_cluster *cluster;
static struct role_run *web, *workers[2];
static struct job_list jobs; /* acknowledged since the last account */
/* what is tested is not haste: a submission may take its time on a machine that is busy with something else */
#define PATIENCE "SQUARE_ENQUEUE_DEADLINE_MS=5000"
static const char *const web_env[] = { "SQUARE_SHARDS=8", PATIENCE, NULL };
/* a promoted master has no replica: what asks it takes all the time there is, until it is known */
static const char *const durable_env[] = { "SQUARE_SHARDS=8", "SQUARE_ENQUEUE_DEADLINE_MS=500",
					   "SQUARE_DURABLE_REPLICAS=1", NULL };
/* they learn of the other shards by the registry */
static const char *const worker_env[][3] = { { "SQUARE_SHARDS=8", TEST_OPERATIONS, NULL },
					     { "SQUARE_SHARDS=1", TEST_OPERATIONS, NULL } };

static void tag_of(unsigned shard, char tag[KEYS_TAG_SIZE])
{
	keys_tag(tag, "math", shard);
}

/* ---- what a client does ---- */

static void keep(const char *id)
{
	if (jobs.n == jobs.max) {
		jobs.max = jobs.max ? 2 * jobs.max : 1024;
		jobs.ids = realloc(jobs.ids, jobs.max * sizeof *jobs.ids);
		ck_assert_ptr_nonnull(jobs.ids);
	}
	(void)snprintf(jobs.ids[jobs.n++], JOB_CLIENT_ID, "%s", id);
}

/* 202, which counts; or 503, which must say when to come back. */
static long submit(void)
{
	struct http_answer answer;
	http_client_post(role_run_port(web), "/v1/jobs", SQUARE_12, &answer);
	long status = answer.status;
	ck_assert_msg(status == 202 || status == 503, "expected 202 or 503, got %ld %s %s", status, answer.error,
		      answer.body);
	if (status == 202)
		keep(http_answer_text(&answer, "id"));
	else
		ck_assert_ptr_nonnull(http_answer_header(&answer, "retry-after"));
	http_answer_fini(&answer);
	return status;
}

/* With a key: the id, "" when it was refused for now. */
static void submit_with_key(const char *key, char id[JOB_CLIENT_ID])
{
	struct http_answer answer;
	char header[80];
	const char *const headers[] = { header, "Content-Type: application/json", NULL };
	(void)snprintf(header, sizeof header, "Idempotency-Key: \"%s\"", key);
	http_client_call(role_run_port(web), "POST", "/v1/jobs", headers, SQUARE_12, 10000, &answer);
	ck_assert_msg(answer.status == 200 || answer.status == 202 || answer.status == 503, "got %ld %s %s",
		      answer.status, answer.error, answer.body);
	(void)snprintf(id, JOB_CLIENT_ID, "%s", answer.status == 503 ? "" : http_answer_text(&answer, "id"));
	http_answer_fini(&answer);
}

static bool is_accepted(void *arg)
{
	(void)arg;
	return submit() == 202;
}

static bool is_ready(void *arg)
{
	struct http_answer answer;
	(void)arg;
	http_client_get(role_run_port(web), "/readyz", &answer);
	bool good = answer.status == 200;
	http_answer_fini(&answer);
	return good;
}

/* ---- the account ---- */

struct account {
	size_t acknowledged, right, lost;
};

struct one_job {
	const char *id;
	char state[16], result[64];
	long status;
};

static bool is_over(void *arg)
{
	struct one_job *j = arg;
	j->status = job_client_get(role_run_port(web), j->id, j->state, j->result, sizeof j->result);
	return j->status == 404 ||
	       (j->status == 200 && (strcmp(j->state, "succeeded") == 0 || strcmp(j->state, "failed") == 0));
}

/* Waits for each job that was acknowledged, and begins a new account. */
static struct account settle(const char *what)
{
	struct account a = { .acknowledged = jobs.n };
	for (size_t i = 0; i < jobs.n; i++) {
		struct one_job j = { .id = jobs.ids[i] };
		ck_assert_msg(wait_until(is_over, &j, HEAL_MS), "%s: job %s is not over: %ld %s", what, j.id, j.status,
			      j.state);
		a.lost += j.status == 404;
		a.right += j.status == 200 && strcmp(j.state, "succeeded") == 0 && strcmp(j.result, "144") == 0;
	}
	ck_assert_msg(a.right + a.lost == a.acknowledged, "%s: %zu acknowledged, but %zu right and %zu lost", what,
		      a.acknowledged, a.right, a.lost);
	jobs.n = 0;
	printf("%s: %zu acknowledged, %zu succeeded, %zu lost\n", what, a.acknowledged, a.right, a.lost);
	return a;
}

static int64_t figure(unsigned shard, const char *field)
{
	char tag[KEYS_TAG_SIZE], key[KEYS_NAME_SIZE];
	tag_of(shard, tag);
	(void)snprintf(key, sizeof key, "%s:st", tag);
	struct rsync *s = redis_cluster_open(cluster, tag);
	int64_t n = s ? rreply_int(rsync_words(s, NULL, "HGET", key, field, NULL)) : -1;
	rsync_close(s);
	return n;
}

static bool nothing_is_alive(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < SHARDS; i++)
		if (figure(i, "live") != 0)
			return false;
	return true;
}

/* Every shard is as it should be: nothing stuck, nothing done by half. */
static void assert_shards_are_whole(void)
{
	ck_assert_msg(wait_until(nothing_is_alive, NULL, HEAL_MS), "jobs are left that nobody runs");
	for (unsigned i = 0; i < SHARDS; i++) {
		char tag[KEYS_TAG_SIZE];
		tag_of(i, tag);
		struct rsync *s = redis_cluster_open(cluster, tag);
		const char *why = s ? lua_check_invariants(s, tag) : "no master has its slot";
		ck_assert_msg(!why, "%s: %s", tag, why);
		rsync_close(s);
	}
}

static void assert_all_live(void)
{
	ck_assert(proc_alive(role_run_pid(web)));
	ck_assert(proc_alive(role_run_pid(workers[0])));
	ck_assert(proc_alive(role_run_pid(workers[1])));
}

static void setup(void)
{
	cluster = redis_cluster_start(NULL);
	web = role_run_start("web-role", "WebRole_IN_0", redis_cluster_url(cluster), web_env);
	for (int i = 0; i < 2; i++) {
		char name[20];
		(void)snprintf(name, sizeof name, "WorkerRole_IN_%d", i);
		workers[i] = role_run_start("worker-role", name, redis_cluster_url(cluster), worker_env[i]);
	}
	ck_assert(wait_until(is_ready, NULL, HEAL_MS));
	ck_assert(wait_until(is_accepted, NULL, HEAL_MS));
}

static void teardown(void)
{
	ck_assert_int_eq(role_run_stop(web), 0);
	ck_assert_int_eq(role_run_stop(workers[0]), 0);
	ck_assert_int_eq(role_run_stop(workers[1]), 0);
	redis_cluster_stop(cluster);
	job_list_fini(&jobs);
}

/* ---- core ---- */

START_TEST(test_jobs_are_in_all_shards)
{
	bool used[REDIS_CLUSTER_NODES] = { false };
	for (int i = 0; i < 10 * SHARDS; i++)
		ck_assert_int_eq(submit(), 202);
	struct account a = settle("no fault");
	ck_assert_uint_eq(a.lost, 0);
	for (unsigned i = 0; i < SHARDS; i++) {
		char tag[KEYS_TAG_SIZE];
		tag_of(i, tag);
		ck_assert_msg(figure(i, "n:s") >= 5, "shard %u has run %d of %d jobs", i, (int)figure(i, "n:s"),
			      10 * SHARDS);
		used[redis_cluster_master_of(cluster, tag)] = true;
	}
	ck_assert_msg(used[0] && used[1] && used[2], "expected shards on each node");
	assert_shards_are_whole();
}
END_TEST

/* A worker on its own serves all shards too, those of which its own setting knows nothing. */
START_TEST(test_worker_serves_registered_shards)
{
	ck_assert_int_eq(kill(role_run_pid(workers[0]), SIGSTOP), 0);
	for (int i = 0; i < 2 * SHARDS; i++)
		ck_assert_int_eq(submit(), 202);
	struct account a = settle("one worker, Shards 1");
	ck_assert_int_eq(kill(role_run_pid(workers[0]), SIGCONT), 0);
	ck_assert_uint_eq(a.lost, 0);
}
END_TEST

START_TEST(test_idempotency_key_has_its_shard)
{
	char first[JOB_CLIENT_ID], again[JOB_CLIENT_ID];
	submit_with_key("key-1", first);
	ck_assert_str_ne(first, "");
	for (int i = 0; i < 2 * SHARDS; i++) {
		submit_with_key("key-1", again);
		ck_assert_str_eq(again, first);
	}
	keep(first);
	(void)settle("idempotency key");
}
END_TEST

static void fsck(struct proc_result *r)
{
	const char *const argv[] = { proc_program("square"), "fsck", "--redis", redis_cluster_url(cluster), NULL };
	proc_run(argv, NULL, NULL, HEAL_MS, r);
}

START_TEST(test_fsck_walks_through_all_nodes)
{
	struct proc_result r;
	fsck(&r);
	ck_assert_msg(r.status == 0, "%d %s%s", r.status, r.out, r.err);
	ck_assert_msg(strstr(r.out, "on 3 nodes") && strstr(r.out, "no violation"), "%s", r.out);
	proc_result_fini(&r);
	/* a violation on the node of one shard */
	struct rsync *s = redis_cluster_open(cluster, "{jq:math:5}");
	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(rreply_int(rsync_words(s, NULL, "ZADD", "{jq:math:5}:lease", "5", "w.b.1", NULL)), 1);
	rsync_close(s);
	fsck(&r); /* unless a reaper was faster, it says so */
	ck_assert_msg((r.status == 1 && strstr(r.out, "math:5: batch w.b.1: has a lease")) ||
			  (r.status == 0 && strstr(r.out, "no violation")),
		      "%d %s%s", r.status, r.out, r.err);
	proc_result_fini(&r);
}
END_TEST

/* A command takes keys of one slot: so each worker waits for each shard on a link of its own. */
static bool all_are_waited_for(void *arg)
{
	int n = 0;
	(void)arg;
	for (int i = 0; i < REDIS_CLUSTER_NODES; i++)
		n += redis_cluster_clients(cluster, i, "square-worker-wake");
	return n == 2 * SHARDS;
}

START_TEST(test_each_shard_is_waited_for)
{
	ck_assert(wait_until(all_are_waited_for, NULL, HEAL_MS));
}
END_TEST

/* ---- a job that runs for a while ---- */

struct sleeper {
	char id[JOB_CLIENT_ID], path[80], tag[KEYS_TAG_SIZE];
	const char *state;
	int node;
	uint64_t until_us;
	struct http_answer answer;
};

/* Into answer: until the job is in this state. */
static bool is_in_state(void *arg)
{
	struct sleeper *j = arg;
	http_answer_fini(&j->answer);
	http_client_get(role_run_port(web), j->path, &j->answer);
	return j->answer.status == 200 && strcmp(http_answer_text(&j->answer, "state"), j->state) == 0;
}

static void await(struct sleeper *j, const char *state)
{
	j->state = state;
	ck_assert_msg(wait_until(is_in_state, j, HEAL_MS), "expected the job to be %s, got %ld %s", state,
		      j->answer.status, j->answer.body);
}

/* Where a shard has the record of the job. */
static void find_shard(struct sleeper *j)
{
	bool found = false;
	for (unsigned i = 0; i < SHARDS && !found; i++) {
		char key[KEYS_NAME_SIZE];
		tag_of(i, j->tag);
		keys_job(key, j->tag, j->id);
		struct rsync *s = redis_cluster_open(cluster, j->tag);
		found = s && rreply_int(rsync_words(s, NULL, "EXISTS", key, NULL)) == 1;
		rsync_close(s);
	}
	ck_assert(found);
	j->node = redis_cluster_master_of(cluster, j->tag);
}

static void start_sleeper(struct sleeper *j, unsigned ms)
{
	struct http_answer answer;
	char body[80];
	*j = (struct sleeper){ .state = "running" };
	(void)snprintf(body, sizeof body, "{\"op\":\"sleep\",\"args\":[%u]}", ms);
	http_client_post(role_run_port(web), "/v1/jobs", body, &answer);
	ck_assert_msg(answer.status == 202, "%ld %s", answer.status, answer.body);
	(void)snprintf(j->id, sizeof j->id, "%s", http_answer_text(&answer, "id"));
	(void)snprintf(j->path, sizeof j->path, "/v1/jobs/%s", j->id);
	http_answer_fini(&answer);
	find_shard(j);
	await(j, "running");
}

static bool is_heard(void *arg)
{
	const struct sleeper *j = arg;
	return redis_cluster_clients(cluster, j->node, "square-worker-cancel") > 0;
}

/* Its worker waits for the hint at the node that has the shard. */
START_TEST(test_running_job_is_cancelled)
{
	struct sleeper j;
	struct http_answer answer;
	start_sleeper(&j, 50000);
	ck_assert(wait_until(is_heard, &j, HEAL_MS));
	http_client_call(role_run_port(web), "DELETE", j.path, NULL, NULL, 10000, &answer);
	ck_assert_msg(answer.status == 200 || answer.status == 202, "%ld %s", answer.status, answer.body);
	http_answer_fini(&answer);
	await(&j, "cancelled");
	http_answer_fini(&j.answer);
}
END_TEST

/* ---- faults ---- */

static bool is_time(void *arg)
{
	const struct sleeper *j = arg;
	(void)submit();
	return clock_mono_us() >= j->until_us;
}

/* The job ends while its shard is between two nodes: nobody takes its result now. It is kept, and written once, in the
 * first attempt. */
START_TEST(test_job_that_ends_during_a_move)
{
	struct sleeper j;
	struct redis_cluster_move m;
	start_sleeper(&j, 400);
	redis_cluster_move_begin(cluster, &m, j.tag, (j.node + 1) % REDIS_CLUSTER_MASTERS);
	while (redis_cluster_move_some(cluster, &m, 100))
		;
	j.until_us = clock_mono_us() + 900000; /* the job is over by then */
	ck_assert(wait_until(is_time, &j, HEAL_MS));
	await(&j, "running"); /* as its record says, which is read where it is now */
	redis_cluster_move_end(cluster, &m);
	await(&j, "succeeded");
	ck_assert_int_eq(json_integer_value(json_object_get(j.answer.json, "attempt")), 1);
	http_answer_fini(&j.answer);
	(void)settle("a move while a job ends");
}
END_TEST

/* The slot of a tag goes to another node key by key, with submissions in between: none is refused, as the others take
 * them, and the shard goes on where it is. */
static void move_under_load(const char *tag)
{
	struct redis_cluster_move m;
	unsigned accepted = 0, refused = 0;
	int from = redis_cluster_master_of(cluster, tag);
	ck_assert_int_ne(from, REDIS_CLUSTER_NOBODY);
	int to = from;
	do
		to = (to + 1) % REDIS_CLUSTER_NODES;
	while (redis_cluster_replica_of(cluster, to) == REDIS_CLUSTER_NOBODY);
	for (int i = 0; i < 3 * SHARDS; i++)
		ck_assert_int_eq(submit(), 202);
	redis_cluster_move_begin(cluster, &m, tag, to);
	do
		for (int i = 0; i < 4; i++)
			*(submit() == 202 ? &accepted : &refused) += 1;
	while (redis_cluster_move_some(cluster, &m, 8));
	redis_cluster_move_end(cluster, &m);
	for (int i = 0; i < 3 * SHARDS; i++)
		*(submit() == 202 ? &accepted : &refused) += 1;
	printf("%s moved from node %d to %d: %u keys; meanwhile %u accepted, %u refused\n", tag, from, to, m.keys,
	       accepted, refused);
	ck_assert_uint_eq(refused, 0);
	ck_assert_int_eq(redis_cluster_master_of(cluster, tag), to);
}

START_TEST(test_slots_move_under_load)
{
	char first[JOB_CLIENT_ID], again[JOB_CLIENT_ID] = "";
	submit_with_key("key-2", first);
	ck_assert_str_ne(first, "");
	keep(first);
	for (unsigned i = 0; i < SHARDS; i++) { /* whichever has the key */
		char tag[KEYS_TAG_SIZE];
		tag_of(i, tag);
		move_under_load(tag);
	}
	move_under_load(KEYS_REG);
	for (int i = 0; i < 100 && !*again; i++)
		submit_with_key("key-2", again);
	ck_assert_str_eq(again, first);
	struct account a = settle("slots moved");
	ck_assert_uint_eq(a.lost, 0);
	assert_shards_are_whole();
	assert_all_live();
}
END_TEST

struct outage {
	int dead;
	const char *tag;
	unsigned accepted, refused;
	uint64_t fault_us, healed_us;
};

/* One step: submits, and looks whether the shard has a master again. */
static bool has_a_master(void *arg)
{
	struct outage *o = arg;
	*(submit() == 202 ? &o->accepted : &o->refused) += 1;
	return redis_cluster_master_of(cluster, o->tag) != REDIS_CLUSTER_NOBODY;
}

/* So many acceptances in a row that each shard has had some. */
static bool all_shards_accept(void *arg)
{
	struct outage *o = arg;
	for (int i = 0; i < 3 * SHARDS; i++) {
		bool good = submit() == 202;
		*(good ? &o->accepted : &o->refused) += 1;
		if (!good)
			return false;
	}
	return true;
}

static void revive(int node)
{
	redis_cluster_restart(cluster, node);
	ck_assert(redis_cluster_wait_whole(cluster, HEAL_MS));
}

/* durable: the promoted master may not acknowledge before it has a replica. */
static struct account kill_master_of(const char *tag, bool durable, const char *what)
{
	struct outage o = { .tag = tag };
	ck_assert(redis_cluster_wait_whole(cluster, HEAL_MS));
	ck_assert(wait_until(is_ready, NULL, HEAL_MS));
	o.dead = redis_cluster_master_of(cluster, tag);
	ck_assert_int_ne(o.dead, REDIS_CLUSTER_NOBODY);
	for (int i = 0; i < 5 * SHARDS; i++)
		(void)submit();
	o.fault_us = clock_mono_us();
	redis_cluster_kill(cluster, o.dead);
	if (!wait_until(has_a_master, &o, HEAL_MS)) {
		redis_cluster_show(cluster);
		ck_abort_msg("%s: no replica took over", what);
	}
	o.healed_us = clock_mono_us();
	unsigned meanwhile = o.accepted;
	if (durable) {
		/* none is refused: what the promoted one may not take goes to the others */
		ck_assert_msg(wait_until(all_shards_accept, &o, HEAL_MS), "%s: %u accepted, %u refused", what,
			      o.accepted, o.refused);
		revive(o.dead);
	}
	if (!wait_until(all_shards_accept, &o, HEAL_MS)) {
		(void)fprintf(stderr, "---- the web role said\n%s", role_run_said(web));
		redis_cluster_show(cluster);
		ck_abort_msg("%s: not all shards accept again: %u accepted, %u refused", what, o.accepted, o.refused);
	}
	printf("%s: another master after %ld ms; meanwhile %u accepted; all %u accepted, %u refused, %ld ms until each "
	       "shard accepted\n",
	       what, (long)(o.healed_us - o.fault_us) / 1000, meanwhile, o.accepted, o.refused,
	       (long)(clock_mono_us() - o.healed_us) / 1000);
	ck_assert_msg(meanwhile > 0, "%s: expected the shards of the other nodes to accept meanwhile", what);
	if (!durable)
		revive(o.dead);
	struct account a = settle(what);
	assert_shards_are_whole();
	assert_all_live();
	return a;
}

/* The next event, which is to tell of queues or workers: of jobs there is no news. */
static void hear_no_job(struct sse_client *c)
{
	enum sse_heard heard = sse_hear(c, HEAL_MS);
	ck_assert_int_eq(heard, SSE_EVENT);
	ck_assert_msg(strcmp(c->name, "job") != 0 && strcmp(c->name, "skipped") != 0, "no job ran, yet there is %s %s",
		      c->name, c->data.data);
}

/* Of the queue math; -1: the event is of something else. */
static json_int_t missing(const struct sse_client *c)
{
	const json_t *queue;
	size_t i;
	if (strcmp(c->name, "queues") != 0)
		return -1;
	json_array_foreach(json_object_get(c->json, "queues"), i,
			   queue) if (strcmp(json_string_value(json_object_get(queue, "name")), "math") ==
				      0) return json_integer_value(json_object_get(queue, "shards_missing"));
	return -1;
}

/* What finished before the feed was opened is no news when the rest of the queue is back. */
START_TEST(test_feed_opened_while_a_shard_is_missing)
{
	char tag[KEYS_TAG_SIZE];
	struct sse_client c;
	for (int i = 0; i < 5 * SHARDS; i++)
		ck_assert(wait_until(is_accepted, NULL, HEAL_MS));
	(void)settle("before the feed");
	ck_assert(redis_cluster_wait_whole(cluster, HEAL_MS));
	unsigned shard = 0;
	int registry = redis_cluster_master_of(cluster, KEYS_REG);
	do
		tag_of(shard++, tag);
	while (shard < SHARDS && redis_cluster_master_of(cluster, tag) == registry); /* it knows the queues */
	int master = redis_cluster_master_of(cluster, tag), replica = redis_cluster_replica_of(cluster, master);
	redis_cluster_kill(cluster, replica); /* so that nobody takes over */
	redis_cluster_kill(cluster, master);
	ck_assert_uint_eq(sse_open(&c, role_run_port(web), "/v1/events?queue=math", NULL, HEAL_MS), 200);
	do
		hear_no_job(&c);
	while (missing(&c) < 0);
	ck_assert_int_gt(missing(&c), 0);
	redis_cluster_restart(cluster, master);
	redis_cluster_restart(cluster, replica);
	do
		hear_no_job(&c);
	while (missing(&c) != 0);
	do
		hear_no_job(&c);
	while (missing(&c) < 0);
	sse_close(&c);
	ck_assert(redis_cluster_wait_whole(cluster, HEAL_MS));
}
END_TEST

/* Asynchronous replication: what the replica had not got is gone, and what it had is done. */
START_TEST(test_master_killed)
{
	char tag[KEYS_TAG_SIZE];
	tag_of(3, tag);
	struct account a = kill_master_of(tag, false, "master killed");
	ck_assert_uint_le(a.lost, a.acknowledged / 10);
}
END_TEST

/* The node that has the registry as well: its absence stops nobody. */
START_TEST(test_master_killed_with_durable_replicas)
{
	ck_assert_int_eq(role_run_stop(web), 0);
	web = role_run_start("web-role", "WebRole_IN_0", redis_cluster_url(cluster), durable_env);
	ck_assert(wait_until(is_accepted, NULL, HEAL_MS));
	struct account a = kill_master_of(KEYS_REG, true, "master of the registry killed, DurableReplicas 1");
	ck_assert_uint_eq(a.lost, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cluster");
	TCase *core = tcase_create("core");
	SRunner *sr = srunner_create(s);
	int failed;

	setlinebuf(stdout);
	tcase_set_timeout(core, 300);
	tcase_add_unchecked_fixture(core, setup, teardown);
	tcase_add_test(core, test_jobs_are_in_all_shards);
	tcase_add_test(core, test_worker_serves_registered_shards);
	tcase_add_test(core, test_idempotency_key_has_its_shard);
	tcase_add_test(core, test_fsck_walks_through_all_nodes);
	tcase_add_test(core, test_each_shard_is_waited_for);
	tcase_add_test(core, test_running_job_is_cancelled);
	tcase_add_test(core, test_job_that_ends_during_a_move);
	tcase_add_test(core, test_slots_move_under_load);
	tcase_add_test(core, test_feed_opened_while_a_shard_is_missing);
	tcase_add_test(core, test_master_killed);
	tcase_add_test(core, test_master_killed_with_durable_replicas);
	suite_add_tcase(s, core);
	srunner_set_fork_status(sr, CK_NOFORK); /* the nodes are this process' */
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
