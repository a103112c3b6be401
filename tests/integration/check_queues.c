/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Queues paused, resumed and redriven, their figures, and the workers that serve them, on the real binaries. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "keys.h"
#include "pair.h"
#include "rlink.h"
#include "suite_run.h"
#include "wait_until.h"

/* ---- redrive, pause ---- */

/* Copies of one dead job, so many that moving them takes several calls. */
static void multiply_dead(const char *queue, const char *path, unsigned n)
{
	static const char script[] =
	    "local T, first = KEYS[1], ARGV[1] local rec = redis.call('GET', T..':j:'..first) "
	    "local died_at = redis.call('ZSCORE', T..':dead', first) "
	    "for i = 1, tonumber(ARGV[2]) do local id = string.format('%s%012d', string.sub(first, 1, 24), i) "
	    "redis.call('SET', T..':j:'..id, rec, 'EX', 600) redis.call('ZADD', T..':dead', died_at, id) end "
	    "return redis.call('ZCARD', T..':dead')";
	char tag[100], count[20];
	struct errinfo info;
	struct rsync *s = rsync_open(redis_private_url(pair_redis), PAIR_DEADLINE_MS, &info);
	ck_assert_ptr_nonnull(s);
	snprintf(tag, sizeof tag, "{jq:%s:0}", queue);
	snprintf(count, sizeof count, "%u", n);
	const struct rreply *reply =
	    rsync_words(s, &info, "EVAL", script, "1", tag, path + strlen("/v1/jobs/"), count, NULL);
	ck_assert_msg(rreply_int(reply) == n + 1, "%s", rreply_str(reply, NULL));
	rsync_close(s);
}

START_TEST(test_redrive_moves_all_dead_jobs)
{
	char path[PAIR_PATH_SIZE];
	struct role_run *w = pair_worker("WorkerRole_IN_0", "redrive");
	pair_submit(path, "redrive", "crash", "[\"abort\"]", ",\"max_attempts\":1");
	pair_await(path, "dead");
	multiply_dead("redrive", path, 1300);
	pair_set_paused("redrive", true);
	pair_figures(pair_a, "redrive");
	ck_assert_int_eq(pair_number("dead"), 1301);
	ck_assert_int_eq(pair_ask(pair_b, "POST", "/v1/queues/redrive/redrive", NULL), 202);
	ck_assert_int_eq(pair_number("moved"), 1301);
	ck_assert_ptr_null(json_object_get(pair_answer.json, "more"));
	pair_figures(pair_a, "redrive");
	ck_assert_int_eq(pair_number("dead"), 0);
	ck_assert_int_eq(pair_number("queued"), 1301);
	ck_assert_int_ge(pair_number("desired_workers"), 1);
	ck_assert_int_eq(pair_get(pair_a, path), 200);
	ck_assert_str_eq(pair_text("state"), "queued");
	ck_assert_int_eq(pair_ask(pair_a, "POST", "/v1/queues/redrive/redrive", NULL), 202);
	ck_assert_int_eq(pair_number("moved"), 0);
	ck_assert_int_eq(role_run_stop(w), 0);
}
END_TEST

/* That nothing is started cannot be waited for; so a later job of another queue of the same worker must be done first.
 */
START_TEST(test_paused_queue_accepts_and_does_not_start)
{
	char first[PAIR_PATH_SIZE], second[PAIR_PATH_SIZE], other[PAIR_PATH_SIZE];
	struct role_run *w = pair_worker("WorkerRole_IN_0", "paused,not-paused");
	pair_submit(first, "paused", "square", "[4]", "");
	pair_await(first, "succeeded");
	pair_set_paused("paused", true);
	pair_set_paused("paused", true);
	pair_submit(second, "paused", "square", "[5]", "");
	for (int i = 0; i < 3; i++) {
		pair_submit(other, "not-paused", "square", "[6]", "");
		pair_await(other, "succeeded");
	}
	pair_figures(pair_a, "paused");
	ck_assert(json_is_true(json_object_get(pair_answer.json, "paused")));
	ck_assert_int_eq(pair_number("queued"), 1);
	ck_assert_int_eq(pair_number("running"), 0);
	ck_assert_int_eq(pair_get(pair_a, second), 200);
	ck_assert_str_eq(pair_text("state"), "queued");
	pair_set_paused("paused", false);
	pair_await(second, "succeeded");
	ck_assert_int_eq(role_run_stop(w), 0);
}
END_TEST

/* ---- figures and workers ---- */

START_TEST(test_figures_of_a_queue)
{
	char path[PAIR_PATH_SIZE];
	pair_submit(path, "figures", "square", "[1]", "");
	pair_submit(path, "figures", "square", "[2]", "");
	pair_submit(path, "figures", "square", "[3]", ",\"delay_ms\":3600000");
	ck_assert_int_eq(pair_ask(pair_b, "DELETE", path, NULL), 200);
	pair_submit(path, "figures", "square", "[4]", ",\"delay_ms\":3600000");
	pair_figures(pair_b, "figures");
	ck_assert_int_eq(pair_number("queued"), 2);
	ck_assert_int_eq(pair_number("delayed"), 1);
	ck_assert_int_eq(pair_number("running"), 0);
	ck_assert_int_eq(pair_number("dead"), 0);
	ck_assert_int_ge(pair_number("oldest_ms"), 0);
	ck_assert(json_is_false(json_object_get(pair_answer.json, "paused")));
	ck_assert_int_eq(pair_number("workers"), 0);
	ck_assert_int_eq(pair_number("desired_workers"), 1);
	ck_assert_int_eq(pair_number("enqueued_total"), 4);
	ck_assert_int_eq(pair_number("finished_total"), 1);
	ck_assert_int_eq(pair_number("cancelled_total"), 1);
	ck_assert(json_is_number(json_object_get(pair_answer.json, "enqueued_per_s")));
	ck_assert(json_is_number(json_object_get(pair_answer.json, "finished_per_s")));
	ck_assert_ptr_null(json_object_get(pair_answer.json, "mean_run_ms")); /* nothing has run */
}
END_TEST

/* The queue's figures among all; NULL when it is not there. */
static const json_t *among_all(const struct role_run *web, const char *queue)
{
	size_t i;
	const json_t *one, *found = NULL;
	const char *before = "";
	ck_assert_int_eq(pair_get(web, "/v1/queues"), 200);
	json_array_foreach(json_object_get(pair_answer.json, "queues"), i, one)
	{
		const char *name = json_string_value(json_object_get(one, "name"));
		ck_assert_str_lt(before, name);
		before = name;
		found = strcmp(name, queue) == 0 ? one : found;
	}
	return found;
}

START_TEST(test_queues_are_there_from_their_first_job_on)
{
	char path[PAIR_PATH_SIZE];
	ck_assert_ptr_nonnull(among_all(pair_b, "declared")); /* the setting's, without any job */
	pair_figures(pair_a, "declared");
	ck_assert_int_eq(pair_number("enqueued_total"), 0);
	for (int i = 0; i < 5; i++) { /* however lately the other instance looked */
		char queue[20], in_path[40];
		snprintf(queue, sizeof queue, "new-%d", i);
		snprintf(in_path, sizeof in_path, "/v1/queues/%s", queue);
		pair_get(pair_b, in_path);
		pair_assert_problem(404, "not-found");
		ck_assert_ptr_null(among_all(pair_b, queue));
		pair_submit(path, queue, "square", "[1]", "");
		ck_assert_int_eq(pair_get(pair_b, path), 200);
		pair_figures(pair_b, queue);
		ck_assert_int_eq(json_integer_value(json_object_get(among_all(pair_a, queue), "queued")), 1);
	}
}
END_TEST

struct wanted {
	const char *instance;
	bool there;
	json_t *entry; /* borrowed from the answer */
};

static bool is_listed(void *arg)
{
	struct wanted *w = arg;
	size_t i;
	json_t *one;
	w->entry = NULL;
	if (pair_get(pair_b, "/v1/workers") != 200)
		return false;
	json_array_foreach(json_object_get(pair_answer.json, "workers"), i, one)
	{
		if (strcmp(json_string_value(json_object_get(one, "instance")), w->instance) == 0)
			w->entry = one;
	}
	return (w->entry != NULL) == w->there;
}

static long long member(const struct wanted *w, const char *name)
{
	const json_t *value = json_object_get(w->entry, name);
	ck_assert_msg(json_is_integer(value), "%s is no integer in %s", name, pair_answer.body);
	return json_integer_value(value);
}

static bool has_one_worker(void *arg)
{
	pair_figures(pair_a, arg);
	return pair_number("workers") == 1;
}

/* Workers reap what they serve; the web roles what nobody does. */
START_TEST(test_jobs_of_an_unserved_queue_expire_and_fall_due)
{
	char late[PAIR_PATH_SIZE], due[PAIR_PATH_SIZE];
	struct role_run *w = pair_worker("WorkerRole_IN_0", "math");
	pair_submit(late, "unserved", "square", "[2]", ",\"expires_in_ms\":50");
	pair_submit(due, "unserved", "square", "[3]", ",\"delay_ms\":50");
	pair_await(late, "expired");
	pair_await(due, "queued");
	pair_figures(pair_b, "unserved");
	ck_assert_int_eq(pair_number("queued"), 1);
	ck_assert_int_eq(pair_number("workers"), 0);
	ck_assert_int_eq(pair_number("desired_workers"), 1);
	ck_assert_int_eq(role_run_stop(w), 0);
}
END_TEST

START_TEST(test_workers_appear_and_disappear)
{
	static char queue[] = "appear";
	char path[PAIR_PATH_SIZE], at[40];
	struct wanted wanted = { .instance = "WorkerRole_IN_7", .there = true };
	pair_submit(path, queue, "square", "[1]", "");
	pair_figures(pair_a, queue);
	ck_assert_int_eq(pair_number("workers"), 0);
	struct role_run *w = pair_worker(wanted.instance, queue);
	ck_assert(wait_until(is_listed, &wanted, PAIR_DEADLINE_MS));
	ck_assert_str_eq(json_string_value(json_object_get(wanted.entry, "role")), "WorkerRole");
	ck_assert_str_eq(json_string_value(json_object_get(wanted.entry, "state")), "ready");
	ck_assert_str_ne(json_string_value(json_object_get(wanted.entry, "host")), "");
	ck_assert_uint_eq(json_string_length(json_object_get(wanted.entry, "started_at")), 24);
	ck_assert_int_eq(member(&wanted, "pid"), role_run_pid(w));
	ck_assert_int_ge(member(&wanted, "heartbeat_age_ms"), 0);
	ck_assert_int_ge(member(&wanted, "running"), 0);
	ck_assert_int_gt(member(&wanted, "capacity"), 0);
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(wanted.entry, "queues"), 0)), queue);
	snprintf(at, sizeof at, "127.0.0.1:%u", role_run_port(w));
	ck_assert_str_eq(json_string_value(
			     json_object_get(json_object_get(wanted.entry, "endpoints"), "SquareEndpoint")),
			 at);
	ck_assert(wait_until(has_one_worker, queue, PAIR_DEADLINE_MS));
	ck_assert_int_eq(role_run_stop(w), 0);
	wanted.there = false;
	ck_assert(wait_until(is_listed, &wanted, PAIR_DEADLINE_MS));
	pair_figures(pair_a, queue);
	ck_assert_int_eq(pair_number("workers"), 0);
	wanted = (struct wanted){ .instance = "WebRole_IN_0", .there = true };
	ck_assert(wait_until(is_listed, &wanted, PAIR_DEADLINE_MS)); /* web roles are told too */
	ck_assert_ptr_null(json_object_get(wanted.entry, "queues"));
}
END_TEST

/* One that was killed is not withdrawn; it counts as live until its heartbeat is too old. */
START_TEST(test_workers_that_were_killed_disappear)
{
	struct wanted wanted = { .instance = "WorkerRole_IN_8", .there = true };
	struct role_run *w = pair_worker(wanted.instance, "killed");
	struct errinfo info;
	ck_assert(wait_until(is_listed, &wanted, PAIR_DEADLINE_MS));
	kill(role_run_pid(w), SIGKILL);
	ck_assert_int_ne(role_run_stop(w), 0);
	struct rsync *s = rsync_open(redis_private_url(pair_redis), PAIR_DEADLINE_MS, &info);
	ck_assert_ptr_nonnull(s);
	ck_assert_ptr_nonnull(rsync_words(s, &info, "ZINCRBY", KEYS_REG_SEEN, "-6000001", wanted.instance, NULL));
	rsync_close(s);
	wanted.there = false;
	ck_assert(is_listed(&wanted));
}
END_TEST

/* ---- a full queue ---- */

/* Dead jobs do not count as live; what is run again does, and no more fit than may live. */
START_TEST(test_full_queue_takes_back_what_fits)
{
	static const char *const small[] = { "SQUARE_ENQUEUE_DEADLINE_MS=10000", "SQUARE_LIVE_JOBS_MAX=3", NULL };
	char path[PAIR_PATH_SIZE], other[PAIR_PATH_SIZE];
	struct role_run *web = role_run_start("web-role", "WebRole_IN_2", redis_private_url(pair_redis), small);
	struct role_run *w = pair_worker("WorkerRole_IN_0", "full");
	pair_submit(path, "full", "crash", "[\"abort\"]", ",\"max_attempts\":1");
	pair_await(path, "dead");
	multiply_dead("full", path, 5);
	pair_set_paused("full", true);
	pair_submit(other, "full", "square", "[1]", "");
	ck_assert_int_eq(pair_ask(web, "POST", "/v1/queues/full/redrive", NULL), 202);
	ck_assert_int_eq(pair_number("moved"), 2);
	ck_assert(json_is_true(json_object_get(pair_answer.json, "more")));
	pair_ask(web, "POST", "/v1/queues/full/redrive", NULL);
	pair_assert_problem(503, "queue-full");
	ck_assert_ptr_nonnull(http_answer_header(&pair_answer, "Retry-After"));
	pair_figures(web, "full");
	ck_assert_int_eq(pair_number("queued"), 3);
	ck_assert_int_eq(pair_number("dead"), 4);
	ck_assert_int_eq(pair_ask(pair_a, "POST", "/v1/jobs", "{\"op\":\"square\",\"args\":[1],\"queue\":\"full\"}"),
			 202);
	snprintf(other, sizeof other, "/v1/jobs/%s", pair_text("id"));
	ck_assert_int_eq(pair_ask(pair_a, "DELETE", other, NULL), 200);
	pair_ask_at(web, "POST", other, "/retry", NULL);
	pair_assert_problem(503, "queue-full");
	ck_assert_int_eq(pair_get(pair_a, other), 200);
	ck_assert_str_eq(pair_text("state"), "cancelled");
	ck_assert_int_eq(role_run_stop(w), 0);
	ck_assert_int_eq(role_run_stop(web), 0);
}
END_TEST

/* ---- many queues ---- */

#define MANY 4000

/* On a slow machine so many new queues may be too much for one go: asked again, as a client would. */
static bool takes_them(void *body)
{
	return pair_ask(pair_a, "POST", "/v1/jobs", body) == 202;
}

static void submit_to_many(void)
{
	static char body[100 * MANY];
	size_t n = 0;
	for (int i = 0; i < MANY; i++) {
		n += (size_t)snprintf(body + n, sizeof body - n, "%c{\"op\":\"square\",\"args\":[1],\"queue\":\"q%d\"}",
				      i % 1000 ? ',' : '[', i);
		if (i % 1000 != 999)
			continue;
		snprintf(body + n, sizeof body - n, "]");
		ck_assert(wait_until(takes_them, body, PAIR_DEADLINE_MS));
		ck_assert_int_eq(pair_number("accepted"), 1000);
		n = 0;
	}
}

/* Redis may be a moment late for any of the calls. */
static bool lists_many(void *web)
{
	return pair_get(web, "/v1/queues") == 200 &&
	       json_array_size(json_object_get(pair_answer.json, "queues")) >= MANY;
}

/* No call is slow, but all of them together take longer than one may. */
START_TEST(test_many_queues_are_listed_while_redis_answers)
{
	static const char *const hasty[] = { "SQUARE_ENQUEUE_DEADLINE_MS=60", NULL };
	struct role_run *web = role_run_start("web-role", "WebRole_IN_2", redis_private_url(pair_redis), hasty);
	submit_to_many();
	ck_assert(wait_until(lists_many, web, PAIR_DEADLINE_MS));
	ck_assert_int_eq(role_run_stop(web), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("queues");
	TCase *core = tcase_create("core"), *bounds = tcase_create("limits"), *many = tcase_create("many");
	tcase_set_timeout(core, 60);
	tcase_add_unchecked_fixture(core, pair_set_up, pair_tear_down);
	tcase_set_timeout(bounds, 60);
	tcase_add_unchecked_fixture(bounds, pair_set_up, pair_tear_down);
	tcase_add_test(core, test_redrive_moves_all_dead_jobs);
	tcase_add_test(core, test_paused_queue_accepts_and_does_not_start);
	tcase_add_test(core, test_figures_of_a_queue);
	tcase_add_test(core, test_queues_are_there_from_their_first_job_on);
	tcase_add_test(core, test_jobs_of_an_unserved_queue_expire_and_fall_due);
	tcase_add_test(core, test_workers_appear_and_disappear);
	tcase_add_test(core, test_workers_that_were_killed_disappear);
	tcase_add_test(bounds, test_full_queue_takes_back_what_fits);
	tcase_set_timeout(many, 60);
	tcase_add_unchecked_fixture(many, pair_set_up, pair_tear_down);
	tcase_add_test(many, test_many_queues_are_listed_while_redis_answers);
	suite_add_tcase(s, core);
	suite_add_tcase(s, bounds);
	suite_add_tcase(s, many);
	return suite_run(s);
}
