/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Faults of computing: a compute child is killed, workers stand still beyond their lease. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "load.h"
#include "proc_tree.h"
#include "rows.h"
#include "scene.h"
#include "wait_until.h"

enum { DEADLINE_MS = SCENE_MS, READ_MS = 20000, CHILDREN = 2 };

/* ---- row 2: a compute child is killed ---- */

enum { VICTIMS = 2 * CHILDREN, RERUN_MS = 1000 };

struct ask {
	struct scene *s;
	size_t job;
};

static bool is_running(void *arg)
{
	const struct ask *q = arg;
	struct job job;

	return scene_record(q->s, q->job, &job) && job.started_at != 0;
}

/* Kills one that computes. When: clock_wall_us(); 0: none computes just now. */
static uint64_t kill_child(struct scene *s)
{
	unsigned first = (unsigned)chaos_below(s->r, world_count(s->w, WORLD_WORKER));

	for (unsigned i = 0; i < world_count(s->w, WORLD_WORKER); i++) {
		unsigned worker = (first + i) % world_count(s->w, WORLD_WORKER);
		pid_t zygote = proc_tree_zygote(world_pid(s->w, WORLD_WORKER, worker));
		pid_t child = zygote ? proc_tree_find(zygote, PROC_TREE_COMPUTE, 'R') : 0;
		uint64_t at = clock_wall_us();
		if (child && kill(child, SIGKILL) == 0) {
			ledger_add(chaos_ledger(s->r), LEDGER_FAULTS, 1);
			return at;
		}
	}
	return 0;
}

/* As many jobs as there are children, and one child killed: how many of the jobs ran again. */
static unsigned kill_one_of_many(struct scene *s)
{
	size_t jobs[VICTIMS];
	unsigned again = 0;
	struct job end;

	for (int i = 0; i < VICTIMS; i++) {
		jobs[i] = scene_job(s, "{\"op\":\"is_prime\",\"args\":[\"2^4423-1\"]}", "true", ORACLE_SUCCEEDS);
		if (!scene_deliver(s, jobs[i]))
			return 0;
	}
	struct ask last = { s, jobs[chaos_below(s->r, VICTIMS)] };
	if (!wait_until(is_running, &last, DEADLINE_MS))
		chaos_fail(s->r, "expected job %s to start within %d s", oracle_id(s->o, last.job), DEADLINE_MS / 1000);
	uint64_t killed_us = kill_child(s);
	for (int i = 0; i < VICTIMS; i++) {
		if (!scene_end(s, jobs[i], &end))
			return 0;
		if (end.attempt <= 1)
			continue;
		again++;
		if (end.attempt > 2)
			chaos_fail(s->r, "expected 2 attempts of the killed child's job, came %u", end.attempt);
		ledger_time(chaos_ledger(s->r), LEDGER_BY_RERUN, ((double)end.started_at - (double)killed_us) / 1000);
	}
	if (again > 1)
		chaos_fail(s->r, "expected only the job of the killed child to run again, %u did", again);
	return killed_us ? again : 0;
}

void row_compute_killed(struct chaos_run *r)
{
	static const char *const env[] = { "SQUARE_COMPUTE_CHILDREN=2", NULL };
	const struct world_options options = { .workers = 2, .worker = env };
	const struct load_options beside = { .rate = 200, .threads = 2, .keyed_percent = 50 };
	struct ledger *ledger = chaos_ledger(r);
	unsigned trials = chaos_trials(r), done = 0;
	struct scene s;

	scene_open(&s, r, &options);
	struct load *load = load_start(r, s.w, s.o, &beside);
	/* One that had just ended its job when it was killed is no trial. */
	for (unsigned tries = 0; done < trials && tries < 4 * trials && !chaos_failed(r); tries++) {
		done += kill_one_of_many(&s);
		chaos_progress(r, done, trials);
	}
	if (done < trials && !chaos_failed(r))
		chaos_fail(r, "expected %u children to be killed at work, came %u", trials, done);
	load_stop(load);
	oracle_excuse(s.o, 1); /* the victims; that nobody else was charged is seen by the count of those */
	scene_close(&s);
	if (ledger_get(ledger, LEDGER_RERUN) != done)
		chaos_fail(r, "expected %u jobs to run again, came %llu", done,
			   (unsigned long long)ledger_get(ledger, LEDGER_RERUN));
	if (ledger_percentile(ledger, LEDGER_BY_RERUN, 100) > RERUN_MS)
		chaos_late(r, "expected each job to run again within %d ms of its child's death, came %.0f ms",
			   RERUN_MS, ledger_percentile(ledger, LEDGER_BY_RERUN, 100));
}

/* ---- row 3: workers stand still beyond their lease ---- */

enum { STAND_MS = 12000, STAND_LONG_MS = 30000, STANDING = 3, ASLEEP = 60, COMPUTED = 4, LATE = ASLEEP + COMPUTED };

struct stand {
	struct scene *s;
	size_t jobs[LATE];
	uint64_t until_us; /* clock_mono_us() */
};

/* All but a few have started: so each worker has some that have. */
static bool all_run(void *arg)
{
	const struct stand *q = arg;
	unsigned started = 0;
	struct job job;

	for (int i = 0; i < LATE; i++)
		started += scene_record(q->s, q->jobs[i], &job) && job.started_at != 0;
	return started >= LATE - 8;
}

static bool is_over(void *arg)
{
	return clock_mono_us() >= ((struct stand *)arg)->until_us;
}

static unsigned count_of(const char *text, const char *what)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, what)); at++)
		n++;
	return n;
}

/* How often a worker was told that its work is somebody else's by now. */
static unsigned fenced(struct world *w, unsigned worker)
{
	char *said = world_log(w, WORLD_WORKER, worker);
	unsigned n = count_of(said, " was lost: its lease ran out") + count_of(said, "the outcome came too late");

	free(said);
	return n;
}

struct told {
	struct world *w;
	unsigned worker, before;
};

static bool is_told(void *arg)
{
	const struct told *q = arg;

	return fenced(q->w, q->worker) > q->before;
}

static void submit_late(struct stand *q)
{
	static const struct oracle_spec kinds[] = {
		{ .body = "{\"op\":\"sleep\",\"args\":[1500]}", .result = "1500", .lengthy = true, .keyed = true },
		{ .body = "{\"op\":\"is_prime\",\"args\":[\"2^4423-1\"]}",
		  .result = "true",
		  .lengthy = true,
		  .keyed = true },
	};

	for (int i = 0; i < LATE; i++)
		q->jobs[i] = oracle_submission(q->s->o, &kinds[i < COMPUTED]);
	(void)client_submit(q->s->client, 0, q->jobs, LATE, 0, READ_MS);
	for (int i = 0; i < LATE; i++)
		(void)(oracle_id(q->s->o, q->jobs[i])[0] || scene_deliver(q->s, q->jobs[i]));
}

static void go_on(struct scene *s, const unsigned *before)
{
	for (unsigned i = 0; i < STANDING; i++)
		world_signal(s->w, WORLD_WORKER, i, SIGCONT);
	for (unsigned i = 0; i < STANDING; i++) {
		struct told told = { s->w, i, before[i] };
		if (!wait_until(is_told, &told, DEADLINE_MS))
			chaos_fail(s->r, "expected %s to be told that its jobs are somebody else's, it was not",
				   world_instance(WORLD_WORKER, i));
	}
}

/* All but one worker stand still with jobs in their hands, longer than a lease; the one finishes them, and they are
 * read; then the others go on, and bring their results. How many jobs were late. */
static unsigned stand_still(struct scene *s)
{
	unsigned ms = chaos_long(s->r) ? STAND_LONG_MS : STAND_MS, before[STANDING], late = 0;
	struct stand q = { .s = s };
	struct job end;

	submit_late(&q);
	if (!wait_until(all_run, &q, DEADLINE_MS)) {
		chaos_fail(s->r, "expected %d jobs to run at once, they do not", LATE - 8);
		return 0;
	}
	uint64_t at_us = clock_wall_us();
	for (unsigned i = 0; i < STANDING; i++)
		world_signal(s->w, WORLD_WORKER, i, SIGSTOP);
	q.until_us = clock_mono_us() + ms * UINT64_C(1000);
	ledger_add(chaos_ledger(s->r), LEDGER_FAULTS, STANDING);
	for (unsigned i = 0; i < STANDING; i++) {
		before[i] = fenced(s->w, i);
		late +=
		    (unsigned)oracle_orphans(s->o, s->link, world_instance(WORLD_WORKER, i), at_us, LEDGER_BY_LEASE);
	}
	for (int i = 0; i < LATE; i++)
		(void)scene_end(s, q.jobs[i], &end);
	(void)wait_until(is_over, &q, 2 * ms);
	go_on(s, before);
	return late;
}

void row_compute_stopped(struct chaos_run *r)
{
	const struct world_options options = { .workers = STANDING + 1 };
	unsigned trials = chaos_trials(r), done = 0, rounds = 0;
	struct scene s;

	scene_open(&s, r, &options);
	for (; done < trials && rounds < trials && !chaos_failed(r); rounds++) {
		done += stand_still(&s);
		chaos_progress(r, done, trials > done ? trials : done);
	}
	chaos_note(r, "%u workers at a time stood still for %d s, %u times; %u jobs were late", STANDING,
		   (chaos_long(r) ? STAND_LONG_MS : STAND_MS) / 1000, rounds, done);
	scene_close(&s);
}
