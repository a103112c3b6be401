/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>

#include "clock.h"
#include "scatter_parts.h"

#define PART_LEAST_NS 4e6 /* what is asked of a peer is worth the way to it */
#define OVERDUE 1.5       /* times what it should take */

uint32_t scatter_pile_untaken(const struct scatter_job *j)
{
	return j->plan.units - j->next_unit;
}

/* How many units to take, with so many to help: half an equal share of what is left. */
static uint32_t bite(const struct scatter_job *j, unsigned helpers)
{
	double n = ceil(scatter_pile_untaken(j) / (2.0 * helpers)), most = SCATTER_PART_MS * 1e6 / j->unit_ns;
	double least = fmax(j->plan.least, ceil(PART_LEAST_NS / j->unit_ns));

	n = fmin(n, fmax(most, 1));
	n = fmax(n, fmax(least, (double)j->plan.units / (SCATTER_PARTS_MAX / 2.0)));
	return n < scatter_pile_untaken(j) ? (uint32_t)n : scatter_pile_untaken(j);
}

static struct piece *cut_piece(struct scatter_job *j, unsigned helpers)
{
	struct piece *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	uint32_t n = bite(j, helpers);
	p->job = j;
	p->number = j->n_pieces++;
	p->units = (struct op_part){ j->next_unit, j->next_unit + n, j->plan.units };
	j->next_unit += n;
	p->next = j->pieces;
	j->pieces = p;
	return p;
}

static double expected_us(const struct piece *p)
{
	return (p->units.to - p->units.from) * p->job->unit_ns / 1e3;
}

struct piece *scatter_pile_overdue(const struct scatter_job *j)
{
	struct piece *found = NULL;
	uint64_t now_us = clock_mono_us();

	for (struct piece *p = j->pieces; p; p = p->next) {
		if (p->done || p->waiting || !p->runs || p->runs->next)
			continue;
		if ((double)(now_us - p->runs->began_us) > OVERDUE * expected_us(p) + SCATTER_LOOK_MS * 1e3 &&
		    (!found || p->runs->began_us < found->runs->began_us))
			found = p;
	}
	return found;
}

static struct piece *waiting_piece(const struct scatter_job *j)
{
	struct piece *p = j->pieces;

	while (p && !p->waiting)
		p = p->next;
	return p;
}

struct piece *scatter_pile_next(struct scatter_job *j, unsigned helpers)
{
	struct piece *p = j->waiting                ? waiting_piece(j)
			  : scatter_pile_untaken(j) ? cut_piece(j, helpers)
						    : scatter_pile_overdue(j);

	if (p && p->waiting) {
		p->waiting = false;
		j->waiting--;
	}
	return p;
}

void scatter_pile_put_back(struct piece *p)
{
	if (p->runs || p->done || p->waiting)
		return;
	p->waiting = true;
	p->job->waiting++;
}
