/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "reaper.h"

#include <stdlib.h>

#include "clock.h"
#include "log.h"
#include "lookout.h"
#include "queue.h"

#define TICK_MS 1000
#define JITTER_MS 100
#define QUIET_ROUNDS 32 /* a quiet shard has a tick all the same every so many rounds: dead jobs grow old */

struct reaped_tag {
	struct reaper *reaper;
	const char *name;
	size_t index;
	bool asking;
	bool quiet; /* the last tick found no lease, nothing waiting and nothing due */
};

struct reaper {
	uv_timer_t timer;
	struct rlinks *links;
	struct claimer *claimer;
	struct lookout *lookout;
	const char *instance, *boot;
	struct reaped_tag **tags; /* each of its own: a tick in flight knows its tag by this */
	size_t tag_count, tag_cap;
	size_t asking; /* ticks in flight */
	size_t round;
	bool closed, timer_closed;
};

static void forget(struct reaper *r)
{
	if (!r->timer_closed || r->asking)
		return;
	for (size_t i = 0; i < r->tag_count; i++)
		free(r->tags[i]);
	free(r->tags);
	free(r);
}

static void tick_tag(struct reaped_tag *t);

static void report(const char *tag, const struct queue_reaped *reaped)
{
	if (reaped->requeued + reaped->retried + reaped->died + reaped->cancelled + reaped->isolated)
		log_warn("queue %s: leases ran out: %u jobs back in the queue, %u will be retried, %u dead, %u "
			 "cancelled, %u "
			 "unreadable",
			 tag, reaped->requeued, reaped->retried, reaped->died, reaped->cancelled, reaped->isolated);
	if (reaped->rearmed)
		log_warn("queue %s: the clock jumped or Redis was away: %u leases begin anew", tag, reaped->rearmed);
	if (reaped->expired)
		log_info("queue %s: %u jobs expired before they started", tag, reaped->expired);
}

static void on_reaped(void *arg, int status, const struct queue_reaped *reaped)
{
	struct reaped_tag *t = arg;
	struct reaper *r = t->reaper;
	t->asking = false;
	r->asking--;
	if (!r->closed && !status) {
		report(t->name, reaped);
		t->quiet = !reaped->leases && !reaped->waiting && !reaped->next_due_us;
		claimer_due(r->claimer, t->index, reaped->now_us, reaped->next_due_us);
		if (reaped->waiting)
			claimer_look(r->claimer, t->index);
		if (reaped->more)
			tick_tag(t);
	}
	forget(r);
}

static void tick_tag(struct reaped_tag *t)
{
	struct reaper *r = t->reaper;
	struct rlink *link = rlinks_at(r->links, t->name);
	if (t->asking || !rlink_up(link))
		return;
	if (queue_reap(link, t->name, r->instance, r->boot, on_reaped, t) == 0) {
		t->asking = true;
		r->asking++;
	}
}

void reaper_tick(struct reaper *r, struct rlink *link)
{
	for (size_t i = 0; i < r->tag_count; i++)
		if (!link || rlinks_at(r->links, r->tags[i]->name) == link)
			tick_tag(r->tags[i]);
}

/* '?', the Redis that was asked does not serve it (any more): it is asked for like one that lives. */
static void on_looked(void *arg, size_t shard, char verdict)
{
	struct reaper *r = arg;
	if (r->closed || verdict == '-')
		return;
	if (verdict == 'w')
		claimer_look(r->claimer, shard);
	tick_tag(r->tags[shard]);
}

static void on_timer(uv_timer_t *timer)
{
	struct reaper *r = timer->data;
	r->round++;
	for (size_t i = 0; i < r->tag_count; i++)
		if (!r->tags[i]->quiet || r->tag_count == 1 || (r->round + i) % QUIET_ROUNDS == 0)
			tick_tag(r->tags[i]);
		else
			lookout_add(r->lookout, i, r->tags[i]->name);
	lookout_ask(r->lookout);
	/* Jitter, so that many workers do not tick in step; downwards, as a lost marker may cost a second, not more. */
	uv_timer_start(timer, on_timer, TICK_MS - clock_mono_us() % (2ull * JITTER_MS), 0);
}

int reaper_add(struct reaper *r, const char *tag)
{
	if (r->tag_count == r->tag_cap) {
		size_t cap = r->tag_cap ? 2 * r->tag_cap : 8;
		struct reaped_tag **more = realloc(r->tags, cap * sizeof *more);
		if (!more)
			return ERR_NOMEM;
		r->tags = more;
		r->tag_cap = cap;
	}
	struct reaped_tag *t = calloc(1, sizeof *t);
	if (!t)
		return ERR_NOMEM;
	*t = (struct reaped_tag){ .reaper = r, .name = tag, .index = r->tag_count };
	r->tags[r->tag_count++] = t;
	return 0;
}

struct reaper *reaper_new(uv_loop_t *loop, struct rlinks *links, struct claimer *claimer, const char *instance,
			  const char *boot)
{
	struct reaper *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->links = links;
	r->claimer = claimer;
	r->instance = instance;
	r->boot = boot;
	r->lookout = lookout_new(links, on_looked, r);
	if (!r->lookout) {
		free(r);
		return NULL;
	}
	uv_timer_init(loop, &r->timer);
	r->timer.data = r;
	uv_timer_start(&r->timer, on_timer, TICK_MS, 0);
	return r;
}

static void on_timer_closed(uv_handle_t *timer)
{
	struct reaper *r = timer->data;
	r->timer_closed = true;
	forget(r);
}

void reaper_close(struct reaper *r)
{
	if (r->closed)
		return;
	r->closed = true;
	lookout_free(r->lookout);
	uv_close((uv_handle_t *)&r->timer, on_timer_closed);
}
