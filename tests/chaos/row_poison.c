/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Jobs that do their worst to the process that computes them, beside others that must not notice. */
#include <stdio.h>
#include <string.h>

#include "load.h"
#include "proc.h"
#include "proc_tree.h"
#include "rows.h"
#include "sanitized.h"
#include "scene.h"
#include "wait_until.h"

/* The promise is a kill 100 ms after the limit; SLACK_MS more is granted to a machine that has other things to do. A
 * neighbour takes some milliseconds; NEIGHBOUR_MS is when it would have been noticed. */
enum { WORKERS = 2, CHILDREN = 2, LIMIT_MS = 300, GRACE_MS = 100, SLACK_MS = 400, NEIGHBOURS = 6, NEIGHBOUR_MS = 5000 };

static const struct poison {
	const char *kind, *error; /* the argument of crash(); the type of the error in the end */
	enum oracle_end end;
	unsigned attempts;
	bool confined; /* only a confined child ends by it; sanitizers do without confinement */
} poisons[] = {
	{ "segfault", "worker-lost", ORACLE_DIES, 2, true },   { "loop", "timeout", ORACLE_FAILS, 1, false },
	{ "memory", "limit-exceeded", ORACLE_FAILS, 1, true }, { "fork", "worker-lost", ORACLE_DIES, 2, true },
	{ "loop", "timeout", ORACLE_FAILS, 1, false },         { "output", "limit-exceeded", ORACLE_FAILS, 1, true },
	{ "exec", "worker-lost", ORACLE_DIES, 2, true },       { "loop", "timeout", ORACLE_FAILS, 1, false },
	{ "open", "worker-lost", ORACLE_DIES, 2, true },       { "abort", "worker-lost", ORACLE_DIES, 2, false },
	{ "loop", "timeout", ORACLE_FAILS, 1, false },         { "exit", "worker-lost", ORACLE_DIES, 2, false },
};
enum { POISONS = sizeof poisons / sizeof *poisons };

static size_t add_poison(struct scene *s, const struct poison *p)
{
	char body[160];
	bool limited = strcmp(p->kind, "loop") == 0;

	(void)snprintf(body, sizeof body, "{\"op\":\"crash\",\"args\":[\"%s\"],\"timeout_ms\":%d}", p->kind,
		       limited ? LIMIT_MS : 30000);
	return scene_job(s, body, NULL, p->end);
}

static void judge_poison(struct scene *s, const struct poison *p, const struct job *end)
{
	char type[60];
	double ran_ms = ((double)end->finished_at - (double)end->started_at) / 1000;

	(void)snprintf(type, sizeof type, "\"type\":\"%s\"", p->error);
	if (!memmem(end->outcome.p, end->outcome.n, type, strlen(type)))
		chaos_fail(s->r, "expected crash(%s) to end with %s, came %.*s", p->kind, p->error, (int)end->outcome.n,
			   end->outcome.p);
	if (end->attempt != p->attempts)
		chaos_fail(s->r, "expected %u attempts of crash(%s), came %u", p->attempts, p->kind, end->attempt);
	if (strcmp(p->error, "timeout") != 0)
		return;
	ledger_time(chaos_ledger(s->r), LEDGER_OVERSHOOT, ran_ms - LIMIT_MS);
	if (ran_ms < LIMIT_MS)
		chaos_fail(s->r, "expected a kill %d ms after the start at the earliest, it came after %.1f ms",
			   LIMIT_MS, ran_ms);
	if (ran_ms > LIMIT_MS + GRACE_MS + SLACK_MS)
		chaos_late(s->r, "expected a kill %d ms after the start at the latest, it came after %.1f ms",
			   LIMIT_MS + GRACE_MS + SLACK_MS, ran_ms);
}

static void judge_neighbour(struct scene *s, size_t job)
{
	struct job end;

	if (!scene_end(s, job, &end))
		return;
	double took_ms = ((double)end.finished_at - (double)end.run_at) / 1000;
	ledger_time(chaos_ledger(s->r), LEDGER_LATENCY, took_ms);
	if (end.attempt != 1 || took_ms > NEIGHBOUR_MS)
		chaos_fail(s->r,
			   "expected a neighbour's job to end in its first attempt within %d ms, came %u in %.0f ms",
			   NEIGHBOUR_MS, end.attempt, took_ms);
}

/* One that computes more than one can is kept warm; so many, no more and no fewer. */
static bool children_are_complete(void *arg)
{
	struct world *w = arg;

	for (unsigned i = 0; i < WORKERS; i++)
		if (proc_tree_children(world_pid(w, WORLD_WORKER, i)) != CHILDREN + 1)
			return false;
	return true;
}

static void poison(struct scene *s, const struct poison *p)
{
	size_t neighbours[NEIGHBOURS], job = add_poison(s, p);
	struct job end;

	for (int i = 0; i < NEIGHBOURS; i++)
		neighbours[i] = load_draw(s->r, s->o, i % 2 == 0, true);
	for (int i = 0; i < NEIGHBOURS / 2; i++)
		(void)scene_deliver(s, neighbours[i]);
	if (!scene_deliver(s, job))
		return;
	for (int i = NEIGHBOURS / 2; i < NEIGHBOURS; i++)
		(void)scene_deliver(s, neighbours[i]);
	ledger_add(chaos_ledger(s->r), LEDGER_FAULTS, 1);
	for (int i = 0; i < NEIGHBOURS; i++)
		judge_neighbour(s, neighbours[i]);
	if (scene_end(s, job, &end))
		judge_poison(s, p, &end);
	if (!wait_until(children_are_complete, s->w, SCENE_MS))
		chaos_fail(s->r, "expected %d compute children of each worker after crash(%s), it has others",
			   CHILDREN + 1, p->kind);
}

/* Whoever was started for this service, by whomever, has its Redis in its environment. */
static bool none_is_left(void *arg)
{
	return proc_count(arg) == 0;
}

void row_poison(struct chaos_run *r)
{
	static const char *const env[] = { "SQUARE_COMPUTE_CHILDREN=2", "SQUARE_COMPUTE_MEMORY_MIB=128",
					   "SQUARE_ENABLE_TEST_OPERATIONS=true", NULL };
	const struct world_options options = { .workers = WORKERS, .worker = env };
	unsigned trials = chaos_trials(r), done = 0;
	char service[200];
	pid_t zygotes[WORKERS];
	struct scene s;

	scene_open(&s, r, &options);
	(void)snprintf(service, sizeof service, "%s", redis_private_socket(world_redis(s.w)));
	for (unsigned i = 0; i < WORKERS; i++)
		zygotes[i] = proc_tree_zygote(world_pid(s.w, WORLD_WORKER, i));
	for (unsigned i = 0; done < trials && !chaos_failed(r); i++) {
		if (SANITIZED && poisons[i % POISONS].confined)
			continue;
		poison(&s, &poisons[i % POISONS]);
		chaos_progress(r, ++done, trials);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		if (world_starts(s.w, WORLD_WORKER, i) != 1 ||
		    proc_tree_zygote(world_pid(s.w, WORLD_WORKER, i)) != zygotes[i])
			chaos_fail(r, "expected %s and its zygote to live on, they did not",
				   world_instance(WORLD_WORKER, i));
	scene_close(&s);
	if (!wait_until(none_is_left, service, SCENE_MS))
		chaos_fail(r, "expected no process to be left behind, there are %u", proc_count(service));
	chaos_note(r, "limit %d ms, kill promised %d ms later, %d ms more granted to a busy machine", LIMIT_MS,
		   GRACE_MS, SLACK_MS);
	if (SANITIZED)
		chaos_note(r, "under sanitizers only: loop, abort, exit");
}
