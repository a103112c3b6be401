/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hints are stolen (row 10): reply lists and wake-up markers are deleted while clients wait for results. Whoever waits
 * must be answered all the same, at most a second later. On a fast network there is hardly a moment in which a hint
 * lies about; so the roles reach Redis over one that takes a while. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "client.h"
#include "clock.h"
#include "load.h"
#include "pause.h"
#include "probe.h"
#include "proxy.h"
#include "row_common.h"
#include "rows.h"

enum {
	DELAY_MS = 10,
	WAITERS = 4,
	EXTRA_MS = 1000,
	MACHINE_MS = 250,
	BEFORE = 40,
	SETTLE_MS = 60000,
	ANSWER_MS = 20000
};
#define WAIT_S 15.0

/* ---- the network ---- */

struct network {
	struct proxy *proxies[2 * WORLD_INSTANCES];
	unsigned count;
};

/* No role is started twice here: a proxy for each. */
static const char *route(void *arg, const char *redis_socket, enum world_role role, unsigned index)
{
	struct network *n = arg;
	struct proxy *p = proxy_start(redis_socket);

	(void)role;
	(void)index;
	if (n->count == sizeof n->proxies / sizeof *n->proxies)
		abort();
	n->proxies[n->count++] = p;
	proxy_delay(p, DELAY_MS);
	return proxy_url(p);
}

/* ---- the thief ---- */

struct thief {
	struct world *world;
	pthread_t thread;
	atomic_bool leaving;
	atomic_uint every_ms;
	unsigned long long rounds, stolen;
};

static void *steal(void *arg)
{
	static const char script[] = "local n = 0 for _, p in ipairs({'{jq:*}:r:*', '{jq:*}:mk'}) do "
				     "for _, k in ipairs(redis.call('keys', p)) do n = n + redis.call('del', k) end "
				     "end return n";
	struct thief *t = arg;
	struct rsync *link = world_link(t->world);

	while (!atomic_load(&t->leaving)) {
		t->stolen += (unsigned long long)rreply_int(probe_do(link, "EVAL", script, "0"));
		t->rounds++;
		pause_ms(atomic_load(&t->every_ms));
	}
	rsync_close(link);
	return NULL;
}

/* ---- those who wait ---- */

struct waiter {
	pthread_t thread;
	struct chaos_run *run;
	struct world *world;
	struct oracle *oracle;
	unsigned n;
	double *took_ms; /* of each */
};

/* A job that is done in no time, asked for in the same request. */
static double wait_once(const struct waiter *q, struct client *c, unsigned web)
{
	static const struct oracle_spec spec = { .body = "{\"op\":\"square\",\"args\":[12]}",
						 .result = "144",
						 .keyed = true };
	size_t job = oracle_submission(q->oracle, &spec);
	uint64_t before_us = clock_mono_us();
	long status = client_submit(c, web, &job, 1, WAIT_S, ANSWER_MS);
	double took_ms = (double)(clock_mono_us() - before_us) / 1000;

	if (status == 503)
		return -1; /* a busy machine: no answer about waiting */
	if (status != 200)
		chaos_fail(q->run, "expected the result within %.0f s of waiting, came status %ld after %.0f ms",
			   WAIT_S, status, took_ms);
	return took_ms;
}

static void *wait_often(void *arg)
{
	struct waiter *q = arg;
	struct client *c = client_new(q->world, q->oracle);

	for (unsigned i = 0; i < q->n && !chaos_failed(q->run);) {
		q->took_ms[i] = wait_once(q, c, i % world_count(q->world, WORLD_WEB));
		i += q->took_ms[i] >= 0;
	}
	client_free(c);
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* n of them, by four at once, sorted; the caller frees. */
static double *wait_many(struct chaos_run *r, struct world *w, struct oracle *o, unsigned n)
{
	struct waiter waiters[WAITERS];
	double *took_ms = calloc(n, sizeof *took_ms);
	unsigned first = 0;

	if (!took_ms)
		abort();
	for (unsigned i = 0; i < WAITERS; i++) {
		unsigned share = n / WAITERS + (i < n % WAITERS);
		waiters[i] =
		    (struct waiter){ .run = r, .world = w, .oracle = o, .n = share, .took_ms = took_ms + first };
		first += share;
		if (pthread_create(&waiters[i].thread, NULL, wait_often, &waiters[i]))
			abort();
	}
	for (unsigned i = 0; i < WAITERS; i++)
		(void)pthread_join(waiters[i].thread, NULL);
	qsort(took_ms, n, sizeof *took_ms, by_size);
	return took_ms;
}

/* Theft without a pause is not what is promised for: there all that counts is that everybody is answered. */
static void compare(struct chaos_run *r, const double *before, const double *during, unsigned n, bool promised)
{
	double median = before[BEFORE / 2], most = before[BEFORE - 1];

	for (unsigned i = 0; promised && i < n; i++)
		ledger_time(chaos_ledger(r), LEDGER_LATENCY, during[i]);
	if (promised && during[n - 1] > most + EXTRA_MS + MACHINE_MS)
		chaos_late(r,
			   "expected no result more than %d ms (and %d ms for a busy machine) later than without "
			   "the theft (%.0f ms), came %.0f ms",
			   EXTRA_MS, MACHINE_MS, most, during[n - 1]);
	chaos_note(r, "waiting for a result: without the theft median %.1f, max %.1f ms; with it %.1f, %.1f ms", median,
		   most, during[n / 2], during[n - 1]);
}

void row_redis_hints(struct chaos_run *r)
{
	const struct load_options options = { .rate = 300, .threads = 3, .computing = true };
	struct network network = { .count = 0 };
	struct world *w = world_start(r, &(struct world_options){ .route = route, .route_arg = &network });
	struct oracle *o = oracle_new(r);
	struct load *load = load_start(r, w, o, &options);
	struct thief thief = { .world = w, .every_ms = 100 };
	unsigned n = chaos_trials(r), half = n / 2;

	double *before = wait_many(r, w, o, BEFORE);
	if (pthread_create(&thief.thread, NULL, steal, &thief))
		abort();
	double *slow = wait_many(r, w, o, n - half);
	compare(r, before, slow, n - half, true);
	chaos_progress(r, n - half, n);
	if (!chaos_failed(r) && half) {
		atomic_store(&thief.every_ms, 1); /* and worse than promised */
		double *fast = wait_many(r, w, o, half);
		compare(r, before, fast, half, false);
		free(fast);
	}
	chaos_progress(r, n, n);
	load_stop(load);
	atomic_store(&thief.leaving, true);
	(void)pthread_join(thief.thread, NULL);
	ledger_add(chaos_ledger(r), LEDGER_FAULTS, thief.stolen);
	chaos_note(r, "%llu hints stolen in %llu rounds, one half every 100 ms, the other all the time", thief.stolen,
		   thief.rounds);
	if (thief.stolen == 0)
		chaos_fail(r, "expected some hints to be there to be stolen, there was none in %llu rounds",
			   thief.rounds);
	for (unsigned i = 0; i < network.count; i++)
		proxy_heal(network.proxies[i]);
	(void)oracle_settle(o, w, SETTLE_MS);
	free(before);
	free(slow);
	world_stop(w);
	oracle_free(o);
	for (unsigned i = 0; i < network.count; i++)
		proxy_stop(network.proxies[i]);
}
