/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lua_model_moves.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "must.h"

/* ---- small things ---- */

void ints_push(struct ints *a, unsigned x)
{
	ints_insert(a, a->n, x);
}

void ints_insert(struct ints *a, size_t at, unsigned x)
{
	if (a->n == a->cap) {
		a->cap = a->cap ? 2 * a->cap : 16;
		a->v = must_realloc(a->v, a->cap, sizeof *a->v);
	}
	memmove(a->v + at + 1, a->v + at, (a->n - at) * sizeof *a->v);
	a->v[at] = x;
	a->n++;
}

void ints_remove(struct ints *a, size_t at)
{
	memmove(a->v + at, a->v + at + 1, (a->n - at - 1) * sizeof *a->v);
	a->n--;
}

void ints_drop(struct ints *a, unsigned x)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i] == x) {
			ints_remove(a, i);
			return;
		}
}

void model_init(struct model *m)
{
	*m = (struct model){ .now = LAB_START_US };
}

void model_fini(struct model *m)
{
	for (size_t i = 0; i < m->batch_count; i++)
		free(m->batches[i].jobs.v);
	for (int i = 0; i < 3; i++)
		free(m->lists[i].v);
	for (int i = 0; i < MODEL_RECEIVERS; i++)
		free(m->replies[i].v);
	free(m->waiting.v);
	free(m->ended.v);
	free(m->present.v);
	free(m->dead.v);
	for (size_t i = 0; i < m->group_count; i++)
		free(m->groups[i].jobs.v);
	free(m->groups);
	free(m->owners);
	free(m->led);
	free(m->batches);
	free(m->idems);
	free(m->jobs);
}

struct mjob *model_job(struct model *m, unsigned number)
{
	if (number >= m->job_count) {
		unsigned n = (number + 1024) / 1024 * 1024;
		m->jobs = must_realloc(m->jobs, n, sizeof *m->jobs);
		memset(m->jobs + m->job_count, 0, (n - m->job_count) * sizeof *m->jobs);
		for (unsigned i = m->job_count; i < n; i++)
			lua_lab_id(m->jobs[i].id, i);
		m->job_count = n;
	}
	return &m->jobs[number];
}

unsigned model_number(const struct mjob *j)
{
	return lua_lab_number(j->id);
}

bool model_final(const struct mjob *j)
{
	return j->state && strchr("sfxce", j->state) != NULL;
}

int model_list(const struct mjob *j)
{
	return j->priority == 'h' ? 0 : j->priority == 'n' ? 1 : 2;
}

static uint64_t max_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

struct mbatch *model_batch(struct model *m, const char *name)
{
	for (size_t i = 0; i < m->batch_count; i++)
		if (strcmp(m->batches[i].name, name) == 0)
			return &m->batches[i];
	return NULL;
}

struct mbatch *model_batch_new(struct model *m, const char *name, uint64_t deadline)
{
	m->batches = must_realloc(m->batches, m->batch_count + 1, sizeof *m->batches);
	struct mbatch *b = &m->batches[m->batch_count++];
	*b = (struct mbatch){ .deadline = deadline };
	snprintf(b->name, sizeof b->name, "%s", name);
	return b;
}

void model_batch_drop(struct model *m, struct mbatch *b)
{
	free(b->jobs.v);
	*b = m->batches[--m->batch_count];
}

void model_markers(struct model *m, size_t n)
{
	m->markers = m->markers + n > 64 ? 64 : m->markers + (unsigned)n;
}

void model_purge(struct model *m, struct mjob *j)
{
	j->gone = true;
	ints_drop(&m->present, model_number(j));
}

/* ---- ends and returns ---- */

void model_finalise(struct model *m, struct mjob *j, char state, bool ran, uint64_t run_us)
{
	model_part(m, j, state);
	if (ran) {
		j->attempt++;
		if (!j->started_at)
			j->started_at = max_of(m->now - run_us, max_of(j->run_at, j->created_at));
		if (j->started_at > m->now)
			j->started_at = m->now;
	}
	j->finished_at = m->now;
	j->state = state;
	j->in_expiry = false;
	j->suspect = false;
	j->mark = 0;
	m->live--;
	m->totals[strchr("sfxce", state) - "sfxce"]++;
	ints_push(&m->ended, model_number(j));
	if (state == 'x')
		ints_push(&m->dead, model_number(j));
	for (int i = 0; i < MODEL_RECEIVERS; i++) {
		const char name[] = { 'R', (char)('0' + i), '\0' };
		if (strstr(j->receivers, name))
			ints_push(&m->replies[i], model_number(j) << 8 | (unsigned char)state);
	}
}

void model_isolate(struct model *m, struct mjob *j)
{
	m->live--;
	m->bad++;
	j->state = '!';
	j->in_expiry = false;
	model_orphan(m, j);
}

bool model_unreadable(const struct mjob *j)
{
	return !j->state || j->gone || j->corrupt;
}

/* 250 ms, doubled each time, at most 300 s; half of it to either side by the id and the attempt. */
static uint64_t backoff(const struct mjob *j)
{
	uint64_t base = 250000;
	uint64_t spread = (strtoull(j->id + 30, NULL, 16) + j->attempt * 40503) % 1000;

	for (unsigned i = 1; i < j->attempt && base < 300 * S_US; i++)
		base *= 2;
	if (base > 300 * S_US)
		base = 300 * S_US;
	return base * (500 + spread) / 1000;
}

/* Another attempt ('d'), or none ('x'); none either for a second one that has crashed. The caller takes it out of its
 * batch. kind: r failed, w crashed, l its worker was lost. */
char model_retry(struct model *m, struct mjob *j, uint64_t run_us, char kind)
{
	bool crashed = kind == 'w';

	if (j->attempt + 1 >= j->max_attempts || (crashed && j->crashed)) {
		model_finalise(m, j, 'x', true, run_us);
		return 'x';
	}
	j->attempt++;
	j->state = 'd';
	j->mark = 0;
	j->crashed = j->crashed || crashed;
	j->suspect = j->suspect && kind == 'l';
	j->progress[0] = '\0';
	j->started_at = 0;
	j->run_at = m->now + backoff(j);
	j->expires_at = j->expires_in ? j->run_at + j->expires_in : 0;
	j->in_expiry = j->expires_at > 0;
	ints_push(&m->waiting, model_number(j));
	model_markers(m, 1);
	return 'd';
}

/* Jobs go to the heads of their lists, the first one first. */
void model_give_back(struct model *m, const struct ints *jobs)
{
	for (size_t i = jobs->n; i-- > 0;) {
		struct mjob *j = &m->jobs[jobs->v[i]];
		j->state = 'q';
		j->mark = 0;
		j->progress[0] = '\0';
		j->batch[0] = '\0';
		j->started_at = 0;
		j->in_expiry = j->expires_at > 0;
		ints_insert(&m->lists[model_list(j)], 0, jobs->v[i]);
	}
	model_markers(m, jobs->n);
}

/* Leaves its batch; false when it is not in it. */
bool model_leave(struct model *m, const char *batch, struct mjob *j)
{
	struct mbatch *b = model_batch(m, batch);

	for (size_t i = 0; b && i < b->jobs.n; i++)
		if (b->jobs.v[i] == model_number(j)) {
			ints_remove(&b->jobs, i);
			if (b->jobs.n == 0)
				model_batch_drop(m, b);
			m->running--;
			return true;
		}
	return false;
}

/* ---- due and overdue ---- */

static unsigned earliest(struct model *m, uint64_t *run_at)
{
	unsigned best = 0;
	uint64_t at = 0;

	for (size_t i = 0; i < m->waiting.n; i++) {
		struct mjob *j = &m->jobs[m->waiting.v[i]];
		if (!at || j->run_at < at || (j->run_at == at && strcmp(j->id, m->jobs[best].id) < 0)) {
			best = m->waiting.v[i];
			at = j->run_at;
		}
	}
	*run_at = at;
	return best;
}

uint64_t model_promote(struct model *m, size_t bound, unsigned *moved, unsigned *isolated)
{
	uint64_t run_at;

	*moved = *isolated = 0;
	for (size_t i = 0; i < bound; i++) {
		unsigned next = earliest(m, &run_at);
		if (!run_at || run_at > m->now)
			break;
		struct mjob *j = &m->jobs[next];
		ints_drop(&m->waiting, next);
		if (j->corrupt) {
			model_isolate(m, j);
			++*isolated;
		} else {
			j->state = 'q';
			ints_push(&m->lists[model_list(j)], next);
			++*moved;
		}
	}
	model_markers(m, *moved);
	model_settle(m);
	earliest(m, &run_at);
	return run_at;
}

unsigned model_expire(struct model *m, size_t bound, bool *more)
{
	unsigned n = 0, seen = 0;

	for (; seen < bound; seen++) {
		struct mjob *best = NULL;
		for (size_t i = 0; i < m->present.n; i++) {
			struct mjob *j = &m->jobs[m->present.v[i]];
			if (j->in_expiry && j->expires_at <= m->now && (!best || j->expires_at < best->expires_at))
				best = j;
		}
		if (!best)
			break;
		best->in_expiry = false;
		if (best->corrupt)
			continue;
		if (best->state == 'd')
			ints_drop(&m->waiting, model_number(best));
		else
			best->tombstone = !best->joined;
		model_finalise(m, best, 'e', false, 0);
		n++;
	}
	model_settle(m);
	*more = seen == bound;
	return n;
}

bool model_any_waiting(const struct model *m)
{
	return m->lists[0].n + m->lists[1].n + m->lists[2].n > 0;
}

/* An entry that has left its list and is no queued job. True when it had to be isolated. */
bool model_bury(struct model *m, struct mjob *j)
{
	if (j->corrupt && j->state == 'q') {
		model_isolate(m, j);
		return true;
	}
	j->tombstone = false;
	return false;
}
