/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sharing one call, within one process: a pool of one child that shares, and the endpoint of a peer with a pool of its
 * own on the same loop. And the pile of units alone, without any of them. */
#include <arpa/inet.h>
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "compute/pool_parts.h"
#include "compute_run.h"
#include "loop_until.h"
#include "peer_server.h"
#include "scatter_parts.h"
#include "suite_run.h"

#define SOON_MS 60000
#define ARGS "[\"sin(k)/k\",\"k\",1,100000]"
#define RESULT "1.0708056521234341"

/* ---- the pile ---- */

static struct scatter_job pile(uint32_t units, double unit_ns)
{
	return (struct scatter_job){ .plan = { .units = units, .least = 1, .ns = unit_ns * units },
				     .unit_ns = unit_ns };
}

static void pile_fini(struct scatter_job *j)
{
	while (j->pieces) {
		struct piece *p = j->pieces;
		j->pieces = p->next;
		free(p);
	}
}

START_TEST(test_scatter_pile_next_gives_every_unit_once)
{
	static const uint32_t sizes[] = { 1, 2, 3, 20, 149, 1000, 100000, 4000000000u };

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (unsigned helpers = 1; helpers < 200; helpers = 3 * helpers + 1) {
			struct scatter_job j = pile(sizes[i], 5e9 / sizes[i]);
			uint32_t next = 0;
			for (struct piece *p; scatter_pile_untaken(&j); next = p->units.to) {
				p = scatter_pile_next(&j, helpers);
				ck_assert_ptr_nonnull(p);
				ck_assert_uint_eq(p->units.from, next);
				ck_assert_uint_gt(p->units.to, next);
				ck_assert_uint_eq(p->units.units, sizes[i]);
				ck_assert(sizes[i] < 100 ||
					  (p->units.to - next) * j.unit_ns < 1.1 * SCATTER_PART_MS * 1e6);
			}
			ck_assert_uint_eq(next, sizes[i]);
			ck_assert_uint_le(j.n_pieces, SCATTER_PARTS_MAX);
			ck_assert_ptr_null(
			    scatter_pile_next(&j, helpers)); /* nobody computes anything: nothing is overdue */
			pile_fini(&j);
		}
}
END_TEST

START_TEST(test_scatter_pile_put_back_comes_first)
{
	struct scatter_job j = pile(100, 1e8);
	struct piece *a = scatter_pile_next(&j, 2), *b = scatter_pile_next(&j, 2);

	scatter_pile_put_back(a);
	scatter_pile_put_back(a); /* once is enough */
	ck_assert_uint_eq(j.waiting, 1);
	ck_assert_ptr_eq(scatter_pile_next(&j, 2), a);
	ck_assert_uint_eq(j.waiting, 0);
	b->done = true;
	scatter_pile_put_back(b); /* no more */
	ck_assert_uint_eq(j.waiting, 0);
	ck_assert_uint_eq(scatter_pile_next(&j, 2)->units.from, b->units.to);
	pile_fini(&j);
}
END_TEST

START_TEST(test_scatter_pile_overdue_is_repeated_once)
{
	struct scatter_job j = pile(2, 1e6); /* a millisecond each */
	struct run late = { .began_us = clock_mono_us() - 10000000 }, later = { .began_us = late.began_us + 1000000 },
		   again = { .began_us = late.began_us };
	struct piece *a = scatter_pile_next(&j, 2), *b = scatter_pile_next(&j, 2);

	if (!b) { /* both in one */
		pile_fini(&j);
		j = pile(2, 1e9);
		a = scatter_pile_next(&j, 2);
		b = scatter_pile_next(&j, 2);
	}
	ck_assert_ptr_nonnull(b);
	ck_assert_ptr_null(scatter_pile_overdue(&j)); /* nobody has begun */
	a->runs = &later;
	b->runs = &late;
	ck_assert_ptr_eq(scatter_pile_overdue(&j), b); /* the one begun first */
	late.next = &again;
	ck_assert_ptr_eq(scatter_pile_next(&j, 2), a); /* that one is being repeated */
	a->done = true;
	ck_assert_ptr_null(scatter_pile_next(&j, 2));
	pile_fini(&j);
}
END_TEST

/* ---- the whole ---- */

static uv_loop_t loop;
static struct compute_run own, its;
static struct peer_server *server;
static struct peer_set *set;
static struct scatter *scatter;
static struct scatter_job *job;
static bool idle, may, answered, succeeded;
static enum op_error error;
static char result[80];

static bool is_idle(void *arg)
{
	return *(bool *)arg;
}

static void set_up(void)
{
	static const uint8_t secret[PEER_SECRET] = { 7, 7, 7 };
	struct peer_server_options at = { .address = "127.0.0.1", .may_take = is_idle, .arg = &may };
	struct errinfo info = { 0 };
	char where[40];

	ck_assert_int_eq(uv_loop_init(&loop), 0);
	compute_run_start(&own, &loop, 1);
	compute_run_start(&its, &loop, 1);
	at.pool = its.pool;
	server = peer_server_new(&loop, &at, &info);
	ck_assert_msg(server != NULL, "%s", info.text);
	peer_server_set_secret(server, secret);
	set = peer_set_new(&loop);
	peer_set_set_secret(set, secret);
	snprintf(where, sizeof where, "127.0.0.1:%u", peer_server_port(server));
	peer_set_add(set, "WorkerRole_IN_1", where);
	struct scatter_options options = { .pool = own.pool, .peers = set, .is_idle = is_idle, .arg = &idle };
	scatter = scatter_new(&loop, &options);
	ck_assert(set && scatter);
	may = true;
}

static void tear_down(void)
{
	scatter_free(scatter);
	peer_set_free(set);
	peer_server_free(server);
	compute_run_stop(&own);
	compute_run_stop(&its);
	ck_assert(loop_finish(&loop));
	compute_run_end(&own);
	compute_run_end(&its);
}

static void on_result(void *arg, const struct pool_result *r)
{
	(void)arg;
	ck_assert(!answered);
	answered = true;
	job = NULL;
	succeeded = r->ok;
	if (r->ok)
		snprintf(result, sizeof result, "%s", buf_cstr(r->json));
	else
		error = r->failure->error;
}

static int run(const char *op, const char *args, uint32_t timeout_ms)
{
	struct pool_caller caller = { .on_result = on_result };
	struct op_failure f;
	struct op_call c;

	answered = succeeded = false;
	ck_assert_msg(op_call_prepare(&c, op, strlen(op), args, strlen(args), timeout_ms, &f) == 0, "%s", f.detail);
	int rc = scatter_run(scatter, &c, timeout_ms, &caller, &job);
	op_call_fini(&c);
	return rc;
}

static bool has_answered(void *arg)
{
	(void)arg;
	return answered;
}

static bool is_running_there(void *arg)
{
	(void)arg;
	return answered || peer_server_stats(server)->running > 0;
}

static bool has_room(void *arg)
{
	(void)arg;
	return pool_room(own.pool) == 1;
}

static bool is_quiet_there(void *arg)
{
	(void)arg;
	return peer_server_stats(server)->running == 0;
}

static void expect_result(void)
{
	ck_assert(loop_until(&loop, has_answered, NULL, SOON_MS));
	ck_assert_msg(succeeded, "failed: %d", error);
	ck_assert_str_eq(result, RESULT);
}

START_TEST(test_scatter_run_shares)
{
	ck_assert_int_eq(run("sum_series", ARGS, 60000), 0);
	expect_result();
	ck_assert_uint_gt(peer_server_stats(server)->finished, 0);
	ck_assert_uint_gt(scatter_stats(scatter)->own_parts, 0);
	ck_assert_uint_eq(scatter_stats(scatter)->whole, 0);
	ck_assert(loop_until(&loop, has_room, NULL, SOON_MS)); /* the place that was kept is free again */
}
END_TEST

START_TEST(test_scatter_run_leaves_small_calls_alone)
{
	ck_assert_int_eq(run("sum_series", "[\"sin(k)/k\",\"k\",1,100]", 5000), ERR_NOT_FOUND);
	ck_assert_int_eq(run("prime_count", "[1000000]", 5000), ERR_NOT_FOUND);
	ck_assert_int_eq(run("sum_series", "[\"k\",\"k\",1,\"inf\"]", 5000), ERR_NOT_FOUND);
	ck_assert_int_eq(run("gcd", "[12,18]", 5000), ERR_NOT_FOUND);
}
END_TEST

START_TEST(test_scatter_run_with_a_busy_peer)
{
	may = false;
	ck_assert_int_eq(run("sum_series", ARGS, 60000), 0);
	expect_result();
	ck_assert_uint_gt(peer_set_stats(set)->busy, 0);
	ck_assert_uint_eq(peer_server_stats(server)->taken, 0);
	ck_assert_uint_eq(scatter_stats(scatter)->replanned, 0);
}
END_TEST

START_TEST(test_scatter_run_when_the_peer_goes)
{
	ck_assert_int_eq(run("sum_series", ARGS, 60000), 0);
	ck_assert(loop_until(&loop, is_running_there, NULL, SOON_MS));
	ck_assert(!answered);
	peer_server_free(server);
	server = NULL;
	expect_result();
	ck_assert_uint_ge(scatter_stats(scatter)->replanned, 1);
	ck_assert_uint_ge(peer_set_stats(set)->lost, 1);
}
END_TEST

START_TEST(test_scatter_run_when_the_peer_stands_still)
{
	ck_assert_int_eq(run("sum_series", ARGS, 60000), 0);
	ck_assert(loop_until(&loop, is_running_there, NULL, SOON_MS));
	ck_assert(!answered);
	for (size_t i = 0; pool_pid(its.pool, i); i++)
		kill(pool_pid(its.pool, i), SIGSTOP);
	expect_result();
	ck_assert_uint_ge(scatter_stats(scatter)->repeated, 1);
	ck_assert(loop_until(&loop, is_quiet_there, NULL, SOON_MS)); /* what it had was cancelled */
}
END_TEST

START_TEST(test_scatter_abandon_stops_all_parts)
{
	ck_assert_int_eq(run("sum_series", ARGS, 60000), 0);
	ck_assert(loop_until(&loop, is_running_there, NULL, SOON_MS));
	ck_assert(!answered);
	scatter_abandon(job);
	ck_assert(loop_until(&loop, is_quiet_there, NULL, SOON_MS));
	ck_assert_uint_ge(peer_server_stats(server)->cancelled, 1);
	ck_assert(!answered);
	ck_assert(loop_until(&loop, has_room, NULL, SOON_MS));
	ck_assert_int_eq(run("sum_series", ARGS, 60000), 0); /* the next is as the first */
	expect_result();
}
END_TEST

START_TEST(test_scatter_run_out_of_time)
{
	ck_assert_int_eq(run("sum_series", "[\"sin(k)/k\",\"k\",1,900000]", 100), 0);
	ck_assert(loop_until(&loop, has_answered, NULL, SOON_MS));
	ck_assert(!succeeded);
	ck_assert_int_eq(error, OP_TIMEOUT);
	ck_assert(loop_until(&loop, is_quiet_there, NULL, SOON_MS));
}
END_TEST

START_TEST(test_scatter_run_fails_as_the_whole)
{
	ck_assert_int_eq(run("sum_series", "[\"1/(k-50000)+sin(k)\",\"k\",1,100000]", 60000), 0);
	ck_assert(loop_until(&loop, has_answered, NULL, SOON_MS));
	ck_assert(!succeeded);
	ck_assert_int_eq(error, OP_DIVISION_BY_ZERO);
}
END_TEST

static bool both_compute(void *arg)
{
	(void)arg;
	return answered ||
	       (own.pool->count[BUSY] > 0 && own.pool->count[IDLE] > 0 && peer_server_stats(server)->running > 0);
}

/* A part at the peer says what is wrong with the whole while another one runs here; killing that one makes room, and
 * there is no memory to tell a child of the whole: answered once, and nothing is touched after that. */
START_TEST(test_scatter_run_whole_without_memory)
{
	struct buf large = BUF_INIT;

	ck_assert_int_eq(buf_reserve(&large, IPC_PAYLOAD_MAX + 1), 0);
	memset(large.data, ' ', IPC_PAYLOAD_MAX + 1);
	large.len = IPC_PAYLOAD_MAX + 1;
	ck_assert_int_eq(run("sum_series", "[\"1/(k-99990)+sin(k)\",\"k\",1,100000]", 60000), 0);
	ck_assert(loop_until(&loop, both_compute, NULL, SOON_MS));
	ck_assert(!answered);
	for (const struct pool_child *c = own.pool->children; c; c = c->next)
		if (c->state == BUSY)
			kill(c->pid, SIGSTOP);
	struct buf args = job->args; /* the peer is told of these */
	job->args = large;
	ck_assert(loop_until(&loop, has_answered, NULL, SOON_MS));
	ck_assert(!succeeded);
	ck_assert_int_eq(error, OP_INTERNAL_ERROR);
	ck_assert_uint_eq(scatter_stats(scatter)->whole, 1);
	buf_fini(&args);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("scatter");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");

	tcase_add_test(limits, test_scatter_pile_next_gives_every_unit_once);
	tcase_add_test(limits, test_scatter_pile_put_back_comes_first);
	tcase_add_test(limits, test_scatter_pile_overdue_is_repeated_once);
	tcase_set_timeout(core, 120);
	tcase_add_checked_fixture(core, set_up, tear_down);
	tcase_add_test(core, test_scatter_run_shares);
	tcase_add_test(core, test_scatter_run_leaves_small_calls_alone);
	tcase_add_test(core, test_scatter_abandon_stops_all_parts);
	tcase_set_timeout(faults, 120);
	tcase_add_checked_fixture(faults, set_up, tear_down);
	tcase_add_test(faults, test_scatter_run_with_a_busy_peer);
	tcase_add_test(faults, test_scatter_run_when_the_peer_goes);
	tcase_add_test(faults, test_scatter_run_when_the_peer_stands_still);
	tcase_add_test(faults, test_scatter_run_out_of_time);
	tcase_add_test(faults, test_scatter_run_fails_as_the_whole);
	tcase_add_test(faults, test_scatter_run_whole_without_memory);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
