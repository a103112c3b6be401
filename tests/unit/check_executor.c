/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The executor: where calls run, its slots, its clock, cancelling, draining. */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/ipc.h"
#include "compute_run.h"
#include "err.h"
#include "executor.h"
#include "loop_until.h"
#include "suite_run.h"

#define DEADLINE_MS 60000
#define LONG_MS 60000 /* for calls that shall end well however slow the machine is */
#define SLOTS 2
#define HEAVY "[200000]" /* of factorial: some tens of milliseconds */
#define CHILDREN 1

static uv_loop_t loop;
static struct executor *ex;
static struct compute_run compute;

/* What became of a call. */
struct outcome {
	int calls;
	bool ok;
	enum op_error error;
	size_t len;
	char json[256];
	uint64_t run_us;
	unsigned free_slots; /* when the callback ran */
};

static void on_result(void *arg, const struct executor_result *result)
{
	struct outcome *o = arg;

	o->calls++;
	o->ok = result->ok;
	o->error = result->ok ? OP_ERROR_COUNT : result->failure->error;
	o->len = result->json->len;
	o->run_us = result->run_us;
	o->free_slots = executor_free_slots(ex);
	snprintf(o->json, sizeof o->json, "%.*s", (int)(o->len < 200 ? o->len : 200), result->json->data);
}

static bool is_called(void *arg)
{
	return ((struct outcome *)arg)->calls > 0;
}

static bool is_idle(void *arg)
{
	(void)arg;
	return executor_running(ex) == 0 && executor_waiting(ex) == 0;
}

static bool has_child(void *arg)
{
	(void)arg;
	return executor_free_children(ex) > 0;
}

static void setup(void)
{
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	compute_run_start(&compute, &loop, CHILDREN);
	ex = executor_new(&loop, SLOTS, compute.pool);
	ck_assert_ptr_nonnull(ex);
}

/* What is still in hand ends here, and its callback writes to the outcome it was given: so those are static. */
static void teardown(void)
{
	executor_free(ex);
	compute_run_stop(&compute);
	ck_assert_msg(loop_finish(&loop), "a handle was left open");
	compute_run_end(&compute);
}

static struct op_call prepare(const char *op, const char *args)
{
	struct op_call c;
	struct op_failure f;

	ck_assert_msg(op_call_prepare(&c, op, strlen(op), args, strlen(args), 0, &f) == 0, "%s", f.detail);
	return c;
}

static struct executor_job *run(const char *op, const char *args, uint32_t timeout_ms, struct outcome *o)
{
	struct op_call c = prepare(op, args);
	struct executor_job *job = NULL;

	memset(o, 0, sizeof *o);
	ck_assert_int_eq(executor_run(ex, &c, timeout_ms, on_result, o, &job), 0);
	return job;
}

/* ---- core ---- */

START_TEST(test_executor_run_short_call_at_once)
{
	static struct outcome o;

	ck_assert_ptr_null(run("square", "[12]", 0, &o));
	ck_assert_int_eq(o.calls, 1);
	ck_assert(o.ok);
	ck_assert_str_eq(o.json, "144");
	ck_assert_uint_eq(executor_free_slots(ex), SLOTS);
}
END_TEST

START_TEST(test_executor_run_timed_call)
{
	static struct outcome o;

	ck_assert_ptr_nonnull(run("sleep", "[20]", 0, &o));
	ck_assert_int_eq(o.calls, 0);
	ck_assert_uint_eq(executor_free_slots(ex), SLOTS - 1);
	ck_assert(loop_until(&loop, is_called, &o, DEADLINE_MS));
	ck_assert_int_eq(o.calls, 1);
	ck_assert_str_eq(o.json, "20");
	ck_assert_uint_ge(o.run_us, 15000);
	ck_assert_uint_eq(o.free_slots, SLOTS);
}
END_TEST

START_TEST(test_executor_run_heavy_call_leaves_the_loop_free)
{
	static struct outcome heavy, timed;

	ck_assert_ptr_nonnull(run("factorial", HEAVY, LONG_MS, &heavy));
	run("sleep", "[1]", 0, &timed);
	ck_assert_int_eq(heavy.calls, 0);
	ck_assert(loop_until(&loop, is_called, &timed, DEADLINE_MS));
	ck_assert(loop_until(&loop, is_called, &heavy, DEADLINE_MS));
	ck_assert(heavy.ok);
	ck_assert_uint_gt(heavy.len, 900000);
	ck_assert_uint_gt(heavy.run_us, 0);
	ck_assert(is_idle(NULL));
}
END_TEST

START_TEST(test_executor_run_failure_is_given_as_json)
{
	static struct outcome o;

	run("add", "[\"5e999999\",\"5e999999\"]", LONG_MS, &o); /* only its result is too large */
	ck_assert(loop_until(&loop, is_called, &o, DEADLINE_MS));
	ck_assert(!o.ok);
	ck_assert_int_eq(o.error, OP_LIMIT_EXCEEDED);
	ck_assert_int_eq(strncmp(o.json, "{\"type\":\"limit-exceeded\"", 24), 0);
}
END_TEST

static void on_nested(void *arg, const struct executor_result *result)
{
	struct op_call c;

	ck_assert_str_eq(buf_cstr(result->json), "144");
	c = prepare("square", "[5]");
	ck_assert_int_eq(executor_run(ex, &c, 0, on_result, arg, NULL), 0);
	ck_assert_str_eq(buf_cstr(result->json), "144"); /* not overwritten by the inner one */
}

START_TEST(test_executor_run_within_a_callback)
{
	static struct outcome o = { 0 };
	struct op_call c = prepare("square", "[12]");

	ck_assert_int_eq(executor_run(ex, &c, 0, on_nested, &o, NULL), 0);
	ck_assert_str_eq(o.json, "25");
}
END_TEST

static void on_take(void *arg, const struct executor_result *result)
{
	*(char **)arg = buf_take(result->json, NULL);
}

START_TEST(test_executor_result_may_be_taken)
{
	char *text = NULL;
	static struct outcome o;
	struct op_call c = prepare("square", "[12]");

	ck_assert_int_eq(executor_run(ex, &c, 0, on_take, &text, NULL), 0);
	run("square", "[5]", 0, &o);
	ck_assert_str_eq(text, "144");
	ck_assert_str_eq(o.json, "25");
	free(text);
}
END_TEST

/* ---- limits ---- */

START_TEST(test_executor_run_full)
{
	static struct outcome a, b, c = { 0 }, d;
	struct op_call call;

	run("sleep", "[5]", 0, &a);
	run("sleep", "[60000]", 0, &b);
	ck_assert_uint_eq(executor_free_slots(ex), 0);
	call = prepare("sleep", "[1]");
	ck_assert_int_eq(executor_run(ex, &call, 0, on_result, &c, NULL), ERR_FULL);
	op_call_fini(&call); /* still ours */
	ck_assert_int_eq(c.calls, 0);
	run("square", "[3]", 0, &d); /* needs no slot */
	ck_assert_str_eq(d.json, "9");
	ck_assert(loop_until(&loop, is_called, &a, DEADLINE_MS));
	ck_assert_uint_eq(executor_free_slots(ex), 1);
	ck_assert_int_eq(b.calls, 0);
}
END_TEST

START_TEST(test_executor_run_or_wait_in_order)
{
	static struct outcome o[6] = { 0 };

	for (int i = 0; i < 6; i++) {
		struct op_call c = prepare("sleep", "[3]");
		ck_assert_int_eq(executor_run_or_wait(ex, &c, 0, on_result, &o[i], NULL), 0);
	}
	ck_assert_uint_eq(executor_waiting(ex), 6 - SLOTS);
	for (int i = 0; i < 6; i++) {
		ck_assert(loop_until(&loop, is_called, &o[i], DEADLINE_MS));
		ck_assert(o[i].ok);
		for (int k = i + SLOTS + 1; k < 6; k++)
			ck_assert_int_eq(o[k].calls, 0);
	}
	ck_assert(is_idle(NULL));
}
END_TEST

START_TEST(test_executor_run_or_wait_bounded)
{
	static struct outcome o[EXECUTOR_WAITING_MAX + SLOTS + 1];
	struct op_call c;

	for (int i = 0; i < EXECUTOR_WAITING_MAX + SLOTS; i++) {
		c = prepare("sleep", "[60000]");
		ck_assert_int_eq(executor_run_or_wait(ex, &c, 0, on_result, &o[i], NULL), 0);
	}
	c = prepare("sleep", "[60000]");
	ck_assert_int_eq(executor_run_or_wait(ex, &c, 0, on_result, &o[EXECUTOR_WAITING_MAX + SLOTS], NULL), ERR_FULL);
	op_call_fini(&c);
	executor_free(ex);
	for (int i = 0; i < EXECUTOR_WAITING_MAX + SLOTS; i++) {
		ck_assert_int_eq(o[i].calls, 1);
		ck_assert_int_eq(o[i].error, OP_CANCELLED);
	}
	ex = executor_new(&loop, SLOTS, compute.pool);
}
END_TEST

START_TEST(test_executor_timeout_of_timed_call)
{
	static struct outcome o;

	run("sleep", "[60000]", 10, &o);
	ck_assert(loop_until(&loop, is_called, &o, DEADLINE_MS));
	ck_assert_int_eq(o.error, OP_TIMEOUT);
	ck_assert_uint_eq(executor_free_slots(ex), SLOTS);
}
END_TEST

START_TEST(test_executor_timeout_of_heavy_call)
{
	static struct outcome o;

	run("crash", "[\"loop\"]", 20, &o);
	ck_assert(loop_until(&loop, is_called, &o, DEADLINE_MS));
	ck_assert_int_eq(o.calls, 1);
	ck_assert_int_eq(o.error, OP_TIMEOUT);
	ck_assert_uint_ge(o.run_us, 20000);
	ck_assert(is_idle(NULL));
	ck_assert(loop_until(&loop, has_child, NULL, DEADLINE_MS));
}
END_TEST

START_TEST(test_executor_many_heavy_calls_take_turns)
{
	static struct outcome o[40];

	for (int i = 0; i < 40; i++) {
		struct op_call c = prepare("factorial", "[20000]");
		memset(&o[i], 0, sizeof o[i]);
		ck_assert_int_eq(executor_run_or_wait(ex, &c, LONG_MS, on_result, &o[i], NULL), 0);
	}
	for (int i = 0; i < 40; i++) {
		ck_assert(loop_until(&loop, is_called, &o[i], DEADLINE_MS));
		ck_assert(o[i].ok);
		ck_assert_int_eq(o[i].calls, 1);
	}
	ck_assert(is_idle(NULL));
}
END_TEST

/* ---- faults ---- */

START_TEST(test_executor_cancel_timed_and_waiting)
{
	static struct outcome a, b, c = { 0 };
	struct executor_job *first = run("sleep", "[60000]", 0, &a), *waiting = NULL;
	struct op_call call = prepare("sleep", "[60000]");

	run("sleep", "[60000]", 0, &b);
	ck_assert_int_eq(executor_run_or_wait(ex, &call, 0, on_result, &c, &waiting), 0);
	ck_assert_uint_eq(executor_waiting(ex), 1);
	executor_cancel(first);
	ck_assert_int_eq(a.calls, 1);
	ck_assert_int_eq(a.error, OP_CANCELLED);
	ck_assert_uint_eq(executor_waiting(ex), 0); /* it has the slot now */
	ck_assert_uint_eq(executor_running(ex), SLOTS);
	executor_cancel(waiting);
	ck_assert_int_eq(c.error, OP_CANCELLED);
	ck_assert_uint_eq(executor_free_slots(ex), 1);
	ck_assert_int_eq(b.calls, 0);
}
END_TEST

/* The child of a cancelled call is killed: the next call finds another. */
START_TEST(test_executor_cancel_heavy_frees_its_child)
{
	static struct outcome o, next;
	struct executor_job *job = run("crash", "[\"loop\"]", LONG_MS, &o);

	ck_assert_uint_eq(executor_free_children(ex), 0);
	ck_assert_uint_eq(executor_free_slots(ex), SLOTS); /* what is timed is not in its way */
	executor_cancel(job);
	ck_assert_int_eq(o.calls, 1);
	ck_assert_int_eq(o.error, OP_CANCELLED);
	ck_assert_uint_eq(executor_running(ex), 0);
	ck_assert(loop_until(&loop, has_child, NULL, DEADLINE_MS));
	run("factorial", "[20000]", LONG_MS, &next);
	ck_assert(loop_until(&loop, is_called, &next, DEADLINE_MS));
	ck_assert(next.ok);
	ck_assert_int_eq(o.calls, 1);
}
END_TEST

START_TEST(test_executor_heavy_full)
{
	static struct outcome o, waiting = { 0 }, refused = { 0 };
	struct executor_job *job = run("crash", "[\"loop\"]", LONG_MS, &o);
	struct op_call call = prepare("factorial", "[20000]");

	ck_assert_int_eq(executor_run(ex, &call, 0, on_result, &refused, NULL), ERR_FULL);
	ck_assert_int_eq(executor_run_or_wait(ex, &call, 0, on_result, &waiting, NULL), 0);
	ck_assert_uint_eq(executor_waiting(ex), 1);
	executor_cancel(job);
	ck_assert(loop_until(&loop, is_called, &waiting, DEADLINE_MS));
	ck_assert(waiting.ok);
	ck_assert_int_eq(refused.calls, 0);
}
END_TEST

START_TEST(test_executor_crash_of_heavy_call)
{
	static struct outcome o;

	run("crash", "[\"exit\"]", LONG_MS, &o);
	ck_assert(loop_until(&loop, is_called, &o, DEADLINE_MS));
	ck_assert_int_eq(o.error, OP_WORKER_LOST);
	ck_assert_ptr_nonnull(strstr(o.json, "\"retryable\":true"));
	ck_assert_uint_eq(executor_running(ex), 0);
}
END_TEST

/* Without compute children nothing heavy can be done, and all else can. */
/* Nothing can carry it to a child: it is answered, and does not stand in the way of others for ever. */
START_TEST(test_executor_call_too_large_for_a_child)
{
	static struct outcome o, next;
	size_t n = IPC_PAYLOAD_MAX;
	char *text = malloc(n);
	struct op_call c = prepare("crash", "[\"loop\"]");

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', n);
	ck_assert_int_eq(json_array_append_new(c.args, json_stringn(text, n)), 0);
	free(text);
	memset(&o, 0, sizeof o);
	ck_assert_int_eq(executor_run(ex, &c, LONG_MS, on_result, &o, NULL), 0);
	ck_assert_int_eq(o.calls, 0);
	ck_assert(loop_until(&loop, is_called, &o, DEADLINE_MS));
	ck_assert_int_eq(o.error, OP_INTERNAL_ERROR);
	run("factorial", HEAVY, LONG_MS, &next);
	ck_assert(loop_until(&loop, is_called, &next, DEADLINE_MS));
	ck_assert(next.ok);
	ck_assert_int_eq(o.calls, 1);
}
END_TEST

START_TEST(test_executor_without_pool)
{
	static struct outcome o = { 0 };
	struct executor *alone = executor_new(&loop, SLOTS, NULL), *before = ex;
	struct op_call call = prepare("factorial", HEAVY);

	ck_assert_int_eq(executor_run(alone, &call, 0, on_result, &o, NULL), ERR_FULL);
	op_call_fini(&call);
	call = prepare("sleep", "[1]");
	ck_assert_int_eq(executor_run(alone, &call, 0, on_result, &o, NULL), 0);
	ck_assert(loop_until(&loop, is_called, &o, DEADLINE_MS));
	ck_assert(o.ok);
	executor_free(alone);
	ex = before;
}
END_TEST

static struct {
	int words;
	double ratio;
	char note[64];
} heard;

static void on_progress(void *arg, double ratio, const char *note)
{
	(void)arg;
	heard.words++;
	heard.ratio = ratio;
	snprintf(heard.note, sizeof heard.note, "%s", note);
}

static bool has_heard(void *arg)
{
	(void)arg;
	return heard.words > 0;
}

START_TEST(test_executor_watch)
{
	static struct outcome o;
	struct executor_job *job = run("crash", "[\"loop\"]", LONG_MS, &o);

	executor_watch(job, on_progress);
	ck_assert(loop_until(&loop, has_heard, NULL, DEADLINE_MS));
	ck_assert_str_eq(heard.note, "going round in circles");
	executor_cancel(job);
}
END_TEST

static void count_call(void *arg)
{
	++*(int *)arg;
}

static bool is_counted(void *arg)
{
	return *(int *)arg > 0;
}

START_TEST(test_executor_drain)
{
	static struct outcome a, b, c;
	struct op_call call;
	int empty = 0;

	run("sleep", "[20]", 0, &a);
	run("factorial", HEAVY, LONG_MS, &b);
	executor_drain(ex, count_call, &empty);
	ck_assert_int_eq(empty, 0);
	call = prepare("sleep", "[1]");
	ck_assert_int_eq(executor_run_or_wait(ex, &call, 0, on_result, &c, NULL), ERR_CLOSED);
	op_call_fini(&call);
	ck_assert(loop_until(&loop, is_counted, &empty, DEADLINE_MS));
	ck_assert(a.ok && b.ok);
	ck_assert_int_eq(empty, 1);
}
END_TEST

START_TEST(test_executor_drain_when_empty)
{
	int empty = 0;

	executor_drain(ex, count_call, &empty);
	ck_assert_int_eq(empty, 1);
}
END_TEST

START_TEST(test_executor_free_with_calls_in_hand)
{
	static struct outcome o[5];

	run("sleep", "[60000]", 0, &o[0]);
	run("factorial", HEAVY, 0, &o[1]);
	for (int i = 2; i < 5; i++) {
		struct op_call c = prepare("factorial", HEAVY);
		memset(&o[i], 0, sizeof o[i]);
		ck_assert_int_eq(executor_run_or_wait(ex, &c, 0, on_result, &o[i], NULL), 0);
	}
	executor_free(ex);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(o[i].calls, 1);
		ck_assert_int_eq(o[i].error, OP_CANCELLED);
	}
	ex = executor_new(&loop, SLOTS, compute.pool);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("executor");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	TCase *all[] = { core, limits, faults };

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		tcase_set_timeout(all[i], 240);
		tcase_add_checked_fixture(all[i], setup, teardown);
		suite_add_tcase(suite, all[i]);
	}
	tcase_add_test(core, test_executor_run_short_call_at_once);
	tcase_add_test(core, test_executor_run_timed_call);
	tcase_add_test(core, test_executor_run_heavy_call_leaves_the_loop_free);
	tcase_add_test(core, test_executor_run_failure_is_given_as_json);
	tcase_add_test(core, test_executor_run_within_a_callback);
	tcase_add_test(core, test_executor_result_may_be_taken);
	tcase_add_test(limits, test_executor_run_full);
	tcase_add_test(limits, test_executor_run_or_wait_in_order);
	tcase_add_test(limits, test_executor_run_or_wait_bounded);
	tcase_add_test(limits, test_executor_timeout_of_timed_call);
	tcase_add_test(limits, test_executor_timeout_of_heavy_call);
	tcase_add_test(limits, test_executor_many_heavy_calls_take_turns);
	tcase_add_test(faults, test_executor_cancel_timed_and_waiting);
	tcase_add_test(core, test_executor_watch);
	tcase_add_test(limits, test_executor_heavy_full);
	tcase_add_test(faults, test_executor_cancel_heavy_frees_its_child);
	tcase_add_test(faults, test_executor_crash_of_heavy_call);
	tcase_add_test(faults, test_executor_call_too_large_for_a_child);
	tcase_add_test(faults, test_executor_without_pool);
	tcase_add_test(faults, test_executor_drain);
	tcase_add_test(faults, test_executor_drain_when_empty);
	tcase_add_test(faults, test_executor_free_with_calls_in_hand);

	return suite_run(suite);
}
