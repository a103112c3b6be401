/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A random life of one queue: web roles submit, cancel and watch, workers claim, start, finish, fail, die and come
 * back, the clock jumps, calls are repeated or come late, hints vanish, records are corrupted. After every step the
 * reply and all keys are compared with the model, and the invariants are checked. At the end the queue is healed and
 * drained. */
#ifndef SQUARE_TESTS_LUA_SCHEDULE_H
#define SQUARE_TESTS_LUA_SCHEDULE_H

#include <stdint.h>

#include "lua_lab.h"

struct lua_schedule_stats {
	unsigned steps, calls; /* made, the draining included */
	uint64_t accepted, ended, isolated;
	unsigned replayed; /* calls made a second time */
};

/* Empties the lab's Redis and runs. The same seed makes the same run. NULL when all held; else a malloc'd report: the
 * violation, seed and step, and the last steps. stats may be NULL. The replies are compared at each call, the keys
 * after every `look` steps: 1 finds the step that broke something, more is faster. */
char *lua_schedule(struct lua_lab *lab, uint64_t seed, unsigned steps, unsigned look, struct lua_schedule_stats *stats);

#endif
