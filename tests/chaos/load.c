/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "load.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "clock.h"
#include "ledger.h"
#include "pause.h"

enum {
	THREADS_MAX = 32,
	ARRAY_MAX = 24,    /* jobs of one request */
	RECENT = 64,       /* jobs of a thread that it may read */
	REFUSED_MS = 20,   /* before the next request after a refusal */
	BEHIND_US = 500000 /* what a thread catches up with, at most */
};
#define WAIT_S 0.2

struct load_thread {
	struct load *load;
	pthread_t thread;
	unsigned web; /* the next request's */
	struct client *client;
	size_t again[ARRAY_MAX], again_count; /* refused or unknown; nothing new is drawn before they are in */
	size_t recent[RECENT], recent_count;
};

struct load {
	struct chaos_run *run;
	struct world *world;
	struct oracle *oracle;
	struct load_options options;
	uint64_t started_us, acknowledged;
	atomic_bool stopping;
	struct load_thread threads[THREADS_MAX];
};

/* ---- jobs with known answers ---- */

struct draw {
	char args[200], result[60];
	const char *op;
};

static void draw_quick(struct chaos_run *r, struct draw *d)
{
	unsigned kind = (unsigned)chaos_below(r, 20);
	long long a = (long long)chaos_below(r, 1000000), b = (long long)chaos_below(r, 1000000) - 500000;

	d->op = kind < 8 ? "square" : kind < 14 ? "add" : kind < 17 ? "sleep" : "echo";
	if (kind < 8) {
		(void)snprintf(d->args, sizeof d->args, "%lld", a);
		(void)snprintf(d->result, sizeof d->result, "%lld", a * a);
	} else if (kind < 14) {
		(void)snprintf(d->args, sizeof d->args, "%lld,%lld", a, b);
		(void)snprintf(d->result, sizeof d->result, "%lld", a + b);
	} else if (kind < 17) {
		long long ms = kind < 16 ? 5 + a % 46 : 100 + a % 300; /* so that some are always in hand */
		(void)snprintf(d->args, sizeof d->args, "%lld", ms);
		(void)snprintf(d->result, sizeof d->result, "%lld", ms);
	} else {
		(void)snprintf(d->args, sizeof d->args, "[%lld,\"x\"]", b);
		(void)snprintf(d->result, sizeof d->result, "[%lld,\"x\"]", b);
	}
}

static void draw_computed(struct chaos_run *r, struct draw *d)
{
	static const struct {
		const char *n, *prime;
	} numbers[] = { { "7919", "true" }, { "561", "false" }, { "1000003", "true" }, { "1000001", "false" } };
	unsigned kind = (unsigned)chaos_below(r, 3);
	long long a = (long long)chaos_below(r, 10000), b = (long long)chaos_below(r, 10000), product = 1;

	d->op = kind == 0 ? "is_prime" : kind == 1 ? "factorial" : "evaluate";
	if (kind == 0) {
		(void)snprintf(d->args, sizeof d->args, "%s", numbers[a % 4].n);
		(void)snprintf(d->result, sizeof d->result, "%s", numbers[a % 4].prime);
	} else if (kind == 1) {
		for (long long i = 2; i <= a % 19; i++)
			product *= i;
		(void)snprintf(d->args, sizeof d->args, "%lld", a % 19);
		(void)snprintf(d->result, sizeof d->result, "%lld", product);
	} else {
		(void)snprintf(d->args, sizeof d->args, "\"%lld*%lld+(%lld-1)^2\"", a, b, a);
		(void)snprintf(d->result, sizeof d->result, "%lld", a * b + (a - 1) * (a - 1));
	}
}

size_t load_draw(struct chaos_run *r, struct oracle *o, bool computing, bool keyed)
{
	static const char *const wishes[] = { ",\"priority\":\"high\"", ",\"priority\":\"low\"" };
	struct oracle_spec spec = { .end = ORACLE_SUCCEEDS, .keyed = keyed };
	char body[400], delay[40] = "";
	struct draw d;
	uint64_t dice = chaos_below(r, 100);

	if (computing)
		draw_computed(r, &d);
	else
		draw_quick(r, &d);
	if (dice < 5)
		(void)snprintf(delay, sizeof delay, ",\"delay_ms\":%u", 1 + (unsigned)chaos_below(r, 300));
	/* so many attempts that only a promise which is broken can end a job otherwise than it must */
	(void)snprintf(body, sizeof body, "{\"op\":\"%s\",\"args\":[%s],\"max_attempts\":100%s%s}", d.op, d.args,
		       dice >= 90 ? wishes[dice % 2] : "", delay);
	spec.body = body;
	spec.result = d.result;
	return oracle_submission(o, &spec);
}

/* ---- a thread ---- */

static size_t draw_some(struct load_thread *t, size_t jobs[ARRAY_MAX])
{
	struct load *l = t->load;
	size_t n = 1;

	if (chaos_below(l->run, 5) < 2)
		n = 8 + (size_t)chaos_below(l->run, ARRAY_MAX - 8 + 1);
	for (size_t i = 0; i < n; i++) {
		bool computing = l->options.computing && chaos_below(l->run, 50) == 0;
		bool keyed = chaos_below(l->run, 100) < l->options.keyed_percent;
		jobs[i] = load_draw(l->run, l->oracle, computing, keyed);
	}
	return n;
}

static void keep(struct load_thread *t, const size_t *jobs, size_t n, long status)
{
	for (size_t i = 0; i < n; i++) {
		bool there = oracle_id(t->load->oracle, jobs[i])[0] != '\0';
		bool again = !there && (status != 0 || oracle_key(t->load->oracle, jobs[i])[0]);
		if (there)
			t->recent[t->recent_count++ % RECENT] = jobs[i];
		else if (again)
			t->again[t->again_count++] = jobs[i];
	}
}

/* Returns how many jobs are new. */
static size_t submit_some(struct load_thread *t)
{
	size_t jobs[ARRAY_MAX], n, old = t->again_count;
	struct load *l = t->load;
	double wait_s = 0;
	long status;

	if (old) {
		n = old;
		t->again_count = 0;
		memcpy(jobs, t->again, n * sizeof *jobs);
	} else {
		n = draw_some(t, jobs);
	}
	if (n == 1 && chaos_below(l->run, 3) == 0)
		wait_s = WAIT_S;
	status = client_submit(t->client, t->web, jobs, n, wait_s, l->options.request_ms);
	t->web = (t->web + 1) % world_count(l->world, WORLD_WEB);
	keep(t, jobs, n, status);
	if (status != 200 && status != 202)
		pause_ms(REFUSED_MS);
	return old ? 0 : n;
}

static void read_some(struct load_thread *t)
{
	size_t kept = t->recent_count < RECENT ? t->recent_count : RECENT;
	bool final;

	if (kept)
		(void)client_read(t->client, t->web, t->recent[chaos_below(t->load->run, kept)], 0,
				  t->load->options.request_ms, &final);
}

static void *submit_steadily(void *arg)
{
	struct load_thread *t = arg;
	struct load *l = t->load;
	uint64_t interval_us = 1000000ULL * l->options.threads / l->options.rate, due_us = clock_mono_us();

	t->client = client_new(l->world, l->oracle);
	while (!atomic_load(&l->stopping)) {
		uint64_t now_us = clock_mono_us();
		if (now_us < due_us) {
			pause_us(due_us - now_us);
			continue;
		}
		if (now_us - due_us > BEHIND_US)
			due_us = now_us - BEHIND_US;
		due_us += submit_some(t) * interval_us;
		read_some(t);
	}
	client_free(t->client);
	return NULL;
}

/* ---- all of them ---- */

struct load *load_start(struct chaos_run *r, struct world *w, struct oracle *o, const struct load_options *options)
{
	struct load *l = calloc(1, sizeof *l);

	if (!l)
		abort();
	l->run = r;
	l->world = w;
	l->oracle = o;
	l->options = *options;
	l->options.threads = options->threads ? options->threads : 4;
	l->options.rate = options->rate ? options->rate : 1000;
	l->options.keyed_percent = options->keyed_percent ? options->keyed_percent : 50;
	l->options.request_ms = options->request_ms ? options->request_ms : 5000;
	l->started_us = clock_mono_us();
	l->acknowledged = ledger_get(chaos_ledger(r), LEDGER_ACKNOWLEDGED);
	if (l->options.threads > THREADS_MAX)
		l->options.threads = THREADS_MAX;
	for (unsigned i = 0; i < l->options.threads; i++) {
		struct load_thread *t = &l->threads[i];
		t->load = l;
		t->web = i % world_count(w, WORLD_WEB);
		if (pthread_create(&t->thread, NULL, submit_steadily, t) != 0) {
			perror("load: pthread_create");
			abort();
		}
	}
	return l;
}

double load_rate(const struct load *l)
{
	uint64_t us = clock_mono_us() - l->started_us, n = ledger_get(chaos_ledger(l->run), LEDGER_ACKNOWLEDGED);

	return us ? (double)(n - l->acknowledged) * 1e6 / (double)us : 0;
}

void load_stop(struct load *l)
{
	atomic_store(&l->stopping, true);
	for (unsigned i = 0; i < l->options.threads; i++)
		(void)pthread_join(l->threads[i].thread, NULL);
	free(l);
}
