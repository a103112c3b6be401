/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The model of what people do to a queue from outside: retry, redrive, figures. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua_model_moves.h"

static uint64_t number(const struct lua_call *c, size_t i)
{
	return i < c->n ? strtoull(buf_cstr(&c->args[i]), NULL, 10) : 0;
}

/* ---- again ---- */

/* Takes out the last entry: an older one of the same job is there no more. */
static void forget_end(struct model *m, unsigned job)
{
	for (size_t i = m->ended.n; i-- > 0;)
		if (m->ended.v[i] == job) {
			ints_remove(&m->ended, i);
			return;
		}
}

static void revive(struct model *m, struct mjob *j)
{
	unsigned number_of_it = model_number(j);

	if (!j->tombstone)
		ints_push(&m->lists[model_list(j)], number_of_it);
	model_markers(m, 1);
	j->state = 'q';
	j->cancel = j->crashed = j->tombstone = j->hit = j->joined = j->led = false;
	j->attempt = 0;
	j->started_at = j->finished_at = 0;
	j->run_at = m->now;
	j->expires_at = j->expires_in ? m->now + j->expires_in : 0;
	j->in_expiry = j->expires_at > 0;
	j->batch[0] = j->receivers[0] = j->progress[0] = j->outcome[0] = '\0';
	j->digest = 0;
	m->live++;
	forget_end(m, number_of_it);
	ints_drop(&m->dead, number_of_it);
}

void model_call_retry(struct model *m, const struct lua_call *c, struct buf *expect)
{
	struct mjob *j = model_job(m, lua_lab_number(buf_cstr(&c->args[0])));
	char code = 'k';

	if (model_unreadable(j)) {
		buf_puts(expect, "[0]");
		return;
	}
	if (!model_final(j) || j->state == 's')
		code = 'l';
	else if (m->live >= (int64_t)number(c, 1))
		code = 'F';
	else
		revive(m, j);
	buf_printf(expect, "[%c J1:%c:%u:%s]", code, j->state, j->attempt, j->batch);
}

int model_by_end(const struct mjob *a, const struct mjob *b)
{
	if (a->finished_at != b->finished_at)
		return a->finished_at < b->finished_at ? -1 : 1;
	return strcmp(a->id, b->id);
}

/* The dead, the oldest first. */
static void sort_dead(struct model *m)
{
	for (size_t i = 1; i < m->dead.n; i++)
		for (size_t k = i; k > 0 && model_by_end(&m->jobs[m->dead.v[k - 1]], &m->jobs[m->dead.v[k]]) > 0; k--) {
			unsigned later = m->dead.v[k - 1];
			m->dead.v[k - 1] = m->dead.v[k];
			m->dead.v[k] = later;
		}
}

void model_call_redrive(struct model *m, const struct lua_call *c, struct buf *expect)
{
	int64_t room = (int64_t)number(c, 1) - m->live, moved = 0;
	bool full = false;
	size_t at = 0;

	sort_dead(m);
	for (uint64_t i = 0; i < number(c, 0) && at < m->dead.n && !full; i++) {
		struct mjob *j = &m->jobs[m->dead.v[at]];
		if (model_unreadable(j) || j->state != 'x') {
			ints_remove(&m->dead, at);
		} else if (moved >= room) {
			full = true;
		} else {
			revive(m, j);
			moved++;
		}
	}
	buf_printf(expect, "[%lld %d %d]", (long long)moved, m->dead.n > 0, full);
}

/* ---- figures ---- */

static int64_t ended(const struct model *m)
{
	int64_t n = 0;

	for (int i = 0; i < 5; i++)
		n += m->totals[i];
	return n;
}

/* What is written down is rounded. */
static double rounded(double x, int digits)
{
	char text[64];

	snprintf(text, sizeof text, "%.*f", digits, x);
	return strtod(text, NULL);
}

void model_sample(struct model *m, double shown[3])
{
	struct mrate *r = &m->rate;
	double at = (double)m->now, elapsed = (at - r->at) / 1000000, keep = exp(-(at - r->at) / 10000000);
	const double counts[] = { (double)(m->live + ended(m)), (double)ended(m), (double)m->run_us / 1000000 };

	memcpy(shown, r->means, sizeof r->means);
	if (r->known && elapsed >= 0 && elapsed * 1000000 < 1000000)
		return;
	for (int i = 0; i < 3; i++) {
		double grown = counts[i] > r->counts[i] ? counts[i] - r->counts[i] : 0;
		if (r->known && elapsed * 1000000 >= 1000000)
			shown[i] = r->means[i] * keep + grown / elapsed * (1 - keep);
		r->means[i] = rounded(shown[i], 9);
		r->counts[i] = rounded(counts[i], i == 2 ? 6 : 0);
	}
	r->at = at;
	r->known = true;
}

static uint64_t oldest(const struct model *m)
{
	uint64_t since = m->now;

	for (int l = 0; l < 3; l++)
		for (size_t i = 0; i < m->lists[l].n && i < 16; i++) {
			const struct mjob *j = &m->jobs[m->lists[l].v[i]];
			uint64_t its = j->run_at > j->created_at ? j->run_at : j->created_at;
			if (j->state != 'q' || (j->corrupt && !j->corrupt_head))
				continue;
			since = its < since ? its : since;
			break;
		}
	return m->now - since;
}

void model_call_figures(struct model *m, const struct lua_call *c, struct buf *expect)
{
	double means[3];

	(void)c;
	model_sample(m, means);
	buf_printf(expect, "[%llu %lld %lld %zu %zu %llu %d", (unsigned long long)m->now,
		   (long long)(m->live - m->running - (int64_t)m->waiting.n), (long long)m->running, m->waiting.n,
		   m->dead.n, (unsigned long long)oldest(m), m->paused);
	for (int i = 0; i < 5; i++)
		buf_printf(expect, " %lld", (long long)m->totals[i]);
	buf_printf(expect, " %lld %lld %llu", (long long)(m->live + ended(m)), (long long)ended(m),
		   (unsigned long long)m->run_us);
	for (int i = 0; i < 3; i++)
		buf_printf(expect, " %.6f", means[i]);
	buf_byte(expect, ']');
}
