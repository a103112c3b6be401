/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "executor.h"
#include "op.h"
#include "rlinks.h"
#include "rpc.h"
#include "scrape.h"
#include "suite_run.h"
#include "tally.h"
#include "tcp_session.h"

static uv_loop_t loop;
static struct tally *tally;
static struct scrape *seen;

static void setup(void)
{
	static const char *const tags[] = { "{jq:math:0}", "{jq:bulk:3}", "nonsense" };
	uv_loop_init(&loop);
	tally = tally_new(&loop);
	for (size_t i = 0; i < 3; i++)
		tally_add(tally, tags[i]);
}

static void teardown(void)
{
	scrape_free(seen);
	seen = NULL;
	tally_free(tally);
	uv_loop_close(&loop);
}

/* Renders, and reads it strictly. */
static void look(const struct tally_sources *from)
{
	static const struct tally_sources nothing;
	struct buf text = BUF_INIT;
	char why[300];
	tally_render(tally, from ? from : &nothing, &text);
	scrape_free(seen);
	seen = scrape_parse(buf_cstr(&text), why, sizeof why);
	ck_assert_msg(seen != NULL, "%s", why);
	buf_fini(&text);
}

static const struct op *op(const char *name)
{
	const struct op *found = op_find(name, strlen(name));
	ck_assert_ptr_nonnull(found);
	return found;
}

START_TEST(test_finished_by_operation_and_outcome)
{
	for (int i = 0; i < TALLY_OUTCOMES; i++)
		for (int n = 0; n <= i; n++)
			tally_finished(tally, op("square"), (enum tally_outcome)i, 1000);
	tally_finished(tally, op("add"), TALLY_SUCCEEDED, 7000000);
	tally_finished(tally, NULL, TALLY_FAILED, 0);
	look(NULL);
	static const char *const outcomes[] = { "outcome=\"succeeded\"", "outcome=\"failed\"", "outcome=\"cancelled\"",
						"outcome=\"retried\"",   "outcome=\"dead\"",   "outcome=\"fenced\"" };
	for (int i = 0; i < TALLY_OUTCOMES; i++)
		ck_assert_double_eq(scrape_sum(seen, "square_jobs_finished_total", "op=\"square\"", outcomes[i], NULL),
				    i + 1);
	ck_assert_double_eq(scrape_sum(seen, "square_jobs_finished_total", "op=\"unknown\"", NULL), 1);
	ck_assert_uint_eq(scrape_count(seen, "square_jobs_finished_total", "op=\"add\"", NULL), 1);
	/* All but the fenced ones. */
	ck_assert_double_eq(scrape_sum(seen, "square_job_run_seconds_count", "op=\"square\"", NULL), 1 + 2 + 3 + 4 + 5);
	ck_assert_double_eq_tol(scrape_sum(seen, "square_job_run_seconds_sum", "op=\"add\"", NULL), 7, 1e-9);
	ck_assert_uint_eq(scrape_count(seen, "square_job_run_seconds_count", NULL), 3);
}
END_TEST

/* Every operation has its own counter, whichever order they come in. */
START_TEST(test_finished_of_all_operations)
{
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < op_count(); i++)
			tally_finished(tally, op_at(round ? i : op_count() - 1 - i), TALLY_SUCCEEDED, 1);
	look(NULL);
	ck_assert_uint_eq(scrape_count(seen, "square_jobs_finished_total", NULL), op_count());
	ck_assert_double_eq(scrape_sum(seen, "square_jobs_finished_total", NULL), 2 * (double)op_count());
	ck_assert_double_eq(scrape_sum(seen, "square_jobs_finished_total", "op=\"square\"", NULL), 2);
}
END_TEST

START_TEST(test_claims_and_waits_by_queue)
{
	tally_claimed(tally, 0, 0);
	tally_claimed(tally, 0, 64);
	tally_claimed(tally, 0, 3);
	tally_claimed(tally, 1, 1);
	tally_claimed(tally, 3, 1); /* there is no such queue */
	tally_started(tally, 0, 250000);
	tally_started(tally, 2, 1);
	tally_started(tally, 3, 1);
	look(NULL);
	ck_assert_double_eq(scrape_sum(seen, "square_claims_total", "queue=\"math\"", NULL), 3);
	ck_assert_double_eq(scrape_sum(seen, "square_claims_total", NULL), 4);
	ck_assert_double_eq(scrape_sum(seen, "square_claim_jobs_count", "queue=\"math\"", NULL), 2);
	ck_assert_double_eq(scrape_sum(seen, "square_claim_jobs_sum", "queue=\"math\"", NULL), 67);
	ck_assert_double_eq(scrape_sum(seen, "square_claim_jobs_sum", "queue=\"bulk\"", NULL), 1);
	ck_assert_double_eq(scrape_sum(seen, "square_job_wait_seconds_sum", "queue=\"math\"", NULL), 0.25);
	ck_assert_double_eq(scrape_sum(seen, "square_job_wait_seconds_count", NULL), 2);
}
END_TEST

START_TEST(test_turns_are_counted)
{
	for (int i = 0; i < 5; i++)
		tally_turn(tally, NULL);
	look(NULL);
	ck_assert_double_eq(scrape_sum(seen, "square_loop_turns_total", NULL), 5);
	ck_assert_double_eq(scrape_sum(seen, "square_redis_links_up", NULL), 0);
}
END_TEST

/* A link that cannot come up shows as what it is. */
START_TEST(test_link_without_redis)
{
	struct errinfo info;
	struct rslots *slots = rslots_new(&loop, "unix:///nowhere/redis.sock", "check", &info);
	struct rlinks_options options = { .name = "check", .seconds = tally_redis_seconds(tally) };
	struct rlinks *links = rlinks_new(slots, &options, &info);
	ck_assert_ptr_nonnull(links);
	tally_turn(tally, links);
	look(NULL);
	ck_assert_double_eq(scrape_sum(seen, "square_redis_links_up", NULL), 0);
	ck_assert_double_eq(scrape_sum(seen, "square_redis_connects_total", NULL), 0);
	ck_assert_double_eq(scrape_sum(seen, "square_redis_call_seconds_count", NULL), 0);
	rlinks_free(links);
	rslots_free(slots);
	uv_run(&loop, UV_RUN_DEFAULT);
}
END_TEST

static void on_output(void *arg)
{
	(void)arg;
}

START_TEST(test_direct_requests_by_outcome)
{
	static const char input[] = "12\n7/3\nx\n"
				    "{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":[1,2],\"id\":1}\n"
				    "{\"jsonrpc\":\"2.0\",\"method\":\"div\",\"params\":[1,0],\"id\":2}\n"
				    "{\"jsonrpc\":\"2.0\",\"method\":\"div\",\"params\":[1],\"id\":3}\n"
				    "{\"jsonrpc\":\"2.0\",\"method\":\"nothing\",\"id\":4}\n{oops\n";
	const struct rpc_stats rpc = *rpc_stats();
	const struct tcp_session_stats lines = *tcp_session_stats();
	struct executor *ex = executor_new(&loop, 1, NULL);
	struct tcp_session *session = tcp_session_new(ex, on_output, NULL);
	tcp_session_feed(session, input, sizeof input - 1);
	enum tcp_session_state state = tcp_session_eof(session);
	while (state == TCP_SESSION_YIELDS) /* a slow machine has computed long enough sooner */
		state = tcp_session_resume(session);
	ck_assert_int_eq(state, TCP_SESSION_OVER);
	ck_assert_uint_eq(tcp_session_stats()->squared - lines.squared, 2);
	ck_assert_uint_eq(tcp_session_stats()->refused - lines.refused, 1);
	ck_assert_uint_eq(rpc_stats()->succeeded - rpc.succeeded, 1);
	ck_assert_uint_eq(rpc_stats()->failed - rpc.failed, 1);
	ck_assert_uint_eq(rpc_stats()->refused - rpc.refused, 3);
	tcp_session_free(session);
	const struct tally_sources from = { .executor = ex };
	look(&from);
	ck_assert_double_eq(scrape_sum(seen, "square_worker_free_slots", NULL), 1);
	executor_free(ex);
	uv_run(&loop, UV_RUN_DEFAULT);
}
END_TEST

START_TEST(test_nobody_counts)
{
	tally_claimed(NULL, 0, 1);
	tally_started(NULL, 0, 1);
	tally_finished(NULL, op("square"), TALLY_SUCCEEDED, 1);
	tally_turn(NULL, NULL);
	tally_free(NULL);
	look(NULL);
	ck_assert_uint_eq(scrape_count(seen, "square_jobs_finished_total", NULL), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tally");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	tcase_add_checked_fixture(core, setup, teardown);
	tcase_add_checked_fixture(limits, setup, teardown);
	tcase_add_checked_fixture(faults, setup, teardown);
	tcase_set_timeout(limits, 60);
	tcase_add_test(core, test_finished_by_operation_and_outcome);
	tcase_add_test(core, test_claims_and_waits_by_queue);
	tcase_add_test(core, test_turns_are_counted);
	tcase_add_test(core, test_direct_requests_by_outcome);
	tcase_add_test(limits, test_finished_of_all_operations);
	tcase_add_test(faults, test_link_without_redis);
	tcase_add_test(faults, test_nobody_counts);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
