/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs a libuv loop until a condition holds, for tests: no sleeping, and never longer than the deadline. */
#ifndef SQUARE_TESTS_LOOP_UNTIL_H
#define SQUARE_TESTS_LOOP_UNTIL_H

#include <stdbool.h>
#include <uv.h>

/* True when cond(arg) became true within deadline_ms. */
bool loop_until(uv_loop_t *loop, bool (*cond)(void *arg), void *arg, unsigned deadline_ms);
/* Runs what is left after all handles were closed, and closes the loop; false when a handle is still open. */
bool loop_finish(uv_loop_t *loop);

#endif
