/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A row while it runs, in memory that its process and the harness share. */
#ifndef SQUARE_TESTS_CHAOS_CHAOS_RUN_H
#define SQUARE_TESTS_CHAOS_CHAOS_RUN_H

#include <stdatomic.h>
#include <stddef.h>
#include <sys/types.h>

#include "chaos.h"
#include "ledger.h"

#define CHAOS_NOTES 12
#define CHAOS_NOTE_SIZE 161

struct chaos_run {
	const struct chaos_row *row;
	struct ledger *ledger;
	bool lengthy, patient;
	unsigned trials;
	atomic_ullong random;
	atomic_uint done, of;
	atomic_bool failing, failed; /* somebody writes why; it is written */
	char why[1200];
	atomic_uint noting; /* lines begun */
	char notes[CHAOS_NOTES][CHAOS_NOTE_SIZE];
	/* the harness' own */
	pid_t pid;
	int out_fd; /* what it printed */
	uint64_t started_us, ended_us;
	bool finished;
};

/* trials: 0 for the row's own. Ends the program when there is no memory. */
struct chaos_run *chaos_run_new(const struct chaos_row *row, bool lengthy, unsigned trials, uint64_t seed);
void chaos_run_free(struct chaos_run *r);
/* After the row's process has ended: what speaks against it beyond what the row said itself becomes its failure.
 * status: as of waitpid(2). */
void chaos_run_judge(struct chaos_run *r, int status);
unsigned chaos_run_notes(const struct chaos_run *r); /* how many there are */

#endif
