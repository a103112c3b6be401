/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Load: threads that submit jobs with known answers to all web roles at a steady rate and read some of them back, each
 * over connections of its own. A refusal is tried again at another web role; so is silence, if the job has a key. */
#ifndef SQUARE_TESTS_CHAOS_LOAD_H
#define SQUARE_TESTS_CHAOS_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "oracle.h"
#include "world.h"

struct load;

struct load_options {           /* zeros are the defaults */
	unsigned threads;       /* 4 */
	unsigned rate;          /* jobs per second, all threads together; 1,000 */
	bool computing;         /* one job in 50 is for the compute children */
	unsigned keyed_percent; /* of the jobs that have an idempotency key; 50 */
	unsigned request_ms;    /* patience with one request; 5,000 */
};

struct load *load_start(struct chaos_run *r, struct world *w, struct oracle *o, const struct load_options *options);
/* Waits until the requests under way are answered; frees. */
void load_stop(struct load *l);
/* Jobs per second that were acknowledged, since the start. */
double load_rate(const struct load *l);

/* A job with a known answer, drawn at random; computing: one of those for the compute children. What the load does, for
 * rows with a way of their own. The job's number at the oracle. */
size_t load_draw(struct chaos_run *r, struct oracle *o, bool computing, bool keyed);

#endif
