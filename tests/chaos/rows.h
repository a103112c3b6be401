/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rows, one function each; what they promise stands in the table of rows.c. Row 17, allocations that fail, needs no
 * service: its tests are tests/failure. */
#ifndef SQUARE_TESTS_CHAOS_ROWS_H
#define SQUARE_TESTS_CHAOS_ROWS_H

#include "chaos.h"

/* row_kill.c */
void row_kill_worker(struct chaos_run *r);
void row_kill_redis(struct chaos_run *r);
void row_kill_redis_away(struct chaos_run *r);
void row_kill_term(struct chaos_run *r);
/* row_soak.c */
void row_soak(struct chaos_run *r);
/* row_network.c */
void row_network_cut(struct chaos_run *r);
void row_network_black_hole(struct chaos_run *r);
/* row_full.c, row_hints.c, row_records.c, row_clock.c */
void row_redis_full(struct chaos_run *r);
void row_redis_hints(struct chaos_run *r);
void row_redis_corrupt(struct chaos_run *r);
void row_redis_clock(struct chaos_run *r);
/* row_compute.c */
void row_compute_killed(struct chaos_run *r);
void row_compute_stopped(struct chaos_run *r);
/* row_poison.c */
void row_poison(struct chaos_run *r);
/* row_clients.c */
void row_clients_web_killed(struct chaos_run *r);
void row_clients_one_key(struct chaos_run *r);
/* row_slow.c */
void row_slow(struct chaos_run *r);

#endif
