/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute_run.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop_until.h"
#include "op.h"
#include "sanitized.h"

#define DEADLINE_MS 60000

static void on_broken(void *arg, const char *why)
{
	struct compute_run *r = arg;

	r->broken++;
	snprintf(r->why, sizeof r->why, "%s", why);
}

static bool all_ready(void *arg)
{
	const struct compute_run *r = arg;

	return r->broken || pool_room(r->pool) == pool_size(r->pool);
}

void compute_run_begin(struct compute_run *r, uv_loop_t *loop, unsigned size)
{
	struct zygote_options options = { .memory_mib = COMPUTE_RUN_MIB,
					  .lenient = getenv("VALGRIND") != NULL,
					  .test_operations = true };
	struct errinfo info = { 0 };

	signal(SIGPIPE, SIG_IGN);
	op_enable_tests();
	memset(r, 0, sizeof *r);
	r->zygote = zygote_fork();
	ck_assert_ptr_nonnull(r->zygote);
	ck_assert_msg(zygote_start(r->zygote, &options, &info) == 0, "%s", info.text);
	struct pool_options pool = { .size = size,
				     .memory_mib = COMPUTE_RUN_MIB,
				     .loop = loop,
				     .zygote = r->zygote,
				     .on_broken = on_broken,
				     .arg = r };
	r->pool = pool_new(&pool);
	ck_assert_ptr_nonnull(r->pool);
}

void compute_run_start(struct compute_run *r, uv_loop_t *loop, unsigned size)
{
	compute_run_begin(r, loop, size);
	ck_assert(loop_until(loop, all_ready, r, DEADLINE_MS));
	ck_assert_msg(!r->broken, "%s", r->why);
}

void compute_run_stop(struct compute_run *r)
{
	pool_free(r->pool);
	r->pool = NULL;
}

void compute_run_end(struct compute_run *r)
{
	zygote_free(r->zygote);
	r->zygote = NULL;
}

bool compute_run_confined(void)
{
	return !SANITIZED && getenv("VALGRIND") == NULL;
}
