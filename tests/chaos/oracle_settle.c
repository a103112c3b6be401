/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of a trial: what was promised is there, is right, is the same wherever one asks, and nothing else is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "clock.h"
#include "lua_check.h"
#include "oracle_log.h"
#include "wait_until.h"

enum { READERS = 4, READ_MS = 10000 };
#define PATIENCE_S 0.2 /* for a job that was not final when it was read before */

/* ---- reading ---- */

struct reader {
	struct oracle *o;
	struct world *w;
	struct client *client;
	unsigned first;       /* reads the jobs first, first + READERS, … */
	uint64_t deadline_us; /* clock_mono_us() */
	bool again;           /* the second reading, at the other web role */
	size_t open;          /* jobs that are not final, or not confirmed */
	unsigned passes;
};

static void read_one(struct reader *q, size_t at)
{
	struct oracle_job *j = oracle_job(q->o, at);
	unsigned web = q->again && j->final ? (j->final_web + 1) % world_count(q->w, WORLD_WEB) : j->web;
	bool final = false;
	long status = client_read(q->client, web, at, q->passes ? PATIENCE_S : 0, READ_MS, &final);

	j->gone = status == 404; /* no time brings it back */
	if (!j->gone && (status != 200 || !final || (q->again && !j->confirmed)))
		q->open++;
}

static bool read_all(void *arg)
{
	struct reader *q = arg;
	size_t n = oracle_count(q->o);

	q->open = 0;
	for (size_t i = q->first; i < n && clock_mono_us() < q->deadline_us; i += READERS) {
		const struct oracle_job *j = oracle_job(q->o, i);
		if (j->id[0] && !j->gone && (q->again ? !j->confirmed : !j->final))
			read_one(q, i);
	}
	q->passes++;
	return q->open == 0;
}

static void *read_until_final(void *arg)
{
	struct reader *q = arg;
	uint64_t now_us = clock_mono_us();

	q->client = client_new(q->w, q->o);
	(void)wait_until(read_all, q, q->deadline_us > now_us ? (unsigned)((q->deadline_us - now_us) / 1000) : 0);
	client_free(q->client);
	return NULL;
}

static void read_everything(struct oracle *o, struct world *w, uint64_t deadline_us, bool again)
{
	struct reader readers[READERS];
	pthread_t threads[READERS];

	for (unsigned i = 0; i < READERS; i++) {
		readers[i] = (struct reader){ o, w, .first = i, .deadline_us = deadline_us, .again = again };
		if (pthread_create(&threads[i], NULL, read_until_final, &readers[i]) != 0)
			abort();
	}
	for (unsigned i = 0; i < READERS; i++)
		(void)pthread_join(threads[i], NULL);
}

/* What has a key has exactly one job, whatever became of the answers. */
static void deliver_keyed(struct oracle *o, struct world *w, uint64_t deadline_us)
{
	struct client *c = client_new(w, o);

	for (size_t i = 0; i < oracle_count(o); i++) {
		const struct oracle_job *j = oracle_job(o, i);
		uint64_t now_us = clock_mono_us();
		if (!j->key[0] || j->id[0])
			continue;
		if (now_us >= deadline_us || !client_deliver(c, (unsigned)(i % world_count(w, WORLD_WEB)), i,
							     (unsigned)((deadline_us - now_us) / 1000)))
			chaos_fail(o->run, "expected the key %s to be acknowledged in the end", j->key);
	}
	client_free(c);
}

/* ---- accounts ---- */

static void assign_orphans(struct oracle *o)
{
	for (size_t i = 0; i < o->orphan_count; i++) {
		const struct oracle_orphan *one = &o->orphans[i];
		struct oracle_job *j = oracle_by_id(o, one->id);
		if (!j)
			continue; /* never acknowledged */
		j->taken += one->started && one->kind != LEDGER_BY_EXIT;
		if (one->when_us >= j->hit_us) {
			j->hit_us = one->when_us;
			j->hit_kind = one->kind;
		}
	}
	o->orphan_count = 0;
}

static void account_lost(struct oracle *o, const struct oracle_job *j)
{
	ledger_add(o->ledger, LEDGER_LOST, 1);
	if (j->final)
		chaos_fail(o->run, "expected job %s to be readable at a second web role, %s", j->id,
			   j->gone ? "that does not know it" : "it was not in time");
	else
		chaos_fail(o->run, "expected job %s, acknowledged by web role %u, to be final, %s", j->id, j->web,
			   j->gone ? "nobody knows it" : "it was not in time");
}

/* The slowest is told with all that is known of it, for a failure that needs a look. */
static void account_recovery(struct oracle *o, const struct oracle_job *j)
{
	enum ledger_time kind = j->taken > 1 ? LEDGER_BY_BACKOFF : j->hit_kind;
	double ms = (double)(j->finished_us - j->hit_us) / 1000;
	char hit[CLOCK_TEXT_SIZE];

	if (ms > ledger_percentile(o->ledger, kind, 100)) {
		clock_format(j->hit_us, hit);
		(void)fprintf(stderr, "%s: slower than before, %.0f ms; hit at %s; %s\n", ledger_time_name(kind), ms,
			      hit, j->final);
	}
	ledger_time(o->ledger, kind, ms);
}

static void account(struct oracle *o, const struct oracle_job *j)
{
	static const enum ledger_count fates[] = { [ORACLE_SUCCEEDS] = LEDGER_SUCCEEDED,
						   [ORACLE_FAILS] = LEDGER_FAILED,
						   [ORACLE_DIES] = LEDGER_FAILED,
						   [ORACLE_CANCELLED] = LEDGER_CANCELLED };
	unsigned allowed = 1 + j->taken + o->excused;

	ledger_add(o->ledger, fates[j->ended], 1);
	if (j->attempt > 1)
		ledger_add(o->ledger, LEDGER_RERUN, 1);
	if (j->attempt > allowed && j->ended != ORACLE_DIES) {
		ledger_add(o->ledger, LEDGER_CHARGED, j->attempt - allowed);
		chaos_fail(o->run, "expected at most %u attempts of job %s, came %u", allowed, j->id, j->attempt);
	}
	if (!j->lengthy && j->hit_us && j->finished_us > j->hit_us)
		account_recovery(o, j);
}

static void account_all(struct oracle *o, bool one_web)
{
	assign_orphans(o);
	for (size_t i = 0; i < o->n; i++) {
		const struct oracle_job *j = oracle_job(o, i);
		if (j->id[0] && j->final && (j->confirmed || one_web))
			account(o, j);
		else if (j->id[0])
			account_lost(o, j);
	}
}

/* ---- who resumed when ---- */

struct resumes {
	uint64_t web[WORLD_INSTANCES], worker[WORLD_INSTANCES]; /* the first time since the mark; 0: none */
};

static void earlier(uint64_t *first, uint64_t at, uint64_t from, uint64_t to)
{
	if (at > from && at < to && (*first == 0 || at < *first))
		*first = at;
}

static void account_resume(struct oracle *o, enum world_role role, unsigned i, uint64_t mark_us, uint64_t first_us)
{
	if (first_us)
		ledger_time(o->ledger, LEDGER_RESUME, (double)(first_us - mark_us) / 1000);
	else
		chaos_fail(o->run, "expected %s to resume by itself, nothing came from it", world_instance(role, i));
}

static void account_marks(struct oracle *o, struct world *w)
{
	for (unsigned k = 0; k < o->mark_count; k++) {
		uint64_t from = o->marks[k], to = k + 1 < o->mark_count ? o->marks[k + 1] : UINT64_MAX;
		struct resumes r = { 0 };
		for (size_t i = 0; i < o->n; i++) {
			const struct oracle_job *j = oracle_job(o, i);
			if (j->id[0])
				earlier(&r.web[j->web], j->acknowledged_us, from, to);
			if (j->final && j->worker >= 0)
				earlier(&r.worker[j->worker], j->finished_us, from, to);
		}
		for (unsigned i = 0; i < world_count(w, WORLD_WEB); i++)
			account_resume(o, WORLD_WEB, i, from, r.web[i]);
		for (unsigned i = 0; i < world_count(w, WORLD_WORKER); i++)
			account_resume(o, WORLD_WORKER, i, from, r.worker[i]);
	}
	o->mark_count = 0;
}

/* ---- the queue ---- */

/* Every acknowledged job has a record; what has a record and was not acknowledged is one of the sendings without a key
 * that nobody answered for. More would be second jobs of one key. */
static void check_records(struct oracle *o, const struct lua_state *st)
{
	size_t known = 0;

	for (size_t i = 0; i < o->n; i++) {
		const struct oracle_job *j = oracle_job(o, i);
		if (!j->id[0])
			continue;
		known++;
		if (j->final && !j->gone && !lua_state_job(st, j->id)) { /* the others are counted already */
			ledger_add(o->ledger, LEDGER_LOST, 1);
			chaos_fail(o->run, "expected a record of job %s in Redis, there is none", j->id);
		}
	}
	if (st->job_count > known + o->loose) {
		ledger_add(o->ledger, LEDGER_DUPLICATE, st->job_count - known - o->loose);
		chaos_fail(o->run, "expected at most %zu jobs (%llu of them without an answer), came %zu",
			   known + (size_t)o->loose, (unsigned long long)o->loose, st->job_count);
	}
}

struct rest {
	struct oracle *o;
	struct rsync *link;
};

/* Jobs that nobody was promised may still run. */
static bool is_at_rest(void *arg)
{
	const struct rest *q = arg;
	struct errinfo info = { 0 };
	const struct rreply *r = rsync_words(q->link, &info, "HGET", WORLD_TAG ":st", "live", NULL);

	return r && rreply_int(r) == 0;
}

bool oracle_check_queue(struct oracle *o, struct world *w)
{
	struct rest rest = { o, world_link(w) };
	struct errinfo info = { 0 };
	struct lua_state st;
	const char *why;

	if (!wait_until(is_at_rest, &rest, READ_MS))
		chaos_fail(o->run, "expected no live job in the end, the queue counts some");
	if (lua_state_read(&st, rest.link, WORLD_TAG, &info) != 0) {
		(void)fprintf(stderr, "oracle: %s\n", info.text);
		abort();
	}
	why = lua_state_check(&st);
	if (why) {
		ledger_add(o->ledger, LEDGER_CORRUPT, 1);
		chaos_fail(o->run, "expected the invariants of the queue to hold: %s", why);
	}
	check_records(o, &st);
	lua_state_fini(&st);
	rsync_close(rest.link);
	return why == NULL;
}

bool oracle_settle(struct oracle *o, struct world *w, unsigned deadline_ms)
{
	uint64_t deadline_us = clock_mono_us() + deadline_ms * 1000ULL;
	bool one_web = world_count(w, WORLD_WEB) == 1;
	char why[200];

	for (size_t i = 0; i < o->n; i++)
		oracle_job(o, i)->confirmed = false; /* each is to be told again, now that all is over */
	deliver_keyed(o, w, deadline_us);
	read_everything(o, w, deadline_us, false);
	if (!one_web) /* with time of its own, so that one job that is late is the only one that is told of */
		read_everything(o, w, clock_mono_us() + deadline_ms * 1000ULL, true);
	account_all(o, one_web);
	account_marks(o, w);
	(void)oracle_check_queue(o, w);
	if (ledger_violated(o->ledger, why, sizeof why))
		chaos_fail(o->run, "%s", why);
	return !chaos_failed(o->run);
}
