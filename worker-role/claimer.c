/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "claimer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "canceller.h"
#include "clock.h"
#include "log.h"

#define HEARTBEAT_MS 2500
#define BLOCK_SECONDS "3"    /* of one blocking pop */
#define WAKE_TIMEOUT_MS 4500 /* no answer for this long: the wake link is dead */
#define RUN_BUDGET_US 1000   /* of short jobs between two looks at the sockets */
#define SKIM_MS 100          /* between two looks behind heavy jobs that nobody can run now */
#define READY_MAX 128        /* short jobs waiting to run, beyond which nothing more is claimed ahead */

struct tag {
	struct claimer *claimer;
	char name[KEYS_TAG_SIZE];
	bool dry;        /* the last claim found nothing more, or was refused */
	bool claiming;   /* a claim is in flight */
	bool unanswered; /* the last claim's outcome is unknown: ask with the same batch id again */
	unsigned asked;
	bool started; /* the claim counts its jobs as started */
	char batch[JOB_BATCH_MAX];
	uint64_t due_us; /* clock_mono_us() of the next delayed job; 0: none known */
};

struct claimer {
	struct batch_owner owner; /* first: a batch knows its owner by this */
	struct rlink *wake;
	struct canceller *canceller;
	struct claimer_options options;
	struct tag tags[CLAIMER_TAGS_MAX];
	const char *tag_names[CLAIMER_TAGS_MAX]; /* for the canceller */
	size_t tag_count, turn; /* turn: where the next round of claims begins, so that no queue starves */
	uint64_t batch_counter;
	unsigned appetite; /* how many to claim when slots allow */
	bool waiting;      /* the blocking pop is in flight */
	bool refused;      /* Redis refused it: not again before the next heartbeat */
	bool skimming;     /* the next round of claims looks behind the heavy jobs */
	bool closed;
	uv_prepare_t prepare;
	uv_idle_t spin; /* active while short jobs are left: the loop must not sleep then */
	uv_timer_t heartbeat, due, drain, skim;
	void (*on_empty)(void *arg);
	void *empty_arg;
};

static struct claimer *claimer_of(struct batch_owner *owner)
{
	return (struct claimer *)owner;
}

static const char *owner_tag(struct batch_owner *owner, unsigned index)
{
	const struct claimer *c = claimer_of(owner);
	return index < c->tag_count ? c->tags[index].name : NULL;
}

/* ---- claiming ---- */

/* All children are taken and more heavy jobs wait than there are: nobody is asked for more of them. */
static bool is_jammed(const struct claimer *c)
{
	return c->owner.crowded && executor_free_children(c->owner.executor) <= c->owner.heavies;
}

/* How many jobs to ask for now; 0: none. While there are more heavy jobs about than children, a job is claimed only
 * for a child that is free: the others are left to workers that can run them. */
static unsigned room(const struct claimer *c)
{
	bool crowded = c->owner.crowded;
	size_t slots = crowded ? executor_free_children(c->owner.executor) : executor_free_slots(c->owner.executor);
	size_t taken = crowded ? c->owner.heavies : c->owner.promised;
	if (c->skimming && !c->owner.draining && c->owner.ready < READY_MAX)
		return c->options.claim_max;
	for (size_t i = 0; (c->appetite == 1 || crowded) && i < c->tag_count; i++)
		taken += c->tags[i].claiming ? c->tags[i].asked : 0;
	if (c->owner.draining || slots <= taken || c->owner.ready >= READY_MAX)
		return 0;
	unsigned want = c->appetite > slots - taken && !crowded ? c->appetite : (unsigned)(slots - taken);
	return want > c->options.claim_max ? c->options.claim_max : want;
}

static void claim_tag(struct tag *t);

static void learn(struct claimer *c, const struct queue_claim *claim, size_t longs)
{
	if (longs)
		c->appetite = 1; /* the free slots decide */
	else if (claim->n)
		c->appetite = c->appetite * 2 > c->options.claim_max ? c->options.claim_max : c->appetite * 2;
}

static void on_claimed(void *arg, int status, const struct queue_claim *claim)
{
	struct tag *t = arg;
	struct claimer *c = t->claimer;
	t->claiming = false;
	if (status) {
		/* A refusal says nothing about an earlier claim of this batch whose answer was lost. */
		t->unanswered = status == ERR_UNKNOWN || (status == ERR_UNAVAILABLE && t->unanswered);
		t->dry = status != ERR_UNKNOWN; /* not again before the reaper's next tick, or the heartbeat */
		return;
	}
	t->unanswered = false;
	tally_claimed(c->owner.tally, (size_t)(t - c->tags), claim->n);
	t->dry = !claim->more || claim->paused;
	claimer_due(c, (size_t)(t - c->tags), claim->now_us, claim->next_due_us);
	if (claim->n == 0)
		c->owner.crowded = false; /* others took them */
	if (claim->n == 0 || c->closed)
		return;
	size_t longs;
	if (!batch_new(&c->owner, (unsigned)(t - c->tags), t->batch, claim, t->started, &longs)) {
		log_error("no memory for a batch of %zu jobs; they come back when its lease runs out", claim->n);
		return;
	}
	learn(c, claim, longs);
	c->skimming = is_jammed(c) && claim->more && claim->n > longs; /* as long as it brings something */
	if (!t->dry && longs == 0) { /* Redis works on the next batch while we compute this one */
		claim_tag(t);
		rlink_flush(c->owner.link);
	}
}

static void claim_tag(struct tag *t)
{
	struct claimer *c = t->claimer;
	unsigned n = t->unanswered ? t->asked : room(c);
	if (t->claiming || n == 0)
		return;
	if (!t->unanswered) {
		snprintf(t->batch, sizeof t->batch, "%s.%s.%llu", c->options.instance, c->options.boot,
			 (unsigned long long)++c->batch_counter);
		t->started = c->appetite > 1; /* the last ones were all short: expect the same */
	}
	t->asked = n;
	t->claiming = queue_claim(c->owner.link, t->name, t->batch, n, t->started, on_claimed, t) == 0;
}

/* While heavy jobs stand before short ones, and all children are taken, the short ones are fetched from behind them now
 * and then: all is claimed, the heavy ones go back to where they were. */
static void on_skim(uv_timer_t *timer)
{
	struct claimer *c = timer->data;
	c->skimming = is_jammed(c);
}

static void skim(struct claimer *c)
{
	if (c->skimming)
		for (size_t i = 0; i < c->tag_count; i++)
			c->tags[i].dry = false;
	else if (is_jammed(c) && !uv_is_active((uv_handle_t *)&c->skim))
		uv_timer_start(&c->skim, on_skim, SKIM_MS, 0);
}

/* A claim whose answer was lost is asked again even while draining: what it took must be given back. */
static void claim_all(struct claimer *c)
{
	if (!rlink_up(c->owner.link))
		return;
	for (size_t i = 0; i < c->tag_count; i++) {
		size_t at = c->turn + i < c->tag_count ? c->turn + i : c->turn + i - c->tag_count;
		struct tag *t = &c->tags[at];
		if (!t->dry)
			claim_tag(t);
	}
	c->turn = c->turn + 1 < c->tag_count ? c->turn + 1 : 0;
	c->skimming = false;
}

static bool all_dry(const struct claimer *c)
{
	for (size_t i = 0; i < c->tag_count; i++)
		if (!c->tags[i].dry || c->tags[i].claiming)
			return false;
	return true;
}

/* ---- waiting for work ---- */

/* A marker came while all slots are taken: put it back, for an instance that has room. */
static void return_marker(struct claimer *c, const char *key)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_str(&cmd, "RPUSH");
	rcmd_str(&cmd, key);
	rcmd_str(&cmd, "1");
	rlink_send(c->owner.link, &cmd, NULL, NULL);
	rcmd_fini(&cmd);
}

static void on_woken(void *arg, int status, const struct rreply *reply)
{
	struct claimer *c = arg;
	c->waiting = false;
	c->refused = status == ERR_UNAVAILABLE || status == ERR_PROTOCOL;
	if (status == ERR_PROTOCOL)
		log_error("cannot wait for wake-up markers: %s", rreply_str(reply, NULL));
	if (status || c->closed || rreply_count(reply) != 2)
		return;
	const char *key = rreply_str(rreply_at(reply, 0), NULL);
	for (size_t i = 0; i < c->tag_count; i++) {
		size_t n = strlen(c->tags[i].name);
		if (strncmp(key, c->tags[i].name, n) == 0 && key[n] == ':')
			c->tags[i].dry = false;
	}
	if (room(c) == 0)
		return_marker(c, key);
}

static void wait_for_work(struct claimer *c)
{
	struct rcmd cmd;
	char key[KEYS_NAME_SIZE];
	if (c->waiting || c->refused || room(c) == 0 || !all_dry(c) || !rlink_up(c->wake))
		return;
	rcmd_init(&cmd);
	rcmd_str(&cmd, "BLPOP");
	for (size_t i = 0; i < c->tag_count; i++) {
		keys_markers(key, c->tags[i].name);
		rcmd_str(&cmd, key);
	}
	rcmd_str(&cmd, BLOCK_SECONDS);
	c->waiting = rlink_send(c->wake, &cmd, on_woken, c) == 0;
	rcmd_fini(&cmd);
}

void claimer_look(struct claimer *c, size_t tag_index)
{
	c->tags[tag_index].dry = false;
}

static void on_due(uv_timer_t *timer)
{
	struct claimer *c = timer->data;
	uint64_t now_us = clock_mono_us(), next_us = 0;
	for (size_t i = 0; i < c->tag_count; i++) {
		struct tag *t = &c->tags[i];
		if (t->due_us && t->due_us <= now_us) {
			t->due_us = 0;
			t->dry = false;
		}
		if (t->due_us && (!next_us || t->due_us < next_us))
			next_us = t->due_us;
	}
	if (next_us)
		uv_timer_start(&c->due, on_due, (next_us - now_us) / 1000 + 1, 0);
}

void claimer_due(struct claimer *c, size_t tag_index, uint64_t now_us, uint64_t next_due_us)
{
	if (!next_due_us || c->closed)
		return;
	uint64_t wait_us = next_due_us > now_us ? next_due_us - now_us : 0;
	c->tags[tag_index].due_us = clock_mono_us() + wait_us;
	uint64_t wait_ms = wait_us / 1000 + 1;
	if (!uv_is_active((uv_handle_t *)&c->due) || uv_timer_get_due_in(&c->due) > wait_ms)
		uv_timer_start(&c->due, on_due, wait_ms, 0);
}

/* ---- the turn ---- */

static void drain_check(struct claimer *c)
{
	if (!c->on_empty || c->owner.count)
		return;
	for (size_t i = 0; i < c->tag_count; i++)
		if (c->tags[i].claiming || c->tags[i].unanswered)
			return;
	void (*done)(void *) = c->on_empty;
	c->on_empty = NULL;
	done(c->empty_arg);
}

static void on_spin(uv_idle_t *idle)
{
	(void)idle;
}

/* Compute, tell what became of it, ask for more: in this order, so that outcomes and the next claim share a write. */
static void on_prepare(uv_prepare_t *prepare)
{
	struct claimer *c = prepare->data;
	bool more = c->owner.ready && batch_run_ready(&c->owner, RUN_BUDGET_US);
	if (more)
		uv_idle_start(&c->spin, on_spin);
	else
		uv_idle_stop(&c->spin);
	batch_pump(&c->owner);
	skim(c);
	claim_all(c);
	wait_for_work(c);
	canceller_watch(c->canceller, c->owner.running > 0);
	drain_check(c);
}

static void on_heartbeat(uv_timer_t *timer)
{
	struct claimer *c = timer->data;
	if (rlink_up(c->owner.link))
		batch_heartbeat(&c->owner, HEARTBEAT_MS * 1000 / 2);
	for (struct batch *b = c->owner.batches; b; b = b->next)
		b->dirty = true; /* calls that Redis refused for a while are made again */
	for (size_t i = 0; i < c->tag_count; i++)
		if (c->tags[i].unanswered)
			c->tags[i].dry = false;
	c->refused = false;
	canceller_refresh(c->canceller);
}

static void on_cancel(void *arg, const char *batch, const char *id)
{
	struct claimer *c = arg;
	batch_cancel_job(&c->owner, batch, id);
}

void claimer_link_state(struct claimer *c, bool up)
{
	if (!up) {
		if (rlink_up(c->wake))
			rlink_drop(c->wake, "the command link is lost");
		canceller_drop(c->canceller);
		return;
	}
	for (struct batch *b = c->owner.batches; b; b = b->next)
		b->dirty = true;
	for (size_t i = 0; i < c->tag_count; i++)
		c->tags[i].dry = false;
}

/* ---- start and end ---- */

/* The links of its own. 0, or an error with *info and nothing to free. */
static int open_links(struct claimer *c, uv_loop_t *loop, struct errinfo *info)
{
	struct rlink_options wake = { .url = c->options.redis_url,
				      .name = "square-worker-wake",
				      .command_timeout_ms = WAKE_TIMEOUT_MS };
	struct canceller_options cancels = { .redis_url = c->options.redis_url,
					     .instance = c->options.instance,
					     .boot = c->options.boot,
					     .tags = c->tag_names,
					     .tag_count = c->tag_count,
					     .on_cancel = on_cancel,
					     .arg = c };
	c->wake = rlink_new(loop, &wake, info);
	if (!c->wake)
		return ERR_INVALID;
	c->canceller = canceller_new(loop, &cancels, info);
	if (c->canceller)
		return 0;
	rlink_free(c->wake);
	return ERR_NOMEM;
}

struct claimer *claimer_new(uv_loop_t *loop, struct rlink *link, struct executor *executor,
			    const struct claimer_options *options, struct errinfo *info)
{
	struct claimer *c = calloc(1, sizeof *c);
	if (!c || options->tag_count == 0 || options->tag_count > CLAIMER_TAGS_MAX) {
		errinfo_set(info, ERR_TOO_BIG, "expected 1 to %d queues, got %zu", CLAIMER_TAGS_MAX,
			    options->tag_count);
		free(c);
		return NULL;
	}
	c->options = *options;
	c->owner =
	    (struct batch_owner){ .link = link, .executor = executor, .tally = options->tally, .tag = owner_tag };
	c->appetite = 1;
	c->tag_count = options->tag_count;
	for (size_t i = 0; i < c->tag_count; i++) {
		c->tags[i].claimer = c;
		snprintf(c->tags[i].name, sizeof c->tags[i].name, "%s", options->tags[i]);
		c->tag_names[i] = c->tags[i].name;
	}
	if (open_links(c, loop, info)) {
		free(c);
		return NULL;
	}
	c->prepare.data = c->spin.data = c->heartbeat.data = c->due.data = c->drain.data = c->skim.data = c;
	uv_prepare_init(loop, &c->prepare);
	uv_prepare_start(&c->prepare, on_prepare); /* after the links': so it runs before theirs */
	uv_idle_init(loop, &c->spin);
	uv_timer_init(loop, &c->heartbeat);
	uv_timer_start(&c->heartbeat, on_heartbeat, HEARTBEAT_MS, HEARTBEAT_MS);
	uv_timer_init(loop, &c->due);
	uv_timer_init(loop, &c->drain);
	uv_timer_init(loop, &c->skim);
	return c;
}

static void on_drain_deadline(uv_timer_t *timer)
{
	struct claimer *c = timer->data;
	if (c->owner.count)
		log_warn("drain time is over: %u jobs are given back unfinished", claimer_running(c));
	batch_give_back_all(&c->owner);
}

void claimer_drain(struct claimer *c, unsigned deadline_ms, void (*on_empty)(void *arg), void *arg)
{
	c->on_empty = on_empty;
	c->empty_arg = arg;
	batch_drain(&c->owner);
	uv_timer_start(&c->drain, on_drain_deadline, deadline_ms, 0);
}

void claimer_close(struct claimer *c)
{
	if (c->closed)
		return;
	c->closed = true;
	rlink_free(c->wake);
	canceller_free(c->canceller);
	uv_close((uv_handle_t *)&c->prepare, NULL);
	uv_close((uv_handle_t *)&c->spin, NULL);
	uv_close((uv_handle_t *)&c->heartbeat, NULL);
	uv_close((uv_handle_t *)&c->due, NULL);
	uv_close((uv_handle_t *)&c->drain, NULL);
	uv_close((uv_handle_t *)&c->skim, NULL);
}

void claimer_destroy(struct claimer *c)
{
	batch_free_all(&c->owner);
	free(c);
}

unsigned claimer_running(const struct claimer *c)
{
	return batch_running(&c->owner);
}

const struct batch_stats *claimer_stats(const struct claimer *c)
{
	return &c->owner.stats;
}
