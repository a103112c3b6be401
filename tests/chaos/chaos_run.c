/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "chaos_run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

struct chaos_run *chaos_run_new(const struct chaos_row *row, bool lengthy, unsigned trials, uint64_t seed)
{
	struct chaos_run *r = mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (r == MAP_FAILED) {
		perror("chaos: mmap");
		abort();
	}
	r->row = row;
	r->ledger = ledger_new();
	r->lengthy = lengthy;
	r->trials = trials ? trials : lengthy ? row->trials_long : row->trials;
	r->of = r->trials;
	r->random = seed + row->number * 0x9e3779b97f4a7c15ULL * 1000003ULL;
	r->out_fd = -1;
	return r;
}

void chaos_run_free(struct chaos_run *r)
{
	ledger_free(r->ledger);
	(void)munmap(r, sizeof *r);
}

void chaos_run_judge(struct chaos_run *r, int status)
{
	char text[200];

	if (WIFSIGNALED(status))
		chaos_fail(r, "expected the row to end by itself, signal %d ended it", WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		chaos_fail(r, "expected the row to end with status 0, it was %d", WEXITSTATUS(status));
	if (ledger_violated(r->ledger, text, sizeof text))
		chaos_fail(r, "%s", text);
	if (ledger_trials(r->ledger) < r->trials)
		chaos_fail(r, "expected %u trials, it made %llu", r->trials,
			   (unsigned long long)ledger_trials(r->ledger));
}

const struct chaos_row *chaos_row_of(const struct chaos_run *r)
{
	return r->row;
}

unsigned chaos_trials(const struct chaos_run *r)
{
	return r->trials;
}

bool chaos_long(const struct chaos_run *r)
{
	return r->lengthy;
}

struct ledger *chaos_ledger(const struct chaos_run *r)
{
	return r->ledger;
}

uint64_t chaos_random(struct chaos_run *r)
{
	uint64_t z = atomic_fetch_add(&r->random, 0x9e3779b97f4a7c15ULL) + 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

uint64_t chaos_below(struct chaos_run *r, uint64_t n)
{
	return chaos_random(r) % n;
}

void chaos_fail(struct chaos_run *r, const char *format, ...)
{
	va_list args;

	if (atomic_exchange(&r->failing, true))
		return;
	va_start(args, format);
	(void)vsnprintf(r->why, sizeof r->why, format, args);
	va_end(args);
	atomic_store(&r->failed, true);
}

void chaos_late(struct chaos_run *r, const char *format, ...)
{
	char text[CHAOS_NOTE_SIZE];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (r->patient)
		chaos_note(r, "LATE: %.150s", text);
	else
		chaos_fail(r, "%s", text);
}

bool chaos_failed(const struct chaos_run *r)
{
	return atomic_load(&r->failed);
}

void chaos_note(struct chaos_run *r, const char *format, ...)
{
	unsigned i = atomic_fetch_add(&r->noting, 1);
	va_list args;

	if (i >= CHAOS_NOTES)
		return;
	va_start(args, format);
	(void)vsnprintf(r->notes[i], sizeof r->notes[i], format, args);
	va_end(args);
}

unsigned chaos_run_notes(const struct chaos_run *r)
{
	unsigned n = atomic_load(&r->noting);

	return n < CHAOS_NOTES ? n : CHAOS_NOTES;
}

void chaos_progress(struct chaos_run *r, unsigned done, unsigned of)
{
	atomic_store(&r->done, done);
	atomic_store(&r->of, of);
	ledger_set_trials(r->ledger, done);
}
