/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The model against what the keys hold. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua_model.h"

static const char *differ(struct lua_state *st, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static const char *differ(struct lua_state *st, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(st->why, sizeof st->why, fmt, ap);
	va_end(ap);
	return st->why;
}

static size_t elements(const struct lua_state *st, const char *name)
{
	const struct lua_key *key = lua_state_key(st, name);

	return key ? rreply_count(key->value) : 0;
}

static size_t size_of(const struct lua_state *st, const char *name)
{
	const struct lua_key *key = lua_state_key(st, name);

	return key ? key->size : 0;
}

static const char *element(const struct lua_state *st, const char *name, size_t i)
{
	return rreply_str(rreply_at(lua_state_key(st, name)->value, i), NULL);
}

/* FNV-1a over the record, the tombstone flag left out. */
static uint64_t digest(struct span record)
{
	uint64_t h = 14695981039346656037ull;

	for (size_t i = 0; i < record.n; i++) {
		unsigned char byte = (unsigned char)record.p[i];
		if (i == 4)
			byte &= (unsigned char)~JOB_FLAG_TOMBSTONE;
		h = (h ^ byte) * 1099511628211ull;
	}
	return h ? h : 1;
}

static bool span_is(struct span s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static const char *compare_times(struct lua_state *st, const struct mjob *j, const struct job *real)
{
	const struct {
		const char *name;
		uint64_t expected, came;
	} times[] = {
		{ "created_at", j->created_at, real->created_at },
		{ "run_at", j->run_at, real->run_at },
		{ "expires_at", j->expires_at, real->expires_at },
		{ "started_at", j->started_at, real->started_at },
		{ "finished_at", j->finished_at, real->finished_at },
		{ "expires_in", j->expires_in, real->expires_in_us },
	};

	for (size_t i = 0; i < sizeof times / sizeof *times; i++)
		if (times[i].expected != times[i].came)
			return differ(st, "job %s (%c): expected %s %llu, came %llu", j->id, j->state, times[i].name,
				      (unsigned long long)times[i].expected, (unsigned long long)times[i].came);
	return NULL;
}

static const char *compare_job(struct model *m, struct lua_state *st, struct mjob *j)
{
	const struct lua_job *job = lua_state_job(st, j->id);
	const struct job *real;
	unsigned flags = (j->tombstone ? JOB_FLAG_TOMBSTONE : 0) | (j->cancel ? JOB_FLAG_CANCEL_ASKED : 0) |
			 (j->crashed ? JOB_FLAG_CRASHED : 0) | (j->hit ? JOB_FLAG_HIT : 0) |
			 (j->joined ? JOB_FLAG_JOINED : 0) | (j->led ? JOB_FLAG_LED : 0) |
			 (j->suspect ? JOB_FLAG_SUSPECT : 0);

	(void)m;
	if (!job)
		return differ(st, "acknowledged job %s (%c) is not there", j->id, j->state);
	if (j->corrupt)
		return job->readable ? differ(st, "corrupt job %s was overwritten", j->id) : NULL;
	if (!job->readable)
		return differ(st, "the record of job %s cannot be read", j->id);
	real = &job->job;
	if ((char)real->state != j->state || real->attempt != j->attempt || real->flags != flags)
		return differ(st, "job %s: expected state %c, attempt %u, flags %u, came %c, %u, %u", j->id, j->state,
			      j->attempt, flags, real->state, real->attempt, real->flags);
	if ((char)real->priority != j->priority || real->max_attempts != j->max_attempts)
		return differ(st, "job %s: its wishes have changed", j->id);
	if (!span_is(real->batch, j->batch) || !span_is(real->reply, j->receivers))
		return differ(st, "job %s: expected batch '%s', receivers '%s', came '%.*s', '%.*s'", j->id, j->batch,
			      j->receivers, (int)real->batch.n, real->batch.p, (int)real->reply.n, real->reply.p);
	if (!span_is(real->op, "square") || !span_is(real->args, "{\"x\":7}"))
		return differ(st, "job %s: its envelope has changed", j->id);
	if (!job_state_done(real->state) && !span_is(real->outcome, j->progress))
		return differ(st, "job %s (%c): expected progress '%s', came '%.*s'", j->id, j->state, j->progress,
			      (int)real->outcome.n, real->outcome.p);
	if (j->state == 's' && !span_is(real->outcome, j->outcome))
		return differ(st, "job %s: expected the result %s, came %.*s", j->id, j->outcome, (int)real->outcome.n,
			      real->outcome.p);
	if (job_state_done(real->state)) {
		if (j->digest && j->digest != digest(job->record))
			return differ(st, "final job %s has changed", j->id);
		j->digest = digest(job->record);
	}
	return compare_times(st, j, real);
}

static const char *compare_list(struct model *m, struct lua_state *st, const char *name, const struct ints *list)
{
	size_t n = elements(st, name);

	for (size_t i = 0; i < n && i < list->n; i++)
		if (strcmp(element(st, name, i), m->jobs[list->v[i]].id) != 0)
			return differ(st, "%s: expected %s at place %zu, came %s", name, m->jobs[list->v[i]].id, i,
				      element(st, name, i));
	return n == list->n ? NULL : differ(st, "%s: expected %zu entries, came %zu", name, list->n, n);
}

static const char *compare_leases(struct model *m, struct lua_state *st)
{
	if (elements(st, "lease") != 2 * m->batch_count)
		return differ(st, "expected %zu leases, came %zu", m->batch_count, elements(st, "lease") / 2);
	for (size_t i = 0; i < elements(st, "lease"); i += 2) {
		const char *name = element(st, "lease", i);
		const struct mbatch *b = model_batch(m, name);
		char key[160];
		if (!b || strtod(element(st, "lease", i + 1), NULL) != (double)b->deadline)
			return differ(st, "lease of batch %s: expected %llu, came %s", name,
				      b ? (unsigned long long)b->deadline : 0ull, element(st, "lease", i + 1));
		snprintf(key, sizeof key, "b:%s", name);
		if (elements(st, key) != 2 * b->jobs.n)
			return differ(st, "batch %s: expected %zu jobs, came %zu", name, b->jobs.n,
				      elements(st, key) / 2);
		for (size_t k = 0; k < b->jobs.n; k++) {
			const struct mjob *j = &m->jobs[b->jobs.v[k]];
			char mark[3] = { j->mark, j->cancel ? '!' : '\0', '\0' };
			if (strcmp(element(st, key, 2 * k), j->id) != 0 ||
			    strcmp(element(st, key, 2 * k + 1), mark) != 0)
				return differ(st, "batch %s: expected %s '%s', came %s '%s'", name, j->id, mark,
					      element(st, key, 2 * k), element(st, key, 2 * k + 1));
		}
	}
	return NULL;
}

static const char *compare_replies(struct model *m, struct lua_state *st, unsigned receiver)
{
	const struct ints *expected = &m->replies[receiver];
	char name[8];

	snprintf(name, sizeof name, "r:R%u", receiver);
	if (elements(st, name) != expected->n)
		return differ(st, "%s: expected %zu replies, came %zu", name, expected->n, elements(st, name));
	for (size_t i = 0; i < expected->n; i++) {
		const struct mjob *j = &m->jobs[expected->v[i] >> 8];
		char state = (char)(expected->v[i] & 0xff);
		struct job job;
		size_t n;
		const char *s = rreply_str(rreply_at(lua_state_key(st, name)->value, i), &n);
		if (n < ID_TEXT_LEN || memcmp(s, j->id, ID_TEXT_LEN) != 0 ||
		    job_record_decode(s + ID_TEXT_LEN, n - ID_TEXT_LEN, &job) || (char)job.state != state)
			return differ(st, "%s: expected the final record of job %s (%c) at place %zu", name, j->id,
				      state, i);
	}
	return NULL;
}

static const char *compare_counts(struct model *m, struct lua_state *st)
{
	size_t recent = m->ended.n < 600 ? m->ended.n : 600; /* it is trimmed a little lower; some run again */
	const struct {
		const char *name;
		int64_t expected, came;
	} counts[] = {
		{ "live", m->live, lua_state_count(st, "live") },
		{ "run", m->running, lua_state_count(st, "run") },
		{ "paused", m->paused, lua_state_count(st, "paused") },
		{ "us", (int64_t)m->run_us, lua_state_count(st, "us") },
		{ "n:s", m->totals[0], lua_state_count(st, "n:s") },
		{ "n:f", m->totals[1], lua_state_count(st, "n:f") },
		{ "n:x", m->totals[2], lua_state_count(st, "n:x") },
		{ "n:c", m->totals[3], lua_state_count(st, "n:c") },
		{ "n:e", m->totals[4], lua_state_count(st, "n:e") },
		{ "markers", m->markers, (int64_t)elements(st, "mk") },
		{ "bad", m->bad, (int64_t)elements(st, "bad") },
		{ "delayed", (int64_t)m->waiting.n, (int64_t)elements(st, "d") / 2 },
		{ "dead", (int64_t)m->dead.n, (int64_t)size_of(st, "dead") },
		{ "records", (int64_t)m->present.n, (int64_t)st->job_count },
		{ "clk", (int64_t)m->clk, lua_state_key(st, "clk") ? rreply_int(lua_state_key(st, "clk")->value) : 0 },
	};

	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		if (counts[i].expected != counts[i].came)
			return differ(st, "%s: expected %lld, came %lld", counts[i].name, (long long)counts[i].expected,
				      (long long)counts[i].came);
	if (size_of(st, "recent") > 1000 || size_of(st, "recent") < recent)
		return differ(st, "recent: expected %zu to 1000 entries, came %zu", recent, size_of(st, "recent"));
	for (size_t i = 0; i < elements(st, "recent"); i++)
		if (strcmp(element(st, "recent", i), m->jobs[m->ended.v[m->ended.n - 1 - i]].id) != 0)
			return differ(st, "recent: expected %s at place %zu, came %s",
				      m->jobs[m->ended.v[m->ended.n - 1 - i]].id, i, element(st, "recent", i));
	return NULL;
}

static const char *compare_idems(struct model *m, struct lua_state *st)
{
	size_t keys = 0;

	for (size_t i = 0; i < st->key_count; i++)
		keys += strncmp(st->keys[i].name, "i:", 2) == 0;
	return keys == m->idem_count ? NULL
				     : differ(st, "idempotency keys: expected %zu, came %zu", m->idem_count, keys);
}

static const char *compare_group(struct model *m, struct lua_state *st, const struct mgroup *g)
{
	char name[ID_TEXT_SIZE + 2];

	snprintf(name, sizeof name, "f:%s", m->jobs[g->leader].id);
	if (elements(st, name) != g->jobs.n + 1)
		return differ(st, "%s: expected %zu jobs, came %zu entries", name, g->jobs.n, elements(st, name));
	if (strcmp(element(st, name, 0), g->question) != 0)
		return differ(st, "%s: expected question %s, came %s", name, g->question, element(st, name, 0));
	for (size_t i = 0; i < g->jobs.n; i++)
		if (strcmp(element(st, name, i + 1), m->jobs[g->jobs.v[i]].id) != 0)
			return differ(st, "%s: expected %s at place %zu, came %s", name, m->jobs[g->jobs.v[i]].id, i,
				      element(st, name, i + 1));
	return NULL;
}

static const char *compare_reuse(struct model *m, struct lua_state *st)
{
	const char *why = NULL;
	size_t keys = 0;

	for (size_t i = 0; i < st->key_count; i++)
		keys += strncmp(st->keys[i].name, "f:", 2) == 0;
	if (keys != m->group_count)
		return differ(st, "expected %zu jobs to be followed, came %zu", m->group_count, keys);
	for (size_t i = 0; i < m->group_count && !why; i++)
		why = compare_group(m, st, &m->groups[i]);
	if (!why && elements(st, "cache") != 2 * m->owner_count)
		return differ(st, "cache: expected %zu questions, came %zu", m->owner_count, elements(st, "cache") / 2);
	for (size_t i = 0; i < m->owner_count && !why; i++)
		for (size_t k = 0; k < elements(st, "cache"); k += 2)
			if (strcmp(element(st, "cache", k), m->owners[i].question) == 0 &&
			    strcmp(element(st, "cache", k + 1), m->jobs[m->owners[i].owner].id) != 0)
				why = differ(st, "cache: expected %s to be owned by %s, came %s", m->owners[i].question,
					     m->jobs[m->owners[i].owner].id, element(st, "cache", k + 1));
	return why;
}

const char *model_compare(struct model *m, struct lua_state *st)
{
	const char *why = NULL;

	for (size_t i = 0; i < m->present.n && !why; i++)
		why = compare_job(m, st, &m->jobs[m->present.v[i]]);
	why = why ? why : compare_counts(m, st);
	why = why ? why : compare_list(m, st, "w:high", &m->lists[0]);
	why = why ? why : compare_list(m, st, "w:normal", &m->lists[1]);
	why = why ? why : compare_list(m, st, "w:low", &m->lists[2]);
	why = why ? why : compare_leases(m, st);
	why = why ? why : compare_idems(m, st);
	why = why ? why : compare_reuse(m, st);
	for (unsigned i = 0; i < MODEL_RECEIVERS && !why; i++)
		why = compare_replies(m, st, i);
	return why;
}
