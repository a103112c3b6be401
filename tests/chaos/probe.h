/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One submission more, with a known answer, to look at how it is received: what the oracle must know of it, it is told.
 * Any thread. */
#ifndef SQUARE_TESTS_CHAOS_PROBE_H
#define SQUARE_TESTS_CHAOS_PROBE_H

#include <stdbool.h>

#include "oracle.h"
#include "world.h"

struct probe {
	struct chaos_run *run;
	struct world *world;
	struct oracle *oracle;
};

/* The status: 200, 202 or 503; 0: no answer within 10 s. Any other one, a 503 that does not say when to come again or
 * of another problem than a queue that is unavailable fails the row. The time it took is a sample of LEDGER_LATENCY if
 * it was refused. */
long probe_submit(const struct probe *p, unsigned web);
/* All web roles refuse now. arg: a struct probe; for wait_until(). */
bool probe_all_refused(void *arg);
bool probe_all_accepted(void *arg);
/* Fails the row unless every web role refuses, each time, for so long. */
void probe_refused_for(const struct probe *p, unsigned ms);
/* Jobs that are not final now, by the counter in Redis. */
long long probe_live(struct rsync *link);
/* One command of zero-terminated words that must succeed, or the row's process ends. */
const struct rreply *probe_command(struct rsync *link, const char *const *words);
#define probe_do(link, ...) probe_command(link, (const char *const[]){ __VA_ARGS__, NULL })

#endif
