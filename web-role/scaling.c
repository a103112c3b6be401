/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scaling.h"

#include <math.h>

double scaling_run_s(const struct queue_figures *f)
{
	uint64_t ran = f->succeeded + f->failed + f->died;
	if (f->finished_per_s > 0 && f->busy > 0)
		return f->busy / f->finished_per_s;
	if (ran && f->run_us)
		return (double)f->run_us / 1e6 / (double)ran;
	return SCALING_RUN_S;
}

unsigned scaling_workers(const struct queue_figures *f, double slots_per_worker)
{
	double running = (double)f->running, slots = running;
	if (!f->queued && !f->running && !f->delayed)
		return 0;
	if (!f->paused) {
		double run_s = scaling_run_s(f);
		slots = fmax(running, f->enqueued_per_s * run_s) + (double)f->queued * run_s / SCALING_DRAIN_S;
	}
	double workers = ceil(slots / (slots_per_worker > 0 ? slots_per_worker : 1));
	if (!(workers >= 1)) /* nor when it is not a number */
		return 1;
	return workers > SCALING_WORKERS_MAX ? SCALING_WORKERS_MAX : (unsigned)workers;
}
