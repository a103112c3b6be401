/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows 4 and 5: Redis is killed under load, is away for a while, reads its data. */
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "chaos.h"
#include "client.h"
#include "clock.h"
#include "load.h"
#include "oracle.h"
#include "pause.h"
#include "row_common.h"
#include "rows.h"
#include "wait_until.h"
#include "world.h"

enum { EPOCH = 50, RESUME_MS = 2000, PATIENCE_MS = 20000, SETTLE_MS = 60000, ANSWER_MS = 250, ANSWER_MORE_MS = 750 };

struct service {
	struct chaos_run *r;
	struct world *w;
	struct oracle *o;
};

static bool has_resumed(void *arg)
{
	const struct service *s = arg;

	return oracle_resumed(s->o, s->w);
}

static void await_resumption(struct service *s)
{
	if (!wait_until(has_resumed, s, PATIENCE_MS))
		chaos_fail(s->r, "expected every web role and worker to resume within %d s of Redis being back",
			   PATIENCE_MS / 1000);
}

static void expect_no_restart(struct service *s)
{
	for (int role = WORLD_WEB; role <= WORLD_WORKER; role++)
		for (unsigned i = 0; i < world_count(s->w, role); i++)
			if (world_starts(s->w, role, i) != 1)
				chaos_fail(s->r, "expected %s to run all the time, it was started %u times",
					   world_instance(role, i), world_starts(s->w, role, i));
}

static void finish(struct service *s)
{
	(void)oracle_settle(s->o, s->w, SETTLE_MS);
	expect_no_restart(s);
	world_stop(s->w);
	oracle_free(s->o);
}

/* ---- row 4: kill -9, for both ways of writing the log ---- */

static double kill_some(struct chaos_run *r, const char *appendfsync, unsigned done, unsigned n)
{
	struct service s = { r, world_start(r, &(struct world_options){ .appendfsync = appendfsync }), oracle_new(r) };
	struct load *load = load_start(r, s.w, s.o, &(struct load_options){ .rate = ROW_RATE, .computing = true });
	struct redis_private *redis = world_redis(s.w);

	oracle_mark(s.o, clock_wall_us());
	await_resumption(&s);
	for (unsigned i = 0; i < n && !chaos_failed(r); i++) {
		pause_ms(50 + (unsigned)chaos_below(r, 500));
		if (strcmp(appendfsync, "everysec") == 0)
			oracle_redis_dies(s.o);
		redis_private_kill(redis);
		pause_ms((unsigned)chaos_below(r, 300));
		redis_private_restart(redis);
		oracle_mark(s.o, clock_wall_us());
		ledger_add(chaos_ledger(r), LEDGER_FAULTS, 1);
		await_resumption(&s);
		chaos_progress(r, done + i + 1, 2 * chaos_trials(r));
	}
	double rate = load_rate(load);
	load_stop(load);
	finish(&s);
	return rate;
}

void row_kill_redis(struct chaos_run *r)
{
	static const char *const ways[] = { "everysec", "always" };
	unsigned all = chaos_trials(r), done = 0;

	for (int way = 0; way < 2; way++) {
		uint64_t lost = ledger_get(chaos_ledger(r), LEDGER_LOST);
		double rate = 0;
		for (unsigned of_way = 0; of_way < all && !chaos_failed(r); of_way += EPOCH) {
			unsigned n = all - of_way < EPOCH ? all - of_way : EPOCH;
			rate = kill_some(r, ways[way], done, n);
			done += n;
		}
		chaos_note(
		    r,
		    "appendfsync %s: %llu acknowledged jobs lost; %.0f jobs per second acknowledged, outages included",
		    ways[way], (unsigned long long)(ledger_get(chaos_ledger(r), LEDGER_LOST) - lost), rate);
	}
	row_expect_p99(r, LEDGER_RESUME, RESUME_MS);
}

/* ---- row 5: away for a while ---- */

struct prober {
	struct service *s;
	unsigned web;
	atomic_bool stopping;
	atomic_uint refused;
	pthread_t thread;
};

static void judge_probe(struct prober *p, struct client *c, size_t job, double ms, long status)
{
	const char *later = status == 503 ? client_header(c, "Retry-After") : NULL;

	if (status == 0)
		chaos_fail(p->s->r, "expected an answer of web role %u while Redis is away, none came", p->web);
	else if (status == 503 && (!later || later[0] < '1' || later[0] > '9'))
		chaos_fail(p->s->r, "expected Retry-After with a 503, came \"%s\"", later ? later : "");
	else if (status == 503)
		ledger_time(chaos_ledger(p->s->r), LEDGER_LATENCY, ms);
	(void)job;
	atomic_fetch_add(&p->refused, status == 503);
}

/* Submits all the time, as a client without patience. */
static void *probe(void *arg)
{
	struct prober *p = arg;
	struct client *c = client_new(p->s->w, p->s->o);

	while (!atomic_load(&p->stopping)) {
		size_t job = load_draw(p->s->r, p->s->o, false, true);
		uint64_t from_us = clock_mono_us();
		long status = client_submit(c, p->web, &job, 1, 0, SETTLE_MS);
		judge_probe(p, c, job, (double)(clock_mono_us() - from_us) / 1000, status);
		pause_ms(10);
	}
	client_free(c);
	return NULL;
}

/* Shut down in an orderly way, gone for away_ms, started again; slowly: with so much to read that it says LOADING. */
static void go_away(struct service *s, unsigned away_ms)
{
	struct redis_private *redis = world_redis(s->w);
	pid_t pid = redis_private_pid(redis);

	(void)kill(pid, SIGTERM);
	pause_ms(away_ms);
	redis_private_restart(redis);
	oracle_mark(s->o, clock_wall_us());
	ledger_add(chaos_ledger(s->r), LEDGER_FAULTS, 1);
}

static void one_absence(struct service *s, unsigned away_ms)
{
	struct prober probers[WORLD_INSTANCES];
	unsigned webs = world_count(s->w, WORLD_WEB);

	for (unsigned i = 0; i < webs; i++) {
		probers[i].s = s;
		probers[i].web = i;
		atomic_init(&probers[i].stopping, false);
		atomic_init(&probers[i].refused, 0);
		if (pthread_create(&probers[i].thread, NULL, probe, &probers[i]) != 0)
			abort();
	}
	pause_ms(200);
	go_away(s, away_ms);
	await_resumption(s);
	for (unsigned i = 0; i < webs; i++) {
		atomic_store(&probers[i].stopping, true);
		(void)pthread_join(probers[i].thread, NULL);
		if (away_ms >= 1000 && atomic_load(&probers[i].refused) == 0)
			chaos_fail(s->r, "expected web role %u to refuse while Redis is away, it never did", i);
	}
}

void row_kill_redis_away(struct chaos_run *r)
{
	static const unsigned away_ms[] = { 100, 300, 1000, 2000, 3000, 12000, 1000 };
	static const unsigned away_long_ms[] = { 100, 500, 2000, 5000, 9000, 11000, 15000, 30000, 60000, 120000 };
	/* every record that Redis reads takes it so long: it answers LOADING for seconds */
	static const char *const slowly[] = { "--key-load-delay", "15", "--loading-process-events-interval-bytes",
					      "1024", NULL };
	struct service s = { r, world_start(r, &(struct world_options){ .redis = slowly }), oracle_new(r) };
	struct load *load = load_start(r, s.w, s.o, &(struct load_options){ .rate = 500, .computing = true });
	const struct ledger *l = chaos_ledger(r);
	unsigned n = chaos_trials(r), limit_ms = ANSWER_MS + ANSWER_MORE_MS;

	for (unsigned i = 0; i < n && !chaos_failed(r); i++) {
		one_absence(&s, chaos_long(r) ? away_long_ms[i % 10] : away_ms[i % 7]);
		chaos_progress(r, i + 1, n);
	}
	load_stop(load);
	finish(&s);
	if (ledger_get(l, LEDGER_RERUN) * 100 > ledger_get(l, LEDGER_ACKNOWLEDGED))
		chaos_fail(r, "expected at most 1 %% of the jobs to be run again, came %llu of %llu",
			   (unsigned long long)ledger_get(l, LEDGER_RERUN),
			   (unsigned long long)ledger_get(l, LEDGER_ACKNOWLEDGED));
	chaos_note(r, "503 within: promised %d ms, judged at %u ms because of the machine's own load", ANSWER_MS,
		   limit_ms);
	row_expect_p99(r, LEDGER_LATENCY, limit_ms);
	row_expect_p99(r, LEDGER_RESUME, RESUME_MS);
}
