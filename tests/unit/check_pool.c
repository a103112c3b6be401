/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compute children: every operation works in one, and whatever a job does to its child, its end is known, the others
 * are not touched, and the next one finds a child. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "compute/pool_parts.h"
#include "compute_run.h"
#include "err.h"
#include "loop_until.h"
#include "suite_run.h"
#include "wait_until.h"

#define DEADLINE_MS 60000
#define LONG_MS 60000
#define SIZE 2

static uv_loop_t loop;
static struct compute_run run;

struct outcome {
	int calls, words;
	bool ok;
	enum op_error error;
	size_t len;
	char text[512], unit[24], note[200];
	double limit, ratio;
	uint64_t run_us;
};

static void on_result(void *arg, const struct pool_result *result)
{
	struct outcome *o = arg;

	o->calls++;
	o->ok = result->ok;
	o->run_us = result->run_us;
	if (result->ok) {
		o->len = result->json->len;
		snprintf(o->text, sizeof o->text, "%.*s", (int)(o->len < 500 ? o->len : 500), result->json->data);
	} else {
		o->error = result->failure->error;
		o->limit = result->failure->limit;
		snprintf(o->text, sizeof o->text, "%s", result->failure->detail);
		snprintf(o->unit, sizeof o->unit, "%s", result->failure->unit);
	}
}

static void on_progress(void *arg, double ratio, const char *note)
{
	struct outcome *o = arg;

	o->words++;
	o->ratio = ratio;
	snprintf(o->note, sizeof o->note, "%s", note);
}

static bool is_called(void *arg)
{
	return ((struct outcome *)arg)->calls > 0;
}

static bool has_spoken(void *arg)
{
	return ((struct outcome *)arg)->words > 0;
}

static bool is_room(void *arg)
{
	(void)arg;
	return pool_room(run.pool) == SIZE;
}

static bool is_any_room(void *arg)
{
	(void)arg;
	return pool_room(run.pool) > 0;
}

static void setup(void)
{
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	compute_run_start(&run, &loop, SIZE);
}

static void teardown(void)
{
	compute_run_stop(&run);
	ck_assert_msg(loop_finish(&loop), "a handle was left open");
	compute_run_end(&run);
}

static int try_start(const char *op, const char *args, uint32_t timeout_ms, struct outcome *o,
		     struct pool_child **child)
{
	struct pool_caller caller = { on_result, on_progress, o };
	struct op_call c;
	struct op_failure f;

	memset(o, 0, sizeof *o);
	ck_assert_msg(op_call_prepare(&c, op, strlen(op), args, strlen(args), timeout_ms, &f) == 0, "%s", f.detail);
	int rc = pool_run(run.pool, &c, timeout_ms, &caller, child);
	op_call_fini(&c);
	return rc;
}

static struct pool_child *start(const char *op, const char *args, uint32_t timeout_ms, struct outcome *o)
{
	struct pool_child *child = NULL;

	ck_assert_int_eq(try_start(op, args, timeout_ms, o, &child), 0);
	ck_assert_int_eq(o->calls, 0);
	return child;
}

static void await(struct outcome *o)
{
	ck_assert(loop_until(&loop, is_called, o, DEADLINE_MS));
	ck_assert_int_eq(o->calls, 1);
}

static struct outcome ask(const char *op, const char *args, uint32_t timeout_ms)
{
	struct outcome o;

	ck_assert(loop_until(&loop, is_room, NULL, DEADLINE_MS));
	start(op, args, timeout_ms, &o);
	await(&o);
	return o;
}

/* The pool computes as if nothing had been. */
static void assert_well(void)
{
	struct outcome o = ask("square", "[12]", LONG_MS);

	ck_assert_msg(o.ok, "%s", o.text);
	ck_assert_str_eq(o.text, "144");
	ck_assert(loop_until(&loop, is_room, NULL, DEADLINE_MS));
	ck_assert_int_eq(run.broken, 0);
}

/* ---- core ---- */

START_TEST(test_pool_computes)
{
	struct outcome o = ask("square", "[\"123456789012345678901234567890\"]", LONG_MS);

	ck_assert(o.ok);
	ck_assert_ptr_nonnull(strstr(o.text, "15241578753238836750495351562536198787501905199875019052100"));
	ck_assert_uint_gt(o.run_us, 0);
	o = ask("add", "[\"5e999999\",\"5e999999\"]", LONG_MS); /* only its result is too large */
	ck_assert(!o.ok);
	ck_assert_int_eq(o.error, OP_LIMIT_EXCEEDED);
	assert_well();
}
END_TEST

/* Large arguments and large results go in parts. */
START_TEST(test_pool_carries_a_megabyte_each_way)
{
	struct buf args = BUF_INIT;

	buf_puts(&args, "[\"");
	for (int i = 0; i < 900000; i++)
		buf_byte(&args, (char)('a' + i % 26));
	buf_puts(&args, "\"]");
	struct outcome o = ask("echo", buf_cstr(&args), LONG_MS);
	ck_assert_msg(o.ok, "%s", o.text);
	ck_assert_uint_eq(o.len, 900002);
	o = ask("factorial", "[200000]", LONG_MS);
	ck_assert(o.ok);
	ck_assert_uint_gt(o.len, 900000);
	buf_fini(&args);
	assert_well();
}
END_TEST

/* All that the catalogue promises by example, in children that are confined as they are in service: no library needs a
 * file, a thread or anything else there. */
START_TEST(test_pool_runs_every_example)
{
	for (size_t i = 0; i < op_count(); i++) {
		const struct op *op = op_at(i);
		for (size_t k = 0; k < op->example_count; k++) {
			const struct op_example *e = &op->examples[k];
			struct op_call c;
			struct op_failure f;
			if (op_call_prepare(&c, op->name, strlen(op->name), e->args, strlen(e->args), LONG_MS, &f) != 0)
				continue; /* refused before it comes to a child */
			bool timed = c.path == OP_TIMED;
			op_call_fini(&c);
			if (timed)
				continue;
			struct outcome o = ask(op->name, e->args, LONG_MS);
			ck_assert_msg(o.ok == (e->result != NULL), "%s %s: %s", op->name, e->args, o.text);
			if (o.ok && o.len < 500)
				ck_assert_msg(strcmp(o.text, e->result) == 0, "%s %s: expected %s, got %s", op->name,
					      e->args, e->result, o.text);
			if (!o.ok)
				ck_assert_str_eq(op_error_name(o.error), e->error);
		}
	}
	ck_assert_uint_eq(pool_stats(run.pool)->crashes, 0);
	assert_well();
}
END_TEST

START_TEST(test_pool_runs_side_by_side)
{
	struct outcome a, b;

	start("factorial", "[150000]", LONG_MS, &a);
	start("square", "[7]", LONG_MS, &b);
	ck_assert_uint_eq(pool_busy(run.pool), 2);
	await(&a);
	await(&b);
	ck_assert(a.ok && b.ok);
	assert_well();
}
END_TEST

START_TEST(test_pool_tells_progress)
{
	struct outcome o;
	struct pool_child *child = start("crash", "[\"loop\"]", LONG_MS, &o);

	ck_assert(loop_until(&loop, has_spoken, &o, DEADLINE_MS));
	ck_assert(o.ratio >= 0 && o.ratio <= 1);
	ck_assert_str_eq(o.note, "going round in circles");
	ck_assert_int_eq(o.calls, 0);
	pool_abandon(child);
	assert_well();
	ck_assert_int_eq(o.calls, 0);
}
END_TEST

/* ---- limits ---- */

START_TEST(test_pool_full)
{
	struct outcome a, b, c;
	struct pool_child *one = start("crash", "[\"loop\"]", LONG_MS, &a), *two, *three = NULL;

	two = start("crash", "[\"loop\"]", LONG_MS, &b);
	ck_assert_uint_eq(pool_room(run.pool), 0);
	ck_assert_int_eq(try_start("square", "[1]", LONG_MS, &c, &three), ERR_FULL);
	pool_abandon(one);
	ck_assert(loop_until(&loop, is_any_room, NULL, DEADLINE_MS)); /* the spare one */
	pool_abandon(two);
	assert_well();
	ck_assert_int_eq(a.calls + b.calls + c.calls, 0);
}
END_TEST

START_TEST(test_pool_timeout)
{
	struct outcome neighbour, o;
	struct pool_child *child = start("crash", "[\"loop\"]", LONG_MS, &neighbour);

	start("crash", "[\"loop\"]", 30, &o);
	await(&o);
	ck_assert_int_eq(o.error, OP_TIMEOUT);
	ck_assert_uint_ge(o.run_us, 30000);
	ck_assert_int_eq(neighbour.calls, 0);
	ck_assert_uint_eq(pool_stats(run.pool)->timeouts, 1);
	pool_abandon(child);
	assert_well();
}
END_TEST

static const char *const greedy[] = { "[\"memory\"]", "[\"output\"]" };

START_TEST(test_pool_memory)
{
	struct outcome o = ask("crash", greedy[_i], LONG_MS);

	ck_assert_int_eq(o.error, OP_LIMIT_EXCEEDED);
	ck_assert_str_eq(o.unit, "MiB");
	ck_assert(o.limit == COMPUTE_RUN_MIB);
	ck_assert_uint_eq(pool_stats(run.pool)->exhausted, 1);
	assert_well();
}
END_TEST

/* Children do not grow old. */
START_TEST(test_pool_retires_children)
{
	for (int i = 0; i < 2 * POOL_JOBS_MAX + 10; i++) {
		struct outcome o = ask("square", "[12]", LONG_MS);
		ck_assert(o.ok);
	}
	ck_assert_uint_ge(pool_stats(run.pool)->retired, 1);
	ck_assert_uint_eq(pool_stats(run.pool)->crashes, 0);
	assert_well();
}
END_TEST

/* ---- faults ---- */

static const struct {
	const char *args;
	const char *said;
} crashes[] = {
	{ "[\"segfault\"]", "crash" }, { "[\"abort\"]", "crash" },    { "[\"exit\"]", "ended with status 0" },
	{ "[\"fork\"]", "signal 31" }, { "[\"exec\"]", "signal 31" }, { "[\"open\"]", "signal 31" },
};

START_TEST(test_pool_crash)
{
	struct outcome neighbour, o;
	struct pool_child *child = start("crash", "[\"loop\"]", LONG_MS, &neighbour);

	start("crash", crashes[_i].args, LONG_MS, &o);
	await(&o);
	ck_assert(!o.ok);
	ck_assert_msg(o.error == OP_WORKER_LOST, "%s", o.text);
	ck_assert_msg(strstr(o.text, crashes[_i].said) != NULL, "%s", o.text);
	ck_assert_uint_eq(pool_stats(run.pool)->crashes, 1);
	ck_assert_int_eq(neighbour.calls, 0);
	pool_abandon(child);
	assert_well();
}
END_TEST

static bool is_gone(void *arg)
{
	return kill(*(pid_t *)arg, 0) != 0 && errno == ESRCH;
}

static unsigned born_wanted;

/* As many children as there shall be, after so many births. */
static bool is_complete(void *arg)
{
	(void)arg;
	return pool_stats(run.pool)->born >= born_wanted && pool_pid(run.pool, SIZE) && pool_room(run.pool) == SIZE;
}

static void await_complete(unsigned born)
{
	born_wanted = born;
	ck_assert(loop_until(&loop, is_complete, NULL, DEADLINE_MS));
}

/* Somebody kills children: idle ones are replaced without a word, with the busy one only its job is lost. */
START_TEST(test_pool_child_killed)
{
	struct outcome o, other;
	pid_t pids[SIZE + 1];
	size_t n = 0;

	await_complete(SIZE + 1);
	while (n < SIZE + 1 && (pids[n] = pool_pid(run.pool, n)) != 0)
		n++;
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(kill(pids[i], SIGKILL), 0);
	for (size_t i = 0; i < n; i++)
		ck_assert(wait_until(is_gone, &pids[i], DEADLINE_MS));
	await_complete(2 * (SIZE + 1));
	assert_well();
	ck_assert_uint_eq(pool_stats(run.pool)->crashes, 0);

	await_complete(2 * (SIZE + 1));
	for (n = 0; n < SIZE + 1 && (pids[n] = pool_pid(run.pool, n)) != 0; n++)
		;
	ck_assert_uint_eq(n, SIZE + 1);
	start("crash", "[\"loop\"]", LONG_MS, &o);
	start("crash", "[\"loop\"]", LONG_MS, &other);
	for (size_t i = 0; i < n && !o.calls && !other.calls; i++) { /* until it was one of the busy ones */
		kill(pids[i], SIGKILL);
		ck_assert(wait_until(is_gone, &pids[i], DEADLINE_MS));
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	struct outcome *lost = o.calls ? &o : &other;
	await(lost);
	ck_assert_int_eq(lost->error, OP_WORKER_LOST);
	ck_assert_int_eq(o.calls + other.calls, 1);
}
END_TEST

#define SHORT_MS 1000

static bool has_replied(void *arg)
{
	struct pollfd p = { ((struct pool_child *)arg)->fd, POLLIN, 0 };
	return poll(&p, 1, 0) == 1;
}

static bool is_overdue(void *arg)
{
	return clock_mono_us() > *(uint64_t *)arg + (SHORT_MS + POOL_GRACE_MS + 50) * 1000ull;
}

/* The worker was stopped, or its machine asleep, while a child had its result in time: the result counts, not the
 * clock, which the loop looks at first. */
START_TEST(test_pool_result_is_older_than_its_deadline)
{
	struct outcome o;
	uint64_t began_us = clock_mono_us();
	struct pool_child *child = start("square", "[12]", SHORT_MS, &o);

	ck_assert(wait_until(has_replied, child, DEADLINE_MS));
	ck_assert(wait_until(is_overdue, &began_us, DEADLINE_MS));
	await(&o);
	ck_assert_msg(o.ok, "%s", o.text);
	ck_assert_str_eq(o.text, "144");
	ck_assert_uint_eq(pool_stats(run.pool)->timeouts, 0);
	assert_well();
}
END_TEST

static bool is_broken(void *arg)
{
	(void)arg;
	return run.broken > 0;
}

/* Without the zygote nothing goes on, and nobody is left without an answer. */
START_TEST(test_pool_zygote_killed)
{
	struct outcome o;
	pid_t pids[SIZE + 1];
	size_t n = 0;

	start("crash", "[\"loop\"]", LONG_MS, &o);
	while (n < SIZE + 1 && (pids[n] = pool_pid(run.pool, n)) != 0)
		n++;
	kill(zygote_pid(run.zygote), SIGKILL);
	ck_assert(loop_until(&loop, is_broken, NULL, DEADLINE_MS));
	ck_assert_int_eq(o.calls, 1);
	ck_assert_int_eq(o.error, OP_WORKER_LOST);
	ck_assert_uint_eq(pool_room(run.pool), 0);
	for (size_t i = 0; i < n; i++)
		ck_assert(wait_until(is_gone, &pids[i], DEADLINE_MS));
	ck_assert_int_eq(run.broken, 1);
}
END_TEST

START_TEST(test_pool_freed_with_jobs_in_hand)
{
	struct outcome a, b;
	pid_t pids[SIZE + 1];
	size_t n = 0;

	start("crash", "[\"loop\"]", LONG_MS, &a);
	start("crash", "[\"loop\"]", LONG_MS, &b);
	while (n < SIZE + 1 && (pids[n] = pool_pid(run.pool, n)) != 0)
		n++;
	compute_run_stop(&run);
	uv_run(&loop, UV_RUN_DEFAULT);
	compute_run_end(&run);
	ck_assert_int_eq(a.calls + b.calls, 0);
	for (size_t i = 0; i < n; i++)
		ck_assert(is_gone(&pids[i]));
	compute_run_start(&run, &loop, SIZE);
}
END_TEST

/* Files that computing may have left: none, not even the folder that the zygote made and removed. */
static unsigned left_behind(pid_t zygote)
{
	char line[160];
	unsigned n = 99;

	snprintf(line, sizeof line, "ls -d /tmp/square-empty.%d.* /var/tmp/square-empty.%d.* 2>/dev/null | wc -l",
		 (int)zygote, (int)zygote);
	FILE *p = popen(line, "r");
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(fscanf(p, "%u", &n), 1);
	pclose(p);
	return n;
}

START_TEST(test_zygote_leaves_nothing)
{
	assert_well();
	ck_assert_uint_eq(left_behind(zygote_pid(run.zygote)), 0);
}
END_TEST

/* A worker that dies before it has told its zygote anything takes it along. */
START_TEST(test_zygote_without_setup_ends)
{
	struct zygote *z = zygote_fork();
	pid_t pid;

	ck_assert_ptr_nonnull(z);
	pid = zygote_pid(z);
	zygote_free(z);
	ck_assert(is_gone(&pid));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pool");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	TCase *all[] = { core, limits, faults };

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		tcase_set_timeout(all[i], 240);
		tcase_add_checked_fixture(all[i], setup, teardown);
		suite_add_tcase(suite, all[i]);
	}
	tcase_add_test(core, test_pool_computes);
	tcase_add_test(core, test_pool_carries_a_megabyte_each_way);
	tcase_add_test(core, test_pool_runs_every_example);
	tcase_add_test(core, test_pool_runs_side_by_side);
	tcase_add_test(core, test_pool_tells_progress);
	tcase_add_test(limits, test_pool_full);
	tcase_add_test(limits, test_pool_timeout);
	tcase_add_test(limits, test_pool_retires_children);
	/* Under sanitizers nothing bounds the memory, and a crash is a report and an exit. */
	if (compute_run_confined()) {
		tcase_add_loop_test(limits, test_pool_memory, 0, sizeof greedy / sizeof *greedy);
		tcase_add_loop_test(faults, test_pool_crash, 0, sizeof crashes / sizeof *crashes);
	}
	tcase_add_test(faults, test_pool_child_killed);
	tcase_add_test(faults, test_pool_result_is_older_than_its_deadline);
	tcase_add_test(faults, test_pool_zygote_killed);
	tcase_add_test(faults, test_pool_freed_with_jobs_in_hand);
	tcase_add_test(faults, test_zygote_leaves_nothing);
	tcase_add_test(faults, test_zygote_without_setup_ends);

	return suite_run(suite);
}
