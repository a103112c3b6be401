/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of sharing have in common: scatter.c and scatter_pile.c, nobody else. */
#ifndef SQUARE_SCATTER_PARTS_H
#define SQUARE_SCATTER_PARTS_H

#include "scatter.h"

#define SCATTER_LOOK_MS 20 /* between two looks at parts that are overdue */

enum stage { PLANNING, SPREADING, GATHERING, WHOLE };

struct piece;

struct run { /* of a piece, somewhere */
	struct run *next;
	struct piece *piece;
	struct pool_child *child; /* here, */
	struct peer_call *call;   /* or at a peer */
	bool main;                /* in the place that is kept for the job */
	uint64_t began_us;
};

struct piece { /* units that were taken from the pile: computed, or being so */
	struct piece *next;
	struct scatter_job *job;
	uint32_t number;
	struct op_part units;
	unsigned tries; /* that lost their child */
	struct run *runs;
	bool done, waiting; /* waiting: back on the pile, as it is */
	struct buf result;
};

struct scatter_job {
	struct scatter *scatter;
	struct scatter_job *next, *prev;
	enum stage stage;
	struct peer_job shared; /* operation and arguments */
	struct buf args;
	uint32_t timeout_ms;
	uint64_t began_us;
	struct pool_caller caller;
	uv_timer_t deadline, look;
	unsigned handles;
	struct pool_child *solo; /* plans, gathers, computes the whole */
	bool kept;               /* its place in the pool is held, not used */
	bool stopping;           /* runs of it are being stopped: others make use of their room */
	bool ended;
	struct op_plan plan;
	uint32_t next_unit; /* the first that nobody has taken */
	uint32_t done_units, n_pieces;
	unsigned waiting; /* pieces that are back on the pile */
	double unit_ns;   /* of a unit, as measured, or as planned */
	struct piece *pieces;
};

/* ---- scatter_pile.c: the units that are still to be computed ---- */
uint32_t scatter_pile_untaken(const struct scatter_job *j);
/* What comes next; NULL: nothing for now. helpers: who might take something, this worker included. */
struct piece *scatter_pile_next(struct scatter_job *j, unsigned helpers);
/* One that nobody else computes yet, though it should be done by now; of these the one begun first. */
struct piece *scatter_pile_overdue(const struct scatter_job *j);
void scatter_pile_put_back(struct piece *p); /* unless somebody computes it */

#endif
