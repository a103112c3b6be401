/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Short ways to ask the queue's functions and to state what they have to answer, for Check tests: one lab, jobs 0 to 7.
 * One thread. */
#ifndef SQUARE_TESTS_LUA_ASK_H
#define SQUARE_TESTS_LUA_ASK_H

#include <check.h>

#include "lua_lab.h"

extern struct lua_lab *ask_lab;
extern char ask_ids[8][ID_TEXT_SIZE];
extern const struct job ask_plain; /* normal priority, three attempts */

/* Fixtures: a lab of its own for a test case, empty for each test. */
void ask_start(void);
void ask_stop(void);
void ask_clean(void);
/* The reply as text. Borrowed until the next call. */
const char *ask_text(const struct rreply *r);
/* The reply as text: the present time as "now", ids as #number. Borrowed until the next call. */
const char *ask_brief(const struct rreply *r);
/* Fails the test if an invariant is broken. */
void ask_holds(void);
/* Enqueues one job; its brief answer. */
const char *ask_enqueue_job(unsigned number, const struct job *job, const char *opts, const char *live_max);
void ask_enqueue(unsigned number);
void ask_later(uint64_t us);
struct job ask_read_job(unsigned number);
/* Enqueues job 0 and starts it under a batch. */
void ask_running(const char *batch);
/* One reap. */
void ask_tick(void);
/* Seconds pass as they do while a reaper is alive. */
void ask_live_through(unsigned seconds);
/* A call on {jq:reg}, as brief text. */
const char *ask_registry(const char *const *words);

/* Calls a function on the lab's tag; compares the brief reply; checks the invariants. */
#define expect(answer, ...)                                                          \
	do {                                                                         \
		ck_assert_str_eq(ask_brief(lab_call(ask_lab, __VA_ARGS__)), answer); \
		ask_holds();                                                         \
	} while (0)
#define expect_value(answer, ...) ck_assert_str_eq(ask_text(lab_do(ask_lab, __VA_ARGS__)), answer)
#define expect_reg(answer, ...) ck_assert_str_eq(ask_registry((const char *const[]){ __VA_ARGS__, NULL }), answer)

#endif
