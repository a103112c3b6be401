/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A replica takes over from the master, in every way that a master can go, while jobs are submitted without a pause:
 * clients are refused politely meanwhile, every link of every process is found at the new master by itself within the
 * promised time, and what was acknowledged is accounted for. One service for all tests, in the order given, each of
 * which leaves a whole group of servers behind. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "http_client.h"
#include "job_client.h"
#include "keys.h"
#include "proc.h"
#include "rlink.h"
#include "role_run.h"
#include "sanitized.h"
#include "sentinel_lab.h"
#include "wait_until.h"

#define HEAL_MS 60000
#define AGAIN_US 10000000
#define PROMISE_MS \
	30000 /* 5 s are promised and printed; what is judged here is that it happens, on a busy machine too */
#define SQUARE_12 "{\"op\":\"square\",\"args\":[12]}"

static struct sentinel_lab *lab;
static struct role_run *web, *workers[2];
static const char *const web_env[] = { "SQUARE_QUEUES=math,only0,only1", NULL };
static struct job_list jobs; /* acknowledged since the last account */

static const char *const link_names[] = { "WebRole_IN_0", "WorkerRole_IN_", "square-worker-" };

/* All the links of the service at this server; negative when it does not answer. */
static int links_at(int server)
{
	int n = 0;
	for (size_t i = 0; i < sizeof link_names / sizeof *link_names; i++) {
		int some = sentinel_lab_clients(lab, server, link_names[i]);
		n = some < 0 || n < 0 ? -1 : n + some;
	}
	return n;
}

/* ---- what a client does ---- */

/* 202, which counts; or 503, which must say when to come back. */
static long submit(void)
{
	struct http_answer answer;
	http_client_post(role_run_port(web), "/v1/jobs", SQUARE_12, &answer);
	long status = answer.status;
	ck_assert_msg(status == 202 || status == 503, "expected 202 or 503, got %ld %s %s", status, answer.error,
		      answer.body);
	if (status == 503) {
		ck_assert_str_eq(http_answer_text(&answer, "type"), "/problems/queue-unavailable");
		ck_assert_ptr_nonnull(http_answer_header(&answer, "retry-after"));
	} else {
		if (jobs.n == jobs.max) {
			jobs.max = jobs.max ? 2 * jobs.max : 1024;
			jobs.ids = realloc(jobs.ids, jobs.max * sizeof *jobs.ids);
			ck_assert_ptr_nonnull(jobs.ids);
		}
		(void)snprintf(jobs.ids[jobs.n++], JOB_CLIENT_ID, "%s", http_answer_text(&answer, "id"));
	}
	http_answer_fini(&answer);
	return status;
}

/* A job of the queue that only this worker serves, submitted and waited for in one request. */
static bool computes(void *arg)
{
	const char *queue = arg;
	struct http_answer answer;
	char body[100];
	(void)snprintf(body, sizeof body, "{\"op\":\"square\",\"args\":[12],\"queue\":\"%s\"}", queue);
	http_client_post(role_run_port(web), "/v1/jobs?wait=10", body, &answer);
	bool good = answer.status == 200 && json_integer_value(json_object_get(answer.json, "result")) == 144;
	ck_assert_msg(good || answer.status == 503 || answer.status == 202 || answer.status == 404,
		      "%s: expected 200, or 202 or 503 to try again, got %ld %s", queue, answer.status, answer.body);
	http_answer_fini(&answer);
	return good;
}

static void assert_all_compute(void)
{
	static char queues[][8] = { "only0", "only1" };
	for (int i = 0; i < 2; i++)
		ck_assert_msg(wait_until(computes, queues[i], HEAL_MS), "the worker of %s computes nothing", queues[i]);
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
static struct account settle(void)
{
	struct account a = { .acknowledged = jobs.n };
	for (size_t i = 0; i < jobs.n; i++) {
		struct one_job j = { .id = jobs.ids[i] };
		ck_assert_msg(wait_until(is_over, &j, HEAL_MS), "job %s is not over: %ld %s", j.id, j.status, j.state);
		a.lost += j.status == 404;
		a.right += j.status == 200 && strcmp(j.state, "succeeded") == 0 && strcmp(j.result, "144") == 0;
	}
	ck_assert_msg(a.right + a.lost == a.acknowledged, "%zu acknowledged, but %zu right and %zu lost",
		      a.acknowledged, a.right, a.lost);
	jobs.n = 0;
	return a;
}

/* ---- a failover, watched ---- */

struct failover {
	int old, new, links;
	uint64_t fault_us, named_us, served_us, whole_us; /* clock_mono_us(); 0: not yet */
	unsigned accepted, refused;
	uint64_t asked_us; /* by hand: when last */
};

/* The server that all living sentinels name, if it is another one than `old`. */
static int successor(int old)
{
	int named = SENTINEL_LAB_NOBODY;
	for (int i = 0; i < SENTINEL_LAB_SENTINELS; i++) {
		int one = sentinel_lab_named_by(lab, i);
		if (one == SENTINEL_LAB_NOBODY)
			continue;
		if (one == old || (named != SENTINEL_LAB_NOBODY && one != named))
			return SENTINEL_LAB_NOBODY;
		named = one;
	}
	return named;
}

/* On a machine that is busy enough, a master that is only slow is replaced too, a second time or back again: what
 * counts is the one named last. */
static void look_who_is_named(struct failover *f)
{
	int named = successor(f->new == SENTINEL_LAB_NOBODY ? f->old : SENTINEL_LAB_NOBODY);
	if (named == SENTINEL_LAB_NOBODY || named == f->new)
		return;
	f->new = named;
	f->named_us = clock_mono_us();
	f->served_us = f->whole_us = 0;
}

/* Asks for it; again when nothing has come of it: on a busy machine sentinels give one up, or undo it. */
static void fail_over_by_hand(struct failover *f)
{
	bool asked = sentinel_lab_failover(lab);
	ck_assert(asked || f->asked_us);
	f->asked_us = clock_mono_us();
}

/* One step of the watch: submits once, and looks how far things are. */
static bool has_moved(void *arg)
{
	struct failover *f = arg;
	bool accepted = submit() == 202;
	*(accepted ? &f->accepted : &f->refused) += 1;
	if (f->named_us && !f->whole_us && links_at(f->new) >= f->links)
		f->whole_us = clock_mono_us();
	if (f->named_us && !f->served_us && accepted)
		f->served_us = clock_mono_us();
	look_who_is_named(f);
	if (f->asked_us && !f->named_us && clock_mono_us() - f->asked_us > AGAIN_US)
		fail_over_by_hand(f);
	return f->whole_us && f->served_us;
}

static void begin(struct failover *f)
{
	ck_assert(sentinel_lab_wait_whole(lab, HEAL_MS));
	ck_assert(wait_until(is_ready, NULL, HEAL_MS));
	*f = (struct failover){ .old = sentinel_lab_master(lab), .new = SENTINEL_LAB_NOBODY };
	ck_assert_int_ne(f->old, SENTINEL_LAB_NOBODY);
	f->links = links_at(f->old);
	ck_assert_int_ge(f->links, 8); /* the web role's two or more, three of each worker */
	for (int i = 0; i < 50; i++)
		(void)submit();
	f->fault_us = clock_mono_us();
}

static long ms(uint64_t from_us, uint64_t to_us)
{
	return ((long)to_us - (long)from_us) / 1000;
}

/* Until all are there. promised: within the promised time, else within a time that only a broken service needs. */
static void watch(struct failover *f, const char *what, bool promised)
{
	long most_ms = promised ? PROMISE_MS : HEAL_MS;
	if (!wait_until(has_moved, f, HEAL_MS)) {
		sentinel_lab_show(lab);
		ck_abort_msg("%s: named %d, links at the new master %d of %d, %u accepted, %u refused", what, f->new,
			     f->new < 0 ? 0 : links_at(f->new), f->links, f->accepted, f->refused);
	}
	assert_all_compute();
	printf("%s: a new master is named after %ld ms; from then jobs are accepted after %ld ms, all %d links there "
	       "after %ld ms; %u accepted, %u refused meanwhile\n",
	       what, ms(f->fault_us, f->named_us), ms(f->named_us, f->served_us), f->links,
	       ms(f->named_us, f->whole_us), f->accepted, f->refused);
	ck_assert_int_le(ms(f->named_us, f->served_us), most_ms);
	ck_assert_int_le(ms(f->named_us, f->whole_us), PROMISE_MS);
	ck_assert(proc_alive(role_run_pid(web)));
	ck_assert(proc_alive(role_run_pid(workers[0])));
	ck_assert(proc_alive(role_run_pid(workers[1])));
}

/* All links are at the master of a whole group of servers, none is anywhere else. */
static bool are_settled(void *arg)
{
	const struct failover *f = arg;
	int master = sentinel_lab_is_whole(lab) ? sentinel_lab_master(lab) : SENTINEL_LAB_NOBODY;
	bool settled = master != SENTINEL_LAB_NOBODY;
	for (int i = 0; settled && i < SENTINEL_LAB_SERVERS; i++)
		settled = i == master ? links_at(i) >= f->links : links_at(i) == 0;
	return settled;
}

/* After the old master came back as a replica: nobody has stayed or gone back there, each job is accounted for. */
static struct account end(struct failover *f, const char *what)
{
	if (!wait_until(are_settled, f, HEAL_MS)) {
		sentinel_lab_show(lab);
		ck_abort_msg("%s: expected all %d links at the master of three servers, got %d, %d, %d", what, f->links,
			     links_at(0), links_at(1), links_at(2));
	}
	struct account a = settle();
	printf("%s: %zu acknowledged, %zu succeeded, %zu lost\n", what, a.acknowledged, a.right, a.lost);
	return a;
}

static void setup(void)
{
	static const char *const worker_env[][2] = { { "SQUARE_QUEUES=math,only0", NULL },
						     { "SQUARE_QUEUES=math,only1", NULL } };
	lab = sentinel_lab_start();
	web = role_run_start("web-role", "WebRole_IN_0", sentinel_lab_url(lab), web_env);
	workers[0] = role_run_start("worker-role", "WorkerRole_IN_0", sentinel_lab_url(lab), worker_env[0]);
	workers[1] = role_run_start("worker-role", "WorkerRole_IN_1", sentinel_lab_url(lab), worker_env[1]);
	assert_all_compute();
}

static void teardown(void)
{
	ck_assert_int_eq(role_run_stop(web), 0);
	ck_assert_int_eq(role_run_stop(workers[0]), 0);
	ck_assert_int_eq(role_run_stop(workers[1]), 0);
	sentinel_lab_stop(lab);
	job_list_fini(&jobs);
}

/* ---- the ways of a master to go ---- */

START_TEST(test_killed_master)
{
	struct failover f;
	begin(&f);
	sentinel_lab_kill_server(lab, f.old);
	watch(&f, "master killed", true);
	sentinel_lab_restart_server(lab, f.old);
	(void)end(&f, "master killed");
	ck_assert_uint_gt(f.refused, 0);
}
END_TEST

/* It keeps all connections, and says nothing; when it goes on, it takes itself for the master for a while. */
START_TEST(test_hanging_master)
{
	struct failover f;
	begin(&f);
	pid_t pid = sentinel_lab_server_pid(lab, f.old);
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	watch(&f, "master stopped", true);
	ck_assert_int_eq(kill(pid, SIGCONT), 0);
	(void)end(&f, "master stopped");
	ck_assert_uint_gt(f.refused, 0);
}
END_TEST

/* The old master is well, and goes on accepting until a sentinel tells it. */
START_TEST(test_failover_by_hand)
{
	struct failover f;
	begin(&f);
	fail_over_by_hand(&f);
	watch(&f, "failover by hand", true);
	(void)end(&f, "failover by hand");
}
END_TEST

/* For tools: to the master, by a sentinel that is alive. */
static void assert_blocking_link_finds_the_master(void)
{
	struct errinfo info = { 0 };
	struct rsync *s = rsync_open(sentinel_lab_url(lab), 2000, &info);
	ck_assert_msg(s != NULL, "%s", info.text);
	ck_assert_str_eq(rreply_str(rreply_at(rsync_words(s, &info, "ROLE", NULL), 0), NULL), "master");
	rsync_close(s);
}

START_TEST(test_master_and_a_sentinel_gone)
{
	struct failover f;
	begin(&f);
	sentinel_lab_kill_sentinel(lab, 0);
	sentinel_lab_kill_server(lab, f.old);
	watch(&f, "master and a sentinel killed", true);
	assert_blocking_link_finds_the_master();
	sentinel_lab_restart_server(lab, f.old);
	sentinel_lab_restart_sentinel(lab, 0);
	(void)end(&f, "master and a sentinel killed");
}
END_TEST

static void set_min_replicas(const char *n)
{
	for (int i = 0; i < SENTINEL_LAB_SERVERS; i++) {
		struct rsync *s = rsync_open(sentinel_lab_server_url(lab, i), 2000, NULL);
		const struct rreply *r =
		    s ? rsync_words(s, NULL, "CONFIG", "SET", "min-replicas-to-write", n, NULL) : NULL;
		ck_assert_str_eq(rreply_str(r, NULL), "OK");
		rsync_close(s);
	}
}

/* A master that demands all its replicas refuses from the moment that one of them is promoted: what can be lost is only
 * what it answers before it sees that replica go, here a call or two of the one client. */
START_TEST(test_failover_by_hand_with_min_replicas)
{
	struct failover f;
	begin(&f);
	set_min_replicas("2");
	fail_over_by_hand(&f);
	watch(&f, "failover by hand, min-replicas-to-write 2", false);
	struct account a = end(&f, "failover by hand, min-replicas-to-write 2");
	set_min_replicas("0");
	ck_assert_uint_gt(f.refused, 0);
	ck_assert_uint_le(a.lost, 2);
}
END_TEST

/* What both replicas have acknowledged cannot be lost, whichever is promoted. */
START_TEST(test_failover_by_hand_with_durable_replicas)
{
	static const char *const env[] = { "SQUARE_QUEUES=math,only0,only1", "SQUARE_DURABLE_REPLICAS=2", NULL };
	struct failover f;
	ck_assert_int_eq(role_run_stop(web), 0);
	web = role_run_start("web-role", "WebRole_IN_0", sentinel_lab_url(lab), env);
	begin(&f);
	fail_over_by_hand(&f);
	watch(&f, "failover by hand, DurableReplicas 2", false); /* accepts when both replicas follow the new master */
	struct account a = end(&f, "failover by hand, DurableReplicas 2");
	ck_assert_uint_gt(f.refused, 0);
	ck_assert_uint_eq(a.lost, 0);
	ck_assert_int_eq(role_run_stop(web), 0);
	web = role_run_start("web-role", "WebRole_IN_0", sentinel_lab_url(lab), web_env);
}
END_TEST

static bool all_are_known(void *arg)
{
	return rreply_int(rsync_words(arg, NULL, "HLEN", KEYS_REG_INST, NULL)) == 3;
}

/* The worst that a promoted replica can be: one that has nothing, not even the functions. Queues, the catalogue and the
 * instances are told it anew. */
START_TEST(test_master_that_knows_nothing)
{
	struct failover f;
	begin(&f);
	(void)settle();
	struct rsync *s = rsync_open(sentinel_lab_server_url(lab, f.old), 2000, NULL);
	ck_assert_ptr_nonnull(s);
	ck_assert_str_eq(rreply_str(rsync_words(s, NULL, "FLUSHALL", NULL), NULL), "OK");
	ck_assert_str_eq(rreply_str(rsync_words(s, NULL, "FUNCTION", "FLUSH", NULL), NULL), "OK");
	assert_all_compute();
	ck_assert_msg(wait_until(all_are_known, s, HEAL_MS), "expected 3 instances to announce themselves");
	rsync_close(s);
	for (int i = 0; i < 50; i++)
		(void)submit();
	struct account a = settle();
	ck_assert_uint_eq(a.lost, 0);
	ck_assert(proc_alive(role_run_pid(web)));
	ck_assert(proc_alive(role_run_pid(workers[0])));
	ck_assert(proc_alive(role_run_pid(workers[1])));
}
END_TEST

/* A link that stands needs no sentinel. */
START_TEST(test_sentinels_gone)
{
	struct failover f;
	begin(&f);
	for (int i = 0; i < SENTINEL_LAB_SENTINELS; i++)
		sentinel_lab_kill_sentinel(lab, i);
	assert_all_compute();
	for (int i = 0; i < 200; i++)
		(void)submit();
	ck_assert_int_ge(links_at(f.old), f.links);
	struct account a = settle();
	ck_assert_uint_gt(a.acknowledged, 0);
	ck_assert_uint_eq(a.lost, 0);
	for (int i = 0; i < SENTINEL_LAB_SENTINELS; i++)
		sentinel_lab_restart_sentinel(lab, i);
	ck_assert(sentinel_lab_wait_whole(lab, HEAL_MS));
}
END_TEST

int main(void)
{
	Suite *faults = suite_create("faults");
	TCase *tc = tcase_create("failover");
	SRunner *sr = srunner_create(faults);
	int failed;

	setlinebuf(stdout);
	tcase_set_timeout(tc, 300);
	tcase_add_unchecked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_killed_master);
	tcase_add_test(tc, test_hanging_master);
	tcase_add_test(tc, test_failover_by_hand);
	tcase_add_test(tc, test_master_and_a_sentinel_gone);
	tcase_add_test(tc, test_sentinels_gone);
	tcase_add_test(tc, test_failover_by_hand_with_min_replicas);
	tcase_add_test(tc, test_failover_by_hand_with_durable_replicas);
	tcase_add_test(tc, test_master_that_knows_nothing);
	suite_add_tcase(faults, tc);
	srunner_set_fork_status(sr, CK_NOFORK); /* the processes of the lab are this one's */
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
