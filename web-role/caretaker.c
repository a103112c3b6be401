/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "caretaker.h"

#include <stdlib.h>
#include <string.h>

#include "id.h"
#include "log.h"
#include "queue.h"

#define TICK_MS 1000
#define TAGS_EVERY 15 /* ticks: queues that only other instances know */
#define CALLS_MAX 64  /* queues looked after in one tick; more take turns */
#define NOBODY "-"    /* an instance that has no batches, so none is reaped before its lease ends */

struct caretaker {
	uv_timer_t timer;
	struct rlinks *links;
	struct tags *tags;
	const struct directory *directory;
	unsigned ticks, next; /* the index to go on with */
	unsigned calls;       /* open ones */
	struct gate_entry refresh;
	bool closed, timer_closed;
};

static void forget(struct caretaker *c)
{
	if (c->timer_closed && !c->calls)
		free(c);
}

static void on_reaped(void *arg, int status, const struct queue_reaped *reaped)
{
	struct caretaker *c = arg;
	c->calls--;
	if (!status && reaped->expired + reaped->retried + reaped->requeued + reaped->died)
		log_info("queues nobody serves: %u jobs expired, %u of a lost worker went back, %u died",
			 reaped->expired, reaped->requeued + reaped->retried, reaped->died);
	forget(c);
}

static void look_after(struct caretaker *c, const struct tag *tag)
{
	c->calls++;
	if (queue_reap(rlinks_at(c->links, tag->text), tag->text, NOBODY, NOBODY, on_reaped, c))
		c->calls--; /* Redis is away: the next tick */
}

static void on_refreshed(void *arg, int status)
{
	struct caretaker *c = arg;
	(void)status; /* what is not known now is looked for again */
	c->calls--;
	forget(c);
}

static void on_tick(uv_timer_t *timer)
{
	struct caretaker *c = timer->data;
	if (c->calls || !rlinks_any_up(c->links) || !directory_known(c->directory))
		return;
	if (c->ticks++ % TAGS_EVERY == 0 && tags_refresh(c->tags, &c->refresh, on_refreshed, c) == 0)
		c->calls++;
	for (unsigned seen = 0; seen <= ID_TAG_MAX && c->calls < CALLS_MAX; seen++) {
		const struct tag *tag = tags_at(c->tags, c->next);
		c->next = (c->next + 1) % (ID_TAG_MAX + 1);
		if (tag && !directory_serves(c->directory, tag->queue))
			look_after(c, tag);
	}
}

struct caretaker *caretaker_new(uv_loop_t *loop, struct rlinks *links, struct tags *tags,
				const struct directory *directory)
{
	struct caretaker *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->links = links;
	c->tags = tags;
	c->directory = directory;
	c->timer.data = c;
	uv_timer_init(loop, &c->timer);
	uv_timer_start(&c->timer, on_tick, TICK_MS, TICK_MS);
	return c;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct caretaker *c = handle->data;
	c->timer_closed = true;
	forget(c);
}

void caretaker_free(struct caretaker *c)
{
	if (!c || c->closed)
		return;
	c->closed = true;
	uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}
