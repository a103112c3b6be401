/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handlers/crowd.h"

#include "clock.h"
#include "queue.h"

#define SETTLE_US 100000 /* most waits end sooner; only then the client's leaving is worth watching for */
#define READ_US 1000000
#define READS_AT_ONCE 64

static void on_turn(struct request *r);

/* ---- the list of those that are waited for, the one read longest ago first ---- */

static void append(struct crowd *c, struct crowd_item *item)
{
	item->crowd = c;
	item->next = NULL;
	item->link = c->last;
	*c->last = item;
	c->last = &item->next;
	c->n++;
}

static void take_out(struct crowd_item *item)
{
	*item->link = item->next;
	if (item->next)
		item->next->link = item->link;
	else
		item->crowd->last = item->link;
	item->link = NULL;
	item->crowd->n--;
}

void crowd_leave(struct crowd_item *item)
{
	if (!item->link)
		return;
	waiters_remove(&item->crowd->r->reactor->waiters, &item->waiter);
	take_out(item);
}

static void settle(struct request_extra *extra)
{
	struct crowd *c = (struct crowd *)extra;
	while (c->first)
		crowd_leave(c->first);
}

void crowd_init(struct crowd *c, struct request *r, const struct crowd_kind *kind,
		void (*release)(struct request_extra *extra))
{
	*c = (struct crowd){ .extra = { settle, release }, .r = r, .kind = kind };
	c->last = &c->first;
	r->extra = &c->extra;
}

static void end_item(struct crowd_item *item, const struct job *job)
{
	struct crowd *c = item->crowd;
	crowd_leave(item);
	c->kind->on_end(item, job);
}

static void on_end(void *owner, const struct job *job)
{
	end_item(owner, job);
}

static void on_hurry(void *owner)
{
	struct crowd *c = ((struct crowd_item *)owner)->crowd;
	struct request *r = c->r;
	if (!r->until_us || c->ending)
		return; /* its calls are still open: crowd_begin sees the order; or it ends as it is */
	r->until_us = 0;
	request_due(r, 0, on_turn);
}

static const struct waiter_kind for_item = { on_end, on_hurry };

void crowd_enter(struct crowd *c, struct crowd_item *item, const struct id *id, struct tag *tag)
{
	crowd_leave(item);
	item->tag = tag;
	id_format(id, item->id);
	append(c, item);
	waiters_add(&c->r->reactor->waiters, &item->waiter, id, &for_item, item);
}

/* ---- reading ---- */

static void on_read(void *arg, int status, const struct job *job);

static void on_late(struct request *r)
{
	struct crowd *c = (struct crowd *)r->extra;
	c->kind->on_over(c);
}

/* The last look goes on as long as Redis answers: there may be much to read. */
static void wait_for_reads(struct crowd *c)
{
	request_due(c->r, clock_mono_us() + c->r->reactor->call_us, on_late);
}

static int read_item(struct crowd_item *item)
{
	struct crowd *c = item->crowd;
	struct reactor *re = c->r->reactor;
	bool listen = item->unheard && !c->ending;
	request_ref(c->r);
	int rc = listen
		     ? queue_watch(reactor_link(re, item->tag), item->tag->text, item->id, re->receiver, on_read, item)
		     : queue_get(reactor_link(re, item->tag), item->tag->text, item->id, on_read, item);
	if (rc)
		request_unref(c->r);
	else
		c->reads++;
	return rc;
}

/* The one that was read longest ago. Redis may be away: the next turn may find it. */
static int read_next(struct crowd *c)
{
	struct crowd_item *item = c->first;
	if (!item)
		return ERR_NOT_FOUND;
	take_out(item);
	append(c, item);
	return read_item(item);
}

static void on_read(void *arg, int status, const struct job *job)
{
	struct crowd_item *item = arg;
	struct crowd *c = item->crowd;
	struct request *r = c->r;
	c->reads--;
	if (!r->http || !item->link) {
		; /* answered; or the reply list was faster */
	} else if (!status && job_state_done(job->state)) {
		end_item(item, job);
		if (r->http && !c->ending)
			read_next(c); /* the list has lost this one, so perhaps more */
	} else if (!status || status == ERR_NOT_FOUND) {
		bool gone = status && item->unheard; /* an earlier job; one just submitted may be on its way yet */
		item->unheard = false;
		if (c->ending || gone) {
			crowd_leave(item);
			c->kind->on_look(item, status, job);
		}
	}
	if (!r->http || !c->ending)
		;
	else if (c->reads)
		wait_for_reads(c);
	else
		c->kind->on_over(c);
	request_unref(r);
}

void crowd_read(struct crowd_item *item)
{
	read_item(item); /* Redis is away: the next turn may find it */
}

/* ---- time ---- */

void crowd_end(struct crowd *c)
{
	int rc = 0;
	c->ending = true;
	for (struct crowd_item *item = c->first; item && !rc; item = item->next)
		rc = read_item(item);
	if (c->reads)
		wait_for_reads(c);
	else
		c->kind->on_over(c);
}

static void sleep_on(struct request *r, uint64_t in_us)
{
	uint64_t at_us = clock_mono_us() + in_us;
	request_due(r, at_us < r->until_us ? at_us : r->until_us, on_turn);
}

static void on_turn(struct request *r)
{
	struct crowd *c = (struct crowd *)r->extra;
	if (clock_mono_us() >= r->until_us) {
		crowd_end(c);
		return;
	}
	if (!r->watching) {
		r->watching = true;
		http_request_watch(r->http);
	}
	for (size_t n = c->n < READS_AT_ONCE ? c->n : READS_AT_ONCE; n && !read_next(c); n--)
		;
	sleep_on(r, READ_US);
}

void crowd_begin(struct crowd *c, uint64_t us)
{
	struct request *r = c->r;
	r->until_us = r->reactor->order >= REACTOR_HURRY ? 0 : r->began_us + us;
	sleep_on(r, SETTLE_US);
}
