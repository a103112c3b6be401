/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows 1 and 14: workers and web roles are killed, or asked to go, under load. */
#include <jansson.h>
#include <stdio.h>
#include <time.h>

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

enum { WORKERS = 5, DEAD_MAX = 3, EPOCH = 50, LEASE_MS = 20000, SETTLE_MS = 60000 };

/* ---- row 1: kill -9 of workers ----
 *
 * A third of the victims stays dead until its leases have run out and its jobs have been taken over; the others are
 * started again at once, as a supervisor does, and then the new process gives the jobs of its predecessor back. */

struct killing {
	struct chaos_run *r;
	struct world *w;
	struct oracle *o;
	struct rsync *link;
	bool dead[WORKERS];
	unsigned dead_count;
};

static bool has_leases(struct killing *k, unsigned worker)
{
	static const char script[] = "local n, own = 0, ARGV[1] .. '.' "
				     "for _, b in ipairs(redis.call('zrange', '" WORLD_TAG ":lease', 0, -1)) do "
				     "if string.sub(b, 1, #own) == own then n = n + 1 end end return n";
	struct errinfo info = { 0 };

	return rreply_int(
		   rsync_words(k->link, &info, "EVAL", script, "0", world_instance(WORLD_WORKER, worker), NULL)) > 0;
}

static void revive_recovered(struct killing *k)
{
	for (unsigned i = 0; i < WORKERS; i++)
		if (k->dead[i] && !has_leases(k, i)) {
			k->dead[i] = false;
			k->dead_count--;
			world_revive(k->w, WORLD_WORKER, i);
		}
}

static bool some_may_die(void *arg)
{
	struct killing *k = arg;

	revive_recovered(k);
	return k->dead_count < DEAD_MAX;
}

static bool none_is_dead(void *arg)
{
	struct killing *k = arg;

	revive_recovered(k);
	return k->dead_count == 0;
}

static void kill_one(struct killing *k)
{
	unsigned victim = (unsigned)chaos_below(k->r, WORKERS);
	bool stays = chaos_below(k->r, 3) == 0;

	while (k->dead[victim])
		victim = (victim + 1) % WORKERS;
	uint64_t at_us = world_kill(k->w, WORLD_WORKER, victim);
	(void)oracle_orphans(k->o, k->link, world_instance(WORLD_WORKER, victim), at_us,
			     stays ? LEDGER_BY_LEASE : LEDGER_BY_RESTART);
	ledger_add(chaos_ledger(k->r), LEDGER_FAULTS, 1);
	if (stays) {
		k->dead[victim] = true;
		k->dead_count++;
	} else {
		world_revive(k->w, WORLD_WORKER, victim);
	}
}

/* Returns the load's rate. */
static double kill_some(struct chaos_run *r, unsigned done, unsigned n)
{
	static const struct world_options five = { .workers = WORKERS, .by_hand = true };
	struct killing k = { .r = r, .w = world_start(r, &five), .o = oracle_new(r) };
	struct load *load = load_start(r, k.w, k.o, &(struct load_options){ .rate = ROW_RATE, .computing = true });

	k.link = world_link(k.w);
	for (unsigned i = 0; i < n && !chaos_failed(r); i++) {
		pause_ms(100 + (unsigned)chaos_below(r, 400));
		if (!wait_until(some_may_die, &k, LEASE_MS))
			chaos_fail(r, "expected the jobs of a dead worker to be taken over within %d s",
				   LEASE_MS / 1000);
		kill_one(&k);
		chaos_progress(r, done + i + 1, chaos_trials(r));
	}
	if (!wait_until(none_is_dead, &k, LEASE_MS))
		chaos_fail(r, "expected the jobs of a dead worker to be taken over within %d s", LEASE_MS / 1000);
	double rate = load_rate(load);
	load_stop(load);
	(void)oracle_settle(k.o, k.w, SETTLE_MS);
	rsync_close(k.link);
	world_stop(k.w);
	oracle_free(k.o);
	return rate;
}

void row_kill_worker(struct chaos_run *r)
{
	unsigned all = chaos_trials(r);
	double rates = 0;

	for (unsigned done = 0; done < all && !chaos_failed(r); done += EPOCH) {
		unsigned n = all - done < EPOCH ? all - done : EPOCH;
		rates += kill_some(r, done, n) * n;
	}
	chaos_note(r, "load: %.0f jobs per second acknowledged, %d workers, up to %d of them dead", rates / all,
		   WORKERS, DEAD_MAX);
	row_expect_p99(r, LEDGER_BY_LEASE, ROW_LEASE_MS);
	row_expect_p99(r, LEDGER_BY_RESTART, ROW_LEASE_MS);
}

/* ---- row 14: SIGTERM ---- */

enum { DRAIN_MS = 3000, DRAIN_MORE_MS = 1000, LONG_JOBS = 6 };

/* Jobs that no drain waits for: they go back, and are not charged. */
static void submit_long(struct chaos_run *r, struct oracle *o, struct client *c)
{
	static const struct oracle_spec spec = { .body = "{\"op\":\"sleep\",\"args\":[6000],\"max_attempts\":2}",
						 .result = "6000",
						 .keyed = true,
						 .lengthy = true };

	for (int i = 0; i < LONG_JOBS; i++)
		if (!client_deliver(c, 0, oracle_submission(o, &spec), SETTLE_MS))
			chaos_fail(r, "expected a long job to be acknowledged");
}

static void ask_to_leave(struct chaos_run *r, struct world *w, struct oracle *o, struct rsync *link, unsigned trial)
{
	enum world_role role = trial % 3 == 2 ? WORLD_WEB : WORLD_WORKER;
	unsigned index = (unsigned)chaos_below(r, world_count(w, role));
	uint64_t at_us = clock_wall_us();
	int status;

	if (role == WORLD_WORKER)
		(void)oracle_orphans(o, link, world_instance(role, index), at_us, LEDGER_BY_EXIT);
	status = world_term(w, role, index, SETTLE_MS);
	unsigned took_ms = (unsigned)((clock_wall_us() - at_us) / 1000);
	ledger_add(chaos_ledger(r), LEDGER_FAULTS, 1);
	if (status != 0)
		chaos_fail(r, "expected %s to exit with 0, it was %d", world_instance(role, index), status);
	if (took_ms > DRAIN_MS + DRAIN_MORE_MS)
		chaos_late(r, "expected %s to exit within its drain time of %d ms, it took %u ms",
			   world_instance(role, index), DRAIN_MS, took_ms);
	world_revive(w, role, index);
}

void row_kill_term(struct chaos_run *r)
{
	static const char *const drain[] = { "SQUARE_DRAIN_SECONDS=3", NULL };
	static const struct world_options options = { .web = drain, .worker = drain, .by_hand = true };
	struct world *w = world_start(r, &options);
	struct oracle *o = oracle_new(r);
	struct client *c = client_new(w, o);
	struct rsync *link = world_link(w);
	struct load *load = load_start(r, w, o, &(struct load_options){ .rate = 500, .computing = true });
	unsigned n = chaos_trials(r);

	for (unsigned i = 0; i < n && !chaos_failed(r); i++) {
		if (i % 5 == 3)
			submit_long(r, o, c);
		pause_ms(50 + (unsigned)chaos_below(r, 300));
		ask_to_leave(r, w, o, link, i);
		if (!world_wait_ready(w, SETTLE_MS))
			chaos_fail(r, "expected everybody to be ready again within a minute");
		chaos_progress(r, i + 1, n);
	}
	load_stop(load);
	(void)oracle_settle(o, w, SETTLE_MS);
	if (ledger_get(chaos_ledger(r), LEDGER_RERUN) > 0)
		chaos_fail(r, "expected nothing to be charged, %llu jobs count more than one attempt",
			   (unsigned long long)ledger_get(chaos_ledger(r), LEDGER_RERUN));
	row_expect_p99(r, LEDGER_BY_EXIT, 1000);
	rsync_close(link);
	client_free(c);
	world_stop(w);
	oracle_free(o);
}
