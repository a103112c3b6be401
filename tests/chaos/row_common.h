/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What several rows need: promised times, the load under which they are given. */
#ifndef SQUARE_TESTS_CHAOS_ROW_COMMON_H
#define SQUARE_TESTS_CHAOS_ROW_COMMON_H

#include "chaos.h"
#include "ledger.h"

#define ROW_RATE 1100u      /* jobs per second to be offered where the promise is given under at least 1,000 */
#define ROW_LEASE_MS 12000u /* a lease, a reaper's tick, and the job itself */

/* The row fails when there is no sample of it, or when 99 % of them are not within this. */
void row_expect_p99(struct chaos_run *r, enum ledger_time what, unsigned ms);

#endif
