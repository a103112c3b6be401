/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "claimer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "canceller.h"
#include "clock.h"
#include "log.h"
#include "lookout.h"
#include "popper.h"

#define HEARTBEAT_MS 2500
#define WAKE_BLOCK_S 10    /* of one wait for markers; what a dead link loses, the reaper's tick finds */
#define RUN_BUDGET_US 1000 /* of short jobs between two looks at the sockets */
#define SKIM_MS 100        /* between two looks behind heavy jobs that nobody can run now */
#define PEER_MS 100        /* between two looks at dry shards that cannot be waited for, as others are not dry */
#define READY_MAX 128      /* short jobs waiting to run, beyond which nothing more is claimed ahead */

struct tag {
	struct claimer *claimer;
	const char *name;
	size_t index;
	bool dry;        /* the last claim found nothing more, or was refused */
	bool claiming;   /* a claim is in flight */
	bool unanswered; /* the last claim's outcome is unknown: ask with the same batch id again */
	unsigned asked;
	bool started; /* the claim counts its jobs as started */
	char batch[JOB_BATCH_MAX];
	uint64_t due_us; /* clock_mono_us() of the next delayed job; 0: none known */
	size_t running;  /* jobs of it in the executor */
};

struct claimer {
	struct batch_owner owner; /* first: a batch knows its owner by this */
	struct popper *wake;
	struct canceller *canceller;
	struct lookout *lookout;
	struct claimer_options options;
	struct tag **tags; /* each of its own: a claim in flight knows its tag by this */
	size_t tag_count, tag_cap;
	size_t turn; /* where the next round of claims begins: behind the shard that had its turn last */
	uint64_t batch_counter;
	unsigned appetite; /* how many to claim when slots allow */
	bool skimming;     /* the next round of claims looks behind the heavy jobs */
	bool held;         /* nothing is claimed for now */
	bool closed;
	uv_prepare_t prepare;
	uv_idle_t spin; /* active while short jobs are left: the loop must not sleep then */
	uv_timer_t heartbeat, due, drain, skim, peer;
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
	return index < c->tag_count ? c->tags[index]->name : NULL;
}

static size_t *owner_running(struct batch_owner *owner, unsigned index)
{
	return &claimer_of(owner)->tags[index]->running;
}

static struct rlink *link_of(const struct tag *t)
{
	return rlinks_at(t->claimer->owner.links, t->name);
}

/* ---- claiming ---- */

/* All children are taken and more heavy jobs wait than there are: nobody is asked for more of them. */
static bool is_jammed(const struct claimer *c)
{
	return c->owner.crowded && executor_free_children(c->owner.executor) <= c->owner.heavies;
}

/* Jobs of large arguments (1 MiB) that fit in hand now. */
static unsigned room_for_args(const struct claimer *c)
{
	size_t used = c->owner.args_bytes;
	return used < BATCH_ARGS_MAX ? (unsigned)((BATCH_ARGS_MAX - used) >> 20) : 0;
}

/* How many jobs to ask for now; 0: none. While there are more heavy jobs about than children, a job is claimed only
 * for a child that is free: the others are left to workers that can run them. */
static unsigned room(const struct claimer *c)
{
	bool crowded = c->owner.crowded;
	size_t slots = crowded ? executor_free_children(c->owner.executor) : executor_free_slots(c->owner.executor);
	size_t taken = crowded ? c->owner.heavies : c->owner.promised;
	unsigned most = c->owner.bulky ? room_for_args(c) : c->options.claim_max;
	if (c->held || room_for_args(c) == 0)
		return 0;
	if (c->skimming && !c->owner.draining && c->owner.ready < READY_MAX)
		return c->options.claim_max;
	for (size_t i = 0; (c->appetite == 1 || crowded) && i < c->tag_count; i++)
		taken += c->tags[i]->claiming ? c->tags[i]->asked : 0;
	if (c->owner.draining || slots <= taken || c->owner.ready >= READY_MAX)
		return 0;
	unsigned want = c->appetite > slots - taken && !crowded ? c->appetite : (unsigned)(slots - taken);
	most = most < c->options.claim_max ? most : c->options.claim_max;
	return want > most ? most : want;
}

static bool claim_tag(struct tag *t);

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
	tally_claimed(c->owner.tally, t->index, claim->n);
	t->dry = !claim->more || claim->paused;
	claimer_due(c, t->index, claim->now_us, claim->next_due_us);
	if (claim->n == 0)
		c->owner.crowded = false; /* others took them */
	if (claim->n == 0 || c->closed)
		return;
	size_t longs;
	if (!batch_new(&c->owner, (unsigned)t->index, t->batch, claim, t->started, &longs)) {
		log_error("no memory for a batch of %zu jobs; they come back when its lease runs out", claim->n);
		return;
	}
	learn(c, claim, longs);
	c->skimming = is_jammed(c) && claim->more && claim->n > longs; /* as long as it brings something */
	if (!t->dry && longs == 0) { /* Redis works on the next batch while we compute this one */
		claim_tag(t);
		rlink_flush(link_of(t));
	}
}

/* Whether a claim was sent. */
static bool claim_tag(struct tag *t)
{
	struct claimer *c = t->claimer;
	unsigned n = t->unanswered ? t->asked : room(c);
	if (t->claiming || n == 0)
		return false;
	if (!t->unanswered) {
		snprintf(t->batch, sizeof t->batch, "%s.%s.%llu", c->options.instance, c->options.boot,
			 (unsigned long long)++c->batch_counter);
		t->started = c->appetite > 1; /* the last ones were all short: expect the same */
	}
	t->asked = n;
	t->claiming = queue_claim(link_of(t), t->name, t->batch, n, t->started, on_claimed, t) == 0;
	return t->claiming;
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
			c->tags[i]->dry = false;
	else if (is_jammed(c) && !uv_is_active((uv_handle_t *)&c->skim))
		uv_timer_start(&c->skim, on_skim, SKIM_MS, 0);
}

/* A claim whose answer was lost is asked again even while draining: what it took must be given back. */
static void claim_all(struct claimer *c)
{
	size_t begin = c->turn;
	for (size_t i = 0; i < c->tag_count; i++) {
		size_t at = begin + i < c->tag_count ? begin + i : begin + i - c->tag_count;
		struct tag *t = c->tags[at];
		if (!t->dry && rlink_up(link_of(t)) && claim_tag(t))
			c->turn = at + 1 < c->tag_count ? at + 1 : 0;
	}
	c->skimming = false;
}

static bool all_dry(const struct claimer *c)
{
	for (size_t i = 0; i < c->tag_count; i++)
		if (!c->tags[i]->dry || c->tags[i]->claiming)
			return false;
	return true;
}

/* ---- waiting for work ---- */

/* A marker came while all slots are taken: put it back, for an instance that has room. */
static void return_marker(const struct tag *t, const char *key)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_str(&cmd, "RPUSH");
	rcmd_str(&cmd, key);
	rcmd_str(&cmd, "1");
	rlink_send(link_of(t), &cmd, NULL, NULL);
	rcmd_fini(&cmd);
}

static void list_markers(void *arg, const char *tag, char key[KEYS_NAME_SIZE])
{
	(void)arg;
	keys_markers(key, tag);
}

static void on_marker(void *arg, size_t shard, const char *key, const char *entry)
{
	struct claimer *c = arg;
	(void)entry;
	c->tags[shard]->dry = false;
	if (room(c) == 0)
		return_marker(c->tags[shard], key);
}

static void on_looked(void *arg, size_t shard, char verdict)
{
	if (verdict == 'w')
		claimer_look(arg, shard);
}

/* Whether the shard is dry, could be claimed from, and nobody will wake us for it. */
static bool is_blind(const struct claimer *c, const struct tag *t)
{
	return t->dry && !t->claiming && !popper_waits(c->wake, t->index);
}

static void on_peer(uv_timer_t *timer)
{
	struct claimer *c = timer->data;
	for (size_t i = 0; i < c->tag_count && room(c); i++)
		if (is_blind(c, c->tags[i]))
			lookout_add(c->lookout, i, c->tags[i]->name);
	lookout_ask(c->lookout);
}

static void wait_for_work(struct claimer *c)
{
	bool able = room(c) > 0, blind = false, busy = false;
	for (size_t i = 0; i < c->tag_count; i++) {
		const struct tag *t = c->tags[i];
		popper_want(c->wake, i, able && t->dry && !t->claiming);
		busy = busy || !t->dry;
	}
	popper_pump(c->wake);
	for (size_t i = 0; able && busy && !blind && i < c->tag_count; i++)
		blind = is_blind(c, c->tags[i]);
	if (blind && !uv_is_active((uv_handle_t *)&c->peer))
		uv_timer_start(&c->peer, on_peer, PEER_MS, 0);
}

void claimer_look(struct claimer *c, size_t shard)
{
	c->tags[shard]->dry = false;
}

static void on_due(uv_timer_t *timer)
{
	struct claimer *c = timer->data;
	uint64_t now_us = clock_mono_us(), next_us = 0;
	for (size_t i = 0; i < c->tag_count; i++) {
		struct tag *t = c->tags[i];
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

void claimer_due(struct claimer *c, size_t shard, uint64_t now_us, uint64_t next_due_us)
{
	if (!next_due_us || c->closed)
		return;
	uint64_t wait_us = next_due_us > now_us ? next_due_us - now_us : 0;
	c->tags[shard]->due_us = clock_mono_us() + wait_us;
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
		if (c->tags[i]->claiming || c->tags[i]->unanswered)
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
	canceller_watch(c->canceller, c->owner.running > 0, c->owner.starts);
	rlinks_flush(c->owner.links); /* links that came later have had their turn before this one */
	drain_check(c);
}

static void on_heartbeat(uv_timer_t *timer)
{
	struct claimer *c = timer->data;
	batch_heartbeat(&c->owner, HEARTBEAT_MS * 1000 / 2);
	for (struct batch *b = c->owner.batches; b; b = b->next)
		b->dirty = true; /* calls that Redis refused for a while are made again */
	for (size_t i = 0; i < c->tag_count; i++)
		if (c->tags[i]->unanswered)
			c->tags[i]->dry = false;
	popper_refresh(c->wake);
	canceller_refresh(c->canceller);
}

static void on_cancel(void *arg, const char *batch, const char *id)
{
	struct claimer *c = arg;
	batch_cancel_job(&c->owner, batch, id);
}

static bool is_running(void *arg, size_t shard)
{
	const struct claimer *c = arg;
	return c->tags[shard]->running > 0;
}

static void owe_all(struct claimer *c)
{
	for (struct batch *b = c->owner.batches; b; b = b->next)
		b->dirty = true;
}

void claimer_link_state(struct claimer *c, struct rlink *link, bool up)
{
	for (size_t i = 0; i < c->tag_count; i++) {
		if (link_of(c->tags[i]) != link)
			continue;
		if (up) {
			c->tags[i]->dry = false;
		} else {
			popper_drop(c->wake, i);
			canceller_drop(c->canceller, i);
		}
	}
	if (up)
		owe_all(c);
}

/* What was refused or lost where a shard was, is asked again where it is. */
void claimer_moved(struct claimer *c)
{
	for (size_t i = 0; i < c->tag_count; i++)
		c->tags[i]->dry = false;
	owe_all(c);
}

/* ---- start and end ---- */

/* The parts with links of their own, and the lookout. 0, or an error with *info and nothing to free. */
static int open_parts(struct claimer *c, uv_loop_t *loop, struct errinfo *info)
{
	struct popper_options wake = { .slots = c->options.slots,
				       .name = "square-worker-wake",
				       .what = "wake-up markers",
				       .block_s = WAKE_BLOCK_S,
				       .each = true,
				       .list = list_markers,
				       .on_popped = on_marker,
				       .arg = c };
	struct canceller_options cancels = { .slots = c->options.slots,
					     .instance = c->options.instance,
					     .boot = c->options.boot,
					     .is_running = is_running,
					     .on_cancel = on_cancel,
					     .arg = c };
	c->lookout = lookout_new(c->owner.links, on_looked, c);
	c->wake = c->lookout ? popper_new(&wake, info) : NULL;
	c->canceller = c->wake ? canceller_new(loop, &cancels, info) : NULL;
	if (c->canceller)
		return 0;
	if (!c->lookout)
		errinfo_set(info, ERR_NOMEM, "out of memory");
	popper_free(c->wake);
	lookout_free(c->lookout);
	return ERR_INVALID;
}

int claimer_add(struct claimer *c, const char *tag)
{
	if (c->tag_count == c->tag_cap) {
		size_t cap = c->tag_cap ? 2 * c->tag_cap : 8;
		struct tag **more = realloc(c->tags, cap * sizeof *more);
		if (!more)
			return ERR_NOMEM;
		c->tags = more;
		c->tag_cap = cap;
	}
	struct tag *t = calloc(1, sizeof *t);
	if (!t)
		return ERR_NOMEM;
	*t = (struct tag){ .claimer = c, .name = tag, .index = c->tag_count };
	c->tags[c->tag_count++] = t;
	if (popper_add(c->wake, tag) == 0 && canceller_add(c->canceller, tag) == 0)
		return 0;
	return ERR_NOMEM;
}

struct claimer *claimer_new(uv_loop_t *loop, struct rlinks *links, struct executor *executor,
			    const struct claimer_options *options, struct errinfo *info)
{
	struct claimer *c = calloc(1, sizeof *c);
	if (!c) {
		errinfo_set(info, ERR_NOMEM, "out of memory");
		return NULL;
	}
	c->options = *options;
	c->owner = (struct batch_owner){ .links = links,
					 .executor = executor,
					 .tally = options->tally,
					 .tag = owner_tag,
					 .tag_running = owner_running };
	c->appetite = 1;
	if (open_parts(c, loop, info)) {
		free(c);
		return NULL;
	}
	c->prepare.data = c->spin.data = c->heartbeat.data = c->due.data = c->drain.data = c->skim.data = c;
	c->peer.data = c;
	uv_prepare_init(loop, &c->prepare);
	uv_prepare_start(&c->prepare, on_prepare);
	uv_idle_init(loop, &c->spin);
	uv_timer_init(loop, &c->heartbeat);
	uv_timer_start(&c->heartbeat, on_heartbeat, HEARTBEAT_MS, HEARTBEAT_MS);
	uv_timer_init(loop, &c->due);
	uv_timer_init(loop, &c->drain);
	uv_timer_init(loop, &c->skim);
	uv_timer_init(loop, &c->peer);
	return c;
}

void claimer_hold(struct claimer *c, bool held)
{
	c->held = held;
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
	popper_free(c->wake);
	canceller_free(c->canceller);
	lookout_free(c->lookout);
	uv_close((uv_handle_t *)&c->prepare, NULL);
	uv_close((uv_handle_t *)&c->spin, NULL);
	uv_close((uv_handle_t *)&c->heartbeat, NULL);
	uv_close((uv_handle_t *)&c->due, NULL);
	uv_close((uv_handle_t *)&c->drain, NULL);
	uv_close((uv_handle_t *)&c->skim, NULL);
	uv_close((uv_handle_t *)&c->peer, NULL);
}

void claimer_destroy(struct claimer *c)
{
	batch_free_all(&c->owner);
	for (size_t i = 0; i < c->tag_count; i++)
		free(c->tags[i]);
	free(c->tags);
	free(c);
}

bool claimer_idle(const struct claimer *c)
{
	return !c->owner.crowded && !c->owner.heavies && all_dry(c);
}

unsigned claimer_running(const struct claimer *c)
{
	return batch_running(&c->owner);
}

const struct batch_stats *claimer_stats(const struct claimer *c)
{
	return &c->owner.stats;
}
