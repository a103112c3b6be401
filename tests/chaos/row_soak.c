/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Row 18: everything mixed, for a while. One web role and one worker, the witnesses, live through all of it: their
 * memory and descriptors are the same in the end. */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "chaos.h"
#include "client.h"
#include "clock.h"
#include "load.h"
#include "oracle.h"
#include "pause.h"
#include "proxy.h"
#include "row_common.h"
#include "rows.h"
#include "sanitized.h"
#include "wait_until.h"
#include "world.h"

enum {
	WEBS = 3,
	WORKERS = 4,
	RATE = 400,
	RATE_LONG = 150, /* what is not final in the end is read in the end: 20 minutes of it */
	WARM_UP_MS = 3000,
	SETTLE_MS = 90000,
	SETTLE_LONG_MS = 900000,
	FILES_MORE = 6,
	MEMORY_MORE_KIB = 16 * 1024,
	HEAL_MS = 20000
};

struct soak {
	struct chaos_run *r;
	struct world *w;
	struct oracle *o;
	struct rsync *link; /* to Redis; opened anew when it was killed */
	struct proxy *proxy;
};

static const char *route(void *arg, const char *redis_socket, enum world_role role, unsigned index)
{
	struct soak *s = arg;

	(void)role;
	(void)index;
	if (!s->proxy)
		s->proxy = proxy_start(redis_socket);
	return proxy_url(s->proxy);
}

/* Anybody but the witness. */
static unsigned victim_of(struct soak *s, enum world_role role)
{
	return 1 + (unsigned)chaos_below(s->r, world_count(s->w, role) - 1);
}

/* ---- the faults ---- */

static void kill_worker(struct soak *s)
{
	unsigned i = victim_of(s, WORLD_WORKER);
	uint64_t at_us = world_kill(s->w, WORLD_WORKER, i);

	(void)oracle_orphans(s->o, s->link, world_instance(WORLD_WORKER, i), at_us, LEDGER_BY_RESTART);
	world_revive(s->w, WORLD_WORKER, i);
}

static void kill_web(struct soak *s)
{
	unsigned i = victim_of(s, WORLD_WEB);

	(void)world_kill(s->w, WORLD_WEB, i);
	world_revive(s->w, WORLD_WEB, i);
}

static void term(struct soak *s, enum world_role role)
{
	unsigned i = victim_of(s, role);
	uint64_t at_us = clock_wall_us();

	if (role == WORLD_WORKER)
		(void)oracle_orphans(s->o, s->link, world_instance(role, i), at_us, LEDGER_BY_EXIT);
	int status = world_term(s->w, role, i, HEAL_MS);
	if (status != 0)
		chaos_fail(s->r, "expected %s to exit with 0 after SIGTERM, it was %d", world_instance(role, i),
			   status);
	world_revive(s->w, role, i);
}

static void term_worker(struct soak *s)
{
	term(s, WORLD_WORKER);
}

static void term_web(struct soak *s)
{
	term(s, WORLD_WEB);
}

static void kill_redis(struct soak *s)
{
	oracle_redis_dies(s->o);
	redis_private_kill(world_redis(s->w));
	pause_ms((unsigned)chaos_below(s->r, 300));
	redis_private_restart(world_redis(s->w));
	rsync_close(s->link);
	s->link = world_link(s->w);
}

static void stop_redis(struct soak *s)
{
	pid_t pid = redis_private_pid(world_redis(s->w));

	(void)kill(pid, SIGSTOP);
	pause_ms(100 + (unsigned)chaos_below(s->r, 1000));
	(void)kill(pid, SIGCONT);
}

static void stop_worker(struct soak *s)
{
	unsigned i = victim_of(s, WORLD_WORKER);

	world_signal(s->w, WORLD_WORKER, i, SIGSTOP);
	pause_ms(100 + (unsigned)chaos_below(s->r, 1500)); /* within its lease */
	world_signal(s->w, WORLD_WORKER, i, SIGCONT);
}

static void stop_web(struct soak *s)
{
	unsigned i = victim_of(s, WORLD_WEB);

	world_signal(s->w, WORLD_WEB, i, SIGSTOP);
	pause_ms(100 + (unsigned)chaos_below(s->r, 1000));
	world_signal(s->w, WORLD_WEB, i, SIGCONT);
}

static void delete_hints(struct soak *s)
{
	static const char script[] = "for _, p in ipairs({'{jq:*}:r:*', '{jq:*}:mk'}) do "
				     "for _, k in ipairs(redis.call('keys', p)) do redis.call('del', k) end end";
	struct errinfo info = { 0 };

	(void)rsync_words(s->link, &info, "EVAL", script, "0", NULL);
}

static void cut_links(struct soak *s)
{
	proxy_cut_all(s->proxy, chaos_below(s->r, 2) ? PROXY_RESET : PROXY_CLOSE);
}

static void slow_links(struct soak *s)
{
	proxy_delay(s->proxy, 5 + (unsigned)chaos_below(s->r, 40));
	pause_ms(300);
	proxy_delay(s->proxy, 0);
}

static void swallow(struct soak *s)
{
	proxy_black_hole(s->proxy);
	pause_ms(100 + (unsigned)chaos_below(s->r, 1000));
	proxy_heal(s->proxy);
}

static void (*const faults[])(struct soak *s) = { kill_worker,  kill_web,   term_worker, term_web,
						  kill_redis,   stop_redis, stop_worker, stop_web,
						  delete_hints, cut_links,  slow_links,  swallow };
enum { FAULTS = sizeof faults / sizeof *faults };

/* ---- the witnesses ---- */

struct size {
	unsigned files[2];
	long kib[2];
};

static struct size measure(struct soak *s)
{
	struct size size;

	for (int role = WORLD_WEB; role <= WORLD_WORKER; role++) {
		size.files[role] = world_files(s->w, role, 0);
		size.kib[role] = world_kib(s->w, role, 0);
	}
	return size;
}

struct flat {
	struct soak *s;
	struct size before;
};

static bool are_files_flat(void *arg)
{
	const struct flat *f = arg;
	struct size now = measure(f->s);

	return now.files[WORLD_WEB] <= f->before.files[WORLD_WEB] + FILES_MORE &&
	       now.files[WORLD_WORKER] <= f->before.files[WORLD_WORKER] + FILES_MORE;
}

static void expect_flat(struct soak *s, const struct size *before)
{
	struct flat flat = { s, *before };
	bool same = wait_until(are_files_flat, &flat, HEAL_MS);
	struct size now = measure(s);

	for (int role = WORLD_WEB; role <= WORLD_WORKER; role++) {
		const char *name = world_instance(role, 0);
		chaos_note(s->r, "%s: %u descriptors before, %u after; %ld KiB before, %ld KiB after", name,
			   before->files[role], now.files[role], before->kib[role], now.kib[role]);
		if (!SANITIZED && now.kib[role] > before->kib[role] + MEMORY_MORE_KIB)
			chaos_fail(s->r, "expected the memory of %s to stay at %ld KiB, it grew to %ld KiB", name,
				   before->kib[role], now.kib[role]);
		if (world_starts(s->w, role, 0) != 1)
			chaos_fail(s->r, "expected %s to run all the time, it was started %u times", name,
				   world_starts(s->w, role, 0));
	}
	if (!same)
		chaos_fail(s->r, "expected at most %d descriptors more than before, see the figures below", FILES_MORE);
}

/* ---- the row ---- */

static struct load *load_of(struct soak *s)
{
	return load_start(s->r, s->w, s->o,
			  &(struct load_options){ .rate = chaos_long(s->r) ? RATE_LONG : RATE, .computing = true });
}

static struct size warm_up(struct soak *s)
{
	struct load *load = load_of(s);

	pause_ms(WARM_UP_MS);
	load_stop(load);
	return measure(s);
}

/* Each fault comes once before any of them comes twice. */
static void make_faults(struct soak *s)
{
	unsigned order[FAULTS], n = chaos_trials(s->r);

	for (unsigned i = 0; i < n && !chaos_failed(s->r); i++) {
		for (unsigned k = 0; i % FAULTS == 0 && k < FAULTS; k++) {
			unsigned other = (unsigned)chaos_below(s->r, k + 1);
			order[k] = order[other];
			order[other] = k;
		}
		faults[order[i % FAULTS]](s);
		ledger_add(chaos_ledger(s->r), LEDGER_FAULTS, 1);
		pause_ms(100 + (unsigned)chaos_below(s->r, 800));
		chaos_progress(s->r, i + 1, n);
	}
}

void row_soak(struct chaos_run *r)
{
	struct soak s = { .r = r };

	s.w = world_start(r, &(struct world_options){
				 .webs = WEBS, .workers = WORKERS, .by_hand = true, .route = route, .route_arg = &s });
	s.o = oracle_new(r);
	s.link = world_link(s.w);
	struct size before = warm_up(&s);
	struct load *load = load_of(&s);
	make_faults(&s);
	if (!world_wait_ready(s.w, HEAL_MS))
		chaos_fail(r, "expected everybody to be ready again within %d s", HEAL_MS / 1000);
	chaos_note(r, "load: %.0f jobs per second acknowledged, outages included", load_rate(load));
	load_stop(load);
	(void)oracle_settle(s.o, s.w, chaos_long(r) ? SETTLE_LONG_MS : SETTLE_MS);
	expect_flat(&s, &before);
	rsync_close(s.link);
	world_stop(s.w);
	proxy_stop(s.proxy);
	oracle_free(s.o);
}
