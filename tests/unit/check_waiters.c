/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What parked requests are kept in: the table of waiters, the deadlines, the lists of connections, the gate. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conns.h"
#include "deadlines.h"
#include "gate.h"
#include "suite_run.h"
#include "waiters.h"

#define MANY 5000

static struct id id_of(unsigned n)
{
	struct id id = { { 0 } };
	memcpy(id.b + 8, &n, sizeof n);
	return id;
}

/* ---- waiters ---- */

static const struct waiter_kind kind = { NULL, NULL };

START_TEST(test_take_gives_each_waiter_once)
{
	struct waiters w;
	struct waiter *who = calloc(MANY, sizeof *who);
	ck_assert_int_eq(waiters_init(&w), 0);
	for (unsigned i = 0; i < MANY; i++) { /* three for each job */
		struct id id = id_of(i / 3);
		waiters_add(&w, &who[i], &id, &kind, &who[i]);
	}
	ck_assert_uint_eq(w.n, MANY);
	for (unsigned i = 0; i < MANY; i += 7)
		waiters_remove(&w, &who[i]);
	for (unsigned job = 0; job <= MANY / 3; job++) {
		struct id id = id_of(job);
		struct waiter *taken;
		while ((taken = waiters_take(&w, &id))) {
			unsigned i = (unsigned)(taken - who);
			ck_assert_uint_eq(i / 3, job);
			ck_assert_uint_ne(i % 7, 0);
			ck_assert_ptr_null(taken->link);
			ck_assert_ptr_eq(taken->kind, &kind);
			ck_assert_ptr_eq(taken->owner, taken);
		}
	}
	ck_assert_uint_eq(w.n, 0);
	waiters_remove(&w, &who[1]); /* is out already */
	waiters_fini(&w);
	free(who);
}
END_TEST

START_TEST(test_take_of_an_unknown_job)
{
	struct waiters w;
	struct waiter one = { 0 };
	struct id a = id_of(1), b = id_of(2);
	waiters_init(&w);
	waiters_add(&w, &one, &a, &kind, &one);
	waiters_add(&w, &one, &b, &kind, &one); /* moves it */
	ck_assert_ptr_null(waiters_take(&w, &a));
	ck_assert_ptr_eq(waiters_take(&w, &b), &one);
	ck_assert_ptr_null(waiters_take(&w, &b));
	waiters_fini(&w);
}
END_TEST

static unsigned visited;
static struct waiters *visited_in;
static void visit(struct waiter *who)
{
	visited++;
	if (visited % 2)
		waiters_remove(visited_in, who);
}

START_TEST(test_each_visits_all_while_some_leave)
{
	struct waiters w;
	struct waiter who[500];
	memset(who, 0, sizeof who);
	waiters_init(&w);
	for (unsigned i = 0; i < 500; i++) {
		struct id id = id_of(i % 11);
		waiters_add(&w, &who[i], &id, &kind, &who[i]);
	}
	visited = 0;
	visited_in = &w;
	waiters_each(&w, visit);
	ck_assert_uint_eq(visited, 500);
	ck_assert_uint_eq(w.n, 250);
	waiters_fini(&w);
}
END_TEST

/* ---- deadlines ---- */

START_TEST(test_due_comes_in_order)
{
	struct deadlines d;
	struct deadline *when = calloc(MANY, sizeof *when);
	unsigned seed = 12345u + (unsigned)_i;
	uint64_t last = 0;
	unsigned came = 0;
	deadlines_init(&d);
	for (unsigned i = 0; i < MANY; i++) {
		seed = seed * 1103515245u + 12345u;
		ck_assert_int_eq(deadlines_set(&d, &when[i], seed % 1000, &when[i]), 0);
	}
	for (unsigned i = 0; i < MANY; i += 3) { /* some move, some are cleared */
		seed = seed * 1103515245u + 12345u;
		deadlines_set(&d, &when[i], seed % 2000, &when[i]);
		deadlines_clear(&d, &when[(i * 7) % MANY]);
	}
	size_t left = d.n;
	for (struct deadline *one; (one = deadlines_due(&d, UINT64_MAX - 1)); came++) {
		ck_assert_uint_ge(one->at_us, last);
		ck_assert_uint_eq(one->place, 0);
		last = one->at_us;
	}
	ck_assert_uint_eq(came, left);
	ck_assert_uint_eq(deadlines_next(&d), UINT64_MAX);
	deadlines_fini(&d);
	free(when);
}
END_TEST

START_TEST(test_due_waits_for_its_time)
{
	struct deadlines d;
	struct deadline a = { 0 }, b = { 0 };
	deadlines_init(&d);
	deadlines_clear(&d, &a); /* was not set */
	deadlines_set(&d, &a, 10, &a);
	deadlines_set(&d, &b, 5, &b);
	ck_assert_uint_eq(deadlines_next(&d), 5);
	ck_assert_ptr_null(deadlines_due(&d, 4));
	ck_assert_ptr_eq(deadlines_due(&d, 5), &b);
	ck_assert_ptr_null(deadlines_due(&d, 9));
	deadlines_set(&d, &a, 1, &a);
	ck_assert_ptr_eq(deadlines_due(&d, 9), &a);
	deadlines_fini(&d);
}
END_TEST

/* ---- connections ---- */

static bool is_shut(int fd)
{
	char c;
	return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

START_TEST(test_sweep_cuts_what_is_late)
{
	struct conns l = { .phase = { [CONN_HEAD] = { .duration_us = 10 }, [CONN_BODY] = { .duration_us = 30 } } };
	struct conn c[3] = { { 0 } };
	int pair[3][2];
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair[i]), 0);
		c[i].fd = pair[i][0];
		conns_add(&l, &c[i], 100);
	}
	ck_assert_uint_eq(l.n, 3);
	conns_enter(&l, &c[1], CONN_BODY, 105);
	conns_enter(&l, &c[2], CONN_PARKED, 105);
	ck_assert_uint_eq(conns_sweep(&l, 109), 0);
	ck_assert_uint_eq(conns_sweep(&l, 110), 1);
	ck_assert(is_shut(pair[0][1]) && !is_shut(pair[1][1]));
	ck_assert_uint_eq(conns_sweep(&l, 134), 0); /* the first only once */
	ck_assert_uint_eq(conns_sweep(&l, 135), 1);
	ck_assert_uint_eq(conns_sweep(&l, UINT64_MAX - 1), 0); /* parked ones have no deadline */
	ck_assert(!is_shut(pair[2][1]));
	for (int i = 0; i < 3; i++) {
		conns_remove(&l, &c[i]);
		close(pair[i][0]);
		close(pair[i][1]);
	}
	ck_assert_uint_eq(l.n, 0);
	for (int i = 0; i < CONN_PHASES; i++)
		ck_assert(!l.phase[i].first && !l.phase[i].last);
}
END_TEST

/* ---- the gate ---- */

static struct gate gate;
static struct gate_entry entries[3];
static unsigned opened;
static void again(void *arg, int status)
{
	opened += (unsigned)-status;
	if (arg)
		gate_wait(&gate, arg, again, NULL);
}

START_TEST(test_gate_opens_for_those_who_waited)
{
	gate_wait(&gate, &entries[0], again, NULL);
	gate_wait(&gate, &entries[1], again, &entries[1]);
	gate_wait(&gate, &entries[2], again, NULL);
	opened = 0;
	gate_open(&gate, -1);
	ck_assert_uint_eq(opened, 3);
	gate_open(&gate, -1); /* the one who waited again */
	ck_assert_uint_eq(opened, 4);
	gate_open(&gate, -1);
	ck_assert_uint_eq(opened, 4);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("waiters");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");
	tcase_add_test(core, test_take_of_an_unknown_job);
	tcase_add_test(core, test_each_visits_all_while_some_leave);
	tcase_add_test(core, test_due_waits_for_its_time);
	tcase_add_test(core, test_sweep_cuts_what_is_late);
	tcase_add_test(core, test_gate_opens_for_those_who_waited);
	tcase_add_test(limits, test_take_gives_each_waiter_once);
	tcase_add_loop_test(limits, test_due_comes_in_order, 0, 5);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	return suite_run(s);
}
