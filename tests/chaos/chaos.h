/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fault table, run on the real programs and a real Redis. A row is one fault with its promise; it runs in a process
 * of its own, many trials of it, and writes its ledger (ledger.h) as it goes. What is called here may be called from
 * any thread of that process. A row ends by returning from run(); it fails by chaos_fail(), by a violation that the
 * oracle finds, or by the end of its process otherwise (tests/support aborts on trouble): its output is then shown. */
#ifndef SQUARE_TESTS_CHAOS_CHAOS_H
#define SQUARE_TESTS_CHAOS_CHAOS_H

#include <stdbool.h>
#include <stdint.h>

struct chaos_run;
struct ledger;

struct chaos_row {
	unsigned number;
	const char *name;             /* the fault, a few words */
	const char *pass;             /* what is promised, as printed beside the figures */
	unsigned trials, trials_long; /* of the short run and the long one; --trials overrides */
	void (*run)(struct chaos_run *r);
};

extern const struct chaos_row chaos_rows[];
extern const unsigned chaos_row_count;

const struct chaos_row *chaos_row_of(const struct chaos_run *r);
unsigned chaos_trials(const struct chaos_run *r); /* how many this run makes */
bool chaos_long(const struct chaos_run *r);
struct ledger *chaos_ledger(const struct chaos_run *r);

/* splitmix64, seeded by --seed and the row's number. Two draws are two statements, never two arguments of one call. */
uint64_t chaos_random(struct chaos_run *r);
uint64_t chaos_below(struct chaos_run *r, uint64_t n); /* 0 … n-1; n > 0 */

/* The promise is missed: "expected …, came …". The first such sentence is kept and printed; the row goes on or returns,
 * as it likes. */
void chaos_fail(struct chaos_run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for a promise in time. With --patient it is told as a note: on a machine that others slow down at will, only
 * what is lost, wrong, double or never comes counts. */
void chaos_late(struct chaos_run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool chaos_failed(const struct chaos_run *r);
/* A further figure or remark, printed below the ledger's table, one line each, at most 160 characters. */
void chaos_note(struct chaos_run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Trials made; `done` is the ledger's n in the end. */
void chaos_progress(struct chaos_run *r, unsigned done, unsigned of);

#endif
