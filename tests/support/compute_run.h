/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compute children for unit tests: a zygote and a pool on the test's own loop. Under valgrind without the parts of the
 * sandbox that valgrind cannot bear. Fails the test when they cannot be started. */
#ifndef SQUARE_TESTS_COMPUTE_RUN_H
#define SQUARE_TESTS_COMPUTE_RUN_H

#include <uv.h>

#include "compute/pool.h"

#define COMPUTE_RUN_MIB 256 /* of a job */

struct compute_run {
	struct zygote *zygote;
	struct pool *pool;
	int broken; /* how often on_broken ran */
	char why[200];
};

/* Before the loop has any thread. crash() and its like are there. Waits until all children are ready. */
void compute_run_start(struct compute_run *r, uv_loop_t *loop, unsigned size);
/* The same without waiting. */
void compute_run_begin(struct compute_run *r, uv_loop_t *loop, unsigned size);
/* Frees the pool; when the loop has run empty, compute_run_end() ends the zygote. */
void compute_run_stop(struct compute_run *r);
void compute_run_end(struct compute_run *r);
/* Whether children are confined: not so under sanitizers and valgrind. */
bool compute_run_confined(void);

#endif
