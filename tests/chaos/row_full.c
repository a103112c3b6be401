/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A Redis that takes nothing more (row 9): its disk is full, its memory is full, it has become a replica. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "clock.h"
#include "load.h"
#include "probe.h"
#include "rows.h"
#include "small_disk.h"
#include "wait_until.h"

enum { WAIT_MS = 30000, HOLD_MS = 2000, SETTLE_MS = 60000, BACKLOG = 60 };

struct full {
	struct probe probe;
	struct rsync *link;
	struct load *load;
};

struct kind {
	const char *name;
	void (*begin)(struct full *f);
	void (*meanwhile)(struct full *f); /* while everything is refused; may be NULL */
	void (*end)(struct full *f);
};

static struct redis_private *redis_of(struct full *f)
{
	return world_redis(f->probe.world);
}

static void disk_begin(struct full *f)
{
	small_disk_fill(redis_of(f));
}

static void disk_end(struct full *f)
{
	small_disk_empty(redis_of(f));
}

/* Jobs that wait when the memory is full. */
static void add_backlog(struct full *f)
{
	const struct oracle_spec spec = { .body = "{\"op\":\"sleep\",\"args\":[400]}", .keyed = true };
	struct client *c = client_new(f->probe.world, f->probe.oracle);

	for (unsigned i = 0; i < BACKLOG; i++) {
		size_t job = oracle_submission(f->probe.oracle, &spec);
		if (!client_deliver(c, i % world_count(f->probe.world, WORLD_WEB), job, WAIT_MS))
			chaos_fail(f->probe.run, "expected job %u of the backlog to be acknowledged", i);
	}
	client_free(c);
}

static void memory_begin(struct full *f)
{
	add_backlog(f);
	(void)probe_do(f->link, "CONFIG", "SET", "maxmemory", "1mb");
}

static bool is_drained(void *arg)
{
	return probe_live(((struct full *)arg)->link) == 0;
}

/* What was accepted is done though there is no memory: that frees it. */
static void memory_drains(struct full *f)
{
	long long live = probe_live(f->link);

	if (live < BACKLOG / 4)
		chaos_fail(f->probe.run, "expected a backlog when the memory is full, %lld jobs are live", live);
	if (!wait_until(is_drained, f, WAIT_MS))
		chaos_fail(f->probe.run, "expected a full Redis to be drained, %lld jobs are left",
			   probe_live(f->link));
}

static void memory_end(struct full *f)
{
	(void)probe_do(f->link, "CONFIG", "SET", "maxmemory", "0");
}

static void replica_begin(struct full *f)
{
	(void)probe_do(f->link, "REPLICAOF", "127.0.0.1", "1");
}

static void replica_end(struct full *f)
{
	(void)probe_do(f->link, "REPLICAOF", "NO", "ONE");
}

static const struct kind kinds[] = {
	{ "the disk is full", disk_begin, NULL, disk_end },
	{ "the memory is full", memory_begin, memory_drains, memory_end },
	{ "it is a replica", replica_begin, NULL, replica_end },
};

static bool everybody_resumed(void *arg)
{
	const struct full *f = arg;

	return oracle_resumed(f->probe.oracle, f->probe.world);
}

static void run_kind(struct full *f, const struct kind *k)
{
	struct chaos_run *r = f->probe.run;

	ledger_add(chaos_ledger(r), LEDGER_FAULTS, 1);
	k->begin(f);
	uint64_t since_us = clock_mono_us();
	if (!wait_until(probe_all_refused, &f->probe, WAIT_MS))
		chaos_fail(r, "expected 503 from every web role when %s, within %d s", k->name, WAIT_MS / 1000);
	ledger_time(chaos_ledger(r), LEDGER_NOTICE, (double)(clock_mono_us() - since_us) / 1000);
	if (k->meanwhile)
		k->meanwhile(f);
	probe_refused_for(&f->probe, HOLD_MS);
	k->end(f);
	oracle_mark(f->probe.oracle, clock_wall_us());
	if (!wait_until(everybody_resumed, f, WAIT_MS))
		chaos_fail(r, "expected everybody to resume within %d s after this: %s", WAIT_MS / 1000, k->name);
}

void row_redis_full(struct chaos_run *r)
{
	const struct load_options load = { .rate = 150, .threads = 2, .computing = true };
	const struct world_options options = { 0 };
	struct full f = { 0 };

	small_disk_prepare();
	struct world *w = world_start(r, &options);
	small_disk_move(world_redis(w));
	f.probe = (struct probe){ r, w, oracle_new(r) };
	if (!wait_until(probe_all_accepted, &f.probe, WAIT_MS))
		chaos_fail(r, "expected the service to go on with an empty Redis within %d s", WAIT_MS / 1000);
	f.link = world_link(w);
	f.load = load_start(r, w, f.probe.oracle, &load);
	for (unsigned i = 0; i < chaos_trials(r) && !chaos_failed(r); i++) {
		run_kind(&f, &kinds[i % (sizeof kinds / sizeof *kinds)]);
		chaos_progress(r, i + 1, chaos_trials(r));
	}
	load_stop(f.load);
	(void)oracle_settle(f.probe.oracle, w, SETTLE_MS);
	chaos_note(r, "in turn: disk full, maxmemory reached with %d jobs waiting (drained while full), READONLY",
		   BACKLOG);
	chaos_note(r, "disk: %s", small_disk_kind());
	small_disk_leave(world_redis(w));
	rsync_close(f.link);
	world_stop(w);
	oracle_free(f.probe.oracle);
}
